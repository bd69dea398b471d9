"""Thresholds of linear stability: both sides of the critical value, up to a stated distance from it."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import sympy as sp

from sam_theory.arithmetic import Arithmetic, Ball, PythonFloat, lower_all
from sam_theory.engines._ball._box import Box
from sam_theory.engines._ball._cover import Answer, branch_and_bound
from sam_theory.engines._ball._emit import leaves_data
from sam_theory.engines._ball._fixed import fixed_point_side, is_fixed
from sam_theory.engines._ball._orbits import coordinate_names
from sam_theory.engines._ball._outcome import Outcome
from sam_theory.engines._ball._problem import CANNOT, Problem
from sam_theory.engines._ball._system import System
from sam_theory.engines._budget import Budget
from sam_theory.engines._search._threshold import ThresholdJudge

__all__ = ["DISTANCE", "across", "threshold"]

#: the band around quantity = critical that is left out
DISTANCE = Fraction(1, 64)


def _whole_point(problem: Problem, at: tuple[Any, ...]) -> list[Any]:
    return [*at, *[sp.S.Zero] * (len(coordinate_names(problem.scene.map)) - len(at))]


def across(problem: Problem) -> Problem | None:
    """The box moved along one of its parameters to where the critical value is crossed; None if it is not."""
    claim: Any = problem.scene.claim
    program = lower_all({"q": claim.quantity, "c": claim.critical})

    def above(values: dict[str, Fraction]) -> bool | None:
        arithmetic = PythonFloat()
        try:
            env = problem.derive(arithmetic, {n: float(v) for n, v in values.items()})
            r = arithmetic.run(program, env)
        except (ArithmeticError, ValueError):
            return None
        return bool(r["q"] > r["c"])

    box = problem.parameter_box
    for name in box.wide:
        middle = box.middle
        grid = [middle[name] * Fraction(2) ** k for k in range(-6, 7)]
        sides = [above({**middle, name: v}) for v in grid]
        for low, high, a, b in zip(grid, grid[1:], sides, sides[1:], strict=False):
            if a is None or b is None or a == b:
                continue
            for _ in range(10):
                half = (low + high) / 2
                low, high = (low, half) if above({**middle, name: half}) == b else (half, high)
            near = ((low + high) / 2).limit_denominator(64) or low
            ends = sorted((near * Fraction(3, 4), near * Fraction(5, 4)))
            moved = Problem(problem.scene, box.with_side(name, *ends))
            if moved.admitted(moved.box):
                return moved
    return None


def threshold(problem: Problem, budget: Budget) -> Outcome:
    """Stable below and unstable above the critical value, on a box that it crosses, outside of a thin band."""
    moved = across(problem)
    if moved is None:
        return Outcome("undecided", f"the critical value is not crossed near {problem.parameter_box.text()}", 0)
    problem = moved
    claim: Any = problem.scene.claim
    behaviour = claim.behaviour
    system = System(problem.scene.map, (), problem.derive)
    at = _whole_point(problem, behaviour.at)
    if not is_fixed(system, at, problem.box):
        return Outcome("undecided", f"the point is not shown to be fixed in {problem.box.text()}", 1)
    program, near = lower_all({"q": claim.quantity, "c": claim.critical}), Ball().number(DISTANCE)

    def ratio(arithmetic: Arithmetic, env: dict[str, Any], w: Any) -> Any:
        r = arithmetic.run(program, env)
        return arithmetic.div(r["q"], r["c"])

    def critical(arithmetic: Arithmetic, env: dict[str, Any], w: Any) -> Any:
        return arithmetic.run(program, env)["c"]

    shown: dict[Box, str] = {}

    def test(part: Box) -> Answer:
        try:
            value, slopes = problem.value(ratio, part)
            if problem.value(critical, part)[0] < 0:
                value = 2 - value  # below a negative critical value the quotient is above 1
        except CANNOT as reason:
            return Answer(None, reason=str(reason))
        if abs(value - 1) <= near:
            shown[part] = "band"
            return Answer(True)
        wanted = -1 if value < 1 else 1 if value > 1 else 0
        found = fixed_point_side(system, at, behaviour.direction, part) if wanted else 0
        shown[part] = "stable" if wanted < 0 else "unstable"
        side = problem.steepest(part, slopes)
        return Answer(None if not wanted or not found else wanted == found, side)

    cover = branch_and_bound(test, problem.box, budget.boxes, first_failure=True)
    region = (
        f"{problem.box.text()}, except where {claim.quantity} differs from {claim.critical} by less than "
        f"{DISTANCE} of it"
    )
    if cover.proved:
        body = {"leaves": leaves_data({b: shown[b] for b in cover.holds}, problem.box)}
        return Outcome("certified", f"{cover.boxes} boxes, both sides", cover.boxes, problem, region, certificate=body)
    if cover.fails:
        judge = ThresholdJudge(problem.scene, budget)
        point = problem.point(cover.fails[0])
        witness = judge.confirm(point) if point is not None else None
        detail = f"false on all of {cover.fails[0].text()}"
        return Outcome("refuted" if witness is not None else "undecided", detail, cover.boxes, problem, witness=witness)
    return Outcome("undecided", f"{problem.box.text()}: {cover.remainder()}", cover.boxes, problem)
