import pickle
import warnings

import numpy as np
import pytest
from scipy import sparse
from scipy.special import logsumexp
from scipy.stats import chisquare, poisson
from sklearn.base import clone
from sklearn.datasets import load_digits, load_iris, load_wine
from sklearn.decomposition import FactorAnalysis
from sklearn.linear_model import LogisticRegression
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, StandardScaler

import skebm._learning.rbm
from skebm import RBM
from skebm.datasets import make_bars_and_stripes
from skebm.units import Bernoulli, Categorical, Composite, Gaussian

from . import oracle


@pytest.fixture(scope="module")
def digits():
    return load_digits().data / 16


def binary(n_samples=29, n_features=7, seed=0):
    return (np.random.default_rng(seed).random((n_samples, n_features)) < 0.4).astype(float)


def clusters(n_samples=120, seed=0):
    """Noisy copies of two opposite rows of five."""
    rng = np.random.default_rng(seed)
    prototypes = np.array([[1.0, 1, 1, 0, 0], [0, 0, 0, 1, 1]])
    X = prototypes[rng.integers(2, size=n_samples)]
    return np.where(rng.random(X.shape) < 0.05, 1 - X, X)


def small(visible="bernoulli", hidden="bernoulli", temperature=1.0, scale=0.4):
    parameters = oracle.small_parameters(2, 3, scale)
    rbm = RBM.from_parameters(*parameters, visible=visible, hidden=hidden, temperature=temperature)
    return rbm, parameters


# ---------------------------------------------------------------- likelihood


@pytest.mark.parametrize("visible", ["bernoulli", "spin"])
@pytest.mark.parametrize("hidden", oracle.SCALAR)
@pytest.mark.parametrize("temperature", [1.0, 1.6])
def test_scores_are_log_probabilities(visible, hidden, temperature):
    rbm, parameters = small(visible, hidden, temperature)
    v, p = oracle.visible_distribution(parameters, visible, hidden, temperature)
    np.testing.assert_allclose(rbm.score_samples(v), np.log(p), atol=1e-9)
    np.testing.assert_allclose(rbm.score(v), np.log(p).mean())
    log_partition = rbm.log_partition()
    assert log_partition.method == "exact"
    np.testing.assert_allclose(
        rbm.score_samples(v), -rbm.free_energy(v) / temperature - log_partition.value
    )


def test_density_of_gaussian_units_integrates_to_one():
    rbm = RBM.from_parameters(
        [[0.8], [-0.5]], [0.3], [0.1, -0.4], visible="gaussian", temperature=0.7
    )
    x = np.linspace(-12, 12, 4001)
    density = np.exp(rbm.score_samples(x[:, np.newaxis]))
    np.testing.assert_allclose(np.trapezoid(density, x), 1, atol=1e-8)


def test_score_of_an_exact_model_is_minus_entropy_and_divergence():
    rbm, parameters = small()
    v, p = oracle.visible_distribution(parameters, "bernoulli", "bernoulli", 1.0)
    data = np.random.default_rng(0).choice(len(v), 1000, p=p)
    q = np.bincount(data, minlength=len(v)) / 1000
    entropy, divergence = -(q * np.log(q)).sum(), (q * np.log(q / p)).sum()
    np.testing.assert_allclose(rbm.score(v[data]), -(entropy + divergence))


def test_annealed_score_is_deterministic_and_bracketed(digits):
    rbm = RBM(40, max_iter=2, random_state=0).fit(digits)
    estimate = rbm.log_partition()
    assert estimate.method == "ais"
    assert estimate.lower < estimate.value < estimate.upper
    copy = pickle.loads(pickle.dumps(rbm))
    del copy._log_partition_
    assert copy.score(digits) == rbm.score(digits)
    exact = RBM(11, max_iter=2, random_state=0).fit(digits)
    annealed = exact.log_partition(method="ais")
    assert abs(annealed.value - exact.log_partition().value) < 0.1


def test_log_partition_belongs_to_parameters_and_temperature():
    rbm, _ = small()
    first = rbm.log_partition()
    assert rbm.log_partition() is first
    warm = rbm.set_params(temperature=2.0).log_partition()
    assert warm.value != first.value
    rbm.set_params(temperature=1.0)
    rbm.components_ *= 2  # in place
    assert rbm.log_partition().value != first.value


def test_scores_use_the_log_partition_that_was_asked_for(digits):
    digits = digits.round()
    rbm = RBM(40, max_iter=2, random_state=0).fit(digits)
    first = rbm.score(digits)
    better = rbm.log_partition(n_chains=2000)
    np.testing.assert_allclose(
        rbm.score_samples(digits), -rbm.free_energy(digits) - better.value, rtol=1e-9
    )
    assert rbm.score(digits) != first
    for options in (
        {},
        {"n_temperatures": 5, "n_chains": 2},
        {"n_chains": 2000, "n_temperatures": 5},
    ):
        rbm.log_partition(**options)  # no worse estimate replaces a better one
        np.testing.assert_allclose(
            rbm.score_samples(digits), -rbm.free_energy(digits) - better.value, rtol=1e-9
        )


def test_an_exact_score_stays_exact_whatever_was_called_before(digits):
    rbm = RBM(8, max_iter=2, random_state=0).fit(digits.round())
    exact = rbm.score(digits.round())
    rbm.log_partition(method="ais", n_temperatures=5, n_chains=2)
    assert rbm.score(digits.round()) == exact
    rbm.log_partition(method="ais", n_temperatures=2000, n_chains=200)
    assert rbm.score(digits.round()) == exact


def test_no_estimate_stands_in_for_an_exact_score(digits):
    rows = digits[:300].round()
    few = RBM(8, max_iter=2, random_state=0).fit(rows)
    few.log_partition(method="ais")
    normal = RBM(3, visible=Gaussian(1.0), hidden="gaussian", random_state=0)
    normal.fit(np.random.default_rng(0).normal(size=(400, 12)))
    assert normal.lag_ < 0.1  # `fit` did look
    for rbm, X in ((few, rows), (normal, np.zeros((2, 12)))):
        exact = rbm._model().exact_log_partition()
        np.testing.assert_allclose(rbm.score(X), -rbm.free_energy(X).mean() - exact, rtol=1e-6)


def test_log_partition_refuses_bad_arguments():
    rbm, _ = small()
    for arguments, message in (
        ({"method": "magic"}, "'auto', 'exact' or 'ais'"),
        ({"n_temperatures": 1}, "n_temperatures must be an integer"),
        ({"n_chains": 2.5}, "n_chains must be an integer"),
    ):
        with pytest.raises(ValueError, match=message):
            rbm.log_partition(**arguments)


def test_pseudo_likelihood_needs_discrete_units():
    rbm, _ = small("gaussian", "bernoulli")
    with pytest.raises(ValueError, match=r"discrete visible units; Gaussian"):
        rbm.pseudo_likelihood(np.zeros((2, 3)))


def test_energy_and_free_energy_agree():
    rbm, _ = small(temperature=1.4)
    V = binary(n_features=3)
    H, _ = oracle.side("bernoulli", 2, 1.0)
    energies = [rbm.energy(V, np.tile(h, (len(V), 1))) for h in H]
    expected = -1.4 * np.logaddexp.reduce(np.array(energies) / -1.4)
    np.testing.assert_allclose(rbm.free_energy(V), expected)


