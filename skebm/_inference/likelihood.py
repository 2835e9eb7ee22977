"""Normalised likelihoods: ln Z exactly, or by annealing to the model and back. All in nats."""

from typing import NamedTuple

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from .._energies.energy import TooManyStatesError
from .._validation import warn
from .strata import ERRORS, N_SWEEPS, snapshots, stratify

# cells that are annealed apart, and states that they are made from
N_CELLS, N_STARTS = 20, 100
# rows of products of a survey before it anneals: two a sweep of its starts and of given states
SURVEY_WORK = 2 * 2 * N_STARTS * N_SWEEPS
# shortest annealing, and how much longer the next is
LEAST_TEMPERATURES, LONGER = 60, 4
# standard error and disagreement at which annealing is long enough, in nats
SMALL_ERROR, SMALL_GAP = 0.1, 0.1
# of a glance: cells, states that they are made from, chains, and terms that are summed as fast
GLANCE_CELLS, GLANCE_STARTS, GLANCE_CHAINS, GLANCE_WORK = 10, 25, 50, 2**20
# width of the bracket that is worth a warning, in nats
WIDE = 2.0


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
        Bounds, around `value`: the estimate by annealing to the model and the one from it, two
        and a half standard errors further out; both equal to `value` when exact. The first is low
        on average, the second high, so they bracket ln Z as long as the chains found all regions of
        states that matter.
    """

    value: float
    standard_error: float
    method: str
    lower: float
    upper: float


def log_partition(
    energy, rng, *, method="auto", n_temperatures=500, n_chains=200, states=None, sampler=None
):
    """Ln Z of a model, exact where that is cheap enough, else annealed region by region.

    Parameters
    ----------
    energy : Energy
        The model.
    rng : numpy.random.Generator
        Source of randomness of the annealed estimate.
    method : {"auto", "exact", "ais"}, default="auto"
        "auto" is exact while (states to enumerate) x (units summed at each) <= 2^27.
    n_temperatures : int
        Largest length of the annealing.
    n_chains : int
        Number of annealed chains.
    states : ndarray of shape (n_states, n_units), default=None
        States where chains are known to have been.
    sampler : Energy, default=None
        The model in the form in which chains are fastest; None for the same.

    Returns
    -------
    log_partition : LogPartition
        The value with its bounds.

    Warns
    -----
    ConvergenceWarning
        If the bounds are far apart.
    """
    if method != "ais":
        try:
            value = energy.exact_log_partition()
        except TooManyStatesError as error:
            if method == "exact":
                raise ValueError(f"method='exact' {error} Use method='ais'.") from None
        else:
            return LogPartition(value, 0.0, "exact", value, value)
    sampler = energy if sampler is None else sampler
    found = estimate(survey(sampler, rng, n_temperatures, n_chains, states))
    if found.upper - found.lower > WIDE:
        warn(
            f"ln Z lies between {found.lower:.2f} and {found.upper:.2f} nats, as far as annealing "
            "to the model and back can tell; likelihoods are uncertain by as much. Raise "
            f"n_temperatures or n_chains of log_partition (now {n_temperatures} and {n_chains}).",
            ConvergenceWarning,
        )
    return found


def glance(energy, rng, n_temperatures, states=None):
    """Ln Z as well as a moment's work tells it: exact, or annealed region by region once.

    Parameters
    ----------
    energy, rng
        As for `log_partition`.
    n_temperatures : int
        Length of the annealing, of `GLANCE_CHAINS` chains.
    states : ndarray of shape (n_states, n_units), default=None
        States where chains of the model are; without enough of them, chains are made.

    Returns
    -------
    log_partition : LogPartition
        The value with its bounds.
    """
    if energy.exact_work() <= GLANCE_WORK:
        value = energy.exact_log_partition()
        return LogPartition(value, 0.0, "exact", value, value)
    if states is None or len(states) < GLANCE_CELLS:
        states = snapshots(energy, energy.starts(GLANCE_STARTS, rng), rng)
    shape = {"n_cells": GLANCE_CELLS, "n_chains": GLANCE_CHAINS}
    return estimate(stratify(energy, states, rng, n_temperatures=n_temperatures, **shape))


def estimate(strata):
    """Ln Z of a survey."""
    value, error, lower, upper = strata.log_partition()
    return LogPartition(value, error, "ais", lower, upper)


def survey(energy, rng, n_temperatures, n_chains, states=None):
    """Anneal a model region by region, longer and longer until it is long enough.

    Every round starts from what is known so far: chains from `states` and from independent units,
    and what annealing found, so that where few paths go is looked at the next time.

    Parameters
    ----------
    energy, rng, n_temperatures, n_chains, states
        As for `log_partition`.

    Returns
    -------
    strata : Strata
        Of the last round.
    """
    starts = energy.starts(N_STARTS, rng)
    if states is not None:
        starts = np.concatenate([starts, states[:: -(-len(states) // N_STARTS)]])
    pool = snapshots(energy, starts, rng)
    length = LEAST_TEMPERATURES if n_temperatures > LONGER * LEAST_TEMPERATURES else n_temperatures
    while True:
        strata = stratify(
            energy, pool, rng, n_cells=N_CELLS, n_chains=n_chains, n_temperatures=length
        )
        _, error, lower, upper = strata.log_partition()
        gap = upper - lower - 2 * ERRORS * error
        if length == n_temperatures or (error <= SMALL_ERROR and gap <= SMALL_GAP):
            return strata
        found = energy.sweeps(strata.resample(N_STARTS, rng), [1.0] * 5, rng)
        pool = np.concatenate([pool, found])
        length = min(LONGER * length, n_temperatures)
