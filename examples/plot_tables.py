"""
Can one model fill, extend and check a table?
=============================================

A CSV file of customers with numbers, strings, a flag and holes. `EnergyImputer` reads the data
frame as it is, fills the holes, says how sure it is, draws new customers, and scores rows;
`EnergyOutlierDetector` finds those that do not belong.
"""

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from skebm import EnergyImputer, EnergyOutlierDetector

# %%
# The file: three kinds of customers, and a seventh of the values missing.
rng = np.random.default_rng(0)
kind = rng.integers(3, size=600)
customers = pd.DataFrame(
    {
        "age": np.round(np.array([25, 45, 68])[kind] + rng.normal(0, 5, 600)),
        "income": np.round(np.exp(np.array([7.6, 8.4, 7.9])[kind] + rng.normal(0, 0.25, 600)), 2),
        "city": np.array(["Rome", "Oslo", "Lima"])[(kind + (rng.random(600) < 0.2)) % 3],
        "job": np.array(["student", "nurse", "retired"])[kind],
        "joined": pd.date_range("2020-01-01", periods=600).astype(str),
    }
)
truth = customers.drop(columns="joined")
gone = rng.random(truth.shape) < 1 / 7
path = Path(tempfile.mkdtemp()) / "customers.csv"
truth.mask(gone).assign(joined=customers.joined).to_csv(path, index=False)

# %%
# In ten lines: read, drop the dates, fill, draw, score.
table = pd.read_csv(path).drop(columns="joined")
imputer = EnergyImputer(random_state=0).fit(table)
filled = imputer.transform(table)
deviation = imputer.standard_deviation(table)
new = imputer.sample(600, random_state=0)
in_oslo = imputer.sample(
    3, given=pd.DataFrame([[np.nan, np.nan, "Oslo", None]], columns=table.columns)
)
detector = EnergyOutlierDetector(contamination=0.01).fit(table)
strange = table[:1].assign(age=24, income=9000.0, city="Lima", job="retired")
print(filled.head(3), new.head(3), in_oslo, sep="\n\n")
print(f"\na retired customer of 24: {detector.predict(strange)[0]} (-1 is an outlier)")

# %%
# What was filled in, against what it was, and the new customers beside the old ones.
figure, axes = plt.subplots(1, 3, figsize=(13, 3.6), layout="constrained")
for ax, column in zip(axes, ("age", "income"), strict=False):
    j = list(table).index(column)
    holes = gone[:, j]
    error = np.abs(filled[column] - truth[column])[holes]
    print(f"{column}: mean error {error.mean():.0f}; by the mean {truth[column].std():.0f}")
    ax.errorbar(
        truth[column][holes], filled[column][holes], deviation[holes, j], fmt="o", ms=3, lw=0.7
    )
    ends = [truth[column].min(), truth[column].max()]
    ax.plot(ends, ends, color="0.6", zorder=0)
    ax.set(xlabel=f"{column}, true", ylabel="filled in", title=f"{column}: {holes.sum()} holes")
right = (filled.job == truth.job)[gone[:, 3]].mean()
print(f"job: {right:.0%} of {gone[:, 3].sum()} holes right")
for frame, color, label in ((truth, "0.7", "customers"), (new, "C1", "new rows")):
    axes[2].scatter(frame.age, frame.income, s=6, color=color, label=label)
axes[2].set(xlabel="age", ylabel="income", yscale="log", title="new customers")
axes[2].legend(loc="upper left", bbox_to_anchor=(1, 1))
plt.show()
