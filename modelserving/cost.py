"""What predictions cost: a price sheet, a measured capacity, and the plans that follow (lessons 07 and 08).

    sheet = cost.prices()
    cost.per_thousand(sheet["c7i.large"].per_hour, rows_per_second=cost.capacity(result))

A machine is paid by the hour, busy or not, and only as a whole. So the price of a prediction depends on how many of
them the machine could make, which is measured, and on how much of that is used, which is a decision: a server at its
limit has no latency to promise. Money is in the currency of the sheet, time in seconds, rates in rows a second.
"""

from __future__ import annotations

import datetime
import math
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from modelserving.load import Result, in_words

SHEET = Path(__file__).with_name("data") / "prices.toml"
HOURS = 730  # of a month: 365 × 24 / 12
UNKNOWN = "unknown"  # the date of a price whose source states none


class InvalidPrices(ValueError):
    """The price sheet cannot be used; the message says which line is wrong, and what it needs."""


# --- what machines cost


@dataclass(frozen=True)
class Instance:
    """A machine that can be hired, and what it cost when."""

    name: str
    provider: str
    region: str
    vcpus: int
    memory_gib: float
    accelerator: str  # "" for none
    per_hour: float
    currency: str
    date: str  # of the price, ISO 8601, or "unknown"
    retrieved: str  # when it was copied into the sheet
    source: str  # the address that it was copied from

    def __str__(self) -> str:
        """One line, with the date that belongs to every price."""
        accelerator = f", {self.accelerator}" if self.accelerator else ""
        dated = f"price of {self.date}" if self.date != UNKNOWN else f"as stored on {self.retrieved}, date unknown"
        return (
            f"{self.name} ({self.provider}, {self.region}): {self.vcpus} vCPU, {self.memory_gib:g} GiB{accelerator}, "
            f"{self.per_hour:.4g} {self.currency} an hour ({dated})"
        )


