"""Sweeps: what is computed, its key, its tiles, and that the result is a function of the specification alone."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import tracemalloc
from fractions import Fraction
from pathlib import Path
from typing import Any

import matplotlib
import matplotlib.pyplot
import numpy as np
import pytest
import sympy as sp

from sam_theory.dynamics import Map, Over, simulate
from sam_theory.errors import InputError
from sam_theory.losses import Expression, Product, Quadratic, log_cosh
from sam_theory.rules import heavy_ball, rule, sam
from sam_theory.rules._samples import random_perturbation
from sam_theory.sweeps import OUTCOMES, Progress, SweepResult, sweep
from sam_theory.sweeps._axes import axis_values
from sam_theory.sweeps._specification import Specification, specify
from sam_theory.sweeps._tiles import TileWork, compute_tile

matplotlib.use("Agg")
xarray = pytest.importorskip("xarray")
x, y = sp.symbols("x y", real=True)
VALLEY = Map(sam, Product(log_cosh))
OVER = {"eta": {"linspace": [0.1, 2.1, 7]}, "x": [-1.5, 0.25, 2]}
ASKED: dict[str, Any] = {
    "starts": {"y": 1.5},
    "steps": 60,
    "params": {"rho": 0.1},
    "observe": {"largest": Over("max", sp.Abs(x * y), last=10), "xy": x * y},
    "tile": 4,
    "scheduler": "serial",
}


def valley(**changes: Any) -> SweepResult:
    given = {"over": OVER, **ASKED, **changes}
    return sweep(VALLEY, given.pop("over"), **given)


def specified(map: Map = VALLEY, over: Any = OVER, **changes: Any) -> Specification:
    given: dict[str, Any] = {
        **{k: ASKED[k] for k in ("starts", "steps", "params", "observe", "tile")},
        **{"settling": "exact", "backend": "numpy", "seed": None, "keep_final": True},
        **changes,
    }
    return specify(map, over, given.pop("starts"), given.pop("steps"), **given)


_MANY = {"linspace": [0.1, 1, 100_000]}


# -- axes ------------------------------------------------------------------------------------------------
def test_linspace_gives_the_floats_nearest_to_the_exact_values() -> None:
    values = axis_values("eta", {"linspace": [Fraction(1, 100), Fraction(3, 5), 60]})
    exact = [Fraction(1, 100) + Fraction(59, 100) * i / 59 for i in range(60)]
    assert values.tolist() == [float(e) for e in exact]


def test_logspace_takes_its_ends_as_values() -> None:
    values = axis_values("rho", {"logspace": [1e-3, 1, 7]})
    assert values[::2].tolist() == [0.001, 0.01, 0.1, 1.0]
    assert np.ptp(values[1:] / values[:-1]) < 1e-14


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([], "no values"),
        ([0.1, float("nan")], "not finite"),
        (["a"], "list of numbers"),
        ([[1, 2]], "list of numbers"),
        ([True, False], "list of numbers"),
        ({"linspce": [0, 1, 3]}, "did you mean 'linspace'"),
        ({"linspace": [0, 1]}, "takes [low, high"),
        ({"linspace": [0, 1, 2.5]}, "whole number"),
        ({"linspace": [0, 1, 1]}, "two ends"),
        ({"logspace": [-3, 0, 4]}, "above 0"),
        ({"linspace": [0, 1, 3], "logspace": [1, 2, 3]}, "one of"),
        ({"linspace": [0, float("inf"), 3]}, "not finite"),
        ([0.1, 0.3, 0.1], "the value 0.1"),
        ({"logspace": [0.5, 0.5, 2]}, "more than once"),
    ],
)
def test_an_axis_that_cannot_be_is_refused_with_what_to_do(given: Any, message: str) -> None:
    with pytest.raises(InputError) as refused:
        axis_values("eta", given)
    assert message in str(refused.value)


def test_a_grid_that_its_disk_cannot_hold_is_refused_before_anything_is_computed(tmp_path: Path) -> None:
    over = {"eta": _MANY, "rho": _MANY, "x": {"linspace": [0, 1, 1000]}}
    with pytest.raises(InputError, match=r"the tiles will take 381,842.3 GiB, .* GiB left; take fewer values"):
        valley(over=over, params={}, tile=10**9, store=tmp_path)
    assert [file.name for file in tmp_path.glob("*/*")] == ["spec.json"]


# -- specifications --------------------------------------------------------------------------------------
def test_the_key_changes_with_everything_that_changes_the_numbers() -> None:
    keys = [
        s.key
        for s in (
            specified(),
            specified(over={**OVER, "x": [-1.5, 0.25, 2 + 2**-51]}),
            specified(over=dict(reversed(OVER.items()))),
            specified(starts={"y": 1.25}),
            specified(steps=61),
            specified(params={"rho": 0.2}),
            specified(observe={"xy": x * y}),
            specified(observe={**ASKED["observe"], "largest": Over("max", sp.Abs(x * y), last=11)}),
            specified(observe={**ASKED["observe"], "largest": Over("min", sp.Abs(x * y), last=10)}),
            specified(tile=5),
            specified(settling="off"),
            specified(settling=1e-12),
            specified(keep_final=False),
            specified(map=Map(sam.fix(normalisation="max"), VALLEY.loss)),
            specified(map=Map(sam, Expression("log(cosh(2*x*y))"))),
        )
    ]
    assert len(set(keys)) == len(keys)


def test_the_key_is_the_same_however_the_same_thing_is_said_and_in_other_processes() -> None:
    same = specified(over={"eta": axis_values("eta", OVER["eta"]), "x": np.array([-1.5, Fraction(1, 4), 2])})
    assert same.key == specified().key == specified(seed=7).key  # the rule draws nothing
    code = "import sys; sys.path.insert(0, 'tests'); from test_sweeps import specified; print(specified().key)"
    there = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=_root())
    assert there.stdout.strip() == same.key
    assert pickle.loads(pickle.dumps(same)).text == same.text


def _root() -> Path:
    return Path(__file__).parents[1]


def test_the_specification_is_canonical_json_with_exact_numbers() -> None:
    document = json.loads(specified().text)
    assert document["axes"][1] == {"name": "x", "kind": "coordinate", "values": ["-0x1.8000000000000p+0", *_hexes()]}
    assert document["parameters"] == {"rho": (0.1).hex()}
    assert document["schema"] == 1 and document["backend"] == "numpy"


def _hexes() -> list[str]:
    return [(0.25).hex(), (2.0).hex()]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"over": {}, "starts": [1, 2]}, "names no axis"),
        ({"over": {"etaa": [0.1]}}, "did you mean 'eta'"),
        ({"over": {"eps": [0.1], "eta": [0.1]}}, "sam.free('eps')"),
        ({"over": {"eta": [0.1, -0.2]}, "starts": [1, 2]}, "a step size must be positive"),
        ({"over": {"eta": [0.1], "rho": [0.1]}, "starts": [1, 2]}, "rho is an axis"),
        ({"over": {"eta": [0.1]}, "starts": {}}, "no start for x, y"),
        ({"over": {"eta": [0.1]}, "starts": [1, 2, 3]}, "needs 2 coordinates"),
        ({"over": {"eta": [0.1]}, "starts": [1, float("inf")]}, "not finite"),
        ({"over": {"eta": [0.1], "start": [[1, 2]]}}, "given twice"),
        ({"starts": {"z": 1}}, "no coordinate 'z'"),
        ({"params": {}}, "no value for rho"),
        ({"params": {"rho": [0.1, 0.2]}}, "give it in over"),
        ({"steps": -1}, "whole number, 0 to"),
        ({"steps": 1.5}, "whole number"),
        ({"steps": 2**40}, "whole number"),
        ({"tile": 0}, "at least 1"),
        ({"settling": "fast"}, "choose 'exact'"),
        ({"settling": -1e-9}, "choose 'exact'"),
        ({"settling": True}, "choose 'exact'"),
        ({"backend": "numpyy"}, "did you mean 'numpy'"),
        ({"scheduler": "locall"}, "serial, local"),
        ({"over": {"eta": _MANY, "rho": _MANY}, "starts": [1, 2], "params": {}}, "fewer values"),
        ({"observe": {"outcome": x}}, "choose another"),
        ({"observe": {"a": sp.Symbol("q")}}, "uses 'q'"),
        ({"observe": {"a": lambda state, env: 0}}, "SymPy expression"),
        ({"observe": {"a b": x}}, "letters, digits"),
    ],
)
def test_a_sweep_that_cannot_be_is_refused_before_anything_is_made(
    changes: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError) as refused:
        valley(store=tmp_path / "store", **changes)
    assert message in str(refused.value)
    assert not (tmp_path / "store").exists()


def test_a_rule_that_draws_needs_a_seed() -> None:
    noisy = Map(random_perturbation(1), Quadratic(1))
    with pytest.raises(InputError, match="seed=0"):
        sweep(noisy, {"eta": [0.1]}, [1.0], 5, params={"rho": 0.1}, scheduler="serial")


# -- tiles -----------------------------------------------------------------------------------------------
def test_a_tile_of_an_enormous_grid_makes_only_its_own_trajectories() -> None:
    many = {"linspace": [0.01, 0.6, 31_623]}
    huge = specified(over={"eta": many, "rho": many}, starts=[0.5, 3], params={}, tile=None, observe={})
    assert huge.size > 10**9 and huge.tiles * huge.tile >= huge.size
    tracemalloc.start()
    start, parameters = huge.inputs(huge.tiles - 1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    first, count = huge.bounds(huge.tiles - 1)
    assert first + count == huge.size and len(start["w"]) == count
    assert parameters["eta"][-1] == parameters["rho"][-1] == 0.6
    assert peak < 200 * huge.tile


def test_tiles_take_more_trajectories_the_less_work_each_is_and_never_too_much_memory() -> None:
    many = {"linspace": [0.01, 0.6, 3_000]}
    grid = {"eta": many, "rho": many}
    short, long = (specified(over=grid, starts=[1, 2], params={}, tile=None, steps=s).tile for s in (100, 10_000))
    assert short > long >= 1024
    large = Map(sam, Quadratic(1, dimension=None))
    wide = specified(map=large, over=grid, starts=np.ones(20_000), params={}, tile=None, steps=1, observe={})
    assert wide.tile * 20_000 * 8 < 2**27


def test_the_trajectories_are_those_of_simulate_in_the_order_of_the_axes() -> None:
    result = valley()
    grid = np.meshgrid(*result.axes.values(), indexing="ij")
    run = simulate(
        VALLEY,
        np.stack([grid[1], np.full_like(grid[1], 1.5)], axis=-1),
        steps=60,
        eta=grid[0],
        rho=0.1,
        observables={"xy": x * y},
    )
    assert result.arrays["final"].tobytes() == run.final.tobytes()
    assert (result.outcome_names == run.outcome).all()
    assert (result.arrays["step"] == run.step).all()
    assert result.arrays["xy"].tobytes() == run.observables["xy"][-1].tobytes()
    assert set(np.unique(result.outcome_names)) > {"diverged"}, "the grid shows several outcomes"


@pytest.mark.parametrize(
    "map", [VALLEY, Map(random_perturbation(2), Product(log_cosh)), Map(heavy_ball, Quadratic(1, 4))]
)
def test_the_size_of_the_tiles_and_the_scheduler_leave_every_bit(map: Map) -> None:
    names = [n for n in map.parameters if n != "eta"]
    asked = dict(starts=[0.5, 3], steps=40, seed=3, params=dict.fromkeys(names, 0.1))
    whole = sweep(map, {"eta": OVER["eta"]}, **asked, tile=100, scheduler="serial")
    for tile, scheduler in ((3, "serial"), (2, "local:2" if map is VALLEY else "serial")):
        parts = sweep(map, {"eta": OVER["eta"]}, **asked, tile=tile, scheduler=scheduler)
        for name, values in whole.arrays.items():
            assert parts.arrays[name].tobytes() == values.tobytes(), (name, tile, scheduler)


@pytest.mark.parametrize("map", [VALLEY, Map(random_perturbation(2), Product(log_cosh)), Map(sam, Quadratic(1, 4))])
def test_machine_code_gives_the_same_bits_in_tiles_of_any_size(map: Map) -> None:
    pytest.importorskip("llvmlite")
    names = [n for n in map.parameters if n != "eta"]
    asked = dict(starts=[0.5, 3], steps=40, seed=3, params=dict.fromkeys(names, 0.1), scheduler="serial")
    asked["observe"] = {"largest": Over("max", sp.Abs(sp.Symbol(map.loss.variables[0])), last=7)}
    over = {"eta": {"linspace": [0.1, 2.1, 71]}}
    whole = sweep(map, over, **asked, backend="fast", tile=100)
    assert whole.specification["backend"] == "fast"
    for tile in (1, 17, 64):
        parts = sweep(map, over, **asked, backend="fast", tile=tile)
        for name, values in whole.arrays.items():
            assert parts.arrays[name].tobytes() == values.tobytes(), (name, tile)


def test_the_backend_is_chosen_for_the_whole_grid_and_is_what_there_is() -> None:
    pytest.importorskip("llvmlite")
    small = specified(backend="auto")
    many = {"linspace": [0.01, 0.6, 512]}
    large = specified(backend="auto", over={"eta": many, "x": many}, steps=2000, tile=None)
    assert (small.backend, large.backend) == ("numpy", "fast")
    assert specified(backend="fast").backend == "fast" and specified(backend="fast").key != specified().key
    assert large.document["computed_by"].keys() == {"numpy", "llvmlite"}
    assert large.tile > 1024 and large.tiles > 8


def test_without_llvmlite_a_sweep_runs_on_numpy_under_the_key_of_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sam_theory.dynamics._fast.find_spec", lambda _: None)
    assert specified(backend="fast").key == specified().key
    said: list[str] = []
    asked: dict[str, Any] = {"scheduler": "serial", "report": said.append}
    sweep(Map(sam, Quadratic(1)), {"eta": [0.5], "rho": [0.1]}, [1.0], 5, backend="fast", **asked)
    assert len(said) == 1 and "sam-theory[fast]" in said[0]


def test_a_worker_without_llvmlite_refuses_tiles_of_machine_code(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pytest.importorskip("llvmlite")
    work = TileWork(specified(backend="fast"), tmp_path, 1)
    monkeypatch.setattr("sam_theory.dynamics._fast.find_spec", lambda _: None)
    with pytest.raises(InputError, match="not there in a worker"):
        compute_tile(work, 0)
    assert not list(tmp_path.iterdir())


def test_final_holds_every_state_vector_and_may_be_left_out() -> None:
    ball = Map(heavy_ball, Quadratic(1, 4))
    asked = dict(starts={"w": [1, 2], "v": [0.5, 0]}, steps=5, params={"momentum": 0.5}, scheduler="serial")
    asked["params"] = {n: 0.5 for n in ball.parameters if n != "eta"}
    kept = sweep(ball, {"eta": [0.1, 0.2]}, **asked)
    assert {n for n in kept.arrays if n.startswith("final")} == {"final", *(f"final_{n}" for n in ball.state[1:])}
    left = sweep(ball, {"eta": [0.1, 0.2]}, **asked, final=False)
    assert set(left.arrays) == {"outcome", "step", "settled"}
    assert left.key != kept.key


def test_a_rule_of_a_module_of_ones_own_is_sent_to_processes() -> None:
    asked = dict(starts=[1.0], steps=3, tile=1)
    mine = sweep(Map(_halved, Quadratic(1)), {"eta": [0.5, 1]}, **asked, scheduler="local:1")
    assert mine.arrays["final"].ravel().tolist() == [0.75**3, 0.5**3]


@rule
def _halved(space: Any, w: Any, *, eta: Any) -> Any:
    """Half a step."""
    return w - eta / 2 * space.grad(w)


def test_a_rule_of_a_script_is_sent_by_value(tmp_path: Path) -> None:
    pytest.importorskip("cloudpickle")
    script = tmp_path / "mine.py"
    script.write_text("""
