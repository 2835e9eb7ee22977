import importlib
import sys

import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from skebm import RBM

callback = pytest.importorskip("sklearn.callback")

X = (np.random.default_rng(0).random((40, 6)) < 0.4).astype(float)


class Recorder:
    """Records what a callback sees, and stops after `stop` epochs."""

    def __init__(self, stop=None):
        self.stop = stop
        self.tasks, self.scores = [], []

    def setup(self, estimator, context):
        self.tasks.append("setup")

    def teardown(self, estimator, context):
        self.tasks.append("teardown")

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context, *, X, fitted_estimator):
        self.tasks.append(context.task_name)
        self.scores.append(fitted_estimator.score(X))
        return self.stop is not None and self.tasks.count("epoch") >= self.stop


def test_epochs_are_tasks():
    recorder = Recorder()
    rbm = RBM(3, max_iter=4, random_state=0).set_callbacks(recorder).fit(X)
    assert recorder.tasks == ["setup", *["epoch"] * 4, "fit", "teardown"]
    assert recorder.scores[-1] == rbm.score(X)
    assert len(set(recorder.scores[:4])) == 4


def test_callbacks_leave_the_fit_as_it_is():
    plain = RBM(3, max_iter=4, random_state=0).fit(X)
    watched = RBM(3, max_iter=4, random_state=0).set_callbacks(Recorder()).fit(X)
    np.testing.assert_array_equal(plain.components_, watched.components_)


def test_a_callback_may_stop_training():
    recorder = Recorder(stop=2)
    rbm = RBM(3, max_iter=9, random_state=0).set_callbacks(recorder).fit(X)
    assert rbm.n_iter_ == 2
    assert recorder.tasks[-2:] == ["fit", "teardown"]


def test_early_stopping_finishes_the_tasks():
    recorder = Recorder()
    rbm = RBM(3, max_iter=99, early_stopping=True, n_iter_no_change=1, random_state=0)
    rbm.set_callbacks(recorder).fit(X)
    assert rbm.n_iter_ < 99
    assert recorder.tasks[-2:] == ["fit", "teardown"]


def test_teardown_runs_when_training_fails():
    recorder = Recorder()
    rbm = RBM(3, visible="gaussian", learning_rate=99.0).set_callbacks(recorder)
    with pytest.raises(ValueError, match="diverged"):
        rbm.fit(np.tile(2 * X - 1, (10, 20)))
    assert recorder.tasks[-1] == "teardown"
    assert not [name for name in vars(rbm) if name.endswith("_")]


@pytest.mark.filterwarnings("ignore:The estimator MinMaxScaler does not support callbacks")
def test_progress_bar_shows_the_machine_inside_a_grid_search(capsys):
    pytest.importorskip("rich")
    pipeline = make_pipeline(MinMaxScaler(), RBM(3, max_iter=2, random_state=0))
    search = GridSearchCV(pipeline, {"rbm__learning_rate": [0.1, 0.2]}, cv=2)
    search.set_callbacks(callback.ProgressBar(max_propagation_depth=None)).fit(X)
    assert "RBM - fit" in capsys.readouterr().out


def test_works_without_scikit_learns_callbacks(monkeypatch):
    with_callbacks = RBM(3, max_iter=3, random_state=0).fit(X)
    saved = {name: sys.modules.pop(name) for name in list(sys.modules) if name.startswith("skebm")}
    monkeypatch.setitem(sys.modules, "sklearn.callback", None)
    try:
        old = importlib.import_module("skebm").RBM
        assert not hasattr(old, "set_callbacks")
        without = old(3, max_iter=3, random_state=0).fit(X)
        stopped = old(3, max_iter=99, early_stopping=True, n_iter_no_change=1, random_state=0)
        assert stopped.fit(X).n_iter_ < 99
    finally:
        for name in [name for name in sys.modules if name.startswith("skebm")]:
            del sys.modules[name]
        sys.modules.update(saved)
    np.testing.assert_array_equal(without.components_, with_callbacks.components_)
