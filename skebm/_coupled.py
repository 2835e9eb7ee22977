"""Energy of 0/1 units with any couplings, and its heat bath.

`Coupled` is the model of a Boltzmann machine in one form for all: 0/1 units at T = 1, whatever
the encoding and the temperature of the estimator. So nothing below it knows spins or
temperatures: another temperature is another position on the path `toward` free units.

A sweep lets every unit decide once, in an order that `arrange` chooses. What a unit does follows
from one comparison: it turns on where the field of the others exceeds a threshold, which holds
everything else (a random number, its bias, the temperature, whether it is held). Units without
couplings among them decide at once. Others decide in turn, in blocks: guess all, correct each for
the changes guessed before it, and guess again until nothing changes; this is exactly what one
after another would have given.
"""

from typing import NamedTuple

import numpy as np
from scipy import sparse

from . import _fast

# units of one colour that are worth a step of their own
LARGE_CLASS = 32
# of the numbers of pairs; below that, products with sparse couplings are faster
SPARSE_SHARE, SPARSE_UNITS = 0.05, 256
# chains up to which compiled loops keep the fields instead of computing them
FEW_CHAINS = 32
# sweeps after which kept fields are computed anew, against accumulated rounding
REFRESH = 32
FREE = 1e-30
# random numbers drawn at once: small systems share a draw among sweeps
DRAW = 2**16


class Arrangement(NamedTuple):
    """The order of a sweep.

    Attributes
    ----------
    at_once : tuple of ndarray or slice
        Groups of units without couplings inside.
    in_turn : ndarray or slice
        The other units.
    """

    at_once: tuple
    in_turn: np.ndarray | slice

    def behind(self, first):
        """The same order of the units from `first` on, counted from there."""

        def cut(units):
            if isinstance(units, slice):
                return slice(max(units.start - first, 0), max(units.stop - first, 0))
            return _as_slice(units[units >= first] - first)

        return Arrangement(tuple(cut(units) for units in self.at_once), cut(self.in_turn))


def arrange(coupled):
    """Colour the units so that coupled ones differ; small colours are visited in turn.

    Parameters
    ----------
    coupled : {ndarray, CSR} of shape (n_units, n_units)
        Nonzero where two units are coupled.

    Returns
    -------
    arrangement : Arrangement
        Large colours first.
    """
    graph = sparse.csr_array(coupled)
    colour = np.full(graph.shape[0], -1)
    for unit in range(len(colour)):
        taken = colour[graph.indices[graph.indptr[unit] : graph.indptr[unit + 1]]]
        free = np.ones(len(taken) + 2, dtype=bool)
        free[taken[taken < len(free)]] = False
        free[-1] = True  # where -1, not coloured yet, points to
        colour[unit] = free.argmax()
    sizes = np.bincount(colour)
    large = np.flatnonzero(sizes >= LARGE_CLASS)
    at_once = tuple(_as_slice(np.flatnonzero(colour == number)) for number in large)
    return Arrangement(at_once, _as_slice(np.flatnonzero(sizes[colour] < LARGE_CLASS)))


def _as_slice(units):
    if units.size and units[-1] - units[0] + 1 == units.size:
        return slice(int(units[0]), int(units[-1]) + 1)
    return units


