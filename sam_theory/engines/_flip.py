r"""The lemma *2-cycle born at a flip*: where an orbit ends just beyond the loss of stability at a multiplier −1.

Let μ = ε² and let F(w, μ) be smooth near (0, 0), w = (u, v).  In u = εU, v = ε²V let one step be, smoothly in ε,

1. U⁺ = −U + O(ε), V⁺ = h(U, V) + O(ε), h = AV + k(U), A a constant matrix whose eigenvalues have modulus below 1;
2. two steps be U⁺⁺ = U + ε²g(U, V) + O(ε³), and γ(U) = g(U, V*(U)), V*(U) = (1−A)⁻¹k(U), obey γ(r) = 0, γ'(r) < 0.

Then for every small ε the orbit from (εr, ε²V₀) tends to a 2-cycle P₊(ε), P₋(ε) = (±εr, ε²V*(r)) + (O(ε²), O(ε³)).
A rational quantity q of w and w_next with q(a, b) = q(b, a) tends to q(P₊, P₋), which is even in ε: if it is ε^{2m}(c +
O(ε)) near these points, it is cμ^m(1 + O(μ)) for c ≠ 0.

Proof.  As F depends on ε through μ only, ε → −ε, U → −U leaves the map as it is; hence h(−U, V) = h(U, V), and V* is
the fixed point of two steps H = A²V + Ak + k at ε = 0.  Write two steps as (U + ε²g, H), both smooth in ε.  g = 0, H =
V has the solution (r, V*(r)) at ε = 0 with the Jacobian determinant det(A²−1)·γ'(r) ≠ 0, so a smooth branch (U_ε, V_ε)
of fixed points.  Let V*(U, ε) solve H(U, V*, ε) = V* and put y = U − U_ε, z = V − V*(U, ε).  In a norm adapted to A²,
on compact sets of (y, z) and for small ε, with constants q < 1, c, C > 0 (c on |y| ≤ ϱ)

    |y⁺| ≤ (1−cε²)|y| + Cε²|z|,    |z⁺| ≤ (q+Cε²)|z| + Cε²|y|,

since g at z = 0 vanishes at U_ε and has slope below −c, and U⁺ − U = O(ε²)(|y|+|z|).  With N = |y| + δ|z| and δ =
min(c/2C, ϱ/2|z₀|), N⁺ ≤ max(1−cε²/2, q+Cε²+Cε²/δ)·N.  At the start |y₀| = O(ε), N < ϱ, and |z| ≤ |z₀|+1 is kept: N →
0.  So the orbit tends to P₊ = (εU_ε, ε²V_ε) and its image P₋.  P₊(−ε) is a fixed point of two steps near (−εr, ε²V*),
unique there by the mirrored argument, as is P₋(ε): so P₊(−ε) = P₋(ε), and q(P₊, P₋) is even.  ∎
"""

from __future__ import annotations

from typing import Any

import sympy as sp

from sam_theory.arithmetic import Coordinates, Expansion, NotExact, Series, Symbolic, Undecided, lower
from sam_theory.arithmetic._series import tidy
from sam_theory.dynamics._sides import singular_at
from sam_theory.engines._leading import (
    NOT_SMOOTH,
    Leading,
    Unknown,
    equated,
    holds,
    never_vanishes,
    one_fixed_map,
    oracle,
    place,
    untied,
)
from sam_theory.engines._orbit_goals import coordinate_environment
from sam_theory.errors import InputError
from sam_theory.theorems import Asymptotic, Theorem

LEMMA = "2-cycle born at a flip"
#: coefficients that are kept: two steps are needed to third order, and the quantity to its leading one
_TERMS = 6
_ROOT = sp.Symbol("root!", positive=True)
_U, _SQUARE = sp.Symbol("across!", real=True), sp.Symbol("square!", positive=True)


