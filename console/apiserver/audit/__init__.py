"""The audit log: who asked for what, what was decided and why, and what a write changed."""
