"""SAM on ½λw² with schedules of step size and radius, after Khanh et al. (arXiv 2401.08060).

At step k the step size is η(k+1)^(−a) and the radius ρ(k+1)^(−b).  Off 0 one step depends on the two numbers of that
step alone; w → 0 iff their product tends to 0, as long as the steps add up to infinity.
"""

from __future__ import annotations

from dataclasses import replace

import sympy as sp
from sympy import Abs, Max, Min, Rational, sqrt

from sam_theory.arithmetic import NUMBER, norm
from sam_theory.losses import Quadratic
from sam_theory.rules import Rule, sam, scheduled_sam
from sam_theory.theorems._claims import Envelope, Identity, Inequality, Limit, OrbitsAvoiding
from sam_theory.theorems._proof import MOVING, AffineLowerRecursion, Step
from sam_theory.theorems._relations import Related
from sam_theory.theorems._schedules import FadingLevel, step_number
from sam_theory.theorems._sources import KHANH
from sam_theory.theorems._symbols import eta, lam, rho, t, w, w_next, w_start
from sam_theory.theorems._theorem import Instance, Mutant, Theorem, declared

s = eta * lam
k = step_number
HALF = Rational(1, 2)
off_zero = OrbitsAvoiding("zero gradient")


def powers(eta_decay: sp.Rational | int, rho_decay: sp.Rational | int) -> Rule:
    """SAM with η(k+1)^(−eta_decay) and ρ(k+1)^(−rho_decay)."""
    return scheduled_sam.fix(eta_decay=eta_decay, rho_decay=rho_decay)


# --- one step ------------------------------------------------------------------------------------------------
STEP = Theorem(
    slug="sam-schedules-quadratic.step",
    title="Off 0 a step of SAM on ½λw² maps |w| to |(1−ηλ)|w| − ηλρ|, η and ρ those of the step",
    source=KHANH,
    rule=sam,
    loss=Quadratic(lam),
    claim=Identity(norm(w_next), Abs((1 - s) * norm(w) - s * rho), given=MOVING),
    tightness="exact",
)
SUFFICIENT = STEP.with_(
    slug="sam-schedules-quadratic.sufficient",
    title="For ηλ ≤ 1 a step gives |w⁺| ≤ max((1−ηλ)|w|, ηλρ)",
    hypotheses=(s <= 1,),
    claim=Inequality(norm(w_next), Max((1 - s) * norm(w), s * rho)),
    tightness="",
    notes="so w → 0 if η_kρ_k → 0 and Ση_k = ∞, by the argument of the lemma 'fading level'",
    mutants=(
        Mutant("radius*9/10", Inequality(norm(w_next), Max((1 - s) * norm(w), s * rho * Rational(9, 10)))),
        Mutant("factor*9/10", Inequality(norm(w_next), Max(Rational(9, 10) * (1 - s) * norm(w), s * rho))),
    ),
)
NECESSARY = STEP.with_(
    slug="sam-schedules-quadratic.necessary",
    title="Off 0, for ηλ ≤ 1, a step gives ηλρ ≤ |w⁺| + |w|",
    unneeded={"eta*lam <= 1": "for ηλ > 1 it follows from |w⁺| = ηλρ + (ηλ−1)|w|"},
    hypotheses=(s <= 1,),
    claim=Inequality(s * rho, norm(w_next) + norm(w), given=MOVING),
    tightness="",
    notes="so w → 0 only if η_kρ_k → 0, on orbits off 0",
    mutants=(Mutant("radius*101/100", Inequality(s * rho * Rational(101, 100), norm(w_next) + norm(w), given=MOVING)),),
)

