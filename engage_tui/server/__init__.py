"""The embedded room server: one UDP port, signalling, rooms, forwarding."""
