"""Energy-based models as scikit-learn estimators."""

from ._boltzmann import BoltzmannMachine, PairGradient, PairMoments
from ._hopfield import Diagnosis, HopfieldMemory
from ._hopfield_classifier import HopfieldClassifier
from ._imputer import EnergyImputer
from ._inference.likelihood import LogPartition
from ._modern_hopfield import ModernHopfieldMemory, TopAssociations
from ._outliers import EnergyOutlierDetector
from ._rbm import RBM, Gradient, Moments
from ._trusted import TRUSTED_TYPES

__all__ = [
    "RBM",
    "TRUSTED_TYPES",
    "BoltzmannMachine",
    "Diagnosis",
    "EnergyImputer",
    "EnergyOutlierDetector",
    "Gradient",
    "HopfieldClassifier",
    "HopfieldMemory",
    "LogPartition",
    "ModernHopfieldMemory",
    "Moments",
    "PairGradient",
    "PairMoments",
    "TopAssociations",
]
__version__ = "0.1.0"
