"""Dense associative memories: spins whose energy is a steep function of the overlaps.

``E(s) = -N sum_mu F(xi_mu . s / N)`` with F(m) = m^n or max(m, 0)^n (Krotov and Hopfield 2016);
for the exponential memory (Demircigil et al. 2017) ``E(s) = -ln sum_mu exp(xi_mu . s)``. Dividing
the overlaps by N keeps every power in range; for n = 2 the energy is twice that of
`HopfieldMemory`, up to a constant.

What turns spin i up or down is a difference of energies, not a field: with ``a = xi_mu . s``
without spin i, it is ``sum_mu xi_i G(a)``, where ``G(a) = F(a + 1) - F(a - 1)`` needs only be known
for integers. In terms of the full overlaps, a is one below or one above them, so the drives of
*all* spins of a state come from one product with the patterns (`Dense.drive`).

>>> import numpy as np
>>> from skebm._dense import Dense, recall_dense
>>> truth_table = np.array([[-1, -1, -1], [-1, 1, 1], [1, -1, 1], [1, 1, -1]])  # c = a xor b
>>> model = Dense.of(truth_table, "polynomial", 3)
>>> recall_dense(model, np.array([[-1.0, 1, -1], [1, 1, 1]]), 10, free=np.array([2]))[0]
array([[-1.,  1.,  1.],
       [ 1.,  1., -1.]])
"""

from typing import NamedTuple

import numpy as np
from scipy.special import logsumexp
from sklearn.utils import gen_batches

# differences below that share of the terms are rounding
ROUNDING = 1e-11
# spins whose gaps are computed at once in the heat bath
BLOCK = 32


class Dense(NamedTuple):
    """A dense memory.

    Attributes
    ----------
    patterns : ndarray of shape (n_patterns, n_units)
        -1 and +1, in double precision.
    interaction : {"polynomial", "rectified_polynomial", "exponential"}
        F.
    degree : int
        n.
    table : ndarray
        G of every integer from -N - 1 to N + 1, times N; for "exponential" of integers from
        -2 N - 2 to 0, relative to the largest overlap.
    """

    patterns: np.ndarray
    interaction: str
    degree: int
    table: np.ndarray

    @classmethod
    def of(cls, patterns, interaction, degree):
        """Tabulate the differences of F."""
        patterns = np.ascontiguousarray(patterns, dtype=np.float64)
        n_units = patterns.shape[1]
        if interaction == "exponential":
            return cls(patterns, interaction, degree, np.exp(np.arange(-2.0 * n_units - 2, 1)))
        overlap = np.arange(-n_units - 2, n_units + 3) / n_units
        if interaction == "rectified_polynomial":
            overlap = np.maximum(overlap, 0)
        power = n_units * overlap**degree
        return cls(patterns, interaction, degree, power[2:] - power[:-2])

    def overlaps(self, s):
        """``xi_mu . s`` of every row, exact integers, shape (n_rows, n_patterns)."""
        return s @ self.patterns.T

    def energy(self, s):
        """Energy of every row."""
        terms = self.terms(self.overlaps(s))
        if self.interaction == "exponential":
            return -logsumexp(terms, axis=1)
        return -terms.sum(axis=1)

    def terms(self, overlaps):
        """What every pattern adds: ``N F(overlap / N)``, or the overlap in the exponent."""
        if self.interaction == "exponential":
            return overlaps
        n_units = self.patterns.shape[1]
        overlaps = overlaps / n_units
        if self.interaction == "rectified_polynomial":
            np.maximum(overlaps, 0, out=overlaps)
        return n_units * overlaps**self.degree

    def drive(self, s, overlaps, units=slice(None)):
        """How much lower the energy is with a spin up than down, all other spins as they are.

        For "exponential" the same up to a factor that is positive. Differences that are but
        rounding are exactly 0.

        Returns
        -------
        drive : ndarray of shape (n_rows, number of units)
            Differences.
        total : ndarray of shape (n_rows, number of units) or None
            For "exponential": sum of the two terms whose difference the drive is.
        """
        below, above = self._differences(overlaps)
        # without spin i the overlap is one lower where the spin agrees with the pattern
        mean, half = (below + above) / 2, (above - below) / 2
        spins, patterns = s[:, units], self.patterns[:, units]
        drive = mean @ patterns - spins * half.sum(axis=1, keepdims=True)
        size = np.abs(mean).sum(axis=1, keepdims=True) + np.abs(half).sum(axis=1, keepdims=True)
        drive[np.abs(drive) <= ROUNDING * size] = 0
        if self.interaction != "exponential":
            return drive, None
        # with weights exp(a): sum over all patterns, of which the drive is the signed sum
        total = mean.sum(axis=1, keepdims=True) - spins * (half @ patterns)
        return drive, total

    def gap(self, drive, total):
        """Energy with a spin down minus that with it up, from what `drive` returns."""
        if total is None:
            return drive
        # ln (e P + M / e) - ln (P / e + e M) with P + M = total and P - M = drive
        ratio = np.clip(drive / total, -1, 1) * np.tanh(1)
        return np.log1p(ratio) - np.log1p(-ratio)

    def _differences(self, overlaps):
        """G one below and one above the overlaps."""
        overlaps = overlaps.astype(np.int64)
        if self.interaction == "exponential":
            shift = len(self.table) - 2 - overlaps.max(axis=1, keepdims=True)
        else:
            shift = self.patterns.shape[1] + 1
        index = overlaps + shift
        return self.table[index - 1], self.table[index + 1]


