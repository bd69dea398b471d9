"""After Monzio Compagnoni et al. (2023): the modified losses of USAM and SAM, and USAM at saddles."""

from __future__ import annotations

import sympy as sp
from sympy import Max, Rational

from sam_theory.arithmetic import CURVATURE, coordinate, grad, norm
from sam_theory.losses import Expression, Quadratic, SpectralQuadratic
from sam_theory.rules import sam, usam
from sam_theory.theorems._claims import AlmostEvery, Identity, Limit, Stability, Threshold
from sam_theory.theorems._proof import LinearGrowth
from sam_theory.theorems._relations import Related
from sam_theory.theorems._sources import COMPAGNONI, NEW
from sam_theory.theorems._symbols import alpha, beta, eta, lam, rho, w, w_next
from sam_theory.theorems._theorem import Mutant, Theorem, declared
from sam_theory.theorems.quadratics import agree, mirrored_sam
from sam_theory.theorems.wen2023 import zero

m = sp.Symbol("m", positive=True)
b, c, d, q = sp.symbols("b c d q", real=True)
position = coordinate(w)

# --- D12: modified losses ------------------------------------------------------------------------------------
MODIFIED = Theorem(
    slug="usam-modified-loss.quadratics",
    title="On quadratics USAM is gradient descent on L + ½ρ‖∇L‖² = ½⟨w,(Λ+ρΛ²)w⟩, exactly",
    source=COMPAGNONI,
    rule=usam,
    loss=SpectralQuadratic(alpha, beta),
    claim=agree(w_next - w, -eta * grad(w) - rho * grad(eta * grad(w)), given=()),
    tightness="exact",
    notes="every dimension and spectrum; ∇(½‖∇L‖²) = Λ∇L",
    mutants=(
        Mutant("rho*99/100", agree(w_next - w, -eta * grad(w) - Rational(99, 100) * rho * grad(eta * grad(w)), ())),
    ),
)
#: A cubic loss: L' and L'' at w, L''' = d
cubic = Expression("b*x + c*x**2/2 + d*x**3/6", ("x",))
first = b + c * position + d * position**2 / 2
second = c + d * position
MODIFIED_CUBIC = Theorem(
    slug="usam-modified-loss.cubic",
    title="On cubics the remainder is exactly ½ρ²L'''·L'²: w⁺ = w − η((L+½ρL'²)' + ½ρ²L'''L'²)",
    source=COMPAGNONI,
    rule=usam,
    loss=cubic,
    claim=Identity(coordinate(w_next), position - eta * (first + rho * second * first + rho**2 * d * first**2 / 2)),
    tightness="exact",
    notes="so the modified loss is exact to first order in ρ and no further: L''' decides the second",
)
MODIFIED_SAM = MODIFIED_CUBIC.with_(
    slug="usam-modified-loss.sam-cubic",
    title="SAM: the modified loss is L + ρ|L'|, and on cubics the remainder is exactly ½ρ²L'''",
    rule=sam,
    claim=Identity(
        coordinate(w_next),
        position - eta * (first + rho * second * sp.sign(first) + rho**2 * d / 2),
        given=(norm(grad(w)) > 0,),
    ),
    notes="",
)
quartic = Expression("b*x + c*x**2/2 + d*x**3/6 + q*x**4/24", ("x",))
slope4 = first + q * position**3 / 6
MODIFIED_QUARTIC = MODIFIED_CUBIC.with_(
    slug="usam-modified-loss.quartic",
    title="With a fourth derivative the remainder is ½ρ²L'''L'² + ρ³L''''L'³/6: of order ρ², and no smaller",
    loss=quartic,
    claim=Identity(
        coordinate(w_next),
        position
        - eta
        * (
            slope4
            + rho * (second + q * position**2 / 2) * slope4
            + rho**2 * (d + q * position) * slope4**2 / 2
            + rho**3 * q * slope4**3 / 6
        ),
    ),
    notes="Taylor's formula: for any smooth loss the remainder over ρ² tends to ½L'''L'²",
)

# --- D13: USAM at a saddle ----------------------------------------------------------------------------------
escape = 1 + eta * m * (1 - rho * m)
lower, upper = 1 / m, 1 / m + 2 / (eta * m**2)

