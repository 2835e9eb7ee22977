import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy.stats import multivariate_normal
from sklearn.base import clone
from sklearn.datasets import load_iris, load_wine
from sklearn.impute import KNNImputer, SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skebm import EnergyImputer, EnergyOutlierDetector, ModernHopfieldMemory
from skebm._energies.attention import Attention
from skebm._energies.kernel import Kernel
from skebm.interactions import Softmax


def kernel(n_patterns=5, n_features=4, temperature=0.7, seed=0):
    rng = np.random.default_rng(seed)
    patterns = 3 + rng.normal(size=(n_patterns, n_features))
    root = rng.normal(size=(n_features, n_features))
    covariance = root @ root.T + 0.3 * np.eye(n_features)
    return Kernel.of(patterns, covariance, temperature), covariance


ROWS = np.array(
    [
        [3.1, np.nan, 2.7, np.nan],
        [np.nan, np.nan, 4.1, 3.3],
        [2.2, 3.3, 2.9, 3.5],
        [np.nan] * 4,
    ]
)


def mixture(row, patterns, covariance):
    """Shares, means and covariance of what is missing, component by component."""
    known = ~np.isnan(row)
    inside = covariance[np.ix_(known, known)]
    densities = [
        multivariate_normal.pdf(row[known], z[known], inside) if known.any() else 1.0
        for z in patterns
    ]
    gain = covariance[np.ix_(~known, known)] @ np.linalg.pinv(inside)
    means = np.array([z[~known] + gain @ (row[known] - z[known]) for z in patterns])
    rest = covariance[np.ix_(~known, ~known)] - gain @ covariance[np.ix_(known, ~known)]
    shares = np.array(densities)
    return shares / shares.sum(), means, rest, np.log(np.mean(densities))


def test_a_kernel_is_a_mixture_of_normal_components():
    model, covariance = kernel()
    filled, variance = model.conditional_mean(ROWS), model.conditional_variance(ROWS, 0.7)
    log_density = model.log_density(ROWS)
    drawn = model.draw(np.repeat(ROWS, 4000, axis=0), np.random.default_rng(0), 0.7)
    for i, row in enumerate(ROWS):
        holes = np.isnan(row)
        shares, means, rest, logarithm = mixture(row, model.patterns, 0.7 * covariance)
        assert log_density[i] == pytest.approx(logarithm, abs=1e-9)
        np.testing.assert_array_equal(filled[i, ~holes], row[~holes])
        if not holes.any():
            continue
        mean = shares @ means
        np.testing.assert_allclose(filled[i, holes], mean, rtol=1e-9)
        second = rest + (shares[:, np.newaxis] * (means - mean)).T @ (means - mean)
        np.testing.assert_allclose(variance[i, holes], np.diag(second), rtol=1e-8)
        sample = drawn[4000 * i : 4000 * (i + 1), holes]
        np.testing.assert_allclose(sample.mean(axis=0), mean, atol=4 * np.sqrt(second.max() / 4000))
        np.testing.assert_allclose(np.cov(sample.T), second, atol=0.12 * second.max())


def test_an_expectation_has_the_means_and_what_they_leave_open():
    model, covariance = kernel()
    filled, residual = model.expectation(ROWS, np.full(len(ROWS), -1))
    np.testing.assert_array_equal(filled, model.conditional_mean(ROWS))
    expected = np.zeros((4, 4))
    for row in ROWS:
        holes = np.isnan(row)
        if holes.any():
            _, _, rest, _ = mixture(row, model.patterns, covariance)
            expected[np.ix_(holes, holes)] += rest / len(ROWS)
    np.testing.assert_allclose(residual, expected, atol=1e-12)


def test_a_row_can_be_left_out_of_the_patterns():
    model, _ = kernel()
    rows = np.where(np.eye(5, 4, dtype=bool), np.nan, model.patterns)
    found = model.conditional_mean(rows, own=np.array([0, 1, 2, 3, -1]))
    for i in range(4):
        others = Kernel.of(
            np.delete(model.patterns, i, axis=0), np.linalg.inv(model.precision), 0.7
        )
        np.testing.assert_allclose(found[i], others.conditional_mean(rows[i : i + 1])[0])


