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
#     agreed: 03c5fc0408ec1eec
# ---

# %% [markdown]
# # 06 Watch it decay
#
# **Is it still right?**
#
# Each week the operator of Clark/Lake, a station in the middle of Chicago, asks your service how many people will come in on the next seven days. The model learned from the years 2001 to 2003,
# was tested, exported, and put into service on 1 January 2004. It is now the end of August 2016. No error is in the log, answers take a millisecond, and nobody has touched the model since. At lunch somebody asks whether it is still
# right, and three colleagues know at once:
#
# - "It gets new data every day. It will have **adapted**."
# - "After so long? It will have **forgotten** what it learned."
# - "It is the same file as ever. The world has moved on, and it is **stale**."
#
# Nobody has looked. In this lesson each of the three is put to the test.
#
# When you are through you can
#
# - tell a stale model from one that adapts and from one that forgets, by measurement;
# - have a server write down what it was asked and what it said, and join the truth to it when that comes;
# - say what a monitor can see without labels, what it cannot, and why it cries wolf;
# - state for any alarm how late it is and how often it rings for nothing;
# - decide when to train again and on what, and name a month in which it was better not to.
#
# It takes about 100 minutes, best in two sittings: some 65 for the station, and from *Wrong until September* on some 35 for the flights. You should have been through lessons 01 to 03. Where a cell asks for a guess, write a
# number in place of `None` **before** you run what follows.

# %%
import hashlib
import tempfile
from pathlib import Path

import numpy as np

from autograder.quiz import Quiz
from modelserving import datasets, drift, plots
from modelserving.guess import gap

quiz = Quiz("questions/06_watch_it_decay.json")

# %% [markdown]
# Which of the three is right? Commit yourself; nobody is told.

# %%
my_answer = None  # "adapted", "forgot" or "stale"

# %% [markdown]
# ## A model and its promise
#
# Daily entries, in thousands, with the day's weather and events. Weekday and holidays decide most, so the first input is the kind of day. (You may skip the cell after the next: it finds the holidays.)

# %%
riders = datasets.riders()
dates, entries, year = riders["date"], riders["riders"], riders["date"].astype("datetime64[Y]").astype(int) + 1970
print(f"{len(dates):,} days, {dates[0]} to {dates[-1]}")
print(f"median day of 2003: {np.median(entries[year == 2003]):.1f} thousand")


# %%
def kind_of_day(dates):  # 0 Monday to 6 Sunday, 7 a public holiday, 8 a day that many take off
    weekday, month = (dates.astype(int) + 3) % 7, dates.astype("datetime64[M]")
    day = 100 * (month.astype(int) % 12 + 1) + (dates - month).astype(int) + 1  # 704 is the fourth of July

    def one_of(*spans):
        return np.any([(day >= first) & (day <= last) for first, last in spans], axis=0)

    monday, thursday, friday = (weekday == k for k in (0, 3, 4))
    holiday = one_of((101, 101), (704, 704), (1225, 1225)) | monday & one_of((525, 531), (705, 705), (901, 907))
    holiday |= thursday & one_of((1122, 1128))
    off = one_of((102, 102), (1224, 1231)) | friday & one_of((1123, 1129))
    off |= monday & one_of((115, 121), (215, 221), (1008, 1014))
    return np.where(weekday > 4, weekday, np.where(holiday, 7, np.where(off, 8, weekday)))


# %%
WEATHER = ("temp", "dew", "wind", "precip", "weather_rain", "weather_snow")
EVENTS = ("Blackhawks_Home", "Bulls_Home", "Bears_Home", "baseball")
COLUMNS = ("kind of day", "warm season", "spring", *WEATHER, *EVENTS)
turn = 2 * np.pi * (dates - dates.astype("datetime64[Y]")).astype(int) / 365.25  # the year as an angle
X = [kind_of_day(dates), -np.cos(turn), np.sin(turn), *(riders[name] for name in WEATHER + EVENTS)]
X = np.column_stack(X).astype(np.float32)
print("one day:", *(f"{name} {value:.2g}" for name, value in zip(COLUMNS, X[1000], strict=True)), sep="\n  ")

# %% [markdown]
# The weather is the one that came. A service would have a forecast of it; every model below is spared that error alike.
#
# The model is a linear one (ridge regression), with an indicator for each kind of day. It trains on 2001 to 2003. How far off will it be in 2004, its first year in service, on average? (The **mean absolute error**, MAE, in
# thousands of people; the median day is above.)

# %%
my_guess = None  # thousand people

# %%
from sklearn.compose import make_column_transformer
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler


def untrained():
    indicators = OneHotEncoder(handle_unknown="ignore")
    return make_pipeline(make_column_transformer((indicators, [0]), remainder=StandardScaler()), Ridge())


def fit(X, y):
    return untrained().fit(X, y)


# %% tags=["nbval-ignore-output"]
past, first = year < 2004, year == 2004
model = fit(X[past], entries[past])


def mae(truth, predicted):
    return float(np.abs(truth - predicted).mean())


error_2004 = mae(entries[first], model.predict(X[first]))
gap(my_guess, error_2004)
print(f"the average of 2001 to 2003 for each day: {mae(entries[first], entries[past].mean()):.2f}")

# %%
print("less than a fifth of what the plain average gets:", error_2004 < mae(entries[first], entries[past].mean()) / 5)

# %% [markdown]
# That is the promise the operator was given on a holdout in the future, as lesson 01 demands. Now it is exported as in lesson 02 and laid into the repository of lesson 03. A **hash** of the file, its fingerprint, goes into the minutes: change one bit
# of the file and the hash is another one.

# %%
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType

from modelserving.export import OPSET, rename_output

width = FloatTensorType([None, len(COLUMNS)])
graph = convert_sklearn(model, initial_types=[("input", width)], target_opset=OPSET)
rename_output(graph.graph, "variable", "riders")
file = Path(tempfile.mkdtemp()) / "clark" / "1" / "model.onnx"
file.parent.mkdir(parents=True)
file.write_bytes(graph.SerializeToString())
models = file.parents[2]


# %%
def fingerprint():
    return hashlib.sha256(file.read_bytes()).hexdigest()


on_the_first_day = fingerprint()

# %% [markdown]
# ## Serve it, and write everything down
#
# What was the model asked on a Tuesday in 2011, and what did it say? A server that keeps no record cannot tell. So this one has a **log**: a file (SQLite, which comes with Python) that keeps each request's id, time, inputs and outputs, before the answer goes
# out. The truth is not there yet. It comes later, under the same id, by an endpoint of its own.
#
# Nobody wants to wait twelve years for them, so the server gets a clock that we turn by hand.

# %%
from contextlib import ExitStack

from modelserving.server import running
from modelserving.store import Store

open_things = ExitStack()  # closes at the end what we open here
log, now = open_things.enter_context(Store(models / "log.db")), dates[0]


def clock():  # seconds since 1970
    return float(now.astype("datetime64[s]").astype(int))


url = open_things.enter_context(running(models, store=log, clock=clock))

# %%
import json
from http.client import HTTPConnection

line = HTTPConnection(url.removeprefix("http://"))


def post(what, message):
    line.request("POST", f"/v2/models/clark/{what}", json.dumps(message))
    return json.loads(line.getresponse().read())


def ask(rows, name):  # thousand people for each row, as the server says; name: the request's id
    tensor = {"name": "input", "datatype": "FP32", "shape": list(rows.shape), "data": rows.ravel().tolist()}
    answer = post("infer", {"id": name, "inputs": [tensor]})
    return np.array(answer["outputs"][0]["data"], dtype=np.float32)


# %% [markdown]
# Once a week one request, for the seven days that follow, with the first of them as its id. The turnstiles' counts are checked by hand and published some 60 days later: that is the **label delay**. They come in through
# the server's own endpoint for labels, and so the whole service runs from 2004 to 2016:

# %%
DELAY = np.timedelta64(60, "D")
in_service = np.flatnonzero(~past)
weeks = [in_service[i : i + 7] for i in range(0, len(in_service), 7)]


def label_of(days):  # one of each request: a value for each row, and when it came
    return {"id": str(dates[days[0]]), "value": entries[days].tolist(), "time": str(dates[days[-1]] + DELAY)}


# %%
for days in weeks:
    now = dates[days[0]]
    ask(X[days], str(now))
print("the server took labels:", post("labels", {"labels": [label_of(days) for days in weeks]}))

# %% [markdown]
# Now the file knows what was asked, what was said, and what came of it. `joined` puts the three together, and with `as_of` it does so *as it was known on a day*.

