"""The machine of the page "Poke at a machine", as a script that sets a variable."""

import json

import numpy as np
from sklearn.datasets import load_digits

from skebm import RBM
from skebm.units import Categorical, Composite


def train(max_iter=60):
    """An RBM of digits and their labels, and the rows that it learned."""
    X, y = load_digits(return_X_y=True)
    rows = np.hstack([X >= 8, np.eye(10)[y]]).astype(np.float32)
    side = Composite([("bernoulli", 64), (Categorical(10), 10)])
    return RBM(128, visible=side, max_iter=max_iter, random_state=0).fit(rows), rows


def script(rbm, rows, n_pixels=64):
    """JavaScript with the machine's parameters and some digits."""
    model = {
        "nPixels": n_pixels,
        "weights": rbm.components_.astype(float).round(3).tolist(),
        "visible": rbm.intercept_visible_.astype(float).round(3).tolist(),
        "hidden": rbm.intercept_hidden_.astype(float).round(3).tolist(),
        "examples": rows[:40, :n_pixels].astype(int).tolist(),
    }
    return f"const SKEBM_MODEL = {json.dumps(model, separators=(',', ':'))};\n"
