"""The kernel's table of mounts, as removals read it."""

from __future__ import annotations

from pathlib import Path

from common.mounts import Mount, below, is_mounted, mounts

POINTS = ("/", "/data", "/data/a\\040b/c", "/database", "/data", "/data/Zo\u00eb\\011x\\134n", "/other")
TABLE = "\n".join(f"{number} 1 8:1 / {point} rw - ext4 /dev/sda rw" for number, point in enumerate(POINTS))


def test_mounts_are_found_below_folders_innermost_first() -> None:
    found = [str(path) for path in below(Path("/data"), Path("/none"), table=TABLE)]
    assert found == ["/data/a b/c", "/data/Zo\u00eb\tx\\n"]


def test_a_folder_that_is_a_disk_of_its_own_counts_only_when_asked_for() -> None:
    found = [str(path) for path in below(Path("/data"), inclusive=True, table=TABLE)]
    assert found == ["/data/a b/c", "/data/Zo\u00eb\tx\\n", "/data", "/data"]


def test_names_are_read_as_the_kernel_writes_them() -> None:
    assert mounts(TABLE)[5] == Mount(Path("/data/Zo\u00eb\tx\\n"), "ext4")


def test_this_host_has_its_root_mounted() -> None:
    assert is_mounted(Path("/"))
    assert not is_mounted(Path("/none/such"))
