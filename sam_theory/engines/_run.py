"""From theorems to results: every engine in turn, mutants, many processes, one outcome."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from functools import cache, partial
from typing import Any

import numpy as np

from sam_theory.engines._budget import Budget, budget_of
from sam_theory.engines._certificates import write_certificate
from sam_theory.engines._hypotheses import check_hypotheses
from sam_theory.engines._registry import capped, check_engines, gather
from sam_theory.engines._search import attack
from sam_theory.engines._smt import satisfiable
from sam_theory.errors import InputError
from sam_theory.processes import in_processes
from sam_theory.theorems import Theorem, library, load_file, mutants_of
from sam_theory.verdicts import MutantOutcome, Result, Verdict

Progress = Callable[[Result], None]


def _rng(seed: int, *names: str) -> np.random.Generator:
    """A generator of its own for each statement and purpose, whatever else runs."""
    digest = hashlib.sha256("\0".join(names).encode()).digest()
    return np.random.default_rng(np.random.SeedSequence([seed, *digest[:16]]))


def verify(
    theorem: Theorem,
    *,
    engines: Sequence[str] | None = None,
    budget: str | Budget = "default",
    seed: int = 0,
    mutants: bool = False,
    hypotheses: bool = False,
) -> Result:
    """Verify one theorem.

    Parameters
    ----------
    theorem : Theorem
    engines : sequence of str, optional
        Names from ``ENGINES``; by default all, those of ``ON_REQUEST`` only within the full budget.
    budget : {"quick", "default", "full"} or Budget
        In work units, never seconds.
    seed : int
        The same seed gives the same verdict, margins and witnesses, bit for bit.
    mutants : bool
        Also refute every mutant.
    hypotheses : bool
        Also drop each hypothesis in turn: whether it is needed.

    Returns
    -------
    Result

    Raises
    ------
    InputError
        For an unknown engine or budget, hypotheses that admit nothing, or a proof that does not fit its claim.
    EnginesDisagree
        If one engine refutes what another proves, or certifies on a region that contains the witness.
    """
    units = budget_of(budget)
    chosen = check_engines(engines, units.name == "full")
    began = time.perf_counter()
    if satisfiable(theorem.all_hypotheses) is False:
        raise InputError(
            f"theorem {theorem.slug}: the hypotheses admit nothing: {', '.join(theorem.hypotheses_text())}; "
            "relax one of them"
        )
    evidence = gather(theorem, chosen, units, lambda purpose: _rng(seed, theorem.slug, purpose), engines is not None)
    expected = capped(theorem.expected, chosen)
    if theorem.expected == "refuted" and any(e.established is Verdict.REFUTED for e in evidence):
        expected = Verdict.REFUTED  # an engine that refutes only some kinds of claim did
    outcomes = [_mutant(name, mutant, units, seed) for name, mutant in (mutants_of(theorem) if mutants else ())]
    return Result.of(
        theorem,
        evidence,
        expected=expected,
        mutants=outcomes,
        dropped=check_hypotheses(theorem, units, lambda name: _rng(seed, name)) if hypotheses else (),
        seconds=time.perf_counter() - began,
    )


def _mutant(name: str, mutant: Theorem, budget: Budget, seed: int) -> MutantOutcome:
    witness, nearest = attack(mutant, budget, _rng(seed, mutant.slug))
    if witness is None:
        return MutantOutcome(name, False, None, f"no confirmed witness was found: {nearest}")
    return MutantOutcome(name, True, witness, f"false: {witness.observed} against {witness.bound}")


def verify_all(
    theorems: Sequence[Theorem],
    *,
    engines: Sequence[str] | None = None,
    budget: str | Budget = "default",
    seed: int = 0,
    jobs: int = 1,
    mutants: bool = False,
    hypotheses: bool = False,
    progress: Progress | None = None,
    certificates: str | None = None,
) -> list[Result]:
    """Verify theorems, in ``jobs`` processes; results come in the order of ``theorems``, whatever ``jobs``.

    Parameters and errors as for :func:`verify`.  ``progress`` is called with each result, in order.  Theorems
    that belong neither to the library nor to a file are verified in this process.  ``certificates`` is a
    directory that exists, into which a certificate of each decided theorem is written.
    """
    units = budget_of(budget)
    settings: dict[str, Any] = {
        "engines": None if engines is None else check_engines(engines),
        "budget": units, "seed": seed, "mutants": mutants, "hypotheses": hypotheses,
    }  # fmt: skip
    report = progress or (lambda result: None)
    if jobs <= 1 or len(theorems) <= 1 or any(not t.origin for t in theorems):
        results = []
        for theorem in theorems:
            results.append(_verified(theorem, settings, certificates))
            report(results[-1])
        return results
    # Opaque functions and a user's rules cannot be sent between processes: workers inherit theorems or build them anew.
    # The longest proofs first, so that no worker is left alone with one at the end.
    order = sorted(range(len(theorems)), key=lambda i: -len(theorems[i].proof))
    names = [(theorems[i].origin, theorems[i].slug) for i in order]
    work = partial(_work, settings=settings, certificates=certificates)
    found: dict[int, Result] = {}
    results = []
    with closing(in_processes(work, names, jobs)) as running:
        for place, result in running:
            found[order[place]] = result
            while len(results) in found:
                results.append(found[len(results)])
                report(results[-1])
    return results


def _verified(theorem: Theorem, settings: dict[str, Any], certificates: str | None) -> Result:
    result = verify(theorem, **settings)
    if certificates is not None:
        write_certificate(theorem, result, certificates)
    return result


def _work(name: tuple[str, str], settings: dict[str, Any], certificates: str | None) -> Result:
    origin, slug = name
    return _verified(_theorems(origin)[slug], settings, certificates)


@cache
def _theorems(origin: str) -> dict[str, Theorem]:
    found = library() if origin == "library" else load_file(origin)
    return {t.slug: t for t in found}


def falsify(theorem: Theorem, *, budget: str | Budget = "default", seed: int = 0) -> Result:
    """Search for a witness against ``theorem`` alone: refuted with a witness, or how near it came.

    Parameters and errors as for :func:`verify`.
    """
    result = verify(theorem, engines=("search",), budget=budget, seed=seed)
    return replace(result, expected=Verdict(theorem.expected))
