"""Boxes with exact rational end points."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from flint import arb, fmpq

from sam_theory.arithmetic import as_fraction
from sam_theory.errors import InputError

__all__ = ["Box", "ball_of", "box", "exact_ball", "fraction_of"]

Interval = tuple[Fraction, Fraction]


def exact_ball(a: Fraction) -> arb:
    """The narrowest ball around a rational at the current precision."""
    return arb(fmpq(a.numerator, a.denominator))


def ball_of(low: Fraction, high: Fraction) -> arb:
    """A ball that contains [low, high]."""
    return exact_ball(low) if low == high else exact_ball(low).union(exact_ball(high))


def fraction_of(a: arb) -> Fraction:
    """An exact ball (a midpoint, an end point) as a fraction."""
    q = a.fmpq()
    return Fraction(int(q.p), int(q.q))


@dataclass(frozen=True)
class Box:
    """A product of intervals [low, high], one for each name.

    Examples
    --------
    >>> b = box(eta=("1/4", "1/2"), rho=1)
    >>> b.text()
    'eta in [1/4, 1/2], rho = 1'
    >>> [part.text() for part in b.bisect("eta")]
    ['eta in [1/4, 3/8], rho = 1', 'eta in [3/8, 1/2], rho = 1']
    """

    sides: tuple[tuple[str, Fraction, Fraction], ...]

    def __post_init__(self) -> None:
        for name, low, high in self.sides:
            if low > high:
                raise InputError(f"the interval [{low}, {high}] of '{name}' is empty; give the lower end first")

    @property
    def names(self) -> tuple[str, ...]:
        """The names in order."""
        return tuple(name for name, _, _ in self.sides)

    def __getitem__(self, name: str) -> Interval:
        for n, low, high in self.sides:
            if n == name:
                return low, high
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    @property
    def wide(self) -> tuple[str, ...]:
        """The names whose interval is no single point."""
        return tuple(n for n, low, high in self.sides if low < high)

    def width(self, name: str) -> Fraction:
        """Length of one side."""
        low, high = self[name]
        return high - low

    @property
    def middle(self) -> dict[str, Fraction]:
        """The centre."""
        return {n: (low + high) / 2 for n, low, high in self.sides}

    def volume(self, names: tuple[str, ...] | None = None) -> Fraction:
        """The product of the sides that are no points (of ``names``)."""
        total = Fraction(1)
        for n in self.wide if names is None else names:
            total *= self.width(n)
        return total

    def ball(self, name: str) -> arb:
        """A ball that contains one side."""
        return ball_of(*self[name])

    def balls(self) -> dict[str, arb]:
        """A ball for each side."""
        return {n: ball_of(low, high) for n, low, high in self.sides}

    def with_side(self, name: str, low: Fraction, high: Fraction) -> Box:
        """The box with one side replaced."""
        return Box(tuple((n, low, high) if n == name else (n, a, b) for n, a, b in self.sides))

    def bisect(self, name: str) -> tuple[Box, Box]:
        """Two halves that share a face."""
        low, high = self[name]
        half = (low + high) / 2
        return self.with_side(name, low, half), self.with_side(name, half, high)

    def corners(self, names: tuple[str, ...]) -> list[dict[str, Fraction]]:
        """The centre with each combination of end points of ``names``."""
        points = [self.middle]
        for n in names:
            points = [{**p, n: end} for p in points for end in self[n]]
        return points

    def contains(self, point: Mapping[str, Any]) -> bool:
        """Whether a point that names every side lies inside or on the boundary."""
        return all(n in point and low <= as_fraction(point[n]) <= high for n, low, high in self.sides)

    def text(self) -> str:
        """The box in plain text, exactly."""
        return ", ".join(f"{n} = {low}" if low == high else f"{n} in [{low}, {high}]" for n, low, high in self.sides)


def _fraction(value: Any) -> Fraction:
    try:
        return Fraction(value) if isinstance(value, str) else as_fraction(value)
    except (ValueError, ArithmeticError):
        raise InputError(f"{value!r} is not a finite number; write 0.1 or '1/10'") from None


def box(given: Mapping[str, Any] | None = None, /, **more: Any) -> Box:
    """A box from numbers and pairs (low, high); texts such as ``"1/10"`` and ``"0.1"`` are exact.

    A float stands for its exact binary value.
    """
    sides = []
    for name, value in {**(given or {}), **more}.items():
        low, high = value if isinstance(value, tuple | list) else (value, value)
        try:
            sides.append((name, _fraction(low), _fraction(high)))
        except InputError as error:
            raise InputError(f"{name}: {error}") from None
    return Box(tuple(sides))