# ---------------------------------------------------------------- features and samples


def test_transform_and_inverse_transform_are_conditional_means():
    rbm, (weights, a, b) = small(temperature=1.4)
    V, H = binary(n_features=3), np.random.default_rng(0).random((5, 2))
    np.testing.assert_allclose(rbm.transform(V), 1 / (1 + np.exp(-(V @ weights.T + b) / 1.4)))
    np.testing.assert_allclose(rbm.inverse_transform(H), 1 / (1 + np.exp(-(H @ weights + a) / 1.4)))


@pytest.mark.parametrize("visible", ["bernoulli", "spin"])
@pytest.mark.parametrize("clamp", [False, True])
@pytest.mark.parametrize("algorithm", ["gibbs", "tempering"])
def test_samples_follow_the_exact_distribution(visible, clamp, algorithm):
    rbm, parameters = small(visible, "bernoulli", temperature=1.4, scale=0.8)
    v, p = oracle.visible_distribution(parameters, visible, "bernoulli", 1.4)
    n = 5003
    if clamp:
        given = [[np.nan, 1.0, np.nan]]
        p = p * (v[:, 1] == 1)
    else:
        given = None
    samples = rbm.sample(n, given=given, n_sweeps=40, algorithm=algorithm, random_state=0)
    counts = (samples[:, np.newaxis] == v).all(axis=2).sum(axis=0)
    keep = p > 0
    assert counts[~keep].sum() == 0
    p = p[keep] / p[keep].sum()
    assert chisquare(counts[keep], n * p).pvalue > 1e-4
    assert chisquare(counts[keep], n * p[::-1]).pvalue < 1e-4


def test_tempering_gets_from_mode_to_mode():
    # two modes, all on and all off, that Gibbs sampling does not leave
    rbm = RBM.from_parameters(np.full((2, 10), 12.0), np.full(10, -12.0), np.full(2, -60.0))
    given = np.full((1, 10), np.nan)
    v, p = np.array([np.zeros(10), np.ones(10)]), None
    p = np.exp(rbm.score_samples(v))
    np.testing.assert_allclose(p.sum(), 1, atol=1e-3)
    rbm.chains_ = np.zeros((1, 2))  # start all off
    stuck = rbm.sample(500, given=given, n_sweeps=300, random_state=0)
    assert stuck.mean() < 0.01
    free = rbm.sample(500, given=given, n_sweeps=300, algorithm="tempering", random_state=0)
    assert abs((free.mean(axis=1) > 0.5).mean() - p[1]) < 4.5 * np.sqrt(p[0] * p[1] / 500)


def test_sample_refuses_unknown_algorithms():
    with pytest.raises(ValueError, match=r"'gibbs' or 'tempering', got 'metropolis'"):
        small()[0].sample(algorithm="metropolis")


def test_samples_start_at_the_training_chains():
    rbm = RBM(4, max_iter=200, random_state=0).fit(clusters())
    near = rbm.sample(400, n_sweeps=1, random_state=0)
    assert (abs(near @ [1, 1, 1, -1, -1] - 0.5) > 1).mean() > 0.9  # in one of the clusters
    assert 0.3 < near[:, 0].mean() < 0.7
    chains = rbm.chains_.copy()
    rbm.chains_ = np.zeros_like(chains)
    assert not np.array_equal(rbm.sample(400, n_sweeps=1, random_state=0), near)


def test_gibbs_starts_at_the_rows():
    rbm = RBM.from_parameters(100 * np.eye(3), np.full(3, -50.0), np.full(3, -50.0))
    X = binary(n_features=3)
    np.testing.assert_array_equal(rbm.gibbs(X, n_steps=4, random_state=0), X)
    np.testing.assert_array_equal(rbm.gibbs(sparse.csr_array(X), n_steps=0), X)
    with pytest.raises(ValueError, match="n_steps must be an integer of at least 0"):
        rbm.gibbs(X, n_steps=-1)


def test_given_values_must_suit_the_units():
    rbm, _ = small("spin", "bernoulli")
    given = np.array([[np.nan, 0.5, 1.0], [np.nan, -3.0, np.nan]])
    with pytest.raises(ValueError, match=r"value -3 in row 1, column 1, .*\[-1, 1\]"):
        rbm.sample(given=given)
    given[1, 1] = -1
    assert (rbm.sample(given=given, random_state=0)[:, 1] == [0.5, -1]).all()


def test_hidden_rows_are_checked():
    rbm, _ = small()
    with pytest.raises(ValueError, match=r"H has 3 columns, .*n_components=2"):
        rbm.inverse_transform(np.zeros((4, 3)))
    with pytest.raises(ValueError, match="V has 2 rows, but H has 4"):
        rbm.energy(np.zeros((2, 3)), np.zeros((4, 2)))


# ---------------------------------------------------------------- training


@pytest.mark.parametrize("algorithm", ["pcd", "cd", "tempering"])
@pytest.mark.parametrize(("visible", "hidden"), oracle.EXACT_PAIRS)
def test_training_raises_the_likelihood(algorithm, visible, hidden):
    X = clusters()
    noise = np.random.default_rng(0).normal(0, 0.5, X.shape)
    X = {
        "bernoulli": X,
        "spin": 2 * X - 1,
        "gaussian": 2 * X - 1 + noise,
        "relu": np.abs(2 * X + noise),
        "poisson": np.rint(np.abs(2 * X + noise)),
    }[visible]
    if visible == hidden == "gaussian":
        visible = Gaussian(1.0)  # with learned variances they have a closed form
    rbm = RBM(
        3,
        visible=visible,
        hidden=hidden,
        algorithm=algorithm,
        # hidden counts have no bound, and the default rate drives them away with some seeds
        learning_rate=0.1 if hidden == "poisson" else 0.3,
        max_iter=1,
        random_state=0,
    )
    start = rbm.fit(X).score(X)
    assert rbm.set_params(max_iter=100).fit(X).score(X) > start + 0.5


def test_digits_with_default_parameters(digits):
    X = (digits >= 0.5).astype(np.float32)
    order = np.random.RandomState(0).permutation(len(X))
    train, test = X[order[:1500]], X[order[1500:]]
    assert RBM(16, random_state=0).fit(train).score(test) > -18.8  # BernoulliRBM: -24.26


@pytest.mark.slow
def test_many_partial_fits_do_not_saturate(digits):
    rbm = RBM(64, random_state=0)
    for _ in range(200):
        rbm.partial_fit(digits)
    assert 0.05 < rbm.transform(digits).mean() < 0.95
    assert abs(rbm.sample(500, n_sweeps=200, random_state=0).mean() - digits.mean()) < 0.03


