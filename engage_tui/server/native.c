/* The inner loop of forwarding: what is done for every packet, and for every packet of every subscriber. */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include "native.h"

#define HEADER 12
#define MOST_SEGMENTS 64
#define MOST_BYTES 65000
#define MOST_PACKETS 64 /* of one stream that are handed over together: outlet.BURST */
#define OUR_UDP_SEGMENT 103 /* linux/udp.h; older headers lack it */
#define ONE_BYTE 0xBEDE
#define TWO_BYTE 0x1000

/* A packet to be sent. */
struct packet {
    const unsigned char *payload;
    uint32_t timestamp, size;
    uint16_t number;
    uint8_t marker;
};

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

/* -- out */

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

/* Shift the ids of a VP8 payload, as numbering.Pictures.rewrite does. */
static void rewrite(unsigned char *payload, uint32_t size, const struct copy *copy)
{
    uint32_t at = 2, tl0 = 0;

    if (size < 3 || !(payload[0] & 0x80) || !(payload[1] & 0x80))
        return;
    at += payload[2] & 0x80 ? 2 : 1;
    if (payload[1] & 0x40)
        tl0 = at++;
    if (payload[1] & 0x30)
        at++;
    if (at > size)
        return;
    if (payload[2] & 0x80)
        put16(payload + 2, 0x8000 | ((get16(payload + 2) + copy->picture) & 0x7FFF));
    if (tl0)
        payload[tl0] += copy->tl0;
}

