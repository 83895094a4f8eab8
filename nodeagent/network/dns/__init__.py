"""The DNS of one node: names of Services and pods from precomputed answers, everything else from the host's servers."""
