"""Unified SAM of Oikonomou & Loizou (2025) on quadratics and saddles, derived here.

The paper's ρ(1−θ+θ/‖g‖)g is τg + ρg/‖g‖ with the radii ρθ (a length) and τ = ρ(1−θ) (an inverse curvature).
"""

from __future__ import annotations

from typing import Any

import sympy as sp
from sympy import Max, Rational

from sam_theory.arithmetic import CURVATURE, LENGTH, STEP_SIZE, Traced, Vec, dot, grad, norm, value
from sam_theory.losses import Quadratic, SpectralQuadratic
from sam_theory.rules import Space, rule, unified_sam
from sam_theory.theorems._claims import (
    AlmostEvery,
    Cycle,
    Identity,
    Inequality,
    Limit,
    OrbitsAvoiding,
    Stability,
    Threshold,
)
from sam_theory.theorems._proof import MOVING, DistanceDecreases, Step
from sam_theory.theorems._relations import Related
from sam_theory.theorems._saddles import StrictSaddles
from sam_theory.theorems._sources import OIKONOMOU
from sam_theory.theorems._symbols import alpha, beta, eta, lam, rho, w, w_next
from sam_theory.theorems._theorem import Instance, Mutant, Theorem, declared
from sam_theory.theorems.quadratics import agree
from sam_theory.theorems.wen2023 import lam_j, transverse, zero

tau = sp.Symbol("tau", nonnegative=True)
B = sp.Symbol("B", real=True)
m = sp.Symbol("m", positive=True)


def stiffness(eigenvalue: sp.Expr) -> sp.Expr:
    """ηλ(1+τλ): what an eigenvalue is worth in one step, without the normalised part."""
    return eta * eigenvalue * (1 + tau * eigenvalue)


def radius_of(eigenvalue: sp.Expr) -> sp.Expr:
    """ηλρ/(2−ηλ(1+τλ)); with the paper's letters γλρθ/(2−γλ(1+(1−θ)ρλ))."""
    return eta * eigenvalue * rho / (2 - stiffness(eigenvalue))


def potential(v: Vec) -> sp.Expr:
    """J(v) = ½⟨v,(2−ηΛ−ητΛ²)v⟩ − ηρ‖Λv‖."""
    return dot(v, v) - eta * value(v) - eta * tau / 2 * dot(grad(v), grad(v)) - eta * rho * norm(grad(v))


def slope(v: Vec, scale: Any = 1) -> Vec:
    """∇J(v) = 2v − ηΛv − ητΛ²v − ηρΛ²v/‖Λv‖."""
    return 2 * v - eta * grad(v) - (tau + scale * rho / norm(grad(v))) * grad(eta * grad(v))


radius = radius_of(lam)
below = stiffness(lam) < 2

# --- one dimension -------------------------------------------------------------------------------------------
LINE = Theorem(
    slug="unified-sam-quadratic.one-dimension",
    title="On ½λw² unified SAM has the 2-cycle ±ηλρ/(2−ηλ(1+τλ)), iff ηλ(1+τλ) < 2",
    source=OIKONOMOU,
    rule=unified_sam,
    loss=Quadratic(lam),
    hypotheses=(rho > 0,),
    claim=Cycle(((radius,), (-radius,)), ((1 - stiffness(lam)) ** 2,), below, stable=True),
    tightness="exact",
    notes="with the paper's letters the condition reads γλ(1+(1−θ)ρλ) < 2 and the radius γλρθ/(2−γλ(1+(1−θ)ρλ))",
)
LINE_ATTRACTS = LINE.with_(
    slug="unified-sam-quadratic.one-dimension-attracts",
    title="It attracts every start that does not hit 0",
    hypotheses=(below,),
    claim=Limit(norm(w), radius),
    starts=OrbitsAvoiding("w = 0"),
    proof=(DistanceDecreases(radius),),
    notes="at ρ = 0 the cycle is the minimiser",
)

# --- the potential, in every dimension -----------------------------------------------------------------------
angle = norm(grad(w_next)) + dot(grad(w), grad(w_next)) / norm(grad(w))
moved = w + w_next
drop = eta * value(moved) + eta * tau / 2 * norm(grad(moved)) ** 2
identity = Identity(potential(w_next), potential(w) - drop - eta * rho * angle, given=MOVING)
descent = Inequality(potential(w_next), potential(w) - drop)


def descent_steps(within: SpectralQuadratic | None = None) -> tuple[Step, ...]:
    """The descent of J: an identity and Cauchy–Schwarz."""
    return (
        Step("identity", identity, within=within),
        Step("angle", Inequality(sp.S.Zero, angle, given=MOVING), ("Cauchy-Schwarz: w, w_next",), within),
        Step("descent", descent, ("identity", "angle"), within),
    )


