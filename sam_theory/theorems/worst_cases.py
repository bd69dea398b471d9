"""Exact worst cases of USAM over strongly convex smooth functions: one step, proved by explicit dual multipliers.

Each proof is a dual certificate of the performance-estimation problem whose multipliers are polynomials in the
parameters: interpolation conditions times multipliers, plus squares, add up to the claim.
"""

from __future__ import annotations

from collections.abc import Mapping

import sympy as sp
from sympy import Max, Rational
from sympy.core.relational import Relational as Relation

from sam_theory.arithmetic import Point, Vec, dot, grad, norm, value
from sam_theory.losses import LEMMAS, Constants, Quadratic, StronglyConvex
from sam_theory.rules import sam, usam
from sam_theory.theorems._claims import Inequality, Limit
from sam_theory.theorems._data import DataPoint, InterpolationData
from sam_theory.theorems._nonconvex import across_a_ridge, across_a_widening_valley
from sam_theory.theorems._proof import Step
from sam_theory.theorems._sources import NEW
from sam_theory.theorems._symbols import alpha, beta, eta, gap, rho, w, w_next, w_star
from sam_theory.theorems._theorem import Instance, Mutant, Theorem, declared

D = beta - alpha
#: USAM on ½λw² multiplies w by 1 − ηλ(1+ρλ): the two extreme curvatures.
A, B = alpha * (1 + rho * alpha), beta * (1 + rho * beta)
a, b = 1 - eta * A, 1 - eta * B
rate = Max(a**2, b**2)
q = sp.Symbol("q", real=True)

d, g, g_ascent, g_next = w - w_star, grad(w), grad(w + rho * grad(w)), grad(w_next)
#: What vanishes on ½λ‖w‖² for λ ∈ {α, β}: of the gradients at the ascent point and after the step.
r = g_ascent - g * (1 + rho * (alpha + beta)) + d * (rho * alpha * beta)
r_next = (
    g_next
    - g * (1 - eta * (alpha + beta) - eta * rho * (alpha**2 + alpha * beta + beta**2))
    - d * (eta * alpha * beta * (1 + rho * (alpha + beta)))
)
low, high = g - d * alpha, d * beta - g

_POINTS = {
    name: Point(name, at, grad(at), value(at))
    for name, at in (("w_star", w_star), ("w", w), ("p1", w + rho * grad(w)), ("w_next", w_next))
}


def weighted(case: str, multipliers: Mapping[str, sp.Expr], given: tuple[Relation, ...] = ()) -> tuple[Step, ...]:
    """Interpolation conditions ``"p -> q"``, each times a multiplier that the case makes nonnegative."""
    constants, steps = Constants(alpha, beta, None, dot), []
    for edge, multiplier in multipliers.items():
        small, large = LEMMAS["interpolation"].sides(constants, *(_POINTS[p] for p in edge.split(" -> ")))
        claim = Inequality(sp.S.Zero, multiplier * (large - small), given=given)
        steps.append(Step(f"{case}: {edge}", claim, (f"interpolation: {edge}",)))
    return tuple(steps)


def square(v: Vec) -> sp.Expr:
    """‖v‖²."""
    return dot(v, v)


def squares(case: str, terms: tuple[tuple[sp.Expr, Vec], ...], given: tuple[Relation, ...] = ()) -> tuple[Step, ...]:
    """Squares of vectors, each times a factor that the case makes nonnegative."""
    return tuple(
        Step(f"{case}: square {i}", Inequality(sp.S.Zero, c * norm(v) ** 2, given=given))
        for i, (c, v) in enumerate(terms, 1)
    )


def names(steps: tuple[Step, ...]) -> tuple[str, ...]:
    """What a later step refers to."""
    return tuple(step.name for step in steps)


# --- distance --------------------------------------------------------------------------------------------
near = rho * D
_sector = (
    *weighted(
        "sector",
        {
            "w_star -> w": rho * alpha * (1 + rho * beta) + near,
            "w -> w_star": rho * alpha * (1 + rho * beta),
            "p1 -> w_star": (1 + near) / 2,
            "w_star -> p1": (1 - near) / 2,
            "w -> p1": (1 + near) / 2,
            "p1 -> w": (1 - near) / 2,
        },
    ),
    *squares("sector", ((sp.S.One, r),)),
)
below, above = g_ascent - d * A, d * B - g_ascent
sector = Step("sector", Inequality(sp.S.Zero, dot(below, above)), names(_sector))

