"""Cycles by formula, and limits of orbits that a set traps, shown again."""

from __future__ import annotations

import ast
from fractions import Fraction
from typing import Any

import sympy as sp
from flint import arb

from sam_theory.checker._enclosure_base import Balls, Unclear, exact
from sam_theory.checker._enclosure_claims import HORIZON
from sam_theory.checker._enclosure_cover import Box, ball_of, bisect, box_text, read_count, read_number
from sam_theory.checker._enclosure_cycles import apart, contracted, isolated, read_point
from sam_theory.checker._enclosure_formula import Formulas
from sam_theory.checker._enclosure_number import Calculus, Number
from sam_theory.checker._enclosure_orbit import Orbit
from sam_theory.checker._enclosure_setting import Setting
from sam_theory.checker._enclosure_spectrum import exact_calculus, side_of_one
from sam_theory.checker._enclosure_value import PARTS, Slopes, holds, shown_everywhere, value_over
from sam_theory.checker._enclosure_vector import Vector
from sam_theory.checker._rejected import Rejected

__all__ = ["check_cycle", "check_limit", "read_formula"]

#: points of a periodic orbit at most
PERIOD = 16
#: parts of a box of parameters at most, on each of which an orbit is isolated
_MOST_PARTS = 32
Points = list[list[Any]]


def _dynamics(setting: Setting, box: Box) -> tuple[Any, Any]:
    def complete(k: Calculus, sides: dict[str, Any]) -> dict[str, Any]:
        return setting.parameters(k, sides, box)

    def advance(k: Calculus, state: list[Number], env: dict[str, Any]) -> list[Number]:
        return list(setting.step(k, Vector(state), env))

    return advance, complete


def _places(k: Calculus, env: dict[str, Any], points: Points) -> list[list[Number]]:
    formulas = Formulas(k, env)
    return [[formulas.number(c) for c in p] for p in points]


def _follow(setting: Setting, box: Box, points: Points, claim: Any = None) -> None:
    """The points follow each other, with the multipliers and eigenvectors of ``claim``: as rational functions."""
    advance, complete = _dynamics(setting, box)
    k, sides = exact_calculus(box)
    env = complete(k, sides)
    known = _places(k, env, points)
    size = len(points[0])
    current = [k.seed(a.v, i) for i, a in enumerate(known[0])] if claim is not None and claim.multipliers else known[0]
    for i in range(len(known)):
        image, after = advance(k, current, env), known[(i + 1) % len(known)]
        if not all(k.base.vanishes(a.v - b.v) for a, b in zip(image, after, strict=True)):
            raise Rejected(f"the points do not follow each other on {box_text(box)}")
        # The chain rule: the next point with the slopes so far.
        current = [Number(k, b.v, a.d) for a, b in zip(image, after, strict=True)]
    zero = k.base.number(Fraction(0))
    for i, m in enumerate(() if claim is None else claim.multipliers):
        wanted = Formulas(k, env).number(m).v
        along = [k.base.number(Fraction(int(c.p), int(c.q))) for c in claim.direction(i)]
        for j in range(size):
            image = sum((current[j].d.get(n, zero) * c for n, c in enumerate(along)), zero)
            if not k.base.vanishes(image - wanted * along[j]):
                raise Rejected(f"the multiplier {m} is not that of the orbit on {box_text(box)}")


def check_cycle(setting: Setting, box: Box, centre: Any, radius: Any) -> None:
    """The formula exactly, and that the orbit is isolated, with the moduli of its multipliers on the claimed side."""
    claim = setting.claim
    size = len(claim.points[0])
    if claim.exists_iff is not None:
        _exists(setting, box)
    _follow(setting, box, [list(p) for p in claim.points], claim)
    middle, reach = read_point(centre, size, "centre"), read_point(radius, size, "radius")
    if not all(r > 0 for r in reach):
        raise Rejected("a radius is not positive")
    _isolated_on(setting, box, middle, reach)
    _inside(setting, box, list(claim.points[0]), middle, reach)


