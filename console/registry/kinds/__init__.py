"""The rows, one module a family. A module exports ROWS in the order in which discovery lists them."""
