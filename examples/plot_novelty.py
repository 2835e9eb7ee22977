"""
Which rows are of a kind that was never seen?
=============================================

A detector that learned nine kinds of digits sees the tenth. Every model that gives the density of a
row makes a detector: what is improbable is novel. Three models beside two of scikit-learn's
detectors.
"""

# %%
# The tenth digit
# ---------------
#
# Nines are left out of training. How well does the density tell them from zeros to eights that
# were not trained on either?

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.ensemble import IsolationForest
from sklearn.metrics import RocCurveDisplay, roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.neighbors import LocalOutlierFactor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skebm import RBM, EnergyOutlierDetector, ModernHopfieldMemory

X, y = load_digits(return_X_y=True)
known, novel = X[y != 9], X[y == 9]
train, test = train_test_split(known, test_size=0.4, random_state=0)
rows, is_novel = np.concatenate([test, novel]), np.repeat([0, 1], [len(test), len(novel)])

shares = FunctionTransformer(lambda rows: rows / 16)  # grey values as probabilities
detectors = {
    "EnergyOutlierDetector()": EnergyOutlierDetector(),
    "of a ModernHopfieldMemory": EnergyOutlierDetector(
        ModernHopfieldMemory(similarity="euclidean")
    ),
    "of an RBM": make_pipeline(shares, EnergyOutlierDetector(RBM(64, random_state=0))),
    "IsolationForest()": IsolationForest(random_state=0),
    "LocalOutlierFactor(novelty=True)": LocalOutlierFactor(novelty=True),
}
figure, axes = plt.subplots(1, 2, figsize=(10, 4.2), layout="constrained")
for name, detector in detectors.items():
    scores = -detector.fit(train).score_samples(rows)
    print(f"{name:34} area under the curve {roc_auc_score(is_novel, scores):.3f}")
    RocCurveDisplay.from_predictions(is_novel, scores, name=name, ax=axes[0])
axes[0].legend(fontsize=7)

# %%
# The most novel rows under the memory, and the least.
scores = detectors["of a ModernHopfieldMemory"].score_samples(rows)
order = np.argsort(scores)
images = [np.pad(rows[k].reshape(8, 8), 1) for k in np.concatenate([order[:20], order[-20:]])]
axes[1].imshow(np.block([images[k : k + 10] for k in range(0, 40, 10)]), cmap="gray_r")
axes[1].set_title("twenty rows of the lowest density,\ntwenty of the highest")
axes[1].axis("off")
plt.show()

# %%
# How many of the novel ones does it report? `contamination` sets the threshold: it is the share of
# training rows that count as outliers.
for contamination in (0.01, 0.05, 0.1):
    detector = EnergyOutlierDetector(
        ModernHopfieldMemory(similarity="euclidean"), contamination=contamination
    ).fit(train)
    reported = detector.predict(rows) < 0
    print(
        f"contamination {contamination}: reports {reported[is_novel == 1].mean():.0%} of the "
        f"nines, {reported[is_novel == 0].mean():.0%} of the others"
    )
