"""Missing values of held-out rows filled in by an RBM and by scikit-learn's imputers.

Digits: pixels of the 297 last of the permuted rows, binarised at 8, missing at random. Wine: the
13 standardised measurements and the class (one-hot) of every third row, cells missing at random;
the class counts as one cell. The 32 units and the rate were chosen by imputing a third of
the training rows from the rest.
"""

import numpy as np
from sklearn.datasets import load_digits, load_wine
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer, KNNImputer, SimpleImputer
from sklearn.preprocessing import StandardScaler

from skebm import RBM
from skebm.units import Categorical, Composite

SHARE = 0.3
SEEDS = range(3)


def main(options):
    """Print the two tables."""
    print(f"{'digits, 30 % missing':26}{'cross-entropy':>15}{'accuracy':>10}")
    for name, rows in digits().items():
        print(f"{name:26}{rows[0]:15.4f}{rows[1]:10.4f}")
    print(f"\n{'wine, 30 % missing':26}{'squared error':>15}{'class':>10}")
    for name, rows in wine().items():
        print(f"{name:26}{rows[0]:15.4f}{rows[1]:10.4f}")


def impute(rbm, X, n_draws=100, n_sweeps=100, seed=0):
    """Fill NaN with the mean of conditional samples."""
    draws = rbm.sample(n_draws, given=X, n_sweeps=n_sweeps, random_state=seed)
    return draws.reshape(len(X), n_draws, -1).mean(axis=1)


def peers():
    """Scikit-learn's imputers with their defaults."""
    return {
        "mean of the column": SimpleImputer(),
        "KNNImputer": KNNImputer(),
        "IterativeImputer": IterativeImputer(random_state=0),
    }


def digits():
    """Bits missing at random: cross-entropy in nats a pixel, share of pixels guessed right."""
    X = (load_digits().data >= 8).astype(np.float64)
    order = np.random.RandomState(0).permutation(len(X))
    train, test = X[order[:1500]], X[order[1500:]]
    results = {}
    for seed in SEEDS:
        missing = np.random.default_rng(seed).random(test.shape) < SHARE
        holed = np.where(missing, np.nan, test)
        rbm = RBM(max_iter=200, random_state=seed).fit(train)
        filled = {"RBM, 200 epochs": impute(rbm, holed, seed=seed)}
        filled |= {name: peer.fit(train).transform(holed) for name, peer in peers().items()}
        for name, values in filled.items():
            p, x = np.clip(values[missing], 0.005, 0.995), test[missing]
            entropy = -np.mean(x * np.log(p) + (1 - x) * np.log1p(-p))
            results.setdefault(name, []).append((entropy, np.mean((p > 0.5) == x)))
    return {name: np.mean(rows, axis=0) for name, rows in results.items()}


def wine():
    """Mixed cells missing at random: squared error of numbers, share of classes guessed right."""
    numbers, y = load_wine(return_X_y=True)
    test_rows = np.arange(len(y)) % 3 == 0
    numbers = StandardScaler().fit(numbers[~test_rows]).transform(numbers)
    X = np.hstack([numbers, np.eye(3)[y]])
    train, test = X[~test_rows], X[test_rows]
    visible = Composite([("gaussian", 13), (Categorical(3), 3)])
    results = {}
    for seed in SEEDS:
        missing = np.random.default_rng(seed).random((len(test), 14)) < SHARE
        lost_class = missing[:, 13]
        missing = np.hstack([missing[:, :13], np.repeat(missing[:, 13:], 3, axis=1)])
        holed = np.where(missing, np.nan, test)
        rbm = RBM(32, visible=visible, learning_rate=0.1, max_iter=500, random_state=seed)
        rbm.fit(train)
        filled = {"RBM, mixed units": impute(rbm, holed, seed=seed)}
        filled |= {name: peer.fit(train).transform(holed) for name, peer in peers().items()}
        for name, values in filled.items():
            error = (values - test)[:, :13][missing[:, :13]]
            right = values[lost_class, 13:].argmax(axis=1) == test[lost_class, 13:].argmax(axis=1)
            results.setdefault(name, []).append((np.mean(error**2), right.mean()))
    return {name: np.mean(rows, axis=0) for name, rows in results.items()}
