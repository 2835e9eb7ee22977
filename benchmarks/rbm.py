"""One update of an RBM against its five matrix products and against others' updates.

784 visible and 500 hidden units, batches of 128 rows, as many chains. The floor is five products
of those shapes in single precision, on warm buffers: two up, one down, two gradients.
"""

import os

import numpy as np
from sklearn.neural_network import BernoulliRBM

from skebm import RBM
from skebm._learning import optimizer
from skebm.units import _two_states

from .timing import interleave, print_ratios

N_VISIBLE, N_HIDDEN, BATCH, N_BATCHES = 784, 500, 128, 50


def main(options):
    """Print the table."""
    for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
        if name in os.environ:
            print(f"warning: {name} is set and may slow numpy; unset it before a benchmark")
    rng = np.random.default_rng(0)
    X = (rng.random((BATCH * N_BATCHES, N_VISIBLE)) < 0.2).astype(np.float32)
    contestants = {"floor: five products": floor(X)}
    for momentum in (0.0, 0.5):
        for algorithm in ("cd", "pcd"):
            name = f"skebm {algorithm.upper()}-1, centred" + (", momentum" if momentum else "")
            contestants[name] = ours(X, algorithm, momentum)
    contestants["skebm PCD-1, without numba"] = without_numba(*ours(X, "pcd", 0.0))
    contestants["skebm PCD-1, float64 data"] = ours(X.astype(np.float64), "pcd", 0.0)
    contestants["skebm PCD-1, centred, grey data"] = ours(X * np.float32(0.9), "pcd", 0.0)
    contestants["BernoulliRBM PCD-1, float32"] = bernoulli_rbm(X)
    contestants["BernoulliRBM PCD-1, float64"] = bernoulli_rbm(X.astype(np.float64))
    try:
        contestants["rbms PCD-1, centred"] = rbms(X)
    except ImportError:
        print("rbms is not installed (pip install skebm[bench]): skipped")
    return print_ratios(interleave(contestants, options.rounds), "floor: five products")


def floor(X):
    """Five products of an update, nothing else."""
    rng = np.random.default_rng(0)
    weights = rng.standard_normal((N_HIDDEN, N_VISIBLE), dtype=np.float32)
    v = X[:BATCH].copy()
    h = rng.random((BATCH, N_HIDDEN), dtype=np.float32)
    up, down, gradient = np.empty_like(h), np.empty_like(v), np.empty_like(weights)

    def run():
        for _ in range(N_BATCHES):
            np.matmul(v, weights.T, out=up)
            np.matmul(h, weights, out=down)
            np.matmul(down, weights.T, out=up)
            np.matmul(h.T, v, out=gradient)
            np.matmul(up.T, down, out=gradient)

    return run, N_BATCHES


def ours(X, algorithm, momentum):
    """A fit of ten epochs (the default is thirty), with all that it does around them."""
    rbm = RBM(
        N_HIDDEN,
        algorithm=algorithm,
        n_chains=BATCH,
        batch_size=BATCH,
        momentum=momentum,
        learning_rate=0.01,
        max_iter=10,
        random_state=0,
    )
    return lambda: rbm.fit(X), 10 * N_BATCHES


def without_numba(run, n_updates):
    """The same where no array is large enough for compiled loops."""

    def plain():
        sizes = _two_states.COMPILED_SIZE, optimizer.COMPILED_SIZE
        _two_states.COMPILED_SIZE = optimizer.COMPILED_SIZE = np.inf
        run()
        _two_states.COMPILED_SIZE, optimizer.COMPILED_SIZE = sizes

    return plain, n_updates


def bernoulli_rbm(X):
    """An epoch of scikit-learn's, called as its own fit calls it."""
    rbm = BernoulliRBM(
        N_HIDDEN, batch_size=BATCH, learning_rate=0.01, n_iter=1, random_state=0
    ).fit(X)
    rng = np.random.RandomState(0)

    def run():
        for start in range(0, len(X), BATCH):
            rbm._fit(X[start : start + BATCH], rng)

    return run, N_BATCHES


def rbms(X):
    """An epoch of rbms' persistent contrastive divergence on torch."""
    import torch
    from rbms.bernoulli_bernoulli.classes import BBRBM
    from rbms.training.pcd import fit_batch_pcd

    device = torch.device("cpu")
    rng = np.random.default_rng(0)
    machine = BBRBM(
        torch.tensor(0.01 * rng.standard_normal((N_VISIBLE, N_HIDDEN)), dtype=torch.float32),
        torch.zeros(N_VISIBLE),
        torch.zeros(N_HIDDEN),
        device,
        torch.float32,
    )
    for parameter in machine.parameters():
        parameter.grad = torch.zeros_like(parameter)
    data = torch.from_numpy(X)
    weights = torch.ones(BATCH, 1)
    optimizer = torch.optim.SGD(machine.parameters(), lr=0.01, maximize=True)
    state = {"chains": machine.init_chains(BATCH)}

    @torch.no_grad()
    def run():
        for start in range(0, len(data), BATCH):
            rows = slice(start, start + BATCH)
            optimizer.zero_grad(set_to_none=False)
            state["chains"], _ = fit_batch_pcd(
                (data[rows], weights), state["chains"], machine, 1, 1.0
            )
            optimizer.step()

    return run, N_BATCHES
