"""Reports: verdicts for a terminal, as plain text and as JUnit XML, single theorems as pages,
and theorems in LaTeX and refutations as stand-alone scripts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sam_theory.report._graph import relations_page
from sam_theory.report._junit import junit
from sam_theory.report._latex import latex_document
from sam_theory.report._plain import columns, plain, table
from sam_theory.report._record import Record, read_record, record_text, recorded
from sam_theory.report._search import search_text
from sam_theory.report._show import show
from sam_theory.report._synthesis import synthesis_text
from sam_theory.report._terminal import print_results
from sam_theory.report._witness import witness_text

if TYPE_CHECKING:
    from sam_theory.report._replay import replay_script

__all__ = [
    "Record", "columns", "junit", "latex_document", "plain", "print_results", "read_record", "record_text",
    "recorded", "relations_page", "replay_script", "search_text", "show", "synthesis_text", "table", "witness_text",
]  # fmt: skip


def __getattr__(name: str) -> object:
    # Only this one needs theorems and losses; reports on results do without.
    if name == "replay_script":
        from sam_theory.report._replay import replay_script

        return replay_script
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
