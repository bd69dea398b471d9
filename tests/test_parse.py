"""Expressions as text: what they mean, exactly, and everything that is refused."""

from __future__ import annotations

import ast
from fractions import Fraction
from pathlib import Path

import pytest
import sympy as sp
from hypothesis import assume, given
from hypothesis import strategies as st

from sam_theory.arithmetic._functions import log_cosh, sqrt1p, sqrt1p_slope
from sam_theory.arithmetic._parse import _FUNCTIONS, parse_expression, parse_relation
from sam_theory.errors import InputError

x, y, z = sp.symbols("x y z", real=True)
half = sp.Rational(1, 2)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.1", sp.Rational(1, 10)),
        ("0.1 + 0.2 - 0.3", sp.S.Zero),
        ("1e-3", sp.Rational(1, 1000)),
        ("2.50E+2", sp.Integer(250)),
        (".5", half),
        ("1.", sp.S.One),
        ("007", sp.Integer(7)),
        ("0.30000000000000000000000000000000000001", sp.Rational(3 * 10**37 + 1, 10**38)),
        ("3/4*x", sp.Rational(3, 4) * x),
        ("x/2/3", x / 6),
        ("x - y - z", x - y - z),
        ("x - (y - z)", x - y + z),
        ("-x**2", -(x**2)),
        ("2**-2", sp.Rational(1, 4)),
        ("2**3**2", sp.Integer(512)),
        ("--x", x),
        ("+x", x),
        ("pi*x", sp.pi * x),
        ("x\n + \t y", x + y),
        ("sqrt(x)", sp.sqrt(x)),
        ("sqrt(8)", 2 * sp.sqrt(2)),
        ("exp(x)*log(x)", sp.exp(x) * sp.log(x)),
        ("sin(x) + cos(x) + tan(x) + atan(x)", sp.sin(x) + sp.cos(x) + sp.tan(x) + sp.atan(x)),
        ("sinh(x) + cosh(x) + tanh(x)", sp.sinh(x) + sp.cosh(x) + sp.tanh(x)),
        ("abs(x) + Abs(y) + sign(z)", sp.Abs(x) + sp.Abs(y) + sp.sign(z)),
        ("min(x, y) + Min(x, z)", sp.Min(x, y) + sp.Min(x, z)),
        ("max(x, y, 1) + Max(x, z)", sp.Max(x, y, 1) + sp.Max(x, z)),
        ("tan(x + pi/2)", -sp.cot(x)),
        ("log_cosh(x)", log_cosh(x)),
        ("sqrt1p(x)", sqrt1p(x)),
        ("sqrt1p_slope(x)", sqrt1p_slope(x)),
        ("x**1000", x**1000),
        ("exp(1)", sp.E),
        ("-" * 60 + "x", x),
        ("(" * 150 + "x" + ")" * 150, x),
        ("+".join(["x"] * 400), 400 * x),
    ],
)
def test_text_means(text: str, value: sp.Expr) -> None:
    assert parse_expression(text) == value


@pytest.mark.parametrize("name", sorted(_FUNCTIONS))
def test_every_function_survives_printing(name: str) -> None:
    expression = parse_expression(f"{name}(x, y)" if name in ("min", "max") else f"{name}(x)")
    assert parse_expression(str(expression)) == expression


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("log(cosh(x))", log_cosh(x)),
        ("2*log(cosh(-3*x*y))/3", 2 * log_cosh(3 * x * y) / 3),
        ("sqrt(1 + x**2)", sqrt1p(x)),
        ("sqrt(x*x + 1)", sqrt1p(x)),
        ("(1 + 4*x**2)**0.5", sqrt1p(2 * x)),
        ("(1 + x**2*y**4/9)**(1/2)", sqrt1p(x * y**2 / 3)),
        ("1/sqrt(1 + (x*y)**2)", 1 / sqrt1p(x * y)),
        ("(1 + x**2)**1.5", sqrt1p(x) ** 3),
        ("sqrt(1 + tanh(x)**2)", sqrt1p(sp.tanh(x))),
    ],
)
def test_stable_form_is_taken(text: str, value: sp.Expr) -> None:
    assert parse_expression(text) == value


