"""Ising spins."""

import numpy as np

from ._base import like
from ._finite import Finite, tanh_rise, uniform


class Spin(Finite):
    """Ising spin with states -1 and +1.

    Data between -1 and 1 are read as means: training draws spins from them anew at every visit,
    everything else uses them as they are.
    """

    levels = (-1.0, 1.0)
    low, high = levels
    resting_mean = -0.8
    step_scale = 0.25

    def cumulant(self, field, temperature):
        """``T ln(2 cosh(field / T))``."""
        magnitude = np.abs(field) / temperature
        return temperature * (magnitude + np.log1p(np.exp(-2 * magnitude)))

    def rise_and_sample(self, field, here, there, temperature, rng):
        """Those of two states, from one hyperbolic tangent at either end."""
        rise = (there - here) * np.abs(field).sum(axis=1)
        rise = rise + temperature * tanh_rise(field, here / temperature, there / temperature)
        return rise, self.discretize(field, rng, out=field)

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
        out = np.less(uniform(means, rng), means, out=like(means, out), casting="unsafe")
        out *= 2
        out -= 1
        return out
