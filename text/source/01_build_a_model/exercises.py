# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
#   twin:
#     agreed: 333df728b0baaec4
# ---

# %% [markdown]
# # Assignment 01: build a model
#
# Will a flight out of New York arrive 15 minutes late or more? Lesson 01 built a model that answers. Here you write six
# of the pieces that it stood on, so that each of them holds when the data are new.
#
# | exercise | what you write | points |
# |---|---|---|
# | 1 | `features`: turn flights into numbers, with nothing that is only known afterwards | 4 |
# | 2 | `split_in_time`: train on the past, test on the future | 3 |
# | 3 | `evaluate`: say how good the probabilities are, next to a baseline | 3 |
# | 4 | `calibration_table`: check whether 30 % means 30 % | 3 |
# | 5 | `predict`: bring model, interpreter and input data together; refuse when one is missing | 3 |
# | 6 | `OnlineRate`: learn from a stream, and forget on purpose | 4 |
#
# It takes 60 to 120 minutes. The quiz of this assignment is in `quiz.ipynb`, worth another 4 points.
#
# **How it works.**
#
# - Write your code where it says `YOUR CODE HERE`, in place of `raise NotImplementedError()`. You may add cells.
# - A cell that begins with `# Visible test` checks your work while you write. Run it as often as you like. The button *Validate* runs
#   them all in a fresh kernel. They earn 6 of the 20 points, so its "Success!" means a good start, not full marks.
# - A cell that begins with `# Hidden test` holds only comments here. The grader fills it with checks on data that you have not seen.
#   The comments say what they look at, and everything that is checked stands in the docstring.
# - Each test earns its own points, so half of an exercise is worth handing in. No exercise needs an earlier one.
# - What counts is what your functions return, not how they are written and not how fast they are. numpy and scikit-learn are at
#   hand; plain loops pass as well.

# %% [markdown]
# Run the next cell first. `flights` is a dict with one array for each column, all of the same length: one entry per flight,
# in the order of the scheduled departure.

# %% nbgrader={"grade": false, "grade_id": "setup", "locked": true, "schema_version": 3, "solution": false, "task": false}
import numpy as np

from modelserving import datasets

flights = datasets.flights()
for column, meaning in datasets.columns("flights").items():
    print(f"{column:15} {flights[column].dtype!s:8} {meaning}")


# %% [markdown]
# ## Exercise 1. Features without a leak
#
# Some columns are known when the plane is still at the gate: the schedule, the carrier, the airports, the distance. Others
# are written down afterwards: `dep_delay`, `arr_delay`, `air_time`. Before the flight leaves, those three do not exist. A model that saw
# them in training shines in the test and has nothing to go on in service. That is a **leak**.
#
# A service also sees one flight at a time. So a row of `X` may depend on its own flight only: no mean, no smallest value and no list of
# carriers taken from the flights that happen to be in the same request. Nor may it fetch an outcome by another way: the flights of
# the year stand above, but not one of tomorrow's is among them. Lists of codes are fine, and so is the weather of two hours before.
#
# Choose your own columns and encodings, within what the docstring asks for. You may use the month or leave it out. How well a
# model predicts from them is not graded.

# %% nbgrader={"grade": false, "grade_id": "features", "locked": false, "schema_version": 3, "solution": true, "task": false}
def features(flights):
    """What is known about flights before they leave, as numbers.

    Arguments:
        flights: dict of arrays of length n, one entry per flight, with at least these columns:
            `month`, `day`, `sched_dep_time` (local time as hour * 100 + minute, so 1745 is a
            quarter to six in the evening), `carrier`, `origin`, `dest` (codes, as text) and
            `distance` (miles). The columns `dep_delay`, `arr_delay` and `air_time` may be there
            or not; they hold NaN for flights that never left. n may be 1.

    Returns:
        X: float32 array of shape (n, k), rows in the order given, k of your choice, without NaN and
            infinity.
        names: list of k different strings, one for each column of X.

    What a row must and must not do:
        - it depends on its own flight only, and never on `dep_delay`, `arr_delay` or `air_time`: not
          on those given, not on those looked up in the flights of the year, nor on a table made from
          any flight's outcome (such as each carrier's share of late flights);
        - it differs between flights that differ in the scheduled hour (5 to 23), in the origin
          (EWR, JFK, LGA) or in the carrier (at least for the five largest: UA, B6, EV, DL, AA);
        - its columns are the same ones whatever flights are given, also when a carrier or an
          airport was never seen before (its row may hold any finite numbers).
    """
    ### BEGIN SOLUTION
    columns = {
        "hour": np.asarray(flights["sched_dep_time"]) // 100,
        "minute": np.asarray(flights["sched_dep_time"]) % 100,
        "distance": np.asarray(flights["distance"]),
    }
    for code in ("EWR", "JFK", "LGA"):
        columns[f"from {code}"] = np.asarray(flights["origin"]) == code
    for code in ("UA", "B6", "EV", "DL", "AA", "MQ", "US", "9E", "WN", "VX"):
        columns[f"carrier {code}"] = np.asarray(flights["carrier"]) == code
    return np.stack(list(columns.values()), axis=1).astype(np.float32), list(columns)
    ### END SOLUTION


# %% [markdown]
# Try `features(flights)[0].shape` in a cell of your own, then run the test. It takes some hundred flights of the year.

# %% nbgrader={"grade": true, "grade_id": "test_features", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Visible test, 1 point: the form of the table, and the facts that a row has to carry.
# Why: an interpreter takes one dtype and a fixed number of columns, and a model learns nothing
# from a fact that is not there.
# Expected: X of shape (n, k), float32, finite; k different names; rows that differ between hours,
# origins and carriers; the same row for a flight alone as among many.
import numpy as np

from modelserving import datasets


def test_features():
    sampled_flights = {column: values[::700] for column, values in datasets.flights().items()}
    n_sampled = len(sampled_flights["month"])
    returned = features(sampled_flights)
    assert isinstance(returned, (tuple, list)), "features must return two things, X and names."
    assert len(returned) == 2, f"features must return two things, X and names; yours returned {len(returned)}."
    table, table_names = np.asarray(returned[0]), [str(name) for name in returned[1]]
    assert table.ndim == 2, f"X must have two dimensions, (flights, columns); yours has shape {table.shape}."
    assert len(table) == n_sampled, (
        f"{n_sampled} flights went in and {len(table)} rows came out: keep every flight, cancelled ones too."
    )
    assert table.dtype == np.float32, (
        f"X must be float32, the dtype that the interpreter takes; yours is {table.dtype}."
    )
    assert np.isfinite(table).all(), (
        "X holds NaN or infinity. Of the columns that may be used, none does: where does it come from?"
    )
    assert len(table_names) == table.shape[1], (
        f"X has {table.shape[1]} columns and there are {len(table_names)} names: give one each."
    )
    assert len(set(table_names)) == len(table_names), "Two columns of X have the same name."

    one_flight = {
        "month": 6,
        "day": 14,
        "sched_dep_time": 800,
        "carrier": "UA",
        "origin": "EWR",
        "dest": "ORD",
        "distance": 719,
    }
    one_flight |= {"dep_delay": -2.0, "arr_delay": -9.0, "air_time": 110.0}
    facts = {
        "sched_dep_time": [hour * 100 for hour in range(5, 24)],
        "origin": ["EWR", "JFK", "LGA"],
        "carrier": ["UA", "B6", "EV", "DL", "AA"],
    }
    for fact, values in facts.items():
        alike = {column: np.array([value] * len(values)) for column, value in one_flight.items()}
        alike[fact] = np.array(values)
        different_rows = len(np.unique(np.asarray(features(alike)[0]), axis=0))
        assert different_rows == len(values), (
            f"{len(values)} flights that differ only in {fact} ({values[0]} to {values[-1]}) gave "
            f"{different_rows} different rows: X does not carry all of {fact}."
        )

    alone = np.asarray(features({column: values[5:6] for column, values in sampled_flights.items()})[0])
    assert alone.shape == (1, table.shape[1]), (
        f"A flight alone gave X of shape {alone.shape}, not (1, {table.shape[1]}): the columns must not depend on "
        "which flights are given."
    )
    assert np.allclose(alone[0], table[5], rtol=1e-5, atol=1e-6), (
        "A flight alone gave another row than the same flight among many: something was taken from all flights given."
    )


