"""Linear arithmetic over monomials: enough wherever a proof gives its multipliers.

Each monomial becomes an unknown of its own.  If the linear relations that result exclude each other, so do the
polynomial ones: some combination of them with nonnegative *numbers* as coefficients is the contradiction.  That is the
last step of a proof by explicit multipliers, which the search through cylinders misses for lack of time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import cache
from typing import Any

import sympy as sp
import z3
from sympy.core.relational import Relational as Relation
from sympy.logic.boolalg import And, Implies

from sam_theory.engines._polynomial import Monomial, coefficients

__all__ = ["linearly_contradictory"]

#: An operator and the coefficients of what it compares with 0.
_Row = tuple[str, Mapping[Monomial, Fraction]]
_OPERATORS = {"<": "<", "<=": "<=", ">": ">", ">=": ">=", "==": "="}


def linearly_contradictory(parts: Sequence[Any], rlimit: int) -> bool:
    """Whether polynomial relations exclude each other with every monomial an unknown of its own.

    An implication counts where its premises stand among the parts.  Parts that are no polynomial relations are left
    out, which can only make it fail.
    """
    sides = [(part.rel_op, found) for part in _with_conclusions(parts) if (found := _monomials(part)) is not None]
    rows = _bounded(sides)
    if not rows:
        return False
    known: dict[Monomial, str] = {}
    asserted = []
    for operator, row in rows:
        terms = [
            f"(* {_number(c)} {known.setdefault(m, f'm{len(known)}')})" if m else _number(c) for m, c in row.items()
        ]
        asserted.append(f"(assert ({_OPERATORS[operator]} (+ 0 {' '.join(terms)}) 0))")
    solver = z3.SolverFor("QF_LRA", ctx=_context())
    solver.set("rlimit", rlimit)
    # As text: z3 reads it many times faster than Python builds the same terms.
    solver.from_string("\n".join([*(f"(declare-const {m} Real)" for m in known.values()), *asserted]))
    return bool(solver.check() == z3.unsat)


def _bounded(rows: list[_Row]) -> list[_Row]:
    """The rows that remain when all are left out that one unknown can satisfy without harm to any other.

    An unknown that all inequalities want larger, or all smaller, satisfies them; one in a single equality that one.
    """
    while True:
        wanted: dict[Monomial, set[Any]] = {(): {"larger", "smaller"}}
        for i, (operator, row) in enumerate(rows):
            for m, c in row.items():
                up = (c > 0) is (operator in (">", ">="))
                wanted.setdefault(m, set()).add(i if operator == "==" else "larger" if up else "smaller")
        left = [(operator, row) for operator, row in rows if all(len(wanted[m]) > 1 for m in row)]
        if len(left) == len(rows):
            return rows
        rows = left


@cache
def _context() -> z3.Context:
    """One context for all: linear arithmetic is decided, whatever terms the context has seen."""
    return z3.Context()


def _number(c: Fraction) -> str:
    size = f"(/ {abs(c.numerator)} {c.denominator})"
    return f"(- {size})" if c < 0 else size


def _with_conclusions(parts: Sequence[Any]) -> list[Any]:
    """The parts, and what implications among them conclude from others."""
    known = set(parts)
    found = list(parts)
    for part in parts:
        if isinstance(part, Implies):
            premise, conclusion = part.args
            if set(premise.args if isinstance(premise, And) else (premise,)) <= known:
                found.append(conclusion)
    return found


def _monomials(part: Any) -> Mapping[Monomial, Fraction] | None:
    """Coefficients of lhs − rhs by monomial; None for anything but a polynomial relation with rational coefficients."""
    if not isinstance(part, Relation) or part.rel_op == "!=":
        return None
    return coefficients(part.lhs if part.rhs is sp.S.Zero else part.lhs - part.rhs)
