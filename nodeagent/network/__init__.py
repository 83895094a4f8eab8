"""Pod addresses, routes between nodes, service tables and DNS of one node."""
