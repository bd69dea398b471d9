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

Where the parameters are numbers, the start need not be on an attracting cycle.  Let f and A, and what is added to them
in higher orders, be odd and even in ω, let σ be the sign of f at the start r > 0, and g = σf on ω > 0: up to signs the
shape follows ω⁺ = g(ω).  Let r' > 0 be a fixed point of g with |g'(r')| < 1 and A(r') < 1.  The orbit from (ε^p r, ε)
tends to 0 with the shape r' for every small ε in two cases, where A and the iterates of g stay positive:

- if the iterates of r under g tend to r'.  The point (r', 0) attracts a neighbourhood, and a finite number of steps,
  which are continuous, brings (r, 0) there, hence also (r, ε) for small ε.
- if g(r) = r, g'(r) > 1, A(r) < 1, the first term that is added to g(r) is cε^k with c ≠ 0, and the iterates of all x
  on this side of r that are near enough tend to r'.  Let δ be the distance of ω from r in the direction of c.  Near
  (r, 0), for 0 ≤ δ ≤ κ and 0 < ε ≤ κ, δ⁺ ≥ g'(r)δ − O(δ²) + ε^k(|c| − O(ε+δ)) ≥ ½(1+g'(r))δ + ½|c|ε^k, and ε⁺ < ε.
  So δ is positive after a step, grows geometrically and leaves [0, κ] for a compact interval of such x, whatever ε was
  at the start; and as before they are brought to r' for small ε as well, uniformly by compactness.  ∎
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sympy as sp

from sam_theory.arithmetic import Expansion, NotExact, Series, Undecided, lower
from sam_theory.arithmetic._series import tidy
from sam_theory.engines._few_steps import observed
from sam_theory.engines._leading import (
    Leading,
    Unknown,
    equated,
    holds,
    never_vanishes,
    one_fixed_map,
    oracle,
    parameters,
    place,
)
from sam_theory.engines._shape import RationalMap, arrives, attraction, enclosure, exactly, fundamental_domain
from sam_theory.errors import InputError
from sam_theory.theorems import Asymptotic, Theorem

LEMMA = "collapse along a weighted ray"
_OMEGA = sp.Symbol("shape", real=True)
_SMALL = sp.Dummy("epsilon")
#: coefficients of A and of what it is compared with that are computed
_KNOWN = 3


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
    r = sp.cancel((other / small**weight).subs(equated(theorem)))
    sides = [(side, _near(theorem, claim, scale, weight, r, side)) for side in (1, -1)]
    ends = [(side, near, {_OMEGA: side * r}) for side, near in sides]
    if any(tidy(near.shape.subs(end) + side * r) != 0 for side, near, end in ends):
        if r.is_Rational:
            return _to_another_shape(sides[0][1], sides[1][1], r)
        raise Unknown(f"{r} is no 2-cycle of the shape")
    factors, slopes, values = (
        [tidy(e.subs(end)) for e, (_, _, end) in zip(formulas, ends, strict=True)]
        for formulas in (
            [near.growth for _, near in sides],
            [sp.diff(near.shape, _OMEGA) for _, near in sides],
            [near.value for _, near in sides],
        )
    )
    for f in factors:
        if not holds("the rate is positive", theorem, sp.StrictGreaterThan(f, 0)):
            raise Unknown(f"the hypotheses do not say that the rate {f} is positive")
    rate, slope = tidy(factors[0] * factors[1]), tidy(slopes[0] * slopes[1])
    if r.is_Rational and slope.is_number and slope > 1:
        return _to_another_shape(sides[0][1], sides[1][1], r)
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


@dataclass(frozen=True)
class _Near:
    """A, f and the limit of the quantity for shapes of one sign, and the coefficients of ε, … that are added to f."""

    growth: sp.Expr
    shape: sp.Expr
    value: sp.Expr
    added: tuple[sp.Expr, ...]

    def mirrored(self) -> tuple[sp.Expr, ...]:
        """The same as formulas of −ω, f and what is added to it with the opposite sign."""
        found = (self.growth, -self.shape, self.value, *(-c for c in self.added))
        return tuple(e.subs(_OMEGA, -_OMEGA) for e in found)


def _to_another_shape(above: _Near, below: _Near, r: sp.Rational) -> Leading:
    """The limit at the fixed point r' to which the shape tends.  Raises Unknown where a premise fails."""
    upper = (above.growth, above.shape, above.value, *above.added)
    if r <= 0 or any(sp.cancel(a - b) != 0 for a, b in zip(upper, below.mirrored(), strict=True)):
        raise Unknown("the shape is not positive, or positive and negative shapes differ")
    if any(e.free_symbols - {_OMEGA} for e in upper):
        raise Unknown("the parameters are no numbers")
    here = above.shape.subs(_OMEGA, r)
    sign = sp.sign(here)
    g = sp.cancel(sign * above.shape)
    bend = sp.cancel(sp.diff(g, _OMEGA))
    image, slope, growth = (RationalMap(e, _OMEGA) for e in (g, bend, above.growth))
    pieces = [exactly(r)]
    if sign * here == r:
        # σ is the sign that g takes off, in every step.
        away = next((int(sp.sign(sign * c)) for e in above.added if (c := e.subs(_OMEGA, r)) != 0), 0)
        if not away or not above.growth.subs(_OMEGA, r) < 1:
            raise Unknown(f"nothing leads away from the shape {r}")
        pieces = fundamental_domain(image, slope, growth, exactly(r), away)
    fixed = sp.Poly(sp.numer(sp.together(g - _OMEGA)), _OMEGA).real_roots()
    for target in (x for x in fixed if x > 0 and abs(bend.subs(_OMEGA, x)) < 1):
        goal = attraction(slope, enclosure(target))
        if all(arrives(image, slope, growth, piece, goal) for piece in pieces):
            return _at_the_end(above, target)
    raise Unknown(f"the shape {r} was not seen to tend to another")


def _at_the_end(near: _Near, target: sp.Expr) -> Leading:
    there = {_OMEGA: target}
    value = sp.radsimp(sp.cancel(near.value.subs(there)))
    if value.has(sp.CRootOf):
        raise Unknown(f"the limit at the shape {target} is no formula")
    if not near.growth.subs(there) < 1 or not value.is_nonzero:
        raise Unknown(f"at the shape {target} the orbit does not tend to 0, or the quantity does")
    return Leading(value, sp.oo, f"the shape tends to {target}", (LEMMA,))


def _near(theorem: Theorem, claim: Asymptotic, scale: int, weight: int, r: sp.Expr, side: int) -> _Near:
    """What the map does to shapes ω near side·r."""
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
        rates, images = ([e.coefficient(k + n) for k in range(_KNOWN)] for e, n in ((growth, 1), (other, weight)))
        quotient = _in_powers(images) / _in_powers(rates) ** weight
        added = (sp.diff(quotient, _SMALL, k).subs(_SMALL, 0) / sp.factorial(k) for k in range(1, _KNOWN))
        return _Near(rates[0], images[0] / rates[0] ** weight, found.coefficient(0), tuple(map(tidy, added)))
    except (Undecided, NotExact, InputError) as problem:
        raise Unknown(str(problem)) from None


def _in_powers(coefficients: list[sp.Expr]) -> sp.Expr:
    return sp.Add(*(c * _SMALL**k for k, c in enumerate(coefficients)))
