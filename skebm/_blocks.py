"""Row-wise work in blocks, so that what it needs beside rows and results stays small."""

import numpy as np

# entries of the arrays of a block
BLOCK_SIZE = 2**22
# entries of an array from which on loops over it, compiled, are worth the import of numba
COMPILED_SIZE = 2**15


def batches(n, size):
    """Slices of at most `size` of n rows, one after another.

    As `sklearn.utils.gen_batches` gives them, which takes a tenth of a millisecond: as long as the
    recall of a row.
    """
    return (slice(start, min(start + size, n)) for start in range(0, n, size))


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
    for block in batches(n_rows, max(1, BLOCK_SIZE // width)):
        part = function(rows[block])
        if len(part) == n_rows:
            return part
        if result is None:
            result = np.empty((n_rows, *part.shape[1:]), part.dtype)
        result[block] = part
    return result
