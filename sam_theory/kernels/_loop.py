"""The time loop of many trajectories as one function of machine code.

A *sheet* is an array (rows, m) of float64 with a column for each trajectory; registers go over its columns, time runs
inside them.  What a column's rows become depends on the column alone, whatever the width of the registers.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from llvmlite import ir

from sam_theory.arithmetic import Program
from sam_theory.kernels._emit import emit
from sam_theory.kernels._lanes import Lanes, Value
from sam_theory.kernels._layout import INT, REAL, Layout, whole
from sam_theory.kernels._machine import Machine, machine
from sam_theory.kernels._split import split
from sam_theory.kernels._watch import Watch

#: Fields of the array of 64-bit integers that a call is described by.
_FIELDS = "sheet columns first count uniform noise watch observe out record row until every whole still"
JOB = tuple(_FIELDS.split())


@dataclass(frozen=True)
class Kernel:
    """A compiled loop; ``run`` may be called from several threads at once."""

    code: Machine
    layout: Layout
    width: int

    @cached_property
    def function(self) -> Callable[[int], None]:
        """The machine code, called with the address of the fields; it runs without the interpreter's lock."""
        return ctypes.CFUNCTYPE(None, ctypes.c_void_p)(self.code.address("run"))

    def run(self, **job: int) -> None:
        """One call, described by the fields ``JOB``; those not given are 0."""
        fields = np.array([job.get(name, 0) for name in JOB], dtype=np.int64)
        self.function(fields.ctypes.data)


def kernel(
    step: Program, layout: Layout, observables: tuple[tuple[str, Program], ...], width: int, limit: float, within: float
) -> Kernel:
    """The loop of a flat step.

    Parameters
    ----------
    step : Program
        Inputs: ``layout.state``, its parameters, its noise, ``k``; an output for each coordinate of the state.
    layout : Layout
    observables : tuple of (str, Program)
        For each row of sums, "max", "min" or "mean" (a sum in the order of time), and a flat program with one output.
    width : int
        Columns of a register.
    limit : float
        ‖w‖ beyond which a column has diverged.
    within : float
        A displacement counts as none if it is at most this part of the larger of the first and the present iterate.
    """
    module = ir.Module()
    _Writer(module, step, layout, observables, width, limit, within).write()
    return Kernel(machine(module), layout, width)


