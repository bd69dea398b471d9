"""How far below the edge of stability GD and USAM end on ℓ(xy), and the flip of GD at ηλ = 2.

ℓ is even with ℓ''(0) = c and κ = −ℓ''''(0)/(6c) > 0, so that ℓ'(z) = cz(1−κz²+…).  Above the edge y² > y*² the iterate
oscillates across the valley and y² falls; it passes y*² before the oscillation has died, and stops below.
"""

from __future__ import annotations

from typing import Any

import sympy as sp
from sympy import Eq, Rational, exp, sqrt

from sam_theory.arithmetic import NUMBER, coordinate
from sam_theory.losses import Expression, Facts, Link, Product, link_curvature, log_cosh, sqrt1p
from sam_theory.rules import gd, usam
from sam_theory.theorems._bibliography import cited
from sam_theory.theorems._claims import Asymptotic, Cycle, Identity, Limit
from sam_theory.theorems._sources import NEW
from sam_theory.theorems._symbols import eta, lam, rho, w, w_next
from sam_theory.theorems._theorem import Instance, Theorem, declared
from sam_theory.theorems.isolated_minima import Q, T, T_j, line, plane, u
from sam_theory.theorems.wen2023 import lam_j

c = link_curvature
Y, W, gap, b, start = sp.symbols("Y W gap b s", positive=True)
squared = coordinate(w, 1) ** 2
two = sp.Integer(2)
#: why a statement about a limit bounds its parameters
NEAR = "the claim speaks of the limit; simulations begin where it is near"


def near_start(edge: sp.Expr, units: Any) -> tuple[sp.Expr, sp.Expr]:
    """The start at y²−x² = ``edge`` + ``units``·gap, with an x that leaves the leading term alone."""
    x0_squared = gap**4 / edge**3
    return sqrt(x0_squared), sqrt(edge + units * gap + x0_squared)


def gap_law(slug: str, title: str, link: Any, kappa: sp.Expr, **changes: Any) -> Theorem:
    """GD from Y gaps above its edge Y = 2/η; ``kappa`` of the link, whose ℓ''(0) is 1."""
    return Theorem(
        slug=slug,
        title=title,
        source=NEW,
        rule=gd,
        loss=Product(link),
        hypotheses=(eta <= Rational(1, 5),),
        unneeded={eta <= Rational(1, 5): NEAR},
        where={gap: eta / (2 * kappa), Y: 2 / eta},
        claim=Asymptotic(Y - squared, gap, eta, two, near_start(Y, Y), 30 * kappa / eta**2),
        tightness="exact",
    ).with_(**changes)


GD_SQRT = gap_law("eos-gap-product.gd-sqrt", "GD on √(1+(xy)²) ends η below the edge 2/η", sqrt1p, Rational(1, 2))
GD_LOG_COSH = gap_law(
    "eos-gap-product.gd-log-cosh", "GD on log cosh(xy) ends 3η/2 below the edge 2/η", log_cosh, Rational(1, 3)
)
usam_edge = (-1 + sqrt(1 + 8 * rho / eta)) / (2 * rho)


def usam_gap_law(gd_law: Theorem, slug: str, title: str, kappa: sp.Expr) -> Theorem:
    """The same for USAM."""
    return gd_law.with_(
        slug=slug,
        title=title,
        rule=usam,
        hypotheses=(eta <= Rational(1, 5), rho > 0, rho <= 1),
        unneeded={eta <= Rational(1, 5): NEAR, rho <= 1: NEAR},
        where={gap: W / (kappa * Y * (rho * Y / W + W**2)), W: 1 + rho * Y, Y: usam_edge},
        claim=Asymptotic(Y - squared, gap, eta, Rational(3, 2), near_start(Y, Y), 15 / (eta * (1 + 2 * rho * Y) * gap)),
    )


USAM_SQRT = usam_gap_law(
    GD_SQRT,
    "eos-gap-product.usam-sqrt",
    "USAM on √(1+(xy)²) ends W/(κY(ρY/W+W²)) below its edge Y = y*², W = 1+ρY, κ = 1/2",
    Rational(1, 2),
)
USAM_LOG_COSH = usam_gap_law(
    GD_LOG_COSH, "eos-gap-product.usam-log-cosh", "The same on log cosh(xy), κ = 1/3", Rational(1, 3)
)

