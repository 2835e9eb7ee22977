"""Learning of an RBM: the gradient from data and chains, and an epoch of updates along it.

One update draws a minibatch, takes the difference of the statistics under the data and under the
model (`gradient`), and moves the parameters along it. `fit` runs epochs of such updates;
`partial_fit` runs one pass of the same.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy import sparse

from .._inference.chains import place, temper
from .optimizer import minibatches, move, track

# tempering: rungs with the model's own, chains of a rung, and share of an update in running rates
N_RUNGS, N_HOT, SWAP_RATE = 16, 20, 0.02
# learned variances: factor of the learning rate, and how far a logarithm moves at most in an update
VARIANCE_RATE, LARGEST_VARIANCE_STEP = 1.0, 0.1


class Parameters(NamedTuple):
    """The parameters of a bipartite model, or a step of them."""

    weights: np.ndarray
    intercept_visible: np.ndarray
    intercept_hidden: np.ndarray


class Workspace(NamedTuple):
    """Buffers of one run: data rows, then chains, then two rows that carry the centring."""

    visible: np.ndarray
    hidden: np.ndarray
    field: np.ndarray
    step: Parameters

    @classmethod
    def allocate(cls, n_rows, n_chains, parameters):
        """Buffers for that many rows of data and of chains."""
        n_hidden, n_visible = parameters.weights.shape
        dtype = parameters.weights.dtype
        n_stacked = n_rows + n_chains
        return cls(
            np.empty((n_stacked + 2, n_visible), dtype),
            np.empty((n_stacked + 2, n_hidden), dtype),
            np.empty((n_stacked, n_hidden), dtype),
            Parameters(*(np.empty_like(array) for array in parameters)),
        )


def gradient(model, state, n_rows, work, rng, *, algorithm, n_steps, centered, scale):
    """Difference of the statistics under the data and under the chains, into ``work.step``.

    The gradient of the mean log-likelihood, with hidden means in both phases and each phase
    averaged over its own rows, times `scale` and the units' `step_scale`. With `centered` it is
    the gradient of the centred model (Montavon and Mueller 2012; Melchior, Fischer and Wiskott
    2016).

    Parameters
    ----------
    model : Bipartite
        The model that holds the arrays of ``state.parameters``.
    state : State
        Its chains, offsets and swap rates are replaced in place.
    n_rows : int
        Rows of data, in the first rows of ``work.visible``.
    work : Workspace
        Buffers; on return `visible` and `field` hold data rows and chains.
    rng : numpy.random.Generator
        Source of randomness.
    algorithm : {"cd", "pcd", "tempering"}
        Whether the chains of the negative phase start at the data, go on where they stopped, or
        go on while some of them, others in every update, exchange states along the ladder of
        ``state.ladder``, whose chains stand before them in ``state.chains``.
    n_steps : int
        Sweeps of the chains in the update (k of CD-k and PCD-k).
    centered : bool
        Whether to centre the statistics.
    scale : float
        Factor of the gradient, usually the learning rate.
    """
    weights, intercept_visible, intercept_hidden = state.parameters
    offset_visible, offset_hidden = state.offsets
    temperature = model.temperature
    n_chains = n_model_chains(algorithm, state, n_rows)
    n_stacked = n_rows + n_chains
    v_data, v_chain = work.visible[:n_rows], work.visible[n_rows:n_stacked]
    field_data, field_chain = work.field[:n_rows], work.field[n_rows:n_stacked]
    field = work.field[:n_stacked]

    if algorithm == "tempering":
        exchange_with_ladder(model, state, n_chains, rng)
    hidden = work.hidden[:n_stacked]
    h_data, h_model = hidden[:n_rows], hidden[n_rows:]

    to_hidden = intercept_hidden, temperature, rng
    to_visible = intercept_visible, temperature, rng
    if algorithm == "cd":
        np.matmul(v_data, weights.T, out=field_data)
        h_chain = field_data
        model.hidden.respond(field_data, 1.0, *to_hidden, means=h_data, states=h_chain)
    else:
        h_chain = state.chains[-n_chains:]
    for step in range(n_steps):
        if step:
            np.matmul(v_chain, weights.T, out=field_chain)
            model.hidden.respond(field_chain, 1.0, *to_hidden, states=h_chain)
        np.matmul(h_chain, weights, out=v_chain)
        model.visible.respond(v_chain, 1.0, *to_visible, states=v_chain)
    if algorithm == "cd":
        np.matmul(v_chain, weights.T, out=field_chain)
        model.hidden.respond(field_chain, 1.0, *to_hidden, means=h_model)
    else:
        # one product serves both phases
        np.matmul(work.visible[:n_stacked], weights.T, out=field)
        model.hidden.respond(field, 1.0, *to_hidden, means=hidden, states=h_chain)

    shares = _phase_shares(n_stacked, n_rows, weights.dtype)
    v_mean, v_change = shares @ work.visible[:n_stacked]
    h_mean, h_change = shares @ hidden
    visible_scale, hidden_scale = _step_scales(model)
    # a visible scale that differs from column to column comes into the weights after the product
    column_scale = visible_scale if isinstance(visible_scale, np.ndarray) else None
    weight_scale = scale / temperature * hidden_scale
    if column_scale is None:
        weight_scale = weight_scale * visible_scale
    h_data *= weight_scale / n_rows
    h_model *= -weight_scale / n_chains

    # two more rows of the product turn it into that of the centred statistics
    n_product = n_stacked
    if centered:
        track(offset_visible, v_mean)
        track(offset_hidden, h_mean)
        n_product = n_stacked + 2
        work.visible[n_stacked], work.visible[n_stacked + 1] = v_change, offset_visible
        np.multiply(offset_hidden, -weight_scale, out=work.hidden[n_stacked])
        np.multiply(h_change, -weight_scale, out=work.hidden[n_stacked + 1])
    v, h = work.visible[:n_product], work.hidden[:n_product]
    weight_step, visible_step, hidden_step = work.step
    np.matmul(h.T, v, out=weight_step)
    np.multiply(v_change, scale / temperature * visible_scale, out=visible_step)
    np.multiply(h_change, scale / temperature * hidden_scale, out=hidden_step)
    if column_scale is not None:
        weight_step *= column_scale
    if centered:
        # by associativity, without another pass over the weights
        from_weights = (h @ offset_hidden) @ v
        offset = offset_visible
        if column_scale is not None:
            from_weights, offset = column_scale * from_weights, column_scale * offset
        visible_step -= from_weights
        hidden_step -= (v @ offset) @ h


def exchange_with_ladder(model, state, n_chains, rng):
    """Let some of the model's chains take part in a sweep of tempering, in place."""
    n_hot = min(N_HOT, n_chains)
    hot, own = state.chains[:-n_chains], state.chains[-n_chains:]
    chosen = rng.permutation(n_chains)[:n_hot]
    # chains are hidden states, those of the machine seen from its other end
    states = np.concatenate([hot, own[chosen]])
    states, swap_rates = temper(model.swapped(), states, state.ladder, rng)
    hot[:], own[chosen] = states[:-n_hot], states[-n_hot:]
    state.swap_rates[:] += SWAP_RATE * (swap_rates - state.swap_rates)


