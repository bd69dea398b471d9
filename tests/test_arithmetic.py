"""Every operation in every arithmetic, against values written out by hand or computed by mpmath."""

from __future__ import annotations

import math
import pickle
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import sympy as sp
import z3
from flint import arb, fmpq
from mpmath import mp, mpf

from sam_theory.arithmetic import (
    CURVATURE,
    ELEMENTARY,
    GRADIENT,
    LENGTH,
    LOSS,
    NUMBER,
    OPERATIONS,
    STEP_SIZE,
    Ball,
    Builder,
    Coordinates,
    Dimension,
    Dimensional,
    Flatten,
    FlintRational,
    Float64,
    Gram,
    NotExact,
    Program,
    PythonFloat,
    Rational,
    Smt,
    Span,
    Symbolic,
    Traced,
    Undecided,
    python_source,
)
from sam_theory.arithmetic._compile import compiled
from sam_theory.errors import InputError
from sam_theory.losses import Product, Quadratic, log_cosh, shifted_square, sqrt1p
from sam_theory.rules import Space

F = Fraction
mp.dps = 50


@dataclass(frozen=True)
class Case:
    """One operation on given inputs, with its value and its dimension (None: must be refused)."""

    op: str
    build: Callable[[dict[str, Traced]], Traced]
    inputs: dict[str, Any]
    want: Any
    dims: dict[str, Dimension] = field(default_factory=dict)
    dim: Dimension | None = NUMBER
    rational: bool = True
    refused: dict[str, type[Exception]] = field(default_factory=dict)
    uninterpreted: bool = False


def _field() -> Quadratic:
    """‖w‖² as the mean of two samples, ½‖w‖² and (3/2)‖w‖²."""
    loss, builder = Quadratic(2, dimension=None), Builder()
    number = Traced(builder, builder.emit("input", data="sample", kind="s"))
    w = Traced(builder, builder.emit("input", data="w", kind="v"))
    loss.sample_program = builder.finish({"result": ((1 + 2 * number) * w).index})
    return loss


FIELD = _field()
U, V = (F(3), F(4)), (F(1), F(-2))
NO_COORDINATES: dict[str, type[Exception]] = {"gram": InputError}


def _unit(eps: Any = 0, how: str = "add") -> Callable[[dict[str, Traced]], Traced]:
    return lambda i: i["u"].emit("unit", i["u"], i["u"].lift(eps), data=how)


def _select(strict: bool, names: str = "abcd") -> Callable[[dict[str, Traced]], Traced]:
    return lambda i: i["a"].emit("select", *(i[n] for n in names), data=strict)


def _op(name: str, *names: str, data: Any = None) -> Callable[[dict[str, Traced]], Traced]:
    return lambda i: i[names[0]].emit(name, *(i[n] for n in names), data=data)


def _each(function: Callable[..., Traced], *names: str) -> Callable[[dict[str, Traced]], Traced]:
    def build(i: dict[str, Traced]) -> Traced:
        return Space(i[names[0]].builder).each(function, *(i[n] for n in names))

    return build


