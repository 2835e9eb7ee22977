"""How a memory learns patterns: from rows of ±1 to couplings of low rank.

Every rule is a function of the patterns, an array of -1 and +1 with a pattern a row, and gives a
`Pairwise` energy. With N units and p patterns,

==================  ==========================================================  ==============
rule                couplings (off the diagonal)                                holds about
==================  ==========================================================  ==============
`hebb`              ``(1/N) sum xi xi'``                                        .138 N
`storkey`           Hebb minus what the patterns before already do, in turn     N / sqrt(2 ln N)
`pseudo_inverse`    projection onto the span of the patterns                    N
`perceptron`        Hebb, repeated for units that are not yet stable enough     < 2 N
==================  ==========================================================  ==============

>>> import numpy as np
>>> from skebm._learning.hopfield_rules import hebb
>>> hebb(np.array([[1, 1, -1], [1, -1, -1]])).coupling() * 3
array([[ 0.,  0., -2.],
       [ 0.,  0.,  0.],
       [-2.,  0.,  0.]])
"""

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from .._energies.pairwise import Pairwise
from .._inference.recall import recall
from .._validation import warn

# fields that exact arithmetic would make 0 come out below that, relative to a coupling's scale
ROUNDING = 1e-7
STORKEY_ROUNDING = 1e-5
# passes of the perceptron rule, and how many more than so far may bring no fewer weak spins
PERCEPTRON_EPOCHS, PATIENCE, LEAST_PATIENCE = 2000, 4, 100
# units whose couplings are held as a matrix
LARGEST_PERCEPTRON = 20_000


def hebb(patterns):
    """Outer products (Hopfield 1982), as integers."""
    xi = np.ascontiguousarray(patterns.T, dtype=np.int8)
    return Pairwise.from_factors(xi, xi, xi.shape[0])


def covariance(patterns, activity):
    """Hebb's rule for patterns with a share `activity` of +1 (Tsodyks and Feigelman 1988).

    For states x in {0, 1}, ``J = sum (xi - a)(xi - a)' / (N a (1 - a))`` with a threshold halfway
    between the fields of active and of silent units; returned as the same model of spins.
    """
    # on a grid, so that sums stay exact, and inside (0, 1)
    a = np.clip(np.rint(activity * 2**12), 1, 2**12 - 1) / 2**12
    deviation = (patterns.T > 0) - a
    n_units = len(deviation)
    scale = 4 * n_units * a * (1 - a)
    total = deviation @ deviation.sum(axis=0) - np.einsum("ij,ij->i", deviation, deviation)
    bias = total - (0.5 - a) / 2 * scale
    return Pairwise.from_factors(deviation, deviation, scale, bias=bias)


def storkey(patterns):
    """Storkey's incremental rule (1997), which depends on the order of the patterns.

    ``J += (xi xi' - xi h' - h xi') / N`` with ``h_ij = sum_{k != i, j} J_ik xi_k``. Taking k = j
    out of the sum multiplies the old couplings by ``1 + 2 / N``; the rest is of rank two.
    """
    xi = patterns.T.astype(np.float64)
    n_units, n_patterns = xi.shape
    growth = 1 + 2 / n_units
    fields = np.zeros_like(xi)
    weights = np.zeros(n_patterns)
    diagonal = np.zeros(n_units)
    for k in range(n_patterns):
        new, old = xi[:, k], slice(0, k)
        along, across = (xi[:, old].T @ new) * weights[old], (fields[:, old].T @ new) * weights[old]
        # J new, with J = sum w (xi xi' - xi h' - h xi') and its diagonal removed
        field = xi[:, old] @ (along - across) - fields[:, old] @ along - diagonal * new
        weights *= growth
        weights[k] = 1 / n_units
        fields[:, k] = field
        diagonal = growth * diagonal + (1 - 2 * new * field) / n_units
    # in units of 1 / N, as for the other rules
    weights = weights * n_units
    left = np.hstack([xi, fields])
    right = np.hstack([weights * (xi - fields), -weights * xi])
    return Pairwise.from_factors(left, right, n_units, tolerance=STORKEY_ROUNDING * n_units)


