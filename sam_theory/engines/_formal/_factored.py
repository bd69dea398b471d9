"""Scripts that follow the factors of what is claimed: multipliers that are nonnegative, combinations of earlier steps.

They are short, because nothing but the signs of the multipliers is multiplied out.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sympy as sp
from sympy.core.relational import Relational as Relation
from sympy.logic.boolalg import And, Implies

from sam_theory.engines._formal._kinks import flip, kinks_of
from sam_theory.engines._formal._leaf import Context, Leaf, NoScript
from sam_theory.engines._formal._statement import Statement
from sam_theory.engines._formal._terms import Printer


class Factored(Leaf):
    """Writes scripts for a claim that is a product, a multiple, or a sum of what is known."""

    def __init__(self, statement: Statement, effort: int = 6) -> None:
        super().__init__(Printer(statement.names), effort, False)
        self.statement = statement

    def scripts(self) -> Iterator[str]:
        """Candidates, from short to long."""
        if not isinstance(self.statement.aim, (sp.LessThan, sp.StrictLessThan)):
            return
        if kinks_of([self.statement.aim], self.printer)[0]:
            try:
                yield "\n".join([self.statement.introduction(), *self._extremum()])
            except NoScript:
                pass
            return
        for way in (self._product_of_signs, self._multiple, self._combination):
            try:
                lines = way()
            except NoScript:
                continue
            if lines:
                yield "\n".join([self.statement.introduction(), *self._premises(), *lines])

    # -- what is known -------------------------------------------------------------------------------------
    def _premises(self) -> list[str]:
        """Facts under a condition that is a hypothesis lose it."""
        lines = []
        for name, _ in self._conditional():
            lines.append(f"first [ specialize ({name} ltac:(lra)) | clear {name} ].")
        return lines

    def _conditional(self) -> list[tuple[str, Any]]:
        return [(n, r) for n, r in self.statement.relations if isinstance(r, Implies)]

    def _facts(self) -> list[tuple[str, Any]]:
        """Relations that are no condition on the parameters; conditional ones without their premise."""
        known = [(n, r.args[1] if isinstance(r, Implies) else r) for n, r in self.statement.relations]
        return [(n, r) for n, r in known if isinstance(r, Relation) and not _parameters_alone(r)]

    def _conditions(self) -> Context:
        """The relations between parameters."""
        return Context(
            [(n, r) for n, r in self.statement.relations if isinstance(r, Relation) and _parameters_alone(r)]
        )

    def _sign_of(self, factor: Any, strict: bool) -> list[str]:
        """The proof that a factor of parameters is positive, or nonnegative."""
        if not strict and factor.is_Pow and factor.exp == 2:
            return ["apply pow2_ge_0."]
        relation = sp.StrictLessThan if strict else sp.LessThan
        return self._leaf(self._conditions(), relation(sp.S.Zero, factor, evaluate=False))

    # -- the three ways ------------------------------------------------------------------------------------
    def _product_of_signs(self) -> list[str]:
        """0 ≤ c·X: the multiplier is nonnegative and X is by a fact."""
        aim = self.statement.aim
        if aim.lhs != 0 or not aim.rhs.is_Mul or not isinstance(aim, sp.LessThan):
            return []
        factors, lines, term = _factors(aim.rhs), [], ""
        for fact, r in self._facts():
            own = _factors(r.rhs) if isinstance(r, sp.LessThan) and r.lhs == 0 and r.rhs.is_Mul else []
            rest = [f for f in factors if f not in own]
            if own and len(rest) + len(own) == len(factors) and all(map(_parameters_alone, rest)):
                factors, term = rest, fact
                break
        for i, factor in enumerate(factors, 1):
            name = f"F{i}"
            lines.append(f"assert ({name} : 0 <= {self.printer.term(factor)}).")
            lines += ["{", *(self._sign_of(factor, False) if _parameters_alone(factor) else ["lra."]), "}"]
            term = f"(Rmult_le_pos _ _ {term} {name})" if term else name
        return [*lines, f"pose proof {term} as F.", *self._clear(set()), "lra."]

    def _multiple(self) -> list[str]:
        """A fact is the claim times a positive multiplier."""
        aim = flip(self.statement.aim)
        difference = sp.expand(aim.rhs - aim.lhs)
        for name, r in self._facts():
            if not isinstance(r, sp.LessThan) or r.lhs != 0 or not r.rhs.is_Mul:
                continue
            factors = [f for f in _factors(r.rhs) if _parameters_alone(f)]
            multiplier = sp.Mul(*factors)
            if not factors or sp.expand(multiplier * difference - r.rhs) != 0:
                continue
            lines, term = [], ""
            for i, factor in enumerate(factors, 1):
                lines += [f"assert (F{i} : 0 < {self.printer.term(factor)}).", "{", *self._sign_of(factor, True), "}"]
                term = f"(Rmult_lt_0_compat _ _ {term} F{i})" if term else f"F{i}"
            lemma = "Rmult_lt_reg_l" if isinstance(aim, sp.StrictLessThan) else "Rmult_le_reg_l"
            return [*lines, f"apply ({lemma} _ _ _ {term}).", *self._clear({name}), "lra."]
        return []

    def _combination(self) -> list[str]:
        """The claim is a sum of multiples of facts."""
        steps = {n for n, _ in self._facts() if n.startswith("step_")}
        return [*self._clear(steps), "lra."] if steps else []

    # -- an extremum among the values of conditional facts ---------------------------------------------------
    def _extremum(self) -> list[str]:
        """The claim bounds by a maximum (minimum), each conditional fact by one of its two values."""
        aim = self.statement.aim
        found = sorted(aim.atoms(sp.Max, sp.Min), key=sp.default_sort_key)
        if len(found) != 1 or len(found[0].args) != 2 or aim.atoms(sp.Abs, sp.sign):
            raise NoScript("the claim has not one extremum of two values")
        conditions = [flip(c) for _, r in self._conditional() for c in _conjuncts(r.args[0])]
        return self._decide(self._conditions(), list(dict.fromkeys(conditions)), found[0])

    def _decide(self, context: Context, open_ones: list[Any], extremum: Any) -> list[str]:
        """Close the case by a fact whose condition holds, or split on the next condition."""
        for name, r in self._conditional():
            known = [q for _, q in context.relations]
            if all(_holds(flip(c), known) for c in _conjuncts(r.args[0])):
                try:
                    return self._chosen(context, name, r.args[1], extremum)
                except NoScript:
                    continue
        if not open_ones:
            raise NoScript("no condition holds")
        first, *rest = open_ones
        name = context.fresh("J")
        weak = first if isinstance(first, sp.LessThan) else first.negated
        weak = flip(weak)
        left, right = self.printer.term(weak.lhs, 2), self.printer.term(weak.rhs, 2)
        lines = [f"destruct (Rle_lt_dec {left} {right}) as [{name}|{name}]."]
        for r in (weak, sp.StrictLessThan(weak.rhs, weak.lhs, evaluate=False)):
            case = context.copy()
            case.relations.append((name, r))
            lines += ["{", *self._decide(case, rest, extremum), "}"]
        return lines

    def _chosen(self, context: Context, name: str, conclusion: Any, extremum: Any) -> list[str]:
        """The extremum is the value in the conclusion of fact ``name``."""
        aim = self.statement.aim
        values = sorted(extremum.args, key=sp.default_sort_key)
        for i, value in enumerate(values):
            here = aim.xreplace({extremum: value})
            if sp.expand(here.rhs - here.lhs - conclusion.rhs + conclusion.lhs) != 0:
                continue
            other, largest = values[1 - i], isinstance(extremum, sp.Max)
            less, more = (other, value) if largest else (value, other)
            lines = [f"assert (V : {self.printer.term(less)} <= {self.printer.term(more)}).", "{"]
            lines += [*self._ordered(context, less, more), "}"]
            kind, side = ("max" if largest else "min"), ("right" if i else "left")
            lines.append(f"rewrite (R{kind}_{side} _ _ V).")
            lines.append(f"assert (G : {self.printer.proposition(conclusion)}) by (apply {name}; repeat split; lra).")
            return [*lines, "lra."]
        raise NoScript("the fact does not bound by a value of the extremum")

    def _ordered(self, context: Context, less: Any, more: Any) -> list[str]:
        """less ≤ more, by the signs of the factors of the difference."""
        constant, factors = sp.factor_list(more - less)
        total, lines, term = sp.sign(constant), [], ""
        for i, factor in enumerate([f for f, n in factors for _ in range(n)], 1):
            for sign in (1, -1):
                value = sp.expand(sign * factor)
                try:
                    proof = self._leaf(context.copy(), sp.LessThan(sp.S.Zero, value, evaluate=False))
                except NoScript:
                    continue
                total *= sign
                lines += [f"assert (F{i} : 0 <= {self.printer.term(value)}).", "{", *proof, "}"]
                term = f"(Rmult_le_pos _ _ {term} F{i})" if term else f"F{i}"
                break
            else:
                raise NoScript(f"the sign of {factor} is not known")
        if total < 0 or not term:
            raise NoScript("the difference is negative")
        return [*lines, f"pose proof {term} as F.", "lra."]

    def _clear(self, kept: set[str]) -> list[str]:
        """Facts that are not needed would be multiplied out in vain."""
        gone = [n for n, _ in self._facts() if n not in kept]
        return [f"try clear {n}." for n in gone]


def _parameters_alone(e: Any) -> bool:
    """Whether no vector, value or opaque function of the statement occurs, only declared parameters."""
    return not e.atoms(sp.Function) and all(s.name.isidentifier() for s in e.free_symbols)


def _factors(e: Any) -> list[Any]:
    """The factors as they stand; an even power is one factor, another one a factor taken several times."""
    result: list[Any] = []
    for factor in e.as_ordered_factors():
        base, exponent = factor.as_base_exp()
        repeated = exponent.is_Integer and exponent > 2
        result += [base] * int(exponent) if repeated else [factor]
    return result


def _conjuncts(e: Any) -> tuple[Any, ...]:
    """The relations of a condition."""
    return tuple(e.args) if isinstance(e, And) else (e,)


def _holds(wanted: Any, known: list[Any]) -> bool:
    """Whether a relation ``a ≤ b`` or ``a < b`` is among those known, or follows from the strict one."""
    strict = sp.StrictLessThan(wanted.lhs, wanted.rhs, evaluate=False)
    return any(k in (wanted, strict) for k in map(flip, (k for k in known if not isinstance(k, (sp.Eq, sp.Ne)))))
