"""SAM on strongly convex losses of one variable, new here: the exact worst cases of distance and loss."""

from __future__ import annotations

import sympy as sp
from sympy import Eq, Max, Rational

from sam_theory.arithmetic import CURVATURE, LENGTH, NUMBER, Dimension, dot, norm
from sam_theory.losses import Expression, Facts, Quadratic, StronglyConvex
from sam_theory.rules import sam
from sam_theory.theorems._claims import Cycle, Envelope, Identity, Inequality, Limit, OrbitsAvoiding
from sam_theory.theorems._nonconvex import on_a_flat_bottom
from sam_theory.theorems._proof import MOVING, AbsorbingLevel, AlternatingBounds, MaxRecursion, Step
from sam_theory.theorems._relations import Related
from sam_theory.theorems._sources import NEW
from sam_theory.theorems._symbols import alpha, beta, eta, gap, rho, t, w, w_next, w_star, w_start
from sam_theory.theorems._theorem import Instance, Theorem, declared

s, a = eta * beta, eta * alpha
q, C = sp.symbols("q C", real=True)
distance, next_distance = norm(w - w_star), norm(w_next - w_star)
same = dot(w - w_star, w_next - w_star)
#: the gradient at the ascent point lies between α and β times its distance from the minimiser
sector = ("strong monotonicity", "cocoercivity")
stays = Step("same side", Inequality(next_distance, (1 - a) * distance, given=(*MOVING, same >= 0)), sector)
crosses = Step(
    "other side", Inequality(next_distance, s * rho - (1 - s) * distance, given=(*MOVING, same <= 0)), sector
)

at_rest = ("descent lemma: w -> w_next", "Polyak-Lojasiewicz: w")

# --- C3: the distance ------------------------------------------------------------------------------------
ENVELOPE = Theorem(
    slug="sc-1d-exact-worst-case.envelope",
    title="In one dimension |w_t−w*| ≤ max((1−ηα)ᵗ|w₀−w*|, ηβρ) for s = ηβ ≤ 1",
    without={"convexity": on_a_flat_bottom("1", "0", "1/2", "0", "1/2")},
    source=NEW,
    rule=sam,
    loss=StronglyConvex(alpha, beta, dimension=1),
    hypotheses=(s <= 1,),
    where={q: 1 - a, C: s * rho},
    claim=Envelope(distance, Max(q**t * norm(w_start - w_star), C)),
    proof=(MaxRecursion(1 - a, s * rho, sector),),
    tightness="tight",
    attained_by=Instance({"alpha": 1, "beta": 1, "eta": 1, "rho": 1}, (Rational(1, 2),), Quadratic(1)),
)
DISTANCE = ENVELOPE.with_(
    slug="sc-1d-exact-worst-case.distance",
    title="limsup |w_t−w*| ≤ ρs, s ≤ 1: the least such constant if κ ≥ 1+s",
    without={"convexity": on_a_flat_bottom("1", "0", "1/2", "0", "1/2")},
    where={C: s * rho},
    claim=Limit(distance, C, "limsup", "<="),
    proof=(AbsorbingLevel(1 - a, s * rho, sector),),
    notes="approached by sc-1d-exact-worst-case.two-slopes as ημ → s/(1+s), attained at s = 1 alone",
)
DISTANCE_SMALL_KAPPA = ENVELOPE.with_(
    slug="sc-1d-exact-worst-case.distance-small-kappa",
    title="limsup |w_t−w*| ≤ ρ(κ−1+s)/(κ+1−s) for κ ≤ 1+s, s ≤ 1",
    unneeded={
        "beta <= alpha*(beta*eta + 1)": "the bound holds for every κ; for κ > 1+s the bound ρs is smaller",
        "along every orbit that never meets zero gradient": "one that meets it rests at w*; the bound is not negative",
    },
    without={"convexity": on_a_flat_bottom("1/8", "-1/8", "1/2", "1", "7/24")},
    hypotheses=(s <= 1, beta <= alpha * (1 + s)),
    where={C: rho * (s - a + s * a) / (s + a - s * a)},
    claim=Limit(distance, C, "limsup", "<="),
    starts=OrbitsAvoiding("zero gradient"),
    proof=(
        stays,
        crosses,
        Step(
            "lower bound",
            Inequality(a * rho - (1 - a) * distance, next_distance, given=MOVING),
            ("strong monotonicity", "collinear"),
        ),
        AlternatingBounds(1 - a, (s * rho, 1 - s), (a * rho, 1 - a), ("same side", "other side", "lower bound")),
    ),
    attained_by=Instance({"alpha": 1, "beta": 1, "eta": Rational(1, 2), "rho": 1}, (Rational(1, 3),), Quadratic(1)),
    notes="attained by sc-1d-exact-worst-case.two-slopes with μ = α",
)

