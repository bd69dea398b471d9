"""Proof steps: claims that engines close, and lemmas that turn them into statements on trajectories.

A lemma names its premises, which engines must close one by one, and its conclusion, which must be the claim of
the theorem.  The list of lemmas is closed: each is an argument of a few lines written in its docstring.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar, Self

import sympy as sp
from sympy.core.relational import Relational as Relation

from sam_theory.arithmetic import Vec, VectorSymbol, coordinate, grad, norm
from sam_theory.arithmetic._symbolic import evaluated
from sam_theory.errors import InputError
from sam_theory.losses import Loss
from sam_theory.theorems._claims import AlmostEvery, Claim, Envelope, Identity, Inequality, Limit, OrbitsAvoiding
from sam_theory.theorems._symbols import t, w, w_next, w_star, w_start


@dataclass(frozen=True)
class Step:
    """A claim that engines close from named facts of the class and from earlier steps.

    ``using`` holds names of facts (``descent lemma``, optionally with points: ``descent lemma: w -> w_next``) and
    of earlier steps.  With ``within`` the step is proved for every member of that class, to which the loss belongs.
    """

    name: str
    claim: Claim
    using: tuple[str, ...] = ()
    within: Loss | None = None

    def text(self) -> str:
        """The step in plain text."""
        return f"{self.name}: {self.claim.text()}" + (f"  [from {', '.join(self.using)}]" if self.using else "")


@dataclass(frozen=True)
class Lemma:
    """A lemma from the closed list; see the subclasses."""

    name: ClassVar[str] = ""
    #: whether the argument needs one fixed map, so that a rule with a schedule is refused
    one_map: ClassVar[bool] = True
    #: whether k is the number of a step in the lemma's own formulas, so that it cannot be a parameter
    counts_steps: ClassVar[bool] = False

    def quantifier(self) -> AlmostEvery | OrbitsAvoiding | None:
        """The starts for which the lemma concludes; None: every start.  A theorem must claim no more."""
        return None

    def expanded(self, expand: Callable[[Any], Any]) -> Self:
        """The lemma with every abbreviation in its formulas replaced by what it stands for."""
        return replace(self, **{f.name: _deep(getattr(self, f.name), expand) for f in fields(self)})

    def premises(self, claim: Claim) -> Iterator[Step]:
        """What engines must close for the lemma to give ``claim``."""
        raise InputError(f"{self.name} has no premises")

    def text(self) -> str:
        """The lemma in plain text."""
        return f"{self.name}: {(self.__doc__ or '').strip().splitlines()[0]}"


def _deep(value: Any, expand: Callable[[Any], Any]) -> Any:
    return tuple(_deep(v, expand) for v in value) if isinstance(value, tuple) else expand(value)


def _expect(condition: bool, lemma: str, wanted: str) -> None:
    if not condition:
        raise InputError(f"the lemma '{lemma}' concludes {wanted}; the theorem claims something else")


def _constant(lemma: str, **formulas: sp.Expr) -> None:
    """Constants of a recursion may not change along the orbit."""
    for name, e in formulas.items():
        changing = e.atoms(Vec) or {x for x in e.free_symbols if getattr(x, "name", "") in ("t", "k")}
        if changing:
            raise InputError(f"the lemma '{lemma}' needs a constant {name}; {e} changes along the orbit")


def _function_of(lemma: str, e: sp.Expr, *allowed: Vec) -> None:
    """A formula may speak of these vectors alone, and of no step number."""
    foreign = {v for v in e.atoms(VectorSymbol) if v not in allowed}
    foreign |= {x for x in e.free_symbols if getattr(x, "name", "") in ("t", "k")}
    if foreign:
        names = ", ".join(sorted(map(str, foreign)))
        raise InputError(f"the lemma '{lemma}' needs a formula of {', '.join(map(str, allowed))}; {e} uses {names}")


#: The gradient does not vanish: lemmas on orbits that exclude exact zeros of the gradient ask it of every step.
MOVING: tuple[Relation, ...] = (norm(grad(w)) > 0,)


def at_start(e: sp.Expr) -> sp.Expr:
    """An observable of ``w`` at the start of the trajectory."""
    return e.xreplace({w: w_start})


def after_step(e: sp.Expr) -> sp.Expr:
    """An observable of ``w`` one step later."""
    return e.xreplace({w: w_next})


_ONLY_W: tuple[Vec, ...] = (w, w_star)


@dataclass(frozen=True)
class GeometricSum(Lemma):
    """From E⁺ ≤ qE + b with 0 ≤ q < 1 and b ≥ 0 follows E_t ≤ qᵗE_0 + b/(1−q), by induction on t."""

    factor: sp.Expr
    offset: sp.Expr = sp.S.Zero
    using: tuple[str, ...] = ()
    name: ClassVar[str] = "geometric sum"
    one_map: ClassVar[bool] = False

    def premises(self, claim: Claim) -> Iterator[Step]:
        _expect(isinstance(claim, Envelope) and not claim.accumulate, self.name, "an Envelope")
        assert isinstance(claim, Envelope)
        e, q, b = claim.observable, self.factor, self.offset
        _constant(self.name, factor=q, offset=b)
        _function_of(self.name, e, *_ONLY_W)
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
    nonnegative_by: tuple[str, ...] = ("minimum",)
    name: ClassVar[str] = "telescoping sum"
    one_map: ClassVar[bool] = False

    def premises(self, claim: Claim) -> Iterator[Step]:
        _expect(isinstance(claim, Envelope) and claim.accumulate, self.name, "an accumulated Envelope")
        assert isinstance(claim, Envelope)
        phi, k = self.potential, self.factor
        _constant(self.name, factor=k)
        _function_of(self.name, phi, *_ONLY_W)
        _function_of(self.name, claim.observable, *_ONLY_W, w_next)
        yield Step("one step", Inequality(claim.observable, k * (phi - after_step(phi))), self.using)
        yield Step("factor is nonnegative", Inequality(sp.S.Zero, k))
        yield Step("potential is nonnegative", Inequality(sp.S.Zero, phi), self.nonnegative_by)
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

    def quantifier(self) -> AlmostEvery | OrbitsAvoiding | None:
        return OrbitsAvoiding("w = 0") if self.target != 0 else None

    def premises(self, claim: Claim) -> Iterator[Step]:
        _expect(isinstance(claim, Limit) and claim.variable is None, self.name, "a Limit along trajectories")
        assert isinstance(claim, Limit)
        r = self.target
        _constant(self.name, target=r, value=claim.value)
        _function_of(self.name, claim.observable, *_ONLY_W)
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
    """If a coordinate obeys u⁺ = m·u with |m| > 1, |w_t| → ∞ unless that coordinate starts at 0 (a null set)."""

    multiplier: sp.Expr
    coordinate: int = 0
    name: ClassVar[str] = "linear growth"

    def quantifier(self) -> AlmostEvery | OrbitsAvoiding | None:
        return AlmostEvery((sp.Eq(coordinate(w, self.coordinate), 0),))

    def premises(self, claim: Claim) -> Iterator[Step]:
        fits = isinstance(claim, Limit) and claim.variable is None and claim.value is sp.oo
        _expect(fits and claim.formulas()[0] == norm(w), self.name, "that |w_t| tends to infinity")
        i = self.coordinate
        _constant(self.name, multiplier=self.multiplier)
        yield Step("linear step", Identity(coordinate(w_next, i), self.multiplier * coordinate(w, i)))
        yield Step("modulus above 1", Inequality(sp.S.One, sp.Abs(self.multiplier), strict=True))


@dataclass(frozen=True)
class StepLength(Lemma):
    """If every step is at least c long, limsup ‖w_t − w*‖ ≥ c/2, by the triangle inequality at w*."""

    length: sp.Expr
    using: tuple[str, ...] = ()
    name: ClassVar[str] = "long steps"
    one_map: ClassVar[bool] = False

    def quantifier(self) -> AlmostEvery | OrbitsAvoiding | None:
        return OrbitsAvoiding("zero gradient")

    def premises(self, claim: Claim) -> Iterator[Step]:
        _limsup_of(claim, norm(w - w_star), self.name)
        assert isinstance(claim, Limit)
        _constant(self.name, length=self.length)
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
    one_map: ClassVar[bool] = False

    def quantifier(self) -> AlmostEvery | OrbitsAvoiding | None:
        return OrbitsAvoiding("zero gradient")

    def premises(self, claim: Claim) -> Iterator[Step]:
        assert isinstance(claim, Limit)
        v = claim.observable
        _limsup_of(claim, v, self.name)
        _constant(self.name, slope=self.slope, offset=self.offset)
        _function_of(self.name, v, *_ONLY_W)
        yield Step("one step", Inequality(self.offset - self.slope * v, after_step(v), given=MOVING), self.using)
        yield Step("observable is nonnegative", Inequality(sp.S.Zero, v))
        yield Step("slope above -1", Inequality(-sp.S.One, self.slope, strict=True))
        yield Step("bound of the recursion", Identity(claim.value, self.offset / (1 + self.slope)))


@dataclass(frozen=True)
class MaxRecursion(Lemma):
    """From E⁺ ≤ max(qE, b) with 0 ≤ q ≤ 1 and b ≥ 0 follows E_t ≤ max(qᵗE_0, b).

    Proof.  Induction on t: E_{t+1} ≤ max(q·max(qᵗE_0, b), b) = max(qᵗ⁺¹E_0, qb, b) since q ≥ 0, and qb ≤ b since
    q ≤ 1 and b ≥ 0.
    """

    factor: sp.Expr
    level: sp.Expr
    using: tuple[str, ...] = ()
    name: ClassVar[str] = "max recursion"
    one_map: ClassVar[bool] = False

    def premises(self, claim: Claim) -> Iterator[Step]:
        _expect(isinstance(claim, Envelope) and not claim.accumulate, self.name, "an Envelope")
        assert isinstance(claim, Envelope)
        e, q, b = claim.observable, self.factor, self.level
        _constant(self.name, factor=q, level=b)
        _function_of(self.name, e, *_ONLY_W)
        yield Step("one step", Inequality(after_step(e), evaluated(sp.Max, q * e, b)), self.using)
        yield Step("factor is nonnegative", Inequality(sp.S.Zero, q))
        yield Step("factor is at most 1", Inequality(q, sp.S.One))
        yield Step("level is nonnegative", Inequality(sp.S.Zero, b))
        yield Step("bound of the recursion", Identity(claim.bound, sp.Max(q**t * at_start(e), b)))


@dataclass(frozen=True)
class AbsorbingLevel(Lemma):
    """From E⁺ ≤ max(C, qE + (1−q)C) with 0 ≤ q < 1 follows E_t ≤ C + qᵗ max(0, E_0 − C), hence limsup E ≤ C.

    Proof.  Let x = max(0, E − C).  The premise reads E⁺ − C ≤ max(0, q(E − C)), and q(E − C) ≤ qx since q ≥ 0, so
    x⁺ ≤ qx and x_t ≤ qᵗx_0 by induction; E_t ≤ C + x_t, and qᵗ → 0 since q < 1.  In particular E_0 ≤ C gives
    E_t ≤ C for all t.  E is the observable of the claim, or for a limsup a ``potential`` that is at least as large.
    """

    factor: sp.Expr
    level: sp.Expr
    using: tuple[str, ...] = ()
    potential: sp.Expr | None = None
    below_by: tuple[str, ...] = ()
    name: ClassVar[str] = "absorbing level"
    one_map: ClassVar[bool] = False

    def premises(self, claim: Claim) -> Iterator[Step]:
        q, c = self.factor, self.level
        _constant(self.name, factor=q, level=c)
        if isinstance(claim, Limit):
            _expect((claim.kind_of_limit, claim.relation) == ("limsup", "<="), self.name, "an upper bound on a limsup")
            _expect(claim.variable is None, self.name, "a limsup along trajectories")
            e = claim.observable
            _constant(self.name, value=claim.value)
            conclusion = Step("level of the limsup", Identity(claim.value, c))
            if self.potential is not None:
                _function_of(self.name, e, *_ONLY_W)
                yield Step("observable is below the potential", Inequality(e, self.potential), self.below_by)
                e = self.potential
        else:
            plain = self.potential is None and isinstance(claim, Envelope) and not claim.accumulate
            _expect(plain, self.name, "an Envelope, or a limsup below a potential")
            assert isinstance(claim, Envelope)
            e = claim.observable
            bound = c + q**t * evaluated(sp.Max, 0, at_start(e) - c)
            conclusion = Step("bound of the recursion", Identity(claim.bound, bound))
        _function_of(self.name, e, *_ONLY_W)
        yield Step("one step", Inequality(after_step(e), evaluated(sp.Max, c, q * e + (1 - q) * c)), self.using)
        yield Step("factor is nonnegative", Inequality(sp.S.Zero, q))
        yield Step("factor is below 1", Inequality(q, sp.S.One, strict=True))
        yield conclusion


@dataclass(frozen=True)
class AlternatingBounds(Lemma):
    """From V⁺ ≤ max(qV, A − mV) and V⁺ ≥ b − nV follows limsup V ≤ C = (A − mb)/(1 − mn).

    Here V ≥ 0, C ≥ 0, 0 ≤ q < 1, m, n ≥ 0 and mn < 1; both bounds are asked where the gradient does not vanish.

    Proof.  V⁺ ≤ max(qV, |A|), so V is bounded; let M be its limsup.  V⁺⁺ ≤ max(qV⁺, A − mV⁺) ≤ max(qV⁺, A − mb + mnV)
    = max(qV⁺, (1−mn)C + mnV).  Along a subsequence on which V⁺⁺ → M this gives M ≤ qM, hence M = 0 ≤ C, or
    M ≤ (1−mn)C + mnM, hence M ≤ C.
    """

    factor: sp.Expr
    above: tuple[sp.Expr, sp.Expr]  # A, m
    below: tuple[sp.Expr, sp.Expr]  # b, n
    using: tuple[str, ...] = ()
    name: ClassVar[str] = "alternating bounds"
    one_map: ClassVar[bool] = False

    def quantifier(self) -> AlmostEvery | OrbitsAvoiding | None:
        return OrbitsAvoiding("zero gradient")

    def premises(self, claim: Claim) -> Iterator[Step]:
        fits = isinstance(claim, Limit) and (claim.kind_of_limit, claim.relation) == ("limsup", "<=")
        _expect(fits, self.name, "an upper bound on a limsup")
        assert isinstance(claim, Limit)
        _expect(claim.variable is None, self.name, "a limsup along trajectories")
        (a, m), (b, n), q, v = self.above, self.below, self.factor, claim.observable
        _constant(self.name, factor=q, offset=a, slope=m, lower_offset=b, lower_slope=n, value=claim.value)
        _function_of(self.name, v, *_ONLY_W)
        above = Inequality(after_step(v), evaluated(sp.Max, q * v, a - m * v), given=MOVING)
        yield Step("bound from above", above, self.using)
        yield Step("bound from below", Inequality(b - n * v, after_step(v), given=MOVING), self.using)
        yield Step("observable is nonnegative", Inequality(sp.S.Zero, v))
        yield Step("factor is nonnegative", Inequality(sp.S.Zero, q))
        yield Step("factor is below 1", Inequality(q, sp.S.One, strict=True))
        yield Step("slope from above is nonnegative", Inequality(sp.S.Zero, m))
        yield Step("slope from below is nonnegative", Inequality(sp.S.Zero, n))
        yield Step("product of the slopes is below 1", Inequality(m * n, sp.S.One, strict=True))
        yield Step("level is nonnegative", Inequality(sp.S.Zero, claim.value))
        yield Step("level of the limsup", Identity(claim.value, (a - m * b) / (1 - m * n)))


def _limsup_of(claim: Claim, observable: sp.Expr | Vec, lemma: str) -> None:
    fits = isinstance(claim, Limit) and claim.kind_of_limit == "limsup" and claim.relation == ">="
    _expect(fits and claim.formulas()[0] == observable, lemma, f"a lower bound on limsup {observable}")
