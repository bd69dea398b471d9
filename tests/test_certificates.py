"""Certificates as files: written, checked, and rejected once anything in them is changed."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from sam_theory.checker import Outcome, certificate_schema, check_text, dumps
from sam_theory.checker._file import digest
from sam_theory.cli import main
from sam_theory.engines import verify, verify_all
from sam_theory.engines._certificates import certificate_of, file_name
from sam_theory.errors import InputError
from sam_theory.theorems import Theorem, library

PROOFS = (
    "usam-sharp-threshold-convex.threshold",
    "usam-sharp-threshold-convex.divergence",
    "usam-sharp-threshold-convex.neutral",
    "gd-usam-linear-stability-product.edge",
    "sc-sam-limsup-improved.one-step",
)
REFUTATIONS = (
    "sc-sam-neighbourhood-beta2",
    "usam-threshold-ignores-rho",
    "sam-descends",
    "sam-converges-fixed-rho",
    "sam-cycle-any-eigenvector",
    "sc-sam-limsup-s2-over-2-every-d",
)
TAMPERINGS = 12
BY_SLUG = {t.slug: t for t in library()}


def checked(document: Any) -> Outcome:
    return check_text(document if isinstance(document, str) else dumps(document), library())


@pytest.fixture(scope="module")
def certificates() -> dict[str, dict[str, Any]]:
    found = {}
    for slug in (*PROOFS, *REFUTATIONS):
        engines = ("symbolic", "smt") if slug in PROOFS else ("search",)
        document = certificate_of(BY_SLUG[slug], verify(BY_SLUG[slug], engines=engines, budget="quick"))
        assert document is not None
        found[slug] = document
    return found


@pytest.mark.parametrize("slug", (*PROOFS, *REFUTATIONS))
def test_what_was_written_is_verified_and_fits_the_schema(slug: str, certificates: dict[str, Any]) -> None:
    document = certificates[slug]
    assert document["form"] == ("proof" if slug in PROOFS else "refutation")
    jsonschema.validate(document, certificate_schema())
    assert checked(document).status == "verified", checked(document)


# -- tampering -------------------------------------------------------------------------------------------------------
def places(data: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Every place in plain data, with what stands there."""
    yield path, data
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in items:
        yield from places(value, (*path, key))


