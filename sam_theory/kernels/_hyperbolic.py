"""tanh, sinh, cosh and log cosh.

tanh: x = ½k·ln 2 + r with an integer k.  With s = 2^k and c = r·coth r = 1 + z·g(z), z = r², one has
e^2x = s·(c + r)/(c − r), therefore tanh x = ((s+1)·r + (s−1)·c)/((s+1)·c + (s−1)·r): one division, no loss where x is
small, and −x in place of x scales numerator and denominator by ∓1/s, so that tanh is odd to the last bit.
Coefficients of the minimax polynomial g: ``benchmarks/coefficients.py``.
"""

from __future__ import annotations

from sam_theory.kernels._exponential import LN2, LOG2E, ROUND, half_expm1, scaled_exp
from sam_theory.kernels._lanes import Lanes, Value
from sam_theory.kernels._logarithm import log1p

_COTH = (
    0.3333333333333332,
    -0.022222222222050458,
    0.00211640207070155,
    -0.0002116359546657574,
    2.1215818152217933e-05,
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
    """sinh x = ½m + ½m/(m + 1) with m = e^|x| − 1, and the sign of x; x itself where ½m might be subnormal."""
    size = lanes.abs(x)
    half = half_expm1(lanes, size)
    bounded = lanes.at_most(half, 2.0**100)
    small = lanes.div(bounded, lanes.fma(bounded, lanes.number(2.0), lanes.number(1.0)))
    result = lanes.select(lanes.less(size, lanes.number(2.0**-30)), size, lanes.add(half, small))
    return lanes.copysign(result, x)


def cosh(lanes: Lanes, x: Value) -> Value:
    """cosh x = h + 1/(4h) with h = ½e^|x|."""
    half = scaled_exp(lanes, lanes.abs(x), -1)
    return lanes.add(half, lanes.div(lanes.number(0.25), half))


def log_cosh(lanes: Lanes, x: Value) -> Value:
    """log cosh x = log(1 + w) with w = cosh x − 1 = m²/(2·(m + 1)), m = e^|x| − 1; |x| − ln 2 where that is as good."""
    number = lanes.number
    size = lanes.abs(x)
    half = half_expm1(lanes, lanes.at_most(size, 40.0))
    twice = lanes.add(half, half)
    near = log1p(lanes, lanes.div(lanes.mul(twice, half), lanes.add(twice, number(1.0))))
    return lanes.select(lanes.less(size, number(40.0)), near, lanes.sub(size, number(LN2)))
