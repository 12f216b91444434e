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
#     agreed: 9d47cc8ae3af1a45
# ---

# %% [markdown]
# # 02 Wrap it in an interpreter
#
# **Is the exported model the model I trained?**
#
# Lesson 01 ended with a model written down as operations, and an interpreter of five lines that ran them. The people who run the
# servers like the idea. *Send us a file*, they say, *we have an interpreter for those; scikit-learn stays with you.* A colleague sends hers. A week
# later the desk calls: for one flight her notebook says less than one in four, the app more than one in three. Same model, same flight. Which of the two is
# lying, and how many more such flights are there? You are asked, and you have two models of your own to send next.
#
# When you are through you can
#
# - turn a trained model into a file that needs neither scikit-learn nor Python, and name the conversions that go wrong in silence;
# - prove that two programs give the same answers, on how many rows, and within what tolerance;
# - wrap a session with a signature, and refuse what does not fit before it does harm;
# - say what a call costs by the number of rows in it, what the first one costs, and which switches of a session matter.
#
# It takes 75 to 90 minutes. You should have been through lesson 01. Where a cell asks for a guess, write a number in place of
# `None` **before** you run what follows.

# %%
import time
import warnings
from dataclasses import dataclass

import numpy as np

from autograder.quiz import Quiz
from modelserving import plots
from modelserving.guess import gap

quiz = Quiz("questions/02_wrap_it_in_an_interpreter.json")

# %% [markdown]
# ## From operations to a file
#
# The two models of lesson 01, trained as there: on January to September, to be asked about October to December.

# %%
from modelserving.models import FEATURES, chance, flight_task, score, train_logistic, train_trees

task = flight_task()
X_past, late_past, X_future = task.X_train, task.late_train, task.X_test
logistic, trees = train_logistic(X_past, late_past), train_trees(X_past, late_past)
print(f"{len(X_past):,} flights to train on, {len(X_future):,} to be asked about")

# %% [markdown]
# The field has an agreed way to write operations down: **ONNX**, a file format with a long list of operations, each with a
# specification. In a file they form a **graph**: each operation is a **node** that takes arrays by name and gives arrays by name, and a number, the **opset**, says
# which edition of the list is meant. `skl2onnx` translates a scikit-learn model into it, step by step; it sees no data while it does, so it is told by `initial_types` how the
# input will be called, and of which data type and shape it will be.
#
# The library's `to_onnx` says: `"input"`, float32, any number of rows, as many columns as there are features. Here is the logistic model in the file, beside the names that lesson 01 gave its operations.

# %%
import onnx

from modelserving.export import to_onnx
from modelserving.models import as_operations

width = len(FEATURES)
files = {name: to_onnx(model, width) for name, model in (("logistic", logistic), ("trees", trees))}
in_file = [node.op_type for node in onnx.load_from_string(files["logistic"]).graph.node]
print("lesson 01:", ", ".join(name for name, _ in as_operations(logistic)))
print("ONNX:     ", ", ".join(dict.fromkeys(in_file)))
print("the trees:", *(node.op_type for node in onnx.load_from_string(files["trees"]).graph.node))

# %% [markdown]
# `Imputer`, `Scaler`, `OneHotEncoder`, `LinearClassifier`: fill, scale, one hot, linear and sigmoid. The rest picks columns apart and
# puts them together again. The trees are one operation that holds every threshold.
#
# To run them takes an interpreter that knows these operations. **ONNX Runtime** is one, written in C++; a model opened in it is a
# **session**. The library wraps one, and *A session with a signature* opens the wrapping.
#
# The usual alternative is a pickle, and a pickle is a *program*: to load one is to run what its author wrote, with your rights, and it may not load at all under the next version of scikit-learn. An
# ONNX file is data.

# %%
from modelserving.interpreter import Interpreter


def served(file, rows=X_future):  # what a server would answer: the probability of late
    return Interpreter(file).predict({"input": rows})["probability"][:, 1]


one = abs(served(files["trees"])[0] - chance(trees, X_future)[0])
print("one flight, the same within 0.000001:", bool(one < 1e-6))

# %% [markdown]
# The file answers as the model did, for one flight. That is where many tests of an export end: a row in, a row out, equal. Ship it?

# %% [markdown]
# ## The flight that agrees
#
# Here is the model of the desk's call. Your colleague liked the preparation of the logistic model (indicators for the categories, scaled numbers) and put
# trees behind it. It is a little absurd, since trees need no scaling, and you will meet it in every second repository, because a
# pipeline is quickly copied. She trained on a quarter of the past, and tested the export on one flight.

# %%
from sklearn.base import clone
from sklearn.pipeline import make_pipeline

from modelserving.models import prepare_columns

X_part, late_part = X_past[::4], late_past[::4]  # every fourth flight: enough here, and four times quicker
dense = prepare_columns().set_params(sparse_threshold=0)  # these trees take no sparse arrays
scaled = make_pipeline(dense, clone(trees)).fit(X_part, late_part)

# %%
with warnings.catch_warnings(record=True) as complaints:
    warnings.simplefilter("always")
    files["scaled trees"] = to_onnx(scaled, width)
print("warnings of the conversion:", len(complaints))
her_model, her_file = chance(scaled, X_future), served(files["scaled trees"])
print("her flight, the same within 0.000001:", bool(abs(her_model[0] - her_file[0]) < 1e-6))

# %% [markdown]
# No warning, and the same answer. Now we ask both about all flights of the autumn. How many in 1,000 will differ by more than 0.001?

# %%
my_guess = None  # flights in 1,000

# %%
distance = np.abs(her_model - her_file)
share, worst = (distance > 0.001).mean(), distance.argmax()

# %% tags=["nbval-ignore-output"]
gap(my_guess, 1000 * share)
print(f"largest distance {distance[worst]:.3f}, in row {worst}:")
print(f"scikit-learn says {her_model[worst]:.3f}, the exported file {her_file[worst]:.3f}")

# %%
print("one of them by more than 0.02:", distance[worst] > 0.02)
print("most agree within 0.00001:", (distance < 1e-5).mean() > 0.9)
print("more than 1 in 200 differs by over 0.001:", share > 1 / 200)

