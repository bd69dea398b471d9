"""From the evidence of several engines to one verdict."""

from __future__ import annotations

from collections.abc import Sequence

from sam_theory.verdicts._evidence import Evidence, Witness
from sam_theory.verdicts._verdict import Verdict

__all__ = ["EnginesDisagree", "decide", "trust_base_of"]


class EnginesDisagree(RuntimeError):
    """One engine holds a confirmed witness against what another proved or certified.

    At least one engine, or the way a statement was handed to it, is wrong; no verdict is given.

    Parameters
    ----------
    against : Evidence
        The refutation.
    in_favour : Evidence
        The proof or certificate it contradicts.
    slug : str
        The theorem, where known.

    Examples
    --------
    >>> witness = Witness("point", "w**2", {}, ("1",), None, "1", "0", "fraction")
    >>> against = Evidence("search", "refuted", "", witness=witness)
    >>> str(EnginesDisagree(against, Evidence("smt", "proved", "")))
    'search refutes what smt calls proved'
    """

    def __init__(self, against: Evidence, in_favour: Evidence, slug: str = "") -> None:
        super().__init__(against, in_favour, slug)  # all three, so that it survives pickling
        self.against = against
        self.in_favour = in_favour
        self.slug = slug

    def __str__(self) -> str:
        text = f"{self.against.engine} refutes what {self.in_favour.engine} calls {self.in_favour.verdict}"
        details = "; ".join(
            f"{evidence.engine}: {evidence.detail}" for evidence in (self.against, self.in_favour) if evidence.detail
        )
        return (f"{self.slug}: " if self.slug else "") + text + (f" ({details})" if details else "")


def _said(evidence: Evidence) -> str:
    """What an engine that did not get far enough has to say."""
    verdict = evidence.established
    text = evidence.detail or "no reason given"
    if verdict is None:
        return f"{evidence.engine} not run: {text}"
    if verdict is Verdict.UNDECIDED and evidence.verdict == Verdict.REFUTED:
        return f"{evidence.engine}: a violation without a confirmed witness is no refutation: {text}"
    if evidence.of_a_member:
        return f"{evidence.engine}: certified for one member only: {text}"
    if verdict != evidence.verdict:
        held_back = [f"{step.name} is {step.verdict}" for step in evidence.obligations if not step.closed]
        return f"{evidence.engine}: {', '.join(held_back) or 'certified steps only'}: {text}"
    return f"{evidence.engine} {verdict.value}: {text}"


def decide(evidence: Sequence[Evidence], expected: Verdict) -> tuple[Verdict, Witness | None, str]:
    """The verdict on a theorem, from the evidence of all engines.

    A refutation with a confirmed witness wins. Otherwise the best verdict that was established counts;
    without any the theorem is undecided.

    Parameters
    ----------
    evidence : Sequence[Evidence]
        One entry per engine, not-run ones included.
    expected : Verdict
        What the theorem expects.

    Returns
    -------
    verdict : Verdict
    witness : Witness or None
        The first confirmed witness of a refutation.
    reason : str
        Why it is not more than that: what the engines said that fell short. Where the verdict is proved,
        certified or refuted, as expected, only those that did not run or could not decide.

    Raises
    ------
    EnginesDisagree
        If one engine refutes what another proved, or certified on a region that contains the witness.

    Source
    ------
    Derived here.

    Examples
    --------
    >>> runs = [Evidence("smt", "not-run", "z3 is missing"), Evidence("search", "supported", "100 points")]
    >>> decide(runs, Verdict.PROVED)
    (<Verdict.SUPPORTED: 'supported'>, None, 'smt not run: z3 is missing; search supported: 100 points')
    """
    against = [one for one in evidence if one.established is Verdict.REFUTED]
    for one in evidence:
        clash = next((other for other in against if _contradict(one, other)), None)
        if clash is not None:
            raise EnginesDisagree(clash, one)
    if against:
        verdict, witness = Verdict.REFUTED, against[0].witness
    else:
        reached = [one.established for one in evidence if one.established is not None]
        verdict, witness = max(reached, key=lambda one: one.rank, default=Verdict.UNDECIDED), None
    decided = verdict.meets(expected) and verdict in (Verdict.PROVED, Verdict.CERTIFIED, Verdict.REFUTED)
    settled = decided or bool(against)  # against a confirmed witness nobody asks why it was not proved
    short = [one for one in evidence if not settled or one.established is None or (not against and _open(one))]
    reason = "; ".join(_said(one) for one in short) or ("" if settled else "no engine applies")
    return verdict, witness, reason


def _contradict(in_favour: Evidence, against: Evidence) -> bool:
    """Whether a proof or certificate speaks of the very instance that refutes."""
    if in_favour.established is Verdict.PROVED:
        return True
    if in_favour.established is not Verdict.CERTIFIED:
        return False
    return in_favour.covers is None or against.witness is None or in_favour.covers.contains(against.witness)


def _open(evidence: Evidence) -> bool:
    return evidence.established is Verdict.UNDECIDED


def trust_base_of(evidence: Sequence[Evidence], verdict: Verdict) -> tuple[str, ...]:
    """What one has to trust for a verdict: the union over the engines that reached it.

    Parameters
    ----------
    evidence : Sequence[Evidence]
    verdict : Verdict

    Returns
    -------
    tuple[str, ...]
        In order of appearance, without repetitions, obligations included.

    Examples
    --------
    >>> runs = [Evidence("smt", "proved", "", ("z3",)), Evidence("search", "supported", "", ("float64",))]
    >>> trust_base_of(runs, Verdict.PROVED)
    ('z3',)
    """
    union: dict[str, None] = {}
    for one in evidence:
        if one.established is verdict:
            union.update(dict.fromkeys(one.trust_base))
            for step in one.obligations:
                union.update(dict.fromkeys(step.trust_base))
    return tuple(union)
