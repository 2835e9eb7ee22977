"""Boltzmann machine against enumeration, reference values, and the other models it contains."""

import itertools
import tracemalloc

import numpy as np
import pytest
from scipy.special import gammaln, logsumexp
from scipy.stats import chisquare

from skebm import RBM, BoltzmannMachine
from skebm._energies.coupled import Coupled
from skebm.datasets import (
    make_bars_and_stripes,
    make_encoder,
    make_ising_grid,
    make_parity,
    make_spin_glass,
)

T = 1.7
ALPHA = 1e-4  # a correct sampler fails this rarely
CONNECTIVITIES = ["full", "lateral", "restricted"]
LEVELS = {"bernoulli": (0.0, 1.0), "spin": (-1.0, 1.0)}


def parameters(n_visible=3, n_hidden=2, connectivity="full", scale=1.0, seed=0):
    rng = np.random.default_rng(seed)
    n_units = n_visible + n_hidden
    coupling = np.triu(scale * rng.normal(size=(n_units, n_units)), 1)
    if connectivity != "full":
        coupling[n_visible:, n_visible:] = 0
    if connectivity == "restricted":
        coupling[:n_visible, :n_visible] = 0
    return coupling + coupling.T, scale * rng.normal(size=n_units)


def all_states(n_units, units="bernoulli"):
    return np.array(list(itertools.product(LEVELS[units], repeat=n_units)))


def enumerate_states(coupling, intercept, units, temperature=T):
    """All states, their energies, and their probabilities, from the definition."""
    states = all_states(len(coupling), units)
    energy = np.array([-s @ coupling @ s / 2 - intercept @ s for s in states])
    log_weight = -energy / temperature
    return states, energy, np.exp(log_weight - logsumexp(log_weight)), logsumexp(log_weight)


def machine(units="bernoulli", connectivity="full", n_hidden=2, **options):
    coupling, intercept = parameters(3, n_hidden, connectivity, **options)
    made = BoltzmannMachine.from_coupling(
        coupling, intercept, n_components=n_hidden, units=units, temperature=T
    )
    return made, enumerate_states(coupling, intercept, units)


def divergence(model, X):
    """Kullback-Leibler divergence of the model from the uniform distribution over these rows."""
    return -np.log(len(X)) - model.score(X)


# ------------------------------------------------------------------ the model


@pytest.mark.parametrize("units", LEVELS)
@pytest.mark.parametrize("connectivity", CONNECTIVITIES)
def test_everything_matches_enumeration(units, connectivity):
    model, (states, energy, probability, log_partition) = machine(units, connectivity)
    v, h = states[:, :3], states[:, 3:]
    np.testing.assert_allclose(model.energy(v, h), energy, atol=1e-10)
    assert model.log_partition().method == "exact"
    assert model.log_partition().value == pytest.approx(log_partition, abs=1e-10)
    rows = all_states(3, units)
    same = (v[np.newaxis] == rows[:, np.newaxis]).all(axis=2)
    marginal = np.array([probability[match].sum() for match in same])
    np.testing.assert_allclose(np.exp(model.score_samples(rows)), marginal, atol=1e-10)
    np.testing.assert_allclose(
        model.free_energy(rows), -T * (np.log(marginal) + log_partition), atol=1e-10
    )
    assert model.score(rows) == pytest.approx(np.log(marginal).mean())
    hidden = [probability[match] @ h[match] / probability[match].sum() for match in same]
    np.testing.assert_allclose(model.transform(rows), hidden, atol=1e-10)
    codes = all_states(2, units)
    match = (h[np.newaxis] == codes[:, np.newaxis]).all(axis=2)
    visible = [probability[m] @ v[m] / probability[m].sum() for m in match]
    np.testing.assert_allclose(model.inverse_transform(codes), visible, atol=1e-10)
    expected = np.zeros(len(rows))
    for i in range(3):
        others = (np.delete(rows, i, axis=1)[:, np.newaxis] == np.delete(rows, i, axis=1)).all(2)
        expected += np.log(marginal / (others @ marginal))
    np.testing.assert_allclose(model.pseudo_likelihood(rows), expected, atol=1e-10)


