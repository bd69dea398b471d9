"""USAM: each branch of its descent constants with its own extremal loss, and nonconvex PL losses beyond 1/β."""

from __future__ import annotations

from typing import Any

import sympy as sp
from sympy import Rational, sqrt

from sam_theory.arithmetic import CURVATURE, LENGTH, value
from sam_theory.losses import Expression, Facts, Quadratic
from sam_theory.theorems._claims import Envelope, Inequality, Limit
from sam_theory.theorems._nonconvex import across_a_ridge
from sam_theory.theorems._proof import AbsorbingLevel, GeometricSum, Step, Telescoping
from sam_theory.theorems._relations import Related
from sam_theory.theorems._sources import OIKONOMOU_PL
from sam_theory.theorems._symbols import alpha, beta, eta, gap, t, w, w_next, w_start
from sam_theory.theorems._theorem import Instance, Mutant, Theorem
from sam_theory.theorems.dai2023 import USAM_DESCENT, K, R, c, descent_facts, eta_star, g_squared, s
from sam_theory.theorems.pl_usam import PL_RATE, PL_TRAVEL, pl_descent, pl_positive, pl_rate

# --- A3: the two branches of the constant ----------------------------------------------------------------------
_x = sp.Symbol("w1", real=True)
h = sp.Symbol("h", positive=True)
#: Huber's loss: curvature β up to distance h, none beyond.
huber = Expression(
    beta * (_x**2 - sp.Max(0, _x - h) ** 2 - sp.Max(0, -_x - h) ** 2) / 2,
    [_x],
    facts=Facts(minimum=0, minimisers=((0,),)),
)
huber.dimensions = {"beta": CURVATURE, "h": LENGTH}
flat, steep = 1 - s / 2, (1 + R) * (1 - s * (1 + R) / 2)


def _branch(slug: str, title: str, rate: sp.Expr, at: Instance, **changes: Any) -> Theorem:
    """The descent where one of the two terms is the smaller."""
    claim = Inequality(value(w_next), value(w) - eta * rate * g_squared)
    return USAM_DESCENT.with_(
        slug=f"usam-sharp-threshold-convex.{slug}",
        title=title,
        where={c: rate},
        proof=(Step("descent", claim, descent_facts),),
        attained_by=at,
        **changes,
    )


FLAT = _branch(
    "descent-flat",
    "For s(2+R) ≤ 2 USAM gains at least η(1−s/2)‖g‖²: sharp where the loss is flat uphill",
    flat,
    Instance({"beta": 1, "h": 1, "eta": Rational(1, 2), "rho": 1}, (1,), huber),
    hypotheses=(s * (2 + R) <= 2,),
    notes="attained by Huber's loss at its kink; below η*, as s(1+R) ≤ 2 − s",
)
STEEP = _branch(
    "descent-steep",
    "For s(2+R) ≥ 2 USAM gains at least η(1+R)(1−s(1+R)/2)‖g‖²: sharp on ½βw²",
    steep,
    Instance({"beta": 1, "eta": Rational(3, 4), "rho": 1}, (1,), Quadratic(1)),
    hypotheses=(eta < eta_star, s * (2 + R) >= 2),
    unneeded={eta < eta_star: "the inequality holds for every η; below η* its rate is positive, and L decreases"},
    notes="attained by ½βw²",
)

# --- A10 beyond 1/β ----------------------------------------------------------------------------------------------
_facts = ("descent lemma: w -> w_next", "Lipschitz gradient: w, p1", "Cauchy-Schwarz: w, p1")
positive = Step("the rate is positive", Inequality(sp.S.Zero, steep, strict=True))
descent = Step("descent", Inequality(value(w_next), value(w) - eta * steep * g_squared), _facts)
factor = 1 - 2 * alpha * eta * steep
travel = (1 + R) / steep * sqrt(2 / alpha)
large = (s >= 1, s * (1 + R) < 2)

LARGE_DESCENT = PL_RATE.with_(
    slug="pl-usam-descent-and-travel.large-steps-descent",
    title="For s ≥ 1 and s(1+R) < 2 USAM decreases every smooth loss, with c = (1+R)(1−s(1+R)/2)",
    hypotheses=large,
    where={c: steep},
    claim=Inequality(value(w_next), value(w) - eta * c * g_squared),
    proof=(positive, descent),
    attained_by=Instance({"alpha": 1, "beta": 1, "eta": 1, "rho": Rational(1, 2)}, (1,), Quadratic(1)),
    unneeded={
        s * (1 + R) < 2: "the inequality holds for every ρ; for s(1+R) < 2 its rate is positive, and L decreases"
    },
    notes="attained by ½βw²; R < 1 is not needed besides",
)
LARGE_RATE = LARGE_DESCENT.with_(
    slug="pl-usam-descent-and-travel.large-steps-rate",
    title="and converges linearly on nonconvex PL losses",
    claim=Envelope(gap(w), (1 - 2 * alpha * eta * c) ** t * gap(w_start)),
    proof=(
        positive,
        descent,
        GeometricSum(factor, sp.S.Zero, ("descent", "the rate is positive", "Polyak-Lojasiewicz: w")),
    ),
    notes="attained at κ = 1 by ½βw²",
)
LARGE_TRAVEL = PL_TRAVEL.with_(
    slug="pl-usam-descent-and-travel.large-steps-travel",
    title="and travels at most (1+R)/c·√(2(L₀−L*)/α)",
    hypotheses=large,
    without={"beta*eta >= 1": across_a_ridge("1", "1/20", ("5", "4"), ridges=4, beta_rho="19")},
    where={K: (1 + R) / c * sqrt(2 / alpha), c: steep},
    mutants=(Mutant("K*1/2", where={K: (1 + R) / c * sqrt(2 / alpha) / 2, c: steep}),),
    proof=(
        positive,
        descent,
        *(p for p in PL_TRAVEL.proof if isinstance(p, Step) and p.name == "step length"),
        Telescoping(
            travel,
            sqrt(gap(w)),
            (
                "the rate is positive",
                "descent",
                "step length",
                "Polyak-Lojasiewicz: w",
                "minimum: w_next",
                "minimum: w",
            ),
        ),
    ),
)

# --- J7 ------------------------------------------------------------------------------------------------------------
QUALITATIVE = PL_RATE.with_(
    slug="unified-sam-pl-qualitative.usam",
    relations=(Related("implied by", "pl-usam-descent-and-travel.rate", "with a rate"),),
    title="On PL losses USAM with a small step and radius converges to the least value",
    source=OIKONOMOU_PL,
    claim=Limit(gap(w), sp.S.Zero, "limsup", "<="),
    where={},
    proof=(
        pl_positive,
        pl_descent,
        AbsorbingLevel(
            1 - 2 * alpha * eta * pl_rate,
            sp.S.Zero,
            ("descent", "the rate is positive", "Polyak-Lojasiewicz: w", "minimum: w"),
        ),
    ),
    tightness="",
    attained_by=None,
    mutants=(Mutant("η < 4/β", hypotheses=(s < 4, R < 1)),),
    notes="a corollary of pl-usam-descent-and-travel.rate; SAM reaches a neighbourhood only: pl-sam-limsup",
)

THEOREMS = (FLAT, STEEP, LARGE_DESCENT, LARGE_RATE, LARGE_TRAVEL, QUALITATIVE)