def test_temperature_rescales_training():
    X = binary()
    common = {"n_components": 3, "max_iter": 20, "random_state": 0}
    cold = RBM(learning_rate=0.2, alpha=0.04, **common).fit(X)
    warm = RBM(temperature=2.0, learning_rate=0.8, alpha=0.01, **common).fit(X)
    for name in ("components_", "intercept_visible_", "intercept_hidden_"):
        np.testing.assert_allclose(getattr(warm, name) / 2, getattr(cold, name), rtol=1e-9)
    np.testing.assert_array_equal(warm.chains_, cold.chains_)
    cold = RBM(learning_rate=0.2, alpha=0.04, l1_ratio=0.7, **common).fit(X)
    warm = RBM(temperature=2.0, learning_rate=0.8, alpha=0.01, l1_ratio=0.7, **common).fit(X)
    np.testing.assert_allclose(warm.components_ / 2, cold.components_, rtol=1e-9)


def test_flipped_data_train_to_the_same_likelihood():
    X = clusters()
    X[:, 4] = 1  # far from the middle, where centring matters
    rng = np.random.default_rng(0)
    weights, a, b = rng.normal(0, 0.3, (4, 5)), np.zeros(5), np.full(4, -1.0)

    def train(start, rows, centered, seed):
        rbm = RBM.from_parameters(*start)
        rbm.set_params(
            warm_start=True, n_chains=500, max_iter=60, centered=centered, random_state=seed
        )
        return rbm.fit(rows).score(rows)

    gaps = {}
    for centered in (True, False):
        one = [train((weights, a, b), X, centered, seed) for seed in range(4)]
        other = [
            train((-weights, -a, b + weights.sum(axis=1)), 1 - X, centered, seed)
            for seed in range(4)
        ]
        gaps[centered] = abs(np.mean(one) - np.mean(other))
    assert gaps[True] < 0.002
    assert gaps[False] > 2 * gaps[True]


@pytest.mark.parametrize("visible", ["bernoulli", "gaussian"])
@pytest.mark.parametrize("container", [sparse.csr_matrix, sparse.csr_array])
def test_sparse_rows_in_every_method(visible, container):
    X = binary(7, 7)  # square: a matrix power would pass unnoticed
    rows = container(X)
    options = {"visible": visible, "random_state": 0}
    dense, same = RBM(3, **options).fit(X), RBM(3, **options).fit(rows)
    np.testing.assert_allclose(same.components_, dense.components_, rtol=1e-9)
    names = ["transform", "free_energy", "score_samples"]
    if visible == "bernoulli":
        names.append("pseudo_likelihood")
        early = [RBM(3, early_stopping=True, **options).fit(x) for x in (X, rows)]
        np.testing.assert_allclose(early[0].components_, early[1].components_)
    for name in names:
        result = getattr(same, name)(rows)
        assert type(result) is np.ndarray
        np.testing.assert_allclose(result, getattr(dense, name)(X), rtol=1e-9)
    H = dense.transform(X)
    np.testing.assert_allclose(dense.energy(rows, H), dense.energy(X, H))
    np.testing.assert_array_equal(dense.gibbs(rows, random_state=0), dense.gibbs(X, random_state=0))
    np.testing.assert_allclose(
        dense.partial_fit(X).components_, same.partial_fit(rows).components_, rtol=1e-9
    )


def test_sparse_rows_with_duplicate_entries():
    rows = sparse.coo_array(([0.3, 0.4, 1.0], ([0, 0, 1], [0, 0, 1])), shape=(2, 3))
    twice = sparse.csr_array((rows.data, [0, 0, 1], [0, 2, 3]), shape=(2, 3))
    assert not twice.has_canonical_format
    rbm, _ = small()
    np.testing.assert_allclose(rbm.free_energy(twice), rbm.free_energy(twice.toarray()))
    assert twice.nnz == 3


@pytest.mark.parametrize("schedule", ["linear", "constant"])
@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("algorithm", ["pcd", "tempering"])
def test_warm_start_goes_on_as_if_never_interrupted(
    schedule, early_stopping, algorithm, monkeypatch
):
    X = binary()
    parameters = {
        "n_components": 3,
        "algorithm": algorithm,
        "max_iter": 9,
        "learning_rate_schedule": schedule,
        "momentum": 0.5,
        "early_stopping": early_stopping,
        "n_iter_no_change": 50,
        "random_state": 0,
    }
    broken = RBM(warm_start=True, **parameters)
    calls = []

    def interrupt(*args, **kwargs):
        calls.append(1)
        if len(calls) == 10:  # in the middle of an epoch
            raise KeyboardInterrupt
        return original(*args, **kwargs)

    original = skebm._learning.rbm.gradient
    monkeypatch.setattr(skebm._learning.rbm, "gradient", interrupt)
    with pytest.raises(KeyboardInterrupt):
        broken.set_params(batch_size=5).fit(X)
    whole = RBM(**parameters).set_params(batch_size=5)
    assert 0 < broken.n_iter_ < 9
    assert len(broken.loss_curve_) == broken.n_iter_
    assert np.isfinite(broken.score(X))
    monkeypatch.undo()
    broken.fit(X)
    whole.fit(X)
    assert broken.n_iter_ == whole.n_iter_ == 9
    np.testing.assert_array_equal(broken.components_, whole.components_)
    np.testing.assert_array_equal(broken.chains_, whole.chains_)
    assert broken.loss_curve_ == whole.loss_curve_


def test_warm_start_keeps_the_number_of_hidden_units():
    rbm = RBM(3, warm_start=True, random_state=0).fit(binary())
    with pytest.raises(ValueError, match=r"n_components=4, but .* 3 hidden units"):
        rbm.set_params(n_components=4).fit(binary())
    assert rbm.components_.shape == (3, 7)


def overfitting(**parameters):
    X = binary(200, 11)  # independent columns: everything learned is overfitting
    rbm = RBM(
        20,
        early_stopping=True,
        learning_rate_schedule="constant",
        max_iter=300,
        n_iter_no_change=3,
        tol=0,
        random_state=0,
    )
    return rbm.set_params(**parameters).fit(X)


def test_early_stopping_keeps_the_best_parameters():
    rbm = overfitting()
    scores = rbm.validation_scores_
    best = int(np.argmax(scores)) + 1
    assert rbm.n_iter_ == len(scores) == best + 3 < 300
    until = overfitting(max_iter=best, n_iter_no_change=300)
    np.testing.assert_array_equal(rbm.components_, until.components_)
    assert not np.array_equal(rbm.components_, overfitting(max_iter=best + 3).loss_curve_)
    assert overfitting(tol=100.0).n_iter_ == 1 + 3


@pytest.mark.parametrize(("n_samples", "n_held_out"), [(100, 10), (101, 11), (3000, 200)])
def test_early_stopping_trains_on_the_other_rows(monkeypatch, n_samples, n_held_out):
    seen = {}

    def watch(self, watched, n_temperatures):
        seen["held out"] = watched.held_out
        return original_watch(self, watched, n_temperatures)

    def prepare(self, X, *others):
        seen["trained on"] = X
        return original_prepare(self, X, *others)

    original_watch, original_prepare = RBM._look, RBM._prepare
    monkeypatch.setattr(RBM, "_look", watch)
    monkeypatch.setattr(RBM, "_prepare", prepare)
    X = np.zeros((n_samples, 12))
    X[:] = np.arange(n_samples)[:, np.newaxis] >> np.arange(12) & 1  # every row is different
    RBM(2, early_stopping=True, max_iter=1, random_state=0).fit(X * 0.9)
    assert len(seen["held out"]) == n_held_out
    assert set(np.unique(seen["held out"])) == {0.0, 1.0}  # drawn from the grey values
    assert len(seen["trained on"]) == n_samples - n_held_out
    assert len(np.unique(seen["trained on"], axis=0)) == n_samples - n_held_out


