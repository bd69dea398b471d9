"""The engine smt: z3 decides whether a goal follows, over the reals, with exact coefficients.

Each goal is cut into the cases of its signs, absolute values and extrema; denominators are multiplied out with
the sign that the hypotheses give them; what is left are polynomials.  Budgets are z3's resource units, so that
an answer repeats on every machine.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import sympy as sp
from sympy.core.relational import Relational as Relation
from sympy.logic.boolalg import Not

from sam_theory.engines._context import one_context
from sam_theory.engines._denominators import SIGN_UNITS, VanishingDenominator, clear_all, has_no_denominator, sign_under
from sam_theory.engines._factors import impossible_by_factors
from sam_theory.engines._flatten import Flattening, compared, relation
from sam_theory.engines._goal import Goal
from sam_theory.engines._monomials import linearly_contradictory
from sam_theory.engines._points import rational_point
from sam_theory.engines._signs import impossible_by_signs
from sam_theory.engines._solver import contradictions, record, recording, solve


@dataclass(frozen=True)
class Answer:
    """``proved``, ``refuted`` (a model of the negation: not yet a witness), ``unknown`` or ``empty``.

    ``empty``: the assumptions contradict each other, so that an implication would prove nothing.
    """

    status: str
    detail: str
    model: dict[str, str] | None = None


def close(goal: Goal, rlimit: int) -> Answer:
    """Ask z3 whether ``goal`` follows from its assumptions and facts."""
    with one_context():
        return _close(goal, rlimit)


def _close(goal: Goal, rlimit: int) -> Answer:
    given = [bare(a) for a in goal.assumptions]
    assumptions = [*given, *map(bare, goal.facts)]
    aim = bare(goal.goal)
    consistent = _check(assumptions, rlimit) if recording() else _consistent(tuple(assumptions), rlimit)
    if consistent.status == "proved":
        return Answer("empty", "the assumptions and facts contradict each other")
    rooted = _unfounded_root(assumptions, aim, rlimit)
    if rooted is not None:
        return Answer("unknown", f"the assumptions do not say that {rooted} under a root is nonnegative")
    answer = _check(assumptions, rlimit, negation=Not(aim))
    if answer.status == "proved" and consistent.status == "unknown":
        consistent = _at_numbers(given, assumptions, rlimit)
    if answer.status == "proved" and consistent.status != "refuted":
        return Answer("unknown", f"unsat, but the assumptions were not shown satisfiable: {consistent.detail}")
    return answer


@lru_cache(maxsize=4096)
def _consistent(assumptions: tuple[Any, ...], rlimit: int) -> Answer:
    """Whether assumptions contradict each other; in a context of its own, so that no goal depends on another."""
    point = rational_point(assumptions)
    if point is not None:
        return Answer("refuted", "satisfiable", {name: str(value) for name, value in point.items()})
    with one_context():
        return _check(list(assumptions), rlimit, linear_first=False)


def _at_numbers(given: list[Any], assumptions: list[Any], rlimit: int) -> Answer:
    """Whether the assumptions have a common solution where the parameters have the values of a model of the given."""
    relations = [e for e in given if isinstance(e, sp.Basic) and all(map(_is_parameter, e.free_symbols))]
    model = _check(relations, rlimit).model or {}
    symbols = sorted(set().union(*(e.free_symbols for e in relations)), key=str)
    numbers = {x: sp.Rational(v) for x in symbols if set(v := model.get(x.name, "?")) <= set("0123456789-/")}
    pinned = [a.xreplace(numbers) if isinstance(a, sp.Basic) else a for a in assumptions]
    if not numbers or any(a in (False, sp.false) for a in pinned):
        return Answer("unknown", "no numbers were found")
    there = _check(pinned, rlimit)
    return there if there.status == "refuted" else Answer("unknown", f"{there.detail} at {numbers}")


def _is_parameter(x: sp.Symbol) -> bool:
    """Whether a symbol is no number that depends on the state, whose names hold marks that no parameter bears."""
    return not any(mark in x.name for mark in "|<(")


def close_with_contradictions(goal: Goal, rlimit: int) -> tuple[Answer, list[list[Any]]]:
    """The answer of :func:`close` with every system of relations that z3 called contradictory on the way."""
    found: list[list[Any]] = []
    with contradictions(found):
        return close(goal, rlimit), found


def bare(e: Any) -> Any:
    """``e`` over symbols that are merely real: what SymPy's assumptions say must stand among the relations."""
    return _bare(e) if isinstance(e, sp.Basic) else e


