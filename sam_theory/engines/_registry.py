"""The engines of this version: when each of them runs, and on what."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from sam_theory.engines._ball import certify
from sam_theory.engines._budget import Budget
from sam_theory.engines._compare import compare
from sam_theory.engines._formal import formal
from sam_theory.engines._prove import PROVERS, prove, second_opinion
from sam_theory.engines._search import search
from sam_theory.engines._worst_case import applies, certify_worst_case
from sam_theory.errors import InputError, nearest
from sam_theory.theorems import Comparison, Theorem
from sam_theory.verdicts import Evidence, Verdict

#: A generator of random numbers of its own for each purpose.
Generators = Callable[[str], np.random.Generator]


@dataclass(frozen=True)
class _Engine:
    """``on_request``: only where it is named, or within the full budget.  ``attacks``: also what is quoted as false.

    ``applies``: asked unless the engine was named; one that was named says itself why it cannot.  ``certifies``: it
    shows on a region what a proof shows everywhere, so that the quick budget asks it only where there is no proof.
    """

    run: Callable[[Theorem, Budget, Generators], Evidence]
    on_request: bool = False
    attacks: bool = False
    applies: Callable[[Theorem], bool] = lambda theorem: True
    certifies: bool = False


_FURTHER: dict[str, _Engine] = {
    "cvc5": _Engine(lambda t, units, rng: second_opinion(t, units, rng("recheck")), on_request=True),
    "formal": _Engine(lambda t, units, rng: formal(t, search=units.name == "full"), on_request=True),
    "search": _Engine(lambda t, units, rng: search(t, units, rng("search")), attacks=True),
    "worst-case": _Engine(
        lambda t, units, rng: certify_worst_case(t, units), on_request=True, attacks=True, applies=applies
    ),
    "ball": _Engine(lambda t, units, rng: certify(t, units), certifies=True),
}

#: All engines of this version, in the order in which they are asked.
ENGINES: tuple[str, ...] = (*PROVERS, *_FURTHER)

#: Engines that run only where they are named, or within the full budget.
ON_REQUEST: tuple[str, ...] = tuple(name for name, engine in _FURTHER.items() if engine.on_request)


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


def gather(
    theorem: Theorem, chosen: tuple[str, ...], units: Budget, generators: Generators, named: bool
) -> list[Evidence]:
    """The evidence of every chosen engine; ``named``: they were asked for by name."""
    if isinstance(theorem.claim, Comparison):
        compared = tuple(e for e in chosen if e in (*PROVERS, "search"))
        found = compare(
            theorem,
            PROVERS,
            lambda side, part: gather(part, compared, units, lambda purpose: generators(f"{side} {purpose}"), named),
        )
        return found or [Evidence(e, "undecided", "it does not compare two maps") for e in chosen]
    quoted = theorem.status == "quoted"
    provers = tuple(p for p in PROVERS if p in chosen)
    evidence = prove(theorem, provers, units, generators("recheck")) if provers and not quoted else []
    enough = units.name == "quick" and any(e.established is Verdict.PROVED for e in evidence)
    for name, engine in _FURTHER.items():
        if name not in chosen or (quoted and not engine.attacks):
            continue
        if named or (not (enough and engine.certifies) and engine.applies(theorem)):
            evidence.append(engine.run(theorem, units, generators))
    return evidence


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
