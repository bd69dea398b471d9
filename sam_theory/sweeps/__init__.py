"""Sweeps: a map over many parameters and starts, in tiles, on one machine or many."""

from sam_theory.sweeps._executors import execute

__all__ = ["execute"]
