"""The embedded room server: one UDP port, signalling, rooms, forwarding.

A packet that comes by UDP (`mux`) belongs to a peer (`transport`), a stream of it (`incoming`) and a track
(`published`). Those who take the stream are its `fan.Audience`: most of them one `fan.Fan`, served all at once (`run`,
`outlet`), the others each by itself (`steady`, `forward`). Where all are in the fan and there is a C compiler,
`fast_path` takes the packet that whole way in one call, and only the books are kept here.
"""
