/* Packets that are wanted once a tick, read all together by the event loop's own thread when the tick begins.
 *
 * A leg that is decoded has its sound taken out of a jitter buffer every 20 ms, so waking up for each of its packets tells
 * nobody anything earlier. They wait in their sockets; the kernel says when each came, so that jitter is measured as
 * before. Rules and numbers are the lanes' (stream.h), and what isn't the stream's next packet goes to Python as it came.
 * All is called by one thread: there is no lock.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "lanes.h"
#include "gathering.h"
#include "stream.h"

enum { READY = 64, ROUNDS = 4 };

/* What the clocks show at one moment, in seconds. */
typedef struct {
    double monotonic, real;
} moment;

static double seconds(const struct timespec *at) { return (double)at->tv_sec + (double)at->tv_nsec / 1e9; }

static moment now_by_both(void) {
    struct timespec real;
    clock_gettime(CLOCK_REALTIME, &real);
    return (moment){now_seconds(), seconds(&real)};
}

/* When the kernel got it, in monotonic seconds; now where it doesn't say so or the clock was set meanwhile. */
static double arrival(struct msghdr *message, const moment *now) {
    for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part; part = CMSG_NXTHDR(message, part)) {
        if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_TIMESTAMPNS) continue;
        struct timespec at;
        memcpy(&at, CMSG_DATA(part), sizeof at);
        double waited = now->real - seconds(&at);
        return waited > 0 && waited < 10 ? now->monotonic - waited : now->monotonic;
    }
    return now->monotonic;
}

/* Decrypts and counts the stream's next packet. The length it leaves, 0 when it isn't for the ear. */
static int heard(gathered *one, lanes_srtp unprotect, uint8_t *packet, int length, double at) {
    if (one->at.rx && unprotect(one->at.rx, packet, &length)) {
        one->at.forged++;
        return 0;
    }
    count(&one->at, get16(packet + 2), get32(packet + 4), at);
    one->at.source_highest = one->at.in_highest;
    if (packet[0] != 0x80) length = plain(packet, length);
    return length > HEADER && length < MAX_PAYLOAD ? length : 0;
}

/* One datagram of the leg's socket. Whether Python gets something of it. */
static int read_one(gathered *one, lanes_srtp unprotect, gathered_packet *found, uint8_t *packet, const moment *now) {
    uint8_t control[CMSG_SPACE(sizeof(struct timespec))] __attribute__((aligned(8)));
    struct iovec part = {packet, GATHERED_STRIDE};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    int length = (int)recvmsg(one->at.in_fd, &message, MSG_DONTWAIT);
    if (length < 0) return 0;
    *found = (gathered_packet){.of = one, .length = (uint16_t)length, .kind = GATHERED_OTHER};
    if (!is_rtp(packet, length)) return length > 0;
    if (one->stands || !expected(&one->at, packet)) {
        one->stands = 1;
        found->kind = GATHERED_RTP;
        return 1;
    }
    length = heard(one, unprotect, packet, length, arrival(&message, now));
    found->kind = GATHERED_SOUND;
    found->sequence = get16(packet + 2);
    found->timestamp = get32(packet + 4);
    found->length = (uint16_t)length;
    return length > 0;
}

int gathering_open(void) { return epoll_create1(EPOLL_CLOEXEC); }

void gathering_close(int set) { close(set); }

int gathered_open(int set, gathered *one) {
    int on = 1;
    struct epoll_event readable = {.events = EPOLLIN, .data.ptr = one};
    one->stands = 0;
    one->at.forged = 0;
    one->at.source_highest = one->at.in_highest;
    if (setsockopt(one->at.in_fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on)) return -1;
    return epoll_ctl(set, EPOLL_CTL_ADD, one->at.in_fd, &readable);
}

void gathered_close(int set, gathered *one) { epoll_ctl(set, EPOLL_CTL_DEL, one->at.in_fd, NULL); }

uint32_t gather(int set, lanes_srtp unprotect, gathered_packet *found, uint8_t *packets, uint32_t room) {
    struct epoll_event ready[READY];
    moment now = now_by_both();
    uint32_t many = 0;
    /* A socket is read once a round: whoever floods one keeps nobody else waiting. */
    for (int round = 0; round < ROUNDS && many < room; round++) {
        int left = (int)(room - many), count = epoll_wait(set, ready, left < READY ? left : READY, 0);
        if (count <= 0) break;
        for (int number = 0; number < count; number++)
            many += (uint32_t)read_one(ready[number].data.ptr, unprotect, found + many, packets + (size_t)many * GATHERED_STRIDE, &now);
    }
    return many;
}
