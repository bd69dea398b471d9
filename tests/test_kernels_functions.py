"""Functions of kernels: at most 2.5 units in the last place, limits, parity, the same bits at every width."""

import runpy
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from flint import arb, ctx
from kernel_tools import loop, vectorised

from sam_theory.arithmetic import ELEMENTARY, Float64
from sam_theory.kernels import _exponential, _hyperbolic, _logarithm, _machine, _power, _roots, _trigonometric
from sam_theory.kernels._functions import FUNCTIONS, power
from sam_theory.kernels._machine import machine
from sam_theory.kernels._quadrants import remainder
from sam_theory.kernels._roots import reciprocal_root

WIDTHS = (1, 2, 4, 8, 16, 32)
INF, NAN, LARGEST = float("inf"), float("nan"), 1.7976931348623157e308
ODD = ("sin", "tan", "atan", "sinh", "tanh", "sqrt1p_slope")
EVEN = ("cos", "cosh", "log_cosh", "sqrt1p")
PERIODIC = ("sin", "cos", "tan")


def _log_cosh(z: arb) -> arb:
    return (2 * (z / 2).sinh() ** 2).log1p() if abs(z) < 1 else abs(z) + (-2 * abs(z)).exp().log1p() - arb(2).log()


EXACT: dict[str, Callable[[arb], arb]] = {
    **{name: (lambda z, name=name: getattr(z, name)()) for name in ELEMENTARY if hasattr(arb, name)},
    "log_cosh": _log_cosh,
    "sqrt1p": lambda z: (1 + z**2).sqrt(),
    "sqrt1p_slope": lambda z: z / (1 + z**2).sqrt(),
}


@pytest.fixture(autouse=True)
def _precision():
    before = ctx.prec
    ctx.prec = 160
    yield
    ctx.prec = before


def worst(exact: Callable[..., arb], y: np.ndarray, *args: np.ndarray) -> float:
    """The largest error of y in units in the last place of the exact value."""
    largest = 0.0
    for value, *point in zip(y.tolist(), *(a.tolist() for a in args), strict=True):
        true = exact(*map(arb, point))
        if not abs(true) < LARGEST:
            assert abs(value) >= LARGEST, point
            continue
        unit = float(np.spacing(abs(float(true.mid())))) or 5e-324
        error = float(abs(arb(value) - true).mid() / arb(unit))
        assert error <= 2.5, (point, value, error)
        largest = max(largest, error)
    return largest


def arguments(name: str, size: int = 2500) -> np.ndarray:
    """Over the whole range, and dense where a function is put together from pieces."""
    rng = np.random.default_rng(sum(map(ord, name)))
    sign = rng.choice([-1.0, 1.0], size)
    parts = [
        *(rng.uniform(-scale, scale, size) for scale in (0.2, 1.0, 2.0, 8.0, 40.0, 750.0)),
        np.exp2(rng.uniform(-1074, 1024, size)) * sign,
        np.exp2(rng.uniform(-40, 8, size)) * sign,
        1 + np.exp2(rng.uniform(-52, -1, size)) * sign,
        rng.uniform(708, 711, size) * sign,
        # beside the steps of the reductions by ln 2 and π, and the thresholds of arctan and log cosh
        (rng.integers(-40, 40, size) * np.log(2) / 4) * (1 + rng.uniform(-1e-3, 1e-3, size)),
        (rng.integers(-40, 40, size) * np.pi / 4) * (1 + rng.uniform(-1e-3, 1e-3, size)),
        np.array([0.7, 2**0.5 - 1, 2**0.5 + 1, 2.0**-30])[rng.integers(0, 4, size)]
        * (1 + rng.uniform(-1e-9, 1e-9, size)),
    ]
    if name in PERIODIC:
        multiples = np.rint(np.exp2(rng.uniform(0, 45, size))) * (np.pi / 2)
        # 6381956970095103·2^797 is the float64 that comes closest to a multiple of π/2
        close = np.ldexp(6381956970095103.0, np.arange(760, 800))
        parts += [multiples, np.nextafter(multiples, INF), np.exp2(rng.uniform(19, 1024, size)), close]
    x = np.concatenate(parts)
    return np.abs(x) if name == "log" else x


