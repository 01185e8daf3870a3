"""`echobeat node`: it starts, tells what waits, and ends when it is told to."""

from __future__ import annotations

import json
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
from pathlib import Path

import pytest
from made_node import Archive, made_dataset, send
from pynetdicom import AE

from echobeat.__main__ import main
from echobeat.node import monitor
from echobeat.node.connection import TIMEOUT_S
from echobeat.node.queue import Queue, Verdict
from echobeat.node.settings import Tls


def run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["node", *map(str, arguments)])
    return int(ended.value.code or 0)


def test_without_a_destination_or_an_allow_list_it_does_not_start(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--spool", tmp_path, "--allow", "SCANNER") == 2
    assert "--send-to" in capsys.readouterr().err
    assert run("--spool", tmp_path, "--send-to", "A@h:1") == 2
    assert "--allow" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_model_is_said_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--spool", tmp_path, "--allow", "S", "--send-to", "A@h:1", "--segmentation", "no-such-model") == 2
    assert "no-such-model" in capsys.readouterr().err


def test_status_and_retry_speak_of_a_spool_and_refuse_other_folders(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("status", "--spool", tmp_path) == 2
    assert "no spool" in capsys.readouterr().err
    assert run("status", "--spool", tmp_path / ("x" * 300)) == 2  # the system refuses to look, as in another's folder
    assert "as the user that the node runs as" in capsys.readouterr().err
    queue = Queue(tmp_path / "queue.db")
    queue.add("1.2.3", "1.2", tmp_path / "instances" / "x", 0.0, 1.0)
    waiting = queue.next_study(2.0)
    assert waiting is not None
    queue.finish(waiting, {"1.2.3": Verdict("failed", "EchobeatError")}, {"r": tmp_path / "r"}, ("GONE@h:1",), 2.0)
    queue.send_to(["PACS@h:1"])
    queue.close()
    assert run("status", "--spool", tmp_path) == 0
    told = capsys.readouterr().out
    assert "1  Instances whose analysis was given up" in told
    assert "1  instances failed: EchobeatError" in told
    assert "1  results for GONE@h:1, no destination of the node now" in told
    assert "1.2.3" not in told
    assert run("retry", "--spool", tmp_path) == 0
    told = capsys.readouterr().out
    assert "1 will be tried again" in told
    assert "results for GONE@h:1" in told


def test_the_process_starts_takes_an_object_and_ends_on_sigterm(tmp_path: Path, archive: Archive) -> None:
    command = [sys.executable, "-m", "echobeat", "node", "--port", "0", "--http-port", "0", "--allow", "SCANNER"]
    command += ["--send-to", archive.peer.name, "--spool", str(tmp_path / "spool"), "--keep-free-mb", "0"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        started = json.loads(process.stderr.readline())
        assert started["event"] == "started"
        assert send(started["port"], made_dataset(2, (8, 8))) == [0]
        received = json.loads(process.stderr.readline())
        assert received["event"] == "received"
    finally:
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 0
    assert json.loads(said.splitlines()[-1])["event"] == "stopped"
    queue = Queue(tmp_path / "spool" / "queue.db")
    assert queue.counts()["instances_waiting"] == 1
    queue.close()


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Tls:
    """A self-signed certificate for localhost, which is its own authority."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed")
    folder = tmp_path_factory.mktemp("tls")
    command = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem", "-out", "cert.pem"]
    command += ["-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return Tls(folder / "cert.pem", folder / "key.pem", folder / "cert.pem")


def test_with_tls_only_who_shows_a_certificate_gets_in(certificates: Tls, start) -> None:  # type: ignore[no-untyped-def]  # a fixture
    node = start(tls=certificates)

    def echoes(context: ssl.SSLContext | None) -> bool:
        application = AE(ae_title="SCANNER")
        application.acse_timeout = application.network_timeout = TIMEOUT_S
        application.connection_timeout = TIMEOUT_S / 2  # a peer that falls silent is let go after TIMEOUT_S
        application.add_requested_context("1.2.840.10008.1.1")
        secured = (context, "127.0.0.1") if context else None
        association = application.associate("127.0.0.1", node.port, ae_title="ECHOBEAT", tls_args=secured)
        established = bool(association.is_established)
        if established:
            association.release()
        return established

    ours = ssl.create_default_context(cafile=str(certificates.authority))
    ours.load_cert_chain(str(certificates.certificate), str(certificates.key))
    assert echoes(ours)
    assert not echoes(None)
    with socket.create_connection(("127.0.0.1", node.port)):  # one that never says anything
        assert echoes(ours)


def test_the_process_that_listens_loads_neither_models_nor_plots() -> None:
    program = (
        "import sys, echobeat.node.service, echobeat.node.isolated\n"
        "print(sorted({'onnxruntime', 'matplotlib', 'av', 'highdicom'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_reference_names_every_event_of_the_log() -> None:
    sources = Path(monitor.__file__).parent.glob("*.py")
    said = {name for path in sources for name in re.findall(r'\.say\(\s*"(\w+)"', path.read_text())}
    said |= {"given_up", "refused_by_peer", "refused", "failed"}  # those that are chosen between
    reference = (Path(__file__).parents[2] / "docs" / "reference" / "node.md").read_text()
    assert set(re.findall(r"^\| `(\w+)` \|", reference.split("## Log")[1], re.MULTILINE)) >= said
    assert len(said) > 12
