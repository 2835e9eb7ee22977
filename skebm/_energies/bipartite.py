"""Energy of a restricted Boltzmann machine, `Bipartite`.

Two sides of units, coupled to each other and not among themselves. It is the model of the visible
side that remains when the hidden side is summed out, and `swapped` is the same model seen from the
other end, so that nothing is written twice.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.special import logsumexp
from sklearn.utils.extmath import safe_sparse_dot

from .._blocks import batches
from ..units import Finite, Gaussian, Unit
from .energy import Energy, TooManyStatesError
from .sums import LARGEST_WORK

# entries of the arrays of a block of states
BLOCK_SIZE = 2**21


@dataclass(frozen=True, eq=False)
class Bipartite(Energy):
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
    base_visible, base_hidden : ndarray of shape (n_visible,) or (n_hidden,), or 0.0
        Fields of the independent units at the other end of the path; with another axis in front,
        for every row.
    """

    weights: np.ndarray
    intercept_visible: np.ndarray
    intercept_hidden: np.ndarray
    visible: Unit
    hidden: Unit
    temperature: float = 1.0
    base_visible: np.ndarray | float = 0.0
    base_hidden: np.ndarray | float = 0.0

    def swapped(self):
        """The same model with the roles of the two sides exchanged."""
        return Bipartite(
            self.weights.T,
            self.intercept_hidden,
            self.intercept_visible,
            self.hidden,
            self.visible,
            self.temperature,
            self.base_hidden,
            self.base_visible,
        )

    def astype(self, dtype):
        """The same in another precision."""
        names = "weights", "intercept_visible", "intercept_hidden", "base_visible", "base_hidden"
        cast = {name: np.asarray(getattr(self, name)).astype(dtype, copy=False) for name in names}
        return self.replace(**cast)

    # ---------------------------------------------------------------- one side given the other

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

    def sample_hidden(self, v, rng, beta=1.0):
        """Draw h from p(h | v), at a position of the path."""
        field = safe_sparse_dot(v, self.weights.T, dense_output=True)
        base = self.intercept_hidden
        if np.ndim(beta) or beta != 1:
            base = beta * base + (1 - beta) * self.base_hidden
        base = base.astype(field.dtype, copy=False)
        self.hidden.respond(field, beta, base, self.temperature, rng, states=field)
        return field

    def sample_visible(self, h, rng, beta=1.0):
        """Draw v from p(v | h), at a position of the path."""
        return self.swapped().sample_hidden(h, rng, beta)

    # ---------------------------------------------------------------- values

    def energy(self, v, h):
        """E(v, h) of every pair of rows."""
        coupled = np.einsum("ij,ij->i", self.hidden_field(v), h)
        own = self.hidden.energy(h, self.temperature).sum(axis=1)
        return self.visible_energy(v) + own - coupled

    def visible_energy(self, v):
        """Energy of the visible rows alone, without what couples them to the hidden side."""
        bias = safe_sparse_dot(v, self.intercept_visible, dense_output=True)
        return self._own_energy(v) - bias

    def _own_energy(self, v):
        # most units have none, and need no pass over the rows to learn it
        if type(self.visible).energy in (Unit.energy, Finite.energy):
            return np.zeros(v.shape[0], v.dtype)
        if not sparse.issparse(v):
            return self.visible.energy(v, self.temperature).sum(axis=1)
        # units take dense rows; a block at a time
        blocks = batches(v.shape[0], max(1, BLOCK_SIZE // v.shape[1]))
        return np.concatenate([self._own_energy(v[rows].toarray()) for rows in blocks])

    def free_energy(self, v):
        """``F(v) = -T ln sum_h exp(-E(v, h) / T)`` of every row."""
        cumulant = self.hidden.cumulant(self.hidden_field(v), self.temperature)
        return self.visible_energy(v) - cumulant.sum(axis=1)

    def log_weight(self, v, beta=1.0):
        """Logarithm of the unnormalised probability of every visible row, hidden units summed out.

        Of the marginal, as its estimates have less variance than those of pairs.
        """
        field = _mixture(self.hidden_field(v), self.base_hidden, beta)
        # summed in double precision: annealing adds up many small differences
        total = self.hidden.cumulant(field, self.temperature).sum(axis=1, dtype=np.float64)
        total -= self._own_energy(v)
        position = np.ravel(beta)
        total += position * (v @ self.intercept_visible)
        if np.ndim(self.base_visible):
            total += (1 - position) * _dot(v, self.base_visible)
        return total / self.temperature

    def weigh_and_sweep(self, v, here, there, rng):
        """The hidden field serves both: two products for a step of annealing."""
        if np.ndim(self.base_hidden):
            return super().weigh_and_sweep(v, here, there, rng)
        field = self.hidden_field(v)
        change, h = self.hidden.rise_and_sample(field, here, there, self.temperature, rng)
        tilt = v @ self.intercept_visible
        if np.ndim(self.base_visible):
            tilt = tilt - _dot(v, self.base_visible)
        change += (there - here) * tilt
        return change / self.temperature, self.sample_visible(h, rng, there)

    # ---------------------------------------------------------------- sampling

    def sweeps(self, v, betas, rng, held=None):
        """Gibbs steps: new hidden states given `v`, new visible states given those."""
        for beta in betas:
            following = self.sample_visible(self.sample_hidden(v, rng, beta), rng, beta)
            if held is not None:
                np.copyto(following, v, where=held)
            v = following
        return v

    def sweep_and_slope(self, v, beta, rng, held=None):
        """One Gibbs step, and the slopes of the log-weights of the pairs (v, h).

        Those are linear in beta; the slope costs no further product.
        """
        h = self.sample_hidden(v, rng, beta)
        field = self.visible_field(h)
        mixture = _mixture(field.copy(), self.base_visible, beta)
        following = self.visible.sample(mixture, self.temperature, rng, out=mixture)
        if held is not None:
            np.copyto(following, v, where=held)
        field -= self.base_visible
        slope = np.einsum("ij,ij->i", following, field)
        slope += _dot(h, self.intercept_hidden - self.base_hidden)
        return following, slope / self.temperature

    def independent(self, n_states, rng):
        """Draw independent visible units; also ln Z, that of independent hidden units included."""
        n_hidden, n_visible = self.weights.shape
        cumulant = 0.0
        for unit, base, size in (
            (self.visible, self.base_visible, n_visible),
            (self.hidden, self.base_hidden, n_hidden),
        ):
            field = np.broadcast_to(base, np.broadcast_shapes(np.shape(base), (1, size)))
            cumulant += unit.cumulant(field.astype(np.float64), self.temperature).sum(axis=1)
        field = np.empty((n_states, n_visible), self.weights.dtype)
        field[...] = self.base_visible
        states = self.visible.sample(field, self.temperature, rng, out=field)
        cumulant = cumulant / self.temperature
        return states, cumulant if cumulant.size > 1 else float(cumulant[0])

    def starts(self, n_states, rng):
        """From independent units on either side: half of them by independent hidden states."""
        n_far = n_states // 2
        h, _ = self.swapped().independent(n_far, rng)
        near, _ = self.independent(n_states - n_far, rng)
        return np.concatenate([near, self.sample_visible(h, rng)])

    def near(self, means, n_states):
        """Of the visible side; hidden units start free, which keeps the path wide."""
        means = self.visible.smoothed_mean(means, n_states[:, np.newaxis])
        field = self.visible.field(means, self.temperature)
        # in the precision of the sweeps, every one of which uses it
        return self.replace(base_visible=field.astype(self.weights.dtype))

    # ---------------------------------------------------------------- closed forms

    def problem(self):
        """What keeps this from being a proper distribution, as a sentence; None if nothing."""
        arrays = self.weights, self.intercept_visible, self.intercept_hidden
        if not all(np.isfinite(array).all() for array in arrays):
            return "The parameters are not finite."
        n_hidden, n_visible = self.weights.shape
        for hidden, rows in self.hidden.blocks(n_hidden):
            for visible, columns in self.visible.blocks(n_visible):
                if not may_diverge(visible, hidden):
                    continue
                weights = self.weights[rows, columns]
                both_signs = np.isinf([visible.low, hidden.low]).any()
                if weights.any() if both_signs else (weights > 0).any():
                    return (
                        f"Between {visible!r} and {hidden!r} units, weights must "
                        f"{'be 0' if both_signs else 'not be positive'}, or the probabilities have "
                        "no finite sum."
                    )
        rows = _deviations(self.hidden, n_hidden)
        columns = _deviations(self.visible, n_visible)
        if rows.any() and columns.any():
            largest = np.linalg.norm(rows[:, np.newaxis] * self.weights * columns, 2)
            if largest >= 1:
                return (
                    f"The largest singular value of the weights is {largest:.4g}; between "
                    f"{self.visible!r} and {self.hidden!r} units it must be below 1, or the "
                    "probabilities need not have a finite sum."
                )
        return None

    def exact_log_partition(self):
        """Ln Z, summed over the states of the smaller side, or of two normal sides."""
        if self._is_normal():
            return self.astype(np.float64)._normal_log_partition()
        return self._smaller_side().astype(np.float64)._summed_log_partition()

    def _smaller_side(self):
        """The same seen from the end whose states are fewer, if they are few."""
        n_hidden, n_visible = self.weights.shape
        work, swap = self._work()
        if work > LARGEST_WORK:
            raise TooManyStatesError(
                f"needs a side of discrete units with at most {LARGEST_WORK} = 2^27 joint states, "
                "counted once for each unit of the other side; this model has "
                f"{n_visible} visible {self.visible!r} and {n_hidden} hidden {self.hidden!r} units."
            )
        return self.swapped() if swap else self

    def exact_work(self):
        return 0 if self._is_normal() else self._work()[0]

    def _is_normal(self):
        return isinstance(self.visible, Gaussian) and isinstance(self.hidden, Gaussian)

    def _work(self):
        """States of the side that has fewer times units of the other; whether it is the hidden."""
        n_hidden, n_visible = self.weights.shape
        visible = self.visible.count_states(n_visible) * n_hidden
        hidden = self.hidden.count_states(n_hidden) * n_visible
        return (hidden, True) if hidden < visible else (visible, False)

    def _summed_log_partition(self):
        """Ln Z by summing over the states of the visible side, a block at a time."""
        n_hidden, n_visible = self.weights.shape
        n_states = int(self.visible.count_states(n_visible))
        block = max(1, BLOCK_SIZE // max(n_hidden, n_visible))
        total = -np.inf
        for start in range(0, n_states, block):
            numbers = np.arange(start, min(start + block, n_states))
            states = self.visible.states(n_visible, numbers)
            total = np.logaddexp(total, logsumexp(self.log_weight(states)))
        return float(total)

    def exact_moments(self):
        """E[v], E[h] and E[h v'], summed over the states of the smaller side."""
        smaller = self._smaller_side()
        if smaller is self:
            return self._summed_moments()
        hidden, visible, products = smaller._summed_moments()
        return visible, hidden, products.T

    def _summed_moments(self):
        n_hidden, n_visible = self.weights.shape
        n_states = int(self.visible.count_states(n_visible))
        block = max(1, BLOCK_SIZE // max(n_hidden, n_visible))
        visible, hidden = np.zeros(n_visible), np.zeros(n_hidden)
        products = np.zeros((n_hidden, n_visible))
        log_partition = self.exact_log_partition()
        for start in range(0, n_states, block):
            numbers = np.arange(start, min(start + block, n_states))
            v = self.visible.states(n_visible, numbers)
            shares = np.exp(self.log_weight(v) - log_partition)
            h = self.mean_hidden(v) * shares[:, np.newaxis]
            visible += shares @ v
            hidden += h.sum(axis=0)
            products += h.T @ v
        return visible, hidden, products

    def conditional_mean(self, v, held, n_chains, n_sweeps, rng):
        """E[v | what is held of v] of every row.

        Summed over the hidden states where they are few, else the mean over chains, and over the
        second half of their Gibbs sweeps, of what the hidden states make of the visible units.

        Parameters
        ----------
        v : ndarray of shape (n_rows, n_visible)
            Values where `held`.
        held : ndarray of bool of shape (n_rows, n_visible)
            Units that are known.
        n_chains, n_sweeps : int
            Chains of every row, which start at independent units, and their sweeps.
        rng : numpy.random.Generator
            Source of randomness.

        Returns
        -------
        mean : ndarray of shape (n_rows, n_visible)
            Means of all units; of those held, their values.
        """
        n_hidden, n_visible = self.weights.shape
        n_states = self.hidden.count_states(n_hidden)
        if n_states * max(n_hidden, n_visible) <= BLOCK_SIZE:
            return self._summed_conditional_mean(v, held, int(n_states))
        v, held = np.repeat(v, n_chains, axis=0), np.repeat(held, n_chains, axis=0)
        v = np.where(held, v, self.independent(len(v), rng)[0]).astype(self.weights.dtype)
        total, n_kept = np.zeros(v.shape), n_sweeps - n_sweeps // 2
        for sweep in range(n_sweeps):
            field = self.visible_field(self.sample_hidden(v, rng))
            if sweep >= n_sweeps - n_kept:
                total += self.visible.mean(field, self.temperature)
            v = np.where(held, v, self.visible.sample(field, self.temperature, rng))
        mean = np.where(held, v, total / n_kept)
        return mean.reshape(-1, n_chains, n_visible).mean(axis=1)

    def _summed_conditional_mean(self, v, held, n_states):
        h = self.hidden.states(self.weights.shape[0], np.arange(n_states))
        field = self.visible_field(h)
        own = h @ self.intercept_hidden - self.hidden.energy(h, self.temperature).sum(axis=1)
        # of every unit, be it one column or a one-hot group of them
        free = np.add.reduceat(~held, self._first_columns(), axis=1) > 0
        cumulant = self.visible.cumulant(field, self.temperature)
        mean = self.visible.mean(field, self.temperature)
        known = np.where(held, v, 0)
        result = np.empty(v.shape)
        for rows in batches(len(v), max(1, BLOCK_SIZE // n_states)):
            log_shares = own + free[rows] @ cumulant.T + known[rows] @ field.T
            log_shares /= self.temperature
            shares = np.exp(log_shares - log_shares.max(axis=1, keepdims=True))
            result[rows] = shares @ mean / shares.sum(axis=1, keepdims=True)
        return np.where(held, v, result)

    def _first_columns(self):
        """Of every visible unit, its first column."""
        blocks = self.visible.blocks(self.weights.shape[1])
        return np.concatenate([np.arange(cut.start, cut.stop, unit.width) for unit, cut in blocks])

    def _normal_log_partition(self):
        n_hidden, n_visible = self.weights.shape
        spreads = [
            np.broadcast_to(unit.spread, size)
            for unit, size in ((self.visible, n_visible), (self.hidden, n_hidden))
        ]
        precision = np.diag(1 / np.concatenate(spreads))
        precision[n_visible:, :n_visible] = -self.weights
        precision[:n_visible, n_visible:] = -self.weights.T
        field = np.concatenate([self.intercept_visible, self.intercept_hidden])
        _, log_determinant = np.linalg.slogdet(precision)
        quadratic = field @ np.linalg.solve(precision, field) / self.temperature
        constant = len(field) * np.log(2 * np.pi * self.temperature)
        return float(0.5 * (quadratic + constant - log_determinant))

    def pseudo_likelihood(self, v):
        """``sum_i ln p(v_i | all other v)`` of every row, exactly, hidden units summed out.

        Parameters
        ----------
        v : ndarray of shape (n_rows, n_visible)
            Visible rows, of units with few states. A value between the levels counts with the
            weight that the energy gives it.

        Returns
        -------
        pseudo_likelihood : ndarray of shape (n_rows,)
            In nats; 0 is the largest possible value.
        """
        temperature = self.temperature
        field = self.hidden_field(v)
        here = self.hidden.cumulant(field, temperature).sum(axis=1)
        total = np.zeros(len(v), dtype=field.dtype)
        for unit, block in self.visible.blocks(v.shape[1]):
            levels = unit.level_rows(field.dtype)
            own = unit.energy(levels, temperature).sum(axis=1)
            for start in range(block.start, block.stop, unit.width):
                columns = slice(start, start + unit.width)
                weight, bias = self.weights[:, columns].T, self.intercept_visible[columns]
                present = v[:, columns]
                present_own = unit.energy(present, temperature).sum(axis=1)
                # log-weights of every state of this unit, relative to the one it has
                log_ratios = np.zeros((len(levels), len(v)), dtype=field.dtype)
                for log_ratio, level, level_own in zip(log_ratios, levels, own, strict=True):
                    rows = np.flatnonzero((present != level).any(axis=1))
                    shift = level - present[rows]
                    there = self.hidden.cumulant(field[rows] + shift @ weight, temperature)
                    change = there.sum(axis=1) - here[rows] + shift @ bias
                    change -= level_own - present_own[rows]
                    log_ratio[rows] = change / temperature
                total -= logsumexp(log_ratios, axis=0)
        return total


def may_diverge(visible, hidden):
    """Whether the probabilities of two coupled units of these types may have no finite sum.

    Both are unbounded, and not both have a quadratic own energy.
    """
    unbounded = all(np.isinf(unit.high) for unit in (visible, hidden))
    return unbounded and not (visible.quadratic and hidden.quadratic)


def _deviations(unit, n_columns):
    """Square roots of the spreads of quadratic columns; 0 for the others."""
    deviations = np.zeros(n_columns)
    for part, cut in unit.blocks(n_columns):
        if part.quadratic:
            deviations[cut] = np.sqrt(part.spread)
    return deviations


def _dot(states, field):
    """Product of every row with a field, or with its own."""
    return states @ field if np.ndim(field) < 2 else np.einsum("ij,ij->i", states, field)


def _mixture(field, base, beta):
    """``beta field + (1 - beta) base``, in the place of the field."""
    if np.ndim(beta) or beta != 1:
        if np.shape(base) == field.shape:
            field -= base
            field *= beta
            field += base
        else:
            field *= beta
            if np.ndim(base):
                field += ((1 - beta) * base).astype(field.dtype, copy=False)
    return field
