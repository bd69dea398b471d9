"""Links ℓ: the one-dimensional functions behind product losses ℓ(xy) and ℓ(x·y)."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, cached_property
from typing import Any

import sympy as sp

from sam_theory.arithmetic import Arithmetic, Program, lower, parse_expression
from sam_theory.arithmetic import log_cosh as log_cosh_function
from sam_theory.arithmetic import sqrt1p as sqrt1p_function
from sam_theory.errors import InputError

_Z = sp.Symbol("z", real=True)


@cache
def _function_class(link: Link, order: int) -> type[sp.Function]:
    """The SymPy function that stands for the ``order``-th derivative of an opaque link."""

    def evaluate(cls: Any, z: sp.Expr) -> sp.Expr | None:
        if z.is_zero and order in link.jet:
            return link.jet[order]
        if z.is_zero and link.even and order % 2:
            return sp.S.Zero
        if link.even and z.could_extract_minus_sign():
            return (-1) ** order * cls(-z)
        return None

    members = {
        "nargs": (1,),
        "link": link,
        "order": order,
        "eval": classmethod(evaluate),
        "fdiff": lambda self, argindex=1: _function_class(link, order + 1)(self.args[0]),
        "_eval_is_extended_real": lambda self: True,
        "_latex": lambda self, printer, exp=None: _link_latex(link, order, printer.doprint(self.args[0]), exp),
    }
    return type(link.name + "'" * order, (sp.Function,), members)


def _link_latex(link: Link, order: int, argument: str, exp: str | None) -> str:
    text = f"\\{link.name}{chr(39) * order}({argument})"
    return text if exp is None else f"\\left[{text}\\right]^{{{exp}}}"


class Link:
    r"""A function :math:`\ell:\mathbb R\to\mathbb R`, given by an expression in ``z`` or opaque.

    Parameters
    ----------
    name : str
        A short name without spaces.
    expression : sympy.Expr or str, optional
        The link in the symbol ``z`` (text is parsed by a whitelist).  Without it the link is opaque: only its
        parity and its jet at 0 are known, and what is proved holds for every such link.
    even : bool
        Whether ℓ(−z) = ℓ(z).  For an expression the parity is checked.
    jet : dict, optional
        Known derivatives at 0 of an opaque link, ``{2: c}`` for ℓ''(0) = c.

    Raises
    ------
    InputError
        If the expression has floats or other symbols than ``z``, is not differentiable, or is declared even
        but is not.
    """

    def __init__(
        self,
        name: str,
        expression: sp.Expr | str | None = None,
        *,
        even: bool = False,
        jet: dict[int, sp.Expr] | None = None,
    ) -> None:
        self.name = name
        self.even = even
        self.jet = dict(jet or {})
        self.expression: sp.Expr | None = None
        if expression is not None:
            e = parse_expression(expression) if isinstance(expression, str) else sp.sympify(expression)
            if e.has(sp.Float):
                raise InputError(f"link {name}: {e} is not exact; write a rational such as Rational(1, 10)")
            e = e.xreplace({s: _Z for s in e.free_symbols if s.name == "z"})
            if e.free_symbols - {_Z}:
                raise InputError(f"link {name}: only the symbol z may occur, not {e.free_symbols - {_Z}}")
            self.expression = e
            self.derivative(2)
            mirrored = e.subs(_Z, -_Z)
            if even and e != mirrored and sp.simplify(e.rewrite(sp.exp) - mirrored.rewrite(sp.exp)) != 0:
                raise InputError(f"link {name}: {e} is not even in z; declare even=False")

    def __repr__(self) -> str:
        return f"Link({self.name!r}, {self.expression})"

    def __reduce__(self) -> Any:
        if LINKS.get(self.name) is self:
            return _known_link, (self.name,)
        return _link_again, (self.name, self.expression, self.even, self.jet)

    @cached_property
    def definition(self) -> str:
        """What is known of the link: its expression, or its name, parity and jet where it is opaque."""
        if self.expression is not None:
            return sp.srepr(self.expression)
        jet = {order: sp.srepr(sp.sympify(value)) for order, value in sorted(self.jet.items())}
        return f"any {'even ' if self.even else ''}{self.name} with {jet}"

    @property
    def opaque(self) -> bool:
        """Whether the link has no expression."""
        return self.expression is None

    @cached_property
    def least_at_zero(self) -> bool:
        """Whether ℓ(0) is shown to be the least value: it is a number, ℓ is even and ℓ' ≥ 0 on (0, ∞).

        Evenness alone says nothing (−z², or z⁴ − z²), so that an opaque link has no known minimum.
        """
        if self.expression is None or not self.even or not self.expression.subs(_Z, 0).is_real:
            return False
        slope = self.derivative(1).subs(_Z, sp.Symbol("z", positive=True))
        return bool(slope.rewrite(sp.sqrt).is_nonnegative)

    def function(self, order: int) -> Callable[[sp.Expr], sp.Expr]:
        """ℓ^(order) as something to apply to a SymPy expression."""
        if self.expression is None:
            return _function_class(self, order)
        body = self.derivative(order)
        return lambda z: body.subs(_Z, z)

    def derivative(self, order: int) -> sp.Expr:
        """The ``order``-th derivative as an expression in ``z``, computed by SymPy."""
        if self.expression is None:
            return _function_class(self, order)(_Z)
        return self._derivatives(order)

    @cached_property
    def _derivatives(self) -> Callable[[int], sp.Expr]:
        @cache
        def derive(order: int) -> sp.Expr:
            assert self.expression is not None
            e = self.expression if order == 0 else sp.diff(derive(order - 1), _Z)
            if e.has(sp.Derivative, sp.DiracDelta):
                raise InputError(f"link {self.name}: {self.expression} is not {order} times differentiable")
            return e

        return derive

    def program(self, order: int) -> Program:
        """ℓ^(order) as a program of ``z``."""
        return lower(self.derivative(order))

    def evaluate(self, order: int, argument: Any, arithmetic: Arithmetic) -> Any:
        """ℓ^(order)(argument) in any arithmetic; an opaque link has values only in the symbolic ones."""
        if self.expression is None:
            opaque = getattr(arithmetic, "opaque", None)
            if opaque is None:
                raise InputError(
                    f"the link {self.name} is opaque and has no values in '{arithmetic.name}'; "
                    "choose a concrete one such as log_cosh, sqrt1p or Link('mine', 'z**2/2', even=True)"
                )
            return opaque(self, order, argument)
        return arithmetic.run(self.program(order), {"z": argument})["result"]


def _known_link(name: str) -> Link:
    return LINKS[name]


def _link_again(name: str, expression: sp.Expr | None, even: bool, jet: dict[int, sp.Expr]) -> Link:
    return Link(name, expression, even=even, jet=jet)


log_cosh = Link("log_cosh", log_cosh_function(_Z), even=True)
sqrt1p = Link("sqrt1p", sqrt1p_function(_Z), even=True)
shifted_square = Link("shifted_square", (_Z - 1) ** 2 / 2)

#: ℓ''(0) of the opaque even link.
link_curvature = sp.Symbol("c", positive=True)
even_link = Link("ell", even=True, jet={2: link_curvature})
any_link = Link("ell")

LINKS: dict[str, Link] = {k.name: k for k in (log_cosh, sqrt1p, shifted_square)}
