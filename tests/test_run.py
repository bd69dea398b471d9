"""Verdicts combine engines honestly, and repeat bit for bit."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from sympy import false

from sam_theory import (
    Inequality,
    InputError,
    Quadratic,
    Source,
    Theorem,
    Verdict,
    eta,
    falsify,
    gd,
    lam,
    library,
    norm,
    processes,
    verify,
    verify_all,
    w,
    w_next,
)
from sam_theory.engines import ENGINES, _registry
from sam_theory.engines._registry import capped, check_engines
from sam_theory.verdicts import EnginesDisagree, Evidence, document, dumps, without_timings

NOTES = Source("test", "a test")
TRUE = Theorem(
    "gd-contracts", "gd contracts", NOTES, gd, Quadratic(lam), Inequality(norm(w_next), norm(w)), (eta * lam <= 2,)
)
FALSE = TRUE.with_(slug="gd-halves", claim=Inequality(norm(w_next), norm(w) / 2))


def as_text(results) -> str:
    """Everything but the timings."""
    return dumps(without_timings(document(results, version="0", seed=0, budget="quick")))


def test_a_true_claim_is_proved_and_a_false_one_refuted_with_an_exact_witness() -> None:
    right, wrong = verify(TRUE, budget="quick"), verify(FALSE, budget="quick")
    assert (right.verdict, right.as_expected) == (Verdict.PROVED, True)
    assert (wrong.verdict, wrong.as_expected) == (Verdict.REFUTED, False)
    assert wrong.witness is not None and wrong.witness.confirmed


def test_falsify_says_how_near_it_came_or_gives_the_witness() -> None:
    near, found = falsify(TRUE, budget="quick"), falsify(FALSE, budget="quick")
    assert near.verdict is Verdict.SUPPORTED and near.evidence[0].margin is not None
    assert found.verdict is Verdict.REFUTED and found.witness is not None


def test_the_library_repeats_bit_for_bit_from_a_seed_whatever_the_number_of_processes() -> None:
    kinds: dict[str, list[Theorem]] = {}
    for t in library():
        kinds.setdefault(t.kind, []).append(t)
    some = [t for group in kinds.values() for t in group[:: max(1, len(group) // 2)][:2]]
    assert len(some) > 10
    alone = verify_all(some, budget="quick", seed=3, jobs=1)
    assert as_text(alone) == as_text(verify_all(some, budget="quick", seed=3, jobs=2))
    assert as_text(alone) != as_text(verify_all(some, budget="quick", seed=4, jobs=2))


def test_a_theorem_has_one_outcome_whatever_runs_beside_it() -> None:
    two = [t for t in library() if t.slug.startswith("sam-epsilon")][:2]
    both = verify_all(two, budget="quick", seed=1)
    assert as_text([both[1]]) == as_text([verify(two[1], budget="quick", seed=1)])


def test_progress_reports_every_result_in_order() -> None:
    seen: list[str] = []
    verify_all([TRUE, FALSE], budget="quick", progress=lambda r: seen.append(r.slug))
    assert seen == ["gd-contracts", "gd-halves"]


def test_a_file_is_verified_in_other_processes_as_in_this_one(tmp_path: Path) -> None:
    file = tmp_path / "claims.py"
    file.write_text((Path(__file__).parent.parent / "docs" / "my_claims.py").read_text())
    from sam_theory import load_file

    found = load_file(file)
    assert as_text(verify_all(found, budget="quick", jobs=2)) == as_text(verify_all(found, budget="quick", jobs=1))


def test_workers_that_inherit_the_library_find_what_this_process_finds() -> None:
    """A process of one thread forks where the platform does; the same outcome must come from it alone."""
    program = (
        "from sam_theory import library, verify_all\n"
        "from sam_theory import processes\n"
        "from sam_theory.verdicts import document, dumps, without_timings\n"
        "some = library()[:2]\n"
        "print(processes.may_fork())\n"
        "both = [verify_all(some, budget='quick', jobs=jobs) for jobs in (2, 1)]\n"
        "texts = [dumps(without_timings(document(r, version='0', seed=0, budget='quick'))) for r in both]\n"
        "print(texts[0] == texts[1])\n"
    )
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment)
    forks = sys.platform == "linux" and multiprocessing.get_all_start_methods()[0] == "fork"
    assert done.stdout.split() == [str(forks), "True"]


def test_a_process_with_threads_is_not_copied() -> None:
    ended = threading.Event()
    other = threading.Thread(target=ended.wait)
    other.start()
    try:
        assert not processes.may_fork()
    finally:
        ended.set()
        other.join()


def test_hypotheses_that_admit_nothing_are_bad_input() -> None:
    with pytest.raises(InputError, match="admit nothing"):
        verify(TRUE.with_(hypotheses=(eta * lam < 1, eta * lam > 2)))
    with pytest.raises(InputError, match="nothing is admitted"):
        TRUE.with_(hypotheses=(false,))


@pytest.mark.parametrize(
    ("expected", "engines", "reachable"),
    [
        ("proved", ENGINES, "proved"),
        ("proved", ("symbolic", "smt"), "proved"),
        ("proved", ("search",), "supported"),
        ("proved", ("smt",), "undecided"),
        ("refuted", ("symbolic", "smt"), "undecided"),
        ("refuted", ("search",), "refuted"),
        ("supported", ("smt",), "undecided"),
    ],
)
def test_expectations_are_capped_at_what_the_chosen_engines_reach(
    expected: str, engines: tuple[str, ...], reachable: str
) -> None:
    assert capped(expected, engines) == reachable


def test_an_unknown_engine_or_budget_is_bad_input_with_the_nearest_name() -> None:
    with pytest.raises(InputError, match="did you mean 'search'"):
        check_engines(("serch",))
    with pytest.raises(InputError, match="did you mean 'quick'"):
        verify(TRUE, budget="quik")


def test_engines_that_contradict_each_other_stop_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_registry, "prove", lambda *_: [Evidence("smt", "proved", "a bug")])
    with pytest.raises(EnginesDisagree, match="gd-halves"):
        verify(FALSE, budget="quick")


def test_a_quoted_statement_is_attacked_not_proved() -> None:
    quoted = next(t for t in library() if t.slug == "usam-threshold-ignores-rho")
    result = verify(quoted, budget="quick", mutants=True)
    assert result.verdict is Verdict.REFUTED and {e.engine for e in result.evidence} == {"search"}
    assert result.mutants == ()


def test_the_readme_shows_the_claims_file_and_it_behaves_as_the_readme_says() -> None:
    root = Path(__file__).parent.parent
    claims = (root / "docs" / "my_claims.py").read_text()
    assert claims in (root / "README.md").read_text()
    imports = {line.split()[1].split(".")[0] for line in claims.splitlines() if line.startswith(("from ", "import "))}
    assert imports <= {"sam_theory", "sympy"}
    command = [sys.executable, "-m", "sam_theory", "falsify", str(root / "docs" / "my_claims.py")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "my-contraction: refuted" in done.stdout and "my-radius: no counter" in done.stdout
