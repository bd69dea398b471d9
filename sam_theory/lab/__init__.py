"""The dynamics laboratory: the picture before the theorem, for any map, with a prediction beside each measurement."""

from sam_theory.lab._at import MapAt, at
from sam_theory.lab._find import find_orbits
from sam_theory.lab._lyapunov import LyapunovSpectrum, lyapunov
from sam_theory.lab._periodic import PeriodicOrbit, PeriodicOrbits

__all__ = ["LyapunovSpectrum", "MapAt", "PeriodicOrbit", "PeriodicOrbits", "at", "find_orbits", "lyapunov"]
