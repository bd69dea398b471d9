"""Reports show every verdict, explain every unexpected one, and stay readable whatever the texts contain."""

from __future__ import annotations

import io
import re
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import pytest
from rich.console import Console

import sam_theory.report as report
from sam_theory.report import columns, junit, plain, print_results, search_text, show, witness_text
from sam_theory.report._cells import ratio, summary
from sam_theory.verdicts import NOT_RUN, Evidence, MutantOutcome, Result, Verdict, Witness, decide, trust_base_of

WITNESS = Witness(
    "orbit",
    "",
    {"rho": "1/10", "eta": "1/2", "alpha": "2", "beta": "2"},
    ("1/10",),
    1,
    "1/100",
    "1/200",
    "fraction",
    {"observable": "L"},
)
WITNESS_LINE = "α=β=2, η=1/2, ρ=1/10, w₀=1/10: at step 1 L = 1/100 > 1/200 (confirmed by fraction)"


def result(slug: str, expected: str, *evidence: Evidence, key: str = "dai2023", **changes: Any) -> Result:
    verdict, witness, reason = decide(evidence, Verdict(expected))
    facts: dict[str, Any] = {
        "slug": slug,
        "id": "1f2e",
        "title": slug,
        "source": {"key": key},
        "status": "theorem",
        "kind": "Envelope",
        "tightness": "tight",
        "expected": Verdict(expected),
        "verdict": verdict,
        "evidence": evidence,
        "witness": witness,
        "reason": reason,
        "trust_base": trust_base_of(evidence, verdict),
        "seconds": sum(one.seconds for one in evidence),
    }
    return Result(**{**facts, **changes})


PROVED = result(
    "proved-one",
    "proved",
    Evidence("smt", "proved", "unsat", ("z3",), 0.25),
    Evidence("search", "supported", "", ("float64",), 1.0, margin=0.0034),
    measured_tightness=0.99999,
)
REFUTED = result("false-one", "refuted", Evidence("search", "refuted", "found", margin=-0.5, witness=WITNESS))
WEAKER = result(
    "weaker-one",
    "proved",
    Evidence("smt", "undecided", "rlimit reached"),
    Evidence("formal", NOT_RUN, "coqc is missing"),
    Evidence("search", "supported", "1000 points"),
    key="wen2023",
)
OPEN = result("open-one", "supported", Evidence("search", "undecided", "budget ended"), key="wen2023")
SKIPPED = result("skipped-one", "proved", Evidence("formal", NOT_RUN, "coqc is missing"))
SURVIVED = result(
    "blunt-one",
    "proved",
    Evidence("symbolic", "proved", ""),
    mutants=(MutantOutcome("bound/2", True, WITNESS), MutantOutcome("bound*2", False, None, "nothing found")),
)
ALL = [PROVED, REFUTED, WEAKER, OPEN, SKIPPED, SURVIVED]


def printed(results: list[Result], width: int = 120, encoding: str = "utf-8", colour: bool = False) -> str:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding)
    system = "truecolor" if colour else None
    console = Console(file=stream, width=width, force_terminal=colour, color_system=system, highlight=False)
    print_results(results, console)
    stream.flush()
    return raw.getvalue().decode(encoding)


# -- witnesses -----------------------------------------------------------------------------------------------


def test_a_witness_fits_on_one_line() -> None:
    assert witness_text(WITNESS) == WITNESS_LINE


def test_a_witness_can_be_written_in_ascii() -> None:
    text = witness_text(WITNESS, ascii_only=True)
    assert text.isascii()
    assert text.startswith("alpha=beta=2, eta=1/2, rho=1/10, w0=1/10: at step 1 L = 1/100 > 1/200")


def test_different_curvatures_are_written_apart_and_the_loss_comes_first() -> None:
    witness = Witness("point", "w**4", {"alpha": "1", "beta": "2", "lam1": "3"}, ("1", "2"), None, "3", "4", "arb")
    assert witness_text(witness) == "loss w**4, α=1, β=2, λ₁=3, w₀=(1, 2): 3 < 4 (confirmed by arb)"


@pytest.mark.parametrize(
    ("observed", "bound", "extra", "relation"),
    [
        ("3/2", "4/3", {}, ">"),
        ("-1/2", "1/3", {}, "<"),
        ("2/4", "1/2", {}, "="),
        ("sqrt(2)", "1", {}, "against"),
        ("1", "2", {"relation": "≠"}, "≠"),
    ],
)
def test_the_relation_is_the_recorded_one_or_read_off_the_rationals(
    observed: str, bound: str, extra: dict[str, str], relation: str
) -> None:
    witness = Witness("point", "", {}, (), None, observed, bound, "fraction", extra)
    assert f"{observed} {relation} {bound}" in witness_text(witness)


