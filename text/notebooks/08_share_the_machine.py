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
#     agreed: dca4e2ccd6f1d247
# ---

# %% [markdown]
# # 08 Share the machine
#
# **Who shares the machine, and who pays?**
#
# Lesson 07 made one prediction cheaper. This morning three people stand at your desk, and none of them asks for that. Product wants a model of its own for each of the 72 destinations most flown to. Operations has one machine left, with
# memory for sixteen of them, and in the next room stands an accelerator that four teams bought for themselves, where each wonders why it is idle most of the day. And finance lays down last month's bill, which was paid for twenty-four hours a day, and asks a question that nobody can answer: what do a thousand predictions cost?
#
# All three questions are one. A machine is paid whether it computes or not, so what a prediction costs depends on who else uses the machine meanwhile, and on what they do to each other.
#
# When you are through you can
#
# - serve a fleet of models from one process under a budget, and say beforehand how often a model will be missing;
# - measure what tenants of one processor or accelerator do to each other, and say what protects a quiet one from a noisy one;
# - use a simulated device, say what it assumes, and keep apart what was measured, what was recorded and what was assumed;
# - turn a measured capacity into money per thousand predictions and per month, and choose the cheapest plan that keeps a promise;
# - say when a second replica pays for itself, and what a stress test saves.
#
# It takes about two hours; good places for a break are before *One core, four tenants* and before *What a thousand cost*. You should have been through lessons 03 to 05; lesson 07 helps. Where a cell asks for a guess, write a
# number in place of `None` **before** you run what follows.

# %%
import json
import re
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.request import urlopen

import numpy as np

from autograder.quiz import Quiz
from modelserving import datasets, load, plots
from modelserving.guess import gap
from modelserving.server import served

quiz = Quiz("questions/08_share_the_machine.json")

# %% [markdown]
# ## A model for each destination
#
# `fleet_of` trains the small models, one for each of the 72 destinations most flown to, on that destination's flights alone, and lays them into a repository as in lesson 03. (Whether 72 small models know more than one large one is a question for lesson 01's holdout. Here they stand for every service that *has* to keep its models
# apart: one for each customer, language or site.) `destination_mix` tells who is asked when: the destinations of the year's flights, in the order of their departures.

# %%
from modelserving.destinations import destination_mix, fleet_of

open_things = ExitStack()  # closes at the end what we open here
fleet = Path(open_things.enter_context(TemporaryDirectory()))
names = fleet_of(fleet)
mix = destination_mix(datasets.flights())
print(f"{len(names)} models, {len(mix):,} requests in a year, the first: {' '.join(mix[:8])} …")

# %% [markdown]
# Some destinations are asked for more often than others. Which share of all requests goes to the 16 most popular?

# %%
my_guess = None  # 0 to 1

# %%
asked_for, times = np.unique(mix, return_counts=True)
by_popularity = asked_for[np.argsort(-times, kind="stable")]
cumulative = np.sort(times)[::-1].cumsum() / len(mix)
gap(my_guess, cumulative[15], "counted")
print(f"the most popular: {', '.join(by_popularity[:6])}; the least: {', '.join(by_popularity[-4:])}")

# %%
fig, ax = plots.figure("A few models get most requests", "models, the most popular first", "share of the requests")
ax.plot(range(1, len(cumulative) + 1), cumulative, drawstyle="steps-post")
ax.plot([16], [cumulative[15]], "o", color=plots.INK)
ax.annotate(f"16 models: {cumulative[15]:.0%}", (16, cumulative[15]), (8, -10), textcoords="offset points")
ax.set(ylim=(0, 1.03), xlim=(0, 73))
plots.percent(ax.yaxis)
told = ", ".join(f"{count}: {cumulative[count - 1]:.0%}" for count in (8, 16, 32, 64))
plots.show(
    fig, f"Share of requests by number of models, the most popular first. The curve is steep, then flat: {told}."
)

# %% [markdown]
# ## A process for each
#
# The simplest way to serve 72 models is to start 72 servers. Nothing is shared, so nothing can go wrong between them. What it costs is memory: we start three such servers, and one that has all 72 models, and look at how much memory each has *to itself*, shared libraries left out. How
# many times the memory of the one would 72 processes take?

# %%
my_guess = None  # times

# %%
import shutil

import psutil


def serve(folder, **options):  # a process of its own; gives its address
    return open_things.enter_context(served(folder, **options))


def own_memory():  # bytes that each server we started has to itself
    servers = [one for one in psutil.Process().children() if "modelserving.cli" in one.cmdline()]
    return [one.memory_full_info().uss for one in servers]


# %%
apart = Path(open_things.enter_context(TemporaryDirectory()))
with ExitStack() as three:
    for name in by_popularity[:3]:
        shutil.copytree(fleet / name, apart / name / name)
        three.enter_context(served(apart / name))
    one_model = own_memory()
roomy = serve(fleet)
all_models = own_memory()[0]

# %% tags=["nbval-ignore-output"]
gap(my_guess, 72 * np.mean(one_model) / all_models)
print("a process with one model: ", *(f"{memory / 1e6:.0f} MB" for memory in one_model))
print(f"one process with all 72:   {all_models / 1e6:.0f} MB")
on_disk = sum(path.stat().st_size for path in fleet.rglob("*.onnx"))
print(f"the 72 files:              {on_disk / 1e6:.1f} MB")

# %%
print(
    "72 processes take more than 10 times the memory of one with all models:", np.mean(one_model) * 72 > 10 * all_models
)
print("71 more models do not make it three times as large:", all_models < 3 * np.mean(one_model))

# %% [markdown]
# Most of what a process holds is not the model: it is Python, the libraries' data, the session's buffers. One process pays for that once. This is **multi-model serving**, the first of the strategies that this lesson prices. Each model keeps its own path, its own versions, its own queue and its own metrics; what they share is a process, its memory
# and its fate. (If one model brings the process down, 72 are gone. That is why it is done for models of one owner, and why what comes in is checked as in lesson 03.)

# %% [markdown] tags=["question"]
# ### Self-check 1
#
# *Pick one.*
#
# Why did one server with 72 models take so much less memory than 72 servers with one?
#
# - **A.** The models that were not asked for had not been loaded
# - **B.** Most of a process is not its model, and one process pays for that once
# - **C.** The 72 models share their weights
# - **D.** Memory that processes share was counted for the one and not for the others

# %%
quiz.ask("s1", "")

# %% [markdown]
# ## Sixteen places
#
# Our models are tiny. Operations' are not, and there is memory for 16 of 72. So the server gets a **budget**: at most 16 models are loaded. A request for one that is not loaded has it loaded and waits, while others are served; and so that there is room, another one has to leave: an **eviction**. Which? The one that nobody has asked for the longest: **least recently used**, LRU.
#
# With two places and the requests A B A C B: A and B have to be loaded, A is there, C is not, and the longest unused is B. Then B is asked for, and missing again. `misses` counts the share of requests that do not find their model:

# %%
from modelserving.fleet import misses

print("A B A C B, two places:", misses("ABACB", 2))
print("with three:", misses("ABACB", 3))

# %% [markdown]
# Now in earnest: `--most-models 16`, and one client that asks in the order of the flights' departures, from a morning in summer on. Sixteen models get more than half of all requests, as you saw. What share of the requests will find its model missing?

# %%
my_guess = None  # 0 to 1

# %%
row = {"name": "input", "datatype": "FP32", "shape": [1, 13], "data": [0.5] * 13}
BODY = json.dumps({"inputs": [row]}).encode()  # which flight it is, is not our concern here
day = mix[180_000:200_000]


def ask(url, requests=day, seconds=2, **how):  # the models of the fleet, in this order
    urls = [f"{url}/v2/models/{name}/infer" for name in requests]
    return load.measure(urls, BODY, seconds=seconds, **({"warm_up": 0} | how))


# %%
def counted(url, name):  # a server's own count, by its label: the model, say
    pattern = rf'^modelserving_{name}{{\w+="(\w+)"}} (\S+)$'
    return {model: float(n) for model, n in re.findall(pattern, urlopen(url + "/metrics").read().decode(), re.M)}


def total(url, name):
    return sum(counted(url, name).values())


# %%
small = serve(fleet, most_models=16)
sixteen = ask(small, clients=1)
asked, loads = total(small, "model_requests_total"), total(small, "model_loads_total")

# %% tags=["nbval-ignore-output"]
gap(my_guess, loads / asked)
print(f"requests {asked:.0f}, loads {loads:.0f}, evictions {total(small, 'model_evictions_total'):.0f}")
print(f"a load takes {1e3 * total(small, 'model_load_seconds_total') / loads:.1f} ms on average")
held = counted(small, "fleet_held")
print(f"held now: {held['models']:.0f} models, by its own estimate {held['bytes'] / 1e6:.1f} MB")

