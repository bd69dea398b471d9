"""The certificate of a worst case as plain data, for whoever wants to check it without this package's engines."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from sam_theory.engines._worst_case._problem import Problem
from sam_theory.engines._worst_case._round import Rounded, slack_matrix
from sam_theory.engines._worst_case._solve import Dual
from sam_theory.rules import Rule

__all__ = ["as_certificate"]


def as_certificate(rule: Rule, problem: Problem, dual: Dual, rounded: Rounded) -> dict[str, Any]:
    """All that :mod:`sam_theory.checker._dual` needs, numbers as texts ``p/q``.

    The identity to check is τ·initial + μ·‖v‖² − final = Σ λ·slack + ⟨matrix, Gram⟩, with v the vector that the
    rule normalises; then final ≤ bound = τ·level + μ·γ² wherever initial ≤ level and ‖v‖ = γ.
    """
    y = list(rounded.y)
    norm = problem.gradient_norm
    multipliers = [
        {"lemma": key[0], "from": key[1], "to": key[2], "value": str(v)}
        for key, v in sorted(zip(dual.names[dual.first :], y[dual.first :], strict=True))
        if v != 0
    ]
    constants = {name: getattr(problem.cls, name) for name in problem.cls.constants}
    return {
        "kind": "worst-case",
        "schema": 1,
        "rule": rule.name,
        "options": {name: str(v) for name, v in sorted(rule.options.items())},
        "class": type(problem.cls).__name__,
        "constants": {name: str(v) for name, v in constants.items()},
        "parameters": {name: str(problem.parameters[name]) for name in rule.parameters},
        "steps": problem.steps,
        "initial": problem.metrics[0],
        "final": problem.metrics[1],
        "level": str(problem.level),
        "gradient_norm": None if norm is None else str(norm),
        "bound": str(rounded.bound),
        "tau": str(y[0]),
        "mu": None if norm is None else str(y[1]),
        "multipliers": multipliers,
        "labels": list(problem.labels),
        "matrix": [[_text(e) for e in row] for row in slack_matrix(dual, y)],
    }


def _text(value: Fraction) -> str:
    return str(value)
