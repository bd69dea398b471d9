"""e^x and e^x − 1.

x = k·ln 2 + r with an integer k and |r| ≤ ½ln 2; e^r = 1 + r + r²·q(r), where q is a minimax polynomial, and the
power of two is put together from its bits.  Coefficients: ``benchmarks/coefficients.py``.
"""

from __future__ import annotations

from sam_theory.kernels._lanes import Lanes, Value

#: Adding it rounds a real below 2^51 to an integer, which then stands in the lowest bits of the sum.
ROUND = 1.5 * 2.0**52
LOG2E = 1.4426950408889634
#: ln 2 = LN2 + LN2_REST to 107 bits.
LN2, LN2_REST = 0.6931471805599453, 2.3190468138462996e-17

_EXPONENTIAL = (
    0.5000000000000001,
    0.16666666666666674,
    0.04166666666662381,
    0.008333333333322127,
    0.0013888888917370848,
    0.00019841269886836392,
    2.4801521052860206e-05,
    2.7557242059340425e-06,
    2.762020367160025e-07,
    2.5110154340462048e-08,
)


def _reduced(lanes: Lanes, x: Value, bias: float, tail: Value | None = None) -> tuple[Value, Value]:
    """An integer k + bias, in the lowest bits of a word, and e^r − 1 for the rest r = x + tail − k·ln 2."""
    shift = lanes.number(ROUND + bias)
    rounded = lanes.fma(x, lanes.number(LOG2E), shift)
    k = lanes.sub(rounded, shift)
    r = lanes.fma(k, lanes.number(-LN2_REST), lanes.fma(k, lanes.number(-LN2), x))
    r = r if tail is None else lanes.add(r, tail)
    return lanes.bits(rounded), lanes.fma(lanes.mul(r, r), lanes.halves(r, _EXPONENTIAL), r)


def scaled_exp(lanes: Lanes, x: Value, exponent: int = 0, tail: Value | None = None) -> Value:
    """e^(x + tail)·2^exponent, rounded once more only where it is subnormal, infinite only where it overflows."""
    x = lanes.at_least(lanes.at_most(x, 711.0), -750.0)
    bits, fraction = _reduced(lanes, x, 2046.0 + exponent, tail)
    # The power of two is the product of two, each of which is normal: the halves of k.
    half = lanes.logical_right(bits, 1)
    first = lanes.from_bits(lanes.left(half, 52))
    second = lanes.from_bits(lanes.left(lanes.minus(bits, half), 52))
    return lanes.mul(lanes.mul(lanes.add(fraction, lanes.number(1.0)), first), second)


def exp(lanes: Lanes, x: Value) -> Value:
    """e^x."""
    return scaled_exp(lanes, x)


def half_expm1(lanes: Lanes, x: Value) -> Value:
    """(e^x − 1)/2 for x ≥ 0, infinite beyond 1025·ln 2."""
    bits, fraction = _reduced(lanes, lanes.at_most(x, 710.8), 1021.0)
    power = lanes.from_bits(lanes.left(bits, 52))  # a quarter of 2^k, which is never infinite
    quarter = lanes.fma(fraction, power, lanes.sub(power, lanes.number(0.25)))
    return lanes.add(quarter, quarter)