def prices(path: str | Path | None = None) -> dict[str, Instance]:
    """The price sheet, by name of instance; the course's own, or another file of that form.

    Raises :class:`InvalidPrices` for a line that is wrong, above all for a price without date or source.
    """
    path = SHEET if path is None else Path(path)
    try:
        sheet = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidPrices(f"The price sheet {path.name} cannot be read: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidPrices(f"The price sheet {path.name} is no TOML: {error}.") from None
    sources, entries = sheet.get("source", {}), sheet.get("instance", [])
    if not isinstance(sources, dict) or not isinstance(entries, list) or not entries:
        raise InvalidPrices(
            f"The price sheet {path.name} needs tables [source.NAME], and [[instance]] for each machine."
        )
    found: dict[str, Instance] = {}
    for entry in entries:
        instance = _instance(entry, sources)
        if instance.name in found:
            raise InvalidPrices(f"{instance.name}: there are two prices; a sheet has one for each name.")
        found[instance.name] = instance
    return found


def _instance(entry: Mapping[str, Any], sources: Mapping[str, Mapping[str, Any]]) -> Instance:
    name = _text(entry, "name", "An instance")
    key = _text(entry, "source", name)
    if not isinstance(source := sources.get(key), dict):
        raise InvalidPrices(f"{name}: there is no [source.{key}]; a price without its source does not count.")
    of_source = f"[source.{key}]"
    if not (url := _text(source, "url", of_source)).startswith(("https://", "http://")):
        raise InvalidPrices(f"{of_source}: url is {url!r}; give the address that the prices were copied from.")
    accelerator = entry.get("accelerator", "")
    if not isinstance(accelerator, str):
        raise InvalidPrices(f"{name}: accelerator is a text, or left out.")
    return Instance(
        name=name,
        provider=_text(source, "provider", of_source),
        region=_text(source, "region", of_source),
        vcpus=int(_number(entry, "vcpus", name)),
        memory_gib=_number(entry, "memory_gib", name),
        accelerator=accelerator,
        per_hour=_number(entry, "per_hour", name),
        currency=_text(source, "currency", of_source),
        date=_date(source, "date", of_source),
        retrieved=_date(source, "retrieved", of_source),
        source=url,
    )


def _text(table: Mapping[str, Any], key: str, what: str) -> str:
    value = table.get(key)
    if not isinstance(value, str) or not value.strip():
        raise InvalidPrices(f'{what}: {key} is missing; write {key} = "…".')
    return value


def _number(table: Mapping[str, Any], key: str, what: str) -> float:
    value = table.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
        raise InvalidPrices(f"{what}: {key} is {value!r}; it has to be a number above 0.")
    return float(value)


def _date(table: Mapping[str, Any], key: str, what: str) -> str:
    value = table.get(key)
    if isinstance(value, datetime.date):  # written without quotation marks, TOML makes it a date
        return value.isoformat()[:10]
    if key == "date" and value == UNKNOWN:
        return UNKNOWN
    try:
        return datetime.date.fromisoformat(value).isoformat()
    except (TypeError, ValueError):
        raise InvalidPrices(f'{what}: {key} is {value!r}; write {key} = "2026-11-22", the day it is of.') from None


# --- what predictions cost


def per_thousand(per_hour: float, rows_per_second: float, utilisation: float = 1.0) -> float:
    """Money for a thousand predictions of a machine that could make ``rows_per_second``, so much of which is used."""
    _check(rows_per_second=rows_per_second, utilisation=utilisation)
    return per_hour / (rows_per_second * utilisation * 3600) * 1000


def instances_needed(rate: float, capacity: float, utilisation: float = 1.0) -> int:
    """Whole machines for ``rate`` rows/s, when each could make ``capacity`` rows/s and so much of it is used."""
    _check(capacity=capacity, utilisation=utilisation)
    if not 0 <= rate < math.inf:
        raise ValueError(f"rate is {rate:g}; it has to be a number from 0.")
    return max(1, math.ceil(rate / (capacity * utilisation) - 1e-9))  # 2.1 / 0.7 is 3 and a little more


def in_flight(rate: float, latency: float) -> float:
    """How many requests are under way at a time: ``rate`` requests/s times their mean ``latency`` in s.

    Little's law (J. D. C. Little, "A proof for the queuing formula L = λW", Operations Research 9, 1961). It holds for
    anything that neither loses nor makes requests: so many connections are open, so many replicas are busy when each
    works on one request at a time.
    """
    return rate * latency


def capacity(result: Result, rows: int = 1, deadline: float = math.inf) -> float:
    """Rows a second that a load test has shown: requests that succeeded within ``deadline`` s, times ``rows`` of each.

    Failures never count. A run in which nothing queued shows no limit, so this is what a machine can do *at least*.
    Raises ValueError for a run that is void, or one without a success.
    """
    if void := result.client_bound:
        raise ValueError(f"This run says nothing about the server. {void}")
    if not (found := result.goodput(deadline) * rows):
        raise ValueError("No request of this run succeeded in time: there is no capacity to plan with.")
    return found


@dataclass(frozen=True)
class SLO:
    """What a service promises. ``p99`` s of latency at most; ``failed``: the share of requests that may fail.

    With ``instances`` 2 there is one left when one breaks.
    """

    p99: float
    failed: float = 0.001
    instances: int = 1


@dataclass(frozen=True)
class StressTest:
    """How much load a server took: ``capacity`` in requests/s, the runs (``steps``), and why it went no further."""

    capacity: float
    latency: float  # s, its p99 at that load
    steps: tuple[Result, ...] = field(repr=False)
    ended: str


def stress_test(measure: Callable[[float], Result], rates: Iterable[float], slo: SLO) -> StressTest:
    """Raise the load until the promise breaks: ``measure(rate)`` for each rate, smallest first.

    The capacity is the throughput of the last run that kept the promise. That is all there is to find: a stress test
    makes no prediction cheaper. Raises ValueError when not even the smallest load was borne.
    """
    steps: list[Result] = []
    ended = "All loads were borne: the limit lies higher."
    for rate in sorted(rates):
        steps.append(result := measure(rate))
        if broken := _broken(result, slo):
            ended = f"At {rate:g} requests/s: {broken}"
            break
    kept = [result for result in steps if not _broken(result, slo)]
    if not kept:
        raise ValueError(f"Not even the smallest load was borne. {ended}")
    best = max(kept, key=lambda result: result.throughput)
    return StressTest(capacity(best), best.percentile(99), tuple(steps), ended)


def _broken(result: Result, slo: SLO) -> str | None:
    """Which part of the promise a run broke, in a sentence; a void run proves nothing, so it counts as broken."""
    if void := result.client_bound:
        return void
    if not result.failed <= slo.failed:
        return f"{result.failed:.1%} of the requests failed."
    if (p99 := result.percentile(99)) > slo.p99:
        return f"the p99 was {in_words(p99)}, and {in_words(slo.p99)} was promised."
    return None


# --- plans


@dataclass(frozen=True)
class Plan:
    """A way to serve: which machine, shared how, and what was measured of one of them.

    ``capacity`` is in rows/s, ``latency`` its p99 in s at this ``utilisation`` (0 to 1, the share of the capacity that
    is meant to be used). ``memory_gib`` is what the models need on one machine.
    """

    name: str
    instance: Instance
    strategy: str
    capacity: float
    latency: float
    utilisation: float
    memory_gib: float = 0.0

    def __post_init__(self) -> None:
        _check(capacity=self.capacity, utilisation=self.utilisation, latency=self.latency)

    def instances(self, rate: float) -> int:
        """Whole machines for ``rate`` rows a second."""
        return instances_needed(rate, self.capacity, self.utilisation)

    def per_month(self, rate: float, instances: int = 1) -> float:
        """Money for 730 hours in which ``rate`` rows/s come, on ``instances`` machines at least."""
        return max(self.instances(rate), instances) * self.instance.per_hour * HOURS

    def per_thousand(self, rate: float, instances: int = 1) -> float:
        """Money for a thousand predictions at this rate: whole machines are paid, whether they are needed or not."""
        _check(rate=rate)
        return self.per_month(rate, instances) / (rate * 3600 * HOURS) * 1000


@dataclass(frozen=True)
class Choice:
    """The plan to take, or None. ``reasons`` tells of each other plan, by name, why not."""

    plan: Plan | None
    per_month: float
    per_thousand: float
    reasons: dict[str, list[str]]


def cheapest(plans: Sequence[Plan], slo: SLO, rate: float) -> Choice:
    """The plan that keeps the promise for the least money at ``rate`` rows/s.

    Of plans that cost the same, the one with the lower latency. Raises ValueError for two plans of one name, and for
    prices in more than one currency.
    """
    if len({plan.name for plan in plans}) < len(plans):
        raise ValueError("Two plans have the same name; name them apart.")
    if len(currencies := {plan.instance.currency for plan in plans}) > 1:
        raise ValueError(f"Prices in {' and '.join(sorted(currencies))} cannot be compared: convert them first.")
    _check(rate=rate)
    reasons = {plan.name: refusals(plan, slo) for plan in plans}
    able = [plan for plan in plans if not reasons[plan.name]]
    if not able:
        return Choice(None, math.nan, math.nan, reasons)
    bills = {plan.name: plan.per_month(rate, slo.instances) for plan in able}
    best = min(able, key=lambda plan: (bills[plan.name], plan.latency, plan.name))
    for plan in able:
        times = bills[plan.name] / bills[best.name]
        dearer = f"costs {times:.3g} times as much" if times > 1 else "costs the same, and is no faster"
        reasons[plan.name].append(dearer)
    del reasons[best.name]
    return Choice(best, bills[best.name], best.per_thousand(rate, slo.instances), reasons)


def refusals(plan: Plan, slo: SLO) -> list[str]:
    """Why a plan cannot keep a promise, a sentence for each reason; none when it can."""
    found = []
    if plan.latency > slo.p99:
        found.append(f"its p99 is {in_words(plan.latency)}, and {in_words(slo.p99)} is promised")
    if plan.memory_gib > plan.instance.memory_gib:
        found.append(f"it needs {plan.memory_gib:g} GiB, and {plan.instance.name} has {plan.instance.memory_gib:g}")
    return found


def _check(**given: float) -> None:
    for name, value in given.items():
        if not 0 < value < math.inf:
            raise ValueError(f"{name} is {value:g}; it has to be a number above 0.")
    if given.get("utilisation", 1) > 1:
        raise ValueError(
            f"utilisation is {given['utilisation']:g}; a machine can be used from 0 to 1, the whole of it."
        )
