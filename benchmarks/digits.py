"""What the defaults of RBM give on digits, next to BernoulliRBM.

Features: scikit-learn's own example (nudged digits, a fifth held out, 100 hidden units, 10 epochs),
with the accuracy of two linear classifiers and the log-likelihood of test images drawn 0/1 from
their grey values. Small: binarised digits, 16 hidden units, exact test log-likelihood. Stream: 200
calls of `partial_fit`. Peers are scored by the same annealing, through `RBM.from_parameters`.
"""

import warnings

import numpy as np
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.neural_network import BernoulliRBM
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skebm import RBM
from skebm.datasets import nudge_images
from skebm.units import Bernoulli

SEEDS = range(3)


def main(options):
    """Print the three tables."""
    # the example's own limit of 300 iterations; raw pixels do not converge within it
    warnings.filterwarnings("ignore", category=ConvergenceWarning)
    return {"features": features(), "16 hidden units": small(), "stream": stream()}


def features():
    """Accuracy and likelihood on nudged digits."""
    X, y = load_digits(return_X_y=True)
    X, y = nudge_images((X / 16).astype(np.float32), y, shape=(8, 8))
    X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.2, random_state=0)
    drawn = Bernoulli().discretize(X_test, np.random.default_rng(0))
    plain = LogisticRegression(C=6000, tol=1e-4, max_iter=300)
    scaled = make_pipeline(StandardScaler(), LogisticRegression(C=1, max_iter=300))
    print(f"{'features, median of seeds 0-2':34}{'C=6000':>9}{'scaled':>9}{'drawn':>9}")
    makers = {
        "skebm, defaults": lambda seed: RBM(100, max_iter=10, random_state=seed),
        "BernoulliRBM, rate .06": lambda seed: BernoulliRBM(
            100, learning_rate=0.06, n_iter=10, random_state=seed
        ),
    }
    found = {}
    for name, make in makers.items():
        rows = []
        for seed in SEEDS:
            model = make(seed).fit(X_train)
            H_train, H_test = model.transform(X_train), model.transform(X_test)
            scored = comparable(model)
            accuracies = [c.fit(H_train, y_train).score(H_test, y_test) for c in (plain, scaled)]
            rows.append([*accuracies, scored.score(drawn)])
        found[name] = np.median(rows, axis=0).tolist()
        print(f"{name:34}" + "".join(f"{value:9.3f}" for value in found[name]))
    raw = [c.fit(X_train, y_train).score(X_test, y_test) for c in (plain, scaled)]
    print(f"{'raw pixels':34}" + "".join(f"{value:9.3f}" for value in raw))
    return found | {"raw pixels": raw}


def small():
    """Exact test log-likelihood with 16 hidden units."""
    X = (load_digits().data >= 8).astype(np.float32)
    order = np.random.RandomState(0).permutation(len(X))
    train, test = X[order[:1500]], X[order[1500:]]
    print(f"\n{'16 hidden units, test rows':34}{'mean':>9}{'std':>9}")
    makers = {
        "skebm, defaults": lambda seed: RBM(16, random_state=seed),
        "skebm, 7500 updates of 100": lambda seed: RBM(
            16,
            learning_rate=0.8,  # the best of six on 300 of the training rows
            batch_size=100,
            max_iter=500,
            n_chains=500,
            random_state=seed,
        ),
        "BernoulliRBM, defaults": lambda seed: BernoulliRBM(16, random_state=seed),
    }
    found = {}
    for name, make in makers.items():
        scores = [comparable(make(seed).fit(train)).score(test) for seed in SEEDS]
        found[name] = [np.mean(scores), np.std(scores)]
        print(f"{name:34}" + "".join(f"{value:9.3f}" for value in found[name]))
    return found


def stream():
    """Saturation under 200 calls of partial_fit."""
    X = load_digits().data / 16
    print(f"\n{'200 partial_fit, 100 hidden units':34}{'activity':>9}{'fantasy':>9}{'data':>9}")
    rbm = RBM(100, random_state=0)
    for _ in range(200):
        rbm.partial_fit(X)
    activity, fantasy = rbm.transform(X).mean(), rbm.sample(1000, random_state=0).mean()
    print(f"{'skebm, defaults':34}{activity:9.3f}{fantasy:9.3f}{X.mean():9.3f}")
    return {"activity": activity, "fantasy": fantasy, "data": X.mean()}


def comparable(model):
    """The model itself, or a peer's parameters in an RBM that can score."""
    if isinstance(model, RBM):
        return model
    return RBM.from_parameters(model.components_, model.intercept_visible_, model.intercept_hidden_)
