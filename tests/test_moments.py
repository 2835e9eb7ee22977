import itertools

import numpy as np
import pytest
from scipy.special import softmax

from skebm import RBM, BoltzmannMachine
from skebm.units import Categorical

SIDES = [("bernoulli", "bernoulli"), ("spin", "bernoulli"), (Categorical(3), "spin")]


def rbm(visible="bernoulli", hidden="bernoulli", temperature=1.0, n_components=3):
    rng = np.random.default_rng(1)
    return RBM.from_parameters(
        rng.normal(0, 1, (n_components, 6)),
        rng.normal(0, 0.5, 6),
        rng.normal(0, 0.5, n_components),
        visible=visible,
        hidden=hidden,
        temperature=temperature,
    )


def states_of(unit):
    if unit == "bernoulli" or unit == "spin":
        low = -1 if unit == "spin" else 0
        return np.array(list(itertools.product([low, 1], repeat=6)), dtype=float)
    return np.array([np.concatenate(pair) for pair in itertools.product(np.eye(3), repeat=2)])


def machine(units="spin", n_components=2, temperature=1.0, connectivity=1.0):
    rng = np.random.default_rng(2)
    n_units = 4 + n_components
    coupling = np.triu(rng.normal(0, 0.7, (n_units, n_units)), 1)
    coupling[4:, 4:] *= connectivity
    return BoltzmannMachine.from_coupling(
        coupling + coupling.T,
        rng.normal(0, 0.4, n_units),
        n_components=n_components,
        units=units,
        temperature=temperature,
    )


@pytest.mark.parametrize(("visible", "hidden"), SIDES)
@pytest.mark.parametrize("n_components", [3, 7])  # either side is the smaller one
def test_moments_of_an_rbm_are_those_of_enumeration(visible, hidden, n_components):
    model = rbm(visible, hidden, 1.7, n_components)
    v = states_of(visible)
    p = softmax(-model.free_energy(v) / 1.7)
    h = model.transform(v)
    found = model.moments(method="exact")
    np.testing.assert_allclose(found.visible, p @ v, atol=1e-12)
    np.testing.assert_allclose(found.hidden, p @ h, atol=1e-12)
    np.testing.assert_allclose(found.products, h.T @ (p[:, np.newaxis] * v), atol=1e-12)
    sampled = model.moments(method="sampled", n_chains=500, n_sweeps=300, random_state=0)
    for exact, other in zip(found, sampled, strict=True):
        np.testing.assert_allclose(other, exact, atol=0.03)


@pytest.mark.parametrize(("visible", "hidden"), SIDES)
def test_the_gradient_of_an_rbm_is_the_slope_of_its_likelihood(visible, hidden):
    model = rbm(visible, hidden, 0.8)
    X = states_of(visible)[[1, 5, 8, 8]]
    found = model.gradient(X)
    names = "components_", "intercept_visible_", "intercept_hidden_"
    for name, gradient in zip(names, found, strict=True):
        for index in list(np.ndindex(gradient.shape))[::5]:
            scores = []
            for step in (1e-5, -1e-5):
                other = rbm(visible, hidden, 0.8)
                array = getattr(other, name).copy()
                array[index] += step
                setattr(other, name, array)
                scores.append(other.score(X))
            assert gradient[index] == pytest.approx((scores[0] - scores[1]) / 2e-5, abs=1e-6)


def test_sparse_rows_and_wide_machines():
    from scipy import sparse

    rng = np.random.default_rng(0)
    wide = RBM.from_parameters(rng.normal(0, 0.05, (40, 50)), np.zeros(50), np.zeros(40))
    X = (rng.random((31, 50)) < 0.1).astype(np.float32)
    dense, other = wide.moments(X), wide.moments(sparse.csr_array(X))
    for a, b in zip(dense, other, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)
    gradient = wide.gradient(X, random_state=0)
    assert gradient.components.shape == (40, 50)
    with pytest.raises(ValueError, match="joint states"):
        wide.moments(method="exact")
    with pytest.raises(ValueError, match="'auto', 'exact' or 'sampled'"):
        wide.moments(method="guess")
    with pytest.raises(ValueError, match="n_sweeps"):
        wide.moments(n_sweeps=1)