# --- power laws ------------------------------------------------------------------------------------------------
FADING_RADIUS = Theorem(
    slug="sam-schedules-quadratic.fading-radius",
    title="With ρ_k = ρ/√(k+1) and a fixed η SAM converges to the minimiser",
    source=KHANH,
    rule=powers(0, HALF),
    loss=Quadratic(lam),
    hypotheses=(s <= 1,),
    without={s <= 1: Instance({"lam": 1, "eta": 2, "rho": 0}, (1,))},
    claim=Limit(norm(w), sp.S.Zero),
    proof=(FadingLevel(speed=s, level=s * rho / sqrt(k + 1), pace=s, bound=s * rho, power=HALF),),
    mutants=(Mutant("monotonically", Envelope(norm(w), norm(w_start))),),
    notes="exact witnesses against limits follow no orbit that the schedule moves: the mutant denies the transient",
)
FADING_STEP = FADING_RADIUS.with_(
    slug="sam-schedules-quadratic.fading-step",
    title="With η_k = η/√(k+1) and a fixed ρ SAM converges to the minimiser",
    rule=powers(HALF, 0),
    hypotheses=(),
    proof=(
        FadingLevel(speed=s / sqrt(k + 1), level=s * rho / sqrt(k + 1), pace=s, bound=s * rho, power=HALF, after=s**2),
    ),
)
HARMONIC_STEP = FADING_RADIUS.with_(
    slug="sam-schedules-quadratic.harmonic-step",
    title="With η_k = η/(k+1) and a fixed ρ SAM converges to the minimiser",
    rule=powers(1, 0),
    hypotheses=(),
    proof=(FadingLevel(speed=s / (k + 1), level=s * rho / (k + 1), pace=s, bound=s * rho, power=sp.S.One, after=s),),
)
STAYS_AWAY = FADING_RADIUS.with_(
    slug="sam-schedules-quadratic.constant-product",
    title="With η_k = η/√(k+1) and ρ_k = ρ√(k+1), limsup |w| ≥ ηλρ/2 on every orbit off 0",
    rule=powers(HALF, -HALF),
    hypotheses=(),
    claim=Limit(norm(w), s * rho / 2, "limsup", ">="),
    starts=off_zero,
    proof=(AffineLowerRecursion(sp.S.One, s * rho),),
    tightness="",
    mutants=(Mutant("offset*101/100", Inequality(s * rho * Rational(101, 100), norm(w_next) + norm(w), given=MOVING)),),
    notes="the limit is ηλρ/2; exact witnesses follow no orbit that the schedule moves: the mutant is of the recursion",
)
# --- tracking ---------------------------------------------------------------------------------------------------
tracked, margin = s * rho / (2 - s), Min(s, 2 - s)
r = sp.Symbol("r", real=True)
off_track, off_track_next = Abs((k + 1) * norm(w) - r), Abs((k + 1) * norm(w_next) - r)
CONTRACTION = Theorem(
    slug="sam-schedules-quadratic.tracking-step",
    title="With ρ_k = ρ/(k+1) a step contracts |(k+1)|w| − ηλρ/(2−ηλ)| by |1−ηλ|, but for the change of k",
    source=KHANH,
    rule=powers(0, 1),
    loss=Quadratic(lam, dimension=None),
    hypotheses=(sp.Ne(s, 2),),
    where={r: tracked},
    dimensions={"k": NUMBER},
    claim=Inequality(off_track_next, Abs(1 - s) * off_track, given=MOVING),
    mutants=(
        Mutant("r*101/100", where={r: tracked * Rational(101, 100)}),
        Mutant("r*99/100", where={r: tracked * Rational(99, 100)}),
        Mutant("factor*99/100", Inequality(off_track_next, Rational(99, 100) * Abs(1 - s) * off_track, given=MOVING)),
    ),
)
TRACKING = CONTRACTION.with_(
    slug="sam-schedules-quadratic.tracking",
    relations=(Related("uses", CONTRACTION.slug, "for ηλ < 2, where there is a cycle to track"),),
    title="With ρ_k = ρ/(k+1) and a fixed η < 2/λ the orbit tracks its cycle: (t+1)|w_t| → ηλρ/(2−ηλ)",
    hypotheses=(s < 2,),
    claim=Limit(Abs((t + 1) * norm(w) - r), sp.S.Zero),
    starts=off_zero,
    mutants=(Mutant("r*101/100", CONTRACTION.claim, {r: tracked * Rational(101, 100)}),),
    tightness="exact",
    notes="exact witnesses follow no orbit that the schedule moves: the mutant is of the contraction",
    proof=(
        Step("contraction", CONTRACTION.claim),
        FadingLevel(
            speed=margin / 2,
            level=2 * tracked / (margin * (k + 1)),
            pace=margin / 2,
            bound=2 * tracked / margin,
            power=sp.S.One,
            after=2 / margin,
            moving=True,
            using=("contraction",),
        ),
    ),
)

FALSE = STEP.with_(
    slug="sam-schedules-quadratic-every-orbit",
    relations=(
        Related("corrected by", "sam-schedules-quadratic.necessary", "an orbit may hit 0 exactly and stay there"),
    ),
    title="With constant η ≤ 1/λ and ρ > 0 every orbit stays away: limsup |w| ≥ ηλρ/2",
    source=replace(KHANH, text="derived here; false without w_k ≠ 0", tag="new"),
    hypotheses=(s <= 1, rho > 0),
    claim=Limit(norm(w), s * rho / 2, "limsup", ">="),
    candidate=Instance({"lam": 1, "eta": HALF, "rho": 1}, (1,)),
    status="quoted",
    expected="refuted",
    tightness="",
    notes="from w = 1 at λ = ρ = 1, η = 1/2 the first step ends at 0 exactly, where the gradient vanishes",
)

THEOREMS = declared(globals())
