"""What there is to look at: everything once, and nothing that a hostile archive wants looked at."""

from __future__ import annotations

import errno
import io
import os
import stat
import struct
import zipfile
from pathlib import Path

import pytest
from made_archive import PSEUDONYMS, file_set, instance, relist, write_dicom
from pydicom import Dataset

from echobeat.ingest import archives
from echobeat.ingest.archives import Unpacker, leads_out, members
from echobeat.ingest.finding import Input, find
from echobeat.ingest.one_clip import Ingester, Settings
from echobeat.ingest.reasons import NotForDataset


def found(*sources: Path, leave_out: tuple[Path, ...] = ()) -> list[tuple[str, str]]:
    return [(one.name, one.code) for one in find(map(str, sources), leave_out)]


def zipped(path: Path, files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content, method)
    return path


def test_every_file_is_found_once_whatever_its_name(tmp_path: Path) -> None:
    for name in ("a/IM_0001", "a/b/x.tmp", "c"):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_bytes(b"words")
    (tmp_path / "in" / "again").symlink_to(tmp_path / "in" / "c")
    inside = tmp_path / "in" / "set"
    inside.mkdir()
    (inside / "FileList.csv").write_text("earlier results")
    assert found(tmp_path / "in", tmp_path / "in" / "a", leave_out=(inside,)) == [
        ("again", ""),
        ("a/IM_0001", ""),
        ("a/b/x.tmp", ""),
    ]
    assert found(tmp_path / "nowhere") == [("nowhere", "missing")]


def test_a_name_that_the_system_refuses_to_look_for_costs_the_others_nothing(tmp_path: Path) -> None:
    """As it also refuses below a folder that may not be entered."""
    (tmp_path / "c").write_bytes(b"words")
    endless = "x" * 300
    assert found(tmp_path / endless, tmp_path / "c") == [(endless, "closed"), ("c", "")]
    relist(file_set(tmp_path / "cd", 1), [endless])
    assert found(tmp_path / "cd" / "DICOMDIR") == [("DICOMDIR", "dicomdir"), (endless, "missing")]


def test_a_dicomdir_names_its_files(tmp_path: Path) -> None:
    """Named itself, or below a folder that is searched: each file is looked at once; one that is gone is told."""
    file_set(tmp_path / "cd")
    inputs = found(tmp_path / "cd" / "DICOMDIR")
    assert [code for _, code in inputs] == ["dicomdir", "", ""]
    assert sorted(found(tmp_path / "cd")) == sorted(inputs)
    files = sorted(path for path in (tmp_path / "cd").rglob("*") if path.is_file() and path.name != "DICOMDIR")
    files[0].unlink()
    assert sorted(code for _, code in found(tmp_path / "cd")) == ["", "dicomdir", "missing"]


@pytest.mark.parametrize(
    "components", [["..", "secret"], ["PT000000", "..", "..", "secret"], ["/etc/passwd"], ["C:\\x"]]
)
def test_a_dicomdir_that_leads_out_of_its_folder_is_not_followed(tmp_path: Path, components: list[str]) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    relist(file_set(tmp_path / "cd", 1), components)
    assert [code for _, code in found(tmp_path / "cd" / "DICOMDIR")] == ["dicomdir", "climbs_out"]


def test_a_link_in_a_dicomdirs_folder_does_not_lead_out(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    file_set(tmp_path / "cd", 1)
    (only,) = (path for path in (tmp_path / "cd").rglob("*") if path.is_file() and path.name != "DICOMDIR")
    only.unlink()
    only.symlink_to(tmp_path / "secret")
    assert [code for _, code in found(tmp_path / "cd" / "DICOMDIR")] == ["dicomdir", "climbs_out"]


def test_a_damaged_dicomdir_is_told(tmp_path: Path) -> None:
    file_set(tmp_path / "cd", 1)
    whole = (tmp_path / "cd" / "DICOMDIR").read_bytes()
    (tmp_path / "DICOMDIR").write_bytes(whole[:600])
    assert all(code in ("damaged", "dicomdir", "missing") for _, code in found(tmp_path / "DICOMDIR"))


def test_the_files_of_a_zip_are_looked_at_whatever_its_suffix(tmp_path: Path) -> None:
    path = zipped(tmp_path / "export.dat", {"a/IM_1": b"one", "a/": b"", "b.txt": b"two"})
    assert found(path) == [("export.dat", "archive"), ("a/IM_1", ""), ("b.txt", "")]
    with Unpacker().open(str(path), members(path)[1].index) as file:
        assert file.read() == b"two"


@pytest.mark.parametrize(
    "name", ["../x", "a/../../x", "/etc/x", "\\\\host\\x", "C:\\x", "c:x", "..\\x", "a/..", "a\0/../x"]
)
def test_paths_that_climb_out_are_refused(tmp_path: Path, name: str) -> None:
    assert leads_out(name)
    if "\0" not in name:
        assert found(zipped(tmp_path / "a.zip", {name: b"x"}))[1][1] == "climbs_out"


@pytest.mark.parametrize("name", ["a/b", "a..b/c", "...", "a/.hidden", "übung/IM 1"])
def test_harmless_paths_are_not(name: str) -> None:
    assert not leads_out(name)


def test_links_in_an_archive_are_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        info = zipfile.ZipInfo("link")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, "/etc/passwd")
    assert found(tmp_path / "a.zip")[1] == ("link", "link")


