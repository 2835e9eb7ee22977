"""What the energies of spin memories share: sweeps through blocks of spins, with kept overlaps."""

import numpy as np

from .._blocks import batches
from .energy import Energy

# positions below that are the same as none
FREE = 1e-30
# entries of the arrays of a batch of rows
BLOCK_SIZE = 2**23


class Spins(Energy):
    """Base of the energies of spins ±1 that are known through overlaps with patterns.

    The model at position beta has the temperature 1 / beta; at infinite beta units follow their
    fields, and keep their states without one. A subclass supplies

    - ``n_units``, ``width`` (of overlaps), ``dtype`` (of states and overlaps), and ``blocks``, the
      units that decide between two updates of the overlaps, as slices in order;
    - ``overlaps(s)``, from which fields follow, and ``energy(s)``;
    - ``decide(units, s, overlaps, temperature, rng, held)``: let a slice of units decide in turn.
      It changes states and overlaps in place.
    """

    def log_weight(self, s, beta=1.0):
        """``-beta E(s)`` of every row."""
        return np.ravel(beta) * self.slope(s)

    def slope(self, s):
        """``-E(s)`` of every row."""
        return -self.energy(s)

    def independent(self, n_states, rng):
        """Draw spins at random; also ``ln 2^N``."""
        up = rng.random((n_states, self.n_units)) < 0.5
        return np.where(up, 1, -1).astype(self.dtype), self.n_units * np.log(2)

    def sweeps(self, s, betas, rng, held=None):
        """Sweeps of the heat bath, the units one after another."""
        s = s.astype(self.dtype)
        overlaps = self.overlaps(s)
        for beta in betas:
            temperature = 1 / np.maximum(beta, FREE)
            for units in self.blocks:
                part = None if held is None else held[:, units]
                self.decide(units, s, overlaps, temperature, rng, part)
        return s

    def draw(self, known, held, temperature, n_sweeps, rng):
        """States after sweeps from random ones, with the known values where units are held."""
        start = np.where(rng.random(known.shape) < 0.5, -1, 1)
        beta = 1 / float(temperature) if temperature else np.inf
        start = np.where(held, known, start)
        return self.sweeps(start, [beta] * n_sweeps, rng, held if held.any() else None)

    # ---------------------------------------------------------------- recall

    def row_batches(self, n_rows):
        """Rows so few that their states and overlaps stay small."""
        return batches(n_rows, max(1, BLOCK_SIZE // max(self.n_units, self.width)))

    def recall_start(self, states):
        """States and their overlaps."""
        states = states.astype(self.dtype)
        return states, self.overlaps(states)

    def downhill(self, s, overlaps):
        """One sweep at temperature 0, in place."""
        for units in self.blocks:
            self.decide(units, s, overlaps, 0.0, None, None)
        return s, overlaps

    def rests(self, states):
        """In which rows another sweep would change nothing."""
        return self.change(states, self.downhill(*self.recall_start(states))[0]) == 0

    def change(self, before, after):
        """0 for equal rows, infinity for others: no tolerance is wide enough for a flip."""
        return np.where((before != after).any(axis=1), np.inf, 0.0)

    def portions(self, every):
        """Parts of a sweep."""
        return batches(self.n_units, every)

    def follow(self, units, states):
        """New states after some units followed their fields."""
        s, overlaps = self.recall_start(states)
        self.decide(units, s, overlaps, 0.0, None, None)
        return s
