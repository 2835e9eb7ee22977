"""How continuous memories associate a state with their patterns.

Every pattern xi gets a score for the state s, its similarity over the temperature T; weights p over
the patterns follow from the scores, and a step of recall moves the state to their weighted mean
(weighted median for Manhattan distances). With softmax weights that is the attention of
transformers with keys = values = patterns (Ramsauer et al. 2020). The energy is

    E(s) = -T conjugate(scores) + |s|^2 / 2 + constant

where the conjugate is the log-sum-exp for softmax, and that of a Tsallis entropy for sparse weights
(Santos et al. 2024). The sum's first term is concave in the similarities, so a step, which
minimises the sum with the first term made linear, never raises it.

Queries times patterns are never held at once. For softmax, patterns pass by in blocks, with a
running maximum and sum. Sparse weights and medians need all scores of a row, so there queries come
in blocks.

>>> import numpy as np
>>> from skebm._association import Store, step
>>> store = Store.of(np.eye(3), "dot", "softmax")
>>> step(store, np.array([[2.0, 0.0, 0.0]]), temperature=0.5, block_size=2)[0].round(3)
array([[0.965, 0.018, 0.018]])
"""

from typing import NamedTuple

import numpy as np
from scipy.spatial.distance import cdist
from sklearn.utils import gen_batches

SIMILARITIES = ("dot", "euclidean", "cosine", "manhattan")
# 1 is softmax, 2 sparsemax
ALPHA = {"softmax": 1.0, "entmax": 1.5, "sparsemax": 2.0}
LARGEST_BLOCK = 2**21


class Store(NamedTuple):
    """Patterns, ready to be compared with states.

    Dot and Euclidean similarities are computed from the differences to the patterns' mean c, so
    that data far from the origin (timestamps) lose no digits. With these, ``xi . s`` is the product
    of the differences, plus a bias of the pattern, plus ``c . s``, which all patterns share.

    Attributes
    ----------
    keys : ndarray of shape (n_patterns, n_features) or (n_patterns, n_features + 1)
        What states are compared with: the patterns; unit vectors for cosine similarity; for dot
        and Euclidean the differences to the center and a column with the bias.
    values : ndarray of shape (n_patterns, n_values) or None
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
    alpha : float
        Of the weights: 1 for softmax, 1.5 for entmax, 2 for sparsemax.
    """

    keys: np.ndarray
    values: np.ndarray | None
    center: np.ndarray | None
    lift: np.ndarray
    reach: float
    order: np.ndarray | None
    similarity: str
    alpha: float

    @classmethod
    def of(cls, patterns, similarity, interaction):
        """Prepare patterns for a similarity and a kind of weights."""
        keys = values = patterns
        center = order = None
        differences = patterns
        lift = np.zeros(len(patterns))
        if similarity != "cosine":
            mean = patterns.mean(axis=0, dtype=np.float64)
            differences = patterns - mean
        if similarity in ("dot", "euclidean"):
            center, values = mean, None
            half_squares = 0.5 * np.einsum("ij,ij->i", differences, differences)
            if similarity == "dot":
                bias = differences @ mean
                lift = half_squares + bias
            else:
                bias = -half_squares
            keys = np.column_stack([differences, bias]).astype(patterns.dtype, copy=False)
        elif similarity == "manhattan":
            order = np.argsort(patterns, axis=0, kind="stable")
        else:
            lengths = _lengths(patterns)
            keys = patterns / lengths
            values = np.hstack([keys, lengths])
        reach = float(np.linalg.norm(differences, axis=1).max())
        return cls(keys, values, center, lift, reach, order, similarity, ALPHA[interaction])

    def averaged(self, rows=slice(None)):
        """What is averaged of some patterns."""
        return self.keys[rows, :-1] if self.values is None else self.values[rows]

    def queries(self, states, temperature):
        """States as `scores` takes them."""
        if self.similarity == "manhattan":
            return states
        inverse = states.dtype.type(1 / temperature)
        if self.similarity == "cosine":
            return states / _lengths(states) * inverse
        queries = np.empty((len(states), states.shape[1] + 1), states.dtype)
        queries[:, :-1] = states - self.center
        queries[:, :-1] *= inverse
        queries[:, -1] = inverse
        return queries

    def scores(self, queries, temperature, rows=slice(None), out=None):
        """Similarities over the temperature with some patterns, shape (n_queries, n_rows).

        Up to what all patterns share: ``c . s / T`` for dot similarity, and
        ``-|s - c|^2 / 2T`` for Euclidean.
        """
        if self.similarity == "manhattan":
            distances = cdist(queries, self.keys[rows], "cityblock")
            return (distances / -temperature).astype(queries.dtype, copy=False)
        return np.matmul(queries, self.keys[rows].T, out=out)


def step(store, states, temperature, block_size):
    """One step of recall: new states, and the conjugate of the scores of the old ones.

    Parameters
    ----------
    store : Store
        The patterns.
    states : ndarray of shape (n_states, n_features)
        States, of the dtype of the store.
    temperature : float
        T.
    block_size : int
        Patterns in a block, for softmax.

    Returns
    -------
    states : ndarray of shape (n_states, n_features)
        New states.
    conjugate : ndarray of shape (n_states,)
        ``max_p (p . scores + entropy(p))``; the log-sum-exp for softmax. Of the scores as `Store`
        has them, without what all patterns share.
    """
    mean, value = associate(store, states, temperature, block_size)
    if store.similarity == "cosine":
        # the direction of the mean of unit vectors, the mean of the lengths
        mean = mean[:, :-1] / _lengths(mean[:, :-1]) * mean[:, -1:]
    elif store.center is not None:
        mean = (mean + store.center).astype(states.dtype, copy=False)
    return mean, value


