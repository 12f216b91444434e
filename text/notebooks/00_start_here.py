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
#     agreed: 1a1f35dd88b7a967
# ---

# %% [markdown]
# # 00 Start here
#
# **How does this course work, and does my machine run it?**
#
# A trained model is a file. Nobody is helped by a file. This course is about everything between that file and a person who gets
# a right answer in time: packing the model, answering requests, measuring honestly, keeping up under load, noticing decay, paying
# for it, and replacing it without hurting anyone. You build one service, piece by piece, and measure every piece on your own machine.
#
# When you are through with this page you can
#
# - run a lesson, commit to a guess, and compare it with what you measure;
# - answer a question by mouse, by keyboard or by typing;
# - say how an exercise is checked, and hand one in;
# - tell whether this machine runs the course, and how steady its clock is.
#
# It takes about fifteen minutes. You should be able to read Python and NumPy; nothing about serving is assumed.

# %% [markdown]
# ## The path
#
# | | lesson | its question |
# |---|---|---|
# | 00 | Start here | How does this course work, and does my machine run it? |
# | 01 | [Build a model](01_build_a_model.ipynb) | What has to exist before anything can be served? |
# | 02 | [Wrap it in an interpreter](02_wrap_it_in_an_interpreter.ipynb) | Is the exported model the model I trained? |
# | 03 | [Serve it](03_serve_it.ipynb) | What is a good answer to a request, and to a bad one? |
# | 04 | [Measure latency and throughput](04_measure_latency_and_throughput.ipynb) | How slow is it, honestly? |
# | 05 | [Serve under load](05_serve_under_load.ipynb) | Where does it break, and what should it do there? |
# | 06 | [Watch it decay](06_watch_it_decay.ipynb) | Is it still right? |
# | 07 | [Make it cheaper](07_make_it_cheaper.ipynb) | Can one prediction cost less? |
# | 08 | [Share the machine](08_share_the_machine.ipynb) | Who shares the machine, and who pays? |
# | 09 | Ship the next version | How does version 2 reach users without hurting them? |
#
# An **interpreter** is here the program that runs a stored model, not Python's. To **export** a model is to write it to a file
# that such a program reads.
#
# A lesson takes up to an hour, more if you read all of its code. From 01 on, each has an assignment of the same number: a quiz and exercises, 60 to 120 minutes.
# Lessons are not graded. Lessons without a link are still being written.

# %% [markdown]
# ## Run a cell
#
# Click the cell below, or move to it with the arrow keys, and press <kbd>Shift</kbd>+<kbd>Enter</kbd>. The number in brackets on its left counts
# the cells you have run; a star means that it is still running. Lessons come with the outputs of our machine: running a cell replaces
# ours with yours. Those that would give a guess away are folded up (•••) until you do.
# <kbd>Ctrl</kbd>+<kbd>B</kbd> (<kbd>⌘</kbd>+<kbd>B</kbd> on a Mac) hides the list of files, which makes room for long lines.

# %%
import os

# onnxruntime, used below, would gather statistics on its use
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import time

import numpy as np

from autograder.quiz import Quiz
from modelserving import datasets, plots
from modelserving.guess import gap

quiz = Quiz("questions/00_start_here.json")

# %% [markdown]
# Most lessons work on one data set: every domestic flight in the US statistics that was scheduled to leave New York's three airports in 2013.
# It lies on your disk; nothing in this course needs the internet once it is set up.

# %%
flights = datasets.flights()
print(f"{len(flights['month']):,} flights to {len(np.unique(flights['dest']))} destinations")

# %% [markdown]
# A cell uses what earlier cells left behind. When something looks odd, start afresh: **Kernel ▸ Restart Kernel and Run All Cells**.

# %% [markdown]
# ## Answer a question
#
# A question is one code cell. Run it, and its options appear below. Then
#
# - **with the mouse**: click an option. The click writes the letter into the cell and saves the notebook;
# - **with the keyboard**: with the cell selected, press <kbd>Tab</kbd> until the first option is framed, and <kbd>Space</kbd> to tick it or take it
#   back. Where only one can be chosen, the arrow keys choose;
# - **by typing**, in any editor: write the letters between the quotes, `quiz.ask("s1", "AC")`, and run the cell.
#
# However they got there, the letters in the cell are the answer. Questions in a lesson are for yourself: the reasons come at once, for each
# option you pick, and nothing is graded. In a graded quiz they come with your report.

