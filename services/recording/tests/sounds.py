"""Opus streams made by a real encoder, and ears for what comes out: for the tests of recording."""

from __future__ import annotations

import io
import struct
from collections.abc import Sequence

import av
import numpy as np
import numpy.typing as npt
from merkez.recording.v1 import recording_pb2, segment_pb2
from recording.domain import ogg, tracks
from recording.domain.recordings import associated_data
from tink import aead, proto_keyset_format, secret_key_access

RATE = 48_000


def opus_tone(
    hertz: float, seconds: float, *, frame_ms: int = 20, bitrate: int = 32_000, layout: str = "mono"
) -> list[bytes]:
    """Packets of a tone, as a browser would send them."""
    encoder = av.CodecContext.create("libopus", "w")
    encoder.sample_rate, encoder.layout, encoder.format = RATE, layout, "s16"  # type: ignore[attr-defined]
    encoder.bit_rate = bitrate
    encoder.options = {"frame_duration": str(frame_ms), "application": "voip"}
    encoder.open()
    channels = 2 if layout == "stereo" else 1
    time = np.arange(int(RATE * seconds)) / RATE
    wave = np.repeat((np.sin(2 * np.pi * hertz * time) * 12_000).astype(np.int16), channels)
    size, packets = RATE * frame_ms // 1000 * channels, []
    for index in range(len(wave) // size):
        frame = av.AudioFrame.from_ndarray(wave[None, index * size : (index + 1) * size], format="s16", layout=layout)
        frame.sample_rate, frame.pts = RATE, index * size // channels
        packets += [bytes(packet) for packet in encoder.encode(frame)]  # type: ignore[attr-defined]
    return packets


def placed(
    packets: Sequence[bytes], *, frame_ms: int = 20, start_ms: float = 0, skip: Sequence[int] = ()
) -> list[tracks.Packet]:
    """The packets as telephony notes them, arriving in step from `start_ms` on, without those in `skip`."""
    return [
        tracks.Packet(index * frame_ms * 48, int((start_ms + index * frame_ms) * 1000), packet)
        for index, packet in enumerate(packets)
        if index not in skip
    ]


def muxed(left: Sequence[tracks.Packet], right: Sequence[tracks.Packet]) -> tuple[bytes, tracks.Track, tracks.Track]:
    """The file of two tracks, and the tracks as laid."""
    customer, agent = tracks.lay("customer", left), tracks.lay("agent", right)
    slots = max(customer.end_slot, agent.end_slot)
    return b"".join(ogg.write(tracks.pair(customer, agent, slots), serial=1)), customer, agent


def heard(file: bytes) -> npt.NDArray[np.float64]:
    """What a decoder of somebody else's makes of the file: (2, samples)."""
    with av.open(io.BytesIO(file), "r") as container:
        frames = [frame.to_ndarray() for frame in container.decode(audio=0)]
    return np.concatenate(frames, axis=1).astype(float)


def pitch(samples: npt.NDArray[np.float64], start: float, seconds: float = 0.5) -> float:
    """The loudest frequency of a stretch, 0 when it is silent."""
    window = samples[int(start * RATE) : int((start + seconds) * RATE)]
    if len(window) == 0 or np.sqrt(np.mean(window**2)) < 0.003:
        return 0.0
    return float(np.argmax(np.abs(np.fft.rfft(window * np.hanning(len(window))))) / seconds)


def run_of(packets: Sequence[tracks.Packet]) -> segment_pb2.PacketRun:
    """The packets as one run."""
    first = packets[0]
    content = b"".join(
        struct.pack(
            "<iIH",
            packet.timestamp - first.timestamp,
            packet.arrival_micros - first.arrival_micros,
            len(packet.payload),
        )
        + packet.payload
        for packet in packets
    )
    return segment_pb2.PacketRun(timestamp=first.timestamp, arrival_micros=first.arrival_micros, packets=content)


_AT_ONCE = 5
"""Packets of a frame."""


class Sealer:
    """Telephony's half of the segment contract."""

    def __init__(self, tenant_id: str, recording_id: str, keyset: bytes):
        self.tenant_id, self.recording_id = tenant_id, recording_id
        self.sources: dict[str, recording_pb2.Track] = {}
        """Who each track is of; a track that isn't here is told as nodes of before told it."""
        self.of_before = False
        """Packets as nodes of before told them."""
        self._key = proto_keyset_format.parse(keyset, secret_key_access.TOKEN).primitive(aead.Aead)

    def seal(self, track: str, sequence: int, packets: Sequence[tracks.Packet]) -> bytes:
        """One sealed segment: of frames, or in one as nodes of before did it."""
        data = associated_data(self.tenant_id, self.recording_id, track, sequence)
        if self.of_before or not packets:
            return self._key.encrypt(self._payload(track, sequence, packets).SerializeToString(), data)
        frames = [self._payload(track, sequence, packets[:_AT_ONCE])]
        for begin in range(_AT_ONCE, len(packets), _AT_ONCE):
            frames.append(segment_pb2.SegmentPayload(runs=[run_of(packets[begin : begin + _AT_ONCE])]))
        return b"\x02" + b"".join(
            struct.pack("<I", len(sealed)) + sealed
            for number, frame in enumerate(frames)
            for sealed in [self._key.encrypt(frame.SerializeToString(), data + b"/%d" % number)]
        )

    def _payload(self, track: str, sequence: int, packets: Sequence[tracks.Packet]) -> segment_pb2.SegmentPayload:
        payload = segment_pb2.SegmentPayload(recording_id=self.recording_id, track=track, sequence=sequence)
        if track in self.sources:
            payload.source.CopyFrom(self.sources[track])
        if self.of_before:
            for packet in packets:
                payload.packets.add(
                    timestamp=packet.timestamp, arrival_micros=packet.arrival_micros, payload=packet.payload
                )
        elif packets:
            payload.runs.append(run_of(packets))
        return payload

    def seal_track(self, track: str, packets: Sequence[tracks.Packet]) -> list[bytes]:
        """A second to a segment."""
        seconds: dict[int, list[tracks.Packet]] = {}
        for packet in packets:
            seconds.setdefault(packet.arrival_micros // 1_000_000, []).append(packet)
        return [self.seal(track, index, seconds[key]) for index, key in enumerate(sorted(seconds))]
