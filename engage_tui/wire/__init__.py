"""LiveKit's protocol as both ends speak it: signalling, SDP, RTP payloads, data packets, tokens. No sockets."""
