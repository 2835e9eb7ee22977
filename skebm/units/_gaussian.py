"""Normal units."""

from __future__ import annotations

from math import pi

import numpy as np
from numpy.typing import ArrayLike

from ._base import Unit, like


class Gaussian(Unit):
    """Real-valued unit with own energy ``s^2 / (2 v)``: normal with mean ``v field``, variance T v.

    As visible units they suit numbers of any scale: the variance v of the noise in every column is
    learned along with the weights (Cho, Ilin and Raiko 2011), and a machine learns the same whether
    or not columns are standardised. Hidden ones have v = 1, as their scale is free. Two Gaussian
    sides make a factor analysis; they need weights whose largest singular value, in units of the
    deviations, is below 1.

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

    def __init__(self, variance: ArrayLike | str = "learned") -> None:
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
    def has_scale(self):
        """The same: variances that are learned start at those of the data."""
        return self.learns_variance

    @property
    def spread(self):
        """v, of all columns or of each."""
        return 1.0 if self.learns_variance else self.variance_

    def with_variance(self, variance, data_variance):
        """The unit with these variances, where it would learn them, and steps for data with those.

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
        out = like(field, out)
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

    def energy(self, state, temperature):
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