def _isolated_on(setting: Setting, box: Box, centre: list[Fraction], radius: list[Fraction]) -> None:
    """One orbit in centre ± radius for every parameter: on the whole box, or on the parts of a cover of it.

    A wide box of parameters enclosed in one piece makes the image too large, and may lay a kink across it that no orbit
    meets; the set is the same on every part, so that the orbit is the only one there whatever the parameter.
    """
    period, stable = len(setting.claim.points), setting.claim.stable
    todo, parts = [box], 0
    while todo:
        part, parts = todo.pop(), parts + 1
        try:
            found = isolated(*_dynamics(setting, part), part, centre, radius, period)
            if period > 1 and not apart(found.hulls, period):
                raise Unclear("the points of the orbit are not shown to be distinct")
            if stable is not None and side_of_one(found.slopes) != (-1 if stable else 1):
                raise Unclear("the moduli of the multipliers are not shown to lie on the claimed side of 1")
        except (Rejected, Unclear) as problem:
            widest = max(part, key=lambda n: (part[n][1] - part[n][0]) / (1 + abs(part[n][0])), default=None)
            if widest is None or part[widest][0] == part[widest][1] or parts + len(todo) >= _MOST_PARTS:
                raise Rejected(str(problem)) from None
            todo += bisect(part, widest)


def _inside(setting: Setting, box: Box, point: list[Any], centre: list[Fraction], radius: list[Fraction]) -> None:
    """A point given by formulas lies in centre ± radius for every parameter."""
    for e, c, r in zip(point, centre, radius, strict=True):

        def place(k: Calculus, sides: dict[str, Any], e: Any = e) -> Number:
            return Formulas(k, setting.parameters(k, sides, box)).number(e)

        if not abs(value_over(place, box)[0] - exact(c)) < exact(r):
            raise Rejected("the formula is not shown to lie where the orbit is")


def _exists(setting: Setting, box: Box) -> None:
    """Where the orbit is said not to exist nothing is shown."""
    relation = setting.claim.exists_iff
    if not hasattr(relation, "lts"):
        raise Rejected(f"{relation} is no order")

    def gap(k: Calculus, sides: dict[str, Any]) -> Number:
        formulas = setting.formulas(k, setting.parameters(k, sides, box), None)
        return formulas.number(relation.lts) - formulas.number(relation.gts)

    if not value_over(gap, box)[0] < 0:
        raise Rejected(f"{relation} is not shown on {box_text(box)}")


def check_limit(setting: Setting, box: Box, data: dict[str, Any]) -> None:
    """All orbits are trapped after some steps by a set that the return map contracts; what the observable is there."""
    claim = setting.claim
    if claim.variable is not None or claim.value in (sp.oo, -sp.oo):
        raise Rejected("trapping sets decide limits in time with a finite value")
    parameters = {n: side for n, side in box.items() if not n.startswith("w:")}
    advance, complete = _dynamics(setting, box)
    centre = read_point(data["centre"], setting.dimension, "centre")
    radius = read_number(data["radius"], "radius")
    period = read_count(data["period"], "period", PERIOD)
    if not period or radius <= 0:
        raise Rejected("an orbit has at least one point, and a set around it a positive radius")
    hulls = contracted(advance, complete, parameters, centre, radius, period)
    _trapped(setting, box, centre, radius, read_count(data["steps"], "steps", HORIZON), hulls[0])
    points = data["orbit"]
    gaps = [_observed(setting, parameters, h) for h in hulls]
    if points is None:
        if claim.relation == "==":
            raise Rejected("an equality needs the orbit by formula")
        if not _related(claim, gaps):
            raise Rejected("the observable is not shown to be on the claimed side of the value")
        return
    _exact_orbit(setting, parameters, read_points(points, setting, period), centre, radius)


