"""Holes in tables filled: `EnergyImputer` beside scikit-learn's imputers, all at defaults.

Values go missing completely at random, a fifth or two fifths of them, or where another column is
high. Error: root mean square over the standard deviation for numbers, share of wrong values for
categories, and the mean of the two where a table has both. The peers see standardised numbers and
one-hot categories, of which the largest counts. ``--tables FILE`` adds binary tables, as for
`likelihood`; ``--slow-peers`` adds regressions column by column, which take minutes: by forests,
and miceforest's by boosted trees, their predictions as they are.
"""

import time
import warnings

import numpy as np
import pandas as pd
from sklearn.datasets import (
    load_breast_cancer,
    load_diabetes,
    load_digits,
    load_iris,
    load_linnerud,
    load_wine,
)
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer, KNNImputer, SimpleImputer

from skebm import EnergyImputer

try:
    import miceforest
except ImportError:
    miceforest = None


def mixed(n_rows, seed):
    """Customers: four kinds, whose numbers, categories and flags depend on each other."""
    rng = np.random.default_rng(seed)
    kind = rng.choice(4, n_rows, p=[0.4, 0.3, 0.2, 0.1])
    age = np.round(np.array([30, 45, 60, 38])[kind] + rng.normal(0, 7, n_rows))
    income = np.exp(np.array([7.5, 8.2, 7.8, 9.0])[kind] + 0.02 * age + rng.normal(0, 0.3, n_rows))
    spending = income * np.array([0.9, 0.6, 0.5, 0.3])[kind] * np.exp(rng.normal(0, 0.2, n_rows))
    city = np.array(["Rome", "Oslo", "Lima"])[(kind + (rng.random(n_rows) < 0.25)) % 3]
    job = np.array(["clerk", "nurse", "retired", "owner", "student"])[
        np.where(rng.random(n_rows) < 0.2, rng.integers(5, size=n_rows), kind)
    ]
    return pd.DataFrame(
        {
            "age": age,
            "income": income,
            "spending": spending,
            "city": city,
            "job": job,
            "member": spending > 0.5 * income,
        }
    )


def tables(path):
    """Data frames by name."""
    digits = load_digits(as_frame=True).data
    digits = digits.loc[:, digits.std() > 0.5]
    found = {
        "iris": load_iris(as_frame=True).frame.assign(
            target=lambda table: np.array(["a", "b", "c"])[table.target]
        ),
        "wine": load_wine(as_frame=True).data,
        "cancer": load_breast_cancer(as_frame=True).data,
        "diabetes": load_diabetes(as_frame=True, scaled=False).data,
        "linnerud": pd.concat(load_linnerud(return_X_y=True, as_frame=True), axis=1),
        "digits": digits,
        "digits, binary": (digits >= 8).loc[:, ((digits >= 8).mean() - 0.5).abs() < 0.48],
        "mixed 1": mixed(500, 0),
        "mixed 2": mixed(2000, 1),
    }
    if path:
        with np.load(path) as archive:
            for name in ("mushrooms", "plants"):
                width = int(archive[f"{name}_n_columns"])
                rows = np.unpackbits(archive[f"{name}_train"], axis=1)[:1500, :width]
                rows = rows[:, np.abs(rows.mean(axis=0) - 0.5) < 0.49]
                found[name] = pd.DataFrame(rows.astype(bool)).rename(columns=str)
    return found


def holes(table, kind, seed):
    """Which values are taken away."""
    rng = np.random.default_rng(seed)
    if kind != "depends":
        gone = rng.random(table.shape) < kind
    else:
        first = table.iloc[:, 0].rank(pct=True).to_numpy()
        gone = rng.random(table.shape) < 0.4 * first[:, np.newaxis]
        gone[:, 0] = False
    return gone


def encode(table):
    """Standardised numbers and one-hot categories, and how to read a frame out of them."""
    parts, widths = [], []
    for name in table:
        column = table[name]
        if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
            scale = column.std() or 1.0
            parts.append(((column - column.mean()) / scale).to_numpy(float)[:, np.newaxis])
            widths.append((1, (column.mean(), scale)))
            continue
        values = sorted(column.dropna().unique())
        # all but the first, or columns would predict each other while both are missing
        hot = np.stack([(column == value).to_numpy(float) for value in values[1:]], axis=1)
        hot[column.isna().to_numpy()] = np.nan
        parts.append(hot)
        widths.append((len(values) - 1, values))
    return np.concatenate(parts, axis=1), widths


