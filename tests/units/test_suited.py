"""Which unit types suit which columns."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from skebm import RBM
from skebm.units import Bernoulli, Categorical, Composite, Gaussian, Poisson, Spin
from skebm.units._suited import suited_unit

RNG = np.random.default_rng(0)
N_ROWS = 101
ONE_HOT = np.eye(4)[RNG.integers(3, size=N_ROWS)]  # one of four categories is never there
COLUMNS = {
    "flag": (RNG.integers(2, size=N_ROWS), Bernoulli()),
    "nothing": (np.zeros(N_ROWS), Bernoulli()),
    "sign": (RNG.choice([-1, 1], N_ROWS), Spin()),
    "rare": (RNG.poisson(0.05, N_ROWS) * RNG.integers(1, 3, N_ROWS), Poisson()),
    # the density of a normal law as narrow as this is no probability
    "rarer": (np.repeat([0, 1, 2], [N_ROWS - 4, 3, 1]), Poisson()),
    "counts": (RNG.poisson(4, N_ROWS), Poisson()),
    "ages": (RNG.normal(40, 15, N_ROWS).round().clip(0), Gaussian()),
    "years": (RNG.integers(1990, 2026, N_ROWS), Gaussian()),
    "always five": (np.full(N_ROWS, 5), Gaussian()),
    "shares": (RNG.random(N_ROWS), Gaussian()),
    "stamps": (RNG.integers(1_700_000_000, 1_800_000_000, N_ROWS), Gaussian()),
    "differences": (RNG.integers(-3, 4, N_ROWS), Gaussian()),
}


@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("name", COLUMNS)
def test_single_columns(name, container):
    values, unit = COLUMNS[name]
    assert suited_unit(container(values[:, np.newaxis].astype(float))) == unit


@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array])
def test_tables_of_several_kinds(container):
    X = np.column_stack([COLUMNS["flag"][0], ONE_HOT[:, :3], COLUMNS["shares"][0], ONE_HOT[:, :3]])
    unit = suited_unit(container(X))
    blocks = [("bernoulli", 1), (Categorical(3), 3), ("gaussian", 1), (Categorical(3), 3)]
    assert unit == Composite(blocks)
    # a category that no row has is a column of nothing
    blocks = [(Categorical(3), 3), ("bernoulli", 1)]
    assert suited_unit(container(ONE_HOT)) == Composite(blocks)
    # too few rows to tell a group from an accident
    assert suited_unit(container(np.eye(2)[[0, 1, 1, 0, 1]])) == Bernoulli()


def test_holes_do_not_count():
    X = np.column_stack([ONE_HOT[:, :3], COLUMNS["counts"][0]]).astype(float)
    X[::7, :3] = X[1::5, 3] = np.nan
    assert suited_unit(X) == Composite([(Categorical(3), 3), ("poisson", 1)])


def test_machines_judge_columns_once():
    X = np.column_stack([COLUMNS["flag"][0], COLUMNS["ages"][0], ONE_HOT[:, :3]]).astype(float)
    rbm = RBM(5, visible="auto", max_iter=3, random_state=0).fit(X)
    blocks = [("bernoulli", 1), ("gaussian", 1), (Categorical(3), 3)]
    assert rbm.visible_ == Composite(blocks)
    same = RBM(5, visible=Composite(blocks), max_iter=3, random_state=0).fit(X)
    np.testing.assert_array_equal(rbm.transform(X), same.transform(X))
    # rows that look otherwise are read as the first ones were
    assert np.isfinite(rbm.score_samples(X[:1])).all()
    rbm.partial_fit(X[:2])
    assert rbm.visible_ == Composite(blocks)
    drawn = rbm.sample(50, random_state=0)
    assert set(drawn[:, 0]) <= {0, 1}
    np.testing.assert_array_equal(drawn[:, 2:].sum(axis=1), 1)
    frame = pd.DataFrame({"flag": X[:, 0] > 0, "age": X[:, 1]})
    assert RBM(2, visible="auto", max_iter=1).fit(frame).visible_ == Composite(
        [("bernoulli", 1), ("gaussian", 1)]
    )

    rbm.set_params(visible="gaussian")
    with pytest.raises(ValueError, match="fitted with Composite"):
        rbm.transform(X)
    with pytest.raises(ValueError, match="looks at rows"):
        RBM.from_parameters([[1.0]], [0.0], [0.0], visible="auto")
