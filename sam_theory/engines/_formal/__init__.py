"""Kernel-checked proofs: goals as theorems of Coq (Rocq), recorded tactics, and a compiler that decides."""

from sam_theory.engines._formal._coqc import STANDARD_AXIOMS, Checked, coqc_path, run_coqc
from sam_theory.engines._formal._engine import MISSING, check, formal
from sam_theory.engines._formal._file import Entry, File, file_of
from sam_theory.engines._formal._statement import Statement, statement_of

__all__ = [
    "MISSING", "STANDARD_AXIOMS", "Checked", "Entry", "File", "Statement", "check", "coqc_path", "file_of", "formal",
    "run_coqc", "statement_of",
]  # fmt: skip
