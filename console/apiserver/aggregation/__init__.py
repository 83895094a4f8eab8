"""API servers of users behind ours: APIServices whose group and version a Service serves."""
