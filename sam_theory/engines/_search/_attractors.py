"""Limits refuted exactly, by a periodic orbit (attracting, if the claim is almost everywhere) or blow-up."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from sam_theory.arithmetic import Arithmetic, Coordinates, Float64, NotExact, Rational, Undecided
from sam_theory.engines._search._exact import Exact, compare, exactly, text
from sam_theory.engines._search._far import Far, FarArithmetic
from sam_theory.engines._search._instances import Batch, Point
from sam_theory.engines._search._judge import witness
from sam_theory.engines._search._orbits import PeriodicOrbit, exact_orbit, limit_of_newton, period_of
from sam_theory.engines._search._parameters import Array
from sam_theory.verdicts import Witness

if TYPE_CHECKING:
    from sam_theory.engines._search._limit import LimitJudge

__all__ = ["DIVERGED", "confirm_limit"]

DIVERGED = 1e12
_TAIL = 17


def confirm_limit(judge: LimitJudge, point: Point) -> Witness | None:
    """A witness if the trajectory from ``point`` settles on an exact orbit or blows up, against the claim."""
    tail, diverged = _tail(judge, point)
    if diverged:
        return _blow_up(judge, point)
    scale = max(float(np.abs(tail).max()), 1e-3 * max(abs(float(c)) for c in point.start)) or 1.0
    period = period_of(tail, scale)
    values = point.env(Rational())
    for p in (1, 2) if period is None else (period,):
        guess = tuple(Fraction(float(c)) for c in tail[-1])
        if period is None:
            ahead = limit_of_newton(judge.scene, values, guess, p)
            if ahead is None:
                continue
            guess = ahead
        orbit = exact_orbit(judge.scene, values, [float(c) for c in guess], p)
        if orbit is not None and (judge.theorem.starts is None or orbit.attracting):
            return _judged(judge, point, orbit)
    return None


def _tail(judge: LimitJudge, point: Point) -> tuple[Array, bool]:
    scene, arithmetic, batch = judge.scene, Float64(), Batch.of([point])
    values, state = batch.env(), scene.state(Float64(), batch.start)
    tail: list[Array] = []
    steps = 4 * judge.budget.steps
    judge.evaluations += steps
    with np.errstate(all="ignore"):
        for t in range(steps):
            state = scene.step(arithmetic, values, state, t)
            w = np.array(scene.iterate(state)[:, 0])
            if not np.abs(w).max() < DIVERGED:
                return w[None, :], True
            if t >= steps - _TAIL:
                tail.append(w)
    return np.stack(tail), False


def _judged(judge: LimitJudge, point: Point, orbit: PeriodicOrbit) -> Witness | None:
    """The witness if the observable on the orbit contradicts the claim."""

    def compute(arithmetic: Arithmetic) -> Any:
        values, seen = point.env(arithmetic), []
        for p in orbit.points:
            w = Coordinates(arithmetic.number(c) for c in p)
            env = judge.scene.environment(arithmetic, values, w, w_start=w)
            seen.append(arithmetic.run(judge.observable, env, judge.scene.loss)["observable"])
        return seen, None if judge.infinite else judge.value_at(arithmetic, values, w)

    found = exactly(compute)
    if found is None:
        return None
    observed = _wrong(judge, found)
    if observed is None:
        return None
    seen, relation = observed
    extra = {
        "observable": f"{judge.claim.kind_of_limit} of {judge.claim.observable}",
        "relation": relation,
        "orbit": " -> ".join(_point_text(p) for p in orbit.points),
        "period": str(len(orbit.points)),
    }
    if orbit.derivative is not None and len(orbit.derivative) == 1:
        extra["multiplier"] = text(orbit.derivative[0][0])
    if orbit.attracting:
        extra["attracting"] = "yes: an open set of starts tends to the orbit"
    at = Point(point.scene, point.values, orbit.points[0])
    bound = "oo" if judge.infinite else found.value[1]
    return witness(at, "orbit", None, seen, bound, found.confirmed_by, **extra)


def _wrong(judge: LimitJudge, found: Exact) -> tuple[Any, str] | None:
    seen, value = found.value
    if judge.infinite:
        return max(seen), "≠"
    kind, relation = judge.claim.kind_of_limit, judge.claim.relation
    chosen = seen if kind == "limit" else [max(seen) if kind == "limsup" else min(seen)]
    for a in chosen:
        order = compare(a, value)
        if order is None:
            continue
        if relation == "==" and order != 0:
            return a, "≠"
        if relation == "<=" and order > 0:
            return a, ">"
        if relation == ">=" and order < 0:
            return a, "<"
    return None


def _blow_up(judge: LimitJudge, point: Point) -> Witness | None:
    """In one dimension: every start beyond some modulus runs to infinity, as an infinite one shows."""
    if judge.infinite or judge.claim.relation == ">=" or judge.scene.dimension != 1:
        return None
    far, scene = FarArithmetic(), judge.scene
    values = point.env(Rational())
    try:
        bound = exactly(lambda a: judge.value_at(a, point.env(a), point.vector(a)))
        images = {}
        for side in (1, -1):
            w = far.large(side)
            images[side] = scene.iterate(scene.step(far, values, scene.state(far, w), 0))[0]
            env = scene.environment(far, values, w)
            seen = far.run(judge.observable, env, scene.loss)["observable"]
            if not isinstance(seen, Far) or seen.degree < 1:
                return None
    except (NotExact, Undecided, ZeroDivisionError):
        return None
    if bound is None or not all(_runs_away(image, far.inexact) for image in images.values()):
        return None
    extra = {
        "observable": f"{judge.claim.kind_of_limit} of {judge.claim.observable}",
        "relation": "≠" if judge.claim.relation == "==" else ">",
        "leading coefficient far away": text(images[1].c[-1]),
    }
    return witness(point, "limit", None, "oo", bound.value, bound.confirmed_by, **extra)


def _runs_away(image: Far, inexact: bool) -> bool:
    """Whether |F(±ω)| exceeds ω by a power, by a factor above 1, or, if exact, by a constant."""
    if image.degree != 1 or inexact:
        return image.degree > 1 or (image.degree == 1 and abs(image.c[1]) > 1)
    return (abs(image) - Far([Fraction(0), Fraction(1)])).side() > 0


def _point_text(p: Sequence[Fraction]) -> str:
    return text(p[0]) if len(p) == 1 else f"({', '.join(map(text, p))})"
