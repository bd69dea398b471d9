"""``sam-theory export``: Rocq files, LaTeX documents, and scripts that replay a refutation."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sam_theory.cli import main
from sam_theory.engines import coqc_path, falsify
from sam_theory.errors import InputError
from sam_theory.report import latex_document, replay_script
from sam_theory.theorems import library
from sam_theory.verdicts import Witness

LIBRARY = {t.slug: t for t in library()}
#: Its witness has irrational coordinates and is confirmed in balls.
IN_BALLS = "balanced-cycle-stable-iff-r-below-rho"
#: Limits in a parameter and leading terms are refuted by SymPy, of which a script in fractions knows nothing.
REFUTED = [
    t.slug
    for t in library()
    if t.expected == "refuted"
    and t.slug != IN_BALLS
    and t.kind != "Asymptotic"
    and getattr(t.claim, "variable", None) is None
]
#: A parameter of each statement without ρ.
PARAMETER = {"li-bar.never-increases": "decay"}
#: Of states alone: no parameter enters, and no step is made.
STATIC = "balanced-iff-flattest-every-d"
#: The velocity of a flow has no step size.
MOVING = [s for s in REFUTED if s not in (STATIC, "li-balancedness-op.every-rho")]


def export(*args: str) -> Result:
    return CliRunner().invoke(main, ["export", *args])


@pytest.fixture(scope="module")
def scripts() -> dict[str, str]:
    found = {}
    for slug in REFUTED:
        witness = falsify(LIBRARY[slug], budget="quick").witness
        assert witness is not None
        found[slug] = replay_script(LIBRARY[slug], witness)
    return found


def run(text: str, where: Path) -> subprocess.CompletedProcess[str]:
    file = where / "replay.py"
    file.write_text(text, encoding="utf-8")
    return subprocess.run([sys.executable, "-I", str(file)], capture_output=True, text=True, cwd=where, check=False)


# -- python -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("slug", REFUTED)
def test_a_script_replays_the_refutation_with_nothing_but_fractions(
    slug: str, scripts: dict[str, str], tmp_path: Path
) -> None:
    text = scripts[slug]
    imports = re.findall(r"^(?:from|import) .*", text, flags=re.MULTILINE)
    assert imports == [
        "from fractions import Fraction as F",
        "from itertools import combinations, permutations",
        "from math import isqrt",
    ]
    assert not re.search(r"\d\.\d|float\(", text.split('"""', 2)[2])
    done = run(text, tmp_path)
    assert (done.returncode, done.stdout) == (0, f"replayed: {slug}\n"), done.stderr


def test_a_witness_in_balls_is_not_replayed_in_fractions() -> None:
    witness = falsify(LIBRARY[IN_BALLS], budget="quick").witness
    assert witness is not None and witness.confirmed_by == "arb"
    with pytest.raises(InputError, match="confirmed by arb"):
        replay_script(LIBRARY[IN_BALLS], witness)


@pytest.mark.parametrize("slug", REFUTED)
def test_a_script_with_a_changed_number_fails(slug: str, scripts: dict[str, str], tmp_path: Path) -> None:
    text = scripts[slug]
    changes = {
        "observed": (r"observed, bound = F\(", "observed, bound = F(1) + F("),
        "bound": (r"(observed, bound = F\([^)]*\)), F\(", r"\1, F(1) + F("),
        "parameter": (rf"'{PARAMETER.get(slug, 'rho')}': F\(", f"'{PARAMETER.get(slug, 'rho')}': F(1) + F("),
    }
    if slug == STATIC:
        del changes["parameter"]
    for name, (pattern, other) in changes.items():
        changed, count = re.subn(pattern, other, text, count=1, flags=re.MULTILINE)
        assert count == 1, name
        assert run(changed, tmp_path).returncode != 0, f"{slug}: a changed {name} was accepted"


@pytest.mark.parametrize("slug", MOVING)
def test_a_script_notices_other_dynamics(slug: str, scripts: dict[str, str], tmp_path: Path) -> None:
    changed, count = re.subn(r"P\['eta'\]", "(P['eta'] / 7)", scripts[slug])
    assert count >= 1 and run(changed, tmp_path).returncode != 0