def test_spins_and_bits_are_one_model():
    coupling, intercept = parameters()
    spins = BoltzmannMachine.from_coupling(coupling, intercept, n_components=2, temperature=T)
    bits = BoltzmannMachine.from_coupling(
        4 * coupling,
        2 * intercept - 2 * coupling.sum(axis=1),
        n_components=2,
        units="bernoulli",
        temperature=T,
    )
    rows = all_states(3)
    np.testing.assert_allclose(
        spins.score_samples(2 * rows - 1), bits.score_samples(rows), atol=1e-10
    )
    np.testing.assert_allclose(
        spins.transform(2 * rows - 1), 2 * bits.transform(rows) - 1, atol=1e-10
    )
    # and learn the same
    X = rows[[0, 1, 1, 3, 6, 7, 7]]
    for algorithm in ("exact", "gibbs"):
        options = {"algorithm": algorithm, "max_iter": 5, "random_state": 0}
        bits = BoltzmannMachine(2, **options).fit(X)
        spins = BoltzmannMachine(2, units="spin", **options).fit(2 * X - 1)
        np.testing.assert_allclose(bits.score_samples(X), spins.score_samples(2 * X - 1), atol=1e-5)


@pytest.mark.parametrize("units", LEVELS)
def test_a_restricted_machine_is_an_rbm(units):
    coupling, intercept = parameters(5, 3, "restricted")
    model = BoltzmannMachine.from_coupling(
        coupling, intercept, n_components=3, units=units, temperature=T
    )
    rbm = RBM.from_parameters(
        coupling[5:, :5], intercept[:5], intercept[5:], visible=units, hidden=units, temperature=T
    )
    rows, codes = all_states(5, units), np.repeat(all_states(3, units), 4, axis=0)
    np.testing.assert_allclose(model.energy(rows, codes), rbm.energy(rows, codes))
    np.testing.assert_allclose(model.free_energy(rows), rbm.free_energy(rows))
    assert model.log_partition().value == pytest.approx(rbm.log_partition().value)
    np.testing.assert_allclose(model.transform(rows), rbm.transform(rows))
    np.testing.assert_allclose(
        model.inverse_transform(codes), rbm.inverse_transform(codes), atol=1e-12
    )
    np.testing.assert_allclose(model.pseudo_likelihood(rows), rbm.pseudo_likelihood(rows))


def test_annealed_partition_function_agrees_with_the_exact_one():
    model, (*_, log_partition) = machine()
    estimate = model.log_partition(method="ais", n_temperatures=300, n_chains=501)
    assert estimate.method == "ais"
    assert abs(estimate.value - log_partition) < 4 * estimate.standard_error
    assert estimate.lower <= log_partition <= estimate.upper


def test_mean_field_features_of_many_coupled_hidden_units():
    rng = np.random.default_rng(0)
    X = (rng.random((7, 5)) < 0.5).astype(float)
    model = BoltzmannMachine(23, algorithm="mean_field", max_iter=2, random_state=0).fit(X)
    h = model.transform(X)
    field = X @ model.coupling_[:5, 5:] + model.intercept_[5:] + h @ model.coupling_[5:, 5:]
    np.testing.assert_allclose(h, 1 / (1 + np.exp(-field)), atol=1e-4)


# ------------------------------------------------------------------ reference values of learning


@pytest.mark.parametrize("side", [2, 3, 4])
def test_bars_and_stripes_are_learned_exactly_without_hidden_units(side):
    X = make_bars_and_stripes(side)
    model = BoltzmannMachine(0, algorithm="exact").fit(X)
    assert 0 <= divergence(model, X) + 1e-9 < 1e-3 + 1e-9
    assert model.transform(X).shape == (len(X), 0)
    # nothing is known of the visible units but their own means
    means = model.inverse_transform(np.empty((2, 0)))
    if side < 4:
        np.testing.assert_allclose(means, np.tile(X.mean(axis=0), (2, 1)), atol=1e-5)


def test_parity_needs_a_hidden_unit():
    X = make_parity(3)
    assert divergence(BoltzmannMachine(0).fit(X), X) == pytest.approx(np.log(2), abs=1e-6)
    one = [BoltzmannMachine(1, random_state=seed).fit(X) for seed in range(3)]
    assert min(divergence(model, X) for model in one) < 1e-6


@pytest.mark.parametrize(("n_hidden", "best"), [(1, 0.5757), (2, np.log(2) / 2), (3, 0.0)])
def test_parity_with_a_restricted_machine(n_hidden, best):
    X = make_parity(3)
    found = [
        divergence(
            BoltzmannMachine(n_hidden, connectivity="restricted", random_state=seed).fit(X), X
        )
        for seed in range(8)
    ]
    assert min(found) == pytest.approx(best, abs=1e-4)


@pytest.mark.parametrize(("n_hidden", "best"), [(0, np.log(4)), (1, np.log(2)), (2, 0.0)])
def test_infima_of_the_encoder(n_hidden, best):
    X = make_encoder(4)
    mask = np.zeros((8 + n_hidden,) * 2, bool)
    mask[:4, :4] = mask[4:8, 4:8] = mask[:8, 8:] = mask[8:, :8] = True
    np.fill_diagonal(mask, False)
    found = [
        divergence(BoltzmannMachine(n_hidden, connectivity=mask, random_state=seed).fit(X), X)
        for seed in range(10)
    ]
    assert min(found) == pytest.approx(best, abs=1e-4)
    local = [best, np.log(4), np.log(2), np.log(2) / 2, 0.82396]
    assert all(min(abs(value - known) for known in local) < 1e-4 for value in found)


