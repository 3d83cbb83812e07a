/* A tape's interface, as C and as cffi read it (no preprocessor here). docs/mechanisms/recording-tape.md says what a tape is. */

typedef struct tape tape;

enum { TAPE_MAGIC = 0x3250544D };

/* One segment in a slot, as far as it has come. */
typedef struct {
    uint32_t length; /* of its sealed bytes in `data`; they are whole, also when the process is killed meanwhile. 0: none */
    int32_t sequence;
    double seconds, end; /* what it covers; its last packet, since the recording began */
    uint8_t head[256];   /* room for what stands before it when it is sent */
    uint8_t data[24200];
} tape_area;

/* Where a track's newest segments lie sealed, in memory that may outlive the process: the one that is open, and the one
 * before it. */
typedef struct {
    uint32_t magic, used;
    char place[208]; /* "tenant/recording/track" and a zero */
    tape_area areas[2];
} tape_slot;

/* OpenSSL's functions by their addresses: EVP_CIPHER_CTX_new, _free and _ctrl, EVP_aes_128_gcm and _256_gcm,
 * EVP_EncryptInit_ex, EVP_EncryptUpdate, EVP_EncryptFinal_ex. */
typedef struct {
    uintptr_t create, release, control, gcm128, gcm256, init, update, final;
} tape_openssl;

/* What a tape's segments are sealed with. */
typedef struct {
    const tape_openssl *openssl; /* must outlive the tape */
    const uint8_t *key, *tink;   /* AES-GCM's; the 5 bytes that Tink writes before all that it seals with it */
    const uint8_t *head;         /* what each SegmentPayload begins with */
    const char *tenant, *recording, *track;
    uint32_t key_length, head_length;
    int32_t sequence; /* of the first segment */
    tape_slot *slot;  /* NULL: memory of the tape's own, which dies with the process */
} tape_sealing;

/* What is taken off a tape. */
typedef struct {
    const uint8_t *bytes; /* until the next call for this tape */
    uint32_t length;
    int32_t sealed; /* 0: the runs of a SegmentPayload, in the clear; 1: a segment of an AppendSegmentsRequest */
    int32_t more;   /* another one waits */
    double seconds; /* what it covers */
} tape_piece;

/* `started` is when the recording began, in monotonic seconds. NULL without memory. */
tape *tape_new(double started);
void tape_free(tape *at);
/* Takes one packet of a stream (any number but 0; another number is another stream) that came at `now`. Below 0: there was
 * no room, and it is lost. Above 0: `tape_guard` is due. */
int tape_put(tape *at, uint32_t stream, uint32_t timestamp, double now, const uint8_t *payload, uint32_t length);
/* A packet is about to come, and has come: what its `tape_put` needs is fetched into the cache meanwhile. Without the lock,
 * on purpose: an address that is no longer right is only fetched, never read. */
void tape_expect(const tape *at);
void tape_reach(const tape *at);
/* Seals what isn't sealed into the slot, where another process finds it when this one is killed. */
void tape_guard(tape *at);
/* From now on it gives segments: what came before must have been taken off, but for what came meanwhile. Below 0 when it
 * can't be. */
int tape_seal(tape *at, const tape_sealing *how);
/* The next piece; first of those that were as long as a piece may be, then of what is open. 0 when there is none. */
int tape_cut(tape *at, tape_piece *piece);
/* Nothing is taken any more, and the slot is the owner's again. */
void tape_end(tape *at);
/* When the last packet came, or the recording began. */
double tape_last(tape *at);
