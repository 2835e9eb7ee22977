"""Filling, synthesising and scoring tables of mixed columns."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, TransformerMixin, _fit_context
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import (
    _check_feature_names_in,
    check_is_fitted,
    validate_data,
)

from ._learning.holes import learn
from ._table import Table, columns_of, is_frame, take, with_columns
from ._typing import Seed
from ._validation import all_or_nothing, as_generator, check_count, refuse_dates, warn

# width of the components of new rows, of that at which left-out rows are most probable: wide ones
# blur what columns have to do with each other
NARROW = 0.1


class EnergyImputer(TransformerMixin, BaseEstimator):
    """Fill the holes of a table, make new rows like its own, and score rows.

    The model is a memory of the training rows: a normal component at each, all with one covariance,
    in coordinates in which columns are near to normal and categories are points. What is missing of
    a row has, given what is known, a mean, draws, and a density, all exact. Means go from linear
    regression (high temperature) to the nearest rows (low), and so follow what linear imputers and
    what neighbours find. Training rows may have holes themselves.

    Data frames of numbers, strings, categories and booleans come back with their library, types,
    names and every known value; arrays hold numbers.

    Parameters
    ----------
    temperature : float or "auto", default="auto"
        Squared width of the components, as a multiple of the covariance, that conditional means
        use. "auto" hides a tenth of the known values and takes the temperature at which their
        squared error is least. Densities use another one, at which rows that are left out are most
        probable.
    covariance_type : {"full", "diag"}, default="full"
        Covariance of the components for draws and densities: that of the training rows, or
        independent columns. "full" draws what goes together; "diag" finds novel kinds of rows
        better.
    categorical_features : "from_dtype" or array-like of str or int, default="from_dtype"
        Columns that are categories beside those of strings, categories and booleans, by name, of
        arrays by number, or as a mask. Rarer categories than the 30 most frequent are never filled
        in.
    handle_unknown : {"missing", "error"}, default="missing"
        What to do about categories that `fit` did not see: fill them, or raise.
    add_indicator : bool, default=False
        Whether `transform` adds a column for every one that had holes in `fit`, which says where
        there were some.
    max_patterns : int, default=2000
        Number of training rows to keep at most, chosen at random.
    max_iter : int, default=6
        Rounds at most in which the holes of the training rows are filled by each other.
    random_state : int, RandomState, numpy.random.Generator or None, default=None
        Seed of the values that are hidden, of the rows that are kept.

    Attributes
    ----------
    column_kinds_ : dict of str
        "numbers" or "categories", by column.
    patterns_ : ndarray of shape (n_patterns, n_encoded)
        Rows kept, encoded, without holes.
    temperature_ : float
        Temperature of conditional means.
    density_temperature_ : float
        Temperature of densities, and width of draws.
    n_iter_ : int
        Rounds in which holes were filled, 1 at least.
    n_features_in_ : int
        Number of columns.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the columns, where X had string column names.

    See Also
    --------
    ModernHopfieldMemory : The same memory of numbers, with recall and attention.
    sklearn.impute.IterativeImputer : Regressions of every column on the others.

    References
    ----------
    R. Little and D. Rubin, "Statistical analysis with missing data" (1987). D. Titterington and J.
    Mill, "Kernel-based density estimates from incomplete data" (1983). I. Yeo and R. Johnson, "A
    new family of power transformations to improve normality or symmetry" (2000). O. Ledoit and M.
    Wolf, "A well-conditioned estimator for large-dimensional covariance matrices" (2004).

    Examples
    --------
    >>> import numpy as np
    >>> from skebm import EnergyImputer
    >>> x = np.linspace(0, 1, 50)
    >>> X = np.column_stack([x, 1 - x, x])
    >>> X[7, 1] = np.nan
    >>> EnergyImputer(random_state=0).fit_transform(X)[7].round(2)
    array([0.14, 0.86, 0.14])
    """

    _parameter_constraints: dict = {
        "temperature": [Interval(Real, 0, None, closed="neither"), StrOptions({"auto"})],
        "covariance_type": [StrOptions({"full", "diag"})],
        "categorical_features": [StrOptions({"from_dtype"}), "array-like"],
        "handle_unknown": [StrOptions({"missing", "error"})],
        "add_indicator": ["boolean"],
        "max_patterns": [Interval(Integral, 1, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state", np.random.Generator],
    }

    def __init__(
        self,
        *,
        temperature: float | str = "auto",
        covariance_type: str = "full",
        categorical_features: ArrayLike | str = "from_dtype",
        handle_unknown: str = "missing",
        add_indicator: bool = False,
        max_patterns: int = 2000,
        max_iter: int = 6,
        random_state: Seed = None,
    ) -> None:
        self.temperature = temperature
        self.covariance_type = covariance_type
        self.categorical_features = categorical_features
        self.handle_unknown = handle_unknown
        self.add_indicator = add_indicator
        self.max_patterns = max_patterns
        self.max_iter = max_iter
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: None = None) -> Self:
        """Learn from the rows of a table, which may have holes.

        Parameters
        ----------
        X : data frame or array-like of shape (n_samples, n_features)
            Training table; None, NaN and nulls are missing.
        y : None
            Ignored.

        Returns
        -------
        self : EnergyImputer
            The imputer.

        Raises
        ------
        ValueError
            If a parameter or X is not valid: a column without any value, of dates, of mixed types,
            with infinite values, or with the name of another. An imputer fitted before stays as it
            was.
        """
        with all_or_nothing(self):
            X = self._read(X, reset=True)
            self._table_ = Table(X, self._categorical(X))
            encoded, missing = self._table_.read(X)
            self._indicated_ = np.flatnonzero(missing.any(axis=0))
            taken = set(self._indicator_names()) & {str(name) for name in self._table_.names}
            if self.add_indicator and taken:
                raise ValueError(
                    f"X has a column {min(taken)!r}, a name that add_indicator=True would give. "
                    "Rename it."
                )
            rng = as_generator(self.random_state)
            if len(encoded) > self.max_patterns:
                kept = np.sort(rng.choice(len(encoded), self.max_patterns, replace=False))
                encoded = encoded[kept]
            self._means_, self._draws_, self._density_, n_rounds = learn(
                encoded,
                rng,
                self.max_iter,
                self.temperature,
                self.covariance_type,
                self._table_.spreads,
            )
            self.n_iter_ = max(n_rounds, 1)
            self.patterns_ = self._means_.patterns
            self.temperature_ = self._means_.temperature
            self.density_temperature_ = self._density_.temperature
            self.column_kinds_ = {
                name: column.kind
                for name, column in zip(self._table_.names, self._table_.columns, strict=True)
            }
        return self

    def _categorical(self, X):
        """Names or numbers of the columns that are categories whatever their type."""
        chosen = self.categorical_features
        if isinstance(chosen, str):
            return []
        chosen = np.asarray(chosen).ravel()
        if chosen.dtype != bool:
            return chosen.tolist()
        names = list(columns_of(X))
        if len(chosen) != len(names):
            raise ValueError(
                f"categorical_features is a mask of {len(chosen)} columns, but X has {len(names)}."
            )
        return [name for name, is_category in zip(names, chosen, strict=True) if is_category]

    def _read(self, X, reset=False):
        """A validated frame, or an array of floating point numbers."""
        if is_frame(X):
            validate_data(self, X, reset=reset, skip_check_array=True)
            if len(X) == 0:
                raise ValueError("Found array with 0 sample(s) while a minimum of 1 is required.")
            if not reset and not self._table_.is_frame:
                raise ValueError("X is a data frame, but the imputer was fitted with an array.")
            return X
        refuse_dates(X, "X")
        X = validate_data(
            self,
            X,
            reset=reset,
            dtype=[np.float64, np.float32],
            ensure_all_finite="allow-nan",
        )
        if not reset and self._table_.is_frame:
            raise ValueError("X is an array, but the imputer was fitted with a data frame.")
        return X

    def _encoded(self, X):
        """A table that was read, its encoded rows, and what is missing of it."""
        check_is_fitted(self)
        self._validate_params()
        X = self._read(X)
        return X, *self._table_.read(X, handle_unknown=self.handle_unknown)

    def transform(self, X: Any) -> Any:
        """Fill holes by conditional means of numbers and the most probable categories.

        Parameters
        ----------
        X : data frame or array-like of shape (n_samples, n_features)
            Table with holes.

        Returns
        -------
        X_filled : data frame or ndarray of shape (n_samples, n_features_out)
            The same table without holes. Known values are unchanged.
        """
        X, rows, missing = self._encoded(X)
        rows = self._means_.conditional_mean(rows)
        filled = self._table_.write(X, rows, missing, rounded=False)
        return self._with_indicator(filled, missing) if self.add_indicator else filled

    def _with_indicator(self, filled, missing):
        flags = missing[:, self._indicated_]
        if not self._table_.is_frame:
            return np.concatenate([filled, flags.astype(filled.dtype)], axis=1)
        return with_columns(filled, dict(zip(self._indicator_names(), flags.T, strict=True)))

    def _indicator_names(self, input_features=None):
        names = _check_feature_names_in(self, input_features)
        return [f"missingindicator_{names[k]}" for k in self._indicated_]

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> np.ndarray:
        """Give the names of the columns that `transform` makes.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Names of the columns of X; those of `fit` by default, else x0, x1 and so on.

        Returns
        -------
        names : ndarray of str
            The same, and those of indicators.
        """
        check_is_fitted(self)
        names = _check_feature_names_in(self, input_features)
        if not self.add_indicator:
            return names
        return np.array([*names, *self._indicator_names(input_features)], dtype=object)

    def standard_deviation(self, X: Any) -> np.ndarray:
        """How uncertain is what is filled in.

        Parameters
        ----------
        X : data frame or array-like of shape (n_samples, n_features)
            Table with holes.

        Returns
        -------
        deviation : ndarray of shape (n_samples, n_features)
            Of numbers the standard deviation given what is known of the row, in the column's units;
            of categories the probability that another one is right; 0 of what is known.
        """
        X, rows, missing = self._encoded(X)
        filled = self._means_.conditional_mean(rows)
        variance = self._draws_.conditional_variance(rows, self.density_temperature_)
        result = np.zeros(missing.shape)
        table = self._table_
        for j, (kind, cut) in enumerate(zip(table.columns, table.slices, strict=True)):
            holes = missing[:, j]
            if holes.any():
                result[holes, j] = kind.decode(filled[holes, cut], variance[holes, cut])
        return result

    def sample(self, n_samples: int = 1, *, given: Any = None, random_state: Seed = None) -> Any:
        """Draw new rows, or complete given ones by draws.

        New rows are training rows, different ones as long as there are some, their holes filled
        by draws, with noise that is narrower than that of `score_samples`. Given rows are
        completed by the law whose mean `transform` and whose width `standard_deviation` gives.

        Parameters
        ----------
        n_samples : int, default=1
            Number of rows, or rows for every row of `given`: multiple imputation.
        given : data frame or array-like of shape (m, n_features), default=None
            Rows to complete; what is known of them comes back unchanged.
        random_state : int, RandomState, numpy.random.Generator or None, default=None
            Seed; None draws afresh at every call.

        Returns
        -------
        X : data frame or ndarray of shape (n_samples, n_features) or (m * n_samples, n_features)
            Rows with the columns and types of the training table, in the order of
            ``np.repeat(given, n_samples, axis=0)``. Numbers stay within the range of the training
            rows and have no more decimals, and categories are theirs.
        """
        check_is_fitted(self)
        check_count("n_samples", n_samples, 1)
        rng, table = as_generator(random_state), self._table_
        width, spreads = self.density_temperature_, table.spreads
        if given is None:
            if not spreads.any() and "categories" in self.column_kinds_.values():
                warn(
                    "All columns are categories, so that new rows are training rows. RBM draws "
                    "others; so does sample(given=...) where some columns are missing."
                )
            X = table.blank(n_samples)
            missing = np.ones((n_samples, self.n_features_in_), dtype=bool)
            rows = self._density_.draw_free(n_samples, rng, NARROW * width, spreads)
        else:
            X, rows, missing = self._encoded(given)
            order = np.repeat(np.arange(len(rows)), n_samples)
            X, rows, missing = take(X, order), rows[order], missing[order]
            rows = self._draws_.draw(rows, rng, width, spreads)
        return table.write(X, rows, missing, rounded=True)

    def score_samples(self, X: Any) -> np.ndarray:
        """Compute the log-density of what is known of every row.

        Parameters
        ----------
        X : data frame or array-like of shape (n_samples, n_features)
            Rows, which may have holes.

        Returns
        -------
        log_density : ndarray of shape (n_samples,)
            In nats, of the encoded columns: comparable between rows that have the same holes.
        """
        _, rows, _ = self._encoded(X)
        return self._density_.log_density(rows)

    def _score_without_self(self, X):
        """Log-densities, of stored rows under the mixture of the others."""
        _, rows, _ = self._encoded(X)
        return self._density_.log_density(rows, without_self=True)

    def score(self, X: Any, y: None = None) -> float:
        """Compute the mean log-density of the rows.

        Parameters
        ----------
        X : data frame or array-like of shape (n_samples, n_features)
            Rows, which may have holes.
        y : None
            Ignored.

        Returns
        -------
        score : float
            Mean of `score_samples`.
        """
        return float(np.mean(self.score_samples(X)))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
