"""Cycles of variants of SAM on quadratics, new here: ε, weight decay, momentum, and the frozen norm behind them.

On a 2-cycle ±re₁ a step is a flip: the ascent g ↦ g + cΛg has ηλ₁(1+cλ₁) = 2, whatever fixes c.  So the multipliers
across the cycle do not depend on how the ascent is normalised.
"""

from __future__ import annotations

import sympy as sp
from sympy import Rational

from sam_theory.arithmetic import CURVATURE, GRADIENT, LENGTH, NUMBER, STEP_SIZE, Traced, grad, norm
from sam_theory.losses import Quadratic, SpectralQuadratic
from sam_theory.rules import Space, decayed_sam, regularised_sam, rule, sam
from sam_theory.theorems._claims import AlmostEvery, Cycle, Limit, OrbitsAvoiding, Stability, Threshold
from sam_theory.theorems._proof import DistanceDecreases
from sam_theory.theorems._sources import CHANG, NEW
from sam_theory.theorems._symbols import alpha, beta, eps, eta, lam, rho, w, w_next
from sam_theory.theorems._theorem import Instance, Mutant, Theorem, declared
from sam_theory.theorems.folklore import eps_star, radius_eps, sam_eps
from sam_theory.theorems.quadratics import agree
from sam_theory.theorems.wen2023 import lam_j, transverse, zero

generic = AlmostEvery(("the top coordinate of w is 0", "orbits that hit 0 exactly"))

# --- C8: ε in several dimensions ------------------------------------------------------------------------------
EPS_CYCLE = Theorem(
    slug="eps-regularised-sam.cycle",
    title="With g/(‖g‖+ε) the cycle has radius r₁−ε/λ₁ for ε < λ₁r₁; the multiplier across does not depend on ε",
    source=NEW,
    rule=sam_eps,
    loss=Quadratic(lam, lam_j),
    hypotheses=(eta * lam < 2, eps < eps_star, lam_j < lam),
    claim=Cycle(
        ((radius_eps, zero), (-radius_eps, zero)),
        ((eta * lam - 1 + (2 - eta * lam) * eps / eps_star) ** 2, transverse**2),
        stable=True,
    ),
    dimensions={"lam_j": CURVATURE},
    tightness="exact",
)
EPS_ATTRACTS = EPS_CYCLE.with_(
    slug="eps-regularised-sam.attracts",
    title="From almost every start |w_t| tends to r₁−ε/λ₁",
    claim=Limit(norm(w), radius_eps),
    starts=generic,
    expected="supported",
    notes="one dimension: sam-epsilon-bifurcation.attracts, proved",
)
EPS_CONVERGES = EPS_ATTRACTS.with_(
    slug="eps-regularised-sam.converges",
    title="For ε above ηλ₁²ρ/(2−ηλ₁) SAM converges to the minimiser",
    hypotheses=(eta * lam < 2, eps > eps_star * Rational(11, 10), lam_j < lam),
    claim=Limit(norm(w), zero),
    starts=None,
    mutants=(Mutant("eps*4/5", hypotheses=(eta * lam < 2, eps > eps_star * Rational(4, 5), lam_j < lam)),),
    notes="stated a tenth above the threshold, where convergence is slow",
)

# --- J6: the frozen norm ----------------------------------------------------------------------------------------
FROZEN = Theorem(
    slug="sam-frozen-norm-hessian.step",
    title="A step of SAM on a quadratic is one of gradient descent with the Hessian H(I+(ρ/‖Hw‖)H)",
    source=CHANG,
    rule=sam,
    loss=SpectralQuadratic(alpha, beta),
    claim=agree(w_next, w - eta * grad(w) - rho / norm(grad(w)) * grad(eta * grad(w))),
    tightness="exact",
    mutants=(
        Mutant(
            "rho*99/100",
            agree(w_next, w - eta * grad(w) - Rational(99, 100) * rho / norm(grad(w)) * grad(eta * grad(w))),
        ),
    ),
)
level = sp.Symbol("level", positive=True)


@rule(dimensions={"eta": STEP_SIZE, "rho": LENGTH, "level": GRADIENT})
def frozen_sam(space: Space, w: Traced, *, eta: Traced, rho: Traced, level: Traced) -> Traced:
    """SAM whose gradient norm is frozen: w⁺ = w − η ∇L(w + ρ ∇L(w)/level)."""
    return w - eta * space.grad(w + rho / level * space.grad(w))


