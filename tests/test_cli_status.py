"""The exit statuses of the command line are a contract, and results go where they were asked for."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from xml.etree import ElementTree

import jsonschema
import pytest
from cli_tools import (
    LIBRARY,
    NOT_RUN,
    PROVED,
    REFUTED,
    ROOT,
    SUPPORTED,
    UNDECIDED,
    WITNESS,
    Core,
    install,
    on_terminal,
    run,
    slugs,
    theorem,
)

from sam_theory.verdicts import EnginesDisagree, Evidence, MutantOutcome, schema, without_timings


@pytest.fixture
def core(monkeypatch: pytest.MonkeyPatch) -> Core:
    return install(monkeypatch)


# -- exit statuses -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("evidence", "expected", "options", "status"),
    [
        ([PROVED], "proved", (), 0),
        ([REFUTED], "refuted", (), 0),
        ([SUPPORTED], "supported", (), 0),
        ([SUPPORTED], "proved", (), 1),
        ([REFUTED], "proved", (), 1),
        ([PROVED], "refuted", (), 1),
        ([UNDECIDED], "proved", (), 3),
        ([UNDECIDED], "refuted", (), 3),
        ([UNDECIDED], "undecided", (), 0),
        ([NOT_RUN], "proved", (), 3),
        ([PROVED, NOT_RUN], "proved", (), 0),
        ([PROVED, NOT_RUN], "proved", ("--strict",), 3),
        ([SUPPORTED, NOT_RUN], "proved", ("--strict",), 1),
        ([PROVED], "proved", ("--strict",), 0),
    ],
)
def test_the_exit_status_of_verify(
    core: Core, evidence: list[Evidence], expected: str, options: tuple[str, ...], status: int
) -> None:
    core.library = (theorem("one", "here", expected),)
    core.evidence = {"one": evidence}
    assert run("verify", *options).exit_code == status


def test_a_surviving_mutant_is_status_1(core: Core) -> None:
    core.mutants = {"usam-sharp": [MutantOutcome("bound/2", True, WITNESS)]}
    assert run("verify", "usam-sharp", "--mutants").exit_code == 0
    core.mutants = {"usam-sharp": [MutantOutcome("bound/2", True, WITNESS), MutantOutcome("bound*2", False)]}
    outcome = run("verify", "usam-sharp", "--mutants")
    assert outcome.exit_code == 1
    assert "mutant bound*2 survived" in outcome.stdout


def test_what_was_not_expected_outranks_what_is_undecided_in_either_order(core: Core) -> None:
    core.evidence = {"usam-sharp": [SUPPORTED], "quad-two-cycle": [UNDECIDED]}
    assert run("verify", "usam-sharp", "quad-two-cycle").exit_code == 1
    assert run("verify", "quad-two-cycle", "usam-sharp").exit_code == 1


def test_engines_that_disagree_are_status_1_and_both_are_named(core: Core) -> None:
    core.stop_after, core.stop_with = 1, EnginesDisagree(REFUTED, PROVED, "usam-sharp")
    outcome = run("verify")
    assert outcome.exit_code == 1
    assert "usam-sharp: search refutes what smt calls proved" in outcome.stderr
    assert slugs(outcome.stdout) == ["quad-two-cycle"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("verify", "quad-two-cycel"), "unknown theorem 'quad-two-cycel'; did you mean 'quad-two-cycle'?"),
        (("verify", "usam-sharp-thres"), "unknown theorem"),
        (("verify", "--engine", "smtt"), "unknown engine 'smtt'; did you mean 'smt'?"),
        (("verify", "--engine", "formal"), "unknown engine 'formal'"),
        (("verify", "--engine", ","), "--engine needs a name"),
        (("verify", "--paper", "wen2022"), "unknown paper 'wen2022'; did you mean 'wen2023'?"),
        (("verify", "nowhere.py"), "nowhere.py: no such file"),
        (("verify", "some/where"), "some/where: no such file"),
        (("verify", "--json", "no/such/dir/out.json"), "there is no directory"),
        (("verify", "--junit", "."), "it is a directory"),
        (("verify", "--junit", "-"), "--junit needs a path"),
        (("falsify", "quad-two-cycel"), "did you mean 'quad-two-cycle'?"),
        (("falsify", "usam-sharp", "--json", "no/such/dir/x"), "there is no directory"),
        (("show", "quad-two-cycel"), "did you mean 'quad-two-cycle'?"),
    ],
)
def test_bad_input_is_one_line_on_stderr_and_status_2(core: Core, arguments: tuple[str, ...], message: str) -> None:
    outcome = run(*arguments)
    assert outcome.exit_code == 2
    assert outcome.stdout == ""
    assert outcome.stderr.startswith("sam-theory: error: ")
    assert message in outcome.stderr
    assert outcome.stderr.count("\n") == 1
    assert core.asked == {}


@pytest.mark.parametrize(
    "arguments",
    [
        ("prove",),
        ("verify", "--budget", "huge"),
        ("verify", "--jobs", "0"),
        ("verify", "--seed", "-1"),
        ("falsify",),
        ("list", "figures"),
        ("show",),
        ("simulate", "--loss", "w**2"),
    ],
)
def test_bad_usage_is_status_2(core: Core, arguments: tuple[str, ...]) -> None:
    outcome = run(*arguments)
    assert outcome.exit_code == 2
    assert outcome.stdout == ""
    assert outcome.stderr.startswith("sam-theory: error: ") and outcome.stderr.count("\n") == 1


def test_an_empty_library_verifies_nothing_and_says_so(core: Core) -> None:
    core.library = ()
    outcome = run("verify")
    assert outcome.exit_code == 2
    assert "there is no theorem" in outcome.stderr


def test_an_interruption_is_status_130_and_keeps_what_was_finished(core: Core, tmp_path: Path) -> None:
    core.stop_after = 2
    file = tmp_path / "out.json"
    outcome = run("verify", "--json", str(file))
    assert outcome.exit_code == 130
    assert slugs(outcome.stdout) == ["usam-sharp", "quad-two-cycle"]
    assert "interrupted after 2 of 4 theorems" in outcome.stderr
    data = json.loads(file.read_text())
    jsonschema.Draft202012Validator(schema()).validate(data)
    assert data["interrupted"] is True
    assert len(data["theorems"]) == 2


def test_an_interruption_outranks_an_unexpected_verdict(core: Core) -> None:
    core.stop_after, core.evidence = 1, {"quad-two-cycle": [SUPPORTED]}
    assert run("verify").exit_code == 130


def test_an_interruption_before_any_work_is_status_130_too(core: Core, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(sys.modules["sam_theory.theorems"], "library", interrupt)
    for command in ("verify", "list"):
        outcome = run(command)
        assert (outcome.exit_code, outcome.stderr) == (130, "sam-theory: interrupted\n")


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_ctrl_c_in_a_terminal_is_status_130_without_a_traceback() -> None:
    # A shell starts what runs in the background with SIGINT ignored.
    code = """
        import signal, sys, time
        from types import ModuleType, SimpleNamespace as Some
        signal.signal(signal.SIGINT, signal.default_int_handler)
        theorems, engines = ModuleType("sam_theory.theorems"), ModuleType("sam_theory.engines")
        one = Some(slug="one", id="1", source=Some(key="here"))
        theorems.library, theorems.load_file = lambda: (one,), None
        theorems.relations_of = lambda _: Some(flags=list)
        engines.ENGINES = ()
        def verify_all(*_, **__):
            print("started", file=sys.stderr, flush=True)
            time.sleep(60)
        engines.verify_all = verify_all
        sys.modules.update({"sam_theory.theorems": theorems, "sam_theory.engines": engines})
        from sam_theory.cli import main
        main(["verify"])
    """
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "started\n"
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert errors == "sam-theory: interrupted after 0 of 1 theorems\n"


# -- where results go ----------------------------------------------------------------------------------------


def test_json_on_stdout_is_json_only_and_valid(core: Core) -> None:
    core.evidence = {"usam-sharp": [UNDECIDED, NOT_RUN]}
    outcome = run("verify", "--json", "-", "--seed", "5", "--budget", "quick")
    data = json.loads(outcome.stdout)
    jsonschema.Draft202012Validator(schema()).validate(data)
    assert (data["schema"], data["seed"], data["budget"]) == (1, 5, "quick")
    assert [entry["slug"] for entry in data["theorems"]] == [one.slug for one in LIBRARY]
    assert outcome.exit_code == 3


def test_json_in_a_file_leaves_the_report_on_stdout_and_repeats(core: Core, tmp_path: Path) -> None:
    first, second = tmp_path / "1.json", tmp_path / "2.json"
    outcome = run("verify", "--json", str(first))
    assert slugs(outcome.stdout) == [one.slug for one in LIBRARY]
    run("verify", "--json", str(second))
    read = [without_timings(json.loads(file.read_text())) for file in (first, second)]
    assert read[0] == read[1]


def test_junit_is_written_with_a_case_per_theorem(core: Core, tmp_path: Path) -> None:
    core.evidence = {"usam-sharp": [SUPPORTED]}
    file = tmp_path / "junit.xml"
    outcome = run("verify", "--junit", str(file))
    assert outcome.exit_code == 1
    root = ElementTree.parse(file).getroot()
    assert [case.attrib["name"] for case in root.iter("testcase")] == [one.slug for one in LIBRARY]
    assert root.attrib["failures"] == "1"


def test_a_file_that_cannot_be_written_is_bad_input(core: Core, tmp_path: Path) -> None:
    outcome = run("verify", "--json", str(tmp_path / ("x" * 300)))
    assert outcome.exit_code == 2
    assert outcome.stderr.startswith("sam-theory: error: cannot write")


def test_without_a_terminal_there_is_no_colour_and_no_progress(core: Core) -> None:
    outcome = run("verify")
    assert "\x1b" not in outcome.stdout
    assert outcome.stderr == ""


def test_on_a_terminal_the_headings_of_a_theorem_are_set_off() -> None:
    code = """
        import sys
        from types import ModuleType, SimpleNamespace as Some
        theorems = ModuleType("sam_theory.theorems")
        source = Some(key="here", text="here", tag="", bibtex="")
        one = Some(slug="one", id="1", title="One", source=source, status="theorem", kind="Limit")
        vars(one).update(tightness="", expected="proved", notes="", statement=lambda: "says")
        vars(one).update(hypotheses_text=list, proof_text=list, origin="")
        theorems.library, theorems.load_file = lambda: (one,), None
        theorems.relations_of = lambda _: Some(of=lambda slug: (), aliases_of=lambda slug: ())
        sys.modules["sam_theory.theorems"] = theorems
        from sam_theory.cli import main
        main(["show", "one"])
    """
    shown, _ = on_terminal([sys.executable, "-c", textwrap.dedent(code)], "stdout")
    assert "\x1b[1mStatement" in shown
