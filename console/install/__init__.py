"""Making machines nodes over SSH, from nothing but an SSH server: check, plan, install, start, adopt.

`facts` and `plan` decide (pure), `remote` carries out over `ssh`, the only importer of paramiko. Everything is safe to
repeat: a step whose result is there is not planned, and what is half uploaded when a connection is cut is never used.
"""
