"""Machine code of flat programs against the batch arithmetic, at ordinary and at special values."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
import sympy as sp
from program_tools import SPECIAL, distance, evaluate, reference, states, steps, values

from sam_theory.arithmetic import ELEMENTARY, NORMALISATIONS, Builder, Program, VectorSymbol, lower, norm, value
from sam_theory.dynamics import Map
from sam_theory.errors import InputError
from sam_theory.kernels._arrays import OnArrays
from sam_theory.kernels._emit import emit, scaled_directions, single_use_products
from sam_theory.kernels._flattened import flattened
from sam_theory.kernels._simplify import simplified
from sam_theory.losses import Expression, Quadratic, named_losses
from sam_theory.rules import RULES, sam, usam


def _operation(op: str, count: int, data: object = None) -> Program:
    builder = Builder()
    args = [builder.emit("input", data=f"a{i}", kind="s") for i in range(count)]
    return builder.finish({"result": builder.emit(op, *args, data=data)})


def _vector(op: str, dimension: int, normalisation: str | None = None, eps: Fraction | None = None) -> Program:
    builder = Builder()
    v = builder.emit("stack", *(builder.emit("input", data=f"a{i}", kind="s") for i in range(dimension)))
    if op == "norm":
        return builder.finish({"result": builder.emit("norm", v)})
    e = builder.emit("input", data="eps", kind="s") if eps is None else builder.emit("number", data=eps)
    unit = builder.emit("unit", v, e, data=normalisation)
    return builder.finish({f"u{i}": builder.emit("component", unit, data=i) for i in range(dimension)})


def _pairs(count: int) -> dict[str, np.ndarray]:
    """All combinations of special and some ordinary values."""
    some = np.array([*SPECIAL, 0.3, -2.75, 700.0, -1e5])
    grid = np.meshgrid(*([some] * count), indexing="ij")
    rows = [g.ravel() for g in grid]
    size = -(-len(rows[0]) // 8) * 8
    return {f"a{i}": np.resize(row, size) for i, row in enumerate(rows)}


EXACT = [
    ("add", 2, None),
    ("sub", 2, None),
    ("mul", 2, None),
    ("div", 2, None),
    ("neg", 1, None),
    ("abs", 1, None),
    ("sqrt", 1, None),
    ("sign", 1, None),
    *(("ipow", 1, n) for n in (-3, -1, 0, 1, 2, 3, 5, 8)),
]


@pytest.mark.parametrize(("op", "count", "data"), EXACT)
@pytest.mark.parametrize("width", [1, 8])
def test_arithmetic_is_exactly_that_of_batches_at_all_special_values(
    op: str, count: int, data: object, width: int
) -> None:
    program = _operation(op, count, data)
    inputs = _pairs(count)
    np.testing.assert_array_equal(evaluate(program, inputs, width)["result"], reference(program, inputs)["result"])


@pytest.mark.parametrize("strict", [True, False])
def test_choices_compare_as_batches_do(strict: bool) -> None:
    program = _operation("select", 4, strict)
    inputs = _pairs(2)
    inputs |= {"a2": np.arange(len(inputs["a0"])) + 0.0, "a3": -1.0 - np.arange(len(inputs["a0"]))}
    np.testing.assert_array_equal(evaluate(program, inputs)["result"], reference(program, inputs)["result"])


@pytest.mark.parametrize("low", [True, False])
def test_the_smaller_and_the_larger_of_two_numbers_are_none_where_one_is_none(low: bool) -> None:
    builder = Builder()
    a, b = (builder.emit("input", data=n, kind="s") for n in ("a0", "a1"))
    chosen = builder.emit("select", a, b, *((a, b) if low else (b, a)), data=True)
    inputs = _pairs(2)
    expected = (np.minimum if low else np.maximum)(inputs["a0"], inputs["a1"])
    np.testing.assert_array_equal(evaluate(builder.finish({"result": chosen}), inputs)["result"], expected)


@pytest.mark.parametrize("dimension", [1, 2, 3])
def test_norms_keep_tiny_and_huge_vectors(dimension: int) -> None:
    program, inputs = _vector("norm", dimension), _pairs(dimension)
    assert distance(evaluate(program, inputs)["result"], reference(program, inputs)["result"]).max() < 1e-15


@pytest.mark.parametrize("dimension", [1, 2, 3])
def test_the_direction_of_tiny_and_huge_vectors_is_kept(dimension: int) -> None:
    program, inputs = _vector("unit", dimension, "add", Fraction(0)), _pairs(dimension)
    got, expected = evaluate(program, inputs), reference(program, inputs)
    for name in expected:
        assert distance(got[name], expected[name]).max() < 1e-15


@pytest.mark.parametrize("normalisation", NORMALISATIONS)
@pytest.mark.parametrize("dimension", [1, 2])
def test_regularised_directions_at_every_size_of_vector_and_regularisation(normalisation: str, dimension: int) -> None:
    inputs = _pairs(dimension + 1)
    inputs["eps"] = np.abs(inputs.pop(f"a{dimension}"))
    program = _vector("unit", dimension, normalisation)
    got, expected = evaluate(program, inputs), reference(program, inputs)
    for name in expected:
        assert distance(got[name], expected[name]).max() < 2e-15


@pytest.mark.parametrize("normalisation", NORMALISATIONS)
@pytest.mark.parametrize("eps", [Fraction(0), Fraction(1, 4)])
def test_multiples_of_directions_at_all_special_values(normalisation: str, eps: Fraction) -> None:
    builder = Builder()
    x, y, c = (builder.emit("input", data=f"a{i}", kind="s") for i in range(3))
    unit = builder.emit("unit", builder.emit("stack", x, y), builder.emit("number", data=eps), data=normalisation)
    products = [builder.emit("mul", c, builder.emit("component", unit, data=i)) for i in range(2)]
    program = builder.finish({f"u{i}": p for i, p in enumerate(products)})
    assert scaled_directions(program)
    inputs = _pairs(3)
    inputs["a2"] = np.where(np.abs(inputs["a2"]) < 1e12, inputs["a2"], 3.0)  # beyond, the product may overflow before
    got, expected = evaluate(program, inputs), reference(program, inputs)
    for name in expected:
        assert (distance(got[name], expected[name]) * (np.abs(expected[name]) > 1e-290)).max() < 2e-15
        assert (np.abs(got[name] - expected[name])[np.abs(expected[name]) <= 1e-290] <= 1e-290).all()


@pytest.mark.parametrize("name", sorted(ELEMENTARY))
def test_calls_are_the_elementary_functions(name: str) -> None:
    program = _operation("call", 1, (name, 0))
    inputs = {"a0": np.resize(np.linspace(-6, 6, 997), 1000)}
    assert distance(evaluate(program, inputs)["result"], reference(program, inputs)["result"]).max() < 1e-14


def test_a_power_known_at_run_time() -> None:
    program = _operation("power", 2)
    rng = np.random.default_rng(1)
    inputs = {"a0": rng.exponential(3.0, 800), "a1": rng.normal(size=800)}
    assert distance(evaluate(program, inputs)["result"], reference(program, inputs)["result"]).max() < 1e-14


@pytest.mark.parametrize("form", [simplified, lambda program: program])
@pytest.mark.parametrize("width", [1, 16])
def test_one_step_of_every_rule_on_every_loss_agrees_with_batches(
    width: int, form: Callable[[Program], Program]
) -> None:
    rng = np.random.default_rng(2)
    programs = list(steps().items())[:: 9 if width == 1 else 5]
    assert len(programs) > 10
    for name, program in programs:
        inputs = states(rng, program, 64)
        got, expected = evaluate(form(program), inputs, width), reference(program, inputs)
        size = np.maximum.reduce([np.abs(v) for v in (*inputs.values(), *expected.values())])
        for output in expected:
            assert (np.abs(got[output] - expected[output]) / size).max() < 1e-12, (name, output)


X, Y = sp.symbols("x y", real=True)
LOSSES = [
    "log(1 + exp(-x*y)) + x**2/8",
    "exp(-x**2 - y**2)*sin(3*x) + atan(y)",
    "cosh(x*y) + sinh(x - y)",
    "(x**2 + y**2 + 1)**(2/3)",
    "sqrt(x**2 + 1)*sqrt(y**2 + 2) - cos(x)*sin(x)*y",
    "abs(x*y - 1)**3 + max(x*y, 0)**2 + min(x - 1, 0)**2/2",
    sp.Piecewise((X**2 + Y**2, X < 0), (X**2 / 2 + X**2 * Y + Y**2, True)),
    "log(cosh(x*y))/3 + tanh(x)*tanh(y)",
    "x**4/4 - x**2/2 + y**2*x/(1 + x**2)",
    "abs(x)**(5/2) + (y - x)**2/(1 + exp(x))",
    "tan(x/4)*y + x*log(2 + y**2)",
    "(x*y)**5/5 - (x*y)**3/3",
]


@pytest.mark.parametrize("formula", LOSSES, ids=str)
@pytest.mark.parametrize("rule", ["usam", "sam", "regularised", "quadrature", "largest"])
def test_a_step_on_any_formula_agrees_with_batches(formula: str | sp.Expr, rule: str) -> None:
    rules = {"usam": usam, "sam": sam, "regularised": sam.free("eps")}
    forms = {"quadrature": "quadrature", "largest": "max"}
    chosen = rules[rule] if rule in rules else sam.free("eps").fix(normalisation=forms[rule])
    program = Map(chosen, Expression(formula, ["x", "y"])).flat
    inputs = states(np.random.default_rng(8), program, 400)
    inputs |= {name: np.clip(v, -1.5, 1.5) for name, v in inputs.items() if ":" in name}
    got, expected = evaluate(simplified(program), inputs), reference(program, inputs)
    moved = [reference(program, {n: v * (1 + s * 1e-13) for n, v in inputs.items()}) for s in (1.0, -1.0)]
    size = np.maximum.reduce([np.abs(v) for v in (*inputs.values(), *expected.values())])
    for name, result in expected.items():
        with np.errstate(invalid="ignore"):
            noise = np.maximum.reduce([np.abs(m[name] - result) for m in moved])
        steady = np.isfinite(result) & (noise < 1e-9 * size)  # elsewhere a rounding decides
        assert steady.mean() > 0.9
        assert (np.abs(got[name] - result)[steady] <= 1e-12 * size[steady] + 10 * noise[steady]).all()
        np.testing.assert_array_equal(np.isnan(got[name]), np.isnan(result))


def test_the_bits_of_a_lane_depend_on_the_lane_alone() -> None:
    rng = np.random.default_rng(3)
    program = Map(RULES["sam"], named_losses()["log_cosh(xy)"]).flat
    inputs = values(rng, program.inputs, 64, special=0.1)
    wide = evaluate(program, inputs, 16)
    for width in (1, 2, 8):
        narrow = evaluate(program, inputs, width)
        for output in wide:
            np.testing.assert_array_equal(narrow[output], wide[output])


def test_products_are_fused_only_where_no_jump_depends_on_the_sum() -> None:
    x, y = sp.symbols("x y")
    step = lower(x - y * x)
    assert [step.nodes[i].op for i in single_use_products(step)] == ["mul"]
    turned = lower(sp.sign(x - y * x))
    assert not single_use_products(turned)


def test_residues_that_batches_round_to_zero_give_no_direction() -> None:
    x, y = sp.symbols("x y")
    program = lower(sp.sign(x * y - 1))
    rng = np.random.default_rng(4)
    a = rng.normal(size=4000)
    inputs = {"x": a, "y": 1.0 / a}
    got = evaluate(program, inputs)["result"]
    assert (got == 0).sum() > 1000
    np.testing.assert_array_equal(got, reference(program, inputs)["result"])


def test_what_a_flat_program_does_not_have_is_refused() -> None:
    builder = Builder()
    w = builder.emit("input", data="w", kind="v")
    program = builder.finish({"result": builder.emit("dot", w, w)})
    with pytest.raises(InputError, match="none of a flat program"):
        emit_alone(program)
    with pytest.raises(InputError, match="no value for 'x'"):
        emit_alone(lower(sp.Symbol("x") + 1))


def emit_alone(program: Program) -> None:
    """Emit without inputs; a vector is given none."""
    from llvmlite import ir

    from sam_theory.kernels._lanes import Lanes

    module = ir.Module()
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), []), "run")
    lanes = Lanes(ir.IRBuilder(function.append_basic_block()), 4)
    emit(lanes, program, {"w": [lanes.number(1.0)]})


# -- what is observed ------------------------------------------------------------------------------------------
def test_observables_are_flattened_to_coordinates() -> None:
    w, w0 = VectorSymbol("w"), VectorSymbol("w_start")
    x, y, eta, t = sp.symbols("x y eta t")
    loss = Quadratic(2, 3)
    program = flattened(
        {"far": norm(w - w0) * eta + t, "loss": value(w), "product": sp.Abs(x * y), "moved": w - w0},
        {"w": 2, "w_start": 2},
        {"x": "w:0", "y": "w:1"},
        loss,
    )
    assert set(program.inputs) == {"w:0", "w:1", "w_start:0", "w_start:1", "eta", "t"}
    inputs = values(np.random.default_rng(5), program.inputs, 40)
    got = evaluate(program, inputs)
    d = [inputs[f"w:{i}"] - inputs[f"w_start:{i}"] for i in range(2)]
    np.testing.assert_allclose(got["far"], np.hypot(*d) * inputs["eta"] + inputs["t"], rtol=1e-13)
    np.testing.assert_allclose(got["loss"], inputs["w:0"] ** 2 + 1.5 * inputs["w:1"] ** 2, rtol=1e-13)
    np.testing.assert_array_equal(got["product"], np.abs(inputs["w:0"] * inputs["w:1"]))
    np.testing.assert_array_equal(got["moved:1"], d[1])


def test_an_observable_of_an_unknown_vector_is_refused() -> None:
    with pytest.raises(InputError, match="'far' uses the vector 'v'; known: w"):
        flattened({"far": norm(VectorSymbol("v"))}, {"w": 2})


# -- functions of arrays ---------------------------------------------------------------------------------------
def test_functions_of_arrays_take_numbers_and_arrays_of_any_length() -> None:
    x, y = sp.symbols("x y")
    run = OnArrays(lower(x * y + 1), 8)
    for size in (1, 5, 8, 19):
        points = np.arange(size) + 0.5
        np.testing.assert_array_equal(run({"x": points, "y": 2.0, "unused": 1.0})["result"], 2.0 * points + 1.0)
    with pytest.raises(InputError, match="no value for y"):
        run({"x": 1.0})
    with pytest.raises(InputError, match="one length"):
        run({"x": np.ones(3), "y": np.ones(4)})
