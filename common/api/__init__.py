"""The Kubernetes object model as plain data.

Objects are the JSON documents of the Kubernetes API (`Object`, a dict), read and changed by the small pure
functions of these modules. Logic that decides something first reads what it needs into a typed value of its own.
Nothing here does I/O or reads a clock.
"""
