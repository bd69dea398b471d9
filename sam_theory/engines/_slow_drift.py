r"""The lemma *fast 2-cycle, slow drift*: where an orbit is after T/ε² steps.

Let w = (εξ, θ), ε the small parameter, and let one step be ξ⁺ = Φ(ξ,θ,ε), θ⁺ = θ + ε²h(ξ,θ,ε) with Φ, h smooth near
the points (±r(θ), θ, 0), θ in an open set U.  Suppose, for every θ in U,

1. Φ(±r, θ, 0) = ∓r: the fast map has the 2-cycle ±r(θ);
2. the eigenvalues of ∂Φ(−r)·∂Φ(r) (derivatives in ξ, at ε = 0) have modulus below 1;
3. U, with h̄ = ½(h(r,θ,0) + h(−r,θ,0)), is invariant: the solution of θ' = h̄(θ) from θ₀ exists in U on [0, T].

Then the orbit from (εr(θ₀), θ₀) obeys θ_t = θ(ε²t) + O(ε) for t ≤ T/ε².  If moreover

4. Φ(−ξ,θ,−ε) = −Φ(ξ,θ,ε) and h(−ξ,θ,−ε) = h(ξ,θ,ε) up to O(ε²), ξ near r,

the error is O(ε²).  Hence a smooth Q with ∇Q·h̄ = κ constant has Q(θ_t) = Q(θ₀) + κε²t + O(ε or ε²).

Proof.  Let K be a compact neighbourhood in U of the solution; all constants hold while θ_t is in K, which the result
confirms by continuation.  By (1), (2) and the implicit function theorem the equations s₋ = ∂Φ(r)s₊ + ∂_εΦ(r), s₊ =
∂Φ(−r)s₋ + ∂_εΦ(−r) have one solution: their iteration contracts over two steps.  Put e_t = ξ_t − (±r(θ_t) +
εs_±(θ_t)), the sign changing in each step.  As θ moves by O(ε²), Taylor's theorem gives e_{t+1} = ∂Φ·e_t + O(|e_t|² +
ε²), and in an adapted norm |e_{t+2}| ≤ q|e_t| + Cε², q < 1, while |e_t| is small; |e_0| = O(ε), so |e_t| ≤ C(q^{t/2}ε
+ ε²).  Two steps therefore move θ by 2ε²h̄(θ_t) + ε³d(θ_t) + O(ε²|e_t| + ε⁴), d = ∂h(r)s₊ + ∂_εh(r) + ∂h(−r)s₋ +
∂_εh(−r).  Summed over T/ε² steps the last terms give O(ε²), Euler's method with step 2ε² is within O(ε²) of the
solution, and d contributes O(ε): Gronwall's inequality concludes. Under (4) ∂Φ is even and ∂_εΦ even in ξ, so that s₊
= s₋ by uniqueness; ∂h and ∂_εh are odd, so that d = 0.  An odd number of steps adds O(ε²), and ⌈T/ε²⌉ is within one
step of T/ε².  ∎

Coordinates that vanish at the start, and in the image of every state in which they vanish, vanish along the orbit: the
lemma is applied to the map of the others, whatever these directions would do to an orbit beside that plane.

*Invariance* is proved so: a hypothesis g > 0 on θ is *kept* if ∇g·h̄ ≥ 0 under the hypotheses.  For another one, ψ =
(∇g·h̄)/g is to be a quotient whose denominator has, up to constants, only kept factors, and so is every component of
h̄; and no |θ_j| grows. Until a first time T* at which some g vanishes θ is bounded and kept factors stay above their
value at 0, so that ψ ≥ −K and g ≥ g(0)e^{−KT*} > 0: there is no such time, and the solution stays in a compact part
of U.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sympy as sp

from sam_theory.arithmetic import Coordinates, NotExact, Series, Symbolic, Undecided, lower
from sam_theory.arithmetic._series import tidy
from sam_theory.engines._few_steps import observed
from sam_theory.engines._leading import Leading, Unknown, holds, never_vanishes, oracle, parameters, place
from sam_theory.errors import InputError
from sam_theory.theorems import Asymptotic, Theorem

LEMMA = "fast 2-cycle, slow drift"


@dataclass(frozen=True)
class _Branch:
    """One step near one point of the fast cycle: coefficients of the image, as formulas of ξ and θ."""

    fast: tuple[tuple[sp.Expr, sp.Expr], ...]
    slow: tuple[tuple[sp.Expr, sp.Expr], ...]


def slow_drift(theorem: Theorem, claim: Asymptotic) -> Leading:
    """The leading term after ⌈T/small²⌉ steps, by the lemma.  Raises Unknown where a premise is not proved."""
    rule, small, at = theorem.rule, claim.small, claim.at
    if len(theorem.map.state) > 1 or rule.uses_step_number or rule.noise:
        raise Unknown("the lemma needs one fixed map of the iterate alone")
    if theorem.loss.dimension != len(claim.start) or at is None:
        raise Unknown("the start has not the dimension of the loss")
    time = sp.cancel(at * small**2)
    if time.has(small) or not holds("the time is positive", theorem, sp.StrictGreaterThan(time, 0)):
        raise Unknown(f"the number of steps is no positive multiple of 1/{small}^2")
    resting = _resting(theorem, claim)
    moving = [i for i in range(len(claim.start)) if i not in resting]
    fast = [i for i in moving if sp.cancel(claim.start[i] / small).has(small) is False]
    slow = [i for i in moving if i not in fast]
    theta = [claim.start[i] for i in slow]
    radii = [sp.cancel(claim.start[i] / small) for i in fast]
    if not fast or not slow or not all(isinstance(s, sp.Symbol) and s in theorem.symbols for s in theta):
        raise Unknown("each coordinate of the start must be a symbol of its own, or a multiple of the small parameter")
    if len(set(theta)) < len(theta):
        raise Unknown("the slow coordinates must start at symbols of their own")
    tied = [s for s in theta if s.name in theorem.map.parameters]
    if tied:
        raise Unknown(f"{tied[0]} is the start of a slow coordinate and a parameter of the map, which does not move")
    if small in claim.quantity.free_symbols:
        raise Unknown(f"the quantity depends on {small}, so that a small error of the iterate may count")
    signs = [_sign(theorem, claim, r) for r in radii]
    xi = _fast_symbols(signs)
    end = {x: s * r for x, s, r in zip(xi, signs, radii, strict=True) if s}
    sides = [_branch(theorem, claim, fast, slow, xi, [side * s for s in signs]) for side in (1, -1)]
    for side, branch in zip((1, -1), sides, strict=True):
        if any(tidy(_at(first, xi, end) + side * r) != 0 for (first, _), r in zip(branch.fast, radii, strict=True)):
            raise Unknown(f"{', '.join(map(str, radii))} times {small} is no 2-cycle of the fast map")
    _attracts(theorem, sides, xi, signs, end)
    pairs = zip(sides[0].slow, sides[1].slow, strict=True)
    field = [tidy((_at(p[0], xi, end) + _at(m[0], xi, end)) / 2) for p, m in pairs]
    _stays(theorem, theta, field)
    start_value, rate = _change(theorem, claim, slow, theta, field)
    if (start_value == 0) == (rate == 0):
        raise Unknown("the quantity must either vanish at the start or stay constant, and not both")
    if not never_vanishes(theorem, start_value + rate):
        raise Unknown(f"the hypotheses do not exclude that {start_value + rate} vanishes")
    term = start_value + rate * small**2 * at
    return Leading(term, 2 if _symmetric(sides, xi) else 1, "averaging over the fast 2-cycle", (LEMMA, "z3"))


def _resting(theorem: Theorem, claim: Asymptotic) -> list[int]:
    """Coordinates that are 0 at the start and stay so."""
    (name,) = theorem.map.state
    (state,) = theorem.map.state_symbols().values()
    env: dict[str, Any] = {s.name: s for s in theorem.symbols}
    chosen = [i for i, c in enumerate(claim.start) if c == 0]
    while chosen:
        plane = Coordinates(sp.S.Zero if i in chosen else c for i, c in enumerate(state))
        image = theorem.map.step(Symbolic(), {name: plane}, env)[name]
        kept = [i for i in chosen if sp.simplify(image[i]) == 0]
        if kept == chosen:
            break
        chosen = kept
    return chosen


def _sign(theorem: Theorem, claim: Asymptotic, r: sp.Expr) -> int:
    """The sign that the hypotheses give a radius; 0 for a direction in which the cycle does not extend."""
    if r == 0:
        return 0
    sign = Series(claim.small, 1, oracle(theorem)).sign_of(r)
    if sign is None:
        raise Unknown(f"the hypotheses do not give {r} a sign")
    return sign


def _fast_symbols(signs: Sequence[int]) -> list[sp.Symbol]:
    """The moduli of the fast coordinates where the cycle extends, the others themselves."""
    return [sp.Symbol(f"fast{i}", real=True, positive=True if s else None) for i, s in enumerate(signs)]


def _at(e: sp.Expr, xi: Sequence[sp.Symbol], end: dict[sp.Symbol, sp.Expr]) -> sp.Expr:
    """A formula at the point of the cycle: first in the directions in which it does not extend."""
    e = e.subs({x: 0 for x in xi if x not in end})
    roots = {p: sp.factor(p.base) ** p.exp for p in e.atoms(sp.Pow) if not p.exp.is_Integer}
    return tidy(e.xreplace(roots).subs(end))


def _branch(
    theorem: Theorem,
    claim: Asymptotic,
    fast: list[int],
    slow: list[int],
    xi: Sequence[sp.Symbol],
    signs: Sequence[int],
) -> _Branch:
    """The step from (small·ξ, θ) for ξ near one point of the cycle, in series."""
    positive = [sp.StrictGreaterThan(x, 0, evaluate=False) for x, s in zip(xi, signs, strict=True) if s]
    series = Series(claim.small, 4, oracle(theorem, *positive))
    env: dict[str, Any] = parameters(series, theorem)
    point = list(claim.start)
    for i, x, sign in zip(fast, xi, signs, strict=True):
        env[x.name] = series.constant(x)
        point[i] = claim.small * x * (sign or 1)
    try:
        here = place(series, tuple(point), env)
        (name,) = theorem.map.state
        image = theorem.map.step(series, {name: here}, env)[name]
        if any(image[i].coefficient(0) != 0 for i in fast):
            raise Unknown("the fast coordinates leave the scale of the small parameter")
        moved = [image[i] - here[i] for i in slow]
        if any(m.coefficient(k) != 0 for m in moved for k in (0, 1)):
            raise Unknown(f"the slow coordinates move faster than {claim.small}^2")
        return _Branch(
            tuple((image[i].coefficient(1), image[i].coefficient(2)) for i in fast),
            tuple((m.coefficient(2), m.coefficient(3)) for m in moved),
        )
    except (Undecided, NotExact, InputError) as problem:
        raise Unknown(str(problem)) from None


def _attracts(
    theorem: Theorem,
    sides: Sequence[_Branch],
    xi: Sequence[sp.Symbol],
    signs: Sequence[int],
    end: dict[sp.Symbol, sp.Expr],
) -> None:
    product = sp.eye(len(xi))
    for side, branch in zip((1, -1), sides, strict=True):
        turn = [side * s or 1 for s in signs]
        rows = [
            [k * _at(sp.diff(first, x), xi, end) for x, k in zip(xi, turn, strict=True)] for first, _ in branch.fast
        ]
        product = (sp.Matrix(rows) * product).applyfunc(tidy)
    if not (product.is_upper or product.is_lower):
        raise Unknown("the fast directions are coupled")
    for i in range(len(xi)):
        for bound in (sp.StrictLessThan(product[i, i], 1), sp.StrictGreaterThan(product[i, i], -1)):
            if not holds("the fast 2-cycle attracts", theorem, bound):
                raise Unknown(f"the hypotheses do not say that the multiplier {product[i, i]} has modulus below 1")


def _symmetric(sides: Sequence[_Branch], xi: Sequence[sp.Symbol]) -> bool:
    """Premise 4, on the coefficients of the first two orders: the second branch is written in −ξ already."""
    flip = {x: -x for x in xi if not x.is_positive}
    plus, minus = sides
    pairs = [(p, m, -1) for p, m in zip(plus.fast, minus.fast, strict=True)]
    pairs += [(p, m, 1) for p, m in zip(plus.slow, minus.slow, strict=True)]
    return all(tidy(p[order] - k * (-1) ** order * m[order].subs(flip)) == 0 for p, m, k in pairs for order in (0, 1))


def _stays(theorem: Theorem, theta: list[Any], field: list[sp.Expr]) -> None:
    """Premise 3: the hypotheses stay true along θ' = h̄(θ), for every time."""
    for x, h in zip(theta, field, strict=True):
        if not holds("the slow coordinates stay bounded", theorem, sp.LessThan(x * h, 0)):
            raise Unknown(f"the hypotheses do not say that |{x}| does not grow")
    own = [r for r in theorem.all_hypotheses if r.free_symbols & set(theta)]
    if any(not isinstance(r, (sp.StrictLessThan, sp.StrictGreaterThan)) for r in own):
        raise Unknown("a hypothesis on the slow coordinates is no strict inequality")
    gaps = [tidy(r.gts - r.lts) for r in own]
    if any(sp.fraction(g)[1].free_symbols & set(theta) for g in gaps):
        raise Unknown("a hypothesis on the slow coordinates has them below a fraction line")
    rates = [tidy(sum((sp.diff(g, x) * h for x, h in zip(theta, field, strict=True)), sp.S.Zero)) for g in gaps]
    kept = [g for g, rate in zip(gaps, rates, strict=True) if holds("kept", theorem, sp.GreaterThan(rate, 0))]
    safe = {f for g in kept for f in _factors(g)}
    quotients = [tidy(rate / g) for g, rate in zip(gaps, rates, strict=True) if g not in kept]
    for e in (*field, *quotients):
        below = _factors(sp.fraction(sp.together(e))[1])
        if any(f.free_symbols & set(theta) and f not in safe and -f not in safe for f in below):
            raise Unknown("the hypotheses are not seen to stay true along the averaged drift")
        if e.atoms(sp.Function):
            raise Unknown("the averaged drift is not rational")