FROZEN_EDGE = FROZEN.with_(
    slug="sam-frozen-norm-hessian.edge",
    title="With ‖Hw‖ frozen at a the origin is linearly stable iff ηλ₁(1+ρλ₁/a) < 2",
    rule=frozen_sam,
    loss=Quadratic(lam, lam_j),
    hypotheses=(lam_j <= lam,),
    claim=Threshold(Stability((zero, zero)), eta * lam * (1 + rho * lam / level), sp.Integer(2)),
    dimensions={"lam_j": CURVATURE},
    mutants=(),
)

# --- weight decay -----------------------------------------------------------------------------------------------
weight_decay = sp.Symbol("weight_decay", nonnegative=True)
stiff = eta * (lam + weight_decay)
outside, inside = eta * lam * rho / (2 - stiff), stiff * rho / (2 - stiff)
decayed_across = 1 - eta * (lam_j + weight_decay) - (2 - stiff) * (lam_j / lam) ** 2
inside_across = 1 - eta * (lam_j + weight_decay) - (2 - stiff) * ((lam_j + weight_decay) / (lam + weight_decay)) ** 2

DECAY_OUTSIDE = EPS_CYCLE.with_(
    slug="sam-weight-decay.outside",
    title="With weight decay δ outside of the ascent the cycle has radius ηλ₁ρ/(2−η(λ₁+δ)), for η(λ₁+δ) < 2",
    rule=decayed_sam,
    hypotheses=(rho > 0, stiff < 2, lam_j < lam),
    claim=Cycle(((outside, zero), (-outside, zero)), ((1 - stiff) ** 2, decayed_across**2), stable=True),
)
DECAY_INSIDE = DECAY_OUTSIDE.with_(
    slug="sam-weight-decay.inside",
    title="With weight decay in the ascent too the radius is η(λ₁+δ)ρ/(2−η(λ₁+δ)): larger by the factor (λ₁+δ)/λ₁",
    rule=regularised_sam,
    hypotheses=(rho > 0, stiff < 2),
    claim=Cycle(((inside, zero), (-inside, zero)), ((1 - stiff) ** 2, inside_across**2)),
    notes="quad-two-cycle.cycle with δ added to both eigenvalues, so stable iff λ_j < λ₁",
)
DECAY_EXISTS = DECAY_OUTSIDE.with_(
    slug="sam-weight-decay.threshold",
    title="The threshold is the same outside and inside: in one dimension the cycle exists iff η(λ+δ) < 2",
    loss=Quadratic(lam),
    hypotheses=(rho > 0,),
    claim=Cycle(((outside,), (-outside,)), ((1 - stiff) ** 2,), stiff < 2, stable=True),
    dimensions={},
)
DECAY_ATTRACTS = DECAY_EXISTS.with_(
    slug="sam-weight-decay.attracts",
    title="It attracts every start that does not hit 0",
    hypotheses=(stiff < 2,),
    claim=Limit(norm(w), outside),
    starts=OrbitsAvoiding("w = 0"),
    proof=(DistanceDecreases(outside),),
)
flat = eta * weight_decay * rho / (2 - eta * weight_decay)
DECAY_FLAT = DECAY_EXISTS.with_(
    slug="sam-weight-decay.flat-inside",
    title="Where the loss is flat, decay inside makes SAM oscillate at the radius ηδρ/(2−ηδ) …",
    rule=regularised_sam,
    loss=Quadratic(0),
    hypotheses=(rho > 0, weight_decay > 0),
    claim=Cycle(((flat,), (-flat,)), ((1 - eta * weight_decay) ** 2,), eta * weight_decay < 2, stable=True),
)
DECAY_FLAT_OUTSIDE = DECAY_FLAT.with_(
    slug="sam-weight-decay.flat-outside",
    title="… and decay outside lets it shrink to 0",
    rule=decayed_sam,
    hypotheses=(weight_decay > 0, eta * weight_decay < 2),
    claim=Limit(norm(w), zero),
    proof=(DistanceDecreases(zero),),
    mutants=(Mutant("beyond 2", hypotheses=(weight_decay > 0, eta * weight_decay < Rational(21, 10))),),
)

# --- heavy ball -------------------------------------------------------------------------------------------------
momentum = sp.Symbol("momentum", nonnegative=True)
m = sp.Symbol("m", positive=True)
wide = 2 * (1 + momentum)
heavy = eta * lam * rho / (wide - eta * lam)


