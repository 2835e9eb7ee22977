"""Run a benchmark by name."""

import argparse
import json
from pathlib import Path

from . import (
    bars,
    boltzmann,
    digits,
    distributed,
    encoder,
    hopfield,
    imputation,
    likelihood,
    mnist,
    modern,
    monitors,
    neighbours,
    novelty,
    rbm,
    report,
    synthesis,
    tables,
)

BENCHMARKS = {
    "bars": bars.main,
    "boltzmann": boltzmann.main,
    "digits": digits.main,
    "distributed": distributed.main,
    "encoder": encoder.main,
    "hopfield": hopfield.main,
    "imputation": imputation.main,
    "likelihood": likelihood.main,
    "mnist": mnist.main,
    "modern": modern.main,
    "monitors": monitors.main,
    "neighbours": neighbours.main,
    "novelty": novelty.main,
    "rbm": rbm.main,
    "report": report.main,
    "synthesis": synthesis.main,
    "tables": tables.main,
}


def main():
    """Run the benchmark that the command line names."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("name", choices=sorted(BENCHMARKS))
    parser.add_argument("--rounds", type=int, default=11, help="interleaved repetitions")
    parser.add_argument("--data", help="file of images, for mnist and monitors")
    parser.add_argument("--tables", help="archive of binary tables, for likelihood")
    parser.add_argument("--seeds", type=int, default=1, help="number of long runs, for mnist")
    parser.add_argument("--runs", type=int, default=100, help="runs of 4-2-4 in encoder")
    parser.add_argument(
        "--slow-peers", action="store_true", help="forests and networks, for tables and synthesis"
    )
    parser.add_argument("--json", type=Path, help="file of results, to which these are added")
    options = parser.parse_args()
    found = BENCHMARKS[options.name](options)
    if options.json:
        results = json.loads(options.json.read_text()) if options.json.exists() else {}
        rounded = json.loads(
            json.dumps(found), parse_float=lambda text: float(f"{float(text):.4g}")
        )
        text = json.dumps(results | {options.name: rounded}, indent=1, sort_keys=False)
        options.json.write_text(text + "\n")


if __name__ == "__main__":
    main()
