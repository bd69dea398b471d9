"""The file of a certificate: its form, and the way from a text to an outcome."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import PurePath
from typing import Any

from sam_theory.checker._enclosure import check_diagram, check_region
from sam_theory.checker._enclosure_cover import box_text, read_box
from sam_theory.checker._points import check_points
from sam_theory.checker._proof import check_proof
from sam_theory.checker._rejected import Rejected
from sam_theory.checker._space import Fork, NotChecked
from sam_theory.checker._witness import check_refutation
from sam_theory.errors import InputError
from sam_theory.theorems import Theorem

__all__ = [
    "FORMS",
    "LARGEST",
    "Outcome",
    "certificate",
    "certificate_schema",
    "check_text",
    "dumps",
    "origin_of",
    "parse",
]

SCHEMA = 1
#: bytes beyond which a file is not read
LARGEST = 100_000_000
#: what an honest check never meets
_MALFORMED = (
    ArithmeticError, AssertionError, AttributeError, LookupError, MemoryError, RecursionError, StopIteration, TypeError,
    ValueError,
)  # fmt: skip
_KEYS = ("body", "certificate", "digest", "form", "id", "origin", "schema", "slug", "verdict")


def _evidence(theorem: Any, body: Any) -> str:
    if not isinstance(body, dict) or set(body) != {"reason"} or not isinstance(body["reason"], str):
        raise Rejected("the body of evidence is an object with the text 'reason'")
    raise NotChecked("the file records evidence only, and nothing that could be checked")


def _region(theorem: Theorem, body: Any) -> str:
    check_region(theorem, body)
    return f"on {body['region']}, by enclosures"


def _diagram(_: None, body: Any) -> str:
    check_diagram(body)
    box = box_text(read_box(body["box"], "the box"))
    return f"{body['kind']} of {body['map']['rule']['name']} on {box}, by enclosures"


#: the forms of a certificate: the verdict that each can carry (None: any that decides), and its check.  A check
#: returns what was verified in words; it raises Rejected, or NotChecked where it cannot tell.
FORMS: dict[str, tuple[str | None, Callable[[Any, Any], str]]] = {
    "proof": ("proved", check_proof),
    "refutation": ("refuted", check_refutation),
    "region": ("certified", _region),
    "points": ("certified", check_points),
    "diagram": ("certified", _diagram),
    "evidence": (None, _evidence),
}
#: the forms that carry their map in their body: they speak of no theorem, and slug, id and origin are empty
WITHOUT_STATEMENT = ("diagram",)


@dataclass(frozen=True)
class Outcome:
    """``verified``, ``rejected`` or ``undecided`` (not checkable here), with the reason in words."""

    status: str
    slug: str
    reason: str


def dumps(document: dict[str, Any]) -> str:
    """The canonical text of a certificate: keys sorted, ASCII, no spaces to spare; ends with a newline."""
    return json.dumps(document, sort_keys=True, allow_nan=False, separators=(",", ":")) + "\n"


def digest(document: dict[str, Any]) -> str:
    """A hash of everything but the digest: against accidents, not against intent."""
    return hashlib.sha256(dumps({k: v for k, v in document.items() if k != "digest"}).encode()).hexdigest()


def certificate(theorem: Theorem | None, verdict: str, form: str, body: Any) -> dict[str, Any]:
    """The document of a certificate for ``theorem``; None for the forms that speak of none."""
    document = {
        "schema": SCHEMA,
        "certificate": "sam-theory",
        "slug": theorem.slug if theorem else "",
        "id": theorem.id if theorem else "",
        "origin": _origin(theorem) if theorem else "",
        "verdict": verdict,
        "form": form,
        "body": body,
    }
    return {**document, "digest": digest(document)}


def _origin(theorem: Theorem) -> str:
    return theorem.origin if theorem.origin == "library" else PurePath(theorem.origin).name


@cache
def _schema_text() -> str:
    return files(__package__).joinpath("schema", f"certificate-{SCHEMA}.json").read_text(encoding="utf-8")


def certificate_schema() -> dict[str, Any]:
    """The JSON schema of certificates, draft 2020-12; a fresh copy."""
    loaded: dict[str, Any] = json.loads(_schema_text())
    return loaded


def parse(text: str) -> dict[str, Any]:
    """The document in ``text``.

    Raises Rejected with a sentence for everything that is no certificate.
    """

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(items)
        if len(found) < len(items):
            raise Rejected("an object names a key twice")
        return found

    def no_number(literal: str) -> Any:
        raise Rejected(f"the number {literal[:40]} is no integer; rationals are written as texts")

    try:
        document = json.loads(text, object_pairs_hook=pairs, parse_float=no_number, parse_constant=no_number)
    except RecursionError:
        raise Rejected("it is nested too deeply") from None
    except ValueError as problem:
        if isinstance(problem, Rejected):
            raise
        raise Rejected(f"it is not JSON, or cut off: {problem}") from None
    if not isinstance(document, dict) or document.get("certificate") != "sam-theory":
        raise Rejected("it is not a certificate of sam-theory")
    if type(document.get("schema")) is not int or document["schema"] != SCHEMA:
        raise Rejected(f"its schema is {str(document.get('schema'))[:20]}; this version reads {SCHEMA}")
    if set(document) != set(_KEYS):
        odd = sorted(set(document) ^ set(_KEYS))
        raise Rejected(f"its keys are not {', '.join(_KEYS)}: {', '.join(k[:40] for k in odd[:3])}")
    for key in ("slug", "id", "origin", "verdict", "form", "digest"):
        if not isinstance(document[key], str):
            raise Rejected(f"'{key}' is not a text")
    return document


def origin_of(text: str) -> str | None:
    """Where the statement of a certificate is to be found; None where it has none, or is no certificate."""
    try:
        return str(parse(text)["origin"])[:80] or None
    except Rejected:
        return None


def check_text(text: str, theorems: Iterable[Theorem]) -> Outcome:
    """Check the certificate in ``text`` against the statements it may speak of; never raises for bad content.

    Parameters
    ----------
    text : str
        What the file holds.
    theorems : iterable of Theorem
        The library, or the statements of a user's file.

    Returns
    -------
    Outcome
    """
    slug = "?"
    try:
        document = parse(text)
        slug = document["slug"][:80]
        return Outcome("verified", slug, _checked(document, theorems))
    except (Rejected, InputError) as problem:
        return Outcome("rejected", slug, str(problem))
    except NotChecked as problem:
        return Outcome("undecided", slug, str(problem))
    except (*_MALFORMED, Fork) as problem:
        return Outcome("rejected", slug, f"it is malformed ({type(problem).__name__})")


def _checked(document: dict[str, Any], theorems: Iterable[Theorem]) -> str:
    if document["digest"] != digest(document):
        raise Rejected("its digest is not that of its content: it was changed or damaged")
    if document["form"] not in FORMS:
        raise Rejected(f"the form {document['form'][:40]!r} is unknown; known are {', '.join(FORMS)}")
    theorem = None if document["form"] in WITHOUT_STATEMENT else _statement(document, theorems)
    if theorem is None and any(document[key] for key in ("slug", "id", "origin")):
        raise Rejected(f"a {document['form']} speaks of no theorem: its slug, id and origin are empty")
    verdict, check = FORMS[document["form"]]
    allowed = (verdict,) if verdict else ("proved", "certified", "refuted")
    if document["verdict"] not in allowed:
        raise Rejected(f"a {document['form']} does not carry the verdict {document['verdict'][:40]!r}")
    return f"{document['verdict']}: {check(theorem, document['body'])}"


def _statement(document: dict[str, Any], theorems: Iterable[Theorem]) -> Theorem:
    theorem = next((t for t in theorems if t.slug == document["slug"]), None)
    if theorem is None:
        raise Rejected("no statement has this slug")
    if theorem.id != document["id"] or _origin(theorem) != document["origin"]:
        raise Rejected("the statement of this slug is another one than the certificate's (id or origin differ)")
    return theorem
