"""Machines on data and clusters larger than one process: learning, ln Z and samples with Dask.

Needs the extra ``dask``. Everything runs on the scheduler that Dask uses at the moment: a cluster
where there is a ``distributed.Client``, else threads of this process. What a worker does is a
function of what it is sent, so that a worker that dies costs the time of its task and nothing else.

Grid search and several starts need nothing from here, as joblib has a backend::

    with joblib.parallel_config("dask"):
        GridSearchCV(RBM(), {"random_state": range(8)}).fit(X)

nor do row-wise methods: ``X.map_blocks(rbm.transform, ...)``.
"""

from __future__ import annotations

import warnings
from copy import copy, deepcopy
from typing import Any

import numpy as np
from scipy.special import logsumexp
from sklearn.base import clone
from sklearn.utils.validation import check_is_fitted

from ._energies.sums import LARGEST_WORK
from ._inference.likelihood import LogPartition
from ._machine import DEFAULT_CHAINS, DEFAULT_TEMPERATURES, Machine
from ._typing import Seed
from ._validation import as_generator, check_count

__all__ = ["fit", "from_memmap", "log_partition", "sample"]

# learning rate up to which replicas learn faster than one machine, at temperature 1
LARGEST_RATE = 1.0


def _dask():
    try:
        import dask
        import dask.array
    except ImportError as error:
        raise ImportError(
            "skebm.distributed needs dask; install it with: pip install 'skebm[dask]'."
        ) from error
    return dask


