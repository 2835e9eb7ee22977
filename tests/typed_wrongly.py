"""Calls that a type checker must refuse."""

from skebm import RBM
from skebm.datasets import make_patterns


def wrong() -> None:
    RBM(n_components="16")
    RBM(learning_rate="fast")
    RBM().sample(n_samples="many")
    make_patterns(3, 50, random_state="seed")
