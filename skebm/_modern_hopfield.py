"""Modern associative memories: dense and continuous."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils._param_validation import Interval, StrOptions

from ._energies.attention import SIMILARITIES, Attention
from ._energies.dense import Dense
from ._inference.recall import end_in_one, recall
from ._learning.bandwidth import recall_temperature
from ._memory import Memory, NumberRows, SpinRows, temperature_in_use
from ._validation import available_if, check_count, examine_scales, is_named, read_given, warn
from .interactions import INTERACTIONS, Interaction, as_interaction


class TopAssociations(NamedTuple):
    """The patterns that take the largest part in each row.

    Attributes
    ----------
    patterns : ndarray of shape (n_samples, k)
        Row numbers in `patterns_`, the largest weight first.
    weights : ndarray of shape (n_samples, k)
        Their weights.
    """

    patterns: np.ndarray
    weights: np.ndarray


def _has_density(memory):
    if is_named(memory.similarity, "cosine") and not memory._dense():
        return (
            "similarity='cosine' leaves the lengths of rows open, so that there is no density. Use "
            "another similarity."
        )


def _has_spins(memory):
    if not memory._dense():
        return (
            f"it follows spins, and interaction={memory.interaction!r} has none. sample draws "
            "independent rows."
        )


def _has_known_density(memory):
    interaction = memory._interaction()
    if not getattr(interaction, "is_softmax", False) or is_named(memory.similarity, "cosine"):
        return (
            "it needs interaction='softmax' and a similarity other than 'cosine', got "
            f"{memory.interaction!r} and {memory.similarity!r}. Use energy."
        )


class ModernHopfieldMemory(Memory):
    """Modern associative memory: dense memories of spins, and continuous ones.

    A steep function of the overlaps with the patterns, in place of the square in `HopfieldMemory`,
    stores far more patterns. Spins -1 and +1 with powers or exponentials have the energy
    ``-sum_mu F(xi_mu . s)``; continuous states with softmax weights have
    ``E(s) = -T ln sum_mu exp(xi_mu . s / T) + |s|^2 / 2 + constant``, and a step of their recall is
    the attention of transformers.

    Parameters
    ----------
    interaction : {"softmax", "entmax", "sparsemax", "exponential", "polynomial", \
            "rectified_polynomial"} or Interaction, default="softmax"
        The first three are for continuous rows: softmax, or weights that are 0 for all but a few
        patterns. The others read features as spins; "exponential" holds about ``2^(N/2)`` random
        patterns, powers about ``N^(degree - 1)``. For even degrees, negatives of patterns are
        attractors too; "rectified_polynomial" leaves negative overlaps out. An object of
        `skebm.interactions`, or your own, takes the place of a name.
    degree : int, default=4
        Power of "polynomial" and "rectified_polynomial", at least 2.
    temperature : float or "auto", default="auto"
        T, 1 / beta. For continuous memories the softness of the association, in recall too: from
        the mean of all patterns (high) over the mean of a cluster to single patterns (low). "auto"
        suits the scale of the data: it is the squared width (for Manhattan distances, the width) of
        a component at every pattern at which patterns that are left out are most probable; half of
        it, or less, where recall would make one state of all stored rows. For spins only `sample`
        uses it, and "auto" is 1. A number is read at call time.
    similarity : {"dot", "euclidean", "cosine", "manhattan"}, default="dot"
        For continuous memories: ``xi . s``, ``-|s - xi|^2 / 2``, the cosine, or
        ``-sum |s_i - xi_i|`` (robust: completes rows that are half erased).
    max_iter : int, default=1000
        Steps, or sweeps of spins, of a recall at most. 1 is plain attention.
    tol : float, default=1e-5
        A continuous recall stops when a step is shorter than that times the length of the longest
        pattern, from the patterns' mean (from the origin for cosine similarity).
    binarize : float or None, default=0.0
        For spins: values above it are read as +1, others as -1, as in `HopfieldMemory`. None:
        raise on data that are not two-valued.
    block_size : int, default=2048
        Patterns that pass by at once.

    Attributes
    ----------
    patterns_ : {ndarray, CSR} of shape (n_patterns, n_features)
        Stored patterns; those of spins are 0 and 1 if the training data had no negative value,
        else -1 and +1.
    temperature_ : float
        What `fit` chose, of a continuous memory with ``temperature="auto"``.
    n_iter_ : int
        1.
    n_features_in_ : int
        Number of features, N.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the columns, where X had string column names.

    See Also
    --------
    HopfieldMemory : The classic memory, degree 2.
    HopfieldClassifier : Classes from associations.

    References
    ----------
    D. Krotov and J. Hopfield, "Dense associative memory for pattern recognition" (2016). M.
    Demircigil et al., "On a model of associative memory with huge storage capacity" (2017). H.
    Ramsauer et al., "Hopfield networks is all you need" (2020). B. Millidge et al., "Universal
    Hopfield networks" (2022). S. Santos et al., "Sparse and structured Hopfield networks" (2024).
    R. Duin, "On the choice of smoothing parameters for Parzen estimators of probability density
    functions" (1976).

    Examples
    --------
    >>> import numpy as np
    >>> from skebm import ModernHopfieldMemory
    >>> patterns = np.array([[3.0, 0.0, 1.0], [0.0, 3.0, -1.0]])
    >>> memory = ModernHopfieldMemory(temperature=0.5).fit(patterns)
    >>> memory.transform([[2.0, 0.5, 0.0]]).round(2)
    array([[3., 0., 1.]])
    """

    _parameter_constraints: dict = {
        "interaction": [StrOptions(set(INTERACTIONS)), Interaction],
        "degree": [Interval(Integral, 2, None, closed="left")],
        "temperature": [Interval(Real, 0, None, closed="left"), StrOptions({"auto"})],
        "similarity": [StrOptions(set(SIMILARITIES))],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
        "binarize": [Interval(Real, None, None, closed="neither"), None],
        "block_size": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self,
        interaction: Any = "softmax",
        *,
        degree: int = 4,
        temperature: float | str = "auto",
        similarity: str = "dot",
        max_iter: int = 1000,
        tol: float = 1e-5,
        binarize: float | None = 0.0,
        block_size: int = 2048,
    ) -> None:
        self.interaction = interaction
        self.degree = degree
        self.temperature = temperature
        self.similarity = similarity
        self.max_iter = max_iter
        self.tol = tol
        self.binarize = binarize
        self.block_size = block_size

    # ---------------------------------------------------------------- storing and recall

    def _interaction(self):
        """The interaction; None where the parameters that name it are not valid."""
        try:
            return as_interaction(self.interaction, self.degree)
        except (KeyError, TypeError, ValueError):
            return None

    def _dense(self):
        """Whether this is a memory of spins."""
        return getattr(self._interaction(), "reads_spins", False)

    def _accept_sparse(self):
        return False if self._dense() or is_named(self.similarity, "manhattan") else "csr"

    def _rows(self, low):
        return SpinRows(self.binarize, low) if self._dense() else NumberRows()

    def _learn(self, states):
        self._kind_ = (self._interaction(), self.similarity)
        if self._dense():
            model = Dense.of(states, self._interaction())
        else:
            model = Attention.of(states, self.similarity, self._interaction())
        vars(self).pop("temperature_", None)
        if self.temperature == "auto" and not self._dense():
            if self.similarity != "cosine":
                examine_scales(states, getattr(self, "feature_names_in_", None))
            self.temperature_ = recall_temperature(model)
        # refuses a temperature at which it cannot be used
        model.at(self._temperature(), self.block_size)
        return model

    def _ready(self):
        """Refuse to use a memory with other parameters than it was made with."""
        super()._ready()
        if self._kind_ != (self._interaction(), self.similarity):
            raise ValueError(
                f"interaction, degree or similarity changed after fit, from {self._kind_}. Fit the "
                "memory again."
            )

    def _read(self, X):
        return super()._read(X).astype(self._model_.dtype, copy=False)

    def _energy(self):
        return self._model_.at(self._temperature(), self.block_size)

    def _temperature(self):
        if self.temperature == "auto" and self._dense():
            return 1.0
        return temperature_in_use(self)

    def _tolerance(self):
        return self.tol

    def _settle(self, energy, states):
        states = states.astype(energy.dtype, copy=False)
        return recall(energy, states, self.max_iter, self._tolerance())

    def _recall(self, states):
        recalled = super()._recall(states)
        if not self._dense() and end_in_one(states, recalled):
            # copies of one pattern may well end there
            nearest = self._rows(self._low_).nearest(states, self._stored())
            if (nearest != nearest[0]).any():
                warn(
                    f"All {len(states)} rows end in one state, although different patterns are "
                    f"nearest to them: temperature={self._temperature():g} is too high for rows "
                    "of this scale, or one long pattern draws all. Lower temperature, standardise "
                    "the columns, or use similarity='cosine' or 'euclidean'.",
                    ConvergenceWarning,
                )
        return recalled

    def _advice(self):
        return "steps. Raise max_iter or tol." if self.max_iter > 1 else ""

    def association(self, X: ArrayLike, *, top_k: int | None = None) -> Any:
        """Compute how much every pattern takes part in a row.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.
        top_k : int, default=None
            Keep the largest weights of every row only, so that a large store needs little memory.

        Returns
        -------
        association : ndarray of shape (n_samples, n_patterns) or TopAssociations
            Weights of the continuous memories, which sum to 1 in every row; for spins the softmax
            of ``F(xi_mu . s)``, with F as the energy has it. With `top_k` the named tuple
            ``(patterns, weights)`` of arrays of shape (n_samples, top_k).
        """
        states = self._read(X)
        if top_k is not None:
            check_count("top_k", top_k, 1)
            top_k = min(top_k, self.patterns_.shape[0])
        blocks = self._energy().weight_blocks(states)
        if top_k is None:
            return np.concatenate(list(blocks))
        found = []
        for weights in blocks:
            best = np.argpartition(-weights, top_k - 1, axis=1)[:, :top_k]
            order = np.argsort(-np.take_along_axis(weights, best, axis=1), axis=1)
            best = np.take_along_axis(best, order, axis=1)
            found.append((best, np.take_along_axis(weights, best, axis=1)))
        return TopAssociations(*(np.concatenate(parts) for parts in zip(*found, strict=True)))

    # ---------------------------------------------------------------- density and samples

    @available_if(_has_known_density)
    def score_samples(self, X: ArrayLike) -> np.ndarray:
        """Compute the exact log-density of every row under ``exp(-E / T)``, normalised.

        For "softmax" that is a mixture with a component at every pattern: normal with variance T
        for dot (weights ``exp(|xi|^2 / 2T)``) and Euclidean similarity (equal weights: a kernel
        density estimate), Laplacian with scale T for Manhattan.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        log_density : ndarray of shape (n_samples,)
            In nats.

        Raises
        ------
        AttributeError
            For other interactions and for cosine similarity, whose densities are not known or do
            not exist.
        """
        states = self._read(X)
        return self._energy().log_density(states)

    def _score_without_self(self, X):
        """Log-densities, of stored rows under the mixture of the others."""
        return self._energy().log_density_without_self(self._read(X))

    @available_if(_has_known_density)
    def conditional_mean(self, given: ArrayLike) -> np.ndarray:
        """Compute the mean of every feature, given those that are known, exactly.

        Parameters
        ----------
        given : {array-like, sparse matrix} of shape (m, n_features)
            Rows to complete: NaN marks a free feature; what sparse rows do not store is 0, and
            known.

        Returns
        -------
        X : ndarray of shape (m, n_features)
            Means of the free features: of the patterns, with the weights that the known features
            give them. The others come back unchanged.

        Raises
        ------
        AttributeError
            Where `score_samples` is not there either.

        Examples
        --------
        >>> import numpy as np
        >>> from skebm import ModernHopfieldMemory
        >>> memory = ModernHopfieldMemory(similarity="euclidean", temperature=0.5)
        >>> memory.fit([[0.0, 1.0], [1.0, 3.0]]).conditional_mean([[0.5, np.nan]])
        array([[0.5, 2. ]])
        """
        self._ready()
        given = read_given(self, given, 1, self.patterns_.dtype)
        held, known, answer = self._rows(self._low_).hold(given)
        mean = self._energy().conditional_mean(np.where(held, known, 0), held)
        return np.where(held, answer, mean.astype(given.dtype))

    sample = available_if(_has_density)(Memory.sample)
    trajectory = available_if(_has_spins)(Memory.trajectory)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = bool(self._accept_sparse())
        return tags
