"""Unit types: what one unit of a model can be.

A unit with own energy ``E0(s)`` in a field ``theta`` at temperature ``T`` takes the state
``s`` with probability proportional to ``exp((theta * s - E0(s)) / T)``. Its cumulant function
``K(theta; T) = T ln sum_s exp((theta * s - E0(s)) / T)`` (an integral for continuous ``s``) gives
the rest: the mean is its derivative, the variance ``T`` times the derivative of the mean.

===========  ==================  ========================  =================
unit         states              cumulant                  mean
===========  ==================  ========================  =================
`Bernoulli`  0, 1                ``T softplus(theta / T)``  ``sigmoid(theta / T)``
`Spin`       -1, +1              ``T ln 2cosh(theta / T)``  ``tanh(theta / T)``
`Gaussian`   real, variance T    ``theta^2 / 2 + ...``      ``theta``
===========  ==================  ========================  =================

A new unit type is one subclass of `Unit`; see "how it works" in the documentation.

>>> import numpy as np
>>> from skebm.units import Bernoulli
>>> Bernoulli().mean(np.array([[-2.0, 0.0, 2.0]]), temperature=1.0).round(3)
array([[0.119, 0.5  , 0.881]])
"""

import warnings
from math import log, pi, sqrt

import numpy as np
from scipy import sparse

__all__ = ["Bernoulli", "Gaussian", "Spin", "Unit"]


