"""The command line keeps its contract: what goes where, and with which exit status."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import click
import jsonschema
import pytest
from click.shell_completion import ShellComplete
from click.testing import CliRunner
from click.testing import Result as Outcome

from sam_theory.cli import main
from sam_theory.cli._simulate import number
from sam_theory.errors import InputError
from sam_theory.verdicts import (
    EnginesDisagree,
    Evidence,
    MutantOutcome,
    Result,
    Witness,
    schema,
    without_timings,
)

COMMANDS = ("verify", "falsify", "list", "show", "simulate")
RUN = [sys.executable, "-c", "from sam_theory.cli import main; main(prog_name='sam-theory')"]
ROOT = Path(__file__).parents[1]
WITNESS = Witness("orbit", "w**2", {"eta": "1/2"}, ("1/10",), 1, "1/100", "1/200", "fraction")
PROVED = Evidence("smt", "proved", "unsat", ("z3",), 0.1)
SUPPORTED = Evidence("search", "supported", "1000 points", margin=0.5, evaluations=1000)
UNDECIDED = Evidence("search", "undecided", "budget ended")
REFUTED = Evidence("search", "refuted", "found", margin=-0.5, witness=WITNESS)
NOT_RUN = Evidence("formal", "not-run", "coqc is missing")


class FakeSource:
    tag, bibtex = "derived", "@article{key}"

    def __init__(self, key: str) -> None:
        self.key, self.text = key, f"after {key}"

    def to_json(self) -> dict[str, str]:
        return {"key": self.key, "text": self.text}


def theorem(slug: str, key: str, expected: str = "proved") -> Any:
    return SimpleNamespace(
        slug=slug,
        id=f"id-{slug}",
        title=f"Title of {slug}",
        source=FakeSource(key),
        status="theorem",
        kind="Envelope",
        tightness="tight",
        expected=expected,
        notes="",
        statement=lambda: f"what {slug} says",
        hypotheses_text=lambda: ["0 < eta"],
        proof_text=lambda: ["by a lemma"],
    )


LIBRARY = (
    theorem("usam-sharp-threshold-convex.descent", "dai2023"),
    theorem("usam-sharp-threshold-convex.divergence", "dai2023"),
    theorem("usam-sharp", "dai2023"),
    theorem("quad-two-cycle", "wen2023"),
)


class Core:
    """Stands in for the library and the engines; `evidence` says what each theorem gets."""

    def __init__(self) -> None:
        self.library: tuple[Any, ...] = LIBRARY
        self.evidence: dict[str, list[Evidence]] = {}
        self.mutants: dict[str, list[MutantOutcome]] = {}
        self.stop_after: int | None = None
        self.stop_with: type[BaseException] | Exception = KeyboardInterrupt
        self.asked: dict[str, Any] = {}

    def load_file(self, path: str) -> tuple[Any, ...]:
        if not Path(path).is_file():
            raise InputError(f"{path}: no such file")
        return (theorem("mine", "me"),)

    def _result(self, one: Any) -> Result:
        evidence = self.evidence.get(one.slug, [PROVED])
        return Result.of(one, evidence, mutants=self.mutants.get(one.slug, []))

    def verify_all(self, theorems: Any, *, progress: Callable[[Result], None], **asked: Any) -> list[Result]:
        self.asked = {"slugs": [one.slug for one in theorems], **asked}
        results = [self._result(one) for one in theorems]
        for number_done, result in enumerate(reversed(results)):
            if number_done == self.stop_after:
                raise self.stop_with
            progress(result)
        return results

    def falsify(self, one: Any, *, budget: str, seed: int) -> Result:
        self.asked = {"budget": budget, "seed": seed}
        if self.stop_after == 0:
            raise KeyboardInterrupt
        return self._result(one)


@pytest.fixture
def core(monkeypatch: pytest.MonkeyPatch) -> Core:
    fake = Core()
    theorems, engines = ModuleType("sam_theory.theorems"), ModuleType("sam_theory.engines")
    vars(theorems).update(library=lambda: fake.library, load_file=fake.load_file)
    vars(engines).update(
        ENGINES=("symbolic", "smt", "search"), verify_all=fake.verify_all, falsify=fake.falsify
    )
    monkeypatch.setitem(sys.modules, "sam_theory.theorems", theorems)
    monkeypatch.setitem(sys.modules, "sam_theory.engines", engines)
    return fake


def run(*arguments: str) -> Outcome:
    return CliRunner().invoke(main, arguments, prog_name="sam-theory")


def slugs(text: str) -> list[str]:
    return [line.split()[0] for line in text.splitlines() if not line.startswith("#")]


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
    arguments = "--engine smt --engine search --budget full --seed 7 --jobs 3 --mutants"
    assert run("verify", "usam-sharp", *arguments.split()).exit_code == 0
    assert core.asked == {
        "slugs": ["usam-sharp"],
        "engines": ("smt", "search"),
        "budget": "full",
        "seed": 7,
        "jobs": 3,
        "mutants": True,
    }
    run("verify", "usam-sharp")
    assert core.asked == {
        "slugs": ["usam-sharp"],
        "engines": None,
        "budget": "default",
        "seed": 0,
        "jobs": 1,
        "mutants": False,
    }


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
def test_bad_input_is_one_line_on_stderr_and_status_2(
    core: Core, arguments: tuple[str, ...], message: str
) -> None:
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
        ("verify", "--certificates", "here"),
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
    assert "Error" in outcome.stderr


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


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_ctrl_c_in_a_terminal_is_status_130_without_a_traceback() -> None:
    code = """
        import sys, time
        from types import ModuleType, SimpleNamespace as Some
        theorems, engines = ModuleType("sam_theory.theorems"), ModuleType("sam_theory.engines")
        one = Some(slug="one", id="1", source=Some(key="here"))
        theorems.library, theorems.load_file = lambda: (one,), None
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


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    pty = pytest.importorskip("pty")
    ends = pty.openpty()
    yield ends
    for end in ends:
        os.close(end)


