"""SAM on three-factor products ℓ(xyz), new here: what is conserved, how it drifts, and where it ends.

On its 2-cycle across the valley {x = 0} SAM lowers λ = c(yz)² and keeps D = y²−z² to leading order, so that it drifts
to (0, √D, 0), where the Hessian vanishes.  There ℓ(xyz) acts on (x, z) like a two-factor product of curvature cD,
with the golden-ratio threshold of its terminal phase at ηcDρ².
"""

from __future__ import annotations

import sympy as sp
from sympy import log, sqrt

from sam_theory.arithmetic import LENGTH, NUMBER, coordinate
from sam_theory.losses import FactorProduct, any_link, even_link, link_curvature
from sam_theory.rules import gd, sam, usam
from sam_theory.theorems._claims import Asymptotic, Identity
from sam_theory.theorems._sources import NEW
from sam_theory.theorems._symbols import eta, rho, t, w, w_next, w_start
from sam_theory.theorems._theorem import Theorem, declared
from sam_theory.theorems.drift import radius, two

c = link_curvature
a, q, k = sp.symbols("a q k", real=True)
Y, Z, tau = (sp.Symbol(n, positive=True) for n in ("Y", "Z", "tau"))
omega = sp.Symbol("omega", positive=True)
x, y, z = (coordinate(w, i) for i in range(3))
slope = any_link.function(1)
lam0 = sp.Symbol("lambda0", real=True)

# --- balancedness of every pair of factors ------------------------------------------------------------------------
ascent = (x + a * y * z) * (y + a * x * z) * (z + a * x * y)
pair, pair_next = y**2 - z**2, coordinate(w_next, 1) ** 2 - coordinate(w_next, 2) ** 2
kept = (1 - eta * a * q * x * (x + a * y * z)) ** 2 - eta**2 * q**2 * (x + a * y * z) ** 2

BALANCE_GD = Theorem(
    slug="three-factor-balancedness.gd",
    title="GD on ℓ(xyz) multiplies y²−z² by 1−η²ℓ'²x²",
    source=NEW,
    rule=gd,
    loss=FactorProduct(any_link),
    where={q: slope(x * y * z)},
    claim=Identity(pair_next, pair * (1 - eta**2 * q**2 * x**2)),
    tightness="exact",
    notes="so does every pair of factors, by symmetry; with more factors x is the product of the others",
)
BALANCE_USAM = BALANCE_GD.with_(
    slug="three-factor-balancedness.usam",
    title="USAM on ℓ(xyz) multiplies y²−z² by (1−ηaqxx̃)²−η²q²x̃², x̃ = x+ayz, a = ρℓ'",
    rule=usam,
    where={q: slope(ascent), a: rho * slope(x * y * z)},
    claim=Identity(pair_next, pair * kept),
    notes="",
)
gradient_norm = sqrt((y * z) ** 2 + (x * z) ** 2 + (x * y) ** 2)
BALANCE_SAM = BALANCE_USAM.with_(
    slug="three-factor-balancedness.sam",
    title="SAM on ℓ(xyz) multiplies y²−z² by (1−ηaqxx̃)²−η²q²x̃², a = ρ sgn ℓ'/√(y²z²+x²z²+x²y²)",
    rule=sam,
    where={q: slope(ascent), a: rho * sp.sign(slope(x * y * z)) / gradient_norm},
    claim=Identity(pair_next, pair * kept, given=(gradient_norm**2 > 0,)),
)

# --- the drift -----------------------------------------------------------------------------------------------------
lengths = {"Y": LENGTH, "Z": LENGTH, "tau": LENGTH**2}
start = (radius(lam0), Y, Z)
valley = (eta * c * Y**2 * Z**2 < 2,)
y0, z0 = coordinate(w_start, 1), coordinate(w_start, 2)


def first_integral(u: sp.Expr, v: sp.Expr) -> sp.Expr:
    """∫(2−ηλ)²/(λ√(D²+4λ/c)) dλ along y²−z² = D, at (y, z) = (u, v)."""
    total, difference = u**2 + v**2, u**2 - v**2
    cubic = total**3 / 3 - difference**2 * total
    return 8 * log(v / u) / difference - 2 * eta * c * total + eta**2 * c**2 * cubic / 8


STEP = Theorem(
    slug="sam-drift-three-factors.step",
    title="On its 2-cycle across the valley of ℓ(xyz) one step of SAM lowers ln λ by 8ηcρ²(y²+z²)/(2−ηλ)², λ = c(yz)²",
    source=NEW,
    rule=sam,
    loss=FactorProduct(even_link),
    hypotheses=valley,
    where={lam0: c * Y**2 * Z**2},
    claim=Asymptotic(
        1 - (y * z) ** 2 / (y0 * z0) ** 2,
        8 * eta * c * rho**2 * (Y**2 + Z**2) / (2 - eta * lam0) ** 2,
        rho,
        two,
        start,
        at=sp.S.One,
    ),
    dimensions=lengths,
    tightness="exact",
)
CONSERVED = STEP.with_(
    slug="sam-drift-three-factors.conserved",
    title="Over τ/ρ² steps y²−z² stays what it was, up to a relative error O(ρ²)",
    hypotheses=(rho > 0, Z < Y, *valley),
    claim=Asymptotic((y**2 - z**2) / (Y**2 - Z**2), sp.S.One, rho, two, start, at=tau / rho**2),
)
TRAJECTORY = STEP.with_(
    slug="sam-drift-three-factors.trajectory",
    title="Over τ/ρ² steps G = (8/D)ln(z/y) − 2ηcs + η²c²(s³/3−D²s)/8 falls by 8ηcρ²t, D = y²−z², s = y²+z²",
    hypotheses=(rho > 0, Z < Y, *valley),
    claim=Asymptotic(
        first_integral(Y, Z) - first_integral(y, z), 8 * eta * c * rho**2 * t, rho, two, start, at=tau / rho**2
    ),
    notes="so λ tends to 0 and the drift to (0, √D, 0), at the rate ηcDρ² of ln z per step in the end",
)

# --- where it ends -------------------------------------------------------------------------------------------------
near_end = (omega * Z**2 / rho, Y, Z)
END_SCALE = STEP.with_(
    slug="sam-drift-three-factors.end-scale",
    title="At (0, Y, 0), with x = ωz²/ρ, the step of SAM is z⁺ = z(1−k(1+ω)), k = ηcY²ρ², as z → 0",
    hypotheses=(rho > 0, sp.Ne(eta * c * Y**2 * rho**2 * (1 + omega), 1)),
    where={k: eta * c * Y**2 * rho**2},
    claim=Asymptotic(z, Z * (1 - k * (1 + omega)), Z, two, near_end, at=sp.S.One),
    dimensions={**lengths, "omega": NUMBER},
)
END_SHAPE = END_SCALE.with_(
    slug="sam-drift-three-factors.end-shape",
    title="and x⁺ = (ω−k(1+ω)²)z²/ρ: the reduced map of two factors, whose collapse ends at ηcDρ² = φ^(−5/2)",
    hypotheses=(rho > 0, sp.Ne(omega, eta * c * Y**2 * rho**2 * (1 + omega) ** 2)),
    claim=Asymptotic(x, (omega - k * (1 + omega) ** 2) * Z**2 / rho, Z, two, near_end, at=sp.S.One),
    notes="with sam-terminal-phase-product: for ηcDρ² > φ^(−5/2) the ratio grows in every step while z keeps its sign",
)
THEOREMS = declared(globals())
