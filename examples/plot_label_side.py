"""
Can one machine classify and draw?
==================================

Put the label into the row: 64 pixels and a one-hot group of ten columns (Larochelle and Bengio
2008). The machine learns what goes with what, and then answers in all directions: which label has
this image, what does a 7 look like, and how sure is it.
"""

# %%
# Pixels and a label
# ------------------

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.metrics import accuracy_score
from sklearn.model_selection import train_test_split

from skebm import RBM
from skebm.units import Categorical, Composite

X, y = load_digits(return_X_y=True)
X = (X >= 8).astype(np.float32)
labels = np.eye(10, dtype=np.float32)[y]
X_train, X_test, labels_train, _, y_train, y_test = train_test_split(
    X, labels, y, test_size=0.3, random_state=0, stratify=y
)
side = Composite([("bernoulli", 64), (Categorical(10), 10)])
rbm = RBM(100, visible=side, max_iter=100, random_state=0)
rbm.fit(np.hstack([X_train, labels_train]))

# %%
# Which label?
# ------------
#
# The label is free, the pixels are given. With one group free the conditional law is exact.
unknown = np.full((len(X_test), 10), np.nan)
probabilities = rbm.conditional_mean(np.hstack([X_test, unknown]))[:, 64:]
accuracy = accuracy_score(y_test, probabilities.argmax(axis=1))
print(f"accuracy {accuracy:.3f}")
sure = probabilities.max(axis=1) > 0.9
print(
    f"sure of {sure.mean():.0%} of the digits (more than .9), and right about "
    f"{(probabilities.argmax(axis=1) == y_test)[sure].mean():.1%} of these"
)

# %%
# With half of the pixels unknown as well, chains fill them while they decide.
half = np.hstack([X_test, unknown])
half[:, 32:64] = np.nan
probabilities = rbm.conditional_mean(half)[:, 64:]
accuracy = accuracy_score(y_test, probabilities.argmax(axis=1))
print(f"accuracy from the upper half alone {accuracy:.3f}")

# %%
# What does a 7 look like?
# ------------------------
#
# Now the label is given, and the pixels are free: eight draws of every digit, shown as
# the means of their pixels.
wanted = np.hstack([np.full((10, 64), np.nan), np.eye(10)])
drawn = rbm.sample(8, given=wanted, n_sweeps=500, random_state=0)
means = rbm.inverse_transform(rbm.transform(drawn))[:, :64].reshape(10, 8, 8, 8)
framed = np.pad(means, [(0, 0), (0, 0), (1, 1), (1, 1)])
figure, ax = plt.subplots(figsize=(6.5, 5.2), layout="constrained")
ax.imshow(np.block([[framed[k, j] for k in range(10)] for j in range(8)]), cmap="gray_r")
ax.set(xticks=10 * np.arange(10) + 4.5, xticklabels=range(10), yticks=[])
ax.set_title("draws, given the label")
plt.show()
