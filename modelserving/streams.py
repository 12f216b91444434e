"""Streams whose change is known, to try monitors and refitting policies on (assignment 06).

On real traffic nobody can say for certain which alarm was false. Here it is known what happened and when, so false
alarms can be counted, delays measured and costs compared. :func:`inputs` is what a monitor without labels sees,
:func:`errors` what one with labels sees, and :func:`year` plays a refitting policy against a model that goes stale. The
same seed gives the same stream.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

DAILY_SPREAD = {"temperature": 3.0, "rain": 0.6, "load": 0.23, "prediction": 0.043}
"""The columns of :func:`inputs`, and about the standard deviation of their daily means while nothing changes."""


@dataclass(frozen=True)
class Stream:
    """Days in which all was well, and the days that follow."""

    reference: list[Any]
    days: list[Any]


def inputs(seed: int, change: str = "temperature", size: float = 8.0, start: int = 40, days: int = 60) -> Stream:
    """What a model of late flights is asked and answers: 150 days of reference, then ``days`` days.

    A day is a dict from the names in :data:`DAILY_SPREAD` to float64 arrays (rows,), 40 to 80 rows a day. The rows of a
    day share its weather; on six days of ten no rain falls at all. From day ``start`` on the column ``change`` lies
    higher by ``size`` times its daily spread. With ``change="late"`` 70 % of the flights are late from then on, not
    20 % (prior shift): it shows in the load and in the prediction, and ``size`` does not count. With any other name,
    nothing changes.
    """
    random = np.random.default_rng(seed)

    def draw(changed: bool) -> dict[str, np.ndarray]:
        rows = int(random.integers(40, 81))
        late = random.uniform(size=rows) < (0.7 if changed and change == "late" else 0.2)
        load = random.normal(0, 0.15) + random.normal(0, 1, rows) + 2 * late
        rain = (random.uniform() < 0.4) * random.gamma(3, 1 / 3)
        columns = {
            "temperature": 2 + 3 * random.normal() + random.normal(0, 1, rows),  # the day's, and the row's own
            "rain": rain * random.uniform(0.5, 1.5, rows),
            "load": load,
            "prediction": 1 / (1 + np.exp(3.4 - 2 * load)),
        }
        if changed and change in columns:
            columns[change] = columns[change] + size * DAILY_SPREAD[change]
        return columns

    return Stream([draw(False) for _ in range(150)], [draw(day >= start) for day in range(days)])


def errors(
    seed: int,
    change: Literal["none", "sudden", "slow"] = "sudden",
    start: int = 70,
    days: int = 130,
    outage: int = 10,
) -> Stream:
    """The absolute errors whose labels came on each day: about 140 days of reference, then ``days`` days.

    A day is a float64 array, empty without labels: on Sundays, on every other Saturday or so, and in an outage of the
    label feed on ``outage`` days from day 40 on. On one day in thirty all errors are two to three times as large. From
    day ``start`` on they are twice as large ("sudden"), or grow by 1.5 % of what they were each day ("slow").
    """
    random = np.random.default_rng(seed)

    def draw(day: int) -> np.ndarray:
        rows, free = int(random.integers(8, 61)), random.uniform() < 0.5
        level = random.uniform(0.8, 1.25) * (random.uniform(2, 3.2) if random.uniform() < 1 / 30 else 1)
        if day >= start:
            level *= {"none": 1, "sudden": 2, "slow": 1 + 0.015 * (day - start)}[change]
        closed = day % 7 == 6 or (day % 7 == 5 and free) or 40 <= day < 40 + outage
        return level * np.abs(random.normal(size=0 if closed else rows))

    reference = [draw(day) for day in range(-140, -2)]  # from a Monday to a Friday
    return Stream(reference, [draw(day) for day in range(days)])


@dataclass(frozen=True)
class Account:
    """What a policy did in a year, and what that cost."""

    cost: float  # the sum of the daily errors, and the price of the refits
    refits: list[int]  # days
    changed: int  # the day from which on things were otherwise, if anything was
    broken: str | None = None  # which rule the policy broke; the year ended there


@dataclass
class _World:
    """A linear task of three inputs, 40 rows a day, whose truth may move; 100 days of it lie before day 0."""

    kind: str
    seed: int
    delay: int
    changed: int = 0
    comes: np.ndarray = field(default_factory=lambda: np.empty(0))  # when the labels of day d come, at d + 100

    def __post_init__(self) -> None:
        random = np.random.default_rng(self.seed)
        start, turn, drift = random.normal(size=(3, 3))
        self.changed, days = int(random.integers(110, 160)), np.arange(-100, 300)
        after = (days >= self.changed) * (self.kind in ("sudden", "outage"))
        crept = np.maximum(0, days - self.changed + 60) * (self.kind == "slow")
        truth = start + np.outer(1.5 * after, turn / np.linalg.norm(turn))
        truth = truth + np.outer(0.02 * crept, drift / np.linalg.norm(drift))
        self.X = random.normal(size=(400, 40, 3))
        self.y = np.einsum("drk,dk->dr", self.X, truth) + random.normal(size=(400, 40))
        self.comes = days + self.delay
        if self.kind == "outage":
            away = (self.comes >= self.changed - 10) & (self.comes < self.changed + 20)
            self.comes[away] = self.changed + 20

    def errors(self, train: list[int] | range) -> np.ndarray:
        """The mean absolute error on every day of a model fitted to the days ``train``, float64 (400,)."""
        rows = np.array(train) + 100
        model = np.linalg.lstsq(self.X[rows].reshape(-1, 3), self.y[rows].ravel(), rcond=None)[0]
        return np.abs(self.y - self.X @ model).mean(axis=1)


def year(
    kind: Literal["none", "sudden", "outage", "slow"],
    seed: int,
    policy: Callable[[np.ndarray, float, int], Any] | int | Literal["never", "known"],
    price: float = 10.0,
    delay: int = 6,
) -> Account:
    """Play 300 days in which a model serves and ``policy`` decides when it is fitted anew.

    ``kind``: nothing changes; all changes on one day; the same while labels stay away for a month around it; a little
    changes each day. ``policy(reference, price, delay)`` gives an object whose ``day(today, [(day, error), …])``
    returns None or {"train": days, "check": days}: the better of old and new model on the days to check serves from
    this day on. Or ``policy`` is a rule to compare with: refit every so many days; "never"; or, when all changes on one
    day, "known": once, as soon as ten labelled days after it are there. Rules fit to eight days and check on two.
    """
    world, lived = _World(kind, seed, delay), np.zeros(300)
    ours = world.errors(range(-100, -60))
    rule = policy if isinstance(policy, int | str) else None
    asked = policy(ours[40:100], price, delay) if rule is None else None
    known, refits = [], []
    for today in range(300):
        came = [day for day in range(max(0, today - 60), today) if world.comes[day + 100] == today]
        known = sorted(known + came)
        if rule is None:
            plan = asked.day(today, [(day, float(lived[day])) for day in came])
        else:
            plan = _by_rule(rule, today, known, [day for day in known if day >= world.changed], refits, kind)
        if plan is not None:
            if broken := _broken(plan, today, known):
                return Account(np.inf, refits, world.changed, broken)
            refits.append(today)
            theirs, check = world.errors([int(day) for day in plan["train"]]), [int(day) + 100 for day in plan["check"]]
            ours = theirs if theirs[check].mean() < ours[check].mean() else ours
        lived[today] = ours[today + 100]
    return Account(float(lived.sum() + price * len(refits)), refits, world.changed)


def _by_rule(
    rule: int | str, today: int, known: list[int], after: list[int], refits: list[int], kind: str
) -> dict[str, list[int]] | None:
    if rule == "known":
        due = kind in ("sudden", "outage") and len(after) >= 10 and not refits
    else:
        due = rule != "never" and today % int(rule) == int(rule) - 1 and len(known) >= 10
    return {"train": known[-10:-2], "check": known[-2:]} if due else None


def _broken(plan: Any, today: int, known: list[int]) -> str | None:
    """The sentence that says which rule a plan breaks."""
    if not isinstance(plan, dict) or sorted(plan) != ["check", "train"]:
        return f'day must return None or a dict with "train" and "check"; on day {today} it returned {plan!r}.'
    if not all(isinstance(day, int | float | np.number) for days in plan.values() for day in days):
        return f"The days to fit on and to check on are numbers; on day {today} the plan was {plan!r}."
    train, check = ([int(day) for day in plan[key]] for key in ("train", "check"))
    if early := sorted(set(train + check) - set(known)):
        last = f"the last ones that came are those of day {known[-1]}" if known else "none has come yet"
        return (
            f"On day {today} the plan uses labels of days {early}. The labels of day {early[-1]} have not come by "
            f"then: {last}."
        )
    if both := sorted(set(train) & set(check)):
        return (
            f"On day {today} the new model would be checked on days that it is fitted to, {both}. It looks good there, "
            "however bad it is."
        )
    if len(set(train)) < 3 or not check:
        return f"On day {today} there should be at least three days to fit on and one to check on, not {plan}."
    return None
