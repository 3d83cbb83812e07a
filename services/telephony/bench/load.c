/* The load of bench_media.py: many RTP streams from one thread, paced, stamped by the kernel, every packet checked.
 *
 * Compiled by load.py with the machine's cc and called through ctypes. It links nothing: libsrtp's functions are
 * those of pylibsrtp's own library, handed over as pointers, and so are the sessions made in Python.
 *
 * A payload is made from its stream's number and the packet's count, so whoever receives it can say whether it is
 * whole, whose it is, and when it was sent. A stream that is decoded on its way says a real sound instead, over and
 * over; what chosen streams are sent is then kept, to be listened to afterwards (listening.py). Arrival is the kernel's receive time (SO_TIMESTAMPNS), so a late turn of
 * this thread isn't counted as the server's delay.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { HISTORY = 1024, BUCKETS = 200000, MAX_PACKET = 2048, PERIOD = 20000000, REPORT_EVERY = 128, READY = 256, KEPT = 400 };

typedef int (*srtp_call)(void *session, void *packet, int *length);

/* Mirrored by ctypes and numpy in load.py: keep them alike. */
struct heard {
    uint64_t at;
    uint32_t timestamp, length;
    uint8_t payload[KEPT];
};

struct stream {
    int32_t fd;
    uint32_t address_length;
    uint8_t address[32];
    void *tx, *rx;
    uint32_t ssrc, timestamp, samples, payload_size, expected, count, reports;
    uint16_t sequence;
    uint8_t payload_type, measured;
    uint64_t sent, received, wrong, twice, rtcp, gaps;
    /* What it says, `saying_count` times (2 bytes of length, KEPT of payload), or nothing: made from the count. */
    const uint8_t *saying;
    /* What it is sent, up to `hearing_size` packets, when somebody listens. */
    struct heard *hearing;
    uint32_t saying_count, hearing_size, hearing_count, highest;
    uint64_t sent_at[HISTORY];
    uint32_t counts[HISTORY];
};

struct load {
    struct stream *streams;
    uint32_t count, other_fd;
    srtp_call protect, unprotect, protect_rtcp, unprotect_rtcp;
    uint64_t late_turns, turns;
    uint32_t delays[BUCKETS];
    _Atomic uint32_t stop;
};

static uint64_t now_ns(void) {
    struct timespec at;
    clock_gettime(CLOCK_REALTIME, &at);
    return (uint64_t)at.tv_sec * 1000000000u + at.tv_nsec;
}

/* xorshift32, seeded by whose packet it is and which. */
static void fill(uint8_t *at, uint32_t size, uint32_t stream, uint32_t count) {
    uint32_t word = (stream + 1) * 2654435761u ^ (count + 1) * 2246822519u;
    memcpy(at, &stream, 4);
    memcpy(at + 4, &count, 4);
    for (uint32_t i = 8; i + 4 <= size; i += 4) {
        word ^= word << 13, word ^= word >> 17, word ^= word << 5;
        memcpy(at + i, &word, 4);
    }
}

static void put32(uint8_t *at, uint32_t value) { value = htonl(value); memcpy(at, &value, 4); }

static void report(struct load *load, struct stream *s, uint64_t now) {
    uint8_t packet[MAX_PACKET] = {0x81, 200, 0, 12};
    int length = 52;
    put32(packet + 4, s->ssrc);
    put32(packet + 8, (uint32_t)(now / 1000000000u + 2208988800u));
    put32(packet + 12, (uint32_t)((now % 1000000000u) * 4));
    put32(packet + 16, s->timestamp);
    put32(packet + 20, (uint32_t)s->sent);
    put32(packet + 24, (uint32_t)s->sent * s->payload_size);
    put32(packet + 28, s->ssrc ^ 0x55555555u);
    if (s->tx && load->protect_rtcp(s->tx, packet, &length)) return;
    sendto(s->fd, packet, length, 0, (void *)s->address, s->address_length);
    s->reports++;
}

/* The stream's next 20 ms; how many bytes they are. */
static uint16_t say(struct stream *s, uint8_t *at) {
    const uint8_t *slot = s->saying + (size_t)(s->count % s->saying_count) * (2 + KEPT);
    uint16_t length;
    memcpy(&length, slot, 2);
    memcpy(at, slot + 2, length);
    return length;
}

