"""Rows in every form that Python has for them, and wrong calls: nothing is lost or changed."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.base import clone

import skebm

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

N_ROWS, N_COLUMNS = 11, 5
BINARY = np.random.default_rng(0).integers(2, size=(N_ROWS, N_COLUMNS)).astype(float)
FITTED = {
    "RBM": skebm.RBM(3, max_iter=3, random_state=0),
    "RBM-auto": skebm.RBM(3, visible="auto", max_iter=3, random_state=0),
    "HopfieldMemory": skebm.HopfieldMemory(),
    "ModernHopfieldMemory": skebm.ModernHopfieldMemory(),
    "BoltzmannMachine": skebm.BoltzmannMachine(2, max_iter=3, random_state=0),
    "EnergyImputer": skebm.EnergyImputer(random_state=0),
    "EnergyOutlierDetector": skebm.EnergyOutlierDetector(),
    "HopfieldClassifier": skebm.HopfieldClassifier(random_state=0),
}
LABELS = np.arange(N_ROWS) % 2
for estimator in FITTED.values():
    estimator.fit(BINARY, LABELS)
METHODS = "transform", "predict", "score_samples", "energy", "free_energy", "overlaps"
# the same numbers
FORMS = {
    "list": lambda X, path: X.tolist(),
    "tuple of arrays": lambda X, path: tuple(X),
    "Fortran order": lambda X, path: np.asfortranarray(X),
    "strides": lambda X, path: np.repeat(np.repeat(X, 2, axis=0), 3, axis=1)[::2, ::3],
    "reversed": lambda X, path: X[::-1, ::-1].copy()[::-1, ::-1],
    "read-only": lambda X, path: _frozen(X),
    "unaligned": lambda X, path: _unaligned(X),
    "memory-mapped": lambda X, path: _mapped(X, path),
    "big-endian": lambda X, path: X.astype(">f8"),
    "float32": lambda X, path: X.astype(np.float32),
    "float16": lambda X, path: X.astype(np.float16),
    "uint8": lambda X, path: X.astype(np.uint8),
    "int64": lambda X, path: X.astype(np.int64),
    "bool": lambda X, path: X.astype(bool),
    "objects": lambda X, path: X.astype(object),
    "subclass": lambda X, path: X.view(_Rows),
    "pandas": lambda X, path: pd.DataFrame(X),
    "pandas, nullable": lambda X, path: pd.DataFrame(X).astype("Int64"),
    "pandas, boolean": lambda X, path: pd.DataFrame(X > 0).astype("boolean"),
    "pandas, odd index": lambda X, path: pd.DataFrame(X, index=list("aabbccddeef")[: len(X)]),
    "polars": lambda X, path: pl.DataFrame(X),
    "CSR": lambda X, path: sparse.csr_array(X),
    "CSC": lambda X, path: sparse.csc_matrix(X),
    "COO": lambda X, path: sparse.coo_array(X),
}
# not rows of numbers of that width
BAD = {
    "None": None,
    "a number": 3.0,
    "text": "rows",
    "a dictionary": {"a": [1, 2]},
    "no rows": BINARY[:0],
    "no columns": BINARY[:, :0],
    "one row, flat": BINARY[0],
    "three dimensions": BINARY[np.newaxis],
    "too wide": np.hstack([BINARY, BINARY]),
    "ragged": [[1, 0], [1]],
    "complex": BINARY + 1j,
    "dates": np.full(BINARY.shape, "2020-01-01", dtype="datetime64[D]"),
    "words": np.full(BINARY.shape, "a"),
    "infinite": np.where(BINARY > 0, np.inf, 0),
    "objects": np.full(BINARY.shape, object()),
}


class _Rows(np.ndarray):
    """A subclass of arrays."""


def _unaligned(X):
    buffer = np.empty(X.nbytes + 1, np.uint8)
    moved = np.frombuffer(buffer, X.dtype, X.size, 1).reshape(X.shape)
    moved[:] = X
    assert not moved.flags.aligned
    return moved


def _frozen(X):
    X = X.copy()
    X.flags.writeable = False
    return X


def _mapped(X, path):
    np.save(path / "rows.npy", X)
    return np.load(path / "rows.npy", mmap_mode="r")


def _same(before, after):
    if sparse.issparse(before):
        return type(before) is type(after) and (before != after).nnz == 0
    if isinstance(before, pl.DataFrame):
        return before.equals(after)
    if isinstance(before, pd.DataFrame):
        return before.equals(after)
    if isinstance(before, (list, tuple)):
        return all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))
    return np.array_equal(before, after) and before.dtype == after.dtype


def _is_refused(estimator, X):
    """Frames where an array was fitted, and sparse rows where there is no use for them."""
    has_table = isinstance(estimator, (skebm.EnergyImputer, skebm.EnergyOutlierDetector))
    if isinstance(X, (pd.DataFrame, pl.DataFrame)):
        return has_table
    takes_sparse = skebm.RBM, skebm.ModernHopfieldMemory, skebm.HopfieldClassifier
    return sparse.issparse(X) and not isinstance(estimator, takes_sparse)


def _copy(X):
    if isinstance(X, pl.DataFrame):
        return X.clone()
    if isinstance(X, (list, tuple)):
        return type(X)(np.array(row).copy() for row in X)
    return X.copy()


def _answers(estimator):
    """What the estimator says of rows that it knows."""
    method = next(name for name in METHODS if hasattr(estimator, name))
    return np.asarray(getattr(estimator, method)(BINARY))


@settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    name=st.sampled_from(sorted(FITTED)),
    form=st.sampled_from(sorted(FORMS)),
    method=st.sampled_from(METHODS),
    rows=st.lists(st.integers(0, N_ROWS - 1), min_size=1, max_size=N_ROWS),
)
def test_forms_of_rows_do_not_matter(name, form, method, rows, tmp_path):
    estimator = FITTED[name]
    is_of_pairs = method == "energy" and hasattr(estimator, "free_energy")
    if is_of_pairs or not hasattr(estimator, method):
        return
    plain = BINARY[rows]
    X = FORMS[form](plain.copy(), tmp_path)
    before = _copy(X)
    with np.errstate(all="raise", under="ignore"):
        expected = getattr(estimator, method)(plain)
        if _is_refused(estimator, X):
            with pytest.raises((TypeError, ValueError), match=r"[Ss]parse|data frame"):
                getattr(estimator, method)(X)
        else:
            found = getattr(estimator, method)(X)
            found = found.to_numpy() if hasattr(found, "to_numpy") else found
            np.testing.assert_allclose(
                np.asarray(found, float), expected, rtol=1e-4, atol=1e-5, err_msg=form
            )
    assert _same(before, X)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    name=st.sampled_from(sorted(FITTED)),
    bad=st.sampled_from(sorted(BAD)),
    method=st.sampled_from(["fit", "partial_fit", *METHODS]),
)
def test_bad_rows_are_refused_and_nothing_is_lost(name, bad, method):
    estimator = FITTED[name]
    if not hasattr(estimator, method):
        return
    if bad == "too wide" and method == "fit":
        return  # a new table
    before = _answers(estimator)
    with pytest.raises((TypeError, ValueError)) as caught:
        getattr(estimator, method)(BAD[bad], *([LABELS] if method == "fit" else []))
    assert len(str(caught.value)) > 10
    np.testing.assert_array_equal(_answers(estimator), before)


WRONG = {
    "temperature": [-1.0, 0.0, np.nan, np.inf, "hot", None, 1j],
    "n_components": [0, -3, 2.5, "many", 10**30],
    "learning_rate": [0.0, -0.1, np.inf, "fast"],
    "max_iter": [0, -1, 1.5, "long"],
    "visible": ["binary", 3, None],
    "learning_rule": ["best", None, 3],
    "interaction": ["soft", None, 3],
    "contamination": [0.0, 0.9, "auto", np.nan],
    "binarize": ["half", np.nan, [0.5]],
    "random_state": ["seed", -1, 1.5],
}
# the sign rule, visible units only
MAY_BE_ZERO = {("HopfieldMemory", "temperature"), ("BoltzmannMachine", "n_components")}


@settings(max_examples=150, deadline=None, derandomize=True)
@given(data=st.data(), name=st.sampled_from(sorted(FITTED)))
def test_bad_parameters_are_refused_by_name(data, name):
    estimator = clone(FITTED[name]).fit(BINARY, LABELS)
    wrong = sorted(set(WRONG) & set(estimator.get_params()))
    if not wrong:
        return
    parameter = data.draw(st.sampled_from(wrong))
    value = data.draw(st.sampled_from(WRONG[parameter]))
    before, kept = _answers(estimator), getattr(estimator, parameter)
    if value == 0 and (name, parameter) in MAY_BE_ZERO:
        return
    estimator.set_params(**{parameter: value})
    with pytest.raises((TypeError, ValueError), match=parameter):
        estimator.fit(BINARY, LABELS)
    estimator.set_params(**{parameter: kept})
    np.testing.assert_array_equal(_answers(estimator), before)