class Unit:
    """Base of the unit types.

    A unit type is stateless: its methods are pure functions of arrays with one row a state and
    one column a unit, and of the temperature. `mean`, `sample` and `discretize` write into `out`
    when it is given; `out` may be the array they read.

    A subclass defines `cumulant`, `mean`, `variance`, `sample`, `field` and, where the unit has
    one, its own `energy`. It sets `levels` if the states are few, or `low` and `high` if they are
    bounded.

    Attributes
    ----------
    levels : tuple of float or None
        All states of one unit; None for a continuous unit.
    low, high : float
        Smallest and largest state.
    resting_mean : float
        Mean of a hidden unit before training; its initial bias follows from it.
    step_scale : float
        Factor of the learning rate on this side. 1/4 for a unit of four times the variance of a
        binary one, which makes ±1 and 0/1 encodings learn alike.
    quadratic : bool
        Whether the cumulant grows like ``theta^2 / 2``. Two such sides make a proper
        distribution only while the largest singular value of the weights is below 1.
    """

    levels = None
    low, high = -np.inf, np.inf
    resting_mean = 0.0
    step_scale = 1.0
    quadratic = False

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

    def clip(self, X):
        """Nearest values that the unit can take as data: ``low <= X <= high``."""
        return np.clip(X, self.low, self.high)

    def support(self, X):
        """Clip data to what the unit can take; warn when more than 1 % lay outside.

        Parameters
        ----------
        X : {ndarray, CSR matrix or array} of shape (n_samples, n_features)
            Data of floating point type.

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
            warnings.warn(
                f"{share:.1%} of the values of X lie outside [{self.low:g}, {self.high:g}], what "
                f"{self!r} units can take, and were clipped (smallest {values.min():g}, largest "
                f"{values.max():g}). Scale them with MinMaxScaler"
                f"{'' if self.low == 0 else f'(feature_range=({self.low:g}, {self.high:g}))'} or "
                "threshold them with Binarizer first.",
                UserWarning,
                stacklevel=3,
            )
        if not sparse.issparse(X):
            return clipped
        X = X.copy()
        X.data = clipped
        return X

    def examine(self, X):
        """Warn about training data that this unit type models badly; silent by default."""

    def interior(self, mean, n_samples):
        """Means of `n_samples` rows, moved off the bounds by half an observation in the middle."""
        if np.isinf(self.low) or np.isinf(self.high):
            return mean
        middle = (self.low + self.high) / 2
        return mean + (middle - mean) / (n_samples + 1)

    def holds_states(self, values):
        """Whether all values are states, so that nothing is left to draw (see `discretize`)."""
        if self.levels is None:
            return True
        between = np.ones(values.shape, dtype=bool)
        for level in self.levels:
            between &= values != level
        return not between.any()

    def n_states(self, n_columns):
        """Number of joint states of `n_columns` columns; infinite for continuous units."""
        return np.inf if self.levels is None else len(self.levels) ** n_columns

    def states(self, n_columns, start, stop, dtype=np.float64):
        """Joint states number `start` to `stop` - 1 of all `n_states`, a state a row."""
        n_levels = len(self.levels)
        place = n_levels ** np.arange(n_columns, dtype=np.int64)
        digits = np.arange(start, stop, dtype=np.int64)[:, np.newaxis] // place % n_levels
        return np.asarray(self.levels, dtype=dtype)[digits]

    def __repr__(self):
        return f"{type(self).__name__}()"

    def __eq__(self, other):
        return type(self) is type(other) and vars(self) == vars(other)

    def __hash__(self):
        return hash(type(self))


class Bernoulli(Unit):
    """Binary unit with states 0 and 1.

    Data between 0 and 1 are read as probabilities: training draws 0/1 states from them anew at
    every visit, everything else uses them as they are.
    """

    levels = (0.0, 1.0)
    low, high = 0.0, 1.0
    resting_mean = 0.1

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

    def discretize(self, means, rng, out=None):
        """Draw spins whose means are `means`."""
        out = np.less(_uniform(means, rng), means, out=_like(means, out), casting="unsafe")
        out *= 2
        out -= 1
        return out


class Gaussian(Unit):
    """Real-valued unit with own energy ``s^2 / 2``: normal with mean `field` and variance T.

    Suits columns that are standardised; two Gaussian sides need weights whose largest singular
    value is below 1.
    """

    step_scale = 0.25
    quadratic = True

    def cumulant(self, field, temperature):
        """``field^2 / 2 + (T / 2) ln(2 pi T)``."""
        return 0.5 * field**2 + 0.5 * temperature * log(2 * pi * temperature)

    def mean(self, field, temperature, out=None):
        """The field itself."""
        if out is field:
            return out
        out = _like(field, out)
        np.copyto(out, field)
        return out

    def variance(self, field, temperature):
        """The temperature."""
        return np.full_like(field, temperature)

    def sample(self, field, temperature, rng, out=None):
        """Draw normal states."""
        noise = rng.standard_normal(field.shape, dtype=field.dtype)
        noise *= sqrt(temperature)
        return np.add(field, noise, out=out)

    def field(self, mean, temperature):
        """The mean itself."""
        return mean

    def energy(self, state):
        """``state^2 / 2``."""
        return 0.5 * state**2

    def examine(self, X):
        """Warn about columns whose standard deviation is outside [0.1, 10]."""
        if sparse.issparse(X):
            mean = np.asarray(X.mean(axis=0)).ravel()
            square = np.asarray(X.multiply(X).mean(axis=0)).ravel()
            deviation = np.sqrt(np.maximum(square - mean**2, 0))
        else:
            deviation = np.std(X, axis=0, dtype=np.float64)
        # a constant column has no scale to mend
        far = np.flatnonzero((deviation > 0) & ((deviation < 0.1) | (deviation > 10)))
        if X.shape[0] > 1 and far.size:
            warnings.warn(
                f"{far.size} of {X.shape[1]} columns have a standard deviation outside [0.1, 10] "
                f"(column {far[0]}: {deviation[far[0]]:.3g}); Gaussian units expect standardised "
                "columns. Put a StandardScaler before the model.",
                UserWarning,
                stacklevel=3,
            )


def _uniform(array, rng):
    """Uniform numbers in [-1, 1) of the array's shape and dtype."""
    if array.dtype != np.float32:
        uniform = rng.random(array.shape, dtype=array.dtype)
        uniform *= 2
        uniform -= 1
        return uniform
    # 32 bits a number are more than float32 resolves, and half of what `rng.random` would cost
    words = rng.integers(2**64, size=(array.size + 1) // 2, dtype=np.uint64)
    uniform = words.view(np.int32)[: array.size].astype(np.float32)
    # a hair below 2^-31, so that no number rounds to 1 and certain states stay certain
    uniform *= np.nextafter(np.float32(2**-31), np.float32(0))
    return uniform.reshape(array.shape)


def _like(array, out):
    return np.empty_like(array) if out is None else out


UNITS = {"bernoulli": Bernoulli(), "spin": Spin(), "gaussian": Gaussian()}


def as_unit(unit):
    """Return the unit type of that name, or what was given if there is none."""
    return UNITS.get(unit, unit) if isinstance(unit, str) else unit
