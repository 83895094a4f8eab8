"""The scheduler's decisions, pure: typed nodes and pods, filters, scores, rows of scores, the queue.

Nothing here waits, reads a clock or knows the API; the same state on a copy answers what would happen if.
"""
