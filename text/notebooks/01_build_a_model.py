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
#     agreed: f4059718f64c3b82
# ---

# %% [markdown]
# # 01 Build a model
#
# **What has to exist before anything can be served?**
#
# A passenger has to change planes. An hour before take-off her app says: *3 in 10 that you land late*. Somebody trained a model for that
# number. Somebody else, or the same person a month later, keeps the number coming. This lesson builds the model, then takes the
# service apart to see which parts it cannot do without.
#
# When you are through you can
#
# - tell a column that a model may use from one that leaks the answer, and say what the leak costs in service;
# - hold out data so that the score you read is an honest estimate of the one you will get;
# - read log loss and calibration where ROC AUC is silent;
# - tell offline from online training, and batch from real-time prediction, by measurement;
# - name the parts without which there is no prediction, and the one without which there still is.
#
# It takes about an hour, more if you read all the code. You should know scikit-learn's `fit` and `predict_proba`; nothing about serving is assumed.
# Where a cell asks for a guess, write a number in place of `None` **before** you run what follows.

# %%
import numpy as np

from autograder.quiz import Quiz
from modelserving import datasets, plots
from modelserving.guess import gap

quiz = Quiz("questions/01_build_a_model.json")

# %% [markdown]
# ## What the service owes
#
# Before any code, the promise. Ours has four clauses:
#
# | clause | ours |
# |---|---|
# | asked about | one flight scheduled to leave New York (EWR, JFK or LGA) |
# | asked when | one hour before its scheduled departure |
# | answer | the *probability* that it arrives 15 minutes late or more, or not at all |
# | used by | travellers, who rebook when it is high, and an airline's desk, which makes a connecting flight wait when it is middling |
#
# The last two rule out a bare yes or no, since two users draw the line in two places. The second decides which data we may touch.

# %% [markdown]
# ## Look at the data
#
# Every domestic flight in the US statistics that was scheduled to leave New York's three airports in 2013, in order of departure, and the
# hourly weather at its airport.

# %%
flights, weather = datasets.flights(), datasets.weather()
late = datasets.late(flights)
for column, meaning in datasets.columns("flights").items():
    print(f"{column:15} {meaning}")

# %% [markdown]
# A first guess: which share of these flights was late?

# %%
my_guess = None  # for example 0.4

# %% tags=["nbval-ignore-output"]
gap(my_guess, late.mean())
print(f"{late.sum():,} of {len(late):,} flights")

# %% [markdown]
# This share is the **base rate**. To quote it for every flight is a forecast already, and the least that a model must beat.
# It is not constant: here it is by month and by hour.

# %%
months, hours = np.arange(1, 13), np.arange(5, 24)
by_month = np.array([late[flights["month"] == month].mean() for month in months])
scheduled_hour = flights["sched_dep_time"] // 100
by_hour = np.array([late[scheduled_hour == hour].mean() for hour in hours])
print("worst month more than twice the best:", by_month.max() > 2 * by_month.min())
print("worst hour more than twice the first:", by_hour.max() > 2 * by_hour[0])

# %% tags=["nbval-ignore-output"]
fig, (left, right) = plots.figure("Share of flights late", columns=2, size=(8, 3.2))
left.bar(months, by_month)
left.set_xlabel("month of 2013")
right.bar(hours, by_hour)
right.set_xlabel("hour of scheduled departure")
for ax in (left, right):
    ax.axhline(late.mean(), color="black", linestyle="--", linewidth=1)
    plots.percent(ax.yaxis)
plots.show(
    fig,
    f"""Two bar charts of the share of late flights; a dashed line marks the base rate,
    {late.mean():.2f}. By month the share moves between {by_month.min():.2f} and
    {by_month.max():.2f}. By hour it climbs from {by_hour[0]:.2f} at {hours[0]} o'clock
    to {by_hour.max():.2f} at {hours[by_hour.argmax()]}.""",
)

# %% [markdown]
# The hour is a signal to use. The months are a warning: a model that learnt in spring will be asked
# in autumn.

# %% [markdown]
# ## A column that knows too much
#
# A quick look for strong columns: order all flights by one column alone and measure ROC AUC, the chance that a late flight ranks above a
# punctual one. 0.5 is a coin. How well does the departure delay do on its own?

# %%
my_guess = None  # between 0.5 and 1

# %%
from sklearn.metrics import roc_auc_score

names = ("dep_delay", "sched_dep_time", "air_time", "distance", "month")
candidates = {name: flights[name] for name in names}
candidates["dep_time"] = datasets.departure_time(flights)
alone = {}
for name, values in candidates.items():
    auc = roc_auc_score(late, np.nan_to_num(values, nan=9999))  # missing ranks highest
    alone[name] = max(auc, 1 - auc)

# %% tags=["nbval-ignore-output"]
gap(my_guess, alone["dep_delay"])
for name in sorted(alone, key=alone.get, reverse=True):
    print(f"{name:15} {alone[name]:.3f}")

# %%
no_time = np.isnan(flights["air_time"])
print("every flight without air_time is late:", late[no_time].all())
print("air_time ranks below sched_dep_time:", alone["air_time"] < alone["sched_dep_time"])
print("the delay alone nearly solves it:", alone["dep_delay"] > 0.85)

# %% [markdown]
# One column nearly solves the task, and that is what is wrong with it. A flight that left an hour late lands late; but an hour *before* departure
# this column is not filled, though somebody may already suspect. A column that carries news from after the moment of prediction is a **leak**: the table has it, the service never will.
#
# Strength does not make a leak, though. `air_time` ranks below the honest `sched_dep_time`, and yet it leaks twice: it is known only after landing, and where it is
# *missing* the flight was cancelled or diverted. One question finds them all: **when is this value known?**
#
# | column | known | may the model see it? |
# |---|---|---|
# | month, day, sched_dep_time, carrier, origin, dest, distance | weeks ahead | yes |
# | weather at the airport, up to an hour ago | an hour ahead | yes |
# | dep_delay, and with it dep_time | when the aircraft leaves | no |
# | arr_delay, air_time | when it has landed, if it does | no: the first *is* the answer |

