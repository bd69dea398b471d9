"""The command line offers what exists, and hands on what it was asked for."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import click
import jsonschema
import pytest
from cli_tools import COMMANDS, LIBRARY, REFUTED, ROOT, SUPPORTED, UNDECIDED, Core, install, run, slugs
from click.shell_completion import ShellComplete

from sam_theory.cli import main
from sam_theory.processes import cores
from sam_theory.verdicts import Evidence, schema


@pytest.fixture
def core(monkeypatch: pytest.MonkeyPatch) -> Core:
    return install(monkeypatch)


# -- help and completion -------------------------------------------------------------------------------------


def test_help_lists_the_commands_that_exist_and_no_other() -> None:
    assert tuple(main.commands) == COMMANDS
    assert run("--help").exit_code == 0
    assert all(command in run("--help").stdout for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_help_with_an_example(command: str) -> None:
    outcome = run(command, "--help")
    assert outcome.exit_code == 0
    assert f"Example: sam-theory {command}" in outcome.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_is_explained(command: str) -> None:
    for parameter in main.commands[command].params:
        if isinstance(parameter, click.Option):
            assert parameter.help, parameter.name


def test_help_takes_less_than_half_a_second_and_loads_nothing_heavy() -> None:
    heavy = ("numpy", "sympy", "rich", "z3", "flint", "scipy", "matplotlib", "sam_theory.theorems")
    code = f"""
        import sys
        from sam_theory.cli import main
        try:
            main(["--help"])
        finally:
            print([name for name in {heavy!r} if name in sys.modules], file=sys.stderr)
    """
    times = []
    for _ in range(3):
        begin = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(code)],
            capture_output=True,
            text=True,
            cwd=ROOT,
            check=True,
        )
        times.append(time.perf_counter() - begin)
        assert done.stderr.strip() == "[]"
    assert min(times) < 0.5


def test_version_is_that_of_the_package() -> None:
    import sam_theory

    assert run("--version").stdout == f"sam-theory {sam_theory.__version__}\n"


def completions(*words: str) -> list[str]:
    *before, incomplete = words
    complete = ShellComplete(main, {}, "sam-theory", "_SAM_THEORY_COMPLETE")
    return [item.value for item in complete.get_completions(list(before), incomplete)]


def test_slugs_papers_and_engines_are_completed(core: Core) -> None:
    assert completions("verify", "usam-sharp-t") == [
        "usam-sharp-threshold-convex",
        "usam-sharp-threshold-convex.descent",
        "usam-sharp-threshold-convex.divergence",
    ]
    assert completions("show", "quad") == ["quad-two-cycle"]
    assert completions("verify", "--paper", "w") == ["wen2023"]
    assert completions("verify", "--engine", "s") == ["symbolic", "smt", "search"]


# -- what verify works on ------------------------------------------------------------------------------------


def test_without_arguments_verify_takes_the_whole_library_in_order(core: Core) -> None:
    outcome = run("verify")
    assert outcome.exit_code == 0
    assert slugs(outcome.stdout) == [one.slug for one in LIBRARY]


def test_a_slug_stands_for_all_its_parts_but_not_for_slugs_it_begins(core: Core) -> None:
    assert slugs(run("verify", "usam-sharp-threshold-convex").stdout) == [
        "usam-sharp-threshold-convex.descent",
        "usam-sharp-threshold-convex.divergence",
    ]
    assert slugs(run("verify", "usam-sharp").stdout) == ["usam-sharp"]
    part = "usam-sharp-threshold-convex.divergence"
    assert slugs(run("verify", part).stdout) == [part]


def test_theorems_are_verified_once_in_the_order_asked_for(core: Core) -> None:
    run("verify", "quad-two-cycle", "usam-sharp", "quad-two-cycle")
    assert core.asked["slugs"] == ["quad-two-cycle", "usam-sharp"]


def test_a_paper_keeps_its_theorems_only(core: Core) -> None:
    run("verify", "--paper", "wen2023")
    assert core.asked["slugs"] == ["quad-two-cycle"]
    outcome = run("verify", "usam-sharp", "--paper", "wen2023")
    assert (outcome.exit_code, core.asked["slugs"]) == (2, ["quad-two-cycle"])


def test_a_file_is_told_from_a_slug_by_its_name(core: Core, tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text("")
    assert slugs(run("verify", str(file)).stdout) == ["mine"]
    assert slugs(run("verify", str(file), "usam-sharp").stdout) == ["mine", "usam-sharp"]


def test_options_reach_the_engines(core: Core) -> None:
    arguments = "--engine smt --engine search --budget full --seed 7 --jobs 3 --mutants --hypotheses"
    assert run("verify", "usam-sharp", *arguments.split()).exit_code == 0
    assert core.asked == {
        "slugs": ["usam-sharp"],
        "engines": ("smt", "search"),
        "budget": "full",
        "seed": 7,
        "jobs": 3,
        "mutants": True,
        "hypotheses": True,
        "certificates": None,
    }
    run("verify", "usam-sharp")
    assert core.asked == {
        "slugs": ["usam-sharp"],
        "engines": None,
        "budget": "default",
        "seed": 0,
        "jobs": cores(),
        "mutants": False,
        "hypotheses": False,
        "certificates": None,
    }


# -- falsify -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("evidence", "status", "text"),
    [
        (REFUTED, 1, "refuted"),
        (SUPPORTED, 0, "worst margin 0.5; 1000 evaluations"),
        (UNDECIDED, 3, "budget ended"),
    ],
)
def test_the_exit_status_of_falsify(core: Core, evidence: Evidence, status: int, text: str) -> None:
    core.evidence = {"usam-sharp": [evidence]}
    outcome = run("falsify", "usam-sharp", "--budget", "quick", "--seed", "3")
    assert outcome.exit_code == status
    assert text in outcome.stdout
    assert core.asked == {"budget": "quick", "seed": 3}


def test_falsify_finds_a_witness_in_any_part(core: Core) -> None:
    core.evidence = {
        "usam-sharp-threshold-convex.descent": [UNDECIDED],
        "usam-sharp-threshold-convex.divergence": [REFUTED],
    }
    outcome = run("falsify", "usam-sharp-threshold-convex")
    assert outcome.exit_code == 1
    assert "loss w**2, η=1/2, w₀=1/10: at step 1 1/100 > 1/200 (confirmed by fraction)" in outcome.stdout


def test_falsify_writes_json(core: Core) -> None:
    core.evidence = {"usam-sharp": [REFUTED]}
    data = json.loads(run("falsify", "usam-sharp", "--json", "-").stdout)
    jsonschema.Draft202012Validator(schema()).validate(data)
    assert data["theorems"][0]["witness"]["observed"] == "1/100"


def test_an_interrupted_search_is_status_130(core: Core) -> None:
    core.stop_after = 0
    assert run("falsify", "usam-sharp").exit_code == 130


# -- list and show -------------------------------------------------------------------------------------------


def test_list_shows_theorems_by_default(core: Core) -> None:
    assert slugs(run("list").stdout) == [one.slug for one in LIBRARY]
    assert run("list").stdout == run("list", "theorems").stdout


def test_list_counts_the_theorems_of_each_paper(core: Core) -> None:
    assert json.loads(run("list", "papers", "--json").stdout) == [
        {"key": "dai2023", "theorems": 3, "text": "after dai2023"},
        {"key": "wen2023", "theorems": 1, "text": "after wen2023"},
    ]


def test_list_as_json_has_the_slug_of_every_theorem(core: Core) -> None:
    data = json.loads(run("list", "--json").stdout)
    assert [entry["slug"] for entry in data] == [one.slug for one in LIBRARY]
    assert set(data[0]) == {"slug", "kind", "status", "expected", "source", "title"}


def test_list_names_every_rule() -> None:
    from sam_theory.rules import RULES

    assert slugs(run("list", "rules").stdout) == list(RULES)
    entry = next(one for one in json.loads(run("list", "rules", "--json").stdout) if one["name"] == "sam")
    assert entry["parameters"] == ["eta", "rho"]


def test_show_prints_each_part(core: Core) -> None:
    text = run("show", "usam-sharp-threshold-convex").stdout
    for part in ("descent", "divergence"):
        assert f"what usam-sharp-threshold-convex.{part} says" in text
    assert text.count("not run") == 2
    assert text.count("@article{key}") == 1
