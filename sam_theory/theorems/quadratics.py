"""SAM on quadratics: the potential of the alternating iterates, the spectrum at its 2-cycles, traps at saddles."""

from __future__ import annotations

from typing import Any

import sympy as sp
from sympy import Max, Rational
from sympy.core.relational import Relational as Relation

from sam_theory.arithmetic import CURVATURE, LENGTH, STEP_SIZE, Traced, Vec, dot, grad, norm, value
from sam_theory.losses import Quadratic, SpectralQuadratic
from sam_theory.rules import Space, rule, sam
from sam_theory.theorems._claims import Cycle, Envelope, Identity, Inequality, Stability, Threshold
from sam_theory.theorems._potential import descent_steps, potential, potential_identity
from sam_theory.theorems._proof import MOVING, Telescoping
from sam_theory.theorems._sources import NEW
from sam_theory.theorems._symbols import alpha, beta, eta, lam, rho, w, w_next, w_start
from sam_theory.theorems._theorem import Instance, Mutant, Theorem, declared
from sam_theory.theorems.wen2023 import lam_j, radius, transverse, zero

# --- B2: w_t = (−1)^t q_t, and q descends on J ------------------------------------------------------------
s = eta * beta
B = sp.Symbol("B", real=True)


def slope(v: Vec, scale: Any = 1) -> Vec:
    """∇J(v) = 2v − ηΛv − ηρΛ²v/‖Λv‖; Λ²v is the gradient at the length ηΛv, over η."""
    return 2 * v - eta * grad(v) - scale * rho / norm(grad(v)) * grad(eta * grad(v))


def agree(u: Vec, v: Vec, given: tuple[Relation, ...] = MOVING) -> Identity:
    """u = v for two vectors: |u|² + |v|² = 2⟨u,v⟩, by default wherever the gradient does not vanish."""
    return Identity(dot(u, u) + dot(v, v), 2 * dot(u, v), given)


LYAPUNOV_STEP = Theorem(
    slug="quad-global-lyapunov.step",
    title="Up to its sign a step of SAM on a quadratic is a gradient step: w⁺ = −(w − ∇J(w))",
    source=NEW,
    rule=sam,
    loss=SpectralQuadratic(alpha, beta),
    claim=agree(w_next - w, slope(w) - 2 * w),
    tightness="exact",
    mutants=(Mutant("rho*99/100", agree(w_next - w, slope(w, Rational(99, 100)) - 2 * w)),),
)
LYAPUNOV_IDENTITY = LYAPUNOV_STEP.with_(
    slug="quad-global-lyapunov.identity",
    title="J(w⁺) = J(w) − ηL(w+w⁺) − ηρ(‖g⁺‖+⟨g,g⁺⟩/‖g‖), for every η and every spectrum",
    claim=potential_identity,
    mutants=(),
)
LYAPUNOV_DESCENT = LYAPUNOV_STEP.with_(
    slug="quad-global-lyapunov.descent",
    title="J(w⁺) ≤ J(w) − (η/2)⟨∇J,Λ∇J⟩, for every η > 0, every dimension and every spectrum",
    where={B: eta},
    claim=Inequality(potential(w_next), potential(w) - B * value(w + w_next)),
    proof=descent_steps(),
    tightness="tight",
    attained_by=Instance({"alpha": 1, "beta": 1, "eta": Rational(1, 2), "rho": 1}, (Rational(1, 10),), Quadratic(1)),
    mutants=(),
)
least = s**2 * rho**2 / (2 * (2 - s))
LYAPUNOV_SUM = LYAPUNOV_STEP.with_(
    slug="quad-global-lyapunov.sum",
    title="For ηβ < 2 the whole descent is bounded: Σ ηL(w+w⁺) ≤ J(w₀) + s²ρ²/(2(2−s)), s = ηβ",
    hypotheses=(s < 2,),
    where={B: least},
    claim=Envelope(eta * value(w + w_next), potential(w_start) + B, accumulate=True),
    proof=(
        *LYAPUNOV_DESCENT.proof,
        Telescoping(sp.S.One, potential(w) + least, ("descent",), ("spectral bounds: w",)),
    ),
    tightness="tight",
    attained_by=Instance({"alpha": 1, "beta": 1, "eta": 1, "rho": 1}, (3,), Quadratic(1), steps=1),
    mutants=(),
    notes="hence w_t + w_{t+1} = ∇J(w_t) → 0 on every orbit: L ≥ ½α‖·‖², and the sum converges",
)