# %% [markdown]
# ## Only what is known an hour before
#
# `flight_features` takes what the table allows. Of the weather it takes the last hour that is over. For a flight at 11:45 we are asked
# at 10:45; the 10:00 hour is not over, so we take 9:00. In short: two clock hours before the scheduled one.

# %%
from modelserving.models import FEATURES, before, flight_features, learn_codes

past = before(flights, month=10)  # True for flights of January to September
# the names of carriers and airports; a name's place in its list is its number
codes = learn_codes({name: column[past] for name, column in flights.items()})
X = flight_features(flights, weather, codes)
print(X.shape, X.dtype)
one = zip(FEATURES, X[100_000], strict=True)
print("one flight:", ", ".join(f"{name} {value:.1f}" for name, value in one))

# %% [markdown]
# Plain float32 numbers, which is what will travel to the server in lesson 03. Two decisions hide in them.
#
# **The month is left out.** With one year of data we train on some months and are asked about later ones: a month that training never saw, every time.
#
# **The codes are part of the model.** Carriers, airports and destinations become numbers by their place in a list, and the list was learnt
# once, from past flights. To make it afresh from each request looks the same in a notebook and is a disaster in a service:

# %%
from modelserving.models import encode  # a name's place in a sorted list

carrier = flights["carrier"][100_000:100_001]  # a request about one flight, as a server sees it
kept = encode(carrier, codes["carrier"])
afresh = encode(carrier, np.unique(carrier))
print(f"{carrier[0]} by the list kept with the model: {kept[0]}")
print(f"{carrier[0]} by a list made from this request: {afresh[0]}")

# %% [markdown]
# A list made from one flight gives every carrier the code 0. No error, no warning, a different airline: this is **training/serving skew**, the
# same column computed in two ways.

# %% [markdown] tags=["question"]
# ### Self-check 1
#
# *Select all that apply.*
#
# The service is asked one hour before the scheduled departure. Which of these could a model be given without a leak?
#
# - **A.** The share of the carrier's flights that landed late last week
# - **B.** Whether the flight's `air_time` is missing
# - **C.** The weather reading of the hour in which the flight is due to leave
# - **D.** How many flights are scheduled to leave the same airport in the same hour

# %%
quiz.ask("s1", "")

# %% [markdown]
# ## A holdout in the future
#
# The usual way to test is to shuffle the rows and keep some back. A service is never asked about shuffled rows: it is asked about tomorrow. Here are three
# ways to hold out the same quarter or so of the year.

# %%
days = datasets.scheduled_departure(flights).astype("datetime64[D]")
shuffled = np.random.default_rng(0).permutation(np.unique(days))
holdouts = {  # True: train on this flight
    "flights at random": np.random.default_rng(0).random(len(late)) < past.mean(),
    "days at random": np.isin(days, shuffled[: round(past.mean() * len(shuffled))]),
    "later days": past,
}

# %% [markdown]
# On each we train gradient-boosted trees twice, with small trees and with large ones. Two figures measure them. **Log loss** is the mean of
# −log(probability given to what happened): a confident mistake costs much, a hedge costs a little. **Skill** is the share of the base rate's log loss that a
# model saves: 1 is perfect foresight, 0 is no better than quoting the base rate, and below 0 no model at all would have been better.
#
# Guess the skill of the large trees on `later days`.

# %%
my_guess = None  # for example 0.2

# %%
from modelserving.models import (
    chance,  # a model's probability of late, one for each row
    score,  # log loss, that of the base rate, ROC AUC
    train_trees,  # scikit-learn's; printed two sections below
)

skill = {}
for name, train in holdouts.items():
    rows, held_out = np.flatnonzero(train)[::3], np.flatnonzero(~train)[::3]  # a third will do
    for leaves in (31, 127):
        model = train_trees(X[rows], late[rows], leaves)
        result = score(late[held_out], chance(model, X[held_out]), late[train].mean())
        skill[name, leaves] = 1 - result.log_loss / result.baseline

# %% tags=["nbval-ignore-output"]
gap(my_guess, skill["later days", 127])
for (name, leaves), value in skill.items():
    print(f"{name:18} {leaves:3} leaves   skill {value:.3f}")

# %% tags=["nbval-ignore-output"]
skill_axis = "skill: share of log loss saved"
fig, ax = plots.figure("The same models on three holdouts", "leaves in each tree", skill_axis)
for name, marker in zip(holdouts, "os^", strict=True):
    ax.plot(["31", "127"], [skill[name, 31], skill[name, 127]], marker=marker, label=name)
ax.set(ylim=(0, 0.23))
plots.label_lines(ax)
ends = [f"{name}, from {skill[name, 31]:.2f} to {skill[name, 127]:.2f}" for name in holdouts]
plots.show(fig, "Three lines of skill, from small trees to large. Held out: " + "; ".join(ends))

# %%
at_random, later = skill["flights at random", 127], skill["later days", 127]
print("shuffling prefers the large model:", at_random > skill["flights at random", 31])
print("the future prefers the small one: ", later < skill["later days", 31])
print("shuffling promises more than twice the skill:", at_random > 2 * later)

# %% [markdown]
# Flights of one hour share their weather, their queues and their fate. Shuffled, an hour has some flights on each side, and a large model can learn to
# recognise the hour: a certain pressure and dew point *are* a certain afternoon in July. Keeping whole days together takes that crutch away, and with it the
# advantage of being large. What still separates random days from later days is season, neighbouring days, and the luck of which days.
#
# The score is the lesser evil here. **Shuffling chooses the wrong model**, and its margin looks convincing.

