"""Exact decisions: rationals where everything is rational, balls that exclude equality otherwise."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any

import sympy as sp
from flint import arb, ctx, fmpq

from sam_theory.arithmetic import Arithmetic, Ball, FlintRational, NotExact, Program, Rational, Undecided, lower_all
from sam_theory.engines._search._setting import Scene

__all__ = [
    "CONFIRMED_BY",
    "Exact",
    "compare",
    "exactly",
    "holds",
    "in_balls",
    "lift",
    "rationally",
    "satisfied",
    "text",
    "too_long",
]

CONFIRMED_BY = {"rational": "fraction", "ball": "arb"}
_PRECISION = 400
_BITS = 20_000
_READABLE_BITS = 2_000


@dataclass(frozen=True)
class Exact:
    """A result and the arithmetic that gave it."""

    value: Any
    arithmetic: Arithmetic

    @property
    def confirmed_by(self) -> str:
        """The name that a witness carries."""
        return CONFIRMED_BY[self.arithmetic.name]


def exactly(compute: Callable[[Arithmetic], Any], balls: bool = True) -> Exact | None:
    """``compute`` in rationals, or in balls where a value is irrational; None where neither ends.

    ``compute`` may raise NotExact, Undecided, ZeroDivisionError or OverflowError.
    """
    try:
        return Exact(compute(Rational()), Rational())
    except NotExact:
        pass
    except (Undecided, ZeroDivisionError, OverflowError):
        return None
    result = in_balls(compute) if balls else None
    return None if result is None else Exact(result, Ball())


def rationally(compute: Callable[[Arithmetic], Any]) -> Any:
    """``compute`` in FLINT's rationals; None where a value is irrational or does not exist.

    For checks by the thousand; what becomes a witness is computed with :func:`exactly`.
    """
    try:
        return compute(FlintRational())
    except (NotExact, Undecided, ZeroDivisionError, OverflowError):
        return None


def in_balls(compute: Callable[[Arithmetic], Any]) -> Any:
    """``compute`` in balls; None where they do not decide."""
    before = ctx.prec
    ctx.prec = _PRECISION
    try:
        return compute(Ball())
    except (NotExact, Undecided, ZeroDivisionError, OverflowError):
        return None
    finally:
        ctx.prec = before


def lift(arithmetic: Arithmetic, values: Mapping[str, Fraction]) -> dict[str, Any]:
    """Rational values in ``arithmetic``."""
    return {k: arithmetic.number(v) for k, v in values.items()}


def too_long(a: Any) -> bool:
    """Whether a fraction has grown beyond what is worth computing with."""
    return isinstance(a, Fraction) and max(a.numerator.bit_length(), a.denominator.bit_length()) > _BITS


def compare(a: Any, b: Any) -> int | None:
    """−1, 0, 1 as a is below, equal to, or above b; None where balls overlap."""
    if isinstance(a, arb) or isinstance(b, arb):
        if not (_finite(a) and _finite(b)):
            return None
        return -1 if a < b else 1 if a > b else 0 if a == b else None
    return (a > b) - (a < b)


def _finite(a: Any) -> bool:
    return bool(a.is_finite()) if isinstance(a, arb) else True


@lru_cache(maxsize=4096)
def _sides(left: Any, right: Any) -> Program:
    return lower_all({"l": left, "r": right})


def holds(relation: Any, scene: Scene, values: Mapping[str, Fraction]) -> bool:
    """Whether a relation between parameters holds, decided exactly; False where it cannot be decided."""
    program = _sides(relation.lhs, relation.rhs)

    def sides(arithmetic: Arithmetic) -> Any:
        return arithmetic.run(program, lift(arithmetic, values))

    found = exactly(sides)
    return found is not None and satisfied(relation, compare(found.value["l"], found.value["r"]))


def satisfied(relation: Any, order: int | None) -> bool:
    """Whether a relation holds for sides that compare like ``order``."""
    if order is None:
        return False
    if isinstance(relation, sp.StrictLessThan):
        return order < 0
    if isinstance(relation, sp.LessThan):
        return order <= 0
    if isinstance(relation, sp.StrictGreaterThan):
        return order > 0
    if isinstance(relation, sp.GreaterThan):
        return order >= 0
    return order != 0 if isinstance(relation, sp.Unequality) else order == 0


def text(a: Any) -> str:
    """A rational as ``p/q`` (rounded behind ``≈`` where too long to read); a ball as a decimal that it contains."""
    if isinstance(a, arb):
        return str(a.str(12, radius=False))
    if isinstance(a, fmpq):
        return str(a)
    f = Fraction(a)
    if max(f.numerator.bit_length(), f.denominator.bit_length()) > _READABLE_BITS:
        return f"≈ {arb(fmpq(f.numerator, f.denominator)).str(12, radius=False)}"
    return str(f)
