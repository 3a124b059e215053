"""The start of a server: what it shows to whom, what it leaves when it refuses, and who can read what it makes."""

import json
import os
import pty
import stat
import subprocess

import pytest

from server import CAIRN, Server, run

SECRETS = ["root-credentials", "host-key", "metrics-token"]


@pytest.fixture
def server(tmp_path):
    """One that makes its root key itself."""
    server = Server(tmp_path / "own")
    del server.settings["CAIRN_ROOT_ACCESS_KEY_ID"], server.settings["CAIRN_ROOT_SECRET_ACCESS_KEY"]
    yield server
    if server.running:
        assert server.stop() == 0


def made_key(server):
    return json.loads((server.data / "root-credentials").read_text())


def refused(server, *args):
    process = server.spawn(*args, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 1, (out, err)
    return out, err


def test_the_secret_is_shown_on_a_terminal_alone(server):
    above, terminal = pty.openpty()
    with open(server.log, "ab") as log:
        server.process = server.spawn(stdout=terminal, stderr=log)
    os.close(terminal)
    shown = b""
    while b"cairn env" not in shown:
        shown += os.read(above, 4096)
    made = made_key(server)
    assert made["secret_access_key"] in shown.decode() and "shown this once" in shown.decode()
    assert server.stop() == 0
    os.close(above)
    assert made["secret_access_key"] not in server.log.read_text()


def test_into_a_pipe_goes_where_the_secret_is(server):
    server.start()
    text = server.log.read_text()
    assert made_key(server)["secret_access_key"] not in text
    assert f"they are in {server.data}/root-credentials" in text
    # What it says to do works, wherever one is.
    hint = next(line for line in text.splitlines() if "eval" in line).split(":  ")[1]
    done = run(["bash", "-c", f"{hint}; echo $AWS_SECRET_ACCESS_KEY"], server.base_env(), cwd="/")
    assert done.out.strip() == made_key(server)["secret_access_key"]


def test_a_log_of_json_is_nothing_else(server):
    server.settings["CAIRN_LOG_FORMAT"] = "json"
    server.start()
    assert server.stop() == 0
    text = server.log.read_text()
    events = [json.loads(line) for line in text.splitlines()]
    listens = next(event for event in events if event["message"] == "Cairn listens")
    assert listens["url"] == server.endpoint and listens["account"] == "123456789012" and listens["data"] == str(server.data)
    made = next(event for event in events if event["message"] == "root credentials were made")
    assert made["path"] == f"{server.data}/root-credentials" and "cairn env" in made["read_with"]
    assert made_key(server)["secret_access_key"] not in text


def test_a_start_that_is_refused_leaves_no_keys(server, new_cairn, tmp_path):
    other = new_cairn()
    for args in [["--listen", other.host], ["--tls-certificate", "/no/such.pem", "--tls-key", "/no/such.key"]]:
        refused(server, *args)
        assert [name for name in SECRETS if (server.data / name).exists()] == []
    server.start()
    assert all((server.data / name).exists() for name in SECRETS)
    assert "Root credentials were made" in server.log.read_text(), "the first start that listens tells of them"
    key = made_key(server)
    assert server.stop() == 0
    refused(server, "--listen", other.host)
    assert made_key(server) == key


def test_the_host_key_of_another_folder_is_refused_without_new_keys(server):
    server.start()
    assert server.stop() == 0
    for name in ["root-credentials", "metrics-token"]:
        (server.data / name).unlink()
    (server.data / "host-key").write_text("00" * 32 + "\n")
    refused(server)
    assert [name for name in SECRETS if (server.data / name).exists()] == ["host-key"]


@pytest.mark.parametrize("before", ["new", "from an earlier version"])
def test_what_it_makes_is_for_its_owner_alone(server, before):
    mask = os.umask(0o022)
    try:
        server.data.mkdir(parents=True)
        server.data.chmod(0o755)
        if before != "new":
            for folder in ["journal", "objects"]:
                (server.data / folder).mkdir()
        server.start()
        s3 = server.client("s3", key=made_key(server)["access_key_id"], secret=made_key(server)["secret_access_key"])
        s3.create_bucket(Bucket="modes")
        s3.put_object(Bucket="modes", Key="large", Body=b"x" * 300_000)
    finally:
        os.umask(mask)
    public = {"endpoint", "tls-certificate"}
    found = [path for path in server.data.rglob("*") if path.name not in public]
    assert any(path.suffix == ".seg" for path in found) and len(found) > 10
    seen_by_others = {str(path): oct(path.stat().st_mode) for path in found if stat.S_IMODE(path.stat().st_mode) & 0o077}
    assert seen_by_others == {}
    assert stat.S_IMODE(server.data.stat().st_mode) == 0o755, "the folder itself is whoever made it"
    assert ("now only its owner can" in server.log.read_text()) is (before != "new")


def test_an_address_that_is_named_is_where_commands_go(new_cairn, tmp_path):
    cairn = new_cairn()
    nobody = "127.0.0.1:9"
    for args, env in [(["--listen", nobody], {}), ([], {"CAIRN_LISTEN": nobody})]:
        done = cairn.cairn("status", "--json", *args, env=env, check=False)
        assert done.code == 2 and f"no server answers at http://{nobody}" in done.err, done
        assert f"http://{nobody}" in cairn.cairn("env", *args, env=env).out
    # Named rightly, whatever the folder says.
    (cairn.data / "endpoint").write_text("http://127.0.0.1:9")
    assert cairn.cairn("status", "--json", "--listen", cairn.host, check=False).code == 0
    # The file is the server's configuration too: what the server left is truer.
    (cairn.data / "endpoint").write_text(cairn.endpoint)
    (tmp_path / "cairn.toml").write_text(f'listen = "{nobody}"\n')
    done = cairn.cairn("status", "--json", "--config", str(tmp_path / "cairn.toml"), check=False)
    assert done.code == 0, done


def test_a_mistake_in_the_file_does_not_show_its_secrets(tmp_path):
    file = tmp_path / "cairn.toml"
    for text in ['root_secret_access_key = "hunter2', "root_secret_access_key = hunter2", "root_secret_access_key = [hunter2"]:
        file.write_text(f'# mine\n{text}\n')
        done = run([CAIRN, "config", "--config", str(file)], {"PATH": os.environ["PATH"]}, check=False)
        assert done.code == 1 and "hunter2" not in done.out + done.err and "cairn.toml, line 2, column " in done.err, done
