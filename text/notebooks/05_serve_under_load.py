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
#     agreed: aa6f36f36ac58920
# ---

# %% [markdown]
# # 05 Serve under load
#
# **Where does it break, and what should it do there?**
#
# Lesson 04 left you with an honest measurement: so many milliseconds, at such a load. The load was one that the server could bear. On the Wednesday before Thanksgiving everybody looks up their flight at
# once, and twice as many requests come as the server can answer. Nothing is broken: the model is right, the process lives, no error is in the log. And yet an hour later
# not one traveller gets an answer. It need not be so. The same server, once it has a limit to how many may wait and to how long, goes on answering as many as it ever could.
#
# When you are through you can
#
# - find the load at which a server's latency explodes, and say why it explodes *before* the server is full;
# - check Little's law on your own server, and use it to tell what a measurement must have left out;
# - say when running requests together helps, when it does not, and when waiting for company hurts;
# - give a server a bounded queue and deadlines, so that it bends instead of breaking;
# - choose opposite settings of one server for two goals, and say when even a back end that no user sees needs low latency.
#
# It takes 60 to 75 minutes; a good place for a break is before *Twice as much as it can do*. You should have been through lessons 03 and 04. Where a cell asks for a guess, write a
# number in place of `None` **before** you run what follows.

# %%
import asyncio
import json
import threading
import time

import numpy as np

from autograder.quiz import Quiz
from modelserving import load, plots, virtual
from modelserving.guess import gap
from modelserving.server import served
from modelserving.stubs import StubModel

quiz = Quiz("questions/05_serve_under_load.json")

# %% [markdown]
# ## A model that only takes time
#
# What a queue does depends on how long the model takes, and on nothing else about it. So most of this lesson serves a **stub**: a model of known service time, that sleeps
# and gives its input back. It needs no processor, so that what else your machine does hardly disturbs it. `served` runs the server of lesson 03 in a
# process of its own, as the command `modelserving serve` does, with all its options. The first server runs one request at a time, 5 ms each.

# %%
from contextlib import ExitStack

servers = ExitStack()  # closes at the end what we open here


def serve(model, **options):  # gives its address
    return servers.enter_context(served(model, **options))


steady = StubModel(per_batch=0.005)
url = serve(steady, batch_rows=1)

# %% [markdown]
# `ask` puts load on it with lesson 04's generator: an open loop of so many requests a second, or a closed one of so many clients. Here it sends one row a request.

# %%
ONE = {"name": "input", "datatype": "FP32", "shape": [1, 1], "data": [0.5]}
BODY = json.dumps({"inputs": [ONE]}).encode()


def ask(url, seconds=1.5, timeout=1.0, **how):
    return load.measure(url + "/v2/models/stub/infer", BODY, seconds=seconds, timeout=timeout, **how)


# %% [markdown]
# ## The knee
#
# First, how much can it do at most? A closed loop is the right tool for that one question: four clients who ask again as soon as they have an answer keep the model busy all
# the time. What comes out is the **capacity**. And one client who is alone tells what a request takes when nobody else is there: the model's 5 ms, and the way there and back.

# %%
busy = [ask(url, clients=4, seconds=1) for _ in range(2)]
capacity = max(result.throughput for result in busy)  # what else the machine does can only lower it
nobody_else = 1e3 * np.median(ask(url, clients=1, seconds=0.7).latency)  # ms

# %% tags=["nbval-ignore-output"]
print(f"capacity: {capacity:.0f} requests a second; at 5 ms each, 200 would be all there is")
print(f"who is alone has an answer after {nobody_else:.1f} ms")

# %% [markdown]
# Now users, who come when they like: an open loop with Poisson arrivals, at 20, 50, 75, 95 and 150 % of that. How many times as long as for somebody who is alone will an answer take,
# on average, at 95 %?

# %%
my_guess = None  # times, for example 1.5

# %%
shares = [0.2, 0.5, 0.75, 0.95, 1.5]
lengths = [1.5, 1.5, 1.5, 3, 1.5]  # s; the nearer to 100 %, the longer a queue takes to settle
results = [
    ask(url, rate=share * capacity, seconds=length, seed=seed)
    for seed, (share, length) in enumerate(zip(shares, lengths, strict=True), 11)
]

# %%
from modelserving.load import TooFewSamples


def percentile(result, q):  # ms; None where too few requests were answered to say
    try:
        return 1e3 * result.percentile(q)
    except TooFewSamples:
        return float("nan")


sent = np.array([result.measured.sum() / result.window for result in results])  # requests a second, really
mean = [1e3 * result.latency.mean() for result in results]
tail = [percentile(result, 90) for result in results]

# %% tags=["nbval-ignore-output"]
gap(my_guess, mean[-2] / nobody_else)
print("meant to be   sent/s   that is   answered/s   mean ms   p90 ms   timed out")
for share, rate, result, middle, slow in zip(shares, sent, results, mean, tail, strict=True):
    load_sent = f"{share:11.0%} {rate:8.0f} {rate / capacity:9.0%}"
    print(f"{load_sent} {result.throughput:12.0f} {middle:9.1f} {slow:8.1f} {result.timeouts:11}")

# %% [markdown]
# How many come in a second or two is chance, with Poisson arrivals: the table says how many were really sent, and the plots stand at that. *Answered* are those whose answer came before the sending
# ended, so the last few are missing, and at 150 % all who still wait.

# %% tags=["nbval-ignore-output"]
fig, (left, right) = plots.figure("", "load sent, share of the capacity", columns=2, size=(8.5, 3.6))
left.plot(sent / capacity, [result.throughput for result in results], marker="o")
left.axhline(capacity, color=plots.GREY, linewidth=1)
left.annotate("capacity", (0.2, capacity), (0, 4), textcoords="offset points", color=plots.GREY)
left.set(title="Throughput", ylabel="answers a second", ylim=(0, 1.15 * capacity))
for values, marker, label in ((mean, "o", "mean"), (tail, "s", "p90")):
    right.plot(sent / capacity, values, marker=marker, label=label)
right.set(title="Latency", ylabel="ms", yscale="log", xlim=(0.1, 1.85))
plots.label_lines(right)
at = [f"{middle:.0f} ms at {rate / capacity:.0%}" for middle, rate in zip(mean, sent, strict=True)]
told = f"The mean goes from {at[0]} to {at[-2]} and {at[-1]}"
plots.show(fig, f"Throughput grows with the load and then stays at the capacity, a grey line. {told}; log scale.")

# %%
print("at 150 % it answers fewer than were sent:", results[-1].throughput < 0.95 * sent[-1])
print("and its mean latency is more than 5 times that at 20 %:", mean[-1] > 5 * mean[0])

