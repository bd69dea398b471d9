"""A product has the product of the signs of its factors: each factor is asked of alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy as sp
from sympy.core.relational import Relational as Relation

from sam_theory.engines._polynomial import ANY, NEGATIVE, POSITIVE, coefficients, factored, product
from sam_theory.engines._signs import SAID

__all__ = ["impossible_by_factors"]

#: Polynomials with fewer terms are not worth the questions of the signs of their factors.
_LONG = 8
#: The constant and one factor: the question of its sign would be the one that is to be answered.
_FEW = 3
#: The signs that an answer allows.
_SETS = {1: POSITIVE, -1: NEGATIVE, 0: POSITIVE | NEGATIVE, None: ANY}

#: 1, −1, 0 (for: not zero, either sign) or None.
_Sign = Callable[[sp.Expr], int | None]


def impossible_by_factors(relations: list[Any], sign_under: Callable[[list[Any]], _Sign]) -> bool:
    """Whether the last relation, if it is the longest, contradicts the signs that the others give its factors.

    A polynomial is the product of its factors, so its sign is the product of theirs, wherever the other relations hold.
    ``sign_under`` gives the signs that hold wherever some relations do; it is handed those in the symbols of the
    polynomial alone, as leaving some out can only make it say less.
    """
    last = relations[-1] if relations else None
    if not isinstance(last, Relation) or last.rhs is not sp.S.Zero or last.rel_op == "!=":
        return False
    size, *others = (len(coefficients(p.lhs) or ()) for p in reversed(relations) if isinstance(p, Relation))
    if size < _LONG or size <= max(others, default=0):
        return False
    factors = factored(last.lhs)
    if len(factors) < _FEW:
        return False
    symbols = last.free_symbols
    sign = sign_under([p for p in relations if p is not last and getattr(p, "free_symbols", symbols) <= symbols])
    found = POSITIVE
    for factor, power in factors:
        answer = sign(factor)
        found = product(found, _SETS[answer] if power % 2 or answer is None else POSITIVE)
        if found not in (POSITIVE, NEGATIVE):
            return False
    return not found & SAID[last.rel_op]
