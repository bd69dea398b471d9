"""Multipliers: contradictory systems are refuted by identities, satisfiable ones never, and no tampering passes."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from sam_theory.checker._refutation import Rejected, verify
from sam_theory.engines import _smt
from sam_theory.engines._goals import goals_of
from sam_theory.engines._multipliers import attempt, refute, systems
from sam_theory.engines._multipliers._system import data
from sam_theory.theorems import library

a, b, c, d, x, y = sp.symbols("a b c d x y", real=True)


def system(*relations: Any) -> list[dict[str, Any]]:
    return [data(r) for r in relations]


REFUTABLE = {
    "linear": system(x > 1, x + y < 0, y > 0),
    "constant": system(sp.Gt(-1, 0, evaluate=False)),
    "product of signs": system(x > 0, y > 0, x * y <= 0),
    "a factor of known sign": system(x > 0, x * y > 0, y <= 0),
    "arithmetic and geometric mean": system(x**2 + y**2 < 2 * x * y),
    "Cauchy-Schwarz in the plane": system((a * c + b * d) ** 2 > (a**2 + b**2) * (c**2 + d**2)),
    "square root": system(x >= 0, sp.Eq(x**2, 2), x < 1),
    "absolute value": system(x >= 0, sp.Eq(x**2, y**2), x < y),
    "minimum": system(sp.Eq((x - a) * (x - b), 0), x <= a, x <= b, a > 0, b > 0, x <= 0),
    "not zero": system(sp.Ne(x, 0), sp.Eq(x * y, 0), y > 0),
    "multiple of an equality": system(sp.Eq(x - y * a, 0), sp.Ne(x * b, y * a * b)),
    "square of three terms": system((x + 2 * y - a) ** 2 + b**2 < 0),
    "square that vanishes": system(sp.Eq(x**2, 0), x > 0),
}


@pytest.mark.parametrize("name", REFUTABLE)
def test_contradictory_system_is_refuted(name: str) -> None:
    relations = REFUTABLE[name]
    tree = refute(relations)
    assert tree is not None
    verify(json.loads(json.dumps(tree)), relations)


def test_search_repeats() -> None:
    assert [refute(r) for r in REFUTABLE.values()] == [refute(r) for r in REFUTABLE.values()]


def test_failure_is_said() -> None:
    motzkin = system(x**4 * y**2 + x**2 * y**4 + 1 < 3 * x**2 * y**2)
    tree, reason = attempt(motzkin)  # not a sum of squares: it takes a multiplier that is one
    assert tree is not None or "multipliers" in reason
    assert attempt(system(x > 0)) == (None, "the relations have a common solution")
    assert attempt(system(x > 0, y > 0, x * y <= 0), 1)[0] is None


# -- soundness -----------------------------------------------------------------------------------------------------
small = st.integers(-3, 3)


@st.composite
def satisfiable(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Random relations, each of which holds at one random point."""
    point = {v: Fraction(draw(small), draw(st.integers(1, 3))) for v in "xyz"}
    found = []
    for _ in range(draw(st.integers(1, 5))):
        terms: dict[tuple[int, ...], Fraction] = {}
        for _ in range(draw(st.integers(1, 4))):
            terms[tuple(draw(st.integers(0, 2)) for _ in "xyz")] = Fraction(draw(small.filter(bool)))
        value = Fraction(0)
        for m, k in terms.items():
            for v, e in zip("xyz", m, strict=True):
                k *= point[v] ** e
            value += k
        sign = -1 if value < 0 else 1
        op = draw(st.sampled_from([">=", "==", "!="] if value == 0 else [">=", ">", "!=", "=="]))
        if (op == "==" and value) or (op == "!=" and not value):
            op = ">="
        poly = [[str(sign * k), {v: e for v, e in zip("xyz", m, strict=True) if e}] for m, k in terms.items()]
        found.append({"op": op, "poly": poly})
    return found


@settings(max_examples=80)
@given(satisfiable())
def test_satisfiable_system_is_never_refuted(relations: list[dict[str, Any]]) -> None:
    assert refute(relations, 2000) is None