def test_every_elementary_function_is_there() -> None:
    assert FUNCTIONS.keys() == ELEMENTARY.keys()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_is_within_units_in_the_last_place(name: str) -> None:
    x = arguments(name)
    ctx.prec = 1300 if name in PERIODIC else 160
    assert 0.5 <= worst(EXACT[name], vectorised(FUNCTIONS[name], 8)(x), x) <= 2.5


def test_a_power_is_within_units_in_the_last_place() -> None:
    rng, size = np.random.default_rng(4), 4000
    a = np.concatenate(
        [
            rng.uniform(0, 3, size),
            np.exp2(rng.uniform(-1074, 1024, size)),
            1 + np.exp2(rng.uniform(-52, -1, size)) * rng.choice([-1, 1], size),
        ]
    )
    b = np.concatenate([rng.uniform(-9, 9, size), rng.uniform(-3, 3, size), rng.uniform(-745, 710, size)])
    b[2 * size :] /= np.log(a[2 * size :])  # up to overflow and underflow
    assert worst(lambda x, y: x**y, vectorised(power, 8, 2)(a, b), a, b) <= 1.5


def test_a_reciprocal_root_is_within_units_in_the_last_place() -> None:
    q = np.exp2(np.random.default_rng(6).uniform(-1022, 1024, 8000))
    assert worst(lambda z: 1 / z.sqrt(), vectorised(reciprocal_root, 8)(q), q) <= 1.6


