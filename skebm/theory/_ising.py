"""Exact thermodynamics of the Ising model on a square grid that is closed to a torus."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

STEP = 1e-4
# coupling over temperature from which on exponentials are all that is left of cosh and sinh
COLD = 12.0


class IsingTorus(NamedTuple):
    """Exact averages of an Ising grid, of all spins together.

    Attributes
    ----------
    log_partition : float
        ln Z, in nats.
    energy : float
        Mean energy.
    heat_capacity : float
        Change of the mean energy per unit of temperature: the variance of the energy over T^2.
    """

    log_partition: float
    energy: float
    heat_capacity: float


def ising_torus(shape: tuple, temperature: float, *, coupling: float = 1.0) -> IsingTorus:
    """Compute ln Z, energy and heat capacity of a finite Ising grid, exactly.

    For spins -1 and +1 with ``E = -J`` times the sum over neighbours on a torus, without a field.
    Large grids have their critical temperature at ``2 J / ln(1 + sqrt 2) = 2.269 J``.

    Parameters
    ----------
    shape : tuple of int
        Height and width, each at least 3.
    temperature : float
        T, above 0.
    coupling : float, default=1.0
        J, above 0.

    Returns
    -------
    averages : IsingTorus
        Named tuple ``(log_partition, energy, heat_capacity)``.

    Raises
    ------
    ValueError
        If an argument is not valid.

    References
    ----------
    B. Kaufman, "Crystal statistics. II. Partition function evaluated by spinor analysis" (1949).
    A. Ferdinand and M. Fisher, "Bounded and inhomogeneous Ising models" (1969).

    Examples
    --------
    >>> from skebm.theory import ising_torus
    >>> round(ising_torus((32, 32), 2.269).energy / 32**2, 3)
    -1.434
    """
    sizes = np.asarray(shape)
    if sizes.shape != (2,) or sizes.dtype.kind not in "iu" or (sizes < 3).any():
        raise ValueError(f"shape must be two integers of at least 3, got {shape!r}.")
    for name, value in (("temperature", temperature), ("coupling", coupling)):
        if not np.isscalar(value) or not 0 < value < np.inf:
            raise ValueError(f"{name} must be a positive number, got {value!r}.")
    height, width = map(int, shape)
    strength = coupling / temperature
    # differences of ln Z, a sum of some hundred terms: errors of 1e-8 of its slope and curvature
    step = STEP * strength
    before, here, after = (_log_partition(height, width, strength + k * step) for k in (-1, 0, 1))
    slope, curvature = (after - before) / (2 * step), (after - 2 * here + before) / step**2
    return IsingTorus(here, -coupling * slope, strength**2 * curvature)


def _log_partition(height, width, strength):
    """Kaufman's sum of four products, in logarithms."""
    # cosh(gamma) of the modes, r of 0 to 2 n - 1; that of r = 0 changes its sign at criticality
    cosine = np.cos(np.pi * np.arange(2 * width) / width)
    if strength > COLD:
        gamma = 2 * strength + np.log1p(-2 * cosine * np.exp(-2 * strength))
    else:
        hyperbolic = np.cosh(2 * strength) / np.tanh(2 * strength) - cosine
        gamma = np.arccosh(np.maximum(hyperbolic, 1.0))
    gamma[0] = 2 * strength + np.log(np.tanh(strength))
    logs, signs = [], []
    for first in (1, 0):
        half = 0.5 * height * gamma[first::2]
        size = np.abs(half)
        with np.errstate(divide="ignore"):
            logs += [
                np.sum(size + np.log1p(np.exp(-2 * size))),
                np.sum(size + np.log(-np.expm1(-2 * size))),
            ]
        signs += [1.0, np.prod(np.sign(half))]
    highest = max(logs)
    total = np.dot(signs, np.exp(np.subtract(logs, highest)))
    log_sinh = 2 * strength + np.log1p(-np.exp(-4 * strength))
    return float(highest + np.log(total / 2) + 0.5 * height * width * log_sinh)
