"""Boltzmann machine with any couplings."""

from __future__ import annotations

from itertools import islice
from numbers import Integral, Real
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse
from scipy.special import expit
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_array
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from ._blocks import by_blocks
from ._callbacks import run_epochs
from ._energies.coupled import Coupled, arrange
from ._energies.sums import LARGEST_TABLE, LARGEST_WORK, work
from ._inference.chains import tempered_samples
from ._inference.mean_field import coupled_means
from ._inference.moments import clamped_moments, free_moments
from ._learning import climb
from ._learning.boltzmann import epoch, sampled_gradient
from ._learning.climb import LARGEST_EXACT
from ._learning.optimizer import State
from ._machine import N_CHAINS, Machine
from ._rbm import RBM
from ._trajectory import Trajectory, temperature_of_sweeps
from ._typing import Seed
from ._validation import (
    as_generator,
    as_spins,
    check_connectivity,
    check_count,
    check_coupling,
    check_method,
    check_same_rows,
    check_schedule,
    examine_spins,
    held_spins,
    is_named,
    read,
    read_given,
    read_hidden,
    warn,
)

INITIAL_SCALE = 0.1
# units from which on couplings would fill memory
LARGEST_MACHINE = 40_000
# mean of a hidden unit before training
RESTING_MEAN = 0.1
# units up to which "auto" learns by enumeration
SMALL = 16
# states to sum over for every row that is watched without being asked for
WATCHED_WORK = 2**12
# states of coupled hidden units up to which `transform` sums over them
EXACT_STATES = 2**12
# of a field in single precision, in units of the temperature, that goes unnoticed
LARGEST_ROUNDING = 1e-3
# of the typical field on a unit: default temperatures of `anneal`
HOT, COLD, N_COOLING = 3.0, 0.05, 200
# of the RBMs whose couplings a deep machine starts from, and by how much they come in reduced
PRETRAINING_EPOCHS, PRETRAINED_SHARE = 10, 0.75
# algorithms that climb to a maximum, by their gradients
CLIMBS = {
    "exact": climb.exact_gradient,
    "pseudo_likelihood": climb.pseudo_gradient,
}
# what they minimise
CLIMBED = {
    "exact": "negative log-likelihood, with the penalty (nats)",
    "pseudo_likelihood": "negative pseudo-likelihood, with the penalty (nats)",
}
# relative gain of a step at which a climb ends: at the limit of precision where there is one
# maximum and it is cheap, sooner where couplings often grow without bound
SMALLEST_GAIN, SMALLEST_GAIN_CONCAVE = 1e-9, 1e-15


class PairMoments(NamedTuple):
    """Means of a Boltzmann machine's units, clamped to rows or free.

    Attributes
    ----------
    mean : ndarray of shape (n_units,)
        E[s].
    products : ndarray of shape (n_units, n_units)
        E[s s'].
    """

    mean: np.ndarray
    products: np.ndarray


class PairGradient(NamedTuple):
    """Derivatives of the mean log-likelihood by a Boltzmann machine's parameters.

    Attributes
    ----------
    coupling : ndarray of shape (n_units, n_units)
        By the couplings, symmetric with a zero diagonal.
    intercept : ndarray of shape (n_units,)
        By the biases.
    """

    coupling: np.ndarray
    intercept: np.ndarray


