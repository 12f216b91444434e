"""The reader commits to a number before measuring it; :func:`gap` shows the two, one below the other."""

from __future__ import annotations

from numbers import Real


def gap(guess: float | None, measured: float, what: str = "measured") -> None:
    """Print the reader's guess and, below it, the measurement. A guess that is none, or no number, is told.

    ``what`` says how the number came about where nothing was measured: "simulated", "recorded", "computed".
    The guess comes first, since JupyterLab shows the first line of an output that is folded up.
    """
    off = ""
    if guess is None:
        said = "none: the gap teaches more when there is one"
    elif isinstance(guess, Real) and not isinstance(guess, bool):
        said, off = _short(guess), f"   off by {_short(abs(guess - measured))}"
    else:
        said = f"{guess!r} is not a number"
    print(f"your guess  {said}\n{what:10}  {_short(measured)}{off}")


def _short(number: float) -> str:
    """Three significant digits, and all of them before the point."""
    return f"{number:,.0f}" if abs(number) >= 999.5 else f"{number:.3g}"  # from 999.5 on, .3g writes 1e+03
