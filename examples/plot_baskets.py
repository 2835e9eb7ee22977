"""
What else goes into this basket?
================================

Baskets, words of documents and films that people saw are sparse: thousands of columns, a few ones
in a row. An RBM learns from the CSR matrix as it is, its hidden units find what goes together, and
the conditional mean of the items that are not in a basket yet is a recommendation.
"""

# %%
# Ten thousand baskets
# --------------------
#
# Every customer has one or two of twelve habits; a habit is a set of products that are bought
# together, beside what everybody buys.

import time

import matplotlib.pyplot as plt
import numpy as np
from scipy import sparse
from sklearn.decomposition import NMF

from skebm import RBM

rng = np.random.default_rng(0)
N_BASKETS, N_ITEMS, N_HABITS = 10_000, 600, 12
popularity = 0.02 / (1 + np.arange(N_ITEMS) / 60)
habits = np.zeros((N_HABITS, N_ITEMS))
for habit in habits:
    habit[rng.choice(N_ITEMS, 25, replace=False)] = rng.uniform(0.2, 0.6, 25)
has = np.zeros((N_BASKETS, N_HABITS))
for _ in range(2):
    has[np.arange(N_BASKETS), rng.integers(N_HABITS, size=N_BASKETS)] = 1
probability = 1 - (1 - popularity) * np.exp(has @ np.log1p(-habits))
baskets = sparse.csr_array((rng.random((N_BASKETS, N_ITEMS)) < probability).astype(np.float32))
train, test = baskets[:9000], baskets[9000:]
print(f"{train.shape} baskets, {train.nnz / train.shape[0]:.0f} items in each")

begin = time.perf_counter()
rbm = RBM(32, max_iter=15, random_state=0).fit(train)
print(f"trained in {time.perf_counter() - begin:.0f} s")
share = np.asarray(train.mean(axis=0)).ravel()
independent = (test @ np.log(share) + (1 - test.toarray()) @ np.log1p(-share)).mean()
print(f"log-likelihood of new baskets {rbm.score(test):.1f} nats, of popularity {independent:.1f}")

# %%
# What do hidden units stand for?
# -------------------------------
#
# Each column of the picture is a habit, each row the hidden unit that is most like it: habits were
# found, though no basket says which it has.
likeness = np.corrcoef(np.concatenate([rbm.components_, habits]))[: rbm.n_components, -N_HABITS:]
best = abs(likeness).argmax(axis=0)
figure, ax = plt.subplots(figsize=(5, 4), layout="constrained")
image = ax.imshow(likeness[best], cmap="RdBu_r", vmin=-1, vmax=1)
ax.set(xlabel="habit", ylabel="hidden unit most like it", title="correlation of weights and habits")
figure.colorbar(image)
plt.show()

# %%
# Recommending
# ------------
#
# From every new basket one item is hidden. What is in the basket is known; everything else is open.
# An item that is not there says little, so that the conditional mean is taken with the other
# columns free.
baskets = test[:300].toarray()
baskets = baskets[baskets.sum(axis=1) > 3]
hidden_items = np.array([rng.choice(np.flatnonzero(row)) for row in baskets])
baskets[np.arange(len(baskets)), hidden_items] = 0
given = np.where(baskets > 0, 1.0, np.nan)
wanted = rbm.conditional_mean(given, n_sweeps=50)
factors = NMF(24, init="nndsvda", max_iter=300, random_state=0).fit(train)
peers = {
    "RBM": wanted,
    "NMF": factors.transform(baskets) @ factors.components_,
    "popularity": np.tile(share, (len(baskets), 1)),
}
for name, scores in peers.items():
    scores = np.where(baskets > 0, -np.inf, scores)
    first_ten = np.argsort(-scores, axis=1)[:, :10]
    hits = (first_ten == hidden_items[:, np.newaxis]).any(axis=1).mean()
    print(f"{name:12} the hidden item is among the first ten in {hits:.0%} of the baskets")
