"""
Digits: features, fantasies and missing halves
==============================================

A restricted Boltzmann machine learns what handwritten digits look like, without labels. Three
things come out of the same machine: features that make a linear classifier better, new digits,
and the missing half of a digit.
"""

# %%
# The data
# --------
# scikit-learn's 8x8 digits, and each of them moved by one pixel in four directions, so that a
# classifier of raw pixels has a hard time. Bernoulli units read values in [0, 1] as probabilities.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skebm import RBM
from skebm.datasets import nudge_images
from skebm.units import Bernoulli

X, y = load_digits(return_X_y=True)
X, y = nudge_images(X / 16, y, shape=(8, 8))
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.2, random_state=0)

# %%
# Training
# --------
# The defaults need no tuning for a start. The held-out rows are drawn from the grey values once:
# only then is their log-likelihood that of a machine of binary units.

held_out = Bernoulli().discretize(X_test, np.random.default_rng(0))
stream = RBM(n_components=100, random_state=0)
scores = [stream.partial_fit(X_train).score(held_out) for _ in range(10)]
rbm = RBM(n_components=100, max_iter=10, random_state=0).fit(X_train)

fig, ax = plt.subplots(figsize=(5, 3), layout="constrained")
ax.plot(range(1, 11), scores, "o-", label="partial_fit, constant rate")
ax.axhline(rbm.score(held_out), color="C1", ls="--", label="fit, rate falling to 0")
ax.set(xlabel="epoch", ylabel="held-out log-likelihood (nats)")
ax.legend()

# %%
# Features
# --------
# The hidden units detect strokes. A linear classifier gets much further on them than on pixels.


def accuracy(features_train, features_test):
    classifier = make_pipeline(StandardScaler(), LogisticRegression(max_iter=300))
    return classifier.fit(features_train, y_train).score(features_test, y_test)


print(f"pixels       {accuracy(X_train, X_test):.3f}")
print(f"RBM features {accuracy(rbm.transform(X_train), rbm.transform(X_test)):.3f}")


def show(tiles, title, n_columns=12, **options):
    n_rows = -(-len(tiles) // n_columns)
    fig, axes = plt.subplots(
        n_rows, n_columns, figsize=(n_columns * 0.6, n_rows * 0.6 + 0.5), layout="constrained"
    )
    fig.suptitle(title)
    for ax, tile in zip(axes.flat, tiles, strict=False):
        ax.imshow(tile.reshape(8, 8), **options)
        ax.set(xticks=[], yticks=[])


strongest = np.argsort(-np.linalg.norm(rbm.components_, axis=1))[:36]
limit = abs(rbm.components_[strongest]).max()
show(rbm.components_[strongest], "filters", cmap="RdBu_r", vmin=-limit, vmax=limit)

# %%
# Fantasies
# ---------
# Samples start at the persistent chains of training. A lower temperature sharpens them: the
# machine stays with what it finds likely.

show(rbm.sample(36, random_state=0), "samples at T = 1", cmap="gray_r", vmin=0, vmax=1)
rbm.set_params(temperature=0.7)
show(rbm.sample(36, random_state=0), "samples at T = 0.7", cmap="gray_r", vmin=0, vmax=1)
rbm.set_params(temperature=1.0)

# %%
# The missing half
# ----------------
# ``given`` holds the pixels that are known, NaN marks the others. Many completions of one digit
# average to what the machine believes: black or white where it is sure, grey where it is not.

digits = X_test[:12]
erased = digits.copy()
erased[:, 32:] = np.nan
draws = rbm.sample(50, given=erased, n_sweeps=200, random_state=0).reshape(12, 50, 64)
tiles = np.concatenate([digits, np.nan_to_num(erased, nan=0.5), draws[:, 0], draws.mean(axis=1)])
show(tiles, "digit, given, a draw, mean of 50 draws", cmap="gray_r", vmin=0, vmax=1)

plt.show()
