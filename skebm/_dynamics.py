"""Chains of states: sampling, and recall."""

import numpy as np
from sklearn.utils import gen_batches

MEAN_GRID = 2**16


def gibbs(model, states, n_sweeps, rng, clamped=None):
    """Run `n_sweeps` Gibbs sweeps from `states`.

    Parameters
    ----------
    model : energy
        Anything with ``sweep(states, rng)``.
    states : ndarray of shape (n_chains, n_features)
        Where the chains start; not changed.
    n_sweeps : int
        Number of sweeps.
    rng : numpy.random.Generator
        Source of randomness.
    clamped : ndarray of shape (n_chains, n_features), default=None
        NaN marks a free unit; the others are held at the value given.

    Returns
    -------
    states : ndarray of shape (n_chains, n_features)
        The states after the last sweep.
    """
    if clamped is None:
        for _ in range(n_sweeps):
            states = model.sweep(states, rng)
        return states
    held = ~np.isnan(clamped)
    states = np.where(held, clamped, states)
    for _ in range(n_sweeps):
        states = model.sweep(states, rng)
        np.copyto(states, clamped, where=held)
    return states


def temper(model, base, betas, h, rng, clamped=None):
    """One sweep of parallel tempering along the path from independent units to the model.

    Every rung of the ladder makes a Gibbs step, then neighbouring rungs exchange their states by
    the Metropolis rule (first even pairs, then odd ones), which keeps the joint law of all rungs.

    Parameters
    ----------
    model : Bipartite
        The end of the path.
    base : ndarray of shape (n_visible,)
        Field of the independent visible units at its start.
    betas : ndarray of shape (n_rungs,)
        Positions of the rungs, rising to 1, the model itself.
    h : ndarray of shape (n_rungs * n_chains, n_hidden)
        Hidden states, rung after rung.
    rng : numpy.random.Generator
        Source of randomness.
    clamped : ndarray of shape (n_chains, n_visible), default=None
        NaN marks a free unit; the others are held at the value given, on every rung.

    Returns
    -------
    v : ndarray of shape (n_rungs * n_chains, n_visible)
        Visible states after the sweep; the last `n_chains` rows belong to the model.
    h : ndarray of shape (n_rungs * n_chains, n_hidden)
        Hidden states after the sweep.
    swap_rates : ndarray of shape (n_rungs - 1,)
        Share of the chains that were exchanged between a rung and the next.
    """
    n_rungs = len(betas)
    n_chains = len(h) // n_rungs
    path = model.toward(base, np.repeat(betas, n_chains)[:, np.newaxis].astype(h.dtype))
    v = path.sample_visible(h, rng)
    if clamped is not None:
        tiled = np.tile(clamped, (n_rungs, 1))
        np.copyto(v, tiled, where=~np.isnan(tiled))
    h, slope = path.sample_hidden(v, rng)

    order, swap_rates = exchange(betas, slope, rng)
    return v[order], h[order], swap_rates


def exchange(betas, slope, rng):
    """Let neighbouring rungs of a ladder exchange their states, by the Metropolis rule.

    First even pairs of rungs, then odd ones.

    Parameters
    ----------
    betas : ndarray of shape (n_rungs,)
        Positions of the rungs.
    slope : ndarray of shape (n_rungs * n_chains,)
        By how much the log-weight of every state rises per unit of beta, rung after rung.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    order : ndarray of shape (n_rungs * n_chains,)
        Which state every place has now.
    swap_rates : ndarray of shape (n_rungs - 1,)
        Share of the chains that were exchanged between a rung and the next.
    """
    n_rungs = len(betas)
    slope = slope.reshape(n_rungs, -1)
    rows = np.arange(slope.size).reshape(slope.shape)
    swap_rates = np.empty(n_rungs - 1)
    for first in (0, 1):
        lower, upper = slice(first, n_rungs - 1, 2), slice(first + 1, n_rungs, 2)
        distance = np.diff(betas)[first::2, np.newaxis]
        log_ratio = distance * (slope[lower] - slope[upper])
        swap = np.log1p(-rng.random(log_ratio.shape)) < log_ratio
        for array in (rows, slope):
            array[lower], array[upper] = (
                np.where(swap, array[upper], array[lower]),
                np.where(swap, array[lower], array[upper]),
            )
        swap_rates[first::2] = swap.mean(axis=1)
    return rows.ravel(), swap_rates


