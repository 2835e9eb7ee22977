"""Run a benchmark by name."""

import argparse

from . import bars, digits, rbm

BENCHMARKS = {"bars": bars.main, "digits": digits.main, "rbm": rbm.main}


def main():
    """Run the benchmark that the command line names."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("name", choices=sorted(BENCHMARKS))
    parser.add_argument("--rounds", type=int, default=11, help="interleaved repetitions")
    options = parser.parse_args()
    BENCHMARKS[options.name](options)


if __name__ == "__main__":
    main()
