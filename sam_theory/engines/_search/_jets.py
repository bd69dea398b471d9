"""Exact derivatives at rational points, and the spectral radius of rational matrices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

from sam_theory.arithmetic import Jet, Jets, NotExact
from sam_theory.engines._search._setting import Scene

__all__ = ["Matrix", "image_and_derivative", "product", "spectral_side"]

Matrix = list[list[Fraction]]


def image_and_derivative(
    scene: Scene, values: Mapping[str, Fraction], point: Sequence[Fraction]
) -> tuple[list[Fraction], Matrix]:
    """F and F' at a point of the whole state, exactly.

    Raises NotExact or Undecided where there is no rational derivative.
    """
    if len(point) != scene.dimension * len(scene.map.state):
        raise NotExact("a point of the iterate alone is no state of this rule")
    jets = Jets(len(point))
    result = scene.whole(scene.step(jets, values, scene.state_of(jets, list(jets.seeds(point))), 0))
    return [c.value if isinstance(c, Jet) else Fraction(c) for c in result], [jets.slopes(c) for c in result]


def product(a: Matrix, b: Matrix) -> Matrix:
    """The matrix product."""
    return [
        [sum((x * y for x, y in zip(row, col, strict=True)), Fraction(0)) for col in zip(*b, strict=True)] for row in a
    ]


def spectral_side(matrix: Matrix) -> int | None:
    """−1, 0, 1 as the spectral radius is certainly below, equal to (triangular matrices only) or above 1."""
    d = len(matrix)
    if all(not matrix[i][j] for i in range(d) for j in range(i)) or all(
        not matrix[i][j] for i in range(d) for j in range(i + 1, d)
    ):
        top: Fraction = max(abs(matrix[i][i]) for i in range(d))
        return (top > 1) - (top < 1)
    power = matrix
    for _ in range(9):
        if sum((x * x for row in power for x in row), Fraction(0)) < 1:
            return -1
        if abs(sum((power[i][i] for i in range(d)), Fraction(0))) > d:
            return 1
        power = product(power, power)
    return None
