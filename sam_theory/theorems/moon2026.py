"""After Moon, Si & Yun, "Minor First, Major Last" (ICLR 2026, arXiv 2603.08290): ℓ∞-SAM on deep diagonal networks.

One sample μ, logistic loss, predictor β_j = Π_ℓ w_j^(ℓ).  A step is w − ηg̃ with g̃ free of η, so that (w⁺−w)/η is the
field of the flow, and what is said of it holds for the flow and for every step size.
"""

from __future__ import annotations

import sympy as sp

from sam_theory.arithmetic import coordinate
from sam_theory.losses import Expression
from sam_theory.rules import linf_sam
from sam_theory.theorems._claims import Identity, Inequality
from sam_theory.theorems._sources import MOON
from sam_theory.theorems._symbols import eta, rho, w, w_next
from sam_theory.theorems._theorem import Mutant, Theorem, declared

mu, mu_1, mu_2 = sp.symbols("mu mu_1 mu_2", positive=True)
q = sp.Symbol("q", real=True)
names = sp.symbols("a b c d", real=True)
A, B, C, D = (coordinate(w, i) for i in range(4))
A_next, B_next, C_next, D_next = (coordinate(w_next, i) for i in range(4))


def logistic(margin: sp.Expr) -> sp.Expr:
    """log(1 + e^{−margin})."""
    return sp.log(1 + sp.exp(-margin))


def speed(margin: sp.Expr) -> sp.Expr:
    """The modulus of the derivative of the logistic loss."""
    return sp.exp(-margin) / (1 + sp.exp(-margin))


a, b, c, d = names
TWO_LAYERS = Expression(logistic(mu * a * b), [a, b], name="logistic(mu*a*b)")
THREE_LAYERS = Expression(logistic(mu * a * b * c), [a, b, c], name="logistic(mu*a*b*c)")
TWO_FEATURES = Expression(logistic(mu_1 * a * b + mu_2 * c * d), [a, b, c, d], name="logistic(mu_1*a*b + mu_2*c*d)")
positive = (A > 0, B > 0)
beyond, below = rho * 2, rho / 2

DEPTH_TWO = Theorem(
    slug="linf-sam-flow-depth.two-layers",
    title="L = 2: the field of a layer is qμ(b−ρ), q > 0",
    source=MOON,
    rule=linf_sam,
    loss=TWO_LAYERS,
    where={q: speed(mu * (A - rho) * (B - rho))},
    claim=Identity(A_next - A, eta * mu * q * (B - rho), given=positive),
    tightness="exact",
    notes="β grows above ρ², stands still at it and falls below: on the balanced line a = ρ repels, β → 0 from below",
)
DEPTH_TWO_BALANCED = DEPTH_TWO.with_(
    slug="linf-sam-flow-depth.balanced",
    title="L = 2: layers that start equal stay equal, a⁺ − b⁺ = (1−ηqμ)(a−b)",
    claim=Identity(A_next - B_next, (1 - eta * mu * q) * (A - B), given=positive),
    notes="",
)
DEPTH_THREE = DEPTH_TWO.with_(
    slug="linf-sam-flow-depth.three-layers",
    title="L = 3: the field of a layer is qμ(b−ρ)(c−ρ), on the balanced line nonnegative",
    loss=THREE_LAYERS,
    where={q: speed(mu * (A - rho) * (B - rho) * (C - rho))},
    claim=Identity(A_next - A, eta * mu * q * (B - rho) * (C - rho), given=(*positive, C > 0)),
    notes="a = ρ attracts from below and repels above: odd L ends at ρ^L, even L at 0",
)
DEPTH_TWO_FALLS = DEPTH_TWO.with_(
    slug="linf-sam-flow-depth.two-layers-fall",
    title="L = 2: below ρ every step of every size leads down,",
    unneeded={"w[1] > 0": "for a > 0 the ascent point of b is b−ρ, whatever b: below 0"},
    hypotheses=(sp.Gt(mu, 0, evaluate=False),),
    where={},
    claim=Inequality(A_next, A, strict=True, given=(*positive, B < rho)),
    tightness="",
    mutants=(Mutant("ρ*2", Inequality(A_next, A, strict=True, given=(*positive, B < beyond))),),
)
DEPTH_TWO_RISES = DEPTH_TWO_FALLS.with_(
    slug="linf-sam-flow-depth.two-layers-rise",
    title="and above ρ it leads up",
    unneeded={
        "w[0] > 0": "for w[0] ≤ 0 the ascent point of b is b+ρ or b, above 0 as well",
        "w[1] > 0": "it follows from w[1] > ρ ≥ 0",
    },
    claim=Inequality(A, A_next, strict=True, given=(*positive, B > rho)),
    mutants=(Mutant("ρ/2", Inequality(A, A_next, strict=True, given=(*positive, B > below))),),
)
DEPTH_THREE_RISES = DEPTH_TWO_FALLS.with_(
    slug="linf-sam-flow-depth.three-layers-rise",
    title="L = 3: on both sides of ρ a step leads up, where the other layers agree on the side",
    unneeded={"w[0] > 0": "for w[0] ≤ 0 the ascent points of b and c are b+ρ, c+ρ or b, c: above 0 as well"},
    loss=THREE_LAYERS,
    claim=Inequality(A, A_next, given=(*positive, C > 0, (B - rho) * (C - rho) >= 0)),
    mutants=(
        Mutant("the layers disagree", Inequality(A, A_next, given=(*positive, C > 0, (B - rho) * (C - rho) <= 0))),
    ),
)
TWO_COORDINATES = DEPTH_TWO.with_(
    slug="linf-sam-flow-depth.race",
    title="L = 2: two features race at the rates μ_j(b_j−ρ): (a₁⁺−a₁)μ₂(b₂−ρ) = (a₂⁺−a₂)μ₁(b₁−ρ)",
    unneeded=dict.fromkeys(
        ("w[1] > 0", "w[3] > 0"),
        "the ascent point of b_j is b_j−ρ for every b_j: its partial derivative has the sign of −a_j",
    ),
    loss=TWO_FEATURES,
    where={},
    claim=Identity((A_next - A) * mu_2 * (D - rho), (C_next - C) * mu_1 * (B - rho), given=(*positive, C > 0, D > 0)),
    notes="log(a_j−ρ) grows in proportion to μ_j: the direction is e_j* with the largest μ_j among those above ρ",
)

THEOREMS = declared(globals())
