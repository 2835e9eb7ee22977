"""The decorator of compiled loops, with and without what it needs."""

import subprocess
import sys

import pytest

from skebm import _compiled

WITHOUT_NUMBA = """
import sys
sys.modules["numba"] = None
import numpy as np
from skebm import RBM, BoltzmannMachine, ModernHopfieldMemory
X = (np.random.default_rng(0).random((600, 300)) < 0.3).astype(np.float32)
rbm = RBM(150, batch_size=300, n_chains=300, momentum=0.5, max_iter=3, random_state=0).fit(X)
assert np.isfinite(rbm.score(X)) and rbm.sample(300, random_state=0).shape == (300, 300)
ModernHopfieldMemory("exponential").fit(X[:5]).sample(2, n_sweeps=2, random_state=0)
BoltzmannMachine.from_coupling(np.zeros((9, 9))).sample(2, random_state=0)
print("done")
"""


def test_machines_of_any_size_work_without_numba():
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", WITHOUT_NUMBA],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "done\n", done.stderr


def test_loops_are_none_without_a_compiler(monkeypatch):
    monkeypatch.setattr(_compiled, "njit", None)
    assert _compiled.compiled(_compiled.AS_WRITTEN)(len) is None


def test_what_can_be_kept_nowhere_is_compiled_all_the_same(monkeypatch):
    pytest.importorskip("numba")
    njit = _compiled.njit

    def without_folder(cache=False, **options):
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return njit(**options)

    monkeypatch.setattr(_compiled, "njit", without_folder)

    @_compiled.compiled(_compiled.AS_WRITTEN)
    def double(x):
        return 2 * x

    assert double(3.5) == 7