# %% [markdown] tags=["question"]
# ### Self-check 2
#
# *Pick one.*
#
# A team holds out flights at random. Their large model clearly beats their small one on it. What do you tell them?
#
# - **A.** Ship the large one: more trees and leaves, more skill
# - **B.** Repeat it with several random seeds; if the order stays, ship the large one
# - **C.** Compare the two again on days later than all training days
# - **D.** Nothing: the trees saw none of the held-out rows, so the test is fair

# %%
quiz.ask("s2", "")

# %% [markdown]
# ## What a leak costs once it is served
#
# Back to `dep_delay`, now with a proper holdout. We let a model train on it and test it, then send it what the service would have an hour before
# departure: nothing, a missing value. Guess the mean probability of being late that it answers then, on flights of which about a quarter were late.

# %%
my_guess = None  # between 0 and 1

# %%
leaky_X = np.column_stack([X, flights["dep_delay"]])
rows = np.flatnonzero(past)[::3]
leaky = train_trees(leaky_X[rows], late[rows])
tested = chance(leaky, leaky_X[~past])
leaky_X[:, -1] = np.nan  # not known yet
served = chance(leaky, leaky_X[~past])
test, service = (score(late[~past], p, late[past].mean()) for p in (tested, served))

# %% tags=["nbval-ignore-output"]
gap(my_guess, served.mean())
print("in the test", test)
print("in service ", service)

# %%
print("far better than the base rate in the test:", test.log_loss < 0.7 * test.baseline)
print("mean answer in service above 0.9:", served.mean() > 0.9)

# %% [markdown]
# The model answers that nearly every flight will be late, and it has its reasons: in training the delay was missing only for cancelled flights. No test on this table
# shows it: there the column is empty only where the flight was cancelled, so the habit looks right. A leak is not an optimistic model. It is a broken one that has not been asked yet.

# %% [markdown]
# ## Two models and a baseline
#
# Now the two models that we keep. A linear one needs its columns prepared: one indicator for each carrier, airport, weekday and hour, numbers
# filled in and brought to one scale. The preparation is part of the model.

# %%
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline

from modelserving.models import prepare_columns  # this preparation, not fitted yet


# %% tags=["shows:modelserving.models.train_logistic"]
def train_logistic(X: np.ndarray, late: np.ndarray) -> Pipeline:
    """Logistic regression on rows of :func:`flight_features`, preparation included. Offline."""
    return make_pipeline(prepare_columns(), LogisticRegression(C=0.1, max_iter=300)).fit(X, late)


# %% tags=["shows:modelserving.models.train_trees"]
def train_trees(X: np.ndarray, late: np.ndarray, leaves: int = 31) -> HistGradientBoostingClassifier:
    """Gradient-boosted trees on rows of :func:`flight_features` as they are. Offline.

    Trees compare one value with one threshold. Scaling moves both and changes nothing but
    rounding, and rounding is what an exported copy would then differ by (lesson 02).
    """
    return HistGradientBoostingClassifier(
        max_iter=100, max_leaf_nodes=leaves, early_stopping=False, random_state=0
    ).fit(X, late)


# %%
X_past, late_past, X_future, late_future = X[past], late[past], X[~past], late[~past]
base_rate = late_past.mean()
logistic = train_logistic(X_past, late_past)
trees = train_trees(X_past, late_past)

# %% tags=["nbval-ignore-output"]
answers = {"logistic": chance(logistic, X_future), "trees": chance(trees, X_future)}
for name, probability in answers.items():
    print(f"{name:10} {score(late_future, probability, base_rate)}")

# %%
results = [score(late_future, probability, base_rate) for probability in answers.values()]
print("both beat the base rate:", all(r.log_loss < r.baseline - 0.02 for r in results))
print("log losses within 0.02:", abs(results[0].log_loss - results[1].log_loss) < 0.02)

# %% [markdown]
# In brackets stands the log loss of quoting the *training* months' base rate to everyone, since the service does not know this autumn's.
# Both models beat it, neither by much, and they are close to each other. Schedule and weather decide only part of what befalls a flight. The result is modest, and an
# honest estimate for that autumn.

# %% [markdown]
# ## Is 30 % really 3 in 10?
#
# The desk and the travellers act on the number itself. So a third model enters, with an option that is often switched on when one class is rarer than the
# other: `class_weight="balanced"`. Everything else is the logistic model. Guess its log loss; the two lines above are your yardstick.

# %%
my_guess = None  # a log loss, for example 0.4

# %%
from sklearn.base import clone

balanced = clone(logistic).set_params(logisticregression__class_weight="balanced")
balanced.fit(X_past, late_past)
answers["balanced"] = chance(balanced, X_future)

# %% tags=["nbval-ignore-output"]
gap(my_guess, score(late_future, answers["balanced"], base_rate).log_loss)
for name, probability in answers.items():
    print(f"{name:10} {score(late_future, probability, base_rate)}")

# %%
plain = score(late_future, answers["logistic"], base_rate)
weighted = score(late_future, answers["balanced"], base_rate)
print("same ROC AUC within 0.01:", abs(plain.auc - weighted.auc) < 0.01)
print("worse than having no model:", weighted.log_loss > weighted.baseline + 0.02)
odds = answers["balanced"] / (1 - answers["balanced"])
odds *= base_rate / (1 - base_rate)  # one constant, taken back
mended = score(late_future, odds / (1 + odds), base_rate)
print("mended by one constant:", abs(mended.log_loss - plain.log_loss) < 0.01)

# %% [markdown]
# The ranking is unharmed. The probabilities, taken at face value, are worse than none; one constant mends them, for those who know it. To see the damage, sort flights by what a model said, cut them into ten groups of equal size, and set
# the mean probability of each group against the share of it that was late. A model whose points lie on the diagonal is **calibrated**: what it calls 30 % happens 3 times in 10.

# %%
from modelserving.models import reliability  # those ten groups, with a margin for each

days_future = days[~past]
curves = {name: reliability(late_future, p, days_future) for name, p in answers.items()}

