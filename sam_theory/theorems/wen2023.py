"""After Wen, Ma & Li, "How Does Sharpness-Aware Minimization Minimize Sharpness?" (ICLR 2023), Theorem 4.8.

The theorem asks ηλ₁ < 1; the cycle, its multipliers and the sphere hold for every ηλ₁ < 2.
"""

from __future__ import annotations

import sympy as sp

from sam_theory.arithmetic import CURVATURE, norm
from sam_theory.losses import Quadratic
from sam_theory.rules import sam
from sam_theory.theorems._claims import AlmostEvery, Cycle, Identity, Limit
from sam_theory.theorems._potential import ends_on_the_top_cycle, radius_of
from sam_theory.theorems._relations import Related
from sam_theory.theorems._sources import WEN
from sam_theory.theorems._symbols import eta, lam, rho, w, w_next
from sam_theory.theorems._theorem import Theorem, declared

#: A further eigenvalue, λ_j, beside λ = λ₁.
lam_j = sp.Symbol("lam_j", positive=True)
zero, s = sp.S.Zero, eta * lam
radius = radius_of(lam)
#: The multiplier of one step of SAM at ±r₁e₁ in the direction of the eigenvalue λ_j.
transverse = 1 - eta * lam_j - (2 - eta * lam) * (lam_j / lam) ** 2

QUAD_TWO_CYCLE = Theorem(
    slug="quad-two-cycle.cycle",
    title="SAM on a quadratic has the 2-cycle ±ηλ₁ρ/(2−ηλ₁)·e₁ along its top eigenvector, linearly stable",
    source=WEN,
    rule=sam,
    loss=Quadratic(lam, lam_j),
    hypotheses=(rho > 0, eta * lam < 2, lam_j < lam),
    claim=Cycle(((radius, zero), (-radius, zero)), ((1 - eta * lam) ** 2, transverse**2), stable=True),
    dimensions={"lam_j": CURVATURE},
    tightness="exact",
    notes="coordinates decouple: in dimension d every further eigenvalue λ_j has this multiplier",
)
QUAD_SPHERE = Theorem(
    slug="quad-two-cycle.sphere",
    title="In an eigenspace of any dimension |w+w⁺| = |(2−ηλ)|w|−ηλρ|: the 2-cycles fill a sphere",
    source=WEN,
    rule=sam,
    loss=Quadratic(lam, dimension=None),
    hypotheses=(rho > 0, eta * lam < 2),
    claim=Identity(
        norm(w_next + w) ** 2,
        (2 - s) ** 2 * norm(w) ** 2 - 2 * (2 - s) * s * rho * norm(w) + s**2 * rho**2,
        given=(norm(w) > 0,),
    ),
    tightness="exact",
    unneeded={
        rho > 0: "at ρ = 0 the sphere is the minimiser",
        eta * lam < 2: "the identity holds for every η; the sphere exists for ηλ < 2 alone",
    },
    notes="its radius is ηλρ/(2−ηλ): that of the top eigenspace where the largest eigenvalue is multiple",
)
QUAD_ATTRACTS = QUAD_TWO_CYCLE.with_(
    slug="quad-two-cycle.attracts",
    title="From almost every start |w_t| tends to ηλ₁ρ/(2−ηλ₁), for every ηλ₁ < 2",
    unneeded={"rho > 0": "at ρ = 0 this is gradient descent, which converges to the minimiser, and the value is 0"},
    claim=Limit(norm(w), radius),
    starts=AlmostEvery(("the top coordinate of w is 0", "orbits that hit 0 exactly")),
    proof=ends_on_the_top_cycle(lam, lam_j),
    relations=(Related("uses", "quad-global-lyapunov.descent", "in the letters λ₁, λ_j"),),
    notes="the source asks ηλ₁ < 1; beyond, see quad-global-lyapunov",
)

THEOREMS = declared(globals())