# %% [markdown]
# The desk's flight, then, was no accident. Most flights agree to the sixth digit, a few are far off, and there is little in between.
# To compare like this is to check **parity**. The library has those three lines as `parity`; it also takes shapes that differ for an error, and a NaN on one side alone for
# a distance that no tolerance covers.

# %%
from modelserving.export import parity

scaled_parity = parity(her_model, her_file)
print("the same largest distance:", bool(np.isclose(scaled_parity.largest, distance[worst])))
print("the same worst row:", scaled_parity.worst == worst)
for name, model in (("logistic", logistic), ("trees", trees)):
    compared = parity(chance(model, X_future), served(files[name]))
    print(f"{name}: within 0.00001 on all {compared.rows:,} flights: {compared.holds(1e-5)}")

# %% [markdown]
# ## A step under the flight
#
# Two models pass and one fails. Trees are in one of each, so trees are not to blame, nor are float32 numbers. What is it about this
# one? Here is a suspicion. To scale a column, scikit-learn subtracts its mean and *divides* by its spread; the file subtracts and *multiplies* by the inverse, which is quicker. On paper that is the same. In
# float32 the last bit may come out differently.
#
# If that is all, we can make the file's mistake ourselves. We prepare the numbers of all flights by hand, the file's way, and give them to scikit-learn's own trees.

# %%
indicators, numbers = scaled[0].named_transformers_.values()  # two preparations, for two groups of columns
of_indicators, of_numbers, _ = scaled[0].output_indices_.values()  # where their results lie
fill, scale = numbers[0], numbers[1]
mean, inverse = scale.mean_.astype(np.float32), (1 / scale.scale_).astype(np.float32)

prepared = scaled[:-1].transform(X_future)
as_in_file = prepared.copy()
as_in_file[:, of_numbers] = (fill.transform(X_future[:, -len(mean) :]) - mean) * inverse

# %%
by_hand = parity(chance(scaled[-1], as_in_file), her_file)
unlike, apart = (as_in_file != prepared)[:, of_numbers].mean(), np.abs(as_in_file - prepared)

# %% tags=["nbval-ignore-output"]
print(f"by hand and in the file: at most {by_hand.largest:.1e} apart")
print(f"{unlike:.0%} of the scaled numbers differ from scikit-learn's")

# %%
print("made by hand, the file's answers on all flights:", by_hand.holds(1e-5))
print("more than 1 in 10 of the scaled numbers differ from scikit-learn's:", unlike > 0.1)
print("none by more than the last bit:", bool((apart <= np.spacing(np.abs(prepared))).all()))

# %% [markdown]
# Proved: the file's answers, without the file. But how can one bit move a probability by more than 0.1? Leave the file's way aside and ask scikit-learn alone. We move every prepared number up to the
# very next float32, and ask her trees again. For what share of the flights will the answer move by more than 0.001?

# %%
my_guess = None  # between 0 and 1

# %%
before = chance(scaled[-1], prepared)
next_up, next_down = (np.nextafter(prepared, np.float32(way)) for way in (np.inf, -np.inf))
moved = np.abs(chance(scaled[-1], next_up) - before)

# %% tags=["nbval-ignore-output"]
gap(my_guess, (moved > 0.001).mean())
print(f"the worst flight of before moves by {moved[worst]:.4f}; the file was off by {distance[worst]:.4f}")

# %%
print("the worst moves as far as the file was off:", bool(abs(moved[worst] - distance[worst]) < 1e-4))
print("one step down, none moves:", np.array_equal(chance(scaled[-1], next_down), before))
print("more than 1 in 20 flights moves:", (moved > 0.001).mean() > 1 / 20)
off_in_file, on_an_edge = distance > 0.001, moved > 0.001
print("of the flights that the file gets wrong, 9 in 10 move:", on_an_edge[off_in_file].mean() > 0.9)
print("of the flights that move, the file gets most right:", off_in_file[on_an_edge].mean() < 0.5)

# %% [markdown]
# Nobody is lying. A tree asks *is this number at most that threshold?* A flight whose number *is* the threshold stands on the edge of a step: one bit up, and it falls on the other side. One bit down leaves it
# where it is, since the question is ≤. We moved every number up and so pushed all that stand on an edge. The file changes the last bit of some numbers only, and of those many
# go down: it pushes a few of the same flights.
#
# Where do the edges come from? These trees sort each column into at most 255 bins. A column with fewer distinct values gets its thresholds halfway between two of them, where no flight stands. A column with
# more gets its quantiles, and a quantile is a value that some flight had. Which columns are these?

# %%
from modelserving.models import NUMBERS

questions = np.concatenate([tree[0].nodes for tree in scaled[-1]._predictors])
questions = questions[questions["is_leaf"] == 0]
trained_on = scaled[:-1].transform(X_part)
for name, place in zip(FEATURES[NUMBERS], range(*of_numbers.indices(prepared.shape[1])), strict=True):
    values = np.unique(trained_on[:, place])
    on_values = np.isin(questions["num_threshold"][questions["feature_idx"] == place], values).mean()
    print(f"{name:11} {len(values):>5,} values; thresholds that are one of them: {on_values:.0%}")

# %% [markdown]
# In the two columns with more than 255 distinct values, humidity and pressure, all of them; elsewhere none. Flights of the autumn have the very same values, since weather is reported to a few digits.
#
# Do the trees of lesson 01 stand on firmer ground? No: they have edges as well. They are handed the very bits that came in, though, and nobody computes
# anything before the comparison.

# %%
up = np.abs(chance(trees, np.nextafter(X_future, np.float32(np.inf))) - chance(trees, X_future))
print("trees on raw columns would move too:", (up > 0.001).mean() > 1 / 20)
print("and their file agrees all the same:", parity(chance(trees, X_future), served(files["trees"])).holds(1e-5))

# %% [markdown]
# The rule that follows: **give trees the columns as they are, as float32, and no scaler.** Scaling changes nothing about where trees can
# cut, so nothing is lost.

# %% [markdown] tags=["question"]
# ### Self-check 1
#
# *Pick one.*
#
# scikit-learn and the exported file disagree about a flight by more than 0.1. The model is trees behind a scaler. What has happened?
#
# - **A.** The interpreter computes trees wrongly
# - **B.** The file holds float32 numbers, and their few digits add up to 0.1
# - **C.** Two ways of rounding put a prepared value on two sides of a threshold
# - **D.** The flight is unlike all that training saw, so any answer is a guess

