"""The data set's folder: whole at any moment, nothing twice, taken up where it was left."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from made_archive import cine, instance, write_dicom, write_video

from echobeat.deidentification.pseudonyms import KeyFile
from echobeat.errors import OutputError, UsageError
from echobeat.ingest.dataset import COLUMNS, LOG_COLUMNS, DatasetFolder, read_log
from echobeat.ingest.finding import find
from echobeat.ingest.labels import Labels
from echobeat.ingest.one_clip import Ingester, Outcome, Settings, name_of
from echobeat.ingest.reasons import NOTES, REASONS


@contextmanager
def opened(root: Path, settings: Settings = Settings()) -> Iterator[DatasetFolder]:  # noqa: B008  it is frozen
    with DatasetFolder(root / "set", settings, KeyFile(root / "key", root / "set")) as folder:
        yield folder


def outcomes(folder: DatasetFolder, *sources: Path) -> list[Outcome]:
    """Of what was not done before."""
    key = folder._key.pseudonyms
    take = Ingester(folder._settings, key, folder.stage)
    return [take(one) for one in find(map(str, sources), ()) if name_of(one, key) not in folder.rows]


def files(root: Path) -> list[str]:
    return sorted(path.relative_to(root / "set").as_posix() for path in (root / "set").rglob("*") if path.is_file())


def listed(root: Path) -> list[dict[str, str]]:
    with (root / "set" / "FileList.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    write_dicom(tmp_path / "in" / "a", instance(cine(1)))
    write_dicom(tmp_path / "in" / "b", instance(cine(2)))
    (tmp_path / "in" / "words").write_text("words")
    return tmp_path / "in"


@pytest.mark.parametrize("cut_first", [True, False])
def test_a_whole_clip_takes_the_place_of_a_copy_that_was_cut_off(tmp_path: Path, cut_first: bool) -> None:
    """In one run as in the next one; the other way round, the cut copy is a duplicate."""
    (tmp_path / "in").mkdir()
    whole = write_dicom(tmp_path / "in" / "whole", instance(cine(1)))
    cut = tmp_path / "in" / "cut"
    cut.write_bytes(whole.read_bytes()[: -len(whole.read_bytes()) // 3])
    for sources in ([cut, whole] if cut_first else [whole, cut]), [cut, whole]:
        with opened(tmp_path) as folder:
            for source in sources:
                folder.commit(outcomes(folder, source))
            folder.write_list(Labels())
        (row,) = listed(tmp_path)
        assert row["NumberOfFrames"] == str(len(cine(1)))
        assert "truncated" not in row["notes"]
        assert len([file for file in files(tmp_path) if file.endswith(".avi")]) == 1
        logged = read_log(tmp_path / "set" / "ingest_log.csv")
        assert sorted((row.code, bool(row.clip)) for row in logged) == [("clip", True), ("duplicate", False)]


def test_a_copy_that_was_cut_off_and_the_whole_may_be_taken_at_once(tmp_path: Path) -> None:
    """What is told of the two is what the log says: one is kept, one a duplicate."""
    (tmp_path / "in").mkdir()
    whole = write_dicom(tmp_path / "in" / "whole", instance(cine(1)))
    cut = tmp_path / "in" / "cut"
    cut.write_bytes(whole.read_bytes()[: -len(whole.read_bytes()) // 3])
    with opened(tmp_path) as folder:
        rows = folder.commit(outcomes(folder, cut, whole))
        assert [row.code for row in rows] == ["duplicate", "clip"]
    assert read_log(tmp_path / "set" / "ingest_log.csv") == rows


def test_the_tables_say_what_is_there(tmp_path: Path, archive: Path) -> None:
    with opened(tmp_path) as folder:
        rows = folder.commit(outcomes(folder, archive))
        folder.write_list(Labels())
    assert [row.state for row in rows] == ["kept", "kept", "refused"]
    assert [row.state for row in read_log(tmp_path / "set" / "ingest_log.csv")] == ["kept", "kept", "refused"]
    made = listed(tmp_path)
    assert tuple(made[0]) == tuple(COLUMNS)
    assert [row["FileName"] for row in made] == sorted(row.clip for row in rows if row.clip)
    assert {(row["FrameHeight"], row["NumberOfFrames"], row["FPS"]) for row in made} == {("112", "24", "50.0")}
    names = {row["FileName"] for row in made}
    assert {Path(name).stem for name in files(tmp_path) if name.startswith(("Videos/", "Clips/"))} == names


def test_a_second_run_does_only_what_is_left(tmp_path: Path, archive: Path) -> None:
    with opened(tmp_path) as folder:
        folder.commit(outcomes(folder, archive / "a", archive / "words"))
    with opened(tmp_path) as folder:
        left = outcomes(folder, archive)
        assert [one.code for one in left] == ["clip"]
        folder.commit(left)
        folder.write_list(Labels())
    assert len(listed(tmp_path)) == 2


@pytest.mark.parametrize("lost", ["row", "half a row", "video", "facts"])
def test_a_run_that_was_killed_anywhere_is_taken_up(tmp_path: Path, archive: Path, lost: str) -> None:
    """Before the row was written, in the midst of it, or with a file gone: the same clips in the end, none twice."""
    with opened(tmp_path) as folder:
        folder.commit(outcomes(folder, archive))
        folder.write_list(Labels())
    before, table = files(tmp_path), listed(tmp_path)
    log = tmp_path / "set" / "ingest_log.csv"
    text = log.read_text()
    if lost.endswith("row"):
        first = text.index("\n") + 1
        log.write_text(text[: first + (0 if lost == "row" else 40)])
    else:
        next((tmp_path / "set" / ("Videos" if lost == "video" else "Clips")).iterdir()).unlink()
    with opened(tmp_path) as folder:
        rows = folder.commit(outcomes(folder, archive))
        folder.write_list(Labels())
    assert "duplicate" not in [row.code for row in rows]
    assert (files(tmp_path), listed(tmp_path)) == (before, table)
    assert sorted(log.read_text().splitlines()) == sorted(text.splitlines())


def test_what_failed_is_tried_again(tmp_path: Path, archive: Path) -> None:
    whole = (archive / "a").read_bytes()
    (archive / "a").write_bytes(b"")
    with opened(tmp_path) as folder:
        assert folder.commit(outcomes(folder, archive / "a"))[0].code == "empty"
    with opened(tmp_path) as folder:
        assert not folder.rows
        (archive / "a").write_bytes(whole)
        assert folder.commit(outcomes(folder, archive / "a"))[0].code == "clip"
    assert len(read_log(tmp_path / "set" / "ingest_log.csv")) == 1


def test_the_same_clip_is_there_once(tmp_path: Path) -> None:
    """The same bytes elsewhere, the same instance coded anew, the same frames in another file."""
    folder_in = tmp_path / "in"
    folder_in.mkdir()
    made = instance(cine(1))
    write_dicom(folder_in / "a", made)
    (folder_in / "b").write_bytes((folder_in / "a").read_bytes())
    write_dicom(folder_in / "c", instance(cine(2), SOPInstanceUID=made.SOPInstanceUID))
    write_dicom(folder_in / "d", instance(cine(1)))
    with opened(tmp_path) as folder:
        rows = folder.commit(outcomes(folder, folder_in))
        folder.write_list(Labels())
    assert [row.code for row in rows] == ["clip", "duplicate", "duplicate", "duplicate"]
    assert len(listed(tmp_path)) == 1
    assert len([name for name in files(tmp_path) if name.endswith((".avi", ".json"))]) == 3  # with ingest.json


def test_nothing_of_a_run_is_left_beside_the_data(tmp_path: Path, archive: Path) -> None:
    """Clips that were written, but never taken in, go with the folder they were written to."""
    with opened(tmp_path) as folder:
        outcomes(folder, archive)
        assert list(folder.stage.iterdir())
    assert files(tmp_path) == [".echobeat.lock", "ingest.json", "ingest_log.csv"]


def test_other_options_another_key_or_another_program_are_refused(tmp_path: Path, archive: Path) -> None:
    with opened(tmp_path):
        pass
    with pytest.raises(UsageError, match="another size"), opened(tmp_path, Settings(size=64)):
        pass
    other = KeyFile(tmp_path / "other", tmp_path / "set")
    with pytest.raises(UsageError, match="another key"), DatasetFolder(tmp_path / "set", Settings(), other):
        pass
    with pytest.raises(UsageError, match="something else"), DatasetFolder(archive, Settings(), other):
        pass


def test_only_one_run_writes(tmp_path: Path) -> None:
    with opened(tmp_path), pytest.raises(OutputError, match="Another run"), opened(tmp_path):
        pass


def test_the_mapping_is_written_before_the_row(tmp_path: Path, archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A clip whose origin nobody knows any more would be worse than one that is done again."""
    with opened(tmp_path) as folder:
        made = outcomes(folder, archive)
        monkeypatch.setattr(KeyFile, "remember", lambda *_: (_ for _ in ()).throw(OutputError("full")))
        with pytest.raises(OutputError, match="full"):
            folder.commit(made)
        assert not list((tmp_path / "set" / "Videos").iterdir())


