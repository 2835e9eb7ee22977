"""Energies as plain values.

`Bipartite` is the energy of a restricted Boltzmann machine: two sides of units, coupled to each
other and not among themselves. It is the model of the visible side that remains when the hidden
side is summed out, and `swapped` is the same model seen from the other end, so that nothing is
written twice. `Pairwise` is the energy of a memory: spins with couplings of low rank.

Annealed sampling and likelihoods (`_likelihood`) know a model only through four methods:
`log_weight`, `sweep`, `toward` and `independent`.
"""

from dataclasses import dataclass, fields
from functools import cached_property
from typing import NamedTuple

import numpy as np
from sklearn.utils import gen_batches
from sklearn.utils.extmath import safe_sparse_dot

from .units import Unit

# factors of more entries than that are kept as bytes and cast piece by piece
LARGEST_CAST = 2**24
# units that decide in turn between two updates of the overlaps
BLOCK = 256


class Bipartite(NamedTuple):
    """Energy ``E(v, h) = sum E0(v) + sum E0(h) - h' W v - a' v - b' h`` at a temperature.

    Attributes
    ----------
    weights : ndarray of shape (n_hidden, n_visible)
        W.
    intercept_visible : ndarray of shape (n_visible,)
        a.
    intercept_hidden : ndarray of shape (n_hidden,)
        b.
    visible, hidden : Unit
        Unit types of the two sides.
    temperature : float
        T; the probability of a state is ``exp(-E / T) / Z``.
    """

    weights: np.ndarray
    intercept_visible: np.ndarray
    intercept_hidden: np.ndarray
    visible: Unit
    hidden: Unit
    temperature: float = 1.0

    def swapped(self):
        """The same model with the roles of the two sides exchanged."""
        return Bipartite(
            self.weights.T,
            self.intercept_hidden,
            self.intercept_visible,
            self.hidden,
            self.visible,
            self.temperature,
        )

    def problem(self):
        """What keeps this from being a proper distribution, as a sentence; None if nothing."""
        arrays = self.weights, self.intercept_visible, self.intercept_hidden
        if not all(np.isfinite(array).all() for array in arrays):
            return "The parameters are not finite."
        n_hidden, n_visible = self.weights.shape
        rows = _quadratic_deviations(self.hidden, n_hidden)
        columns = _quadratic_deviations(self.visible, n_visible)
        if rows.any() and columns.any():
            largest = np.linalg.norm(rows[:, np.newaxis] * self.weights * columns, 2)
            if largest >= 1:
                return (
                    f"The largest singular value of the weights is {largest:.4g}; between "
                    f"{self.visible!r} and {self.hidden!r} units it must be below 1, or the "
                    "probabilities need not have a finite sum."
                )
        return None

    def hidden_field(self, v):
        """Field on every hidden unit, shape (n_rows, n_hidden); `v` may be CSR."""
        field = safe_sparse_dot(v, self.weights.T, dense_output=True)
        field += self.intercept_hidden
        return field

    def visible_field(self, h):
        """Field on every visible unit, shape (n_rows, n_visible)."""
        return self.swapped().hidden_field(h)

    def mean_hidden(self, v):
        """E[h | v], shape (n_rows, n_hidden)."""
        field = self.hidden_field(v)
        return self.hidden.mean(field, self.temperature, out=field)

    def sample_hidden(self, v, rng):
        """Draw h from p(h | v)."""
        field = self.hidden_field(v)
        return self.hidden.sample(field, self.temperature, rng, out=field)

    def sample_visible(self, h, rng):
        """Draw v from p(v | h)."""
        return self.swapped().sample_hidden(h, rng)

    def energy(self, v, h):
        """E(v, h) of every pair of rows."""
        coupled = np.einsum("ij,ij->i", self.hidden_field(v), h)
        return self.own_energy(v) + self.hidden.energy(h).sum(axis=1) - coupled

    def own_energy(self, v):
        """Energy of the visible rows alone, without what couples them to the hidden side."""
        bias = safe_sparse_dot(v, self.intercept_visible, dense_output=True)
        return self.visible.energy(v).sum(axis=1) - bias

    def free_energy(self, v):
        """``F(v) = -T ln sum_h exp(-E(v, h) / T)`` of every row."""
        cumulant = self.hidden.cumulant(self.hidden_field(v), self.temperature)
        return self.own_energy(v) - cumulant.sum(axis=1)

    def log_weight(self, v):
        """Logarithm of the unnormalised probability of every visible row."""
        return self.free_energy(v) / -self.temperature

    def sweep(self, v, rng):
        """One Gibbs step: new hidden states given `v`, new visible states given those."""
        return self.sample_visible(self.sample_hidden(v, rng), rng)

    def toward(self, base, beta):
        """The model a fraction `beta` of the way from independent units in the field `base`.

        Parameters
        ----------
        base : ndarray of shape (n_visible,)
            Field of the independent visible units; the hidden ones are in zero field.
        beta : float or ndarray of shape (n_rows, 1)
            From 0, independent units, to 1, the model; for all rows or for each.

        Returns
        -------
        path : Path
            Knows `log_weight` and `sweep`.
        """
        return Path(self, base, beta)

    def independent(self, base, n_states, rng):
        """Draw from independent visible units in the field `base`; also their ln Z.

        The ln Z is that of ``toward(base, 0)``, hidden units in zero field included.
        """
        dtype = self.weights.dtype
        field = np.tile(base.astype(dtype), (n_states, 1))
        states = self.visible.sample(field, self.temperature, rng)
        hidden_field = np.zeros((1, len(self.intercept_hidden)))
        cumulant = self.visible.cumulant(
            base[np.newaxis].astype(np.float64), self.temperature
        ).sum()
        cumulant += self.hidden.cumulant(hidden_field, self.temperature).sum()
        return states, cumulant / self.temperature


