"""`…/pods|services|nodes/NAME/proxy/…`: HTTP to what runs in the cluster, for whoever can reach only the API."""
