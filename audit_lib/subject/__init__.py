"""The audited side: its parameters, source, artifacts, documents and hooks, read-only."""
