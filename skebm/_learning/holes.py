"""Learning of a `Kernel` from rows with holes.

Holes start at the columns' means and are filled by the conditional means that the other rows give,
again and again, while the covariance adds what these leave open, as in expectation maximisation of
a normal law. Temperatures are chosen in the end: that of means by the squared error of known values
that are hidden from it, that of densities and draws by the density of left-out rows.
"""

from dataclasses import replace

import numpy as np
from sklearn.covariance import ledoit_wolf

from .._energies.attention import Attention
from .._energies.kernel import Kernel
from ..interactions import Softmax
from .bandwidth import density_temperature

# temperatures that means are tried at, the one without enough hidden values, and how many that is
TEMPERATURES, USUAL = (0.1, 0.2, 0.4, 0.8, 1.2, 1.6, 2.4, 4.0, 1e6), 1.2
LEAST_HIDDEN, HIDDEN_SHARE, JUDGED_ROWS = 100, 0.1, 500
# rounds of draws, each of which halves what draws vary too little with half of the values missing
DRAWN_ROUNDS = 6
# change of filled values, in standard deviations, at which a round is the last
SETTLED = 0.02
# of the variance of a column, added to every one
RIDGE = 1e-3


def learn(X, rng, n_iter, temperature, covariance_type, spreads):
    """Patterns without holes, with a shared covariance and a temperature, twice.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_features)
        Standardised rows; NaN is missing.
    rng : numpy.random.Generator
        Chooses the values that are hidden.
    n_iter : int
        Rounds.
    temperature : float or "auto"
        That of conditional means.
    covariance_type : {"full", "diag"}
        Of the components for densities and draws: that of the patterns, or that of standardised
        columns that are independent.
    spreads : ndarray of bool of shape (n_features,)
        Which columns may lie anywhere; others have values of some pattern.

    Returns
    -------
    means, draws, densities : Kernel
        The same but for patterns, temperature or metric. Patterns of the last two have draws in
        their holes, as means vary too little.
    n_rounds : int
        Rounds that it took.
    """
    if not X.shape[1]:  # nothing varies
        nothing = Kernel(X, np.zeros((0, 0)), 0.0, USUAL)
        return nothing, nothing, nothing, 0
    hidden = ~np.isnan(X) & (rng.random(X.shape) < HIDDEN_SHARE)
    # a row keeps something to be known by
    hidden[(np.isnan(X) | hidden).all(axis=1)] = False
    mean_temperature = USUAL if temperature == "auto" else float(temperature)
    if temperature == "auto" and hidden.sum() >= LEAST_HIDDEN:
        with_holes = np.where(hidden, np.nan, X)
        kernel, _ = fill(with_holes, USUAL, n_iter)
        rows = np.flatnonzero(hidden.any(axis=1))[:JUDGED_ROWS]
        means = kernel.conditional_means(with_holes[rows], TEMPERATURES, own=rows)
        errors = np.array([((mean - X[rows])[hidden[rows]] ** 2) for mean in means])
        # of those that are not clearly worse than the best, the nearest to the usual one
        excess = errors - errors[errors.mean(axis=1).argmin()]
        clear = excess.std(axis=1) / np.sqrt(errors.shape[1])
        good = np.array(TEMPERATURES)[excess.mean(axis=1) <= clear]
        mean_temperature = float(good[np.abs(np.log(good / USUAL)).argmin()])
    means, n_rounds = fill(X, mean_temperature, n_iter)
    draws = means
    if np.isnan(X).any():
        width = _width(means)
        # a row is no witness of its own holes
        own = np.arange(len(X)) if len(X) > 1 else None
        for _ in range(DRAWN_ROUNDS):
            # patterns whose own holes are filled by means are replaced by such that vary
            draws = replace(draws, patterns=draws.draw(X, rng, width, spreads, own))
    densities = draws
    if covariance_type == "diag":
        densities = Kernel.of(draws.patterns, np.eye(X.shape[1]), 1.0)
    return means, draws, densities.at(_width(densities)), n_rounds


def _width(kernel):
    """Temperature at which left-out patterns are most probable."""
    return density_temperature(Attention.of(kernel.whitened(), "euclidean", Softmax()))


def fill(X, temperature, n_iter):
    """Fill holes, each row by the others, while patterns and covariance follow; and the rounds."""
    missing = np.isnan(X)
    # standardised columns, of which some rows may have nothing
    count = np.maximum((~missing).sum(axis=0), 1)
    mean = np.where(missing, 0.0, X).sum(axis=0) / count
    patterns = np.where(missing, mean, X)
    residual = np.diag(missing.mean(axis=0) * ((patterns - mean) ** 2).sum(axis=0) / count)
    own, n_rounds = np.arange(len(X)), 0
    for _ in range(n_iter if missing.any() and len(X) > 1 else 0):
        n_rounds += 1
        kernel = Kernel.of(patterns, _covariance(patterns, residual), temperature)
        before = patterns
        patterns, residual = kernel.expectation(X, own)
        change = np.sqrt(np.mean((patterns - before)[missing] ** 2))
        if change < SETTLED:
            break
    return Kernel.of(patterns, _covariance(patterns, residual), temperature), n_rounds


def _covariance(patterns, residual):
    if len(patterns) > 1:
        covariance, _ = ledoit_wolf(patterns)
    else:
        covariance = np.zeros(residual.shape)
    covariance = covariance + residual
    return covariance + RIDGE * np.eye(len(covariance))
