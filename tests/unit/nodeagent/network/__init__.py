"""Unit tests of the node's network."""
