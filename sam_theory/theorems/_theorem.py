"""A theorem: domain, rule, hypotheses, claim, proof and what is expected of the engines — one declaration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import sympy as sp
from sympy.core.relational import Relational as Relation

from sam_theory.arithmetic import CURVATURE, LENGTH, NUMBER, Dimension, Dimensional, Vec, VectorSymbol, lower
from sam_theory.dynamics import Map
from sam_theory.errors import InputError
from sam_theory.losses import Loss
from sam_theory.rules import Rule
from sam_theory.theorems._assumptions import default_symbol, said_by_assumptions
from sam_theory.theorems._claims import AlmostEvery, Asymptotic, Claim, Envelope, Limit, OrbitsAvoiding
from sam_theory.theorems._data import InterpolationData
from sam_theory.theorems._identity import identifier
from sam_theory.theorems._lemmas import LEMMAS
from sam_theory.theorems._proof import Lemma, Step
from sam_theory.theorems._relations import Related

STATUSES = ("theorem", "conjecture", "quoted")
TIGHTNESS = ("tight", "upper", "lower", "exact", "")
#: names that formulas understand, besides those of state vectors and parameters
_OF_THEIR_OWN = ("L_star", "length", "w_star", "w_start")
EXPECTATIONS = ("proved", "certified", "supported", "undecided", "refuted")


@dataclass(frozen=True)
class Source:
    """Where a statement comes from.

    ``tag``: seen (the source's statement was read), summary, derived (constants derived here), new.
    """

    key: str
    text: str
    tag: str = "derived"
    bibtex: str = ""
    url: str = ""

    def to_json(self) -> dict[str, str]:
        """The source as JSON."""
        return {"key": self.key, "text": self.text, "tag": self.tag, "url": self.url}


@dataclass(frozen=True)
class Instance:
    """A concrete admissible instance: exact parameters, start, and the loss where the domain is a class."""

    params: Mapping[str, Any]
    start: tuple[Any, ...]
    loss: Loss | None = None
    steps: int = 1


@dataclass(frozen=True)
class Mutant:
    """A false neighbour of a theorem, which must be refuted."""

    name: str
    claim: Claim | None = None
    where: Mapping[sp.Symbol, sp.Expr] = field(default_factory=dict)
    hypotheses: tuple[Relation, ...] | None = None


@dataclass(frozen=True)
class Theorem:
    r"""A statement on the dynamics of a rule on a loss or on every member of a class of losses.

    Parameters
    ----------
    slug : str
        Permanent name; parts of one theorem read ``slug.part``.
    title, source, rule, loss, claim
        What is said of which rule on which loss or function class.
    hypotheses : tuple of SymPy relations
        On the parameters.  What symbols' assumptions (positive, …) say is added to them.
    where : dict, optional
        Abbreviations in order: symbols of the claim and what they stand for.
    starts : AlmostEvery or OrbitsAvoiding, optional
        None: every start.
    proof : tuple of Step and Lemma
        The last lemma concludes the claim; without a proof engines attack the claim itself.
    attained_by : Instance, optional
        Where a bound is reached.
    candidate : Instance or InterpolationData, optional
        A suspected counterexample, which the search engine tries first and confirms exactly.
    tightness, status, expected, mutants, notes, dimensions
        See the design; ``dimensions`` adds the dimension of symbols that neither rule nor loss declare.
    relations : tuple of Related
        How it stands to other statements.
    unneeded : mapping of relation or str to str
        Hypotheses that the statement does without (or their names in ``verify --hypotheses``), each with the reason it
        is stated nonetheless.
    without : mapping of relation or str to Instance, InterpolationData, Theorem, tuple of Step and Lemma, or str
        What decides on the statement without that hypothesis, where the search does not find it: a suspected
        counterexample, a statement that contradicts it where the hypothesis fails, or another proof.  It is checked
        like any other.  A text says what is shown by hand and by no engine: the hypothesis stays open.

    Raises
    ------
    InputError
        A float in an exact place, an undeclared symbol, inconsistent dimensions, unknown words.
    """

    slug: str
    title: str
    source: Source
    rule: Rule
    loss: Loss
    claim: Claim
    hypotheses: tuple[Relation, ...] = ()
    where: Mapping[sp.Symbol, sp.Expr] = field(default_factory=dict)
    starts: AlmostEvery | OrbitsAvoiding | None = None
    proof: tuple[Step | Lemma, ...] = ()
    attained_by: Instance | None = None
    candidate: Instance | InterpolationData | None = None
    tightness: str = ""
    status: str = "theorem"
    expected: str = "proved"
    mutants: tuple[Mutant, ...] = ()
    dimensions: Mapping[str, Dimension] = field(default_factory=dict)
    notes: str = ""
    relations: tuple[Related, ...] = ()
    unneeded: Mapping[Relation | str, str] = field(default_factory=dict)
    without: Mapping[Relation | str, Any] = field(default_factory=dict)
    #: ``library``, or the file that a process can load the theorem from again
    origin: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        for name, value, allowed in (
            ("status", self.status, STATUSES),
            ("tightness", self.tightness, TIGHTNESS),
            ("expected", self.expected, EXPECTATIONS),
        ):
            if value not in allowed:
                raise InputError(
                    f"theorem {self.slug}: {name} '{value}' is not one of {', '.join(filter(None, allowed))}"
                )
        if not isinstance(self.hypotheses, tuple):
            raise InputError(f"theorem {self.slug}: hypotheses must be a tuple; write ({self.hypotheses},)")
        for h in self.hypotheses:
            if h is sp.false:
                raise InputError(f"theorem {self.slug}: a hypothesis is false by itself; nothing is admitted")
            if h is not sp.true and not isinstance(h, Relation):
                raise InputError(f"theorem {self.slug}: the hypothesis {h} is not a relation")
            if any(s.name == "t" for s in self.expand(h).free_symbols):
                raise InputError(f"theorem {self.slug}: the hypothesis {h} speaks of t, which runs through all steps")
            if h.atoms(Vec):
                raise InputError(
                    f"theorem {self.slug}: the hypothesis {h} speaks of a state; put it into given=(...) of the claim"
                )
        for h in (*self.unneeded, *self.without):
            if not isinstance(h, str) and h not in (*self.hypotheses, *getattr(self.claim, "given", ())):
                raise InputError(f"theorem {self.slug}: {h} is none of its hypotheses, yet named as one to drop")
        for e in (*self.claim.formulas(), *self.hypotheses, *self.where.values()):
            floats = e.atoms(sp.Float)
            if floats:
                raise InputError(
                    f"theorem {self.slug}: the float {min(map(str, floats))} stands in an exact place; "
                    "write a rational such as Rational(1, 10)"
                )
        for pair in self.expanded_claim.compared():
            for e in pair:
                if isinstance(e, Vec):
                    raise InputError(
                        f"theorem {self.slug}: {e} is a vector where a number is compared; use norm or dot"
                    )
        for item in self.proof:
            if not isinstance(item, Step) and type(item) not in LEMMAS:
                known = ", ".join(lemma.__name__ for lemma in LEMMAS)
                raise InputError(
                    f"theorem {self.slug}: {type(item).__name__} is none of the lemmas that a proof may use: {known}"
                )
        behaviour = getattr(self.claim, "behaviour", None)
        if behaviour is not None and behaviour.direction not in (None, *range(len(behaviour.at))):
            raise InputError(
                f"theorem {self.slug}: direction {behaviour.direction} of a point of dimension {len(behaviour.at)}; "
                "directions count from 0"
            )
        if self.rule.velocity and self.claim.kind not in ("Identity", "Inequality"):
            raise InputError(
                f"theorem {self.slug}: '{self.rule.name}' gives the velocity of a flow, not the next state; "
                "state an Identity or an Inequality on it"
            )
        self._check_symbols()
        if self.status != "quoted":
            self.check_dimensions()

    # -- identity ----------------------------------------------------------------------------------------
    @property
    def kind(self) -> str:
        """The kind of the claim."""
        return self.claim.kind

    @cached_property
    def id(self) -> str:
        """Permanent identifier: a hash of what is stated, independent of the names that its author chose."""
        return identifier(self)

    @cached_property
    def map(self) -> Map:
        """The dynamical system the theorem speaks of."""
        return Map(self.rule, self.loss)

    # -- formulas ----------------------------------------------------------------------------------------
    def expand(self, e: Any) -> Any:
        """``e`` with every abbreviation of ``where`` replaced by what it stands for."""
        meanings = {symbol: sp.sympify(meaning) for symbol, meaning in self.where.items()}
        for _ in meanings if isinstance(e, sp.Basic) else ():
            before, e = e, e.xreplace(meanings)
            if e is before:
                break
        return e

    @cached_property
    def expanded_claim(self) -> Claim:
        """The claim without abbreviations."""
        return self.claim.map(self.expand)

    @cached_property
    def steps(self) -> tuple[tuple[Step, ...], ...]:
        """Each item of the proof as steps without abbreviations; InputError if a lemma does not give the claim."""
        expanded = (i.expanded(self.expand) if isinstance(i, Lemma) else i for i in self.proof)
        own = [tuple(i.premises(self.expanded_claim)) if isinstance(i, Lemma) else (i,) for i in expanded]
        return tuple(tuple(replace(step, claim=step.claim.map(self.expand)) for step in steps) for steps in own)

    @property
    def _class_symbols(self) -> tuple[sp.Symbol, ...]:
        return tuple(getattr(self.loss, "class_symbols", ()))

    @cached_property
    def symbols(self) -> tuple[sp.Symbol, ...]:
        """The parameters of the statement, sorted by name (without the step number)."""
        found: set[sp.Symbol] = set()
        for e in (*self.expanded_claim.formulas(), *map(self.expand, self.hypotheses)):
            found |= {s for s in e.free_symbols if isinstance(s, sp.Symbol) and s.name != "t"}
        # A loss keeps what it assumes of its parameters, whether or not a formula names them.
        found |= {*self._class_symbols, *(s for s in self.loss.symbols if s.name in self.map.parameters)}
        known = {s.name for s in found}
        missing = [n for n in self.map.parameters if n not in known]
        found |= {default_symbol(n) for n in missing}
        return tuple(sorted(found, key=lambda s: s.name))

    @cached_property
    def all_hypotheses(self) -> tuple[Relation, ...]:
        """The hypotheses, those of the class, and what the assumptions on the symbols say."""
        relations = [self.expand(h) for h in self.hypotheses]
        relations += list(getattr(self.loss, "hypotheses", ()))
        for s in self.symbols:
            relations += said_by_assumptions(s)
        return tuple(dict.fromkeys(r for r in relations if r is not sp.true))

    def _check_symbols(self) -> None:
        names: dict[str, sp.Symbol] = {}
        size = self.loss.dimension or 0
        self._check_names_of_the_rule()
        vectors = {"w", *self.map.state, *self.loss.blocks}
        taken = {"t", *_OF_THEIR_OWN, *vectors, *(f"{v}_next" for v in vectors)}
        taken |= {f"{n}{i}" for n in ("start", "image") for i in range(size)}
        if size:
            further = list(self.map.state_symbols().values())[1:]
            taken |= {x.name for v in further for x in v}
        shadowed = {s.name for s in self.where} & {*self.map.parameters, *(s.name for s in self._class_symbols)}
        if shadowed:
            raise InputError(
                f"theorem {self.slug}: 'where' redefines the parameter '{min(shadowed)}'; state it as a hypothesis"
            )
        for s in self.symbols:
            if s.name in names:
                raise InputError(
                    f"theorem {self.slug}: two different symbols are called '{s.name}' (their assumptions differ); "
                    "use one symbol throughout"
                )
            names[s.name] = s
            if s.name in taken or any(mark in s.name for mark in "!|<(:"):
                raise InputError(f"theorem {self.slug}: '{s.name}' has a meaning of its own; rename the parameter")
            if self.loss.dimension is not None and s.name in self.loss.variables:
                raise InputError(
                    f"theorem {self.slug}: the symbol '{s.name}' bears the name of a coordinate; "
                    "write coordinate(w, i) for the coordinate, or rename the parameter"
                )
            if s.is_integer:
                raise InputError(f"theorem {self.slug}: the symbol '{s.name}' is an integer; parameters are real")
            if not s.is_real:
                raise InputError(
                    f"theorem {self.slug}: the symbol '{s.name}' is not real; use Symbol('{s.name}', real=True)"
                )
        if isinstance(self.claim, (Envelope, Limit, Asymptotic)):
            return
        for e in self.claim.formulas():
            if any(s.name == "t" for s in e.free_symbols):
                raise InputError(f"theorem {self.slug}: the step number t has a meaning only in an Envelope")

    def _check_names_of_the_rule(self) -> None:
        """A state vector or a noise must not bear a name that formulas understand as something else."""
        rule, blocks = self.rule, self.loss.blocks
        taken = {"t", "k", *_OF_THEIR_OWN, *blocks, *(f"{v}_next" for v in ("w", *rule.state, *blocks))}
        clashes = sorted(taken & {*rule.state, *rule.noise}) + (["w"] if "w" in rule.state[1:] else [])
        if clashes:
            raise InputError(
                f"theorem {self.slug}: '{clashes[0]}' has a meaning of its own; rename it in the rule '{rule.name}'"
            )
        if rule.uses_step_number and "k" in {*self.loss.parameters, *(s.name for s in self._class_symbols)}:
            raise InputError(f"theorem {self.slug}: k is the step number of '{rule.name}'; rename the loss's parameter")

    # -- dimensions --------------------------------------------------------------------------------------
    @cached_property
    def known_dimensions(self) -> dict[str, Dimension] | None:
        """The dimension of each symbol, or None where the loss fixes its own units."""
        if self.loss.dimensions is None:
            return None
        return {**self.loss.dimensions, **self.rule.dimensions, **self.dimensions, "t": NUMBER, "length": LENGTH}

    def check_dimensions(self) -> bool:
        """Check every formula; False where the loss fixes its own units and nothing can be checked.

        Raises InputError naming the formula and the two dimensions that clash.
        """
        known = self.known_dimensions
        if known is None:
            return False
        vectors = {v.name for e in self.expanded_claim.formulas() for v in e.atoms(VectorSymbol)}
        further = [v for v in self.map.state[1:] if vectors & {v, f"{v}_next"}]
        undeclared = [n for n in (*(s.name for s in self.symbols), *further) if n not in known]
        if undeclared:
            raise InputError(
                f"theorem {self.slug}: the dimension of '{undeclared[0]}' is unknown; give dimensions={{...}}"
            )
        image = LENGTH * CURVATURE if self.rule.velocity else LENGTH
        env: dict[str, Any] = {**known, **dict.fromkeys(("w", "w_start", "w_star", "x", "y"), LENGTH)}
        env |= dict.fromkeys(("w_next", "x_next", "y_next"), image) | {f"{v}_next": known[v] for v in further}
        pairs = [(h.lhs, h.rhs) for h in map(self.expand, self.hypotheses) if isinstance(h, Relation)]
        pairs += self.expanded_claim.compared()
        for pair in pairs:
            sides = []
            for e in pair:
                if e in (sp.S.Zero, sp.oo, -sp.oo):
                    continue
                try:
                    sides.append((e, Dimensional().run(lower(e), env, self.loss)["result"]))
                except InputError as problem:
                    raise InputError(f"theorem {self.slug}: in {e}: {problem}") from None
            if len(sides) == 2 and not sides[0][1].same(sides[1][1]) and not any(e.is_zero for e in pair):
                raise InputError(
                    f"theorem {self.slug}: [{sides[0][0]}] = {sides[0][1]} is compared with "
                    f"[{sides[1][0]}] = {sides[1][1]}: the formula is dimensionally inconsistent"
                )
        return True

    # -- text --------------------------------------------------------------------------------------------
    def text(self, expand: bool = False) -> str:
        """The claim in plain text, abbreviations listed unless expanded."""
        if expand or not self.where:
            return self.expanded_claim.text()
        return self.claim.text() + "  where " + ", ".join(f"{s} = {e}" for s, e in self.where.items())

    def statement(self) -> str:
        """The whole statement in plain text."""
        if self.kind == "Comparison":
            return f"on {self.loss.name}: {self.text()}"
        quantifier = self.starts.text() if self.starts else "for every state"
        return f"{self.rule.variant} on {self.loss.name}, {quantifier}: {self.text()}"

    def latex(self) -> str:
        """The claim in LaTeX."""
        tail = "".join(f",\\quad {sp.latex(s)} = {sp.latex(e)}" for s, e in self.where.items())
        return self.claim.latex() + tail

    def hypotheses_text(self) -> list[str]:
        """The hypotheses in plain text."""
        return [str(h) for h in self.all_hypotheses]

    def proof_text(self) -> list[str]:
        """The proof steps in plain text."""
        return [p.text() for p in self.proof]

    def with_(self, **changes: Any) -> Theorem:
        """A changed copy; under another slug it has no relations, and of dropped hypotheses only what is given."""
        if changes.get("slug", self.slug) != self.slug:
            changes = {"relations": (), "unneeded": {}, "without": {}, **changes}
        if isinstance(changes.get("hypotheses", ()), tuple) and ("hypotheses" in changes or "claim" in changes):
            given = getattr(changes.get("claim", self.claim), "given", ())
            known = (*changes.get("hypotheses", self.hypotheses), *given)
            for name, said in (("unneeded", self.unneeded), ("without", self.without)):
                changes.setdefault(name, {h: v for h, v in said.items() if isinstance(h, str) or h in known})
        return replace(self, **changes)


def declared(names: Mapping[str, Any]) -> tuple[Theorem, ...]:
    """The theorems among the globals of a module, in order of declaration."""
    return tuple(value for value in names.values() if isinstance(value, Theorem))