class Coupled(NamedTuple):
    """Log-weight ``s' W s / 2 + b' s + constant`` of the states s of 0/1 units.

    Attributes
    ----------
    coupling : {ndarray, CSR} of shape (n_units, n_units)
        W, symmetric with a zero diagonal.
    intercept : ndarray of shape (n_units,) or (n_rows, n_units)
        b; for all rows or for each.
    constant : float
        What the encoding adds.
    arrangement : Arrangement or None
        The order of a sweep; None while there are no sweeps to come.
    """

    coupling: np.ndarray | sparse.csr_array
    intercept: np.ndarray
    constant: float = 0.0
    arrangement: Arrangement | None = None

    @classmethod
    def of(cls, coupling, intercept, constant=0.0):
        """Make a model for sweeps: the form of the couplings, and an order of the units.

        Everything but sweeps and log-weights needs dense couplings, as the constructor takes them.
        """
        n_units = len(coupling)
        if n_units >= SPARSE_UNITS:
            share = np.count_nonzero(coupling) / n_units**2
            coupling = sparse.csr_array(coupling) if share < SPARSE_SHARE else coupling
        return cls(coupling, intercept, constant, arrange(coupling))

    def astype(self, dtype):
        """The same in another precision."""
        return self._replace(
            coupling=self.coupling.astype(dtype, copy=False),
            intercept=self.intercept.astype(dtype, copy=False),
        )

    def log_weight(self, s):
        """Logarithm of the unnormalised probability of every row."""
        field = (self.coupling @ s.T).T * 0.5
        field += self.intercept
        return np.einsum("ij,ij->i", field, s, dtype=np.float64) + self.constant

    def toward(self, base, beta):
        """The model a fraction `beta` of the way from free units with the biases `base`.

        `beta` is a float, or of shape (n_rows, 1). With zero `base` it is this model at the
        temperature 1 / `beta`.
        """
        return Between(self, base, beta)

    def independent(self, base, n_states, rng):
        """Draw from free units with the biases `base`; also their ln Z."""
        dtype = self.intercept.dtype
        probability = 0.5 * (1 + np.tanh(0.5 * base))
        # columns are units in every state array, so that its transpose is contiguous
        states = (rng.random((len(base), n_states)) < probability[:, np.newaxis]).astype(dtype).T
        return states, float(np.logaddexp(0, base).sum())

    def sweep(self, s, rng):
        """One sweep of the heat bath."""
        return self.toward(np.zeros(1, s.dtype), 1.0).sweep(s, rng)


class Between(NamedTuple):
    """A model between free units and itself.

    Attributes
    ----------
    model : Coupled
        The end of the path, at ``beta`` = 1.
    base : ndarray of shape (n_units,)
        Biases of the free units at its start.
    beta : float or ndarray of shape (n_rows, 1)
        Where on the path.
    """

    model: Coupled
    base: np.ndarray
    beta: float | np.ndarray

    def slope(self, s):
        """By how much the log-weight of every row rises per unit of beta."""
        return self.model.log_weight(s) - s @ self.base.astype(np.float64)

    def log_weight(self, s):
        """Logarithm of the unnormalised probability of every row."""
        return np.ravel(self.beta) * self.slope(s) + s @ self.base.astype(np.float64)

    def sweep(self, s, rng):
        """One sweep of the heat bath."""
        return heat_bath(self.model, s, [self.beta], rng, base=self.base)


