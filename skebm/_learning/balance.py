"""Whether a machine's probability lies where the data are, and how to put it there.

Chains that lag behind the parameters leave every region of states well fitted and the regions'
probabilities wrong, by many nats where chains cannot pass from one to another. The gradient of the
likelihood then points along the regions' mean statistics. `shift` follows it with the
probabilities themselves, which annealing tells and which are carried along by reweighting (Geyer
and Thompson 1992).
"""

from typing import NamedTuple

import numpy as np
from scipy.special import logsumexp

from .._inference.likelihood import N_STARTS, survey
from .._inference.strata import Strata
from .rbm import Parameters

# nats that may be lost for good, and how often parameters shift before that is accepted
SMALL_LAG, N_ROUNDS = 0.05, 6
# states that stand for the regions, sweeps they make before, and nats at which they are balanced
N_STATES, N_SWEEPS, BALANCED = 2000, 5, 0.01
# steps of a shift, the largest change of the logarithm of a region's probability in each, and the
# effective share of a region's states below which they no longer tell
N_STEPS, LARGEST_CHANGE, LEAST_EFFECTIVE = 100, 1.0, 0.5


class Balance(NamedTuple):
    """Where a machine's probability lies, and where the data are.

    Attributes
    ----------
    strata : Strata
        The machine, region by region.
    shares, masses : ndarray of shape (n_regions,)
        Share of the data and probability of the regions.
    score : float
        Mean log-likelihood of the rows.
    """

    strata: Strata
    shares: np.ndarray
    masses: np.ndarray
    score: float

    @property
    def lag(self):
        """Nats a row that the regions' probabilities cost: their divergence from the shares."""
        return divergence(self.shares, self.masses)


def divergence(shares, masses):
    """Kullback-Leibler divergence of masses from shares."""
    filled = shares > 0
    ratio = shares[filled] / np.maximum(masses[filled], np.finfo(float).tiny)
    return float(shares[filled] @ np.log(ratio))


def look(model, rows, chains, rng, n_temperatures, n_chains):
    """Compare the regions' probabilities with the data.

    Parameters
    ----------
    model : Bipartite
        The machine.
    rows : ndarray of shape (n_rows, n_visible)
        States of the data.
    chains : ndarray of shape (n_chains, n_visible)
        States of chains.
    rng : numpy.random.Generator
        Source of randomness.
    n_temperatures, n_chains : int
        Of the annealing.

    Returns
    -------
    balance : Balance
        What was found.
    """
    known = np.concatenate([chains, rows[rng.permutation(len(rows))[: len(chains)]]])
    known = known[rng.permutation(len(known))]
    strata = survey(model, rng, n_temperatures, n_chains, known)
    score = model.log_weight(rows).mean() - logsumexp(strata.value)
    return Balance(strata, strata.shares(rows), strata.masses(), float(score))


def equilibrate(model, balance, rows, rng, n_temperatures, n_chains):
    """Move parameters until regions have the probabilities that the data give them, or nearly.

    Parameters
    ----------
    model : Bipartite
        The machine; its arrays are not changed.
    balance : Balance
        What a look at it found.
    rows, rng, n_temperatures, n_chains
        As for `look`.

    Returns
    -------
    model : Bipartite
        With arrays of its own, if it moved.
    balance : Balance
        What the last look found.
    """
    offsets = rows.mean(axis=0), model.mean_hidden(rows).mean(axis=0)
    for _ in range(N_ROUNDS):
        if balance.lag < SMALL_LAG:
            break
        moved = copied(model)
        states, regions, log_weights = representatives(moved, balance.strata, rng)
        shift(moved, offsets, states, regions, log_weights, balance.shares)
        if moved.problem() is not None:
            break
        found = balance.strata.resample(N_STARTS, rng)
        there = look(moved, rows, found, rng, n_temperatures, n_chains)
        if there.score > balance.score:
            model, balance = moved, there
    return model, balance


def copied(model):
    """The same machine with arrays of its own."""
    arrays = {name: getattr(model, name).copy(order="K") for name in Parameters._fields}
    return model.replace(**arrays)


def representatives(model, strata, rng):
    """As many states of every region, which they are, and the logarithms of what they stand for."""
    n_regions = len(strata.value)
    n_each = max(2, N_STATES // n_regions)
    states = np.concatenate([strata.resample(n_each, rng, region) for region in range(n_regions)])
    states = model.sweeps(states, [1.0] * N_SWEEPS, rng)
    regions = np.repeat(np.arange(n_regions), n_each)
    return states, regions, strata.value[regions] - np.log(n_each)


def shift(model, offsets, states, regions, log_weights, shares):
    """Move the parameters until regions have the given probabilities, or states no longer tell.

    Parameters
    ----------
    model : Bipartite
        The machine; its arrays are changed in place.
    offsets : tuple of ndarray
        Means of the visible and hidden units under the data, which centre the statistics.
    states : ndarray of shape (n_states, n_visible)
        States in all regions.
    regions : ndarray of int of shape (n_states,)
        Where they are.
    log_weights : ndarray of shape (n_states,)
        Logarithms of what each stands for, whose sum is Z.
    shares : ndarray of shape (n_regions,)
        The probabilities that regions are to have.
    """
    mean_visible, mean_hidden = offsets
    log_weights = log_weights - model.log_weight(states)
    sizes = np.bincount(regions)
    step, before = None, None
    for _ in range(N_STEPS):
        now = log_weights + model.log_weight(states)
        weights = np.exp(now - logsumexp(now))
        masses = np.bincount(regions, weights)
        with np.errstate(divide="ignore", invalid="ignore"):
            within = weights / masses[regions]
            effective = 1 / np.bincount(regions, within**2) / sizes
        # no longer either where a region has lost all weight
        if divergence(shares, masses) < BALANCED or not effective.min() >= LEAST_EFFECTIVE:
            break
        log_masses = np.log(masses)
        if step is None:
            step = 1e-4
        else:
            change = np.abs(log_masses - before).max()
            step *= np.clip(LARGEST_CHANGE / max(change, 1e-9), 0.5, 2.0)
        before = log_masses
        pull = (step * (shares - masses)[regions] * within).astype(states.dtype)
        hidden = model.mean_hidden(states)
        weight_step = ((hidden - mean_hidden) * pull[:, np.newaxis]).T @ (states - mean_visible)
        model.weights[...] += weight_step
        model.intercept_visible[...] += pull @ states - mean_hidden @ weight_step
        model.intercept_hidden[...] += pull @ hidden - weight_step @ mean_visible