def test_early_stopping_and_warm_start():
    easy, hard = clusters(), clusters(seed=1)[:, [0, 3, 1, 4, 2]]
    rbm = RBM(3, early_stopping=True, warm_start=True, max_iter=100, random_state=0)
    for _ in range(3):
        rbm.partial_fit(easy)
    rbm.fit(easy)
    before = rbm.components_
    rbm.set_params(max_iter=rbm.n_iter_ + 50, n_iter_no_change=50)
    score = rbm.score(hard)
    rbm.fit(hard)  # judged on rows of its own
    assert not np.array_equal(rbm.components_, before)
    assert rbm.score(hard) >= score - 0.1
    after = rbm.partial_fit(easy).components_
    rbm.set_params(max_iter=rbm.n_iter_ + 1).fit(easy)
    assert not np.array_equal(rbm.components_, before)
    assert not np.array_equal(rbm.components_, after)


def test_nothing_left_to_do_is_said():
    rbm = RBM(3, max_iter=2, warm_start=True, random_state=0).fit(binary())
    before = rbm.components_
    with pytest.warns(UserWarning, match=r"nothing left to do: .*n_iter_=2.*max_iter=2"):
        rbm.fit(binary())
    assert rbm.components_ is before


def test_early_stopping_needs_rows():
    with pytest.raises(ValueError, match="n_samples=1"):
        RBM(2, early_stopping=True).fit([[0, 1]])


def test_learning_rates_that_always_diverge_are_refused():
    rbm = RBM(3, random_state=0).fit(binary())
    before = rbm.components_
    rbm.set_params(learning_rate=1000)
    for fit in (rbm.fit, rbm.partial_fit):
        with pytest.raises(ValueError, match=r"learning_rate=1000 .* At most 100 is allowed"):
            fit(binary())
        assert rbm.components_ is before
    rbm.set_params(temperature=3.5).partial_fit(binary())  # as a rate of 82 at T = 1


@pytest.mark.filterwarnings("ignore:Chains do not represent")
@pytest.mark.parametrize("learning_rate", [40, 99.0])
def test_divergence_names_the_epoch_and_the_remedy(learning_rate):
    X = np.tile(2 * binary() - 1, (10, 20))
    rbm = RBM(3, visible="gaussian", random_state=0).fit(X)
    before = rbm.components_.copy()
    rbm.set_params(learning_rate=learning_rate)
    for fit in (rbm.fit, rbm.partial_fit):
        with pytest.raises(ValueError, match=r"diverged in epoch \d+: .*Lower learning_rate"):
            fit(X)
        np.testing.assert_array_equal(rbm.components_, before)


def test_chains_are_independent_of_the_batch():
    X = binary()
    rbm = RBM(3, n_chains=17, batch_size=4, random_state=0).fit(X)
    assert rbm.chains_.shape == (17, 3)
    rbm.set_params(n_chains=5).partial_fit(X)
    assert rbm.chains_.shape == (5, 3)
    assert RBM(3).fit(X).chains_.shape == (100, 3)
    assert not hasattr(RBM(3, algorithm="cd").fit(X), "chains_")


@pytest.mark.filterwarnings("ignore:Chains do not represent")
@pytest.mark.slow
def test_tempering_stays_where_persistent_chains_diverge():
    X = make_bars_and_stripes(4)
    X = np.concatenate([X, np.zeros((1, 16)), np.ones((1, 16))])

    def total(algorithm):
        rbm = RBM(
            16,
            algorithm=algorithm,
            n_chains=32,
            learning_rate=0.1,
            learning_rate_schedule="constant",
            batch_size=32,
            max_iter=6000,
            random_state=0,
        )
        return rbm.fit(X).score(X) * len(X)

    assert total("tempering") > -120  # the best possible is -108.13
    assert total("pcd") < -180


def test_tempering_reports_its_swaps():
    rbm = RBM(3, algorithm="tempering", n_chains=11, random_state=0).fit(clusters())
    assert rbm.chains_.shape == (11, 3)
    assert rbm.swap_rates_.shape == (15,)
    assert ((rbm.swap_rates_ > 0) & (rbm.swap_rates_ <= 1)).all()
    assert RBM(3, random_state=0).fit(clusters()).__dict__.get("swap_rates_") is None


def test_chains_survive_a_change_of_algorithm():
    X = binary()
    rbm = RBM(3, algorithm="tempering", n_chains=10, random_state=0).fit(X)
    chains = rbm.chains_
    seen = []
    original = RBM._resume_chains

    def resume(self, model, before, rng):
        seen.append(original(self, model, before, rng))
        return seen[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RBM, "_resume_chains", resume)
        rbm.set_params(algorithm="pcd").partial_fit(X)
        np.testing.assert_array_equal(seen[0], chains)
        rbm.set_params(n_chains=100).partial_fit(X)  # as many as all rungs had
    assert rbm.chains_.shape == (100, 3)


@pytest.mark.parametrize(("n_visible", "n_hidden"), [(1100, 3), (3, 1100)])
@pytest.mark.parametrize("visible", ["bernoulli", "gaussian"])
def test_many_units_can_be_scored(n_visible, n_hidden, visible):
    rbm = RBM(n_hidden, visible=visible, max_iter=1, learning_rate=1e-3, random_state=0)
    assert np.isfinite(rbm.fit(binary(30, n_visible)).score(binary(30, n_visible)))


@pytest.mark.parametrize("temperature", [0.1, 1.0, 10.0])
def test_two_gaussian_sides_start_proper(temperature):
    X = np.random.default_rng(0).normal(size=(40, 97))
    rbm = RBM(101, visible="gaussian", hidden="gaussian", temperature=temperature)
    rbm.set_params(learning_rate=1e-9, random_state=0).partial_fit(X)
    assert np.linalg.norm(rbm.components_ * np.sqrt(rbm.variance_visible_), 2) < 1


def test_grey_rows_are_drawn_and_batches_are_small(monkeypatch):
    drawn, batches = [], []
    original = Bernoulli.discretize

    def discretize(self, means, rng, out=None):
        drawn.append(len(means))
        return original(self, means, rng, out=out)

    contrast = skebm._learning.rbm.gradient

    def count(model, state, n_rows, work, rng, **rule):
        batches.append(n_rows)
        contrast(model, state, n_rows, work, rng, **rule)

    monkeypatch.setattr(Bernoulli, "discretize", discretize)
    monkeypatch.setattr(skebm._learning.rbm, "gradient", count)
    rbm = RBM(3, batch_size=10, random_state=0).partial_fit(binary())
    assert drawn == []
    assert batches == [10, 10, 9]
    rbm.partial_fit(0.9 * binary())
    assert drawn == [10, 10, 9]


