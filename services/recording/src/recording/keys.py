"""Keys of recordings, three levels of Google Tink keysets (docs/mechanisms/recording-keys.md).

master key (a file or a KMS) wraps tenant keys; a tenant's key wraps the two keys of each recording: one AEAD keyset
for its segments, one streaming keyset for its file. What is stored is wrapped; destroying a recording's wrapped keys
erases it wherever its bytes are copied.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import tink
from tink import TinkError, aead, secret_key_access, streaming_aead

_TOKEN = secret_key_access.TOKEN

aead.register()
streaming_aead.register()


@dataclass(frozen=True)
class RecordingKeys:
    """The two keysets of a recording, wrapped by its tenant's key."""

    segments: bytes
    file: bytes


class MasterKeyInvalid(ValueError):
    """The master key's URI or file can't be used."""


def open_master(uri: str, home: Path) -> aead.Aead:
    """The installation's key. Raises MasterKeyInvalid. A missing local file is made, readable by its owner alone."""
    uri = uri or (home / "master-key.json").absolute().as_uri()
    if uri.startswith("file://"):
        return _from_file(Path(uri.removeprefix("file://")))
    if uri.startswith("aws-kms://"):
        from tink.integration import awskms as kms  # needs boto3, which only such an installation has
    elif uri.startswith("gcp-kms://"):
        from tink.integration import gcpkms as kms
    else:
        raise MasterKeyInvalid("a master key is file://, aws-kms:// or gcp-kms://")
    client = kms.AwsKmsClient(uri, None) if uri.startswith("aws") else kms.GcpKmsClient(uri, None)  # type: ignore
    return client.get_aead(uri)


def _from_file(path: Path) -> aead.Aead:
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = tink.new_keyset_handle(aead.aead_key_templates.AES256_GCM)
        temporary = path.with_suffix(f".{os.getpid()}.new")
        file = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(file, "w") as out:
            out.write(tink.json_proto_keyset_format.serialize(handle, _TOKEN))
            out.flush()
            os.fsync(out.fileno())
        try:
            os.link(temporary, path)  # unlike a rename it never replaces the key a twin has just made
        except FileExistsError:
            pass
        finally:
            temporary.unlink()
    try:
        return tink.json_proto_keyset_format.parse(path.read_text(), _TOKEN).primitive(aead.Aead)
    except TinkError as error:
        raise MasterKeyInvalid("the master key file holds no Tink AEAD keyset") from error


def new_tenant_key(master: aead.Aead, tenant_id: str) -> bytes:
    """A fresh tenant key, wrapped by the master key and bound to the tenant."""
    handle = tink.new_keyset_handle(aead.aead_key_templates.AES256_GCM)
    return tink.proto_keyset_format.serialize_encrypted(handle, master, _tenant_data(tenant_id))


def open_tenant_key(master: aead.Aead, tenant_id: str, wrapped: bytes) -> aead.Aead:
    """The tenant's key, unwrapped."""
    return tink.proto_keyset_format.parse_encrypted(wrapped, master, _tenant_data(tenant_id)).primitive(aead.Aead)


def new_recording_keys(tenant_key: aead.Aead, tenant_id: str, recording_id: str) -> RecordingKeys:
    """Fresh keys of one recording, wrapped by the tenant's key and bound to the recording and their use."""
    segments = tink.new_keyset_handle(aead.aead_key_templates.AES256_GCM)
    file = tink.new_keyset_handle(streaming_aead.streaming_aead_key_templates.AES256_GCM_HKDF_1MB)
    wrap = tink.proto_keyset_format.serialize_encrypted
    return RecordingKeys(
        segments=wrap(segments, tenant_key, _recording_data(tenant_id, recording_id, "segments")),
        file=wrap(file, tenant_key, _recording_data(tenant_id, recording_id, "file")),
    )


def segment_handle(tenant_key: aead.Aead, tenant_id: str, recording_id: str, keys: RecordingKeys) -> tink.KeysetHandle:
    """The keyset segments are sealed with."""
    data = _recording_data(tenant_id, recording_id, "segments")
    return tink.proto_keyset_format.parse_encrypted(keys.segments, tenant_key, data)


def clear(handle: tink.KeysetHandle) -> bytes:
    """The keyset in the clear, as telephony gets it; never stored, never logged."""
    return tink.proto_keyset_format.serialize(handle, _TOKEN)


def file_primitive(
    tenant_key: aead.Aead, tenant_id: str, recording_id: str, keys: RecordingKeys
) -> streaming_aead.StreamingAead:
    """What seals and opens the stored file."""
    data = _recording_data(tenant_id, recording_id, "file")
    handle = tink.proto_keyset_format.parse_encrypted(keys.file, tenant_key, data)
    return handle.primitive(streaming_aead.StreamingAead)


def _tenant_data(tenant_id: str) -> bytes:
    return f"{tenant_id}/tenant-key".encode()


def _recording_data(tenant_id: str, recording_id: str, use: str) -> bytes:
    return f"{tenant_id}/{recording_id}/{use}".encode()
