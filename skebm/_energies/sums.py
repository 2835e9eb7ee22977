"""Exact sums over all states of coupled 0/1 units, by doubling.

The log-weights of the 2^n states of n units are a table that doubles with every unit: a half
without it and a half with it, which adds the field that the units before exert. So a table costs
a few operations a state, not n^2, and so do its moments, which fold it in halves again. State
number ``sum_k s_k 2^k`` stands at that place.

Units without couplings among them are summed in closed form. Only a `cover` of the others, which
touches every coupling, is enumerated: the smaller side of a bipartite machine, every second layer
of a deep one.
"""

import numpy as np
from scipy.sparse.csgraph import connected_components
from scipy.special import expit, logsumexp

from .._blocks import batches

# states to enumerate times units summed at each
LARGEST_WORK = 2**27
LARGEST_COVER = 27
# entries of the largest table held at once
LARGEST_TABLE = 2**22


def subset_sums(weights):
    """Sum of the weights over the units that are on, for all states; (..., n) to (..., 2^n)."""
    table = np.zeros((*weights.shape[:-1], 1))
    for k in range(weights.shape[-1]):
        table = np.concatenate([table, table + weights[..., k : k + 1]], axis=-1)
    return table


def log_weights(coupling, field):
    """``s' W s / 2 + field' s`` for all states s.

    Parameters
    ----------
    coupling : ndarray of shape (n_units, n_units)
        W, symmetric.
    field : ndarray of shape (n_rows, n_units)
        A field for every row.

    Returns
    -------
    table : ndarray of shape (n_rows, 2^n_units)
        The log-weights.
    """
    table = np.zeros((len(field), 1))
    for k in range(field.shape[1]):
        with_unit = subset_sums(coupling[k, :k]) + field[:, k : k + 1]
        with_unit += table
        table = np.concatenate([table, with_unit], axis=1)
    return table


def means(table):
    """Sum of the table over the states in which a unit is on; (..., 2^n) to (..., n)."""
    n_units = table.shape[-1].bit_length() - 1
    result = np.empty((*table.shape[:-1], n_units))
    for k in reversed(range(n_units)):
        without_unit, with_unit = np.split(table, 2, axis=-1)
        result[..., k] = with_unit.sum(axis=-1)
        table = without_unit + with_unit
    return result


def second_moments(table):
    """Sum of the table over the states in which two units are on; (2^n,) to (n, n)."""
    n_units = len(table).bit_length() - 1
    result = np.empty((n_units, n_units))
    for k in reversed(range(n_units)):
        without_unit, with_unit = np.split(table, 2)
        result[k, k] = with_unit.sum()
        result[k, :k] = result[:k, k] = means(with_unit)
        table = without_unit + with_unit
    return result


def cover(coupled):
    """Numbers of units that touch every coupling, few of them.

    Parameters
    ----------
    coupled : ndarray of bool of shape (n_units, n_units)
        Which pairs are coupled; symmetric, no unit with itself.

    Returns
    -------
    units : list of int
        The unit with the most uncovered couplings first.
    """
    left = coupled.copy()
    units = []
    # more than `LARGEST_COVER` are too many anyhow
    while left.any() and len(units) <= LARGEST_COVER:
        unit = int(left.sum(axis=1).argmax())
        units.append(unit)
        left[unit] = left[:, unit] = False
    return units


def groups(coupling):
    """Connected groups of two or more units, each as its cover and the rest; and single units.

    Returns
    -------
    groups : list of (ndarray, ndarray)
        Numbers of the units to enumerate, and of those to sum in closed form.
    single : ndarray
        Numbers of the units without couplings.
    """
    coupled = coupling != 0
    n_groups, group = connected_components(coupled, directed=False)
    found = []
    single = coupled.any(axis=1) == 0
    for number in np.unique(group[~single]) if n_groups else ():
        units = np.flatnonzero(group == number)
        enumerated = units[cover(coupled[np.ix_(units, units)])]
        found.append((enumerated, np.setdiff1d(units, enumerated)))
    return found, np.flatnonzero(single)


def work(coupling):
    """Number of states to enumerate times units summed at each, for the largest group."""
    found, _ = groups(coupling)
    return max((2 ** len(some) * max(1, len(rest)) for some, rest in found), default=0)


def log_sum(coupling, field):
    """``ln sum_s exp(s' W s / 2 + field' s)`` of every row.

    Parameters
    ----------
    coupling : ndarray of shape (n_units, n_units)
        W, symmetric with a zero diagonal.
    field : ndarray of shape (n_rows, n_units)
        A field for every row.

    Returns
    -------
    log_sum : ndarray of shape (n_rows,)
        In nats.
    """
    coupling, field = coupling.astype(np.float64, copy=False), field.astype(np.float64, copy=False)
    found, single = groups(coupling)
    total = np.logaddexp(0, field[:, single]).sum(axis=1)
    for some, rest in found:
        total += _by_blocks(_log_sum_of_group, coupling, field, some, rest)
    return total


def mean_states(coupling, field):
    """Mean of every unit, for every row; arguments as for `log_sum`, shape (n_rows, n_units)."""
    coupling, field = coupling.astype(np.float64, copy=False), field.astype(np.float64, copy=False)
    found, single = groups(coupling)
    result = np.empty_like(field)
    result[:, single] = expit(field[:, single])
    for some, rest in found:
        units = np.concatenate([some, rest])
        result[:, units] = _by_blocks(_means_of_group, coupling, field, some, rest)
    return result


def _by_blocks(function, coupling, field, some, rest):
    """Apply a function to the tables of a group, some rows at a time."""
    fields = field[:, some], field[:, rest]
    couplings = coupling[np.ix_(some, some)], coupling[np.ix_(rest, some)]
    n_rows = max(1, LARGEST_TABLE >> len(some))
    return np.concatenate(
        [
            function(*couplings, *(part[rows] for part in fields))
            for rows in batches(len(field), n_rows)
        ]
    )


def _fields(outer, field_rest):
    """Field on every other unit at all states of the enumerated ones, a table after another."""
    for weights, field in zip(outer, field_rest.T, strict=True):
        yield subset_sums(weights) + field[:, np.newaxis]


def _table(inner, outer, field_some, field_rest):
    """Log-weights of the enumerated units' states, the other units summed out."""
    table = log_weights(inner, field_some)
    for field in _fields(outer, field_rest):
        table += np.logaddexp(0, field, out=field)
    return table


def _log_sum_of_group(inner, outer, field_some, field_rest):
    n_units = field_some.shape[1]
    if 1 << n_units <= LARGEST_TABLE:
        return logsumexp(_table(inner, outer, field_some, field_rest), axis=1)
    # too many states for a table: one half without the last unit, one with it
    parts = []
    for state in (0, 1):
        part = _log_sum_of_group(
            inner[:-1, :-1],
            outer[:, :-1],
            field_some[:, :-1] + state * inner[-1, :-1],
            field_rest + state * outer[:, -1],
        )
        parts.append(part + state * field_some[:, -1])
    return np.logaddexp(*parts)


def _means_of_group(inner, outer, field_some, field_rest):
    table = _table(inner, outer, field_some, field_rest)
    table -= logsumexp(table, axis=1, keepdims=True)
    shares = np.exp(table, out=table)
    rest = [(shares * expit(field)).sum(axis=1) for field in _fields(outer, field_rest)]
    return np.column_stack([means(shares), *rest])
