import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import polars as pl
import pytest

from skebm import EnergyImputer
from skebm.inspection import ImputationDisplay, SynthesisDisplay


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def frame(n_rows=300, seed=0):
    rng = np.random.default_rng(seed)
    kind = rng.integers(3, size=n_rows)
    x = rng.normal(size=n_rows)
    return pd.DataFrame(
        {
            "x": x,
            "y": 0.6 * x + 0.8 * rng.normal(size=n_rows),
            "kind": np.array(["a", "b", "c"])[kind],
            "size": kind + 0.1 * rng.normal(size=n_rows),
            "constant": 1.0,
        }
    )


def test_marginals_and_associations():
    real = frame()
    new = EnergyImputer(random_state=0).fit(real).sample(200, random_state=0)
    figure = plt.figure()
    display = SynthesisDisplay.from_tables(real, new, figure=figure, alpha=0.3)
    assert display.figure_ is figure
    assert len(display.axes_) == 7
    for places, *shares in display.marginals.values():
        for share in shares:
            assert share.sum() == pytest.approx(1)
            assert len(share) == len(places) - (not isinstance(places, list))
    before, after = display.associations
    correlation = abs(np.corrcoef(real.x, real.y)[0, 1])
    assert before[0, 1] == pytest.approx(correlation, abs=0.02)  # powers change it a little
    assert before[2, 3] > 0.98
    assert before[0, 2] < 0.2
    assert (before[4, :4] == 0).all()
    np.testing.assert_allclose(before, after, atol=0.2)
    assert SynthesisDisplay.from_tables(pl.from_pandas(real), pl.from_pandas(new)).axes_.size == 7
    numbers = real[["x", "y"]].to_numpy()
    assert SynthesisDisplay.from_tables(numbers, numbers + 0.1).axes_.size == 4


def test_bad_tables_are_refused():
    real = frame()
    with pytest.raises(ValueError, match="the same columns"):
        SynthesisDisplay.from_tables(real, real[["x"]])
    with pytest.raises(ValueError, match="'y' of the new table has holes"):
        SynthesisDisplay.from_tables(real, real.assign(y=np.nan))
    with pytest.raises(ValueError, match="'kind' holds 'z'"):
        SynthesisDisplay.from_tables(real, real.assign(kind="z"))


@pytest.mark.parametrize("library", ["pandas", "polars", "numpy"])
def test_what_was_filled_in_is_shown(library):
    gone = np.random.default_rng(0).random((300, 5)) < 0.2
    table = frame().mask(gone)
    if library == "polars":
        table = pl.from_pandas(table)
    if library == "numpy":
        table, gone = table[["x", "y"]].to_numpy(), gone[:, :2]
    imputer = EnergyImputer(random_state=0).fit(table)
    display = ImputationDisplay.from_estimator(imputer, table, max_columns=3, ms=5)
    np.testing.assert_array_equal(display.missing, gone)
    most = np.sort(np.argsort(-gone.sum(axis=0), kind="stable")[:3])
    assert len(display.known) == len(most) == len(display.axes_) - 1
    for j, name in zip(most, display.known, strict=True):
        assert len(display.known[name]) == (~gone[:, j]).sum()
        assert len(display.filled[name]) == len(display.deviations[name]) == gone[:, j].sum()
    with pytest.raises(ValueError, match="no holes"):
        ImputationDisplay.from_estimator(imputer, imputer.transform(table))
