"""How results on SAM and USAM are commonly quoted, or tempting to extend, and false: each must fall to a witness."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import sympy as sp
from sympy import Rational

from sam_theory.arithmetic import norm, value
from sam_theory.losses import Quadratic, StronglyConvex
from sam_theory.rules import sam, usam
from sam_theory.theorems._claims import AlmostEvery, Cycle, Envelope, Inequality, Limit, Stability, Threshold
from sam_theory.theorems._data import DataPoint, InterpolationData
from sam_theory.theorems._relations import Related
from sam_theory.theorems._sources import NEW, source
from sam_theory.theorems._symbols import alpha, beta, eta, gap, lam, rho, t, w, w_next, w_star, w_start
from sam_theory.theorems._theorem import Instance, Theorem, declared
from sam_theory.theorems.dai2023 import B, contraction, neighbourhood, q, s
from sam_theory.theorems.quadratics import other as r_j
from sam_theory.theorems.wen2023 import lam_j, zero
from sam_theory.theorems.worst_cases import FARTHER, square
from sam_theory.theorems.worst_cases import rate as worst_rate

FALSE: dict[str, Any] = {"status": "quoted", "expected": "refuted"}
QUOTED: dict[str, Any] = {"source": source("derived", "commonly quoted; false"), **FALSE}


def corrected(by: str, what_is_wrong: str) -> tuple[Related, ...]:
    """What is right instead, and what is wrong here."""
    return (Related("corrected by", by, what_is_wrong),)


FALSE_BETA_SQUARED = Theorem(
    slug="sc-sam-neighbourhood-beta2",
    title="The neighbourhood bound with β² in place of β³",
    rule=sam,
    loss=StronglyConvex(alpha, beta),
    hypotheses=(s <= 1,),
    where={q: contraction, B: neighbourhood / beta},
    claim=Envelope(gap(w), q**t * gap(w_start) + B),
    relations=corrected("sc-sam-neighbourhood", "β² for β³: a loss is compared with a loss over a curvature"),
    **QUOTED,
)
FALSE_RANGE = FALSE_BETA_SQUARED.with_(
    slug="sc-sam-neighbourhood-eta-2-over-beta",
    title="The neighbourhood bound for every η ≤ 2/β",
    hypotheses=(s < 2,),
    where={q: contraction, B: neighbourhood},
    relations=(
        *corrected("sc-sam-limsup-improved.rate", "the range η ≤ 2/β: this constant holds for η ≤ 1/β alone"),
        *corrected("sc-sam-neighbourhood-fails-beyond-inverse-beta", "by how much it fails beyond 1/β"),
    ),
)
FALSE_THRESHOLD = Theorem(
    slug="usam-threshold-ignores-rho",
    title="The minimum of ½βw² is linearly stable for USAM iff η < 2/β, whatever ρ",
    rule=usam,
    loss=Quadratic(beta),
    hypotheses=(rho > 0,),
    claim=Threshold(Stability((sp.S.Zero,)), eta, 2 / beta),
    relations=corrected("usam-sharp-threshold-convex.threshold", "ρ is left out: the threshold is 2/(β+ρβ²)"),
    **QUOTED,
)
FALSE_DESCENT = Theorem(
    slug="sam-descends",
    title="SAM with η ≤ 1/β never increases a strongly convex smooth loss",
    rule=sam,
    loss=StronglyConvex(alpha, beta),
    hypotheses=(s <= 1,),
    claim=Inequality(value(w_next), value(w)),
    relations=corrected("sc-sam-limsup-improved.decrease", "SAM descends only where ‖g‖ > βρs/(2−s)"),
    **QUOTED,
)
FALSE_CONVERGENCE = Theorem(
    slug="sam-converges-fixed-rho",
    title="SAM with constant ρ > 0 converges to the minimiser of a quadratic for η < 1/β",
    rule=sam,
    loss=Quadratic(lam),
    hypotheses=(eta * lam < 1, rho > 0),
    claim=Limit(norm(w), sp.S.Zero),
    starts=AlmostEvery(("w = 0",)),
    relations=corrected(
        "sam-1d-two-cycle.attracts", "it tends to the 2-cycle of radius ηλρ/(2−ηλ), not to the minimiser"
    ),
    **QUOTED,
)

FALSE_CYCLES = Theorem(
    slug="sam-cycle-any-eigenvector",
    title="Every 2-cycle ±r_i e_i of SAM on a quadratic is linearly stable",
    rule=sam,
    loss=Quadratic(lam, lam_j),
    hypotheses=(rho > 0, eta * lam < 2, eta * lam_j < 2),
    claim=Cycle(((zero, r_j), (zero, -r_j)), stable=True),
    candidate=Instance({"lam": 2, "lam_j": 1, "eta": Rational(1, 2), "rho": 3}, ()),
    source=replace(NEW, text="derived here; a tempting reading of the radius formula, false"),
    relations=corrected("quad-cycle-jacobian.others", "only the cycle of the largest eigenvalue is linearly stable"),
    **FALSE,
)
#: A 2-cycle of SAM at ρ = 1 in the plane: w1 → w2 → w1, with the ascent points p1 and p2.
FALSE_EVERY_DIMENSION = Theorem(
    slug="sc-sam-limsup-s2-over-2-every-d",
    title="In every dimension limsup L − L* ≤ βρ²s²/2 for s ≤ 1, κ ≥ 1/(1−s)",
    rule=sam,
    loss=StronglyConvex(alpha, beta),
    hypotheses=(s <= 1, alpha <= beta * (1 - s)),
    where={B: eta**2 * beta**3 * rho**2 / 2},
    claim=Limit(gap(w), B, "limsup", "<="),
    candidate=InterpolationData(
        {"alpha": "1/1000", "beta": 1, "eta": "3/10", "rho": 1},
        (
            DataPoint.of("w1", ["-49/8", 0], ["-3/226", "56/565"], "1/20"),
            DataPoint.of("p1", ["-5657/904", "112/113"], ["-1/40", "21/20"], "5/8"),
            DataPoint.of("w2", ["-2447/400", "-63/200"], ["-4/401", "-399/4010"], "1/20"),
            DataPoint.of("p2", ["-997247/160400", "-105063/80200"], ["1/40", "-21/20"], "5/8"),
            DataPoint.of("w_star", [0, 0], [0, 0], 0),
        ),
        "w1",
    ),
    source=replace(NEW, text="derived here; true in one dimension, false in two"),
    relations=corrected("sc-sam-limsup-improved.limsup", "true in one dimension alone; this holds in every dimension"),
    **FALSE,
)

FALSE_DISTANCE = Theorem(
    slug="usam-distance-quadratic-everywhere",
    title="One step of USAM contracts the distance as on the worst quadratic, whatever ρ",
    rule=usam,
    loss=StronglyConvex(alpha, beta),
    where={q: worst_rate},
    claim=Inequality(square(w_next - w_star), q * square(w - w_star)),
    candidate=FARTHER,
    source=replace(NEW, text="derived here; true for ρ(β−α) ≤ 1, false beyond"),
    relations=corrected("usam-worst-case-distance.one-step", "ρ(β−α) ≤ 1 is left out"),
    **FALSE,
)

THEOREMS = declared(globals())
