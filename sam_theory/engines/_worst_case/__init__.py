"""Worst cases over function classes: semidefinite problems, and dual certificates in rational numbers."""

from sam_theory.engines._worst_case._engine import applies, certify_worst_case
from sam_theory.engines._worst_case._worst import WorstCase, worst_case

__all__ = ["WorstCase", "applies", "certify_worst_case", "worst_case"]
