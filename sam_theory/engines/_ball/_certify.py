"""The engine: from a theorem to a certificate on a box, in words that say which box."""

from __future__ import annotations

import time
from collections.abc import Callable

from flint import ctx

from sam_theory.arithmetic import NotExact, Undecided
from sam_theory.engines._ball._emit import common
from sam_theory.engines._ball._envelope import envelope
from sam_theory.engines._ball._onestep import identity, inequality
from sam_theory.engines._ball._orbit_claims import cycle, limit
from sam_theory.engines._ball._outcome import Outcome
from sam_theory.engines._ball._problem import Problem, chosen_scenes, problems
from sam_theory.engines._ball._scope import beyond
from sam_theory.engines._ball._threshold import threshold
from sam_theory.engines._budget import Budget, budget_of
from sam_theory.errors import InputError
from sam_theory.theorems import Theorem
from sam_theory.verdicts import Evidence, Region

__all__ = ["certify"]

Routine = Callable[[Problem, Budget], Outcome]

_ROUTINES: dict[str, Routine] = {
    "Identity": identity,
    "Inequality": inequality,
    "Envelope": envelope,
    "Threshold": threshold,
    "Cycle": cycle,
    "Limit": limit,
}
_TRUST = ("FLINT/Arb", "enclosure code")
_TRIES = 6
_PRECISION = 64


def certify(theorem: Theorem, budget: Budget | str = "default") -> Evidence:
    """Certify ``theorem`` on a box around a simple instance, up to a horizon where it speaks of trajectories.

    A class of functions is represented by its simplest family of members, an opaque link by log cosh or √(1+z²);
    ``region`` names the loss and the exact box.  The outcome is deterministic.

    Parameters
    ----------
    theorem : Theorem
    budget : Budget or str

    Returns
    -------
    Evidence
        ``certified`` with its region, ``undecided`` with the remainder, or ``refuted`` with a witness.
    """
    began, units = time.perf_counter(), budget_of(budget)
    routine = _ROUTINES.get(theorem.kind)
    if routine is None:
        return Evidence("ball", "undecided", f"a claim of kind {theorem.kind} is beyond enclosures")
    before = ctx.prec
    ctx.prec = _PRECISION
    try:
        best, boxes = _best(theorem, routine, units)
    except InputError as problem:
        best, boxes = Outcome("undecided", str(problem), 0), 0
    finally:
        ctx.prec = before
    return _evidence(best, boxes, time.perf_counter() - began)


def _best(theorem: Theorem, routine: Routine, units: Budget) -> tuple[Outcome, int]:
    best, boxes = Outcome("undecided", "no box around a simple instance is admitted", 0), 0
    for scene in chosen_scenes(theorem, theorem.kind == "Identity"):
        reason = beyond(scene)
        if reason is not None:
            best = best if best.boxes else Outcome("undecided", reason, 0)
            continue
        for problem in problems(scene, _TRIES, theorem.kind not in ("Threshold", "Cycle")):
            try:
                found = routine(problem, units)
            except (NotExact, Undecided, ZeroDivisionError, OverflowError) as cause:
                found = Outcome("undecided", f"{problem.box.text()}: {cause}", 1)
            boxes += found.boxes
            if found.verdict == "refuted" and theorem.starts is not None:
                # Which starts the statement speaks of is for the search to say.
                found = Outcome("undecided", f"{found.detail}; not every start counts", found.boxes)
            if found.verdict == "refuted":
                return found, boxes
            if found.verdict == "certified" and found.horizon in (None, units.horizon):
                return found, boxes
            if (found.horizon or 0) > (best.horizon or 0) or not best.boxes:
                best = found
        if best.verdict == "certified":
            break
    return best, boxes


def _evidence(found: Outcome, boxes: int, seconds: float) -> Evidence:
    if found.verdict != "certified" or found.problem is None:
        by = {"fraction": ("Fraction",), "arb": ("FLINT",)}
        trusted = by[found.witness.confirmed_by] if found.witness is not None else ()
        return Evidence("ball", found.verdict, found.detail, trusted, seconds, evaluations=boxes, witness=found.witness)
    scene, box = found.problem.scene, found.problem.box
    text = ("" if scene.loss is None else f"loss {scene.name}: ") + (found.region or box.text())
    if found.horizon is not None:
        text += f", up to step {found.horizon}"
    sides = {n: (str(low), str(high)) for n, low, high in box.sides if n not in found.problem.starts}
    start = tuple((str(low), str(high)) for n, low, high in box.sides if n in found.problem.starts)
    region = Region(
        "" if scene.loss is None else scene.name,
        sides,
        start,
        found.horizon,
        partial=found.region is not None,
        member=scene.one_of_many,
    )
    trust = (*_TRUST, *found.trust)
    body = None
    if found.certificate is not None:
        name = "" if scene.loss is None else scene.name
        body = common(scene.claim.kind, name, box, text) | found.certificate
    return Evidence(
        "ball",
        "certified",
        found.detail,
        trust,
        seconds,
        evaluations=boxes,
        region=text,
        covers=region,
        certificate=body,
    )
