"""Models that earlier versions saved give what they gave, and go on learning."""

import pickle
import warnings

import numpy as np
import pytest
from sklearn.exceptions import InconsistentVersionWarning

import skebm

from .write_golden import FOLDER, models, results

FILES = sorted(FOLDER.glob("*.pkl"))
NAMES = sorted(models()[0])


def test_there_is_a_file_of_this_version():
    assert FOLDER / f"{skebm.__version__}.pkl" in FILES


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_saved_models_work(path, name):
    saved = pickle.loads(path.read_bytes())
    if name not in saved:
        pytest.skip("newer than that version")
    data, X, expected = saved[name]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # of the scalers in a detector
        warnings.simplefilter("ignore", InconsistentVersionWarning)
        model = pickle.loads(data)
    assert expected
    for method, result in results(model, X).items():
        np.testing.assert_allclose(result, expected[method], rtol=1e-5, atol=1e-6)
    if hasattr(model, "partial_fit"):
        y = np.arange(len(X)) % 3
        learned = model.partial_fit(X, y) if "Classifier" in name else model.partial_fit(X)
        assert all(np.isfinite(result).all() for result in results(learned, X).values())
