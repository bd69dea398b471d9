"""One case of a proof: denominators multiplied out, products of hypotheses, and ``lra``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import sympy as sp
from sympy.core.relational import Relational as Relation

from sam_theory.engines._formal._certificate import Polynomial, Product, contradiction, generators
from sam_theory.engines._formal._kinks import flip
from sam_theory.engines._formal._terms import Printer

#: How many products may decide the sign of a denominator.
_FEW = 1500
_SIGN_EFFORTS = 6
#: Factors that are no single symbol, and those that are (negative: rounds of a targeted choice), little to much.
EFFORTS = (
    (1, 0), (1, 1), (1, -1), (2, 0), (2, -1), (1, -2), (2, 1), (3, -1), (2, -2), (1, -3), (3, 0), (2, 2), (4, -1),
    (3, -2), (3, 1), (2, 3),
)  # fmt: skip


class Item(NamedTuple):
    """A fact that a script establishes, the facts it needs, and the tactics."""

    name: str
    needs: frozenset[str]
    tactics: tuple[str, ...]


def needed(items: Sequence[Item], wanted: Iterable[str]) -> list[str]:
    """The tactics for the facts that are wanted and what they need, in order."""
    keep = set(wanted)
    for item in reversed(items):
        if item.name in keep:
            keep |= item.needs
    return [line for item in items if item.name in keep for line in item.tactics]


class NoScript(ValueError):
    """No script was found with this effort."""


@dataclass
class Context:
    """What is known at a place of the proof: named relations, and named polynomials ≥ 0, > 0 or = 0."""

    relations: list[tuple[str, Any]]
    polynomials: list[Polynomial] = field(default_factory=list)
    signs: dict[Any, tuple[int, str]] = field(default_factory=dict)
    counter: list[int] = field(default_factory=lambda: [0])

    def fresh(self, base: str) -> str:
        """A name that was not given yet."""
        self.counter[0] += 1
        return f"{base}{self.counter[0]}"

    def copy(self) -> Context:
        """The same knowledge, to be extended in one case alone."""
        return Context(list(self.relations), list(self.polynomials), dict(self.signs), self.counter)


class Leaf:
    """Proves a relation between rational functions from others.

    ``effort`` is how many of ``EFFORTS`` are tried; with ``squares`` also squares of differences.  Raises NoScript
    if the products that were tried do not suffice.
    """

    def __init__(self, printer: Printer, effort: int, squares: bool) -> None:
        self.printer = printer
        self.effort = effort
        self.squares = squares

    def _leaf(self, context: Context, aim: Any) -> list[str]:
        if aim is sp.true:
            return ["exact I."]
        if not isinstance(aim, Relation):
            raise NoScript(f"{aim} is no relation")
        items: list[Item] = []
        self._clear_all(context, items)
        if isinstance(aim, sp.Eq):
            return self._equality(context, aim, items)
        if isinstance(aim, sp.Ne):
            name = context.fresh("N")
            equation = sp.Eq(aim.lhs, aim.rhs, evaluate=False)
            return [f"intro {name}.", *self._with_negation(context, name, equation, items)]
        return self._inequality(context, aim, items)

    def _with_negation(self, context: Context, name: str, negation: Any, items: list[Item]) -> list[str]:
        if self._clearable(context, negation.lhs - negation.rhs, items) is None:
            raise NoScript(f"a denominator of {negation} may vanish")
        cleared = self._cleared(context, name, negation, items)
        if cleared is None:
            raise NoScript(f"{negation} says nothing")
        context.polynomials.append(cleared)
        return self._contradict(context, items, cleared)

    def _inequality(self, context: Context, aim: Any, items: list[Item]) -> list[str]:
        """By contradiction: the negation joins the hypotheses."""
        condition = flip(aim)
        if sp.sympify(condition.lhs - condition.rhs).is_number:
            return ["lra."]
        strict = isinstance(condition, sp.StrictLessThan)
        name = context.fresh("N")
        opposite = sp.LessThan if strict else sp.StrictLessThan
        negation = opposite(condition.rhs, condition.lhs, evaluate=False)
        start = f"apply {'Rnot_le_lt' if strict else 'Rnot_lt_le'}; intro {name}."
        return [start, *self._with_negation(context, name, negation, items)]

    def _equality(self, context: Context, aim: Any, items: list[Item]) -> list[str]:
        """A polynomial identity, modulo equations among the hypotheses where there are any."""
        difference = aim.lhs - aim.rhs
        inverses = {p: sp.Dummy() for p in difference.atoms(sp.Pow) if p.exp == -1}
        if inverses and sp.expand(difference.xreplace(inverses)) == 0:
            return ["unfold Rdiv; ring."]
        if self._clearable(context, difference, items) is None:
            raise NoScript(f"a denominator of {aim} may vanish")
        if sp.expand(sp.numer(sp.together(difference))) == 0:
            signs = self._proofs(context, difference)
            products = []
            for base in _bases(difference):
                parts = [context.signs[f][1] for f, n in _numerator_factors(base) for _ in range(n)]
                if len(parts) > 1:
                    term = parts[0]
                    for part in parts[1:]:
                        term = f"(Rmult_lt_0_compat _ _ {term} {part})"
                    products.append(f"pose proof {term} as {context.fresh('W')}.")
            return [*needed(items, signs), *dict.fromkeys(products), "first [ ring | field; repeat split; nz ]."]
        both = []
        for less in (sp.Le(aim.lhs, aim.rhs, evaluate=False), sp.Le(aim.rhs, aim.lhs, evaluate=False)):
            both += ["{", *self._inequality(context.copy(), less, list(items)), "}"]
        return ["apply Rle_antisym.", *both]

    def _contradict(self, case: Context, items: list[Item], negation: Polynomial) -> list[str]:
        whole = self._factored(case, list(case.polynomials), items)
        known = case.polynomials
        known = [*(p for p in known if p is not negation), negation]
        squares = _squares(known) if self.squares else ()
        for effort in EFFORTS[: self.effort]:
            found = contradiction(known, effort, squares, extra=whole)
            if found is not None:
                wanted = [f.name for p in found for f in p.factors]
                return [*needed(items, wanted), *(self._product(p, case.fresh("Q")) for p in found), "lra."]
        raise NoScript("no combination of products was found")

    def _factored(self, case: Context, known: Sequence[Polynomial], items: list[Item]) -> list[Product]:
        """The signs of the factors of what is known, and for each polynomial the product of its factors."""
        products = []
        for p in known:
            _, factors = sp.factor_list(p.poly) if p.poly.free_symbols else (1, [])
            if len(factors) < 2 and not any(n > 1 for _, n in factors):
                continue
            parts: list[Polynomial] = []
            for factor, _ in factors:
                if factor not in case.signs:
                    sign = self._sign(case, factor, items)
                    if sign is not None:
                        case.signs[factor] = sign
            unknown = [(f, n) for f, n in factors if f not in case.signs]
            if len(unknown) == 1 and unknown[0][1] == 1 and p.kind in (">=", ">"):
                self._divide(case, p, factors, unknown[0][0], items)
            if unknown:
                continue
            for factor, power in factors:
                sign_of, name = case.signs[factor]
                parts += [Polynomial(name, sp.expand(sign_of * factor), ">")] * power
            products.append(Product(tuple(parts)))
        return products

    def _divide(
        self, case: Context, p: Polynomial, factors: Sequence[tuple[Any, int]], rest: Any, items: list[Item]
    ) -> None:
        """p ≥ 0 with all factors but one of known sign: that one has a sign too."""
        constant = sp.factor_list(p.poly)[0]
        sign = 1 if constant > 0 else -1
        parts = []
        for factor, power in factors:
            if factor != rest:
                own, name = case.signs[factor]
                sign *= own**power
                parts += [name] * power
        value = sp.expand(sign * rest)
        if any(q.poly == value and q.kind != "=" for q in case.polynomials):
            return
        name, negation, product = case.fresh("D"), case.fresh("N"), case.fresh("Q")
        strict = p.kind == ">"
        term = negation
        weak = [f"(Rlt_le _ _ {n})" for n in parts]
        for n, w in zip(parts, weak, strict=True):
            term = f"(Rmult_le_pos _ _ {term} {w})" if strict else f"(Rmult_lt_0_compat _ _ {term} {n})"
        relation, lemma = ("<", "Rnot_le_lt") if strict else ("<=", "Rnot_lt_le")
        opposite = "<=" if strict else "<"
        tactics = (
            f"assert ({name} : 0 {relation} {self.printer.term(value)}).",
            "{",
            f"apply {lemma}; intro T{negation}.",
            f"assert ({negation} : 0 {opposite} {self.printer.term(-value)}) by lra.",
            f"pose proof {term} as {product}.",
            "lra.",
            "}",
        )
        items.append(Item(name, frozenset([p.name, *parts]), tactics))
        case.polynomials.append(Polynomial(name, value, ">" if strict else ">="))

    def _product(self, product: Product, name: str) -> str:
        if product.equality:
            (f,) = product.factors
            return f"pose proof (Rmult_eq_compat_l ({self.printer.term(product.monomial)}) _ _ {f.name}) as {name}."
        strict, term = True, ""
        if product.square is not None:
            strict, term = False, f"(pow2_ge_0 ({self.printer.term(product.square)}))"
        for f in product.factors:
            own = f.kind == ">"
            if not term:
                strict, term = own, f.name
            elif strict and own:
                term = f"(Rmult_lt_0_compat _ _ {term} {f.name})"
            else:
                left = f"(Rlt_le _ _ {term})" if strict else term
                right = f"(Rlt_le _ _ {f.name})" if own else f.name
                strict, term = False, f"(Rmult_le_pos _ _ {left} {right})"
        return f"pose proof {term} as {name}."

    # -- denominators --------------------------------------------------------------------------------------
    def _clear_all(self, context: Context, items: list[Item]) -> None:
        todo = [(n, r) for n, r in context.relations if isinstance(r, Relation)]
        while todo:
            left = []
            for name, r in todo:
                if isinstance(r, sp.Ne) or r in (sp.true, sp.false):
                    continue
                if self._clearable(context, r.lhs - r.rhs, items) is None:
                    left.append((name, r))
                    continue
                cleared = self._cleared(context, name, r, items)
                if cleared is not None:
                    context.polynomials.append(cleared)
            if len(left) == len(todo):
                return  # what cannot be cleared is left out: the proof may do without it
            todo = left

    def _cleared(self, context: Context, name: str, r: Any, items: list[Item]) -> Polynomial | None:
        """Relation ``name`` as a polynomial hypothesis."""
        condition = flip(r)
        difference = condition.rhs - condition.lhs
        if isinstance(r, sp.Eq):
            difference = condition.lhs - condition.rhs
        denominator, text_of_it, proof = self._denominator(context, difference)
        numerator = sp.expand(sp.cancel(sp.together(difference * denominator)))
        fresh = context.fresh("P")
        kind = {sp.Eq: "=", sp.LessThan: ">=", sp.StrictLessThan: ">"}[type(condition)]
        text = self.printer.term(numerator)
        claim = {"=": f"{text} = 0", ">=": f"0 <= {text}", ">": f"0 < {text}"}[kind]
        if numerator.is_number:
            return None
        if denominator == 1 and not self._proofs(context, difference):
            items.append(Item(fresh, frozenset(), (f"assert ({fresh} : {claim}) by lra.",)))
            return Polynomial(fresh, numerator, kind)
        lemma = {"=": "clear_eq", ">=": "clear_le", ">": "clear_lt"}[kind]
        given = f"(Rge_le _ _ {name})" if isinstance(r, sp.GreaterThan) else name
        how = f"({text_of_it}) {given}" if kind == "=" else f"_ {given} {proof}"
        tactic = (
            f"assert ({fresh} : {claim}) by (pose proof ({lemma} _ _ {how}) as T; "
            f"match type of T with {'?e = 0' if kind == '=' else '_ ?e'} => replace ({text}) with e; "
            "[ exact T | field; repeat split; nz ] end)."
        )
        items.append(Item(fresh, frozenset(self._proofs(context, difference)), (tactic,)))
        return Polynomial(fresh, numerator, kind)

    def _denominator(self, context: Context, e: Any) -> tuple[Any, str, str]:
        """A positive common denominator of ``e``, as it stands in Coq, and the proof that it is positive."""
        expression: Any = sp.S.One
        text = proof = ""
        for factor, power in _factors(e):
            sign, name = context.signs[factor]
            value = sp.expand(factor * sign)
            own = self.printer.term(value, 2)
            for _ in range(power):
                expression = sp.Mul(expression, value)
                text = f"({text} * {own})" if text else own
                proof = f"(Rmult_lt_0_compat _ _ {proof} {name})" if proof else name
        return (expression, text, proof) if text else (expression, "1", "Rlt_0_1")

    def _clearable(self, context: Context, e: Any, items: list[Item]) -> Any:
        """Whether all factors of all denominators have known signs; None if not.  Their proofs join ``items``."""
        for factor in _below(e):
            if factor in context.signs:
                continue
            sign = self._sign(context, factor, items)
            if sign is None:
                return None
            context.signs[factor] = sign
        return True

    @staticmethod
    def _proofs(context: Context, e: Any) -> list[str]:
        return [context.signs[f][1] for f in _below(e)]

    def _sign(self, context: Context, factor: Any, items: list[Item]) -> tuple[int, str] | None:
        for sign in (1, -1):
            value = sp.expand(sign * factor)
            own = context.fresh("N")
            negation = Polynomial(own, -value, ">=")
            known = [*context.polynomials, negation]
            for effort in EFFORTS[:_SIGN_EFFORTS]:
                found = contradiction(known, effort, limit=_FEW)
                if found is None:
                    continue
                name = context.fresh("D")
                text = self.printer.term(value)
                tactics = (
                    f"assert ({name} : 0 < {text}).",
                    "{",
                    f"apply Rnot_le_lt; intro T{own}.",
                    f"assert ({own} : 0 <= {self.printer.term(-value)}) by lra.",
                    *(self._product(p, context.fresh("Q")) for p in found),
                    "lra.",
                    "}",
                )
                items.append(Item(name, frozenset(f.name for p in found for f in p.factors), tactics))
                context.polynomials.append(Polynomial(name, value, ">"))
                return sign, name
        return None


def _factors(e: Any) -> list[tuple[Any, int]]:
    """The irreducible factors of the denominator of ``e``, constants left out, with their powers."""
    denominator = sp.denom(sp.together(e))
    if not denominator.free_symbols:
        return []
    return list(sp.factor_list(denominator)[1])


def _bases(e: Any) -> list[Any]:
    """Everything that is divided by."""
    found = {p.base for p in e.atoms(sp.Pow) if p.exp.could_extract_minus_sign() and p.base.free_symbols}
    return sorted(found, key=sp.default_sort_key)


def _numerator_factors(e: Any) -> list[tuple[Any, int]]:
    return list(sp.factor_list(sp.numer(sp.together(e)))[1])


def _below(e: Any) -> list[Any]:
    """The factors of everything that is divided by, before and after cancellation."""
    hidden = [f for b in _bases(e) for f, _ in (*_numerator_factors(b), *_factors(b))]
    return sorted({*(f for f, _ in _factors(e)), *hidden}, key=sp.default_sort_key)


def _squares(known: Sequence[Polynomial]) -> list[Any]:
    """What may be worth squaring: symbols, their differences, and hypotheses shifted by half their constant."""
    symbols = [g for g in generators([p.poly for p in known]) if g.is_Symbol]
    found: list[Any] = [*symbols, *(a - b for i, a in enumerate(symbols) for b in symbols[:i])]
    for p in known:
        constant = p.poly.as_coefficients_dict()[sp.S.One]
        if p.kind != "=" and not p.poly.is_Symbol:
            found.append(p.poly - constant / 2 if constant else p.poly)
    return list(dict.fromkeys(found))