@lru_cache(maxsize=1 << 15)
def _bare(e: sp.Basic) -> Any:
    if isinstance(e, sp.Symbol):
        return sp.Symbol(e.name, real=True)
    if not e.free_symbols:
        return e
    args = tuple(_bare(a) for a in e.args)
    if isinstance(e, Relation):
        return relation(args[0], e.rel_op, args[1])
    if args == e.args:
        return e
    # SymPy chose the arguments of an extremum when it knew more; to choose again takes long.
    return e.func(*args, evaluate=False) if isinstance(e, (sp.Max, sp.Min)) else e.func(*args)


def undefined(goal: Goal, rlimit: int) -> str | None:
    """Why the formulas of ``goal`` may mean nothing where its assumptions hold; None if they always do.

    A radicand has to be shown nonnegative and a denominator nonzero; a system that gives √−1 or 1/0 some value of its
    own would otherwise prove what no one said.
    """
    assumptions = [bare(a) for a in (*goal.assumptions, *goal.facts)]
    aim = bare(goal.goal)
    rooted = _unfounded_root(assumptions, aim, rlimit)
    if rooted is not None:
        return f"the assumptions do not say that {rooted} under a root is nonnegative"
    powers = {p for e in (*assumptions, aim) if isinstance(e, sp.Basic) for p in e.atoms(sp.Pow)}
    below = {p.base for p in powers if p.exp.is_number and p.exp < 0 and p.base.free_symbols}
    for base in sorted(below, key=sp.default_sort_key):
        if _check([*assumptions, sp.Eq(base, 0, evaluate=False)], rlimit).status != "proved":
            return f"the hypotheses do not exclude that {base} vanishes"
    return None


def _unfounded_root(assumptions: list[Any], goal: Any, rlimit: int) -> Any:
    """A radicand that may be negative: its root would smuggle in an assumption."""
    scout = Flattening()
    for part in (*assumptions, goal):
        scout(part)
    plain = [a for a in assumptions if not _has_root(a)]
    for radicand in dict.fromkeys(scout.radicands):
        # Whoever asks for contradictions gets z3's, without denominators.
        if radicand.is_nonnegative or (not recording() and relation(radicand, ">=", sp.S.Zero) in plain):
            continue
        if _check([*plain, relation(radicand, "<", 0)], rlimit).status != "proved":
            return radicand
    return None


def _has_root(e: Any) -> bool:
    return any(p.exp.is_Rational and not p.exp.is_Integer for p in e.atoms(sp.Pow))


def satisfiable(relations: Sequence[Any], rlimit: int = 20_000_000) -> bool | None:
    """Whether some real numbers satisfy all relations; None if z3 gave up."""
    answer = _consistent(tuple(bare(r) for r in relations), rlimit)
    return {"proved": False, "refuted": True, "unknown": None}[answer.status]


def _check(parts: list[Any], rlimit: int, linear_first: bool = True, negation: Any = sp.true) -> Answer:
    """``proved`` if the parts and the negation of an aim have no common solution, ``refuted`` with one if they have.

    Linear arithmetic comes first where a contradiction is expected, last where it is not.
    """
    unknown = ""
    count = 0
    for case in _cases(parts, negation):
        count += 1
        try:
            cleared = clear_all(case).relations
        except VanishingDenominator as problem:
            unknown = str(problem)
            continue
        if impossible_by_signs(cleared) or (
            linear_first and (linearly_contradictory(cleared, rlimit) or impossible_by_factors(cleared, sign_under))
        ):
            record(cleared)
            continue
        status, model = solve(cleared, rlimit)
        if status == "sat":
            return Answer("refuted", "satisfiable", model)
        if status != "unsat" and (linear_first or not linearly_contradictory(cleared, rlimit)):
            unknown = f"z3: {status} within {rlimit} resource units"
    return Answer("unknown", unknown) if unknown else Answer("proved", f"unsat in {count} case(s)")


def _cases(parts: list[Any], negation: Any) -> Iterator[list[Any]]:
    for alternative in compared(negation):
        flat = Flattening()
        yield from flat.cases([flat(p) for p in (*parts, *alternative) if p not in (True, sp.true)], _contradictory)


def _contradictory(parts: list[Any]) -> bool:
    """Whether the parts without denominators already exclude each other (a quick check)."""
    simple = [p for p in parts if not isinstance(p, Relation) or has_no_denominator(p.lhs - p.rhs)]
    if impossible_by_signs(simple):
        record(simple)
        return True
    return solve(simple, SIGN_UNITS)[0] == "unsat"
