"""`python -m tests.conformance`: write docs/conformance.md."""

from tests.conformance import table

table.DOCUMENT.write_text(table.document())
