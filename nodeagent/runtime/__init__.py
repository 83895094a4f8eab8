"""The Docker Engine behind the `Runtime` protocol; only this package imports docker."""
