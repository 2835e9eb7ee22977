"""What associative memories share: storing rows, reading and writing them, recall and its score."""

from __future__ import annotations

from functools import cache
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin, _fit_context
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted

from ._blocks import by_blocks
from ._energies.attention import squared_lengths
from ._energies.spins import Spins
from ._inference.recall import recall_steps
from ._trajectory import Trajectory, temperature_of_sweeps
from ._typing import Seed
from ._validation import (
    all_or_nothing,
    announce,
    as_dense,
    as_generator,
    as_spins,
    check_count,
    check_same_rows,
    examine_spins,
    held_spins,
    read,
    read_given,
    read_target,
    warn,
)


class SpinRows:
    """How rows of data are read as spins -1 and +1, and spins written as rows.

    Parameters
    ----------
    binarize : float or None
        Threshold.
    low : {0, -1} or None
        Low value of what is written; None in training, while it is not known.
    """

    def __init__(self, binarize: float | None, low: str | None) -> None:
        self.binarize, self.low = binarize, low

    def read(self, X):
        """States of validated rows."""
        spins = as_spins(X, self.binarize, self.low)
        if self.low is None:
            examine_spins(X, self.binarize, spins)
        return spins

    def write(self, states, dtype):
        """Rows of data of states."""
        rows = states.astype(dtype)
        return np.maximum(rows, 0) if self.low == 0 else rows

    def hold(self, given):
        """Which features of rows to complete are held, their states, and how they come back."""
        return held_spins(given, self.binarize, self.low)

    def similarity(self, states, others):
        """Mean overlap of two tables of states."""
        return float(np.mean(states * others, dtype=np.float64))

    def nearest(self, states, others):
        """Numbers of the most similar rows of a second table."""
        return (states.astype(np.float32) @ others.T.astype(np.float32)).argmax(axis=1)


class NumberRows:
    """The same for rows of numbers, which are states as they are."""

    def read(self, X):
        """The rows."""
        return X

    def write(self, states, dtype):
        """The states."""
        return states.astype(dtype, copy=False)

    def hold(self, given):
        """Which features are held, their values, and these once more."""
        return ~np.isnan(given), given, given

    def similarity(self, states, others):
        """Mean cosine of two tables."""
        states = states.astype(np.float64)
        length = np.linalg.norm(states, axis=1) * np.linalg.norm(others, axis=1)
        length[length == 0] = 1
        return float(np.mean(np.einsum("ij,ij->i", states, others) / length))

    def nearest(self, states, others):
        """Numbers of the most similar rows of a second table."""
        length = np.sqrt(squared_lengths(others))
        return (states @ others.T / np.where(length > 0, length, 1)).argmax(axis=1)


