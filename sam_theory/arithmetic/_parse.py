"""Expressions given as text, read through a whitelist: nothing in the text is ever executed.

The text is cut into tokens, parsed to a Python syntax tree and rebuilt in SymPy node by node. What is not on
the list is refused, and so is a text whose automatic simplification is huge or takes very long.
"""

from __future__ import annotations

import ast
import inspect
import keyword
import math
import re
import sys
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from fractions import Fraction
from types import FrameType
from typing import Any, NoReturn

import sympy as sp
from sympy.core.cache import clear_cache

from sam_theory.arithmetic import _functions
from sam_theory.arithmetic._functions import log_cosh, sqrt1p
from sam_theory.errors import InputError, nearest

MAX_LENGTH = 10_000  # characters
MAX_NODES = 2_000  # names, numbers, operations
MAX_DEPTH = 64  # operations inside one another; a long sum or product counts once
MAX_EXPONENT = 1_000  # numerator and denominator of a rational exponent; digits of a number
MAX_BITS = 4_000  # of one exact number
MAX_ROOT_BITS = 400  # of a rational under a root: SymPy looks for its factors
MAX_CONSTANT = 1e100  # an irrational constant: deciding its sign takes as many digits
MAX_WORK = 2_000_000  # Python calls; SymPy can take exponentially many to simplify a short text

#: For each name its SymPy function and its value in floating point, which bounds constants.
_FUNCTIONS: dict[str, tuple[Callable[..., sp.Expr], Callable[..., float]]] = {
    "sqrt": (sp.sqrt, math.sqrt),
    "log": (lambda z: log_cosh(z.args[0]) if isinstance(z, sp.cosh) else sp.log(z), math.log),
    **{name: (getattr(sp, name), getattr(math, name)) for name in "exp sin cos tan atan sinh cosh tanh".split()},
    "log_cosh": (log_cosh, _functions.python_log_cosh),
    "sqrt1p": (sqrt1p, lambda z: math.hypot(1.0, z)),
    "sqrt1p_slope": (_functions.sqrt1p_slope, _functions.python_sqrt1p_slope),
    "abs": (sp.Abs, abs),
    "sign": (sp.sign, lambda z: float((z > 0) - (z < 0))),
    "min": (sp.Min, min),
    "max": (sp.Max, max),
}
_NUMERIC: dict[Any, Callable[..., float]] = {
    **dict(_FUNCTIONS.values()),
    **{sp.Add: lambda *parts: math.fsum(parts), sp.Mul: lambda *parts: math.prod(parts), sp.Pow: math.pow},
    **{type(sp.pi): lambda: math.pi, type(sp.E): lambda: math.e},
    **{sp.log: math.log, sp.cot: lambda z: 1.0 / math.tan(z)},  # SymPy writes tan(z + pi/2) with cot
}
_ALLOWED = f"allowed are names, numbers, pi, + - * / **, parentheses and {' '.join(sorted(_FUNCTIONS))}"
_SPELLINGS = {"Abs": "abs", "Min": "min", "Max": "max"}  # as SymPy prints them
_RELATIONS = {
    **{ast.Lt: sp.StrictLessThan, ast.LtE: sp.LessThan, ast.Gt: sp.StrictGreaterThan},
    **{ast.GtE: sp.GreaterThan, ast.Eq: sp.Equality, ast.NotEq: sp.Unequality},
}
_RESERVED = {
    **dict.fromkeys(("e", "E"), "write exp(1) for Euler's number, or choose another name"),
    "I": "expressions are real; choose another name",
    **dict.fromkeys(("nan", "inf", "infinity", "oo", "zoo"), "values are finite real numbers"),
}
_HINTS = {
    "^": "use ** for powers",
    "=": "for an equation write ==",
    ".": "attributes are not allowed",
    "[": "subscripts and lists are not allowed",
    **dict.fromkeys("'\"", "quoted text is not allowed"),
}
_HINTS |= {pair[0]: f"write {pair[1:]}" for pair in ("−-", "×*", "·*", "÷/", "²**2", "≤<=", "≥>=", "≠!=")}
_TOKEN = re.compile(
    r"(?P<number>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<operator>\*\*|[<>=!]=|[-+*/(),<>])"
    r"|(?P<space>[ \t\r\n]+)"
)


