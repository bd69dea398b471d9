"""Reports: verdicts for a terminal, as plain text and as JUnit XML, and single theorems as pages."""

from sam_theory.report._junit import junit
from sam_theory.report._plain import columns, plain
from sam_theory.report._search import search_text
from sam_theory.report._show import show
from sam_theory.report._synthesis import synthesis_text
from sam_theory.report._terminal import print_results
from sam_theory.report._witness import witness_text

__all__ = ["columns", "junit", "plain", "print_results", "search_text", "show", "synthesis_text", "witness_text"]