# %% [markdown]
# Up to some load, throughput follows what is offered and latency hardly moves. Beyond it, throughput stays where it is and latency goes up and up, for as long as the overload lasts. The
# bend between is the **knee**. A server is run below it, and how far below is the question of this lesson.
#
# (Why p90 and no p99? A run of a second and a half has a few hundred requests. For a p99 `percentile` wants 1,000, so that ten lie beyond; at low rates even p90 is refused.)

# %% [markdown]
# ## Why it explodes before it is full
#
# At 75 % the model stands idle for a quarter of the time. Why does anybody wait? Since arrivals bunch: two come together, then none for a while, and the idle time of a moment ago helps
# nobody. How full a server is, is called its **utilisation**, $\rho$: arrival rate times service time.
#
# A queue of one server can be simulated in four lines. Each request waits for what was there before it: its wait is that of the one before, plus that one's service time, minus the time between their
# arrivals, and never below 0.

# %%
COUNT = 400_000


def in_system(utilisation, service, seed=5):  # latency of each request, in service times
    gaps = np.random.default_rng(seed).exponential(1 / utilisation, COUNT)  # Poisson arrivals
    path = np.cumsum(service - gaps)
    wait = path - np.minimum.accumulate(path)
    return wait + service


# %% [markdown]
# Two kinds of service: always the same time, as our stub, and exponentially distributed times, which mix short and long. Theory has formulas for both: the latency, in service times, is
# $1 + \frac{\rho}{2(1-\rho)}$ for the constant one (**M/D/1**, in the field's code), and $\frac{1}{1-\rho}$ for the exponential one (**M/M/1**). Both have $1-\rho$ below the line. From 90 to 95 % utilisation, by which
# factor does the M/M/1 queue grow slower?

# %%
my_guess = None  # times

# %%
constant, exponential = np.ones(COUNT), np.random.default_rng(7).exponential(1.0, COUNT)
points = [0.2, 0.5, 0.7, 0.8, 0.9, 0.95]
latencies = {
    "M/D/1": [in_system(point, constant) for point in points],
    "M/M/1": [in_system(point, exponential) for point in points],
}
simulated = {name: [values.mean() for values in runs] for name, runs in latencies.items()}
p99 = {name: [np.percentile(values, 99) for values in runs] for name, runs in latencies.items()}
fine = np.linspace(0.05, 0.96, 200)
theory = {"M/D/1": 1 + fine / (2 * (1 - fine)), "M/M/1": 1 / (1 - fine)}

# %%
slower = simulated["M/M/1"][-1] / simulated["M/M/1"][-2]
gap(my_guess, slower)
print("latency in service times at", *(f"{point:{5 if point == 0.2 else 7}.0%}" for point in points))
for name in simulated:
    print(f"{name + ', mean':26}", *(f"{value:7.1f}" for value in simulated[name]))
    print(f"{name + ', p99':26}", *(f"{value:7.1f}" for value in p99[name]))

# %% [markdown]
# And our own server, measured above, each run at the load that was really sent; its unit is what a request takes that is alone. Do not expect it to lie on the curve. The unit holds the way there and back, too, which
# does not queue; a run of seconds has not settled near 95 %, and may have met more or fewer bunches than its share; and the capacity was measured on a machine that does other things as well.

# %% tags=["nbval-ignore-output"]
fig, ax = plots.figure(
    "Mean latency against utilisation", "utilisation (our server: load sent / capacity)", "service times"
)
for (name, curve), colour in zip(theory.items(), (plots.BLUE, plots.RUST), strict=True):
    ax.plot(fine, curve, label=name, color=colour)
    ax.plot(points, simulated[name], "o", color=colour, markersize=4)
ours = np.array(mean[:-1]) / nobody_else
ax.plot(sent[:-1] / capacity, ours, "D", color=plots.INK, linestyle="none")
ax.annotate("our server", (sent[-2] / capacity, ours[-1]), (9, -4), textcoords="offset points")
ax.set(ylim=(0, 25), xlim=(0, 1.15), xticks=np.arange(0, 1.01, 0.2))
plots.percent(ax.xaxis), plots.label_lines(ax)
told = ", ".join(f"{value:.1f} at {rate / capacity:.0%}" for value, rate in zip(ours, sent, strict=False))
plots.show(fig, f"Curves rise slowly to 70 % and steeply towards 100 %, M/M/1 twice as steeply. Our server: {told}.")

# %%
agree = [abs(a / (1 / (1 - p)) - 1) < 0.15 for p, a in zip(points, simulated["M/M/1"], strict=True)]
print("simulation and formula of M/M/1 agree within 15 %:", all(agree))
print("from 50 to 95 % the latency grows more than 7 times:", simulated["M/M/1"][-1] > 7 * simulated["M/M/1"][1])
print("at 95 % the p99 is more than 30 service times, of either kind:", min(p99[name][-1] for name in p99) > 30)
print(
    "constant service times wait about half as long:",
    0.4 < (simulated["M/D/1"][-1] - 1) / (simulated["M/M/1"][-1] - 1) < 0.6,
)

# %% [markdown]
# At 95 % one request in a hundred takes more than thirty times what the model takes, and the model is as quick as ever. What is left free decides. From 90 to 95 % the free part halves, and latency doubles. So a server at 95 % is not *a little fuller* than one at 90: it is half as far from the cliff. And at 100 % there
# is no latency at all that the queue would settle at.
#
# Variation is the other half: with times that never vary and arrivals in step, nobody would wait until 100 %. Freezes, slow requests and bursts make it worse than either curve.

# %% [markdown] tags=["question"]
# ### Self-check 1
#
# *Pick one.*
#
# A server runs at 90 % utilisation. Traffic grows by five hundredths of its capacity, to 95 %. By what you simulated, what happens to the mean latency?
#
# - **A.** It grows by about 5 %
# - **B.** It about doubles
# - **C.** It stays, as long as the server is not full
# - **D.** It grows without end

# %%
quiz.ask("s1", "")

# %% [markdown]
# ## Little's law
#
# In 1961 John Little proved what sounds like a platitude: the mean **number in the system** is the arrival rate times the mean latency, $L = \lambda W$. It holds for any queue and any order, with no
# assumption about distributions. What makes it useful: the three can be measured in different ways, and must agree.
#
# Our server counts about itself, under `/metrics`, in the form that Prometheus collects. How many answers and how long they took, added up, gives $\lambda$ and $W$. For $L$ we look every 20 ms at how many
# wait, let each look count for the time since the one before (on a busy machine some come late), and add those that are being computed.

