"""From a result to the file of its certificate."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sam_theory.checker import CHOSEN, NotChecked, Rejected, certificate, consequences, dumps, plain_member
from sam_theory.engines._certificates._proof import proof_body
from sam_theory.errors import InputError
from sam_theory.theorems import Theorem
from sam_theory.verdicts import Result, Verdict, Witness

__all__ = ["certificate_of", "file_name", "write_certificate"]

#: the form of what an engine certifies
_FORMS = {"ball": "region", "worst-case": "points"}


def file_name(slug: str) -> str:
    """The name of the file for a slug; characters that a path could misread are escaped."""
    return quote(slug, safe="~") + ".json"


def certificate_of(theorem: Theorem, result: Result) -> dict[str, Any] | None:
    """The certificate of a verdict; None where nothing was decided.

    Where the checker cannot follow (a limit taken by series, an irrational counterexample, …) the form is
    ``evidence``, which no check ever calls verified.
    """
    verdict = result.verdict
    if verdict not in (Verdict.PROVED, Verdict.CERTIFIED, Verdict.REFUTED):
        return None
    form, body = "evidence", {"reason": f"{verdict.value} by {', '.join(e.engine for e in result.deciding)}"}
    try:
        if verdict is Verdict.PROVED:
            form, body = "proof", proof_body(theorem)
        elif verdict is Verdict.REFUTED and result.witness is not None:
            form, body = "refutation", _refutation(theorem, result.witness)
        else:
            form, body = _certified(result) or (form, body)
    except (Rejected, NotChecked) as problem:
        body = {"reason": f"{body['reason']}; not checkable without the engines: {problem}"}
    return certificate(theorem, verdict.value, form, body)


def _certified(result: Result) -> tuple[str, dict[str, Any]] | None:
    """The form and body of the first certificate that an engine gave."""
    given = ((_FORMS[e.engine], dict(e.certificate)) for e in result.deciding if e.certificate is not None)
    return next(given, None)


def _refutation(theorem: Theorem, witness: Witness) -> dict[str, Any]:
    if set(witness.exact) != set(CHOSEN):
        raise NotChecked("the counterexample is not given by rational choices alone")
    chosen = dict(witness.exact)
    if theorem.kind in ("Cycle", "Threshold"):
        chosen |= {"start": [], "step": None}
    if chosen["member"] is not None:
        chosen["member"] = plain_member(theorem, chosen)
    if theorem.kind == "Envelope":  # the first step at which the bound fails
        for step in range(chosen["step"]):
            try:
                return {**chosen, "step": step, **consequences(theorem, {**chosen, "step": step})}
            except Rejected:
                continue
    return {**chosen, **consequences(theorem, chosen)}


def write_certificate(theorem: Theorem, result: Result, directory: str) -> str | None:
    """Write the certificate of a result into ``directory``; its form, or None where there is none to write.

    The file appears whole or not at all; an older one is removed where nothing was decided.

    Raises InputError if it cannot be written.
    """
    document = certificate_of(theorem, result)
    path = Path(directory, file_name(theorem.slug))
    if document is None:
        try:
            path.unlink(missing_ok=True)
        except OSError as problem:
            raise InputError(f"cannot remove {path}: {problem.strerror or problem}") from problem
        return None
    save(document, path)
    return str(document["form"])


def save(document: dict[str, Any], path: Path) -> None:
    """Write a certificate; the file appears whole or not at all.

    Raises InputError if it cannot be written.
    """
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
        try:
            with os.fdopen(handle, "w", encoding="ascii", newline="\n") as file:
                file.write(dumps(document))
            os.chmod(name, 0o644)
            os.replace(name, path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as problem:
        raise InputError(f"cannot write {path}: {problem.strerror or problem}") from problem
