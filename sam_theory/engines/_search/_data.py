"""Candidate interpolation data, confirmed exactly: the conditions of the class, the trajectory, the violation.

If every interpolation condition holds, a member of the class has these values and gradients; its trajectory from
the start is the one computed here, because every gradient that the rule asks for is among the data.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import sympy as sp

from sam_theory.arithmetic import Coordinates, NotExact, Point, Rational, Undecided, lower_all
from sam_theory.engines._search._exact import compare, holds, text
from sam_theory.engines._search._setting import Scene
from sam_theory.losses import FunctionClass
from sam_theory.theorems import DataPoint, Envelope, Identity, Inequality, InterpolationData, Limit, Theorem
from sam_theory.verdicts import Witness

__all__ = ["Rejected", "confirm_data"]

_LONGEST = 64


class Rejected(ValueError):
    """Why candidate data are no counterexample."""


class Recorded(Rational):
    """Exact rationals in which the loss is known at the recorded points alone."""

    def __init__(self, data: InterpolationData) -> None:
        self.points = {p.at: p for p in data.points}

    def _known(self, v: Any) -> Any:
        try:
            return self.points[tuple(v)]
        except KeyError:
            raise Rejected(f"the data do not say what happens at ({', '.join(map(str, v))})") from None

    def grad(self, field: Any, v: Any, env: Mapping[str, Any]) -> Any:
        return Coordinates(self._known(v).gradient)

    def value(self, field: Any, v: Any, env: Mapping[str, Any]) -> Any:
        return self._known(v).value


def confirm_data(theorem: Theorem, data: InterpolationData) -> Witness:
    """The witness, all of it computed in fractions.

    Raises Rejected with the reason where the data are no counterexample.
    """
    loss, claim = theorem.loss, theorem.expanded_claim
    if not isinstance(loss, FunctionClass) or theorem.starts is not None or len(theorem.map.state) > 1:
        raise Rejected("data decide statements on every start, over a function class, for a rule without memory")
    if theorem.rule.noise or theorem.rule.uses_step_number:
        raise Rejected("data decide statements on one fixed map, without schedule or noise")
    if loss.dimension not in (None, data.dimension):
        raise Rejected(f"the data have dimension {data.dimension}, the class has {loss.dimension}")
    values = _parameters(theorem, data)
    least = _least_slack(loss, data, values)
    try:
        observed, bound, step, relation = _violation(theorem, data, values)
    except (NotExact, Undecided, ZeroDivisionError) as problem:
        raise Rejected(f"the trajectory is not rational: {problem}") from None
    observable = str(claim.formulas()[0])
    if isinstance(claim, Limit):
        observable = f"{claim.kind_of_limit} of {observable}"
    extra = {"observable": observable, "relation": relation, "least slack": text(least)}
    for p in data.points:
        extra[f"data {p.name}"] = f"at {_shown(p.at)}, gradient {_shown(p.gradient)}, value {p.value}"
    start = next(p.at for p in data.points if p.name == data.start)
    params = {name: text(v) for name, v in values.items()}
    place = tuple(map(text, start))
    exact = {
        "params": {name: str(v) for name, v in values.items()},
        "member": None,
        "data": {p.name: _point(p) for p in data.points},
        "start": [str(c) for c in start],
        "step": step,
    }
    return Witness("data", loss.name, params, place, step, text(observed), text(bound), "fraction", extra, exact)


def _point(p: DataPoint) -> dict[str, Any]:
    return {"at": [str(c) for c in p.at], "gradient": [str(c) for c in p.gradient], "value": str(p.value)}


def _parameters(theorem: Theorem, data: InterpolationData) -> dict[str, Fraction]:
    wanted = [s.name for s in theorem.symbols]
    missing = [n for n in wanted if n not in data.params]
    if missing:
        raise Rejected(f"the data give no value to {', '.join(missing)}")
    values = {n: data.params[n] for n in wanted}
    scene = Scene(theorem, None, data.dimension, "interpolation data")
    for h in theorem.all_hypotheses:
        if not holds(h, scene, values):
            raise Rejected(f"the hypothesis {h} does not hold")
    return values


def _least_slack(loss: FunctionClass, data: InterpolationData, values: Mapping[str, Fraction]) -> Fraction:
    """The least slack of the interpolation conditions, which must not be negative."""
    constants = Rational().run(lower_all({n: getattr(loss, n) for n in loss.constants}), values)
    points = [Point(p.name, Coordinates(p.at), Coordinates(p.gradient), p.value) for p in data.points]
    slacks = loss.interpolation_slacks(points, **constants)
    if slacks is None:
        raise Rejected(f"no interpolation conditions are known for {loss.name}")
    for p in data.points:
        if p.name == "w_star" and any(p.gradient):
            raise Rejected("the gradient at w_star does not vanish")
    worst = min(slacks, key=lambda k: slacks[k])
    if slacks[worst] < 0:
        raise Rejected(f"the condition {worst[0]} from {worst[1]} to {worst[2]} fails by {slacks[worst]}")
    return Fraction(slacks[worst])


def _violation(
    theorem: Theorem, data: InterpolationData, values: Mapping[str, Fraction]
) -> tuple[Fraction, Fraction, int | None, str]:
    """Observed value, bound, step and relation where the claim fails along the trajectory."""
    claim: Any = theorem.expanded_claim
    known = Recorded(data)
    start: Any = next(p.at for p in data.points if p.name == data.start)
    star = {p.name: Coordinates(p.at) for p in data.points if p.name == "w_star"}

    def after(at: tuple[Fraction, ...]) -> tuple[Fraction, ...]:
        return tuple(theorem.map.step(known, {theorem.map.state[0]: Coordinates(at)}, values)[theorem.map.state[0]])

    def evaluate(e: Any, at: tuple[Fraction, ...], t: int) -> Fraction:
        program = lower_all({"e": e})
        env: dict[str, Any] = {**values, **star, "w": Coordinates(at), "w_start": Coordinates(start), "t": Fraction(t)}
        if "w_next" in program.inputs:
            env["w_next"] = Coordinates(after(at))
        unknown = sorted(set(program.inputs) - set(env))
        if unknown:
            raise Rejected(f"the data do not say what {', '.join(unknown)} is")
        return Fraction(known.run(program, env, theorem.loss)["e"])

    if isinstance(claim, Limit) and claim.variable is None and claim.value is not sp.oo:
        seen = [evaluate(claim.observable, at, 0) for at in _orbit(start, after)]
        bound = evaluate(claim.value, start, 0)
        extreme = max(seen) if claim.kind_of_limit == "limsup" else min(seen)
        for a in seen if claim.kind_of_limit == "limit" else [extreme]:
            order = compare(a, bound)
            wrong = {"==": order != 0, "<=": order == 1, ">=": order == -1}[claim.relation]
            if wrong:
                return a, bound, None, {"==": "≠", "<=": ">", ">=": "<"}[claim.relation]
        raise Rejected("the claim holds along the periodic orbit of the data")
    if isinstance(claim, (Identity, Inequality)):
        for g in claim.given:
            if not bool(g.func(*(sp.Rational(evaluate(side, start, 0)) for side in (g.lhs, g.rhs)))):
                raise Rejected(f"the start does not satisfy {g}")
        left, right = evaluate(claim.lhs, start, 0), evaluate(claim.rhs, start, 0)
        if isinstance(claim, Identity):
            wrong = left != right
        else:
            wrong = left >= right if claim.strict else left > right
        if wrong:
            return left, right, 1, "≠" if isinstance(claim, Identity) else "≥" if claim.strict else ">"
        raise Rejected("the claim holds at the start of the data")
    if isinstance(claim, Envelope) and not claim.accumulate:
        at = start
        for t in range(_LONGEST):
            left, right = evaluate(claim.observable, at, t), evaluate(claim.bound, at, t)
            if left > right:
                return left, right, t, ">"
            at = after(at)
    raise Rejected(f"data do not decide a claim of kind {claim.kind}")


def _orbit(start: tuple[Fraction, ...], after: Any) -> list[tuple[Fraction, ...]]:
    """The points of the periodic orbit from ``start``."""
    points = [start]
    while (following := after(points[-1])) != start:
        points.append(following)
        if len(points) > _LONGEST:
            raise Rejected("the trajectory does not return to its start")
    return points


def _shown(v: tuple[Fraction, ...]) -> str:
    return f"({', '.join(map(str, v))})"
