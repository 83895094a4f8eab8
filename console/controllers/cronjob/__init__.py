"""CronJobs: make a Job whenever the schedule says so."""

from .controller import CronJobController

__all__ = ["CronJobController"]
