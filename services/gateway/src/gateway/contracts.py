"""The generated contracts as a catalogue: every rpc by its full name, with its types and permission."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources

from google.protobuf import descriptor_pool, message_factory
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.message import Message
from merkez.type.v1 import annotations_pb2

PACKAGE = "merkez"


@dataclass(frozen=True, eq=False)
class Method:
    """One rpc that strangers to our network may reach."""

    descriptor: MethodDescriptor
    request_type: type[Message]
    response_type: type[Message]
    permission: str

    @property
    def full_name(self) -> str:
        """`merkez.routing.v1.QueueService.CreateQueue`."""
        return self.descriptor.full_name

    @functools.cached_property
    def owner(self) -> str:
        """The service (process) that answers: `routing`."""
        return self.full_name.split(".")[1]

    @functools.cached_property
    def path(self) -> str:
        """As gRPC writes it: `/merkez.routing.v1.QueueService/CreateQueue`."""
        return f"/{self.descriptor.containing_service.full_name}/{self.descriptor.name}"

    @functools.cached_property
    def action(self) -> str:
        """As the audit log and the socket write it: `routing.v1.QueueService/CreateQueue`."""
        return self.path.removeprefix(f"/{PACKAGE}.")

    @property
    def streams(self) -> bool:
        """Whether the answer is a stream."""
        return self.descriptor.server_streaming


@functools.cache
def methods() -> Mapping[str, Method]:
    """Every rpc of Merkez by full name."""
    for file in described().file:
        importlib.import_module(file.name.removesuffix(".proto").replace("/", ".") + "_pb2")
    pool = descriptor_pool.Default()
    found: dict[str, Method] = {}
    for file in described().file:
        for service in file.service:
            for descriptor in pool.FindServiceByName(f"{file.package}.{service.name}").methods:
                found[descriptor.full_name] = Method(
                    descriptor,
                    message_factory.GetMessageClass(descriptor.input_type),
                    message_factory.GetMessageClass(descriptor.output_type),
                    descriptor.GetOptions().Extensions[annotations_pb2.permission],
                )
    return found


@functools.cache
def described() -> FileDescriptorSet:
    """proto/ with its comments, as `make proto` wrote it."""
    content = resources.files(PACKAGE).joinpath("descriptors.binpb").read_bytes()
    return FileDescriptorSet.FromString(content)
