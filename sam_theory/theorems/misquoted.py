"""How results on SAM and USAM are commonly quoted, and false: each must fall to a witness of small rationals."""

from __future__ import annotations

from typing import Any

import sympy as sp

from sam_theory.arithmetic import norm, value
from sam_theory.losses import Quadratic, StronglyConvex
from sam_theory.rules import sam, usam
from sam_theory.theorems._claims import AlmostEvery, Envelope, Inequality, Limit, Stability, Threshold
from sam_theory.theorems._sources import source
from sam_theory.theorems._symbols import alpha, beta, eta, gap, lam, rho, t, w, w_next, w_start
from sam_theory.theorems._theorem import Theorem, declared
from sam_theory.theorems.dai2023 import B, contraction, neighbourhood, q, s

QUOTED: dict[str, Any] = {
    "source": source("derived", "commonly quoted; false"),
    "status": "quoted",
    "expected": "refuted",
}

FALSE_BETA_SQUARED = Theorem(
    slug="sc-sam-neighbourhood-beta2",
    title="The neighbourhood bound with β² in place of β³",
    rule=sam,
    loss=StronglyConvex(alpha, beta),
    hypotheses=(s <= 1,),
    where={q: contraction, B: neighbourhood / beta},
    claim=Envelope(gap(w), q**t * gap(w_start) + B),
    **QUOTED,
)
FALSE_RANGE = FALSE_BETA_SQUARED.with_(
    slug="sc-sam-neighbourhood-eta-2-over-beta",
    title="The neighbourhood bound for every η ≤ 2/β",
    hypotheses=(s < 2,),
    where={q: contraction, B: neighbourhood},
)
FALSE_THRESHOLD = Theorem(
    slug="usam-threshold-ignores-rho",
    title="The minimum of ½βw² is linearly stable for USAM iff η < 2/β, whatever ρ",
    rule=usam,
    loss=Quadratic(beta),
    hypotheses=(rho > 0,),
    claim=Threshold(Stability((sp.S.Zero,)), eta, 2 / beta),
    **QUOTED,
)
FALSE_DESCENT = Theorem(
    slug="sam-descends",
    title="SAM with η ≤ 1/β never increases a strongly convex smooth loss",
    rule=sam,
    loss=StronglyConvex(alpha, beta),
    hypotheses=(s <= 1,),
    claim=Inequality(value(w_next), value(w)),
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
    **QUOTED,
)

THEOREMS = declared(globals())
