r"""Pseudo-arclength continuation: from point to point along the curve :math:`F_p^k(w)=w`, through its folds.

A step of length h along the unit tangent :math:`\tau` is corrected by Newton's method in the plane across
:math:`\tau` (Keller 1977); lengths are measured in units of the size of the state and of the span of the parameter.  h
follows the number of corrections and the turn of the tangent.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sam_theory.lab._at import FloatArray
from sam_theory.lab._curve import Curve

__all__ = ["CLOSED", "HALVED", "INTERRUPTED", "LEFT", "LIMIT", "Node", "Walk", "halved", "node_at", "walk"]

LEFT = "left the span"
LIMIT = "point limit"
CLOSED = "closed loop"
HALVED = "period halving"
JUMP = "the map jumps"
KINK = "the map has a kink"
NO_DERIVATIVE = "no derivative: a kink or an overflow"
FAILED = "Newton's method failed"
UNBOUNDED = "unbounded"
INTERRUPTED = "interrupted"

_LEAST = 1e-9
#: A step is refused if the tangent turns by more, and lengthened if it turns by less.
_TURN, _STRAIGHT = np.cos(np.radians(25.0)), np.cos(np.radians(8.0))
#: A branch on which the state has grown by this factor is called unbounded.
_FAR = 1e6


@dataclass(frozen=True)
class Node:
    """A point of a branch: state and parameter, tangent and derivative of G there, units of length."""

    z: FloatArray
    tangent: FloatArray
    slope: FloatArray
    scale: FloatArray

    @property
    def direction(self) -> FloatArray:
        """The tangent in units of ``scale``, of length 1."""
        return self.tangent / self.scale

    def reversed(self) -> Node:
        """The same point, passed the other way."""
        return Node(self.z, -self.tangent, self.slope, self.scale)


@dataclass(frozen=True)
class Walk:
    """What limits a walk, and how fine it is."""

    curve: Curve
    low: float
    high: float
    base: FloatArray
    step: float
    limit: int
    progress: Callable[[str], None]


def _scale(z: FloatArray, base: FloatArray) -> FloatArray:
    """Units of length: those of the start, or the state where that has grown."""
    grown = max(1.0, float((np.abs(z[:-1]) / base[:-1]).max()))
    return np.append(base[:-1] * grown, base[-1])


def node_at(curve: Curve, z: FloatArray, base: FloatArray, toward: FloatArray | None = None) -> Node | None:
    """The point with its tangent, on the side of ``toward`` (or of a growing parameter); None where there is none."""
    found = curve.linearised(z)
    if found is None:
        return None
    scale = _scale(z, base)
    kernel = np.linalg.svd(found[1] * scale)[2][-1]
    along = float(kernel @ (toward / scale)) if toward is not None else float(kernel[-1])
    return Node(z, (kernel if along >= 0 else -kernel) * scale, found[1], scale)


def walk(task: Walk, start: Node) -> tuple[list[Node], str]:
    """Nodes behind ``start`` in the direction of its tangent, and why the walk ends."""
    nodes = [start]
    try:
        reason = _walk(task, nodes)
    except KeyboardInterrupt:
        reason = INTERRUPTED
    return nodes[1:], reason


def _walk(task: Walk, nodes: list[Node]) -> str:
    h, refused = task.step / 4, FAILED
    width = task.high - task.low
    while len(nodes) <= task.limit:
        last = nodes[-1]
        if _at_end(task, last, 1e-12 * width):
            return LEFT
        stepped = _step(task, last, h)
        if isinstance(stepped, str):
            refused, h = stepped, h / 2
            if h < _LEAST:
                return _why(task, nodes, refused)
            continue
        node, count = stepped
        turn = float(last.direction @ (node.tangent / last.scale)) / float(np.linalg.norm(node.tangent / last.scale))
        if turn < _TURN:
            refused, h = FAILED, h / 2
            if h < _LEAST:
                return _why(task, nodes, refused)
            continue
        if not task.low <= node.z[-1] <= task.high:
            end = _cut(task, last, node)
            if end is None:
                h = h / 2
                if h < _LEAST:
                    return LEFT
                continue
            nodes.append(end)
            return LEFT
        closing = _closes(nodes, node, task)
        if closing is not None:
            nodes.append(closing)
            return CLOSED
        if halved(task.curve, last.z, node.z):
            return HALVED
        nodes.append(node)
        if (np.abs(node.z[:-1]) > _FAR * task.base[:-1]).any():
            return UNBOUNDED
        if len(nodes) % 50 == 0:
            task.progress(f"{len(nodes)} points, {task.curve.parameter} = {node.z[-1]:.6g}")
        if count <= 4 and turn > _STRAIGHT:
            h = min(1.5 * h, task.step)
        elif count >= 7 or turn < (_TURN + _STRAIGHT) / 2:
            h = 0.6 * h
    return LIMIT


def _step(task: Walk, last: Node, h: float) -> tuple[Node, int] | str:
    """One corrected step of length h, or why there is none."""
    guess = last.z + h * last.tangent
    found = task.curve.corrected(guess, last.direction, last.scale)
    if found is None:
        return NO_DERIVATIVE if task.curve.linearised(guess) is None else FAILED
    z, count = found
    if float(np.linalg.norm((z - guess) / last.scale)) > 0.5 * h:
        return FAILED
    node = node_at(task.curve, z, task.base, last.tangent)
    return NO_DERIVATIVE if node is None else (node, count)


def _at_end(task: Walk, last: Node, slack: float) -> bool:
    """Whether the next step leaves the span from its very end."""
    out = last.z[-1] >= task.high - slack and last.tangent[-1] > 0
    return bool(out or (last.z[-1] <= task.low + slack and last.tangent[-1] < 0))


def _cut(task: Walk, last: Node, node: Node) -> Node | None:
    """The point between two nodes at which the branch leaves the span."""
    bound = task.high if node.z[-1] > task.high else task.low
    share = (bound - last.z[-1]) / (node.z[-1] - last.z[-1])
    guess = last.z + share * (node.z - last.z)
    guess[-1] = bound
    across = np.zeros(len(guess))
    across[-1] = 1.0
    found = task.curve.corrected(guess, across, last.scale)
    if found is None or float(np.linalg.norm((found[0] - guess) / last.scale)) > task.step:
        return None
    if halved(task.curve, last.z, found[0]):
        return None  # another point of the orbit: both are close together where the orbit is small
    found[0][-1] = bound
    return node_at(task.curve, found[0], task.base, last.tangent)


def _closes(nodes: list[Node], node: Node, task: Walk) -> Node | None:
    """The start, or another point of its orbit, if the step to ``node`` passes it."""
    first, last = nodes[0], nodes[-1]
    if len(nodes) < 8:
        return None
    apart = float(np.linalg.norm((node.z - last.z) / first.scale))
    if float(np.abs(node.z[-1] - first.z[-1]) / first.scale[-1]) > apart:
        return None
    orbit = task.curve.steps(first.z, task.curve.period)
    for point in first.z[None, :-1] if orbit is None else orbit:
        start = np.append(point, first.z[-1])
        before, after = (start - last.z) / first.scale, (node.z - start) / first.scale
        middle = before + after
        line = float(np.linalg.norm(before - middle * (before @ middle) / (middle @ middle)))
        if before @ middle >= 0 and after @ middle >= 0 and line <= 0.1 * apart:
            return node_at(task.curve, start, task.base, last.tangent)
    return None


def halved(curve: Curve, before: FloatArray, after: FloatArray) -> bool:
    """Whether F^(k/2)(w) − w turns round between two points of a branch, or vanishes: the orbit has half the period."""
    if curve.period % 2:
        return False
    a, b = (curve.linearised(z, curve.period // 2) for z in (before, after))
    if a is None or b is None:
        return False
    na, nb = float(np.linalg.norm(a[0])), float(np.linalg.norm(b[0]))
    return na > 0 and (nb <= 1e-6 * na or float(a[0] @ b[0]) <= -0.9 * na * nb)


def _why(task: Walk, nodes: list[Node], refused: str) -> str:
    """Why no further step succeeds: beside a corner at which the period is halved, that; else what the map does."""
    last = nodes[-1]
    half = task.curve.period // 2
    if task.curve.period == 2 * half:
        moved = task.curve.linearised(last.z, half)
        if moved is not None and float(np.abs(moved[0]).max()) < 1e-3 * float(last.scale[:-1].max()):
            return HALVED
    beyond = task.curve.linearised(last.z + 1e-7 * last.tangent)
    if beyond is not None and float(np.abs(beyond[0] / last.scale[:-1]).max()) > 1e-4:
        return JUMP
    here = task.curve.linearised(last.z)
    if here is not None and beyond is not None:
        size = 1 + float(np.abs(here[1]).max())
        if float(np.abs(here[1] - beyond[1]).max()) > 1e-3 * size:
            return KINK
    return refused
