"""
Modern memories: completion, temperature, attention
===================================================

A continuous memory moves a state to the mean of its patterns, weighted by their similarity to the
state. How far it looks around is the temperature: high, it recalls the mean of everything; lower,
the mean of a cluster; low, a single pattern. One step of it is the attention of transformers.
"""

# %%
# Half a digit
# ------------
#
# 1000 digits are stored; the lower half of each is erased, and the memory completes it. Products
# with the patterns favour dark patterns. Distances of Manhattan add up what differs, so that many
# pixels that are equal count for more than some that are far off.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skebm import HopfieldClassifier, ModernHopfieldMemory

X, y = load_digits(return_X_y=True)
X, X_test, y, y_test = train_test_split(X, y, train_size=1000, random_state=0, stratify=y)
order = np.argsort(y, kind="stable")
X, y = X[order], y[order]
halves = X.copy()
halves[:, 32:] = 0
for similarity, temperature in (
    ("dot", 1.0),
    ("euclidean", 1.0),
    ("cosine", 0.001),
    ("manhattan", 1.0),
):
    memory = ModernHopfieldMemory(similarity=similarity, temperature=temperature).fit(X)
    exact = (np.abs(memory.transform(halves) - X).max(axis=1) < 1e-3).mean()
    print(f"{similarity:10} completes {exact:.0%} of the halves exactly")

# %%
# Three temperatures
# ------------------

shown = [np.flatnonzero(y == digit)[3] for digit in (0, 3, 4, 6, 8, 9)]
rows = {"cue": halves[shown]}
for label, temperature in (("T = 300: all", 300.0), ("T = 20: cluster", 20.0), ("T = 1: one", 1.0)):
    memory = ModernHopfieldMemory(similarity="manhattan", temperature=temperature).fit(X)
    rows[label] = memory.transform(halves[shown])
rows["stored"] = X[shown]
figure, axes = plt.subplots(len(rows), len(shown), figsize=(5.2, 4.4), layout="constrained")
for line, (label, images) in zip(axes, rows.items(), strict=True):
    for ax, image in zip(line, images, strict=True):
        ax.imshow(image.reshape(8, 8), cmap="Greys", vmin=0, vmax=16)
        ax.set(xticks=[], yticks=[])
    line[0].set_ylabel(label, fontsize=8, rotation=0, ha="right", va="center")

# %%
# Attention
# ---------
#
# The weights over the patterns, here for twenty digits that were not stored, two of each. Stored
# digits are sorted by their class, so that a row lights up in the block of its own class. Summing
# the weights of each class gives a classifier, whose temperature a grid search finds.

queries = np.concatenate([np.flatnonzero(y_test == digit)[:2] for digit in range(10)])
figure, axes = plt.subplots(1, 3, figsize=(9, 2.9), sharey=True, layout="constrained")
for ax, temperature in zip(axes, (1000.0, 200.0, 50.0), strict=True):
    memory = ModernHopfieldMemory(similarity="euclidean", temperature=temperature).fit(X)
    weights = memory.association(X_test[queries])
    by_pattern = weights / weights.max(axis=1, keepdims=True)
    # four neighbours together, the largest of them, or single columns would be lost on screen
    together = by_pattern.reshape(20, -1, 4).max(axis=2)
    ax.imshow(together, aspect="auto", cmap="Greys", vmin=0, vmax=1, extent=(0, len(y), 20, 0))
    ax.set(title=f"T = {temperature:g}", xlabel="stored digits, by class")
    ax.set_xticks([np.flatnonzero(y == digit).mean() for digit in range(10)], range(10))
axes[0].set(ylabel="queries", yticks=np.arange(1, 21, 2), yticklabels=range(10))

stored = HopfieldClassifier().fit(X, y)
print(f"temperature {stored.temperature_:.1f}, chosen by rows that are left out, ", end="")
print(f"accuracy on {len(y_test)} other digits {stored.score(X_test, y_test):.3f}")
trained = HopfieldClassifier(60, random_state=0).fit(X, y)
print(f"sixty trained memories: {trained.score(X_test, y_test):.3f}")
plt.show()
