"""The console: control plane, terminal interface and command line."""
