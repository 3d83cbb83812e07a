/* Gathering's interface, as C and as cffi read it (no preprocessor here), behind lanes.h. docs/mechanisms/forwarding.md. */

/* A leg whose packets are wanted once a tick. Python's, from gathered_open until gathered_close has returned. */
typedef struct {
    lane at;     /* in_fd, rx and the numbers of rtp.Inbound; nothing else of it is used */
    int32_t stands; /* Python has something of this leg to look at first */
} gathered;

enum { GATHERED_OTHER, GATHERED_RTP, GATHERED_SOUND, GATHERED_STRIDE = 2048 };

/* One datagram that was found. */
typedef struct {
    gathered *of;
    uint32_t timestamp;
    uint16_t sequence;
    uint16_t length; /* of the datagram; of sound: 12 more than its payload, which begins at byte 12 */
    uint32_t kind;   /* GATHERED_SOUND: decrypted and counted. GATHERED_RTP: as it came, and the leg stands */
    uint32_t spare;
} gathered_packet;

/* An epoll set of legs, or -1 with errno. */
int gathering_open(void);
void gathering_close(int set);
/* The leg's packets wait in its socket from now on until they are gathered. -1 with errno. */
int gathered_open(int set, gathered *one);
void gathered_close(int set, gathered *one);
/* What has come, in its order within each leg: number n lies at packets + n * GATHERED_STRIDE. How many, at most `room`. */
uint32_t gather(int set, lanes_srtp unprotect, gathered_packet *found, uint8_t *packets, uint32_t room);
