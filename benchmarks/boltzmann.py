"""Boltzmann machine: likelihood of digits next to an RBM, and the speed of its heat bath.

Digits: pixels >= 8, 1500 rows to train, 297 to test, 64 hidden units. Epochs and penalties of both
were chosen on 300 of the training rows; the RBM also runs as long as the machine takes. Heat bath:
a spin glass at T = 1, nanoseconds per attempted update, next to dwave-samplers with its Gibbs
proposal and to the product of couplings and states alone, which is the floor.
"""

import time

import numpy as np
from sklearn.datasets import load_digits

from skebm import RBM, BoltzmannMachine
from skebm._energies import compiled
from skebm.datasets import make_spin_glass

from .timing import interleave

N_SWEEPS = 100


def main(options):
    """Print both tables."""
    found = speed(512, (1, 64, 512, 1024), options.rounds) | speed(1000, (1,), options.rounds)
    if not options.quick:
        digits()
    return found


def digits():
    """Annealed log-likelihoods, bracketed."""
    X = (load_digits().data >= 8).astype(np.float32)
    X = X[np.random.RandomState(0).permutation(len(X))]
    machines = {
        "lateral": lambda seed: BoltzmannMachine(
            64, connectivity="lateral", cd_steps=1, max_iter=250, alpha=3e-4, random_state=seed
        ),
        "RBM": lambda seed: RBM(64, max_iter=200, alpha=6e-4, random_state=seed),
        "RBM, as long": lambda seed: RBM(64, max_iter=1000, alpha=6e-4, random_state=seed),
    }
    print(f"\n{'digits, 64 hidden':24}{'seconds':>9}{'train':>9}{'test':>9}{'test, reverse':>15}")
    for name, make in machines.items():
        for seed in range(3):
            model = make(seed)
            begin = time.perf_counter()
            model.fit(X[:1500])
            seconds = time.perf_counter() - begin
            log_partition = model.log_partition(n_temperatures=10_000)
            test = model.score(X[1500:])
            print(
                f"{name}, seed {seed}".ljust(24) + f"{seconds:9.1f}{model.score(X[:1500]):9.2f}"
                f"{test:9.2f}{test + log_partition.value - log_partition.upper:15.2f}"
            )


def speed(n_units, numbers_of_chains, rounds):
    """Nanoseconds per attempted update, interleaved."""
    coupling = make_spin_glass(n_units, random_state=0).astype(np.float32)
    machine = BoltzmannMachine.from_coupling(coupling)
    loops = compiled.sweep_block, compiled.sweep_few
    found = {}

    def sample(n_chains, fast, n_sweeps):
        compiled.sweep_block, compiled.sweep_few = loops if fast else (None, None)
        machine.sample(n_chains, n_sweeps=n_sweeps, random_state=0)

    for n_chains in numbers_of_chains:
        n_sweeps = N_SWEEPS * (10 if n_chains == 1 else 1)
        states = np.ones((n_units, n_chains), np.float32)
        n_updates = n_units * n_chains * n_sweeps
        calls = {
            "numpy": (lambda c=n_chains, n=n_sweeps: sample(c, False, n), n_updates),
            "product alone": (
                lambda s=states, n=n_sweeps: [coupling @ s for _ in range(n)],
                n_updates,
            ),
        }
        if loops[0]:
            calls["fast"] = (lambda c=n_chains, n=n_sweeps: sample(c, True, n), n_updates)
        try:
            calls["dwave-samplers"] = dwave(coupling, n_chains, n_sweeps), n_updates
        except ImportError:
            print("dwave-samplers is not installed")
        seconds = interleave(calls, 3 if n_chains > 64 else rounds)
        found[f"{n_units} units, {n_chains} chains"] = {k: 1e9 * t for k, t in seconds.items()}
        line = ", ".join(f"{name} {1e9 * value:.1f}" for name, value in seconds.items())
        print(f"{n_units} units, {n_chains} chains, ns an update: {line}", flush=True)
    compiled.sweep_block, compiled.sweep_few = loops
    return found


def dwave(coupling, n_chains, n_sweeps):
    """Its annealer at a constant temperature."""
    import dimod
    from dwave.samplers import SimulatedAnnealingSampler

    i, j = np.triu_indices(len(coupling), 1)
    model = dimod.BinaryQuadraticModel.from_numpy_vectors(
        np.zeros(len(coupling)), (i, j, -coupling[i, j].astype(float)), 0.0, dimod.SPIN
    )
    sampler = SimulatedAnnealingSampler()
    return lambda: sampler.sample(
        model,
        num_reads=n_chains,
        num_sweeps=n_sweeps,
        beta_range=[1.0, 1.0],
        proposal_acceptance_criteria="Gibbs",
        seed=1,
    )
