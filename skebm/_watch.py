"""What is watched while a machine learns: the log-likelihood of rows, and when it is looked at."""

from typing import NamedTuple

import numpy as np

from ._inference.likelihood import GLANCE_CHAINS

# rows that are watched at most; where early_stopping="auto" holds rows out: of how many at least,
# and of how many at most for every unit
WATCHED_ROWS, LEAST_ROWS, VERY_FEW = 200, 100, 4
# share of the work of training that goes into looks, and where rows are held out by "auto"; the
# shortest and longest annealing of a look, and how much later the next one is at least
WATCH_SHARE, HELD_OUT_SHARE, SHORT_GLANCE, LONG_GLANCE, LATER = 0.03, 0.15, 30, 500, 1.2

# standard errors that make one epoch better than another
CLEARLY = 3.0


class Watched(NamedTuple):
    """Rows whose log-likelihood is watched: of those trained on, and others or None."""

    train: np.ndarray
    held_out: np.ndarray | None


class Look(NamedTuple):
    """Log-likelihoods of watched rows: of those trained on, and others or None."""

    train: np.ndarray
    held_out: np.ndarray | None
    standard_error: float

    @property
    def score(self):
        """Mean of the rows held out."""
        return float(self.held_out.mean())

    def is_better(self, other):
        """Whether the rows held out score better than in another look, by more than chance."""
        gain = self.held_out - other.held_out
        error = self.standard_error**2 + other.standard_error**2 + gain.var() / len(gain)
        return gain.mean() > CLEARLY * np.sqrt(error)

    def overfits(self, best):
        """Whether rows trained on gained since another look, and those held out clearly lost.

        Where both lose, chains are behind a high rate, and will catch up as it falls.
        """
        return best.is_better(self) and self.train.mean() > best.train.mean()


class Best(NamedTuple):
    """What early stopping will return to."""

    look: Look
    learned: dict
    n_iter: int


class Fall(NamedTuple):
    """The end of training that overfitted: the rate falls to 0 from the best epoch's."""

    begin: int
    length: int
    rate: float

    @property
    def end(self):
        """Last epoch."""
        return self.begin + self.length


def holds_out(early_stopping, n_rows, n_units):
    """Whether rows are held out."""
    is_few = LEAST_ROWS <= n_rows < VERY_FEW * n_units
    return is_few if early_stopping == "auto" else early_stopping


def glance_length(n_iter, last, epoch_work, *, holds_out=False, always=False):
    """Length of the annealing of a look after an epoch, when the last one was; 0 for no look."""
    share = HELD_OUT_SHARE if holds_out else WATCH_SHARE
    budget = share * (n_iter - last) * epoch_work
    length = min(int(budget / (4 * GLANCE_CHAINS)), LONG_GLANCE)
    is_due = length >= SHORT_GLANCE and n_iter >= LATER * last
    return max(length, SHORT_GLANCE) if is_due or always else 0


def epoch_line(n_iter, horizon, scores, best, seconds):
    """A line for people who wait.

    Parameters
    ----------
    n_iter, horizon : int
        Epochs until now, and in all.
    scores : dict of str to float or None
        What the last look at this epoch found, by name; empty without a look.
    best : Best or None
        The best of held-out rows.
    seconds : float
        What is left.
    """
    parts = [f"epoch {n_iter}/{horizon}"]
    if scores:
        found = ", ".join(f"{name} {value:.2f}" for name, value in scores.items())
        parts.append(f"log-likelihood (nats): {found}")
    if best is not None:
        parts.append(f"best {best.look.score:.2f} in epoch {best.n_iter}")
    parts.append(f"{seconds:.0f} s left")
    return "; ".join(parts)
