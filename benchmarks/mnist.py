"""MNIST, from a file given by --data (arrays X_train, y_train, X_test, y_test; grey images).

Classifier: 2000 trained memories of `HopfieldClassifier`, test error. RBM, likelihoods. Grey: 16
hidden units, grey values in [0, 1] used as they are, 50 epochs, exact mean of ``-F / T - ln Z`` of
the test rows, for the images and their negatives. Binary: 500 hidden units, every image drawn 0/1
once, annealed forward and back.
"""

import time

import numpy as np

from skebm import RBM, HopfieldClassifier
from skebm.units import Bernoulli

# the best of the single runs that docs/defaults.md lists
BINARY = {
    "learning_rate": 0.25,
    "batch_size": 100,
    "n_chains": 200,
    "max_iter": 150,
    "alpha": 2e-4,
}


def main(options):
    """Print the test error and the two tables."""
    if options.data is None:
        raise SystemExit("python -m benchmarks mnist needs --data mnist.npz")
    with np.load(options.data) as arrays:
        y_train, y_test = arrays["y_train"], arrays["y_test"]
        train, test = (
            arrays[name].reshape(len(arrays[name]), -1).astype(np.float32) / 255
            for name in ("X_train", "X_test")
        )
    classifier = HopfieldClassifier(
        2000, batch_size=1000, max_iter=120, learning_rate=0.02, loss_exponent=30, random_state=0
    )
    seconds = timed(classifier.fit, train, y_train)
    error = 1 - classifier.score(test, y_test)
    print(f"2000 memories: {seconds:.0f} s, test error {error:.2%}\n")

    print(f"{'784-16, grey':24}{'seconds':>9}{'test':>10}")
    for name, flip in (("images", False), ("negatives", True)):
        for seed in range(3):
            rbm = RBM(16, visible=Bernoulli(stochastic=False), max_iter=50, random_state=seed)
            X_train, X_test = (1 - train, 1 - test) if flip else (train, test)
            seconds = timed(rbm.fit, X_train)
            print(f"{name}, seed {seed}".ljust(24) + f"{seconds:9.0f}{rbm.score(X_test):10.2f}")

    rng = np.random.default_rng(0)
    train, test = (Bernoulli().discretize(X, rng) for X in (train, test))
    print(f"\n{'784-500, binary':24}{'seconds':>9}{'forward':>10}{'error':>8}{'reverse':>10}")
    for seed in range(options.seeds):
        rbm = RBM(500, **BINARY, random_state=seed)
        seconds = timed(rbm.fit, train)
        log_partition = rbm.log_partition(n_temperatures=20_000, n_chains=200)
        forward = rbm.score(test)
        reverse = forward + log_partition.value - log_partition.upper
        print(
            f"seed {seed}".ljust(24) + f"{seconds:9.0f}{forward:10.2f}"
            f"{log_partition.standard_error:8.2f}{reverse:10.2f}"
        )


def timed(function, *arguments):
    """Seconds that a call takes."""
    begin = time.perf_counter()
    function(*arguments)
    return time.perf_counter() - begin
