/* What a track is recorded on: packets as they come, in runs, sealed again and again where they outlive this process.
 *
 * A lane's thread puts packets down, or Python where a packet goes through Python; Python takes off what has become a
 * segment. What is open in between is sealed every few packets into the track's slot, a piece of a file that is mapped: a
 * kernel keeps it when the process is killed, and the next process sends it on as the segment it would have become. Nothing
 * leaves this file's memory in the clear once there is a key. The rules of places are runs.py's, to the letter.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "tape.h"

enum { RUNS = 8, NUMBERS = 10, FIRST_ROOM = 4096, MOST_ROOM = 1 << 20, TINK = 5, IV = 12, TAG = 16, GET_TAG = 0x10 };
enum { RUN_HEAD = 40, DATA = sizeof(((tape_slot *)0)->data) };
static const double MOST_SECONDS = 1.0, FRAME_SECONDS = 0.02, CLOCK_RATE = 48000;
/* From a packet's coming to its being sealed: with a frame's 20 ms it is 80. */
static const double GUARD_SECONDS = 0.055;

_Static_assert(sizeof(tape_slot) == TAPE_SLOT, "a slot is a slot");
_Static_assert(sizeof(((tape_slot *)0)->marks) == TAPE_MARKS * sizeof(tape_mark), "marks");

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
    pthread_mutex_t lock;
    double started, last;
    int ended;
    /* The stream that is on, and the packet of it that lies furthest. */
    uint32_t stream, last_timestamp;
    int64_t last_position;
    double last_arrival;
    /* What is open. */
    uint8_t *packets;
    uint32_t length, room, count;
    run runs[RUNS];
    double unguarded; /* when the oldest packet came that the slot doesn't have; 0 when it has all */
    /* What it is sealed with. */
    const tape_openssl *openssl;
    void *cipher;
    uint8_t tink[TINK], iv[IV];
    uint8_t *head;
    uint32_t head_length;
    char *bound;
    int32_t sequence;
    tape_slot *slot;
    int newest, before; /* marks: of what is open, of the piece before it; -1: none */
    /* What waits to be taken off. */
    waiting *first, *end;
    uint32_t waits;
    uint8_t *out; /* what was taken off last, where it lies in no slot */
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

static uint64_t micros(double seconds) { return seconds > 0 ? (uint64_t)(seconds * 1e6) : 0; }

/* ---- writing a piece, sealed or not ---- */

typedef struct {
    const tape_openssl *openssl;
    void *cipher; /* NULL: in the clear */
    uint8_t *at;
    int failed;
} writer;

static void put(writer *to, const uint8_t *bytes, uint32_t length) {
    int written = (int)length;
    if (!to->cipher) memcpy(to->at, bytes, length);
    else {
        int (*update)(void *, uint8_t *, int *, const uint8_t *, int) = (void *)to->openssl->update;
        if (update(to->cipher, to->at, &written, bytes, (int)length) != 1) to->failed = 1;
    }
    to->at += length;
}

/* The fields of merkez.recording.v1.SegmentPayload that are this piece's. */
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

static uint32_t sealed_room(const tape *at) { return TINK + IV + at->head_length + 8 + runs_room(at) + TAG; }

/* Another IV for each sealing: the first 8 bytes are this tape's own, by chance. */
static void next_iv(tape *at) {
    for (int number = IV - 1; number >= 8 && !++at->iv[number]; number--) {}
}

/* Seals what is open; its length, 0 when OpenSSL doesn't. */
static uint32_t seal(tape *at, uint8_t *into) {
    int (*init)(void *, const void *, void *, const uint8_t *, const uint8_t *) = (void *)at->openssl->init;
    int (*update)(void *, uint8_t *, int *, const uint8_t *, int) = (void *)at->openssl->update;
    int (*final)(void *, uint8_t *, int *) = (void *)at->openssl->final;
    int (*control)(void *, int, int, void *) = (void *)at->openssl->control;
    char place[TAPE_PLACE + 16];
    int length, ignored = 0;
    next_iv(at);
    memcpy(into, at->tink, TINK);
    memcpy(into + TINK, at->iv, IV);
    length = snprintf(place, sizeof place, "%s/%d", at->bound, at->sequence);
    if (init(at->cipher, NULL, NULL, NULL, at->iv) != 1) return 0;
    if (update(at->cipher, NULL, &ignored, (uint8_t *)place, length) != 1) return 0;
    writer to = {at->openssl, at->cipher, into + TINK + IV, 0};
    uint8_t number[8] = {0x18}; /* sequence */
    put(&to, at->head, at->head_length);
    put(&to, number, 1 + put_varint(number + 1, (uint32_t)at->sequence));
    put_runs(at, &to);
    if (to.failed || final(at->cipher, to.at, &ignored) != 1) return 0;
    if (control(at->cipher, GET_TAG, TAG, to.at) != 1) return 0;
    return (uint32_t)(to.at - into) + TAG;
}

static double covered(const tape *at) {
    double seconds = at->last_arrival - at->runs[0].arrival + FRAME_SECONDS;
    return seconds < MOST_SECONDS ? seconds : MOST_SECONDS;
}

