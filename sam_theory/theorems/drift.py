"""Drift laws of SAM along manifolds of minima: one step, and T/ρ² steps."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import sympy as sp
from sympy import log, sqrt

from sam_theory.arithmetic import CURVATURE, LENGTH, NUMBER, STEP_SIZE, Traced, coordinate
from sam_theory.losses import Expression, Facts, Product, Quadratic, even_link, link_curvature
from sam_theory.rules import FiniteLaw, Space, rule, sam
from sam_theory.theorems._claims import Asymptotic, Identity, Limit
from sam_theory.theorems._relations import Related
from sam_theory.theorems._sources import BLB, NEW, WEN_FLOW, WEN_ONE
from sam_theory.theorems._symbols import eta, lam, rho, t, w, w_start
from sam_theory.theorems._theorem import Theorem, declared

c = link_curvature
Y, tau, lam0 = sp.Symbol("Y", positive=True), sp.Symbol("tau", positive=True), sp.Symbol("lambda0", real=True)
q, x, y = (sp.Symbol(n, real=True) for n in ("q", "x", "y"))
zero, one, two = sp.S.Zero, sp.S.One, sp.Integer(2)


def radius(lam: sp.Expr) -> sp.Expr:
    """The half-amplitude of SAM's 2-cycle across the valley."""
    return eta * lam * rho / (2 - eta * lam)


def first_integral(lam: sp.Expr) -> sp.Expr:
    """F(λ) = 4 ln ηλ − 4ηλ + ½η²λ², which decreases at a constant rate."""
    return 4 * log(eta * lam) - 4 * eta * lam + eta**2 * lam**2 / 2


height, height_start = coordinate(w, 1), coordinate(w_start, 1)

PRODUCT_STEP = Theorem(
    slug="sam-drift-law-product.step",
    unneeded={"rho > 0": "ρ → 0 is from above: it only says that ρ is not 0"},
    relations=(Related("implied by", "fullbatch-flow-finite-eta.step", "λ = ℓ''(0)y² on ℓ(xy)"),),
    title="On its 2-cycle across the valley of ℓ(xy) one step of SAM lowers ln λ by 8ηcρ²/(2−ηλ)²",
    source=NEW,
    rule=sam,
    loss=Product(even_link),
    hypotheses=(rho > 0, eta * c * Y**2 < 2),
    where={lam0: c * Y**2},
    claim=Asymptotic(
        1 - height**2 / height_start**2,
        8 * eta * c * rho**2 / (2 - eta * lam0) ** 2,
        rho,
        two,
        (radius(lam0), Y),
        at=sp.S.One,
    ),
    dimensions={"Y": LENGTH},
    tightness="exact",
)
PRODUCT_TRAJECTORY = PRODUCT_STEP.with_(
    slug="sam-drift-law-product.trajectory",
    title="After τ/ρ² steps F(λ) has fallen by 8ηcρ²t, F(λ) = 4 ln λ − 4ηλ + ½η²λ²",
    claim=Asymptotic(
        first_integral(c * height_start**2) - first_integral(c * height**2),
        8 * eta * c * rho**2 * t,
        rho,
        two,
        (radius(lam0), Y),
        at=tau / rho**2,
    ),
    dimensions={"Y": LENGTH, "tau": LENGTH**2},
)
PRODUCT_INTEGRAL = Theorem(
    slug="sam-drift-law-product.integral",
    title="λ F'(λ) = (2−ηλ)²: with d ln λ/dt = −8ηcρ²/(2−ηλ)² F falls at the rate 8ηcρ²",
    source=NEW,
    rule=sam,
    loss=Product(even_link),
    claim=Identity(lam * sp.diff(first_integral(lam), lam), (2 - eta * lam) ** 2),
    dimensions={"lam": CURVATURE},
    tightness="exact",
)
PRODUCT_BALANCE = PRODUCT_INTEGRAL.with_(
    slug="sam-drift-law-product.balance",
    title="The rate is that of the balancedness identity: −2ηρq/Y − η²q² with q = 2cρY/(2−ηcY²)",
    hypotheses=(Y > 0, eta * c * Y**2 < 2),
    where={q: 2 * c * rho * Y / (2 - eta * c * Y**2)},
    claim=Identity(-2 * eta * rho * q / Y - eta**2 * q**2, -8 * eta * c * rho**2 / (2 - eta * c * Y**2) ** 2),
    dimensions={"Y": LENGTH},
)

