"""What every unit type supplies."""

import numpy as np

from .._value import Value


class Unit(Value):
    """Base of the unit types.

    A unit type is stateless: its methods are pure functions of dense arrays with one row a state,
    and of the temperature. Fields, means and states have a column for every data column, cumulants
    and energies one for every unit. `mean`, `sample` and `discretize` write into `out` when it is
    given; `out` may be the array they read.

    A subclass defines `cumulant`, `mean`, `variance`, `sample`, `field` and, where the unit has
    one, its own `energy`; a unit with few states derives them all (`Finite`). It sets `low` and
    `high` if its data are bounded, and `resting_mean` where 0 is not inside these bounds.

    Attributes
    ----------
    levels : tuple or None
        All states of one unit; None for infinitely many.
    width : int
        Number of columns that one unit takes.
    low, high : float
        Smallest and largest value in the data; values outside are clipped, with a warning, unless
        there is a `domain`. Two sides without bounds make a proper distribution only under
        conditions, see `quadratic`.
    domain : str or None
        Which values data must have, in words for the error of others, which `admits` tells apart;
        None where all from `low` to `high` are fine.
    resting_mean : float or ndarray of shape (n_columns,)
        Mean of a hidden unit before training; its initial bias follows from it.
    step_scale : float or ndarray of shape (n_columns,)
        Factor of the learning rate on this side. 1/4 for a unit of four times the variance of a
        binary one, which makes ±1 and 0/1 encodings learn alike.
    quadratic : bool
        Whether the own energy grows like the square of the state, and the cumulant like
        ``theta^2 / 2``. Two such sides make a proper distribution for sure only while the largest
        singular value of the weights is below 1. Two unbounded sides that are not both quadratic
        make none with a positive weight (or any, where states have both signs).
    spread : float or ndarray of shape (n_columns,)
        Of a quadratic unit: the factor v of a cumulant that grows like ``v theta^2 / 2``.
    learns_variance : bool
        Whether the spread of visible units is a parameter to learn; then `with_variance` gives the
        unit that has it.
    has_scale : bool
        Whether the columns may have any scale, so that steps follow their variance; then
        `with_variance` gives the unit that does.
    scaler : str
        What brings data of the wrong scale into that of a quadratic unit.
    """

    levels = None
    width = 1
    low, high = -np.inf, np.inf
    domain = None
    resting_mean = 0.0
    step_scale = 1.0
    quadratic = False
    spread = 1.0
    learns_variance = False
    has_scale = False
    scaler = "StandardScaler"

    def with_variance(self, variance, data_variance):
        """The unit with that spread, where it learns one, and steps for data with that."""
        return self

    def cumulant(self, field, temperature):
        """Cumulant function K(field; temperature) of every unit, in units of energy."""
        raise NotImplementedError

    def respond(self, field, share, base, temperature, rng, means=None, states=None):
        """Means of all units, states drawn for them, or both.

        Parameters
        ----------
        field : ndarray of shape (n_rows, n_columns)
            Changed; it may be one of the results.
        share : float or ndarray of shape (n_rows, 1)
            Of the field, between 0 and 1.
        base : ndarray of shape (n_columns,) or (n_rows, n_columns)
            What is added to that share.
        temperature : float
            T.
        rng : numpy.random.Generator
            Source of randomness.
        means : ndarray of shape (n_rows, n_columns) or None
            To write into; None if not needed.
        states : ndarray of shape (n_last, n_columns) or None
            To write into, of as many rows as it has, the last ones; None if not needed.
        """
        if isinstance(share, np.ndarray) or share != 1:
            field *= share
        field += base
        if means is not None:
            self.mean(field, temperature, out=means)
        if states is not None:
            self.sample(field[-len(states) :], temperature, rng, out=states)

    def rise_and_sample(self, field, here, there, temperature, rng):
        """By how much the cumulants rise along a field, row sums, and a state drawn at its end.

        Parameters
        ----------
        field : ndarray of shape (n_rows, n_columns)
            Of which every unit has the share `here`, then the share `there`. Its memory may be
            used for the states.
        here, there : float
            Between 0 and 1.
        temperature : float
            T.
        rng : numpy.random.Generator
            Source of randomness.

        Returns
        -------
        rise : ndarray of shape (n_rows,)
            In double precision, as many small ones are added up.
        states : ndarray of shape (n_rows, n_columns)
            Drawn in the field ``there * field``.
        """
        before = field.copy()
        before *= here
        rise = -self.cumulant(before, temperature)
        field *= there
        rise += self.cumulant(field, temperature)
        states = self.sample(field, temperature, rng, out=field)
        return rise.sum(axis=1, dtype=np.float64), states

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

    def energy(self, state, temperature):
        """Own energy E0 of every unit; zero unless a subclass says otherwise.

        It may depend on the temperature: proportional to T, it is a measure on the states that
        stays the same at every temperature.
        """
        return np.broadcast_to(state.dtype.type(0), state.shape)

    def discretize(self, means, rng, out=None):
        """Draw states whose means are the given values; a copy where all values are states."""
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
        """Nearest values within ``low <= X <= high``."""
        return np.clip(X, self.low, self.high)

    def admits(self, X):
        """Which of the values are of the unit's `domain`."""
        return np.ones(X.shape, dtype=bool)

    def smoothed_mean(self, mean, n_samples):
        """Means of `n_samples` rows and one more observation, which moves them off the bounds.

        That observation is the mean of all levels, or lies 1 above `low`. For several means, in
        rows, `n_samples` may be a column.
        """
        if self.levels is not None:
            middle = np.tile(self.level_rows().mean(axis=0), mean.shape[-1] // self.width)
        elif np.isfinite(self.low):
            middle = self.low + 1
        else:
            return mean
        return mean + (middle - mean) / (n_samples + 1)

    def holds_means(self, X):
        """Whether some values of X, dense, are no states, so that they must be drawn."""
        if self.levels is None:
            return False
        between = np.ones(X.shape, dtype=bool)
        for level in self.levels:
            between &= level != X
        return bool(between.any())

    def level_rows(self, dtype=np.float64):
        """States of one unit, a row each, of shape (n_levels, width)."""
        return np.asarray(self.levels, dtype=dtype).reshape(-1, self.width)

    def count_states(self, n_columns):
        """Number of joint states of `n_columns` columns; may be infinite."""
        return np.inf if self.levels is None else len(self.levels) ** (n_columns // self.width)

    def states(self, n_columns, numbers, dtype=np.float64):
        """Joint states of the given numbers, 0 to `count_states` - 1, a state a row."""
        place = len(self.levels) ** np.arange(n_columns // self.width, dtype=np.int64)
        digits = np.asarray(numbers)[:, np.newaxis] // place % len(self.levels)
        return self.level_rows(dtype)[digits].reshape(-1, n_columns)


def like(array, out):
    """`out`, or an array of the same shape and type to write into."""
    return np.empty_like(array) if out is None else out
