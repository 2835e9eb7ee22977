"""
What the weights of an RBM do while it learns
=============================================

Decelle, Fissore and Furtlehner (2017, 2018) described the learning of an RBM as a sequence of
phases. At first the weights are a random matrix, and the machine is a paramagnet: every unit does
what its bias says. Then one singular value after another leaves the bulk of the random spectrum,
each along a principal direction of the data, and the machine condenses along them, like a
ferromagnet. Later many modes interact, and the mean-field equations get many fixed points: kinds
of images that the machine tells apart.

This example watches all of it on handwritten digits, and asks at which stage the hidden units make
the best features.
"""

# %%
# Training under observation
# --------------------------
#
# A `Monitor` evaluates functions of the machine at epochs that grow more and more apart. Ready ones
# are in `skebm.monitors`; others are a line. The learning rate is low and constant, so that the
# phases lie apart.

from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

from skebm import RBM
from skebm.inspection import (
    ImagesDisplay,
    SingularValuesDisplay,
    TrainingCurveDisplay,
    WeightHistogramDisplay,
)
from skebm.monitors import Monitor, log_likelihood, n_fixed_points, singular_values
from skebm.theory import marchenko_pastur_edge

X, y = load_digits(return_X_y=True)
X = (X >= 8).astype(np.float32)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=500, random_state=0, stratify=y)


def accuracy(rbm):
    """Accuracy of a linear classifier on the hidden means."""
    classifier = LogisticRegression(C=1.0, max_iter=200)
    classifier.fit(rbm.transform(X_train), y_train)
    return classifier.score(rbm.transform(X_test), y_test)


monitor = Monitor(
    values=singular_values,
    train=log_likelihood(X_train, n_temperatures=200),
    test=log_likelihood(X_test, n_temperatures=200),
    mean_field=n_fixed_points(X_train[:150]),
    phase=lambda rbm: rbm.phase().largest,
    accuracy=accuracy,
    weights=lambda rbm: rbm.components_.copy(),
    intercept_visible=lambda rbm: rbm.intercept_visible_.copy(),
    intercept_hidden=lambda rbm: rbm.intercept_hidden_.copy(),
)
rbm = RBM(
    100,
    learning_rate=0.02,
    learning_rate_schedule="constant",
    max_iter=150,
    batch_size=20,
    random_state=0,
)
# the machine as it is before it learns anything
untrained = RBM(100, learning_rate=1e-12, max_iter=1, random_state=0).fit(X_train)
if hasattr(rbm, "set_callbacks"):  # scikit-learn 1.9
    rbm.set_callbacks(monitor).fit(X_train)
else:
    for _ in range(rbm.max_iter):
        monitor.record(rbm.partial_fit(X_train))
data = monitor.data()

# %%
# Three stages
# ------------
#
# The overlap of two hidden units is the cosine of the angle between their weights. Before
# training it is narrow and normal around 0. When the first few modes dominate, all weights lie
# near the space that they span, and overlaps are large, of either sign. Later units differ from
# each other again, and the weights have long tails.

stages = [0, np.searchsorted(data["epoch"], 24), len(data["epoch"]) - 1]
names = ["before training", f"epoch {data['epoch'][stages[1]]}", f"epoch {data['epoch'][-1]}"]
machines = [untrained] + [
    RBM.from_parameters(*(data[k][i] for k in ("weights", "intercept_visible", "intercept_hidden")))
    for i in stages[1:]
]

figure, axes = plt.subplots(2, 3, figsize=(10, 5.5), layout="constrained")
for machine, name, (top, bottom) in zip(machines, names, axes.T, strict=True):
    rows = machine.components_ / np.linalg.norm(machine.components_, axis=1, keepdims=True)
    overlaps = (rows @ rows.T)[np.triu_indices(len(rows), 1)]
    top.hist(overlaps, 60, range=(-1, 1), density=True, color="C0")
    top.set(title=name, xlabel="overlap of two hidden units", ylabel="density")
    WeightHistogramDisplay.from_estimator(machine, ax=bottom)
    print(f"{name}: {machine.phase()}")
plt.show()

# %%
# The spectrum
# ------------
#
# One mode after another leaves the random bulk, whose edge is known in closed form (Marchenko and
# Pastur).

figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
edge = marchenko_pastur_edge(*untrained.components_.shape, deviation=untrained.components_.std())
SingularValuesDisplay.from_monitor(monitor, edge=edge, ax=left)
right.loglog(data["epoch"], data["mean_field"], "o-", ms=4)
right.set(xlabel="epoch", ylabel="mean-field fixed points from 150 digits")
plt.show()

# %%
# Patterns, and states
# --------------------
#
# Naive mean field counts what looks like a pattern. Adaptive TAP, which takes the reaction of all
# units on each other into account, finds the states that the machine keeps apart. At T = 1 that is
# one, with the pixels' means of long chains: chains started at a fixed point of mean field leave it
# within some sweeps, and wander through all digits.

naive = rbm.fixed_points(X_train[:150], n_starts=0, method="mean_field")
adaptive = rbm.fixed_points(X_train[:10], n_starts=0, method="adaptive")
chains = rbm.sample(1000, random_state=0)
gap = np.abs(adaptive.visible[0] - chains.mean(axis=0)).mean()
print(f"{len(naive.visible)} naive fixed points, {len(adaptive.visible)} of adaptive TAP")
print(f"its means differ from those of 1000 chains by {gap:.3f} on average")

start = np.repeat((naive.visible > 0.5).astype(np.float32), 20, axis=0)
deviation = start - start.mean(axis=0)
for n_sweeps in (1, 3, 10, 30, 100):
    moved = rbm.gibbs(start, n_sweeps, random_state=0)
    kept = np.sum(deviation * (moved - start.mean(axis=0))) / np.sum(deviation**2)
    print(f"after {n_sweeps:3d} sweeps chains keep {kept:5.2f} of where they started")

# %%
# Samples
# -------
#
# At every stage the machine dreams what it has learned.

figures = [
    ImagesDisplay.from_estimator(
        machine, shape=(8, 8), kind="samples", n_images=20, n_columns=10, random_state=0
    ).figure_
    for machine in machines
]
for figure, name in zip(figures, names, strict=True):
    figure.suptitle(f"samples, {name}", fontsize=10)
plt.show()

# %%
# Likelihood, and features
# ------------------------
#
# Random weights are features already. Both curves begin to rise when the first modes leave the
# bulk, and the features gain as long as the likelihood does.

figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
TrainingCurveDisplay.from_monitor(monitor, ["train", "test"], ax=left)
left.set_xscale("log")
right.semilogx(data["epoch"], data["accuracy"], "o-", ms=4)
right.set(xlabel="epoch", ylabel="accuracy of a linear classifier on hidden means")
plt.show()
for before, after in pairwise(range(len(data["epoch"]))):
    if data["phase"][before] < 1 <= data["phase"][after]:
        print(f"the paramagnet becomes unstable in epoch {data['epoch'][after]}")