# %%
simulated = misses(day[: len(sixteen.intended)], 16)
print("every request was answered:", sixteen.failed == 0)
print("more than half of them had to wait for a load:", loads / asked > 0.5)
print("`misses` says the same, within 2 points:", abs(simulated - loads / asked) < 0.02)
print("no more than 16 models are held:", 0 < counted(small, "fleet_held")["models"] <= 16)

# %% [markdown]
# The 16 most popular models get more than half of the requests, and 16 places serve less than half of them from memory. Where did the rest go? LRU does not know who is popular. It knows who came last, and after a departure to Des Moines it keeps Des Moines, for an hour in which nobody asks.
#
# First, what does a miss feel like? Here is the latency of that one client, beside that of the same client at the server that has all 72 loaded.

# %%
warm = ask(roomy, clients=1)

# %% tags=["nbval-ignore-output"]
fig, ax = plots.percentile_curves(
    {"all 72 loaded": warm.latency, "16 places": sixteen.latency}, "A cold start is a wait for a load"
)
steps = (np.array([1, 2, 5]) * 10.0 ** np.arange(-5, 1)[:, None]).ravel()
ax.set_yticks([one for one in steps if ax.get_ylim()[0] < one < ax.get_ylim()[1]])
ax.yaxis.set_minor_formatter("")
middle = {name: 1e3 * run.percentile(50) for name, run in (("all loaded", warm), ("16 places", sixteen))}
late = {"all loaded": 1e3 * np.percentile(warm.latency, 95), "16 places": 1e3 * np.percentile(sixteen.latency, 95)}
told = "; ".join(f"{name}: median {middle[name]:.2f} ms, p95 {late[name]:.2f} ms" for name in middle)
plots.show(
    fig, f"Latency by percentile, log scale. {told}. With 16 places the curve climbs early, at the share of hits."
)

# %%
print("the median request, a miss, takes more than twice as long:", sixteen.percentile(50) > 2 * warm.percentile(50))

# %% [markdown]
# Two kinds of requests, hits and misses, and a step between them: where it stands is the share of hits, and how high it is, is the time of a load. A request that meets a model that has to be loaded first has a **cold start**. How long it is depends on the file's size and on the disk or network that it comes from, and on the wait for room and for a thread that loads. Ours are small and near; a model of gigabytes behind a network is another matter, which is not measured here.
#
# Loading is the server's work as well, and takes time from everybody. So a fleet with many misses is not only slow for those who miss; we shall see what that costs.
#
# ## How many places
#
# Would 32 places do? `misses` can tell without a server, for any number of places.

# %%
places = [4, 8, 16, 24, 32, 40, 48, 56, 64, 72]
stretch = mix[150_000:210_000].tolist()
curves = {"in the order of departures": [misses(stretch, count) for count in places]}
shuffled = np.random.default_rng(8).permutation(stretch).tolist()
curves["the same requests, shuffled"] = [misses(shuffled, count) for count in places]

# %%
print(f"{'places':28}", *(f"{count:5}" for count in places))
for name, values in curves.items():
    print(f"{name:28}", *(f"{value:5.2f}" for value in values))

# %% [markdown]
# Shuffled, the same requests miss a little *less*. So the order, the one thing that LRU goes by, is worse than no hint here: cities are served in turn all day, and the one that just had a departure is the less likely one to have the next.
#
# How bad can it be? Let 17 models be asked strictly in turn, A to Q and from the start again, with 16 places. What share misses?

# %%
my_guess = None  # 0 to 1

# %%
in_turn = "ABCDEFGHIJKLMNOPQ" * 100
gap(my_guess, misses(in_turn, 16), "computed")
print("with 17 places:", misses(in_turn, 17))

# %%
print("one place too few, and every single request misses:", misses(in_turn, 16) == 1)
print("with 17, only the first of each does:", misses(in_turn, 17) == 17 / len(in_turn))

# %% [markdown]
# Whoever is needed next has just left. That is LRU's worst case, and it is not rare: a nightly job that goes through all customers in order does it every night. There is a rule behind it. Count, for a request, the **different models that were asked for since its own model was last asked for, that one included**: its **stack distance**. It finds its model exactly if that number is not larger than the number of places. In A B A C B, the second A has distance 2 (B and A), the second B has 3 (A, C and B), and the
# others were never asked for before. So two places serve one of the five from memory, and three serve two, as `misses` said above. The distances of all requests together give the whole curve.
#
# ## Those who never leave
#
# We do know who is popular. A **pinned** model is loaded at the start and never leaves; 15 pinned ones leave one place for all the others, who come and go. The pins are chosen from the first three months, and tried in summer: choosing by the requests that are then counted would be a leak, as in lesson 01. What share will miss now, with the same 16 places?

# %%
my_guess = None  # 0 to 1

# %%
until_march, times = np.unique(mix[:80_000], return_counts=True)
popular = until_march[np.argsort(-times, kind="stable")].tolist()
curves["all places but one pinned"] = [misses(stretch, count, popular[: count - 1]) for count in places]
gap(my_guess, curves["all places but one pinned"][2], "computed")

# %%
fig, ax = plots.figure("Who is popular says more than who came last", "places", "share of requests that miss")
for (name, values), marker in zip(curves.items(), "os^", strict=True):
    ax.plot(places, values, marker=marker, label=name)
ax.set(ylim=(0, 1), xticks=places[1::2]), ax.legend()
plots.percent(ax.yaxis)
told = [f"{name}: {values[2]:.0%}, {values[4]:.0%} and {values[8]:.0%}" for name, values in curves.items()]
plots.show(fig, f"Misses by places. All fall to 0 at 72. At 16, 32 and 64: {'; '.join(told)}.")

# %%
lru, pinned = curves["in the order of departures"], curves["all places but one pinned"]
print("LRU misses more than half with 16 places:", lru[2] > 0.5)
print("with pins it misses less at 8, 16 and 32 places:", all(pinned[i] < lru[i] for i in (1, 2, 4)))
print("and with 16 more than a tenth of all requests less:", lru[2] - pinned[2] > 0.1)

# %% [markdown]
# And who pays for it? Those who are not pinned now share a single place. The server counts by model, so it can tell. We ask a server with these pins the same as the one before. Of the requests for the 36 less popular models, what share will miss?

# %%
my_guess = None  # 0 to 1

# %%
with_pins = serve(fleet, most_models=16, pin=popular[:15])
fifteen = ask(with_pins, clients=1)


def missed(url, models):  # the share of their requests that did not find them loaded
    requests, hits = counted(url, "model_requests_total"), counted(url, "model_hits_total")
    return 1 - sum(hits.get(one, 0) for one in models) / sum(requests.get(one, 0) for one in models)


# %% tags=["nbval-ignore-output"]
groups = {"all": names, "the 36 more popular": by_popularity[:36], "the 36 less popular": by_popularity[36:]}
gap(my_guess, missed(with_pins, by_popularity[36:]))
print("share that misses       LRU   15 pinned")
for name, models in groups.items():
    print(f"{name:21}{missed(small, models):6.2f} {missed(with_pins, models):11.2f}")

# %%
print("on average, pins are better:", missed(with_pins, names) < missed(small, names))
print(
    "for the less popular half, they are not:",
    missed(with_pins, by_popularity[36:]) >= missed(small, by_popularity[36:]),
)

# %% [markdown]
# A better average, paid for by those who are rarely asked for anyway. Whether that is right is not a question of caching. If all 72 were promised the same, the average hides the broken promise; if the fifteen pay for the machine, it is what they pay for. Decide which number you look at before you choose the policy.

# %% [markdown] tags=["question"]
# ### Self-check 2
#
# *Select all that apply.*
#
# A nightly job asks 17 models strictly in turn, and there are 16 places under LRU. What would lower its share of misses?
#
# - **A.** One more place
# - **B.** Pinning 15 of the 17
# - **C.** A disk that is twice as fast
# - **D.** Asking each model for 100 rows in turn, in one request, instead of 100 times one row

# %%
quiz.ask("s2", "")

# %% [markdown]
# ## Twenty at once
#
# A model is not loaded, and twenty clients ask for it at the same moment. A server that thinks of each alone would load it twenty times, for one answer each, at twenty times the memory. How many loads will ours count, and how many will be answered?

# %%
my_guess = None  # loads

# %%
import threading


def not_loaded(url):
    return sorted(set(names) - set(counted(url, "model_loaded_bytes")))[0]


def once(url, name, replies):
    with urlopen(f"{url}/v2/models/{name}/infer", BODY) as reply:
        replies.append(json.loads(reply.read())["model_name"])


# %%
cold, together, replies = not_loaded(small), threading.Barrier(20), []
was = {name: counted(small, f"model_{name}_total").get(cold, 0) for name in ("requests", "hits", "loads")}


def ask_at_once():
    together.wait()  # until all twenty are here
    once(small, cold, replies)


