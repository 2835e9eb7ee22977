"""Units with one of several states, as one-hot groups of columns."""

from __future__ import annotations

from numbers import Integral

import numpy as np

from ._base import like
from ._finite import Finite


class Categorical(Finite):
    """One of `n_states` states, as a group of `n_states` columns with a single 1 (Potts unit).

    Adjacent columns form a group, as `OneHotEncoder` gives them for variables that have all the
    same number of values; for different numbers put one `Categorical` for each into a `Composite`.

    Parameters
    ----------
    n_states : int
        Number of states, at least 2.

    Raises
    ------
    ValueError
        If `n_states` is not an integer of at least 2; later, from the estimator, if rows are not
        one-hot.

    Examples
    --------
    >>> import numpy as np
    >>> from skebm.units import Categorical
    >>> Categorical(3).mean(np.array([[0.0, 0.0, 0.7]]), temperature=1.0).round(2)
    array([[0.25, 0.25, 0.5 ]])
    """

    step_scale = 1.0

    def __init__(self, n_states: int) -> None:
        if not isinstance(n_states, Integral) or n_states < 2:
            raise ValueError(
                f"n_states of Categorical must be an integer of at least 2, got {n_states!r}."
            )
        self.n_states = n_states

    @property
    def levels(self):
        """The one-hot rows."""
        return tuple(map(tuple, np.eye(self.n_states).tolist()))

    @property
    def width(self):
        """One column a state."""
        return self.n_states

    @property
    def resting_mean(self):
        """All states alike."""
        return 1 / self.n_states

    def cumulant(self, field, temperature):
        """``T ln sum exp(field / T)`` of every group."""
        weights, largest = self._weights(field, temperature)
        return temperature * np.log(weights.sum(axis=2)) + largest[:, :, 0]

    def mean(self, field, temperature, out=None):
        """Probability of every state: softmax in every group."""
        weights, _ = self._weights(field, temperature)
        weights /= weights.sum(axis=2, keepdims=True)
        out = like(field, out)
        out[...] = weights.reshape(field.shape)
        return out

    def sample(self, field, temperature, rng, out=None):
        """Draw one-hot groups."""
        cumulative = self._weights(field, temperature)[0].cumsum(axis=2)
        # in double precision, so that the product stays below the total
        threshold = rng.random((*cumulative.shape[:2], 1)) * cumulative[:, :, -1:]
        state = (cumulative <= threshold).sum(axis=2, keepdims=True)
        out = like(field, out)
        out[...] = (state == np.arange(self.n_states)).reshape(field.shape)
        return out

    def field(self, mean, temperature):
        """``T ln(mean)``."""
        return temperature * np.log(mean)

    def holds_means(self, X):
        """False: nothing else than states is admitted."""
        return False

    def discretize(self, means, rng, out=None):
        """Draw one-hot groups with the given probabilities."""
        with np.errstate(divide="ignore"):
            return self.sample(np.log(means), 1.0, rng, out=out)

    @property
    def domain(self):
        """One-hot groups."""
        return (
            f"one-hot groups of {self.n_states} columns, as OneHotEncoder gives for values that it "
            "knows, with a single 1"
        )

    def admits(self, X):
        """One-hot groups."""
        groups = X.reshape(len(X), X.shape[1] // self.n_states, self.n_states)
        valid = ((groups == 0) | (groups == 1)).all(axis=2)
        valid &= np.count_nonzero(groups, axis=2) == 1
        return np.repeat(valid, self.n_states, axis=1)

    def _weights(self, field, temperature):
        """``exp((field - largest) / T)`` and the largest field, by group."""
        groups = field.reshape(len(field), field.shape[1] // self.n_states, self.n_states)
        largest = groups.max(axis=2, keepdims=True)
        weights = groups - largest
        weights /= temperature
        return np.exp(weights, out=weights), largest
