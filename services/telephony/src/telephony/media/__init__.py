"""The voice plane: WebRTC legs, forwarding, digits, prompts, recording taps.

Pure asyncio: no SQL, no gRPC, no NATS. What a call *means* is decided by `telephony.calls`; this package
moves packets. `plane.MediaPlane` is the door.
"""