# %%
crowd = [threading.Thread(target=ask_at_once) for _ in range(20)]
for one in crowd:
    one.start()
for one in crowd:
    one.join()
new = {name: int(counted(small, f"model_{name}_total")[cold] - before) for name, before in was.items()}

# %% tags=["nbval-ignore-output"]
gap(my_guess, new["loads"])
print(f"{new['requests']} asked; {new['requests'] - new['hits']} of them came before it was loaded, and waited")

# %%
print("all twenty were answered, and by the model they asked:", replies == [cold] * 20)
print("the model was loaded once:", new["loads"] == 1)

# %% [markdown]
# The first one begins the load; whoever comes before it is there, waits for that very load; who comes later finds the model. That is one of four promises that a fleet has to keep, and each is easily broken by code that looks right:
#
# - **once**: however many wait for a model, it is loaded once;
# - **never above the budget**: room is reserved *before* a load begins, and given back when the last who uses the model is through; loading, serving and leaving models all count;
# - **the right model**: whoever asked for Boston is answered by Boston, even when it is evicted meanwhile;
# - **given back**: a load that fails returns what it reserved, or the budget shrinks with each broken file until nothing fits.
#
# And if nothing may leave? Here is a server with a single place, which is pinned:

# %%
from urllib.error import HTTPError

full = serve(fleet, most_models=1, pin=[names[0]])
try:
    once(full, names[1], [])
except HTTPError as refused:
    print("status", refused.code, "and Retry-After", refused.headers["Retry-After"])
    print("the sentence names the one that stays:", names[0] in json.loads(refused.read())["error"])

# %% [markdown]
# Not now, as in lesson 05, and no time to come back at: as long as the pin stays there will never be room, so it is told at once. Where models are only in use for the moment, a request waits for room, ten seconds if not told otherwise, and is then refused with a time. (That is not shown here.)

# %% [markdown] tags=["question"]
# ### Self-check 3
#
# *Pick one.*
#
# Somebody's server loads a model first and then checks whether the budget still holds, evicting if it does not. What goes wrong?
#
# - **A.** Nothing, since afterwards the budget holds again
# - **B.** With several loads at once it holds several models too many, and may run out of memory
# - **C.** Models are loaded twice
# - **D.** The model used least recently is not the one that leaves

# %%
quiz.ask("s3", "")

# %% [markdown]
# ## One core, four tenants
#
# Now the next room: one accelerator, and four teams. A **tenant** is a model and those who ask it. In most laptops there is no accelerator, nor was there one in the machine that made the outputs you see. So first a core of *this* machine's processor plays the part. The tenants are real processes that run a real network; all are pinned to one core, and the
# operating system gives each a slice of time in turn. That is also what a GPU's driver does by default when several processes use one GPU: **time slicing**.
#
# (Where a system does not pin processes, as macOS, a core is simulated from a recording. Two cells on, the output says which of the two it is.)

# %%
from modelserving import one_core, sharing
from modelserving.one_core import Work
from modelserving.sharing import Closed, Exclusive, InTurn, Partitions, Streams, Tenant, TimeSlices, simulate

recording = sharing.load_recording()
core = sharing.calibrate(recording)
alone = {run["tenants"][0]["rows"]: run["seconds_each"] for run in recording["runs"] if run["how"] == "alone"}
one_core_here = hasattr(psutil.Process(), "cpu_affinity")

# %%
SECONDS, ROWS = 1.5, 256
if one_core_here:  # s of a request; the quickest tenth, since whatever else runs makes it slower
    usual = np.percentile(one_core.measure([Work("usual", ROWS)], seconds=0.5).latency["usual"], 10)
else:
    usual = alone[1024] * ROWS / 1024

# %% tags=["nbval-ignore-output"]
print("measured on a core of this machine" if one_core_here else f"simulated, as recorded on {recording['date']}")
print(f"a request of {ROWS} rows takes {1e3 * usual:.2f} ms alone")


# %%
def share(works, how="processes", seconds=SECONDS):
    if one_core_here:
        return one_core.measure(works, how=how, seconds=seconds)
    ways = {"processes": TimeSlices(), "one process": InTurn(), "halves": Exclusive()}
    tenants = [Tenant(work.name, usual * work.rows / ROWS, arrivals=work.arrivals) for work in works]
    return simulate(core, ways[how], tenants, seconds)


def team(number, used=1 / 8):  # requests at random, that use so much of the core
    return Work(f"team {number}", ROWS, load.poisson(used / usual, SECONDS, seed=number))


def median_of(*latencies):  # ms
    return 1e3 * np.median(np.concatenate(latencies))


# %% [markdown]
# Each team uses about an eighth of the core. Alone, and then all four together. How many times as long will the median request take?

# %%
my_guess = None  # times, for example 4

# %%
teams = [team(number) for number in range(4)]
one_team = share(teams[:1])
together = {"four, a process each": share(teams), "four in one process": share(teams, "one process")}

# %% tags=["nbval-ignore-output"]
four = together["four, a process each"]
times_longer = median_of(*four.latency.values()) / median_of(*one_team.latency.values())
gap(my_guess, times_longer)
print("                       core used   answers/s   median ms")
for name, outcome in {"one team alone": one_team, **together}.items():
    rate, middle = sum(outcome.throughput.values()), median_of(*outcome.latency.values())
    print(f"{name:22}{outcome.utilisation:10.0%} {rate:11.0f} {middle:11.1f}")

# %%
more = sum(four.throughput.values()) / sum(one_team.throughput.values())
print("four share it, and it does more than 1.5 times the work of one:", more > 1.5)

# %% [markdown]
# Four devices, each idle seven eighths of the time, became one that is busy about half of it. The four still get all the answers they want, each somewhat later. Whether they are four processes or one makes little difference, as long as their requests are alike. That is the whole saving of **sharing an accelerator**: it makes nothing faster, it makes what is paid for be used. And how much later is lesson 05's curve: latency grows with one over what is left free.
#
# What if they are not idle? Let each of the four ask again as soon as it has its answer, with four times as many rows, so that a request is longer than a slice of time:

# %%
always, takes = [Work(f"team {number}", 4 * ROWS, Closed(1)) for number in range(4)], 4 * usual
greedy = share(always, seconds=1)

# %% tags=["nbval-ignore-output"]
print(f"one alone: {1 / takes:.0f} answers/s; four:", *(f"{rate:.0f}" for rate in greedy.throughput.values()))
print(f"and the median takes {median_of(*greedy.latency.values()) / (1e3 * takes):.1f} times as long as alone")

# %%
in_all = {run["what"]: sum(run["throughput"].values()) for run in recording["runs"]}
gained = in_all["4 tenants, processes"] / in_all["1 tenants, processes"]
print("each got less than half of what one alone could get:", max(greedy.throughput.values()) < 0.5 / takes)
print("recorded, on a quiet machine: four got less in all than 1.2 times one's:", gained < 1.2)

# %% [markdown]
# A busy device has nothing to share out. (The last check is of a recording: on a machine where other things run, a core's answers a second move too much to be checked.) Look at the utilisation before you put tenants together, and at the hour in which they are busy: four teams that all work at nine in the morning are not idle together.
#
# ## A noisy neighbour
#
# Tenants are not alike. The *quiet* one asks now and then, and somebody waits for the answer. The *noisy* one sends batches of 32 times as many rows, one after the other, all day. Three ways to seat both: a process each on one core; **one process** that serves both models, each request to its end, as our server does; and **partitions**: each has a core to itself (of a GPU, a fixed part of it). With one process for both, how
# many times as long as alone will the quiet one's median request take?

# %%
my_guess = None  # times

# %%
quiet = Work("quiet", ROWS, teams[0].arrivals)  # that one, alone, we have measured
noisy = Work("noisy", 32 * ROWS, Closed(1))
seats = {how: share([quiet, noisy], how) for how in ("one process", "processes")}
if not one_core_here or len(one_core.pinnable()) > 1:
    seats["halves"] = share([quiet, noisy], "halves")

# %% tags=["nbval-ignore-output"]
median = {name: median_of(outcome.latency["quiet"]) for name, outcome in seats.items()}
lonely = median_of(one_team.latency["team 0"])
gap(my_guess, median["one process"] / lonely)
print(f"alone                     quiet: median {lonely:6.1f} ms")
names_of = {"one process": "one process for both", "processes": "a process each", "halves": "a core each"}
for name, outcome in seats.items():
    rows = 32 * ROWS * outcome.throughput["noisy"]
    print(f"{names_of[name]:25} quiet: median {median[name]:6.1f} ms   noisy: {rows:8,.0f} rows/s")

# %%
print("in one process the quiet one takes more than twice as long as alone:", median["one process"] > 2 * lonely)
beside = {run["what"].split(", ")[-1]: run["latency_ms"] for run in recording["runs"] if "noisy" in run["what"]}
then = {how: latency["quiet"]["p50"] for how, latency in beside.items()}
print("recorded: with a process each, less than half of that:", then["processes"] < then["one process"] / 2)
print("recorded: with a core each, less than a quarter:", then["halves"] < then["one process"] / 4)