from sam_theory import Map, Quadratic, rule
from sam_theory.sweeps import sweep

@rule
def third(space, w, *, eta):
    return w - eta / 3 * space.grad(w)

if __name__ == "__main__":
    found = sweep(Map(third, Quadratic(1)), {"eta": [1.5, 3]}, [1.0], 2, tile=1, scheduler="local:1")
    print(found.arrays["final"].ravel())
""")
    environment = {**os.environ, "PYTHONPATH": str(_root())}
    words = [sys.executable, str(script)]
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=environment, timeout=120)
    assert done.stdout == "[0.25 0.  ]\n", done.stderr


def test_starts_are_an_axis_where_they_are_several_and_it_may_stand_anywhere() -> None:
    points = [[0.5, 3], [1, 1], [2, -1]]
    last = valley(over={"eta": [0.1, 0.2]}, starts=points)
    first = valley(over={"start": points, "eta": [0.1, 0.2]}, starts=None)
    assert last.shape == (2, 3) and first.shape == (3, 2)
    assert (last.arrays["final"] == first.arrays["final"].swapaxes(0, 1)).all()
    mixed = valley(over={"eta": [0.1], "x": [7, 8]}, starts=points)
    alone = valley(over={"eta": [0.1]}, starts=[7, 3])
    assert (mixed.arrays["final"][0, 0, 0] == alone.arrays["final"][0]).all()


# -- results ---------------------------------------------------------------------------------------------
def test_the_data_set_has_the_axes_as_dimensions_and_says_what_the_codes_mean() -> None:
    data = valley().dataset
    assert data["outcome"].dims == ("eta", "x") and data["final"].dims == ("eta", "x", "coordinate")
    assert data["outcome"].dtype == np.int8 and data["step"].dtype == np.int32
    assert data["outcome"].attrs["flag_meanings"].split() == list(OUTCOMES)
    assert data["outcome"].attrs["flag_values"].tolist() == list(range(len(OUTCOMES)))
    assert data["coordinate"].values.tolist() == ["x", "y"]
    assert float(data["rho"]) == 0.1
    picked = data["final"].sel(eta=0.1, x=2, coordinate="y")
    assert float(picked) == valley().arrays["final"][0, 2, 1]


@pytest.mark.parametrize("changes", [{}, {"over": {"eta": [0.1]}, "starts": [[0.5, 3], [1, 1]]}])
def test_a_result_is_saved_and_loaded_to_the_bit(changes: dict[str, Any], tmp_path: Path) -> None:
    result = valley(**changes)
    result.save(tmp_path / "a.nc")
    again = SweepResult.load(tmp_path / "a.nc")
    xarray.testing.assert_identical(again.dataset, result.dataset)
    for name, values in result.arrays.items():
        assert again.arrays[name].dtype == values.dtype and again.arrays[name].tobytes() == values.tobytes()
    assert again.summary == result.summary and again.key == result.key
    again.save(tmp_path / "b.nc")
    assert (tmp_path / "a.nc").read_bytes() == (tmp_path / "b.nc").read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.nc", "b.nc"]


def test_not_numbers_and_signed_zeros_are_kept_too(tmp_path: Path) -> None:
    result = valley(observe={"root": sp.sqrt(x - 100), "zero": -sp.Max(0, x - 1000)})
    result.save(tmp_path / "a.nc")
    assert np.isnan(result.arrays["root"]).any() and np.signbit(result.arrays["zero"]).any()
    for name in ("root", "zero"):
        assert SweepResult.load(tmp_path / "a.nc").arrays[name].tobytes() == result.arrays[name].tobytes()


@pytest.mark.parametrize("content", [b"", b"CDF\x02 no more", b"something else"])
def test_a_file_that_holds_no_sweep_is_refused(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "a.nc"
    file.write_bytes(content)
    with pytest.raises(InputError, match=r"a\.nc"):
        SweepResult.load(file)
    with pytest.raises(InputError, match="cannot be read"):
        SweepResult.load(tmp_path / "none.nc")
    xarray.Dataset({"a": ("b", [1.0])}).to_netcdf(file, engine="scipy")
    with pytest.raises(InputError, match="holds no sweep"):
        SweepResult.load(file)


def test_without_xarray_the_arrays_are_there_and_the_data_set_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "xarray", None)
    result = valley()
    assert result.arrays["outcome"].shape == (7, 3)
    with pytest.raises(InputError, match=r"sam-theory\[sweeps\]"):
        _ = result.dataset


def test_tiles_are_the_pieces_of_the_arrays(tmp_path: Path) -> None:
    result = valley(store=tmp_path)
    pieces = list(result.tiles())
    assert [first for first, _ in pieces] == list(range(0, 21, 4))
    joined = np.concatenate([arrays["xy"] for _, arrays in pieces])
    assert joined.tobytes() == result.arrays["xy"].tobytes()
    assert result.summary == result.in_memory().summary == valley().summary


def test_progress_counts_tiles_trajectories_and_outcomes(tmp_path: Path) -> None:
    seen: list[Progress] = []
    result = valley(store=tmp_path, progress=seen.append)
    assert [p.done for p in seen] == list(range(7)) and {p.total for p in seen} == {6}
    assert seen[-1].outcomes == result.summary and seen[-1].computed == 21
    assert seen[0].rate == 0 and seen[-1].rate > 0 and seen[-1].remaining == 0 < seen[1].remaining
    seen.clear()
    valley(store=tmp_path, progress=seen.append)
    assert [(p.done, p.found, p.computed) for p in seen] == [(6, 6, 0)]
    assert seen[-1].outcomes == result.summary


def test_pictures_show_named_axes_and_a_legend_of_the_outcomes_that_occur() -> None:
    result = valley(over={"eta": OVER["eta"], "x": [-1.5, 0.25, 2], "rho": [0.1, 0.3]}, params={})
    drawn = result.plot()
    assert (drawn.get_xlabel(), drawn.get_ylabel()) == ("η", "x") and "ρ = 0.1" in drawn.get_title()
    (legend,) = drawn.figure.legends
    names = {text.get_text().split()[0] for text in legend.get_texts()}
    assert names == set(result.outcome_names[..., 0].ravel())
    other = result.plot("x", x="rho", y="eta", at={"x": 2})
    assert (other.get_xlabel(), other.get_ylabel()) == ("ρ", "η") and "x = 2" in other.get_title()
    shown = other.collections[0].get_array()
    wanted = np.where(result.outcome_names == "diverged", np.nan, result.arrays["final"][..., 0])[:, 2]
    assert np.array_equal(np.ma.filled(shown, np.nan), wanted, equal_nan=True)
    _, mine = matplotlib.pyplot.subplots()
    assert result.plot(axes=mine) is mine and mine.get_legend() is not None and not mine.figure.legends
    line = result.plot("largest", x="eta", y=None, at={"x": 2, "rho": 0.3})
    assert line.get_ylabel() == "largest"
    matplotlib.pyplot.close("all")
    for bad in (
        {"name": "outcom"},
        {"x": "et"},
        {"at": {"z": 1}},
        {"x": "eta", "y": "eta"},
        {"x": "eta", "at": {"eta": 1}},
        {"at": {"rho": "low"}},
        {"at": {"rho": float("nan")}},
    ):
        with pytest.raises(InputError):
            result.plot(**bad)


def test_a_picture_without_finite_numbers_has_no_scale_and_starts_are_numbered() -> None:
    result = valley(over={"eta": [30, 40], "rho": [0.1]}, starts=[[1, 2], [3, 4], [5, 6]], params={}, steps=60)
    assert (result.outcome_names == "diverged").all()
    drawn = result.plot("x")
    assert len(drawn.figure.axes) == 1 and [text.get_text() for text in drawn.texts] == ["x: all diverged"]
    assert all(place == round(place) for place in drawn.get_yticks())
    matplotlib.pyplot.close("all")
