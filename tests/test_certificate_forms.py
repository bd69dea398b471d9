"""Certificates of balls, of points, of diagrams and of the lemma on saddles: the forms, and what must not pass."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import sympy as sp
from sympy import Rational

from sam_theory.checker import NotChecked, Outcome, Rejected, certificate, certificate_schema, check_text, close, dumps
from sam_theory.checker import goals_of as checker_goals
from sam_theory.checker._file import digest
from sam_theory.cli import main
from sam_theory.dynamics import Map
from sam_theory.engines import System, box, certified_cycle, certified_drift_time, certified_phase_diagram, verify
from sam_theory.engines._certificates import _proof, certificate_of
from sam_theory.engines._certificates._proof import _Writer, proof_body
from sam_theory.errors import InputError
from sam_theory.losses import Expression, Product, Quadratic, SpectralQuadratic, log_cosh
from sam_theory.rules import sam, usam
from sam_theory.theorems import (
    GeometricSum,
    Inequality,
    Lemma,
    Limit,
    Step,
    StrictSaddles,
    Theorem,
    eta,
    lam,
    library,
    norm,
    rho,
    w,
    w_next,
)

BY_SLUG = {t.slug: t for t in library()}
ATTRACTS = BY_SLUG["quad-two-cycle.attracts"]
LEMMA = next(p for p in ATTRACTS.proof if isinstance(p, StrictSaddles))
POINTS = "usam-worst-case-fgap.one-step"
REGION = "usam-sharp-threshold-convex.threshold"
ZERO = sp.S.Zero


def checked(document: Any) -> Outcome:
    return check_text(document if isinstance(document, str) else dumps(document), library())


def resealed(document: dict[str, Any]) -> dict[str, Any]:
    return {**document, "digest": digest(document)}


# -- lemmas and classes ------------------------------------------------------------------------------------------------
def test_a_lemma_that_the_checker_does_not_know_is_refused() -> None:
    class Fake(Lemma):
        name = "fake"

        def premises(self, claim: Any) -> Any:
            yield Step("nothing", Inequality(ZERO, sp.S.One))

    class Weaker(GeometricSum):
        """Inherits from a known lemma, and asks for less."""

        def premises(self, claim: Any) -> Any:
            yield Step("nothing", Inequality(ZERO, sp.S.One))

    one = BY_SLUG["sc-sam-neighbourhood"]
    for lemma in (Fake(), Weaker(ZERO)):
        with pytest.raises(InputError, match="none of the lemmas"):
            one.with_(proof=(lemma,))
        false = one.with_(slug="past-the-declaration")
        object.__setattr__(false, "proof", (lemma,))  # the checker does not rely on what a declaration refuses
        with pytest.raises(NotChecked, match="does not know the lemma"):
            checker_goals(false)
        body = {"counts": {"trees": 0, "replay": 0, "later": 0}, "goals": [{"goal": "nothing", "steps": []}]}
        assert check_text(dumps(certificate(false, "proved", "proof", body)), (false,)).status == "rejected"


def test_every_lemma_of_the_theorems_is_known_to_the_checker() -> None:
    kinds = {type(p) for t in library() for p in t.proof if isinstance(p, Lemma)}
    assert StrictSaddles in kinds and len(kinds) >= 7
    for theorem in library():
        if any(isinstance(p, Lemma) for p in theorem.proof) and theorem.expected == "proved":
            assert checker_goals(theorem), theorem.slug


def changed(claim: Any = ATTRACTS.claim, **fields: Any) -> Theorem:
    return ATTRACTS.with_(claim=claim, proof=(*ATTRACTS.proof[:-1], replace(LEMMA, **fields)), slug="changed")


def moved(item: Any, within: SpectralQuadratic) -> Any:
    return replace(item, within=within)


LAM_J = sp.Symbol("lam_j", positive=True)
R_TOP, R_LOW = (eta * e * rho / (2 - eta * e) for e in (lam, LAM_J))
TOP, LOW = ((R_TOP, ZERO), (-R_TOP, ZERO)), ((ZERO, R_LOW), (ZERO, -R_LOW))

#: each mutant with the goal that stays open
OPEN: dict[str, tuple[str, Callable[[], Theorem]]] = {
    "the saddles attract": (
        "unstable", lambda: changed(Limit(norm(w), R_LOW), attractors=LOW, saddles=tuple((p, 1) for p in TOP)),
    ),
    "the saddle is no saddle in the other direction": (
        "unstable", lambda: changed(saddles=tuple((p, 1) for p in LOW)),
    ),
    "a saddle is forgotten": ("fixed point", lambda: changed(saddles=((LOW[0], 0),))),
    "the saddles are forgotten": ("fixed point", lambda: changed(saddles=())),
    "an attractor is forgotten": ("fixed point", lambda: changed(attractors=TOP[:1])),
    "the decrease is too large": ("potential decreases", lambda: changed(decrease=eta * lam)),
    "nothing decreases": ("decrease is positive", lambda: changed(decrease=ZERO)),
    "the potential is not coercive": ("coercivity", lambda: changed(coercivity=(ZERO, LEMMA.coercivity[1]))),
    "the level is too high": ("potential is coercive", lambda: changed(coercivity=(LEMMA.coercivity[0], ZERO))),
    "0 is not left": ("slope near 0", lambda: changed(peak=(sp.S.One, ZERO))),
    "the Jacobian is regular nowhere that was named": ("regular", lambda: changed(probes=())),
    "without the sign": ("potential decreases", lambda: changed(sign=1)),
    "another value": ("value at", lambda: changed(Limit(norm(w), R_TOP * Rational(101, 100)))),
    "a class without the loss": (
        "belongs",
        lambda: ATTRACTS.with_(proof=tuple(moved(p, SpectralQuadratic(lam, 2 * lam)) for p in ATTRACTS.proof)),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", OPEN)
def test_mutants_of_the_lemma_on_saddles_leave_a_goal_open(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_proof, "_UNITS", 500_000)
    wanted, build = OPEN[name]
    for goal in (g for g in checker_goals(ATTRACTS) if wanted in g.name and wanted != "fixed point"):
        close(goal, _Writer())  # what is enough for the theorem is not enough for the mutant
    goals = [g for g in checker_goals(build()) if wanted in g.name]
    assert goals
    with pytest.raises((Rejected, NotChecked)):
        for goal in goals:
            close(goal, _Writer())


def test_the_lemma_on_saddles_is_refused_where_it_does_not_fit() -> None:
    for wrong in (
        changed(saddles=((LOW[0], 2), (LOW[1], 0))),
        changed(saddles=((LOW[0], -1), (LOW[1], 0))),
        changed(sign=2),
        changed(probes=((rho,),)),
        ATTRACTS.with_(starts=None),
        changed().with_(loss=Quadratic(lam)),
        changed().with_(rule=sam.free("eps").fix(normalisation="max")),
    ):
        with pytest.raises((Rejected, NotChecked, InputError)):
            for goal in checker_goals(wrong):
                if "analytic" in goal.name:
                    close(goal, _Writer())


def test_steps_within_a_class_use_steps_of_that_class_only() -> None:
    here = Step("only here", Inequality(ZERO, norm(w_next)))
    there = Step("there", Inequality(ZERO, norm(w_next)), ("only here",), SpectralQuadratic(LAM_J, lam))
    other = Step("other", Inequality(ZERO, norm(w_next)), ("there",), SpectralQuadratic(LAM_J, lam))
    for proof in ((here, there), (there, other)):
        goals = [g for g in checker_goals(ATTRACTS.with_(proof=(*proof, LEMMA))) if g.name == proof[-1].name]
        with pytest.raises(Rejected, match="no fact"):
            close(goals[0], _Writer())


def test_a_class_holds_only_losses_that_are_known_to_be_members() -> None:
    claim = Inequality(ZERO, norm(w))
    within = SpectralQuadratic(lam, 2 * lam)
    for loss in (Expression("x**2 + y**2"), Quadratic(lam, 3 * lam), SpectralQuadratic(lam, 2 * lam)):
        one = ATTRACTS.with_(loss=loss, claim=claim, proof=(Step("claim", claim, (), within),), starts=None, where={})
        with pytest.raises((Rejected, NotChecked)):
            proof_body(one)
    one = ATTRACTS.with_(claim=claim, proof=(Step("claim", claim, (), SpectralQuadratic(LAM_J, lam)),), starts=None)
    assert proof_body(one)


def test_the_attracting_cycle_is_verified_from_its_file() -> None:
    document = certificate(ATTRACTS, "proved", "proof", proof_body(ATTRACTS))
    jsonschema.validate(document, certificate_schema())
    outcome = checked(document)
    assert outcome.status == "verified" and "strict saddles" in outcome.reason
    for name in ("a saddle is forgotten", "nothing decreases", "without the sign"):
        false = OPEN[name][1]().with_(slug=ATTRACTS.slug)
        handed_in = resealed({**document, "id": false.id})
        assert check_text(dumps(handed_in), (false,)).status == "rejected", name


# -- points ------------------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def points() -> dict[str, Any]:
    pytest.importorskip("clarabel")
    document = certificate_of(BY_SLUG[POINTS], verify(BY_SLUG[POINTS], engines=("worst-case",), budget="quick"))
    assert document is not None and document["form"] == "points" and len(document["body"]["points"]) >= 2
    return document


def leaves(data: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = list(data.items()) if isinstance(data, dict) else list(enumerate(data)) if isinstance(data, list) else []
    return [p for k, v in items for p in leaves(v, (*path, k))] if items else [path]


def put(data: Any, path: tuple[Any, ...], value: Any) -> None:
    for key in path[:-1]:
        data = data[key]
    data[path[-1]] = value


def get(data: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        data = data[key]
    return data


def test_points_are_verified_and_fit_the_schema(points: dict[str, Any]) -> None:
    jsonschema.validate(points, certificate_schema())
    outcome = checked(points)
    assert outcome.status == "verified" and "at the points" in outcome.reason


def test_every_leaf_of_the_points_counts(points: dict[str, Any]) -> None:
    rng = random.Random(5)
    paths = leaves(points["body"])
    assert len(paths) >= 40
    for path in paths:
        old = get(points["body"], path)
        number = isinstance(old, str) and old.removeprefix("-").replace("/", "", 1).isdigit()
        swaps = [str(Rational(old) + Rational(1, 7)), str(-Rational(old) - 1), old + "/1", None] if number else [7, "x"]
        document = copy.deepcopy(points)
        put(document["body"], path, rng.choice([s for s in swaps if s != old]))
        assert checked(resealed(document)).status == "rejected", (path, old, get(document["body"], path))


def test_points_that_are_dropped_swapped_or_renamed_are_rejected(points: dict[str, Any]) -> None:
    first, second, *_ = points["body"]["points"]
    region = points["body"]["region"]
    rest = points["body"]["points"][2:]
    bodies: list[Any] = [
        {"region": region, "points": [second, *rest]},
        {"region": region, "points": []},
        {"region": region, "points": [second, first, *rest]},
        {"region": region, "points": [first, first, *rest]},
        {"region": region, "points": [{**first, "dual": second["dual"]}, {**second, "dual": first["dual"]}, *rest]},
        {"region": region, "points": [{**first, "params": second["params"]}, second, *rest]},
        {"region": region + ", and everywhere", "points": [first, second, *rest]},
        {"region": "", "points": [first, second, *rest]},
        {"points": [first, second, *rest]},
        {"region": region, "points": [first, second, *rest], "more": 1},
        {"region": region, "points": {"0": first}},
        {"region": region, "points": [{**first, "more": 1}, second, *rest]},
        {"region": region, "points": [{**first, "params": {}}, second, *rest]},
        {"region": region, "points": [{**first, "params": {**first["params"], "rho": "0"}}, second, *rest]},
    ]
    for key in first["dual"]:
        bodies.append({"region": region, "points": [{**first, "dual": {**first["dual"], key: None}}, second, *rest]})
    for word in ("multipliers", "matrix", "labels"):
        turned = {**first["dual"], word: first["dual"][word][::-1]}
        if turned != first["dual"]:
            bodies.append({"region": region, "points": [{**first, "dual": turned}, second, *rest]})
    assert len(bodies) >= 30
    for body in bodies:
        if body != points["body"]:
            assert checked(resealed({**points, "body": body})).status == "rejected", body


def test_points_prove_no_other_statement(points: dict[str, Any]) -> None:
    theorem = BY_SLUG[POINTS]
    claim: Any = theorem.claim
    smaller = theorem.with_(claim=replace(claim, rhs=claim.rhs / 2))
    strict = theorem.with_(claim=replace(claim, strict=True))
    for other in (smaller, strict):
        document = resealed({**points, "id": other.id})
        assert check_text(dumps(document), (other,)).status == "rejected"
    for slug in ("usam-worst-case-distance.sector", "sc-sam-neighbourhood", "sam-descends", ATTRACTS.slug):
        document = resealed({**points, "slug": slug, "id": BY_SLUG[slug].id})
        assert checked(document).status == "rejected"


# -- diagrams ----------------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def diagrams(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("diagrams")
    start = box({"eta": "1/10", "rho": "1/10", "w:0": "1/2", "w:1": ("2", "2.01")})
    cycle = certified_cycle(System(Map(sam, Quadratic(1))), box(eta=("0.99", "1.01"), rho=1), [0.9], 2)
    assert cycle is not None
    results: dict[str, Any] = {
        "phase": certified_phase_diagram(
            Map(usam, Quadratic(1)), box(eta=(0, 2), rho=(0, 2)), at=[0], fraction="1/4"
        ),
        "cycle": cycle,
        "drift": certified_drift_time(Map(sam, Product(log_cosh)), start, "3", horizon=200),
    }  # fmt: skip
    for name, result in results.items():
        result.save_certificate(folder / f"{name}.json")
    with pytest.raises(InputError, match="cannot write"):
        cycle.save_certificate(folder / "nowhere" / "x.json")
    assert sorted(p.name for p in folder.iterdir()) == ["cycle.json", "drift.json", "phase.json"]
    return {n: json.loads((folder / f"{n}.json").read_text()) for n in results}


@pytest.mark.parametrize("name", ["phase", "cycle", "drift"])
def test_diagrams_are_verified_without_a_statement(
    name: str, diagrams: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document = diagrams[name]
    jsonschema.validate(document, certificate_schema())
    assert checked(document).status == "verified"
    file = tmp_path / "d.json"
    file.write_text(dumps(document))
    with pytest.raises(SystemExit) as stop:
        main(["check", str(file)])
    assert not stop.value.code
    assert capsys.readouterr().out.startswith(f"verified  {file}  certified: {document['body']['kind']} of ")


@pytest.mark.parametrize("name", ["phase", "cycle", "drift"])
def test_changed_diagrams_are_rejected(name: str, diagrams: dict[str, Any]) -> None:
    document = diagrams[name]
    for key in ("slug", "id", "origin"):
        assert checked(resealed({**document, key: "library"})).status == "rejected"
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(resealed({**document, key: "library"}), certificate_schema())
    for key, value in (("verdict", "proved"), ("verdict", "refuted"), ("form", "region"), ("form", "proof")):
        assert checked(resealed({**document, key: value})).status == "rejected"
    for other in diagrams.values():
        if other is not document:
            body = {**document["body"], "kind": other["body"]["kind"]}
            assert checked(resealed({**document, "body": body})).status == "rejected"
    for key in document["body"]:
        wrong: tuple[Any, ...] = (None, [], {}, "x", -1)
        for value in wrong:
            if (key, value) not in (("latest", None), ("frozen", [])):
                body = {**document["body"], key: value}
                assert checked(resealed({**document, "body": body})).status == "rejected", (key, value)
        body = {k: v for k, v in document["body"].items() if k != key}
        assert checked(resealed({**document, "body": body})).status == "rejected", key
    assert checked({**document, "body": {**document["body"], "kind": "Other"}}).status == "rejected"


def test_cells_that_claim_more_are_rejected(diagrams: dict[str, Any]) -> None:
    for i, cell in enumerate(diagrams["phase"]["body"]["cells"]):
        document = copy.deepcopy(diagrams["phase"])
        document["body"]["cells"][i]["shown"] = "unstable" if cell["shown"] == "stable" else "stable"
        assert checked(resealed(document)).status == "rejected", i
        del document["body"]["cells"][i]
        assert checked(resealed(document)).status == "rejected", i


def test_a_statement_is_not_verified_by_a_diagram(diagrams: dict[str, Any]) -> None:
    one = BY_SLUG[REGION]
    document = {**diagrams["phase"], "slug": one.slug, "id": one.id, "origin": "library"}
    assert checked(resealed(document)).status == "rejected"


# -- regions -----------------------------------------------------------------------------------------------------------
def test_regions_are_verified_and_fit_the_schema() -> None:
    one = BY_SLUG[REGION]
    document = certificate_of(one, verify(one, engines=("ball",), budget="quick"))
    assert document is not None and document["form"] == "region"
    jsonschema.validate(document, certificate_schema())
    assert checked(document).status == "verified"
    for key in document["body"]:
        body = {k: v for k, v in document["body"].items() if k != key}
        assert checked(resealed({**document, "body": body})).status == "rejected"
