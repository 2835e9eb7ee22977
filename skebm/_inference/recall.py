"""Recall of memories: downhill in energy until nothing changes.

An energy that can be recalled supplies `recall_start` (what a step needs, the states first),
`downhill` (a step of these), `change` (how far rows moved) and `rests` (which would not move); for
pictures `portions` and `follow`, a step in parts. `Spins` and `Attention` do.
"""

import numpy as np

from .settle import settle

# share of the variance of states that is left where all have ended in one
COLLAPSED = 1e-6


def recall(energy, states, max_steps, tol=0.0):
    """Go downhill in energy until nothing changes, every row on its own.

    Spins follow their fields one after another, at T = 0; a unit without field keeps its state.
    Continuous states move to the mean of the patterns that they are associated with.

    Parameters
    ----------
    energy : Spins or Attention
        The memory.
    states : ndarray of shape (n_rows, n_units)
        Where to start; not changed.
    max_steps : int
        Sweeps or steps at most.
    tol : float
        Change at which a row has settled.

    Returns
    -------
    states : ndarray of shape (n_rows, n_units)
        The states reached.
    settled : ndarray of bool of shape (n_rows,)
        Which rows have settled: another sweep of their spins, or the last step, changes nothing.
    """

    def step(rows, states, *kept):
        before = states.copy()
        state = energy.downhill(states, *kept)
        return state, energy.change(before, state[0]) <= tol

    result, settled = settle(step, energy.recall_start(states), max_steps)
    if not settled.all():
        settled[~settled] = energy.rests(result[~settled])
    return result, settled


def end_in_one(states, ends):
    """Whether different states all end in one."""
    with np.errstate(over="ignore", invalid="ignore"):
        return ends.var(axis=0).sum() < COLLAPSED * states.var(axis=0).sum()


def recall_at_once(energy, states, max_steps):
    """Let all spins follow their fields at the same time, at T = 0, until they stop or alternate.

    Synchronous updates end in a fixed point or in a cycle of two states.

    Parameters
    ----------
    energy : Pairwise
        The memory.
    states : ndarray of shape (n_rows, n_units)
        Where to start, ±1; not changed.
    max_steps : int
        Steps at most.

    Returns
    -------
    states : ndarray of shape (n_rows, n_units)
        The states reached; of a cycle, the one of the lower energy (the later one if equal).
    settled : ndarray of bool of shape (n_rows,)
        Whether a row has reached a fixed point.
    """
    states = states.astype(energy.dtype)
    in_cycle = np.zeros(len(states), dtype=bool)

    def step(rows, s, previous):
        following = energy.turned(s)
        still = (following == s).all(axis=1)
        cycle = (following == previous).all(axis=1) & ~still
        if cycle.any():
            in_cycle[rows[cycle]] = True
            is_lower = cycle & (energy.energy(s) <= energy.energy(previous))
            following[is_lower] = s[is_lower]
        return (following, s), still | cycle

    # no state equals NaN, so that nothing is a cycle before the second step
    result, settled = settle(step, (states, np.full_like(states, np.nan)), max_steps)
    return result, settled & ~in_cycle


def recall_steps(energy, states, max_steps, every, tol=0.0):
    """Yield the states of a recall, of spins after every few units, until no row changes.

    The same path as `recall`, slower.

    Parameters
    ----------
    energy : Spins or Attention
        The memory.
    states : ndarray of shape (n_rows, n_units)
        Where to start; not changed.
    max_steps : int
        Sweeps or steps at most.
    every : int
        Number of units between two states.
    tol : float
        Change at which a row has settled.

    Yields
    ------
    states : ndarray of shape (n_rows, n_units)
        The first is the start.
    """
    states = states.astype(energy.dtype)
    yield states
    for _ in range(max_steps):
        start = states
        for units in energy.portions(every):
            states = energy.follow(units, states)
            yield states
        if (energy.change(start, states) <= tol).all():
            return
