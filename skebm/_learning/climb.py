"""Learning of a small Boltzmann machine by going to a maximum, with exact gradients.

`exact_gradient` enumerates the states of the machine, `pseudo_gradient` asks for each unit given
all others; `maximize` climbs along either. All in the form of `Coupled`, 0/1 units at T = 1.
"""

import numpy as np
from scipy.optimize import minimize
from scipy.sparse.csgraph import connected_components
from scipy.special import expit, logsumexp

from .._energies.sums import log_weights, means, second_moments

LARGEST_EXACT = 20
SMALLEST_GRADIENT = 1e-8
MOST_ITERATIONS = 20_000


def exact_gradient(model, v, weights):
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


def pseudo_gradient(model, v, weights):
    """Mean log pseudo-likelihood of weighted rows of a visible-only machine, and its gradient.

    Arguments and results as for `exact_gradient`.
    """
    field = v @ model.coupling + model.intercept
    value = -np.logaddexp(0, (1 - 2 * v) * field).sum(axis=1)
    residual = (v - expit(field)) * weights[:, np.newaxis]
    second = residual.T @ v
    return float(weights @ value), second + second.T, residual.sum(axis=0)


def maximize(gradient, model, v, mask, *, l2, l1, smallest_gain):
    """Climb to a maximum of the mean log-likelihood (or pseudo-likelihood) minus the penalty.

    Parameters
    ----------
    gradient : callable
        `exact_gradient` or `pseudo_gradient`.
    model : Coupled
        Where to start.
    v : ndarray of shape (n_rows, n_visible)
        Visible rows.
    mask : ndarray of bool of shape (n_units, n_units)
        Which pairs may be coupled.
    l2, l1 : float
        Strengths of the penalty ``l2 w^2 / 2 + l1 |w|`` on the coupling w of every pair.
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
        if l1:
            # differences of positive parts, whose sum is the size where it matters
            coupling[pairs] -= vector[n_pairs : 2 * n_pairs]
        return coupling + coupling.T, vector[-n_units:]

    def objective(vector):
        coupling, intercept = unpack(vector)
        value, second, mean = gradient(
            model.replace(coupling=coupling, intercept=intercept), rows, weights
        )
        slope = (l2 * coupling - second)[pairs]
        loss = 0.25 * l2 * float((coupling**2).sum()) - value
        parts = [slope, -mean]
        if l1:
            loss += l1 * vector[: 2 * n_pairs].sum()
            parts = [slope + l1, l1 - slope, -mean]
        return loss, np.concatenate(parts)

    start = model.coupling[pairs]
    start = [np.maximum(start, 0), np.maximum(-start, 0)] if l1 else [start]
    bounds = None
    if l1:
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
