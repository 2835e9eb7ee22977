"""Energy-based models as scikit-learn estimators."""

from ._hopfield import Diagnosis, HopfieldMemory
from ._likelihood import LogPartition
from ._modern_hopfield import ModernHopfieldMemory, TopAssociations
from ._rbm import RBM

__all__ = [
    "RBM",
    "Diagnosis",
    "HopfieldMemory",
    "LogPartition",
    "ModernHopfieldMemory",
    "TopAssociations",
]
__version__ = "0.1.0"