def pseudo_inverse(patterns):
    """Projection onto the span of the patterns (Personnaz, Guyon and Dreyfus 1986).

    The diagonal is removed (Kanter and Sompolinsky 1987). With N independent patterns nothing is
    left: then every state is a fixed point.
    """
    xi = patterns.T.astype(np.float64)
    n_units, n_patterns = xi.shape
    tolerance = ROUNDING * n_units
    if n_patterns > n_units:
        values, vectors = np.linalg.eigh(xi @ xi.T)
        basis = vectors[:, values > n_units * np.finfo(np.float64).eps * values[-1]]
        identity = np.eye(n_units, dtype=np.int8)
        return Pairwise.from_factors(
            identity, n_units * (basis @ basis.T), n_units, tolerance=tolerance
        )
    right = n_units * (xi @ np.linalg.pinv(xi.T @ xi, hermitian=True))
    return Pairwise.from_factors(xi.astype(np.int8), right, n_units, tolerance=tolerance)


def perceptron(patterns, margin):
    """Symmetric perceptron rule with a margin (Gardner 1988; Diederich and Opper 1987).

    Hebb's term ``xi_i xi_j`` is added again for every unit i, and every j, whose aligned field is
    not yet above `margin` times the norm of its couplings, all patterns at once.
    """
    n_units = patterns.shape[1]
    if n_units > LARGEST_PERCEPTRON:
        raise ValueError(
            f"learning_rule='perceptron' works on a matrix of couplings, which for {n_units} "
            f"columns takes {8e-9 * n_units**2:.3g} GB, twice. At most {LARGEST_PERCEPTRON} "
            "columns are allowed. The other rules never form that matrix."
        )
    xi = patterns.T.astype(np.float64)
    counts = np.zeros_like(xi)
    coupling = np.zeros((n_units, n_units))
    fewest, best, n_passes = np.inf, 0, 0
    while True:
        norm = np.sqrt(np.einsum("ij,ij->i", coupling, coupling))
        weak = xi * (coupling @ xi) <= margin * norm[:, np.newaxis]
        n_weak = np.count_nonzero(weak)
        if n_weak < fewest:
            fewest, best = n_weak, n_passes
        # patterns without a solution make it go round in circles
        patience = min(LEAST_PATIENCE + PATIENCE * best, PERCEPTRON_EPOCHS)
        if not n_weak or n_passes == patience:
            break
        step = (weak * xi) @ xi.T
        coupling += step
        coupling += step.T
        np.fill_diagonal(coupling, 0)
        counts += weak
        n_passes += 1
    if n_weak:
        warn(
            f"The perceptron rule did not give every unit of every pattern a margin of {margin} "
            f"in {n_passes} passes: {weak.any(axis=0).sum()} of {xi.shape[1]} patterns "
            f"fall short, at a load of {xi.shape[1] / n_units:.3g} patterns per unit. Lower "
            "margin, or store fewer patterns.",
            ConvergenceWarning,
        )
    weighted = (counts * xi).astype(np.int64)
    whole = xi.astype(np.int64)
    # on the scale of Hebb's rule: the mean count becomes 1
    scale = 2 * n_units * max(counts.mean(), 1)
    return Pairwise.from_factors(np.hstack([whole, weighted]), np.hstack([weighted, whole]), scale)


def unlearn(model, n_steps, rate, rng):
    """Weaken spurious states (Hopfield, Feinstein and Palmer 1983).

    Each step relaxes from a random state to s* and subtracts ``(rate / N) s* s*'``.
    """
    n_units, rank = model.left.shape
    scale, bias, weight = model.scale, model.bias.astype(np.float64), -rate * model.scale / n_units
    left = np.hstack([model.left, np.zeros((n_units, n_steps))])
    right = np.hstack([model.right, np.zeros((n_units, n_steps))])
    # factors with room for what is to come, changed in place; the couplings where they are smaller
    is_matrix = left.shape[1] > n_units
    if is_matrix:
        left, right = np.eye(n_units), left @ right.T
    diagonal = np.einsum("ij,ij->i", left, right)
    model = Pairwise(left, right, diagonal, bias, scale, ROUNDING * scale)
    for k in range(rank, rank + n_steps):
        start = np.where(rng.random((1, n_units)) < 0.5, -1, 1)
        (state,), _ = recall(model, start, 100)
        if is_matrix:
            right += weight * np.multiply.outer(state, state)
        else:
            left[:, k], right[:, k] = state, weight * state
        diagonal += weight
        for units in model.blocks:
            outer = np.multiply.outer(state[units], state[units])
            model.ahead[units.start, units.stop] += weight * np.triu(outer, 1)
    return Pairwise.from_factors(left, right, scale, bias=bias, tolerance=ROUNDING * scale)