def test_interrupt_in_the_first_epoch(monkeypatch):
    X = binary()

    def interrupt(*args, **kwargs):
        raise KeyboardInterrupt

    fitted = RBM(3, random_state=0).fit(X)
    before = vars(fitted).copy()
    fresh = RBM.from_parameters(np.full((3, 7), 0.1), np.zeros(7), np.zeros(3))
    with monkeypatch.context() as patch:
        patch.setattr(skebm._learning.rbm, "gradient", interrupt)
        for call in (fitted.fit, fitted.partial_fit, fresh.partial_fit, RBM(3).fit):
            with pytest.raises(KeyboardInterrupt):
                call(X)
    assert vars(fitted) == before
    fitted.partial_fit(X)
    assert fresh.partial_fit(X).n_iter_ == 1


def test_what_is_read_at_call_time_is_checked():
    rbm = RBM(3, random_state=0).fit(binary())
    calls = [lambda: rbm.transform(binary()), rbm.sample, rbm.log_partition]
    for temperature in (-1, 0, "warm", np.nan):
        rbm.set_params(temperature=temperature)
        for call in calls:
            with pytest.raises(ValueError, match="temperature must be a positive number"):
                call()
    rbm.set_params(temperature=1.0)
    for name, value in (("visible", "spin"), ("hidden", "gaussian"), ("visible", "ternary")):
        good = rbm.get_params()[name]
        rbm.set_params(**{name: value})
        for call in calls:
            with pytest.raises(ValueError, match=rf"{name}='{value}'.*fitted with Bernoulli\(\)"):
                call()
        rbm.set_params(**{name: good})
    rbm.set_params(visible=Bernoulli()).transform(binary())


def test_history():
    X = binary()
    rbm = RBM(3, max_iter=4, random_state=0).fit(X)
    assert rbm.n_iter_ == len(rbm.loss_curve_) == 4
    rbm.partial_fit(X)
    assert rbm.n_iter_ == len(rbm.loss_curve_) == 5
    assert not hasattr(rbm, "validation_scores_")


def test_verbose_prints_a_line_an_epoch(capsys):
    RBM(3, max_iter=2, verbose=1).fit(binary())
    lines = capsys.readouterr().out.splitlines()
    assert [line[:13] for line in lines] == ["[RBM] epoch 1", "[RBM] epoch 2"]
    RBM(3, max_iter=2).fit(binary())
    assert capsys.readouterr().out == ""


def test_penalties_shrink_weights():
    X = clusters()
    plain = RBM(4, random_state=0).fit(X)
    for l1_ratio in (0.0, 1.0):
        rbm = RBM(4, alpha=0.02, l1_ratio=l1_ratio, random_state=0).fit(X)
        assert abs(rbm.components_).mean() < 0.9 * abs(plain.components_).mean()


# ---------------------------------------------------------------- input


BAD_PARAMETERS = [
    ("n_components", 0),
    ("n_components", -3),
    ("n_components", 2.5),
    ("learning_rate", 0),
    ("learning_rate", -0.1),
    ("temperature", 0),
    ("temperature", -1.0),
    ("cd_steps", 0),
    ("batch_size", -1),
    ("n_chains", 0),
    ("momentum", 1.0),
    ("validation_fraction", 1.0),
    ("visible", "ternary"),
    ("hidden", "softmax"),
    ("hidden", Bernoulli),
    ("algorithm", "sml"),
    ("learning_rate_schedule", "cosine"),
    ("max_iter", 0),
]


@pytest.mark.parametrize(("name", "value"), BAD_PARAMETERS)
def test_bad_parameters(name, value):
    X = binary()
    rbm = RBM(3, random_state=0).fit(X)
    before = rbm.components_
    good = rbm.get_params()[name]
    rbm.set_params(**{name: value})
    for call in (rbm.fit, rbm.partial_fit):
        with pytest.raises(ValueError, match=f"The '{name}' parameter of RBM must be"):
            call(X)
    assert rbm.set_params(**{name: good}).components_ is before
    rbm.transform(X)


def test_unknown_names_come_with_the_known_ones():
    with pytest.raises(ValueError, match="'bernoulli'"):
        RBM(visible="ternary").fit(binary())
    with pytest.raises(ValueError, match="'tempering'"):
        RBM(algorithm="sml").fit(binary())


def test_values_outside_the_support(digits):
    rbm = RBM(5, max_iter=1, random_state=0).fit(digits)
    before = rbm.components_
    with pytest.raises(ValueError, match=r"columns 2, 3, 4 and 47 more, .*Divide by 16, or"):
        rbm.fit(digits * 16)
    assert rbm.components_ is before
    with pytest.warns(UserWarning, match=r"they were clipped.*MinMaxScaler"):
        assert rbm.transform(digits * 16).max() <= 1
    with pytest.warns(UserWarning, match="standard deviation outside"):
        RBM(5, max_iter=1, visible="relu", learning_rate=1e-9).fit(digits * 1600)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([[1.0, 2]], [0.0], [0.0]), r"intercept_visible has shape \(1,\).*\(2,\)"),
        (([[1.0, 2]], [0.0, 0], [0.0, 0]), r"intercept_hidden has shape \(2,\).*\(1,\)"),
        (([1.0, 2], [0.0, 0], [0.0]), "2D"),
        (([[np.nan, 2]], [0.0, 0], [0.0]), "NaN"),
        (([[1.0, 2]], [0.0, np.inf], [0.0]), "infinity"),
    ],
)
def test_from_parameters_checks_its_arrays(arguments, message):
    with pytest.raises(ValueError, match=message):
        RBM.from_parameters(*arguments)


def test_from_parameters_checks_the_rest():
    with pytest.raises(ValueError, match="'temperature' parameter"):
        RBM.from_parameters([[1.0]], [0.0], [0.0], temperature=0)
    with pytest.raises(ValueError, match=r"largest singular value of the weights is 1\.5"):
        RBM.from_parameters([[1.5]], [0.0], [0.0], visible="gaussian", hidden="gaussian")


def test_from_parameters_copies_and_trains_on():
    weights = np.full((2, 3), 0.1)
    rbm = RBM.from_parameters(weights, np.zeros(3), np.zeros(2))
    weights[:] = 7
    assert (rbm.components_ == 0.1).all()
    X = binary(n_features=3)
    rbm.set_params(random_state=0, max_iter=3).partial_fit(X)
    assert rbm.n_iter_ == 1
    rbm.set_params(warm_start=True, early_stopping=True).fit(X)
    assert rbm.n_iter_ == 3


# ---------------------------------------------------------------- with scikit-learn


@pytest.mark.filterwarnings("ignore:X has values from 0 to")
def test_grid_search_over_a_pipeline(digits):
    y = load_digits().target
    pipeline = make_pipeline(
        MinMaxScaler(),
        RBM(20, max_iter=3, random_state=0),
        StandardScaler(),
        LogisticRegression(max_iter=300),
    )
    grid = {
        "rbm__learning_rate": [0.1, 0.3],
        "rbm__temperature": [0.7, 1.0],
        "rbm__cd_steps": [1, 2],
    }
    search = GridSearchCV(pipeline, grid, cv=2, n_jobs=1).fit(digits[:400], y[:400])
    assert search.best_score_ > 0.8
    assert len(set(search.cv_results_["mean_test_score"])) >= 4


