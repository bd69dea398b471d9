"""Every fact of a class holds on every family of its members, and every check can fail."""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from itertools import permutations

import mpmath as mp
import numpy as np
import pytest
import sympy as sp
from flint import arb, fmpq

from sam_theory.arithmetic import (
    CURVATURE,
    GRADIENT,
    LENGTH,
    LOSS,
    Coordinates,
    Dimensional,
    Float64,
    Gram,
    Point,
    Rational,
    Span,
)
from sam_theory.errors import InputError
from sam_theory.losses import (
    LEMMA_SOURCES,
    ConvexSmooth,
    Fact,
    FunctionClass,
    PolyakLojasiewicz,
    Quadratic,
    ScaleInvariant,
    StronglyConvex,
    cauchy_schwarz,
    cauchy_schwarz_linear,
)
from sam_theory.losses._draw import SINE_BOUNDS
from sam_theory.losses._membership import invariance_violation, secant_violation
from sam_theory.rules import sam, usam

F = Fraction
ALPHA, BETA = sp.symbols("alpha beta", positive=True)
SC, CONVEX, PL, SI = (
    StronglyConvex(ALPHA, BETA),
    ConvexSmooth(BETA),
    PolyakLojasiewicz(ALPHA, BETA),
    ScaleInvariant(),
)
CLASSES = (SC, CONVEX, PL, SI)
PAIRS = [(c, f) for c in CLASSES for f in c.families()]
SIZE = 500

every_family = pytest.mark.parametrize(
    ("cls", "family"), PAIRS, ids=[f"{type(c).__name__}-{f.name}".replace(" ", "-") for c, f in PAIRS]
)


