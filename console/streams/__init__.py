"""The near end of streams: commands in containers, copies and port-forwards, for the console and the command line."""
