"""Monitors of drift side by side, on the same streams: ``make bench BENCH=drift.py`` (ten minutes).

**Delay at equal false alarms.** A stream is a model's mean error, day by day: 100 days in control to learn from, 200
more in control, then 200 after a change. Streams of riders and flights are drawn from the real days in weeks (a week
keeps its order, so neighbours stay alike); those of river's generators are means of 25 losses. In control the model's
errors are cross-validated, by months and days. Ours run with the fixed settings of ``modelserving monitor``, and with
those that ring once in ten years on other streams in control, as lesson 06 sets them; peers as they come. Then ours
once more, set to ring as rarely in control as each peer does.
A change that is missed counts as found at the end of the stream. A detector is *dominated* by a peer's default that
rings no more often in control and is no later, and better in one of both, by more than two standard errors.

**Windows without labels.** A week of flights, drawn from days that are as in January to March, or from April or July.

**Cost.** A million predictions of 13 columns in windows of 10,000, once in memory; CPU time, and memory on top of data.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from machine import described, keep, machine
from servers import PACKAGES, PEERS, Problem, Server, environment, version
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tqdm import tqdm

from modelserving import datasets, drift, models
from modelserving.monitor import ADWIN_SPAN, FREAK, PAGE_HINKLEY, log_loss

SCRIPTS = PEERS / "drift"
EVIDENTLY = Server("evidently", (), peer="evidently")
PACKAGES["evidently"] = ("evidently==0.7.23", "pandas<3")  # it imports what 3 has no more

LEARN, CALM, CHANGED = 100, 200, 200  # days of a stream
WEEK = 7
WINDOW = 30  # days that evidently compares with the first hundred
SLOW = 10  # streams, or weeks, of a kind for evidently, which takes 100 ms for a column of 30 values
ERRORS_A_DAY = 25  # of a synthetic stream
TRAINING = 3000  # rows of a synthetic concept
READINGS = (
    "temp",
    "dew",
    "wind",
    "precip",
    "weather_rain",
    "weather_snow",
    "Bulls_Home",
    "Blackhawks_Home",
    "baseball",
)

# --- streams: the errors of a model in control, and after a change


@dataclass(frozen=True)
class Pool:
    """Where streams are drawn from: mean errors of days, in blocks that stay together, float64 (blocks, days)."""

    name: str
    calm: np.ndarray
    changed: np.ndarray


def streams(pool: Pool, count: int, seed: int, change: bool = True) -> np.ndarray:
    """Streams, float64 (count, days): in control for the first LEARN + CALM days, and then changed, or not."""
    rng = np.random.default_rng(seed)
    calm = drawn(pool.calm, count, LEARN + CALM, rng)
    return np.hstack([calm, drawn(pool.changed if change else pool.calm, count, CHANGED, rng)])


def drawn(blocks: np.ndarray, count: int, days: int, rng: np.random.Generator) -> np.ndarray:
    """``count`` series of ``days`` days, of blocks put one after the other."""
    size = blocks.shape[1]
    chosen = rng.integers(len(blocks), size=(count, -(-days // size)))
    return blocks[chosen].reshape(count, -1)[:, :days]


def weeks(values: np.ndarray) -> np.ndarray:
    """A series cut into whole weeks."""
    return values[: len(values) // WEEK * WEEK].reshape(-1, WEEK)


def days_of(losses: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Means of a day's worth of losses drawn at random: (2000, 1)."""
    return rng.choice(losses, size=(2000, ERRORS_A_DAY)).mean(axis=1, keepdims=True)


def rider_pools() -> list[Pool]:
    """Ridge on riders, as in lesson 06, trained 2001 to 2003: some of the years after."""
    table = datasets.riders()
    date, y = table["date"], table["riders"].astype(float)
    turn = 2 * np.pi * (date - date.astype("datetime64[Y]")).astype(int) / 365.25
    kinds = kind_of_day(date)[:, None] == np.arange(9)
    X = np.column_stack([kinds, np.cos(turn), np.sin(turn), *(table[name].astype(float) for name in READINGS)])
    year = date.astype("datetime64[Y]").astype(int) + 1970
    month, train = date.astype("datetime64[M]").astype(int), year <= 2003
    model = make_pipeline(StandardScaler(), Ridge())
    calm = cross_val_predict(model, X[train], y[train], groups=month[train], cv=GroupKFold(12))
    model.fit(X[train], y[train])
    pools = []
    for name, of, size in (
        ("residuals 2005", 2005, float),
        ("errors 2005", 2005, np.abs),
        ("errors 2007", 2007, np.abs),
    ):
        left = [y[train] - calm, y[year == of] - model.predict(X[year == of])]
        pools.append(Pool(f"riders, {name}", *(weeks(np.array([size(one) for one in each])) for each in left)))
    return pools


