"""Counts."""

import numpy as np
from scipy.special import gammaln

from ._base import Unit, like

# in units of the temperature; means beyond e^30 are no counts any more
LARGEST_FIELD = 30.0


class Poisson(Unit):
    """Count 0, 1, 2, ... with own energy ``T ln(s!)``: a Poisson variable of mean exp(field / T).

    As visible units they suit columns of counts: words of documents, events in time bins. Their
    hidden units must be bounded (Bernoulli, spins, categorical ones): with hidden units without
    bounds, positive weights make no proper distribution.

    References
    ----------
    P. Gehler, A. Holub and M. Welling, "The rate adapting Poisson model for information retrieval
    and object recognition" (2006). M. Welling, M. Rosen-Zvi and G. Hinton, "Exponential family
    harmoniums with an application to information retrieval" (2004).

    Examples
    --------
    >>> import numpy as np
    >>> from skebm.units import Poisson
    >>> Poisson().mean(np.log([[2.0, 3.0]]), temperature=1.0)
    array([[2., 3.]])
    """

    low = 0.0
    domain = "whole numbers from 0 on (for intensities there are ReLU units)"
    resting_mean = 1.0
    step_scale = 0.25
    has_scale = True

    def with_variance(self, variance, data_variance):
        """The unit with steps for counts of that variance."""
        unit = Poisson()
        unit.step_scale = self.step_scale / np.maximum(data_variance, 1)
        return unit

    def cumulant(self, field, temperature):
        """``T exp(field / T)``."""
        return temperature * self.mean(field, temperature)

    def mean(self, field, temperature, out=None):
        """``exp(field / T)``."""
        out = np.multiply(field, 1 / temperature, out=like(field, out))
        np.minimum(out, LARGEST_FIELD, out=out)
        return np.exp(out, out=out)

    def variance(self, field, temperature):
        """The mean."""
        return self.mean(field, temperature)

    def sample(self, field, temperature, rng, out=None):
        """Draw counts."""
        out = like(field, out)
        out[...] = rng.poisson(self.mean(field, temperature))
        return out

    def field(self, mean, temperature):
        """``T ln(mean)``."""
        return temperature * np.log(mean)

    def energy(self, state, temperature):
        """``T ln(state!)``."""
        return temperature * gammaln(state + 1)

    def admits(self, X):
        """Whole numbers."""
        return (X >= 0) & (np.rint(X) == X)