# %%
from collections import defaultdict
from urllib.request import urlopen


def metrics(url):  # of the one model that is served, summed over labels
    totals = defaultdict(float)
    for line in urlopen(url + "/metrics").read().decode().splitlines():
        if not line.startswith("#"):
            name, value = line.rsplit(" ", 1)
            totals[name.split("{")[0].removeprefix("modelserving_")] += float(value)
    return totals


# %%
seen, over = [], threading.Event()  # (when, how many wait)


def look():
    while not over.wait(0.02):
        seen.append((time.perf_counter(), metrics(url)["queue_rows"]))


# %% [markdown]
# Load that is meant to be 85 %, for three seconds. How many requests, on average, are in the server?

# %%
my_guess = None  # requests

# %%
watcher, began, before = threading.Thread(target=look), time.perf_counter(), metrics(url)
watcher.start()
eighty_five = ask(url, seconds=3, rate=0.85 * capacity, seed=11)
over.set()
watcher.join()
after, lasted = metrics(url), time.perf_counter() - began
change = {name: after[name] - before[name] for name in after}

# %%
arrival_rate = change["request_seconds_count"] / lasted
latency = change["request_seconds_sum"] / change["request_seconds_count"]
when, rows = np.transpose(seen)
waiting = np.average(rows, weights=np.diff(when, prepend=began))
present = waiting + change["run_seconds_total"] / lasted  # those who wait, and the share of time one was run

# %% tags=["nbval-ignore-output"]
gap(my_guess, present)
rate = eighty_five.measured.sum() / eighty_five.window
print(f"sent: {rate:.0f} requests a second for {eighty_five.window:.0f} s, {rate / capacity:.0%} of the capacity")
print(f"counted: over {lasted:.1f} s, since the client's start and end belong to the interval")
print(f"arrival rate {arrival_rate:.0f} a second, mean latency {1e3 * latency:.2f} ms")
print(f"their product {arrival_rate * latency:.2f}, counted {present:.2f} from {len(seen)} looks")
print(f"utilisation, by what the server counted: {change['run_seconds_total'] / lasted:.0%}")

# %%
print("Little's law within a factor of 2:", 0.5 < present / (arrival_rate * latency) < 2)

# %% [markdown]
# (Arrival rate and utilisation come out below the load that was sent: they are averages over the whole interval, and while the client's process starts and ends, nobody is there. The law does not mind, since that time is on both sides.)
#
# What is it good for? *To size things*: 300 requests a second of 40 ms each are 12 at once, so a pool of 8 connections cannot be enough. And *to catch lies*: a closed loop of 64 clients that reports 10,000 requests a second
# must have a mean latency of 6.4 ms. If the report says 2 ms, somebody was left out. The three must speak of the same requests, though: the rate of all who came with the latency of those who were served proves nothing.

# %% [markdown] tags=["question"]
# ### Self-check 2
#
# *Pick one.*
#
# A load test reports 500 answers a second at a mean of 20 ms, from a closed loop of 50 clients without pauses. What does Little's law say?
#
# - **A.** All is well: 500 × 0.020 s = 10
# - **B.** Some 40 of the 50 clients were not waiting for an answer: time is missing from the report
# - **C.** The server holds 25,000 requests
# - **D.** Nothing, since the arrivals of a closed loop are not Poisson

# %%
quiz.ask("s2", "")

# %% [markdown]
# ## Run them together
#
# What can be done about a queue? Serve it faster. On an accelerator a batch of 64 takes about as long as one row, since most of its arithmetic units had nothing to do. The stub below behaves
# so: 10 ms a run, however many rows. Two servers run it, one with a **largest batch** of one row, one with 64. With 32 clients at once: how many times as many answers will the second give?

# %%
my_guess = None  # times

# %%
flat = StubModel(per_batch=0.010)
alone, together = serve(flat, batch_rows=1), serve(flat, batch_rows=64)
throughput = {
    name: ask(at, clients=32, seconds=1.2).throughput for name, at in (("alone", alone), ("together", together))
}

# %% tags=["nbval-ignore-output"]
gap(my_guess, throughput["together"] / throughput["alone"])
counted = metrics(together)
print(*(f"{name}: {value:.0f} answers/s" for name, value in throughput.items()), sep="\n")
print(f"rows in a run, with up to 64: {counted['batch_rows_sum'] / counted['batch_rows_count']:.1f} on average")

# %%
print("together more than 4 times as many:", throughput["together"] > 4 * throughput["alone"])

# %% [markdown]
# Nobody told the server to collect 32 requests. While a batch ran, the others arrived; what had queued went into the next one. This is **dynamic batching**, and it adjusts itself: an idle server runs one row at once, a busy one runs many.
#
# ## When it does not help
#
# Now two real models, on the processor: a small network of two layers of 128, and boosted trees as in lesson 02, 300 of them. The network's weights are random here; how long it takes does not depend on them. Both answer a row in a
# batch of 1 and in one of 256. By which factor does a row get cheaper, for the network? And for the trees?

# %%
my_guess = None  # times, for the network
my_other_guess = None  # times, for the trees

# %%
from itertools import pairwise

from onnx import TensorProto, helper, numpy_helper

FLOAT, VERSION = TensorProto.FLOAT, {"opset_imports": [helper.make_opsetid("", 17)], "ir_version": 8}


# %%
def network(*sizes, seed=0):  # an ONNX file: layers of the given sizes, with random weights
    random, operations, weights, last = np.random.default_rng(seed), [], [], "input"
    for i, shape in enumerate(pairwise(sizes)):
        numbers = random.normal(0, shape[0] ** -0.5, shape).astype(np.float32)
        weights.append(numpy_helper.from_array(numbers, f"weights{i}"))
        operations.append(helper.make_node("MatMul", [last, f"weights{i}"], [f"sums{i}"]))
        last = "probability" if i == len(sizes) - 2 else f"layer{i}"
        operations.append(helper.make_node("Sigmoid", [f"sums{i}"], [last]))
    ends = [("input", sizes[0]), ("probability", sizes[-1])]
    ends = [helper.make_tensor_value_info(name, FLOAT, ["rows", width]) for name, width in ends]
    graph = helper.make_graph(operations, "network", ends[:1], ends[1:], weights)
    return helper.make_model(graph, **VERSION).SerializeToString()


# %%
from sklearn.ensemble import HistGradientBoostingClassifier

from modelserving.export import to_onnx
from modelserving.interpreter import Interpreter
from modelserving.models import FEATURES, flight_task

