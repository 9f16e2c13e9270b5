#!/usr/bin/env python3
"""Compares Rapport with other engines on one machine, in one run, over the same data, and writes the report.

See "Compared with others" in benches/README.md. Needs Python 3.11 or newer; what else it needs it brings into a virtual
environment of its own, PostgreSQL's programs excepted.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
STEPS = ("derive", "land", "land-ndjson", "start", "freshness")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rapport", type=Path, default=ROOT / "target/release/rapport", help="the program")
    parser.add_argument("--lake", type=Path, help="a derived lake to take, and not to write to, as the last of the sizes")
    parser.add_argument("--events", type=Path, help="the folder of Parquet that this lake was landed from, for landing")
    parser.add_argument("--sizes", default="1x", help="as 1x,3x,10x: accounts and conversations, times those of 1x (%(default)s)")
    parser.add_argument("--accounts", type=int, default=20, help="accounts of 1x (%(default)s)")
    parser.add_argument("--days", type=int, default=90, help="days of all sizes (%(default)s)")
    parser.add_argument("--conversations", type=int, help="conversations of 1x (15,000 an account and 90 days)")
    parser.add_argument("--now", default="2026-11-24T00:00:00Z", help="what now is (%(default)s)")
    parser.add_argument("--rounds", type=int, default=9, help="how often each question is asked of each peer (%(default)s)")
    parser.add_argument("--heavy-rounds", type=int, default=2, help="how often deriving and landing are done (%(default)s)")
    parser.add_argument("--peers", default="rapport,duckdb,clickhouse,polars,postgres,duckdb-parquet", help="%(default)s")
    parser.add_argument("--workloads", help="only these, as headline,procedures,analyst; '' for none")
    parser.add_argument("--steps", default=",".join(STEPS), help="whole processes to time; '' for none (%(default)s)")
    parser.add_argument("--postgres", type=Path, help="the folder of PostgreSQL's programs (newest of /usr/lib/postgresql)")
    parser.add_argument("--work", type=Path, help="where lakes and storages are made, and deleted after (a temporary folder)")
    parser.add_argument("--results", type=Path, help="keeps what was seen as JSON, beside what an earlier run saw")
    parser.add_argument("--out", type=Path, default=ROOT / "benches/RESULTS.md", help="the report (%(default)s)")
    parser.add_argument("--note", default="", help="a sentence for the report: what else the machine did")
    parser.add_argument("--venv", type=Path, default=ROOT / "target/compare-venv", help="the virtual environment")
    return parser.parse_args()


def bring(venv):
    """Goes on in the virtual environment, which is made where it is not there or its requirements have changed."""
    wanted = (HERE / "requirements.txt").read_text()
    mark, python = venv / "requirements.txt", venv / "bin/python"
    if Path(sys.prefix).resolve() == venv.resolve():
        return
    if not mark.exists() or mark.read_text() != wanted:
        subprocess.run([sys.executable, "-m", "venv", "--clear", venv], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "-r", HERE / "requirements.txt"], check=True)
        mark.write_text(wanted)
    os.execv(python, [str(python), str(HERE / "compare.py"), *sys.argv[1:]])


def main():
    options = arguments()
    bring(options.venv)
    import constant
    import report
    import results
    import size

    work = options.work or Path(tempfile.mkdtemp(prefix="rapport-compare-"))
    work.mkdir(parents=True, exist_ok=True)
    seen = results.Results(options.results)
    try:
        sizes = {}
        for name in options.sizes.split(","):
            sizes[name] = size.measure(options, name, work / name, seen)
            options.out.write_text(report.render(seen, options))
        if len(sizes) > 1:
            constant.measure(options, sizes, seen)
            options.out.write_text(report.render(seen, options))
    finally:
        for name in options.sizes.split(","):
            shutil.rmtree(work / name, ignore_errors=True)
        if options.work is None:
            work.rmdir()


if __name__ == "__main__":
    main()
