"""Unit types: what one unit of a model can be.

A unit with own energy ``E0(s)`` in a field ``theta`` at temperature ``T`` takes the state
``s`` with probability proportional to ``exp((theta * s - E0(s)) / T)``. Its cumulant function
``K(theta; T) = T ln sum_s exp((theta * s - E0(s)) / T)`` (an integral for continuous ``s``) gives
the rest: the mean is its derivative, the variance ``T`` times the derivative of the mean.

=============  =====================  =========================  ===================
unit           states                 cumulant                   mean
=============  =====================  =========================  ===================
`Bernoulli`    0, 1                   ``T softplus(theta / T)``  ``sigmoid(theta / T)``
`Spin`         -1, +1                 ``T ln 2cosh(theta / T)``  ``tanh(theta / T)``
`Gaussian`     real, E0 = s^2 / 2v    ``v theta^2 / 2 + ...``    ``v theta``
`ReLU`         s >= 0, E0 = s^2 / 2   the same on half the line  smooth ``max(theta, 0)``
`Categorical`  one-hot group          ``T lse(theta / T)``       ``softmax(theta / T)``
`Composite`    blocks of columns, each with a unit type of its own
=============  =====================  =========================  ===================

A new unit type is one subclass of `Unit`; see "how it works" in the documentation.

>>> import numpy as np
>>> from skebm.units import Bernoulli
>>> Bernoulli().mean(np.array([[-2.0, 0.0, 2.0]]), temperature=1.0).round(3)
array([[0.119, 0.5  , 0.881]])
"""

import inspect
from math import log, pi, prod, sqrt
from numbers import Integral

import numpy as np
from scipy import sparse
from scipy.special import erfcx, log_ndtr, ndtri_exp

from ._base import warn

__all__ = ["Bernoulli", "Categorical", "Composite", "Gaussian", "ReLU", "Spin", "Unit"]


