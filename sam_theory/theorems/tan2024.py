"""StableSAM of Tan et al. (2024) on quadratics, derived here: gradient descent's range of step sizes, and no cycle."""

from __future__ import annotations

import sympy as sp

from sam_theory.arithmetic import dot, grad, norm, value
from sam_theory.losses import Quadratic, SpectralQuadratic
from sam_theory.rules import stable_sam
from sam_theory.theorems._claims import Identity, Limit
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