# %% [markdown] tags=["question"]
# ### Self-check 1
#
# *Select all that apply.*
#
# Which of these answer a question with the options A and C?
#
# - **A.** Ticking A and C below the cell, until the line under them says that they are saved.
# - **B.** Typing the letters in the cell, as in `quiz.ask("s1", "AC")`.
# - **C.** Typing them in another way, as in `quiz.ask("s1", "c, a")`.
# - **D.** Writing *A and C* in a text cell below the question.

# %%
quiz.ask("s1", "")

# %% [markdown]
# ## Does this machine run the course?
#
# Each line below is one reading: what was found, what is needed, and whether that will do.

# %%
readings = []


def report(what, found, needed, enough):
    """Print one reading, and remember whether it will do."""
    readings.append(bool(enough))
    print(f"{'ok  ' if enough else 'LOW '} {what:24} {found:>14}   needed: {needed}")


# %% tags=["nbval-ignore-output"]
import platform
import sys
from importlib.metadata import distributions, version

from packaging.requirements import Requirement

report("Python", platform.python_version(), "3.11 or newer", sys.version_info >= (3, 11))
named = ("numpy", "scikit-learn", "onnxruntime", "matplotlib", "jupyterlab", "nbgrader")
course = next(d for d in distributions() if d.name.startswith("modelserving-course"))
for need in map(Requirement, course.requires):
    if need.name in named:
        there = version(need.name)
        report(need.name, there, need.specifier, need.specifier.contains(there))

# %% tags=["nbval-ignore-output"]
import joblib  # counts the cores that this process may use, not all of the machine's
import psutil

cores, memory = joblib.cpu_count(), psutil.virtual_memory()
report("cores", cores, "2", cores >= 2)
report("memory, all", f"{memory.total / 1e9:.1f} GB", "3 GB", memory.total >= 3e9)
report("memory, free now", f"{memory.available / 1e9:.1f} GB", "1 GB", memory.available >= 1e9)


# %% [markdown]
# From lesson 03 on, a server runs on your machine and talks to a client on the same machine, over the **loopback** address 127.0.0.1. So a message
# must be able to go there and back. And whatever we time, we time more than once:

# %%
def seconds_of(call, times):
    """How long each of ``times`` calls took, in seconds, as an array."""
    took = np.empty(times)
    for i in range(times):
        start = time.perf_counter()
        call()
        took[i] = time.perf_counter() - start
    return took


# %% tags=["nbval-ignore-output"]
import socket


def there_and_back():
    client.send(b"?"), server.recv(1), server.send(b"!"), client.recv(1)


with socket.create_server(("127.0.0.1", 0)) as listener:
    client = socket.create_connection(listener.getsockname())
    server, _ = listener.accept()
    with client, server:
        typical = np.median(seconds_of(there_and_back, 2000)) * 1e6
report("message there and back", f"{typical:.0f} µs", "under 1000 µs", typical < 1000)

# %% tags=["nbval-ignore-output"]
import tempfile


def write_to_disk():
    with tempfile.TemporaryFile(dir=".") as file:  # the usual place may lie in memory
        file.write(bytes(10_000_000))
        os.fsync(file.fileno())


per_second = 10 / np.median(seconds_of(write_to_disk, 5))
report("writing to disk", f"{per_second:.0f} MB/s", "20 MB/s", per_second >= 20)

# %% [markdown]
# Two numbers about arithmetic. The first is what models are made of: a product of matrices, here 1000 by 1000, which takes
# 2 billion multiplications and additions.

# %% tags=["nbval-ignore-output"]
matrix = np.random.default_rng(0).standard_normal((1000, 1000), dtype=np.float32)
product = np.median(seconds_of(lambda: matrix @ matrix, 10))
report("product of matrices", f"{2 / product:.0f} billion/s", "5 billion/s", 2 / product >= 5)

# %% [markdown]
# The second is the event that the whole course is about: one **prediction**. The model is a logistic regression that tells three
# kinds of iris apart; it comes with onnxruntime, the interpreter that we shall use. Three flowers go in, three answers come out.
#
# Commit to a number before you run on. It is a small model. How many microseconds does one such call take?

# %%
my_guess = None  # in µs, for example 100

# %% tags=["nbval-ignore-output"]
import onnxruntime
from onnxruntime.datasets import get_example

