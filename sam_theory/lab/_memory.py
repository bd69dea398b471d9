r"""The law of a rule with further state vectors, such as a velocity, beside a valley with one curvature.

On the scale of the cycle such a vector is (ρν, ρ²κ): ν across the valley, κ along it.  One step is then a fast map of
(ξ, ν, κ) and θ⁺ = θ + ρ²h(ξ,ν,κ,θ) + O(ρ³).  The lemma *fast 2-cycle, slow drift* holds for any fast coordinates on
whose scale the map is smooth; its premise 4 reads Φ(Sz, θ, −ρ) = SΦ(z, θ, ρ) with S = (−, −, +) on (ξ, ν, κ).  Then
s₋ = −Ss₊ by uniqueness, ∂h(Sz)S = ∂h(z), and the terms of order ρ³ cancel over two steps as before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sympy as sp

from sam_theory.arithmetic import Coordinates, NotExact, Series, Undecided
from sam_theory.dynamics import Map
from sam_theory.errors import InputError
from sam_theory.losses import Expression
from sam_theory.rules import Rule

__all__ = ["Memory", "jury", "memory_step"]


@dataclass(frozen=True)
class Memory:
    """One step from a point beside the valley: coefficients at two orders, the iterate first.

    ``across``: of order 1 and 2, for each vector; ``along``: of order 2 and 3, for each vector and direction.
    """

    across: tuple[tuple[sp.Expr, sp.Expr], ...]
    along: tuple[tuple[tuple[sp.Expr, sp.Expr], ...], ...]


def memory_step(
    rule: Rule,
    loss: Expression,
    series: Series,
    env: dict[str, Any],
    across: Sequence[sp.Expr],
    along: Sequence[Sequence[sp.Expr]],
    shift: sp.Expr,
) -> Memory:
    """The step from small·across[j] along n₁ and small²·along[j] along the minima, j the number of the state vector.

    Every coordinate of the iterate is moved by ``shift`` besides, and its image moved back.
    """
    small, base = series.constant(series.small), series.constant(shift)
    states = {}
    for name, normal, tangent in zip(rule.state, across, along, strict=True):
        begin = [small * normal, *(small * small * c for c in tangent)]
        states[name] = Coordinates([c + base for c in begin] if name == rule.state[0] else begin)
    try:
        image = Map(rule, loss).step(series, states, env)
        image[rule.state[0]] = Coordinates(c - base for c in image[rule.state[0]])
        normals = [image[n][0] for n in rule.state]
        tangents = [[image[n][1 + a] for a in range(len(along[0]))] for n in rule.state]
        if any(e.coefficient(0) != 0 for e in normals):
            raise InputError(f"{rule.name} leaves the valley by more than {series.small}: no drift is derived")
        if any(e.coefficient(p) != 0 for row in tangents for e in row for p in (0, 1)):
            raise InputError(f"{rule.name} moves along the minima faster than {series.small}^2")
        return Memory(
            tuple((e.coefficient(1), e.coefficient(2)) for e in normals),
            tuple(tuple((e.coefficient(2), e.coefficient(3)) for e in row) for row in tangents),
        )
    except (Undecided, NotExact) as problem:
        raise InputError(f"the step of {rule.name} beside a valley has no power series: {problem}") from None


def jury(matrix: sp.Matrix) -> list[sp.Expr]:
    """What is positive exactly where both eigenvalues of a 2×2 matrix have modulus below 1.

    Raises InputError for a larger matrix.
    """
    if matrix.shape != (2, 2):
        raise InputError("the drift of a rule with memory is derived for one further state vector")
    trace, determinant = sp.factor(matrix.trace()), sp.factor(matrix.det())
    return [1 - determinant, 1 - trace + determinant, 1 + trace + determinant]
