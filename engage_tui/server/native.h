/* What Python sees of native.c: declarations that cffi reads as they are. */

/* How one peer gets packets that others get too; see outlet.Copy and numbering.Pictures. */
struct copy {
    void *key;
    void *name;
    uint32_t name_size, ssrc, later;
    uint16_t shift, picture;
    uint8_t kind, tl0, rewrites; /* `rewrites`: VP8's picture ids are shifted too */
};

/* Where packets wait until they are sent; the memory is burst_outlet.BurstOutlet's. */
struct places {
    unsigned char *memory;
    int room, many; /* bytes of a place, and how many there are */
    void *vectors, *messages, *controls; /* iovec, mmsghdr and struct control, one a place */
    int used, due; /* places and messages */
    int segments; /* the kernel cuts sends apart */
    int (*protect)(void *, void *, int *);
};

/* A stream of a publisher; see fast_path.Route. */
struct route {
    struct route *next; /* of the same publisher */
    const struct copy *copies; /* everybody who gets all of it … */
    int peers; /* … and how many; 0: what comes is not passed on here */
    int first, last; /* of its packets in the burst that is worked off: places; -1 */
    uint32_t ssrc, id;
    uint16_t newest; /* the number of the last one that was passed on */
    uint8_t payload_type;
    uint8_t extension, width; /* id and bytes of the header extension that is read; 0: none */
    uint8_t held; /* something came that was not passed on, so nothing is until Python has seen it */
};

/* Who sends; see fast_path.Peer. */
struct peer {
    void *key; /* NULL before there is one, and when it is over */
    struct route *routes;
    int64_t credit, spent; /* bytes that may be passed on, and those that were */
    uint32_t id;
};

/* An address of a peer. */
struct entry {
    struct entry *next;
    struct peer *peer;
    unsigned char name[28];
    uint32_t size;
};

/* What was done with a datagram that came. */
enum { DROPPED, PASSED, OPENED, OTHER };

/* A datagram that came, and what was done with it; offsets count from the memory's beginning. */
struct came {
    uint32_t ssrc, timestamp;
    int32_t payload, payload_size, extension, extension_size;
    uint32_t peer, route; /* their ids; 0: none */
    int32_t value; /* of the extension that the route names; -1: none */
    int32_t next; /* of the same route */
    uint32_t size; /* of the datagram */
    uint16_t sequence, profile;
    uint8_t payload_type, marker, what, spare;
}; /* of one that was passed on the extension is left out */

/* Where datagrams come in; the memory is inlet.BurstInlet's. */
struct line {
    int socket, room, many; /* bytes of a place, and how many there are */
    unsigned char *memory;
    void *messages; /* mmsghdr, one a place */
    struct came *came; /* one a place */
    struct entry *entries[256]; /* by a hash of the address */
    struct places *places;
    int (*unprotect)(void *, void *, int *);
    int eager; /* packets that are sent although more is coming */
    int blocked; /* something waits to be sent before whatever comes */
    int read, opened, copy; /* how far the work is: places read and worked off, peers served */
    int largest; /* bytes of a payload */
    struct route *due[64]; /* of the burst, those with something to pass on … */
    int routes, route; /* … how many, and how many of them are done */
};

/* Protect `count` packets (run.Run.packed) for each of `copies` peers; returns for how many there was room. */
int fan(struct places *, const unsigned char *packets, int count, const struct copy *, int copies);

/* Know a peer by an address, or not any more. */
void enter(struct line *, struct entry *);
void leave(struct line *, struct entry *);

/* Read what came, and pass on what can be. Returns how many datagrams are in `came`, counted from the first place; -1
 * where the socket took not all of `places`: whoever has seen to that calls again. */
int pass_on(struct line *);
