"""Changes of basis for many vectors, each summed in the same order whatever stands beside it.

Products of matrices by BLAS depend in their last bits on the number of columns.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache

import numpy as np
import numpy.typing as npt
from llvmlite import ir

from sam_theory.kernels._lanes import Lanes, Value
from sam_theory.kernels._machine import Machine, machine

FloatArray = npt.NDArray[np.float64]

_WHOLE, _REAL = ir.IntType(64), ir.DoubleType()
_WIDTH, _BLOCK = 16, 8


def transformed(matrix: FloatArray, v: FloatArray) -> FloatArray:
    """The products matrixᵀ v_k of a square matrix (d, d) and vectors v (d, n), summed in the order of the rows."""
    d, n = v.shape
    columns = -(-n // _WIDTH) * _WIDTH
    given, result = np.zeros((d, columns)), np.empty((d, columns))
    given[:, :n] = v
    entries = np.ascontiguousarray(matrix)
    function, _ = _function()
    function(entries.ctypes.data, given.ctypes.data, result.ctypes.data, d, columns)
    return np.ascontiguousarray(result[:, :n])


@cache
def _function() -> tuple[Callable[..., None], Machine]:
    module = ir.Module()
    kind = ir.FunctionType(ir.VoidType(), [_REAL.as_pointer()] * 3 + [_WHOLE] * 2)
    function = ir.Function(module, kind, "transform")
    for argument in function.args[:3]:
        argument.add_attribute("noalias")
    _Writer(function).write()
    code = machine(module)
    call: Callable[..., None] = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 3, *[ctypes.c_int64] * 2)(
        code.address("transform")
    )
    return call, code


class _Writer:
    def __init__(self, function: ir.Function) -> None:
        self.matrix, self.given, self.result, self.d, self.columns = function.args
        self.builder = ir.IRBuilder(function.append_basic_block("entry"))
        self.lanes = Lanes(self.builder, _WIDTH)

    def write(self) -> None:
        """Registers of columns, outside; blocks of rows of the result; the sums, inside."""
        b = self.builder
        whole = b.mul(b.sdiv(self.d, _number(_BLOCK)), _number(_BLOCK))
        self.sums = [b.alloca(self.lanes.real) for _ in range(_BLOCK)]

        def group(column: Value) -> None:
            self.loop(_number(0), whole, _BLOCK, lambda i: self.rows(column, i, _BLOCK))
            self.loop(whole, self.d, 1, lambda i: self.rows(column, i, 1))

        self.loop(_number(0), self.columns, _WIDTH, group)
        b.ret_void()

    def rows(self, column: Value, i: Value, count: int) -> None:
        """``count`` rows of the result from row i on."""
        b, lanes = self.builder, self.lanes
        for place in self.sums[:count]:
            b.store(lanes.number(0.0), place)

        def term(j: Value) -> None:
            v = b.load(self.register(self.given, j, column), align=8)
            first = b.add(b.mul(j, self.d), i)
            for k, place in enumerate(self.sums[:count]):
                entry = b.load(b.gep(self.matrix, [b.add(first, _number(k))]))
                b.store(lanes.fma(lanes.spread(entry), v, b.load(place)), place)

        self.loop(_number(0), self.d, 1, term)
        for k, place in enumerate(self.sums[:count]):
            b.store(b.load(place), self.register(self.result, b.add(i, _number(k)), column), align=8)

    def register(self, array: Value, row: Value, column: Value) -> Value:
        """Where a register of columns begins in a row."""
        place = self.builder.gep(array, [self.builder.add(self.builder.mul(row, self.columns), column)])
        return self.builder.bitcast(place, self.lanes.real.as_pointer())

    def loop(self, first: Value, end: Value, by: int, body: Callable[[Value], None]) -> None:
        """``body(i)`` for i from ``first`` in steps until ``end``."""
        b = self.builder
        before = b.block
        inside, after = b.append_basic_block("again"), b.append_basic_block("after")
        b.cbranch(b.icmp_signed("<", first, end), inside, after)
        b.position_at_end(inside)
        i = b.phi(_WHOLE)
        i.add_incoming(first, before)
        body(i)
        following = b.add(i, _number(by))
        i.add_incoming(following, b.block)
        b.cbranch(b.icmp_signed("<", following, end), inside, after)
        b.position_at_end(after)


def _number(n: int) -> Value:
    return ir.Constant(_WHOLE, n)