@pytest.mark.parametrize("units", ["spin", "bernoulli"])
@pytest.mark.parametrize("connectivity", [1.0, 0.0])
def test_moments_of_a_boltzmann_machine_are_those_of_enumeration(units, connectivity):
    model = machine(units, temperature=1.3, connectivity=connectivity)
    low = -1 if units == "spin" else 0
    s = np.array(list(itertools.product([low, 1], repeat=6)), dtype=float)
    log_p = -model.energy(s[:, :4], s[:, 4:]) / 1.3
    p = softmax(log_p)
    found = model.moments(method="exact")
    np.testing.assert_allclose(found.mean, p @ s, atol=1e-12)
    np.testing.assert_allclose(found.products, s.T @ (p[:, np.newaxis] * s), atol=1e-12)
    X = s[[3, 20, 44], :4]
    clamped = 0
    for row in X:
        fits = (s[:, :4] == row).all(axis=1)
        q = softmax(log_p[fits])
        clamped = clamped + s[fits].T @ (q[:, np.newaxis] * s[fits]) / 3
    np.testing.assert_allclose(model.moments(X).products, clamped, atol=1e-12)
    for rows, exact in ((None, found.products), (X, clamped)):
        sampled = model.moments(rows, method="sampled", n_chains=600, n_sweeps=300, random_state=0)
        np.testing.assert_allclose(sampled.products, exact, atol=0.04)


@pytest.mark.parametrize("units", ["spin", "bernoulli"])
def test_the_gradient_of_a_boltzmann_machine_is_the_slope_of_its_likelihood(units):
    model = machine(units, temperature=0.9)
    X = states_of(units)[[3, 20, 44], :4]
    found = model.gradient(X)
    for i, j in ((0, 1), (2, 4), (4, 5)):
        scores = []
        for step in (1e-5, -1e-5):
            coupling = model.coupling_.copy()
            coupling[i, j] += step
            coupling[j, i] += step
            other = BoltzmannMachine.from_coupling(
                coupling, model.intercept_, n_components=2, units=units, temperature=0.9
            )
            scores.append(other.score(X))
        assert found.coupling[i, j] == pytest.approx((scores[0] - scores[1]) / 2e-5, abs=1e-6)
    assert not np.diag(found.coupling).any()
    large = BoltzmannMachine.from_coupling(np.zeros((30, 30)))
    with pytest.raises(ValueError, match="at most 20 units"):
        large.moments(method="exact")
    assert np.abs(large.moments(random_state=0).mean).max() < 0.1


@pytest.mark.parametrize("units", ["spin", "bernoulli"])
@pytest.mark.parametrize("exact", [True, False])
def test_conditional_means_are_those_of_enumeration(units, exact, monkeypatch):
    import skebm._boltzmann

    if not exact:
        monkeypatch.setattr(skebm._boltzmann, "EXACT_STATES", 0)
    model = machine(units, temperature=1.3)
    low = -1 if units == "spin" else 0
    s = np.array(list(itertools.product([low, 1], repeat=6)), dtype=float)
    p = softmax(-model.energy(s[:, :4], s[:, 4:]) / 1.3)
    given = np.array([[1, np.nan, np.nan, low], [np.nan] * 4, [low, 1, 1, np.nan], [1, 1, 1, 1]])
    found = model.conditional_mean(given, n_chains=200)
    for row, answer in zip(given, found, strict=True):
        fits = (np.isnan(row) | (s[:, :4] == row)).all(axis=1)
        expected = p[fits] @ s[fits, :4] / p[fits].sum()
        np.testing.assert_allclose(answer, expected, atol=1e-9 if exact else 0.05)
    np.testing.assert_array_equal(found, model.conditional_mean(given, n_chains=200))
