"""Binary units."""

from __future__ import annotations

import numpy as np

from ._base import Unit
from ._finite import Finite, tanh_rise, uniform


class Bernoulli(Finite):
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
    low, high = levels
    resting_mean = 0.1
    step_scale = 1.0

    def __init__(self, stochastic: bool = True) -> None:
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
        np.exp(scaled, out=scaled)
        if scaled.dtype == np.float32:
            # half the cost of log1p, and as accurate beside the sums of units that this is part of
            scaled += 1
            np.log(scaled, out=scaled)
        else:
            np.log1p(scaled, out=scaled)
        scaled += positive
        scaled *= temperature
        return scaled

    def rise_and_sample(self, field, here, there, temperature, rng):
        """Those of two states, from one hyperbolic tangent at either end."""
        rise = (there - here) * np.maximum(field, 0).sum(axis=1)
        scale = 0.5 / temperature
        rise = rise + temperature * tanh_rise(field, scale * here, scale * there)
        return rise, np.less(uniform(field, rng), field, out=field, casting="unsafe")

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
        return np.less(uniform(out, rng), out, out=out, casting="unsafe")

    def field(self, mean, temperature):
        """``T logit(mean)``."""
        return temperature * (np.log(mean) - np.log1p(-mean))

    def discretize(self, means, rng, out=None):
        """Draw 0/1 states whose probabilities of 1 are `means`."""
        if not self.stochastic:
            return Unit.discretize(self, means, rng, out=out)
        out = np.multiply(means, 2, out=out)
        out -= 1
        return np.less(uniform(out, rng), out, out=out, casting="unsafe")