# %% tags=["nbval-ignore-output"]
fig, ax = plots.figure("Said and happened", "mean prediction of a group", "share of it late")
fig.set_size_inches(5.5, 5.5)
ax.plot([0, 0.85], [0, 0.85], color=plots.GREY, linestyle=":", linewidth=1)
bars = {"markersize": 4, "linewidth": 1.2, "capsize": 4}
for (name, c), marker in zip(curves.items(), "os^", strict=True):
    ax.errorbar(c.predicted, c.observed, c.margin, marker=marker, label=name, **bars)
ax.legend()
ax.set(xlim=(0, 0.85), ylim=(0, 0.85), aspect="equal")
plots.percent(ax.xaxis), plots.percent(ax.yaxis)
gaps = ", ".join(f"{name} {curve.largest_gap:.2f}" for name, curve in curves.items())
told = "balanced in every group, trees at the top, logistic in the upper middle"
above = f"Above it: logistic at the bottom. Largest distances: {gaps}."
plots.show(fig, f"Calibration curves with error bars. Below the diagonal: {told}. {above}")


# %%
def exaggerates(name):
    return curves[name].predicted - curves[name].observed


print("balanced says too much in every group:", (exaggerates("balanced") > 0.02).all())
print("trees say too much in the top group:", exaggerates("trees")[-1] > 0.03)
print("logistic says too much in the eighth:", exaggerates("logistic")[7] > 0.03)
print("logistic says too little in the bottom group:", exaggerates("logistic")[0] < -0.03)

# %% [markdown]
# The balanced model was told that half of all flights are late, and believes it. The other two stay near the diagonal, though not on it. Trees exaggerate at the top,
# the logistic model is too sure of its safest flights and too gloomy about the upper middle. The bars are two standard errors with each *day* as one draw, since flights of a day share their weather:
# the trees' top group is barely clear of the diagonal.

# %% [markdown] tags=["question"]
# ### Self-check 3
#
# *Select all that apply.*
#
# A colleague turns on `class_weight="balanced"` and reports: “ROC AUC unchanged, so nothing is lost.” What is true?
#
# - **A.** A traveller who rebooks at 60 % will now rebook far more often
# - **B.** ROC AUC hardly moved because it sees only the order of the flights
# - **C.** The log loss is still better than the base rate's, since the order is still good
# - **D.** The calibration curve would show the damage

# %%
quiz.ask("s3", "")


# %% [markdown]
# ## Offline and online training
#
# All models so far were trained **offline**: collect data, fit once, freeze, ship. **Online** training never ends: predict, wait for the outcome, learn a little from it, go on.
# This is all of it:

# %% tags=["shows:modelserving.models.learn"]
def learn(model: Pipeline, X: np.ndarray, late: np.ndarray) -> None:
    """Move an online model a little towards one batch's outcomes; its preparation stays."""
    model[-1].partial_fit(model[:-1].transform(X), late, classes=[False, True])


# %% [markdown]
# The experiment keeps everything else equal. One logistic model learns January to March. Then it is copied: one copy is frozen, the other goes through the rest of the
# year day by day, and **predicts each day before it learns from it**. In which share of the nine months will the learning copy have the lower log loss?

# %%
my_guess = None  # between 0 and 1

# %%
import copy

from modelserving.models import train_online  # logistic regression, ready for `learn`

winter = before(flights, month=4)
frozen = train_online(X[winter], late[winter])
online = copy.deepcopy(frozen)

# %%
streamed, mornings = np.full(len(late), np.nan), {}
for day in np.unique(days[~winter]):
    today, mornings[day] = days == day, copy.deepcopy(online)
    streamed[today] = chance(online, X[today])  # in the morning
    learn(online, X[today], late[today])  # in the evening


# %%
def by_month_loss(probability):
    rows = (flights["month"] == month for month in range(4, 13))
    quote = late[winter].mean()
    return np.array([score(late[r], probability[r], quote).log_loss for r in rows])


frozen_says = chance(frozen, X)
loss = {"frozen": by_month_loss(frozen_says), "online": by_month_loss(streamed)}
loss["base rate"] = by_month_loss(np.full(len(late), late[winter].mean()))
wins = (loss["online"] < loss["frozen"]).mean()

# %% tags=["nbval-ignore-output"]
gap(my_guess, wins)
for name, values in loss.items():
    print(f"{name:10}", *(f"{value:.2f}" for value in values))

# %% tags=["nbval-ignore-output"]
title, lower = "Trained on winter, asked until December", "log loss (lower is better)"
fig, ax = plots.figure(title, "month of 2013", lower)
for (name, values), marker in zip(loss.items(), "os^", strict=True):
    ax.plot(range(4, 13), values, marker=marker, label=name)
plots.label_lines(ax)
points = [f"{name} {v[0]:.2f}, {v[3]:.2f}, {v[-1]:.2f}" for name, v in loss.items()]
plots.show(fig, "Three lines of log loss by month. April, July, December: " + "; ".join(points))

# %%
worse = np.arange(4, 13)[loss["frozen"] > loss["base rate"]]
in_july = {name: values[3] for name, values in loss.items()}
print("frozen far worse than no model in July:", in_july["frozen"] > in_july["base rate"] + 0.1)
print("frozen worse than no model in months", *worse)
print("online better than no model in July:", in_july["online"] < in_july["base rate"] - 0.02)
print("online wins most months:", wins > 0.6)

# %% [markdown]
# The learning copy followed the season. We granted it that every outcome is in by the next morning; lesson 06 makes it wait. The frozen one did not adapt, and it did not forget either, since
# nothing in it changed: it went **stale**. Stale is not the same as old: when summer was over, it beat the base rate again. Most of July was warmer than anything it had learnt from. Did it draw its line too far, or was the line wrong for July? We hold
# July's inputs inside winter's range, then ask what ten degrees more would do.

# %%
july, temperature = flights["month"] == 7, X[:, FEATURES.index("temp")]
held = X[july].clip(np.nanmin(X[winter], axis=0), np.nanmax(X[winter], axis=0))
held_loss = score(late[july], chance(frozen, held), late[winter].mean()).log_loss