# --- the endpoint law: what remains of the slow flow dD/dτ = −4X, dX/dτ = 2X(cD − 4κX/c) ------------------------------
#: the fourth derivative of the opaque link at 0
fourth = sp.Symbol("c4", negative=True)
curved_link = Link("ell", even=True, jet={2: c, 4: fourth})
kappa_of = -fourth / (6 * c)
gd_gap = eta * c / (2 * kappa_of)
passed = (squared - Y) / gap
near = 25 * (eta * c) ** 2 <= 2 * kappa_of

LAMBERT = Theorem(
    slug="eos-gap-product.endpoint",
    title="From y² = y*² + s·gap GD ends where (1+bδ)e^{−bδ} is what it was: δ = y²−y*², b = 1/gap, gap = ηc/(2κ)",
    source=NEW,
    rule=gd,
    loss=Product(curved_link),
    hypotheses=(start <= 3, near),
    unneeded={start <= 3: NEAR, near: NEAR},
    where={gap: gd_gap, Y: 2 / (eta * c)},
    claim=Asymptotic(
        (1 + passed) * exp(-passed),
        (1 + start) * exp(-start),
        eta,
        two,
        near_start(Y, start),
        30 * kappa_of / (eta * c) ** 2 * (1 + 1 / start),
    ),
    dimensions={"s": NUMBER},
    tightness="exact",
    notes="for each fixed s; x₀² = gap⁴/y*⁶ at the start is small enough to leave the leading term alone",
)
width = sp.Symbol("X0", positive=True)
WIDE = LAMBERT.with_(
    slug="eos-gap-product.endpoint-wide",
    title="From there with x₀² = X₀·gap²·ηc/2 it ends where (1+bδ)e^{−bδ} is (1+s−X₀)e^{−s}",
    hypotheses=(start <= 3, near, width < 1),
    unneeded={start <= 3: NEAR, near: NEAR},
    claim=Asymptotic(
        (1 + passed) * exp(-passed),
        (1 + start - width) * exp(-start),
        eta,
        two,
        (sqrt(width * gap**2 * eta * c / 2), sqrt(Y + start * gap + width * gap**2 * eta * c / 2)),
        30 * kappa_of / (eta * c) ** 2 * (1 + 1 / start),
    ),
    dimensions={"s": NUMBER, "X0": NUMBER},
    notes="for fixed s and X₀; the law holds unless X₀ = 1+s, where its leading term vanishes",
)
D, chi, kappa = sp.symbols("D chi kappa", positive=True)
rate = 2 * kappa / c
conserved = (chi - c / (2 * rate**2) * (1 + rate * D)) * exp(-rate * D)
CONSERVED = Theorem(
    slug="eos-gap-product.conserved",
    title="The slow flow conserves (X − c(1+κ₂D)/(2κ₂²))e^(−κ₂D), κ₂ = 2κ/c: with X = 0 at both ends, the endpoint law",
    source=NEW,
    rule=gd,
    loss=Product(log_cosh),
    claim=Identity(
        sp.diff(conserved, D) * -4 * chi, -sp.diff(conserved, chi) * 2 * chi * (c * D - 4 * kappa * chi / c)
    ),
    tightness="exact",
)
x_squared, y_balance = chi * eta**3, 2 / (eta * c) + eta * D
y_squared = y_balance + x_squared
bend = 1 - kappa * x_squared * y_squared
#: ηcy²(1−κx²y²) − 2, without the cancellation
excess = eta**2 * c * D + eta * c * x_squared - eta * c * kappa * x_squared * y_squared**2
SLOW_X = CONSERVED.with_(
    slug="eos-gap-product.slow-x",
    title="With ℓ' = cz(1−κz²), x² = Xη³ and y²−x² = 2/(ηc)+ηD a step changes x² by 2X(cD−4κX/c)η⁵ to leading order",
    claim=Limit(
        x_squared * (2 + excess) * excess / eta**5,
        2 * chi * (c * D - 4 * kappa * chi / c),
        variable=eta,
        to=sp.S.Zero,
    ),
)
SLOW_EXCESS = CONSERVED.with_(
    slug="eos-gap-product.slow-excess",
    title="That change is x²((1−ηcy²(1−κx²y²))²−1) exactly",
    claim=Identity(x_squared * ((1 - eta * c * y_squared * bend) ** 2 - 1), x_squared * (2 + excess) * excess),
)
SLOW_Y = CONSERVED.with_(
    slug="eos-gap-product.slow-y",
    title="and y²−x² by −4Xη³, so that D and X follow the slow flow in the time η²t",
    claim=Limit(
        -y_balance * eta**2 * c**2 * x_squared * y_squared * bend**2 / eta**3, -4 * chi, variable=eta, to=sp.S.Zero
    ),
)
USAM_SMALL_RHO = CONSERVED.with_(
    slug="eos-gap-product.usam-small-rho",
    title="As ρ → 0 the gap of USAM becomes that of GD, ηc/(2κ)",
    rule=usam,
    hypotheses=(rho > 0,),
    where={
        gap: W / (kappa * Y * (rho * c * Y / W + W**2)),
        W: 1 + rho * c * Y,
        Y: (-1 + sqrt(1 + 8 * rho / eta)) / (2 * rho * c),
    },
    claim=Limit(gap, eta * c / (2 * kappa), variable=rho, to=sp.S.Zero),
)

