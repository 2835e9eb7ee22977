"""Which unit types suit the columns of a table."""

from itertools import groupby

import numpy as np
from scipy import sparse
from scipy.special import gammaln, log_ndtr, xlogy

from ._bernoulli import Bernoulli
from ._categorical import Categorical
from ._composite import Composite
from ._gaussian import Gaussian
from ._poisson import Poisson
from ._spin import Spin

# rows from which on columns of which each row has a single 1 are one-hot groups, and no accident
LEAST_ROWS = 20


def suited_unit(X):
    """Unit types that suit every column.

    Columns of nothing but 0 and 1 are `Bernoulli`, of -1 and 1 `Spin`; neighbours of which every
    row has a single 1 are `Categorical`; whole numbers from 0 on that are as likely under a Poisson
    law as under a normal one are `Poisson`; everything else is `Gaussian`.

    Parameters
    ----------
    X : {ndarray, CSR} of shape (n_rows, n_columns)
        Rows; NaN is missing.

    Returns
    -------
    unit : Unit
        One type, or a `Composite`.
    """
    if sparse.issparse(X):
        X = X.tocsc()
    columns = [_column(X, j) for j in range(X.shape[1])]
    kinds = [_suited(known, n_rows) for known, n_rows in columns]
    is_binary = np.array([kind == Bernoulli() for kind in kinds])
    # ones of all columns up to every one: a one-hot group has as many as there are rows
    ones = [
        known.sum() if binary else 0 for (known, _), binary in zip(columns, is_binary, strict=True)
    ]
    ones = np.concatenate([[0], np.cumsum(ones)])
    blocks, start = [], 0
    while start < len(kinds):
        stop = int(np.searchsorted(ones, ones[start] + columns[start][1]))
        if stop <= len(kinds) and is_binary[start:stop].all() and _is_one_hot(X[:, start:stop]):
            blocks.append((Categorical(stop - start), stop - start))
            start = stop
        else:
            blocks.append((kinds[start], 1))
            start += 1
    merged = []
    for unit, block in groupby(blocks, key=lambda pair: pair[0]):
        merged.append((unit, sum(n_columns for _, n_columns in block)))
    return merged[0][0] if len(merged) == 1 else Composite(merged)


def _suited(known, n_rows):
    """Unit type of a column of `n_rows` values, 0 but for the given ones."""
    if ((known == 0) | (known == 1)).all():
        return Bernoulli()
    if len(known) == n_rows and (abs(known) == 1).all():
        return Spin()
    if (np.rint(known) != known).any() or (known < 0).any():
        return Gaussian()
    values, counts = np.unique(known, return_counts=True)
    values, counts = np.append(values, 0), np.append(counts, n_rows - len(known))
    mean = values @ counts / n_rows
    deviation = np.sqrt((values - mean) ** 2 @ counts / n_rows) or 1.0
    poisson = xlogy(values, mean) - mean - gammaln(values + 1)
    # a normal number, rounded
    z = np.abs(values - mean) / deviation
    top, bottom = (log_ndtr(-z + side * 0.5 / deviation) for side in (1, -1))
    normal = top + np.log1p(-np.exp(bottom - top))
    return Poisson() if counts @ poisson >= counts @ normal else Gaussian()


def _column(X, j):
    """Values of a column that are stored and known, and the number of values that are known."""
    if sparse.issparse(X):
        return X.data[X.indptr[j] : X.indptr[j + 1]].astype(np.float64), X.shape[0]
    known = X[~np.isnan(X[:, j]), j].astype(np.float64)
    return known, len(known)


def _is_one_hot(group):
    """Whether every row has a single 1 in these columns, or all of it is missing."""
    if group.shape[0] < LEAST_ROWS or group.shape[1] < 2:
        return False
    known = group if sparse.issparse(group) else group[~np.isnan(group).all(axis=1)]
    return bool((np.asarray(known.sum(axis=1)) == 1).all())
