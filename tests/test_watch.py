import numpy as np
import pytest

from skebm import RBM, BoltzmannMachine
from skebm._inference import likelihood
from skebm._watch import Best, Look, epoch_line, glance_length, holds_out


def independent_columns(n_rows=120, n_columns=31, seed=0):
    rows = np.random.default_rng(seed).random((n_rows, n_columns)) < 0.5
    return rows.astype(float)


def overfitted(**parameters):
    return RBM(53, alpha=0, random_state=0, **parameters).fit(independent_columns())


MACHINES = [
    RBM(5, learning_rate=1.0, random_state=0),
    RBM(5, visible="spin", random_state=0),
    RBM(3, visible="gaussian", algorithm="cd", random_state=0),
    RBM(5, algorithm="tempering", random_state=0),
    BoltzmannMachine(3, algorithm="gibbs", random_state=0),
]


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: f"{machine}"[:40])
def test_held_out_scores_are_log_likelihoods(machine, monkeypatch):
    seen = []
    original = type(machine)._look

    def look(self, watched, n_temperatures):
        seen.append(watched)
        return original(self, watched, n_temperatures)

    monkeypatch.setattr(type(machine), "_look", look)
    options = {"early_stopping": True, "max_iter": 7, "n_iter_no_change": 99}
    rows = independent_columns(61, 7)
    machine.set_params(**options).fit(2 * rows - 1 if "spin" in f"{machine}" else rows)
    assert machine.score_epochs_ == list(range(1, 8))
    assert machine.score_errors_ == [0.0] * 7
    # the best parameters came back, and with them the best score
    best = int(np.argmax(machine.validation_scores_))
    for rows, scores in zip(
        seen[0], (machine.train_scores_, machine.validation_scores_), strict=True
    ):
        expected = machine._log_weight(rows).mean() - machine.log_partition().value
        assert scores[best] == pytest.approx(expected, abs=1e-5)


def test_annealed_scores_hold_what_is_exact(monkeypatch):
    machine = RBM(12, max_iter=20, random_state=0).fit(independent_columns(200, 17))
    model, exact = machine._sampler(), machine.log_partition().value
    monkeypatch.setattr(likelihood, "GLANCE_WORK", 0)
    inside = errors = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        found = likelihood.glance(model, rng, 30, machine._visited(model, rng))
        assert found.method == "ais"
        inside += found.lower <= exact <= found.upper
        errors += abs(found.value - exact) / 20
    assert inside >= 19
    assert errors < 0.3
    rng = np.random.default_rng(0)
    without_chains = likelihood.glance(model, rng, 30)
    assert without_chains.lower <= exact <= without_chains.upper


@pytest.mark.parametrize(
    ("early_stopping", "n_rows", "n_units", "expected"),
    [
        ("auto", 99, 256, False),
        ("auto", 100, 256, True),
        ("auto", 1023, 256, True),
        ("auto", 1024, 256, False),
        (True, 5, 2, True),
        (False, 400, 256, False),
    ],
)
def test_when_rows_are_held_out(early_stopping, n_rows, n_units, expected):
    assert holds_out(early_stopping, n_rows, n_units) is expected


def test_few_rows_end_with_the_best_parameters():
    fresh = independent_columns(1000, seed=1)
    rbm = overfitted()
    assert len(rbm.validation_scores_) == len(rbm.score_epochs_)
    best = max(rbm.validation_scores_)
    assert rbm.n_iter_ < 500  # it overfitted, and the rate fell to 0
    assert rbm.validation_scores_[-1] > min(rbm.validation_scores_) + 1
    assert rbm.best_iter_ == rbm.n_iter_
    assert rbm.score(fresh) > overfitted(early_stopping=False).score(fresh) + 2
    assert abs(rbm.score(fresh) - best) < 1.5


