"""Flat programs as compiled functions of arrays."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from llvmlite import ir

from sam_theory.arithmetic import Program
from sam_theory.errors import InputError
from sam_theory.kernels._emit import emit
from sam_theory.kernels._lanes import Lanes
from sam_theory.kernels._machine import machine

FloatArray = npt.NDArray[np.float64]

_REAL, _WHOLE = ir.DoubleType(), ir.IntType(64)


class OnArrays:
    """The outputs of a flat program at every entry of arrays, by machine code.

    Parameters
    ----------
    program : Program
        A program of scalars; best a simplified one.
    width : int
        Lanes of a register; results do not depend on it.

    Raises
    ------
    InputError
        As :func:`emit`; for arrays of different lengths or a missing one, when called.
    """

    def __init__(self, program: Program, width: int = 16) -> None:
        self.program, self.width = program, width
        self._code = machine(self._module())

    @cached_property
    def _run(self) -> Callable[..., None]:
        return ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 2, ctypes.c_int64)(self._code.address("run"))

    def __call__(self, inputs: Mapping[str, Any]) -> dict[str, FloatArray]:
        """The outputs, one array each, as long as the longest input; single numbers stand for constant arrays."""
        missing = [name for name in self.program.inputs if name not in inputs]
        if missing:
            raise InputError(f"no value for {', '.join(missing)}; give it among the parameters or the state")
        given = {name: np.asarray(inputs[name], dtype=float) for name in self.program.inputs}
        try:
            (size,) = np.broadcast_shapes((1,), *(a.shape for a in given.values()))
        except ValueError:
            raise InputError("the inputs must be numbers or arrays of one axis and one length") from None
        padded = -(-size // self.width) * self.width
        rows = np.zeros((max(1, len(given)), padded))
        for row, a in enumerate(given.values()):
            rows[row, :size] = a
        results = np.empty((len(self.program.outputs), padded))
        self.rows(rows, results)
        return {name: results[row, :size] for row, (name, _) in enumerate(self.program.outputs)}

    def rows(self, inputs: FloatArray, outputs: FloatArray) -> None:
        """Row after row of the inputs and outputs, contiguous, of a length that the width divides."""
        self._run(inputs.ctypes.data, outputs.ctypes.data, inputs.shape[1])

    def _module(self) -> ir.Module:
        module = ir.Module()
        pointer = _REAL.as_pointer()
        function = ir.Function(module, ir.FunctionType(ir.VoidType(), [pointer, pointer, _WHOLE]), "run")
        given, found, size = function.args
        entry, loop, done = (function.append_basic_block(name) for name in ("entry", "loop", "done"))
        builder = ir.IRBuilder(entry)
        builder.branch(loop)
        builder.position_at_end(loop)
        lanes = Lanes(builder, self.width)
        at = builder.phi(_WHOLE)
        at.add_incoming(ir.Constant(_WHOLE, 0), entry)

        def place(base: ir.Value, row: int) -> ir.Value:
            offset = builder.add(at, builder.mul(size, ir.Constant(_WHOLE, row)))
            return builder.bitcast(builder.gep(base, [offset]), lanes.real.as_pointer())

        values = {name: builder.load(place(given, row), align=8) for row, name in enumerate(self.program.inputs)}
        results = emit(lanes, self.program, values)
        for row, (name, _) in enumerate(self.program.outputs):
            builder.store(results[name], place(found, row), align=8)
        following = builder.add(at, ir.Constant(_WHOLE, self.width))
        at.add_incoming(following, builder.block)
        builder.cbranch(builder.icmp_signed("<", following, size), loop, done)
        builder.position_at_end(done)
        builder.ret_void()
        return module
