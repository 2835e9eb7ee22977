"""A step of annealing, to the model and back, beside its two matrix products.

784 visible and 500 hidden units, 100 chains that start near cells of their own, single precision.
"""

import numpy as np

from skebm import RBM
from skebm._inference.strata import anneal, anneal_back

from .timing import interleave, print_ratios

N_VISIBLE, N_HIDDEN, N_CHAINS, N_STEPS = 784, 500, 100, 60


def main(options):
    """Print the table."""
    rng = np.random.default_rng(0)
    weights = 0.1 * rng.standard_normal((N_HIDDEN, N_VISIBLE))
    intercepts = 0.5 * rng.standard_normal(N_VISIBLE) - 1, np.zeros(N_HIDDEN)
    machine = RBM.from_parameters(*(part.astype(np.float32) for part in (weights, *intercepts)))
    model = machine._sampler()
    near = model.near(rng.uniform(0.1, 0.9, (N_CHAINS, N_VISIBLE)), np.full(N_CHAINS, 5))
    ladder = np.linspace(0, 1, N_STEPS + 1).tolist()
    v = machine.sample(N_CHAINS, n_sweeps=10, random_state=0).astype(np.float32)
    contestants = {
        "floor: two products": floor(model.weights, v),
        "to the model": (lambda: anneal(near, ladder, N_CHAINS, rng), N_STEPS),
        "from the model": (lambda: anneal_back(near, ladder, v, rng), N_STEPS),
    }
    return print_ratios(interleave(contestants, options.rounds), "floor: two products")


def floor(weights, v):
    """Up and down, nothing else."""
    h, down = np.empty((len(v), len(weights)), np.float32), np.empty_like(v)

    def run():
        for _ in range(N_STEPS):
            np.matmul(v, weights.T, out=h)
            np.matmul(h, weights, out=down)

    return run, N_STEPS
