"""Requests that go on to a node: logs, exec, attach, port-forward. The agent does the work, here protocols meet."""
