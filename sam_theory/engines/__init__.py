"""Engines: from a theorem to evidence.  Symbolic algebra, z3, and an adversarial search with exact witnesses."""

from sam_theory.engines._budget import BUDGETS, Budget, budget_of
from sam_theory.engines._run import ENGINES, falsify, verify, verify_all

__all__ = ["BUDGETS", "ENGINES", "Budget", "budget_of", "falsify", "verify", "verify_all"]
