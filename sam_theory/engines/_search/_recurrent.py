"""Limits refuted under a schedule: by an orbit that recurs exactly, whatever the number of the step.

The schedule fades from a state at which the gradient vanishes, or where the coefficient that it moves is 0: there one
step is the same for every k, which is seen by taking it with a symbol for k.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import sympy as sp

from sam_theory.arithmetic import Coordinates, Float64, NotExact, Rational, Symbolic, Undecided, as_fraction
from sam_theory.engines._search._attractors import point_text
from sam_theory.engines._search._contradiction import contradiction
from sam_theory.engines._search._exact import exactly
from sam_theory.engines._search._instances import Batch, Point
from sam_theory.engines._search._judge import witness
from sam_theory.engines._search._starts import is_off
from sam_theory.verdicts import Witness

if TYPE_CHECKING:
    from sam_theory.engines._search._limit import LimitJudge

__all__ = ["recurrent"]

_LONGEST = 4
_K, _T = (sp.Symbol(name, nonnegative=True) for name in "kt")


def recurrent(judge: LimitJudge, point: Point) -> Witness | None:
    """A witness if the orbit from ``point`` recurs for every schedule number, against the claim."""
    scene, claim = judge.scene, judge.claim
    if scene.theorem.rule.noise or scene.almost_every or not _forgets_the_step(judge, point):
        return None
    try:
        orbit = _orbit(judge, point)
        seen = None if orbit is None else [_seen(judge, point, p, orbit[0]) for p in orbit]
    except (NotExact, Undecided, ZeroDivisionError):
        return None
    if orbit is None or seen is None or any(a is None for a in seen):
        return None
    d = scene.dimension
    if scene.event is not None:
        exact, values = Rational(), point.env(Rational())
        if not all(is_off(scene, exact, values, Coordinates(p[:d])) for p in orbit):
            return None
    bound = claim.value
    if not judge.infinite:
        found = exactly(lambda a: judge.value_at(a, point.env(a), point.vector(a)), balls=False)
        if found is None:
            return None
        bound = found.value
    wrong = contradiction(claim.kind_of_limit, claim.relation, seen, bound)
    if wrong is None:
        return None
    extra = {
        "observable": f"{claim.kind_of_limit} of {claim.observable}",
        "relation": wrong[1],
        "orbit": " -> ".join(map(point_text, orbit)),
        "period": f"{len(orbit)}, whatever the step number",
    }
    return witness(point, "orbit", None, wrong[0], str(bound) if judge.infinite else bound, "fraction", **extra)


def _forgets_the_step(judge: LimitJudge, point: Point) -> bool:
    """Whether the first and a later step lead to the same place in floats: else there is nothing to show."""
    scene, batch, arithmetic = judge.scene, Batch.of([point]), Float64()
    state = scene.state(arithmetic, batch.start)
    with np.errstate(all="ignore"):
        first, later = (np.stack(scene.whole(scene.step(arithmetic, batch.env(), state, t))) for t in (0, 6))
    return bool(np.allclose(first, later, rtol=1e-9, atol=0.0))


def _orbit(judge: LimitJudge, point: Point) -> list[tuple[Fraction, ...]] | None:
    """Whole states that follow each other for every step number, until the first one returns."""
    scene, symbolic = judge.scene, Symbolic()
    values = {**point.env(symbolic), "k": _K}
    state = scene.state(symbolic, point.vector(symbolic))
    orbit: list[tuple[Fraction, ...]] = []
    while len(orbit) <= _LONGEST:
        whole = [_number(c) for c in scene.whole(state)]
        if any(c is None for c in whole) or not all(e.is_nonzero for e in symbolic.nonzero):
            return None
        here = tuple(c for c in whole if c is not None)
        if orbit and here == orbit[0]:
            return orbit
        orbit.append(here)
        state = scene.step(symbolic, values, scene.state_of(symbolic, [_symbolic(c) for c in here]), None)
    return None


def _seen(judge: LimitJudge, point: Point, p: tuple[Fraction, ...], start: tuple[Fraction, ...]) -> Fraction | None:
    """The observable at a state, if it is the same at every time."""
    scene, symbolic = judge.scene, Symbolic()
    d = scene.dimension
    here, begin = (Coordinates(map(_symbolic, c[:d])) for c in (p, start))
    env = scene.environment(symbolic, point.env(symbolic), here, w_start=begin, t=_T)
    return _number(symbolic.run(judge.observable, env, scene.loss)["observable"])


def _symbolic(c: Fraction) -> sp.Rational:
    return sp.Rational(c.numerator, c.denominator)


def _number(e: Any) -> Fraction | None:
    """A rational that does not depend on the step number or the time; None for any other formula."""
    simple = sp.simplify(e)
    return as_fraction(simple) if simple.is_Rational else None