def parse_expression(text: str, *, names: Mapping[str, sp.Expr] | None = None) -> sp.Expr:
    r"""Read a real expression from text, exactly and without executing anything.

    Decimals become rationals (``0.1`` is :math:`1/10`); :math:`\log\cosh z` and :math:`\sqrt{1+z^2}` become
    the stable functions ``log_cosh(z)`` and ``sqrt1p(z)``.

    Parameters
    ----------
    text : str
        At most 10,000 characters of names (ASCII letters, digits, ``_``), numbers, ``pi``, ``+ - * / **``,
        parentheses and the functions abs, atan, cos, cosh, exp, log, log_cosh, max, min, sign, sin, sinh,
        sqrt, sqrt1p, sqrt1p_slope, tan, tanh.
    names : mapping of str to sympy.Expr, optional
        What names stand for; consulted before ``pi`` and before anything reserved. Every other name becomes
        ``Symbol(name, real=True)``.

    Returns
    -------
    sympy.Expr
        The expression, automatically simplified as SymPy does, free of floats.

    Raises
    ------
    InputError
        Text that is empty, too long or not an expression; an unknown function; anything but the list above; a
        constant that is not real and finite; an exponent above 1,000 or a number too long to write down.

    Examples
    --------
    >>> parse_expression("0.1*x**2 + log(cosh(x*y)) / sqrt(1 + 4*x**2)")
    x**2/10 + log_cosh(x*y)/sqrt1p(2*x)
    >>> parse_expression("x^2")
    Traceback (most recent call last):
    sam_theory.errors.InputError: '^' in 'x^2' cannot be read; use ** for powers
    """
    reader = _Reader(text, names)
    return reader.value(reader.tree)


def parse_relation(text: str, *, names: Mapping[str, sp.Expr] | None = None) -> sp.core.relational.Relational:
    r"""Read a relation :math:`a \lessgtr b` between two real expressions from text.

    Parameters
    ----------
    text : str
        Two expressions as for :func:`parse_expression` around exactly one of ``< <= > >= == !=``.
    names : mapping of str to sympy.Expr, optional
        What names stand for, as for :func:`parse_expression`.

    Returns
    -------
    sympy.core.relational.Relational
        The relation, left unevaluated: ``1 < 2`` stays a relation.

    Raises
    ------
    InputError
        As :func:`parse_expression`; no comparison, or more than one.

    Examples
    --------
    >>> parse_relation("eta*beta < 2")
    beta*eta < 2
    """
    reader = _Reader(text, names)
    tree = reader.tree
    if not isinstance(tree, ast.Compare) or len(tree.ops) != 1 or type(tree.ops[0]) not in _RELATIONS:
        reader.refuse(tree, "is not one relation", "write two expressions around one of < <= > >= == !=")
    left, right = (reader.value(side) for side in (tree.left, tree.comparators[0]))
    return _RELATIONS[type(tree.ops[0])](left, right, evaluate=False)


