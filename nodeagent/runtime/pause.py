"""The image of sandboxes, made here so that no registry is needed: one static program of about 250 bytes.

The program lets the kernel reap orphans (it is process 1 of pods that share their process namespace), blocks SIGTERM
and SIGINT and waits for one of them, then exits 0. Machine code is written out below, as nothing to compile it with
can be expected on a host.
"""

from __future__ import annotations

import hashlib
import io
import platform
import struct
import tarfile

_BASE = 0x400000
_HEADERS = 64 + 56  # ELF header and one program header
_SIG_IGN, _SIGCHLD = 1, 17
_WAITED_SIGNALS = 1 << (15 - 1) | 1 << (2 - 1)  # SIGTERM and SIGINT
# struct sigaction {handler, flags, restorer, mask}, then the set of signals to wait for
_DATA = struct.pack("<QQQQQ", _SIG_IGN, 0, 0, 0, _WAITED_SIGNALS)
_SET_OFFSET = 32

_MACHINES = {"x86_64": 62, "aarch64": 183}


def program(machine: str) -> bytes:
    """The ELF file for `x86_64` or `aarch64`; ValueError for anything else."""
    if machine not in _MACHINES:
        raise ValueError(f"no sandbox program for machine {machine!r}: known are {', '.join(_MACHINES)}")
    code = _x86_64() if machine == "x86_64" else _aarch64()
    size = _HEADERS + len(code) + len(_DATA)
    header = struct.pack(
        "<4sBBBBQHHIQQQIHHHHHH",
        b"\x7fELF", 2, 1, 1, 0, 0,  # 64 bit, little endian
        2, _MACHINES[machine], 1,  # an executable
        _BASE + _HEADERS, 64, 0, 0, 64, 56, 1, 64, 0, 0,
    )  # fmt: skip
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, _BASE, _BASE, size, size, 0x1000)  # loaded, readable, executable
    return header + segment + code + _DATA


def _x86_64() -> bytes:
    """Each system call: number in eax, arguments in edi, rsi, edx, r10d."""
    size = bytes.fromhex("41ba08000000")  # mov r10d, 8: the size of a signal set
    call = bytes.fromhex("0f05")  # syscall
    zero_edx, zero_esi, zero_edi = bytes.fromhex("31d2"), bytes.fromhex("31f6"), bytes.fromhex("31ff")
    load_rsi, load_rdi = bytes.fromhex("488d35"), bytes.fromhex("488d3d")  # lea reg, [rip + 32 bit]

    def build(data: int) -> bytes:
        code = bytearray()

        def lea(opcode: bytes, target: int) -> None:
            code.extend(opcode + struct.pack("<i", target - (len(code) + 7)))

        def number(value: int) -> None:
            code.extend(b"\xb8" + struct.pack("<I", value))

        number(13)  # rt_sigaction(SIGCHLD, &ignore, NULL, 8)
        code.extend(b"\xbf" + struct.pack("<I", _SIGCHLD))
        lea(load_rsi, data)
        code.extend(zero_edx + size + call)
        number(14)  # rt_sigprocmask(SIG_BLOCK, &set, NULL, 8)
        code.extend(zero_edi)
        lea(load_rsi, data + _SET_OFFSET)
        code.extend(zero_edx + size + call)
        again = len(code)
        number(128)  # rt_sigtimedwait(&set, NULL, NULL, 8)
        lea(load_rdi, data + _SET_OFFSET)
        code.extend(zero_esi + zero_edx + size + call)
        code.extend(bytes.fromhex("85c0"))  # test eax, eax
        code.extend(b"\x78" + struct.pack("<b", again - (len(code) + 2)))  # js again: interrupted
        number(231)  # exit_group(0)
        code.extend(zero_edi + call)
        code.extend(b"\x90" * (-len(code) % 8))
        return bytes(code)

    return build(len(build(0)))


def _aarch64() -> bytes:
    """Each system call: number in x8, arguments in x0 to x3."""

    def mov(register: int, value: int) -> int:
        return 0xD2800000 | value << 5 | register

    def adr(register: int, distance: int) -> int:
        return 0x10000000 | (distance & 3) << 29 | (distance >> 2 & 0x7FFFF) << 5 | register

    call = 0xD4000001

    def build(data: int) -> list[int]:
        code = [mov(0, _SIGCHLD), adr(1, data - 4), mov(2, 0), mov(3, 8), mov(8, 134), call]  # rt_sigaction
        code += [mov(0, 0), adr(1, data + _SET_OFFSET - 4 * 7), mov(2, 0), mov(3, 8), mov(8, 135), call]
        again = len(code)
        code += [adr(0, data + _SET_OFFSET - 4 * again), mov(1, 0), mov(2, 0), mov(3, 8), mov(8, 137), call]
        code.append(0x37F80000 | (again - len(code) & 0x3FFF) << 5)  # tbnz w0, #31, again
        code += [mov(0, 0), mov(8, 94), call]  # exit_group(0)
        return code + [0xD503201F] * (len(code) % 2)  # nop: data on 8 bytes

    code = build(4 * len(build(0)))
    return struct.pack(f"<{len(code)}I", *code)


def archive(machine: str = "") -> bytes:
    """A tar archive with `/pause`, to be imported as an image."""
    content = program(machine or platform.machine())
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        entry = tarfile.TarInfo("pause")
        entry.size, entry.mode = len(content), 0o755
        tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def image_name(machine: str = "") -> tuple[str, str]:
    """Repository and tag; the tag changes with the program, so that an upgrade of the agent makes a new image."""
    digest = hashlib.sha256(program(machine or platform.machine())).hexdigest()
    return "quarterdeck/sandbox", digest[:12]
