"""The way round with programs that others wrote: dcmtk sends, Orthanc forwards and keeps, the node answers."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pydicom
import pytest
from made_node import StandIn, made_dataset, node_settings, result_uid, until, write_source
from made_sources import made_assessment

from echobeat.dicom_results.origin import read_origin
from echobeat.dicom_results.writing import write_dicom_results
from echobeat.node.analysis import Analysis
from echobeat.node.journal import Journal
from echobeat.node.service import Node
from echobeat.node.settings import ACCOUNT_VARIABLE, DicomPeer, WebPeer
from echobeat.phantom import draw_patient, make_study
from echobeat.phantom.dicom import write_dicom
from echobeat.pipeline import Models

SYSTEM_PATH = "/usr/local/bin:/usr/bin:/usr/sbin"
"""Not the environment's own bin: pynetdicom puts a storescu of its own there."""

DICOMWEB_PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
ROUTING = Path(__file__).parents[2] / "deploy" / "orthanc" / "route-to-echobeat.lua"
DOCS = Path(__file__).parents[2] / "docs"
SEND_AGAIN = ROUTING.with_name("send-again.sh")
PASSWORD = "made-for-this-test"


def program(name: str, package: str) -> str:
    """Path of a peer's program; skips where it is not installed."""
    found = shutil.which(name, path=SYSTEM_PATH)
    if found is None:
        pytest.skip(f"{name} is not installed (Debian: {package})")
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True)
class Orthanc:
    """A running Orthanc."""

    port: int
    http_port: int

    def get(self, path: str) -> Any:
        request = urllib.request.Request(f"http://127.0.0.1:{self.http_port}{path}")
        request.add_header("Authorization", "Basic " + base64.b64encode(f"made:{PASSWORD}".encode()).decode())
        request.add_header("Accept", "application/dicom+json, application/json")
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.load(answer)

    def answers(self) -> bool:
        try:
            return bool(self.get("/system"))
        except (urllib.error.URLError, OSError):
            return False

    def series(self, study: str) -> dict[str, str]:
        """SOP class of the instances of a study's series, by modality and series description."""
        found = {}
        for series in self.get(f"/dicom-web/studies/{study}/series?includefield=0008103E"):
            uid = series["0020000E"]["Value"][0]
            instance = self.get(f"/dicom-web/studies/{study}/series/{uid}/instances")[0]
            description = series.get("0008103E", {}).get("Value", [""])[0]
            found[f"{series['00080060']['Value'][0]} {description}".strip()] = instance["00080016"]["Value"][0]
        return found