def at(data: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        data = data[key]
    return data


def put(data: Any, path: tuple[Any, ...], value: Any) -> None:
    at(data, path[:-1])[path[-1]] = value


def is_rational(text: Any) -> bool:
    return isinstance(text, str) and text.removeprefix("-").replace("/", "", 1).isdigit()


def other_number(text: str, rng: random.Random) -> str:
    from fractions import Fraction

    value = Fraction(text)
    changes = [value + 1, -value or Fraction(3), value / 2 + 5, value + Fraction(1, 1000), value * 10 + 1, 1 - value]
    return str(rng.choice([c for c in changes if c != value]))


def changed_number(body: Any, rng: random.Random) -> None:
    path, text = rng.choice([(p, v) for p, v in places(body) if is_rational(v)])
    put(body, path, other_number(text, rng))


def changed_index(body: Any, rng: random.Random) -> None:
    found = [(p, v) for p, v in places(body) if type(v) is int]
    path, value = rng.choice(found or [(("step",), 0)])
    put(body, path, value + rng.choice([1, 2, -1, 7]))


def dropped_entry(body: Any, rng: random.Random) -> None:
    path = rng.choice([p for p, _ in places(body) if p])
    del at(body, path[:-1])[path[-1]]


def doubled_entry(body: Any, rng: random.Random) -> None:
    lists = [v for _, v in places(body) if isinstance(v, list) and v]
    if not lists:
        body["more"] = []
        return
    chosen = rng.choice(lists)
    chosen.insert(rng.randrange(len(chosen) + 1), copy.deepcopy(rng.choice(chosen)))


def swapped_entries(body: Any, rng: random.Random) -> None:
    found = [v for _, v in places(body) if isinstance(v, (list, dict)) and len(v) > 1]
    rng.shuffle(found)
    for chosen in found:
        keys = list(chosen) if isinstance(chosen, dict) else list(range(len(chosen)))
        a, b = rng.sample(keys, 2)
        if chosen[a] != chosen[b]:
            chosen[a], chosen[b] = chosen[b], chosen[a]
            return
    body["more"] = 1


def other_word(body: Any, rng: random.Random) -> None:
    words = [(p, v) for p, v in places(body) if isinstance(v, str) and not is_rational(v)]
    if not words:
        body["more"] = "word"
        return
    path, word = rng.choice(words)
    put(body, path, {"+": "-", "-": "+", "!=": "+", "replay": "later", "<": ">", ">": "<"}.get(word, word + "'"))


def emptied(body: Any, rng: random.Random) -> None:
    path, value = rng.choice([(p, v) for p, v in places(body) if p and v and isinstance(v, (list, dict))])
    put(body, path, type(value)())


def nulled(body: Any, rng: random.Random) -> None:
    path, _ = rng.choice([(p, v) for p, v in places(body) if p and v is not None])
    put(body, path, rng.choice([None, True, 0, [], "", "1"]))


KINDS: tuple[Callable[[Any, random.Random], None], ...] = (
    changed_number, changed_number, changed_index, dropped_entry, doubled_entry, swapped_entries, other_word, emptied,
    nulled,
)  # fmt: skip


@pytest.mark.parametrize("slug", (*PROOFS, *REFUTATIONS))
@pytest.mark.parametrize("recomputed", [False, True], ids=["digest left", "digest recomputed"])
def test_tampered_bodies_are_rejected(slug: str, recomputed: bool, certificates: dict[str, Any]) -> None:
    rng = random.Random(f"{slug} {recomputed}")
    count = 0
    for n in range(TAMPERINGS * (2 if recomputed else 1)):
        document = copy.deepcopy(certificates[slug])
        KINDS[n % len(KINDS)](document["body"], rng)
        if document == certificates[slug]:
            continue  # a replacement that happened to be the same
        if recomputed:
            document["digest"] = digest(document)
        outcome = checked(document)
        assert outcome.status == "rejected", (KINDS[n % len(KINDS)].__name__, outcome, document["body"])
        count += 1
    assert count > TAMPERINGS // 2


def test_enough_tamperings_are_tried() -> None:
    assert len((*PROOFS, *REFUTATIONS)) * TAMPERINGS * 2 >= 200  # with the digest recomputed alone


def test_swapped_slugs_and_bodies_are_rejected(certificates: dict[str, Any]) -> None:
    slugs = list(certificates)
    for one, other in zip(slugs, [*slugs[1:], slugs[0]], strict=True):
        for keys in (("slug",), ("slug", "id"), ("body",), ("body", "form", "verdict"), ("id",)):
            document = {**certificates[one], **{k: certificates[other][k] for k in keys}}
            document["digest"] = digest(document)
            assert checked(document).status == "rejected", (one, other, keys)


@pytest.mark.parametrize("key", ["schema", "certificate", "slug", "id", "origin", "verdict", "form", "body", "digest"])
def test_every_entry_of_the_head_counts(key: str, certificates: dict[str, Any]) -> None:
    for value in (None, "evidenced", 2, [], {}, "certified"):
        document = {**certificates[PROOFS[0]], key: value}
        if key != "digest":
            document["digest"] = digest(document)
        assert checked(document).status == "rejected", (key, value)
    document = {k: v for k, v in certificates[PROOFS[0]].items() if k != key}
    assert checked(document).status == "rejected"
    assert checked({**certificates[PROOFS[0]], "more": 1}).status == "rejected"


def test_cut_off_files_are_rejected(certificates: dict[str, Any]) -> None:
    rng = random.Random(1)
    for slug in certificates:
        text = dumps(certificates[slug])
        for _ in range(4):
            assert checked(text[: rng.randrange(len(text) - 2)]).status == "rejected"


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "[]", "null", "NaN", '"sam-theory"', "[" * 100_000, '{"a":' * 100_000, "1e400", "\x00", "9" * 100_000,
        '{"certificate": "sam-theory", "schema": 1.0}', '{"certificate": "sam-theory", "schema": NaN}',
        '{"certificate": "sam-theory", "schema": true}', '{"certificate": "sam-theory", "certificate": "sam-theory"}',
    ],
)  # fmt: skip
def test_what_is_no_certificate_is_rejected_in_a_sentence(text: str) -> None:
    outcome = checked(text)
    assert outcome.status == "rejected"
    assert outcome.reason and "Traceback" not in outcome.reason


def test_evidence_is_never_verified(certificates: dict[str, Any]) -> None:
    for slug in (PROOFS[0], REFUTATIONS[0]):
        document = {**certificates[slug], "form": "evidence", "body": {"reason": "trust me"}}
        document["digest"] = digest(document)
        assert checked(document).status == "undecided"


