"""The states of a model, region by region: how much of its probability lies where, and so ln Z.

Chains that are stuck do not know what lies beyond, and neither does annealing that seldom gets
there. So states that are known (of chains, of data, of annealing before) divide the space of all
states into cells, and each cell is annealed from independent units that are fitted to the states in
it. Cells between which paths pass are one region. Restricted to a region, the identities of
annealing hold (Neal 2001; Crooks 1999), so the sum over the regions is Z, and a region that holds
more probability than its share of the chains cannot hide.
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit, logsumexp

# sweeps before states count as those of the model, snapshots after, and sweeps between
BURN, SNAPSHOTS, THIN = 50, 4, 5
N_SWEEPS = BURN + (SNAPSHOTS - 1) * THIN
# of the standard errors, in the bracket
ERRORS = 2.5
# share of the paths that end in the region where they began
STAY = 0.8


class Strata(NamedTuple):
    """A model in cells.

    Attributes
    ----------
    centres : ndarray of shape (n_cells, n_units)
        A state belongs to the cell of the nearest one.
    region_of : ndarray of int of shape (n_cells,)
        Their regions.
    forward, reverse, value : ndarray of shape (n_regions,)
        Ln Z of the regions: annealed to the model, from it, and both together (Bennett 1976).
    errors : ndarray of shape (n_regions,)
        Standard errors of the values.
    states : ndarray of shape (n_states, n_units)
        Where annealing ended, in the region where it began.
    log_weights : ndarray of shape (n_states,)
        Logarithms of their weights, whose sum is Z.
    regions : ndarray of int of shape (n_states,)
        Their regions.
    """

    centres: np.ndarray
    region_of: np.ndarray
    forward: np.ndarray
    reverse: np.ndarray
    value: np.ndarray
    errors: np.ndarray
    states: np.ndarray
    log_weights: np.ndarray
    regions: np.ndarray

    def log_partition(self):
        """Ln Z, its standard error, and bounds."""
        masses = self.masses()
        error = float(np.sqrt(((masses * self.errors) ** 2).sum()))
        lower = logsumexp(np.minimum(self.forward, self.value)) - ERRORS * error
        upper = logsumexp(np.maximum(self.reverse, self.value)) + ERRORS * error
        return float(logsumexp(self.value)), error, float(lower), float(upper)

    def masses(self):
        """Share of the model's probability in every region."""
        return np.exp(self.value - logsumexp(self.value))

    def shares(self, states):
        """Share of given states in every region."""
        found = self.region_of[nearest(states, self.centres)]
        return np.bincount(found, minlength=len(self.value)) / len(states)

    def resample(self, n_states, rng, region=None):
        """Draw states with the chances of their weights, of all regions or of one."""
        log_weights = self.log_weights
        if region is not None:
            log_weights = np.where(self.regions == region, log_weights, -np.inf)
        weights = np.exp(log_weights - log_weights.max())
        places = (rng.random() + np.arange(n_states)) / n_states * weights.sum()
        return self.states[np.searchsorted(np.cumsum(weights), places).clip(0, len(weights) - 1)]


def nearest(states, centres):
    """Number of the nearest centre of every row."""
    # seen from among them, as squares of data far from 0 would leave no digits for distances
    middle = centres.mean(axis=0)
    states, centres = states - middle, centres - middle
    distance = (centres**2).sum(axis=1) - 2 * (states @ centres.T)
    return distance.argmin(axis=1)


def snapshots(energy, states, rng):
    """States of chains that start at given ones, at several times."""
    states = energy.sweeps(states, [1.0] * BURN, rng)
    pool = [states]
    for _ in range(SNAPSHOTS - 1):
        states = energy.sweeps(states, [1.0] * THIN, rng)
        pool.append(states)
    return np.concatenate(pool)


