"""Outliers by the density of a model."""

from __future__ import annotations

from numbers import Real
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, MetaEstimatorMixin, OutlierMixin, _fit_context, clone
from sklearn.pipeline import Pipeline
from sklearn.utils._param_validation import HasMethods, Interval
from sklearn.utils.validation import check_is_fitted

from ._imputer import EnergyImputer
from ._validation import all_or_nothing


class EnergyOutlierDetector(OutlierMixin, MetaEstimatorMixin, BaseEstimator):
    """Outlier and novelty detector: rows of low density under a model.

    A row that a memory (`EnergyImputer`, `ModernHopfieldMemory`, also at the end of a pipeline)
    stores is judged by the others, so that rows trained on and new ones compare.

    Parameters
    ----------
    estimator : estimator, default=None
        Anything with `score_samples`: `RBM`, `BoltzmannMachine`, `ModernHopfieldMemory`,
        `EnergyImputer`, or a density of scikit-learn's. None for an `EnergyImputer` with
        ``covariance_type="diag"``, which takes tables of mixed columns with holes.
    contamination : float, default=0.1
        Share of the training rows that count as outliers, in (0, 0.5].

    Attributes
    ----------
    estimator_ : estimator
        The fitted model.
    offset_ : float
        Log-density below which a row is an outlier, in nats.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the columns, where X had string column names.

    See Also
    --------
    sklearn.ensemble.IsolationForest : Outliers by random cuts.
    sklearn.neighbors.LocalOutlierFactor : Outliers by the density of neighbours.

    References
    ----------
    C. Bishop, "Novelty detection and neural network validation" (1994).

    Examples
    --------
    >>> import numpy as np
    >>> from skebm import EnergyOutlierDetector
    >>> X = np.random.default_rng(0).normal(size=(200, 3))
    >>> detector = EnergyOutlierDetector().fit(X)
    >>> detector.predict([[0.0, 0.0, 0.0], [9.0, 9.0, 9.0]])
    array([ 1, -1])
    """

    _parameter_constraints: dict = {
        "estimator": [HasMethods(["fit", "score_samples"]), None],
        "contamination": [Interval(Real, 0, 0.5, closed="right")],
    }

    def __init__(self, estimator: Any = None, *, contamination: float = 0.1) -> None:
        self.estimator = estimator
        self.contamination = contamination

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: ArrayLike, y: None = None) -> Self:
        """Fit the model, and find the density below which rows are outliers.

        Parameters
        ----------
        X : {array-like, data frame, sparse matrix} of shape (n_samples, n_features)
            Training rows, as the model takes them.
        y : None
            Ignored.

        Returns
        -------
        self : EnergyOutlierDetector
            The detector.
        """
        with all_or_nothing(self):
            estimator = self.estimator
            if estimator is None:
                estimator = EnergyImputer(covariance_type="diag", random_state=0)
            self.estimator_ = clone(estimator).fit(X)
            self.n_features_in_ = self.estimator_.n_features_in_
            vars(self).pop("feature_names_in_", None)
            if hasattr(self.estimator_, "feature_names_in_"):
                self.feature_names_in_ = self.estimator_.feature_names_in_
            scores = self.score_samples(X)
            self.offset_ = float(np.percentile(scores, 100 * self.contamination))
        return self

    def score_samples(self, X: ArrayLike) -> np.ndarray:
        """Log-density of every row under the model.

        Parameters
        ----------
        X : {array-like, data frame, sparse matrix} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        log_density : ndarray of shape (n_samples,)
            In nats; low for outliers.
        """
        check_is_fitted(self, "estimator_")
        model = self.estimator_
        if isinstance(model, Pipeline) and hasattr(model[-1], "_score_without_self"):
            X, model = model[:-1].transform(X), model[-1]
        return getattr(model, "_score_without_self", model.score_samples)(X)

    def decision_function(self, X: ArrayLike) -> np.ndarray:
        """Log-density of every row minus `offset_`.

        Parameters
        ----------
        X : {array-like, data frame, sparse matrix} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        decision : ndarray of shape (n_samples,)
            Below 0 for outliers.
        """
        return self.score_samples(X) - self.offset_

    def predict(self, X: ArrayLike) -> np.ndarray:
        """Say which rows are outliers.

        Parameters
        ----------
        X : {array-like, data frame, sparse matrix} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
            -1 for outliers, else 1.
        """
        return np.where(self.decision_function(X) < 0, -1, 1)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        inner = EnergyImputer() if self.estimator is None else self.estimator
        if hasattr(inner, "__sklearn_tags__"):
            found = inner.__sklearn_tags__().input_tags
            tags.input_tags.sparse, tags.input_tags.allow_nan = found.sparse, found.allow_nan
        return tags
