"""The dynamics laboratory: the picture before the theorem, for any map, with a prediction beside each measurement."""

from sam_theory.lab._at import MapAt, at
from sam_theory.lab._basin import basins
from sam_theory.lab._basins import Basin, Basins
from sam_theory.lab._branch import Branch
from sam_theory.lab._continue import continue_orbit, continue_orbits
from sam_theory.lab._diagram import OrbitDiagram, orbit_diagram
from sam_theory.lab._drift import SlowFlow, slow_flow
from sam_theory.lab._drift_compare import DriftComparison
from sam_theory.lab._find import find_orbits
from sam_theory.lab._invariants import Invariant, Invariants, find_invariants
from sam_theory.lab._lyapunov import LyapunovSpectrum, lyapunov
from sam_theory.lab._periodic import PeriodicOrbit, PeriodicOrbits
from sam_theory.lab._special import SpecialPoint
from sam_theory.lab._stability import stability
from sam_theory.lab._stable import Stability

__all__ = [
    "Basin",
    "Basins",
    "Branch",
    "DriftComparison",
    "Invariant",
    "Invariants",
    "LyapunovSpectrum",
    "MapAt",
    "OrbitDiagram",
    "PeriodicOrbit",
    "PeriodicOrbits",
    "SlowFlow",
    "SpecialPoint",
    "Stability",
    "at",
    "basins",
    "continue_orbit",
    "continue_orbits",
    "find_invariants",
    "find_orbits",
    "lyapunov",
    "orbit_diagram",
    "slow_flow",
    "stability",
]
