"""The client's transport: one ICE+DTLS+SCTP bundle over aiortc's parts, own offers and answers, receivers, senders.

The only user of aiortc on the client's side.
"""
