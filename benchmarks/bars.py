"""Long training at a fixed rate: 4x4 bars and stripes, 16 hidden units, 30 000 updates.

All on and all off count twice, 32 rows; the best possible sum of log-likelihoods is -108.13.
"""

import numpy as np
from sklearn.neural_network import BernoulliRBM

from skebm import RBM
from skebm.datasets import make_bars_and_stripes

from .digits import comparable

SEEDS = range(5)
N_UPDATES = 5_000, 30_000


def main(options):
    """Print the table."""
    X = make_bars_and_stripes(4)
    X = np.concatenate([X, X[[0, 15]]])  # all off and all on
    assert X[-2].sum() == 0
    assert X[-1].sum() == 16
    common = {"batch_size": len(X), "learning_rate_schedule": "constant"}
    makers = {
        f"skebm {algorithm}, rate {rate}": lambda n, seed, algorithm=algorithm, rate=rate: RBM(
            16,
            algorithm=algorithm,
            n_chains=32,
            learning_rate=rate,
            max_iter=n,
            random_state=seed,
            **common,
        )
        for algorithm in ("tempering", "pcd")
        for rate in (0.1, 0.3)
    }
    makers["skebm auto, rate .3 falling to 0"] = lambda n, seed: RBM(
        16, batch_size=len(X), n_chains=32, max_iter=n, random_state=seed
    )
    makers["BernoulliRBM, rate .1"] = lambda n, seed: BernoulliRBM(
        16, learning_rate=0.1, batch_size=len(X), n_iter=n, random_state=seed
    )
    print(f"{'sum of log-likelihoods, nats':34}" + "".join(f"{n:>14}" for n in N_UPDATES))
    found = {}
    for name, make in makers.items():
        found[name] = {}
        for n in N_UPDATES:
            sums = [comparable(make(n, seed).fit(X)).score(X) * len(X) for seed in SEEDS]
            found[name][n] = np.median(sums)
        cells = "".join(f"{value:14.1f}" for value in found[name].values())
        print(f"{name:34}{cells}   (last: {min(sums):.1f} to {max(sums):.1f})", flush=True)
    return found
