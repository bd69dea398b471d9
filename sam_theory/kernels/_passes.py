"""The passes of a program of vectors as LLVM code: one function that advances a tile of lanes by many steps.

A tile holds ``width`` trajectories; coordinate i of all of them is one register, so that sums over coordinates run in
the order of the coordinates in every lane.  The first pass of a step needs the state alone and is made together
with the last pass of the step before, while the new state is still in registers.
"""

from __future__ import annotations

from functools import reduce
from typing import Any

from llvmlite import ir

from sam_theory.kernels._coordinates import Body, loop
from sam_theory.kernels._lanes import Lanes, Value
from sam_theory.kernels._order import Order
from sam_theory.kernels._product import gradient

_WHOLE = ir.IntType(64)
_REAL = ir.DoubleType().as_pointer()
_LOW, _HIGH = 2.0**-900, 2.0**900

#: ``(state, other, tables, constants, varying, report, memory, t, n, witness, turns, size) -> steps done``; see
#: :func:`advance`.
SIGNATURE = (_REAL, _REAL, _REAL, _REAL, _REAL, _REAL, _REAL, _WHOLE, _WHOLE, _WHOLE, _WHOLE, _WHOLE)

#: The rows of a report, one number for each lane.  What a caller gives: the squared norm of the start; after how many
#: steps in a row within which squared relative distance of the state two steps before a run ends; and for unwatched
#: steps three bounds (see :func:`advance`).  What a watched run keeps: since which step the iterate has been
#: settled or alternating, for how many steps all state vectors were within the tolerance; of the last step, the
#: squared displacements of the iterate since one and two steps before, bits that are 0 where no state vector
#: changed since then, the squared norm of the iterate; 1 where the guards of the next step fail, and 1
#: where the run ended for that or another reason.  After these rows come the squared norms of the starts of further
#: state vectors.
ROWS = (
    "start",
    "patience",
    "tolerance",
    "reach",
    "near",
    "apart",
    "settled",
    "cycling",
    "still",
    "moved",
    "moved2",
    "moves",
    "turns",
    "norm",
    "extreme",
    "event",
    "alarm",
)
MODES = ("fast", "hold", "watch")


def advance(module: ir.Module, order: Order, width: int, mode: str) -> ir.Function:
    """The function ``mode`` that takes a tile through up to n steps and stops before one whose guards fail.

    ``fast`` works in place and only notes (``alarm``) whether a coordinate came to reach 2^e, e from ``reach``.
    ``hold`` and ``watch`` write each state over the one before the last.  ``hold`` notes instead whether a
    coordinate of the iterate moved by 2^e, e from ``near``, against the last state or, with ``turns`` = 1, the one
    before it; then also whether the coordinate ``witness`` failed to move by more than ``apart`` against the last
    state.  Without an alarm all steps had the label of the first.  ``watch`` measures every step, keeps the labels,
    and stops after a step in which a lane recurred, stood still or diverged.
    """
    function = ir.Function(module, ir.FunctionType(_WHOLE, SIGNATURE), mode)
    for argument in function.args[:7]:
        argument.add_attribute("noalias")
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    return _Advance(Lanes(builder, width), order, function, mode).emit()


