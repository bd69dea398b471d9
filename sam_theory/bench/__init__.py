"""Benchmarks against what one would write instead: NumPy, JAX, optax, PyTorch and C, side by side in one run."""

from sam_theory.bench._cases import PEERS, WORKLOADS, Case, Contender, cases
from sam_theory.bench._measure import measure

__all__ = ["PEERS", "WORKLOADS", "Case", "Contender", "cases", "measure"]
