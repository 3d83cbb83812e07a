/* What a track is recorded on: packets as they come, in runs, sealed every few packets where they outlive this process.
 *
 * A lane's thread puts packets down, or Python where a packet goes through Python. A few of them are sealed as a frame,
 * which is written behind the frames before it; frames of less than a second are a segment, and Python takes it off, ready
 * to be sent. They lie in the track's slot, a part of a file that is mapped: a kernel keeps it when the process is killed,
 * and the next process sends what it finds as the segment it would have become. Nothing leaves this process in the clear.
 * Before there is a key, what is taken off is in the clear, and Python seals it. The rules of places are runs.py's, to the
 * letter.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "tape.h"

enum { RUNS = 8, NUMBERS = 10, FIRST_ROOM = 1024, MOST_ROOM = 1 << 20, RUN_HEAD = 48, NUMBER = 12 };
enum { TINK = 5, IV = 12, TAG = 16, GET_TAG = 0x10, FRAME_HEAD = 4, FRAMED = 2, ENTRY_TAIL = 16 };
enum { LINE = 64 }; /* of the cache */
static const double MOST_SECONDS = 1.0, FRAME_SECONDS = 0.02, CLOCK_RATE = 48000;
/* A sender's clock has leapt where it runs so far ahead of time, or behind itself, or stood still for longer than a network
 * keeps packets back. */
static const int64_t LEAP = 96000;
static const double STILL_SECONDS = 10;
/* While packets come 20 ms apart, one is sealed at most 80 ms after it came. */
static const double GUARD_SECONDS = 0.075;
static const uint32_t GUARD_BYTES = 4096;

typedef struct {
    int64_t position;
    uint32_t timestamp, furthest; /* of the first packet; samples from there to the one furthest behind it */
    uint32_t start;               /* in `packets` */
    double arrival;
} run;

/* A piece that waits to be taken off, its bytes behind it. */
typedef struct waiting {
    struct waiting *next;
    tape_piece piece;
    uint8_t bytes[];
} waiting;

struct tape {
    /* What each packet needs comes first, in as few lines of the cache as it takes: `tape_expect`. */
    pthread_mutex_t lock;
    double started, last_arrival; /* when the last packet came */
    double began;                 /* when the first of the piece came; below 0: none is open */
    /* Packets that aren't sealed. */
    uint8_t *packets;
    uint32_t length, room, count;
    int ended;
    void *cipher;
    /* The stream that is on, and the packet of it that lies furthest. */
    uint32_t stream, last_timestamp;
    int64_t last_position, ahead; /* samples that it was ahead of time at most: what comes late is less so */
    uint32_t waits;
    run runs[RUNS];
    /* What they are sealed with. */
    const tape_openssl *openssl;
    uint8_t tink[TINK], iv[IV];
    uint8_t *head;
    uint32_t head_length, place_length, frames;
    uint32_t bound_length;
    char place[256];    /* associated data up to the frame's number */
    uint8_t entry[176]; /* recording and track as an AppendSegmentRequest has them */
    uint32_t entry_length;
    int32_t sequence;
    tape_slot *slot, *own;
    int open; /* the area that is written */
    /* What waits to be taken off: `waits` bytes. */
    waiting *first, *end;
    waiting *taken; /* whose bytes the owner has */
};

/* ---- numbers ---- */

static void put_little(uint8_t *at, uint32_t value, int bytes) {
    for (int number = 0; number < bytes; number++) at[number] = (uint8_t)(value >> 8 * number);
}

static uint32_t put_varint(uint8_t *at, uint64_t value) {
    uint32_t length = 0;
    for (; value >= 0x80; value >>= 7) at[length++] = (uint8_t)(value | 0x80);
    at[length++] = (uint8_t)value;
    return length;
}

/* "/" and a number in decimal. */
static uint32_t put_number(char *at, uint32_t value) {
    char digits[NUMBER];
    uint32_t length = 0, count = 0;
    do digits[count++] = (char)('0' + value % 10);
    while (value /= 10);
    at[length++] = '/';
    while (count) at[length++] = digits[--count];
    return length;
}