def test_on_a_terminal_help_of_a_theorem_is_set_off(terminal: tuple[int, int]) -> None:
    ours, theirs = terminal
    code = """
        import sys
        from types import ModuleType, SimpleNamespace as Some
        theorems = ModuleType("sam_theory.theorems")
        source = Some(key="here", text="here", tag="", bibtex="")
        one = Some(slug="one", id="1", title="One", source=source, status="theorem", kind="Limit")
        vars(one).update(tightness="", expected="proved", notes="", statement=lambda: "says")
        vars(one).update(hypotheses_text=list, proof_text=list)
        theorems.library, theorems.load_file = lambda: (one,), None
        sys.modules["sam_theory.theorems"] = theorems
        from sam_theory.cli import main
        main(["show", "one"])
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], stdout=theirs, check=True, cwd=ROOT)
    assert b"\x1b[1mStatement" in os.read(ours, 10_000)


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


# -- simulate ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value"), [("3/2", 1.5), ("-1/4", -0.25), ("0.1", 0.1), ("1e-3", 1e-3), (" 2 ", 2.0)]
)
def test_numbers_are_decimals_or_fractions(text: str, value: float) -> None:
    assert number(text, "x") == value


@pytest.mark.parametrize(
    "text", ["", "one", "1/0", "1/2/3", "1.5/2", "inf", "nan", "1e999", "1" * 399 + "/1", "0x10"]
)
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
    outcome = run("simulate", *"--loss w**2/2 --rule gd --eta 9/10 --init 1/3 --steps 1 --json -".split())
    text = outcome.stdout[outcome.stdout.index("[", 20) + 1 :].split("]")[0]
    assert text == f"{1 / 3 - 0.9 * (1 / 3):.17g}"
    assert len(text.strip("0.")) >= 16
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
    assert (outcome.exit_code, "rule sam needs --rho" in outcome.stderr) == (2, True)
    outcome = run(*(("gd" if word == "sam" else word) for word in SAM), "--steps", "1", "--json", "-")
    assert (outcome.exit_code, json.loads(outcome.stdout)["steps"]) == (0, 1)
    assert "gd does not depend on rho" in outcome.stderr


def test_an_expression_is_never_executed(tmp_path: Path) -> None:
    file = tmp_path / "harmed"
    code = f"__import__('pathlib').Path({str(file)!r}).touch()"
    outcome = run("simulate", "--loss", code, "--rule", "gd", "--eta", "1", "--init", "1", "--steps", "1")
    assert outcome.exit_code == 2
    assert not file.exists()
