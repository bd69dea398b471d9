r"""The lemma *passage through the edge*: where an orbit ends that begins above the edge of stability, near to it.

Let the plane map (x, y) ↦ (x⁺, y⁺) depend on η > 0, fix every point of x = 0, and be odd in x: (−x, y) ↦ (−x⁺, y⁺).
Let m(y) = ∂x⁺/∂x at (0, y), and let y = 1/e be its edge, m(1/e) = −1, at η = η(e) → 0 as e → 0; Y = 1/e².  Put x =
e^q ξ, y = υ/e, p = ξ² and y² − x² = Y(1+d).  Suppose the map is smooth in (ξ, υ, e) near (0, 1, 0), e = 0 included, so
that p⁺ = pR(p, d, e) and d⁺ = d − pS(p, d, e) with smooth R and S (Whitney: even functions of ξ), and

1. S = eⁿS₁ with n ≥ 1 and S₁ smooth;
2. r₁ = ∂R/∂d, r₂ = −∂R/∂p and s = S₁ at (0, 0, e) have positive limits as e → 0.

Put g = eⁿs/r₂, D = d/g, X = r₂p/(r₁g), h = r₁g = O(eⁿ).  Let the orbit start at X₀ > 0 and D₀ > 0 with gX₀ → 0, gD₀ →
0, and let either D₀ → δ ∈ (0, ∞), X₀ bounded, or D₀ → ∞ like a power of e, X₀ at most so.  Then for small e it tends to
(0, y∞), y∞² = Y(1 + gD∞), where D∞ < 0 is given up to O(eⁿ) by (1+D∞)e^{−D∞} = ν₀, ν₀ = (1 + D₀ − X₀)e^{−D₀}; in the
second case D∞ = −1 + O(eⁿ): the orbit ends Yg below its edge, whatever X₀ is.

Proof.  R = 1 at (0, 0, e), so by Taylor's theorem X⁺ = X(1 + h(D−X) + O(h²(X+|D|)²)), D⁺ = D − hX(1 + O(h(X+|D|))).
Let ν = (1+D−X)e^{−D}.  To first order in h it does not change: −X(D−X) − X(X−D) = 0; and ∂²ν/∂X² = 0.  So
|ν⁺−ν| ≤ Ch²X(1+X+|D|)²e^{−D} while h(X+|D|) is small.  D decreases by at least hX/2 per step, by steps that are o(1),
so that sums over the orbit are at most integrals in D: |ν_t−ν₀| ≤ Ch∫(1+X+|D|)²e^{−D}dD over [D_t, D₀].    (a)

*Confinement.*  As long as X_j ≤ 3(1+|D_j|) + 3X₀e^{−(D₀−D_j)/2} and D_j ≥ −B (b), (a) holds, and with X = 1+D−νe^{D}
X_t ≤ 1+D_t + X₀e^{−(D₀−D_t)} + |ν_t−ν₀|e^{D_t}, the last term at most Ch(1+|D_t|)² + ChX₀²(D₀−D_t)e^{−(D₀−D_t)} =
o(1)·(1+|D_t|+X₀e^{−(D₀−D_t)/2}), since h(D₀+X₀) → 0.  So (b) holds with 2 for 3.  X_t > 0, as R > 0, so that D_t > −1 −
X₀e^{D_t−D₀} − o(1)·(…) > −B/2, if B is large, for X₀e^{−D₀/2} is bounded.  A step moves (X, D) by o(1)·(1+X, 1): (b) is
never left.  With (b), (a) is O(h): ∫(1+|D|)²e^{−D}dD over [−B, D₀] is bounded, and so is X₀²∫e^{−(D₀−D)−D}dD ≤
X₀²(D₀+B)e^{−D₀}.

*End.*  D_t decreases to some D∞ ≥ −B, so ΣhX_t < ∞ and X_t → 0.  D∞ > 0 is impossible: R(0, d, e) > 1 for small d > 0,
so that X_t would grow.  Hence D∞ ≤ 0 and (1+D∞)e^{−D∞} = ν₀+O(h).  ν₀ tends to a limit below 1 (in the second case to
0, faster than any power of e), and D ↦ (1+D)e^{−D} increases strictly on (−∞, 0] up to 1, with slope −De^{−D}.  ∎

The quantity of a claim is expanded in e at (0, y∞).  With K = ∂²y⁺/∂x², m' and m₃ = ∂³x⁺/∂x³ at (0, 1/e), r₁ = −ym',
Yg = −yK/(m'/y + m₃/3): at the edge y² − x² falls by −yKx² and R = 1 − (m'/y + m₃/3)x² to leading order in x.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sympy as sp

from sam_theory.arithmetic import STEP_SIZE, Coordinates, Expansion, NotExact, Series, Symbolic, Undecided, lower
from sam_theory.arithmetic._factor import factored
from sam_theory.arithmetic._series import tidy
from sam_theory.engines._leading import (
    Leading,
    Scale,
    Unknown,
    holds,
    never_vanishes,
    one_fixed_map,
    oracle,
    parameters,
    place,
    untied,
)
from sam_theory.engines._orbit_goals import coordinate_environment
from sam_theory.errors import InputError
from sam_theory.theorems import Asymptotic, Theorem

LEMMA = "passage through the edge"
_E = sp.Symbol("e!", positive=True)
_XI, _DOWN = sp.Symbol("xi!", real=True), sp.Symbol("down!", real=True)
_UPSILON = sp.Symbol("upsilon!", positive=True)


@dataclass(frozen=True)
class _Edge:
    """The map at its edge y = 1/e: the step size, Yg, r₁, r₂e^{−2q} and the order n, all in e."""

    step: sp.Expr
    gap: sp.Expr
    r1: sp.Expr
    bend: sp.Expr
    fall: sp.Expr
    scale: int
    order: int


def through_the_edge(theorem: Theorem, claim: Asymptotic) -> Leading:
    """The leading term at the end of the orbit, by the lemma.  Raises Unknown where a premise is not proved."""
    small = claim.small
    one_fixed_map(theorem)
    if theorem.loss.dimension != 2 or len(claim.start) != 2:
        raise Unknown("the map is none of the plane")
    if theorem.rule.dimensions.get(small.name) != STEP_SIZE:
        raise Unknown(f"{small} is no step size")
    if not small.is_positive or not untied(theorem, small):
        raise Unknown(f"{small} is not positive, or the hypotheses keep it from tending to 0")
    try:
        edge = _edge(theorem, claim)
        _smooth(theorem, small, edge)
        conserved = _conserved(theorem, claim, edge)
        found = _observed(theorem, claim, edge)
        if conserved is None:
            value = [c.subs(_DOWN, -1) for c in found.coefficients[: edge.order]]
        else:
            value = [_factor_of(found, edge.order) * conserved]
    except (Undecided, NotExact, InputError) as problem:
        raise Unknown(str(problem)) from None
    if not value or tidy(value[0]) == 0 or any(c.has(sp.zoo, sp.nan, sp.oo) for c in value):
        raise Unknown("the leading coefficient vanishes, or is not finite")
    if not never_vanishes(theorem, value[0]):
        raise Unknown(f"the hypotheses do not exclude that {value[0]} vanishes")
    in_e = sp.Add(*(c * _E ** (found.order + k) for k, c in enumerate(value)))
    power, head = _head(edge.step)
    term = value[0] * (small / head) ** sp.Rational(found.order, power)
    order = sp.Rational(edge.order, power)
    scale = Scale(small, _E, edge.step, in_e, edge.order)
    return Leading(term, order, "the first integral of the slow passage", (LEMMA, "z3"), scale=scale)


def _edge(theorem: Theorem, claim: Asymptotic) -> _Edge:
    """Derivatives of the map at (0, 1/e), and premise 2."""
    env = coordinate_environment(theorem)
    (x, y), (across, along) = list(env["w"]), list(env["w_next"])
    if any(e.has(sp.sign, sp.Abs, sp.Piecewise, sp.Min, sp.Max, sp.Heaviside) for e in (across, along)):
        raise Unknown("the map is not smooth")
    if across.subs(x, 0) != 0 or sp.simplify(along.subs(x, 0) - y) != 0:
        raise Unknown(f"{x} = 0 is no line of fixed points")
    flipped: dict[Any, Any] = {x: -x}
    if sp.simplify(across.subs(flipped) + across) != 0 or sp.simplify(along.subs(flipped) - along) != 0:
        raise Unknown(f"the map is not seen to be odd in {x}")
    m, m3 = (sp.diff(across, x, k).subs(x, 0).doit() for k in (1, 3))
    bent = sp.diff(along, x, 2).subs(x, 0).doit()
    step = [s for s in m.free_symbols if s.name == claim.small.name]
    if len(step) != 1:
        raise Unknown(f"the multiplier does not depend on {claim.small}")
    slope = sp.cancel((1 - m) / step[0])
    named: dict[Any, Any] = {sp.Symbol(s.name, real=True): s for s in theorem.symbols}
    slope, m, m3, bent, slope_of_m = (
        sp.sympify(e).subs(named).subs(y, 1 / _E) for e in (slope, m, m3, bent, sp.diff(m, y))
    )
    if slope.has(claim.small):
        raise Unknown(f"the multiplier is not affine in {claim.small}")
    at_edge = factored(2 / slope)
    if not at_edge.is_rational_function(_E):
        raise Unknown("the edge is no rational function")
    bent, m3, slope_of_m = (factored(e.subs(claim.small, at_edge)) for e in (bent, m3, slope_of_m))
    power, head = _head(at_edge)
    fall, bend = factored(-bent / _E), factored(slope_of_m * _E + m3 / 3)
    r1 = factored(-slope_of_m / _E)
    bend_order, bend_head = _head(bend)
    fall_order, fall_head = _head(fall)
    r1_order, r1_head = _head(r1)
    if power < 1 or bend_order >= 0 or bend_order % 2 or r1_order != 0:
        raise Unknown("the map has not the scales of the passage")
    for name, e in (("step", head), ("bend", bend_head), ("fall", fall_head), ("growth", r1_head)):
        if not holds(name, theorem, sp.StrictGreaterThan(e, 0)):
            raise Unknown(f"the hypotheses do not say that {e} is positive")
    order = fall_order + 2 - bend_order
    if order < 1:
        raise Unknown("the passage is not slow")
    return _Edge(at_edge, factored(fall / bend), r1, bend, fall, -bend_order // 2, order)


def _head(e: sp.Expr) -> tuple[int, sp.Expr]:
    """The lowest power of e in a rational function, and its coefficient.  Raises Unknown for 0."""
    ends = []
    for part in sp.fraction(sp.together(e)):
        if part == 0:
            raise Unknown("a derivative at the edge vanishes")
        terms = sp.Poly(sp.expand(part), _E).terms()
        ends.append(min((powers[0], c) for powers, c in terms))
    (above, first), (below, second) = ends
    return above - below, factored(first / second)


def _smooth(theorem: Theorem, small: sp.Symbol, edge: _Edge) -> None:
    """Premise 1, and that the map is smooth in (ξ, υ, e): by series with general ξ and υ."""
    series, env = _expansion(theorem, small, edge, edge.order + 1)
    here = place(series, (_E**edge.scale * _XI, _UPSILON / _E), env)
    (name,) = theorem.map.state
    across, along = theorem.map.step(series, {name: here}, env)[name]
    if across.order < edge.scale or along.order < -1:
        raise Unknown("the map leaves its scale")
    moved = along * along - here[1] * here[1] - (across * across - here[0] * here[0])
    if any(tidy(moved.coefficient(k)) != 0 for k in range(-2, edge.order - 2)):
        raise Unknown(f"y² − x² is not seen to change by O(e^{edge.order}) of itself")


def _expansion(theorem: Theorem, small: sp.Symbol, edge: _Edge, terms: int) -> tuple[Series, dict[str, Any]]:
    """The arithmetic of series in e, and every parameter in it."""
    series = Series(_E, terms, oracle(theorem))
    env = parameters(series, theorem) | {s.name: series.constant(s) for s in (_E, _DOWN, _XI, _UPSILON)}
    return series, env | {small.name: series.run(lower(edge.step), env)["result"]}


def _conserved(theorem: Theorem, claim: Asymptotic, edge: _Edge) -> sp.Expr | None:
    """ν₀, or None where D₀ → ∞; as few coefficients as possible, since there may be many terms."""
    try:
        return _first_integral(theorem, claim, edge, edge.order + 2)
    except Undecided:
        return _first_integral(theorem, claim, edge, 2 * edge.order + 4)


def _first_integral(theorem: Theorem, claim: Asymptotic, edge: _Edge, terms: int) -> sp.Expr | None:
    series, env = _expansion(theorem, claim.small, edge, terms)
    x, y = claim.start
    height: Expansion = series.run(lower(y), env)["result"]
    if height.order != -1 or not height.leading.is_positive:
        raise Unknown("the orbit does not start near the edge")
    if not (x.is_positive or holds("the start is off the valley", theorem, sp.Ne(x, 0))):
        raise Unknown("the orbit may start in the valley")
    above: Expansion = series.run(lower(y**2 - x**2 - 1 / _E**2), env)["result"]
    square: Expansion = series.run(lower(x**2), env)["result"]
    gap: Expansion = series.run(lower(edge.gap), env)["result"]
    weight: Expansion = series.run(lower(edge.bend / (edge.r1 * edge.gap) / _E**2), env)["result"]
    down, out = above / gap, square * weight
    if not holds("the start is above the edge", theorem, sp.StrictGreaterThan(down.leading, 0)):
        raise Unknown(f"the hypotheses do not say that {down.leading} is positive")
    if min(down.order, out.order) + edge.order < 1 or down.order > 0:
        raise Unknown("the orbit does not start at a distance from the edge that the lemma admits")
    if down.order < 0:
        return None
    late = [tidy(part.coefficient(k)) for part in (down, out) for k in range(1, edge.order)]
    if out.order < 0 or any(late):
        raise Unknown("the start is not fixed in the units of the gap")
    delta, chi = down.coefficient(0), out.coefficient(0)
    if tidy(1 + delta - chi) == 0 or not holds("first integral", theorem, sp.Ne(1 + delta - chi, 0)):
        raise Unknown("the first integral may vanish")
    result: sp.Expr = (1 + delta - chi) * sp.exp(-delta)
    return result


def _observed(theorem: Theorem, claim: Asymptotic, edge: _Edge) -> Expansion:
    """The quantity at (0, y∞) as a series, in terms of D∞."""
    side = sp.Symbol("side!", real=True)
    seen = {**{s.name: s for s in theorem.symbols}, "w": Coordinates([side, sp.sqrt(1 / _E**2 + edge.gap * _DOWN)])}
    formula = Symbolic().run(lower(claim.quantity), seen, theorem.loss)["result"]
    if side in formula.free_symbols:
        raise Unknown("the quantity depends on what tends to 0")
    program, reason = lower(formula), ""
    for terms in (edge.order + 6, 2 * edge.order + 6):  # differences lose some
        series, known = _expansion(theorem, claim.small, edge, terms)
        try:
            found: Expansion = series.run(program, known)["result"]
        except Undecided as problem:
            reason = str(problem)
            continue
        if found.precision is None or found.precision >= found.order + edge.order:
            return found
        reason = "the quantity is not known to the order of the lemma"
    raise Unknown(reason)


def _factor_of(found: Expansion, order: int) -> sp.Expr:
    """G, where the quantity is G(1+D)e^{−D} up to O(eⁿ)."""
    if found.order != 0 or any(tidy(found.coefficient(k)) != 0 for k in range(1, order)):
        raise Unknown("the quantity is no function of the first integral to the order of the lemma")
    factor = sp.simplify(found.coefficient(0) / ((1 + _DOWN) * sp.exp(-_DOWN)))
    if factor.has(_DOWN):
        raise Unknown("the quantity is no multiple of the first integral")
    result: sp.Expr = factor
    return result