static uint32_t put_text(uint8_t *at, uint8_t tag, const char *text) {
    uint32_t length = (uint32_t)strlen(text), head = 1;
    at[0] = tag;
    head += put_varint(at + head, length);
    memcpy(at + head, text, length);
    return head + length;
}

static uint64_t micros(double seconds) { return seconds > 0 ? (uint64_t)(seconds * 1e6) : 0; }

/* ---- runs, in the clear or through the cipher ---- */

typedef struct {
    int (*update)(void *, uint8_t *, int *, const uint8_t *, int); /* NULL: in the clear */
    void *cipher;
    uint8_t *at;
    int failed;
} writer;

static void put(writer *to, const uint8_t *bytes, uint32_t length) {
    int written = (int)length;
    if (!to->update) memcpy(to->at, bytes, length);
    else if (to->update(to->cipher, to->at, &written, bytes, (int)length) != 1) to->failed = 1;
    to->at += length;
}

/* The runs as fields of a merkez.recording.v1.SegmentPayload. */
static void put_runs(const tape *at, writer *to) {
    for (uint32_t number = 0; number < at->count; number++) {
        const run *one = &at->runs[number];
        uint32_t end = number + 1 < at->count ? at->runs[number + 1].start : at->length, length = end - one->start;
        uint8_t inner[RUN_HEAD], outer[RUN_HEAD + 8];
        uint32_t head = 0;
        inner[head++] = 0x08; /* timestamp */
        head += put_varint(inner + head, (uint64_t)one->position);
        inner[head++] = 0x10; /* arrival_micros */
        head += put_varint(inner + head, micros(one->arrival - at->started));
        inner[head++] = 0x1A; /* packets */
        head += put_varint(inner + head, length);
        outer[0] = 0x32; /* runs */
        uint32_t before = 1 + put_varint(outer + 1, head + length);
        memcpy(outer + before, inner, head);
        put(to, outer, before + head);
        put(to, at->packets + one->start, length);
    }
}

static uint32_t runs_room(const tape *at) { return at->length + at->count * (RUN_HEAD + 8); }

/* ---- frames ---- */

/* Another IV for each: the first 8 bytes are this tape's own, by chance. */
static void next_iv(tape *at) {
    for (int number = IV - 1; number >= 8 && !++at->iv[number]; number--) {}
}

/* Seals the runs as Tink does; its length, 0 when OpenSSL doesn't. */
static uint32_t seal(tape *at, uint8_t *into) {
    int (*init)(void *, const void *, void *, const uint8_t *, const uint8_t *) = (void *)at->openssl->init;
    int (*final)(void *, uint8_t *, int *) = (void *)at->openssl->final;
    int (*control)(void *, int, int, void *) = (void *)at->openssl->control;
    writer to = {(void *)at->openssl->update, at->cipher, into + TINK + IV, 0};
    uint32_t bound = at->bound_length + put_number(at->place + at->bound_length, at->frames);
    int ignored = 0;
    next_iv(at);
    memcpy(into, at->tink, TINK);
    memcpy(into + TINK, at->iv, IV);
    if (init(at->cipher, NULL, NULL, NULL, at->iv) != 1) return 0;
    if (to.update(at->cipher, NULL, &ignored, (uint8_t *)at->place, (int)bound) != 1) return 0;
    if (!at->frames) {
        uint8_t number[NUMBER] = {0x18}; /* sequence */
        put(&to, at->head, at->head_length);
        put(&to, number, 1 + put_varint(number + 1, (uint32_t)at->sequence));
    }
    put_runs(at, &to);
    if (to.failed || final(at->cipher, to.at, &ignored) != 1) return 0;
    if (control(at->cipher, GET_TAG, TAG, to.at) != 1) return 0;
    return (uint32_t)(to.at - into) + TAG;
}

static tape_area *area(const tape *at) { return &at->slot->areas[at->open]; }