# %%
quiz.ask("s1", "")

# %% [markdown]
# ## How many rows must agree?
#
# Her flight was one of the many that agree. How many flights, drawn at random from the autumn, would she have had to compare to meet at least one of the
# differing ones with 95 % certainty?

# %%
my_guess = None  # flights

# %% [markdown]
# If a share $s$ of the rows differs, a test of $n$ rows misses them all with a probability of $(1 - s)^n$. We let chance draw as well, many times
# over. And we add a rarer fault: a second colleague trains trees on raw columns, as he should, but on temperatures in Celsius, as float64. The file takes
# float32, so his numbers are rounded once more before they are compared.

# %%
degrees = [FEATURES.index(name) for name in ("temp", "dewp")]


def in_celsius(X):
    X = X.astype(np.float64)
    X[:, degrees] = (X[:, degrees] - 32) * 5 / 9
    return X


celsius = clone(trees).fit(in_celsius(X_part), late_part)
files["celsius trees"] = to_onnx(celsius, width)
his_model = chance(celsius, in_celsius(X_future))
celsius_parity = parity(his_model, served(files["celsius trees"], in_celsius(X_future).astype(np.float32)))
print("some row differs by more than 0.001:", celsius_parity.largest > 0.001)
print("fewer than 1 in 1,000 do:", celsius_parity.over(0.001) < 1 / 1000)

# %%
faults = {"scaled trees": scaled_parity, "celsius trees": celsius_parity}
counts = np.unique(np.geomspace(1, len(X_future), 40).astype(int))
draw = np.random.default_rng(0).hypergeometric  # differing rows among n, drawn without replacement
caught, formula = {}, {}
for name, found in faults.items():
    bad = round(found.over(0.001) * found.rows)
    caught[name] = np.array([(draw(bad, found.rows - bad, n, 2000) > 0).mean() for n in counts])
    formula[name] = 1 - (1 - found.over(0.001)) ** counts

# %% tags=["nbval-ignore-output"]
needed = {name: np.log(0.05) / np.log(1 - found.over(0.001)) for name, found in faults.items()}
drawn = {name: np.interp(0.95, caught[name], counts) for name in faults}
gap(my_guess, needed["scaled trees"])
for name, found in faults.items():
    print(f"{name:14} {found.over(0.001):.5f} of the rows differ. For 95 %, rows", end="")
    print(f" by formula {needed[name]:,.0f}, by the draws about {drawn[name]:,.0f}")

# %% tags=["nbval-ignore-output"]
title, chance_of = "Will a test notice?", "chance that a differing row is in it"
fig, ax = plots.figure(title, "rows compared", chance_of)
for name, marker in zip(faults, "os", strict=True):
    ax.plot(counts, caught[name], marker=marker, linestyle="", markersize=4, label=name)
    ax.plot(counts, formula[name], color=plots.GREY, linestyle=":", linewidth=1)
ax.set_xscale("log")
plots.counts(ax.xaxis), plots.percent(ax.yaxis)
ax.legend(title="marks: drawn\nlines: formula", loc="center", bbox_to_anchor=(0.57, 0.5))
told = "; ".join(f"{name} 95 % at {needed[name]:,.0f} rows by formula, {drawn[name]:,.0f} drawn" for name in faults)
shape = "Two S-shaped curves over rows compared, on a log scale. Dots lie on their line; squares rise above theirs"
plots.show(fig, f"{shape} at the right end, from tens of thousands of rows on. {told}.")

# %%
few = counts <= 1000
miss = np.abs(caught["scaled trees"] - formula["scaled trees"])[few].max()
print("formula and draws within 0.05 up to 1,000 rows:", bool(miss < 0.05))
print("one row notices her fault in under 1 of 20 tests:", caught["scaled trees"][0] < 0.05)
print("1,000 rows notice his in under half:", bool((caught["celsius trees"][few] < 0.5).all()))
three = [(1 - found.over(0.001)) ** (3 / found.over(0.001)) for found in faults.values()]
print("3 / s rows are enough for 95 %:", max(three) < 0.05)
print("for his fault the draws need fewer than the formula:", drawn["celsius trees"] < 0.9 * needed["celsius trees"])

# %% [markdown]
# At the right end the squares rise above their line. Half of all rows is no small sample: a row that was compared is not drawn again, so each further one has a better chance. The formula
# does not know how many rows there are, and errs on the safe side.

# %% [markdown]
# One flight is no test, and ten are hardly one. The rule to keep: **to see what befalls a share $s$ of the rows, compare $3/s$ of them** (statisticians know it
# as the *rule of three*). To compare costs next to nothing, so the better rule is: all rows you have, and from the days that the model
# will be asked about. His fault needs float64 to happen: cast the columns to float32 *before* training, and there is nothing left to round.

# %%
celsius32 = clone(trees).fit(in_celsius(X_part).astype(np.float32), late_part)
as_trained = in_celsius(X_future).astype(np.float32)
mended = parity(chance(celsius32, as_trained), served(to_onnx(celsius32, width), as_trained))
print("trained on float32, all rows within 0.00001:", mended.holds(1e-5))

# %% [markdown] tags=["question"]
# ### Self-check 2
#
# *Pick one.*
#
# An export is wrong on 1 row in 500. Its test compares 100 rows, drawn at random. How likely is it that the test passes?
#
# - **A.** About 1 in 5, since 100 rows are a fifth of 500
# - **B.** About 4 in 5
# - **C.** About 1 in 500
# - **D.** It cannot pass: 100 rows are far more than one

# %%
quiz.ask("s2", "")

# %% [markdown]
# ## Wrong without a word
#
# So far the faults were of single rows. Here are three more models of the sort that people train:
#
# - **categories**: trees told by `categorical_features=` that carrier and airports are names, not sizes;
# - **calibrator outside**: `CalibratedClassifierCV` around the whole pipeline, to mend what lesson 01 saw in its calibration curves;
# - **calibrator inside**: the same, around the last step only.

# %%
from sklearn.calibration import CalibratedClassifierCV
from sklearn.linear_model import LogisticRegression

