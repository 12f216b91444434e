"""The reader commits to a number before measuring it; :func:`gap` shows the two side by side."""

from __future__ import annotations

from numbers import Real


def gap(guess: float | None, measured: float) -> None:
    """Print a measurement beside the reader's guess. Without a guess, or with one that is no number, it says so."""
    if guess is None:
        said = "no guess: the gap teaches more when there is one"
    elif isinstance(guess, Real) and not isinstance(guess, bool):
        said = f"your guess {_short(guess)}, off by {_short(abs(guess - measured))}"
    else:
        said = f"your guess {guess!r} is not a number"
    print(f"measured {_short(measured)}   ({said})")


def _short(number: float) -> str:
    """Three significant digits, and all of them before the point."""
    return f"{number:,.0f}" if abs(number) >= 999.5 else f"{number:.3g}"  # from 999.5 on, .3g writes 1e+03
