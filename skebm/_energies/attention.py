"""Energy of a continuous memory, `Attention`: rows of numbers, associated with stored patterns.

Every pattern xi gets a score for the state s, its similarity over the temperature T; weights p over
the patterns follow from the scores, and a step of recall moves the state to their weighted mean
(weighted median for Manhattan distances). With softmax weights that is the attention of
transformers with keys = values = patterns (Ramsauer et al. 2020). The energy is

    E(s) = -T F(scores) + |s|^2 / 2 + constant

where the interaction F is the log-sum-exp for softmax, and the conjugate of a Tsallis entropy for
sparse weights (Santos et al. 2024). The sum's first term is concave in the similarities, so a step,
which minimises the sum with the first term made linear, never raises it.

Queries times patterns are never held at once. For softmax, patterns pass by in blocks, with a
running maximum and sum. Other weights and medians need all scores of a row, so there queries come
in blocks.

>>> import numpy as np
>>> from skebm._energies.attention import Attention
>>> from skebm.interactions import Softmax
>>> energy = Attention.of(np.eye(3), "dot", Softmax()).replace(temperature=0.5, block_size=2)
>>> energy.step(np.array([[2.0, 0.0, 0.0]]))[0].round(3)
array([[0.965, 0.018, 0.018]])
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse
from scipy.spatial.distance import cdist
from scipy.special import logsumexp
from sklearn.metrics import pairwise_distances

from .._blocks import batches
from ..interactions import Interaction, Softmax, exponentials

SIMILARITIES = ("dot", "euclidean", "cosine", "manhattan")
LARGEST_BLOCK = 2**21
# sum of exponentials in a block up to which none is too large to be averaged
LARGEST_SUM = 1e15
# distance, of the summed sizes of a row's values, of rows that are the same but for rounding
SAME = 1e-7
OVERFLOW = (
    "The similarities of samples and patterns overflow. Scale the data down and fit the memory "
    "again."
)


@dataclass(frozen=True, eq=False)
class Attention:
    """Patterns, ready to be compared with states.

    Dot and Euclidean similarities are computed from the differences to the patterns' mean c, so
    that data far from the origin (timestamps) lose no digits. With these, ``xi . s`` is the product
    of the differences, plus a bias of the pattern, plus ``c . s``, which all patterns share. Sparse
    patterns stay sparse, and so c is 0 for them.

    Attributes
    ----------
    keys : {ndarray, CSR} of shape (n_patterns, n_features) or (n_patterns, n_features + 1)
        What states are compared with: the patterns; unit vectors for cosine similarity; for dot
        and Euclidean the differences to the center and a column with the bias.
    values : {ndarray, CSR} of shape (n_patterns, n_values) or None
        What is averaged: the patterns; for cosine similarity the unit vectors and the lengths.
        None: the differences to the center, as they are in the keys.
    center : ndarray of shape (n_features,) or None
        c; in double precision.
    lift : ndarray of shape (n_patterns,)
        Temperature times the log-weight of every pattern's component in the mixture that softmax
        makes, up to a constant: ``|xi|^2 / 2 - |c|^2 / 2`` for dot similarity.
    reach : float
        Length of the longest pattern, from the center.
    order : ndarray of shape (n_patterns, n_features) or None
        Pattern numbers sorted by every feature, for medians.
    similarity : str
        One of `SIMILARITIES`.
    interaction : Interaction
        F.
    temperature : float
        T.
    block_size : int
        Patterns in a block, for softmax.
    """

    keys: np.ndarray
    values: np.ndarray | None
    center: np.ndarray | None
    lift: np.ndarray
    reach: float
    order: np.ndarray | None
    similarity: str
    interaction: Interaction
    temperature: float = 1.0
    block_size: int = 2048

    @classmethod
    def of(cls, patterns, similarity, interaction):
        """Prepare patterns for a similarity and an interaction."""
        keys = values = patterns
        center = order = None
        differences = patterns
        lift = np.zeros(patterns.shape[0])
        is_sparse = sparse.issparse(patterns)
        if similarity != "cosine" and not is_sparse:
            mean = patterns.mean(axis=0, dtype=np.float64)
            differences = patterns - mean
        elif is_sparse:
            mean = np.zeros(patterns.shape[1])
        half_squares = 0.5 * squared_lengths(differences)
        if similarity in ("dot", "euclidean"):
            center, values = mean, patterns if is_sparse else None
            if similarity == "dot":
                # checked where similarities are used
                with np.errstate(over="ignore", invalid="ignore"):
                    bias = differences @ mean
                    lift = half_squares + bias
            else:
                bias = -half_squares
            keys = _with_column(differences, bias, patterns.dtype)
        elif similarity == "manhattan":
            order = np.argsort(patterns, axis=0, kind="stable")
        else:
            lengths = _lengths(patterns)
            keys = _divided(patterns, lengths)
            values = _with_column(keys, lengths[:, 0], patterns.dtype)
        reach = float(np.sqrt(2 * half_squares.max()))
        return cls(keys, values, center, lift, reach, order, similarity, interaction)

    def replace(self, **changes):
        """The same with other values of some attributes."""
        return replace(self, **changes)

    def at(self, temperature, block_size):
        """The same at another temperature, with other blocks."""
        if temperature == 0:
            raise ValueError(
                "temperature=0 is for spins; temperature must be positive for interaction="
                f"{self.interaction!r}. A small one picks single patterns."
            )
        # of the similarities: products of rows, distances, or cosines
        power = {"cosine": 0, "manhattan": 1}.get(self.similarity, 2)
        with np.errstate(over="ignore"):
            largest = self.dtype.type(self.reach) ** power / self.dtype.type(temperature)
        if not np.isfinite(largest):
            raise ValueError(
                f"temperature={temperature!r} is too small for rows as long as {self.reach:.3g}: "
                "similarities over the temperature overflow. Raise temperature, or scale the data "
                "down."
            )
        return self.replace(temperature=temperature, block_size=block_size)

    @property
    def dtype(self):
        """Precision of states and patterns."""
        return self.keys.dtype

    @property
    def patterns(self):
        """The patterns, up to the center."""
        return self.keys if self.center is None else self.keys[:, :-1]

    @property
    def n_patterns(self):
        """Their number."""
        return self.keys.shape[0]

    def states(self, rows):
        """Some of the patterns as they were given, of cosine similarity their directions."""
        states = self.patterns[rows]
        if self.center is not None and self.center.any():
            states = (states + self.center).astype(self.dtype, copy=False)
        return states

    def averaged(self, rows=slice(None)):
        """What is averaged of some patterns."""
        return self.keys[rows, :-1] if self.values is None else self.values[rows]

    # ---------------------------------------------------------------- scores and weights

    def queries(self, states):
        """States as `scores` takes them."""
        if self.similarity == "manhattan":
            return states
        inverse = states.dtype.type(1 / self.temperature)
        if self.similarity == "cosine":
            return _divided(states, _lengths(states)) * inverse
        if sparse.issparse(states):
            if self.center.any():
                states = states.toarray()
            else:
                inverses = np.full(states.shape[0], inverse)
                return _with_column(states * inverse, inverses, states.dtype)
        queries = np.empty((len(states), states.shape[1] + 1), states.dtype)
        queries[:, :-1] = states - self.center
        queries[:, :-1] *= inverse
        queries[:, -1] = inverse
        return queries

    def scores(self, queries, rows=slice(None), out=None):
        """Similarities over the temperature with some patterns, shape (n_queries, n_rows).

        Up to what all patterns share: ``c . s / T`` for dot similarity, and
        ``-|s - c|^2 / 2T`` for Euclidean.
        """
        if self.similarity == "manhattan":
            distances = cdist(queries, self.keys[rows], "cityblock")
            if not np.isfinite(distances).all():
                raise ValueError(OVERFLOW)
            return (distances / -self.temperature).astype(queries.dtype, copy=False)
        if isinstance(queries, np.ndarray) and isinstance(self.keys, np.ndarray):
            return np.matmul(queries, self.keys[rows].T, out=out)
        products = queries @ self.keys[rows].T
        return products.toarray() if sparse.issparse(products) else products

    def _associations(self, states):
        """Weights over all patterns and values of F, for blocks of states, one after another."""
        for rows in batches(states.shape[0], max(1, LARGEST_BLOCK // self.n_patterns)):
            with np.errstate(over="ignore", invalid="ignore"):
                weights, value = self.interaction.associate(self.scores(self.queries(states[rows])))
            yield weights, _checked(value)

    def weight_blocks(self, states):
        """Weights over all patterns, for blocks of states, one after another."""
        for weights, _ in self._associations(states):
            yield weights

    def associate(self, states):
        """Mean (or median) of the values under the weights, and F, of every state."""
        if self.interaction.is_softmax and self.order is None:
            pieces = [
                _online_softmax(self, states[rows])
                for rows in batches(states.shape[0], max(1, LARGEST_BLOCK // self.block_size))
            ]
        else:
            pieces = [
                (_weighted(self, weights), value) for weights, value in self._associations(states)
            ]
        return tuple(np.concatenate(parts) for parts in zip(*pieces, strict=True))

    def interaction_value(self, states):
        """F of the scores of every state alone; nothing is averaged."""
        nothing = np.zeros((self.n_patterns, 0), self.dtype)
        return self.replace(values=nothing, order=None).associate(states)[1]

    # ---------------------------------------------------------------- energy and recall

    @np.errstate(over="ignore", invalid="ignore")
    def energy(self, states):
        """Energy of every state, with a constant that makes it at least 0."""
        value = self.interaction_value(states).astype(np.float64)
        _, (highest,) = self.interaction.associate(np.zeros((1, self.n_patterns)))
        result = self.temperature * (highest - value)
        if self.similarity in ("dot", "euclidean"):
            if sparse.issparse(states) and self.center.any():
                states = states.toarray()
            differences = states if sparse.issparse(states) else states - self.center
            result += 0.5 * squared_lengths(differences)
        if self.similarity == "dot":
            result += self.lift.max()
        return _checked(result + (self.similarity == "cosine"))

    def step(self, states):
        """One step of recall: new states, and F of the scores of the old ones."""
        mean, value = self.associate(states)
        if self.similarity == "cosine":
            # the direction of the mean of unit vectors, the mean of the lengths
            mean = mean[:, :-1] / _lengths(mean[:, :-1]) * mean[:, -1:]
        elif self.center is not None:
            mean = (mean + self.center).astype(states.dtype, copy=False)
        return mean, value

    def row_batches(self, n_rows):
        """Rows so few that their states stay small."""
        return batches(n_rows, max(1, LARGEST_BLOCK // self.patterns.shape[1]))

    def recall_start(self, states):
        """The states."""
        return (states,)

    def downhill(self, states):
        """New states after a step."""
        return self.step(states)[:1]

    def rests(self, states):
        """No row: a step is what a recall costs."""
        return np.zeros(len(states), dtype=bool)

    def change(self, before, after):
        """Length of the move of every row, over that of the longest pattern."""
        # a single pattern lies at the center
        with np.errstate(over="ignore"):
            length = np.linalg.norm(after - before, axis=1)
            return length / max(self.reach, np.finfo(length.dtype).tiny)

    def portions(self, every):
        """A step has no parts."""
        return [slice(None)]

    def follow(self, units, states):
        """New states after a step."""
        return self.step(states)[0]

    # ---------------------------------------------------------------- density and samples

    def log_density(self, states):
        """Log-density of ``exp(-E / T)``, a mixture with a component at every pattern.

        For softmax weights, and similarities that say something about lengths.
        """
        temperature, n_features = self.temperature, states.shape[1]
        shift = -self.energy(states) / temperature
        # the energy's constants, and the normaliser of the mixture
        shift += np.log(self.n_patterns) + self.lift.max() / temperature
        if self.similarity == "manhattan":
            volume = n_features * np.log(2 * temperature)
        else:
            volume = 0.5 * n_features * np.log(2 * np.pi * temperature)
        return shift - logsumexp(self.lift / temperature) - volume

    def log_density_without_self(self, states):
        """The same, for states that are patterns of the mixture of the others."""
        result = self.log_density(states)
        if self.n_patterns == 1:
            return result
        metric = "cityblock" if self.similarity == "manhattan" else "euclidean"
        patterns, weights = self.states(slice(None)), self.lift / self.temperature
        # sums of the weights of all patterns but one
        before = np.logaddexp.accumulate(np.append(-np.inf, weights[:-1]))
        after = np.logaddexp.accumulate(np.append(-np.inf, weights[:0:-1]))[::-1]
        less = logsumexp(weights) - np.logaddexp(before, after)
        sizes = np.asarray(abs(states).sum(axis=1)).ravel()
        if self.center is not None:
            # patterns are kept as differences to it, which rounds even those that are 0
            sizes = sizes + np.abs(self.center).sum()
        for rows in batches(len(result), max(1, LARGEST_BLOCK // self.n_patterns)):
            some = states[rows]
            distances = pairwise_distances(some, patterns, metric=metric)
            own = distances.argmin(axis=1)
            least = distances[np.arange(len(own)), own]
            stored = np.flatnonzero(least <= SAME * sizes[rows])
            own = own[stored]
            scores = self.scores(self.queries(some[stored])).astype(np.float64)
            together = logsumexp(scores, axis=1)
            scores[np.arange(len(own)), own] = -np.inf
            result[rows.start + stored] += logsumexp(scores, axis=1) - together + less[own]
        return result

    def draw(self, known, held, temperature, n_sweeps, rng):
        """Exact samples, given known values where features are held.

        From the mixture that softmax makes; for other weights by rejection from it, as F is never
        above the log-sum-exp. `temperature` is this energy's own, and there are no sweeps.
        """
        if self.interaction.is_softmax:
            return self._draw_mixture(known, held, rng)
        result = np.empty_like(known)
        rows, n_proposals = np.arange(len(known)), 1
        soft = self.replace(interaction=Softmax())
        while rows.size:
            copies = np.repeat(rows, n_proposals)
            drawn = self._draw_mixture(known[copies], held[copies], rng)
            drawn = np.where(held[copies], known[copies], drawn)
            log_share = self.interaction_value(drawn) - soft.interaction_value(drawn)
            accepted = np.log1p(-rng.random(len(copies))) < log_share
            accepted = accepted.reshape(len(rows), n_proposals)
            found, first = accepted.any(axis=1), accepted.argmax(axis=1)
            drawn = drawn.reshape(len(rows), n_proposals, -1)
            result[rows[found]] = drawn[found, first[found]]
            rows = rows[~found]
            # where many patterns take part, one proposal in about their number is accepted
            most = max(1, 2 * LARGEST_BLOCK // (max(1, len(rows)) * known.shape[1]))
            n_proposals = min(2 * n_proposals, most, self.n_patterns)
        return result

    def conditional_mean(self, known, held):
        """Mean of every feature of the mixture that softmax makes, given those that are held."""
        mean = np.empty(known.shape)
        for rows, scores in self._component_scores(self._log_weights(), known, held):
            shares = np.exp(scores - scores.max(axis=1, keepdims=True))
            mean[rows] = shares @ self.patterns / shares.sum(axis=1, keepdims=True)
        mean = mean if self.center is None else mean + self.center
        return np.where(held, known, mean)

    def _log_weights(self):
        """Logarithms of the weights of the mixture's components, up to a constant."""
        log_weights = self.lift / self.temperature
        if not np.isfinite(log_weights).all():
            raise ValueError(OVERFLOW)
        return log_weights

    def _draw_mixture(self, known, held, rng):
        laplace = self.similarity == "manhattan"
        log_weights = self._log_weights()
        if held.any():
            numbers = np.empty(len(known), dtype=np.int64)
            for rows, scores in self._component_scores(log_weights, known, held):
                # the largest of log-weights plus Gumbel noise is a draw with those weights
                numbers[rows] = (scores + rng.gumbel(size=scores.shape)).argmax(axis=1)
        else:
            shares = np.exp(log_weights - logsumexp(log_weights))
            numbers = rng.choice(self.n_patterns, size=len(known), p=shares / shares.sum())
        noise = rng.laplace(size=known.shape) if laplace else rng.standard_normal(known.shape)
        noise *= self.temperature if laplace else np.sqrt(self.temperature)
        drawn = self.patterns[numbers] + noise  # dense, as noise is
        return (drawn if self.center is None else drawn + self.center).astype(known.dtype)

    def _component_scores(self, log_weights, known, held):
        """Yield rows, and of each the log-weights of the components given what is held."""
        patterns = self.patterns
        laplace = self.similarity == "manhattan"
        squares = None if laplace else 0.5 * patterns.astype(np.float64) ** 2
        n_rows = max(1, 2 * LARGEST_BLOCK // (patterns.size if laplace else self.n_patterns))
        for rows in batches(len(known), n_rows):
            values = np.where(held[rows], known[rows], 0)
            if laplace:
                distances = np.abs(values[:, np.newaxis] - patterns)
                distances *= held[rows, np.newaxis]
                cost = distances.sum(axis=2, dtype=np.float64)
            else:
                # half the squared distance, but for what all patterns share
                values = held[rows] * (values - self.center)
                cost = held[rows] @ squares.T - values @ patterns.T
            yield rows, log_weights - cost / self.temperature


def _checked(value):
    """What is finite, or an error for users."""
    if not np.isfinite(value).all():
        raise ValueError(OVERFLOW)
    return value


@np.errstate(over="ignore", invalid="ignore")
def _online_softmax(energy, states):
    """Mean of the values under softmax weights, and the log-sum-exp of the scores.

    Exponentials are of scores less the largest one in the first block, until those of a later block
    are so large that it is raised.
    """
    n_states, n_patterns, dtype = states.shape[0], energy.n_patterns, states.dtype
    block_size = min(energy.block_size, n_patterns)
    less = _ScoresLess(energy, energy.queries(states), n_states, block_size)
    mean = np.zeros((n_states, energy.averaged().shape[1]), dtype)
    product = np.empty_like(mean)
    total = np.zeros(n_states, dtype)
    # a product with ones sums rows in a fraction of the time of a sum
    ones = np.ones(block_size, dtype)
    for rows in batches(n_patterns, block_size):
        is_first = rows.start == 0
        if not is_first:
            weights = exponentials(less(rows))
            sums = weights @ ones[: weights.shape[1]]
        if is_first or not (sums < LARGEST_SUM).all():
            scores = less(rows)
            rise = scores.max(axis=1)
            if not is_first:
                np.maximum(rise, 0, out=rise)
                shrink = np.exp(-rise)
                total *= shrink
                mean *= shrink[:, np.newaxis]
            scores -= rise[:, np.newaxis]
            less.shift(rise)
            weights = exponentials(scores)
            sums = weights @ ones[: weights.shape[1]]
        total += sums
        product = _product(weights, energy.averaged(rows), product)
        mean += product
    mean /= total[:, np.newaxis]
    return mean, _checked(less.shifts + np.log(total))


class _ScoresLess:
    """Scores of states with blocks of patterns, less a number of every state."""

    def __init__(self, energy, queries, n_states, block_size):
        self.energy, self.queries = energy, queries
        self.shifts = np.zeros(n_states, energy.dtype)
        self.buffer = np.empty(n_states * block_size, energy.dtype)
        is_dense = isinstance(queries, np.ndarray) and isinstance(energy.keys, np.ndarray)
        # a product with one more column costs less than a pass over its results
        self.keys = None
        is_product = is_dense and energy.similarity != "manhattan"
        if is_product and n_states > energy.keys.shape[1]:
            self.queries = np.column_stack([queries, self.shifts])
            self.keys = np.ones((block_size, queries.shape[1] + 1), queries.dtype)

    def shift(self, rise):
        """Raise the numbers."""
        self.shifts += rise
        if self.keys is not None:
            self.queries[:, -1] = -self.shifts

    def __call__(self, rows):
        """Those of a block, in memory that the next call uses again."""
        size = rows.stop - rows.start
        scores = self.buffer[: len(self.shifts) * size].reshape(-1, size)
        if self.keys is None:
            scores = self.energy.scores(self.queries, rows, out=scores)
            if self.shifts.any():
                scores -= self.shifts[:, np.newaxis]
            return scores
        self.keys[:size, :-1] = self.energy.keys[rows]
        return np.matmul(self.queries, self.keys[:size].T, out=scores)


def _weighted(energy, weights):
    """Mean of the values, or their medians, under the weights."""
    values = energy.averaged()
    if energy.order is None:
        return weights @ values
    medians = np.empty((len(weights), values.shape[1]), weights.dtype)
    for j, order in enumerate(energy.order.T):
        below = np.cumsum(weights[:, order], axis=1, dtype=np.float64)
        # rounding must not carry half of the weight past its pattern
        k = (below < 0.5 * below[:, -1:] * (1 - 1e-9)).sum(axis=1)
        medians[:, j] = values[order[k], j]
    return medians


def _product(weights, values, out):
    if isinstance(values, np.ndarray):
        return np.matmul(weights, values, out=out)
    return weights @ values


def squared_lengths(rows):
    """Squared Euclidean lengths."""
    if sparse.issparse(rows):
        return np.asarray((rows * rows).sum(axis=1))
    return np.einsum("ij,ij->i", rows, rows)


def _lengths(rows):
    """Euclidean lengths as a column; 1 for a row of zeros."""
    if sparse.issparse(rows):
        lengths = np.sqrt(squared_lengths(rows))[:, np.newaxis].astype(rows.dtype, copy=False)
    else:
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    lengths[lengths == 0] = 1
    return lengths


def _divided(rows, lengths):
    if sparse.issparse(rows):
        return sparse.csr_array(rows.multiply(1 / lengths)).astype(rows.dtype, copy=False)
    return rows / lengths


def _with_column(rows, column, dtype):
    """Rows with one more column at the end."""
    if sparse.issparse(rows):
        column = sparse.csr_array(np.asarray(column, dtype)[:, np.newaxis])
        return sparse.csr_array(sparse.hstack([rows, column], format="csr"))
    return np.column_stack([rows, column]).astype(dtype, copy=False)
