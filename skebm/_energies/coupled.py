"""Energy of a Boltzmann machine, `Coupled`: 0/1 units with any couplings, and its heat bath.

It has one form for all: 0/1 units at T = 1, whatever the encoding and the temperature of the
estimator. So nothing below it knows spins or temperatures: another temperature is another position
on the path from free units.

A sweep lets every unit decide once, in an order that `arrange` chooses. What a unit does follows
from one comparison: it turns on where the field of the others exceeds a threshold, which holds
everything else (a random number, its bias, the temperature, whether it is held). Units without
couplings among them decide at once, others in turn, in blocks.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy import sparse

from ..units import Bernoulli
from .energy import Energy, TooManyStatesError
from .in_turn import decide_in_turn
from .sums import LARGEST_WORK, log_sum, mean_states, work

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
    n_units = coupled.shape[0]
    if not sparse.issparse(coupled) and np.count_nonzero(coupled) == n_units * (n_units - 1):
        return Arrangement((), slice(0, n_units))
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


@dataclass(frozen=True, eq=False)
class Coupled(Energy):
    """Log-weight ``s' W s / 2 + b' s + constant`` of the states s of 0/1 units.

    Attributes
    ----------
    coupling : {ndarray, CSR} of shape (n_units, n_units)
        W, symmetric with a zero diagonal. Everything but sweeps and log-weights needs it dense.
    intercept : ndarray of shape (n_units,) or (n_rows, n_units)
        b; for all rows or for each.
    constant : float
        What the encoding adds.
    base : ndarray of shape (n_units,) or (n_rows, n_units), or None
        Biases of the free units at the other end of the path; for all rows or for each. None for 0:
        then a position beta is this model at the temperature 1 / beta.
    arrangement : Arrangement or None
        The order of a sweep; None while there are no sweeps to come.
    """

    coupling: np.ndarray | sparse.csr_array
    intercept: np.ndarray
    constant: float = 0.0
    base: np.ndarray | None = None
    arrangement: Arrangement | None = None

    def arranged(self):
        """The same for sweeps: the fastest form of the couplings, and an order of the units."""
        coupling, n_units = self.coupling, len(self.coupling)
        if n_units >= SPARSE_UNITS:
            share = np.count_nonzero(coupling) / n_units**2
            coupling = sparse.csr_array(coupling) if share < SPARSE_SHARE else coupling
        return self.replace(coupling=coupling, arrangement=arrange(coupling))

    def astype(self, dtype):
        """The same in another precision."""
        base = self.base
        return self.replace(
            coupling=self.coupling.astype(dtype, copy=False),
            intercept=self.intercept.astype(dtype, copy=False),
            base=None if base is None else base.astype(dtype, copy=False),
        )

    def given(self, first_states):
        """The model of the other units that remains when the first ones are held, row by row.

        Its log-weights leave out what the first ones contribute by themselves.
        """
        n_first, coupling = first_states.shape[1], self.coupling
        return Coupled(
            coupling[n_first:, n_first:],
            first_states @ coupling[:n_first, n_first:] + self.intercept[n_first:],
            arrangement=self.arrangement and self.arrangement.behind(n_first),
        )

    def log_weight(self, s, beta=1.0):
        """Logarithm of the unnormalised probability of every row, at a position of the path."""
        return np.ravel(beta) * self.slope(s) + self._base_log_weight(s)

    def slope(self, s):
        """By how much the log-weight of every row rises per unit of beta."""
        field = (self.coupling @ s.T).T * 0.5
        field += self.intercept
        total = np.einsum("ij,ij->i", field, s, dtype=np.float64) + self.constant
        return total - self._base_log_weight(s)

    def _base_log_weight(self, s):
        if self.base is None:
            return 0.0
        base = self.base.astype(np.float64)
        return s @ base if base.ndim == 1 else np.einsum("ij,ij->i", s, base)

    def weigh_and_sweep(self, s, here, there, rng):
        """A step of annealing, whose change of the log-weights is linear."""
        return (there - here) * self.slope(s), self.sweeps(s, [there], rng)

    def near(self, means, n_states):
        """Biases fitted to the means of every row, moved off 0 and 1 by one more state."""
        unit = Bernoulli()
        means = unit.smoothed_mean(means, n_states[:, np.newaxis])
        return self.replace(base=unit.field(means, 1.0))

    def independent(self, n_states, rng):
        """Draw free units; also their ln Z."""
        dtype, n_units = self.intercept.dtype, self.intercept.shape[-1]
        base = np.zeros(n_units, dtype) if self.base is None else self.base
        probability = np.atleast_2d(0.5 * (1 + np.tanh(0.5 * base)))
        # columns are units in every state array, so that its transpose is contiguous
        states = (rng.random((n_units, n_states)) < probability.T).astype(dtype).T
        log_partition = np.logaddexp(0, base).sum(axis=-1)
        return states, log_partition if base.ndim > 1 else float(log_partition)

    def sweeps(self, s, betas, rng, held=None):
        """Sweeps of the heat bath; the result is the transpose of a contiguous array."""
        dtype = self.intercept.dtype
        # (n_units, n_chains): what a unit does in all chains lies together
        s = np.array(s.T, dtype=dtype, order="C")
        bias = np.atleast_2d(self.intercept).T
        if held is not None:
            never, always = held.T & (s == 0), held.T & (s == 1)
        betas, n_at_once = list(betas), max(1, DRAW // s.size) if s.size else 1
        with np.errstate(over="ignore"):
            sweep = _sweeper(self, s)
            for first in range(0, len(betas), n_at_once):
                group = betas[first : first + n_at_once]
                draws = logistic(rng, (len(group), *s.shape), dtype)
                for beta, thresholds in zip(group, draws, strict=True):
                    if np.ndim(beta) or beta != 1:
                        _tilt(thresholds, np.asarray(beta, dtype).T, self.base)
                    thresholds -= bias
                    if held is not None:
                        thresholds[never], thresholds[always] = np.inf, -np.inf
                    sweep(thresholds)
        return s.T

    def exact_work(self):
        coupling = self.coupling
        return work(coupling.toarray() if sparse.issparse(coupling) else coupling)

    def exact_log_partition(self):
        """Ln Z, summed over the states of units that touch all couplings."""
        coupling = self.coupling
        coupling = coupling.toarray() if sparse.issparse(coupling) else coupling
        if self.exact_work() > LARGEST_WORK:
            raise TooManyStatesError(
                f"needs at most {LARGEST_WORK} = 2^27 joint states of units that touch all "
                "couplings, counted once for each of the other units; "
                f"the {len(coupling)} units of this model have more."
            )
        return float(log_sum(coupling, self.intercept[np.newaxis])[0]) + self.constant

    def problem(self):
        """Whether parameters are not finite, as a sentence; None if they are."""
        if all(np.isfinite(array).all() for array in (self.coupling, self.intercept)):
            return None
        return "The parameters are not finite."

    def marginal_log_weight(self, v):
        """Logarithm of the unnormalised probability of the first units' states, others summed out.

        The sum must be feasible, see `sums.work`.
        """
        n_visible = v.shape[1]
        alone = self.coupling[:n_visible, :n_visible], self.intercept[:n_visible]
        hidden = self.given(v)
        return Coupled(*alone, self.constant).log_weight(v) + log_sum(
            hidden.coupling, hidden.intercept
        )

    def pseudo_likelihood(self, v):
        """``sum_i ln p(v_i | all other v)`` of the first units' states, others summed out."""
        n_visible, hidden = v.shape[1], self.given(v)
        # what turning a unit over does to the log-weight, by its own field and the hidden sum
        flip = 1 - 2 * v
        change = v @ self.coupling[:n_visible, :n_visible] + self.intercept[:n_visible]
        change *= flip
        if hidden.intercept.shape[1]:
            here = _log_sum(hidden.coupling, hidden.intercept)
            for i, weights in enumerate(self.coupling[:n_visible, n_visible:]):
                field = hidden.intercept + np.multiply.outer(flip[:, i], weights)
                change[:, i] += _log_sum(hidden.coupling, field) - here
        return -np.logaddexp(0, change).sum(axis=1)

    def exact_means(self):
        """Mean of every unit for every row of the intercept, summed exactly."""
        return mean_states(self.coupling, self.intercept).astype(self.intercept.dtype)


