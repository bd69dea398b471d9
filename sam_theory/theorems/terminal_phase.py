"""The end of SAM's drift on ℓ(xy), new here: the reduced map near the origin, and its golden-ratio threshold.

Near the origin put x = ±ω y²/ρ.  To leading order a step of SAM on ℓ(xy) maps y⁺ = y(1−hm) and ω⁺ = |ω−hm²|/(1−hm)²
with m = 1+ω and h = ηℓ''(0)ρ²: the ascent point is at distance m, and h is the step size that is left.  What is stated
here is stated of this map.
"""

from __future__ import annotations

import sympy as sp
from sympy import sqrt

from sam_theory.arithmetic import Traced, norm
from sam_theory.losses import Quadratic
from sam_theory.rules import Space, rule
from sam_theory.theorems._claims import Identity, Inequality
from sam_theory.theorems._sources import NEW
from sam_theory.theorems._symbols import w, w_next
from sam_theory.theorems._theorem import Mutant, Theorem, declared

h = sp.Symbol("h", positive=True)
m = sp.Symbol("m", real=True)
k_c = sqrt((5 * sqrt(5) - 11) / 2)
golden = (1 + sqrt(5)) / 2


@rule
def terminal_sam(space: Space, w: Traced, *, h: Traced) -> Traced:
    """The drift's last phase, with the sign of x kept: w⁺ = (w − h‖p‖p)/(1−h‖p‖)², p = w + w/‖w‖."""
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
THEOREMS = declared(globals())