def test_an_unconfirmed_witness_says_so() -> None:
    assert "confirmed by nothing" in witness_text(Witness("box", "", {}, (), None, "1", "0", ""))


# -- plain text ----------------------------------------------------------------------------------------------


def test_plain_text_has_one_line_per_theorem_with_its_slug_and_verdict_first() -> None:
    lines = [line for line in plain(ALL).splitlines() if not line.startswith("#")]
    assert [line.split()[0] for line in lines] == [one.slug for one in ALL]
    assert [line.split()[2] for line in lines] == [one.verdict.value for one in ALL]
    assert [line.split()[3] for line in lines] == ["yes", "yes", "no", "no", "no", "yes"]


def test_plain_text_is_aligned() -> None:
    header, *lines = plain(ALL).splitlines()[:-1]
    start = header.index("verdict")
    assert all(re.match(r"\S", line[start:]) and line[start - 2 : start] == "  " for line in lines)


def test_plain_text_carries_no_escape_sequence_even_if_an_engine_does() -> None:
    rogue = result("rogue-\x1b[31m", "proved", Evidence("smt", "undecided", "line\n\x1b[2Jtwo\r\x07"))
    text = plain([rogue])
    assert "\x1b" not in text
    assert len(text.splitlines()) == 3
    assert all(char.isprintable() for line in text.splitlines() for char in line)


def test_plain_text_explains_what_was_not_expected() -> None:
    text = plain(ALL)
    assert WITNESS_LINE in text
    assert "expected proved | smt undecided: rlimit reached; formal not run: coqc is missing" in text
    assert "mutant bound*2 survived: nothing found" in text
    assert "bound/2" not in text


def test_an_expected_verdict_needs_no_explanation() -> None:
    conjecture = result("conjecture", "supported", Evidence("search", "supported", "1000 points"))
    assert conjecture.reason
    for one in (PROVED, conjecture):
        assert plain([one]).splitlines()[1].split()[-1] == "-"


def test_a_violation_that_was_not_confirmed_is_never_hidden_behind_a_proof() -> None:
    proof = Evidence("smt", "proved", "unsat")
    seen = result("seen", "proved", proof, Evidence("search", "undecided", "in floats", margin=-1.0))
    for text in (plain([seen]), printed([seen])):
        assert "search saw a violation that was not confirmed, margin -1: in floats" in text
    noise = result("noise", "proved", proof, Evidence("search", "supported", "", margin=-5e-14))
    assert "violation" not in plain([noise])
    assert "not confirmed" not in plain([REFUTED])


def test_columns_put_a_dash_where_there_is_nothing() -> None:
    assert columns([("a", ""), ("", "long text")]) == "a  -\n-  long text\n"


def test_tightness_is_never_rounded_to_one() -> None:
    assert "0.9999" in plain([PROVED])
    cases = {0.99999: "0.9999", 1.0: "1.0000", 1.00001: "1.0001", 0.9966: "0.9966", 2e-9: "2e-09"}
    cases |= {1 + 1e-13: "1.0000", 1 - 1e-13: "1.0000", 2 + 1e-9: "2.0000"}
    for value, text in cases.items():
        assert ratio(result("a", "proved", measured_tightness=value)) == text


# -- the summary ---------------------------------------------------------------------------------------------


def test_the_summary_counts_verdicts_unexpected_ones_and_mutants() -> None:
    text = summary(ALL)
    assert text.startswith("6 theorems: 2 proved, 1 supported, 2 undecided, 1 refuted; 3 unexpected; 1/2 mutants")
    assert "not run: formal" in text


def test_an_engine_that_ran_somewhere_is_not_called_not_run() -> None:
    ran = result("other", "proved", Evidence("formal", "proved", "checked"))
    assert "not run" not in summary([SKIPPED, ran])


def test_one_theorem_is_not_one_theorems() -> None:
    assert summary([PROVED]) == "1 theorem: 1 proved; all as expected; 1.25 s"


# -- the terminal --------------------------------------------------------------------------------------------


def test_the_table_groups_theorems_by_paper_in_order_of_appearance() -> None:
    lines = printed(ALL).splitlines()
    first = [line.split()[0] for line in lines[1 : lines.index("")]]
    assert first == [
        *("dai2023", "proved-one", "false-one", "skipped-one", "blunt-one"),
        *("wen2023", "weaker-one", "open-one"),
    ]


def test_the_table_shows_kind_verdict_engine_margin_tightness_mutants_and_time() -> None:
    line = next(line for line in printed(ALL).splitlines() if "proved-one" in line)
    assert line.split() == ["proved-one", "✔", "proved", "Envelope", "smt", "0.0034", "0.9999", "1.25", "s"]
    line = next(line for line in printed(ALL).splitlines() if line.startswith("  blunt-one"))
    assert "1/2" in line


