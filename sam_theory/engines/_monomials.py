"""Linear arithmetic over monomials: enough wherever a proof gives its multipliers.

Each monomial becomes an unknown of its own.  If the linear relations that result exclude each other, so do the
polynomial ones: some combination of them with nonnegative *numbers* as coefficients is the contradiction.  That is the
last step of a proof by explicit multipliers, which the search through cylinders misses for lack of time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sympy as sp
import z3
from sympy.core.relational import Relational as Relation
from sympy.logic.boolalg import And, Implies

__all__ = ["linearly_contradictory"]

_Monomial = tuple[tuple[str, int], ...]


def linearly_contradictory(parts: Sequence[Any], rlimit: int) -> bool:
    """Whether polynomial relations exclude each other with every monomial an unknown of its own.

    An implication counts where its premises stand among the parts.  Parts that are no polynomial relations are left
    out, which can only make it fail.
    """
    context = z3.Context()
    known: dict[_Monomial, Any] = {}
    terms = []
    for part in _with_conclusions(parts):
        sides = _monomials(part)
        if sides is None:
            continue
        total = z3.RealVal(0, context)
        for monomial, c in sides.items():
            number = z3.RealVal(f"{c.p}/{c.q}", context)
            if monomial and monomial not in known:
                known[monomial] = z3.Real(f"m{len(known)}", context)
            total = total + (number * known[monomial] if monomial else number)
        terms.append(
            {"<": total < 0, "<=": total <= 0, ">": total > 0, ">=": total >= 0, "==": total == 0}[part.rel_op]
        )
    solver = z3.SolverFor("QF_LRA", ctx=context)
    solver.set("rlimit", rlimit)
    solver.add(*terms)
    return bool(solver.check() == z3.unsat)


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


def _monomials(part: Any) -> dict[_Monomial, Any] | None:
    """Coefficients of lhs − rhs by monomial; None for anything but a polynomial relation with rational coefficients."""
    if not isinstance(part, Relation) or part.rel_op == "!=":
        return None
    found: dict[_Monomial, Any] = {}
    for term, c in sp.expand(part.lhs - part.rhs).as_coefficients_dict().items():
        powers = term.as_powers_dict() if term != 1 else {}
        if not c.is_Rational or any(not b.is_Symbol or not (e.is_Integer and e > 0) for b, e in powers.items()):
            return None
        found[tuple(sorted((b.name, int(e)) for b, e in powers.items()))] = c
    return found
