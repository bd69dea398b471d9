"""The engine symbolic: equalities reduced to 0 by exact algebra, limits in a parameter by SymPy.

An equality is cut into the cases of its signs; roots obey r² = a; what is left must be the zero polynomial.
Nothing is decided by simplification heuristics alone: a remainder that does not cancel is ``unknown``, and the
caller re-evaluates every success at random exact rationals.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sympy as sp

from sam_theory.arithmetic import Vec
from sam_theory.engines._denominators import never_zero
from sam_theory.engines._flatten import Flattening
from sam_theory.engines._goal import Goal
from sam_theory.engines._laurent import Laurent, NoSeries
from sam_theory.engines._smt import Answer, bare, satisfiable
from sam_theory.engines._vanishing import vanishes
from sam_theory.theorems import Limit, Theorem

#: terms of a series before SymPy is asked for the limit
_TERMS = 6
_DIFFERENCE = sp.Symbol("difference!", real=True)


def close(goal: Goal) -> Answer:
    """Reduce an equality to 0; other relations are ``unknown`` to this engine."""
    aim = goal.goal
    if isinstance(
        aim, sp.Eq
    ):  # not evaluated: SymPy would ask for the sign of a difference that is put to the test below
        left, right = bare(aim.lhs), bare(aim.rhs)
        aim = sp.true if left == right else sp.Eq(left, right, evaluate=False)
    if aim is sp.true:
        return Answer("proved", "both sides are the same expression")
    if not isinstance(aim, sp.Eq):
        return Answer("unknown", "not an equality")
    assumptions = [bare(a) for a in goal.assumptions]
    aim = _with_equalities(aim, assumptions)
    flat = Flattening(split_all=True)
    difference = sp.Eq(_DIFFERENCE, flat(aim.lhs - aim.rhs), evaluate=False)
    count = 0
    for case in flat.cases([difference, *map(flat, assumptions)], lambda _: False):
        count += 1
        rest = next(p.rhs for p in case if isinstance(p, sp.Eq) and p.lhs == _DIFFERENCE)
        known = [p for p in case if _DIFFERENCE not in p.free_symbols]
        if not vanishes(_with_zeros(rest, case), flat.roots):
            return Answer("unknown", f"{rest} was not reduced to 0")
        for denominator in sorted(_denominators(rest), key=sp.default_sort_key):
            if not never_zero(known, denominator):
                return Answer("unknown", f"reduced to 0, but the hypotheses do not exclude that {denominator} vanishes")
    return Answer("proved", f"reduced to 0 in {count} case(s)")


def _with_equalities(aim: Any, assumptions: list[Any]) -> Any:
    """Use hypotheses of the form ``symbol = expression``."""
    for a in assumptions:
        if isinstance(a, sp.Eq) and a.lhs.is_Symbol and not a.rhs.has(a.lhs):
            aim = sp.Eq(aim.lhs.xreplace({a.lhs: a.rhs}), aim.rhs.xreplace({a.lhs: a.rhs}), evaluate=False)
    return aim


def _with_zeros(e: Any, case: list[Any]) -> Any:
    """Put in what a case says is 0 (the argument of a sign), and which values of opaque functions are the same."""
    for p in case:
        if isinstance(p, sp.Eq) and p.lhs.is_Symbol and (p.rhs == 0 or (_is_value(p.lhs) and _is_value(p.rhs))):
            e = e.subs(p.lhs, p.rhs)
    return e


def _is_value(e: sp.Expr) -> bool:
    return bool(e.is_Symbol) and e.name.startswith("value!")


def _denominators(e: sp.Expr) -> set[sp.Expr]:
    """Everything that is divided by, before anything cancels."""
    return {p.base for p in e.atoms(sp.Pow) if p.exp.could_extract_minus_sign()}


def parameter_limit(theorem: Theorem) -> Answer:
    """The limit of an algebraic formula in a parameter, from every side that the hypotheses admit.

    SymPy takes the other parameters as generic.  The limit it finds holds for all admitted ones if nothing that is
    divided by, and nothing under a root, a sign or an absolute value, has a leading coefficient that may vanish.
    """
    claim = theorem.expanded_claim
    if not isinstance(claim, Limit) or claim.variable is None:
        return Answer("unknown", "not a limit in a parameter")
    if any(e.atoms(Vec) for e in claim.formulas() if isinstance(e, sp.Basic)):
        return Answer("unknown", "the limit of an observable of the state in a parameter is beyond this engine")
    if any(not isinstance(f, (sp.Abs, sp.sign)) for f in claim.observable.atoms(sp.Function, sp.Piecewise)):
        return Answer("unknown", "the limit of a formula that is not algebraic is beyond this engine")
    hypotheses, x, to = theorem.all_hypotheses, claim.variable, claim.to
    small = sp.Symbol("small!", positive=True)
    if to.is_infinite:
        approaches = {"oo" if to > 0 else "-oo": sp.sign(to) / small}
    else:
        sides = (("+", sp.StrictGreaterThan, to + small), ("-", sp.StrictLessThan, to - small))
        approaches = {d: path for d, r, path in sides if satisfiable((*hypotheses, r(bare(x), bare(to)))) is not False}
    if not approaches or any(isinstance(h, sp.Eq) and x in h.free_symbols for h in hypotheses):
        return Answer("unknown", f"the hypotheses tie other parameters to {x}, or keep it from tending to {to}")
    if not _leave_free(hypotheses, x, to):
        return Answer("unknown", f"a hypothesis on {x} and other parameters need not hold near {to}")
    known = [bare(h) for h in hypotheses if x not in h.free_symbols]
    for direction, path in approaches.items():
        formula = claim.observable.xreplace({x: path})
        expand = Laurent(
            small, _TERMS, lambda _: None, sorted(formula.free_symbols - {small}, key=lambda s: s.name), generic=True
        )
        try:
            for part in _decisive(formula):
                leading = _leading(part, small, expand)
                if not never_zero(known, bare(leading)):
                    return Answer("unknown", f"the hypotheses do not exclude that {leading} vanishes")
            found = _limit(formula, small, expand)
        except (NotImplementedError, ValueError, TypeError) as problem:  # what SymPy raises where it knows no limit
            return Answer("unknown", f"SymPy finds no limit: {problem}")
        if sp.simplify(found - claim.value) != 0:
            return Answer("unknown", f"SymPy finds the limit {found} from the side {direction}")
    return Answer("proved", f"the limit is {claim.value}, from {' and '.join(approaches)}")


def _leave_free(hypotheses: Sequence[Any], x: sp.Symbol, to: sp.Expr) -> bool:
    """Whether hypotheses that tie ``x`` to other parameters hold near the limit, whatever these are."""
    rest = [h for h in hypotheses if x not in h.free_symbols]
    for h in hypotheses:
        if x not in h.free_symbols or not h.free_symbols - {x} or isinstance(h, sp.Ne):
            continue
        if to.is_infinite or not isinstance(h, (sp.StrictLessThan, sp.StrictGreaterThan)):
            return False
        there = h.subs(x, to)
        if there is sp.true:
            continue
        if there is sp.false or satisfiable((*rest, sp.Not(there))) is not False:
            return False
    return True


def _leading(e: sp.Expr, small: sp.Symbol, expand: Laurent) -> sp.Expr:
    """The leading coefficient as ``small`` → 0: by series of rational functions, else by SymPy."""
    try:
        return expand.expression(expand(e).leading()[1])
    except NoSeries:
        return sp.simplify(e).as_leading_term(small).subs(small, 1)


def _limit(e: sp.Expr, small: sp.Symbol, expand: Laurent) -> sp.Expr:
    try:
        series = expand(e)
        if series.valuation >= 0:
            return expand.expression(series.coefficient(0))
    except NoSeries:
        pass
    return sp.limit(e, small, 0, "+")


def _decisive(e: sp.Expr) -> list[sp.Expr]:
    """What is divided by, and what stands under a root, a sign or an absolute value."""
    roots = {p.base for p in e.atoms(sp.Pow) if not p.exp.is_Integer}
    signs = {f.args[0] for f in e.atoms(sp.sign, sp.Abs)}
    return sorted({d for d in _denominators(e) | roots | signs if d.free_symbols}, key=sp.default_sort_key)
