"""The gradient of a loss of two matrices, ℓ′(XYᵀ − C) Y and its counterpart, in loops over their sizes.

Every sum runs in the order of its index, in every lane by itself.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir

from sam_theory.arithmetic import Factored
from sam_theory.kernels._coordinates import Body, loop
from sam_theory.kernels._emit import emit
from sam_theory.kernels._lanes import Value

_WHOLE = ir.IntType(64)


def gradient(body: Body, i: int) -> None:
    """Write the gradient of step i of a program into memory; the pass before it has what it needs as scalars."""
    step = body.steps[i]
    source, place = body.steps[step.args[0]], _whole(0)
    if source.op == "input":
        data: Any = source.data
        pointer, place = body.state, body.beside(place, body.names.index(data))
    else:
        pointer, place = body.memory, body.beside(place, body.kept.index(step.args[0]))
        first = place

        def store(j: Value) -> None:
            body.row(pointer, body.builder.add(first, j), body.coordinate(j)(step.args[0], 0))

        loop(body.builder, body.size, store)
    form: Any = step.data
    _Product(body, form, pointer, place, body.beside(_whole(0), body.kept.index(i))).emit()


class _Product:
    """Where X and Y begin, where the gradient goes, and where the entries of ℓ′(XYᵀ − C) stand."""

    def __init__(self, body: Body, form: Factored, pointer: Value, place: Value, result: Value) -> None:
        self.body, self.form, self.pointer, self.result = body, form, pointer, result
        self.builder, self.lanes = body.builder, body.lanes
        self.x, self.y = place, self.builder.add(place, _whole(form.rows * form.rank))
        self.entries = body.beside(_whole(0), len(body.kept))
        self.target = self._constants() if any(form.target) else None

    def _constants(self) -> Value:
        module, values = self.builder.module, [float(c) for c in self.form.target]
        kind = ir.ArrayType(ir.DoubleType(), len(values))
        array = ir.GlobalVariable(module, kind, module.get_unique_name("target"))
        array.global_constant, array.initializer = True, ir.Constant(kind, values)
        return array

    def emit(self) -> None:
        """The entries, then both halves of the gradient."""
        form = self.form
        loop(self.builder, _whole(form.rows), self.row_of_entries)
        second = self.builder.add(self.result, _whole(form.rows * form.rank))
        self.half(self.result, self.y, form.rows, form.columns, lambda i, j: self.entry(i, j))
        self.half(second, self.x, form.columns, form.rows, lambda j, i: self.entry(i, j))

    def row_of_entries(self, i: Value) -> None:
        """ℓ′ of row i of XYᵀ − C."""
        lanes, rank = self.lanes, self.form.rank
        left = [self.body.row(self.pointer, self.factor(self.x, i, r)) for r in range(rank)]

        def one(j: Value) -> None:
            total = lanes.mul(left[0], self.body.row(self.pointer, self.factor(self.y, j, 0)))
            for r in range(1, rank):
                total = lanes.fma(left[r], self.body.row(self.pointer, self.factor(self.y, j, r)), total)
            place = self.entry(i, j)
            if self.target is not None:
                at = self.builder.sub(place, self.entries)
                goal = self.builder.load(self.builder.gep(self.target, [_whole(0), at]))
                total = lanes.sub(total, lanes.spread(goal))
            [slope] = emit(lanes, self.form.slope, {"z": total}).values()
            self.body.row(self.body.memory, place, slope)

        loop(self.builder, _whole(self.form.columns), one)

    def half(self, result: Value, other: Value, count: int, terms: int, entry: Any) -> None:
        """For each row of a factor the sum of entries times rows of the other factor."""
        lanes, body, b, rank = self.lanes, self.body, self.builder, self.form.rank
        with b.goto_entry_block():
            sums = [b.alloca(lanes.real) for _ in range(rank)]

        def row(i: Value) -> None:
            for place in sums:
                b.store(lanes.number(0.0), place)

            def term(j: Value) -> None:
                slope = body.row(body.memory, entry(i, j))
                for r, place in enumerate(sums):
                    v = body.row(self.pointer, self.factor(other, j, r))
                    b.store(lanes.fma(slope, v, b.load(place)), place)

            loop(b, _whole(terms), term)
            for r, place in enumerate(sums):
                body.row(body.memory, self.factor(result, i, r), b.load(place))

        loop(b, _whole(count), row)

    def factor(self, first: Value, i: Value, r: int) -> Value:
        """The row of memory of entry (i, r) of a factor."""
        b = self.builder
        return b.add(first, b.add(b.mul(i, _whole(self.form.rank)), _whole(r)))

    def entry(self, i: Value, j: Value) -> Value:
        """The row of memory of entry (i, j) of the product."""
        b = self.builder
        return b.add(self.entries, b.add(b.mul(i, _whole(self.form.columns)), j))


def _whole(n: int) -> Value:
    return ir.Constant(_WHOLE, n)
