"""States of chains on their way, `Trajectory`, the same for all models that move by sweeps."""

from numbers import Real

import numpy as np

from ._validation import check_count, check_schedule


class Trajectory:
    """What chains look like after every few sweeps, one record after another.

    Nothing is kept but the states that the chains have now. `len` is the number of records, so that
    progress bars know it; every iteration starts anew and gives the same records.

    Parameters
    ----------
    run : callable
        ``run(states, temperatures, rng)`` gives states after a sweep at each of the temperatures.
    start : ndarray of shape (n_chains, n_units)
        Where chains start; never changed.
    temperatures : ndarray of shape (n_sweeps,)
        Temperature of every sweep.
    every : int
        Sweeps between records.
    rng : numpy.random.Generator
        Source of randomness; what is drawn from it is drawn from a copy.
    write : callable
        Makes rows of data of states.
    """

    def __init__(self, run, start, temperatures, every, rng, write):
        check_count("every", every, 1)
        if every > len(temperatures):
            raise ValueError(
                f"every={every} sweeps make no record of a trajectory of {len(temperatures)} "
                "sweeps. Lower every or raise n_sweeps."
            )
        self._run, self._start, self._write = run, start, write
        self._temperatures, self._every = temperatures, every
        self._seed = rng.bit_generator.state

    def __len__(self):
        """Number of records."""
        return len(self._temperatures) // self._every

    def __iter__(self):
        """Yield rows of data, a row for every chain."""
        rng = np.random.Generator(np.random.SFC64(0))
        rng.bit_generator.state = self._seed
        states = self._start
        for record in range(len(self)):
            first = record * self._every
            states = self._run(states, self._temperatures[first : first + self._every], rng)
            yield self._write(states)


def temperature_of_sweeps(temperature, n_sweeps, own, *, least=None):
    """Temperature of every sweep: one for all, a sequence, or the model's own (None).

    At least `least`, or above 0.
    """
    temperature = own if temperature is None else temperature
    if isinstance(temperature, Real) and not isinstance(temperature, bool):
        check_count("n_sweeps", n_sweeps, 1)
        return np.broadcast_to(check_schedule("temperature", [temperature], least=least), n_sweeps)
    return check_schedule("temperature", temperature, least=least)