def _environment(cls, rng, size=SIZE):
    beta = 10 ** rng.uniform(-1, 1, size)
    alpha = beta / 10 ** rng.uniform(0, 3, size)
    alpha[: size // 10] = beta[: size // 10]
    env = {
        "alpha": alpha,
        "beta": beta,
        "eta": rng.uniform(0.1, 1.9, size) / beta,
        "rho": 10 ** rng.uniform(-1, 0, size),
    }
    return {n: v for n, v in env.items() if n in (*cls.parameters, "eta", "rho")}


def _gram_numbers(gram, vectors, values, env):
    """Numbers for every symbol of a Gram form, from actual vectors (columns of a batch)."""
    numbers = {sp.Symbol("L_star", real=True): 0.0, ALPHA: env.get("alpha", 0.0), BETA: env.get("beta", 0.0)}
    for a in vectors:
        numbers[gram.length(a)] = np.sqrt((vectors[a] ** 2).sum(axis=0))
        for b in vectors:
            if a != b:
                numbers[gram.entry(a, b)] = (vectors[a] * vectors[b]).sum(axis=0)
    return {**numbers, **values}


def _largest(symbol, numbers):
    """‖a‖‖b‖ for ⟨a,b⟩, and every other number itself."""
    if not symbol.name.startswith("<"):
        return numbers[symbol]
    a, b = symbol.name.strip("<>").split(",")
    return numbers[Gram().length(a)] * numbers[Gram().length(b)]


def _terms(expression, numbers):
    """The terms of an expanded expression, each a product of integer powers of numbers."""
    for term in sp.Add.make_args(sp.expand(expression)):
        product = 1.0
        for base, exponent in term.as_powers_dict().items():
            factor = float(base) if base.is_Number else numbers[base]
            product = product * factor ** int(exponent)
        yield product


def _violation(fact, numbers):
    """How far a relation fails, relative to its terms with ⟨a,b⟩ at its largest, ‖a‖‖b‖."""
    r = fact.relation
    assert isinstance(r, (sp.Le, sp.Eq))
    gap = sum(_terms(r.lhs, numbers)) - sum(_terms(r.rhs, numbers))
    largest = {s: _largest(s, numbers) for s in r.free_symbols}
    size = sum(np.abs(t) for side in (r.lhs, r.rhs) for t in _terms(side, largest))
    excess = np.abs(gap) if isinstance(r, sp.Eq) else gap
    return float(np.max(excess / np.where(size > 0, size, 1.0)))


def _measured(cls, family, seed=5, count=3):
    """A Gram form with ``count`` free points and the minimiser, and its numbers on drawn members."""
    rng = np.random.default_rng(seed)
    env = _environment(cls, rng)
    env = {**env, **family.draw(rng, SIZE, env)}
    gram = Gram()
    f, vectors, values = Float64(), {}, {}
    # Members have their minimiser at 0; here it lies elsewhere, so that no fact can rely on the origin.
    shift = rng.standard_normal((family.dimension, SIZE)) if cls is not SI else np.zeros((family.dimension, SIZE))
    if cls is not SI:
        gram.minimiser("w_star")
        vectors["w_star"] = shift
    for name in ("w", "v", "u", "x")[:count]:
        at = rng.standard_normal((family.dimension, SIZE)) * 10 ** rng.uniform(-2, 1, SIZE)
        point = gram.point(gram.vector(name))
        vectors[name] = at + shift
        vectors[f"g({name})"] = family.loss.gradient(f, at, env)
        values[point.value] = family.loss.value(f, at, env)
    return gram, _gram_numbers(gram, vectors, values, env), env


# -- facts -------------------------------
@every_family
def test_every_fact_holds_on_every_member(cls, family):
    gram, numbers, _ = _measured(cls, family)
    facts = cls.lemmas(gram)
    assert {f.name for f in facts} <= set(LEMMA_SOURCES)
    violations = {fact: _violation(fact, numbers) for fact in facts}
    assert max(violations.values()) < 1e-9, max(facts, key=violations.__getitem__)


WRONG = {
    "descent lemma with β/4": lambda a, b, d: sp.Le(
        b.value, a.value + d(a.gradient, b.at - a.at) + BETA / 4 * d(b.at - a.at, b.at - a.at)
    ),
    "cocoercivity with β/2": lambda a, b, d: sp.Le(
        d(b.gradient - a.gradient, b.gradient - a.gradient),
        BETA / 2 * d(b.gradient - a.gradient, b.at - a.at),
    ),
    "strong monotonicity with 2α": lambda a, b, d: sp.Le(
        2 * ALPHA * d(b.at - a.at, b.at - a.at), d(b.gradient - a.gradient, b.at - a.at)
    ),
    "PL with 3α": lambda a, b, d: sp.Le(3 * ALPHA * a.value, d(a.gradient, a.gradient)),
    "gap with β": lambda a, b, d: sp.Le(d(a.gradient, a.gradient), BETA * a.value),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_fact_is_caught_by_the_same_measurement(name):
    worst = []
    for family in SC.families():
        gram, numbers, _ = _measured(SC, family)
        _, a, b = gram.points[:3]
        worst.append(_violation(Fact(name, ("w", "v"), WRONG[name](a, b, gram.dot)), numbers))
    assert max(worst) > 1e-3


def test_convex_facts_are_caught_on_nonconvex_members():
    (nonconvex,) = (f for f in PL.families() if f.name == "nonconvex piecewise quadratic")
    gram, numbers, _ = _measured(PL, nonconvex)
    caught = {f.name for f in SC.lemmas(gram) if _violation(f, numbers) > 1e-3}
    assert {"convexity", "monotone gradient", "strong convexity", "cocoercivity", "interpolation"} <= caught
    assert not caught & {f.name for f in PL.lemmas(gram)}


def test_a_class_states_each_lemma_for_every_pair_once():
    gram = Gram()
    gram.minimiser("w_star")
    for name in ("w", "v"):
        gram.point(gram.vector(name))
    by_name = {}
    for fact in SC.lemmas(gram):
        by_name.setdefault(fact.name, []).append(fact.points)
    names = ("w_star", "w", "v")
    for ordered in ("descent lemma", "convexity", "strong convexity", "interpolation"):
        assert sorted(by_name[ordered]) == sorted(permutations(names, 2))
    for symmetric in ("Lipschitz gradient", "monotone gradient", "strong monotonicity", "cocoercivity"):
        assert by_name[symmetric] == [("w_star", "w"), ("w_star", "v"), ("w", "v")]
    for single in ("Polyak-Lojasiewicz", "gradient bounded by gap", "minimum"):
        assert by_name[single] == [("w",), ("v",)]
    assert {f.name for f in PL.lemmas(gram)} == {
        "descent lemma",
        "Lipschitz gradient",
        "Polyak-Lojasiewicz",
        "gradient bounded by gap",
        "minimum",
    }
    assert {f.name for f in CONVEX.lemmas(gram)} == set(by_name) - {
        "strong monotonicity",
        "strong convexity",
        "Polyak-Lojasiewicz",
    }


def test_the_descent_lemma_reads_as_written():
    gram = Gram()
    gram.point(gram.vector("a"))
    gram.point(gram.vector("b"))
    (fact,) = (f for f in CONVEX.lemmas(gram) if (f.name, f.points) == ("descent lemma", ("a", "b")))
    a, b, ab = gram.length("a"), gram.length("b"), gram.entry("a", "b")
    ga, gb = gram.entry("a", "g(a)"), gram.entry("b", "g(a)")
    la, lb = (sp.Symbol(f"L({p})", real=True) for p in "ab")
    assert (
        sp.expand(fact.relation.rhs - fact.relation.lhs - (la - lb + gb - ga + BETA / 2 * (b**2 - 2 * ab + a**2))) == 0
    )


def test_facts_cover_the_points_of_a_step():
    gram = Gram()
    gram.minimiser("w_star")
    env = {
        "w": gram.vector("w"),
        "eta": sp.Symbol("eta", positive=True),
        "rho": sp.Symbol("rho", positive=True),
    }
    step = gram.run(sam.program, env, SC)["w"]
    assert [p.name for p in gram.points] == ["w_star", "w", "p1"]
    gram.value(SC, step, {})
    assert len(gram.points) == 4
    lipschitz = {f.points: f.relation for f in SC.lemmas(gram) if f.name == "Lipschitz gradient"}
    assert lipschitz["w", "p1"].rhs == BETA**2 * env["rho"] ** 2


def test_every_fact_is_dimensionally_sound():
    gram = Gram()
    gram.minimiser("w_star")
    env = {"w": gram.vector("w"), "eta": sp.Symbol("eta", real=True), "rho": sp.Symbol("rho", real=True)}
    gram.run(usam.program, env, SC)
    from sam_theory.arithmetic import lower

    kinds = {"w": LENGTH, "w_star": LENGTH, "g(w)": GRADIENT, "g(p1)": GRADIENT}
    known = {"alpha": CURVATURE, "beta": CURVATURE, "rho": CURVATURE**-1, "L_star": LOSS}
    known |= {p.value.name: LOSS for p in gram.points}
    known |= {gram.entry(a, b).name: kinds[a] * kinds[b] for a, b in permutations(kinds, 2)}
    known |= {gram.length(a).name: kind for a, kind in kinds.items()}
    for fact in SC.lemmas(gram):
        sides = [Dimensional().run(lower(s), known)["result"] for s in (fact.relation.lhs, fact.relation.rhs)]
        assert sides[0].same(sides[1]), fact


# -- Cauchy–Schwarz and scale invariance -------------------------------
def test_cauchy_schwarz_holds_and_its_reverse_does_not():
    rng = np.random.default_rng(0)
    gram = Gram()
    vectors = {n: rng.standard_normal((3, 400)) for n in "ab"}
    for n in vectors:
        gram.vector(n)
    numbers = _gram_numbers(gram, vectors, {}, {})
    facts = [cauchy_schwarz(gram, "a", "b"), *cauchy_schwarz_linear(gram, "a", "b")]
    for fact in facts:
        assert fact.points == ("a", "b")
        assert _violation(fact, numbers) <= 0
        reverse = dataclasses.replace(fact, relation=sp.Le(fact.relation.rhs, fact.relation.lhs, evaluate=False))
        assert _violation(reverse, numbers) > 0.1


def test_scale_invariance_relates_points_on_one_ray_only():
    gram = Gram()
    w, c = gram.vector("w"), sp.Symbol("c", positive=True)
    gram.point(w)
    gram.point(w * c)
    gram.point(w * sp.Symbol("s", real=True))  # of unknown sign
    gram.point(gram.vector("v"))
    facts = SI.lemmas(gram)
    assert [f.points for f in facts if f.name == "Euler identity"] == [("w",), ("p1",), ("p2",), ("v",)]
    related = [f for f in facts if f.name == "scale invariance"]
    assert {f.points for f in related} == {("w", "p1")}
    rng = np.random.default_rng(1)
    (family, _) = SI.families()
    env = family.draw(rng, SIZE, {})
    f = Float64()
    at = {"w": rng.standard_normal((2, SIZE)), "v": rng.standard_normal((2, SIZE))}
    factor = {"p1": rng.uniform(0.5, 2.0, SIZE), "p2": rng.uniform(-2.0, -1.0, SIZE)}
    at |= {n: t * at["w"] for n, t in factor.items()}
    vectors = {"w": at["w"], "v": at["v"]} | {f"g({n})": family.loss.gradient(f, at[n], env) for n in at}
    values = {p.value: family.loss.value(f, at[p.name], env) for p in gram.points}
    numbers = _gram_numbers(gram, vectors, values, {}) | {
        c: factor["p1"],
        sp.Symbol("s", real=True): factor["p2"],
    }
    assert max(_violation(fact, numbers) for fact in facts) < 1e-12
    wrong = _gram_numbers(gram, vectors, values, {}) | {
        c: 1.01 * factor["p1"],
        sp.Symbol("s", real=True): factor["p2"],
    }
    assert max(_violation(fact, wrong) for fact in related) > 1e-3


# -- constants -------------------------------
def test_classes_know_their_symbols_hypotheses_and_dimensions():
    a, b = sp.symbols("a b", real=True)
    cls = StronglyConvex(a, b)
    assert cls.abstract and cls.dimension is None
    assert (cls.parameters, cls.class_symbols) == (("a", "b"), (a, b))
    assert cls.dimensions == {"a": CURVATURE, "b": CURVATURE}
    assert set(cls.hypotheses) == {a > 0, a <= b}
    assert ConvexSmooth(b).hypotheses == (b > 0,)
    assert ScaleInvariant().hypotheses == () and ScaleInvariant().parameters == ()
    assert StronglyConvex(1, F(7, 2)).parameters == ()
    assert StronglyConvex(1, b).parameters == ("b",)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: StronglyConvex(2, 1), "hypothesis"),
        (lambda: ConvexSmooth(1, dimension=0), "at least 1"),
        (lambda: StronglyConvex(0, 1), "hypothesis"),
        (lambda: ConvexSmooth(-1), "hypothesis"),
        (lambda: StronglyConvex(ALPHA), "takes alpha, beta"),
        (lambda: ScaleInvariant(ALPHA), "no constants"),
        (lambda: PolyakLojasiewicz(0.1, 1), "not exact"),
    ],
)
def test_wrong_constants_are_refused(build, message):
    with pytest.raises(InputError, match=message):
        build()


