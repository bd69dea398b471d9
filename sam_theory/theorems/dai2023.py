"""After Dai, Ahn & Sra, "The Crucial Role of Normalization in Sharpness-Aware Minimization" (NeurIPS 2023).

The constants are derived here (the paper's full text was not at hand).
"""

from __future__ import annotations

import sympy as sp
from sympy import Eq, Min, Rational, sqrt

from sam_theory.arithmetic import LENGTH, coordinate, dot, grad, norm, value
from sam_theory.losses import ConvexSmooth, Product, Quadratic, StronglyConvex, any_link, even_link, link_curvature
from sam_theory.rules import gd, sam, usam
from sam_theory.theorems._claims import (
    AlmostEvery,
    Asymptotic,
    Envelope,
    Identity,
    Inequality,
    Limit,
    OrbitsAvoiding,
    Stability,
    Threshold,
)
from sam_theory.theorems._nonconvex import across_a_ridge, at_rest_beside_a_ridge, on_a_flat_bottom
from sam_theory.theorems._potential import ends_on_the_top_cycle
from sam_theory.theorems._proof import (
    AffineLowerRecursion,
    DistanceDecreases,
    GeometricSum,
    LinearGrowth,
    Step,
    StepLength,
)
from sam_theory.theorems._sources import source
from sam_theory.theorems._symbols import alpha, beta, eta, gap, rho, t, w, w_next, w_star, w_start, x, x_next, y, y_next
from sam_theory.theorems._theorem import Instance, Mutant, Theorem, declared

s = eta * beta
q, B, b, c, a, Y, K, x0, P0, lam0 = sp.symbols("q B b c_eta a Y K x0 P0 lambda0", real=True)
g_squared = dot(grad(w), grad(w))

# --- A1: SAM on strongly convex losses ------------------------------------------------------------------
contraction = 1 - alpha * eta * (2 - s)
neighbourhood = eta * beta**3 * rho**2 / (2 * alpha * (2 - s))

SC_SAM = Theorem(
    slug="sc-sam-neighbourhood",
    title="SAM reaches a neighbourhood of the minimiser at a linear rate",
    source=source("derived"),
    rule=sam,
    loss=StronglyConvex(alpha, beta),
    hypotheses=(s <= 1,),
    where={q: contraction, B: neighbourhood},
    claim=Envelope(gap(w), q**t * gap(w_start) + B),
    proof=(
        GeometricSum(
            contraction,
            eta**2 * beta**3 * rho**2 / 2,
            (
                "descent lemma: w -> w_next",
                "monotone gradient: w, p1",
                "Lipschitz gradient: w, p1",
                "Cauchy-Schwarz: w, p1",
                "Polyak-Lojasiewicz: w",
            ),
        ),
    ),
    tightness="tight",
    attained_by=Instance({"alpha": 1, "beta": 1, "eta": 1, "rho": 1}, (1,), Quadratic(1), steps=2),
    without={"convexity": at_rest_beside_a_ridge("1/8000")},
    notes="attained where ηβ = 1 and α = β; loose by a factor of order 1/(ηβ) elsewhere",
)

# --- A2: the same bound fails beyond 1/beta -----------------------------------------------------------------
SC_SAM_FAILS = Theorem(
    slug="sc-sam-neighbourhood-fails-beyond-inverse-beta.kappa-1",
    title="Beyond η = 1/β the neighbourhood of SAM exceeds the bound, by s/(2−s)",
    source=source("new", "derived here; a counterexample to extending the bound"),
    rule=sam,
    loss=Quadratic(beta),
    hypotheses=(s > 1, s < 2, rho > 0),
    where={B: neighbourhood.subs(alpha, beta)},
    claim=Limit(gap(w) / B, s / (2 - s)),
    starts=OrbitsAvoiding("w = 0"),
    proof=(
        Step("the ratio exceeds 1", Inequality(sp.S.One, s / (2 - s), strict=True)),
        DistanceDecreases(eta * beta * rho / (2 - s)),
    ),
    tightness="exact",
    unneeded={s > 1: "the limit holds for every ηβ < 2; beyond 1 it exceeds the bound, which is the point"},
)
SC_SAM_FAILS_GENERAL = SC_SAM_FAILS.with_(
    slug="sc-sam-neighbourhood-fails-beyond-inverse-beta.general",
    title="The same in two dimensions for every condition number κ < s/(2−s)",
    loss=Quadratic(beta, alpha),
    hypotheses=(s > 1, s < 2, rho > 0, alpha < beta, beta * (2 - s) < alpha * s),
    where={B: neighbourhood},
    claim=Limit(gap(w) / B, s * alpha / ((2 - s) * beta)),
    starts=AlmostEvery(("the top coordinate of w is 0", "orbits that hit 0 exactly")),
    proof=ends_on_the_top_cycle(beta, alpha),
    unneeded={
        s > 1: "it follows from α < β and κ < s/(2−s)",
        beta * (2 - s) < alpha * s: "the limit is this one for every α < β; it says that the limit exceeds 1",
    },
)