def kind_of_day(dates: np.ndarray) -> np.ndarray:
    """0 to 6 from Monday, but 7 for days on which offices are closed and 8 for some when they are half empty."""
    weekday = (dates.astype(int) + 3) % 7
    month = dates.astype("datetime64[M]")
    day = 100 * (month.astype(int) % 12 + 1) + (dates - month).astype(int) + 1

    def among(*spans: tuple[int, int]) -> np.ndarray:
        return np.any([(day >= first) & (day <= last) for first, last in spans], axis=0)

    closed = among((101, 101), (704, 704), (1225, 1225))
    closed |= among((525, 531), (901, 907)) & (weekday == 0) | among((1122, 1128)) & (weekday == 3)
    quiet = among((102, 102), (1224, 1231)) | among((1123, 1129)) & (weekday == 4)
    quiet |= among((115, 121), (215, 221), (1008, 1014)) & (weekday == 0)
    return np.where(weekday > 4, weekday, np.where(closed, 7, np.where(quiet, 8, weekday)))


def flight_pools(task: Flights) -> list[Pool]:
    """Logistic regression on flights, trained January to March."""
    train, rows = task.month <= 3, np.arange(len(task.late))
    model = make_pipeline(models.prepare_columns(), LogisticRegression(C=0.1, max_iter=300))
    chance = cross_val_predict(
        model, task.X[train], task.late[train], groups=task.day[train], cv=GroupKFold(5), method="predict_proba"
    )
    model.fit(task.X[train], task.late[train])
    in_control = weeks(task.daily(log_loss(task.late[train], chance[:, 1]), rows[train]))
    pools = []
    for name, months in (("April", [4]), ("July", [7])):
        changed = np.isin(task.month, months)
        daily = task.daily(log_loss(task.late[changed], models.chance(model, task.X[changed])), rows[changed])
        pools.append(Pool(f"flights, {name}", in_control, weeks(daily)))
    return pools


