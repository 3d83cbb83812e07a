"""The key that a recording's segments are sealed with, and what each is bound to: docs/mechanisms/recording-keys.md."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import tink
from merkez.recording.v1 import segment_pb2
from tink import aead, secret_key_access
from tink.proto import aes_gcm_pb2, tink_pb2

aead.register()

# What protobuf's generator makes of them is known at run time alone.
_keysets: Any = tink_pb2
_keys: Any = aes_gcm_pb2

_AES_GCM = "type.googleapis.com/google.crypto.tink.AesGcmKey"
_TINK_START = b"\x01"


def associated_data(tenant_id: str, recording_id: str, track: str, sequence: int) -> bytes:
    """What a segment is bound to, so that it opens nowhere else."""
    return f"{tenant_id}/{recording_id}/{track}/{sequence}".encode()


def open_keyset(keyset: bytes) -> aead.Aead:
    """The cipher of a serialized cleartext Tink keyset."""
    handle = tink.proto_keyset_format.parse(keyset, secret_key_access.TOKEN)
    return handle.primitive(aead.Aead)


@dataclass(frozen=True)
class RecordingKey:
    """A recording that has begun, and what its segments are sealed with."""

    recording_id: str
    keyset: bytes = field(repr=False)
    """Tink's, serialized in the clear."""
    takes_frames: bool = True
    """Whether recording opens what a tape seals."""


@dataclass(frozen=True)
class PlainKey:
    """An AES-GCM key as OpenSSL takes it, and what Tink writes before all that it seals."""

    key: bytes = field(repr=False)
    prefix: bytes = b""


def plain_key(keyset: bytes) -> PlainKey | None:
    """What a Tink keyset seals with, in Tink's wire format; None where that isn't AES-GCM with Tink's own prefix."""
    parsed = _keysets.Keyset.FromString(keyset)
    for each in parsed.key:
        usual = each.key_data.type_url == _AES_GCM and each.output_prefix_type == _keysets.TINK
        if each.key_id == parsed.primary_key_id and usual:
            key = _keys.AesGcmKey.FromString(each.key_data.value).key_value
            return PlainKey(key, _TINK_START + each.key_id.to_bytes(4, "big"))
    return None


@dataclass(frozen=True)
class Place:
    """Where the segments of one track belong."""

    tenant_id: str
    recording_id: str
    track: str

    @property
    def path(self) -> str:
        """What the associated data is before the sequence."""
        return f"{self.tenant_id}/{self.recording_id}/{self.track}"


def sealed(cipher: aead.Aead, place: Place, head: bytes, sequence: int, content: bytes) -> bytes:
    """A segment of serialized fields of a SegmentPayload: `head` are those of all of the track's."""
    number = segment_pb2.SegmentPayload(sequence=sequence).SerializeToString()
    bound = associated_data(place.tenant_id, place.recording_id, place.track, sequence)
    return cipher.encrypt(head + number + content, bound)