# -- interpolation -------------------------------
@pytest.mark.parametrize("cls", [SC, CONVEX], ids=["SC", "convex"])
def test_members_satisfy_the_interpolation_conditions(cls):
    for family in cls.families():
        gram, numbers, _ = _measured(cls, family, count=4)
        facts = cls.interpolation(gram.points)
        assert max(_violation(fact, numbers) for fact in facts) < 1e-9, family.name
    assert PL.interpolation([]) is None and SI.interpolation([]) is None
    assert PL.interpolation_slacks([]) is None


def _data(points):
    return [Point(n, Coordinates(at), Coordinates(g), value) for n, at, g, value in points]


def test_the_two_cycle_of_c1_satisfies_all_interpolation_conditions_exactly():
    """THEOREMS C1: β = ρ = 1, α = 1/1000, η = 3/10, a 2-cycle of SAM above βρ²s²/2 in dimension 2."""
    eta, alpha = F(3, 10), F(1, 1000)
    w1, u1, g1 = (F(-49, 8), F(0)), (F(-15, 113), F(112, 113)), F(1, 10)
    w2, u2 = (F(-2447, 400), F(-63, 200)), (F(-40, 401), F(-399, 401))
    pushed = (F(-1, 40), F(21, 20))
    points = _data(
        [
            ("0", (F(0), F(0)), (F(0), F(0)), F(0)),
            ("w1", w1, [g1 * c for c in u1], F(1, 20)),
            ("w2", w2, [g1 * c for c in u2], F(1, 20)),
            ("w1+u1", [a + b for a, b in zip(w1, u1, strict=True)], pushed, F(5, 8)),
            ("w2+u2", [a + b for a, b in zip(w2, u2, strict=True)], [-c for c in pushed], F(5, 8)),
        ]
    )
    assert sum(c * c for c in u1) == sum(c * c for c in u2) == 1
    assert tuple(a - eta * c for a, c in zip(w1, pushed, strict=True)) == w2
    assert tuple(a + eta * c for a, c in zip(w2, pushed, strict=True)) == w1
    slacks = StronglyConvex(alpha, 1).interpolation_slacks(points, alpha=alpha, beta=F(1))
    assert len(slacks) == 20 and all(isinstance(s, Fraction) and s > 0 for s in slacks.values())
    # THEOREMS states the least slack without the factor 2(β−α).
    assert min(slacks.values()) / (2 * (1 - alpha)) == F(16535, 14449536)
    assert F(1, 20) > eta**2 / 2
    raised = [dataclasses.replace(p, value=p.value + F(1, 2)) if p.name == "w1" else p for p in points]
    assert min(StronglyConvex(alpha, 1).interpolation_slacks(raised, alpha=alpha, beta=F(1)).values()) < 0