def warmed(model, rows):  # change of the mean answer in warmer air, all else kept
    warmer = X[rows] + 10 * np.isin(FEATURES, ("temp", "dewp"))
    return (chance(model, warmer) - chance(model, X[rows])).mean()


# %% tags=["nbval-ignore-output"]
by_winter = warmed(frozen, winter)
by_july = warmed(train_online(X[july], late[july]), july)
print(f"July held inside winter's range: log loss {held_loss:.2f}")
print(f"ten degrees warmer: {by_winter:+.3f} by winter's model, {by_july:+.3f} by one of July")
for name, when in {"winter": winter, "July": july}.items():
    said, happened = frozen_says[when].mean(), late[when].mean()
    print(f"frozen in {name}: {said:.2f} said, {happened:.2f} late")

# %%
beyond, off = temperature[july] > np.nanmax(temperature[winter]), frozen_says - late
print("most of July beyond winter:", beyond.mean() > 0.5)
print("held inside, still worse than no model:", held_loss > in_july["base rate"] + 0.05)
print("warmer is more punctual in winter:", by_winter < -0.02)
print("warmer is more punctual in July:", by_july < -0.01)
print("right on average in winter:", abs(off[winter].mean()) < 0.02)
print("far too low in July:", off[july].mean() < -0.1)

# %% [markdown]
# Not only a line drawn too far: held inside winter's range the model still fails. All else equal, warmer air meant fewer late flights in winter; in July it does not.
# Calibration, too, belongs to a model *and a period*: right on average in winter, far too low in July, and not one weight changed.
#
# What does learning every day cost? Compare one evening's learning with fitting anew on all that is known. One reading of each will do, so far apart they are.

# %% tags=["nbval-ignore-output"]
import time

started = time.perf_counter()
learn(mornings[day], X[today], late[today])
learnt = time.perf_counter()
train_logistic(X, late)
refitted = time.perf_counter()
print(f"one day learnt in {1000 * (learnt - started):.0f} ms")
print(f"all refitted in {1000 * (refitted - learnt):.0f} ms")

# %% [markdown]
# Online looks like the better bargain. Before you buy, see what happens when the outcomes of a single evening are wrong. The feed, which reports who has landed, fails;
# no flight has an arrival time; and a flight without an arrival counts as late. We deceive that evening's model and ask about the next day, for every
# fourth evening of the autumn. How far does the mean probability lie from what the undeceived model said, at the median of these evenings?

# %%
my_guess = None  # between 0 and 1


# %%
def shift_after_outage(evening):
    deceived = copy.deepcopy(mornings[evening])
    today, tomorrow = days == evening, days == evening + 1
    learn(deceived, X[today], np.ones(today.sum(), dtype=bool))  # all late, says the feed
    return chance(deceived, X[tomorrow]).mean() - streamed[tomorrow].mean()


evenings = np.arange(np.datetime64("2013-10-02"), np.datetime64("2013-12-29"), 4)
shifts = np.array([shift_after_outage(evening) for evening in evenings])

# %% tags=["nbval-ignore-output"]
gap(my_guess, np.median(shifts))
print(f"between {shifts.min():+.2f} and {shifts.max():+.2f}")
lowest = evenings[shifts.argmin()]
heat_and_rain = X[:, np.isin(FEATURES, ("temp", "precip"))]
for day in (lowest, lowest + 1):
    warmest, wettest = np.nanmax(heat_and_rain[days == day], axis=0)
    print(f"{day}: up to {warmest:.0f} °F and {wettest:.2f} inches of rain an hour")

# %%
print("after one evening, a shift of more than 0.4:", shifts.max() > 0.4)
print("after half of them, one of more than 0.1:", np.median(shifts) > 0.1)

# %% [markdown]
# One bad evening, and the service can spend the next day telling travellers to rebook. (Once the answers fell. The deceived model had learnt that all is late in warm rain, and
# was asked about a cold, dry day.) An offline model has a gate between training and users, where somebody or some test can say no. An online
# model *is* its own release, so the gate has to stand in front of the labels. Most services settle in between: refit offline on a schedule, test, ship. Lesson 06 measures how often pays.

# %% [markdown] tags=["question"]
# ### Self-check 4
#
# *Pick one.*
#
# In July the frozen model did worse than quoting the base rate. What had happened to it since March?
#
# - **A.** It forgot what it had learnt in winter
# - **B.** Nothing: the flights changed and the model did not
# - **C.** It adapted to the summer, but too slowly
# - **D.** It was badly trained, and would have failed in every month

# %%
quiz.ask("s4", "")

# %% [markdown]
# ## Batch and real-time prediction
#
# How a model is *trained* is one choice. When its answers are *computed* is another. (Mind the words: some say *online prediction* for real-time. Here *online* speaks of
# training only.) Any pair of the two goes together:
#
# | | **batch**: many answers ahead of time, stored and looked up | **real-time**: one answer when asked |
# |---|---|---|
# | **trained offline** | nightly list of risky flights | the app, asked an hour before departure |
# | **trained online** | the same list, from a model that learnt this evening | the app, from a model that learnt this evening |
#
# The price first. What does one answer cost when all flights are scored in one call, and when each is a call of its own? Guess how many times dearer the lone answer is.
# Timings here are medians, for one caller and one thread.

# %%
my_guess = None  # times


# %%
def seconds_a_row(answer, rows_a_call, calls):
    took = []
    for call in range(calls + 1):
        started = time.perf_counter()
        answer(X_future[call : call + rows_a_call])
        took.append(time.perf_counter() - started)
    return float(np.median(took[1:])) / rows_a_call  # the first call does not count


# %% tags=["nbval-ignore-output"]
in_batch = seconds_a_row(lambda rows: chance(logistic, rows), rows_a_call=80_000, calls=5)
one_by_one = seconds_a_row(lambda rows: chance(logistic, rows), rows_a_call=1, calls=200)
gap(my_guess, one_by_one / in_batch)
print(f"{1e6 * in_batch:.1f} µs an answer in batch, {1e6 * one_by_one:.0f} µs one by one")

