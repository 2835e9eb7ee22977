"""Classes from associations."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse
from scipy.special import log_expit
from sklearn.base import BaseEstimator, ClassifierMixin, _fit_context
from sklearn.utils._param_validation import Interval, Options, StrOptions
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from ._blocks import by_blocks
from ._energies.attention import SIMILARITIES, Attention
from ._learning.bandwidth import class_temperature
from ._learning.dense import Memories, train_epoch
from ._memory import stacked, temperature_in_use
from ._typing import Seed
from ._validation import (
    all_or_nothing,
    as_dense,
    as_generator,
    available_if,
    examine_scales,
    is_named,
    read,
)
from .interactions import as_interaction

# share of the learning rate that is left in the end
LAST_RATE = 0.01
# minibatches of an epoch, at least
LEAST_BATCHES = 4
# overlap, as a multiple of what training rows have, from which on a row counts as this far out
LARGEST_OVERLAP = 10.0
# of trained memories by default, from that many features on
DEGREE, LOW_DEGREE, MANY_FEATURES = 20, 3, 50
# classes up to which their weights come from dense products
FEW_CLASSES = 100


def _stores_rows(classifier):
    if classifier.n_memories is not None:
        return (
            f"it adds stored rows, and n_memories={classifier.n_memories!r} trains memories on all "
            "rows at once. Set n_memories=None."
        )


class HopfieldClassifier(ClassifierMixin, BaseEstimator):
    """Classifier that reads classes off an associative memory.

    By default it stores the training rows with their classes; the probability of a class is the
    weight of its patterns in the association with a row, as in `ModernHopfieldMemory`. With
    Euclidean similarity and softmax weights that is Bayes' rule for kernel density estimates of
    bandwidth ``sqrt(temperature)``. With `n_memories` it trains that many memories instead, as
    Krotov and Hopfield did: prototypes or features, depending on `degree`, that predict fast.

    Parameters
    ----------
    n_memories : int, default=None
        Number of memories to train; None stores the training rows.
    interaction : {"softmax", "entmax", "sparsemax"}, default="softmax"
        Weights over stored rows. Not used with `n_memories`.
    similarity : {"euclidean", "dot", "cosine", "manhattan"}, default="euclidean"
        Similarity of rows, as in `ModernHopfieldMemory`. Not used with `n_memories`.
    temperature : float or "auto", default="auto"
        Softness of the association, the square of a length for "euclidean". "auto" takes the one
        at which the classes of most stored rows come out right when the row itself is left out. A
        number is read at call time. Not used with `n_memories`.
    degree : int, default=None
        Power of the trained memories' rectified polynomial, at least 2. Low powers make features,
        high ones prototypes, and need many features. None for 20, or 3 of less than 50 features.
    learning_rate : float, default=0.04
        Largest change of an entry of a memory in the first update; falls exponentially, to 1 % of
        that in the last.
    loss_exponent : int, default=6
        Even power m of the label units' errors in the loss. With tens of thousands of rows a high
        one, 30, generalises better: it learns from the worst mistakes only, like a margin. A few
        hundred rows train more safely with 4 or 6.
    momentum : float, default=0.6
        Share of the sum of gradients that the next update keeps, in [0, 1).
    batch_size : int, default=100
        Rows of a minibatch in training; of few rows a quarter of them.
    max_iter : int, default=50
        Epochs of training.
    block_size : int, default=2048
        Stored patterns that pass by at once.
    random_state : int, RandomState, numpy.random.Generator or None, default=None
        Seed of the trained memories' start and of the order of rows.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Class labels.
    patterns_ : ndarray of shape (n_patterns, n_features)
        Stored rows, or trained memories on the scale of the data.
    pattern_labels_ : {CSR array, ndarray} of shape (n_patterns, n_classes)
        One-hot classes of stored rows, sparse; or the label parts of trained memories in [-1, 1].
    temperature_ : float
        What `fit` chose, with ``temperature="auto"`` and stored rows.
    loss_curve_ : list of float
        Mean of ``(c - t)^m`` in every epoch (with `n_memories`).
    n_iter_ : int
        Epochs of training; 1 without.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the columns, where X had string column names.

    See Also
    --------
    ModernHopfieldMemory : Recall, densities and samples of the same memories.

    References
    ----------
    D. Krotov and J. Hopfield, "Dense associative memory for pattern recognition" (2016). H.
    Ramsauer et al., "Hopfield networks is all you need" (2020).

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skebm import HopfieldClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> classifier = HopfieldClassifier().fit(X[::2], y[::2])
    >>> round(classifier.score(X[1::2], y[1::2]), 2)
    0.96
    """

    _parameter_constraints: dict = {
        "n_memories": [Interval(Integral, 1, None, closed="left"), None],
        "interaction": [StrOptions({"softmax", "entmax", "sparsemax"})],
        "similarity": [StrOptions(set(SIMILARITIES))],
        "temperature": [Interval(Real, 0, None, closed="neither"), StrOptions({"auto"})],
        "degree": [Interval(Integral, 2, None, closed="left"), None],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "loss_exponent": [Options(Integral, set(range(2, 101, 2)))],
        "momentum": [Interval(Real, 0, 1, closed="left")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "block_size": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state", np.random.Generator],
    }

    def __init__(
        self,
        n_memories: int | None = None,
        *,
        interaction: str = "softmax",
        similarity: str = "euclidean",
        temperature: float | str = "auto",
        degree: int | None = None,
        learning_rate: float = 0.04,
        loss_exponent: int = 6,
        momentum: float = 0.6,
        batch_size: int = 100,
        max_iter: int = 50,
        block_size: int = 2048,
        random_state: Seed = None,
    ) -> None:
        self.n_memories = n_memories
        self.interaction = interaction
        self.similarity = similarity
        self.temperature = temperature
        self.degree = degree
        self.learning_rate = learning_rate
        self.loss_exponent = loss_exponent
        self.momentum = momentum
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.block_size = block_size
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Store the rows with their classes, or train memories on them.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training rows. Sparse only where they are stored, and not for Manhattan distances.
        y : array-like of shape (n_samples,)
            Their classes.

        Returns
        -------
        self : HopfieldClassifier
            The classifier.

        Raises
        ------
        ValueError
            If a parameter or the data are not valid. A classifier fitted before stays as it was.
        """
        with all_or_nothing(self) as finished:
            X, y = self._read_training(X, y, reset=True)
            self.classes_, numbers = np.unique(y, return_inverse=True)
            one_hot = _one_hot(numbers, len(self.classes_), X.dtype)
            self.n_iter_ = 1
            if self.n_memories is None:
                self._store(X.copy(), one_hot)
            else:
                self._train(X, 2 * one_hot.toarray() - 1, finished)
        return self

    @available_if(_stores_rows)
    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X: ArrayLike, y: ArrayLike, classes: ArrayLike | None = None) -> Self:
        """Store the rows of X beside those stored before; the result is that of `fit` with all.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            More training rows.
        y : array-like of shape (n_samples,)
            Their classes.
        classes : array-like of shape (n_classes,), default=None
            Classes to make room for beforehand; those of `y` that are new are added in any case.

        Returns
        -------
        self : HopfieldClassifier
            The classifier.

        Raises
        ------
        AttributeError
            With `n_memories`, which are trained on all rows at once.
        ValueError
            If a parameter or the data are not valid. The classifier stays as it was.
        """
        self._validate_params()
        first = not hasattr(self, "classes_")
        if not first and not isinstance(self._model_, Attention):
            raise ValueError("partial_fit adds stored rows, and n_memories was set in fit.")
        with all_or_nothing(self):
            X, y = self._read_training(X, y, reset=first)
            known = [y] if classes is None else [y, np.asarray(classes)]
            known += [] if first else [self.classes_]
            every = np.unique(np.concatenate(known))
            numbers = np.searchsorted(every, y)
            if not first:
                before = np.searchsorted(every, self.classes_)[self.pattern_labels_.indices]
                numbers = np.concatenate([before, numbers])
                X = stacked(self.patterns_, X.astype(self.patterns_.dtype, copy=False))
            one_hot = _one_hot(numbers, len(every), X.dtype)
            self.classes_, self.n_iter_ = every, 1
            self._store(X.copy() if first else X, one_hot)
        return self

    def _read_training(self, X, y, reset):
        """Rows and classes, validated."""
        accept = self._accept_sparse()
        _, y = validate_data(self, X, y, dtype="numeric", accept_sparse=accept, reset=reset)
        X = read(self, X, accept_sparse=accept)
        check_classification_targets(y)
        return X, y

    def _accept_sparse(self):
        stores = self.n_memories is None and not is_named(self.similarity, "manhattan")
        return "csr" if stores else False

    def _store(self, X, one_hot):
        X = X if self._accept_sparse() else as_dense(X)
        self.patterns_, self.pattern_labels_ = X, one_hot
        self._kind_ = (self.similarity, self.interaction)
        energy = Attention.of(X, self.similarity, as_interaction(self.interaction))
        vars(self).pop("temperature_", None)
        if self.temperature == "auto":
            if self.similarity != "cosine":
                examine_scales(X, getattr(self, "feature_names_in_", None))
            self.temperature_ = class_temperature(energy, one_hot)
        # what is averaged are the classes; of few, a dense product is faster
        values = one_hot.toarray() if one_hot.shape[1] <= FEW_CLASSES else one_hot
        self._model_ = energy.replace(values=values, order=None)

    def _train(self, X, targets, finished):
        rng = as_generator(self.random_state)
        low, high = float(X.min()), float(X.max())
        self._range_ = (low, high if high > low else low + 1)
        rows = self._scaled(X)
        degree = self.degree
        if degree is None:
            degree = DEGREE if X.shape[1] >= MANY_FEATURES else LOW_DEGREE
        memories = Memories.random(self.n_memories, rows, len(self.classes_), degree, rng)
        velocity = tuple(np.zeros_like(part) for part in memories[:2])
        batch_size = min(self.batch_size, -(-len(rows) // LEAST_BATCHES))
        n_batches = -(-len(rows) // batch_size)
        low, high = self._range_
        losses = []
        for epoch in range(self.max_iter):
            position = epoch + np.arange(n_batches) / n_batches
            loss = train_epoch(
                memories,
                velocity,
                rows,
                targets,
                rng,
                exponent=self.loss_exponent,
                batch_size=batch_size,
                momentum=self.momentum,
                rates=(self.learning_rate * LAST_RATE ** (position / self.max_iter)).tolist(),
            )
            losses.append(loss)
            done = memories._replace(visible=memories.visible.copy(), labels=memories.labels.copy())
            # all at once, so that an interrupt finds a finished epoch
            vars(self).update(
                _model_=done,
                patterns_=(done.visible[:, :-1] + 1) / 2 * (high - low) + low,
                pattern_labels_=done.labels,
                loss_curve_=list(losses),
                n_iter_=epoch + 1,
            )
            finished.append(epoch)

    def _scaled(self, X):
        """Rows on the scale of the memories, the training range at -1 and 1, and a constant."""
        low, high = self._range_
        scaled = np.ones((X.shape[0], X.shape[1] + 1), X.dtype)
        scaled[:, :-1] = (X - low) * X.dtype.type(2 / (high - low)) - 1
        return scaled

    def predict_proba(self, X: ArrayLike) -> np.ndarray:
        """Compute the probabilities of the classes.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes)
            Weights of the classes' patterns in the association; of trained memories the label
            units' ``(1 + c) / 2``, normalised.
        """
        return self._probabilities(self._read(X))

    def _read(self, X):
        check_is_fitted(self)
        self._validate_params()
        X = read(self, X, accept_sparse=self._accept_sparse())
        return X.astype(self.patterns_.dtype, copy=False)

    def _probabilities(self, X):
        if isinstance(self._model_, Attention):
            if self._kind_ != (self.similarity, self.interaction):
                raise ValueError(
                    f"similarity or interaction changed after fit, from {self._kind_}. Fit the "
                    "classifier again."
                )
            model = self._model_.at(temperature_in_use(self), self.block_size)
            probabilities, _ = model.associate(X)
        else:
            probabilities = by_blocks(self._label_units, X, len(self.patterns_))
        probabilities /= probabilities.sum(axis=1, keepdims=True)
        return probabilities

    def _label_units(self, X):
        memories = self._model_
        overlaps = memories.overlaps(self._scaled(X)).astype(np.float64)
        # far outside the training range powers overflow: the largest overlap becomes 1, which
        # changes the size of the drives, whose signs then decide
        largest = overlaps.max(axis=1, keepdims=True)
        overlaps /= np.maximum(largest / LARGEST_OVERLAP, 1)
        drive = memories.drive(overlaps ** (memories.degree - 1))
        # in logarithms, so that no row is 0 throughout
        log_odds = log_expit(2 * drive)
        return np.exp(log_odds - log_odds.max(axis=1, keepdims=True))

    def predict(self, X: ArrayLike) -> np.ndarray:
        """Predict the class of every row.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        y : ndarray of shape (n_samples,)
            The classes of the largest probability.
        """
        X = self._read(X)
        best = by_blocks(
            lambda rows: self._probabilities(rows).argmax(axis=1), X, len(self.classes_)
        )
        return self.classes_[best]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = bool(self._accept_sparse())
        return tags


def _one_hot(numbers, n_classes, dtype):
    """Classes as rows with a single 1."""
    shape, rows = (len(numbers), n_classes), np.arange(len(numbers) + 1)
    return sparse.csr_array((np.ones(len(numbers), dtype), numbers, rows), shape=shape)
