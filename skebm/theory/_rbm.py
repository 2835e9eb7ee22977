"""Restricted Boltzmann machines: spectra of random weights, phases, universal approximation."""

from __future__ import annotations

from math import log, sqrt
from numbers import Real
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike


def marchenko_pastur_edge(n_rows: int, n_columns: int, deviation: float = 1.0) -> float:
    """Largest singular value of a large random matrix of independent entries.

    The singular values of the weights of an untrained machine fill the bulk below it; those that
    have grown past it carry what was learned.

    Parameters
    ----------
    n_rows, n_columns : int
        Shape of the matrix.
    deviation : float, default=1.0
        Standard deviation of the entries.

    Returns
    -------
    edge : float
        ``deviation (sqrt(n_rows) + sqrt(n_columns))``.

    References
    ----------
    V. Marchenko and L. Pastur, "Distribution of eigenvalues for some sets of random matrices"
    (1967).

    Examples
    --------
    >>> from skebm.theory import marchenko_pastur_edge
    >>> marchenko_pastur_edge(100, 400, deviation=0.1)
    3.0
    """
    return deviation * (sqrt(n_rows) + sqrt(n_columns))


SMALLEST_FREE_SHARE = 0.5


class Phase(NamedTuple):
    """Phase of a restricted Boltzmann machine, and what it was read from.

    Attributes
    ----------
    name : {"paramagnetic", "ferromagnetic", "spin-glass-like", "undecided"}
        The phase.
    largest : float
        Largest singular value of the weights in units of the fluctuations that they must overcome.
    bulk_edge : float
        Where the bulk of these singular values ends, in the same units.
    """

    name: str
    largest: float
    bulk_edge: float


def rbm_phase(
    weights: ArrayLike,
    variance_visible: ArrayLike,
    variance_hidden: ArrayLike,
    temperature: float = 1.0,
) -> Phase:
    """Read the phase of a machine off the singular values of its weights.

    The state without memory, in which every unit is where its bias puts it, is stable while the
    largest singular value of ``sqrt(D_h) W sqrt(D_v) / T`` is below 1, D being the units'
    variances there: the machine is paramagnetic. Otherwise it condenses along the direction of that
    singular value. If it stands out of the bulk, the direction was learned, and the phase is called
    ferromagnetic; if it is part of the bulk, it is one of many random ones, as in a spin glass. The
    bulk is that of a random matrix (Marchenko and Pastur) with the median of the singular values,
    or that of the same weights, less their mean, in random places.

    The phase is "undecided" where that reasoning has nothing to go by: where biases and couplings
    hold so many units near a bound that fewer than half of a side carry the variance, and where
    the two bulks disagree, as they do when weights are few, large and learned.

    Parameters
    ----------
    weights : ndarray of shape (n_hidden, n_visible)
        W.
    variance_visible : array-like of shape (n_visible,)
        Variances of the visible units without couplings.
    variance_hidden : array-like of shape (n_hidden,)
        The same of the hidden ones.
    temperature : float, default=1.0
        T.

    Returns
    -------
    phase : Phase
        Named tuple ``(name, largest, bulk_edge)``.

    References
    ----------
    A. Decelle, G. Fissore and C. Furtlehner, "Thermodynamics of restricted Boltzmann machines and
    related learning dynamics" (2018).

    Examples
    --------
    >>> import numpy as np
    >>> from skebm.theory import rbm_phase
    >>> weights = 0.01 * np.random.default_rng(0).standard_normal((50, 80))
    >>> rbm_phase(weights, np.ones(80), np.ones(50)).name
    'paramagnetic'
    >>> rbm_phase(weights + 0.1, np.ones(80), np.ones(50)).name
    'ferromagnetic'
    >>> rbm_phase(20 * weights, np.ones(80), np.ones(50)).name
    'spin-glass-like'
    """
    variances = np.asarray(variance_visible, float), np.asarray(variance_hidden, float)
    scaled = np.sqrt(variance_hidden)[:, np.newaxis] * weights * np.sqrt(variance_visible)
    values = np.linalg.svd(scaled / temperature, compute_uv=False)
    largest = float(values[0])
    n_rows, n_columns = scaled.shape
    bulk_edge = float(np.median(values) * marchenko_pastur_edge(n_rows, n_columns))
    bulk_edge /= _median_of_bulk(n_rows, n_columns)
    # where variances or sizes of weights are uneven, the bulk ends elsewhere: at about the largest
    # value for the same weights, less their mean, in random places
    shuffled = np.random.default_rng(0).permuted(weights - np.mean(weights))
    shuffled = np.sqrt(variance_hidden)[:, np.newaxis] * shuffled * np.sqrt(variance_visible)
    uneven_edge = float(np.linalg.norm(shuffled / temperature, 2))
    # a bulk of finite size reaches a little further; a single value has none
    stands_out = [largest > 1.1 * edge or len(values) == 1 for edge in (bulk_edge, uneven_edge)]
    if min(_free_share(part) for part in variances) < SMALLEST_FREE_SHARE:
        name = "undecided"
    elif largest < 1:
        name = "paramagnetic"
    elif stands_out[0] != stands_out[1]:
        name = "undecided"
    else:
        name = "ferromagnetic" if stands_out[0] else "spin-glass-like"
    return Phase(name, largest, bulk_edge)


