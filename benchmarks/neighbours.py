"""`HopfieldClassifier` at defaults beside scikit-learn's k nearest neighbours, five-fold."""

from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.model_selection import cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, StandardScaler

from skebm import HopfieldClassifier

TABLES = {
    "iris": load_iris,
    "wine": load_wine,
    "cancer": load_breast_cancer,
    "digits": load_digits,
}
SCALERS = {"raw": FunctionTransformer(), "MinMax": MinMaxScaler(), "standard": StandardScaler()}


def main(options):
    """Print accuracies."""
    print(f"{'':20}{'neighbours':>12}{'stored rows':>12}{'100 memories':>14}")
    for table, load in TABLES.items():
        X, y = load(return_X_y=True)
        for name, scaler in SCALERS.items():
            models = (
                KNeighborsClassifier(),
                HopfieldClassifier(),
                HopfieldClassifier(100, random_state=0),
            )
            scores = [cross_val_score(make_pipeline(scaler, m), X, y).mean() for m in models]
            print(f"{table}, {name}".ljust(20) + "{:12.3f}{:12.3f}{:14.3f}".format(*scores))
