"""What a rule is: a short function of the state, traced once through the vector operations."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from fractions import Fraction
from functools import cached_property
from importlib import import_module
from typing import Any, cast, overload

from sam_theory.arithmetic import Builder, Dimension, Program, Traced, as_fraction
from sam_theory.errors import InputError, nearest


class Space:
    """What a rule may do with vectors: add and scale by operators; all else here.

    ``each`` changes coordinates one by one and has no meaning where vectors are abstract: a proof in Gram form
    refuses such a rule, and a statement about it needs a loss with a dimension.
    """

    def __init__(self, builder: Builder) -> None:
        self.builder = builder

    def number(self, value: Any) -> Traced:
        """A constant."""
        return Traced(self.builder, self.builder.emit("number", data=as_fraction(value)))

    def grad(self, v: Traced, sample: Any = None) -> Traced:
        """∇L at ``v``; of one sample of a finite sum where its number (from 0) is given."""
        return v.emit("grad", v) if sample is None else v.emit("sample", v, v.lift(sample))

    def unit(self, v: Traced, eps: Any = 0, normalisation: str = "add") -> Traced:
        """v over its norm; the unit vector of 0 is 0.  ``eps`` has the dimension of ``v``."""
        return v.emit("unit", v, v.lift(eps), data=normalisation)

    def dot(self, u: Traced, v: Traced) -> Traced:
        """The inner product."""
        return u.emit("dot", u, v)

    def norm(self, v: Traced) -> Traced:
        """The Euclidean norm."""
        return v.emit("norm", v)

    # -- by coordinates ----------------------------------------------------------------------------------
    def each(self, function: Callable[..., Any], *args: Any) -> Traced:
        """``function`` of scalars on every coordinate: vectors give their own, numbers are the same for all.

        Inside, operators, ``abs`` and ``sign``, ``sqrt``, ``where`` of this space may be used.
        """
        own = Builder()
        inputs = [Traced(own, own.emit("input", data=f"a{j}", kind="s")) for j in range(len(args))]
        result = inputs[0].lift(function(*inputs))
        given = [a if isinstance(a, Traced) else self.number(a) for a in args]
        return given[0].emit("each", *given, data=own.finish({"result": result.index}))

    def times(self, u: Traced, v: Traced) -> Traced:
        """The product of two vectors, coordinate by coordinate."""
        return self.each(lambda a, b: a * b, u, v)

    def sign(self, a: Traced) -> Traced:
        """−1, 0 or 1: of a number, or of every coordinate of a vector."""
        return a.emit("sign", a) if a.kind == "s" else self.each(self.sign, a)

    def sqrt(self, a: Traced) -> Traced:
        """The nonnegative square root of a number."""
        return a.emit("sqrt", a)

    def where(self, a: Traced, b: Traced, then: Any, otherwise: Any) -> Traced:
        """``then`` where a < b, else ``otherwise``."""
        return a.emit("select", a, a.lift(b), a.lift(then), a.lift(otherwise), data=True)

    def largest(self, v: Traced) -> Traced:
        """The largest modulus of a coordinate."""
        return v.emit("largest", v)

    def block(self, v: Traced, i: int, parts: int) -> Traced:
        """Block ``i`` of a vector cut into ``parts`` equal blocks."""
        return v.emit("block", v, data=(i, parts))

    def concat(self, *blocks: Traced) -> Traced:
        """A vector from its blocks."""
        return blocks[0].emit("concat", *blocks)

    def component(self, v: Traced, i: int) -> Traced:
        """Coordinate ``i`` (from 0) of a vector."""
        return v.emit("component", v, data=i)

    def stack(self, *scalars: Traced) -> Traced:
        """A vector from its coordinates; one of them must depend on the state, which carries the batch."""
        return scalars[0].emit("stack", *scalars)


@dataclass(frozen=True, slots=True)
class FiniteLaw:
    """A random number with finitely many values: (value, probability) pairs with exact probabilities.

    Raises InputError unless the probabilities are positive and sum to 1.
    """

    atoms: tuple[tuple[Fraction, Fraction], ...]

    def __post_init__(self) -> None:
        if not self.atoms or any(p <= 0 for _, p in self.atoms) or sum(p for _, p in self.atoms) != 1:
            raise InputError("the probabilities of a finite law must be positive and sum to 1")


@dataclass(frozen=True, slots=True)
class Convention:
    """How a gradient is normalised: the choices in which implementations differ."""

    normalised: bool
    eps: str = "0"
    normalisation: str = "add"
    norm_scope: str = "all parameters"
    zero_gradient: str = "the unit vector of 0 is 0: the state stays"


@dataclass(frozen=True)
class Rule:
    r"""An optimizer as a map of its state.

    ``function(space, w, …, *, eta, …)`` returns the next ``w``, or a dict for a rule with several state
    vectors.  Positional arguments are state vectors (the first is the iterate), keyword-only arguments
    without a default are parameters; ``k`` is the step number; names in ``noise`` are drawn at every step.
    Build one with :func:`rule`.
    """

    name: str
    function: Callable[..., Any]
    state: tuple[str, ...]
    parameters: tuple[str, ...]
    dimensions: Mapping[str, Dimension] = field(default_factory=dict)
    noise: Mapping[str, FiniteLaw] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    convention: Convention | None = None
    #: the only dimension of the state, and the only number of samples of the loss, that the rule is made for
    dimension: int | None = None
    samples: int | None = None
    #: the image is no next state but the velocity of a flow: one-step claims alone speak of it
    velocity: bool = False

    def __reduce__(self) -> Any:
        """By name where the rule, or the one it varies, is known by one; its function is no value that pickles."""
        from sam_theory.rules._registry import RULES

        changes = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "function"}
        known = RULES.get(self.name)
        if known is not None and known.function is self.function:
            return _registered, (self.name, changes)
        module, name = self.function.__module__, self.function.__qualname__
        found = _named(module, name) if module in sys.modules and module != "__main__" else None
        if isinstance(found, Rule) and found.function is self.function:
            return _defined, (module, name, changes)
        return _of_function, (self.function, changes)

    @property
    def doc(self) -> str:
        """First line of the function's docstring."""
        return (inspect.getdoc(self.function) or "").split("\n")[0]

    @cached_property
    def uses_step_number(self) -> bool:
        """Whether the rule follows a schedule."""
        return "k" in self.program.inputs

    @property
    def variant(self) -> str:
        """The name, with the options that were given another value than their default."""
        known = inspect.signature(self.function).parameters
        changed = [f"{n}={v}" for n, v in self.options.items() if v != known[n].default]
        return f"{self.name}({', '.join(changed)})" if changed else self.name

    @cached_property
    def definition(self) -> str:
        """What the rule computes, whatever it is called: equal for two rules only if they are the same map."""
        laws = "; ".join(f"{n} of {', '.join(f'{v} ({p})' for v, p in law.atoms)}" for n, law in self.noise.items())
        return f"{'velocity' if self.velocity else 'next'} {self.state}: {self.program.text()} with noise {laws}"

    @property
    def freed(self) -> tuple[str, ...]:
        """The options that were turned into parameters."""
        known = inspect.signature(self.function).parameters
        return tuple(n for n in self.parameters if n in known and known[n].default is not inspect.Parameter.empty)

    @cached_property
    def program(self) -> Program:
        """The rule as a program: inputs are state vectors, parameters, ``k`` and noise."""
        builder = Builder()
        space = Space(builder)
        state = [Traced(builder, builder.emit("input", data=n, kind="v")) for n in self.state]
        scalars = {n: Traced(builder, builder.emit("input", data=n, kind="s")) for n in (*self.parameters, *self.noise)}
        if "k" in inspect.signature(self.function).parameters:
            scalars["k"] = Traced(builder, builder.emit("input", data="k", kind="s"))
        result = self.function(space, *state, **scalars, **self.options)
        outputs = result if isinstance(result, dict) else {self.state[0]: result}
        if set(outputs) != set(self.state):
            raise InputError(f"rule {self.name} must return its state {self.state}, not {tuple(outputs)}")
        for n, v in outputs.items():
            if not isinstance(v, Traced) or v.kind != "v":
                raise InputError(f"rule {self.name} must return a vector for '{n}', not {v!r}")
        return builder.finish({n: outputs[n].index for n in self.state})

    def free(self, *names: str) -> Rule:
        """The rule with options turned into parameters: ``sam.free('eps')``."""
        for n in names:
            if n not in self.options:
                raise InputError(f"rule {self.name} has no option '{n}'; {nearest(n, self.options)}")
        kept = {n: v for n, v in self.options.items() if n not in names}
        return replace(self, parameters=(*self.parameters, *names), options=kept)

    def fix(self, **values: Any) -> Rule:
        """The rule with other values of its options: ``sam.fix(normalisation='max')``."""
        for n in values:
            if n not in self.options:
                raise InputError(f"rule {self.name} has no option '{n}'; {nearest(n, self.options)}")
        return replace(self, options={**self.options, **values})

    def check_loss(self, loss: Any) -> None:
        """Refuse a loss of another dimension, or with another number of samples, than the rule is made for.

        Raises InputError.
        """
        samples = getattr(loss, "samples", 0)
        if self.dimension not in (None, loss.dimension):
            raise InputError(
                f"the rule {self.name} is made for dimension {self.dimension}; {loss.name} has {loss.dimension}"
            )
        if self.samples is None and not samples:
            return
        if not any(node.op == "sample" for _, node in self.program):
            return
        if not samples:
            raise InputError(f"the rule {self.name} draws samples, but {loss.name} has none; use a FiniteSum")
        if self.samples != samples:
            raise InputError(f"the rule {self.name} is made for {self.samples} samples, but {loss.name} has {samples}")

    def __repr__(self) -> str:
        return f"<rule {self.name}({', '.join(self.parameters)})>"