# %%
print("a lone answer is dearer:", one_by_one > in_batch)
print("by more than 20 times:", one_by_one > 20 * in_batch)

# %% [markdown]
# A call has a price of its own, whatever it carries; how high, depends on the program, and scikit-learn's is steep. Batch shares it among all rows. That is why throughput loves batches, and
# lesson 05 finds a way to give real-time requests a part of that discount.
#
# Now the other side of the bill. A nightly batch answers at ten in the evening with the weather of ten in the evening; what blows in overnight, it cannot know. To measure that, we ask for
# the weather as if every flight left at midnight, which gives the reading of 22:00 the evening before. Each way gets its own model, trained on the inputs it will see.

# %%
evening = flights | {"sched_dep_time": np.zeros_like(flights["sched_dep_time"])}
X_evening = flight_features(evening, weather, codes)
X_evening[:, 0] = X[:, 0]  # the scheduled hour itself was known all along
nightly = train_logistic(X_evening[past], late_past)
ways = {"real-time": chance(logistic, X_future), "batch": chance(nightly, X_evening[~past])}
ways["mixed up"] = chance(logistic, X_evening[~past])

# %% tags=["nbval-ignore-output"]
for name, probability in ways.items():
    print(f"{name:10}", score(late_future, probability, base_rate))

# %%
from modelserving.models import margin  # two standard errors of a mean, each day one draw

cost = {name: -np.log(np.where(late_future, p, 1 - p)) for name, p in ways.items()}
older, skewed = cost["batch"] - cost["real-time"], cost["mixed up"] - cost["batch"]
print("batch costs more than real-time:", bool(older.mean() > margin(older, days_future)))
print("mixed up costs more than batch: ", bool(skewed.mean() > margin(skewed, days_future)))

# %% [markdown]
# Batch is cheaper and knows less. Neither is the better design: the list for tomorrow's staffing can be a batch, the traveller on her way wants real-time. The third line is the design nobody
# chose: a model trained on fresh weather that is fed last night's. Its log loss is a little higher, its ROC AUC a little higher too: three months cannot tell whether the skew cost anything here. The
# certain loss is against fresh weather. No error rate will show it.

# %% [markdown] tags=["question"]
# ### Self-check 5
#
# *Select all that apply.*
#
# Each night at ten a job scores all of tomorrow's flights into a table, and the app looks its answers up there. Which statements hold?
#
# - **A.** This is batch prediction, although the app answers in a millisecond
# - **B.** Since the prediction is batch, the model must have been trained offline
# - **C.** To improve it, swap in the model that was trained for the app on fresh weather
# - **D.** A scored row costs less computing than one scored when asked

# %%
quiz.ask("s5", "")

# %% [markdown]
# ## A model is data, an interpreter runs it
#
# So far scikit-learn trained the model and also ran it. In service the two part ways: the machine that answers needs no optimiser and no training data. What does it need?
# Here is the logistic model once more, written down as the operations it consists of.

# %%
from modelserving.models import OPERATIONS, Operations, as_operations

model = as_operations(logistic)  # a list of (name, numbers)
for operation, parameters in model:
    print(f"{operation:8}", ", ".join(parameters))
print("logistic can predict:", hasattr(logistic, "predict_proba"))
print("its operations can:  ", hasattr(model, "predict_proba"))


# %% [markdown]
# Names and numbers. A model is **data**: it can be stored, sent, signed, compared; what it cannot do is answer. For that something has to walk through the operations and carry each one out:

# %% tags=["shows:modelserving.models.interpret"]
def interpret(model: Operations, inputs: np.ndarray) -> np.ndarray:
    """Run the model's operations on the inputs, in order; the last result is the answer."""
    values = inputs
    for operation, parameters in model:
        values = OPERATIONS[operation](values, **parameters)
    return values


# %% [markdown]
# This is an **interpreter**, a complete one. It knows how to carry out five operations and nothing about flights. ONNX Runtime, which takes its place in lesson 02, knows many more
# and works on the same plan. Is it the same model, though? We compare the two on every flight of the holdout, and their prices too.

# %%
difference = np.abs(interpret(model, X_future) - chance(logistic, X_future)).max()
print("the same probabilities within 0.00001:", difference < 1e-5)

# %% tags=["nbval-ignore-output"]
by_hand = seconds_a_row(lambda rows: interpret(model, rows), 1, calls=200)
by_hand_in_batch = seconds_a_row(lambda rows: interpret(model, rows), 80_000, calls=5)
print(f"largest difference {difference:.1e} over {len(X_future):,} flights")
print("µs an answer     one by one   in batch")
print(f"scikit-learn     {1e6 * one_by_one:10.0f} {1e6 * in_batch:10.1f}")
print(f"our interpreter  {1e6 * by_hand:10.0f} {1e6 * by_hand_in_batch:10.1f}")

# %%
gain, gain_in_batch = one_by_one / by_hand, in_batch / by_hand_in_batch
print("a lone answer costs less than half:", gain > 2)
print("lone answers gain more than 5 times what a batch gains:", gain > 5 * gain_in_batch)

# %% [markdown]
# Same numbers. A lone row costs a fraction, a row in a batch about what it did: what went away is the price of a call. Most of that was scikit-learn checking its inputs and routing columns: welcome while
# you train, paid for again with every request.

# %% [markdown]
# ## Take one away
#
# The service, complete: a **model**, an **interpreter**, **input data**, and an **orchestrator** that keeps the whole running. Production systems use Kubernetes for
# that, which keeps programs running on many machines, or a job scheduler. Ours is ten lines, and real where it counts: the work happens in another process, a *replica*, and the orchestrator starts a new one when that process dies.

# %%
import os
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context


def start_replica():
    return ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn"))