def test_with_a_round_metric_it_is_the_softmax_memory():
    patterns = np.random.default_rng(1).normal(size=(13, 3))
    model = Kernel.of(patterns, np.eye(3), 0.4)
    memory = ModernHopfieldMemory(similarity="euclidean", temperature=0.4).fit(patterns)
    rows = patterns[:5] + 0.1
    np.testing.assert_allclose(model.log_density(rows), memory.score_samples(rows))
    given = np.where(np.arange(3) == 1, np.nan, rows)
    np.testing.assert_allclose(model.conditional_mean(given), memory.conditional_mean(given))
    assert Attention.of(model.whitened(), "euclidean", Softmax()).n_patterns == 13


# ---------------------------------------------------------------- tables


def people(n_rows=300, seed=0, library="pandas"):
    rng = np.random.default_rng(seed)
    kind = rng.integers(3, size=n_rows)
    frame = pd.DataFrame(
        {
            "age": np.array([25, 40, 70])[kind] + rng.integers(-5, 6, n_rows),
            "height": (np.array([160, 175, 190])[kind] + rng.normal(0, 4, n_rows)).astype("f4"),
            "city": np.array(["Rome", "Oslo", "Lima"])[kind],
            "grade": pd.Categorical(
                np.array(["low", "mid", "top"])[kind], categories=["top", "mid", "low", "none"]
            ),
            "member": kind == 2,
            "constant": 7,
        }
    )
    return frame if library == "pandas" else pl.from_pandas(frame)


def with_holes(frame, share=0.2, seed=0):
    gone = np.random.default_rng(seed).random(frame.shape) < share
    gone[gone.all(axis=1), 0] = False
    if isinstance(frame, pd.DataFrame):
        frame = frame.astype({"age": "Int64", "member": "boolean", "constant": "Int64"})
        return pd.DataFrame({n: frame[n].mask(gone[:, j]) for j, n in enumerate(frame)}), gone
    return frame.with_columns(
        [
            pl.when(pl.Series(gone[:, j])).then(None).otherwise(pl.col(n)).alias(n)
            for j, n in enumerate(frame.columns)
        ]
    ), gone


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_frames_come_back_without_holes(library):
    whole = people(library=library)
    frame, gone = with_holes(whole)
    before = frame.clone() if library == "polars" else frame.copy()
    imputer = EnergyImputer(random_state=0).fit(frame)
    filled = imputer.transform(frame)
    assert type(filled) is type(frame)
    assert list(filled.columns) == list(frame.columns)
    assert list(filled.dtypes) == list(frame.dtypes)
    assert imputer.column_kinds_["age"] == "numbers"
    assert imputer.column_kinds_["city"] == imputer.column_kinds_["member"] == "categories"
    if library == "pandas":
        assert list(filled["grade"].cat.categories) == ["top", "mid", "low", "none"]
        pd.testing.assert_frame_equal(frame, before)
        values, truth = filled.to_numpy(object), whole.to_numpy(object)
        assert filled.notna().all().all()
    else:
        assert frame.equals(before)
        values, truth = (np.array(t.rows(), dtype=object) for t in (filled, whole))
        assert filled.null_count().sum_horizontal()[0] == 0
    np.testing.assert_array_equal(values[~gone], truth[~gone])
    for column in (2, 3, 4):
        holes = gone[:, column]
        assert (values[holes, column] == truth[holes, column]).mean() > 0.9
    assert set(values[:, 5]) == {7}
    ages = values[gone[:, 0], 0].astype(float) - truth[gone[:, 0], 0].astype(float)
    assert np.sqrt(np.mean(ages**2)) < 8  # their standard deviation is 19


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_new_rows_keep_types_and_ranges(library):
    whole = people(library=library)
    frame, _ = with_holes(whole)
    imputer = EnergyImputer(random_state=0).fit(frame)
    rows = imputer.sample(200, random_state=0)
    assert list(rows.dtypes) == list(frame.dtypes)
    assert len(rows) == 200
    if library == "pandas":
        assert list(rows.index) == list(range(200))
    assert set(rows["city"].to_list()) == {"Rome", "Oslo", "Lima"}
    assert set(rows["grade"].to_list()) == {"top", "mid", "low"}
    assert rows["age"].min() >= whole["age"].min()
    assert rows["age"].max() <= whole["age"].max()
    numbers = np.array(rows["height"].to_list())
    assert 0.8 < numbers.std() / np.array(whole["height"].to_list()).std() < 1.2
    # what goes together in the table goes together in its rows
    tall = numbers[[city == "Lima" for city in rows["city"].to_list()]]
    assert tall.mean() > numbers.mean() + 6
    given = frame[:3]
    completed = imputer.sample(4, given=given, random_state=0)
    assert len(completed) == 12
    known = given["city"].to_list()
    for k, city in enumerate(np.repeat(np.array(known, dtype=object), 4)):
        if city is not None and city == city:
            assert completed["city"].to_list()[k] == city