def _log_sum(coupling, field):
    """As `sums.log_sum`, without looking for groups where there are no couplings."""
    return log_sum(coupling, field) if coupling.any() else np.logaddexp(0, field).sum(axis=1)


def _tilt(thresholds, beta, base):
    """Move thresholds to positions on the path: in place, (logit - (1 - beta) base) / beta."""
    if base is not None:
        thresholds -= (1 - beta) * np.atleast_2d(base.astype(thresholds.dtype)).T
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
    from . import compiled

    coupling, (at_once, in_turn) = model.coupling, model.arrangement
    n_units, n_chains = s.shape
    dense = isinstance(in_turn, slice) and in_turn == slice(0, n_units)
    if compiled.sweep_few and dense and not sparse.issparse(coupling) and n_chains <= FEW_CHAINS:
        return _keeper(coupling, s)
    steps = [(units, coupling[units], None) for units in at_once]
    numbers = np.arange(n_units)[in_turn]
    if compiled.sweep_block:
        block = 128 if n_chains < 256 else 96
    else:
        block = 128 if n_chains < 16 else 64 if n_chains < 256 else 32
    for first in range(0, len(numbers), block):
        units = _as_slice(numbers[first : first + block])
        rows = coupling[units]
        inside = rows[:, units]
        inside = inside.toarray() if sparse.issparse(inside) else inside
        steps.append((units, rows, np.tril(inside)))

    def sweep(thresholds):
        for units, rows, inside in steps:
            field = rows @ s
            if inside is None:
                s[units] = field > thresholds[units]
            elif compiled.sweep_block:
                state = s[units]
                compiled.sweep_block(field, thresholds[units], state, inside)
                if not isinstance(units, slice):  # a copy, not a view
                    s[units] = state
            else:
                field -= thresholds[units]
                s[units] = decide_in_turn(_on, inside.__matmul__, field, s[units])

    return sweep


def _on(field):
    return (field > 0).astype(field.dtype)


def _keeper(coupling, s):
    """Like `_sweeper`, for few chains of densely coupled units: their fields are kept."""
    from . import compiled

    states, n_done, field = np.ascontiguousarray(s.T), 0, None

    def sweep(thresholds):
        nonlocal field, n_done
        if n_done % REFRESH == 0:
            field = states @ coupling
        n_done += 1
        compiled.sweep_few(field, np.ascontiguousarray(thresholds.T), states, coupling)
        s[:] = states.T

    return sweep