# --- J3: the flip of GD at ηλ = 2 -------------------------------------------------------------------------------------
GAN = cited("gan2026", "derived", "after Gan (arXiv 2604.02653), the coefficient derived here")
a, m = sp.symbols("a m", real=True)


def second_at(u: sp.Expr) -> sp.Expr:
    """f'' of the quartic f = λu²/2 + Tu³/6 + Qu⁴/24."""
    return lam + T * u + Q * u**2 / 2


#: half of f'(m+a) + f'(m−a), and of (f'(m+a) − f'(m−a))/a
even_part = lam * m + T * (m**2 + a**2) / 2 + Q * (m**3 + 3 * m * a**2) / 6
odd_part = lam + T * m + Q * (3 * m**2 + a**2) / 6
flip = 3 * T**2 - lam * Q
FLIP_CYCLE = Theorem(
    slug="gd-product-stability.cycle",
    title="GD on f = λu²/2+Tu³/6+Qu⁴/24 has the 2-cycle m±a if f'(m+a)+f'(m−a) = 0 and η(f'(m+a)−f'(m−a)) = 4a",
    source=GAN,
    rule=gd,
    loss=line,
    hypotheses=(a > 0, Eq(even_part, 0), Eq(eta * odd_part, 2)),
    claim=Cycle(((m + a,), (m - a,)), ((1 - eta * second_at(m + a)) * (1 - eta * second_at(m - a)),)),
    tightness="exact",
)
#: the branch of these cycles, with the centre m as its parameter
a_squared = -2 * (lam * m + T * m**2 / 2 + Q * m**3 / 6) / (T + Q * m)
eta_on_branch = 2 / odd_part.subs(a**2, a_squared)
mean, spread = lam + T * m + Q * (m**2 + a_squared) / 2, T + Q * m
multiplier = (1 - eta_on_branch * mean) ** 2 - eta_on_branch**2 * spread**2 * a_squared
FLIP_SIDE = FLIP_CYCLE.with_(
    slug="gd-product-stability.amplitude",
    title="Its amplitude: (ηλ−2)/a² → (3T²−λQ)/(3λ²): it exists beyond ηλ = 2 iff 3T² > λQ, before it iff 3T² < λQ",
    hypotheses=(sp.Ne(T, 0),),
    claim=Limit((eta_on_branch * lam - 2) / a_squared, flip / (3 * lam**2), variable=m, to=sp.S.Zero),
)
FLIP_STABLE = FLIP_SIDE.with_(
    slug="gd-product-stability.multiplier",
    title="Its multiplier μ has (1−μ)/(ηλ−2) → 4: near the flip it is stable iff it exists beyond ηλ = 2",
    hypotheses=(sp.Ne(T, 0), sp.Ne(flip, 0)),
    claim=Limit((1 - multiplier) / (eta_on_branch * lam - 2), sp.Integer(4), variable=m, to=sp.S.Zero),
)

