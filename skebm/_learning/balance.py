"""Bring the probabilities of a machine's regions to their shares in the data.

Chains that lag behind the parameters leave every region of states well fitted and the regions'
probabilities wrong, by many nats where chains cannot pass from one to another. The likelihood's
gradient then points along the regions' mean statistics; this follows it with the probabilities
themselves, known by annealing and carried along by reweighting (Geyer and Thompson 1992).
"""

import numpy as np
from scipy.special import logsumexp

# largest change of the logarithm of a region's probability in a step, and number of steps
LARGEST_CHANGE, N_STEPS = 1.0, 100
# nats at which regions are balanced, and effective share of states at which they no longer tell
BALANCED, LEAST_EFFECTIVE = 0.01, 0.5


def imbalance(shares, masses):
    """Kullback-Leibler divergence of the masses from the shares: nats that the regions cost."""
    filled = shares > 0
    ratio = shares[filled] / np.maximum(masses[filled], np.finfo(float).tiny)
    return float(shares[filled] @ np.log(ratio))


def balance(model, offsets, states, regions, log_weights, shares):
    """Move the parameters until regions have the given probabilities, or states no longer tell.

    Parameters
    ----------
    model : Bipartite
        The machine; its arrays are changed in place.
    offsets : tuple of ndarray
        Means of the visible and hidden units under the data, which centre the statistics.
    states : ndarray of shape (n_states, n_visible)
        States in all regions.
    regions : ndarray of int of shape (n_states,)
        Where they are.
    log_weights : ndarray of shape (n_states,)
        Logarithms of what each stands for, whose sum is Z.
    shares : ndarray of shape (n_regions,)
        Share of the data in every region.
    """
    mean_visible, mean_hidden = offsets
    log_weights = log_weights - model.log_weight(states)
    step, before = None, None
    for _ in range(N_STEPS):
        now = log_weights + model.log_weight(states)
        now -= logsumexp(now)
        weights = np.exp(now)
        masses = np.bincount(regions, weights, minlength=len(shares))
        within = weights / masses[regions]
        effective = 1 / np.bincount(regions, within**2) / np.bincount(regions)
        if imbalance(shares, masses) < BALANCED or effective.min() < LEAST_EFFECTIVE:
            break
        log_masses = np.log(masses)
        if step is None:
            step = 1e-4
        else:
            change = np.abs(log_masses - before).max()
            step *= np.clip(LARGEST_CHANGE / max(change, 1e-9), 0.5, 2.0)
        before = log_masses
        pull = ((shares - masses)[regions] * within).astype(states.dtype)
        hidden = model.mean_hidden(states)
        visible_step, hidden_step = step * (pull @ states), step * (pull @ hidden)
        weight_step = (
            step * ((hidden - mean_hidden) * pull[:, np.newaxis]).T @ (states - mean_visible)
        )
        model.weights[...] += weight_step
        model.intercept_visible[...] += visible_step - weight_step.T @ mean_hidden
        model.intercept_hidden[...] += hidden_step - weight_step @ mean_visible
