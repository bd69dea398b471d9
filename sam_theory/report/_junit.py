"""JUnit XML, which continuous integration servers read."""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.etree import ElementTree

from sam_theory.report._witness import witness_text
from sam_theory.verdicts import Evidence, MutantOutcome, Result

__all__ = ["junit"]

_NOT_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def _legal(text: str) -> str:
    r"""The text with every character that XML 1.0 forbids written as ``\\xNN``."""
    return _NOT_XML.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def _evidence_line(one: Evidence) -> str:
    region = f" on {one.region}" if one.region else ""
    return f"{one.engine}: {one.verdict}{region}: {one.detail}"


def _theorem_case(suite: ElementTree.Element, name: str, result: Result) -> None:
    case = ElementTree.SubElement(
        suite, "testcase", classname=name, name=_legal(result.slug), time=f"{result.seconds:.3f}"
    )
    text = "\n".join([result.reason, *map(_evidence_line, result.evidence)]).strip()
    if result.witness is not None:
        text = f"{witness_text(result.witness)}\n{text}"
    if result.not_run:
        ElementTree.SubElement(case, "skipped", message=_legal(result.reason or "no engine ran"))
    elif not result.as_expected:
        message = f"{result.verdict.value}, expected {result.expected.value}"
        failure = ElementTree.SubElement(case, "failure", message=message, type=result.verdict.value)
        failure.text = _legal(text)
    else:
        ElementTree.SubElement(case, "system-out").text = _legal(f"{result.verdict.value}\n{text}".strip())


def _mutant_case(suite: ElementTree.Element, name: str, result: Result, mutant: MutantOutcome) -> None:
    case = ElementTree.SubElement(
        suite, "testcase", classname=name, name=_legal(f"{result.slug}[mutant {mutant.name}]"), time="0.000"
    )
    if mutant.refuted:
        text = witness_text(mutant.witness) if mutant.witness is not None else mutant.detail
        ElementTree.SubElement(case, "system-out").text = _legal(text)
    else:
        failure = ElementTree.SubElement(case, "failure", message="mutant survived", type="survived")
        failure.text = _legal(mutant.detail)


def junit(results: Sequence[Result]) -> str:
    """The outcome of ``verify`` as JUnit XML.

    One suite per paper, one test case per theorem and per mutant. An unexpected verdict and a surviving
    mutant are failures; a theorem on which no engine ran is skipped.

    Parameters
    ----------
    results : Sequence[Result]

    Returns
    -------
    str
        Well-formed XML 1.0, whatever the texts contain.

    Examples
    --------
    >>> junit([]).splitlines()[0]
    '<?xml version="1.0" encoding="utf-8"?>'
    """
    groups: dict[str, list[Result]] = {}
    for result in results:
        groups.setdefault(str(result.source.get("key", "")), []).append(result)
    root = ElementTree.Element("testsuites", name="sam-theory")
    for key, group in groups.items():
        name = _legal(f"sam_theory.{key}")
        suite = ElementTree.SubElement(root, "testsuite", name=name)
        for result in group:
            _theorem_case(suite, name, result)
            for mutant in result.mutants:
                _mutant_case(suite, name, result, mutant)
    for element in [*root, root]:
        element.set("tests", str(len(list(element.iter("testcase")))))
        element.set("failures", str(len(list(element.iter("failure")))))
        element.set("errors", "0")
        element.set("skipped", str(len(list(element.iter("skipped")))))
    for suite in root:
        suite.set("time", f"{sum(float(case.get('time', 0)) for case in suite):.3f}")
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"
