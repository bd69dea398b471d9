"""SAM on the diagonal x = y of ℓ(xy), new here: its balanced 2-cycles, their multipliers, their stability.

On x = ±y SAM on ℓ(xy) is SAM on ℓ(w²/2) with w = √2 x: the mirrored diagonal x = −y gives the same.  The radius r of
a 2-cycle ±r solves 2r = η(r+ρ)ℓ'((r+ρ)²/2), which has no closed form; r is a symbol and the equation a hypothesis.
"""

from __future__ import annotations

from typing import Any

import sympy as sp
from sympy import Eq, Max, Rational, sqrt

from sam_theory.arithmetic import LENGTH
from sam_theory.losses import Link, Product, even_link, sqrt1p
from sam_theory.rules import sam
from sam_theory.theorems._claims import Cycle, Identity, Inequality, Stability, Threshold
from sam_theory.theorems._relations import Related
from sam_theory.theorems._sources import NEW
from sam_theory.theorems._symbols import eta, rho
from sam_theory.theorems._theorem import Instance, Mutant, Theorem, declared
from sam_theory.theorems.quadratics import mirrored_sam

r = sp.Symbol("r", positive=True)
theta = sp.Symbol("theta", real=True)
Z = (r + rho) ** 2 / 2
half = r / sqrt(2)
u, v = (sp.S.One, sp.S.One), (-sp.S.One, sp.S.One)


def equation(link: Any, at: sp.Expr = r) -> sp.Equality:
    """2r = η(r+ρ)ℓ'((r+ρ)²/2)."""
    return Eq(2 * at, eta * (at + rho) * link.function(1)((at + rho) ** 2 / 2))


def elasticity(link: Any) -> sp.Expr:
    """Zℓ''(Z)/ℓ'(Z) at the ascent point of the cycle."""
    return Z * link.function(2)(Z) / link.function(1)(Z)


transverse = (3 * r - rho) / (r + rho)
longitudinal = 1 - eta * (even_link.function(1)(Z) + 2 * Z * even_link.function(2)(Z))
#: the loss rises away from the valley at the cycle: true of every convex even link with ℓ''(0) > 0
rising = even_link.function(1)(r**2 / 2) > 0

#: ℓ' = z(z²−1)(z²−9) is negative between 1 and 3: from r = 2 SAM with ρ = 2 ascends to the minimum at 0
falling = Link("z**6/6 - 5*z**4/2 + 9*z**2/2", "z**6/6 - 5*z**4/2 + 9*z**2/2", even=True)
away = Instance({"eta": Rational(1, 27720), "r": 2, "rho": 2}, (), Product(falling))
#: The same radius with ρ = 24: r and 2θr are below ρ, as θ < 6, yet the point is not fixed.
far_away = Instance({"eta": Rational(1, 28672056383685), "r": 2, "rho": 24}, (), Product(falling))
#: ℓ' = z − z³/128 falls beyond z = 8/√3: at Z = 8 the elasticity is −1
bending = Link("z**2/2 - z**4/512", "z**2/2 - z**4/512", even=True)
beyond = Instance({"eta": Rational(1, 8), "r": 1, "rho": 3}, (), Product(bending))
descent = {rho > 0: "at ρ = 0 the same holds of gradient descent"}

CYCLE = Theorem(
    slug="sam-balanced-two-cycle-product.cycle",
    title="The balanced 2-cycle of SAM on ℓ(xy): |w| = r on x = y, multipliers ((3r−ρ)/(r+ρ))² of y−x and that of x+y",
    source=NEW,
    rule=sam,
    loss=Product(even_link),
    hypotheses=(rho > 0, equation(even_link), rising),
    unneeded=descent,
    without={rising: away},
    claim=Cycle(((half, half), (-half, -half)), (longitudinal**2, transverse**2), directions=(u, v)),
    dimensions={"r": LENGTH},
    tightness="exact",
)
STEP = CYCLE.with_(
    slug="sam-balanced-two-cycle-product.step",
    title="Seen in (−1)^t w_t the cycle is a fixed point: −(3r−ρ)/(r+ρ) along y−x, −(1−η(ℓ'+(r+ρ)²ℓ'')) along x+y",
    rule=mirrored_sam,
    claim=Cycle(((half, half),), (-longitudinal, -transverse), directions=(u, v)),
    unneeded=descent,
    without={rising: away},
)
STABILITY = STEP.with_(
    slug="sam-balanced-two-cycle-product.stability",
    title="It is linearly stable iff r < ρ and 2θr < ρ, θ = Zℓ''(Z)/ℓ'(Z) at Z = (r+ρ)²/2, for convex ℓ",
    hypotheses=(*CYCLE.hypotheses, even_link.function(2)(Z) >= 0),
    where={theta: elasticity(even_link)},
    claim=Threshold(Stability((half, half)), Max(r, 2 * theta * r), rho),
    unneeded=descent,
    without={rising: far_away, even_link.function(2)(Z) >= 0: beyond},
)
#: η as a function of the radius: the branch of cycles
branch = 2 * r / ((r + rho) * even_link.function(1)(Z))
FOLD = CYCLE.with_(
    slug="sam-balanced-two-cycle-product.fold",
    title="Along the branch of cycles d ln η/dr = (ρ−2θr)/(r(r+ρ)): the instability along x+y is a fold of the branch",
    hypotheses=(rho > 0, even_link.function(1)(Z) > 0),
    unneeded={rho > 0: "the identity holds at ρ = 0"},
    where={theta: elasticity(even_link)},
    claim=Identity(sp.diff(branch, r) / branch, (rho - 2 * theta * r) / (r * (r + rho))),
)


def between(link: Any, low: sp.Expr, high: sp.Expr) -> Inequality:
    """η(r+ρ)ℓ'((r+ρ)²/2)/2 − r is positive at ``low`` and negative at ``high``: a cycle has its radius between."""

    def excess(at: sp.Expr) -> sp.Expr:
        e = equation(link, at)
        return (e.rhs - e.lhs) / 2

    return Inequality(Max(-excess(low), excess(high)), sp.S.Zero, strict=True)


tenth, small = Rational(1, 10), Rational(1, 1000)
EXISTS = Theorem(
    slug="sam-balanced-two-cycle-product.small-cycle",
    title="On √(1+z²) with η = 2, ρ = 1/10 the equation has a root 0 < r < 1/1000: small cycles exist for η ≥ 2",
    source=NEW,
    rule=sam,
    loss=Product(sqrt1p),
    hypotheses=(Eq(eta, 2), Eq(rho, tenth)),
    claim=between(sqrt1p, sp.S.Zero, small),
    mutants=(Mutant("below 1/2000", between(sqrt1p, sp.S.Zero, small / 2)),),
    expected="certified",
)
FALSE_STABILITY = STABILITY.with_(
    slug="balanced-cycle-stable-iff-r-below-rho",
    relations=(
        Related("corrected by", "sam-balanced-two-cycle-product.stability", "the longitudinal multiplier is left out"),
    ),
    title="The balanced cycle is linearly stable iff r < ρ",
    where={},
    claim=Threshold(Stability((half, half)), r, rho),
    notes="false on z²/2, where θ = 1, and on log cosh at η = 27/20, ρ = 7/10, where r = 0.5135 and 2θr > ρ",
    status="quoted",
    expected="refuted",
)
THEOREMS = declared(globals())