# --- D1, D2, D4: a manifold of minima along θ, with two normal directions whose eigenvectors rotate -----------------
a, b, d, mu = (sp.Symbol(n, real=True) for n in ("a", "b", "d", "mu"))
n1, n2, theta = sp.symbols("n1 n2 theta", real=True)
normal_form = Expression(
    (lam + a * theta) * n1**2 / 2 + b * theta * n1 * n2 + (mu + d * theta) * n2**2 / 2,
    ("n1", "n2", "theta"),
    name="half n.A(theta)n",
    facts=Facts(minimisers=((0, 0, theta),)),
)
circle = Expression(
    (lam + a * y) * (sqrt(x**2 + y**2) - 1) ** 2 / 2,
    ("x", "y"),
    name="valley along the unit circle",
    facts=Facts(minimisers=((sp.cos(theta), sp.sin(theta)),)),
)
factor = (2 / (2 - eta * lam)) ** 2
on_cycle = (rho > 0, eta * lam < 2, sp.Ne(a, 0))

FINITE_STEP = Theorem(
    slug="fullbatch-flow-finite-eta.step",
    title="On its 2-cycle SAM moves along the minima by −½ηρ²(2/(2−ηλ₁))²∇λ₁, also where the eigenvectors rotate",
    unneeded={"rho > 0": "ρ → 0 is from above: it only says that ρ is not 0"},
    source=NEW,
    rule=sam,
    loss=normal_form,
    hypotheses=on_cycle,
    claim=Asymptotic(
        coordinate(w, 2), -eta * rho**2 / 2 * factor * a, rho, two, (radius(lam), zero, zero), at=sp.S.One
    ),
    tightness="exact",
    notes="only the jet λ₁ = λ+aθ, the rotation b and the further eigenvalue μ+dθ enter; the last two drop out",
)
FINITE_CIRCLE = FINITE_STEP.with_(
    slug="fullbatch-flow-finite-eta.circle",
    title="The same along a circle of minima",
    unneeded={"rho > 0": "ρ → 0 is from above: it only says that ρ is not 0"},
    loss=circle,
    claim=Asymptotic(coordinate(w, 1), -eta * rho**2 / 2 * factor * a, rho, one, (1 + radius(lam), zero), at=sp.S.One),
    notes="in Cartesian coordinates; the curvature of the circle enters with the remainder",
)
TWO_STEPS = FINITE_STEP.with_(
    slug="blb-two-step",
    unneeded={"rho > 0": "ρ → 0 is from above: it only says that ρ is not 0"},
    relations=(Related("implied by", "fullbatch-flow-finite-eta.step", "two steps move twice as far"),),
    title="Two steps of SAM on its 2-cycle move along the minima by −ηρ²(2/(2−ηλ₁))²∇λ₁",
    source=BLB,
    claim=Asymptotic(coordinate(w, 2), -eta * rho**2 * factor * a, rho, two, (radius(lam), zero, zero), at=two),
)
SMALL_ETA_AT_EDGE = FINITE_STEP.with_(
    slug="small-eta-flow-at-edge",
    relations=(
        Related(
            "corrected by",
            "fullbatch-flow-finite-eta.step",
            "the factor (2/(2−ηλ₁))² is left out: it tends to 1 only as ηλ₁ → 0",
        ),
    ),
    title="The drift −½ηρ²∇λ₁ of the small step size holds at every ηλ₁ < 2",
    claim=Asymptotic(coordinate(w, 2), -eta * rho**2 / 2 * a, rho, one, (radius(lam), zero, zero), at=sp.S.One),
    source=replace(NEW, text="derived here; a tempting reading of the flow for η → 0, false"),
    status="quoted",
    expected="refuted",
    tightness="",
    notes="the exact ratio is (2/(2−ηλ₁))²",
)

m = sp.Symbol("m", positive=True)
nu, T0 = sp.Symbol("nu", positive=True), sp.Symbol("T0", positive=True)
bowl = Expression(
    (m + theta**2) * n1**2 / 2 + nu * n2**2 / 2,
    ("n1", "n2", "theta"),
    name="half (m+theta^2)n1^2 + half nu n2^2",
    facts=Facts(minimisers=((0, 0, theta),)),
)
top = m + T0**2


def bowl_integral(u: sp.Expr) -> sp.Expr:
    """∫(2−ηλ)²/(λ−m) dλ at λ = m+u."""
    return (2 - eta * m) ** 2 * log(u) - 2 * eta * (2 - eta * m) * u + eta**2 * u**2 / 2