def test_data_of_a_nonmember_violate_the_interpolation_conditions():
    """A concave piece, a slope above β, a slope below α, and a value off the parabola."""
    cases = {
        "concave": [((F(0),), (F(0),), F(0)), ((F(1),), (F(-1),), F(-1, 2))],
        "too steep": [((F(0),), (F(0),), F(0)), ((F(1),), (F(3),), F(3, 2))],
        "too flat": [((F(0),), (F(0),), F(0)), ((F(1),), (F(1, 2),), F(1, 4))],
        "wrong value": [((F(0),), (F(0),), F(0)), ((F(1),), (F(3, 2),), F(5, 4))],
    }
    cls = StronglyConvex(1, 2)
    for name, rows in cases.items():
        points = _data([(str(i), *row) for i, row in enumerate(rows)])
        assert min(cls.interpolation_slacks(points, alpha=F(1), beta=F(2)).values()) < 0, name
    fine = _data([("0", (F(0),), (F(0),), F(0)), ("1", (F(1),), (F(3, 2),), F(3, 4))])
    assert min(cls.interpolation_slacks(fine, alpha=F(1), beta=F(2)).values()) > 0


def test_equal_constants_leave_no_freedom_in_the_values():
    cls = StronglyConvex(2, 2)
    good = _data([("0", (F(0),), (F(0),), F(0)), ("1", (F(1),), (F(2),), F(1))])
    assert set(cls.interpolation_slacks(good, alpha=F(2), beta=F(2)).values()) == {0}
    bad = [good[0], dataclasses.replace(good[1], value=F(3, 2))]
    assert min(cls.interpolation_slacks(bad, alpha=F(2), beta=F(2)).values()) < 0
    assert {k[0] for k in cls.interpolation_slacks(good, alpha=F(2), beta=F(2))} == {
        "interpolation",
        "descent lemma",
        "strong convexity",
    }


