"""HAProxy on this node, for Ingresses: planned in pure functions, rendered, checked, run and fed at run time."""
