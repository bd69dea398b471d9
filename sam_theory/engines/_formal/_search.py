"""The search for a proof script that is not recorded: written by strategies from cheap to dear, decided by Coq."""

from __future__ import annotations

from collections.abc import Iterator

from sam_theory.engines._formal._coqc import run_coqc
from sam_theory.engines._formal._factored import Factored
from sam_theory.engines._formal._prelude import PRELUDE
from sam_theory.engines._formal._script import NoScript, Writer
from sam_theory.engines._formal._statement import Statement

#: Efforts, and whether vanishing parameters are split off and squares are used.
_STRATEGIES = tuple(
    (effort, zeros, squares) for effort in (3, 8) for squares in (False, True) for zeros in (False, True)
)


def scripts(statement: Statement) -> Iterator[str]:
    """Candidate scripts, nothing of which is believed."""
    yield from Factored(statement).scripts()
    for effort, zeros, squares in _STRATEGIES:
        try:
            yield Writer(statement, effort, squares, zeros).script()
        except NoScript:
            continue


def find_script(statement: Statement) -> str | None:
    """A script with which Coq accepts the statement, or None."""
    for script in scripts(statement):
        if run_coqc(f"{PRELUDE}\n{statement.text('goal')}\nProof.\n{script}\nQed.\n").accepted:
            return script
    return None
