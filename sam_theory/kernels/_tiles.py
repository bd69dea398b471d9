"""Tiles of trajectories under the kernel of a program of vectors: the driver's side of :func:`_passes.advance`.

Most steps run without being measured.  A stretch of them is believed if the labels measured at its end and bounds
on every step of it leave no other course; else it is run again, shorter and at last measured step by step.  What a
tile reports is therefore the same as if every step had been measured.
"""

from __future__ import annotations

import ctypes
import math
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from functools import cache, cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from llvmlite import ir

from sam_theory.kernels._machine import Machine, machine
from sam_theory.kernels._order import Order
from sam_theory.kernels._passes import MODES, ROWS, advance

FloatArray = npt.NDArray[np.float64]
Run = Callable[..., int]

_LEAST, _WATCHED = 32, 128
_PLACE = {name: i for i, name in enumerate(ROWS)}
_MOST, _TINY = 1e12, 1e-300


#: Kernels that are kept, those used last.
_KEPT = 128
_kernels: OrderedDict[Hashable, Kernel] = OrderedDict()


def kernel(order: Order, width: int) -> Kernel:
    """The kernel of an order of passes: programs that differ in their constants or dimension share it."""
    block = order.rolled.dimension // order.rolled.parts
    steps = tuple((s.op, s.args, None if s.op == "table" else s.data, s.size // block) for s in order.rolled.steps)
    places = order.reductions, order.gradients, order.constants, order.varying, order.tables, order.guarded
    key = steps, tuple(order.rolled.outputs.items()), order.rolled.parts, places, width
    known = _kernels.get(key)
    if known is None:
        known = _kernels[key] = Kernel(order, width)
        if len(_kernels) > _KEPT:
            _kernels.popitem(last=False)
    _kernels.move_to_end(key)
    return known


class Kernel:
    """The machine code of a program of vectors.

    Parameters
    ----------
    order : Order
    width : int
        Lanes of a tile; no result depends on it.
    """

    def __init__(self, order: Order, width: int) -> None:
        self.parts, self.memory = order.rolled.parts, order.memory
        module = ir.Module()
        for mode in MODES:
            advance(module, order, width, mode)
        self.machine: Machine = machine(module)
        kind = ctypes.CFUNCTYPE(ctypes.c_int64, *[ctypes.c_void_p] * 7, *[ctypes.c_int64] * 5)
        self.run: dict[str, Run] = {mode: kind(self.machine.address(mode)) for mode in MODES}


def aligned(*shape: int) -> FloatArray:
    """Zeros that begin at a multiple of 64 bytes."""
    size = math.prod(shape)
    raw = np.zeros(size + 8)
    start = (-raw.ctypes.data // 8) % 8
    return raw[start : start + size].reshape(shape)


def limit(bound: FloatArray) -> FloatArray:
    """For each lane the greatest power of two of at most ``bound``, as the report holds it (see ``beyond``)."""
    exponent = np.clip(np.frexp(bound)[1] - 1, -1022, 1023)
    return ((1 << 63) - ((exponent.astype(np.int64) + 1023) << 52).astype(np.uint64)).astype(np.uint64).view(np.float64)


@cache
def _reach(d: int) -> float:
    """What no coordinate of d may reach in steps that are not measured."""
    return float(limit(np.array([_MOST / math.sqrt(d)]))[0])


def _nothing(row: FloatArray) -> bool:
    """Whether all numbers are +0."""
    return not row.tobytes().strip(b"\0")


class Tile:
    """Some trajectories of a batch, lane by lane.

    Parameters
    ----------
    kernel : Kernel
    tables : array
        The constants of the coordinates, all tables one after the other.
    constants : array (constants, width)
    states : array (vectors, d, width)
    columns, source : array (width,)
        The trajectory that a lane stands for, -1 where it holds a copy of another lane; the one it computes.
    patience : float
        After how many steps in a row that led back to the state two steps before, within ``tolerance``, a run ends.
    tolerance : float
        A squared relative distance; 0 for the same bits.
    """

    def __init__(
        self,
        kernel: Kernel,
        tables: FloatArray,
        constants: FloatArray,
        states: FloatArray,
        columns: npt.NDArray[np.int64],
        source: npt.NDArray[np.int64],
        patience: float,
        tolerance: float,
    ) -> None:
        self.kernel, self.tables, self.constants = kernel, tables, constants
        self.columns, self.source = columns, source
        vectors, d, width = states.shape
        self.block = d // kernel.parts
        #: steps of a stretch: some 10^7 values
        self.longest = max(4 * _WATCHED, (1 << 24) // states.size)
        self.buffer = aligned(2 * states.size + 64)
        # The second state begins at another place of a page: stores to it are no obstacle to loads from the first.
        size, shift = states.size, 64
        self.halves = [self.buffer[k : k + size].reshape(states.shape) for k in (0, size + shift)]
        self.halves[0][:], self.halves[1][:] = states, np.nan
        self.turn = 0
        self.memory = aligned(max(kernel.memory, 1), width)
        self.report = aligned(len(ROWS) + vectors - 1, width)
        self.mode, self.turns, self.witness = "fast", 0, 0
        self.stretch = 3 * _WATCHED
        #: whether a lane needs attention after the last call of ``advance``
        self.called = False
        self._level = np.inf
        self._labels = self.report[_PLACE["settled"] : _PLACE["still"] + 1]
        self._saved = np.empty_like(self.buffer), np.empty_like(self.report)
        self._rows = {name: self.report[i] for name, i in _PLACE.items()}
        self._places = [a.ctypes.data for a in (*self.halves, tables, constants, self.report, self.memory)]
        squares = np.sum(states**2, axis=1)
        self.row("start")[:], self.report[len(ROWS) :] = squares[0], squares[1:]
        self.row("patience")[:], self.row("tolerance")[:] = patience, tolerance
        self.row("reach")[:] = _reach(d)

    def row(self, name: str) -> FloatArray:
        """What the report says of each lane."""
        return self._rows[name]

    @property
    def state(self) -> FloatArray:
        """The state (vectors, d, width)."""
        return self.halves[self.turn]

    @property
    def before(self) -> FloatArray:
        """The state one step before, after a measured step."""
        return self.halves[1 - self.turn]

    # -- running -----------------------------------------------------------------------------------------
    def advance(self, t: int, n: int, varying: FloatArray | None) -> int:
        """Take up to n steps from step t on; ``varying`` has the scalars of each step (n, number, width), if any.

        Returns the number of steps taken.  It is less than n where a lane needs :meth:`attention`, and else also
        where the steps left need another way to be taken.
        """
        self.called = False
        place, row = (0, 0) if varying is None else (varying.ctypes.data, varying.strides[0])
        if self.mode != "watch":
            n = min(n, self.stretch)
            if n >= _LEAST:
                if self._unwatched(t, n, place, row):
                    self._lengthen(n)
                    return n
                if n > 2 * _LEAST:
                    self.stretch = max(_LEAST, n // 4)
                    return 0
        done = self._call("watch", t, min(n, _WATCHED), place)
        self.called = not _nothing(self.row("event"))
        self._choose()
        return done

    def _call(self, mode: str, t: int, n: int, varying: int) -> int:
        here, there = self._places[self.turn], self._places[1 - self.turn]
        tables, constants, report, memory = self._places[2:]
        done = self.kernel.run[mode](
            here, there, tables, constants, varying, report, memory, t, n, self.witness, self.turns, self.block
        )
        if mode != "fast" and done % 2:
            self.turn = 1 - self.turn
        return done

    def _unwatched(self, t: int, n: int, varying: int, row: int) -> bool:
        buffer, report = self._saved
        buffer[:], report[:] = self.buffer, self.report
        turn = self.turn
        if self._call(self.mode, t, n - 2, varying) == n - 2 and _nothing(self.row("alarm")):
            if self.mode == "fast":
                self.before.fill(np.nan)
            if self._call("watch", t + n - 2, 2, varying + (n - 2) * row) == 2 and _nothing(self.row("event")):
                if self.mode == "hold" or _nothing(self._labels):
                    return True
        self.buffer[:], self.report[:], self.turn = buffer, report, turn
        return False

    def _lengthen(self, n: int) -> None:
        """Twice as many steps the next time, but fewer than seem to be left to a label at the last ones' rate."""
        self.stretch = min(2 * n, self.longest)
        if self.mode == "hold":
            return
        nearest = np.minimum(self.row("moved"), self.row("moved2"))
        size = np.maximum(self.row("start"), self.row("norm"))
        least = float(np.min(nearest / np.maximum(size, _TINY)))
        level = math.log(max(1e24 * least, _TINY))
        rate, self._level = (self._level - level) / n, level
        if 0.0 < rate < np.inf:
            left = 0.8 * level / rate
            if left < self.stretch:
                self.stretch = int(left)
                if left < 2 * _LEAST:
                    self.mode = "watch"

    def _choose(self) -> None:
        """How to take the next steps: the labels say what they have to keep."""
        settled, cycling, still = self._labels.astype(bool).sum(axis=1).tolist()
        self.mode, self.stretch = "watch", max(self.stretch, 2 * _WATCHED)
        if not (settled or cycling or still):
            self.mode, self._level = "fast", np.inf
        elif len(self.columns) in (settled, cycling):
            self._hold(cycling == len(self.columns))

    def _hold(self, turns: bool) -> None:
        """Prepare steps that keep their labels, if these are far from changing."""
        near, bound = self._near
        if not (self.row("moved2" if turns else "moved") < bound).all():
            return
        start = np.sqrt(self.row("start"))
        apart = np.full(len(start), -1.0)
        if turns:
            moved = np.abs(self.state[0] - self.before[0])
            self.witness = int(np.argmax(np.min(moved, axis=1)))
            apart = 4e-12 * np.maximum(start, np.sqrt(self.row("norm")))
            if not (moved[self.witness] > 2.0 * apart).all():
                return
        self.mode, self.turns, self.stretch = "hold", int(turns), self.longest
        self.row("near")[:], self.row("apart")[:] = near, apart

    @cached_property
    def _near(self) -> tuple[FloatArray, FloatArray]:
        """What a coordinate may move by in steps that keep a label, and squares that are well below; 0 for never."""
        near = 1e-12 * np.sqrt(self.row("start") / self.state.shape[1])
        below = np.ldexp(0.9, np.frexp(near)[1] - 1)
        return limit(near), np.where(near > 1e-140, below * below, 0.0)

    # -- lanes -------------------------------------------------------------------------------------------
    def attention(self) -> npt.NDArray[np.bool_]:
        """The lanes that the last measured step cannot be followed by another one, or that need none."""
        return self.row("event") != 0

    def drop(self, lanes: npt.NDArray[np.bool_]) -> bool:
        """Put copies of another lane in the place of these; whether any is left."""
        left = np.flatnonzero(~lanes)
        if not len(left):
            return False
        donor = next((i for i in left if self.columns[i] >= 0), left[0])
        for array in (*self.halves, self.report, self.constants):
            array[..., lanes] = array[..., donor, None]
        self.__dict__.pop("_near", None)
        self.columns[lanes], self.source[lanes] = -1, self.source[donor]
        return bool((self.columns >= 0).any())


def tables_of(order: Order, env: Mapping[str, Any]) -> FloatArray:
    """The constants of the coordinates, all tables one after the other."""
    found = [
        np.broadcast_to(v, (order.rolled.steps[i].size,))
        for i, v in zip(order.tables, order.values(env, order.tables), strict=True)
    ]
    return np.ascontiguousarray(np.concatenate(found)) if found else np.zeros(1)


def scalars_of(order: Order, wanted: tuple[int, ...], env: Mapping[str, Any], shape: tuple[int, ...]) -> FloatArray:
    """Scalars outside of the kernel as registers: (number, width), or (steps, number, width) where they vary."""
    values = order.values(env, wanted)
    result = aligned(*shape[:-1], max(len(values), 1), shape[-1])
    for place, value in enumerate(values):
        result[..., place, :] = value
    return result
