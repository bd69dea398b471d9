"""Multipliers for the contradictions of z3 in the library: ``python benchmarks/multipliers.py [--every N] [--cvc5]``.

For each kind of question that z3 answers with unsat: how many polynomial systems there are, how many of them have
multipliers that the checker accepts, of which kind, and in what time; with ``--cvc5``, how many cvc5 confirms.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

from sam_theory import library
from sam_theory.checker._refutation import verify
from sam_theory.engines import _second, _smt, _symbolic
from sam_theory.engines._goals import goals_of
from sam_theory.engines._multipliers import BUDGET, Data, attempt, systems
from sam_theory.errors import InputError


def contradictions() -> Iterator[tuple[str, Any, list[Data]]]:
    """Statement, the relations as z3 got them, and as data: each system once."""
    seen = set()
    for theorem in library():
        for goal in goals_of(theorem) if theorem.status != "quoted" else ():
            if _symbolic.close(goal).status == "proved":
                continue
            for parts in _smt.close_with_contradictions(goal, 40_000_000)[1]:
                try:
                    found = list(systems(parts))
                except InputError:  # a denominator that cancels is left in a quick check
                    continue
                for relations in found:
                    key = json.dumps(relations, sort_keys=True)
                    if key not in seen:
                        seen.add(key)
                        yield theorem.slug, parts, relations


def main() -> None:
    """Print the table, and each system without multipliers with the reason."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--every", type=int, default=1, help="only every N-th system")
    parser.add_argument("--budget", type=int, default=BUDGET, help="columns of linear programs for one system")
    parser.add_argument("--cvc5", action="store_true", help="ask cvc5 for each system, too")
    options = parser.parse_args()
    kinds: Counter[str] = Counter()
    confirmed: Counter[str] = Counter()
    searching = checking = 0.0
    for n, (slug, parts, relations) in enumerate(contradictions()):
        if n % options.every:
            continue
        began = time.process_time()
        tree, reason = attempt(relations, options.budget)
        searching += time.process_time() - began
        kinds[reason if tree else "none"] += 1
        if tree is None:
            print(f"{slug}: {reason} ({len(relations)} relations)", flush=True)
        else:
            began = time.process_time()
            verify(tree, relations)
            checking += time.process_time() - began
        if options.cvc5:
            confirmed[_second.decide(_second.script(parts), 40_000_000)] += 1
    total = kinds.total()
    print(f"{total} systems, {total - kinds['none']} with multipliers: {dict(kinds)}")
    print(f"search {searching:.1f} CPU s, verification {checking:.2f} CPU s")
    if options.cvc5:
        print(f"cvc5: {dict(confirmed)}")


if __name__ == "__main__":
    main()