static void fan_one(struct places *places, const struct packet *packet, int count, const struct copy *copy)
{
    struct iovec *vectors = places->vectors;
    struct msghdr *message = NULL; /* the one that may take more */
    size_t longest = 0, last = 0, total = 0;

    for (; count > 0; count--, packet++) {
        unsigned char *at = places->memory + (size_t)places->used * places->room;
        int size = HEADER + packet->size;

        at[0] = 0x80;
        at[1] = copy->kind | packet->marker;
        put16(at + 2, packet->number + copy->shift);
        put32(at + 4, packet->timestamp + copy->later);
        put32(at + 8, copy->ssrc);
        memcpy(at + HEADER, packet->payload, packet->size);
        if (copy->rewrites)
            rewrite(at + HEADER, packet->size, copy);
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

int fan(struct places *places, const unsigned char *packed, int count, const struct copy *copies, int peers)
{
    struct packet packets[MOST_PACKETS];
    int done = 0;

    for (int n = 0; n < count; n++) {
        struct packed head;

        memcpy(&head, packed, sizeof head);
        packed += sizeof head;
        packets[n] = (struct packet){packed, head.timestamp, head.size, head.number, head.marker};
        packed += head.size;
    }
    while (done < peers && places->used + count <= places->many)
        fan_one(places, packets, count, copies + done++);
    return done;
}

/* Send what waits; 0 if the socket did not take all of it. */
static int flush(struct line *line)
{
    struct places *places = line->places;
    struct mmsghdr *messages = places->messages;
    int sent = 0;

    while (!line->blocked && sent < places->due) {
        int took = sendmmsg(line->socket, messages + sent, places->due - sent, 0);
        if (took > 0)
            sent += took;
        else if (errno != EINTR)
            break;
    }
    places->due -= sent;
    if (places->due) {
        memmove(messages, messages + sent, places->due * sizeof *messages);
        return 0;
    }
    places->used = 0;
    return 1;
}

/* -- in */

static unsigned bucket_of(const unsigned char *name)
{
    return (name[2] * 31u + name[3] + name[7] * 7u + name[23] * 13u) & 0xFF; /* port, and the end of an address */
}

void enter(struct line *line, struct entry *entry)
{
    struct entry **at = line->entries + bucket_of(entry->name);

    entry->next = *at;
    *at = entry;
}

void leave(struct line *line, struct entry *entry)
{
    for (struct entry **at = line->entries + bucket_of(entry->name); *at; at = &(*at)->next)
        if (*at == entry) {
            *at = entry->next;
            return;
        }
}

static struct peer *find(const struct line *line, const struct msghdr *message)
{
    const struct entry *entry = line->entries[bucket_of(message->msg_name)];

    while (entry && (entry->size != message->msg_namelen || memcmp(entry->name, message->msg_name, entry->size)))
        entry = entry->next;
    return entry ? entry->peer : NULL;
}

/* Read a header as wire.rtp.parse does. */
static int parse(const unsigned char *data, int size, struct came *came)
{
    int start = HEADER + 4 * (data[0] & 0x0F), stop = size;

    if (size < HEADER || data[0] >> 6 != 2)
        return 0;
    came->profile = 0;
    came->extension = came->extension_size = 0;
    if (data[0] & 0x10) {
        if (start + 4 > size)
            return 0;
        came->profile = get16(data + start);
        came->extension = start + 4;
        came->extension_size = 4 * get16(data + start + 2);
        start += 4 + came->extension_size;
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
    came->payload = start;
    came->payload_size = stop - start;
    came->payload_type = data[1] & 0x7F;
    came->marker = data[1] & 0x80;
    came->sequence = get16(data + 2);
    came->timestamp = get32(data + 4);
    came->ssrc = get32(data + 8);
    return 1;
}

/* The value of an element of `width` bytes, 1 or 2, as wire.rtp.extension finds it; -1: there is none. */
static int value_of(const unsigned char *at, int left, int profile, int wanted, int width)
{
    int one = profile == ONE_BYTE;

    if (!wanted || (!one && (profile & 0xFFF0) != TWO_BYTE))
        return -1;
    while (left > 0) {
        int head = one ? 1 : 2, number, size;

        if (!at[0]) {
            at++;
            left--;
            continue;
        }
        if (left < head)
            return -1;
        number = one ? at[0] >> 4 : at[0];
        size = one ? (at[0] & 0x0F) + 1 : at[1];
        if ((one && number == 15) || head + size > left)
            return -1;
        if (number == wanted)
            return size != width ? -1 : size == 1 ? at[head] : get16(at + head);
        at += head + size;
        left -= head + size;
    }
    return -1;
}

/* Open what came into a place, and see whether it goes on from here. */
static void open_one(struct line *line, int place)
{
    const struct mmsghdr *message = (struct mmsghdr *)line->messages + place;
    unsigned char *data = line->memory + (size_t)place * line->room;
    struct came *came = line->came + place;
    int base = place * line->room, size = message->msg_len;
    struct peer *peer;
    struct route *route;

    came->what = DROPPED;
    came->size = size;
    if (size < 2 || data[0] < 128 || data[0] >= 192 || (data[1] >= 192 && data[1] < 224)) {
        came->what = OTHER;
        return;
    }
    peer = find(line, &message->msg_hdr);
    if (!peer || !peer->key || size < HEADER || line->unprotect(peer->key, data, &size) || !parse(data, size, came))
        return;
    came->what = OPENED;
    came->peer = peer->id;
    for (route = peer->routes; route && route->ssrc != came->ssrc; route = route->next)
        ;
    came->route = route ? route->id : 0;
    if (route && !route->held && route->peers && came->payload_type == route->payload_type && came->payload_size > 0
        && came->payload_size <= line->largest && (uint16_t)(came->sequence - route->newest - 1) < 0x7FFF
        && peer->credit >= (int64_t)message->msg_len) {
        came->what = PASSED;
        came->value = value_of(data + came->extension, came->extension_size, came->profile, route->extension,
                               route->width);
        came->profile = came->extension_size = 0;
        came->next = -1;
        peer->credit -= message->msg_len;
        peer->spent += message->msg_len;
        route->newest = came->sequence;
        if (route->first < 0) {
            line->due[line->routes++] = route;
            route->first = place;
        } else {
            line->came[route->last].next = place;
        }
        route->last = place;
    } else if (route) {
        route->held = 1;
    }
    came->payload += base;
    came->extension += base;
}

/* Read into the places that follow; returns how many came. */
static int read_burst(struct line *line)
{
    struct mmsghdr *messages = line->messages;
    int room = line->many - line->read, came;

    if (room > MOST_PACKETS)
        room = MOST_PACKETS;
    came = room > 0 ? recvmmsg(line->socket, messages + line->read, room, MSG_DONTWAIT, NULL) : 0;
    return came < 0 ? 0 : came;
}

/* Serve those who get what a route has; 0 if the socket did not take it. */
static int serve(struct line *line, const struct route *route)
{
    struct packet packets[MOST_PACKETS];
    struct places *places = line->places;
    int count = 0;

    for (int place = route->first; place >= 0; place = line->came[place].next) {
        const struct came *came = line->came + place;
        packets[count++] = (struct packet){line->memory + came->payload, came->timestamp, came->payload_size,
                                           came->sequence, came->marker};
    }
    for (; line->copy < route->peers; line->copy++) {
        if (places->used + count > places->many && !flush(line))
            return 0;
        fan_one(places, packets, count, route->copies + line->copy);
    }
    return places->used < line->eager || flush(line);
}

int pass_on(struct line *line)
{
    if (!line->opened)
        line->read = 0; /* what came before is seen to */
    for (;;) {
        for (; line->route < line->routes; line->route++) {
            struct route *route = line->due[line->route];
            if (!serve(line, route))
                return -1;
            line->copy = 0;
            route->first = -1;
        }
        line->routes = line->route = 0;
        if (!flush(line))
            return -1;
        line->read += read_burst(line);
        if (line->opened == line->read)
            break;
        while (line->opened < line->read)
            open_one(line, line->opened++);
    }
    line->opened = 0;
    return line->read;
}
