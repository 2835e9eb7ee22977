"""Thermodynamics of the Hopfield memory in closed form.

Loads are ``alpha = p / N``, patterns per unit; energies are per unit, with Hebb couplings
``J = (1/N) sum xi xi'``; temperatures are in the same units, so that a single pattern is
retrievable up to temperature 1.

Every function takes arrays in place of numbers, which are broadcast against each other; of a named
tuple each field is an array then.

References
----------
D. Amit, H. Gutfreund and H. Sompolinsky, "Spin-glass models of neural networks" (1985), for a
finite number of patterns, and "Statistical mechanics of neural networks near saturation" (1987),
for an extensive one (in replica symmetry). E. Gardner, "The space of interactions in neural
network models" (1988).
"""

from __future__ import annotations

from functools import cache, wraps
from math import erf, erfc, exp, log, pi, sqrt
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq, minimize_scalar
from scipy.special import gammaln
from scipy.stats import binom, norm

# temperatures below that count as 0, which changes results by less
COLD = 1e-7


def elementwise(function):
    """Let a function of numbers take arrays, broadcast against each other."""

    @wraps(function)
    def broadcast(*args, **kwargs):
        values = [*args, *kwargs.values()]
        if not values:
            return function()
        shape = np.broadcast_shapes(*(np.shape(value) for value in values))
        grids = [np.broadcast_to(np.asarray(value, dtype=object), shape) for value in values]
        results = []
        for cell in zip(*(grid.ravel() for grid in grids), strict=True):
            # numbers of numpy would overflow where Python's do not
            cell = [value.item() if isinstance(value, np.generic) else value for value in cell]
            named = dict(zip(kwargs, cell[len(args) :], strict=True))
            results.append(function(*cell[: len(args)], **named))
        if not shape:
            return results[0]
        if results and isinstance(results[0], tuple):
            parts = (np.reshape(part, shape) for part in zip(*results, strict=True))
            return type(results[0])(*parts)
        return np.reshape(np.array(results, dtype=np.float64), shape)

    return broadcast


# ------------------------------------------------------------------ one step from a pattern


@elementwise
def error_probability(load: ArrayLike) -> Any:
    """Probability that a unit of a stored pattern is unstable, for many units.

    Parameters
    ----------
    load : float or array-like
        Patterns per unit, alpha > 0.

    Returns
    -------
    probability : float or ndarray
        ``erfc(1 / sqrt(2 alpha)) / 2``.

    Examples
    --------
    >>> from skebm.theory import error_probability
    >>> round(error_probability(0.138), 6)
    0.003552
    """
    _check_load(load)
    return float(norm.sf(1 / sqrt(load)))


class OneStepErrors(NamedTuple):
    """What becomes of a unit of a stored pattern in one step.

    Attributes
    ----------
    error : float
        Probability that its field points the other way.
    tie : float
        Probability that its field is exactly 0.
    """

    error: float
    tie: float


@elementwise
def exact_error_probability(n_patterns: int, n_units: int) -> OneStepErrors:
    """Probability that a unit of a stored pattern is unstable, exactly for that many units.

    Parameters
    ----------
    n_patterns, n_units : int
        Number of random ±1 patterns and of units; the couplings have no diagonal.

    Returns
    -------
    probabilities : OneStepErrors
        Named tuple ``(error, tie)``.

    Examples
    --------
    >>> from skebm.theory import exact_error_probability
    >>> round(exact_error_probability(28, 200).error, 6)
    0.003179
    """
    _check_positive_integers(n_patterns=n_patterns, n_units=n_units)
    # N times the aligned field is N - 1 minus a sum of that many independent signs
    n_signs = (n_units - 1) * (n_patterns - 1)
    half = (n_signs - (n_units - 1)) / 2
    error = float(binom.cdf(np.ceil(half) - 1, n_signs, 0.5))
    tie = float(binom.pmf(half, n_signs, 0.5)) if half == int(half) else 0.0
    return OneStepErrors(error, tie)


# ------------------------------------------------------------------ a few patterns