# %%
seen = log.joined("clark")
then = log.joined("clark", as_of="2004-12-31")
without = len(then.served) - int(then.known.sum())
print(f"days predicted {len(seen.served):,}, with a label {seen.known.sum():,}")
print(f"on 31 December 2004: predicted {len(then.served)}, {without} of them without a label")
print("every day was kept:", len(seen.served) == len(in_service) == seen.known.sum())
print("on that day the last two months had no label:", 60 <= without < 75)

# %% [markdown]
# A query that takes today's table for what was known in 2004 finds labels for all of that year, and whatever is built on it (an alarm, a refit) does better than anything that could have been had: it **peeks**.
#
# ### Killed between the two
#
# Predictions and labels are two months apart, and processes die. We start another server from the command line, send it 20 requests, and kill it the moment the last answer is here. How many of
# the 20 are in its log?

# %%
import socket
import subprocess
import sys
import time
from urllib.request import urlopen

with socket.create_server(("127.0.0.1", 0)) as free:
    port = free.getsockname()[1]
command = "import sys; from modelserving.cli import main; sys.exit(main())"
command = [sys.executable, "-c", command, "serve", str(models), "--log", str(models / "other.db"), "--port", str(port)]
process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


# %%
def ready():
    try:
        return urlopen(f"http://127.0.0.1:{port}/v2/health/ready").status == 200
    except OSError:
        return False


while process.poll() is None and not ready():
    time.sleep(0.05)
line, first_line = HTTPConnection("127.0.0.1", port), line  # `ask` asks there for a moment
answers = [ask(X[days], str(dates[days[0]])) for days in weeks[:20]]
process.kill()
process.wait()
line = first_line

# %%
with Store(models / "other.db") as store:
    survived = len(set(store.predictions("clark").ids))
    store.label("clark", [str(dates[days[0]]) for days in weeks[:20]], [entries[days] for days in weeks[:20]])
    labelled = int(store.joined("clark").known.sum())
print(f"answered {len(answers)}, in the log {survived}; labelled afterwards {labelled} days of {20 * 7}")

# %% [markdown]
# All of them. An answer goes out only after its record is committed, so nobody ever holds an answer that the log does not know. That costs some waiting, which is shared: one **transaction** takes all that came together. And a label whose id no prediction has is kept and counted, since it may have overtaken its prediction.
#
# ## Is it still right?
#
# Twelve years are in the log. Beside the model in service stands another one, that nobody served: the same recipe, fitted anew each New Year on the three years before, with the labels that had come by then.
#
# The mean absolute error of 2004 you know. What is that of the model in service in 2015, in thousands of people a day?

# %%
my_guess = None  # thousand people

# %%
said = seen.served.outputs["riders"].ravel()
truth, day = seen.labels, seen.served.ids.astype("datetime64[D]") + seen.served.rows
served_year = day.astype("datetime64[Y]").astype(int) + 1970
years = np.arange(2004, 2017)
yearly = np.array([mae(truth[served_year == y], said[served_year == y]) for y in years])

# %% tags=["nbval-ignore-output"]
from modelserving.retraining import Policy, calendar, never, replay

given = {"first_fit": "2004-01-01", "label_delay": 60}
every_year = replay(dates, X, entries, fit=fit, policy=calendar(365), window=3 * 365, **given)
replay_year = every_year.days.astype("datetime64[Y]").astype(int) + 1970
refitted = np.array([every_year.error[replay_year == y].mean() for y in years])
gap(my_guess, yearly[-2])
print("year       ", *(f"{y:5}" for y in years))
print("left alone ", *(f"{value:5.2f}" for value in yearly))
print("refitted   ", *(f"{value:5.2f}" for value in refitted))

# %% tags=["nbval-ignore-output"]
fig, ax = plots.figure("Left alone since 2004", "year", "error, thousand people a day")
for values, marker, label in ((yearly, "o", "left alone"), (refitted, "s", "refitted each year")):
    ax.plot(years, values, marker=marker, label=label)
ax.set(ylim=(0, 1.1 * yearly.max()), xticks=years[::2])
plots.label_lines(ax)
told = f"left alone from {yearly[0]:.1f} to {yearly[-2]:.1f} in 2015"
range_of = f"{refitted.min():.1f} to {refitted.max():.1f}"
plots.show(fig, f"Two lines of error by year: {told}; refitted {range_of}.")

# %%
print("in 2015 the error is more than 5 times that of 2004:", yearly[-2] > 5 * yearly[0])
print("refitted, it is never more than half of that:", refitted.max() < 0.5 * yearly[-2])

# %% [markdown]
# The promise was broken years ago. Nobody was told, since nothing failed. But *how* did it break? Three answers are on the table.
#
# ## Did it adapt?
#
# A model that adapts changes. It would answer the same question differently now. We ask the server again what it was asked in its first ten weeks. How many of the 70 answers will be different?

# %%
my_guess = None  # 0 to 70

# %% tags=["nbval-ignore-output"]
again = np.concatenate([ask(X[days], f"again {dates[days[0]]}") for days in weeks[:10]])
gap(my_guess, int((again != said[:70]).sum()))
print("fingerprint on the first day", on_the_first_day[:16])
print("fingerprint today           ", fingerprint()[:16])

# %%
mean_said = np.array([said[served_year == y].mean() for y in years])
mean_came = np.array([truth[served_year == y].mean() for y in years])
print("the file is the same, bit by bit:", fingerprint() == on_the_first_day)
print("the answers are the same, bit by bit:", np.array_equal(again, said[:70]))
print("its yearly mean never moved by more than 0.3 thousand:", np.ptp(mean_said) < 0.3)
print("people came to be more than 4 thousand more a day:", mean_came.max() - mean_came[0] > 4)

# %% [markdown]
# It was asked about every day of twelve years and moved by nothing. Being *asked* is not being *taught*: a prediction is arithmetic with numbers that stand in a file, and no step of it writes to that file. Labels did arrive, through the
# endpoint, in the log next door; the model does not read it.
#
# To adapt, somebody has to fit it: that is the other line in the plot. So much for the first colleague.
#
# ## Did it forget?
#
# A model that forgets has lost what it once knew. That can be tested: ask it again about the past. In 2003, its last year of training, it was off by a certain amount on average. How much will it be off on those same days of 2003 now, after twelve years of service? And the model that was fitted last, on 2013 to 2015?

# %%
old = year == 2003
on_old_days = mae(entries[old], model.predict(X[old]))
print(f"on the days of 2003, when it was new: {on_old_days:.3f}")

# %%
my_guess = None  # thousand people, the model in service
my_other_guess = None  # thousand people, the one fitted last

# %% tags=["nbval-ignore-output"]
served_again = ask(X[old], "2003 again")
recent = (year >= 2013) & (year < 2016)
forgot = mae(entries[old], fit(X[recent], entries[recent]).predict(X[old]))
gap(my_guess, mae(entries[old], served_again))
gap(my_other_guess, forgot)

# %%
print("its error on old days is what it was:", abs(mae(entries[old], served_again) - on_old_days) < 0.001)
print("the model fitted last is more than 5 times as wrong about them:", forgot > 5 * on_old_days)

# %% [markdown]
# Nothing is lost. Whoever wants a forecast for a day in 2003 is served as well as ever. It is the *refitted* model that does not know those days: it never saw them. To lose the past is what fitting on recent days only does, and here nobody minds, since no one
# asks about 2003. (**Catastrophic forgetting** befalls networks that are trained on a new task while the old one still matters. It needs training, and a served model has none.)
#
# So much for the second colleague.

# %% [markdown] tags=["question"]
# ### Self-check 1
#
# *Pick one.*
#
# A model was trained offline and has been fed new data every day since. By what you measured, what has happened to it?
#
# - **A.** It has adapted to the new patterns
# - **B.** It has become stale: nothing in it changed, and what is right did
# - **C.** It has abruptly forgotten what it learned
# - **D.** It is as good as on its first day, since nothing in it changed

# %%
quiz.ask("s1", "")

# %% [markdown]
# ## It went stale
#
# Is anything left of what it knew? Here is how well its answers and the truth rise and fall together: the correlation, 1 at best. In 2004 it was close to 1. In 2015?

# %%
my_guess = None  # -1 to 1