# --- A3: the sharp threshold of USAM ------------------------------------------------------------------------
R = rho * beta
eta_star = 2 / (beta + rho * beta**2)
usam_rate = Min(1 - s / 2, (1 + R) * (1 - s * (1 + R) / 2))
usam_multiplier = 1 - s * (1 + R)
descent_facts = (
    "descent lemma: w -> w_next", "cocoercivity: w, p1", "Lipschitz gradient: w, p1", "Cauchy-Schwarz: w, p1",
)  # fmt: skip
positive_rate = Step("the rate is positive", Inequality(sp.S.Zero, usam_rate, strict=True))

USAM_DESCENT = Theorem(
    slug="usam-sharp-threshold-convex.descent",
    title="Below η* USAM decreases every convex smooth loss",
    source=source("derived"),
    rule=usam,
    loss=ConvexSmooth(beta),
    hypotheses=(eta < eta_star,),
    where={c: usam_rate},
    claim=Inequality(value(w_next), value(w) - eta * c * g_squared),
    proof=(
        positive_rate,
        Step("descent", Inequality(value(w_next), value(w) - eta * usam_rate * g_squared), descent_facts),
    ),
    tightness="tight",
    attained_by=Instance({"beta": 1, "eta": Rational(3, 4), "rho": 1}, (1,), Quadratic(1)),
    unneeded={eta < eta_star: "the inequality holds for every η; below η* its rate is positive, and L decreases"},
)
USAM_RATE = USAM_DESCENT.with_(
    slug="usam-sharp-threshold-convex.rate",
    title="Below η* USAM converges linearly to the exact minimiser",
    loss=StronglyConvex(alpha, beta),
    claim=Envelope(gap(w), (1 - 2 * alpha * eta * c) ** t * gap(w_start)),
    proof=(
        positive_rate,
        Step("descent", Inequality(value(w_next), value(w) - eta * usam_rate * g_squared), descent_facts),
        GeometricSum(
            1 - 2 * alpha * eta * usam_rate, sp.S.Zero, ("descent", "the rate is positive", "Polyak-Lojasiewicz: w")
        ),
    ),
    attained_by=Instance({"alpha": 1, "beta": 1, "eta": Rational(3, 4), "rho": 1}, (1,), Quadratic(1)),
    without={"convexity": across_a_ridge("99/100", "1/4", ("57/5", "29/10"), beta_rho="4")},
)
USAM_THRESHOLD = Theorem(
    slug="usam-sharp-threshold-convex.threshold",
    title="The threshold η* = 2/(β+ρβ²) is sharp on the quadratic ½βw²",
    source=source("derived"),
    rule=usam,
    loss=Quadratic(beta),
    claim=Threshold(Stability((sp.S.Zero,)), eta, eta_star),
    tightness="exact",
)
USAM_DIVERGENCE = Theorem(
    slug="usam-sharp-threshold-convex.divergence",
    title="Above η* USAM diverges on the quadratic with eigenvalues β and α ≤ β",
    notes="coordinates decouple, so the same holds for every quadratic with largest eigenvalue β",
    source=source("derived"),
    rule=usam,
    loss=Quadratic(beta, alpha),
    hypotheses=(eta > eta_star, alpha <= beta),
    claim=Limit(norm(w), sp.oo),
    starts=AlmostEvery((Eq(coordinate(w), 0),)),
    proof=(LinearGrowth(usam_multiplier),),
    tightness="exact",
    mutants=(Mutant("threshold/2", hypotheses=(eta > eta_star / 2, alpha <= beta)),),
    unneeded={alpha <= beta: "it only says which of the two eigenvalues is the largest"},
)
USAM_NEUTRAL = Theorem(
    slug="usam-sharp-threshold-convex.neutral",
    title="At η* every point of ½βw² but 0 has period 2",
    source=source("derived"),
    rule=usam,
    loss=Quadratic(beta),
    hypotheses=(Eq(eta, eta_star),),
    claim=Identity(coordinate(w_next), -coordinate(w)),
    tightness="exact",
)

