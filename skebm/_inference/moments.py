"""Second moments of a machine whose units are all coupled: free, and clamped to rows.

All in the form of `Coupled`, 0/1 units at T = 1, by enumeration.
"""

import numpy as np
from scipy.sparse.csgraph import connected_components
from scipy.special import expit, logsumexp

from .._energies.sums import log_weights, means, second_moments


def free_moments(model, n_visible):
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


def clamped_moments(model, v, weights):
    """Log-sums over hidden units beside visible rows, and second moments of all units.

    In closed form where hidden units are not coupled with each other.

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
    log_hidden : ndarray of shape (n_rows,)
        Logarithm of the sum over the hidden states of what involves them.
    second : ndarray of shape (n_units, n_units)
        Means over the rows of the products of two units' states.
    """
    n_visible = v.shape[1]
    inner = model.coupling[n_visible:, n_visible:]
    field = v @ model.coupling[:n_visible, n_visible:] + model.intercept[n_visible:]
    if inner.any():
        table = log_weights(inner, field)
        log_hidden = logsumexp(table, axis=1)
        shares = np.exp(table - log_hidden[:, np.newaxis])
        hidden, inside = means(shares), second_moments(weights @ shares)
    else:
        log_hidden, hidden = np.logaddexp(0, field).sum(axis=1), expit(field)
        inside = hidden.T @ (hidden * weights[:, np.newaxis])
        np.fill_diagonal(inside, weights @ hidden)
    states = np.concatenate([v, hidden], axis=1)
    second = states.T @ (states * weights[:, np.newaxis])
    second[n_visible:, n_visible:] = inside
    return log_hidden, second
