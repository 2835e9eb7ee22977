"""Run benchmarks by name."""

import argparse
import json
from importlib import import_module
from pathlib import Path

NAMES = (
    "annealing",
    "bars",
    "boltzmann",
    "curves",
    "digits",
    "distributed",
    "encoder",
    "growth",
    "hopfield",
    "imputation",
    "likelihood",
    "mnist",
    "modern",
    "monitors",
    "neighbours",
    "novelty",
    "rbm",
    "report",
    "small",
    "synthesis",
    "tables",
)
# what "all" runs: speed first; "tables" and "mnist" take hours and files
SPEED = "rbm", "annealing", "small", "hopfield", "modern", "boltzmann", "growth"
QUALITY = "digits", "curves", "bars", "encoder", "novelty", "neighbours", "imputation", "synthesis"


def main():
    """Run what the command line names, one after another."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    choices = ["all", *NAMES]
    parser.add_argument("names", nargs="*", choices=choices, default="all", metavar="NAME")
    parser.add_argument(
        "--quick", action="store_true", help="three rounds, and of all only those of speed"
    )
    parser.add_argument("--rounds", type=int, default=11, help="interleaved repetitions")
    parser.add_argument("--data", help="file of images, for curves, mnist and monitors")
    parser.add_argument("--tables", help="archive of binary tables, for likelihood")
    parser.add_argument(
        "--seeds", type=int, default=1, help="number of long runs, for curves and mnist"
    )
    parser.add_argument("--runs", type=int, default=100, help="runs of 4-2-4 in encoder")
    parser.add_argument(
        "--slow-peers", action="store_true", help="forests and networks, for tables and synthesis"
    )
    parser.add_argument("--json", type=Path, help="file of results, to which these are added")
    options = parser.parse_args()
    names = [options.names] if isinstance(options.names, str) else options.names
    if "all" in names:
        names = SPEED if options.quick else SPEED + QUALITY
    if options.quick:
        options.rounds = min(options.rounds, 3)
    for name in names:
        if len(names) > 1:
            print(f"\n== {name}")
        # imported late: some need packages that others do without
        found = import_module(f".{name}", __package__).main(options)
        if options.json:
            record(options.json, name, found)


def record(path, name, found):
    """Add what a benchmark gave to a file of results."""
    results = json.loads(path.read_text()) if path.exists() else {}
    rounded = json.loads(json.dumps(found), parse_float=lambda text: float(f"{float(text):.4g}"))
    path.write_text(json.dumps(results | {name: rounded}, indent=1) + "\n")


if __name__ == "__main__":
    main()
