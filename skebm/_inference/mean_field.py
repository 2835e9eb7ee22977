"""Mean-field equations: means that agree with the fields they exert."""

import numpy as np

from ..units import Bernoulli
from .settle import settle

BIT = Bernoulli()
MEAN_GRID = 2**16


def solve(equations, means, *, damping=0.5, tol=2.0**-16, max_steps=500):
    """Iterate mean-field equations until they hold, every row on its own.

    Parameters
    ----------
    equations : callable
        From numbers of rows and their means to what the equations make of these.
    means : ndarray of shape (n_rows, n_units)
        Where to start; not changed.
    damping : float
        Share of the old means in the new ones.
    tol : float
        Largest change of a mean in a step at which a row has settled.
    max_steps : int
        Steps at most.

    Returns
    -------
    means : ndarray of shape (n_rows, n_units)
        The means reached.
    settled : ndarray of bool of shape (n_rows,)
        Whether a row has settled.
    """

    def step(rows, means):
        change = equations(rows, means)
        change -= means
        change *= 1 - damping
        means += change
        return (means,), np.abs(change).max(axis=1, initial=0) <= tol

    return settle(step, (means.copy(),), max_steps)


def coupled_means(model):
    """Solve ``m = 1 / (1 + exp(-field(m)))`` for every row of the intercept of 0/1 units."""
    coupling, intercept = model.coupling, model.intercept

    def equations(rows, means):
        return BIT.mean(means @ coupling + intercept[rows], 1.0)

    start = equations(slice(None), np.zeros_like(intercept))
    return solve(equations, start)[0]


def spin_means(model, means, temperatures):
    """Follow ``m = tanh(field / T)`` of a classic memory, half a step at every temperature.

    Whole steps of all units at once oscillate where couplings have strongly negative eigenvalues,
    as every memory's do once the diagonal is removed.

    Parameters
    ----------
    model : Pairwise
        The couplings.
    means : ndarray of shape (n_rows, n_units)
        Where to start, in [-1, 1]; not changed.
    temperatures : iterable of float
        Temperature of every step, above 0.

    Returns
    -------
    means : ndarray of shape (n_rows, n_units)
        The means after the last step.
    """
    means = means.astype(np.float64)
    for temperature in temperatures:
        field = model.field(means)
        field /= model.scale * temperature
        means += np.tanh(field)
        # a coarse grid keeps noise of rounding, which differs from batch to batch, from growing
        means = np.rint(means * (MEAN_GRID / 2)) / MEAN_GRID
    return means
