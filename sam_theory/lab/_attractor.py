"""Many orbits at once: moving them on, and saying how each one ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from sam_theory.arithmetic import Float64
from sam_theory.dynamics import DIVERGED_BEYOND, Map, Mover, mover
from sam_theory.lab._at import FloatArray

__all__ = ["APERIODIC", "DIVERGED", "DRIFTING", "REPEATS", "SETTLED", "Ends", "Flock", "ends", "moved_by", "name_of"]

IntArray = npt.NDArray[np.int64]

#: How an orbit ended; a settled one has a period besides.
SETTLED, APERIODIC, DRIFTING, DIVERGED = 0, 1, 2, 3

#: Over the window the distance between two points of a cycle keeps at least this share of itself.
_SHRINKS = 0.99
#: A drift: after k steps the state is this near to where it was, relative to the extent of what it visits, …
_NEAR = 0.05
#: … and it has moved by nearly the same vector in each of the last so many stretches of k steps.
_STEADY, REPEATS = 0.1, 4


def moved_by(map: Map, steps: int, total: int, batch: int) -> Mover | None:
    """What moves ``total`` orbits on in batches; None where the reference is done before machine code is made."""
    found = mover(map, steps, min(total, batch), calls=-(-total // batch))
    return None if isinstance(found, str) else found


@dataclass
class Flock:
    """States of many orbits as columns, each with its own parameters; a diverged orbit is held where it left.

    Parameters
    ----------
    map : Map
    states : ndarray, shape (d, n)
    parameters : mapping of str to float or ndarray (n,)
    mover : Mover, optional
        What moves long stretches on, where machine code pays: :func:`sam_theory.dynamics.mover`.
    """

    map: Map
    states: FloatArray
    parameters: Mapping[str, Any]
    mover: Mover | None = None

    def __post_init__(self) -> None:
        self.arithmetic = Float64()
        self.diverged = ~(np.abs(self.states).max(axis=0) <= DIVERGED_BEYOND)

    def step(self) -> FloatArray:
        """All orbits one step on; the new states, which are not to be changed."""
        width = len(self.states) // len(self.map.state)
        cut = {v: self.states[i * width : (i + 1) * width] for i, v in enumerate(self.map.state)}
        with np.errstate(all="ignore"):
            image = self.map.step(self.arithmetic, cut, self.parameters)
        shape = cut[self.map.state[0]].shape
        parts = [v if np.shape(v) == shape else np.broadcast_to(v, shape) for v in (image[n] for n in self.map.state)]
        new = np.concatenate(parts) if len(parts) > 1 else parts[0]
        away = ~(np.abs(new).max(axis=0) <= DIVERGED_BEYOND)
        if away.any() or self.diverged.any():
            self.diverged |= away
            new = np.where(self.diverged, self.states, new)
        self.states = new
        return new

    def advance(self, steps: int) -> None:
        """Move on without a record."""
        if self.mover is not None and steps > 1:
            self._moved(steps, 0)
            return
        for _ in range(steps):
            self.step()

    def window(self, steps: int) -> FloatArray:
        """The present states and those after 1, …, ``steps`` − 1 steps, shape (steps, d, n)."""
        if self.mover is not None and steps > 1:
            return self._moved(steps - 1, steps - 1)
        found = np.empty((steps, *self.states.shape))
        found[0] = self.states
        for t in range(1, steps):
            found[t] = self.step()
        return found

    def _moved(self, steps: int, keep: int) -> FloatArray:
        """By machine code: the present states and the last ``keep`` of those after ``steps`` steps."""
        assert self.mover is not None
        before = self.states
        new, left = self.mover.move(before, self.parameters, 0, steps, max(keep, 1))
        found = np.concatenate([before[None], new]) if keep else new
        if self.diverged.any():
            found[..., self.diverged] = before[:, self.diverged]
            left &= ~self.diverged
        if left.any():
            part = replace(self.keep(left), mover=None)
            if keep:
                found[..., left] = part.window(steps + 1)
            else:
                part.advance(steps)
                found[..., left] = part.states
            self.diverged = self.diverged.copy()
            self.diverged[left] = part.diverged
        self.states = found[-1]
        return found

    def keep(self, columns: npt.NDArray[Any]) -> Flock:
        """A flock of the orbits of these columns."""
        parameters = {n: v if np.ndim(v) == 0 else v[columns] for n, v in self.parameters.items()}
        return Flock(self.map, np.ascontiguousarray(self.states[:, columns]), parameters, self.mover)


@dataclass(frozen=True)
class Ends:
    """How orbits ended: ``label`` and ``period`` (0 where there is none; of a drift, the period near which it is)."""

    label: IntArray
    period: IntArray


def ends(
    window: FloatArray,
    diverged: npt.NDArray[np.bool_],
    scale: Any,
    tolerance: float,
    longest: int,
    *,
    drifts: bool = True,
) -> Ends:
    r"""Say how orbits ended from their last states.

    Settled with period k: :math:`|w_{t+k}-w_t|\le` ``tolerance`` · max(``scale``, |w|) for all t of the window, with
    the least such k.  Drifting near period k: the displacement over k steps is small beside the extent of the orbit (or
    ``scale``), and nearly the same vector in each of the last four stretches of k steps.

    Parameters
    ----------
    window : ndarray, shape (n_steps, d, n)
        At least 4·``longest`` + 1 states.
    diverged : ndarray of bool, shape (n,)
    scale : float or ndarray (n,)
    tolerance : float
    longest : int
        The longest period that is looked for.
    drifts : bool
        Whether to tell drifting from aperiodic orbits.
    """
    size = tolerance * np.maximum(scale, np.abs(window).max(axis=(0, 1)))
    n = window.shape[2]
    period = np.zeros(n, dtype=np.int64)
    label = np.full(n, APERIODIC, dtype=np.int64)
    last = window[-1]
    for k in range(1, longest + 1):
        open_ = np.flatnonzero(period == 0)
        near = open_[np.abs(last[:, open_] - window[-1 - k][:, open_]).max(axis=0) <= size[open_]]
        if len(near):
            part = window[:, :, near]
            away = np.abs(part[k:] - part[:-k]).max(axis=(0, 1))
            period[near[(away <= size[near]) & ~_shrinking(part, k)]] = k
    label[period > 0] = SETTLED
    rest = np.flatnonzero((period == 0) & ~diverged)
    if drifts and len(rest):
        near_period = _drift(window[:, :, rest], scale if np.ndim(scale) == 0 else scale[rest], longest)
        label[rest[near_period > 0]] = DRIFTING
        period[rest] = near_period
    label[diverged], period[diverged] = DIVERGED, 0
    return Ends(label, period)


def _shrinking(window: FloatArray, k: int) -> npt.NDArray[np.bool_]:
    """Whether the points of an apparent cycle of period ``k`` approach each other: the true one is shorter."""
    found = np.zeros(window.shape[2], dtype=bool)
    for j in (j for j in range(1, k) if k % j == 0):
        # The same two points of the cycle, at the beginning and at the end of the window.
        end = (len(window) - 1 - j) // k * k
        before, after = (np.abs(window[t + j] - window[t]).max(axis=0) for t in (0, end))
        found |= after < _SHRINKS * before
    return found


def _drift(window: FloatArray, scale: Any, longest: int) -> IntArray:
    extent = np.maximum((window.max(axis=0) - window.min(axis=0)).max(axis=0), scale)
    found = np.zeros(window.shape[2], dtype=np.int64)
    for k in range(1, longest + 1):
        moves = [window[-1 - j * k] - window[-1 - (j + 1) * k] for j in range(REPEATS)]
        length = np.abs(moves[0]).max(axis=0)
        steady = length <= _NEAR * extent
        for j in range(1, REPEATS):
            steady &= np.abs(moves[j] - moves[0]).max(axis=0) <= j * _STEADY * length
        found[(found == 0) & steady] = k
    return found


def name_of(label: int, period: int) -> str:
    """The end of an orbit in words."""
    if label == SETTLED:
        return "converged" if period == 1 else f"period {period}"
    if label == DRIFTING:
        return "drifting" if period == 1 else f"drifting near period {period}"
    return "aperiodic" if label == APERIODIC else "diverged"