def test_arrays_of_numbers():
    X = load_iris().data
    gone = np.random.default_rng(0).random(X.shape) < 0.2
    holes = np.where(gone, np.nan, X)
    for dtype in (np.float64, np.float32):
        filled = EnergyImputer(random_state=0).fit_transform(holes.astype(dtype))
        assert filled.dtype == dtype
        np.testing.assert_array_equal(filled[~gone], X.astype(dtype)[~gone])
        errors = [
            np.sqrt(np.mean((other - X)[gone] ** 2))
            for other in (
                filled,
                KNNImputer().fit_transform(holes),
                SimpleImputer().fit_transform(holes),
            )
        ]
        assert errors[0] < errors[1] < errors[2]
    named = EnergyImputer(categorical_features=[3], random_state=0).fit(np.round(holes))
    assert named.column_kinds_[3] == "categories"
    assert set(np.unique(named.transform(np.round(holes))[:, 3])) <= {0.0, 1.0, 2.0}
    assert named.sample(5, random_state=0).shape == (5, 4)


def test_pipelines_grids_indicators_and_frames_out():
    X, y = load_wine(return_X_y=True, as_frame=True)
    gone = np.random.default_rng(0).random(X.shape) < 0.3
    holes = X.mask(gone)
    pipeline = make_pipeline(EnergyImputer(random_state=0), StandardScaler(), LogisticRegression())
    search = GridSearchCV(pipeline, {"energyimputer__temperature": ["auto", 1.0]}, cv=3)
    assert search.fit(holes, y).best_score_ > 0.9
    imputer = EnergyImputer(add_indicator=True, random_state=0).fit(holes)
    filled = imputer.transform(holes)
    assert filled.shape == (178, 26)
    assert list(filled.columns) == list(imputer.get_feature_names_out())
    np.testing.assert_array_equal(filled.iloc[:, 13:].to_numpy(bool), gone)
    shuffled = holes.sample(frac=1, random_state=0)
    assert list(imputer.transform(shuffled).index) == list(shuffled.index)
    array = (
        EnergyImputer(random_state=0).set_output(transform="pandas").fit_transform(holes.to_numpy())
    )
    assert list(array.columns) == [f"x{k}" for k in range(13)]
    deviation = imputer.standard_deviation(holes)
    assert (deviation[~gone] == 0).all()
    inside = gone & (deviation > 0)  # but for what is filled in at an end of the range
    assert inside.sum() > 0.95 * gone.sum()
    z = (imputer.transform(holes).iloc[:, :13] - X).to_numpy()[inside] / deviation[inside]
    assert 0.7 < np.median(np.abs(z)) / 0.6745 < 1.3


def test_the_same_seed_gives_the_same_table():
    frame, _ = with_holes(people())
    first = EnergyImputer(random_state=3).fit(frame)
    second = clone(first).fit(frame)
    pd.testing.assert_frame_equal(first.transform(frame), second.transform(frame))
    pd.testing.assert_frame_equal(first.sample(9, random_state=1), second.sample(9, random_state=1))
    np.testing.assert_array_equal(first.score_samples(frame), second.score_samples(frame))
    few = EnergyImputer(max_patterns=50, random_state=0).fit(frame)
    assert few.patterns_.shape[0] == 50
    # every row on its own
    pd.testing.assert_frame_equal(first.transform(frame[5:6]), first.transform(frame)[5:6])


