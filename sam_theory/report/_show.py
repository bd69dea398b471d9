"""One theorem on a page: what it says, why it holds, where it comes from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from sam_theory.report import _cells
from sam_theory.verdicts import Result

__all__ = ["show"]


class _Source(Protocol):
    @property
    def key(self) -> str: ...
    @property
    def text(self) -> str: ...
    @property
    def tag(self) -> str: ...
    @property
    def bibtex(self) -> str: ...


class _Theorem(Protocol):
    @property
    def slug(self) -> str: ...
    @property
    def id(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def source(self) -> _Source: ...
    @property
    def status(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def tightness(self) -> str | None: ...
    @property
    def expected(self) -> str: ...
    @property
    def notes(self) -> Any: ...
    def statement(self) -> str: ...
    def hypotheses_text(self) -> list[str]: ...
    def proof_text(self) -> list[str]: ...


def _indented(lines: Sequence[str], bullet: str = "") -> list[str]:
    shown = []
    for number, text in enumerate(lines, 1):
        mark = bullet.format(number) if bullet else ""
        first, *rest = text.splitlines() or [""]
        shown.append(f"  {mark}{first}".rstrip())
        shown += [f"  {' ' * len(mark)}{line}".rstrip() for line in rest]
    return shown


def _verdict_lines(recorded: Result | None) -> list[str]:
    if recorded is None:
        return ["not run"]
    by = _cells.decided_by(recorded)
    lines = [recorded.verdict.value + (f", by {by}" if by else "")]
    if recorded.trust_base:
        lines.append(f"trusting {', '.join(recorded.trust_base)}")
    return lines + _cells.notes(recorded, ascii_only=False)


def show(
    theorem: _Theorem,
    recorded: Result | None = None,
    *,
    bibtex: bool = True,
    heading: Callable[[str], str] = lambda text: text,
) -> str:
    """A theorem as a page of text.

    Parameters
    ----------
    theorem : Theorem
    recorded : Result or None
        Its recorded verdict; None if it was not run.
    bibtex : bool
        Whether to end with the BibTeX entry of the source.
    heading : Callable[[str], str]
        How to set off headings, by default not at all.

    Returns
    -------
    str
        Title, statement, hypotheses, proof steps, verdict, notes, source and BibTeX; ends with a newline.
    """
    facts = [theorem.status, theorem.kind]
    if theorem.tightness:
        facts.append(str(theorem.tightness))
    notes = theorem.notes if isinstance(theorem.notes, str) else "\n".join(theorem.notes or ())
    tag = f"  [{theorem.source.tag}]" if theorem.source.tag else ""
    sections = [
        ("Statement", _indented([theorem.statement()])),
        ("Hypotheses", _indented(theorem.hypotheses_text(), "- ") or ["  none"]),
        ("Proof", _indented(theorem.proof_text(), "{}. ") or ["  no proof steps"]),
        ("Verdict", _indented([*_verdict_lines(recorded), f"expected: {theorem.expected}"])),
        ("Notes", _indented([notes]) if notes.strip() else []),
        ("Source", _indented([f"{theorem.source.key}: {theorem.source.text}{tag}"])),
        ("BibTeX", _indented([theorem.source.bibtex]) if bibtex and theorem.source.bibtex.strip() else []),
    ]
    lines = [heading(theorem.slug), f"  {theorem.title}", f"  {', '.join(map(str, facts))}; id {theorem.id}"]
    for name, body in sections:
        if body:
            lines += ["", heading(name), *body]
    return "\n".join(lines) + "\n"
