"""`python -m tests.kubectl`: write docs/kubectl.md; `… run KUBECONFIG [PATTERN]`: run rows on a cluster;
`… untried`: the flags of kubectl that no row uses."""

import re
import sys
import tempfile
from pathlib import Path

from tests.kubectl import table
from tests.kubectl.runner import Outcome, Runner


def _tell(outcome: Outcome) -> None:
    print(f"{'FAILED' if outcome.complaint else 'ok    '} {outcome.row.name}\n{outcome.complaint}".rstrip(), flush=True)


def _run(kubeconfig: str, pattern: str = "") -> int:
    with tempfile.TemporaryDirectory() as folder:
        runner = Runner(Path(kubeconfig), Path(folder))
        try:
            runner.open()
            outcomes = runner.run([row for row in table.rows() if re.search(pattern, row.name)], _tell)
        finally:
            runner.close()
    bad = [outcome.row.name for outcome in outcomes if outcome.complaint]
    print(f"{len(outcomes)} rows, {len(bad)} failed: {'; '.join(bad)}")
    return int(bool(bad))


if sys.argv[1:2] == ["run"]:
    sys.exit(_run(*sys.argv[2:]))
elif sys.argv[1:2] == ["untried"]:
    for verb, flags in table.untried(table.rows()).items():
        print(f"{verb}: {' '.join(flags)}")
else:
    table.DOCUMENT.write_text(table.document())
