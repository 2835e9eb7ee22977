"""What machines that learn by epochs and have a likelihood share: `RBM` and `BoltzmannMachine`."""

from __future__ import annotations

import time
import zlib
from contextlib import contextmanager
from copy import copy
from numbers import Real
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    _fit_context,
)
from sklearn.utils.validation import check_is_fitted

from ._callbacks import CallbackSupportMixin, run_epochs
from ._energies.sums import LARGEST_WORK
from ._inference import likelihood
from ._inference.chains import N_RUNGS
from ._inference.likelihood import SMALL_ERROR, LogPartition
from ._learning.optimizer import State
from ._validation import (
    all_or_nothing,
    announce,
    as_dense,
    as_generator,
    check_count,
    check_method,
    warn,
)
from ._watch import (
    SHORT_GLANCE,
    WATCHED_ROWS,
    Best,
    Fall,
    Look,
    Watched,
    epoch_line,
    glance_length,
    holds_out,
)

LARGEST_WEIGHT = 1e4
LARGEST_STEP = 100.0
# rows of a minibatch and epochs by default: of few rows as many epochs as make some updates
BATCH_SIZE, LEAST_EPOCHS, LEAST_UPDATES = 20, 30, 3000
# and what they are of many rows: more epochs, unless that makes more updates than needed
MANY_ROWS, LARGE_BATCH_SIZE, MOST_EPOCHS, MOST_UPDATES, FEWEST_EPOCHS = 10_000, 100, 100, 30_000, 10
DEFAULT_TEMPERATURES, DEFAULT_CHAINS = 500, 200
# in the place of a method: of what `fit` found out about ln Z, where that has no exact answer
LOOK = "look"
# entries of the states of chains that nobody has the memory for
LARGEST_STATES = 2**33
N_CHAINS = 100


class Course(NamedTuple):
    """What goes on with training where it stopped.

    Attributes
    ----------
    generator : dict
        State of the random generator.
    split_seed : int
        Seed of the rows held out for early stopping.
    state : State or None
        What the last epoch left beside the parameters.
    best : Best or None
        What early stopping will return to, while it watches.
    replaced : dict or None
        Fitted attributes as training left them, where the end of `fit` replaced them.
    fall : Fall or None
        How training ends, once it overfitted.
    """

    generator: dict
    split_seed: int
    state: State | None = None
    best: Best | None = None
    replaced: dict | None = None
    fall: Fall | None = None


