"""States of many trajectories moved on by machine code, where engines and laboratory follow orbits in their own way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from sam_theory.dynamics._fast import _width, flat_or_reason, flat_step, kernel_of, missing
from sam_theory.dynamics._outcome import DIVERGED_BEYOND, FloatArray
from sam_theory.dynamics._sheet import padded
from sam_theory.errors import InputError

if TYPE_CHECKING:
    from sam_theory.dynamics._map import Map
    from sam_theory.kernels._loop import Kernel

__all__ = ["Mover", "mover"]

#: Steps of single trajectories below which not even the program of a step is looked at.
_LEAST = 1 << 15

#: How many times longer batches of arrays must be expected to take than making and running machine code.
_WORTH = 3.0

#: Steps of single trajectories in one call of a kernel.
_PIECE = 1 << 24


@dataclass(frozen=True, eq=False)
class Mover:
    """Moves states on; made by :func:`mover`.

    A column's numbers depend on its own start and parameters alone, neither on the columns around it nor on how a run
    is cut into stretches; each step agrees with the reference to 1e-12 relative.
    """

    map: Map
    kernel: Kernel

    @property
    def parameters(self) -> tuple[str, ...]:
        """The parameters that :meth:`move` reads."""
        return self.kernel.layout.lanes

    def move(
        self, states: FloatArray, parameters: Mapping[str, Any], first: int, count: int, keep: int = 0
    ) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
        """The states after steps ``first``, …, ``first + count − 1``.

        Parameters
        ----------
        states : array (s, n)
            Whole states, the coordinates of the iterate first.
        parameters : mapping of str to float or array (n,)
            At least ``parameters``.
        first : int
            The number of the first step.
        count : int
        keep : int
            How many of the last states are wanted; 0: the last alone, without an axis for time.

        Returns
        -------
        array (s, n), or (keep, s, n)
        array (n,) of bool
            Which columns came within a factor 2 of the bound of divergence, or to something that is no number, on
            the way.  Their states mean nothing: the caller follows them in the reference.
        """
        layout, width = self.kernel.layout, self.kernel.width
        s, n = states.shape
        at = padded(np.arange(n), width)
        rows = np.zeros((layout.places["end"], len(at)))
        rows[:s] = states[:, at]
        for i, name in enumerate(self.parameters):
            rows[layout.places["parameters"] + i] = np.broadcast_to(parameters[name], (n,))[at]
        left = ~(np.abs(states).max(axis=0) <= DIVERGED_BEYOND / 2)
        rows[:s, : len(at)] = np.where(left[at], 0.0, rows[:s])
        uniform = np.zeros(1)
        kept = np.empty((keep, s, len(at)))
        died = rows[layout.places["died"]]
        # Pieces of a part of a second each, so that Ctrl-C is heeded between them.
        longest = max(1, _PIECE // max(1, len(at)))
        for begin, end, out in ((first, first + count - keep, None), (first + count - keep, first + count, kept)):
            for t in range(begin, end, longest):
                job = {"sheet": rows.ctypes.data, "columns": len(at), "first": t, "count": min(longest, end - t)}
                job["uniform"] = uniform.ctypes.data
                if out is not None:
                    job |= {"until": 1, "every": 1, "whole": 1, "record": s * len(at), "row": len(at)}
                    job["out"] = out[t - begin :].ctypes.data
                with np.errstate(all="ignore"):
                    self.kernel.run(**job)
                left |= died[:n] > 0
        return (kept[:, :, :n] if keep else rows[:s, :n].copy()), left


def mover(map: Map, steps: int, trajectories: int, *, calls: int = 1, d: int | None = None) -> Mover | str:
    """What moves ``trajectories`` states ``steps`` steps on, ``calls`` times; or why the reference does.

    A function of the map and these numbers, and of whether llvmlite is installed.

    Parameters
    ----------
    map : Map
        A rule without noise on a loss with values.
    steps : int
        Steps of a run.
    trajectories : int
    calls : int
        How often a run like this is to be expected.
    d : int, optional
        The dimension, where that of the loss is not fixed.

    Examples
    --------
    >>> from sam_theory.dynamics import Map
    >>> from sam_theory.losses import Quadratic
    >>> from sam_theory.rules import gd
    >>> mover(Map(gd, Quadratic(1)), 100, 100)
    'too little work for machine code to be made'
    """
    few = "too little work for machine code to be made"
    if steps * trajectories * calls < _LEAST:
        return few
    reason = missing()
    if reason is not None:
        return reason
    if map.rule.noise:
        return f"{map.rule.name} draws random numbers"
    from sam_theory.kernels._cost import batch_cost, compile_time, cost

    width = d or map.loss.dimension
    if width is None:
        raise InputError(f"{map.loss.name} has no fixed dimension; give one")
    try:
        step = flat_step(map, width)
    except InputError as error:
        return str(error)
    total = steps * trajectories * calls
    if batch_cost(step, trajectories) * total < _WORTH * (compile_time(step) + cost(step) * total):
        return few
    flat = flat_or_reason(map, width, {})
    if isinstance(flat, str):
        return flat
    names = tuple(f"{v}:{i}" for v in map.state for i in range(width))
    needed = tuple(name for name in map.parameters if name in flat.step.inputs)
    # The whole state counts as the iterate: further vectors must stay in bounds, too.
    layout = (names, len(names), needed, (), (), 0, False)
    return Mover(map, kernel_of(flat, layout, _width(len(flat.step.nodes), trajectories), DIVERGED_BEYOND / 2))
