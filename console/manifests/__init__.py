"""Manifests: read from files, and what applying them asks of the API. For the console and the command line alike."""