session = onnxruntime.InferenceSession(get_example("logreg_iris.onnx"))
flowers = {"float_input": np.array([[1.4, 0.2], [4.5, 1.5], [5.8, 2.2]], dtype=np.float32)}
typical = np.median(seconds_of(lambda: session.run(None, flowers), 2000)) * 1e6
gap(my_guess, typical)
report("one prediction", f"{typical:.1f} µs", "under 200 µs", typical < 200)

# %% [markdown]
# And the verdict. If it is not `True`, look for `LOW` above. How to mend what can be mended, `python3 bootstrap.py check` says
# (Windows: `py bootstrap.py check`), typed in a terminal, in the course folder. A slow machine gets through the course as well, with more patience.

# %% tags=["nbval-ignore-output"]
print("this machine runs the course:", all(readings))

# %% [markdown]
# ## One reading is not a measurement
#
# You may have wondered why every timing above was repeated. Nothing changes from one call to the next: same model, same flowers, same
# machine. Let us time that one prediction 50,000 times. How many times as long as the typical call does the **slowest** one take?

# %%
my_guess = None  # 1 if all take the same

# %% tags=["nbval-ignore-output"]
before = psutil.Process().num_ctx_switches()
took = seconds_of(lambda: session.run(None, flowers), 50_000)
after = psutil.Process().num_ctx_switches()
median, p99, slowest = np.percentile(took, [50, 99, 100])
gap(my_guess, slowest / median)

# %% tags=["nbval-ignore-output"]
fig, ax = plots.figure("The same prediction, 50,000 times", "call", "time it took")
ax.plot(took, ".", markersize=2, color=plots.GREY, alpha=0.4)
for name, level in {"median": median, "99 of 100 faster": p99, "slowest": slowest}.items():
    ax.plot([0, len(took)], [level, level], label=name)
ax.set_yscale("log")
plots.seconds(ax.yaxis), plots.counts(ax.xaxis), plots.label_lines(ax)
plots.show(
    fig,
    f"""Scatter plot, time on a logarithmic scale. Most of the 50,000 points lie in a dense
    band at {median * 1e6:.0f} microseconds. One call in a hundred took more than
    {p99 * 1e6:.0f} microseconds; the slowest took {slowest * 1e3:.2f} milliseconds.""",
)

# %% [markdown]
# Is that the clock's fault? Time a call that does nothing. And ask the operating system how often it took the core away meanwhile, to give it to
# somebody else (Windows does not count that, and says 0).

# %% tags=["nbval-ignore-output"]
nothing = seconds_of(lambda: None, 50_000)
empty = np.median(nothing)
print(f"an empty call: {empty * 1e9:.0f} ns, {empty / median:.1%} of a prediction")
print(f"core taken away: {after.involuntary - before.involuntary} times in 50,000 predictions")

# %%
print("an empty call takes less than a quarter of a prediction:", empty < median / 4)
print("the slowest prediction took more than twice the median:", slowest > 2 * median)

# %% [markdown]
# The clock explains little of it. Each time somebody else had the core, one prediction waited. Other causes leave no such count:
# a processor that changes its speed, a neighbour in the same cache, a host that runs several virtual machines. On a machine that does more than one
# thing none of this can be switched off, and a server is such a machine.
#
# So this course hardly ever quotes one reading, and says so when it does. Its word for "typical" is the **median**: half of the calls were faster. Its words for "bad" are
# **percentiles**: the 99th, `p99`, is the time that 99 of 100 calls stayed below. Lesson 04 shows how they are measured on a service, and how they are
# often measured wrongly.

# %% [markdown] tags=["question"]
# ### Self-check 2
#
# *Pick one.*
#
# Someone timed one prediction, once, and read 11 µs. What do we know?
#
# - **A.** Predictions take about 11 µs on that machine.
# - **B.** One prediction took about 11 µs. How the others spread is still unknown.
# - **C.** Nothing: a computer's clock is too coarse for microseconds.

# %%
quiz.ask("s2", "")


# %% [markdown]
# ## How an exercise is checked
#
# An exercise says what is wanted in a **docstring**: what comes in, what goes out, in which units, and what is an error. You write the body. Below
# is one with an answer already in it, and the answer has a mistake. It is about **status codes**, the numbers that a server puts on its answers:
# 200 says that all went well, 503 that the server cannot answer now, 204 that all went well and there is nothing to send.

