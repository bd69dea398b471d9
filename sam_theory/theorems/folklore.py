"""SAM on the one-dimensional quadratic: the 2-cycle, and the ε of implementations as a bifurcation parameter."""

from __future__ import annotations

import sympy as sp
from sympy import Rational

from sam_theory.arithmetic import norm
from sam_theory.losses import Quadratic
from sam_theory.rules import sam
from sam_theory.theorems._claims import Cycle, Limit, OrbitsAvoiding, Stability, Threshold
from sam_theory.theorems._proof import DistanceDecreases
from sam_theory.theorems._sources import NEW, WEN
from sam_theory.theorems._symbols import eps, eta, lam, rho, w
from sam_theory.theorems._theorem import Instance, Mutant, Theorem, declared

radius = eta * lam * rho / (2 - eta * lam)
eps_star = lam * radius
radius_eps = (eps_star - eps) / lam
sam_eps = sam.free("eps")
off_zero = OrbitsAvoiding("w = 0")

TWO_CYCLE = Theorem(
    slug="sam-1d-two-cycle.cycle",
    title="SAM on ½λw² has the 2-cycle ±ηλρ/(2−ηλ), iff ηλ < 2",
    source=WEN,
    rule=sam,
    loss=Quadratic(lam),
    hypotheses=(rho > 0,),
    claim=Cycle(((radius,), (-radius,)), ((1 - eta * lam) ** 2,), eta * lam < 2, stable=True),
    tightness="exact",
)
TWO_CYCLE_ATTRACTS = Theorem(
    slug="sam-1d-two-cycle.attracts",
    title="The 2-cycle attracts every start that does not hit 0",
    source=WEN,
    rule=sam,
    loss=Quadratic(lam),
    hypotheses=(rho > 0, eta * lam < 2),
    claim=Limit(norm(w), radius),
    starts=off_zero,
    proof=(DistanceDecreases(radius),),
    tightness="exact",
    unneeded={rho > 0: "at ρ = 0 this is gradient descent, and the cycle the minimiser"},
)
EPS_CYCLE = Theorem(
    slug="sam-epsilon-bifurcation.cycle",
    title="With g/(‖g‖+ε) the 2-cycle has radius (ε*−ε)/λ, for ε < ε* = ηλ²ρ/(2−ηλ)",
    source=NEW,
    rule=sam_eps,
    loss=Quadratic(lam),
    hypotheses=(eta * lam < 2, eps < eps_star),
    claim=Cycle(
        ((radius_eps,), (-radius_eps,)), ((eta * lam - 1 + (2 - eta * lam) * eps / eps_star) ** 2,), stable=True
    ),
    tightness="exact",
)
EPS_ATTRACTS = EPS_CYCLE.with_(
    slug="sam-epsilon-bifurcation.attracts",
    title="For ε < ε* the 2-cycle attracts every start that does not hit 0",
    claim=Limit(norm(w), radius_eps),
    starts=off_zero,
    proof=(DistanceDecreases(radius_eps),),
    without={
        # For ηλ > 1 no step from w ≠ 0 ends at 0, so that there are orbits of which both speak.
        eps < eps_star: EPS_CYCLE.with_(
            slug="sam-epsilon-bifurcation.off-origin",
            hypotheses=(eta * lam < 2, eta * lam > 1, eps >= eps_star),
            claim=Limit(norm(w), sp.S.Zero),
            proof=(DistanceDecreases(sp.S.Zero),),
        )
    },
)
EPS_ORIGIN = EPS_CYCLE.with_(
    slug="sam-epsilon-bifurcation.origin",
    title="For ε ≥ ε* the minimiser attracts every start",
    hypotheses=(eta * lam < 2, eps >= eps_star),
    claim=Limit(norm(w), sp.S.Zero),
    proof=(DistanceDecreases(sp.S.Zero),),
    mutants=(Mutant("eps*99/100", hypotheses=(eta * lam < 2, eps >= Rational(99, 100) * eps_star)),),
)
EPS_THRESHOLD = EPS_CYCLE.with_(
    slug="sam-epsilon-bifurcation.threshold",
    title="The minimiser is linearly stable iff ε* < ε",
    without={eps > 0: Instance({"eta": 1, "lam": 1, "rho": 0, "eps": 0}, (0,))},
    hypotheses=(eta * lam < 2, eps > 0),
    claim=Threshold(Stability((sp.S.Zero,)), eps_star, eps),
)

THEOREMS = declared(globals())
