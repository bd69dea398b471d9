"""Fixed points and their multipliers: on which side of 1 all moduli, or one of them, lie."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import sympy as sp
from flint import acb, acb_mat, arb, arb_mat

from sam_theory.checker._enclosure_base import Balls, RationalFunctions, Unclear
from sam_theory.checker._enclosure_cover import Box, ball_of, box_text
from sam_theory.checker._enclosure_formula import Formulas
from sam_theory.checker._enclosure_number import Calculus, Number
from sam_theory.checker._rejected import Rejected

__all__ = ["exact_calculus", "fixed_exactly", "multiplier_side", "side_of_one"]

Advance = Callable[[Calculus, list[Number], dict[str, Any]], list[Number]]
Complete = Callable[[Calculus, dict[str, Any]], dict[str, Any]]


def exact_calculus(box: Box) -> tuple[Calculus, dict[str, Number]]:
    """Rational functions of the sides of a box that are no points, and those sides."""
    wide = [n for n, (low, high) in box.items() if low < high]
    base = RationalFunctions(wide)
    k = Calculus(base)
    sides = {
        n: k.constant(base.variable(n, ball_of(side))) if n in wide else k.number(side[0]) for n, side in box.items()
    }
    return k, sides


def fixed_exactly(advance: Advance, complete: Complete, at: Sequence[Any], box: Box) -> None:
    """F(at) = at as rational functions on the box; Rejected otherwise."""
    k, sides = exact_calculus(box)
    try:
        env = complete(k, sides)
        point = [Formulas(k, env).number(sp.sympify(c)) for c in at]
        image = advance(k, point, env)
    except Unclear as reason:
        raise Rejected(f"the point is not shown to be fixed on {box_text(box)}: {reason}") from None
    if not all(k.base.vanishes((a - b).v) for a, b in zip(image, point, strict=True)):
        raise Rejected(f"the point is not fixed on {box_text(box)}")


def multiplier_side(advance: Advance, complete: Complete, at: Sequence[Any], direction: int | None, part: Box) -> int:
    """−1: all moduli of the multipliers are below 1 on the part; 1: one is above; 0: not shown."""
    k = Calculus(Balls())
    env = complete(k, {n: k.constant(ball_of(side)) for n, side in part.items()})
    point = [Formulas(k, env).number(sp.sympify(c)) for c in at]
    chosen = range(len(at)) if direction is None else [direction]
    seeded = [k.seed(a.v, i) if i in chosen else a for i, a in enumerate(point)]
    image = advance(k, seeded, env)
    matrix = [[a.d.get(j, arb(0)) for j in chosen] for a in image]
    if direction is None:
        return side_of_one(matrix)
    if not all(matrix[i][0] == 0 for i in range(len(at)) if i != direction):
        return 0
    modulus = abs(matrix[direction][0])
    return -1 if modulus < 1 else 1 if modulus > 1 else 0


def side_of_one(matrix: list[list[arb]]) -> int:
    """−1 if all eigenvalues of all matrices lie inside of the unit circle, 1 if each has one outside, or 0."""
    size = len(matrix)
    if not all(a.is_finite() for row in matrix for a in row):
        return 0
    if size == 1:
        modulus = abs(matrix[0][0])
        return -1 if modulus < 1 else 1 if modulus > 1 else 0
    if size == 2:
        found = _jury(matrix)
        if found:
            return found
    try:
        moduli = [abs(m) for m in acb_mat([[acb(a) for a in row] for row in matrix]).eig(multiple=True)]
    except (ValueError, ZeroDivisionError):
        moduli = []
    if moduli and all(m < 1 for m in moduli):
        return -1
    if any(m > 1 for m in moduli):
        return 1
    power = arb_mat(matrix)
    for _ in range(8):
        rows = power.table()
        if all(sum((abs(a) for a in row), arb(0)) < 1 for row in rows):
            return -1
        if abs(sum((rows[i][i] for i in range(size)), arb(0))) > size:
            return 1
        power = power * power
    return 0


def _jury(m: list[list[arb]]) -> int:
    """Two dimensions: |det| < 1 and |tr| < 1 + det, or one of the opposites."""
    trace, det = m[0][0] + m[1][1], m[0][0] * m[1][1] - m[0][1] * m[1][0]
    if abs(det) < 1 and abs(trace) < 1 + det:
        return -1
    return 1 if abs(det) > 1 or abs(trace) > 1 + det else 0
