"""Run a benchmark by name."""

import argparse

from . import (
    bars,
    boltzmann,
    digits,
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
    synthesis,
    tables,
)

BENCHMARKS = {
    "bars": bars.main,
    "boltzmann": boltzmann.main,
    "digits": digits.main,
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
    options = parser.parse_args()
    BENCHMARKS[options.name](options)


if __name__ == "__main__":
    main()
