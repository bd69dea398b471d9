"""Engines: from a theorem to evidence.  Symbolic algebra, z3, an adversarial search, certificates by balls,
and proofs that Coq's kernel checks."""

from sam_theory.engines._ball import (
    Box,
    DriftTime,
    Enclosure,
    PhaseDiagram,
    System,
    box,
    certified_cycle,
    certified_drift_time,
    certified_phase_diagram,
    certify,
    enclose,
)
from sam_theory.engines._budget import BUDGETS, Budget, budget_of
from sam_theory.engines._formal import File, check, coqc_path, file_of, formal
from sam_theory.engines._run import ENGINES, falsify, verify, verify_all

__all__ = [
    "BUDGETS",
    "ENGINES",
    "Box",
    "Budget",
    "DriftTime",
    "Enclosure",
    "File",
    "PhaseDiagram",
    "System",
    "box",
    "budget_of",
    "certified_cycle",
    "certified_drift_time",
    "certified_phase_diagram",
    "certify",
    "check",
    "coqc_path",
    "enclose",
    "falsify",
    "file_of",
    "formal",
    "verify",
    "verify_all",
]