@pytest.mark.parametrize("n_more", [0, 2])
def test_an_interrupt_while_the_rate_falls_changes_nothing(monkeypatch, n_more):
    whole = overfitted()
    original = RBM._next_epoch

    def interrupted(self, *arguments):
        if self._course_.fall is not None and self.n_iter_ == self._course_.fall.begin + n_more:
            raise KeyboardInterrupt
        return original(self, *arguments)

    monkeypatch.setattr(RBM, "_next_epoch", interrupted)
    rbm = RBM(53, alpha=0, random_state=0, warm_start=True)
    with pytest.raises(KeyboardInterrupt):
        rbm.fit(independent_columns())
    monkeypatch.undo()
    rbm.fit(independent_columns())
    assert rbm.n_iter_ == whole.n_iter_
    np.testing.assert_array_equal(rbm.components_, whole.components_)


def test_what_is_better_by_chance_is_not_kept():
    rng = np.random.default_rng(0)
    held_out = rng.normal(size=50)
    before = Look(held_out, held_out, 0.1)
    assert not before.is_better(Look(held_out, held_out - 0.2, 0.1))
    after = Look(held_out + 1, held_out - 0.5, 0.1)
    assert before.is_better(after)
    assert after.overfits(before)
    assert not after._replace(train=held_out - 1).overfits(before)
    assert not before.is_better(Look(held_out, held_out - 0.4, 0.3))
    noise = rng.normal(size=50)
    assert not before.is_better(Look(held_out, held_out - 0.5 + 3 * (noise - noise.mean()), 0.1))


def test_looks_cost_a_share_of_the_work():
    assert glance_length(1, 0, 1000) == 0
    assert glance_length(1, 0, 1000, always=True) == 30
    assert glance_length(199, 0, 1000) == 0
    assert glance_length(200, 0, 1000) == 30  # 4 x 50 chains x 30 of 200 000 x 3 %
    assert glance_length(400, 0, 1000) == 60
    assert glance_length(39, 0, 1000, holds_out=True) == 0
    assert glance_length(40, 0, 1000, holds_out=True) == 30
    assert glance_length(11, 10, 10**9) == 0  # too soon
    assert glance_length(12, 10, 10**9) == 500


def test_curves_of_a_machine_that_learns_rise():
    rows = np.repeat(np.random.default_rng(0).random((1500, 4)) < 0.5, 5, axis=1).astype(float)
    rbm = RBM(8, max_iter=20, random_state=0).fit(rows)
    assert rbm.score_epochs_ == sorted(rbm.score_epochs_)
    assert len(rbm.train_scores_) == len(rbm.score_epochs_) == len(rbm.score_errors_) >= 2
    assert rbm.train_scores_[-1] > rbm.train_scores_[0] + 0.2
    assert not hasattr(rbm, "validation_scores_")
    assert rbm.partial_fit(rows).train_scores_ == rbm.train_scores_


def test_lines_that_are_printed(capsys):
    best = Best(Look(np.zeros(2), np.array([-1.0, -2.0]), 0.0), {}, 3)
    line = epoch_line(4, 9, {"train": -1.25, "held out": -2.0}, best, 12.6)
    expected = "epoch 4/9; log-likelihood (nats): train -1.25, held out -2.00; "
    assert line == expected + "best -1.50 in epoch 3; 13 s left"
    assert epoch_line(4, 9, {}, None, 0.2) == "epoch 4/9; 0 s left"
    overfitted(verbose=1, max_iter=2)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("[RBM] epoch 1/2; ")
    assert "held out" in lines[1]
    assert lines[2] == "[RBM] max_iter reached; kept epoch 2"
    stopped = overfitted(early_stopping=True, n_iter_no_change=2, verbose=1)
    assert stopped.n_iter_ == stopped.best_iter_ + 2
    expected = f"no gain of 0.001 nats in 2 epochs; kept epoch {stopped.best_iter_}"
    assert capsys.readouterr().out.splitlines()[-1] == f"[RBM] {expected}"
