/* The lanes' interface, as C and as cffi read it (no preprocessor here). docs/mechanisms/forwarding.md says what a lane is. */

typedef struct lanes lanes;

/* One libsrtp call: context, packet in place, its length in and out; 0 is success. */
typedef int (*lanes_srtp)(void *context, void *packet, int *length);

typedef struct {
    /* What the owner says when a lane is opened. Contexts are NULL for plain RTP. */
    int32_t in_fd, out_fd;
    void *rx, *tx;
    uint32_t in_ssrc, clock_rate;
    uint8_t in_type, out_type;
    uint8_t tapped;     /* 1: payloads are put into the ring; 2: on `tape` (tape.h), which must outlive the lane */
    uint8_t muted;      /* the payload is replaced: 1 by `silence`, 2 by its first byte as often as the payload is long */
    uint8_t silence[8];
    uint32_t silence_length, stream; /* the number that the stream has on the tape */
    void *tape;

    /* rtp.Inbound's numbers (RFC 3550 A). */
    uint16_t in_highest;
    uint32_t in_cycles, in_timestamp;
    double in_arrival, jitter; /* monotonic seconds; samples */
    uint64_t in_packets, late;

    /* rtp.Outbound's numbers. */
    uint32_t out_ssrc, timestamp_offset, out_timestamp;
    uint16_t sequence_offset, out_sequence, source_highest;
    uint64_t missing_near, missing_far; /* one number: rtp.Outbound._missing */
    double sent_at; /* monotonic seconds */
    uint64_t out_packets, octets;

    uint64_t forged; /* packets that failed authentication while the lane was open */
} lane;

/* What lies in a ring before each datagram or payload; records are multiples of 8 bytes long. */
typedef struct {
    uint32_t size;   /* of the whole record */
    uint32_t length; /* of what follows; UINT32_MAX: nothing here up to the end of the ring */
    uint64_t id;     /* of the lane */
    double arrival;
    uint32_t timestamp;
    uint32_t rtp; /* 1 when the lane stands still until it is closed */
} lane_record;

typedef struct {
    uint64_t odd_lost, tapped_lost; /* what found its ring or tape full */
} lanes_losses;

/* Starts the thread. The rings are the caller's, sizes powers of two, and must outlive it. `odd` gets whole datagrams as
 * they came, `tapped` decrypted payloads. NULL with errno on failure. */
lanes *lanes_start(uint8_t *odd, uint32_t odd_size, uint8_t *tapped, uint32_t tapped_size, lanes_srtp unprotect,
                   lanes_srtp protect);
/* Ends the thread and frees everything. */
void lanes_stop(lanes *all);
/* What the system has let the thread have: 2 real-time (SCHED_RR), 1 niceness -10, 0 no more than others. */
int lanes_priority(const lanes *all);

/* Readable when RTP waits in `odd`, something else has waited there for 5 ms, or many payloads wait in `tapped`. */
int lanes_event(const lanes *all);
/* Makes the event unreadable. Call it before looking at the rings. */
void lanes_heard(lanes *all);

/* The thread takes the packets of `in_fd` from now on. The lane's id, or 0 with errno. */
uint64_t lane_open(lanes *all, const lane *made);
/* Its numbers by now. -1 when there is no such lane. */
int lane_read(lanes *all, uint64_t id, lane *now);
/* The same, and the thread touches none of it any more when this returns. */
int lane_close(lanes *all, uint64_t id, lane *last);
/* Ids of lanes through which nothing went since `since` (monotonic seconds); how many, at most `room`. */
uint32_t lanes_idle(lanes *all, double since, uint64_t *ids, uint32_t room);
lanes_losses lanes_lost(lanes *all);

/* Up to where a ring is written, and saying up to where it has been read; bytes since the start. `which`: 0 odd, 1 tapped. */
uint64_t lanes_written(lanes *all, int which);
void lanes_taken(lanes *all, int which, uint64_t upto);

/* Any other libsrtp call on a context that a lane may be using. */
int lanes_guarded(lanes_srtp function, void *context, void *packet, int *length);
