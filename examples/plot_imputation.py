"""
Missing values: erased digits and a mixed table
===============================================

A restricted Boltzmann machine is a model of whole rows, so it can fill in any part of a row given
the rest. Three lines impute a table: draw several completions of every row with
``sample(given=...)``, where NaN marks what is missing, and average them.
"""

# %%
# Erased digits
# -------------
#
# Train on complete digits, then erase regions of digits that the machine has not seen. The mean of
# the completions is the probability that a pixel is on; single completions are sharp.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits, load_wine
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from skebm import RBM
from skebm.units import Categorical, Composite

X = (load_digits().data >= 8).astype(np.float32)
X_train, X_test = train_test_split(X, test_size=300, random_state=0)
rbm = RBM(n_components=128, max_iter=60, random_state=0).fit(X_train)

pixel_row, pixel_column = np.divmod(np.arange(64), 8)
regions = {
    "lower half": pixel_row >= 4,
    "right half": pixel_column >= 4,
    "centre": (abs(pixel_row - 3.5) < 2) & (abs(pixel_column - 3.5) < 2),
}


def impute(rbm, rows, n_draws=50):
    """Mean of completions of rows with NaN, and one completion each."""
    draws = rbm.sample(n_draws, given=rows, n_sweeps=200, random_state=0)
    draws = draws.reshape(len(rows), n_draws, -1)
    return draws.mean(axis=1), draws[:, 0]


figure, axes = plt.subplots(3, 12, figsize=(9, 2.9), layout="constrained")
titles = ["erased", "mean", "one draw", "truth"]
colors = plt.get_cmap("Greys").copy()
colors.set_bad("tab:orange", alpha=0.35)
for row, (name, erased) in enumerate(regions.items()):
    truth = X_test[row : 100 + row]
    holed = np.where(erased, np.nan, truth)
    mean, draw = impute(rbm, holed)
    for digit in range(3):
        for k, image in enumerate((holed, mean, draw, truth)):
            ax = axes[row, 4 * digit + k]
            ax.imshow(image[30 * digit].reshape(8, 8), cmap=colors, vmin=0, vmax=1)
            ax.set(xticks=[], yticks=[])
            if row == 0:
                ax.set_title(titles[k], fontsize=8)
    axes[row, 0].set_ylabel(name, fontsize=8)
    right = ((mean > 0.5) == truth)[:, erased].mean()
    print(f"{name:12} {right:.0%} of the erased pixels guessed right in 100 digits")
figure.suptitle("Erased regions (orange) of digits not seen in training")

# %%
# A mixed table
# -------------
#
# The wine data have 13 measurements and one of three growers. One-hot columns for the grower and a
# `Composite` of unit types let one machine model both: it imputes the grower from the measurements
# (a classifier), measurements from the grower, and either from whatever is known.

numbers, grower = load_wine(return_X_y=True)
numbers = StandardScaler().fit_transform(numbers)
table = np.hstack([numbers, np.eye(3)[grower]])
train, test = train_test_split(table, test_size=60, random_state=0)
visible = Composite([("gaussian", 13), (Categorical(3), 3)])
rbm = RBM(32, visible=visible, learning_rate=0.1, max_iter=500, random_state=0).fit(train)

grower_missing = test.copy()
grower_missing[:, 13:] = np.nan
probabilities, _ = impute(rbm, grower_missing)
right = probabilities[:, 13:].argmax(axis=1) == test[:, 13:].argmax(axis=1)
print(f"grower guessed right from the measurements: {right.mean():.0%} of {len(test)} wines")

color_missing = test.copy()
color_missing[:, 9] = np.nan  # colour intensity
imputed, _ = impute(rbm, color_missing)
error = np.mean((imputed[:, 9] - test[:, 9]) ** 2) / np.var(test[:, 9])
print(f"colour intensity from all the rest: {1 - error:.0%} of the variance explained")

figure, ax = plt.subplots(figsize=(4, 3.6), layout="constrained")
for k, marker in enumerate("os^"):
    of_grower = test[:, 13 + k] == 1
    ax.plot(test[of_grower, 9], imputed[of_grower, 9], marker, ls="", label=f"grower {k + 1}")
ax.axline((0, 0), slope=1, color="grey", lw=1)
ax.set(
    title="Colour intensity (standard deviations)",
    xlabel="measured",
    ylabel="imputed from the other columns",
)
ax.legend()
plt.show()