class Machine(
    CallbackSupportMixin, ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator
):
    """Training by epochs and normalised likelihoods, of a machine that supplies the rest.

    A subclass supplies

    - ``_read_training(X, reset)`` and ``_read(X)``: rows to train on and to evaluate, validated;
    - ``_start(X, rng)``: set the parameters, and what else training starts from;
    - ``_prepare(X, n_batches, rng, alpha)``: a `State` with arrays of its own, and the function of
      learning rates that runs an epoch on it, in place, and returns its loss;
    - ``_publish(state)``: the fitted attributes that a state makes, and ``_finish(X)``: those
      that the end of `fit` sets or replaces, if any;
    - ``_model()``: the energy of the fitted machine, and ``_sampler()``, the same with a fitted
      base and in the form in which sweeps are fastest;
    - ``_visited(model, rng)``: states of that energy where chains of training were, or None;
    - ``_log_weight(X)`` of read rows, ``_to_watch(X, rng)`` to make such rows of those that are
      watched while it learns, and ``_check_watch()``, which raises where that cannot be;
    - ``_epoch_work(n_rows)``, the work of an epoch, in rows times the weights;
    - ``_parameter_names``, the attributes that are its parameters, weights first, and
      ``_loss_name``.
    """

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: ArrayLike, y: None = None) -> Self:
        """Learn from the rows of X.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training data. Sparse only where the class says so.
        y : None
            Ignored.

        Returns
        -------
        self : estimator
            The fitted machine.

        Raises
        ------
        ValueError
            If a parameter or X is not valid, or training diverges. A machine fitted before stays
            as it was.
        """
        with all_or_nothing(self) as finished, self._reading():
            resume = self.warm_start and hasattr(self, "n_iter_")
            X = self._read_training(X, reset=not resume)
            if not resume:
                self._begin(X)
            self._learn(X, resume, finished)
        return self

    def _learn(self, X, resume, finished):
        """Run epochs up to `max_iter`, or until held-out rows no longer score better."""
        self._check_rate()
        horizon = self._horizon(X.shape[0])
        if self.n_iter_ >= horizon:
            warn(
                f"fit has nothing left to do: warm_start=True, and n_iter_={self.n_iter_} has "
                f"reached max_iter={horizon}. Raise max_iter, the number of epochs in all, or use "
                "partial_fit."
            )
            return
        rng = self._resume()
        if self._course_.replaced is not None:
            vars(self).update(self._course_.replaced)
        X, watched = self._choose_watched(X)
        n_batches = self._n_batches(X.shape[0])
        if watched is None or watched.held_out is None:
            self._course_ = self._course_._replace(best=None)
        elif resume and self._course_.best is None:
            look = self._look(watched, SHORT_GLANCE)
            best = Best(look, self._learned(), self.n_iter_)
            self._course_ = self._course_._replace(best=best)
        state, run = self._prepare(X, n_batches, rng, self._strength(X))

        first, begin = self.n_iter_, time.perf_counter()

        def run_epoch():
            nonlocal state, run
            fall, done = self._course_.fall, np.arange(n_batches) / n_batches
            if fall is not None:
                rates = fall.rate * (1 - (self.n_iter_ - fall.begin + done) / fall.length)
            elif self.learning_rate_schedule == "linear":
                rates = self.learning_rate * (1 - (self.n_iter_ + done) / horizon)
            else:
                rates = np.full(n_batches, float(self.learning_rate))
            fitted = self._next_epoch(state, run, rng, rates)
            stop = watched is not None and self._judge(fitted, watched, X.shape[0], horizon)
            # all at once, so that an interrupt finds a finished epoch
            vars(self).update(fitted)
            finished.append(self.n_iter_)
            if fall is None and self._course_.fall is not None:
                state, run = self._prepare(X, n_batches, rng, self._strength(X))
            if self.verbose:
                end = horizon if fall is None else fall.end
                left = (end - self.n_iter_) / (self.n_iter_ - first)
                self._report(end, left * (time.perf_counter() - begin))
                if stop:
                    why = "max_iter reached"
                    if fall is not None:
                        why = "overfitting, so the rate fell to 0"
                    elif self.n_iter_ < horizon:
                        why = f"no gain of {self.tol:g} nats in {self.n_iter_no_change} epochs"
                    print(f"[{type(self).__name__}] {why}; kept epoch {self.best_iter_}")
            return stop

        run_epochs(self, horizon - self.n_iter_, X, run_epoch)
        if self._course_.best is not None:  # a callback ended training
            vars(self).update(self._restored(self._course_))
        fitted = self._finish(X)
        replaced = {name: getattr(self, name) for name in fitted if hasattr(self, name)}
        self._course_ = self._course_._replace(replaced=replaced)
        vars(self).update(fitted)

    def _n_batches(self, n_rows):
        """Number of minibatches of that many rows."""
        size = self.batch_size
        if size is None:
            size = LARGE_BATCH_SIZE if n_rows >= MANY_ROWS else BATCH_SIZE
        return -(-n_rows // size)

    def _horizon(self, n_rows):
        """Number of epochs in all."""
        if self.max_iter is not None:
            return self.max_iter
        n_batches = self._n_batches(n_rows)
        if n_rows >= MANY_ROWS:
            return max(FEWEST_EPOCHS, min(MOST_EPOCHS, MOST_UPDATES // n_batches))
        return max(LEAST_EPOCHS, -(-LEAST_UPDATES // n_batches))

    def _strength(self, X):
        """Strength of the penalty of training on these rows, or on a stream (None)."""
        return self.alpha

    def _report(self, horizon, seconds):
        scores = {}
        if self.score_epochs_[-1:] == [self.n_iter_]:
            scores["train"] = self.train_scores_[-1]
            if getattr(self, "validation_scores_", None):
                scores["held out"] = self.validation_scores_[-1]
            scores["standard error"] = self.score_errors_[-1]
        line = epoch_line(self.n_iter_, horizon, scores, self._course_.best, seconds)
        print(f"[{type(self).__name__}] {line}")

    def _finish(self, X):
        """What is left to do when training ends: attributes that this sets."""
        return {}

    def _judge(self, fitted, watched, n_rows, horizon):
        """Score the watched rows after an epoch, if it is due; whether to stop.

        The attributes that the epoch makes are changed.
        """
        n_iter, last = fitted["n_iter_"], self.score_epochs_[-1] if self.score_epochs_ else 0
        trial = copy(self)
        vars(trial).update(fitted)
        has_held_out, fall = watched.held_out is not None, self._course_.fall
        is_last = has_held_out and n_iter == (horizon if fall is None else fall.end)
        n_temperatures = glance_length(
            n_iter,
            last,
            trial._epoch_work(n_rows),
            holds_out=has_held_out,
            always=is_last or self.early_stopping is True,
        )
        if not n_temperatures:
            return False
        look = trial._look(watched, n_temperatures)
        fitted.update(
            score_epochs_=[*self.score_epochs_, n_iter],
            score_errors_=[*self.score_errors_, look.standard_error],
            train_scores_=[*self.train_scores_, float(look.train.mean())],
        )
        if not has_held_out:
            return False
        fitted["validation_scores_"] = [*self.validation_scores_, look.score]
        best, always = self._course_.best, self.early_stopping is True
        if best is None or look.score > best.look.score + self.tol:
            best = Best(look, trial._learned(), n_iter)
        stop = always and n_iter - best.n_iter >= self.n_iter_no_change
        if not always and is_last and not best.look.is_better(look):
            # what looked best by chance was trained less
            best = Best(look, trial._learned(), n_iter)
        fitted["_course_"] = fitted["_course_"]._replace(best=best)
        if stop or is_last:
            fitted.update(self._restored(fitted["_course_"]))
        elif not always and fall is None and look.overfits(best.look):
            rate = self.learning_rate
            if self.learning_rate_schedule == "linear":
                rate *= 1 - best.n_iter / horizon
            fall = Fall(n_iter, min(best.n_iter, horizon - n_iter), rate)
            fitted["_course_"] = fitted["_course_"]._replace(fall=fall)
            fitted.update(best.learned)
        return stop or is_last

    def _look(self, watched, n_temperatures):
        """Log-likelihoods of the watched rows, by a glance at ln Z."""
        # the same numbers every time, so that differences between epochs are the machine's
        rng = np.random.Generator(np.random.SFC64([self._likelihood_seed_, 2]))
        model = self._sampler()
        found = likelihood.glance(model, rng, n_temperatures, self._visited(model, rng))
        train, held_out = (
            None if rows is None else self._log_weight(rows) - found.value for rows in watched
        )
        return Look(train, held_out, found.standard_error)

    def _restored(self, course):
        """Attributes that bring the best of a course back and end the watch."""
        ended = {
            "_course_": course._replace(best=None, fall=None),
            "best_iter_": course.best.n_iter,
        }
        return course.best.learned | ended

    def _learned(self):
        """What epochs make of the machine, by name."""
        names = *self._parameter_names, "variance_visible_", "chains_", "swap_rates_"
        return {name: vars(self)[name] for name in names if name in vars(self)}

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X: ArrayLike, y: None = None) -> Self:
        """Learn from one pass over the rows of X, in minibatches.

        Chains, momentum and the random generator carry over from call to call; the first call
        starts the machine as `fit` does.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training data. Sparse only where the class says so.
        y : None
            Ignored.

        Returns
        -------
        self : estimator
            The machine.

        Raises
        ------
        ValueError
            If a parameter or X is not valid, or training diverges. The machine stays as it was.
        """
        # _fit_context checks the parameters of the first call only
        self._validate_params()
        with all_or_nothing(self) as finished, self._reading():
            first = not hasattr(self, "n_iter_")
            X = self._read_training(X, reset=first)
            if first:
                self._begin(X)
            self._check_rate()
            rng = self._resume()
            if self._course_.state is not None:  # holes of other rows
                state = self._course_.state._replace(filled=None)
                self._course_ = self._course_._replace(state=state)
            n_batches = self._n_batches(X.shape[0])
            state, run = self._prepare(X, n_batches, rng, self._strength(None))
            rates = np.full(n_batches, float(self.learning_rate))
            fitted = self._next_epoch(state, run, rng, rates)
            fitted["_course_"] = fitted["_course_"]._replace(best=None, fall=None)
            vars(self).update(fitted)
            finished.append(self.n_iter_)
        return self

    @contextmanager
    def _reading(self):
        """What belongs to the rows of a call ends with it, however it ends."""
        try:
            yield
        finally:
            vars(self).pop("_holes_", None)

    def _begin(self, X):
        """Start anew, with a generator that is the only source of randomness from here on."""
        for name in ("chains_", "lag_", "swap_rates_", "validation_scores_", "best_iter_"):
            vars(self).pop(name, None)
        rng = as_generator(self.random_state)
        self._start(X, rng)
        self._begin_course()
        self._likelihood_seed_ = int(rng.integers(2**32))
        split_seed = int(rng.integers(2**32))
        self._course_ = Course(rng.bit_generator.state, split_seed)

    def _begin_course(self):
        """Of a machine that has parameters and has not learned."""
        self.n_iter_ = 0
        self.loss_curve_ = []
        self.score_epochs_, self.train_scores_, self.score_errors_ = [], [], []
        self._likelihood_seed_ = 0

    def _parameters(self):
        return tuple(getattr(self, name) for name in self._parameter_names)

    def _resume(self):
        """The generator as the last finished epoch left it."""
        if not hasattr(self, "_course_"):  # made from given parameters
            rng = as_generator(self.random_state)
            split_seed = int(rng.integers(2**32))
            self._course_ = Course(rng.bit_generator.state, split_seed)
        rng = np.random.Generator(np.random.SFC64(0))
        rng.bit_generator.state = self._course_.generator
        return rng

    def _problem(self):
        """What is wrong with the parameters, as a sentence; None if nothing."""
        problem = self._model().problem()
        largest = self._largest_weight() / self.temperature
        if problem is None and largest > LARGEST_WEIGHT:
            problem = f"The largest weight is {largest:.3g} times the temperature."
        return problem

    def _largest_weight(self):
        return np.abs(self._parameters()[0]).max(initial=0)

    def _choose_watched(self, X):
        """Rows of X to train on, and those to watch, if any can be."""
        n_samples, n_units = X.shape[0], len(self._parameters()[0])
        try:
            self._check_watch()
        except ValueError:
            if self.early_stopping is True:
                raise
            return X, None
        rng = np.random.default_rng(self._course_.split_seed)
        order = rng.permutation(n_samples)
        n_held_out = 0
        if holds_out(self.early_stopping, n_samples, n_units):
            n_held_out = min(int(np.ceil(self.validation_fraction * n_samples)), WATCHED_ROWS)
        if n_held_out >= n_samples:
            raise ValueError(
                f"early_stopping={self.early_stopping!r} with "
                f"validation_fraction={self.validation_fraction} leaves "
                f"no row to train on of n_samples={n_samples}. Lower validation_fraction or give "
                "more rows."
            )

        def watch(chosen):
            rows = X[np.sort(chosen)]
            return self._to_watch(as_dense(rows), rng)

        train = watch(order[n_held_out : n_held_out + WATCHED_ROWS])
        if not n_held_out:
            return X, Watched(train, None)
        if not hasattr(self, "validation_scores_"):
            self.validation_scores_ = []
        return X[np.sort(order[n_held_out:])], Watched(train, watch(order[:n_held_out]))

    def _next_epoch(self, state, run, rng, rates):
        """Run an epoch and check its result: the attributes that it makes."""
        # overflow is reported once, as divergence
        with np.errstate(over="ignore", invalid="ignore"):
            loss = run(rates.tolist())
        done = state.copy()
        fitted = self._publish(done)
        trial = copy(self)
        vars(trial).update(fitted)
        problem = trial._problem()
        if problem:
            raise ValueError(
                f"Training diverged in epoch {self.n_iter_ + 1}: {problem} Lower learning_rate "
                f"(now {self.learning_rate})."
            )
        return fitted | {
            "_course_": self._course_._replace(
                generator=rng.bit_generator.state,
                state=done._replace(parameters=()),
                replaced=None,
            ),
            "n_iter_": self.n_iter_ + 1,
            "_loss_name_": self._loss_name,
            "loss_curve_": [*self.loss_curve_, loss],
        }

    def _check_rate(self):
        """Refuse a learning rate at which no training ends well."""
        # a square of the temperature may be 0
        step = self.learning_rate / self._temperature() / self._temperature()
        if step > LARGEST_STEP:
            raise ValueError(
                f"learning_rate={self.learning_rate!r} at temperature={self.temperature!r} makes "
                f"steps of {step:.3g} times the gradient (learning_rate / temperature^2), which "
                "overshoot so far that training never improved on independent units, or diverged. "
                f"At most {LARGEST_STEP:g} is allowed; 0.01 to 1 are usual."
            )

    # ---------------------------------------------------------------- likelihood

    def _temperature(self):
        if not isinstance(self.temperature, Real) or not self.temperature > 0:
            raise ValueError(f"temperature must be a positive number, got {self.temperature!r}.")
        return float(self.temperature)

    def log_partition(
        self,
        *,
        method: str = "auto",
        n_temperatures: int = DEFAULT_TEMPERATURES,
        n_chains: int = DEFAULT_CHAINS,
    ) -> LogPartition:
        """Compute ln Z, exactly where that is feasible, else by annealed importance sampling.

        It is exact while (number of joint states to enumerate) times (units summed in closed form
        at each) is at most 2^27: of a restricted machine the states of its smaller side, say up to
        16 binary hidden units beside 784 visible ones; of units that are all coupled, 27 of them.
        Above that, states that chains visit (those of training, and chains from independent units)
        are divided into regions between which annealing does not pass, and every region is annealed
        from independent units fitted to it to the machine, and back from the machine. The sum over
        the regions is Z, and so one that holds much of the probability and is seldom reached still
        counts. Annealing gets longer until both directions agree within .1 nats, or
        `n_temperatures` is reached. What bounds cannot hold is a region where no chain ever was.
        The annealing seed was drawn in `fit`, so
        the same call always gives the same value. It is kept as long as parameters and temperature
        stay the same; `score_samples` and `score` use the one with the narrowest bounds, which may
        be what `fit` found, if a standard error of at most .1 nats is among them.

        Parameters
        ----------
        method : {"auto", "exact", "ais"}, default="auto"
            "auto" chooses as described; the other two insist.
        n_temperatures : int, default=500
            Largest number of steps of the annealing, which ends before where it is accurate.
        n_chains : int, default=200
            Number of annealed chains.

        Returns
        -------
        log_partition : LogPartition
            Named tuple ``(value, standard_error, method, lower, upper)``, in nats.

        Raises
        ------
        ValueError
            If "exact" is asked for where it is not feasible.

        Warns
        -----
        ConvergenceWarning
            If the bounds are more than 2 nats apart.

        References
        ----------
        R. Neal, "Annealed importance sampling" (2001). R. Salakhutdinov and I. Murray, "On the
        quantitative analysis of deep belief networks" (2008). C. Bennett, "Efficient estimation of
        free energy differences from Monte Carlo data" (1976). G. Crooks, "Entropy production
        fluctuation theorem and the nonequilibrium work relation" (1999).

        Examples
        --------
        >>> from skebm import RBM
        >>> rbm = RBM.from_parameters([[0.0, 0.0]], [0.0, 0.0], [0.0])
        >>> rbm.log_partition()  # ln 8
        LogPartition(value=2.07..., standard_error=0.0, method='exact', lower=..., upper=...)
        """
        check_is_fitted(self)
        check_method("method", method, ("auto", "exact", "ais"))
        check_count("n_temperatures", n_temperatures, 2)
        check_count("n_chains", n_chains, 2)
        n_units = sum(self._parameters()[0].shape)
        if n_chains * n_units > LARGEST_STATES:
            raise ValueError(
                f"n_chains={n_chains} of {n_units} units would take "
                f"{4e-9 * n_chains * n_units:.3g} GB. A few hundred are usual; more steps "
                "(n_temperatures) help more than more chains."
            )
        options = {"method": method, "n_temperatures": n_temperatures, "n_chains": n_chains}
        kept = self._kept_log_partitions()
        name = (method, n_temperatures, n_chains)
        value = kept.get(name)
        if value is None:
            rng = np.random.Generator(np.random.SFC64(self._likelihood_seed_))
            sampler = self._sampler()
            if method == "ais" or self._model().exact_work() > LARGEST_WORK:
                # there and back
                advice = "Lower n_temperatures or n_chains of log_partition, for wider bounds."
                self._announce("Annealing", 2 * n_temperatures, n_chains, advice)
            options |= {"states": self._visited(sampler, rng), "sampler": sampler}
            value = likelihood.log_partition(self._model(), rng, **options)
            self._keep_log_partition(name, value)
        return value

    def _keep_log_partition(self, name, value):
        """Keep a value for the parameters as they are, by the arguments that gave it."""
        kept = self._kept_log_partitions() | {name: value}
        # pairs, as formats for exchange have no keys of several parts
        self._log_partition_ = self._fingerprint(), list(kept.items())

    def _kept_log_partitions(self):
        """What was computed for the parameters as they are, by the arguments."""
        key, kept = getattr(self, "_log_partition_", (None, []))
        return dict(kept) if key == self._fingerprint() else {}

    def _fingerprint(self):
        """What ln Z depends on; of the arrays their contents, should they change in place."""
        self._model()  # refuses what does not suit the fitted arrays
        arrays = [zlib.crc32(np.ascontiguousarray(array)) for array in self._parameters()]
        return arrays, self._temperature()

    def _log_partition_to_score(self):
        """The most accurate that is known, with what `fit` found or the default arguments give."""

        def width(found):
            return found.upper - found.lower

        def is_enough(name, found):
            method, *lengths = name
            if method == LOOK:
                return found.standard_error <= SMALL_ERROR
            is_long = np.greater_equal(lengths, (DEFAULT_TEMPERATURES, DEFAULT_CHAINS)).all()
            return method == "exact" or (method == "auto" and is_long)

        if not any(is_enough(*item) for item in self._kept_log_partitions().items()):
            self.log_partition()
        return min(self._kept_log_partitions().values(), key=width).value

    def _announce_sample(self, n_rows, n_sweeps, algorithm):
        """Warn before samples that take minutes; how many chains a row needs."""
        n_rungs = N_RUNGS if algorithm == "tempering" else 1
        advice = "Lower n_sweeps, or ask for fewer rows."
        self._announce("sample", n_sweeps, n_rows * n_rungs, advice)
        return n_rungs

    def _announce(self, method, n_sweeps, n_chains, advice):
        """Warn before chains that take minutes."""
        n_visits = n_sweeps * n_chains * self._parameters()[0].size
        announce(method, n_visits, advice)

    def score_samples(self, X: ArrayLike) -> np.ndarray:
        """Compute the log-likelihood ln p(x) of every row.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Visible rows. Means (grey pixels) of units that are trained on draws are scored as a
            draw from them, which depends on the row and on nothing else.

        Returns
        -------
        log_likelihood : ndarray of shape (n_samples,)
            In nats; for continuous visible units the log-density. Exact or annealed, as
            `log_partition` says.
        """
        log_weight = self._log_weight(self._read(X))
        return log_weight - self._log_partition_to_score()

    def score(self, X: ArrayLike, y: None = None) -> float:
        """Compute the mean log-likelihood of the rows.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Visible rows.
        y : None
            Ignored.

        Returns
        -------
        score : float
            Mean of `score_samples`, in nats.
        """
        return float(np.mean(self.score_samples(X)))
