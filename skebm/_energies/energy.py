"""What an energy is: the protocol that inference knows, and nothing else of a model.

An energy gives states a log-weight, the logarithm of their unnormalised probability. It lies at the
end of a path from independent units, whose normaliser is known: at a position beta between 0
(independent units) and 1 (the model itself) the log-weight is a mixture of both. Annealing,
tempering, likelihoods and conditional samples are built from few methods, for every energy.
"""

from dataclasses import replace

import numpy as np


class TooManyStatesError(Exception):
    """Says why a sum over states would take too long."""


class Energy:
    """Base of the energies.

    A subclass supplies `log_weight`, `sweeps` and `independent`; the rest follows, or is a closed
    form that an energy may have. States are arrays with one row a state. A position is a number, or
    an array of shape (n_rows, 1) with a position for every row. What rows of independent units look
    like (their field, fitted to data as well as possible) is part of the energy. Energies are
    values: frozen dataclasses, whose arrays are never changed.
    """

    def log_weight(self, states, beta=1.0):
        """Logarithm of the unnormalised probability of every row, at a position of the path.

        At beta = 0 that of independent units, normalised as `independent` says.
        """
        raise NotImplementedError

    def sweeps(self, states, betas, rng, held=None):
        """Let all units draw new states, once at every position.

        Parameters
        ----------
        states : ndarray of shape (n_rows, n_units)
            Where to start; not changed.
        betas : iterable of float or ndarray of shape (n_rows, 1)
            Positions, one after another. Each sweep keeps the distribution at its position.
        rng : numpy.random.Generator
            Source of randomness.
        held : ndarray of bool of shape (n_rows, n_units), default=None
            Units that keep their states.

        Returns
        -------
        states : ndarray of shape (n_rows, n_units)
            After the last sweep.
        """
        raise NotImplementedError

    def independent(self, n_states, rng):
        """Draw states of independent units; also their ln Z, which belongs to beta = 0."""
        raise NotImplementedError

    def slope(self, states):
        """By how much the log-weight of every row rises per unit of beta, where that is linear."""
        return self.log_weight(states) - self.log_weight(states, 0.0)

    def sweep_and_slope(self, states, beta, rng, held=None):
        """One sweep, and the slope of every new log-weight.

        Two rows a distance d apart on the path may exchange their places with the Metropolis rate
        of d times the difference of their slopes.
        """
        states = self.sweeps(states, [beta], rng, held)
        return states, self.slope(states)

    def weigh_and_sweep(self, states, here, there, rng):
        """A step of annealing: the change of the log-weights, and a sweep at the new position."""
        change = self.log_weight(states, there) - self.log_weight(states, here)
        return change, self.sweeps(states, [there], rng)

    def starts(self, n_states, rng):
        """Draw states that differ as much as those of independent units can."""
        return self.independent(n_states, rng)[0]

    def near(self, means, n_states):
        """The same with independent units of its own for every row, fitted to the means given.

        Parameters
        ----------
        means : ndarray of shape (n_rows, n_units)
            Means of the units, one row for every row of states to come; `independent` then draws
            that many, and its ln Z is an array.
        n_states : ndarray of shape (n_rows,)
            How many states every mean is of.

        Returns
        -------
        energy : Energy
            This one, with the independent units it has, where they cannot be fitted.
        """
        return self

    def exact_work(self):
        """Number of terms that `exact_log_partition` sums; infinite without a closed form."""
        return np.inf

    def exact_log_partition(self):
        """Ln Z, summed exactly.

        Raises
        ------
        TooManyStatesError
            If that would take too long, or there is no closed form.
        """
        raise TooManyStatesError("has no closed form for this model.")

    def problem(self):
        """What keeps this from being a proper distribution, as a sentence; None if nothing."""
        return None

    def replace(self, **changes):
        """The same with other values of some attributes."""
        return replace(self, **changes)