class Unit:
    """Base of the unit types.

    A unit type is stateless: its methods are pure functions of arrays with one row a state, and
    of the temperature. Fields, means and states have a column for every data column, cumulants
    and energies one for every unit. `mean`, `sample` and `discretize` write into `out` when it is
    given; `out` may be the array they read.

    A subclass defines `cumulant`, `mean`, `variance`, `sample`, `field` and, where the unit has
    one, its own `energy`. It sets `levels` if the states are few, or `low` and `high` if they are
    bounded.

    Attributes
    ----------
    levels : tuple or None
        All states of one unit; None for a continuous unit.
    width : int
        Number of columns that one unit takes.
    low, high : float
        Smallest and largest value in the data.
    resting_mean : float or ndarray of shape (n_columns,)
        Mean of a hidden unit before training; its initial bias follows from it.
    step_scale : float or ndarray of shape (n_columns,)
        Factor of the learning rate on this side. 1/4 for a unit of four times the variance of a
        binary one, which makes ±1 and 0/1 encodings learn alike.
    quadratic : bool
        Whether the cumulant grows like ``theta^2 / 2``. Two such sides make a proper
        distribution for sure only while the largest singular value of the weights is below 1.
    spread : float or ndarray of shape (n_columns,)
        Of a quadratic unit: the factor v of a cumulant that grows like ``v theta^2 / 2``.
    learns_variance : bool
        Whether the spread of visible units is a parameter to learn; then `with_variance` gives the
        unit that has it.
    scaler : str
        What brings data of the wrong scale into that of a quadratic unit.
    """

    levels = None
    width = 1
    low, high = -np.inf, np.inf
    resting_mean = 0.0
    step_scale = 1.0
    quadratic = False
    spread = 1.0
    learns_variance = False
    scaler = "StandardScaler"

    def with_variance(self, variance, data_variance):
        """The unit with that spread, where it learns one, of data with that; else the unit."""
        return self

    def cumulant(self, field, temperature):
        """Cumulant function K(field; temperature) of every unit, in units of energy."""
        raise NotImplementedError

    def mean(self, field, temperature, out=None):
        """Mean state of every unit in its field."""
        raise NotImplementedError

    def variance(self, field, temperature):
        """Variance of the state of every unit in its field."""
        raise NotImplementedError

    def sample(self, field, temperature, rng, out=None):
        """Draw a state for every unit in its field with the generator `rng`."""
        raise NotImplementedError

    def field(self, mean, temperature):
        """Field in which the unit has the given mean: the inverse of `mean`."""
        raise NotImplementedError

    def energy(self, state):
        """Own energy E0 of every unit; zero unless a subclass says otherwise."""
        return np.broadcast_to(state.dtype.type(0), state.shape)

    def discretize(self, means, rng, out=None):
        """Draw states whose means are the given values; a copy for continuous units."""
        if out is None:
            return means.copy()
        np.copyto(out, means)
        return out

    def blocks(self, n_columns):
        """List of (unit type, slice of columns): one pair, but for `Composite`."""
        if n_columns % self.width:
            raise ValueError(
                f"{self!r} units take {self.width} columns each, but there are {n_columns} "
                f"columns, which is not a multiple of {self.width}."
            )
        return [(self, slice(0, n_columns))]

    def clip(self, X):
        """Nearest values that the unit can take as data: ``low <= X <= high``."""
        return np.clip(X, self.low, self.high)

    def support(self, X, first_column=0):
        """Clip data to what the unit can take; warn when more than 1 % lay outside.

        Parameters
        ----------
        X : {ndarray, CSR matrix or array} of shape (n_samples, n_features)
            Data of floating point type.
        first_column : int, default=0
            Number of X's first column in the table that the user gave, for messages.

        Returns
        -------
        X : the same type
            `X` itself if nothing lay outside, else a clipped copy.
        """
        values = X.data if sparse.issparse(X) else X
        if values.size == 0 or (values.min() >= self.low and values.max() <= self.high):
            return X
        clipped = self.clip(values)
        share = np.count_nonzero(clipped != values) / (X.shape[0] * X.shape[1])
        if share > 0.01:
            warn(
                f"{share:.1%} of the values of X in columns {first_column} to "
                f"{first_column + X.shape[1] - 1} lie outside [{self.low:g}, {self.high:g}], what "
                f"{self!r} units can take, and were clipped (smallest {values.min():g}, largest "
                f"{values.max():g}). Scale them with MinMaxScaler"
                f"{'' if self.low == 0 else f'(feature_range=({self.low:g}, {self.high:g}))'} or "
                "threshold them with Binarizer first.",
            )
        if not sparse.issparse(X):
            return clipped
        X = X.copy()
        X.data = clipped
        return X

    def refuses(self, given):
        """Where rows to complete hold what the unit cannot take; NaN marks a free unit."""
        return (self.clip(given) != given) & ~np.isnan(given)

    def examine(self, X, first_column=0):
        """Warn about training data that this unit type models badly.

        For quadratic units these are columns whose standard deviation is outside [0.1, 10].
        """
        if not self.quadratic or X.shape[0] == 1:
            return
        if sparse.issparse(X):
            mean = np.asarray(X.mean(axis=0)).ravel()
            square = np.asarray(X.multiply(X).mean(axis=0)).ravel()
            deviation = np.sqrt(np.maximum(square - mean**2, 0))
        else:
            deviation = np.std(X, axis=0, dtype=np.float64)
        # a constant column has no scale to mend
        far = np.flatnonzero((deviation > 0) & ((deviation < 0.1) | (deviation > 10)))
        if far.size:
            warn(
                f"{far.size} of {X.shape[1]} columns have a standard deviation outside [0.1, 10] "
                f"(column {first_column + far[0]}: {deviation[far[0]]:.3g}), which {self!r} units "
                f"do not expect. Put a {self.scaler} before the model.",
            )

    def interior(self, mean, n_samples):
        """Means of `n_samples` rows, moved off the bounds by one observation of all levels."""
        if self.levels is None:
            return mean
        middle = self.level_rows().mean(axis=0)
        middle = np.tile(middle, len(mean) // self.width)
        return mean + (middle - mean) / (n_samples + 1)

    def holds_means(self, X):
        """Whether some values of X, dense or CSR, are no states, so that they must be drawn."""
        if self.levels is None:
            return False
        values = X
        if sparse.issparse(X):
            values = X.data
            if X.nnz < X.shape[0] * X.shape[1]:
                values = np.append(values, values.dtype.type(0))
        between = np.ones(values.shape, dtype=bool)
        for level in self.levels:
            between &= values != level
        return bool(between.any())

    def level_rows(self, dtype=np.float64):
        """States of one unit, a row each, of shape (n_levels, width)."""
        return np.asarray(self.levels, dtype=dtype).reshape(-1, self.width)

    def count_states(self, n_columns):
        """Number of joint states of `n_columns` columns; infinite for continuous units."""
        return np.inf if self.levels is None else len(self.levels) ** (n_columns // self.width)

    def states(self, n_columns, numbers, dtype=np.float64):
        """Joint states of the given numbers, 0 to `count_states` - 1, a state a row."""
        place = len(self.levels) ** np.arange(n_columns // self.width, dtype=np.int64)
        digits = np.asarray(numbers)[:, np.newaxis] // place % len(self.levels)
        return self.level_rows(dtype)[digits].reshape(-1, n_columns)

    def __repr__(self):
        defaults = inspect.signature(type(self)).parameters
        shown = [f"{k}={v!r}" for k, v in vars(self).items() if v != defaults[k].default]
        return f"{type(self).__name__}({', '.join(shown)})"

    def __eq__(self, other):
        return type(self) is type(other) and vars(self) == vars(other)

    def __hash__(self):
        return hash(type(self))


class Bernoulli(Unit):
    """Binary unit with states 0 and 1.

    Data between 0 and 1 are read as probabilities: training draws 0/1 states from them anew at
    every visit, everything else uses them as they are.

    Parameters
    ----------
    stochastic : bool, default=True
        Whether training draws states; False makes it use the probabilities as they are too, as
        suits a machine that is to score grey rows (with features as good, and fantasies of less
        contrast).
    """

    levels = (0.0, 1.0)
    low, high = 0.0, 1.0
    resting_mean = 0.1

    def __init__(self, stochastic=True):
        self.stochastic = stochastic

    def holds_means(self, X):
        """Whether some values of X are neither 0 nor 1 and must be drawn."""
        return self.stochastic and super().holds_means(X)

    def cumulant(self, field, temperature):
        """``T ln(1 + exp(field / T))``."""
        scaled = field / temperature
        positive = np.maximum(scaled, 0)
        np.abs(scaled, out=scaled)
        np.negative(scaled, out=scaled)
        np.log1p(np.exp(scaled, out=scaled), out=scaled)
        scaled += positive
        scaled *= temperature
        return scaled

    def mean(self, field, temperature, out=None):
        """``1 / (1 + exp(-field / T))``."""
        out = np.multiply(field, 0.5 / temperature, out=out)
        # the same function as expit, at a tenth of its cost in float32
        np.tanh(out, out=out)
        out += 1
        out *= 0.5
        return out

    def variance(self, field, temperature):
        """``mean * (1 - mean)``."""
        mean = self.mean(field, temperature)
        return mean * (1 - mean)

    def sample(self, field, temperature, rng, out=None):
        """Draw 0/1 states."""
        # P(1) = (1 + tanh(field / 2T)) / 2 = P(u < tanh(field / 2T)) for u uniform in [-1, 1)
        out = np.multiply(field, 0.5 / temperature, out=out)
        np.tanh(out, out=out)
        return np.less(_uniform(out, rng), out, out=out, casting="unsafe")

    def field(self, mean, temperature):
        """``T logit(mean)``."""
        return temperature * (np.log(mean) - np.log1p(-mean))

    def discretize(self, means, rng, out=None):
        """Draw 0/1 states whose probabilities of 1 are `means`."""
        if not self.stochastic:
            return super().discretize(means, rng, out=out)
        out = np.multiply(means, 2, out=out)
        out -= 1
        return np.less(_uniform(out, rng), out, out=out, casting="unsafe")


class Spin(Unit):
    """Ising spin with states -1 and +1.

    Data between -1 and 1 are read as means: training draws spins from them anew at every visit,
    everything else uses them as they are.
    """

    levels = (-1.0, 1.0)
    low, high = -1.0, 1.0
    resting_mean = -0.8
    step_scale = 0.25

    def cumulant(self, field, temperature):
        """``T ln(2 cosh(field / T))``."""
        magnitude = np.abs(field) / temperature
        return temperature * (magnitude + np.log1p(np.exp(-2 * magnitude)))

    def mean(self, field, temperature, out=None):
        """``tanh(field / T)``."""
        out = np.multiply(field, 1 / temperature, out=out)
        return np.tanh(out, out=out)

    def variance(self, field, temperature):
        """``1 - mean^2``."""
        return 1 - self.mean(field, temperature) ** 2

    def sample(self, field, temperature, rng, out=None):
        """Draw spins; ``P(+1) = 1 / (1 + exp(-2 field / T))``."""
        out = self.mean(field, temperature, out=out)
        return self.discretize(out, rng, out=out)

    def field(self, mean, temperature):
        """``T artanh(mean)``."""
        return temperature * np.arctanh(mean)

    def examine(self, X, first_column=0):
        """Refuse data that are all 0 and 1, whose zeros would count as coin flips."""
        values = X.data if sparse.issparse(X) else X
        if X.shape[0] > 1 and ((values == 0) | (values == 1)).all():
            raise ValueError(
                f"X has nothing but 0 and 1 in columns {first_column} to "
                f"{first_column + X.shape[1] - 1}, but spins are -1 and +1, and 0 the mean of "
                "both. Give 2 * X - 1, or use Bernoulli units."
            )

    def refuses(self, given):
        """Values outside [-1, 1], and 0: held at it, a unit would be in no state."""
        return super().refuses(given) | (given == 0)

    def discretize(self, means, rng, out=None):
        """Draw spins whose means are `means`."""
        out = np.less(_uniform(means, rng), means, out=_like(means, out), casting="unsafe")
        out *= 2
        out -= 1
        return out


class Gaussian(Unit):
    """Real-valued unit with own energy ``s^2 / (2 v)``: normal with mean ``v field``, variance T v.

    As visible units they suit columns that are standardised, with the variance v of the noise in
    every column learned along with the weights (Cho, Ilin and Raiko 2011). Hidden ones have v = 1,
    as their scale is free. Two Gaussian sides make a factor analysis; they need weights whose
    largest singular value, in units of the deviations, is below 1.

    Parameters
    ----------
    variance : "learned" or array-like of shape (n_columns,) or float, default="learned"
        Variance v. "learned" starts at the variance of the data on the visible side of an `RBM` in
        training, and is 1 everywhere else; numbers are kept.

    Raises
    ------
    ValueError
        If `variance` is neither "learned" nor positive numbers.

    References
    ----------
    K. Cho, A. Ilin and T. Raiko, "Improved learning of Gaussian-Bernoulli restricted Boltzmann
    machines" (2011). J. Melchior, N. Wang and L. Wiskott, "Gaussian-binary restricted Boltzmann
    machines for modeling natural image statistics" (2017).

    Examples
    --------
    >>> import numpy as np
    >>> from skebm.units import Gaussian
    >>> Gaussian([1.0, 4.0]).mean(np.array([[0.5, 0.5]]), temperature=1.0)
    array([[0.5, 2. ]])
    """

    step_scale = 0.25
    quadratic = True

    def __init__(self, variance="learned"):
        if not isinstance(variance, str):
            variance = np.asarray(variance)
            if variance.dtype.kind not in "iuf" or not (variance > 0).all() or variance.ndim > 1:
                raise ValueError(
                    "variance of Gaussian must be 'learned', or positive numbers, one a column or "
                    f"one for all, got {variance!r}."
                )
        elif variance != "learned":
            raise ValueError(
                f"variance of Gaussian must be 'learned' or positive numbers, got {variance!r}."
            )
        self.variance_ = variance

    @property
    def learns_variance(self):
        """Whether training finds the variances."""
        return isinstance(self.variance_, str)

    @property
    def spread(self):
        """v, of all columns or of each."""
        return 1.0 if self.learns_variance else self.variance_

    def with_variance(self, variance, data_variance):
        """The unit with these variances, where it would learn them, for data with those.

        Steps are for standardised data; others take them in proportion.
        """
        if not self.learns_variance:
            return self
        unit = Gaussian(variance)
        unit.step_scale = self.step_scale / data_variance
        return unit

    def blocks(self, n_columns):
        """List of one pair (unit type, slice of columns)."""
        if np.size(self.spread) not in (1, n_columns):
            raise ValueError(
                f"Gaussian has {np.size(self.spread)} variances, but there are {n_columns} columns."
            )
        return super().blocks(n_columns)

    def cumulant(self, field, temperature):
        """``v field^2 / 2 + (T / 2) ln(2 pi T v)``."""
        result = 0.5 * self._times(field) * field
        result += 0.5 * temperature * np.log(2 * pi * temperature * self.spread)
        return result

    def mean(self, field, temperature, out=None):
        """``v field``."""
        out = _like(field, out)
        return np.multiply(field, self.spread, out=out, casting="same_kind")

    def variance(self, field, temperature):
        """``T v``."""
        return np.full_like(field, temperature * self.spread)

    def sample(self, field, temperature, rng, out=None):
        """Draw normal states."""
        # the same numbers in both precisions
        noise = rng.standard_normal(field.shape, dtype=np.float32).astype(field.dtype, copy=False)
        noise *= np.sqrt(temperature * self.spread)
        return np.add(self._times(field), noise, out=out)

    def field(self, mean, temperature):
        """``mean / v``."""
        return mean / self.spread

    def energy(self, state):
        """``state^2 / (2 v)``."""
        return 0.5 * state**2 / self._in(state)

    def _times(self, field):
        return field if self.learns_variance else field * self._in(field)

    def _in(self, array):
        return np.asarray(self.spread, array.dtype)

    def __repr__(self):
        if self.learns_variance:
            return "Gaussian()"
        return f"Gaussian(variance={np.array2string(self.variance_, threshold=5)})"

    def __eq__(self, other):
        same = type(self) is type(other)
        return same and np.array_equal(self.variance_, other.variance_)

    __hash__ = Unit.__hash__


class ReLU(Unit):
    """Non-negative unit with own energy ``s^2 / 2``: a normal variable cut off below 0.

    Its mean is a smooth ``max(field, 0)``. As a visible unit it suits non-negative columns whose
    standard deviation is about 1 (counts, intensities), as a hidden one features with a size.

    References
    ----------
    V. Nair and G. Hinton, "Rectified linear units improve restricted Boltzmann machines" (2010),
    whose units are an approximation of these.
    """

    low = 0.0
    resting_mean = 0.5
    step_scale = 0.25
    quadratic = True
    scaler = "MaxAbsScaler"

    def cumulant(self, field, temperature):
        """``T ln`` of the integral of ``exp((field s - s^2 / 2) / T)`` over s >= 0."""
        x = field / sqrt(temperature)
        below = np.minimum(x, 0) * -sqrt(0.5)
        result = np.log(erfcx(below)) + 0.5 * log(pi * temperature / 2)
        above = x > 0
        x = x[above]
        result[above] = 0.5 * x**2 + log_ndtr(x) + 0.5 * log(2 * pi * temperature)
        result *= temperature
        return result

    def mean(self, field, temperature, out=None):
        """``sqrt(T) (x + lam)`` with ``x = field / sqrt(T)`` and the hazard ``lam`` at -x."""
        x = field.astype(np.float64) / sqrt(temperature)
        return np.multiply(_cut_normal(x)[0], sqrt(temperature), out=_like(field, out))

    def variance(self, field, temperature):
        """``T (1 - lam (x + lam))``."""
        x = field.astype(np.float64) / sqrt(temperature)
        return np.multiply(_cut_normal(x)[1], temperature, out=_like(field, None))

    def sample(self, field, temperature, rng, out=None):
        """Draw states by the inverse of the distribution function, in the log domain."""
        x = field.astype(np.float64) / sqrt(temperature)
        log_uniform = np.log1p(-rng.random(field.shape))
        x -= ndtri_exp(log_uniform + log_ndtr(x))
        np.maximum(x, 0, out=x)
        return np.multiply(x, sqrt(temperature), out=_like(field, out))

    def field(self, mean, temperature):
        """Solve for the field by Newton's method."""
        mean = np.asarray(mean, dtype=np.float64) / sqrt(temperature)
        x = mean - 1 / mean
        # the mean is convex in the field, so this converges from everywhere
        for _ in range(100):
            value, slope = _cut_normal(x)
            step = (value - mean) / slope
            x = x - step
            if np.all(np.abs(step) <= 1e-13 * (1 + np.abs(x))):
                break
        return x * sqrt(temperature)

    def energy(self, state):
        """``state^2 / 2``."""
        return 0.5 * state**2

    def interior(self, mean, n_samples):
        """Means moved off 0 by one observation of 1."""
        return mean + (1 - mean) / (n_samples + 1)


def _cut_normal(x):
    """Mean and variance of a normal variable with mean x and variance 1, given that it is >= 0."""
    # far below 0 the mean is a small difference; its asymptotic series takes over
    far = x < -30
    inverse_square = 1 / np.where(far, x, 1) ** 2
    hazard = sqrt(2 / pi) / erfcx(np.where(far, 0, x) * -sqrt(0.5))
    mean, variance = x + hazard, 1 - hazard * (x + hazard)
    for result, series, scale in (
        (mean, (1, -2, 10, -74, 706), np.sqrt(inverse_square)),
        (variance, (1, -6, 50, -518, 6354), inverse_square),
    ):
        far_value = scale * np.polynomial.polynomial.polyval(inverse_square, series)
        np.copyto(result, far_value, where=far)
    return mean, variance


class Categorical(Unit):
    """One of `n_states` states, as a group of `n_states` columns with a single 1 (Potts unit).

    Adjacent columns form a group, as `OneHotEncoder` gives them for variables that have all the
    same number of values; for different numbers put one `Categorical` for each into a `Composite`.

    Parameters
    ----------
    n_states : int
        Number of states, at least 2.

    Raises
    ------
    ValueError
        If `n_states` is not an integer of at least 2; later, from the estimator, if rows are not
        one-hot.

    Examples
    --------
    >>> import numpy as np
    >>> from skebm.units import Categorical
    >>> Categorical(3).mean(np.array([[0.0, 0.0, 0.7]]), temperature=1.0).round(2)
    array([[0.25, 0.25, 0.5 ]])
    """

    low, high = 0.0, 1.0

    def __init__(self, n_states):
        if not isinstance(n_states, Integral) or n_states < 2:
            raise ValueError(
                f"n_states of Categorical must be an integer of at least 2, got {n_states!r}."
            )
        self.n_states = n_states

    @property
    def levels(self):
        """The one-hot rows."""
        return tuple(map(tuple, np.eye(self.n_states).tolist()))

    @property
    def width(self):
        """One column a state."""
        return self.n_states

    @property
    def resting_mean(self):
        """All states alike."""
        return 1 / self.n_states

    def cumulant(self, field, temperature):
        """``T ln sum exp(field / T)`` of every group."""
        weights, largest = self._weights(field, temperature)
        return temperature * np.log(weights.sum(axis=2)) + largest[:, :, 0]

    def mean(self, field, temperature, out=None):
        """Probability of every state: softmax in every group."""
        weights, _ = self._weights(field, temperature)
        weights /= weights.sum(axis=2, keepdims=True)
        out = _like(field, out)
        out[...] = weights.reshape(field.shape)
        return out

    def variance(self, field, temperature):
        """``mean (1 - mean)`` of every column; two of a group covary by ``-mean mean'``."""
        mean = self.mean(field, temperature)
        return mean * (1 - mean)

    def sample(self, field, temperature, rng, out=None):
        """Draw one-hot groups."""
        cumulative = self._weights(field, temperature)[0].cumsum(axis=2)
        # in double precision, so that the product stays below the total
        threshold = rng.random((*cumulative.shape[:2], 1)) * cumulative[:, :, -1:]
        state = (cumulative <= threshold).sum(axis=2, keepdims=True)
        out = _like(field, out)
        out[...] = (state == np.arange(self.n_states)).reshape(field.shape)
        return out

    def field(self, mean, temperature):
        """``T ln(mean)``."""
        return temperature * np.log(mean)

    def energy(self, state):
        """Zero."""
        return np.zeros((state.shape[0], state.shape[1] // self.n_states), state.dtype)

    def support(self, X, first_column=0):
        """Refuse rows that are not one-hot."""
        self.blocks(X.shape[1])
        if sparse.issparse(X):
            n_groups = X.shape[1] // self.n_states
            rows = np.repeat(np.arange(X.shape[0]), np.diff(X.indptr))
            groups = rows * n_groups + X.indices // self.n_states
            ones = np.bincount(groups, X.data == 1, minlength=X.shape[0] * n_groups) == 1
            valid = ones & (np.bincount(groups, X.data != 0, minlength=len(ones)) == 1)
            wrong = np.argwhere(~valid.reshape(X.shape[0], n_groups))
        else:
            wrong = np.argwhere(~self._one_hot(X))
        if wrong.size:
            row, group = wrong[0]
            columns = slice(group * self.n_states, (group + 1) * self.n_states)
            values = X[[row]][:, columns]
            values = values.toarray() if sparse.issparse(values) else values
            raise ValueError(
                f"X is not one-hot for {self!r} units: row {row} has the values "
                f"{values.ravel().tolist()} in columns {first_column + columns.start} to "
                f"{first_column + columns.stop - 1}. Each group of {self.n_states} columns needs "
                "one 1 and zeros, as OneHotEncoder gives for values that it knows."
            )
        return X

    def refuses(self, given):
        """Groups that are neither one-hot nor all NaN."""
        self.blocks(given.shape[1])
        n_groups = given.shape[1] // self.n_states
        groups = np.isnan(given).reshape(len(given), n_groups, self.n_states)
        valid = self._one_hot(given) | groups.all(axis=2)
        return np.repeat(~valid, self.n_states, axis=1)

    def holds_means(self, X):
        """False: `support` lets nothing else than states through."""
        return False

    def discretize(self, means, rng, out=None):
        """Draw one-hot groups with the given probabilities."""
        with np.errstate(divide="ignore"):
            return self.sample(np.log(means), 1.0, rng, out=out)

    def _one_hot(self, X):
        groups = X.reshape(len(X), X.shape[1] // self.n_states, self.n_states)
        return ((groups == 0) | (groups == 1)).all(axis=2) & (groups.sum(axis=2) == 1)

    def _weights(self, field, temperature):
        """``exp((field - largest) / T)`` and the largest field, by group."""
        groups = field.reshape(len(field), field.shape[1] // self.n_states, self.n_states)
        largest = groups.max(axis=2, keepdims=True)
        weights = groups - largest
        weights /= temperature
        return np.exp(weights, out=weights), largest


class Composite(Unit):
    """One side made of blocks of columns, each with a unit type of its own, for mixed tables.

    Parameters
    ----------
    blocks : sequence of (unit, n_columns)
        Unit types, by name or as an object, and the number of columns of each, in the order of
        the columns (as `ColumnTransformer` puts them out).

    Raises
    ------
    ValueError
        If a block names no unit type, or its number of columns does not suit the type.

    Examples
    --------
    >>> import numpy as np
    >>> from skebm.units import Categorical, Composite
    >>> side = Composite([("bernoulli", 1), ("gaussian", 2), (Categorical(3), 3)])
    >>> field = np.array([[0.0, 0.3, -0.2, 0.0, 0.0, 0.7]])
    >>> side.mean(field, temperature=1.0).round(2)
    array([[ 0.5 ,  0.3 , -0.2 ,  0.25,  0.25,  0.5 ]])
    """

    def __init__(self, blocks):
        checked = []
        for unit, n_columns in blocks:
            unit = as_unit(unit)
            if not isinstance(unit, Unit):
                raise ValueError(
                    "The blocks of Composite need a unit type of skebm.units or one of the names "
                    f"{sorted(UNITS)}, got {unit!r}."
                )
            if not isinstance(n_columns, Integral) or n_columns < 1:
                raise ValueError(
                    f"The {unit!r} block of Composite must have at least one column, got "
                    f"{n_columns!r}."
                )
            checked += [(part, cut.stop - cut.start) for part, cut in unit.blocks(int(n_columns))]
        self.parts = tuple(checked)

    @property
    def width(self):
        """Number of columns of all blocks."""
        return sum(n_columns for _, n_columns in self.parts)

    @property
    def resting_mean(self):
        """That of every column's unit type."""
        return self._columns("resting_mean")

    @property
    def step_scale(self):
        """That of every column's unit type."""
        return self._columns("step_scale")

    @property
    def quadratic(self):
        """Whether some block is."""
        return any(unit.quadratic for unit, _ in self.parts)

    @property
    def learns_variance(self):
        """Whether a block does."""
        return any(unit.learns_variance for unit, _ in self.parts)

    def with_variance(self, variance, data_variance):
        """The same blocks, with these spreads where they learn one."""
        return Composite(
            [
                (unit.with_variance(variance[cut], data_variance[cut]), cut.stop - cut.start)
                for unit, cut in self.blocks(len(variance))
            ]
        )

    def blocks(self, n_columns):
        """List of (unit type, slice of columns)."""
        if n_columns != self.width:
            raise ValueError(
                f"The blocks of {self!r} have {self.width} columns in all, but there are "
                f"{n_columns} columns."
            )
        stops = np.cumsum([n for _, n in self.parts]).tolist()
        return [
            (unit, slice(stop - n, stop)) for (unit, n), stop in zip(self.parts, stops, strict=True)
        ]

    def cumulant(self, field, temperature):
        """Cumulant functions of all units."""
        return self._joined("cumulant", field, temperature)

    def mean(self, field, temperature, out=None):
        """Means of all columns."""
        return self._written("mean", field, temperature, out=out)

    def variance(self, field, temperature):
        """Variances of all columns."""
        return self._joined("variance", field, temperature)

    def sample(self, field, temperature, rng, out=None):
        """Draw the states of all units."""
        return self._written("sample", field, temperature, rng, out=out)

    def field(self, mean, temperature):
        """Fields that give all columns their means."""
        return self._joined("field", mean, temperature)

    def energy(self, state):
        """Own energies of all units."""
        return self._joined("energy", state.toarray() if sparse.issparse(state) else state)

    def discretize(self, means, rng, out=None):
        """Draw states of the discrete units; copy the others."""
        return self._written("discretize", means, rng, out=out)

    def support(self, X, first_column=0):
        """Clip or refuse data, each block as its unit type does."""
        pieces = [
            unit.support(X[:, columns], first_column + columns.start)
            for unit, columns in self.blocks(X.shape[1])
        ]
        return sparse.hstack(pieces, format="csr") if sparse.issparse(X) else np.hstack(pieces)

    def refuses(self, given):
        """Where rows to complete hold what a unit cannot take."""
        return self._joined("refuses", given)

    def examine(self, X, first_column=0):
        """Warn about training data, each block as its unit type does."""
        for unit, columns in self.blocks(X.shape[1]):
            unit.examine(X[:, columns], first_column + columns.start)

    def interior(self, mean, n_samples):
        """Means of all columns, moved off the bounds."""
        return self._joined("interior", mean, n_samples)

    def holds_means(self, X):
        """Whether some values of the discrete columns are no states."""
        return any(unit.holds_means(X[:, columns]) for unit, columns in self.blocks(X.shape[1]))

    def count_states(self, n_columns):
        """Number of joint states; infinite if a block is continuous."""
        counts = [
            unit.count_states(columns.stop - columns.start)
            for unit, columns in self.blocks(n_columns)
        ]
        # a product of infinity and a number beyond floats raises
        return np.inf if np.inf in counts else prod(counts)

    def states(self, n_columns, numbers, dtype=np.float64):
        """Joint states of the given numbers, a state a row."""
        pieces, numbers = [], np.asarray(numbers)
        for unit, columns in self.blocks(n_columns):
            size = columns.stop - columns.start
            pieces.append(unit.states(size, numbers % unit.count_states(size), dtype))
            numbers = numbers // unit.count_states(size)
        return np.hstack(pieces)

    def _columns(self, name):
        return np.concatenate([np.broadcast_to(getattr(unit, name), n) for unit, n in self.parts])

    def _joined(self, method, array, *arguments):
        pieces = [
            getattr(unit, method)(array[..., columns], *arguments)
            for unit, columns in self.blocks(array.shape[-1])
        ]
        return np.concatenate(pieces, axis=-1)

    def _written(self, method, array, *arguments, out):
        out = _like(array, out)
        for unit, columns in self.blocks(array.shape[-1]):
            getattr(unit, method)(array[..., columns], *arguments, out=out[..., columns])
        return out

    def __repr__(self):
        return f"Composite({list(self.parts)!r})"


def _uniform(array, rng):
    """Uniform numbers in [-1, 1) of the array's shape and dtype."""
    # 32 bits a number are enough to compare with, the same in both precisions, and half of what
    # `rng.random` would cost
    words = rng.integers(2**64, size=(array.size + 1) // 2, dtype=np.uint64)
    uniform = words.view(np.int32)[: array.size].astype(array.dtype)
    # a hair below 2^-31, so that no number rounds to 1 and certain states stay certain
    uniform *= np.nextafter(np.float32(2**-31), np.float32(0))
    return uniform.reshape(array.shape)


def _like(array, out):
    return np.empty_like(array) if out is None else out


UNITS = {"bernoulli": Bernoulli(), "spin": Spin(), "gaussian": Gaussian(), "relu": ReLU()}


def as_unit(unit):
    """Return the unit type of that name, or what was given if there is none."""
    return UNITS.get(unit, unit) if isinstance(unit, str) else unit
