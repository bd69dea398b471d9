"""One question to z3: whether polynomial relations have a common solution."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from typing import Any

import sympy as sp
import z3
from sympy.core.relational import Relational as Relation
from sympy.logic.boolalg import And, Implies, Not, Or

from sam_theory.arithmetic import Smt, lower
from sam_theory.engines._context import Shared, shared
from sam_theory.errors import InputError

__all__ = ["contradictions", "record", "recording", "solve"]

#: Only a safety net: nlsat does not count all of its work on nested roots against rlimit.
_MILLISECONDS = 120_000

#: Where the contradictions go that z3 finds, while somebody asks for them.
_CONTRADICTIONS: ContextVar[list[list[Any]] | None] = ContextVar("contradictions", default=None)


@contextmanager
def contradictions(log: list[list[Any]] | None) -> Iterator[None]:
    """Within, contradictions that are found are added to ``log``; None: they are not kept."""
    token = _CONTRADICTIONS.set(log)
    try:
        yield
    finally:
        _CONTRADICTIONS.reset(token)


def recording() -> bool:
    """Whether somebody asks for contradictions."""
    return _CONTRADICTIONS.get() is not None


def solve(parts: Sequence[Any], rlimit: int) -> tuple[str, dict[str, str] | None]:
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
        record(parts)
    if status != "sat":
        return status, None
    model = solver.model()
    found = {s.name: model[env[s.name]] for s in symbols}
    return status, {name: str(v) for name, v in found.items() if v is not None}


def record(parts: Sequence[Any]) -> None:
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
