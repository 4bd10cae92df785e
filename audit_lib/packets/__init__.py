"""The packet: what a reviewer receives, and the manifest that proves it whole."""
