"""A real HAProxy in front of small servers of this process."""
