r"""The lemma *attracting fixed point*: the limit of an orbit that starts near one.

Let the map F not depend on the small parameter, F(p) = p, F smooth at p, and the eigenvalues of F'(p) of modulus below
1; let the start tend to p as the small parameter tends to 0.  Then, where it is small enough, the orbit tends to p, and
a polynomial q of w and w_next tends to q(p, p): exactly, with no remainder.

Proof.  In a norm adapted to F'(p), |F(w) − p| ≤ c|w − p| with c < 1 in a ball around p, which the start has entered; so
w_t → p, hence w_{t+1} → p, and q is continuous.  ∎
"""

from __future__ import annotations

from typing import Any

import sympy as sp

from sam_theory.arithmetic import Coordinates, Symbolic, lower
from sam_theory.dynamics._sides import singular_at
from sam_theory.engines._leading import NOT_SMOOTH, Leading, Unknown, equated, holds, never_vanishes, one_fixed_map
from sam_theory.engines._orbit_goals import coordinate_environment
from sam_theory.theorems import Asymptotic, Theorem

LEMMA = "attracting fixed point"


def at_fixed_point(theorem: Theorem, claim: Asymptotic) -> Leading:
    """The value at the fixed point, by the lemma; it may be 0.  Raises Unknown where a premise is not proved."""
    one_fixed_map(theorem)
    if theorem.loss.dimension != len(claim.start) or not claim.small.is_positive:
        raise Unknown(f"the start has not the dimension of the loss, or {claim.small} is not positive")
    known = equated(theorem)
    env = coordinate_environment(theorem)
    here = list(env["w"])
    image = [e.subs(known) for e in env["w_next"]]
    if any(e.has(claim.small, *NOT_SMOOTH) for e in image):
        raise Unknown(f"the map depends on {claim.small}, or is not seen to be smooth")
    start = [c.subs(known) for c in claim.start]
    p = [c.subs(claim.small, 0) for c in start]  # the limit, where it is finite and nothing jumps
    if not all(c.is_finite for c in p) or any(c.atoms(sp.Function, sp.Piecewise) for c in start):
        raise Unknown(f"the start is not seen to have a finite limit as {claim.small} tends to 0")
    there: dict[Any, Any] = dict(zip(here, p, strict=True))
    if not all(never_vanishes(theorem, e) for e in singular_at(image, there)):
        raise Unknown("the map is not seen to be smooth where the orbit starts")
    if any(sp.simplify(e.subs(there) - c) != 0 for e, c in zip(image, p, strict=True)):
        raise Unknown(f"{tuple(p)} is not a fixed point")
    _contracts(theorem, sp.Matrix(image).jacobian(here).subs(there).applyfunc(sp.simplify))
    w, w_next = Coordinates(here), Coordinates(sp.Symbol(f"next{i}!", real=True) for i in range(len(here)))
    seen = {k: v for k, v in env.items() if k not in ("w_start", "t")} | {"w": w, "w_next": w_next}
    program = lower(claim.quantity)
    if not set(program.inputs) <= set(seen):
        raise Unknown("the quantity does not depend on the end of the orbit alone")
    quantity = Symbolic().run(program, seen, theorem.loss)["result"].subs(known)
    if quantity.has(claim.small) or not quantity.is_polynomial(*w, *w_next):
        raise Unknown("the quantity is no polynomial of the end of the orbit")
    value = sp.simplify(quantity.subs({**there, **dict(zip(w_next, p, strict=True))}))
    return Leading(value, sp.oo, "the orbit ends at an attracting fixed point", (LEMMA, "z3"))


def _contracts(theorem: Theorem, matrix: sp.Matrix) -> None:
    if not (matrix.is_upper or matrix.is_lower):
        raise Unknown("the directions at the fixed point are coupled")
    for i in range(matrix.rows):
        if not holds("the fixed point attracts", theorem, sp.StrictLessThan(matrix[i, i] ** 2, 1)):
            raise Unknown(f"the hypotheses do not say that the multiplier {matrix[i, i]} has modulus below 1")
