"""From a question to an answer: candidates by algebra, a proof up to one of them, a refutation beyond."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import sympy as sp

from sam_theory.engines._budget import Budget, budget_of
from sam_theory.engines._synthesize._answer import Synthesis
from sam_theory.engines._synthesize._candidates import candidates, fraction_beyond, plausible, sample_points
from sam_theory.engines._synthesize._conditions import conditions
from sam_theory.engines._synthesize._evidence import failure_beyond, proof_of, prove_within, witness_beyond
from sam_theory.engines._synthesize._interval import bisect
from sam_theory.engines._synthesize._question import Question, ask
from sam_theory.theorems import Theorem, Threshold
from sam_theory.verdicts import Evidence


def synthesize(
    theorem: Theorem,
    *,
    largest: str | None = None,
    smallest: str | None = None,
    at: Mapping[str, Any] | None = None,
    drop: Sequence[str] = (),
    keep: Sequence[str] = (),
    claim_only: bool = False,
    budget: str | Budget = "quick",
) -> Synthesis:
    """The largest or smallest value of a parameter for which a statement holds, for all values of the others.

    The hypotheses that speak of the unknown, other than its sign, are dropped and replaced by the answer.  The
    statement includes the steps of its proof that speak of parameters alone ("the rate is positive").

    Parameters
    ----------
    theorem : Theorem
    largest, smallest : str
        Exactly one of them: the name of a parameter, or of an abbreviation in ``where``, which is then multiplied
        by an unknown factor.
    at : mapping of str to exact rationals, optional
        Fixed values of other parameters.
    drop, keep : sequences of str
        Hypotheses, as ``show`` prints them, to drop or to keep besides or against the rule above.
    claim_only : bool
        Leave out the steps of the proof that speak of parameters alone.
    budget : {"quick", "default", "full"} or Budget

    Returns
    -------
    Synthesis
        ``exact`` with an expression, an interval of rationals, or why neither was found.

    Raises
    ------
    InputError
        For unknown names, floats, or not exactly one of ``largest`` and ``smallest``.

    Examples
    --------
    >>> from sam_theory import library
    >>> [descent] = [t for t in library() if t.slug == "usam-sharp-threshold-convex.descent"]
    >>> answer = synthesize(descent, largest="eta")
    >>> answer.status, answer.value, answer.included
    ('exact', 2/(beta*(beta*rho + 1)), False)
    """
    from sam_theory.errors import InputError

    if (largest is None) == (smallest is None):
        raise InputError("ask for exactly one of largest and smallest, such as largest='eta'")
    name, direction = (largest, "largest") if largest is not None else (str(smallest), "smallest")
    units = budget_of(budget)
    question = ask(theorem, str(name), direction, at=at, drop=drop, keep=keep, claim_only=claim_only)
    return _Search(question, units).run()


class _Search:
    """One question on its way to an answer."""

    def __init__(self, question: Question, budget: Budget) -> None:
        self.question = question
        self.budget = budget
        self.conditions = conditions(question)

    def run(self) -> Synthesis:
        q = self.question
        if isinstance(q.theorem.claim, Threshold):
            return self._threshold(q.theorem.expanded_claim)
        whole = proof_of(q.theorem, self.budget)
        if whole is not None:
            return self._answer("all", holds=whole.detail, trust_base=whole.trust_base)
        never = failure_beyond(q, self.conditions, None, False, self.budget)
        if never is not None:
            c, where, state = never
            point = (sample_points(q) or [{}])[0]
            start = sp.Integer(1) if not q.at else q.at.get(q.unknown, sp.Integer(1))
            seen = witness_beyond(q, start, (c, state), self.budget) if point is not None else None
            return self._answer("never", fails=f"{c.name} fails {where}", **_of_witness(seen))
        for value in (v for v in candidates(q, self.conditions) if plausible(q, self.conditions, v)):
            # a strict relation that is lost at the value is not held there: only the open range is tried
            for included in (False,) if getattr(q.theorem.claim, "strict", False) else (True, False):
                proof = prove_within(q, value, included, self.budget)
                if proof is not None:
                    answer = self._beyond(value, included, proof)
                    if answer is not None:
                        return answer
                    break
        return bisect(q, self.conditions, self.budget, self._answer)

    def _beyond(self, value: sp.Expr, included: bool, proof: Evidence) -> Synthesis | None:
        q = self.question
        failure = failure_beyond(q, self.conditions, value, included, self.budget)
        edge: bool | None = included
        if failure is None and not included:
            failure = failure_beyond(q, self.conditions, value, True, self.budget)
            edge = None
        found = None if failure is None else (failure[0], failure[2])
        seen = witness_beyond(q, value, found, self.budget)
        common = {"value": value, "holds": proof.detail, "trust_base": proof.trust_base, **_of_witness(seen)}
        if value.is_number and seen is not None:
            ends = (_just_inside(q, value), seen[1])
            common |= dict(zip(("lower", "upper"), ends if q.largest else ends[::-1], strict=True))
        if failure is not None:
            c, where, _ = failure
            return self._answer("exact", included=edge, fails=f"{c.name} fails {where}", **common)
        if seen is None:
            return None
        return self._answer(
            "interval", fails="refuted by a witness beyond; not proved to fail right after it", **common
        )

    def _threshold(self, claim: Any) -> Synthesis:
        """Stability at a point: a threshold in the unknown itself, proved on both sides."""
        q = self.question
        u = q.unknown
        for value in candidates(q, self.conditions):
            sides = (u, value) if q.largest else (value, u)
            proof = proof_of(q.theorem.with_(claim=Threshold(claim.behaviour, *sides), where={}), self.budget)
            if proof is not None:
                fails = f"unstable for every {u} {'>' if q.largest else '<'} {value}, neutral there"
                return self._answer(
                    "exact", value=value, included=False, holds=proof.detail, fails=fails, trust_base=proof.trust_base
                )
        return self._answer("undecided", reason="no closed form for the end of stability was found and proved")

    def _answer(self, status: str, **rest: Any) -> Synthesis:
        q = self.question
        factor = None if q.factor_of is None else (str(q.factor_of[0]), str(q.factor_of[1]))
        at = {s.name: str(v) for s, v in q.at.items()}
        dropped = tuple(map(str, q.dropped))
        return Synthesis(
            q.theorem.slug, q.unknown.name, q.direction, status, dropped=dropped, at=at, factor_of=factor, **rest
        )


def _just_inside(question: Question, value: sp.Expr) -> Fraction:
    """A rational at or just inside of a number."""
    if value.is_Rational:
        return Fraction(int(value.p), int(value.q))
    return fraction_beyond(question, value, -Fraction(1, 10**9))


def _of_witness(seen: Any) -> dict[str, Any]:
    return {} if seen is None else {"witness": seen[0], "witness_at": seen[1]}
