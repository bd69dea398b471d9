"""Worst cases over function classes: semidefinite problems, and dual certificates in rational numbers."""

from sam_theory.engines._worst_case._worst import WorstCase, worst_case

__all__ = ["WorstCase", "worst_case"]
