"""The packet: what a reviewer receives, and the manifest that proves it whole.

Drawing stands apart, in :mod:`audit_lib.packets.figures`, because it imports matplotlib.
"""
