"""Scale-invariant losses, L(cw) = L(w): exact identities, in the setting of Lyu, Li & Arora (NeurIPS 2022)."""

from __future__ import annotations

import sympy as sp

from sam_theory.arithmetic import CURVATURE, NUMBER, STEP_SIZE, Traced, dot, grad, norm
from sam_theory.losses import ScaleInvariant
from sam_theory.rules import Convention, Space, gd, rule, sam
from sam_theory.theorems._claims import Identity
from sam_theory.theorems._proof import Step
from sam_theory.theorems._sources import LYU
from sam_theory.theorems._symbols import eta, rho, w, w_next
from sam_theory.theorems._theorem import Mutant, Theorem, declared

decay, c = sp.symbols("decay c", positive=True)
invariant = ScaleInvariant()
g_squared = dot(grad(w), grad(w))
off_origin = (norm(w) > 0,)
at_the_origin = {"|w| > 0": "a scale-invariant loss that is not constant has no gradient at 0: its domain leaves 0 out"}


@rule(dimensions={"eta": STEP_SIZE, "decay": CURVATURE}, convention=Convention(normalised=False))
def gd_decay(space: Space, w: Traced, *, eta: Traced, decay: Traced) -> Traced:
    """Gradient descent with weight decay: w⁺ = (1 − η·decay) w − η ∇L(w)."""
    return (1 - eta * decay) * w - eta * space.grad(w)


EULER = Theorem(
    slug="scale-invariant-identities.euler",
    title="The gradient of a scale-invariant loss is orthogonal to the weights",
    source=LYU,
    rule=gd,
    loss=invariant,
    unneeded=at_the_origin,
    claim=Identity(dot(grad(w), w), sp.S.Zero, off_origin),
    proof=(Step("Euler", Identity(dot(grad(w), w), sp.S.Zero, off_origin), ("Euler identity: w",)),),
    tightness="exact",
    mutants=(Mutant("⟨g,g⟩", Identity(g_squared, sp.S.Zero, off_origin)),),
)
_scaled = Identity(c**2 * dot(grad(c * w), grad(c * w)), g_squared, off_origin)
HOMOGENEOUS = EULER.with_(
    slug="scale-invariant-identities.homogeneity",
    title="|∇L(cw)| = |∇L(w)|/c",
    unneeded=at_the_origin,
    claim=_scaled,
    proof=(Step("homogeneity", _scaled, ("scale invariance",)),),
    dimensions={"c": NUMBER},
    mutants=(Mutant("c^4", Identity(c**4 * dot(grad(c * w), grad(c * w)), g_squared, off_origin)),),
)
_direction = Identity(c * dot(grad(c * w), grad(w)), g_squared, off_origin)
DIRECTION = HOMOGENEOUS.with_(
    slug="scale-invariant-identities.direction",
    title="⟨∇L(cw), ∇L(w)⟩ = |∇L(w)|²/c: with the norms, ∇L(cw) = ∇L(w)/c",
    unneeded=at_the_origin,
    claim=_direction,
    proof=(Step("direction", _direction, ("scale invariance",)),),
    mutants=(),
)
_decayed = Identity(dot(w_next, w_next), (1 - eta * decay) ** 2 * dot(w, w) + eta**2 * g_squared, off_origin)
DECAY = EULER.with_(
    slug="scale-invariant-identities.weight-decay",
    title="GD with weight decay: |w⁺|² = (1−ηλ)²|w|² + η²|g|²",
    rule=gd_decay,
    unneeded=at_the_origin,
    claim=_decayed,
    proof=(Step("norms", _decayed, ("Euler identity: w",)),),
    mutants=(),
)
ascent_point = w + rho * grad(w) / norm(grad(w))
_sam = Identity(
    dot(w_next, w_next),
    dot(w, w)
    + 2 * eta * rho * dot(grad(ascent_point), grad(w)) / norm(grad(w))
    + eta**2 * dot(grad(ascent_point), grad(ascent_point)),
    (norm(grad(w)) > 0,),
)
SAM_NORM = EULER.with_(
    slug="scale-invariant-identities.sam",
    title="SAM: |w⁺|² = |w|² + 2ηρ⟨g̃,u⟩ + η²|g̃|², since ⟨g̃, w+ρu⟩ = 0",
    rule=sam,
    claim=_sam,
    proof=(Step("norms", _sam, ("Euler identity: p1",)),),
    mutants=(),
)

THEOREMS = declared(globals())
