"""The node agent: runs the pods that its node was assigned, on the Docker Engine, with or without a control plane."""
