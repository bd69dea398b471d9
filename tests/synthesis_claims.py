"""Claims of a user, in symbols of other names: what ``synthesize`` is asked about in the tests."""

from __future__ import annotations

import sympy as sp

from sam_theory import (
    ConvexSmooth,
    Envelope,
    GeometricSum,
    Inequality,
    Quadratic,
    Source,
    Step,
    StronglyConvex,
    Theorem,
    coordinate,
    gap,
    norm,
    t,
    value,
    w,
    w_next,
    w_start,
)
from sam_theory.arithmetic import LENGTH, STEP_SIZE, Traced
from sam_theory.rules import Space, rule

mu, M, h = sp.symbols("mu M h", positive=True)
r = sp.Symbol("r", nonnegative=True)
notes = Source("notes", "a user's notes")


@rule(dimensions={"h": STEP_SIZE})
def descent(space: Space, w: Traced, *, h: Traced) -> Traced:
    """Gradient descent with step h."""
    return w - h * space.grad(w)


@rule(dimensions={"h": STEP_SIZE, "r": LENGTH})
def ascent_descent(space: Space, w: Traced, *, h: Traced, r: Traced) -> Traced:
    """SAM with step h and radius r."""
    return w - h * space.grad(w + r * space.unit(space.grad(w)))


never_increases = Inequality(value(w_next), value(w))
descends = Theorem(
    slug="gd-descends",
    title="Gradient descent never increases a convex smooth loss (asked with too small a range)",
    source=notes,
    rule=descent,
    loss=ConvexSmooth(M),
    hypotheses=(h * M < 1,),
    claim=never_increases,
    proof=(Step("descent", never_increases, ("descent lemma: w -> w_next",)),),
)
neighbourhood = Theorem(
    slug="my-neighbourhood",
    title="SAM reaches a neighbourhood (asked with too small a range)",
    source=notes,
    rule=ascent_descent,
    loss=StronglyConvex(mu, M),
    hypotheses=(h * M <= sp.Rational(1, 2),),
    claim=Envelope(gap(w), (1 - mu * h * (2 - h * M)) ** t * gap(w_start) + h * M**3 * r**2 / (2 * mu * (2 - h * M))),
    proof=(
        GeometricSum(
            1 - mu * h * (2 - h * M),
            h**2 * M**3 * r**2 / 2,
            (
                "descent lemma: w -> w_next",
                "monotone gradient: w, p1",
                "Lipschitz gradient: w, p1",
                "Cauchy-Schwarz: w, p1",
                "Polyak-Lojasiewicz: w",
            ),
        ),
    ),
)
moves_out = Theorem(
    slug="moves-out",
    title="False at every step size: gradient descent moves away from the minimum of a quadratic",
    source=notes,
    rule=descent,
    loss=Quadratic(M),
    hypotheses=(h * M < 1,),
    claim=Inequality(norm(w), norm(w_next)),
)
stays = Theorem(
    slug="stays-on-the-line",
    title="True at every step size: the step is along w",
    source=notes,
    rule=descent,
    loss=Quadratic(M),
    hypotheses=(h * M < 1,),
    claim=Inequality(coordinate(w_next), (1 - h * M) * coordinate(w)),
)
#: no closed form: 1 − hM and a quintic in h
quintic = Theorem(
    slug="quintic",
    title="h⁵ + h ≤ 1 at M = 1: a bound without a closed form",
    source=notes,
    rule=descent,
    loss=Quadratic(1),
    claim=Inequality((h**5 + h) * norm(w), norm(w)),
)