static void emit(struct load *load, uint32_t number) {
    struct stream *s = &load->streams[number];
    uint8_t packet[MAX_PACKET];
    uint16_t sequence = htons(++s->sequence);
    int length = 12 + s->payload_size;
    s->timestamp += s->samples;
    s->count++;
    packet[0] = 0x80;
    packet[1] = s->payload_type;
    memcpy(packet + 2, &sequence, 2);
    put32(packet + 4, s->timestamp);
    put32(packet + 8, s->ssrc);
    if (s->saying) length = 12 + say(s, packet + 12);
    else fill(packet + 12, s->payload_size, number, s->count);
    if (s->tx && load->protect(s->tx, packet, &length)) return;
    uint64_t now = now_ns();
    s->sent_at[s->count % HISTORY] = now;
    s->counts[s->count % HISTORY] = s->count;
    s->sent++;
    sendto(s->fd, packet, length, 0, (void *)s->address, s->address_length);
    if (s->count % REPORT_EVERY == number % REPORT_EVERY) report(load, s, now);
}

/* Counts what is missing in what the stream is sent; a packet that was late only isn't. */
static void count_gaps(struct stream *s, uint16_t sequence) {
    int16_t step = s->highest ? (int16_t)(sequence - (uint16_t)s->highest) : 1;
    if (step > 0 && step < 1000) s->gaps += step - 1;
    else if (step < 0 && s->gaps) s->gaps--;
    if (step > 0 || step < -1000) s->highest = 0x10000 | sequence;
}

static void keep(struct stream *s, const uint8_t *packet, int length, uint64_t at) {
    if (s->hearing_count == s->hearing_size || length > 12 + KEPT || (packet[1] & 0x7f) != s->payload_type) return;
    struct heard *kept = &s->hearing[s->hearing_count++];
    uint32_t timestamp;
    memcpy(&timestamp, packet + 4, 4);
    kept->at = at;
    kept->timestamp = ntohl(timestamp);
    kept->length = (uint32_t)(length - 12);
    memcpy(kept->payload, packet + 12, kept->length);
}

/* What a call is kept alive with while the load pauses (Opus, or one value throughout): nothing that the load sends. */
static int silence(const uint8_t *payload, int length) {
    static const uint8_t opus[] = {0xf8, 0xff, 0xfe};
    if (length == (int)sizeof opus && !memcmp(payload, opus, sizeof opus)) return 1;
    return length > 1 && !memcmp(payload, payload + 1, length - 1);
}

static void arrived(struct load *load, struct stream *s, uint8_t *packet, int length, uint64_t at, int counts) {
    if (length < 12 || packet[0] < 128 || packet[0] > 191) {
        uint8_t frame[MAX_PACKET + 4];
        uint32_t number = (uint32_t)(s - load->streams);
        memcpy(frame, &number, 4);
        memcpy(frame + 4, packet, length);
        if (write(load->other_fd, frame, length + 4) < 0) { /* a full pipe loses a STUN message, as a network may */ }
        return;
    }
    if (!counts) return;
    if (packet[1] > 191 && packet[1] < 224) {
        if (!s->rx || !load->unprotect_rtcp(s->rx, packet, &length)) s->rtcp++;
        return;
    }
    if (s->rx && load->unprotect(s->rx, packet, &length)) { s->wrong++; return; }
    /* Silence has its number too: what a decoder makes up where nothing comes is sometimes no more than that. */
    count_gaps(s, (uint16_t)(packet[2] << 8 | packet[3]));
    if (silence(packet + 12, length - 12)) return;
    s->received++;
    if (s->hearing) keep(s, packet, length, at);
    if (!s->measured) return;
    uint8_t expected[MAX_PACKET];
    uint32_t from, count;
    memcpy(&from, packet + 12, 4);
    memcpy(&count, packet + 16, 4);
    struct stream *source = &load->streams[s->expected];
    if (from != s->expected || length != 12 + (int)source->payload_size) { s->wrong++; return; }
    fill(expected, source->payload_size, from, count);
    if (memcmp(expected, packet + 12, source->payload_size)) { s->wrong++; return; }
    if (source->counts[count % HISTORY] != count) { s->twice++; return; }
    source->counts[count % HISTORY] = 0;
    uint64_t sent = source->sent_at[count % HISTORY], micros = at > sent ? (at - sent) / 1000 : 0;
    load->delays[micros < BUCKETS ? micros : BUCKETS - 1]++;
}

