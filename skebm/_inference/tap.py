"""Mean field of an RBM with the reaction term of Thouless, Anderson and Palmer.

The TAP free energy is the expansion of the free energy at given means to second order in the
weights (Plefka 1982). Its stationary points are the fixed points of

    field = bias + W mean + (1 / 2T) W^2 V(mean) V'(own mean)

on both sides, where squares are those of the entries and V is the variance of a unit at a mean. One
fixed point is the paramagnet; learning makes more. Without the last term the equations are those of
naive mean field.

The expansion fails where weights are strong. Adaptive TAP (Opper and Winther 2001), the fixed point
of expectation consistency, takes the reaction from the couplings as they are: the linear response
of all units together must give every unit the variance that it has by itself.
"""

from typing import NamedTuple

import numpy as np
from scipy.linalg import solve_triangular
from scipy.special import xlogy

from ..units import Bernoulli, Spin
from .mean_field import solve

DAMPING = 0.8
TOLERANCE = 1e-6
MOST_STEPS = 2000
# the second where the first does not settle
ADAPTIVE_DAMPINGS, MOST_ADAPTIVE_STEPS = (0.5, 0.9), 1000
# of spins, so that variances stay above 0
LARGEST_MEAN = 1 - 1e-9
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
    """Distinct fixed points of mean-field equations, the lowest free energy first.

    Attributes
    ----------
    visible : ndarray of shape (n_points, n_features)
        Means of the visible units.
    hidden : ndarray of shape (n_points, n_components)
        Means of the hidden units.
    free_energy : ndarray of shape (n_points,)
        Free energy of the equations used; approximates ``-T ln Z``.
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

    def equations(rows, means):
        v, h = means[:, :n_visible], means[:, n_visible:]
        new_h = _side(model, squares, v, h)
        # the visible side sees the hidden one as it will be: both at once would oscillate
        coming = DAMPING * h + (1 - DAMPING) * new_h
        return np.concatenate([_side(model.swapped(), squares.T, coming, v), new_h], axis=1)

    start = np.concatenate([visible, hidden], axis=1)
    means, settled = solve(equations, start, damping=DAMPING, tol=TOLERANCE, max_steps=MOST_STEPS)
    means = means[settled]
    v, h = means[:, :n_visible], means[:, n_visible:]
    return _distinct(v, h, free_energy(model, v, h, reaction=reaction)), settled


def _distinct(v, h, energy):
    """The distinct ones of fixed points, the lowest free energy first."""
    means = np.concatenate([v, h], axis=1)
    order = np.argsort(energy, kind="stable")
    kept = []
    while order.size:
        first = order[0]
        kept.append(first)
        order = order[np.abs(means[order] - means[first]).max(axis=1) > DISTINCT]
    return FixedPoints(v[kept], h[kept], energy[kept])


class Spins(NamedTuple):
    """Bipartite spins at T = 1: couplings of shape (n_hidden, n_visible), and fields."""

    coupling: np.ndarray
    field_visible: np.ndarray
    field_hidden: np.ndarray
    constant: float

    @classmethod
    def of(cls, model):
        """The same model as a machine of Bernoulli units or spins, in any mixture."""
        a, b, weights = (
            np.asarray(part, np.float64) / model.temperature
            for part in (model.intercept_visible, model.intercept_hidden, model.weights)
        )
        constant = 0.0
        # x = (s + 1) / 2 on one side halves what it gets, and shifts what the other side gets
        if isinstance(model.hidden, Bernoulli):
            constant += 0.5 * b.sum()
            a, b, weights = a + 0.5 * weights.sum(axis=0), 0.5 * b, 0.5 * weights
        if isinstance(model.visible, Bernoulli):
            constant += 0.5 * a.sum()
            b, a, weights = b + 0.5 * weights.sum(axis=1), 0.5 * a, 0.5 * weights
        return cls(weights, a, b, constant)


def adaptive_fixed_points(model, visible, hidden):
    """Fixed points of adaptive TAP; arguments and results as for `fixed_points`."""
    spins = Spins.of(model)
    means = []
    for unit, rows in ((model.visible, visible), (model.hidden, hidden)):
        means.append(2 * rows - 1 if isinstance(unit, Bernoulli) else rows)
    ends = []
    for m, n in zip(*means, strict=True):
        found = (_adapt(spins, m, n, damping) for damping in ADAPTIVE_DAMPINGS)
        ends.append(next((end for end in found if end is not None), None))
    settled = np.array([end is not None for end in ends], dtype=bool)
    ends = [end for end in ends if end is not None]
    v = np.array([end[0] for end in ends]).reshape(-1, visible.shape[1])
    h = np.array([end[1] for end in ends]).reshape(-1, hidden.shape[1])
    energy = -model.temperature * (np.array([end[2] for end in ends]) + spins.constant)
    if isinstance(model.visible, Bernoulli):
        v = (v + 1) / 2
    if isinstance(model.hidden, Bernoulli):
        h = (h + 1) / 2
    return _distinct(v, h, energy), settled


def _adapt(spins, m, n, damping):
    """Iterate adaptive TAP from the means m and n: means and ln Z; None if they do not settle."""
    coupling, squares = spins.coupling, spins.coupling**2
    m, n = np.clip(m, -LARGEST_MEAN, LARGEST_MEAN), np.clip(n, -LARGEST_MEAN, LARGEST_MEAN)
    # the reaction of plain TAP to start with
    reaction_m, reaction_n = (1 - n**2) @ squares, squares @ (1 - m**2)
    for _ in range(MOST_ADAPTIVE_STEPS):
        response = _response(coupling, reaction_m, reaction_n, 1 - m**2, 1 - n**2)
        if response is None:
            # no stable Gaussian: stiffen it
            reaction_m, reaction_n = 1.3 * reaction_m + 0.01, 1.3 * reaction_n + 0.01
            continue
        stiffness_m, stiffness_n, response_m, response_n, _ = response
        change = 0.0
        for reaction, stiffness, variance in (
            (reaction_m, stiffness_m, response_m),
            (reaction_n, stiffness_n, response_n),
        ):
            step = (1 - damping) * (stiffness - 1 / variance - reaction)
            change = max(change, np.abs(step / (1 + np.abs(reaction))).max())
            reaction += step
        for means, field, reaction in (
            (n, spins.field_hidden + coupling @ m, reaction_n),
            (m, spins.field_visible + n @ coupling, reaction_m),
        ):
            new = np.tanh(field - reaction * means)
            step = (1 - damping) * (new - means)
            change = max(change, np.abs(step).max())
            means += step
            np.clip(means, -LARGEST_MEAN, LARGEST_MEAN, out=means)
        if change < TOLERANCE:
            return m, n, _adaptive_log_partition(spins, m, n, reaction_m, reaction_n)
    return None


def _response(coupling, reaction_m, reaction_n, variance_m, variance_n):
    """Stiffnesses, response of every unit to its own field, and ln det of all; None if unstable."""
    stiffness_m, stiffness_n = reaction_m + 1 / variance_m, reaction_n + 1 / variance_n
    if (stiffness_m <= 0).any() or (stiffness_n <= 0).any():
        return None
    # the visible side eliminated: one inverse, of the size of the hidden side
    passed = coupling / stiffness_m
    try:
        root = np.linalg.cholesky(np.diag(stiffness_n) - passed @ coupling.T)
    except np.linalg.LinAlgError:
        return None
    half = solve_triangular(root, passed, lower=True)
    response_m = 1 / stiffness_m + (half**2).sum(axis=0)
    inverse = solve_triangular(root, np.eye(len(root)), lower=True)
    response_n = (inverse**2).sum(axis=0)
    log_determinant = np.log(stiffness_m).sum() + 2 * np.log(np.diag(root)).sum()
    return stiffness_m, stiffness_n, response_m, response_n, -log_determinant


def _adaptive_log_partition(spins, m, n, reaction_m, reaction_n):
    """Ln Z of expectation consistency (Opper and Winther 2005): units + Gaussian - both."""
    variances = 1 - m**2, 1 - n**2
    response = _response(spins.coupling, reaction_m, reaction_n, *variances)
    if response is None:
        return np.nan
    coupled = n @ spins.coupling @ m
    value = 0.5 * response[-1] - coupled
    for means, variance, reaction, stiffness in (
        (m, variances[0], reaction_m, response[0]),
        (n, variances[1], reaction_n, response[1]),
    ):
        field = np.arctanh(means)
        value += (np.logaddexp(field, -field) + 0.5 * reaction).sum()
        value += 0.5 * (stiffness * means**2 - np.log(variance) - means**2 / variance).sum()
    return float(value)


def expansion_strength(model, v, h):
    """How strong couplings are at means, per row: from 1 on, the TAP expansion means nothing.

    Largest singular value of the squared weights between units, each side's variances taken in.
    """
    laws = [LAWS[type(unit)][0] for unit in (model.visible, model.hidden)]
    squares = (model.weights / model.temperature) ** 2
    return np.array(
        [
            np.linalg.norm(laws[1](hidden)[:, np.newaxis] * squares * laws[0](visible), 2)
            for visible, hidden in zip(v, h, strict=True)
        ]
    )


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
