"""Learning of a Boltzmann machine: gradients, by sampling or exactly, and the ascent along them.

All in the form of `Coupled`, 0/1 units at T = 1. A gradient is a difference of statistics under the
data (units clamped to a row) and under the model (units free): of the second moments of all pairs,
for the couplings, and of the means, for the biases.

Four ways lead to it. `exact_contrast` enumerates; `pseudo_contrast` asks for each unit given all
others; `sampled_contrast` clamps the visible units and lets the hidden ones settle, by the heat
bath or by mean field, and averages over free chains. `maximize` takes the first two to the maximum;
`epoch` takes steps along any of them.
"""

from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize
from scipy.sparse.csgraph import connected_components
from scipy.special import expit, logsumexp
from sklearn.utils import gen_even_slices

from ._coupled import Coupled, heat_bath
from ._dynamics import settle
from ._enumeration import log_weights, means, second_moments
from ._training import OFFSET_RATE, shrink
from .units import Bernoulli

BIT = Bernoulli()
LARGEST_EXACT = 20
SMALLEST_GRADIENT = 1e-8
MOST_ITERATIONS = 20_000


class State(NamedTuple):
    """Everything that an update changes, as plain arrays.

    Attributes
    ----------
    coupling : ndarray of shape (n_units, n_units)
        W.
    intercept : ndarray of shape (n_units,)
        b.
    offset : ndarray of shape (n_units,)
        Running means under the data, which centre the gradient.
    velocity : tuple of ndarray or None
        Last step, where there is momentum.
    chains : ndarray of shape (n_chains, n_units) or None
        Free states.
    """

    coupling: np.ndarray
    intercept: np.ndarray
    offset: np.ndarray
    velocity: tuple | None
    chains: np.ndarray | None


def hidden_given(model, v):
    """The model of the hidden units that remains when the visible ones, the first, are clamped."""
    n_visible = v.shape[1]
    coupling = model.coupling
    field = v @ coupling[:n_visible, n_visible:] + model.intercept[n_visible:]
    arrangement = model.arrangement and model.arrangement.behind(n_visible)
    return Coupled(coupling[n_visible:, n_visible:], field, 0.0, arrangement)


def mean_field(model):
    """Solve ``m = 1 / (1 + exp(-field(m)))`` for every row of the model's intercept."""
    coupling, intercept = model.coupling, model.intercept

    def step(rows, m):
        return BIT.mean(m @ coupling + intercept[rows], 1.0)

    start = step(slice(None), np.zeros_like(intercept))
    return settle(step, start)[0]


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
    hidden = hidden_given(model, v)
    if not hidden.coupling.any():
        h = BIT.mean(hidden.intercept, 1.0)
    elif algorithm == "mean_field":
        h = mean_field(hidden)
    else:
        probability = mean_field(hidden) if betas is None else 0.5
        h = (rng.random(hidden.intercept.shape) < probability).astype(v.dtype)
        h = heat_bath(hidden, h, [1.0] * n_steps if betas is None else betas, rng)
    return np.concatenate([v, h], axis=1)


def sampled_contrast(model, chains, v, rng, *, algorithm, n_steps, betas):
    """Difference of second moments and of means under the data and under free chains.

    Arguments as for `clamped_states`, and free states of shape (n_chains, n_units), which go on for
    `n_steps` sweeps, or start at random and are annealed. Returns second moments, means, the new
    chains, and the means under the data.
    """
    clamped = clamped_states(model, v, rng, algorithm=algorithm, n_steps=n_steps, betas=betas)
    if betas is not None:
        chains = (rng.random(chains.shape) < 0.5).astype(chains.dtype)
    chains = heat_bath(model, chains, [1.0] * n_steps if betas is None else betas, rng)
    n_visible = v.shape[1]
    hidden = hidden_given(model, chains[:, :n_visible])
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