@dataclass(frozen=True)
class Flights:
    """Flights as a model sees them, and when they were."""

    X: np.ndarray
    late: np.ndarray
    month: np.ndarray
    day: np.ndarray  # of the year

    def daily(self, values: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """The mean of each day."""
        return np.array([values[self.day[rows] == day].mean() for day in np.unique(self.day[rows])])


def flights() -> Flights:
    """Every third flight: enough for daily means, and quick."""
    table = {name: column[::3] for name, column in datasets.flights().items()}
    codes = models.learn_codes({name: table[name][table["month"] <= 3] for name in models.NAMED})
    date = datasets.scheduled_departure(table).astype("datetime64[D]").astype(int)
    X = models.flight_features(table, datasets.weather(), codes)
    return Flights(X, datasets.late(table), table["month"], date - date.min())


def synthetic_pools() -> list[Pool]:
    """A model trained on one concept of river's generators, then shown another."""
    from river.datasets import synth

    def sea(variant: int) -> Any:
        return synth.SEA(variant, noise=0.1, seed=1)

    def agrawal(function: int) -> Any:
        return synth.Agrawal(function, seed=1, perturbation=0.1)

    def hyperplane(seed: int) -> Any:
        return synth.Hyperplane(seed=seed, n_features=5, noise_percentage=0.05)

    rng = np.random.default_rng(0)
    pools = []
    for name, before, after in (
        ("SEA, 8 to 9.5", sea(0), sea(3)),
        ("SEA, 8 to 7", sea(0), sea(2)),
        ("Agrawal, 1 to 2", agrawal(0), agrawal(1)),
        ("hyperplane, turned", hyperplane(1), hyperplane(3)),
    ):
        X, y = rows_of(before, 3 * TRAINING)
        new_X, new_y = rows_of(after, 2 * TRAINING)
        model = HistGradientBoostingClassifier(max_iter=60, random_state=0, early_stopping=False)
        model.fit(X[:TRAINING], y[:TRAINING])
        wrong = [model.predict(of) != truth for of, truth in ((X[TRAINING:], y[TRAINING:]), (new_X, new_y))]
        pools.append(Pool(name, *(days_of(of.astype(float), rng) for of in wrong)))
    return pools


def rows_of(generator: Any, count: int) -> tuple[np.ndarray, np.ndarray]:
    """So many rows of a generator of river's."""
    rows = list(islice(generator, count))
    return np.array([list(x.values()) for x, _ in rows], dtype=float), np.array([int(y) for _, y in rows])


# --- detectors: alarms of a stream, as places in it; those of the first LEARN days are not counted


def own_page_hinkley(stream: np.ndarray, threshold: float, **options: Any) -> np.ndarray:
    spread = drift.standardise(stream, stream[:LEARN]).clip(-FREAK, FREAK)
    return drift.page_hinkley(spread, threshold=threshold, **({"delta": 0.25, "mode": "both"} | options))


def own_adwin(stream: np.ndarray, delta: float, span: float = ADWIN_SPAN) -> np.ndarray:
    return drift.adwin(drift.standardise(stream, stream[:LEARN]) / span, delta=delta)


def lesson_page_hinkley(stream: np.ndarray, threshold: float) -> np.ndarray:
    return drift.page_hinkley(drift.standardise(stream, stream[:LEARN]), delta=0.25, threshold=threshold, mode="both")


def lesson_adwin(stream: np.ndarray, delta: float) -> np.ndarray:
    return own_adwin(stream, delta, span=5)


def river_default(name: str) -> Callable[[np.ndarray], np.ndarray]:
    def detect(stream: np.ndarray) -> np.ndarray:
        from river import drift as peers

        options = {"seed": 0} if name == "KSWIN" else {}
        return drift.feed(getattr(peers, name)(**options), stream)

    return detect


SENSITIVE_TO_CALM = {"Page–Hinkley": np.geomspace(2, 300, 40), "ADWIN": np.geomspace(0.9, 1e-12, 40)}
OWN = {"Page–Hinkley": own_page_hinkley, "ADWIN": own_adwin}
LESSON = {"Page–Hinkley": lesson_page_hinkley, "ADWIN": lesson_adwin}
RARELY = 1000 / 3650  # false alarms in 1000 days, for which lesson 06 sets them on data in control
MONITOR = {  # as `modelserving monitor` sets them, whatever the data
    "Page–Hinkley, fixed": lambda stream: own_page_hinkley(stream, **PAGE_HINKLEY, mode="up"),
    "ADWIN, fixed": lambda stream: own_adwin(stream, 0.002),
}


DEFAULTS = {f"river {name}": river_default(name) for name in ("PageHinkley", "ADWIN", "KSWIN")}


@dataclass(frozen=True)
class Found:
    """A detector on one kind of stream."""

    false: float  # alarms in 1000 days in control
    false_error: float  # standard error
    delay: float  # days, a missed change counted as CHANGED
    delay_error: float
    found: float  # share of changes


def found(alarms: Sequence[np.ndarray]) -> Found:
    """Sum up the alarms of each stream of CHANGED days after the change."""
    start = LEARN + CALM
    false = np.array([((each >= LEARN) & (each < start)).sum() for each in alarms]) * 1000 / CALM
    after = [each[each >= start] for each in alarms]
    delay = np.array([each[0] - start + 1 if len(each) else CHANGED for each in after], dtype=float)
    error = np.sqrt(len(alarms))
    return Found(
        float(false.mean()),
        float(false.std() / error),
        float(delay.mean()),
        float(delay.std() / error),
        float(np.mean([len(each) > 0 for each in after])),
    )


def dominates(peer: Found, own: Found) -> bool:
    """Does ``peer`` ring no more often and no later, and better in one by more than two standard errors?"""
    gains = [
        (own.false - peer.false, np.hypot(own.false_error, peer.false_error)),
        (own.delay - peer.delay, np.hypot(own.delay_error, peer.delay_error)),
    ]
    return all(gain >= 0 for gain, _ in gains) and any(gain > 2 * error for gain, error in gains)


def after_learning(detect: Callable[[np.ndarray, Any], np.ndarray]) -> Callable[[np.ndarray, Any], np.ndarray]:
    return lambda stream, setting: (alarms := detect(stream, setting))[alarms >= LEARN]


def calibrated(detect: Callable, settings: np.ndarray, false: float, calm: np.ndarray) -> Callable:
    """One of ours, as sensitive as ``false`` alarms in 1000 days allow on these streams, none of which changes."""
    share = false / 1000 * (calm.shape[1] - LEARN) / calm.shape[1]  # no alarm counts among the days learned from
    setting = drift.most_sensitive(after_learning(detect), settings, list(calm), share)
    return lambda stream: detect(stream, setting)


def compare(pool: Pool, count: int, peer: Callable[[np.ndarray], list[np.ndarray]] | None) -> dict:
    """Every detector on ``count`` streams: ours as shown, peers as they come, ours at each peer's false alarms."""
    test, calm = streams(pool, count, seed=1), streams(pool, count, seed=2, change=False)
    lesson = {
        f"{own}, as in lesson 06": calibrated(LESSON[own], settings, RARELY, calm)
        for own, settings in SENSITIVE_TO_CALM.items()
    }
    shown = {name: found([detect(stream) for stream in test]) for name, detect in (MONITOR | lesson).items()}
    peers = {name: found([detect(stream) for stream in test]) for name, detect in DEFAULTS.items()}
    if peer:
        peers["evidently, 30 days"] = found(peer(test[:SLOW]))
    equal: dict[str, dict] = {name: {} for name in peers}
    for name, other in peers.items():
        for own, settings in SENSITIVE_TO_CALM.items():
            detect = calibrated(OWN[own], settings, other.false, calm)
            equal[name][own] = asdict(found([detect(stream) for stream in test]))
    return {
        "shown": {name: asdict(one) for name, one in shown.items()},
        "peers": {name: asdict(one) for name, one in peers.items()},
        "equal": equal,
        "dominated": [
            (own, other) for own, one in shown.items() for other, two in peers.items() if dominates(two, one)
        ],
    }


# --- evidently, in an environment of its own


def run(script: str, *arguments: Path | str, server: Server | None = None) -> dict:
    """What a script of ``peers/drift`` prints; numeric libraries have one thread, and nothing is reported home."""
    python = environment(server) / "python" if server else Path(sys.executable)
    command = [str(python), str(SCRIPTS / script), *map(str, arguments)]
    quiet = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "DO_NOT_TRACK": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=quiet, timeout=1800)
    if done.returncode:
        raise Problem(f"{script} ended with: {done.stderr.strip().splitlines()[-1]}")
    return json.loads(done.stdout.splitlines()[-1])


