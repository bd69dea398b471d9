"""SAM on strongly convex losses, new here: absorbing levels of the loss for every step size below 2/β."""

from __future__ import annotations

import sympy as sp
from sympy import Max, Min, Rational

from sam_theory.arithmetic import dot, grad, norm, value
from sam_theory.losses import Quadratic, StronglyConvex
from sam_theory.rules import sam
from sam_theory.theorems._claims import Envelope, Inequality, Limit
from sam_theory.theorems._nonconvex import across_a_ridge, at_rest_beside_a_ridge
from sam_theory.theorems._proof import AbsorbingLevel, MaxRecursion, Step
from sam_theory.theorems._relations import Related
from sam_theory.theorems._sources import NEW
from sam_theory.theorems._symbols import alpha, beta, eta, gap, rho, t, w, w_next, w_start
from sam_theory.theorems._theorem import Instance, Mutant, Theorem, declared

s = eta * beta
b, c, q, C = sp.symbols("b c q C", real=True)
g, g_squared = norm(grad(w)), dot(grad(w), grad(w))
facts = ("descent lemma: w -> w_next", "cocoercivity: w, p1", "Cauchy-Schwarz: w, p1")

# --- C1 --------------------------------------------------------------------------------------------------
#: The gradient norm below which the loss may grow, and the level that the iterates do not leave.
edge = s * beta * rho / (2 - s)
level = Max(eta**2 * beta**3 * rho**2 / 2, eta**2 * beta**4 * rho**2 / (2 * alpha * (2 - s) ** 2))
rate = 1 - alpha * (2 - s) * Min(eta, 1 / beta)
growth, drop = eta**2 * beta**3 * rho**2 / 2, eta * (1 - s / 2)

ONE_STEP = Theorem(
    slug="sc-sam-limsup-improved.one-step",
    title="A step of SAM adds at most βρ²·inc(‖g‖/(βρ)) to the loss, for every η < 2/β",
    source=NEW,
    rule=sam,
    loss=StronglyConvex(alpha, beta),
    hypotheses=(s < 2,),
    where={b: growth, c: drop},
    claim=Inequality(value(w_next), value(w) - c * g_squared + Max(0, b - s * (1 - s) * rho * g)),
    proof=(
        Step(
            "one step",
            Inequality(value(w_next), value(w) - drop * g_squared + Max(0, growth - s * (1 - s) * rho * g)),
            facts,
        ),
    ),
    tightness="tight",
    attained_by=Instance({"alpha": 1, "beta": 1, "eta": Rational(1, 2), "rho": 1}, (Rational(1, 10),), Quadratic(1)),
    unneeded={s < 2: "the inequality holds for every η; only for ηβ < 2 does the gradient help"},
    without={"convexity": across_a_ridge("99/100", "1/5", ("8/5", "4/5"))},
)
one_step = ONE_STEP.proof[0]
DECREASE = ONE_STEP.with_(
    slug="sc-sam-limsup-improved.decrease",
    title="The loss decreases wherever ‖g‖ > βρs/(2−s)",
    where={b: edge},
    claim=Inequality(value(w_next), value(w), strict=True, given=(b < g,)),
    proof=(
        one_step,
        Step("decrease", Inequality(value(w_next), value(w), strict=True, given=(edge < g,)), ("one step",)),
    ),
    tightness="",
    attained_by=None,
    mutants=(Mutant("b*9/10", where={b: edge * Rational(9, 10)}),),
    without={"convexity": across_a_ridge("99/100", "1/5", ("8/5", "4/5"))},
    notes="sharp on ½βw² for s ≥ 1",
)
near = Step(
    "near the minimum",
    Inequality(gap(w_next), level, given=(g <= edge,)),
    ("one step", "Polyak-Lojasiewicz: w"),
)
far = Step(
    "far from it",
    Inequality(gap(w_next), gap(w) - Min(eta, 1 / beta) * (1 - s / 2) * (g_squared - edge**2), given=(edge <= g,)),
    ("one step",),
)
absorbing = ("near the minimum", "far from it", "Polyak-Lojasiewicz: w")
INVARIANT = ONE_STEP.with_(
    slug="sc-sam-limsup-improved.invariant",
    title="{L − L* ≤ C∞} is forward invariant",
    where={C: level},
    claim=Inequality(gap(w_next), C, given=(gap(w) <= C,)),
    proof=(
        one_step,
        near,
        far,
        Step("invariance", Inequality(gap(w_next), level, given=(gap(w) <= level,)), absorbing),
    ),
    attained_by=Instance({"alpha": 1, "beta": 1, "eta": Rational(3, 2), "rho": 1}, (3,), Quadratic(1)),
    without={"convexity": across_a_ridge("3/4", "1/16", ("17/10", "2/5"))},
    notes="attained at κ = 1, s ≥ 1",
)
LIMSUP = ONE_STEP.with_(
    slug="sc-sam-limsup-improved.limsup",
    title="limsup L − L* ≤ βρ²·max(s²/2, κs²/(2(2−s)²)), for every s = ηβ < 2",
    where={C: level},
    claim=Limit(gap(w), C, "limsup", "<="),
    proof=(one_step, near, far, AbsorbingLevel(rate, level, absorbing)),
    attained_by=Instance({"alpha": 1, "beta": 1, "eta": Rational(3, 2), "rho": 1}, (1,), Quadratic(1)),
    without={"convexity": at_rest_beside_a_ridge("1/100")},
    relations=(Related("replaces", "sc-sam-neighbourhood", "every η < 2/β, and O(η²) in place of O(η)"),),
    notes="attained at κ = 1, s ≥ 1; approached for 1/(1−s) ≤ κ ≤ (2−s)², see sc-1d-exact-worst-case; else open",
)
RATE = LIMSUP.with_(
    slug="sc-sam-limsup-improved.rate",
    title="What exceeds C∞ decays by 1 − α(2−s)·min(η, 1/β) in every step",
    where={q: rate, C: level},
    claim=Envelope(gap(w), C + q**t * Max(0, gap(w_start) - C)),
    tightness="upper",
    attained_by=None,
    mutants=(Mutant("C*99/100", where={q: rate, C: level * Rational(99, 100)}),),
    without={"convexity": across_a_ridge("3/4", "1/16", ("19/10", "1/2"))},
    notes="",
)

