"""Engines: from a theorem to evidence.  Symbolic algebra, z3, an adversarial search, and certificates by balls."""

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
from sam_theory.engines._run import ENGINES, falsify, verify, verify_all
from sam_theory.engines._selftest import SELF_TESTS, Check, self_test
from sam_theory.engines._synthesize import Synthesis, synthesize
from sam_theory.engines._worst_case import WorstCase, worst_case

__all__ = [
    "BUDGETS",
    "ENGINES",
    "SELF_TESTS",
    "Box",
    "Budget",
    "Check",
    "DriftTime",
    "Enclosure",
    "PhaseDiagram",
    "Synthesis",
    "System",
    "WorstCase",
    "box",
    "budget_of",
    "certified_cycle",
    "certified_drift_time",
    "certified_phase_diagram",
    "certify",
    "enclose",
    "falsify",
    "self_test",
    "synthesize",
    "verify",
    "verify_all",
    "worst_case",
]