def _free_share(variances):
    """Share of the units that carry the variance: their participation ratio."""
    # relative to the largest one, so that squares do not vanish
    largest = variances.max(initial=0.0)
    if not largest > 0:
        return 0.0
    shares = variances / largest
    return shares.sum() ** 2 / (len(shares) * (shares**2).sum())


def _median_of_bulk(n_rows, n_columns):
    """Median singular value of a random matrix with entries of variance 1."""
    small, large = sorted((n_rows, n_columns))
    ratio = small / large
    lower, upper = (1 - sqrt(ratio)) ** 2, (1 + sqrt(ratio)) ** 2
    # x = middle + half cos(phi) takes the square-root ends out of the Marchenko-Pastur density
    phi = np.linspace(0, np.pi, 2001)
    x = 0.5 * (upper + lower) + 0.5 * (upper - lower) * np.cos(phi)
    density = np.sin(phi) ** 2 / np.maximum(x, 1e-12)
    cumulative = np.cumsum(density)
    # phi = 0 is the upper end
    middle = x[np.searchsorted(cumulative, 0.5 * cumulative[-1])]
    return sqrt(large * middle)


def universal_parameters(support: ArrayLike, probabilities: ArrayLike, kl: float = 0.01) -> tuple:
    """Make parameters of a machine that approximates any distribution on a few rows.

    It has one hidden unit for each support point, which is off unless the visible row is that
    point, whose weight it then raises by a factor proportional to the probability. That is one unit
    less than the theorem allows.

    Parameters
    ----------
    support : array-like of shape (n_points, n_features)
        Distinct rows of 0 and 1.
    probabilities : array-like of shape (n_points,)
        Their probabilities, of sum 1.
    kl : float, default=0.01
        Largest allowed Kullback-Leibler divergence from the distribution to the machine, in nats.

    Returns
    -------
    components : ndarray of shape (n_points, n_features)
        W, of Bernoulli units at T = 1.
    intercept_visible : ndarray of shape (n_features,)
        Visible biases a, all 0.
    intercept_hidden : ndarray of shape (n_points,)
        Hidden biases b.

    Raises
    ------
    ValueError
        If rows are not distinct rows of 0 and 1, or probabilities are not positive with sum 1.

    References
    ----------
    N. Le Roux and Y. Bengio, "Representational power of restricted Boltzmann machines and deep
    belief networks" (2008).

    Examples
    --------
    >>> import numpy as np
    >>> from skebm import RBM
    >>> from skebm.theory import universal_parameters
    >>> parity = [[0, 0, 0], [0, 1, 1], [1, 0, 1], [1, 1, 0]]
    >>> rbm = RBM.from_parameters(*universal_parameters(parity, [0.1, 0.2, 0.3, 0.4]))
    >>> np.exp(rbm.score_samples(parity)).round(2)
    array([0.1, 0.2, 0.3, 0.4])
    """
    support = np.asarray(support, dtype=np.float64)
    probabilities = np.asarray(probabilities, dtype=np.float64)
    if support.ndim != 2 or not np.isin(support, (0, 1)).all():
        raise ValueError("support must be a table of 0 and 1, a point a row.")
    if len(np.unique(support, axis=0)) != len(support):
        raise ValueError("The rows of support must differ from each other.")
    if probabilities.shape != (len(support),):
        raise ValueError(
            f"probabilities must have the shape ({len(support)},), one for every row of support, "
            f"got {probabilities.shape}."
        )
    if not (probabilities > 0).all() or abs(probabilities.sum() - 1) > 1e-8:
        raise ValueError("probabilities must be above 0 and have the sum 1.")
    if not isinstance(kl, Real) or not kl > 0:
        raise ValueError(f"kl must be a number above 0, got {kl!r}.")
    n_points, n_features = support.shape
    # all rows weigh 1, support points e^height times their probability more: the others together
    # get a share of at most 2^n e^-height, and each unit's leak to other rows is below kl / 4 k
    height = n_features * log(2) + log(4 / kl)
    slope = height + log(4 * n_points / min(kl, 1))
    components = slope * (2 * support - 1)
    intercept_hidden = height + np.log(probabilities) - slope * support.sum(axis=1)
    return components, np.zeros(n_features), intercept_hidden