def _factors(e: sp.Expr) -> list[sp.Expr]:
    return [f for f, _ in sp.factor_list(sp.numer(sp.together(e)))[1]]


def _change(
    theorem: Theorem, claim: Asymptotic, slow: list[int], theta: list[Any], field: list[sp.Expr]
) -> tuple[sp.Expr, sp.Expr]:
    """The quantity at the start and its constant rate along the averaged drift."""
    env: dict[str, Any] = {s.name: s for s in theorem.symbols}
    size = len(claim.start)
    here = [sp.Symbol(f"now{i}", positive=claim.start[i].is_positive, real=True) for i in range(size)]
    begin = Coordinates(sp.S.Zero if i not in slow else c for i, c in enumerate(claim.start))
    try:
        now = observed(theorem, Symbolic(), env, begin, Coordinates(here))
        quantity = Symbolic().run(lower(claim.quantity), now, theorem.loss)["result"]
    except InputError as problem:
        raise Unknown(str(problem)) from None
    if any(x in quantity.free_symbols for i, x in enumerate(here) if i not in slow):
        raise Unknown("the quantity depends on the fast coordinates")
    names = {x: here[i] for x, i in zip(theta, slow, strict=True)}
    rate = sum((sp.diff(quantity, names[x]) * h.subs(names) for x, h in zip(theta, field, strict=True)), sp.S.Zero)
    rate = tidy(sp.simplify(rate))
    if rate.free_symbols & set(names.values()):
        raise Unknown("the quantity does not change at a constant rate along the averaged drift")
    start = {n: x for x, n in names.items()}
    below = {p.base.subs(start) for p in quantity.atoms(sp.Pow) if p.exp.is_negative}  # before anything cancels
    for e in sorted(below, key=sp.default_sort_key):
        if not never_vanishes(theorem, e):
            raise Unknown(f"the hypotheses do not exclude that {e}, by which the quantity divides, vanishes")
    return sp.simplify(quantity.subs(start)), rate
