"""The end of SAM's drift on ℓ(xy), new here: the reduced map near the origin, and its golden-ratio threshold.

Near the origin put x = ±ω y²/ρ.  To leading order a step of SAM on ℓ(xy) maps y⁺ = y(1−hm) and ω⁺ = |ω−hm²|/(1−hm)²
with m = 1+ω and h = ηℓ''(0)ρ²: the ascent point is at distance m, and h is the step size that is left.  What is stated
here is stated of this map.
"""

from __future__ import annotations

import sympy as sp
from sympy import sqrt

from sam_theory.arithmetic import LENGTH, NUMBER, Traced, coordinate, norm
from sam_theory.losses import Link, Product, Quadratic, even_link, link_curvature
from sam_theory.rules import Space, rule, sam
from sam_theory.theorems._claims import Asymptotic, Cycle, Identity, Inequality
from sam_theory.theorems._sources import NEW
from sam_theory.theorems._symbols import eta, rho, w, w_next
from sam_theory.theorems._theorem import Instance, Mutant, Theorem, declared

h = sp.Symbol("h", positive=True)
m = sp.Symbol("m", real=True)
k_c = sqrt((5 * sqrt(5) - 11) / 2)
golden = (1 + sqrt(5)) / 2


@rule
def terminal_sam(space: Space, w: Traced, *, h: Traced) -> Traced:
    """The drift's last phase, with the sign of x kept: w⁺ = (w − h‖p‖p)/(1−h‖p‖)², p = w + w/‖w‖."""
    return _reduced(space, w, h)


def _reduced(space: Space, w: Traced, h: Traced) -> Traced:
    p = w + space.unit(w)
    m = space.norm(p)
    return (w - h * m * p) / (1 - h * m) ** 2


#: ω > 0, and y keeps its sign
inside = (norm(w) > 0, h * (1 + norm(w)) < 1)
#: (m−1)(1+(1−hm)²) − hm²: it vanishes where the sign of x flips and ω stays
cubic = (h**2, -(h**2 + 3 * h), 2 + 2 * h, sp.Integer(-2))
leading, second, third, last = cubic
discriminant = (
    second**2 * third**2
    - 4 * leading * third**3
    - 4 * second**3 * last
    - 27 * leading**2 * last**2
    + 18 * leading * second * third * last
)

CUBIC = Theorem(
    slug="sam-terminal-phase-product.cubic",
    title="Where x flips its sign, ω⁺ = ω iff (m−1)(1+(1−hm)²) = hm², m = 1+ω",
    source=NEW,
    rule=terminal_sam,
    loss=Quadratic(1),
    claim=Identity(leading * m**3 + second * m**2 + third * m + last, (m - 1) * (1 + (1 - h * m) ** 2) - h * m**2),
    tightness="exact",
)
DISCRIMINANT = CUBIC.with_(
    slug="sam-terminal-phase-product.discriminant",
    title="The discriminant of that cubic is −4h²(h⁴+11h²−1)",
    claim=Identity(discriminant, -4 * h**2 * (h**4 + 11 * h**2 - 1)),
)
GOLDEN = CUBIC.with_(
    slug="sam-terminal-phase-product.golden",
    title="It vanishes at k_c = √((5√5−11)/2) = φ^(−5/2), φ the golden ratio",
    claim=Identity(k_c**2 * golden**5, sp.S.One),
)
ESCAPE = CUBIC.with_(
    slug="sam-terminal-phase-product.escape",
    title="For ηℓ''(0)ρ² > k_c the ratio ω = ρ|x|/y² grows in every step as long as y keeps its sign: no collapse",
    hypotheses=(h > k_c,),
    claim=Inequality(norm(w), norm(w_next), strict=True, given=inside),
    mutants=(Mutant("k_c*99/100", hypotheses=(h > k_c * sp.Rational(99, 100),)),),
    tightness="",
)

# --- the collapse: 2-cycles of the ratio, parametrised by the rate p at which y shrinks ------------------------------
p = sp.Symbol("p", positive=True)
h_of_rate = p * (1 - p**2) / (1 + p**2)
collapsed = (1 - p) / (p * (1 + p))
#: p > φ^(−3/2), where h_of_rate is greatest and equals k_c
slow_enough = p**4 + 4 * p**2 > 1
#: the derivative of the ratio there, its sign kept; 1 less it has the numerator p⁴+4p²−1, a double root at k_c
multiplier = (1 - 3 * p**2) / (p**2 * (1 + p**2))