A, B = F(3, 4), F(-2)
ROOT5 = mp.sqrt(5)
SCALARS = {"a": A, "b": B}
VECTORS = {"u": U, "v": V}
BRANCH = {"c": F(5), "d": F(7)}
LL = {"u": LENGTH, "v": LENGTH}
CASES = [
    Case("number", lambda i: i["a"].lift(F(3, 7)), {"a": A}, F(3, 7)),
    Case("number", lambda i: i["a"].lift(0), {"a": A}, F(0)),
    Case("input", lambda i: i["a"], {"a": A}, A, {"a": CURVATURE}, CURVATURE),
    Case("input", lambda i: i["u"], {"u": U}, U, LL, LENGTH),
    Case("add", _op("add", "a", "b"), SCALARS, F(-5, 4), {"a": LOSS, "b": LOSS}, LOSS),
    Case("add", _op("add", "a", "b"), SCALARS, F(-5, 4), {"a": LOSS, "b": LENGTH}, None),
    Case("add", _op("add", "u", "v"), VECTORS, (F(4), F(2)), LL, LENGTH),
    Case("sub", _op("sub", "a", "b"), SCALARS, F(11, 4), {"a": LOSS, "b": LOSS}, LOSS),
    Case("sub", _op("sub", "u", "v"), VECTORS, (F(2), F(6)), {"u": LENGTH, "v": GRADIENT}, None),
    Case("neg", _op("neg", "a"), SCALARS, F(-3, 4), {"a": LOSS}, LOSS),
    Case("neg", _op("neg", "u"), VECTORS, (F(-3), F(-4)), LL, LENGTH),
    Case("mul", _op("mul", "a", "b"), SCALARS, F(-3, 2), {"a": CURVATURE, "b": STEP_SIZE}, NUMBER),
    Case("mul", _op("mul", "a", "u"), {**SCALARS, **VECTORS}, (F(9, 4), F(3)), {"a": CURVATURE, **LL}, GRADIENT),
    Case("div", _op("div", "a", "b"), SCALARS, F(-3, 8), {"a": LOSS, "b": LENGTH}, GRADIENT),
    Case("div", _op("div", "u", "b"), {**SCALARS, **VECTORS}, (F(-3, 2), F(-2)), {"b": LENGTH, **LL}, NUMBER),
    Case("ipow", _op("ipow", "a", data=3), {"a": B}, F(-8), {"a": LENGTH}, LENGTH**3),
    Case("ipow", _op("ipow", "a", data=7), {"a": B}, F(-128), {"a": LENGTH}, LENGTH**7),
    Case("ipow", _op("ipow", "a", data=-2), {"a": B}, F(1, 4), {"a": LENGTH}, LENGTH**-2),
    Case("ipow", _op("ipow", "a", data=-5), {"a": B}, F(-1, 32), {"a": LENGTH}, LENGTH**-5),
    Case("ipow", _op("ipow", "a", data=0), {"a": B}, F(1), {"a": LENGTH}, NUMBER),
    Case("power", _op("power", "a", "b"), {"a": A, "b": F(3)}, F(27, 64), uninterpreted=True),
    Case("power", _op("power", "a", "b"), {"a": F(9, 4), "b": F(-1, 2)}, F(2, 3), uninterpreted=True),
    Case(
        "power",
        _op("power", "a", "b"),
        {"a": F(2), "b": F(1, 3)},
        mp.cbrt(2),
        rational=False,
        uninterpreted=True,
    ),
    Case(
        "power",
        _op("power", "a", "b"),
        {"a": A, "b": F(3)},
        F(27, 64),
        {"a": LENGTH},
        None,
        uninterpreted=True,
    ),
    Case("sqrt", _op("sqrt", "a"), {"a": F(9, 16)}, A, {"a": LENGTH**2}, LENGTH),
    Case("sqrt", _op("sqrt", "a"), {"a": F(5)}, ROOT5, {"a": LENGTH**2}, LENGTH, rational=False),
    Case("sqrt", _op("sqrt", "a"), {"a": F(0)}, F(0), {"a": LENGTH**2}, LENGTH),
    Case("abs", _op("abs", "a"), {"a": B}, F(2), {"a": LOSS}, LOSS),
    Case("abs", _op("abs", "a"), {"a": A}, A, {"a": LOSS}, LOSS),
    Case("sign", _op("sign", "a"), {"a": A}, F(1), {"a": LOSS}),
    Case("sign", _op("sign", "a"), {"a": B}, F(-1), {"a": LOSS}),
    Case("sign", _op("sign", "a"), {"a": F(0)}, F(0), {"a": LOSS}),
    Case("select", _select(True), {"a": B, "b": A, **BRANCH}, F(5)),
    Case("select", _select(True), {"a": A, "b": A, **BRANCH}, F(7)),
    Case("select", _select(False), {"a": A, "b": A, **BRANCH}, F(5)),
    Case("select", _select(False), {"a": A, "b": B, **BRANCH}, F(7)),
    Case("select", _select(True), {"a": A, "b": B, **BRANCH}, F(7), {"a": LOSS}, None),
    Case("select", _select(True, "abuv"), {"a": A, "b": B, **VECTORS}, V, LL, LENGTH),
    Case("select", _select(True, "abuv"), {"a": B, "b": A, **VECTORS}, U, {**LL, "v": GRADIENT}, None),
    Case(
        "call",
        _op("call", "a", data=("tanh", 0)),
        {"a": A},
        mp.tanh(mpf(3) / 4),
        rational=False,
        uninterpreted=True,
    ),
    Case("call", _op("call", "a", data=("tanh", 0)), {"a": F(0)}, F(0), {"a": LOSS}, None, uninterpreted=True),
    Case("call", _op("call", "a", data=(shifted_square, 0)), {"a": A}, F(1, 32)),
    Case("call", _op("call", "a", data=(shifted_square, 1)), {"a": A}, F(-1, 4)),
    Case("dot", _op("dot", "u", "v"), VECTORS, F(-5), LL, LENGTH**2),
    Case("norm", _op("norm", "u"), VECTORS, F(5), LL, LENGTH),
    Case("norm", _op("norm", "v"), VECTORS, ROOT5, LL, LENGTH, rational=False),
    Case("norm", _op("norm", "u"), {"u": (F(-2),)}, F(2), LL, LENGTH),
    Case("norm", lambda i: i["u"].emit("norm", -2 * i["u"]), {"u": U}, F(10), LL, LENGTH),
    Case("unit", _unit(), {"u": U}, (F(3, 5), F(4, 5)), LL),
    Case("unit", _unit(), {"u": V}, (1 / ROOT5, -2 / ROOT5), LL, rational=False),
    Case("unit", _unit(), {"u": (F(0), F(0))}, (F(0), F(0)), LL),
    Case("unit", _unit(1), {"u": (F(0), F(0))}, (F(0), F(0)), LL, None),
    Case("unit", _unit(), {"u": (F(-2),)}, (F(-1),), LL),
    Case("unit", _unit(), {"u": (F(0),)}, (F(0),), LL),
    Case("unit", _unit(F(1, 2)), {"u": (F(-2),)}, (F(-4, 5),), LL, None),
    Case("unit", _unit(1), {"u": U}, (F(1, 2), F(2, 3)), LL, None),
    Case("unit", _unit(1, "max"), {"u": U}, (F(3, 5), F(4, 5)), LL, None),
    Case("unit", _unit(10, "max"), {"u": U}, (F(3, 10), F(2, 5)), LL, None),
    Case("unit", _unit(12, "quadrature"), {"u": U}, (F(3, 13), F(4, 13)), LL, None),
    Case(
        "unit",
        _op("unit", "u", "e", data="add"),
        {"u": U, "e": F(1)},
        (F(1, 2), F(2, 3)),
        {**LL, "e": LENGTH},
    ),
    Case(
        "unit",
        _op("unit", "u", "e", data="max"),
        {"u": U, "e": F(0)},
        (F(3, 5), F(4, 5)),
        {**LL, "e": LENGTH},
    ),
    Case(
        "matmul",
        _op("matmul", "u", data=((F(1), F(-1)), (F(1, 2), F(2)), (F(0), F(1)))),
        {"u": U},
        (F(-1), F(19, 2), F(4)),
        LL,
        LENGTH,
        refused=NO_COORDINATES,
    ),
    Case("component", _op("component", "u", data=1), {"u": U}, F(4), LL, LENGTH, refused=NO_COORDINATES),
    Case("block", _op("block", "u", data=(1, 2)), {"u": U}, (F(4),), LL, LENGTH, refused=NO_COORDINATES),
    Case(
        "block",
        _op("block", "u", data=(0, 3)),
        {"u": U},
        U,
        LL,
        LENGTH,
        refused=dict.fromkeys(("float64", "python", "rational", "symbolic", "smt", "gram", "ball", "flat"), InputError),
    ),
    Case("stack", _op("stack", "a", "b"), SCALARS, (A, B), {"a": LENGTH, "b": LENGTH}, LENGTH),
    Case("stack", _op("stack", "a", "b"), SCALARS, (A, B), {"a": LENGTH}, None),
    Case("concat", _op("concat", "u", "v"), VECTORS, (*U, *V), LL, LENGTH),
    Case("each", _each(lambda a, b: a * b, "u", "v"), VECTORS, (F(3), F(-8)), LL, LENGTH**2, refused=NO_COORDINATES),
    Case("each", _each(abs, "v"), VECTORS, (F(1), F(2)), LL, LENGTH, refused=NO_COORDINATES),
    Case("each", _each(lambda a: a.emit("sign", a), "v"), VECTORS, (F(1), F(-1)), LL, refused=NO_COORDINATES),
    Case(
        "each",
        _each(lambda a, b: a.emit("select", a, b, b, a, data=True), "u", "a"),
        {"u": U, "a": F(7, 2)},
        (F(7, 2), F(4)),
        {"u": LENGTH, "a": LENGTH},
        LENGTH,
        refused=NO_COORDINATES,
    ),
    Case("each", _each(lambda a: a.lift(1), "u"), {"u": U}, (F(1), F(1)), LL, refused=NO_COORDINATES),
    Case(
        "each",
        _each(lambda a, b: a + b, "u", "a"),
        {"u": U, "a": A},
        (F(15, 4), F(19, 4)),
        LL,
        None,
        refused=NO_COORDINATES,
    ),
    Case("largest", _op("largest", "v"), {"v": V}, F(2), LL, LENGTH, refused=NO_COORDINATES),
    Case("largest", _op("largest", "v"), {"v": (F(-2), F(2), F(1))}, F(2), LL, LENGTH, refused=NO_COORDINATES),
    Case("largest", _op("largest", "v"), {"v": (F(0),)}, F(0), LL, LENGTH, refused=NO_COORDINATES),
    Case("sample", _op("sample", "u", "a"), {"u": U, "a": F(0)}, U, LL, GRADIENT),
    Case("sample", _op("sample", "u", "a"), {"u": U, "a": F(1)}, (F(9), F(12)), LL, GRADIENT),
    Case("sample", _op("sample", "u", "a"), {"u": U, "a": F(1)}, (F(9), F(12)), {**LL, "a": LENGTH}, None),
    Case("grad", _op("grad", "u"), {"u": U}, (F(6), F(8)), LL, GRADIENT),
    Case("grad", _op("grad", "u"), {"u": U}, (F(6), F(8)), {"u": GRADIENT}, None),
    Case("value", _op("value", "u"), {"u": U}, F(25), LL, LOSS),
]
IDS = [f"{k:02d}-{c.op}" for k, c in enumerate(CASES)]


