"""How well a model generalises, how fast its chains mix, and how real its samples look.

References
----------
G. Hinton, "A practical guide to training restricted Boltzmann machines" (2012), for the free
energy gap. A. Sokal, "Monte Carlo methods in statistical mechanics: foundations and new
algorithms" (1997), for the autocorrelation time. A. Yale et al., "Generation and evaluation of
privacy preserving synthetic health data" (2020), for the adversarial accuracy.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from sklearn.neighbors import NearestNeighbors
from sklearn.utils import check_array

__all__ = [
    "AdversarialAccuracy",
    "free_energy_gap",
    "integrated_autocorrelation_time",
    "nearest_neighbor_adversarial_accuracy",
]


def free_energy_gap(model: Any, X_train: ArrayLike, X_held_out: ArrayLike) -> float:
    """Mean free energy of held-out rows minus that of training rows, over the temperature.

    The difference of the mean log-likelihoods, in which the intractable ln Z cancels. It is near 0
    as long as the model does not overfit, and its growth during training says when it starts to.

    Parameters
    ----------
    model : estimator
        A fitted model with `free_energy` and `temperature`.
    X_train : {array-like, sparse matrix} of shape (n_samples, n_features)
        Rows that the model was trained on (a few hundred are enough).
    X_held_out : {array-like, sparse matrix} of shape (n_other_samples, n_features)
        Rows from the same source that it was not.

    Returns
    -------
    gap : float
        In nats.

    Examples
    --------
    >>> from skebm import RBM
    >>> from skebm.metrics import free_energy_gap
    >>> rbm = RBM.from_parameters([[1.0, -1.0]], [0.5, 0.0], [0.0])
    >>> round(free_energy_gap(rbm, [[1, 0]], [[1, 0], [0, 1]]), 4)
    0.75
    """
    gap = np.mean(model.free_energy(X_held_out)) - np.mean(model.free_energy(X_train))
    return float(gap / model.temperature)


def integrated_autocorrelation_time(chains: Any) -> float:
    """Number of sweeps that one independent sample costs, 1 + 2 sum of the autocorrelations.

    The sum is cut off at the first lag that is at least five times the time found so far, which
    keeps the noise of the long lags out of it.

    Parameters
    ----------
    chains : array-like of shape (n_sweeps,) or (n_sweeps, n_chains)
        An observable along one chain or several, for example the free energy after every sweep.
        Autocovariances are averaged over chains around the common mean, so that chains stuck in
        different modes give a long time and not a short one.

    Returns
    -------
    time : float
        In sweeps; 1 for independent values, below 1 where values alternate, 0 at least. Trust it if
        the chains are 50 times longer at least.
        A constant observable gives nan.

    Examples
    --------
    >>> import numpy as np
    >>> from skebm.metrics import integrated_autocorrelation_time
    >>> x = np.zeros(200_000)
    >>> noise = np.random.default_rng(0).normal(size=len(x))
    >>> for t in range(1, len(x)):
    ...     x[t] = 0.8 * x[t - 1] + noise[t]
    >>> round(integrated_autocorrelation_time(x), 1)  # (1 + .8) / (1 - .8) = 9
    9.2
    """
    chains = check_array(chains, ensure_2d=False, dtype=np.float64, input_name="chains")
    chains = chains.reshape(len(chains), -1)
    n_sweeps = len(chains)
    if n_sweeps < 2:
        raise ValueError(f"chains must have at least 2 sweeps, got {n_sweeps}.")
    deviation = chains - chains.mean()
    if not deviation.any():
        return float("nan")
    # zeros behind the chain keep the transform from wrapping around
    spectrum = np.abs(np.fft.rfft(deviation, 2 * n_sweeps, axis=0)) ** 2
    covariance = np.fft.irfft(spectrum.mean(axis=1))[:n_sweeps] / np.arange(n_sweeps, 0, -1)
    times = 2 * np.cumsum(covariance / covariance[0]) - 1
    enough = np.arange(n_sweeps) >= 5 * times
    # of a series that alternates, pairs of lags make the sum
    time = times[np.argmax(enough) if enough.any() else n_sweeps - 1]
    return float(max(time, 0.0))


class AdversarialAccuracy(NamedTuple):
    """Share of rows whose nearest neighbour comes from their own set.

    Attributes
    ----------
    real : float
        Of real rows that are nearer to another real row than to any generated one. Above 0.5:
        the generated rows miss a part of the data. Below: they sit on top of them (copies).
    generated : float
        Of generated rows that are nearer to another generated row than to any real one. Above
        0.5: they lie beside the data, or too close together.
    """

    real: float
    generated: float


def nearest_neighbor_adversarial_accuracy(
    X_real: ArrayLike, X_generated: ArrayLike
) -> AdversarialAccuracy:
    """Compare two sets of rows by their nearest neighbours (AATS); 0.5 twice is perfect.

    Parameters
    ----------
    X_real : array-like of shape (n_samples, n_features)
        Real rows.
    X_generated : array-like of shape (n_samples, n_features)
        As many generated rows; more of one kind would be nearer by their number alone.

    Returns
    -------
    accuracy : AdversarialAccuracy
        Named tuple ``(real, generated)``. A tie counts as half.

    Raises
    ------
    ValueError
        If the two differ in shape, or have fewer than 2 rows.

    Examples
    --------
    >>> import numpy as np
    >>> from skebm.metrics import nearest_neighbor_adversarial_accuracy
    >>> rng = np.random.default_rng(0)
    >>> one, other = rng.normal(size=(2, 500, 3))
    >>> accuracy = nearest_neighbor_adversarial_accuracy(one, other)
    >>> abs(accuracy.real - 0.5) < 0.06
    True
    >>> nearest_neighbor_adversarial_accuracy(one, other + 9)
    AdversarialAccuracy(real=1.0, generated=1.0)
    """
    real = check_array(X_real, dtype=np.float64, ensure_min_samples=2, input_name="X_real")
    generated = check_array(
        X_generated, dtype=np.float64, ensure_min_samples=2, input_name="X_generated"
    )
    if real.shape != generated.shape:
        raise ValueError(
            f"X_real has shape {real.shape}, X_generated {generated.shape}; the comparison needs "
            "as many rows, of the same features, of both."
        )

    def share_at_home(rows, others):
        own = NearestNeighbors(n_neighbors=1).fit(rows).kneighbors()[0]
        other = NearestNeighbors(n_neighbors=1).fit(others).kneighbors(rows)[0]
        return float(np.mean((own < other) + 0.5 * (own == other)))

    return AdversarialAccuracy(share_at_home(real, generated), share_at_home(generated, real))