def test_grid_search_on_the_likelihood():
    X = clusters()
    search = GridSearchCV(
        RBM(4, max_iter=100, random_state=0), {"learning_rate": [1e-4, 0.3]}, cv=2
    ).fit(X)
    assert search.best_params_ == {"learning_rate": 0.3}


# ---------------------------------------------------------------- units of several columns

MIXED = Composite([("bernoulli", 1), ("gaussian", 2), (Categorical(3), 3)])


def mixed_table(n_samples=200):
    """Two kinds of rows: bit, numbers and category all follow the kind."""
    rng = np.random.default_rng(0)
    kind = rng.integers(2, size=n_samples)
    numbers = np.where(kind[:, np.newaxis], [2.0, -1.0], [-1.0, 1.0]) + rng.normal(
        size=(n_samples, 2)
    )
    category = np.eye(3)[np.where(rng.random(n_samples) < 0.1, 2, kind)]
    return np.column_stack([kind, numbers, category]), kind


@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array])
def test_mixed_tables(container):
    X, kind = mixed_table()
    rbm = RBM(4, visible=MIXED, max_iter=100, random_state=0).fit(container(X))
    independent = RBM(1, visible=MIXED, max_iter=1, learning_rate=1e-9, random_state=0).fit(X)
    # what the kind tells: ln 2 for the bit, and more for the numbers
    assert rbm.score(container(X)) > independent.score(X) + 1
    unknown = X.copy()
    unknown[:, [0, 3, 4, 5]] = np.nan
    completed = rbm.sample(given=unknown, n_sweeps=50, random_state=0)
    np.testing.assert_array_equal(completed[:, 1:3], X[:, 1:3])
    np.testing.assert_array_equal(completed[:, 3:].sum(axis=1), 1)
    assert (completed[:, 0] == kind).mean() > 0.9
    assert ((completed[:, 3] == 1) == (kind == 0))[completed[:, 5] == 0].mean() > 0.9
    with pytest.raises(ValueError, match="columns 3 to 5"):
        rbm.transform(np.zeros((1, 6)))
    with pytest.raises(ValueError, match=r"column 3, which Categorical.*single 1, or all NaN"):
        rbm.sample(given=[[np.nan, np.nan, np.nan, 1, np.nan, 0]])


def test_one_hot_encoder_upstream():
    X, _ = mixed_table()
    words = np.column_stack([np.array(["no", "yes", "maybe"])[X[:, 3:].argmax(axis=1)]] * 2)
    one_hot = OneHotEncoder().fit(words)
    rbm = RBM(4, visible=Categorical(3), max_iter=300, random_state=0)
    model = make_pipeline(one_hot, rbm).fit(words)
    # two copies of one column: entropy of one of them is the best possible
    shares = np.mean(X[:, 3:], axis=0)
    assert model.score(words) > np.sum(shares * np.log(shares)) - 0.1
    samples = one_hot.inverse_transform(rbm.sample(50, random_state=0))
    assert (samples[:, 0] == samples[:, 1]).mean() > 0.9


def test_early_stopping_watches_categories():
    X = mixed_table()[0][:, 3:]
    rbm = RBM(2, visible=Categorical(3), early_stopping=True, max_iter=50, random_state=0).fit(X)
    assert len(rbm.validation_scores_) == rbm.n_iter_


def test_sides_that_units_do_not_fit():
    X = clusters()
    with pytest.raises(ValueError, match=r"visible=Categorical.*features of X.*there are 5"):
        RBM(visible=Categorical(3)).fit(X)
    with pytest.raises(ValueError, match=r"hidden=Categorical.*n_components.*there are 5"):
        RBM(5, hidden=Categorical(3)).fit(X)
    with pytest.raises(ValueError, match=r"hidden=Categorical"):
        RBM.from_parameters(np.ones((2, 5)), np.ones(5), np.ones(2), hidden=Categorical(3))
    hidden = RBM(6, hidden=Categorical(3), max_iter=5, random_state=0).fit(X).transform(X)
    np.testing.assert_allclose(hidden.reshape(-1, 2, 3).sum(axis=2), 1)


def test_imputation_is_the_conditional_mean():
    rbm, parameters = small(temperature=1.3, scale=1.5)
    v, p = oracle.visible_distribution(parameters, "bernoulli", "bernoulli", 1.3)
    given = np.array([[1.0, np.nan, np.nan], [np.nan, 0.0, np.nan]])
    draws = rbm.sample(20_011, given=given, n_sweeps=40, random_state=0).reshape(2, 20_011, 3)
    for row, drawn in zip(given, draws, strict=True):
        keep = ((v == row) | np.isnan(row)).all(axis=1)
        expected = p[keep] @ v[keep] / p[keep].sum()
        assert abs(drawn.mean(axis=0) - expected).max() < 4 * 0.5 / np.sqrt(20_011)
        backwards = p[keep][::-1] @ v[keep] / p[keep].sum()
        assert abs(drawn.mean(axis=0) - backwards).max() > 8 * 0.5 / np.sqrt(20_011)


def test_score_of_grey_rows_is_that_of_draws_and_ranks_machines(digits):
    train, test = digits[:1000], digits[1000:]
    drawn = Bernoulli().discretize(test, np.random.default_rng(0))
    machines = [RBM(n, max_iter=30, random_state=0).fit(train) for n in (8, 64)]
    grey, scores = ([rbm.score(rows) for rbm in machines] for rows in (test, drawn))
    assert grey[0] < grey[1]  # scored as they are, grey rows would prefer the small machine
    np.testing.assert_allclose(grey, scores, atol=0.3)
    rbm = machines[0]
    # every row on its own, the same in both precisions, dense or sparse, again and again
    scores = rbm.score_samples(test)
    np.testing.assert_allclose(rbm.score_samples(test[7:8]), scores[7:8])
    np.testing.assert_allclose(rbm.score_samples(sparse.csr_array(test)), scores)
    np.testing.assert_allclose(rbm.score_samples(test.astype(np.float32)), scores, rtol=1e-4)
    np.testing.assert_array_equal(rbm.pseudo_likelihood(test), rbm.pseudo_likelihood(test))
    as_they_are = RBM(4, visible=Bernoulli(stochastic=False), max_iter=3, random_state=0).fit(train)
    expected = -as_they_are.free_energy(test) - as_they_are.log_partition().value
    np.testing.assert_allclose(as_they_are.score_samples(test), expected)


def test_l1_penalty_leaves_exact_zeros():
    X = (np.random.default_rng(0).random((200, 9)) < 0.5).astype(float)
    for units in ("bernoulli", "spin"):
        rbm = RBM(4, visible=units, hidden=units, alpha=0.3, l1_ratio=1.0, max_iter=30)
        rbm.set_params(random_state=0).fit(2 * X - 1 if units == "spin" else X)
        assert np.mean(rbm.components_ == 0) > 0.5