task = flight_task()
flights = task.X_test
trees = HistGradientBoostingClassifier(max_iter=300, max_leaf_nodes=63, early_stopping=False, random_state=0)
trees.fit(task.X_train[::32], task.late_train[::32])  # a few rows: we want their speed, not their opinion
files = {"network": network(len(FEATURES), 128, 128, 1), "trees": to_onnx(trees, len(FEATURES))}
models = {name: Interpreter(file) for name, file in files.items()}


# %%
def quickest(model, rows, tries=40):  # seconds of a run; what else the machine does makes it slower, never quicker
    took = []
    for _ in range(tries):
        started = time.perf_counter()
        model.run({"input": flights[:rows]})
        took.append(time.perf_counter() - started)
    return min(took)


# %%
sizes = [1, 4, 16, 64, 256]
per_row = {name: [quickest(model, n) / n for n in sizes] for name, model in models.items()}
gain = {name: values[0] / values[-1] for name, values in per_row.items()}

# %% tags=["nbval-ignore-output"]
gap(my_guess, gain["network"])
gap(my_other_guess, gain["trees"])
print("µs a row, in a batch of", *(f"{n:6}" for n in sizes))
for name, values in per_row.items():
    print(f"{name:22}", *(f"{1e6 * value:6.1f}" for value in values))

# %%
print("a row of the network gets more than 4 times cheaper:", gain["network"] > 4)
print("the network gains more than twice as much as the trees:", gain["network"] > 2 * gain["trees"])

# %% [markdown]
# A run costs something that does not depend on its rows (to get there, to fetch the weights from memory), and something for each row. Batching shares the first part out. For the network it is nearly all; walking through 300 trees is work for each
# row anew. So measure before you hope: **the gain of batching is the ratio of a row's cost alone to that in a batch**, and for trees on a processor it is small.
#
# ## Waiting for company
#
# Larger batches could be had on purpose: let the first one wait a while, until others join. Most servers have a number for this (`max_wait` here, `max_queue_delay` in Triton, `max_latency` elsewhere), and tutorials set it. The flat model, 10 ms
# a run, at 20 requests a second, which is next to nothing; a **longest wait** of 50 ms. How long will the median request take?

# %%
my_guess = None  # ms

# %%
timer = serve(flat, batch_rows=64, max_wait=0.05)
calm = {
    name: 1e3 * ask(at, rate=20, seconds=2.5).percentile(50) for name, at in (("no timer", together), ("timer", timer))
}

# %% tags=["nbval-ignore-output"]
gap(my_guess, calm["timer"])
print(*(f"{name:9} {value:6.1f} ms at the median" for name, value in calm.items()), sep="\n")

# %%
print("with the timer it takes more than 2.5 times as long:", calm["timer"] > 2.5 * calm["no timer"])

# %% [markdown]
# The model was idle, the request was there, and the server waited. At a low load a timer costs every request its full length and gains nothing; under a high one, batches fill while the model runs, and the timer never comes to anything.
# For latency it is a counter-example. It has one use, and we shall come to it: runs cost processor time, and fewer, fuller runs cost less of it.

# %% [markdown] tags=["question"]
# ### Self-check 3
#
# *Select all that apply.*
#
# Somebody wants to speed up an app's server of boosted trees, one flight a request, on a processor. By your measurements, what will help little or hurt?
#
# - **A.** A largest batch of 256 in place of 1
# - **B.** A longest wait of 20 ms
# - **C.** Running it at half the utilisation, on two servers
# - **D.** Cheaper trees: half as many

# %%
quiz.ask("s3", "")

# %% [markdown]
# ## Twice as much as it can do
#
# Back to the Wednesday before Thanksgiving. Whatever the server can do, more will come some day. A traveller looks at the phone for a moment and puts it away: an answer after more than 100 ms counts for nothing. What counts is **goodput**:
# answers a second that came *in time*.
#
# The first server, 5 ms a request, has a queue of 16,384 rows, which is as good as no bound. We offer 0.7 times, 1.5 times and 3 times its capacity. What share of its capacity will it reach as goodput, at 3 times?

# %%
my_guess = None  # share of the capacity, 0 to 1

# %%
IN_TIME = 0.100  # s
offers = [0.7, 1.5, 3.0]
unbounded = [ask(url, rate=offer * capacity, timeout=2.0, warm_up=0.4) for offer in offers]

# %% tags=["nbval-ignore-output"]
gap(my_guess, unbounded[-1].goodput(IN_TIME) / capacity)
print(unbounded[-1])

# %% [markdown]
# Not a crash, not an error of its own: the server was busy all the time, and answered as many as ever. Only too late. Whoever comes joins the end of a queue that is longer than anybody's patience, and the server works its way through requests whose callers have put the phone away.
# Here is when each request came, and how long it took; the report counts those after the warm-up, and so do the numbers in the picture:

# %% tags=["nbval-ignore-output"]
fig, ax = plots.figure("At 3 times its capacity", "moment of the request, s", "latency of the answer, s")
worst = unbounded[-1]
well = worst.outcome == "ok"
ax.plot(worst.intended[well], (worst.done - worst.intended)[well], ".", linestyle="none", markersize=3)
ax.axhline(IN_TIME, color=plots.RUST, linewidth=1)
ax.annotate("in time", (1.2, IN_TIME), (0, 4), textcoords="offset points", color=plots.RUST)
late = worst.outcome == "timeout"
ax.plot(worst.intended[late], np.full(late.sum(), 2.0), "x", color=plots.INK, linestyle="none", markersize=4)
ax.annotate("timed out after 2 s" if late.any() else "", (0.62, 2.0), (0, -4), textcoords="offset points")
ax.axvspan(0, 0.4, color="#E4E4E4", zorder=0)
ax.annotate("warm-up", (0.02, 1.8), (0, -4), textcoords="offset points")
ax.set(ylim=(0, 2.15))
told = f"after the warm-up {worst.answered.sum()} answers and {worst.timeouts} time-outs, crosses at 2 s"
plots.show(fig, f"Latency climbs in a straight line from nothing past 0.1 s and on: {told}.")

# %% [markdown]
# ## A queue that ends
#
# So let it end. With `queue_rows=10` at most 10 requests wait; whoever finds the queue full is told so at once: status 503. Ten of 5 ms are 50 ms. The one being computed and the way there and back come on top, and still whoever gets in should be answered well within 100. What share of its capacity as goodput, at 3 times?

# %%
my_guess = None  # share of the capacity

# %%
bounded_url = serve(steady, batch_rows=1, queue_rows=10)
bounded = [ask(bounded_url, rate=offer * capacity, timeout=2.0, warm_up=0.4) for offer in offers]