def test_symbolic_and_numerical_interpolation_agree():
    rows = [("a", (F(1), F(2)), (F(1), F(1)), F(3)), ("b", (F(-1), F(3)), (F(0), F(2)), F(5, 2))]
    points, gram = _data(rows), Gram()
    for name, *_ in rows:
        gram.point(gram.vector(name))
    vectors = {p.name: p.at for p in points} | {f"g({p.name})": p.gradient for p in points}
    numbers = {ALPHA: F(1, 3), BETA: F(5)} | {sp.Symbol(f"L({p.name})", real=True): p.value for p in points}
    dots = {(a, b): Rational().dot(vectors[a], vectors[b]) for a in vectors for b in vectors}
    for (a, b), d in dots.items():
        exact = sp.Rational(d.numerator, d.denominator)
        numbers[gram.entry(a, b) if a != b else gram.length(a)] = exact if a != b else sp.sqrt(exact)
    slacks = SC.interpolation_slacks(points, alpha=F(1, 3), beta=F(5))
    for fact in SC.interpolation(gram.points):
        values = {s: sp.sympify(v) if not isinstance(v, Fraction) else sp.Rational(v.numerator, v.denominator)
                  for s, v in numbers.items()}  # fmt: skip
        slack = (fact.relation.rhs - fact.relation.lhs).subs(values)
        expected = slacks[fact.name, *fact.points]
        assert slack == sp.Rational(expected.numerator, expected.denominator)


# -- families -------------------------------
@every_family
def test_drawn_members_belong_to_their_class(cls, family):
    rng = np.random.default_rng(11)
    env = _environment(cls, rng, 2000)
    numbers = family.draw(rng, 2000, env)
    assert set(numbers) == set(family.inputs)
    assert all(np.shape(v) == (2000,) for v in numbers.values())
    constants = {n: v for n, v in env.items() if n in cls.parameters}
    assert family.check({**constants, **numbers}, rng) < 1e-9
    assert np.all(family.minimum({**constants, **numbers}) == 0)


@pytest.mark.parametrize("dimension", [1, 2, 3, 5])
def test_a_class_of_fixed_dimension_draws_members_of_that_dimension(dimension):
    rng = np.random.default_rng(0)
    for cls in (
        StronglyConvex(ALPHA, BETA, dimension=dimension),
        ConvexSmooth(BETA, dimension=dimension),
        PolyakLojasiewicz(ALPHA, BETA, dimension=dimension),
    ):
        assert len(cls.families()) >= 2
        for family in cls.families():
            assert family.dimension == dimension
            env = {n: v for n, v in _environment(cls, rng).items() if n in cls.parameters}
            assert family.check({**env, **family.draw(rng, SIZE, env)}, rng) < 1e-9
    rayleigh = ScaleInvariant(dimension=dimension).families()
    assert [f.dimension for f in rayleigh] == ([dimension] if dimension > 1 else [])
    plane = _data([("0", (F(0), F(0)), (F(0), F(0)), F(0))])
    if dimension != 2:
        with pytest.raises(InputError, match="dimension"):
            StronglyConvex(1, 2, dimension=dimension).interpolation_slacks(plane, alpha=F(1), beta=F(2))


