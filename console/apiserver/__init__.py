"""The API over HTTP: verbs, watches, patches, discovery, authentication and the streams to nodes."""