@elementwise
def mixture_overlap(n: int, temperature: float) -> float:
    """Overlap of a symmetric mixture of `n` patterns with each of them.

    Parameters
    ----------
    n : int
        Number of patterns in the mixture; 1 is retrieval of a pattern.
    temperature : float
        Temperature, 0 included.

    Returns
    -------
    overlap : float
        Solution ``m > 0`` of ``m = <z tanh(m z / T)> / n``, z a sum of n signs; 0 where
        ``temperature >= 1``.

    Examples
    --------
    >>> from skebm.theory import mixture_overlap
    >>> mixture_overlap(3, 0.0)
    0.5
    >>> round(mixture_overlap(1, 0.4), 6)
    0.985624
    """
    z, weights = _sum_of_signs(n)
    _check_temperature(temperature)
    if temperature < COLD:
        return float(weights @ np.abs(z) / n)
    if temperature >= 1:
        return 0.0

    def excess(m):
        return weights @ (z * np.tanh(m * z / temperature)) / n - m

    # concave in m, with slope 1 / T > 1 at 0
    low = 0.1
    while excess(low) <= 0:
        low /= 4
    return float(brentq(excess, low, 1.0, xtol=1e-14)) if excess(1.0) < 0 else 1.0


@elementwise
def mixture_free_energy(n: int, temperature: float) -> float:
    """Free energy per unit of a symmetric mixture of `n` patterns.

    Parameters
    ----------
    n : int
        Number of patterns in the mixture.
    temperature : float
        Temperature, 0 included.

    Returns
    -------
    free_energy : float
        ``n m^2 / 2 - T <ln 2cosh(m z / T)>``.

    Examples
    --------
    >>> from skebm.theory import mixture_free_energy
    >>> mixture_free_energy(3, 0.0)
    -0.375
    """
    z, weights = _sum_of_signs(n)
    m = mixture_overlap(n, temperature)
    return float(n * m**2 / 2 - weights @ _log_two_cosh(m * z, temperature))


@elementwise
def mixture_critical_temperature(n: int) -> float:
    """Temperature below which a symmetric mixture of `n` patterns is locally stable.

    Parameters
    ----------
    n : int
        Number of patterns in the mixture.

    Returns
    -------
    temperature : float
        Where the smallest eigenvalue of the Hessian vanishes; nan for even n, which are unstable
        at every temperature.

    Examples
    --------
    >>> from skebm.theory import mixture_critical_temperature
    >>> round(mixture_critical_temperature(3), 4)
    0.4598
    """
    z, weights = _sum_of_signs(n)
    if n == 1:
        return 1.0
    if n % 2 == 0:
        return float("nan")

    @cache
    def smallest_eigenvalue(temperature):
        square = np.tanh(mixture_overlap(n, temperature) * z / temperature) ** 2
        q = weights @ square
        correlated = weights @ ((z**2 - n) * square) / (n * (n - 1))
        return 1 - (1 - q) / temperature - correlated / temperature

    # it is negative near 1 and positive just below the root, wherever between sums of signs that is
    grid = np.linspace(0.9, 0.02, 100)
    last = next(t for t in grid if smallest_eigenvalue(t) > 0)
    return float(brentq(smallest_eigenvalue, last, last + grid[0] - grid[1], xtol=1e-12))


# ------------------------------------------------------------------ many patterns


class RetrievalState(NamedTuple):
    """Order parameters of a state at an extensive load; all nan where there is none.

    Attributes
    ----------
    overlap : float
        m, with the retrieved pattern.
    q : float
        Edwards-Anderson parameter, the mean squared local magnetisation.
    r : float
        Mean squared overlap with the other patterns, times N / alpha.
    free_energy : float
        Per unit.
    """

    overlap: float
    q: float
    r: float
    free_energy: float


NO_STATE = RetrievalState(*[float("nan")] * 4)


@elementwise
def retrieval_state(load: float, temperature: float = 0.0) -> RetrievalState:
    """Replica-symmetric retrieval state of a memory with ``load * N`` random patterns.

    Parameters
    ----------
    load : float
        Patterns per unit, alpha > 0.
    temperature : float, default=0.0
        Temperature.

    Returns
    -------
    state : RetrievalState
        Named tuple ``(overlap, q, r, free_energy)``; nan where no pattern can be retrieved.

    Examples
    --------
    >>> from skebm.theory import retrieval_state
    >>> round(retrieval_state(0.05, 0.3).overlap, 5)
    0.99116
    >>> retrieval_state(0.15)
    RetrievalState(overlap=nan, q=nan, r=nan, free_energy=nan)
    """
    _check_load(load)
    _check_temperature(temperature)
    if temperature < COLD:
        y_best, load_best = _most_loaded_at_zero()
        if load > load_best:
            return NO_STATE
        # where the load is small, it is 1 / (2 y^2)
        highest = 2 + sqrt(2 / load)
        y = brentq(lambda y: _load_at_zero(y) - load, y_best, highest, xtol=1e-14)
        m = erf(y)
        return _state(m, m / (sqrt(2) * y), load, 0.0)
    if temperature >= 1:
        return NO_STATE
    m, s, settled = _iterate(load, temperature)
    if settled:
        return NO_STATE if m < 1e-6 else _state(m, s, load, temperature)
    # iteration creeps where retrieval states are about to vanish
    s_best, load_best = _most_loaded(temperature)
    if load > load_best:
        return NO_STATE
    s = brentq(lambda s: _load_at(s, temperature) - load, 1e-6 * sqrt(load), s_best, xtol=1e-14)
    return _state(float(_overlap_at(s, temperature)), s, load, temperature)


