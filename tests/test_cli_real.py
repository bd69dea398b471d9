"""The command line with the real library and the real engines."""

from __future__ import annotations

import json
import re
from fractions import Fraction
from pathlib import Path

import jsonschema
import pytest
from cli_tools import RUN, on_terminal, run, slugs

from sam_theory.verdicts import schema, without_timings

# -- with the real library and engines -----------------------------------------------------------------------

CLAIMS = """
from sam_theory.arithmetic import value
from sam_theory.losses import Quadratic
from sam_theory.rules import gd, sam
from sam_theory.theorems import Inequality, Source, Theorem, beta, eta, w, w_next

mine = Source("mine", "written for a test")
falls = Inequality(value(w_next), value(w))
descent = Theorem("gd-descends", "GD", mine, gd, Quadratic(beta), falls, hypotheses=(eta * beta <= 1,))
false = Theorem("sam-descends-too", "SAM", mine, sam, Quadratic(beta), falls, hypotheses=(eta * beta <= 1,))
"""


@pytest.fixture
def claims(tmp_path: Path) -> str:
    file = tmp_path / "claims.py"
    file.write_text(CLAIMS, encoding="utf-8")
    return str(file)


def test_the_budgets_are_those_of_the_engines() -> None:
    from sam_theory.cli._verify import BUDGETS
    from sam_theory.engines import BUDGETS as KNOWN

    assert tuple(KNOWN) == BUDGETS


def test_a_file_with_a_true_and_a_false_theorem_gets_a_proof_and_a_witness(claims: str) -> None:
    outcome = run("verify", claims, "--budget", "quick", "--json", "-")
    assert outcome.exit_code == 1
    data = json.loads(outcome.stdout)
    jsonschema.Draft202012Validator(schema()).validate(data)
    true, false = data["theorems"]
    assert (true["slug"], true["verdict"], true["witness"]) == ("gd-descends", "proved", None)
    assert (false["slug"], false["verdict"]) == ("sam-descends-too", "refuted")
    witness = false["witness"]
    assert witness["confirmed_by"]
    assert Fraction(witness["observed"]) > Fraction(witness["bound"])


def test_a_run_repeats_bit_for_bit_whatever_the_number_of_processes(claims: str) -> None:
    runs = [run("verify", claims, "--budget", "quick", "--json", "-", "--jobs", jobs) for jobs in "112"]
    first, *others = [without_timings(json.loads(one.stdout)) for one in runs]
    assert all(other == first for other in others)


def test_falsify_finds_the_witness_and_leaves_a_true_theorem_alone(claims: str, tmp_path: Path) -> None:
    outcome = run("falsify", claims, "--budget", "quick")
    assert outcome.exit_code == 1
    assert "gd-descends: no counterexample found" in outcome.stdout
    assert "sam-descends-too: refuted" in outcome.stdout
    true = tmp_path / "true.py"
    true.write_text(CLAIMS[: CLAIMS.index("false =")], encoding="utf-8")
    assert run("falsify", str(true), "--budget", "quick").exit_code == 0


def test_a_file_that_does_not_run_is_bad_input(tmp_path: Path) -> None:
    file = tmp_path / "broken.py"
    for text in ("1/0", "def", "x = 1"):
        file.write_text(text)
        outcome = run("verify", str(file))
        assert (outcome.exit_code, outcome.stdout, outcome.stderr.count("\n")) == (2, "", 1)
        assert "broken.py" in outcome.stderr


def test_every_theorem_of_the_library_can_be_shown() -> None:
    from sam_theory.theorems import library

    for one in library():
        text = run("show", one.slug).stdout
        assert text.startswith(one.slug)
        assert one.statement() in text


def test_on_a_terminal_there_is_a_table_with_colours_and_a_progress_bar(claims: str) -> None:
    words = [*RUN, "verify", claims, "--budget", "quick", "--engine", "search"]
    table, errors = on_terminal(words, "stdout")
    assert errors == ""
    assert re.search(r"\x1b\[1;31m✘ refuted", table)
    assert "sam-descends-too" in table
    progress, text = on_terminal(words, "stderr")
    assert "verifying" in progress
    assert "\x1b" not in text
    assert slugs(text) == ["gd-descends", "sam-descends-too"]