# --- C3: the loss ------------------------------------------------------------------------------------------
loss_level = eta**2 * beta**3 * rho**2 / 2
LOSS = ENVELOPE.with_(
    slug="sc-1d-exact-worst-case.loss",
    title="limsup L − L* ≤ βρ²s²/2 for s ≤ 1: the least such constant if κ ≥ 1/(1−s), or if s = 1",
    unneeded={"convexity": "α·dist ≤ |L'| ≤ β·dist from the interval of minima is enough, see the derivation"},
    where={C: loss_level},
    claim=Limit(gap(w), C, "limsup", "<="),
    proof=(
        stays,
        crosses,
        Step(
            "same side, loss",
            Inequality(gap(w_next), (1 - a) * gap(w), given=(*MOVING, same >= 0)),
            ("same side", "convexity", "strong monotonicity"),
        ),
        Step(
            "other side, loss",
            Inequality(gap(w_next), loss_level, given=(*MOVING, same <= 0)),
            ("other side", "descent lemma: w_star -> w_next"),
        ),
        AbsorbingLevel(1 - a, loss_level, ("same side, loss", "other side, loss", "minimum", *at_rest)),
    ),
    attained_by=Instance({"alpha": 1, "beta": 1, "eta": 1, "rho": 1}, (Rational(1, 2),), Quadratic(1)),
    notes="approached by sc-1d-exact-worst-case.three-slopes, attained at s = 1 alone; in two dimensions it is false",
)

# --- beyond 1/β ----------------------------------------------------------------------------------------------
large_radius = s * rho / (2 - s)
large_rate = Max(1 - a, s - 1)
fallen = large_rate * distance + (1 - large_rate) * large_radius
_either = Inequality(next_distance, Max((1 - a) * distance, s * rho + (s - 1) * distance))
_absorbed = Inequality(next_distance, Max(large_radius, fallen))
large_steps = (
    stays,
    crosses,
    Step("either side", _either, ("same side", "other side", *sector)),
    Step("same side, level", Inequality((1 - a) * distance, fallen)),
    Step("other side, level", Inequality(s * rho + (s - 1) * distance, Max(large_radius, fallen))),
    Step("level", _absorbed, ("either side", "same side, level", "other side, level")),
)
DISTANCE_LARGE_STEPS = ENVELOPE.with_(
    slug="sc-1d-large-steps-worst-case.distance",
    title="limsup |w_t−w*| ≤ ρs/(2−s) for 1 ≤ s < 2 in one dimension: no loss is worse than ½βw²",
    without={"convexity": on_a_flat_bottom("1", "0", "1", "0", "1/2")},
    hypotheses=(s >= 1, s < 2),
    where={C: large_radius},
    claim=Limit(distance, C, "limsup", "<="),
    proof=(*large_steps, AbsorbingLevel(large_rate, large_radius, ("level",))),
    attained_by=Instance({"alpha": 1, "beta": 1, "eta": Rational(3, 2), "rho": 1}, (3,), Quadratic(1)),
    notes="attained for every κ by ½βw²",
)
_level = beta * large_radius**2 / 2
_energy = beta * distance**2 / 2
LOSS_LARGE_STEPS = DISTANCE_LARGE_STEPS.with_(
    slug="sc-1d-large-steps-worst-case.loss",
    unneeded={"convexity": "α·dist ≤ |L'| ≤ β·dist from the interval of minima is enough, see the derivation"},
    relations=(
        Related("compares", "sc-sam-limsup-improved.limsup", "in one dimension the condition number drops out"),
    ),
    title="limsup L − L* ≤ βρ²s²/(2(2−s)²) for 1 ≤ s < 2 in one dimension, whatever κ",
    where={C: _level},
    claim=Limit(gap(w), C, "limsup", "<="),
    proof=(
        *large_steps,
        AbsorbingLevel(large_rate, _level, ("level",), potential=_energy, below_by=("descent lemma: w_star -> w",)),
    ),
)

# --- C3: losses that approach the constants ----------------------------------------------------------------------
mu, c, steeper = sp.symbols("mu c steeper", positive=True)
_x = sp.Symbol("w1", real=True)


def _one_variable(loss: sp.Expr, **dimensions: Dimension) -> Expression:
    """A loss of one variable with the minimiser 0."""
    found = Expression(loss, [_x], facts=Facts(minimum=0, minimisers=((0,),)))
    found.dimensions = {"beta": CURVATURE, "mu": CURVATURE, **dimensions}
    return found


#: Near and far point of a 2-cycle (near, −far) of SAM; far = sρ − (1−s)·near, since the slope is β right of 0.
near, far = sp.symbols("near far", positive=True)
lengths = {"near": LENGTH, "far": LENGTH}
h = eta * mu
radius = (far + (1 - s) * near) / s

