"""Learning of a Boltzmann machine by epochs: gradients from samples, and an epoch of updates.

All in the form of `Coupled`, 0/1 units at T = 1. A gradient is a difference of statistics under the
data (units clamped to a row) and under the model (units free): of the second moments of all pairs,
for the couplings, and of the means, for the biases. `sampled_gradient` clamps the visible units,
lets the hidden ones settle, by the heat bath or by mean field, and averages over free chains;
`_learning.climb` has the exact gradients.
"""

import numpy as np

from .._energies.coupled import Coupled
from .._inference.mean_field import BIT, coupled_means
from .optimizer import minibatches, move, track


def clamped_states(model, v, rng, *, algorithm, n_steps, betas):
    """Visible rows with hidden units that settled in their presence.

    Parameters
    ----------
    model : Coupled
        The machine, visible units first.
    v : ndarray of shape (n_rows, n_visible)
        Visible rows.
    rng : numpy.random.Generator
        Source of randomness.
    algorithm : {"gibbs", "mean_field"}
        How they settle where hidden units are coupled; else both give their exact means.
    n_steps : int
        Sweeps of the heat bath, from a draw of the mean field.
    betas : sequence of float or None
        If given, sweeps at these positions from random states instead.

    Returns
    -------
    states : ndarray of shape (n_rows, n_units)
        Visible states, and hidden means or states.
    """
    hidden = model.given(v)
    if not hidden.coupling.any():
        h = BIT.mean(hidden.intercept, 1.0)
    elif algorithm == "mean_field":
        h = coupled_means(hidden)
    else:
        probability = coupled_means(hidden) if betas is None else 0.5
        h = (rng.random(hidden.intercept.shape) < probability).astype(v.dtype)
        h = hidden.sweeps(h, [1.0] * n_steps if betas is None else betas, rng)
    return np.concatenate([v, h], axis=1)


def sampled_gradient(model, chains, v, rng, *, algorithm, n_steps, betas):
    """Difference of second moments and of means under the data and under free chains.

    Arguments as for `clamped_states`, and free states of shape (n_chains, n_units), which go on for
    `n_steps` sweeps, or start at random and are annealed. Returns second moments, means, the new
    chains, and the means under the data.
    """
    clamped = clamped_states(model, v, rng, algorithm=algorithm, n_steps=n_steps, betas=betas)
    if betas is not None:
        chains = (rng.random(chains.shape) < 0.5).astype(chains.dtype)
    chains = model.sweeps(chains, [1.0] * n_steps if betas is None else betas, rng)
    n_visible = v.shape[1]
    hidden = model.given(chains[:, :n_visible])
    free = chains
    if not hidden.coupling.any():
        # their means have less noise than their states
        means_given = BIT.mean(hidden.intercept, 1.0)
        free = np.concatenate([chains[:, :n_visible], means_given], axis=1)
    states = np.concatenate([clamped, free])
    weights = np.full(len(states), 1 / len(v), v.dtype)
    weights[len(v) :] = -1 / len(free)
    weighted = states * weights[:, np.newaxis]
    return states.T @ weighted, weighted.sum(axis=0), chains, clamped.mean(axis=0)


def epoch(state, mask, arrangement, X, rng, *, rates, gradient, momentum, l2, l1):
    """One pass over the rows of X in minibatches.

    Parameters
    ----------
    state : State
        Couplings, biases and one offset for all units; changed in place.
    mask : ndarray of bool of shape (n_units, n_units)
        Which pairs may be coupled.
    arrangement : Arrangement
        The order of a sweep.
    X : ndarray of shape (n_samples, n_visible)
        Training rows, 0 and 1.
    rng : numpy.random.Generator
        Source of randomness.
    rates : sequence of float
        Learning rate of every update; its length is the number of minibatches.
    gradient : callable
        From model, chains, rows and offset to what `sampled_gradient` returns.
    momentum, l2, l1 : float
        As for `optimizer.move`.

    Returns
    -------
    loss : float
        Mean log-weight of the chains minus that of the clamped states, in the last update.
    """
    (coupling, intercept), (offset,) = state.parameters, state.offsets
    model = Coupled(coupling, intercept, arrangement=arrangement)
    batches = minibatches(len(X), len(rates), rng)
    for rate, rows in zip(rates, batches, strict=True):
        second, mean, chains, data_mean = gradient(model, state.chains, X[rows], offset)
        if chains is not None:
            state.chains[...] = chains
        loss = -0.5 * np.vdot(coupling, second) - intercept @ mean
        track(offset, data_mean)
        cross = np.multiply.outer(mean, offset)
        step = second - cross - cross.T
        step *= mask
        bias_step = mean - step @ offset
        move(state, (rate * step, rate * bias_step), rate=rate, momentum=momentum, l2=l2, l1=l1)
    # rounding may differ between the two triangles
    coupling[...] = 0.5 * (coupling + coupling.T)
    return float(loss)