def inverse_ising_problem():
    """The 1000 draws of the five spins of coniii's guide, and what they were drawn from."""
    np.random.seed(0)  # noqa: NPY002
    h, j = np.random.normal(scale=0.1, size=5), np.random.normal(scale=0.1, size=10)  # noqa: NPY002
    states = all_states(5, "spin")
    pairs = list(itertools.combinations(range(5), 2))
    log_weight = states @ h + np.array([states[:, a] * states[:, b] for a, b in pairs]).T @ j
    p = np.exp(log_weight - logsumexp(log_weight))
    draws = np.random.choice(32, 1000, p=p)  # noqa: NPY002
    return states[draws], h, j, pairs


def test_inverse_ising():
    X, h, j, pairs = inverse_ising_problem()
    model = BoltzmannMachine(0, units="spin").fit(X)
    found = np.array([model.coupling_[pair] for pair in pairs])
    error = np.linalg.norm(np.concatenate([model.intercept_ - h, found - j]))
    assert error == pytest.approx(0.1209459, abs=1e-6)
    states, _, probability, _ = enumerate_states(model.coupling_, model.intercept_, "spin", 1.0)
    for a, b in pairs:
        product = states[:, a] * states[:, b]
        assert abs(probability @ product - np.mean(X[:, a] * X[:, b])) < 1e-8
    pseudo = BoltzmannMachine(0, units="spin", algorithm="pseudo_likelihood").fit(X)
    np.testing.assert_allclose(pseudo.coupling_, model.coupling_, atol=0.01)


def test_gibbs_training_comes_near_the_exact_maximum():
    X = np.repeat(make_bars_and_stripes(2), 20, axis=0)
    exact = BoltzmannMachine(0, alpha=0.01, algorithm="exact").fit(X)
    for algorithm in ("gibbs", "exact", "pseudo_likelihood"):
        model = BoltzmannMachine(0, alpha=0.01, algorithm=algorithm, random_state=0, n_chains=500)
        if algorithm == "gibbs":
            model.set_params(max_iter=200).fit(X)
            np.testing.assert_allclose(model.coupling_, exact.coupling_, atol=0.3)
            assert model.score(X) == pytest.approx(exact.score(X), abs=0.02)
        else:
            for _ in range(30):
                model.partial_fit(X)
            assert model.score(X) > BoltzmannMachine(0, max_iter=1, alpha=9).fit(X).score(X) + 0.5


@pytest.mark.parametrize("algorithm", ["gibbs", "mean_field"])
@pytest.mark.parametrize("connectivity", [*CONNECTIVITIES, "deep"])
def test_hidden_units_help(connectivity, algorithm):
    X = np.repeat(make_bars_and_stripes(3), 10, axis=0)
    n_components = (8, 4) if connectivity == "deep" else 8
    model = BoltzmannMachine(
        n_components,
        connectivity=connectivity,
        algorithm=algorithm,
        max_iter=200,
        random_state=0,
    ).fit(X)
    # independent pixels reach -9 ln 2 = -6.24; the best is -ln 14 = -2.64
    assert model.score(X) > -4.2


def test_annealed_phases_learn():
    X = np.repeat(make_bars_and_stripes(2), 20, axis=0)
    model = BoltzmannMachine(
        2, algorithm="gibbs", annealing=[4, 2, 1, 1, 1, 1, 1], max_iter=200, random_state=0
    ).fit(X)
    assert model.score(X) > -2.1  # -ln 6 = -1.79 is the best, -4 ln 2 = -2.77 chance


@pytest.mark.parametrize("algorithm", ["gibbs", "exact"])
@pytest.mark.parametrize("units", LEVELS)
@pytest.mark.parametrize("l1_ratio", [0.0, 0.5])
def test_temperature_rescales_learning(algorithm, units, l1_ratio):
    X = np.repeat(make_parity(3), 5, axis=0)
    options = {
        "algorithm": algorithm,
        "units": units,
        "l1_ratio": l1_ratio,
        "random_state": 0,
        "max_iter": 5,
        "connectivity": "lateral",
    }
    cold = BoltzmannMachine(2, learning_rate=0.1, alpha=0.01, **options).fit(X)
    hot = BoltzmannMachine(2, learning_rate=0.4, alpha=0.0025, temperature=2.0, **options).fit(X)
    np.testing.assert_allclose(hot.coupling_, 2 * cold.coupling_, atol=1e-4)
    np.testing.assert_allclose(hot.intercept_, 2 * cold.intercept_, atol=1e-4)
    assert hot.score(X) == pytest.approx(cold.score(X), abs=1e-5)


