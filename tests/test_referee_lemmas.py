"""False statements that new lemmas and rules once let through, as proofs or as certificates."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
import sympy as sp

from sam_theory import (
    AbsorbingLevel,
    AlmostEvery,
    ConvexSmooth,
    Envelope,
    Expression,
    FadingLevel,
    GeometricSum,
    Identity,
    Inequality,
    InputError,
    Limit,
    LinearGrowth,
    Link,
    Product,
    Quadratic,
    Source,
    Stability,
    Step,
    StronglyConvex,
    Theorem,
    Threshold,
    Verdict,
    alpha,
    beta,
    comparison,
    coordinate,
    dot,
    eta,
    gd,
    grad,
    lam,
    norm,
    rule,
    sam,
    t,
    value,
    verify,
    w,
    w_next,
    w_star,
    w_start,
)
from sam_theory.arithmetic import VectorSymbol
from sam_theory.checker import Rejected, goals_of
from sam_theory.losses import FactorProduct, FiniteSum, Loss, MatrixProduct, any_link, even_link, log_cosh, sqrt1p
from sam_theory.rules import FiniteLaw, Rule, friendly_sam, heavy_ball, scheduled_sam
from sam_theory.theorems import Claim

HERE = Source("here", "here")
k = sp.Symbol("k", real=True)
x = sp.Symbol("x", real=True)
POSITIVE = sp.Symbol("c", positive=True)
HALF_SQUARE = Expression(x**2 / 2, [x])


def statement(claim: Any, loss: Any, rule: Any = gd, **more: Any) -> Theorem:
    return Theorem(slug="x", title="x", source=HERE, rule=rule, loss=loss, claim=claim, **more)


def test_a_parameter_is_no_number_of_a_step() -> None:
    """With the hypothesis k = 0 all premises of the lemma hold of the first step alone: min(1, |w|²) does not fade."""
    fades = FadingLevel(speed=1 / (k + 1), level=1 / (k + 1), pace=sp.S.One, bound=sp.S.One, power=sp.S.One)
    bounded = Limit(sp.Min(1, norm(w) ** 2), sp.S.Zero)
    false = statement(bounded, HALF_SQUARE, hypotheses=(sp.Eq(k, 0),), proof=(fades,))
    with pytest.raises(InputError, match="every k"):
        verify(false, engines=("symbolic", "smt"))
    with pytest.raises(Rejected, match="number of a step"):
        goals_of(false)


def test_a_state_vector_is_no_minimiser() -> None:
    """A rule whose second state vector is called w_star was proved to descend, and the certificate was verified."""

    @rule
    def teleport(space: Any, w: Any, w_star: Any) -> Any:
        """w⁺ = the second state vector."""
        return {"w": w_star, "w_star": w_star}

    descends = Inequality(value(w_next), value(w))
    with pytest.raises(InputError, match=r"w_star.*rename"):
        statement(descends, ConvexSmooth(beta), teleport, proof=(Step("descent", descends, ("minimum",)),))


def swapped(space: Any, x: Any, w: Any) -> Any:
    """The iterate is x; formulas spoke of w instead."""
    return {"x": x, "w": x}


def factor(space: Any, w: Any, y: Any) -> Any:
    """A state vector that bears the name of a factor of the loss."""
    return {"w": w, "y": y}


def noted(space: Any, w: Any, t: Any) -> Any:
    """A state vector called as the step number."""
    return {"w": w, "t": t}


@pytest.mark.parametrize("function", [swapped, factor, noted])
def test_state_vectors_have_names_of_their_own(function: Callable[..., Any]) -> None:
    with pytest.raises(InputError, match="meaning of its own"):
        statement(Inequality(norm(w_next), norm(w)), Product(any_link, None), rule(function))


def test_a_parameter_is_no_count_of_steps() -> None:
    """A step size called t was taken to be nonnegative, as the number of steps is."""

    @rule
    def descent(space: Any, w: Any, *, t: Any) -> Any:
        """w⁺ = w − t∇L(w)."""
        return w - t * space.grad(w)

    with pytest.raises(InputError, match="'t' has a meaning of its own"):
        statement(Inequality(dot(grad(w), w_next - w), sp.S.Zero), HALF_SQUARE, descent)


def test_a_loss_has_no_parameter_named_as_the_step_number_of_the_rule() -> None:
    @rule
    def scheduled(space: Any, w: Any, *, eta: Any, k: Any) -> Any:
        """w⁺ = w − η∇L(w)/(k+1)."""
        return w - eta / (k + 1) * space.grad(w)

    with pytest.raises(InputError, match="step number"):
        statement(Inequality(-value(w), sp.S.Zero), Expression(k * x**2 / 2, [x]), scheduled)


def test_losses_of_one_name_are_not_one_loss() -> None:
    """|w| → 0 on one loss was proved to lie below |w| → ∞ on another of the same name."""
    settles = statement(
        Limit(norm(w), sp.S.Zero, "limsup", "<="),
        Expression(x**2 / 2, [x], name="f"),
        hypotheses=(eta < 1,),
        proof=(AbsorbingLevel(1 - eta, sp.S.Zero),),
    )
    grows = statement(
        Limit(norm(w), sp.oo),
        Expression(-(x**2) / 2, [x], name="f"),
        starts=AlmostEvery((sp.Eq(coordinate(w, 0), 0),)),
        proof=(LinearGrowth(1 + eta),),
    )
    with pytest.raises(InputError, match="two different losses are called f"):
        comparison("x", "x", HERE, settles, grows)
    same = comparison("x", "x", HERE, settles, grows.with_(loss=settles.loss))
    other = comparison("x", "x", HERE, settles, grows.with_(loss=settles.loss, rule=sam.fix(normalisation="max")))
    assert same.id != other.id and "normalisation=max" in other.text()


def test_no_hypothesis_picks_a_step() -> None:
    """Under the hypothesis t = 0 the bound E_0(1−t) was proved for E_t, which the search refutes."""
    with pytest.raises(InputError, match="speaks of t"):
        statement(
            Envelope(norm(w), norm(w_start) * (1 - t)),
            HALF_SQUARE,
            hypotheses=(eta < 2, sp.Eq(t, 0)),
            proof=(GeometricSum(sp.Abs(1 - eta)),),
        )


def test_different_statements_have_different_ids() -> None:
    shrinks = Inequality(norm(w_next), norm(w))

    def one(loss: Any, rule: Any = sam, claim: Any = shrinks) -> Theorem:
        return statement(claim, loss, rule, status="quoted")

    def stable(direction: int | None) -> Theorem:
        return one(Quadratic(1, 2), gd, Threshold(Stability((sp.S.Zero, sp.S.Zero), direction), eta, sp.Integer(2)))

    def shifted(c: int) -> MatrixProduct:
        return MatrixProduct(any_link, 1, 1, target=[[c]])

    assert one(HALF_SQUARE, scheduled_sam).id != one(HALF_SQUARE, scheduled_sam.free("eta_decay")).id
    assert stable(None).id != stable(0).id != stable(1).id
    assert one(shifted(1)).id != one(shifted(2)).id


def test_names_that_a_user_chose_do_not_make_two_statements_one() -> None:
    """Each pair speaks of different maps under the same names; their identifiers were equal."""
    shrinks = Inequality(norm(w_next), norm(w))

    def one(loss: Loss, made: Rule = gd, claim: Claim = shrinks) -> str:
        return statement(claim, loss, made, status="quoted").id

    def named(factor: int) -> Rule:
        return rule(name="mine")(lambda space, w, *, eta: w - factor * eta * space.grad(w))

    def coin(p: Fraction) -> Rule:
        law = FiniteLaw(((Fraction(1), p), (Fraction(-1), 1 - p)))
        return rule(name="mine", noise={"xi": law})(lambda space, w, *, eta, xi: w - eta * xi * space.grad(w))

    def flow(velocity: bool) -> Rule:
        return rule(name="mine", velocity=velocity)(lambda space, w: -space.grad(w))

    def mine(*lemmas: str) -> Loss:
        class Mine(StronglyConvex):
            lemma_names = lemmas

        return Mine(1, 2)

    identical = Identity(sp.S.Zero, sp.S.Zero)
    a, b, sum_by_name = sp.symbols(["a", "b", "a + b"], real=True)
    pairs = [
        (one(Quadratic(1)), one(Quadratic(1, dimension=None))),
        (one(Expression(x**2, [x], name="f")), one(Expression(x**4, [x], name="f"))),
        (one(Expression("x*y**2", ["x", "y"])), one(Expression("x*y**2", ["y", "x"]))),
        (one(Expression(k * x**2, [x])), one(Expression(sp.Symbol("k", positive=True) * x**2, [x]))),
        (one(FiniteSum(["x**2", "0"], ["x"], name="f")), one(FiniteSum(["x**2/2", "x**2/2"], ["x"], name="f"))),
        (one(Product(log_cosh, 2)), one(Product(log_cosh, 3))),
        (one(Product(Link("l", "z**2"))), one(Product(Link("l", "z**3")))),
        (one(Product(Link("l", even=True))), one(Product(Link("l")))),
        (one(mine("descent lemma")), one(mine("cocoercivity"))),
        (one(HALF_SQUARE, named(1)), one(HALF_SQUARE, named(2))),
        (one(HALF_SQUARE, coin(Fraction(1, 2))), one(HALF_SQUARE, coin(Fraction(1, 3)))),
        (one(HALF_SQUARE, flow(True), identical), one(HALF_SQUARE, flow(False), identical)),
        (one(HALF_SQUARE, claim=Inequality(a + b, a)), one(HALF_SQUARE, claim=Inequality(sum_by_name, a))),
    ]
    assert [pair for pair in pairs if pair[0] == pair[1]] == []
    assert one(Expression(x**2, [x], name="f")) == one(Expression(x**2, [x], name="g")), "a name is no statement"


@pytest.mark.parametrize(
    "loss",
    [Expression(POSITIVE * x**2 / 2, [x]), Expression(sp.sqrt(POSITIVE**2) * x**2 / 2, [x]), Quadratic(POSITIVE),
     Quadratic(POSITIVE, 2 * POSITIVE), FiniteSum([POSITIVE * x**2, "0"], ["x"])],
    ids=str,
)  # fmt: skip
def test_a_loss_keeps_the_signs_of_its_parameters(loss: Loss) -> None:
    """No formula names c, and c = −1 refuted L ≥ 0, although the loss was declared with c > 0."""
    least = statement(Inequality(sp.S.Zero, value(w)), loss)
    assert sp.Gt(POSITIVE, 0, evaluate=False) in least.all_hypotheses
    assert verify(least, budget="quick").verdict is Verdict.PROVED
    assert verify(least, budget="quick", engines=("search",)).verdict is Verdict.SUPPORTED
    with pytest.raises(InputError, match="two different symbols are called 'c'"):
        statement(Inequality(sp.Symbol("c", real=True), value(w)), loss)


@pytest.mark.parametrize("product", [Product, lambda link: FactorProduct(link, 2), FactorProduct])
def test_an_even_link_need_not_be_least_at_zero(product: Callable[[Link], Loss]) -> None:
    """ℓ(0) was declared the minimum for every even link, and L ≤ L* proved of −z² and L ≥ L* of z⁴ − z²."""
    hump, well, bowl = (Link(n, e, even=True) for n, e in (("a", "-z**2"), ("b", "z**4 - z**2"), ("c", "z**2/2")))
    for link in (hump, well, even_link):
        assert product(link).facts.minimisers == () and product(link).facts.minimum is None
    for link in (bowl, log_cosh, sqrt1p):
        assert product(link).facts.minimum == link.function(0)(sp.S.Zero)
    with pytest.raises(InputError, match="no minimiser"):
        verify(statement(Inequality(value(w), value(w_star)), product(hump)), engines=("symbolic", "smt"))
    above = Inequality(value(w_star), value(w))
    assert verify(statement(above, product(bowl)), budget="quick").verdict is Verdict.PROVED


def test_the_search_starts_a_velocity_anywhere_where_a_claim_speaks_of_every_state() -> None:
    """From v = 0 alone |w⁺ − w| ≤ η|g| looked true, and a claim that named v could not be searched."""
    slow = Inequality(norm(w_next - w), eta * norm(grad(w)))
    found = verify(statement(slow, Quadratic(lam), heavy_ball), budget="quick", engines=("search",))
    assert found.verdict is Verdict.REFUTED and len(found.evidence[0].witness.start) == 2
    at_rest = Inequality(slow.lhs, slow.rhs, given=(sp.Eq(norm(VectorSymbol("v")), 0),))
    assert verify(statement(at_rest, Quadratic(lam), heavy_ball), budget="quick").verdict is Verdict.PROVED
    moves = Identity(norm(w_next - w), norm(VectorSymbol("v_next")))
    seen = verify(statement(moves, StronglyConvex(alpha, beta), heavy_ball), budget="quick")
    assert seen.verdict is Verdict.PROVED
    assert {e.established for e in seen.evidence if e.engine == "search"} == {Verdict.SUPPORTED}
    with pytest.raises(InputError, match="dimension of 'm' is unknown"):
        statement(Inequality(norm(VectorSymbol("m")), eta), Quadratic(lam), friendly_sam)
