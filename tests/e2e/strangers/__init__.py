"""Programs of strangers, that run in pods: they know Kubernetes and nothing of Quarterdeck."""