def _trapped(
    setting: Setting, box: Box, centre: list[Fraction], radius: Fraction, steps: int, first: list[arb]
) -> None:
    """After ``steps`` steps every orbit lies in a ball around the first point, whichever that is, inside the set."""
    advance, complete = _dynamics(setting, box)
    room = [exact(radius) - abs(p - exact(c)) for p, c in zip(first, centre, strict=True)]

    def show(part: Box) -> tuple[bool, Slopes]:
        orbit = Orbit(advance, complete, part, [f"w:{i}" for i in range(setting.dimension)])
        for _ in range(steps):
            orbit.step()
        distance = max((abs(a - p).upper() for a, p in zip(orbit.hull, first, strict=True)), key=float)
        return all(distance < r for r in room), {}

    shown_everywhere(show, box, f"that orbits are trapped after {steps} steps", PARTS // 16)


def _observed(setting: Setting, parameters: Box, hull: list[arb]) -> arb:
    """observable − value around a point of the orbit, where the observable must be continuous."""
    k = Calculus(Balls(), lipschitz=True)
    env = setting.parameters(k, {n: k.constant(ball_of(side)) for n, side in parameters.items()}, parameters)
    around = [h + arb(0, 1e-12 * (1 + float(abs(h).upper()))) for h in hull]
    formulas = setting.formulas(k, env, Vector(k.seed(h, i) for i, h in enumerate(around)))
    observable = formulas.number(setting.claim.observable)
    if not all(a.is_finite() for a in (observable.v, *observable.d.values())):
        raise Rejected("the observable is not shown to be continuous where the orbits end")
    plain = Calculus(Balls())
    env = setting.parameters(plain, {n: plain.constant(ball_of(side)) for n, side in parameters.items()}, parameters)
    formulas = setting.formulas(plain, env, Vector(plain.constant(h) for h in hull))
    return (formulas.number(setting.claim.observable) - formulas.number(setting.claim.value)).v


def _related(claim: Any, gaps: list[arb]) -> bool:
    """Whether limit, limsup or liminf along the points is on the claimed side of the value."""
    if claim.kind_of_limit == "limit" and len(gaps) > 1:
        return False
    relation = sp.Le if claim.relation == "<=" else sp.Ge
    sides = [holds(relation(sp.Symbol("gap"), 0), g) is True for g in gaps]
    every = claim.kind_of_limit == "limit" or (claim.kind_of_limit == "limsup") == (claim.relation == "<=")
    return all(sides) if every else any(sides)


def _exact_orbit(setting: Setting, parameters: Box, points: Points, centre: list[Fraction], radius: Fraction) -> None:
    """The orbit is given by the formulas, and the observable has exactly the claimed value on it."""
    _follow(setting, parameters, points)
    # The set holds only one fixed point of the return map.
    _inside(setting, parameters, points[0], centre, [radius] * len(centre))
    k, sides = exact_calculus(parameters)
    env = setting.parameters(k, sides, parameters)
    for p in _places(k, env, points):
        formulas = setting.formulas(k, env, Vector(p))
        gap = formulas.number(setting.claim.observable) - formulas.number(setting.claim.value)
        if not k.base.vanishes(gap.v):
            raise Rejected("the observable has not the claimed value on the orbit")


def read_points(data: Any, setting: Setting, period: int) -> Points:
    """The points of an orbit as formulas of the parameters."""
    if not isinstance(data, list) or len(data) != period:
        raise Rejected(f"the orbit has not {period} points")
    names = {**setting.symbols, **{n: sp.Symbol(n, real=True) for n in setting.member_numbers}}
    found = []
    for p in data:
        if not isinstance(p, list) or len(p) != setting.dimension:
            raise Rejected(f"a point of the orbit has not {setting.dimension} coordinates")
        found.append([setting.concrete(read_formula(c, names)) for c in p])
    return found


def read_formula(text: Any, names: dict[str, Any]) -> Any:
    """A formula of numbers and known names with + − * / ** and sqrt, without evaluating anything else."""
    if not isinstance(text, str) or len(text) > 2000:
        raise Rejected("a coordinate of the orbit is no formula")
    try:
        found = _translated(ast.parse(text, mode="eval").body, names)
        if found.has(sp.zoo, sp.nan, sp.oo, sp.I):
            raise ValueError("it is not real and finite")
        return found
    except (SyntaxError, ValueError, RecursionError, ZeroDivisionError) as problem:
        raise Rejected(f"{text[:60]!r} is no formula: {problem}") from None


def _short(e: Any) -> bool:
    """Whether the numbers in a formula are short enough to be raised to a power."""
    return all(max(abs(n.p), n.q).bit_length() <= 256 for n in e.atoms(sp.Rational))


def _translated(node: ast.AST, names: dict[str, Any]) -> Any:
    match node:
        case ast.Constant(value=int() as n) if not isinstance(n, bool):
            return sp.Integer(n)
        case ast.Name(id=n) if n in names:
            return names[n]
        case ast.UnaryOp(op=ast.USub(), operand=a):
            return -_translated(a, names)
        case ast.Call(func=ast.Name(id="sqrt"), args=[a], keywords=[]):
            return sp.sqrt(_translated(a, names))
        case ast.BinOp(left=a, op=op, right=b):
            x, y = _translated(a, names), _translated(b, names)
            match op:
                case ast.Add():
                    return x + y
                case ast.Sub():
                    return x - y
                case ast.Mult():
                    return x * y
                case ast.Div():
                    return x / y
                case ast.Pow() if y.is_Rational and abs(y) <= 64 and _short(x):
                    return x**y
    raise ValueError("only numbers, parameters, + - * / ** and sqrt may occur")
