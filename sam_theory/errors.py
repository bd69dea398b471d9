"""The error of wrong input, and the suggestion that goes with a misspelt name."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["InputError", "nearest"]


class InputError(ValueError):
    """The input is wrong; the message is one line: what is wrong, then what to do.

    Raised for input from outside: text, parameters, files, names. The command line exits with status 2.

    Examples
    --------
    >>> raise InputError("eta is -1; a step size is positive")
    Traceback (most recent call last):
    sam_theory.errors.InputError: eta is -1; a step size is positive
    """


def nearest(name: str, names: Iterable[str]) -> str:
    """Suggest what a misspelt name was meant to be, as the second half of an error message.

    Parameters
    ----------
    name : str
        The name that is not known. Case is ignored in the comparison.
    names : iterable of str
        The known names.

    Returns
    -------
    str
        ``did you mean 'usam'?`` for the most similar known name; where none is similar, the known names
        (at most twelve of them).

    Examples
    --------
    >>> nearest("uasm", ["gd", "sam", "usam"])
    "did you mean 'usam'?"
    >>> nearest("momentum", ["gd", "sam", "usam"])
    'known names: gd, sam, usam'
    """
    import difflib  # here, because only a failure needs it

    known = sorted(set(names))
    by_lower = {candidate.lower(): candidate for candidate in reversed(known)}
    close = difflib.get_close_matches(name.lower(), by_lower, n=1)
    if close:
        return f"did you mean {by_lower[close[0]]!r}?"
    if not known:
        return "no name is known here"
    shown = ", ".join(known[:12])
    return f"known names: {shown}{', ...' if len(known) > 12 else ''}"