line = LogisticRegression(C=0.1, max_iter=300)
named = [FEATURES.index(name) for name in ("carrier", "origin", "dest")]
trained = {"categories": clone(trees).set_params(categorical_features=named)}
trained["calibrator outside"] = CalibratedClassifierCV(make_pipeline(prepare_columns(), line), cv=2)
trained["calibrator inside"] = make_pipeline(prepare_columns(), CalibratedClassifierCV(line, cv=2))

# %%
with warnings.catch_warnings(record=True) as complaints:
    warnings.simplefilter("always")
    for name, model in trained.items():
        files[name] = to_onnx(model.fit(X_part, late_part), width)
print("converted:", ", ".join(trained))
print("errors and warnings:", len(complaints))

# %% [markdown]
# Together with the logistic model, the trees and the scaled trees that makes six files, and not a word from the converter. How many of the six hold parity
# within 0.00001 on all flights of the autumn?

# %%
my_guess = None  # 0 to 6

# %%
models = {"logistic": logistic, "trees": trees, "scaled trees": scaled} | trained
truth = {name: chance(model, X_future) for name, model in models.items()}
answers = {name: served(files[name]) for name in models}
report = {name: parity(truth[name], answers[name]) for name in models}

# %% tags=["nbval-ignore-output"]
gap(my_guess, sum(found.holds(1e-5) for found in report.values()))
for name, found in report.items():
    verdict = "holds" if found.holds(1e-5) else f"{found.over(0.001):.1%} of rows over 0.001"
    print(f"{name:20} largest {found.largest:8.1e}   {verdict}")

# %% tags=["nbval-ignore-output"]
title, far = "How far each file is from its model", "distance in probability"
fig, ax = plots.figure(title, "share of rows, the nearest first", far)
fig.set_size_inches(7.5, 4.2)
shares, sixth = np.linspace(0, 1, 500), {"calibrator inside": {"color": plots.GREY, "linewidth": 1}}
for name, found in report.items():
    nearest_first = np.quantile(found.distance.clip(1e-9), shares)
    ax.plot(shares, nearest_first, label=name, **sixth.get(name, {}))
ax.axhline(1e-5, color=plots.GREY, linestyle=":", linewidth=1)
ax.set_yscale("log")
plots.percent(ax.xaxis)
plots.label_lines(ax)
told = "; ".join(f"{name} at most {found.largest:.1e}" for name, found in report.items())
plots.show(fig, f"Six rising curves on a log scale, a dotted line at 0.00001. {told}.")

# %%
for name in ("categories", "calibrator outside"):
    wrong = report[name]
    print(f"{name}: over 0.001 on more than half of the rows:", wrong.over(0.001) > 0.5)
    print(f"{name}: somewhere off by more than 0.2:", wrong.largest > 0.2)
grown = report["scaled trees"].over(1e-5) / report["scaled trees"].over(1e-3)
print("scaled trees: hardly anything between 0.00001 and 0.001:", grown < 2)
print("hold:", ", ".join(name for name, found in report.items() if found.holds(1e-5)))

# %% [markdown]
# The plot also answers which **tolerance** to take. Files that are right end near 0.0000001, the grain of float32 numbers; files that are wrong jump past 0.001. Between the two lies
# nearly nothing, so any line through the gap sorts them alike; 0.00001 leaves rounding room to grow.
#
# What went wrong in the two? The file of the trees says so itself. A tree with categories has two kinds of question: *at most this threshold?* and
# *one of these names?*

# %%
node = onnx.load_from_string(files["categories"]).graph.node[0]
asked = next(attribute.strings for attribute in node.attribute if attribute.name == "nodes_modes")
by_name = sum(int(tree[0].nodes["is_categorical"].sum()) for tree in models["categories"]._predictors)
print("questions in the file:", ", ".join(sorted({mode.decode() for mode in asked})))
print("the model asks by name more than 100 times:", by_name > 100)

# %% [markdown]
# Leaves, and comparisons with a threshold (`LEQ`: less or equal). All the questions by name were turned into questions by size, with numbers that were never meant
# as thresholds.
#
# The calibrator learnt to read the *sum* that the logistic model computes before its sigmoid. We suspect that the file feeds it the *probability*. If that is so, we can
# make the mistake ourselves and get the file's answers:

# %%
folds = models["calibrator outside"].calibrated_classifiers_
by_mistake = [fold.calibrators[0].predict(chance(fold.estimator, X_future)) for fold in folds]
same_mistake = parity(np.mean(by_mistake, axis=0), answers["calibrator outside"])
print("fed with probabilities, the file's answers:", same_mistake.holds(1e-5))

# %% [markdown]
# So it is. Would the scores of lesson 01 have noticed? Here are the models, and what their files would have scored in service.

# %% tags=["nbval-ignore-output"]
base_rate, scores = late_past.mean(), {}
for name in ("scaled trees", "categories", "calibrator outside"):
    both = truth[name], answers[name].astype(np.float64)
    scores[name] = [score(task.late_test, probability, base_rate) for probability in both]
    print(f"{name:20} log loss {scores[name][0].log_loss:.3f} → {scores[name][1].log_loss:.3f}", end="")
    print(f"   ROC AUC {scores[name][0].auc:.3f} → {scores[name][1].auc:.3f}")

# %%
print("worse than no model at all:", *(n for n, (_, s) in scores.items() if s.log_loss > s.baseline + 0.02))
near = [n for n, (model, file) in scores.items() if abs(model.auc - file.auc) < 0.02]
print("ROC AUC within 0.02 of the model's:", ", ".join(near))
quiet = scores["scaled trees"]
print("scaled trees, log loss within 0.002:", abs(quiet[0].log_loss - quiet[1].log_loss) < 0.002)

# %% [markdown]
# Two of these files are worse than having no model, and were made without an error. ROC AUC sees nothing of the calibrator's fault, since the order of the flights is nearly kept. No score
# sees the scaled trees, whose differences cancel out over thousands of flights and are still there for the one at the desk. **A score says
# whether a model is good. Parity says whether it is the model.** You need both.