def evidently_on(folder: Path) -> Callable[[np.ndarray], list[np.ndarray]]:
    """Its verdicts on windows of WINDOW days, against the first LEARN; an alarm falls on a window's last day."""

    def detect(test: np.ndarray) -> list[np.ndarray]:
        ends = np.arange(LEARN + WINDOW, test.shape[1] + 1, WINDOW)
        windows = np.array([stream[end - WINDOW : end] for stream in test for end in ends])[..., None]
        references = np.repeat(test[:, :LEARN], len(ends), axis=0)[..., None]
        np.savez(folder / "errors.npz", windows=windows, references=references)
        rang = np.array(run("with_evidently.py", folder / "errors.npz", server=EVIDENTLY)["table"])
        return [ends[each] - 1 for each in rang.reshape(len(test), len(ends))]

    return detect


# --- windows of flights, without labels


def weeks_of_flights(task: Flights, days: np.ndarray, count: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Rows of so many weeks of days drawn at random."""
    rows = np.flatnonzero(np.isin(task.day, days))
    by_day = {day: rows[task.day[rows] == day] for day in days}
    return [np.concatenate([by_day[day] for day in rng.choice(days, WEEK, replace=False)]) for _ in range(count)]


def without_labels(task: Flights, count: int, folder: Path, evidently: bool) -> dict:
    """How many weeks ring, in control and after two changes; thresholds of ours promise 1 in 10."""
    rng = np.random.default_rng(0)
    days = np.unique(task.day[task.month <= 3])
    reference = np.flatnonzero(np.isin(task.day, days[::2]))
    model = models.train_logistic(task.X[reference], task.late[reference])
    X = np.column_stack([task.X, models.chance(model, task.X)])
    kinds = {"setting": days[1::2], "in control": days[1::2]}
    kinds |= {name: np.unique(task.day[task.month == month]) for name, month in (("April", 4), ("July", 7))}
    drawn_weeks = {name: weeks_of_flights(task, of, count, rng) for name, of in kinds.items()}
    known = [drift.refer(column) for column in X[reference].T]

    def largest(score: Callable[[drift.Reference, np.ndarray], float], columns: range) -> Callable:
        return lambda rows: max(score(known[place], X[rows, place]) for place in columns)

    def classifier(grouped: bool) -> Callable:
        def score(rows: np.ndarray) -> float:
            groups = (task.day[reference], task.day[rows]) if grouped else None
            return drift.domain_classifier(X[reference], X[rows], groups=groups, most=600)

        return score

    def distance(of: drift.Reference, column: np.ndarray) -> float:
        return drift.ks(of, column).statistic

    inputs, prediction = range(13), range(13, 14)
    monitors = {
        "PSI, largest of 13 inputs": largest(drift.psi, inputs),
        "KS, largest of 13 inputs": largest(distance, inputs),
        "PSI of the prediction": largest(drift.psi, prediction),
        "KS of the prediction": largest(distance, prediction),
        "domain classifier, rows alone": classifier(False),
        "domain classifier, days together": classifier(True),
    }
    shares = {}
    for name, score in tqdm(monitors.items(), desc="windows of flights", disable=None):
        scores = {kind: np.array([score(rows) for rows in each]) for kind, each in drawn_weeks.items()}
        limit = drift.threshold(scores.pop("setting"), 0.1)
        shares[name] = {kind: float((of > limit).mean()) for kind, of in scores.items()}
        if name.startswith("PSI, largest"):
            shares[f"{name}, above 0.25"] = {kind: float((of > 0.25).mean()) for kind, of in scores.items()}
    if evidently:
        tested = [rows for kind, each in drawn_weeks.items() if kind != "setting" for rows in each[:SLOW]]
        most = max(map(len, tested))
        windows = np.full((len(tested), most, X.shape[1]), np.nan)
        for window, rows in zip(windows, tested, strict=True):
            window[: len(rows)] = X[rows]
        np.savez(folder / "flights.npz", reference=X[reference], windows=windows)
        verdicts = run("with_evidently.py", folder / "flights.npz", server=EVIDENTLY)
        for name, key in (("evidently: half of the columns", "table"), ("evidently: any column", "column")):
            each = np.array(verdicts[key]).reshape(3, -1)
            shares[name] = dict(zip(("in control", "April", "July"), each.mean(axis=1).tolist(), strict=True))
    return shares


# --- cost


def a_million(task: Flights, folder: Path, windows: int) -> Path:
    """Predictions in windows of 10,000 rows drawn from the flights, with their labels."""
    rng = np.random.default_rng(0)
    rows = rng.integers(len(task.late), size=(windows, 10_000))
    X = np.nan_to_num(task.X)  # river's detectors take no NaN
    path = folder / f"{windows}.npz"
    labels = task.late[rows].astype(np.float32)
    answers = np.clip(0.2 + 0.2 * labels + 0.1 * rng.normal(size=rows.shape), 0, 1).astype(np.float32)
    np.savez(path, reference=X[rng.integers(len(X), size=20_000)], windows=X[rows], answers=answers, labels=labels)
    return path


def cost(task: Flights, folder: Path, windows: int, evidently: bool) -> dict:
    """CPU seconds and memory of each monitor."""
    whole, part = a_million(task, folder, windows), a_million(task, folder, max(1, windows // 10))
    log = folder / "log.db"
    jobs = {
        "ours: PSI and KS of 13 columns, detectors by day": ("with_modelserving.py", whole),
        "ours: keep it in the log, with labels": ("with_log.py", whole, log),
        "ours: report from the log, reading included": ("with_log.py", whole, log),
        "river ADWIN, of the error, row by row": ("with_river.py", whole, "0"),
        "river ADWIN, of the error and 13 columns, row by row": ("with_river.py", part, "13"),
    }
    if evidently:
        jobs["evidently, 13 columns, by window"] = ("with_evidently.py", part)
    taken = {}
    for name, (script, *arguments) in tqdm(jobs.items(), desc="cost", disable=None):
        taken[name] = run(script, *arguments, server=EVIDENTLY if "evidently" in script else None)
    return taken


# --- tables


def measure(options: argparse.Namespace, folder: Path) -> dict:
    about, problem, evidently = machine(), "", not options.without_evidently
    try:
        if evidently:
            environment(EVIDENTLY)
    except Problem as found_out:
        problem, evidently = str(found_out), False
    task = flights()
    pools = [*rider_pools(), *flight_pools(task), *synthetic_pools()]
    peer = evidently_on(folder) if evidently else None
    results: dict = {"date": datetime.date.today().isoformat(), "machine": about, "streams": options.streams}
    results["versions"] = [version(Server("", ()), "river"), *([version(EVIDENTLY)] if evidently else [])]
    results["problem"] = problem
    results["delay"] = {
        pool.name: compare(pool, options.streams, peer) for pool in tqdm(pools, desc="streams", disable=None)
    }
    results["windows"] = without_labels(task, options.windows, folder, evidently)
    results["cost"] = cost(task, folder, options.million, evidently)
    return results


def table(results: dict) -> str:
    lines = ["# Monitors of drift, side by side", "", described(results["date"], results["machine"])]
    lines += [f"{', '.join(results['versions'])}. Written by `make bench`; `benchmarks/drift.py` says what was run."]
    lines += [
        "",
        f"## Errors by day: false alarms in 1000 days, mean delay in days ({results['streams']} streams each)",
    ]
    lines += [
        "",
        "Delay: a change that is missed within 200 days counts as 200. In brackets, the share of changes found.",
    ]
    first = next(iter(results["delay"].values()))
    names = [*first["shown"], *first["peers"]]
    lines += ["", row("stream", *(f"{name}{' (ours)' if name in first['shown'] else ''}" for name in names))]
    lines += ["|---|" + "---:|" * len(names)]
    for stream, one in results["delay"].items():
        lines.append(row(stream, *(cell((one["shown"] | one["peers"])[name]) for name in names)))
    lines += ["", "## The same with ours set to ring as rarely in control as that peer does", ""]
    lines += [row("stream", "peer", "the peer", *(f"{name} (ours)" for name in OWN)), "|---|---|" + "---:|" * 3]
    for stream, one in results["delay"].items():
        for name, peer in one["peers"].items():
            lines.append(row(stream, name, cell(peer), *(cell(one["equal"][name][own]) for own in OWN)))
    lines += ["", "## Weeks of flights without labels: share of weeks that ring; ours are set to 10 % in control", ""]
    lines += [row("monitor", "in control", "April", "July"), "|---|---:|---:|---:|"]
    lines += [row(name, *(f"{share:.0%}" for share in one.values())) for name, one in results["windows"].items()]
    lines += ["", "## Cost of a million predictions of 13 columns", ""]
    lines += [row("monitor", "CPU s a million", "predictions/s", "memory MB", "on top of its data, MB")]
    lines += ["|---|" + "---:|" * 4]
    for name, one in results["cost"].items():
        each = one["cpu_s"] / one["rows"]
        figures = (f"{1e6 * each:,.1f}", f"{1 / each:,.0f}", f"{one['process_mb']:,.0f}", f"{one['peak_mb']:,.0f}")
        lines.append(row(name, *figures))
    lines += ["", *verdicts(results)]
    return "\n".join(lines) + "\n"


def verdicts(results: dict) -> list[str]:
    """What the detectors of the lesson are held to, and whether it holds."""
    bad = [f"{own} by {peer} on {name}" for name, one in results["delay"].items() for own, peer in one["dominated"]]
    said = "NOT SO: " + "; ".join(bad) if bad else "so it is"
    said = f"- No detector of the lesson, as shown, is dominated by a peer's default on any of these streams: {said}."
    return [said, *([f"- Not measured: {results['problem']}"] if results["problem"] else [])]


def row(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |"


def cell(one: dict) -> str:
    return f"{one['false']:.1f}; {one['delay']:.0f} ({one['found']:.0%})"


def main() -> None:
    """Measure, print the tables and write them with the raw numbers."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--streams", type=int, default=50, help="of each kind, with a change and without")
    parser.add_argument("--windows", type=int, default=30, help="weeks of flights of each kind")
    parser.add_argument("--million", type=int, default=100, help="windows of 10,000 predictions whose cost is taken")
    parser.add_argument("--without-evidently", action="store_true", help="install and run nothing else")
    parser.add_argument("--name", default="drift", help="name of the files in benchmarks/results")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as work:
        results = measure(options, Path(work).resolve())
    keep(options.name, results, table(results))


if __name__ == "__main__":
    main()
