"""SymPy's ``factor``, with the polynomials factored by FLINT: the same expression, many times sooner."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import sympy as sp
from flint import Ordering, fmpz_mpoly_ctx
from sympy.core.mul import _keep_coeff
from sympy.polys.polyerrors import GeneratorsNeeded, PolificationFailed
from sympy.polys.polyutils import _sort_gens

from sam_theory.arithmetic._fractions import Fractions, leaves


@lru_cache(maxsize=256)
def factored(e: sp.Expr) -> sp.Expr:
    """``e`` as SymPy's ``factor`` writes it; proofs meet the same square in several steps.

    Examples
    --------
    >>> x, y = sp.symbols("x y")
    >>> factored((x**2 - y**2) / (2 * x + 2 * y * sp.sqrt(3)))
    (x - y)*(x + y)/(2*(x + sqrt(3)*y))
    """
    generators = leaves(e)
    if all(a.is_Symbol or (a.is_Function and not isinstance(a, sp.exp)) for a in generators):
        found = _in_generators(e, _sort_gens(generators))
        if found is not None:
            return found
    return _in_parts(e)


def _in_generators(e: sp.Expr, generators: Sequence[sp.Expr]) -> sp.Expr | None:
    """A rational function of independent generators; None where it divides by 0."""
    fractions = Fractions(generators)
    pair = fractions(e)
    if pair is None or pair[0] == 0:
        return None if pair is None else sp.S.Zero
    common = pair[0].gcd(pair[1])
    coefficient, product = sp.S.One, []
    for part, outward in zip(pair, (1, -1), strict=True):
        constant, factors = (part / common).factor()
        coefficient *= sp.Integer(int(constant)) ** outward
        product += [fractions.expression(f) ** (int(k) * outward) for f, k in factors]
    return _keep_coeff(coefficient, sp.Mul(*product))


def _in_parts(e: sp.Expr) -> sp.Expr:
    """Roots, and whatever else SymPy takes for a generator: the factors of what ``together`` makes of it."""
    coefficient, product = sp.S.One, []
    for part in sp.Mul.make_args(sp.together(e)):
        base, exponent = part.args if part.is_Pow else (part, sp.S.One)
        if part.is_Number or (base.is_Number and exponent.is_Number):
            coefficient *= part
            continue
        found = _factors(base)
        if found is None:
            return sp.factor(e)
        constant, factors = found
        if exponent.is_Integer:
            coefficient *= constant**exponent
            product += [f ** (k * exponent) for f, k in factors]
        elif constant.is_positive:  # only positive factors leave a root
            product.append(constant**exponent)
            product += [f ** (k * exponent) for f, k in factors if f.is_positive]
            product.append(sp.Mul(*(f**k for f, k in factors if not f.is_positive)) ** exponent)
        else:
            return sp.factor(e)
    return _keep_coeff(coefficient, sp.Mul(*product))


@lru_cache(maxsize=1 << 12)
def normal(e: sp.Expr) -> sp.Expr:
    """``e`` as a reduced fraction of factors, in what is no sum, product or integer power; there, its arguments are so.

    Of a rational function it decides whether it vanishes; between roots, signs and functions it uses no relation.

    Examples
    --------
    >>> x, f = sp.symbols("x", real=True), sp.Function("f")
    >>> normal(sp.sqrt((x + 1) ** 2 - 2 * x - 1) * f(x * (x + 2)) - sp.Abs(x) * f(x**2 + 2 * x))
    0
    """
    if e.is_Number or e.is_Symbol:
        return e
    if e.is_Function or (e.is_Pow and not e.exp.is_Integer):
        return e.func(*(normal(a) if isinstance(a, sp.Expr) else a for a in e.args))
    inner = {f: normal(f) for f in e.atoms(sp.Function, sp.Pow) if f.is_Function or not f.exp.is_Integer}
    return factored(e.xreplace({f: g for f, g in inner.items() if f != g}))


def _factors(e: sp.Expr) -> tuple[sp.Expr, list[tuple[sp.Expr, int]]] | None:
    """Constant and irreducible factors of a polynomial over the integers in the generators SymPy finds, or None."""
    try:
        polynomial = sp.Poly(e)
    except (GeneratorsNeeded, PolificationFailed):
        return None
    if not polynomial.domain.is_ZZ:
        return None
    names = tuple(f"x{i}" for i in range(len(polynomial.gens)))
    context = fmpz_mpoly_ctx.get(names, Ordering.lex)
    content, factors = context.from_dict({m: int(c) for m, c in polynomial.terms()}).factor()
    constant, result = sp.Integer(int(content)), []
    for factor, power in factors:
        terms = {m: int(c) for m, c in factor.to_dict().items()}
        if terms[max(terms)] < 0:
            terms = {m: -c for m, c in terms.items()}
            constant *= (-1) ** int(power)
        result.append((sp.Poly.from_dict(terms, *polynomial.gens).as_expr(), int(power)))
    return constant, result
