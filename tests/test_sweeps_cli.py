"""``sam-theory sweep``: the TOML file, what the command writes, and what Ctrl-C keeps."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy as sp
from cli_tools import ROOT, RUN, on_terminal, run

from sam_theory.cli._sweep_file import read_sweep
from sam_theory.dynamics import Map, Over
from sam_theory.losses import Expression, Product, log_cosh
from sam_theory.rules import sam
from sam_theory.sweeps import SweepResult, sweep

PHASE = """
loss = "log(cosh(x*y))"
rule = "sam"
starts = [0.5, 3]
steps = 60
tile = 5

[over]
eta = {linspace = [0.1, 2.1, 7]}
rho = ["1/10", 0.2]

[observe]
largest = {max = "abs(x*y)", last = 10}
product = "x*y"
value = "loss"
slope = {min = "gradient_norm"}
"""


@pytest.fixture
def phase(tmp_path: Path) -> Path:
    file = tmp_path / "phase.toml"
    file.write_text(PHASE)
    return file


def test_the_command_computes_what_the_function_computes(phase: Path, tmp_path: Path) -> None:
    pytest.importorskip("xarray")
    out, picture = tmp_path / "a.nc", tmp_path / "a.png"
    done = run("sweep", str(phase), "--scheduler", "serial", "--out", str(out), "--plot", str(picture), "--json", "-")
    assert (done.exit_code, done.stderr) == (0, "")
    x, y = sp.symbols("x y", real=True)
    system = Map(sam, Expression("log(cosh(x*y))"))
    over = {"eta": {"linspace": [0.1, 2.1, 7]}, "rho": [0.1, 0.2]}
    observe = {"largest": Over("max", sp.Abs(x * y), last=10), "product": x * y}
    own = sweep(system, over, [0.5, 3], 60, observe=observe, tile=5, scheduler="serial")
    saved = SweepResult.load(out)
    for name, values in own.arrays.items():
        assert saved.arrays[name].tobytes() == values.tobytes()
    z = np.clip(own.arrays["product"], -100, 100)
    assert np.allclose(np.minimum(saved.arrays["value"], 99), np.minimum(np.log(np.cosh(z)), 99), rtol=1e-9, atol=1e-15)
    assert (saved.arrays["slope"] >= 0).all()
    said = json.loads(done.stdout)
    assert said["outcomes"] == own.summary and said["axes"] == {"eta": 7, "rho": 2}
    assert (said["tiles"], said["computed"], said["trajectories"]) == (3, 3, 14)
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_a_second_run_finds_all_tiles_and_says_so(phase: Path, tmp_path: Path) -> None:
    words = ["sweep", str(phase), "--scheduler", "serial", "--store", str(tmp_path / "store")]
    first, second = run(*words), run(*words)
    assert "3 tiles, 0 were in the store" in first.stdout and "3 tiles, 3 were in the store" in second.stdout
    assert first.stdout.split("#")[0] == second.stdout.split("#")[0]
    assert re.search(r"^diverged +\d+ +[\d.]+$", first.stdout, re.MULTILINE)
    tile = next((tmp_path / "store").glob("*/tile-00000001"))
    tile.write_bytes(tile.read_bytes()[:-1])
    third = run(*words)
    assert f"{tile} is damaged" in third.stderr and "2 were in the store" in third.stdout


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('rule = "sam"', 'rule = "smm"', "did you mean 'sam'"),
        ('loss = "log(cosh(x*y))"', 'loss = "quadratc"', "did you mean 'quadratic'"),
        ('loss = "log(cosh(x*y))"', 'loss = "__import__(1)"', "not a known function"),
        ('loss = "log(cosh(x*y))"', "loss = 3", "loss must be a name or an expression in quotes"),
        ('rule = "sam"', "", "there is no 'rule'"),
        ("steps = 60", 'steps = "many"', "steps must be a whole number"),
        ("steps = 60", "steps = true", "steps must be a whole number"),
        ("steps = 60", "steps = -1", "steps must be a whole number"),
        ("steps = 60", "step = 60", "did you mean 'steps'"),
        ("starts = [0.5, 3]", "starts = [0.5]", "needs 2 coordinates"),
        ("starts = [0.5, 3]", "starts = [0.5, nan]", "not finite"),
        ("starts = [0.5, 3]", 'starts = [0.5, "three"]', "'three' is not a number"),
        ("starts = [0.5, 3]", "starts = {x = 1}", "no start for y"),
        ("starts = [0.5, 3]", "starts = {x = [1, 2], y = 3}", "'x' must be one number"),
        ("[0.1, 2.1, 7]", "[-0.1, 2.1, 7]", "a step size must be positive"),
        ("[0.1, 2.1, 7]", "[nan, 2.1, 7]", "not finite"),
        ("[0.1, 2.1, 7]", "[0.1, 2.1]", "takes [low, high"),
        ("linspace", "linspan", "did you mean 'linspace'"),
        ("eta = {", "etta = {", "did you mean 'eta'"),
        ('rho = ["1/10", 0.2]', "rho = [false]", "not a number"),
        ('rho = ["1/10", 0.2]', "rho = [1979-05-27]", "not a number"),
        ('rho = ["1/10", 0.2]', 'rho = ["1/0"]', "not a number"),
        ('rho = ["1/10", 0.2]', f"rho = [{'9' * 5000}]", "is not TOML"),
        ('rho = ["1/10", 0.2]', 'rho = {linspace = [1, 2, "10000"]}\nx = {linspace = [0, 1, 1000]}', "more than"),
        ('rho = ["1/10", 0.2]', "", "no value for rho"),
        ('"x*y"', '"x*q"', "uses 'q'"),
        ('"x*y"', '"x*y', "is not TOML"),
        ('"x*y"', "7", "expression in quotes"),
        ("max = ", "maxx = ", "did you mean 'max'"),
        ("last = 10", "last = 0", "at least 1"),
        ("last = 10", 'min = "x"', "one of max, min and mean"),
        ("tile = 5", "tile = 0", "tile must be a whole number"),
        ("tile = 5", 'settling = "exactly"', "choose 'exact'"),
        ("tile = 5", 'backend = "gpu"', "backend 'gpu'"),
        ("tile = 5", "final = 1", "true or false"),
        ("tile = 5", 'coordinates = ["z"]', "no coordinate 'z'"),
        ("tile = 5", 'coordinates = [["x"]]', "no coordinate ['x']"),
        ("tile = 5", "coordinates = []", "list at least one"),
        ("tile = 5", "parameters = 3", "table of numbers"),
        ("[observe]", "[parameters]\neta = 0.1\n[observe]", "eta is an axis"),
    ],
)
def test_a_file_that_is_wrong_is_refused_on_one_line_with_what_to_do(
    old: str, new: str, message: str, phase: Path
) -> None:
    assert old in PHASE
    phase.write_text(PHASE.replace(old, new))
    done = run("sweep", str(phase), "--scheduler", "serial")
    assert done.exit_code == 2 and done.stdout == ""
    assert done.stderr.startswith("sam-theory: error: ") and done.stderr.count("\n") == 1
    assert message in done.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["none.toml"], "cannot read none.toml"),
        (["--out", "a.csv"], "must end in .nc"),
        (["--out", "nowhere/a.nc"], "no directory"),
        (["--jobs", "2", "--scheduler", "serial"], "give one of them"),
        (["--scheduler", "cluster"], "tcp://host:port"),
        (["--quantity", "step"], "give --plot"),
        (["--plot", "a.png", "--quantity", "stp"], "did you mean 'step'"),
        (["--jobs", "0"], "--jobs"),
    ],
)
def test_options_that_are_wrong_are_refused(words: list[str], message: str, phase: Path) -> None:
    file = [] if words[0].endswith(".toml") else [str(phase)]
    done = run("sweep", *file, *words)
    assert done.exit_code == 2 and message in done.stderr and done.stdout == ""


def test_symbols_of_the_loss_may_be_parameters_coordinates_and_options(tmp_path: Path) -> None:
    file = tmp_path / "a.toml"
    head = 'loss = "a*x**2 + b*y**2"\nrule = "sam"\nsteps = 3\n'
    file.write_text(
        head + "starts = {y = 1}\n[parameters]\na = 1\nb = '1/3'\nrho = 0.1\n[over]\nx = [1, 2]\neta = [0.1]\n"
    )
    system, asked = read_sweep(str(file))
    assert system.loss.variables == ("x", "y") and set(system.loss.parameters) == {"a", "b"}
    assert sweep(system, **asked, scheduler="serial").shape == (2, 1)
    file.write_text(
        head + 'coordinates = ["x", "y"]\nstarts = [1, 2]\n[parameters]\nb = 1\neta = 0.1\nrho = 0.1\n'
        "[over]\na = [1, 2, 3]\neps = [0, 1e-3]\n"
    )
    system, asked = read_sweep(str(file))
    assert set(system.parameters) == {"eta", "rho", "eps", "a", "b"}
    assert sweep(system, **asked, scheduler="serial").shape == (3, 2)


def test_losses_have_their_names_and_a_seed_is_ignored_where_nothing_is_drawn(tmp_path: Path) -> None:
    file = tmp_path / "a.toml"
    text = 'loss = "log_cosh(xy)"\nrule = "sam"\nsteps = 3\nstarts = [[1, 2], [3, 4]]\nseed = 3\n'
    file.write_bytes(f"\ufeff{text}[over]\neta = [1]\nrho = [1]\n".replace("\n", "\r\n").encode())
    system, asked = read_sweep(str(file))
    assert system.loss.definition == Product(log_cosh).definition
    assert asked["starts"] == [[1, 2], [3, 4]] and "seed" not in asked


def test_progress_is_shown_on_a_terminal_and_only_there(phase: Path) -> None:
    shown, other = on_terminal([*RUN, "sweep", str(phase), "--scheduler", "serial"], "stderr")
    assert "3/3" in shown and "trajectories/s" in shown and "left" in shown
    assert other.startswith("# outcome")


SLOW = PHASE.split("[observe]")[0].replace("steps = 60", "steps = 400").replace("2.1, 7]", "2.1, 160]")
SLOW = SLOW.replace("tile = 5", "tile = 8")


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.parametrize("kept", ["store", "temporary"])
def test_ctrl_c_keeps_finished_tiles_and_says_how_to_go_on(kept: str, tmp_path: Path) -> None:
    file = tmp_path / "slow.toml"
    file.write_text(SLOW)
    root = tmp_path / "root"
    root.mkdir()
    # A store that is given, with processes; and one that the command makes, in one process.
    options = ["--store", str(root), "--jobs", "2"] if kept == "store" else ["--scheduler", "serial"]
    words = [*RUN, "sweep", str(file), *options]
    words[2] = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); " + words[2]
    environment = {**os.environ, "TMPDIR": str(root)}
    with subprocess.Popen(
        words, cwd=ROOT, env=environment, stdout=-1, stderr=-1, text=True, start_new_session=True
    ) as process:
        deadline = time.monotonic() + 60
        while len(list(root.rglob("tile-*"))) < 2 and time.monotonic() < deadline:
            time.sleep(0.01)
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to all processes of the group
        out, errors = process.communicate(timeout=30)
    assert (process.returncode, out) == (130, ""), errors
    tiles = list(root.rglob("tile-*"))
    said = re.fullmatch(r"sam-theory: interrupted: (\d+) of 40 tiles are kept; to go on: (.*)\n", errors)
    assert said is not None, errors
    assert 1 <= int(said[1]) <= len(tiles) < 40
    again = shlex.split(said[2])
    assert again[:3] == ["sam-theory", "sweep", str(file)] and "--store" in again
    file.write_text(SLOW.replace("steps = 400", "steps = 400  # the same"))
    store = again[again.index("--store") + 1]
    resumed: dict[str, Any] = json.loads(
        run("sweep", str(file), "--store", store, "--scheduler", "serial", "--json", "-").stdout
    )
    assert resumed["computed"] == 40 - len(tiles)
    assert not list(root.rglob(".*.part"))