# %%
good = {
    "no bound": [result.goodput(IN_TIME) for result in unbounded],
    "10 rows": [result.goodput(IN_TIME) for result in bounded],
}
really = [result.measured.sum() / result.window / capacity for result in bounded]  # the same for both

# %% tags=["nbval-ignore-output"]
gap(my_guess, good["10 rows"][-1] / capacity)
print("meant to be, times capacity  ", *(f"{offer:6}" for offer in offers))
print("sent, times the capacity     ", *(f"{value:6.2f}" for value in really))
for name, values in good.items():
    print(f"goodput/s, {name:18}", *(f"{value:6.0f}" for value in values))
print("p90 of whoever got in, at 3 times:", f"{percentile(bounded[-1], 90):.0f} ms;", dict(bounded[-1].failures))

# %% tags=["nbval-ignore-output"]
fig, ax = plots.figure("Goodput: answers within 100 ms", "sent, times the capacity", "answers in time, a second")
for (name, values), marker in zip(good.items(), "os", strict=True):
    ax.plot(really, values, marker=marker, label=name)
(
    ax.axhline(capacity, color=plots.GREY, linewidth=1),
    ax.annotate("capacity", (0.7, capacity), (0, 4), textcoords="offset points"),
)
ax.set(xlim=(0.5, 3.5), ylim=(-0.04 * capacity, 1.2 * max(capacity, *good["10 rows"])))
plots.label_lines(ax)
told = "; ".join(f"{name}: {', '.join(f'{v:.0f}' for v in values)}" for name, values in good.items())
plots.show(fig, f"Goodput at {', '.join(f'{x:.2f}' for x in really)} times the capacity of {capacity:.0f}. {told}.")

# %%
print(
    "at 3 times, the bounded server's goodput is more than 3 times that of the other:",
    good["10 rows"][-1] > 3 * good["no bound"][-1],
)
print("and more than a third of the capacity:", good["10 rows"][-1] > capacity / 3)
print("it refused more than a third:", bounded[-1].failed > 1 / 3)

# %% [markdown]
# The same model, the same machine, the same flood. One server answers nobody in time, the other about as many as ever, and tells the rest right away. This is **load shedding**. It feels wrong to refuse while there is memory left for a longer queue. But a queue adds no capacity: it holds off a
# burst of a moment, and turns a longer one into waiting.
#
# How long may it be? As long as what waits can still be answered in time: deadline divided by service time. A bound in rows does not know about time, however, and a model's pace changes. Hence deadlines.

# %% [markdown]
# And afterwards? Right after such a flood, at 0.3 times its capacity:

# %%
ask(bounded_url, seconds=0.5, rate=3 * capacity)
recovered = ask(bounded_url, seconds=1, rate=0.3 * capacity, warm_up=0)
print("right after a flood more than 2 in 3 get an answer again:", recovered.failed < 1 / 3)

# %% [markdown]
# **Recovery** is at once: there is nothing to work off but 10 rows.

# %% [markdown] tags=["question"]
# ### Self-check 4
#
# *Pick one.*
#
# Why was the goodput of the unbounded server near 0 at 3 times its capacity?
#
# - **A.** It crashed, or ran out of memory
# - **B.** Refusing took all its time
# - **C.** It computed at full speed, for callers whose time was over
# - **D.** Its model became slower under load

# %%
quiz.ask("s4", "")

# %% [markdown]
# ## Deadlines
#
# A client that knows how long it will wait can say so: the protocol has a parameter for it, `timeout`, in µs. A server can also give everybody a **deadline** of its own. Here it is 60 ms: of the traveller's 100, the way there and back needs some. It is looked at twice. *On arrival*: the server knows how much
# waits and how long a row takes, and refuses at once what could not be in time. *Before computing*: what has become too late meanwhile is dropped, and never computed. At 3 times the capacity, what share of what it computes will come in time?

# %%
my_guess = None  # 0 to 1

# %%
strict_url = serve(steady, batch_rows=1, deadline=0.060)
strict = ask(strict_url, rate=3 * capacity, timeout=2.0, warm_up=0.4)
counted = metrics(strict_url)


# %%
def late_share(result):  # of all that it answered
    return float(((result.done - result.intended)[result.outcome == "ok"] > IN_TIME).mean())


late = {"no bound": late_share(worst), "strict": late_share(strict)}
print("of what the first server answered, more than half was late:", late["no bound"] > 0.5)
print(
    "of what the server with a deadline answered, less than half of that share:", late["strict"] < late["no bound"] / 2
)
print("it refused or dropped more than a third:", strict.failed > 1 / 3)

# %% tags=["nbval-ignore-output"]
gap(my_guess, 1 - late["strict"])
print(f"goodput {strict.goodput(IN_TIME):.0f} a second; answers that were late: {late['strict']:.1%}")
print(f"computed {counted['batch_rows_sum']:.0f}, not computed {counted['dropped_requests_total']:.0f}")

# %% [markdown]
# No number of rows was set. The server learned what a row takes, and let in what could be done in time. If the model becomes twice as slow tomorrow, it will let in half as many, without anybody changing a setting.

# %% [markdown]
# ## What the refused are told
#
# A refusal is an answer, too, and clients act on it. Which status, and what else? We flood the bounded server once more and look at one of its refusals.

# %%
from http.client import HTTPConnection


def one_request(url, body=BODY):
    line = HTTPConnection(url.removeprefix("http://"), timeout=10)
    line.request("POST", "/v2/models/stub/infer", body)
    answer = line.getresponse()
    return answer.status, answer.getheader("Retry-After"), json.loads(answer.read())


# %%
flood = threading.Thread(target=ask, args=[bounded_url], kwargs={"rate": 3 * capacity, "seconds": 2})
flood.start()
status = 200
while status == 200 and flood.is_alive():
    status, retry_after, said = one_request(bounded_url)
flood.join()

# %%
print("status", status, "and Retry-After, in seconds:", retry_after)
print("the error is one sentence or two, in JSON:", list(said) == ["error"])


# %% [markdown]
# **503** says: not now, whoever you are. Some servers send **429** in its place, *too many requests*; that is meant for one client who sends more than its share while others are served. Both mean: it is not your request that is wrong, and nobody need be woken.
#
# **Retry-After** says when. This server computes it from its queue and its pace; HTTP has only whole seconds. It must never be 0: all who were refused would be back at once. What they do then is the next section.

