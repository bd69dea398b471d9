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


def split(lanes: Lanes, x: Value) -> tuple[Value, Value]:
    """(e, −e·2^52) for a normal x > 0 with √½ ≤ 2^(−e)·x < √2: e as a real, and what brings the bits of x to it."""
    distance = lanes.minus(lanes.bits(x), lanes.whole(_ROOT_HALF))
    shift = lanes.mask(distance, lanes.whole(-(1 << 52)))
    exponent = lanes.plus(lanes.right(distance, 52), lanes.whole(bits_of(ROUND)))
    return lanes.sub(lanes.from_bits(exponent), lanes.number(ROUND)), lanes.minus(lanes.whole(0), shift)


def _sum(lanes: Lanes, e: Value, f: Value) -> Value:
    """e·ln 2 + log(1 + f)."""
    s = lanes.div(f, lanes.add(lanes.number(2.0), f))
    z = lanes.mul(s, s)
    half_square = lanes.mul(lanes.mul(lanes.number(0.5), f), f)
    rest = lanes.fma(z, lanes.polynomial(z, _ARTANH), half_square)
    small = lanes.fma(s, rest, lanes.mul(e, lanes.number(LN2_LOW)))
    return lanes.fma(e, lanes.number(LN2_HIGH), lanes.sub(f, lanes.sub(half_square, small)))


def log(lanes: Lanes, x: Value) -> Value:
    """log x: −∞ at 0, no number below."""
    number = lanes.number
    subnormal = lanes.less(x, number(_SMALLEST_NORMAL))
    normal = lanes.select(subnormal, lanes.mul(x, number(2.0**54)), x)
    e, shift = split(lanes, normal)
    f = lanes.sub(lanes.from_bits(lanes.plus(lanes.bits(normal), shift)), number(1.0))
    result = _sum(lanes, lanes.add(e, lanes.select(subnormal, number(-54.0), number(0.0))), f)
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
