"""The dynamics laboratory: the picture before the theorem, for any map, with a prediction beside each measurement."""

from sam_theory.lab._at import MapAt, at
from sam_theory.lab._find import find_orbits
from sam_theory.lab._invariants import Invariant, Invariants, find_invariants
from sam_theory.lab._periodic import PeriodicOrbit, PeriodicOrbits

__all__ = [
    "Invariant",
    "Invariants",
    "MapAt",
    "PeriodicOrbit",
    "PeriodicOrbits",
    "at",
    "find_invariants",
    "find_orbits",
]
