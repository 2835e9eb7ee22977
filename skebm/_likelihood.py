"""Normalised likelihoods: exact partition functions, annealed estimates, pseudo-likelihood.

Everything here works on an energy (see `_energies`) and is in nats. `log_partition` picks the
method; the annealed estimates know a model only by its four methods `log_weight`, `sweep`,
`toward` and `independent`.
"""

from functools import singledispatch
from typing import NamedTuple

import numpy as np
from scipy.sparse import issparse
from scipy.special import logsumexp
from sklearn.exceptions import ConvergenceWarning

from ._base import warn
from ._coupled import Coupled
from ._dynamics import gibbs
from ._energies import Bipartite
from ._enumeration import LARGEST_WORK, log_sum, work
from .units import Gaussian

BLOCK_SIZE = 2**21
LARGEST_DISAGREEMENT = 1.0


class LogPartition(NamedTuple):
    """Natural logarithm of a partition function and how far to trust it.

    Attributes
    ----------
    value : float
        ln Z, in nats.
    standard_error : float
        Standard error of `value`; 0 when exact.
    method : {"exact", "ais"}
        Enumeration (or closed form), or annealed importance sampling.
    lower, upper : float
        Forward estimate minus, and reverse estimate plus, two standard errors; both equal to
        `value` when exact. The forward estimate is low on average, the reverse one high, so they
        bracket the value as long as the chains reach all modes of the model.
    """

    value: float
    standard_error: float
    method: str
    lower: float
    upper: float