# %% [markdown] tags=["question"]
# ### Self-check 3
#
# *Select all that apply.*
#
# A pipeline inside `CalibratedClassifierCV` was exported. Which of these tests of the file would have noticed what went wrong?
#
# - **A.** The conversion ends without an error or a warning
# - **B.** The file's ROC AUC on the holdout is within 0.02 of the model's
# - **C.** The file's log loss on the holdout is better than the base rate's
# - **D.** The probabilities of ten flights agree with scikit-learn's within 0.00001

# %%
quiz.ask("s3", "")

# %% [markdown]
# ## Traps that you hear
#
# Other conversions fail loudly, if you try them as the server will. Three files, each from a line that somebody found somewhere:
#
# - **float64**: converted for input of float64, since that is what numpy gives when nobody asks for anything else;
# - **default**: converted with skl2onnx's default for classifiers;
# - **type of a row**: the type of the input read off one example row, shape included.
#
# Each was converted without an error. How many of the three can a bare session open?

# %%
my_guess = None  # 0 to 3

# %%
import onnxruntime
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType

one_row, arrays = X_future[:1], {id(trees): {"zipmap": False}}
doubles, floats = (("input", kind([None, width])) for kind in (DoubleTensorType, FloatTensorType))
as_example = ("input", FloatTensorType(list(one_row.shape)))  # [1, 13]
graphs = {
    "float64": convert_sklearn(trees, initial_types=[doubles], options=arrays),
    "default": convert_sklearn(trees, initial_types=[floats]),
    "type of a row": convert_sklearn(trees, initial_types=[as_example], options=arrays),
}
traps = {name: graph.SerializeToString() for name, graph in graphs.items()}


# %%
def attempt(work, *arguments):
    try:
        return work(*arguments)
    except Exception as problem:
        return problem


def open_bare(file):
    return onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])


# %% tags=["nbval-ignore-output"]
opened = {name: attempt(open_bare, file) for name, file in traps.items()}
gap(my_guess, sum(not isinstance(result, Exception) for result in opened.values()))
print("float64:", str(opened["float64"]).split(" : ")[-1])
print("default:", opened["default"].run(None, {"input": X_future[:2]})[1])
print("type of a row, asked for one: ", opened["type of a row"].run(None, {"input": one_row})[1])
five = attempt(opened["type of a row"].run, None, {"input": X_future[:5]})
print("type of a row, asked for five:", *str(five).split(" : ")[-1].split("\n")[:2])

# %%
for name, file in (traps | {"ours": files["trees"]}).items():
    result = attempt(Interpreter, file)
    free = isinstance(result, Interpreter) and result.signature.batched
    print(f"{name:13} {type(result).__name__:13} any number of rows: {free}")

# %% [markdown]
# - **float64** cannot be loaded: ONNX's operation for trees answers in float32.
# - **default** gives one dictionary for each row, built by an operation called `ZipMap`. No protocol can send that as an array, so our wrapping does not take it. With `zipmap=False`, which `to_onnx` sets, it
#   is a plain array of shape (rows, classes).
# - **type of a row** has a frozen **batch dimension**: the first one, which counts the rows and should be free. Such a file passes every test that is made with one row, and refuses the first
#   batch. Convert it anew with `None` in the first place; where you cannot, **pad**: cut the rows into batches of its size, fill the last one up with any row, and throw the answers to the filling away.
#
# One more float64 arrives *after* the export, in the rows themselves. That is no matter of the file, and brings us to the wrapping.

# %% [markdown]
# ## A session with a signature
#
# What does a file tell about itself? The names, data types and shapes of what it takes and gives: its **signature**. A session shows
# them, in ONNX's own words:

# %%
bare = open_bare(files["trees"])
for node in (*bare.get_inputs(), *bare.get_outputs()):
    print(f"{node.name:12} {node.type:14} {node.shape}")

# %% [markdown]
# The library reads it from there, translates it into the words of the protocol that lesson 03 speaks (`FP32` for float32, −1 for any length), and keeps it beside the
# model's name and version.

# %%
late_v1 = Interpreter(files["logistic"], name="late", version="1")
late_v2 = Interpreter(files["trees"], name="late", version="2")
print(late_v2.name, "version", late_v2.version)
for way in ("inputs", "outputs"):
    for tensor in getattr(late_v2.signature, way):
        print(f"{way:8} {tensor.name:12} {tensor.datatype:6} {list(tensor.shape)}")
print("version 1 has the same signature:", late_v1.signature == late_v2.signature)

# %% [markdown]
# Two models, one signature: a caller cannot tell which of them answered, so the **version** has to travel with each answer. Lesson 03 sends it.

# %% [markdown]
# Why not use the session itself? Here are eight requests, all of them wrong, each as somebody really sends it. How many will the bare session *answer*?

# %%
my_guess = None  # 0 to 8

# %%
sent = X_future[:1000]
mistakes = {
    "float64 rows": {"input": sent.astype(np.float64)},
    "a column short": {"input": sent[:, :-1]},
    "a row, not a batch": {"input": sent[0]},
    "name misspelt": {"inputs": sent},
    "an input too many": {"input": sent, "carrier": sent},
    "no input": {},
    "a list": {"input": sent.tolist()},
    "bytes in reverse": {"input": sent.astype(">f4")},  # float32, its four bytes the other way round
}

# %%
by_session = {name: attempt(bare.run, ["probability"], inputs) for name, inputs in mistakes.items()}
by_wrapping = {name: attempt(late_v2.predict, inputs) for name, inputs in mistakes.items()}
answered = {name: p[0][:, 1] for name, p in by_session.items() if not isinstance(p, Exception)}

# %% tags=["nbval-ignore-output"]
gap(my_guess, len(answered))
for name, outcome in by_session.items():
    kind = type(outcome).__name__ if name not in answered else "answered"
    print(f"{name:20} {kind:18} {type(by_wrapping[name]).__name__}")

# %%
kinds = {type(outcome).__mro__[1].__name__ for outcome in by_session.values() if isinstance(outcome, Exception)}
print("what the session's errors have in common:", *kinds)
print("the session answered:", ", ".join(answered))
farthest = {name: np.abs(answered[name] - chance(trees, sent)).max() for name in answered}
print("an answer is off by more than 0.1:", *(name for name, far in farthest.items() if far > 0.1))