# %% [markdown]
# In one process the quiet request waits for a batch to end, half of one on average: whoever runs, runs to the end. With a process each, the system takes the core away in the middle of a batch, so nobody waits for a whole one; and Linux lets whoever has slept go first. A core of its own does not depend on such kindness, and has a price: it stands idle most of the time, and the noisy one cannot have it. **Isolation** is paid for with utilisation. (It may not even be complete: on
# many hired machines two cores are the two threads of one, and feel each other; and whatever else runs here now, this notebook included, has to run beside one of the two. That is why the last two checks are of a recording of an idle machine.)
#
# (What else helps in one process: let the noisy one send smaller requests. Or take requests in a fair order, each tenant getting a share of the time instead of a share of the requests. It is an exercise.)

# %% [markdown] tags=["question"]
# ### Self-check 4
#
# *Select all that apply.*
#
# A quiet and a noisy tenant share one core. What follows from your measurements?
#
# - **A.** In one process, the quiet one's wait depends on how long the noisy one's single requests are
# - **B.** The same noisy work, sent as requests of fewer rows, would hurt the quiet one less in one process
# - **C.** Sharing makes a tenant's requests faster, since the core is better used
# - **D.** A core for each protects the quiet one and costs nothing

# %%
quiz.ask("s4", "")

# %% [markdown]
# ## A device that is simulated
#
# A core is no GPU: it cannot run two models side by side. To see more ways of sharing we **simulate**: requests, queues and slices are followed in virtual time, and what the device does is arithmetic with a few numbers. Whoever shows a simulation owes three things: what it assumes, where the numbers come from, and whether it ever agreed with a measurement. Here is all of it:

# %% tags=["nbval-ignore-output"]
print(*core.assumptions(), sep="\n- ")
print("\nrecorded:", recording["date"], "by", recording["script"], "on", recording["machine"]["cores"], "cores;")
print("rounds", recording["rounds"], "and load of the machine before", recording["machine"]["load_before"])

# %% [markdown]
# This device is *calibrated*: its numbers were taken from a recording of real processes on one core. Does it know what happened there? Each recorded run is simulated: one to eight tenants that never rest, and a quiet one beside a noisy one. From a request's time alone and the numbers above, by which factor will the simulated median of the first tenant be off, in the worst case?

# %%
my_guess = None  # for example 1.5

# %%
ways = {"one process": InTurn(), "processes": TimeSlices()}


def medians(run):  # of the first tenant, recorded and simulated, ms
    tenants = [Tenant(t["name"], alone[t["rows"]], arrivals=Closed(t["clients"], t["think"])) for t in run["tenants"]]
    first = tenants[0].name
    again = simulate(core, ways[run["how"]], tenants, 20).latency[first]
    return run["latency_ms"][first]["p50"], median_of(again)


pairs = {run["what"]: medians(run) for run in recording["runs"] if run["how"] in ways and len(run["tenants"]) > 1}
off = {what: max(said / was, was / said) for what, (was, said) in pairs.items()}

# %%
gap(my_guess, max(off.values()), "computed")
fig, ax = plots.figure("Does the simulation know?", "recorded median, ms", "simulated median, ms")
for how, marker, colour in (("one process", "o", plots.BLUE), ("processes", "s", plots.RUST)):
    points = np.array([values for what, values in pairs.items() if what.endswith(how)])
    ax.plot(*points.T, marker, color=colour, linestyle="none", label=how)
ax.axline((1, 1), slope=1, color=plots.GREY, linewidth=1)
astray = max(off, key=off.get)
ax.annotate(astray, pairs[astray], (0, 8), textcoords="offset points", ha="center")
ax.set(xscale="log", yscale="log", xlim=(0.1, 150), ylim=(0.1, 150)), ax.legend(loc="lower right")
told = "; ".join(f"{what} {was:.1f} and {said:.1f} ms" for what, (was, said) in pairs.items())
plots.show(fig, f"Recorded and simulated medians, log scales; all but one lie near the diagonal. {told}.")

# %%
busy_ones = [factor for what, factor in off.items() if "noisy" not in what]
print("tenants that never rest: never off by more than a factor of 1.5:", max(busy_ones) < 1.5)
print("a noisy neighbour in one process: by no more than 2:", off["a noisy neighbour, one process"] < 2)
was, said = pairs["a noisy neighbour, processes"]
print("with a process each, the quiet one fared better than simulated:", was < said)

# %% [markdown]
# It tells well what busy tenants do to each other, and what waiting for a batch to end costs. Once it is wrong, and the reason is instructive: it deals slices strictly in turn, and Linux does not. Whoever has slept goes before whoever has computed, so the quiet one was let in at once. A simulation knows what it was told. For the GPU of the next section there is nothing to compare with, so take from it who is better than whom and why, and no milliseconds.
#
# ## Slices, streams, partitions
#
# From here on the device is a GPU, and **no GPU was measured**. These are the assumptions:

# %%
print(*sharing.GPU.assumptions(), sep="\n- ")

# %% [markdown]
# Four models, 5 ms a request, each of which can use 40 % of the device. (A model on its own rarely fills a GPU; that is why anybody shares one.) First: all four always busy. How many times as many requests a second as one model alone will **streams** give, where requests of several models run side by side?

# %%
my_guess = None  # times

# %%
GB = 10**9
WAYS = {"a device each": Exclusive(), "one process": InTurn(), "time slices": TimeSlices()}
WAYS |= {"streams": Streams(), "partitions": Partitions()}


def four_models(arrivals, memory=4 * GB):
    return [Tenant(f"model {i}", 0.005, width=0.4, memory=memory, arrivals=arrivals(i)) for i in range(4)]


one_busy = simulate(sharing.GPU, Exclusive(), four_models(lambda i: Closed(2))[:1], 3)
busy = {name: simulate(sharing.GPU, way, four_models(lambda i: Closed(2)), 3) for name, way in WAYS.items()}
capacity = {name: sum(outcome.throughput.values()) for name, outcome in busy.items()}

# %%
gap(my_guess, capacity["streams"] / sum(one_busy.throughput.values()), "simulated")
print("                 devices   requests/s   device used")
for name, outcome in busy.items():
    print(f"{name:16} {outcome.devices:7} {capacity[name]:12.0f} {outcome.utilisation:13.0%}")

# %%
print("slices give no more than one model alone:", capacity["time slices"] <= sum(one_busy.throughput.values()))
filled = [capacity["streams"], capacity["partitions"]]
print("streams and partitions more than 1.5 times as much:", min(filled) > 1.5 * sum(one_busy.throughput.values()))
print("and less than four devices:", max(filled) < capacity["a device each"])

# %% [markdown]
# A slice gives a tenant the whole device, whether it can use it or not, so slices of four models that use 40 % leave 60 % idle. Streams (on NVIDIA's devices also **MPS**, for several processes) and partitions (**MIG**) fill it. Which of these protects the quiet from the noisy? The quiet model with 5 ms, 20 requests a second; the noisy one with 40 ms, four clients that never rest, as wide as the device. How many
# times as long as alone will the quiet one's p95 be with time slices?

# %%
my_guess = None  # times

# %%
meek = Tenant("quiet", 0.005, width=0.4, arrivals=load.poisson(20, 60, seed=3))
loud = Tenant("noisy", 0.040, width=1.0, arrivals=Closed(4))
beside = {name: simulate(sharing.GPU, way, [meek, loud], 60) for name, way in WAYS.items()}
p95 = {name: 1e3 * outcome.percentile("quiet", 95) for name, outcome in beside.items()}
gap(my_guess, p95["time slices"] / p95["a device each"], "simulated")

# %%
fig, (left, right) = plots.figure("A quiet tenant beside a noisy one, simulated", columns=2, size=(8.5, 3.2))
noisy_rate = {name: outcome.throughput["noisy"] for name, outcome in beside.items()}
for ax, values, label in ((left, p95, "quiet: p95, ms"), (right, noisy_rate, "noisy: requests/s")):
    ax.barh(list(values), list(values.values()), color=plots.BLUE, height=0.55)
    for place, value in enumerate(values.values()):
        ax.annotate(f"{value:.3g}", (value, place), (4, 0), textcoords="offset points", va="center")
    ax.set(xlabel=label, xlim=(0, 1.18 * max(values.values()))), ax.invert_yaxis(), ax.grid(visible=False, axis="y")
right.set_yticklabels([])
told = "; ".join(f"{name}: quiet {p95[name]:.0f} ms, noisy {noisy_rate[name]:.1f}/s" for name in WAYS)
plots.show(fig, f"Bars by way of sharing, simulated. The quiet tenant's p95 and the noisy one's rate. {told}.")

