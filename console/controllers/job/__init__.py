"""Jobs: run pods until enough of them have succeeded, and count each exactly once."""

from .controller import JobController

__all__ = ["JobController"]
