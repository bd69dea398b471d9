"""One question to cvc5; also a script of its own, so that a process that asks can be stopped."""

from __future__ import annotations

import sys
from collections.abc import Iterable


def ask(text: str, options: Iterable[tuple[str, str]]) -> str:
    """``sat``, ``unsat`` or ``unknown`` for the assertions of an SMT-LIB script under these options of the solver."""
    import cvc5

    manager = cvc5.TermManager()
    solver = cvc5.Solver(manager)
    for option, value in options:
        solver.setOption(option, value)
    parser = cvc5.InputParser(solver)
    parser.setStringInput(cvc5.InputLanguage.SMT_LIB_2_6, text, "goal")
    while not (command := parser.nextCommand()).isNull():
        command.invoke(solver, parser.getSymbolManager())
    found = solver.checkSat()
    return "unsat" if found.isUnsat() else "sat" if found.isSat() else "unknown"


if __name__ == "__main__":
    print(ask(sys.stdin.read(), [(name, value) for name, _, value in (a.partition("=") for a in sys.argv[1:])]))
