"""The two halves of an answer: the statement holds up to a value, and fails beyond it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import sympy as sp

from sam_theory.arithmetic import Vec, closed_roots
from sam_theory.engines import _smt
from sam_theory.engines._budget import Budget
from sam_theory.engines._goal import Goal
from sam_theory.engines._prove import PROVERS, prove
from sam_theory.engines._search import confirm_at, refute
from sam_theory.engines._synthesize import _algebra
from sam_theory.engines._synthesize._candidates import fraction_beyond, sample_points
from sam_theory.engines._synthesize._conditions import Condition
from sam_theory.engines._synthesize._question import Question, rational, truth
from sam_theory.errors import InputError
from sam_theory.losses import Quadratic
from sam_theory.theorems import Envelope, Inequality, Instance, Limit, Step, Theorem
from sam_theory.verdicts import Evidence, Verdict, Witness, trust_base_of

#: Relative distances at which a witness is looked for, the nearest first.
DISTANCES = (Fraction(1, 2**20), Fraction(1, 2**10), Fraction(1, 2**6), Fraction(1, 8))
#: Values that a claim is tried at before it is said to hold nowhere.
_ANYWHERE = (Fraction(1, 2**10), Fraction(1, 8), Fraction(1), Fraction(8), Fraction(2**10))
#: How far beyond the answer the failure is shown, as parts of the answer; None: everywhere beyond.
_WINDOWS = (None, sp.Rational(1, 4), sp.Rational(1, 64))


def proof_of(theorem: Theorem, budget: Budget) -> Evidence | None:
    """The proof of ``theorem``, if the provers find one."""
    try:
        found = prove(theorem, PROVERS, budget, np.random.default_rng(0))
    except InputError:
        return None
    proof = next((e for e in found if e.established is Verdict.PROVED), None)
    return None if proof is None else replace(proof, trust_base=trust_base_of(found, Verdict.PROVED))


def prove_within(question: Question, value: sp.Expr, included: bool, budget: Budget) -> Evidence | None:
    """The proof of the statement up to ``value``; with a factor of a bound also from its proof at that factor."""
    found = proof_of(question.restricted(question.within(value, included)), budget)
    if found is not None or question.factor_of is None or not included:
        return found
    u = question.unknown
    fixed = question.theorem.expanded_claim.map(lambda e: e.subs(u, value))
    aim = _weaker(question.theorem.expanded_claim, fixed)
    if aim is None:
        return None
    assumptions = (*question.theorem.all_hypotheses, question.within(value))
    if _smt.close(Goal("a weaker bound", assumptions, aim), budget.rlimit).status != "proved":
        return None
    original = proof_of(_with_factor(question, value), budget)
    if original is None:
        return None
    return replace(original, detail=f"{original.detail}; the bound is the weaker the farther {u} is from {value}")


def _with_factor(question: Question, value: sp.Expr) -> Theorem:
    """The statement with its factor at ``value``, in its proof too."""
    u, theorem = question.unknown, question.theorem

    def put(e: Any) -> Any:
        return e.subs(u, value) if isinstance(e, sp.Basic) else e

    proof = tuple(
        replace(p, claim=p.claim.map(put)) if isinstance(p, Step) else p.expanded(put)
        for p in (question.plain_proof if value == 1 else theorem.proof)
    )
    return theorem.with_(claim=theorem.expanded_claim.map(put), where={}, proof=proof)


def _weaker(claim: Any, fixed: Any) -> Any:
    """Each bound of ``claim`` is implied by that of ``fixed``, where they differ by parameters alone."""
    if isinstance(claim, Inequality) and claim.given == fixed.given:
        left, right = claim.lhs - fixed.lhs, claim.rhs - fixed.rhs
    elif isinstance(claim, Envelope) and claim.observable == fixed.observable:
        left, right = sp.S.Zero, claim.bound - fixed.bound
    elif isinstance(claim, Limit) and claim.observable == fixed.observable and claim.relation in ("<=", ">="):
        left, right = sp.S.Zero, claim.value - fixed.value
        left, right = (left, right) if claim.relation == "<=" else (right, left)
    else:
        return None
    difference = sp.expand(right - left)
    foreign = difference.atoms(Vec) or any(s.name == "t" for s in difference.free_symbols)
    return None if foreign else sp.Ge(difference, 0, evaluate=False)


# -- failure for every value beyond ------------------------------------------------------------------------------
def failure_beyond(
    question: Question, conditions: list[Condition], value: sp.Expr | None, included: bool, budget: Budget
) -> tuple[Condition, str, dict[sp.Symbol, sp.Expr]] | None:
    """A condition that fails beyond ``value`` (everywhere, if None): the condition, where, and at which state."""
    u = question.unknown
    for c in (*conditions, *_at_boundaries(question, conditions, value)):
        bound = None if value is None else value.subs(dict(c.swap))
        inside = [] if bound is None else [_relation(question, u, bound, included)]
        existential = [
            sp.Gt(s, 0, evaluate=False)
            for s in c.theorem.symbols
            if s != u and s.is_nonnegative and not s.is_positive and (bound is None or s not in bound.free_symbols)
            and s not in question.at
        ]  # fmt: skip
        for state in states_of(c, u, bound):
            if not _seen_to_fail(question, c, state, value, included):
                continue
            aim = sp.And(*(r.subs(state) for r in c.context), sp.Not(c.goal.subs(state)))
            for window in _WINDOWS if bound is not None else (None,):
                near = [] if window is None else [_relation(question, question.moved(bound, window), u, False)]
                assumptions = (*c.assumptions, *existential, *inside, *near)
                answer = _smt.close(Goal("fails beyond", assumptions, aim), budget.rlimit // 4)
                if answer.status == "proved":
                    return c, _where(question, bound, included, window), state
    return None


def _seen_to_fail(
    question: Question, c: Condition, state: dict[sp.Symbol, sp.Expr], value: sp.Expr | None, included: bool
) -> bool:
    """Whether a condition fails at a few rational instances beyond ``value``: else z3 need not be asked."""
    aim = [*(r.subs(state) for r in c.context), sp.Not(c.goal.subs(state))]
    for point in sample_points(question):
        centre = sp.S.One if value is None else value.subs(point)
        if not (centre.is_number and centre.is_real):
            continue
        near = [fraction_beyond(question, centre, d) for d in (Fraction(1, 2**10), Fraction(1, 100))]
        for at in map(rational, near if value is not None else _ANYWHERE):
            values = {**point, question.unknown: at}
            values |= {a: b.subs(values) for a, b in c.swap}
            values |= {a: b.subs(values) for a, b in c.swap}
            values = {s: sp.S.One if v == 0 and s != question.unknown else v for s, v in values.items()}
            if any(truth(h, values) is False for h in c.assumptions):
                continue
            if not all(truth(r, values) for r in aim):
                return False
    return True


def _at_boundaries(question: Question, conditions: list[Condition], value: sp.Expr | None) -> Iterator[Condition]:
    """The conditions with one of the quantified parameters moved to where a hypothesis ends."""
    taken = {question.unknown, *question.at, *(value.free_symbols if value is not None else ())}
    for c in conditions:
        for h in c.assumptions:
            if not isinstance(h, (sp.LessThan, sp.GreaterThan)) or h.rhs == 0:
                continue
            for s in sorted(h.free_symbols - taken, key=lambda x: x.name):
                solutions = closed_roots(h.lhs - h.rhs, s)
                if solutions is None or len(solutions) != 1:
                    continue
                swap = {s: solutions[0]}
                changed = [r.subs(swap) for r in c.assumptions]
                if sp.false in changed:
                    continue
                yield replace(
                    c,
                    name=f"{c.name}, {s} = {solutions[0]}",
                    assumptions=tuple(r for r in changed if r is not sp.true),
                    context=tuple(r.subs(swap) for r in c.context),
                    goal=c.goal.subs(swap),
                    start=None if c.start is None else c.start.subs(swap),
                    curvature=None if c.curvature is None else c.curvature.subs(swap),
                    swap=(*c.swap, *swap.items()),
                )


def _relation(question: Question, left: Any, right: Any, closed_before: bool) -> Any:
    """left beyond right; strictly where ``right`` itself still holds."""
    probe = replace(question, unknown=left)
    return probe.beyond(right, included=not closed_before)


def _where(question: Question, bound: Any, included: bool, window: Any) -> str:
    if bound is None:
        return f"for every admissible {question.unknown}"
    sign = {(True, True): ">", (True, False): ">=", (False, True): "<", (False, False): "<="}
    text = f"for every {question.unknown} {sign[question.largest, included]} {bound}"
    return text if window is None else f"{text} within {window} of it"


def states_of(c: Condition, u: sp.Symbol, bound: sp.Expr | None) -> list[dict[sp.Symbol, sp.Expr]]:
    """States at which a condition may fail: unit states, and those where a polynomial touches 0 at the bound."""
    if not c.states:
        return [{}]
    if len(c.states) > 1:
        return [dict.fromkeys(c.states, sp.S.One)]
    (z,) = c.states
    touching: dict[sp.Expr, None] = {}
    found: dict[sp.Expr, None] = {sp.S.One: None}
    for p in _algebra.of_relations([c.goal]):
        if not p.has(z):
            continue
        at_bound = p if bound is None else sp.expand(p.subs(u, bound))
        try:
            poly, there = sp.Poly(p, z), sp.Poly(at_bound, z)
        except sp.PolynomialError:
            continue
        if poly.nth(0) != 0:
            # so near 0 that the constant term decides: |c₁z + c₂z² + …| ≤ z(|c₁| + |c₂| + …) for z ≤ 1
            found.setdefault(sp.Abs(poly.nth(0)) / (2 * sp.Add(*map(sp.Abs, poly.all_coeffs()))))
        if bound is not None and there.degree() >= 2:
            touching.update(dict.fromkeys((*_between(poly), *_touching(there))))
        if poly.degree() >= 1 and poly.nth(1) != 0 and poly.nth(0) != 0:
            small = sp.cancel(poly.nth(0) / poly.nth(1))
            found.update({small / k * s: None for k in (2, 8) for s in (1, -1)})
    return [{z: e} for e in list(touching | found)[:12]]


def _between(poly: sp.Poly) -> list[sp.Expr]:
    """Where two roots meet as parameters change: the root of the linear subresultant of a polynomial and its slope."""
    try:
        linear = [r for r in map(sp.Poly, sp.subresultants(poly, poly.diff())) if r.degree(poly.gen) == 1]
    except (sp.PolynomialError, ValueError, TypeError):
        return []
    return [sp.factor(-r.as_expr().subs(poly.gen, 0) / r.as_expr().coeff(poly.gen, 1)) for r in linear[:1]]


def _touching(poly: sp.Poly) -> list[sp.Expr]:
    """Real points where a polynomial with numeric coefficients touches 0, as rationals close to them."""
    if poly.free_symbols_in_domain:
        return []
    try:
        poly = sp.Poly([sp.N(c, 40) for c in poly.all_coeffs()], poly.gen)
        values = [r for r in poly.diff().nroots(n=30, maxsteps=200) if abs(sp.im(r)) < 1e-15]
    except (sp.PolynomialError, ValueError, TypeError):
        return []
    scale = max((abs(c) for c in poly.all_coeffs()), default=1)
    near = [r for r in values if abs(poly.eval(sp.re(r))) < scale * sp.Float("1e-12")]
    return [sp.Rational(int(sp.floor(sp.re(r) * 10**15)), 10**15) for r in near]


# -- a witness just beyond -----------------------------------------------------------------------------------------
def witness_beyond(
    question: Question,
    value: sp.Expr,
    found: tuple[Condition, dict[sp.Symbol, sp.Expr]] | None,
    budget: Budget,
) -> tuple[Witness, Fraction] | None:
    """A confirmed witness at a rational as near beyond ``value`` as one is found, and where it lies."""
    points = sample_points(question, 6)
    for distance in DISTANCES:
        for point in points:
            exact = value.subs(point)
            if not exact.is_number or not exact.is_real:
                continue
            at = fraction_beyond(question, exact, distance)
            witness = _witness_at(question, at, point, found, budget)
            if witness is not None:
                return witness, at
    for distance in DISTANCES[-2:]:
        for point in (p for p in points[:1] if value.subs(p).is_number and value.subs(p).is_real):
            at = fraction_beyond(question, value.subs(point), distance)
            witness = refute(_fixed(question, at, point), "quick")
            if witness is not None:
                return witness, at
    return None


def fails_at(
    question: Question, conditions: list[Condition], at: Fraction, point: Any, budget: Budget
) -> Witness | None:
    """A confirmed witness where the unknown and the other parameters have these values."""
    for c in conditions:
        values = {**point, **{a: b.subs(point) for a, b in c.swap}}
        for state in states_of(replace(c, goal=c.goal.subs(values)), question.unknown, rational(at)):
            witness = _witness_at(question, at, point, (c, state), budget)
            if witness is not None:
                return witness
    return refute(_fixed(question, at, point), "quick")


def _fixed(question: Question, at: Fraction, point: Any) -> Theorem:
    equal = [sp.Eq(s, v, evaluate=False) for s, v in point.items()]
    theorem = question.restricted(*equal, sp.Eq(question.unknown, rational(at), evaluate=False))
    return theorem.with_(status="quoted", expected="refuted", proof=())


def _witness_at(
    question: Question,
    at: Fraction,
    point: Any,
    found: tuple[Condition, dict[sp.Symbol, sp.Expr]] | None,
    budget: Budget,
) -> Witness | None:
    """The instance of a condition that fails, in rationals, handed to the search engine for confirmation."""
    if found is None:
        return None
    c, state = found
    values = {**point, question.unknown: rational(at)}
    for old, new in (*c.swap, *c.swap):  # a value that is swapped may stand in another
        if old in values:
            values[old] = new.subs(values)
    for s in c.theorem.symbols:
        if s in values and s not in question.at and values[s] == 0:
            values[s] = sp.S.One
    if any(truth(h, values) is False for h in c.assumptions):
        return None
    start: tuple[Any, ...] = ()
    if c.start is not None:
        start = (c.start.subs(values),)
    elif c.states:
        start = tuple(state.get(s, sp.S.One).subs(values) for s in c.states)
    if not all(s.is_number and s.is_real and s.is_finite for s in start):
        return None
    start = tuple(_rational_near(s) for s in start)
    loss = None if c.curvature is None else Quadratic(c.curvature.subs(values))
    size = c.theorem.loss.dimension or 1
    start = start if len(start) == size else tuple(sp.S.One for _ in range(size))
    theorem = question.theorem.with_(status="quoted", expected="refuted", proof=())
    if c.refutes is not None:
        theorem = theorem.with_(claim=c.refutes, where={}, hypotheses=tuple(map(theorem.expand, theorem.hypotheses)))
    names = {s.name for s in theorem.symbols}
    params = {s.name: Fraction(int(v.p), int(v.q)) for s, v in values.items() if s.name in names}
    return confirm_at(theorem, Instance(params, start, loss), budget)


def _rational_near(e: sp.Expr) -> sp.Rational:
    if e.is_Rational:
        return e
    return sp.Rational(int(sp.floor(sp.N(e, 40) * 10**18)), 10**18)
