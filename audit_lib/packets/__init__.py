"""The packet: what a reviewer receives, and the manifest that proves it whole.

The heavy parts (typesetting, drawing) are imported where they are used::

    from audit_lib.packets.assemble import Baseline, assemble
    from audit_lib.packets.packet import Input, Packet, Provenance
    from audit_lib.packets.manifest import verify
    from audit_lib.packets.index import update_index
    from audit_lib.packets.figures import draw, svg
"""