def fit(machine: Any, X: Any, *, n_replicas: int = 1, max_iter: int | None = None) -> Any:
    """Learn from the rows of a Dask array, some chunks at a time, with replicas in parallel.

    Every replica of the machine has chains and a random generator of its own. In a round each of
    them learns from the next chunk of rows, then their parameters are averaged. So no more than a
    chunk for each is in memory, and chunks are the updates between two averages: a hundred, say,
    of ``chunk rows / batch_size``. Chunks are visited in random order, and their rows; but rows
    that are sorted by class are to be shuffled before. With one replica that is `partial_fit` of
    chunk after chunk, with the learning rates of `fit`. As the average of n replicas moves by the
    mean of their steps, not by the sum, each learns n times as fast, or at a rate of 1 (times the
    squared temperature) where that is less.

    Parameters
    ----------
    machine : RBM or BoltzmannMachine
        What learns, in place: after every epoch, so that an interrupt keeps the last one. It starts
        anew, unless it has ``warm_start=True``. Nothing is watched or held out, and `alpha` is 0
        where it is None.
    X : dask.array.Array of shape (n_samples, n_features)
        Rows, in chunks. `from_memmap` makes one of a memory map.
    n_replicas : int, default=1
        Replicas that learn at the same time: as many as there are workers.
    max_iter : int, default=None
        Passes over all rows. None is `max_iter` of the machine, or its default for so many rows.

    Returns
    -------
    machine : RBM or BoltzmannMachine
        The same, fitted.

    Raises
    ------
    ImportError
        Without dask.
    TypeError
        If X is no Dask array, or `machine` none of the two.
    ValueError
        If an argument, a parameter or the data are not valid, or training diverges. The machine is
        then as the last epoch left it.

    References
    ----------
    S. Zhang, A. Choromanska and Y. LeCun, "Deep learning with elastic averaging SGD" (2015).
    S. Stich, "Local SGD converges fast and communicates little" (2019).

    Examples
    --------
    >>> import dask.array as da
    >>> from skebm import RBM, distributed
    >>> X = da.random.default_rng(0).integers(0, 2, size=(600, 5), chunks=(200, 5))
    >>> rbm = distributed.fit(RBM(2, random_state=0), X, n_replicas=2, max_iter=3)
    >>> rbm.components_.shape
    (2, 5)
    """
    dask = _dask()
    if not isinstance(machine, Machine):
        raise TypeError(f"machine must be an RBM or a BoltzmannMachine, got {machine!r}.")
    if not isinstance(X, dask.array.Array) or X.ndim != 2:
        raise TypeError(
            f"X must be a two-dimensional dask.array.Array, got {type(X).__name__}. "
            "dask.array.from_array makes one of an array, from_memmap of a memory map."
        )
    check_count("n_replicas", n_replicas, 1)
    machine._validate_params()
    chunks = X.rechunk({1: -1}).to_delayed().ravel()
    if max_iter is None:
        max_iter = machine._horizon(len(X))
    check_count("max_iter", max_iter, 1)
    n_replicas = min(n_replicas, len(chunks))
    goes_on = machine.warm_start and hasattr(machine, "n_iter_")
    first = deepcopy(machine) if goes_on else clone(machine)
    learn, full_rate = dask.delayed(_learn, pure=False, traverse=False), machine.learning_rate
    # an average moves by the mean of the steps of all, not by their sum
    many_times = min(n_replicas * full_rate, LARGEST_RATE * machine._temperature() ** 2)
    full_rate = rate = max(full_rate, many_times)

    def compute(tasks):
        # parameters come with every task, and that is meant
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Sending large graph")
            return dask.compute(*tasks)

    epochs_before, losses = (machine.n_iter_, machine.loss_curve_) if goes_on else (0, [])
    rng = np.random.default_rng(int(as_generator(machine.random_state).integers(2**63)))
    replicas = []
    n_rounds = -(-len(chunks) // n_replicas)
    for epoch in range(max_iter):
        order, of_epoch = rng.permutation(len(chunks)), []
        for number in range(n_rounds):
            if machine.learning_rate_schedule == "linear":
                rate = full_rate * (1 - (epoch + number / n_rounds) / max_iter)
            if not replicas:
                # one of them starts the machine, for all
                (first,) = compute([learn(first, chunks[order[0]], rate)])
                seeds = rng.integers(2**63, size=n_replicas)
                replicas = [_reseeded(first, seed) for seed in seeds]
            chosen = order[number * n_replicas : (number + 1) * n_replicas]
            learned = compute(
                [
                    learn(_with_parameters(replica, first), chunks[k], rate)
                    for replica, k in zip(replicas, chosen, strict=False)
                ]
            )
            replicas[: len(learned)] = learned
            first = _averaged(learned)
            of_epoch += [replica.loss_curve_[-1] for replica in learned]
        losses = [*losses, float(np.mean(of_epoch))]
        fitted = {name: value for name, value in vars(first).items() if name.endswith("_")}
        fitted |= {"n_iter_": epochs_before + epoch + 1, "loss_curve_": losses}
        for name in [name for name in vars(machine) if name.endswith("_")]:
            if name not in fitted:  # of an earlier training
                delattr(machine, name)
        vars(machine).update(fitted)
    return machine


def _learn(replica, rows, rate):
    """What a replica is after a pass over some rows; itself it stays as it is."""
    return copy(replica).set_params(learning_rate=rate).partial_fit(np.asarray(rows))


def _parameters(machine):
    names = *machine._parameter_names, "variance_visible_"
    return {name: vars(machine)[name] for name in names if name in vars(machine)}


def _with_parameters(replica, other):
    replica = copy(replica)
    vars(replica).update(_parameters(other))
    return replica


def _averaged(replicas):
    """The first replica, with the mean parameters of all."""
    result = copy(replicas[0])
    for name in _parameters(result):
        arrays = [getattr(replica, name) for replica in replicas]
        mean = np.mean(arrays, axis=0, dtype=np.float64).astype(arrays[0].dtype)
        setattr(result, name, mean)
    return result


def _reseeded(machine, seed):
    """A copy with a random generator of its own."""
    machine = copy(machine)
    generator = np.random.SFC64(int(seed)).state
    machine._course_ = machine._course_._replace(generator=generator)
    return machine


def from_memmap(rows: np.memmap, chunk_size: int = 10_000) -> Any:
    """Make a Dask array of a memory map, whose chunks are read from the file when needed.

    ``dask.array.from_array`` would copy it into memory.

    Parameters
    ----------
    rows : numpy.memmap of shape (n_samples, n_features)
        Rows in a file, which all workers must reach under its name.
    chunk_size : int, default=10_000
        Rows of a chunk.

    Returns
    -------
    X : dask.array.Array of shape (n_samples, n_features)
        The same rows.

    Raises
    ------
    ImportError
        Without dask.
    TypeError
        If `rows` is no two-dimensional memory map in the order of C, as ``numpy.memmap`` and
        ``numpy.load(..., mmap_mode="r")`` make one.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from skebm import distributed
    >>> file = tempfile.NamedTemporaryFile()
    >>> rows = np.memmap(file, dtype=np.uint8, shape=(2500, 3))
    >>> distributed.from_memmap(rows, chunk_size=1000).chunks
    ((1000, 1000, 500), (3,))
    """
    dask = _dask()
    check_count("chunk_size", chunk_size, 1)
    is_whole = isinstance(rows, np.memmap) and rows.ndim == 2 and rows.flags.c_contiguous
    if not is_whole or rows.filename is None:
        raise TypeError(
            "rows must be a two-dimensional numpy.memmap in the order of C, got "
            f"{type(rows).__name__}."
        )
    whole = rows
    while isinstance(whole.base, np.memmap):  # the offset of a part is that of the whole
        whole = whole.base
    begin = whole.offset + rows.ctypes.data - whole.ctypes.data
    read, chunks = dask.delayed(_read, pure=False), []
    for start in range(0, len(rows), chunk_size):
        shape = min(chunk_size, len(rows) - start), rows.shape[1]
        offset = begin + start * rows.strides[0]
        chunk = read(str(rows.filename), rows.dtype, offset, shape)
        chunks.append(dask.array.from_delayed(chunk, shape, rows.dtype))
    return dask.array.concatenate(chunks)


def _read(filename, dtype, offset, shape):
    return np.array(np.memmap(filename, dtype, "r", offset, shape))


def log_partition(
    machine: Any,
    *,
    n_parts: int = 8,
    n_temperatures: int = DEFAULT_TEMPERATURES,
    n_chains: int = DEFAULT_CHAINS,
) -> LogPartition:
    """Estimate ln Z by independent annealings, one a task; `score` of the machine then uses it.

    Parameters
    ----------
    machine : RBM or BoltzmannMachine
        Fitted.
    n_parts : int, default=8
        Number of annealings, each as `log_partition` of the machine does one.
    n_temperatures, n_chains : int
        Of each, as there.

    Returns
    -------
    log_partition : LogPartition
        Of the mean of the estimates of Z, whose standard error is ``1 / sqrt(n_parts)`` of that of
        one; the bounds are the means of theirs. One exact value, where that is feasible.

    Raises
    ------
    ImportError
        Without dask.

    Examples
    --------
    >>> from skebm import RBM, distributed
    >>> rbm = RBM.from_parameters([[0.0, 0.0]], [0.0, 0.0], [0.0])
    >>> distributed.log_partition(rbm).value  # ln 8
    2.07...
    """
    dask = _dask()
    check_is_fitted(machine)
    check_count("n_parts", n_parts, 1)
    if machine._model().exact_work() <= LARGEST_WORK:
        return machine.log_partition()
    seeds = np.random.SeedSequence(machine._likelihood_seed_).generate_state(n_parts)
    options = {"method": "ais", "n_temperatures": n_temperatures, "n_chains": n_chains}
    part = dask.delayed(_part_of_log_partition, pure=False)
    found = dask.compute(*(part(machine, int(seed), options) for seed in seeds))
    values, errors, lower, upper = (
        np.array([getattr(one, name) for one in found])
        for name in ("value", "standard_error", "lower", "upper")
    )
    result = LogPartition(
        float(logsumexp(values) - np.log(n_parts)),
        float(np.sqrt((errors**2).sum()) / n_parts),
        "ais",
        float(lower.mean()),
        float(upper.mean()),
    )
    machine._keep_log_partition(("auto", n_temperatures, n_parts * n_chains), result)
    return result


def _part_of_log_partition(machine, seed, options):
    machine = copy(machine)
    machine._likelihood_seed_ = seed
    vars(machine).pop("_log_partition_", None)
    return machine.log_partition(**options)


def sample(
    machine: Any,
    n_samples: int,
    *,
    chunk_size: int = 1000,
    random_state: Seed = None,
    **options: Any,
) -> Any:
    """Draw rows as a Dask array, whose chunks are drawn where and when they are needed.

    Parameters
    ----------
    machine : estimator with `sample`
        Fitted.
    n_samples : int
        Number of rows.
    chunk_size : int, default=1000
        Rows of a chunk.
    random_state : int, RandomState, numpy.random.Generator or None, default=None
        Seed; None draws afresh. The same seed and chunks, the same rows, on any scheduler.
    **options
        Of `sample` of the machine (``n_sweeps``, ``algorithm``).

    Returns
    -------
    X : dask.array.Array of shape (n_samples, n_features)
        Samples.

    Raises
    ------
    ImportError
        Without dask.

    Examples
    --------
    >>> from skebm import RBM, distributed
    >>> rbm = RBM.from_parameters([[9.0, 9.0]], [0.0, 0.0], [-9.0])
    >>> X = distributed.sample(rbm, 5000, n_sweeps=100, random_state=0)
    >>> X.shape, X.numblocks
    ((5000, 2), (5, 1))
    """
    dask = _dask()
    check_is_fitted(machine)
    check_count("n_samples", n_samples, 1)
    check_count("chunk_size", chunk_size, 1)
    rng = as_generator(random_state)
    draw = dask.delayed(machine, pure=False, traverse=False).sample
    (row,) = machine.sample(1, random_state=0, **options | {"n_sweeps": 1})
    chunks = []
    for start in range(0, n_samples, chunk_size):
        size = min(chunk_size, n_samples - start)
        rows = draw(size, random_state=int(rng.integers(2**32)), **options)
        chunks.append(dask.array.from_delayed(rows, (size, len(row)), row.dtype))
    return dask.array.concatenate(chunks)
