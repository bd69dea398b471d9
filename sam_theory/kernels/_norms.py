"""Signs, norms and directions on registers, for vectors of every size."""

from __future__ import annotations

from collections.abc import Sequence

from sam_theory.arithmetic import NORMALISATIONS
from sam_theory.errors import InputError
from sam_theory.kernels._lanes import Lanes, Value

#: Sums of squares between which a square root of them loses nothing to underflow or overflow of a square.
_TINY, _HUGE = 2.0**-900, 2.0**900

#: A regularisation whose square may still be added to such a sum.
_LONG = 2.0**450


def sign(lanes: Lanes, a: Value) -> Value:
    """−1, 0 or 1; no number where a is none."""
    flat = lanes.builder.fcmp_unordered("==", a, lanes.number(0.0))  # 0, or no number
    return lanes.select(flat, lanes.abs(a), lanes.copysign(lanes.number(1.0), a))


def norm(lanes: Lanes, v: Sequence[Value]) -> Value:
    """‖v‖ without underflow or overflow of a square."""
    if len(v) == 1:
        return lanes.abs(v[0])
    squared = _squared(lanes, v)

    def scaled() -> list[Value]:
        _, scale, parts = _scaled(lanes, v)
        return [lanes.mul(scale, lanes.sqrt(_squared(lanes, parts)))]

    return lanes.rarely(_outside(lanes, squared), [lanes.sqrt(squared)], scaled)[0]


def unit(lanes: Lanes, v: Sequence[Value], eps: Value | None, normalisation: str) -> list[Value]:
    """v over its regularised norm; ``eps`` None is 0.  The unit vector of 0 is 0."""
    if len(v) == 1 and eps is None:  # the sign of what is finite, else no number
        return [lanes.add(sign(lanes, v[0]), lanes.mul(lanes.number(0.0), v[0]))]
    parts, scale = direction(lanes, v, eps, normalisation, None)
    return [lanes.mul(part, scale) for part in parts]


def direction(
    lanes: Lanes, v: Sequence[Value], eps: Value | None, normalisation: str, factor: Value | None
) -> tuple[list[Value], Value]:
    """A vector and a scale whose product is ``factor`` (None: 1) times the unit vector of v."""
    if normalisation not in NORMALISATIONS:
        raise InputError(f"unknown normalisation {normalisation!r}; one of {', '.join(NORMALISATIONS)}")
    one, zero = lanes.number(1.0), lanes.number(0.0)
    squared = _squared(lanes, v)
    rare = _outside(lanes, squared)
    if eps is None:
        inverse = _inverse_root(lanes, squared)
    else:
        rare = lanes.either(rare, lanes.less(lanes.number(_LONG), lanes.abs(eps)))
        if normalisation == "quadrature":
            inverse = _inverse_root(lanes, lanes.add(squared, lanes.mul(eps, eps)))
        else:
            inverse = lanes.div(one, regularised(lanes, lanes.sqrt(squared), eps, normalisation))

    def with_factor(a: Value) -> Value:
        return a if factor is None else lanes.mul(a, factor)

    def scaled() -> list[Value]:
        top, scale, parts = _scaled(lanes, v)
        n = lanes.abs(parts[0]) if len(v) == 1 else lanes.sqrt(_squared(lanes, parts))
        if eps is not None:
            n = regularised(lanes, n, lanes.div(eps, scale), normalisation)
        nothing = lanes.equal(top, zero)
        units = [lanes.select(nothing, zero, lanes.div(part, n)) for part in parts]
        return [*units, one if factor is None else factor]

    *parts, scale = lanes.rarely(rare, [*v, with_factor(inverse)], scaled)
    return parts, scale


def regularised(lanes: Lanes, n: Value, eps: Value, normalisation: str) -> Value:
    """n + ε, max(n, ε) or √(n² + ε²)."""
    if normalisation == "add":
        return lanes.add(n, eps)
    if normalisation == "max":
        return lanes.select(lanes.less(n, eps), eps, n)
    return lanes.sqrt(lanes.add(lanes.mul(n, n), lanes.mul(eps, eps)))


def _inverse_root(lanes: Lanes, x: Value) -> Value:
    """1/√x within 1.5 units in the last place for x from 2^-900 to 2^901, by products alone.

    A root and a quotient take three times as long.  Half the exponent gives 3 %; two steps of Householder's method
    in the residue e = 1 − xy², of order 5 and 3, give the rest: y·(1−e)^(−1/2).
    """
    builder = lanes.builder
    halved = builder.lshr(lanes.bits(x), lanes.whole(1))
    y = lanes.from_bits(builder.sub(lanes.whole(0x5FE6EB50C7B537A9), halved))
    for series in ([1 / 2, 3 / 8, 5 / 16, 35 / 128], [1 / 2, 3 / 8]):
        e = lanes.fma(lanes.neg(lanes.mul(x, y)), y, lanes.number(1.0))
        y = lanes.fma(lanes.mul(y, e), lanes.polynomial(e, series), y)
    return y


def _squared(lanes: Lanes, v: Sequence[Value]) -> Value:
    total = lanes.mul(v[0], v[0])
    for a in v[1:]:
        total = lanes.fma(a, a, total)
    return total


def _outside(lanes: Lanes, squared: Value) -> Value:
    inside = lanes.both(lanes.less(lanes.number(_TINY), squared), lanes.less(squared, lanes.number(_HUGE)))
    return lanes.opposite(inside)


def _scaled(lanes: Lanes, v: Sequence[Value]) -> tuple[Value, Value, list[Value]]:
    """The largest modulus of a coordinate; a scale, which is 1 where that is 0, infinite or no number; v over it."""
    top = lanes.abs(v[0])
    for a in v[1:]:
        top = lanes.maximum(top, lanes.abs(a))
    ordinary = lanes.both(lanes.less(lanes.number(0.0), top), lanes.less(top, lanes.number(float("inf"))))
    scale = lanes.select(ordinary, top, lanes.number(1.0))
    return top, scale, [lanes.div(a, scale) for a in v]