mu = sp.Symbol("mu", positive=True)
#: the first Lyapunov coefficient (η/2)∇³L[v,v,h] − (η/6)∇⁴L[v,v,v,v] at ηλ = 2, v = e₁, h = (∇²L)⁻¹∇³L[v,v]
lyapunov = (T**2 / lam + T_j**2 / lam_j - Q / 3) / lam
FLIP_GENERAL = Theorem(
    slug="gd-product-stability.general",
    title="Beyond ηλ₁ = 2+μ GD ends on a 2-cycle of amplitude² μ/ℓ₁, ℓ₁ = (η/2)∇³L[v,v,h]−(η/6)∇⁴L[v,v,v,v] > 0",
    source=GAN,
    rule=gd,
    loss=Expression(plane.expression + Q * u**4 / 24, ["u", "v"], name=f"{plane.name}+Qu⁴/24"),
    hypotheses=(
        Eq(eta, (2 + mu) / lam),
        lam_j < lam,
        Q * lam * lam_j < 3 * (T**2 * lam_j + T_j**2 * lam),
        mu <= Rational(1, 20),
    ),
    unneeded={mu <= Rational(1, 20): NEAR},
    # At ηλ = 1 the minimum attracts, and no cycle is left.
    without={
        Eq(eta, (2 + mu) / lam): Instance(
            {"lam": 1, "lam_j": Rational(1, 2), "T": 0, "T_j": 0, "Q": -3, "eta": 1, "mu": Rational(1, 100)}, ()
        ),
        lam_j < lam: "false by hand at λ_j = 2λ, T = Q = 0: for arbitrarily small μ the orbit ends at u = 0 exactly",
    },
    claim=Asymptotic(
        coordinate(w - w_next) ** 2 / 4, mu / lyapunov, mu, sp.S.One, (sqrt(mu / lyapunov), sp.S.Zero), 12 / mu
    ),
    tightness="exact",
    notes="one source prints η³/6 in place of η/6; λ₁ is the largest eigenvalue, and ℓ₁ > 0",
)

# --- J4: the three regimes on L = ½r(x)²(1+y²), r = x/(1+x²): the minima x = 0 are flattest at y = 0, where λ = 1 -----
MACDONALD = cited("macdonald2025", "derived", "after MacDonald et al. (NeurIPS 2025), on an example chosen here")
p, q = sp.symbols("x y", real=True)
valley = Expression(
    (p / (1 + p**2)) ** 2 * (1 + q**2) / 2,
    ["x", "y"],
    name="½(x/(1+x²))²(1+y²)",
    facts=Facts(minimum=0, minimisers=((0, q),)),
)
height, x0 = sp.symbols("h x0", positive=True)
sharpness = 1 + height**2
SUBCRITICAL = Theorem(
    slug="gd-three-regimes.subcritical",
    title="ηλ < 2: GD stops beside its start, y∞ = Y(1 − x₀²/(λ(2−ηλ))) to leading order, not at the flattest minimum",
    source=MACDONALD,
    rule=gd,
    loss=valley,
    hypotheses=(eta * sharpness < 2,),
    claim=Asymptotic(
        height - coordinate(w, 1),
        height * x0**2 / (sharpness * (2 - eta * sharpness)),
        x0,
        two,
        (x0, height),
        40 / (eta * sharpness * (2 - eta * sharpness)),
    ),
    tightness="exact",
)
X = sp.Symbol("X", positive=True)
CRITICAL = SUBCRITICAL.with_(
    slug="gd-three-regimes.critical",
    title="η = 2, the edge at the flattest minimum: there 1/x² grows by 16 per step in the limit, so x_t² ~ 1/(16t)",
    hypotheses=(),
    claim=Limit(1 / (X * (1 - 2 * (1 - X) / (1 + X) ** 3) ** 2) - 1 / X, sp.Integer(16), variable=X, to=sp.S.Zero),
)
SUPERCRITICAL = SUBCRITICAL.with_(
    slug="gd-three-regimes.supercritical",
    title="η > 2: a linearly stable 2-cycle (±a, 0) across the valley at the flattest minimum, η = 2(1+a²)³/(1−a²)",
    hypotheses=(a > 0, 8 * a**2 < 1, Eq(eta, 2 * (1 + a**2) ** 3 / (1 - a**2))),
    claim=Cycle(
        ((a, sp.S.Zero), (-a, sp.S.Zero)),
        (
            (1 - 2 * (1 - 8 * a**2 + 3 * a**4) / (1 - a**4)) ** 2,
            (1 - 2 * a**2 * (1 + a**2) / (1 - a**2)) ** 2,
        ),
        stable=True,
    ),
)
THEOREMS = declared(globals())
