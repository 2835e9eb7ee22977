"""Interleaved timing, so that all contestants see the same machine."""

import time

import numpy as np


def interleave(contestants, rounds):
    """Median seconds of one update of every contestant.

    Parameters
    ----------
    contestants : dict of str to (callable, int)
        What to call, and how many updates a call does.
    rounds : int
        Every round times each contestant once, after a round that is not counted.

    Returns
    -------
    seconds : dict of str to float
        Median over the rounds, of one update.
    """
    times = {name: [] for name in contestants}
    for _ in range(rounds + 1):
        for name, (call, n_updates) in contestants.items():
            begin = time.perf_counter()
            call()
            times[name].append((time.perf_counter() - begin) / n_updates)
    return {name: float(np.median(t[1:])) for name, t in times.items()}


def print_ratios(seconds, reference):
    """Print a line for every contestant, time and multiple of the reference; give the multiples."""
    print(f"{'':34}{'ms':>12}{'ratio':>9}")
    for name, value in seconds.items():
        print(f"{name:34}{value * 1e3:12.2f}{value / seconds[reference]:9.2f}")
    return {name: value / seconds[reference] for name, value in seconds.items()}