def test_the_class_of_the_data_is_checked(scripts: dict[str, str], tmp_path: Path) -> None:
    text = scripts["sc-sam-limsup-s2-over-2-every-d"]
    changed = text.replace(
        "'p1': ((F(-5657, 904), F(112, 113), ), (F(-1, 40)", "'p1': ((F(-5657, 904), F(112, 113), ), (F(1, 40)"
    )
    assert changed != text and run(changed, tmp_path).returncode != 0


def test_only_refutations_in_fractions_are_replayed() -> None:
    theorem = LIBRARY["sam-descends"]
    by_balls = Witness("box", "w1**2", {"eta": "1"}, ("1",), 1, "2", "1", "arb")
    with pytest.raises(InputError, match="confirmed by arb"):
        replay_script(theorem, by_balls)
    result = export("sam-1d-two-cycle.cycle", "--to", "python")
    assert result.exit_code == 2 and "no refutation to replay" in result.output


def test_export_writes_a_script_to_a_file(tmp_path: Path) -> None:
    out = tmp_path / "replay.py"
    assert export("sam-descends", "--to", "python", "--budget", "quick", "--out", str(out)).exit_code == 0
    assert run(out.read_text(encoding="utf-8"), tmp_path).returncode == 0


# -- rocq ---------------------------------------------------------------------------------------------------------
def test_export_writes_the_file_with_its_proof(tmp_path: Path) -> None:
    result = export("product-balancedness-identity.gd", "--to", "rocq")
    assert result.exit_code == 0 and "Theorem claim :" in result.output and "Qed." in result.output
    if coqc_path() is not None:
        (tmp_path / "Statement.v").write_text(result.output, encoding="utf-8")
        subprocess.run(["coqc", "-q", "-noglob", "Statement.v"], cwd=tmp_path, check=True, capture_output=True)


@pytest.mark.parametrize(
    "slug", ["gd-usam-stuck-below-threshold.gd", "sam-descends", "pl-usam-descent-and-travel.travel"]
)
def test_what_is_not_proved_is_not_exported_as_if_it_were(slug: str) -> None:
    result = export(slug, "--to", "rocq")
    assert result.exit_code == 3 and "Theorem" not in result.output and slug in result.output


def test_a_theorem_with_parts_asks_for_one() -> None:
    result = export("sam-1d-two-cycle", "--to", "rocq")
    assert result.exit_code == 2 and "sam-1d-two-cycle.attracts" in result.output
    assert export("no-such-theorem", "--to", "latex").exit_code == 2
    assert export("sam-descends", "--to", "word").exit_code == 2
    assert export("sam-descends").exit_code == 2


# -- latex --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("slug", list(LIBRARY))
def test_latex_is_balanced_and_plain(slug: str) -> None:
    text = latex_document(LIBRARY[slug])
    assert text.isascii() or all(c in "äöüßéèíçáÄÖÜ–—" for c in text if not c.isascii())
    assert "[U+" not in text and "Verdict: not run" in text
    for environment in re.findall(r"\\begin\{(\w+\*?)\}", text):
        assert text.count(f"\\begin{{{environment}}}") == text.count(f"\\end{{{environment}}}")
    bare = re.sub(r"\\[{}\\]", "", text)
    assert bare.count("{") == bare.count("}")
    assert len(re.findall(r"\\\(", text)) == len(re.findall(r"\\\)", text))
    assert LIBRARY[slug].claim.latex() in text


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
@pytest.mark.parametrize("slug", ["sc-sam-limsup-improved.limsup", "quad-two-cycle.cycle"])
def test_latex_compiles(slug: str, tmp_path: Path) -> None:
    (tmp_path / "statement.tex").write_text(latex_document(LIBRARY[slug]), encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "statement.tex"]
    assert subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode == 0


def test_latex_states_what_the_engines_said() -> None:
    result = export("product-balancedness-identity.gd", "--to", "latex", "--verdict", "--budget", "quick")
    assert result.exit_code == 0 and "Verdict: proved" in result.output and "SymPy" in result.output
