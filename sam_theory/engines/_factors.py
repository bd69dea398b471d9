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
#: The signs that an answer allows.
_SETS = {1: POSITIVE, -1: NEGATIVE, 0: POSITIVE | NEGATIVE, None: ANY}

#: 1, −1, 0 (for: not zero, either sign) or None.
_Sign = Callable[[sp.Expr], int | None]


def impossible_by_factors(relations: list[Any], sign_under: Callable[[list[Any]], _Sign]) -> bool:
    """Whether the longest relation contradicts the signs that the other ones give the factors of its polynomial.

    A polynomial is the product of its factors, so its sign is the product of theirs, wherever the other relations hold.
    ``sign_under`` gives the signs that hold wherever some relations do; it is handed those in the symbols of the
    polynomial alone, as leaving some out can only make it say less.
    """
    sizes = {p: len(coefficients(p.lhs) or ()) for p in relations if isinstance(p, Relation) and p.rhs is sp.S.Zero}
    longest = max(sizes, key=lambda p: sizes[p], default=None)
    if longest is None or sizes[longest] < _LONG or longest.rel_op == "!=":
        return False
    factors = factored(longest.lhs)
    symbols = longest.free_symbols
    sign = sign_under([p for p in relations if p is not longest and getattr(p, "free_symbols", symbols) <= symbols])
    found = POSITIVE
    for factor, power in factors:
        possible = _SETS[sign(factor)]
        found = product(found, possible if power % 2 else product(possible, possible))
        if found not in (POSITIVE, NEGATIVE):
            return False
    return not found & SAID[longest.rel_op]
