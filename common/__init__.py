"""What console and node agents share: the object model, clocks, clients, discovery and certificates.

Nothing here imports `console` or `nodeagent`.
"""
