"""The simulate command: its input, its outcomes and its 17 digits."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli_tools import run

from sam_theory.cli._map import number
from sam_theory.errors import InputError

# -- simulate ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "value"), [("3/2", 1.5), ("-1/4", -0.25), ("0.1", 0.1), ("1e-3", 1e-3), (" 2 ", 2.0)])
def test_numbers_are_decimals_or_fractions(text: str, value: float) -> None:
    assert number(text, "x") == value


@pytest.mark.parametrize("text", ["", "one", "1/0", "1/2/3", "1.5/2", "inf", "nan", "1e999", "1" * 399 + "/1", "0x10"])
def test_what_is_no_finite_number_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="x: "):
        number(text, "x")


SAM = ("simulate", "--loss", "w**2/2", "--rule", "sam", "--eta", "1/2", "--rho", "3/10", "--init", "1")


def test_sam_on_a_quadratic_ends_on_the_two_cycle_of_the_known_radius() -> None:
    data = json.loads(run(*SAM, "--steps", "400", "--json", "-").stdout)
    assert list(data) == ["variables", "final", "outcome", "steps"]
    assert (data["variables"], data["outcome"], data["steps"]) == (["w"], "period-2", 400)
    assert abs(data["final"][0]) == pytest.approx(0.5 * 0.3 / (2 - 0.5), rel=1e-12)


def test_numbers_in_the_json_have_17_significant_digits() -> None:
    outcome = run("simulate", *"--loss w**2/2 --rule gd --eta 1 --init 1/10 --steps 0 --json -".split())
    assert '"final": [0.10000000000000001]' in outcome.stdout
    outcome = run("simulate", *"--loss w**2/2 --rule gd --eta 1 --init 1 --steps 0 --json -".split())
    assert '"final": [1.0]' in outcome.stdout


@pytest.mark.parametrize(
    ("rule", "eta", "steps", "outcome"),
    [
        ("gd", "1/2", "2000", "converged"),
        ("gd", "1/2", "3", "running"),
        ("gd", "2", "50", "period-2"),
        ("gd", "3", "500", "diverged"),
        ("gd", "1", "50", "zero-gradient"),
        ("usam", "1/2", "2000", "converged"),
    ],
)
def test_every_way_to_end_has_a_name_and_is_no_error(rule: str, eta: str, steps: str, outcome: str) -> None:
    arguments = ("--loss", "quadratic", "--rule", rule, "--eta", eta, "--rho", "0", "--init", "1")
    done = run("simulate", *arguments, "--steps", steps, "--json", "-")
    assert done.exit_code == 0
    assert json.loads(done.stdout)["outcome"] == outcome


def test_coordinates_are_sorted_by_name_and_each_needs_a_number() -> None:
    arguments = ("--loss", "y**2 + x**2/2", "--rule", "gd", "--eta", "1/2", "--steps", "1", "--json", "-")
    data = json.loads(run("simulate", *arguments, "--init", "1,1").stdout)
    assert (data["variables"], data["final"]) == (["x", "y"], [0.5, 0.0])
    outcome = run("simulate", *arguments, "--init", "1")
    assert outcome.exit_code == 2
    assert "a number for each of x, y, not 1" in outcome.stderr


def test_named_losses_can_be_simulated_and_are_listed() -> None:
    from sam_theory.losses import named_losses

    entries = json.loads(run("list", "losses", "--json").stdout)
    assert [entry["name"] for entry in entries] == list(named_losses())
    for entry in entries:
        start = ",".join("1" for _ in entry["variables"])
        arguments = (
            "--loss",
            entry["name"],
            "--rule",
            "gd",
            "--eta",
            "1/100",
            "--init",
            start,
            "--steps",
            "1",
        )
        assert run("simulate", *arguments).exit_code == 0, entry


def test_without_json_the_outcome_is_explained() -> None:
    text = run(*SAM, "--steps", "400").stdout
    assert text.startswith("w = ")
    assert "outcome: period-2 from step" in text
    assert "reduce rho" in text


def test_the_trajectory_is_saved_with_what_it_was_computed_from(tmp_path: Path) -> None:
    import numpy as np

    file = tmp_path / "run.npz"
    data = json.loads(run(*SAM, "--steps", "400", "--out", str(file), "--json", "-").stdout)
    with np.load(file, allow_pickle=False) as saved:
        assert saved["states"].shape == (401, 1)
        assert saved["states"][0, 0] == 1
        assert saved["states"][-1].tolist() == data["final"]
        assert saved["steps"].tolist() == list(range(401))
        assert json.loads(str(saved["inputs"]))["rho"] == "3/10"
        assert str(saved["outcome"]) == "period-2"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"--loss": "quadratc"}, "unknown loss 'quadratc'; did you mean 'quadratic'?"),
        ({"--loss": "w**2 +"}, "'w**2 +'"),
        ({"--loss": "().__class__"}, "__class__"),
        ({"--rule": "samm"}, "unknown rule 'samm'"),
        ({"--eta": "fast"}, "--eta: 'fast' is not a number"),
        ({"--eta": "0"}, "must be positive"),
        ({"--rho": "-1"}, "must be at least 0"),
        ({"--init": "1,,2"}, "--init: '' is not a number"),
        ({"--out": "run.csv"}, "must end in .npz"),
        ({"--out": "no/such/dir/run.npz"}, "there is no directory"),
    ],
)
def test_bad_input_to_simulate_is_one_line_and_status_2(changes: dict[str, str], message: str) -> None:
    given = {"--loss": "w**2/2", "--rule": "sam", "--eta": "1/2", "--rho": "1", "--init": "1", "--steps": "1"}
    outcome = run("simulate", *(word for pair in {**given, **changes}.items() for word in pair))
    assert outcome.exit_code == 2
    assert outcome.stdout == ""
    assert outcome.stderr.startswith("sam-theory: error: ")
    assert outcome.stderr.count("\n") == 1
    assert message in outcome.stderr


def test_a_rule_with_a_radius_needs_one_and_a_rule_without_says_that_it_is_not_used() -> None:
    words = [word for word in SAM if word not in ("--rho", "3/10")]
    outcome = run(*words, "--steps", "1")
    assert (outcome.exit_code, "needs --rho" in outcome.stderr) == (2, True)
    outcome = run(*(("gd" if word == "sam" else word) for word in SAM), "--steps", "1", "--json", "-")
    assert (outcome.exit_code, json.loads(outcome.stdout)["steps"]) == (0, 1)
    assert "gd does not depend on rho" in outcome.stderr


def test_an_expression_is_never_executed(tmp_path: Path) -> None:
    file = tmp_path / "harmed"
    code = f"__import__('pathlib').Path({str(file)!r}).touch()"
    outcome = run("simulate", "--loss", code, "--rule", "gd", "--eta", "1", "--init", "1", "--steps", "1")
    assert outcome.exit_code == 2
    assert not file.exists()


def test_further_parameters_of_a_rule_are_set_by_name() -> None:
    line = "simulate --loss x**2/2 --eta 1 --rho 0.1 --init 1 --steps 200 --json -".split()
    data = json.loads(run(*line, "--rule", "decayed_sam", "--set", "weight_decay=1/2").stdout)
    assert abs(data["final"][0]) == pytest.approx(0.1 / (2 - 1.5), rel=1e-12)
    for wrong in ("decayed_sam", "sam --set tau=1", "sam --set rho=1", "decayed_sam --set weight_decay"):
        assert run(*line, "--rule", *wrong.split()).exit_code == 2