# %% [markdown]
# ## The retry storm
#
# An app that gets no answer asks again. That is right when one request was lost, and a disaster when the server is too slow. We play it in **virtual time**, in which a sleep takes no time at all, so that
# we can watch twenty seconds in one. A model of 10 ms, 60 users a second, and one second in which 250 come. Users have a patience of 100 ms, and then their app asks again, up to three times. This server does not notice who has left. Where its queue has a bound, it refuses who finds it full, and the app pauses for a second before it asks
# again. Is it the bound that helps then, or the pause? A fourth day is the control: no bound, and the same pause after each attempt in vain.

# %%
class Backend:
    """One request at a time, 10 ms each; at most `bound` wait. It computes whatever is in its queue."""

    def __init__(self, bound):
        self.queue, self.bound, self.asked = asyncio.Queue(), bound, 0
        self.worker = asyncio.create_task(self.work())

    async def work(self):
        while True:
            reply = await self.queue.get()
            await asyncio.sleep(0.010)
            if not reply.done():
                reply.set_result(200)


# %%
async def user(backend, attempts, pause):  # 200, or 503 in the end
    for _ in range(attempts):
        backend.asked += 1
        if backend.queue.qsize() >= backend.bound:
            await asyncio.sleep(1.0)  # refused, and told to come back in a second
            continue
        reply = asyncio.get_running_loop().create_future()
        backend.queue.put_nowait(reply)
        done, _ = await asyncio.wait([reply], timeout=IN_TIME)
        if done:
            return 200
        reply.cancel()
        await asyncio.sleep(pause)
    return 503


# %% [markdown]
# In the last ten seconds only 60 a second come, where the server can do 100. With three retries, what share of *those* users get an answer, at whichever attempt?

# %%
my_guess = None  # 0 to 1


# %%
async def day(attempts, bound, pause):
    backend = Backend(bound)
    result = await load.open_loop(lambda: user(backend, attempts, pause), crowd, timeout=10, seconds=20)
    backend.worker.cancel()
    return result, backend.asked


crowd = np.sort(np.concatenate([load.poisson(60, 20, seed=1), 4 + load.poisson(190, 1, seed=2)]))
days = {
    "no retries": (1, 10_000, 0),
    "3 retries": (4, 10_000, 0),
    "3 retries, pause of 1 s": (4, 10_000, 1.0),
    "3 retries, 8 in the queue": (4, 8, 0),
}
played = {name: virtual.run(day(*settings)) for name, settings in days.items()}


# %%
def answered(result, begin, end, within=np.inf):  # the share of the users who came then
    came = (result.intended >= begin) & (result.intended < end)
    return ((result.outcome == "ok") & (result.done - result.intended <= within + 1e-9))[came].mean()


gap(my_guess, answered(played["3 retries"][0], 10, 20))
print("share of users answered                came in the burst second      came after 10 s         requests")
print("                                     at once  sooner or later   at once  sooner or later   a user")
for name, (result, asked) in played.items():
    told = [answered(result, *when, within) for when in ((4, 5), (10, 20)) for within in (IN_TIME, np.inf)]
    print(f"{name:36}{told[0]:8.1%} {told[1]:16.1%} {told[2]:9.1%} {told[3]:16.1%} {asked / len(crowd):8.2f}")

# %% [markdown]
# *At once* is within the 100 ms from when they came, at the first attempt. *Sooner or later* counts those, too, who were refused, paused, and were served a second later: that is another, longer wait. Here is what users would call an answer, the first column:

# %% tags=["nbval-ignore-output"]
fig, ax = plots.figure(
    "One second of too much", "second in which users came", "share answered within 100 ms", size=(8, 3.8)
)
dashes = dict(zip(played, ("-", "-", ":", "--"), strict=True))
for name, (result, _) in played.items():
    at_once = [answered(result, second, second + 1, IN_TIME) for second in range(20)]
    ax.step(range(20), at_once, where="post", label=name, linestyle=dashes[name])
ax.axvspan(4, 5, color="#E4E4E4", zorder=0)
ax.set(xlim=(0, 27), ylim=(-0.1, 1.08), xticks=range(0, 21, 4))
plots.percent(ax.yaxis), plots.label_lines(ax)
burst, after = (answered(played["3 retries, 8 in the queue"][0], *when, IN_TIME) for when in ((4, 5), (7, 20)))
back = "without retries the server recovers after some seconds; with three, pause or not, it never does"
bounded = f"with a bounded queue it answers {burst:.0%} in the burst second and {after:.0%} from 7 s on"
plots.show(fig, f"All is well up to the burst at 4 s. Then {back}; {bounded}.")

# %%
shares_late = {name: answered(result, 10, 20) for name, (result, _) in played.items()}
print("without retries, all is well again by 10 s:", shares_late["no retries"] > 0.95)
print("with retries, fewer than 1 in 10 is answered, to the end:", shares_late["3 retries"] < 0.1)
print("a pause alone does not help, it is still fewer than 1 in 10:", shares_late["3 retries, pause of 1 s"] < 0.1)
bounded_day = played["3 retries, 8 in the queue"][0]
print("with retries and a bounded queue, all is well again:", answered(bounded_day, 10, 20, IN_TIME) > 0.95)
print("in the burst itself it answers fewer than 2 in 3 at once:", answered(bounded_day, 4, 5, IN_TIME) < 2 / 3)

# %% [markdown]
# The burst is over after a second, and the server never comes back. Each user's app now sends four requests, 60 a second become 240, the queue stays too long for anybody's patience, and so everybody retries. The overload feeds itself: a **metastable failure**. Restarting helps until the next burst. A pause alone spreads the same retries over more time, and takes none away. The bounded queue is no magic either: in the burst it has to refuse, and for some seconds
# those who come back take places of those who come anew. But whoever gets in is answered, and so the crowd gets smaller.
#
# What breaks the circle is on both sides. The server refuses at once (it did no work for those it refused) and computes nothing whose caller has left. Ours notices: when a client closes its connection, its request is taken out of the queue. The client waits between attempts, longer each time and by a random amount
# (**exponential back-off with jitter**), obeys Retry-After, and keeps a budget: at most a tenth more requests than users.

# %% [markdown] tags=["question"]
# ### Self-check 5
#
# *Select all that apply.*
#
# What kept the server with three retries and a queue of 8 from the fate of the one without a bound?
#
# - **A.** Whoever got into its queue was answered within their patience
# - **B.** A refusal cost it no computing
# - **C.** Its users paused before they asked again
# - **D.** Its model was faster

# %%
quiz.ask("s5", "")

