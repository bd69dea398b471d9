"""Families: random members of the function classes, each with the proof that it is a member."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Any, Literal

import numpy as np
import sympy as sp

from sam_theory.arithmetic import CURVATURE, LENGTH, LOSS, NUMBER
from sam_theory.losses import _draw as draw
from sam_theory.losses import _members as members
from sam_theory.losses._base import Facts, Loss
from sam_theory.losses._concrete import Expression
from sam_theory.losses._draw import Array, Draw
from sam_theory.losses._membership import invariance_violation, secant_violation

__all__ = ["Family"]

Law = Literal["strongly convex", "convex", "Polyak-Lojasiewicz", "scale invariant"]


def _zero(env: Mapping[str, Any]) -> Array:
    return np.zeros(())


@dataclass(frozen=True)
class Family:
    """Members of a class that differ in numbers only, so that one batch simulates many of them.

    Parameters
    ----------
    name : str
    loss : Loss
        A concrete program of ``w``, the constants of the class and the member's numbers.
    draw : callable (rng, size, env) -> dict of arrays of shape (size,)
        ``env`` holds arrays ``alpha``, ``beta``; ``eta`` and ``rho``, where present, only steer the draw
        towards the length scale of the step and towards known extremal members.
    membership : str
        Why every draw belongs to the class, in words.
    law : str
        The class whose definition ``check`` measures.
    rational : bool
        Whether value and gradient are rational at rational points and numbers.
    minimum : callable (env) -> array
        The least value, broadcastable to the batch.  Zero in every family here; attained at w = 0, but by
        scale-invariant members on an axis.
    """

    name: str
    loss: Loss
    draw: Draw
    membership: str
    law: Law
    rational: bool
    minimum: Callable[[Mapping[str, Any]], Array] = _zero

    @property
    def dimension(self) -> int:
        """The dimension of the state."""
        assert self.loss.dimension is not None
        return self.loss.dimension

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names that ``draw`` gives."""
        return tuple(p for p in self.loss.parameters if p not in ("alpha", "beta"))

    def check(self, env: Mapping[str, Any], rng: np.random.Generator) -> float:
        """The worst relative violation of the definition of the class, measured at random secants.

        ``env`` holds α, β and the drawn numbers.  Correct members give rounding errors, below 1e-9.
        """
        if self.law == "scale invariant":
            return invariance_violation(self.loss, env, rng)
        low = {"strongly convex": "alpha", "convex": "zero", "Polyak-Lojasiewicz": "-beta"}[self.law]
        return secant_violation(self.loss, env, rng, low)

    def exact_member(
        self, numbers: Mapping[str, Any], index: int, largest_denominator: int | None = None
    ) -> dict[str, Fraction]:
        """Member ``index`` of a draw as fractions: the binary values, or the nearest of small denominator.

        Only for rational families: there, every fraction in [0, 1] and every positive length is admissible.
        """
        exact = {n: Fraction(float(np.asarray(numbers[n])[index])) for n in self.inputs}
        if largest_denominator is None:
            return exact
        small = {n: f.limit_denominator(largest_denominator) for n, f in exact.items()}
        return {n: f if f or not exact[n] else Fraction(1, largest_denominator) for n, f in small.items()}


_BETWEEN = "every eigenvalue is (1−t)·lower + t·β with t in [0, 1]"
_SLOPES = (
    "the gradient is continuous and piecewise linear with slopes (1−t)·lower + t·β, t in [0, 1], and is "
    "0 at 0; so all its secants have slopes between lower and β"
)
_SOFT = (
    "the Hessian of each smoothed absolute value is a rank-one matrix between 0 and b_k b_kᵀ, Σ‖b_k‖² ≤ 1, "
    "and the sum is multiplied by β−lower; D is a Bregman distance, so value and gradient vanish at 0"
)


