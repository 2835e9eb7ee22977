"""
How do raw columns become features?
===================================

A data frame as it comes: thirteen measurements of wine on scales from .1 to 1680. What says no and
why, what to put in front of a machine, and what its hidden units tell a classifier.
"""

import warnings

import matplotlib.pyplot as plt
from sklearn.datasets import load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from skebm import RBM, HopfieldClassifier

X, y = load_wine(return_X_y=True, as_frame=True)

# %%
# Raw columns in Bernoulli units are a mistake, and the error says what to do.
try:
    RBM(16).fit(X)
except ValueError as error:
    print(f"RBM on raw columns: {error}\n")

# %%
# Scaled to [0, 1] they are probabilities, which training draws from anew in every epoch.
pipeline = make_pipeline(
    MinMaxScaler(), RBM(64, max_iter=200, random_state=0), LogisticRegression(max_iter=1000)
)
grid = {"rbm__learning_rate": [0.1, 0.3], "rbm__temperature": [0.7, 1.0]}
search = GridSearchCV(pipeline, grid, cv=3).fit(X, y)
print(f"accuracy of features {search.best_score_:.3f} at {search.best_params_}")
features = make_pipeline(MinMaxScaler(), RBM(64, max_iter=200, random_state=0))
frame = features.set_output(transform="pandas").fit_transform(X)
print(f"features come as a data frame: {list(frame.columns[:3])} ...")

# %%
# Or let the machine judge the columns as they are: these are numbers, whose scale it learns.
auto = make_pipeline(RBM(16, visible="auto", random_state=0), LogisticRegression(max_iter=2000))
print(f"accuracy of features of raw columns {cross_val_score(auto, X, y, cv=3).mean():.3f}")
print(f"what it took them for: {auto.fit(X, y)[0].visible_}")

# %%
# A classifier of distances finds its scale itself, and names a column that outweighs the others.
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    raw = HopfieldClassifier().fit(X, y)
print(f"\nHopfieldClassifier on raw columns: {caught[0].message}\n")
standard = make_pipeline(StandardScaler(), HopfieldClassifier())
print(f"accuracy on standardised columns {cross_val_score(standard, X, y).mean():.3f}")

# %%
# What the two most telling hidden units see.
weights = search.best_estimator_[-1].coef_
first, second = abs(weights).sum(axis=0).argsort()[::-1][:2]
hidden = search.best_estimator_[:-1].transform(X)
figure, axes = plt.subplots(1, 2, figsize=(10, 3.6), layout="constrained")
for label in range(3):
    axes[0].scatter(
        hidden[y == label, first], hidden[y == label, second], s=12, label=f"wine {label}"
    )
axes[0].set(xlabel=f"hidden unit {first}", ylabel=f"hidden unit {second}", title="features")
axes[0].legend(loc="upper left", bbox_to_anchor=(1, 1))
axes[1].barh(X.columns, search.best_estimator_["rbm"].components_[first])
axes[1].set(title=f"weights of hidden unit {first}")
axes[1].tick_params(axis="y", labelsize=7)
plt.show()