@rule
def terminal_sam_at(space: Space, w: Traced, *, p: Traced) -> Traced:
    """The same map at h = p(1−p²)/(1+p²)."""
    return _reduced(space, w, p * (1 - p**2) / (1 + p**2))


FIXED = CUBIC.with_(
    slug="sam-terminal-phase-product.collapse-ratio",
    title="h = p(1−p²)/(1+p²): the ratio ω = (1−p)/(p(1+p)) stays, its sign flips; linearly stable for p > φ^(−3/2)",
    rule=terminal_sam_at,
    hypotheses=(p < 1, slow_enough),
    claim=Cycle(((collapsed,), (-collapsed,)), (multiplier**2,), stable=True),
    mutants=(Mutant("p below φ^(−3/2)", hypotheses=(p < 1, p**4 + 4 * p**2 < 1)),),
)
RATE = CUBIC.with_(
    slug="sam-terminal-phase-product.collapse-rate",
    title="There 1−h(1+ω) = p: the rate at which y shrinks",
    unneeded={"p < 1": "an identity; only for p < 1 does y shrink"},
    hypotheses=(p < 1,),
    claim=Identity(1 - h_of_rate * (1 + collapsed), p),
)
GREATEST = CUBIC.with_(
    slug="sam-terminal-phase-product.greatest",
    title="h = p(1−p²)/(1+p²) is greatest at p = φ^(−3/2), where it is k_c",
    unneeded={"p < 1": "for p ≥ 1 the left side is not positive"},
    hypotheses=(p < 1,),
    claim=Inequality(h_of_rate, k_c),
    tightness="",
    mutants=(Mutant("k_c*99/100", Inequality(h_of_rate, k_c * sp.Rational(99, 100))),),
)

# --- the true SAM map ------------------------------------------------------------------------------------------------
c = link_curvature
k, Y, omega = sp.Symbol("k", real=True), sp.Symbol("Y", positive=True), sp.Symbol("omega", positive=True)
near_origin = (omega * Y**2 / rho, Y)
SAM_SCALE = Theorem(
    slug="sam-terminal-phase-product.sam-scale",
    title="SAM on ℓ(xy) near the origin, x = ωy²/ρ: y⁺ = y(1−k(1+ω)), k = ηcρ², as y → 0",
    source=NEW,
    rule=sam,
    loss=Product(even_link),
    hypotheses=(rho > 0, sp.Ne(eta * c * rho**2 * (1 + omega), 1)),
    where={k: eta * c * rho**2},
    claim=Asymptotic(coordinate(w, 1), Y * (1 - k * (1 + omega)), Y, sp.Integer(2), near_origin, at=sp.S.One),
    dimensions={"Y": LENGTH, "omega": NUMBER},
    tightness="exact",
)
SAM_SHAPE = SAM_SCALE.with_(
    slug="sam-terminal-phase-product.sam-shape",
    title="and x⁺ = (ω−k(1+ω)²)y²/ρ: the reduced map is the limit of SAM's",
    hypotheses=(rho > 0, sp.Ne(omega, eta * c * rho**2 * (1 + omega) ** 2)),
    claim=Asymptotic(
        coordinate(w, 0), (omega - k * (1 + omega) ** 2) * Y**2 / rho, Y, sp.Integer(2), near_origin, at=sp.S.One
    ),
)
tied = sp.Eq(eta, h_of_rate / (c * rho**2))
#: η belongs to p = 7/10, and p = 3/5 gives a start in its basin: y shrinks at the rate 7/10
other_rate = Instance(
    {"eta": sp.Rational(357, 1490), "p": sp.Rational(3, 5), "rho": 1, "Y": sp.Rational(1, 100)},
    (),
    Product(Link("z**2/2", "z**2/2", even=True)),
)
COLLAPSE = SAM_SCALE.with_(
    slug="sam-terminal-phase-product.collapse",
    title="For ηcρ² < k_c SAM with fixed ρ can collapse onto the flattest point (0, 0): y_{t+1}/y_t → p",
    unneeded={"p < 1": "it follows from η > 0 and η = p(1−p²)/(cρ²(1+p²))"},
    hypotheses=(rho > 0, p < 1, slow_enough, tied),
    without={tied: other_rate},
    claim=Asymptotic(
        coordinate(w_next, 1) / coordinate(w, 1), p, Y, sp.Integer(2), (collapsed * Y**2 / rho, Y), 15 / (1 - p)
    ),
    dimensions={"Y": LENGTH, "p": NUMBER},
    notes="exact for every small Y; ηcρ² = p(1−p²)/(1+p²) takes every value below k_c; the start lies in an open basin",
)
THEOREMS = declared(globals())
