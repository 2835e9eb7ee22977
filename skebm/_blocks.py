"""Row-wise work in blocks, so that what it needs beside rows and results stays small."""

import numpy as np
from sklearn.utils import gen_batches

# entries of the arrays of a block
BLOCK_SIZE = 2**22


def by_blocks(function, rows, width):
    """Apply a row-wise function to blocks of rows.

    Parameters
    ----------
    function : callable
        From rows to an array with a row (or a number) for each.
    rows : {ndarray, CSR} of shape (n_rows, ...)
        What it is applied to.
    width : int
        Entries that it needs for every row.

    Returns
    -------
    result : ndarray of shape (n_rows, ...)
        As if applied to all at once.
    """
    n_rows, result = rows.shape[0], None
    for block in gen_batches(n_rows, max(1, BLOCK_SIZE // width)):
        part = function(rows[block])
        if len(part) == n_rows:
            return part
        if result is None:
            result = np.empty((n_rows, *part.shape[1:]), part.dtype)
        result[block] = part
    return result