def program_of(case: Case) -> Program:
    builder = Builder()
    inputs = {
        n: Traced(builder, builder.emit("input", data=n, kind="v" if isinstance(v, tuple) else "s"))
        for n, v in case.inputs.items()
    }
    return builder.finish({"result": case.build(inputs).index})


def flat(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (tuple, Coordinates, list, np.ndarray)) else [value]


def exact(a: Any) -> Any:
    return mpf(a.numerator) / a.denominator if isinstance(a, Fraction) else mpf(a)


# -- one runner for each arithmetic: gives the coordinates of the result as mpmath numbers ---
def run_in(arithmetic: Any, scalar: Callable[[Fraction], Any]) -> Callable[[Case], list[Any]]:
    def run(case: Case) -> list[Any]:
        env = {n: Coordinates(map(scalar, v)) if isinstance(v, tuple) else scalar(v) for n, v in case.inputs.items()}
        return flat(arithmetic.run(program_of(case), env, FIELD)["result"])

    return run


def run_float64(case: Case) -> list[Any]:
    env = {
        n: np.array([float(a) for a in flat(v)]) if isinstance(v, tuple) else float(v) for n, v in case.inputs.items()
    }
    single = flat(np.asarray(Float64().run(program_of(case), env, FIELD)["result"]).reshape(-1))
    batch = {n: np.stack([v, v], axis=-1) if np.ndim(v) else np.array([v, v]) for n, v in env.items()}
    double = np.asarray(Float64().run(program_of(case), batch, FIELD)["result"])
    double = np.broadcast_to(double, (*double.shape[: isinstance(case.want, tuple)], 2)).reshape(-1, 2)
    assert double[:, 0].tolist() == double[:, 1].tolist() == single
    return [mpf(float(a)) for a in single]