def beyond_flip(theorem: Theorem, claim: Asymptotic) -> Leading:
    """The leading term on the 2-cycle, by the lemma.  Raises Unknown where a premise is not proved."""
    small, size = claim.small, len(claim.start)
    one_fixed_map(theorem)
    if theorem.loss.dimension != size or not small.is_positive:
        raise Unknown(f"the start has not the dimension of the loss, or {small} is not positive")
    if not untied(theorem, small, defined=True):
        raise Unknown(f"the hypotheses keep {small} from tending to 0")
    squares = [sp.cancel(c**2 / small) for c in claim.start]
    across = [i for i, p in enumerate(squares) if p != 0 and not p.has(small)]
    if len(across) != 1 or any(sp.cancel(c / small).has(small) for i, c in enumerate(claim.start) if i not in across):
        raise Unknown(f"the start has not one coordinate of size sqrt({small}), the others of size {small}")
    i = across[0]
    if not holds("the cycle exists", theorem, sp.StrictGreaterThan(squares[i], 0)):
        raise Unknown(f"the hypotheses do not say that {squares[i]} is positive")
    _smooth(theorem, small)
    try:
        return _on_cycle(theorem, claim, i, squares[i])
    except (Undecided, NotExact, InputError) as problem:
        raise Unknown(str(problem)) from None


def _on_cycle(theorem: Theorem, claim: Asymptotic, i: int, square: sp.Expr) -> Leading:
    series = Series(_ROOT, _TERMS, oracle(theorem))
    along = [sp.Symbol(f"along{j}!", real=True) for j in range(len(claim.start)) if j != i]
    env = _parameters(series, theorem, claim.small) | {s.name: series.constant(s) for s in (_U, *along)}
    point: list[sp.Expr] = [_ROOT**2 * v for v in along]
    point.insert(i, _ROOT * _U)
    here = place(series, tuple(point), env)
    (name,) = theorem.map.state
    image = theorem.map.step(series, {name: here}, env)[name]
    once = _scaled(image, i)
    if any(tidy(image[i].coefficient(k) + (_U if k == 1 else 0)) != 0 for k in (0, 1)):
        raise Unknown("the multiplier across is not −1 in the limit")
    slave = _slaved(theorem, once, along)
    twice = theorem.map.step(series, {name: image}, env)[name]
    if any(tidy(twice[i].coefficient(k) - (_U if k == 1 else 0)) != 0 for k in (0, 1, 2)):
        raise Unknown("two steps do not return to third order")
    drift = tidy(twice[i].coefficient(3).subs(slave, simultaneous=True) / _U).subs(_U, sp.sqrt(_SQUARE))
    if tidy(drift.subs(_SQUARE, square)) != 0:
        raise Unknown(f"the start is no equilibrium of the slow drift {drift}")
    slope = tidy(square * sp.diff(drift, _SQUARE).subs(_SQUARE, square))
    if not holds("the cycle attracts", theorem, sp.StrictLessThan(slope, 0)):
        raise Unknown(f"the hypotheses do not say that {slope} is negative")
    _symmetric(theorem, claim)
    seen = {**env, "w": here, "w_next": image}
    found: Expansion = series.run(lower(_in_root(claim.quantity, claim.small)), seen, theorem.loss)["result"]
    if found.order % 2:
        raise Unknown("the quantity is odd in the square root of the small parameter")
    value = tidy(found.leading.subs(slave, simultaneous=True).subs(_U, sp.sqrt(_SQUARE)).subs(_SQUARE, square))
    if value == 0 or not never_vanishes(theorem, value):
        raise Unknown(f"the hypotheses do not exclude that the leading coefficient {value} vanishes")
    term = value * claim.small ** sp.Rational(found.order, 2)
    return Leading(term, sp.S.One, "the 2-cycle born at a flip", (LEMMA, "z3"))