def recall(model, states, max_sweeps):
    """Let spins follow their fields one after another, at T = 0, until none flips.

    Every sweep goes through the units in their order; a unit without field keeps its state. The
    energy never rises.

    Parameters
    ----------
    model : Pairwise
        The couplings.
    states : ndarray of shape (n_rows, n_units)
        Where to start, ±1; not changed.
    max_sweeps : int
        Sweeps at most.

    Returns
    -------
    states : ndarray of shape (n_rows, n_units)
        The states reached.
    settled : ndarray of shape (n_rows,)
        Whether the last sweep of a row changed nothing.
    """
    result = states.astype(model.dtype)
    settled = np.zeros(len(result), dtype=bool)
    rows = np.arange(len(result))
    s, overlaps = result.copy(), model.overlaps(result)
    for _ in range(max_sweeps):
        flipped = np.zeros(len(rows), dtype=bool)
        for units, ahead in model.blocks:
            field, before = model.field_on(units, s, overlaps), s[:, units]
            moving = (_decide(field, before, model.tolerance) != before).any(axis=1)
            if moving.any():
                field, before = field[moving], before[moving]
                after = _in_turn(field, before, ahead, model.tolerance)
                s[moving, units] = after
                overlaps[moving] += model.overlaps(after - before, units)
                flipped |= moving
        result[rows] = s
        settled[rows[~flipped]] = True
        if not flipped.any():
            break
        if not flipped.all():
            rows, s, overlaps = rows[flipped], s[flipped], overlaps[flipped]
    return result, settled


def recall_at_once(model, states, max_steps):
    """Let all spins follow their fields at the same time, at T = 0, until they stop or alternate.

    Synchronous updates end in a fixed point or in a cycle of two states.

    Parameters
    ----------
    model : Pairwise
        The couplings.
    states : ndarray of shape (n_rows, n_units)
        Where to start, ±1; not changed.
    max_steps : int
        Steps at most.

    Returns
    -------
    states : ndarray of shape (n_rows, n_units)
        The states reached; of a cycle, the one of the lower energy (the later one if equal).
    settled : ndarray of shape (n_rows,)
        Whether a row has reached a fixed point.
    """
    result = states.astype(model.dtype)
    settled = np.zeros(len(result), dtype=bool)
    rows, s, previous = np.arange(len(result)), result.copy(), None
    for _ in range(max_steps):
        following = _decide(model.field(s), s, model.tolerance)
        still = (following == s).all(axis=1)
        cycle = np.zeros_like(still)
        if previous is not None:
            cycle = (following == previous).all(axis=1) & ~still
            lower = model.energy(previous) < model.energy(s)
            s[cycle & lower] = previous[cycle & lower]
        going = ~(still | cycle)
        result[rows] = np.where(going[:, np.newaxis], following, s)
        settled[rows[still]] = True
        rows, previous, s = rows[going], s[going], following[going]
        if not rows.size:
            break
    return result, settled


def heat_bath(model, states, temperatures, rng, held=None):
    """One sweep of the heat bath at every temperature, the units one after another.

    Parameters
    ----------
    model : Pairwise
        The couplings.
    states : ndarray of shape (n_rows, n_units)
        Where to start, ±1; not changed.
    temperatures : iterable of float
        Temperature of every sweep; at 0 a unit follows its field and keeps its state without one.
    rng : numpy.random.Generator
        Source of randomness.
    held : ndarray of bool of shape (n_rows, n_units), default=None
        Units that keep their states.

    Returns
    -------
    states : ndarray of shape (n_rows, n_units)
        The states after the last sweep.
    """
    s = states.astype(model.dtype)
    overlaps = model.overlaps(s)
    for temperature in temperatures:
        for units, ahead in model.blocks:
            field, before = model.field_on(units, s, overlaps), s[:, units]
            threshold = None
            if temperature:
                # P(+1) = 1 / (1 + exp(-2 field / T)): the field exceeds half of T logit(u)
                uniform = rng.random(field.shape, dtype=field.dtype)
                np.maximum(uniform, 2.0**-25, out=uniform)
                threshold = np.log(uniform) - np.log1p(-uniform)
                threshold *= 0.5 * temperature * model.scale
            fixed = None if held is None else held[:, units]
            after = _in_turn(field, before, ahead, model.tolerance, threshold, fixed)
            overlaps += model.overlaps(after - before, units)
            s[:, units] = after
    return s