def test_mixed_tables_of_more_than_a_thousand_discrete_columns_can_be_scored():
    rng = np.random.default_rng(0)
    X = np.column_stack([(rng.random((20, 1100)) < 0.3), rng.normal(size=(20, 2))]).astype(float)
    side = Composite([("bernoulli", 1100), ("gaussian", 2)])
    rbm = RBM(3, visible=side, max_iter=1, random_state=0).fit(X)
    assert np.isfinite(rbm.score(X))
    with pytest.raises(ValueError, match="needs discrete visible units"):
        rbm.pseudo_likelihood(X)


def test_spins_refuse_data_of_zeros_and_ones():
    X = binary()
    rbm = RBM(3, visible="spin", max_iter=2, random_state=0)
    with pytest.raises(ValueError, match=r"spins are -1 and .*Give 2 .* X - 1"):
        rbm.fit(X)
    rbm.fit(2 * X - 1)
    given = np.full((1, X.shape[1]), np.nan)
    given[0, 0] = 0
    with pytest.raises(ValueError, match="given has the value 0 in row 0, column 0"):
        rbm.sample(given=given)


@pytest.mark.parametrize("n_scores", [3, 5])
def test_an_interrupt_of_early_stopping_leaves_a_whole_epoch(monkeypatch, n_scores):
    X = clusters()
    options = {"early_stopping": True, "max_iter": 6, "n_iter_no_change": 9, "random_state": 0}
    straight = RBM(3, **options).fit(X)
    original, calls = RBM._look, []

    def interrupted(self, *watched):
        calls.append(1)
        if len(calls) == n_scores + 1:
            raise KeyboardInterrupt
        return original(self, *watched)

    monkeypatch.setattr(RBM, "_look", interrupted)
    rbm = RBM(3, warm_start=True, **options)
    with pytest.raises(KeyboardInterrupt):
        rbm.fit(X)
    assert rbm.n_iter_ == len(rbm.validation_scores_) == len(rbm.loss_curve_) == n_scores
    rbm.fit(X)
    np.testing.assert_array_equal(rbm.components_, straight.components_)
    assert rbm.validation_scores_ == straight.validation_scores_


def test_an_interrupt_after_the_last_epoch_leaves_the_best_parameters():
    callback = pytest.importorskip("sklearn.callback")
    assert callback

    class Interrupt:
        def setup(self, estimator, context):
            pass

        def teardown(self, estimator, context):
            pass

        def on_fit_task_begin(self, estimator, context, **_):
            pass

        def on_fit_task_end(self, estimator, context, **_):
            if context.task_name == "epoch" and estimator.n_iter_ == 6:
                raise KeyboardInterrupt

    X = clusters()
    options = {"early_stopping": True, "max_iter": 6, "n_iter_no_change": 9, "random_state": 0}
    rbm = RBM(3, **options).set_callbacks(Interrupt())
    with pytest.raises(KeyboardInterrupt):
        rbm.fit(X)
    straight = RBM(3, **options).fit(X)
    np.testing.assert_array_equal(rbm.components_, straight.components_)


@pytest.mark.parametrize("visible", ["bernoulli", "spin", "gaussian", "relu"])
def test_both_precisions_draw_alike(visible):
    X = binary()
    X = {"spin": 2 * X - 1, "gaussian": X - X.mean(axis=0)}.get(visible, X)
    features = [
        RBM(4, visible=visible, max_iter=2, random_state=0).fit(X.astype(dtype)).transform(X)
        for dtype in (np.float32, np.float64)
    ]
    np.testing.assert_allclose(*features, atol=1e-3)


def test_single_precision_scores_are_normalized_at_low_temperatures():
    rng = np.random.default_rng(0)
    rbm = RBM.from_parameters(
        (1e3 * rng.normal(size=(3, 4))).astype(np.float32),
        (1e3 * rng.normal(size=4)).astype(np.float32),
        (1e3 * rng.normal(size=3)).astype(np.float32),
        temperature=1e-3,
    )
    states = np.array(list(np.ndindex(2, 2, 2, 2)), dtype=np.float32)
    np.testing.assert_allclose(np.exp(rbm.score_samples(states)).sum(), 1, rtol=1e-6)


def test_pseudo_likelihood_of_categorical_hidden_units_and_constant_columns():
    X = binary()
    X[:, 2] = 1
    rbm = RBM(4, hidden=Categorical(2), early_stopping=True, max_iter=2, random_state=0).fit(X)
    assert np.isfinite(rbm.pseudo_likelihood(X)).all()
    assert np.isfinite(rbm.pseudo_likelihood(X[:1])).all()


# ---------------------------------------------------------------- variances of Gaussian units


def test_learned_variances_have_the_density_of_the_sum_over_hidden_states():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 2)) * [0.5, 2.0] + np.where(rng.random((60, 1)) < 0.5, 2, -2)
    rbm = RBM(3, visible="gaussian", temperature=1.3, max_iter=50, random_state=0).fit(X)
    T, s2 = 1.3, rbm.variance_visible_
    W, a, b = rbm.components_, rbm.intercept_visible_, rbm.intercept_hidden_
    axis = np.linspace(-15, 15, 801)
    grid = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1).reshape(-1, 2)
    log_weight = -np.inf
    for h in np.ndindex(2, 2, 2):
        energy = (grid**2 / (2 * s2)).sum(axis=1) - grid @ (a + h @ W) - b @ np.array(h)
        log_weight = np.logaddexp(log_weight, -energy / T)
    log_partition = logsumexp(log_weight) + 2 * np.log(axis[1] - axis[0])
    np.testing.assert_allclose(rbm.log_partition().value, log_partition, atol=1e-6)
    np.testing.assert_allclose(
        rbm.score_samples(grid[::997]), (log_weight - log_partition)[::997], atol=1e-6
    )
    # a conditional, by quadrature along one axis
    k = int(np.argmin(np.abs(axis - 1.0)))
    p = np.exp(log_weight.reshape(801, 801)[k] - log_weight.reshape(801, 801)[k].max())
    p /= p.sum()
    drawn = rbm.sample(20_000, given=[[axis[k], np.nan]], n_sweeps=50, random_state=0)[:, 1]
    mean = p @ axis
    deviation = np.sqrt(p @ (axis - mean) ** 2)
    assert abs(drawn.mean() - mean) < 4 * deviation / np.sqrt(20_000)
    assert abs(drawn.std() / deviation - 1) < 0.03


def test_variances_follow_the_gradient_of_the_likelihood():
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.normal(3, 0.5, 4000), rng.normal(-1, 2, 4000)])
    rbm = RBM(1, visible="gaussian", alpha=5.0, max_iter=20, batch_size=500, random_state=0)
    rbm.set_params(learning_rate=0.05).fit(X)  # without couplings: mean and variance
    np.testing.assert_allclose(rbm.variance_visible_, X.var(axis=0), rtol=0.05)
    off = RBM(1, visible="gaussian", alpha=1.0, max_iter=60, batch_size=500, random_state=0)
    off.set_params(learning_rate=0.05, warm_start=True)
    off.fit(X[:1000])
    off.set_params(max_iter=300, learning_rate=0.3)
    off.variance_visible_ = off.variance_visible_ * [3.0, 0.4]
    off.fit(X[:1000])
    np.testing.assert_allclose(off.variance_visible_, X[:1000].var(axis=0), rtol=0.1)