static void reach(tape_area *one, uint32_t length) {
    atomic_store_explicit((_Atomic uint32_t *)&one->length, length, memory_order_release);
}

static double covered(const tape *at) {
    double seconds = at->last_arrival - at->began + FRAME_SECONDS;
    return seconds < MOST_SECONDS ? seconds : MOST_SECONDS;
}

static int is_open(const tape *at) { return at->began >= 0; }

/* The run that is on is over: what follows is placed behind it. */
static void pass(tape *at) {
    if (!at->count) return;
    const run *one = &at->runs[at->count - 1];
    int64_t position = one->position + one->furthest;
    if (position >= at->last_position) {
        at->last_timestamp = one->timestamp + one->furthest;
        at->last_position = position;
    }
}

static void forget_runs(tape *at) { at->length = at->count = 0; }

static int fits(const tape *at) {
    uint32_t frame = FRAME_HEAD + TINK + IV + at->head_length + NUMBER + runs_room(at) + TAG;
    return area(at)->length + 1 + frame + ENTRY_TAIL <= sizeof area(at)->data;
}

static void bind(tape *at) {
    at->bound_length = at->place_length + put_number(at->place + at->place_length, (uint32_t)at->sequence);
    at->frames = 0;
}

/* ---- pieces ---- */

/* A whole segment as an AppendSegmentsRequest has it, where it lies. */
static void finish_sealed(tape *at, tape_piece *piece) {
    tape_area *one = area(at);
    uint8_t lengths[NUMBER * 2], inner[sizeof at->entry + NUMBER * 2], tail[NUMBER * 2];
    uint32_t head = at->entry_length, tail_length = 0, nanos = (uint32_t)(one->seconds * 1e6) * 1000;
    memcpy(inner, at->entry, head);
    inner[head++] = 0x18; /* sequence */
    head += put_varint(inner + head, (uint32_t)at->sequence);
    inner[head++] = 0x22; /* sealed */
    head += put_varint(inner + head, one->length);
    tail[0] = 0x2A; /* duration: seconds or nanos */
    tail[2] = nanos < 1000000000 ? 0x10 : 0x08;
    tail[1] = (uint8_t)(1 + put_varint(tail + 3, nanos < 1000000000 ? nanos : 1));
    tail_length = 2u + tail[1];
    lengths[0] = 0x0A; /* segments */
    uint32_t first = 1 + put_varint(lengths + 1, head + one->length + tail_length), before = first + head;
    uint8_t *bytes = one->data - before;
    memcpy(bytes, lengths, first);
    memcpy(bytes + first, inner, head);
    memcpy(one->data + one->length, tail, tail_length);
    *piece = (tape_piece){.bytes = bytes, .length = before + one->length + tail_length, .sealed = 1, .seconds = one->seconds};
    at->open = !at->open;
    reach(area(at), 0);
    at->sequence++;
    bind(at);
}

static void wait_for_owner(tape *at, waiting *one, const tape_piece *piece) {
    one->next = NULL;
    one->piece = *piece;
    one->piece.bytes = one->bytes;
    if (piece->bytes != one->bytes) memcpy(one->bytes, piece->bytes, piece->length);
    at->waits += piece->length;
    if (at->end) at->end->next = one;
    else at->first = one;
    at->end = one;
}

static waiting *room_to_wait(const tape *at, size_t size) {
    return at->waits + size > MOST_ROOM ? NULL : malloc(sizeof(waiting) + size);
}

/* The segment that lies in the open area waits, and another one begins. Whether there was room. */
static int set_sealed_aside(tape *at) {
    waiting *one = room_to_wait(at, sizeof(tape_area));
    tape_piece piece;
    if (!one) return 0;
    finish_sealed(at, &piece);
    wait_for_owner(at, one, &piece);
    return 1;
}

