"""SymPy scalars and relations as terms of Coq (Rocq) over its real numbers."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Any

import sympy as sp
from sympy.core.relational import Relational as Relation
from sympy.logic.boolalg import And, Implies, Not, Or

#: Words of the language, and constants of the libraries that every file loads.
_RESERVED = frozenset(
    "R S O I E PI exp ln sin cos tan sqrt pow Type Set Prop SProp as at cofix else end exists exists2 fix for "
    "forall fun if in let match mod return then using where with nat Rabs Rmin Rmax sgn IZR INR not and or "
    "True False eq".split()
)
_OPERATORS = {"<": "<", "<=": "<=", ">": ">", ">=": ">=", "==": "=", "!=": "<>"}
_SUM, _PRODUCT, _ATOM = range(3)


class NotFormal(ValueError):
    """A formula that has no translation."""


def identifier(name: str) -> str:
    """A readable identifier for the name of a symbol: ``<g(p1),g(w)>`` becomes ``dot_g_p1_g_w``."""
    name = re.sub(r"^\|(.*)\|$", r"norm_\1", name)
    name = re.sub(r"^<(.*)>$", r"dot_\1", name)
    name = name.replace("Λ^", "Lam").replace("Λ", "Lam").replace("'", "_prime")
    ascii_only = "".join(c if c.isascii() else unicodedata.name(c, "_").split()[-1].lower() for c in name)
    found = re.sub(r"_+", "_", re.sub(r"\W", "_", ascii_only)).strip("_") or "x"
    if found[0].isdigit():
        found = f"x{found}"
    return f"{found}_" if found in _RESERVED else found


def is_opaque(e: Any) -> bool:
    """Whether ``e`` is the value of a function of which a file knows nothing: it is then quantified over."""
    return isinstance(e, sp.Function) and not isinstance(e, (sp.Abs, sp.sign, sp.Piecewise))


class Names:
    """One identifier for each symbol and opaque function of a file, and what they stand for."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], str] = {}

    def _named(self, kind: str, name: str) -> str:
        key = (kind, name)
        if key not in self._known:
            wanted = chosen = identifier(name)
            count = 2
            while chosen in self._known.values():
                chosen, count = f"{wanted}_{count}", count + 1
            self._known[key] = chosen
        return self._known[key]

    def symbol(self, name: str) -> str:
        """The identifier of the symbol ``name``."""
        return self._named("symbol", name)

    def function(self, name: str) -> str:
        """The identifier of the opaque function ``name``."""
        return self._named("function", name)

    def legend(self) -> list[tuple[str, str]]:
        """Identifiers that differ from the name they stand for, with that name."""
        return [(chosen, name) for (_, name), chosen in sorted(self._known.items()) if chosen != name]


class Printer:
    """Translates expressions; ``functions`` collects the opaque functions that occurred, with their arity."""

    def __init__(self, names: Names) -> None:
        self.names = names

    def proposition(self, e: Any) -> str:
        """A relation, or a Boolean combination of relations."""
        if e in (sp.true, True):
            return "True"
        if e in (sp.false, False):
            return "False"
        if isinstance(e, Relation):
            return f"{self.term(e.lhs)} {_OPERATORS[e.rel_op]} {self.term(e.rhs)}"
        if isinstance(e, Not):
            return f"~ ({self.proposition(e.args[0])})"
        if isinstance(e, (And, Or, Implies)):
            sign = {And: " /\\ ", Or: " \\/ ", Implies: " -> "}[type(e)]
            args = e.args if isinstance(e, Implies) else sorted(e.args, key=sp.default_sort_key)
            return sign.join(f"({self.proposition(a)})" for a in args)
        raise NotFormal(f"{e} is not a combination of relations")

    def term(self, e: Any, place: int = _SUM) -> str:
        """A real number; ``place`` says where it stands, so that parentheses are as few as safe."""
        text, kind = self._text(sp.sympify(e))
        return f"({text})" if kind < place or (text.startswith("-") and place > _SUM) else text

    def _text(self, e: sp.Expr) -> tuple[str, int]:
        if e.is_Symbol:
            return self.names.symbol(e.name), _ATOM
        if e.is_Integer:
            return str(e), _ATOM
        if e.is_Rational:
            return f"{e.p} / {e.q}", _PRODUCT
        if e.is_Add:
            return self._sum(e), _SUM
        if e.is_Mul:
            return self._product(e)
        if e.is_Pow:
            return self._power(e)
        return self._function(e), _ATOM

    def _sum(self, e: sp.Expr) -> str:
        parts = []
        for i, part in enumerate(e.as_ordered_terms()):
            minus = part.could_extract_minus_sign()
            text = self.term(-part if minus else part, _PRODUCT)
            parts.append(f"- {text}" if minus else (f"+ {text}" if i else text))
        return " ".join(parts)

    def _product(self, e: sp.Expr) -> tuple[str, int]:
        coefficient, rest = e.as_coeff_Mul()
        if coefficient.is_negative:
            return f"- {self.term(sp.Mul(-coefficient, rest), _PRODUCT)}", _SUM
        above, below = [], []
        for factor in [coefficient, *rest.as_ordered_factors()] if coefficient != 1 else rest.as_ordered_factors():
            base, exponent = factor.as_base_exp()
            if factor.is_Rational and not factor.is_Integer:
                above += [sp.Integer(factor.p)] if factor.p != 1 else []
                below.append(sp.Integer(factor.q))
            elif exponent.is_Rational and exponent.is_negative:
                below.append(sp.Pow(base, -exponent))
            else:
                above.append(factor)
        top = " * ".join(self.term(a, _ATOM) for a in above) or "1"
        if not below:
            return top, _PRODUCT
        bottom = " * ".join(self.term(b, _ATOM) for b in below)
        return f"{top} / ({bottom})" if len(below) > 1 else f"{top} / {self.term(below[0], _ATOM)}", _PRODUCT

    def _power(self, e: sp.Expr) -> tuple[str, int]:
        base, exponent = e.as_base_exp()
        if not exponent.is_Rational:
            raise NotFormal(f"the power {e} has no fixed rational exponent")
        if exponent.is_negative:
            return f"1 / {self.term(sp.Pow(base, -exponent), _ATOM)}", _PRODUCT
        if exponent.is_Integer:
            return f"{self.term(base, _ATOM)} ^ {exponent}", _ATOM if exponent == 1 else _PRODUCT
        if exponent.q != 2:
            raise NotFormal(f"the root {e} is not a square root")
        root = f"sqrt {self.term(base, _ATOM)}"
        return (root, _PRODUCT) if exponent.p == 1 else (f"({root}) ^ {exponent.p}", _PRODUCT)

    def _function(self, e: sp.Expr) -> str:
        if isinstance(e, sp.Abs):
            return f"(Rabs {self.term(e.args[0], _ATOM)})"
        if isinstance(e, sp.sign):
            return f"(sgn {self.term(e.args[0], _ATOM)})"
        if isinstance(e, (sp.Min, sp.Max)):
            return self.extremum("min" if isinstance(e, sp.Min) else "max", sorted(e.args, key=sp.default_sort_key))
        if is_opaque(e):
            args = " ".join(self.term(a, _ATOM) for a in e.args)
            return f"({self.names.function(type(e).__name__)} {args})"
        raise NotFormal(f"{type(e).__name__} has no counterpart among the functions used here")

    def extremum(self, kind: str, args: Sequence[Any]) -> str:
        """The minimum or maximum of several terms, nested to the right."""
        *others, last = (self.term(a, _ATOM) for a in args)
        for other in reversed(others):
            last = f"(R{kind} {other} {last})"
        return last
