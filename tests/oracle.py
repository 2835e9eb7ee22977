"""Slow reference implementations, written from the formulas and not from the package."""

import itertools

import numpy as np
from scipy.special import gammaln, logsumexp

from skebm.units import Bernoulli, Categorical, Composite, Gaussian, Poisson, ReLU, Spin

UNITS = {
    "bernoulli": Bernoulli(),
    "spin": Spin(),
    "gaussian": Gaussian(),
    "relu": ReLU(),
    "poisson": Poisson(),
    "categorical": Categorical(3),
    "mixed": Composite([("bernoulli", 1), ("gaussian", 1), ("relu", 1), (Categorical(3), 3)]),
}
DISCRETE = ["bernoulli", "spin"]
CONTINUOUS = ["gaussian", "relu"]
SCALAR = [*DISCRETE, *CONTINUOUS, "poisson"]  # one column a unit
# counts make a proper distribution with bounded units only
PAIRS = [
    pair
    for pair in itertools.product(SCALAR, SCALAR)
    if "poisson" not in pair or set(pair) & set(DISCRETE)
]
# pairs whose ln Z is known: one side can be enumerated, or both are Gaussian
EXACT_PAIRS = [
    pair for pair in PAIRS if set(pair) & set(DISCRETE) or pair == ("gaussian", "gaussian")
]
# (visible, its columns, hidden, its columns) with units of several columns
WIDE = [
    ("categorical", 6, "bernoulli", 2),
    ("bernoulli", 3, "categorical", 3),
    ("categorical", 3, "categorical", 6),
    ("categorical", 3, "relu", 2),
    ("mixed", 6, "bernoulli", 2),
    ("mixed", 6, "categorical", 3),
    ("spin", 2, "mixed", 6),
]
N_NODES = 16
# counts beyond that have no weight in small models
LARGEST_COUNT = 30


def half_line_nodes(n=N_NODES):
    """Gauss quadrature for the weight exp(-x^2 / 2) on x >= 0, by the Stieltjes procedure."""
    x, w = np.polynomial.legendre.leggauss(400)
    x, w = 7 * (x + 1), 7 * w * np.exp(-0.5 * (7 * (x + 1)) ** 2)
    diagonal, off = [], [0.0]
    before, current = np.zeros_like(x), np.full_like(x, 1 / np.sqrt(w.sum()))
    for _ in range(n):
        diagonal.append(w @ (x * current**2))
        following = (x - diagonal[-1]) * current - off[-1] * before
        off.append(np.sqrt(w @ following**2))
        before, current = current, following / off[-1]
    jacobi = np.diag(diagonal) + np.diag(off[1:-1], 1) + np.diag(off[1:-1], -1)
    nodes, vectors = np.linalg.eigh(jacobi)
    return nodes, w.sum() * vectors[0] ** 2


def one_unit(name, temperature):
    """States of one unit (a row each), and the logarithms of exp(-E0 / T) or of quadrature."""
    if name == "bernoulli":
        return np.array([[0.0], [1.0]]), np.zeros(2)
    if name == "spin":
        return np.array([[-1.0], [1.0]]), np.zeros(2)
    if name == "categorical":
        return np.eye(3), np.zeros(3)
    if name == "poisson":
        counts = np.arange(LARGEST_COUNT + 1.0)
        return counts[:, np.newaxis], -gammaln(counts + 1)
    if name == "relu":
        nodes, weights = half_line_nodes()
    else:
        nodes, weights = np.polynomial.hermite_e.hermegauss(N_NODES)
    # the nodes' own weight is exp(-x^2 / 2); s = sqrt(T) x turns it into exp(-s^2 / 2T)
    states = nodes[:, np.newaxis] * np.sqrt(temperature)
    return states, np.log(weights) + 0.5 * np.log(temperature)


def kinds(name, n_columns):
    """Names of the units that a side of that many columns consists of."""
    if name == "mixed":
        return ["bernoulli", "gaussian", "relu", "categorical"]
    return [name] * (n_columns // 3 if name == "categorical" else n_columns)


def side(name, n_columns, temperature):
    """Every joint state of one side (a row each) and the logarithms of their weights."""
    units = [one_unit(kind, temperature) for kind in kinds(name, n_columns)]
    rows = np.array([np.concatenate(c) for c in itertools.product(*(s for s, _ in units))])
    totals = np.array([sum(c) for c in itertools.product(*(w for _, w in units))])
    return rows, totals


def own_energy(name, states, temperature=1.0):
    """E0 of every row."""
    if name == "poisson":
        return temperature * gammaln(states + 1).sum(axis=1)
    if name == "mixed":
        return (states[:, 1:3] ** 2).sum(axis=1) / 2
    return (states**2).sum(axis=1) / 2 * (name in CONTINUOUS)


def joint(parameters, visible, hidden, temperature):
    """All visible rows, all hidden rows, and ln of the unnormalised weight of every pair."""
    weights, a, b = parameters
    v, v_log = side(visible, len(a), temperature)
    h, h_log = side(hidden, len(b), temperature)
    log_joint = np.empty((len(v), len(h)))
    for i, row in enumerate(v):
        log_joint[i] = (h @ weights @ row + a @ row + h @ b) / temperature + v_log[i] + h_log
    return v, h, log_joint


def log_partition(parameters, visible, hidden, temperature):
    return logsumexp(joint(parameters, visible, hidden, temperature)[2])


def visible_distribution(parameters, visible, hidden, temperature):
    """Visible rows and their probabilities."""
    v, _, log_joint = joint(parameters, visible, hidden, temperature)
    log_marginal = logsumexp(log_joint, axis=1)
    return v, np.exp(log_marginal - logsumexp(log_marginal))


def small_parameters(n_hidden, n_visible, scale=0.3, seed=0):
    rng = np.random.default_rng(seed)
    return (
        rng.normal(0, scale, (n_hidden, n_visible)),
        rng.normal(0, scale, n_visible),
        rng.normal(0, scale, n_hidden),
    )