def _parameters(series: Series, theorem: Theorem, small: sp.Symbol) -> dict[str, Any]:
    """Every parameter as a series in the root of the small one."""
    named = equated(theorem)
    if not all(f.is_rational_function(small) for f in named.values()):
        raise Unknown(f"a parameter is no smooth function of {small}")
    meaning = {small: _ROOT**2, **{s: _in_root(f, small) for s, f in named.items()}}
    free = {s.name: series.constant(s) for s in (*theorem.symbols, _ROOT) if s not in meaning}
    values = {s.name: series.run(lower(f), free)["result"] for s, f in meaning.items()}
    if any(v.order < 0 for v in values.values()):
        raise Unknown(f"a parameter tends to infinity with {small} -> 0")
    return free | values


def _in_root(e: sp.Expr, small: sp.Symbol) -> sp.Expr:
    result: sp.Expr = e.xreplace({small: _ROOT**2})
    return result


def _smooth(theorem: Theorem, small: sp.Symbol) -> None:
    """That the map is smooth in the state and the small parameter where both are 0."""
    env = coordinate_environment(theorem)
    named: dict[Any, Any] = {sp.Symbol(s.name, real=True): s for s in theorem.symbols}
    image = [e.subs(named).subs(equated(theorem)) for e in env["w_next"]]
    if any(e.has(*NOT_SMOOTH) for e in image):
        raise Unknown("the map is not seen to be smooth at 0")
    at_birth = dict.fromkeys((*env["w"], small), sp.S.Zero)
    if not all(never_vanishes(theorem, e) for e in singular_at(image, at_birth)):
        raise Unknown(f"the map is not seen to be smooth where the state and {small} are 0")


def _scaled(image: Coordinates, i: int) -> list[sp.Expr]:
    """h: the other coordinates of the image over ε²."""
    others = [c for j, c in enumerate(image) if j != i]
    if any(c.coefficient(k) != 0 for c in others for k in (0, 1)):
        raise Unknown("the other coordinates leave the scale of the small parameter")
    return [c.coefficient(2) for c in others]


def _slaved(theorem: Theorem, once: list[sp.Expr], along: list[sp.Symbol]) -> dict[sp.Symbol, sp.Expr]:
    """V*(U), after the check that V⁺ = AV + k(U) contracts."""
    matrix = sp.Matrix([[tidy(sp.diff(h, v)) for v in along] for h in once]) if along else sp.zeros(0, 0)
    if matrix.free_symbols & {_U, *along}:
        raise Unknown("the other coordinates do not move by an affine map in the limit")
    if not (matrix.is_upper or matrix.is_lower):
        raise Unknown("the other coordinates are coupled")
    for j in range(len(along)):
        if not holds("the other coordinates contract", theorem, sp.StrictLessThan(matrix[j, j] ** 2, 1)):
            raise Unknown(f"the hypotheses do not say that the multiplier {matrix[j, j]} has modulus below 1")
    if not along:
        return {}
    shift = sp.Matrix([h.subs(dict.fromkeys(along, 0)) for h in once])
    rest = (sp.eye(len(along)) - matrix).LUsolve(shift)
    return {v: tidy(e) for v, e in zip(along, rest, strict=True)}


def _symmetric(theorem: Theorem, claim: Asymptotic) -> None:
    """That the quantity is the same at both points of the cycle, whichever comes first."""
    size = len(claim.start)
    a, b = (Coordinates(sp.Symbol(f"{n}{j}!", real=True) for j in range(size)) for n in "ab")
    env: dict[str, Any] = {s.name: s for s in theorem.symbols}
    values = []
    for first, second in ((a, b), (b, a)):
        seen = {**env, "w": first, "w_next": second}
        values.append(Symbolic().run(lower(claim.quantity), seen, theorem.loss)["result"])
    if not values[0].is_rational_function(*a, *b, claim.small):
        raise Unknown("the quantity is no rational function, so that it may not be smooth where the cycle is born")
    if sp.simplify(values[0] - values[1]) != 0:
        raise Unknown("the quantity is not seen to be the same at both points of the cycle")
