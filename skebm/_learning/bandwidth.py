"""Temperature of a continuous memory, by what every stored row says when it is left out.

With a component of width ``sqrt(T)`` at every pattern (`Attention`) a temperature is the bandwidth
of a kernel density estimate. `density_temperature` makes the left-out rows most probable (Habbema,
Hermans and van den Broek 1974, Duin 1976), `class_temperature` makes most of their classes right,
and `recall_temperature` lowers the first where recall would make one state of all.
They are exact for up to some thousand patterns, and use some of the rows of more, always the same.

>>> import numpy as np
>>> from skebm._energies.attention import Attention
>>> from skebm._learning.bandwidth import density_temperature
>>> from skebm.interactions import Softmax
>>> rows = np.random.default_rng(0).normal(size=(500, 3))
>>> round(density_temperature(Attention.of(rows, "euclidean", Softmax())), 2)
0.22
"""

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.spatial.distance import cdist
from sklearn.metrics.pairwise import euclidean_distances

from .._energies.attention import squared_lengths
from .._inference.recall import end_in_one, recall
from .._validation import as_dense

# entries of the table of left-out rows and patterns, and rows at least
LARGEST_TABLE, LEAST_ROWS = 2**22, 300
# squared distance, of the squared lengths, of rows that are the same but for rounding
SAME = 1e-12
# rows that are recalled to see whether they end in one state, and how
RECALLED_ROWS, RECALL_STEPS, TOLERANCE, HALVINGS = 16, 100, 1e-4, 7
# temperatures that classes are tried at, times that of the density
FACTORS = 2.0 ** np.arange(-2, 7.5, 0.5)


def density_temperature(energy):
    """Temperature at which the mixture with a component at every pattern fits left-out rows best.

    Components weigh the same, and copies of a row are left out with it. 1 where there are no two
    different patterns.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        costs = _costs(energy, _some_rows(energy.n_patterns))
    costs[np.isnan(costs)] = np.inf
    least = costs.min(axis=1, initial=np.inf)
    known = np.isfinite(least)
    if not known.any():
        return 1.0
    least, n_features = least[known], energy.patterns.shape[1]
    excess = (costs[known] - least[:, np.newaxis]).astype(np.float32)
    # a normal component has half the squared distance as its cost, and half as large a volume
    volume = n_features if energy.similarity == "manhattan" else n_features / 2

    def loss(log_temperature):
        temperature = np.exp(log_temperature)
        inside = np.log(np.exp(excess * np.float32(-1 / temperature)).sum(axis=1)).mean()
        return least.mean() / temperature - inside + volume * log_temperature

    # where the derivative is 0, T is the mean over components of cost / volume
    tiny = np.finfo(np.float32).tiny
    low = max(least.mean() / volume, tiny)
    high = np.mean(costs[known], where=np.isfinite(costs[known])) / volume
    if high <= low * (1 + 1e-6):
        return float(low)
    found = minimize_scalar(
        loss, bounds=np.log([low, high]), method="bounded", options={"xatol": 0.02}
    )
    return float(np.exp(found.x))


@np.errstate(over="ignore", invalid="ignore")
def recall_temperature(energy):
    """The same, halved until recall of patterns no longer ends in one state for all.

    A density with a single mode draws every state to it. Where no halving helps, as where one long
    pattern has the largest dot product with all, the temperature stays that of the density.
    """
    first = density_temperature(energy)
    rows = np.unique(np.linspace(0, energy.n_patterns - 1, RECALLED_ROWS).astype(int))
    states = as_dense(energy.states(rows))
    for temperature in first * 0.5 ** np.arange(HALVINGS):
        ends, _ = recall(energy.replace(temperature=temperature), states, RECALL_STEPS, TOLERANCE)
        if not end_in_one(states, ends):
            return float(temperature)
    return first


def class_temperature(energy, labels):
    """Temperature at which associations tell the classes of left-out rows best.

    By the share of right classes, and among equals by their log-likelihood.

    Parameters
    ----------
    energy : Attention
        Patterns, of any similarity and interaction.
    labels : CSR array of shape (n_patterns, n_classes)
        Their classes, one-hot.
    """
    first = density_temperature(energy)
    rows = _some_rows(energy.n_patterns)
    if energy.n_patterns == 1:
        return first
    warm = energy.replace(temperature=1.0)
    scores = warm.scores(warm.queries(energy.states(rows))).astype(np.float64)
    scores[np.arange(len(rows)), rows] = -np.inf
    scores = (scores - scores.max(axis=1, keepdims=True)).astype(np.float32)
    own, labels = labels.indices[rows], labels.astype(np.float32)

    def merit(temperature):
        weights, _ = energy.interaction.associate(scores * np.float32(1 / temperature))
        shares = weights @ labels
        right = np.maximum(shares[np.arange(len(rows)), own], np.finfo(np.float32).tiny)
        return (shares.argmax(axis=1) == own).mean(), np.log(right).mean()

    with np.errstate(over="ignore"):
        return float(max(first * FACTORS, key=merit))


def _some_rows(n_patterns):
    n_rows = max(LEAST_ROWS, LARGEST_TABLE // n_patterns)
    return np.unique(np.linspace(0, n_patterns - 1, min(n_patterns, n_rows)).astype(int))


def _costs(energy, rows):
    """``-T`` times the log-density of every component at some patterns; inf for the same ones."""
    patterns = energy.patterns
    if energy.similarity == "manhattan":
        costs = cdist(patterns[rows], patterns, "cityblock")
        costs[costs == 0] = np.inf
        return costs
    patterns = patterns.astype(np.float64)
    squares = squared_lengths(patterns)
    costs = euclidean_distances(patterns[rows], patterns, squared=True)
    costs[costs <= SAME * (squares[rows, np.newaxis] + squares)] = np.inf
    return costs / 2
