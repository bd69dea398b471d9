"""Runs ``coqc`` on a text and reads what the proofs rest on."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

#: What the real numbers of Coq's standard library are built on.
STANDARD_AXIOMS = frozenset(
    {
        "ClassicalDedekindReals.sig_forall_dec",
        "ClassicalDedekindReals.sig_not_dec",
        "FunctionalExtensionality.functional_extensionality_dep",
        "Classical_Prop.classic",
    }
)
_SAFETY_NET = 300.0


@dataclass(frozen=True)
class Checked:
    """Whether the kernel accepted a file, what it said, and the axioms behind each theorem that was asked for."""

    accepted: bool
    message: str
    axioms: frozenset[str] = field(default_factory=frozenset)


def coqc_path() -> str | None:
    """Where ``coqc`` is, or None."""
    return shutil.which("coqc")


def run_coqc(text: str, *, seconds: float = _SAFETY_NET) -> Checked:
    """Compile ``text`` in a directory of its own.

    Raises RuntimeError where ``coqc`` is not installed.
    """
    program = coqc_path()
    if program is None:
        raise RuntimeError("coqc was not found")
    with tempfile.TemporaryDirectory(prefix="sam-theory-coq-") as directory:
        file = Path(directory) / "Statement.v"
        file.write_text(text, encoding="utf-8")
        environment = {**os.environ, "HOME": directory, "XDG_CONFIG_HOME": directory, "LC_ALL": "C.UTF-8"}
        try:
            done = subprocess.run(
                [program, "-q", "-noglob", "-w", "none", file.name],
                cwd=directory,
                env=environment,
                capture_output=True,
                text=True,
                timeout=seconds,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return Checked(False, f"coqc did not end within {seconds:.0f} s")
    if done.returncode != 0:
        return Checked(False, " ".join((done.stderr or done.stdout).split())[-800:])
    return Checked(True, done.stdout, _axioms(done.stdout))


def _axioms(output: str) -> frozenset[str]:
    """The names listed by ``Print Assumptions``."""
    found: set[str] = set()
    listing = False
    for line in output.splitlines():
        if line.startswith("Axioms:"):
            listing = True
        elif line.startswith("Closed under"):
            listing = False
        elif listing and (match := re.match(r"([A-Za-z_][\w.']*)(?:\s*:|$)", line)):
            found.add(match[1])
    return frozenset(found)
