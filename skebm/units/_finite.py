"""Units with finitely many states, of which everything follows from a list of these."""

import numpy as np
from scipy.special import logsumexp

from ._base import Unit, like

# halvings of the interval in which a field is sought
HALVINGS = 80


class Finite(Unit):
    """Base of the units with few states: everything is derived from `levels` and `energy`.

    A subclass sets `levels`, defines its own `energy` if it has one, and overrides what it can do
    faster. With `width` > 1 a level is a row of that many columns, and `field` must be defined.

    Examples
    --------
    >>> import numpy as np
    >>> from skebm.units import Finite
    >>> class Ternary(Finite):
    ...     levels = (-1.0, 0.0, 1.0)
    >>> Ternary().mean(np.array([[-20.0, 0.0, 20.0]]), temperature=1.0).round(3)
    array([[-1.,  0.,  1.]])
    """

    @property
    def low(self):
        """Smallest level."""
        return float(self.level_rows().min())

    @property
    def high(self):
        """Largest level."""
        return float(self.level_rows().max())

    @property
    def resting_mean(self):
        """Mean of all levels; of one column, as all are alike."""
        return float(self.level_rows().mean())

    @property
    def step_scale(self):
        """A quarter over the variance of the levels, as for a binary unit."""
        return float(0.25 / self.level_rows().var(axis=0).mean())

    def _log_shares(self, field, temperature):
        """``(field . level - E0(level)) / T``, of shape (..., n_units, n_levels)."""
        levels = self.level_rows(field.dtype)
        own = self.energy(levels, temperature).sum(axis=1)
        groups = field.reshape(*field.shape[:-1], field.shape[-1] // self.width, self.width)
        return (groups @ levels.T - own) / temperature

    def _shares(self, field, temperature):
        """Probabilities of the levels."""
        shares = self._log_shares(field, temperature)
        shares -= shares.max(axis=-1, keepdims=True)
        np.exp(shares, out=shares)
        shares /= shares.sum(axis=-1, keepdims=True)
        return shares

    def cumulant(self, field, temperature):
        """``T ln sum_levels exp((field . level - E0) / T)``."""
        return temperature * logsumexp(self._log_shares(field, temperature), axis=-1)

    def mean(self, field, temperature, out=None):
        """Mean level."""
        means = self._shares(field, temperature) @ self.level_rows(field.dtype)
        out = like(field, out)
        out[...] = means.reshape(field.shape)
        return out

    def variance(self, field, temperature):
        """Mean squared level minus the squared mean, of every column."""
        shares, levels = self._shares(field, temperature), self.level_rows(field.dtype)
        return np.maximum(shares @ levels**2 - (shares @ levels) ** 2, 0).reshape(field.shape)

    def sample(self, field, temperature, rng, out=None):
        """Draw levels by the inverse of the distribution function."""
        cumulative = self._shares(field, temperature).cumsum(axis=-1, dtype=np.float64)
        threshold = rng.random((*cumulative.shape[:-1], 1)) * cumulative[..., -1:]
        number = (cumulative <= threshold).sum(axis=-1)
        out = like(field, out)
        out[...] = self.level_rows(field.dtype)[number].reshape(field.shape)
        return out

    def field(self, mean, temperature):
        """Solve for the field by halving an interval, for units of one column."""
        if self.width > 1:
            raise NotImplementedError(f"{type(self).__name__} must define field.")
        mean = np.asarray(mean, dtype=np.float64)
        reach = np.full_like(mean, temperature)
        while True:
            wide = (self.mean(reach, temperature) > mean) & (self.mean(-reach, temperature) < mean)
            # means at the bounds have no finite field
            if (wide | (mean <= self.low) | (mean >= self.high)).all():
                break
            reach[~wide] *= 2
        low, high = -reach, reach
        for _ in range(HALVINGS):
            middle = 0.5 * (low + high)
            above = self.mean(middle, temperature) > mean
            low, high = np.where(above, low, middle), np.where(above, middle, high)
        return np.where(mean <= self.low, -np.inf, np.where(mean >= self.high, np.inf, middle))

    def energy(self, state, temperature):
        """Zero."""
        shape = *state.shape[:-1], state.shape[-1] // self.width
        return np.broadcast_to(state.dtype.type(0), shape)

    def discretize(self, means, rng, out=None):
        """Draw one of the two neighbouring levels, so that the mean is the given one.

        Rows of several columns are one of the levels already.
        """
        if self.width > 1:
            return super().discretize(means, rng, out=out)
        levels = np.sort(self.level_rows(means.dtype)[:, 0])
        above = np.clip(np.searchsorted(levels, means), 1, len(levels) - 1)
        low, high = levels[above - 1], levels[above]
        is_high = rng.random(means.shape) * (high - low) < means - low
        out = like(means, out)
        out[...] = np.where(is_high, high, low)
        return out
