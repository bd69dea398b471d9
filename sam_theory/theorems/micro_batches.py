"""SAM on batches of one and m-SAM, on two quadratics with different centres.  Derived here."""

from __future__ import annotations

import sympy as sp
from sympy import Max, Rational

from sam_theory.arithmetic import CURVATURE, LENGTH, coordinate, norm
from sam_theory.losses import Facts, FiniteSum
from sam_theory.rules import expected, m_sam, stochastic_sam
from sam_theory.theorems._claims import Cycle, Envelope, Identity, Stability, Threshold
from sam_theory.theorems._proof import GeometricSum
from sam_theory.theorems._sources import NEW
from sam_theory.theorems._symbols import eta, lam, rho, t, w, w_next, w_start
from sam_theory.theorems._theorem import Instance, Mutant, Theorem, declared
from sam_theory.theorems.wen2023 import radius

c = sp.Symbol("c", positive=True)
u = sp.Symbol("u", real=True)
s = eta * lam
#: ½λ(u−c)² and ½λ(u+c)²: the mean is ½λ(u²+c²), whose minimiser is 0.
TWO_CENTRES = FiniteSum(
    [lam * (u - c) ** 2 / 2, lam * (u + c) ** 2 / 2],
    [u],
    name="mean of λ(u-c)²/2 and λ(u+c)²/2",
    facts=Facts(alpha=lam, beta=lam, minimum=lam * c**2 / 2, minimisers=((0,),)),
    dimensions={"lam": CURVATURE, "c": LENGTH},
)
here = coordinate(w)
#: Said where the claim does not speak of c.
apart = sp.Gt(c, 0, evaluate=False)
q = sp.Symbol("q", real=True)

MICRO_INSIDE = Theorem(
    slug="m-sam-two-centres.inside",
    title="Between the centres the ascents of the two samples cancel: m-SAM is gradient descent, whatever ρ",
    source=NEW,
    rule=m_sam(2, 1),
    loss=TWO_CENTRES,
    claim=Identity(coordinate(w_next), (1 - s) * here, given=(-c < here, here < c)),
    tightness="exact",
)
MICRO_OUTSIDE = MICRO_INSIDE.with_(
    slug="m-sam-two-centres.outside",
    title="Outside of them the ascents agree, and m-SAM is SAM on the mean",
    claim=Identity(coordinate(w_next), (1 - s) * here - s * rho, given=(c < here,)),
)
FULL_STEP = MICRO_INSIDE.with_(
    slug="m-sam-two-centres.full-batch",
    title="The full batch as one micro-batch is SAM, with its 2-cycle ±r however far the centres are apart",
    rule=m_sam(2, 2),
    hypotheses=(rho > 0, s < 2, apart),
    claim=Cycle(((radius,), (-radius,)), ((1 - s) ** 2,), stable=True),
)
MICRO_CYCLE = MICRO_INSIDE.with_(
    slug="m-sam-two-centres.cycle",
    title="The 2-cycle ±r of SAM, r = ηλρ/(2−ηλ), survives in m-SAM if the centres are nearer than r",
    unneeded={"rho > 0": "it follows from 0 < c < ηλρ/(2−ηλ)"},
    hypotheses=(rho > 0, s < 2, c < radius),
    claim=Cycle(((radius,), (-radius,)), ((1 - s) ** 2,), stable=True),
    mutants=(Mutant("centres farther apart", hypotheses=(rho > 0, s < 2, radius < c)),),
    notes="only if: beyond, see m-sam-two-centres.converges; below, the minimiser attracts too",
)
MICRO_MINIMUM = MICRO_INSIDE.with_(
    slug="m-sam-two-centres.minimum",
    title="The minimiser of the mean is a fixed point of m-SAM, linearly stable iff η < 2/λ",
    hypotheses=(apart,),
    claim=Threshold(Stability((sp.S.Zero,)), eta, 2 / lam),
)
contraction = Max(1 - s, s - 1, s - 1 + s * rho / c)
MICRO_CONVERGES = MICRO_INSIDE.with_(
    slug="m-sam-two-centres.converges",
    title="For centres farther apart than the cycle, c > r, m-SAM converges linearly to the minimiser from every start",
    unneeded={
        "eta*lam < 2": "for every η a step multiplies |w| by at most q; only for ηλ < 2 can q be below 1",
        "eta*lam*rho/(-eta*lam + 2) < c": "the bound holds for every c > 0; only beyond the cycle is q < 1",
    },
    hypotheses=(s < 2, radius < c),
    where={q: contraction},
    claim=Envelope(norm(w), q**t * norm(w_start)),
    proof=(GeometricSum(contraction),),
    tightness="tight",
    attained_by=Instance({"lam": 1, "c": 1, "eta": Rational(1, 2), "rho": 1}, (Rational(1, 2),)),
    notes="attained between the centres, where the step is that of gradient descent",
)
MEAN_STEP = MICRO_INSIDE.with_(
    slug="m-sam-two-centres.mean-of-batch-one",
    title="The mean of one step of SAM with batches of one is the step of m-SAM",
    rule=expected(stochastic_sam(2)),
    claim=Identity(coordinate(w_next), (1 - s) * here - s * rho * (sp.sign(here - c) + sp.sign(here + c)) / 2),
)

THEOREMS = declared(globals())