def _decide(field, before, tolerance, threshold=None, held=None):
    """New spins: the sign of the field, the old spin where there is none; or beyond a threshold."""
    if threshold is None:
        after = np.where(np.abs(field) <= tolerance, before, np.sign(field))
    else:
        after = np.where(field > threshold, 1, -1).astype(field.dtype)
    return after if held is None else np.where(held, before, after)


def _in_turn(field, before, ahead, *rule):
    """New spins of a block whose units decide one after another, each seeing those before it.

    Guess all at once, correct every field for the changes guessed before it, and decide again:
    every round makes at least one more unit final, and usually all of them in two or three. When
    nothing changes any more, the result is that of the units in turn.
    """
    after = _decide(field, before, *rule)
    while True:
        refined = _decide(field + (after - before) @ ahead, before, *rule)
        if np.array_equal(refined, after):
            return after
        after = refined


def mean_field(model, means, temperatures):
    """Follow the mean-field equations ``m = tanh(field / T)``, half a step at every temperature.

    Whole steps of all units at once oscillate where couplings have strongly negative eigenvalues,
    as every memory's do once the diagonal is removed.

    Parameters
    ----------
    model : Pairwise
        The couplings.
    means : ndarray of shape (n_rows, n_units)
        Where to start, in [-1, 1]; not changed.
    temperatures : iterable of float
        Temperature of every step, above 0.

    Returns
    -------
    means : ndarray of shape (n_rows, n_units)
        The means after the last step.
    """
    means = means.astype(np.float64)
    for temperature in temperatures:
        field = model.field(means)
        field /= model.scale * temperature
        means += np.tanh(field)
        # a coarse grid keeps noise of rounding, which differs from batch to batch, from growing
        means = np.rint(means * (MEAN_GRID / 2)) / MEAN_GRID
    return means


def settle(step, means, *, damping=0.5, tol=2.0**-16, max_steps=500):
    """Iterate mean-field equations until they hold, every row on its own.

    Parameters
    ----------
    step : callable
        From numbers of rows (or a slice) and their means to what the equations make of these.
    means : ndarray of shape (n_rows, n_units)
        Where to start; not changed.
    damping : float
        Share of the old means in the new ones.
    tol : float
        Largest change of a mean in a step at which a row has settled.
    max_steps : int
        Steps at most.

    Returns
    -------
    means : ndarray of shape (n_rows, n_units)
        The means reached.
    settled : ndarray of bool of shape (n_rows,)
        Whether a row has settled.
    """
    result = means.copy()
    settled = np.zeros(len(result), dtype=bool)
    rows, m = np.arange(len(result)), result.copy()
    for _ in range(max_steps):
        change = step(rows, m)
        change -= m
        change *= 1 - damping
        m += change
        still = np.abs(change).max(axis=1, initial=0) <= tol
        result[rows] = m
        if still.any():
            settled[rows[still]] = True
            rows, m = rows[~still], m[~still]
            if not rows.size:
                break
    return result, settled


def recall_steps(model, states, max_sweeps, every):
    """Yield the states of a recall after every few units, until no row changes in a sweep.

    The same path as `recall`, slower.

    Parameters
    ----------
    model : Pairwise
        The couplings.
    states : ndarray of shape (n_rows, n_units)
        Where to start, ±1; not changed.
    max_sweeps : int
        Sweeps at most.
    every : int
        Number of units between two states.

    Yields
    ------
    states : ndarray of shape (n_rows, n_units)
        The first is the start.
    """
    s = states.astype(model.dtype)
    yield s
    for _ in range(max_sweeps):
        start = s
        for units in gen_batches(s.shape[1], every):
            field = model.field_on(units, s, model.overlaps(s))
            ahead = model.couplings_ahead(units)
            after = _in_turn(field, s[:, units], ahead, model.tolerance)
            s = s.copy()
            s[:, units] = after
            yield s
        if np.array_equal(s, start):
            return
