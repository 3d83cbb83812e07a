"""What recording reads from the environment."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from chassis.settings import ProcessSettings, variable

_KEY_SCHEMES = ("file://", "aws-kms://", "gcp-kms://")


@dataclass(frozen=True, kw_only=True)
class Settings(ProcessSettings):
    """Where recordings lie, what wraps their keys, how long things are waited for."""

    recording_store_url: str = ""
    """Object store, such as `s3://bucket/prefix`; empty keeps a local folder under `data_dir`."""
    recording_master_key_uri: str = ""
    """Key that wraps the tenants' keys: `file:///path`, `aws-kms://arn...` or `gcp-kms://projects/...`; empty makes and
    keeps a file under `data_dir`."""
    recording_finish_grace: timedelta = timedelta(minutes=10)
    """How long segments are waited for after the call ended before the recording is made of what is there."""
    recording_late_grace: timedelta = timedelta(days=2)
    """How long segments of an incomplete recording are kept, so that late ones can still be added."""
    recording_default_retention_days: int = 90
    """Days a recording is kept when the tenant's plan is not known."""

    @property
    def home(self) -> Path:
        """The process's own folder."""
        return Path(self.data_dir) / "recording"

    def wrong(self) -> Iterator[str]:
        """As every process's, and stores and keys nobody could open."""
        yield from super().wrong()
        if self.recording_store_url and "://" not in self.recording_store_url:
            yield f"{variable('recording_store_url')} must be a URL, such as s3://bucket/prefix or file:///folder"
        if self.recording_master_key_uri and not self.recording_master_key_uri.startswith(_KEY_SCHEMES):
            yield f"{variable('recording_master_key_uri')} must begin with {' or '.join(_KEY_SCHEMES)}"