def move_variances(model, state, n_rows, n_chains, work, rate, least):
    """Move learned variances along their gradient, in place, means and couplings of units kept.

    Of rows u that are centred, and so have the visible field f minus that of their offset, the
    gradient along the logarithm of a variance s^2 is ``<u^2 / 2s^2 - u f>`` under the data minus
    that under the chains, with hidden means (Cho, Ilin and Raiko 2011). Steps are of bounded size.

    Parameters
    ----------
    model, state, n_rows, work
        As for `gradient`, after it.
    n_chains : int
        Rows of chains.
    rate : float
        Learning rate.
    least : ndarray of shape (n_visible,)
        Smallest variances; infinite for columns whose variances are not learned.
    """
    v = work.visible[: n_rows + n_chains]
    offset, _ = state.offsets
    field = model.visible_field(model.mean_hidden(v)) - offset / state.variance
    u = v - offset
    _, share = _phase_shares(len(v), n_rows, v.dtype)
    slope = share @ (u * (0.5 * u / state.variance - field))
    step = VARIANCE_RATE * rate / model.temperature * slope
    np.clip(step, -LARGEST_VARIANCE_STEP, LARGEST_VARIANCE_STEP, out=step)
    moved = np.maximum(state.variance * np.exp(step), least)
    np.copyto(moved, state.variance, where=np.isinf(least))
    ratio = state.variance / moved
    weights, intercept, intercept_hidden = state.parameters
    # the row of offsets keeps its hidden means
    intercept_hidden += weights @ ((1 - ratio) * offset)
    weights *= ratio
    intercept *= ratio
    state.variance[:] = moved