@pytest.fixture(scope="module")
def node_port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def orthanc(node_port: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    """Orthanc with DICOMweb and the routing that the docs show, on free ports."""
    binary = program("Orthanc", "orthanc")
    if not DICOMWEB_PLUGIN.exists():
        pytest.skip("Orthanc's DICOMweb plugin is not installed (Debian: orthanc-dicomweb)")
    folder = tmp_path_factory.mktemp("orthanc")
    made = Orthanc(free_port(), free_port())
    configuration = {
        "StorageDirectory": str(folder / "storage"),
        "IndexDirectory": str(folder / "index"),
        "Plugins": [str(DICOMWEB_PLUGIN)],
        "LuaScripts": [str(ROUTING)],
        "HttpPort": made.http_port,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": True,
        "RegisteredUsers": {"made": PASSWORD},
        "DicomAet": "ORTHANC",
        "DicomPort": made.port,
        "DicomCheckCalledAet": True,
        "DicomAlwaysAllowStore": False,
        "DicomCheckModalityHost": True,
        "OverwriteInstances": False,
        "DicomModalities": {"echobeat": ["ECHOBEAT", "127.0.0.1", node_port], "scanner": ["SCANNER", "127.0.0.1", 104]},
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
    }
    (folder / "orthanc.json").write_text(json.dumps(configuration))
    with (folder / "log").open("w") as log:
        process = subprocess.Popen([binary, str(folder / "orthanc.json")], stdout=log, stderr=log)
        try:
            until(made.answers, timeout_s=60)
            yield made
        finally:
            process.terminate()
            process.wait()


def storescu(port: int, called: str, paths: Path | Sequence[Path], *options: str) -> None:
    command = [
        program("storescu", "dcmtk"),
        *options,
        "-aet",
        "SCANNER",
        "-aec",
        called,
        "127.0.0.1",
        str(port),
        *map(str, [paths] if isinstance(paths, Path) else paths),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def journal() -> Journal:
    return Journal(b"k", open(os.devnull, "w"))


def test_results_are_in_the_study_that_a_scanner_sent(orthanc: Orthanc, node_port: int, tmp_path: Path) -> None:
    clip = tmp_path / "phantom.dcm"
    write_dicom(make_study(draw_patient(1, rhythm="sinus", clip="free", beats=2, fps=50.0, size=112)), clip)
    settings = node_settings(
        tmp_path / "spool",
        port=node_port,
        allow=("ORTHANC",),
        send_to=(DicomPeer("ORTHANC", "127.0.0.1", orthanc.port),),
    )
    node = Node(settings, Analysis(Models.load()), journal())
    node.start()
    try:
        storescu(orthanc.port, "ORTHANC", clip, "-xy")
        until(lambda: node.values().get("results_sent", 0) >= 4, timeout_s=540)
        study = str(pydicom.dcmread(clip, stop_before_pixels=True).StudyInstanceUID)
        assert orthanc.series(study) == {
            "US": "1.2.840.10008.5.1.4.1.1.3.1",
            "SR echobeat LV measurements (research only)": "1.2.840.10008.5.1.4.1.1.88.33",
            "SEG echobeat LV segmentation (research only)": "1.2.840.10008.5.1.4.1.1.66.4",
            "US echobeat overlay (research only)": "1.2.840.10008.5.1.4.1.1.7.4",
            "DOC echobeat page (research only)": "1.2.840.10008.5.1.4.1.1.104.1",
        }
        assert node.values()["instances_received"] == 1, "what we send back is not sent to us again"
    finally:
        node.stop()


def test_results_are_sent_as_the_docs_say(orthanc: Orthanc, tmp_path: Path) -> None:
    assessment = made_assessment()
    frames, *size = assessment.clip.frames.shape
    data = made_dataset(frames, tuple(size))
    source = write_source(tmp_path / "clip.dcm", data)
    made = write_dicom_results(read_origin(source, "clip.dcm"), assessment, tmp_path / "dicom")
    (options,) = re.findall(
        r"storescu (-.+) -aec PACS HOST 104 ", (DOCS / "how-to" / "results-as-dicom.md").read_text()
    )
    storescu(orthanc.port, "ORTHANC", made, *options.split())
    assert {name.split()[0] for name in orthanc.series(data.StudyInstanceUID)} == {"SR", "SEG", "US", "DOC"}


def test_what_came_while_the_node_was_away_is_sent_again(orthanc: Orthanc, node_port: int, tmp_path: Path) -> None:
    today = datetime.now().strftime("%Y%m%d")
    clips = [made_dataset(2, (8, 8), StudyDate=date) for date in (today, today, "20200101")]
    for place, data in enumerate(clips):
        storescu(orthanc.port, "ORTHANC", write_source(tmp_path / f"{place}.dcm", data))
    peer = DicomPeer("ORTHANC", "127.0.0.1", orthanc.port)
    node = Node(
        node_settings(tmp_path / "spool", port=node_port, allow=("ORTHANC",), send_to=(peer,)), StandIn(), journal()
    )
    node.start()
    try:
        send_again(orthanc, tmp_path)
        until(lambda: node.values().get("results_sent", 0) == 2, timeout_s=60)
        for data in clips[:2]:
            (found,) = orthanc.get(f"/dicom-web/instances?SOPInstanceUID={result_uid(data.SOPInstanceUID)}")
            assert found["0020000D"]["Value"] == [data.StudyInstanceUID]
        received = node.values()["instances_received"]
        send_again(orthanc, tmp_path)
        until(lambda: node.values().get("duplicates", 0) >= 2, timeout_s=60)
        assert node.values()["instances_received"] == received
    finally:
        node.stop()


def send_again(orthanc: Orthanc, folder: Path) -> None:
    account = folder / "netrc"
    account.write_text(f"machine 127.0.0.1 login made password {PASSWORD}\n")
    told = {"ORTHANC": f"http://127.0.0.1:{orthanc.http_port}", "NETRC": str(account)}
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    done = subprocess.run([str(SEND_AGAIN)], env=os.environ | told, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


def test_results_arrive_by_stow(orthanc: Orthanc, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ACCOUNT_VARIABLE, f"made:{PASSWORD}")
    peer = WebPeer(f"http://127.0.0.1:{orthanc.http_port}/dicom-web")
    node = Node(node_settings(tmp_path / "spool", send_to=(peer,)), StandIn(), journal())
    node.start()
    try:
        data = made_dataset(2, (8, 8))
        storescu(node.port, "ECHOBEAT", write_source(tmp_path / "clip.dcm", data))
        until(lambda: node.values().get("results_sent", 0) == 1, timeout_s=60)
        (found,) = orthanc.get(f"/dicom-web/instances?SOPInstanceUID={result_uid(data.SOPInstanceUID)}")
        assert found["0020000D"]["Value"] == [data.StudyInstanceUID]
    finally:
        node.stop()


def test_a_wrong_password_is_waited_out_not_given_up(
    orthanc: Orthanc, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ACCOUNT_VARIABLE, "made:wrong")
    peer = WebPeer(f"http://127.0.0.1:{orthanc.http_port}/dicom-web")
    node = Node(node_settings(tmp_path / "spool", send_to=(peer,)), StandIn(), journal())
    node.start()
    try:
        storescu(node.port, "ECHOBEAT", write_source(tmp_path / "clip.dcm", made_dataset(2, (8, 8))))
        until(lambda: node.values().get("send_failures", 0) > 4, timeout_s=60)
        assert node.values()["results_given_up"] == 0
        monkeypatch.setenv(ACCOUNT_VARIABLE, f"made:{PASSWORD}")
        until(lambda: node.values().get("results_sent", 0) == 1, timeout_s=60)
    finally:
        node.stop()


@pytest.mark.parametrize("option", ["-xy", "-xr", "-xs", "-xe", "-xi", "-xb"])
def test_dcmtk_sends_in_every_syntax_that_it_can_propose(option: str, tmp_path: Path) -> None:
    if option == "-xy":
        clip = tmp_path / "jpeg.dcm"
        write_dicom(make_study(draw_patient(2, rhythm="sinus", clip="free", beats=1, fps=25.0, size=112)), clip)
    else:
        clip = write_source(tmp_path / "plain.dcm", made_dataset(2, (16, 16)))
    node = Node(node_settings(tmp_path / "spool", quiet_s=60.0), StandIn(), journal())
    node.start()
    try:
        storescu(node.port, "ECHOBEAT", clip, option)
        (kept,) = node.spool.instances.iterdir()
        assert pydicom.dcmread(kept).SOPInstanceUID == pydicom.dcmread(clip, stop_before_pixels=True).SOPInstanceUID
    finally:
        node.stop()
