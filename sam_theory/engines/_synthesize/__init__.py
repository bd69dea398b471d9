"""Synthesis: the largest step size, the smallest constant, for which a statement holds."""

from sam_theory.engines._synthesize._answer import Synthesis
from sam_theory.engines._synthesize._synthesize import synthesize

__all__ = ["Synthesis", "synthesize"]
