"""How a branch grows: what happens between two of its points, where it ends, where another one begins."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sam_theory.lab._at import FloatArray
from sam_theory.lab._curve import Curve
from sam_theory.lab._special import SpecialPoint, locate, tests_at
from sam_theory.lab._trace import HALVED, Node, node_at

__all__ = ["beside", "between", "halving", "turned"]

#: Test functions below this at both ends of a step are rounding errors of 0.
_NOISE = 1e-11


def between(curve: Curve, before: Node, node: Node, index: int) -> list[SpecialPoint]:
    """The special points between two neighbours, in order."""

    def found(test: str) -> SpecialPoint:
        return locate(curve, before.z, node.z, before.scale, test, index)

    first = tests_at(before.slope, before.direction, before.scale)
    # The determinants of both ends need one unit of length.
    second = tests_at(node.slope, _unit(node.tangent / before.scale), before.scale)
    located = {
        test: found(test)
        for test, value in first.items()
        if value * second[test] <= 0 and value != 0 and max(abs(value), abs(second[test])) > _NOISE
    }
    if "fold" in located and "branch" in located:
        apart = np.append(located["fold"].points[0] - located["branch"].points[0], 0.0) / before.scale
        if np.abs(apart).max() < 1e-6:
            del located["fold"]  # two branches touch: the turn is that of the one across
    real = [s for s in located.values() if s.kind != "neutral saddle"]
    return sorted(real, key=lambda s: float((_place(s) - before.z) / before.scale @ before.direction))


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
            return None if found.kind != "flip" else _met(curve, found, before)
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
