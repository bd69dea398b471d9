"""What SymPy solves in closed form, and what it does not."""

from __future__ import annotations

from typing import Any

import sympy as sp


def closed_roots(equation: Any, x: sp.Symbol) -> list[sp.Expr] | None:
    """The solutions for ``x`` of an equation, or of an expression = 0; None where SymPy knows no closed form.

    Examples
    --------
    >>> x = sp.Symbol("x")
    >>> closed_roots(x**2 - 4, x), closed_roots(sp.cos(x) - x, x)
    ([-2, 2], None)
    """
    try:
        return list(sp.solve(equation, x))
    except NotImplementedError:  # what SymPy raises where it has no method
        return None