def run_flat(case: Case) -> list[Any]:
    arithmetic = Flatten()
    env = {
        n: Coordinates(arithmetic.input(f"{n}{i}") for i in range(len(v)))
        if isinstance(v, tuple)
        else arithmetic.input(n)
        for n, v in case.inputs.items()
    }
    result = flat(arithmetic.run(program_of(case), env, FIELD)["result"])
    program = arithmetic.finish({str(i): r for i, r in enumerate(result)})
    lines, outputs, scope = python_source(program, {n: f"x_{n}" for n in program.inputs})
    space = dict(scope)
    for n, v in case.inputs.items():
        for i, a in enumerate(flat(v)):
            space[f"x_{n}{i}" if isinstance(v, tuple) else f"x_{n}"] = float(a)
    exec("\n".join(lines), space)
    return [mpf(eval(outputs[str(i)], space)) for i in range(len(result))]


def run_symbolic(case: Case) -> list[Any]:
    rows = run_in(Symbolic(), lambda a: sp.Rational(a.numerator, a.denominator))(case)
    return [mpf(sp.N(e, 50)) for e in rows]


def run_gram(case: Case) -> list[Any]:
    vectors = {n: v for n, v in case.inputs.items() if isinstance(v, tuple)}
    gram = Gram(zero=(True,) if any(not any(v) for v in vectors.values()) else ())
    env = {
        n: gram.vector(n) if isinstance(v, tuple) else sp.Rational(v.numerator, v.denominator)
        for n, v in case.inputs.items()
    }
    result = gram.run(program_of(case), env, FIELD)["result"]
    entries = {}
    for a, u in vectors.items():
        entries[gram.length(a)] = sp.sqrt(sum(sp.Rational(p.numerator, p.denominator) ** 2 for p in u))
        for b, v in vectors.items():
            if a != b and len(u) == len(v):
                entries[gram.entry(a, b)] = sp.Rational(
                    *sum(p * q for p, q in zip(u, v, strict=True)).as_integer_ratio()
                )

    def numeric(e: Any) -> mpf:
        return mpf(sp.N(sp.sympify(e).subs(entries), 50))

    if isinstance(result, Coordinates):
        spans = list(result)
    elif isinstance(case.want, tuple):
        spans = [result]
    else:
        return [numeric(result)]
    coordinates = []
    for span in spans:
        if not isinstance(span, Span):
            coordinates.append(numeric(span))
            continue
        size = len(next(iter(vectors.values())))
        total = [mpf(0)] * size
        for label, c in span.terms.items():
            total = [t + numeric(c) * exact(p) for t, p in zip(total, vectors[label], strict=True)]
        coordinates += total
    return coordinates


def dyadic(a: arb) -> Fraction:
    """An arb without radius as the rational it is."""
    mantissa, exponent = a.man_exp()
    return Fraction(int(mantissa)) * Fraction(2) ** int(exponent)


def encloses(ball: arb, want: Any) -> bool:
    """Whether the ball contains ``want`` (a Fraction exactly, an mpf to its own precision)."""
    middle, radius = dyadic(ball.mid()), dyadic(ball.rad())
    if isinstance(want, Fraction):
        return abs(want - middle) <= radius
    return bool(abs(want - exact(middle)) <= exact(radius) + abs(want) * mpf(10) ** (2 - mp.dps))


def run_ball(case: Case) -> list[Any]:
    def scalar(a: Fraction) -> arb:
        return arb(fmpq(a.numerator, a.denominator))

    result = run_in(Ball(), scalar)(case)
    for ball, want in zip(result, flat(case.want), strict=True):
        assert encloses(ball, exact(want))
        assert ball.rad() <= 1e-12
    return [exact(dyadic(b.mid())) for b in result]