/* ---- the slot ---- */

static tape_mark *mark(const tape *at, int number) { return number < 0 ? NULL : &at->slot->marks[number]; }

static void validate(tape_mark *one, uint32_t valid) { atomic_store_explicit((_Atomic uint32_t *)&one->valid, valid, memory_order_release); }

static int lies_in(const tape_mark *one, uint32_t offset, uint32_t length) {
    return one && offset < one->offset + one->length && one->offset < offset + length;
}

/* Where so many bytes lie beside the marked ones: as low as can be, so that few pages are written. UINT32_MAX: nowhere. */
static uint32_t free_place(const tape *at, uint32_t length) {
    const tape_mark *kept[2] = {mark(at, at->newest), mark(at, at->before)};
    uint32_t found = UINT32_MAX;
    for (int number = -1; number < 2; number++) {
        if (number >= 0 && !kept[number]) continue;
        uint32_t offset = number < 0 ? 0 : (kept[number]->offset + kept[number]->length + 15) & ~15u;
        if (offset + length > DATA || lies_in(kept[0], offset, length) || lies_in(kept[1], offset, length)) continue;
        if (offset < found) found = offset;
    }
    return found;
}

/* Puts what is open into the slot, sealed, in place of what was put there of it before. Whether that went. */
static int guard(tape *at) {
    int number = 0;
    if (!at->slot || !at->cipher) return 0;
    if (at->newest >= 0 && !at->unguarded) return 1;
    uint32_t offset = free_place(at, sealed_room(at)), length;
    if (offset == UINT32_MAX) return 0;
    while (number == at->newest || number == at->before) number++;
    length = seal(at, at->slot->data + offset);
    if (!length) return 0;
    tape_mark *one = mark(at, number), *old = mark(at, at->newest);
    one->sequence = at->sequence;
    one->offset = offset;
    one->length = length;
    one->seconds = covered(at);
    one->end = at->last - at->started;
    validate(one, 1);
    if (old) validate(old, 0);
    at->newest = number;
    at->unguarded = 0;
    return 1;
}

/* ---- packets ---- */

static run *on(tape *at) { return at->count ? &at->runs[at->count - 1] : NULL; }

/* The run that is on is over: what follows is placed behind it. */
static void pass(tape *at) {
    run *one = on(at);
    if (!one) return;
    int64_t position = one->position + one->furthest;
    if (position >= at->last_position) {
        at->last_timestamp = one->timestamp + one->furthest;
        at->last_position = position;
    }
}

/* What is open begins anew; its packets were taken off, or wait to be. */
static void begin_piece(tape *at) {
    at->length = at->count = 0;
    at->unguarded = 0;
}

static void begin_run(tape *at, uint32_t stream, uint32_t timestamp, double now) {
    int64_t position = at->last_position;
    if (stream != at->stream) {
        if (at->stream) position += (int64_t)((now - at->last_arrival) * CLOCK_RATE);
        at->stream = stream;
        at->last_timestamp = timestamp;
        at->last_position = position;
        at->last_arrival = now;
    } else {
        position += (int32_t)(timestamp - at->last_timestamp);
    }
    at->runs[at->count++] = (run){position, timestamp, 0, at->length, now};
}

/* Takes what is open off into `piece`: into the slot where there is one, else into `bytes`, which has room for it. */
static void finish(tape *at, tape_piece *piece, uint8_t *bytes) {
    *piece = (tape_piece){.bytes = bytes, .sequence = at->sequence, .seconds = covered(at)};
    pass(at);
    if (guard(at)) {
        tape_mark *one = mark(at, at->newest), *old = mark(at, at->before);
        piece->bytes = at->slot->data + one->offset;
        piece->length = one->length;
        if (old) validate(old, 0);
        at->before = at->newest;
    } else {
        if (at->newest >= 0) validate(mark(at, at->newest), 0);
        piece->length = at->cipher ? seal(at, bytes) : 0;
    }
    piece->sealed = piece->length > 0;
    if (!piece->sealed) {
        writer to = {NULL, NULL, bytes, 0};
        put_runs(at, &to);
        piece->length = (uint32_t)(to.at - bytes);
    }
    at->newest = -1;
    if (at->cipher) at->sequence++;
    begin_piece(at);
}

/* What is open is as long as a piece may be. Whether there was room to let it wait. */
static int set_aside(tape *at) {
    uint32_t size = sealed_room(at);
    waiting *one = at->waits + size > MOST_ROOM ? NULL : malloc(sizeof *one + size);
    if (!one) return 0;
    one->next = NULL;
    finish(at, &one->piece, one->bytes);
    if (one->piece.bytes != one->bytes) memcpy(one->bytes, one->piece.bytes, one->piece.length);
    one->piece.bytes = one->bytes;
    at->waits += one->piece.length;
    if (at->end) at->end->next = one;
    else at->first = one;
    at->end = one;
    return 1;
}

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

