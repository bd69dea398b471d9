"""Stability of minima and of manifolds of minima: multipliers by formula, and where they reach the unit circle."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

import sympy as sp

from sam_theory.arithmetic import parse_expression
from sam_theory.dynamics import Map
from sam_theory.engines import box
from sam_theory.errors import InputError, nearest
from sam_theory.lab._critical import (
    CONDITIONS,
    LONGEST,
    Critical,
    certified_roots,
    closed_forms,
    condition,
    sign_on,
    with_numbers,
)
from sam_theory.lab._laws import OTHER, curvature, cycle_laws, eigenvalues, moderate, needed, rest_law, shorter
from sam_theory.lab._manifold import GRID, Manifold, manifold_of
from sam_theory.lab._stable import Direction, Stability, StableOrbit
from sam_theory.losses import Loss

__all__ = ["stability"]


def stability(
    map: Map,
    place: Mapping[str, Any] | Manifold,
    params: Mapping[str, Any] | None = None,
    search: Mapping[str, Any] | None = None,
) -> Stability:
    r"""Multipliers at a stationary point or along a manifold of minima, and critical values of the parameters.

    Each eigendirection of the Hessian, curvature λ, has a matrix M(λ) that follows from the rule alone; directions
    along the manifold have λ = 0.  Where a normalised step jumps at stationary points, the multipliers are those of the
    2-cycle across each normal direction: exact on quadratics, else to leading order in the lengths of the rule.

    Parameters
    ----------
    map : Map
        A rule that sees vectors through lengths and inner products, deterministic and without schedule, on a loss of
        fixed dimension.  Parameters of the rule are positive.
    place : mapping of str to expression or text, or Manifold
        Coordinates of the loss as formulas of those that are left: ``{"y": 0}``, ``{"x": "c/y"}``; all of them for a
        stationary point.
    params : mapping, optional
        Exact numbers for some parameters of the map and coordinates along the manifold; formulas keep the others.
    search : mapping of str to (low, high), optional
        Intervals of parameters, or of coordinates along the manifold, in which every critical value is enclosed in
        ball arithmetic; everything else needs a number in ``params``.

    Returns
    -------
    Stability
        On KeyboardInterrupt what has been found, marked ``interrupted``.

    Raises
    ------
    InputError
        For a rule or loss of another kind, a place at which the gradient is not seen to vanish, names or numbers that
        do not fit, and normal curvatures without a closed form.

    Examples
    --------
    >>> from sam_theory.dynamics import Map
    >>> from sam_theory.losses import Expression
    >>> from sam_theory.rules import usam
    >>> found = stability(Map(usam, Expression("(x*y)**2/2")), {"y": 0}, {"eta": "1/4", "rho": 1}, {"x": (1, 2)})
    >>> [d.name for d in found.orbits[0].directions], found.orbits[0].directions[1].multipliers
    (['tangent', 'normal 1'], (-eta*lam**2*rho - eta*lam + 1,))
    >>> [(c.parameter, c.kind, c.law) for c in found.critical if c.law is not None][0]
    ('eta', 'flip', 2/(lam*(lam*rho + 1)))
    >>> [round(c.value, 12) for c in found.critical if c.enclosure]
    [1.540221192968]
    """
    if map.loss.abstract or map.loss.dimension is None:
        raise InputError(f"{map.loss.name} is not one loss in a fixed dimension; choose one")
    manifold = place if isinstance(place, Manifold) else _place(map.loss, place, params or {}, search or {})
    names = (*map.parameters, *(c.name for c in manifold.coordinates))
    values = _numbers(map, names, params or {})
    intervals = _intervals(map, names, search or {})
    curvatures = normal_curvatures(manifold)
    centred = all(e == 0 for e in manifold.point)
    orbits = _orbits(map, manifold, curvatures, values, centred)
    exact = all(e.free_symbols.isdisjoint(map.loss.coordinates()) for e in map.loss.hessian_expression)
    found = Stability(map, manifold, curvatures, values, intervals, orbits, exact)
    critical = [c for o in orbits for d in o.directions for c in _closed(map, manifold, o, d, values)]
    unresolved: dict[str, list[tuple[Fraction, Fraction]]] = {}
    interrupted = False
    try:
        for name, (low, high) in intervals.items():
            for o in orbits:
                for d in o.directions:
                    for c in _certified(o, d, values, name, low, high, unresolved):
                        _enter(critical, c)
    except KeyboardInterrupt:
        interrupted = True
    rest = tuple((n, cell) for n, cells in unresolved.items() for cell in sorted(set(cells)))
    return replace(found, critical=tuple(critical), unresolved=rest, interrupted=interrupted)


# -- what is given ---------------------------------------------------------------------------------------
def _place(loss: Loss, given: Mapping[str, Any], params: Mapping[str, Any], search: Mapping[str, Any]) -> Manifold:
    """The place as a manifold, of dimension 0 for a point."""
    values = {n: str(params[n]) for n in loss.parameters if n in params and n not in search}
    exact = {n: sp.Rational(box({n: v}).middle[n]) for n, v in values.items()}
    if set(given) != set(loss.variables):
        if not given:
            raise InputError(f"say where the minima of {loss.name} lie: a formula for at least one coordinate")
        return manifold_of(loss, given, exact)
    own = {s.name: s for s in loss.symbols}
    formulas = {n: parse_expression(str(e)) for n, e in given.items()}
    formulas = {n: e.xreplace({s: own[s.name] for s in e.free_symbols if s.name in own}) for n, e in formulas.items()}
    if any(s.name not in own for e in formulas.values() for s in e.free_symbols):
        return manifold_of(loss, given, exact)
    pairs = {own[n]: v for n, v in exact.items()}
    point = Manifold(loss, tuple((n, e.subs(pairs)) for n, e in formulas.items()), (), tuple(pairs.items()))
    if any(point.at(g) != 0 for g in loss.symbolic_gradient()):
        raise InputError(f"the gradient of {loss.name} is not seen to vanish at {point.text()}; give another point")
    return point


def _numbers(map: Map, names: Sequence[str], given: Mapping[str, Any]) -> dict[str, sp.Rational]:
    for name in given:
        if name not in names:
            raise InputError(f"there is neither a parameter nor a coordinate '{name}' here; {nearest(name, names)}")
    exact = box(dict(given)).middle
    for name, value in exact.items():
        if name in map.rule.parameters and value <= 0:
            raise InputError(
                f"{name} = {value}: the multipliers of {map.rule.name} are derived for positive parameters"
            )
    return {n: sp.Rational(v.numerator, v.denominator) for n, v in exact.items()}


def _intervals(map: Map, names: Sequence[str], given: Mapping[str, Any]) -> dict[str, tuple[Fraction, Fraction]]:
    for name in given:
        if name not in names:
            raise InputError(f"there is neither a parameter nor a coordinate '{name}' here; {nearest(name, names)}")
    sides = box(dict(given))
    for name in sides:
        low, high = sides[name]
        if low >= high:
            raise InputError(f"the interval of {name} is [{low}, {high}]; give a lower end below the higher")
        if name in map.rule.parameters and low < 0:
            raise InputError(f"{name} >= {low}: the multipliers of {map.rule.name} are derived for positive parameters")
    return {n: sides[n] for n in sides}


# -- multipliers -----------------------------------------------------------------------------------------
def normal_curvatures(manifold: Manifold) -> tuple[sp.Expr, ...]:
    """The eigenvalues of the Hessian but for one 0 for each coordinate along the manifold.

    Raises InputError where they have no closed form.
    """
    h, q, lam = manifold.hessian, manifold.codimension, sp.Symbol("lam")
    if q == 1:
        return (shorter(h.trace()),)
    if h.is_diagonal():
        entries = sorted((h[i, i] for i in range(h.rows)), key=lambda e: e == 0)
        return tuple(entries[:q])
    coefficients = [shorter(c) for c in sp.Poly(h.charpoly(lam).as_expr(), lam).all_coeffs()[: q + 1]]
    reduced = sum((c * lam ** (q - i) for i, c in enumerate(coefficients)), sp.S.Zero)
    roots = sp.roots(sp.Poly(sp.factor(reduced) if moderate(reduced) else reduced, lam), multiple=True)
    if len(roots) != q:
        raise InputError(
            f"the {q} curvatures across {manifold.text()} have no closed form; give numbers for parameters"
        )
    return tuple(shorter(r) for r in roots)


def _sign(e: sp.Expr, values: Mapping[str, sp.Rational]) -> int:
    """The sign of a curvature where it is typical: 1 where it can be positive, 0 where it vanishes, else −1."""
    e = with_numbers(e, values)
    if e == 0:
        return 0
    if e.is_positive or e.is_nonnegative:
        return 1
    symbols = sorted(e.free_symbols, key=str)
    found = -1
    for shift in range(len(GRID)):
        at = {s: GRID[(i + shift) % len(GRID)] for i, s in enumerate(symbols)}
        at = {s: abs(v) if s.is_positive else v for s, v in at.items()}
        value = sp.N(e.subs(at))
        if value.is_real and value.is_finite and value > 0:
            found = 1
    return found


def _orbits(
    map: Map,
    manifold: Manifold,
    curvatures: Sequence[sp.Expr],
    values: Mapping[str, sp.Rational],
    centred: bool,
) -> tuple[StableOrbit, ...]:
    signs = [_sign(c, values) for c in curvatures]
    d, k = len(map.loss.variables), manifold.dimension
    laws = {s: rest_law(map.rule, d, s or 1, centred) for s in set(signs) | {1}}
    if not any(law is None for law in laws.values()):
        directions = []
        if k:
            directions.append(_direction("tangent", k, _at_zero(laws[1], "lam"), sp.S.Zero, None, values, 1))
        for i, (c, s) in enumerate(zip(curvatures, signs, strict=True), start=1):
            block = laws[s] if s else _at_zero(laws[1], "lam")
            directions.append(_direction(f"normal {i}", 1, block, c, None, values, 1))
        return (StableOrbit("fixed point", "fixed point", sp.S.Zero, sp.S.Zero, (), tuple(directions)),)
    orbits = []
    for i, (c, s) in enumerate(zip(curvatures, signs, strict=True), start=1):
        found = cycle_laws(map.rule, d, s, centred) if s else ()
        for n, law in enumerate(found):
            directions = []
            if k and law.other is not None:
                zero = _at_zero(law.other, OTHER.name)
                directions.append(_direction("tangent", k, zero, c, sp.S.Zero, values, 2))
            for j, other in enumerate(curvatures, start=1):
                block = law.own if i == j else law.other
                if block is not None:
                    block = block.xreplace({OTHER: curvature(signs[j - 1], OTHER.name)})
                    directions.append(_direction(f"normal {j}", 1, block, c, other if i != j else None, values, 2))
            name = f"2-cycle along normal {i}" + (f" ({n + 1})" if len(found) > 1 else "")
            radius = put(law.radius, c, None, values)
            orbits.append(StableOrbit("2-cycle", name, law.radius, radius, law.positive, tuple(directions), c, s))
    if not orbits:
        raise InputError(
            f"{map.rule.name} jumps at stationary points, and on {manifold.text()} the Hessian vanishes: there is no "
            "quadratic whose 2-cycle could be followed; use find_orbits"
        )
    return tuple(orbits)


def _at_zero(block: sp.Matrix | None, name: str) -> sp.Matrix:
    assert block is not None
    return block.applyfunc(lambda e: sp.factor(e.subs({s: 0 for s in e.free_symbols if s.name == name})))


def put(e: sp.Expr, own: sp.Expr, other: sp.Expr | None, values: Mapping[str, Any], skip: str = "") -> sp.Expr:
    """A law with the curvatures of the place, and numbers but for one name."""
    lams, others = _lams(e, "lam"), _lams(e, OTHER.name)
    e = e.xreplace({**{s: _OWN for s in lams}, **({s: _THAT for s in others} if other is not None else {})})
    e = e.subs({_OWN: own, **({_THAT: other} if other is not None else {})}, simultaneous=True)
    return shorter(with_numbers(e, values, skip))


_OWN, _THAT = sp.Dummy("own"), sp.Dummy("that")


def _lams(e: sp.Expr, name: str) -> set[sp.Symbol]:
    """The symbols of a law for a curvature, which a parameter of the loss may be called like."""
    return e.free_symbols & {curvature(s, name) for s in (1, 0, -1)}


def _direction(
    name: str,
    multiplicity: int,
    block: sp.Matrix | None,
    own: sp.Expr,
    other: sp.Expr | None,
    values: Mapping[str, sp.Rational],
    steps: int,
) -> Direction:
    assert block is not None
    law = tuple(sp.factor(m**steps) if steps == 2 else m for m in eigenvalues(block))
    here = tuple(put(m, own, other, values) for m in law)
    return Direction(name, multiplicity, block, own, other, law, here, steps)


# -- critical values -------------------------------------------------------------------------------------
def _conditions(orbit: StableOrbit, d: Direction) -> Iterator[tuple[str, sp.Expr, tuple[sp.Expr, ...]]]:
    """Kind, what vanishes, what must be positive; none that holds identically (along a manifold of minima)."""
    for which, kind in CONDITIONS[orbit.kind].items():
        found = condition(d.block, which)
        if found is not None and sp.expand(sp.numer(sp.together(found[0]))) != 0:
            yield kind, sp.numer(sp.together(found[0])), found[1]


def _closed(
    map: Map, manifold: Manifold, orbit: StableOrbit, d: Direction, values: Mapping[str, sp.Rational]
) -> list[Critical]:
    found = []
    for kind, e, positive in _conditions(orbit, d):
        for p in sorted((s for s in e.free_symbols if s.name in map.rule.parameters), key=map_order(map)):
            for law, needs in closed_forms(e, p, positive) or ():
                found += _critical(orbit, d, p.name, kind, law, {p: law}, needs, values)
        for theta in manifold.coordinates:
            for law, needs, solution in _places(e, d, theta, positive):
                found += _critical(orbit, d, theta.name, kind, law, solution, needs, values)
    return found


def map_order(map: Map) -> Any:
    """Parameters as the rule lists them."""
    return lambda s: map.rule.parameters.index(s.name)


def _places(
    e: sp.Expr, d: Direction, theta: sp.Symbol, positive: tuple[sp.Expr, ...]
) -> Iterator[tuple[sp.Expr, tuple[sp.Expr, ...], dict[sp.Symbol, sp.Expr]]]:
    """Where along the manifold: through the critical curvature if only that of the direction itself enters."""
    lams = _lams(e, "lam")
    if _lams(e, OTHER.name) or not lams or theta not in d.own.free_symbols or not moderate(d.own):
        return
    (lam,) = lams
    level = sp.Dummy("level", **{n: v for n, v in lam.assumptions0.items() if n in ("positive", "negative") and v})
    for value, needs in closed_forms(e, lam, positive) or ():
        for root, more in closed_forms(d.own - level, theta) or ():
            if sp.count_ops(root.subs(level, value)) > LONGEST:
                continue
            back = [sp.factor(sp.together(n.subs(level, value))) for n in more]
            every = needed([*needs, *back])
            if every is not None:
                yield shorter(root.subs(level, value)), every, {lam: value}


def _critical(
    orbit: StableOrbit,
    d: Direction,
    parameter: str,
    kind: str,
    law: sp.Expr,
    solution: Mapping[sp.Symbol, sp.Expr],
    needs: tuple[sp.Expr, ...],
    values: Mapping[str, sp.Rational],
) -> list[Critical]:
    """One closed form, or none where the cycle does not exist or a given number excludes it."""
    existence = [sp.factor(sp.together(e.subs(solution))) for e in orbit.positive]
    if any(e == 0 for e in existence):
        kind, existence = "radius diverges", [e for e in existence if e != 0]
    every = needed([*needs, *existence])
    if every is None:
        return []
    here = [put(n, d.own, d.other, values, parameter) for n in every]
    if needed([n for n in here if moderate(n)]) is None:
        return []
    formula = put(law, d.own, d.other, values, parameter)
    return [Critical(parameter, kind, orbit.name, d.name, law, formula, every)]


def _certified(
    orbit: StableOrbit,
    d: Direction,
    values: Mapping[str, sp.Rational],
    name: str,
    low: Fraction,
    high: Fraction,
    unresolved: dict[str, list[tuple[Fraction, Fraction]]],
) -> Iterator[Critical]:
    for kind, e, positive in _conditions(orbit, d):
        here = _squarefree(put(e, d.own, d.other, values, name))
        if name not in {s.name for s in here.free_symbols}:
            continue
        sign = [orbit.sign * d.own] if orbit.sign else []
        needs = [put(n, d.own, d.other, values, name) for n in (*positive, *sign, *orbit.positive)]
        roots = certified_roots(here, name, low, high)
        unresolved.setdefault(name, []).extend(roots.unresolved)
        for enclosure in roots.enclosures:
            signs = [sign_on(n, name, enclosure) for n in needs]
            if -1 in signs:
                continue
            at_edge = 0 in signs[len(positive) + len(sign) :]
            yield Critical(name, "radius diverges" if at_edge else kind, orbit.name, d.name, enclosure=enclosure)


def _squarefree(e: sp.Expr) -> sp.Expr:
    """The same zeros, each simple, for a rational function; without factors that cannot vanish."""
    if not moderate(e):
        return e
    numerator = sp.numer(sp.together(e)) if e.is_rational_function() else e
    factors = [
        f.as_base_exp()[0] if f.as_base_exp()[1].is_positive else f for f in sp.Mul.make_args(sp.factor(numerator))
    ]
    return sp.Mul(*(f for f in dict.fromkeys(factors) if not (f.is_positive or f.is_negative)))


def _enter(critical: list[Critical], c: Critical) -> None:
    """Beside the closed form that it encloses, or by itself."""
    assert c.enclosure is not None
    slack = 1e-12
    for i, known in enumerate(critical):
        same = (known.parameter, known.orbit, known.direction, known.kind) == (
            c.parameter,
            c.orbit,
            c.direction,
            c.kind,
        )
        value = known.value if same and known.enclosure is None else None
        if value is not None and c.enclosure[0] - slack <= value <= float(c.enclosure[1]) + slack:
            critical[i] = replace(known, enclosure=c.enclosure)
            return
    critical.append(c)
