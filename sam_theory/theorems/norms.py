"""SAM with other norms of the perturbation, on quadratics and on products.  Derived here."""

from __future__ import annotations

import sympy as sp
from sympy import Rational, sqrt

from sam_theory.arithmetic import CURVATURE, coordinate, norm
from sam_theory.losses import Product, Quadratic, any_link
from sam_theory.rules import asam, l1_sam, linf_sam
from sam_theory.theorems._claims import AlmostEvery, Cycle, Envelope, Identity, Inequality, Limit
from sam_theory.theorems._coordinates import IndependentCoordinates
from sam_theory.theorems._potential import radius_of
from sam_theory.theorems._proof import GeometricSum, LinearGrowth
from sam_theory.theorems._sources import NEW
from sam_theory.theorems._symbols import eta, lam, rho, t, w, w_next, w_start
from sam_theory.theorems._theorem import Instance, Mutant, Theorem, declared
from sam_theory.theorems.wen2023 import lam_j, radius, zero

# --- ℓ∞: every coordinate has its own 2-cycle ---------------------------------------------------------------
r_j = radius_of(lam_j)
both = ((1 - eta * lam) ** 2, (1 - eta * lam_j) ** 2)

LINF_CYCLE = Theorem(
    slug="linf-sam-quadratic.cycle",
    title="ℓ∞-SAM on a diagonal quadratic: every coordinate has its own 2-cycle ±ηλ_iρ/(2−ηλ_i), all of them stable",
    source=NEW,
    rule=linf_sam,
    loss=Quadratic(lam, lam_j),
    hypotheses=(rho > 0, eta * lam < 2, eta * lam_j < 2),
    claim=Cycle(((radius, r_j), (-radius, -r_j)), both, stable=True),
    dimensions={"lam_j": CURVATURE},
    tightness="exact",
    notes="no eigenvalue is selected: contrast quad-two-cycle, where all but the top coordinate vanish",
)
LINF_OPPOSITE = LINF_CYCLE.with_(
    slug="linf-sam-quadratic.opposite",
    title="The coordinates may also move in opposite phase: a second stable 2-cycle",
    claim=Cycle(((radius, -r_j), (-radius, r_j)), both, stable=True),
)
LINF_ATTRACTS = LINF_CYCLE.with_(
    slug="linf-sam-quadratic.attracts",
    title="From almost every start ‖w_t‖² tends to Σ r_i², r_i = ηλ_iρ/(2−ηλ_i)",
    unneeded={"rho > 0": "at ρ = 0 this is gradient descent, which converges to the minimiser, and the value is 0"},
    claim=Limit(norm(w) ** 2, radius**2 + r_j**2),
    starts=AlmostEvery(("orbits in which a coordinate hits 0 exactly",)),
    proof=(IndependentCoordinates((1 - eta * lam, 1 - eta * lam_j), (eta * lam * rho, eta * lam_j * rho)),),
)
steep, other = lam * sp.Abs(coordinate(w)), lam_j * sp.Abs(coordinate(w, 1))
L1_TOP = LINF_CYCLE.with_(
    slug="l1-sam-quadratic.perturbed",
    title="ℓ1-SAM on a diagonal quadratic perturbs the largest coordinate of the gradient alone: there it is SAM,",
    rule=l1_sam,
    hypotheses=(),
    claim=Identity(
        coordinate(w_next, 1),
        (1 - eta * lam_j) * coordinate(w, 1) - eta * lam_j * rho * sp.sign(coordinate(w, 1)),
        given=(steep < other,),
    ),
    notes="",
)
L1_REST = L1_TOP.with_(
    slug="l1-sam-quadratic.others",
    title="and every other coordinate follows gradient descent, also that of a larger eigenvalue",
    claim=Identity(coordinate(w_next), (1 - eta * lam) * coordinate(w), given=(steep < other,)),
    notes="so around ±r_je_j the map is affine with the multipliers 1−ηλ_i: the 2-cycle of every eigenvalue is stable",
)
L1_CYCLES = L1_TOP.with_(
    slug="l1-sam-quadratic.cycles",
    title="ℓ1-SAM keeps the 2-cycle ±r_je_j of every eigenvalue, not only of the largest",
    hypotheses=(rho > 0, eta * lam_j < 2),
    claim=Cycle(((zero, r_j), (zero, -r_j))),
    notes="stable for every j by the two identities; compare sam-cycle-any-eigenvector, which is false for SAM",
)

# --- ASAM ----------------------------------------------------------------------------------------------------
a, q = sp.symbols("a q", real=True)
asam_multiplier = 1 - eta * lam * (1 + rho)