@pytest.mark.parametrize("case", CASES, ids=IDS)
@pytest.mark.parametrize(
    ("name", "run"),
    [
        ("float64", run_float64),
        ("python", run_in(PythonFloat(), float)),
        ("symbolic", run_symbolic),
        ("gram", run_gram),
        ("ball", run_ball),
        ("flat", run_flat),
    ],
)
def test_numbers_agree(name: str, run: Callable[[Case], list[Any]], case: Case) -> None:
    if name in case.refused:
        with pytest.raises(case.refused[name]):
            run(case)
        return
    got, want = run(case), [exact(a) for a in flat(case.want)]
    assert len(got) == len(want)
    tolerance = mpf(10) ** (-40 if name in ("symbolic", "gram") else -14)
    for a, b in zip(got, want, strict=True):
        assert abs(a - b) <= tolerance * max(1, abs(b))


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_rationals_are_exact_or_refused(case: Case) -> None:
    run = run_in(Rational(), Fraction)
    if "rational" in case.refused or not case.rational:
        with pytest.raises(case.refused.get("rational", NotExact)):
            run(case)
    else:
        got = run(case)
        assert got == flat(case.want) and all(isinstance(a, (Fraction, int)) for a in got)


def _proved(smt: Smt, claim: Any) -> bool:
    solver = z3.Solver(ctx=smt.context)
    solver.add(*smt.conditions)
    assert solver.check() == z3.sat, "the defining equations contradict each other"
    solver.add(z3.Not(claim))
    return bool(solver.check() == z3.unsat)


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_smt_terms_have_one_value(case: Case) -> None:
    smt = Smt()
    conditions: list[Any] = []

    def scalar(name: str, a: Fraction) -> Any:
        unknown = smt.variable(name)  # a variable, so that nothing is folded away
        conditions.append(unknown == smt.number(a))
        return unknown

    env = {
        n: Coordinates(scalar(f"{n}{i}", a) for i, a in enumerate(v)) if isinstance(v, tuple) else scalar(n, v)
        for n, v in case.inputs.items()
    }
    if "smt" in case.refused:
        with pytest.raises(case.refused["smt"]):
            smt.run(program_of(case), env, FIELD)
        return
    terms = flat(smt.run(program_of(case), env, FIELD)["result"])
    smt.conditions += conditions
    for term, want in zip(terms, flat(case.want), strict=True):
        if case.uninterpreted:  # any value is possible, but equal arguments give equal values
            assert not _proved(smt, term == smt.number(F(17)))
            assert not _proved(smt, term != smt.number(F(17)))
            again = flat(smt.run(program_of(case), env, FIELD)["result"])[0]
            assert _proved(smt, term == again)
        elif case.rational:
            assert _proved(smt, term == smt.number(want))
        else:
            low = Fraction(int(mp.floor(want * 10**12)), 10**12)
            assert _proved(smt, z3.And(term >= smt.number(low), term <= smt.number(low + F(1, 10**12))))
    for condition in smt.defined:
        assert _proved(smt, condition)


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_dimensions(case: Case) -> None:
    env = {n: case.dims.get(n, NUMBER) for n in case.inputs}
    if case.dim is None and case.op != "unit":
        with pytest.raises(InputError):
            Dimensional().run(program_of(case), env, FIELD)
    elif case.dim is None:
        with pytest.raises(InputError, match="eps"):
            Dimensional().run(program_of(case), env, FIELD)
    else:
        assert Dimensional().run(program_of(case), env, FIELD)["result"].same(case.dim)


def test_the_table_is_complete() -> None:
    assert {c.op for c in CASES} == set(OPERATIONS)
    for case in CASES:
        assert any(node.op == case.op for _, node in program_of(case))
    every = (Float64, PythonFloat, Rational, FlintRational, Symbolic, Smt, Gram, Ball, Dimensional, Flatten)
    elsewhere = {"Series", "Taylor"}  # tests/test_drift.py, tests/test_taylor.py
    known = {c.__name__ for c in every} | {"Jets", "KeepsFactors"} | elsewhere

    def below(cls: Any) -> set[str]:
        return {s.__name__ for s in cls.__subclasses__() if s.__module__.startswith("sam_theory.arithmetic")}.union(
            *(below(s) for s in cls.__subclasses__())
        )

    # Engines add private arithmetics (jets, series) for the few operations they need; those have tests of their own.
    assert below(Float64.__mro__[1]) == known


