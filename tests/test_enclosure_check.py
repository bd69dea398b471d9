"""Certificates of the ball engine, checked again: honest ones pass, tampered ones do not."""

from __future__ import annotations

import ast
import copy
import json
import random
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction as F
from pathlib import Path
from typing import Any

import pytest
import sympy as sp
from ball_tools import draw, number
from flint import arb, ctx

import sam_theory.checker
from sam_theory import (
    Cycle,
    Envelope,
    Expression,
    Inequality,
    InputError,
    Limit,
    Map,
    Product,
    Quadratic,
    Source,
    Stability,
    Theorem,
    Threshold,
    box,
    certified_cycle,
    certified_drift_time,
    certified_phase_diagram,
    eta,
    gd,
    library,
    log_cosh,
    norm,
    rho,
    rule,
    sam,
    usam,
    value,
    w,
    w_next,
    w_start,
)
from sam_theory.arithmetic import Ball, Coordinates
from sam_theory.checker import Rejected, check_diagram, check_region
from sam_theory.checker import _enclosure_base as base
from sam_theory.checker import _enclosure_cover as cover
from sam_theory.checker import _enclosure_orbit as orbit
from sam_theory.checker._enclosure_field import Field, step
from sam_theory.checker._enclosure_limits import read_formula
from sam_theory.checker._enclosure_number import Calculus, Number
from sam_theory.checker._enclosure_value import precise, value_over
from sam_theory.checker._enclosure_vector import Vector
from sam_theory.engines import System, certify
from sam_theory.engines._ball._problem import Problem, chosen_scenes
from sam_theory.engines._budget import budget_of
from sam_theory.engines._search._pointwise import Pointwise
from sam_theory.losses import describe_loss, even_link, loss_of
from sam_theory.rules import describe_rule, rule_of

u, v = sp.symbols("u v", real=True)
COSH = Expression("log_cosh(u)", ["u"])
ROOT = Expression(sp.sqrt(2 + u**2), ["u"])
BOTH = Expression("log_cosh(u) + tanh(v)**2/4 + sqrt(1 + v**2)", ["u", "v"])
HALF = sp.Rational(1, 2)
REACH = eta * rho / (2 - eta)


def statement(slug: str, claim: Any, *hypotheses: Any, loss: Any, rule: Any = gd) -> Theorem:
    return Theorem(slug, slug, Source("test", "a test"), rule, loss, claim, hypotheses)


OWN = [
    statement("cosh descends", Inequality(value(w_next), value(w)), eta < 1, loss=COSH),
    statement("root descends", Inequality(value(w_next), value(w), strict=True), eta < 1, loss=ROOT),
    statement("tanh", Inequality(sp.tanh(eta * rho), eta * rho), loss=COSH, rule=usam),
    statement("product", Inequality(norm(w_next - w), eta * (norm(w) + rho)), loss=Product(log_cosh), rule=sam),
    statement("matrix", Inequality(norm(w_next), norm(w)), eta < HALF, loss=Quadratic(matrix=[[2, 1], [1, 3]])),
    statement("solved", Inequality(norm(w_next), norm(w)), sp.Eq(rho, eta / 2), eta < 1, loss=Quadratic(1), rule=usam),
    statement("envelope", Envelope(norm(w), norm(w_start)), eta < HALF, loss=BOTH),
    statement("sam stays", Envelope(norm(w), norm(w_start) + eta), eta < HALF, loss=ROOT, rule=sam),
    statement("travel", Envelope(norm(w_next - w), norm(w_start), accumulate=True), eta < 1, loss=Quadratic(1)),
    statement("limsup", Limit(norm(w), eta / 2 + rho, "limsup", "<="), eta < HALF, rho < HALF,
              loss=COSH, rule=sam),
    statement("threshold", Threshold(Stability((sp.S.Zero,)), eta, sp.Integer(2)), loss=COSH),
    statement("plane", Threshold(Stability((sp.S.Zero, sp.S.Zero)), eta, sp.Rational(4, 3)), loss=BOTH),
    statement(
        "cycle", Cycle(((REACH,), (-REACH,)), ((1 - eta) ** 2,), stable=True), eta < 2, loss=Quadratic(1), rule=sam
    ),
]  # fmt: skip
KINDS = {"Identity", "Inequality", "Threshold", "Envelope", "Cycle", "Limit"}
LIBRARY = [t for t in library() if t.kind in KINDS]
CACHE: dict[str, Any] = {}