def _curved(low: Literal["alpha", "zero"], dimension: int | None) -> list[Family]:
    law: Law = "convex" if low == "zero" else "strongly convex"
    convex = low == "zero"
    found = []
    for d in (1, 2) if dimension is None else (dimension,):
        names = tuple(f"m_t{i + 1}" for i in range(d))
        loss = members.quadratic_members(names, convex)
        found.append(Family(f"{law} quadratic, d={d}", loss, draw.quadratic(names), _BETWEEN, law, True))
    if dimension in (None, 1):
        curved = members.curved_members(convex)
        found.append(Family(f"{law} piecewise quadratic", curved, draw.curved, _SLOPES, law, True))
    for d in (2, 4) if dimension is None else (dimension,):
        soft = members.soft_absolute_members(d, 3, convex)
        drawn = draw.soft_absolute(d, 3)
        found.append(Family(f"{law} soft absolute values, d={d}", soft, drawn, _SOFT, law, False))
    return found


@cache
def strongly_convex_families(dimension: int | None = None) -> tuple[Family, ...]:
    """Quadratics, piecewise quadratics (C3's extremal losses among them), smoothed absolute values."""
    return tuple(_curved("alpha", dimension))


@cache
def convex_families(dimension: int | None = None) -> tuple[Family, ...]:
    """The same with α = 0, and losses of Huber's type with linear tails."""
    found = _curved("zero", dimension)
    if dimension in (None, 1):
        proof = f"{_SLOPES}; lower = 0 and the tails have slope 0"
        found.append(Family("Huber", members.curved_members(True), draw.huber, proof, "convex", True))
    return tuple(found)


def _sine_members() -> Expression:
    w = sp.Symbol("w1", real=True)
    beta, c, unit = sp.symbols("beta m_sine m_length", positive=True)
    x = w / unit
    loss = Expression(
        beta * unit**2 / (2 + 2 * c) * (x**2 + c * sp.sin(x) ** 2),
        [w],
        name="x^2 + c sin^2 x, scaled",
        facts=Facts(minimum=0, minimisers=((0,),)),
    )
    loss.dimensions = {"beta": CURVATURE, "m_sine": NUMBER, "m_length": LENGTH}
    return loss


@cache
def polyak_lojasiewicz_families(dimension: int | None = None) -> tuple[Family, ...]:
    """Nonconvex members, convex ones with a flat direction, and every strongly convex family."""
    law: Law = "Polyak-Lojasiewicz"
    found = []
    if dimension in (None, 1):
        pieces = members.nonconvex_members()
        proof = str(members.nonconvex_members.__doc__)
        found.append(Family("nonconvex piecewise quadratic", pieces, draw.nonconvex, proof, law, True))
        proof = str(draw.sine.__doc__)
        found.append(Family("x^2 + c sin^2 x", _sine_members(), draw.sine, proof, law, False))
    if dimension != 1:
        names = tuple(f"m_t{i + 1}" for i in range((dimension or 2) - 1))
        flat = members.quadratic_members((*names, None))
        proof = "‖g‖² = Σλ²w² ≥ αΣλw² = 2αL, one eigenvalue λ being 0 and the others in [α, β]"
        found.append(Family("quadratic with a flat direction", flat, draw.quadratic(names), proof, law, True))
    return (*found, *strongly_convex_families(dimension))


def _rayleigh_members(dimension: int) -> Expression:
    w = sp.symbols(f"w1:{dimension + 1}", real=True)
    a = sp.symbols(f"m_a2:{dimension + 1}", positive=True)
    above = sum(m * x**2 for m, x in zip(a, w[1:], strict=True))
    name = f"Rayleigh quotient in dimension {dimension}"
    loss = Expression(above / sum(x**2 for x in w), w, name=name, facts=Facts(minimum=0))
    loss.dimensions = {m.name: LOSS for m in a}
    return loss


@cache
def scale_invariant_families(dimension: int | None = None) -> tuple[Family, ...]:
    """Rayleigh quotients of diagonal matrices (0, a_2, …); the least value is 0, on the first axis."""
    proof = "numerator and denominator are homogeneous of degree 2"
    law: Law = "scale invariant"
    wanted = (2, 3) if dimension is None else (dimension,)
    return tuple(
        Family(f"Rayleigh quotient, d={d}", _rayleigh_members(d), draw.rayleigh(d), proof, law, True)
        for d in wanted
        if d > 1
    )