def test_the_membership_check_catches_nonmembers():
    rng = np.random.default_rng(2)
    ones = np.ones(50)
    for loss in (Quadratic(3), Quadratic(F(1, 3)), Quadratic(1, 3)):
        assert secant_violation(loss, {"alpha": ones, "beta": 2 * ones}, rng, "alpha") > 0.1
    assert secant_violation(Quadratic(F(3, 2)), {"alpha": ones, "beta": 2 * ones}, rng, "alpha") < 1e-9
    assert invariance_violation(Quadratic(1, 1), {"size": ones}, rng) > 0.1
    (family,) = (f for f in PL.families() if f.name == "nonconvex piecewise quadratic")
    env = {"alpha": ones / 10, "beta": 2 * ones}
    numbers = family.draw(rng, 50, env)
    deeper = {n: 1.6 * ones if n.endswith("depth") else v for n, v in numbers.items()}
    assert family.check({**env, **deeper}, rng) > 0.1
    assert secant_violation(family.loss, {**env, **numbers}, rng, "zero") > 0.1


@every_family
def test_one_member_on_many_states_agrees_with_a_batch_of_members(cls, family):
    """Single floats as numbers, also where the batch is as long as the state."""
    rng, f, count = np.random.default_rng(7), Float64(), family.dimension
    env = {n: float(v[0]) for n, v in _environment(cls, rng).items() if n in cls.parameters}
    one = env | {n: float(v[0]) for n, v in family.draw(rng, 1, env).items()}
    many = {n: np.full(count, v) for n, v in one.items()}
    w = rng.standard_normal((family.dimension, count))
    assert np.array_equal(family.loss.gradient(f, w, one), family.loss.gradient(f, w, many))
    assert np.array_equal(family.loss.value(f, w, one), family.loss.value(f, w, many))


@every_family
def test_draws_repeat_with_the_same_generator(cls, family):
    env = _environment(cls, np.random.default_rng(1), 64)
    first, again, other = (family.draw(np.random.default_rng(s), 64, env) for s in (9, 9, 10))
    assert all(np.array_equal(first[n], again[n]) for n in first)
    assert any(not np.array_equal(first[n], other[n]) for n in first)


@every_family
def test_the_gradient_is_that_of_the_value(cls, family):
    """Taylor slope 2 away from kinks; the differentiated program never comes from the value program."""
    rng = np.random.default_rng(23)
    env = {n: v[:40] for n, v in _environment(cls, rng).items() if n in cls.parameters}
    env |= family.draw(rng, 40, env)
    f = Float64()
    w = rng.uniform(-1.5, 1.5, (family.dimension, 40))
    v = rng.uniform(0.5, 1.0, (family.dimension, 40))
    start, slope = family.loss.value(f, w, env), (family.loss.gradient(f, w, env) * v).sum(axis=0)
    errors = []
    for k in (8, 11):
        t = 2.0**-k
        errors.append(np.abs(family.loss.value(f, w + t * v, env) - start - t * slope))
    clean = errors[0] > 1e-9
    ratio = errors[0][clean] / errors[1][clean]
    if clean.any():
        assert np.median(ratio) == pytest.approx(64, rel=0.1)
    assert np.all(errors[1] <= (env["beta"] if "beta" in env else 40.0) * (v**2).sum(axis=0) * 4.0**-11 + 1e-12)


@every_family
def test_member_programs_are_dimensionally_sound(cls, family):
    d = Dimensional()
    env = {**family.loss.dimensions, "w": LENGTH}
    assert d.run(family.loss.value_program, env)["result"] == LOSS
    assert d.run(family.loss.gradient_program, env)["result"] == (LOSS / LENGTH)


def test_soft_absolute_values_are_those_of_a1_moved_to_their_minimiser():
    """Against Σ ε√((b·v−a)²+ε²) in 40 digits: offsets s = b·c − a, minimiser c from ∇ = 0."""
    (family,) = (f for f in SC.families() if f.name.endswith("soft absolute values, d=2"))
    rng = np.random.default_rng(8)
    env = {"alpha": np.array([0.3]), "beta": np.array([5.0])}
    m = {n: v[0] for n, v in family.draw(rng, 1, env).items()}
    f = Float64()
    with mp.workdps(40):
        alpha, delta = mp.mpf(env["alpha"][0]), mp.sqrt(mp.mpf(5) - mp.mpf(env["alpha"][0]))
        b = [[delta * mp.mpf(m[f"m_b{k}_{i}"]) for i in (1, 2)] for k in (1, 2, 3)]
        eps = [delta * mp.mpf(m[f"m_width{k}"]) for k in (1, 2, 3)]
        s = [delta * mp.mpf(m[f"m_offset{k}"]) for k in (1, 2, 3)]
        centre = [
            -sum(e * t / mp.sqrt(t**2 + e**2) * row[i] for e, t, row in zip(eps, s, b, strict=True)) / alpha
            for i in (0, 1)
        ]
        a = [mp.fdot(row, centre) - t for row, t in zip(b, s, strict=True)]

        def total(v):
            soft = sum(e * mp.sqrt((mp.fdot(r, v) - t) ** 2 + e**2) for r, t, e in zip(b, a, eps, strict=True))
            return alpha / 2 * mp.fdot(v, v) + soft

        assert sum(mp.fdot(r, r) for r in b) <= 5 - alpha
        for scale in (1e-6, 1e-3, 1.0, 30.0):
            w = rng.standard_normal(2) * scale
            moved = [c + mp.mpf(x) for c, x in zip(centre, w, strict=True)]
            got = family.loss.value(f, w[:, None], {**env, **m})[0]
            assert float(got) == pytest.approx(float(total(moved) - total(centre)), rel=1e-11)
            g = family.loss.gradient(f, w[:, None], {**env, **m})[:, 0]
            true = [alpha * c for c in moved]
            for row, shift, e in zip(b, a, eps, strict=True):
                z = mp.fdot(row, moved) - shift
                true = [t + e * z / mp.sqrt(z**2 + e**2) * c for t, c in zip(true, row, strict=True)]
            assert [float(t) for t in true] == pytest.approx(list(g), rel=1e-9, abs=1e-12 * scale)


