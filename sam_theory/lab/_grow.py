"""How a branch grows: what happens between two of its points, where it ends, where another one begins."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sam_theory.lab._at import FloatArray
from sam_theory.lab._curve import Curve
from sam_theory.lab._special import SpecialPoint, locate, locate_several, outside
from sam_theory.lab._trace import HALVED, Node, node_at
from sam_theory.lab._zeros import tests_at

__all__ = ["beside", "between", "distinct", "halving", "turned"]

#: Test functions below this at both ends of a step are rounding errors of 0.
_NOISE = 1e-11
_CROSSINGS = ("pitchfork", "transcritical", "branch point")


def between(curve: Curve, before: Node, node: Node, index: int, base: FloatArray) -> list[SpecialPoint]:
    """The special points between two neighbours, in order.

    The middle is looked at too, so that two changes of a sign in one step are not missed unless both lie in one half.
    """
    middle = (before.z + node.z) / 2
    row = _unit((node.z - before.z) / before.scale)
    found = curve.corrected(middle, row, before.scale)
    half = None if found is None else node_at(curve, found[0], base, node.z - before.z)
    parts = [(before, node)] if half is None else [(before, half), (half, node)]
    return [s for a, b in parts for s in _within(curve, a, b, index)]


def _within(curve: Curve, before: Node, node: Node, index: int) -> list[SpecialPoint]:
    first = tests_at(before.slope, before.direction, before.scale)
    # The determinants of both ends need one unit of length.
    second = tests_at(node.slope, _unit(node.tangent / before.scale), before.scale)
    located = {}
    for test, value in first.items():
        if value * second[test] <= 0 and max(abs(value), abs(second[test])) > _NOISE:
            point = locate(curve, before.z, node.z, before.scale, test, index)
            if point is not None and point.kind != "neutral saddle":
                located[test] = point
    real = [*located.values()]
    counts = outside(before.slope), outside(node.slope)
    if not real and counts[0] != counts[1]:
        several = locate_several(curve, before.z, node.z, before.scale, min(counts), index)
        real = [] if several is None else [several]
    return sorted(real, key=lambda s: float((_place(s) - before.z) / before.scale @ before.direction))


def distinct(special: list[SpecialPoint], scale: FloatArray) -> list[SpecialPoint]:
    """Without repetitions, and without folds at branch points: there the turn is that of the branch across."""
    kept: list[SpecialPoint] = []
    for s in special:
        near = [
            t
            for t in special
            if t is not s and abs(t.index - s.index) <= 1 and np.abs((_place(t) - _place(s)) / scale).max() < 1e-7
        ]
        repeated = any(t.kind == s.kind and any(t is k for k in kept) for t in near)
        if s.kind == "jump":  # the one that is located best stands for all tests
            jumps = [t for t in special if t.kind == "jump" and t.index == s.index and t is not s]
            repeated = repeated or any(t.uncertainty < s.uncertainty for t in jumps)
        if not repeated and not (s.kind == "fold" and any(t.kind in _CROSSINGS for t in near)):
            kept.append(s)
    return kept


def _unit(v: FloatArray) -> FloatArray:
    return v / np.linalg.norm(v)


def _place(point: SpecialPoint) -> FloatArray:
    return np.append(point.points[0], point.parameter)


def halving(curve: Curve, before: Node, node: Node, index: int) -> tuple[SpecialPoint, Node] | None:
    """Where a branch meets orbits of half its period, between or just behind two nodes: a flip of those orbits.

    Beside such a point two branches of F^k(w) = w are close, of F^(k/2)(w) = w there is one.
    """
    if curve.period % 2:
        return None
    inner = replace(curve, period=curve.period // 2)
    scale, d = before.scale, len(before.z) - 1
    across = np.append(np.zeros(d), 1.0)
    nearest: tuple[float, FloatArray] | None = None
    for z in (before.z, node.z):
        moved = inner.linearised(z)
        if moved is not None:
            size = float(np.abs(moved[0] / scale[:-1]).max())
            if nearest is None or size < nearest[0]:
                nearest = size, z + np.append(moved[0] / 2, 0.0)
    if nearest is None:
        return None
    for power in range(2, 16):
        shift = 2.0**power * 1e-6 * across * scale
        ends = [inner.corrected(nearest[1] + sign * shift, across, scale, 20) for sign in (-1, 1)]
        if ends[0] is None or ends[1] is None:
            continue
        a, b = ends[0][0], ends[1][0]
        first, second = inner.linearised(a), inner.linearised(b)
        if first is None or second is None:
            continue
        tests = [tests_at(f[1], across, scale)["flip"] for f in (first, second)]
        if tests[0] * tests[1] <= 0:
            found = locate(inner, a, b, scale, "flip", index)
            return None if found is None or found.kind != "flip" else _met(curve, found, before)
    return None


def _met(curve: Curve, found: SpecialPoint, before: Node) -> tuple[SpecialPoint, Node] | None:
    """A flip of the smaller period, as the end of a branch."""
    detail = f"flip of the orbit of period {curve.period // 2}" + (f"; {found.detail}" if found.detail else "")
    points, multipliers = np.tile(found.points, (2, 1)), found.multipliers**2
    point = replace(found, kind=HALVED, points=points, multipliers=multipliers, detail=detail, directions=None)
    linear = curve.linearised(_place(point))
    return None if linear is None else (point, Node(_place(point), before.tangent, linear[1], before.scale))


def beside(curve: Curve, at: Node, point: SpecialPoint, base: FloatArray) -> Node | None:
    """A node of the branch that leaves the one of ``at`` in a special point close by."""
    directions = point.directions
    if directions is None:
        return None
    scaled = directions / at.scale
    if len(scaled) == 1:
        across = _unit(scaled[0])
    else:
        across = _unit(scaled[0] * float(scaled[1] @ at.direction) - scaled[1] * float(scaled[0] @ at.direction))
    for h in (1e-2, 3e-3, 3e-2, 1e-3, 1e-1):
        guess = _place(point) + h * across * at.scale
        found = curve.corrected(guess, across, at.scale, 20)
        if found is not None and float(np.linalg.norm((found[0] - guess) / at.scale)) <= 10 * h:
            return node_at(curve, found[0], base, across * at.scale)
    return None


def turned(special: tuple[SpecialPoint, ...], count: int) -> tuple[SpecialPoint, ...]:
    """Special points of a branch of ``count`` nodes that is passed the other way."""
    return tuple(replace(s, index=max(count - 2 - s.index, 0)) for s in special[::-1])
