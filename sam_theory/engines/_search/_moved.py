"""Trajectories of a scene by machine code, within budgets in which making it is worth while."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sam_theory.arithmetic import Float64
from sam_theory.dynamics import Mover, mover
from sam_theory.engines._budget import Budget
from sam_theory.engines._search._parameters import Array
from sam_theory.engines._search._setting import Scene

__all__ = ["Moved", "moved_by_machine_code"]

#: In smaller budgets a scene is done with before machine code for its map would be made.
_SMALLEST = 128


@dataclass(frozen=True, eq=False)
class Moved:
    """Moves the trajectories of a scene on; made by :func:`moved_by_machine_code`."""

    scene: Scene
    mover: Mover

    def visits(
        self, values: Mapping[str, Any], start: Array, times: Sequence[int], left: NDArray[np.bool_]
    ) -> Iterator[tuple[int, Array]]:
        """(t, whole states (s, n) after t steps) for ascending ``times``.

        ``left`` (n,) is set for trajectories that come near the bound of divergence before; their states mean
        nothing, and the caller follows them in the reference.
        """
        state = self.scene.state(Float64(), start)
        here, reached = np.stack(self.scene.whole(state)), 0
        for first, last in _runs(times):
            if first == 0:
                yield 0, here
                first = 1
            keep = last - first + 1
            if not keep:
                continue
            kept, gone = self.mover.move(here, values, reached, last - reached, keep)
            left |= gone
            here, reached = kept[-1], last
            yield from enumerate(kept, first)

    def ends(self, values: Mapping[str, Any], start: Array, steps: Array, left: NDArray[np.bool_]) -> Array:
        """Whole states (s, n), each after its own number of steps (0 where that is none); ``left`` as above."""
        state = self.scene.state(Float64(), start)
        result = np.stack(self.scene.whole(state))
        going = np.flatnonzero(steps > 0)
        here, reached = result[:, going], 0
        own = {name: np.broadcast_to(values[name], steps.shape) for name in self.mover.parameters}
        for t in np.unique(steps[going]).astype(int).tolist():
            here, gone = self.mover.move(here, {k: v[going] for k, v in own.items()}, reached, t - reached)
            left[going] |= gone
            done = steps[going] == t
            result[:, going[done]] = here[:, done]
            here, going, reached = here[:, ~done], going[~done], t
        return result


def _runs(times: Sequence[int]) -> Iterator[tuple[int, int]]:
    """The first and the last of each run of successive numbers."""
    first = last = times[0]
    for t in times[1:]:
        if t != last + 1:
            yield first, last
            first = t
        last = t
    yield first, last


def moved_by_machine_code(scene: Scene, budget: Budget, steps: int, trajectories: int, calls: int) -> Moved | None:
    """A function of the scene, the budget and these numbers alone; None where the reference does it.

    Parameters as for :func:`sam_theory.dynamics.mover`.
    """
    if budget.steps < _SMALLEST or scene.loss is None:
        return None
    found = mover(scene.map, steps, trajectories, calls=calls, d=scene.dimension)
    return None if isinstance(found, str) else Moved(scene, found)
