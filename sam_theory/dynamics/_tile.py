"""A tile of trajectories on a kernel: stretches of steps, what ended in each, and what is left of it at the end.

The kernel advances all columns through a stretch; the few that may have settled in it are gone through again, with
all their iterates kept.  What is found depends neither on where stretches end nor on the columns around.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sam_theory.arithmetic import Float64
from sam_theory.dynamics._follow import Since, close, follow, recurs
from sam_theory.dynamics._outcome import FloatArray, Outcome, has_diverged, label
from sam_theory.dynamics._over import IDENTITY, REDUCTIONS
from sam_theory.dynamics._sheet import Columns, Sheet, joined, padded

if TYPE_CHECKING:
    from sam_theory.dynamics._map import Map
    from sam_theory.kernels._loop import Kernel

#: Steps of a stretch: short ones first, for what diverges or settles at once.
_STRETCHES = (8, 8, 16, 32, 64)
_LONGEST = 128

#: Columns that are gone through again at a time, so that their iterates stay near the processor.
_AGAIN = 1024


@dataclass(frozen=True)
class Plan:
    """What the tiles of a run share.

    ``windows`` has a reduction and the first step it takes for each observable of the kernel; ``varies`` tells
    whether one of them reads ``t``; ``every`` is the distance of recorded steps (0: none), ``whole`` whether all of
    the state is recorded; ``compact`` whether ended trajectories are taken out.
    """

    map: Map
    kernel: Kernel
    parameters: dict[str, Any]
    uniform: FloatArray
    steps: int
    tolerance: float | None
    exact: bool
    autonomous: bool
    windows: tuple[tuple[str, int], ...]
    varies: bool
    every: int
    whole: bool


@dataclass(frozen=True)
class Again:
    """A stretch that a sheet has gone through, for going through it again with some of its columns."""

    sheet: Sheet
    entry: FloatArray
    job: dict[str, int]
    noise: FloatArray | None

    def part(self, columns: Columns) -> tuple[Sheet, dict[str, int], Any]:
        """These columns as they were at the beginning, what to run, and what has to live until then."""
        part = self.sheet.take(columns)
        at = padded(columns, part.kernel.width)
        part.rows[: len(self.entry)] = self.entry[:, at]
        if self.noise is None:
            return part, self.job, None
        mine = np.ascontiguousarray(self.noise[:, :, at])
        return part, {**self.job, "noise": mine.ctypes.data}, mine

    def watched(self, columns: Columns) -> None:
        """Look at every step of these columns."""
        part, job, _alive = self.part(columns)
        part.run(**{**job, "watch": 1})
        self.sheet.put(columns, part)

    def states(self, columns: Columns) -> tuple[Sheet, FloatArray]:
        """The columns as they were at the beginning, and all their states from the one before it on."""
        part, job, _alive = self.part(columns)
        run, s = part.take(np.arange(part.n)), len(part.kernel.layout.state)
        m = run.rows.shape[1]
        states = np.empty((job["count"] + 2, s, m))
        states[0], states[1] = run.rows[s : 2 * s], run.rows[:s]
        job = {**job, "until": 1, "every": 1, "whole": 1, "record": s * m, "row": m, "observe": 0}
        run.run(**job, out=states[2:].ctypes.data)
        return part, states[:, :, : part.n]


class Tile:
    """The trajectories ``lo`` to ``hi`` of a batch.

    Parameters
    ----------
    plan : Plan
    lo, hi : int
    state : array (s, hi − lo)
        The whole state at the start.
    lanes : array (p, hi − lo)
        The parameters that vary, as the kernel's layout names them.
    out : array (records, rows, batch) or None
    noise : function
        ``noise(first, count)``: draws for these steps, (count, noises, hi − lo).
    """

    def __init__(
        self,
        plan: Plan,
        lo: int,
        hi: int,
        state: FloatArray,
        lanes: FloatArray,
        out: FloatArray | None,
        noise: Callable[[int, int], FloatArray],
    ) -> None:
        self.plan, self.lo, self.hi, self.out, self.noise = plan, lo, hi, out, noise
        self.layout = plan.kernel.layout
        self.s, self.d, self.n = len(self.layout.state), self.layout.d, hi - lo
        self.lanes = lanes
        n = self.n
        self.start_norm = np.asarray(Float64().norm(state[: self.d]), dtype=float)
        self.start = state
        #: The last state of each trajectory, the one before, and the step of the former.
        self.last, self.before = state.copy(), state.copy()
        self.stop = np.zeros(n, dtype=np.int64)
        self.since = Since.never(n)
        self.sums = np.zeros((self.layout.observed, n))
        self.died = np.full(n, -1, dtype=np.int64)
        self.settled = np.full(n, -1, dtype=np.int64)

    # -- the run -----------------------------------------------------------------------------------------
    def run(self) -> None:
        """All steps; the attributes hold the results afterwards."""
        plan, steps = self.plan, self.plan.steps
        sheets = {plan.tolerance is not None: self._first()}
        t, stretch = 0, 0
        marks = sorted({first - 1 for _, first in plan.windows} | {steps})
        while t < steps and sheets:
            for sheet in sheets.values():
                if t > 0:
                    self._open(sheet, t + 1)
            length = _STRETCHES[stretch] if stretch < len(_STRETCHES) else _LONGEST
            end = min(t + length, next(m for m in marks if m > t))
            noise = self.noise(t, end - t) if self.layout.noise else None
            for watch, sheet in sheets.items():
                self._stretch(sheet, t, end, noise, watch)
            sheets = self._sorted(sheets)
            t, stretch = end, stretch + 1
        for sheet in sheets.values():
            self._close(sheet, np.flatnonzero(~sheet.done), steps)
        self._finish()

    def _first(self) -> Sheet:
        n, places = self.n, self.layout.places
        m = n + (-n % self.plan.kernel.width)
        rows = np.zeros((places["end"], m))
        at = padded(np.arange(n), self.plan.kernel.width)
        rows[: self.s] = self.start[:, at]
        rows[places["parameters"] :] = self.lanes[:, at]
        for v in range(self.s // self.d):
            norm = np.asarray(Float64().norm(self.start[v * self.d : (v + 1) * self.d]), dtype=float)
            rows[places["bounds"] + v] = (norm * norm)[at]
        nothing = np.zeros(n, dtype=bool)
        sheet = Sheet(self.plan.kernel, rows, np.arange(n), nothing.copy(), nothing)
        sizes = self._vectors(self.start)
        lost = np.flatnonzero(has_diverged(sizes, self.plan.map.state[0]))
        if any(first == 0 for _, first in self.plan.windows):
            self._open(sheet, 0)
            self._observe(rows, 0)
        self._open(sheet, 1)
        for name in ("last", "before"):
            rows[places[name] : places[name] + self.s] = np.nan
        if len(lost):
            self._end(sheet, lost, self.start[:, lost], self.start[:, lost], -1)
            self.died[lost] = 0
            sheet.rows[: self.s, lost] = 0.0
        return sheet

    def _vectors(self, state: FloatArray) -> dict[str, FloatArray]:
        names = self.plan.map.state
        return {name: state[i * self.d : (i + 1) * self.d] for i, name in enumerate(names)}

    def _sorted(self, sheets: dict[bool, Sheet]) -> dict[bool, Sheet]:
        """Those far from settling, and those near, which are watched at every step; ended ones are left out."""
        if self.plan.every:
            [sheet] = sheets.values()
            return {} if sheet.done.all() else {self.plan.tolerance is not None or bool(sheet.near().any()): sheet}
        groups: dict[bool, list[Sheet]] = {False: [], True: []}
        for watch, sheet in sheets.items():
            near = sheet.near() if self.plan.tolerance is None else np.ones(sheet.n, dtype=bool)
            stays, moves = ~sheet.done & (near == watch), ~sheet.done & (near != watch)
            if moves.any():
                groups[not watch].append(sheet.take(np.flatnonzero(moves)))
            if stays.sum() > 0.9 * sheet.n:
                sheet.done |= moves
                groups[watch].append(sheet)
            elif stays.any():
                groups[watch].append(sheet.take(np.flatnonzero(stays)))
        return {watch: joined(group) for watch, group in groups.items() if group}

    def _stretch(self, sheet: Sheet, t: int, end: int, noise: FloatArray | None, watch: bool) -> None:
        if sheet.done.all():
            return
        entry = sheet.rows[: self.layout.places["bounds"]].copy()
        job = {"first": t, "count": end - t, "watch": int(watch), "observe": int(self._observing(t))}
        job["uniform"] = self.plan.uniform.ctypes.data
        mine: FloatArray | None = None
        if noise is not None:
            mine = np.ascontiguousarray(noise[:, :, padded(sheet.index, self.plan.kernel.width)])
            job["noise"] = mine.ctypes.data
        self._run(sheet, job)
        again = Again(sheet, entry, job, mine)
        self._diverged(sheet)
        if not watch:  # the last step alone was looked at
            columns = np.flatnonzero(~sheet.done & (sheet.near() | (sheet.row("unclear") > 0)))
            if len(columns):
                again.watched(columns)
        self._settled(sheet, again, t, end)

    def _run(self, sheet: Sheet, job: dict[str, int]) -> None:
        plan, t, count = self.plan, job["first"], job["count"]
        if not plan.every or self.out is None:
            sheet.run(**job)
            return
        following = t // plan.every + 1
        until = following * plan.every - t
        _, rows, batch = self.out.shape
        job = job | {"until": until, "every": plan.every, "whole": int(plan.whole)}
        if sheet.rows.shape[1] == sheet.n:
            base = self.out.ctypes.data + 8 * (following * rows * batch + self.lo)
            sheet.run(**job, out=base, record=rows * batch, row=batch)
            return
        kept = np.empty(((t + count) // plan.every - t // plan.every, rows, sheet.rows.shape[1]))
        sheet.run(**job, out=kept.ctypes.data, record=rows * kept.shape[2], row=kept.shape[2])
        self.out[following : following + len(kept), :, self.lo : self.hi] = kept[:, :, : sheet.n]

    # -- after a stretch ---------------------------------------------------------------------------------
    def _diverged(self, sheet: Sheet) -> None:
        died = sheet.row("died")
        lost = np.flatnonzero((died > 0) & ~sheet.done)
        if len(lost):
            step = died[lost].astype(np.int64)
            held = sheet.block("held", self.s)[:, lost]
            self._end(sheet, lost, held, held, step - 1, sheet.block("held_sums", self.layout.observed)[:, lost])
            self.died[sheet.index[lost]] = step

    def _settled(self, sheet: Sheet, again: Again, t: int, end: int) -> None:
        """Look at what has settled in a stretch, step by step where squares do not decide."""
        plan, s = self.plan, self.s
        here, still = ~sheet.done, ~sheet.done & (sheet.row("settled") > 0)
        at = np.flatnonzero(still)
        still[at] = (sheet.rows[:s, at] == sheet.rows[s : 2 * s, at]).all(axis=0)
        doubtful = here & ((sheet.row("unclear") > 0) | still | sheet.stuck)
        if plan.autonomous:  # what stands still was stuck from the beginning of the run, or is not stuck
            late = sheet.row("settled") + 2.0 < sheet.row("recurred")
            doubtful &= ~still | ~late | (sheet.row("unclear") > 0)
        columns = np.flatnonzero(doubtful)
        for i in range(0, len(columns), _AGAIN):
            self._step_by_step(sheet, columns[i : i + _AGAIN], again, t, end)
        if plan.exact:
            over = np.flatnonzero(here & (sheet.row("recurred") > 0))
            if len(over):
                self._close(sheet, over, end)
                self.settled[sheet.index[over]] = sheet.row("recurred")[over]
        elif plan.tolerance is not None:
            over = np.flatnonzero(here & (sheet.row("stopped") > 0) & ~sheet.done)
            if len(over):
                last, before = (sheet.block(name, s)[:, over] for name in ("stop_last", "stop_before"))
                step = sheet.row("stopped")[over].astype(np.int64)
                sums = sheet.block("stop_sums", self.layout.observed)[:, over]
                settled, cycling = sheet.block("stop_since", 2)[:, over]
                since = Since(settled, cycling, sheet.stuck[over])
                self._end(sheet, over, last, before, step, sums, since)
                self.settled[sheet.index[over]] = step

    def _step_by_step(self, sheet: Sheet, columns: Columns, again: Again, t: int, end: int) -> None:
        """Go through a stretch again with all iterates of these columns kept, and decide as the reference does."""
        part, states = again.states(columns)
        index, norms = part.index, self.start_norm[part.index]

        def vanishes(w: FloatArray, of: Columns) -> Callable[[Any], Any]:
            return lambda at: self._zero_gradient(w[-1][:, at], of[at])

        since = follow(states, self.d, t, norms, part.since, vanishes(states, index))
        repeats = recurs(states)
        old = part.row("recurred")
        first = np.where(repeats.any(axis=0), t + 1.0 + np.argmax(repeats, axis=0), 0.0)
        recurred = np.where(old > 0, old, first)
        if self.plan.tolerance is not None:
            stop = self._alternates(part, states, t)
            for i in np.flatnonzero(stop):
                to = states[: int(stop[i]) - t + 2, :, i : i + 1]
                then = follow(to, self.d, t, norms[[i]], part.since.take([i]), vanishes(to, index[[i]]))
                sheet.block("stop_last", self.s)[:, columns[i]] = to[-1, :, 0]
                sheet.block("stop_before", self.s)[:, columns[i]] = to[-2, :, 0]
                sheet.block("stop_since", 2)[:, columns[i]] = then.settled[0], then.cycling[0]
                if self._observing(t):
                    sums = self._summed(part.take(np.array([i])), to, t)
                    sheet.block("stop_sums", self.layout.observed)[:, columns[i]] = sums[:, 0]
            sheet.row("running")[columns], sheet.row("stopped")[columns] = part.row("running"), stop
        sheet.since.put(columns, since)
        sheet.row("recurred")[columns] = recurred

    def _alternates(self, part: Sheet, states: FloatArray, t: int) -> FloatArray:
        """The step at which each column has alternated for three steps, else 0; ``running`` goes on."""
        near = np.ones((len(states) - 2, part.n), dtype=bool)
        for v in range(0, self.s, self.d):
            norm = np.asarray(Float64().norm(self.start[v : v + self.d, part.index]), dtype=float)
            near &= close(states[:, v : v + self.d], 2, norm, self.plan.tolerance or 0.0)
        running, stop = part.row("running"), np.zeros(part.n)
        for i, here in enumerate(near):
            running[:] = np.where(here, running + 1.0, 0.0)
            stop = np.where((stop == 0) & (running >= 3), t + i + 1.0, stop)
        return stop

    def _zero_gradient(self, state: FloatArray, index: Columns) -> Any:
        env = {n: v if np.ndim(v) == 0 else v[self.lo : self.hi][index] for n, v in self.plan.parameters.items()}
        gradient = self.plan.map.loss.gradient(Float64(), np.ascontiguousarray(state[: self.d]), env)
        return (np.asarray(gradient) == 0).all(axis=0)

    def _end(
        self,
        sheet: Sheet,
        columns: Columns,
        last: FloatArray,
        before: FloatArray,
        stop: Any,
        sums: FloatArray | None = None,
        since: Since | None = None,
    ) -> None:
        """These columns are over: their last two states stand in turn for the rest."""
        at = sheet.index[columns]
        self.last[:, at], self.before[:, at], self.stop[at] = last, before, stop
        self.since.put(at, since or sheet.since.take(columns))
        if sums is not None:
            self.sums[:, at] = sums
        sheet.done[columns] = True

    def _close(self, sheet: Sheet, columns: Columns, stop: int) -> None:
        self._end(
            sheet,
            columns,
            sheet.block("state", self.s)[:, columns],
            sheet.block("last", self.s)[:, columns],
            stop,
            sheet.block("sums", self.layout.observed)[:, columns],
        )

    # -- observables -------------------------------------------------------------------------------------
    def _observing(self, t: int) -> bool:
        return any(first <= t + 1 for _, first in self.plan.windows)

    def _open(self, sheet: Sheet, first: int) -> None:
        """Begin the observables whose window begins at this step."""
        row = self.layout.places["sums"]
        for i, (reduction, begins) in enumerate(self.plan.windows):
            if begins == first:
                sheet.rows[row + i] = IDENTITY[reduction]

    def _observe(self, rows: FloatArray, t: int) -> None:
        """Accumulate the observables of the states of a sheet as those of step t."""
        job = {"first": t - 1, "count": 1, "observe": 1, "still": 1, "uniform": self.plan.uniform.ctypes.data}
        self.plan.kernel.run(sheet=rows.ctypes.data, columns=rows.shape[1], **job)

    def _summed(self, part: Sheet, states: FloatArray, t: int) -> FloatArray:
        """The observables of a sheet, gone on with over the steps of a stretch."""
        for i, state in enumerate(states[2:]):
            part.rows[: self.s] = state
            self._observe(part.rows, t + i + 1)
        return part.block("sums", self.layout.observed)

    # -- the end -----------------------------------------------------------------------------------------
    def _finish(self) -> None:
        steps = self.plan.steps
        early = np.flatnonzero((self.stop < steps) & (self.died < 0))
        left = steps - self.stop[early]
        for extra in np.unique(np.where(left > 5, 4 + left % 2, left)):
            at = early[np.where(left > 5, 4 + left % 2, left) == extra]
            self._extend(at, int(extra))
        if self.layout.observed:
            self._fill_sums()
        if self.out is not None and self.plan.every:
            self._fill_records()
        self.final = np.where((steps - self.stop) % 2 == 0, self.last, self.before)
        patience = len(self.plan.map.state)
        since = self.since
        names, step = label(since.settled, since.cycling, since.stuck, steps, patience)
        self.outcome = np.where(self.died >= 0, str(Outcome.DIVERGED), names)
        self.step = np.where(self.died >= 0, self.died, step).astype(np.int64)

    def _extend(self, at: Columns, extra: int) -> None:
        """The labels of trajectories that go on in turn: those after a few steps are those at the end."""
        pair = (self.before[:, at], self.last[:, at])
        states = np.stack([pair[i % 2] for i in range(extra + 2)])
        old, stop = self.since.take(at), self.stop[at]
        # Runs that began before are marked: their steps have no number here.
        settled, cycling = (np.where(v > 0, 0.5, 0.0) for v in (old.settled, old.cycling))
        marked = Since(settled, cycling, old.stuck)
        state = states[-1]
        new = follow(
            states, self.d, 0, self.start_norm[at], marked, lambda of: self._zero_gradient(state[:, of], at[of])
        )
        late = self.plan.steps - extra
        for name in ("settled", "cycling"):
            value, before = getattr(new, name), getattr(old, name)
            begun = np.where(value == 1.0, stop + 1.0, value + late)
            getattr(self.since, name)[at] = np.where(value == 0.5, before, np.where(value > 0, begun, 0.0))
        self.since.stuck[at] = new.stuck

    def _fill_sums(self) -> None:
        """The observables of the steps after the end of each trajectory."""
        plan, steps = self.plan, self.plan.steps
        late = np.flatnonzero(self.stop < steps)
        if not len(late):
            return
        size, row, places = self.layout.observed, self.layout.places["sums"], self.layout.places
        at = padded(late, plan.kernel.width)
        rows = np.zeros((places["end"], len(at)))
        rows[places["parameters"] :] = self.lanes[:, at]
        pair = (self.last[:, at], self.before[:, at])

        def observed(odd: int, t: int) -> FloatArray:
            for i, (reduction, _) in enumerate(plan.windows):
                rows[row + i] = IDENTITY[reduction]
            rows[: self.s] = pair[odd]
            self._observe(rows, t)
            return rows[row : row + size, : len(late)].copy()

        stop = self.stop[late]
        value = None if plan.varies else np.stack([observed(odd, 0) for odd in range(2)])
        for i, (reduction, first) in enumerate(plan.windows):
            total = np.where(stop < first, IDENTITY[reduction], self.sums[i, late])
            begin = np.maximum(stop + 1, first)
            # An extremum has seen both states after two steps.
            shorter = value is not None and reduction != "mean"
            for t in range(int(begin.min()), min(int(begin.max()) + 1, steps) + 1 if shorter else steps + 1):
                parity = (t - stop) % 2
                both = value if value is not None else np.stack([observed(odd, t) for odd in range(2)])
                here = np.where(parity == 1, both[1, i], both[0, i])
                total = np.where(t >= begin, REDUCTIONS[reduction](total, here), total)
            self.sums[i, late] = total

    def _fill_records(self) -> None:
        """Records after the end of each trajectory."""
        assert self.out is not None
        plan, rows = self.plan, self.out.shape[1]
        late = np.flatnonzero(self.stop < plan.steps)
        if not len(late):
            return
        order = late[np.argsort(self.stop[late], kind="stable")]
        stops, every = self.stop[order], plan.every
        for r in range(int(stops[0]) // every + 1 if stops[0] >= 0 else 0, len(self.out)):
            at = order[: int(np.searchsorted(stops, r * every, side="left"))]
            odd = (r * every - self.stop[at]) % 2 == 1
            self.out[r][:, self.lo + at] = np.where(odd, self.before[:rows, at], self.last[:rows, at])