@pytest.mark.parametrize("algorithm", ["auto", "cd", "tempering"])
@pytest.mark.parametrize("hidden", ["bernoulli", "relu"])
def test_gaussian_columns_learn_the_same_at_any_scale(hidden, algorithm):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(101, 3)) + 2.0 * rng.integers(2, size=(101, 1))
    scale, shift = np.array([1e-5, 1.0, 1e7]), np.array([1.0, 1e3, -1.8e9])
    rbm = RBM(
        5, visible="gaussian", hidden=hidden, algorithm=algorithm, max_iter=30, learning_rate=0.1
    )
    rbm.set_params(random_state=0, temperature=1.7)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        raw = clone(rbm).fit(X * scale + shift)
    rbm.fit(X)
    np.testing.assert_allclose(raw.variance_visible_, rbm.variance_visible_ * scale**2, rtol=1e-3)
    np.testing.assert_allclose(raw.components_ * scale, rbm.components_, rtol=1e-2, atol=1e-3)
    np.testing.assert_allclose(raw.transform(X * scale + shift), rbm.transform(X), atol=1e-3)


def test_counts_learn_at_any_rate():
    rng = np.random.default_rng(0)
    causes = rng.integers(2, size=(500, 2))
    X = rng.poisson(np.exp(2.5 + causes @ rng.normal(size=(2, 20)) * 0.5))
    rbm = RBM(16, visible="poisson", random_state=0).fit(X[:400])
    independent = poisson.logpmf(X[400:], X[:400].mean(axis=0)).sum(axis=1).mean()
    assert rbm.score(X[400:]) > independent + 5


@pytest.mark.parametrize("temperature", [1.0, 0.5])
def test_two_gaussian_sides_are_a_factor_analysis(temperature):
    X = StandardScaler().fit_transform(load_wine().data)
    for n_components in (1, 3):
        rbm = RBM(n_components, visible="gaussian", hidden="gaussian", temperature=temperature)
        peer = FactorAnalysis(n_components, random_state=0).fit(X[::2])
        rbm.set_params(random_state=0).fit(X[::2])
        assert rbm.log_partition().method == "exact"
        np.testing.assert_allclose(rbm.score_samples(X[1::2]), peer.score_samples(X[1::2]))


@pytest.mark.parametrize("load", [load_iris, load_wine])
def test_gaussian_units_beat_one_full_gaussian(load):
    gains, spreads = [], []
    for seed in range(3):
        train, test = train_test_split(load().data, test_size=0.3, random_state=seed)
        scaler = StandardScaler().fit(train)
        train, test = scaler.transform(train), scaler.transform(test)
        rbm = RBM(16, visible="gaussian", random_state=seed).fit(train)
        gains.append(rbm.score(test) - GaussianMixture(1).fit(train).score(test))
        spreads.append(np.mean(rbm.sample(4000, random_state=0).std(axis=0)))
    assert np.mean(gains) > 0.2
    assert abs(np.mean(spreads) - 1) < 0.05


def test_columns_of_any_scale_learn_alike():
    X = StandardScaler().fit_transform(load_wine().data)
    factors = np.resize([0.2, 1.0, 5.0], X.shape[1])
    one = RBM(4, visible="gaussian", max_iter=20, random_state=0).fit(X)
    other = RBM(4, visible="gaussian", max_iter=20, random_state=0).fit(X * factors)
    gap = one.score(X) - np.log(factors).sum() - other.score(X * factors)
    assert abs(gap) < 1e-6


@pytest.mark.parametrize("temperature", [1.0, 2.0])
def test_the_default_penalty_is_a_prior_of_the_weights(temperature):
    rows = np.random.default_rng(0).integers(0, 2, (113, 7)).astype(float)
    options = {"max_iter": 5, "temperature": temperature, "early_stopping": False}

    def weights(rows=rows, **others):
        return RBM(7, random_state=0, **options, **others).fit(rows).components_

    strength = 2 / (113 * temperature**2)
    np.testing.assert_array_equal(weights(), weights(alpha=strength))
    spins = {"visible": "spin", "hidden": "spin"}
    np.testing.assert_array_equal(
        weights(2 * rows - 1, **spins), weights(2 * rows - 1, alpha=16 * strength, **spins)
    )
    for few, others in ((rows[:99], {}), (rows, {"visible": "gaussian"})):
        np.testing.assert_array_equal(weights(few, **others), weights(few, alpha=0, **others))
    rbm, free = RBM(7, random_state=0), RBM(7, alpha=0, random_state=0)
    assert not np.array_equal(rbm.fit(rows).components_, free.fit(rows).components_)
    rbm, free = RBM(7, random_state=0), RBM(7, alpha=0, random_state=0)
    np.testing.assert_array_equal(
        rbm.partial_fit(rows).components_, free.partial_fit(rows).components_
    )


@pytest.mark.parametrize("n_components", [5, 30])
def test_conditional_means_fill_a_table(n_components):
    X = clusters(400)
    rbm = RBM(n_components, max_iter=60, random_state=0).fit(X)
    given = np.where(np.random.default_rng(0).random(X.shape) < 0.3, np.nan, X)
    free = np.isnan(given)
    mean = rbm.conditional_mean(given)
    np.testing.assert_array_equal(mean[~free], X[~free])
    np.testing.assert_array_equal(mean, rbm.conditional_mean(given))
    draws = rbm.sample(100, given=given, n_sweeps=50, random_state=0).reshape(len(X), 100, -1)
    np.testing.assert_allclose(mean[free], draws.mean(axis=1)[free], atol=0.25)
    assert abs((mean - draws.mean(axis=1))[free].mean()) < 0.01
    with pytest.raises(ValueError, match="given has the value 3"):
        rbm.conditional_mean([[3, 0, 0, 0, 0]])
    single = RBM(n_components, max_iter=5, random_state=0).fit(X.astype(np.float32))
    assert single.conditional_mean(given).dtype == np.float32


def test_given_takes_sparse_rows_whose_zeros_are_known():
    rbm = RBM.from_parameters([[4.0, 4.0, 0.0]], [-2.0, -2.0, 0.0], [-3.0])
    given = np.array([[np.nan, 0.0, 1.0], [1.0, np.nan, 0.0]])
    for name in ("sample", "conditional_mean"):
        options = {"random_state": 0} if name == "sample" else {}
        method = getattr(rbm, name)
        dense = method(given=given, **options)
        np.testing.assert_array_equal(dense, method(given=sparse.csr_array(given), **options))
        np.testing.assert_array_equal(dense[~np.isnan(given)], given[~np.isnan(given)])


def test_few_rows_are_penalised_unless_they_are_drawn_anew(digits):
    for rows, is_drawn in ((digits[:150], True), (digits[:150].round(), False)):
        options = {"max_iter": 3, "early_stopping": False, "random_state": 0}
        default = RBM(16, **options).fit(rows)
        without = RBM(16, alpha=0.0, **options).fit(rows)
        assert np.array_equal(default.components_, without.components_) == is_drawn
