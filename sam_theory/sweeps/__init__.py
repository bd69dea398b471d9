"""Sweeps: a map over many parameters and starts, in tiles, on one machine or many."""

from sam_theory.sweeps._executors import execute
from sam_theory.sweeps._result import SweepResult
from sam_theory.sweeps._specification import Specification
from sam_theory.sweeps._sweep import Progress, sweep
from sam_theory.sweeps._tiles import OUTCOMES

__all__ = ["OUTCOMES", "Progress", "Specification", "SweepResult", "execute", "sweep"]