# %%
def throughput(statuses, seconds):
    """Good answers per second.

    ``statuses`` are the status codes of all answers that came within ``seconds``; 200 is a
    good one, and no other. Raises ValueError when ``seconds`` is not above zero.
    """
    if seconds <= 0:
        raise ValueError(f"{seconds} seconds is no span of time: pass one above zero.")
    return len(statuses) / seconds


# %% [markdown]
# The cell after an exercise **tests** it. Read it before you write: it tells what is expected. When it fails, its words say what went wrong. Run it,
# mend `throughput`, run both again.

# %% tags=["nbval-ignore-output"]
try:
    answer = throughput([200] * 90 + [503] * 10, seconds=10)
    hint = "did you count the ten that failed (503)?"
    assert answer == 9, f"9 good answers a second, and you say {answer:g}: {hint}"
    print("passed")
except AssertionError as problem:  # in an assignment it stops here, the words in red below
    print("failed:", problem)

# %% [markdown]
# Grading does the same, with these differences:
#
# - Your code runs in a fresh kernel, from the first cell to the last. **Outputs** in your file are not looked at.
# - **Hidden tests** ask the same of other inputs: no answers at all, say, or a status of 204. What the docstring promises is what they check.
# - **Test cells come from the course.** If you change or delete one, nothing happens: the original is used.
# - Each test has its own points, and a mistake in one exercise takes nothing from the others. Time is never graded in milliseconds, so a slow
#   machine costs no points.

# %% [markdown] tags=["question"]
# ### Self-check 3
#
# *Select all that apply.*
#
# What counts when your exercises are graded?
#
# - **A.** The code in the solution cells and in cells that you added.
# - **B.** The outputs saved below your cells.
# - **C.** Tests that you do not see.
# - **D.** Changes that you made in a test cell.

# %%
quiz.ask("s3", "")

# %% [markdown]
# ## Hand in an assignment
#
# An assignment is a folder with two notebooks, `quiz.ipynb` and `exercises.ipynb`. When you have worked through them:
#
# 1. **Kernel ▸ Restart Kernel and Run All Cells.** What works only because of a cell that you have deleted since comes to light here.
# 2. Press **Validate**, in the notebook's toolbar. It runs the tests that you can see, and says which fail; the last line of each
#    block is the message. "Success!" means that these pass, and the hidden ones are still to come. A quiz has nothing to validate.
# 3. **Save**, and hand in both files, in the way that your course asks for. If you learn alone, there is nobody to hand in to: Validate is your check.
#
# An exercise that you leave open scores zero and costs nothing else. A quiz is passed at 80 % and may be taken again. The report tells for each
# question how it ended, what was expected and what came.

# %% [markdown]
# ## To take away
#
# | | |
# |---|---|
# | run a cell | <kbd>Shift</kbd>+<kbd>Enter</kbd>; when in doubt, restart the kernel and run all |
# | guess | replace `None` **before** you run what follows |
# | answer | the letters in the cell are the answer, however they got there |
# | exercise | the docstring is the contract; visible tests show it, hidden tests hold you to it |
# | hand in | restart and run all, Validate, save, both notebooks |
# | a timing | is a median or a percentile of many, with what was timed and how often |
#
# **When this goes wrong in production.** A service starts on a machine whose libraries are not those it was tested with: hence the list of versions
# above, and a lock file, which names the exact version of each. A service is up, but its model is not loaded yet, and the first hundred users get errors: *up* and
# *ready* are two questions (lesson 03). A benchmark, run once on a quiet laptop, promises a latency that the shared machine never keeps (lessons 04 and 08).
#
# **Further reading**
#
# - J. Dean, L. A. Barroso (2013). The tail at scale. *Communications of the ACM* 56(2), 74–80. [doi:10.1145/2408776.2408794](https://doi.org/10.1145/2408776.2408794). Why the slow one in a hundred decides how a large service feels.
# - A. Rule and others (2019). Ten simple rules for writing and sharing computational analyses in Jupyter Notebooks. *PLOS Computational Biology* 15(7), e1007007. [doi:10.1371/journal.pcbi.1007007](https://doi.org/10.1371/journal.pcbi.1007007). How a notebook stays readable and runs elsewhere.
# - A. Georges, D. Buytaert, L. Eeckhout (2007). Statistically rigorous Java performance evaluation. *OOPSLA '07*, 57–76. [doi:10.1145/1297027.1297033](https://doi.org/10.1145/1297027.1297033). What it takes before a timing means something.
#
# **Next:** [01 Build a model](01_build_a_model.ipynb). What has to exist before anything can be served?
