"""Restricted Boltzmann machine."""

from __future__ import annotations

import zlib
from copy import copy
from itertools import groupby, islice
from math import sqrt
from numbers import Integral, Real
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse
from scipy.special import logsumexp
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_array
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from ._blocks import BLOCK_SIZE, by_blocks
from ._callbacks import run_epochs
from ._energies.bipartite import Bipartite, may_diverge
from ._energies.energy import TooManyStatesError
from ._energies.sums import LARGEST_WORK
from ._inference import tap
from ._inference.chains import tempered_samples
from ._inference.likelihood import SURVEY_WORK, estimate
from ._learning.balance import equilibrate, look
from ._learning.factor_analysis import maximize
from ._learning.optimizer import State
from ._learning.rbm import N_HOT, N_RUNGS, Parameters, Workspace, epoch, n_model_chains
from ._machine import DEFAULT_CHAINS, DEFAULT_TEMPERATURES, LOOK, N_CHAINS, Machine
from ._trajectory import Trajectory, temperature_of_sweeps
from ._typing import Seed
from ._validation import (
    as_dense,
    as_generator,
    check_columns,
    check_count,
    check_given,
    check_method,
    check_same_rows,
    examine,
    fill_from_columns,
    holds_means,
    mean_and_variance,
    read,
    read_given,
    read_hidden,
    read_units,
    warn,
)
from ._watch import LEAST_ROWS
from .theory import Phase, rbm_phase
from .units import UNITS, Gaussian, Unit, as_unit, suited_unit

INITIAL_SCALE = 0.1
# share of the work of training that a look at its result may take, the shortest one, and rows
LOOK_SHARE, LEAST_LOOK, LOOK_ROWS = 0.1, 30, 2000
# nats a row that chains which lag may cost without a warning, and its advice
LARGEST_LAG = 0.5
AGAINST_LAG = {
    "pcd": "algorithm='auto' moves them to their shares.",
    "auto": "Lower learning_rate, or train with algorithm='tempering'.",
    "tempering": "Lower learning_rate.",
}
# in nats, that single precision may cost a log-weight
LARGEST_ROUNDING = 1e-3
# of a column's variance, that its unit's variance keeps at least
LEAST_VARIANCE = 1e-3
# where rows are few, for how many a unit at most, the inverse of the variance that weights over T
# have beforehand
ROWS_A_UNIT, PRIOR = 20, 2.0


class Moments(NamedTuple):
    """Means of an RBM's units, clamped to rows or free.

    Attributes
    ----------
    visible : ndarray of shape (n_features,)
        E[v].
    hidden : ndarray of shape (n_components,)
        E[h].
    products : ndarray of shape (n_components, n_features)
        E[h v'].
    """

    visible: np.ndarray
    hidden: np.ndarray
    products: np.ndarray


class Gradient(NamedTuple):
    """Derivatives of the mean log-likelihood by an RBM's parameters.

    Attributes
    ----------
    components : ndarray of shape (n_components, n_features)
        By the weights.
    intercept_visible : ndarray of shape (n_features,)
        By the visible biases.
    intercept_hidden : ndarray of shape (n_components,)
        By the hidden biases.
    """

    components: np.ndarray
    intercept_visible: np.ndarray
    intercept_hidden: np.ndarray


