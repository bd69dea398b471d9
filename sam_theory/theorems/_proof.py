"""Proof steps: claims that engines close, and lemmas that turn them into statements on trajectories.

A lemma names its premises, which engines must close one by one, and its conclusion, which must be the claim of
the theorem.  The list of lemmas is closed: each is an argument of a few lines written in its docstring.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import sympy as sp
from sympy.core.relational import Relational as Relation

from sam_theory.arithmetic import Vec, coordinate, grad, norm
from sam_theory.errors import InputError
from sam_theory.theorems._claims import Claim, Envelope, Identity, Inequality, Limit
from sam_theory.theorems._symbols import t, w, w_next, w_star, w_start


@dataclass(frozen=True)
class Step:
    """A claim that engines close from named facts of the class and from earlier steps.

    ``using`` holds names of facts (``descent lemma``, optionally with points: ``descent lemma: w -> w_next``) and
    of earlier steps.
    """

    name: str
    claim: Claim
    using: tuple[str, ...] = ()

    def text(self) -> str:
        """The step in plain text."""
        return f"{self.name}: {self.claim.text()}" + (f"  [from {', '.join(self.using)}]" if self.using else "")


@dataclass(frozen=True)
class Lemma:
    """A lemma from the closed list; see the subclasses."""

    name: ClassVar[str] = ""

    def excludes_starts(self) -> bool:
        """Whether the conclusion holds only from almost every start."""
        return False

    def premises(self, claim: Claim) -> Iterator[Step]:
        """What engines must close for the lemma to give ``claim``."""
        raise InputError(f"{self.name} has no premises")

    def text(self) -> str:
        """The lemma in plain text."""
        return f"{self.name}: {(self.__doc__ or '').strip().splitlines()[0]}"


def _expect(condition: bool, lemma: str, wanted: str) -> None:
    if not condition:
        raise InputError(f"the lemma '{lemma}' concludes {wanted}; the theorem claims something else")


#: The gradient does not vanish: lemmas on orbits that exclude exact zeros of the gradient ask it of every step.
MOVING: tuple[Relation, ...] = (norm(grad(w)) > 0,)


def at_start(e: sp.Expr) -> sp.Expr:
    """An observable of ``w`` at the start of the trajectory."""
    return e.xreplace({w: w_start})


def after_step(e: sp.Expr) -> sp.Expr:
    """An observable of ``w`` one step later."""
    return e.xreplace({w: w_next})


@dataclass(frozen=True)
class GeometricSum(Lemma):
    """From E⁺ ≤ qE + b with 0 ≤ q < 1 and b ≥ 0 follows E_t ≤ qᵗE_0 + b/(1−q), by induction on t."""

    factor: sp.Expr
    offset: sp.Expr = sp.S.Zero
    using: tuple[str, ...] = ()
    name: ClassVar[str] = "geometric sum"

    def premises(self, claim: Claim) -> Iterator[Step]:
        _expect(isinstance(claim, Envelope) and not claim.accumulate, self.name, "an Envelope")
        assert isinstance(claim, Envelope)
        e, q, b = claim.observable, self.factor, self.offset
        yield Step("one step", Inequality(after_step(e), q * e + b), self.using)
        yield Step("factor is nonnegative", Inequality(sp.S.Zero, q))
        yield Step("factor is below 1", Inequality(q, sp.S.One, strict=True))
        tail = sp.S.Zero
        if b != 0:
            yield Step("offset is nonnegative", Inequality(sp.S.Zero, b))
            tail = b / (1 - q)
        yield Step("bound of the sum", Identity(claim.bound, q**t * at_start(e) + tail))


@dataclass(frozen=True)
class Telescoping(Lemma):
    """From a ≤ K(φ − φ⁺) along the orbit, with K ≥ 0 and φ ≥ 0, follows that a sums to at most Kφ_0."""

    factor: sp.Expr
    potential: sp.Expr
    using: tuple[str, ...] = ()
    name: ClassVar[str] = "telescoping sum"

    def premises(self, claim: Claim) -> Iterator[Step]:
        _expect(isinstance(claim, Envelope) and claim.accumulate, self.name, "an accumulated Envelope")
        assert isinstance(claim, Envelope)
        phi, k = self.potential, self.factor
        yield Step("one step", Inequality(claim.observable, k * (phi - after_step(phi))), self.using)
        yield Step("factor is nonnegative", Inequality(sp.S.Zero, k))
        yield Step("potential is nonnegative", Inequality(sp.S.Zero, phi), ("minimum",))
        yield Step("bound of the sum", Identity(claim.bound, k * at_start(phi)))


@dataclass(frozen=True)
class DistanceDecreases(Lemma):
    """If ||w⁺|−r| < |w−r| for 0 < w ≠ r, every orbit of an odd 1-D map that avoids 0 has |w_t| → r.

    Proof.  The map is odd and continuous off 0, so v=|w| follows a map T that is continuous on (0,∞).  V=|v−r|
    decreases strictly (or v has arrived at r), so v is bounded and V converges.  A limit point p of v other
    than 0 has |T(p)−r|=|p−r| by continuity, hence p=r and V→0.  Otherwise v→0 and V decreases strictly to r,
    so V>r, that is v>2r, all along, against v→0 (if r=0, v→0 is the claim).  An observable of w that has one
    value at ±r and is continuous there tends to it.
    """

    target: sp.Expr
    name: ClassVar[str] = "strictly decreasing distance"

    def excludes_starts(self) -> bool:
        return self.target != 0

    def premises(self, claim: Claim) -> Iterator[Step]:
        _expect(isinstance(claim, Limit) and claim.variable is None, self.name, "a Limit along trajectories")
        assert isinstance(claim, Limit)
        r = self.target
        here, there = sp.Abs(coordinate(w) - r), sp.Abs(norm(w_next) - r)
        off: tuple[Relation, ...] = (coordinate(w) > 0, sp.Ne(coordinate(w), r))
        yield Step("target is nonnegative", Inequality(sp.S.Zero, r))
        yield Step("distance decreases", Inequality(there, here, strict=True, given=off))
        yield Step("value at the target", AtPoint(claim.observable, claim.value, (r,)))
        yield Step("value at the mirrored target", AtPoint(claim.observable, claim.value, (-r,)))


@dataclass(frozen=True)
class AtPoint(Claim):
    """``lhs`` = ``rhs`` where the state is ``point`` (a premise of lemmas, not a kind of theorem)."""

    lhs: sp.Expr
    rhs: sp.Expr
    point: tuple[sp.Expr, ...]
    kind: ClassVar[str] = "Identity"

    def text(self) -> str:
        return f"{self.lhs} = {self.rhs} at w = ({', '.join(map(str, self.point))})"


@dataclass(frozen=True)
class LinearGrowth(Lemma):
    """If a coordinate obeys u⁺ = m·u with |m| > 1, the norm of the state tends to infinity from every u_0 ≠ 0."""

    multiplier: sp.Expr
    coordinate: int = 0
    name: ClassVar[str] = "linear growth"

    def excludes_starts(self) -> bool:
        return True

    def premises(self, claim: Claim) -> Iterator[Step]:
        fits = isinstance(claim, Limit) and claim.variable is None and claim.value is sp.oo
        _expect(fits and claim.formulas()[0] == norm(w), self.name, "that |w_t| tends to infinity")
        i = self.coordinate
        yield Step("linear step", Identity(coordinate(w_next, i), self.multiplier * coordinate(w, i)))
        yield Step("modulus above 1", Inequality(sp.S.One, sp.Abs(self.multiplier), strict=True))


@dataclass(frozen=True)
class StepLength(Lemma):
    """If every step is at least c long, limsup ‖w_t − w*‖ ≥ c/2, by the triangle inequality at w*."""

    length: sp.Expr
    using: tuple[str, ...] = ()
    name: ClassVar[str] = "long steps"

    def excludes_starts(self) -> bool:
        return True

    def premises(self, claim: Claim) -> Iterator[Step]:
        _limsup_of(claim, norm(w - w_star), self.name)
        assert isinstance(claim, Limit)
        yield Step("step length", Inequality(self.length, norm(w_next - w), given=MOVING), self.using)
        yield Step("half the step", Identity(claim.value, self.length / 2))


@dataclass(frozen=True)
class AffineLowerRecursion(Lemma):
    """From V ≥ 0 and V⁺ ≥ b − aV with a > −1 follows limsup V ≥ b/(1+a).

    Proof.  If a ≥ 0 and V ≤ m eventually up to any slack, then m ≥ b − am.  If −1 < a < 0, the liminf l obeys
    l ≥ b − al.  An infinite limsup satisfies the claim.
    """

    slope: sp.Expr
    offset: sp.Expr
    using: tuple[str, ...] = ()
    name: ClassVar[str] = "affine lower recursion"

    def excludes_starts(self) -> bool:
        return True

    def premises(self, claim: Claim) -> Iterator[Step]:
        assert isinstance(claim, Limit)
        v = claim.observable
        _limsup_of(claim, v, self.name)
        yield Step("one step", Inequality(self.offset - self.slope * v, after_step(v), given=MOVING), self.using)
        yield Step("observable is nonnegative", Inequality(sp.S.Zero, v))
        yield Step("slope above -1", Inequality(-sp.S.One, self.slope, strict=True))
        yield Step("bound of the recursion", Identity(claim.value, self.offset / (1 + self.slope)))


def _limsup_of(claim: Claim, observable: sp.Expr | Vec, lemma: str) -> None:
    fits = isinstance(claim, Limit) and claim.kind_of_limit == "limsup" and claim.relation == ">="
    _expect(fits and claim.formulas()[0] == observable, lemma, f"a lower bound on limsup {observable}")


LEMMAS: tuple[type[Lemma], ...] = (
    GeometricSum, Telescoping, DistanceDecreases, LinearGrowth, StepLength, AffineLowerRecursion,
)  # fmt: skip
