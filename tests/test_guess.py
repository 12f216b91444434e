"""modelserving.guess: a measurement beside the reader's guess."""

import pytest

from modelserving.guess import gap


@pytest.mark.parametrize(
    ("guess", "measured", "shown"),
    [
        (None, 0.26584, "measured 0.266   (no guess: the gap teaches more when there is one)\n"),
        (0.4, 0.26584, "measured 0.266   (your guess 0.4, off by 0.134)\n"),
        (100, 3036.4, "measured 3,036   (your guess 100, off by 2,936)\n"),
        (1, 999.6, "measured 1,000   (your guess 1, off by 999)\n"),
        (500, 999.5, "measured 1,000   (your guess 500, off by 500)\n"),
        (500, 999.4, "measured 999   (your guess 500, off by 499)\n"),
        ("a lot", 0.5, "measured 0.5   (your guess 'a lot' is not a number)\n"),
        (True, 1.0, "measured 1   (your guess True is not a number)\n"),
    ],
)
def test_gap(capsys, guess, measured, shown):
    gap(guess, measured)
    assert capsys.readouterr().out == shown