RATIONAL = [(c, f) for c, f in PAIRS if f.rational]


@pytest.mark.parametrize(("cls", "family"), RATIONAL, ids=[f"{type(c).__name__}-{f.name}" for c, f in RATIONAL])
def test_rational_families_are_exact_in_fractions_and_agree_with_floats(cls, family):
    rng = np.random.default_rng(4)
    env = {"alpha": np.full(20, 0.25), "beta": np.full(20, 4.0)}
    numbers = family.draw(rng, 20, env)
    r, f = Rational(), Float64()
    for i in range(20):
        exact = {"alpha": F(1, 4), "beta": F(4), **family.exact_member(numbers, i)}
        w = [F(int(k), 16) for k in rng.integers(-64, 65, family.dimension)]
        w[0] = w[0] or F(1)
        value = family.loss.value(r, Coordinates(w), exact)
        gradient = family.loss.gradient(r, Coordinates(w), exact)
        assert isinstance(value, Fraction) and all(isinstance(g, Fraction) for g in gradient)
        one = {n: v[i : i + 1] for n, v in {**env, **numbers}.items()}
        at = np.array([[float(c)] for c in w])
        assert float(value) == pytest.approx(float(family.loss.value(f, at, one)[0]), rel=1e-13, abs=1e-15)
        assert [float(g) for g in gradient] == pytest.approx(
            list(family.loss.gradient(f, at, one)[:, 0]), rel=1e-12, abs=1e-13
        )


def test_a_rounded_member_is_still_a_member():
    rng = np.random.default_rng(6)
    for family in PL.families():
        if not family.rational:
            continue
        env = {"alpha": np.full(40, 0.25), "beta": np.full(40, 4.0)}
        numbers = family.draw(rng, 40, env)
        rounded = [family.exact_member(numbers, i, 7) for i in range(40)]
        assert all(v.denominator <= 7 for m in rounded for v in m.values())
        arrays = {n: np.array([float(m[n]) for m in rounded]) for n in family.inputs}
        assert family.check({**env, **arrays}, rng) < 1e-9


def test_the_pl_constant_of_the_nonconvex_member_is_computed_exactly_from_its_kinks():
    """g²/2L at the end of the fall is at least α, and close to it where the fall is as deep as allowed."""
    (family,) = (f for f in PL.families() if f.name == "nonconvex piecewise quadratic")
    rng, r, alpha, beta = np.random.default_rng(12), Rational(), F(1, 10), F(3)
    env = {"alpha": np.full(200, 0.1), "beta": np.full(200, 3.0)}
    numbers = family.draw(rng, 200, env)
    ratios, slopes = [], set()
    for i in range(0, 200, 5):
        m = {"alpha": alpha, "beta": beta, **family.exact_member(numbers, i, 64)}
        rise = (1 - m["m_right_slope1"]) * alpha + m["m_right_slope1"] * beta
        fall = beta * (1 + 7 * m["m_right_slope2"]) / 8
        # The end of the fall: where the slope turns from −fall to the tail's.
        y = alpha * (rise + fall) / (rise * (alpha + fall))
        root = F(1)
        for _ in range(3):
            root = (root + y / root) / 2
        assert root * root >= y
        kink = m["m_right_length1"] + rise * m["m_right_length1"] * (1 - root) * m["m_right_depth"] / fall
        g = family.loss.gradient(r, Coordinates([kink]), m)[0]
        value = family.loss.value(r, Coordinates([kink]), m)
        assert g > 0 and g * g >= 2 * alpha * value
        ratios.append(g * g / (2 * value) / alpha)
        middle = (m["m_right_length1"] + kink) / 2
        if middle < kink:
            left = family.loss.gradient(r, Coordinates([m["m_right_length1"]]), m)[0]
            slopes.add(
                (family.loss.gradient(r, Coordinates([middle]), m)[0] - left) / (middle - m["m_right_length1"]) == -fall
            )
    assert slopes == {True}
    assert min(ratios) < F(11, 10)


