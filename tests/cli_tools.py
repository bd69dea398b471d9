"""What the tests of the command line share: a stand-in for the library and the engines, and ways to run."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner
from click.testing import Result as Outcome

from sam_theory.cli import main
from sam_theory.errors import InputError
from sam_theory.theorems import Relations
from sam_theory.verdicts import Evidence, MutantOutcome, Result, Witness

COMMANDS = (
    "verify",
    "falsify",
    "check",
    "synthesize",
    "list",
    "show",
    "simulate",
    "sweep",
    "orbits",
    "stability",
    "bifurcation",
    "diagram",
    "basin",
    "lyapunov",
    "drift",
    "invariants",
    "export",
    "bench",
)
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
        origin="library",
        relations=(),
        proof=(),
        rule=SimpleNamespace(name="sam"),
        loss=SimpleNamespace(name="a loss"),
        expanded_claim=SimpleNamespace(text=lambda: slug),
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


def install(monkeypatch: pytest.MonkeyPatch) -> Core:
    """Put the stand-in in the place of the library and the engines."""
    fake = Core()
    theorems, engines = ModuleType("sam_theory.theorems"), ModuleType("sam_theory.engines")

    def graph(*_: Any) -> Relations:
        return Relations(fake.library)

    vars(theorems).update(library=lambda: fake.library, load_file=fake.load_file, relations=graph, relations_of=graph)
    vars(engines).update(ENGINES=("symbolic", "smt", "search"), verify_all=fake.verify_all, falsify=fake.falsify)
    monkeypatch.setitem(sys.modules, "sam_theory.theorems", theorems)
    monkeypatch.setitem(sys.modules, "sam_theory.engines", engines)
    return fake


def run(*arguments: str) -> Outcome:
    return CliRunner().invoke(main, arguments, prog_name="sam-theory")


def slugs(text: str) -> list[str]:
    return [line.split()[0] for line in text.splitlines() if not line.startswith("#")]


def on_terminal(words: list[str], stream: str) -> tuple[str, str]:
    """Run a command with one stream on a terminal; what came there, and what came on the other stream."""
    pty = pytest.importorskip("pty")
    ours, theirs = pty.openpty()
    environment = {**os.environ, "COLUMNS": "100", "TERM": "xterm-256color", "PYTHONIOENCODING": "utf-8"}
    environment.pop("NO_COLOR", None)
    streams: dict[str, int] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, stream: theirs}
    shown = b""
    with subprocess.Popen(words, cwd=ROOT, env=environment, **streams) as process:
        os.close(theirs)
        try:
            while chunk := os.read(ours, 4096):
                shown += chunk
        except OSError:  # how Linux says that the other end was closed
            pass
        other = next(part for part in process.communicate(timeout=120) if part is not None)
    os.close(ours)
    return shown.decode(), other.decode()
