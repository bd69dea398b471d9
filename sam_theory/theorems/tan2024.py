"""StableSAM of Tan et al. (2024) on quadratics, derived here: gradient descent's range of step sizes, and no cycle."""

from __future__ import annotations

import sympy as sp

from sam_theory.arithmetic import dot, grad, norm, value
from sam_theory.losses import Quadratic, SpectralQuadratic
from sam_theory.rules import stable_sam
from sam_theory.theorems._claims import Identity, Inequality, Limit
from sam_theory.theorems._proof import DistanceDecreases, Step
from sam_theory.theorems._sources import TAN
from sam_theory.theorems._symbols import alpha, beta, eta, lam, rho, w, w_next
from sam_theory.theorems._theorem import Mutant, Theorem, declared
from sam_theory.theorems.quadratics import agree
from sam_theory.theorems.wen2023 import lam_j

LINE = Theorem(
    slug="stablesam-quadratic.one-dimension",
    title="On ½λ‖w‖² StableSAM is gradient descent: w⁺ = (1−ηλ)w, in every dimension",
    source=TAN,
    rule=stable_sam,
    loss=Quadratic(lam, dimension=None),
    claim=agree(w_next, (1 - eta * lam) * w, given=()),
    tightness="exact",
)
#: They exclude that the gradient vanishes after the ascent but not before.
definite = ("spectral bounds: w", "spectral bounds: p1")
kept = Identity(norm(w_next - w), eta * norm(grad(w)))
LENGTH_KEPT = LINE.with_(
    slug="stablesam-quadratic.step-length",
    title="On any quadratic a step is as long as that of gradient descent: ‖w⁺−w‖ = η‖g‖",
    loss=SpectralQuadratic(alpha, beta),
    claim=kept,
    proof=(Step("length", kept, definite),),
)
ascended = grad(w + rho / norm(grad(w)) * grad(w))
cosine = dot(grad(w), ascended) / (norm(grad(w)) * norm(ascended))
bend = 2 * value(eta * ascended) / (eta**2 * norm(ascended) ** 2)
drop = Identity(
    value(w_next), value(w) - eta * norm(grad(w)) ** 2 * (cosine - eta / 2 * bend), given=(norm(grad(w)) > 0,)
)
DROP = LENGTH_KEPT.with_(
    slug="stablesam-quadratic.drop",
    title="f⁺ − f = −η‖g‖²(cos θ − ½η⟨ĝ,Λĝ⟩), θ the angle of g and g̃, ĝ = g̃/‖g̃‖",
    claim=drop,
    proof=(Step("drop", drop, definite),),
)
#: (Λ−α)(β−Λ) ⪰ 0 at g, and from it the angle of g and g̃ = (1+ρΛ/‖g‖)g: Kantorovich's inequality
moved = eta * grad(w)
bent, bowed = 2 * value(moved) / eta**2, norm(grad(moved)) ** 2 / eta**2  # ⟨g,Λg⟩ and ‖Λg‖²
interval = Inequality(alpha * beta * norm(grad(w)) ** 2 + bowed, (alpha + beta) * bent)
off_minimum = (norm(grad(w)) > 0,)
angle = Inequality(
    4 * alpha * beta * norm(grad(w)) ** 2 * norm(ascended) ** 2,
    (alpha + beta) ** 2 * dot(grad(w), ascended) ** 2,
    given=off_minimum,
)
#: ‖g‖² times what the sides of the angle differ by, with y = ⟨g,Λg⟩: (β−α)²(‖g‖⁶ + 2ρ‖g‖³y),
#: ρ²((α+β)y − 2αβ‖g‖²)² and 4αβρ²‖g‖² times what the sides of the interval differ by.
angle_terms = (
    Step(
        "alike",
        Inequality(sp.S.Zero, (beta - alpha) ** 2 * (norm(grad(w)) ** 6 + 2 * rho * norm(grad(w)) ** 3 * bent)),
        ("positive",),
    ),
    Step(
        "square",
        Inequality(sp.S.Zero, rho**2 * ((alpha + beta) * bent - 2 * alpha * beta * norm(grad(w)) ** 2) ** 2),
    ),
    Step(
        "weighted interval",
        Inequality(sp.S.Zero, 4 * alpha * beta * rho**2 * norm(grad(w)) ** 2 * (interval.rhs - interval.lhs)),
        ("interval",),
    ),
)
angle_steps = (
    Step("interval", interval, ("spectral interval",)),
    Step("positive", Inequality(sp.S.Zero, bent), ("spectral bounds",)),
    *angle_terms,
    Step("angle", angle, (*(step.name for step in angle_terms), "spectral bounds: w")),
)
ANGLE = LENGTH_KEPT.with_(
    slug="stablesam-quadratic.angle",
    title="The angle of g and g̃ satisfies cos θ ≥ 2√(αβ)/(α+β), for every ρ (Kantorovich)",
    claim=angle,
    proof=angle_steps,
    tightness="",
    mutants=(Mutant("5αβ", Inequality(5 * angle.lhs / 4, angle.rhs, given=off_minimum)),),
    notes="attained at α = β; for α < β approached as ρ/‖g‖ → ∞ alone, since I+ρΛ/‖g‖ has a smaller condition number",
)
kantorovich = 2 * sp.sqrt(alpha * beta) / (alpha + beta)
turned = eta * ascended
descent = Inequality(
    value(w_next), value(w) - eta * norm(grad(w)) ** 2 * (kantorovich - eta * beta / 2), given=off_minimum
)
aligned = Inequality(
    2 * sp.sqrt(alpha * beta) * norm(grad(w)) * norm(ascended),
    (alpha + beta) * dot(grad(w), ascended),
    given=off_minimum,
)
curvature = Inequality(2 * value(turned), beta * norm(turned) ** 2, given=off_minimum)
#: 2(α+β)‖g̃‖² times what the sides of the descent differ by is 2η‖g‖‖g̃‖ times that of ``aligned`` and (α+β)‖g‖² times
#: that of ``curvature``; more powers of the lengths stand here, as they stand in the relations without denominators.
descent_terms = (
    Step(
        "weighted alignment",
        Inequality(
            sp.S.Zero,
            2 * eta * norm(grad(w)) ** 2 * norm(ascended) ** 2 * (aligned.rhs - aligned.lhs),
            given=off_minimum,
        ),
        ("aligned",),
    ),
    Step(
        "weighted curvature",
        Inequality(
            sp.S.Zero,
            (alpha + beta) * norm(grad(w)) ** 2 * norm(ascended) * (curvature.rhs - curvature.lhs),
            given=off_minimum,
        ),
        ("curvature",),
    ),
)
descent_steps = (
    *angle_steps,
    Step("aligned", aligned, ("angle", "positive")),
    Step("curvature", curvature, ("spectral bounds",)),
    *descent_terms,
    Step("descent", descent, (*(step.name for step in descent_terms), *definite)),
)
DESCENT = ANGLE.with_(
    slug="stablesam-quadratic.descent",
    title="f⁺ ≤ f − η‖g‖²(2√(αβ)/(α+β) − ½ηβ): descent for η < (2/β)·2√κ/(1+κ), κ = β/α, for every ρ",
    claim=descent,
    proof=descent_steps,
    unneeded={off_minimum[0]: "where the gradient vanishes StableSAM rests, and both sides are f"},
    without={off_minimum[0]: (*descent_steps, Step("everywhere", Inequality(descent.lhs, descent.rhs), ("descent",)))},
    mutants=(
        Mutant(
            "β/3 for β/2",
            Inequality(
                value(w_next),
                value(w) - eta * norm(grad(w)) ** 2 * (kantorovich - eta * beta / 3),
                given=off_minimum,
            ),
        ),
    ),
    notes="an equality at α = β; the range of step sizes is thought to be that of gradient descent (.range)",
)
CONVERGES_LINE = LINE.with_(
    slug="stablesam-quadratic.line-converges",
    title="On ½λw² with ηλ < 2 it converges to the minimiser from every start: no cycle remains",
    loss=Quadratic(lam),
    hypotheses=(eta * lam < 2,),
    claim=Limit(norm(w), sp.S.Zero),
    proof=(DistanceDecreases(sp.S.Zero),),
    mutants=(Mutant("beyond 2", hypotheses=(eta * lam < sp.Rational(21, 10),)),),
)
CONJECTURE = LINE.with_(
    slug="stablesam-quadratic.range",
    title="Conjecture: with two eigenvalues it converges to the minimiser for every ηλ₁ < 2",
    loss=Quadratic(lam, lam_j),
    hypotheses=(eta * lam < 2, lam_j < lam),
    claim=Limit(norm(w), sp.S.Zero),
    status="conjecture",
    expected="supported",
    tightness="",
)

THEOREMS = declared(globals())
