"""What the operations of a kernel cost: ``python benchmarks/operations.py``.

Prints the table of ``kernels/_cost.py``: nanoseconds of CPU time per trajectory and step, by machine code and by NumPy.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Hashable
from fractions import Fraction

import numpy as np

from sam_theory.arithmetic import ELEMENTARY, Builder, Float64, Program
from sam_theory.kernels._arrays import OnArrays
from sam_theory.kernels._machine import machine

COPIES = 8
OPERATIONS: dict[str, tuple[str, int, Hashable]] = {
    "add": ("add", 2, None),
    "mul": ("mul", 2, None),
    "div": ("div", 2, None),
    "abs": ("abs", 1, None),
    "sign": ("sign", 1, None),
    "sqrt": ("sqrt", 1, None),
    "select": ("select", 4, False),
    "power": ("power", 2, None),
    "norm": ("norm", 2, None),
    "unit": ("unit", 2, "add"),
    **{name: ("call", 1, (name, 0)) for name in ELEMENTARY},
}


def several(op: str | None, count: int, data: Hashable) -> Program:
    """The sum of an operation at several points; without one, of the points."""
    builder = Builder()
    x, y = (builder.emit("input", data=name, kind="s") for name in ("x", "y"))
    total = x
    for i in range(COPIES):
        point = builder.emit("add", x, builder.emit("number", data=Fraction(i, 7)))
        found = point
        if op in ("norm", "unit"):
            stack = builder.emit("stack", point, y)
            zero = builder.emit("number", data=Fraction(0))
            vector = builder.emit(op, stack, *([zero] if op == "unit" else []), data=data)
            found = vector if op == "norm" else builder.emit("component", vector, data=0)
        elif op is not None:
            found = builder.emit(op, *(point, y, x, y)[:count], data=data)
        total = builder.emit("add", total, found)
    return builder.finish({"total": total})


def per_entry(run: Callable[[], object], entries: int, seconds: float) -> float:
    """CPU nanoseconds of one entry, the least of several rounds."""
    run()
    best, spent = float("inf"), 0.0
    while spent < seconds:
        began = time.process_time()
        for _ in range(10):
            run()
        taken = time.process_time() - began
        best, spent = min(best, taken / 10), spent + taken
    return 1e9 * best / entries


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=2048, help="length of the arrays")
    parser.add_argument("--seconds", type=float, default=0.1, help="CPU time of each measurement")
    options = parser.parse_args()
    n = options.entries
    rows = np.random.default_rng(1).uniform(0.5, 3.0, size=(2, n))
    results = np.empty((1, n))
    point = {"x": rows[0], "y": rows[1]}
    arithmetic = Float64()

    def measured(program: Program) -> tuple[float, float]:
        code = OnArrays(program)
        used = rows[: len(program.inputs)]
        fast = per_entry(lambda: code.rows(used, results), n, options.seconds)
        return fast, per_entry(lambda: arithmetic.run(program, point), n, options.seconds)

    base = measured(several(None, 0, None))
    print(f"{'operation':14}{'machine code':>14}{'NumPy':>10}   ns per entry, {n} entries")
    for name, (op, count, data) in OPERATIONS.items():
        fast, slow = ((a - b) / COPIES for a, b in zip(measured(several(op, count, data)), base, strict=True))
        print(f"{name:14}{fast:14.3f}{slow:10.2f}")
    small = np.array([1.0])
    program = several("mul", 2, None)
    per_call = per_entry(lambda: arithmetic.run(program, {"x": small, "y": small}), len(program.nodes), options.seconds)
    print(f"NumPy, start of one operation: {per_call:.0f} ns")
    for op in ("mul", "tanh"):
        kind, count, data = OPERATIONS[op]
        module = OnArrays(several(kind, count, data))._module()
        began = time.process_time()
        machine(str(module) + f"\n; {began}")
        print(f"compilation of {COPIES} operations '{op}': {1e3 * (time.process_time() - began):.1f} ms")


if __name__ == "__main__":
    main()