/* Seals the runs as the segment's next frame; where that is full, as the next segment's first. Whether it could. */
static int guard(tape *at) {
    if (!at->count) return 1;
    if (!fits(at) && (!at->frames || !set_sealed_aside(at) || !fits(at))) return 0;
    tape_area *one = area(at);
    if (!at->frames) at->began = at->runs[0].arrival;
    pass(at);
    uint32_t begin = one->length ? one->length : 1, length = seal(at, one->data + begin + FRAME_HEAD);
    if (!length) return 0;
    put_little(one->data + begin, length, FRAME_HEAD);
    one->data[0] = FRAMED;
    one->sequence = at->sequence;
    one->seconds = covered(at);
    one->end = at->last_arrival - at->started;
    at->frames++;
    reach(one, begin + FRAME_HEAD + length);
    forget_runs(at);
    return 1;
}

/* Nothing is left unsealed. What can't be sealed is lost rather than written in the clear; OpenSSL has no reason to refuse. */
static void seal_rest(tape *at) {
    if (!guard(at)) forget_runs(at);
}

/* Takes off what is open, in the clear, into `bytes`. */
static void finish_clear(tape *at, tape_piece *piece, uint8_t *bytes) {
    writer to = {NULL, NULL, bytes, 0};
    put_runs(at, &to);
    *piece = (tape_piece){.bytes = bytes, .length = (uint32_t)(to.at - bytes), .seconds = covered(at)};
    pass(at);
    forget_runs(at);
}

/* What is open is as long as a piece may be. Whether there was room to let it wait. */
static int set_aside(tape *at) {
    if (at->cipher) {
        seal_rest(at);
        if (at->frames && !set_sealed_aside(at)) return 0;
    } else {
        waiting *one = room_to_wait(at, runs_room(at));
        tape_piece piece;
        if (!one) return 0;
        finish_clear(at, &piece, one->bytes);
        wait_for_owner(at, one, &piece);
    }
    at->began = -1;
    return 1;
}

/* ---- packets ---- */

static int has_room(tape *at, uint32_t more) {
    uint32_t room = at->room ? at->room : FIRST_ROOM;
    if (at->waits + at->length + more > MOST_ROOM) return 0;
    while (room < at->length + more) room *= 2;
    if (room == at->room) return 1;
    uint8_t *bytes = realloc(at->packets, room);
    if (!bytes) return 0;
    at->packets = bytes;
    at->room = room;
    return 1;
}

static int64_t time_at(const tape *at, double now) { return (int64_t)((now - at->started) * CLOCK_RATE); }

/* Whether the stream's clock tells no time any more: some senders begin theirs anew in the middle (RFC 3550 5.1 wants another
 * SSRC then), or let it stand while they send nothing. */
static int leapt(const tape *at, uint32_t timestamp, double now) {
    int64_t furthest = at->last_position, position = furthest + (int32_t)(timestamp - at->last_timestamp);
    if (at->count) {
        const run *one = &at->runs[at->count - 1];
        position = one->position + (int32_t)(timestamp - one->timestamp);
        if (one->position + one->furthest > furthest) furthest = one->position + one->furthest;
    }
    int64_t step = position - furthest;
    return position - time_at(at, now) > at->ahead + LEAP || step < -LEAP ||
           step < (int64_t)((now - at->last_arrival - STILL_SECONDS) * CLOCK_RATE);
}

/* `anew`: it is placed by time, behind what came before. */
static void begin_run(tape *at, uint32_t stream, uint32_t timestamp, double now, int anew) {
    int64_t position = at->last_position;
    if (anew) {
        if (at->stream) position += (int64_t)((now - at->last_arrival) * CLOCK_RATE);
        at->stream = stream;
        at->last_timestamp = timestamp;
        at->last_position = position;
        at->ahead = position - time_at(at, now);
    } else {
        position += (int32_t)(timestamp - at->last_timestamp);
    }
    at->runs[at->count++] = (run){position, timestamp, 0, at->length, now};
}

