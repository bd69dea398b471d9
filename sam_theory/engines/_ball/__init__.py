"""Ball arithmetic: enclosures, branch and bound, periodic orbits, phase diagrams, and what they certify."""

from sam_theory.engines._ball._box import Box, box
from sam_theory.engines._ball._certify import certify
from sam_theory.engines._ball._cover import Answer, Cover, branch_and_bound
from sam_theory.engines._ball._cycles import CertifiedCycle, certified_cycle
from sam_theory.engines._ball._drift import DriftTime, certified_drift_time
from sam_theory.engines._ball._enclose import Enclosure, enclose
from sam_theory.engines._ball._orbits import Orbits
from sam_theory.engines._ball._phase import PhaseDiagram, certified_phase_diagram
from sam_theory.engines._ball._system import System

__all__ = [
    "Answer",
    "Box",
    "CertifiedCycle",
    "Cover",
    "DriftTime",
    "Enclosure",
    "Orbits",
    "PhaseDiagram",
    "System",
    "box",
    "branch_and_bound",
    "certified_cycle",
    "certified_drift_time",
    "certified_phase_diagram",
    "certify",
    "enclose",
]
