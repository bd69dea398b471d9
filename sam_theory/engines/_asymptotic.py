r"""Leading terms beside an attracting manifold of fixed points, by exact second-order algebra.

Let coordinate i vanish on a manifold of fixed points of a smooth map, with multiplier m across it, |m| < 1, and let
the other coordinates move by ½κ_j u_i² + O(u_i³) per step.  An orbit that starts at u_i = δ over the point p has
u_i(t) = mᵗδ + O(δ²), so that coordinate j ends at p_j + ½κ_j δ²/(1−m²) + O(δ³).  The remainder is O(δ⁴) where the
map is even in u_i in these coordinates and odd in u_i across, and the quantity is even in the start.  The leading
term of any smooth quantity of the start and the end follows by substitution.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy as sp

from sam_theory.arithmetic import Coordinates, NotExact, Symbolic, Undecided, lower, one_sided_partial
from sam_theory.arithmetic._factor import factored
from sam_theory.dynamics._sides import singular_at
from sam_theory.engines._collapse import collapse
from sam_theory.engines._cycle_series import leading_on_cycle
from sam_theory.engines._edge_passage import through_the_edge
from sam_theory.engines._few_steps import after_few_steps
from sam_theory.engines._fixed_point import at_fixed_point
from sam_theory.engines._flip import beyond_flip
from sam_theory.engines._goal import Goal
from sam_theory.engines._leading import (
    RLIMIT,
    Leading,
    Unknown,
    equated,
    never_vanishes,
    one_fixed_map,
    ratio_in,
    untied,
)
from sam_theory.engines._orbit_goals import coordinate_environment
from sam_theory.engines._slow_drift import slow_drift
from sam_theory.engines._smt import Answer
from sam_theory.engines._smt import close as smt_close
from sam_theory.theorems import Asymptotic, Theorem, t

LEMMA = "attracting manifold of fixed points"


def leading_ratio(theorem: Theorem) -> tuple[Answer, tuple[str, ...]]:
    """Whether the exact leading term of the quantity is the claimed one, and the lemmas used."""
    claim = theorem.expanded_claim
    assert isinstance(claim, Asymptotic)
    found = exact_leading_term(theorem)
    if isinstance(found, str):
        return Answer("unknown", found), ()
    try:
        ratio = ratio_of(found, theorem)
    except Unknown as problem:
        return Answer("unknown", str(problem)), ()
    if ratio != 1:
        return Answer("refuted", f"the exact ratio of the leading terms is {factored(ratio)}"), found.lemmas
    enough = sp.sympify(found.order - claim.order).is_extended_nonnegative
    if not enough and found.then is not None:
        return Answer("refuted", f"the remainder has order {found.order} and no more"), found.lemmas
    if not enough:
        return Answer("unknown", f"the remainder is known to be O({claim.small}^{found.order}) only"), found.lemmas
    rest = "no remainder" if found.order is sp.oo else f"remainder O({claim.small}^{found.order})"
    detail = f"the exact leading term is {factored(found.term)}, with {rest}"
    return Answer("proved", f"{detail}: {found.method}"), found.lemmas


def ratio_of(found: Leading, theorem: Theorem) -> sp.Expr:
    """The exact leading term over the claimed one.  Raises Unknown where they cannot be compared."""
    claim = theorem.expanded_claim
    assert isinstance(claim, Asymptotic)
    leading = claim.leading if claim.at is None else claim.leading.subs(t, claim.at)
    if found.scale is not None:
        return ratio_in(found.scale, theorem, leading, claim.order)
    ratio: sp.Expr = sp.cancel(sp.together((found.term / leading).subs(equated(theorem))))
    return ratio if ratio == 1 else sp.simplify(ratio)


_FOUND: dict[Any, tuple[Any, Leading | str]] = {}


def exact_leading_term(theorem: Theorem) -> Leading | str:
    """The leading term of the claimed quantity and the relative order of the remainder, or why not."""
    claim = theorem.expanded_claim
    assert isinstance(claim, Asymptotic)
    said = (claim.quantity, claim.small, claim.start, claim.at, claim.order)
    key = (id(theorem.rule), id(theorem.loss), said, theorem.all_hypotheses)
    if key not in _FOUND:  # mutants of the leading term share it; the objects are kept so that their ids stay theirs
        _FOUND[key] = ((theorem.rule, theorem.loss), _exactly(theorem, claim))
    return _FOUND[key][1]


def _exactly(theorem: Theorem, claim: Asymptotic) -> Leading | str:
    reasons = []
    methods: tuple[Callable[[Theorem, Asymptotic], Leading], ...]
    if untied(theorem, claim.small):
        methods = _IN_THE_LIMIT if claim.at is None else _AFTER_FEW_STEPS if claim.at.is_number else _ALONG_A_DRIFT
    else:
        reasons.append(f"the hypotheses tie other parameters to {claim.small}, or keep it from tending to 0")
        methods = _WITH_TIES if claim.at is None else ()
    for method in methods:
        try:
            return method(theorem, claim)
        except (Unknown, NotExact, Undecided) as problem:
            reasons.append(str(problem))
    return "; ".join(reasons)


def _beside_manifold(theorem: Theorem, claim: Asymptotic) -> Leading:
    """Second order beside an attracting manifold of fixed points.  Raises Unknown."""
    small, start = claim.small, claim.start
    one_fixed_map(theorem)
    if theorem.loss.dimension != len(start) or start.count(small) != 1:
        raise Unknown("one coordinate of the start must be the small parameter itself")
    i = start.index(small)
    env = coordinate_environment(theorem)
    here, image = list(env["w"]), list(env["w_next"])
    if any(e.has(sp.sign, sp.Abs) for e in image):
        raise Unknown("the map is not smooth at the manifold of fixed points")
    across = here[i]
    if any(e.subs(across, 0) != (0 if j == i else here[j]) for j, e in enumerate(image)):
        raise Unknown(f"{across} = 0 is not a manifold of fixed points")
    m = one_sided_partial(image[i], across).subs(across, 0).doit()
    slopes = [one_sided_partial(e, across).subs(across, 0).doit() for j, e in enumerate(image) if j != i]
    if any(sp.simplify(e) != 0 for e in slopes):
        raise Unknown("the other coordinates move to first order")
    second = [sp.diff(e, across, 2) for e in image]
    bends = [e.subs(across, 0).doit() for e in second]
    base = {h: p for h, p in zip(here, start, strict=True) if h != across}
    below = singular_at([*image, *second], {across: sp.S.Zero, **base})
    if not all(never_vanishes(theorem, e) for e in below):
        raise Unknown(f"the map is not seen to be smooth where the start meets {across} = 0")
    m, bends = m.subs(base), [b.subs(base) for b in bends]
    contracting = Goal("the manifold attracts", theorem.all_hypotheses, sp.StrictLessThan(m**2, 1))
    if smt_close(contracting, RLIMIT).status != "proved":
        raise Unknown(f"the hypotheses do not say that the multiplier {factored(m)} has modulus below 1")
    travel = small**2 / (1 - m**2) / 2
    end = [sp.S.Zero if j == i else p + bends[j] * travel for j, p in enumerate(start)]
    quantity = Symbolic().run(
        lower(claim.quantity),
        {**env, "w": Coordinates(end), "w_start": Coordinates(start)},
        theorem.loss,
    )["result"]
    coefficient = sp.diff(quantity, small, 2).subs(small, 0).doit() / 2
    first = [sp.diff(quantity, small, k).subs(small, 0).doit() for k in (0, 1)]
    if any(sp.simplify(e) != 0 for e in first) or sp.simplify(coefficient) == 0:
        raise Unknown(f"the quantity is not of second order in {small}")
    if not never_vanishes(theorem, coefficient):
        raise Unknown(f"the hypotheses do not exclude that the leading coefficient {coefficient} vanishes")
    mirrored: dict[Any, Any] = {across: -across}
    even = all(sp.simplify(e.subs(mirrored) - (-e if j == i else e)) == 0 for j, e in enumerate(image))
    even &= _even_in_start(theorem, claim, env, i) and not any(p.has(small) for j, p in enumerate(start) if j != i)
    term = factored(sp.simplify(coefficient)) * small**2
    how = "second order beside an attracting manifold of fixed points"
    return Leading(term, 2 if even else 1, how, (LEMMA, "z3"))


def _even_in_start(theorem: Theorem, claim: Asymptotic, env: dict[str, Any], i: int) -> bool:
    """Whether the quantity is the same for starts on both sides of the manifold."""
    formula = Symbolic().run(lower(claim.quantity), env, theorem.loss)["result"]
    begin = env["w_start"][i]
    return bool(sp.simplify(formula.subs(begin, -begin) - formula) == 0)


#: What finds a leading term, or raises Unknown, NotExact or Undecided; tried in this order.
_WITH_TIES = (beyond_flip,)
_IN_THE_LIMIT = (_beside_manifold, through_the_edge, leading_on_cycle, collapse, *_WITH_TIES, at_fixed_point)
_AFTER_FEW_STEPS = (after_few_steps,)
_ALONG_A_DRIFT = (slow_drift,)