# --- C2 --------------------------------------------------------------------------------------------------
contraction = 1 - alpha * eta * (2 - s)
kappa_term = eta**2 * beta**4 * rho**2 / (8 * alpha * (1 - s) ** 2)
improved_term = eta**2 * beta**3 * rho**2 * (1 + (beta / alpha - 1) / (1 - s) ** 2) / 8
recursion = ("one step", "Polyak-Lojasiewicz: w")

NONASYMPTOTIC = ONE_STEP.with_(
    slug="sc-sam-nonasymptotic.envelope",
    title="L_t − L* ≤ max((1−αη(2−s))^t (L_0−L*), βρ²·max(s²/2, κs²/(8(1−s)²))) for s < 1",
    hypotheses=(s < 1,),
    where={q: contraction, C: Max(growth, kappa_term)},
    claim=Envelope(gap(w), Max(q**t * gap(w_start), C)),
    proof=(one_step, MaxRecursion(contraction, Max(growth, kappa_term), recursion)),
    tightness="upper",
    attained_by=None,
    mutants=(Mutant("C*9/10", where={q: contraction, C: Max(growth, kappa_term) * Rational(9, 10)}),),
    without={"convexity": across_a_ridge("3/5", "1/10", ("2/5", "9/5"))},
)
NONASYMPTOTIC_IMPROVED = NONASYMPTOTIC.with_(
    slug="sc-sam-nonasymptotic.improved",
    title="The same with (s²/8)(1+(κ−1)/(1−s)²) in place of κs²/(8(1−s)²)",
    where={q: contraction, C: Max(growth, improved_term)},
    proof=(one_step, MaxRecursion(contraction, Max(growth, improved_term), recursion)),
    mutants=(Mutant("C*9/10", where={q: contraction, C: Max(growth, improved_term) * Rational(9, 10)}),),
    without=NONASYMPTOTIC.without,
)

THEOREMS = declared(globals())
