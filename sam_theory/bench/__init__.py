"""Benchmarks against what one would write instead: NumPy, JAX, optax, PyTorch and C, side by side in one run."""

from sam_theory.bench._cases import PEERS, WORKLOADS, Case, Contender, cases
from sam_theory.bench._goals import GOALS, Goal, Judged, judge
from sam_theory.bench._measure import measure
from sam_theory.bench._ours import phase_diagram
from sam_theory.bench._processes import supported
from sam_theory.bench._tables import case_rows, document, goal_rows, linear_rows, machine, markdown

__all__ = [
    "GOALS",
    "PEERS",
    "WORKLOADS",
    "Case",
    "Contender",
    "Goal",
    "Judged",
    "case_rows",
    "cases",
    "document",
    "goal_rows",
    "judge",
    "linear_rows",
    "machine",
    "markdown",
    "measure",
    "phase_diagram",
    "supported",
]
