"""
What does a second layer see?
=============================

Hidden units of one RBM are the visible units of the next (Hinton, Osindero and Teh 2006): in
scikit-learn, a pipeline. The stack gives features, and it draws: chains run in the uppermost
machine, and every layer below turns means of hidden units into means of visible ones.
"""

# %%
# A pipeline of machines
# ----------------------

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

from skebm import RBM
from skebm.datasets import nudge_images
from skebm.inspection import ImagesDisplay

X, y = nudge_images(*load_digits(return_X_y=True), shape=(8, 8))
X = (X / 16).astype(np.float32)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.2, random_state=0)

stack = make_pipeline(
    RBM(256, max_iter=15, random_state=0),
    RBM(256, max_iter=15, random_state=1),
).fit(X_train)
first, second = stack[0], stack[1]

# %%
# Features of each layer, for the same linear classifier.
layers = {
    "pixels": (X_train, X_test),
    "first layer": (first.transform(X_train), first.transform(X_test)),
    "second layer": (stack.transform(X_train), stack.transform(X_test)),
}
for name, (train, test) in layers.items():
    classifier = LogisticRegression(C=10, max_iter=300).fit(train, y_train)
    print(f"{name:13} accuracy of a linear classifier {classifier.score(test, y_test):.3f}")

# %%
# Fantasies
# ---------
#
# Left: chains of the first machine alone. Right: chains of the second machine, brought down by
# `inverse_transform`.
alone = first.inverse_transform(first.transform(first.sample(25, random_state=0)))
from_above = first.inverse_transform(second.sample(25, random_state=0))
figure, axes = plt.subplots(1, 2, figsize=(8, 4), layout="constrained")
for ax, images, title in zip(axes, (alone, from_above), ("one layer", "two layers"), strict=True):
    rows = [[np.pad(images[5 * i + j].reshape(8, 8), 1) for j in range(5)] for i in range(5)]
    ax.imshow(np.block(rows), cmap="gray_r")
    ax.set_title(f"fantasies of {title}")
    ax.axis("off")
ImagesDisplay.from_estimator(first, shape=(8, 8), kind="filters", n_images=25)
plt.show()
