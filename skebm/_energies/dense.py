"""Energy of a dense associative memory, `Dense`: spins, and a steep function of the overlaps.

``E(s) = -F(xi_1 . s, ..., xi_p . s)``, where the interaction F is a sum over patterns of a function
of the overlap (Krotov and Hopfield 2016), or the logarithm of such a sum (Demircigil et al. 2017).
Powers are those of overlaps divided by N, which keeps them in range; for degree 2 the energy is
twice that of `HopfieldMemory`, up to a constant.

What turns spin i up or down is a difference of energies, not a field: with ``a = xi_mu . s``
without spin i, it is ``sum_mu xi_i G(a)``, where ``G(a) = F(a + 1) - F(a - 1)`` needs only be known
for integers. In terms of the full overlaps, a is one below or one above them, so the differences
of *all* spins of a state come from one product with the patterns (`Dense.differences`).

>>> import numpy as np
>>> from skebm._energies.dense import Dense
>>> from skebm.interactions import Polynomial
>>> truth_table = np.array([[-1, -1, -1], [-1, 1, 1], [1, -1, 1], [1, 1, -1]])  # c = a xor b
>>> model = Dense.of(truth_table, Polynomial(3))
>>> model.follow(slice(2, 3), np.array([[-1.0, 1, -1], [1, 1, 1]]))
array([[-1.,  1.,  1.],
       [ 1.,  1., -1.]])
"""

from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np

from .._blocks import batches
from ..interactions import SpinInteraction, softmax
from .spins import Spins

# differences of energies below that share of what they are made of are rounding
ROUNDING = 1e-11
# largest difference of logarithms of terms
STEEPEST = 600.0
# spins whose differences are computed at once in a sweep
BLOCK = 32
MOST_BLOCKS = 32


