"""Sides made of blocks of columns with different unit types."""

from __future__ import annotations

from collections.abc import Iterable
from math import prod
from numbers import Integral

import numpy as np

from ._base import Unit, like
from ._names import UNITS, as_unit


class Composite(Unit):
    """One side made of blocks of columns, each with a unit type of its own, for mixed tables.

    Parameters
    ----------
    blocks : sequence of (unit, n_columns)
        Unit types, by name or as an object, and the number of columns of each, in the order of
        the columns (as `ColumnTransformer` puts them out).

    Raises
    ------
    ValueError
        If a block names no unit type, or its number of columns does not suit the type.

    Examples
    --------
    >>> import numpy as np
    >>> from skebm.units import Categorical, Composite
    >>> side = Composite([("bernoulli", 1), ("gaussian", 2), (Categorical(3), 3)])
    >>> field = np.array([[0.0, 0.3, -0.2, 0.0, 0.0, 0.7]])
    >>> side.mean(field, temperature=1.0).round(2)
    array([[ 0.5 ,  0.3 , -0.2 ,  0.25,  0.25,  0.5 ]])
    """

    def __init__(self, blocks: Iterable[tuple[str | Unit, int]]) -> None:
        checked = []
        for unit, n_columns in blocks:
            unit = as_unit(unit)
            if not isinstance(unit, Unit):
                raise ValueError(
                    "The blocks of Composite need a unit type of skebm.units or one of the names "
                    f"{sorted(UNITS)}, got {unit!r}."
                )
            if not isinstance(n_columns, Integral) or n_columns < 1:
                raise ValueError(
                    f"The {unit!r} block of Composite must have at least one column, got "
                    f"{n_columns!r}."
                )
            checked += [(part, cut.stop - cut.start) for part, cut in unit.blocks(int(n_columns))]
        self.parts = tuple(checked)

    @property
    def width(self):
        """Number of columns of all blocks."""
        return sum(n_columns for _, n_columns in self.parts)

    @property
    def resting_mean(self):
        """That of every column's unit type."""
        return self._columns("resting_mean")

    @property
    def step_scale(self):
        """That of every column's unit type."""
        return self._columns("step_scale")

    @property
    def quadratic(self):
        """Whether some block is."""
        return any(unit.quadratic for unit, _ in self.parts)

    @property
    def learns_variance(self):
        """Whether a block does."""
        return any(unit.learns_variance for unit, _ in self.parts)

    @property
    def has_scale(self):
        """Whether a block does."""
        return any(unit.has_scale for unit, _ in self.parts)

    def with_variance(self, variance, data_variance):
        """The same blocks, with these spreads where they learn one."""
        return Composite(
            [
                (unit.with_variance(variance[cut], data_variance[cut]), cut.stop - cut.start)
                for unit, cut in self.blocks(len(variance))
            ]
        )

    def blocks(self, n_columns):
        """List of (unit type, slice of columns)."""
        if n_columns != self.width:
            raise ValueError(
                f"The blocks of {self!r} have {self.width} columns in all, but there are "
                f"{n_columns} columns."
            )
        stops = np.cumsum([n for _, n in self.parts]).tolist()
        return [
            (unit, slice(stop - n, stop)) for (unit, n), stop in zip(self.parts, stops, strict=True)
        ]

    def cumulant(self, field, temperature):
        """Cumulant functions of all units."""
        return self._joined("cumulant", field, temperature)

    def mean(self, field, temperature, out=None):
        """Means of all columns."""
        return self._written("mean", field, temperature, out=out)

    def variance(self, field, temperature):
        """Variances of all columns."""
        return self._joined("variance", field, temperature)

    def sample(self, field, temperature, rng, out=None):
        """Draw the states of all units."""
        return self._written("sample", field, temperature, rng, out=out)

    def field(self, mean, temperature):
        """Fields that give all columns their means."""
        return self._joined("field", mean, temperature)

    def energy(self, state, temperature):
        """Own energies of all units."""
        return self._joined("energy", state, temperature)

    def discretize(self, means, rng, out=None):
        """Draw states of the discrete units; copy the others."""
        return self._written("discretize", means, rng, out=out)

    def smoothed_mean(self, mean, n_samples):
        """Means of all columns, moved off the bounds."""
        return self._joined("smoothed_mean", mean, n_samples)

    def holds_means(self, X):
        """Whether some values of the discrete columns are no states."""
        return any(unit.holds_means(X[:, columns]) for unit, columns in self.blocks(X.shape[1]))

    def count_states(self, n_columns):
        """Number of joint states; infinite if a block is continuous."""
        counts = [
            unit.count_states(columns.stop - columns.start)
            for unit, columns in self.blocks(n_columns)
        ]
        # a product of infinity and a number beyond floats raises
        return np.inf if np.inf in counts else prod(counts)

    def states(self, n_columns, numbers, dtype=np.float64):
        """Joint states of the given numbers, a state a row."""
        pieces, numbers = [], np.asarray(numbers)
        for unit, columns in self.blocks(n_columns):
            size = columns.stop - columns.start
            pieces.append(unit.states(size, numbers % unit.count_states(size), dtype))
            numbers = numbers // unit.count_states(size)
        return np.hstack(pieces)

    def _columns(self, name):
        return np.concatenate([np.broadcast_to(getattr(unit, name), n) for unit, n in self.parts])

    def _joined(self, method, array, *arguments):
        pieces = [
            getattr(unit, method)(array[..., columns], *arguments)
            for unit, columns in self.blocks(array.shape[-1])
        ]
        return np.concatenate(pieces, axis=-1)

    def _written(self, method, array, *arguments, out):
        out = like(array, out)
        for unit, columns in self.blocks(array.shape[-1]):
            getattr(unit, method)(array[..., columns], *arguments, out=out[..., columns])
        return out

    def __repr__(self):
        return f"Composite({list(self.parts)!r})"

    def __eq__(self, other):
        return type(self) is type(other) and self.parts == other.parts

    __hash__ = Unit.__hash__
