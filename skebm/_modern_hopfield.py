"""Modern associative memories: dense and continuous."""

from numbers import Integral, Real
from typing import NamedTuple

import numpy as np
from scipy.special import logsumexp
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin, _fit_context
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import gen_batches
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from ._association import (
    ALPHA,
    SIMILARITIES,
    Store,
    conjugate,
    energy,
    step,
    tsallis_weights,
    weight_blocks,
)
from ._base import (
    all_or_nothing,
    as_generator,
    as_spins,
    check_count,
    held_spins,
    read,
    read_given,
    read_target,
    warn,
)
from ._dense import Dense, heat_bath_dense, recall_dense

DENSE = ("polynomial", "rectified_polynomial", "exponential")
BLOCK_SIZE = 2**22
OVERFLOW = (
    "The similarities of samples and patterns overflow. Scale the data down and fit the memory "
    "again."
)


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
    if memory.similarity == "cosine" and memory.interaction not in DENSE:
        raise AttributeError(
            "sample needs a density, and similarity='cosine' leaves the lengths of rows open. Use "
            "another similarity."
        )
    return True


def _has_known_density(memory):
    if memory.interaction != "softmax" or memory.similarity == "cosine":
        raise AttributeError(
            "score_samples needs interaction='softmax' and a similarity other than 'cosine', got "
            f"{memory.interaction!r} and {memory.similarity!r}. Use energy."
        )
    return True


