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