# -- compiled programs ---
def _outcome(run: Callable[..., dict[str, Any]], *inputs: Any) -> tuple[type, str]:
    try:
        result = run(*inputs)["result"]
    except (ArithmeticError, InputError, ValueError) as problem:
        return type(problem), str(problem)
    return type(result), str([np.asarray(a).tolist() if isinstance(a, np.ndarray) else a for a in flat(result)])


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_a_compiled_program_gives_what_the_interpreter_gives(case: Case) -> None:
    program = program_of(case)
    scalars: list[tuple[Any, Callable[[Fraction], Any]]] = [
        (Float64(), lambda a: np.array([float(a), 1.0])),
        (PythonFloat(), float),
        (Rational(), Fraction),
        (FlintRational(), FlintRational().number),
        (Ball(), Ball().number),
        (Symbolic(), lambda a: sp.Rational(a.numerator, a.denominator)),
    ]
    for arithmetic, scalar in scalars:
        env = {
            n: arithmetic.stack(list(map(scalar, v))) if isinstance(v, tuple) else scalar(v)
            for n, v in case.inputs.items()
        }
        code = compiled(program, arithmetic)
        wanted = _outcome(arithmetic.run, program, env, FIELD)
        assert _outcome(code, arithmetic, env, FIELD) == wanted


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_flints_rationals_are_those_of_fractions(case: Case) -> None:
    results = []
    for arithmetic in (Rational(), FlintRational()):
        env = {
            n: Coordinates(map(arithmetic.number, v)) if isinstance(v, tuple) else arithmetic.number(v)
            for n, v in case.inputs.items()
        }
        try:
            results.append([str(a) for a in flat(arithmetic.run(program_of(case), env, FIELD)["result"])])
        except (ArithmeticError, InputError) as problem:
            results.append([type(problem).__name__])
    assert results[0] == results[1]


def test_a_program_run_often_is_compiled_and_survives_pickling() -> None:
    program = program_of(CASES[0])
    env = {n: Coordinates(v) if isinstance(v, tuple) else v for n, v in CASES[0].inputs.items()}
    results = [Rational().run(program, env, FIELD) for _ in range(100)]
    assert Rational in program.functions
    assert results == results[:1] * 100
    again = pickle.loads(pickle.dumps(program))
    assert again == program
    assert not again.functions


def test_compiled_programs_say_what_is_missing() -> None:
    root = program_of(Case("sqrt", _op("sqrt", "a"), {"a": F(1)}, None))
    gradient = program_of(Case("grad", _op("grad", "u"), {"u": U}, None))
    with pytest.raises(InputError, match="no value for 'a'"):
        compiled(root, Rational)(Rational(), {}, None)
    with pytest.raises(InputError, match="no loss is given"):
        compiled(gradient, Rational)(Rational(), {"u": Coordinates(U)}, None)


# -- where an arithmetic ends ---
def test_where_each_arithmetic_ends() -> None:
    root = program_of(Case("sqrt", _op("sqrt", "a"), {"a": F(-1)}, None))
    with pytest.raises(NotExact):
        Rational().run(root, {"a": F(-1)})
    with np.errstate(invalid="ignore"):
        assert np.isnan(Float64().run(root, {"a": -1.0})["result"])
    smt = Smt()
    smt.run(root, {"a": smt.number(F(-1))})
    assert not _proved_defined(smt)
    zero = arb(0, 1)
    sign = program_of(Case("sign", _op("sign", "a"), {"a": A}, None))
    choice = program_of(Case("select", _select(True), {"a": A, "b": B, **BRANCH}, None))
    unit = program_of(Case("unit", _unit(), {"u": U}, None))
    for program, env in (
        (sign, {"a": zero}),
        (choice, {"a": zero, "b": arb(0), "c": arb(5), "d": arb(7)}),
        (unit, {"u": Coordinates([zero, zero])}),
        (unit, {"u": Coordinates([zero])}),
    ):
        with pytest.raises(Undecided):
            Ball().run(program, env)
    for run in (run_float64, run_in(PythonFloat(), float), run_in(Rational(), Fraction), run_flat):
        with pytest.raises((InputError, KeyError)):
            run(Case("unit", _unit(1, "minimum"), {"u": U}, U))
        with pytest.raises(InputError):
            run(Case("call", _op("call", "a", data=("gamma", 0)), {"a": A}, None))
    with pytest.raises(InputError, match="no value for 'a'"):
        Rational().run(root, {})
    with pytest.raises(InputError, match="no loss"):
        Rational().run(program_of(Case("grad", _op("grad", "u"), {"u": U}, None)), {"u": Coordinates(U)})


def _proved_defined(smt: Smt) -> bool:
    solver = z3.Solver(ctx=smt.context)
    solver.add(z3.Not(z3.And(*smt.defined)))
    return bool(solver.check() == z3.unsat)


def test_kinds_are_checked_while_tracing() -> None:
    for build in (
        _op("add", "a", "u"),
        _op("dot", "a", "u"),
        _op("sqrt", "u"),
        _op("norm", "a"),
        _op("stack", "u", "a"),
    ):
        with pytest.raises(InputError, match="takes"):
            program_of(Case("add", build, {"a": A, "u": U}, None))


# -- elementary functions ---
REFERENCE: dict[str, Callable[[Any], Any]] = {
    "exp": mp.exp,
    "log": mp.log,
    "sin": mp.sin,
    "cos": mp.cos,
    "tan": mp.tan,
    "atan": mp.atan,
    "sinh": mp.sinh,
    "cosh": mp.cosh,
    "tanh": mp.tanh,
    "log_cosh": lambda z: abs(z) + mp.log1p(mp.exp(-2 * abs(z))) - mp.log(2) if abs(z) > 1 else mp.log(mp.cosh(z)),
    "sqrt1p": lambda z: mp.sqrt(1 + z * z),
    "sqrt1p_slope": lambda z: z / mp.sqrt(1 + z * z),
}
POINTS = [0.0, 1e-300, 1e-160, 1e-30, 1e-8, 0.1, 0.5, 0.999, 1.0, 1.001, 2.5, 10.0, 30.0, 350.0]
FAR = [710.0, 1e5, 1e30, 1e154, 1e200, 1e300]
STABLE = {"tanh", "atan", "log_cosh", "sqrt1p", "sqrt1p_slope"}


