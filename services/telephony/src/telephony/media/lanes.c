/* The thread that walks the lanes: packets of joined legs from socket to socket, without Python.
 *
 * A lane is one direction between two legs in its steady state. The thread receives, decrypts, counts, writes the header
 * anew, encrypts and sends. Whatever isn't the next packet of the expected stream goes to Python untouched, through a ring;
 * if it was RTP the lane stands still, so that Python gets this packet and those behind it in their order, until Python has
 * closed the lane. The rules for numbers are those of rtp.Inbound and rtp.Outbound, to the letter.
 *
 * One lock guards all lanes and all libsrtp contexts they use. The thread holds it for one packet at a time; a second one
 * before it ("next") lets Python's calls in between two packets of a busy thread. Ids carry a generation, so an event that
 * was fetched before its lane was closed finds nothing.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "lanes.h"
#include "stream.h"
#include "tape.h"

enum { RAISED = -10, BATCH = 128, GROW = 64, MAX_WAITING = 256, LEAP_FRAMES = 100, LONGEST_FRAMES = 6 };

/* Checks and reports may wait a little, so that Python is woken for several at once. */
enum urgency { NOT_TOLD, SOON, NOW };
static const long SOON_NANOSECONDS = 5000000;
static const int LOOK_MILLISECONDS = 500;
/* From so many packets a second on the thread rests between two looks, so that it is woken for several at once. */
static const double MANY_A_SECOND = 8000, LATELY_SECONDS = 0.02;
static const struct timespec REST = {.tv_nsec = 150000};

typedef struct {
    lane at;
    uint32_t generation; /* odd while open */
    uint32_t next_free;  /* index + 1 */
    int stands;          /* Python has something of this lane to look at first */
    uint32_t waiting;    /* datagrams in the ring since Python's `taking` */
    uint64_t taking;
} slot;

typedef struct {
    uint8_t *bytes;
    uint64_t size;
    _Atomic uint64_t head, tail;
    _Atomic uint64_t lost;
} ring;

struct lanes {
    ring rings[2];
    lanes_srtp unprotect, protect;
    int epoll, event, wake;
    _Atomic int told; /* urgency */
    _Atomic uint64_t taking; /* how often Python has emptied `odd` */
    _Atomic int stopping;
    pthread_t thread;
    int priority;
    double ran; /* when the thread last looked for packets */
    slot *slots;
    uint32_t count, free; /* slots made; index + 1 of the first free one */
    uint8_t packet[BUFFER] __attribute__((aligned(16)));
};

/* Adaptive: what is waited for is one packet's time, less than being put to sleep and woken. */
static pthread_mutex_t next_turn = PTHREAD_ADAPTIVE_MUTEX_INITIALIZER_NP, turn = PTHREAD_ADAPTIVE_MUTEX_INITIALIZER_NP;

static void enter(void) {
    pthread_mutex_lock(&next_turn);
    pthread_mutex_lock(&turn);
    pthread_mutex_unlock(&next_turn);
}

static void leave(void) { pthread_mutex_unlock(&turn); }

/* ---- rings: written under the lock, read by one reader without it ---- */

static void tell(lanes *all, int how) {
    atomic_thread_fence(memory_order_seq_cst); /* what was pushed is seen by whoever has set `told` back before this */
    if (atomic_load(&all->told) >= how) return;
    atomic_store(&all->told, how);
    struct itimerspec at = {.it_value.tv_nsec = how == NOW ? 1 : SOON_NANOSECONDS};
    timerfd_settime(all->event, 0, &at, NULL);
}

static uint64_t push(ring *into, uint64_t id, double arrival, uint32_t timestamp, uint32_t rtp, const uint8_t *bytes,
                     uint32_t length) {
    uint64_t size = (sizeof(lane_record) + length + 7) & ~(uint64_t)7, head = atomic_load_explicit(&into->head, memory_order_relaxed);
    uint64_t at = head & (into->size - 1), skipped = at + size > into->size ? into->size - at : 0;
    uint64_t used = head - atomic_load_explicit(&into->tail, memory_order_acquire);
    if (used + skipped + size > into->size) {
        atomic_fetch_add_explicit(&into->lost, 1, memory_order_relaxed);
        return used;
    }
    if (skipped) { /* at least 8 bytes, the size and the length, since all records are multiples of 8 */
        uint32_t skip[2] = {(uint32_t)skipped, UINT32_MAX};
        memcpy(into->bytes + at, skip, sizeof skip);
        at = 0;
    }
    lane_record record = {(uint32_t)size, length, id, arrival, timestamp, rtp};
    memcpy(into->bytes + at, &record, sizeof record);
    memcpy(into->bytes + at + sizeof record, bytes, length);
    atomic_store_explicit(&into->head, head + skipped + size, memory_order_release);
    return used + skipped + size;
}

