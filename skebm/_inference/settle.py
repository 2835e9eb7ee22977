"""Iteration of rows until each has settled."""

import numpy as np


def settle(step, state, max_steps):
    """Iterate a map on rows; those that have settled take no further part.

    Parameters
    ----------
    step : callable
        ``step(rows, *state)`` makes one step of these rows of the problem. It returns their new
        state, a tuple of arrays with one row each, and which of them have settled, or are to be
        left as they are for another reason. It may change its arguments.
    state : tuple of ndarray
        Where to start, changed where `step` does so. The first array is the result.
    max_steps : int
        Steps at most.

    Returns
    -------
    result : ndarray
        The first array of the state reached, all rows.
    settled : ndarray of bool of shape (n_rows,)
        Which rows have settled.
    """
    result = state[0].copy()
    settled = np.zeros(len(result), dtype=bool)
    rows = np.arange(len(result))
    for _ in range(max_steps):
        if not rows.size:
            break
        state, still = step(rows, *state)
        result[rows] = state[0]
        if still.any():
            settled[rows[still]] = True
            rows, state = rows[~still], tuple(part[~still] for part in state)
    return result, settled
