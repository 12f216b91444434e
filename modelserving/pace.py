"""How long will a model take? Learned from what its runs took (lesson 05).

A run costs something that does not depend on the rows, and something for each row: seconds = start + rows × each. The
two are fitted by least squares over the last runs, old ones fading away.
"""

from __future__ import annotations

FADE = 0.05  # what a new run counts against all that came before: the last twenty or so matter
OUTLIER = 4  # times the prediction: what took longer counts as so much, lest one standstill look like a new habit


class Pace:
    """Predicts the seconds of a run from its rows.

    Runs that took longer than predicted count ``slower`` times. With 1 the prediction is a mean. With less it is nearer
    to what the model takes when nothing disturbs it: on a busy machine single runs take many times as long.
    """

    def __init__(self, slower: float = 1.0) -> None:
        self.slower = slower
        self.start = self.each = 0.0  # seconds a run, seconds a row
        self.known = False
        self._largest = 0  # rows
        self._weight = self._rows = self._seconds = self._rows_rows = self._rows_seconds = 0.0

    def observe(self, rows: int, seconds: float) -> None:
        """Learn from one run."""
        share = FADE
        if rows <= self._largest and seconds > (predicted := self.seconds(rows)):  # what is new counts as it is
            share, seconds = FADE * self.slower, min(seconds, OUTLIER * predicted)
        keep = 1 - share
        self._weight = keep * self._weight + share
        self._rows = keep * self._rows + share * rows
        self._seconds = keep * self._seconds + share * seconds
        self._rows_rows = keep * self._rows_rows + share * rows * rows
        self._rows_seconds = keep * self._rows_seconds + share * rows * seconds
        self.known, self._largest = True, max(self._largest, rows)
        self._fit()

    def _fit(self) -> None:
        """Least squares; neither part is negative. Runs of one size tell nothing about rows: what was known stays."""
        spread = self._weight * self._rows_rows - self._rows**2
        together = self._weight * self._rows_seconds - self._rows * self._seconds
        if spread > 1e-4 * self._rows**2:
            self.each = max(together / spread, 0.0)
        self.each = min(self.each, self._seconds / self._rows)
        self.start = (self._seconds - self.each * self._rows) / self._weight

    def seconds(self, rows: int) -> float:
        """What a run of so many rows should take; 0 as long as nothing is known."""
        return self.start + self.each * rows

    def rows(self, seconds: float) -> float:
        """The most rows that take so many seconds, and no more than four times what was ever run."""
        if not self.known or seconds == float("inf"):
            return float("inf")
        affordable = max(seconds - self.start, 0.0) / self.each if self.each else float("inf")
        return min(affordable, 4 * self._largest)
