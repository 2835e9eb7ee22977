"""Parallel tempering, for every energy that has a path from independent units."""

import numpy as np

# rungs of the ladder with which samples are drawn
N_RUNGS = 10
# sweeps between two placements of the rungs, and the last of all that move them
PLACE_EVERY, PLACE_SHARE = 25, 0.5
# share of refused exchanges that a gap has at least, so that no two rungs stand together
LEAST_REFUSED = 0.02


def place(betas, swap_rates):
    """Move the rungs of a ladder to where neighbours refuse exchanges equally often.

    What is refused between two positions is about their distance in the one metric that counts, so
    rungs gather where the model changes most (Syed, Bouchard-Cote, Deligiannidis and Doucet 2022).

    Parameters
    ----------
    betas : ndarray of shape (n_rungs,)
        Positions, rising from 0 to 1.
    swap_rates : ndarray of shape (n_rungs - 1,)
        Mean share of the exchanges that were accepted, between a rung and the next.

    Returns
    -------
    betas : ndarray of shape (n_rungs,)
        Better positions.
    """
    refused = np.append(0.0, np.cumsum(np.maximum(1 - swap_rates, LEAST_REFUSED)))
    return np.interp(np.linspace(0, refused[-1], len(betas)), refused, betas)


def temper(energy, states, betas, rng, held=None):
    """One sweep of parallel tempering along the path from independent units to the model.

    Every rung of the ladder makes a sweep, then neighbouring rungs exchange their states, which
    keeps the joint law of all rungs.

    Parameters
    ----------
    energy : Energy
        The end of the path.
    states : ndarray of shape (n_rungs * n_chains, n_units)
        States, rung after rung.
    betas : ndarray of shape (n_rungs,)
        Positions of the rungs, rising to 1, the model itself.
    rng : numpy.random.Generator
        Source of randomness.
    held : ndarray of bool of shape (n_rungs * n_chains, n_units), default=None
        Units that keep their states; the same values on every rung.

    Returns
    -------
    states : ndarray of shape (n_rungs * n_chains, n_units)
        After the sweep; the last `n_chains` rows belong to the model.
    swap_rates : ndarray of shape (n_rungs - 1,)
        Share of the chains that were exchanged between a rung and the next.
    """
    n_chains = len(states) // len(betas)
    # states may be integers, positions are not
    precision = np.result_type(states.dtype, np.float32)
    positions = np.repeat(betas, n_chains)[:, np.newaxis].astype(precision)
    states, slope = energy.sweep_and_slope(states, positions, rng, held)
    order, swap_rates = exchange(betas, slope, rng)
    return states[order], swap_rates


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


def tempered_samples(energy, start, n_sweeps, rng, held=None):
    """States of the model after sweeps of tempering, a chain for every row.

    Parameters
    ----------
    energy : Energy
        The model.
    start : ndarray of shape (n_chains, n_units)
        Where the model's own chains start; the others start at independent units.
    n_sweeps : int
        Number of sweeps.
    rng : numpy.random.Generator
        Source of randomness.
    held : ndarray of bool of shape (n_chains, n_units), default=None
        Units that keep the states they have in `start`.

    Returns
    -------
    states : ndarray of shape (n_chains, n_units)
        States of the model.
    """
    n_chains, betas = len(start), np.linspace(0, 1, N_RUNGS)
    hot, _ = energy.independent((N_RUNGS - 1) * n_chains, rng)
    states = np.concatenate([hot, start])
    if held is not None:
        held = np.tile(held, (N_RUNGS, 1))
        np.copyto(states, np.tile(start, (N_RUNGS, 1)), where=held)
    rates = np.zeros(N_RUNGS - 1)
    for sweep in range(1, n_sweeps + 1):
        states, swap_rates = temper(energy, states, betas, rng, held)
        # the last sweeps are those of a ladder that no longer moves, and keep the law of the model
        if sweep <= PLACE_SHARE * n_sweeps:
            rates += swap_rates / PLACE_EVERY
            if sweep % PLACE_EVERY == 0:
                betas, rates = place(betas, rates), np.zeros_like(rates)
    return states[-n_chains:]
