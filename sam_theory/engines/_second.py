"""The engine cvc5: a second opinion on what z3 decides (extra ``smt``).

Every system of polynomial relations that z3 calls contradictory on the way to a proof (a case of the negated goal, the
sign of a denominator, a case that cannot occur) is printed as SMT-LIB and decided again.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from typing import Any

import sympy as sp
from sympy.core.relational import Relational as Relation
from sympy.logic.boolalg import And, BooleanAtom, Implies, Not, Or

from sam_theory.engines import _smt
from sam_theory.engines._goal import Goal
from sam_theory.errors import InputError

_OP = {"<": "<", "<=": "<=", ">": ">", ">=": ">=", "==": "="}

#: z3's resource units for one of cvc5's.
_RATIO = 100


def available() -> bool:
    """Whether cvc5 is installed."""
    return importlib.util.find_spec("cvc5") is not None


def close(goal: Goal, rlimit: int) -> _smt.Answer:
    """``proved`` if z3 proves ``goal`` and cvc5 confirms every contradiction that z3 found on the way."""
    answer, systems = _smt.close_with_contradictions(goal, rlimit)
    if answer.status not in ("proved", "empty"):
        return _smt.Answer("unknown", f"z3 leaves nothing to confirm: {answer.status}")
    distinct = list({script(parts): parts for parts in systems})
    for text in distinct:
        status = decide(text, rlimit)
        if status != "unsat":
            return _smt.Answer("unknown", f"cvc5: {status} where z3 finds a contradiction")
    return _smt.Answer(answer.status, f"{len(distinct)} contradiction(s) of z3 confirmed")


def decide(text: str, rlimit: int) -> str:
    """``sat``, ``unsat`` or ``unknown`` for the assertions of an SMT-LIB script."""
    import cvc5

    manager = cvc5.TermManager()
    solver = cvc5.Solver(manager)
    for option, value in (("rlimit", str(max(1, rlimit // _RATIO))), ("nl-cov", "false"), ("nl-ext", "full")):
        solver.setOption(option, value)  # cylindrical coverings do not keep to a resource limit
    parser = cvc5.InputParser(solver)
    parser.setStringInput(cvc5.InputLanguage.SMT_LIB_2_6, text, "goal")
    while not (command := parser.nextCommand()).isNull():
        command.invoke(solver, parser.getSymbolManager())
    found = solver.checkSat()
    return "unsat" if found.isUnsat() else "sat" if found.isSat() else "unknown"


def script(parts: Sequence[Any]) -> str:
    """The relations as SMT-LIB 2.6.

    Examples
    --------
    >>> x = sp.Symbol("x")
    >>> print(script([x**2 < sp.Rational(-1, 2)]))
    (set-logic QF_NRA)
    (declare-const x0 Real)
    (assert (< (* x0 x0) (/ (- 1) 2)))
    """
    symbols = sorted({s for p in parts for s in getattr(p, "free_symbols", ())}, key=lambda s: s.name)
    names = {s: f"x{i}" for i, s in enumerate(symbols)}
    lines = ["(set-logic QF_NRA)", *(f"(declare-const {x} Real)" for x in names.values())]
    return "\n".join([*lines, *(f"(assert {_printed(p, names)})" for p in parts)])


def _printed(e: Any, names: dict[Any, str]) -> str:
    if isinstance(e, (bool, BooleanAtom)):  # not by ==, for which 1 is true
        return "true" if e else "false"
    if isinstance(e, sp.Symbol):
        return names[e]
    if isinstance(e, sp.Rational):
        p = f"(- {-e.p})" if e.p < 0 else str(e.p)
        return p if e.q == 1 else f"(/ {p} {e.q})"
    if isinstance(e, sp.Pow) and e.exp.is_Integer:
        power = _nary("*", [_printed(e.base, names)] * abs(int(e.exp)))
        return power if e.exp > 0 else f"(/ 1 {power})"
    if isinstance(e, Relation) and e.rel_op == "!=":
        return f"(not (= {_printed(e.lhs, names)} {_printed(e.rhs, names)}))"
    heads = ((sp.Add, "+"), (sp.Mul, "*"), (And, "and"), (Or, "or"), (Not, "not"), (Implies, "=>"))
    head = _OP[e.rel_op] if isinstance(e, Relation) else next((h for t, h in heads if isinstance(e, t)), None)
    if head is None:
        raise InputError(f"{e} is not a combination of relations between polynomials")
    return _nary(head, [_printed(a, names) for a in e.args])


def _nary(head: str, args: Sequence[str]) -> str:
    return args[0] if len(args) == 1 and head != "not" else f"({head} {' '.join(args)})"
