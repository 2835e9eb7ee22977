"""Unit types: what one unit of a model can be.

A unit with own energy ``E0(s)`` in a field ``theta`` at temperature ``T`` takes the state
``s`` with probability proportional to ``exp((theta * s - E0(s)) / T)``. Its cumulant function
``K(theta; T) = T ln sum_s exp((theta * s - E0(s)) / T)`` (an integral for continuous ``s``) gives
the rest: the mean is its derivative, the variance ``T`` times the derivative of the mean.

=============  =====================  =========================  ===================
unit           states                 cumulant                   mean
=============  =====================  =========================  ===================
`Bernoulli`    0, 1                   ``T softplus(theta / T)``  ``sigmoid(theta / T)``
`Spin`         -1, +1                 ``T ln 2cosh(theta / T)``  ``tanh(theta / T)``
`Gaussian`     real, E0 = s^2 / 2v    ``v theta^2 / 2 + ...``    ``v theta``
`ReLU`         s >= 0, E0 = s^2 / 2   the same on half the line  smooth ``max(theta, 0)``
`Poisson`      counts, E0 = T ln s!   ``T exp(theta / T)``       ``exp(theta / T)``
`Categorical`  one-hot group          ``T lse(theta / T)``       ``softmax(theta / T)``
`Composite`    blocks of columns, each with a unit type of its own
=============  =====================  =========================  ===================

A new unit type is one subclass of `Finite`, if its states are few, or of `Unit`; see "how it
works" in the documentation.

>>> import numpy as np
>>> from skebm.units import Bernoulli
>>> Bernoulli().mean(np.array([[-2.0, 0.0, 2.0]]), temperature=1.0).round(3)
array([[0.119, 0.5  , 0.881]])
"""

from ._base import Unit
from ._bernoulli import Bernoulli
from ._categorical import Categorical
from ._composite import Composite
from ._finite import Finite
from ._gaussian import Gaussian
from ._names import UNITS, as_unit  # noqa: F401
from ._poisson import Poisson
from ._relu import ReLU
from ._spin import Spin
from ._suited import suited_unit  # noqa: F401

__all__ = [
    "Bernoulli",
    "Categorical",
    "Composite",
    "Finite",
    "Gaussian",
    "Poisson",
    "ReLU",
    "Spin",
    "Unit",
]
