"""SAM on nonconvex Polyak–Łojasiewicz losses, new here: what a step adds, and the level that absorbs every orbit."""

from __future__ import annotations

from typing import Any

import sympy as sp
from sympy import Abs, Max, Rational

from sam_theory.arithmetic import dot, grad, norm, value
from sam_theory.losses import PolyakLojasiewicz, Quadratic
from sam_theory.rules import sam
from sam_theory.theorems._claims import Envelope, Inequality, Limit
from sam_theory.theorems._nonconvex import across_a_ridge
from sam_theory.theorems._proof import AbsorbingLevel, Step
from sam_theory.theorems._sources import NEW
from sam_theory.theorems._symbols import alpha, beta, eta, gap, rho, t, w, w_next, w_start
from sam_theory.theorems._theorem import Instance, Mutant, Theorem, declared

s = eta * beta
b, c, q, C = sp.symbols("b c q C", real=True)
g, g_squared = norm(grad(w)), dot(grad(w), grad(w))
facts = ("descent lemma: w -> w_next", "Lipschitz gradient: w, p1", "Cauchy-Schwarz: w, p1")

# --- A11 -------------------------------------------------------------------------------------------------
growth, drop, slope = eta**2 * beta**3 * rho**2 / 2, eta * (1 - s / 2), s * Abs(1 - s) * rho
one_step = Step("one step", Inequality(value(w_next), value(w) - drop * g_squared + slope * g + growth), facts)

ONE_STEP = Theorem(
    slug="pl-sam-limsup.one-step",
    title="On a smooth loss a step of SAM adds at most βρ²(s²/2 + s|1−s|G − s(1−s/2)G²), G = ‖g‖/(βρ)",
    unneeded={"beta*eta < 2": "the inequality holds for every η; only for ηβ < 2 does the gradient help"},
    source=NEW,
    rule=sam,
    loss=PolyakLojasiewicz(alpha, beta),
    hypotheses=(s < 2,),
    where={b: growth, c: drop},
    claim=Inequality(value(w_next), value(w) - c * g_squared + slope * g + b),
    proof=(one_step,),
    tightness="tight",
    attained_by=Instance({"alpha": 1, "beta": 1, "eta": Rational(3, 2), "rho": 1}, (1,), Quadratic(1)),
    notes="attained by ½βw² for s ≥ 1, and for s < 1 where the loss curves by −β uphill and by β downhill",
)


def _steps(edge: sp.Expr, speed: sp.Expr) -> tuple[Step, ...]:
    """Below the gradient norm ``edge`` the next gap is at most edge²/(2α); above it falls by speed·(‖g‖²−edge²)."""
    near = Inequality(gap(w_next), edge**2 / (2 * alpha), given=(g <= edge,))
    far = Inequality(gap(w_next), gap(w) - speed * (g_squared - edge**2), given=(edge <= g,))
    return (
        one_step,
        Step("near the minimum", near, ("one step", "Polyak-Lojasiewicz: w")),
        Step("far from it", far, ("one step",)),
    )


absorbing = ("near the minimum", "far from it", "Polyak-Lojasiewicz: w")
small_edge, large_edge = beta * rho, s * beta * rho / (2 - s)
small_level, large_level = small_edge**2 / (2 * alpha), large_edge**2 / (2 * alpha)
small_rate, large_rate = 1 - alpha * eta, 1 - alpha * (2 - s) / beta
small, large = (s <= 1,), (s >= 1, s < 2)


def _beyond(edge: sp.Expr) -> dict[str, Any]:
    """What a decrease beyond b = ``edge`` rests on, and a smaller edge, which is false."""
    return {
        "where": {b: edge},
        "proof": (
            one_step,
            Step("decrease", Inequality(value(w_next), value(w), strict=True, given=(edge < g,)), ("one step",)),
        ),
        "mutants": (Mutant("b*9/10", where={b: edge * Rational(9, 10)}),),
    }


DECREASE_SMALL = ONE_STEP.with_(
    slug="pl-sam-limsup.decrease-small",
    title="For s ≤ 1 the loss decreases wherever ‖g‖ > βρ",
    hypotheses=small,
    claim=Inequality(value(w_next), value(w), strict=True, given=(b < g,)),
    **_beyond(small_edge),
    tightness="",
    attained_by=None,
    notes="sharp: a loss that curves by −β uphill and by β downhill gains where ‖g‖ < βρ",
)
DECREASE_LARGE = DECREASE_SMALL.with_(
    slug="pl-sam-limsup.decrease-large",
    title="For 1 ≤ s < 2 the loss decreases wherever ‖g‖ > βρs/(2−s)",
    without={"beta*eta >= 1": across_a_ridge("99/100", "1/5", ("8/5", "4/5"))},
    hypotheses=large,
    **_beyond(large_edge),
    notes="sharp on ½βw²",
)
SMALL = ONE_STEP.with_(
    slug="pl-sam-limsup.small-steps",
    title="On nonconvex PL losses limsup L − L* ≤ βρ²κ/2 for s = ηβ ≤ 1",
    hypotheses=small,
    where={C: small_level},
    claim=Limit(gap(w), C, "limsup", "<="),
    proof=(*_steps(small_edge, eta / 2), AbsorbingLevel(small_rate, small_level, absorbing)),
    tightness="upper",
    mutants=(Mutant("C/2", where={C: small_level / 2}),),
    notes="attained at κ = s = 1; loose for small s",
    attained_by=Instance({"alpha": 1, "beta": 1, "eta": 1, "rho": 1}, (1,), Quadratic(1)),
)
SMALL_RATE = SMALL.with_(
    slug="pl-sam-limsup.small-steps-rate",
    title="What exceeds βρ²κ/2 decays by 1 − αη in every step",
    where={q: small_rate, C: small_level},
    claim=Envelope(gap(w), C + q**t * Max(0, gap(w_start) - C)),
    attained_by=None,
    mutants=(Mutant("C*9/10", where={q: small_rate, C: small_level * Rational(9, 10)}),),
    notes="",
)
LARGE = SMALL.with_(
    slug="pl-sam-limsup.large-steps",
    title="On nonconvex PL losses limsup L − L* ≤ βρ²κs²/(2(2−s)²) for 1 ≤ s < 2",
    hypotheses=large,
    where={C: large_level},
    proof=(*_steps(large_edge, (1 - s / 2) / beta), AbsorbingLevel(large_rate, large_level, absorbing)),
    tightness="tight",
    mutants=(),
    notes="attained at κ = 1 by ½βw²",
    attained_by=Instance({"alpha": 1, "beta": 1, "eta": Rational(3, 2), "rho": 1}, (1,), Quadratic(1)),
)
LARGE_RATE = LARGE.with_(
    slug="pl-sam-limsup.large-steps-rate",
    title="What exceeds that level decays by 1 − α(2−s)/β in every step",
    where={q: large_rate, C: large_level},
    claim=Envelope(gap(w), C + q**t * Max(0, gap(w_start) - C)),
    tightness="upper",
    attained_by=None,
    mutants=(Mutant("C*99/100", where={q: large_rate, C: large_level * Rational(99, 100)}),),
    notes="",
)

THEOREMS = declared(globals())