def same(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Equal with their signs, both no number, or equal but for rounding."""
    close = np.isfinite(a) & np.isfinite(b)
    close[close] = np.abs(a[close] - b[close]) <= 1e-15 * np.abs(b[close])
    return (np.signbit(a) == np.signbit(b)) & ((a == b) | close) | (np.isnan(a) & np.isnan(b))


SPECIAL = np.array(
    [0.0, INF, NAN, 5e-324, 1e-310, 2.0**-1022, 1e-160, 1.0, 2.0, 0.5, 710.4, 711.0, 750.0, 1e5, 1e200, LARGEST]
)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_limits_are_those_of_numpy(name: str) -> None:
    x = np.concatenate([SPECIAL, -SPECIAL])
    with np.errstate(all="ignore"):
        expected = np.asarray(Float64.functions[name](x))
    found = vectorised(FUNCTIONS[name], 8)(x)
    assert same(found, expected).all(), x[~same(found, expected)]


def test_special_powers_are_those_of_numpy() -> None:
    values = np.array([*SPECIAL, 3.0, 1.5, 1 / 3, 2.0**53 - 1, 2.0**53 + 2, 1e-300])
    a, b = (grid.ravel() for grid in np.meshgrid(*[np.concatenate([values, -values])] * 2))
    with np.errstate(all="ignore"):
        expected = np.power(a, b)
    found = vectorised(power, 8, 2)(a, b)
    assert same(found, expected).all(), list(zip(a, b, found, expected, strict=True))


@pytest.mark.parametrize("name", [*ODD, *EVEN])
def test_parity_holds_to_the_last_bit(name: str) -> None:
    x = np.concatenate([arguments(name), SPECIAL[SPECIAL < INF]])
    f = vectorised(FUNCTIONS[name], 8)
    assert f(-x).tobytes() == (-f(x) if name in ODD else f(x)).tobytes()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_lane_has_the_same_bits_at_every_width(name: str) -> None:
    rng = np.random.default_rng(3)
    x = np.concatenate([arguments(name, 40), SPECIAL, np.ldexp(rng.uniform(-1, 1, 96), rng.integers(-1000, 1000, 96))])
    x = x[np.isfinite(x)]
    results = [vectorised(FUNCTIONS[name], width)(x).tobytes() for width in WIDTHS]
    assert len(set(results)) == 1


def test_a_power_has_the_same_bits_at_every_width() -> None:
    rng = np.random.default_rng(8)
    a, b = np.abs(arguments("log", 40)), rng.uniform(-5, 5, 520)
    assert len({vectorised(power, width, 2)(a, b[: len(a)]).tobytes() for width in WIDTHS}) == 1


@pytest.mark.parametrize("name", PERIODIC)
def test_a_lane_does_not_notice_a_huge_argument_beside_it(name: str) -> None:
    f = vectorised(FUNCTIONS[name], 8)
    x = np.random.default_rng(5).uniform(-50, 50, 64)
    beside = x.copy()
    beside[::3] = 1e200
    keep = np.arange(64) % 3 != 0
    assert (f(x)[keep] == f(beside)[keep]).all()
    assert (f(beside)[~keep] == f(np.full(1, 1e200))[0]).all()


def test_the_two_ways_to_a_remainder_agree_where_they_meet() -> None:
    x = 2.0**20 + np.random.default_rng(9).uniform(-5, 5, 400)
    parts = [vectorised(lambda lanes, v, i=i: remainder(lanes, v)[i], 8)(x) for i in (0, 1)]
    for value, r, tail in zip(x.tolist(), *(p.tolist() for p in parts), strict=True):
        multiple = (arb(value) - r - tail) * 2 / arb.pi()
        assert abs(float((multiple - round(float(multiple.mid()))).mid())) < 2.0**-100


def test_the_coefficients_are_those_the_script_fits() -> None:
    script = runpy.run_path(str(Path(__file__).parents[1] / "benchmarks" / "coefficients.py"))
    tables = {
        "_ARTANH (log)": _logarithm._ARTANH,
        "_ARTANH (power)": _power._ARTANH,
        **{
            name: getattr(module, name)
            for module in (_exponential, _hyperbolic, _logarithm, _roots, _trigonometric)
            for name in (
                "_COTH",
                "_EXPONENTIAL",
                "_ARTANH_SMALL",
                "_LOG_COSH",
                "_SINH",
                "_SIN",
                "_COS",
                "_TAN",
                "_ARCTAN",
                "_ROOT",
            )
            if hasattr(module, name)
        },
    }
    assert {fit.table for fit in script["FITS"]} == tables.keys()
    for fit in script["FITS"]:
        assert tables[fit.table] == pytest.approx([float(c) for c in script["minimax"](fit)[0]], rel=1e-9)


def test_a_module_is_compiled_once_and_a_wrong_one_not_at_all() -> None:
    text = "define double @half(double %x) {\n  %y = fmul double %x, 5.0e-1\n  ret double %y\n}"
    assert machine(text) is machine(text)
    assert machine(text).address("half") != 0
    with pytest.raises(RuntimeError, match="expected"):
        machine("define double")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_plainer_processor_computes_the_same_bits(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.concatenate([arguments(name, 40), SPECIAL[~np.isnan(SPECIAL)]])
    here = vectorised(FUNCTIONS[name], 4)(x)
    # The least that every processor of this kind has: no fused operations, registers of two lanes or none.
    monkeypatch.setattr(_machine, "_modules", {})
    monkeypatch.setattr(_machine, "_target_machine", lambda: _machine._target().create_target_machine(opt=3, jit=True))
    found = vectorised(FUNCTIONS[name], 4)(x)
    assert np.where(np.isnan(found), NAN, found).tobytes() == np.where(np.isnan(here), NAN, here).tobytes()


def test_a_stack_is_aligned_to_whole_cache_lines() -> None:
    text = str(loop(FUNCTIONS["log_cosh"], 8))
    assert "nounwind alignstack(64)" in next(line for line in text.splitlines() if line.startswith("define"))
    assert machine(text).address("apply") != 0