def n_model_chains(algorithm, state, n_rows):
    """Number of chains of the model itself, whose states are the negative phase."""
    if algorithm == "cd":
        return n_rows
    if algorithm == "pcd":
        return len(state.chains)
    # beside 15 rungs of N_HOT chains, or of as many as the model has, where those are fewer
    return max(len(state.chains) - (N_RUNGS - 1) * N_HOT, len(state.chains) // N_RUNGS)


@lru_cache(maxsize=8)
def _phase_shares(n_stacked, n_rows, dtype):
    """Of rows, in the mean of the data, and in what that exceeds the mean of the chains by."""
    shares = np.zeros((2, n_stacked), dtype)
    shares[:, :n_rows] = 1 / n_rows
    shares[1, n_rows:] = -1 / (n_stacked - n_rows)
    shares.flags.writeable = False
    return shares


def _step_scales(model):
    """Factors of the learning rate of both sides, as numbers where all columns have the same."""
    dtype, scales = model.weights.dtype, (model.visible.step_scale, model.hidden.step_scale)
    return [part.astype(dtype) if isinstance(part, np.ndarray) else float(part) for part in scales]


def weight_step_scale(model):
    """Factor of the learning rate of every weight, from those of the two sides."""
    visible_scale, hidden_scale = _step_scales(model)
    if np.ndim(hidden_scale):
        hidden_scale = hidden_scale[:, np.newaxis]
    return hidden_scale * visible_scale


def epoch(
    model,
    state,
    X,
    work,
    rng,
    *,
    rates,
    discretize,
    shuffle,
    rule,
    regularization,
    least_variance=None,
    missing=None,
):
    """One pass over the rows of X in minibatches.

    Parameters
    ----------
    model : Bipartite
        The model that holds the arrays of ``state.parameters``.
    state : State
        Changed in place.
    X : {ndarray, CSR} of shape (n_samples, n_visible)
        Training rows.
    work : Workspace
        Buffers.
    rng : numpy.random.Generator
        Source of randomness.
    rates : sequence of float
        Learning rate of every update; its length is the number of minibatches.
    discretize : bool
        Whether to draw states from rows that hold means.
    shuffle : bool
        Whether to visit the rows in random order.
    rule : dict
        ``algorithm, n_steps, centered`` of `gradient`.
    regularization : dict
        ``momentum, l2, l1`` of `optimizer.move`.
    least_variance : ndarray of shape (n_visible,)
        Where ``state.variance`` is learned: `least` of `move_variances`.
    missing : ndarray of bool of shape (n_samples, n_visible)
        Holes of the rows. Their states in ``state.filled`` are chains of the positive phase: given
        the rest of the row they go on for `n_steps` sweeps at every visit.

    Returns
    -------
    gap : float
        Mean free energy of the last minibatch's data rows minus that of its chains.
    """
    weight_scale, is_sparse = weight_step_scale(model), sparse.issparse(X)
    batches = minibatches(X.shape[0], len(rates), rng, shuffle=shuffle)
    for rate, rows in zip(rates, batches, strict=True):
        batch = work.visible[: len(rows)]
        if is_sparse:
            X[rows].toarray(out=batch)
        else:
            X.take(rows, axis=0, out=batch, mode="clip")
        if discretize:
            model.visible.discretize(batch, rng, out=batch)
        if missing is not None:
            holes = missing[rows]
            np.copyto(batch, state.filled[rows], where=holes)
            batch[...] = model.sweeps(batch, [1.0] * rule["n_steps"], rng, ~holes)
            state.filled[rows] = batch
        gradient(model, state, len(batch), work, rng, scale=rate, **rule)
        if state.variance is not None:
            n_chains = n_model_chains(rule["algorithm"], state, len(batch))
            move_variances(model, state, len(batch), n_chains, work, rate, least_variance)
        move(state, work.step, rate=rate * weight_scale, **regularization)
    if state.ladder is not None:
        state.ladder[:] = place(state.ladder, state.swap_rates)
    n_chains = n_model_chains(rule["algorithm"], state, len(batch))
    free_energy = model.free_energy(work.visible[: len(batch) + n_chains])
    return float(free_energy[: len(batch)].mean() - free_energy[len(batch) :].mean())