def recall_dense(model, states, max_sweeps, free=None):
    """Let spins lower the energy one after another, in their order, until none flips.

    Rows jump from flip to flip: the drives of all spins show the next one that flips; between two
    flips nothing changes.

    Parameters
    ----------
    model : Dense
        The memory.
    states : ndarray of shape (n_rows, n_units)
        Where to start, ±1; not changed.
    max_sweeps : int
        Sweeps at most.
    free : ndarray of int, default=None
        The only spins that may flip, in rising order; None for all.

    Returns
    -------
    states : ndarray of shape (n_rows, n_units)
        The states reached.
    settled : ndarray of shape (n_rows,)
        Whether a row has reached a minimum.
    """
    result = states.astype(np.float64)
    n_units = result.shape[1]
    free = np.arange(n_units) if free is None else free
    settled = np.zeros(len(result), dtype=bool)
    rows, s, overlaps = np.arange(len(result)), result.copy(), model.overlaps(result)
    position = np.zeros(len(rows), dtype=np.int64)  # of the next spin to visit, sweep by sweep
    while rows.size:
        drive, _ = model.drive(s, overlaps, free)
        wrong = drive * s[:, free] < 0
        # the first from the position on, else the first of the next sweep
        ahead = wrong & (np.arange(len(free)) >= (position % len(free))[:, np.newaxis])
        wraps = ~ahead.any(axis=1)
        chosen = np.where(wraps, wrong.argmax(axis=1), ahead.argmax(axis=1))
        sweep = position // len(free) + wraps
        moving = wrong.any(axis=1) & (sweep < max_sweeps)
        settled[rows[~wrong.any(axis=1)]] = True
        result[rows] = s
        rows, s, overlaps = rows[moving], s[moving], overlaps[moving]
        position = (sweep * len(free) + chosen + 1)[moving]
        units = free[chosen[moving]]
        numbers = np.arange(len(rows))
        s[numbers, units] *= -1
        overlaps += 2 * s[numbers, units][:, np.newaxis] * model.patterns[:, units].T
    return result, settled


def heat_bath_dense(model, states, temperatures, rng, held=None):
    """One sweep of the heat bath at every temperature, the spins one after another.

    Parameters
    ----------
    model : Dense
        The memory.
    states : ndarray of shape (n_rows, n_units)
        Where to start, ±1; not changed.
    temperatures : iterable of float
        Temperature of every sweep; at 0 a spin keeps its state where both have the same energy.
    rng : numpy.random.Generator
        Source of randomness.
    held : ndarray of bool of shape (n_rows, n_units), default=None
        Spins that keep their states.

    Returns
    -------
    states : ndarray of shape (n_rows, n_units)
        The states after the last sweep.
    """
    s = states.astype(np.float64)
    overlaps = model.overlaps(s)
    for temperature in temperatures:
        for units in gen_batches(s.shape[1], BLOCK):
            thresholds = None
            if temperature:
                thresholds = temperature * rng.logistic(size=(len(s), units.stop - units.start))
            fixed = False if held is None else held[:, units]
            _decide_in_turn(model, s, overlaps, units, thresholds, fixed)
    return s


def _decide_in_turn(model, s, overlaps, units, thresholds, held):
    """Let the spins of a block decide one after another, in place.

    Between two flips of a row nothing changes: the gaps of the whole block show the next.
    """
    numbers = np.arange(units.stop - units.start)
    rows, position = np.arange(len(s)), np.zeros(len(s), dtype=np.int64)
    movable = np.broadcast_to(np.logical_not(held), (len(s), len(numbers)))
    while rows.size:
        gap = model.gap(*model.drive(s[rows], overlaps[rows], units))
        # P(+1) = 1 / (1 + exp(-gap / T)), and the sign at T = 0
        gap = gap - thresholds[rows] if thresholds is not None else gap
        flips = (gap * s[rows, units] < 0) & movable[rows] & (numbers >= position[:, np.newaxis])
        moving = flips.any(axis=1)
        first, rows = flips.argmax(axis=1)[moving], rows[moving]
        position = first + 1
        flipped = units.start + first
        s[rows, flipped] *= -1
        overlaps[rows] += 2 * s[rows, flipped][:, np.newaxis] * model.patterns[:, flipped].T