test_features()

# %% nbgrader={"grade": true, "grade_id": "test_features_hidden", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# Hidden test, 2 points: no leak.
# Why: a model trained on what is known afterwards has nothing to go on before departure.
# Expected: X stays the same, bit for bit, when dep_delay, arr_delay or air_time change and nothing
# else does; no outcome looked up in the flights of the year, or taken from a table made of outcomes.
### BEGIN HIDDEN TESTS
import numpy as np
from sklearn.metrics import roc_auc_score
from sklearn.tree import DecisionTreeClassifier

from modelserving import datasets


def test_features_hidden():
    honest_flights = {column: values[11::450] for column, values in datasets.flights().items()}
    honest_table = np.asarray(features(honest_flights)[0])
    assert honest_table.shape[:1] == honest_flights["month"].shape, (
        f"X has shape {honest_table.shape} for {len(honest_flights['month'])} flights: one row for each is needed."
    )
    hours_in_it = len(np.unique(honest_flights["sched_dep_time"] // 100))
    assert len(np.unique(honest_table, axis=0)) >= hours_in_it, (
        "Rows of X hardly differ: they do not even carry the scheduled hour."
    )
    generator = np.random.default_rng(20130101)
    for outcome in ("dep_delay", "arr_delay", "air_time"):
        for what, values in {
            "was mixed among the flights": generator.permutation(honest_flights[outcome]),
            "grew by three hours": honest_flights[outcome] + np.float32(180),
            "was NaN, as for a cancelled flight": np.full(len(honest_table), np.nan, dtype=np.float32),
        }.items():
            changed_table = np.asarray(features(honest_flights | {outcome: values})[0])
            assert np.array_equal(changed_table, honest_table), (
                f"X changed when only {outcome} {what}. {outcome} is written down after departure: this is a leak."
            )

    # An outcome that comes by another way than the argument: looked up in the year, flight by flight.
    year = datasets.flights()
    looked_at = {column: values[7::40] for column, values in year.items()}
    looked_at_table, looked_at_late = np.asarray(features(looked_at)[0]), datasets.late(looked_at)
    early = looked_at["month"] <= 8
    tree = DecisionTreeClassifier(min_samples_leaf=50, random_state=0)
    tree.fit(looked_at_table[early], looked_at_late[early])
    told_apart = roc_auc_score(looked_at_late[~early], tree.predict_proba(looked_at_table[~early])[:, 1])
    # Honest columns reach 0.60 to 0.65 here, every weather column included; the departure delay reaches 0.87.
    assert told_apart < 0.8, (
        f"One tree on X tells late from punctual flights of autumn with an AUC of {told_apart:.2f}. What is known "
        "before departure does not reach 0.7: X holds the outcome, looked up in the flights of the year. A leak."
    )

    # … or a table by carrier or destination, made from outcomes.
    outcomes = {"share of late flights": datasets.late(year)} | {
        f"mean {outcome}": year[outcome] for outcome in ("dep_delay", "arr_delay")
    }
    for fact in ("carrier", "dest"):
        codes, place = np.unique(year[fact], return_inverse=True)
        alike = {column: np.repeat(value[:1], len(codes)) for column, value in looked_at.items()} | {fact: codes}
        alike_table = np.asarray(features(alike)[0], dtype=float)
        for outcome, values in outcomes.items():
            has_value = np.isfinite(values)
            counts = np.bincount(place[has_value], minlength=len(codes))
            sums = np.bincount(place[has_value], values[has_value], len(codes))
            by_code, of_these = sums[counts > 0] / counts[counts > 0], alike_table[counts > 0]
            for column in of_these[:, of_these.std(axis=0) > 0].T:
                assert abs(np.corrcoef(column, by_code)[0, 1]) < 0.999, (
                    f"A column of X is the {outcome} of each {fact}, over the year: a table made from outcomes, the "
                    "test days among them. This is a leak: encode the code itself."
                )


test_features_hidden()
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "test_features_served", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Hidden test, 1 point: the same features in service.
# Why: a service gets one flight, today's flight, without its outcome.
# Expected: the same row for a flight alone as among many; the same columns for a carrier never
# seen before; no need for the columns that are written down afterwards.
### BEGIN HIDDEN TESTS
import numpy as np

from modelserving import datasets


def test_features_served():
    morning_flights = {column: values[29::6000] for column, values in datasets.flights().items()}
    among_many, many_names = features(morning_flights)
    among_many = np.asarray(among_many)
    assert among_many.ndim == 2, f"X must have two dimensions, (flights, columns); yours has shape {among_many.shape}."
    assert len(np.unique(among_many, axis=0)) > 10, "Rows of X hardly differ: they do not carry the facts."
    for row in range(0, len(among_many), 7):
        alone, names_alone = features({column: values[row : row + 1] for column, values in morning_flights.items()})
        alone = np.asarray(alone)
        assert alone.shape == (1, among_many.shape[1]), (
            f"One flight alone gave X of shape {alone.shape}; among {len(among_many)} flights it had "
            f"{among_many.shape[1]} columns. "
            "Take the list of carriers and airports from a constant, not from the flights given."
        )
        assert list(names_alone) == list(many_names), "One flight alone gave columns of other names than among many."
        assert np.allclose(alone[0], among_many[row], rtol=1e-5, atol=1e-6), (
            "A flight alone gave another row than the same flight among many. "
            "A mean, a spread, a rank or a count was taken from the flights given."
        )

    unseen = {column: values[:3] for column, values in morning_flights.items()}
    unseen = unseen | {"carrier": np.array(["ZZ", "UA", "ZZ"]), "dest": np.array(["XNA", "QQQ", "QQQ"])}
    unseen_table = np.asarray(features(unseen)[0])
    assert unseen_table.shape == (3, among_many.shape[1]), (
        "With a carrier and an airport never seen before "
        f"X has shape {unseen_table.shape}; (3, {among_many.shape[1]}) is needed."
    )
    assert np.isfinite(unseen_table).all(), "With a carrier or an airport never seen before X holds NaN or infinity."

    today = {
        column: values
        for column, values in morning_flights.items()
        if column not in ("dep_delay", "arr_delay", "air_time")
    }
    try:
        today_table = np.asarray(features(today)[0])
    except KeyError as error:
        raise AssertionError(
            f"features asked for the column {error}, which does not exist before the flight has left."
        ) from None
    assert np.array_equal(today_table, among_many), (
        "X changed when the columns that are written down afterwards were left out."
    )


test_features_served()
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 2. A holdout that lies in the future
#
# A model in service predicts days that it has never seen. Lesson 01 measured what a shuffled holdout makes of that: flights of one
# day share weather and delays, so a model that knows half of a day's flights knows much about the other half.
#
# Cut the year between two days. Training gets the first days, whole days, and as few of them as make up the share asked for.
# For 10 flights on three days (4, 4 and 2 of them) and a share of 0.5, training gets the first two days: one day holds 4
# flights, fewer than half.
#
# Beware: `month` and `day` may come as 8-bit integers, which wrap round above 127. Convert with `.astype(int)` before you multiply.

# %% nbgrader={"grade": false, "grade_id": "split_in_time", "locked": false, "schema_version": 3, "solution": true, "task": false}
def split_in_time(month, day, share):
    """Which flights are for training, and which for the test: the past and the future.

    Arguments:
        month, day: integer arrays of shape (n,), of any integer dtype: the date of each flight. All
            flights are of one year; they come in any order.
        share: float, the share of the flights that training gets at least.

    Returns:
        train, test: bool arrays of shape (n,). Every flight is in exactly one of them, and no day is
        in both. Training holds the first days: as few whole days as are needed to have at least
        share * n flights (exactly share * n is enough).

    Raises:
        ValueError: share is not greater than 0 and smaller than 1, or no day would be left for the
            test.
    """
    ### BEGIN SOLUTION
    if not 0 < share < 1:
        raise ValueError(f"share must lie strictly between 0 and 1, not {share}")
    date = np.asarray(month).astype(int) * 100 + np.asarray(day)
    dates, flights_on = np.unique(date, return_counts=True)
    days_needed = int(np.searchsorted(np.cumsum(flights_on), share * len(date))) + 1
    if days_needed >= len(dates):
        raise ValueError(f"a share of {share} takes all {len(dates)} days: none is left for the test")
    train = date < dates[days_needed]
    return train, ~train
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_split_in_time", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Visible test, 1 point: twelve flights on five days, 60 % for training.
# Why: a day on both sides, or a training day after a test day, makes the test look better than
# service will be.
# Expected: the first four days (10 flights of 12) for training; three would hold 6, fewer than 7.2.
import numpy as np


def test_split_in_time():
    # 30 January: 2 flights, 31 January: 3, 1 February: 1, 3 February: 4, 1 December: 2
    twelve_months = np.array([1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 12, 12])
    twelve_days = np.array([30, 30, 31, 31, 31, 1, 3, 3, 3, 3, 1, 1])
    halves = split_in_time(twelve_months, twelve_days, 0.6)
    assert isinstance(halves, (tuple, list)), "split_in_time must return two arrays, train and test."
    assert len(halves) == 2, f"split_in_time must return two arrays, train and test; yours returned {len(halves)}."
    past, future = np.asarray(halves[0]), np.asarray(halves[1])
    assert past.dtype == future.dtype == bool, f"Bool arrays are needed; yours are {past.dtype} and {future.dtype}."
    assert past.shape == future.shape == (12,), f"Shapes (12,) are needed, not {past.shape} and {future.shape}."
    assert (past ^ future).all(), "Each flight must be in exactly one of train and test."
    dates_used = twelve_months * 100 + twelve_days
    assert not set(dates_used[past]) & set(dates_used[future]), (
        "A day has flights on both sides: cut between days, not between flights."
    )
    assert dates_used[past].max() < dates_used[future].min(), (
        "A training day lies after a test day: sort by date, do not shuffle."
    )
    assert past.sum() == 10, (
        f"Training has {past.sum()} flights; as few whole days as hold at least 60 % are needed: 10 flights."
    )


test_split_in_time()

# %% nbgrader={"grade": true, "grade_id": "test_split_in_time_hidden", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# Hidden test, 2 points: flights of the year, in order and out of order, several shares; 8-bit dates,
# the turn of a month, exactly the share; what cannot be split.
# Why: the split has to hold for any data, and to say so when nothing would be left to test on.
# Expected: the rule of the docstring, flight by flight; ValueError for an impossible share.
### BEGIN HIDDEN TESTS
import numpy as np

from modelserving import datasets


def test_split_in_time_hidden():
    year = {column: datasets.flights()[column][5::97] for column in ("month", "day")}
    generator = np.random.default_rng(31)
    shuffled = generator.permutation(len(year["month"]))
    shares = (0.13, 0.52, 0.77)
    cases = {
        "the flights of the year, in order": (year["month"], year["day"], shares),
        "the flights of the year, out of order": (year["month"][shuffled], year["day"][shuffled], shares),
        "40 flights of one week, out of order": (
            np.full(40, 7, dtype=np.int8),
            generator.permutation(np.arange(40) % 7 + 1).astype(np.int8),
            shares,
        ),
        "days of three months, as 64-bit integers": (
            np.repeat([11, 10, 12], 30),
            np.tile(np.arange(1, 31), 3),
            shares,
        ),
        "5 and 6 January, 5 and 6 February, as 8-bit integers": (
            np.repeat(np.array([1, 2], dtype=np.int8), 4),
            np.tile(np.array([5, 5, 6, 6], dtype=np.int8), 2),
            (0.3,),
        ),
        "4 flights each on 31 January, 1 February and 2 February": (
            np.repeat([1, 2, 2], 4),
            np.repeat([31, 1, 2], 4),
            (0.3,),
        ),
        "2 flights on each of 4 days": (np.full(8, 3), np.repeat([1, 2, 3, 4], 2), (0.5,)),
    }
    for case, (case_month, case_day, case_shares) in cases.items():
        case_dates = case_month.astype(int) * 100 + case_day.astype(int)
        for case_share in case_shares:
            about = f"({case}, share {case_share})"
            try:
                past, future = (np.asarray(half) for half in split_in_time(case_month, case_day, case_share))
            except ValueError as error:
                raise AssertionError(
                    f"split_in_time refused with ValueError, although days are left for the test {about}: {error}"
                ) from None
            assert past.shape == future.shape == case_dates.shape, (
                f"Shapes {past.shape} and {future.shape} for {len(case_dates)} flights {about}."
            )
            assert past.dtype == future.dtype == bool, f"train and test must be bool arrays {about}."
            assert (past ^ future).all(), f"Some flights are in both of train and test, or in neither {about}."
            assert past.any(), f"Training is empty {about}."
            assert future.any(), f"The test is empty {about}."
            assert not set(case_dates[past]) & set(case_dates[future]), f"A day has flights on both sides {about}."
            assert case_dates[past].max() < case_dates[future].min(), (
                f"A training day lies after a test day {about}. "
                "Rows may come in any order, and 12 * 100 does not fit into 8 bits."
            )
            assert past.mean() >= case_share, (
                f"Training has a share of {past.mean():.3f}, less than was asked for {about}."
            )
            without_last = (case_dates < case_dates[past].max()).mean()
            thirty = case_month.astype(int) * 30 + case_day.astype(int)
            last_by_thirty = np.unique(case_dates[past & (thirty == thirty[past].max())])
            diagnosis = ""
            if without_last == case_share:
                diagnosis = " Exactly the share is enough: at least means >=, not >."
            elif len(last_by_thirty) > 1:
                diagnosis = " It took two dates for one day, as month * 30 + day does with 31 January and 1 February."
            assert without_last < case_share, (
                f"Training has more days than needed: without its last day it still has {without_last:.3f} {about}."
                f"{diagnosis}"
            )

    for bad_share in (0, 1, -0.2, 1.5):
        try:
            split_in_time(year["month"], year["day"], bad_share)
        except ValueError:
            continue
        raise AssertionError(f"A share of {bad_share} leaves one side empty or makes no sense: raise ValueError.")
    try:
        split_in_time(np.full(9, 5), np.full(9, 20), 0.5)
    except ValueError:
        nothing_left = True
    else:
        nothing_left = False
    assert nothing_left, "Nine flights of one single day: no day is left for the test, so raise ValueError."


test_split_in_time_hidden()
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 3. Score the probabilities
#
# A service that says "30 %" is asked two things: does it put late flights above punctual ones (**ROC AUC**), and do its
# numbers deserve trust (**log loss**)? For a flight with outcome $y$ (1 late, 0 not) and probability $p$ the log loss is
#
# $$-\bigl(y \ln p + (1 - y) \ln(1 - p)\bigr),$$
#
# averaged over the flights. A figure alone says little. The **baseline** here answers the share of late flights in `late`, each time:
# the best constant for these very flights, a baseline that a service could not know in advance (lesson 01 quoted the training months'
# share). Beating it is harder. The **skill** is the part of the baseline's log loss that the model takes away: 1 is perfect, 0 is no
# better than the baseline, below 0 is worse.
#
# A probability of exactly 0 for a flight that is late costs infinitely much. One such flight would drown all others, so
# probabilities are first limited to $[10^{-6}, 1 - 10^{-6}]$.
#
# The AUC is the share of all pairs of a late and a punctual flight in which the late one has the higher probability; a pair with
# equal probabilities counts half.

# %% nbgrader={"grade": false, "grade_id": "evaluate", "locked": false, "schema_version": 3, "solution": true, "task": false}
def evaluate(late, probability):
    """Log loss and ROC AUC of predicted probabilities, next to the best constant for these flights.

    Arguments:
        late: array of shape (n,), bool or 0 and 1: was the flight late?
        probability: float array of shape (n,), between 0 and 1: the predicted probability of late.

    Returns:
        dict with four floats:
        "log_loss": mean over the flights, natural logarithm, with probabilities limited to
            [1e-6, 1 - 1e-6];
        "baseline_log_loss": the same for a constant probability, the share of late flights in `late`:
            the best constant for these very flights, a baseline that a service could not know in
            advance (lesson 01 quoted the training months' share); beating it is harder;
        "skill": 1 - log_loss / baseline_log_loss;
        "auc": share of the pairs (late, not late) put in the right order; ties count half.

    Raises:
        ValueError: the lengths differ (one probability for five flights is an error too, it is not
            stretched), or all flights are late, or none is (then skill and AUC mean nothing).
    """
    ### BEGIN SOLUTION
    late, probability = np.asarray(late).astype(bool), np.asarray(probability, dtype=np.float64)
    if late.shape != probability.shape:
        raise ValueError(f"{len(late)} outcomes and {len(probability)} probabilities: the lengths differ")
    if late.all() or not late.any():
        raise ValueError("late and punctual flights are both needed")
    log_loss = mean_log_loss(late, probability)
    baseline = mean_log_loss(late, np.full(late.shape, late.mean()))
    gap = probability[late][:, None] - probability[~late][None, :]
    auc = float(np.mean((gap > 0) + 0.5 * (gap == 0)))
    return {"log_loss": log_loss, "baseline_log_loss": baseline, "skill": 1 - log_loss / baseline, "auc": auc}


def mean_log_loss(late, probability):
    """Mean log loss, natural logarithm; one probability for each flight."""
    limited = np.clip(probability, 1e-6, 1 - 1e-6)
    return float(-np.mean(np.where(late, np.log(limited), np.log(1 - limited))))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_evaluate", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Visible test, 1 point: four flights that can be worked out by hand.
# Why: log loss and baseline are means of -ln(the probability given to what happened).
# Expected: the four numbers of the docstring; half of the flights are late, so the baseline's log
# loss is ln 2.
import numpy as np


def test_evaluate():
    scores = evaluate(np.array([True, False, True, False]), np.array([0.9, 0.2, 0.6, 0.7]))
    assert isinstance(scores, dict), "evaluate must return a dict."
    missing = {"log_loss", "baseline_log_loss", "skill", "auc"} - set(scores)
    assert not missing, f"The dict lacks {', '.join(sorted(missing))}."
    to_what_happened = np.array([0.9, 0.8, 0.6, 0.3])
    by_hand = -np.log(to_what_happened).mean()
    mistakes = {
        "That is the share of right answers, which does not look at how sure each one was.": 0.75,
        "That is the sum over the flights: take the mean.": 4 * by_hand,
        "That is the mean with the sign turned round.": -by_hand,
        "That is in bits: use the natural logarithm.": by_hand / np.log(2),
    }
    got = float(scores["log_loss"])
    diagnosis = "".join(f" {what}" for what, value in mistakes.items() if np.isclose(got, value))
    assert np.isclose(got, by_hand), f"log_loss should be {by_hand:.4f} and is {got:.4f}.{diagnosis}"
    got = float(scores["baseline_log_loss"])
    assert np.isclose(got, np.log(2)), f"baseline_log_loss should be ln 2 = {np.log(2):.4f} and is {got:.4f}."
    got, expected = float(scores["skill"]), 1 - by_hand / np.log(2)
    assert np.isclose(got, expected), (
        f"skill should be 1 - {by_hand:.4f} / {np.log(2):.4f} = {expected:.4f} and is {got:.4f}."
    )
    got = float(scores["auc"])
    assert np.isclose(got, 0.75), f"auc should be 3 of 4 pairs = 0.75 and is {got:.4f}."


test_evaluate()

# %% nbgrader={"grade": true, "grade_id": "test_evaluate_hidden", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# Hidden test, 2 points: other flights, other base rates, probabilities of exactly 0 and 1, ties, and
# flights that cannot be judged.
# Why: data in service hold all of these, and one flight must not turn a figure into infinity.
# Expected: the formulas of the docstring, to five digits; ValueError when the lengths differ, when
# all flights are late and when none is.
### BEGIN HIDDEN TESTS
import numpy as np

from modelserving import datasets


def test_evaluate_hidden():
    generator = np.random.default_rng(1207)
    arrivals = datasets.flights()["arr_delay"][3::1000]
    real_late = ~(arrivals < 15)
    rare_late = np.arange(240) % 12 == 0
    cases = {
        "flights of the year": (
            real_late,
            np.clip(generator.normal(0.25, 0.1, len(real_late)) + 0.1 * real_late, 0.01, 0.99),
        ),
        "late flights are rare": (rare_late.astype(np.int64), generator.uniform(0.02, 0.98, len(rare_late))),
        "many flights share a probability": (rare_late, np.round(generator.uniform(0.1, 0.9, len(rare_late)), 1)),
        "all flights share a probability": (real_late, np.full(len(real_late), 0.5)),
        "some probabilities are exactly 0 or 1": (
            rare_late,
            np.where(np.arange(240) % 5 == 0, 0.0, np.where(np.arange(240) % 7 == 0, 1.0, 0.3)),
        ),
    }
    for case, (case_late, case_probability) in cases.items():
        scores = evaluate(case_late, case_probability)
        happened = np.asarray(case_late).astype(bool)
        limited = np.clip(case_probability, 1e-6, 1 - 1e-6)
        base_rate = happened.mean()
        log_loss = -np.where(happened, np.log(limited), np.log(1 - limited)).mean()
        baseline = -(base_rate * np.log(base_rate) + (1 - base_rate) * np.log(1 - base_rate))
        pairs = case_probability[happened][:, None] - case_probability[~happened][None, :]
        expected_scores = {
            "log_loss": log_loss,
            "baseline_log_loss": baseline,
            "skill": 1 - log_loss / baseline,
            "auc": np.mean(pairs > 0) + np.mean(pairs == 0) / 2,
        }
        typical = {
            "log_loss": {
                "That is the share of right answers.": np.mean((case_probability >= 0.5) == happened),
                "That is the Brier score, the mean squared error.": np.mean((case_probability - happened) ** 2),
                "Limit probabilities to [1e-6, 1 - 1e-6] first: no other limits.": np.inf,
            },
            "baseline_log_loss": {
                "That is ln 2, the baseline of a coin: use the share of late flights in `late`.": np.log(2),
                "That is the base rate itself, not its log loss.": base_rate,
            },
            "skill": {"That is log_loss / baseline_log_loss: take it from 1.": log_loss / baseline},
            "auc": {
                "Pairs with equal probabilities were not counted: each is worth one half.": np.mean(pairs > 0),
                "Pairs with equal probabilities were counted in full: each is worth one half.": np.mean(pairs >= 0),
                "The pairs are counted the wrong way round.": np.mean(pairs < 0) + np.mean(pairs == 0) / 2,
            },
        }
        for key, expected in expected_scores.items():
            got = float(scores[key])
            diagnosis = "".join(
                f" {what}" for what, value in typical[key].items() if np.isclose(got, value) and got != expected
            )
            if not np.isfinite(got):
                diagnosis = " A probability of exactly 0 or 1 went into the logarithm: limit it first."
            assert np.isclose(got, expected, rtol=1e-5, atol=1e-6), (
                f"{key} should be {expected:.6f} and is {got:.6f} ({case}).{diagnosis}"
            )

    for reason, bad_late, bad_probability in (
        (
            "5 outcomes and 4 probabilities do not belong together",
            np.array([1, 0, 1, 0, 0]),
            np.array([0.5, 0.2, 0.1, 0.9]),
        ),
        (
            "5 outcomes and 1 probability do not belong together (numpy stretches 1 to 5: compare the lengths)",
            np.array([1, 0, 1, 0, 0]),
            np.array([0.3]),
        ),
        ("all flights are late", np.ones(6, dtype=bool), np.full(6, 0.7)),
        ("no flight is late", np.zeros(6, dtype=bool), np.full(6, 0.7)),
    ):
        try:
            evaluate(bad_late, bad_probability)
        except ValueError:
            continue
        raise AssertionError(f"evaluate answered although {reason}: raise ValueError.")


test_evaluate_hidden()
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 4. Check that 30 % means 30 %
#
# A model is **calibrated** when, of all flights to which it gave about 30 %, about 30 % are late. To check it, sort the flights into bins by their probability
# and compare, bin by bin, the mean probability with the share of late flights.
#
# With `bins` bins of equal width, bin number $i$ holds the probabilities from $i / \text{bins}$ (included) up to $(i + 1) / \text{bins}$
# (not included). A probability of exactly 1 has no bin under this rule, so the last bin includes it. A bin without flights has
# neither a mean nor a share: leave it out. (Lesson 01 used groups of equal size; here the bins are of equal width.)
#
# Edges such as 0.3 are no exact floats, and which side of them a rounded 0.3 falls on is not graded. Edges such as 0.25 are.

# %% nbgrader={"grade": false, "grade_id": "calibration_table", "locked": false, "schema_version": 3, "solution": true, "task": false}
def calibration_table(late, probability, bins):
    """Predicted probability next to the observed share of late flights, bin by bin.

    Arguments:
        late: array of shape (n,), bool or 0 and 1: was the flight late?
        probability: float array of shape (n,), between 0 and 1 (both included).
        bins: int, 1 or more, the number of bins of equal width between 0 and 1. A probability on an
            edge belongs to the bin above it; a probability of 1 belongs to the last bin.

    Returns:
        dict with three arrays of shape (m,), m <= bins: an entry for each bin with flights in it,
        from low to high:
        "predicted": mean of the probabilities in the bin;
        "observed": share of late flights in the bin;
        "count": number of flights in the bin, of an integer dtype.

    Raises:
        ValueError: bins is smaller than 1, or the lengths differ (one probability for three flights
            is an error too, it is not stretched).
    """
    ### BEGIN SOLUTION
    late, probability = np.asarray(late).astype(float), np.asarray(probability, dtype=np.float64)
    if bins < 1:
        raise ValueError(f"at least one bin is needed, not {bins}")
    if late.shape != probability.shape:
        raise ValueError(f"{len(late)} outcomes and {len(probability)} probabilities: the lengths differ")
    bin_of = np.minimum((probability * bins).astype(int), bins - 1)
    count = np.bincount(bin_of, minlength=bins)
    filled = count > 0
    return {
        "predicted": np.bincount(bin_of, probability, minlength=bins)[filled] / count[filled],
        "observed": np.bincount(bin_of, late, minlength=bins)[filled] / count[filled],
        "count": count[filled],
    }
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_calibration_table", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Visible test, 1 point: seven flights in four bins, one of which stays empty.
# Why: a mean over no flights is NaN, and one NaN spoils the curve and everything computed from it.
# Expected: three entries, for 0 to 0.25, 0.25 to 0.5 and 0.75 to 1; 0.5 to 0.75 is left out.
import numpy as np


def test_calibration_table():
    curve = calibration_table(np.array([0, 1, 0, 0, 1, 1, 0]), np.array([0.05, 0.8, 0.1, 0.3, 0.9, 0.4, 0.15]), 4)
    assert isinstance(curve, dict), "calibration_table must return a dict."
    missing = {"predicted", "observed", "count"} - set(curve)
    assert not missing, f"The dict lacks {', '.join(sorted(missing))}."
    for key, expected in {"predicted": [0.1, 0.35, 0.85], "observed": [0.0, 0.5, 1.0], "count": [3, 2, 2]}.items():
        got = np.asarray(curve[key])
        assert np.isfinite(got).all(), f"{key} holds NaN or infinity: leave out the bins without flights."
        assert got.shape == (3,), f"{key} has {got.size} entries; 3 of the 4 bins hold flights, so 3 are needed."
        assert np.allclose(got, expected), f"{key} should be {expected} and is {got.round(4).tolist()}."


test_calibration_table()

# %% nbgrader={"grade": true, "grade_id": "test_calibration_table_hidden", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# Hidden test, 2 points: many flights, several numbers of bins; probabilities on the edges, exactly 0
# and exactly 1.
# Why: a flight that falls between two bins, or out of the last one, is missing from the curve
# without a word.
# Expected: every flight counted once, in the bin that the docstring names; whole numbers as counts;
# ValueError for fewer than 1 bin and when the lengths differ.
### BEGIN HIDDEN TESTS
import numpy as np


def test_calibration_table_hidden():
    generator = np.random.default_rng(415)
    spread = generator.beta(2, 5, 600)
    cases = {
        "600 flights, most of them with low probabilities": (generator.random(600) < spread, spread, (1, 3, 10, 40)),
        "probabilities on the edges of the bins": (
            np.array([0, 1, 1, 0, 1, 0]),
            np.array([0.25, 0.5, 0.75, 0.1, 0.6, 0.9]),
            (2, 4),
        ),
        "probabilities of exactly 0 and exactly 1": (
            np.array([1, 0, 1, 1, 0, 0]),
            np.array([1.0, 0.0, 0.97, 1.0, 0.4, 0.0]),
            (1, 4, 10),
        ),
        "sure of everything": (np.array([1, 1, 0]), np.array([1.0, 1.0, 1.0]), (5,)),
    }
    for case, (case_late, case_probability, all_bins) in cases.items():
        for n_bins in all_bins:
            curve = calibration_table(case_late, case_probability, n_bins)
            curve = {key: np.asarray(curve[key]) for key in ("predicted", "observed", "count")}
            bin_of = np.minimum(np.floor(case_probability * n_bins).astype(int), n_bins - 1)
            filled = np.unique(bin_of)
            about = f"({case}, {n_bins} bins)"
            for key, values in curve.items():
                assert np.isfinite(values.astype(float)).all(), (
                    f"{key} holds NaN or infinity: leave out the bins without flights {about}."
                )
            assert np.issubdtype(curve["count"].dtype, np.integer), (
                f"count must be of an integer dtype and is {curve['count'].dtype}: flights are whole {about}."
            )
            counted = curve["count"].sum()
            assert counted == len(case_late), (
                f"{counted} flights were counted, {len(case_late)} went in {about}. "
                "A probability of 1 belongs to the last bin, one of 0 to the first."
            )
            assert (curve["count"] > 0).all(), f"A bin without flights is in the table {about}."
            assert curve["count"].shape == (len(filled),), (
                f"{len(filled)} bins hold flights, the table has {curve['count'].size} entries {about}. "
                "A probability of 1 needs no bin of its own: it belongs to the last one."
            )
            for key, expected in {
                "count": [(bin_of == i).sum() for i in filled],
                "predicted": [case_probability[bin_of == i].mean() for i in filled],
                "observed": [case_late[bin_of == i].mean() for i in filled],
            }.items():
                assert np.allclose(curve[key], expected), (
                    f"{key} should begin {np.round(expected[:3], 4).tolist()} and begins "
                    f"{np.round(curve[key][:3], 4).tolist()} {about}. "
                    "A probability on an edge belongs to the bin above it."
                )

    for reason, bad_late, bad_probability, bad_bins in (
        ("0 bins hold no flight", np.array([0, 1]), np.array([0.2, 0.4]), 0),
        ("-1 bins cannot be", np.array([0, 1]), np.array([0.2, 0.4]), -1),
        ("3 outcomes and 2 probabilities do not belong together", np.array([0, 1, 1]), np.array([0.2, 0.4]), 2),
        (
            "3 outcomes and 1 probability do not belong together (numpy stretches 1 to 3: compare the lengths)",
            np.array([0, 1, 1]),
            np.array([0.2]),
            2,
        ),
    ):
        try:
            calibration_table(bad_late, bad_probability, bad_bins)
        except ValueError:
            continue
        raise AssertionError(f"calibration_table answered although {reason}: raise ValueError.")


test_calibration_table_hidden()
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 5. Take a part away
#
# A prediction needs three things: a **model** (what training left behind: here a dict of numbers), an **interpreter** (code that knows how to
# carry out the model's operations) and **input data**. In the next cell are two interpreters for two kinds of model. Neither works without its model, and a
# model does nothing without its interpreter.
#
# Write the function that brings the three together. If one is missing, it says which and stops. It must not make up an answer:
# a made-up probability looks like a real one to whoever reads it.
#
# Note what the function does not ask for. An **orchestrator** decides where such functions run, how many of them, and
# what happens when a machine fails. A prediction comes without it; lesson 01 took it away and counted the same predictions.

# %% nbgrader={"grade": false, "grade_id": "given_interpreters", "locked": true, "schema_version": 3, "solution": false, "task": false}
def linear_interpreter(model, inputs):
    """Logistic regression: a weighted sum of the columns, turned into a probability.

    model: dict with "weights" (k numbers) and "bias". inputs: (n, k). Returns (n,) probabilities.
    """
    total = inputs @ np.asarray(model["weights"]) + model["bias"]
    return 1 / (1 + np.exp(-total))


def lookup_interpreter(model, inputs):
    """One column, cut into steps; each step has its rate.

    model: dict with "column" (its number), "edges" (m numbers, rising) and "rates" (m + 1).
    inputs: (n, k). Returns (n,) probabilities.
    """
    step = np.searchsorted(model["edges"], inputs[:, model["column"]], side="right")
    return np.asarray(model["rates"])[step]


# %% nbgrader={"grade": false, "grade_id": "predict", "locked": false, "schema_version": 3, "solution": true, "task": false}
def predict(model, interpreter, inputs):
    """Probabilities of late, from a model, an interpreter and input data, or a refusal.

    Arguments:
        model: dict of numbers, whatever the interpreter understands; None when there is no model.
        interpreter: function called as interpreter(model, rows), rows of shape (n, k), which
            returns n probabilities; None when there is no interpreter.
        inputs: array of shape (n, k), a batch, or of shape (k,), a single request; None when there
            are no input data. A batch of 0 rows counts as no input data. Rows of zeros are data.

    Returns:
        float array of shape (n,), in the order of the rows: what the interpreter answered. For a
        single request the shape is (1,).

    Raises:
        ValueError: something is missing. The message names everything that is missing, in the
            words "model", "interpreter" and "input data", and mentions none of the others, for
            example "cannot predict without: model, input data". That holds for a batch of 0 rows
            as well: with no model either, both are named.
    """
    ### BEGIN SOLUTION
    no_inputs = inputs is None or len(inputs) == 0
    parts = {"model": model is None, "interpreter": interpreter is None, "input data": no_inputs}
    missing = [part for part, is_missing in parts.items() if is_missing]
    if missing:
        raise ValueError(f"cannot predict without: {', '.join(missing)}")
    return np.asarray(interpreter(model, np.atleast_2d(inputs)))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_predict", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Visible test, 1 point: all three parts there, then one taken away at a time.
# Why: whoever runs a service must read from the message what to repair.
# Expected: two probabilities from the linear model; then ValueError with the word for the part that
# is missing, and for no other.
import numpy as np


def test_predict():
    parts = {
        "model": {"weights": np.array([0.5, -0.25]), "bias": -1.0},
        "interpreter": linear_interpreter,
        "input data": np.array([[2.0, 0.0], [4.0, 4.0]]),
    }
    try:
        answers = np.asarray(predict(*parts.values()))
    except ValueError as error:
        raise AssertionError(f"All three parts were there, and predict refused: {error}") from None
    assert answers.shape == (2,), f"Two rows went in, so shape (2,) is needed, not {answers.shape}."
    assert np.allclose(answers, 0.5), (
        f"Both rows add up to 0, so both probabilities are 0.5; predict returned {answers.tolist()}."
    )
    for part in parts:
        remaining = [None if other == part else value for other, value in parts.items()]
        message = None
        try:
            made_up = predict(*remaining)
        except ValueError as error:
            message = str(error).lower()
        assert message is not None, (
            f"Without the {part}, predict still answered {made_up}. Nothing can have computed that: raise ValueError."
        )
        assert part in message, f'Without the {part}, the message must say "{part}"; it says "{message}".'
        others = [other for other in parts if other != part and other in message]
        assert not others, f'Only the {part} was missing, but the message also names "{others[0]}": "{message}".'


test_predict()

# %% nbgrader={"grade": true, "grade_id": "test_predict_hidden", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# Hidden test, 2 points: the other interpreter, batches and single requests, every combination of
# missing parts.
# Why: predict must hand over to whatever interpreter it is given, and the refusal must be right when
# two parts are missing.
# Expected: what the interpreter answers, row by row; a message that names everything that is missing
# and nothing else.
### BEGIN HIDDEN TESTS
import itertools

import numpy as np


def test_predict_hidden():
    generator = np.random.default_rng(88)
    hours = {"column": 1, "edges": np.array([8.5, 12.0, 17.0]), "rates": np.array([0.11, 0.17, 0.24, 0.36])}
    linear = {"weights": generator.normal(size=4), "bias": 0.3}
    batch = np.column_stack([generator.normal(size=50), generator.integers(5, 24, 50), generator.normal(size=(50, 2))])
    by_lookup = hours["rates"][(batch[:, 1][:, None] >= hours["edges"]).sum(axis=1)]
    by_formula = 1 / (1 + np.exp(-(batch @ linear["weights"] + linear["bias"])))
    by_formula_at_zero = 1 / (1 + np.exp(-linear["bias"]))
    cases = (
        ("a batch of 50 for the lookup model", hours, lookup_interpreter, batch, by_lookup),
        ("a batch of 50 for the linear model", linear, linear_interpreter, batch, by_formula),
        ("a batch of one row", hours, lookup_interpreter, batch[:1], by_lookup[:1]),
        ("a single request of shape (4,)", linear, linear_interpreter, batch[7], by_formula[7:8]),
        ("a single request of shape (4,) for the lookup model", hours, lookup_interpreter, batch[9], by_lookup[9:10]),
        ("a row of zeros, which is data", linear, linear_interpreter, np.zeros((1, 4)), [by_formula_at_zero]),
        ("a float32 batch", hours, lookup_interpreter, batch.astype(np.float32), by_lookup),
    )
    for case, case_model, case_interpreter, case_inputs, expected in cases:
        try:
            answers = np.asarray(predict(case_model, case_interpreter, case_inputs))
        except ValueError as error:
            raise AssertionError(f"predict refused {case}: {error}") from None
        assert answers.shape == (len(expected),), f"Shape ({len(expected)},) is needed, not {answers.shape} ({case})."
        assert np.allclose(answers, expected, atol=1e-6), (
            f"predict returned other numbers than the interpreter that was passed in ({case}): "
            f"{np.round(answers[:2], 4).tolist()}, not {np.round(expected[:2], 4).tolist()}."
        )

    complete = {"model": linear, "interpreter": linear_interpreter, "input data": batch}
    gone_in_turn = [gone for n_missing in (1, 2, 3) for gone in itertools.combinations(complete, n_missing)]
    for no_rows, what in ((None, ""), (np.empty((0, 4)), " (a batch of 0 rows, which is no input data)")):
        for gone in gone_in_turn:
            if no_rows is not None and "input data" not in gone:
                continue
            left = [None if part in gone else value for part, value in complete.items()]
            if "input data" in gone:
                left[2] = no_rows
            message, without = None, " and ".join(gone) + what
            try:
                predict(*left)
            except ValueError as error:
                message = str(error).lower()
            assert message is not None, f"Without {without}, predict answered all the same: raise ValueError."
            for part in complete:
                if part in gone:
                    assert part in message, (
                        f'Without {without}, the message does not name "{part}": "{message}". '
                        "Find out everything that is missing before you raise."
                    )
                else:
                    assert part not in message, (
                        f'Only {without} was missing, but the message also names "{part}": "{message}".'
                    )


test_predict_hidden()
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 6. Learn from a stream
#
# The smallest model of all is a single number: the share of late flights. Learnt **offline**, it is a mean over a fixed set of flights,
# and stays what it was until somebody trains again. Learnt **online**, it takes in each batch as it arrives and throws the flights away.
#
# With a factor `keep` of 1 the two agree: after the same flights, the same number. Real traffic changes, though, and then it helps to forget: with each new flight, the
# weight of every earlier one is multiplied by `keep`. The newest of $n$ flights has weight 1, the one before it $\text{keep}$, the first
# of all $\text{keep}^{n-1}$, and the rate is the weighted mean
#
# $$\text{rate} = \frac{\sum_{j=0}^{n-1} \text{keep}^{j} \, y_{n-j}}{\sum_{j=0}^{n-1} \text{keep}^{j}}.$$
#
# The sums need not be kept as sums over all flights: two running numbers are enough.

# %% nbgrader={"grade": false, "grade_id": "OnlineRate", "locked": false, "schema_version": 3, "solution": true, "task": false}
class OnlineRate:
    """The share of late flights, learnt one batch at a time."""

    def __init__(self, keep=1.0):
        """A learner that has seen no flight.

        keep: float, greater than 0 and at most 1: the factor by which the weight of all earlier
            flights shrinks with each new flight. 1 forgets nothing.

        Raises ValueError for any other keep.
        """
        ### BEGIN SOLUTION
        if not 0 < keep <= 1:
            raise ValueError(f"keep must be greater than 0 and at most 1, not {keep}")
        self.keep, self.late_weight, self.weight = keep, 0.0, 0.0
        ### END SOLUTION

    def learn(self, late):
        """Take in the next flights, in the order in which they came.

        late: array of shape (n,), bool or 0 and 1. n may be 0, then nothing changes. How the stream
            is cut into batches makes no difference.
        """
        ### BEGIN SOLUTION
        late = np.asarray(late, dtype=float)
        weights = self.keep ** np.arange(len(late))[::-1]
        faded = self.keep ** len(late)
        self.late_weight = self.late_weight * faded + float(weights @ late)
        self.weight = self.weight * faded + float(weights.sum())
        ### END SOLUTION

    def rate(self):
        """The share of late flights so far, as a float, with weights as in the formula above.

        Raises ValueError when there has been no flight yet.
        """
        ### BEGIN SOLUTION
        if self.weight == 0:
            raise ValueError("no flight has been seen yet: there is no rate")
        return self.late_weight / self.weight
        ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_OnlineRate", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Visible test, 1 point: three batches of unequal size, nothing forgotten.
# Why: online and offline learning on the same flights must agree, or one of them is wrong.
# Expected: after each batch the mean over all flights so far: 1 of 2, then 2 of 6, then 5 of 9.
import numpy as np


def test_OnlineRate():
    first, second, third = np.array([0, 1]), np.array([0, 0, 1, 0]), np.array([1, 1, 1])
    learner = OnlineRate()
    for seen, arriving in (([first], first), ([first, second], second), ([first, second, third], third)):
        learner.learn(arriving)
        got, offline = float(learner.rate()), np.concatenate(seen).mean()
        mistakes = {
            "That is the rate of the last batch: all earlier flights are forgotten.": arriving.mean(),
            "That is the mean of the batches' rates: a batch counts by its size.": np.mean(
                [batch.mean() for batch in seen]
            ),
        }
        diagnosis = "".join(f" {what}" for what, value in mistakes.items() if np.isclose(got, value))
        assert np.isclose(got, offline), (
            f"After {len(seen)} batches the rate should be {offline:.4f} and is {got:.4f}.{diagnosis}"
        )


test_OnlineRate()

# %% nbgrader={"grade": true, "grade_id": "test_OnlineRate_hidden", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# Hidden test, 2 points: flights of January, cut into batches in several ways; two learners side by
# side; no flight at all.
# Why: a stream is cut by chance, so the cut must not change what was learnt.
# Expected: the offline rate, whatever the cut; learners that know nothing of each other; ValueError
# before the first flight.
### BEGIN HIDDEN TESTS
import numpy as np

from modelserving import datasets


def test_OnlineRate_hidden():
    arrivals = datasets.flights()["arr_delay"][1000:1160]
    stream = ~(arrivals < 15)
    generator = np.random.default_rng(606)
    cuts = {
        "one flight at a time": np.arange(1, len(stream)),
        "batches of 40": np.arange(40, len(stream), 40),
        "batches of any size, some of them empty": np.sort(generator.integers(0, len(stream), 20)),
        "all at once": np.array([], dtype=int),
    }
    for cut, places in cuts.items():
        learner = OnlineRate()
        batches, learn = np.split(stream, places), learner.learn
        for batch in batches:
            learn(batch)
        got, offline = float(learner.rate()), stream.mean()
        mistakes = {
            "That is the rate of the last batch: all earlier flights are forgotten.": batches[-1].mean(),
            "That is the mean of the batches' rates: a batch counts by its size.": np.mean(
                [b.mean() for b in batches if len(b)]
            ),
        }
        diagnosis = "".join(f" {what}" for what, value in mistakes.items() if np.isclose(got, value))
        assert np.isclose(got, offline), f"The rate should be {offline:.5f} and is {got:.5f} ({cut}).{diagnosis}"
        learner.learn(np.array([], dtype=bool))
        got = float(learner.rate())
        assert np.isclose(got, offline), f"A batch without flights changed the rate from {offline:.5f} to {got:.5f}."

    winter, summer = OnlineRate(), OnlineRate()
    winter.learn(np.array([0, 0, 0, 1]))
    summer.learn(np.array([1, 1]))
    apart = [float(winter.rate()), float(summer.rate())]
    assert np.allclose(apart, [0.25, 1.0]), (
        f"Two learners side by side should say 0.25 and 1.0 and say {apart}: they got in each other's way. "
        "Keep what was learnt in self, not in the class and not in a global name."
    )
    for before in (OnlineRate(), OnlineRate(0.9)):
        before.learn(np.array([], dtype=bool))
        try:
            guess = before.rate()
        except ValueError:
            continue
        raise AssertionError(f"Before the first flight the rate was {guess}: there is none yet, so raise ValueError.")


test_OnlineRate_hidden()
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "test_OnlineRate_forgetting", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Hidden test, 1 point: keep smaller than 1, on a stream whose rate changes.
# Why: forgetting is what lets a model follow a change; too much of it, and it follows noise.
# Expected: the weighted mean of the formula, whatever the cut into batches; ValueError for a keep
# outside (0, 1].
### BEGIN HIDDEN TESTS
import numpy as np


def test_OnlineRate_forgetting():
    generator = np.random.default_rng(7)
    stream = np.concatenate([generator.random(90) < 0.2, generator.random(60) < 0.6])
    for keep in (0.5, 0.9, 0.99):
        weights = keep ** np.arange(len(stream))[::-1]
        for size in (1, 7, 150) if keep == 0.9 else (7, 150):
            learner = OnlineRate(keep)
            learn = learner.learn
            for start in range(0, len(stream), size):
                learn(stream[start : start + size])
            got, expected = float(learner.rate()), float(weights @ stream / weights.sum())
            mistakes = {
                "Nothing was forgotten.": stream.mean(),
                "The newest flight weighs least: turn the order round.": weights[::-1] @ stream / weights.sum(),
            }
            diagnosis = "".join(f" {what}" for what, value in mistakes.items() if np.isclose(got, value))
            assert np.isclose(got, expected), (
                f"With keep {keep}, batches of {size}: the rate should be {expected:.5f} and is {got:.5f}.{diagnosis}"
            )

    early = OnlineRate(0.9)
    early.learn(np.array([1, 1]))
    got = float(early.rate())
    assert np.isclose(got, 1.0), (
        f"Two late flights of two: the rate should be 1 and is {got:.4f}. Divide by the sum of the weights."
    )
    for bad_keep in (0, -0.5, 1.01):
        try:
            OnlineRate(bad_keep)
        except ValueError:
            continue
        raise AssertionError(f"keep = {bad_keep} makes no sense as a factor for forgetting: raise ValueError.")


test_OnlineRate_forgetting()
### END HIDDEN TESTS

# %% [markdown]
# ## Before you hand it in
#
# Choose *Kernel → Restart Kernel and Run All Cells*. Every visible test should run through without a message. An exercise that you left out stops the run
# at its test; go on below it with *Run → Run Selected Cell and All Below*. It costs its own points only: the grader goes on with the others.
#
# Keep the names of the notebooks, `exercises.ipynb` and `quiz.ipynb`, and hand in both.
