"""a^b for reals.

log|a| = e·ln 2 + 2·artanh s, s = (m−1)/(m+1), as an unevaluated sum of two float64 with some 66 bits, since the
exponent multiplies its error: 2·artanh s = s·(2 + W), W = z·(2/3 + z·p(z)), z = s², where only z·p(z) is a single
float64.
Coefficients: ``benchmarks/coefficients.py``.
"""

from __future__ import annotations

from sam_theory.kernels._exponential import scaled_exp
from sam_theory.kernels._lanes import Lanes, Value
from sam_theory.kernels._logarithm import LN2_HIGH, LN2_LOW, mantissa

_THIRDS, _THIRDS_REST = 0.6666666666666666, 3.700743415417188e-17
_ARTANH = (
    0.4,
    0.28571428571429375,
    0.2222222222165098,
    0.18181818336401417,
    0.15384594863797357,
    0.13334809652926205,
    0.11706112834910044,
    0.11724386817711896,
)

Pair = tuple[Value, Value]
"""A real as the sum of a float64 and a correction below its last place."""


def _sum(lanes: Lanes, a: Value, b: Value, rest: Value) -> Pair:
    """a + b + rest for |a| ≥ |b| or a = 0."""
    total = lanes.add(a, b)
    return total, lanes.add(lanes.add(lanes.sub(a, total), b), rest)


def _product(lanes: Lanes, a: Pair, b: Pair) -> Pair:
    product = lanes.mul(a[0], b[0])
    rest = lanes.fma(a[0], b[0], lanes.neg(product))
    return product, lanes.fma(a[0], b[1], lanes.fma(a[1], b[0], rest))


def _logarithm(lanes: Lanes, a: Value) -> Pair:
    """log a for a finite a > 0."""
    number = lanes.number
    e, m = mantissa(lanes, a)
    # s = f/t with t = m + 1 as a pair, by one division.
    f, t = lanes.sub(m, number(1.0)), lanes.add(m, number(1.0))
    t_rest = lanes.sub(m, lanes.sub(t, number(1.0)))
    reciprocal = lanes.div(number(1.0), t)
    quotient = lanes.mul(f, reciprocal)
    remainder = lanes.fma(lanes.neg(quotient), t_rest, lanes.fma(lanes.neg(quotient), t, f))
    s = quotient, lanes.mul(remainder, reciprocal)
    z = _product(lanes, s, s)
    tail = lanes.mul(z[0], lanes.halves(z[0], _ARTANH))
    w = _product(lanes, z, _sum(lanes, number(_THIRDS), tail, number(_THIRDS_REST)))
    cubic = _product(lanes, s, w)
    rest = lanes.fma(number(2.0), s[1], cubic[1])
    high, low = _sum(lanes, lanes.mul(number(2.0), s[0]), cubic[0], rest)
    return _sum(lanes, lanes.mul(e, number(LN2_HIGH)), high, lanes.fma(e, number(LN2_LOW), low))


def power(lanes: Lanes, a: Value, b: Value) -> Value:
    """a^b as NumPy's power of float64: 1 where b = 0 or a = 1, no number where a < 0 is finite and b no integer."""
    number = lanes.number
    zero, one, infinity = number(0.0), number(1.0), number(float("inf"))
    size = lanes.abs(a)
    high, low = _logarithm(lanes, size)
    high = lanes.select(lanes.less(size, infinity), high, size)  # infinite, or no number
    high = lanes.select(lanes.equal(size, zero), number(float("-inf")), high)
    y, rest = _product(lanes, (b, zero), (high, low))
    result = scaled_exp(lanes, y, tail=lanes.select(lanes.less(lanes.abs(y), number(1000.0)), rest, zero))
    half = lanes.mul(b, number(0.5))
    whole = lanes.equal(lanes.rint(b), b)
    odd = lanes.both(whole, lanes.opposite(lanes.equal(lanes.rint(half), half)))
    signed = lanes.copysign(result, lanes.select(odd, a, one))
    negative = lanes.both(lanes.less(a, zero), lanes.less(size, infinity))
    undefined = lanes.both(negative, lanes.opposite(lanes.either(whole, lanes.equal(size, zero))))
    signed = lanes.select(undefined, number(float("nan")), signed)
    endless = lanes.both(lanes.equal(size, one), lanes.equal(lanes.abs(b), infinity))
    always_one = lanes.either(endless, lanes.either(lanes.equal(b, zero), lanes.equal(a, one)))
    return lanes.select(always_one, one, signed)
