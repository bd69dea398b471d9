"""Envelopes up to a horizon, for whole boxes of parameters and starts."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import sympy as sp
from flint import arb

from sam_theory.arithmetic import Arithmetic, Ball, Coordinates, lower
from sam_theory.engines._ball._box import Box
from sam_theory.engines._ball._cover import Answer, branch_and_bound
from sam_theory.engines._ball._emit import plain_leaves
from sam_theory.engines._ball._orbits import Orbits
from sam_theory.engines._ball._outcome import Outcome
from sam_theory.engines._ball._problem import CANNOT, Problem
from sam_theory.engines._budget import Budget
from sam_theory.engines._search._envelope import EnvelopeJudge

__all__ = ["envelope"]

Form = tuple[arb, list[arb], arb]


class _Run:
    """All trajectories of one part of the box, with the slack bound − observable as a first-order form."""

    def __init__(self, problem: Problem, judge: EnvelopeJudge, part: Box) -> None:
        self.problem, self.judge, self.scene = problem, judge, problem.scene
        names = {n: f"{problem.scene.map.state[0]}:{n[2:]}" for n in problem.starts}
        sides = tuple((names.get(n, n), low, high) for n, low, high in part.sides)
        self.orbits = Orbits(problem.scene.map, Box(sides), problem.derive)
        self.total: Form = (arb(0), [arb(0)] * len(self.orbits.free), arb(0))

    def form(self, program: Any, name: str, after: bool) -> Form:
        """A formula over the present set: value at the centre, slopes, remainder."""
        o = self.orbits
        jets, env, seeds = o.jets(starts=True, lipschitz=True)
        found = self._evaluate(jets, program, env, o.state(seeds), after)[name]
        centre = o.centre_environment()
        value = self._evaluate(Ball(), program, centre, o.state(o.centre), after)[name]
        linear, rest = o.expand(jets.slopes(found))
        return value, linear, rest

    def _evaluate(self, arithmetic: Arithmetic, program: Any, env: dict[str, Any], state: Any, after: bool) -> Any:
        scene, t = self.scene, arithmetic.number(Fraction(self.orbits.steps))
        following = scene.iterate(scene.step(arithmetic, env, state, self.orbits.steps)) if after else None
        known = scene.environment(arithmetic, env, scene.iterate(state), following, env["w_start"], t)
        return arithmetic.run(program, known, scene.loss)

    def slack(self) -> arb:
        """bound − observable (or − the sum so far) over the part."""
        judge = self.judge
        bound = self.form(judge.bound, "bound", False)
        other = self.total
        if not judge.claim.accumulate:
            other = self.form(judge.observable, "observable", judge.needs_next)
        value = bound[0] - other[0] + bound[2] - other[2]
        for a, b, s in zip(bound[1], other[1], self.orbits.deviation, strict=True):
            value += (a - b) * s
        return value

    def advance(self) -> None:
        """One step, adding to the sum if the claim accumulates."""
        if self.judge.claim.accumulate:
            step = self.form(self.judge.observable, "observable", True)
            linear = [a + b for a, b in zip(self.total[1], step[1], strict=True)]
            self.total = (self.total[0] + step[0], linear, self.total[2] + step[2])
        self.orbits.advance()


def envelope(problem: Problem, budget: Budget) -> Outcome:
    """observable ≤ bound at every step up to the largest horizon that the budget allows."""
    judge = EnvelopeJudge(problem.scene, budget)
    reached: dict[Box, int] = {}

    def test(part: Box) -> Answer:
        reached[part], reason = -1, ""
        try:
            first = _at_start(problem, judge, part)
            if not first:
                return Answer(first, reason="at step 0")
            run = _Run(problem, judge, part)
            reached[part] = 0
            for t in range(1, budget.horizon + 1):
                run.advance()
                slack = run.slack()
                if slack < 0:
                    return Answer(False)
                if not slack >= 0:
                    return Answer(None, reason=f"at step {t}")
                reached[part] = t
        except CANNOT as problem_found:
            reason = f"after step {reached[part]}: {problem_found}"
        return Answer(True) if reached[part] == budget.horizon else Answer(None, reason=reason)

    cover = branch_and_bound(test, problem.box, max(budget.boxes // 8, 4), first_failure=True)
    if cover.fails:
        point = problem.point(cover.fails[0])
        witness = judge.confirm(point) if point is not None else None
        detail = f"false on all of {cover.fails[0].text()}"
        return Outcome("refuted" if witness is not None else "undecided", detail, cover.boxes, problem, witness=witness)
    horizon = min(_reached(reached, part) for part in (*cover.holds, *cover.undecided))
    if horizon < 1:
        return Outcome("undecided", f"{problem.box.text()}: {cover.remainder()}", cover.boxes, problem)
    detail = f"{cover.boxes} boxes, every step up to {horizon}"
    if horizon < budget.horizon:
        detail += f"; beyond, {cover.remainder()}"
    body = {"horizon": horizon, "leaves": plain_leaves((*cover.holds, *cover.undecided), problem.box)}
    return Outcome("certified", detail, cover.boxes, problem, horizon=horizon, certificate=body)


def _reached(reached: dict[Box, int], part: Box) -> int:
    """How far the smallest tested box around ``part`` was followed."""
    if part in reached:
        return reached[part]
    around = [b for b in reached if all(b[n][0] <= part[n][0] and part[n][1] <= b[n][1] for n in part)]
    return max((reached[b] for b in around), default=-1)


def _at_start(problem: Problem, judge: EnvelopeJudge, part: Box) -> bool | None:
    """The claim at t = 0, where w is the start; what cancels is cancelled first."""
    claim = judge.claim
    names = {v for e in (claim.observable, claim.bound) for v in sp.preorder_traversal(e) if _named(v, "w_start")}
    here = {v: type(v)("w") for v in names}
    bound = claim.bound.xreplace(here)
    bound = bound.subs({s: 0 for s in bound.free_symbols if s.name == "t"})
    slack = bound if claim.accumulate else bound - claim.observable
    if slack == 0:
        return True
    program = lower(slack)
    after = any(n.endswith("_next") for n in program.inputs)
    scene = problem.scene

    def evaluate(arithmetic: Arithmetic, env: dict[str, Any], w: Coordinates) -> Any:
        state = scene.state(arithmetic, w)
        following = scene.iterate(scene.step(arithmetic, env, state, 0)) if after else None
        known = scene.environment(arithmetic, env, w, following, w, arithmetic.number(Fraction(0)))
        return arithmetic.run(program, known, scene.loss)["result"]

    value, _ = problem.value(evaluate, part)
    return True if value >= 0 else False if value < 0 else None


def _named(v: Any, name: str) -> bool:
    return getattr(v, "name", None) == name