class RBM(Machine):
    """Restricted Boltzmann machine with any pair of unit types.

    The energy of a visible row v and a hidden row h is
    ``E(v, h) = E0(v) + E0(h) - h' W v - a' v - b' h``, where E0 is the units' own energy, and a
    pair has the probability ``exp(-E(v, h) / T) / Z``. Training follows the gradient of the mean
    log-likelihood with (persistent) contrastive divergence. A trained machine gives features
    (`transform`), samples, and log-likelihoods in nats.

    Parameters
    ----------
    n_components : int, default=256
        Number of hidden units.
    visible, hidden : {"bernoulli", "spin", "gaussian", "relu", "poisson"} or Unit, \
            default="bernoulli"
        What the visible and the hidden units can be; see `skebm.units`. Bernoulli units suit
        data in [0, 1], spins data in [-1, 1], Gaussian units standardised columns, ReLU units
        non-negative ones, Poisson units counts, ``Categorical(n_states)`` one-hot groups, and
        ``Composite`` a mixed table. ``visible="auto"`` judges every column of the first rows:
        nothing but 0 and 1 are Bernoulli units, -1 and 1 spins, one-hot groups categorical, whole
        numbers that a Poisson law suits as well as a normal one Poisson, all else Gaussian ones.
    algorithm : {"auto", "pcd", "cd", "tempering"}, default="auto"
        Where the chains of the negative phase start: "pcd" lets them go on from update to update
        (better likelihood and samples), "cd" starts them at the data (good features, needs no
        chains of its own). "tempering" lets them go on too, and some in every update exchange
        states with chains of 15 models between this one and independent units, so that they do not
        get stuck in a mode: up to four times the work, for data with separated modes.
        "auto" is "pcd". It and "tempering" mend what chains that lag behind do: where they cannot
        pass from one region of states to another, the regions' probabilities come out wrong, by
        many nats. `fit` ends with a look at them (a tenth of its work; `lag_` is what it
        finds), and moves the parameters until they are the shares that the data have. "pcd"
        only warns.
    cd_steps : int, default=1
        Sweeps of the chains in every update, the k of CD-k and PCD-k.
    n_chains : int, default=None
        Number of persistent chains, independent of `batch_size`; None for 100. More chains mean
        less noise for more time. Not used by "cd".
    temperature : float, default=1.0
        T. Read at call time: changed after `fit`, a lower value sharpens features and samples.
    learning_rate : float, default=0.3
        Step along the gradient of the mean log-likelihood, for binary units; spins and Gaussian
        units divide it by 4 a side, so that one value suits most (many hidden units on Gaussian
        columns need less). With Bernoulli and spin units,
        training at (T, learning_rate, alpha) equals training at
        (1, learning_rate / T^2, alpha T^2) with weights and biases divided by T.
    learning_rate_schedule : {"linear", "constant"}, default="linear"
        Whether the rate falls to 0 over the `max_iter` epochs of `fit`, which takes the noise out
        of the parameters, or stays. `partial_fit` knows no end and uses `learning_rate` as it is.
    batch_size : int, default=None
        Rows of a minibatch. None for 20, or 100 of 10 000 rows or more.
    max_iter : int, default=None
        Number of epochs; with `warm_start` the number of epochs in all. None for 30, or as many as
        make 3000 updates of few rows; of 10 000 rows or more for 100, or as many as make 30 000
        updates, but at least 10.
    momentum : float, default=0.0
        Share of the last step that the next one keeps, in [0, 1).
    alpha : float, default=None
        Strength of the penalty ``alpha (l1_ratio T |W| + (1 - l1_ratio) W^2 / 2)``. None
        for ``2 / (n_samples T^2)``, as if a weight over T were normal with variance 1/2 before any
        data (spins: 4 times the strength a side), where `fit` has 100 rows or more and fewer than
        20 for every hidden unit; else, with units without bounds, and of means that are drawn in
        every epoch (grey values), for 0. With L1, values above 1e-3 switch hidden units off.
    l1_ratio : float, default=0.0
        Share of L1 in the penalty.
    centered : bool, default=True
        Whether to follow the gradient of the centred machine, which makes learning independent of
        how the data are encoded, 0/1 or 1/0, and usually better.
    shuffle : bool, default=True
        Whether to visit the rows in a new random order in every epoch.
    early_stopping : bool or "auto", default="auto"
        Whether to hold rows out and watch their mean log-likelihood. True looks after every epoch,
        stops when there is no gain, and returns to the best epoch. "auto" holds rows out where
        machines overfit, of 100 rows or more if there are fewer than 4 for every hidden unit, and
        looks now and then. Once they lose what rows trained on gain, it goes back to the best epoch
        and lets the rate fall to 0 over as many epochs again; else it trains to the end.
    validation_fraction : float, default=0.1
        Share of the rows held out; never more than 200 rows.
    n_iter_no_change : int, default=5
        Epochs without improvement after which ``early_stopping=True`` ends training.
    tol : float, default=1e-3
        Smallest gain of the held-out score, in nats, that counts as improvement.
    missing : {"error", "draw"}, default="error"
        What `fit` and `partial_fit` do about NaN: refuse it, or draw what is missing of a row given
        the rest, again at every visit, so that the likelihood of what is known rises. One-hot
        groups are missing as a whole. Nothing is held out then.
    warm_start : bool, default=False
        Whether `fit` goes on from the parameters, chains and generator of the last call, from
        epoch `n_iter_` up to `max_iter`, to the same result as without the interruption. After
        early stopping it goes on from the best parameters.
    verbose : int, default=0
        1 prints a line per epoch, with the log-likelihood where `fit` looked at it.
    random_state : int, RandomState, numpy.random.Generator or None, default=None
        Seed of initial weights, order of rows, and chains.

    Attributes
    ----------
    components_ : ndarray of shape (n_components, n_features)
        Weights W.
    intercept_visible_ : ndarray of shape (n_features,)
        Biases a.
    intercept_hidden_ : ndarray of shape (n_components,)
        Biases b.
    visible_ : Unit
        Unit type of the visible units: with ``visible="auto"`` what the columns were taken for.
    variance_visible_ : ndarray of shape (n_features,)
        Variances of visible Gaussian units, over T; 1 for other units beside them. Only where there
        are such units that learn them.
    chains_ : ndarray of shape (n_chains, n_components)
        Hidden states of the persistent chains (not with "cd").
    lag_ : float
        Nats of the mean log-likelihood that are lost because regions of states between which chains
        do not pass have other probabilities than shares in the data, after `fit` ("pcd",
        "tempering" and "auto", if it trained long enough for a look to cost little). Near 0 for
        chains that represent the machine.
    swap_rates_ : ndarray of shape (15,)
        Share of the chains that neighbouring models exchange, a running mean ("tempering").
    loss_curve_ : list of float
        Mean free energy of the data minus that of the chains, on the last minibatch of every
        epoch. Not a likelihood: near 0 for a good machine.
    score_epochs_ : list of int
        Epochs after which `fit` looked at the log-likelihood of rows: as often as 3 % of its
        work pays for, 15 % where "auto" holds rows out; every epoch with ``early_stopping=True``.
    train_scores_ : list of float
        Mean log-likelihood, at those epochs, of up to 200 of the rows trained on, in nats.
    validation_scores_ : list of float
        The same of the rows held out, where there are such rows.
    best_iter_ : int
        Epoch that the machine is that of, where there are rows held out.
    score_errors_ : list of float
        Standard errors of ln Z, and so of the scores; 0 where it is exact.
    n_iter_ : int
        Number of epochs run, passes of `partial_fit` included.
    n_features_in_ : int
        Number of visible units.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the columns, where X had string column names.

    See Also
    --------
    sklearn.neural_network.BernoulliRBM : Features from a machine with Bernoulli units.

    References
    ----------
    P. Smolensky, "Information processing in dynamical systems: foundations of harmony theory"
    (1986). G. Hinton, "Training products of experts by minimizing contrastive divergence" (2002).
    T. Tieleman, "Training restricted Boltzmann machines using approximations to the likelihood
    gradient" (2008). G. Montavon and K.-R. Mueller, "Deep Boltzmann machines and the centering
    trick" (2012). J. Melchior, A. Fischer and L. Wiskott, "How to center deep Boltzmann machines"
    (2016). C. Geyer and E. Thompson, "Constrained Monte Carlo maximum likelihood for dependent
    data" (1992).

    Examples
    --------
    >>> from skebm import RBM
    >>> from skebm.datasets import make_bars_and_stripes
    >>> X = make_bars_and_stripes(3)
    >>> rbm = RBM(n_components=8, max_iter=5000, random_state=0).fit(X)
    >>> rbm.transform(X).shape
    (14, 8)
    >>> bool(rbm.score(X) > -3.2)  # nats; -ln 14 = -2.64 is the best possible
    True
    >>> rbm.sample(2, random_state=0).shape
    (2, 9)
    """

    _loss_name = "free energy of data minus chains"
    _parameter_names = "components_", "intercept_visible_", "intercept_hidden_"

    _parameter_constraints: dict = {
        "n_components": [Interval(Integral, 1, 10**8, closed="both")],
        "visible": [StrOptions({"auto", *UNITS}), Unit],
        "hidden": [StrOptions(set(UNITS)), Unit],
        "algorithm": [StrOptions({"auto", "pcd", "cd", "tempering"})],
        "cd_steps": [Interval(Integral, 1, None, closed="left")],
        "n_chains": [Interval(Integral, 1, None, closed="left"), None],
        "temperature": [Interval(Real, 0, None, closed="neither")],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "learning_rate_schedule": [StrOptions({"linear", "constant"})],
        "batch_size": [Interval(Integral, 1, None, closed="left"), None],
        "max_iter": [Interval(Integral, 1, None, closed="left"), None],
        "momentum": [Interval(Real, 0, 1, closed="left")],
        "alpha": [Interval(Real, 0, None, closed="left"), None],
        "l1_ratio": [Interval(Real, 0, 1, closed="both")],
        "centered": ["boolean"],
        "shuffle": ["boolean"],
        "early_stopping": ["boolean", StrOptions({"auto"})],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
        "missing": [StrOptions({"error", "draw"})],
        "warm_start": ["boolean"],
        "verbose": ["verbose"],
        "random_state": ["random_state", np.random.Generator],
    }

    def __init__(
        self,
        n_components: int = 256,
        *,
        visible: str | Unit = "bernoulli",
        hidden: str | Unit = "bernoulli",
        algorithm: str = "auto",
        cd_steps: int = 1,
        n_chains: int | None = None,
        temperature: float = 1.0,
        learning_rate: float = 0.3,
        learning_rate_schedule: str = "linear",
        batch_size: int | None = None,
        max_iter: int | None = None,
        momentum: float = 0.0,
        alpha: float | None = None,
        l1_ratio: float = 0.0,
        centered: bool = True,
        shuffle: bool = True,
        early_stopping: bool | str = "auto",
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 5,
        tol: float = 1e-3,
        missing: str = "error",
        warm_start: bool = False,
        verbose: int = 0,
        random_state: Seed = None,
    ) -> None:
        self.n_components = n_components
        self.visible = visible
        self.hidden = hidden
        self.algorithm = algorithm
        self.cd_steps = cd_steps
        self.n_chains = n_chains
        self.temperature = temperature
        self.learning_rate = learning_rate
        self.learning_rate_schedule = learning_rate_schedule
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.momentum = momentum
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.centered = centered
        self.shuffle = shuffle
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.missing = missing
        self.warm_start = warm_start
        self.verbose = verbose
        self.random_state = random_state

    @classmethod
    def from_parameters(
        cls,
        components: ArrayLike,
        intercept_visible: ArrayLike,
        intercept_hidden: ArrayLike,
        *,
        visible: str | Unit = "bernoulli",
        hidden: str | Unit = "bernoulli",
        temperature: float = 1.0,
    ) -> Self:
        """Make a fitted machine from given parameters.

        It can be used like any fitted machine, and trained further by `partial_fit` or, with
        `warm_start`, by `fit`.

        Parameters
        ----------
        components : array-like of shape (n_components, n_features)
            Weights W.
        intercept_visible : array-like of shape (n_features,)
            Biases a.
        intercept_hidden : array-like of shape (n_components,)
            Biases b.
        visible, hidden : {"bernoulli", "spin", "gaussian", "relu", "poisson"} or Unit, \
                default="bernoulli"
            Unit types.
        temperature : float, default=1.0
            Temperature.

        Returns
        -------
        rbm : RBM
            The fitted machine.

        Raises
        ------
        ValueError
            If the shapes do not fit together, values are not finite, or two unbounded sides make
            no proper distribution.

        Examples
        --------
        >>> import numpy as np
        >>> from skebm import RBM
        >>> rbm = RBM.from_parameters([[2.0, -2.0]], [0.0, 0.0], [0.0])
        >>> rbm.score_samples([[1, 0], [0, 1]]).round(4)
        array([-0.4776, -2.4776])
        """
        components = check_array(
            components, dtype=[np.float64, np.float32], input_name="components"
        )
        n_components, n_features = components.shape
        intercepts = {}
        for name, values, size in (
            ("intercept_visible", intercept_visible, n_features),
            ("intercept_hidden", intercept_hidden, n_components),
        ):
            values = check_array(
                values, dtype=components.dtype, ensure_2d=False, input_name=name, copy=True
            )
            if values.shape != (size,):
                raise ValueError(
                    f"{name} has shape {values.shape}, but components of shape "
                    f"{components.shape} = (n_components, n_features) need ({size},)."
                )
            intercepts[name] = values
        rbm = cls(n_components, visible=visible, hidden=hidden, temperature=temperature)
        rbm._validate_params()
        rbm.n_features_in_ = n_features
        if rbm._is_auto():
            raise ValueError(
                "visible='auto' looks at rows, of which from_parameters has none. Name the unit "
                "type, visible='bernoulli' for example."
            )
        rbm._units_ = rbm.visible_, _ = as_unit(visible), as_unit(hidden)
        check_columns(rbm._units_[0], "visible", n_features)
        check_columns(rbm._units_[1], "hidden", n_components)
        rbm.components_ = components.copy()
        rbm.intercept_visible_ = intercepts["intercept_visible"]
        rbm.intercept_hidden_ = intercepts["intercept_hidden"]
        rbm._base_mean_ = None
        rbm._begin_course()
        problem = rbm._model().problem()
        if problem:
            raise ValueError(problem)
        return rbm

    # ---------------------------------------------------------------- training

    def _sides(self):
        """Unit types of the visible and the hidden side."""
        visible = self.visible_ if self._is_auto() else as_unit(self.visible)
        return visible, as_unit(self.hidden)

    def _is_auto(self):
        return isinstance(self.visible, str) and self.visible == "auto"

    def _read_training(self, X, reset):
        takes_holes = self.missing == "draw"
        X = read(self, X, reset=reset, holes=takes_holes and not sparse.issparse(X))
        if reset:
            self.visible_ = suited_unit(X) if self._is_auto() else as_unit(self.visible)
        visible, hidden = self._sides()
        check_columns(visible, "visible", X.shape[1])
        self._holes_ = None  # until the end of the call
        if takes_holes and not sparse.issparse(X) and np.isnan(X).any():
            self._holes_ = np.isnan(X)
            # the same at every call, so that an interrupted fit goes on from the same rows
            X = fill_from_columns(X, self._holes_, visible, np.random.default_rng(0))
        check_columns(hidden, "hidden", self.n_components)
        for part, _ in visible.blocks(X.shape[1]):
            for other, _ in hidden.blocks(self.n_components):
                if may_diverge(part, other):
                    raise ValueError(
                        f"visible={part!r} and hidden={other!r} units are both without bounds, and "
                        "positive weights between them make no proper distribution. Use bounded "
                        "hidden units, hidden='bernoulli' for example."
                    )
        if reset:
            examine(X, visible, any_scale=self.centered)
        X = read_units(X, visible, getattr(self, "feature_names_in_", None), training=True)
        if not reset:
            self._model()  # the parameters still suit the fitted arrays
            if self.n_components != len(self.components_):
                raise ValueError(
                    f"n_components={self.n_components}, but the machine to be trained further has "
                    f"{len(self.components_)} hidden units. Keep n_components, or call fit with "
                    "warm_start=False."
                )
            X = X.astype(self.components_.dtype, copy=False)
        return X

    def _start(self, X, rng):
        visible, hidden = self._sides()
        temperature = self.temperature
        mean, variance = mean_and_variance(X)
        self._units_ = visible, hidden
        for name in ("variance_visible_", "_data_variance_"):
            vars(self).pop(name, None)
        if visible.has_scale:
            # a constant column has no scale of its own
            self._data_variance_ = np.where(variance > 0, variance, 1).astype(X.dtype)
            for unit, cut in visible.blocks(X.shape[1]):
                if not unit.has_scale:
                    self._data_variance_[cut] = 1
        if visible.learns_variance:
            self.variance_visible_ = self._data_variance_ / X.dtype.type(temperature)
            for unit, cut in visible.blocks(X.shape[1]):
                if not unit.learns_variance:
                    self.variance_visible_[cut] = 1
        visible = self._to_scale(visible)
        self._base_mean_ = visible.smoothed_mean(mean, X.shape[0])
        n_components, n_features = self.n_components, X.shape[1]
        # the same numbers in both precisions
        weights = rng.standard_normal((n_components, n_features), dtype=np.float32)
        weights = weights.astype(X.dtype, copy=False)
        # column-major: products with the transpose are the faster half of an update
        hidden_scale = np.broadcast_to(hidden.step_scale, n_components)[:, np.newaxis]
        scale = INITIAL_SCALE * temperature * np.sqrt(visible.step_scale * hidden_scale)
        if visible.quadratic and hidden.quadratic:
            # the largest singular value must stay below 1, whatever the temperature
            deviation = np.sqrt(getattr(self, "variance_visible_", 1.0))
            scale = np.minimum(scale, 0.5 / (sqrt(n_components) + sqrt(n_features)) / deviation)
        weights *= scale
        self.components_ = np.asfortranarray(weights)
        self.intercept_visible_ = visible.field(self._base_mean_, temperature).astype(X.dtype)
        with np.errstate(divide="ignore"):
            resting = hidden.field(np.full(n_components, hidden.resting_mean), temperature)
        # the mean row leaves hidden units at rest, however far from 0 it lies
        shift = np.zeros(n_features)
        for unit, cut in visible.blocks(n_features):
            if unit.low == -np.inf:
                shift[cut] = mean[cut]
        self.intercept_hidden_ = (resting - weights @ shift).astype(X.dtype)
        for name, unit in (("visible", visible), ("hidden", hidden)):
            if not np.isfinite(getattr(self, f"intercept_{name}_")).all():
                raise ValueError(
                    f"No finite field gives {unit!r} units the mean that {name} ones start with. "
                    "A unit type whose states are bounded must say so by low and high, and have a "
                    "resting_mean between them."
                )

    def _learn(self, X, resume, finished):
        sides = self._sides()
        is_normal = all(isinstance(unit, Gaussian) and unit.learns_variance for unit in sides)
        goes_to_maximum = is_normal and not self.alpha and self._holes_ is None
        if goes_to_maximum and not resume and X.shape[0] > 1:
            X = as_dense(X)
            run_epochs(self, 1, X, lambda: self._analyze_factors(X))
            finished.append(self.n_iter_)
        else:
            super()._learn(X, resume, finished)

    def _analyze_factors(self, X):
        """Go to the maximum of the likelihood of a machine that is a normal distribution."""
        # without any noise the weights would reach the border of what is a distribution
        least = sqrt(np.finfo(X.dtype).eps) * self._data_variance_
        n_components = len(self.components_)
        fitted, losses, n_iter = maximize(X, n_components, self.temperature, least)
        for name, array in zip((*self._parameter_names, "variance_visible_"), fitted, strict=True):
            setattr(self, name, np.asarray(array, X.dtype, order="F"))
        self.loss_curve_, self.n_iter_ = losses, n_iter
        self._loss_name_ = "negative log-likelihood (nats)"
        return True

    def _check_watch(self):
        if self._holes_ is not None:
            raise ValueError(
                "early_stopping=True watches complete rows, and X has holes. Set "
                "early_stopping=False."
            )

    def _to_watch(self, rows, rng):
        visible = self._sides()[0]
        return visible.discretize(rows, rng) if holds_means(rows, visible) else rows

    def _epoch_work(self, n_rows):
        chains = self._course_.state.chains
        n_chain_rows = n_rows if chains is None else self._n_batches(n_rows) * len(chains)
        return self.cd_steps * (3 * n_chain_rows + 2 * n_rows)

    def _strength(self, X):
        if self.alpha is not None:
            return self.alpha
        n_rows = 0 if X is None else X.shape[0]
        is_few = LEAST_ROWS <= n_rows < ROWS_A_UNIT * len(self.components_)
        visible, hidden = self._units_
        # means that are drawn anew in every epoch are more than one row each
        if not (is_few and self._is_bounded()) or holds_means(X, visible):
            return 0.0
        # weights between spins are a quarter of those between units of 0 and 1
        scale = self.temperature**2 * visible.step_scale * hidden.step_scale
        return PRIOR / (n_rows * scale)

    def _is_bounded(self):
        """Whether no unit has values far from 0."""
        return np.isfinite([(unit.low, unit.high) for unit in self._units_]).all()

    def _prepare(self, X, n_batches, rng, alpha):
        precision, before = self._precision(), self._course_.state
        X = X.astype(precision, copy=False)
        parameters = tuple(array.astype(precision, copy=False) for array in self._parameters())
        model = self._sampler()
        if before is None:
            base = np.broadcast_to(model.base_visible, (1, X.shape[1])).astype(X.dtype)
            offset_visible = model.visible.mean(base, self.temperature)
            offset_hidden = model.mean_hidden(offset_visible)
            before = State((), (offset_visible[0], offset_hidden[0]))
        velocity = before.velocity
        if self.momentum and velocity is None:
            velocity = tuple(np.zeros_like(array) for array in parameters)
        variance, least = getattr(self, "variance_visible_", None), None
        if variance is not None:
            least = LEAST_VARIANCE * mean_and_variance(X)[1] / self.temperature
            least = np.maximum(least, np.finfo(variance.dtype).tiny)
            for unit, cut in self._sides()[0].blocks(X.shape[1]):
                if not unit.learns_variance:
                    least[cut] = np.inf
        ladder = swap_rates = None
        if self.algorithm == "tempering":
            ladder, swap_rates = before.ladder, before.swap_rates
            if ladder is None:
                ladder, swap_rates = np.linspace(0, 1, N_RUNGS), np.full(N_RUNGS - 1, 0.5)
        state = State(
            parameters,
            before.offsets,
            velocity,
            None if self.algorithm == "cd" else self._resume_chains(model, before.chains, rng),
            ladder,
            swap_rates,
            variance,
            self._resume_holes(X, before.filled),
        ).copy()
        # the energy of the arrays that training changes
        model = model.replace(**Parameters(*state.parameters)._asdict())
        if variance is not None:
            visible = self._sides()[0].with_variance(state.variance, self._data_variance_)
            model = model.replace(visible=visible)
        n_rows = -(-X.shape[0] // n_batches)
        n_chains = n_model_chains(self._rule(), state, n_rows)
        work = Workspace.allocate(n_rows, n_chains, Parameters(*state.parameters))
        discretize, missing = holds_means(X, model.visible), self._holes_

        def run(rates):
            return epoch(
                model,
                state,
                X,
                work,
                rng,
                rates=rates,
                discretize=discretize,
                shuffle=self.shuffle,
                rule={
                    "algorithm": self._rule(),
                    "n_steps": self.cd_steps,
                    "centered": self.centered,
                },
                regularization={
                    "momentum": self.momentum,
                    "l2": alpha * (1 - self.l1_ratio),
                    "l1": alpha * self.l1_ratio * self.temperature,
                },
                least_variance=least,
                missing=missing,
            )

        return state, run

    def _resume_holes(self, X, filled):
        """Rows with states in their holes, those that they had before where there are any."""
        if self._holes_ is None:
            return None
        if filled is None or filled.shape != X.shape:
            return X
        return np.where(self._holes_, filled, X).astype(X.dtype)

    def _finish(self, X):
        """Look where the probability lies, and move it to where the data are, unless "pcd".

        With what was found out about ln Z, which `score` uses.
        """
        if self._course_.state.chains is None:
            return {}
        if self._course_.state.filled is not None:
            X = self._course_.state.filled
        work = self.n_iter_ * self._epoch_work(X.shape[0])
        spare = LOOK_SHARE * work - SURVEY_WORK
        n_temperatures = min(int(spare / (4 * DEFAULT_CHAINS)), DEFAULT_TEMPERATURES)
        if n_temperatures < LEAST_LOOK:
            return {}
        rng = np.random.Generator(np.random.SFC64([self._likelihood_seed_, 1]))
        model = self._sampler()
        n_rows = min(LOOK_ROWS, max(N_CHAINS, BLOCK_SIZE // X.shape[1]))
        rows = X[np.sort(rng.permutation(X.shape[0])[:n_rows])]
        rows = as_dense(rows)
        if holds_means(rows, model.visible):
            rows = model.visible.discretize(rows, rng)
        length = n_temperatures, DEFAULT_CHAINS
        found, balance = model, look(model, rows, self._visited(model, rng), rng, *length)
        if self.algorithm != "pcd":
            found, balance = equilibrate(model, balance, rows, rng, *length)
        fitted = {"lag_": balance.lag}
        if found is not model:
            for name, field in zip(self._parameter_names, Parameters._fields, strict=True):
                fitted[name] = getattr(found, field).astype(self.components_.dtype)
            states = balance.strata.resample(len(self.chains_), rng)
            fitted["chains_"] = found.sample_hidden(states, rng).astype(self.chains_.dtype)
        if balance.lag > LARGEST_LAG:
            region = (balance.masses - balance.shares).argmax()
            warn(
                "Chains do not represent the machine: the probabilities of regions of states cost "
                f"{balance.lag:.2g} nats of likelihood a row; one with "
                f"{balance.shares[region]:.1%} of the data has the probability "
                f"{balance.masses[region]:.1%}. {AGAINST_LAG[self.algorithm]}",
                ConvergenceWarning,
            )
        if model.exact_work() > LARGEST_WORK:
            trial = copy(self)
            vars(trial).update(fitted)
            kept = [((LOOK, *length), estimate(balance.strata))]
            fitted["_log_partition_"] = trial._fingerprint(), kept
        return fitted

    def _rule(self):
        """Where the chains of an update start."""
        return "pcd" if self.algorithm == "auto" else self.algorithm

    def _resume_chains(self, model, before, rng):
        """Hidden states of the last update; new ones, from independent units, where missing."""
        n_chains = N_CHAINS if self.n_chains is None else int(self.n_chains)
        own = getattr(self, "chains_", None)
        wanted = [(own, n_chains)]
        if self.algorithm == "tempering":
            hot = None if before is None or own is None else before[: len(before) - len(own)]
            wanted.insert(0, (hot, (N_RUNGS - 1) * min(N_HOT, n_chains)))
        chains = []
        for part, size in wanted:
            if part is None or len(part) != size:
                part = model.sample_hidden(model.independent(size, rng)[0], rng)
            chains.append(part)
        return np.concatenate(chains).astype(self._precision(), copy=False)

    def _publish(self, state):
        dtype = self.components_.dtype
        arrays = (array.astype(dtype, copy=False) for array in state.parameters)
        names = dict(zip(self._parameter_names, arrays, strict=True))
        chains = state.chains
        if chains is not None:
            chains = chains[len(chains) - n_model_chains(self._rule(), state, 0) :].astype(dtype)
        others = {
            "chains_": chains,
            "swap_rates_": state.swap_rates,
            "variance_visible_": state.variance,
        }
        return names | {name: value for name, value in others.items() if value is not None}

    def _problem(self):
        variance = getattr(self, "variance_visible_", None)
        if variance is not None and not (np.isfinite(variance) & (variance > 0)).all():
            return "The variances of Gaussian units are not finite."
        return super()._problem()

    def _largest_weight(self):
        """Of standardised columns, where they have a scale of their own."""
        deviation = np.sqrt(getattr(self, "_data_variance_", 1.0))
        return np.abs(self.components_ * deviation).max(initial=0)

    # ---------------------------------------------------------------- the fitted model

    def _model(self):
        """The energy of the fitted machine at the temperature set now."""
        units = self._sides()
        for name, unit, fitted in zip(("visible", "hidden"), units, self._units_, strict=True):
            if unit != fitted:
                raise ValueError(
                    f"{name}={getattr(self, name)!r}, but the machine was fitted with {fitted!r} "
                    "units. Fit it again (with warm_start=False)."
                )
        return Bipartite(
            *self._parameters(), self._to_scale(units[0]), units[1], self._temperature()
        )

    def _to_scale(self, visible):
        """The unit type with the variances of its columns, and steps for them."""
        if not hasattr(self, "_data_variance_"):
            return visible
        variance = getattr(self, "variance_visible_", self._data_variance_)
        return visible.with_variance(variance, self._data_variance_)

    def _base_field(self):
        """Field of independent visible units fitted to the training data; else zero."""
        if self._base_mean_ is None:
            return np.zeros(self.n_features_in_)
        return self._model().visible.field(self._base_mean_, self.temperature)

    def _sampler(self):
        model = self._model().replace(base_visible=self._base_field())
        return model if _needs_double(model) else model.astype(self._precision())

    def _precision(self):
        """In which machines learn: single, as its rounding is nothing beside the noise of chains.

        Values without bounds may be far from 0, where it is not.
        """
        return np.float32 if self._is_bounded() else self.components_.dtype

    def _visited(self, model, rng):
        chains = getattr(self, "chains_", None)
        return None if chains is None else model.sample_visible(chains, rng)

    def _read(self, X):
        return self._read_with_model(X)[0]

    def _read_with_model(self, X):
        """Rows, and the model that they are for."""
        check_is_fitted(self)
        X, model = read(self, X), self._model()
        return read_units(X, model.visible, getattr(self, "feature_names_in_", None)), model

    def _width(self):
        return max(self.components_.shape)

    def _log_weight(self, X):
        """Log-weights of the rows, or of draws from those that hold means."""
        model = self._model()
        if _needs_double(model):
            model = model.astype(np.float64)
        return by_blocks(
            lambda rows: model.log_weight(_drawn(model.visible, rows)), X, self._width()
        )

    def transform(self, X: ArrayLike) -> np.ndarray:
        """Compute the mean of the hidden units given every row, E[h | x].

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Visible rows.

        Returns
        -------
        H : ndarray of shape (n_samples, n_components)
            Hidden means; for Bernoulli units the probabilities of 1.
        """
        X, model = self._read_with_model(X)
        return model.mean_hidden(X)

    def inverse_transform(self, H: ArrayLike) -> np.ndarray:
        """Compute the mean of the visible units given hidden rows, E[v | h].

        Parameters
        ----------
        H : array-like of shape (n_samples, n_components)
            Hidden states or means.

        Returns
        -------
        X : ndarray of shape (n_samples, n_features)
            Visible means.
        """
        check_is_fitted(self)
        H = read_hidden(H, len(self.components_))
        return self._model().swapped().mean_hidden(H)

    def energy(self, V: ArrayLike, H: ArrayLike) -> np.ndarray:
        """Compute the energy of pairs of visible and hidden rows.

        Parameters
        ----------
        V : {array-like, sparse matrix} of shape (n_samples, n_features)
            Visible rows.
        H : array-like of shape (n_samples, n_components)
            Hidden rows.

        Returns
        -------
        energy : ndarray of shape (n_samples,)
            E(v, h); the probability of a pair is ``exp(-E / T) / Z``.
        """
        V, model = self._read_with_model(V)
        H = read_hidden(H, len(self.components_))
        if V.shape[0] != H.shape[0]:
            raise ValueError(f"V has {V.shape[0]} rows, but H has {H.shape[0]}.")
        return model.energy(V, H)

    def free_energy(self, X: ArrayLike) -> np.ndarray:
        """Compute the free energy of every row, hidden units summed out.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Visible rows.

        Returns
        -------
        free_energy : ndarray of shape (n_samples,)
            ``F(x) = -T ln sum_h exp(-E(x, h) / T)``, so that ``ln p(x) = -F(x) / T - ln Z``.
        """
        X, model = self._read_with_model(X)
        return by_blocks(model.free_energy, X, self._width())

    def pseudo_likelihood(self, X: ArrayLike) -> np.ndarray:
        """Compute the log pseudo-likelihood of every row, which needs no ln Z.

        Exact over all features and deterministic, unlike the estimate from one random feature that
        is common elsewhere; the price is a pass over the hidden units for every feature.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Visible rows.

        Returns
        -------
        pseudo_likelihood : ndarray of shape (n_samples,)
            ``sum_i ln p(x_i | all other x)``, in nats.

        Raises
        ------
        ValueError
            If the visible units are continuous.

        References
        ----------
        J. Besag, "Statistical analysis of non-lattice data" (1975).
        """
        X, model = self._read_with_model(X)
        if model.visible.count_states(X.shape[1]) == np.inf:
            raise ValueError(
                "pseudo_likelihood needs discrete visible units; "
                f"{self._sides()[0]!r} has infinitely many states. Use score_samples."
            )

        def of_rows(rows):
            rows = _drawn(model.visible, rows)
            rows = as_dense(rows)
            return model.pseudo_likelihood(rows)

        return by_blocks(of_rows, X, self._width())

    # ---------------------------------------------------------------- thermodynamics

    def fixed_points(
        self,
        X: ArrayLike | None = None,
        *,
        n_starts: int = 100,
        method: str = "tap",
        random_state: Seed = None,
    ) -> tap.FixedPoints:
        """Find the fixed points of mean-field equations.

        Each is a state that the equations take for one that the machine can be in as a whole: one
        before training, then more, near the kinds of rows that it has learned. How many there are
        depends on the equations: naive mean field has a state for everything that looks like a
        pattern (as in the literature's figures), while a machine whose chains wander through all of
        them is one state, which adaptive TAP finds.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features), default=None
            Rows to start from as well.
        n_starts : int, default=100
            Random starts; 0 only with X.
        method : {"tap", "adaptive", "mean_field"}, default="tap"
            "tap" keeps the reaction of a unit on itself, to second order in the weights, a good
            approximation as long as weights are weak. "adaptive" takes the reaction from the
            weights as they are, by linear response: the choice for marginals and for ln Z of a
            trained machine; a step costs an inverse of n_components^2. "mean_field" leaves the
            reaction out: the choice to count learned patterns, and finds more states than there
            are.
        random_state : int, RandomState, numpy.random.Generator or None, default=None
            Seed; None draws afresh at every call.

        Returns
        -------
        fixed_points : FixedPoints
            Named tuple ``(visible, hidden, free_energy)`` of the distinct ones, the lowest free
            energy first. Starts from where iteration does not settle are left out.

        Raises
        ------
        ValueError
            If units are neither Bernoulli nor spins, or iteration settles from nowhere.

        Warns
        -----
        ConvergenceWarning
            For "tap", if weights are too strong for the expansion where it settles.

        References
        ----------
        D. Thouless, P. Anderson and R. Palmer, "Solution of 'Solvable model of a spin glass'"
        (1977). M. Opper and O. Winther, "Adaptive and self-averaging Thouless-Anderson-Palmer
        mean-field theory for probabilistic modeling" (2001). M. Gabrie, E. Tramel and F. Krzakala,
        "Training restricted Boltzmann machines via
        the Thouless-Anderson-Palmer free energy" (2015).

        Examples
        --------
        >>> import numpy as np
        >>> from skebm import RBM
        >>> coupled = np.full((20, 20), 0.3)
        >>> rbm = RBM.from_parameters(coupled, [-3.0] * 20, [-3.0] * 20)
        >>> rbm.fixed_points(random_state=0).visible[:, 0].round(2)  # most off, or most on
        array([0.08, 0.92])
        """
        check_is_fitted(self)
        check_count("n_starts", n_starts, 1 if X is None else 0)
        check_method("method", method, ("tap", "adaptive", "mean_field"))
        model = self._model()
        for name, unit in (("visible", model.visible), ("hidden", model.hidden)):
            if type(unit) not in tap.LAWS:
                raise ValueError(
                    f"fixed_points needs Bernoulli units or spins, but {name}={unit!r}."
                )
        model = model.astype(np.float64)
        rng = as_generator(random_state)
        starts = []
        for unit, size in zip(self._units_, self.components_.shape[::-1], strict=True):
            starts.append(rng.uniform(unit.low, unit.high, (n_starts, size)))
        if X is not None:
            X = self._read(X)
            X = as_dense(X).astype(np.float64)
            starts[0] = np.concatenate([X, starts[0]])
            starts[1] = np.concatenate([model.mean_hidden(X), starts[1]])
        if method == "adaptive":
            found, settled = tap.adaptive_fixed_points(model, *starts)
        else:
            found, settled = tap.fixed_points(model, *starts, reaction=float(method == "tap"))
        if not settled.any():
            raise ValueError(
                f"The equations of method={method!r} did not settle from any of {len(settled)} "
                "starts; the weights are too strong. Try method='mean_field', or a higher "
                "temperature."
            )
        strength = 0.0
        if method == "tap":
            strength = tap.expansion_strength(model, found.visible, found.hidden).max()
        if strength >= 1 or (method == "tap" and not settled.all()):
            warn(
                f"The TAP equations settled from {np.count_nonzero(settled)} of {len(settled)} "
                f"starts, and weights have the strength {strength:.3g} there; from 1 on, the "
                "expansion in them fails, and fixed points lose contrast or merge. Use "
                "method='adaptive' for marginals and ln Z, 'mean_field' to count patterns.",
                ConvergenceWarning,
            )
        return found

    def tap_log_partition(self, *, n_starts: int = 10, method: str = "adaptive") -> float:
        """Approximate ln Z by the sum over the fixed points of TAP equations.

        Deterministic: starts are the persistent chains and `n_starts` random states, drawn with a
        seed of `fit`.

        Parameters
        ----------
        n_starts : int, default=10
            Random starts, beside as many of the persistent chains.
        method : {"adaptive", "tap", "mean_field"}, default="adaptive"
            Which equations, as for `fixed_points`.

        Returns
        -------
        value : float
            In nats, without a bound; see `log_partition` for estimates with bounds.

        Examples
        --------
        >>> from skebm import RBM
        >>> rbm = RBM.from_parameters([[0.5, -0.5]], [0.0, 0.1], [0.0])
        >>> rbm.tap_log_partition(), rbm.log_partition().value
        (2.1..., 2.1...)
        """
        check_is_fitted(self)
        check_count("n_starts", n_starts, 1)
        X, chains = None, getattr(self, "chains_", None)
        if chains is not None:
            X = self.inverse_transform(chains[:n_starts])
        found = self.fixed_points(
            X, n_starts=n_starts, method=method, random_state=self._likelihood_seed_
        )
        return float(logsumexp(found.free_energy / -self._temperature()))

    def phase(self) -> Phase:
        """Read the phase of the machine off the singular values of its weights.

        Returns
        -------
        phase : Phase
            Named tuple ``(name, largest, bulk_edge)``, with the name "paramagnetic",
            "ferromagnetic", "spin-glass-like" or "undecided"; `skebm.theory.rbm_phase` states the
            criterion. The units' variances are those without couplings, in the field of their
            biases and of the other side's means.

        Examples
        --------
        >>> from skebm import RBM
        >>> RBM.from_parameters([[0.5, -0.5]], [0.0, 0.0], [0.0]).phase().name
        'paramagnetic'
        """
        check_is_fitted(self)
        model = self._model()
        base = self._base_field()[np.newaxis]
        visible = model.visible.mean(base, model.temperature)
        field = model.hidden_field(visible)
        return rbm_phase(
            self.components_,
            model.visible.variance(base, model.temperature)[0],
            model.hidden.variance(field, model.temperature)[0],
            model.temperature,
        )

    # ---------------------------------------------------------------- moments

    def moments(
        self,
        X: ArrayLike | None = None,
        *,
        method: str = "auto",
        n_chains: int = 200,
        n_sweeps: int = 200,
        random_state: Seed = None,
    ) -> Moments:
        """Compute means of units and of products across the sides, of rows or of the machine.

        The two phases of learning: with rows, the visible units are clamped to them; without, all
        units are free.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features), default=None
            Visible rows; None for the machine itself.
        method : {"auto", "exact", "sampled"}, default="auto"
            Whether to enumerate states. "auto" does so where that is feasible, as for
            `log_partition`.
        n_chains, n_sweeps : int, default=200
            Chains to average over where states are sampled, and their sweeps; the second half
            counts.
        random_state : int, RandomState, numpy.random.Generator or None, default=None
            Seed of the chains; None draws afresh at every call.

        Returns
        -------
        moments : Moments
            Named tuple ``(visible, hidden, products)``: the means of v, of h, and of h v'.

        Raises
        ------
        ValueError
            If "exact" is asked for where it is not feasible, or an argument is not valid.

        Examples
        --------
        >>> from skebm import RBM
        >>> rbm = RBM.from_parameters([[2.0, -1.0]], [0.0, 0.5], [0.0])
        >>> rbm.moments([[1, 0]]).products.round(2)  # clamped
        array([[0.88, 0.  ]])
        >>> rbm.moments().products.round(2)  # free
        array([[0.63, 0.27]])
        """
        check_is_fitted(self)
        check_method("method", method, ("auto", "exact", "sampled"))
        model = self._model().astype(np.float64)
        if X is not None:
            X = self._read(X)
            hidden = model.mean_hidden(X.astype(np.float64))
            visible = np.asarray(X.mean(axis=0, dtype=np.float64)).ravel()
            products = np.asarray((X.T @ hidden).T) / len(hidden)
            return Moments(visible, hidden.mean(axis=0), products)
        if method != "sampled":
            try:
                return Moments(*model.exact_moments())
            except TooManyStatesError as error:
                if method == "exact":
                    raise ValueError(f"method='exact' {error}") from None
        check_count("n_chains", n_chains, 1)
        check_count("n_sweeps", n_sweeps, 2)
        path = self.trajectory(n_samples=n_chains, n_sweeps=n_sweeps, random_state=random_state)
        kept = [self.moments(v) for v in islice(path, n_sweeps // 2, None)]
        return Moments(*(np.mean(parts, axis=0) for parts in zip(*kept, strict=True)))

    def gradient(
        self,
        X: ArrayLike,
        *,
        method: str = "auto",
        n_chains: int = 200,
        n_sweeps: int = 200,
        random_state: Seed = None,
    ) -> Gradient:
        """Compute the gradient of the mean log-likelihood of rows.

        Moments under the data minus moments of the machine, over T: what training follows with
        chains of its own. For an optimiser of yours, or to see how good an estimate is.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Visible rows.
        method : {"auto", "exact", "sampled"}, default="auto"
            Whether to enumerate states. "auto" does so where that is feasible, as for
            `log_partition`.
        n_chains, n_sweeps : int, default=200
            Chains to average over where states are sampled, and their sweeps; the second half
            counts.
        random_state : int, RandomState, numpy.random.Generator or None, default=None
            Seed of the chains; None draws afresh at every call.

        Returns
        -------
        gradient : Gradient
            Named tuple ``(components, intercept_visible, intercept_hidden)`` of the derivatives by
            these, in nats per unit.

        Raises
        ------
        ValueError
            As for `moments`.

        Examples
        --------
        >>> from skebm import RBM
        >>> rbm = RBM.from_parameters([[2.0, -1.0]], [0.0, 0.5], [0.0])
        >>> rbm.gradient([[1, 0], [0, 1]]).components.round(2)
        array([[-0.19, -0.14]])
        """
        data = self.moments(X)
        options = {"method": method, "n_chains": n_chains, "n_sweeps": n_sweeps}
        free = self.moments(**options, random_state=random_state)
        visible, hidden, products = (
            (ours - theirs) / self._temperature() for ours, theirs in zip(data, free, strict=True)
        )
        return Gradient(products, visible, hidden)

    # ---------------------------------------------------------------- sampling

    def gibbs(self, X: ArrayLike, n_steps: int = 1, random_state: Seed = None) -> np.ndarray:
        """Run Gibbs steps from the given visible rows.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Where the chains start.
        n_steps : int, default=1
            Number of steps; each draws the hidden and then the visible units.
        random_state : int, RandomState, numpy.random.Generator or None, default=None
            Seed; None draws afresh at every call.

        Returns
        -------
        X_new : ndarray of shape (n_samples, n_features)
            Visible states after the last step.
        """
        X, model = self._read_with_model(X)
        check_count("n_steps", n_steps, 0)
        rng = as_generator(random_state)
        self._announce("gibbs", n_steps, X.shape[0], "Lower n_steps, or give fewer rows.")

        def run(rows):
            states = as_dense(rows).astype(self.components_.dtype)
            return model.sweeps(states, [1.0] * n_steps, rng)

        return by_blocks(run, X, self._width())

    def sample(
        self,
        n_samples: int = 1,
        *,
        given: ArrayLike | None = None,
        n_sweeps: int = 1000,
        algorithm: str = "gibbs",
        random_state: Seed = None,
    ) -> Any:
        """Draw visible rows from the machine, or from its conditional given some features.

        Chains start at the persistent ones of training where there are any, else at independent
        units, and run `n_sweeps` Gibbs sweeps. For a machine with separated modes, tempering
        gets from one to the other.

        Parameters
        ----------
        n_samples : int, default=1
            Number of rows, or rows for every row of `given`.
        given : {array-like, sparse matrix} of shape (m, n_features), default=None
            Rows to complete: NaN marks a free feature, the others are held at the value given and
            come back unchanged. What sparse rows do not store is 0, and held.
        n_sweeps : int, default=1000
            Sweeps of every chain.
        algorithm : {"gibbs", "tempering"}, default="gibbs"
            "tempering" runs each chain on ten models between independent units and the machine,
            which exchange their states; a sweep costs ten times as much.
        random_state : int, RandomState, numpy.random.Generator or None, default=None
            Seed; None draws afresh at every call.

        Returns
        -------
        X : ndarray of shape (n_samples, n_features) or (m * n_samples, n_features)
            Samples in the encoding of the training data, in the order of
            ``np.repeat(given, n_samples, axis=0)``.

        Raises
        ------
        ValueError
            If `given` has another width or values that the visible units cannot take, or another
            argument is not valid.

        Examples
        --------
        >>> import numpy as np
        >>> from skebm import RBM
        >>> rbm = RBM.from_parameters([[40.0, 40.0]], [-20.0, -20.0], [-20.0])  # x0 = x1
        >>> rbm.sample(3, given=[[1, np.nan]], random_state=0)
        array([[1., 1.],
               [1., 1.],
               [1., 1.]])
        """
        check_is_fitted(self)
        check_count("n_samples", n_samples, 1)
        check_count("n_sweeps", n_sweeps, 1)
        check_method("algorithm", algorithm, ("gibbs", "tempering"))
        rng = as_generator(random_state)
        model, is_free = self._sampler(), given is None
        given = read_given(self, given, n_samples, self.components_.dtype)
        if not is_free:
            check_given(given, model.visible)
        n_rungs = self._announce_sample(len(given), n_sweeps, algorithm)

        def run(given):
            states = self._draw_start(model, len(given), rng)
            held = None if is_free else ~np.isnan(given)
            if held is not None:
                np.copyto(states, given, where=held)
            if algorithm == "tempering":
                states = tempered_samples(model, states, n_sweeps, rng, held)
            else:
                states = model.sweeps(states, [1.0] * n_sweeps, rng, held)
            states = states.astype(given.dtype, copy=False)
            if held is not None:  # as they came, before any rounding
                np.copyto(states, given, where=held)
            return states

        return by_blocks(run, given, n_rungs * self._width())

    def trajectory(
        self,
        X: ArrayLike | None = None,
        *,
        n_samples: int = 1,
        given: ArrayLike | None = None,
        n_sweeps: int = 100,
        temperature: ArrayLike | None = None,
        every: int = 1,
        random_state: Seed = None,
    ) -> Any:
        """Follow Gibbs chains, sweep by sweep.

        For averages of whatever can be computed from visible states, and pictures of how chains
        mix; no more than the present states is kept.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (m, n_features), default=None
            Visible rows to start from; None starts where `sample` does.
        n_samples : int, default=1
            Number of chains, or chains from every row of `X` or `given`.
        given : array-like of shape (m, n_features), default=None
            Features to hold; NaN marks a free one. With X, of as many rows.
        n_sweeps : int, default=100
            Number of sweeps, where `temperature` is not a sequence.
        temperature : float or array-like of shape (n_sweeps,), default=None
            Temperature of all sweeps, or of each; None for the machine's own.
        every : int, default=1
            Sweeps between records.
        random_state : int, RandomState, numpy.random.Generator or None, default=None
            Seed; None draws afresh.

        Returns
        -------
        trajectory : iterable of ndarray of shape (m * n_samples, n_features)
            Visible states after every few sweeps. It has a length, and gives the
            same records whenever it is gone through.

        Examples
        --------
        >>> import numpy as np
        >>> from skebm import RBM
        >>> rbm = RBM.from_parameters([[2.0, 2.0]], [-1.0, -1.0], [-2.0])
        >>> path = rbm.trajectory(n_samples=100, n_sweeps=50, random_state=0)
        >>> alike = np.mean([(states[:, 0] == states[:, 1]).mean() for states in path])
        >>> bool(0.5 < alike < 0.7)
        True
        """
        check_is_fitted(self)
        check_count("n_samples", n_samples, 1)
        temperatures = temperature_of_sweeps(temperature, n_sweeps, self._temperature())
        rng, model, dtype = as_generator(random_state), self._sampler(), self.components_.dtype
        start = held = None
        if X is not None:
            X = self._read(X)
            start = np.repeat(as_dense(X), n_samples, axis=0)
        if given is not None:
            given = read_given(self, given, n_samples, dtype)
            check_given(given, model.visible)
            check_same_rows(start, given, n_samples)
            n_samples, held = len(given), ~np.isnan(given)
        if start is None:
            start = self._draw_start(model, n_samples, rng)
        start = start.astype(model.weights.dtype)
        if held is not None:
            np.copyto(start, given, where=held)

        def run(states, temperatures, rng):
            for at, same in groupby(temperatures):
                betas = [1.0] * len(list(same))
                states = model.replace(temperature=at).sweeps(states, betas, rng, held)
            return states

        def write(states):
            return states.astype(dtype)

        return Trajectory(run, start, temperatures, every, rng, write)

    def _draw_start(self, model, n_samples, rng):
        """Visible rows for chains to start from: of those of training, or independent units."""
        chains = getattr(self, "chains_", None)
        if chains is None:
            return model.independent(n_samples, rng)[0]
        return model.sample_visible(chains[rng.integers(len(chains), size=n_samples)], rng)

    def conditional_mean(
        self, given: ArrayLike, *, n_chains: int = 10, n_sweeps: int = 100
    ) -> np.ndarray:
        """Compute the mean of every feature, given those that are known.

        What minimises the squared error of missing values, and ranks what a basket may still hold;
        `sample` draws them instead. Exact while (joint states of the hidden units) x (units of the
        larger side) is at most 2^21, say 13 hidden units beside 100 features; else averaged over
        chains with a seed of `fit`, so that the same call gives the same values.

        Parameters
        ----------
        given : {array-like, sparse matrix} of shape (m, n_features)
            Rows to complete: NaN marks a free feature; what sparse rows do not store is 0, and
            known.
        n_chains : int, default=10
            Chains of every row, where it is averaged.
        n_sweeps : int, default=100
            Sweeps of every chain; the second half counts.

        Returns
        -------
        X : ndarray of shape (m, n_features)
            Means of the free features; the others come back unchanged.

        Raises
        ------
        ValueError
            If `given` has another width or values that the visible units cannot take, or another
            argument is not valid.

        Examples
        --------
        >>> import numpy as np
        >>> from skebm import RBM
        >>> rbm = RBM.from_parameters([[4.0, 4.0]], [-2.0, -2.0], [-2.0])
        >>> rbm.conditional_mean([[1, np.nan], [0, np.nan]]).round(2)
        array([[1.  , 0.87],
               [0.  , 0.5 ]])
        """
        check_is_fitted(self)
        check_count("n_chains", n_chains, 1)
        check_count("n_sweeps", n_sweeps, 2)
        given = read_given(self, given, 1, self.components_.dtype)
        check_given(given, self._sides()[0])
        model = self._sampler()
        rng = np.random.Generator(np.random.SFC64([self._likelihood_seed_, 3]))

        def of_rows(rows):
            return model.conditional_mean(rows, ~np.isnan(rows), n_chains, n_sweeps, rng)

        mean = by_blocks(of_rows, given, n_chains * self._width()).astype(given.dtype)
        return np.where(np.isnan(given), mean, given)

    @property
    def _n_features_out(self):
        return self.components_.shape[0]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.allow_nan = self.missing == "draw"
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def _needs_double(model):
    """Whether fields are so large that single precision costs log-weights too much."""
    fields = np.abs(model.weights).sum(axis=1).max()
    return fields / model.temperature * np.finfo(np.float32).eps > LARGEST_ROUNDING


def _drawn(unit, X):
    """Rows of states: those that hold means are drawn, by a seed that is made of the row.

    So a row has one draw, the same for all machines, alone and among others.
    """
    if not holds_means(X, unit):
        return X
    X = as_dense(X)
    return np.concatenate([unit.discretize(row[np.newaxis], _generator_of(row)) for row in X])


def _generator_of(row):
    # rounded, so that both precisions have the same draws; -0 is 0
    return np.random.Generator(np.random.SFC64(zlib.crc32(row.astype(np.float32) + 0)))