here, begin = coordinate(w, 2), coordinate(w_start, 2)
FINITE_TRAJECTORY = FINITE_STEP.with_(
    slug="fullbatch-flow-finite-eta.trajectory",
    title="Over τ/ρ² steps SAM follows θ' = −½η(2/(2−ηλ₁))²∇λ₁, here for λ₁ = m+θ² through a first integral",
    loss=bowl,
    hypotheses=(rho > 0, eta * top < 2, nu < m),
    unneeded={nu < m: "the orbit has n₂ = 0 for every ν; for ν < m its 2-cycles attract beside that plane as well"},
    claim=Asymptotic(
        bowl_integral(begin**2) - bowl_integral(here**2),
        8 * eta * rho**2 * t,
        rho,
        two,
        (radius(top), zero, T0),
        at=tau / rho**2,
    ),
    notes="",
)

kappa = sp.Symbol("kappa", positive=True)


@rule
def tied_sam(space: Space, w: Traced, *, eta: Traced, kappa: Traced) -> Traced:
    """SAM with ρ = κη: both tend to 0 together."""
    return w - eta * space.grad(w + kappa * eta * space.unit(space.grad(w)))


WEN_STEP = FINITE_STEP.with_(
    slug="wen-fullbatch-flow.step",
    title="For η → 0 with ρ = κη the drift of one step is −½ηρ²∇λ₁, up to a relative error O(η)",
    source=WEN_FLOW,
    rule=tied_sam,
    hypotheses=(kappa > 0, sp.Ne(a, 0)),
    claim=Asymptotic(
        coordinate(w, 2),
        -eta * (kappa * eta) ** 2 / 2 * a,
        eta,
        one,
        (eta * lam * kappa * eta / (2 - eta * lam), zero, zero),
        at=sp.S.One,
    ),
    notes="the source assumes η ln(1/ρ) and ρ/η small; here they are tied by ρ = κη, on the 2-cycle",
)
WEN_FACTOR = FINITE_STEP.with_(
    slug="wen-fullbatch-flow.factor",
    title="The finite-η factor is 1 + ηλ₁ + O(η²) as η → 0: the flow of the small step size, and its first correction",
    source=WEN_FLOW,
    loss=Quadratic(lam),
    hypotheses=(),
    claim=Limit(sp.factor((factor - 1) / eta), lam, variable=eta, to=zero),
    notes="",
)

# --- D3: one sample per step ------------------------------------------------------------------------------------------
half = Fraction(1, 2)
a2 = sp.Symbol("a2", real=True)
pick = sp.Symbol("pick", real=True)


@rule(
    dimensions={"eta": STEP_SIZE, "rho": LENGTH},
    noise={"pick": FiniteLaw(((Fraction(0), half), (Fraction(1), half)))},
)
def one_sample_sam(space: Space, w: Traced, *, eta: Traced, rho: Traced, pick: Traced) -> Traced:
    """SAM on one of two samples, picked at random: the loss reads ``pick``."""
    return w - eta * space.grad(w + rho * space.unit(space.grad(w)))


samples = Expression(
    (1 - pick) * (lam + a * theta) * n1**2 / 2 + pick * (mu + a2 * theta) * n2**2 / 2,
    ("n1", "n2", "theta"),
    name="the loss of sample pick",
    facts=Facts(minimisers=((0, 0, theta),)),
)
other_factor = (2 / (2 - eta * mu)) ** 2
ONE_SAMPLE = FINITE_STEP.with_(
    slug="wen-1sam-flow.step",
    title="Batch-1 SAM, orthogonal samples: the expected drift is −½ηρ² times the mean of (2/(2−ηλ_k))²∇λ_k",
    unneeded={"rho > 0": "ρ → 0 is from above: it only says that ρ is not 0"},
    source=WEN_ONE,
    rule=one_sample_sam,
    loss=samples,
    hypotheses=(rho > 0, eta * lam < 2, mu > 0, eta * mu < 2, a > 0, a2 > 0),
    claim=Asymptotic(
        coordinate(w, 2),
        -eta * rho**2 / 4 * (factor * a + other_factor * a2),
        rho,
        two,
        (radius(lam), radius(mu), zero),
        at=sp.S.One,
    ),
    notes="expectation over the sample; a sample's 2-cycle is followed at its own visits",
)
ONE_SAMPLE_SMALL = WEN_FACTOR.with_(
    slug="wen-1sam-flow.factor",
    title="As η → 0 the drift is that of the mean of the top eigenvalues, here a trace: the factors tend to 1",
    source=WEN_ONE,
    claim=Limit((a * factor + a2 * other_factor) / 2, (a + a2) / 2, variable=eta, to=zero),
    dimensions={"mu": CURVATURE, "a": NUMBER, "a2": NUMBER},
)

THEOREMS = declared(globals())
