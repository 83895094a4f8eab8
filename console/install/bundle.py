"""The agent as one archive: our own code and, where the machine's Python is like ours, all that it needs.

Such a machine needs no package index. On another one the same release is completed by pip, with the versions that run
here. A release is named by its content, so that an installed one is known without comparing files.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import platform
import sys
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

REQUIREMENTS = ("aiohttp", "cryptography", "docker", "ifaddr", "orjson", "psutil", "pyroute2", "spake2", "zeroconf")
"""What `common` and `nodeagent` import; `tests/unit/install` starts an agent from a bundle of these alone."""
LEAST_PYTHON = (3, 11)
_SKIPPED = frozenset({"__pycache__", "tests", "test"})


@dataclass(frozen=True, slots=True)
class Bundle:
    """`python` is what its compiled parts run on, as `Facts.python`; empty for one that pip completes."""

    release: str
    data: bytes
    python: str
    arch: str
    pins: tuple[str, ...]


def this_python() -> str:
    return f"{sys.version_info.major}.{sys.version_info.minor} {platform.libc_ver()[0]}"


def fits(python: str, arch: str) -> bool:
    """Whether what is installed here runs on a machine with that Python."""
    return (python, arch) == (this_python(), platform.machine())


def make(*, whole: bool) -> Bundle:
    """Collect the files; `whole` with the packages that the agent needs. Blocks for a second or two."""
    pins = tuple(sorted(f"{item.name}=={item.version}" for item in _closure(REQUIREMENTS)))
    files = dict(_own_files())
    if whole:
        for distribution in _closure(REQUIREMENTS):
            files |= dict(_files(distribution))
    data = _archive(files)
    digest = hashlib.sha256(data + " ".join(pins).encode()).hexdigest()[:12]
    version = metadata.version("quarterdeck")
    return Bundle(f"{version}-{digest}", data, this_python() if whole else "", platform.machine(), pins)


def _own_files() -> Iterator[tuple[str, Path]]:
    for package in ("common", "nodeagent"):
        # Found, not imported: what the agent is made of is no part of this program.
        spec = find_spec(package)
        folders = (spec and spec.submodule_search_locations) or ()
        for folder in map(Path, folders):
            for path in folder.rglob("*.py"):
                if not _SKIPPED & set(path.parts):
                    yield f"{package}/{path.relative_to(folder)}", path


def _closure(names: Iterable[str]) -> list[metadata.Distribution]:
    """The distributions of these names and of what they require here, extras aside."""
    found: dict[str, metadata.Distribution] = {}
    queue = [_normal(name) for name in names]
    while queue:
        name = queue.pop()
        if name in found:
            continue
        try:
            distribution = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue  # required under a marker that does not hold here
        found[name] = distribution
        queue += [_required(text) for text in distribution.requires or () if "extra ==" not in text]
    return [found[name] for name in sorted(found)]


def _required(text: str) -> str:
    """The name in a requirement such as `yarl<2.0,>=1.17; python_version < "4"`."""
    name = text
    for end in " ;<>=!~([":
        name = name.partition(end)[0]
    return _normal(name)


def _normal(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")


def _files(distribution: metadata.Distribution) -> Iterator[tuple[str, Path]]:
    for file in distribution.files or ():
        path = Path(str(distribution.locate_file(file)))
        inside = not str(file).startswith("..") and not _SKIPPED & set(file.parts)
        if inside and path.suffix not in {".pyc", ".pyi", ".c", ".h", ".pyx", ".pxd"} and path.is_file():
            yield str(file), path


def _archive(files: dict[str, Path]) -> bytes:
    """Always the same bytes for the same files."""
    buffer = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=buffer, mode="wb", compresslevel=1, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w") as tar,
    ):
        for name in sorted(files):
            content = files[name].read_bytes()
            entry = tarfile.TarInfo(f"lib/{name}")
            entry.size, entry.mode = len(content), 0o755 if ".so" in name else 0o644
            tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()