class Path(NamedTuple):
    """A bipartite model between independent units and itself, with a position for every row.

    Attributes
    ----------
    model : Bipartite
        The end of the path, at ``beta`` = 1.
    base : ndarray of shape (n_visible,)
        Field of the independent visible units at its start.
    beta : float or ndarray of shape (n_rows, 1)
        Where on the path.
    """

    model: Bipartite
    base: np.ndarray
    beta: float | np.ndarray

    def log_weight(self, v):
        """Logarithm of the unnormalised probability of every visible row."""
        model = self.model
        field = model.hidden_field(v)
        field *= self.beta
        # summed in double precision: annealing adds up many small differences
        total = model.hidden.cumulant(field, model.temperature).sum(axis=1, dtype=np.float64)
        total -= model.visible.energy(v).sum(axis=1)
        position = np.ravel(self.beta)
        total += position * (v @ model.intercept_visible) + (1 - position) * (v @ self.base)
        return total / model.temperature

    def sweep(self, v, rng):
        """One Gibbs step: new hidden states given `v`, new visible states given those."""
        field = self.model.hidden_field(v)
        field *= self.beta
        h = self.model.hidden.sample(field, self.model.temperature, rng, out=field)
        return self.sample_visible(h, rng)

    def sample_visible(self, h, rng):
        """Draw visible states given hidden ones."""
        field = self.model.visible_field(h)
        field *= self.beta
        field += (1 - self.beta) * self.base
        return self.model.visible.sample(field, self.model.temperature, rng, out=field)

    def sample_hidden(self, v, rng):
        """Draw hidden states given visible ones; also the slope of the pairs' log-weights.

        The log-weight of a pair (v, h) is linear in beta, so two rows a distance d apart on the
        path exchange their places with the Metropolis rate of d times the difference of slopes.
        """
        model = self.model
        field = model.hidden_field(v)
        h = model.hidden.sample(self.beta * field, model.temperature, rng)
        slope = np.einsum("ij,ij->i", h, field) + v @ (model.intercept_visible - self.base)
        return h, slope / model.temperature


def _quadratic_deviations(unit, n_columns):
    """Square roots of the spreads of quadratic columns; 0 for the others."""
    deviations = np.zeros(n_columns)
    for part, cut in unit.blocks(n_columns):
        if part.quadratic:
            deviations[cut] = np.sqrt(part.spread)
    return deviations