# --- B3: the spectrum at the 2-cycles ---------------------------------------------------------------------
@rule(dimensions={"eta": STEP_SIZE, "rho": LENGTH})
def mirrored_sam(space: Space, w: Traced, *, eta: Traced, rho: Traced) -> Traced:
    """SAM seen in q_t = (−1)^t w_t: q⁺ = −(q − η ∇L(q + ρ ∇L(q)/‖∇L(q)‖)), so that a 2-cycle ±q is a fixed point."""
    return eta * space.grad(w + rho * space.unit(space.grad(w))) - w


edge = (rho > 0, eta * lam < 2)
other = eta * lam_j * rho / (2 - eta * lam_j)

CYCLE_JACOBIAN = Theorem(
    slug="quad-cycle-jacobian.step",
    title="At r₁e₁ one step of SAM has the Jacobian diag(1−ηλ₁, μ_j), μ_j = 1−ηλ_j−(2−ηλ₁)(λ_j/λ₁)²",
    source=NEW,
    rule=mirrored_sam,
    loss=Quadratic(lam, lam_j),
    hypotheses=edge,
    claim=Cycle(((radius, zero),), (-(1 - eta * lam), -transverse)),
    dimensions={"lam_j": CURVATURE},
    tightness="exact",
    notes="stated for −SAM, of which r₁e₁ is a fixed point: its Jacobian is −1 times that of SAM",
)
CYCLE_THREE = CYCLE_JACOBIAN.with_(
    slug="quad-cycle-jacobian.decoupled",
    title="Further coordinates decouple: two eigenvalues beside λ₁ have each the multiplier μ_j",
    loss=Quadratic(lam, lam_j, sp.Symbol("lam_k", positive=True)),
    claim=Cycle(
        ((radius, zero, zero),),
        (-(1 - eta * lam), -transverse, -transverse.subs(lam_j, sp.Symbol("lam_k", positive=True))),
    ),
    dimensions={"lam_j": CURVATURE, "lam_k": CURVATURE},
)
CYCLE_STABLE = CYCLE_JACOBIAN.with_(
    slug="quad-cycle-jacobian.stability",
    title="The cycle ±r₁e₁ is linearly stable iff every other eigenvalue is below λ₁",
    claim=Threshold(Stability((radius, zero)), lam_j, lam),
)
CYCLE_OTHERS = CYCLE_JACOBIAN.with_(
    slug="quad-cycle-jacobian.others",
    title="The cycles ±r_je_j of smaller eigenvalues are unstable in the direction of λ₁, also where ηλ₁ ≥ 2",
    rule=sam,
    hypotheses=(rho > 0, eta * lam_j < 2, lam_j < lam),
    claim=Cycle(
        ((zero, other), (zero, -other)),
        ((1 - eta * lam - (2 - eta * lam_j) * (lam / lam_j) ** 2) ** 2, (1 - eta * lam_j) ** 2),
        stable=False,
    ),
)

# --- B7: SAM trapped at a saddle ----------------------------------------------------------------------------
m = sp.Symbol("m", positive=True)
saddle = transverse.subs(lam_j, -m)

SADDLE_CYCLE = CYCLE_JACOBIAN.with_(
    slug="indefinite-saddle-trap-sam.cycle",
    title="On ½(λ₁x²−my²) the cycle (±r₁,0) around the saddle has the multipliers 1−ηλ₁ and 1+ηm−(2−ηλ₁)m²/λ₁²",
    loss=Quadratic(lam, -m),
    claim=Cycle(((radius, zero),), (-(1 - eta * lam), -saddle)),
    dimensions={"m": CURVATURE},
)
SADDLE_TRAP = SADDLE_CYCLE.with_(
    slug="indefinite-saddle-trap-sam.window",
    title="It is linearly stable iff ηλ₁²/(2−ηλ₁) < m and m²/(2+ηm) < λ₁²/(2−ηλ₁), whatever ρ",
    claim=Threshold(
        Stability((radius, zero)),
        Max(eta * lam**2 / ((2 - eta * lam) * m), m**2 * (2 - eta * lam) / (lam**2 * (2 + eta * m))),
        sp.S.One,
    ),
)
SADDLE_SMALL_STEPS = SADDLE_TRAP.with_(
    slug="indefinite-saddle-trap-sam.small-steps",
    title="For m < λ₁ every step size below 2m/(λ₁(λ₁+m)) traps SAM at the saddle: as η → 0 all m < λ₁",
    hypotheses=(*edge, m < lam),
    claim=Threshold(Stability((radius, zero)), eta, 2 * m / (lam * (lam + m))),
)

THEOREMS = declared(globals())
