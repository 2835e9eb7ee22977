import numpy as np
import pytest
from sklearn.base import BaseEstimator

from skebm._base import all_or_nothing, as_generator, read


def draw(random_state):
    return as_generator(random_state).random(3)


def test_seeds_repeat_and_differ():
    np.testing.assert_array_equal(draw(3), draw(3))
    assert not np.array_equal(draw(3), draw(4))
    assert not np.array_equal(draw(None), draw(None))
    for source in (np.random.RandomState, np.random.default_rng):
        np.testing.assert_array_equal(draw(source(3)), draw(source(3)))
        shared = source(3)
        assert not np.array_equal(draw(shared), draw(shared))


class Thing(BaseEstimator):
    pass


def change(thing, error, *, finish=False):
    with all_or_nothing(thing) as finished:
        thing.old_, thing.new_, thing.parameter = 3, 4, 5
        if finish:
            finished.append("an epoch")
        raise error


def test_all_or_nothing():
    thing = Thing()
    thing.old_, thing.parameter = 1, 2
    with pytest.raises(RuntimeError):
        change(thing, RuntimeError)
    assert vars(thing) == {"old_": 1, "parameter": 5}
    with pytest.raises(KeyboardInterrupt):
        change(thing, KeyboardInterrupt)
    assert thing.old_ == 1
    with pytest.raises(RuntimeError):
        change(thing, RuntimeError, finish=True)
    assert thing.old_ == 1
    with pytest.raises(KeyboardInterrupt):
        change(thing, KeyboardInterrupt, finish=True)
    assert thing.old_ == 3


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (np.float16, np.float32),
        (np.float32, np.float32),
        (np.float64, np.float64),
        (bool, np.float32),
        (np.uint8, np.float32),
        (np.int16, np.float32),
        (np.int32, np.float64),
        (np.int64, np.float64),
    ],
)
def test_precision(given, expected):
    X = np.ones((2, 3), given)
    result = read(Thing(), X, reset=True)
    assert result.dtype == expected
    assert (result is X) == (given == expected)
