"""`python -m tests.kubectl`: write docs/kubectl.md; `… run KUBECONFIG [PATTERN]`: run rows on a cluster;
`… untried`: the flags of kubectl that no row uses."""

import re
import sys
import tempfile
from pathlib import Path

from tests.kubectl import table
from tests.kubectl.runner import Runner


def _run(kubeconfig: str, pattern: str = "") -> int:
    bad = []
    with tempfile.TemporaryDirectory() as folder:
        runner = Runner(Path(kubeconfig), Path(folder))
        try:
            runner.open()
            for name, future in runner.start([row for row in table.rows() if re.search(pattern, row.name)]).items():
                complaint = future.result().complaint
                print(f"{'FAILED' if complaint else 'ok    '} {name}\n{complaint}".rstrip(), flush=True)
                bad += [name] if complaint else []
        finally:
            runner.close()
    print(f"failed: {'; '.join(bad) or 'none'}")
    return int(bool(bad))


if sys.argv[1:2] == ["run"]:
    sys.exit(_run(*sys.argv[2:]))
elif sys.argv[1:2] == ["untried"]:
    for verb, flags in table.untried(table.rows()).items():
        print(f"{verb}: {' '.join(flags)}")
else:
    table.DOCUMENT.write_text(table.document())