def test_a_verdict_that_was_not_expected_is_marked_and_explained_below() -> None:
    text = printed(ALL)
    assert re.search(r"weaker-one +● supported !", text)
    assert not re.search(r"(false|proved|blunt)-one .*!", text)
    below = text[text.index("\n\n") :]
    for part in ("expected proved", "rlimit reached", WITNESS_LINE, "mutant bound*2 survived"):
        assert part in below
    assert "proved-one" not in below


def test_no_engine_is_said_to_have_decided_what_is_undecided() -> None:
    line = next(line for line in printed(ALL).splitlines() if "open-one" in line)
    assert "search" not in line


@pytest.mark.parametrize("width", [60, 80, 100, 200])
def test_no_line_is_wider_than_the_terminal_and_no_slug_is_cut(width: int) -> None:
    long = result("sc-sam-neighbourhood-fails-beyond-inverse-beta.part", "proved", Evidence("smt", "proved", ""))
    text = printed([long, *ALL], width=width)
    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text
    assert all(word in text for word in re.split("[-.]", long.slug))
    assert all(verdict in text for verdict in ("proved", "supported", "undecided", "refuted"))


def test_the_table_has_colours_on_a_terminal_only() -> None:
    assert "\x1b[1;32m" in printed(ALL, colour=True)
    assert "\x1b" not in printed(ALL)


def test_a_terminal_without_unicode_gets_ascii() -> None:
    text = printed(ALL, encoding="ascii")
    assert "+ proved" in text
    assert "alpha=beta=2" in text


def test_square_brackets_in_what_engines_say_are_no_markup() -> None:
    odd = result("odd", "proved", Evidence("smt", "undecided", "interval [red]0, 1[/red] [/]"))
    assert "interval [red]0, 1[/red] [/]" in printed([odd])


def test_no_result_at_all_prints_a_summary_only() -> None:
    assert printed([]) == "0 theorems; 0.00 s\n"


# -- JUnit ---------------------------------------------------------------------------------------------------


def cases(results: list[Result]) -> dict[str, ElementTree.Element]:
    root = ElementTree.fromstring(junit(results))
    return {case.attrib["name"]: case for case in root.iter("testcase")}


def test_junit_has_a_suite_per_paper_and_a_case_per_theorem_and_mutant() -> None:
    root = ElementTree.fromstring(junit(ALL))
    assert [suite.attrib["name"] for suite in root] == ["sam_theory.dai2023", "sam_theory.wen2023"]
    assert [case.attrib["name"] for case in root[0]] == [
        "proved-one",
        "false-one",
        "skipped-one",
        "blunt-one",
        "blunt-one[mutant bound/2]",
        "blunt-one[mutant bound*2]",
    ]
    assert root[0][0].attrib["time"] == "1.250"


def test_junit_fails_what_was_not_expected_and_skips_what_was_not_run() -> None:
    found = {name: [child.tag for child in case if child.tag != "system-out"] for name, case in cases(ALL).items()}
    assert found == {
        "proved-one": [],
        "false-one": [],
        "skipped-one": ["skipped"],
        "blunt-one": [],
        "blunt-one[mutant bound/2]": [],
        "blunt-one[mutant bound*2]": ["failure"],
        "weaker-one": ["failure"],
        "open-one": ["failure"],
    }
    failure = cases(ALL)["weaker-one"].find("failure")
    assert failure is not None
    assert failure.attrib["message"] == "supported, expected proved"
    assert "rlimit reached" in (failure.text or "")


def test_junit_counts_agree_with_its_cases() -> None:
    root = ElementTree.fromstring(junit(ALL))
    for element in (root, *root):
        assert int(element.attrib["tests"]) == len(list(element.iter("testcase")))
        assert int(element.attrib["failures"]) == len(list(element.iter("failure")))
        assert int(element.attrib["skipped"]) == len(list(element.iter("skipped")))
    assert (root.attrib["tests"], root.attrib["failures"], root.attrib["skipped"]) == ("8", "3", "1")


def test_junit_is_well_formed_whatever_engines_say() -> None:
    dirt = "".join(map(chr, range(0x20))) + "\x7f\x85\ud800\ufffe\uffff]]>&<\"'"
    rogue = result(f"rogue{dirt}", "proved", Evidence("smt", "undecided", dirt), key=f"key{dirt}")
    text = junit([rogue])
    case = next(ElementTree.fromstring(text.encode("utf-8")).iter("testcase"))
    assert "\\x1b" in case.attrib["name"]
    failure = case.find("failure")
    assert failure is not None
    assert "]]>&<\"'" in (failure.text or "")


