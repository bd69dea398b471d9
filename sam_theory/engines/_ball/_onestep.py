"""Identities and inequalities over boxes."""

from __future__ import annotations

from typing import Any

from flint import arb

from sam_theory.arithmetic import Arithmetic, Undecided
from sam_theory.engines._ball._box import Box
from sam_theory.engines._ball._cover import Answer, branch_and_bound
from sam_theory.engines._ball._emit import leaves_data
from sam_theory.engines._ball._identity import vanishes_on
from sam_theory.engines._ball._outcome import Outcome
from sam_theory.engines._ball._problem import CANNOT, Problem
from sam_theory.engines._budget import Budget
from sam_theory.engines._search._exact import compare, satisfied
from sam_theory.engines._search._pointwise import Pointwise

__all__ = ["identity", "inequality"]


def identity(problem: Problem, budget: Budget) -> Outcome:
    """lhs = rhs on the whole box, side conditions or not; where they are no rational functions, only how far apart."""
    judge = Pointwise(problem.scene, budget)

    def differences(arithmetic: Arithmetic, values: dict[str, Any]) -> list[Any]:
        r = judge.evaluate(arithmetic, judge.program, *problem.environment(arithmetic, values))
        return [arithmetic.sub(r["lhs"], r["rhs"])]

    try:
        found = vanishes_on(problem.box, differences, budget.grid)
    except Undecided as reason:
        return Outcome("undecided", f"on {problem.box.text()}: {reason}", 1)
    if found is None:
        try:
            value, _ = problem.value(lambda a, env, w: differences_of(judge, a, env, w), problem.box)
        except CANNOT as reason:
            return Outcome("undecided", f"on {problem.box.text()}: {reason}", 1)
        apart = float(abs(value).upper())
        detail = f"no rational function; |lhs - rhs| <= {apart:.3g} on {problem.box.text()}, which is no equality"
        return Outcome("undecided", detail, 1)
    holds, evaluations = found
    if holds:
        detail = f"a polynomial of bounded degree that vanishes at {evaluations} exact points"
        return Outcome("certified", detail, evaluations, problem, trust=("Fraction",), certificate={})
    point = problem.point(problem.box)
    witness = judge.confirm(point) if point is not None else None
    verdict = "refuted" if witness is not None else "undecided"
    return Outcome(verdict, "the two sides differ at an exact point of the box", evaluations, problem, witness=witness)


def differences_of(judge: Pointwise, arithmetic: Arithmetic, env: dict[str, Any], w: Any) -> Any:
    """rhs − lhs."""
    r = judge.evaluate(arithmetic, judge.program, env, w)
    return arithmetic.sub(r["rhs"], r["lhs"])


def inequality(problem: Problem, budget: Budget) -> Outcome:
    """lhs ≤ rhs (or <) on the whole box, wherever the side conditions hold."""
    judge = Pointwise(problem.scene, budget)
    strict = judge.claim.strict
    silent: list[Box] = []

    def side(name: str) -> Any:
        return lambda a, env, w: a.sub(*(judge.evaluate(a, judge.program, env, w)[f"{s}{name}"] for s in ("gl", "gr")))

    def given(part: Box) -> bool | None:
        """Whether every side condition holds on the part; False if one fails on all of it."""
        sure = True
        for i, relation in enumerate(judge.given):
            value, _ = problem.value(side(str(i)), part)
            order = compare(value, arb(0))
            if order is None:
                sure = False
            elif not satisfied(relation, order):
                return False
        return True if sure else None

    def test(part: Box) -> Answer:
        try:
            slack, slopes = problem.value(lambda a, env, w: differences_of(judge, a, env, w), part)
            if slack > 0 or (not strict and slack >= 0):
                return Answer(True)
            admitted = given(part)
        except CANNOT as reason:
            return Answer(None, reason=str(reason))
        if admitted is False:
            silent.append(part)
            return Answer(True)
        if admitted and (slack < 0 or (strict and slack <= 0)):
            return Answer(False)
        return Answer(None, problem.steepest(part, slopes))

    cover = branch_and_bound(test, problem.box, budget.boxes, first_failure=True)
    if cover.proved and len(silent) == len(cover.holds):
        return Outcome("undecided", f"{problem.box.text()}: the side conditions fail on the whole box", cover.boxes)
    if cover.proved:
        leaves = leaves_data({b: "outside" if b in silent else "holds" for b in cover.holds}, problem.box)
        return Outcome("certified", f"{cover.boxes} boxes", cover.boxes, problem, certificate={"leaves": leaves})
    if cover.fails:
        point = problem.point(cover.fails[0])
        witness = judge.confirm(point) if point is not None else None
        detail = f"false on all of {cover.fails[0].text()}"
        return Outcome("refuted" if witness is not None else "undecided", detail, cover.boxes, problem, witness=witness)
    return Outcome("undecided", f"{problem.box.text()}: {cover.remainder()}", cover.boxes, problem)