# --- A4: linear stability at the minima of ℓ(xy) ------------------------------------------------------------
k = link_curvature
y_star_squared = (-1 + sqrt(1 + 8 * rho / eta)) / (2 * rho * k)

GD_STABILITY = Theorem(
    slug="gd-usam-linear-stability-product.gd",
    title="GD: the minimum (0, y) of ℓ(xy) is linearly stable across the valley iff y² < 2/(ηc)",
    source=source("derived"),
    rule=gd,
    loss=Product(even_link),
    hypotheses=(sp.Ne(Y, 0),),
    claim=Threshold(Stability((sp.S.Zero, Y), 0), Y**2, 2 / (eta * k)),
    dimensions={"Y": LENGTH},
    tightness="exact",
)
USAM_STABILITY = GD_STABILITY.with_(
    slug="gd-usam-linear-stability-product.usam",
    title="USAM: the same with y*² = (−1+√(1+8ρ/η))/(2ρc)",
    rule=usam,
    hypotheses=(sp.Ne(Y, 0), rho > 0),
    claim=Threshold(Stability((sp.S.Zero, Y), 0), Y**2, y_star_squared),
)
STABILITY_EDGE = USAM_STABILITY.with_(
    slug="gd-usam-linear-stability-product.edge",
    title="At y* the multiplier of USAM is −1",
    hypotheses=(rho > 0,),
    where={lam0: k * y_star_squared},
    claim=Identity(1 - eta * lam0 * (1 + rho * lam0), -sp.S.One),
)
STABILITY_SMALL_RHO = STABILITY_EDGE.with_(
    slug="gd-usam-linear-stability-product.small-rho",
    title="As ρ → 0 the threshold of USAM becomes that of GD",
    where={},
    claim=Limit(y_star_squared, 2 / (eta * k), variable=rho, to=sp.S.Zero),
)

# --- A5, A6: balancedness -------------------------------------------------------------------------------------
slope = any_link.function(1)
q_at_ascent = slope(dot(x + a * y, y + a * x))
balance, balance_next = dot(y, y) - dot(x, x), dot(y_next, y_next) - dot(x_next, x_next)

BALANCE_GD = Theorem(
    slug="product-balancedness-identity.gd",
    title="GD on ℓ(x·y) multiplies |y|²−|x|² by 1−η²ℓ'²",
    source=source("new", "derived here; the gradient-descent case is a step in Ahn et al. (arXiv 2212.07469)"),
    rule=gd,
    loss=Product(any_link, None),
    where={q: slope(dot(x, y))},
    claim=Identity(balance_next, balance * (1 - eta**2 * q**2)),
    tightness="exact",
)
BALANCE_USAM = BALANCE_GD.with_(
    slug="product-balancedness-identity.usam",
    title="USAM on ℓ(x·y) multiplies |y|²−|x|² by (1−ηaq)²−η²q², a = ρℓ'",
    rule=usam,
    where={q: q_at_ascent, a: rho * slope(dot(x, y))},
    claim=Identity(balance_next, balance * ((1 - eta * a * q) ** 2 - eta**2 * q**2)),
)
off_origin = (dot(x, x) + dot(y, y) > 0,)
BALANCE_SAM = BALANCE_USAM.with_(
    slug="product-balancedness-identity.sam",
    title="SAM on ℓ(x·y) multiplies |y|²−|x|² by (1−ηaq)²−η²q², a = ρ sgn ℓ'/√(|x|²+|y|²)",
    rule=sam,
    where={q: q_at_ascent, a: rho * sp.sign(slope(dot(x, y))) / sqrt(dot(x, x) + dot(y, y))},
    claim=Identity(balance_next, balance * ((1 - eta * a * q) ** 2 - eta**2 * q**2), off_origin),
)

start_balance = coordinate(w_start, 1) ** 2 - coordinate(w_start, 0) ** 2
lost = start_balance - coordinate(w, 1) ** 2
usam_lam = lam0 * (1 + rho * lam0)

