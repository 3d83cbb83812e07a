/* Departures' interface, as C and as cffi read it (no preprocessor here), behind lanes.h. docs/mechanisms/forwarding.md. */

/* One RTP packet that is to be sent. Its bytes lie behind this, and behind them room for what protecting adds. */
typedef struct {
    void *tx;        /* NULL for plain RTP */
    int32_t fd;      /* of a connected socket */
    uint16_t length; /* of the packet */
    uint16_t size;   /* of all of it, a multiple of 8 */
} departure;

/* Protects and sends so many that lie one behind the other from `first` on, which is aligned to 8 bytes. */
void depart(lanes_srtp protect, uint8_t *first, uint32_t count);
