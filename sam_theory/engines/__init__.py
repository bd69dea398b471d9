"""Engines: from a theorem to evidence.  Symbolic algebra, z3, an adversarial search, certificates by balls,
and proofs that Coq's kernel checks."""

from sam_theory.engines._ball import (
    Box,
    CertifiedCycle,
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
from sam_theory.engines._formal import File, coqc_path, file_of, formal
from sam_theory.engines._registry import ENGINES
from sam_theory.engines._run import falsify, verify, verify_all
from sam_theory.engines._selftest import SELF_TESTS, Check, self_test
from sam_theory.engines._synthesize import Synthesis, synthesize
from sam_theory.engines._worst_case import WorstCase, worst_case

__all__ = [
    "BUDGETS",
    "ENGINES",
    "SELF_TESTS",
    "Box",
    "Budget",
    "CertifiedCycle",
    "Check",
    "DriftTime",
    "Enclosure",
    "File",
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
    "coqc_path",
    "enclose",
    "falsify",
    "self_test",
    "synthesize",
    "file_of",
    "formal",
    "verify",
    "verify_all",
    "worst_case",
]
