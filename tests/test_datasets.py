import numpy as np
import pytest

from skebm.datasets import corrupt, make_bars_and_stripes, make_patterns, nudge_images


@pytest.mark.parametrize("side", [2, 3, 4])
def test_bars_and_stripes(side):
    X = make_bars_and_stripes(side)
    assert X.shape == (2 ** (side + 1) - 2, side**2)
    assert len(np.unique(X, axis=0)) == len(X)
    images = X.reshape(-1, side, side)
    rows_equal = (images == images[:, :, :1]).all(axis=(1, 2))
    columns_equal = (images == images[:, :1]).all(axis=(1, 2))
    assert (rows_equal | columns_equal).all()


@pytest.mark.parametrize("side", [1, 2.5, "3"])
def test_bars_and_stripes_refuses(side):
    with pytest.raises(ValueError, match="side must be an integer"):
        make_bars_and_stripes(side)


def test_patterns():
    X = make_patterns(101, 997, activity=0.2, random_state=0)
    assert X.shape == (101, 997)
    assert set(np.unique(X)) == {-1.0, 1.0}
    assert abs((X == 1).mean() - 0.2) < 4.5 * np.sqrt(0.16 / X.size)
    np.testing.assert_array_equal(X, make_patterns(101, 997, activity=0.2, random_state=0))
    assert not np.array_equal(X, make_patterns(101, 997, activity=0.2, random_state=1))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [((0, 3), "n_patterns"), ((3, 0), "n_features"), ((3, 1.5), "n_features")],
)
def test_patterns_refuse(arguments, message):
    with pytest.raises(ValueError, match=f"{message} must be"):
        make_patterns(*arguments)


def test_patterns_refuse_activity():
    with pytest.raises(ValueError, match="activity must be a number between 0 and 1"):
        make_patterns(2, 3, activity=1.1)


def test_nudged_images():
    X = np.arange(2 * 15.0).reshape(2, 15)
    moved, y = nudge_images(X, [3, 4], shape=(3, 5))
    assert moved.shape == (10, 15)
    np.testing.assert_array_equal(y, [3, 4] * 5)
    up, down, left, right = (moved[2 * k : 2 * k + 2].reshape(2, 3, 5) for k in range(1, 5))
    images = X.reshape(2, 3, 5)
    np.testing.assert_array_equal(up[:, :-1], images[:, 1:])
    np.testing.assert_array_equal(down[:, 1:], images[:, :-1])
    np.testing.assert_array_equal(left[:, :, :-1], images[:, :, 1:])
    np.testing.assert_array_equal(right[:, :, 1:], images[:, :, :-1])
    assert not up[:, -1].any()
    assert not down[:, 0].any()
    assert not left[:, :, -1].any()
    assert not right[:, :, 0].any()


def test_nudged_images_refuse_another_shape():
    with pytest.raises(ValueError, match="needs 16 columns, but X has 15"):
        nudge_images(np.zeros((2, 15)), shape=(4, 4))


@pytest.mark.parametrize("low", [0.0, -1.0])
def test_corrupt(low):
    X = np.where(np.random.default_rng(0).random((201, 53)) < 0.5, low, 1.0)
    before = X.copy()
    flipped = corrupt(X, flip=0.2, random_state=0)
    np.testing.assert_array_equal((flipped != X).sum(axis=1), 11)
    assert set(np.unique(flipped)) == {low, 1.0}
    # every column alike
    share = (flipped != X).mean(axis=0)
    assert abs(share - 11 / 53).max() < 4.5 * np.sqrt(0.2 * 0.8 / 201)
    masked = corrupt(X, mask=0.5, random_state=0)
    changed = (masked != X).sum(axis=1)
    assert changed.max() <= 26
    assert abs(changed.mean() - 13) < 4.5 * np.sqrt(26 / 4 / 201)
    np.testing.assert_array_equal(X, before)
    np.testing.assert_array_equal(corrupt(X, flip=0.2, random_state=0), flipped)
    np.testing.assert_array_equal(corrupt(X), X)


def test_corrupt_refuses():
    with pytest.raises(ValueError, match="flip must be a number between 0 and 1, got 2"):
        corrupt(np.eye(3), flip=2)
    with pytest.raises(ValueError, match="values 0 and 1"):
        corrupt(np.full((2, 2), 0.5))


def test_nudged_images_need_as_many_labels():
    with pytest.raises(ValueError, match="X has 3 rows, but y has the shape"):
        nudge_images(np.ones((3, 4)), [0, 1], shape=(2, 2))


def test_rows_of_ones_do_not_tell_their_encoding():
    X = np.ones((2, 10))
    with pytest.raises(ValueError, match="give encoding='spin'"):
        corrupt(X, flip=0.2, random_state=0)
    spins = corrupt(X, flip=0.2, encoding="spin", random_state=0)
    np.testing.assert_array_equal((spins == -1).sum(axis=1), [2, 2])
    bits = corrupt(X, flip=0.2, encoding="01", random_state=0)
    np.testing.assert_array_equal((bits == 0).sum(axis=1), [2, 2])
    with pytest.raises(ValueError, match="has the value -1, which encoding='01' has not"):
        corrupt(-X, encoding="01")