@pytest.mark.parametrize(
    "text", ["sqrt(2 + x**2)", "sqrt(1 - x**2)", "sqrt(1 + 2*x**2)", "sqrt(1 + x**3)", "sqrt(1 + x**2 + y**2)"]
)
def test_other_roots_stay_roots(text: str) -> None:
    value = parse_expression(text)
    assert not value.has(sqrt1p)
    assert value**2 == parse_expression(text.removeprefix("sqrt"))


def test_unknown_names_are_real_symbols() -> None:
    (symbol,) = parse_expression("eta").free_symbols
    assert symbol == sp.Symbol("eta", real=True)


def test_given_names_come_first() -> None:
    w = sp.Symbol("w_0", real=True)
    names = {"x": w, "pi": y, "e": z, "nan": sp.Integer(3), "exp": x}
    assert parse_expression("x + pi*e**nan - exp", names=names) == w + y * z**3 - x
    assert parse_expression("exp(x)", names=names) == sp.exp(w)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        # nothing there
        ("", "has 0 characters"),
        (" \n ", "has 0 characters"),
        # code
        ("__import__('os').system('touch x')", "quoted text is not allowed"),
        ("__import__", "starts with an underscore"),
        ("__builtins__ + x", "starts with an underscore"),
        ("_", "starts with an underscore"),
        ("().__class__", "attributes are not allowed"),
        ("x.__class__.__mro__", "attributes are not allowed"),
        ("x.diff(x)", "attributes are not allowed"),
        ("1..real", "attributes are not allowed"),
        ("eval(x)", "'eval' is not a known function"),
        ("exec(x)", "'exec' is not a known function"),
        ("getattr(x, y)", "'getattr' is not a known function"),
        ("Symbol(x)", "'Symbol' is not a known function"),
        ("lambda x: x", "another name would be 'lam'"),
        ("lambda", "reserved word"),
        ("x if y else z", "reserved word"),
        ("sin(x for x in y)", "reserved word"),
        ("[x for x in y]", "subscripts and lists are not allowed"),
        ("x[0]", "subscripts and lists are not allowed"),
        ("{x}", "'{' in '{x}' cannot be read"),
        ("'x'", "quoted text is not allowed"),
        ('f"x"', "quoted text is not allowed"),
        ("True", "reserved word"),
        ("not x", "reserved word"),
        ("x := 1", "':' in 'x := 1' cannot be read"),
        ("x; y", "';' in 'x; y' cannot be read"),
        ("x # y", "'#' in 'x # y' cannot be read"),
        ("x\\\ny", "cannot be read"),
        ("x\0", "cannot be read"),
        ("...", "attributes are not allowed"),
        # calls
        ("sin(x, y)", "'sin(x, y)' has 2 argument"),
        ("sin()", "'sin()' has 0 argument"),
        ("max(x)", "'max(x)' has 1 argument"),
        ("sin(*x)", "keyword or starred"),
        ("sin(**x)", "keyword or starred"),
        ("sin(z=x)", "for an equation write =="),
        ("sin", "write sin(...)"),
        ("Max + 1", "write Max(...)"),
        ("x(1 + y)", "'x' is not a known function"),
        ("2(x)", "'2' cannot be called"),
        ("(x + y)(x - y)", "'x + y' cannot be called"),
        ("sinn(x)", "did you mean 'sin'"),
        # operators and numbers
        ("x^2", "use ** for powers"),
        ("x // 2", "'x // 2' is not allowed"),
        ("x << 2", "'x << 2' is not allowed"),
        ("x % 2", "'%' in 'x % 2' cannot be read"),
        ("x @ y", "'@' in 'x @ y' cannot be read"),
        ("~x", "'~' in '~x' cannot be read"),
        ("x!", "'!' in 'x!' cannot be read"),
        ("2x", "'2 x' lacks an operator"),
        ("x y", "'x y' lacks an operator"),
        ("1 .5", "'1 .5' lacks an operator"),
        ("0x10", "'0 x10' lacks an operator"),
        ("1_000", "'1 _000' lacks an operator"),
        ("2j", "'2 j' lacks an operator"),
        ("x +", "is wrong at 'the end'"),
        ("sin(x", "is wrong at '(x'"),
        ("x)", "is wrong at ')'"),
        ("x, y", "'x, y' is not allowed"),
        ("()", "'()' is not allowed"),
        ("* x", "is wrong at"),
        # letters
        ("η", "names have ASCII letters, such as 'eta'"),
        ("2*λ", "such as 'lam'"),
        ("ｅval", "names have ASCII letters"),
        ("x−1", "write -"),
        ("2·x", "write *"),
        ("x²", "write **2"),
        ("٣", "cannot be read"),
        # not finite, not real
        ("nan", "'nan' is reserved"),
        ("NaN*x", "'NaN' is reserved"),
        ("inf", "'inf' is reserved"),
        ("-Infinity", "'Infinity' is reserved"),
        ("oo", "'oo' is reserved"),
        ("zoo", "'zoo' is reserved"),
        ("I*x", "expressions are real"),
        ("E", "write exp(1)"),
        ("e**x", "write exp(1)"),
        ("1/0", "'1/0' divides by zero"),
        ("x/(y - y)", "divides by zero"),
        ("0**-1", "divides by zero"),
        ("0**(-x)", "divides by zero"),
        ("log(0)", "has no real value"),
        ("log(-1)", "has no real value"),
        ("sqrt(-1)", "has no real value"),
        ("(-8)**(1/3)", "has no real value"),
        ("tan(pi/2)", "has no real value"),
        ("1/sin(pi)", "divides by zero"),
        # relations
        ("x < 1", "'x < 1' is a relation"),
        ("1 + (x < 1)", "'x < 1' is a relation"),
        ("x = 1", "for an equation write =="),
        ("x ≤ 1", "write <="),
    ],
)
def test_refused_in_one_line(text: str, says: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_expression(text)
    assert says in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    "text",
    [
        "9**9**9",
        "9**9**9**9**9",
        "((9**999)**999)**999",
        "(2*x)**1000 + ((2*x)**1000)**1000",
        "x**1001",
        "x**(1/1001)",
        "x**1000*x",
        "2**(x + 10**9)",
        "exp(10**9*log(2))",
        "exp(1000*log(2**1000))",
        "3**(10**9*log(2)/log(3))",
        "2**1000*3**1000*5**1000*7**1000*11**1000",
        "sqrt(2**1000 + 1)",
        "1e999999999",
        "1e-99999999999999999999",
        "1" * 1001,
        "9" * 9000,
        "sign(sin(exp(exp(60))))",
        "max(exp(exp(exp(9))), x)",
        "cosh(1e300)",
        "x" * 10_001,
        "(" * 5000 + "x" + ")" * 5000,
        "-" * 9000 + "x",
        "x**" * 3300 + "x",
        "+".join(["x"] * 5000),
        "x" + "<x" * 4000,
        "x" + "(x)" * 3000,
        "sin(" * 100 + "x" + ")" * 100,
        "-(" * 100 + "x" + ")" * 100,
        "abs(sin(x + " * 40 + "y" + "))" * 40,
        # short, but exponential for SymPy
        "abs((tanh(((sin((x)**0.5))**1000-0.5))*(abs((z)**1000)-y)))",
        "sin(abs(tanh(y/abs(sin(abs(abs(tanh(sign(tanh(37250**(abs(z)+1e30)-(x+tanh(z)))/abs(pi))**3+73762)"
        "-tanh(sign(1e30)))/0.5)))**3)))",
    ],
    ids=lambda text: text[:30],
)
def test_oversized_text_is_refused_soon(text: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_expression(text)
    assert len(str(caught.value).splitlines()) == 1
    assert len(str(caught.value)) < 300


def test_nothing_is_executed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for text in ("__import__('os').system('touch x')", "open(x)", "().__class__.__base__.__subclasses__()"):
        with pytest.raises(InputError):
            parse_expression(text)
    assert list(tmp_path.iterdir()) == []


def test_reading_does_not_depend_on_what_was_refused_before() -> None:
    before = parse_expression("abs(tanh(x))*sign(z)")
    with pytest.raises(InputError):
        parse_expression("abs((tanh(((sin((x)**0.5))**1000-0.5))*(abs((z)**1000)-y)))")
    assert parse_expression("abs(tanh(x))*sign(z)") == before


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("x < 1", sp.StrictLessThan(x, 1)),
        ("x <= y", sp.LessThan(x, y)),
        ("0.5 > x", sp.StrictGreaterThan(half, x)),
        ("x >= y", sp.GreaterThan(x, y)),
        ("x == y", sp.Equality(x, y)),
        ("x**2 != y", sp.Unequality(x**2, y)),
        ("1 < 2", sp.StrictLessThan(1, 2, evaluate=False)),
        ("x == x", sp.Equality(x, x, evaluate=False)),
    ],
)
def test_relation_means(text: str, value: sp.Basic) -> None:
    relation = parse_relation(text)
    assert isinstance(relation, sp.core.relational.Relational)
    assert relation == value
    assert relation.lhs == value.args[0]