@elementwise
def spin_glass_state(load: float, temperature: float = 0.0) -> RetrievalState:
    """Replica-symmetric spin glass state, which has no overlap with any pattern.

    Parameters
    ----------
    load : float
        Patterns per unit, alpha > 0.
    temperature : float, default=0.0
        Temperature.

    Returns
    -------
    state : RetrievalState
        Named tuple with overlap 0; nan above ``1 + sqrt(alpha)``, where only the paramagnet is.

    Examples
    --------
    >>> from skebm.theory import spin_glass_state
    >>> round(spin_glass_state(0.1).free_energy, 4)
    -0.5706
    """
    _check_load(load)
    _check_temperature(temperature)
    if temperature >= 1 + sqrt(load):
        return NO_STATE
    if temperature < COLD:
        return _state(0.0, sqrt(load) + sqrt(2 / pi), load, 0.0)

    def stiffness(s):
        return 1 - _averages(0.0, s, temperature)[2]

    lowest = 1e-6
    if stiffness(lowest) < 0:
        lowest = brentq(stiffness, lowest, 10.0, xtol=1e-15)

    def excess(s):
        return s**2 * stiffness(s) ** 2 - load * _averages(0.0, s, temperature)[1]

    highest = sqrt(load) + 2
    return _state(0.0, brentq(excess, lowest, highest, xtol=1e-14), load, temperature)


@elementwise
def critical_load(temperature: float = 0.0) -> float:
    """Largest load at which patterns can be retrieved.

    Parameters
    ----------
    temperature : float, default=0.0
        Temperature.

    Returns
    -------
    load : float
        Patterns per unit; 0 where ``temperature >= 1``.

    Examples
    --------
    >>> from skebm.theory import critical_load
    >>> round(critical_load(), 6)
    0.137906
    """
    _check_temperature(temperature)
    if temperature < COLD:
        return _most_loaded_at_zero()[1]
    return _most_loaded(temperature)[1] if temperature < 1 else 0.0


class PhaseBoundaries(NamedTuple):
    """Temperatures of the phase boundaries at some loads; nan where there is none.

    Attributes
    ----------
    spin_glass : ndarray
        T_g, below which the paramagnet freezes into a spin glass.
    retrieval : ndarray
        T_M, below which retrieval states exist. At loads just above `critical_load` (up to .13819)
        they do not at the lowest temperatures, as replica symmetry has it.
    ground_state : ndarray
        T_c, below which they have the lowest free energy; the same holds just above .05186.
    """

    spin_glass: np.ndarray
    retrieval: np.ndarray
    ground_state: np.ndarray


def phase_boundaries(loads: ArrayLike) -> PhaseBoundaries:
    """Compute the boundaries of the phases in the plane of load and temperature.

    Parameters
    ----------
    loads : array-like of shape (n,)
        Patterns per unit.

    Returns
    -------
    boundaries : PhaseBoundaries
        Named tuple of arrays ``(spin_glass, retrieval, ground_state)``.

    Examples
    --------
    >>> from skebm.theory import phase_boundaries
    >>> phase_boundaries([0.05, 0.1]).retrieval.round(4)
    array([0.5423, 0.3154])
    """
    loads = np.atleast_1d(np.asarray(loads, dtype=np.float64))
    for load in loads:
        _check_load(load)
    lines = np.array([(_retrieval_line(load), ground_state_line(load)) for load in loads])
    return PhaseBoundaries(1 + np.sqrt(loads), *lines.reshape(-1, 2).T)


@cache
def _warmest_capacity():
    """Temperature at which the critical load is largest, a little above 0; and that load."""
    best = minimize_scalar(
        lambda t: -critical_load(t), bounds=(1e-4, 0.2), method="bounded", options={"xatol": 1e-7}
    )
    return float(best.x), float(-best.fun)


