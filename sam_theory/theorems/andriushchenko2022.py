"""Diagonal linear networks, β = u⊙u − v⊙v, after Andriushchenko & Flammarion (ICML 2022).

One feature with symbolic data: component i of a network depends on the others through s_i, s̃_i and a alone.  Data,
label and ρ leave these three free in an open set, so that a polynomial identity in them holds for every network.
Gaussian noise balances factors too (after Clara, Langer & Schmidt-Hieber, 2025).
"""

from __future__ import annotations

import sympy as sp

from sam_theory.arithmetic import coordinate, value
from sam_theory.losses import DiagonalNetwork, Expression
from sam_theory.rules import gd, sam, sam_flow, usam
from sam_theory.theorems._blocks import ascent
from sam_theory.theorems._claims import Identity, Inequality
from sam_theory.theorems._sources import AF, CLARA, NEW
from sam_theory.theorems._symbols import eta, rho, w, w_next
from sam_theory.theorems._theorem import Mutant, Theorem, declared

A1, b, s, s_up = sp.symbols("A1 b s s_ascent", real=True)
network = DiagonalNetwork([[A1]], [b])
u1, v1 = coordinate(w, 0), coordinate(w, 1)
product, product_next = u1 * v1, coordinate(w_next, 0) * coordinate(w_next, 1)
off_origin = (u1**2 + v1**2 > 0,)


def _slope(a: sp.Expr) -> sp.Expr:
    """s = Aᵀr where the coordinates are u(1+a), v(1−a)."""
    return A1 * (A1 * ((u1 * (1 + a)) ** 2 - (v1 * (1 - a)) ** 2) - b)


slopes = {s_up: _slope(ascent * s), s: _slope(sp.S.Zero)}
change = (1 - eta * ascent * s * s_up) ** 2 - eta**2 * s_up**2

PRODUCT_USAM = Theorem(
    slug="diag-linear-net-invariant.usam",
    title="USAM multiplies each u_iv_i of a diagonal network by (1−ηa s s̃)²−η²s̃², a = ρ",
    source=AF,
    rule=usam,
    loss=network,
    where={**slopes, ascent: rho},
    claim=Identity(product_next, product * change),
    tightness="exact",
)
PRODUCT_GD = PRODUCT_USAM.with_(
    slug="diag-linear-net-invariant.gd",
    title="GD multiplies each u_iv_i of a diagonal network by 1−η²s²",
    rule=gd,
    where={**slopes, ascent: sp.S.Zero},
)
PRODUCT_SAM = PRODUCT_USAM.with_(
    slug="diag-linear-net-invariant.sam",
    title="SAM multiplies each u_iv_i of a diagonal network by (1−ηa s s̃)²−η²s̃², a = ρ/|∇L|",
    rule=sam,
    where={**slopes, ascent: rho * sp.sign(_slope(sp.S.Zero)) / (_slope(sp.S.Zero) * sp.sqrt(u1**2 + v1**2))},
    claim=Identity(product_next, product * change, off_origin),
)
PRODUCT_FLOW = PRODUCT_SAM.with_(
    slug="diag-linear-net-invariant.flow",
    title="SAM flow: d(u_iv_i)/dt = −2a s s̃·u_iv_i (w_next is the velocity)",
    rule=sam_flow,
    claim=Identity(
        coordinate(w_next, 0) * v1 + coordinate(w_next, 1) * u1, -2 * ascent * s * s_up * product, off_origin
    ),
    notes="so |u_iv_i| shrinks by exp(−2∫a s s̃): sparser where s s̃ ≥ 0",
)
# --- the factor alone: when a step sparsifies --------------------------------------------------------------------
m, k = sp.symbols("m k", real=True)
factor = (1 - m) ** 2 - k**2
SPARSIFIES = Theorem(
    slug="diag-net-sparsification.contracts",
    title="|u_iv_i| shrinks in one step, | (1−m)²−k² | < 1, where 0 < m < 2, |k| < 1: m = ηa s s̃, k = ηs̃",
    source=NEW,
    rule=sam,
    loss=network,
    hypotheses=(m > 0, m < 2, k**2 < 1),
    claim=Inequality(sp.Abs(factor), sp.S.One, strict=True),
    notes="with diag-linear-net-invariant; GD has m = 0; at m = |k| = 1 the factor is −1",
    mutants=(
        Mutant("m < 3", hypotheses=(m > 0, m < 3, k**2 < 1)),
        Mutant("k² < 2", hypotheses=(m > 0, m < 2, k**2 < 2)),
        Mutant("m > −1", hypotheses=(m > -1, m < 2, k**2 < 1)),
    ),
)
SIGN_KEPT = SPARSIFIES.with_(
    slug="diag-net-sparsification.sign",
    title="The sign of u_iv_i is kept where |k| < |1−m|",
    hypotheses=(sp.Abs(k) < sp.Abs(1 - m),),
    claim=Inequality(sp.S.Zero, factor, strict=True),
    mutants=(Mutant("|k| < |1−m|+1", hypotheses=(sp.Abs(k) < sp.Abs(1 - m) + 1,)),),
)

# --- noise --------------------------------------------------------------------------------------------------------
#: E ½((u+σξ)(v+σζ)−c)² for independent ξ, ζ of mean 0 and variance 1: the product is linear in each of them.
sigma, c = sp.symbols("sigma c_target", real=True)
u, v = sp.symbols("u v", real=True)
noisy = Expression(
    (u * v - c) ** 2 / 2 + sigma**2 * (u**2 + v**2) / 2 + sigma**4 / 2, [u, v], name="expected loss under noise"
)
cu, cv = coordinate(w, 0), coordinate(w, 1)
nu, nv = coordinate(w_next, 0), coordinate(w_next, 1)
signs = [(i, j) for i in (1, -1) for j in (1, -1)]
averaged = sum((((cu + i * sigma) * (cv + j * sigma) - c) ** 2 for i, j in signs), sp.S.Zero) / 8
NOISE_LOSS = Theorem(
    slug="noise-balances-factors.loss",
    title="Noise of variance σ² on both factors adds σ²(u²+v²)/2 + σ⁴/2 to ½(uv−c)² in expectation",
    source=CLARA,
    rule=gd,
    loss=noisy,
    claim=Identity(value(w), averaged),
    tightness="exact",
    notes="written for signs ±σ; the loss has degree 2 in each noise, so that Gaussian noise has the same expectation",
)
NOISE_BALANCE = NOISE_LOSS.with_(
    slug="noise-balances-factors.step",
    title="GD on the expected loss multiplies u²−v² by (1−ησ²)²−η²(uv−c)²",
    claim=Identity(nu**2 - nv**2, (cu**2 - cv**2) * ((1 - eta * sigma**2) ** 2 - eta**2 * (cu * cv - c) ** 2)),
    notes="at a rate that does not vanish with the residual, as for SAM and unlike GD without noise",
)

THEOREMS = declared(globals())
