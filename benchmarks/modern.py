"""Softmax association next to its floor and to torch's attention, and peak memory.

The floor is the two matrix products alone, all queries times blocks of 1024 patterns. One step of
recall in single precision, patterns = keys = values, as ratios measured in one run.
"""

import tracemalloc

import numpy as np

from skebm import ModernHopfieldMemory

from .timing import interleave

SIZES = (1000, 60_000, 784), (1000, 10_000, 64)


def main(options):
    """Print a table for every size."""
    found = {}
    for n_queries, n_patterns, n_features in SIZES:
        rng = np.random.default_rng(0)
        patterns = rng.standard_normal((n_patterns, n_features), dtype=np.float32)
        patterns /= np.sqrt(np.float32(n_features))
        queries = rng.standard_normal((n_queries, n_features), dtype=np.float32)
        memory = ModernHopfieldMemory(temperature=1.0, max_iter=1).fit(patterns)
        calls = {
            "floor": (lambda q=queries, p=patterns: floor(q, p), 1),
            "skebm": (lambda q=queries, m=memory: m.transform(q), 1),
        }
        try:
            calls["torch, attention"] = (attention(queries, patterns), 1)
        except ImportError:
            print("torch is not installed")
        expected = memory.transform(queries)
        for name, (call, _) in calls.items():
            if name != "floor":
                np.testing.assert_allclose(np.reshape(call(), expected.shape), expected, atol=1e-4)
        seconds = interleave(calls, min(options.rounds, 7))
        print(f"\n{n_queries} x {n_patterns} x {n_features}".ljust(24) + f"{'ms':>9}{'x floor':>9}")
        for name, value in seconds.items():
            print(f"{name:23}{1e3 * value:9.1f}{value / seconds['floor']:9.2f}")
        size = f"{n_queries} x {n_patterns} x {n_features}"
        found[size] = {name: value / seconds["floor"] for name, value in seconds.items()}
        tracemalloc.start()
        memory.transform(queries)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        print(f"peak memory of the step {peak / 1e6:.0f} MB")
    return found


def floor(queries, patterns, block=1024):
    """Two products a block, nothing else."""
    scores = np.empty((len(queries), block), np.float32)
    mean = np.empty_like(queries)
    for start in range(0, len(patterns), block):
        rows = patterns[start : start + block]
        # contiguous also for the last, smaller block
        out = scores.ravel()[: len(queries) * len(rows)].reshape(len(queries), len(rows))
        np.matmul(queries, rows.T, out=out)
        np.matmul(out, rows, out=mean)


def attention(queries, patterns):
    """Torch's fused attention, in the layout (batch, heads, rows, features) that it is fast in."""
    import torch

    q, k = (torch.from_numpy(array)[None, None] for array in (queries, patterns))

    def call():
        with torch.no_grad():
            return torch.nn.functional.scaled_dot_product_attention(q, k, k, scale=1.0)

    return call