@pytest.mark.parametrize(
    "text", ["x", "0 < x < 1", "x == y == z", "x = y", "x in y", "x is y", "(x < 1) < 2", "x < (y < z)", "x <", ""]
)
def test_not_one_relation(text: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_relation(text)
    assert len(str(caught.value).splitlines()) == 1


def test_names_are_given_to_relations() -> None:
    assert parse_relation("x < pi", names={"x": y}) == sp.StrictLessThan(y, sp.pi)


def exactly(node: ast.expr, values: dict[str, Fraction], text: str) -> Fraction:
    """The reference: the same text in Fractions, straight from the syntax tree; ZeroDivisionError as it comes."""
    if isinstance(node, ast.Constant):
        return Fraction(ast.get_source_segment(text, node) or "")
    if isinstance(node, ast.Name):
        return values[node.id]
    if isinstance(node, ast.UnaryOp):
        return -exactly(node.operand, values, text)
    assert isinstance(node, ast.BinOp)
    left, right = exactly(node.left, values, text), exactly(node.right, values, text)
    if isinstance(node.op, ast.Pow):
        return left ** int(right)
    if isinstance(node.op, ast.Div):
        return left / right
    if isinstance(node.op, ast.Mult):
        return left * right
    return left + right if isinstance(node.op, ast.Add) else left - right


number_texts = st.one_of(
    st.integers(0, 99).map(str), st.decimals(0, 9, places=2).map(str), st.sampled_from(["1e-2", "3.5E1", ".25"])
)


def larger(smaller: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    binary = st.tuples(smaller, st.sampled_from(["+", "-", "*", "/", " - "]), smaller).map("".join)
    return st.one_of(
        binary,
        binary.map(lambda text: f"({text})"),
        smaller.map(lambda text: f"-({text})"),
        st.tuples(smaller, st.sampled_from(["0", "1", "2", "3", "-1", "-2"])).map(lambda t: f"({t[0]})**{t[1]}"),
    )


atoms = st.one_of(number_texts, st.sampled_from(["x", "y"]))
expression_texts = larger(st.one_of(atoms, larger(st.one_of(atoms, larger(atoms)))))
fractions = st.fractions(-9, 9, max_denominator=9)


@given(text=expression_texts, a=fractions, b=fractions)
def test_value_is_that_of_exact_fractions(text: str, a: Fraction, b: Fraction) -> None:
    try:
        expected = exactly(ast.parse(text, mode="eval").body, {"x": a, "y": b}, text)
    except ZeroDivisionError:
        assume(False)
    names = {"x": sp.Rational(a), "y": sp.Rational(b)}
    assert parse_expression(text, names=names) == sp.Rational(expected)
    assert parse_expression(text).subs({x: sp.Rational(a), y: sp.Rational(b)}) == sp.Rational(expected)


@given(text=expression_texts)
def test_printed_expression_reads_back(text: str) -> None:
    try:
        expression = parse_expression(text)
    except InputError as error:
        assert "divides by zero" in str(error)
        assume(False)
    assert parse_expression(str(expression)) == expression


@given(text=st.text(alphabet="xyz019.+-*/()<>=_,e ^'[]λ", max_size=40))
def test_any_text_gives_an_expression_or_an_input_error(text: str) -> None:
    try:
        value = parse_expression(text)
    except InputError as error:
        assert len(str(error).splitlines()) == 1
    else:
        assert isinstance(value, sp.Expr)
        assert not value.atoms(sp.Float)