STEP = LINE.with_(
    slug="unified-sam-quadratic.step",
    title="Up to its sign a step is a gradient step on J: w + w⁺ = ∇J(w)",
    loss=SpectralQuadratic(alpha, beta),
    hypotheses=(),
    claim=agree(w_next - w, slope(w) - 2 * w),
    mutants=(Mutant("rho*99/100", agree(w_next - w, slope(w, Rational(99, 100)) - 2 * w)),),
    notes="J(w) = ½⟨w,(2−ηΛ−ητΛ²)w⟩ − ηρ‖Λw‖",
)
IDENTITY = STEP.with_(
    slug="unified-sam-quadratic.identity",
    title="J(w⁺) = J(w) − ηL(w+w⁺) − ½ητ‖∇L(w+w⁺)‖² − ηρ(‖g⁺‖+⟨g,g⁺⟩/‖g‖)",
    claim=identity,
    mutants=(),
)
DESCENT = STEP.with_(
    slug="unified-sam-quadratic.descent",
    title="J(w⁺) ≤ J(w) − ηL(w+w⁺) − ½ητ‖∇L(w+w⁺)‖², for every η > 0, dimension and spectrum",
    where={B: eta},
    claim=Inequality(potential(w_next), potential(w) - B * value(moved) - eta * tau / 2 * norm(grad(moved)) ** 2),
    proof=descent_steps(),
    tightness="tight",
    attained_by=Instance(
        {"alpha": 1, "beta": 1, "eta": Rational(1, 2), "rho": 1, "tau": 1}, (Rational(1, 10),), Quadratic(1)
    ),
    mutants=(),
)

# --- the cycles --------------------------------------------------------------------------------------------------
CYCLE = LINE.with_(
    slug="unified-sam-quadratic.cycle",
    relations=(Related("implies", "quad-two-cycle.cycle", "at τ = 0"),),
    title="The cycle ±r₁e₁ has the multipliers 1−ηλ₁(1+τλ₁) along and, whatever ρ and τ, "
    "1−ηλ_j−(2−ηλ₁)(λ_j/λ₁)² across",
    loss=Quadratic(lam, lam_j),
    hypotheses=(rho > 0, below, lam_j < lam),
    claim=Cycle(((radius, zero), (-radius, zero)), ((1 - stiffness(lam)) ** 2, transverse**2), stable=True),
    dimensions={"lam_j": CURVATURE},
    notes="across, τ drops out: on the cycle τ+ρ/‖g‖ is what makes the step a flip, ηλ₁(1+(τ+ρ/‖g‖)λ₁) = 2",
)
ATTRACTS = CYCLE.with_(
    slug="unified-sam-quadratic.attracts",
    title="From almost every start |w_t| tends to ηλ₁ρ/(2−ηλ₁(1+τλ₁))",
    claim=Limit(norm(w), radius),
    starts=AlmostEvery(("the top coordinate of w is 0", "orbits that hit 0 exactly")),
    proof=(
        *descent_steps(spectrum := SpectralQuadratic(lam_j, lam)),
        Step(
            "curvature",
            Inequality(eta * lam_j / 2 * norm(moved) ** 2, eta * value(moved)),
            ("spectral bounds: p2",),
            spectrum,
        ),
        Step("bend", Inequality(sp.S.Zero, eta * tau / 2 * norm(grad(moved)) ** 2), within=spectrum),
        Step(
            "decrease",
            Inequality(potential(w_next), potential(w) - eta * lam_j / 2 * norm(moved) ** 2, given=MOVING),
            ("descent", "curvature", "bend"),
            spectrum,
        ),
        StrictSaddles(
            potential=potential(w),
            decrease=eta * lam_j / 2,
            coercivity=((2 - stiffness(lam)) * Rational(1, 4), eta**2 * lam**2 * rho**2 / (2 - stiffness(lam))),
            peak=(sp.S.One, eta * rho * lam_j),
            attractors=((radius, zero), (-radius, zero)),
            saddles=(((zero, radius_of(lam_j)), 0), ((zero, -radius_of(lam_j)), 0)),
            probes=((rho, zero), (zero, rho)),
            sign=-1,
            within=spectrum,
            using=("decrease", "spectral bounds: w"),
            bounded_by=("spectral bounds: w",),
        ),
    ),
    unneeded={rho > 0: "at ρ = 0 this is USAM with the radius τ, whose coordinates decay: the cycle is the minimiser"},
    notes="coordinates decouple: a further eigenvalue adds a coordinate with the same transverse multiplier",
)


@rule(dimensions={"eta": STEP_SIZE, "rho": LENGTH, "tau": STEP_SIZE})
def mirrored_unified_sam(space: Space, w: Traced, *, eta: Traced, rho: Traced, tau: Traced) -> Traced:
    """Unified SAM seen in q_t = (−1)ᵗw_t: a 2-cycle ±q is a fixed point."""
    g = space.grad(w)
    return eta * space.grad(w + tau * g + rho * space.unit(g)) - w


# --- saddles -----------------------------------------------------------------------------------------------------
TRAP = CYCLE.with_(
    slug="unified-sam-quadratic.saddle",
    title="On ½(λ₁x²−my²) unified SAM is trapped on the cycle (±r₁,0) exactly where SAM is: τ and ρ do not matter",
    rule=mirrored_unified_sam,
    loss=Quadratic(lam, -m),
    hypotheses=(rho > 0, below),
    claim=Threshold(
        Stability((radius, zero)),
        Max(eta * lam**2 / ((2 - eta * lam) * m), m**2 * (2 - eta * lam) / (lam**2 * (2 + eta * m))),
        sp.S.One,
    ),
    dimensions={"m": CURVATURE},
    notes="the window of indefinite-saddle-trap-sam; τ enters only through the condition that the cycle exists",
)

THEOREMS = declared(globals())
