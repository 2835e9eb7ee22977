"""What monitors cost at their default cadence, as a share of the training time."""

import time

import numpy as np
from sklearn.datasets import load_digits

from skebm import RBM
from skebm.monitors import (
    Monitor,
    free_energy_gap,
    log_likelihood,
    n_fixed_points,
    singular_values,
    weight_histogram,
)


def main(options):
    """Print a line for each quantity, on digits, or on MNIST with --data."""
    if options.data is None:
        X = (load_digits().data >= 8).astype(np.float32)
        settings = {"max_iter": 100}
    else:
        with np.load(options.data) as arrays:
            X = (arrays["X_train"].reshape(-1, 784) > 127).astype(np.float32)
        settings = {"n_components": 500, "batch_size": 100, "max_iter": 10}
    train, held_out = X[:-297], X[-297:]
    quantities = {
        "singular values": singular_values,
        "weight histogram": weight_histogram(np.linspace(-3, 3, 61)),
        "free energy gap": free_energy_gap(train[:300], held_out),
        "annealed likelihood": log_likelihood(held_out, n_temperatures=300),
        "fixed points": n_fixed_points(train[:50]),
    }
    spent = dict.fromkeys(quantities, 0.0)

    def timed(name, function):
        def call(machine):
            begin = time.perf_counter()
            value = function(machine)
            spent[name] += time.perf_counter() - begin
            return value

        return call

    monitor = Monitor(**{name: timed(name, f) for name, f in quantities.items()})
    begin = time.perf_counter()
    RBM(**settings, random_state=0).set_callbacks(monitor).fit(train)
    training = time.perf_counter() - begin - sum(spent.values())
    print(f"training: {training:.1f} s, {len(monitor.data()['epoch'])} records")
    for name, seconds in spent.items():
        print(f"{name:24}{seconds / training:8.1%}")