def test_what_is_wrong_with_a_table_is_named():
    good = people(60)
    imputer = EnergyImputer(random_state=0).fit(good)
    before = imputer.transform(with_holes(good)[0])
    cases = {
        "'when' holds Datetime": good.assign(when=pd.Timestamp("2020-01-01")),
        "'age' has no value at all": good.assign(age=np.nan),
        "'height' contains infinity": good.assign(height=np.inf),
        "'city' mixes values of types float and str": good.assign(
            city=pd.Series(["a", 1] * 30, dtype=object)
        ),
        "'age'( 2 times|. Give each)": pd.concat([good, good[["age"]]], axis=1),
        "Found array with 0 sample": good[:0],
        "values of type list": good.assign(city=pd.Series([[1]] * 60, dtype=object)),
    }
    for message, frame in cases.items():
        with pytest.raises(ValueError, match=message):
            imputer.fit(frame)
        pd.testing.assert_frame_equal(imputer.transform(with_holes(good)[0]), before)
    with pytest.raises(ValueError, match="order as they were in fit"):
        imputer.transform(good[good.columns[::-1]])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of missing names
        with pytest.raises(ValueError, match="fitted with a data frame"):
            imputer.transform(np.ones((2, 6)))
    with pytest.raises(ValueError, match="'age' holds 'old', but was numbers"):
        imputer.transform(good.assign(age="old"))
    with pytest.raises(ValueError, match="names 'town', which is no column"):
        EnergyImputer(categorical_features=["town"]).fit(good)
    unseen = good.assign(city="Bonn")
    assert set(imputer.transform(unseen)["city"]) <= {"Rome", "Oslo", "Lima"}
    imputer.set_params(handle_unknown="error")
    with pytest.raises(ValueError, match="'city' holds 'Bonn', which it did not in fit"):
        imputer.transform(unseen)


def test_new_rows_of_categories_alone_are_training_rows():
    frame = people()[["city", "grade", "member"]]
    imputer = EnergyImputer(random_state=0).fit(frame)
    with pytest.warns(UserWarning, match="All columns are categories"):
        rows = imputer.sample(len(frame), random_state=0)
    pd.testing.assert_frame_equal(
        rows.sort_values(["city", "grade"]).reset_index(drop=True),
        frame.sort_values(["city", "grade"]).reset_index(drop=True),
    )


def test_odd_tables():
    one = EnergyImputer(random_state=0).fit([[1.0, 2.0]])
    np.testing.assert_array_equal(one.transform([[np.nan, 5.0]]), [[1.0, 5.0]])
    assert one.sample(2).tolist() == [[1.0, 2.0]] * 2
    column = EnergyImputer(random_state=0).fit(np.arange(20.0)[:, np.newaxis])
    assert 5 < column.transform([[np.nan]])[0, 0] < 14
    rare = pd.DataFrame({"name": [f"n{k}" for k in range(500)], "x": np.arange(500.0)})
    filled = (
        EnergyImputer(random_state=0)
        .fit(rare)
        .transform(pd.DataFrame({"name": [None, "n499"], "x": [3.0, None]}))
    )
    assert filled["name"][1] == "n499"
    assert filled.notna().all().all()
    times = np.column_stack([1.7e9 + np.arange(50.0), np.arange(50.0)])
    holes = times.copy()
    holes[10, 0] = np.nan
    assert abs(EnergyImputer(random_state=0).fit_transform(holes)[10, 0] - times[10, 0]) < 2
    all_missing = people(80)
    frame = with_holes(all_missing)[0]
    frame.iloc[0] = None
    assert EnergyImputer(random_state=0).fit_transform(frame).notna().all().all()
    wide = np.random.default_rng(0).normal(size=(40, 100))
    wide[3, :50] = np.nan
    assert np.isfinite(EnergyImputer(random_state=0).fit_transform(wide)).all()


def test_outliers_are_rows_of_low_density():
    X, y = load_wine(return_X_y=True, as_frame=True)
    inside, outside = X[y != 2], X[y == 2]
    detector = EnergyOutlierDetector(contamination=0.05).fit(inside)
    assert (detector.predict(inside) == -1).mean() == pytest.approx(0.05, abs=0.01)
    assert (detector.predict(outside) == -1).mean() > 0.55
    np.testing.assert_allclose(
        detector.decision_function(X), detector.score_samples(X) - detector.offset_
    )
    holes = X.mask(np.random.default_rng(0).random(X.shape) < 0.1)
    assert np.isfinite(detector.score_samples(holes)).all()
    with pytest.raises(ValueError, match="contamination"):
        EnergyOutlierDetector(contamination=0.7).fit(X)