static int added(tape *at, uint32_t stream, uint32_t timestamp, double now, const uint8_t *payload, uint32_t length) {
    if (length > UINT16_MAX) return 0;
    int anew = stream != at->stream || leapt(at, timestamp, now);
    if (is_open(at) && now - at->began >= MOST_SECONDS && !set_aside(at)) return 0;
    if (at->count == RUNS && anew && !(at->cipher ? guard(at) : set_aside(at))) return 0;
    if (!has_room(at, NUMBERS + length)) return 0;
    if (!at->count || anew) {
        pass(at);
        begin_run(at, stream, timestamp, now, anew);
    }
    run *one = &at->runs[at->count - 1];
    int32_t offset = (int32_t)(timestamp - one->timestamp);
    if (offset > (int32_t)one->furthest) one->furthest = (uint32_t)offset;
    int64_t ahead = one->position + offset - time_at(at, now);
    if (ahead > at->ahead) at->ahead = ahead;
    uint8_t *to = at->packets + at->length;
    put_little(to, (uint32_t)offset, 4);
    put_little(to + 4, (uint32_t)micros(now - one->arrival), 4);
    put_little(to + 8, length, 2);
    memcpy(to + NUMBERS, payload, length);
    at->length += NUMBERS + length;
    at->last_arrival = now;
    if (!is_open(at)) at->began = now;
    return 1;
}

/* ---- what the owner calls ---- */

tape *tape_new(double started) {
    pthread_mutexattr_t kind;
    tape *at = aligned_alloc(LINE, (sizeof *at + LINE - 1) / LINE * LINE);
    if (!at) return NULL;
    memset(at, 0, sizeof *at);
    pthread_mutexattr_init(&kind);
    pthread_mutexattr_setprotocol(&kind, PTHREAD_PRIO_INHERIT); /* a lane's thread may be real-time */
    pthread_mutex_init(&at->lock, &kind);
    pthread_mutexattr_destroy(&kind);
    at->started = at->last_arrival = started;
    at->began = -1;
    return at;
}

void tape_free(tape *at) {
    if (at->cipher) ((void (*)(void *))at->openssl->release)(at->cipher);
    for (waiting *one = at->first; one;) {
        waiting *next = one->next;
        free(one);
        one = next;
    }
    pthread_mutex_destroy(&at->lock);
    free(at->taken);
    free(at->packets);
    free(at->head);
    free(at->own);
    free(at);
}

/* Asks for the lines of the cache from `from` on that `bytes` lie in. */
static void fetch(const void *from, size_t bytes) {
    for (size_t at = 0; at < bytes; at += LINE) __builtin_prefetch((const uint8_t *)from + at, 1);
}

void tape_expect(const tape *at) { fetch(at, offsetof(tape, runs) + sizeof(run)); }

void tape_reach(const tape *at) { fetch(at->packets + at->length, 2 * LINE); }

int tape_put(tape *at, uint32_t stream, uint32_t timestamp, double now, const uint8_t *payload, uint32_t length) {
    pthread_mutex_lock(&at->lock);
    int taken = at->ended || added(at, stream, timestamp, now, payload, length);
    int due = !at->ended && at->cipher && at->count && /* once it has ended it has no slot */
              (now - at->runs[0].arrival >= GUARD_SECONDS || at->length >= GUARD_BYTES);
    if (due) { /* soon, but first the packet is sent */
        fetch(at->cipher, 3 * LINE);
        fetch(&at->openssl, offsetof(tape, entry) - offsetof(tape, openssl));
        fetch(area(at), sizeof(tape_area) - sizeof area(at)->data);
    }
    pthread_mutex_unlock(&at->lock);
    return taken ? due : -1;
}

void tape_guard(tape *at) {
    pthread_mutex_lock(&at->lock);
    if (at->cipher && !at->ended) guard(at);
    pthread_mutex_unlock(&at->lock);
}

static void open_slot(tape *at, tape_slot *slot) {
    memset(slot->place, 0, sizeof slot->place);
    memcpy(slot->place, at->place, at->place_length);
    reach(&slot->areas[0], 0);
    reach(&slot->areas[1], 0);
    slot->magic = TAPE_MAGIC;
    atomic_store_explicit((_Atomic uint32_t *)&slot->used, 1, memory_order_release);
    at->slot = slot;
}