class ModernHopfieldMemory(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Modern associative memory: dense memories of spins, and continuous ones.

    A steep function of the overlaps with the patterns, in place of the square in `HopfieldMemory`,
    stores far more patterns. Spins -1 and +1 with powers or exponentials have the energy
    ``-sum_mu F(xi_mu . s)``; continuous states with softmax weights have
    ``E(s) = -T ln sum_mu exp(xi_mu . s / T) + |s|^2 / 2 + constant``, and a step of their recall is
    the attention of transformers.

    Parameters
    ----------
    interaction : {"softmax", "entmax", "sparsemax", "exponential", "polynomial", \
            "rectified_polynomial"}, default="softmax"
        The first three are for continuous rows: softmax, or weights that are 0 for all but a few
        patterns. The others read features as spins; "exponential" holds about ``2^(N/2)`` random
        patterns, powers about ``N^(degree - 1)``. For even degrees, negatives of patterns are
        attractors too; "rectified_polynomial" leaves negative overlaps out.
    degree : int, default=4
        Power of "polynomial" and "rectified_polynomial", at least 2.
    temperature : float, default=1.0
        T, 1 / beta. For continuous memories the softness of the association, in recall too: from
        the mean of all patterns (high) over the mean of a cluster to single patterns (low). The
        scores of a pattern and of an unrelated one differ by about N / T, for ±1 data as for
        standardised columns, so that 1 picks single patterns or tight clusters from dozens of
        features on; use about N for the mean of everything, and about .05 for cosine similarity.
        For spins only `sample` uses it. Read at call time.
    similarity : {"dot", "euclidean", "cosine", "manhattan"}, default="dot"
        For continuous memories: ``xi . s``, ``-|s - xi|^2 / 2``, the cosine, or
        ``-sum |s_i - xi_i|`` (robust: completes rows that are half erased).
    max_iter : int, default=100
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
    patterns_ : ndarray of shape (n_patterns, n_features)
        Stored patterns; those of spins are 0 and 1 if the training data had no negative value,
        else -1 and +1.
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
        "interaction": [StrOptions({*ALPHA, *DENSE})],
        "degree": [Interval(Integral, 2, None, closed="left")],
        "temperature": [Interval(Real, 0, None, closed="left")],
        "similarity": [StrOptions(set(SIMILARITIES))],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
        "binarize": [Real, None],
        "block_size": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self,
        interaction="softmax",
        *,
        degree=4,
        temperature=1.0,
        similarity="dot",
        max_iter=100,
        tol=1e-5,
        binarize=0.0,
        block_size=2048,
    ):
        self.interaction = interaction
        self.degree = degree
        self.temperature = temperature
        self.similarity = similarity
        self.max_iter = max_iter
        self.tol = tol
        self.binarize = binarize
        self.block_size = block_size

    # ---------------------------------------------------------------- storing

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Store the rows of X, and nothing else.

        Parameters
        ----------
        X : array-like of shape (n_patterns, n_features)
            Patterns.
        y : None
            Ignored.

        Returns
        -------
        self : ModernHopfieldMemory
            The memory.

        Raises
        ------
        ValueError
            If a parameter or X is not valid. A memory fitted before stays as it was.
        """
        with all_or_nothing(self):
            X = read(self, X, reset=True, accept_sparse=False)
            low = -1 if (X < 0).any() else 0
            self._store(as_spins(X, self.binarize) if self._dense() else X.copy(), low, X.dtype)
        return self

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y=None):
        """Store the rows of X beside those stored before.

        Parameters
        ----------
        X : array-like of shape (n_patterns, n_features)
            More patterns.
        y : None
            Ignored.

        Returns
        -------
        self : ModernHopfieldMemory
            The memory, as `fit` with all rows would leave it.

        Raises
        ------
        ValueError
            If a parameter or X is not valid. The memory stays as it was.
        """
        self._validate_params()
        if not hasattr(self, "patterns_"):
            return self.fit(X)
        with all_or_nothing(self):
            dtype = self.patterns_.dtype
            X = read(self, X, accept_sparse=False).astype(dtype, copy=False)
            low, rows = self._low_, self.patterns_
            if self._dense():
                low = -1 if (X < 0).any() else low
                X, rows = as_spins(X, self.binarize), as_spins(rows, 0.0)
            self._store(np.concatenate([rows, X]), low, dtype)
        return self

    def _store(self, rows, low, dtype):
        self._low_ = low
        self.n_iter_ = 1
        self._kind_ = (self.interaction, self.degree, self.similarity)
        if self._dense():
            self._model_ = Dense.of(rows, self.interaction, self.degree)
            self.patterns_ = self._encode(rows, dtype)
        else:
            if self.temperature == 0:
                raise ValueError(
                    f"temperature=0 is for spins; interaction={self.interaction!r} needs a "
                    "positive temperature. A small one picks single patterns."
                )
            self.patterns_ = rows
            self._model_ = Store.of(rows, self.similarity, self.interaction)

    def _dense(self):
        return self.interaction in DENSE

    def _encode(self, spins, dtype):
        spins = spins.astype(dtype)
        return np.maximum(spins, 0) if self._low_ == 0 else spins

    def _ready(self):
        """Refuse to use a memory with other parameters than it was made with."""
        check_is_fitted(self)
        self._validate_params()
        if self._kind_ != (self.interaction, self.degree, self.similarity):
            raise ValueError(
                "interaction, degree or similarity changed after fit, from "
                f"{self._kind_}. Fit the memory again."
            )
        if self.temperature == 0 and not self._dense():
            raise ValueError(
                f"temperature must be positive for interaction={self.interaction!r}, got 0."
            )

    def _read(self, X):
        """Rows as the model takes them: spins, or states in the dtype of the patterns."""
        self._ready()
        X = read(self, X, accept_sparse=False)
        if self._dense():
            return as_spins(X, self.binarize, self._low_).astype(np.float64), X.dtype
        return X.astype(self.patterns_.dtype, copy=False), X.dtype

    def _row_blocks(self, rows):
        """Blocks of spins, so few rows that their overlaps with all patterns stay small."""
        n_rows = max(1, BLOCK_SIZE // len(self.patterns_))
        return [rows[block] for block in gen_batches(len(rows), n_rows)]

    # ---------------------------------------------------------------- recall

    def transform(self, X):
        """Recall: where every row ends when it goes down in energy.

        Deterministic, and every row on its own.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Cues.

        Returns
        -------
        X_recalled : ndarray of shape (n_samples, n_features)
            Recalled rows; of spins in the encoding of `patterns_`.

        Warns
        -----
        ConvergenceWarning
            If rows did not settle within `max_iter`, unless that is 1.
        """
        return self._recall(X)

    def _recall(self, X):
        """What `transform` gives, as an array."""
        rows, dtype = self._read(X)
        if self._dense():
            pieces = [
                recall_dense(self._model_, block, self.max_iter) for block in self._row_blocks(rows)
            ]
            recalled, settled = (np.concatenate(parts) for parts in zip(*pieces, strict=True))
            recalled = self._encode(recalled, dtype)
        else:
            recalled, settled = self._settle(rows)
            recalled = recalled.astype(dtype, copy=False)
        if self.max_iter > 1 and not settled.all():
            warn(
                f"{np.count_nonzero(~settled)} of {len(rows)} rows did not settle within max_iter="
                f"{self.max_iter}. Raise max_iter or tol.",
                ConvergenceWarning,
            )
        return recalled

    def _recall_steps(self, X, every):
        """Yield states, as they are given out, and energies along a recall.

        Of spins after every few units, of continuous states after every step.
        """
        states, _ = self._read(X)
        is_dense, n_units = self._dense(), states.shape[1]

        def seen(states):
            if is_dense:
                return self._encode(states, self.patterns_.dtype), self._model_.energy(states)
            return states, energy(self._model_, states, self.temperature, self.block_size)

        yield seen(states)
        for _ in range(self.max_iter):
            start = states
            for units in gen_batches(n_units, every if is_dense else n_units):
                if is_dense:
                    free = np.arange(n_units)[units]
                    states, _ = recall_dense(self._model_, states, 1, free)
                else:
                    states, _ = step(self._model_, states, self.temperature, self.block_size)
                yield seen(states)
            if np.abs(states - start).max() <= self.tol * (0 if is_dense else self._model_.reach):
                return

    def _settle(self, states):
        result, settled = states.copy(), np.zeros(len(states), dtype=bool)
        rows = np.arange(len(states))
        for _ in range(self.max_iter):
            new, _ = step(self._model_, states, self.temperature, self.block_size)
            still = np.linalg.norm(new - states, axis=1) <= self.tol * self._model_.reach
            result[rows] = new
            settled[rows[still]] = True
            rows, states = rows[~still], new[~still]
            if not rows.size:
                break
        return result, settled

    def association(self, X, *, top_k=None):
        """Compute how much every pattern takes part in a row.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
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
        rows, _ = self._read(X)
        if top_k is not None:
            check_count("top_k", top_k, 1)
            top_k = min(top_k, len(self.patterns_))
        blocks = (
            self._dense_weights(rows)
            if self._dense()
            else weight_blocks(self._model_, rows, self.temperature)
        )
        if top_k is None:
            return np.concatenate([weights for weights, _ in blocks])
        found = []
        for weights, _ in blocks:
            best = np.argpartition(-weights, top_k - 1, axis=1)[:, :top_k]
            order = np.argsort(-np.take_along_axis(weights, best, axis=1), axis=1)
            best = np.take_along_axis(best, order, axis=1)
            found.append((best, np.take_along_axis(weights, best, axis=1)))
        return TopAssociations(*(np.concatenate(parts) for parts in zip(*found, strict=True)))

    def _dense_weights(self, spins):
        for block in self._row_blocks(spins):
            terms = self._model_.terms(self._model_.overlaps(block))
            yield tsallis_weights(terms, 1.0)

    def energy(self, X):
        """Compute the energy of every row.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            States.

        Returns
        -------
        energy : ndarray of shape (n_samples,)
            Of continuous states with a constant that makes it at least 0. Of spins
            ``-N sum_mu F(xi_mu . s / N)`` for powers, ``-ln sum_mu exp(xi_mu . s)`` for
            "exponential".
        """
        rows, _ = self._read(X)
        if self._dense():
            return np.concatenate([self._model_.energy(s) for s in self._row_blocks(rows)])
        return energy(self._model_, rows, self.temperature, self.block_size)

    def score(self, X, y=None):
        """Compute the mean similarity of recalled rows with what they should be.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Cues.
        y : array-like of shape (n_samples, n_features), default=None
            The clean patterns. Anything else (labels, None) is ignored, and recalled rows are
            compared with the cues themselves: then doing nothing scores best.

        Returns
        -------
        score : float
            Mean cosine in [-1, 1]; for spins the mean overlap, which is the same.
        """
        recalled = self._recall(X)
        target = read_target(self, X, y)
        recalled = recalled.astype(np.float64)
        if self._dense():
            recalled, target = as_spins(recalled, 0.0), as_spins(target, self.binarize, self._low_)
            return float(np.mean(recalled * target, dtype=np.float64))
        length = np.linalg.norm(recalled, axis=1) * np.linalg.norm(target, axis=1)
        length[length == 0] = 1
        return float(np.mean(np.einsum("ij,ij->i", recalled, target) / length))

    # ---------------------------------------------------------------- density and samples

    @available_if(_has_known_density)
    def score_samples(self, X):
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
        rows, _ = self._read(X)
        temperature, n_features = self.temperature, rows.shape[1]
        shift = -energy(self._model_, rows, temperature, self.block_size) / temperature
        # the energy's constants, and the normaliser of the mixture
        shift += np.log(len(self.patterns_))
        components = self._model_.lift / temperature
        shift += self._model_.lift.max() / temperature
        if self.similarity == "manhattan":
            volume = n_features * np.log(2 * temperature)
        else:
            volume = 0.5 * n_features * np.log(2 * np.pi * temperature)
        return shift - logsumexp(components) - volume

    @available_if(_has_density)
    def sample(self, n_samples=1, *, given=None, n_sweeps=100, random_state=None):
        """Draw rows with probability proportional to ``exp(-E / T)``.

        Exact for continuous memories: from the mixture that softmax makes, and for sparse weights
        by rejection from it. Spins follow the heat bath from random states.

        Parameters
        ----------
        n_samples : int, default=1
            Number of rows, or rows for every row of `given`.
        given : array-like of shape (m, n_features), default=None
            Rows to complete: NaN marks a free feature, the others are held and come back unchanged.
        n_sweeps : int, default=100
            Sweeps of the heat bath, for spins.
        random_state : int, RandomState, numpy.random.Generator or None, default=None
            Seed; None draws afresh at every call.

        Returns
        -------
        X : ndarray of shape (n_samples, n_features) or (m * n_samples, n_features)
            Samples, in the order of ``np.repeat(given, n_samples, axis=0)``.

        Raises
        ------
        ValueError
            If `given` has another width or infinite values, or another argument is not valid.
        AttributeError
            For cosine similarity, whose energy says nothing about the lengths of rows.
        """
        self._ready()
        check_count("n_samples", n_samples, 1)
        check_count("n_sweeps", n_sweeps, 1)
        rng = as_generator(random_state)
        given = read_given(self, given, n_samples, self.patterns_.dtype)
        if self._dense():
            held, known, given = held_spins(given, self.binarize, self._low_)
            spins = np.where(held, known, np.where(rng.random(given.shape) < 0.5, -1, 1))
            temperatures = np.full(n_sweeps, float(self.temperature))
            drawn = heat_bath_dense(self._model_, spins, temperatures, rng, held)
            drawn = self._encode(drawn, given.dtype)
        else:
            held = ~np.isnan(given)
            drawn = self._draw(given, held, rng)
        return np.where(held, given, drawn)

    def _draw(self, given, held, rng):
        """Exact samples of a continuous memory."""
        if self.interaction == "softmax":
            return self._draw_mixture(given, held, rng)
        result = np.empty_like(given)
        rows, n_proposals = np.arange(len(given)), 1
        model, soft = self._model_, self._model_._replace(alpha=1.0)
        while rows.size:
            copies = np.repeat(rows, n_proposals)
            drawn = self._draw_mixture(given[copies], held[copies], rng)
            drawn = np.where(held[copies], given[copies], drawn)
            # the conjugate of a Tsallis entropy is never above the log-sum-exp
            log_share = conjugate(model, drawn, self.temperature, self.block_size)
            log_share -= conjugate(soft, drawn, self.temperature, self.block_size)
            if not np.isfinite(log_share).all():
                raise ValueError(OVERFLOW)
            accepted = np.log1p(-rng.random(len(copies))) < log_share
            accepted = accepted.reshape(len(rows), n_proposals)
            found, first = accepted.any(axis=1), accepted.argmax(axis=1)
            drawn = drawn.reshape(len(rows), n_proposals, -1)
            result[rows[found]] = drawn[found, first[found]]
            rows = rows[~found]
            # where many patterns take part, one proposal in about their number is accepted
            most = max(1, BLOCK_SIZE // (max(1, len(rows)) * given.shape[1]))
            n_proposals = min(2 * n_proposals, most, len(self.patterns_))
        return result

    def _draw_mixture(self, given, held, rng):
        patterns, temperature = self.patterns_, self.temperature
        laplace = self.similarity == "manhattan"
        log_weights = self._model_.lift / temperature
        if not np.isfinite(log_weights).all():
            raise ValueError(OVERFLOW)
        if held.any():
            numbers = self._draw_components(log_weights, given, held, rng)
        else:
            shares = np.exp(log_weights - logsumexp(log_weights))
            numbers = rng.choice(len(patterns), size=len(given), p=shares / shares.sum())
        noise = rng.laplace(size=given.shape) if laplace else rng.standard_normal(given.shape)
        noise *= temperature if laplace else np.sqrt(temperature)
        return (patterns[numbers] + noise).astype(given.dtype)

    def _draw_components(self, log_weights, given, held, rng):
        """Number of the pattern whose component every row comes from, given what is held."""
        model, patterns = self._model_, self.patterns_
        numbers = np.empty(len(given), dtype=np.int64)
        laplace = self.similarity == "manhattan"
        if not laplace:
            differences = patterns - model.center
            squares = 0.5 * differences**2
        n_rows = max(1, BLOCK_SIZE // (patterns.size if laplace else len(patterns)))
        for rows in gen_batches(len(given), n_rows):
            known = np.where(held[rows], given[rows], 0)
            if laplace:
                distances = np.abs(known[:, np.newaxis] - patterns)
                distances *= held[rows, np.newaxis]
                cost = distances.sum(axis=2, dtype=np.float64)
            else:
                # half the squared distance, but for what all patterns share
                known = held[rows] * (known - model.center)
                cost = held[rows] @ squares.T - known @ differences.T
            scores = log_weights - cost / self.temperature
            # the largest of log-weights plus Gumbel noise is a draw with those weights
            numbers[rows] = (scores + rng.gumbel(size=scores.shape)).argmax(axis=1)
        return numbers

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