def _named(module: str, name: str) -> Any:
    found: Any = import_module(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    return found


def _registered(name: str, changes: dict[str, Any]) -> Rule:
    from sam_theory.rules._registry import RULES

    return replace(RULES[name], **changes)


def _defined(module: str, name: str, changes: dict[str, Any]) -> Rule:
    return replace(cast(Rule, _named(module, name)), **changes)


def _of_function(function: Callable[..., Any], changes: dict[str, Any]) -> Rule:
    return Rule(function=function, **changes)


@overload
def rule(function: Callable[..., Any], /) -> Rule: ...
@overload
def rule(
    *,
    name: str | None = None,
    dimensions: Mapping[str, Dimension] | None = None,
    noise: Mapping[str, FiniteLaw] | None = None,
    convention: Convention | None = None,
    dimension: int | None = None,
    samples: int | None = None,
    velocity: bool = False,
) -> Callable[[Callable[..., Any]], Rule]: ...
def rule(
    function: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
    dimensions: Mapping[str, Dimension] | None = None,
    noise: Mapping[str, FiniteLaw] | None = None,
    convention: Convention | None = None,
    dimension: int | None = None,
    samples: int | None = None,
    velocity: bool = False,
) -> Rule | Callable[[Callable[..., Any]], Rule]:
    """Make a :class:`Rule` of a function (also as a decorator with arguments).

    Raises InputError if the function takes no state vector, or star arguments.
    """

    def build(f: Callable[..., Any]) -> Rule:
        arguments = list(inspect.signature(f).parameters.values())[1:]
        positional = [a for a in arguments if a.kind in (a.POSITIONAL_OR_KEYWORD, a.POSITIONAL_ONLY)]
        keywords = [a for a in arguments if a.kind is a.KEYWORD_ONLY]
        if not positional or len(positional) + len(keywords) != len(arguments):
            raise InputError("a rule is a function (space, w, *, eta, ...): state vectors, then keyword-only numbers")
        special = {"k", *(noise or {})}
        return Rule(
            name=name or f.__name__,
            function=f,
            state=tuple(a.name for a in positional),
            parameters=tuple(a.name for a in keywords if a.default is a.empty and a.name not in special),
            dimensions=dict(dimensions or {}),
            noise=dict(noise or {}),
            options={a.name: a.default for a in keywords if a.default is not a.empty},
            convention=convention,
            dimension=dimension,
            samples=samples,
            velocity=velocity,
        )

    return build(function) if function is not None else build