class Memory(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """A memory that stores rows, and recalls them by going downhill in an energy.

    A subclass supplies

    - ``_rows(low)``: how data are read and written, `SpinRows` or `NumberRows`;
    - ``_learn(states)``: the energy whose minima are the patterns;
    - ``_energy()``: that energy with the parameters set now, and ``_temperature()``;
    - ``_settle(energy, states)``: where states end, and which have settled;
    - ``_advice()``: what to do where some have not;
    - ``_accept_sparse()``: which sparse formats `read` takes.
    """

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: ArrayLike, y: None = None) -> Self:
        """Store the rows of X, and nothing else.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_patterns, n_features)
            Patterns. Sparse only for continuous memories, but for Manhattan distances.
        y : None
            Ignored.

        Returns
        -------
        self : estimator
            The memory.

        Raises
        ------
        ValueError
            If a parameter or X is not valid. A memory fitted before stays as it was.
        """
        with all_or_nothing(self):
            X = read(self, X, reset=True, accept_sparse=self._accept_sparse())
            self._begin()
            low = -1 if _has_negative(X) else 0
            states = self._rows(None).read(X)
            # states of numbers are the caller's rows
            self._store(states.copy() if states is X else states, low, X.dtype)
        return self

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X: ArrayLike, y: None = None) -> Self:
        """Store the rows of X beside those stored before.

        The result is that of `fit` with all rows, in the same order.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_patterns, n_features)
            More patterns. Where features are read as spins, a negative value turns the encoding
            from 0 and 1 into -1 and +1.
        y : None
            Ignored.

        Returns
        -------
        self : estimator
            The memory.

        Raises
        ------
        ValueError
            If a parameter or X is not valid. The memory stays as it was.
        """
        self._validate_params()
        if not hasattr(self, "patterns_"):
            return self.fit(X)
        with all_or_nothing(self):
            dtype = self.patterns_.dtype
            X = read(self, X, accept_sparse=self._accept_sparse())
            low = -1 if _has_negative(X) else self._low_
            rows = self._rows(None).read(X.astype(dtype, copy=False))
            self._store(stacked(self._stored(), rows), low, dtype)
        return self

    def _begin(self):
        """Draw what storing starts from."""

    def _store(self, states, low, dtype):
        if not self._accept_sparse():
            states = as_dense(states)
        self._model_ = self._learn(states)
        self._low_ = low
        self.patterns_ = self._rows(low).write(states, dtype)
        self.n_iter_ = 1

    def _stored(self):
        """Stored patterns as states."""
        return self._rows(self._low_).read(self.patterns_)

    @classmethod
    @cache
    def _get_param_names(cls):
        # scikit-learn finds them out anew in every call, for as long as the recall of a row takes
        return super()._get_param_names()

    def _ready(self):
        """Refuse to use a memory that is not fitted, or with parameters that are not valid."""
        check_is_fitted(self)
        self._validate_params()

    def _read(self, X):
        """States of the rows of X."""
        self._ready()
        X = read(self, X, accept_sparse=self._accept_sparse())
        return self._rows(self._low_).read(X)

    # ---------------------------------------------------------------- recall

    def transform(self, X: ArrayLike) -> np.ndarray:
        """Recall: where every row ends when it goes down in energy.

        Deterministic, and every row on its own. Spins are visited in the order of the columns; one
        without a field keeps its state.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Cues.

        Returns
        -------
        X_recalled : ndarray of shape (n_samples, n_features)
            Recalled rows, of spins in the encoding of `patterns_`.

        Warns
        -----
        ConvergenceWarning
            If rows did not settle within `max_iter`, or end in a cycle of two states; if rows of
            numbers that are different all end in one state.
        """
        self._ready()
        X = read(self, X, accept_sparse=self._accept_sparse())
        rows = self._rows(self._low_)
        return rows.write(self._recall(rows.read(as_dense(X))), X.dtype)

    def _recall(self, states):
        """Where states end, by the rule of `transform`."""
        energy, recalled, n_unsettled = self._energy(), [], 0
        for rows in energy.row_batches(len(states)):
            ends, settled = self._settle(energy, states[rows])
            recalled.append(ends)
            n_unsettled += np.count_nonzero(~settled)
        if n_unsettled and self._advice():
            warn(
                f"{n_unsettled} of {len(states)} rows did not settle within max_iter="
                f"{self.max_iter} {self._advice()}",
                ConvergenceWarning,
            )
        return np.concatenate(recalled)

    def _recall_steps(self, X, every):
        """Yield states, as they are given out, and energies along a recall, spins `every` few."""
        states, energy, rows = as_dense(self._read(X)), self._energy(), self._rows(self._low_)
        for passed in recall_steps(energy, states, self.max_iter, every, self._tolerance()):
            yield rows.write(passed, self.patterns_.dtype), energy.energy(passed)

    def _temperature(self):
        """Temperature of what is random."""
        return self.temperature

    def _accept_sparse(self):
        return False

    def _tolerance(self):
        """Change, as the energy measures it, at which a row has settled."""
        return 0.0

    def score(self, X: ArrayLike, y: ArrayLike | None = None) -> float:
        """Compute how well rows are recalled, or how probable they are.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Cues, or rows like those stored.
        y : array-like of shape (n_samples, n_features), default=None
            The clean patterns that cues should become. Anything else (labels, None) is ignored.

        Returns
        -------
        score : float
            With y, the mean similarity of recalled rows with it, in [-1, 1], 1 if every row is
            recalled exactly: overlaps of spins, cosines of rows of numbers. Without, the mean of
            `score_samples` in nats where the memory has that, so that a grid search finds a
            temperature; else the mean similarity of recalled rows with the stored pattern that is
            nearest to each.
        """
        states = self._read(X)
        rows, target = self._rows(self._low_), read_target(self, X, y)
        if target is not None:
            return rows.similarity(self._recall(as_dense(states)), rows.read(target))
        if hasattr(self, "score_samples"):
            return float(np.mean(self.score_samples(X)))
        recalled, stored = self._recall(as_dense(states)), self._stored()
        width = stored.shape[0]
        nearest = by_blocks(lambda block: rows.nearest(block, stored), recalled, width)
        return rows.similarity(recalled, as_dense(stored[nearest]))

    def energy(self, X: ArrayLike) -> np.ndarray:
        """Compute the energy of every row.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            States.

        Returns
        -------
        energy : ndarray of shape (n_samples,)
            As the class states it, in the units of `temperature`.
        """
        states, energy = self._read(X), self._energy()
        return np.concatenate(
            [
                energy.energy(states[rows].astype(energy.dtype, copy=False))
                for rows in energy.row_batches(states.shape[0])
            ]
        )

    def sample(
        self,
        n_samples: int = 1,
        *,
        given: ArrayLike | None = None,
        n_sweeps: int = 100,
        random_state: Seed = None,
    ) -> Any:
        """Draw rows with probability proportional to ``exp(-E / T)``.

        Spins start at random and follow the heat bath at `temperature`, each a draw given all
        others in turn; at temperature 0 they follow their fields. Rows of numbers are drawn
        exactly: from the mixture that softmax makes, and for sparse weights by rejection from it.

        Parameters
        ----------
        n_samples : int, default=1
            Number of rows, or rows for every row of `given`.
        given : {array-like, sparse matrix} of shape (m, n_features), default=None
            Rows to complete: NaN marks a free feature, the others are held and come back unchanged.
            What sparse rows do not store is 0, and held.
        n_sweeps : int, default=100
            Sweeps of every chain, for spins.
        random_state : int, RandomState, numpy.random.Generator or None, default=None
            Seed; None draws afresh at every call.

        Returns
        -------
        X : ndarray of shape (n_samples, n_features) or (m * n_samples, n_features)
            Samples, of spins in the encoding of `patterns_`, in the order of
            ``np.repeat(given, n_samples, axis=0)``.

        Raises
        ------
        ValueError
            If `given` has another width or infinite values, or another argument is not valid.
        AttributeError
            For cosine similarity, whose energy says nothing about the lengths of rows.

        Examples
        --------
        >>> import numpy as np
        >>> from skebm import HopfieldMemory
        >>> memory = HopfieldMemory(temperature=0.1).fit([[1, 1, 1, -1, -1]])
        >>> memory.sample(given=[[1, np.nan, np.nan, -1, np.nan]], random_state=0)
        array([[ 1.,  1.,  1., -1., -1.]])
        """
        self._ready()
        check_count("n_samples", n_samples, 1)
        check_count("n_sweeps", n_sweeps, 1)
        rng, rows = as_generator(random_state), self._rows(self._low_)
        given = read_given(self, given, n_samples, self.patterns_.dtype)
        energy, temperature, width = self._energy(), self._temperature(), given.shape[1]
        if isinstance(energy, Spins):
            width = max(width, energy.width)
            n_visits = len(given) * n_sweeps * energy.n_units * energy.width
            announce("sample", n_visits, "Lower n_sweeps, or ask for fewer rows.")

        def run(given):
            held, known, answer = rows.hold(given)
            drawn = energy.draw(known, held, temperature, n_sweeps, rng)
            return np.where(held, answer, rows.write(drawn, given.dtype))

        return by_blocks(run, given, width)

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
        """Follow chains of the heat bath, sweep by sweep.

        For dynamics at a temperature and for averages of whatever can be computed from states; no
        more than the present states is kept.

        Parameters
        ----------
        X : array-like of shape (m, n_features), default=None
            Cues to start from; None starts at random states.
        n_samples : int, default=1
            Number of chains, or chains from every row of `X` or `given`.
        given : array-like of shape (m, n_features), default=None
            Features to hold; NaN marks a free one. With X, of as many rows.
        n_sweeps : int, default=100
            Number of sweeps, where `temperature` is not a sequence.
        temperature : float or array-like of shape (n_sweeps,), default=None
            Temperature of all sweeps, or of each; None for the memory's own.
        every : int, default=1
            Sweeps between records.
        random_state : int, RandomState, numpy.random.Generator or None, default=None
            Seed; None draws afresh.

        Returns
        -------
        trajectory : iterable of ndarray of shape (m * n_samples, n_features)
            States after every few sweeps, in the encoding of `patterns_`. It has a length,
            and gives the same records whenever it is gone through.

        Examples
        --------
        >>> import numpy as np
        >>> from skebm import HopfieldMemory
        >>> from skebm.datasets import make_patterns
        >>> patterns = make_patterns(3, 1000, random_state=0)
        >>> memory = HopfieldMemory().fit(patterns)
        >>> path = memory.trajectory(patterns[:1], temperature=0.5, random_state=0)
        >>> overlaps = [memory.overlaps(states)[0, 0] for states in path]
        >>> bool(abs(np.mean(overlaps[20:]) - 0.957) < 0.01)  # m = tanh(m / T)
        True
        """
        self._ready()
        check_count("n_samples", n_samples, 1)
        temperatures = temperature_of_sweeps(temperature, n_sweeps, self._temperature(), least=0)
        rng, rows, energy = as_generator(random_state), self._rows(self._low_), self._energy()
        start = held = None
        if X is not None:
            start = np.repeat(self._read(X), n_samples, axis=0)
        if given is not None:
            given = read_given(self, given, n_samples, self.patterns_.dtype)
            check_same_rows(start, given, n_samples)
            held, known, _ = rows.hold(given)
            n_samples = len(given)
        if start is None:
            start = np.where(rng.random((n_samples, self.n_features_in_)) < 0.5, 1, -1)
        start = (start if held is None else np.where(held, known, start)).astype(np.int8)

        def run(states, temperatures, rng):
            with np.errstate(divide="ignore"):
                return energy.sweeps(states, 1 / temperatures, rng, held)

        def write(states):
            return rows.write(states, self.patterns_.dtype)

        return Trajectory(run, start, temperatures, every, rng, write)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def temperature_in_use(estimator):
    """The temperature that was set, or the one that `fit` chose."""
    if estimator.temperature != "auto":
        return estimator.temperature
    if not hasattr(estimator, "temperature_"):
        raise ValueError(
            "temperature='auto' is chosen in fit, and this model was fitted with a number. Fit it "
            "again, or set a number."
        )
    return estimator.temperature_


def stacked(rows, others):
    """Rows above other rows, sparse where some are."""
    if sparse.issparse(rows) or sparse.issparse(others):
        return sparse.csr_array(sparse.vstack([rows, others], format="csr"))
    return np.concatenate([rows, others])


def _has_negative(X):
    return bool(((X.data if sparse.issparse(X) else X) < 0).any())