def _points(name: str) -> list[float]:
    if name == "log":
        return [*POINTS[1:], *FAR]
    if name in STABLE:
        return [s * z for z in (*POINTS, *FAR) for s in (1, -1)]
    return [s * z for z in POINTS for s in (1, -1)]


@pytest.mark.parametrize("name", ELEMENTARY)
def test_elementary_functions_against_mpmath(name: str) -> None:
    with mp.workdps(700):  # log cosh of 1e-300 needs the digits
        for z in _points(name):
            want = REFERENCE[name](mpf(z))
            size = abs(want)
            for implementation in (Float64(), PythonFloat()):
                with np.errstate(under="ignore"):
                    got = mpf(float(implementation.call(name, 0, z)))
                assert abs(got - want) <= 1e-15 * size + mpf(5e-324), (name, z, implementation.name)
            if abs(z) <= 1e30:
                ball = Ball().call(name, 0, arb(z))
                assert ball.is_finite() and ball.rad() <= 1e-13 * float(size) + 1e-15, (name, z)
                assert encloses(ball, want), (name, z)


#: Arguments at which the value is rational, with the value.
EXACT = {
    "exp": (0, 1),
    "log": (1, 0),
    "cos": (0, 1),
    "cosh": (0, 1),
    "sqrt1p": (F(3, 4), F(5, 4)),
    "sqrt1p_slope": (F(3, 4), F(3, 5)),
}


@pytest.mark.parametrize("name", ELEMENTARY)
def test_elementary_functions_in_the_exact_arithmetics_and_in_generated_code(name: str) -> None:
    half = REFERENCE[name](mpf(1) / 2)
    assert abs(mpf(sp.N(Symbolic().call(name, 0, sp.Rational(1, 2)), 50)) - half) < mpf(10) ** -45
    at, want = EXACT.get(name, (0, 0))
    assert Rational().call(name, 0, F(at)) == want
    with pytest.raises(NotExact):
        Rational().call(name, 0, F(1, 2))
    case = Case("call", _op("call", "a", data=(name, 0)), {"a": F(1, 2)}, half)
    assert abs(run_flat(case)[0] - half) <= 1e-15 * abs(half)
    with pytest.raises(InputError, match="dimensionless"):
        Dimensional().call(name, 0, LENGTH)
    assert Dimensional().call(name, 0, NUMBER) == NUMBER


def test_batches_of_functions_have_the_bits_of_single_values() -> None:
    values = np.concatenate([np.random.default_rng(0).normal(size=501) * s for s in (1e-5, 1.0, 20.0)])
    with np.errstate(invalid="ignore"):
        for name in ELEMENTARY:
            z = np.abs(values) if name == "log" else values
            batch = np.asarray(Float64().call(name, 0, z))
            for i in range(0, len(z), 11):
                assert np.asarray(Float64().call(name, 0, z[i : i + 1])).tobytes() == batch[i : i + 1].tobytes(), name


@pytest.mark.parametrize("link", [log_cosh, sqrt1p, shifted_square], ids=lambda k: k.name)
def test_derivatives_of_links_against_mpmath(link: Any) -> None:
    body = {
        "log_cosh": lambda z: mp.log(mp.cosh(z)),
        "sqrt1p": lambda z: mp.sqrt(1 + z * z),
        "shifted_square": lambda z: (z - 1) ** 2 / 2,
    }[link.name]
    for order in range(4):
        for z in (-3.0, -1.0, -0.25, 0.0, 1e-3, 0.5, 1.0, 2.0, 6.0):
            want = mp.diff(body, mpf(z), order)
            for arithmetic in (Float64(), PythonFloat()):
                got = float(arithmetic.call(link, order, z))
                assert abs(got - want) <= 1e-13 * max(1, abs(want)), (order, z, arithmetic.name)
        with np.errstate(over="ignore"):
            far = [float(Float64().call(link, order, s * 1e200)) for s in (1, -1)]
        assert all(math.isfinite(a) for a in far) or (link is shifted_square and order == 0)