def _retrieval_line(load):
    coldest, largest = _warmest_capacity()
    if load >= largest:
        return np.nan
    # T_M is about 1 - 1.95 sqrt(load)
    warmest = 1 - min(0.5 * sqrt(load), 0.1)
    return brentq(lambda t: critical_load(t) - load, coldest, warmest, xtol=1e-9)


def ground_state_line(load):
    def excess(temperature):
        glass = spin_glass_state(load, temperature).free_energy
        return retrieval_state(load, temperature).free_energy - glass

    if load >= critical_load():
        return np.nan
    coldest = 0.0
    if excess(coldest) > 0:
        # the line bends back at low temperatures
        found = minimize_scalar(excess, bounds=(0, 0.1), method="bounded", options={"xatol": 1e-6})
        coldest = float(found.x)
        if found.fun > 0:
            return np.nan
    # retrieval states exist up to about 1 - 1.95 sqrt(load)
    return brentq(excess, coldest, 1 - 2.2 * sqrt(load), xtol=1e-9)


def _state(m, s, load, temperature):
    """Order parameters and free energy from m and ``s = sqrt(alpha r)``."""
    r = s**2 / load
    if temperature < COLD:
        susceptibility = sqrt(2 / pi) / s * exp(-(m**2) / (2 * s**2))
        q, logarithm, entropic = 1.0, 0.0, susceptibility
        last = m * erf(m / (sqrt(2) * s)) + s * sqrt(2 / pi) * exp(-(m**2) / (2 * s**2))
    else:
        _, q, susceptibility = _averages(m, s, temperature)
        logarithm, entropic = temperature * log(1 - susceptibility), susceptibility
        z, weights = _normal_nodes(m, s, temperature)
        last = float(weights @ _log_two_cosh(m + s * z, temperature))
    free_energy = load / 2 + m**2 / 2 + load / 2 * (logarithm - q / (1 - susceptibility))
    free_energy += load / 2 * r * entropic - last
    return RetrievalState(float(m), float(q), float(r), float(free_energy))


def _load_at_zero(y):
    """Load at which T = 0 has a state with ``y = m / sqrt(2 alpha r)``."""
    root = erf(y) / y - 2 / sqrt(pi) * exp(-(y**2))
    return root**2 / 2


@cache
def _most_loaded_at_zero():
    best = minimize_scalar(
        lambda y: -_load_at_zero(y), bounds=(0.5, 3), method="bounded", options={"xatol": 1e-10}
    )
    return float(best.x), float(-best.fun)


def _iterate(load, temperature):
    """Iterate the equations from a pattern: m, ``s = sqrt(alpha r)``, and whether they settled."""
    m, s = 1.0, sqrt(load)
    for _ in range(100):
        mean, q, susceptibility = (float(part) for part in _averages(m, s, temperature))
        if susceptibility >= 1 or q == 0:
            break
        following = mean, sqrt(load * q) / (1 - susceptibility)
        change = abs(following[0] - m) + abs(following[1] - s)
        m, s = following
        if change <= 1e-14:
            return m, s, True
    return m, s, False


def _overlap_at(s, temperature):
    """Largest solution m of ``m = <tanh((m + s z) / T)>``, 0 if there is no other."""
    m = np.ones(np.shape(s))
    # the mean is concave in m, so Newton's method comes down to the largest solution
    for _ in range(100):
        mean, _, slope = _averages(m, s, temperature)
        step = np.where(slope < 1, (m - mean) / np.maximum(1 - slope, 1e-15), m)
        # without a solution the slope reaches 1 on the way down
        m = np.maximum(m - step, 0)
        # the error is about the square of the last step
        if (np.abs(step) <= 1e-8 * m).all():
            break
    return np.where(m < 1e-8, 0.0, m)


def _load_at(s, temperature):
    """Load at which there is a retrieval state with ``s = sqrt(alpha r)``; 0 if there is none."""
    m = _overlap_at(s, temperature)
    _, q, slope = _averages(m, s, temperature)
    load = s**2 * np.maximum(1 - slope, 0) ** 2 / q
    return np.where(m == 0, 0.0, load)