def associate(store, states, temperature, block_size):
    """Mean (or median) of the values under the weights, and the conjugate of the scores."""
    if store.alpha == 1 and store.order is None:
        pieces = [
            _online_softmax(store, states[rows], temperature, block_size)
            for rows in gen_batches(len(states), max(1, LARGEST_BLOCK // block_size))
        ]
    else:
        pieces = [
            (_weighted(store, weights), value)
            for weights, value in weight_blocks(store, states, temperature)
        ]
    return tuple(np.concatenate(parts) for parts in zip(*pieces, strict=True))


def conjugate(store, states, temperature, block_size):
    """Conjugate of the scores of every state alone; nothing is averaged."""
    weights_only = store._replace(values=store.keys[:, :0], order=None)
    return associate(weights_only, states, temperature, block_size)[1]


def weight_blocks(store, states, temperature):
    """Weights over all patterns and conjugates, for blocks of states, one after another."""
    n_rows = max(1, LARGEST_BLOCK // len(store.keys))
    for rows in gen_batches(len(states), n_rows):
        queries = store.queries(states[rows], temperature)
        yield tsallis_weights(store.scores(queries, temperature), store.alpha)


def tsallis_weights(scores, alpha):
    """Maximiser and maximum of ``p . scores + entropy(p)`` over distributions p, for every row.

    ``alpha`` = 1 is Shannon's entropy, with softmax weights; above 1 Tsallis' entropy
    ``(1 - sum p^alpha) / (alpha (alpha - 1))``, whose weights are 0 for low scores: entmax (1.5;
    Peters, Niculae and Martins 2019) and sparsemax (2; Martins and Astudillo 2016).
    """
    largest = scores.max(axis=1, keepdims=True)
    z = scores - largest
    if alpha == 1:
        np.exp(z, out=z)
        total = z.sum(axis=1, keepdims=True)
        z /= total
        return z, (largest + np.log(total))[:, 0]
    # p = ((alpha - 1) z - threshold)_+^power; from below, Newton's method rises to the threshold
    power = 1 / (alpha - 1)
    z *= alpha - 1
    threshold = np.full_like(largest, -1)
    for _ in range(60):
        above = np.maximum(z - threshold, 0)
        excess = (above**power).sum(axis=1, keepdims=True) - 1
        support = above ** (power - 1) if power > 1 else above > 0
        rise = excess / (power * support.sum(axis=1, keepdims=True))
        threshold += rise
        if (rise <= 4 * np.finfo(z.dtype).eps).all():
            break
    weights = np.maximum(z - threshold, 0) ** power
    weights /= weights.sum(axis=1, keepdims=True)
    entropy = (1 - (weights**alpha).sum(axis=1)) / (alpha * (alpha - 1))
    return weights, np.einsum("ij,ij->i", weights, scores) + entropy


def largest_entropy(n_patterns, alpha):
    """Entropy of equal weights."""
    if alpha == 1:
        return float(np.log(n_patterns))
    return (1 - n_patterns ** (1 - alpha)) / (alpha * (alpha - 1))


def energy(store, states, temperature, block_size):
    """Energy of every state, with a constant that makes it at least 0."""
    value = conjugate(store, states, temperature, block_size).astype(np.float64)
    result = temperature * (largest_entropy(len(store.keys), store.alpha) - value)
    if store.similarity in ("dot", "euclidean"):
        differences = states - store.center
        result += 0.5 * np.einsum("ij,ij->i", differences, differences)
    if store.similarity == "dot":
        result += store.lift.max()
    return result + (store.similarity == "cosine")


def _online_softmax(store, states, temperature, block_size):
    """Mean of the values under softmax weights, and the log-sum-exp of the scores."""
    queries = store.queries(states, temperature)
    n_states, n_patterns = len(states), len(store.keys)
    dtype = states.dtype
    block_size = min(block_size, n_patterns)
    buffer = np.empty(n_states * block_size, dtype)
    product = np.empty((n_states, store.averaged().shape[1]), dtype)
    mean = np.zeros_like(product)
    total = np.zeros(n_states, dtype)
    largest = np.full(n_states, -np.inf, dtype)
    ones = np.ones(block_size, dtype)
    for rows in gen_batches(n_patterns, block_size):
        size = rows.stop - rows.start
        scores = buffer[: n_states * size].reshape(n_states, size)
        scores = store.scores(queries, temperature, rows, out=scores)
        higher = np.maximum(largest, scores.max(axis=1))
        scores -= higher[:, np.newaxis]
        weights = np.exp(scores, out=scores)
        shrink = np.exp(largest - higher)
        total *= shrink
        # a product with ones sums rows in a fraction of the time of a sum
        total += weights @ ones[:size]
        np.matmul(weights, store.averaged(rows), out=product)
        if not (shrink == 1).all():
            mean *= shrink[:, np.newaxis]
        mean += product
        largest = higher
    mean /= total[:, np.newaxis]
    return mean, largest + np.log(total)


def _weighted(store, weights):
    """Mean of the values, or their medians, under the weights."""
    values = store.averaged()
    if store.order is None:
        return weights @ values
    medians = np.empty((len(weights), values.shape[1]), weights.dtype)
    for j, order in enumerate(store.order.T):
        below = np.cumsum(weights[:, order], axis=1, dtype=np.float64)
        # rounding must not carry half of the weight past its pattern
        k = (below < 0.5 * below[:, -1:] * (1 - 1e-9)).sum(axis=1)
        medians[:, j] = values[order[k], j]
    return medians


def _lengths(rows):
    """Euclidean lengths as a column; 1 for a row of zeros."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    lengths[lengths == 0] = 1
    return lengths
