"""Exact power series in one small parameter, and the limits of their coefficients along a trajectory."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any, ClassVar

from sam_theory.arithmetic import Arithmetic, Coordinates, NotExact, rational_sqrt

__all__ = ["Series", "SeriesArithmetic", "limit_of_recurrence"]


class Series:
    """c_0 + c_1·s + … + c_{N−1}·s^{N−1} with s positive and infinitesimal; higher powers are dropped."""

    __slots__ = ("c",)

    def __init__(self, coefficients: Sequence[Fraction]) -> None:
        self.c = tuple(coefficients)

    def _lift(self, other: Any) -> Series:
        if isinstance(other, Series):
            return other
        return Series((Fraction(other), *(Fraction(0),) * (len(self.c) - 1)))

    def __add__(self, other: Any) -> Series:
        return Series([a + b for a, b in zip(self.c, self._lift(other).c, strict=True)])

    __radd__ = __add__

    def __neg__(self) -> Series:
        return Series([-a for a in self.c])

    def __sub__(self, other: Any) -> Series:
        return self + -self._lift(other)

    def __rsub__(self, other: Any) -> Series:
        return self._lift(other) - self

    def __mul__(self, other: Any) -> Any:
        if isinstance(other, Coordinates):
            return NotImplemented
        b = self._lift(other).c
        total = [Fraction(0)] * len(self.c)
        for i, x in enumerate(self.c):
            if x:
                for j in range(len(total) - i):
                    total[i + j] += x * b[j]
        return Series(total)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Series:
        b = self._lift(other).c
        if not b[0]:
            raise NotExact("a quotient by an infinitesimal")
        quotient: list[Fraction] = []
        for i, x in enumerate(self.c):
            known = sum((quotient[j] * b[i - j] for j in range(i)), Fraction(0))
            quotient.append((x - known) / b[0])
        return Series(quotient)

    def __rtruediv__(self, other: Any) -> Series:
        return self._lift(other) / self

    def __pow__(self, n: int) -> Series:
        total = self._lift(1)
        for _ in range(abs(n)):
            total = total * self
        return total if n >= 0 else self._lift(1) / total

    def side(self) -> int:
        """The sign for small positive s."""
        lead = next((a for a in self.c if a), Fraction(0))
        return (lead > 0) - (lead < 0)

    def __abs__(self) -> Series:
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


class SeriesArithmetic(Arithmetic):
    """Power series up to a number of ``terms``."""

    name = "series"
    exact = True
    functions: ClassVar[Mapping[str, Callable[[Any], Any]]] = {}

    def __init__(self, terms: int) -> None:
        self.terms = terms

    def number(self, value: Fraction) -> Series:
        return Series((Fraction(value), *(Fraction(0),) * (self.terms - 1)))

    def small(self) -> Series:
        """The small parameter itself."""
        return Series([Fraction(int(i == 1)) for i in range(self.terms)])

    def power(self, a: Any, exponent: Any) -> Any:
        e = exponent.c[0] if isinstance(exponent, Series) and not any(exponent.c[1:]) else exponent
        if not isinstance(e, Fraction) or e.denominator != 1:
            raise NotExact("a power that is not an integer")
        return a ** int(e)

    def sqrt(self, a: Any) -> Series:
        a = a if isinstance(a, Series) else self.number(a)
        root = rational_sqrt(a.c[0])
        if root == 0:
            if any(a.c):
                raise NotExact("a root of an infinitesimal")
            return a
        found = [root]
        for i in range(1, self.terms):
            known = sum((found[j] * found[i - j] for j in range(1, i)), Fraction(0))
            found.append((a.c[i] - known) / (2 * root))
        return Series(found)

    def sign(self, a: Any) -> Series:
        a = a if isinstance(a, Series) else self.number(a)
        return self.number(Fraction(a.side()))

    def call(self, function: Any, order: int, a: Any) -> Any:
        if isinstance(function, str):
            raise NotExact(f"{function} has no rational series here")
        return function.evaluate(order, a, self)


def limit_of_recurrence(sequence: Sequence[Fraction]) -> Fraction | None:
    """The limit of a sequence that obeys a linear recurrence whose other roots lie inside the unit circle.

    The recurrence of least order is found from the first terms (Berlekamp and Massey) and must hold for at
    least four further ones.  None if there is none, or if the sequence does not converge.
    """
    recurrence = _berlekamp_massey(sequence)
    order = len(recurrence)
    if 2 * order + 4 > len(sequence):
        return None
    polynomial = [Fraction(1), *(-c for c in recurrence)]  # highest power first
    if sum(polynomial) != 0:
        return Fraction(0) if _inside(polynomial) else None
    rest = [polynomial[0]]
    for a in polynomial[1:-1]:
        rest.append(rest[-1] + a)
    if not _inside(rest):
        return None
    applied = sum((c * sequence[len(rest) - 1 - i] for i, c in enumerate(rest)), Fraction(0))
    return applied / sum(rest)


def _berlekamp_massey(sequence: Sequence[Fraction]) -> list[Fraction]:
    """c with a_n = Σ c_i a_{n−1−i} for all given n, of least length."""
    current: list[Fraction] = []
    previous: list[Fraction] = []
    gap_at, gap = -1, Fraction(0)
    for n, a in enumerate(sequence):
        d = a - sum((c * sequence[n - 1 - i] for i, c in enumerate(current)), Fraction(0))
        if d == 0:
            continue
        if gap_at < 0:
            current, gap_at, gap = [Fraction(0)] * (n + 1), n, d
            continue
        factor = d / gap
        step = [Fraction(0)] * (n - gap_at - 1) + [factor] + [-factor * c for c in previous]
        longer = [
            (current[i] if i < len(current) else Fraction(0)) + (step[i] if i < len(step) else Fraction(0))
            for i in range(max(len(current), len(step)))
        ]
        if n - len(current) > gap_at - len(previous):
            previous, gap_at, gap = current, n, d
        current = longer
    return current


def _inside(polynomial: Sequence[Fraction]) -> bool:
    """Whether every root lies inside the unit circle (Schur and Cohn); highest power first."""
    p = list(polynomial)
    while len(p) > 1:
        lead, last = p[0], p[-1]
        if abs(last) >= abs(lead):
            return False
        p = [lead * a - last * b for a, b in zip(p, reversed(p), strict=True)][:-1]
    return True