@cache
def _most_loaded(temperature):
    """Where, along s, the load is largest: retrieval states have a smaller s than that."""
    # s is about .45 at T = 0 and vanishes like sqrt(1 - T)
    grid = np.geomspace(0.05, 1.5, 24) * sqrt(1 - temperature)
    for n_points in (13, 13, 3):
        loads = _load_at(grid, temperature)
        k = int(np.argmax(loads[1:-1])) + 1
        low, high = grid[k - 1], grid[k + 1]
        grid = np.linspace(low, high, n_points)
    # the top of the parabola through the last three points
    before, top, after = _load_at(grid, temperature)
    shift = 0.5 * (before - after) / (before - 2 * top + after)
    best = float(grid[1] + shift * (grid[1] - grid[0]))
    return best, float(_load_at(best, temperature))


LEGENDRE_NODES, LEGENDRE_WEIGHTS = np.polynomial.legendre.leggauss(20)


def _averages(m, s, temperature):
    """``<t>``, ``<t^2>`` and ``<1 - t^2> / T`` of ``t = tanh((m + s z) / T)``."""
    z, weights = _normal_nodes(m, s, temperature)
    x = (np.expand_dims(m, -1) + np.expand_dims(s, -1) * z) / temperature
    t = np.tanh(x)
    # 1 - t^2 without cancellation
    decay = np.exp(-2 * np.abs(x))
    rest = 4 * decay / (1 + decay) ** 2
    sums = [(weights * part).sum(axis=-1) for part in (t, t**2, rest)]
    return sums[0], sums[1], sums[2] / temperature


def _normal_nodes(m, s, temperature):
    """Nodes and weights for the mean over a standard normal z of a function of (m + s z) / T.

    Panels end where the function is steep, so that low temperatures are as exact as high ones.
    """
    m, s = np.broadcast_arrays(m, s)
    steep, width = -m / s, 20 * temperature / s
    fixed = [np.full(steep.shape, edge) for edge in (-10.0, -4.0, 0.0, 4.0, 10.0)]
    around = [steep + share * width for share in (-1, -1 / 8, 0, 1 / 8, 1)]
    edges = np.sort(np.clip([*fixed, *around], -10, 10), axis=0)
    edges = np.moveaxis(edges, 0, -1)
    half = np.diff(edges, axis=-1)[..., np.newaxis] / 2
    z = edges[..., :-1, np.newaxis] + half * (1 + LEGENDRE_NODES)
    weights = half * LEGENDRE_WEIGHTS * np.exp(-(z**2) / 2) / sqrt(2 * pi)
    return z.reshape(*steep.shape, -1), weights.reshape(*steep.shape, -1)


# ------------------------------------------------------------------ capacities


@elementwise
def capacity(learning_rule: str, n_units: int) -> float:
    """Number of random patterns that a memory of that many units holds.

    Parameters
    ----------
    learning_rule : {"hebb", "storkey", "pseudo_inverse", "perceptron"}
        The rule. "hebb": ``0.138 N``, recalled with 1.6 % of the units wrong; "storkey":
        ``N / sqrt(2 ln N)``; "pseudo_inverse": N; "perceptron": 2 N, an upper bound that couplings
        learnt row by row reach and symmetric ones (ours) do not.
    n_units : int
        Number of units N.

    Returns
    -------
    n_patterns : float
        For large N.

    Examples
    --------
    >>> from skebm.theory import capacity
    >>> round(capacity("hebb", 1000), 1)
    137.9
    """
    _check_positive_integers(n_units=n_units)
    capacities = {
        "hebb": critical_load() * n_units,
        "storkey": n_units / sqrt(2 * log(max(n_units, 2))),
        "pseudo_inverse": float(n_units),
        "perceptron": gardner_capacity() * n_units,
    }
    if learning_rule not in capacities:
        raise ValueError(
            f"learning_rule must be one of {sorted(capacities)}, got {learning_rule!r}."
        )
    return capacities[learning_rule]


@elementwise
def gardner_capacity(margin: float = 0.0) -> float:
    """Largest load at which any couplings hold random patterns with that margin.

    Parameters
    ----------
    margin : float, default=0.0
        Every aligned field is at least that (kappa), over the norm of its unit's couplings.

    Returns
    -------
    load : float
        ``1 / int_{-kappa}^inf Dz (z + kappa)^2``, for couplings that need not be symmetric.

    Examples
    --------
    >>> from skebm.theory import gardner_capacity
    >>> gardner_capacity()
    2.0
    >>> round(gardner_capacity(0.5), 5)
    0.96121
    """
    density = exp(-(margin**2) / 2) / sqrt(2 * pi)
    return 1 / ((1 + margin**2) * erfc(-margin / sqrt(2)) / 2 + margin * density)