class _Reader:
    """One text on its way to SymPy: its numbers, its tree, and what has been counted so far."""

    def __init__(self, text: str, names: Mapping[str, sp.Expr] | None) -> None:
        self.text = text.strip()
        if not 0 < len(self.text) <= MAX_LENGTH:
            raise InputError(f"the text has {len(self.text)} characters; 1 to {MAX_LENGTH} are read")
        self.names = {"pi": sp.pi, **(names or {})}
        self.numbers: dict[int, sp.Rational] = {}
        self.tree = self._parse(self._tokens())

    def _tokens(self) -> str:
        """The text with each number replaced by a 1 of the same width, its value kept aside by column."""
        parts: list[str] = []
        position, operand = 0, ""
        while position < len(self.text):
            token = _TOKEN.match(self.text, position)
            if token is None:
                self._bad_character(position)
            piece, kind = token.group(), token.lastgroup
            if kind in ("number", "name"):
                if keyword.iskeyword(piece):
                    other = {"lambda": "lam"}.get(piece, f"{piece}_")
                    raise InputError(f"{piece!r} is a reserved word; another name would be {other!r}")
                if operand:
                    raise InputError(f"'{_short(operand)} {_short(piece)}' lacks an operator, such as *")
            operand = {"operator": "", "space": operand}.get(str(kind), piece)
            if kind == "number":
                self.numbers[position] = _number(piece)
                piece = "1.".ljust(len(piece), "0")[: len(piece)]
            parts.append(" " * len(piece) if kind == "space" else piece)
            position = token.end()
        return "".join(parts)

    def _bad_character(self, position: int) -> NoReturn:
        character, around = self.text[position], _short(self.text[max(position - 10, 0) : position + 10])
        hint = _HINTS.get(character, _ALLOWED)
        if character.isalpha():
            greek = re.match(r"GREEK \w+ LETTER (\w+)", unicodedata.name(character, ""))
            spelt = greek[1].lower().replace("lamda", "lam") if greek else ""
            hint = "names have ASCII letters" + (f", such as {spelt!r}" if spelt else "")
        raise InputError(f"{character!r} in {around!r} cannot be read; {hint}")

    def _parse(self, tokens: str) -> ast.expr:
        try:
            tree = ast.parse(tokens, mode="eval").body
        except SyntaxError as error:
            rest = (self.text[error.offset - 1 :] if error.offset else "") or "the end"
            raise InputError(f"{_short(self.text)!r} is wrong at {_short(rest, 20)!r}; {_ALLOWED}") from None
        except (MemoryError, RecursionError):
            raise InputError("the expression is nested too deeply; name its parts and substitute") from None
        if sum(isinstance(node, ast.expr) for node in ast.walk(tree)) > MAX_NODES:
            raise InputError(f"the expression has more than {MAX_NODES} parts; name some and substitute")
        return tree

    def refuse(self, node: ast.expr, problem: str, remedy: str = _ALLOWED) -> NoReturn:
        piece = _short(self.text[node.col_offset : node.end_col_offset])
        raise InputError(f"{piece!r} {problem}; {remedy}")

    def read(self, node: ast.expr, depth: int = 0) -> sp.Expr:
        """The value of a node, checked: an exact number, a moderate constant, or an expression with names."""
        if depth > MAX_DEPTH:
            self.refuse(node, "is nested too deeply", f"at most {MAX_DEPTH} operations inside one another")
        match node:
            case ast.Constant():
                return self.numbers[node.col_offset]
            case ast.Name():
                return self._name(node)
            case ast.UnaryOp(op=ast.USub() | ast.UAdd()):
                value = self.read(node.operand, depth + 1)
                return -value if isinstance(node.op, ast.USub) else value
            case ast.BinOp(op=ast.Add() | ast.Sub()):
                return self._chain(node, depth, sp.Add, ast.Add, ast.Sub)
            case ast.BinOp(op=ast.Mult() | ast.Div()):
                return self._chain(node, depth, sp.Mul, ast.Mult, ast.Div)
            case ast.BinOp(op=ast.Pow()):
                return self._power(self.read(node.left, depth + 1), self.read(node.right, depth + 1), node)
            case ast.Call():
                return self._call(node, depth)
            case ast.Compare():
                self.refuse(node, "is a relation", "an expression is expected here")
        self.refuse(node, "is not allowed")

    def _name(self, node: ast.Name) -> sp.Expr:
        name = node.id
        if name in self.names:
            return self.names[name]
        if name.startswith("_"):
            self.refuse(node, "starts with an underscore", "names start with a letter")
        if (reserved := name if len(name) == 1 else name.lower()) in _RESERVED:
            self.refuse(node, "is reserved", _RESERVED[reserved])
        if name in _FUNCTIONS or name in _SPELLINGS:
            self.refuse(node, "is a function", f"write {name}(...)")
        return sp.Symbol(name, real=True)

    def _chain(self, node: ast.expr, depth: int, join: Any, plus: type, minus: type) -> sp.Expr:
        """A sum or a product of any length, without recursion along it."""
        terms: list[sp.Expr] = []
        rest = node
        while isinstance(rest, ast.BinOp) and isinstance(rest.op, (plus, minus)):
            term = self.read(rest.right, depth + 1)
            if isinstance(rest.op, minus):
                term = -term if join is sp.Add else self._power(term, sp.S.NegativeOne, rest)
            terms.append(term)
            rest = rest.left
        terms.append(self.read(rest, depth + 1))
        return self._checked(join(*reversed(terms)), node)

    def _power(self, base: sp.Expr, exponent: sp.Expr, node: ast.expr) -> sp.Expr:
        """A power, refused beforehand where SymPy would write out a huge number."""
        if base == 0 and exponent.could_extract_minus_sign():
            self.refuse(node, "divides by zero", "values are finite real numbers")
        if _beyond(exponent):
            self.refuse(node, f"has an exponent beyond {MAX_EXPONENT}", "use a smaller one")
        if exponent.is_Rational and exponent.q > 1 and _bits(base) > MAX_ROOT_BITS:
            self.refuse(node, "is a root of a very long number", "round it")
        self._bounded(base, exponent, node)
        return self._checked(_power(base, exponent), node)

    def _bounded(self, base: sp.Expr, exponent: sp.Expr, node: ast.expr) -> None:
        """Refuse what evaluates to a huge number: 9**999**9, and exp(10**9*log(2)), which is 2**10**9."""
        length = _bits(base) + sum(map(_bits, exponent.atoms(sp.log)))
        factor = max((abs(number.p) for number in exponent.atoms(sp.Rational)), default=1)
        if length * factor > MAX_BITS:
            self.refuse(node, "is a number too long to write down", f"at most {MAX_BITS} bits")

    def _call(self, node: ast.Call, depth: int) -> sp.Expr:
        if not isinstance(node.func, ast.Name):
            self.refuse(node.func, "cannot be called", "write * for a product")
        name = _SPELLINGS.get(node.func.id, node.func.id)
        if name not in _FUNCTIONS:
            self.refuse(node.func, "is not a known function", f"{nearest(name, _FUNCTIONS)} (a product takes *)")
        if node.keywords or any(isinstance(argument, ast.Starred) for argument in node.args):
            self.refuse(node, "has keyword or starred arguments", "functions take expressions only")
        build, count = _FUNCTIONS[name][0], len(node.args)
        if (count < 2) if build in (sp.Min, sp.Max) else (count != 1):
            self.refuse(node, f"has {count} argument(s)", "min and max take two or more, the others one")
        arguments = [self.read(argument, depth + 1) for argument in node.args]
        if build is sp.sqrt:
            return self._power(arguments[0], sp.S.Half, node)
        if build is sp.exp:
            self._bounded(sp.S.One, arguments[0], node)
        return self._checked(build(*arguments), node)

    def _checked(self, value: sp.Expr, node: ast.expr) -> sp.Expr:
        """Refuse a constant that is not real, not finite, or too large for its sign to be decided quickly."""
        if value.is_Rational or not value.is_number:
            return value
        try:
            size = abs(_float(value))
        except (ArithmeticError, ValueError, TypeError, LookupError):
            size = math.inf
        if not size <= MAX_CONSTANT:
            self.refuse(node, "has no real value of moderate size", f"constants are at most {MAX_CONSTANT:g}")
        return value

    def value(self, node: ast.expr) -> sp.Expr:
        """The value of the whole, checked for what its operations may have put together."""
        try:
            with _limited_work():
                value = self.read(node)
        except InputError:
            raise
        except (_TooMuchWork, Exception) as error:  # of SymPy: RecursionError, errors of its own
            clear_cache()  # of SymPy, which may hold half an answer
            self.refuse(node, f"defeats SymPy ({type(error).__name__.strip('_')})", "name a part and substitute")
        for part in sp.preorder_traversal(value):
            if part in (sp.nan, sp.oo, -sp.oo, sp.zoo, sp.I):
                self.refuse(node, "has no finite real value", "look for a division by zero")
            if (part.is_Rational and _bits(part) > MAX_BITS) or (part.is_Pow and _beyond(part.exp)):
                self.refuse(node, "has a number or an exponent that is too long", "round it")
        return value