class BoltzmannMachine(Machine):
    """Boltzmann machine: visible and hidden units, any couplings, learned in two phases.

    The energy of a state s of all units, visible ones first, is
    ``E(s) = -(1/2) s' W s - b' s``, and its probability ``exp(-E / T) / Z``. Learning raises the
    probability of the training rows: couplings grow with how often two units agree while the
    visible units are clamped to data, and shrink with how often they do when all run free.

    Parameters
    ----------
    n_components : int or tuple of int, default=8
        Number of hidden units; 0 for a machine of visible units only. A tuple gives the layers of
        ``connectivity="deep"``, from the visible units on.
    units : {"bernoulli", "spin"}, default="bernoulli"
        Whether units are 0 and 1, or -1 and +1, in the energy. The same models, with parameters
        and hidden means in other units.
    connectivity : {"full", "lateral", "restricted", "deep"} or array-like of bool of shape \
(n_units, n_units), default="full"
        Which units are coupled. "full": all; "lateral": all but hidden ones among each other, so
        that these are summed out in closed form; "restricted": visible with hidden ones only, an
        RBM; "deep": layers, each with the next, for which training starts from RBMs fitted layer
        by layer. A matrix says it of every pair.
    algorithm : {"auto", "exact", "gibbs", "mean_field", "pseudo_likelihood"}, default="auto"
        How the gradient is found. "exact" enumerates all states (at most 20 units) and climbs to a
        maximum of the likelihood. "gibbs" follows samples of both phases. "mean_field" replaces
        the samples of coupled hidden units by their mean-field means. "pseudo_likelihood" (no
        hidden units) climbs to the one maximum of the probability of each unit given all others:
        consistent and noise-free, for couplings to be read off samples of a physical system; on
        images, with few rows and pixels that determine each other, its likelihood is poor. "auto"
        is "exact" up to 16 units in all, and "gibbs" above.
    temperature : float, default=1.0
        T. Read at call time: changed after `fit`, a lower value sharpens features and samples.
    learning_rate : float, default=0.3
        Step along the gradient of the mean log-likelihood ("gibbs", "mean_field" and every
        `partial_fit`). Training at (T, learning_rate, alpha) equals training at
        (1, learning_rate / T^2, alpha T^2) with parameters divided by T.
    learning_rate_schedule : {"linear", "constant"}, default="linear"
        Whether the rate falls to 0 over the `max_iter` epochs of `fit`, or stays.
    cd_steps : int, default=5
        Sweeps of both phases in every update.
    n_init : int, default=1
        Number of starts of "exact" with hidden units, whose climb may end in a local maximum; the
        best end is kept. Codes to be found (the encoder) need dozens.
    n_chains : int, default=None
        Number of free chains, which go on from update to update; None for 100.
    annealing : array-like of float, default=None
        Temperature of every sweep in an update. With it both phases start at random states and are
        annealed, as in 1985, instead of going on; `cd_steps` is not used. It should end with
        `temperature`.
    batch_size : int, default=None
        Rows of a minibatch. None for 20, or 100 of 10 000 rows or more.
    max_iter : int, default=None
        Number of epochs; with `warm_start` the number of epochs in all. None for 30, or as many as
        make 3000 updates; of 10 000 rows or more for 100, or as many as make 30 000 updates, but at
        least 10. "exact" and "pseudo_likelihood" go on to the maximum instead.
    momentum : float, default=0.0
        Share of the last step that the next one keeps, in [0, 1).
    alpha : float, default=0.0
        Strength of the penalty ``alpha (l1_ratio T |w| + (1 - l1_ratio) w^2 / 2)`` on the coupling
        w of every pair.
    l1_ratio : float, default=0.0
        Share of L1 in the penalty; 1 finds sparse couplings.
    binarize : float or None, default=0.5
        Data above it count as 1 (or +1), others as 0 (or -1). None takes two-valued data only.
        Rows of nothing but the two values that `sample` gives count as such at every threshold.
    early_stopping : bool or "auto", default="auto"
        Whether to hold rows out and watch their mean log-likelihood. True looks after every epoch,
        stops when there is no gain, and returns to the best epoch. "auto" holds rows out where
        machines overfit, of 100 rows or more if there are fewer than 4 for every unit, and
        looks now and then. Once they lose what rows trained on gain, it goes back to the best epoch
        and lets the rate fall to 0 over as many epochs again; else it trains to the end. Not for
        algorithms that climb to a maximum.
    validation_fraction : float, default=0.1
        Share of the rows held out; never more than 200 rows.
    n_iter_no_change : int, default=5
        Epochs without improvement after which ``early_stopping=True`` ends training.
    tol : float, default=1e-3
        Smallest gain of the held-out score, in nats, that counts as improvement.
    warm_start : bool, default=False
        Whether `fit` goes on from the parameters, chains and generator of the last call.
    verbose : int, default=0
        1 prints a line per epoch, with the log-likelihood where `fit` looked at it.
    random_state : int, RandomState, numpy.random.Generator or None, default=None
        Seed of initial couplings, order of rows, and chains.

    Attributes
    ----------
    coupling_ : ndarray of shape (n_units, n_units)
        W, symmetric with a zero diagonal, visible units first.
    intercept_ : ndarray of shape (n_units,)
        b.
    chains_ : ndarray of shape (n_chains, n_units)
        Free states, 0 and 1 ("gibbs" and "mean_field").
    loss_curve_ : list of float
        By epochs: mean energy of clamped minus free states, over T; near 0 for a good machine.
        Else what was minimised, after every iteration.
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
        Number of epochs, or of iterations to the maximum.
    n_features_in_ : int
        Number of visible units.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the columns, where X had string column names.

    See Also
    --------
    skebm.RBM : Faster where there are no couplings inside the sides.

    References
    ----------
    D. Ackley, G. Hinton and T. Sejnowski, "A learning algorithm for Boltzmann machines" (1985).
    R. Salakhutdinov and G. Hinton, "Deep Boltzmann machines" (2009). J. Besag, "Statistical
    analysis of non-lattice data" (1975).

    Examples
    --------
    >>> from skebm import BoltzmannMachine
    >>> from skebm.datasets import make_bars_and_stripes
    >>> X = make_bars_and_stripes(3)
    >>> machine = BoltzmannMachine(n_components=0).fit(X)  # 9 units: exact
    >>> round(machine.score(X), 3)  # nats; -ln 14 is the best possible
    -2.639
    >>> machine.sample(given=[[1, None, None, 0, None, None, 0, None, None]], random_state=0)
    array([[1., 1., 1., 0., 0., 0., 0., 0., 0.]])
    """

    _loss_name = "energy of data minus chains"
    _parameter_names = "coupling_", "intercept_"

    _parameter_constraints: dict = {
        "n_components": [Interval(Integral, 0, None, closed="left"), tuple],
        "units": [StrOptions({"bernoulli", "spin"})],
        "connectivity": [StrOptions({"full", "lateral", "restricted", "deep"}), "array-like"],
        "algorithm": [StrOptions({"auto", "exact", "gibbs", "mean_field", "pseudo_likelihood"})],
        "temperature": [Interval(Real, 0, None, closed="neither")],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "learning_rate_schedule": [StrOptions({"linear", "constant"})],
        "cd_steps": [Interval(Integral, 1, None, closed="left")],
        "n_init": [Interval(Integral, 1, None, closed="left")],
        "n_chains": [Interval(Integral, 1, None, closed="left"), None],
        "annealing": ["array-like", None],
        "batch_size": [Interval(Integral, 1, None, closed="left"), None],
        "max_iter": [Interval(Integral, 1, None, closed="left"), None],
        "momentum": [Interval(Real, 0, 1, closed="left")],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "l1_ratio": [Interval(Real, 0, 1, closed="both")],
        "binarize": [Interval(Real, None, None, closed="neither"), None],
        "early_stopping": ["boolean", StrOptions({"auto"})],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
        "warm_start": ["boolean"],
        "verbose": ["verbose"],
        "random_state": ["random_state", np.random.Generator],
    }

    def __init__(
        self,
        n_components: int | tuple = 8,
        *,
        units: str = "bernoulli",
        connectivity: ArrayLike | str = "full",
        algorithm: str = "auto",
        temperature: float = 1.0,
        learning_rate: float = 0.3,
        learning_rate_schedule: str = "linear",
        cd_steps: int = 5,
        n_init: int = 1,
        n_chains: int | None = None,
        annealing: ArrayLike | None = None,
        batch_size: int | None = None,
        max_iter: int | None = None,
        momentum: float = 0.0,
        alpha: float = 0.0,
        l1_ratio: float = 0.0,
        binarize: float | None = 0.5,
        early_stopping: bool | str = "auto",
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 5,
        tol: float = 1e-3,
        warm_start: bool = False,
        verbose: int = 0,
        random_state: Seed = None,
    ) -> None:
        self.n_components = n_components
        self.units = units
        self.connectivity = connectivity
        self.algorithm = algorithm
        self.temperature = temperature
        self.learning_rate = learning_rate
        self.learning_rate_schedule = learning_rate_schedule
        self.cd_steps = cd_steps
        self.n_init = n_init
        self.n_chains = n_chains
        self.annealing = annealing
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.momentum = momentum
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.binarize = binarize
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.warm_start = warm_start
        self.verbose = verbose
        self.random_state = random_state

    @classmethod
    def from_coupling(
        cls,
        coupling: Any,
        intercept: ArrayLike | None = None,
        *,
        n_components: int = 0,
        units: str = "spin",
        temperature: float = 1.0,
    ) -> Self:
        """Make a fitted machine from given couplings.

        It can be used like any fitted machine, and trained further by `partial_fit` or, with
        `warm_start`, by `fit`; then only pairs that are coupled learn.

        Parameters
        ----------
        coupling : array-like or sparse matrix of shape (n_units, n_units)
            W, symmetric with a zero diagonal, visible units first.
        intercept : array-like of shape (n_units,), default=None
            Biases b; None for 0.
        n_components : int, default=0
            How many of the units, the last ones, are hidden.
        units : {"spin", "bernoulli"}, default="spin"
            Whether units are -1 and +1, or 0 and 1.
        temperature : float, default=1.0
            Temperature.

        Returns
        -------
        machine : BoltzmannMachine
            The fitted machine.

        Raises
        ------
        ValueError
            If the couplings are not square and symmetric with a zero diagonal, shapes do not fit
            together, or values are not finite.

        Examples
        --------
        >>> from skebm import BoltzmannMachine
        >>> pair = BoltzmannMachine.from_coupling([[0, 1], [1, 0]])
        >>> pair.log_partition().value  # ln(2 e + 2 / e)
        1.8200...
        """
        coupling = check_coupling(coupling)
        n_units = len(coupling)
        if not isinstance(n_components, Integral) or not 0 <= n_components < n_units:
            raise ValueError(
                f"n_components must be an integer from 0 to {n_units - 1}, as at least one of the "
                f"{n_units} units is visible; got {n_components!r}."
            )
        if intercept is None:
            intercept = np.zeros(n_units, coupling.dtype)
        intercept = check_array(
            intercept, dtype=coupling.dtype, ensure_2d=False, input_name="intercept", copy=True
        )
        if intercept.shape != (n_units,):
            raise ValueError(
                f"intercept has the shape {intercept.shape}, but coupling of shape "
                f"{coupling.shape} needs ({n_units},)."
            )
        machine = cls(
            n_components, units=units, connectivity=coupling != 0, temperature=temperature
        )
        machine._validate_params()
        machine.n_features_in_ = n_units - n_components
        machine._fitted_with_ = units
        machine._mask_ = machine.connectivity
        machine._low_ = -1 if units == "spin" else 0
        machine.coupling_, machine.intercept_ = coupling, intercept
        machine._base_mean_ = None
        machine._begin_course()
        return machine

    # ---------------------------------------------------------------- training

    def _n_hidden(self):
        given = self.n_components
        if isinstance(given, tuple):
            if not all(isinstance(n, Integral) and n > 0 for n in given) or not given:
                raise ValueError(
                    f"n_components={given!r} must hold the sizes of the hidden layers, integers of "
                    "at least 1."
                )
            if self.connectivity != "deep":
                raise ValueError(
                    f"n_components={given!r} gives layers, which need connectivity='deep', got "
                    f"connectivity={self.connectivity!r}."
                )
            return sum(given)
        return int(given)

    def _mask(self, n_visible):
        """Which pairs may be coupled."""
        n_hidden = self._n_hidden()
        n_units = n_visible + n_hidden
        if not isinstance(self.connectivity, str):
            return check_connectivity(self.connectivity, n_visible, n_hidden)
        mask = np.zeros((n_units, n_units), dtype=bool)
        hidden = slice(n_visible, n_units)
        if self.connectivity == "deep":
            layers = self.n_components if isinstance(self.n_components, tuple) else (n_hidden,)
            stops = np.cumsum([0, n_visible, *layers])
            for first, middle, last in zip(stops, stops[1:], stops[2:], strict=False):
                mask[first:middle, middle:last] = True
            return mask | mask.T
        mask[:n_visible, hidden] = mask[hidden, :n_visible] = True
        if self.connectivity in ("full", "lateral"):
            mask[:n_visible, :n_visible] = True
        if self.connectivity == "full":
            mask[hidden, hidden] = True
        np.fill_diagonal(mask, False)
        return mask

    def _algorithm(self, n_units, n_hidden):
        """What "auto" stands for; refuses what the machine is too large for."""
        algorithm = self.algorithm
        if algorithm == "auto":
            return "exact" if n_units <= SMALL else "gibbs"
        if algorithm == "exact" and n_units > climb.LARGEST_EXACT:
            raise ValueError(
                f"algorithm='exact' enumerates the states of at most {climb.LARGEST_EXACT} "
                f"units, but there are {n_units - n_hidden} visible and {n_hidden} hidden ones. "
                f"Use algorithm='gibbs'{'' if n_hidden else ' or pseudo_likelihood'}."
            )
        if algorithm == "pseudo_likelihood" and n_hidden:
            raise ValueError(
                "algorithm='pseudo_likelihood' is for machines without hidden units, but "
                f"n_components={self.n_components!r}. Set n_components=0, or use "
                "algorithm='gibbs'."
            )
        return algorithm

    def _read_training(self, X, reset):
        X = read(self, X, reset=reset, accept_sparse=False)
        n_units = X.shape[1] + self._n_hidden()
        if n_units > LARGEST_MACHINE:
            raise ValueError(
                f"X has {X.shape[1]} columns and n_components={self.n_components!r}, which makes "
                f"couplings of {n_units**2 * X.dtype.itemsize / 1e9:.0f} GB, and training takes "
                f"several times as much. At most {LARGEST_MACHINE} units are allowed. Choose "
                "columns, or use an RBM."
            )
        low = -1 if (X < 0).any() else 0
        spins = as_spins(X, self.binarize)
        examine_spins(X, self.binarize, spins)
        states = (spins > 0).astype(X.dtype)
        mask = self._mask(X.shape[1])
        self._algorithm(len(mask), self._n_hidden())
        if self.annealing is not None:
            check_schedule("annealing", self.annealing)
        if reset:
            self._low_ = low
            return states
        self._model()  # the parameters still suit the fitted arrays
        if len(mask) != len(self.coupling_) or (mask != self._mask_).any():
            raise ValueError(
                "n_components or connectivity changed since the machine was fitted, from "
                f"{len(self.coupling_)} units. Keep them, or call fit with warm_start=False."
            )
        self._low_ = min(low, self._low_)
        return states.astype(self.coupling_.dtype, copy=False)

    def _start(self, X, rng):
        self._fitted_with_ = self.units
        n_visible = X.shape[1]
        mean = X.mean(axis=0, dtype=np.float64)
        mean += (0.5 - mean) / (len(X) + 1)
        self._mask_, self._base_mean_ = self._mask(n_visible), mean
        self._set_canonical(*self._initial(X, rng))

    def _initial(self, X, rng):
        """Couplings and biases to start from, of 0/1 units at T = 1."""
        mask, mean, n_hidden = self._mask_, self._base_mean_, self._n_hidden()
        n_visible = len(mean)
        coupling = INITIAL_SCALE * np.triu(rng.standard_normal(mask.shape), 1) * mask
        # visible units alone have one maximum to climb to
        coupling[:n_visible, :n_visible] = 0
        resting = np.full(n_hidden, RESTING_MEAN)
        mean = np.concatenate([mean, resting])
        coupling += coupling.T
        intercept = np.log(mean) - np.log1p(-mean) - coupling @ mean
        if isinstance(self.n_components, tuple) and len(self.n_components) > 1:
            coupling, intercept = _pretrain(X, self.n_components, rng)
        return coupling.astype(X.dtype), intercept.astype(X.dtype)

    def _learn(self, X, resume, finished):
        algorithm = self._algorithm(len(self._mask_), self._n_hidden())
        if algorithm not in CLIMBS:
            return super()._learn(X, resume, finished)
        if self.early_stopping is True:
            raise ValueError(
                f"early_stopping=True is for training by epochs, but algorithm={algorithm!r} "
                "climbs to the maximum. Use alpha against overfitting, or algorithm='gibbs'."
            )
        run_epochs(self, 1, X, lambda: self._climb(X, algorithm))
        finished.append(self.n_iter_)

    def _climb(self, X, algorithm):
        """Go to a maximum of the likelihood, or of the pseudo-likelihood."""
        dtype = self.coupling_.dtype
        concave = algorithm == "exact" and not self._n_hidden()
        rng = self._resume()
        best = None
        for start in range(self.n_init if algorithm == "exact" and self._n_hidden() else 1):
            if start:
                self._set_canonical(*self._initial(X, rng))
            found = climb.maximize(
                CLIMBS[algorithm],
                self._model().astype(np.float64),
                X.astype(np.float64),
                self._mask_,
                **self._penalties(self.alpha),
                smallest_gain=SMALLEST_GAIN_CONCAVE if concave else SMALLEST_GAIN,
            )
            # the losses end with what the climb has reached
            if best is None or found[2][-1:] < best[2][-1:]:
                best = found
        coupling, intercept, losses, converged = best
        if not converged:
            warn(
                f"algorithm={algorithm!r} stopped after {len(losses)} iterations short of the "
                "maximum. A penalty, alpha=1e-3 say, keeps it from lying at infinity.",
                ConvergenceWarning,
            )
        self._set_canonical(coupling.astype(dtype), intercept.astype(dtype))
        self.loss_curve_ = losses
        self._loss_name_ = CLIMBED[algorithm]
        self.n_iter_ = max(1, len(losses))
        return True

    def _penalties(self, alpha):
        """Strengths of the penalties on couplings of 0/1 units at T = 1."""
        scale = self._scale()
        return {
            "l2": alpha * (1 - self.l1_ratio) * scale**2,
            "l1": alpha * self.l1_ratio * self.temperature * scale,
        }

    def _prepare(self, X, n_batches, rng, alpha):
        model, before = self._model(), self._course_.state
        n_visible, n_units = X.shape[1], len(self._mask_)
        algorithm = self._algorithm(n_units, n_units - n_visible)
        if before is None:
            mean = self._visible_base_mean()[np.newaxis].astype(X.dtype)
            offset = np.append(mean, coupled_means(model.given(mean)))
            before = State((), (offset,))
        parameters, velocity = (model.coupling, model.intercept), before.velocity
        if self.momentum and velocity is None:
            velocity = tuple(np.zeros_like(array) for array in parameters)
        if algorithm in CLIMBS:
            chains = None

            def gradient(model, chains, v, offset):
                shares = np.full(len(v), 1 / len(v))
                model, rows = model.astype(np.float64), v.astype(np.float64)
                _, second, mean = CLIMBS[algorithm](model, rows, shares)
                return second.astype(v.dtype), mean.astype(v.dtype), None, offset
        else:
            n_chains = N_CHAINS if self.n_chains is None else int(self.n_chains)
            chains = getattr(self, "chains_", None)
            if chains is None or len(chains) != n_chains:
                base = self._base_field()
                chains, _ = model.replace(base=base).independent(n_chains, rng)
            betas = None
            if self.annealing is not None:
                betas = (self._temperature() / np.asarray(self.annealing, float)).tolist()

            def gradient(model, chains, v, offset):
                return sampled_gradient(
                    model, chains, v, rng, algorithm=algorithm, n_steps=self.cd_steps, betas=betas
                )

        state = State(parameters, before.offsets, velocity, chains).copy()
        arrangement = arrange(self._mask_)

        def run(rates):
            return epoch(
                state,
                self._mask_,
                arrangement,
                X,
                rng,
                rates=[rate / self._temperature() ** 2 for rate in rates],
                gradient=gradient,
                momentum=self.momentum,
                **self._penalties(alpha),
            )

        return state, run

    def _publish(self, state):
        parameters = self._from_canonical(*state.parameters)
        fitted = dict(zip(self._parameter_names, parameters, strict=True))
        if state.chains is not None:
            fitted["chains_"] = np.ascontiguousarray(state.chains)
        return fitted

    # ---------------------------------------------------------------- the canonical form

    def _scale(self):
        """Coupling in the units of the user over that of 0/1 units at T = 1."""
        return self.temperature * (0.25 if self.units == "spin" else 1.0)

    def _from_canonical(self, coupling, intercept):
        """Parameters of the user's units from those of 0/1 units at T = 1."""
        temperature = intercept.dtype.type(self.temperature)
        if self.units == "spin":
            intercept = 0.5 * intercept + 0.25 * coupling.sum(axis=1)
            coupling = 0.25 * coupling
        return coupling * temperature, intercept * temperature

    def _set_canonical(self, coupling, intercept):
        self.coupling_, self.intercept_ = self._from_canonical(coupling, intercept)

    def _model(self):
        """The energy of the fitted machine, of 0/1 units at T = 1, at the temperature set now."""
        temperature = self.intercept_.dtype.type(self._temperature())
        if not is_named(self.units, self._fitted_with_):
            raise ValueError(
                f"units={self.units!r}, but the machine was fitted with {self._fitted_with_!r}. "
                "Fit it again (with warm_start=False)."
            )
        coupling, intercept = self.coupling_, self.intercept_ / temperature
        constant, scale = 0.0, 1 / temperature
        if self.units == "spin":
            row_sums = coupling.sum(axis=1) / temperature
            constant = float(0.5 * row_sums.sum() - intercept.sum())
            intercept, scale = 2 * (intercept - row_sums), 4 / temperature
        # large, and not copied where it need not be
        return Coupled(coupling if scale == 1 else coupling * scale, intercept, constant)

    def _sampler(self):
        return self._model().replace(base=self._base_field()).arranged()

    def _visited(self, model, rng):
        chains = getattr(self, "chains_", None)
        return None if chains is None else chains.astype(model.intercept.dtype)

    def _in_single(self, model, beta=1.0):
        """The model in single precision, where that suffices for comparisons with random numbers.

        It does not where fields are so large, in units of `temperature` / `beta`, that their
        rounding is not small beside 1.
        """
        if sparse.issparse(model.coupling):
            sums = abs(model.coupling).sum(axis=1)
        else:  # row by row, as a copy may be large
            sums = [np.abs(row).sum() for row in model.coupling]
        fields = sums + np.abs(model.intercept)
        is_fine = fields.max() * beta * np.finfo(np.float32).eps < LARGEST_ROUNDING
        return model.astype(np.float32 if is_fine else np.float64)

    def _visible_base_mean(self):
        if self._base_mean_ is None:
            return np.full(self.n_features_in_, 0.5)
        return self._base_mean_

    def _base_field(self):
        """Biases of free units fitted to the training data; 0 for hidden units."""
        mean = self._visible_base_mean()
        hidden = np.zeros(len(self.intercept_) - len(mean))
        return np.append(np.log(mean) - np.log1p(-mean), hidden)

    # ---------------------------------------------------------------- the fitted model

    def _read(self, X):
        """Validated rows as 0 and 1, in the precision of the parameters."""
        check_is_fitted(self)
        X = read(self, X, accept_sparse=False)
        return (as_spins(X, self.binarize, self._low_) > 0).astype(self.coupling_.dtype)

    def _read_states(self, H):
        """Hidden states or means in the units of the machine as 0/1 ones."""
        H = read_hidden(H, len(self.coupling_) - self.n_features_in_)
        return (H + 1) / 2 if self.units == "spin" else H

    def _encode(self, states):
        """States of visible (or all) units in the encoding of the data."""
        return 2 * states - 1 if self._low_ == -1 else states

    def _means(self, model):
        """Means of coupled units for every row of the model's field, exact if they are few."""
        is_exact = work(model.coupling) <= EXACT_STATES
        return model.exact_means() if is_exact else coupled_means(model)

    def transform(self, X: ArrayLike) -> np.ndarray:
        """Compute the mean of the hidden units given every row, E[h | x].

        Exact while coupled groups of hidden units have at most 2^12 states to sum over, else the
        solution of the mean-field equations.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Visible rows.

        Returns
        -------
        H : ndarray of shape (n_samples, n_components)
            Hidden means; probabilities of 1, or with spins in [-1, 1].
        """
        v = self._read(X)
        h = self._means(self._model().given(v))
        return 2 * h - 1 if self.units == "spin" else h

    def inverse_transform(self, H: ArrayLike) -> np.ndarray:
        """Compute the mean of the visible units given hidden rows, E[v | h].

        Exact or by mean field, as `transform` says.

        Parameters
        ----------
        H : array-like of shape (n_samples, n_components)
            Hidden states or means.

        Returns
        -------
        X : ndarray of shape (n_samples, n_features)
            Visible means, in the encoding of the data.
        """
        check_is_fitted(self)
        h = self._read_states(H)
        n_visible, model = self.n_features_in_, self._model()
        coupling, intercept = model.coupling, model.intercept
        field = h @ coupling[n_visible:, :n_visible] + intercept[:n_visible]
        return self._encode(self._means(Coupled(coupling[:n_visible, :n_visible], field)))

    def energy(self, V: ArrayLike, H: ArrayLike | None = None) -> np.ndarray:
        """Compute the energy of visible rows together with hidden ones.

        Parameters
        ----------
        V : array-like of shape (n_samples, n_features)
            Visible rows.
        H : array-like of shape (n_samples, n_components), default=None
            Hidden rows, in the units of the machine; None for a machine without hidden units.

        Returns
        -------
        energy : ndarray of shape (n_samples,)
            E; the probability of a state is ``exp(-E / T) / Z``.
        """
        v = self._read(V)
        if H is None and len(self.coupling_) == v.shape[1]:
            H = np.empty((len(v), 0))
        elif H is None:
            raise ValueError("H must be given, as the machine has hidden units.")
        elif len(self.coupling_) > v.shape[1]:
            H = self._read_states(H)
        if len(v) != len(H):
            raise ValueError(f"V has {len(v)} rows, but H has {len(H)}.")
        states = np.concatenate([v, H], axis=1, dtype=np.float64)
        states = 2 * states - 1 if self.units == "spin" else states
        field = 0.5 * (states @ self.coupling_) + self.intercept_
        return -np.einsum("ij,ij->i", field, states)

    def free_energy(self, X: ArrayLike) -> np.ndarray:
        """Compute the free energy of every row, hidden units summed out.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Visible rows.

        Returns
        -------
        free_energy : ndarray of shape (n_samples,)
            ``F(x) = -T ln sum_h exp(-E(x, h) / T)``, so that ``ln p(x) = -F(x) / T - ln Z``.

        Raises
        ------
        ValueError
            If too many hidden units are coupled to sum over their states.
        """
        return -self._temperature() * self._log_weight(self._read(X))

    def _log_weight(self, v):
        model = self._model_to_sum("for likelihoods and free energies")
        return by_blocks(
            lambda rows: model.marginal_log_weight(rows.astype(np.float64)), v, len(self.coupling_)
        )

    def _model_to_sum(self, purpose):
        """The energy in double precision, if hidden units can be summed out."""
        n_visible = self.n_features_in_
        _check_summable(self.coupling_[n_visible:, n_visible:], purpose)
        return self._model().astype(np.float64)

    def pseudo_likelihood(self, X: ArrayLike) -> np.ndarray:
        """Compute the log pseudo-likelihood of every row, which needs no ln Z.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Visible rows.

        Returns
        -------
        pseudo_likelihood : ndarray of shape (n_samples,)
            ``sum_i ln p(x_i | all other x)``, in nats, hidden units summed out.
        """
        X = self._read(X)
        model = self._model_to_sum("for the pseudo-likelihood")
        return by_blocks(
            lambda rows: model.pseudo_likelihood(rows.astype(np.float64)), X, len(self.coupling_)
        )

    def _check_watch(self):
        n_visible = self.n_features_in_
        _check_summable(
            self._mask_[n_visible:, n_visible:],
            "for the likelihood that early_stopping=True watches",
            LARGEST_WORK if self.early_stopping is True else WATCHED_WORK,
        )

    def _to_watch(self, rows, rng):
        return rows

    def _epoch_work(self, n_rows):
        chains = self._course_.state.chains
        n_chain_rows = n_rows if chains is None else self._n_batches(n_rows) * len(chains)
        return (self.cd_steps + 1) * (n_chain_rows + n_rows)

    # ---------------------------------------------------------------- moments

    def moments(
        self,
        X: ArrayLike | None = None,
        *,
        method: str = "auto",
        n_chains: int = 200,
        n_sweeps: int = 200,
        random_state: Seed = None,
    ) -> PairMoments:
        """Compute means of units and of products of pairs, of rows or of the machine.

        The two phases of learning: with rows, the visible units are clamped to them; without, all
        units are free. Of units 0 and 1, products are the probabilities that both are on.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), default=None
            Visible rows; None for the machine itself.
        method : {"auto", "exact", "sampled"}, default="auto"
            Whether to enumerate states. "auto" does so where that is feasible, of up to 20
            units, and of rows beside hidden units that are few or not coupled.
        n_chains, n_sweeps : int, default=200
            Chains to average over where states are sampled, and their sweeps; the second half
            counts.
        random_state : int, RandomState, numpy.random.Generator or None, default=None
            Seed of the chains; None draws afresh at every call.

        Returns
        -------
        moments : PairMoments
            Named tuple ``(mean, products)`` over all units, visible ones first, in the units of the
            machine (0 and 1, or -1 and +1).

        Raises
        ------
        ValueError
            If "exact" is asked for where it is not feasible, or an argument is not valid.

        References
        ----------
        D. Ackley, G. Hinton and T. Sejnowski, "A learning algorithm for Boltzmann machines" (1985),
        for the phases.

        Examples
        --------
        >>> from skebm import BoltzmannMachine
        >>> pair = BoltzmannMachine.from_coupling([[0, 1], [1, 0]], units="bernoulli")
        >>> pair.moments([[1, 1], [0, 1]]).products
        array([[0.5, 0.5],
               [0.5, 1. ]])
        >>> pair.moments().products.round(2)
        array([[0.65, 0.48],
               [0.48, 0.65]])
        """
        check_is_fitted(self)
        check_method("method", method, ("auto", "exact", "sampled"))
        model, n_visible = self._model().astype(np.float64), self.n_features_in_
        if X is None:
            feasible = len(self.coupling_) <= LARGEST_EXACT
        else:
            X = self._read(X).astype(np.float64)
            hidden = model.coupling[n_visible:, n_visible:]
            n_states = 1 if not hidden.any() else 2 ** len(hidden)
            feasible = len(X) * n_states <= LARGEST_TABLE
        if method == "exact" and not feasible:
            raise ValueError(
                f"method='exact' needs at most {LARGEST_EXACT} units, or rows beside hidden units "
                f"that are few or not coupled; this machine has {n_visible} visible and "
                f"{len(self.coupling_) - n_visible} hidden units. Use method='sampled'."
            )
        if feasible and method != "sampled":
            if X is None:
                _, products = free_moments(model, n_visible)
            else:
                _, products = clamped_moments(model, X, np.full(len(X), 1 / len(X)))
        else:
            check_count("n_chains", n_chains, 1)
            check_count("n_sweeps", n_sweeps, 2)
            given = None if X is None else self._encode(X)
            path = self.trajectory(
                n_samples=n_chains if X is None else max(1, n_chains // len(X)),
                given=given,
                n_sweeps=n_sweeps,
                random_state=random_state,
            )
            products = 0.0
            for states in islice(path, n_sweeps // 2, None):
                states = (states > 0).astype(np.float64)
                products = products + states.T @ states / len(states)
            products /= n_sweeps - n_sweeps // 2
        mean = np.diag(products).copy()
        if self.units == "spin":
            products = 4 * products - 2 * (mean + mean[:, np.newaxis]) + 1
            np.fill_diagonal(products, 1.0)
            mean = 2 * mean - 1
        return PairMoments(mean, products)

    def gradient(
        self,
        X: ArrayLike,
        *,
        method: str = "auto",
        n_chains: int = 200,
        n_sweeps: int = 200,
        random_state: Seed = None,
    ) -> PairGradient:
        """Compute the gradient of the mean log-likelihood of rows.

        Moments under the data minus moments of the machine, over T: what training follows with
        chains of its own. For an optimiser of yours, or to see how good an estimate is.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Visible rows.
        method : {"auto", "exact", "sampled"}, default="auto"
            Whether to enumerate states. "auto" does so where that is feasible, as for
            `moments`.
        n_chains, n_sweeps : int, default=200
            Chains to average over where states are sampled, and their sweeps; the second half
            counts.
        random_state : int, RandomState, numpy.random.Generator or None, default=None
            Seed of the chains; None draws afresh at every call.

        Returns
        -------
        gradient : PairGradient
            Named tuple ``(coupling, intercept)`` of the derivatives by these, in nats per unit; a
            coupling is one parameter, though it stands twice in the symmetric matrix. Pairs that
            `connectivity` leaves uncoupled have theirs, too.

        Raises
        ------
        ValueError
            As for `moments`.

        Examples
        --------
        >>> from skebm import BoltzmannMachine
        >>> pair = BoltzmannMachine.from_coupling([[0, 1], [1, 0]], units="bernoulli")
        >>> pair.gradient([[1, 1], [0, 1]]).coupling.round(2)
        array([[0.  , 0.02],
               [0.02, 0.  ]])
        """
        options = {"method": method, "n_chains": n_chains, "n_sweeps": n_sweeps}
        options["random_state"] = random_state
        data, free = self.moments(X, **options), self.moments(**options)
        coupling = (data.products - free.products) / self._temperature()
        np.fill_diagonal(coupling, 0.0)
        return PairGradient(coupling, (data.mean - free.mean) / self._temperature())

    # ---------------------------------------------------------------- sampling

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

        Chains start at the free ones of training where there are any, else at independent units.
        A sweep lets every unit decide once.

        Parameters
        ----------
        n_samples : int, default=1
            Number of rows, or rows for every row of `given`.
        given : {array-like, sparse matrix} of shape (m, n_features), default=None
            Rows to complete: NaN marks a free feature, the others are held and come back unchanged.
            What sparse rows do not store is 0, and held.
        n_sweeps : int, default=1000
            Sweeps of every chain.
        algorithm : {"gibbs", "annealing", "tempering"}, default="gibbs"
            "gibbs" runs at `temperature`. "annealing" starts at independent units and turns the
            couplings on over the first half of the sweeps, which finds the modes that a chain at
            `temperature` would not leave. "tempering" runs each chain on ten models between
            independent units and the machine, which exchange their states; a sweep costs ten times
            as much.
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
            If `given` has another width or infinite values, or another argument is not valid.

        Examples
        --------
        >>> import numpy as np
        >>> from skebm import BoltzmannMachine
        >>> pair = BoltzmannMachine.from_coupling([[0, 9], [9, 0]])
        >>> pair.sample(3, given=[[-1, np.nan]], random_state=0)
        array([[-1., -1.],
               [-1., -1.],
               [-1., -1.]])
        """
        check_is_fitted(self)
        check_count("n_samples", n_samples, 1)
        check_count("n_sweeps", n_sweeps, 1)
        check_method("algorithm", algorithm, ("gibbs", "annealing", "tempering"))
        rng = as_generator(random_state)
        dtype = self.coupling_.dtype
        model = self._in_single(self._sampler())
        given = read_given(self, given, n_samples, dtype)
        n_visible, chains = given.shape[1], getattr(self, "chains_", None)
        n_rungs = self._announce_sample(len(given), n_sweeps, algorithm)
        betas = np.ones(n_sweeps)
        if algorithm == "annealing":
            betas[: n_sweeps // 2] = np.linspace(0, 1, n_sweeps // 2, endpoint=False)

        def run(given):
            if chains is None or algorithm != "gibbs":
                states, _ = model.independent(len(given), rng)
            else:
                chosen = rng.integers(len(chains), size=len(given))
                states = chains[chosen].astype(model.intercept.dtype)
            held, answer = self._hold(states, given)
            fixed = held if held.any() else None
            if algorithm == "tempering":
                states = tempered_samples(model, states, n_sweeps, rng, fixed)
            else:
                states = model.sweeps(states, betas.tolist(), rng, fixed)
            visible = self._encode(states[:, :n_visible].astype(dtype, order="C"))
            return np.where(held[:, :n_visible], answer, visible)

        return by_blocks(run, given, n_rungs * len(self.coupling_))

    def conditional_mean(
        self, given: ArrayLike, *, n_chains: int = 10, n_sweeps: int = 100
    ) -> np.ndarray:
        """Compute the mean of every feature, given those that are known.

        What minimises the squared error of missing values; `sample` draws them instead. Exact while
        the free units, hidden ones included, have at most 2^12 states to sum over; else averaged
        over chains with a seed of `fit`, so that the same call gives the same values.

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
            Means of the free features, in the encoding of the data; the others come back unchanged.

        Raises
        ------
        ValueError
            If `given` has another width or infinite values, or another argument is not valid.

        Examples
        --------
        >>> import numpy as np
        >>> from skebm import BoltzmannMachine
        >>> pair = BoltzmannMachine.from_coupling([[0, 1], [1, 0]])
        >>> pair.conditional_mean([[1, np.nan]]).round(2)  # tanh 1
        array([[1.  , 0.76]])
        """
        check_is_fitted(self)
        check_count("n_chains", n_chains, 1)
        check_count("n_sweeps", n_sweeps, 2)
        given = read_given(self, given, 1, self.coupling_.dtype)
        n_visible, model = self.n_features_in_, self._model().astype(np.float64)
        start = np.zeros((len(given), len(self.coupling_)))
        held, answer = self._hold(start, given)
        mean, sampled = np.empty(start.shape), np.zeros(len(given), dtype=bool)
        masks, kind = np.unique(held, axis=0, return_inverse=True)
        for number, mask in enumerate(masks):
            rows = np.flatnonzero(np.ravel(kind) == number)
            inner = model.coupling[np.ix_(~mask, ~mask)]
            if work(inner) > EXACT_STATES:
                sampled[rows] = True
                continue
            field = start[np.ix_(rows, mask)] @ model.coupling[np.ix_(mask, ~mask)]
            free = Coupled(inner, field + model.intercept[~mask])
            mean[np.ix_(rows, ~mask)] = free.exact_means()
        rows = np.flatnonzero(sampled)
        if rows.size:
            rng = np.random.Generator(np.random.SFC64([self._likelihood_seed_, 3]))
            repeated = np.repeat(rows, n_chains)
            held_rows = held[repeated]
            states = np.where(held_rows, start[repeated], rng.random(held_rows.shape) < 0.5)
            sampler, total = self._in_single(model.arranged()), 0.0
            for sweep in range(n_sweeps):
                states = sampler.sweeps(states, [1.0], rng, held_rows)
                if sweep >= n_sweeps // 2:
                    # means given all other units have less noise than states
                    total = total + expit(states @ model.coupling + model.intercept)
            total = total.reshape(len(rows), n_chains, -1).mean(axis=1)
            mean[rows] = total / (n_sweeps - n_sweeps // 2)
        visible = self._encode(mean[:, :n_visible]).astype(given.dtype)
        return np.where(held[:, :n_visible], answer, visible)

    def anneal(
        self,
        X: Any = None,
        *,
        n_samples: int = 1,
        temperatures: ArrayLike | None = None,
        given: ArrayLike | None = None,
        random_state: Seed = None,
    ) -> np.ndarray:
        """Run the heat bath through a schedule of temperatures, all units.

        Finds states of low energy. `trajectory` shows the states on the way.

        Parameters
        ----------
        X : array-like of shape (m, n_units) or (m, n_features), default=None
            States to start from, visible units first; None starts at random.
        n_samples : int, default=1
            Number of runs, or runs from every row of X or `given`.
        temperatures : array-like of shape (n_sweeps,), default=None
            Temperature of every sweep, above 0, in the units of the energy. By default 200 that
            fall geometrically from 3 to .05 times the typical field on a unit.
        given : array-like of shape (m, n_features), default=None
            Visible units to hold; NaN marks a free one. With X, of as many rows.
        random_state : int, RandomState, numpy.random.Generator or None, default=None
            Seed; None draws afresh at every call.

        Returns
        -------
        states : ndarray of shape (m * n_samples, n_units)
            States of all units after the last sweep, visible ones first, in the encoding of the
            data.

        References
        ----------
        S. Kirkpatrick, C. Gelatt and M. Vecchi, "Optimization by simulated annealing" (1983).

        Examples
        --------
        >>> from skebm import BoltzmannMachine
        >>> from skebm.datasets import make_ising_grid
        >>> grid = BoltzmannMachine.from_coupling(make_ising_grid(8))
        >>> float(grid.energy(grid.anneal(random_state=0))[0])  # two bonds a spin
        -128.0
        """
        check_is_fitted(self)
        if temperatures is None:
            # of spins: the couplings of 0/1 units are four times theirs
            field = np.sqrt((self._model().coupling ** 2).sum() / len(self.coupling_)) / 4 or 1.0
            temperatures = np.geomspace(HOT, COLD, N_COOLING) * field * self._temperature()
        temperatures = check_schedule("temperatures", temperatures)
        (states,) = self.trajectory(
            X,
            n_samples=n_samples,
            given=given,
            temperature=temperatures,
            every=len(temperatures),
            random_state=random_state,
        )
        return states

    def trajectory(
        self,
        X: Any = None,
        *,
        n_samples: int = 1,
        given: ArrayLike | None = None,
        n_sweeps: int = 100,
        temperature: ArrayLike | None = None,
        every: int = 1,
        random_state: Seed = None,
    ) -> Any:
        """Follow chains of the heat bath, sweep by sweep, all units.

        For dynamics at a temperature and for averages of whatever can be computed from states,
        hidden ones included; no more than the present states is kept.

        Parameters
        ----------
        X : array-like of shape (m, n_units) or (m, n_features), default=None
            States to start from, visible units first; None, and hidden units that are not given,
            start at random.
        n_samples : int, default=1
            Number of chains, or chains from every row of `X` or `given`.
        given : array-like of shape (m, n_features), default=None
            Visible units to hold; NaN marks a free one. With X, of as many rows.
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
        trajectory : iterable of ndarray of shape (m * n_samples, n_units)
            States of all units, visible ones first, in the encoding of the data. It has a
            length, and gives the same records whenever it is gone through.

        Examples
        --------
        >>> import numpy as np
        >>> from skebm import BoltzmannMachine
        >>> from skebm.datasets import make_ising_grid
        >>> grid = BoltzmannMachine.from_coupling(make_ising_grid(8))
        >>> path = grid.trajectory(n_samples=9, temperature=1.5, random_state=0)
        >>> bool(np.mean([grid.energy(states).mean() for states in path]) / 64 < -1.8)
        True
        """
        check_is_fitted(self)
        check_count("n_samples", n_samples, 1)
        own = self._temperature()
        temperatures = temperature_of_sweeps(temperature, n_sweeps, own)
        rng, dtype = as_generator(random_state), self.coupling_.dtype
        n_units = len(self.coupling_)
        # without a base, positions are temperatures
        model = self._in_single(self._model().arranged(), own / temperatures.min())
        start = held = None
        if X is not None:
            start = np.repeat(self._read_start(X, rng), n_samples, axis=0)
        if given is not None:
            given = read_given(self, given, n_samples, dtype)
            check_same_rows(start, given, n_samples)
            n_samples = len(given)
        if start is None:
            start = rng.random((n_samples, n_units)) < 0.5
        start = start.astype(model.intercept.dtype)
        if given is not None:
            held, _ = self._hold(start, given)

        def run(states, temperatures, rng):
            return model.sweeps(states, (own / temperatures).tolist(), rng, held)

        def write(states):
            return self._encode(states.astype(dtype, order="C"))

        return Trajectory(run, start, temperatures, every, rng, write)

    def _read_start(self, X, rng):
        """Whether units are on in rows of all units, or of the visible ones."""
        # sums that look for NaN may overflow
        with np.errstate(over="ignore", invalid="ignore"):
            X = check_array(X, dtype=self.coupling_.dtype, input_name="X")
        n_units, n_visible = len(self.coupling_), self.n_features_in_
        if X.shape[1] not in (n_units, n_visible):
            raise ValueError(
                f"X has {X.shape[1]} columns, but the machine has {n_units} units, {n_visible} of "
                "them visible."
            )
        start = as_spins(X, self.binarize, self._low_) > 0
        if X.shape[1] < n_units:
            hidden = rng.random((len(X), n_units - n_visible)) < 0.5
            start = np.concatenate([start, hidden], axis=1)
        return start

    def _hold(self, start, given):
        """Put given values into the states to start from; which units they hold, and the answer."""
        known, spins, answer = held_spins(given, self.binarize, self._low_)
        held = np.zeros(start.shape, dtype=bool)
        held[:, : known.shape[1]] = known
        start[held] = spins[known] > 0
        return held, answer

    @property
    def _n_features_out(self):
        return len(self.coupling_) - self.n_features_in_

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def _pretrain(X, layers, rng):
    """Parameters of a deep machine from an RBM on every layer, trained on the means of the last.

    A hidden layer gets input from two sides in the deep machine, which its RBM did not reckon with;
    so the couplings come in reduced.
    """
    stops = np.cumsum([0, X.shape[1], *layers])
    coupling = np.zeros((stops[-1], stops[-1]))
    intercept, n_machines = np.zeros(stops[-1]), np.zeros(stops[-1])
    for first, middle, last in zip(stops, stops[1:], stops[2:], strict=False):
        rbm = RBM(last - middle, max_iter=PRETRAINING_EPOCHS, random_state=rng).fit(X)
        X = rbm._model().mean_hidden(X)
        coupling[middle:last, first:middle] = PRETRAINED_SHARE * rbm.components_
        intercept[first:middle] += rbm.intercept_visible_
        intercept[middle:last] += rbm.intercept_hidden_
        n_machines[first:last] += 1
    return coupling + coupling.T, intercept / n_machines


def _check_summable(coupling, purpose, largest_work=LARGEST_WORK):
    """Refuse hidden units whose couplings make too many states to sum over."""
    if work(coupling) > largest_work:
        raise ValueError(
            f"{len(coupling)} hidden units are coupled with each other, which makes too many "
            f"states to sum over {purpose}. connectivity='lateral' or 'restricted' needs no such "
            "sum; or use fewer hidden units."
        )
