"""Where the iterates of a rational map of one variable end: points and intervals followed in balls."""

from __future__ import annotations

from itertools import pairwise

import sympy as sp
from flint import arb, fmpq

from sam_theory.engines._leading import Unknown

#: how long a ball is followed, and into how many an interval is cut
_LONGEST = 400
_PIECES = 64
#: neighbourhoods of a fixed point and of a start that are tried: these parts of the point, 2 to the power −k
_PARTS = range(2, 16)


class RationalMap:
    """A rational function with rational coefficients of the one symbol ``x``, evaluated in balls."""

    def __init__(self, e: sp.Expr, x: sp.Symbol) -> None:
        parts = (sp.Poly(part, x).all_coeffs() for part in sp.fraction(sp.cancel(e)))
        self.parts = tuple([arb(fmpq(int(c.p), int(c.q))) for c in part] for part in parts)

    def __call__(self, at: arb) -> arb:
        """Raises Unknown where the denominator may vanish."""
        above, below = (_horner(part, at) for part in self.parts)
        if not (below > 0 or below < 0):
            raise Unknown("a denominator may vanish along the orbit of the shape")
        return above / below


def _horner(coefficients: list[arb], at: arb) -> arb:
    total = arb(0)
    for c in coefficients:
        total = total * at + c
    return total


def exactly(a: sp.Rational) -> arb:
    """The ball that holds a rational number."""
    return arb(fmpq(int(a.p), int(a.q)))


def enclosure(a: sp.Expr) -> arb:
    """A ball that holds an algebraic number."""
    return arb(str(sp.N(a, 40))) + arb(0, 1e-12)


def attraction(slope: RationalMap, target: arb) -> arb:
    """A ball around a fixed point on which the map contracts, so that all of it tends there.  Raises Unknown."""
    for k in _PARTS:
        near = target + arb(0, abs(target).upper() / 2**k)
        try:
            if abs(slope(near)) < 1:
                return near
        except Unknown:
            continue
    raise Unknown("no neighbourhood of the shape was seen to be contracted")


def fundamental_domain(
    g: RationalMap, slope: RationalMap, growth: RationalMap, start: arb, direction: int
) -> list[arb]:
    """Balls through one of which every orbit passes that leaves the repelling fixed point in a direction.

    Where g' > 1 from the point to x, g increases and moves away from it, so that no orbit jumps over the interval from
    x to g(x); ``growth`` is positive up to x.  Raises Unknown.
    """
    for k in _PARTS:
        x = start + direction * abs(start) / 2**k
        try:
            if not (slope(start.union(x)) > 1 and growth(start.union(x)) > 0):
                continue
            ends = [x + (g(x) - x) * fmpq(i, _PIECES) for i in range(_PIECES + 1)]
            return [a.union(b) for a, b in pairwise(ends)]
        except Unknown:
            continue
    raise Unknown("the shape was not seen to repel")


def arrives(g: RationalMap, slope: RationalMap, growth: RationalMap, at: arb, goal: arb) -> bool:
    """Whether all of a ball is brought into ``goal``, where ``growth`` and the iterates stay positive."""
    try:
        for _ in range(_LONGEST):
            if not (at > 0 and growth(at) > 0):
                return False
            if goal.contains(at):
                return True
            middle = arb(at.mid())
            at = g(middle) + slope(at) * (at - middle)  # by the mean value theorem
    except Unknown:
        pass
    return False