/* ---- one packet ---- */

__extension__ typedef unsigned __int128 wide;

static int mute(const lane *at, uint8_t *packet, int length) {
    if (at->muted == 2) {
        memset(packet + HEADER, at->silence[0], (size_t)(length - HEADER));
        return length;
    }
    memcpy(packet + HEADER, at->silence, at->silence_length);
    return HEADER + (int)at->silence_length;
}

/* The whole process stood still, this thread too: its calls may be another's by now, so that Python decides of each packet
 * first (standstill.py). Under the lock. */
static int stood(lanes *all, double now) {
    if (now - all->ran <= STOOD_SECONDS) return 0;
    for (uint32_t index = 0; index < all->count; index++) all->slots[index].stands = 1;
    return 1;
}

/* The highest number is `step` more than before: those between haven't come yet. */
static void went_on(lane *at, unsigned step) {
    wide missing = ~(wide)0, one = 1;
    if (step <= MAX_REORDER) {
        wide before = step < MAX_REORDER ? ((wide)at->missing_far << 64 | at->missing_near) << step : 0;
        missing = before | ((one << (step - 1)) - 1);
    }
    at->missing_near = (uint64_t)missing;
    at->missing_far = (uint64_t)(missing >> 64);
}

/* Whether the packet `behind` + 1 before the highest was missing; from now on it isn't. */
static int came_late(lane *at, unsigned behind) {
    if (behind >= MAX_REORDER) return 0;
    uint64_t *half = behind < 64 ? &at->missing_near : &at->missing_far, bit = (uint64_t)1 << (behind & 63);
    int missing = (*half & bit) != 0;
    *half &= ~bit;
    return missing;
}

/* Whether there was a long pause, or the sender's clock has leapt: rtp.Outbound tells them apart. */
static int leaps(const lane *at, const uint8_t *packet) {
    uint16_t step = (uint16_t)(get16(packet + 2) - at->source_highest);
    int32_t ahead = (int32_t)(get32(packet + 4) + at->timestamp_offset - at->out_timestamp), frame = (int32_t)at->clock_rate / 50;
    return step < 0x8000 && (ahead < -LEAP_FRAMES * frame || ahead > (LEAP_FRAMES + LONGEST_FRAMES * (int32_t)step) * frame);
}

/* Whether the packet is to be sent; its header is the outbound stream's then. */
static int spliced(lane *at, uint8_t *packet, uint16_t sequence, uint32_t timestamp, double now) {
    uint16_t step = (uint16_t)(sequence - at->source_highest);
    if (step == 0) return 0;
    if (step < 0x8000) {
        at->source_highest = sequence;
        if (step > 1 || at->missing_near || at->missing_far) went_on(at, step);
    } else if (!came_late(at, 0xFFFFu - step))
        return 0;
    uint16_t out_sequence = (uint16_t)(sequence + at->sequence_offset);
    uint32_t out_timestamp = timestamp + at->timestamp_offset;
    if ((uint16_t)(out_sequence - at->out_sequence) < 0x8000) {
        at->out_sequence = out_sequence;
        at->out_timestamp = out_timestamp;
        at->sent_at = now;
    }
    packet[0] = 0x80;
    packet[1] = at->out_type;
    put16(packet + 2, out_sequence);
    put32(packet + 4, out_timestamp);
    put32(packet + 8, at->out_ssrc);
    return 1;
}

