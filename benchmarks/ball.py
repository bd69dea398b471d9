"""Benchmarks of the ball engine against the numbers it has to reach: ``python benchmarks/ball.py``.

Each line gives what was measured, the reference, and their ratio; below 1 is better than the reference.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from sam_theory import Map, Product, library, log_cosh, sam, usam
from sam_theory.bench import phase_diagram
from sam_theory.engines import box, certified_drift_time, certify, enclose


@dataclass(frozen=True)
class Benchmark:
    """A measurement, its reference and what is measured."""

    name: str
    unit: str
    reference: float
    measure: Callable[[], float]


def sam_radius() -> float:
    """SAM on log cosh(xy), 1,000 steps from (1/2, 2) at 53 bits."""
    return enclose(
        Map(sam, Product(log_cosh)), box({"eta": "1/10", "rho": "1/10", "w:0": "1/2", "w:1": 2}), 1000
    ).radius


def usam_radius() -> float:
    """USAM on log cosh(xy) from (1/2, 2), η = .3±.01, ρ = .1±.01, 300 steps."""
    start = box({"eta": ("0.29", "0.31"), "rho": ("0.09", "0.11"), "w:0": "1/2", "w:1": 2})
    return enclose(Map(usam, Product(log_cosh)), start, 300).radius


def threshold_boxes() -> float:
    """Boxes for the threshold of USAM on ½βw², both sides up to 1/64 of the critical value."""
    [theorem] = [t for t in library() if t.slug == "usam-sharp-threshold-convex.threshold"]
    found = certify(theorem)
    return float(found.detail.split()[0]) if found.verdict == "certified" else float("inf")


def phase(name: str) -> float:
    """CPU seconds of a certified phase diagram with 99.9 % of the area decided."""
    began = time.process_time()
    phase_diagram(name, "1/1000")
    return time.process_time() - began


def drift_gap() -> float:
    """Relative gap between the bounds on the step at which y² < 1, SAM from a box around (1/2, 2)."""
    start = box({
        "eta": ("0.0999", "0.1001"), "rho": ("0.0999", "0.1001"), "w:0": ("0.49", "0.51"), "w:1": ("2", "2.01"),
    })  # fmt: skip
    found = certified_drift_time(Map(sam, Product(log_cosh)), start, "1", horizon=2000)
    return float("inf") if found.latest is None else (found.latest - found.earliest) / found.latest


BENCHMARKS = (
    Benchmark("SAM, 1,000 steps", "radius", 1e-11, sam_radius),
    Benchmark("USAM, box of (η, ρ), 300 steps", "radius", 0.03, usam_radius),
    Benchmark("USAM threshold", "boxes", 100, threshold_boxes),
    Benchmark("phase diagram, USAM on ½w²", "CPU seconds", 10, partial(phase, "usam-quadratic")),
    Benchmark("phase diagram, USAM in the valley", "CPU seconds", 10, partial(phase, "usam-valley")),
    Benchmark("phase diagram, SAM's 2-cycle", "CPU seconds", 10, partial(phase, "sam-cycle")),
    Benchmark("drift time of SAM", "relative gap", 0.1, drift_gap),
)


def main() -> None:
    """Run every benchmark and print the ratios."""
    print(f"{'benchmark':36}{'measured':>12}{'reference':>12}  {'unit':14}{'ratio':>8}{'CPU s':>9}")
    for b in BENCHMARKS:
        began = time.process_time()
        value = b.measure()
        seconds = time.process_time() - began
        print(f"{b.name:36}{value:12.4g}{b.reference:12.4g}  {b.unit:14}{value / b.reference:8.3f}{seconds:9.2f}")


if __name__ == "__main__":
    main()
