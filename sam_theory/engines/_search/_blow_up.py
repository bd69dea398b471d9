"""Limits refuted in one dimension by orbits that run to infinity from every start beyond some modulus."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import sympy as sp

from sam_theory.arithmetic import NotExact, Rational, Undecided
from sam_theory.engines._search._contradiction import contradiction
from sam_theory.engines._search._exact import exactly, text
from sam_theory.engines._search._far import Far, FarArithmetic, lifted
from sam_theory.engines._search._instances import Point
from sam_theory.engines._search._judge import witness
from sam_theory.verdicts import Witness

if TYPE_CHECKING:
    from sam_theory.engines._search._limit import LimitJudge

__all__ = ["blow_up"]

_NAMES = {sp.oo: "oo", sp.S.NegativeInfinity: "-oo"}


def blow_up(judge: LimitJudge, point: Point) -> Witness | None:
    """A witness if all large starts of one sign run to infinity, where the observable contradicts the claim."""
    scene, claim = judge.scene, judge.claim
    if scene.width != 1 or not scene.autonomous or "w_start" in judge.observable.inputs:
        return None
    value: Any = claim.value
    bound, by = str(value), "fraction"
    if not judge.infinite:
        found = exactly(lambda a: judge.value_at(a, point.env(a), point.vector(a)))
        if found is None:
            return None
        value, by = found.value, found.confirmed_by
        bound = bound if "w_start" in judge.value_inputs else text(value)
    ends = {side: _end(judge, point, side) for side in (1, -1)}
    for side, image in ((s, e[1]) for s, e in ends.items() if e is not None):
        path = [side]
        while len(path) < 4 and (here := ends[path[-1]]) is not None:
            path.append(here[0])
        recurrent = [ends[s] for s in dict.fromkeys(path[2:])]
        if len(path) < 4 or any(e is None for e in recurrent):
            continue
        wrong = contradiction(claim.kind_of_limit, claim.relation, [e[2] for e in recurrent if e], value)
        if wrong is None:
            continue
        extra = {
            "observable": f"{claim.kind_of_limit} of {claim.observable}",
            "relation": wrong[1],
            "start": f"every w {'>' if side > 0 else '<'} 0 of large enough modulus",
            "leading coefficient far away": text(image.c[-1]),
        }
        at = Point(point.scene, point.values, ())
        observed = _NAMES[wrong[0]] if wrong[0] in _NAMES else wrong[0]
        return witness(at, "limit", None, observed, bound, by, **extra)
    return None


def _end(judge: LimitJudge, point: Point, side: int) -> tuple[int, Far, Any] | None:
    """Where side·ω goes if that is farther away: the sign of the image, the image, the observable at side·∞."""
    far, scene = FarArithmetic(), judge.scene
    values, w = point.env(Rational()), far.large(side)
    try:
        if scene.event is not None and not all(lifted(c).side() for c in _event(judge, far, values, w)):
            return None
        image = lifted(scene.iterate(scene.step(far, values, scene.state(far, w), 0))[0])
        # |F(w)| − |w| is at least a positive constant for every large w: the orbit runs to infinity.
        if not (abs(image) - Far([Fraction(0), Fraction(1)])).side() > 0:
            return None
        env = scene.environment(far, values, w)
        seen = lifted(far.run(judge.observable, env, scene.loss)["observable"])
        if seen.degree > 0:
            return image.side(), image, sp.oo * seen.side()
        return (image.side(), image, seen.coefficient(0)) if seen.error < 0 else None
    except (NotExact, Undecided, ZeroDivisionError):
        return None


def _event(judge: LimitJudge, far: FarArithmetic, values: dict[str, Any], w: Any) -> Any:
    return w if judge.scene.event == "w = 0" else judge.scene.map.loss.gradient(far, w, values)