static void drain(struct load *load, struct stream *s, int counts) {
    uint8_t packet[MAX_PACKET], control[128];
    for (;;) {
        struct iovec part = {packet, sizeof packet};
        struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
        ssize_t length = recvmsg(s->fd, &message, MSG_DONTWAIT);
        if (length < 0) return;
        uint64_t at = 0;
        for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c))
            if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_TIMESTAMPNS) {
                struct timespec stamp;
                memcpy(&stamp, CMSG_DATA(c), sizeof stamp);
                at = (uint64_t)stamp.tv_sec * 1000000000u + stamp.tv_nsec;
            }
        arrived(load, s, packet, (int)length, at ? at : now_ns(), counts);
    }
}

static void wait_until(struct load *load, int epoll, uint64_t due) {
    struct epoll_event ready[READY];
    uint64_t now = now_ns(), left = due > now ? due - now : 0;
    struct timespec limit = {left / 1000000000u, left % 1000000000u};
    int count = (int)syscall(SYS_epoll_pwait2, epoll, ready, READY, &limit, NULL, (size_t)0);
    if (count < 0 && errno == ENOSYS) count = epoll_wait(epoll, ready, READY, (int)(left / 1000000));
    for (int i = 0; i < count; i++) drain(load, &load->streams[ready[i].data.u32], 1);
}

static int by_due(const void *a, const void *b) {
    uint64_t x = ((const uint64_t *)a)[0], y = ((const uint64_t *)b)[0];
    return x < y ? -1 : x > y;
}

/* Sends every stream's packet each 20 ms, at a phase of its own, for `seconds`, then receives for `settle` more. */
int load_run(struct load *load, double seconds, double settle) {
    int epoll = epoll_create1(EPOLL_CLOEXEC), on = 1;
    uint64_t (*order)[2] = calloc(load->count + 1, sizeof *order);
    if (epoll < 0 || !order) return -1;
    prctl(PR_SET_TIMERSLACK, 1000);
    uint32_t phase = 12345;
    for (uint32_t i = 0; i < load->count; i++) {
        struct stream *s = &load->streams[i];
        struct epoll_event event = {.events = EPOLLIN, .data.u32 = i};
        if (s->fd >= 0) setsockopt(s->fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
        if (s->fd >= 0 && epoll_ctl(epoll, EPOLL_CTL_ADD, s->fd, &event)) { close(epoll); free(order); return -1; }
        phase = phase * 1664525u + 1013904223u;
        order[i][0] = (uint64_t)(phase >> 8) * PERIOD >> 24;
        order[i][1] = i;
        if (s->fd >= 0) drain(load, s, 0); /* left over from before */
    }
    qsort(order, load->count, sizeof *order, by_due);
    uint64_t start = now_ns(), end = start + (uint64_t)(seconds * 1e9), round = 0;
    uint32_t next = 0;
    while (load->count && !load->stop) {
        uint64_t due = start + round * PERIOD + order[next][0], now = now_ns();
        if (due >= end) break;
        if (now < due) { wait_until(load, epoll, due); continue; }
        load->turns++;
        if (now > due + 1000000) load->late_turns++;
        if (load->streams[order[next][1]].fd >= 0) emit(load, (uint32_t)order[next][1]);
        if (++next == load->count) next = 0, round++;
        /* Also when late: what has arrived should be read before its socket is full. */
        if (next % 64 == 0) wait_until(load, epoll, 0);
    }
    end = now_ns() + (uint64_t)(settle * 1e9);
    for (uint64_t now; (now = now_ns()) < end && !load->stop;) wait_until(load, epoll, end);
    close(epoll);
    free(order);
    return 0;
}