@rule(dimensions={"eta": STEP_SIZE, "rho": LENGTH, "momentum": NUMBER})
def mirrored_heavy_ball_sam(
    space: Space, w: Traced, d: Traced, *, eta: Traced, rho: Traced, momentum: Traced
) -> dict[str, Traced]:
    """Heavy-ball SAM in q_t = (−1)ᵗw_t, with d_t = q_{t−1}−q_t: its 2-cycle ±q is the fixed point w = q, d = 0."""
    image = eta * space.grad(w + rho * space.unit(space.grad(w))) - w - momentum * (2 * w + d)
    return {"w": image, "d": w - image}


HEAVY = EPS_CYCLE.with_(
    slug="heavy-ball-sam-cycle.momentum",
    title="SAM with momentum β has the 2-cycle ±ηλρ/(2(1+β)−ηλ) on ½λw², for ηλ < 2(1+β); it is stable iff β < 1",
    rule=mirrored_heavy_ball_sam,
    loss=Quadratic(lam),
    hypotheses=(rho > 0, eta * lam < wide),
    claim=Threshold(Stability((heavy,)), momentum, sp.S.One),
    dimensions={},
    unneeded={rho > 0: "at ρ = 0 this is the heavy ball, whose minimiser is stable iff β < 1 as well"},
    notes="so momentum shrinks the cycle and widens the range of step sizes; its two multipliers have the product β",
)
HEAVY_TOP = HEAVY.with_(
    slug="heavy-ball-sam-cycle.top",
    title="For every β < 1 the cycle ±r₁e₁ is stable iff every other eigenvalue is below λ₁, as without momentum",
    loss=Quadratic(lam, lam_j),
    hypotheses=(rho > 0, momentum < 1, eta * lam < wide),
    claim=Threshold(Stability((heavy, zero)), lam_j, lam),
    dimensions={"lam_j": CURVATURE},
    notes="stability does not depend on the momentum, the radius does",
)
HEAVY_SADDLE = HEAVY_TOP.with_(
    slug="heavy-ball-sam-cycle.saddle",
    title="At a saddle with m < λ₁ momentum widens the trap: SAM is trapped iff η < 2(1+β)m/(λ₁(λ₁+m))",
    loss=Quadratic(lam, -m),
    hypotheses=(rho > 0, momentum < 1, eta * lam < wide, m < lam),
    claim=Threshold(Stability((heavy, zero)), eta, wide * m / (lam * (lam + m))),
    dimensions={"m": CURVATURE},
    notes="β = 0: indefinite-saddle-trap-sam.small-steps",
)
share = sp.Symbol("share", positive=True)
turns = sp.Eq(share * (2 - eta * lam), 2 * momentum - eta * lam)
far = (1 - momentum) ** 2 + (1 + momentum - eta * lam) ** 2


@rule(dimensions={"eta": STEP_SIZE, "rho": LENGTH, "momentum": NUMBER, "share": NUMBER})
def quarter_turn(
    space: Space, w: Traced, d: Traced, *, eta: Traced, rho: Traced, momentum: Traced, share: Traced
) -> dict[str, Traced]:
    """−(two steps of heavy-ball SAM); d is the velocity less (1+share)w, so that w₀ → share·w₀ → −w₀ has d = 0."""
    velocity = momentum * (d + (1 + share) * w) - eta * space.grad(w + rho * space.unit(space.grad(w)))
    middle = w + velocity
    velocity = momentum * velocity - eta * space.grad(middle + rho * space.unit(space.grad(middle)))
    image = -(middle + velocity)
    return {"w": image, "d": -velocity - (1 + share) * image}


HEAVY_FOUR = HEAVY.with_(
    slug="heavy-ball-sam-cycle.four-cycle",
    title="For ηλ < 2β < 2 a stable 4-cycle w₀, w₁, −w₀, −w₁ coexists: "
    "w₀ = ηλρ(2−ηλ)/D, w₁ = ηλρ(2β−ηλ)/D, D = (1−β)²+(1+β−ηλ)²",
    rule=quarter_turn,
    hypotheses=(
        rho > 0,
        eta * lam < 2 * momentum,
        turns,
    ),
    claim=Threshold(Stability((eta * lam * rho * (2 - eta * lam) / far,)), momentum, sp.S.One),
    unneeded={rho > 0: "at ρ = 0 this is the heavy ball, whose minimiser is stable iff β < 1 as well"},
    without={turns: Instance({"eta": 1, "lam": 1, "momentum": Rational(3, 4), "rho": 1, "share": 1}, (1,))},
    notes="ηλ < 2 as share > 0; so the 2-cycle does not attract almost every start: SAM on a quadratic with "
    "momentum is multistable",
)

THEOREMS = declared(globals())
