"""An image with Python and some packages, made of those that run the tests: operators and API clients run from it."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import io
import re
import sys
import sysconfig
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.lab.commands import run
from tests.lab.images import BUSYBOX, archive_of

ROOT = "usr/local"
_VERSION = f"python{sys.version_info.major}.{sys.version_info.minor}"
_PASSWD = b"root:x:0:0::/:/bin/sh\n"
_LEFT_OUT = frozenset({"test", "tests", "site-packages", "idlelib", "tkinter", "ensurepip", "lib2to3", "turtledemo"})
_LIBRARY = re.compile(r"(/\S+) \(0x")


def python_image(folder: Path, packages: Iterable[str], tag: str = "qd-test/python:1") -> Path:
    """The archive of an image with the packages and what they need; `python3` is on its path. Made once per folder."""
    archive = folder / f"{re.sub('[^a-z0-9]+', '-', tag)}.tar"
    if archive.exists():
        return archive
    folder.mkdir(parents=True, exist_ok=True)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for source, target in sorted(_files(packages), key=lambda pair: pair[1]):
            entry = tar.gettarinfo(source.resolve(), target)
            entry.uid = entry.gid = 0
            entry.uname = entry.gname = ""
            entry.mode |= 0o444
            with source.open("rb") as content:
                tar.addfile(entry, content)
        for name, target in (("bin/sh", "/bin/busybox"), (f"{ROOT}/bin/python3", _VERSION), ("bin/cat", "busybox")):
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.SYMTYPE, target
            tar.addfile(link)
        users = tarfile.TarInfo("etc/passwd")  # programs ask for the name of who runs them
        users.size = len(_PASSWD)
        tar.addfile(users, io.BytesIO(_PASSWD))
        temporary = tarfile.TarInfo("tmp")
        temporary.type, temporary.mode = tarfile.DIRTYPE, 0o1777
        tar.addfile(temporary)
    environment = [
        f"PATH=/{ROOT}/bin:/bin",
        f"PYTHONHOME=/{ROOT}",
        f"LD_LIBRARY_PATH=/{ROOT}/lib",
        "PYTHONUNBUFFERED=1",
    ]
    part = archive.with_suffix(".part")
    part.write_bytes(archive_of(buffer.getvalue(), (tag,), {"Cmd": ["python3"], "Env": environment}))
    part.rename(archive)
    return archive


def _files(packages: Iterable[str]) -> set[tuple[Path, str]]:
    """Each file and its path in the image."""
    program = Path(getattr(sys, "_base_executable", sys.executable)).resolve()
    stdlib = Path(sysconfig.get_paths()["stdlib"])
    found = {(program, f"{ROOT}/bin/{_VERSION}"), (BUSYBOX, "bin/busybox")}
    found |= {(path, f"{ROOT}/lib/{_VERSION}/{path.relative_to(stdlib)}") for path in _standard_library(stdlib)}
    for name in sorted(_with_requirements(packages)):
        distribution = importlib.metadata.distribution(name)
        for file in distribution.files or ():
            path = Path(str(distribution.locate_file(file)))
            if ".." not in file.parts and path.is_file():
                found.add((path, f"{ROOT}/lib/{_VERSION}/site-packages/{file}"))
                found |= _compiled(path, Path(f"{ROOT}/lib/{_VERSION}/site-packages/{file}"))
    binaries = [path for path, _ in found if path.suffix == ".so" or path == program]
    return found | {(Path(path), _place(path)) for path in _libraries(binaries)}


def _compiled(source: Path, target: Path) -> set[tuple[Path, str]]:
    """What Python compiled of a module here: a pod that compiled a large package itself would be long in starting."""
    if source.suffix != ".py":
        return set()
    found = Path(importlib.util.cache_from_source(str(source)))
    return {(found, f"{target.parent}/__pycache__/{found.name}")} if found.is_file() else set()


def _standard_library(stdlib: Path) -> Iterator[Path]:
    for path in stdlib.rglob("*"):
        parts = set(path.relative_to(stdlib).parts)
        unused = parts & _LEFT_OUT or ".opt-" in path.name or any(part.startswith("config-") for part in parts)
        if path.is_file() and not unused:
            yield path


def _libraries(binaries: Iterable[Path]) -> set[str]:
    """Shared libraries that the binaries load, with the loader."""
    listed = run("ldd", *(str(path) for path in binaries))
    return set(_LIBRARY.findall(listed))


def _place(library: str) -> str:
    # The loader is looked for where the program says; all others are found by LD_LIBRARY_PATH.
    return library.lstrip("/") if "ld-linux" in library else f"{ROOT}/lib/{Path(library).name}"


def _with_requirements(packages: Iterable[str]) -> set[str]:
    found: set[str] = set()
    todo = list(packages)
    while todo:
        name = re.sub(r"[-_.]+", "-", todo.pop()).lower()
        if name in found:
            continue
        try:
            wanted = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:
            continue  # for another system or version of Python
        found.add(name)
        todo += [re.match(r"[\w.-]+", text).group() for text in wanted if "extra ==" not in text]  # type: ignore[union-attr]
    return found
