"""Replicas on a local cluster: likelihoods at 1, 2 and 4, seconds, and what a round costs."""

import time
import warnings

import dask
import dask.array as da
import numpy as np
from distributed import Client, LocalCluster
from sklearn.datasets import load_digits

from skebm import RBM, distributed


def _likelihoods(n_seeds):
    """Mean exact log-likelihoods of held-out digits, by the number of replicas; "memory" is fit."""
    X = (load_digits().data >= 8).astype(np.float32)
    order = np.random.default_rng(0).permutation(len(X))
    train, test = X[order[:1500]], X[order[1500:]]
    train = np.tile(train, (8, 1))[np.random.default_rng(1).permutation(8 * 1500)]
    chunked, found = da.from_array(train, chunks=(1000, 64)), {}
    for seed in range(n_seeds):
        settings = {"max_iter": 20, "batch_size": 20, "alpha": 0.0, "random_state": seed}
        found.setdefault("memory", []).append(RBM(14, **settings).fit(train).score(test))
        for n in (1, 2, 4):
            machine = distributed.fit(RBM(14, **settings), chunked, n_replicas=n)
            found.setdefault(str(n), []).append(machine.score(test))
    return {name: float(np.mean(scores)) for name, scores in found.items()}


def _seconds(n_hidden, chunk_size, n_workers):
    """Seconds of a round of one chunk a worker, and of learning from such a chunk at home."""
    rng = np.random.default_rng(0)
    n_rounds = 10
    rows = (rng.random((n_rounds * n_workers * chunk_size, 784)) < 0.2).astype(np.float32)
    machine = RBM(n_hidden, max_iter=1, batch_size=100, random_state=0)
    home = RBM(n_hidden, max_iter=1, batch_size=100, random_state=0).partial_fit(rows[:chunk_size])
    begin = time.perf_counter()
    for _ in range(5):
        home.partial_fit(rows[:chunk_size])
    at_home = (time.perf_counter() - begin) / 5
    chunked = da.from_array(rows, chunks=(chunk_size, 784)).persist()
    distributed.fit(machine, chunked, n_replicas=n_workers, max_iter=1)  # what is done once
    begin = time.perf_counter()
    distributed.fit(machine, chunked, n_replicas=n_workers, max_iter=1)
    return (time.perf_counter() - begin) / n_rounds, at_home


def main(options):
    """Print both tables."""
    warnings.simplefilter("ignore")
    results = {"likelihood": {}, "seconds": []}
    with dask.config.set(scheduler="threads"):
        results["likelihood"] = _likelihoods(max(options.seeds, 3))
    for name, score in results["likelihood"].items():
        print(f"{name:>8} {score:8.2f} nats")
    for n_workers in (1, 2):
        cluster = LocalCluster(
            n_workers=n_workers, threads_per_worker=1, dashboard_address=None, silence_logs=50
        )
        with cluster, Client(cluster):
            for n_hidden in (64, 500):
                for chunk_size in (1000, 10_000):
                    a_round, at_home = _seconds(n_hidden, chunk_size, n_workers)
                    line = {
                        "n_workers": n_workers,
                        "n_hidden": n_hidden,
                        "chunk_size": chunk_size,
                        "round": a_round,
                        "at_home": at_home,
                        "speed_up": n_workers * at_home / a_round,
                    }
                    results["seconds"].append(line)
                    print("  ".join(f"{key} {value:.4g}" for key, value in line.items()))
    return results
