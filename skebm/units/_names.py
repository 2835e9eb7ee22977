"""The unit types that have a name."""

from ._bernoulli import Bernoulli
from ._gaussian import Gaussian
from ._poisson import Poisson
from ._relu import ReLU
from ._spin import Spin

UNITS = {
    "bernoulli": Bernoulli(),
    "spin": Spin(),
    "gaussian": Gaussian(),
    "relu": ReLU(),
    "poisson": Poisson(),
}


def as_unit(unit):
    """Return the unit type of that name, or what was given if there is none."""
    return UNITS.get(unit, unit) if isinstance(unit, str) else unit
