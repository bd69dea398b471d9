"""tanh, sinh, cosh and log cosh.

tanh: x = ½k·ln 2 + r with an integer k.  With s = 2^k and c = r·coth r = 1 + z·g(z), z = r², one has
e^2x = s·(c + r)/(c − r), therefore tanh x = ((s+1)·r + (s−1)·c)/((s+1)·c + (s−1)·r): one division, no loss where x is
small, and −x in place of x scales numerator and denominator by ∓1/s, so that tanh is odd to the last bit.
Coefficients of the minimax polynomial g: ``benchmarks/coefficients.py``.
"""

from __future__ import annotations

from sam_theory.kernels._exponential import LN2, LOG2E, ROUND, exp, half_expm1, scaled_exp
from sam_theory.kernels._lanes import Lanes, Value
from sam_theory.kernels._logarithm import log1p_small

_COTH = (
    0.3333333333333332,
    -0.022222222222050458,
    0.00211640207070155,
    -0.0002116359546657574,
    2.1215818152217933e-05,
)
_SINH = (
    0.16666666666666666,
    0.008333333333334109,
    0.0001984126983943048,
    2.7557320820376924e-06,
    2.5051482252844462e-08,
    1.6172169798803186e-10,
)
_LOG_COSH = (
    -0.08333333333333333,
    0.022222222222221172,
    -0.0067460317459282345,
    0.0021869488496196617,
    -0.000738602880992868,
    0.0002565796302626258,
    -9.098254362627817e-05,
    3.2743826961382233e-05,
    -1.1836851383367338e-05,
    4.1330153771846534e-06,
    -1.2261181341677436e-06,
    2.1787563534096296e-07,
)


def tanh(lanes: Lanes, x: Value) -> Value:
    """tanh x."""
    number = lanes.number
    x = lanes.at_least(lanes.at_most(x, 20.0), -20.0)
    shift = number(ROUND + 1023)
    rounded = lanes.fma(x, number(2 * LOG2E), shift)
    r = lanes.fma(lanes.sub(rounded, shift), number(-0.5 * LN2), x)
    s = lanes.from_bits(lanes.left(lanes.bits(rounded), 52))
    above, below = lanes.add(s, number(1.0)), lanes.sub(number(1.0), s)
    z = lanes.mul(r, r)
    c = lanes.fma(z, lanes.polynomial(z, _COTH), number(1.0))
    # 1 − s and not s − 1: the product with it is then −0 where s = 1, and −0 keeps its sign.
    numerator = lanes.fma(lanes.neg(below), c, lanes.mul(above, r))
    denominator = lanes.fma(above, c, lanes.neg(lanes.mul(below, r)))
    return lanes.div(numerator, denominator)


def sinh(lanes: Lanes, x: Value) -> Value:
    """sinh x = x + x³·h(x²), and from 0.7 on ½m + ½m/(m + 1) with m = e^|x| − 1 and the sign of x."""
    size = lanes.abs(x)
    z = lanes.mul(x, x)
    near = lanes.fma(lanes.mul(x, z), lanes.halves(z, _SINH), x)
    half = half_expm1(lanes, size)
    bounded = lanes.at_most(half, 2.0**100)
    small = lanes.div(bounded, lanes.fma(bounded, lanes.number(2.0), lanes.number(1.0)))
    far = lanes.copysign(lanes.add(half, small), x)
    return lanes.select(lanes.less(size, lanes.number(0.7)), near, far)


def cosh(lanes: Lanes, x: Value) -> Value:
    """cosh x = h + 1/(4h) with h = ½e^|x|."""
    half = scaled_exp(lanes, lanes.abs(x), -1)
    return lanes.add(half, lanes.div(lanes.number(0.25), half))


def log_cosh(lanes: Lanes, x: Value) -> Value:
    """log cosh x = ½x² + x⁴·h(x²), and (|x| − ln 2) + log(1 + e^(−2|x|)) from 0.7 on, where no term is negative."""
    number = lanes.number
    size = lanes.abs(x)
    z = lanes.mul(size, size)
    near = lanes.fma(lanes.mul(z, z), lanes.halves(z, _LOG_COSH), lanes.mul(z, number(0.5)))
    small = log1p_small(lanes, exp(lanes, lanes.mul(size, number(-2.0))))
    far = lanes.add(lanes.sub(size, number(LN2)), small)
    return lanes.select(lanes.less(size, number(0.7)), near, far)
