"""Recall of a classic memory next to hopfieldnetwork and hopfieldkit, as ratios of time.

N = 1000, 100 patterns, cues with 10 % flips: 200 of them, and a single one. Peers recall row by
row, asynchronously, until nothing changes. Also a memory of 50 000 features, with its peak memory.
"""

import tracemalloc

import numpy as np

from skebm import HopfieldMemory
from skebm.datasets import corrupt, make_patterns

from .timing import interleave

N_FEATURES, N_PATTERNS = 1000, 100


def main(options):
    """Print both tables."""
    patterns = make_patterns(N_PATTERNS, N_FEATURES, random_state=0)
    cues = corrupt(np.repeat(patterns, 2, axis=0), flip=0.1, random_state=0)
    memory = HopfieldMemory().fit(patterns)
    recalls = {"skebm": memory.transform}
    for make in (hopfieldkit, hopfieldkit_sequential, hopfieldnetwork):
        try:
            recalls[make.__name__] = make(patterns)
        except ImportError:
            print(f"{make.__name__} is not installed")
    for recall in recalls.values():
        ends = np.array([np.ravel(row) for row in recall(cues)])
        assert (ends == np.repeat(patterns, 2, axis=0)).mean() > 0.95
    found = {}
    for n_rows, rounds, times in ((200, 3, 1), (1, options.rounds, 20)):
        rows = cues[:n_rows]
        calls = {
            name: (lambda f=f, rows=rows, times=times: [f(rows) for _ in range(times)], times)
            for name, f in recalls.items()
        }
        seconds = interleave(calls, rounds)
        print(f"\n{n_rows} rows".ljust(24) + f"{'ms':>9}{'times skebm':>13}")
        found[f"{n_rows} rows"] = {name: t / seconds["skebm"] for name, t in seconds.items()}
        for name, value in seconds.items():
            print(f"{name:23}{1e3 * value:9.2f}{value / seconds['skebm']:13.1f}")
    large()
    return found


def hopfieldkit(patterns, order="random"):
    """Its default, a new random order in every sweep."""
    from hopfieldkit import HopfieldNetwork

    network = HopfieldNetwork(patterns.shape[1])
    network.fit(patterns)
    return lambda rows: [network.recall(row, order=order) for row in rows]


def hopfieldkit_sequential(patterns):
    """Units in their order, its fastest option."""
    return hopfieldkit(patterns, "sequential")


def hopfieldnetwork(patterns):
    """Asynchronous updates until nothing changes."""
    from hopfieldnetwork import HopfieldNetwork

    network = HopfieldNetwork(patterns.shape[1])
    network.train_pattern(np.ascontiguousarray(patterns.T))

    def recall(rows):
        recalled = []
        for row in rows:
            network.set_initial_neurons_state(row.copy())
            network.update_neurons(1, "async", run_max=True)
            recalled.append(network.S)
        return recalled

    return recall


def large():
    """Peak memory of storing and recalling without a square matrix."""
    patterns = make_patterns(1000, 50_000, random_state=0).astype(np.float32)
    cues = corrupt(patterns[:20], flip=0.1, random_state=0)
    tracemalloc.start()
    recalled = HopfieldMemory().fit(patterns).transform(cues)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    exact = (recalled == patterns[:20]).all(axis=1).mean()
    print(f"\n50 000 features, 1000 patterns: {exact:.0%} of 20 cues recalled exactly,")
    print(f"peak memory beside the data {peak / 1e9:.2f} GB (the couplings would be 10 GB)")
