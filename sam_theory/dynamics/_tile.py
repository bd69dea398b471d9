"""A tile of trajectories on a kernel: stretches of steps, what ended in each, and what is left of it at the end.

The kernel advances all columns through a stretch; the few that may have settled in it are gone through again, with
all their iterates kept.  What is found depends neither on where stretches end nor on the columns around.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from sam_theory.arithmetic import Float64
from sam_theory.dynamics._ended import Ended
from sam_theory.dynamics._follow import Since, close, follow, recurs
from sam_theory.dynamics._outcome import SETTLED_WITHIN, FloatArray, has_diverged
from sam_theory.dynamics._over import IDENTITY
from sam_theory.dynamics._plan import Again, Plan
from sam_theory.dynamics._sheet import Columns, Sheet, joined, padded

#: Steps of a stretch: short ones first, for what diverges or settles at once; then as many as make the interpreter's
#: part small, but no more.
_SHORTEST, _LONGEST, _WORK = 8, 1 << 17, 1 << 21

#: Coordinates that are kept at a time where a stretch is gone through step by step.
_KEPT = 1 << 21

#: How a kernel looks at the steps of a stretch: at the last one; at each; at the largest displacement and the last one,
#: which is enough for columns that have settled and stay so.
_LAST, _EACH, _LARGEST = range(3)

#: Where squares of displacements decide safely.
_MARGIN, _SMALL = 1e-9, 1e-250


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
        self.start_norm = np.asarray(Float64().norm(state[: self.d]), dtype=float)
        self.start = state
        self.ended = Ended(plan, lo, state, lanes, self.start_norm)

    # -- the run -----------------------------------------------------------------------------------------
    def run(self) -> None:
        """All steps; ``ended`` has the results afterwards."""
        plan, steps = self.plan, self.plan.steps
        sheets = {_EACH if plan.tolerance is not None else _LAST: self._first()}
        t, length = 0, _SHORTEST
        longest = min(_LONGEST, max(256, _WORK // self.n))
        marks = sorted({first - 1 for _, first in plan.windows} | {steps})
        while t < steps and sheets:
            plan.halt.check()
            for sheet in sheets.values():
                if t > 0:
                    self._open(sheet, t + 1)
            end = min(t + length, next(m for m in marks if m > t))
            noise = self.noise(t, end - t) if self.layout.noise else None
            for watch, sheet in sheets.items():
                self._stretch(sheet, t, end, noise, watch)
            sheets = self._sorted(sheets)
            length = min(longest, max(_SHORTEST, end))
            t = end
        for sheet in sheets.values():
            self._close(sheet, np.flatnonzero(~sheet.done), steps)
        self.ended.finish(self.out)

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
            self.plan.observe(rows, 0)
        self._open(sheet, 1)
        for name in ("last", "before"):
            rows[places[name] : places[name] + self.s] = np.nan
        if len(lost):
            self._end(sheet, lost, self.start[:, lost], self.start[:, lost], -1)
            self.ended.died[lost] = 0
            sheet.rows[: self.s, lost] = 0.0
        return sheet

    def _vectors(self, state: FloatArray) -> dict[str, FloatArray]:
        names = self.plan.map.state
        return {name: state[i * self.d : (i + 1) * self.d] for i, name in enumerate(names)}

    def _sorted(self, sheets: dict[int, Sheet]) -> dict[int, Sheet]:
        """Columns by how they are looked at in the next stretch; ended ones are left out."""
        if self.plan.every:
            [sheet] = sheets.values()
            watch = self.plan.tolerance is not None or bool(sheet.near().any())
            return {} if sheet.done.all() else {_EACH if watch else _LAST: sheet}
        groups: dict[int, list[Sheet]] = {_LAST: [], _EACH: [], _LARGEST: []}
        for old, sheet in sheets.items():
            kinds = np.where(sheet.row("settled") > 0, _LARGEST, np.where(sheet.row("cycling") > 0, _EACH, _LAST))
            if self.plan.tolerance is not None:
                kinds[:] = _EACH
            chosen = {kind: np.flatnonzero(~sheet.done & (kinds == kind)) for kind in groups}
            for kind, group in groups.items():
                columns = chosen[kind]
                if kind == old and len(columns) > 0.9 * sheet.n:
                    group.append(sheet)
                elif len(columns):
                    group.append(sheet.take(columns))
            sheet.done |= kinds != old
        return {kind: joined(group) for kind, group in groups.items() if group}

    def _stretch(self, sheet: Sheet, t: int, end: int, noise: FloatArray | None, watch: int) -> None:
        if sheet.done.all():
            return
        plan = self.plan
        entry = sheet.rows[: self.layout.places["bounds"]].copy()
        job = {"first": t, "count": end - t, "watch": watch, "observe": int(self.plan.observing(t))}
        job["uniform"] = self.plan.uniform.ctypes.data
        mine: FloatArray | None = None
        if noise is not None:
            mine = np.ascontiguousarray(noise[:, :, padded(sheet.index, self.plan.kernel.width)])
            job["noise"] = mine.ctypes.data
        self._run(sheet, job)
        again = Again(sheet, entry, job, mine)
        if plan.tolerance is None:
            self._diverged(sheet)
        if watch != _EACH:
            doubtful = sheet.row("unclear") > 0
            if watch == _LAST:
                doubtful |= sheet.near()
            else:
                doubtful |= ~(sheet.row("moved") <= self._safe(sheet))
                doubtful |= (sheet.row("recurred") > 0) & (again.before("recurred")[: sheet.n] == 0)
            columns = np.flatnonzero(~sheet.done & doubtful)
            if len(columns):
                again.watched(columns)
        self._settled(sheet, again, t, end)
        if plan.tolerance is not None:  # what settled before it could diverge did not
            self._diverged(sheet)

    def _safe(self, sheet: Sheet) -> FloatArray:
        """Squares of displacements up to which columns have surely moved by next to nothing; −1 where unknown."""
        bound = SETTLED_WITHIN**2 * (1.0 - _MARGIN) * sheet.row("bounds")
        return np.where(bound < _SMALL, -1.0, bound)

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
        lost = np.flatnonzero(died > 0)
        lost = lost[~sheet.done[lost]]
        if len(lost):
            step = died[lost].astype(np.int64)
            held = sheet.block("held", self.s)[:, lost]
            self._end(sheet, lost, held, held, step - 1, sheet.block("held_sums", self.layout.observed)[:, lost])
            self.ended.died[sheet.index[lost]] = step

    def _settled(self, sheet: Sheet, again: Again, t: int, end: int) -> None:
        """Look at what has settled in a stretch, step by step where squares do not decide."""
        plan, s = self.plan, self.s
        here = ~sheet.done
        at = np.flatnonzero(here & ((sheet.row("settled") > 0) | (sheet.row("unclear") > 0) | sheet.stuck))
        settled, unclear = sheet.row("settled")[at], sheet.row("unclear")[at] > 0
        still = (settled > 0) & (sheet.rows[:s, at] == sheet.rows[s : 2 * s, at]).all(axis=0)
        if plan.autonomous:  # what stands still was stuck from the beginning of the run, or is not stuck
            still &= settled + 2.0 >= sheet.row("recurred")[at]
        columns = at[unclear | still | sheet.stuck[at]]
        size = max(1, _KEPT // (s * (end - t)))
        for i in range(0, len(columns), size):
            self._step_by_step(sheet, columns[i : i + size], again, t, end)
        if plan.exact:
            over = np.flatnonzero(here & (sheet.row("recurred") > 0))
            if len(over):
                self._close(sheet, over, end)
                self.ended.settled[sheet.index[over]] = sheet.row("recurred")[over]
        elif plan.tolerance is not None:
            died, stopped = sheet.row("died"), sheet.row("stopped")
            over = np.flatnonzero(here & (stopped > 0) & ((died == 0) | (stopped < died)))
            if len(over):
                last, before = (sheet.block(name, s)[:, over] for name in ("stop_last", "stop_before"))
                step = sheet.row("stopped")[over].astype(np.int64)
                sums = sheet.block("stop_sums", self.layout.observed)[:, over]
                settled, cycling = sheet.block("stop_since", 2)[:, over]
                since = Since(settled, cycling, sheet.stuck[over])
                self._end(sheet, over, last, before, step, sums, since)
                self.ended.settled[sheet.index[over]] = step

    def _step_by_step(self, sheet: Sheet, columns: Columns, again: Again, t: int, end: int) -> None:
        """Go through a stretch again with all iterates of these columns kept, and decide as the reference does."""
        part, states = again.states(columns)
        index, norms = part.index, self.start_norm[part.index]

        def vanishes(w: FloatArray, of: Columns) -> Callable[[Any], Any]:
            return lambda at: self.plan.zero_gradient(w[-1][:, at], self.lo + of[at])

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
                if self.plan.observing(t):
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
        ended = self.ended
        ended.last[:, at], ended.before[:, at], ended.stop[at] = last, before, stop
        ended.since.put(at, since or sheet.since.take(columns))
        if sums is not None:
            ended.sums[:, at] = sums
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
    def _open(self, sheet: Sheet, first: int) -> None:
        """Begin the observables whose window begins at this step."""
        row = self.layout.places["sums"]
        for i, (reduction, begins) in enumerate(self.plan.windows):
            if begins == first:
                sheet.rows[row + i] = IDENTITY[reduction]

    def _summed(self, part: Sheet, states: FloatArray, t: int) -> FloatArray:
        """The observables of a sheet, gone on with over the steps of a stretch."""
        for i, state in enumerate(states[2:]):
            part.rows[: self.s] = state
            self.plan.observe(part.rows, t + i + 1)
        return part.block("sums", self.layout.observed)
