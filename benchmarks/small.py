"""Small calls, and sparse rows, next to scikit-learn's BernoulliRBM, as ratios of time.

What a call costs beside the work: features of one row, training of 64 x 16 in batches of 10.
And rows of 3000 and of 20 000 columns of which 1 % are 1: an epoch at equal batches and as many
chains, and features of all rows, which are those of dense rows.
"""

import numpy as np
from scipy import sparse
from sklearn.neural_network import BernoulliRBM

from skebm import RBM

from .timing import interleave, print_ratios


def main(options):
    """Print all tables."""
    rng = np.random.default_rng(0)
    X = (rng.random((2000, 64)) < 0.3).astype(np.float64)
    found = {"64 x 16": of_rows(X, 16, options.rounds)}
    for n_features in (3000, 20_000):
        X = sparse.random(2000, n_features, 0.01, format="csr", dtype=np.float32, random_state=0)
        X.data[:] = 1
        found[f"CSR, {n_features} columns"] = of_rows(X, 64, min(options.rounds, 3))
    return found


def of_rows(X, n_components, rounds):
    """Ratios of training and features."""
    shared = {"n_components": n_components, "batch_size": 10, "random_state": 0}
    machines = {
        "BernoulliRBM": BernoulliRBM(n_iter=1, **shared).fit(X),
        "skebm CD-1": RBM(algorithm="cd", max_iter=1, early_stopping=False, **shared).fit(X),
        "skebm PCD-1": RBM(
            algorithm="pcd", n_chains=10, max_iter=1, early_stopping=False, **shared
        ).fit(X),
    }
    ours = machines["skebm CD-1"]
    dense = X[:50].toarray() if sparse.issparse(X) else X[:50]
    np.testing.assert_allclose(ours.transform(X)[:50], ours.transform(dense), atol=1e-5)
    n_rows, results = X.shape[0], {}
    works = {
        "an epoch": (lambda machine: machine.fit(X), 1),
        "features of all rows": (lambda machine: machine.transform(X), 1),
        "features of one row": (lambda machine: machine.transform(X[:1]), 200),
    }
    for what, (work, times) in works.items():
        print(f"\n{what}, {n_rows} x {X.shape[1]} x {n_components}")
        calls = {
            name: (lambda m=m, work=work, times=times: [work(m) for _ in range(times)], times)
            for name, m in machines.items()
        }
        results[what] = print_ratios(interleave(calls, rounds), "BernoulliRBM")
    return results