def heat_bath(model, states, betas, rng, *, base=None, held=None):
    """One sweep at every position of the path from free units to the model.

    Parameters
    ----------
    model : Coupled
        The end of the path.
    states : ndarray of shape (n_chains, n_units)
        Where to start, 0 and 1; not changed.
    betas : iterable of float or ndarray of shape (n_chains, 1)
        Positions; inverse temperatures relative to the model's.
    rng : numpy.random.Generator
        Source of randomness.
    base : ndarray of shape (n_units,), default=None
        Biases of the free units; None for 0.
    held : ndarray of bool of shape (n_chains, n_units), default=None
        Units that keep their states.

    Returns
    -------
    states : ndarray of shape (n_chains, n_units)
        The states after the last sweep; the transpose of a contiguous array.
    """
    dtype = model.intercept.dtype
    # (n_units, n_chains): what a unit does in all chains lies together
    s = np.array(states.T, dtype=dtype, order="C")
    bias = np.atleast_2d(model.intercept).T
    if held is not None:
        never, always = held.T & (s == 0), held.T & (s == 1)
    betas, n_at_once = list(betas), max(1, DRAW // s.size) if s.size else 1
    with np.errstate(over="ignore"):
        walk = _sweeper(model, s)
        for first in range(0, len(betas), n_at_once):
            group = betas[first : first + n_at_once]
            draws = logistic(rng, (len(group), *s.shape), dtype)
            for beta, thresholds in zip(group, draws, strict=True):
                if np.ndim(beta) or beta != 1:
                    _tilt(thresholds, np.asarray(beta, dtype).T, base)
                thresholds -= bias
                if held is not None:
                    thresholds[never], thresholds[always] = np.inf, -np.inf
                walk(thresholds)
    return s.T


def _tilt(thresholds, beta, base):
    """Move thresholds to positions on the path: in place, (logit - (1 - beta) base) / beta."""
    if base is not None:
        thresholds -= (1 - beta) * base.astype(thresholds.dtype)[:, np.newaxis]
    thresholds *= 1 / np.maximum(beta, thresholds.dtype.type(FREE))


def logistic(rng, shape, dtype):
    """Random numbers of the standard logistic distribution, the logit of a uniform number."""
    size, dtype = int(np.prod(shape)), np.dtype(dtype)
    # the same numbers in both precisions, as far as each resolves them
    words = rng.integers(2**64, size=(size + 1) // 2, dtype=np.uint64).view(np.uint32)[:size]
    bits = 23 if dtype == np.float32 else 32
    words >>= np.uint32(32 - bits)
    uniform = words.astype(dtype)
    # u 2^bits as a half-integer: never 0 or 1, and 1 - u is exact
    uniform += dtype.type(0.5)
    rest = dtype.type(2.0**bits) - uniform
    uniform /= rest
    return np.log(uniform, out=uniform).reshape(shape)


def _sweeper(model, s):
    """A function of the thresholds that lets every unit of `s` decide once, in place."""
    coupling, (at_once, in_turn) = model.coupling, model.arrangement
    n_units, n_chains = s.shape
    dense = isinstance(in_turn, slice) and in_turn == slice(0, n_units)
    if _fast.walk_few and dense and not sparse.issparse(coupling) and n_chains <= FEW_CHAINS:
        return _keeper(coupling, s)
    steps = [(units, coupling[units], None) for units in at_once]
    numbers = np.arange(n_units)[in_turn]
    if _fast.walk:
        block = 128 if n_chains < 256 else 96
    else:
        block = 128 if n_chains < 16 else 64 if n_chains < 256 else 32
    for first in range(0, len(numbers), block):
        units = _as_slice(numbers[first : first + block])
        rows = coupling[units]
        inside = rows[:, units]
        inside = inside.toarray() if sparse.issparse(inside) else inside
        steps.append((units, rows, np.tril(inside)))

    def walk(thresholds):
        for units, rows, inside in steps:
            field = rows @ s
            if inside is None:
                s[units] = field > thresholds[units]
            elif _fast.walk:
                state = s[units]
                _fast.walk(field, thresholds[units], state, inside)
                if not isinstance(units, slice):  # a copy, not a view
                    s[units] = state
            else:
                field -= thresholds[units]
                s[units] = _in_turn(field, s[units], inside)

    return walk


def _in_turn(field, before, inside):
    """States of a block whose units decide one after another, given its field minus threshold."""
    after = (field > 0).astype(field.dtype)
    while True:
        corrected = inside @ (after - before)
        corrected += field
        refined = (corrected > 0).astype(field.dtype)
        if np.array_equal(refined, after):
            return after
        after = refined


def _keeper(coupling, s):
    """Like `_sweeper`, for few chains of densely coupled units: their fields are kept."""
    states, n_done, field = np.ascontiguousarray(s.T), 0, None

    def walk(thresholds):
        nonlocal field, n_done
        if n_done % REFRESH == 0:
            field = states @ coupling
        n_done += 1
        _fast.walk_few(field, np.ascontiguousarray(thresholds.T), states, coupling)
        s[:] = states.T

    return walk
