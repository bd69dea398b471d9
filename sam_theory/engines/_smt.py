"""The engine smt: z3 decides whether a goal follows, over the reals, with exact coefficients.

Each goal is cut into the cases of its signs, absolute values and extrema; denominators are multiplied out with
the sign that the hypotheses give them; what is left are polynomials.  Budgets are z3's resource units, so that
an answer repeats on every machine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import sympy as sp
import z3
from sympy.core.relational import Relational as Relation
from sympy.logic.boolalg import And, Implies, Not, Or

from sam_theory.arithmetic import Smt, lower
from sam_theory.engines._context import Shared, one_context, shared
from sam_theory.engines._factors import impossible_by_factors
from sam_theory.engines._flatten import Flattening, compared, relation
from sam_theory.engines._goal import Goal
from sam_theory.engines._monomials import linearly_contradictory
from sam_theory.engines._points import rational_point
from sam_theory.engines._polynomial import ANY, NEGATIVE, POSITIVE, ZERO, expanded, is_polynomial
from sam_theory.engines._signs import Signs
from sam_theory.errors import InputError

_SIGN_UNITS = 400_000
#: Only a safety net: nlsat does not count all of its work on nested roots against rlimit.
_MILLISECONDS = 120_000

#: Where the contradictions go that z3 finds, while somebody asks for them.
_CONTRADICTIONS: ContextVar[list[list[Any]] | None] = ContextVar("contradictions", default=None)


@dataclass(frozen=True)
class Answer:
    """``proved``, ``refuted`` (a model of the negation: not yet a witness), ``unknown`` or ``empty``.

    ``empty``: the assumptions contradict each other, so that an implication would prove nothing.
    """

    status: str
    detail: str
    model: dict[str, str] | None = None


class VanishingDenominator(ValueError):
    """The hypotheses do not say that a denominator differs from 0."""


def close(goal: Goal, rlimit: int) -> Answer:
    """Ask z3 whether ``goal`` follows from its assumptions and facts."""
    with one_context():
        return _close(goal, rlimit)


def _close(goal: Goal, rlimit: int) -> Answer:
    given = [bare(a) for a in goal.assumptions]
    assumptions = [*given, *map(bare, goal.facts)]
    aim = bare(goal.goal)
    logged = _CONTRADICTIONS.get() is not None
    consistent = _check(assumptions, rlimit) if logged else _consistent(tuple(assumptions), rlimit)
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
    token = _CONTRADICTIONS.set(found)
    try:
        return close(goal, rlimit), found
    finally:
        _CONTRADICTIONS.reset(token)


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
    logged = _CONTRADICTIONS.get() is not None
    for radicand in dict.fromkeys(scout.radicands):
        # Whoever asks for contradictions gets z3's, without denominators.
        if radicand.is_nonnegative or (not logged and relation(radicand, ">=", sp.S.Zero) in plain):
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
            cleared = _clear_all(case).relations
        except VanishingDenominator as problem:
            unknown = str(problem)
            continue
        if linear_first and linearly_contradictory(cleared, rlimit):
            _record(cleared)
            continue
        if linear_first and impossible_by_factors(cleared, _sign_under):
            _record(cleared)
            continue
        status, model = _solve(cleared, rlimit)
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
    simple = [p for p in parts if not isinstance(p, Relation) or _has_no_denominator(p.lhs - p.rhs)]
    return _solve(simple, _SIGN_UNITS)[0] == "unsat"


def _has_no_denominator(e: sp.Expr) -> bool:
    return is_polynomial(e) or not _fraction(e)[2]


# -- denominators ------------------------------------------------------------------------------------------------
@dataclass
class _Known:
    """Relations without denominators, and the signs of factors that they decide."""

    relations: list[Any] = field(default_factory=list)
    read: Signs = field(default_factory=Signs)
    signs: dict[sp.Expr, int | None] = field(default_factory=dict)

    def add(self, part: Any) -> None:
        self.relations.append(part)
        self.read.add(part)

    def sign(self, factor: sp.Expr) -> int | None:
        """1, −1, 0 (for: not zero, either sign) or None; None may change as relations are added."""
        if self.signs.get(factor) is None:
            self.signs[factor] = self._decided(factor)
        return self.signs[factor]

    def _decided(self, factor: sp.Expr) -> int | None:
        possible = self.read.of(factor)
        for operator, answer, signs, sought in _NEGATIONS:
            negation = relation(factor, operator, 0)
            if negation is sp.false:
                return answer
            query = [*self.relations, negation]
            if not possible & signs:
                _record(query)
                return answer
            if possible & sought and _solve(query, _SIGN_UNITS)[0] == "unsat":
                return answer
        return None


#: The negation that is to be contradictory, the answer if it is, the signs of which it speaks, those sought instead.
_NEGATIONS = (("<=", 1, NEGATIVE | ZERO, POSITIVE), (">=", -1, POSITIVE | ZERO, NEGATIVE), ("==", 0, ZERO, ANY))


def _sign_under(relations: list[Any]) -> Callable[[sp.Expr], int | None]:
    known = _Known()
    for p in relations:
        known.add(p)

    def sign(factor: sp.Expr) -> int | None:
        token = _CONTRADICTIONS.set(None)  # The contradiction to keep is that of the whole system.
        try:
            return known.sign(factor)
        finally:
            _CONTRADICTIONS.reset(token)

    return sign


def _clear_all(parts: list[Any]) -> _Known:
    """Multiply out every denominator; a cleared relation may decide the sign of the next denominator."""
    known = _Known()
    todo = parts
    while todo:
        left = []
        problem: VanishingDenominator | None = None
        for part in todo:
            try:
                known.add(_clear(part, known))
            except VanishingDenominator as found:
                left.append(part)
                problem = found
        if len(left) == len(todo) and problem is not None:
            raise problem
        todo = left
    return known


def _clear(part: Any, known: _Known) -> Any:
    if not isinstance(part, Relation):
        return part.func(*(_clear(a, known) for a in part.args)) if part.args else part
    difference = part.lhs - part.rhs
    if is_polynomial(difference):
        return relation(expanded(difference, integral=True), part.rel_op, sp.S.Zero)
    numerator, coefficient, factors = _fraction(difference)
    sign, keep = (1 if coefficient > 0 else -1), sp.S.One
    for factor, power in factors:
        found = known.sign(factor)
        if found is None:
            raise VanishingDenominator(f"the hypotheses do not exclude that {factor} vanishes")
        if power % 2:
            sign, keep = (sign, keep * factor) if found == 0 else (sign * found, keep)
    cleared = sign * numerator * keep
    return relation(expanded(cleared) if is_polynomial(cleared) else sp.expand(cleared), part.rel_op, sp.S.Zero)


@lru_cache(maxsize=4096)
def _fraction(e: sp.Expr) -> tuple[sp.Expr, sp.Expr, tuple[tuple[sp.Expr, int], ...]]:
    """Numerator, and constant and factors of the denominator: goals of one theorem share their assumptions."""
    numerator, denominator = sp.fraction(sp.together(e))
    coefficient, factors = sp.factor_list(denominator) if denominator.free_symbols else (denominator, [])
    return numerator, coefficient, tuple(factors)


def never_zero(known: list[Any], denominator: sp.Expr) -> bool:
    """Whether the (flattened) relations exclude that ``denominator`` vanishes."""
    if not denominator.free_symbols:
        return bool(denominator != 0)
    try:
        cleared = _clear_all([p for p in known if p is not sp.true])
    except VanishingDenominator:
        return False
    factors = sp.factor_list(sp.numer(sp.together(denominator)))[1]
    return all(cleared.sign(factor) is not None for factor, _ in factors)


# -- z3 ------------------------------------------------------------------------------------------------------------
def _solve(parts: Sequence[Any], rlimit: int) -> tuple[str, dict[str, str] | None]:
    own = shared()
    symbols = sorted({s for p in parts for s in _symbols(p)}, key=lambda s: s.name)
    env = {s.name: z3.Real(s.name, own.context) for s in symbols}
    solver = z3.Tactic("qfnra-nlsat", ctx=own.context).solver()
    solver.set("rlimit", rlimit)
    solver.set("timeout", _MILLISECONDS)
    try:
        solver.add(*(_term(p, own, env) for p in parts))
        status = str(solver.check())
        if status == "unknown" and solver.reason_unknown() == "timeout":
            return "stopped by the clock", None
    except z3.Z3Exception as problem:
        return f"error: {problem}", None
    if status == "unsat":
        _record(parts)
    if status != "sat":
        return status, None
    model = solver.model()
    found = {s.name: model[env[s.name]] for s in symbols}
    return status, {name: str(v) for name, v in found.items() if v is not None}


def _record(parts: Sequence[Any]) -> None:
    """Keep a contradiction for whoever asks for them."""
    log = _CONTRADICTIONS.get()
    if log is not None:
        log.append(list(parts))


@lru_cache(maxsize=8192)
def _symbols(part: Any) -> frozenset[sp.Symbol]:
    return frozenset(getattr(part, "free_symbols", ()))


def _term(part: Any, own: Shared, env: dict[str, Any]) -> Any:
    """The relation as a z3 term, built once in a context."""
    known = own.terms.get(part)
    if known is None:
        known = own.terms[part] = _built(part, own, env)
    return known


def _built(part: Any, own: Shared, env: dict[str, Any]) -> Any:
    if part in (True, sp.true) or part in (False, sp.false):
        return z3.BoolVal(bool(part), own.context)
    if isinstance(part, Relation):
        arithmetic = Smt(own.context)
        left, right = (arithmetic.run(lower(side), env)["result"] for side in (part.lhs, part.rhs))
        return {
            "<": lambda: left < right,
            "<=": lambda: left <= right,
            ">": lambda: left > right,
            ">=": lambda: left >= right,
            "==": lambda: left == right,
            "!=": lambda: left != right,
        }[part.rel_op]()
    terms = [_term(a, own, env) for a in part.args]
    if isinstance(part, And):
        return z3.And(*terms)
    if isinstance(part, Or):
        return z3.Or(*terms)
    if isinstance(part, Not):
        return z3.Not(terms[0])
    if isinstance(part, Implies):
        return z3.Implies(*terms)
    raise InputError(f"{part} is not a combination of relations")