#: The gradient has slope β right of 0 and slope μ left of it: near = ημρ − (1−ημ)·far.
two_slopes = _one_variable(beta * sp.Max(0, _x) ** 2 / 2 + mu * sp.Min(0, _x) ** 2 / 2)
two_mu = (near + far) / (eta * (rho + far))
two_far = rho * (s - h + s * h) / (h + s - s * h)
TWO_SLOPES = Theorem(
    slug="sc-1d-exact-worst-case.two-slopes",
    title="With slope β right of 0 and μ left of it SAM has a 2-cycle (near, −far) for all 0 < near < far",
    unneeded={"near < far": "it only says which point is the farther one; the orbit exists for every order of them"},
    without={
        "beta*eta <= 1": Instance({"beta": 3, "eta": 1, "near": 1, "far": 2, "mu": Rational(3, 2), "rho": 0}, (1,))
    },
    source=NEW,
    rule=sam,
    loss=two_slopes,
    hypotheses=(s <= 1, near < far, Eq(mu, two_mu), Eq(rho, radius)),
    claim=Cycle(((near,), (-far,)), ((1 - s) * (1 - h),), stable=True),
    dimensions=lengths,
    tightness="exact",
    notes="a member of the class with μ ≥ α: the gradient rises with slopes between μ and β",
)
TWO_SLOPES_FAR = TWO_SLOPES.with_(
    slug="sc-1d-exact-worst-case.two-slopes-far",
    title="Its far point is ρ(s−ημ+sημ)/(s+ημ−sημ), which is ρ(κ−1+s)/(κ+1−s) for μ = α",
    unneeded={"near < far": "the formula is an identity"},
    hypotheses=(s <= 1, near < far),
    claim=Identity(far, two_far.subs(mu, two_mu).subs(rho, radius)),
    notes="",
)
TWO_SLOPES_LIMIT = TWO_SLOPES.with_(
    slug="sc-1d-exact-worst-case.two-slopes-limit",
    title="The far point tends to ρs as μ decreases to β/(1+s)",
    hypotheses=(),
    claim=Limit(two_far.subs(mu, (1 + steeper) * beta / (1 + s)), rho * s, variable=steeper, to=sp.S.Zero),
    dimensions={"steeper": NUMBER},
    notes="",
)
#: Slope β right of −c and slope μ left of it, c = sρ.
three_slopes = _one_variable(beta * _x**2 / 2 + (mu - beta) * sp.Min(0, _x + c) ** 2 / 2, c=LENGTH)
three_mu = (near + far - s * c) / (eta * (rho + far - c))
three_near = rho * (h - s * (1 - s)) / (h + s - s * h)
three_far = s * rho - (1 - s) * three_near
THREE_SLOPES = TWO_SLOPES.with_(
    slug="sc-1d-exact-worst-case.three-slopes",
    title="With slope β up to distance sρ left of 0 and μ beyond it SAM has a 2-cycle (near, −far), far < sρ",
    unneeded={
        "near < far": "it only says which point is the farther one; the orbit exists for every order of them",
        "beta*eta < 1": "the orbit exists for larger steps, too, as long as near and far are positive",
    },
    loss=three_slopes,
    hypotheses=(s < 1, near < far, Eq(mu, three_mu), Eq(c, s * rho), Eq(rho, radius)),
    claim=Cycle(((near,), (-far,))),
)
THREE_SLOPES_LOSS = THREE_SLOPES.with_(
    slug="sc-1d-exact-worst-case.three-slopes-far",
    title="Its far point is sρ − (1−s)·near, near = ρ(ημ−s(1−s))/(s+ημ−sημ)",
    unneeded={"near < far": "the formula is an identity"},
    hypotheses=(s < 1, near < far),
    claim=Identity(far, three_far.subs(mu, three_mu).subs(c, s * rho).subs(rho, radius)),
    notes="",
)
THREE_SLOPES_LIMIT = THREE_SLOPES.with_(
    slug="sc-1d-exact-worst-case.three-slopes-limit",
    unneeded={"beta*eta < 1": "the formula has this limit for every s; only for s < 1 is its μ positive"},
    relations=(
        Related("compares", "sc-sam-limsup-improved.limsup", "its level s²/2 is approached in the window of κ"),
    ),
    title="The loss at the far point tends to βρ²s²/2 as μ decreases to (1−s)β",
    hypotheses=(s < 1,),
    claim=Limit(
        beta * three_far.subs(mu, (1 + steeper) * (1 - s) * beta) ** 2 / 2, loss_level, variable=steeper, to=sp.S.Zero
    ),
    dimensions={"steeper": NUMBER},
    notes="",
)

THEOREMS = declared(globals())