class _TooMuchWork(BaseException):
    """Not an Exception, so that nothing on the way up takes it for an answer."""


@contextmanager
def _limited_work() -> Iterator[None]:
    """Stop after MAX_WORK calls, counted rather than timed; without effect under another profiler."""
    calls = 0

    def count(frame: FrameType, event: str, _: object) -> None:
        nonlocal calls
        calls += 1
        # Python drops an exception raised while it closes a generator, and the limit with it.
        if calls > MAX_WORK and event == "call" and not frame.f_code.co_flags & inspect.CO_GENERATOR:
            raise _TooMuchWork

    if sys.getprofile() is not None:
        yield
        return
    sys.setprofile(count)
    try:
        yield
    finally:
        sys.setprofile(None)


def _short(piece: str, length: int = 40) -> str:
    piece = " ".join(piece.split())
    return piece if len(piece) <= length else piece[: length - 3] + "..."


def _number(literal: str) -> sp.Rational:
    mantissa, _, exponent = literal.lower().partition("e")
    if len(mantissa) > MAX_EXPONENT or len(exponent) > 5 or abs(int(exponent or 0)) > MAX_EXPONENT:
        raise InputError(f"the number {_short(literal)} is too long; at most {MAX_EXPONENT} digits")
    return sp.Rational(Fraction(mantissa.removesuffix(".")) * Fraction(10) ** int(exponent or 0))