SADDLE = Theorem(
    slug="usam-saddle-attraction.lower",
    title="A direction of curvature −m attracts USAM iff ρ > 1/m (as long as ρ < 1/m + 2/(ηm²))",
    source=COMPAGNONI,
    rule=usam,
    loss=Quadratic(-m),
    hypotheses=(rho > 0, rho < upper),
    claim=Threshold(Stability((zero,)), 1 / rho, m),
    tightness="exact",
)
SADDLE_UPPER = SADDLE.with_(
    slug="usam-saddle-attraction.upper",
    title="… and iff ρ < 1/m + 2/(ηm²) (as long as ρ > 1/m)",
    hypotheses=(rho * m > 1,),
    claim=Threshold(Stability((zero,)), rho, upper),
)
SADDLE_MONOTONE = SADDLE.with_(
    slug="usam-saddle-attraction.monotone-escape",
    title="For ρ < 1/m USAM escapes: |w_t| → ∞, and it keeps its side",
    hypotheses=(rho * m < 1,),
    claim=Limit(norm(w), sp.oo),
    starts=AlmostEvery((sp.Eq(coordinate(w), 0),)),
    proof=(LinearGrowth(escape),),
    mutants=(Mutant("beyond 1/m", hypotheses=(rho * m < Rational(11, 10),)),),
    notes="the multiplier 1+ηm(1−ρm) exceeds 1",
)
SADDLE_OSCILLATORY = SADDLE_MONOTONE.with_(
    slug="usam-saddle-attraction.oscillatory-escape",
    title="For ρ > 1/m + 2/(ηm²) USAM escapes, and changes its side in every step",
    hypotheses=(rho > upper,),
    mutants=(Mutant("below the upper edge", hypotheses=(rho > lower + Rational(19, 10) / (eta * m**2),)),),
    notes="the multiplier 1+ηm(1−ρm) is below −1",
)
SADDLE_BOTH = SADDLE.with_(
    slug="usam-saddle-attraction.saddle",
    title="The saddle of ½(λx²−my²) attracts USAM iff ηλ(1+ρλ) < 2, ρ > 1/m and ηm(ρm−1) < 2",
    loss=Quadratic(lam, -m),
    hypotheses=(rho > 0,),
    claim=Threshold(
        Stability((zero, zero)),
        Max(eta * lam * (1 + rho * lam) / 2, 1 / (rho * m), eta * m * (rho * m - 1) / 2),
        sp.S.One,
    ),
    dimensions={"m": CURVATURE},
    notes="the positive direction asks for its own edge of stability; for λ ≥ m it implies the last condition",
)

# --- the same saddle, opposite roles of ρ ------------------------------------------------------------------
CONTRAST_SAM = Theorem(
    slug="saddle-contrast.sam",
    title="On x²−y² SAM is trapped on its cycle around the saddle iff η < 1/2, whatever ρ > 0",
    source=NEW,
    rule=mirrored_sam,
    loss=Quadratic(2, -2),
    hypotheses=(rho > 0, eta < 1),
    claim=Threshold(Stability((eta * rho / (1 - eta), zero)), eta, Rational(1, 2)),
    tightness="exact",
    notes="stated for −SAM, of which the cycle is a fixed point",
)
CONTRAST_USAM = CONTRAST_SAM.with_(
    slug="saddle-contrast.usam",
    title="USAM is attracted by the same saddle only if ρ > 1/2: iff 1/2 < ρ < 1/(2η) − 1/2, so for η < 1/2 alone",
    rule=usam,
    hypotheses=(rho > 0,),
    claim=Threshold(Stability((zero, zero)), Max(1 / (2 * rho), eta * (1 + 2 * rho)), sp.S.One),
    notes="the upper end is that of the direction x; the direction y alone would allow ρ < 1/2 + 1/(2η)",
)
CONTRAST_QUOTED = CONTRAST_USAM.with_(
    slug="saddle-contrast.usam-y-alone",
    relations=(Related("corrected by", "saddle-contrast.usam", "the direction x has the stricter bound"),),
    title="False: that saddle attracts USAM for every ρ between 1/2 and 1/2 + 1/(2η)",
    hypotheses=(rho > Rational(1, 2), eta < Rational(1, 2)),
    claim=Threshold(Stability((zero, zero)), rho, Rational(1, 2) + 1 / (2 * eta)),
    status="quoted",
    expected="refuted",
    tightness="",
    notes="true of the direction y alone; x leaves at ρ = 1/(2η) − 1/2",
)

THEOREMS = declared(globals())
