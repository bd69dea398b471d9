"""Flat programs compiled and run on arrays, for the tests of the kernels."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping

import numpy as np
from llvmlite import ir

from sam_theory.arithmetic import Float64, Program
from sam_theory.kernels._emit import emit
from sam_theory.kernels._lanes import Lanes
from sam_theory.kernels._machine import machine

#: Values at which operations are exceptional.
SPECIAL = (0.0, -0.0, 1.0, -1.0, 5e-324, -1e-310, 1e-170, -3e-160, 2.5e150, -1e200, 1.7e308, np.inf, -np.inf, np.nan)


def evaluate(program: Program, inputs: Mapping[str, np.ndarray], width: int = 8) -> dict[str, np.ndarray]:
    """The outputs of a program at arrays of one length, a multiple of ``width``, by machine code."""
    names, n = program.inputs, len(next(iter(inputs.values())))
    assert n % width == 0
    module = ir.Module()
    pointer, whole = ir.DoubleType().as_pointer(), ir.IntType(64)
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), [pointer, pointer, whole]), "run")
    entry, loop, done = (function.append_basic_block(b) for b in ("entry", "loop", "done"))
    builder = ir.IRBuilder(entry)
    builder.branch(loop)
    builder.position_at_end(loop)
    lanes = Lanes(builder, width)
    at = builder.phi(whole)
    at.add_incoming(ir.Constant(whole, 0), entry)

    def place(base: ir.Value, row: int) -> ir.Value:
        offset = builder.add(at, ir.Constant(whole, row * n))
        return builder.bitcast(builder.gep(base, [offset]), lanes.real.as_pointer())

    loaded = {name: builder.load(place(function.args[0], row), align=8) for row, name in enumerate(names)}
    results = emit(lanes, program, loaded)
    for row, (name, _) in enumerate(program.outputs):
        builder.store(results[name], place(function.args[1], row), align=8)
    following = builder.add(at, ir.Constant(whole, width))
    at.add_incoming(following, builder.block)
    builder.cbranch(builder.icmp_signed("<", following, function.args[2]), loop, done)
    builder.position_at_end(done)
    builder.ret_void()
    code = machine(module)
    given = np.array([inputs[name] for name in names], dtype=float).reshape(len(names), n)
    found = np.empty((len(program.outputs), n))
    call = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64)(code.address("run"))
    call(given.ctypes.data, found.ctypes.data, n)
    return {name: found[row] for row, (name, _) in enumerate(program.outputs)}


def reference(program: Program, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The same by the batch arithmetic."""
    size = len(next(iter(inputs.values())))
    with np.errstate(all="ignore"):
        found = Float64().run(program, {name: np.asarray(inputs[name], dtype=float) for name in program.inputs})
    return {name: np.broadcast_to(np.asarray(v, dtype=float), (size,)) for name, v in found.items()}


def values(rng: np.random.Generator, names: tuple[str, ...], n: int, special: float = 0.0) -> dict[str, np.ndarray]:
    """Random reals of moderate size; each is special with the given probability."""
    result = {}
    for name in names:
        drawn = rng.normal(size=n) * 2.0 ** rng.integers(-3, 4, size=n)
        odd = rng.choice(SPECIAL, size=n)
        result[name] = np.where(rng.random(n) < special, odd, drawn)
    return result


def distance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """|a − b| relative to the larger modulus; 0 where both are the same or no number, inf where one of them is none."""
    with np.errstate(all="ignore"):
        gap = np.abs(a - b) / np.maximum(np.maximum(np.abs(a), np.abs(b)), 1e-300)
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    return np.where(same, 0.0, np.where(np.isnan(gap), np.inf, gap))
