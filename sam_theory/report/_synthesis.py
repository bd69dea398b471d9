"""The answer of ``synthesize`` as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sam_theory.report._witness import one_line, witness_text

if TYPE_CHECKING:
    from sam_theory.engines import Synthesis

__all__ = ["synthesis_text"]


def synthesis_text(answer: Synthesis, *, ascii_only: bool = False) -> str:
    """The answer in a few lines: the value, why it holds up to there, why not beyond.

    Parameters
    ----------
    answer : Synthesis
    ascii_only : bool
        Whether to spell out Greek letters in the witness.

    Returns
    -------
    str
        Each line ended by a newline.
    """
    lines = [f"{answer.slug}: {_headline(answer)}"]
    if answer.factor_of is not None:
        name, formula = answer.factor_of
        lines.append(f"  {answer.unknown} multiplies {name} = {formula}")
    if answer.at:
        lines.append("  at " + ", ".join(f"{k} = {v}" for k, v in answer.at.items()))
    if answer.dropped:
        lines.append("  hypotheses it replaces: " + ", ".join(answer.dropped))
    if answer.decimal is not None and answer.lower is not None and answer.upper is not None:
        lines.append(f"  decimal: {answer.decimal}, between {answer.lower} and {answer.upper}")
    for label, text in (("holds", answer.holds), ("fails", answer.fails), ("open", answer.reason)):
        if text:
            lines.append(f"  {label}: {text}")
    if answer.witness is not None:
        at = "" if answer.witness_at is None else f" at {answer.unknown} = {answer.witness_at}"
        lines.append(f"  witness{at}: {witness_text(answer.witness, ascii_only=ascii_only)}")
    if answer.trust_base:
        lines.append(f"  trusted: {', '.join(answer.trust_base)}")
    return "".join(line[:2] * line.startswith("  ") + one_line(line) + "\n" for line in lines)


def _headline(answer: Synthesis) -> str:
    what = f"{answer.direction} {answer.unknown}"
    if answer.status == "exact":
        edge = {True: "included", False: "not included", None: "itself undecided"}[answer.included]
        return f"{what}: {answer.value} ({edge}), exact: proved up to it, refuted beyond"
    if answer.status == "interval":
        if answer.value is not None:
            return (
                f"{what}: at least {answer.value} is proved, and a witness beyond is known"
                if (answer.direction == "largest")
                else f"{what}: from {answer.value} on it is proved, and a witness below is known"
            )
        return f"{what}: between {answer.lower} and {answer.upper}"
    if answer.status == "all":
        return f"no {what}: it holds for every admissible {answer.unknown}"
    if answer.status == "never":
        return f"no {what}: it holds for no admissible {answer.unknown}"
    return f"{what}: undecided"
