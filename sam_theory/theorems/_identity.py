"""The permanent identifier of a statement: a hash of what it means, whatever its parts are called."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import sympy as sp
from sympy.printing.repr import ReprPrinter

from sam_theory.arithmetic import VectorSymbol

if TYPE_CHECKING:
    from sam_theory.theorems._theorem import Theorem


def identifier(theorem: Theorem) -> str:
    """Sixteen hexadecimal digits: equal for two statements only if rule, loss, quantifier, hypotheses and claim agree.

    Names of rules, losses and links are chosen by their authors and do not count; their definitions do.  Formulas are
    written with the types of their parts and the assumptions on their symbols, so that a symbol that is called
    ``a + b`` is no sum.
    """
    claim = theorem.expanded_claim
    formulas = [e for e in (*claim.formulas(), *theorem.all_hypotheses) if isinstance(e, sp.Basic)]
    links = {type(f).link for e in formulas for f in e.atoms(sp.Function) if hasattr(f, "link")}
    own = getattr(theorem.loss, "link", None)
    vectors = {v.name for e in formulas for v in e.atoms(VectorSymbol)}
    facts = theorem.loss.facts
    parts = [
        theorem.rule.definition,
        theorem.loss.definition,
        _spelled(theorem.starts),
        _spelled(claim),
        *sorted(map(_spelled, theorem.all_hypotheses)),
        *sorted(f"{link.name} is {'the link of the loss' if link is own else link.definition}" for link in links),
        *([_spelled((facts.minimum, facts.minimisers))] if "w_star" in vectors else []),
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


class _Printer(ReprPrinter):
    """SymPy's ``srepr``, which writes each part once: statements share hypotheses and much of their claims."""

    def __init__(self) -> None:
        super().__init__()
        self._written = lru_cache(maxsize=1 << 14)(super()._print)

    def _print(self, expr: Any, **settings: Any) -> Any:
        return self._written(expr) if isinstance(expr, sp.Basic) else super()._print(expr, **settings)


_PRINTER = _Printer()


def _spelled(value: Any) -> str:
    if isinstance(value, sp.Basic):
        return str(_PRINTER.doprint(value))
    if isinstance(value, (tuple, list)):
        return f"({', '.join(map(_spelled, value))})"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{_spelled(k)}: {_spelled(v)}' for k, v in value.items())}}}"
    if hasattr(value, "id"):
        return str(value.id)  # a side of a comparison is a statement of its own
    if is_dataclass(value):
        said = [f.name for f in fields(value) if f.name not in getattr(value, "unsaid", ())]
        return f"{type(value).__qualname__}({', '.join(f'{n}={_spelled(getattr(value, n))}' for n in said)})"
    return repr(value)
