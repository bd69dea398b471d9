"""log x, and log(1 + w) for a small w ≥ 0.

x = 2^e·m with √½ ≤ m < √2; with f = m − 1 and s = f/(2+f), log m = 2·artanh s = f − s·(f − z·g(z)) where z = s² and g
is a minimax polynomial; f − s·f is taken as f − (½f² − s·½f²), whose terms are small beside f.
Coefficients: ``benchmarks/coefficients.py``.
"""

from __future__ import annotations

import struct

from sam_theory.kernels._exponential import ROUND
from sam_theory.kernels._lanes import Lanes, Value

#: ln 2 = LN2_HIGH + LN2_LOW; a product of the first with an exponent is exact.
LN2_HIGH, LN2_LOW = float.fromhex("0x1.62e42fefa3800p-1"), float.fromhex("0x1.ef35793c76730p-45")

_ARTANH = (
    0.666666666666667,
    0.39999999999898384,
    0.285714286264267,
    0.22222211068328085,
    0.1818289354886713,
    0.15331585960092398,
    0.14618008831373527,
)
_ARTANH_SMALL = (
    0.6666666666666664,
    0.4000000000012555,
    0.28571428450521813,
    0.22222264781802956,
    0.18175055058757242,
    0.15878325612302632,
)


def bits_of(value: float) -> int:
    """The bits of a float64 as a signed integer."""
    return int(struct.unpack("<q", struct.pack("<d", value))[0])


_ROOT_HALF = bits_of(0.5**0.5)
_SMALLEST_NORMAL = 2.0**-1022


def mantissa(lanes: Lanes, x: Value) -> tuple[Value, Value]:
    """(e, m) with x = 2^e·m and √½ ≤ m < √2, for a finite x > 0."""
    subnormal = lanes.less(x, lanes.number(_SMALLEST_NORMAL))
    bits = lanes.bits(lanes.select(subnormal, lanes.mul(x, lanes.number(2.0**54)), x))
    distance = lanes.minus(bits, lanes.whole(_ROOT_HALF))
    m = lanes.minus(bits, lanes.mask(distance, lanes.whole(-(1 << 52))))
    exponent = lanes.from_bits(lanes.plus(lanes.right(distance, 52), lanes.whole(bits_of(ROUND))))
    shift = lanes.select(subnormal, lanes.number(ROUND + 54.0), lanes.number(ROUND))
    return lanes.sub(exponent, shift), lanes.from_bits(m)


def log(lanes: Lanes, x: Value) -> Value:
    """log x: −∞ at 0, no number below."""
    number = lanes.number
    e, m = mantissa(lanes, x)
    f = lanes.sub(m, number(1.0))
    s = lanes.div(f, lanes.add(number(2.0), f))
    z = lanes.mul(s, s)
    half_square = lanes.mul(lanes.mul(number(0.5), f), f)
    rest = lanes.fma(z, lanes.polynomial(z, _ARTANH), half_square)
    small = lanes.fma(s, rest, lanes.mul(e, number(LN2_LOW)))
    result = lanes.fma(e, number(LN2_HIGH), lanes.sub(f, lanes.sub(half_square, small)))
    ordinary = lanes.both(lanes.less(number(0.0), x), lanes.less(x, number(float("inf"))))
    infinite = lanes.select(lanes.equal(x, number(0.0)), number(float("-inf")), x)
    other = lanes.select(lanes.less(x, number(0.0)), number(float("nan")), infinite)
    return lanes.select(ordinary, result, other)


def log1p_small(lanes: Lanes, w: Value) -> Value:
    """log(1 + w) for 0 ≤ w ≤ 1/4: 2·artanh s = 2s + s·z·g(z), s = w/(2 + w), z = s²."""
    s = lanes.div(w, lanes.add(lanes.number(2.0), w))
    z = lanes.mul(s, s)
    half_square = lanes.mul(lanes.mul(lanes.number(0.5), w), w)
    rest = lanes.fma(z, lanes.polynomial(z, _ARTANH_SMALL), half_square)
    return lanes.sub(w, lanes.fma(lanes.neg(s), rest, half_square))
