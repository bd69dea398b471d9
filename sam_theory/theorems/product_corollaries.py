"""What the balancedness identity says of sign and size of P = |y|² − |x|² under SAM on ℓ(x·y), in every dimension.

P⁺ = P((1−ηaq)² − η²q²), where aq = ρ|q|/√(|x|²+|y|²) as soon as ℓ is even and convex.
"""

from __future__ import annotations

from dataclasses import replace

import sympy as sp
from sympy import Abs, Rational

from sam_theory.arithmetic import coordinate
from sam_theory.losses import Expression
from sam_theory.rules import sam
from sam_theory.theorems._claims import Inequality
from sam_theory.theorems._proof import Step
from sam_theory.theorems._relations import Related
from sam_theory.theorems._sources import NEW
from sam_theory.theorems._symbols import eta, w, w_next
from sam_theory.theorems._theorem import Instance, Mutant, Theorem
from sam_theory.theorems.dai2023 import BALANCE_SAM, a, balance, balance_next, off_origin, q

identity = Step("identity", BALANCE_SAM.claim)
keeps = Abs(eta * q) < Abs(1 - eta * a * q)
flips = Abs(1 - eta * a * q) <= Abs(eta * q)
unbalanced = balance**2 > 0
ascending, short = a * q > 0, eta * a * q < 2


def _corollary(slug: str, title: str, claim: Inequality, *mutants: Mutant, notes: str = "") -> Theorem:
    """A consequence of the identity alone."""
    return BALANCE_SAM.with_(
        slug=f"product-balancedness-identity.{slug}",
        title=title,
        claim=claim,
        proof=(identity, Step("corollary", claim, ("identity",))),
        mutants=mutants,
        tightness="",
        notes=notes,
    )


_sign = Inequality(sp.S.Zero, balance * balance_next, strict=True, given=(unbalanced, keeps))
SIGN = _corollary(
    "sign-preserved",
    "SAM keeps the sign of |y|²−|x|² where η|q| < |1−ηaq|",
    _sign,
    Mutant(
        "η|q| < 11/10|1−ηaq|",
        replace(_sign, given=(unbalanced, Abs(eta * q) < Rational(11, 10) * Abs(1 - eta * a * q))),
    ),
)
_flip = Inequality(balance * balance_next, sp.S.Zero, given=(*off_origin, flips))
FLIP = _corollary(
    "sign-lost",
    "and does not keep it elsewhere",
    _flip,
    Mutant(
        "|1−ηaq| ≤ 11/10 η|q|",
        replace(_flip, given=(*off_origin, Abs(1 - eta * a * q) <= Rational(11, 10) * Abs(eta * q))),
    ),
)
_factor = (1 - eta * a * q) ** 2
_contraction = Inequality(Abs(balance_next), _factor * Abs(balance), given=(*off_origin, keeps))
FACTOR = _corollary(
    "contraction-factor",
    "Where the sign is kept, ||y|²−|x|²| shrinks at least by the factor (1−ηaq)²",
    _contraction,
    Mutant("factor*9/10", replace(_contraction, rhs=Rational(9, 10) * _contraction.rhs)),
    notes="for ℓ even and convex (1−ηaq)² = (1−ηρ|q|/√(|x|²+|y|²))²",
)
_decrease = Inequality(Abs(balance_next), Abs(balance), strict=True, given=(unbalanced, keeps, ascending, short))
DECREASE = _corollary(
    "contraction",
    "It shrinks where moreover 0 < ηaq < 2: SAM does not rest at an unbalanced minimum",
    _decrease,
    Mutant(
        "ηaq < 21/10",
        replace(_decrease, given=(unbalanced, keeps, ascending, eta * a * q < Rational(21, 10))),
    ),
)

# --- both conditions are needed --------------------------------------------------------------------------------
_P, _P_next = (coordinate(v, 1) ** 2 - coordinate(v, 0) ** 2 for v in (w, w_next))
FALSE = Theorem(
    slug="product-balancedness-sign-kept-contracts",
    relations=(
        Related(
            "corrected by",
            "product-balancedness-identity.contraction",
            "that the sign is kept is not enough: ηρ|q|/n < 2 is needed besides",
        ),
    ),
    title="Where SAM on (xy)²/2 keeps the sign of y²−x², |y²−x²| does not grow",
    source=replace(NEW, text="derived here; tempting, false without 0 < ηaq < 2"),
    rule=sam,
    loss=Expression("w1**2*w2**2/2", ["w1", "w2"]),
    claim=Inequality(Abs(_P_next), Abs(_P), given=(_P * _P_next > 0,)),
    candidate=Instance({"eta": 1, "rho": 10}, (Rational(3, 50), Rational(4, 50))),
    status="quoted",
    expected="refuted",
    notes="(3/50, 4/50), ρ = 10, η = 1: the sign is kept, and 7/2500 becomes more than 60000",
)

THEOREMS = (SIGN, FLIP, FACTOR, DECREASE, FALSE)
