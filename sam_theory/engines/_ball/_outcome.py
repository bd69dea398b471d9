"""What a certifying routine hands back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sam_theory.engines._ball._problem import Problem
from sam_theory.verdicts import Witness

__all__ = ["Outcome"]


@dataclass(frozen=True)
class Outcome:
    """``certified``, ``refuted`` (with a witness) or ``undecided``, with what was established and where.

    ``certificate`` holds what a checker needs besides the statement and the box.
    ``horizon`` is the number of steps up to which it holds, None where the claim knows none.
    """

    verdict: str
    detail: str
    boxes: int
    problem: Problem | None = None
    region: str | None = None
    horizon: int | None = None
    witness: Witness | None = None
    trust: tuple[str, ...] = ()
    certificate: dict[str, Any] | None = None