def _beyond(exponent: sp.Expr) -> bool:
    return bool(exponent.is_Rational and max(abs(exponent.p), exponent.q) > MAX_EXPONENT)


def _bits(value: sp.Expr) -> int:
    """The length of all exact numbers in ``value``; ±1 counts nothing."""
    return sum((abs(r.p) * r.q).bit_length() - 1 for r in value.atoms(sp.Rational) if r)


def _float(value: sp.Expr) -> float:
    """A constant in floating point; an exception where it is not real and finite."""
    return value.p / value.q if value.is_Rational else _NUMERIC[value.func](*map(_float, value.args))


def _power(base: sp.Expr, exponent: sp.Expr) -> sp.Expr:
    """``base**exponent``, with half-integer powers of 1+z² through the stable root."""
    if exponent.is_Rational and exponent.q == 2 and not base.is_number:
        one, square = base.as_coeff_Add()
        root = _square_root(square) if one == 1 else None
        if root is not None:
            return sqrt1p(root) ** exponent.p
    return base**exponent


def _square_root(square: sp.Expr) -> sp.Expr | None:
    """``z`` where ``square`` is visibly z², up to sign; none where it is not."""
    coefficient, rest = square.as_coeff_Mul()
    roots = [sp.sqrt(coefficient)]
    for base, power in (factor.as_base_exp() for factor in sp.Mul.make_args(rest)):
        roots.append(base ** (power / 2) if power.is_Integer and power % 2 == 0 else sp.nan)
    return sp.Mul(*roots) if roots[0].is_Rational and sp.nan not in roots else None
