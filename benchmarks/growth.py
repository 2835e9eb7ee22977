"""How time grows: exponents in rows, features, units, chains and patterns, beside theory.

Every size is twice the one before; the exponent is the slope of the logarithms of the medians over
the largest ones, where what a call costs beside the work no longer counts.
"""

import numpy as np

from skebm import RBM, BoltzmannMachine, HopfieldMemory, ModernHopfieldMemory
from skebm._inference.likelihood import survey

from .timing import interleave

# of the sizes, those whose slope is taken
LARGEST = 3


def main(options):
    """Print measured and expected exponents."""
    print(f"{'':52}{'measured':>9}{'theory':>8}   seconds at the largest")
    found = {}
    for name, (make, sizes, expected) in CASES.items():
        sizes = sizes[:-1] if options.quick else sizes
        calls = {size: (make(size), 1) for size in sizes}
        seconds = list(interleave(calls, min(options.rounds, 3)).values())
        logs = np.log(sizes[-LARGEST:]), np.log(seconds[-LARGEST:])
        found[name] = float(np.polyfit(*logs, 1)[0]), expected
        print(f"{name:52}{found[name][0]:9.2f}{expected:8.1f}{seconds[-1]:12.3f}")
    return found


def rows(n_rows, n_features):
    """Random bits."""
    rng = np.random.default_rng(0)
    return (rng.random((n_rows, n_features)) < 0.3).astype(np.float32)


def training(n_rows=2000, n_features=500, n_components=250, n_chains=100):
    """A pass of an RBM over the rows, in batches of 100."""
    X = rows(n_rows, n_features)
    machine = RBM(n_components, n_chains=n_chains, batch_size=100, algorithm="pcd")
    return lambda: machine.partial_fit(X)


def of_machine(method, n_rows=2000, n_features=500, n_components=250):
    """A row-wise method of an RBM."""
    X = rows(n_rows, n_features)
    machine = RBM(n_components, max_iter=1, batch_size=500, early_stopping=False).fit(X[:500])
    return lambda: getattr(machine, method)(X)


def annealing(n_chains=100, n_components=250):
    """Ln Z of an RBM of 500 visible units."""
    weights = 0.05 * np.random.default_rng(0).standard_normal((n_components, 500))
    machine = RBM.from_parameters(weights.astype(np.float32), np.zeros(500), np.zeros(n_components))
    # `log_partition` would remember
    return lambda: survey(machine._sampler(), np.random.default_rng(0), 60, n_chains)


def recall(n_rows=500, n_patterns=50, n_features=1000):
    """Recall of noisy rows by Hebb's rule."""
    patterns = np.where(rows(n_patterns, n_features) > 0, 1.0, -1.0)
    memory = HopfieldMemory().fit(patterns)
    cues = np.repeat(patterns, -(-n_rows // n_patterns), axis=0)[:n_rows]
    cues = np.where(np.random.default_rng(1).random(cues.shape) < 0.1, -cues, cues)
    return lambda: memory.transform(cues)


def association(n_rows=500, n_patterns=8000, n_features=100):
    """A step of softmax recall."""
    rng = np.random.default_rng(0)
    patterns = rng.standard_normal((n_patterns, n_features), dtype=np.float32)
    queries = rng.standard_normal((n_rows, n_features), dtype=np.float32)
    memory = ModernHopfieldMemory(temperature=10.0, max_iter=1).fit(patterns)
    return lambda: memory.transform(queries)


def sampling(n_units=500, n_chains=64):
    """Sweeps of a Boltzmann machine whose couplings are dense."""
    rng = np.random.default_rng(0)
    coupling = np.triu(rng.normal(scale=1 / np.sqrt(n_units), size=(n_units, n_units)), 1)
    machine = BoltzmannMachine.from_coupling(coupling + coupling.T, np.zeros(n_units))
    return lambda: machine.sample(n_chains, n_sweeps=20, random_state=0)


CASES = {
    "RBM training, rows": (lambda n: training(n_rows=n), [2000, 4000, 8000, 16_000], 1),
    "RBM training, features": (lambda n: training(n_features=n), [500, 1000, 2000, 4000], 1),
    "RBM training, hidden units": (lambda n: training(n_components=n), [250, 500, 1000, 2000], 1),
    "RBM training, chains": (lambda n: training(n_chains=n), [250, 500, 1000, 2000], 1),
    "transform, rows": (
        lambda n: of_machine("transform", n_rows=n),
        [10_000, 20_000, 40_000, 80_000],
        1,
    ),
    "free energy, hidden units": (
        lambda n: of_machine("free_energy", n_components=n),
        [500, 1000, 2000, 4000],
        1,
    ),
    "pseudo-likelihood, features": (
        lambda n: of_machine("pseudo_likelihood", n_rows=200, n_features=n),
        [250, 500, 1000, 2000],
        1,
    ),
    "annealing, chains": (lambda n: annealing(n_chains=n), [200, 400, 800, 1600], 1),
    "annealing, hidden units": (lambda n: annealing(n_components=n), [250, 500, 1000, 2000], 1),
    "Hopfield recall, rows": (lambda n: recall(n_rows=n), [500, 1000, 2000, 4000], 1),
    "Hopfield recall, features": (lambda n: recall(n_features=n), [1000, 2000, 4000, 8000], 1),
    "softmax recall, patterns": (
        lambda n: association(n_patterns=n),
        [8000, 16_000, 32_000, 64_000],
        1,
    ),
    "softmax recall, features": (
        lambda n: association(n_features=n),
        [100, 200, 400, 800],
        1,
    ),
    "Boltzmann sampling, units": (lambda n: sampling(n_units=n), [500, 1000, 2000, 4000], 2),
    "Boltzmann sampling, chains": (lambda n: sampling(n_chains=n), [64, 128, 256, 512], 1),
}
