"""modelserving.guess: the reader's guess, and below it the measurement."""

import pytest

from modelserving.guess import gap


@pytest.mark.parametrize(
    ("guess", "measured", "shown"),
    [
        (None, 0.26584, "none: the gap teaches more when there is one\nmeasured    0.266\n"),
        (0.4, 0.26584, "0.4\nmeasured    0.266   off by 0.134\n"),
        (100, 3036.4, "100\nmeasured    3,036   off by 2,936\n"),
        (1, 999.6, "1\nmeasured    1,000   off by 999\n"),
        (500, 999.5, "500\nmeasured    1,000   off by 500\n"),
        (500, 999.4, "500\nmeasured    999   off by 499\n"),
        ("a lot", 0.5, "'a lot' is not a number\nmeasured    0.5\n"),
        (True, 1.0, "True is not a number\nmeasured    1\n"),
    ],
)
def test_gap(capsys, guess, measured, shown):
    gap(guess, measured)
    assert capsys.readouterr().out == f"your guess  {shown}"


def test_gap_says_what_was_not_measured(capsys):
    gap(2, 3.5, "simulated")
    assert capsys.readouterr().out == "your guess  2\nsimulated   3.5   off by 1.5\n"
