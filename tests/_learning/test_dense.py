import numpy as np
import pytest

from skebm._learning.dense import Memories, train_epoch


def problem(degree=3, n_memories=5, seed=0):
    rng = np.random.default_rng(seed)
    X = np.hstack([rng.uniform(-1, 1, (11, 7)), np.ones((11, 1))])
    targets = 2 * np.eye(3)[rng.integers(3, size=11)] - 1
    return Memories.random(n_memories, X, 3, degree, rng), X, targets


def loss(memories, X, targets):
    """By definition, with a sum of every term."""
    total = 0.0
    for x, t in zip(X, targets, strict=True):
        for label in range(3):
            drive = 0.0
            for w, v in zip(memories.visible, memories.labels, strict=True):
                overlap = max(w @ x / memories.scale, 0)
                drive += v[label] * memories.degree * overlap ** (memories.degree - 1)
            total += (np.tanh(2 * drive / memories.scale) - t[label]) ** 4
    return total / targets.size


@pytest.mark.parametrize("degree", [2, 3, 6])
def test_step_is_the_normalised_gradient(degree):
    memories, X, targets = problem(degree)
    memories = memories._replace(scale=0.5 * memories.scale)  # keeps gradients above rounding
    expected = []
    for part in memories[:2]:
        gradient = np.empty_like(part)
        for index in np.ndindex(part.shape):
            old, values = part[index], []
            for shift in (1e-5, -1e-5):
                part[index] = old + shift
                values.append(loss(memories, X, targets))
            part[index] = old
            gradient[index] = (values[0] - values[1]) / 2e-5
        expected.append(gradient)
    before = [part.copy() for part in memories[:2]]
    velocity = tuple(np.zeros_like(part) for part in memories[:2])
    value = train_epoch(
        memories,
        velocity,
        X,
        targets,
        np.random.default_rng(0),
        exponent=4,
        batch_size=11,
        momentum=0.0,
        rates=[0.01],
    )
    for part, old, gradient in zip(memories[:2], before, expected, strict=True):
        largest = np.abs(gradient).max(axis=1, keepdims=True)
        largest[largest == 0] = 1
        step = np.clip(old - 0.01 * gradient / largest, -1, 1) - old
        np.testing.assert_allclose(part - old, step, atol=1e-6)  # of 0.01
    restored = memories._replace(visible=before[0], labels=before[1])
    np.testing.assert_allclose(value, loss(restored, X, targets))


def test_momentum_keeps_a_share():
    memories, X, targets = problem()
    old = tuple(np.random.default_rng(1).normal(size=part.shape) for part in memories[:2])
    rule = {"exponent": 6, "batch_size": 11, "rates": [0.0]}
    with_momentum = tuple(part.copy() for part in old)
    train_epoch(memories, with_momentum, X, targets, np.random.default_rng(0), momentum=0.7, **rule)
    without = tuple(np.zeros_like(part) for part in old)
    train_epoch(memories, without, X, targets, np.random.default_rng(0), momentum=0.7, **rule)
    for new, start, gradient in zip(with_momentum, old, without, strict=True):
        assert gradient.any()
        np.testing.assert_allclose(new, 0.7 * start + gradient)


def test_memories_stay_in_range():
    memories, X, targets = problem()
    velocity = tuple(np.zeros_like(part) for part in memories[:2])
    train_epoch(
        memories,
        velocity,
        X,
        targets,
        np.random.default_rng(0),
        exponent=4,
        batch_size=2,
        momentum=0.5,
        rates=[3.0] * 6,
    )
    for part in memories[:2]:
        assert np.abs(part).max() == 1
