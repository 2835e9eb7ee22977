"""Classic associative memory."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from ._inference.mean_field import spin_means
from ._inference.recall import recall, recall_at_once
from ._learning import hopfield_rules
from ._memory import Memory, SpinRows
from ._typing import Seed
from ._validation import all_or_nothing, as_generator, check_schedule

MEAN_FIELD_STEPS = 30
# sweeps of annealing, and sweeps at temperature 0 in the end
N_COOLING, N_COLD = 100, 20
# share of the stored patterns' own fields at which a mean-field recall starts at most
WARMEST_MEAN_FIELD = 0.3
# patterns from which that field is measured
SOME_PATTERNS = 200
LARGEST_MIXTURE = 7


class Diagnosis(NamedTuple):
    """What a state of a memory is.

    Attributes
    ----------
    kind : {"stored", "reversed", "mixture", "spurious"}
        A stored pattern, its negative, a symmetric mixture of an odd number of patterns, or
        anything else.
    patterns : tuple of int
        Row numbers of those patterns in `patterns_`; of a spurious state the nearest one.
    signs : tuple of int
        +1 or -1 for each of them.
    overlap : float
        Of the state with what it is said to be, in [-1, 1]; 1 if exact.
    """

    kind: str
    patterns: tuple
    signs: tuple
    overlap: float


class HopfieldMemory(Memory):
    """Classic associative memory: stores rows, and recalls them from corrupted copies.

    Features are read as spins s, -1 or +1, with the energy ``E(s) = -(1/2) s' J s``. Stored
    patterns are its minima, as long as they are not too many; recall goes downhill from a cue. At
    a temperature T > 0 a state has the probability ``exp(-E / T) / Z``.

    Parameters
    ----------
    learning_rule : {"hebb", "storkey", "pseudo_inverse", "perceptron"}, default="hebb"
        How patterns make couplings. With N features, random patterns: "hebb" holds about .138 N of
        them, "storkey" about ``N / sqrt(2 ln N)``, "pseudo_inverse" up to N (any linearly
        independent ones, so the choice for images that resemble each other), "perceptron" up to
        about 1.5 N, with as much stability as `margin` asks for.
    update : {"asynchronous", "synchronous"}, default="asynchronous"
        Whether units follow their fields one after another, which lowers the energy until a
        minimum is reached, or all at once, which may end in a cycle of two states.
    temperature : float, default=0.0
        T. In `transform`, above 0, a mean-field recall is annealed from T to 0 first, which passes
        over shallow minima; it starts at .3 times the mean field of stored patterns on themselves
        if T is higher, as they would not survive more. In `sample` T is the temperature of the
        heat bath. Read at call time.
    max_iter : int, default=100
        Sweeps of a recall at most.
    activity : float, "auto" or None, default=None
        Share of active units in sparse patterns, for the covariance rule with a threshold, which
        "hebb" then means; "auto" takes the patterns' own share. None is for patterns with about
        as many -1 as +1.
    margin : float, default=0.5
        For "perceptron": every unit's aligned field, over the norm of its couplings, is at least
        that. Larger ones make patterns attract from farther away, and fewer of them fit.
    unlearning_steps : int, default=0
        After learning, how often to relax from a random state and weaken the state found.
    unlearning_rate : float, default=0.01
        How much each of these takes away.
    binarize : float or None, default=0.0
        Values above it are read as +1, others as -1. None: raise on data that are not two-valued.
        Rows of nothing but the two values of `patterns_` are read as they are meant whatever the
        threshold (127, say), so that what one method gave another can read.
    random_state : int, RandomState, numpy.random.Generator or None, default=None
        Seed of the random states of unlearning. Recall is deterministic.

    Attributes
    ----------
    patterns_ : ndarray of shape (n_patterns, n_features)
        Stored patterns: 0 and 1 if the training data had no negative value, else -1 and +1. What
        `transform` and `sample` give is encoded alike.
    load_ : float
        Patterns per feature.
    n_iter_ : int
        1.
    n_features_in_ : int
        Number of features, N.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the columns, where X had string column names.

    See Also
    --------
    skebm.theory : Capacities, overlaps and phase boundaries to compare with.

    Notes
    -----
    With "hebb" and "pseudo_inverse" no N x N matrix is formed; memory and time grow with
    N x n_patterns. Defined outcomes of odd patterns: a pattern stored twice counts twice in Hebb's
    rule (one `forget` removes one of the two); a pattern and its negative are the same couplings;
    a constant pattern is one like any other; with N or more independent patterns "pseudo_inverse"
    makes every state a fixed point.

    References
    ----------
    J. Hopfield, "Neural networks and physical systems with emergent collective computational
    abilities" (1982). A. Storkey, "Increasing the capacity of a Hopfield network without
    sacrificing functionality" (1997). L. Personnaz, I. Guyon and G. Dreyfus, "Collective
    computational properties of neural networks" (1986). E. Gardner, "The space of interactions in
    neural network models" (1988). M. Tsodyks and M. Feigelman, "The enhanced storage capacity in
    neural networks with low activity level" (1988).

    Examples
    --------
    >>> from skebm import HopfieldMemory
    >>> from skebm.datasets import corrupt, make_patterns
    >>> patterns = make_patterns(10, 200, random_state=0)
    >>> memory = HopfieldMemory().fit(patterns)
    >>> cues = corrupt(patterns, flip=0.2, random_state=0)
    >>> bool((memory.transform(cues) == patterns).all())
    True
    >>> memory.score(cues, patterns)
    1.0
    """

    _parameter_constraints: dict = {
        "learning_rule": [StrOptions({"hebb", "storkey", "pseudo_inverse", "perceptron"})],
        "update": [StrOptions({"asynchronous", "synchronous"})],
        "temperature": [Interval(Real, 0, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "activity": [Interval(Real, 0, 1, closed="neither"), StrOptions({"auto"}), None],
        "margin": [Interval(Real, 0, None, closed="left")],
        "unlearning_steps": [Interval(Integral, 0, None, closed="left")],
        "unlearning_rate": [Interval(Real, 0, None, closed="neither")],
        "binarize": [Interval(Real, None, None, closed="neither"), None],
        "random_state": ["random_state", np.random.Generator],
    }

    def __init__(
        self,
        learning_rule: str = "hebb",
        *,
        update: str = "asynchronous",
        temperature: float = 0.0,
        max_iter: int = 100,
        activity: float | None = None,
        margin: float = 0.5,
        unlearning_steps: int = 0,
        unlearning_rate: float = 0.01,
        binarize: float | None = 0.0,
        random_state: Seed = None,
    ) -> None:
        self.learning_rule = learning_rule
        self.update = update
        self.temperature = temperature
        self.max_iter = max_iter
        self.activity = activity
        self.margin = margin
        self.unlearning_steps = unlearning_steps
        self.unlearning_rate = unlearning_rate
        self.binarize = binarize
        self.random_state = random_state

    # ---------------------------------------------------------------- storing

    def _begin(self):
        self._seed_ = int(as_generator(self.random_state).integers(2**32))

    def _rows(self, low):
        return SpinRows(self.binarize, low)

    def forget(self, X: ArrayLike) -> Self:
        """Remove stored patterns.

        Parameters
        ----------
        X : array-like of shape (n_patterns, n_features)
            Patterns, each exactly as one that is stored; of several copies the first is removed.

        Returns
        -------
        self : HopfieldMemory
            The memory.

        Raises
        ------
        ValueError
            If a row is not stored, or none would remain. The memory stays as it was.
        """
        spins, stored = self._read(X), self._stored()
        keep = np.ones(len(stored), dtype=bool)
        for number, row in enumerate(spins):
            same = np.flatnonzero(keep & (stored == row).all(axis=1))
            if not same.size:
                raise ValueError(
                    f"Row {number} of X is not stored{' any more' if number else ''}, so it cannot "
                    "be forgotten. Rows must equal a stored pattern in every feature; see "
                    "patterns_, or recall them first with transform."
                )
            keep[same[0]] = False
        if not keep.any():
            raise ValueError("X holds all stored patterns; a memory must keep at least one.")
        with all_or_nothing(self):
            self._store(stored[keep], self._low_, self.patterns_.dtype)
        return self

    def _store(self, states, low, dtype):
        super()._store(states, low, dtype)
        self.load_ = len(states) / states.shape[1]

    def _learn(self, spins):
        if self.activity is not None and self.learning_rule != "hebb":
            raise ValueError(
                f"activity={self.activity!r} is for learning_rule='hebb', but learning_rule is "
                f"{self.learning_rule!r}. Set activity=None."
            )
        if self.learning_rule == "perceptron":
            model = hopfield_rules.perceptron(spins, self.margin)
        elif self.activity is not None:
            share = np.mean(spins > 0) if self.activity == "auto" else self.activity
            model = hopfield_rules.covariance(spins, share)
        else:
            model = getattr(hopfield_rules, self.learning_rule)(spins)
        if self.unlearning_steps:
            rng = as_generator(self._seed_)
            model = hopfield_rules.unlearn(model, self.unlearning_steps, self.unlearning_rate, rng)
        return model

    # ---------------------------------------------------------------- recall

    def _energy(self):
        return self._model_

    def _settle(self, energy, states):
        start = 0.0
        if self.temperature:
            start = min(self.temperature, WARMEST_MEAN_FIELD * self._aligned_field())
        if start:
            cooling = np.linspace(start, 0, MEAN_FIELD_STEPS, endpoint=False)
            means = spin_means(energy, states, cooling)
            states = np.where(means == 0, states, np.sign(means))
        follow = recall if self.update == "asynchronous" else recall_at_once
        return follow(energy, states, self.max_iter)

    def _advice(self):
        if self.update == "asynchronous":
            return "sweeps. Raise max_iter."
        return (
            "sweeps or ended in a cycle of two states. Raise max_iter or use update='asynchronous'."
        )

    def _aligned_field(self):
        """Mean field on the units of stored patterns along these, the scale of temperatures."""
        spins, model = self._stored()[:SOME_PATTERNS].astype(np.float64), self._model_
        return max(float(np.mean(spins * model.field(spins))) / model.scale, 0.0)

    # ---------------------------------------------------------------- thermodynamics

    def overlaps(self, X: ArrayLike) -> np.ndarray:
        """Compute the overlap of every row with every stored pattern.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            States.

        Returns
        -------
        overlaps : ndarray of shape (n_samples, n_patterns)
            ``(1 / N) sum_i s_i xi_i``, in [-1, 1]: 1 for equal, -1 for reversed.
        """
        spins = self._read(X).astype(np.float32)
        # sums of ±1 are exact in single precision up to 2^24 features
        overlaps = spins @ self._stored().T.astype(np.float32)
        return overlaps.astype(np.float64) / self.n_features_in_

    def coupling(self) -> np.ndarray:
        """Compute the couplings as a matrix, which recall itself never needs.

        Returns
        -------
        coupling : ndarray of shape (n_features, n_features)
            J, symmetric with a zero diagonal.
        """
        check_is_fitted(self)
        return self._model_.coupling()

    def anneal(
        self,
        X: ArrayLike | None = None,
        *,
        n_samples: int = 1,
        temperatures: ArrayLike | None = None,
        random_state: Seed = None,
    ) -> Any:
        """Run the heat bath through a schedule of temperatures.

        Finds states of low energy. `trajectory` shows the states on the way.

        Parameters
        ----------
        X : array-like of shape (m, n_features), default=None
            Cues to start from; None starts at random states.
        n_samples : int, default=1
            Number of runs, or runs from every cue.
        temperatures : array-like of shape (n_sweeps,), default=None
            Temperature of every sweep, at least 0. By default 100 of them, falling linearly to
            0.05 times the mean field h that stored patterns exert on themselves (1 with Hebb's
            rule, less with other rules and sparse patterns), and 20 at 0: from 1.2 h for random
            starts, which finds *some* memory at loads below about .02; from cues, from a third of
            the temperature at which retrieval breaks down (about ``(1 - 1.95 sqrt(load)) h`` with
            Hebb's rule) and .1 h at least, so that the cue is not forgotten. A start near h would
            erase it.
        random_state : int, RandomState, numpy.random.Generator or None, default=None
            Seed; None draws afresh at every call.

        Returns
        -------
        X : ndarray of shape (n_samples, n_features) or (m * n_samples, n_features)
            Final states in the encoding of `patterns_`, in the order of
            ``np.repeat(X, n_samples, axis=0)``.

        References
        ----------
        S. Kirkpatrick, C. Gelatt and M. Vecchi, "Optimization by simulated annealing" (1983).
        """
        self._ready()
        if temperatures is None:
            start = 1.2 if X is None else max(0.35 * (1 - 1.95 * self.load_**0.5), 0.1)
            cooling = np.linspace(start, 0.05, N_COOLING) * self._aligned_field()
            temperatures = np.append(cooling, np.zeros(N_COLD))
        temperatures = check_schedule("temperatures", temperatures, least=0)
        (states,) = self.trajectory(
            X,
            n_samples=n_samples,
            temperature=temperatures,
            every=len(temperatures),
            random_state=random_state,
        )
        return states

    def diagnose(self, X: ArrayLike, *, threshold: float = 0.9) -> list:
        """Say of every row which stored pattern it is, or which spurious state.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            States, usually recalled ones.
        threshold : float, default=0.9
            Overlap with a pattern, its negative, or a mixture from which on a row counts as it.

        Returns
        -------
        diagnoses : list of Diagnosis
            Named tuple ``(kind, patterns, signs, overlap)`` for every row. Mixtures are those of
            3, 5 and 7 patterns: the sign of their sum, each taken with a sign.

        Examples
        --------
        >>> import numpy as np
        >>> from skebm import HopfieldMemory
        >>> from skebm.datasets import make_patterns
        >>> patterns = make_patterns(5, 1000, random_state=0)
        >>> memory = HopfieldMemory().fit(patterns)
        >>> mixture = np.sign(patterns[0] - patterns[1] + patterns[4])
        >>> for diagnosis in memory.diagnose([patterns[2], -patterns[3], mixture]):
        ...     print(diagnosis)
        Diagnosis(kind='stored', patterns=(2,), signs=(1,), overlap=1.0)
        Diagnosis(kind='reversed', patterns=(3,), signs=(-1,), overlap=1.0)
        Diagnosis(kind='mixture', patterns=(0, 1, 4), signs=(1, -1, 1), overlap=1.0)
        """
        if not isinstance(threshold, Real) or not 0 < threshold <= 1:
            raise ValueError(f"threshold must be a number in (0, 1], got {threshold!r}.")
        spins, stored = self._read(X), self._stored()
        return [
            _diagnose(row, overlaps, stored, threshold)
            for row, overlaps in zip(spins, self.overlaps(X), strict=True)
        ]


def _diagnose(row, overlaps, stored, threshold):
    """The simplest state that a row is near enough to."""
    order = np.argsort(-np.abs(overlaps), kind="stable")
    signs = np.where(overlaps < 0, -1, 1)
    nearest = Diagnosis(
        "spurious", (int(order[0]),), (int(signs[order[0]]),), float(abs(overlaps[order[0]]))
    )
    if nearest.overlap >= threshold:
        return nearest._replace(kind="stored" if signs[order[0]] > 0 else "reversed")
    for n in range(3, min(LARGEST_MIXTURE, len(stored)) + 1, 2):
        members = np.sort(order[:n])
        mixture = np.sign(signs[members] @ stored[members].astype(np.int64))
        overlap = float(np.mean(mixture * row))
        if overlap >= threshold:
            return Diagnosis(
                "mixture",
                tuple(members.tolist()),
                tuple(signs[members].tolist()),
                overlap,
            )
    return nearest