def log_partition(model, base, rng, *, method="auto", n_temperatures=1000, n_chains=100):
    """Ln Z of a model, exact where that is cheap enough, else annealed.

    Parameters
    ----------
    model : Bipartite or Coupled
        The model.
    base : ndarray of shape (n_visible,) or (n_units,)
        Field of the independent units from which annealing starts.
    rng : numpy.random.Generator
        Source of randomness of the annealed estimate.
    method : {"auto", "exact", "ais"}, default="auto"
        "auto" is exact while (states to enumerate) x (units summed at each) <= 2^27.
    n_temperatures, n_chains : int
        Length of the annealing ladder and number of annealed chains.

    Returns
    -------
    log_partition : LogPartition
        The value with its bounds.

    Warns
    -----
    ConvergenceWarning
        If the standard errors do not explain by how much the two directions of annealing differ,
        and the reverse estimate is a nat higher, or lower at all.
    """
    if method != "ais":
        try:
            value = _exact_log_partition(model)
        except TooManyStatesError as error:
            if method == "exact":
                raise ValueError(f"method='exact' {error} Use method='ais'.") from None
        else:
            return LogPartition(value, 0.0, "exact", value, value)
    ladder = np.linspace(0, 1, n_temperatures + 1)
    forward, states = _anneal(model, base, ladder, n_chains, rng)
    # resampled by their weights, the annealed states are close to samples of the model
    shares = np.exp(forward - logsumexp(forward))
    states = states[rng.choice(n_chains, size=n_chains, p=shares / shares.sum())]
    states = gibbs(model, states, n_temperatures // 4, rng)
    reverse = _anneal_back(model, base, ladder, states, rng)
    value, error = _log_mean_exp(forward)
    negative_reverse, reverse_error = _log_mean_exp(-reverse)
    disagreement, noise = -negative_reverse - value, np.hypot(error, reverse_error)
    if disagreement > max(LARGEST_DISAGREEMENT, 3 * noise) or disagreement < -3 * noise:
        warn(
            f"Annealed to the model and back, the estimates of ln Z are {value:.2f} +- {error:.2f} "
            f"and {-negative_reverse:.2f} +- {reverse_error:.2f} nats, which their standard errors "
            f"do not explain. Raise n_temperatures of log_partition (now {n_temperatures}).",
            ConvergenceWarning,
        )
    return LogPartition(
        value, error, "ais", value - 2 * error, -negative_reverse + 2 * reverse_error
    )


class TooManyStatesError(Exception):
    """Says why a sum over states would take too long."""


@singledispatch
def _exact_log_partition(model):
    raise NotImplementedError


@_exact_log_partition.register
def _(model: Coupled):
    coupling = model.coupling.toarray() if issparse(model.coupling) else model.coupling
    if work(coupling) > LARGEST_WORK:
        raise TooManyStatesError(
            f"needs at most {LARGEST_WORK} = 2^27 joint states of units that touch all couplings, "
            "counted once for each of the other units; "
            f"the {len(coupling)} units of this model have more."
        )
    field = model.intercept[np.newaxis]
    return float(log_sum(coupling, field)[0]) + model.constant


@_exact_log_partition.register
def _(model: Bipartite):
    n_hidden, n_visible = model.weights.shape
    if isinstance(model.visible, Gaussian) and isinstance(model.hidden, Gaussian):
        return _gaussian_log_partition(model)
    states = {
        False: model.visible.count_states(n_visible) * n_hidden,
        True: model.hidden.count_states(n_hidden) * n_visible,
    }
    swap = states[True] < states[False]
    if states[swap] > LARGEST_WORK:
        raise TooManyStatesError(
            f"needs a side of discrete units with at most {LARGEST_WORK} = 2^27 joint states, "
            "counted once for each unit of the other side; this model has "
            f"{n_visible} visible {model.visible!r} and {n_hidden} hidden {model.hidden!r} units."
        )
    return _enumerate(model.swapped() if swap else model)


def _enumerate(model):
    """Ln Z by summing over the states of the visible side, a block at a time."""
    model = in_double(model)
    n_hidden, n_visible = model.weights.shape
    n_states = int(model.visible.count_states(n_visible))
    block = max(1, BLOCK_SIZE // max(n_hidden, n_visible))
    total = -np.inf
    for start in range(0, n_states, block):
        numbers = np.arange(start, min(start + block, n_states))
        states = model.visible.states(n_visible, numbers)
        total = np.logaddexp(total, logsumexp(model.log_weight(states)))
    return float(total)


def _gaussian_log_partition(model):
    model = in_double(model)
    n_hidden, n_visible = model.weights.shape
    spreads = [
        np.broadcast_to(unit.spread, size)
        for unit, size in ((model.visible, n_visible), (model.hidden, n_hidden))
    ]
    precision = np.diag(1 / np.concatenate(spreads))
    precision[n_visible:, :n_visible] = -model.weights
    precision[:n_visible, n_visible:] = -model.weights.T
    field = np.concatenate([model.intercept_visible, model.intercept_hidden])
    _, log_determinant = np.linalg.slogdet(precision)
    quadratic = field @ np.linalg.solve(precision, field) / model.temperature
    constant = len(field) * np.log(2 * np.pi * model.temperature)
    return float(0.5 * (quadratic + constant - log_determinant))


def _anneal(model, base, ladder, n_chains, rng):
    """Anneal from independent units to the model (Neal 2001): log-weights and final states."""
    states, log_partition_base = model.independent(base, n_chains, rng)
    log_weights = np.full(n_chains, log_partition_base)
    colder = model.toward(base, ladder[0])
    for beta in ladder[1:]:
        current, colder = colder, model.toward(base, beta)
        log_weights += colder.log_weight(states) - current.log_weight(states)
        states = colder.sweep(states, rng)
    return log_weights, states


def _anneal_back(model, base, ladder, states, rng):
    """Log importance weights of the reverse path, from samples of the model to the base."""
    _, log_partition_base = model.independent(base, 1, rng)
    log_weights = np.full(len(states), log_partition_base)
    current = model.toward(base, ladder[-1])
    for beta in ladder[-2::-1]:
        states = current.sweep(states, rng)
        hotter = model.toward(base, beta)
        log_weights += current.log_weight(states) - hotter.log_weight(states)
        current = hotter
    return log_weights


def _log_mean_exp(log_weights):
    """Logarithm of the mean weight and its standard error by the delta method."""
    n = len(log_weights)
    largest = log_weights.max()
    weights = np.exp(log_weights - largest)
    mean = weights.mean()
    return float(largest + np.log(mean)), float(weights.std(ddof=1) / mean / np.sqrt(n))


def pseudo_likelihood(model, v):
    """``sum_i ln p(v_i | all other v)`` of every row, exactly, hidden units summed out.

    Parameters
    ----------
    model : Bipartite
        A model with discrete visible units.
    v : ndarray of shape (n_rows, n_visible)
        Visible rows. A value between the levels counts with the weight that the energy gives it.

    Returns
    -------
    pseudo_likelihood : ndarray of shape (n_rows,)
        In nats; 0 is the largest possible value.
    """
    temperature = model.temperature
    field = model.hidden_field(v)
    here = model.hidden.cumulant(field, temperature).sum(axis=1)
    total = np.zeros(len(v), dtype=field.dtype)
    for unit, block in model.visible.blocks(v.shape[1]):
        levels = unit.level_rows(field.dtype)
        own = unit.energy(levels).sum(axis=1)
        for start in range(block.start, block.stop, unit.width):
            columns = slice(start, start + unit.width)
            weight, bias = model.weights[:, columns].T, model.intercept_visible[columns]
            present = v[:, columns]
            present_own = unit.energy(present).sum(axis=1)
            # log-weights of every state of this unit, relative to the one it has
            log_ratios = np.zeros((len(levels), len(v)), dtype=field.dtype)
            for log_ratio, level, level_own in zip(log_ratios, levels, own, strict=True):
                rows = np.flatnonzero((present != level).any(axis=1))
                shift = level - present[rows]
                there = model.hidden.cumulant(field[rows] + shift @ weight, temperature)
                change = there.sum(axis=1) - here[rows] + shift @ bias
                change -= level_own - present_own[rows]
                log_ratio[rows] = change / temperature
            total -= logsumexp(log_ratios, axis=0)
    return total


def in_double(model):
    return model._replace(
        **{
            name: getattr(model, name).astype(np.float64)
            for name in ("weights", "intercept_visible", "intercept_hidden")
        }
    )