# %% [markdown]
# The bare session stops most of them. Its errors share no family but `Exception`, so code that catches them catches every bug along with them. And it answers two. A list costs it a
# conversion, and is right. The last is the worst kind: numbers in **big-endian** byte order, as they come from a network, from many scientific file formats and from some old machines,
# are read as if they were little-endian. No error, and nonsense.
#
# Now open the wrapping. At its core it reads what the session takes, and compares names, data types and shapes before it runs anything:

# %%
NUMPY = {"tensor(float)": np.dtype("float32"), "tensor(int64)": np.dtype("int64")}  # and so on


def predict_checked(session, inputs):
    takes = {node.name: (node.type, node.shape) for node in session.get_inputs()}
    if set(inputs) != set(takes):
        raise ValueError(f"the inputs are {list(takes)}, and {list(inputs)} came")
    for name, (kind, shape) in takes.items():
        array = inputs[name]
        if not isinstance(array, np.ndarray) or array.dtype != NUMPY[kind]:
            raise ValueError(f"{name} must be an array of {NUMPY[kind]}")
        if array.ndim != len(shape) or array.shape[1:] != tuple(shape[1:]):  # rows are free
            raise ValueError(f"{name} must have the shape {shape}, and {array.shape} came")
    return session.run(None, inputs)


# %%
by_core = [attempt(predict_checked, bare, inputs) for inputs in mistakes.values()]
print("the core refuses:", sum(isinstance(problem, ValueError) for problem in by_core), "of", len(by_core))
_, fitting = predict_checked(bare, {"input": sent})
print("and answers what fits:", parity(chance(trees, sent), fitting[:, 1]).holds(1e-5))

# %% [markdown]
# numpy counts the byte order as part of the data type (`>f4` is not `float32`), so one comparison catches what the session missed. The library's wrapping adds a type for each kind of mistake, and a sentence for
# whoever made it:

# %%
from modelserving.interpreter import InvalidInput

print("all refused, all by one family:", all(isinstance(p, InvalidInput) for p in by_wrapping.values()))
for problem in by_wrapping.values():
    print(f"{type(problem).__name__}: {problem}")

# %% [markdown]
# A server turns such a type into a status, and the sentence into the body (lesson 03). Nothing is repaired on the way: float64 rows could be cast, and the caller would never learn that
# half of what they send is thrown away.
#
# And what does no signature see? We swap two columns, temperature and dew point, both in degrees.

# %%
swapped = X_future.copy()
swapped[:, degrees] = swapped[:, degrees[::-1]]
shift = np.abs(served(files["trees"], swapped) - answers["trees"])
print("answered, and the mean answer moves by more than 0.01:", shift.mean() > 0.01)

# %% [markdown]
# Names, types and shapes are all in order; the meaning is not, and the same goes for kilometres in place of miles. What helps: one function for the features on both sides
# (lesson 01), and the meaning written *into the file*, where it cannot get lost.

# %%
described = onnx.load_from_string(files["trees"])
onnx.helper.set_model_props(described, {"columns": ",".join(FEATURES), "trained_until": "2013-09-30"})
kept = open_bare(described.SerializeToString()).get_modelmeta().custom_metadata_map
for name, value in sorted(kept.items()):
    print(f"{name}: {value}")

# %% [markdown] tags=["question"]
# ### Self-check 4
#
# *Select all that apply.*
#
# A model is behind a wrapping that checks its signature. Against which of these does that protect?
#
# - **A.** A client that sends float64, as most numerical programs do by default
# - **B.** A client that sends its columns in another order
# - **C.** A client whose rows have a column too few since its last update
# - **D.** A client that sends temperatures in Celsius

# %%
quiz.ask("s4", "")

# %% [markdown]
# ## Any number of rows
#
# A free batch dimension is a promise: the answer for a row does not depend on who shares the batch. It is what allows a server to put the requests of strangers into one
# call (lesson 05). We ask for the same flights one by one, in sevens and all at once; and then for none.

# %%
some = X_future[:700]
at_once = late_v2.predict({"input": some})["probability"]
for size in (1, 7, 350):
    parts = [late_v2.predict({"input": some[i : i + size]})["probability"] for i in range(0, 700, size)]
    print(f"in batches of {size}, within 0.000001:", parity(at_once, np.concatenate(parts)).holds(1e-6))
print("no rows:", late_v2.predict({"input": some[:0]})["probability"].shape)

# %% [markdown]
# Nothing comes back for nothing, with the right number of columns. A batch can be empty, after a filter for example, and a service should not fall over
# it. The promise is not a law of nature: lesson 07 meets a compressed model whose answers do depend on the company.

# %% [markdown]
# ## What a call costs
#
# Same answers; now the price. How many times as long does scikit-learn take as the session, for one flight, with the logistic model?

# %%
my_guess = None  # times


# %%
def seconds(call, rows, repeat):
    took = []
    for _ in range(repeat + 1):
        started = time.perf_counter()
        call(rows)
        took.append(time.perf_counter() - started)
    return float(np.median(took[1:]))  # the first call has a section of its own


# %%
sizes = (1, 8, 64, 512, 4096, 32768)
pairs = {"logistic": (logistic, late_v1), "trees": (trees, late_v2)}
cost = {}
for name, (model, interpreter) in pairs.items():
    for size in sizes:
        batch, repeat = X_future[:size], 30 if size < 4096 else 5
        cost[name, "scikit-learn", size] = seconds(model.predict_proba, batch, repeat)
        cost[name, "session", size] = seconds(interpreter.predict, {"input": batch}, repeat)


# %%
def times_cheaper(name, size):
    return cost[name, "scikit-learn", size] / cost[name, "session", size]


# %% tags=["nbval-ignore-output"]
gap(my_guess, times_cheaper("logistic", 1))
print("µs a call".ljust(24), *(f"{size:>9,}" for size in sizes))
for name in pairs:
    for who in ("scikit-learn", "session"):
        print(f"{name:10} {who:13}", *(f"{1e6 * cost[name, who, size]:9,.0f}" for size in sizes))