# -- tampering -----------------------------------------------------------------------------------------------------
def places(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Paths to everything inside of a tree."""
    if path:
        yield path
    for key, child in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ():
        yield from places(child, (*path, key))


def at(tree: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        tree = tree[key]
    return tree


def tampered(tree: dict[str, Any], rng: random.Random) -> dict[str, Any]:
    """The tree with one change that alters what it says."""
    changed = copy.deepcopy(tree)
    path = rng.choice(list(places(changed)))
    owner, key = at(changed, path[:-1]), path[-1]
    value = owner[key]
    if isinstance(value, str):
        number = Fraction(value)
        owner[key] = rng.choice([str(number + 1), str(-number), str(number / 3), f"{2 * number.numerator}/2", "0", 1.5])
    elif isinstance(value, int):
        owner[key] = rng.choice([value + 1, value + 50, -1, True, str(value)])
    elif isinstance(value, list) and value and rng.random() < 0.5:
        value.pop(rng.randrange(len(value)))
    elif isinstance(value, list):
        value.append(rng.choice([0, 99, None, ["1", {}], {"coefficient": "1", "factors": []}]))
    elif rng.random() < 0.5:
        del owner[key]
    else:
        value["unknown"] = 1
    return changed


def test_tampered_trees_are_rejected() -> None:
    rng = random.Random(0)
    trees = [(refute(r), r) for r in REFUTABLE.values()]
    rejected = 0
    for _ in range(1500):
        tree, relations = rng.choice(trees)
        assert tree is not None
        changed = tampered(tree, rng)
        if changed == tree and json.dumps(changed) == json.dumps(tree):
            continue
        try:
            verify(changed, relations)
        except Rejected:
            rejected += 1
            continue
        # What passes is another true proof: it refutes nothing as soon as a relation that it uses is turned around.
        assert all(_fails(changed, relations, n) for n in _used(changed, len(relations)))
    assert rejected >= 1000


def _used(tree: Any, count: int) -> set[int]:
    terms = tree.get("combine", ()) if isinstance(tree, dict) else ()
    own = {i for t in terms for i in (t["factors"] if "factors" in t else [t["equality"]]) if i < count}
    return own.union(*(_used(c, count) for c in tree.get("cases", {}).values()))


def _fails(tree: Any, relations: list[dict[str, Any]], n: int) -> bool:
    weaker = [*relations[:n], {"op": ">=", "poly": [["1", {}]]}, *relations[n + 1 :]]
    weaker[n]["poly"] = [["1", {}], *[t for t in relations[n]["poly"] if t[1]]]
    weaker[n]["poly"][0][0] = "7919/7907"
    try:
        verify(tree, weaker)
    except Rejected:
        return True
    return False


X = [["1", {"x": 1}]]
POSITIVE = {"op": ">", "poly": X}
NEGATIVE = {"op": ">=", "poly": [["-1", {"x": 1}]]}
SUM = {"combine": [{"coefficient": "1", "factors": [0]}, {"coefficient": "1", "factors": [1]}]}


def test_wrong_refutations_are_rejected_with_the_reason() -> None:
    verify(SUM, [POSITIVE, NEGATIVE])
    leaf: dict[str, Any] = {"combine": []}
    deep: dict[str, Any] = SUM
    for _ in range(150):
        deep = {"split": X, "cases": {"<=0": deep, ">0": SUM}}
    term = {"coefficient": "1", "factors": [0]}
    for tree, reason in (
        (leaf, "no term is positive"),
        ({"combine": [term]}, "do not add up"),
        ({"combine": [{**term, "coefficient": "-1"}]}, "not positive"),
        ({"combine": [{**term, "factors": [2]}]}, "no index"),
        ({"combine": [{**term, "factors": [1, 0]}]}, "ascend"),
        ({"combine": [{"equality": 0, "cofactor": X}]}, "no equality"),
        ({"split": X, "cases": {"<0": SUM, ">0": SUM}}, "cases"),
        ({"split": [["1", {"z": 1}]], "cases": {"<=0": SUM, ">0": SUM}}, "no variable"),
        ({"split": [["1", {"x": 10**9}]], "cases": {"<=0": SUM, ">0": SUM}}, "exponent"),
        ({"split": [["9" * 5000, {"x": 1}]], "cases": {"<=0": SUM, ">0": SUM}}, "rational"),
        ({"split": [["2/4", {"x": 1}]], "cases": {"<=0": SUM, ">0": SUM}}, "lowest terms"),
        ({"split": [*X, *X], "cases": {"<=0": SUM, ">0": SUM}}, "repeats"),
        (deep, "deeper"),
        ({"combine": [{**term, "factors": [0] * 33}]}, "more than"),
        (None, "keys"),
    ):
        with pytest.raises(Rejected, match=reason):
            verify(tree, [POSITIVE, NEGATIVE])
    with pytest.raises(Rejected, match="too large"):
        wide = [["1", {f"v{i}": 1}] for i in range(25)]
        verify({"combine": [{"coefficient": "1", "factors": [0] * 20}]}, [{"op": ">", "poly": wide}])
    with pytest.raises(Rejected, match="operator"):
        verify(SUM, [{**POSITIVE, "op": "<"}, NEGATIVE])


def test_checker_imports_nothing_but_the_standard_library() -> None:
    text = Path(verify.__code__.co_filename).read_text(encoding="utf-8")
    assert "sympy" not in text and "flint" not in text and "sam_theory.engines" not in text


# -- the library ---------------------------------------------------------------------------------------------------
SAMPLE = ("usam-sharp-threshold-convex.threshold", "sam-1d-two-cycle.cycle", "sam-never-converges-sc.step-length")


@pytest.mark.parametrize("slug", SAMPLE)
def test_contradictions_of_the_library_have_multipliers(slug: str) -> None:
    [theorem] = [t for t in library() if t.slug == slug]
    seen = 0
    for goal in goals_of(theorem):
        answer, found = _smt.close_with_contradictions(goal, 4_000_000)
        for parts in found if answer.status == "proved" else ():
            if all(r.lhs.is_polynomial() and r.rhs.is_polynomial() for r in parts if isinstance(r, sp.Rel)):
                for relations in systems(parts):
                    tree = refute(relations)
                    assert tree is not None, relations
                    verify(tree, relations)
                    seen += 1
    assert seen >= 3


def test_systems_are_the_alternatives_of_boolean_combinations() -> None:
    parts = [sp.Implies(x > 0, y > 0), sp.Not(sp.Or(x < 0, y > 0))]
    found = list(systems(parts))
    assert len(found) == 2
    assert all({"op": ">=", "poly": [["-1", {"y": 1}]]} in s for s in found)
    assert list(systems([sp.true])) == [[]]
    assert refute(next(systems([sp.false]))) is not None
