"""USAM on ½βw²: simulated outcomes over (η, ρ), and the proved threshold η* = 2/(β+ρβ²) drawn over them.

Run from a checkout: ``python figures/usam_threshold.py [OUT.png]``.  The boundary is the formula of the theorem
``usam-sharp-threshold-convex.threshold``, not a copy of it.
"""

from __future__ import annotations

import sys

import matplotlib
import numpy as np

matplotlib.use("Agg")
import matplotlib.pyplot as plt

from sam_theory import Map, Quadratic, simulate, usam
from sam_theory.arithmetic import Float64, lower
from sam_theory.theorems import library

SLUG = "usam-sharp-threshold-convex.threshold"


def main(path: str) -> None:
    """Draw the figure into ``path``."""
    theorem = next(t for t in library() if t.slug == SLUG)
    eta, rho = np.meshgrid(np.linspace(0.02, 2.4, 120), np.linspace(0.0, 3.0, 120))
    run = simulate(Map(usam, Quadratic(1)), np.ones(1), params={"eta": eta, "rho": rho}, steps=4000)
    diverged = np.asarray(run.outcome == "diverged", dtype=float)
    line = np.linspace(0.0, 3.0, 400)
    critical = Float64().run(lower(theorem.expanded_claim.critical), {"beta": 1.0, "rho": line})["result"]

    figure, axes = plt.subplots(figsize=(3.4, 2.8), constrained_layout=True)
    axes.pcolormesh(eta, rho, diverged, cmap="Greys", vmin=0, vmax=2.2, shading="nearest", rasterized=True)
    axes.plot(critical, line, color="#d55e00", linewidth=1.8, label=r"$\eta^*=2/(\beta+\rho\beta^2)$")
    axes.axvline(2.0, color="#0072b2", linewidth=1.2, linestyle="--", label=r"GD: $\eta=2/\beta$")
    axes.text(0.25, 0.35, "converges", fontsize=8)
    axes.text(1.25, 2.2, "diverges", fontsize=8)
    axes.set_xlabel(r"step size $\eta\beta$")
    axes.set_ylabel(r"perturbation $\rho\beta$")
    axes.set_title(r"USAM on $\frac{1}{2}\beta w^2$, 4000 steps", fontsize=9)
    axes.legend(fontsize=7, loc="upper right")
    figure.savefig(path, dpi=200, metadata={"Description": f"sam_theory: {SLUG}, id {theorem.id}"})


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "usam_threshold.png")
