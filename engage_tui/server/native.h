/* What Python sees of native.c: declarations that cffi reads as they are. */

/* How one peer gets packets that others get too; see outlet.Copy. */
struct copy {
    void *key;
    void *name;
    uint32_t name_size, ssrc, later;
    uint16_t shift;
    uint8_t kind;
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

/* A packet that was opened; offsets count from the memory's beginning. */
struct opened {
    uint32_t ssrc, timestamp;
    int32_t payload, payload_size, extension, extension_size;
    uint16_t sequence, profile;
    uint8_t payload_type, marker;
};

/* Protect `count` packets (run.Run.packed) for each of `copies` peers; returns for how many there was room. */
int fan(struct places *, const unsigned char *packets, int count, const struct copy *, int copies);

/* Unprotect SRTP in place and read its headers: pairs of a place's number and the datagram's size. Returns how many
 * of them authenticate and are well formed. */
int open_packets(int (*unprotect)(void *, void *, int *), void *key, unsigned char *memory, int room,
                 const uint16_t *datagrams, int count, struct opened *);
