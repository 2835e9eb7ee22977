"""Write the file of fitted models of this version: ``python -m tests.write_golden``.

Once a release, before it: later versions read it in ``tests/test_golden.py``.
"""

import pickle
from pathlib import Path

import numpy as np

import skebm
from skebm.units import Categorical, Composite

FOLDER = Path(__file__).parent / "golden"
METHODS = "transform", "predict_proba", "score_samples", "free_energy"


def models():
    """Fitted models by name, with rows to use them on."""
    rng = np.random.default_rng(0)
    B = (rng.random((31, 7)) < 0.4).astype(np.float32)
    N, y = rng.normal(size=(31, 4)), np.arange(31) % 3
    H = np.hstack([np.eye(3)[y], N])
    mixed = Composite([(Categorical(3), 3), ("gaussian", 4)])
    short = {"max_iter": 3, "random_state": 0}
    return {
        "RBM": (skebm.RBM(3, **short), B),
        "RBM, tempering": (skebm.RBM(3, algorithm="tempering", momentum=0.5, **short), B),
        "RBM, columns": (skebm.RBM(3, visible=mixed, **short), H),
        "RBM, auto": (skebm.RBM(3, visible="auto", **short), H),
        "BoltzmannMachine": (skebm.BoltzmannMachine(2, algorithm="gibbs", **short), B),
        "HopfieldMemory": (skebm.HopfieldMemory(), B[:3]),
        "HopfieldMemory, inverse": (skebm.HopfieldMemory("pseudo_inverse"), B[:3]),
        "ModernHopfieldMemory": (skebm.ModernHopfieldMemory(), N),
        "ModernHopfieldMemory, spins": (skebm.ModernHopfieldMemory("polynomial", degree=3), B),
        "HopfieldClassifier": (skebm.HopfieldClassifier(), N),
        "HopfieldClassifier, trained": (skebm.HopfieldClassifier(5, **short), N),
        "EnergyOutlierDetector": (skebm.EnergyOutlierDetector(), N),
    }, y


def results(model, X):
    """What the methods of a model give for some rows."""
    return {name: np.asarray(getattr(model, name)(X)) for name in METHODS if hasattr(model, name)}


def main():
    """Write the file, and say how large it is."""
    found, y = models()
    content = {}
    for name, (model, X) in found.items():
        model.fit(X, y[: len(X)])
        content[name] = pickle.dumps(model, protocol=4), X, results(model, X)
    path = FOLDER / f"{skebm.__version__}.pkl"
    path.write_bytes(pickle.dumps(content, protocol=4))
    print(f"{path}: {path.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
