import itertools

import numpy as np
import pytest
from scipy.special import logsumexp, softmax

from skebm.theory import ising_torus


@pytest.mark.parametrize("shape", [(3, 3), (3, 5), (5, 3), (4, 4)])
@pytest.mark.parametrize("temperature", [0.5, 1.7, 2 / np.log(1 + np.sqrt(2)), 2.5, 9.0])
def test_small_grids_are_those_of_enumeration(shape, temperature):
    spins = np.array(list(itertools.product([-1, 1], repeat=shape[0] * shape[1])))
    spins = spins.reshape(-1, *shape)
    coupling = 1.3
    energy = -coupling * sum(
        (spins * np.roll(spins, 1, axis=axis)).sum(axis=(1, 2)) for axis in (1, 2)
    )
    found = ising_torus(shape, coupling * temperature, coupling=coupling)
    weights = -energy / (coupling * temperature)
    p = softmax(weights)
    mean = p @ energy
    variance = p @ (energy - mean) ** 2
    np.testing.assert_allclose(found.log_partition, logsumexp(weights), rtol=1e-12)
    np.testing.assert_allclose(found.energy, mean, rtol=1e-6)
    np.testing.assert_allclose(
        found.heat_capacity, variance / (coupling * temperature) ** 2, rtol=1e-4, atol=1e-5
    )


def test_large_grids_and_extreme_temperatures():
    critical = 2 / np.log(1 + np.sqrt(2))
    large = ising_torus((501, 501), critical)
    assert large.energy / 501**2 == pytest.approx(-np.sqrt(2), abs=2e-3)  # Onsager 1944
    capacity = [ising_torus((32, 32), t).heat_capacity for t in np.linspace(2, 2.6, 61)]
    assert abs(np.linspace(2, 2.6, 61)[np.argmax(capacity)] - critical) < 0.04
    for temperature in (1e-3, 0.08, 0.0834, 0.1):
        cold = ising_torus((7, 4), temperature)
        assert cold.energy == pytest.approx(-2 * 28, rel=1e-6)
        assert cold.log_partition == pytest.approx(56 / temperature + np.log(2), rel=1e-9)
    hot = ising_torus((7, 4), 1e4)
    assert hot.log_partition == pytest.approx(28 * np.log(2), rel=1e-6)


def test_bad_arguments_are_refused():
    for shape in (3, (2, 5), (3.5, 3), (3, 3, 3)):
        with pytest.raises(ValueError, match="shape must be two integers"):
            ising_torus(shape, 1.0)
    for temperature in (0, -1, np.nan, [1.0]):
        with pytest.raises(ValueError, match="temperature must be a positive"):
            ising_torus((3, 3), temperature)