#: At these parameters the worst quadratic keeps its distance; here w goes to (1/12, −1), farther than 1.
FARTHER = InterpolationData(
    {"alpha": "1/10", "beta": 1, "eta": "1/2", "rho": 3},
    (
        DataPoint.of("w", [1, 0], ["2/3", "3/7"], "1/3"),
        DataPoint.of("p1", [3, "9/7"], ["11/6", 2], "2519/588"),
        DataPoint.of("w_star", [0, 0], [0, 0], 0),
    ),
    "w",
)

SECTOR = Theorem(
    slug="usam-worst-case-distance.sector",
    title="G = ∇L(w+ρ∇L(w)) obeys ⟨G − A(w−w*), B(w−w*) − G⟩ ≥ 0 with A = α(1+ρα), B = β(1+ρβ), if ρ(β−α) ≤ 1",
    without={"rho*(-alpha + beta) <= 1": FARTHER},
    source=NEW,
    rule=usam,
    loss=StronglyConvex(alpha, beta),
    hypotheses=(near <= 1, alpha < beta),
    claim=sector.claim,
    proof=(*_sector, sector),
    tightness="tight",
    attained_by=Instance({"alpha": 1, "beta": 2, "eta": Rational(1, 4), "rho": Rational(1, 2)}, (1,), Quadratic(2)),
    mutants=(Mutant("A*101/100", claim=Inequality(sp.S.Zero, dot(g_ascent - d * (A * Rational(101, 100)), above))),),
    unneeded={alpha < beta: "at α = β the class is that of ½α‖w‖², and the claim an equality"},
    notes="ρ(β−α) ≤ 1 cannot be relaxed at η = 2/(A+B): beyond it no multipliers exist",
)
small, large = eta * (A + B) <= 2, eta * (A + B) >= 2
excess = eta * (A + B) - 2


def _regime(name: str, factor: sp.Expr, side: Vec, case: Relation, sign: int) -> tuple[Step, ...]:
    """‖w⁺−w*‖² ≤ factor²·‖w−w*‖² on one side of η = 2/(A+B)."""
    length = Step(f"{name}: length", Inequality(sp.S.Zero, norm(side) ** 2))
    along = Step(f"{name}: along", Inequality(sp.S.Zero, D * dot(d, side)), ("sector", length.name))
    weight = Step(
        f"{name}: weight", Inequality(sp.S.Zero, sign * excess * eta * D * dot(d, side), given=(case,)), (along.name,)
    )
    turned = Step(f"{name}: sector", Inequality(sp.S.Zero, D * eta**2 * dot(below, above)), ("sector",))
    claim = Inequality(sp.S.Zero, D * (factor**2 * square(d) - square(w_next - w_star)), given=(case,))
    scaled = Step(f"{name}: scaled", claim, (weight.name, turned.name))
    claim = Inequality(square(w_next - w_star), factor**2 * square(d), given=(case,))
    return length, along, weight, turned, scaled, Step(name, claim, (scaled.name,))


_small = _regime("small steps", a, below, small, -1)
_large = _regime("large steps", b, above, large, 1)
one_step = Inequality(square(w_next - w_star), rate * square(d))

DISTANCE = SECTOR.with_(
    slug="usam-worst-case-distance.one-step",
    title="One step of USAM contracts the distance as on the worst quadratic, if ρ(β−α) ≤ 1",
    unneeded={"alpha < beta": "at α = β the class is that of ½α‖w−w*‖², for which both sides agree"},
    where={q: rate},
    attained_by=Instance({"alpha": 1, "beta": 2, "eta": Rational(1, 4), "rho": Rational(1, 2)}, (1,), Quadratic(1)),
    mutants=(),
    claim=Inequality(square(w_next - w_star), q * square(d)),
    proof=(*_sector, sector, *_small, *_large, Step("one step", one_step, ("small steps", "large steps"))),
    notes="attained on ½λ‖w‖², λ ∈ {α, β}; without ρ(β−α) ≤ 1 it is false near η = 2/(A+B)",
)

# --- excess loss -----------------------------------------------------------------------------------------
modulus = -b  # of the multiplier on ½βw², where steps are large


