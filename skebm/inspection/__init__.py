"""Pictures of models, as displays in scikit-learn's style.

Every display has a class method that computes what it shows (`from_estimator`, `from_monitor` or
`from_theory`), a method `plot(ax=None)`, and the attributes `figure_` and `ax_` (or `axes_`). They
need matplotlib.
"""

from ._machines import (
    CompletionDisplay,
    ImagesDisplay,
    SingularValuesDisplay,
    TrainingCurveDisplay,
    WeightHistogramDisplay,
)
from ._memories import (
    DenseCapacityDisplay,
    EnergyLandscapeDisplay,
    EnergyTraceDisplay,
    PhaseDiagramDisplay,
    RecallCurveDisplay,
    RecalledImagesDisplay,
)
from ._tables import ImputationDisplay, SynthesisDisplay

__all__ = [
    "CompletionDisplay",
    "DenseCapacityDisplay",
    "EnergyLandscapeDisplay",
    "EnergyTraceDisplay",
    "ImagesDisplay",
    "ImputationDisplay",
    "PhaseDiagramDisplay",
    "RecallCurveDisplay",
    "RecalledImagesDisplay",
    "SingularValuesDisplay",
    "SynthesisDisplay",
    "TrainingCurveDisplay",
    "WeightHistogramDisplay",
]