# ------------------------------------------------------------------ courses of training


def test_warm_start_and_partial_fit():
    X = np.random.default_rng(0).integers(0, 2, (41, 5)).astype(float)
    options = {"algorithm": "gibbs", "momentum": 0.5, "random_state": 0}
    whole = BoltzmannMachine(3, max_iter=6, **options).fit(X)
    parts = BoltzmannMachine(3, max_iter=6, warm_start=True, **options)
    parts.fit(X)
    np.testing.assert_array_equal(parts.coupling_, whole.coupling_)
    constant = {"learning_rate_schedule": "constant", **options}
    whole = BoltzmannMachine(3, max_iter=6, **constant).fit(X)
    parts = BoltzmannMachine(3, max_iter=2, warm_start=True, **constant).fit(X)
    parts.set_params(max_iter=6).fit(X)
    np.testing.assert_array_equal(parts.coupling_, whole.coupling_)
    np.testing.assert_array_equal(parts.chains_, whole.chains_)
    passes = BoltzmannMachine(3, **constant)
    for _ in range(6):
        passes.partial_fit(X)
    np.testing.assert_array_equal(passes.coupling_, whole.coupling_)
    assert passes.n_iter_ == 6
    assert len(passes.loss_curve_) == 6


def test_early_stopping_keeps_the_best():
    X = np.random.default_rng(0).integers(0, 2, (101, 7)).astype(float)
    model = BoltzmannMachine(
        5, algorithm="gibbs", early_stopping=True, max_iter=100, learning_rate=1.0, random_state=0
    ).fit(X)
    assert len(model.validation_scores_) == model.n_iter_ < 100
    assert np.argmax(model.validation_scores_) <= model.n_iter_ - 5


def test_only_pairs_that_may_be_coupled_learn():
    X = np.random.default_rng(0).integers(0, 2, (101, 4)).astype(float)
    mask = np.zeros((6, 6), bool)
    mask[[0, 1, 2, 3], [4, 4, 5, 5]] = mask[4, 5] = True
    mask |= mask.T
    for algorithm in ("gibbs", "exact", "mean_field"):
        model = BoltzmannMachine(
            2, connectivity=mask, algorithm=algorithm, max_iter=3, random_state=0
        ).fit(X)
        assert ((model.coupling_ != 0) == mask).all()
        np.testing.assert_array_equal(model.coupling_, model.coupling_.T)


def test_encoding_follows_the_data():
    X = np.random.default_rng(0).integers(0, 2, (41, 5)).astype(float)
    model = BoltzmannMachine(2, max_iter=2, random_state=0).fit(X)
    assert set(np.unique(model.sample(20, random_state=0))) == {0, 1}
    # cues in the other encoding are understood, answers stay in that of the machine
    np.testing.assert_array_equal(model.transform(2 * X - 1), model.transform(X))
    model.partial_fit(2 * X - 1)
    assert set(np.unique(model.sample(20, random_state=0))) == {-1, 1}
    model.partial_fit(X)
    assert set(np.unique(model.sample(20, random_state=0))) == {-1, 1}


# ------------------------------------------------------------------ samples


def fits(samples, states, probability):
    hits = (samples[:, np.newaxis] == states).all(axis=2)
    assert hits.any(axis=1).all()
    return chisquare(hits.sum(axis=0), len(samples) * probability).pvalue > ALPHA


@pytest.mark.parametrize("algorithm", ["gibbs", "annealing", "tempering"])
@pytest.mark.parametrize("units", LEVELS)
@pytest.mark.parametrize("clamped", [None, [1.0, np.nan, np.nan], [np.nan, 1.0, np.nan]])
def test_samples_follow_the_exact_distribution(algorithm, units, clamped):
    model, (states, _, probability, _) = machine(units)
    rows = all_states(3, units)
    marginal = (states[:, :3] == rows[:, np.newaxis]).all(axis=2) @ probability
    given = None
    if clamped is not None:
        held = ~np.isnan(clamped)
        keep = (rows[:, held] == np.array(clamped)[held]).all(axis=1)
        rows, marginal, given = rows[keep], marginal[keep] / marginal[keep].sum(), [clamped]
    samples = model.sample(10_007, given=given, n_sweeps=40, algorithm=algorithm, random_state=0)
    assert fits(samples, rows, marginal)


def within(values, expected):
    error = np.std(values) / np.sqrt(len(values))
    return abs(np.mean(values) - expected) < 4 * error


