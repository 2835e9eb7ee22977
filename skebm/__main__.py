"""The main job on real digits: ``python -m skebm``.

Tune a pipeline (scaler, RBM, logistic regression) on handwritten digits by grid search, compare
its features with raw pixels, score unseen digits, and save a picture of what the machine learned.
"""

import argparse
import time
import warnings

import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from . import RBM
from .datasets import nudge_images
from .units import Bernoulli

GRID = {
    "rbm__learning_rate": [0.1, 0.3],
    "rbm__temperature": [0.7, 1.0],
    "rbm__cd_steps": [1, 2],
}
SHAPE = (8, 8)
N_SEARCH = 2000


def main(arguments=None):
    """Run the job; `arguments` as on the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m skebm",
        description="Learn features of handwritten digits with an RBM, tuned by grid search.",
    )
    parser.add_argument("--output", default="skebm-digits.png", help="picture to save")
    parser.add_argument("--seed", type=int, default=0, help="random seed")
    parser.add_argument("--quick", action="store_true", help="a few seconds, worse features")
    options = parser.parse_args(arguments)
    n_components, n_epochs = (32, 2) if options.quick else (100, 10)
    grid = {"rbm__learning_rate": GRID["rbm__learning_rate"]} if options.quick else GRID

    digits = load_digits()
    X, y = nudge_images(digits.data, digits.target, shape=SHAPE)
    X_train, X_test, y_train, y_test = train_test_split(
        X, y, test_size=0.2, random_state=options.seed
    )
    print(
        f"{len(X_train)} training and {len(X_test)} test images: {len(digits.data)} digits of 8x8 "
        "pixels, and each moved by a pixel in four directions"
    )
    pipeline = Pipeline(
        [
            ("scale", MinMaxScaler()),
            ("rbm", RBM(n_components, max_iter=n_epochs, random_state=options.seed)),
            ("standardize", StandardScaler()),
            ("classify", LogisticRegression(max_iter=300)),
        ]
    )
    search = GridSearchCV(pipeline, grid, cv=2, refit=False)
    n_search = 500 if options.quick else N_SEARCH
    begin = time.perf_counter()
    fit_with_progress(search, X_train[:n_search], y_train[:n_search])
    seconds = time.perf_counter() - begin
    print(f"\nGrid search on {n_search} images, 2-fold accuracy ({seconds:.0f} s)")
    print_table(search.cv_results_, list(grid))

    pipeline.set_params(**search.best_params_).fit(X_train, y_train)
    best = {name.removeprefix("rbm__"): value for name, value in search.best_params_.items()}
    print(f"\nBest: {best}, refitted on all {len(X_train)} training images")
    pixels = Pipeline([step for step in pipeline.steps if step[0] != "rbm"])
    accuracy, raw = (
        pipeline.score(X_test, y_test),
        pixels.fit(X_train, y_train).score(X_test, y_test),
    )
    print(f"Accuracy on the test images: RBM features {accuracy:.3f}, raw pixels {raw:.3f}")

    rbm, scale = pipeline["rbm"], pipeline["scale"]
    rng = np.random.default_rng(options.seed)
    # grey pixels are probabilities; a likelihood belongs to images drawn from them
    drawn_train = Bernoulli().discretize(scale.transform(X_train), rng)
    drawn_test = Bernoulli().discretize(scale.transform(X_test), rng)
    mean = Bernoulli().smoothed_mean(drawn_train.mean(axis=0), len(drawn_train))
    independent = (drawn_test @ np.log(mean) + (1 - drawn_test) @ np.log1p(-mean)).mean()
    print(
        f"Log-likelihood of a test image: RBM {rbm.score(drawn_test):.2f} nats, "
        f"independent pixels {independent:.2f} nats"
    )
    save_picture(rbm, scale.transform(X_test), options.output, options.seed)


def fit_with_progress(search, X, y):
    """Fit under a progress bar where scikit-learn has callbacks and rich is installed."""
    try:
        from sklearn.callback import ProgressBar

        search.set_callbacks(ProgressBar(max_propagation_depth=0))
    except ImportError:
        search.set_params(verbose=2)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*does not support callbacks")
        search.fit(X, y)


def print_table(results, names):
    """Print a line for every cell of the grid, the best with a star."""
    header = [name.removeprefix("rbm__") for name in names]
    print("  " + "  ".join(f"{name:>13}" for name in [*header, "accuracy"]))
    for parameters, score, rank in zip(
        results["params"], results["mean_test_score"], results["rank_test_score"], strict=True
    ):
        cells = [f"{parameters[name]:>13}" for name in names]
        print("  " + "  ".join([*cells, f"{score:>13.3f}"]) + (" *" if rank == 1 else ""))


def save_picture(rbm, images, path, seed):
    """Draw filters, samples and completed digits; say how to get matplotlib if it is missing."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        print("For a picture: pip install matplotlib")
        return
    n_rows, n_columns = 4, 8
    order = np.argsort(-np.linalg.norm(rbm.components_, axis=1))
    filters = rbm.components_[order[: n_rows * n_columns]]
    samples = rbm.sample(n_rows * n_columns, random_state=seed)
    whole = images[:n_columns]
    erased = whole.copy()
    lower = slice(SHAPE[0] * SHAPE[1] // 2, None)
    erased[:, lower] = np.nan
    # the mean of many completions: grey where the machine is not sure
    n_draws = 50
    draws = rbm.sample(n_draws, given=erased, n_sweeps=200, random_state=seed)
    completed = draws.reshape(n_columns, n_draws, -1).mean(axis=1)
    one = draws.reshape(n_columns, n_draws, -1)[:, 0]

    figure = Figure(figsize=(12, 2.9), layout="constrained")
    panels = [
        ("learned filters", filters, "RdBu_r"),
        ("samples of the model", samples, "gray_r"),
        ("lower half erased, completed", np.concatenate([whole, erased, one, completed]), "gray_r"),
    ]
    for subfigure, (title, tiles, colors) in zip(figure.subfigures(1, 3), panels, strict=True):
        subfigure.suptitle(title)
        limit = np.abs(tiles[np.isfinite(tiles)]).max()
        low = -limit if colors == "RdBu_r" else 0
        axes = subfigure.subplots(n_rows, n_columns)
        for ax, tile in zip(axes.flat, tiles, strict=True):
            ax.imshow(tile.reshape(SHAPE), cmap=colors, vmin=low, vmax=limit)
            ax.set(xticks=[], yticks=[], facecolor="#f3d9b1")
        if tiles is panels[2][1]:
            names = ["digit", "given", "a draw", "mean"]
            for ax, name in zip(axes[:, 0], names, strict=True):
                ax.set_ylabel(name, rotation=0, ha="right", va="center", fontsize=9)
    figure.savefig(path, dpi=110)
    print(f"Picture: {path}")


if __name__ == "__main__":
    main()
