"""
How do spins move at a temperature, and what do they say about a phase transition?
==================================================================================

A Hopfield memory started at a pattern, at temperatures below and above the one at which patterns
are lost; then the Ising model on a torus of 32 x 32 spins, whose energy and heat capacity are known
exactly (Kaufman 1949). A trajectory is gone through sweep by sweep, and whatever can be computed
from states is computed on the way.
"""

import matplotlib.pyplot as plt
import numpy as np

from skebm import BoltzmannMachine, HopfieldMemory
from skebm.datasets import make_ising_grid, make_patterns
from skebm.metrics import integrated_autocorrelation_time
from skebm.theory import ising_torus, mixture_overlap

# %%
# Overlap with the cue, over 100 sweeps. At a load near 0, ``m = tanh(m / T)``.
patterns = make_patterns(3, 2000, random_state=0)
memory = HopfieldMemory().fit(patterns)
figure, axes = plt.subplots(1, 4, figsize=(14, 3.2), layout="constrained")
for temperature in (0.3, 0.5, 0.8, 1.2):
    path = memory.trajectory(patterns[:1], temperature=temperature, random_state=0)
    overlaps = [memory.overlaps(states)[0, 0] for states in path]
    (line,) = axes[0].plot(overlaps, lw=1, label=f"T = {temperature:g}")
    theory = mixture_overlap(1, temperature)
    axes[0].axhline(theory, color=line.get_color(), ls=":")
    print(f"T = {temperature:g}: overlap {np.mean(overlaps[20:]):.3f}, theory {theory:.3f}")
axes[0].set(title="Hopfield memory", xlabel="sweep", ylabel="overlap", ylim=(-0.1, 1.05))
axes[0].legend(fontsize="small", loc="center right")

# %%
# The Ising grid, 30 chains that start with all spins up, against temperature.
side, critical = 32, 2 / np.log(1 + np.sqrt(2))
grid = BoltzmannMachine.from_coupling(make_ising_grid(side))
temperatures = np.array([1.5, 1.9, 2.15, 2.27, 2.4, 2.7, 3.3])
found = []
for temperature in temperatures:
    start = np.ones((30, side**2))
    path = grid.trajectory(start, n_sweeps=500, temperature=temperature, random_state=0)
    records = np.array([(grid.energy(states), states.mean(axis=1)) for states in path])[150:]
    energy, magnetisation = records.swapaxes(0, 1)
    error = energy.mean(axis=0).std(ddof=1) / np.sqrt(energy.shape[1])  # chains are independent
    found.append(
        (
            energy.mean() / side**2,
            error / side**2,
            energy.var() / temperature**2 / side**2,
            np.abs(magnetisation).mean(),
            integrated_autocorrelation_time(energy),
        )
    )
energy, error, capacity, magnetisation, time = np.transpose(found)
exact = [ising_torus((side, side), temperature) for temperature in temperatures]
deviation = (energy - [torus.energy / side**2 for torus in exact]) / error
print(f"energies differ from the exact ones by {np.abs(deviation).max():.1f} errors at most")

smooth = np.linspace(1.4, 3.4, 81)
curves = [ising_torus((side, side), temperature) for temperature in smooth]
axes[1].plot(smooth, [curve.energy / side**2 for curve in curves], color="0.6", label="exact")
axes[1].errorbar(temperatures, energy, 4 * error, fmt="o", label="chains")
axes[1].plot(temperatures, magnetisation, "s-", ms=4, lw=1, label="|magnetisation|")
axes[1].set(title="Ising grid", xlabel="T", ylabel="per spin")
axes[1].legend(fontsize="small")
axes[2].plot(smooth, [curve.heat_capacity / side**2 for curve in curves], color="0.6")
axes[2].plot(temperatures, capacity, "o")
axes[2].set(title="heat capacity per spin", xlabel="T")
axes[3].plot(temperatures, time, "o-")
axes[3].set(title="autocorrelation of the energy", xlabel="T", ylabel="sweeps", yscale="log")
for ax in axes[1:]:
    ax.axvline(critical, color="k", ls=":", lw=1)
plt.show()
