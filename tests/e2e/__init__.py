"""End-to-end tests: the whole of Quarterdeck on the lab's hosts, with real engines, real networks and real kubectl."""
