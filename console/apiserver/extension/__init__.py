"""Admission by others: webhooks and policies that users bring."""
