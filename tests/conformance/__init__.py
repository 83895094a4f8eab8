"""Kubernetes' published list of conformance cases, each with the tests of ours that hold it."""