# %% tags=["nbval-ignore-output"]
together = [np.corrcoef(truth[served_year == y], said[served_year == y])[0, 1] for y in years]
bias = np.array([(said - truth)[served_year == y].mean() for y in years])
around = [mae(truth[served_year == y], said[served_year == y] - off) for y, off in zip(years, bias, strict=True)]
gap(my_guess, together[-2])
print("year         ", *(f"{y:5}" for y in years))
print("correlation  ", *(f"{value:5.2f}" for value in together))
print("error        ", *(f"{value:5.2f}" for value in yearly))
print("said - came  ", *(f"{value:5.2f}" for value in bias))
print("error if that", *(f"{value:5.2f}" for value in around), "\n  is made up for")
weekday, in_2015 = (day.astype(int) + 3) % 7, served_year == 2015
off = np.array([(said - truth)[in_2015 & (weekday == k)].mean() for k in range(7)])
print("said - came in 2015, Monday to Sunday:", *(f"{value:.1f}" for value in off))

# %%
print("the correlation is above 0.95 in every year:", min(together) > 0.95)
print("in 2015 more than half of the error is level:", around[-2] < 0.5 * yearly[-2])
print("and what remains is more than 1.5 times that of 2004:", around[-2] > 1.5 * around[0])
print("each working day is off by at least 0.5 more than Sunday:", off[:5].max() < off[6] - 0.5)

# %% [markdown]
# It still knows that Tuesdays are busy and Christmas is not. What it does not know is that a Tuesday now brings thousands of people more. Most of its error is level. Not all: with the level made up for, the rest has grown too, since working days gained more people than Sundays. Inputs are what they were: weeks have seven days, winters are cold. What comes of them has changed: for the same inputs, another answer is right. The field calls that **concept drift**, and the model **stale**: it is as it
# was, and the world is not.
#
# A correlation (or a ranking, or an AUC) looks at the shape and is blind to the level. Watch the mean error beside it.

# %% [markdown] tags=["question"]
# ### Self-check 2
#
# *Select all that apply.*
#
# Which of these would have told you in 2015 that the forecast was off by thousands?
#
# - **A.** The correlation of what was said with what came
# - **B.** The mean of what was said, less the mean of what came
# - **C.** The error on the days of 2003, measured again
# - **D.** The mean absolute error of the last months whose labels had come
# - **E.** The fingerprint of the model's file

# %%
quiz.ask("s2", "")

# %% [markdown]
# ## What can be seen without labels
#
# Labels came two months late here; elsewhere they come after years, or never. Inputs and answers are there at once. So most monitors look at those: does what the model is asked still look like what it learned from? A **reference** (the training days) is set against a **window** (a month of served days), one
# input at a time.
#
# The usual measure is the **population stability index**, PSI. Cut the reference into ten bins of equal size, count what share $r_i$ of the reference and $w_i$ of the window falls into each, and add up $(w_i - r_i) \ln (w_i / r_i)$. Every textbook has the rule: below 0.1 all is well, above 0.25 something must be done. Here it is for the temperature of
# July 2004, a month in which the model was as good as promised. What will its PSI be?

# %%
my_guess = None  # for example 0.1


# %%
def share(values, bounds, extra=0.5):  # of each bin; half a row more in each, so that none is empty
    counts = np.bincount(np.searchsorted(bounds, values), minlength=len(bounds) + 1) + extra
    return counts / counts.sum()


served_inputs = seen.served.inputs["input"]  # as the log has them
month = day.astype("datetime64[M]")
temp = COLUMNS.index("temp")
july = served_inputs[month == np.datetime64("2004-07"), temp]
bounds = drift.edges(X[past][:, temp])  # the bins are the reference's, not the window's
r, w = share(X[past][:, temp], bounds), share(july, bounds)
by_hand = ((w - r) * np.log(w / r)).sum()

# %% tags=["nbval-ignore-output"]
gap(my_guess, by_hand)
r, w = share(X[past][:, temp], bounds, 0), share(july, bounds, 0)  # as they are
fig, ax = plots.figure("Temperature: share of days in ten bins of the training days", "bin, from cold to warm", "share")
ax.bar(np.arange(10) - 0.2, r, 0.4, label="2001 to 2003", color=plots.BLUE)
ax.bar(np.arange(10) + 0.2, w, 0.4, label="July 2004", color=plots.RUST, hatch="//", edgecolor="white")
ax.set_xticks(range(10), range(1, 11))
ax.legend()
plots.percent(ax.yaxis)
told = f"{w[7:].sum():.0%} of July lies in the three warmest bins, of the training days {r[7:].sum():.0%}"
plots.show(fig, f"Bars by bin. {told}. PSI {by_hand:.1f}.")

# %%
print("drift.psi gives the same:", np.isclose(by_hand, drift.psi(X[past][:, temp], july)))
print("it is more than 4 times the bound of 0.25:", by_hand > 1)

# %% [markdown]
# July is warm: it took a statistic to find out. What about the other inputs, and all the other months? Here is the largest PSI of the 13 inputs, month by month.

# %%
months = np.unique(month)[:-1]  # the last one ends early
every = range(len(COLUMNS))


def largest_psi(reference, window, columns=every):  # over the inputs, and which it was
    values = [drift.psi(reference[:, column], window[:, column]) for column in columns]
    return max(values), COLUMNS[columns[int(np.argmax(values))]]


plain = [largest_psi(X[past], served_inputs[month == one]) for one in months]
plain_psi = np.array([value for value, _ in plain])

# %%
rings = (plain_psi > 0.25).mean()
print(f"rang in {rings:.0%} of {len(months)} months")
print("it rings in more than 9 of 10 months, from the first year to the last:", rings > 0.9)
print("what it rang for:", ", ".join(sorted({name for _, name in plain})))

# %% [markdown]
# It never stops. An alarm that rings in every month, good or bad, says nothing, and after the third one it is switched off: it **cries wolf**. Here there are two reasons. A month was compared with three whole years, and months differ by season. And a month has 30 days, which is too few for ten bins: 30 draws from the *same* distribution
# as the reference go beyond 0.25 again and again.

# %%
rng = np.random.default_rng(6)
reference = drift.refer(X[past][:, temp])  # prepared once, for many windows
draws = [drift.psi(reference, rng.choice(X[past][:, temp], 30)) for _ in range(500)]
beyond = np.mean(np.array(draws) > 0.25)
print(f"30 days drawn from the reference itself: beyond 0.25 in {beyond:.0%}")
print("more than 1 in 4 such windows rings, with nothing to ring for:", beyond > 0.25)

# %% [markdown]
# ## An alarm that keeps its word
#
# Both can be mended. Against the season: compare a month with the *same weeks of other years*, and leave out the two inputs that only say which season it is. Against the small window: throw the rule of thumb away and set the **threshold** by what the score does while nothing is wrong, while the model is **in control**. Here is how that goes. (`drift.in_season` finds such weeks for a stream that goes on, in the years before the window.)

# %%
weathery = [column for column in every if COLUMNS[column] not in ("warm season", "spring")]


