"""What a search for a counterexample found, or how near it came."""

from __future__ import annotations

from sam_theory.report._witness import one_line, witness_text
from sam_theory.verdicts import Result

__all__ = ["search_text"]


def search_text(result: Result, *, ascii_only: bool = False) -> str:
    """The outcome of ``falsify`` on one theorem.

    Parameters
    ----------
    result : Result
    ascii_only : bool
        Whether to spell out Greek letters.

    Returns
    -------
    str
        The slug with the witness, or with the worst margin, the number of evaluations and where; one line
        for the theorem and one for each engine.
    """
    slug = one_line(result.slug)
    if result.witness is not None:
        lines = [f"{slug}: refuted", f"  {witness_text(result.witness, ascii_only=ascii_only)}"]
    elif any(one.established is not None and one.verdict != "undecided" for one in result.evidence):
        lines = [f"{slug}: no counterexample found"]
    else:
        lines = [f"{slug}: undecided"]
    for one in result.evidence:
        facts = [one.verdict]
        if one.margin is not None:
            facts.append(f"worst margin {one.margin:.6g}")
        if one.evaluations is not None:
            facts.append(f"{one.evaluations} evaluations")
        if one.region:
            facts.append(f"on {one_line(one.region)}")
        if one.detail:
            facts.append(one_line(one.detail))
        lines.append(f"  {one.engine}: {'; '.join(facts)}")
    return "\n".join(lines) + "\n"