@pytest.mark.parametrize(
    ("temperature", "log_partition", "energy", "magnetisation"),
    [(1.0, 45.227083, -0.063358, 0.320422), (1 / 1.5, 51.949516, -0.350137, 0.840743)],
)
def test_curie_weiss(temperature, log_partition, energy, magnetisation):
    model = BoltzmannMachine.from_coupling(
        (np.ones((64, 64)) - np.eye(64)) / 64, temperature=temperature
    )
    samples = model.sample(5003, n_sweeps=100, random_state=0)
    assert within(model.energy(samples) / 64, energy)
    assert within(np.abs(samples.mean(axis=1)), magnetisation)
    estimate = model.log_partition(n_temperatures=300)
    assert estimate.lower - 0.05 < log_partition < estimate.upper + 0.05


def test_curie_weiss_above_its_transition():
    # by enumeration over the number of spins that are up
    up = np.arange(65)
    m = 2 * up - 64
    log_weight = gammaln(65) - gammaln(up + 1) - gammaln(65 - up) + 0.5 * (m**2 - 64) / 128
    p = np.exp(log_weight - logsumexp(log_weight))
    model = BoltzmannMachine.from_coupling((np.ones((64, 64)) - np.eye(64)) / 64, temperature=2.0)
    assert model.log_partition().value == pytest.approx(logsumexp(log_weight), abs=0.02)
    samples = model.sample(5003, n_sweeps=100, random_state=0)
    assert within(model.energy(samples), p @ (-(m**2 - 64) / 128))
    assert within(np.abs(samples.mean(axis=1)), p @ np.abs(m) / 64)


def test_torus():
    model = BoltzmannMachine.from_coupling(make_ising_grid(4), temperature=2.5)
    log_partition = model.log_partition()
    assert log_partition.method == "exact"
    assert log_partition.value == pytest.approx(14.561093, abs=1e-6)
    samples = model.sample(5003, n_sweeps=200, random_state=0)
    assert within(model.energy(samples) / 16, -1.379116)
    assert within(np.abs(samples.mean(axis=1)), 0.764712)


def test_spin_glass_at_high_temperature():
    model = BoltzmannMachine.from_coupling(make_spin_glass(400, random_state=0), temperature=2.0)
    energy = model.energy(model.sample(200, n_sweeps=50, random_state=0)) / 400
    # -1 / 2T in the limit of many spins; one draw of couplings moves it by about 1 / N
    assert np.mean(energy) == pytest.approx(-0.25, abs=0.01)


def test_annealing_finds_ground_states():
    grid = BoltzmannMachine.from_coupling(make_ising_grid(6))
    ground = grid.anneal(n_samples=5, random_state=0)
    np.testing.assert_array_equal(grid.energy(ground), -72)
    coupling = make_spin_glass(15, random_state=0)
    glass = BoltzmannMachine.from_coupling(coupling)
    found = glass.energy(glass.anneal(n_samples=50, random_state=0)).min()
    assert found == pytest.approx(enumerate_states(coupling, np.zeros(15), "spin")[1].min())


def test_annealing_takes_starts_and_holds_units():
    model, _ = machine()
    start = np.ones((2, 5))
    given = [[np.nan, 1, np.nan], [np.nan, 0, 1]]
    states = model.anneal(start, given=given, n_samples=3, temperatures=[5.0, 5.0], random_state=0)
    assert states.shape == (6, 5)
    np.testing.assert_array_equal(states[:, 1], [1, 1, 1, 0, 0, 0])
    np.testing.assert_array_equal(states[3:, 2], 1)
    # with no time to forget, it is where it started
    kept = model.anneal(start, temperatures=[1e-6], random_state=0)
    assert kept.shape == (2, 5)
    with pytest.raises(ValueError, match="X has 4 columns, but the machine has 5 units"):
        model.anneal(np.ones((2, 4)))
    with pytest.raises(ValueError, match="same number of rows, got 2 and 1"):
        model.anneal(start, given=given[:1])
    for temperatures in ([1, 0], [[1.0]], [-1.0]):
        with pytest.raises(
            ValueError, match="temperatures must be a sequence of finite numbers above 0"
        ):
            model.anneal(temperatures=temperatures)


# ------------------------------------------------------------------ bad input


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"coupling": np.ones((2, 3))}, "coupling must be square"),
        ({"coupling": [[0, 1], [2, 0]]}, r"coupling\[0, 1\] = 1 and coupling\[1, 0\] = 2"),
        ({"coupling": [[0, 1], [1, 3]]}, r"zero diagonal, but coupling\[1, 1\] = 3"),
        ({"coupling": [[0, np.nan], [np.nan, 0]]}, "coupling contains NaN"),
        ({"intercept": [1.0]}, r"intercept has the shape \(1,\)"),
        ({"intercept": [1.0, np.inf]}, "intercept contains infinity"),
        ({"n_components": 2}, "n_components must be an integer from 0 to 1"),
        ({"temperature": 0.0}, "'temperature' parameter"),
        ({"units": "gaussian"}, "'units' parameter"),
    ],
)
def test_bad_couplings_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        BoltzmannMachine.from_coupling(**{"coupling": [[0.0, 1.0], [1.0, 0.0]], **options})


