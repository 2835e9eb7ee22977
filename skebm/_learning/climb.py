"""Learning of a small Boltzmann machine by going to a maximum, with exact gradients.

`exact_gradient` enumerates the states of the machine, `pseudo_gradient` asks for each unit given
all others; `maximize` climbs along either. All in the form of `Coupled`, 0/1 units at T = 1.
"""

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

from .._inference.moments import clamped_moments, free_moments

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
    n_visible = v.shape[1]
    log_partition, free = free_moments(model, n_visible)
    log_hidden, clamped = clamped_moments(model, v, weights)
    coupling, intercept = model.coupling[:n_visible, :n_visible], model.intercept[:n_visible]
    visible = v @ intercept + np.einsum("ri,ij,rj->r", v, 0.5 * coupling, v, optimize=True)
    second = clamped - free
    return float(weights @ (visible + log_hidden) - log_partition), second, np.diag(second)


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
