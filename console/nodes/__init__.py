"""The nodes: hosts are discovered and adopted, each gets a session that carries assignment and reports, and the failure
detector says which are alive. `service.Nodes` is the door.
"""
