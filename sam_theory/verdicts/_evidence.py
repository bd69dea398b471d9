"""What one engine hands back: evidence, proof obligations, witnesses, and the fate of mutants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sam_theory.verdicts._verdict import NOT_RUN, Verdict

if TYPE_CHECKING:
    from sam_theory.verdicts._region import Region

__all__ = ["WITNESS_FORMS", "Evidence", "HypothesisOutcome", "MutantOutcome", "Obligation", "Witness"]

WITNESS_FORMS = ("point", "orbit", "box", "data", "limit")
"""The shapes of a refutation, see `Witness`."""

_STATES = (*(verdict.value for verdict in Verdict), NOT_RUN)


def _checked_state(owner: str, state: str) -> None:
    if state not in _STATES:
        raise ValueError(f"{owner}: unknown verdict {state!r}; known are {', '.join(_STATES)}")


@dataclass(frozen=True)
class Witness:
    """An exact counterexample.

    Numbers are texts of exact rationals such as ``"3/2"``, so that nothing is lost on the way to a file.

    Parameters
    ----------
    form : str
        ``point`` (one admissible state), ``orbit`` (a trajectory or a periodic orbit), ``box`` (an open set
        of starts), ``data`` (values that satisfy the interpolation conditions of a class) or ``limit``.
    loss : str
        The loss, by name or as an expression; empty when ``data`` says all.
    params : Mapping[str, str]
        Values of the parameters, by name.
    start : tuple[str, ...]
        Coordinates of the start; empty when there is none.
    step : int or None
        The step at which the claim fails; None when the claim is not about trajectories.
    observed, bound : str
        The two sides of the claim at the witness.
    confirmed_by : str
        What confirmed it, such as ``fraction`` or ``arb``; empty while nothing did.
    extra : Mapping[str, str]
        Anything else. Reports use ``observable`` (what was observed, such as ``L``) and ``relation`` (how
        `observed` stands to `bound`, such as ``≠``).
    exact : Mapping[str, Any]
        What a certificate needs beyond the texts: ``params``, ``member``, ``data``, ``start`` and ``step`` in full
        length.  No part of the JSON; empty where no certificate can be written.

    Raises
    ------
    ValueError
        If `form` is none of the five.

    Examples
    --------
    >>> witness = Witness("orbit", "w**2", {"eta": "1/2"}, ("1/10",), 1, "1/100", "1/200", "fraction")
    >>> witness.confirmed, witness.to_json()["params"]
    (True, {'eta': '1/2'})
    """

    form: str
    loss: str
    params: Mapping[str, str]
    start: tuple[str, ...]
    step: int | None
    observed: str
    bound: str
    confirmed_by: str
    extra: Mapping[str, str] = field(default_factory=dict)
    exact: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)

    def __post_init__(self) -> None:
        if self.form not in WITNESS_FORMS:
            raise ValueError(f"witness: unknown form {self.form!r}; known are {', '.join(WITNESS_FORMS)}")

    @property
    def confirmed(self) -> bool:
        """Whether exact arithmetic or enclosures confirmed it; without that it refutes nothing."""
        return bool(self.confirmed_by.strip())

    def to_json(self) -> dict[str, Any]:
        """The witness as plain data, names of parameters sorted; ``extra`` only where there is any."""
        entry: dict[str, Any] = {
            "form": self.form,
            "loss": self.loss,
            "params": dict(sorted(self.params.items())),
            "start": list(self.start),
            "step": self.step,
            "observed": self.observed,
            "bound": self.bound,
            "confirmed_by": self.confirmed_by,
        }
        if self.extra:
            entry["extra"] = dict(sorted(self.extra.items()))
        return entry


@dataclass(frozen=True)
class Obligation:
    """One step a proof has to close.

    Parameters
    ----------
    name : str
        Name of the step.
    verdict : str
        A verdict, or ``not-run``.
    engine : str
        The engine that worked on it.
    detail : str
        What was done, or why it stayed open.
    trust_base : tuple[str, ...]
        What one has to trust for it.

    Raises
    ------
    ValueError
        If `verdict` is unknown.

    Examples
    --------
    >>> Obligation("descent", "proved", "smt", "unsat", ("z3",)).closed
    True
    """

    name: str
    verdict: str
    engine: str
    detail: str
    trust_base: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _checked_state(f"obligation {self.name}", self.verdict)

    @property
    def closed(self) -> bool:
        """Whether the step is proved or certified."""
        return self.verdict in (Verdict.PROVED, Verdict.CERTIFIED)

    def to_json(self) -> dict[str, Any]:
        """The obligation as plain data."""
        return {
            "name": self.name,
            "verdict": str(self.verdict),
            "engine": self.engine,
            "detail": self.detail,
            "trust_base": list(self.trust_base),
        }


@dataclass(frozen=True)
class Evidence:
    """What one engine established about one statement.

    Parameters
    ----------
    engine : str
        Name of the engine.
    verdict : str
        A verdict, or ``not-run`` for an engine that is missing or does not apply.
    detail : str
        What was done, or why nothing was.
    trust_base : tuple[str, ...]
        What one has to trust for it: programs, arithmetic, lemmas.
    seconds : float
        Wall-clock time.
    margin : float or None
        Worst normalised distance to a violation; negative for a violation.
    evaluations : int or None
        Points, boxes or trajectories looked at.
    region : str or None
        Where it holds; None for everywhere the statement speaks about.
    tightness : float or None
        Largest ratio of the two sides of a bound that was seen.
    tightest : str or None
        The instance that has it.
    witness : Witness or None
        The counterexample of a refutation.
    obligations : tuple[Obligation, ...]
        The steps of a proof, closed or not.
    covers : Region or None
        `region` as data: a witness outside of it does not contradict a certificate.
    certificate : Mapping or None
        What a checker needs, besides the statement, to show the same again; plain data.

    Raises
    ------
    ValueError
        If `verdict` is unknown.

    Examples
    --------
    >>> Evidence("smt", "proved", "unsat", ("z3",)).established
    <Verdict.PROVED: 'proved'>
    >>> Evidence("smt", "not-run", "z3 is missing").established is None
    True
    """

    engine: str
    verdict: str
    detail: str
    trust_base: tuple[str, ...] = ()
    seconds: float = 0.0
    margin: float | None = None
    evaluations: int | None = None
    region: str | None = None
    tightness: float | None = None
    witness: Witness | None = None
    obligations: tuple[Obligation, ...] = ()
    covers: Region | None = None
    certificate: Mapping[str, Any] | None = None
    tightest: str | None = None

    def __post_init__(self) -> None:
        _checked_state(f"evidence of {self.engine}", self.verdict)

    @property
    def ran(self) -> bool:
        """Whether the engine ran at all."""
        return self.verdict != NOT_RUN

    @property
    def of_a_member(self) -> bool:
        """Whether this is a certificate for but one member of the class that the statement speaks of."""
        return self.verdict == Verdict.CERTIFIED and self.covers is not None and self.covers.member

    @property
    def established(self) -> Verdict | None:
        """The verdict this evidence carries, never rounded up; None if the engine did not run.

        A refutation without a confirmed witness counts as undecided, and a proof counts as no more than the
        weakest of its obligations: a step that is open, or false, leaves the statement undecided.  A certificate
        for one member of a class supports the statement on the class, and no more.
        """
        if not self.ran:
            return None
        verdict = Verdict(self.verdict)
        if verdict is Verdict.REFUTED:
            confirmed = self.witness is not None and self.witness.confirmed
            return verdict if confirmed else Verdict.UNDECIDED
        if self.of_a_member:
            verdict = Verdict.SUPPORTED
        for step in self.obligations:
            reached = Verdict.UNDECIDED if step.verdict == NOT_RUN else Verdict(step.verdict)
            if reached.rank < verdict.rank:
                verdict = Verdict.UNDECIDED if reached is Verdict.REFUTED else reached
        return verdict

    def to_json(self) -> dict[str, Any]:
        """The evidence as plain data, an entry of ``engines`` in the JSON of ``verify``."""
        return {
            "engine": self.engine,
            "verdict": str(self.verdict),
            "seconds": self.seconds,
            "detail": self.detail,
            "margin": self.margin,
            "evaluations": self.evaluations,
            "region": self.region,
            "tightness": self.tightness,
            "tightest": self.tightest,
            "trust_base": list(self.trust_base),
            "witness": None if self.witness is None else self.witness.to_json(),
            "obligations": [step.to_json() for step in self.obligations],
        }


@dataclass(frozen=True)
class MutantOutcome:
    """What became of a deliberately wrong variant of a theorem; it must be refuted.

    Parameters
    ----------
    name : str
        What was changed, such as ``critical*101/100``.
    refuted : bool
        Whether the variant was refuted.
    witness : Witness or None
        The counterexample that refuted it.
    detail : str
        How it was refuted, or why it survived.

    Examples
    --------
    >>> MutantOutcome("bound*99/100", False, detail="no violation in 1000 evaluations").to_json()["refuted"]
    False
    """

    name: str
    refuted: bool
    witness: Witness | None = None
    detail: str = ""

    def to_json(self) -> dict[str, Any]:
        """The outcome as plain data, an entry of ``mutants`` in the JSON of ``verify``."""
        return {
            "name": self.name,
            "refuted": self.refuted,
            "witness": None if self.witness is None else self.witness.to_json(),
            "detail": self.detail,
        }


@dataclass(frozen=True)
class HypothesisOutcome:
    """What became of a theorem when one of its hypotheses was dropped.

    Parameters
    ----------
    hypothesis : str
        What was dropped.
    outcome : str
        ``needed`` (a witness where it fails, or no meaning there: this or a weaker hypothesis has to be stated), ``not
        needed`` (it follows from the others, or a proof does without) or ``open``.
    witness : Witness or None
        The counterexample to the statement without it.
    detail : str
        How that was found, or how near the search came.
    recorded : str
        The reason the theorem gives for a hypothesis that it does without; of an open one also what is shown by hand.

    Raises
    ------
    ValueError
        If `outcome` is none of the three.

    Examples
    --------
    >>> HypothesisOutcome("eta < 1", "not needed", detail="proved without it").as_recorded
    False
    """

    hypothesis: str
    outcome: str
    witness: Witness | None = None
    detail: str = ""
    recorded: str = ""

    def __post_init__(self) -> None:
        if self.outcome not in ("needed", "not needed", "open"):
            raise ValueError(f"hypothesis {self.hypothesis}: unknown outcome {self.outcome!r}")

    @property
    def as_recorded(self) -> bool:
        """False where a needed hypothesis is recorded as unneeded, or one that is not needed is not recorded."""
        return self.outcome == "open" or (self.outcome == "not needed") == bool(self.recorded)

    def to_json(self) -> dict[str, Any]:
        """The outcome as plain data, an entry of ``dropped_hypotheses`` in the JSON of ``verify``."""
        return {
            "hypothesis": self.hypothesis,
            "outcome": self.outcome,
            "witness": None if self.witness is None else self.witness.to_json(),
            "detail": self.detail,
            "recorded": self.recorded,
            "as_recorded": self.as_recorded,
        }
