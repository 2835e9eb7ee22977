"""Slow reference implementations, written from the formulas and not from the package."""

import itertools

import numpy as np
from scipy.special import logsumexp

from skebm.units import Bernoulli, Gaussian, Spin

UNITS = {"bernoulli": Bernoulli(), "spin": Spin(), "gaussian": Gaussian()}
PAIRS = list(itertools.product(UNITS, UNITS))
N_NODES = 16


def one_unit(name, temperature):
    """States of one unit, and the logarithms of their weights exp(-E0 / T) or quadrature's."""
    if name == "bernoulli":
        return np.array([0.0, 1.0]), np.zeros(2)
    if name == "spin":
        return np.array([-1.0, 1.0]), np.zeros(2)
    nodes, weights = np.polynomial.hermite_e.hermegauss(N_NODES)
    # the nodes' own weight is exp(-x^2 / 2); s = sqrt(T) x turns it into exp(-s^2 / 2T)
    return nodes * np.sqrt(temperature), np.log(weights) + 0.5 * np.log(temperature)


def side(name, n_units, temperature):
    """Every joint state of one side (a row each) and the logarithms of their weights."""
    states, log_weights = one_unit(name, temperature)
    rows = np.array(list(itertools.product(states, repeat=n_units)))
    totals = np.array([sum(c) for c in itertools.product(log_weights, repeat=n_units)])
    return rows, totals


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
