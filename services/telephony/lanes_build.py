"""How `telephony.media._lanes` is compiled when the service is installed. Without a C compiler it is left out, and
telephony forwards in Python (docs/mechanisms/forwarding.md).
"""

from pathlib import Path

from cffi import FFI

MEDIA = "src/telephony/media"
PARTS = ("lanes", "gathering", "departures", "tape")
"""Each is a header and a source. What the later ones mean is in the first one's header."""

ffi = FFI()
for _part in PARTS:
    ffi.cdef((Path(__file__).parent / MEDIA / f"{_part}.h").read_text())
ffi.set_source(
    "telephony.media._lanes",
    "\n".join(["#include <stdint.h>", *(f'#include "{part}.h"' for part in PARTS)]),
    sources=[f"{MEDIA}/{part}.c" for part in PARTS],
    include_dirs=[MEDIA],
    extra_compile_args=["-std=gnu11", "-O2", "-Wall", "-Wextra"],
    libraries=["pthread"],
    optional=True,
)
