"""Machines saved while they learn."""

import subprocess
import sys
import time

import joblib
import numpy as np
import pytest

from skebm import RBM, BoltzmannMachine
from skebm.monitors import Checkpoint

pytestmark = pytest.mark.skipif(
    not hasattr(RBM(), "set_callbacks"), reason="scikit-learn without callbacks"
)
OPTIONS = {"max_iter": 17, "batch_size": 11, "random_state": 0, "early_stopping": False}
MACHINES = {
    "rbm": lambda: RBM(5, **OPTIONS),
    "tempering": lambda: RBM(5, algorithm="tempering", momentum=0.5, **OPTIONS),
    "gaussian": lambda: RBM(5, visible="gaussian", **OPTIONS),
    "boltzmann": lambda: BoltzmannMachine(3, algorithm="gibbs", **OPTIONS),
}


def rows():
    return np.random.default_rng(0).integers(2, size=(53, 7)).astype(float)


@pytest.mark.parametrize("name", MACHINES)
def test_training_goes_on_from_the_file(name, tmp_path):
    path = tmp_path / "machine.joblib"
    whole = MACHINES[name]().fit(rows())

    class Stop(Checkpoint):
        def on_fit_task_end(self, estimator, context, **kwargs):
            super().on_fit_task_end(estimator, context, **kwargs)
            if estimator.n_iter_ == 9:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        MACHINES[name]().set_callbacks(Stop(path, every=4)).fit(rows())
    saved = joblib.load(path)
    assert saved.n_iter_ == 8
    assert np.isfinite(saved.transform(rows())).all()
    saved.set_params(warm_start=True).fit(rows())
    assert saved.n_iter_ == 17
    for attribute in ("components_", "intercept_visible_", "coupling_", "chains_"):
        if hasattr(whole, attribute):
            np.testing.assert_array_equal(getattr(saved, attribute), getattr(whole, attribute))
    # the end is saved even where no save is due
    MACHINES[name]().set_callbacks(Checkpoint(path, every=100)).fit(rows())
    assert joblib.load(path).n_iter_ == 17


SCRIPT = """
import numpy as np
from skebm import RBM
from skebm.monitors import Checkpoint
X = np.random.default_rng(0).integers(2, size=(300, 200)).astype(float)
rbm = RBM(300, max_iter=100_000, random_state=0, early_stopping=False)
rbm.set_callbacks(Checkpoint({path!r})).fit(X)
"""


@pytest.mark.slow
def test_killed_at_any_moment_the_file_is_whole(tmp_path):
    path, rng = tmp_path / "machine.joblib", np.random.default_rng(0)
    process = None
    for _ in range(4):
        process = subprocess.Popen([sys.executable, "-c", SCRIPT.format(path=str(path))])
        begin = time.monotonic()
        while not path.exists() and time.monotonic() - begin < 60:
            time.sleep(0.01)
        for _ in range(5):
            time.sleep(rng.uniform(0, 0.05))
            assert np.isfinite(joblib.load(path).components_).all()
        process.kill()
        process.wait()
        assert joblib.load(path).n_iter_ >= 1
        path.unlink()


def test_bad_cadence():
    with pytest.raises(ValueError, match="every must be an integer of at least 1, got 0"):
        Checkpoint("file", every=0)
