"""Polynomial systems put to z3 anew: an own printer of SMT-LIB 2, a fresh context, a budget in resource units."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

__all__ = ["UNITS", "script", "smt_status", "solution"]

UNITS = 20_000_000
#: values that are tried for few variables before z3 is asked
_SIMPLE = tuple(map(Fraction, ("1", "1/2", "2", "1/4", "3", "1/8", "3/2", "4", "0", "-1", "-1/2", "-2", "1/100")))


def _names(system: list[dict[str, Any]]) -> dict[str, str]:
    found = sorted({x for r in system for _, m in r["poly"] for x in m})
    return {x: f"x{i}" for i, x in enumerate(found)}


def script(system: list[dict[str, Any]]) -> str:
    """The system as an SMT-LIB 2 script over the reals."""
    names = _names(system)

    def term(c: str, powers: dict[str, int]) -> str:
        f = Fraction(c)
        number = f"(/ {abs(f.numerator)} {f.denominator})"
        number = number if f >= 0 else f"(- {number})"
        return (
            f"(* {number} {' '.join(n for x, k in sorted(powers.items()) for n in [names[x]] * k)})"
            if powers
            else number
        )

    lines = ["(set-logic QF_NRA)", *(f"(declare-const {n} Real)" for n in names.values())]
    for r in system:
        side = f"(+ {' '.join(term(c, m) for c, m in r['poly'])} 0 0)"
        said = f"({r['op']} {side} 0)" if r["op"] in (">", ">=") else f"(= {side} 0)"
        lines.append(f"(assert {said if r['op'] != '!=' else f'(not {said})'})")
    return "\n".join(lines)


def smt_status(system: list[dict[str, Any]], units: int = UNITS) -> tuple[str, dict[str, Fraction]]:
    """``sat``, ``unsat`` or ``unknown``, and the rational values of a model."""
    import z3

    names = _names(system)
    context = z3.Context()
    solver = z3.Tactic("qfnra-nlsat", ctx=context).solver()
    solver.set("rlimit", units)
    try:
        solver.from_string(script(system))
        status = str(solver.check())
    except z3.Z3Exception as problem:
        return f"unknown ({problem})", {}
    if status != "sat":
        return status, {}
    model = solver.model()
    values = {d.name(): Fraction(str(model[d])) for d in model if z3.is_rational_value(model[d])}
    return status, {x: values.get(n, Fraction(0)) for x, n in names.items()}


def holds(system: list[dict[str, Any]], values: dict[str, Fraction]) -> bool:
    """Whether the values satisfy every relation, in exact arithmetic."""
    for r in system:
        total = Fraction(0)
        for c, powers in r["poly"]:
            product = Fraction(c)
            for x, k in powers.items():
                product *= values[x] ** k
            total += product
        if not {">": total > 0, ">=": total >= 0, "==": total == 0, "!=": total != 0}[r["op"]]:
            return False
    return True


def solution(system: list[dict[str, Any]]) -> dict[str, Fraction] | None:
    """Rational values that satisfy the system; None where none were found.

    They are found by trying simple values, or by z3, and verified here in fractions: z3 is not trusted.
    """
    names = sorted(_names(system))
    for values in itertools.islice(_tried(len(names)), 500 if len(names) < 5 else 0):
        if holds(system, found := dict(zip(names, values, strict=True))):
            return found
    status, model = smt_status(system, 1_000_000)
    return model if status == "sat" and holds(system, model) else None


def _tried(size: int) -> Iterator[tuple[Fraction, ...]]:
    """Simple values, those early in the list first."""
    for reach in range(1, len(_SIMPLE) + 1):
        for choice in itertools.product(range(reach), repeat=size):
            if max(choice, default=reach - 1) == reach - 1:
                yield tuple(_SIMPLE[i] for i in choice)