ASAM_LINE = Theorem(
    slug="asam-quadratic.step",
    title="ASAM on ½λw² is gradient descent with the step size η(1+ρ)",
    source=NEW,
    rule=asam,
    loss=Quadratic(lam),
    claim=Identity(coordinate(w_next), asam_multiplier * coordinate(w)),
    tightness="exact",
    notes="|w| scales the perturbation: it vanishes at the minimiser, and no 2-cycle is left",
)
ASAM_CONVERGES = ASAM_LINE.with_(
    slug="asam-quadratic.converges",
    title="It converges to the minimiser for η < 2/(λ(1+ρ)),",
    unneeded={"eta < 2/(lam*(rho + 1))": "|w_t| = qᵗ|w₀| for every η; only below is q < 1, so that it converges"},
    hypotheses=(eta < 2 / (lam * (1 + rho)),),
    where={q: sp.Abs(asam_multiplier)},
    claim=Envelope(norm(w), q**t * norm(w_start)),
    proof=(GeometricSum(sp.Abs(asam_multiplier)),),
    tightness="tight",
    attained_by=Instance({"lam": 1, "eta": 1, "rho": Rational(1, 2)}, (1,), Quadratic(1)),
)
ASAM_DIVERGES = ASAM_LINE.with_(
    slug="asam-quadratic.diverges",
    title="and diverges beyond",
    hypotheses=(eta > 2 / (lam * (1 + rho)),),
    claim=Limit(norm(w), sp.oo),
    starts=AlmostEvery((sp.Eq(coordinate(w), 0),)),
    proof=(LinearGrowth(asam_multiplier),),
    without={
        eta > 2 / (lam * (1 + rho)): ASAM_CONVERGES.with_(
            slug="asam-quadratic.vanishes",
            claim=Limit(norm(w) ** 2, sp.S.Zero),
            proof=(IndependentCoordinates((asam_multiplier,), (zero,)),),
            attained_by=None,
            tightness="",
        )
    },
    mutants=(Mutant("convergence", Limit(norm(w), sp.S.Zero)),),
)
ASAM_GROWS = ASAM_DIVERGES.with_(
    slug="asam-quadratic.grows",
    title="There every step leads away from the minimiser",
    claim=Inequality(norm(w), norm(w_next), strict=True, given=(norm(w) > 0,)),
    starts=None,
    proof=(),
    tightness="",
    mutants=(Mutant("threshold*99/100", hypotheses=(eta > Rational(198, 100) / (lam * (1 + rho)),)),),
)
least, most = 1 - eta * lam, asam_multiplier
ASAM_COORDINATE = ASAM_LINE.with_(
    slug="asam-quadratic.coordinates",
    title="On two eigenvalues every coordinate contracts by between 1−ηλ_i and 1−ηλ_i(1+ρ)",
    unneeded={"Ne(w[0], 0)": "a coordinate that is 0 stays 0"},
    loss=Quadratic(lam, lam_j),
    where={q: sp.Max(least**2, most**2)},
    claim=Inequality(coordinate(w_next) ** 2, q * coordinate(w) ** 2, given=(sp.Ne(coordinate(w), 0),)),
    dimensions={"lam_j": CURVATURE},
    tightness="tight",
    attained_by=Instance({"lam": 1, "lam_j": 1, "eta": Rational(3, 2), "rho": Rational(1, 3)}, (1, 0), Quadratic(1, 1)),
    notes="attained on the axis, where the step is that of one dimension",
)

# --- ASAM on products ----------------------------------------------------------------------------------------
x, y = coordinate(w, 0), coordinate(w, 1)
x_next, y_next = coordinate(w_next, 0), coordinate(w_next, 1)
slope = any_link.function(1)
asam_products = {q: slope(a**2 * x * y), a: 1 + rho * sp.sign(x * y * slope(x * y)) / sqrt(2)}

ASAM_PRODUCT = Theorem(
    slug="asam-product.step",
    title="ASAM on ℓ(xy) is gradient descent on ℓ(a²xy)/a, a = 1+ρ/√2 where xyℓ' > 0: x⁺ = x − ηaℓ'(a²xy)y",
    source=NEW,
    rule=asam,
    loss=Product(any_link),
    where=asam_products,
    claim=Identity(x_next, x - eta * a * q * y),
    tightness="exact",
    notes="T²g/‖Tg‖ = sgn(xyℓ')·(x, y)/√2: both factors are stretched alike, and a convex even link has xyℓ' ≥ 0",
)
ASAM_BALANCE = ASAM_PRODUCT.with_(
    slug="asam-product.balancedness",
    title="ASAM multiplies y²−x² by 1−η²a²ℓ'(a²xy)²: like gradient descent, and unlike SAM, it has no drift of order ρ",
    claim=Identity(y_next**2 - x_next**2, (y**2 - x**2) * (1 - eta**2 * a**2 * q**2)),
    notes="contrast product-balancedness-identity.sam, where the factor is (1−ηaq)²−η²q²",
)

THEOREMS = declared(globals())
