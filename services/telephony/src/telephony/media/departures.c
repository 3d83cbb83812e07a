/* Packets that a slot's ticks have made, protected and sent one after the other by the event loop's own thread. Its libsrtp
 * contexts are no lane's: whoever sends on a stream of Python's has closed its lane before. */
#define _GNU_SOURCE
#include <stdint.h>
#include <sys/socket.h>

#include "lanes.h"
#include "stream.h"
#include "departures.h"

void depart(lanes_srtp protect, uint8_t *first, uint32_t count) {
    double began = now_seconds();
    for (uint32_t number = 0; number < count; number++) {
        const departure *one = (const departure *)first;
        uint8_t *packet = first + sizeof *one;
        int length = one->length;
        first += one->size;
        if (one->tx && protect(one->tx, packet, &length)) continue;
        /* The process stood still with these in hand: its calls may be another's by now. */
        if (now_seconds() - began > STOOD_SECONDS) return;
        /* A full send buffer or an ICMP error of an earlier packet is a lost packet, as on any network. */
        if (send(one->fd, packet, (size_t)length, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {}
    }
}
