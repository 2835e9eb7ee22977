import numpy as np

from skebm._inference.mean_field import spin_means

from .test_recall import random_pairwise, random_spins


def test_mean_field_ends_in_its_equations():
    model = random_pairwise(7, scale=4.0)
    means = spin_means(model, random_spins(9, 7), np.full(300, 2.5))
    expected = np.tanh((means @ model.coupling() + model.bias / 4.0) / 2.5)
    np.testing.assert_allclose(means, expected, atol=1e-4)