# %% tags=["nbval-ignore-output"]
fig, panels = plots.figure("Latency of a call", "rows in the call", "median latency", columns=2, size=(9, 4))
for ax, name in zip(panels, pairs, strict=True):
    for who, marker in (("scikit-learn", "s"), ("session", "o")):
        ax.plot(sizes, [cost[name, who, size] for size in sizes], marker=marker, label=who)
    ax.set(title=name, xscale="log", yscale="log", xlim=(0.7, 3e6), xticks=[1, 100, 10_000])
    plots.counts(ax.xaxis), plots.seconds(ax.yaxis)
    plots.label_lines(ax)
by_size = [f"{n} {times_cheaper(n, s):.0f} times at {s:,} rows" for n in pairs for s in (1, sizes[-1])]
left_ends = "scikit-learn's line is flat up to hundreds of rows (logistic) or dozens (trees)"
plots.show(fig, f"Two plots, log scales; {left_ends}, and it is dearer: {', '.join(by_size)}.")

# %%
for name in pairs:
    alone, crowd = times_cheaper(name, 1), times_cheaper(name, sizes[-1])
    print(f"{name}: alone, a flight costs less than a fifth:", alone > 5)
    print(f"{name}: in a crowd, at least half of that gain is gone:", crowd < alone / 2)
for name, size in {"logistic": 512, "trees": 64}.items():
    steep = cost[name, "scikit-learn", size] / cost[name, "scikit-learn", 1]
    print(f"{name}: {size} rows cost scikit-learn less than 4 times what one costs:", steep < 4)

# %% [markdown]
# scikit-learn's curve is flat on the left, up to hundreds of rows with the logistic model, up to dozens with the trees: so far it is the *call* that costs, checks and copies and
# columns routed about. The session's curve starts far lower, and rises earlier. On the right arithmetic is most of the work on both sides, and the two come close. So an interpreter of this kind is for requests that come one at a time, which is what a service gets. For
# the nightly list it hardly matters.
#
# Nothing was made faster about the *model*. Lesson 07 is about that.

# %% [markdown] tags=["question"]
# ### Self-check 5
#
# *Pick one.*
#
# A team scores a table of millions of flights once a night, in batches of 32,768, with scikit-learn. They move to ONNX Runtime. By your plot, what will they gain in time?
#
# - **A.** As much as for single flights: the session is faster by a constant factor
# - **B.** Far less than for single flights, since in large batches the arithmetic counts and not the call
# - **C.** Far more than for single flights, since the session handles batches better
# - **D.** They lose: sessions are made for single rows

# %%
quiz.ask("s5", "")


# %% [markdown]
# ## The first call
#
# We left out each first call, as benchmarks do. Users do not: somebody is first after every deployment and every restart. We take fresh sessions of the trees, and time their calls for one flight.

# %%
def first_and_later(warm):
    fresh = Interpreter(files["trees"])
    if warm:
        fresh.warm_up()
    took = []
    for _ in range(6):
        started = time.perf_counter()
        fresh.predict({"input": one_row})
        took.append(time.perf_counter() - started)
    return took[0], took[-1]


# %% tags=["nbval-ignore-output"]
cold, later = np.median([first_and_later(warm=False) for _ in range(15)], axis=0)
warm, _ = np.median([first_and_later(warm=True) for _ in range(15)], axis=0)
print(f"first {1e6 * cold:.0f} µs, sixth {1e6 * later:.0f} µs, first after a warm-up {1e6 * warm:.0f} µs")

# %%
print("the first takes more than twice as long:", cold > 2 * later)


# %% [markdown]
# At its first call a session sets up memory and whatever else it had put off; the larger the model, the more of it. The remedy is to **warm up**: run once on made-up rows *before* telling anybody that
# you are ready. `warm_up` does it with zeros, as many rows as you say.

# %% [markdown]
# ## Three switches
#
# A session has dozens of options. The library passes on three, with these defaults:

# %% tags=["shows:modelserving.interpreter.Options"]
@dataclass(frozen=True)
class Options:
    """How a session runs. The defaults suit a server that shares its cores with other models.

    ``threads`` compute inside one operation. ``optimise`` is True for all of onnxruntime's rewriting of the graph,
    False for none, or one of its levels, ``"basic"`` and ``"extended"``. With ``spin`` idle threads wait in a busy
    loop: quicker to start again, and a core that nobody else can use.
    """

    threads: int = 1
    optimise: bool | str = True
    spin: bool = False


# %% [markdown]
# **Spinning** first. A session with two threads must wake the second one for each call. If it *spins*, that thread does not sleep between calls but asks *anything to do?* in a loop. We
# call the logistic model again and again with a pause of 5 ms between calls, far longer than the calls, and read how many cores the process keeps busy. How many are they with spinning on?

# %%
my_guess = None  # cores, for example 0.1

# %%
from modelserving.interpreter import Options


def cores_busy(options, batch=X_future[:256]):
    interpreter = Interpreter(files["logistic"], options=options)
    cpu, wall = time.process_time(), time.perf_counter()
    for _ in range(60):
        interpreter.predict({"input": batch})
        time.sleep(0.005)  # until the next request
    return (time.process_time() - cpu) / (time.perf_counter() - wall)


# %% tags=["nbval-ignore-output"]
asleep, spinning = cores_busy(Options(threads=2)), cores_busy(Options(threads=2, spin=True))
gap(my_guess, spinning)
print(f"cores busy: spinning {spinning:.2f}, asleep {asleep:.2f}")

# %%
print("spinning costs more than twice the CPU time:", spinning > 2 * asleep)


# %% [markdown]
# So much of a core, for a model that is asked for next to nothing. In a benchmark of one model on an idle machine nobody would notice; in a server with ten models it is ten threads that take the cores from one
# another. It is on by default in ONNX Runtime, and off in our wrapping.
#
# Now **threads**. How long does a call take with two of them, as a share of the time with one? We take turns between the two sessions and keep the quickest call of each, so that whatever else the machine does
# hits both alike.

# %%
def quickest(sessions, rows, repeat):
    best = dict.fromkeys(sessions, np.inf)
    for _ in range(repeat):
        for setting, session in sessions.items():  # in turn
            started = time.perf_counter()
            session.predict({"input": rows})
            best[setting] = min(best[setting], time.perf_counter() - started)
    return best


