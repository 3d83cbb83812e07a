"""How `telephony.media._lanes` is compiled when the service is installed. Without a C compiler it is left out, and
telephony forwards in Python (docs/mechanisms/forwarding.md).
"""

from pathlib import Path

from cffi import FFI

_MEDIA = "src/telephony/media"

ffi = FFI()
for _header in ("lanes.h", "gathering.h", "tape.h"):
    ffi.cdef((Path(__file__).parent / _MEDIA / _header).read_text())
ffi.set_source(
    "telephony.media._lanes",
    '#include <stdint.h>\n#include "lanes.h"\n#include "gathering.h"\n#include "tape.h"',
    sources=[f"{_MEDIA}/lanes.c", f"{_MEDIA}/gathering.c", f"{_MEDIA}/tape.c"],
    include_dirs=[_MEDIA],
    extra_compile_args=["-std=gnu11", "-O2", "-Wall", "-Wextra"],
    libraries=["pthread"],
    optional=True,
)
