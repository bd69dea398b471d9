"""Rational expressions as fractions of integer polynomials, by FLINT."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sympy as sp
from flint import Ordering, fmpz_mpoly_ctx


def leaves(e: sp.Expr) -> set[sp.Expr]:
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


class Fractions:
    """Expressions as pairs (numerator, denominator) of polynomials in ``leaves``, in this order."""

    def __init__(self, leaves: Sequence[sp.Expr]) -> None:
        self.leaves = tuple(leaves)
        self.place = {a: i for i, a in enumerate(leaves)}
        names = tuple(f"x{i}" for i in range(max(len(leaves), 1)))
        self.context = fmpz_mpoly_ctx.get(names, Ordering.lex)
        self.one = self.context.constant(1)
        self._known: dict[sp.Expr, Any] = {a: (g, self.one) for a, g in zip(leaves, self.context.gens(), strict=False)}

    def __call__(self, e: sp.Expr) -> Any:
        """The pair, or None where something divides by the zero polynomial."""
        if e not in self._known:
            self._known[e] = self._fraction(e)
        return self._known[e]

    def expression(self, polynomial: Any) -> sp.Expr:
        """A polynomial as an expression."""
        terms = polynomial.to_dict().items()
        return sp.Add(*(sp.Mul(int(c), *(a**k for a, k in zip(self.leaves, m, strict=False) if k)) for m, c in terms))

    def _fraction(self, e: sp.Expr) -> Any:
        if e.is_Rational:
            return self.context.constant(int(e.p)), self.context.constant(int(e.q))
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
            total = self.plus(total, part) if e.is_Add else (total[0] * part[0], total[1] * part[1])
        return total

    def plus(self, a: Any, b: Any) -> Any:
        """Over the least common denominator."""
        if a[1] == b[1]:
            return a[0] + b[0], a[1]
        common = self.one if self.one in (a[1], b[1]) else a[1].gcd(b[1])
        left, right = a[1] / common, b[1] / common
        return a[0] * right + b[0] * left, a[1] * right

    def quotient(self, numerator: Any, denominator: Any) -> Quotient:
        """The reduced fraction, with a positive leading coefficient below the line."""
        if denominator == 0:
            raise ZeroDivisionError("a fraction of polynomials has the denominator 0")
        common = numerator.gcd(denominator)
        if denominator.leading_coefficient() < 0:
            common = -common
        return Quotient(self, numerator / common, denominator / common)

    def element(self, e: sp.Expr) -> Quotient | None:
        """The rational function ``e`` of the leaves; None where it is none, or divides by 0."""
        pair = self(e) if leaves(e) <= self.place.keys() else None
        return pair and self.quotient(*pair)


@dataclass(frozen=True, slots=True)
class Quotient:
    """A reduced fraction of polynomials, an element of the field of rational functions of the leaves."""

    field: Fractions
    numerator: Any
    denominator: Any

    def __bool__(self) -> bool:
        return bool(self.numerator != 0)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, int):
            return bool(self.numerator == other * self.denominator)
        if not isinstance(other, Quotient):
            return NotImplemented
        return bool(self.numerator == other.numerator and self.denominator == other.denominator)

    def __hash__(self) -> int:
        return hash(self.expression())

    def __add__(self, other: Quotient) -> Quotient:
        if not other:
            return self
        if not self:
            return other
        a, b = ((q.numerator, q.denominator) for q in (self, other))
        return self.field.quotient(*self.field.plus(a, b))

    def __mul__(self, other: Quotient | int) -> Quotient:
        if isinstance(other, int):
            return self.field.quotient(self.numerator * other, self.denominator)
        return self.field.quotient(self.numerator * other.numerator, self.denominator * other.denominator)

    __rmul__ = __mul__

    def __truediv__(self, other: Quotient) -> Quotient:
        return self.field.quotient(self.numerator * other.denominator, self.denominator * other.numerator)

    def __sub__(self, other: Quotient) -> Quotient:
        return self + other * -1

    def __pow__(self, exponent: int) -> Quotient:
        if exponent < 0:
            return self.field.quotient(self.denominator**-exponent, self.numerator**-exponent)
        return Quotient(self.field, self.numerator**exponent, self.denominator**exponent)

    def expression(self) -> sp.Expr:
        """The fraction with both parts multiplied out."""
        return self.field.expression(self.numerator) / self.field.expression(self.denominator)
