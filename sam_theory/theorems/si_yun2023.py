"""SAM with the best constant step for T steps: L_T − L* is of order 1/T² up to logarithms, after Si & Yun (2023).

Their theorem texts were not at hand; both bounds are derived here.
"""

from __future__ import annotations

import sympy as sp
from sympy import Max, Rational, exp, log

from sam_theory.arithmetic import CURVATURE, NUMBER, norm
from sam_theory.losses import Quadratic
from sam_theory.theorems._claims import Envelope, Identity, Inequality, Limit
from sam_theory.theorems._nonconvex import across_a_ridge
from sam_theory.theorems._proof import MOVING, GeometricSum, MaxRecursion
from sam_theory.theorems._relations import Related
from sam_theory.theorems._sources import SI_YUN
from sam_theory.theorems._symbols import alpha, beta, eta, gap, rho, t, w, w_next, w_start
from sam_theory.theorems._theorem import Instance, Mutant, Theorem
from sam_theory.theorems.strongly_convex import NONASYMPTOTIC, C, one_step, q, recursion, s

T, excess, spread = sp.symbols("T excess spread", positive=True)
r = sp.Symbol("r", real=True)

# --- upper ---------------------------------------------------------------------------------------------------
level = eta**2 * beta**4 * rho**2 / (2 * alpha)
UPPER = NONASYMPTOTIC.with_(
    slug="si-yun-rate.envelope",
    relations=(Related("implied by", "sc-sam-nonasymptotic.envelope", "at the step log T/(αT)"),),
    title="For ηβ ≤ 1/2, L_t − L* ≤ max((1−αη)^t (L_0−L*), κβρ²(ηβ)²/2)",
    source=SI_YUN,
    hypotheses=(s <= Rational(1, 2),),
    where={q: 1 - alpha * eta, C: level},
    claim=Envelope(gap(w), Max(q**t * gap(w_start), C)),
    proof=(one_step, MaxRecursion(1 - alpha * eta, level, recursion)),
    mutants=(Mutant("C/10", where={q: 1 - alpha * eta, C: level / 10}),),
    without={"convexity": across_a_ridge("3/4", "1/64", ("17/10", "2/5"))},
)
horizon_step = 2 * log(T) / (alpha * T)
HORIZON_LEVEL = Theorem(
    slug="si-yun-rate.horizon-level",
    title="With η = 2 ln T/(αT) that level is 2κ³βρ² ln²T/T²",
    source=SI_YUN,
    rule=UPPER.rule,
    loss=Quadratic(beta),
    claim=Identity(level.subs(eta, horizon_step), 2 * beta**4 * rho**2 * log(T) ** 2 / (alpha**3 * T**2)),
    dimensions={"alpha": CURVATURE, "T": NUMBER},
    tightness="exact",
)
HORIZON_TRANSIENT = HORIZON_LEVEL.with_(
    slug="si-yun-rate.horizon-transient",
    title="and the transient is L_0 − L* over T²: T²(1−αη)^T → 1",
    claim=Limit(T**2 * exp(T * log(1 - 2 * log(T) / T)), sp.S.One, variable=T, to=sp.oo),
    expected="supported",
)

# --- lower ---------------------------------------------------------------------------------------------------
FLAT_RUN = Theorem(
    slug="si-yun-rate.flat-run",
    title="On ½αw², ηα < 2, |w_t| ≥ |1−ηα|^t(|w_0|+ρ) − ρ",
    source=SI_YUN,
    rule=UPPER.rule,
    loss=Quadratic(alpha),
    hypotheses=(eta * alpha < 2,),
    where={q: sp.Abs(1 - eta * alpha)},
    claim=Envelope(-norm(w) - rho, -(q**t) * (norm(w_start) + rho)),
    proof=(GeometricSum(sp.Abs(1 - eta * alpha)),),
    attained_by=Instance({"alpha": 1, "eta": Rational(1, 4), "rho": 1}, (1,), Quadratic(1)),
    without={eta * alpha < 2: Instance({"alpha": 1, "eta": 3, "rho": 1}, (0,))},
    tightness="tight",
    notes="so the flat run needs ηαT of order ln(1+|w_0|/ρ)",
    mutants=(Mutant("factor 1−99/100ηα", where={q: sp.Abs(1 - Rational(99, 100) * eta * alpha)}),),
)
STEEP_RUN = FLAT_RUN.with_(
    slug="si-yun-rate.steep-run",
    title="On ½βw², ηβ < 1, one of two successive iterates off 0 is at least ηβρ/(2−ηβ) away",
    loss=Quadratic(beta),
    hypotheses=(s < 1,),
    where={r: s * rho / (2 - s)},
    claim=Inequality(r, Max(norm(w), norm(w_next)), given=MOVING),
    proof=(),
    attained_by=None,
    mutants=(Mutant("r*101/100", where={r: Rational(101, 100) * s * rho / (2 - s)}),),
    notes="attained on the 2-cycle",
)
#: ln(1+|w_0|/ρ) is ``excess``, κ is 1 + ``spread``; the run of βw²/2 has T(1−1/κ) steps left when it first crosses 0.
_kappa = 1 + spread
_s = _kappa * excess / T
_residue = 1 - exp(T * (1 - 1 / _kappa) * log(1 - _s))
CONSTANT = FLAT_RUN.with_(
    slug="si-yun-rate.constant",
    title="With s = κΛ/T, T²·½β(sρ/(2−s)·(1−(1−s)^(T(1−1/κ))))² → ½β(½κΛρ(1−e^(−Λ(κ−1))))² as T → ∞",
    loss=Quadratic(beta),
    hypotheses=(excess > 1, excess < 3, spread > 1, spread < 10),
    where={},
    claim=Limit(
        T**2 * beta * (_s * rho / (2 - _s) * _residue) ** 2 / 2,
        beta * rho**2 * excess**2 * _kappa**2 * (1 - exp(-excess * spread)) ** 2 / 8,
        variable=T,
        to=sp.oo,
    ),
    proof=(),
    attained_by=None,
    dimensions={"T": NUMBER, "excess": NUMBER, "spread": NUMBER},
    tightness="exact",
    expected="supported",
    mutants=(),
    unneeded=dict.fromkeys(
        (excess > 1, excess < 3, spread > 1, spread < 10),
        "T·s/(2−s) → ½κΛ and (1−s)^(T(1−1/κ)) → e^(−Λ(κ−1)) for all Λ, κ−1 > 0; the range is that which floats resolve",
    ),
    notes="β³ρ² ln²(1+|w_0|/ρ)/(8α²)·(1−(1+|w_0|/ρ)^(1−κ))²; that no other η is better is simulated only; "
    "the ranges are those in which floats resolve the limit",
)

THEOREMS = (UPPER, HORIZON_LEVEL, HORIZON_TRANSIENT, FLAT_RUN, STEEP_RUN, CONSTANT)
