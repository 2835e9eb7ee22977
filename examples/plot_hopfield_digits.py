"""
Remembering digits, and what theory says about it
==================================================

An associative memory stores patterns as minima of an energy. Give it a corrupted copy, and it rolls
downhill to the original. This example stores digits, repairs corrupted ones in front of a
classifier, and compares a memory of random patterns with the theory of Amit, Gutfreund and
Sompolinsky.
"""

# %%
# Which rule for images?
# ----------------------
#
# Hebb's rule wants patterns that do not resemble each other. Digits do: of ten prototypes it stores
# none, while the pseudo-inverse stores all.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, train_test_split

from skebm import HopfieldMemory
from skebm.datasets import corrupt, make_patterns
from skebm.inspection import (
    EnergyTraceDisplay,
    PhaseDiagramDisplay,
    RecallCurveDisplay,
    RecalledImagesDisplay,
)

X, y = load_digits(return_X_y=True)
X = np.where(X >= 8, 1.0, -1.0)
prototypes = np.array([np.where(X[y == k].mean(axis=0) > 0, 1.0, -1.0) for k in range(10)])
for rule in ("hebb", "storkey", "pseudo_inverse", "perceptron"):
    recalled = HopfieldMemory(rule).fit(prototypes).transform(prototypes)
    stored = (recalled == prototypes).all(axis=1).sum()
    print(f"{rule:16} stores {stored:2} of 10 prototypes")

# %%
# A memory in front of a classifier
# ---------------------------------
#
# Ten training digits are stored. Copies with 20 % of the pixels flipped are repaired before a
# classifier of clean digits sees them. A grid search finds the temperature: some noise at the
# beginning carries recall over shallow minima. Its single split is given by hand: "training rows"
# are the patterns, "test rows" the cues, and y holds what each should become.

X_train, _, y_train, _ = train_test_split(X, y, test_size=0.3, random_state=0, stratify=y)
classifier = LogisticRegression(max_iter=1000).fit(X_train, y_train)
rng = np.random.default_rng(0)
rows = [rng.choice(np.flatnonzero(y_train == k)) for k in range(10)]
patterns = X_train[rows]
targets, labels = np.repeat(patterns, 20, axis=0), np.repeat(np.arange(10), 20)
cues = corrupt(targets, flip=0.2, random_state=0)

split = [(np.arange(10), np.arange(10, 210))]
search = GridSearchCV(
    HopfieldMemory("pseudo_inverse"), {"temperature": [0.0, 0.1, 0.3, 0.6]}, cv=split, refit=False
)
search.fit(np.vstack([patterns, cues]), np.vstack([patterns, targets]))
for parameters, score in zip(
    search.cv_results_["params"], search.cv_results_["mean_test_score"], strict=True
):
    print(f"temperature {parameters['temperature']}: mean overlap {score:.3f}")
memory = HopfieldMemory("pseudo_inverse", **search.best_params_).fit(patterns)
print(f"classifier alone     {classifier.score(cues, labels):.3f}")
print(f"memory, classifier   {classifier.score(memory.transform(cues), labels):.3f}")

RecalledImagesDisplay.from_estimator(memory, cues[::20], shape=(8, 8), targets=patterns)

# %%
# Simulation and theory
# ---------------------
#
# Random patterns stay fixed points, nearly, up to .138 patterns per unit, and then all break down
# at once (in a finite memory somewhat later and less sharply). The energy never rises in recall.

figure, axes = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
RecallCurveDisplay.from_estimator(HopfieldMemory(), n_features=1000, random_state=0, ax=axes[0])
random_patterns = make_patterns(20, 500, random_state=0)
random_cues = corrupt(random_patterns, flip=0.3, random_state=0)
EnergyTraceDisplay.from_estimator(
    HopfieldMemory().fit(random_patterns), random_cues, ax=axes[1]
).ax_.set_title("20 cues with 30 % flips")

# %%
# With temperature, there are three phases. Annealing a cue must start inside the phase of
# retrieval, or the cue is forgotten.

PhaseDiagramDisplay.from_theory(n_points=18)
cold, hot = HopfieldMemory().fit(random_patterns[:10]), np.linspace(1.0, 0.05, 100)
for name, temperatures in (("default, starts cold", None), ("starts at T = 1", hot)):
    annealed = cold.anneal(
        random_cues[:10], n_samples=20, temperatures=temperatures, random_state=0
    )
    aligned = (annealed * np.repeat(random_patterns[:10], 20, axis=0)).mean(axis=1)
    print(f"annealed from cues, {name:22} {np.mean(aligned > 0.9):.0%} recalled")
plt.show()
