"""The encoder problem of 1985, with its learning rule: how many runs solve it, and how fast."""

import time

import numpy as np

from skebm import BoltzmannMachine
from skebm.datasets import make_encoder

TEMPERATURE = 10.0
SCHEDULE = [20, 20, 15, 15, 12, 12, 10, 10, 10, 10]
N_STATISTICS = 10
STEP = 2.0


def new_machine(n_patterns, n_hidden):
    """Two groups, coupled inside and with the hidden units; all parameters 0."""
    n_units = 2 * n_patterns + n_hidden
    machine = BoltzmannMachine.from_coupling(
        np.zeros((n_units, n_units)),
        n_components=n_hidden,
        units="bernoulli",
        temperature=TEMPERATURE,
    )
    mask = np.zeros((n_units, n_units), bool)
    first, second = slice(n_patterns), slice(n_patterns, 2 * n_patterns)
    hidden = slice(2 * n_patterns, n_units)
    for a, b in ((first, first), (second, second), (first, hidden), (second, hidden)):
        mask[a, b] = mask[b, a] = True
    return machine, mask & ~np.eye(n_units, dtype=bool)


def statistics(machine, n_anneals, given, rng):
    """How often pairs of units are on together: annealed, then counted once a sweep."""
    states = machine.anneal(
        given=given,
        n_samples=1 if given is not None else n_anneals,
        temperatures=SCHEDULE,
        random_state=rng,
    )
    counts = np.zeros(machine.coupling_.shape)
    for _ in range(N_STATISTICS):
        states = machine.anneal(states, given=given, temperatures=[TEMPERATURE], random_state=rng)
        counts += states.T @ states
    return counts


def learn_cycle(machine, mask, X, rng):
    """One cycle of both phases; every coupling and bias moves by one step up or down."""
    rows = np.repeat(X, 2, axis=0)
    noise = np.where(rows == 1, 0.15, 0.05)
    rows = np.where(rng.random(rows.shape) < noise, 1 - rows, rows)
    change = statistics(machine, None, rows, rng) - statistics(machine, len(rows), None, rng)
    step = STEP * np.sign(change)
    machine.coupling_ = machine.coupling_ + step * mask
    machine.intercept_ = machine.intercept_ + np.diag(step)


def codes(machine, X):
    """Most probable states of the hidden units for every row."""
    return (machine.transform(X) > 0.5).astype(int)


def solve(n_patterns, n_hidden, seed, most_cycles):
    """Cycles until all codes differ; None if they never do."""
    rng = np.random.default_rng(seed)
    X = make_encoder(n_patterns)
    machine, mask = new_machine(n_patterns, n_hidden)
    for cycle in range(1, most_cycles + 1):
        learn_cycle(machine, mask, X, rng)
        if len(np.unique(codes(machine, X), axis=0)) == n_patterns:
            return cycle
    return None


def main(options):
    """Print a line for each size."""
    for n_patterns, n_hidden, n_runs, most in ((4, 2, options.runs, 2500), (8, 3, 20, 4000)):
        begin = time.perf_counter()
        cycles = [solve(n_patterns, n_hidden, seed, most) for seed in range(n_runs)]
        solved = [c for c in cycles if c is not None]
        print(
            f"{n_patterns}-{n_hidden}-{n_patterns}: {len(solved)} of {n_runs} runs solved within "
            f"{most} cycles, median {np.median(solved):.0f}, longest {max(solved)}, "
            f"{time.perf_counter() - begin:.0f} s",
            flush=True,
        )