class _Writer(Watch):
    """Writes the function ``run`` into a module."""

    def __init__(
        self,
        module: ir.Module,
        step: Program,
        layout: Layout,
        observables: tuple[tuple[str, Program], ...],
        width: int,
        limit: float,
        within: float,
    ) -> None:
        self.layout, self.observables, self.width = layout, observables, width
        self.limit, self.within = limit, within
        varying = frozenset((*layout.state, *layout.noise, "k", "t"))
        self.step = split(step, varying)
        self.observed = [split(program, varying) for _, program in observables]
        pointer = INT.as_pointer()
        self.function = ir.Function(module, ir.FunctionType(ir.VoidType(), [pointer]), "run")
        self.builder = ir.IRBuilder(self.function.append_basic_block("entry"))
        self.lanes = Lanes(self.builder, width)

    # -- the function ------------------------------------------------------------------------------------
    def write(self) -> None:
        """The loop over groups of columns around the loop over steps."""
        b, layout = self.builder, self.layout
        job = {}
        for i, name in enumerate(JOB):
            job[name] = b.load(b.gep(self.function.args[0], [whole(i)]))
        for name in ("sheet", "uniform", "noise", "out"):
            job[name] = b.inttoptr(job[name], REAL.as_pointer())
        self.job = job
        self.rows = [b.gep(job["sheet"], [b.mul(job["columns"], whole(row))]) for row in range(layout.places["end"])]
        self.known = {
            name: self.lanes.spread(b.load(b.gep(job["uniform"], [whole(i)]))) for i, name in enumerate(layout.uniform)
        }
        if layout.tolerant:
            self.tolerance = self.lanes.spread(b.load(b.gep(job["uniform"], [whole(len(layout.uniform))])))
        end = self.function.append_basic_block("end")
        groups = self.function.append_basic_block("groups")
        entry = b.block
        b.cbranch(b.icmp_signed("<", whole(0), job["columns"]), groups, end)
        b.position_at_end(groups)
        self.group = b.phi(INT, "group")
        self.group.add_incoming(whole(0), entry)
        self._steps()
        following = b.add(self.group, whole(self.width))
        self.group.add_incoming(following, b.block)
        b.cbranch(b.icmp_signed("<", following, job["columns"]), groups, end)
        b.position_at_end(end)
        b.ret_void()

    def _steps(self) -> None:
        b, layout, job = self.builder, self.layout, self.job
        places = layout.places
        start = [self._load(places["state"] + i) for i in range(len(layout.state))]
        known = dict(self.known)
        for i, name in enumerate(layout.lanes):
            known[name] = self._load(places["parameters"] + i)
        self.fixed = {**known, **emit(self.lanes, self.step[0], known)}
        self.fixed_observed = [{**known, **emit(self.lanes, before, known)} for before, _ in self.observed]
        self._store(self.lanes.number(0.0), places["died"])
        self._store(self.lanes.number(0.0), places["unclear"])
        self._store(self.lanes.number(0.0), places["moved"])
        watched = b.icmp_signed("==", job["watch"], whole(1))
        measured = b.icmp_signed("==", job["watch"], whole(2))
        keep_from = b.select(watched, whole(0), b.sub(job["count"], whole(2)))
        watch_from = b.select(watched, whole(0), b.sub(job["count"], whole(1)))
        before = b.block
        loop = self.function.append_basic_block("steps")
        done = self.function.append_basic_block("done")
        b.cbranch(b.icmp_signed("<", whole(0), job["count"]), loop, done)
        b.position_at_end(loop)
        i = b.phi(INT, "i")
        left = b.phi(INT, "left")
        out = b.phi(REAL.as_pointer(), "out")
        old = [b.phi(self.lanes.real) for _ in layout.state]
        i.add_incoming(whole(0), before)
        left.add_incoming(job["until"], before)
        out.add_incoming(job["out"], before)
        for phi, value in zip(old, start, strict=True):
            phi.add_incoming(value, before)
        now = b.add(b.add(job["first"], i), whole(1))
        moves = b.icmp_signed("==", job["still"], whole(0))
        new = list(self.lanes.branch(moves, old, lambda: self._advance(i, now, old), likely=True))
        if self.observables:
            with b.if_then(b.icmp_signed("!=", job["observe"], whole(0)), likely=False):
                self._observe(new, now)
        with b.if_then(measured, likely=False):
            self._measure(old, new)
        with b.if_then(b.icmp_signed(">=", i, watch_from), likely=False):
            self._watch(old, new, now)
        with b.if_then(b.icmp_signed(">=", i, keep_from), likely=False):
            with b.if_then(b.icmp_signed("==", i, b.sub(job["count"], whole(1)))):
                for j in range(len(old)):
                    self._store(self._load(places["last"] + j), places["before"] + j)
            for j, value in enumerate(old):
                self._store(value, places["last"] + j)
        left_next, out_next = self._record(new, left, out)
        step = b.add(i, whole(1))
        i.add_incoming(step, b.block)
        left.add_incoming(left_next, b.block)
        out.add_incoming(out_next, b.block)
        for phi, value in zip(old, new, strict=True):
            phi.add_incoming(value, b.block)
        inside = b.block
        b.cbranch(b.icmp_signed("<", step, job["count"]), loop, done)
        b.position_at_end(done)
        finals = []
        for value, first in zip(new, start, strict=True):
            last = b.phi(self.lanes.real)
            last.add_incoming(first, before)
            last.add_incoming(value, inside)
            finals.append(last)
        for j, value in enumerate(finals):
            self._store(value, places["state"] + j)

    def _advance(self, i: Value, now: Value, old: list[Value]) -> list[Value]:
        """The next state; diverged columns go on from where this call found them."""
        b, layout, job, lanes = self.builder, self.layout, self.job, self.lanes
        k = b.add(job["first"], i)
        inputs = {**self.fixed, **dict(zip(layout.state, old, strict=True))}
        if "k" in self.step[1].inputs:
            inputs["k"] = self._real(k)
        for j, name in enumerate(layout.noise):
            row = b.add(b.mul(i, whole(len(layout.noise))), whole(j))
            offset = b.add(b.mul(row, job["columns"]), self.group)
            inputs[name] = b.load(self._at(job["noise"], offset), align=8)
        outputs = emit(lanes, self.step[1], inputs)
        new = [outputs[name] for name in layout.state]
        near = lanes.number(0.999 * self.limit / layout.d**0.5)
        inf = lanes.number(float("inf"))
        inside = None
        for j, value in enumerate(new):
            here = lanes.less(lanes.abs(value), near if j < layout.d else inf)
            inside = here if inside is None else lanes.both(inside, here)
        outside = lanes.any(lanes.opposite(inside))
        return list(lanes.branch(outside, new, lambda: self._diverged(old, new, now)))

    def _diverged(self, old: list[Value], new: list[Value], now: Value) -> list[Value]:
        """Decide as :func:`has_diverged` does, and keep what a diverged column leaves."""
        lanes, layout = self.lanes, self.layout
        places, d = layout.places, layout.d
        limit, inf = lanes.number(self.limit), lanes.number(float("inf"))
        top = lanes.abs(new[0])
        for value in new[1:d]:
            top = lanes.maximum(top, lanes.abs(value))
        within = lanes.less_equal(top, limit)
        bad = lanes.opposite(within)
        if d > 1:
            scale = lanes.select(lanes.both(within, lanes.less(lanes.number(0.0), top)), top, lanes.number(1.0))
            total: Value = None
            for value in new[:d]:
                part = lanes.div(value, scale)
                square = lanes.mul(part, part)
                total = square if total is None else lanes.add(total, square)
            bad = lanes.either(bad, lanes.less(limit, lanes.mul(scale, lanes.sqrt(total))))
        finite: Value = None
        for j, value in enumerate(new):
            here = lanes.less(lanes.abs(value), inf)
            finite = here if finite is None else lanes.both(finite, here)
            if j >= d:
                bad = lanes.either(bad, lanes.opposite(here))
        died = self._load(places["died"])
        first = lanes.both(bad, lanes.equal(died, lanes.number(0.0)))
        self._store(lanes.select(first, self._real(now), died), places["died"])
        for j, (a, value) in enumerate(zip(old, new, strict=True)):
            held = lanes.select(finite, value, a)
            self._store(lanes.select(first, held, self._load(places["held"] + j)), places["held"] + j)
        for j in range(layout.observed):
            kept = self._load(places["held_sums"] + j)
            self._store(lanes.select(first, self._load(places["sums"] + j), kept), places["held_sums"] + j)
        return [lanes.select(bad, self._load(places["state"] + j), value) for j, value in enumerate(new)]

    def _observe(self, state: list[Value], now: Value) -> None:
        lanes = self.lanes
        for j, ((reduction, _), (_, program)) in enumerate(zip(self.observables, self.observed, strict=True)):
            inputs = {**self.fixed_observed[j], **dict(zip(self.layout.state, state, strict=True))}
            if "t" in program.inputs:
                inputs["t"] = self._real(now)
            [value] = emit(lanes, program, inputs).values()
            row = self.layout.places["sums"] + j
            combine = {"max": lanes.maximum, "min": lanes.minimum, "mean": lanes.add}[reduction]
            self._store(combine(self._load(row), value), row)

    def _record(self, state: list[Value], left: Value, out: Value) -> tuple[Value, Value]:
        """Store a state where the countdown is over."""
        b, job = self.builder, self.job
        fewer = b.sub(left, whole(1))
        before = b.block
        with b.if_then(b.icmp_signed("==", fewer, whole(0)), likely=False):
            self._store_out(out, state, 0, self.layout.d)
            if len(state) > self.layout.d:
                with b.if_then(b.icmp_signed("!=", job["whole"], whole(0))):
                    self._store_out(out, state, self.layout.d, len(state))
            further = b.gep(out, [job["record"]])
            inside = b.block
        left_next, out_next = b.phi(INT), b.phi(REAL.as_pointer())
        left_next.add_incoming(fewer, before)
        left_next.add_incoming(job["every"], inside)
        out_next.add_incoming(out, before)
        out_next.add_incoming(further, inside)
        return left_next, out_next

    def _store_out(self, out: Value, state: list[Value], first: int, end: int) -> None:
        b = self.builder
        for j in range(first, end):
            offset = b.add(b.mul(self.job["row"], whole(j)), self.group)
            b.store(state[j], self._at(out, offset), align=8)
