"""Edges of stability: the curvature at which a step of SAM, of USAM or of a rule with momentum only flips the sign."""

from __future__ import annotations

import sympy as sp
from sympy import sqrt

from sam_theory.arithmetic import CURVATURE, GRADIENT, NUMBER, STEP_SIZE, Traced, dot, grad, norm
from sam_theory.losses import Quadratic
from sam_theory.rules import Space, heavy_ball, heavy_ball_usam, rule, sam, usam
from sam_theory.theorems._claims import Identity, Inequality, Limit, Stability, Threshold
from sam_theory.theorems._potential import radius_of
from sam_theory.theorems._sources import AGARWALA, BOLTE, LONG, NEW
from sam_theory.theorems._symbols import eta, lam, rho, w, w_next
from sam_theory.theorems._theorem import Instance, Mutant, Theorem, declared
from sam_theory.theorems.wen2023 import lam_j, zero

G = sp.Symbol("G", positive=True)
momentum = sp.Symbol("momentum", nonnegative=True)
m = sp.Symbol("m", positive=True)


def sam_edge(gradient_norm: sp.Expr) -> sp.Expr:
    """The positive root λ of ηλ(1+ρλ/‖g‖) = 2."""
    return gradient_norm / (2 * rho) * (sqrt(1 + 8 * rho / (eta * gradient_norm)) - 1)


#: The same without a difference.
rational_edge = 4 / (eta * (1 + sqrt(1 + 8 * rho / (eta * G))))

# --- B4 ----------------------------------------------------------------------------------------------------
flip = 1 - eta * lam * (1 + rho * lam / norm(grad(w)))
moving = norm(grad(w)) > 0

SAM_STEP = Theorem(
    slug="sam-edge.multiplier",
    title="Off 0 a step of SAM on ½λ‖w‖² multiplies w by 1−ηλ(1+ρλ/‖g‖), in every dimension",
    source=LONG,
    rule=sam,
    loss=Quadratic(lam, dimension=None),
    claim=Identity(dot(w_next, w), flip * dot(w, w), given=(moving,)),
    tightness="exact",
)
SAM_EDGE = SAM_STEP.with_(
    slug="sam-edge.edge",
    title="That multiplier is −1 at the SAM-edge λ = (‖g‖/2ρ)(√(1+8ρ/(η‖g‖))−1)",
    hypotheses=(rho > 0,),
    claim=Identity(1 - eta * sam_edge(G) * (1 + rho * sam_edge(G) / G), -sp.S.One),
    dimensions={"G": GRADIENT},
)
SAM_BELOW = SAM_STEP.with_(
    slug="sam-edge.below",
    title="Below the SAM-edge of the present gradient a step shortens w",
    tightness="",
    hypotheses=(rho > 0,),
    claim=Inequality(norm(w_next), norm(w), strict=True, given=(lam < sam_edge(norm(grad(w))),)),
    mutants=(
        Mutant(
            "edge*101/100",
            Inequality(
                norm(w_next),
                norm(w),
                strict=True,
                given=(lam < sp.Rational(101, 100) * sam_edge(norm(grad(w))),),
            ),
        ),
    ),
)
SAM_ABOVE = SAM_STEP.with_(
    slug="sam-edge.above",
    title="Above it a step lengthens w",
    tightness="",
    hypotheses=(rho > 0,),
    claim=Inequality(norm(w), norm(w_next), strict=True, given=(moving, lam > sam_edge(norm(grad(w))))),
    mutants=(
        Mutant(
            "edge*99/100",
            Inequality(
                norm(w),
                norm(w_next),
                strict=True,
                given=(moving, lam > sp.Rational(99, 100) * sam_edge(norm(grad(w)))),
            ),
        ),
    ),
)
SAM_CYCLE = SAM_STEP.with_(
    slug="sam-edge.cycle",
    title="The limit cycle sits at the SAM-edge: there ‖g‖ = λr, r = ηλρ/(2−ηλ), and the edge is λ itself",
    source=NEW,
    hypotheses=(rho > 0, eta * lam < 2),
    claim=Identity(sam_edge(lam * radius_of(lam)), lam),
    unneeded={rho > 0: "ρ cancels in the edge at ‖g‖ = λr; at ρ = 0 there is no cycle"},
)
SAM_RATIONAL = SAM_EDGE.with_(
    slug="sam-edge.rational",
    title="The SAM-edge is also 4/(η(1+√(1+8ρ/(η‖g‖)))), in which nothing cancels",
    claim=Identity(sam_edge(G), rational_edge),
)
SAM_FAR = SAM_EDGE.with_(
    slug="sam-edge.large-gradients",
    title="Where the gradient is large the SAM-edge is that of gradient descent, 2/η",
    hypotheses=(),
    claim=Limit(rational_edge, 2 / eta, variable=G),
)
SAM_NEAR = SAM_EDGE.with_(
    slug="sam-edge.small-gradients",
    title="Where the gradient is small the SAM-edge is √(2‖g‖/(ηρ)) to leading order",
    claim=Limit(sam_edge(G) / sqrt(2 * G / (eta * rho)), sp.S.One, variable=G, to=sp.S.Zero),
)

