"""The reader of tutorials: what it takes for a file, a command and its output."""

from __future__ import annotations

import pytest

from tests.e2e.tutorials import Step, missing, parse

TEXT = """
# A tutorial

```yaml web.yaml
kind: Pod
```

```console
$ kubectl get pods
NAME   READY
web    1/1 ...

$ echo one \\
    two
one two
```

```yaml
not: a file
```
"""


def test_reads_files_commands_and_their_output() -> None:
    tutorial = parse(TEXT)
    assert tutorial.files == {"web.yaml": "kind: Pod\n"}
    assert tutorial.steps == [
        Step("kubectl get pods", ["NAME   READY", "web    1/1 ..."]),
        Step("echo one \\\n    two", ["one two"]),
    ]


def test_refuses_a_tutorial_that_runs_nothing() -> None:
    with pytest.raises(ValueError, match="no console block"):
        parse("# nothing")
    with pytest.raises(ValueError, match="output without a command"):
        parse("```console\nhello\n```")


def test_output_is_compared_line_by_line_in_order() -> None:
    output = "NAME  READY   AGE\nweb-1   1/1   3s\nweb-2   0/1   1s\n"
    assert missing(output, ["NAME READY AGE", "web-2 0/1 ..."]) is None
    assert missing(output, ["web-2 ...", "web-1 ..."]) == "web-1 ..."
    assert missing(output, ["web-1 1/1"]) == "web-1 1/1"
