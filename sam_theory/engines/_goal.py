"""What an engine closes: a relation between scalars under assumptions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sympy as sp

from sam_theory.arithmetic._symbolic import evaluated
from sam_theory.theorems import Inequality


@dataclass(frozen=True)
class Goal:
    """``goal`` is to follow from ``assumptions`` and ``facts``; ``trust`` names the lemmas behind the facts."""

    name: str
    assumptions: tuple[Any, ...]
    goal: Any
    facts: tuple[Any, ...] = ()
    trust: tuple[str, ...] = ()
    #: a case that may be empty (a vanishing gradient that the claim excludes)
    special_case: bool = False
    #: one name for each fact, with the points at which it is used
    labels: tuple[str, ...] = ()


def relate(claim: Any, left: Any, right: Any) -> Any:
    """The relation that a claim asserts between two scalars."""
    if isinstance(claim, Inequality):
        return evaluated(sp.StrictLessThan if claim.strict else sp.LessThan, left, right)
    return equal(left, right)


def equal(left: Any, right: Any) -> Any:
    """left = right, not evaluated unless both are the same expression."""
    return sp.Eq(left, right, evaluate=False) if left != right else sp.true


def nonzero(e: sp.Expr) -> Any:
    """e ≠ 0, not evaluated."""
    return sp.Ne(e, 0, evaluate=False)
