"""Binary units."""

from __future__ import annotations

import numpy as np

from ._base import Unit
from ._two_states import TwoStates


class Bernoulli(TwoStates):
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

    def variance(self, field, temperature):
        """``mean * (1 - mean)``."""
        mean = self.mean(field, temperature)
        return mean * (1 - mean)

    def field(self, mean, temperature):
        """``T logit(mean)``."""
        return temperature * (np.log(mean) - np.log1p(-mean))

    def discretize(self, means, rng, out=None):
        """Draw 0/1 states whose probabilities of 1 are `means`."""
        if not self.stochastic:
            return Unit.discretize(self, means, rng, out=out)
        return super().discretize(means, rng, out=out)