def test_facts_survive_their_file(tmp_path: Path) -> None:
    path = write_video(tmp_path / "clip.avi", cine())
    with opened(tmp_path) as folder:
        (made,) = outcomes(folder, path)
        assert made.clip is not None
        assert type(made.clip).from_json(made.clip.as_json()) == made.clip
        with pytest.raises(ValueError, match="format"):
            type(made.clip).from_json(replace(made.clip, format=99).as_json())
        assert json.loads(made.clip.as_json())["times_s"][:2] == [0.0, 0.02]


def test_every_code_of_other_rooms_is_in_the_table() -> None:
    """Nothing can come up that the log has no sentence for."""
    from echobeat.deidentification import instance as deidentified
    from echobeat.deidentification import refusals
    from echobeat.measurement.codes import CODES

    assert set(refusals.SENTENCES) <= set(REASONS)
    assert set(deidentified.DOUBTS) - {"still"} <= set(REASONS)
    of_pictures = {"blank", "still_image", "frozen", "not_ultrasound", "colour_doppler"}
    assert {code for code in of_pictures if CODES[code].refusal} <= set(REASONS)
    assert {"partly_frozen", "unusual_image", "colour_present"} <= set(NOTES)
    assert not set(NOTES) & set(REASONS)
    assert LOG_COLUMNS[0] == "input"