class _Advance:
    def __init__(self, lanes: Lanes, order: Order, function: ir.Function, mode: str) -> None:
        self.lanes, self.order, self.function, self.mode = lanes, order, function, mode
        self.builder = lanes.builder
        state, other, tables, self.constants, self.varying, self.report, memory = function.args[:7]
        self.first, self.count, self.witness, self.turns, size = function.args[7:]
        self.body = Body(lanes, order, tables, memory, size)
        self.here, self.there = self.slot(state, _REAL), self.slot(other, _REAL)
        self.time = self.slot(ir.Constant(_WHOLE, 0), _WHOLE)
        self.totals = {i: self.slot(lanes.number(0.0)) for level in order.reductions for i in level}
        self.alarm = self.slot(lanes.whole(0), lanes.integer)
        self.sums: dict[str, Value] = {}
        self.bits: dict[str, Value] = {}
        if mode == "watch":
            further = [f"{n}{v}" for v in range(1, len(order.rolled.outputs)) for n in ("norm", "moved2")]
            self.sums = {n: self.slot(lanes.number(0.0)) for n in ("norm", "moved", "moved2", *further)}
            self.bits = {n: self.slot(lanes.whole(0), lanes.integer) for n in ("moves", "turns")}
        else:
            self.reach = lanes.bits(self.get("reach"))
            self.near = lanes.bits(self.get("near"))

    def slot(self, value: Value, kind: Any = None) -> Value:
        """A variable of the function."""
        place = self.builder.alloca(kind or self.lanes.real)
        self.builder.store(value, place)
        return place

    def emit(self) -> ir.Function:
        b, body, order, lanes = self.builder, self.body, self.order, self.lanes
        for place, i in enumerate(order.constants):
            body.scalars[i] = body.row(self.constants, ir.Constant(_WHOLE, place))
        kept = dict(body.scalars)
        body.state = b.load(self.here)
        first = order.reductions[0] if order.reductions else ()
        body.sweep(first, self.totals)
        header, leave = b.append_basic_block("step"), b.append_basic_block("leave")
        step = b.append_basic_block("go")
        b.branch(header)
        b.position_at_end(header)
        t = b.load(self.time)
        b.cbranch(b.icmp_signed("<", t, self.count), step, leave)
        b.position_at_end(step)
        body.state = b.load(self.here)
        body.scalars = dict(kept)
        for place, i in enumerate(order.varying):
            row = b.add(b.mul(t, ir.Constant(_WHOLE, len(order.varying))), ir.Constant(_WHOLE, place))
            body.scalars[i] = body.row(self.varying, row)
        for number, level in enumerate(order.reductions):
            for i in order.gradients[number]:
                gradient(body, i)
            if number:
                body.sweep(level, self.totals)
            for i in level:
                body.scalars[i] = b.load(self.totals[i])
        self.guard(leave)
        self.last(first)
        b.store(b.add(t, ir.Constant(_WHOLE, 1)), self.time)
        if self.mode != "fast":
            here, there = b.load(self.here), b.load(self.there)
            b.store(there, self.here)
            b.store(here, self.there)
        if self.mode == "watch":
            self.watch(t, header, leave)
        else:
            if self.mode == "hold":
                self.apart()
            b.branch(header)
        b.position_at_end(leave)
        if self.mode != "watch":
            self.put("alarm", lanes.from_bits(b.and_(b.load(self.alarm), lanes.whole(-(2**63)))))
        b.ret(b.load(self.time))
        return self.function

    def guard(self, leave: ir.Block) -> None:
        """Leave before a step that some lane must not take."""
        lanes, b = self.lanes, self.builder
        good: Value = None
        for i in self.order.guarded:
            size = lanes.abs(self.body.scalar(i))
            within = lanes.both(lanes.less_equal(lanes.number(_LOW), size), lanes.less_equal(size, lanes.number(_HIGH)))
            good = within if good is None else lanes.both(good, within)
        if good is None:
            return
        stop, go = b.append_basic_block("extreme"), b.append_basic_block("ordinary")
        b.cbranch(lanes.any(lanes.opposite(good)), stop, go)
        b.position_at_end(stop)
        if self.mode == "watch":
            mark = lanes.select(good, lanes.number(0.0), lanes.number(1.0))
            self.put("extreme", mark)
            self.put("event", mark)
        b.branch(leave)
        b.position_at_end(go)

    def put(self, name: str, value: Value) -> None:
        self.body.row(self.report, ir.Constant(_WHOLE, ROWS.index(name)), value)

    def get(self, name: str) -> Value:
        return self.body.row(self.report, ir.Constant(_WHOLE, ROWS.index(name)))

    def last(self, first: tuple[int, ...]) -> None:
        """The pass that writes the next state and sums for the step after."""
        b, body, lanes = self.builder, self.body, self.lanes
        outputs = list(self.order.rolled.outputs.values())
        body.prepare()
        for place in (*self.sums.values(), *(self.totals[i] for i in first)):
            b.store(lanes.number(0.0), place)
        for place in self.bits.values():
            b.store(lanes.whole(0), place)
        there = b.load(self.there)
        target = body.state if self.mode == "fast" else there
        turns = b.icmp_signed("!=", self.turns, ir.Constant(_WHOLE, 0))
        reference = b.select(turns, there, body.state)

        def one(j: Value) -> None:
            value = body.coordinate(j)
            vectors, segments = range(len(outputs)), range(body.parts)
            new = {(v, s): value(outputs[v], s) for v in vectors for s in segments}
            for (v, s), register in new.items():
                row = body.at(s, j, v)
                if self.mode == "watch":
                    self.compare(register, body.row(body.state, row), body.row(target, row), v)
                elif self.mode == "hold" and v == 0:  # what hardly moves stays in reach
                    self.beyond(lanes.sub(register, body.row(reference, row)), self.near)
                else:
                    self.beyond(register, self.reach)
                body.row(target, row, register)
            renewed = body.coordinate(j, new)
            for i in first:
                total = b.load(self.totals[i])
                for s in range(body.segments(i)):
                    total = body.grown(i, total, renewed, s)
                b.store(total, self.totals[i])

        loop(b, body.size, one)

    def beyond(self, a: Value, limit: Value) -> None:
        """Raise the alarm (its sign) where |a| is at least the power of two behind ``limit``, or no number."""
        b, bits = self.builder, self.lanes.bits(a)
        b.store(b.or_(b.load(self.alarm), b.xor(b.add(bits, limit), bits)), self.alarm)

    def apart(self) -> None:
        """Raise the alarm where the witness did not move enough, if it has to."""
        b, lanes = self.builder, self.lanes
        new, old = (self.body.row(b.load(place), self.witness) for place in (self.here, self.there))
        moved = lanes.less(self.get("apart"), lanes.abs(lanes.sub(new, old)))
        sign = lanes.select(moved, lanes.whole(0), lanes.whole(-(2**63)))
        b.store(b.or_(b.load(self.alarm), sign), self.alarm)

    def compare(self, new: Value, old: Value, before: Value, vector: int) -> None:
        lanes, b = self.lanes, self.builder
        one, two = lanes.sub(new, old), lanes.sub(new, before)
        changed = b.xor(lanes.bits(new), lanes.bits(before))
        for name, bits in (("moves", b.and_(lanes.bits(one), lanes.whole(2**63 - 1))), ("turns", changed)):
            b.store(b.or_(b.load(self.bits[name]), bits), self.bits[name])
        suffix = vector or ""
        terms = {f"moved2{suffix}": two, f"norm{suffix}": new}
        if vector == 0:
            terms["moved"] = one
        for name, term in terms.items():
            b.store(lanes.fma(term, term, b.load(self.sums[name])), self.sums[name])

    def watch(self, t: Value, header: ir.Block, leave: ir.Block) -> None:
        """Note what the step did; go on where no lane needs attention."""
        lanes, b = self.lanes, self.builder
        found = {name: b.load(place) for name, place in self.sums.items()}
        for name, value in found.items():
            if name in ROWS:
                self.put(name, value)
        zero, one = lanes.number(0.0), lanes.number(1.0)
        same = {}
        for name, place in self.bits.items():
            bits = b.load(place)
            self.put(name, lanes.from_bits(bits))
            same[name] = b.icmp_signed("==", bits, lanes.whole(0))
        size = lanes.maximum(self.get("start"), found["norm"])
        bound = lanes.mul(lanes.number(1e-24), size)
        now = b.sitofp(b.add(b.add(self.first, t), ir.Constant(_WHOLE, 1)), ir.DoubleType())
        step = lanes.spread(now)
        close = lanes.less_equal(found["moved"], bound)
        again = lanes.both(lanes.less_equal(found["moved2"], bound), lanes.opposite(close))
        for name, holds in (("settled", close), ("cycling", again)):
            since = self.get(name)
            since = lanes.select(holds, lanes.select(lanes.less(zero, since), since, step), zero)
            self.put(name, since)
        tolerance = self.get("tolerance")
        calm = lanes.less_equal(found["moved2"], lanes.mul(tolerance, size))
        for vector in range(1, len(self.order.rolled.outputs)):
            start = self.body.row(self.report, ir.Constant(_WHOLE, len(ROWS) + vector - 1))
            size = lanes.maximum(start, found[f"norm{vector}"])
            calm = lanes.both(calm, lanes.less_equal(found[f"moved2{vector}"], lanes.mul(tolerance, size)))
        calm = lanes.either(lanes.both(calm, lanes.less(zero, tolerance)), same["turns"])
        still = lanes.select(calm, lanes.add(self.get("still"), one), zero)
        self.put("still", still)
        event = lanes.either(lanes.less_equal(self.get("patience"), still), same["moves"])
        event = lanes.either(event, lanes.opposite(lanes.less_equal(found["norm"], lanes.number(1e24))))
        whole = [found["norm"], *(found[f"norm{vector}"] for vector in range(1, len(self.order.rolled.outputs)))]
        finite = lanes.less(reduce(lanes.add, whole), lanes.number(float("inf")))
        event = lanes.either(event, lanes.opposite(finite))
        self.put("event", lanes.select(event, one, zero))
        b.cbranch(lanes.any(event), leave, header)
