r"""Periodic orbits: Krawczyk's test, and sets that a return map contracts.

For :math:`H(w)=F^n(w)-w`, a matrix C and a box X around m: if
:math:`m-C\,H(m)+(I-C\,DH(X))(X-m)` lies in the interior of X, then H has exactly one zero in X (Krawczyk 1969).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from flint import arb, arb_mat

from sam_theory.checker._enclosure_base import Unclear, exact
from sam_theory.checker._enclosure_cover import Box, middle, read_number
from sam_theory.checker._enclosure_number import Calculus, Number
from sam_theory.checker._enclosure_orbit import Orbit
from sam_theory.checker._rejected import Rejected

__all__ = ["Returned", "contracted", "isolated", "read_point", "returned"]

Advance = Callable[[Calculus, list[Number], dict[str, Any]], list[Number]]
Complete = Callable[[Calculus, dict[str, Any]], dict[str, Any]]
Point = list[Fraction]

_PLACE = "at:"
_TINY = Fraction(1, 10**24)


@dataclass(frozen=True)
class Returned:
    """F applied n times on a set of states: hulls on the way, derivatives, and the image of the middle."""

    hulls: list[list[arb]]
    slopes: list[list[arb]]
    sensitivity: list[list[arb]]
    middle: list[arb]


def read_point(data: Any, dimension: int, what: str) -> Point:
    """A list of exact coordinates."""
    if not isinstance(data, list) or len(data) != dimension:
        raise Rejected(f"{what} has not {dimension} coordinates")
    return [read_number(c, what) for c in data]


def returned(
    advance: Advance,
    complete: Complete,
    parameters: Box,
    centre: Point,
    radius: Point,
    period: int,
    lipschitz: bool = False,
    lean: list[list[arb]] | None = None,
) -> Returned:
    """The return map on centre ± radius, for every parameter of the box.

    With ``lean``, a matrix S with a column for each parameter that varies, the set moves with the parameters:
    the states are w = S (p − p₀) + v with v in centre ± radius, and the map is v → F^n(w) − S (p − p₀).
    """
    names = [f"{_PLACE}{i}" for i in range(len(centre))]
    states = {n: (c - r, c + r) for n, c, r in zip(names, centre, radius, strict=True)}

    def completed(k: Calculus, sides: dict[str, Any]) -> dict[str, Any]:
        return complete(k, {n: a for n, a in sides.items() if n in parameters})

    orbit = Orbit(advance, completed, {**states, **parameters}, names, lipschitz)
    moving = [n for n in orbit.wide if n in parameters]
    deviation = [orbit.deviation[orbit.wide.index(n)] for n in moving]
    if lean is not None:
        orbit.lean(lean, moving)
    hulls = [list(orbit.hull)]
    for _ in range(period):
        orbit.step()
        hulls.append(list(orbit.hull))
    image = []
    for i, c in enumerate(orbit.centre):
        total = c.v
        for j, n in enumerate(moving):
            slope = orbit.slope(i, n) if lean is None else orbit.slope(i, n) - lean[i][j]
            total += slope * deviation[j]
        image.append(total)
    return Returned(
        hulls,
        [[orbit.slope(i, n) for n in names] for i in range(len(names))],
        [[orbit.slope(i, n) for n in moving] for i in range(len(names))],
        image,
    )


def isolated(
    advance: Advance, complete: Complete, parameters: Box, centre: Point, radius: Point, period: int
) -> Returned:
    """Krawczyk's test on centre ± radius; the return map on the smaller set in which the orbit then lies.

    Rejected if the test fails.
    """
    if not all(r > 0 for r in radius):
        raise Rejected("a radius is not positive")
    found = returned(advance, complete, parameters, centre, radius, period)
    image = krawczyk_image(found, centre, radius)
    inside = [
        abs(a - exact(c)) < exact(r) if a.is_finite() else False for a, c, r in zip(image, centre, radius, strict=True)
    ]
    if not all(inside):
        raise Rejected("Krawczyk's test fails: the orbit is not shown to exist and to be unique there")
    smaller = [min(_fraction(abs(a - exact(c)).upper()), r) for a, c, r in zip(image, centre, radius, strict=True)]
    return returned(advance, complete, parameters, centre, smaller, period)


def krawczyk_image(found: Returned, centre: Point, radius: Point) -> list[arb]:
    """The set of which the test asks that it lies inside of centre ± radius."""
    size = len(centre)
    slope = [[found.slopes[i][j] - int(i == j) for j in range(size)] for i in range(size)]
    c = _inverse(found.slopes)
    missed = [a - exact(m) for a, m in zip(found.middle, centre, strict=True)]
    image = []
    for i in range(size):
        total = exact(centre[i])
        for j in range(size):
            total -= c[i][j] * missed[j]
            rest = int(i == j) - sum((c[i][m] * slope[m][j] for m in range(size)), arb(0))
            total += rest * arb(0, exact(radius[j]).upper())
        image.append(total)
    return image


def isolated_near(
    advance: Advance, complete: Complete, parameters: Box, near: Point, period: int
) -> tuple[Point, Returned]:
    """A periodic orbit near a point, for every parameter of the box, by Krawczyk's test on a set that moves with them.

    Returns the middle of the set, and the return map on a set in which the orbit lies. Rejected if no set passes.
    """
    centre = newton(advance, complete, parameters, near, period)
    size = max(*(abs(c) for c in centre), Fraction(1, 10**6))
    radius = [size / 10**10] * len(centre)
    still = {n: (q, q) for n, q in middle(parameters).items()}
    at_middle = returned(advance, complete, still, centre, [size * _TINY] * len(centre), period)
    moved = returned(advance, complete, parameters, centre, radius, period)
    inverse = _inverse(at_middle.slopes)
    columns = list(zip(*moved.sensitivity, strict=True))
    lean = [
        [-sum((c * b for c, b in zip(row, column, strict=True)), arb(0)).mid() for column in columns] for row in inverse
    ]
    for _ in range(17):
        found = returned(advance, complete, parameters, centre, radius, period, lean=lean)
        image = krawczyk_image(found, centre, radius)
        if not all(a.is_finite() for a in image):
            break
        reach = [_fraction(abs(a - exact(c)).upper()) for a, c in zip(image, centre, strict=True)]
        if all(a < r for a, r in zip(reach, radius, strict=True)):
            return centre, returned(advance, complete, parameters, centre, reach, period, lean=lean)
        if any(a > 1000 * size for a in reach):
            break
        radius = [max(a * Fraction(6, 5), a + size / 10**14) for a in reach]
    raise Unclear("Krawczyk's test fails: no orbit is isolated near the point")


def newton(advance: Advance, complete: Complete, parameters: Box, near: Point, period: int) -> Point:
    """A periodic point at the middle of the box, approximately."""
    still, point = {n: (q, q) for n, q in middle(parameters).items()}, near
    for _ in range(12):
        # A set that is no point: otherwise there would be no slopes.
        reach = max(*map(abs, point), Fraction(1, 10**6)) * _TINY
        found = returned(advance, complete, still, point, [reach] * len(point), period)
        inverse = _inverse(found.slopes)
        missed = [a - exact(c) for a, c in zip(found.middle, point, strict=True)]
        moves = [sum((c * m for c, m in zip(row, missed, strict=True)), arb(0)).mid() for row in inverse]
        after = [c - _fraction(m) for c, m in zip(point, moves, strict=True)]
        point = [_fraction(arb(exact(c).mid())) for c in after]
        if all(abs(float(m)) <= 1e-18 * float(max(map(abs, point))) for m in moves):
            break
    return point


def _inverse(slopes: list[list[arb]]) -> list[list[arb]]:
    """An approximate inverse of DG − 1."""
    size = len(slopes)
    try:
        found = arb_mat([[slopes[i][j].mid() - int(i == j) for j in range(size)] for i in range(size)]).inv()
    except ZeroDivisionError:
        raise Unclear("the derivative of the return map has the eigenvalue 1") from None
    return [[found[i, j].mid() for j in range(size)] for i in range(size)]


def apart(hulls: Sequence[Sequence[arb]], period: int) -> bool:
    """Whether the points of the orbit are certainly distinct."""
    return all(
        any(not a.overlaps(b) for a, b in zip(hulls[i], hulls[j], strict=True)) for i in range(period) for j in range(i)
    )


def contracted(
    advance: Advance, complete: Complete, parameters: Box, centre: Point, radius: Fraction, period: int
) -> list[list[arb]]:
    """Hulls of a periodic orbit to which every orbit from a ball around its first point inside centre ± radius tends.

    The return map contracts centre ± radius in the maximum norm, and sends a smaller box around the centre into itself.
    """
    size = len(centre)
    wide = returned(advance, complete, parameters, centre, [radius] * size, period, lipschitz=True)
    if not all(sum((abs(a) for a in row), arb(0)) < 1 for row in wide.slopes):
        raise Rejected("the return map is not shown to contract the set")
    r = radius
    for _ in range(80):
        inside = returned(advance, complete, parameters, centre, [r] * size, period, lipschitz=True)
        if all(abs(h - exact(c)) <= exact(r) for h, c in zip(inside.hulls[-1], centre, strict=True)):
            return _orbit_inside(advance, complete, parameters, centre, r, period)
        r /= 2
    raise Rejected("no set is shown to be mapped into itself")


def _orbit_inside(
    advance: Advance, complete: Complete, parameters: Box, centre: Point, r: Fraction, period: int
) -> list[list[arb]]:
    """Smaller and smaller sets around the centre that contain the orbit."""
    reach = [r] * len(centre)
    found = returned(advance, complete, parameters, centre, reach, period, lipschitz=True)
    for _ in range(60):
        # The orbit lies in the image of Krawczyk's operator, whatever its size: there is one zero, and it is inside.
        image = krawczyk_image(found, centre, reach)
        if not all(a.is_finite() for a in image):
            break
        after = [min(_fraction(abs(a - exact(c)).upper()), r) for a, c, r in zip(image, centre, reach, strict=True)]
        if all(10 * a > 9 * r for a, r in zip(after, reach, strict=True)):
            break
        reach = after
        found = returned(advance, complete, parameters, centre, reach, period, lipschitz=True)
    return [list(h) for h in found.hulls[:period]]


def _fraction(a: arb) -> Fraction:
    q = a.fmpq()
    return Fraction(int(q.p), int(q.q))
