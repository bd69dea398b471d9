"""Labels of trajectories from stretches of their iterates: since when each has been settled, alternating or stuck.

The same decisions as :class:`Monitor` takes step by step, on arrays that hold all steps of a stretch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sam_theory.arithmetic import Float64
from sam_theory.dynamics._outcome import SETTLED_WITHIN, FloatArray

Mask = npt.NDArray[np.bool_]

#: Squares are compared where rounding cannot matter; nearer to the bound, and where squares
#: leave the range, norms decide.
_MARGIN, _SMALL = 1e-9, 1e-250


@dataclass
class Since:
    """For n columns, the first step of the present run of settled and of alternating steps (0: none), and whether
    the former moved nothing at a zero gradient."""

    settled: FloatArray
    cycling: FloatArray
    stuck: Mask

    @classmethod
    def never(cls, n: int) -> Since:
        """At the start."""
        return cls(np.zeros(n), np.zeros(n), np.zeros(n, dtype=bool))

    def take(self, at: Any) -> Since:
        """Those columns."""
        return Since(self.settled[at], self.cycling[at], self.stuck[at])

    def put(self, at: Any, values: Since) -> None:
        """Replace those columns."""
        self.settled[at], self.cycling[at], self.stuck[at] = values.settled, values.cycling, values.stuck


def close(states: FloatArray, lag: int, start_norm: FloatArray, within: float = SETTLED_WITHIN) -> Mask:
    """Whether ‖w_t − w_(t−lag)‖ ≤ within·max(‖w_0‖, ‖w_t‖).

    Parameters
    ----------
    states : array (2 + K, d, n)
        Iterates at steps t−2, …; results are for the last K.  No number where there is no such step.
    """
    now = states[2:]
    displacement = now - states[2 - lag : len(states) - lag]
    square, size = _squared(displacement), _squared(now)
    bound = within * within * np.maximum(start_norm * start_norm, size)
    result = square <= bound * (1.0 - _MARGIN)
    unclear = (square <= bound * (1.0 + _MARGIN)) & ~result
    unclear |= (bound < _SMALL) & (square < _SMALL)
    unclear |= bound == np.inf
    if unclear.any():
        norm = Float64().norm
        step, column = np.nonzero(unclear)
        moved, w = displacement[step, :, column].T, now[step, :, column].T
        result[step, column] = norm(moved) <= within * np.maximum(start_norm[column], norm(w))
    return np.asarray(result, dtype=bool)


def _squared(v: FloatArray) -> FloatArray:
    total = v[:, 0] * v[:, 0]
    for i in range(1, v.shape[1]):
        total += v[:, i] * v[:, i]
    return total


def _run(holds: Mask, before: FloatArray, first: int) -> tuple[FloatArray, npt.NDArray[np.int64]]:
    """The first step of the run that lasts to the end (0: none), and its place in this stretch (0 if older)."""
    steps = len(holds)
    broken = ~holds
    last = np.where(broken.any(axis=0), steps - 1 - np.argmax(broken[::-1], axis=0), -1)
    since = np.where(last < 0, np.where(before > 0, before, first + 1), first + last + 2.0)
    return np.where(last == steps - 1, 0.0, since), last + 1


def follow(
    states: FloatArray,
    d: int,
    first: int,
    start_norm: FloatArray,
    since: Since,
    zero_gradient: Callable[[Mask], Any],
) -> Since:
    """Go on from ``since``, which holds at step ``first``, over K steps.

    Parameters
    ----------
    states : array (2 + K, s, n)
        Whole states, the d coordinates of the iterate first, at steps first−1, …, first+K.
    zero_gradient : function
        Of a mask of columns: whether the gradient is 0 at their last iterate.
    """
    w = states[:, :d]
    once = close(w, 1, start_norm)
    twice = close(w, 2, start_norm) & ~once
    settled, place = _run(once, since.settled, first)
    cycling, _ = _run(twice, since.cycling, first)
    still = (settled > 0) & (states[-1] == states[-2]).all(axis=0)
    stuck = np.zeros(len(still), dtype=bool)
    if still.any():
        same = (states[2:, :, still] == states[1:-1, :, still]).all(axis=1)
        inside = np.arange(len(same))[:, None] >= place[still]
        older = (since.settled[still] > 0) & (place[still] == 0)
        stuck[still] = (same | ~inside).all(axis=0) & (since.stuck[still] | ~older)
        if stuck.any():
            stuck[stuck] = zero_gradient(stuck)
    return Since(settled, cycling, stuck)


def recurs(states: FloatArray) -> Mask:
    """For K steps of whole states (2 + K, s, n), whether each repeats the last but one or the last state bitwise."""
    bits = np.ascontiguousarray(states).view(np.int64)
    now = bits[2:]
    return np.asarray((now == bits[1:-1]).all(axis=1) | (now == bits[:-2]).all(axis=1))
