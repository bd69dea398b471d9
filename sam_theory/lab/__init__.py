"""The dynamics laboratory: the picture before the theorem, for any map, with a prediction beside each measurement."""

from sam_theory.lab._at import MapAt, at
from sam_theory.lab._branch import Branch
from sam_theory.lab._continue import continue_orbit, continue_orbits
from sam_theory.lab._find import find_orbits
from sam_theory.lab._periodic import PeriodicOrbit, PeriodicOrbits
from sam_theory.lab._special import SpecialPoint

__all__ = [
    "Branch",
    "MapAt",
    "PeriodicOrbit",
    "PeriodicOrbits",
    "SpecialPoint",
    "at",
    "continue_orbit",
    "continue_orbits",
    "find_orbits",
]