def other_years(values, window):  # of those of the training days: the same weeks, in other years than the window's
    apart = np.abs((dates[past] - window[len(window) // 2]).astype(int))
    of_year = np.minimum(apart % 365.25, 365.25 - apart % 365.25)
    return values[(of_year <= 30) & (apart > 183)]


def season(window, rows):  # the largest PSI of a window's rows
    return largest_psi(other_years(X[past], window), rows, weathery)[0]


# %%
starts = np.arange(dates[0], np.datetime64("2003-12-02"), 10)
calm = [start + np.arange(30) for start in starts]  # windows of 30 days from the training years
calm_psi = np.array([season(window, X[np.isin(dates, window)]) for window in calm])
bound = drift.threshold(calm_psi, rate=0.05)
above = starts[calm_psi > bound]
print(f"{len(calm)} windows in control; at most 1 in 20 of their like will be above {bound:.2f}")
print("those above it begin on", ", ".join(map(str, above)))
autumn = (above >= np.datetime64("2001-10-01")) & (above < np.datetime64("2001-12-01"))
print("more than half of them in one autumn:", autumn.mean() > 0.5)

# %% [markdown]
# That is a promise, and see what it rests on. Neighbouring windows share 20 of their 30 days, and all come from three years: they are worth far fewer than there are, and one odd autumn sets the bound. So the promise has to be tried on data that had no part in it.
#
# When was all well? That is known by hindsight alone, labels and all. Say that the promise **broke** on the first day from which the following half-year was twice as wrong as 2004. A single bad month does not break it.

# %% tags=["nbval-ignore-output"]
half_year = np.convolve(np.abs(truth - said), np.ones(180) / 180, "valid")  # of the 180 days that follow each day
broken = int(np.argmax(half_year > 2 * yearly[0]))
well = months.astype("datetime64[D]") < day[broken]
by_month = np.array([mae(truth[month == one], said[month == one]) for one in months])
print(f"all was well in {well.sum()} months, the promise broken in {(~well).sum()}")
print(f"error by month while well: median {np.median(by_month[well]):.2f}, highest {by_month[well].max():.2f}")
print(f"afterwards:                median {np.median(by_month[~well]):.2f}, highest {by_month[~well].max():.2f}")

# %% [markdown]
# In how many of the first months will the alarm on inputs ring? And in how many of the others, in which the error went to several times what it was?

# %%
my_guess = None  # months while well
my_other_guess = None  # months afterwards

# %% tags=["nbval-ignore-output"]
windows = [(day[month == one], month == one) for one in months]  # days, and which rows of the log
season_psi = np.array([season(of, served_inputs[rows]) for of, rows in windows])
gap(my_guess, int((season_psi[well] > bound).sum()))
gap(my_other_guess, int((season_psi[~well] > bound).sum()))

# %%
from scipy.stats import binom

held_out = drift.false_alarms(season_psi[well], bound)
print("while all was well:", held_out)
print("afterwards:        ", drift.false_alarms(season_psi[~well], bound))
so_few = binom.cdf((season_psi > bound).sum(), len(season_psi), 0.05)
print(f"chance of so few in all, were it 1 in 20 and each month by itself: {so_few:.4f}")
print("the first interval reaches above 1 in 7:", held_out.high > 1 / 7)
print("in all it rings less than promised, beyond what chance explains:", so_few < 0.01)


# %% [markdown]
# Read the first line with care. No false alarm in so few months does not mean a rate of nothing: the interval says how large it may still be. To know a small rate takes many windows.
#
# By the second line it is as quiet through eleven years of decay as before. Taken together it is *too* quiet for its promise: the bound came out high, as three years allow. Is such an alarm not simply deaf? Try it on faults that we make ourselves: the thermometer reads too high on every served day, or is stuck at 0.

# %% tags=["nbval-ignore-output"]
def rings_with(fault):  # in what share of the served months
    values = served_inputs.copy()
    values[:, temp] = fault(values[:, temp])
    return np.mean([season(of, values[rows]) > bound for of, rows in windows])


higher = {degrees: rings_with(lambda value, degrees=degrees: value + degrees) for degrees in (5, 10, 20)}
stuck = rings_with(np.zeros_like)
for degrees, share_of_months in higher.items():
    print(f"{degrees:2} °F too high: rings in {share_of_months:.0%} of months")

# %%
print("stuck at 0, it rings in every month:", stuck == 1)
print("10 °F too high, in more than 1 in 3:", higher[10] > 1 / 3)
print("5 °F too high, in fewer than 1 in 3:", higher[5] < 1 / 3)

# %% [markdown]
# It hears a broken sensor in the first window, a large shift in many months, a small one seldom. So its silence means something: no input of the station moved by much. The inputs *are* what they were.
#
# Perhaps the answers tell more? That is **prediction drift**: the same measure on what the model said.

# %% tags=["nbval-ignore-output"]
fitted = model.predict(X[past])
calm_said = [drift.psi(other_years(fitted, window), fitted[np.isin(dates[past], window)]) for window in calm]
said_bound = drift.threshold(calm_said, rate=0.05)
said_psi = np.array([drift.psi(other_years(fitted, of), said[rows]) for of, rows in windows])
worse_half = ~well & (by_month > np.median(by_month[~well]))
parts = {"while all was well": well, "after, the better half": ~well & ~worse_half, "after, the worse half": worse_half}
by_part = {name: drift.false_alarms(said_psi[part], said_bound) for name, part in parts.items()}
for name, found in by_part.items():
    print(f"{name:23}", found)

# %%
better, worse_rate = by_part["after, the better half"].rate, by_part["after, the worse half"].rate
print("afterwards it rings more often than the promised 1 in 20:", (said_psi[~well] > said_bound).mean() > 0.05)
print("and in fewer than 1 in 5 months:", (said_psi[~well] > said_bound).mean() < 0.2)
print("in the worse half less than twice as often as in the other:", worse_rate < 2 * better)

# %% [markdown]
# It does ring: in none of the good months, and afterwards more often than promised. Is that the decay? Good months are too few to say that they differ, and a promise that rests on three years is loose in this direction as well. But look at the halves. The error grew to several times what it was, and the alarm does not ring more for it; nobody who hears it could tell which ring to believe. Nor could it be otherwise: an answer is computed from the inputs by a file that did not change, and knows nothing of who came.
#
# **Concept drift can hide from everything that looks at inputs and answers alone.** A monitor without labels that stays green proves that the questions are the old ones, not that the answers are right.

# %% [markdown] tags=["question"]
# ### Self-check 3
#
# *Pick one.*
#
# The calibrated alarm on inputs promised 1 in 20. It rang in none of the 19 months in which all was well, and in none of all 151. What may you report?
#
# - **A.** It gives no false alarms
# - **B.** 0 of 19 while well, which may still be one in six; and 0 of 151 in all, so it is quieter than it promised
# - **C.** The rule of 0.25 would have done as well
# - **D.** It will ring when the forecast gets worse

# %%
quiz.ask("s3", "")

# %% [markdown]
# ## When the truth comes in
#
# With labels there is one number a day: what came minus what was said, the **residual**. When does a run of residuals stop being luck? Two classic detectors read it day by day.
#
# - **Page–Hinkley** adds up by how much values lie above (or below) their mean so far, less a tolerance `delta`, and rings when the sum has moved by more than a threshold.
# - **ADWIN** keeps a window of the last values and asks of every cut through it whether the two parts have different means. If so it rings and drops the older part. Its own parameter `delta` is a probability: the smaller, the calmer.
#
# Both come from the library `river`, whose import takes a moment. (A trap on the way: river's ADWIN looks only at every 32nd value unless told otherwise; `drift.adwin` sets this `clock` to 1.)
#
# Settings come from data in control again. The residuals of the training days themselves would be too small, so each is taken from a model that did not see its month. We shuffle them in blocks of four weeks: neighbours stay together, trends are cut to pieces, and whatever rings there rings for nothing.

# %%
from sklearn.model_selection import GroupKFold, cross_val_predict

groups = dates[past].astype("datetime64[M]").astype(int)
unseen = cross_val_predict(untrained(), X[past], entries[past], groups=groups, cv=GroupKFold(12))
in_control = entries[past] - unseen
residuals = drift.standardise(truth - said, in_control)  # in standard deviations


def calm_years(values, count, years, block, seed):  # streams in which nothing changes, of blocks of so many days
    rng, values = np.random.default_rng(seed), drift.standardise(values, values)
    starts = rng.integers(0, len(values) - block, (count, years * 365 // block))
    return [np.concatenate([values[start : start + block] for start in row]) for row in starts]


# %% tags=["nbval-ignore-output"]
def page_hinkley(values, limit):
    return drift.page_hinkley(values, delta=0.25, threshold=limit, mode="both")


def adwin(values, delta):  # its bound is for values that vary by about 1
    return drift.adwin(values / 5, delta=delta)


rarely = 1 / (10 * 365)  # one false alarm in ten years
practice = calm_years(in_control, 20, 3, 28, seed=1)
limit = drift.most_sensitive(page_hinkley, (10, 20, 30, 40, 60, 80), practice, rarely)
delta = drift.most_sensitive(adwin, (0.2, 0.1, 0.05, 0.02, 0.01, 0.002, 5e-4), practice, rarely)
print(f"Page–Hinkley: threshold {limit}   ADWIN: delta {delta}")

# %% [markdown]
# Now on the residuals from 2004 on. By hindsight you know when the promise broke; the detectors have no hindsight. How many days after that day will the first of them ring? (Then add the 60 days that each label takes.)

# %%
my_guess = None  # days, labels at once

# %% tags=["nbval-ignore-output"]
rang = {"Page–Hinkley": page_hinkley(residuals, limit), "ADWIN": adwin(residuals, delta)}
records = {name: drift.delays(alarms, [broken]) for name, alarms in rang.items()}
gap(my_guess, min(record.delay[0] for record in records.values()))
print("the promise broke on", day[broken])
for name, alarms in rang.items():
    first = alarms[alarms >= broken][0]
    print(f"{name:13} rang for {day[first]}, known on {day[first] + DELAY};", records[name])

# %% tags=["nbval-ignore-output"]
quiet = {"Page–Hinkley": lambda values: page_hinkley(values, limit), "ADWIN": lambda values: adwin(values, delta)}
trial = calm_years(in_control, 60, 1, 28, seed=2)  # other shuffles of the same days
as_they_came = drift.standardise(in_control, in_control)
for name, detect in quiet.items():
    print(f"{name:13} shuffled years with an alarm: {drift.false_alarms([len(detect(one)) for one in trial], 0)}")
    print(f"{'':13} alarms in the three years as they came: {len(detect(as_they_came))}")

# %%
late = [record.delay[0] + 60 for record in records.values()]
print("both rang for a day within 100 days of the break:", max(late) < 100 + 60)
print("both knew within a year, label delay included:", max(late) < 365)
print("and more than ten years before August 2016:", max(late) < (dates[-1] - day[broken]).astype(int) - 3650)
unshuffled = min(len(detect(as_they_came)) for detect in quiet.values()) / 3
print("the three years as they came ring more often than once in ten years:", unshuffled > 0.1)

# %%
refit_month = every_year.days.astype("datetime64[M]")
refit_by_month = [every_year.error[refit_month == one].mean() for one in months]
lanes = {
    "PSI > 0.25": months[plain_psi > 0.25],
    "PSI, season": months[season_psi > bound],
    "answers' PSI": months[said_psi > said_bound],
} | {name: day[alarms] + DELAY for name, alarms in rang.items()}  # on the day on which it was heard

# %% tags=["nbval-ignore-output"]
fig, (top, lower) = plots.figure("Twelve years of Clark/Lake", rows=2, size=(8.5, 5.2))
top.plot(months, by_month, label="left alone", linewidth=1.5)
top.plot(months, refit_by_month, label="refitted", linewidth=1.5)
top.axvline(day[broken], color=plots.GREY, linewidth=1)
top.annotate("promise broken", (day[broken], 5.6), (4, 0), textcoords="offset points", color=plots.GREY)
top.set(ylabel="error, thousand a day", ylim=(0, 6.5))
lower.sharex(top)
plots.alarm_lanes(lower, {name: places.astype("datetime64[D]") for name, places in lanes.items()})
for lane, alarms in enumerate(rang.values(), start=3):
    lower.hlines(np.full(len(alarms), lane), day[alarms], day[alarms] + DELAY, color=plots.GREY)
plots.label_lines(top)
since = [f"{name} {len(at := places[places >= day[broken]])}, {[*at, 'never'][0]}" for name, places in lanes.items()]
told = f"Error by month: left alone it climbs once the promise breaks on {day[broken]}, refitted it stays low."
plots.show(fig, f"{told} Alarms from then on, and the first: {'; '.join(since)}.")

# %% [markdown]
# There it is: a bell that could have rung in the year after the change. A line leads from the day that a detector rang for to the day on which the labels let it ring. The rule of thumb rings always. What is calibrated and has no labels is silent, or rings without regard to how wrong the model is. What has labels rings for days soon after the change, again and again afterwards, and is heard two months later: the **label delay**. No detector can do anything about it, but whoever shortens it (a sample of days counted at once) can.
#
# And the promise of one false alarm in ten years? The shuffled years are dealt from the very days that set the thresholds: they show that the setting does what was asked, no more, and 60 years dealt from three are not 60 years. As they came, the same three years ring more often than promised: shuffling cuts to pieces the slow changes that real years have. Take such a promise for the least that will ring.
#
# The command `modelserving monitor` ([docs/monitoring.md](../docs/monitoring.md)) reads the log of a server while it runs and reports on all of these monitors, with settings of its own and without seasons, and says of each how often it rang in windows that you declare in control.

# %% [markdown] tags=["question"]
# ### Self-check 4
#
# *Select all that apply.*
#
# What would shorten the time from a change at the station to the moment an alarm is heard?
#
# - **A.** Counting a sample of days by hand within the week
# - **B.** A touchier threshold
# - **C.** Watching the inputs, which are there at once
# - **D.** Joining predictions with today's table of labels

# %%
quiz.ask("s4", "")


# %% [markdown]
# ## Train again: when, and on what
#
# Knowing is not mending. A **retraining policy** says when to fit again and on which days. `replay` runs one day by day and shows it no label before its 60 days are over. A policy is a function of what is known in the morning:

# %% tags=["shows:modelserving.retraining.calendar"]
def calendar(every: int) -> Policy:
    """Fit again when the model is ``every`` days old."""
    return lambda morning: morning.age >= every


# %% [markdown]
# First the window, since it is easily forgotten. All these fit once a year; they differ in how far back they look. More data is better, they say. Which will have the lowest error: half a year, one year, three years, or everything since 2001?

# %%
my_guess = None  # years: 0.5, 1, 3 or 15

# %% tags=["nbval-ignore-output"]
from modelserving.retraining import cost, on_alarm, regret

spans = {"half a year": 182, "one year": 365, "three years": 3 * 365, "everything": None}
looking_back = {
    name: replay(dates, X, entries, fit=fit, policy=calendar(365), window=days, **given) for name, days in spans.items()
}
errors = {name: run.error.mean() for name, run in looking_back.items()}
gap(my_guess, (spans[min(errors, key=errors.get)] or 15 * 365) / 365)
for name, value in errors.items():
    print(f"{name:12} {value:.2f}")

# %%
print("one year beats everything by more than a third:", errors["one year"] < 0.67 * errors["everything"])
print("one year beats half a year:", errors["one year"] < errors["half a year"])

# %% [markdown]
# Everything since 2001 is mostly a world that is gone. Half a year has never seen the other half. One year is the shortest window that holds all seasons.
#
# Now when. A refit costs something: data to be checked, a holdout, somebody who signs. An error costs as well. Say that a thousand people misjudged on a day cost 1, and a refit costs 20. The **regret** of a policy is by how much it comes dearer than the one that proves best in hindsight. Two of the policies below wait for an alarm of Page–Hinkley on the daily error; the second of them refits again 300 days after it, when the window holds mostly what came after the change.
#
# Which of these will have the least cost? Pick one before you run the table.

# %%
from river.drift import PageHinkley

policies = {
    "never": never(),
    "every 4 weeks": calendar(28),
    "every quarter": calendar(91),
    "every year": calendar(365),
    "on alarm": on_alarm(lambda: PageHinkley(30, 0.15, 30.0, mode="up")),
    "on alarm, twice": on_alarm(lambda: PageHinkley(30, 0.15, 30.0, mode="up"), again=300),
}
runs = {
    name: replay(dates, X, entries, fit=fit, policy=policy, window=None if name == "never" else 365, **given)
    for name, policy in policies.items()
}

# %% tags=["nbval-ignore-output"]
PRICE = {"refit": 20, "error": 1}
regrets = regret(runs, **PRICE)
print("policy          refits  mean error    cost  regret")
for name, run in runs.items():
    print(
        f"{name:15} {len(run.refits) - 1:6} {run.error.mean():11.2f} {cost(run, **PRICE):7,.0f} {regrets[name]:7,.0f}"
    )

# %% [markdown]
# The price of a refit is our invention, so let it vary:

# %% tags=["nbval-ignore-output"]
prices = np.geomspace(0.5, 500, 40)
price_axis = "price of a refit, in thousand people misjudged for a day"
fig, ax = plots.figure("What a policy costs", price_axis, "cost of twelve years")
for name, run in runs.items():
    plain_line = {"color": plots.GREY, "linestyle": (0, (12, 4))} if name == "never" else {}
    ax.plot(prices, [cost(run, refit=price, error=1) for price in prices], label=name, **plain_line)
ax.set(xscale="log", yscale="log", xticks=[1, 10, 100])
plots.counts(ax.xaxis), plots.counts(ax.yaxis), plots.label_lines(ax)
cheapest = {price: min(runs, key=lambda name: cost(runs[name], refit=price, error=1)) for price in (0.5, 20, 500)}
told = f"at 0.5 “{cheapest[0.5]}”, at 20 “{cheapest[20]}”"
told += f", at 500 “{cheapest[500]}”, where “every 4 weeks” costs more than “never”"
plots.show(fig, f"Cost by price of a refit, log scales; never stays level, the others climb. Cheapest: {told}.")

# %%
error_of = {name: run.error.mean() for name, run in runs.items()}
print("at a price of 20, never costs the most:", max(regrets, key=regrets.get) == "never")
dear = regret(runs, refit=200, error=1)
print("at 200, every 4 weeks costs more than never:", dear["every 4 weeks"] > dear["never"])
print("at 20, every 4 weeks costs more than every year:", regrets["every 4 weeks"] > regrets["every year"])
print("and gains less than a tenth of its error:", error_of["every 4 weeks"] > 0.9 * error_of["every year"])
print("a second refit after each alarm lowers the error:", error_of["on alarm, twice"] < error_of["on alarm"])

# %% [markdown]
# At a price of 20 any of them beats doing nothing, and by far; the dearer a refit, the fewer one can afford, and in the figure the busiest calendar ends above *never*. Between them the price decides, since the errors are close. Fitted on the day of the alarm, a model learns mostly what is over, and to its detector that error is then the normal one; hence the second refit.
#
# How much of the error is the label delay? Here is the calendar of four weeks once more, with labels on the next day:

# %% tags=["nbval-ignore-output"]
same = {"fit": fit, "policy": calendar(28), "window": 365, "first_fit": "2004-01-01"}
at_once = replay(dates, X, entries, label_delay=1, **same).error.mean()
print(f"labels after 60 days {error_of['every 4 weeks']:.2f}, after one day {at_once:.2f}")

# %%
print("the error falls by more than 5 %:", at_once < 0.95 * error_of["every 4 weeks"])
print("and by less than a third:", at_once > 0.67 * error_of["every 4 weeks"])

# %% [markdown]
# A part of it, then, and not the largest. Do not read too much into who comes first. The alarm's threshold was chosen on these very years, which flatters it. And this station never stood still for long: where nothing happens for years, a calendar refits for nothing, and an alarm waits. Nor does the table show the risk that the new model is worse. That happens, as the next case shows.

# %% [markdown] tags=["question"]
# ### Self-check 5
#
# *Pick one.*
#
# The forecast is fitted each year on the last year. Somebody wants to use everything since 2001, since more data is better. By your measurement, what happens to the error?
#
# - **A.** It falls a little
# - **B.** It stays: old days have little weight
# - **C.** It about doubles
# - **D.** It grows to that of the model left alone

# %%
quiz.ask("s5", "")

# %% [markdown]
# ## Wrong until September
#
# *The second sitting begins here. Coming back to it, run the cells above first (in JupyterLab: Run, Run All Above Selected Cell).*
#
# The second case is lesson 01's: will a flight out of New York be late? The logistic model learns January to March 2013 and is left alone. Beside it one that is fitted at the start of each month on the three months before, and boosted trees, left alone and refitted likewise. The yardstick is **no model**: quoting the
# winter's share of late flights.

# %%
from modelserving.models import FEATURES, NAMED, before, chance, flight_features, learn_codes

flights, weather = datasets.flights(), datasets.weather()
third = slice(None, None, 3)  # a third of the flights will do
flights = {name: column[third] for name, column in flights.items()}
winter, months_flown = before(flights, month=4), flights["month"]
flown = flight_features(flights, weather, learn_codes({name: flights[name][winter] for name in NAMED}))
was_late, flight_day = datasets.late(flights), datasets.scheduled_departure(flights).astype("datetime64[D]")


# %%
def log_losses(late, probability):  # of each flight
    return -np.log(np.where(late, probability, 1 - probability).clip(1e-6))


def left_alone(train):  # on winter
    return log_losses(was_late, chance(train(flown[winter], was_late[winter]), flown))


def refitted_monthly(train):  # each month by a model of the three before
    losses = np.full(len(was_late), np.nan)
    for month in range(4, 13):
        rows, recent = months_flown == month, (months_flown >= month - 3) & (months_flown < month)
        losses[rows] = log_losses(was_late[rows], chance(train(flown[recent], was_late[recent]), flown[rows]))
    return losses


# %%
quote = log_losses(was_late, was_late[winter].mean())
print(f"no model, in July: {quote[months_flown == 7].mean():.2f}")

# %% [markdown]
# That is the log loss of no model in July. What is that of the logistic model left alone?

# %%
my_guess = None  # log loss

# %% tags=["nbval-ignore-output"]
from modelserving.models import train_logistic, train_trees

by_flight, by_month_flown = {"no model": quote}, [months_flown == month for month in range(4, 13)]
for name, train in (("logistic", train_logistic), ("trees", train_trees)):
    by_flight |= {f"{name}, left alone": left_alone(train), f"{name}, refitted": refitted_monthly(train)}
of_month = {name: np.array([losses[rows].mean() for rows in by_month_flown]) for name, losses in by_flight.items()}
gap(my_guess, of_month["logistic, left alone"][3])
print(f"{'month of 2013':21}", *(f"{month:6}" for month in range(4, 13)))
for name, values in of_month.items():
    print(f"{name:21}", *(f"{value:6.3f}" for value in values))

# %% tags=["nbval-ignore-output"]
fig, ax = plots.figure("Trained on January to March", "month of 2013", "log loss (lower is better)")
for name in ("no model", "logistic, left alone", "logistic, refitted", "trees, left alone"):
    ax.plot(range(4, 13), of_month[name], marker="o", label=name)
plots.label_lines(ax)
drawn = [line.get_label() for line in ax.get_lines()]
july, december = (", ".join(f"{name} {of_month[name][at]:.2f}" for name in drawn) for at in (3, 8))
message = "The logistic model left alone is worse than no model from June to August, and better again from September"
plots.show(fig, f"Log loss by month. {message}. July: {july}. December: {december}.")

# %%
alone, refit, none = (of_month[name] for name in ("logistic, left alone", "logistic, refitted", "no model"))
print("July: worse than no model, by more than 0.1:", alone[3] > none[3] + 0.1)
print("June to August: worse than no model:", (alone[2:5] > none[2:5]).all())
print("July: the refitted one is better than no model:", refit[3] < none[3])
print("July: trees left alone are better than no model:", of_month["trees, left alone"][3] < none[3])
print("September to December: better than no model again:", (alone[5:] < none[5:] - 0.01).all())
print("months in which refitting lost by more than 0.005:", *np.arange(4, 13)[refit > alone + 0.005])

# %% [markdown]
# Nobody mended it in August. What went, and came back? Here is the share of flights in hours warmer than any of the winter. And a trial: what if all inputs are held at the edge of what the winter had?

# %% tags=["nbval-ignore-output"]
logistic, warm = train_logistic(flown[winter], was_late[winter]), FEATURES.index("temp")
coldest, warmest = np.nanmin(flown[winter], axis=0), np.nanmax(flown[winter], axis=0)
outside = np.array([(flown[rows, warm] > warmest[warm]).mean() for rows in by_month_flown])
held = log_losses(was_late, chance(logistic, np.clip(flown, coldest, warmest)))[by_month_flown[3]].mean()
print("month               ", *(f"{month:5}" for month in range(4, 13)))
print("warmer than winter  ", *(f"{value:5.0%}" for value in outside))
print(f"July's log loss {alone[3]:.2f}, held at winter's edge {held:.2f}, no model {none[3]:.2f}")

# %%
print("July is nearly all outside, December nearly all inside:", outside[3] > 0.9 and outside[8] < 0.1)
print("held at the edge, July's loss is lower by more than 0.03:", held < alone[3] - 0.03)
print("and still above no model's by more than 0.05:", held > none[3] + 0.05)

# %% [markdown]
# The *inputs* had gone where the model had never been, into summer, and when they came back, so did the model. That is **covariate shift**: the inputs move, and can move back. For one like this, the word *stale* is too final. That a line goes on beyond the last thing it saw is a part of the harm. The rest is that the winter's rule (what warm hours mean, say) was no rule for July.
#
# And refitting lost. In autumn the three months before were summer, and what summer taught was wrong for October, as winter's lessons had been wrong for July. The model from winter knew more about December than the one fitted last. So a new model goes out only after it has been compared with the old one on days that neither has seen: lesson 09 is about that.
#
# ## Why they cry wolf
#
# What would monitors without labels have said of the flights? They have more to go by: thousands of rows a week, so that chance, one would think, is out of the question. The usual test is that of **Kolmogorov and Smirnov**, KS, with a p-value: how likely is a difference as large as this, if nothing has changed?
#
# Let us make sure that nothing has changed. We deal the 90 days of winter out at random into two heaps of 45 and compare these. Then once more, but dealing out single flights. For how many of the 13 inputs will KS find a difference at p below 0.01, on average over 10 deals, when *days* are dealt?

# %%
my_guess = None  # inputs, 0 to 13

# %% tags=["nbval-ignore-output"]
winter_X, winter_day = flown[winter], flight_day[winter]


def differing(one):  # bool: which rows are in the first heap; how many inputs differ, by KS
    return sum(drift.ks(winter_X[one, i], winter_X[~one, i]).p_value < 0.01 for i in range(len(FEATURES)))


rng, all_days = np.random.default_rng(6), np.unique(winter_day)
by_days = [differing(np.isin(winter_day, rng.choice(all_days, 45, replace=False))) for _ in range(10)]
by_rows = [differing(rng.random(len(winter_day)) < 0.5) for _ in range(10)]
gap(my_guess, np.mean(by_days))
print(f"days dealt:    {np.mean(by_days):.2f} of 13 inputs differ; {13 * 0.01:.2f} are promised")
print(f"flights dealt: {np.mean(by_rows):.2f} of 13")

# %%
print("days dealt, more than 5 inputs differ:", np.mean(by_days) > 5)
print("flights dealt, fewer than 1:", np.mean(by_rows) < 1)

# %% [markdown]
# A p-value counts rows as independent draws. These are not: all flights of an hour share one weather, and a winter of them is 90 draws of a day. The test believes it has seen tens of thousands and finds any two heaps of days different beyond doubt. And they *are* different: other days had other weather. It is only no news.
#
# A **domain classifier** asks of all inputs at once: can trees tell rows of one heap from rows of the other? Its ROC AUC, cross-validated, is 0.5 if they cannot. Two heaps of days again:

# %% tags=["nbval-ignore-output"]
heap = np.isin(winter_day, rng.choice(all_days, 45, replace=False))
sides = winter_X[heap], winter_X[~heap]
summer = flown[months_flown == 7], flight_day[months_flown == 7]
auc = {
    "two heaps, rows in any fold": drift.domain_classifier(*sides),
    "two heaps, a day in one fold": drift.domain_classifier(*sides, groups=(winter_day[heap], winter_day[~heap])),
    "winter and July, a day in one fold": drift.domain_classifier(winter_X, summer[0], groups=(winter_day, summer[1])),
}
for name, value in auc.items():
    print(f"{name:36} {value:.2f}")

# %%
together, apart, july_auc = auc.values()
print("rows in any fold: above 0.8, though nothing changed:", together > 0.8)
print("a day in one fold: nearer to a coin than to that:", abs(apart - 0.5) < together - apart)
print("July it knows anyhow:", july_auc > 0.95)

# %% [markdown]
# Trees recognise a day by its pressure and dew point, as they did in lesson 01, and one flight of a day tells on the others. With **groups**, so that a day is never on both sides of a split, that trick is gone, and what is left is what can be said of days that were not seen. The same goes for thresholds: compare weeks with weeks, not rows with rows.
#
# So, week by week, the winter weeks as data in control. There are twelve, which is enough to promise 1 false alarm in 13, and no better.

# %%
week = (flight_day - np.datetime64("2013-01-01")).astype(int) // 7
chances = chance(logistic, flown)


def weekly(one):  # largest PSI of the inputs, and that of the answers, against the winter's other weeks
    rows, rest = week == one, winter & (week != one)
    inputs = max(drift.psi(flown[rest, i], flown[rows, i]) for i in range(len(FEATURES)))
    return inputs, drift.psi(chances[rest], chances[rows])


scores = np.array([weekly(one) for one in range(52)])
calm_weeks, later = np.arange(12), np.arange(13, 52)
limits = [drift.threshold(scores[calm_weeks, i], 1 / 13) for i in range(2)]

# %% tags=["nbval-ignore-output"]
excess = by_flight["logistic, left alone"] - quote  # above 0: worse than no model
weekly_excess = np.array([excess[week == one].mean() for one in range(52)])
harmed = later[weekly_excess[later] > 0]
fine = np.setdiff1d(later, harmed)
print(f"weeks after the winter in which the model was worse than none: {len(harmed)}, fine: {len(fine)}")

# %% [markdown]
# And the detectors, on one number a day: the log loss less that of no model. Labels are there the next morning.

# %%
from sklearn.linear_model import LogisticRegression

from modelserving.models import prepare_columns
from modelserving.retraining import by_day

recipe = make_pipeline(prepare_columns(), LogisticRegression(C=0.1, max_iter=300))  # that of train_logistic
split = {"groups": week[winter], "cv": GroupKFold(4), "method": "predict_proba"}
unseen_chance = cross_val_predict(recipe, flown[winter], was_late[winter], **split)[:, 1]
_, calm_excess = by_day(winter_day, log_losses(was_late[winter], unseen_chance) - quote[winter])
_, later_excess = by_day(flight_day[~winter], excess[~winter])
standard = drift.standardise(later_excess, calm_excess)


# %% tags=["nbval-ignore-output"]
def worse(values, limit):  # Page–Hinkley, upwards only
    return drift.page_hinkley(values, delta=0.25, threshold=limit, min_instances=14)


practice = calm_years(calm_excess, 60, 1, 7, seed=1)
touchy, calmer = (drift.most_sensitive(worse, (5, 7, 10, 14, 20), practice, rate) for rate in (1 / 365, rarely))
delta_2013 = drift.most_sensitive(adwin, (0.2, 0.1, 0.05, 0.02, 0.01, 0.002, 5e-4), practice, rarely)
print(f"Page–Hinkley: threshold {touchy} for one false alarm a year, {calmer} for one in ten")

# %%
first_day, later_days = np.datetime64("2013-01-01") + 7 * np.arange(52), np.unique(flight_day[~winter])
rang_2013 = {  # the days that they rang for: the first of a week, or one day
    "PSI > 0.25": first_day[later[scores[later, 0] > 0.25]],
    "PSI, calibrated": first_day[later[scores[later, 0] > limits[0]]],
    "answers' PSI": first_day[later[scores[later, 1] > limits[1]]],
    "P–H, one a year": later_days[worse(standard, touchy)],
    "P–H, one in ten": later_days[worse(standard, calmer)],
    "ADWIN": later_days[adwin(standard, delta_2013)],
}
in_fine = {name: len(np.intersect1d((rung - first_day[0]).astype(int) // 7, fine)) for name, rung in rang_2013.items()}

# %% tags=["nbval-ignore-output"]
fig, (top, lower) = plots.figure("Flights, by week", rows=2, size=(8.5, 4.8))
top.plot(first_day[later], weekly_excess[later], linewidth=1.5)
top.axhline(0, color=plots.GREY, linewidth=1)
top.annotate("no model", (first_day[45], 0), (0, 4), textcoords="offset points", color=plots.GREY)
top.set_ylabel("log loss above no model")
lower.sharex(top)
plots.alarm_lanes(lower, rang_2013)
told = [f"{name} {len(rung)}, in {in_fine[name]} fine weeks" for name, rung in rang_2013.items()]
plots.show(fig, f"Log loss above no model, by week. Alarms: {'; '.join(told)}.")

# %%
print("PSI > 0.25 rang in every week:", len(rang_2013["PSI > 0.25"]) == len(later))
unlabelled, labelled = (min(list(in_fine.values())[:3]), max(list(in_fine.values())[3:]))
print("what has no labels rang in more than 1 in 3 of the fine weeks, calibrated or not:", unlabelled > len(fine) / 3)
print("the detectors in fewer than 1 in 5:", labelled < len(fine) / 5)
print("second week of October: an alarm on inputs:", scores[40, 0] > limits[0])
print("and the model better than none:", weekly_excess[40] < 0)
last = np.flatnonzero(later_days == rang_2013["ADWIN"][-1])[0]
fell = standard[last : last + 30].mean() < standard[last - 30 : last].mean()
print("ADWIN's last alarm came in a fine week, as the error fell:", in_fine["ADWIN"] > 0 and fell)


# %% [markdown]
# Without labels a monitor sees that *something* is different, and it was: nobody had shown the model a summer. What it cannot see is whether that matters. In October the inputs were still far from winter's, and the model was right again. With one year of data there is no other October to compare with, so there is nothing to match the season by.
#
# ## The record
#
# Here is what each monitor did, on both cases, in alarms a year. *Promised* is the rate of false alarms that its setting was chosen for, *while well* what it rang when the model was right, *while wrong* what it rang when it was not. A monitor is worth something when *while wrong* is much larger than both others. *Known after* says
# how many days after the trouble began its first alarm could be heard: at the end of its window, or when the label had come.

# %%
def line_of(name, rung, wait, promised, starts, wrong, began):  # days rung for; days until heard; windows
    in_wrong = wrong[np.searchsorted(starts, rung, side="right") - 1]
    a_year = 365 / np.median(np.diff(starts).astype(int))
    rates = a_year * (~in_wrong).sum() / (~wrong).sum(), a_year * in_wrong.sum() / wrong.sum()
    late = rung[in_wrong].min() + wait - began if in_wrong.any() else "never"
    print(f"{name:17}", *(f"{rate:10.1f}".replace("nan", "  -") for rate in (promised, *rates)), f"{late!s:>13}")
    return rates


# %% tags=["nbval-ignore-output"]
starts = months.astype("datetime64[D]")
riders_rang = {
    "PSI > 0.25": (starts[plain_psi > 0.25], 30, np.nan),
    "PSI, season": (starts[season_psi > bound], 30, 12 * 0.05),
    "answers' PSI": (starts[said_psi > said_bound], 30, 12 * 0.05),
} | {name: (day[alarms], 60, 0.1) for name, alarms in rang.items()}
print("riders              promised while well while wrong   known after")
riders_record = {name: line_of(name, *what, starts, ~well, day[broken]) for name, what in riders_rang.items()}

# %% tags=["nbval-ignore-output"]
waits, promises = (7, 7, 7, 1, 1, 1), (np.nan, 52 / 13, 52 / 13, 1, 0.1, 0.1)
harm = np.isin(later, harmed)
print("flights             promised while well while wrong   known after")
flights_record = {
    name: line_of(name, rung, wait, promise, first_day[later], harm, first_day[harmed[0]])
    for (name, rung), wait, promise in zip(rang_2013.items(), waits, promises, strict=True)
}

# %%
often = {name: riders_record[name][1] / riders_rang[name][2] for name in ("answers' PSI", *rang)}
print("riders: the answers' PSI rings less than 4 times as often as promised:", often.pop("answers' PSI") < 4)
print("riders: the detectors ring more than 4 times as often:", min(often.values()) > 4)
quietest = min(rates[0] for rates in list(flights_record.values())[:3])
print("flights: what has no labels rings more than 15 times a year while well:", quietest > 15)
sooner = rang_2013["P–H, one in ten"].min() - rang_2013["P–H, one a year"].min()
print("flights: ADWIN while well: more than 5 times what was promised:", flights_record["ADWIN"][0] > 5 * 0.1)
print("flights: the touchier detector rang weeks before the calmer one:", sooner > np.timedelta64(14, "D"))

# %% [markdown]
# Two lines want a second look. *Answers' PSI* on the riders never rang while well, rang afterwards, and was heard as early as the detectors: by these columns alone one would buy it. But it rang no more when the model was more wrong (*An alarm that keeps its word*), and not far from its promise, while the detectors rang many times as often as theirs. A clock that stands still is right twice a day.
#
# *ADWIN* on the flights promised one alarm in ten years and rang for nothing, as the table counts, within nine months: it looks in both directions, and rang when the error fell. That is news too, if not of harm. And where there are only one or two alarms, a rate is hardly more than a count.
#
# There is no winner, and there are two kinds of use.
#
# *Without labels*, a monitor says that the questions have changed. About the station, where only the truth had moved, it said nothing that could be believed, and it rang on into October of the flights, when nothing was wrong any more. It is a reason to look, never a reason to refit. It is also the only one that speaks at once, and for a broken sensor or a renamed category that is what counts.
#
# *With labels*, a detector says that the model has become worse. It speaks late, by the label delay and by the patience that few false alarms cost: on the flights, the touchier setting rang weeks before the calmer one. Which is right depends on what a false alarm costs you, and what a day of wrong answers does.

# %% [markdown] tags=["question"]
# ### Self-check 6
#
# *Select all that apply.*
#
# In the second week of October 2013 the calibrated alarm on the flights' inputs rings. What follows?
#
# - **A.** Either the questions are unlike those of the winter, or this is the one false alarm in 13 that was promised
# - **B.** The answers have become worse
# - **C.** It is time to refit on the last three months
# - **D.** It is worth looking at the log loss of these days, once the labels are in

# %%
quiz.ask("s6", "")

# %% [markdown]
# And the three colleagues at lunch? Here is what each one's claim looks like when it is measured:

# %%
print("you said:", my_answer)
changed = fingerprint() != on_the_first_day or not np.array_equal(again, said[:70])
print("adapted:  the file or its answers changed:", changed)
print("forgot:   its error on old days grew:", abs(mae(entries[old], served_again) - on_old_days) > 0.001)
print("stale:    same file, same old days, and more than 5 times the error:", yearly[-2] > 5 * yearly[0])
line.close()
open_things.close()

# %% [markdown]
# ## What to take away
#
# | idea | what to remember | where you measured it |
# |---|---|---|
# | stale | the file is what it was, and the world is not: it neither adapts nor forgets | *Did it adapt?*, *Did it forget?* |
# | correlation | blind to level, which was most of the error: it stayed high as the error grew | *It went stale* |
# | a log | what was asked and said, before the answer goes out; the truth joins by id, as of a date | *Serve it, and write everything down* |
# | PSI | bins of the reference; its rule of thumb knows neither seasons nor rows | *What can be seen without labels* |
# | threshold | from windows in control, tried on others and on faults of your own making; 0 of 19 is not 0 | *An alarm that keeps its word* |
# | concept drift | same inputs, another truth: invisible without labels | *An alarm that keeps its word* |
# | detectors | Page–Hinkley, ADWIN on residuals: they ring for harm, later by the label delay, and for slow changes and for the better as well | *When the truth comes in*, *The record* |
# | window | long enough for all seasons, short enough for one world | *Train again: when, and on what* |
# | covariate shift | inputs leave and can come back; a refit can lose | *Wrong until September* |
# | independence | rows that share weather are one draw: deal days, split by day | *Why they cry wolf* |

# %% [markdown]
# ## When this goes wrong in production
#
# - **Everything is green, and the business complains.** Monitors watch latency, status and inputs; nobody joins labels. Have one number for *how wrong*, with its date, even if it is months old.
# - **The drift dashboard is red every Monday.** Windows that do not match in season, weekday or size, or p-values of rows that are not independent. Set thresholds from weeks in control, and count how often they ring.
# - **The error improves whenever somebody looks back.** The join peeks: it uses labels that had not come. Join as of the date.
# - **Error suddenly excellent, on few rows.** The label feed broke and only some labels came, not those of the hard days. Watch how many labels came as you watch what they say. (Not measured here: the assignment has such a feed.)
# - **An input stands still at 0.** A sensor or a join is broken. PSI sees it in its first window, before any label is there. Do not refit: mend the feed.
# - **The refit made it worse.** It learned from the season that was ending, or from a window that holds half a year, or from days of an outage. Compare on days that neither model has seen before it goes out.
# - **Nobody knows which model said that.** No version or id in the log. Without these there is no monitor, and no way back.

# %% [markdown]
# ## Further reading
#
# - J. Gama, I. Žliobaitė, A. Bifet, M. Pechenizkiy, A. Bouchachia (2014). *A survey on concept drift adaptation*. ACM Computing Surveys 46(4). [doi.org/10.1145/2523813](https://doi.org/10.1145/2523813). The words of this lesson, in order.
# - E. S. Page (1954). *Continuous inspection schemes*. Biometrika 41, 100–115. [doi.org/10.1093/biomet/41.1-2.100](https://doi.org/10.1093/biomet/41.1-2.100). Where the running sum comes from, and the trade of delay for false alarms.
# - A. Bifet, R. Gavaldà (2007). *Learning from time-changing data with adaptive windowing*. SIAM International Conference on Data Mining, 443–448. [doi.org/10.1137/1.9781611972771.42](https://doi.org/10.1137/1.9781611972771.42). ADWIN.
# - S. Rabanser, S. Günnemann, Z. C. Lipton (2019). *Failing loudly: an empirical study of methods for detecting dataset shift*. NeurIPS. [arxiv.org/abs/1810.11953](https://arxiv.org/abs/1810.11953). Which tests see which shifts, the domain classifier among them.
# - B. Yurdakul, J. Naranjo (2020). *Statistical properties of the population stability index*. Journal of Risk Model Validation 14(4). [doi.org/10.21314/JRMV.2020.227](https://doi.org/10.21314/JRMV.2020.227). Why 0.25 means nothing without the number of rows.
# - M. McCloskey, N. J. Cohen (1989). *Catastrophic interference in connectionist networks*. Psychology of Learning and Motivation 24, 109–165. [doi.org/10.1016/S0079-7421(08)60536-8](https://doi.org/10.1016/S0079-7421(08)60536-8). The abrupt forgetting that a served model does not do.
# - J. Montiel and others (2021). *River: machine learning for streaming data in Python*. Journal of Machine Learning Research 22(110). [jmlr.org/papers/v22/20-1380](https://jmlr.org/papers/v22/20-1380.html). The library behind the detectors.

# %% [markdown]
# ## What the assignment asks next
#
# In the [exercises](../release/06_watch_it_decay/exercises.ipynb) you write the monitor: a stability index that stands empty bins, errors by day that never peek, an alarm with its honest record, a watch on inputs and one on errors, and a policy that decides when to train again. Hidden streams try them: nothing, a shift, a broken sensor, a feed of labels that fails. The
# [quiz](../release/06_watch_it_decay/quiz.ipynb) asks what you measured here.
#
# Back to [05 Serve under load](05_serve_under_load.ipynb). The service is right again, and one question is how little it could cost. [Lesson 07](07_make_it_cheaper.ipynb) asks: can one prediction cost less?
