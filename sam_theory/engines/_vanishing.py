"""Whether a rational expression is 0, exactly: its numerator and denominator as integer polynomials, by FLINT."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sympy as sp

from sam_theory.arithmetic._fractions import Fractions, leaves

__all__ = ["vanishes"]


def vanishes(e: sp.Expr, roots: Sequence[tuple[sp.Symbol, int, sp.Expr]] = ()) -> bool:
    """Whether ``e`` vanishes wherever nothing that it divides by does.

    Parameters
    ----------
    e : Expr
        Sums, products and integer powers; anything else in it counts as an independent variable.
    roots : sequence of (symbol, q, radicand)
        In ``e`` the q-th power of the symbol is the radicand, which may name the roots before it.

    Examples
    --------
    >>> x, r = sp.symbols("x r")
    >>> vanishes(1 / (x + 1) - 1 / (x - 1) + 2 / (x**2 - 1)), vanishes(1 / (x + r) - (x - r) / (x**2 - 2))
    (True, False)
    >>> vanishes(1 / (x + r) - (x - r) / (x**2 - 2), [(r, 2, sp.Integer(2))])
    True
    """
    if e.is_Number:
        return bool(e == 0)
    variables = sorted({a for p in (e, *(a for _, _, a in roots)) for a in leaves(p)}, key=sp.default_sort_key)
    if any(a.is_infinite or a is sp.nan for a in variables):
        return False
    fractions = Fractions(variables)
    found = fractions(e)
    if found is None:
        return False
    numerator = found[0]
    for root, q, radicand in reversed(roots):
        power = fractions(radicand)
        if power is None:
            return False
        if root in fractions.place:
            numerator = _reduced(numerator, fractions.place[root], q, *power)
    return bool(numerator == 0)


def _reduced(polynomial: Any, place: int, q: int, numerator: Any, denominator: Any) -> Any:
    """``polynomial`` with x^q = numerator/denominator, times a power of the denominator."""
    context = polynomial.context()
    parts: dict[int, dict[tuple[int, ...], Any]] = {}
    for powers, c in polynomial.to_dict().items():
        whole, rest = divmod(powers[place], q)
        parts.setdefault(whole, {})[(*powers[:place], rest, *powers[place + 1 :])] = c
    most = max(parts, default=0)
    total = context.constant(0)
    for whole, terms in parts.items():
        total += context.from_dict(terms) * numerator**whole * denominator ** (most - whole)
    return total
