"""Normalised likelihoods: ln Z exactly, or by annealing to the model and back. All in nats."""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from scipy.special import logsumexp
from sklearn.exceptions import ConvergenceWarning

from .._energies.energy import TooManyStatesError
from .._validation import warn

LARGEST_DISAGREEMENT = 1.0


class LogPartition(NamedTuple):
    """Natural logarithm of a partition function and how far to trust it.

    Attributes
    ----------
    value : float
        ln Z, in nats.
    standard_error : float
        Standard error of `value`; 0 when exact.
    method : {"exact", "ais"}
        Enumeration (or closed form), or annealed importance sampling.
    lower, upper : float
        Forward estimate minus, and reverse estimate plus, two standard errors; both equal to
        `value` when exact. The forward estimate is low on average, the reverse one high, so they
        bracket the value as long as the chains reach all modes of the model.
    """

    value: float
    standard_error: float
    method: str
    lower: float
    upper: float


def log_partition(energy, rng, *, method="auto", n_temperatures=1000, n_chains=100):
    """Ln Z of a model, exact where that is cheap enough, else annealed.

    Parameters
    ----------
    energy : Energy
        The model.
    rng : numpy.random.Generator
        Source of randomness of the annealed estimate.
    method : {"auto", "exact", "ais"}, default="auto"
        "auto" is exact while (states to enumerate) x (units summed at each) <= 2^27.
    n_temperatures, n_chains : int
        Length of the annealing ladder and number of annealed chains.

    Returns
    -------
    log_partition : LogPartition
        The value with its bounds.

    Warns
    -----
    ConvergenceWarning
        If the standard errors do not explain by how much the two directions of annealing differ,
        and the reverse estimate is a nat higher, or lower at all.
    """
    if method != "ais":
        try:
            value = energy.exact_log_partition()
        except TooManyStatesError as error:
            if method == "exact":
                raise ValueError(f"method='exact' {error} Use method='ais'.") from None
        else:
            return LogPartition(value, 0.0, "exact", value, value)
    ladder = np.linspace(0, 1, n_temperatures + 1)
    forward, states = anneal(energy, ladder, n_chains, rng)
    # resampled by their weights, the annealed states are close to samples of the model
    shares = np.exp(forward - logsumexp(forward))
    states = states[rng.choice(n_chains, size=n_chains, p=shares / shares.sum())]
    states = energy.sweeps(states, [1.0] * (n_temperatures // 4), rng)
    reverse = anneal_back(energy, ladder, states, rng)
    value, error = _log_mean_exp(forward)
    negative_reverse, reverse_error = _log_mean_exp(-reverse)
    disagreement, noise = -negative_reverse - value, np.hypot(error, reverse_error)
    if disagreement > max(LARGEST_DISAGREEMENT, 3 * noise) or disagreement < -3 * noise:
        warn(
            f"Annealed to the model and back, the estimates of ln Z are {value:.2f} +- {error:.2f} "
            f"and {-negative_reverse:.2f} +- {reverse_error:.2f} nats, which their standard errors "
            f"do not explain. Raise n_temperatures of log_partition (now {n_temperatures}).",
            ConvergenceWarning,
        )
    return LogPartition(
        value, error, "ais", value - 2 * error, -negative_reverse + 2 * reverse_error
    )


def anneal(energy, ladder, n_chains, rng):
    """Anneal from independent units to the model (Neal 2001): log-weights and final states."""
    states, log_partition_base = energy.independent(n_chains, rng)
    log_weights = np.full(n_chains, log_partition_base)
    for hotter, colder in pairwise(ladder):
        log_weights += energy.log_weight(states, colder) - energy.log_weight(states, hotter)
        states = energy.sweeps(states, [colder], rng)
    return log_weights, states


def anneal_back(energy, ladder, states, rng):
    """Log importance weights of the reverse path, from samples of the model to the base."""
    _, log_partition_base = energy.independent(1, rng)
    log_weights = np.full(len(states), log_partition_base)
    for colder, hotter in pairwise(ladder[::-1]):
        states = energy.sweeps(states, [colder], rng)
        log_weights += energy.log_weight(states, colder) - energy.log_weight(states, hotter)
    return log_weights


def _log_mean_exp(log_weights):
    """Logarithm of the mean weight and its standard error by the delta method."""
    n = len(log_weights)
    largest = log_weights.max()
    weights = np.exp(log_weights - largest)
    mean = weights.mean()
    return float(largest + np.log(mean)), float(weights.std(ddof=1) / mean / np.sqrt(n))