@dataclass(frozen=True, eq=False)
class Dense(Spins):
    """A dense memory.

    Attributes
    ----------
    patterns : ndarray of shape (n_patterns, n_units)
        -1 and +1, in double precision.
    interaction : SpinInteraction
        F.
    terms : ndarray of shape (2 n_units + 5,)
        Of F at all overlaps from ``-n_units - 2`` on.
    parts : ndarray of shape (2 n_units + 5, 3)
        What differences are made of: odd part, even part, and 1; with the terms f of a logarithmic
        F relative to exp(f).
    """

    patterns: np.ndarray
    interaction: SpinInteraction
    terms: np.ndarray
    parts: np.ndarray

    dtype = np.dtype(np.float64)

    @classmethod
    def of(cls, patterns, interaction):
        """Tabulate the terms of F and their differences."""
        n_units = patterns.shape[1]
        terms = interaction.terms(np.arange(-n_units - 2, n_units + 3), n_units)
        below, here, above = np.roll(terms, 2), terms, np.roll(terms, -2)
        if interaction.logarithmic:
            # far from what is added up; the ends are beyond all overlaps
            below, above = (np.exp(np.clip(x - here, -STEEPEST, STEEPEST)) for x in (below, above))
            here = 1.0
        # the spins of a unit in all patterns side by side
        patterns = np.asfortranarray(patterns, dtype=np.float64)
        parts = (above - below) / 2, (above + below) / 2 - here, np.ones(len(terms))
        return cls(patterns, interaction, terms, np.column_stack(parts))

    def __getstate__(self):
        """The patterns in bytes."""
        state = {field.name: getattr(self, field.name) for field in fields(self)}
        return state | {"patterns": self.patterns.astype(np.int8)}

    def __setstate__(self, state):
        """The same as before."""
        vars(self).update(state | {"patterns": state["patterns"].astype(self.dtype)})

    def at(self, temperature, block_size):
        """Itself: spins have a temperature in `sweeps`, and no blocks of patterns."""
        return self

    @property
    def n_units(self):
        """N."""
        return self.patterns.shape[1]

    @property
    def width(self):
        """Entries that a row needs."""
        return len(self.patterns)

    @cached_property
    def blocks(self):
        """Units whose differences are computed at once, as slices."""
        from . import compiled

        # compiled loops weigh a table of all overlaps once a block
        size = BLOCK if compiled.decide_dense is None else max(BLOCK, self.n_units // MOST_BLOCKS)
        return list(batches(self.n_units, size))

    def overlaps(self, s):
        """``xi_mu . s`` of every row, exact integers, shape (n_rows, n_patterns)."""
        return s @ self.patterns.T

    def _places(self, overlaps):
        """Where overlaps stand in the tables."""
        return overlaps.astype(np.int64) + (self.n_units + 2)

    def _terms(self, s):
        return self.terms.take(self._places(self.overlaps(s)))

    def energy(self, s):
        """Energy of every row."""
        return -self.interaction.value(self._terms(s))

    def weight_blocks(self, s):
        """Softmax of the terms of all patterns, for blocks of states, one after another."""
        for rows in self.row_batches(len(s)):
            yield softmax(self._terms(s[rows]))[0]

    def differences(self, s, overlaps, units=slice(None)):
        """Energy with a spin down minus that with it up, all other spins as they are.

        Differences that are but rounding are exactly 0.
        """
        places = self._places(overlaps)
        # F of a spin up and down at a, the overlap without it: one less than the overlap where the
        # spin agrees with the pattern, one more where it does not
        odd, change = (part.take(places) for part in self.parts.T[:2])
        if self.interaction.logarithmic:
            weights = self.terms.take(places)
            weights -= weights.max(axis=1, keepdims=True)
            np.exp(weights, out=weights)
            odd *= weights
            change *= weights
        product, spins = odd @ self.patterns[:, units], s[:, units]
        sum_of_changes = change.sum(axis=1, keepdims=True)
        difference = product - spins * sum_of_changes
        size = np.abs(odd).sum(axis=1, keepdims=True) + np.abs(change).sum(axis=1, keepdims=True)
        difference[np.abs(difference) <= ROUNDING * size] = 0
        if not self.interaction.logarithmic:
            return difference
        # of the sums P and M whose logarithms are the energies, P - M and P + M are known
        total = sum_of_changes + 2 * weights.sum(axis=1, keepdims=True) - spins * product
        # where a step is so steep that both are lost in rounding, the spin stays
        ratio = np.array(np.broadcast_to(spins, total.shape), total.dtype)
        np.divide(difference, total, out=ratio, where=total > 0)
        np.clip(ratio, -1, 1, out=ratio)
        with np.errstate(divide="ignore"):
            return np.log1p(ratio) - np.log1p(-ratio)

    def decide(self, units, s, overlaps, temperature, rng, held):
        """Let a slice of units decide one after another, in place."""
        from . import compiled

        shape = len(s), units.stop - units.start
        threshold = np.zeros(shape)
        if np.ndim(temperature) or temperature:
            # P(+1) = 1 / (1 + exp(-difference / T))
            threshold = temperature * rng.logistic(size=shape)
        movable = np.ones(shape, dtype=bool) if held is None else ~held
        if compiled.decide_dense is None:
            self._decide_by_flips(units, s, overlaps, threshold, movable)
        else:
            compiled.decide_dense(
                s[:, units],
                overlaps,
                threshold,
                movable,
                self.patterns.T[units],
                self.terms,
                self.parts,
                self.interaction.logarithmic,
            )

    def _decide_by_flips(self, units, s, overlaps, threshold, movable):
        """The same without compiled code.

        Between two flips of a row nothing changes: the differences of all units show the next.
        """
        numbers = np.arange(threshold.shape[1])
        rows, position = np.arange(len(s)), np.zeros(len(s), dtype=np.int64)
        while rows.size:
            drive = self.differences(s[rows], overlaps[rows], units) - threshold[rows]
            flips = (drive * s[rows, units] < 0) & movable[rows]
            flips &= numbers >= position[:, np.newaxis]
            moving = flips.any(axis=1)
            first, rows = flips.argmax(axis=1)[moving], rows[moving]
            position = first + 1
            flipped = units.start + first
            s[rows, flipped] *= -1
            overlaps[rows] += 2 * s[rows, flipped][:, np.newaxis] * self.patterns[:, flipped].T
