"""Volumes that outlive pods, on this node: made, mounted, watched, measured and taken away."""