static int added(tape *at, uint32_t stream, uint32_t timestamp, double now, const uint8_t *payload, uint32_t length) {
    if (length > UINT16_MAX) return 0;
    if (at->count && now - at->runs[0].arrival >= MOST_SECONDS && !set_aside(at)) return 0;
    if (at->count && stream != at->stream) pass(at);
    if (at->count == RUNS && stream != at->stream && !set_aside(at)) return 0;
    if (!has_room(at, NUMBERS + length)) return 0;
    if (!at->count || stream != at->stream) begin_run(at, stream, timestamp, now);
    run *one = on(at);
    int32_t offset = (int32_t)(timestamp - one->timestamp);
    if (offset > (int32_t)one->furthest) one->furthest = (uint32_t)offset;
    uint8_t *to = at->packets + at->length;
    put_little(to, (uint32_t)offset, 4);
    put_little(to + 4, (uint32_t)micros(now - one->arrival), 4);
    put_little(to + 8, length, 2);
    memcpy(to + NUMBERS, payload, length);
    at->length += NUMBERS + length;
    at->last = at->last_arrival = now;
    if (!at->unguarded) at->unguarded = now;
    return 1;
}

/* ---- what the owner calls ---- */

tape *tape_new(double started) {
    pthread_mutexattr_t kind;
    tape *at = calloc(1, sizeof *at);
    if (!at) return NULL;
    pthread_mutexattr_init(&kind);
    pthread_mutexattr_setprotocol(&kind, PTHREAD_PRIO_INHERIT); /* a lane's thread may be real-time */
    pthread_mutex_init(&at->lock, &kind);
    pthread_mutexattr_destroy(&kind);
    at->started = at->last = at->last_arrival = started;
    at->newest = at->before = -1;
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
    free(at->packets);
    free(at->head);
    free(at->bound);
    free(at->out);
    free(at);
}

int tape_put(tape *at, uint32_t stream, uint32_t timestamp, double now, const uint8_t *payload, uint32_t length) {
    pthread_mutex_lock(&at->lock);
    int taken = at->ended || added(at, stream, timestamp, now, payload, length);
    int due = at->slot && at->unguarded && now - at->unguarded >= GUARD_SECONDS;
    pthread_mutex_unlock(&at->lock);
    return taken ? due : -1;
}

void tape_guard(tape *at) {
    pthread_mutex_lock(&at->lock);
    if (at->count) guard(at);
    pthread_mutex_unlock(&at->lock);
}

int tape_seal(tape *at, const tape_openssl *openssl, const uint8_t *key, uint32_t key_length, const uint8_t *tink,
              const uint8_t *head, uint32_t head_length, const char *bound, int32_t sequence, tape_slot *slot) {
    int (*init)(void *, const void *, void *, const uint8_t *, const uint8_t *) = (void *)openssl->init;
    const void *kind = ((const void *(*)(void))(key_length == 16 ? openssl->gcm128 : openssl->gcm256))();
    uint8_t iv[IV];
    void *cipher = ((void *(*)(void))openssl->create)();
    uint8_t *own_head = malloc(head_length ? head_length : 1);
    char *own_bound = strdup(bound);
    int made = cipher && own_head && own_bound && strlen(bound) < TAPE_PLACE && getrandom(iv, IV, 0) == IV &&
               init(cipher, kind, NULL, key, iv) == 1;
    if (!made) {
        if (cipher) ((void (*)(void *))openssl->release)(cipher);
        free(own_head);
        free(own_bound);
        return -1;
    }
    memcpy(own_head, head, head_length);
    if (slot) {
        memset(slot, 0, offsetof(tape_slot, data));
        memcpy(slot->place, bound, strlen(bound) + 1);
        slot->magic = TAPE_MAGIC;
        slot->used = 1;
    }
    pthread_mutex_lock(&at->lock);
    at->openssl = openssl;
    at->cipher = cipher;
    memcpy(at->tink, tink, TINK);
    memcpy(at->iv, iv, IV);
    at->head = own_head;
    at->head_length = head_length;
    at->bound = own_bound;
    at->sequence = sequence;
    at->slot = slot;
    pthread_mutex_unlock(&at->lock);
    return 0;
}

int tape_cut(tape *at, tape_piece *piece) {
    int found = 1;
    pthread_mutex_lock(&at->lock);
    free(at->out);
    at->out = NULL;
    waiting *one = at->first;
    if (one) {
        at->first = one->next;
        if (!at->first) at->end = NULL;
        at->waits -= one->piece.length;
        *piece = one->piece;
        at->out = (uint8_t *)one; /* its bytes lie in it */
    } else if (at->count) {
        int in_slot = guard(at);
        if (!in_slot) at->out = malloc(sealed_room(at));
        if (in_slot || at->out) finish(at, piece, at->out);
        else found = 0;
    } else found = 0;
    piece->more = found && (at->first || (one && at->count));
    pthread_mutex_unlock(&at->lock);
    return found;
}

void tape_end(tape *at) {
    pthread_mutex_lock(&at->lock);
    at->ended = 1;
    at->slot = NULL;
    at->newest = at->before = -1;
    pthread_mutex_unlock(&at->lock);
}

double tape_last(tape *at) {
    pthread_mutex_lock(&at->lock);
    double last = at->last;
    pthread_mutex_unlock(&at->lock);
    return last;
}
