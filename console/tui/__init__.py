"""The operator console: a Textual application that is one client of the API among others."""
