"""Linear arithmetic over monomials: enough wherever a proof gives its multipliers.

Each monomial becomes an unknown of its own.  If the linear relations that result exclude each other, so do the
polynomial ones: some combination of them with nonnegative *numbers* as coefficients is the contradiction.  That is the
last step of a proof by explicit multipliers, which the search through cylinders misses for lack of time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import sympy as sp
import z3
from sympy.core.relational import Relational as Relation
from sympy.logic.boolalg import And, Implies

from sam_theory.engines._context import shared
from sam_theory.engines._polynomial import Monomial, coefficients

__all__ = ["linearly_contradictory"]

_OPERATORS = {"<": "<", "<=": "<=", ">": ">", ">=": ">=", "==": "="}


def linearly_contradictory(parts: Sequence[Any], rlimit: int) -> bool:
    """Whether polynomial relations exclude each other with every monomial an unknown of its own.

    An implication counts where its premises stand among the parts.  Parts that are no polynomial relations are left
    out, which can only make it fail.
    """
    known: dict[Monomial, str] = {}
    rows = []
    for part in _with_conclusions(parts):
        sides = _monomials(part)
        if sides is None:
            continue
        terms = [
            f"(* {_number(c)} {known.setdefault(m, f'm{len(known)}')})" if m else _number(c) for m, c in sides.items()
        ]
        rows.append(f"(assert ({_OPERATORS[part.rel_op]} (+ 0 {' '.join(terms)}) 0))")
    solver = z3.SolverFor("QF_LRA", ctx=shared().context)
    solver.set("rlimit", rlimit)
    # As text: z3 reads it many times faster than Python builds the same terms.
    solver.from_string("\n".join([*(f"(declare-const {m} Real)" for m in known.values()), *rows]))
    return bool(solver.check() == z3.unsat)


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