@elementwise
def dense_capacity(
    n_units: int, degree: int, *, error: float | None = None, rectified: bool = False
) -> float:
    """Compute how many random patterns a dense memory of that many units holds.

    Parameters
    ----------
    n_units : int
        Number of units N, at least 2.
    degree : int
        Power n of the interaction, at least 2.
    error : float, default=None
        Share of the units that may be unstable, in (0, 1/2); None for the number at which all
        patterns are recalled without error.
    rectified : bool, default=False
        Whether negative overlaps are left out; with an error this doubles the capacity.

    Returns
    -------
    n_patterns : float
        ``N^(n - 1) / (2 (2n - 3)!! ln N)`` without error; else ``x N^(n - 1) / (2n - 3)!!`` with
        ``Q(1 / sqrt x) = error`` (rectified: ``Q(sqrt(2 / x)) = error``), Q the upper tail of the
        normal distribution. Infinite beyond the range of floats.

    References
    ----------
    D. Krotov and J. Hopfield, "Dense associative memory for pattern recognition" (2016).

    Examples
    --------
    >>> from skebm.theory import dense_capacity
    >>> [round(dense_capacity(100, degree), 1) for degree in (2, 3, 4)]
    [10.9, 361.9, 7238.2]
    """
    _check_positive_integers(n_units=n_units, degree=degree)
    for name, value in (("degree", degree), ("n_units", n_units)):
        if value < 2:
            raise ValueError(f"{name} must be an integer of at least 2, got {value!r}.")
    # (2n - 3)!! = (2n - 2)! / (2^(n - 1) (n - 1)!), all in logarithms
    log_factorial = gammaln(2 * degree - 1) - (degree - 1) * log(2) - gammaln(degree)
    log_capacity = (degree - 1) * log(n_units) - log_factorial
    if error is None:
        log_capacity -= log(2 * log(n_units))
    elif not 0 < error < 0.5:
        raise ValueError(f"error must be a number between 0 and 1/2, got {error!r}.")
    else:
        log_capacity += log((2 if rectified else 1) / norm.isf(error) ** 2)
    with np.errstate(over="ignore"):
        return float(np.exp(log_capacity))


@elementwise
def exponential_load(flip: float = 0.0) -> float:
    """Compute the load below which the exponential memory surely corrects flips.

    Parameters
    ----------
    flip : float, default=0.0
        Share of the cue's units that are flipped, in [0, 1/2).

    Returns
    -------
    load : float
        With ``exp(load N)`` random patterns of N units a step corrects the cue, with probability 1
        for large N. Sufficient, not a threshold; ``ln(2) / 2`` without flips, ``2^(N/2)`` patterns.

    References
    ----------
    M. Demircigil et al., "On a model of associative memory with huge storage capacity" (2017).

    Examples
    --------
    >>> from skebm.theory import exponential_load
    >>> round(exponential_load(0.1), 4)
    0.184
    """
    if not 0 <= flip < 0.5:
        raise ValueError(f"flip must be a number in [0, 1/2), got {flip!r}.")
    x = 1 - 2 * flip
    agreeing, other = (1 + x) * log(1 + x), (1 - x) * log(1 - x) if x < 1 else 0.0
    return (agreeing + other) / 4


# ------------------------------------------------------------------ checks and small sums


def _sum_of_signs(n):
    """Values of a sum of n independent signs, and their probabilities."""
    _check_positive_integers(n=n)
    ups = np.arange(n + 1)
    return 2.0 * ups - n, binom.pmf(ups, n, 0.5)


def _log_two_cosh(field, temperature):
    """``T ln 2cosh(field / T)``, down to T = 0."""
    magnitude = np.abs(field)
    if temperature < COLD:
        return magnitude
    return magnitude + temperature * np.log1p(np.exp(-2 * magnitude / temperature))


def _check_positive_integers(**values):
    for name, value in values.items():
        if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or value < 1:
            raise ValueError(f"{name} must be an integer of at least 1, got {value!r}.")


def _check_load(load):
    if not isinstance(load, (int, float)) or not 0 < load < np.inf:
        raise ValueError(f"load must be a positive number, got {load!r}.")


def _check_temperature(temperature):
    if not isinstance(temperature, (int, float)) or not 0 <= temperature < np.inf:
        raise ValueError(f"temperature must be a number of at least 0, got {temperature!r}.")