def test_encrypted_files_are_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"a": b"x"}, zipfile.ZIP_STORED)
    data = bytearray(path.read_bytes())
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(signature) + flags] |= 1
    path.write_bytes(data)
    assert found(path)[1] == ("a", "encrypted")


def test_a_file_that_grows_beyond_measure_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "HARMLESS_BYTES", 10_000)
    grown = zipped(tmp_path / "a.zip", {"bomb": bytes(3_000_000), "other": bytes(range(256)) * 400})
    with zipfile.ZipFile(grown, "a", zipfile.ZIP_STORED) as archive:
        archive.writestr("filler", bytes(range(256)) * 200)  # the archive as a whole stays below
    assert ("bomb", "bomb") in found(grown)
    assert found(zipped(tmp_path / "b.zip", {"bomb": bytes(3_000_000)})) == [("b.zip", "bomb")]


def test_an_archive_whose_files_share_bytes_is_refused(tmp_path: Path) -> None:
    """Two entries of the directory for one file, as in bombs that overlap."""
    path = zipped(tmp_path / "a.zip", {"a": b"x" * 100})
    data = path.read_bytes()
    start, end = data.index(b"PK\x01\x02"), data.index(b"PK\x05\x06")
    entry, tail = data[start:end], bytearray(data[end:])
    struct.pack_into("<HHI", tail, 8, 2, 2, 2 * len(entry))
    path.write_bytes(data[:start] + entry + entry.replace(b"a", b"b") + bytes(tail))
    assert found(path) == [("a.zip", "bomb")]


def test_a_file_that_is_more_than_it_says_is_not_unpacked(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"a": b"x" * 5000})
    data = bytearray(path.read_bytes())
    struct.pack_into("<I", data, data.index(b"PK\x01\x02") + 24, 100)
    path.write_bytes(data)
    with pytest.raises(NotForDataset) as refused, Unpacker().open(str(path), 0):
        pass
    assert refused.value.code in ("damaged", "bomb")


def test_garbage_that_begins_like_an_archive(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(b"PK\x03\x04" + bytes(range(256)) * 4)
    assert found(tmp_path / "a.zip") == [("a.zip", "archive_damaged")]


def test_an_archive_within_an_archive_is_refused_and_nothing_is_left_on_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    (tmp_path / "stage").mkdir()
    inner = zipped(tmp_path / "inner.zip", {"a": b"x"}).read_bytes()
    made = io.BytesIO()
    write_dicom(made, instance())  # type: ignore[arg-type]  # pydicom writes to files, too
    path = zipped(tmp_path / "outer.zip", {"inner": inner, "IM_1": made.getvalue(), "list": b"words"})
    take = Ingester(Settings(), PSEUDONYMS, tmp_path / "stage")
    codes = {one.name: take(one).code for one in find([str(path)], ())}
    assert codes == {"outer.zip": "archive", "inner": "nested_archive", "IM_1": "clip", "list": "other_kind"}
    assert not list((tmp_path / "temporary").iterdir())


def test_a_file_of_an_archive_that_has_no_room_fails_for_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full(io.BytesIO):
        def write(self, _: object) -> int:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    _, member = find([str(zipped(tmp_path / "a.zip", {"a": b"x"}))], ())
    monkeypatch.setattr(archives.tempfile, "TemporaryFile", lambda **_: Full())
    outcome = Ingester(Settings(), PSEUDONYMS, tmp_path)(member)
    assert (outcome.code, outcome.state, outcome.trouble) == ("no_room", "failed", "")


def test_an_input_is_known_again_until_it_changes(tmp_path: Path) -> None:
    one = Input("a", "a", None, "5 7")
    assert one.identity == Input("a", "other name", None, "5 7").identity
    assert len({one.identity, Input("b", "a", None, "5 7").identity, Input("a", "a", None, "5 8").identity}) == 3
    assert Input("z.zip", "a", 1, "5 7").identity != Input("z.zip", "a", 2, "5 7").identity


def test_nothing_of_a_dicomdir_is_needed_but_its_names() -> None:
    """Its records carry names of patients, which no input holds."""
    assert {"path", "name", "member", "stamp", "code"} == set(Input.__dataclass_fields__)
    assert not isinstance(Input("a", "a").original, Dataset)