def exact_contrast(model, v, weights):
    """Mean log-likelihood of weighted rows, and its gradient, by enumeration.

    Parameters
    ----------
    model : Coupled
        The machine, visible units first, in double precision.
    v : ndarray of shape (n_rows, n_visible)
        Visible rows.
    weights : ndarray of shape (n_rows,)
        Their shares, of sum 1.

    Returns
    -------
    value : float
        In nats.
    second, mean : ndarray
        Difference of the second moments, shape (n_units, n_units), and of the means.
    """
    coupling, intercept = model.coupling, model.intercept
    n_visible = v.shape[1]
    log_partition, second = _free_moments(model, n_visible)
    second *= -1
    inner = coupling[n_visible:, n_visible:]
    table = log_weights(inner, v @ coupling[:n_visible, n_visible:] + intercept[n_visible:])
    log_hidden = logsumexp(table, axis=1)
    shares = np.exp(table - log_hidden[:, np.newaxis])
    states = np.concatenate([v, means(shares)], axis=1)
    data = states.T @ (states * weights[:, np.newaxis])
    data[n_visible:, n_visible:] = second_moments(weights @ shares)
    second += data
    visible = v @ intercept[:n_visible] + np.einsum(
        "ri,ij,rj->r", v, 0.5 * coupling[:n_visible, :n_visible], v, optimize=True
    )
    return float(weights @ (visible + log_hidden) - log_partition), second, np.diag(second)


def _free_moments(model, n_visible):
    """Ln Z and second moments of a free machine, by enumeration.

    Given the hidden units, visible ones that no path of couplings joins are independent: tables
    have a row for every hidden state, and 2^k entries for every such group of k.
    """
    coupling, intercept = model.coupling, model.intercept
    n_hidden = len(intercept) - n_visible
    hidden = (np.arange(2**n_hidden)[:, np.newaxis] >> np.arange(n_hidden) & 1).astype(np.float64)
    field = hidden @ coupling[n_visible:, :n_visible] + intercept[:n_visible]
    log_joint = log_weights(coupling[n_visible:, n_visible:], intercept[np.newaxis, n_visible:])[0]
    _, group = connected_components(coupling[:n_visible, :n_visible] != 0, directed=False)
    parts = [np.flatnonzero(group == number) for number in np.unique(group)]
    tables = []
    for units in parts:
        table = log_weights(coupling[np.ix_(units, units)], field[:, units])
        log_sum = logsumexp(table, axis=1)
        log_joint = log_joint + log_sum
        tables.append(np.exp(table - log_sum[:, np.newaxis]))
    log_partition = logsumexp(log_joint)
    shares = np.exp(log_joint - log_partition)
    given = np.empty_like(field)
    for units, table in zip(parts, tables, strict=True):
        given[:, units] = means(table)
    states = np.concatenate([given, hidden], axis=1)
    second = states.T @ (states * shares[:, np.newaxis])
    for units, table in zip(parts, tables, strict=True):
        second[np.ix_(units, units)] = second_moments(shares @ table)
    return log_partition, second


def pseudo_contrast(model, v, weights):
    """Mean log pseudo-likelihood of weighted rows of a visible-only machine, and its gradient.

    Arguments and results as for `exact_contrast`.
    """
    field = v @ model.coupling + model.intercept
    value = -np.logaddexp(0, (1 - 2 * v) * field).sum(axis=1)
    residual = (v - expit(field)) * weights[:, np.newaxis]
    second = residual.T @ v
    return float(weights @ value), second + second.T, residual.sum(axis=0)


def penalty(coupling, scale, alpha):
    """Penalty ``alpha sum w^2 / 2`` over pairs, and its gradient.

    w is `scale` times the coupling of 0/1 units at T = 1.
    """
    weights = scale * coupling
    return 0.25 * alpha * float((weights**2).sum()), alpha * scale * weights


