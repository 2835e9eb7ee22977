"""The optimiser of both machines: what training changes, and one step of it."""

from typing import NamedTuple

import numpy as np
from sklearn.utils import gen_even_slices

from .._blocks import COMPILED_SIZE

# share of a minibatch's mean in the running means that centre the gradient
OFFSET_RATE = 0.05
# whose rounding keeps running means away from the smallest numbers
A_HAIR = 1e-20


class State(NamedTuple):
    """Everything that an update changes, as plain arrays, which it changes in place.

    Attributes
    ----------
    parameters : tuple of ndarray
        Weights (or couplings) first, biases after them.
    offsets : tuple of ndarray
        Running means of the units under the data, side by side, which centre the gradient.
    velocity : tuple of ndarray or None
        Last step of every parameter, where there is momentum.
    chains : ndarray of shape (n_chains, n_units) or None
        Persistent chains of the negative phase.
    ladder : ndarray or None
        Positions of the rungs, where there is tempering.
    swap_rates : ndarray or None
        Running mean of the share of chains that neighbouring rungs exchange.
    variance : ndarray or None
        Variances of visible units that learn them, of all columns.
    filled : ndarray of shape (n_samples, n_visible) or None
        Training rows with states in their holes, where there are some.
    """

    parameters: tuple
    offsets: tuple
    velocity: tuple | None = None
    chains: np.ndarray | None = None
    ladder: np.ndarray | None = None
    swap_rates: np.ndarray | None = None
    variance: np.ndarray | None = None
    filled: np.ndarray | None = None

    def copy(self):
        """The same with arrays of its own, in the memory order they have."""
        return State(*(_copied(part) for part in self))


def _copied(part):
    if isinstance(part, tuple):
        return tuple(array.copy(order="K") for array in part)
    return None if part is None else part.copy(order="K")


def minibatches(n_samples, n_batches, rng, *, shuffle=True):
    """Row numbers of every minibatch of an epoch."""
    order = rng.permutation(n_samples) if shuffle else np.arange(n_samples)
    for rows in gen_even_slices(n_samples, n_batches):
        yield order[rows]


def track(offset, mean):
    """Let a running mean follow the mean of a minibatch, in place."""
    offset += OFFSET_RATE * (mean - offset)
    # of columns that are always 0 it would become a denormal number, which makes products slow
    offset += A_HAIR
    offset -= A_HAIR


def move(state, step, *, rate, momentum, l2, l1):
    """Move the parameters along `step`, in place, with momentum and a penalty on the weights.

    L2 is part of the gradient; L1 is a proximal step after the move, which leaves exact zeros.
    Both come at the rate at which the weights themselves learn, so that where training ends the
    gradient balances the penalty, whatever the units.

    Parameters
    ----------
    state : State
        Parameters and, with momentum, velocity.
    step : tuple of ndarray
        Gradient times learning rate, for every parameter; changed.
    rate : float or ndarray
        Learning rate of the weights, of each one where units differ; for the penalty alone.
    momentum : float
        Share of the last move that is kept.
    l2, l1 : float
        Strengths of the penalty ``l2 W^2 / 2 + l1 |W|``.
    """
    velocities = state.velocity if momentum else (None,) * len(step)
    penalties = (l2 * rate if l2 else None, l1 * rate if l1 else None)
    for parameter, velocity, part in zip(state.parameters, velocities, step, strict=True):
        if parameter.size < COMPILED_SIZE or not _advance_compiled(
            parameter, velocity, part, momentum, *penalties
        ):
            _advance(parameter, velocity, part, momentum, *penalties)
        penalties = None, None


def _advance(parameter, velocity, step, momentum, decay, threshold):
    """Move one parameter; penalties are times the rate already, or None."""
    if velocity is not None:
        if decay is not None:
            step -= decay * parameter
        velocity *= momentum
        velocity += step
        step = velocity
    elif decay is not None:
        parameter *= 1 - decay
    parameter += step
    if threshold is not None:
        size = np.abs(parameter)
        size -= threshold
        np.maximum(size, 0, out=size)
        np.copysign(size, parameter, out=parameter)


def _advance_compiled(parameter, velocity, step, momentum, decay, threshold):
    """The same in one pass, if these arrays allow it; whether they do."""
    if np.ndim(decay) or np.ndim(threshold) or not parameter.flags.forc:
        return False
    arrays = (parameter, step) if velocity is None else (parameter, step, velocity)
    if len({array.strides for array in arrays}) > 1:
        return False
    from . import compiled

    if compiled.advance is None:
        return False
    parameter, step, *rest = (array.ravel(order="K") for array in arrays)
    factors = np.array([momentum, decay or 0, threshold or 0], parameter.dtype)
    compiled.advance(parameter, rest[0] if rest else step[:0], step, *factors)
    return True
