"""What is in deploy/ fits the program that it starts, and keeps the promises that the docs make of it."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
import typer
from pydicom.uid import UltrasoundMultiFrameImageStorage

from echobeat.commands.node import app

DEPLOY = Path(__file__).parents[2] / "deploy"
UNIT = DEPLOY / "systemd" / "echobeat-node.service"
CONTAINERFILE = DEPLOY / "container" / "Containerfile"
ANALYSE_NEW_FILES = DEPLOY / "folder" / "analyse-new-files.sh"
SEND_AGAIN = DEPLOY / "orthanc" / "send-again.sh"
EXPOSURE = 20
"""In tenths: what `systemd-analyze security` calls OK; a unit without any hardening has 96."""


def options_of_the_node() -> set[str]:
    return {name for parameter in typer.main.get_command(app).params for name in parameter.opts}


@pytest.mark.parametrize("path", [DEPLOY / "systemd" / "node.env", CONTAINERFILE], ids=["unit", "container"])
def test_only_options_that_the_node_has_are_used(path: Path) -> None:
    told = set(
        re.findall(
            r"(?<![\w-])--[a-z-]+",
            "\n".join(
                line for line in path.read_text().splitlines() if "--ae" in line or line.startswith("ENTRYPOINT")
            ),
        )
    )
    assert told
    assert told <= options_of_the_node()


def systemd_analyze(*arguments: object) -> subprocess.CompletedProcess[str]:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd-analyze is not installed (Debian: systemd)")
    return subprocess.run([program, *map(str, arguments)], capture_output=True, text=True, check=False)


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit with a program that is here, as systemd wants to see one."""
    text = UNIT.read_text().replace("/opt/echobeat/bin/echobeat", shutil.which("true") or "/bin/true")
    (tmp_path / UNIT.name).write_text(text)
    return tmp_path / UNIT.name


def test_systemd_takes_the_unit_without_a_remark(unit: Path) -> None:
    done = systemd_analyze("verify", "--man=no", unit)
    assert (done.returncode, [line for line in done.stderr.splitlines() if unit.name in line]) == (0, [])


def test_systemd_finds_the_unit_little_exposed(unit: Path) -> None:
    done = systemd_analyze("security", "--offline=true", f"--threshold={EXPOSURE}", "--no-pager", unit)
    if "unrecognized option" in done.stderr:
        pytest.skip("this systemd-analyze cannot look at files (needs 250)")
    assert done.returncode == 0, done.stdout[-300:]


def test_the_container_runs_without_root_and_without_torch() -> None:
    text = CONTAINERFILE.read_text()
    last = text[text.rindex("\nFROM ") :]
    (user,) = re.findall(r"^USER (\d+)$", last, re.MULTILINE)
    assert int(user) > 0
    assert last.index("\nUSER ") < last.index("\nENTRYPOINT ")
    assert not re.search(r"torch|\[train", re.sub(r"^#.*$", "", text, flags=re.MULTILINE))
    for command in re.findall(r"^(?:ENTRYPOINT|HEALTHCHECK CMD) (.+)$", last, re.MULTILINE):
        assert json.loads(command)[0].startswith("/opt/echobeat/bin/")
    for name in re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.MULTILINE):
        assert all((DEPLOY.parent / part).exists() for part in name.split())


@pytest.mark.parametrize("script", [ANALYSE_NEW_FILES, SEND_AGAIN], ids=lambda path: path.name)
def test_scripts_can_be_run_and_are_plain_shell(script: Path) -> None:
    assert os.access(script, os.X_OK)
    assert subprocess.run(["sh", "-n", str(script)], check=False).returncode == 0


@pytest.mark.parametrize("clips", [0, 4000])
def test_however_many_clips_there_are_they_are_sent_again_with_the_account_of_a_file(
    tmp_path: Path, clips: int
) -> None:
    """More names than Linux lets stand in one argument."""
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    found = json.dumps([f"{number:08x}-6a0b2f1c-1f2e3d4c-5b6a7988-deadbeef" for number in range(clips)])
    asked: dict[str, tuple[str, str]] = {}

    class Orthanc(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            asked[self.path] = body, str(self.headers.get("Authorization"))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(found.encode() if self.path == "/tools/find" else b"{}")

        def log_message(self, format: str, *arguments: object) -> None:
            """Nobody reads it."""

    (tmp_path / "netrc").write_text("machine 127.0.0.1 login made password up\n")
    with HTTPServer(("127.0.0.1", 0), Orthanc) as server:
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        told = {"ORTHANC": f"http://127.0.0.1:{server.server_port}", "NETRC": str(tmp_path / "netrc")}
        done = subprocess.run([str(SEND_AGAIN)], env=os.environ | told, capture_output=True, text=True, check=False)
        server.shutdown()
    assert (done.returncode, done.stderr) == (0, "")
    query, account = asked.pop("/tools/find")
    assert json.loads(query)["Query"]["SOPClassUID"].split("\\")[0] == UltrasoundMultiFrameImageStorage
    assert account == "Basic " + base64.b64encode(b"made:up").decode()
    assert asked == ({"/modalities/echobeat/store": (found, account)} if clips else {})


def test_a_folder_is_analysed_by_one_call_when_its_files_have_settled(tmp_path: Path) -> None:
    incoming = tmp_path / "incoming"
    (incoming / "a study").mkdir(parents=True)
    (incoming / "a study" / "clip 1.dcm").touch()
    (incoming / "clip 2.avi").touch()
    for number in range(1000):  # too many for one call's arguments as find gives them
        (incoming / f"{number:0200}.dcm").touch()
    called = tmp_path / "called"
    stand_in = tmp_path / "echobeat"
    stand_in.write_text(
        f'#!/bin/sh\nprintf "%s\\n" "$@" >> "{called}"\nfor list; do :; done\ncp "$list" "{tmp_path}/list"\n'
    )
    stand_in.chmod(0o755)

    def run(settled: str | None) -> list[str]:
        environment = os.environ | {"ECHOBEAT": str(stand_in)} | ({"SETTLED": settled} if settled else {})
        command = [str(ANALYSE_NEW_FILES), str(incoming), str(tmp_path / "out"), "--dicom"]
        subprocess.run(command, check=True, env=environment)
        return called.read_text().splitlines() if called.exists() else []

    assert run(None) == [], "they may still be being copied"
    told = run("now")
    assert told[:-1] == ["analyze", "--out", str(tmp_path / "out"), "--resume", "--dicom", "--files-from"]
    assert not Path(told[-1]).exists()
    listed = (tmp_path / "list").read_text().removesuffix("\0").split("\0")
    assert sorted(listed) == sorted(str(path) for path in incoming.rglob("*.*"))