def body_of(theorem: Theorem) -> Any:
    """The certificate as it comes back from a file; None if the engine certifies nothing."""
    if theorem.slug not in CACHE:
        CACHE[theorem.slug] = json.dumps(certify(theorem, "quick").certificate)
    return json.loads(CACHE[theorem.slug])


def rejected(theorem: Theorem, body: Any) -> bool:
    try:
        check_region(theorem, body)
    except Rejected:
        return True
    return False


# -- honest certificates ----------------------------------------------------------------------------------------
@pytest.mark.parametrize("theorem", OWN, ids=lambda t: t.slug)
def test_certificates_of_own_statements_are_accepted(theorem: Theorem) -> None:
    body = body_of(theorem)
    assert body is not None
    check_region(theorem, body)


def test_every_certificate_of_the_library_is_accepted() -> None:
    kinds: dict[str, int] = {}
    for theorem in LIBRARY:
        body = body_of(theorem)
        if body is not None:
            check_region(theorem, body)
            kinds[theorem.kind] = kinds.get(theorem.kind, 0) + 1
    assert set(kinds) == KINDS
    assert sum(kinds.values()) >= 30


def test_the_cycle_of_two_slopes_is_isolated_on_the_parts_of_its_box() -> None:
    """On the whole box the image of the set covers the kink, and Krawczyk's test was refused a true statement."""
    theorem = next(t for t in LIBRARY if t.slug == "sc-1d-exact-worst-case.two-slopes")
    body = body_of(theorem)
    assert body is not None
    check_region(theorem, body)
    aside = {**body, "centre": ["5/2"], "radius": ["1/2"]}
    for false, told in ((theorem.with_(claim=replace(theorem.claim, stable=False)), body), (theorem, aside)):
        with pytest.raises(Rejected):
            check_region(false, told)


def test_the_region_of_the_certificate_is_that_of_the_evidence() -> None:
    for theorem in OWN:
        found = certify(theorem, "quick")
        assert found.certificate is not None and found.certificate["region"] == found.region


def test_nothing_is_written_without_a_certificate() -> None:
    theorem = statement("false", Inequality(value(w), value(w_next), strict=True), eta < 1, loss=COSH)
    found = certify(theorem, "quick")
    assert found.verdict != "certified" and found.certificate is None


# -- tampering ------------------------------------------------------------------------------------------------
#: numbers that only lead the checker to a set; with other values the same or another true statement may be shown
HINTS = {"centre", "radius", "steps", "near"}