def decode(rows, widths, columns):
    """The frame again."""
    found, start = {}, 0
    for name, (width, how) in zip(columns, widths, strict=True):
        part = rows[:, start : start + width]
        if isinstance(how, list):
            part = np.column_stack([1 - part.sum(axis=1), part])
            found[name] = np.array(how, dtype=object)[part.argmax(axis=1)]
        else:
            found[name] = part[:, 0] * how[1] + how[0]
        start += width
    return pd.DataFrame(found)


def error(filled, table, gone):
    """Mean of the error of numbers and of categories."""
    numbers, categories = [], []
    for j, name in enumerate(table):
        column, other, holes = table[name], filled[name], gone[:, j]
        if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
            difference = (other.to_numpy(float) - column.to_numpy(float)) / column.std()
            numbers.append(difference[holes] ** 2)
        else:
            categories.append((other.to_numpy(object) != column.to_numpy(object))[holes])
    errors = [np.sqrt(np.mean(np.concatenate(numbers)))] if numbers else []
    if categories:
        errors.append(np.mean(np.concatenate(categories)))
    return float(np.mean(errors))


def with_holes(table, gone):
    """The table with None or NaN in the holes."""
    found = {}
    for j, name in enumerate(table):
        column = table[name]
        if pd.api.types.is_bool_dtype(column):
            column = column.astype("boolean")
        elif pd.api.types.is_integer_dtype(column):
            column = column.astype(float)
        found[name] = column.mask(gone[:, j])
    return pd.DataFrame(found)


def by_miceforest(incomplete, seed):
    """The frame, filled by miceforest."""
    frame = incomplete.copy()
    for name in frame:
        if frame[name].dtype == object or pd.api.types.is_bool_dtype(frame[name]):
            frame[name] = frame[name].astype(object).astype("category")
    kernel = miceforest.ImputationKernel(
        frame, num_datasets=1, mean_match_candidates=0, random_state=seed
    )
    kernel.mice(4)
    return kernel.complete_data(0)


def main(options):
    """Print a table of errors."""
    warnings.filterwarnings("ignore")
    peers = {
        "mean, mode": SimpleImputer,
        "neighbours": KNNImputer,
        "iterative": lambda: IterativeImputer(random_state=0),
    }
    if options.slow_peers:
        peers["forests"] = lambda: IterativeImputer(
            ExtraTreesRegressor(50, min_samples_leaf=3, random_state=0), random_state=0, max_iter=4
        )
    has_miceforest = options.slow_peers and miceforest is not None
    names = ["skebm", *peers, *(["miceforest"] if has_miceforest else [])]
    print(f"{'':24}" + "".join(f"{name:>12}" for name in names) + f"{'seconds':>9}")
    found = {}
    for kind in (0.2, 0.4, "depends"):
        found[str(kind)] = {}
        for name, table in tables(options.tables).items():
            rows = []
            for seed in range(options.seeds):
                gone = holes(table, kind, seed)
                incomplete = with_holes(table, gone)
                begin = time.perf_counter()
                filled = EnergyImputer(random_state=seed).fit_transform(incomplete)
                seconds = time.perf_counter() - begin
                errors = [error(filled, table, gone)]
                encoded, widths = encode(incomplete)
                for make in peers.values():
                    result = make().fit_transform(encoded)
                    errors.append(error(decode(result, widths, table.columns), table, gone))
                if has_miceforest:
                    errors.append(error(by_miceforest(incomplete, seed), table, gone))
                rows.append([*errors, seconds])
            values = np.median(rows, axis=0)
            found[str(kind)][name] = dict(zip([*names, "seconds"], values, strict=True))
            print(f"{name}, {kind}".ljust(24) + "".join(f"{v:12.3f}" for v in values[:-1]), end="")
            print(f"{values[-1]:9.1f}", flush=True)
    return found