def maximize(contrast, model, v, mask, penalize, *, lasso=0.0, smallest_gain):
    """Climb to a maximum of the mean log-likelihood (or pseudo-likelihood) minus the penalty.

    Parameters
    ----------
    contrast : callable
        `exact_contrast` or `pseudo_contrast`.
    model : Coupled
        Where to start.
    v : ndarray of shape (n_rows, n_visible)
        Visible rows.
    mask : ndarray of bool of shape (n_units, n_units)
        Which pairs may be coupled.
    penalize : callable
        Smooth penalty of a matrix of couplings and its gradient.
    lasso : float
        Strength of a penalty on the size of every coupling besides.
    smallest_gain : float
        Gain of an iteration, relative to the value, at which the climb ends; where couplings
        grow without bound it is what ends it.

    Returns
    -------
    coupling, intercept : ndarray
        The maximum.
    losses : list of float
        What was minimised, after every iteration.
    converged : bool
        Whether the climb ended by itself.
    """
    rows, counts = np.unique(v, axis=0, return_counts=True)
    weights = counts / counts.sum()
    pairs = np.nonzero(np.triu(mask, 1))
    n_pairs, n_units = len(pairs[0]), len(mask)
    losses = []

    def unpack(vector):
        coupling = np.zeros((n_units, n_units))
        coupling[pairs] = vector[:n_pairs]
        if lasso:
            # differences of positive parts, whose sum is the size where it matters
            coupling[pairs] -= vector[n_pairs : 2 * n_pairs]
        return coupling + coupling.T, vector[-n_units:]

    def objective(vector):
        coupling, intercept = unpack(vector)
        value, second, mean = contrast(
            model._replace(coupling=coupling, intercept=intercept), rows, weights
        )
        size, slope = penalize(coupling)
        gradient = (slope - second)[pairs]
        loss = size - value
        parts = [gradient, -mean]
        if lasso:
            loss += lasso * vector[: 2 * n_pairs].sum()
            parts = [gradient + lasso, lasso - gradient, -mean]
        return loss, np.concatenate(parts)

    start = model.coupling[pairs]
    start = [np.maximum(start, 0), np.maximum(-start, 0)] if lasso else [start]
    bounds = None
    if lasso:
        bounds = [(0, None)] * (2 * n_pairs) + [(None, None)] * n_units
    result = minimize(
        objective,
        np.concatenate([*start, model.intercept]),
        jac=True,
        method="L-BFGS-B",
        bounds=bounds,
        callback=lambda intermediate_result: losses.append(float(intermediate_result.fun)),
        options={
            "maxiter": MOST_ITERATIONS,
            "maxfun": 2 * MOST_ITERATIONS,
            "gtol": SMALLEST_GRADIENT,
            "ftol": smallest_gain,
            "maxcor": 30,
        },
    )
    return *unpack(result.x), losses, result.status != 1


def epoch(state, mask, arrangement, X, rng, *, rates, contrast, momentum, penalize, lasso):
    """One pass over the rows of X in minibatches.

    Parameters
    ----------
    state : State
        Where to start; its arrays are not changed.
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
    contrast : callable
        From model, chains and rows to what `sampled_contrast` returns.
    momentum : float
        Share of the last step that the next one keeps.
    penalize : callable
        Smooth penalty of a matrix of couplings and its gradient.
    lasso : float
        Strength of a penalty on the size of every coupling besides.

    Returns
    -------
    state : State
        After the pass.
    loss : float
        Mean log-weight of the chains minus that of the clamped states, in the last update.
    """
    coupling, intercept, offset, velocity, chains = state
    order = rng.permutation(len(X))
    for rate, rows in zip(rates, gen_even_slices(len(X), len(rates)), strict=True):
        v = X[order[rows]]
        model = Coupled(coupling, intercept, 0.0, arrangement)
        second, mean, chains, data_mean = contrast(model, chains, v)
        loss = -0.5 * np.vdot(coupling, second) - intercept @ mean
        offset = offset + OFFSET_RATE * (data_mean - offset)
        cross = np.multiply.outer(mean, offset)
        step = second - cross - cross.T
        step *= mask
        bias_step = mean - step @ offset
        step -= penalize(coupling)[1] * mask
        step, bias_step = rate * step, rate * bias_step
        if momentum:
            step += momentum * velocity[0]
            bias_step += momentum * velocity[1]
            velocity = step, bias_step
        coupling, intercept = coupling + step, intercept + bias_step
        if lasso:
            shrink(coupling, rate * lasso)
    # rounding may differ between the two triangles
    coupling = 0.5 * (coupling + coupling.T)
    return State(coupling, intercept, offset, velocity, chains), float(loss)
