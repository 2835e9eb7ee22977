"""Interactions as objects, and from outside."""

import itertools

import numpy as np
import pytest
from sklearn.base import clone

from skebm import ModernHopfieldMemory
from skebm._energies.dense import Dense
from skebm.datasets import make_patterns
from skebm.interactions import (
    Exponential,
    Interaction,
    Polynomial,
    RectifiedPolynomial,
    Softmax,
    SpinInteraction,
    Tsallis,
    exponentials,
)


class Cosh(SpinInteraction):
    logarithmic = True

    def terms(self, overlaps, n_units):
        return np.logaddexp(overlaps, -overlaps)


class Steep(SpinInteraction):
    """So steep that neighbouring overlaps differ by hundreds of nats."""

    logarithmic = True

    def terms(self, overlaps, n_units):
        return np.asarray(overlaps, float) ** 3


class Cubic(SpinInteraction):
    def terms(self, overlaps, n_units):
        return overlaps**3 / 7.0


NAMED = {
    "softmax": Softmax(),
    "entmax": Tsallis(1.5),
    "sparsemax": Tsallis(2.0),
    "exponential": Exponential(),
    "polynomial": Polynomial(3),
    "rectified_polynomial": RectifiedPolynomial(3),
}


@pytest.mark.parametrize("interaction", [Cosh(), Cubic(), Exponential()], ids=repr)
def test_differences_are_those_of_the_energies(interaction):
    patterns = make_patterns(5, 7, random_state=0)
    model = Dense.of(patterns, interaction)
    states = np.array(list(itertools.product([-1.0, 1.0], repeat=7)))
    overlaps = states @ patterns.T
    terms = interaction.terms(overlaps, 7)
    value = np.log(np.exp(terms).sum(axis=1)) if interaction.logarithmic else terms.sum(axis=1)
    np.testing.assert_allclose(model.energy(states), -value)
    differences = model.differences(states, overlaps)
    for i in range(7):
        up, down = states.copy(), states.copy()
        up[:, i], down[:, i] = 1, -1
        expected = model.energy(down) - model.energy(up)
        np.testing.assert_allclose(differences[:, i], expected, atol=1e-10)


@pytest.mark.parametrize("interaction", [Cosh(), Cubic(), Steep()], ids=repr)
def test_interactions_from_outside_go_through_every_method(interaction):
    X = make_patterns(20, 101, random_state=0)
    memory = clone(ModernHopfieldMemory(interaction, temperature=0.5)).fit(X)
    cues = X.copy()
    cues[:, :9] *= -1
    np.testing.assert_array_equal(memory.transform(cues), X)
    assert memory.score(cues, X) == 1.0
    assert (memory.energy(X) < memory.energy(cues)).all()
    association = memory.association(X)
    np.testing.assert_array_equal(association.argmax(axis=1), np.arange(20))
    given = np.where(np.arange(101) < 60, X[:2], np.nan)
    drawn = memory.sample(given=given, random_state=0)
    assert set(np.unique(drawn)) == {-1.0, 1.0}
    np.testing.assert_array_equal(drawn[:, :60], X[:2, :60])


@pytest.mark.parametrize("name", NAMED)
def test_objects_are_what_their_names_say(name):
    X = np.random.default_rng(0).normal(size=(9, 5))
    by_name = ModernHopfieldMemory(name, degree=3).fit(X)
    by_object = ModernHopfieldMemory(NAMED[name]).fit(X)
    np.testing.assert_array_equal(by_object.transform(X + 0.1), by_name.transform(X + 0.1))
    np.testing.assert_array_equal(by_object.energy(X), by_name.energy(X))


def test_equality_and_errors():
    assert Tsallis(2.0) == Tsallis(2.0) != Tsallis(1.5)
    assert Polynomial(3) != RectifiedPolynomial(3)
    assert repr(Tsallis(2.0)) == "Tsallis(alpha=2.0)"
    with pytest.raises(ValueError, match="alpha of Tsallis must be above 1, got 1"):
        Tsallis(1)
    for degree in (1, 2.5):
        with pytest.raises(ValueError, match="degree of RectifiedPolynomial must be an integer"):
            RectifiedPolynomial(degree)
    for base in (Interaction().associate, lambda scores: SpinInteraction().terms(scores, 3)):
        with pytest.raises(NotImplementedError):
            base(np.zeros((1, 3)))
    memory = ModernHopfieldMemory(Tsallis(1.5)).fit(np.eye(3))
    with pytest.raises(ValueError, match="changed after fit"):
        memory.set_params(interaction=Tsallis(2.0)).transform(np.eye(3))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_exponentials_are_never_denormal_numbers(dtype):
    x = -np.abs(np.random.default_rng(0).normal(scale=300, size=(7, 5003))).astype(dtype)
    x[:, 0] = 0
    expected = np.exp(x.astype(float))
    found = exponentials(x.copy())
    assert found.dtype == dtype
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-34)
    assert not np.any((found != 0) & (found < np.finfo(dtype).tiny))
    assert not found[x < np.log(np.finfo(dtype).tiny)].any()
    near = np.array([[0, -3, -50]], dtype)
    np.testing.assert_array_equal(exponentials(near.copy()), np.exp(near))
