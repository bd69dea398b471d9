"""Proof scripts that were found before, by the hash of the statement they prove.

A script is no evidence: ``coqc`` checks it in every run.  A changed statement has another hash, and no script.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

_FILE = "proofs.json"
#: Nothing that could add an assumption, end a proof early or change how the rest of the file is read.
_FORBIDDEN = re.compile(
    r"\b(Admitted|admit|give_up|Axioms?|Parameters?|Conjectures?|Hypothes[ie]s|Variables?|Context|Theorem|Lemma|Fact|"
    r"Remark|Corollary|Proposition|Definition|Fixpoint|Module|Section|End|Require|Import|Export|Load|Declare|Unset|Set|"
    r"Notation|Ltac|Qed|Defined|Abort|Proof|Goal|Save|Print|Drop|Quit|Redirect|Extraction|Reset|Back|Undo|Restart)\b"
    r"|\(\*|\*\)|\""
)


@cache
def recorded() -> Mapping[str, str]:
    """Script by hash."""
    text = (files(__package__) / _FILE).read_text(encoding="utf-8")
    return {key: "\n".join(entry["script"]) for key, entry in json.loads(text).items()}


def acceptable(script: str) -> bool:
    """Whether a script consists of tactics alone."""
    return _FORBIDDEN.search(script) is None


def dump(entries: Mapping[str, tuple[str, str]]) -> str:
    """The data file for scripts by hash, each with a word on what it proves."""
    document = {
        key: {"about": about, "script": script.splitlines()} for key, (about, script) in sorted(entries.items())
    }
    return json.dumps(document, indent=0, ensure_ascii=False) + "\n"
