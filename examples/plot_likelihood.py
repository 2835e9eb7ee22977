"""
How good is a machine, and how soon?
====================================

`BernoulliRBM` has no likelihood, so that nobody sees what its defaults reach. `from_parameters`
takes the weights of any machine, and with few hidden units ln Z is exact: here the two are compared
on rows that neither saw, against the time they took.
"""

# %%
# Sixteen hidden units, exactly
# -----------------------------

import time

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neural_network import BernoulliRBM

from skebm import RBM

X = (load_digits().data >= 8).astype(np.float32)
train, test = train_test_split(X, test_size=297, random_state=0)


def exact_score(machine):
    """Mean log-likelihood of the test rows under the weights of a `BernoulliRBM`."""
    rbm = RBM.from_parameters(
        machine.components_, machine.intercept_visible_, machine.intercept_hidden_
    )
    return rbm.score(test)


share = np.clip(train.mean(axis=0), 0.5 / len(train), 1 - 0.5 / len(train))
independent = (test @ np.log(share) + (1 - test) @ np.log1p(-share)).mean()
print(f"independent pixels            {independent:.2f} nats")
print(
    f"BernoulliRBM(16)              {exact_score(BernoulliRBM(16, random_state=0).fit(train)):.2f}"
)
print(f"RBM(16)                       {RBM(16, random_state=0).fit(train).score(test):.2f}")

# %%
# Against the clock
# -----------------
#
# Both with their learning rates at what suits them: our default, and for `BernoulliRBM` .1 with
# batches of 100, the best of several in a longer search.
curves = {"RBM(16)": [], "BernoulliRBM(16), defaults": [], "BernoulliRBM(16), tuned": []}
for n_epochs in (3, 10, 30, 100, 300):
    begin = time.perf_counter()
    rbm = RBM(16, max_iter=n_epochs, random_state=0).fit(train)
    curves["RBM(16)"].append((time.perf_counter() - begin, rbm.score(test)))
for n_epochs in (3, 10, 30, 100):
    for name, options in (("defaults", {}), ("tuned", {"learning_rate": 0.1, "batch_size": 100})):
        begin = time.perf_counter()
        peer = BernoulliRBM(16, n_iter=n_epochs, random_state=0, **options).fit(train)
        seconds = time.perf_counter() - begin
        curves[f"BernoulliRBM(16), {name}"].append((seconds, exact_score(peer)))
figure, ax = plt.subplots(figsize=(7, 4), layout="constrained")
for name, points in curves.items():
    ax.semilogx(*np.transpose(points), "o-", label=name)
ax.axhline(independent, color="0.5", ls=":", label="independent pixels")
ax.set(
    xlabel="seconds", ylabel="mean log-likelihood of test rows (nats)", ylim=(independent - 3, None)
)
ax.legend()
plt.show()

# %%
# More hidden units
# -----------------
#
# Beyond about twenty, ln Z is annealed both ways, and `log_partition` gives the bounds.
for n_components in (16, 64, 128):
    rbm = RBM(n_components, random_state=0).fit(train)
    partition = rbm.log_partition()
    print(
        f"{n_components:4} hidden units: {rbm.score(test):.2f} nats, ln Z {partition.method}, "
        f"bounds {partition.upper - partition.lower:.2f} apart"
    )