def stratify(energy, pool, rng, *, n_cells, n_chains, n_temperatures):
    """Anneal a model cell by cell.

    Parameters
    ----------
    energy : Energy
        The model.
    pool : ndarray of shape (n_states, n_units)
        States that chains reached, each typical of its surroundings.
    rng : numpy.random.Generator
        Source of randomness.
    n_cells : int
        Largest number of cells.
    n_chains : int
        Paths in all, in either direction.
    n_temperatures : int
        Length of the paths.

    Returns
    -------
    strata : Strata
        What was found.
    """
    centres, pool_cells = _divide(pool, n_cells, rng)
    sizes = np.bincount(pool_cells)
    n_cells = len(centres)
    n_each = max(2, n_chains // n_cells)
    # as scalars of Python, which leave arrays in their precision
    ladder = np.linspace(0, 1, n_temperatures + 1).tolist()

    def near(cells):
        return energy.near(centres[cells], sizes[cells])

    origins = np.repeat(np.arange(n_cells), n_each)
    forward, states = anneal(near(origins), ladder, len(origins), rng)
    ends = nearest(states, centres)
    counts = np.zeros((n_cells, n_cells))
    np.add.at(counts, (origins, ends), 1)
    region_of = _regions(counts)
    regions = region_of[origins]
    stayed = region_of[ends] == regions
    forward[~stayed] = -np.inf

    # back from states of every region, as many as its paths: chains know what they are like inside
    # a cell, and the paths how probable the cells are
    begins, targets = [], []
    for region in range(region_of.max() + 1):
        cells = np.flatnonzero(region_of == region)
        there = (regions == region) & stayed
        weights = np.exp(forward[there] - forward[there].max())
        sources = rng.choice(ends[there], n_each * len(cells), p=weights / weights.sum())
        for cell, size in zip(*np.unique(sources, return_counts=True), strict=True):
            own = np.flatnonzero(pool_cells == cell)
            begins.append(own[rng.integers(len(own), size=size)])
        targets.append(rng.permutation(np.repeat(cells, n_each)))
    backward = anneal_back(near(np.concatenate(targets)), ladder, pool[np.concatenate(begins)], rng)
    columns, first = [], 0
    for region, part in enumerate(targets):
        there, back = forward[regions == region], backward[first : first + len(part)]
        columns.append(
            (
                log_mean(there),
                np.log(np.isfinite(there).mean()) - log_mean(-back),
                *_bennett(there, back),
            )
        )
        first += len(part)
    log_weights = forward - np.log(np.bincount(regions)[regions])
    annealed = states[stayed], log_weights[stayed], regions[stayed]
    return Strata(centres, region_of, *np.array(columns).T, *annealed)


def _regions(counts):
    """Join cells between which paths pass: the region of every cell.

    Parameters
    ----------
    counts : ndarray of shape (n_cells, n_cells)
        Number of paths from every cell to every other.
    """
    region_of = np.arange(len(counts))
    while len(counts) > 1:
        stay = np.diag(counts) / counts.sum(axis=1)
        leaving = stay.argmin()
        if stay[leaving] >= STAY:
            break
        passes = counts[leaving].copy()
        passes[leaving] = -1
        kept, joined = sorted((leaving, passes.argmax()))
        counts[kept] += counts[joined]
        counts[:, kept] += counts[:, joined]
        counts = np.delete(np.delete(counts, joined, axis=0), joined, axis=1)
        region_of = np.where(region_of == joined, kept, region_of - (region_of > joined))
    return region_of


def anneal(energy, ladder, n_chains, rng):
    """Anneal from independent units to the model (Neal 2001): log-weights and final states."""
    states, log_partition_base = energy.independent(n_chains, rng)
    log_weights = np.zeros(n_chains) + log_partition_base
    for hotter, colder in pairwise(ladder):
        change, states = energy.weigh_and_sweep(states, hotter, colder, rng)
        log_weights += change
    return log_weights, states


def anneal_back(energy, ladder, states, rng):
    """Log importance weights of the reverse path, from samples of the model to the base."""
    _, log_partition_base = energy.independent(len(states), rng)
    log_weights = np.zeros(len(states)) + log_partition_base
    states = energy.sweeps(states, [1.0], rng)
    for colder, hotter in pairwise(ladder[::-1]):
        change, states = energy.weigh_and_sweep(states, colder, hotter, rng)
        log_weights -= change
    return log_weights


def _divide(pool, n_cells, rng):
    """Centres of cells, and the cell of every state."""
    # imported late, as it makes a quarter of the time that importing skebm takes
    from sklearn.cluster import KMeans

    n_distinct = len(np.unique(pool, axis=0))
    n_cells = min(n_cells, n_distinct)
    if n_cells == 1:
        return pool.mean(axis=0, keepdims=True), np.zeros(len(pool), dtype=int)
    found = KMeans(n_cells, n_init=1, max_iter=30, random_state=int(rng.integers(2**31))).fit(pool)
    centres = found.cluster_centers_
    cells = nearest(pool, centres)
    kept = np.unique(cells)
    # the mean of every cell, as fields are fitted to it
    cells = np.searchsorted(kept, cells)
    return centres[kept], cells


def log_mean(log_weights):
    """Logarithm of the mean of weights."""
    return logsumexp(log_weights) - np.log(len(log_weights))


def _bennett(forward, backward):
    """Acceptance ratio of as many paths in both directions: ln Z and its standard error."""
    reached = forward[np.isfinite(forward)]

    def excess(value):
        return expit(reached - value).sum() - expit(value - backward).sum()

    together = np.concatenate([reached, backward])
    value = brentq(excess, together.min() - 50, together.max() + 50)
    error = 0.0
    for part in (forward - value, value - backward):
        share = expit(part)
        mean = share.mean()
        # one path shows no spread; that of something either 0 or 1 is the largest
        variance = share.var(ddof=1) if len(share) > 1 else mean * (1 - mean)
        error += variance / max(mean, np.finfo(float).tiny) ** 2 / len(share)
    return value, np.sqrt(error)