static void forward(lanes *all, lane *at, uint64_t id, int length) {
    uint8_t *packet = all->packet;
    if (at->tapped == 2) tape_reach(at->tape);
    if (at->rx && all->unprotect(at->rx, packet, &length)) {
        at->forged++;
        return;
    }
    uint16_t sequence = get16(packet + 2);
    uint32_t timestamp = get32(packet + 4);
    double now = now_seconds();
    count(at, sequence, timestamp, now);
    if (packet[0] != 0x80) length = plain(packet, length);
    if (length <= HEADER || length >= MAX_PAYLOAD) return;
    if (at->muted) length = mute(at, packet, length);
    int due = 0; /* after sending: sealing takes longer than a packet */
    if (at->tapped == 2 && (due = tape_put(at->tape, at->stream, timestamp, now, packet + HEADER, (uint32_t)(length - HEADER))) < 0)
        atomic_fetch_add_explicit(&all->rings[1].lost, 1, memory_order_relaxed);
    if (at->tapped == 1 &&
        push(&all->rings[1], id, now, timestamp, 1, packet + HEADER, (uint32_t)(length - HEADER)) > all->rings[1].size / 4)
        tell(all, NOW);
    if (!spliced(at, packet, sequence, timestamp, now)) return;
    at->out_packets++;
    at->octets += (uint64_t)(length - HEADER);
    if (at->tx && all->protect(at->tx, packet, &length)) return;
    if (stood(all, now_seconds())) return; /* with this packet in hand */
    /* A full send buffer or an ICMP error of an earlier packet is a lost packet, as on any network. */
    if (send(at->out_fd, packet, (size_t)length, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {}
    if (due > 0) tape_guard(at->tape);
}

/* One datagram of the lane's socket, to its end. Under the lock. */
static void step(lanes *all, slot *one, uint64_t id) {
    uint8_t *packet = all->packet;
    if (one->at.tapped == 2) tape_expect(one->at.tape);
    /* Room behind for what protecting adds (SRTP_MAX_TRAILER_LEN is below 160). */
    ssize_t length = recv(one->at.in_fd, packet, BUFFER - 256, MSG_DONTWAIT);
    if (length <= 0) return;
    int rtp = is_rtp(packet, length);
    if (rtp && !one->stands && expected(&one->at, packet) && !leaps(&one->at, packet)) {
        forward(all, &one->at, id, (int)length);
        return;
    }
    if (rtp) one->stands = 1;
    uint64_t taking = atomic_load_explicit(&all->taking, memory_order_relaxed);
    if (one->taking != taking) {
        one->taking = taking;
        one->waiting = 0;
    }
    if (one->waiting++ >= MAX_WAITING) { /* whoever floods Python leaves room for the others */
        atomic_fetch_add_explicit(&all->rings[0].lost, 1, memory_order_relaxed);
        return;
    }
    uint64_t used = push(&all->rings[0], id, now_seconds(), 0, (uint32_t)rtp, packet, (uint32_t)length);
    tell(all, rtp || used > all->rings[0].size / 4 ? NOW : SOON);
}

static slot *find(lanes *all, uint64_t id) {
    uint32_t index = (uint32_t)id, generation = (uint32_t)(id >> 32);
    if (index >= all->count || !(generation & 1) || all->slots[index].generation != generation) return NULL;
    return &all->slots[index];
}

/* What has come lately. */
typedef struct {
    double since;
    uint32_t packets;
    int many;
} traffic;

static int many(traffic *lately, uint32_t more, double now) {
    double passed = now - lately->since;
    lately->packets += more;
    if (passed >= LATELY_SECONDS) *lately = (traffic){now, 0, lately->packets >= passed * MANY_A_SECOND};
    return lately->many;
}

static void *walk(void *argument) {
    lanes *all = argument;
    struct epoll_event ready[BATCH];
    all->ran = now_seconds();
    traffic lately = {.since = all->ran};
    int rests = 0;
    while (!atomic_load(&all->stopping)) {
        int count = epoll_wait(all->epoll, ready, BATCH, rests ? 0 : LOOK_MILLISECONDS);
        double now = now_seconds();
        if (now - all->ran > STOOD_SECONDS) {
            enter();
            stood(all, now);
            leave();
        }
        all->ran = now;
        for (int number = 0; number < count; number++) {
            enter();
            slot *one = find(all, ready[number].data.u64);
            if (one) step(all, one, ready[number].data.u64);
            leave();
        }
        /* Only when nothing is left: who sends many at a time keeps them no longer in its socket than ever. */
        if (rests && count == 0) nanosleep(&REST, NULL);
        rests = count > 0 && many(&lately, (uint32_t)count, now);
    }
    return NULL;
}

/* ---- what the owner calls ---- */

/* Starts the thread with the most that the system lets it have: a packet waits for whoever has the processor when it comes,
 * milliseconds where others want it too, Python's own thread among them, and it is used for a few microseconds. */
static int begun(lanes *all) {
    struct sched_param first = {.sched_priority = 1};
    int before = getpriority(PRIO_PROCESS, 0); /* of this thread, on Linux; the new one inherits it */
    int raised = before > RAISED && !setpriority(PRIO_PROCESS, 0, RAISED);
    int failed = pthread_create(&all->thread, NULL, walk, all);
    if (raised) setpriority(PRIO_PROCESS, 0, before);
    if (failed) return failed;
    all->priority = raised ? 1 : 0;
    if (!pthread_setschedparam(all->thread, SCHED_RR, &first)) all->priority = 2;
    return 0;
}

static void release(lanes *all) {
    if (all->epoll >= 0) close(all->epoll);
    if (all->event >= 0) close(all->event);
    if (all->wake >= 0) close(all->wake);
    free(all->slots);
    free(all);
}

lanes *lanes_start(uint8_t *odd, uint32_t odd_size, uint8_t *tapped, uint32_t tapped_size, lanes_srtp unprotect,
                   lanes_srtp protect) {
    lanes *all = calloc(1, sizeof *all);
    if (!all) return NULL;
    all->rings[0].bytes = odd;
    all->rings[0].size = odd_size;
    all->rings[1].bytes = tapped;
    all->rings[1].size = tapped_size;
    all->unprotect = unprotect;
    all->protect = protect;
    all->epoll = epoll_create1(EPOLL_CLOEXEC);
    all->event = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    all->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    struct epoll_event wake = {.events = EPOLLIN, .data.u64 = 0}; /* an even generation: no lane's */
    sigset_t every, before;
    sigfillset(&every);
    if (all->epoll < 0 || all->event < 0 || all->wake < 0 || epoll_ctl(all->epoll, EPOLL_CTL_ADD, all->wake, &wake)) {
        release(all);
        return NULL;
    }
    pthread_sigmask(SIG_SETMASK, &every, &before); /* signals are Python's */
    int failed = begun(all);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed) {
        release(all);
        errno = failed;
        return NULL;
    }
    pthread_setname_np(all->thread, "lanes");
    return all;
}

void lanes_stop(lanes *all) {
    uint64_t one = 1;
    atomic_store(&all->stopping, 1);
    if (write(all->wake, &one, sizeof one) < 0) {}
    pthread_join(all->thread, NULL);
    release(all);
}

int lanes_priority(const lanes *all) { return all->priority; }

int lanes_event(const lanes *all) { return all->event; }

void lanes_heard(lanes *all) {
    uint64_t times;
    if (read(all->event, &times, sizeof times) < 0) {}
    atomic_store(&all->told, NOT_TOLD);
    atomic_thread_fence(memory_order_seq_cst);
}

/* Index + 1 of a free slot, 0 without memory. */
static uint32_t free_slot(lanes *all) {
    if (all->free) return all->free;
    slot *more = realloc(all->slots, (all->count + GROW) * sizeof *more);
    if (!more) return 0;
    memset(more + all->count, 0, GROW * sizeof *more);
    all->slots = more;
    for (uint32_t number = 0; number < GROW; number++) {
        more[all->count].next_free = all->free;
        all->free = ++all->count;
    }
    return all->free;
}

uint64_t lane_open(lanes *all, const lane *made) {
    uint64_t id = 0;
    if (made->silence_length > sizeof made->silence) {
        errno = EINVAL;
        return 0;
    }
    enter();
    uint32_t place = free_slot(all);
    if (place) {
        slot *one = &all->slots[place - 1];
        id = (uint64_t)(one->generation + 1) << 32 | (place - 1);
        struct epoll_event readable = {.events = EPOLLIN, .data.u64 = id};
        if (epoll_ctl(all->epoll, EPOLL_CTL_ADD, made->in_fd, &readable)) {
            id = 0;
        } else {
            all->free = one->next_free;
            one->at = *made;
            one->at.forged = 0;
            one->stands = 0;
            one->waiting = 0;
            one->generation++;
        }
    }
    leave();
    return id;
}

int lane_read(lanes *all, uint64_t id, lane *now) {
    enter();
    slot *one = find(all, id);
    if (one) *now = one->at;
    leave();
    return one ? 0 : -1;
}

int lane_close(lanes *all, uint64_t id, lane *last) {
    enter();
    slot *one = find(all, id);
    if (one) {
        *last = one->at;
        epoll_ctl(all->epoll, EPOLL_CTL_DEL, one->at.in_fd, NULL);
        memset(&one->at, 0, sizeof one->at);
        one->generation++;
        one->next_free = all->free;
        all->free = (uint32_t)id + 1;
    }
    leave();
    return one ? 0 : -1;
}

uint32_t lanes_idle(lanes *all, double since, uint64_t *ids, uint32_t room) {
    uint32_t found = 0;
    enter();
    for (uint32_t index = 0; index < all->count && found < room; index++) {
        slot *one = &all->slots[index];
        if ((one->generation & 1) && one->at.sent_at < since) ids[found++] = (uint64_t)one->generation << 32 | index;
    }
    leave();
    return found;
}

lanes_losses lanes_lost(lanes *all) {
    return (lanes_losses){atomic_load(&all->rings[0].lost), atomic_load(&all->rings[1].lost)};
}

uint64_t lanes_written(lanes *all, int which) {
    return atomic_load_explicit(&all->rings[which].head, memory_order_acquire);
}

void lanes_taken(lanes *all, int which, uint64_t upto) {
    atomic_store_explicit(&all->rings[which].tail, upto, memory_order_release);
    if (which == 0) atomic_fetch_add_explicit(&all->taking, 1, memory_order_relaxed);
}

int lanes_guarded(lanes_srtp function, void *context, void *packet, int *length) {
    enter();
    int failed = function(context, packet, length);
    leave();
    return failed;
}
