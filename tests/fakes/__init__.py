"""Stand-ins that implement our protocols in memory and can be told to fail; nothing patches internals."""
