"""YAML to nodes with their lines, and plain values to YAML, the same text for the same values.

Of YAML only what a flow needs is read: texts, lists and maps. Anchors, aliases and tags are refused, so a small file
can't become a big one and no file says what Python makes of it. Size, depth and number of nodes are bounded; the parser
is libyaml's, driven event by event, so nothing recurses.
"""

from __future__ import annotations

from typing import Any, cast

import yaml
from yaml import events as ev

from flows.domain.code_in import Node
from flows.domain.code_shape import MAX_BYTES

MAX_NODES = 320_000
"""Of 512 kB of the smallest branches there can be, with room to spare."""
MAX_DEPTH = 12


class YamlRefused(Exception):
    """The text isn't YAML, or more than is read here. `line` counts from 1, 0 when there is none to name."""

    def __init__(self, message: str, line: int = 0):
        super().__init__(message)
        self.message = message
        self.line = line


class _Dumper(yaml.CSafeDumper):
    """Writes texts of several lines as they are read."""


def _text(dumper: Any, text: str) -> Any:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if _block(text) else None)


def _block(text: str) -> bool:
    # As it reads, where YAML keeps every character of it; quoted otherwise.
    lines = text.split("\n")
    return len(lines) > 1 and all(line.isprintable() and line == line.strip() and line for line in lines[:-1])


_Dumper.add_representer(str, _text)


class _ShortDumper(yaml.CSafeDumper):
    """Writes texts of several lines without an indent for each."""


def write(values: Any) -> str:
    """YAML of dicts, lists, texts, numbers and flags, which `read` takes: what would be too big with its texts in
    lines has them in quotes."""
    text = _dumped(values, _Dumper)
    return text if len(text.encode()) <= MAX_BYTES else _dumped(values, _ShortDumper)


def _dumped(values: Any, dumper: type[yaml.CSafeDumper]) -> str:
    return yaml.dump(
        values, Dumper=dumper, sort_keys=False, allow_unicode=True, default_flow_style=False, width=1_000_000
    )


def read(text: str) -> Node:
    """The one document of a text. Raises YamlRefused."""
    if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise YamlRefused(f"The file is bigger than {MAX_BYTES // 1000} kB.")
    try:
        return _build(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise YamlRefused(
            f"This is not YAML: {error.problem or error.context}.", mark.line + 1 if mark else 0
        ) from None
    except (yaml.YAMLError, UnicodeEncodeError):
        raise YamlRefused("This is not YAML: it holds a character that no text can hold.") from None


def _build(text: str) -> Node:
    open_nodes: list[tuple[int, str, list[Node]]] = []
    root: Node | None = None
    count = 0
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        if isinstance(event, ev.DocumentStartEvent) and root is not None:
            raise YamlRefused("A file holds one flow: this is the second document.", _line(event))
        if not isinstance(event, ev.NodeEvent | ev.CollectionEndEvent):
            continue
        made: Node | None = None
        if isinstance(event, ev.NodeEvent):
            count += 1
            _require_simple(event, count)
        if isinstance(event, ev.ScalarEvent):
            made = Node(_line(event), event.value, "text", plain=bool(event.implicit[0]))
        elif isinstance(event, ev.CollectionStartEvent):
            open_nodes.append((_line(event), "map" if isinstance(event, ev.MappingStartEvent) else "list", []))
            if len(open_nodes) > MAX_DEPTH:
                raise YamlRefused("This is nested deeper than a flow can be.", _line(event))
        else:
            made = _closed(*open_nodes.pop())
        if made is not None and open_nodes:
            open_nodes[-1][2].append(made)
        elif made is not None:
            root = made
    return root or Node(1, "", "text", plain=True)


def _closed(line: int, kind: str, found: list[Node]) -> Node:
    if kind == "list":
        return Node(line, found, kind)
    return Node(line, list(zip(found[::2], found[1::2], strict=True)), kind)


def _require_simple(event: ev.NodeEvent, count: int) -> None:
    if isinstance(event, ev.AliasEvent) or event.anchor is not None:
        raise YamlRefused("Anchors (&) and aliases (*) are not read: write it out, or put it in quotes.", _line(event))
    if getattr(event, "tag", None) is not None:
        raise YamlRefused("Tags (!) are not read: leave it out, or put it in quotes.", _line(event))
    if count > MAX_NODES:
        raise YamlRefused("There is more in this file than a flow can hold.", _line(event))


def _line(event: ev.Event) -> int:
    return cast(int, event.start_mark.line) + 1