# --- B5 ----------------------------------------------------------------------------------------------------
usam_edge = (-1 + sqrt(1 + 8 * rho / eta)) / (2 * rho)

USAM_EDGE = Theorem(
    slug="usam-edge.threshold",
    title="A minimum with largest eigenvalue λ is linearly stable for USAM iff λ < (−1+√(1+8ρ/η))/(2ρ)",
    source=AGARWALA,
    rule=usam,
    loss=Quadratic(lam, lam_j),
    hypotheses=(rho > 0, lam_j <= lam),
    claim=Threshold(Stability((zero, zero)), lam, usam_edge),
    dimensions={"lam_j": CURVATURE},
    tightness="exact",
    notes="the derivative of USAM at a critical point of any loss is that on the quadratic of its Hessian",
)
USAM_PRODUCT = USAM_EDGE.with_(
    slug="usam-edge.product",
    title="That is, iff ηλ(1+ρλ) < 2: one factor λ, as the dimensions ask",
    hypotheses=(lam_j <= lam,),
    claim=Threshold(Stability((zero, zero)), eta * lam * (1 + rho * lam), sp.Integer(2)),
    mutants=(
        Mutant("without the factor lam", Threshold(Stability((zero, zero)), eta * (1 + rho * lam), sp.Integer(2))),
        Mutant("with lam squared", Threshold(Stability((zero, zero)), eta * lam**2 * (1 + rho * lam), sp.Integer(2))),
    ),
)
USAM_RADIUS = USAM_EDGE.with_(
    slug="usam-edge.critical-radius",
    title="USAM leaves the minimum iff ρ exceeds (2/(ηλ)−1)/λ: for ηλ > 2 at every ρ",
    hypotheses=(lam_j <= lam,),
    claim=Threshold(Stability((zero, zero)), rho, (2 / (eta * lam) - 1) / lam),
)
USAM_SMALL = USAM_EDGE.with_(
    slug="usam-edge.small-rho",
    title="As ρ → 0 the edge of USAM becomes that of gradient descent, 2/η",
    loss=Quadratic(lam),
    hypotheses=(rho > 0,),
    claim=Limit(usam_edge, 2 / eta, variable=rho, to=sp.S.Zero),
    dimensions={},
)