def places(body: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every path into the data, without hints."""
    items = body.items() if isinstance(body, dict) else enumerate(body) if isinstance(body, list) else ()
    for key, inner in items:
        if key not in HINTS:
            yield (*path, key)
            yield from places(inner, (*path, key))


def tampered(body: Any, rng: random.Random) -> tuple[Any, str]:
    """A changed copy and what was done."""
    changed = copy.deepcopy(body)
    path = rng.choice(list(places(changed)))
    holder = changed
    for key in path[:-1]:
        holder = holder[key]
    key = path[-1]
    old = holder[key]
    choices = ["drop", "other type"]
    if isinstance(old, int):
        choices = ["one more", "one less"]
    elif isinstance(old, str) and key not in ("loss", "region", "kind", "shown"):
        choices += ["larger", "smaller", "float", "not reduced"]
    elif isinstance(old, str):
        choices += ["other word"]
    elif isinstance(old, list) and len(old) > 1:
        choices += ["swapped", "truncated", "repeated"]
    elif isinstance(old, dict):
        choices += ["unknown key"]
    done = rng.choice(choices)
    if done == "drop":
        del holder[key]
    elif done == "other type":
        holder[key] = None if old is not None else []
    elif done in ("one more", "one less"):
        holder[key] = old + (1 if done == "one more" else -1)
    elif done in ("larger", "smaller"):
        try:
            holder[key] = str(F(old) + (1 if done == "larger" else -1) * F(1, rng.choice([1, 16, 1024, 10**9])))
        except ValueError:
            holder[key] = old + "+1/1024"
    elif done == "float":
        holder[key] = 0.5
    elif done == "not reduced":
        holder[key] = (
            f"{2 * F(old).numerator}/{2 * F(old).denominator}" if "eta" not in old and "rho" not in old else ""
        )
    elif done == "other word":
        words = {"holds": "outside", "outside": "holds", "stable": "unstable", "unstable": "stable", "band": "stable"}
        holder[key] = words.get(old, old + " ")
    elif done == "swapped":
        i = rng.randrange(len(old) - 1)
        old[i], old[i + 1] = old[i + 1], old[i]
        if old[i] == old[i + 1]:
            old.append(old[0])
    elif done == "truncated":
        old.pop()
    elif done == "repeated":
        old.append(old[0])
    else:
        old["extra"] = "1"
    return changed, f"{done} at {path}"


TAMPERED = [*OWN, *(t for t in LIBRARY if t.slug in (
    "usam-sharp-threshold-convex.descent", "usam-sharp-threshold-convex.threshold",
    "product-balancedness-identity.usam",
    "gd-usam-linear-stability-product.usam", "sam-1d-two-cycle.cycle", "sam-1d-two-cycle.attracts",
    "sam-epsilon-bifurcation.threshold", "sc-sam-neighbourhood", "pl-usam-descent-and-travel.travel",
))]  # fmt: skip


@pytest.mark.parametrize("theorem", TAMPERED, ids=lambda t: t.slug)
def test_tampered_certificates_are_rejected(theorem: Theorem) -> None:
    rng, body = random.Random(theorem.slug), body_of(theorem)
    seen = 0
    while seen < 25:
        changed, done = tampered(body, rng)
        if json.dumps(changed) == json.dumps(body):
            continue
        seen += 1
        assert rejected(theorem, changed), done


@pytest.mark.parametrize("theorem", [t for t in TAMPERED if t.kind in ("Cycle", "Limit")], ids=lambda t: t.slug)
def test_hints_that_lead_elsewhere_are_rejected(theorem: Theorem) -> None:
    body = body_of(theorem)
    for key in HINTS & set(body):
        changed = copy.deepcopy(body)
        if key == "centre":
            changed[key] = [str(F(c) + 50) for c in body[key]]
        elif key == "radius":
            changed[key] = ["100"] * len(body[key]) if isinstance(body[key], list) else "100"
        else:
            changed[key] = -1
        assert rejected(theorem, changed), key
    assert rejected(theorem, {**body, "radius": ["0"] if theorem.kind == "Cycle" else "0"})


def test_a_longer_horizon_needs_its_own_text_and_its_own_proof() -> None:
    (theorem,) = [t for t in OWN if t.slug == "travel"]
    body = body_of(theorem)
    longer = {**body, "horizon": body["horizon"] + 1}
    assert rejected(theorem, longer)
    # With the text it is another true statement; where the claim fails later it is none.
    longer["region"] = body["region"].replace(f"step {body['horizon']}", f"step {longer['horizon']}")
    check_region(theorem, longer)
    fails_later = theorem.with_(
        claim=Envelope(norm(w_start) - norm(w), norm(w_start) * sp.Rational(1023, 1024)), slug="fails later"
    )
    short = body_of(theorem) | {"horizon": 2}
    short["region"] = body["region"].replace(f"step {body['horizon']}", "step 2")
    check_region(fails_later, short)
    assert rejected(fails_later, body)


def test_boxes_that_were_not_followed_to_the_end_count_up_to_where_they_were() -> None:
    bound = Envelope(norm(w), 2 * norm(w_start))
    limits = (eta < sp.Rational(2, 3), rho < sp.Rational(2, 3))
    theorem = statement("valley", bound, *limits, loss=Product(log_cosh), rule=sam)
    body = json.loads(json.dumps(certify(theorem, "default").certificate))
    assert 1 < body["horizon"] < 64 and len(body["leaves"]) > 1
    check_region(theorem, body)
    assert rejected(theorem, {**body, "leaves": body["leaves"][1:]})
    further = {**body, "horizon": 64, "region": body["region"].replace(f"step {body['horizon']}", "step 64")}
    assert rejected(theorem, further)


def test_a_moved_region_is_another_statement_and_is_shown_or_rejected() -> None:
    (theorem,) = [t for t in OWN if t.slug == "cosh descends"]
    body = body_of(theorem)
    for low, high, true in (("1/4", "1/2", True), ("1/2", "3/4", True), ("1/2", "1", False), ("3", "4", False)):
        moved = copy.deepcopy(body)
        moved["box"]["eta"] = [low, high]
        moved["leaves"][0]["sides"][0] = [low, high]
        assert rejected(theorem, moved)
        moved["region"] = "loss log_cosh(u): " + ", ".join(f"{n} in [{a}, {b}]" for n, (a, b) in moved["box"].items())
        assert rejected(theorem, moved) != true


@pytest.mark.parametrize(
    ("slug", "claim"),
    [
        ("threshold", Threshold(Stability((sp.S.Zero,)), eta, sp.Rational(9, 4))),
        ("plane", Threshold(Stability((sp.S.Zero, sp.S.Zero)), eta, sp.Rational(3, 2))),
        ("threshold", Threshold(Stability((sp.S.One,)), eta, sp.Integer(2))),
        ("cycle", Cycle(((REACH,), (-REACH,)), ((1 - eta) ** 2,), stable=False)),
        ("cycle", Cycle(((REACH,), (-REACH,)), ((1 - eta),), stable=True)),
        ("cycle", Cycle(((REACH,), (REACH,)), ((1 - eta) ** 2,), stable=True)),
        ("limsup", Limit(norm(w), eta / 8, "limsup", "<=")),
        ("limsup", Limit(norm(w), eta / 2 + rho, "limsup", ">=")),
        ("limsup", Limit(norm(w), eta / 2 + rho)),
        ("envelope", Envelope(norm(w), norm(w_start) / 2)),
        ("travel", Envelope(norm(w_next - w), norm(w_start) * sp.Rational(15, 16), accumulate=True)),
        ("cosh descends", Inequality(value(w), value(w_next))),
        ("tanh", Inequality(sp.tanh(eta * rho), eta * rho * sp.Rational(3, 4))),
    ],
)
def test_the_certificate_of_a_true_statement_does_not_pass_for_a_false_one(slug: str, claim: Any) -> None:
    (theorem,) = [t for t in OWN if t.slug == slug]
    body = body_of(theorem)
    false = theorem.with_(claim=claim)
    if claim.kind == "Threshold":
        body["region"] = body["region"].replace(str(theorem.claim.critical) + " by", f"{claim.critical} by")
    with pytest.raises(Rejected) as reason:
        check_region(false, body)
    assert "text of the region" not in str(reason.value)


def test_members_outside_of_their_class_are_rejected() -> None:
    (theorem,) = [t for t in LIBRARY if t.slug == "sc-sam-neighbourhood"]
    body = body_of(theorem)
    outside = json.loads(
        json.dumps(body).replace('["7/8", "7/8"]', '["9/8", "9/8"]').replace("m_t1 = 7/8", "m_t1 = 9/8")
    )
    with pytest.raises(Rejected, match="no member"):
        check_region(theorem, outside)


def test_hypotheses_hold_on_the_whole_region_or_it_is_rejected() -> None:
    (theorem,) = [t for t in OWN if t.slug == "solved"]
    body = body_of(theorem)
    assert "rho" not in body["box"]
    # rho as a side of its own breaks the equality that determines it, whatever the claim is worth there.
    sides = {**body["box"], "rho": ["1/4", "1/4"]}
    moved = {**body, "box": {n: sides[n] for n in sorted(sides)}}
    moved["region"] = "loss quadratic(1): " + cover.box_text(cover.read_box(moved["box"], "box"))
    with pytest.raises(Rejected, match="hypothesis"):
        check_region(theorem, moved)
    stricter = theorem.with_(hypotheses=(*theorem.hypotheses, eta < sp.Rational(1, 100)))
    with pytest.raises(Rejected, match="hypothesis"):
        check_region(stricter, body)


def test_a_slug_is_not_swapped_unnoticed() -> None:
    bodies = {t.slug: body_of(t) for t in OWN}
    passed = [(t.slug, s) for t in OWN for s, b in bodies.items() if t.slug != s and not rejected(t, b)]
    assert passed == []


# -- the checker itself ---------------------------------------------------------------------------------------
def misses(draws: int = 60) -> int:
    """How many exact values lie outside of what the checker says of a box, for steps and formulas."""
    rng, outside = random.Random(1), 0
    cases = [(sam, Product(log_cosh), 2), (sam, BOTH, 2), (usam, COSH, 1), (gd, ROOT, 1), (sam.fix(eps=1), COSH, 1)]
    for chosen, loss, d in cases:
        field = Field(loss)
        sides = {"eta": (F(1, 4), F(1, 3)), "rho": (F(1, 8), F(1, 7))} | {
            f"w:{i}": (F(1 + i, 2), F(1 + i, 2) + F(1, 64)) for i in range(d)
        }

        def evaluate(k: Calculus, s: dict[str, Any], chosen: Any = chosen, field: Field = field, d: int = d) -> Number:
            env = {n: s[n] for n in chosen.parameters}
            state = Vector(s[f"w:{i}"] for i in range(d))
            for _ in range(3):
                (state,) = step(k, chosen, field, [state], env)
            return state[0]

        with precise():
            found, _ = value_over(evaluate, sides)
        for _ in range(draws):
            point = draw(box(sides), rng)
            before, ctx.prec = ctx.prec, 400
            try:
                state: Any = {"w": Coordinates(number(point[f"w:{i}"]) for i in range(d))}
                env = {n: number(point[n]) for n in chosen.parameters}
                for _ in range(3):
                    state = Map(chosen, loss).step(Ball(), state, env)
                outside += not found.contains(state["w"][0])
            finally:
                ctx.prec = before
    return outside


def test_exact_values_lie_inside_of_the_enclosures() -> None:
    assert misses() == 0


def test_a_checker_that_drops_radii_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(a: arb, b: arb) -> arb:
        return ((a + b) / 2).mid()

    monkeypatch.setattr(base, "hull_of", broken)
    monkeypatch.setattr(cover, "hull_of", broken)
    assert misses(20) > 0


def test_a_checker_that_halves_its_slopes_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Number, "_scaled", lambda self, f: {j: f * a / 2 for j, a in self.d.items()})
    try:
        found = misses(20)
    except ArithmeticError as problem:  # the two enclosures of one value contradict each other
        assert "disjoint" in str(problem)
    else:
        assert found > 0


def test_an_orbit_that_forgets_its_parameters_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def hull(sides: Any, point: dict[str, F]) -> bool:
        """Whether an exact orbit lies in the enclosure after 12 steps."""
        field = Field(COSH)
        with precise():
            found = orbit.Orbit(
                lambda k, s, env: list(step(k, gd, field, [Vector(s)], env)[0]), lambda k, s: dict(s), sides, ["w:0"]
            )
            for _ in range(12):
                found.step()
            state: Any = {"w": Coordinates([number(point["w:0"])])}
            for _ in range(12):
                state = Map(gd, COSH).step(Ball(), state, {"eta": number(point["eta"])})
            return bool(found.hull[0].overlaps(state["w"][0]))

    sides = {"eta": (F(1, 4), F(1, 3)), "w:0": (F(1), F(33, 32))}
    corners = [{"eta": a, "w:0": b} for a in sides["eta"] for b in sides["w:0"]]
    assert all(hull(sides, p) for p in corners)
    monkeypatch.setattr(orbit.Orbit, "chained", lambda self, a: Number(a.k, a.v, {}))
    try:
        broken = not all(hull(sides, p) for p in corners)
    except ArithmeticError:
        broken = True
    assert broken


def test_random_points_of_every_leaf_satisfy_the_claim() -> None:
    rng, seen = random.Random(3), 0
    for theorem in [t for t in (*OWN, *LIBRARY) if t.kind == "Inequality"]:
        body = body_of(theorem)
        if body is None:
            continue
        whole = {n: tuple(map(F, side)) for n, side in body["box"].items()}
        wide = [n for n, (low, high) in whole.items() if low < high]
        (scene,) = [s for s in chosen_scenes(theorem, False) if s.name == (body["loss"] or "formula")][:1]
        judge = Pointwise(scene, budget_of("quick"))
        before, ctx.prec = ctx.prec, 300
        try:
            for leaf in body["leaves"]:
                part = box({**whole, **dict(zip(wide, (tuple(map(F, s)) for s in leaf["sides"]), strict=True))})
                problem = Problem(scene, part)
                for _ in range(10):
                    point = {n: number(a) for n, a in draw(part, rng).items()}
                    r = judge.evaluate(Ball(), judge.program, *problem.environment(Ball(), point))
                    assert leaf["shown"] == "outside" or r["rhs"] - r["lhs"] > -(arb(10) ** -60)
                    seen += 1
        finally:
            ctx.prec = before
    assert seen >= 100


def test_the_checker_uses_nothing_of_the_arithmetics_and_engines() -> None:
    for path in Path(sam_theory.checker.__file__).parent.glob("_enclosure*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not [n for n in names if n.startswith(("sam_theory.arithmetic", "sam_theory.engines"))], path
            assert len(path.read_text(encoding="utf-8").splitlines()) < 300


def test_formulas_of_a_certificate_are_read_and_not_run() -> None:
    names = {"eta": eta}
    assert read_formula("-(eta + 1)**2/3 + sqrt(eta)", names) == -((eta + 1) ** 2) / 3 + sp.sqrt(eta)
    for text in ("__import__('os')", "eta.func", "2**10**10", "lam", "[1]", "1.5", "eta if 1 else 2", "f(eta)", "1/0"):
        with pytest.raises(Rejected):
            read_formula(text, names)


# -- diagrams -------------------------------------------------------------------------------------------------
def diagrams() -> dict[str, Any]:
    """One certificate of each kind."""
    usam_cells = certified_phase_diagram(Map(usam, Quadratic(1)), box(eta=(0, 2), rho=(0, 2)), at=[0], fraction="1/10")
    valley = certified_phase_diagram(
        Map(usam, Product(log_cosh)), box(eta=("1/10", 1), rho=(0, 1)), at=[0, 2], direction=0, fraction="1/4"
    )
    cells = certified_phase_diagram(
        Map(sam, Product(log_cosh)), box({"eta": ("0.1", "0.3"), "rho": "1/10", "w:1": (1, 2)}), frozen=["w:1"],
        fraction="1/2",
    )  # fmt: skip
    start = box({"eta": "1/10", "rho": "1/10", "w:0": "1/2", "w:1": ("2", "2.01")})
    cycle = certified_cycle(System(Map(sam, Quadratic(1))), box(eta=("0.99", "1.01"), rho=1), [0.9], 2)
    assert cycle is not None
    return {
        "fixed": usam_cells.certificate(),
        "valley": valley.certificate(),
        "cycles": cells.certificate(),
        "cycle": cycle.certificate(),
        "drift": certified_drift_time(Map(sam, Product(log_cosh)), start, "3", horizon=200).certificate(),
    }


@pytest.fixture(scope="module")
def made() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(diagrams()))
    return found


@pytest.mark.parametrize("name", ["fixed", "valley", "cycles", "cycle", "drift"])
def test_certificates_of_diagrams_are_accepted(made: dict[str, Any], name: str) -> None:
    check_diagram(made[name])


@pytest.mark.parametrize("name", ["fixed", "valley", "cycles"])
def test_tampered_cells_are_rejected(made: dict[str, Any], name: str) -> None:
    rng = random.Random(name)
    for trial in range(12):
        body = copy.deepcopy(made[name])
        i = rng.randrange(len(body["cells"]) - 1)
        cell = body["cells"][i]
        match trial % 6:
            case 0:
                del body["cells"][i]
            case 1:
                body["cells"][i], body["cells"][i + 1] = body["cells"][i + 1], cell
            case 2:
                low, high = cell["sides"][0]
                cell["sides"][0] = [low, str(F(high) + F(1, 64))]
            case 3:
                body["undecided"] = str(F(body["undecided"]) / 2)
            case 4:
                word = next(c for c in body["cells"] if c["shown"] == "stable")
                word["shown"] = "unstable"
            case 5:
                word = next(c for c in body["cells"] if c["shown"] == "undecided")
                word["shown"] = rng.choice(["stable", "unstable"])
                if name == "cycles":
                    word["near"] = next(c["near"] for c in body["cells"] if "near" in c)
        with pytest.raises(Rejected):
            check_diagram(body)


@pytest.mark.parametrize(
    ("name", "key", "changed"),
    [
        ("drift", "earliest", 71),
        ("drift", "latest", 72),
        ("drift", "below", "2"),
        ("drift", "coordinate", "w:0"),
        ("cycle", "shown", "unstable"),
        ("cycle", "near", ["2"]),
        ("cycle", "period", 1),
        ("cycle", "period", 4),
        ("cycle", "frozen", ["w:0"]),
        ("fixed", "what", {"at": ["1"], "direction": None}),
        ("fixed", "what", {"at": ["0", "0"], "direction": None}),
        ("valley", "what", {"at": ["0", "2"], "direction": None}),
        ("valley", "what", {"at": ["0", "3"], "direction": 0}),
        ("fixed", "map", {"rule": {"name": "gd", "options": {}}, "loss": {"eigenvalues": ["1"], "dimension": 1}}),
        ("fixed", "map", {"rule": {"name": "usam", "options": {}}, "loss": {"eigenvalues": ["2"], "dimension": 1}}),
        ("cycles", "what", {"frozen": ["w:1"], "period": 1}),
        ("cycles", "what", {"frozen": [], "period": 2}),
        ("cycles", "extra", 1),
    ],
)
def test_other_claims_with_the_same_data_are_rejected(made: dict[str, Any], name: str, key: str, changed: Any) -> None:
    assert made["drift"]["earliest"] == 70 and made["drift"]["latest"] == 73
    with pytest.raises(Rejected):
        check_diagram({**made[name], key: changed})


def test_losses_and_rules_are_written_down_and_read_again() -> None:
    losses = [Quadratic(1, 4), Quadratic("lam"), Quadratic(matrix=[[2, 1], [1, 3]]), Product(log_cosh, 2), COSH, BOTH]
    for loss in losses:
        again = loss_of(json.loads(json.dumps(describe_loss(loss))))
        assert again.symbolic_gradient() == loss.symbolic_gradient()
    for known in (gd, sam, usam, sam.fix(eps=F(1, 3)), sam.free("eps")):
        again_rule = rule_of(describe_rule(known))
        assert again_rule.program == known.program and again_rule.parameters == known.parameters


def test_what_cannot_be_written_down_is_refused() -> None:
    @rule
    def half(space: Any, w: Any, *, eta: Any) -> Any:
        return w - eta * space.grad(w) / 2

    for bad in ({"name": "half", "options": {}}, {"name": "sam"}, {"name": "sam", "options": {"tau": "1"}}):
        with pytest.raises(InputError):
            rule_of(bad)
    with pytest.raises(InputError):
        describe_rule(half)
    with pytest.raises(InputError):
        describe_loss(Product(even_link))
    unknown: list[dict[str, Any]] = [
        {},
        {"expression": "u"},
        {"eigenvalues": ["1"], "dimension": 2, "more": 1},
        {"product": "z*q", "factor_dimension": 1},
    ]
    for wrong in unknown:
        with pytest.raises(InputError):
            loss_of(wrong)
