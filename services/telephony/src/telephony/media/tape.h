/* A tape's interface, as C and as cffi read it (no preprocessor here). docs/mechanisms/recording-tape.md says what a tape is. */

typedef struct tape tape;

enum { TAPE_SLOT = 49152, TAPE_MARKS = 3, TAPE_PLACE = 208, TAPE_MAGIC = 0x3150544D };

/* One sealed piece in a slot. What `valid` says is true also of a process that was killed meanwhile. */
typedef struct {
    uint32_t valid;
    int32_t sequence;
    uint32_t offset, length; /* of its bytes in `data` */
    double seconds, end;     /* what it covers; its last packet, since the recording began */
} tape_mark;

/* Where a track's newest pieces lie sealed, in memory that outlives the process. */
typedef struct {
    uint32_t magic, used;
    char place[208]; /* "tenant/recording/track" and a zero */
    tape_mark marks[3];
    uint8_t data[48840];
} tape_slot;

/* OpenSSL's functions by their addresses: EVP_CIPHER_CTX_new, _free and _ctrl, EVP_aes_128_gcm and _256_gcm,
 * EVP_EncryptInit_ex, EVP_EncryptUpdate, EVP_EncryptFinal_ex. */
typedef struct {
    uintptr_t create, release, control, gcm128, gcm256, init, update, final;
} tape_openssl;

/* What is taken off a tape. */
typedef struct {
    const uint8_t *bytes; /* until the next call for this tape */
    uint32_t length;
    int32_t sealed;   /* 0: the runs of a merkez.recording.v1.SegmentPayload, in the clear; 1: a segment */
    int32_t sequence; /* of a sealed tape's */
    int32_t more;     /* another one waits */
    double seconds;   /* what it covers */
} tape_piece;

/* `started` is when the recording began, in monotonic seconds. NULL without memory. */
tape *tape_new(double started);
void tape_free(tape *at);
/* Takes one packet of a stream (any number but 0; another number is another stream) that came at `now`. Below 0: there was
 * no room, and it is lost. Above 0: `tape_guard` is due. */
int tape_put(tape *at, uint32_t stream, uint32_t timestamp, double now, const uint8_t *payload, uint32_t length);
/* Seals what is open into the slot, where another process finds it when this one is killed. */
void tape_guard(tape *at);
/* From now on pieces are sealed by AES-GCM, in Tink's form: its 5 bytes, IV, sealed bytes, tag. `head` is what a
 * SegmentPayload begins with, `bound` the associated data up to the sequence, which counts from `sequence`. `slot` may be
 * NULL. Below 0 when it can't be. */
int tape_seal(tape *at, const tape_openssl *openssl, const uint8_t *key, uint32_t key_length, const uint8_t *tink,
              const uint8_t *head, uint32_t head_length, const char *bound, int32_t sequence, tape_slot *slot);
/* The next piece; first of those that were as long as a piece may be, then of what is open. 0 when there is none. */
int tape_cut(tape *at, tape_piece *piece);
/* Nothing is taken any more, and the slot is the owner's again. */
void tape_end(tape *at);
/* When the last packet came, or the recording began. */
double tape_last(tape *at);
