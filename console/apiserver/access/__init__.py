"""Who may do what: the rules of RBAC and of nodes, as pure functions, and the authorizer that asks them."""