# %%
class Orchestrator:
    def __init__(self):
        self.replica, self.restarts = start_replica(), 0

    def ask(self, work, *arguments):
        try:
            return self.replica.submit(work, *arguments).result()
        except BrokenProcessPool:  # the process is gone
            self.replica, self.restarts = start_replica(), self.restarts + 1
            # once more: to predict twice does no harm
            return self.replica.submit(work, *arguments).result()


# %% [markdown]
# Now the ablation: leave out one part at a time and ask for 1,000 predictions. The trial without an orchestrator asks a replica directly, one that nobody restarts. Of the four parts, how many stop the
# predictions when they are missing?

# %%
my_guess = None  # 0 to 4

# %%
# the same lines as above, where another process can find them
from modelserving.models import interpret

rows, orchestrator, unwatched = X_future[:1000], Orchestrator(), start_replica()
trials = {
    "nothing missing": lambda: orchestrator.ask(interpret, model, rows),
    "no model": lambda: orchestrator.ask(interpret, None, rows),
    "no interpreter": lambda: orchestrator.ask(None, model, rows),
    "no input data": lambda: orchestrator.ask(interpret, model, None),
    "no orchestrator": lambda: unwatched.submit(interpret, model, rows).result(),
}

# %%
from textwrap import shorten


def attempt(trial):
    try:
        return trial()
    except Exception as problem:
        return problem


def told(outcome):
    if isinstance(outcome, Exception):
        return shorten(f"{type(outcome).__name__}: {outcome}", 60, placeholder=" …")
    return f"{len(outcome)} predictions"


# %%
outcomes = {name: attempt(trial) for name, trial in trials.items()}
stopped = [name for name, outcome in outcomes.items() if isinstance(outcome, Exception)]

# %% tags=["nbval-ignore-output"]
gap(my_guess, len(stopped))
for name, outcome in outcomes.items():
    print(f"{name:16} {told(outcome)}")

# %%
complete = outcomes["nothing missing"]
print("nothing missing:", told(complete))
print("stopped by:", ", ".join(stopped))
same = np.array_equal(complete, outcomes["no orchestrator"])
print("without an orchestrator, the same to the last bit:", same)

# %% [markdown]
# Without a model there is nothing to run, without an interpreter nothing to run it, without input data nothing to run it on. Without the orchestrator every prediction is there.
# Ours also hands requests on; in production a load balancer does, so an orchestrator's fall leaves the path of the requests alone.
#
# What is it for, then? We kill the replica, once with an orchestrator watching and once without.

# %%
for replica in (orchestrator.replica, unwatched):
    replica.submit(os._exit, 1)  # the process ends as if it had run out of memory
outcomes["killed, watched"] = attempt(lambda: orchestrator.ask(interpret, model, rows))
outcomes["killed, alone"] = attempt(lambda: unwatched.submit(interpret, model, rows).result())
for name in ("killed, watched", "killed, alone"):
    print(f"{name:16} {told(outcomes[name]).split(':')[0]}")
print("restarts:", orchestrator.restarts)

# %%
parts = ["model", "interpreter", "input data", "orchestrator"]
absent = [name.removeprefix("no ") for name in outcomes]
absent[-1] = "orchestrator"  # of "killed, alone"
worked = np.array([not isinstance(outcome, Exception) for outcome in outcomes.values()])
running = ["killed" not in name for name in outcomes]
grid = np.column_stack([*(np.array(absent) != part for part in parts), running, worked])
words = np.where(grid, [*["there"] * 4, "running", "yes"], [*["missing"] * 4, "killed", "no"])

# %% tags=["nbval-ignore-output"]
fig, ax = plots.figure("What was there, and whether predictions came", size=(7.5, 4))
ax.pcolormesh(grid, cmap="Blues", vmin=-0.5, vmax=2.5, edgecolor="white", linewidth=3)
for (row, column), word in np.ndenumerate(words):
    weight = "bold" if column == 5 else "normal"
    ax.text(column + 0.5, row + 0.5, word, ha="center", va="center", weight=weight)
ax.set_xticks(np.arange(6) + 0.5, [*parts, "replica", "predictions?"])
ax.set_yticks(np.arange(len(grid)) + 0.5, outcomes)
ax.grid(False)
ax.invert_yaxis()
trial_by_trial = zip(outcomes, words[:, -1], strict=True)
alt = "; ".join(f"{name}: {came}" for name, came in trial_by_trial)
plots.show(fig, f"Grid, one row for each trial. Did predictions come? {alt}.")

# %% [markdown]
# The orchestrator makes no prediction; it makes them *keep coming*. Two different lists, then: what a prediction needs (model, interpreter, input data), and what a service needs (those, plus whatever restarts, scales, routes and watches them).

# %% [markdown] tags=["question"]
# ### Self-check 6
#
# *Pick one.*
#
# The orchestrator of a healthy service goes down for an hour. Replicas, model and requests are as before. What do users notice in that hour?
#
# - **A.** No predictions at all
# - **B.** Predictions that are slightly different
# - **C.** Nothing, unless a machine is lost, more replicas are needed or a release is due
# - **D.** Stale predictions, since nobody retrains the model

# %%
quiz.ask("s6", "")

# %% [markdown]
# ## Whom it has to please, and what that costs
#
# **Latency** is how long one caller waits. **Throughput** is how many answers come out in a second. Here are both for both ways of asking, with the interpreter in charge:

# %% tags=["nbval-ignore-output"]
whole_list = by_hand_in_batch * len(X_future)  # seconds
print(f"real-time: {1000 * by_hand:.2f} ms until the answer is there")
print(f"batch:     {1000 * whole_list:.2f} ms until the whole list is done")
print(f"a second:  {1 / by_hand:,.0f} answers, in batch {1 / by_hand_in_batch:,.0f}")

# %%
print("batch answers more in a second:", by_hand > 5 * by_hand_in_batch)
print("and the list takes longer than an answer:", whole_list > 20 * by_hand)