# %%
switch_sizes, ratio = (1, 512, 32768), {}
for name in pairs:
    sessions = {threads: Interpreter(files[name], options=Options(threads=threads)) for threads in (1, 2)}
    for size in switch_sizes:
        best = quickest(sessions, X_future[:size], 5 if size > 512 else 60)
        ratio[name, size] = best[2] / best[1]

# %% tags=["nbval-ignore-output"]
print("two threads : one".ljust(18), *(f"{size:>7,}" for size in switch_sizes), "rows")
for name in pairs:
    print(name.ljust(18), *(f"{ratio[name, size]:7.2f}" for size in switch_sizes))

# %%
for name in pairs:
    print(f"{name}: with one row, two threads do not halve the time:", ratio[name, 1] > 0.6)

# %% [markdown]
# One row cannot be shared out. Many rows can, if a core happens to be free: read the last column of your own table, and expect a half at best. A server has many requests at once
# anyway, so it gives each session one thread and runs requests side by side. That is why `threads=1` is the default here.
#
# The third, **optimisation**, has ONNX Runtime merge operations that follow each other and drop what is not needed, once, when the session opens. It is on. Every parity check above ran with it. What it is worth is
# a matter for models with many operations: lesson 07 measures it with neural networks.

# %% [markdown] tags=["question"]
# ### Self-check 6
#
# *Pick one.*
#
# Eight models of this size share a server with two cores. Each is asked now and then for one row. Which settings?
#
# - **A.** One thread a session, no spinning
# - **B.** One thread for each core, spinning, so that all are ready at once
# - **C.** Two threads a session, no spinning, so that one row is answered in half the time
# - **D.** Graph optimisation off, since it rewrites the model and so breaks parity

# %%
quiz.ask("s6", "")

# %% [markdown]
# ## What to take away
#
# | idea | what to remember | where you measured it |
# |---|---|---|
# | a file of operations | names and numbers; any interpreter that knows the operations can run it | *From operations to a file* |
# | parity | compare probabilities, all rows, the largest distance; one row is no test | *The flight that agrees* |
# | trees | raw columns, float32, no scaler: one bit decides at a threshold | *A step under the flight* |
# | rule of three | to see a share $s$ of the rows, compare $3/s$ of them | *How many rows must agree?* |
# | silent conversions | `categorical_features=`, a calibrator around a pipeline: no warning, worse than no model | *Wrong without a word* |
# | score and parity | is it good, and is it the same? two questions, two tests | *Wrong without a word* |
# | signature | names, data types, shapes, version; refuse by type, repair nothing; it does not see meaning | *A session with a signature* |
# | batch dimension | free, and the answer for a row does not depend on the batch | *Traps that you hear*, *Any number of rows* |
# | the price of a call | an interpreter saves the call, not the arithmetic | *What a call costs* |
# | warm-up, threads, spinning | run once before you are ready; one thread, no spinning among many models | *The first call*, *Three switches* |

# %% [markdown]
# ## When this goes wrong in production
#
# - **One customer's number differs between notebook and app.** Log inputs and version with each answer; replay that input through both. If only single rows differ, look for trees behind a scaler or float64 columns; if nearly all do, the conversion itself is wrong.
# - **Upgrade of a converter or runtime.** Parity is a fact about a *file and a pair of versions*. Run the check again whenever scikit-learn, skl2onnx or ONNX Runtime moves, in the pipeline that builds the file, and let it fail the build.
# - **Plausible nonsense after a new client went live.** Swapped columns, other units, big-endian bytes. Compare the distributions of live inputs with training's, column by column (lesson 06).
# - **Refusals in the hundreds after a deployment.** The signature changed: a column more, another name. A changed signature is a new model name or a new version that clients choose, not a quiet replacement.
# - **A slow minute after each release.** Cold sessions. Warm up before readiness, with a batch of the size that users send.
# - **CPU at 100 % and nobody asks anything.** Spinning threads, or as many threads a session as the *machine* has cores, in a container that was given two.

# %% [markdown]
# ## Further reading
#
# - ONNX: *Open Neural Network Exchange, intermediate representation and operator specification*. [onnx.ai](https://onnx.ai/onnx/repo-docs/IR.html). What a file may contain; `ai.onnx.ml` holds the operations of classical models, trees among them.
# - X. Dupré and others: *sklearn-onnx, discrepancies with float and double*. [onnx.ai/sklearn-onnx](https://onnx.ai/sklearn-onnx/). By the authors of the converter, on thresholds, casts and what to do about them.
# - D. Goldberg (1991). What every computer scientist should know about floating-point arithmetic. *ACM Computing Surveys* 23(1), 5–48. [doi:10.1145/103162.103163](https://doi.org/10.1145/103162.103163). Why dividing and multiplying by the inverse differ.
# - J. A. Hanley, A. Lippman-Hand (1983). If nothing goes wrong, is everything all right? Interpreting zero numerators. *JAMA* 249(13), 1743–1745. [doi:10.1001/jama.1983.03330370053031](https://doi.org/10.1001/jama.1983.03330370053031). The rule of three.
# - E. Breck, S. Cai, E. Nielsen, M. Salib, D. Sculley (2017). The ML test score: a rubric for ML production readiness. *IEEE International Conference on Big Data*, 1123–1132. [doi:10.1109/BigData.2017.8258038](https://doi.org/10.1109/BigData.2017.8258038). Among its tests: training and serving give the same features and the same answers.
# - C. Olston and others (2017). TensorFlow-Serving: flexible, high-performance ML serving. [arXiv:1712.06139](https://arxiv.org/abs/1712.06139). Signatures, versions and warm-up at the scale of a data centre.

# %% [markdown]
# ## What the assignment asks next
#
# In the [exercises](../release/02_wrap_it_in_an_interpreter/exercises.ipynb) you write the pieces anew, on ONNX Runtime alone: a parity report that finds the worst rows, the number of rows that a test needs, an export that refuses to hand out
# a wrong file, a wrapping with signature, refusals and any number of rows, and the choice among files of which some converted wrongly. The
# [quiz](../release/02_wrap_it_in_an_interpreter/quiz.ipynb) asks what you measured here.
#
# Back to [01 Build a model](01_build_a_model.ipynb). [Lesson 03](03_serve_it.ipynb) puts an HTTP server around this interpreter, and asks: what is a good answer to a request, and to a bad one?
