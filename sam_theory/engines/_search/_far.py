"""Infinitely large starts: polynomials in ω > every rational, to read off how a map behaves far away."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any, ClassVar

from sam_theory.arithmetic import Arithmetic, Coordinates, NotExact, Undecided, rational_sqrt

__all__ = ["EXACT", "Far", "FarArithmetic", "lifted"]

#: the power of a remainder that is 0
EXACT = -(10**9)


class Far:
    """c_0 + c_1·ω + c_2·ω² + … + O(ω^error), ordered by the highest power.

    Raises Undecided where a comparison depends on the remainder.
    """

    __slots__ = ("c", "error")

    def __init__(self, coefficients: Sequence[Fraction], error: int = EXACT) -> None:
        kept = list(coefficients)
        while kept and not kept[-1]:
            kept.pop()
        self.c = tuple(kept)
        self.error = max(error, EXACT)

    @property
    def degree(self) -> int:
        """The highest power; −1 for 0."""
        return len(self.c) - 1

    @property
    def order(self) -> int:
        """The least power that bounds the whole number."""
        return max(self.degree if self.c else EXACT, self.error)

    def coefficient(self, i: int) -> Fraction:
        """The coefficient of ωⁱ."""
        return self.c[i] if i < len(self.c) else Fraction(0)

    def side(self) -> int:
        """The sign."""
        if self.error > EXACT and (not self.c or self.error >= self.degree):
            raise Undecided("the remainder decides the sign")
        return 0 if not self.c else 1 if self.c[-1] > 0 else -1

    def __add__(self, other: Any) -> Far:
        o = lifted(other)
        total = [self.coefficient(i) + o.coefficient(i) for i in range(max(len(self.c), len(o.c)))]
        return Far(total, max(self.error, o.error))

    __radd__ = __add__

    def __neg__(self) -> Far:
        return Far([-a for a in self.c], self.error)

    def __sub__(self, other: Any) -> Far:
        return self + -lifted(other)

    def __rsub__(self, other: Any) -> Far:
        return lifted(other) - self

    def __mul__(self, other: Any) -> Any:
        if isinstance(other, Coordinates):
            return NotImplemented
        o = lifted(other)
        total = [Fraction(0)] * (len(self.c) + len(o.c))
        for i, a in enumerate(self.c):
            for j, b in enumerate(o.c):
                total[i + j] += a * b
        return Far(total, max(self.error + o.order, o.error + self.order))

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Far:
        o = lifted(other)
        if o.degree > 0 or o.error >= 0:
            raise NotExact("a quotient by an infinitely large number")
        if o.degree < 0:
            raise ZeroDivisionError("a quotient by 0")
        return Far([a / o.c[0] for a in self.c], max(self.error, o.error + self.order))

    def __rtruediv__(self, other: Any) -> Far:
        return lifted(other) / self

    def __pow__(self, n: int) -> Far:
        if n < 0:
            return lifted(1) / self**-n
        total = lifted(1)
        for _ in range(n):
            total = total * self
        return total

    def __abs__(self) -> Far:
        return -self if self.side() < 0 else self

    def __lt__(self, other: Any) -> bool:
        return (self - other).side() < 0

    def __le__(self, other: Any) -> bool:
        return (self - other).side() <= 0

    def __gt__(self, other: Any) -> bool:
        return (self - other).side() > 0

    def __ge__(self, other: Any) -> bool:
        return (self - other).side() >= 0

    def __eq__(self, other: object) -> bool:
        return (self - other).side() == 0

    def __hash__(self) -> int:
        return hash(self.c)


def lifted(a: Any) -> Far:
    """A rational as a constant of this arithmetic."""
    return a if isinstance(a, Far) else Far([Fraction(a)])


class FarArithmetic(Arithmetic):
    """Arithmetic of infinitely large numbers.

    What holds of ω holds of every real number that is large enough: the programs are piecewise rational.
    """

    name = "far"
    exact = True
    functions: ClassVar[Mapping[str, Callable[[Any], Any]]] = {}

    def number(self, value: Fraction) -> Far:
        return Far([Fraction(value)])

    def large(self, side: int) -> Coordinates:
        """The one-dimensional state side·ω."""
        return Coordinates([Far([Fraction(0), Fraction(side)])])

    def power(self, a: Any, exponent: Any) -> Any:
        e = lifted(exponent)
        if e.degree > 0 or e.error > EXACT or e.coefficient(0).denominator != 1:
            raise NotExact("a power that is not an integer")
        return lifted(a) ** int(e.coefficient(0))

    def sqrt(self, a: Any) -> Far:
        if lifted(a).degree > 0 or lifted(a).error > EXACT:
            raise NotExact("a root of an infinitely large number")
        return Far([rational_sqrt(lifted(a).coefficient(0))])

    def sign(self, a: Any) -> Far:
        return Far([Fraction(lifted(a).side())])

    def call(self, function: Any, order: int, a: Any) -> Any:
        if isinstance(function, str):
            raise NotExact(f"{function} has no value at infinity")
        return function.evaluate(order, a, self)

    def unit(self, v: Any, eps: Any, normalisation: str) -> Any:
        """v over its norm; regularised, ±1 + O(1/v)."""
        if len(v) == 1 and (eps == 0 or lifted(v[0]).degree > 0):
            side = Fraction(lifted(v[0]).side())
            return Coordinates([Far([side], EXACT if eps == 0 else -lifted(v[0]).degree)])
        return super().unit(v, eps, normalisation)
