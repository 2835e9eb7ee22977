"""Energy of a classic memory, `Pairwise`: spins whose couplings have a low rank."""

from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np

from .._blocks import batches
from .in_turn import decide_in_turn
from .spins import Spins

# factors of more entries than that are kept as bytes and cast piece by piece
LARGEST_CAST = 2**24
# units that decide in turn between two updates of the overlaps
BLOCK = 256


@dataclass(frozen=True, eq=False)
class Pairwise(Spins):
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
        is_one = left is right
        if not integers:
            left, right, grid = _on_exact_grid(left, right)
            bias = np.rint(bias / grid) * grid
        diagonal = np.einsum("ij,ij->i", left, right, dtype=np.float64)
        largest = left.size * float(np.abs(left).max()) * float(np.abs(right).max())
        dtype = np.float32 if integers and largest + np.abs(bias).max() < 2**24 else np.float64
        is_small = left.size <= LARGEST_CAST
        left = _cast(left, dtype, is_small)
        right = left if is_one else _cast(right, dtype, is_small)
        return cls(left, right, diagonal.astype(dtype), bias.astype(dtype), scale, tolerance)

    def __getstate__(self):
        """The factors in as few bytes as hold them, without what is derived."""
        state = {field.name: getattr(self, field.name) for field in fields(self)}
        state["left"] = _in_few_bytes(self.left)
        state["right"] = None if self.right is self.left else _in_few_bytes(self.right)
        return state

    def __setstate__(self, state):
        """The same as before, bit for bit."""
        left, right = state["left"], state["right"]
        is_small = left.size <= LARGEST_CAST
        left = _cast(left, state["bias"].dtype, is_small)
        right = left if right is None else _cast(right, state["bias"].dtype, is_small)
        vars(self).update(state | {"left": left, "right": right})

    @property
    def n_units(self):
        """N."""
        return len(self.bias)

    @property
    def width(self):
        """Rank."""
        return self.left.shape[1]

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
        """Units that decide between two updates of the overlaps, as slices."""
        return list(batches(self.n_units, BLOCK))

    @cached_property
    def ahead(self):
        """What the units of every block do to those behind them in there."""
        parts = self.blocks
        return {(part.start, part.stop): self.couplings_ahead(part) for part in parts}

    def overlaps(self, s, units=slice(None)):
        """``left' s`` of every row, shape (n_rows, rank), from the states of those units."""
        left = self.left[units]
        if left.dtype == self.dtype:
            return s @ left
        total = 0
        for part in batches(len(left), max(BLOCK, LARGEST_CAST // left.shape[1])):
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
        parts = batches(len(self.bias), max(BLOCK, LARGEST_CAST // self.left.shape[1]))
        return np.concatenate([self.field_on(units, s, overlaps) for units in parts], axis=1)

    def turned(self, s):
        """All spins along their fields at once; those without one as they were."""
        return _turned(self.field(s), s, self.tolerance, None, None)

    def energy(self, s):
        """Energy of every row."""
        aligned = (s * self.field(s)).sum(axis=1, dtype=np.float64)
        return -0.5 * (aligned + s @ self.bias) / self.scale

    def decide(self, units, s, overlaps, temperature, rng, held):
        """Let a slice of units decide one after another, in place."""
        field, before = self.field_on(units, s, overlaps), s[:, units]
        threshold, moving = None, slice(None)
        if np.ndim(temperature) or temperature:
            # P(+1) = 1 / (1 + exp(-2 field / T)): the field exceeds half of T logit(u)
            uniform = rng.random(field.shape, dtype=field.dtype)
            np.maximum(uniform, 2.0**-25, out=uniform)
            threshold = np.log(uniform) - np.log1p(-uniform)
            threshold *= (0.5 * self.scale * np.asarray(temperature)).astype(field.dtype)
        else:
            # only rows in which a unit would move need to be gone through in turn
            moves = field * before < -self.tolerance
            if held is not None:
                moves &= ~held
            is_moving = moves.any(axis=1)
            if not is_moving.any():
                return
            if not is_moving.all():
                moving = is_moving
                field, before = field[moving], before[moving]
                held = None if held is None else held[moving]
        ahead = self.ahead.get((units.start, units.stop))
        if ahead is None:
            ahead = self.couplings_ahead(units)
        after = decide_in_turn(
            lambda field: _turned(field, before, self.tolerance, threshold, held),
            lambda change: change @ ahead,
            field,
            before,
        )
        overlaps[moving] += self.overlaps(after - before, units)
        s[moving, units] = after

    def coupling(self):
        """The matrix J, shape (n_units, n_units)."""
        product = _product(self.left, self.right).astype(np.float64)
        np.fill_diagonal(product, 0)
        # rounding the two factors left differences below their grid
        return (product + product.T) / (2 * self.scale)


def _turned(field, before, tolerance, threshold, held):
    """Spins along their fields, or beyond a threshold; old ones without a field, or held."""
    if threshold is None:
        after = np.where(np.abs(field) <= tolerance, before, np.sign(field))
    else:
        after = np.where(field > threshold, 1, -1).astype(field.dtype)
    return after if held is None else np.where(held, before, after)


def _cast(factor, dtype, is_small):
    """A factor in the precision of sums; large ones of integers are cast piece by piece, later."""
    if factor.dtype.kind == "i" and not is_small:
        return factor
    return np.ascontiguousarray(factor, dtype)


def _in_few_bytes(factor):
    """The same numbers, as bytes where they are whole and small."""
    small = factor.astype(np.int8) if np.abs(factor).max(initial=0) < 128 else factor
    return small if np.array_equal(small, factor) else factor


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
        factors[k] = np.rint(part / step) * step + 0.0  # no negative zeros
        grid *= step
    return *factors, grid
