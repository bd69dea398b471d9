"""The simplified form of a program agrees with the program, and takes less work."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import sympy as sp
from program_tools import SPECIAL, distance, reference, states, steps, values

from sam_theory.arithmetic import Builder, Float64, Program, lower
from sam_theory.dynamics import Map
from sam_theory.kernels._simplify import simplified
from sam_theory.losses import LINKS, Expression, Link, Product, Quadratic, named_losses
from sam_theory.rules import sam, usam

STEPS = steps()
RULE_NAMES = sorted({name.split(" on ")[0] for name in STEPS})


def _calls(program: Program) -> int:
    return sum(n.op == "call" for n in program.nodes)


@pytest.mark.parametrize("rule", RULE_NAMES)
def test_a_step_of_every_rule_on_every_loss_agrees_with_its_simplified_form(rule: str) -> None:
    rng = np.random.default_rng(1)
    for name, program in STEPS.items():
        if not name.startswith(f"{rule} on "):
            continue
        inputs = states(rng, program, 200)
        got, expected = reference(simplified(program), inputs), reference(program, inputs)
        size = np.maximum.reduce([np.abs(v) for v in (*inputs.values(), *expected.values())])
        for output in expected:
            assert (np.abs(got[output] - expected[output]) / size).max() < 1e-12, (name, output)


@pytest.mark.parametrize("rule", RULE_NAMES)
def test_zeros_of_factors_make_no_new_nan(rule: str) -> None:
    rng = np.random.default_rng(2)
    for name, program in STEPS.items():
        if not name.startswith(f"{rule} on "):
            continue
        inputs = states(rng, program, 200)
        for n in inputs:  # zeros in single coordinates, and in all at once
            inputs[n] = np.where(rng.random(200) < 0.5, 0.0, inputs[n]) if ":" in n else inputs[n]
        got, expected = reference(simplified(program), inputs), reference(program, inputs)
        for output in expected:
            finite = np.isfinite(expected[output])
            assert np.isfinite(got[output][finite]).all(), name
            gap = np.abs(got[output] - expected[output])[finite]
            assert (gap <= 1e-12 * np.maximum(1.0, np.abs(expected[output][finite]))).all(), name


@pytest.mark.parametrize("link", [*LINKS.values(), "sinh", "atan", "expression"], ids=str)
def test_sam_on_a_product_needs_half_of_the_functions(link: Link | str) -> None:
    z = sp.Symbol("x", real=True) * sp.Symbol("y", real=True)
    formulas = {"sinh": sp.cosh(z), "atan": z * sp.atan(z) - sp.log(1 + z**2) / 2, "expression": sp.log(sp.cosh(z))}
    loss = Expression(formulas[link], ["x", "y"]) if isinstance(link, str) else Product(link)
    flat = Map(sam, loss).flat
    short = simplified(flat)
    assert _calls(short) <= 1
    assert _calls(short) <= _calls(flat) / 2


def test_sine_times_cosine_is_a_sine() -> None:
    flat = Map(sam, named_losses()["x2+3sin2"]).flat
    assert [_calls(p) for p in (flat, simplified(flat))] == [4, 2]


def test_a_factor_that_is_needed_anyway_is_not_cancelled() -> None:
    flat = STEPS["unified_sam on log_cosh(xy)"]
    assert not any(n.op == "sign" for n in simplified(flat).nodes)


def test_directions_do_not_underflow_with_their_common_factor() -> None:
    flat = Map(sam, Product(LINKS["log_cosh"])).flat
    state = {"w:0": np.array([1e-200]), "w:1": np.array([1e-100]), "eta": np.array([0.1]), "rho": np.array([1.0])}
    assert reference(simplified(flat), state)["w:0"][0] == pytest.approx(1e-200 - 0.1 * np.tanh(1e-100) * 1e-100)
    state = {**state, "w:0": np.array([3e-170]), "w:1": np.array([4e-150])}
    assert reference(flat, state)["w:0"][0] != 0


def test_quotients_of_hyperbolic_functions_do_not_overflow() -> None:
    z = sp.Symbol("z")
    builder = Builder()
    x = builder.emit("input", data="z", kind="s")
    sinh, cosh = (builder.emit("call", x, data=(f, 0)) for f in ("sinh", "cosh"))
    program = builder.finish({"result": builder.emit("div", builder.emit("mul", x, sinh), cosh)})
    short = simplified(program)
    assert [n.data for n in short.nodes if n.op == "call"] == [("tanh", 0)]
    assert reference(short, {"z": np.array([1000.0])})["result"][0] == 1000.0
    assert [n.data for n in simplified(lower(sp.log(sp.cosh(z)))).nodes if n.op == "call"] == [("log_cosh", 0)]


@pytest.mark.parametrize(
    ("formula", "operations"),
    [
        ("x**Rational(3, 2)", {"sqrt", "mul", "ipow"}),
        ("x**Rational(-1, 2)", {"sqrt", "div"}),
        ("sqrt(x**2)", {"abs"}),
        ("sign(3*x)", {"sign"}),
        ("sign(tanh(x))", {"sign"}),
        ("sign(x*exp(x))", {"sign"}),
        ("sign(exp(x) + x**2)", set()),
        ("Abs(x**2 + 1)", {"ipow", "add"}),
        ("x/8", {"mul"}),
    ],
)
def test_a_formula_needs_only_these_operations(formula: str, operations: set[str]) -> None:
    x = sp.Symbol("x")
    expression = sp.sympify(formula, {"x": x}, evaluate=False)
    short = simplified(lower(expression))
    assert {n.op for n in short.nodes} - {"input", "number"} <= operations


def test_the_power_of_a_step_number_becomes_a_root() -> None:
    k = sp.Symbol("k", real=True)
    builder = Builder()
    base = builder.emit("input", data="k", kind="s")
    power = builder.emit("power", base, builder.emit("number", data=Fraction(-3, 2)))
    short = simplified(builder.finish({"result": power}))
    assert "power" not in {n.op for n in short.nodes}
    found = reference(short, {str(k): np.array([4.0, 9.0])})["result"]
    np.testing.assert_allclose(found, [1 / 8, 1 / 27], rtol=1e-15)


def test_factors_that_may_be_no_number_are_kept_in_their_place() -> None:
    x = sp.Symbol("x", real=True)
    program = lower(sp.sign(x * sp.exp(sp.log(x)) * 1))
    for form in (program, simplified(lower(sp.sign(sp.exp(sp.sqrt(x)) * x)))):
        assert form.nodes
    kept = simplified(lower(sp.sign(sp.exp(sp.sqrt(x)) * x)))
    with np.errstate(all="ignore"):
        assert np.isnan(Float64().run(kept, {"x": np.array([-1.0])})["result"]).all()


def test_one_reciprocal_serves_all_quotients_by_one_denominator() -> None:
    flat = Map(usam, named_losses()["rayleigh"]).flat
    assert [sum(n.op == "div" for n in p.nodes) for p in (flat, simplified(flat))] == [8, 2]


def test_what_a_direction_is_derived_from_keeps_its_roundings() -> None:
    flat = Map(sam, named_losses()["rayleigh"]).flat
    assert [sum(n.op == "div" for n in p.nodes) for p in (flat, simplified(flat))] == [8, 5]


def test_parameters_are_multiplied_with_each_other_before_the_state() -> None:
    short = simplified(Map(sam, Quadratic(2, 3)).flat)
    names = {i: n.data for i, n in short if n.op in ("input", "number")}
    products = [{names.get(j) for j in n.args} for n in short.nodes if n.op == "mul"]
    assert {"eta", Fraction(2)} in products or {"eta", Fraction(3)} in products


# -- random programs -------------------------------------------------------------------------------------------
_UNARY = ("neg", "abs", "sign", "sqrt", "ipow", "call")
_BINARY = ("add", "sub", "mul", "mul", "div", "power", "select", "unit", "norm")
_FUNCTIONS = ("exp", "sin", "cos", "atan", "sinh", "cosh", "tanh", "log_cosh", "sqrt1p", "sqrt1p_slope", "log")


def _random(rng: np.random.Generator) -> Program:
    builder = Builder()
    scalars = [builder.emit("input", data=n, kind="s") for n in ("w:0", "w:1", "c")]
    scalars += [builder.emit("number", data=Fraction(int(n), 3)) for n in rng.integers(-4, 5, size=2)]

    def pick() -> int:
        return int(rng.choice(scalars))

    for _ in range(int(rng.integers(4, 16))):
        op = str(rng.choice(_UNARY + _BINARY))
        if op in _UNARY:
            data = {"ipow": int(rng.integers(0, 4)), "call": (str(rng.choice(_FUNCTIONS)), 0)}.get(op)
            scalars.append(builder.emit(op, pick(), data=data))
        elif op == "select":
            scalars.append(builder.emit(op, pick(), pick(), pick(), pick(), data=bool(rng.integers(2))))
        elif op == "norm":
            scalars.append(builder.emit(op, builder.emit("stack", pick(), pick())))
        elif op == "unit":
            c, size = pick(), int(rng.integers(1, 4))
            stack = builder.emit("stack", *(builder.emit("mul", c, pick()) for _ in range(size)))
            eps = builder.emit("number", data=Fraction(int(rng.integers(2)), 2))
            unit = builder.emit("unit", stack, eps, data=str(rng.choice(["add", "max", "quadrature"])))
            scalars += [builder.emit("component", unit, data=i) for i in range(size)]
        elif op == "power":
            scalars.append(builder.emit(op, pick(), builder.emit("number", data=Fraction(int(rng.integers(-3, 4)), 2))))
        else:
            scalars.append(builder.emit(op, pick(), pick()))
    return builder.finish({f"r{i}": s for i, s in enumerate(scalars[-4:])})


def test_random_programs_agree_with_their_simplified_form() -> None:
    with np.errstate(all="ignore"):
        assert sum(_compared(seed) for seed in range(600)) > 30_000


def _compared(seed: int) -> int:
    """How many values of a random program were compared with those of its simplified form."""
    rng = np.random.default_rng([7, seed])
    program = _random(rng)
    short = simplified(program)
    assert [n for n, _ in short.outputs] == [n for n, _ in program.outputs]
    assert set(short.inputs) <= set(program.inputs)
    drawn = values(rng, ("w:0", "w:1", "c"), 60)
    inputs = {n: np.where(rng.random(60) < 0.2, rng.choice([0.0, 1.0, -1.0], size=60), v) for n, v in drawn.items()}
    expected, got = reference(program, inputs), reference(short, inputs)
    moved = [reference(program, {n: v * (1 + s * 1e-13) for n, v in inputs.items()}) for s in (1.0, -1.0)]
    compared = 0
    for name, value in expected.items():
        # A result is compared where it is insensitive: jumps and cancellations amplify a rounding.
        noise = np.maximum.reduce([np.abs(m[name] - value) for m in moved])
        usual = (np.abs(value) < 1e100) & (noise < 1e-9 * (1 + np.abs(value)))
        usual &= (value == 0) | (np.abs(value) > 1e-100)
        error = np.abs(got[name] - value)[usual]
        assert (error <= 10 * noise[usual] + 1e-12 * (np.abs(value[usual]) + 1e-2)).all(), (seed, name, error.max())
        compared += int(usual.sum())
    return compared


def test_special_values_stay_what_they_are_in_programs_without_overflow() -> None:
    x = sp.Symbol("x", real=True)
    for formula in (sp.sign(x * sp.tanh(x)), sp.Abs(-x), sp.sqrt(x**2), sp.sign(2 * x), sp.cosh(-x) * 1):
        program = lower(formula)
        if not program.inputs:
            continue
        inputs = {"x": np.array(SPECIAL)}
        got, expected = reference(simplified(program), inputs)["result"], reference(program, inputs)["result"]
        ordinary = np.isfinite(expected) & ~((expected == 0) & (inputs["x"] != 0))
        assert distance(got[ordinary], expected[ordinary]).max() < 1e-15
        np.testing.assert_array_equal(np.isnan(got), np.isnan(expected))