# %% [markdown]
# ## One server, two goals
#
# Who asks a model, and what for? The traveller's **app** asks about one flight, and somebody looks at a screen meanwhile. At **night** a job scores every flight of the year anew; nobody waits, and the bill counts. The quiz of lesson 01 put it as a question: for what is not user-facing, does throughput count more than latency? We
# measure what the same server can be for either.
#
# Now with a real and larger network, two layers of 2,048, and real processor time. Three settings, at 120 flights a second, one a request: no batching, the default (whatever queued), and large batches with a longest wait of 100 ms. For which of these does a flight cost the least processor time, and by which factor less than without batching? (A fourth run is for the night alone. It keeps the third setting, and the job sends 1,000 flights in each request, four requests a second.)

# %%
my_guess = None  # times

# %%
from pathlib import Path
from tempfile import TemporaryDirectory

folder = Path(servers.enter_context(TemporaryDirectory()))
(folder / "late" / "1").mkdir(parents=True)
(folder / "late" / "1" / "model.onnx").write_bytes(network(len(FEATURES), 2048, 2048, 1))


def as_body(rows):
    data = np.nan_to_num(rows).ravel().tolist()
    tensor = {"name": "input", "datatype": "FP32", "shape": list(rows.shape), "data": data}
    return json.dumps({"inputs": [tensor]}).encode()


bodies = [as_body(flights[i : i + 1]) for i in range(200)]

# %%
SETTINGS = {
    "no batching": {"batch_rows": 1},
    "default": {},
    "wait 100 ms": {"batch_rows": 1024, "max_wait": 0.1},
}


def try_out(options, bodies, rate):
    with served(folder, threaded=True, **options) as url:  # in a thread, however short a run is
        before = metrics(url)
        result = load.measure(url + "/v2/models/late/infer", bodies, rate=rate, seconds=2.5, timeout=1.0, warm_up=0.3)
        after = metrics(url)
    used = after["process_cpu_seconds_total"] - before["process_cpu_seconds_total"]
    rows = after["batch_rows_sum"] - before["batch_rows_sum"]
    return result, rows / used, rows / (after["batch_rows_count"] - before["batch_rows_count"])


# %%
tried = {name: try_out(options, bodies, 120) for name, options in SETTINGS.items()}
thousand = [as_body(flights[i : i + 1000]) for i in range(0, 5000, 1000)]
night = try_out(SETTINGS["wait 100 ms"], thousand, 4)

# %% tags=["nbval-ignore-output"]
gap(my_guess, tried["wait 100 ms"][1] / tried["no batching"][1])
print("setting          median ms   p95 ms   rows a run   rows a CPU second   CPU s for 336,776 flights")
for name, (result, per_cpu, in_a_run) in tried.items():
    times = f"{percentile(result, 50):9.1f} {percentile(result, 95):8.1f}"
    print(f"{name:17}{times} {in_a_run:12.1f} {per_cpu:19,.0f} {336_776 / per_cpu:27,.0f}")
print(f"{'1,000 a request':17}{'':18} {night[2]:12.1f} {night[1]:19,.0f} {336_776 / night[1]:27,.0f}")
few = night[0].latency
print(f"(the last answered {len(few)} requests, too few for percentiles: {1e3 * few.mean():.0f} ms on average)")

# %%
middle = {name: result.percentile(50) for name, (result, _, _) in tried.items()}
per_cpu = {name: rows for name, (_, rows, _) in tried.items()}
print("waiting makes the median more than twice that of the default:", middle["wait 100 ms"] > 2 * middle["default"])
print(
    "and a processor second gives more than 1.5 times the rows of no batching:",
    per_cpu["wait 100 ms"] > 1.5 * per_cpu["no batching"],
)
print("a thousand flights a request: more than 3 times the rows:", night[1] > 3 * per_cpu["no batching"])

# %% [markdown]
# One server, opposite settings. For the app, latency has a bound: say 50 ms for 95 of 100. What keeps it is good enough (a **satisficing** metric), so the timer is out. The cheaper of the other two would win; at this load they are too close to tell, since few requests meet in the queue, and what differs is noise. So take the default: it costs nothing now, and runs together what queues when more come. For the night, rows for each processor second are the one number to push (an **optimising** metric): fill the
# batches, wait if need be, and send a thousand flights a request. To settle both with one setting in the middle serves neither; run the server twice.
#
# So that quiz was right: where no user waits, throughput at the least processor time counts. With one exception.

# %% [markdown]
# ## A hundred calls
#
# The app's start page shows the traveller's flight, the ones before and after, the way there, the weather: 100 calls to back ends, none of which faces a user. A page is ready when its last call is. Each back end is quick, and slow in only 1 call of 100. How many of 100 pages are slow?

# %%
my_guess = None  # of 100

# %%
PAGES, CALLS = 1500, 100


async def page(slow):  # seconds until the last of its calls is back; slow: bool for each call
    started = asyncio.get_running_loop().time()
    await asyncio.gather(*(asyncio.sleep(0.200 if is_slow else 0.005) for is_slow in slow))
    return asyncio.get_running_loop().time() - started


async def pages(slow):  # one after the other
    return np.array([await page(of_page) for of_page in slow])


# %%
random = np.random.default_rng(6)
apart = random.uniform(size=(PAGES, CALLS)) < 0.01
took = {"apart": virtual.run(pages(apart))}
slow_pages = {"apart": (took["apart"] > 0.1).mean()}

# %%
gap(my_guess, 100 * slow_pages["apart"])
print(f"slow calls: {apart.mean():.2%}, slow pages: {slow_pages['apart']:.1%}, 1 - 0.99 ** 100 = {1 - 0.99**100:.1%}")

# %% [markdown]
# One call in a hundred became nearly two pages in three. The p99 of a back end, which nobody looks at, is about the *median* of the page. So this is the exception: a back end that no user sees can be user-facing after all, by **fan-out**.
#
# It assumes that calls are slow independently of each other. When the back end is slow for everybody at a time (a freeze, a full queue), the slow calls meet on the same pages:

# %%
at_once = np.repeat(random.uniform(size=(PAGES, 1)) < 0.01, CALLS, axis=1)  # 15 of the 1,500, give or take
took["together"] = virtual.run(pages(at_once))
slow_pages["together"] = (took["together"] > 0.1).mean()
print(f"slow calls: {at_once.mean():.2%}, slow pages: {slow_pages['together']:.1%}")

# %% tags=["nbval-ignore-output"]
drawn = {"apart": apart, "together": at_once}
fig, ax = plots.figure("A page waits for its slowest call", "calls a page makes", "share of pages that are slow")
calls = np.arange(1, 201)
for share, label in ((0.05, "1 call in 20 is slow"), (0.01, "1 in 100"), (0.001, "1 in 1,000")):
    ax.plot(calls, 1 - (1 - share) ** calls, label=label)
