"""
How much likelihood do replicas cost?
=====================================

Several replicas of an RBM learn from different rows at the same time, and their parameters are
averaged after every chunk of rows. That is how a cluster learns faster than one process. Averages
have a price: between two of them, replicas drift apart. Here they learn in threads; with a
``distributed.Client`` the same lines run on a cluster.
"""

import dask.array as da
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

from skebm import RBM, distributed

# %%
# Binary digits, eight copies of the training rows in random order, in chunks. A dozen hidden
# units, so that likelihoods are exact.

X = (load_digits().data >= 8).astype(np.float32)
rng = np.random.default_rng(0)
order = rng.permutation(len(X))
train, test = X[order[:1500]], X[order[1500:]]
train = np.tile(train, (8, 1))[rng.permutation(12_000)]

# %%
# An update sees 20 rows, so chunks of 500 rows are 25 updates and chunks of 2000 are 100.

periods, n_replicas = [500, 2000], [1, 2, 4]
scores = np.empty((len(periods), len(n_replicas)))
for i, chunk_size in enumerate(periods):
    chunked = da.from_array(train, chunks=(chunk_size, 64))
    for j, n in enumerate(n_replicas):
        rbm = RBM(12, batch_size=20, random_state=0)
        scores[i, j] = distributed.fit(rbm, chunked, n_replicas=n, max_iter=10).score(test)

in_memory = RBM(12, batch_size=20, max_iter=10, alpha=0.0, random_state=0).fit(train).score(test)

# %%
# Runs of other seeds differ by a tenth of a nat. One or two replicas are as good as training in
# memory. Four cost some tenths, after as many passes over the rows, which would take a quarter of
# the time on four workers.

figure, axes = plt.subplots(figsize=(6, 4), layout="constrained")
for chunk_size, row in zip(periods, scores, strict=True):
    axes.plot(n_replicas, row, "o-", label=f"averaged after {chunk_size} rows each")
axes.axhline(in_memory, color="grey", linestyle="--", label="fit, in memory")
axes.set(xlabel="replicas", ylabel="ln p(x) of held-out rows, nats", xticks=n_replicas)
axes.legend(loc="lower left")
plt.show()

best, worst = scores.max(), scores.min()
print(f"in memory {in_memory:.2f}, replicas between {worst:.2f} and {best:.2f} nats")
