"""Rectified normal units."""

from math import log, pi, sqrt

import numpy as np
from scipy.special import erfcx, log_ndtr, ndtri_exp

from ._base import Unit, like


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
        with np.errstate(over="ignore"):
            result[above] = 0.5 * x**2 + log_ndtr(x) + 0.5 * log(2 * pi * temperature)
        result *= temperature
        return result

    def mean(self, field, temperature, out=None):
        """``sqrt(T) (x + lam)`` with ``x = field / sqrt(T)`` and the hazard ``lam`` at -x."""
        x = field.astype(np.float64) / sqrt(temperature)
        return np.multiply(_cut_normal(x)[0], sqrt(temperature), out=like(field, out))

    def variance(self, field, temperature):
        """``T (1 - lam (x + lam))``."""
        x = field.astype(np.float64) / sqrt(temperature)
        return np.multiply(_cut_normal(x)[1], temperature, out=like(field, None))

    def sample(self, field, temperature, rng, out=None):
        """Draw states by the inverse of the distribution function, in the log domain."""
        x = field.astype(np.float64) / sqrt(temperature)
        log_uniform = np.log1p(-rng.random(field.shape))
        x -= ndtri_exp(log_uniform + log_ndtr(x))
        np.maximum(x, 0, out=x)
        return np.multiply(x, sqrt(temperature), out=like(field, out))

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

    def energy(self, state, temperature):
        """``state^2 / 2``."""
        return 0.5 * state**2


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