def lonely(n_units):
    mask = ~np.eye(n_units, dtype=bool)
    mask[-1] = mask[:, -1] = False
    return mask


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"connectivity": np.ones((7, 7), bool)}, "no unit is coupled with itself, but unit 0"),
        ({"connectivity": ~np.eye(6, dtype=bool)}, r"shape \(6, 6\), but 5 features and 2 hidden"),
        ({"connectivity": np.triu(np.ones((7, 7), bool), 1)}, "couples 0 with 1 in one direction"),
        ({"connectivity": np.full((7, 7), 0.5)}, "must hold booleans"),
        ({"connectivity": lonely(7)}, "leaves hidden unit 1 without any coupling"),
        ({"n_components": (2, 1)}, "which need connectivity='deep'"),
        ({"n_components": (2, 0), "connectivity": "deep"}, "sizes of the hidden layers"),
        ({"n_components": 30, "algorithm": "exact"}, "at most 20 units, but there are 5 visible"),
        ({"algorithm": "pseudo_likelihood"}, "for machines without hidden units"),
        ({"algorithm": "exact", "early_stopping": True}, "for training by epochs"),
        ({"annealing": [1.0, 0.0]}, "annealing must be a sequence of finite numbers above 0"),
        ({"learning_rate": 1e9, "algorithm": "gibbs"}, "learning_rate=1000000000.0 .* At most 100"),
    ],
)
def test_bad_parameters_are_refused_and_nothing_is_lost(options, message):
    X = np.random.default_rng(0).integers(0, 2, (41, 5)).astype(float)
    model = BoltzmannMachine(2, max_iter=2, random_state=0).fit(X)
    before = model.score_samples(X)
    with pytest.raises(ValueError, match=message):
        model.set_params(**options).fit(X)
    model.set_params(**BoltzmannMachine(2, max_iter=2, random_state=0).get_params())
    np.testing.assert_array_equal(model.score_samples(X), before)


def test_too_many_coupled_hidden_units_to_sum_over():
    X = np.random.default_rng(0).integers(0, 2, (11, 5)).astype(float)
    model = BoltzmannMachine(40, max_iter=1, random_state=0).fit(X)
    for method in ("free_energy", "score_samples", "pseudo_likelihood"):
        with pytest.raises(ValueError, match="connectivity='lateral' or 'restricted'"):
            getattr(model, method)(X)
    assert np.isfinite(model.transform(X)).all()
    with pytest.raises(ValueError, match="method='exact' needs at most"):
        model.log_partition(method="exact")


def test_changes_after_fit():
    X = np.random.default_rng(0).integers(0, 2, (41, 5)).astype(float)
    model = BoltzmannMachine(2, max_iter=2, random_state=0).fit(X)
    soft = model.transform(X)
    sharp = model.set_params(temperature=0.1).transform(X)
    assert (np.abs(sharp - 0.5) >= np.abs(soft - 0.5) - 1e-9).mean() > 0.9
    with pytest.raises(ValueError, match="units='spin', but the machine was fitted with"):
        model.set_params(units="spin").transform(X)
    model.set_params(units="bernoulli", n_components=3)
    with pytest.raises(ValueError, match="n_components or connectivity changed"):
        model.partial_fit(X)
    with pytest.raises(ValueError, match="H must be given"):
        model.energy(X)
    with pytest.raises(ValueError, match="V has 41 rows, but H has 1"):
        model.energy(X, np.zeros((1, 2)))
    with pytest.raises(ValueError, match="algorithm must be"):
        model.sample(algorithm="exact")


def test_a_machine_from_couplings_learns_on():
    coupling = make_ising_grid(3, coupling=0.3)
    model = BoltzmannMachine.from_coupling(coupling)
    X = model.sample(500, random_state=0)
    before = model.score(X)
    model.set_params(random_state=0, algorithm="gibbs").partial_fit(X)
    assert ((model.coupling_ != 0) == (coupling != 0)).all()
    assert model.score(X) > before - 0.1
    assert BoltzmannMachine.from_coupling(coupling).score(X) == before


