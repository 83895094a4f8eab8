"""The Pod Security Standards: their checks, the history of each, and what labels of namespaces ask of them. Pure."""