# %%
print("one process is the worst for the quiet one:", max(p95, key=p95.get) == "one process")
print("partitions protect it as a device of its own does, within 1 %:", p95["partitions"] < 1.01 * p95["a device each"])
print(
    "and cost the noisy one more than a third of its rate:",
    noisy_rate["partitions"] < 2 / 3 * noisy_rate["a device each"],
)

# %% [markdown]
# No way wins. Partitions protect best, and take from the noisy one what the quiet one leaves idle. Streams lose little on either side, as long as what runs side by side does not need the same caches and memory: that is the number in the assumptions that nobody measured. Slices bound the harm.
#
# Memory is shared in another way than time: it cannot be lent. Four models of 7 GB each, and a device of 24 GB:

# %%
large = four_models(lambda i: Closed(1), memory=7 * GB)
for name in ("streams", "partitions"):
    outcome = simulate(sharing.GPU, WAYS[name], large, 1)
    print(f"{name}: {sum(not count for count in outcome.refused.values())} of 4 models have room")

# %% [markdown]
# A partition cuts memory along with the rest: 24 GB in four are 6 GB each, too little for any. With streams three fit, and the fourth is refused. What would serve all four is what the first half of this lesson was about: a budget, and cold starts.
#
# ## What a thousand cost
#
# Now the bill. A machine costs so much an hour. What it can do in that hour is a **capacity**, and capacity is measured: by lesson 04's load generator, where failures never count. We start with the fleet: three servers, eight clients that never rest.

# %%
from modelserving import cost

fleets = {"all 72 loaded": roomy, "16 places": small, "16, 15 pinned": with_pins}
tried = {name: ask(url, clients=8, seconds=1.5, warm_up=0.3) for name, url in fleets.items()}
rows_a_second = {name: cost.capacity(result) for name, result in tried.items()}

# %% tags=["nbval-ignore-output"]
for name, result in tried.items():
    print(f"{name:14} {rows_a_second[name]:7,.0f} predictions/s, median {1e3 * result.percentile(50):6.2f} ms")

# %% [markdown]
# And prices. A **price sheet** comes with the library: what machines cost by the hour, each with a date and the address it was copied from (a project that generates its table from the provider's price list). Prices change; `prices("my_sheet.toml")` reads yours.

# %%
sheet = cost.prices()
for name in ("c7g.large", "c7i.large", "e2-standard-2", "c7i.xlarge", "n2-standard-4", "g6.xlarge"):
    print(sheet[name])
print("each with the address it was copied from, for example", sheet["c7i.large"].source.split("@")[0][:60] + "…")

# %% [markdown]
# We pretend that the `c7i.large` is as quick as the machine under your hands, and that the server has it to itself. (In earnest you would run this very test there.) At the capacity of the server with all 72 loaded: how many predictions does one dollar buy?

# %%
my_guess = None  # millions

# %%
small_machine = sheet["c7i.large"]
per_thousand = {name: cost.per_thousand(small_machine.per_hour, rate) for name, rate in rows_a_second.items()}

# %% tags=["nbval-ignore-output"]
gap(my_guess, 1e-3 / per_thousand["all 72 loaded"], "computed")
for name, money in per_thousand.items():
    print(f"{name:14} {1e6 * money:8.1f} millionths of a dollar for a thousand predictions, at full load")

# %%
print(
    "loads take from everybody, a thousand cost more than twice as much:",
    per_thousand["16 places"] > 2 * per_thousand["all 72 loaded"],
)

# %% [markdown]
# Millions of predictions for a dollar: then why is there a bill at all? And mark the second line. With 16 places the same machine makes fewer predictions, since it loads models meanwhile; so for models as small as ours, a budget costs money and saves none. It pays where memory is what fills a machine:

