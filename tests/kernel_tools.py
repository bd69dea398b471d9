"""Kernels' functions as functions of NumPy arrays, at any width."""

import ctypes
from collections.abc import Callable

import numpy as np
from llvmlite import ir

from sam_theory.kernels._lanes import Lanes
from sam_theory.kernels._machine import align_stack, machine

POINTER = ctypes.POINTER(ctypes.c_double)


def loop(emit: Callable, width: int, arity: int = 1) -> ir.Module:
    """``apply(x..., y, registers)``: y[k] = emit(x[k]...) for registers of ``width`` lanes, one after the other."""
    module = ir.Module()
    pointer, counter = ir.DoubleType().as_pointer(), ir.IntType(64)
    kind = ir.FunctionType(ir.VoidType(), [*[pointer] * (arity + 1), counter])
    function = ir.Function(module, kind, "apply")
    align_stack(function)
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    body, done = function.append_basic_block("body"), function.append_basic_block("done")
    builder.branch(body)
    entry = builder.block
    builder.position_at_end(body)
    lanes = Lanes(builder, width)
    k = builder.phi(counter)
    k.add_incoming(counter(0), entry)
    at = builder.mul(k, counter(width))

    def place(base: ir.Value) -> ir.Value:
        return builder.bitcast(builder.gep(base, [at]), lanes.real.as_pointer())

    x = [builder.load(place(a), align=8) for a in function.args[:arity]]
    builder.store(emit(lanes, *x), place(function.args[arity]), align=8)
    following = builder.add(k, counter(1))
    k.add_incoming(following, builder.block)
    builder.cbranch(builder.icmp_unsigned("<", following, function.args[-1]), body, done)
    builder.position_at_end(done)
    builder.ret_void()
    return module


def vectorised(emit: Callable, width: int, arity: int = 1) -> Callable[..., np.ndarray]:
    """``emit`` as a function of arrays of float64, computed in registers of ``width`` lanes."""
    code = machine(loop(emit, width, arity))
    apply = ctypes.CFUNCTYPE(None, *[POINTER] * (arity + 1), ctypes.c_int64)(code.address("apply"))

    def function(*args: np.ndarray) -> np.ndarray:
        assert code is not None  # it has to live as long as its functions
        size = len(args[0])
        registers = -(-size // width)
        padded = [np.concatenate([a, np.zeros(registers * width - size)]) for a in args]
        out = np.empty(registers * width)
        if registers:
            apply(*(a.ctypes.data_as(POINTER) for a in padded), out.ctypes.data_as(POINTER), registers)
        return out[:size]

    return function