def test_directions_of_tiny_and_huge_gradients() -> None:
    program = program_of(Case("unit", _unit(), {"u": U}, None))
    for scale in (5e-324, 1e-310, 1e-200, 1.0, 1e200, 3e307):
        v = [3 * scale, 4 * scale]
        n = mp.hypot(*map(mpf, v))
        want = [float(mpf(a) / n) for a in v]
        assert Float64().run(program, {"u": np.array(v)})["result"] == pytest.approx(want, rel=1e-14)
        assert list(PythonFloat().run(program, {"u": Coordinates(v)})["result"]) == pytest.approx(want, rel=1e-14)
    arithmetic = Flatten()
    u = Coordinates(arithmetic.input(f"u{i}") for i in range(2))
    flat_program = arithmetic.finish(dict(zip("ab", arithmetic.run(program, {"u": u})["result"], strict=True)))
    lines, outputs, scope = python_source(flat_program, {"u0": "p", "u1": "q"})
    for scale in (5e-324, 1e-310, 1e-200, 1e200, 3e307):
        space = {**scope, "p": 3 * scale, "q": 4 * scale}
        exec("\n".join(lines), space)
        n = mp.hypot(mpf(3 * scale), mpf(4 * scale))
        assert eval(outputs["a"], space) == pytest.approx(float(mpf(3 * scale) / n), rel=1e-14)


# -- random programs ---
def random_program(rng: random.Random) -> tuple[Program, dict[str, Fraction]]:
    """A program of rational operations on scalars and vectors, with inputs."""
    builder = Builder()
    env = {n: F(rng.randint(-20, 20), rng.randint(1, 9)) for n in "abc"}
    scalars = [Traced(builder, builder.emit("input", data=n, kind="s")) for n in env]
    vectors = [scalars[0].emit("stack", *scalars)]
    for _ in range(14):
        s, t = rng.choice(scalars), rng.choice(scalars)
        u, v = rng.choice(vectors), rng.choice(vectors)
        match rng.randrange(13):
            case 0:
                scalars.append(s + t)
            case 1:
                scalars.append(s - t)
            case 2:
                scalars.append(s * t)
            case 3:
                scalars.append(s / (t * t + 1))
            case 4:
                scalars.append(s ** rng.choice([0, 1, 2, 3]))
            case 5:
                scalars.append(s.emit("abs", s))
            case 6:
                scalars.append(s.emit("select", s, t, t, s, data=rng.random() < 0.5))
            case 7:
                scalars.append(u.emit("dot", u, v))
            case 8:
                scalars.append(u.emit("component", u, data=rng.randrange(3)))
            case 9:
                vectors.append(rng.choice([u + v, u - v, -u, u * F(rng.randint(-9, 9), 4)]))
            case 10:
                vectors.append(s * u)
            case 11:
                rows = tuple(tuple(F(rng.randint(-3, 3), 2) for _ in range(3)) for _ in range(3))
                vectors.append(u.emit("matmul", u, data=rows))
            case 12:
                scalars.append(s.emit("sqrt", s * s))
    return builder.finish({str(i): s.index for i, s in enumerate(scalars[3:] or scalars)}), env


def test_random_programs_agree() -> None:
    decided = compared = 0
    for seed in range(300):
        program, env = random_program(random.Random(seed))
        rational = Rational().run(program, env)
        try:
            ball = Ball().run(program, {n: arb(fmpq(a.numerator, a.denominator)) for n, a in env.items()})
        except Undecided:  # a comparison of two equal numbers
            continue
        decided += 1
        single = PythonFloat().run(program, {n: float(a) for n, a in env.items()})
        with np.errstate(all="ignore"):
            batch = Float64().run(program, {n: np.full(3, float(a)) for n, a in env.items()})
        for name, want in rational.items():
            assert isinstance(want, (Fraction, int))
            if not ball[name].is_finite():
                continue
            compared += 1
            assert encloses(ball[name], Fraction(want)), (seed, name)
            # Ball radii bound the effect of rounding: they are computed at the precision of floats.
            tolerance = 64 * float(ball[name].rad()) + 1e-14 * abs(float(want)) + 1e-300
            assert abs(float(single[name]) - float(want)) <= tolerance, (seed, name)
            assert np.all(np.abs(np.asarray(batch[name]) - float(want)) <= tolerance), (seed, name)
    assert decided > 250 and compared > 1500


def test_one_rule_on_one_loss_in_all_arithmetics() -> None:
    from sam_theory.dynamics import Map
    from sam_theory.rules import sam

    the_map = Map(sam, Product(shifted_square))  # gradient (y, x) (xy - 1), of rational norm at (3, 4)
    p, q = F(3) + F(4, 5), F(4) + F(3, 5)
    want = [3 - F(1, 2) * q * (p * q - 1), 4 - F(1, 2) * p * (p * q - 1)]
    env = {"eta": F(1, 2), "rho": F(1)}
    got = the_map.step(Rational(), {"w": Coordinates([F(3), F(4)])}, env)["w"]
    assert list(got) == want
    floats = the_map.step(Float64(), {"w": np.array([3.0, 4.0])}, {"eta": 0.5, "rho": 1.0})["w"]
    assert floats == pytest.approx([float(a) for a in want], rel=1e-14)
    x, y = the_map.loss.coordinates()
    symbols = the_map.symbols()
    step = the_map.symbolic_step()["w"]
    values = {x: 3, y: 4, symbols["eta"]: sp.Rational(1, 2), symbols["rho"]: 1}
    assert [sp.nsimplify(e.subs(values)) for e in step] == [sp.Rational(a.numerator, a.denominator) for a in want]