int tape_seal(tape *at, const tape_sealing *how) {
    int (*init)(void *, const void *, void *, const uint8_t *, const uint8_t *) = (void *)how->openssl->init;
    const void *kind = ((const void *(*)(void))(how->key_length == 16 ? how->openssl->gcm128 : how->openssl->gcm256))();
    size_t tenant = strlen(how->tenant), recording = strlen(how->recording), track = strlen(how->track);
    int named = tenant + recording + track + 2 < sizeof how->slot->place && recording + track + 8 < sizeof at->entry;
    void *cipher = named ? ((void *(*)(void))how->openssl->create)() : NULL;
    uint8_t *head = malloc(how->head_length + 1), iv[IV];
    tape_slot *own = how->slot ? NULL : calloc(1, sizeof *own);
    if (!cipher || !head || (!how->slot && !own) || getrandom(iv, IV, 0) != IV || init(cipher, kind, NULL, how->key, iv) != 1) {
        if (cipher) ((void (*)(void *))how->openssl->release)(cipher);
        free(head);
        free(own);
        return -1;
    }
    memcpy(head, how->head, how->head_length);
    pthread_mutex_lock(&at->lock);
    if (at->first || at->cipher) {
        pthread_mutex_unlock(&at->lock);
        ((void (*)(void *))how->openssl->release)(cipher);
        free(head);
        free(own);
        return -1;
    }
    char *place = at->place;
    place = (char *)memcpy(place, how->tenant, tenant) + tenant;
    *place++ = '/';
    place = (char *)memcpy(place, how->recording, recording) + recording;
    *place++ = '/';
    memcpy(place, how->track, track);
    at->place_length = (uint32_t)(tenant + recording + track + 2);
    at->entry_length = put_text(at->entry, 0x0A, how->recording);
    at->entry_length += put_text(at->entry + at->entry_length, 0x12, how->track);
    at->openssl = how->openssl;
    at->cipher = cipher;
    memcpy(at->tink, how->tink, TINK);
    memcpy(at->iv, iv, IV);
    at->head = head;
    at->head_length = how->head_length;
    at->sequence = how->sequence;
    at->own = own;
    if (!at->length) { /* what waited for the key took more room than a frame ever will */
        free(at->packets);
        at->packets = NULL;
        at->room = 0;
    }
    bind(at);
    open_slot(at, own ? own : how->slot);
    pthread_mutex_unlock(&at->lock);
    return 0;
}

/* The first of what waits, else what is open; 0 when there is none. */
static int taken_off(tape *at, tape_piece *piece) {
    waiting *one = at->first;
    if (one) {
        at->first = one->next;
        if (!at->first) at->end = NULL;
        at->waits -= one->piece.length;
        at->taken = one;
        *piece = one->piece;
        return 1;
    }
    if (!is_open(at)) return 0;
    if (at->cipher) {
        int sealed = at->frames > 0;
        at->began = -1;
        if (sealed) finish_sealed(at, piece);
        return sealed;
    }
    at->taken = malloc(sizeof(waiting) + runs_room(at));
    if (!at->taken) return 0;
    finish_clear(at, piece, at->taken->bytes);
    at->began = -1;
    return 1;
}

int tape_cut(tape *at, tape_piece *piece) {
    int found = 0;
    pthread_mutex_lock(&at->lock);
    free(at->taken);
    at->taken = NULL;
    if (!at->ended) {
        if (at->cipher) seal_rest(at);
        int waited = at->first != NULL;
        found = taken_off(at, piece);
        piece->more = found && (at->first || (waited && is_open(at)));
    }
    pthread_mutex_unlock(&at->lock);
    return found;
}

void tape_end(tape *at) {
    pthread_mutex_lock(&at->lock);
    at->ended = 1;
    at->slot = NULL;
    pthread_mutex_unlock(&at->lock);
}

double tape_last(tape *at) {
    pthread_mutex_lock(&at->lock);
    double last = at->last_arrival;
    pthread_mutex_unlock(&at->lock);
    return last;
}
