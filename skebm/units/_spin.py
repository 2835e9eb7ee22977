"""Ising spins."""

import numpy as np

from ._two_states import TwoStates


class Spin(TwoStates):
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

    def variance(self, field, temperature):
        """``1 - mean^2``."""
        return 1 - self.mean(field, temperature) ** 2

    def field(self, mean, temperature):
        """``T artanh(mean)``."""
        return temperature * np.arctanh(mean)