WIDE = {
    "full, spins": {"units": "spin"},
    "full, mean field": {"n_components": 3, "algorithm": "mean_field"},
    "lateral": {"connectivity": "lateral"},
    "restricted": {"connectivity": "restricted"},
    "deep": {"n_components": (8, 5), "connectivity": "deep", "algorithm": "mean_field"},
    "deep, gibbs": {"n_components": (8, 5), "connectivity": "deep", "algorithm": "gibbs"},
    "visible only": {"n_components": 0},
    "chain": {"n_components": 0, "connectivity": np.eye(400, k=1) + np.eye(400, k=-1)},
    "pseudo-likelihood": {
        "n_components": 0,
        "connectivity": np.eye(400, k=1) + np.eye(400, k=-1),
        "algorithm": "pseudo_likelihood",
        "alpha": 1e-2,
    },
}


@pytest.mark.filterwarnings("ignore:ln Z lies between")
@pytest.mark.parametrize("kind", WIDE)
def test_wide_machines_work_in_every_method(kind):
    X = (np.random.default_rng(0).random((40, 400)) < 0.3).astype(float)
    machine = BoltzmannMachine(max_iter=1, cd_steps=1, n_chains=10, random_state=0)
    machine.set_params(**WIDE[kind])
    machine.fit(X).partial_fit(X)
    rows = X[:3]
    results = [machine.free_energy(rows), machine.pseudo_likelihood(rows)]
    H = machine.transform(rows) if machine.n_components else None
    if H is not None:
        results += [H, machine.inverse_transform(H)]
    results.append(machine.energy(rows, H))
    for algorithm in ("gibbs", "annealing", "tempering"):
        results.append(machine.sample(2, n_sweeps=4, algorithm=algorithm, random_state=0))
    given = np.where(np.arange(400) < 100, np.nan, rows)
    completed = machine.sample(given=given, n_sweeps=3, random_state=0)
    np.testing.assert_array_equal(completed[:, 100:], rows[:, 100:])
    results += [completed, machine.anneal(given=given, temperatures=[2, 1.0], random_state=0)]
    machine.log_partition(n_temperatures=5, n_chains=5)
    assert all(np.isfinite(result).all() for result in results)


def test_wide_and_sparse_couplings_have_the_pseudo_likelihood_of_their_flips():
    rng = np.random.default_rng(0)
    coupling = np.triu((rng.random((303, 303)) < 0.02) * rng.normal(size=(303, 303)), 1)
    machine = BoltzmannMachine.from_coupling(
        coupling + coupling.T, rng.normal(size=303), n_components=2, temperature=1.7
    )
    rows = np.where(rng.random((2, 301)) < 0.5, -1.0, 1.0)
    expected = np.zeros(2)
    for i in range(301):
        flipped = rows.copy()
        flipped[:, i] *= -1
        change = (machine.free_energy(flipped) - machine.free_energy(rows)) / 1.7
        expected -= np.logaddexp(0, -change)
    np.testing.assert_allclose(machine.pseudo_likelihood(rows), expected)


def test_pseudo_likelihood_needs_no_pass_over_all_couplings_for_every_flip(monkeypatch):
    X = (np.random.default_rng(0).random((20, 400)) < 0.3).astype(float)
    machine = BoltzmannMachine(0, max_iter=1, random_state=0).fit(X)
    calls = []
    original = Coupled.log_weight
    monkeypatch.setattr(Coupled, "log_weight", lambda *a: calls.append(1) or original(*a))
    machine.pseudo_likelihood(X)
    assert len(calls) < 5


def test_what_is_given_in_the_other_encoding_is_answered_in_the_machines():
    pair = BoltzmannMachine.from_coupling([[0, 9], [9, 0]])
    np.testing.assert_array_equal(
        pair.sample(2, given=[[0, np.nan]], random_state=0), np.full((2, 2), -1.0)
    )
    machine = BoltzmannMachine(1, random_state=0).fit([[0, 0], [1, 1.0]])
    assert set(np.unique(machine.sample(9, given=[[-1, np.nan]], random_state=0))) <= {0.0, 1.0}


@pytest.mark.parametrize("binarize", [0.5, 127, -5])
def test_a_machine_reads_what_it_gave_at_every_threshold(binarize):
    states = np.random.default_rng(0).integers(0, 2, (30, 6)).astype(float)
    states[states.sum(axis=1) == 0, 0] = 1
    X = np.where(states > 0, binarize + 100, binarize - 100)
    machine = BoltzmannMachine(0, binarize=binarize, random_state=0).fit(X)
    drawn = machine.sample(30, random_state=0)
    assert len(np.unique(drawn, axis=0)) > 2
    high = drawn == 1
    np.testing.assert_allclose(
        machine.score_samples(drawn),
        machine.score_samples(np.where(high, binarize + 100, binarize - 100)),
    )
    given = np.where(np.arange(6) < 3, drawn, np.nan)
    np.testing.assert_array_equal(machine.sample(given=given)[:, :3], drawn[:, :3])


