"""The engine cvc5: a second opinion on what z3 decides (extra ``smt``).

Every system of polynomial relations that z3 calls contradictory on the way to a proof (a case of the negated goal, the
sign of a denominator, a case that cannot occur) is printed as SMT-LIB and decided again.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import sympy as sp
from sympy.core.relational import Relational as Relation
from sympy.logic.boolalg import And, BooleanAtom, Implies, Not, Or

from sam_theory.engines import _ask_cvc5, _smt
from sam_theory.engines._goal import Goal
from sam_theory.errors import InputError

_OP = {"<": "<", "<=": "<=", ">": ">", ">=": ">=", "==": "="}

#: z3's resource units for one of cvc5's.
_RATIO = 1000
#: Only a safety net: a system on which coverings take longer is left undecided.
_SECONDS = 10
_COVERINGS = (("nl-cov", "true"), ("nl-ext", "none"))


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
    """``sat``, ``unsat`` or ``unknown`` for the assertions of an SMT-LIB script.

    Linearisation within the resource limit comes first.  Cylindrical coverings keep neither to a resource limit nor to
    a time limit of their own; they run in a process that is stopped after a while.
    """
    found = _ask_cvc5.ask(text, (("rlimit", str(max(1, rlimit // _RATIO))), ("nl-cov", "false"), ("nl-ext", "full")))
    if found != "unknown":
        return found
    command = [sys.executable, "-I", _ask_cvc5.__file__, *(f"{name}={value}" for name, value in _COVERINGS)]
    try:
        done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=_SECONDS, check=True)
    except subprocess.SubprocessError:
        return "unknown"
    return done.stdout.strip()


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