def _loss_case(
    name: str,
    factor: sp.Expr,
    given: tuple[Relation, ...],
    multipliers: Mapping[str, sp.Expr],
    pair: sp.Expr,
    terms: tuple[tuple[sp.Expr, Vec], ...],
) -> tuple[Step, ...]:
    """L⁺ − L* ≤ factor²·(L − L*) where ``given`` holds: 2(β−α)ρ times the claim is a sum of nonnegative terms.

    ``multipliers`` stand for ρ times themselves; ``pair`` is the multiplier of the conditions between w and p1.
    """
    edges = {edge: rho * c for edge, c in multipliers.items()} | {"w -> p1": pair, "p1 -> w": pair}
    parts = (*weighted(name, edges, given), *squares(name, terms, given))
    claim = Inequality(sp.S.Zero, 2 * D * rho * (factor**2 * gap(w) - gap(w_next)), given=given)
    scaled = Step(f"{name}: scaled", claim, names(parts))
    return *parts, scaled, Step(name, Inequality(gap(w_next), factor**2 * gap(w), given=given), (scaled.name,))


_common = ((rho, r_next + r * (beta * eta)), (D * eta**2 * (1 + rho * alpha), r))
_loss_steps = (
    *_loss_case(
        "small steps",
        a,
        (small,),
        {"w_next -> w_star": 1 - a, "w_next -> w": a, "w -> w_star": a * (1 - a)},
        a * eta,
        (
            *_common,
            (-excess * eta, r + low * (rho * beta)),
            (-excess * rho * beta * eta * (1 + rho * alpha), low),
        ),
    ),
    *_loss_case(
        "large steps",
        b,
        (large, eta * A <= 1),
        {
            "w_next -> w_star": 1 - a,
            "w_next -> w": a,
            "w -> w_star": modulus * (1 - a),
            "w_star -> w": (1 - b) * excess,
        },
        modulus * eta,
        (
            *_common,
            (excess * eta, r - high * (rho * alpha)),
            (excess * rho * alpha * eta * (1 + rho * beta), high),
        ),
    ),
    *_loss_case(
        "very large steps",
        b,
        (eta * A >= 1,),
        {"w_next -> w_star": sp.S.One, "w -> w_star": modulus, "w_star -> w": (1 + modulus) * modulus},
        modulus * eta,
        (
            (rho, r_next + r * (beta * eta) - high * a),
            (D * eta**2 * (1 + rho * alpha), r),
            (modulus * eta, r - high * (rho * alpha)),
            (-a * eta, r - high * (rho * beta)),
            (
                rho
                * (
                    eta**2 * alpha * beta * (1 + rho * (alpha + beta) + rho**2 * (alpha**2 + beta**2 - alpha * beta))
                    + eta * rho * D**2
                    - 1
                ),
                high,
            ),
        ),
    ),
)
LOSS = DISTANCE.with_(
    slug="usam-worst-case-fgap.one-step",
    title="One step of USAM decreases L − L* as on the worst quadratic, for every η and ρ > 0",
    unneeded={
        "alpha < beta": "at α = β the class is that of ½α‖w−w*‖², for which both sides agree",
        "rho > 0": "both sides are continuous in ρ: at ρ = 0 this is the known worst case of gradient descent",
    },
    hypotheses=(rho > 0, alpha < beta),
    claim=Inequality(gap(w_next), q * gap(w)),
    proof=(
        *_loss_steps,
        Step("one step", Inequality(gap(w_next), rate * gap(w)), ("small steps", "large steps", "very large steps")),
    ),
    without={"convexity": across_a_ridge("99/100", "1/4", ("57/5", "29/10"), beta_rho="4")},
    notes="attained on ½λ‖w‖², λ ∈ {α, β}; no relation between ρ and β is needed",
)