def test_draws_vary_as_much_as_what_they_stand_for():
    rng = np.random.default_rng(0)
    x, z = rng.normal(size=(2, 2000))
    kind = np.where(rng.random(2000) < 0.3, "v", "u")
    frame = pd.DataFrame({"x": x, "z": z, "kind": kind})
    holes = frame.mask((rng.random(frame.shape) < 0.5) & [False, True, True])
    imputer = EnergyImputer(random_state=0).fit(holes)
    free = imputer.sample(4000, random_state=0)
    given = imputer.sample(20, given=holes[:200].assign(z=np.nan, kind=None), random_state=0)
    for rows in (free, given):
        assert rows.z.std() == pytest.approx(1, abs=0.12)
        assert (rows.kind == "v").mean() == pytest.approx(0.3, abs=0.06)
    many = pd.DataFrame({"name": [f"n{k % 60}" for k in range(1200)], "x": rng.normal(size=1200)})
    names = EnergyImputer(random_state=0).fit(many).sample(1200, random_state=0).name
    assert names.value_counts().max() < 0.08 * len(names)


def test_far_values_are_novel_on_either_side():
    rng = np.random.default_rng(0)
    X = np.c_[rng.normal(size=500), rng.lognormal(0, 2, 500)]
    detector = EnergyOutlierDetector().fit(X)
    top = X[:, 1].max()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        far = [[0, 10 * top], [0, 1e6 * top], [0, -1e5], [0, -1e12], [1e200, 0], [1e300, 1e300]]
        np.testing.assert_array_equal(detector.predict(far), -1)
        scores = detector.score_samples([[0, top], [0, 2 * top], [0, 10 * top], [0, 1000 * top]])
        assert (np.diff(scores) < 0).all()
        EnergyImputer(random_state=0).fit(X).transform([[1e160, np.nan]])


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_columns_that_are_missing_altogether_get_their_type(library):
    table = people(80)
    frame = table if library == "pandas" else pl.from_pandas(table)
    imputer = EnergyImputer(random_state=0).fit(frame)
    for name in ("age", "height", "city", "grade", "member"):
        if library == "pandas":
            empty = frame[5:12].assign(**{name: np.nan})
        else:
            empty = frame[5:12].with_columns(pl.Series(name, [None] * 7))
        filled = imputer.transform(empty)
        assert filled[name].dtype == frame[name].dtype
        if library == "pandas":
            assert list(filled.index) == list(range(5, 12))
        assert not any(value is None or value != value for value in filled[name].to_list())


def test_names_types_and_masks_of_all_kinds():
    rng = np.random.default_rng(0)
    numbered = pd.DataFrame(rng.normal(size=(30, 3)))
    holes = numbered.mask(rng.random((30, 3)) < 0.2)
    imputer = EnergyImputer(random_state=0).fit(holes)
    assert imputer.transform(holes).notna().all().all()
    assert list(imputer.sample(4, random_state=0).columns) == [0, 1, 2]
    levels = pd.Categorical(np.where(np.arange(30) % 7 == 0, None, np.arange(30) % 3))
    coded = pd.DataFrame({"x": np.arange(30.0) % 3, "level": levels})
    filled = EnergyImputer(random_state=0).fit_transform(coded)
    assert filled.level.tolist() == (np.arange(30) % 3).tolist()
    large = pd.DataFrame({"x": np.arange(50), "id": 2**63 - 1 - np.arange(50)})
    rows = EnergyImputer(random_state=0).fit(large).sample(20, random_state=0)
    assert rows.id.between(2**63 - 50, 2**63 - 1).all()
    masked = EnergyImputer(categorical_features=[False, True]).fit(rng.integers(3, size=(30, 2)))
    assert masked.column_kinds_ == {0: "numbers", 1: "categories"}
    words = pd.DataFrame({"a": ["<NA>", "u"] * 25, "b": np.arange(50.0)})
    assert EnergyImputer(random_state=0).fit_transform(words).a.tolist() == ["<NA>", "u"] * 25
    assert EnergyImputer(random_state=0).fit(numbered).n_iter_ == 1
    assert 1 <= imputer.n_iter_ <= 6
    twice = pd.DataFrame({"a": [1.0, np.nan, 3.0], "missingindicator_a": [1.0, 2.0, 3.0]})
    with pytest.raises(ValueError, match="'missingindicator_a', a name"):
        EnergyImputer(add_indicator=True).fit(twice)
    with pytest.raises(ValueError, match=r"collect\(\) it first"):
        EnergyImputer().fit(pl.LazyFrame({"a": [1.0]}))
    with pytest.raises(ValueError, match="'s' is sparse"):
        EnergyImputer().fit(pd.DataFrame({"s": pd.arrays.SparseArray([0.0, 1.0, 0.0])}))
    with pytest.raises(ValueError, match="several levels"):
        EnergyImputer().fit(pd.DataFrame([[1.0]], columns=pd.MultiIndex.from_tuples([("a", "b")])))
