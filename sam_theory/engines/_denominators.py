"""Relations without denominators: what stands below a fraction line needs a sign, which other relations decide."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import sympy as sp
from sympy.core.relational import Relational as Relation

from sam_theory.arithmetic._fractions import Fractions, leaves
from sam_theory.engines._flatten import relation
from sam_theory.engines._polynomial import ANY, NEGATIVE, POSITIVE, ZERO, expanded, is_polynomial
from sam_theory.engines._signs import Signs
from sam_theory.engines._solver import contradictions, record, solve

__all__ = ["SIGN_UNITS", "VanishingDenominator", "clear_all", "has_no_denominator", "never_zero", "sign_under"]

SIGN_UNITS = 400_000


class VanishingDenominator(ValueError):
    """The hypotheses do not say that a denominator differs from 0."""


@dataclass
class _Known:
    """Relations without denominators, and the signs of factors that they decide."""

    relations: list[Any] = field(default_factory=list)
    read: Signs = field(default_factory=Signs)
    signs: dict[sp.Expr, int | None] = field(default_factory=dict)

    def add(self, part: Any) -> None:
        self.relations.append(part)
        self.read.add(part)

    def sign(self, factor: sp.Expr) -> int | None:
        """1, −1, 0 (for: not zero, either sign) or None; None may change as relations are added."""
        if self.signs.get(factor) is None:
            self.signs[factor] = self._decided(factor)
        return self.signs[factor]

    def _decided(self, factor: sp.Expr) -> int | None:
        possible = self.read.of(factor)
        for operator, answer, signs, sought in _NEGATIONS:
            negation = relation(factor, operator, 0)
            if negation is sp.false:
                return answer
            query = [*self.relations, negation]
            if not possible & signs:
                record(query)
                return answer
            if possible & sought and solve(query, SIGN_UNITS)[0] == "unsat":
                return answer
        return None


#: The negation that is to be contradictory, the answer if it is, the signs of which it speaks, those sought instead.
_NEGATIONS = (("<=", 1, NEGATIVE | ZERO, POSITIVE), (">=", -1, POSITIVE | ZERO, NEGATIVE), ("==", 0, ZERO, ANY))


def sign_under(relations: list[Any]) -> Callable[[sp.Expr], int | None]:
    known = _Known()
    for p in relations:
        known.add(p)

    def sign(factor: sp.Expr) -> int | None:
        with contradictions(None):  # The contradiction to keep is that of the whole system.
            return known.sign(factor)

    return sign


def clear_all(parts: list[Any]) -> _Known:
    """Multiply out every denominator; a cleared relation may decide the sign of the next denominator."""
    known = _Known()
    todo = parts
    while todo:
        left = []
        problem: VanishingDenominator | None = None
        for part in todo:
            try:
                known.add(_clear(part, known))
            except VanishingDenominator as found:
                left.append(part)
                problem = found
        if len(left) == len(todo) and problem is not None:
            raise problem
        todo = left
    return known


def _clear(part: Any, known: _Known) -> Any:
    if not isinstance(part, Relation):
        return part.func(*(_clear(a, known) for a in part.args)) if part.args else part
    difference = part.lhs - part.rhs
    if is_polynomial(difference):
        return relation(expanded(difference, integral=True), part.rel_op, sp.S.Zero)
    numerator, coefficient, factors = _fraction(difference)
    sign, keep = (1 if coefficient > 0 else -1), sp.S.One
    for factor, power in factors:
        found = known.sign(factor)
        if found is None:
            raise VanishingDenominator(f"the hypotheses do not exclude that {factor} vanishes")
        if power % 2:
            sign, keep = (sign, keep * factor) if found == 0 else (sign * found, keep)
    cleared = sign * numerator * keep
    return relation(expanded(cleared) if is_polynomial(cleared) else sp.expand(cleared), part.rel_op, sp.S.Zero)


@lru_cache(maxsize=4096)
def _fraction(e: sp.Expr) -> tuple[sp.Expr, int, tuple[tuple[sp.Expr, int], ...]]:
    """Numerator, and constant and factors of the denominator: goals of one theorem share their assumptions.

    Nothing is cancelled: every denominator of ``e`` is to be shown not to vanish.
    """
    fractions = Fractions(sorted(leaves(e), key=sp.default_sort_key))
    pair = fractions(e)
    if pair is None:
        return e, 1, ((sp.S.Zero, 1),)
    numerator, denominator = pair
    constant, factors = denominator.factor()
    return fractions.expression(numerator), int(constant), tuple((fractions.expression(f), int(k)) for f, k in factors)


def never_zero(known: list[Any], denominator: sp.Expr) -> bool:
    """Whether the (flattened) relations exclude that ``denominator`` vanishes."""
    if not denominator.free_symbols:
        return bool(denominator != 0)
    try:
        cleared = clear_all([p for p in known if p is not sp.true])
    except VanishingDenominator:
        return False
    return all(cleared.sign(factor) is not None for factor, _ in _fraction(1 / denominator)[2])


def has_no_denominator(e: sp.Expr) -> bool:
    return is_polynomial(e) or not _fraction(e)[2]