STUCK_GD = Theorem(
    slug="gd-usam-stuck-below-threshold.gd",
    title="GD stops where it starts: y∞² = P₀ − 2ηL₀/(2−ηλ₀) to leading order",
    source=source("derived"),
    rule=gd,
    loss=Product(even_link),
    hypotheses=(Y > 0, eta * k * Y**2 < 2, x0 > 0),
    where={lam0: k * Y**2},
    claim=Asymptotic(
        lost, eta * lam0 * x0**2 / (2 - eta * lam0), x0, sp.Integer(2), (x0, Y), 40 / (eta * lam0 * (2 - eta * lam0))
    ),
    dimensions={"Y": LENGTH, "x0": LENGTH},
    unneeded={x0 > 0: "by symmetry x₀ < 0 is no different; x₀ = 0 is no limit"},
    expected="supported",
    tightness="exact",
)
STUCK_USAM = STUCK_GD.with_(
    slug="gd-usam-stuck-below-threshold.usam",
    title="USAM stops where it starts: y∞² = P₀ − λ₀x₀²(2ρ+η(1+ρλ₀))/(2−ηλ₀(1+ρλ₀)) to leading order",
    source=source("new", "derived here from the balancedness identity"),
    rule=usam,
    hypotheses=(Y > 0, eta * k * Y**2 * (1 + rho * k * Y**2) < 2, x0 > 0),
    unneeded=STUCK_GD.unneeded,
    claim=Asymptotic(
        lost,
        lam0 * x0**2 * (2 * rho + eta * (1 + rho * lam0)) / (2 - eta * usam_lam),
        x0,
        sp.Integer(2),
        (x0, Y),
        40 / (eta * usam_lam * (2 - eta * usam_lam)),
    ),
)

# --- A12: SAM never converges -----------------------------------------------------------------------------------
off_minimum = (norm(grad(w)) > 0,)

SAM_STEP_LENGTH = Theorem(
    slug="sam-never-converges-sc.step-length",
    title="Every step of SAM is at least ηαρ long",
    without={"convexity": across_a_ridge("1", "1/2", ("1/2", "3/10"), ridges=6)},
    source=source("derived"),
    rule=sam,
    loss=StronglyConvex(alpha, beta),
    where={B: eta * alpha * rho},
    claim=Inequality(B, norm(w_next - w), given=off_minimum),
    proof=(
        Step(
            "step length",
            Inequality(eta * alpha * rho, norm(w_next - w), given=off_minimum),
            ("strong monotonicity: w, p1", "Cauchy-Schwarz: w, p1"),
        ),
    ),
    tightness="tight",
    notes="approached by ½αw² as w → 0, not attained",
)
SAM_LIMSUP = SAM_STEP_LENGTH.with_(
    slug="sam-never-converges-sc.limsup",
    title="SAM stays away: limsup ‖w_t−w*‖ ≥ ηαρ/2",
    without={"convexity": at_rest_beside_a_ridge("98")},
    where={},
    claim=Limit(norm(w - w_star), eta * alpha * rho / 2, "limsup", ">="),
    starts=OrbitsAvoiding("zero gradient"),
    proof=(StepLength(eta * alpha * rho, ("strong monotonicity: w, p1", "Cauchy-Schwarz: w, p1")),),
    tightness="lower",
    mutants=(Mutant("value*2", Limit(norm(w - w_star), eta * alpha * rho, "limsup", ">=")),),
)
SAM_LIMSUP_1D = SAM_LIMSUP.with_(
    slug="sam-never-converges-sc.one-dimension",
    title="In one dimension limsup |w_t−w*| ≥ ηαρ/(2−ηα), attained by quadratics",
    without={"convexity": on_a_flat_bottom("1/4", "0", "1", "1", "3/4")},
    mutants=(),
    loss=StronglyConvex(alpha, beta, dimension=1),
    hypotheses=(eta * alpha < 2,),
    claim=Limit(norm(w - w_star), eta * alpha * rho / (2 - eta * alpha), "limsup", ">="),
    proof=(AffineLowerRecursion(1 - eta * alpha, eta * alpha * rho, ("strong monotonicity", "collinear")),),
    tightness="tight",
    attained_by=Instance({"alpha": 1, "beta": 1, "eta": 1, "rho": 1}, (1,), Quadratic(1)),
)

THEOREMS = declared(globals())
