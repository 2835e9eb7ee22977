"""Mean field of an RBM with the reaction term of Thouless, Anderson and Palmer.

The TAP free energy is the expansion of the free energy at given means to second order in the
weights (Plefka 1982). Its stationary points are the fixed points of

    field = bias + W mean + (1 / 2T) W^2 V(mean) V'(own mean)

on both sides, where squares are those of the entries and V is the variance of a unit at a mean. One
fixed point is the paramagnet; learning makes more. Without the last term the equations are those of
naive mean field.
"""

from typing import NamedTuple

import numpy as np
from scipy.special import xlogy

from ._dynamics import settle
from .units import Bernoulli, Spin

DAMPING = 0.8
TOLERANCE = 1e-6
MOST_STEPS = 2000
# means further apart than that belong to different fixed points
DISTINCT = 0.01
# variance at a mean, its slope, and the entropy
LAWS = {
    Bernoulli: (
        lambda m: m * (1 - m),
        lambda m: 1 - 2 * m,
        lambda m: -xlogy(m, m) - xlogy(1 - m, 1 - m),
    ),
    Spin: (
        lambda m: 1 - m**2,
        lambda m: -2 * m,
        lambda m: -xlogy(0.5 + 0.5 * m, 0.5 + 0.5 * m) - xlogy(0.5 - 0.5 * m, 0.5 - 0.5 * m),
    ),
}


class FixedPoints(NamedTuple):
    """Distinct fixed points of the TAP equations, the lowest free energy first.

    Attributes
    ----------
    visible : ndarray of shape (n_points, n_features)
        Means of the visible units.
    hidden : ndarray of shape (n_points, n_components)
        Means of the hidden units.
    free_energy : ndarray of shape (n_points,)
        TAP free energy; approximates ``-T ln Z``.
    """

    visible: np.ndarray
    hidden: np.ndarray
    free_energy: np.ndarray


def fixed_points(model, visible, hidden, *, reaction=1.0):
    """Fixed points that iteration reaches from the given means.

    Parameters
    ----------
    model : Bipartite
        A machine of Bernoulli units or spins.
    visible : ndarray of shape (n_rows, n_visible)
        Where to start.
    hidden : ndarray of shape (n_rows, n_hidden)
        Where to start.
    reaction : float
        Factor of the reaction term: 1, or 0 for naive mean field.

    Returns
    -------
    found : FixedPoints
        The distinct ones.
    settled : ndarray of bool of shape (n_rows,)
        From where iteration has reached one.
    """
    n_visible = visible.shape[1]
    squares = reaction * model.weights**2

    def step(rows, means):
        v, h = means[:, :n_visible], means[:, n_visible:]
        new_h = _side(model, squares, v, h)
        # the visible side sees the hidden one as it will be: both at once would oscillate
        coming = DAMPING * h + (1 - DAMPING) * new_h
        return np.concatenate([_side(model.swapped(), squares.T, coming, v), new_h], axis=1)

    start = np.concatenate([visible, hidden], axis=1)
    means, settled = settle(step, start, damping=DAMPING, tol=TOLERANCE, max_steps=MOST_STEPS)
    means = means[settled]
    v, h = means[:, :n_visible], means[:, n_visible:]
    energy = free_energy(model, v, h, reaction=reaction)
    order = np.argsort(energy, kind="stable")
    kept = []
    while order.size:
        first = order[0]
        kept.append(first)
        order = order[np.abs(means[order] - means[first]).max(axis=1) > DISTINCT]
    return FixedPoints(v[kept], h[kept], energy[kept]), settled


def _side(model, squares, v, h):
    """New hidden means from visible ones, with the reaction on the old hidden means."""
    variance, _, _ = LAWS[type(model.visible)]
    _, slope, _ = LAWS[type(model.hidden)]
    reaction = variance(v) @ squares.T
    reaction *= slope(h)
    reaction *= 0.5 / model.temperature
    reaction += model.hidden_field(v)
    return model.hidden.mean(reaction, model.temperature, out=reaction)


def free_energy(model, v, h, *, reaction=1.0):
    """TAP free energy of every row of means; with ``reaction=0`` that of naive mean field."""
    temperature = model.temperature
    (variance_v, _, entropy_v), (variance_h, _, entropy_h) = (
        LAWS[type(unit)] for unit in (model.visible, model.hidden)
    )
    entropy = entropy_v(v).sum(axis=1) + entropy_h(h).sum(axis=1)
    spread = variance_v(v) @ (reaction * model.weights**2).T
    fluctuation = np.einsum("ij,ij->i", spread, variance_h(h))
    return model.energy(v, h) - temperature * entropy - fluctuation / (2 * temperature)
