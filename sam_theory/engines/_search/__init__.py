"""Adversarial search: an exact witness against a statement, or how near it came to failing."""

from __future__ import annotations

import time

import numpy as np

from sam_theory.engines._budget import Budget, budget_of
from sam_theory.engines._search._hunt import Hunt
from sam_theory.errors import InputError
from sam_theory.theorems import Theorem
from sam_theory.verdicts import Evidence, Witness

__all__ = ["refute", "search"]


def search(
    theorem: Theorem, budget: Budget | str = "default", rng: int | np.random.Generator = 0
) -> Evidence:
    """Look for a counterexample to ``theorem`` and report what was found.

    The verdict is ``refuted`` with a witness confirmed in exact arithmetic, ``supported`` where nothing
    suspicious is left, and ``undecided`` where a suspicion could not be confirmed or nothing could be tried.
    The margin is the negative of the largest normalised violation.

    Parameters
    ----------
    theorem : Theorem
    budget : Budget or str
    rng : int or numpy.random.Generator
        With the same seed the outcome repeats bit for bit.

    Returns
    -------
    Evidence
    """
    began = time.perf_counter()
    hunt = Hunt(theorem, budget_of(budget), np.random.default_rng(rng))
    try:
        found = hunt.run(thorough=True)
    except InputError as problem:
        return Evidence("search", "undecided", str(problem), seconds=time.perf_counter() - began)
    evaluations = sum(j.evaluations for j in hunt.judges)
    detail, verdict = _outcome(hunt, found)
    ratios = [j.tightness for j in hunt.judges if j.tightness is not None]
    return Evidence(
        "search",
        verdict,
        detail,
        ("Fraction",) if found is not None and found.confirmed_by == "fraction" else (("FLINT",) if found else ("float64",)),
        time.perf_counter() - began,
        margin=None if hunt.worst is None else -hunt.worst.violation,
        evaluations=evaluations,
        tightness=max(ratios) if ratios else None,
        witness=found,
    )


def refute(
    theorem: Theorem, budget: Budget | str = "quick", rng: int | np.random.Generator = 0
) -> Witness | None:
    """A confirmed witness against ``theorem`` or None, from where the bound is reached and simple rationals first."""
    try:
        return Hunt(theorem, budget_of(budget), np.random.default_rng(rng)).run(thorough=False)
    except InputError:
        return None


def _outcome(hunt: Hunt, found: Witness | None) -> tuple[str, str]:
    notes = "".join(f"; {note}" for note in hunt.notes())
    if found is not None:
        return f"a witness was found and confirmed exactly{notes}", "refuted"
    if hunt.worst is None:
        reason = "the claim says nothing at any instance tried" if hunt.admitted else "no admissible parameters found"
        return reason + notes, "undecided"
    if hunt.unconfirmed is not None:
        return f"a violation in floats was not confirmed exactly: {hunt.unconfirmed.where}{notes}", "undecided"
    return f"{hunt.valid} instances; the nearest to a violation: {hunt.worst.where}{notes}", "supported"