# %% [markdown]
# The traveller waits, so the app is judged by latency. Nobody waits for the nightly list (looking an answer up in it is another matter): what counts there is throughput, at the least CPU time. (One exception: a page that calls a
# hundred back ends, the services behind it, waits for the slowest. Lesson 05 measures it.)
#
# To promise both at once takes more machines, and they cost money while they idle. Three ways to pay less, where latency and throughput may give a little:
#
# - **optimise the model for inference**, that is, for answering: fewer bits, fewer operations, a smaller model: lesson 07. (The interpreter above made the call cheaper and left the model as it was.)
# - **serve many models from one process.** The next cell shows why that pays.
# - **share an accelerator**, such as a GPU, among models that would leave it idle alone. Lesson 08 measures it.
#
# Stress testing, more and more load until the service gives way, is not among them. It tells you where the limit lies, and leaves the bill as it was.

# %%
import pickle

import psutil

process = psutil.Process(orchestrator.replica.submit(os.getpid).result())
in_memory = process.memory_full_info().uss  # bytes, pages shared with others left out
on_its_own = len(pickle.dumps(model))
orchestrator.replica.shutdown()

# %% tags=["nbval-ignore-output"]
print(f"replica {in_memory / 1e6:.0f} MB of its own, the model in it {on_its_own / 1e3:.1f} kB")

# %%
print("the replica is more than 1000 times as large:", in_memory > 1000 * on_its_own)

# %% [markdown]
# Nearly all of a replica is Python and its libraries, there before the model came. A second model of this size in the same process costs next to nothing, a second process most of it again.

# %% [markdown]
# ## What to take away
#
# | idea | what to remember | where you measured it |
# |---|---|---|
# | leak | ask of each column *when is it known?*; a strong score is no proof either way | *A column that knows too much* |
# | a leak in service | fine in the test, absurd when the value is missing | *What a leak costs once it is served* |
# | holdout | test on later days; shuffling inflates the score and picks the wrong model | *A holdout in the future* |
# | baseline | the base rate is a forecast; a model above its log loss is worse than none | *Two models and a baseline* |
# | calibration | ROC AUC sees the order only; users see the number | *Is 30 % really 3 in 10?* |
# | offline, online | a frozen model goes stale; a learning one learns mistakes as well | *Offline and online training* |
# | batch, real-time | cheap and old against dear and fresh; independent of how the model was trained | *Batch and real-time prediction* |
# | latency, throughput | a caller who waits wants the first, a list that nobody waits for the second | *Whom it has to please, and what that costs* |
# | the parts | no prediction without model, interpreter and input data; no *service* for long without an orchestrator | *Take one away* |

# %% [markdown]
# ## When this goes wrong in production
#
# - **The column that is empty at the moment of asking.** Log the inputs as they arrive and compare their missing rates with training's before you trust a test score.
# - **Two code paths for one feature**, a query for training and a function in the server. Keep one function, and ship its lists (`codes`) with the model, under one version.
# - **The batch table that nobody filled.** The job fails, the lookup goes on answering with yesterday's rows and a status of success. Store with each answer when its inputs were read, and alert on the age.
# - **Outcomes that come late or not at all.** A flight still in the air has no arrival time, and `NaN` counted as late is how one evening deceived the online model. Learn only from rows whose outcome is final.
# - **The reweighted model.** Classes balanced or rare ones sampled up in training, probabilities read at face value in service. Plot the calibration of what is *served*, not of what was trained.
# - **The restart that hides the fault.** An orchestrator that quietly restarts a replica every ten minutes keeps the answers coming and the bug alive. Count restarts.

# %% [markdown]
# ## Further reading
#
# - S. Kaufman, S. Rosset, C. Perlich, O. Stitelman (2012). Leakage in data mining: formulation, detection, and avoidance. *ACM Transactions on Knowledge Discovery from Data* 6(4), 15. [doi:10.1145/2382577.2382579](https://doi.org/10.1145/2382577.2382579). Defines a leak by what is known when.
# - S. Kapoor, A. Narayanan (2023). Leakage and the reproducibility crisis in machine-learning-based science. *Patterns* 4(9), 100804. [doi:10.1016/j.patter.2023.100804](https://doi.org/10.1016/j.patter.2023.100804). Eight kinds of leak, among them the shuffled holdout, in published work of 17 fields.
# - A. Niculescu-Mizil, R. Caruana (2005). Predicting good probabilities with supervised learning. *Proceedings of the 22nd International Conference on Machine Learning*, 625–632. [doi:10.1145/1102351.1102430](https://doi.org/10.1145/1102351.1102430). Which learners are calibrated, and how to mend those that are not.
# - J. Gama, R. Sebastião, P. P. Rodrigues (2013). On evaluating stream learning algorithms. *Machine Learning* 90, 317–346. [doi:10.1007/s10994-012-5320-9](https://doi.org/10.1007/s10994-012-5320-9). Predict first, learn afterwards: how to score a model that never stops learning.
# - D. Sculley and others (2015). Hidden technical debt in machine learning systems. *Advances in Neural Information Processing Systems* 28, 2503–2511. How small the box marked “model” is among all that surrounds it.
# - C. Olston and others (2017). TensorFlow-Serving: flexible, high-performance ML serving. [arXiv:1712.06139](https://arxiv.org/abs/1712.06139). The parts of this lesson at the scale of a data centre.

# %% [markdown]
# ## What the assignment asks next
#
# In the [exercises](../release/01_build_a_model/exercises.ipynb) you write the pieces that this lesson used and did not print: features without a leak, a split in time, the scores, a calibration table, a prediction that says which part is
# missing, and a rate that is learnt one batch at a time. The [quiz](../release/01_build_a_model/quiz.ipynb) asks about the parts of a service, what time does to a model, and what speed costs.
#
# Back to [00 Start here](00_start_here.ipynb). [Lesson 02](02_wrap_it_in_an_interpreter.ipynb) takes the model out of scikit-learn for good, hands it to an interpreter that others wrote, and asks: is the exported model the model I trained?
