"""SAM's 2-cycle at an isolated minimum, new here: where its centre lies, and how its amplitude changes.

L is smooth with a nondegenerate minimum at 0, λ = λ₁ its simple top eigenvalue with eigenvector e₁, ηλ < 2, and
r = ηλρ/(2−ηλ) the radius on the quadratic.  The terms of L that count are written out: T_j = ∇³L[e₁,e₁,e_j],
Q = ∇⁴L[e₁,e₁,e₁,e₁].
"""

from __future__ import annotations

import sympy as sp

from sam_theory.arithmetic import coordinate, norm
from sam_theory.losses import Expression
from sam_theory.rules import sam
from sam_theory.theorems._claims import Asymptotic
from sam_theory.theorems._sources import NEW
from sam_theory.theorems._symbols import eta, lam, rho, w, w_next
from sam_theory.theorems._theorem import Theorem, declared
from sam_theory.theorems.wen2023 import lam_j, radius, transverse

T, T_j, Q = sp.symbols("T T_j Q", real=True)
u, v = sp.symbols("u v", real=True)
two, zero = sp.Integer(2), sp.S.Zero
#: r + ρ: how far from 0 the gradient is taken
reach = radius + rho

line = Expression(lam * u**2 / 2 + T * u**3 / 6 + Q * u**4 / 24, ["u"], name="λu²/2 + Tu³/6 + Qu⁴/24")
plane = Expression(
    lam * u**2 / 2 + lam_j * v**2 / 2 + T * u**3 / 6 + T_j * u**2 * v / 2,
    ["u", "v"],
    name="λu²/2 + λ_jv²/2 + Tu³/6 + T_ju²v/2",
)
horizon = 40 / (eta * lam * (2 - eta * lam))

CENTRE = Theorem(
    slug="isolated-min-cycle-correction.one-dimension",
    title="At a minimum with L''' = T the 2-cycle of SAM is centred at −T(r+ρ)²/(2λ)",
    source=NEW,
    rule=sam,
    loss=line,
    hypotheses=(eta * lam < 2, sp.Ne(T, 0)),
    claim=Asymptotic(coordinate(w + w_next) / 2, -T * reach**2 / (2 * lam), rho, two, (radius,), horizon),
    tightness="exact",
)
AMPLITUDE = CENTRE.with_(
    slug="isolated-min-cycle-amplitude",
    title="Its half-amplitude is r − η(r+ρ)³(3T²−λQ)/(6λ(2−ηλ)): smaller than on the quadratic iff GD's flip is "
    "supercritical",
    hypotheses=(eta * lam < 2, sp.Ne(3 * T**2, lam * Q)),
    claim=Asymptotic(
        norm(w - w_next) / 2 - radius,
        -eta * reach**3 * (3 * T**2 - lam * Q) / (6 * lam * (2 - eta * lam)),
        rho,
        two,
        (radius,),
        horizon,
    ),
)
spectral_gap = 1 - transverse**2
TOP = CENTRE.with_(
    slug="isolated-min-cycle-correction.top",
    title="In the direction of λ₁ the centre of the 2-cycle is −T₁(r+ρ)²/(2λ₁) in any dimension",
    loss=plane,
    hypotheses=(eta * lam < 2, lam_j < lam, sp.Ne(T, 0)),
    claim=Asymptotic(
        coordinate(w + w_next) / 2, -T * reach**2 / (2 * lam), rho, two, (radius, zero), horizon + 40 / spectral_gap
    ),
)
ACROSS = TOP.with_(
    slug="isolated-min-cycle-correction.across",
    title="In the direction of λ_j it is −(T_j/2λ_j)((r+ρ)²+λ_jρr/λ₁)/(1+ρλ_j/(λ₁r))",
    hypotheses=(eta * lam < 2, lam_j < lam, sp.Ne(T_j, 0)),
    claim=Asymptotic(
        coordinate(w + w_next, 1) / 2,
        -T_j / (2 * lam_j) * (reach**2 + lam_j * rho * radius / lam) / (1 + rho * lam_j / (lam * radius)),
        rho,
        two,
        (radius, zero),
        horizon + 40 / spectral_gap,
    ),
)
RADIUS = TOP.with_(
    slug="isolated-min-cycle-correction.amplitude",
    title="Its half-amplitude is r(1+O(ρ²))",
    hypotheses=(eta * lam < 2, lam_j < lam),
    claim=Asymptotic(norm(w - w_next) / 2, radius, rho, two, (radius, zero), horizon + 40 / spectral_gap),
)
THEOREMS = declared(globals())
