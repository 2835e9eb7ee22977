"""
The encoder problem of 1985
===========================

Two groups of visible units, and a few hidden ones between them. Of each group one unit is on, the
same in both, but the groups have no couplings with each other: what one says about the other must
pass through the hidden units, which have to invent a code. This is the problem on which Ackley,
Hinton and Sejnowski showed how a Boltzmann machine learns, and here it is solved by their own rule:

- anneal with the visible units clamped to a (noisy) row, and count how often each pair of units is
  on together;
- anneal with all units free, and count again;
- raise every coupling by 2 where the first count is larger, lower it by 2 where the second is.

The temperature ends at 10, so couplings of a few tens are strong.
"""

# %%
# The machine of the paper
# ------------------------
#
# `BoltzmannMachine.from_coupling` makes a machine from any couplings, and `anneal` runs it through
# any temperatures, so the historic procedure is a few lines.

import matplotlib.pyplot as plt
import numpy as np

from skebm import BoltzmannMachine
from skebm.datasets import make_encoder

SCHEDULE = [20, 20, 15, 15, 12, 12, 10, 10, 10, 10]
TEMPERATURE, STEP, N_STATISTICS = 10.0, 2.0, 10


def new_machine(n_patterns, n_hidden):
    """Make a machine with all parameters 0, and say which pairs may be coupled."""
    group = np.repeat([0, 1, 2], [n_patterns, n_patterns, n_hidden])
    mask = (group[:, np.newaxis] == group) & (group < 2) | ((group == 2) ^ (group == 2)[:, None])
    np.fill_diagonal(mask, False)
    machine = BoltzmannMachine.from_coupling(
        np.zeros(mask.shape), n_components=n_hidden, units="bernoulli", temperature=TEMPERATURE
    )
    return machine, mask


def count_pairs(machine, n_runs, given, rng, schedule):
    """Anneal from random states, then count pairs of units that are on, once a sweep."""
    n_samples = 1 if given is not None else n_runs
    options = {"given": given, "random_state": rng}
    states = machine.anneal(n_samples=n_samples, temperatures=schedule, **options)
    counts = 0
    for _ in range(N_STATISTICS):
        states = machine.anneal(states, temperatures=[TEMPERATURE], **options)
        counts = counts + states.T @ states
    return counts


def learn_cycle(machine, mask, X, rng, *, n_anneals=2, noise=1.0, schedule=SCHEDULE):
    """Run both phases, and move every coupling and bias by one step."""
    rows = np.repeat(X, n_anneals, axis=0)
    flip = rng.random(rows.shape) < noise * np.where(rows == 1, 0.15, 0.05)
    rows = np.where(flip, 1 - rows, rows)
    clamped = count_pairs(machine, len(rows), rows, rng, schedule)
    free = count_pairs(machine, len(rows), None, rng, schedule)
    step = STEP * np.sign(clamped - free)
    machine.coupling_ = machine.coupling_ + step * mask
    machine.intercept_ = machine.intercept_ + np.diag(step)


def solve(n_patterns, n_hidden, seed, most_cycles=2500, **procedure):
    """Learn until all rows have codes of their own; the number of cycles is None if never."""
    rng = np.random.default_rng(seed)
    X = make_encoder(n_patterns)
    machine, mask = new_machine(n_patterns, n_hidden)
    for cycle in range(1, most_cycles + 1):
        learn_cycle(machine, mask, X, rng, **procedure)
        codes = machine.transform(X) > 0.5
        if len(np.unique(codes, axis=0)) == n_patterns:
            return machine, cycle
    return machine, None


X = make_encoder(4)
machine, cycle = solve(4, 2, seed=0)
print(f"4-2-4 solved after {cycle} cycles")

# %%
# It goes on learning for a while: the codes become sharp.

rng = np.random.default_rng(0)
_, mask = new_machine(4, 2)
for _ in range(300):
    learn_cycle(machine, mask, X, rng)
codes = machine.transform(X)

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
image = left.imshow(codes, cmap="Greys", vmin=0, vmax=1, aspect="auto")
for (row, unit), value in np.ndenumerate(codes):
    left.text(unit, row, f"{value:.2f}", ha="center", va="center", color="C1")
left.set(
    xticks=range(2),
    yticks=range(4),
    xlabel="hidden unit",
    ylabel="unit that is on in both groups",
    title="Code of every row: probability of on",
)
figure.colorbar(image, ax=left, label="probability")
size = np.abs(machine.coupling_).max()
image = right.imshow(machine.coupling_, cmap="RdBu", vmin=-size, vmax=size)
right.axhline(3.5, color="k", linewidth=0.8)
right.axhline(7.5, color="k", linewidth=0.8)
right.axvline(3.5, color="k", linewidth=0.8)
right.axvline(7.5, color="k", linewidth=0.8)
right.set(xlabel="unit", ylabel="unit", title="Couplings: group 1, group 2, hidden")
figure.colorbar(image, ax=right, label="coupling, in units of energy (T = 10)")
plt.show()

# %%
# Completion
# ----------
#
# Given the first group, the second follows through the code.

given = np.hstack([X[:, :4], np.full((4, 4), np.nan)])
completed = machine.sample(500, given=given, random_state=0)[:, 4:].reshape(4, 500, 4)
for row, guess in enumerate(completed.mean(axis=1)):
    print(f"unit {row} on: the other group answers {guess.round(2)}")

# %%
# The same by maximum likelihood
# ------------------------------
#
# Ten units have 1024 states, so `fit` can follow the exact gradient of the likelihood to its
# maximum. Some starts end in local maxima, at a divergence of (ln 2) / 2 nats or more; so take the
# best of a few.

machines = [BoltzmannMachine(2, connectivity=mask, random_state=seed).fit(X) for seed in range(10)]
divergences = [-np.log(4) - machine.score(X) for machine in machines]
print("divergence of ten starts, in nats:", np.round(np.sort(divergences), 3))
