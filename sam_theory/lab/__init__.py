"""The dynamics laboratory: the picture before the theorem, for any map, with a prediction beside each measurement."""

from sam_theory.lab._at import MapAt, at
from sam_theory.lab._drift import SlowFlow, slow_flow
from sam_theory.lab._drift_compare import DriftComparison
from sam_theory.lab._find import find_orbits
from sam_theory.lab._periodic import PeriodicOrbit, PeriodicOrbits

__all__ = [
    "DriftComparison",
    "MapAt",
    "PeriodicOrbit",
    "PeriodicOrbits",
    "SlowFlow",
    "at",
    "find_orbits",
    "slow_flow",
]
