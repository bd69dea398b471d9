"""Writes a proof script for a statement: boundary values, facts on the way, and the cases of kinks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sympy as sp
from sympy.logic.boolalg import And, Implies

from sam_theory.engines._formal._kinks import Kink, flip, kinks_of, put, replace_kinks
from sam_theory.engines._formal._leaf import Context, Leaf, NoScript
from sam_theory.engines._formal._statement import Statement
from sam_theory.engines._formal._terms import Printer

__all__ = ["NoScript", "Writer"]


class Writer(Leaf):
    """Writes the script of one statement.

    ``zeros``: decide first whether a nonnegative parameter is 0.  ``hints`` are facts on the way, each proved first
    (``at_zero`` those in the case of a vanishing parameter), ``splits`` formulas whose sign is decided.  Raises
    NoScript if the products that were tried do not suffice.
    """

    def __init__(
        self,
        statement: Statement,
        effort: int = 6,
        squares: bool = False,
        zeros: bool = False,
        hints: Sequence[Any] = (),
        splits: Sequence[Any] = (),
        at_zero: Sequence[Any] = (),
    ) -> None:
        super().__init__(Printer(statement.names), effort, squares)
        self.statement = statement
        self.zeros = zeros
        self.hints, self.splits, self.at_zero = tuple(hints), tuple(splits), tuple(at_zero)

    def script(self) -> str:
        """The tactics between ``Proof.`` and ``Qed.``."""
        s = self.statement
        lines = [s.introduction()]
        everything = [r for _, r in s.relations] + [s.aim]
        kinks, replaced = kinks_of([r for r in everything if isinstance(r, sp.Basic)], self.printer)
        for kink in kinks:
            lines += self._introduce(kink)
        context = Context([(n, replace_kinks(r, replaced)) for n, r in s.relations])
        aim = replace_kinks(s.aim, replaced)
        lines += self._boundary(context, aim, kinks) if self.zeros else self._split(context, aim, kinks)
        return "\n".join(lines)

    def _boundary(self, context: Context, aim: Any, kinks: Sequence[Kink]) -> list[str]:
        """First decide whether a nonnegative parameter is 0."""
        for i, (name, r) in enumerate(context.relations):
            if isinstance(r, sp.GreaterThan) and r.rhs == 0 and r.lhs.is_Symbol and "|" not in r.lhs.name:
                lines = [f"destruct (Rle_lt_or_eq_dec _ _ (Rge_le _ _ {name})) as [Z_{name}|Z_{name}]."]
                positive = context.copy()
                positive.relations[i] = (f"Z_{name}", sp.Lt(0, r.lhs, evaluate=False))
                lines += ["{", *self._split(positive, aim, kinks), "}"]
                zero = {r.lhs: sp.S.Zero}
                vanishing = context.copy()
                vanishing.relations = [(n, put(q, zero)) for n, q in context.relations if n != name]
                variable = self.printer.term(r.lhs)
                inner = [Kink(k.kind, k.text, k.spec, k.symbol, tuple(a.xreplace(zero) for a in k.args)) for k in kinks]
                given, self.hints, self.splits = (self.hints, self.splits), self.at_zero, ()
                lines += ["{", f"clear {name}; symmetry in Z_{name}; subst {variable}."]
                lines += [*self._split(vanishing, put(aim, zero), inner), "}"]
                self.hints, self.splits = given
                return lines
        raise NoScript("no parameter may vanish")

    # -- cases ---------------------------------------------------------------------------------------------
    @staticmethod
    def _introduce(kink: Kink) -> list[str]:
        name = kink.symbol.name
        return [
            f"pose proof ({kink.spec}) as K_{name}.",
            f"set ({name} := {kink.text}) in *; clearbody {name}.",
        ]

    def _split(self, context: Context, aim: Any, kinks: Sequence[Kink]) -> list[str]:
        """Facts on the way, each proved first, and the cases in which a formula is negative or not."""
        lines: list[str] = []
        vanishing = [r.lhs.base for _, r in context.relations if _square_vanishes(r)]
        for hint in (*(sp.Le(e, 0, evaluate=False) for e in dict.fromkeys(vanishing)), *self.hints):
            name = context.fresh("I")
            lines += [f"assert ({name} : {self.printer.proposition(hint)}).", "{"]
            square = hint.lhs == 0 and hint.rhs.is_Pow and hint.rhs.exp == 2
            lines += [*(["apply pow2_ge_0."] if square else self._leaf(context.copy(), hint)), "}"]
            context.relations.append((name, hint))
        return lines + self._signs(context, aim, kinks, self.splits)

    def _signs(self, context: Context, aim: Any, kinks: Sequence[Kink], splits: Sequence[Any]) -> list[str]:
        if not splits:
            return self._cases(context, aim, kinks)
        name = context.fresh("J")
        lines = [f"destruct (Rle_lt_dec 0 ({self.printer.term(splits[0])})) as [{name}|{name}]."]
        for r in (sp.Le(0, splits[0], evaluate=False), sp.Lt(splits[0], 0, evaluate=False)):
            case = context.copy()
            case.relations.append((name, r))
            lines += ["{", *self._signs(case, aim, kinks, splits[1:]), "}"]
        return lines

    def _cases(self, context: Context, aim: Any, kinks: Sequence[Kink]) -> list[str]:
        ordered = [k for k in reversed(kinks) if k.kind == "root"] + [k for k in reversed(kinks) if k.kind != "root"]
        return self._descend(context, aim, ordered)

    def _descend(self, context: Context, aim: Any, kinks: Sequence[Kink]) -> list[str]:
        for i, (name, r) in enumerate(context.relations):
            if isinstance(r, Implies):
                return self._implication(context, aim, kinks, i, name, r)
            if isinstance(r, sp.Ne) and not kinks:
                lines = [f"destruct (Rdichotomy _ _ {name}) as [S_{name}|S_{name}]."]
                for kind in (sp.StrictLessThan, sp.StrictGreaterThan):
                    case = context.copy()
                    case.relations[i] = (f"S_{name}", kind(r.lhs, r.rhs, evaluate=False))
                    lines += ["{", *self._descend(case, aim, kinks), "}"]
                return lines
        if not kinks:
            return self._leaf(context, aim)
        kink, rest = kinks[0], kinks[1:]
        name = kink.symbol.name
        if kink.kind == "root":
            return self._root(context, aim, kink, rest)
        cases = kink.cases()
        pattern = "|".join([f"[C_{name} E_{name}]"] * 2)
        if len(cases) == 3:
            pattern = f"[C_{name} E_{name}]|[[C_{name} E_{name}]|[C_{name} E_{name}]]"
        lines = [f"destruct K_{name} as [{pattern}]; subst {name}."]
        for conditions, value in cases:
            chosen = {kink.symbol: value}
            case = context.copy()
            case.relations = [(n, put(r, chosen)) for n, r in case.relations]
            case.polynomials, case.signs = [], {}
            case.relations.append((f"C_{name}", put(conditions[0], chosen)))
            remaining = [
                Kink(k.kind, k.text, k.spec, k.symbol, tuple(a.xreplace(chosen) for a in k.args)) for k in rest
            ]
            lines += ["{", *self._descend(case, put(aim, chosen), remaining), "}"]
        return lines

    def _implication(self, context: Context, aim: Any, kinks: Sequence[Kink], i: int, name: str, r: Any) -> list[str]:
        """Either the premise holds, and the fact with it, or it does not, and nothing is known."""
        premise, conclusion = r.args
        parts = premise.args if isinstance(premise, And) else (premise,)
        if len(parts) != 1:
            raise NoScript("a fact under several conditions")
        (part,) = parts
        condition = flip(part)
        lemma = "Rle_lt_dec" if isinstance(condition, sp.LessThan) else "Rlt_le_dec"
        left, right = self.printer.term(condition.lhs, 2), self.printer.term(condition.rhs, 2)
        lines = [f"destruct ({lemma} {left} {right}) as [P_{name}|P_{name}]."]
        holds = context.copy()
        holds.relations[i] = (f"F_{name}", conclusion)
        holds.relations.append((f"P_{name}", condition))
        lines += ["{", f"assert (F_{name} := {name} P_{name}); clear {name}.", *self._descend(holds, aim, kinks), "}"]
        fails = context.copy()
        opposite = condition.negated
        fails.relations[i] = (f"P_{name}", opposite)
        lines += ["{", f"clear {name}.", *self._descend(fails, aim, kinks), "}"]
        return lines

    def _root(self, context: Context, aim: Any, kink: Kink, rest: Sequence[Kink]) -> list[str]:
        name, (base,) = kink.symbol.name, kink.args
        lines = [f"destruct K_{name} as [N_{name} S_{name}]."]
        inside = context.copy()
        text = self.printer.term(base, 2)
        lines += [f"assert (A_{name} : 0 <= {text}).", "{", *self._leaf(inside, sp.Le(0, base, evaluate=False)), "}"]
        lines.append(f"specialize (S_{name} A_{name}).")
        known = context.copy()
        known.relations += [
            (f"N_{name}", sp.Ge(kink.symbol, 0, evaluate=False)),
            (f"S_{name}", sp.Eq(kink.symbol**2, base, evaluate=False)),
        ]
        return lines + self._descend(known, aim, rest)


def _square_vanishes(r: Any) -> bool:
    """Whether a relation reads x² = 0."""
    return isinstance(r, sp.Eq) and r.rhs == 0 and r.lhs.is_Pow and r.lhs.exp == 2 and r.lhs.base.is_Symbol