def _certified(c, alpha, end):
    """Whether f'² > 2αf for f = x² + c sin²x on all x ≠ 0, by balls on [0, end] and a bound beyond."""

    def number(x):
        return arb(fmpq(x.numerator, x.denominator))

    if not (c < 2 * end and (2 - c / end) ** 2 > 2 * alpha * (1 + c / end**2)):
        return False
    boxes = [(F(0), end)]
    while boxes:
        low, high = boxes.pop()
        x = arb(number((low + high) / 2), number((high - low) / 2))
        left = (2 + 2 * number(c) * (2 * x).sinc()) ** 2
        if left > 2 * number(alpha) * (1 + number(c) * x.sinc() ** 2):
            continue
        if high - low < F(1, 2**20):
            return False
        boxes += [(low, (low + high) / 2), ((low + high) / 2, high)]
    return True


def test_the_pl_constants_of_the_sine_family_are_certified_by_balls():
    assert SINE_BOUNDS[F(0)] == 2  # x²: f'² = 4x² = 2·2·f
    for c, alpha in SINE_BOUNDS.items():
        if c:
            assert _certified(c, alpha, F(60)), c
            assert not _certified(c, alpha * F(51, 50), F(60)), c
    assert not _certified(F(3), F(17554, 100000), F(60))
    ratios = [a / (2 + 2 * c) for c, a in SINE_BOUNDS.items()]
    assert ratios == sorted(ratios, reverse=True) and ratios[0] == 1


def test_the_extremal_losses_of_c3_are_drawn():
    """s = 1/2, κ = 22/10 ≥ 1/(1−s): SAM on a drawn member comes to βρ²s²/2 = 1/8 from below."""
    (family,) = (f for f in SC.families() if f.name == "strongly convex piecewise quadratic")
    size, rng = 2000, np.random.default_rng(0)
    env = {
        "alpha": np.full(size, 1 / 2.2),
        "beta": np.ones(size),
        "eta": np.full(size, 0.5),
        "rho": np.ones(size),
    }
    env |= family.draw(rng, size, env)
    f, w = Float64(), rng.uniform(-2.0, 2.0, (1, size))
    tail = np.zeros(size)
    for step in range(400):
        w = f.run(sam.program, {**env, "w": w}, family.loss)["w"]
        if step >= 360:
            tail = np.maximum(tail, family.loss.value(f, w, env))
    assert 0.1249 < tail.max() <= 0.125 * (1 + 1e-9)


def test_scale_invariant_members_satisfy_the_norm_identity_of_sam():
    """D14: ‖w⁺‖² = ‖w‖² + 2ηρ⟨g̃, u⟩ + η²‖g̃‖², because ⟨g̃, w+ρu⟩ = 0."""
    rng, f = np.random.default_rng(3), Float64()
    for family in SI.families():
        env = family.draw(rng, SIZE, {})
        w = rng.standard_normal((family.dimension, SIZE))
        eta, rho = 0.3, 0.2
        g = family.loss.gradient(f, w, env)
        u = g / np.sqrt((g**2).sum(axis=0))
        pushed = family.loss.gradient(f, w + rho * u, env)
        after = f.run(sam.program, {**env, "w": w, "eta": eta, "rho": rho}, family.loss)["w"]
        expected = (w**2).sum(axis=0) + 2 * eta * rho * (pushed * u).sum(axis=0) + eta**2 * (pushed**2).sum(axis=0)
        assert (after**2).sum(axis=0) == pytest.approx(expected, rel=1e-12)


def test_a_span_multiple_of_unknown_sign_is_not_related():
    gram = Gram()
    gram.point(Span({"w": sp.S.One}))
    gram.point(Span({"w": sp.S.NegativeOne}))
    assert all(f.name == "Euler identity" for f in SI.lemmas(gram))


@pytest.mark.parametrize("cls", [SC, PL, CONVEX, SI], ids=lambda c: type(c).__name__)
def test_named_lemmas_are_those_of_all_lemmas_that_bear_the_name(cls: FunctionClass) -> None:
    gram = Gram()
    w = gram.vector("w")
    for at in (w, w + gram.vector("v"), w * 2):
        cls.gradient(gram, at)
    every = cls.lemmas(gram)
    assert {f.name for f in every} > {every[0].name}
    for names in ({every[0].name}, {f.name for f in every[1:]}, {"no such lemma"}):
        assert cls.lemmas_named(gram, names) == [f for f in every if f.name in names]
