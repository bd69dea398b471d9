"""Whether a rational expression is 0, exactly: its numerator and denominator as polynomials over ℚ, by FLINT."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sympy as sp
from flint import Ordering, fmpq, fmpq_mpoly_ctx

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
    leaves = sorted({a for p in (e, *(a for _, _, a in roots)) for a in _leaves(p)}, key=sp.default_sort_key)
    if any(a.is_infinite or a is sp.nan for a in leaves):
        return False
    fractions = _Fractions(leaves)
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


def _leaves(e: sp.Expr) -> set[sp.Expr]:
    """The parts of ``e`` that are no sum, product or integer power, and no rational."""
    found: set[sp.Expr] = set()
    todo, seen = [e], {e}
    while todo:
        part = todo.pop()
        if part.is_Add or part.is_Mul or (part.is_Pow and part.exp.is_Integer):
            new = [a for a in part.args if a not in seen]
            seen.update(new)
            todo += new
        elif not part.is_Rational:
            found.add(part)
    return found


class _Fractions:
    """Expressions as pairs (numerator, denominator) of polynomials in ``leaves``."""

    def __init__(self, leaves: Sequence[sp.Expr]) -> None:
        self.place = {a: i for i, a in enumerate(leaves)}
        names = tuple(f"x{i}" for i in range(max(len(leaves), 1)))
        self.context = fmpq_mpoly_ctx.get(names, Ordering.lex)
        self.one = self.context.constant(1)
        self._known: dict[sp.Expr, Any] = {a: (g, self.one) for a, g in zip(leaves, self.context.gens(), strict=False)}

    def __call__(self, e: sp.Expr) -> Any:
        """The pair, or None where something divides by the zero polynomial."""
        if e not in self._known:
            self._known[e] = self._fraction(e)
        return self._known[e]

    def _fraction(self, e: sp.Expr) -> Any:
        if e.is_Rational:
            return self.context.constant(fmpq(int(e.p), int(e.q))), self.one
        parts = [self(a) for a in ((e.base,) if e.is_Pow else e.args)]
        if None in parts:
            return None
        if e.is_Pow:
            ((n, d),), k = parts, int(e.exp)
            if k < 0 and n == 0:
                return None
            return (n**k, d**k) if k >= 0 else (d**-k, n**-k)
        total = parts[0]
        for part in parts[1:]:
            total = self._sum(total, part) if e.is_Add else (total[0] * part[0], total[1] * part[1])
        return total

    def _sum(self, a: Any, b: Any) -> Any:
        """Over the least common denominator."""
        if a[1] == b[1]:
            return a[0] + b[0], a[1]
        common = self.one if self.one in (a[1], b[1]) else a[1].gcd(b[1])
        left, right = a[1] / common, b[1] / common
        return a[0] * right + b[0] * left, a[1] * right


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
