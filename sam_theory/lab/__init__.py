"""The dynamics laboratory: the picture before the theorem, for any map, with a prediction beside each measurement."""

from sam_theory.lab._at import MapAt, at
from sam_theory.lab._find import find_orbits
from sam_theory.lab._periodic import PeriodicOrbit, PeriodicOrbits
from sam_theory.lab._stability import stability
from sam_theory.lab._stable import Stability

__all__ = ["MapAt", "PeriodicOrbit", "PeriodicOrbits", "Stability", "at", "find_orbits", "stability"]