# --- excess loss, with the gradient ------------------------------------------------------------------------
wide = 1 + rho * beta
#: The line through the two extreme quadratics: factor + 2λ·weight = (1−ηλ(1+ρλ))² at λ = α and λ = β.
weight = excess * eta * (1 + rho * (alpha + beta)) / 2
factor = a**2 - 2 * alpha * weight
_rest = eta * wide**2 * (2 * modulus + alpha * beta * eta * rho)
_rest += -2 * eta * wide * excess * (1 + rho * (alpha + beta)) - rho * (1 + a) ** 2
_line = (
    *weighted(
        "line",
        {
            "w_next -> w_star": rho * wide * (wide * (1 - a) + alpha * rho * excess),
            "w_next -> w": rho * wide * (wide * a - (1 + rho * alpha) * excess),
            "w_next -> p1": rho * wide * excess,
            "w -> w_star": rho * wide * (wide * a * (1 - a) + alpha * (2 * wide * weight - rho * excess)),
            "w -> p1": wide * (wide * eta * a - rho * excess),
            "p1 -> w": wide**2 * eta * a,
        },
    ),
    *squares("line", ((rho, r_next * wide + r * (1 + a)), (_rest, r))),
)
_right = factor * gap(w) + weight * square(g)
#: What keeps the multipliers of "w -> p1" and "w_next -> w" nonnegative.
_to_ascent, _to_start = rho * excess <= wide * eta * a, (1 + rho * alpha) * excess <= wide * a
#: Members on which the loss falls by less than the line where one of them fails: rounded solutions of the worst case.
BEYOND_ASCENT = InterpolationData(
    {"alpha": "1/6", "beta": 1, "eta": "2/5", "rho": 8},
    (
        DataPoint.of("w", [8, 0], ["7/5", "-1/2"], "28/5"),
        DataPoint.of("p1", ["96/5", -4], ["11/2", "-13/2"], "417/7"),
        DataPoint.of("w_next", ["29/5", "13/5"], ["6/7", "17/8"], "16/3"),
        DataPoint.of("w_star", [0, 0], [0, 0], 0),
    ),
    "w",
)
BEYOND_START = InterpolationData(
    {"alpha": "1/4", "beta": 1, "eta": "5/2", "rho": "1/4"},
    (
        DataPoint.of("w", ["41/4", 0], ["17/6", "-9/7"], "147/10"),
        DataPoint.of("p1", ["263/24", "-9/28"], ["13/4", "-7/4"], "52/3"),
        DataPoint.of("w_next", ["17/8", "35/8"], [0, "47/12"], "26/3"),
        DataPoint.of("w_star", [0, 0], [0, 0], 0),
    ),
    "w",
)
LINE = LOSS.with_(
    slug="usam-worst-case-fgap.with-gradient",
    title="L⁺ − L* ≤ m(L − L*) + n‖∇L(w)‖² with the line m + 2λn through the squared multipliers at λ = α, β",
    unneeded={
        "alpha < beta": "at α = β the class is that of ½α‖w−w*‖², for which both sides agree",
        "rho > 0": "what is admitted at ρ = 0 is a limit of what is admitted at ρ > 0",
    },
    hypotheses=(rho > 0, alpha < beta, large, _to_ascent, _to_start),
    where={q: factor},
    claim=Inequality(gap(w_next), q * gap(w) + weight * square(g)),
    proof=(
        *_line,
        Step("scaled", Inequality(sp.S.Zero, 2 * D * rho * wide**2 * (_right - gap(w_next))), names(_line)),
        Step("one step", Inequality(gap(w_next), _right), ("scaled",)),
    ),
    attained_by=Instance({"alpha": 1, "beta": 2, "eta": Rational(3, 8), "rho": Rational(1, 2)}, (1,), Quadratic(2)),
    without={
        _to_ascent: BEYOND_ASCENT,
        _to_start: BEYOND_START,
        "convexity": across_a_ridge("99/100", "3/4", ("109/10", "18/5"), ridges=16, beta_rho="2"),
    },
    notes="with ρ/‖∇L(w)‖ for ρ this is the one-step worst case of SAM at a fixed gradient norm",
)

# --- SAM: the same at a fixed gradient norm ------------------------------------------------------------------
#: For a fixed ‖∇L(w)‖ = γ a step of SAM is one of USAM with radius ρ/γ; the level that the worst one keeps.
LEVEL = Theorem(
    slug="sam-one-step-sdp-neighbourhood.level",
    title="At ηβ = 1, κ = 10: limsup L − L* ≤ 0.97 βρ²",
    unneeded={"rho > 0": "at ρ = 0 this is gradient descent, which converges to the minimum"},
    source=NEW,
    rule=sam,
    loss=StronglyConvex(beta / 10, beta),
    hypotheses=(sp.Eq(eta, 1 / beta), rho > 0),
    claim=Limit(gap(w), Rational(97, 100) * beta * rho**2, "limsup", "<="),
    status="conjecture",
    expected="supported",
    tightness="upper",
    without={"convexity": across_a_widening_valley()},
    mutants=(Mutant("level/2", claim=Limit(gap(w), Rational(48, 100) * beta * rho**2, "limsup", "<=")),),
    notes="0.9638 βρ² is the fixed point of worst cases over a grid of ‖g‖; sc-sam-limsup-improved proves 5 βρ²",
)

THEOREMS = declared(globals())
