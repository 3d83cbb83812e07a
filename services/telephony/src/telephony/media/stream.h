/* A received stream's rules, for all that is written in C: to the letter those of rtp.Inbound and VoiceLeg. Behind lanes.h. */
#include <stdint.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>

enum { BUFFER = 2048, HEADER = 12, MAX_PAYLOAD = 1275 + 64, MAX_REORDER = 128, RESYNC_JUMP = 3000 };

/* standstill.py says the same. */
static const double STOOD_SECONDS = 1.5;

static inline double now_seconds(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

static inline uint16_t get16(const uint8_t *at) { return (uint16_t)(at[0] << 8 | at[1]); }
static inline uint32_t get32(const uint8_t *at) { return (uint32_t)get16(at) << 16 | get16(at + 2); }
static inline void put16(uint8_t *at, uint32_t value) {
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}
static inline void put32(uint8_t *at, uint32_t value) {
    put16(at, value >> 16);
    put16(at + 2, value);
}

/* RTP as RFC 5761 and 7983 tell it from RTCP, STUN and DTLS. */
static inline int is_rtp(const uint8_t *packet, ssize_t length) {
    return length >= HEADER && packet[0] > 127 && packet[0] < 192 && !(packet[1] > 191 && packet[1] < 224);
}

/* Whether this RTP header is the next, or a slightly late, packet of the stream the lane is for. */
static inline int expected(const lane *at, const uint8_t *packet) {
    if ((packet[0] & 0xC0) != 0x80 || (packet[1] & 0x7F) != at->in_type || get32(packet + 8) != at->in_ssrc) return 0;
    uint16_t sequence = get16(packet + 2), step = (uint16_t)(sequence - at->in_highest);
    uint16_t passed = (uint16_t)(sequence - at->source_highest);
    return (step <= RESYNC_JUMP || step >= 0x10000 - MAX_REORDER) && (passed <= RESYNC_JUMP || passed >= 0x8000);
}

static inline void count(lane *at, uint16_t sequence, uint32_t timestamp, double now) {
    at->in_packets++;
    uint16_t step = (uint16_t)(sequence - at->in_highest);
    if (step >= 0x8000) {
        at->late++;
        return;
    }
    if (sequence < at->in_highest) at->in_cycles += 0x10000;
    at->in_highest = sequence;
    double rate = at->clock_rate, drift = (now - at->in_arrival) * rate - ((double)timestamp - (double)at->in_timestamp);
    at->in_arrival = now;
    at->in_timestamp = timestamp;
    if (-rate < drift && drift < rate) at->jitter += ((drift < 0 ? -drift : drift) - at->jitter) / 16;
}

/* Moves the payload to byte 12 when extensions, sources or padding surround it (RFC 3550 5.1, 5.3.1). The new length, 0
 * when the header lies. */
static inline int plain(uint8_t *packet, int length) {
    int first = packet[0], start = HEADER + 4 * (first & 0x0F), end = length;
    if (first & 0x10) {
        if (start + 4 > length) return 0;
        start += 4 + 4 * get16(packet + start + 2);
    }
    if (first & 0x20) end -= packet[length - 1];
    if (start > end) return 0;
    memmove(packet + HEADER, packet + start, (size_t)(end - start));
    return HEADER + end - start;
}
