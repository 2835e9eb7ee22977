"""Held-out likelihood against seconds of training: skebm, BernoulliRBM and rbms.

Binarised digits with 64 hidden units, median of 3 seeds; with --data MNIST too, drawn 0/1 once,
with 500. Every point is a fit of its own, of that many epochs of batches of 100 rows, and in that
many seconds. Each contestant has the learning rate of six that is best on validation rows after a
fixed number of epochs; rbms also runs with the settings it documents (100 Gibbs steps, 2000 rows
and chains). All are scored on test rows, by annealing that starts from the parameters alone.
"""

import time
import warnings
from functools import partial

import numpy as np
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import BernoulliRBM

from skebm import RBM
from skebm.units import Bernoulli

BATCH = 100


def main(options):
    """Print, and give, the points of every curve."""
    # of the scored machines, some of which are far from any equilibrium
    warnings.filterwarnings("ignore", category=ConvergenceWarning)
    X = (load_digits().data >= 8).astype(np.float32)
    X = X[np.random.RandomState(0).permutation(len(X))]
    parts = X[:1200], X[1200:1500], X[1500:]
    epochs, rates = [1, 3, 10, 30, 100, 300], [0.02, 0.05, 0.1, 0.2, 0.4, 0.8]
    found = {"digits": curves(*parts, 64, epochs, rates, 30, [1, 3, 10, 30], 3)}
    if options.data:
        with np.load(options.data) as arrays:
            parts = arrays["X_train"][:50_000], arrays["X_train"][50_000:52_000]
            parts = *parts, arrays["X_test"][:2000]
            parts = [part.reshape(len(part), -1).astype(np.float32) / 255 for part in parts]
        parts = [Bernoulli().discretize(part, np.random.default_rng(0)) for part in parts]
        found["MNIST"] = curves(*parts, 500, [1, 2, 4, 8, 16], rates, 2, [10, 20], options.seeds)
    return found


def curves(train, valid, test, n_hidden, epochs, rates, epochs_of_choice, documented, n_seeds):
    """Points (seconds, nats) of every contestant; medians over the seeds."""
    makers = {
        "skebm": partial(skebm, train, n_hidden),
        "BernoulliRBM": partial(bernoulli_rbm, train, n_hidden),
        "rbms": partial(rbms, train, n_hidden),
    }
    print(f"\n{'held out, in nats':34}{'rate':>6}{'epochs':>8}{'seconds':>9}{'test':>9}")
    found = {}
    for name, make in makers.items():
        try:
            scores = [
                scored(make(rate, epochs_of_choice, 0), valid, n_temperatures=1000)
                for rate in rates
            ]
        except ImportError:
            print(f"{name} is not installed: skipped")
            continue
        rate = rates[int(np.nanargmax(scores))]
        found[name] = points(partial(make, rate), name, rate, epochs, test, n_seeds)
    if "rbms" in found:
        make = partial(rbms, train, n_hidden, 0.01, n_steps=100, n_chains=2000, batch_size=2000)
        name = "rbms, documented settings"
        # an epoch is less than an update here
        found[name] = points(
            lambda n, seed: make(None, seed, n_updates=n), name, 0.01, documented, test, n_seeds
        )
    return found


def points(make, name, rate, lengths, test, n_seeds):
    """Seconds and nats of fits of several lengths."""
    found = []
    for length in lengths:
        runs = []
        for seed in range(n_seeds):
            begin = time.perf_counter()
            model = make(length, seed)
            seconds = time.perf_counter() - begin
            runs.append((seconds, scored(model, test, n_temperatures=5000)))
        found.append(np.median(runs, axis=0).tolist())
        print(f"{name:34}{rate:6}{length:8}{found[-1][0]:9.2f}{found[-1][1]:9.2f}")
    return found


def scored(model, rows, n_temperatures):
    """Mean log-likelihood of rows, by annealing that knows nothing of the training."""
    machine = RBM.from_parameters(
        model.components_, model.intercept_visible_, model.intercept_hidden_
    )
    machine.log_partition(n_temperatures=n_temperatures, n_chains=100)
    return machine.score(rows)


def skebm(train, n_hidden, rate, epochs, seed):
    """A fit of ours."""
    return RBM(
        n_hidden, learning_rate=rate, batch_size=BATCH, max_iter=epochs, random_state=seed
    ).fit(train)


def bernoulli_rbm(train, n_hidden, rate, epochs, seed):
    """A fit of scikit-learn's."""
    return BernoulliRBM(
        n_hidden, learning_rate=rate, batch_size=BATCH, n_iter=epochs, random_state=seed
    ).fit(train)


def rbms(
    train, n_hidden, rate, epochs, seed, n_steps=1, n_chains=BATCH, batch_size=BATCH, n_updates=None
):
    """A run of rbms' persistent contrastive divergence, as its own script does it."""
    import torch
    from rbms.bernoulli_bernoulli.classes import BBRBM
    from rbms.training.pcd import fit_batch_pcd

    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    data = torch.from_numpy(train)
    means = data.mean(0).clamp(1e-4, 1 - 1e-4)
    machine = BBRBM(
        1e-4 * torch.randn(train.shape[1], n_hidden),
        torch.log(means / (1 - means)),
        torch.zeros(n_hidden),
        torch.device("cpu"),
        torch.float32,
    )
    for parameter in machine.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer = torch.optim.SGD(machine.parameters(), lr=rate, maximize=True)
    chains = machine.init_chains(n_chains)
    n_batch = min(batch_size, len(train))
    n_updates = n_updates or epochs * (len(train) // n_batch)
    with torch.no_grad():
        for _ in range(n_updates):
            rows = torch.randint(len(train), (n_batch,), generator=generator)
            optimizer.zero_grad(set_to_none=False)
            batch = data[rows], torch.ones(n_batch, 1)
            chains, _ = fit_batch_pcd(batch, chains, machine, n_steps, 1.0)
            optimizer.step()
    weights, visible, hidden = (
        p.detach().numpy() for p in (machine.weight_matrix, machine.vbias, machine.hbias)
    )
    return RBM.from_parameters(weights.T.copy(), visible, hidden)