# %%
roomiest = sheet["n2-standard-4"]
print(f"machines of {roomiest.memory_gib:g} GiB:   72 places   16 places   saved a month")
for size in (0.01, 0.1, 1.0, 4.0):  # GiB a model takes
    on_each = int((roomiest.memory_gib - 2) / size)  # whole models; 2 GiB are for the rest
    machines = [-(-places // on_each) for places in (72, 16)]
    saved = (machines[0] - machines[1]) * roomiest.per_hour * cost.HOURS
    print(f"a model of {size:5.2f} GiB {machines[0]:12} {machines[1]:11} {saved:12,.0f} {roomiest.currency}")

# %% [markdown]
# ## Paid for, and idle
#
# The price above assumes that the machine is busy every second. Whose is? Flights leave New York from five in the morning to eleven at night, and more of them before holidays. Say the requests follow the departures, and a server is run at 65 % at most, in the busiest hour of the year. Which share of the capacity that is paid for will be used, over the whole year?

# %%
my_guess = None  # 0 to 1

# %%
hours = datasets.scheduled_departure(datasets.flights()).astype("datetime64[h]")
an_hour = np.bincount((hours - hours.min()).astype(int), minlength=8760)
used = 0.65 * an_hour.mean() / an_hour.max()
gap(my_guess, used, "computed")
print(f"a thousand predictions cost {1 / used:.1f} times what they cost at full load")

# %%
fig, ax = plots.figure("Paid around the clock", "hour of the day", "departures an hour")
by_hour = np.roll(an_hour, int(hours.min().astype(int) % 24)).reshape(-1, 24)
mean, most, paid = by_hour.mean(axis=0), by_hour.max(axis=0), an_hour.max() / 0.65
ax.fill_between(range(24), mean, step="mid", color="#D5D5D5")
for values, text, hour in ((most, "most", 7.6), (mean, "mean", 11)):
    ax.plot(range(24), values, drawstyle="steps-mid")
    ax.annotate(text, (hour, values[round(hour)]), (0, 4 if text == "most" else -14), textcoords="offset points")
ax.axhline(paid, color=plots.GREY, linewidth=1)
ax.annotate("paid for", (0, paid), (0, 4), textcoords="offset points", color=plots.GREY)
ax.set(xlim=(0, 23.5), ylim=(0, 1.15 * paid), xticks=range(0, 24, 4))
told = [f"at {hour}: mean {mean[hour]:.0f}, most {most[hour]}" for hour in (3, 8, 11, 17)]
plots.show(fig, f"Departures by hour of the day, two lines. {'; '.join(told)}. Paid for: {paid:.0f}, day and night.")

# %% [markdown]
# **Utilisation** divides the price. And it gets worse, for a machine can only be paid as a whole. Here are two ways to serve the 72 models, at rates from one request in ten seconds to ten thousand a second: a machine for each model, which is what you get where every model has an endpoint of its own; and one machine for all, or as many as the rate needs. A `Plan` holds what it takes:

# %%
SIZES = [sheet[name] for name in ("c7i.large", "c7i.xlarge", "c7i.2xlarge")]  # one processor, more and more of it
one_does, slow = rows_a_second["all 72 loaded"], np.percentile(tried["all 72 loaded"].latency, 99)


def smallest(memory):  # bytes; the smallest machine that holds them, with 1 GiB for the system
    return next(one for one in SIZES if one.memory_gib - 1 >= memory / 2**30)


def plan(name, memory):  # at 65 % of what was measured
    return cost.Plan(name, smallest(memory), "fleet", one_does, slow, 0.65, memory / 2**30)


# %% [markdown]
# At 50 requests a second for all 72 together: what is a month's bill with a machine each, in dollars?

# %%
my_guess = None  # dollars a month

# %%
each, shared = plan("a machine each", np.mean(one_model)), plan("one machine", all_models)
steps = np.geomspace(0.1, 1e4, 100)
lines = {"a machine each": [1e3 * each.per_thousand(rate, 72) for rate in steps]}
lines["as few as it takes"] = [1e3 * shared.per_thousand(rate) for rate in steps]
floor = 1e3 * cost.per_thousand(shared.instance.per_hour, one_does, 0.65)

# %% tags=["nbval-ignore-output"]
gap(my_guess, each.per_month(50, 72), "computed")
print(f"one machine for all: {shared.per_month(50):.2f} {shared.instance.currency} a month")
fig, ax = plots.figure("What a thousand cost", "requests a second, all models together", "thousandths of a dollar")
for name, values in lines.items():
    ax.plot(steps, values, label=name)
ax.plot([0.1, 1e4], [floor, floor], color=plots.GREY, linewidth=1)
ax.annotate("never idle, at 65 %", (0.12, floor), (0, -13), textcoords="offset points", color=plots.GREY)
ax.set(xscale="log", yscale="log", xlim=(0.1, 5e5), ylim=(floor / 4, None), xticks=10.0 ** np.arange(-1, 5))
plots.label_lines(ax)
told = "; ".join(f"{name} from {values[0]:.3g} to {values[-1]:.2g}" for name, values in lines.items())
plots.show(fig, f"Cost per thousand, thousandths of a dollar, by rate, log scales. {told}; at the least {floor:.2g}.")

# %%
print("72 machines cost 72 times as much, as long as one is enough:", each.per_month(5, 72) == 72 * shared.per_month(5))
print("half the traffic, twice the price:", abs(shared.per_thousand(5) / shared.per_thousand(10) - 2) < 0.01)
at_most = 1e3 * each.per_thousand(100 * one_does, 72)
print("with traffic for a hundred machines, a machine each costs about the least:", at_most < 1.1 * floor)

# %% [markdown]
# As long as one machine is enough, the bill is constant, and the fewer predictions there are, the more a thousand of them cost. That is why sharing pays: 72 trickles make one stream. Where each of the 72 is a stream, there is nothing left to share.
#
# And is it one server for all on that machine, or a process each? That is a question of memory. Here is what a month costs, by the number of models, with what was measured in *A process for each*:

# %% tags=["nbval-ignore-output"]
slope = (all_models - np.mean(one_model)) / 71  # bytes that one more model takes in one server
print("models   a process each             one server")
for count in (72, 150, 300):
    taken = count * np.mean(one_model), np.mean(one_model) + (count - 1) * slope
    sized = [(memory / 2**30, smallest(memory)) for memory in taken]
    told = (f"{gib:5.2f} GiB: {one.per_hour * cost.HOURS:6.2f} {one.currency}" for gib, one in sized)
    print(f"{count:6}", *told, sep="   ")

# %% [markdown]
# With 72 small models both fit into the smallest machine, and the one server saves nothing but room for more: its memory pays once there are hundreds of models, or large ones. The machine is what they had to share.
#
# How many replicas does a stream need? Two ways to count, and both are lesson 05's. By capacity: rate over what one can do at the utilisation you allow, rounded up. By **Little's law**: rate times latency is how many requests are under way; where a replica works on one at a time, so many are busy on average. A large model of 250 ms, 30 requests a second:

# %%
busy_replicas = cost.in_flight(rate=30, latency=0.250)
print("under way at a time, on average:", busy_replicas)
print("replicas at 65 %:", cost.instances_needed(rate=30, capacity=1 / 0.250, utilisation=0.65))

# %% [markdown] tags=["question"]
# ### Self-check 5
#
# *Pick one.*
#
# A machine for 0.09 dollars an hour could make 5,000 predictions a second and makes 50, all day. What do a thousand predictions cost, compared with full load?
#
# - **A.** The same: the price of a prediction is the price of its processor time
# - **B.** A hundred times as much
# - **C.** A hundredth, since only 1 % is used
# - **D.** That depends on the p99

# %%
quiz.ask("s5", "")

# %% [markdown]
# ## A stress test saves nothing
#
# Finance has heard that a stress test "balances cost". Here is a service of 2,000 requests a second. Nobody knew what a machine can do, so somebody reckoned with 100 a second, to be safe, and hired accordingly. Now it is tested: the load is raised until a promise breaks, here a p99 of 50 ms, or until the client cannot keep up; the report says which. How many of the hired machines does the test save?

# %%
my_guess = None  # machines

# %%
promise, RATE = cost.SLO(p99=0.050), 2_000


def pressed(rate):
    return ask(roomy, rate=rate, seconds=1.5, warm_up=0.3, timeout=0.5)


def bill(machines):
    return machines * small_machine.per_hour * cost.HOURS


hired = cost.instances_needed(RATE, capacity=100, utilisation=0.65)

# %%
try:
    test = cost.stress_test(pressed, [part * one_does for part in (0.3, 0.6, 0.9, 1.4)], promise)
    bore = test.capacity
    told = f"It bore {bore:,.0f} requests/s at a p99 of {1e3 * test.latency:.1f} ms. {test.ended}"
except ValueError as busy:  # what else runs here took the client's time
    bore, told = one_does, f"No test was possible now; so with the capacity measured above. {busy}"
needed = cost.instances_needed(RATE, bore, 0.65)

# %% tags=["nbval-ignore-output"]
print(told)
print(f"machines before the test  {hired:3}: {bill(hired):8,.2f} {small_machine.currency} a month")
print(f"machines after it         {hired:3}: {bill(hired):8,.2f}, for nobody has given one back")
print(f"when somebody has         {needed:3}: {bill(needed):8,.2f}, by a decision made with what it found")
gap(my_guess, 0, "by itself")

# %%
print("fewer machines than were hired would do:", needed < hired)

# %% [markdown]
# It finds **capacity**, and finding makes nothing cheaper. The money is saved by what somebody then does: give machines back, choose another plan, serve with an optimised model. It could as well have found that there are too few. And while it ran, whoever else asked this server had its latency.
#
# ## Good enough, and then as cheap as can be had
#
# Back to the accelerator; a device is priced as a `g6.xlarge`. (That holds an L4, of 24 GB like the simulated one. An L4 cannot be cut in partitions; an A30 can, and is not in the sheet. So take it as a price for the example.) The four teams of 5 ms a request have 15 requests a second each, which is little. Each with a device of its own pays for four devices. What do they lose if all move to one, with time slices: how many times as long is the p99 then?

# %%
my_guess = None  # times

# %%
gpu = sheet["g6.xlarge"]


def loaded_with(way, rate, seconds=60):  # so many requests a second, spread over the four models
    tenants = four_models(lambda i: load.poisson(rate / 4, seconds, seed=i))
    outcome = simulate(sharing.GPU, WAYS[way], tenants, seconds)
    return outcome.devices, load.percentile(np.concatenate(list(outcome.latency.values())), 99)


calm = {way: loaded_with(way, 60) for way in WAYS}
gap(my_guess, calm["time slices"][1] / calm["a device each"][1], "simulated")
print("simulated            devices   p99 ms   a thousand cost")
for way, (devices, p99) in calm.items():
    money = 1e3 * cost.per_thousand(devices * gpu.per_hour, 60)
    print(f"{way:20} {devices:7} {1e3 * p99:8.1f} {money:12.2f} thousandths of a {gpu.currency}")

# %%
print("a quarter of the price, for less than 3 times the p99:", calm["time slices"][1] < 3 * calm["a device each"][1])


# %% [markdown]
# With little traffic any way of sharing saves whole devices. With much traffic there are no idle devices to save: four full ones stay four. What can still be filled is the 60 % of a device that a narrow model leaves idle, and how far a device may be filled depends on what was promised. Lesson 07 told two kinds of metrics apart: latency here has a bound
# that has to be kept, and cost is then pushed as low as it goes.
#
# So: 10,000 requests a second in all. Each way of sharing is loaded with 20 to 95 % of the capacity that it showed above, and tells its p99. Each becomes a plan: so many devices, such a latency, so much money.

# %%
def plan_of(way, share):
    devices, p99 = loaded_with(way, share * capacity[way], seconds=30)
    return cost.Plan(f"{way} at {share:.0%}", gpu, way, capacity[way] / devices, p99, share)


shares = (0.2, 0.35, 0.5, 0.65, 0.8, 0.95)
choices = {way: [plan_of(way, share) for share in shares] for way in WAYS}
everything = [one for curve in choices.values() for one in curve]

# %% [markdown]
# A promise of 20 ms at p99: which of the five ways will be the cheapest that keeps it? And if the promise is 120 ms?

# %%
my_answer = None  # for example "time slices"
my_other_answer = None

# %%
PROMISES, MANY = (0.008, 0.020, 0.120), 10_000
best = {p99: cost.cheapest(everything, cost.SLO(p99=p99), MANY) for p99 in PROMISES}
print(f"you said: {my_answer} for 20 ms, {my_other_answer} for 120 ms")
for p99, choice in best.items():
    winner = choice.plan.name if choice.plan else "none of them"
    money = f"{1e3 * choice.per_thousand:.2f} thousandths of a {gpu.currency} for a thousand" * bool(choice.plan)
    print(f"{1e3 * p99:3.0f} ms: {winner:17} {money}")

# %%
for name in ("a device each at 35%", "a device each at 65%", "partitions at 35%", "streams at 35%"):
    print(f"20 ms, why not {name}? {'; '.join(best[0.020].reasons[name])}")

# %%
title = "A promise has a price (simulated device)"
fig, ax = plots.figure(title, "p99 of the latency", "thousandths of a dollar per thousand")
for (way, curve), marker in zip(choices.items(), "os^DX", strict=True):
    slow, dear = [one.latency for one in curve], [1e3 * one.per_thousand(MANY) for one in curve]
    ax.plot(slow, dear, marker=marker, label=way)
for p99 in PROMISES[1:]:
    ax.axvline(p99, color=plots.GREY, linewidth=1, linestyle=":")
ax.set(xscale="log", yscale="log", xlim=(0.008, 1.5), xticks=[0.01, 0.1, 1], yticks=[0.5, 1, 2, 4])
plots.seconds(ax.xaxis), ax.yaxis.set_major_formatter("{x:g}"), ax.yaxis.set_minor_formatter(""), plots.label_lines(ax)
ends = {way: [f"{1e3 * one.latency:.0f} ms" for one in (curve[0], curve[-1])] for way, curve in choices.items()}
told = "; ".join(f"{way} from {' to '.join(pair)}" for way, pair in ends.items())
plots.show(fig, f"Cost per thousand against p99, log scales, simulated. Each curve falls to the right. {told}.")

# %%
strict, loose = best[0.020], best[0.120]
print("no plan keeps 8 ms:", best[0.008].plan is None)
print("the looser promise is cheaper:", loose.per_month < strict.per_month)
dearer = cost.cheapest(choices["a device each"], cost.SLO(p99=0.120), MANY).per_month / loose.per_month
print("for 120 ms, a device each costs more than 1.5 times as much:", dearer > 1.5)

# %% [markdown]
# Read it from the left. A strict promise can be kept by few ways, and at a price; the further right you may go, the more there are, and the cheaper they get. Sharing is worth it **where latency may give a little**, and how little you read off the axis.
#
# How sure is that? One number behind it was chosen freely: by how much streams that overlap are in each other's way. So change it, and see what is left of the conclusions.

# %%
from dataclasses import replace


def streams_with(overlap):  # plans for streams, if neighbours cost so much
    device = replace(sharing.GPU, overlap=overlap)
    limit = sum(simulate(device, Streams(), four_models(lambda i: Closed(2)), 3).throughput.values())
    for part in shares:
        coming = four_models(lambda i, rate=part * limit / 4: load.poisson(rate, 30, seed=i))
        latencies = np.concatenate(list(simulate(device, Streams(), coming, 30).latency.values()))
        p99 = float(np.percentile(latencies, 99))
        yield cost.Plan(f"streams at {part:.0%}", gpu, "streams", limit, p99, part)


# %%
others = [one for one in everything if one.strategy != "streams"]
winners = {}
for overlap in (0.0, 0.1, 0.3):
    field = [*others, *streams_with(overlap)]
    winners[overlap] = [cost.cheapest(field, cost.SLO(p99=p99), MANY).plan for p99 in PROMISES[1:]]
    told = (f"{p99:.3f} s: {one.name}" for p99, one in zip(PROMISES[1:], winners[overlap], strict=True))
    print(f"overlap costs {overlap:4.0%}   ", "   ".join(told))

# %%
won = {one.strategy for pair in winners.values() for one in pair}
print("for all three, streams or partitions win:", won <= {"streams", "partitions"})
print("and never a device each, one process or time slices:", not won & {"a device each", "one process", "time slices"})
cheaper = [pair[1].per_thousand(MANY) < pair[0].per_thousand(MANY) for pair in winners.values()]
print("and the looser promise is always the cheaper one:", all(cheaper))

# %% [markdown]
# So two conclusions stand for all three: what fills the device beats what does not, and who may wait longer pays less. *Which* of the two that fill it is the better one for 120 ms hangs on a number that nobody measured. That is for a measurement on your device to say.

# %% [markdown] tags=["question"]
# ### Self-check 6
#
# *Select all that apply.*
#
# Which of these can you say by the curves of cost against p99?
#
# - **A.** On the assumed device, who may wait longer pays less for a prediction
# - **B.** Partitions are the best way to share an L4
# - **C.** Which way is cheapest depends on the latency that was promised
# - **D.** A stress test would move the curves down

# %%
quiz.ask("s6", "")

# %% [markdown]
# ## Two replicas
#
# When one machine is full, there are two. **Ray Serve** runs the same server, with the same interpreter and repository, in several processes, its **replicas**, and hands each request to one of them through a **proxy** at one address. `modelserving scale MODELS --replicas 2` does that on one machine.
#
# It takes 300 MB to install and a good while to start, so here is a **recording**, with what it was made with. If you have the extra `scale`, set `live = True`, and your own machine serves this lesson's fleet in two replicas at the end.

# %%
live = False
recorded = json.loads((sharing.RECORDINGS / "scale.json").read_text())
print("recorded on", recorded["date"], "by", recorded["script"], "with Ray", recorded["versions"]["ray"])
print(f"{recorded['what']}; {recorded['machine']['cores']} cores; the client is {recorded['client']}")
print("rounds", recorded["rounds"], "and load of the machine before", recorded["machine"]["load_before"])

# %% [markdown]
# The cases go from a small network and one row, which is computed in microseconds, to requests of many rows or of a large network that take tens of milliseconds; eight clients that never rest. How many times as many requests a second as *one* plain server process will two replicas on Ray Serve answer, for the cheapest case? And for the dearest?

# %%
my_guess = None  # times, the cheapest
my_other_guess = None  # times, the dearest

# %%
cases, many = recorded["cases"], ("two processes", "Ray Serve, two replicas")
by_cost = sorted(cases, key=lambda case: cases[case]["model_ms"])


def read(server, case, what, connections=8):
    where = {"server": server, "case": case, "connections": connections}
    return np.median([run[what] for run in recorded["measured"] if where.items() <= run.items()])


answers = {name: np.array([read(name, case, "requests_s") for case in by_cost]) for name in ("one process", *many)}
ratio = {name: answers[name] / answers["one process"] for name in many}

# %%
gap(my_guess, ratio[many[1]][0], "recorded")
gap(my_other_guess, ratio[many[1]][-1], "recorded")
print(f"{'requests/s':22} computing   one process   two processes   Ray, two replicas")
for case, *found in zip(by_cost, *answers.values(), strict=True):
    took = load.in_words(1e-3 * cases[case]["model_ms"])
    print(f"{case:22}{took:>10}{found[0]:14,.1f}{found[1]:16,.1f}{found[2]:20,.1f}")

# %%
fig, ax = plots.figure("Two replicas, recorded", "time to compute a request", "requests/s, times one process")
effort = [1e-3 * cases[case]["model_ms"] for case in by_cost]
for (name, values), marker in zip(ratio.items(), "os", strict=True):
    ax.plot(effort, values, marker=marker, label=name)
for level, text, at in ((1, "as one process", 6 * effort[-1]), (2, "twice", effort[0])):
    ax.axhline(level, color=plots.GREY, linewidth=1)
    ax.annotate(text, (at, level), (0, 4), textcoords="offset points", color=plots.GREY)
ax.set(xscale="log", xlim=(0.6 * effort[0], 40 * effort[-1]), ylim=(0, 2.4))
plots.seconds(ax.xaxis), plots.label_lines(ax)
told = "; ".join(f"{name} from {values[0]:.2f} to {values[-1]:.2f}" for name, values in ratio.items())
plots.show(fig, f"Throughput relative to one process, by the time to compute, log scale, recorded. {told}.")

# %%
one_client = {name: read(name, by_cost[0], "p50_ms", 1) for name in ("one process", many[1])}
print("one client, cheapest case, median:", *(f"{name} {middle:.2f} ms;" for name, middle in one_client.items()))
for name in ("one process", *many):
    print(f"{name:25} {recorded['servers'][name]['pss_mb']:6.0f} MB, ready after", end=" ")
    print(f"{recorded['servers'][name]['ready_s']:4.1f} s")
print("for the cheapest, two replicas answer fewer than one plain process:", ratio[many[1]][0] < 1)
print("for the dearest, more than 1.2 times as many:", ratio[many[1]][-1] > 1.2)
print("the way through Ray takes more than 1 ms of latency:", one_client[many[1]] - one_client["one process"] > 1)

# %% [markdown]
# Between the client and the model there is now a proxy, a routing decision and another process, and every request pays for them. Where a request is computed in less time than its way takes, a second replica on the same machine is a loss. Where computing takes many times as long as the way, it gains. It begins to pay where the line crosses 1.
#
# *Two processes* have nothing between client and server: two addresses, and somebody who deals requests out. Look at how the two lines lie. What Ray brings for its price is what two processes do not have: replicas on other machines, more of them when load grows, a new one when one dies, several models with different numbers of replicas behind one address. It takes memory as well, for its own processes. (These are larger than the figures in *A process for each*: other models,
# and the recording counts each process' part of what is shared, too.)
#
# With `live = True`, here is your own machine, with the fleet of this lesson:

# %% tags=["nbval-ignore-output"]
from modelserving import scale

if live:
    with scale.running(fleet, replicas=2) as url:
        on_ray = ask(url, clients=8, seconds=3, warm_up=0.5)
    print(f"two replicas on Ray Serve {on_ray.throughput:,.0f} requests/s,", end=" ")
    print(f"one plain process {tried['all 72 loaded'].throughput:,.0f}")
else:
    print("not run here: live is False")

# %% [markdown]
# ## Beyond one machine
#
# On a real cluster the same few lines run on many machines. What changes is around them:
#
# - **The network is there now.** Requests cross it, once to the proxy and once to the replica. Keep proxies near to replicas, and batches large.
# - **Files have to be everywhere.** Each replica opens the model repository under the same name: a bucket or a shared disk, and a cold start is a download.
# - **State is not shared.** To load or unload a model on *one* replica changes one of them, and a log or a counter is one replica's. Put logs into one place, and change the repository for all at once.
# - **Replicas die, and are replaced.** Ready, live and the patience to finish what was accepted (lesson 03) are now what keeps requests from being lost.
# - **The number of replicas follows the load**, and late: a machine takes minutes. So utilisation leaves room for those minutes, and the price of that room is in *Paid for, and idle*.
#
# Most clusters are run by Kubernetes, and **KServe** is its way to serve models. It is told *what should be*, in a manifest; it then starts, watches and replaces. This one asks for our repository (the whole file, with its explanation, is `deploy/kserve/` in the course's repository; it is shown here, and **it was not run**):
#
# ```yaml
# apiVersion: serving.kserve.io/v1beta1
# kind: InferenceService
# metadata:
#   name: flights
#   annotations:
#     serving.kserve.io/deploymentMode: Standard
#     serving.kserve.io/autoscalerClass: hpa
# spec:
#   predictor:
#     minReplicas: 2
#     maxReplicas: 8
#     scaleMetric: cpu
#     scaleTarget: 70
#     model:
#       modelFormat:
#         name: triton
#       runtime: kserve-tritonserver
#       protocolVersion: v2
#       storageUri: pvc://models/flights
#       resources:
#         requests:
#           cpu: "1"
#           memory: 1Gi
#         limits:
#           cpu: "1"
#           memory: 1Gi
# ```
#
# | line | what it says | where you met it |
# |---|---|---|
# | `minReplicas`, `maxReplicas` | never fewer servers, never more; two, so that one may fail | *Two replicas* |
# | `scaleMetric`, `scaleTarget: 70` | add servers above 70 % of the processor | *Paid for, and idle*; lesson 05, the knee |
# | `runtime`, `protocolVersion: v2` | which server: Triton, which speaks our protocol and reads our layout | lesson 03 |
# | `storageUri` | the model repository, on a disk that all machines reach | *Beyond one machine* |
# | `resources: requests` | what is reserved, and so what is paid for, used or not | *What a thousand cost* |
# | `resources: limits` | above that memory the server is ended: know what your models take | *A process for each* |
#
# Nothing in it says how many models share the server, whether a noisy one is among them, or what a thousand predictions cost. That stays with you.
#
# ## Question four, once more
#
# Quiz 1 asked: low latency and high throughput make infrastructure and cost grow; which strategies balance cost and satisfaction? You answered before you had measured anything. Here is what each did, in numbers of this notebook. (The one on optimised models is lesson 07's.)

# %% tags=["nbval-ignore-output"]
low, high = ratio[many[1]][0], ratio[many[1]][-1]
few = each.per_thousand(50, 72) / shared.per_thousand(50)
fewer = calm["a device each"][0] / calm["streams"][0]
print(f"multi-model serving   1/{few:.0f} of the price at 50 requests/s; with traffic for all, nothing (price sheet)")
print(f"GPU sharing           1/{fewer:.0f} with little traffic, 1/{dearer:.1f} with much, at 120 ms (simulated)")
print(f"a stress test         nothing by itself; with what it found, {hired - needed} of {hired} machines given back")
print(f"a second replica      {low:.2f} to {high:.2f} times the requests of one process (recorded {recorded['date']})")

# %%
open_things.close()

# %% [markdown]
# Three of the four options save, and each takes something for it: a cold start, a neighbour, a bit of accuracy. That is why the question says *balance*: they are worth it where latency and throughput may give a little. The fourth measures.
#
# ## What to take away
#
# | idea | what to remember | where you measured it |
# |---|---|---|
# | multi-model serving | a process costs more than a small model: share the process | *A process for each* |
# | budget, LRU | a request hits if its stack distance is not larger than the number of places | *Sixteen places*, *How many places* |
# | cold start | the miss rate is where the latency curve steps up; the load is how far | *Sixteen places* |
# | pinning | popularity known beforehand beats recency; the rare pay | *Those who never leave* |
# | once, and within the budget | reserve before loading; give back after the last use, and when a load fails | *Twenty at once* |
# | sharing a device | makes nothing faster, makes what is paid for be used | *One core, four tenants* |
# | noisy neighbour | run to completion: wait for its batch; slices: bounded; partitions: not at all, and idle parts | *A noisy neighbour* |
# | simulation | assumptions, sources, agreement with a measurement; or it is a story | *A device that is simulated* |
# | cost per thousand | price ÷ (capacity × utilisation); capacity is measured, utilisation decided | *What a thousand cost*, *Paid for, and idle* |
# | stress test | finds capacity, saves nothing | *A stress test saves nothing* |
# | service level | a bound to keep, then the least money; who may wait longer pays less | *Good enough, and then as cheap as can be had* |
# | replicas | pay when a prediction costs more than its way there | *Two replicas* |

# %% [markdown]
# ## When this goes wrong in production
#
# - **A thousand models, each quick when tried, and users wait for seconds.** Cold starts. Look at loads by model and at the miss rate; compare places with what is asked for in an hour. A job that goes through all models in order empties the cache for everybody: give it a server of its own.
# - **Memory grows until the process is ended, though the budget holds.** The budget counts models, or bytes of files. Count what a session takes once it has run a full batch, and leave room for requests.
# - **After each deployment a quarter of an hour of time-outs.** All models are cold at once. Load the popular ones before the server says ready.
# - **The accelerator is 95 % busy by its own tool, and does little work.** That tool shows the share of time in which *something* ran, however narrow. Time slices of small models look busy. Measure answers a second.
# - **p99 of one team triples on a Tuesday, and nothing of theirs was changed.** A neighbour. Note who shares what, alert on each tenant's own latency, and keep those with a promise apart from those without.
# - **The bill doubles with traffic where it should have halved a thousand's price.** Machines are added by the peak minute and never taken away; or each new model got an endpoint of its own.
# - **Twice the replicas, same throughput.** The proxy is the bottleneck, or all replicas share two cores. Measure one replica first, and the way to it.

# %% [markdown]
# ## Further reading
#
# - R. L. Mattson, J. Gecsei, D. R. Slutz, I. L. Traiger (1970). *Evaluation techniques for storage hierarchies*. IBM Systems Journal 9(2), 78–117. [doi.org/10.1147/sj.92.0078](https://doi.org/10.1147/sj.92.0078). Stack distances: one pass, and the miss rate for every size.
# - A. Gujarati and others (2020). *Serving DNNs like clockwork: performance predictability from the bottom up*. OSDI. [usenix.org/conference/osdi20](https://www.usenix.org/conference/osdi20/presentation/gujarati). Thousands of models on one GPU, loaded and evicted so that latency stays bounded.
# - Z. Li and others (2023). *AlpaServe: statistical multiplexing with model parallelism for deep learning serving*. OSDI. [usenix.org/conference/osdi23](https://www.usenix.org/conference/osdi23/presentation/li-zhouhan). Why bursty tenants should share devices even when each would fit on its own.
# - NVIDIA. *Multi-Process Service* and *Multi-Instance GPU user guide*. [docs.nvidia.com/deploy/mps](https://docs.nvidia.com/deploy/mps/index.html), [docs.nvidia.com/datacenter/tesla/mig-user-guide](https://docs.nvidia.com/datacenter/tesla/mig-user-guide/). What is shared, what is isolated, and what fits into which slice.
# - M. Shreedhar, G. Varghese (1996). *Efficient fair queuing using deficit round-robin*. IEEE/ACM Transactions on Networking 4(3), 375–385. [doi.org/10.1109/90.502236](https://doi.org/10.1109/90.502236). The fair order of the exercise.
# - L. A. Barroso, U. Hölzle, P. Ranganathan (2018). *The datacenter as a computer*, third edition. Springer. [doi.org/10.1007/978-3-031-01761-2](https://doi.org/10.1007/978-3-031-01761-2). Chapters on cost and utilisation: where the money of a machine goes.
# - F. McSherry, M. Isard, D. G. Murray (2015). *Scalability! But at what cost?* HotOS. [usenix.org/conference/hotos15](https://www.usenix.org/conference/hotos15/workshop-program/presentation/mcsherry). Measure one thread first.

# %% [markdown]
# ## What the assignment asks next
#
# In the [exercises](../release/08_share_the_machine/exercises.ipynb) you write the pieces: the loads for every number of places in one pass, a fleet that keeps its four promises, a queue that is fair to a quiet tenant, a capacity that counts no failures, a bill in whole machines, and the cheapest plan that keeps a promise, with its reasons. The
# [quiz](../release/08_share_the_machine/quiz.ipynb) asks what you measured here.
#
# Back to [07 Make it cheaper](07_make_it_cheaper.ipynb). The service is right, quick, watched and paid for. What is left is to change it. Lesson 09, which comes next, asks: how does version 2 reach users without hurting them?
