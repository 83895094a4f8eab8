"""Hosts, pods and clients as network namespaces, with the real kernel between them."""
