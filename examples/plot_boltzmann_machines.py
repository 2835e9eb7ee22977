"""
Boltzmann machines beyond the restricted one
============================================

An RBM has no couplings among the pixels themselves, so its hidden units must explain even that
neighbours are alike. A Boltzmann machine with lateral couplings leaves that to the pixels. And a
machine can be made from couplings alone: a magnet, or a spin glass.
"""

# %%
# Digits with lateral couplings
# -----------------------------
#
# ``connectivity="lateral"`` couples the pixels with each other and with the hidden units, which are
# still summed out in closed form: likelihoods need only ln Z, annealed in both directions.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

from skebm import RBM, BoltzmannMachine
from skebm.datasets import make_ising_grid, make_spin_glass
from skebm.inspection import CompletionDisplay, ImagesDisplay

X = (load_digits().data >= 8).astype(np.float32)
X = X[np.random.default_rng(0).permutation(len(X))]
X_train, X_test = X[:1500], X[1500:]

machine = BoltzmannMachine(
    64, connectivity="lateral", cd_steps=1, max_iter=100, random_state=0
).fit(X_train)
rbm = RBM(64, max_iter=100, random_state=0).fit(X_train)
for name, model in (("lateral couplings", machine), ("RBM", rbm)):
    bracket = model.log_partition(n_temperatures=3000)
    width = bracket.upper - bracket.lower
    print(f"{name}: test {model.score(X_test):.2f} nats, ln Z within {width:.2f}")

ImagesDisplay.from_estimator(
    machine, shape=(8, 8), kind="samples", n_images=30, n_columns=10, random_state=0
)
CompletionDisplay.from_estimator(
    machine, X_test[:10], np.arange(64) < 32, shape=(8, 8), random_state=0
)
plt.show()

# %%
# A magnet
# --------
#
# Spins on a torus, each coupled with its four neighbours. Above the critical temperature, 2.269,
# there is no order; below it, neighbours agree over long distances.

grid = BoltzmannMachine.from_coupling(make_ising_grid(48))
figure, axes = plt.subplots(1, 3, figsize=(9, 3.3), layout="constrained")
for ax, temperature in zip(axes, (5.0, 2.3, 1.5), strict=True):
    grid.set_params(temperature=temperature)
    state = grid.sample(n_sweeps=500, random_state=0)[0].reshape(48, 48)
    ax.imshow(state, cmap="Greys", vmin=-1, vmax=1)
    ax.set(xticks=[], yticks=[], title=f"T = {temperature}")
plt.show()

# %%
# A spin glass
# ------------
#
# With random couplings of both signs there are very many low minima. Slow annealing gets lower than
# a quench; the ground state of a large system is near -0.763 a spin.

glass = BoltzmannMachine.from_coupling(make_spin_glass(200, random_state=0))
runs = {}
for n_sweeps in (1, 10, 100, 1000):
    temperatures = np.linspace(1.5, 0.02, n_sweeps + 1)[1:]
    states = glass.anneal(n_samples=100, temperatures=temperatures, random_state=0)
    runs[n_sweeps] = glass.energy(states) / 200
figure, ax = plt.subplots(figsize=(6, 3.5), layout="constrained")
ax.boxplot(runs.values(), tick_labels=list(runs))
ax.axhline(-0.763, color="k", ls="--", lw=1, label="ground state, many spins")
ax.set(xlabel="sweeps of the annealing", ylabel="energy per spin")
ax.legend()
plt.show()
