"""Long single orbits as generated Python against NumPy batches of one, side by side: ``python benchmarks/orbits.py``.

Everything else is timed by ``sam-theory bench``.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from sam_theory import Map, Product, log_cosh, sam, simulate
from sam_theory.dynamics import orbit

STEPS = 20_000
SYSTEM = Map(sam, Product(log_cosh))
PARAMETERS = {"eta": 0.1, "rho": 0.05}


def median_seconds(run: Callable[[], object], rounds: int = 5) -> float:
    """The median time of a few runs."""
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        run()
        times.append(time.perf_counter() - began)
    return float(np.median(times))


def orbits() -> None:
    """A long single orbit as generated Python against a NumPy batch of one, interleaved."""
    orbit(SYSTEM, [0.5, 3.0], 10, PARAMETERS)  # compile once
    single = median_seconds(lambda: orbit(SYSTEM, [0.5, 3.0], STEPS, PARAMETERS))
    batch = median_seconds(lambda: simulate(SYSTEM, [0.5, 3.0], params=PARAMETERS, steps=STEPS), rounds=3)
    million = median_seconds(lambda: orbit(SYSTEM, [0.5, 3.0], 1_000_000, PARAMETERS), rounds=3)
    print(f"{STEPS} SAM steps on log cosh(xy): batch of one / single orbit = {batch / single:.0f}")
    print(f"a million steps of one orbit: {million:.2f} s")


if __name__ == "__main__":
    orbits()
