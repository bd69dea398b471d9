"""A lemma on rules with a schedule: what fades along the steps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import sympy as sp

from sam_theory.arithmetic._symbolic import evaluated
from sam_theory.errors import InputError
from sam_theory.theorems._claims import AlmostEvery, Claim, Inequality, Limit, OrbitsAvoiding
from sam_theory.theorems._proof import MOVING, Lemma, Step, _constant, _expect, after_step
from sam_theory.theorems._symbols import t, w, w_star

#: The number of a step, as engines know it.
step_number = sp.Symbol("k", real=True)


@dataclass(frozen=True)
class FadingLevel(Lemma):
    """From V_{k+1} ≤ max((1−h_k)V_k + h_k b_k, b_k) follows V → 0, if Σh_k = ∞ and b_k → 0.

    V_k = |a_k − v| for the observable a and the value v of the claim; a may use the step number t.  The recursion and
    c/(k+1) ≤ h_k ≤ 1 are asked of every step k ≥ K, with c > 0; b_k ≤ B(k+1)^(−p), p > 0 rational, of every step.

    Proof.  Let e > 0.  From some step on b_k ≤ e, and then V_{k+1} − e ≤ max((1−h_k)(V_k − e), 0), so that
    x = max(0, V − e) obeys x_{k+1} ≤ (1−h_k)x_k.  Since Σh_k diverges, the product of the factors 1−h_k tends to 0,
    hence limsup V ≤ e.
    """

    speed: sp.Expr  # h_k, in the step number k
    level: sp.Expr  # b_k
    pace: sp.Expr  # c
    bound: sp.Expr  # B
    power: sp.Expr  # p
    after: sp.Expr = sp.S.Zero  # K
    moving: bool = False
    using: tuple[str, ...] = ()
    name: ClassVar[str] = "fading level"
    one_map: ClassVar[bool] = False
    counts_steps: ClassVar[bool] = True

    def quantifier(self) -> AlmostEvery | OrbitsAvoiding | None:
        return OrbitsAvoiding("zero gradient") if self.moving else None

    def premises(self, claim: Claim) -> Iterator[Step]:
        fits = isinstance(claim, Limit) and (claim.kind_of_limit, claim.relation) == ("limit", "==")
        _expect(fits, self.name, "a limit along trajectories")
        assert isinstance(claim, Limit)
        _expect(claim.variable is None and claim.value.is_finite is not False, self.name, "a finite limit over t")
        _constant(self.name, pace=self.pace, bound=self.bound, after=self.after, value=claim.value)
        k, h, b = step_number, self.speed, self.level
        foreign = (h.atoms(type(w)) | b.atoms(type(w))) or (claim.observable.atoms(type(w)) - {w, w_star})
        if foreign or t in h.free_symbols | b.free_symbols or k in claim.observable.free_symbols:
            raise InputError(
                f"the lemma '{self.name}' needs formulas of k for speed and level, and an observable of w and t"
            )
        if not (self.power.is_Rational and self.power > 0):
            raise InputError(f"the lemma '{self.name}' needs a positive rational power, not {self.power}")
        v = sp.Abs(claim.observable - claim.value)
        here, there = v.xreplace({t: k}), after_step(v).xreplace({t: k + 1})
        late = (sp.GreaterThan(k, self.after, evaluate=False),)
        given = (*late, *MOVING) if self.moving else late
        yield Step("one step", Inequality(there, evaluated(sp.Max, (1 - h) * here + h * b, b), given=given), self.using)
        yield Step("pace is positive", Inequality(sp.S.Zero, self.pace, strict=True))
        yield Step("speeds add up to infinity", Inequality(self.pace, (k + 1) * h, given=late))
        yield Step("speed is at most 1", Inequality(h, sp.S.One, given=late))
        yield Step("level fades", Inequality(b * (k + 1) ** self.power, self.bound))
