r"""The lemma *collapse along a weighted ray*: an orbit that tends to 0 at a geometric rate, with a fixed shape.

Let the plane map be, for small ε > 0, (ε^p ω, ε) ↦ (ε^p(B(ω)+O(ε)), ε(A(ω)+O(ε))), smooth near ω = ±r, with A(±r) >
0, and let f = B/A^p.  Suppose f(r) = −r, f(−r) = r, |f'(r)f'(−r)| < 1 and A(r)A(−r) < 1.  Then for every small ε the
orbit from (ε^p r, ε) tends to 0, with w_t = (ε_t^p ω_t, ε_t) and ω_t ∓ r → 0, the sign changing in each step.  So a
quantity of one step that has the same limit at (ε^p r, ε) and at (−ε^p r, ε) as ε → 0 tends to this limit along the
orbit, exactly.

Proof.  In the coordinates (ω, ε) the map is ω⁺ = f(ω) + O(ε), ε⁺ = ε(A(ω)+O(ε)), smooth near (±r, 0).  It exchanges
these two points; the Jacobian of two steps at (r, 0) is triangular with the diagonal f'(r)f'(−r), A(r)A(−r).  Both
have modulus below 1, so (r, 0) attracts a neighbourhood under two steps, in which (r, ε) lies for small ε; and ε_t
stays positive as A > 0.  ∎

The 2-cycle may also be a fixed point: f(±r) = ±r with |f'(±r)| < 1 is the same argument for one step.  Only the first
is used.
"""

from __future__ import annotations

from typing import Any

import sympy as sp

from sam_theory.arithmetic import Expansion, NotExact, Series, Undecided, lower
from sam_theory.arithmetic._series import tidy
from sam_theory.engines._few_steps import observed
from sam_theory.engines._leading import (
    Leading,
    Unknown,
    holds,
    never_vanishes,
    one_fixed_map,
    oracle,
    parameters,
    place,
)
from sam_theory.errors import InputError
from sam_theory.theorems import Asymptotic, Theorem

LEMMA = "collapse along a weighted ray"
_OMEGA = sp.Symbol("shape", real=True)


def collapse(theorem: Theorem, claim: Asymptotic) -> Leading:
    """The limit of the quantity along the orbit, by the lemma.  Raises Unknown where a premise is not proved."""
    small, start = claim.small, claim.start
    if theorem.loss.dimension != 2 or len(start) != 2 or small not in start:
        raise Unknown("one of two coordinates must start at the small parameter")
    one_fixed_map(theorem)
    scale = start.index(small)
    other = start[1 - scale]
    if small.name in theorem.map.parameters:
        raise Unknown(f"{small} is a parameter of the map, and not only of the start")
    weight = next((p for p in range(1, 5) if not sp.cancel(other / small**p).has(small)), None)
    if weight is None:
        raise Unknown(f"the start is no multiple of a power of {small}")
    r = sp.cancel(other / small**weight)
    factors, shapes, slopes, values = [], [], [], []
    for side in (1, -1):
        growth, image, value = _near(theorem, claim, scale, weight, r, side)
        shape = image / growth**weight
        end = {_OMEGA: side * r}
        factors.append(tidy(growth.subs(end)))
        shapes.append(tidy(shape.subs(end) + side * r))
        slopes.append(tidy(sp.diff(shape, _OMEGA).subs(end)))
        values.append(tidy(value.subs(end)))
    if any(s != 0 for s in shapes):
        raise Unknown(f"{r} is no 2-cycle of the shape")
    for f in factors:
        if not holds("the rate is positive", theorem, sp.StrictGreaterThan(f, 0)):
            raise Unknown(f"the hypotheses do not say that the rate {f} is positive")
    rate, slope = tidy(factors[0] * factors[1]), tidy(slopes[0] * slopes[1])
    for name, relation in (
        ("collapse", sp.StrictLessThan(rate, 1)),
        ("shape", sp.StrictLessThan(slope, 1)),
        ("shape", sp.StrictGreaterThan(slope, -1)),
    ):
        if not holds(name, theorem, relation):
            raise Unknown(f"the hypotheses do not say that {relation}")
    if tidy(values[0] - values[1]) != 0 or not never_vanishes(theorem, values[0]):
        raise Unknown("the quantity has not the same nonzero limit at both points of the 2-cycle")
    return Leading(values[0], sp.oo, "the limit along the orbit is exact", (LEMMA, "z3"))


def _near(
    theorem: Theorem, claim: Asymptotic, scale: int, weight: int, r: sp.Expr, side: int
) -> tuple[sp.Expr, sp.Expr, sp.Expr]:
    """A, B and the limit of the quantity at the shape ω near side·r."""
    sign = Series(claim.small, 1, oracle(theorem)).sign_of(r)
    if sign is None:
        raise Unknown(f"the hypotheses do not give {r} a sign")
    near = sp.StrictGreaterThan(_OMEGA, 0) if sign * side > 0 else sp.StrictLessThan(_OMEGA, 0)
    series = Series(claim.small, 4, oracle(theorem, near))
    env: dict[str, Any] = parameters(series, theorem) | {_OMEGA.name: series.constant(_OMEGA)}
    point = [claim.small, claim.small]
    point[1 - scale] = claim.small**weight * _OMEGA
    try:
        here = place(series, tuple(point), env)
        (name,) = theorem.map.state
        image = theorem.map.step(series, {name: here}, env)[name]
        growth, other = image[scale], image[1 - scale]
        if any(growth.coefficient(k) != 0 for k in range(1)) or any(other.coefficient(k) != 0 for k in range(weight)):
            raise Unknown("the map leaves the weighted scale")
        seen = {**observed(theorem, series, env, here, here), "w_next": image}
        for i, block in enumerate(theorem.loss.blocks):
            seen[f"{block}_next"] = series.block(image, i, len(theorem.loss.blocks))
        for at_the_start in ("w_start", claim.small.name):  # here ε is the scale of the orbit at a later step
            del seen[at_the_start]
        found: Expansion = series.run(lower(claim.quantity), seen, theorem.loss)["result"]
        if found.order < 0:
            raise Unknown("the quantity tends to infinity")
        return growth.coefficient(1), other.coefficient(weight), found.coefficient(0)
    except (Undecided, NotExact, InputError) as problem:
        raise Unknown(str(problem)) from None