def test_early_stopping_that_cannot_be_watched_is_refused_before_training():
    X = (np.random.default_rng(0).random((30, 7)) < 0.5).astype(float)
    machine = BoltzmannMachine(60, algorithm="gibbs", early_stopping=True, max_iter=10**6)
    with pytest.raises(ValueError, match=r"60 hidden units .* early_stopping=True watches"):
        machine.fit(X)


@pytest.mark.parametrize("n_components", [3, 4, 6])
def test_more_hidden_units_never_fall_off_a_cliff_on_tiny_data(n_components):
    X = make_bars_and_stripes(3)
    assert BoltzmannMachine(n_components, random_state=0).fit(X).score(X) > -2.65


def test_epochs_of_tiny_data_amount_to_enough_updates():
    X = make_bars_and_stripes(3)
    machine = BoltzmannMachine(8, algorithm="gibbs", random_state=0).fit(X)
    assert machine.n_iter_ == 3000
    assert machine.score(X) > -2.8


def encoder(n_patterns, n_hidden):
    groups = np.repeat([0, 1, 2], [n_patterns, n_patterns, n_hidden])
    mask = groups[:, np.newaxis] != groups
    mask[: 2 * n_patterns, : 2 * n_patterns] ^= True
    np.fill_diagonal(mask, False)
    return mask


@pytest.mark.slow
def test_restarts_solve_the_encoder():
    X = make_encoder(4)
    options = {"connectivity": encoder(4, 2), "algorithm": "exact"}
    once, often = (
        [
            BoltzmannMachine(2, n_init=n, random_state=seed, **options).fit(X).score(X)
            for seed in range(2)
        ]
        for n in (1, 25)
    )
    assert min(once) < -np.log(4) - 0.1
    assert min(often) > -np.log(4) - 0.01


def test_l1_penalty_leaves_exact_zeros_under_sampling():
    X = (np.random.default_rng(0).random((200, 8)) < 0.5).astype(float)
    for units in ("bernoulli", "spin"):
        machine = BoltzmannMachine(
            2, units=units, algorithm="gibbs", alpha=0.2, l1_ratio=1.0, max_iter=20, random_state=0
        ).fit(X)
        pairs = machine.coupling_[np.triu_indices(10, 1)]
        assert np.mean(pairs == 0) > 0.5


def test_units_without_a_field_stay_undecided_at_low_temperatures():
    # pairs of neighbours that disagree leave the first unit no field, but for rounding
    coupling = np.zeros((21, 21))
    coupling[0, 1:] = coupling[1:, 0] = np.repeat(1.7 * np.arange(1, 11) / 21, 2)
    machine = BoltzmannMachine.from_coupling(coupling, temperature=1e-6)
    given = [[np.nan] + [1, -1] * 10]
    drawn = machine.sample(4000, given=given, n_sweeps=3, random_state=0)
    assert abs(drawn[:, 0].mean()) < 4 / np.sqrt(4000)
    drawn = machine.anneal(n_samples=4000, given=given, temperatures=[1e-6], random_state=0)
    assert abs(drawn[:, 0].mean()) < 4 / np.sqrt(4000)


def test_free_energies_of_deep_machines_take_little_memory():
    rng = np.random.default_rng(0)
    X = (rng.random((8, 30)) < 0.5).astype(float)
    machine = BoltzmannMachine(
        (500, 10), connectivity="deep", algorithm="gibbs", max_iter=1, random_state=0
    ).fit(X)
    tracemalloc.start()
    machine.free_energy(np.repeat(X, 50, axis=0))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 400e6


def test_log_partition_of_restricted_machines_takes_little_memory():
    X = (np.random.default_rng(0).random((20, 784)) < 0.5).astype(float)
    machine = BoltzmannMachine(12, connectivity="restricted", max_iter=1, random_state=0).fit(X)
    tracemalloc.start()
    assert machine.log_partition().method == "exact"
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 40e6  # 784 tables of 2^12 numbers are 26 MB


def test_couplings_that_would_fill_memory_are_refused_at_once():
    with pytest.raises(ValueError, match=r"100000 columns.*couplings of 40 GB"):
        BoltzmannMachine(0).fit(np.eye(2, 100_000, dtype=np.float32))


def test_units_spoilt_after_fit_are_refused_by_name():
    machine = BoltzmannMachine(max_iter=1).fit([[0, 1], [1, 0]])
    machine.set_params(units=np.array(["spin", "spin"]))
    with pytest.raises(ValueError, match=r"units=array.*fitted with 'bernoulli'"):
        machine.score([[0, 1]])