@dataclass(frozen=True)
class Pairwise:
    """Energy ``E(s) = -(1/2) s' J s - c' s`` of spins ±1 whose couplings are a product of factors.

    ``J = (left right' - diag(diagonal)) / scale`` is symmetric with a zero diagonal, and never
    formed: the field follows from the overlaps ``left' s``, in time and memory proportional to
    the rank instead of to the number of units.

    The factors lie on a grid so coarse that all sums over spins are exact in `dtype`. So rows give
    the same result alone and in a batch, bit for bit, and ties are ties.

    Attributes
    ----------
    left, right : ndarray of shape (n_units, rank)
        Factors; bytes where they are integers and large, else of `dtype`.
    diagonal : ndarray of shape (n_units,)
        Diagonal of ``left right'``.
    bias : ndarray of shape (n_units,)
        ``scale`` times c.
    scale : float
        What divides the product.
    tolerance : float
        A field of at most that, before the division, counts as 0.
    """

    left: np.ndarray
    right: np.ndarray
    diagonal: np.ndarray
    bias: np.ndarray
    scale: float
    tolerance: float = 0.0

    @classmethod
    def from_factors(cls, left, right, scale, *, bias=None, tolerance=0.0):
        """Store factors in the most compact way that keeps all sums exact.

        Integer factors stay integers; others are rounded to a grid. Where the rank exceeds the
        number of units, the couplings themselves take the place of the factors.
        """
        n_units, rank = left.shape
        if rank > n_units:
            left, right = np.eye(n_units, dtype=left.dtype), _product(left, right)
            rank = n_units
        integers = left.dtype.kind == "i" and right.dtype.kind == "i"
        bias = np.zeros(n_units) if bias is None else bias
        if not integers:
            left, right, grid = _on_exact_grid(left, right)
            bias = np.rint(bias / grid) * grid
        diagonal = np.einsum("ij,ij->i", left, right, dtype=np.float64)
        largest = left.size * float(np.abs(left).max()) * float(np.abs(right).max())
        dtype = np.float32 if integers and largest + np.abs(bias).max() < 2**24 else np.float64
        if not integers or left.size <= LARGEST_CAST:
            left, right = (np.ascontiguousarray(part, dtype) for part in (left, right))
        return cls(left, right, diagonal.astype(dtype), bias.astype(dtype), scale, tolerance)

    def __getstate__(self):
        """Without what is derived, which outgrows the factors."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @property
    def dtype(self):
        """Precision in which sums over spins are exact."""
        return self.bias.dtype

    def couplings_ahead(self, units):
        """``scale`` times the couplings of every unit of a slice to those behind it in there."""
        left, right = (part[units].astype(self.dtype) for part in (self.left, self.right))
        return np.triu(left @ right.T, 1)

    @cached_property
    def blocks(self):
        """Units of every block, as slices, and what they do to those behind them."""
        parts = gen_batches(len(self.bias), BLOCK)
        return [(units, self.couplings_ahead(units)) for units in parts]

    def overlaps(self, s, units=slice(None)):
        """``left' s`` of every row, shape (n_rows, rank), from the states of those units."""
        left = self.left[units]
        if left.dtype == self.dtype:
            return s @ left
        total = 0
        for part in gen_batches(len(left), max(BLOCK, LARGEST_CAST // left.shape[1])):
            total = total + s[:, part] @ left[part].astype(s.dtype)
        return total

    def field_on(self, units, s, overlaps):
        """``scale`` times the field on some units, shape (n_rows, number of units)."""
        field = overlaps @ self.right[units].T.astype(overlaps.dtype, copy=False)
        field -= self.diagonal[units] * s[:, units]
        field += self.bias[units]
        return field

    def field(self, s):
        """``scale`` times the field on all units."""
        overlaps = self.overlaps(s)
        parts = gen_batches(len(self.bias), max(BLOCK, LARGEST_CAST // self.left.shape[1]))
        return np.concatenate([self.field_on(units, s, overlaps) for units in parts], axis=1)

    def energy(self, s):
        """Energy of every row."""
        aligned = (s * self.field(s)).sum(axis=1, dtype=np.float64)
        return -0.5 * (aligned + s @ self.bias) / self.scale

    def coupling(self):
        """The matrix J, shape (n_units, n_units)."""
        product = _product(self.left, self.right).astype(np.float64)
        np.fill_diagonal(product, 0)
        # rounding the two factors left differences below their grid
        return (product + product.T) / (2 * self.scale)


def _product(left, right):
    """``left right'`` without overflow of bytes; integers stay integers."""
    product = left.astype(np.float64) @ right.T.astype(np.float64)
    integers = left.dtype.kind == right.dtype.kind == "i"
    return np.rint(product).astype(np.int64) if integers else product


def _on_exact_grid(left, right):
    """Round factors so that ``right (left' s)`` is exact in double precision for spins s.

    Returns the factors and the grid of their products.
    """
    factors = [left.astype(np.float64), right.astype(np.float64)]
    bits = [int(np.ceil(np.log2(max(np.abs(part).max(), 1e-300) + 1))) for part in factors]
    whole = [np.array_equal(part, np.rint(part)) for part in factors]
    # what the sums over units and over ranks, and a factor of integers, leave of 52 bits
    free = 52 - int(np.ceil(np.log2(left.size)))
    free -= sum(b for b, w in zip(bits, whole, strict=True) if w)
    grid = 1.0
    for k, part in enumerate(factors):
        if whole[k]:
            continue
        exponent = int(np.ceil(np.log2(max(np.abs(part).max(), 1e-300))))
        step = 2.0 ** (exponent - free // whole.count(False))
        factors[k] = np.rint(part / step) * step
        grid *= step
    return *factors, grid
