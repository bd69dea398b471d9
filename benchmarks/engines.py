"""What search and laboratory gain by machine code: ``python benchmarks/engines.py``.

CPU seconds of whole calls, the making of machine code among them, first by machine code and then by the reference,
after a call of each that warms caches.  LLVM is loaded beforehand (0.15 s in each process).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from importlib import import_module

import numpy as np

from sam_theory.dynamics import Map, _fast, _mover
from sam_theory.engines import verify
from sam_theory.kernels import _machine
from sam_theory.lab import orbit_diagram
from sam_theory.losses import Expression
from sam_theory.rules import sam
from sam_theory.theorems import library

WELLS = Map(sam, Expression("w**4/4 - w**2/2"))
STATEMENTS = {
    "default": ("sc-sam-limsup-improved.limsup", "sam-never-converges-sc.limsup", "sam-drift-law-product.trajectory"),
    "full": (
        "sam-never-converges-sc.limsup",
        "sc-1d-exact-worst-case.distance-small-kappa",
        "pl-sam-limsup.large-steps-rate",
        "sam-drift-law-product.trajectory",
    ),
}


def cpu_seconds(run: Callable[[], object], by_machine_code: bool) -> float:
    """Of one call that makes its machine code anew, or has none."""
    _fast._kernels.clear()
    _machine._modules.clear()
    found = _mover.missing
    if not by_machine_code:
        _mover.missing = lambda: "switched off"
    try:
        began = time.process_time()
        run()
        return time.process_time() - began
    finally:
        _mover.missing = found


def compared(name: str, run: Callable[[], object], rounds: int = 2) -> None:
    """A row of the table: medians, and their ratio."""
    run()
    pairs = np.array([[cpu_seconds(run, code) for code in (True, False)] for _ in range(rounds)])
    fast, reference = np.median(pairs, axis=0)
    print(f"| {name} | {reference:.2f} | {fast:.2f} | {reference / fast:.1f}× |", flush=True)


def main() -> None:
    """The table of docs/kernels.md."""
    import_module("llvmlite.binding")
    theorems = {t.slug: t for t in library()}
    print("| what | NumPy, CPU s | machine code, CPU s | ratio |\n| --- | --- | --- | --- |")
    for budget, slugs in STATEMENTS.items():
        for slug in slugs:
            compared(
                f"search of `{slug}`, {budget}",
                partial(verify, theorems[slug], engines=("search",), budget=budget),
                rounds=2 if budget == "default" else 1,
            )
    for values, transient in ((1_000, 1_000), (2_000, 10_000)):
        compared(
            f"`orbit_diagram`, {values:,} values, 2 starts, {transient:,} steps",
            partial(
                orbit_diagram,
                WELLS,
                {"rho": "1/10"},
                ("eta", "1/10", "3/2", values),
                [[0.4], [-0.7]],
                transient,
                128,
            ),
        )


if __name__ == "__main__":
    main()
