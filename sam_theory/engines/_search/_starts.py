"""Which starts a statement speaks of: almost every one, or those whose orbits avoid an event."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from flint import arb
from numpy.typing import NDArray

from sam_theory.arithmetic import Arithmetic, Coordinates, Float64, NotExact
from sam_theory.engines._search._exact import compare, exactly, in_balls, too_long
from sam_theory.engines._search._instances import Batch, Point
from sam_theory.engines._search._setting import Scene
from sam_theory.verdicts import Witness

if TYPE_CHECKING:
    from sam_theory.engines._search._judge import Judge

__all__ = ["RADII", "around", "counts", "is_off", "meets", "meets_on_the_way"]

#: radii of the balls around a start, as powers of 10
RADII = (-6, -12, -24, -48)
#: steps beyond the violation on which an orbit must still avoid the event
_AHEAD = 128


def around(coordinates: Sequence[Fraction], power: int) -> Coordinates:
    """Balls of radius 10^power·(1+|c|) around the coordinates."""
    middle = [arb(c.numerator) / c.denominator for c in coordinates]
    return Coordinates(m + arb(0, 1) * (1 + abs(m)) * arb(10) ** power for m in middle)


def counts(judge: Judge, point: Point, found: Witness) -> bool:
    """Whether a violation at the start of ``point`` refutes a statement that leaves starts out."""
    scene = judge.scene
    if judge.theorem.starts is None or judge.decides_starts or not judge.uses_start or not point.start:
        return True
    if scene.event is not None:
        return _avoids(scene, point, (found.step or 0) + _AHEAD)

    def fails_around(arithmetic: Arithmetic, power: int) -> bool:
        return judge.violated(arithmetic, point, around(point.start, power), found.step)

    return any(in_balls(partial(fails_around, power=power)) for power in RADII)


def is_off(scene: Scene, arithmetic: Arithmetic, values: dict[str, Any], w: Any) -> bool:
    """Whether the iterate certainly does not meet the event."""
    v = w if scene.event == "w = 0" else scene.map.loss.gradient(arithmetic, w, values)
    return any(compare(c, 0) in (-1, 1) for c in v)


def _avoids(scene: Scene, point: Point, steps: int) -> bool:
    """Whether the orbit avoids the event for ever: off it at every step until a state recurs exactly."""
    rule = scene.theorem.rule
    if rule.uses_step_number or rule.noise:
        return False

    def compute(arithmetic: Arithmetic) -> bool:
        values, state = point.env(arithmetic), scene.state(arithmetic, point.vector(arithmetic))
        seen: set[tuple[Any, ...]] = set()
        for t in range(steps + 1):
            whole = tuple(scene.whole(state))
            if any(map(too_long, whole)):
                raise NotExact("the fractions have become too long")
            if not is_off(scene, arithmetic, values, scene.iterate(state)):
                return False
            if whole in seen:
                return True
            seen.add(whole)
            state = scene.step(arithmetic, values, state, t)
        return False

    found = exactly(compute, balls=False)
    return found is not None and bool(found.value)


def meets(scene: Scene, batch: Batch, w: Any) -> NDArray[np.bool_]:
    """Whether the iterates ``w`` (d, n) meet the event exactly, in floats."""
    with np.errstate(all="ignore"):
        v = w if scene.event == "w = 0" else scene.map.loss.gradient(Float64(), w, batch.env())
    return np.broadcast_to((np.asarray(v) == 0).all(axis=0), (batch.size,))


def meets_on_the_way(scene: Scene, batch: Batch, steps: int) -> NDArray[np.bool_]:
    """Whether the orbits in floats meet the event within that many steps."""
    arithmetic, values = Float64(), batch.env()
    state, met = scene.state(arithmetic, batch.start), np.zeros(batch.size, dtype=bool)
    with np.errstate(all="ignore"):
        step = scene.stepper(arithmetic, values)
        for t in range(steps + 1):
            met |= meets(scene, batch, scene.iterate(state))
            state = step(state, t)
    return met
