"""Necessary conditions: what the statement says at extremal instances, as relations between scalars."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import sympy as sp

from sam_theory.arithmetic import Symbolic, Vec, VectorSymbol, closed_roots, lower
from sam_theory.engines._goals import goals_of
from sam_theory.engines._orbit_goals import coordinate_environment
from sam_theory.engines._synthesize._question import Question, speaks_of_parameters
from sam_theory.errors import InputError
from sam_theory.losses import FunctionClass, Loss, Quadratic
from sam_theory.theorems import (
    AlmostEvery,
    Claim,
    Cycle,
    Envelope,
    Identity,
    Inequality,
    Limit,
    Step,
    Theorem,
    Threshold,
    t,
    w,
    w_next,
    w_start,
)


@dataclass(frozen=True)
class Condition:
    """``goal`` must hold for the statement to hold, wherever ``assumptions`` and ``context`` do.

    ``context`` are the side conditions of the instance: what restricts its state, and what makes an orbit exist.
    ``start`` is the state where it is no symbol, ``refutes`` what a witness at the instance refutes.
    """

    name: str
    theorem: Theorem
    assumptions: tuple[Any, ...]
    context: tuple[Any, ...]
    goal: Any
    states: tuple[sp.Symbol, ...] = ()
    start: sp.Expr | None = None
    swap: tuple[tuple[sp.Symbol, sp.Expr], ...] = ()
    curvature: sp.Expr | None = None
    refutes: Claim | None = None


def conditions(question: Question) -> list[Condition]:
    """Everything that follows from the statement at its steps on parameters and on extremal instances."""
    theorem = question.theorem
    found: list[Condition] = []
    for item in theorem.proof:
        if isinstance(item, Step) and speaks_of_parameters(theorem, item):
            claim = item.claim.map(theorem.expand)
            found += _of_claim(theorem, claim, f"step '{item.name}'", refutes=claim, curvature=_top(theorem))
    for instance, name, swap, curvature in _instances(theorem):
        extra = {"swap": swap, "curvature": curvature}
        for claim in _one_step(instance.expanded_claim) if theorem.starts is None else ():
            found += _of_claim(instance, claim, name, **extra)
        found += _on_orbits(instance, name, **extra)
    return found


def _top(theorem: Theorem) -> sp.Expr | None:
    loss = theorem.loss
    return loss.beta if isinstance(loss, FunctionClass) and "beta" in loss.constants else None


def premises(question: Question) -> list[Any]:
    """Relations between parameters alone that the proof needs: where they end, an answer may lie."""
    try:
        goals = goals_of(question.theorem)
    except InputError:
        return []
    states = _state_names(question.theorem)
    own = set(question.theorem.symbols)
    return [g.goal for g in goals if g.goal.free_symbols <= own and not {s.name for s in g.goal.free_symbols} & states]


def _state_names(theorem: Theorem) -> set[str]:
    if theorem.loss.dimension is None:
        return set()
    return {x.name for v in theorem.map.state_symbols().values() for x in v}


# -- instances -----------------------------------------------------------------------------------------------
Swap = tuple[tuple[sp.Symbol, sp.Expr], ...]


def _instances(theorem: Theorem) -> Iterator[tuple[Theorem, str, Swap, sp.Expr | None]]:
    """The statement itself on a concrete loss, or on the one-dimensional quadratics at the ends of its class."""
    loss = theorem.loss
    plain = theorem.with_(proof=(), status="quoted", expected="refuted")
    if not loss.abstract and loss.dimension is not None:
        yield plain, loss.name, (), None
        return
    if isinstance(loss, Quadratic) and loss.dimension is None:
        yield plain.with_(loss=Quadratic(*loss.eigenvalues)), f"{loss.name} in one dimension", (), None
    if not isinstance(loss, FunctionClass) or not loss.constants:
        return
    top = _top(theorem)
    low = loss.alpha if "alpha" in loss.constants else None
    ends: list[tuple[sp.Expr, Swap]] = []
    if top is not None:
        ends.append((top, ((low, top),) if isinstance(low, sp.Symbol) else ()))
    if low is not None and low != 0:
        ends.append((low, ()))
    for curvature, swap in ends:
        member: Loss = Quadratic(curvature)
        change = dict(swap)
        hypotheses = [theorem.expand(h) for h in (*theorem.hypotheses, *getattr(loss, "hypotheses", ()))]
        changed = [h.subs(change) if change else h for h in hypotheses]
        if sp.false in changed:
            continue
        claim = theorem.expanded_claim.map(partial(_substituted, change=change))
        instance = plain.with_(
            loss=member, where={}, claim=claim, hypotheses=tuple(h for h in changed if h not in (True, sp.true))
        )
        equal = "".join(f", {a} = {b}" for a, b in swap)
        yield instance, f"the quadratic with eigenvalue {curvature}{equal}", swap, curvature


def _one_step(claim: Claim) -> Iterator[Claim]:
    """What a claim says of single steps and of fixed orbits, as claims that have goals in coordinates."""
    if isinstance(claim, (Inequality, Identity, Threshold, Cycle)):
        yield claim
    if isinstance(claim, Envelope):
        for k in (0, 1):
            bound = claim.bound.xreplace({w_start: w}).subs(t, k)
            if claim.accumulate:
                if k:
                    yield Inequality(claim.observable, bound)
            elif k and not _uses(claim.observable, w_next):
                yield Inequality(claim.observable.xreplace({w: w_next}), bound)
            elif not k:
                yield Inequality(claim.observable, bound)


def _uses(e: sp.Expr, vector: Vec) -> bool:
    return vector in e.atoms(VectorSymbol)


def _of_claim(theorem: Theorem, claim: Claim, name: str, **extra: Any) -> list[Condition]:
    try:
        goals = goals_of(theorem.with_(claim=claim, where={}, proof=(), status="quoted", hypotheses=_expanded(theorem)))
    except InputError:
        return []
    base = theorem.all_hypotheses
    names = _state_names(theorem)
    found = []
    for goal in goals:
        if goal.goal in (True, sp.true):
            continue
        # of a step on parameters in Gram form, all that stands besides the hypotheses is that norms are nonnegative
        context = () if theorem.loss.abstract else tuple(a for a in goal.assumptions if a not in base)
        free = set().union(*(r.free_symbols for r in (goal.goal, *context)))
        states = tuple(sorted((s for s in free if s.name in names), key=lambda s: s.name))
        label = name if goal.name == "claim" or name.startswith("step") else f"{name}: {goal.name}"
        found.append(Condition(label, theorem, base, context, goal.goal, states, **extra))
    return found


def _expanded(theorem: Theorem) -> tuple[Any, ...]:
    return tuple(theorem.expand(h) for h in theorem.hypotheses)


# -- orbits of one or two points -----------------------------------------------------------------------------
def _on_orbits(theorem: Theorem, name: str, **extra: Any) -> list[Condition]:
    """What an envelope or a limit says, as t → ∞, on the fixed points and the 2-cycles ±r of the instance."""
    claim: Any = theorem.expanded_claim
    fits = isinstance(claim, (Envelope, Limit)) and theorem.loss.dimension == 1 and len(theorem.map.state) == 1
    if not fits or isinstance(theorem.starts, AlmostEvery) or getattr(claim, "accumulate", False):
        return []
    if theorem.rule.noise or theorem.rule.uses_step_number or getattr(claim, "variable", None) is not None:
        return []
    found = _far_away(theorem, claim, name, extra)
    for r, kind in _orbit_points(theorem):
        sides = _limits_at(theorem, claim, r)
        if sides is None:
            continue
        left, right, context = sides
        relation = {"<=": sp.Le, "==": sp.Eq, ">=": sp.Ge}[getattr(claim, "relation", "<=")]
        goal = relation(left, right, evaluate=False)
        base = theorem.all_hypotheses
        found.append(Condition(f"{kind} of {name}", theorem, base, (r > 0, *context), goal, start=r, **extra))
    return found


def _far_away(theorem: Theorem, claim: Any, name: str, extra: dict[str, Any]) -> list[Condition]:
    r"""An odd map z -> az + b of the half-line with \|a\| > 1 sends \|w\| to oo from every large start.

    For \|w⁺\| >= \|a\|\|w\| − \|b\|.  Then no observable that grows with \|w\| has a finite limsup.
    """
    bounded = isinstance(claim, Limit) and claim.relation != ">=" and claim.kind_of_limit != "liminf"
    if not bounded or claim.value.has(sp.oo):
        return []
    z = sp.Symbol("point!", positive=True)
    here, there = (coordinate_environment(theorem, [x]) for x in (z, -z))
    image, mirrored = here["w_next"][0], there["w_next"][0]
    seen = Symbolic().run(lower(claim.observable), here, theorem.loss)["result"]
    try:
        affine, growing = sp.Poly(image, z), sp.Poly(seen, z)
    except sp.PolynomialError:
        return []
    fits = (
        affine.degree() == 1 and sp.expand(image + mirrored) == 0 and growing.degree() >= 1 and growing.LC().is_positive
    )
    if not fits:
        return []
    goal = sp.Le(affine.nth(1) ** 2, 1, evaluate=False)
    return [Condition(f"boundedness far away on {name}", theorem, theorem.all_hypotheses, (), goal, **extra)]


def _orbit_points(theorem: Theorem) -> Iterator[tuple[sp.Expr, str]]:
    z = sp.Symbol("point!", positive=True)
    image = coordinate_environment(theorem, [z])["w_next"][0]
    if image.has(sp.sign, sp.Abs, sp.Piecewise):
        return
    mirrored = coordinate_environment(theorem, [-z])["w_next"][0]
    odd = sp.expand(image + mirrored) == 0  # or −r need not lead back to r
    for sign, kind in ((-1, "the 2-cycle"), (1, "a fixed point")) if odd else ((1, "a fixed point"),):
        for r in closed_roots(sp.together(image - sign * z), z) or ():
            if not r.is_zero and not r.has(z):
                yield r, kind


def _substituted(e: Any, change: dict[Any, Any]) -> Any:
    return e.subs(change) if change else e


def _limits_at(theorem: Theorem, claim: Any, r: sp.Expr) -> tuple[Any, Any, tuple[Any, ...]] | None:
    env = coordinate_environment(theorem, [r])
    env["w_start"] = env["w"]
    symbolic = Symbolic()
    context: list[Any] = []
    sides = []
    bound = claim.bound if isinstance(claim, Envelope) else claim.value
    for e in (claim.observable, bound):
        value = symbolic.run(lower(e), env, theorem.loss)["result"]
        step = next((s for s in value.free_symbols if s.name == "t"), None)
        for power in value.atoms(sp.Pow) if step is not None else ():
            if power.exp == step:
                context += [sp.Lt(power.base, 1, evaluate=False), sp.Gt(power.base, -1, evaluate=False)]
                value = value.xreplace({power: sp.S.Zero})
        if any(s.name == "t" for s in value.free_symbols) or value.has(sp.oo):
            return None
        sides.append(value)
    return sides[0], sides[1], tuple(context)
