"""Values of a program of vectors as LLVM code, coordinate by coordinate.

Coordinate i of all lanes of a tile is one register, so that sums over coordinates run in the order of the coordinates
in every lane.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir

from sam_theory.kernels._emit import flat_power
from sam_theory.kernels._functions import FUNCTIONS, power
from sam_theory.kernels._lanes import Lanes, Value
from sam_theory.kernels._norms import sign
from sam_theory.kernels._order import Order
from sam_theory.kernels._rolled import Irregular

_WHOLE = ir.IntType(64)


class Body:
    """Emits the values of a program's steps: scalars once for each step in time, vectors coordinate by coordinate."""

    def __init__(self, lanes: Lanes, order: Order, tables: Value, memory: Value, size: Value) -> None:
        self.lanes, self.order, self.tables, self.memory, self.size = lanes, order, tables, memory, size
        self.kept = order.kept
        self.builder = lanes.builder
        self.steps = order.rolled.steps
        self.parts = order.rolled.parts
        self.fused = order.fused()
        #: scalars by place, and by ~place their negations
        self.scalars: dict[int, Value] = {}
        self.state: Value = None
        self.names = list(order.rolled.outputs)

    # -- memory ------------------------------------------------------------------------------------------
    def row(self, pointer: Value, row: Value, store: Value = None) -> Value:
        """The register in a row of an array, or what is stored there."""
        place = self.builder.gep(pointer, [self.builder.mul(row, ir.Constant(_WHOLE, self.lanes.width))])
        place = self.builder.bitcast(place, self.lanes.real.as_pointer())
        if store is not None:
            return self.builder.store(store, place, align=8)
        return self.builder.load(place, align=8)

    def at(self, segment: int, j: Value, vector: int = 0) -> Value:
        """The row of coordinate j of a block, of a state vector."""
        return self.beside(j, vector * self.parts + segment)

    def beside(self, j: Value, blocks: int) -> Value:
        """j and so many whole blocks."""
        return self.builder.add(j, self.builder.mul(self.size, ir.Constant(_WHOLE, blocks))) if blocks else j

    def blocks(self, i: int) -> int:
        """Of how many blocks a vector is."""
        rolled = self.order.rolled
        return self.steps[i].size * rolled.parts // rolled.dimension

    # -- values ------------------------------------------------------------------------------------------
    def scalar(self, i: int) -> Value:
        """A scalar, emitted where it is first asked for."""
        if i not in self.scalars:
            step = self.steps[i]
            if step.op == "number":
                data: Any = step.data
                self.scalars[i] = self.lanes.number(data)
            else:
                self.scalars[i] = self.operation(step.op, step.args, step.data, self.scalar)
        return self.scalars[i]

    def prepare(self) -> None:
        """Emit the scalars that are known by now, and their negations, in front of a loop that may use them."""
        negated = {a for i in self.fused for a in self.steps[i].args}
        for i, step in enumerate(self.steps):
            if not step.size and self._ready(i):
                value = self.scalar(i)
                if i in negated and ~i not in self.scalars:
                    self.scalars[~i] = self.lanes.neg(value)

    def _ready(self, i: int) -> bool:
        """Whether a scalar follows from what is loaded or reduced."""
        if i in self.scalars or self.steps[i].op == "number":
            return True
        args = self.steps[i].args
        return bool(args) and all(not self.steps[a].size and self._ready(a) for a in args)

    def coordinate(self, j: Value, new: dict[tuple[int, int], Value] | None = None) -> Callable[[int, int], Value]:
        """A function (step, block) -> register of coordinate j; of the new state where ``new`` has its registers."""
        known: dict[tuple[int, int], Value] = {}

        def value(i: int, segment: int) -> Value:
            key = i, segment
            if key not in known:
                known[key] = compute(i, segment)
            return known[key]

        def compute(i: int, segment: int) -> Value:
            step = self.steps[i]
            data: Any = step.data
            match step.op:
                case _ if not step.size:
                    return self.scalar(i)
                case "input":
                    vector = self.names.index(data)
                    if new is not None:
                        return new[vector, segment]
                    return self.row(self.state, self.at(segment, j, vector))
                case _ if i in self.order.tables:
                    return self.table(i, segment if self.blocks(i) > 1 else 0, j)
                case "factored":
                    return self.row(self.memory, self.beside(j, self.kept.index(i)))
                case "block":
                    return value(step.args[0], data[0])
                case "concat":
                    return value(step.args[segment], 0)
            return self.operation(step.op, step.args, data, lambda a: value(a, segment))

        return value

    def table(self, i: int, segment: int, j: Value) -> Value:
        """The constant of a coordinate in all lanes."""
        tables = self.order.tables
        start = sum(self.blocks(k) for k in tables[: tables.index(i)])
        place = self.builder.gep(self.tables, [self.beside(j, start + segment)])
        return self.lanes.spread(self.builder.load(place))

    def operation(self, op: str, args: tuple[int, ...], data: Any, value: Callable[[int], Value]) -> Value:
        """An elementwise operation; a sum with a product is rounded once."""
        lanes = self.lanes
        match op:
            case "add" | "sub":
                a, b = args
                if b in self.fused or a in self.fused:
                    return self.sum(op, a, b, value)
                return (lanes.add if op == "add" else lanes.sub)(value(a), value(b))
            case "mul" | "div" | "neg" | "sqrt" | "abs" | "minimum" | "maximum":
                emit: Callable[..., Value] = getattr(lanes, op)
                return emit(*(value(a) for a in args))
            case "sign":
                return sign(lanes, value(args[0]))
            case "power":
                return power(lanes, value(args[0]), value(args[1]))
            case "select":
                a, b, then, otherwise = (value(i) for i in args)
                return lanes.select(lanes.less(a, b) if data else lanes.less_equal(a, b), then, otherwise)
            case "ipow":
                return flat_power(lanes, value(args[0]), data)
            case "call" if data[0] in FUNCTIONS and data[1] == 0:
                return FUNCTIONS[data[0]](lanes, value(args[0]))
        raise Irregular(f"there is no machine code for '{op}'{f' of {data[0]}' if op == 'call' else ''}")

    def sum(self, op: str, a: int, b: int, value: Callable[[int], Value]) -> Value:
        """a + b or a − b with a product, rounded once."""
        lanes = self.lanes
        if b in self.fused:
            u, v = self.steps[b].args
            if op == "add":
                return lanes.fma(value(u), value(v), value(a))
            if ~v in self.scalars:
                u, v = v, u
            return lanes.fma(self.scalars.get(~u) or lanes.neg(value(u)), value(v), value(a))
        u, v = (value(k) for k in self.steps[a].args)
        return lanes.fma(u, v, lanes.neg(value(b)) if op == "sub" else value(b))

    def grown(self, i: int, total: Value, value: Callable[[int, int], Value], segment: int) -> Value:
        """A reduction with one more coordinate."""
        lanes, step = self.lanes, self.steps[i]
        inner = self.steps[step.args[0]]
        if step.op == "sum" and inner.op == "mul":
            return lanes.fma(value(inner.args[0], segment), value(inner.args[1], segment), total)
        a = value(step.args[0], segment)
        if step.op == "largest":
            return lanes.maximum(lanes.abs(a), total)
        return lanes.fma(a, a, total) if step.op == "square" else lanes.add(total, a)

    def segments(self, i: int) -> int:
        """Over how many blocks a reduction runs."""
        return self.blocks(self.steps[i].args[0])

    def sweep(self, wanted: tuple[int, ...], totals: dict[int, Value]) -> None:
        """One pass over the coordinates that adds up reductions in the slots ``totals``."""
        self.prepare()
        for i in wanted:
            self.builder.store(self.lanes.number(0.0), totals[i])

        def one(j: Value) -> None:
            value = self.coordinate(j)
            for i in wanted:
                total = self.builder.load(totals[i])
                for segment in range(self.segments(i)):
                    total = self.grown(i, total, value, segment)
                self.builder.store(total, totals[i])

        if wanted:
            loop(self.builder, self.size, one)


def loop(builder: ir.IRBuilder, count: Value, body: Callable[[Value], None]) -> None:
    """``body(j)`` for j = 0, …, count − 1; count is at least 1."""
    before = builder.block
    inside, after = builder.append_basic_block("coordinates"), builder.append_basic_block("done")
    builder.branch(inside)
    builder.position_at_end(inside)
    j = builder.phi(_WHOLE)
    j.add_incoming(ir.Constant(_WHOLE, 0), before)
    body(j)
    following = builder.add(j, ir.Constant(_WHOLE, 1))
    j.add_incoming(following, builder.block)
    builder.cbranch(builder.icmp_signed("<", following, count), inside, after)
    builder.position_at_end(after)