# --- B6, J5 --------------------------------------------------------------------------------------------------
FILTER_GD = Theorem(
    slug="eigenvalue-filter.heavy-ball",
    title="Heavy ball with momentum β keeps a minimum iff λ < 2(1+β)/η (gradient descent: β = 0)",
    source=BOLTE,
    rule=heavy_ball,
    loss=Quadratic(lam),
    hypotheses=(momentum < 1,),
    claim=Threshold(Stability((zero,)), lam, 2 * (1 + momentum) / eta),
    tightness="exact",
    notes="coordinates decouple, so the same holds for every eigenvalue of a Hessian",
)
FILTER_USAM = FILTER_GD.with_(
    slug="eigenvalue-filter.usam",
    title="USAM with momentum β keeps it iff λ(1+ρλ) < 2(1+β)/η",
    rule=heavy_ball_usam,
    claim=Threshold(Stability((zero,)), lam * (1 + rho * lam), 2 * (1 + momentum) / eta),
    mutants=(
        Mutant("the filter on lam alone", Threshold(Stability((zero,)), lam, 2 * (1 + momentum) / eta)),
        Mutant("a further lam", Threshold(Stability((zero,)), lam**2 * (1 + rho * lam), 2 * (1 + momentum) / eta)),
    ),
)
FILTER_NEGATIVE = FILTER_USAM.with_(
    slug="eigenvalue-filter.negative",
    title="The filter of USAM admits λ = −m < 0: for ρm > 1 the saddle attracts iff m(ρm−1) < 2(1+β)/η",
    source=NEW,
    loss=Quadratic(-m),
    hypotheses=(momentum < 1, rho * m > 1),
    claim=Threshold(Stability((zero,)), m * (rho * m - 1), 2 * (1 + momentum) / eta),
    mutants=(),
    notes="0 ≤ λ(1+ρλ) holds for λ ≤ −1/ρ: the filter is on the product, not on λ",
)
FILTER_ESCAPE = FILTER_NEGATIVE.with_(
    slug="eigenvalue-filter.escape",
    title="For mη(ρm−1) ≤ 2(1+β) the saddle attracts USAM with momentum iff ρm > 1",
    hypotheses=(momentum < 1, m * eta * (rho * m - 1) < 2 * (1 + momentum)),
    claim=Threshold(Stability((zero,)), 1 / m, rho),
)


@rule(dimensions={"eta": STEP_SIZE, "rho": STEP_SIZE, "momentum": NUMBER})
def two_step_heavy_ball(
    space: Space, w: Traced, v: Traced, *, eta: Traced, rho: Traced, momentum: Traced
) -> dict[str, Traced]:
    """USAM with two ascent steps and momentum: p = w + ρ∇L(w), v⁺ = momentum·v − η∇L(p + ρ∇L(p)), w⁺ = w + v⁺."""
    p = w + rho * space.grad(w)
    velocity = momentum * v - eta * space.grad(p + rho * space.grad(p))
    return {"w": w + velocity, "v": velocity}


FILTER_TWO_STEP = FILTER_USAM.with_(
    slug="eigenvalue-filter.two-step",
    title="Two ascent steps make the filter λ(1+ρλ)² < 2(1+β)/η …",
    rule=two_step_heavy_ball,
    claim=Threshold(Stability((zero,)), lam * (1 + rho * lam) ** 2, 2 * (1 + momentum) / eta),
    mutants=(
        Mutant("one ascent step", Threshold(Stability((zero,)), lam * (1 + rho * lam), 2 * (1 + momentum) / eta)),
    ),
)


@rule(dimensions={"eta": STEP_SIZE, "rho": STEP_SIZE})
def two_step_usam(space: Space, w: Traced, *, eta: Traced, rho: Traced) -> Traced:
    """USAM with two ascent steps: w⁺ = w − η∇L(p + ρ∇L(p)), p = w + ρ∇L(w)."""
    p = w + rho * space.grad(w)
    return w - eta * space.grad(p + rho * space.grad(p))


FILTER_TWO_STEP_AWAY = Theorem(
    slug="eigenvalue-filter.two-step-negative",
    title="… which excludes every λ < 0: no step approaches the saddle (here β = 0)",
    source=NEW,
    rule=two_step_usam,
    loss=Quadratic(-m, dimension=None),
    hypotheses=(sp.StrictGreaterThan(m, 0, evaluate=False),),
    claim=Inequality(norm(w), norm(w_next)),
    tightness="tight",
    attained_by=Instance({"eta": 1, "rho": 1, "m": 1}, (1,), Quadratic(-1)),
    mutants=(Mutant("strictly", Inequality(norm(w), norm(w_next), strict=True, given=(norm(w) > 0,))),),
    notes="in every dimension; a step stands still where ρm = 1",
)

THEOREMS = declared(globals())
