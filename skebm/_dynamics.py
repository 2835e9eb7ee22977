"""Markov chains over the states of a model."""

import numpy as np


def gibbs(model, states, n_sweeps, rng, clamped=None):
    """Run `n_sweeps` Gibbs sweeps from `states`.

    Parameters
    ----------
    model : energy
        Anything with ``sweep(states, rng)``.
    states : ndarray of shape (n_chains, n_features)
        Where the chains start; not changed.
    n_sweeps : int
        Number of sweeps.
    rng : numpy.random.Generator
        Source of randomness.
    clamped : ndarray of shape (n_chains, n_features), default=None
        NaN marks a free unit; the others are held at the value given.

    Returns
    -------
    states : ndarray of shape (n_chains, n_features)
        The states after the last sweep.
    """
    if clamped is None:
        for _ in range(n_sweeps):
            states = model.sweep(states, rng)
        return states
    held = ~np.isnan(clamped)
    states = np.where(held, clamped, states)
    for _ in range(n_sweeps):
        states = model.sweep(states, rng)
        np.copyto(states, clamped, where=held)
    return states


def temper(model, base, betas, h, rng, clamped=None):
    """One sweep of parallel tempering along the path from independent units to the model.

    Every rung of the ladder makes a Gibbs step, then neighbouring rungs exchange their states by
    the Metropolis rule (first even pairs, then odd ones), which keeps the joint law of all rungs.

    Parameters
    ----------
    model : Bipartite
        The end of the path.
    base : ndarray of shape (n_visible,)
        Field of the independent visible units at its start.
    betas : ndarray of shape (n_rungs,)
        Positions of the rungs, rising to 1, the model itself.
    h : ndarray of shape (n_rungs * n_chains, n_hidden)
        Hidden states, rung after rung.
    rng : numpy.random.Generator
        Source of randomness.
    clamped : ndarray of shape (n_chains, n_visible), default=None
        NaN marks a free unit; the others are held at the value given, on every rung.

    Returns
    -------
    v : ndarray of shape (n_rungs * n_chains, n_visible)
        Visible states after the sweep; the last `n_chains` rows belong to the model.
    h : ndarray of shape (n_rungs * n_chains, n_hidden)
        Hidden states after the sweep.
    swap_rates : ndarray of shape (n_rungs - 1,)
        Share of the chains that were exchanged between a rung and the next.
    """
    n_rungs = len(betas)
    n_chains = len(h) // n_rungs
    path = model.toward(base, np.repeat(betas, n_chains)[:, np.newaxis].astype(h.dtype))
    v = path.sample_visible(h, rng)
    if clamped is not None:
        tiled = np.tile(clamped, (n_rungs, 1))
        np.copyto(v, tiled, where=~np.isnan(tiled))
    h, slope = path.sample_hidden(v, rng)

    rows = np.arange(n_rungs * n_chains).reshape(n_rungs, n_chains)
    slope = slope.reshape(n_rungs, n_chains)
    swap_rates = np.empty(n_rungs - 1)
    for first in (0, 1):
        lower, upper = slice(first, n_rungs - 1, 2), slice(first + 1, n_rungs, 2)
        distance = np.diff(betas)[first::2, np.newaxis]
        log_ratio = distance * (slope[lower] - slope[upper])
        swap = np.log1p(-rng.random(log_ratio.shape)) < log_ratio
        for array in (rows, slope):
            array[lower], array[upper] = (
                np.where(swap, array[upper], array[lower]),
                np.where(swap, array[lower], array[upper]),
            )
        swap_rates[first::2] = swap.mean(axis=1)
    order = rows.ravel()
    return v[order], h[order], swap_rates