def test_a_limit_that_is_taken_by_series_is_evidence_only() -> None:
    theorem = BY_SLUG["gd-usam-linear-stability-product.small-rho"]
    document = certificate_of(theorem, verify(theorem, engines=("symbolic",)))
    assert document is not None and document["form"] == "evidence"
    assert checked(document).status == "undecided"


# -- other statements ------------------------------------------------------------------------------------------------
def test_certificates_do_not_prove_mutants(certificates: dict[str, Any]) -> None:
    from sam_theory.theorems import mutants_of

    for slug in PROOFS:
        theorem = BY_SLUG[slug]
        for name, mutant in mutants_of(theorem):
            false = mutant.with_(slug=slug, proof=theorem.proof)
            document = {**certificates[slug], "id": false.id}
            document["digest"] = digest(document)
            assert check_text(dumps(document), (false,)).status == "rejected", name


# -- writing -----------------------------------------------------------------------------------------------------------
def test_files_are_the_same_whatever_the_number_of_processes(tmp_path: Path) -> None:
    chosen = [BY_SLUG[slug] for slug in (PROOFS[0], PROOFS[1], REFUTATIONS[0], REFUTATIONS[4])]
    for name, jobs in (("one", 1), ("two", 2)):
        (tmp_path / name).mkdir()
        verify_all(chosen, budget="quick", jobs=jobs, certificates=str(tmp_path / name))
    files = sorted(p.name for p in (tmp_path / "one").iterdir())
    assert files == sorted(file_name(t.slug) for t in chosen)
    for name in files:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_undecided_statements_have_no_file(tmp_path: Path) -> None:
    theorem = BY_SLUG["sam-one-step-sdp-neighbourhood.level"]
    stale = tmp_path / file_name(theorem.slug)
    stale.write_text("old")
    verify_all([theorem], engines=("smt",), budget="quick", certificates=str(tmp_path))
    assert not list(tmp_path.iterdir())


def test_slugs_cannot_leave_the_directory() -> None:
    assert "/" not in file_name("../../x") and file_name("a.b-c").startswith("a.b-c")


def test_a_directory_that_is_none_is_an_input_error(tmp_path: Path) -> None:
    from sam_theory.engines._certificates import write_certificate

    theorem: Theorem = BY_SLUG[REFUTATIONS[1]]
    result = verify(theorem, engines=("search",), budget="quick")
    with pytest.raises(InputError, match="cannot write"):
        write_certificate(theorem, result, str(tmp_path / "nowhere"))


CLAIM = """
from sympy import Symbol
from sam_theory import Identity, Quadratic, Source, Theorem, coordinate, eta, lam, usam, w, w_next, rho
T = Theorem("own.step", "a step of USAM", Source("own", "here"), usam, Quadratic(lam),
            Identity(coordinate(w_next), (1 - eta * lam * (1 + rho * lam)) * coordinate(w)))
"""


def run(*arguments: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as stop:
        main(list(arguments))
    out, err = capsys.readouterr()
    return int(stop.value.code or 0), out, err


def test_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, claim = tmp_path / "a" / "b", tmp_path / "claim.py"
    claim.write_text(CLAIM)
    status, _, _ = run(
        "verify", str(claim), REFUTATIONS[1], "--jobs", "1", "--certificates", str(folder), capsys=capsys
    )
    assert status == 0
    own, false = folder / "own.step.json", folder / f"{REFUTATIONS[1]}.json"
    assert run("check", str(false), capsys=capsys)[:2] == (0, f"verified  {false}  refuted: 2 > 1\n")
    status, out, _ = run("check", str(false), str(own), capsys=capsys)
    assert status == 3 and "--from claim.py" in out
    status, out, _ = run("check", str(own), "--from", str(claim), capsys=capsys)
    assert status == 0 and out.startswith("verified")
    damaged = tmp_path / "damaged.json"
    damaged.write_text(own.read_text()[:-20])
    status, out, _ = run("check", str(damaged), str(false), capsys=capsys)
    assert status == 1 and out.startswith("rejected") and len(out.splitlines()) == 2
    damaged.write_bytes(b"\xff\xfe\x00")
    assert run("check", str(damaged), capsys=capsys)[0] == 1
    assert run("check", str(tmp_path / "none.json"), capsys=capsys)[0] == 2
    assert run("check", str(tmp_path), capsys=capsys)[0] == 2
    assert run("check", capsys=capsys)[0] == 2
    assert run("verify", "--certificates", str(claim), capsys=capsys)[0] == 2
    json.loads(own.read_text())
