"""Exact rationals: what confirms every witness."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any, ClassVar

from flint import fmpq

from sam_theory.arithmetic._base import Arithmetic, NotExact
from sam_theory.arithmetic._compile import OPERATORS


def rational_sqrt(a: Fraction) -> Fraction:
    """The square root of a rational square; raises NotExact for any other argument."""
    if a < 0:
        raise NotExact(f"the square root of the negative number {a}")
    p, q = math.isqrt(a.numerator), math.isqrt(a.denominator)
    if p * p != a.numerator or q * q != a.denominator:
        raise NotExact(f"the square root of {a} is not rational")
    return Fraction(p, q)


def _only_at(point: int, value: int, name: str) -> Callable[[Fraction], Fraction]:
    def function(a: Fraction) -> Fraction:
        if a != point:
            raise NotExact(f"{name}({a}) is not rational")
        return Fraction(value)

    return function


class Rational(Arithmetic):
    """``fractions.Fraction``; anything irrational raises NotExact."""

    name = "rational"
    exact = True
    functions: ClassVar[Mapping[str, Callable[[Any], Any]]] = {
        "exp": _only_at(0, 1, "exp"),
        "log": _only_at(1, 0, "log"),
        "sin": _only_at(0, 0, "sin"),
        "cos": _only_at(0, 1, "cos"),
        "tan": _only_at(0, 0, "tan"),
        "atan": _only_at(0, 0, "atan"),
        "sinh": _only_at(0, 0, "sinh"),
        "cosh": _only_at(0, 1, "cosh"),
        "tanh": _only_at(0, 0, "tanh"),
        "log_cosh": _only_at(0, 0, "log_cosh"),
        "sqrt1p": lambda z: rational_sqrt(1 + z * z),
        "sqrt1p_slope": lambda z: z / rational_sqrt(1 + z * z),
    }

    fixed_numbers: ClassVar[bool] = True
    inline: ClassVar[Mapping[str, str]] = {
        **OPERATORS,
        "div": "{} / {}",
        "select True": "{2} if {0} < {1} else {3}",
        "select False": "{2} if {0} <= {1} else {3}",
    }

    def number(self, value: Fraction) -> Fraction:
        return value

    def power(self, a: Fraction, exponent: Fraction) -> Fraction:
        if Fraction(exponent).denominator == 1:
            return a ** int(exponent)
        if a in (0, 1) and exponent > 0:
            return a
        if Fraction(exponent).denominator == 2:
            return rational_sqrt(a) ** int(2 * exponent)
        raise NotExact(f"{a} to the power {exponent} is not rational")

    def sqrt(self, a: Fraction) -> Fraction:
        return rational_sqrt(a)

    def sign(self, a: Fraction) -> Fraction:
        return Fraction((a > 0) - (a < 0))


class FlintRational(Rational):
    """FLINT's rationals: the values of ``Rational`` for many evaluations, ten times faster."""

    name = "flint rational"

    def number(self, value: Fraction) -> Any:
        return fmpq(value.numerator, value.denominator)

    def power(self, a: Any, exponent: Any) -> Any:
        return self.number(super().power(_fraction(a), _fraction(exponent)))

    def sqrt(self, a: Any) -> Any:
        return self.number(rational_sqrt(_fraction(a)))

    def sign(self, a: Any) -> Any:
        return fmpq((a > 0) - (a < 0))

    def call(self, function: Any, order: int, a: Any) -> Any:
        if not isinstance(function, str):
            return function.evaluate(order, a, self)
        return self.number(super().call(function, order, _fraction(a)))


def _fraction(a: fmpq) -> Fraction:
    return Fraction(int(a.p), int(a.q))
