"""From theorems to results: every engine in turn, mutants, many processes, one outcome."""

from __future__ import annotations

import hashlib
import multiprocessing
import signal
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

from sam_theory.engines._ball import certify
from sam_theory.engines._budget import Budget, budget_of
from sam_theory.engines._certificates import write_certificate
from sam_theory.engines._prove import PROVERS, prove, second_opinion
from sam_theory.engines._search import refute, search
from sam_theory.engines._smt import satisfiable
from sam_theory.errors import InputError, nearest
from sam_theory.theorems import Theorem, library, load_file, mutants_of
from sam_theory.verdicts import Evidence, MutantOutcome, Result, Verdict

#: All engines of this version, in the order in which they are asked.
ENGINES: tuple[str, ...] = (*PROVERS, "cvc5", "search", "ball")

#: Engines that run only where they are named, or within the full budget.
ON_REQUEST = ("cvc5",)

Progress = Callable[[Result], None]


def _rng(seed: int, *names: str) -> np.random.Generator:
    """A generator of its own for each statement and purpose, whatever else runs."""
    digest = hashlib.sha256("\0".join(names).encode()).digest()
    return np.random.default_rng(np.random.SeedSequence([seed, *digest[:16]]))


def check_engines(engines: Sequence[str] | None, full: bool = False) -> tuple[str, ...]:
    """The chosen engines in canonical order; all but those on request if none is named.

    Raises InputError for an unknown one.
    """
    if engines is None:
        return tuple(e for e in ENGINES if full or e not in ON_REQUEST)
    for name in engines:
        if name not in ENGINES:
            raise InputError(f"unknown engine '{name}'; {nearest(name, ENGINES)}")
    return tuple(e for e in ENGINES if e in engines)


def capped(expected: str, engines: tuple[str, ...]) -> Verdict:
    """What ``engines`` can reach of an expectation."""
    proving = all(p in engines for p in PROVERS)
    if expected == "refuted" and "search" not in engines:
        return Verdict.UNDECIDED
    if expected in ("proved", "certified") and not proving:
        # A box is certified where the statement allows it, which is not known before.
        certified = expected == "certified" and "ball" in engines
        if not certified:
            return Verdict.SUPPORTED if "search" in engines else Verdict.UNDECIDED
    if expected == "supported" and "search" not in engines:
        return Verdict.UNDECIDED
    return Verdict(expected)


def verify(
    theorem: Theorem,
    *,
    engines: Sequence[str] | None = None,
    budget: str | Budget = "default",
    seed: int = 0,
    mutants: bool = False,
) -> Result:
    """Verify one theorem.

    Parameters
    ----------
    theorem : Theorem
    engines : sequence of str, optional
        Names from ``ENGINES``; by default all, ``cvc5`` only within the full budget.
    budget : {"quick", "default", "full"} or Budget
        In work units, never seconds.
    seed : int
        The same seed gives the same verdict, margins and witnesses, bit for bit.
    mutants : bool
        Also refute every mutant.

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
    evidence: list[Evidence] = []
    provers = tuple(p for p in PROVERS if p in chosen)
    if provers and theorem.status != "quoted":
        evidence += prove(theorem, provers, units, _rng(seed, theorem.slug, "recheck"))
    if "cvc5" in chosen and theorem.status != "quoted":
        evidence.append(second_opinion(theorem, units, _rng(seed, theorem.slug, "recheck")))
    if "search" in chosen:
        evidence.append(search(theorem, units, _rng(seed, theorem.slug, "search")))
    if "ball" in chosen and theorem.status != "quoted":
        evidence.append(certify(theorem, units))
    outcomes = [_mutant(name, mutant, units, seed) for name, mutant in (mutants_of(theorem) if mutants else ())]
    return Result.of(
        theorem,
        evidence,
        expected=capped(theorem.expected, chosen),
        mutants=outcomes,
        seconds=time.perf_counter() - began,
    )


def _mutant(name: str, mutant: Theorem, budget: Budget, seed: int) -> MutantOutcome:
    witness = refute(mutant, budget, _rng(seed, mutant.slug))
    if witness is None:
        return MutantOutcome(name, False, None, "no confirmed witness was found")
    return MutantOutcome(name, True, witness, f"false: {witness.observed} against {witness.bound}")


def verify_all(
    theorems: Sequence[Theorem],
    *,
    engines: Sequence[str] | None = None,
    budget: str | Budget = "default",
    seed: int = 0,
    jobs: int = 1,
    mutants: bool = False,
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
        "engines": check_engines(engines, units.name == "full"), "budget": units, "seed": seed, "mutants": mutants,
    }  # fmt: skip
    report = progress or (lambda result: None)
    if jobs <= 1 or len(theorems) <= 1 or any(not t.origin for t in theorems):
        results = []
        for theorem in theorems:
            results.append(_verified(theorem, settings, certificates))
            report(results[-1])
        return results
    # Workers build their theorems anew: opaque functions and a user's rules cannot be sent between processes.
    workers, context = min(jobs, len(theorems)), multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, initializer=_leave_interrupts_to_the_parent) as pool:
        futures = [pool.submit(_work, t.origin, t.slug, settings, certificates) for t in theorems]
        try:
            results = []
            for future in futures:
                results.append(future.result())
                report(results[-1])
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for child in multiprocessing.active_children():
                child.terminate()
            raise
    return results


def _leave_interrupts_to_the_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _verified(theorem: Theorem, settings: dict[str, Any], certificates: str | None) -> Result:
    result = verify(theorem, **settings)
    if certificates is not None:
        write_certificate(theorem, result, certificates)
    return result


def _work(origin: str, slug: str, settings: dict[str, Any], certificates: str | None) -> Result:
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
