/* The inner loop of forwarding: what is done for every packet, and for every packet of every subscriber. */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include "native.h"

#define HEADER 12
#define MOST_SEGMENTS 64
#define MOST_BYTES 65000
#define OUR_UDP_SEGMENT 103 /* linux/udp.h; older headers lack it */

/* What comes before a payload in run.Run.packed. */
struct packed {
    uint32_t timestamp, size;
    uint16_t number;
    uint8_t marker, spare;
};

struct control {
    struct cmsghdr head;
    uint16_t size;
    unsigned char spare[CMSG_SPACE(sizeof(uint16_t)) - CMSG_LEN(sizeof(uint16_t))];
};

static void put16(unsigned char *at, uint16_t value)
{
    at[0] = value >> 8;
    at[1] = value;
}

static void put32(unsigned char *at, uint32_t value)
{
    put16(at, value >> 16);
    put16(at + 2, value);
}

static uint16_t get16(const unsigned char *at)
{
    return at[0] << 8 | at[1];
}

static uint32_t get32(const unsigned char *at)
{
    return (uint32_t)get16(at) << 16 | get16(at + 2);
}

/* Sends of several packets have one size, and the kernel is told of it; only the last may be shorter. */
static void cut(struct msghdr *message, struct control *control, size_t size)
{
    memset(control, 0, sizeof *control);
    control->head.cmsg_len = CMSG_LEN(sizeof control->size);
    control->head.cmsg_level = IPPROTO_UDP;
    control->head.cmsg_type = OUR_UDP_SEGMENT;
    control->size = size;
    message->msg_control = control;
    message->msg_controllen = sizeof *control;
}

static void fan_one(struct places *places, const unsigned char *packets, int count, const struct copy *copy)
{
    struct iovec *vectors = places->vectors;
    struct msghdr *message = NULL; /* the one that may take more */
    size_t longest = 0, last = 0, total = 0;

    for (int n = 0; n < count; n++) {
        unsigned char *at = places->memory + (size_t)places->used * places->room;
        struct packed head;
        int size;

        memcpy(&head, packets, sizeof head);
        packets += sizeof head;
        at[0] = 0x80;
        at[1] = copy->kind | head.marker;
        put16(at + 2, head.number + copy->shift);
        put32(at + 4, head.timestamp + copy->later);
        put32(at + 8, copy->ssrc);
        memcpy(at + HEADER, packets, head.size);
        packets += head.size;
        size = HEADER + head.size;
        if (places->protect(copy->key, at, &size))
            continue; /* libsrtp refuses: the others go on */
        vectors[places->used].iov_base = at;
        vectors[places->used].iov_len = size;
        if (message && places->segments && last == longest && (size_t)size <= longest
            && message->msg_iovlen < MOST_SEGMENTS && total + size < MOST_BYTES) {
            if (message->msg_iovlen++ == 1)
                cut(message, (struct control *)places->controls + places->due - 1, longest);
            total += size;
            last = size;
        } else {
            struct mmsghdr *fresh = (struct mmsghdr *)places->messages + places->due++;
            memset(fresh, 0, sizeof *fresh);
            message = &fresh->msg_hdr;
            message->msg_name = copy->name;
            message->msg_namelen = copy->name_size;
            message->msg_iov = vectors + places->used;
            message->msg_iovlen = 1;
            longest = last = total = size;
        }
        places->used++;
    }
}

int fan(struct places *places, const unsigned char *packets, int count, const struct copy *copies, int peers)
{
    int done = 0;

    while (done < peers && places->used + count <= places->many)
        fan_one(places, packets, count, copies + done++);
    return done;
}

/* Read a header as wire.rtp.parse does. */
static int parse(const unsigned char *data, int size, struct opened *opened)
{
    int start = HEADER + 4 * (data[0] & 0x0F), stop = size;

    if (size < HEADER || data[0] >> 6 != 2)
        return 0;
    opened->profile = 0;
    opened->extension = opened->extension_size = 0;
    if (data[0] & 0x10) {
        if (start + 4 > size)
            return 0;
        opened->profile = get16(data + start);
        opened->extension = start + 4;
        opened->extension_size = 4 * get16(data + start + 2);
        start += 4 + opened->extension_size;
        if (start > size)
            return 0;
    }
    if (data[0] & 0x20) {
        stop -= data[size - 1];
        if (stop == size)
            return 0;
    }
    if (start > size || stop < start)
        return 0;
    opened->payload = start;
    opened->payload_size = stop - start;
    opened->payload_type = data[1] & 0x7F;
    opened->marker = data[1] & 0x80;
    opened->sequence = get16(data + 2);
    opened->timestamp = get32(data + 4);
    opened->ssrc = get32(data + 8);
    return 1;
}

int open_packets(int (*unprotect)(void *, void *, int *), void *key, unsigned char *memory, int room,
                 const uint16_t *datagrams, int count, struct opened *opened)
{
    int good = 0;

    for (; count > 0; count--, datagrams += 2) {
        int base = datagrams[0] * room, size = datagrams[1];

        if (size < HEADER || unprotect(key, memory + base, &size) || !parse(memory + base, size, opened))
            continue;
        opened->payload += base;
        opened->extension += base;
        opened++;
        good++;
    }
    return good;
}