# -- one theorem ---------------------------------------------------------------------------------------------


def theorem(**changes: Any) -> Any:
    facts = {
        "slug": "quad-two-cycle",
        "id": "1f2e",
        "title": "SAM on a quadratic reaches a two-cycle",
        "source": SimpleNamespace(
            key="wen2023",
            text="Wen, Ma & Li (2023), Theorem 4.8",
            tag="SEEN",
            bibtex="@inproceedings{wen2023,\n}",
        ),
        "status": "theorem",
        "kind": "Cycle",
        "tightness": None,
        "expected": "proved",
        "notes": "radius recalled correctly",
        "statement": lambda: "r = eta*rho*lam/(2 - eta*lam)\nfor almost every start",
        "hypotheses_text": lambda: ["0 < eta*lam < 2"],
        "proof_text": lambda: ["q⁺ = q - ∇J(q)", "J decreases"],
    }
    return SimpleNamespace(**{**facts, **changes})


def test_show_has_statement_hypotheses_proof_source_bibtex_and_verdict() -> None:
    text = show(theorem())
    assert text.splitlines()[0] == "quad-two-cycle"
    for part in (
        "  SAM on a quadratic reaches a two-cycle\n  theorem, Cycle; id 1f2e\n",
        "Statement\n  r = eta*rho*lam/(2 - eta*lam)\n  for almost every start\n",
        "Hypotheses\n  - 0 < eta*lam < 2\n",
        "Proof\n  1. q⁺ = q - ∇J(q)\n  2. J decreases\n",
        "Verdict\n  not run\n  expected: proved\n",
        "Source\n  wen2023: Wen, Ma & Li (2023), Theorem 4.8  [SEEN]\n",
        "BibTeX\n  @inproceedings{wen2023,\n  }\n",
        "Notes\n  radius recalled correctly\n",
    ):
        assert part in text, part


def test_show_says_when_there_are_no_hypotheses_and_no_proof() -> None:
    text = show(theorem(hypotheses_text=list, proof_text=list, notes=""))
    assert "Hypotheses\n  none\n" in text
    assert "Proof\n  no proof steps\n" in text
    assert "Notes" not in text


def test_show_gives_the_recorded_verdict() -> None:
    assert "Verdict\n  proved, by smt\n  trusting z3\n" in show(theorem(), PROVED)
    assert f"Verdict\n  refuted, by search\n  {WITNESS_LINE}\n" in show(theorem(), REFUTED)


def test_show_can_leave_the_bibtex_out() -> None:
    assert "BibTeX" not in show(theorem(), bibtex=False)


def test_show_can_set_off_headings() -> None:
    assert "<Proof>" in show(theorem(), heading=lambda text: f"<{text}>")


# -- falsify -------------------------------------------------------------------------------------------------


def test_a_search_reports_its_witness() -> None:
    assert search_text(REFUTED).splitlines()[:2] == ["false-one: refuted", f"  {WITNESS_LINE}"]


def test_a_search_that_found_nothing_says_how_near_it_came() -> None:
    near = result("near", "supported", Evidence("search", "supported", "at eta=1", margin=1e-3, evaluations=500))
    assert search_text(near) == (
        "near: no counterexample found\n  search: supported; worst margin 0.001; 500 evaluations; at eta=1\n"
    )


def test_a_search_that_could_not_be_carried_out_does_not_claim_to_have_found_nothing() -> None:
    assert search_text(OPEN).splitlines()[0] == "open-one: undecided"
    assert search_text(SKIPPED).splitlines()[0] == "skipped-one: undecided"


def test_every_public_function_has_a_docstring() -> None:
    for name in report.__all__:
        assert getattr(report, name).__doc__, name


def test_a_statement_that_is_only_supported_says_why_for_each_engine() -> None:
    limited = result(
        "limited",
        "supported",
        Evidence("smt", "undecided", "a Limit without proof steps is beyond this engine"),
        Evidence("search", "supported", "1000 points"),
        Evidence("ball", "undecided", "a claim that leaves out starts is left to the search"),
        Evidence("cvc5", "not-run", "cvc5 is missing"),
    )
    why = (
        "smt: a Limit without proof steps is beyond this engine",
        "ball: a claim that leaves out starts is left to the search",
        "cvc5: not run: cvc5 is missing",
    )
    assert limited.why_not_more == why
    assert limited.to_json()["why_not_more"] == list(why)
    assert f"only supported; {'; '.join(why)}" in plain([limited])
    assert result("done", "proved", Evidence("smt", "proved", "")).why_not_more == ()
