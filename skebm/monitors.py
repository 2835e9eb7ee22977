"""What happens inside a machine while it learns: quantities recorded along `fit`.

A `Monitor` is a callback of scikit-learn (1.9 or later) that evaluates functions of the machine at
chosen epochs:

>>> from skebm import RBM
>>> from skebm.datasets import make_bars_and_stripes
>>> from skebm.monitors import Monitor, n_fixed_points, singular_values
>>> X = make_bars_and_stripes(3)
>>> monitor = Monitor(values=singular_values, fixed_points=n_fixed_points(X))
>>> rbm = RBM(8, max_iter=100, random_state=0).set_callbacks(monitor).fit(X)
>>> monitor.data()["values"].shape  # a row for every epoch recorded
(17, 8)

Without callbacks, or after every `partial_fit`, ``monitor.record(machine)`` does the same.

Singular values, histograms and free energy gaps cost 1 to 2 % of the training time together, at the
default cadence, and a likelihood about an epoch of a small table each time. A search for fixed
points, or a likelihood with options of its own, costs as much as some epochs: give these a monitor
of their own with a larger `every`, ``set_callbacks(often, seldom)``, or fewer rows.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Self

import joblib
import numpy as np
from numpy.typing import ArrayLike

from . import metrics
from ._validation import check_count
from ._watch import Watched

__all__ = [
    "Checkpoint",
    "Monitor",
    "free_energy_gap",
    "log_likelihood",
    "n_fixed_points",
    "singular_values",
    "weight_histogram",
]

GROWTH = 1.25
# length of the annealing of a likelihood
GLANCE = 60


class _Callback:
    """What scikit-learn calls, and does nothing."""

    def setup(self, estimator, context):
        """Before the first task."""

    def teardown(self, estimator, context):
        """After the last task."""

    def on_fit_task_begin(self, estimator, context):
        """Before a fit, and before every epoch."""


class Monitor(_Callback):
    """Record quantities of a machine while it learns.

    Training is not changed: the fitted parameters are the same to the bit.

    Parameters
    ----------
    every : int, default=None
        Epochs between two records. None records epochs 1 to 5, and after each the next that is at
        least a quarter later: enough for a curve on a logarithmic axis, and cheap.
    **quantities : callable
        Under its name, a function of the fitted machine that returns a number or an array of fixed
        shape: one of this module, or your own.

    See Also
    --------
    sklearn.callback.ScoringMonitor : Records scores of any estimator.

    Examples
    --------
    >>> from skebm import RBM
    >>> from skebm.datasets import make_bars_and_stripes
    >>> from skebm.monitors import Monitor, log_likelihood
    >>> X = make_bars_and_stripes(3)
    >>> monitor = Monitor(every=50, score=log_likelihood(X), size=lambda rbm: rbm.components_.std())
    >>> rbm = RBM(8, max_iter=100, random_state=0).set_callbacks(monitor).fit(X)
    >>> monitor.frame().columns.tolist()
    ['epoch', 'score', 'size']
    """

    def __init__(self, every: int | None = None, **quantities) -> None:
        if every is not None:
            check_count("every", every, 1)
        for name, function in quantities.items():
            if not callable(function):
                raise ValueError(
                    f"{name} must be a function of a fitted machine, got {function!r}. Those of "
                    "skebm.monitors that need data take it first: log_likelihood(X)."
                )
        if not quantities:
            raise ValueError("Monitor needs something to record: Monitor(values=singular_values).")
        self.every = every
        self.quantities = quantities
        self._records = []

    def record(self, machine: Any) -> Self:
        """Evaluate all quantities now.

        Parameters
        ----------
        machine : estimator
            A fitted machine with `n_iter_`.

        Returns
        -------
        self : Monitor
            The monitor.
        """
        values = {name: function(machine) for name, function in self.quantities.items()}
        self._records.append({"epoch": machine.n_iter_, **values})
        return self

    def data(self) -> dict:
        """Get what was recorded since the last `fit` began.

        Returns
        -------
        data : dict of str to ndarray
            ``epoch`` and every quantity, an entry (or a row) for every record.
        """
        names = ["epoch", *self.quantities]
        return {name: np.array([record[name] for record in self._records]) for name in names}

    def frame(self) -> Any:
        """Get what was recorded as a DataFrame; needs pandas.

        Returns
        -------
        frame : pandas.DataFrame
            A row for every record; arrays take a column for every entry, ``name_0`` and so on.
        """
        import pandas as pd

        columns = {}
        for name, values in self.data().items():
            if values.ndim == 1:
                columns[name] = values
            else:
                flat = values.reshape(len(values), -1)
                columns |= {f"{name}_{i}": column for i, column in enumerate(flat.T)}
        return pd.DataFrame(columns)

    def _is_due(self, epoch):
        if not self._records:
            return self.every is None or epoch % self.every == 0
        last = self._records[-1]["epoch"]
        if self.every is not None:
            return epoch % self.every == 0
        return epoch >= max(last + 1, GROWTH * last)

    def setup(self, estimator, context):
        """Begin anew."""
        self._records = []

    def on_fit_task_end(
        self, estimator, context, *, X=None, y=None, fitted_estimator=None, metadata=None
    ):
        """Record an epoch if it is due, and the end if nothing was before (a single climb)."""
        is_last = context.task_name != "epoch" and not self._records
        if is_last or (context.task_name == "epoch" and self._is_due(estimator.n_iter_)):
            self.record(estimator)


class Checkpoint(_Callback):
    """Save a machine while it learns, so that nothing is lost with the process.

    A callback of scikit-learn (1.9 or later), as `Monitor`. The file is always a whole one: it is
    written beside its place and then moved there. It holds the machine as it was after an epoch, a
    pickle that `joblib.load` reads and that can be used as it is. ``machine.set_params(
    warm_start=True).fit(X)`` goes on from there, to the same result as without the interruption.

    Parameters
    ----------
    path : str or path-like
        File to write.
    every : int, default=1
        Epochs between two saves; the end of `fit` is saved always.

    Raises
    ------
    ValueError
        If `every` is not a positive integer.

    See Also
    --------
    Monitor : Record quantities along the way.

    Examples
    --------
    >>> import os, tempfile
    >>> import joblib
    >>> from skebm import RBM
    >>> from skebm.datasets import make_bars_and_stripes
    >>> from skebm.monitors import Checkpoint
    >>> X = make_bars_and_stripes(3)
    >>> path = os.path.join(tempfile.mkdtemp(), "rbm.joblib")
    >>> rbm = RBM(8, max_iter=30, random_state=0).set_callbacks(Checkpoint(path, every=10)).fit(X)
    >>> saved = joblib.load(path)
    >>> saved.n_iter_, bool((saved.components_ == rbm.components_).all())
    (30, True)
    """

    def __init__(self, path: Any, every: int = 1) -> None:
        check_count("every", every, 1)
        self.path = path
        self.every = every

    def save(self, machine: Any) -> Self:
        """Save a machine now, without its callbacks.

        Parameters
        ----------
        machine : estimator
            A fitted machine.

        Returns
        -------
        self : Checkpoint
            The checkpoint.
        """
        saved = type(machine)(**machine.get_params(deep=False))
        fitted = {name: value for name, value in vars(machine).items() if name.endswith("_")}
        vars(saved).update(fitted)
        path = Path(self.path)
        part = path.with_name(path.name + ".part")
        with part.open("wb") as file:
            joblib.dump(saved, file)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        return self

    def on_fit_task_end(
        self, estimator, context, *, X=None, y=None, fitted_estimator=None, metadata=None
    ):
        """Save an epoch if it is due, and the end."""
        if context.task_name != "epoch" or estimator.n_iter_ % self.every == 0:
            self.save(estimator)


def singular_values(machine: Any) -> np.ndarray:
    """Compute the singular values of the weights between visible and hidden units.

    Parameters
    ----------
    machine : RBM or BoltzmannMachine
        A fitted machine.

    Returns
    -------
    values : ndarray of shape (min(n_features, n_components),)
        The largest first, over the temperature.
    """
    return np.linalg.svd(weights_of(machine), compute_uv=False) / machine.temperature


def weight_histogram(bins: ArrayLike) -> Any:
    """Make a function that counts the weights between visible and hidden units in bins.

    Parameters
    ----------
    bins : array-like of shape (n_bins + 1,)
        Edges of the bins.

    Returns
    -------
    function : callable
        From a machine to counts of shape (n_bins,).
    """
    bins = np.asarray(bins, dtype=float)
    return lambda machine: np.histogram(weights_of(machine), bins)[0]


def log_likelihood(X: ArrayLike, **options) -> Any:
    """Make a function that computes the mean log-likelihood of rows.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        Rows.
    **options
        For `log_partition`, ``n_temperatures=300`` say. Without any, ln Z is exact where that is
        fast, else annealed so shortly that it costs about an epoch of a small table and is good to
        some tenths of a nat.

    Returns
    -------
    function : callable
        From a machine to nats.
    """

    def compute(machine):
        rows = machine._read(X)
        if not options:
            return float(machine._look(Watched(rows, None), GLANCE).train.mean())
        value = machine.log_partition(**options).value
        return float((machine._log_weight(rows) - value).mean())

    return compute


def free_energy_gap(X_train: ArrayLike, X_held_out: ArrayLike) -> Any:
    """Make a function that computes the free energy gap between held-out and training rows.

    Parameters
    ----------
    X_train, X_held_out : array-like
        Rows; a few hundred of each are enough.

    Returns
    -------
    function : callable
        From a machine to nats; see `skebm.metrics.free_energy_gap`.
    """
    return lambda machine: metrics.free_energy_gap(machine, X_train, X_held_out)


def n_fixed_points(X: ArrayLike | None = None, **options) -> Any:
    """Make a function that counts the distinct fixed points of the naive mean-field equations.

    They grow with what is learned, one for everything that looks like a pattern; the states that
    chains really keep apart are fewer. See `RBM.fixed_points` for other equations.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features), default=None
        Rows to start from; a few hundred are enough.
    **options
        For `RBM.fixed_points`; the seed is 0 and the method "mean_field" unless given.

    Returns
    -------
    function : callable
        From an RBM to their number; 0 where the equations settle from nowhere.
    """
    defaults = {"n_starts": 0 if X is not None else 100, "random_state": 0, "method": "mean_field"}
    options = defaults | options

    def count(machine):
        try:
            return len(machine.fixed_points(X, **options).free_energy)
        except ValueError as error:
            if "did not settle" in str(error):
                return 0
            raise

    return count


def weights_of(machine):
    """Weights between hidden and visible units, shape (n_components, n_features)."""
    if hasattr(machine, "components_"):
        return machine.components_
    n_visible = machine.n_features_in_
    return machine.coupling_[n_visible:, :n_visible]