for name, marker, up in (("apart", "o", -12), ("together", "s", 5)):
    ax.plot([CALLS], [slow_pages[name]], marker, color=plots.INK)
    ax.annotate(f"measured, {name}", (CALLS, slow_pages[name]), (6, up), textcoords="offset points")
ax.set(xlim=(0, 290), ylim=(-0.03, 1.03), xticks=[1, 50, 100, 150, 200])
plots.percent(ax.yaxis), plots.label_lines(ax)
told = [f"with {slow.mean():.2%} slow calls, {slow_pages[name]:.1%} of the pages" for name, slow in drawn.items()]
plots.show(fig, f"Slow independently: {told[0]}; slow together: {told[1]}. Curves rise with the number of calls.")

# %%
print("independent: within 3 points of 1 - 0.99 ** 100:", abs(slow_pages["apart"] - (1 - 0.99**100)) < 0.03)
print("slow together: fewer than 3 % of the pages:", slow_pages["together"] < 0.03)

# %% [markdown]
# Turned round: for a page of 100 calls of which 1 in 100 may be slow, a call may be slow 1 time in 10,000. So either call fewer back ends, or hold them to a p99.99, or do not wait for the last: show the page without it. Or ask a second replica when the first has not answered by its p95, and take whichever comes first (**hedged
# requests**): one request in twenty more, and the tail is gone. (In an overload that is a retry storm by another name: budget it.)

# %% [markdown] tags=["question"]
# ### Self-check 6
#
# *Select all that apply.*
#
# A back end scores flights for three callers and a report. For which of them does its p99 matter, by what you measured?
#
# - **A.** The traveller's app, which asks once and shows the answer
# - **B.** The nightly job, which scores every flight
# - **C.** A service that no user sees, and of which every start page makes 100 calls
# - **D.** A weekly report, which makes one call and is read on Monday

# %%
quiz.ask("s6", "")

# %%
servers.close()

# %% [markdown]
# ## What to take away
#
# | idea | what to remember | where you measured it |
# |---|---|---|
# | knee | beyond it, more load brings latency and no throughput | *The knee* |
# | utilisation | latency goes with 1 / (1 − ρ): from 90 to 95 % it doubles | *Why it explodes before it is full* |
# | Little's law | number in the system = arrival rate × mean latency; of the same requests | *Little's law* |
# | dynamic batching | run what queued while the model was busy | *Run them together* |
# | gain of batching | a row's cost alone over that in a batch: large for networks, small for trees | *When it does not help* |
# | longest wait | costs its full length when it is quiet; buys cheaper rows, not speed | *Waiting for company*, *One server, two goals* |
# | bounded queue | a queue adds no capacity; refuse at once what it cannot hold | *A queue that ends* |
# | deadlines | checked on arrival and before computing; the late is never computed | *Deadlines* |
# | Retry-After | never 0; 503 for everybody, 429 for one | *What the refused are told* |
# | retries | feed an overload: bound the queue, then back off, jitter, budget | *The retry storm* |
# | two goals | p99 as a bound, or rows a processor second as the aim: opposite settings | *One server, two goals* |
# | fan-out | 100 calls, each slow 1 time in 100: 63 % of pages | *A hundred calls* |

# %% [markdown]
# ## When this goes wrong in production
#
# - **Latency doubles though traffic grew by a twentieth.** The server was near its knee. Look at utilisation, not at the average of a day: the peak minute decides. Plan for 60 to 70 %.
# - **Processors busy, throughput at its best, and every user complains.** A queue without a bound: the server answers requests of a minute ago. Compare the age of what is being computed with the callers' time-outs.
# - **The outage goes on after its cause is gone.** Retries. Turn away most of the traffic for a minute, let the queue drain, let it back in slowly; then give clients a budget.
# - **A new batching setting, and the median is up by exactly its wait.** The timer. Set it to 0, and measure whether the processor can spare the difference.
# - **Everybody who was refused is back in the same second.** Retry-After is constant and clients add no jitter.
# - **All back ends are green, and the page is red.** Fan-out. Count calls a page, and give back ends a bound for the percentile that the *page* needs.
# - **A load test with more throughput than connections over latency allow.** Little's law says so: find what was left out.

# %% [markdown]
# ## Further reading
#
# - J. D. C. Little (2011). *Little's law as viewed on its 50th anniversary*. Operations Research 59(3), 536–549. [doi.org/10.1287/opre.1110.0940](https://doi.org/10.1287/opre.1110.0940). What the law needs, and what it does not.
# - M. Harchol-Balter (2013). *Performance modeling and design of computer systems*. Cambridge University Press. M/M/1, M/D/1 and why variation matters, for people who build servers.
# - J. Dean, L. A. Barroso (2013). *The tail at scale*. Communications of the ACM 56(2), 74–80. [doi.org/10.1145/2408776.2408794](https://doi.org/10.1145/2408776.2408794). The hundred calls, and hedged requests.
# - N. Bronson, A. Aghayev, A. Charapko, T. Zhu (2021). *Metastable failures in distributed systems*. HotOS. [doi.org/10.1145/3458336.3465286](https://doi.org/10.1145/3458336.3465286). Why the outage outlives its cause.
# - B. Beyer, C. Jones, J. Petoff, N. R. Murphy, editors (2016). *Site reliability engineering*, chapters 21 and 22. O'Reilly. [sre.google/books](https://sre.google/books/). Handling overload, cascading failures, retry budgets.
# - D. Crankshaw and others (2017). *Clipper: a low-latency online prediction serving system*. NSDI. [usenix.org/conference/nsdi17](https://www.usenix.org/conference/nsdi17/technical-sessions/presentation/crankshaw). Adaptive batching under a latency bound.
# - R. Fielding, M. Nottingham, J. Reschke (2022). *HTTP semantics*. [RFC 9110](https://www.rfc-editor.org/rfc/rfc9110), sections 10.2.3 and 15.6.4; 429 stands in [RFC 6585](https://www.rfc-editor.org/rfc/rfc6585). Retry-After and 503.

# %% [markdown]
# ## What the assignment asks next
#
# In the [exercises](../release/05_serve_under_load/exercises.ipynb) you write the pieces: read a server's log by Little's law, decide who goes into a batch and when, bring each answer to its own caller, guard the door with a bound and with deadlines, choose settings for two goals, and count what fan-out costs. None of these pieces reads a clock: the tests tell them what time it is. The
# [quiz](../release/05_serve_under_load/quiz.ipynb) asks what you measured here.
#
# Back to [04 Measure latency and throughput](04_measure_latency_and_throughput.ipynb). The server is quick now, and stays so under load. [Lesson 06](06_watch_it_decay.ipynb) asks: is it still right?
