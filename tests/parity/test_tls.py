"""TLS with the real clients: what records say of it, certificates exchanged under load, and the command's own clients."""

import json
import signal
import socket
import ssl
import subprocess
import threading

import pytest
from server import CAIRN, Server, run, until

SUBJECT_ALT_NAME = "subjectAltName=DNS:localhost,IP:127.0.0.1"


def openssl(*args):
    subprocess.run(["openssl", *map(str, args)], check=True, capture_output=True)


class Authority:
    """Issues certificates as somebody's own authority would."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir(parents=True)
        self.certificate, self.key = folder / "ca.pem", folder / "ca.key"
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", 30, "-subj", "/CN=Test CA",
                "-keyout", self.key, "-out", self.certificate)

    def issue(self, serial, certificate, key, algorithm=("ec", "-pkeyopt", "ec_paramgen_curve:P-256")):
        request, extensions = self.folder / "request.pem", self.folder / "extensions"
        extensions.write_text(f"{SUBJECT_ALT_NAME}\nbasicConstraints=CA:FALSE\n")
        openssl("req", "-new", "-newkey", *algorithm, "-nodes", "-subj", "/CN=localhost", "-keyout", key, "-out", request)
        openssl("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self.key, "-set_serial", serial, "-days", 30,
                "-extfile", extensions, "-out", certificate)


def settings(certificate, key, **more):
    return {"CAIRN_TLS_CERTIFICATE": str(certificate), "CAIRN_TLS_KEY": str(key), **more}


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("tls") / "ca")


@pytest.fixture
def tls(authority, tmp_path, new_cairn):
    """A server whose certificate is in files of the test's own, with the serial number 1."""
    certificate, key = tmp_path / "server.pem", tmp_path / "server.key"
    authority.issue(1, certificate, key)
    server = new_cairn(env=settings(certificate, key), ca=authority.certificate)
    server.certificate, server.certificate_key = certificate, key
    return server


def shown_serial(server):
    """The serial number of the certificate that a new connection is shown."""
    context = ssl.create_default_context(cafile=server.ca)
    host, port = server.host.split(":")
    with socket.create_connection((host, int(port))) as plain, context.wrap_socket(plain, server_hostname="localhost") as connection:
        return int(connection.getpeercert()["serialNumber"], 16)


def event(server, name):
    events = server.client("cloudtrail").lookup_events(LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": name}])["Events"]
    return json.loads(events[0]["CloudTrailEvent"])


def test_the_aws_cli_speaks_tls_and_records_say_so(tls, tmp_path):
    assert tls.endpoint.startswith("https://127.0.0.1:")
    assert tls.aws("sts get-caller-identity").json["Arn"].endswith(":root")
    file = tmp_path / "file"
    file.write_bytes(bytes(range(256)) * 40_000)
    tls.aws("s3 mb s3://bucket-over-tls")
    tls.aws(["s3", "cp", file, "s3://bucket-over-tls/key"])
    tls.aws(["s3", "cp", "s3://bucket-over-tls/key", tmp_path / "back"])
    assert (tmp_path / "back").read_bytes() == file.read_bytes()

    record = event(tls, "GetCallerIdentity")
    details = record["tlsDetails"]
    assert details["tlsVersion"] == "TLSv1.3" and details["cipherSuite"].startswith("TLS_AES_"), details
    assert details["clientProvidedHostHeader"] == tls.host
    record = event(tls, "CreateBucket")
    assert list(record["additionalEventData"])[:2] == ["SignatureVersion", "CipherSuite"]
    assert record["additionalEventData"]["CipherSuite"] == record["tlsDetails"]["cipherSuite"]


def test_tls_1_2_is_spoken_and_nothing_older(tls, authority, tmp_path, new_cairn):
    certificate, key = tmp_path / "rsa.pem", tmp_path / "rsa.key"
    authority.issue(2, certificate, key, ("rsa:2048",))
    # A key as the old format has it.
    openssl("rsa", "-in", key, "-traditional", "-out", key)
    assert b"BEGIN RSA PRIVATE KEY" in key.read_bytes()
    rsa = new_cairn(env=settings(certificate, key), ca=authority.certificate)
    host, port = rsa.host.split(":")

    def connect(version):
        context = ssl.create_default_context(cafile=rsa.ca)
        context.minimum_version = context.maximum_version = version
        with socket.create_connection((host, int(port))) as plain, context.wrap_socket(plain, server_hostname="localhost") as connection:
            return connection.version(), connection.cipher()[0]

    version, cipher = connect(ssl.TLSVersion.TLSv1_2)
    assert version == "TLSv1.2" and cipher.startswith("ECDHE-RSA-AES"), cipher
    with pytest.warns(DeprecationWarning), pytest.raises((ssl.SSLError, ConnectionError)):
        connect(ssl.TLSVersion.TLSv1_1)
    # Who speaks plain HTTP gets nothing, and the server goes on.
    with socket.create_connection((host, int(port))) as plain:
        plain.sendall(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
        assert not plain.recv(1000).startswith(b"HTTP/")
    assert rsa.get("/healthz")[0] == 200


def test_the_commands_of_cairn_use_tls(tls, authority):
    tls.bucket_for_trails("trail-over-tls")
    tls.trail("tls", "trail-over-tls")
    assert "files delivered" in tls.flush().out
    # The server's own certificate is in the data folder: nothing need be said of it.
    bare = {name: value for name, value in tls.settings.items() if not name.startswith("CAIRN_TLS")}
    run([CAIRN, "flush"], {**tls.base_env(), **bare})
    # An authority's certificate has to be named for the AWS tools.
    lines = tls.cairn("env", "--ca-file", authority.certificate).out
    assert f"export AWS_ENDPOINT_URL={tls.endpoint}\n" in lines and f"export AWS_CA_BUNDLE={authority.certificate}\n" in lines
    assert "AWS_CA_BUNDLE" not in tls.cairn("env").out
    # With another server's certificate the client refuses.
    (tls.data / "tls-certificate").write_bytes(authority.certificate.read_bytes())
    refused = run([CAIRN, "flush"], {**tls.base_env(), **bare}, check=False)
    assert refused.code == 1 and "another certificate" in refused.err, refused
    run([CAIRN, "flush", "--ca-file", str(authority.certificate)], {**tls.base_env(), **bare})


def test_a_certificate_that_vouches_for_itself_needs_nothing_else(tmp_path, new_cairn):
    certificate, key = tmp_path / "self.pem", tmp_path / "self.key"
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", 30, "-subj", "/CN=localhost",
            "-addext", SUBJECT_ALT_NAME, "-keyout", key, "-out", certificate)
    server = new_cairn(env=settings(certificate, key), ca=certificate)
    script = 'eval "$(cairn env)"; aws sts get-caller-identity --query Arn --output text'
    done = run(["bash", "-c", script], {**server.base_env(), **server.settings})
    assert done.out.strip().endswith(":root")


def test_a_certificate_is_exchanged_under_load(tls, authority):
    assert shown_serial(tls) == 1
    failures, answered, done = [], [], threading.Event()

    def load():
        while not done.is_set():
            try:
                # A connection for each.
                status = tls.get("/healthz")[0]
                identity = tls.json_call("CloudTrail_20131101.ListTrails", {}, "cloudtrail")[0]
                answered.append((status, identity))
            except Exception as error:
                failures.append(error)

    threads = [threading.Thread(target=load) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        for serial in (7, 8):
            authority.issue(serial, tls.certificate, tls.certificate_key)
            until(lambda: shown_serial(tls) == serial, "the new certificate is shown")
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert not failures, failures[:3]
    assert len(answered) > 20 and set(answered) == {(200, 200)}, set(answered)


def test_a_bad_certificate_changes_nothing_and_is_said(tls, authority):
    good = tls.certificate.read_bytes()
    tls.certificate.write_text("nonsense")
    until(lambda: "the certificate was not exchanged" in tls.log.read_text(), "the log says so")
    text = tls.log.read_text()
    assert str(tls.certificate) in text and "holds no certificate" in text
    assert shown_serial(tls) == 1
    assert tls.get("/readyz")[0] == 200
    # SIGHUP looks at once.
    authority.issue(9, tls.certificate, tls.certificate_key)
    tls.process.send_signal(signal.SIGHUP)
    until(lambda: shown_serial(tls) == 9, "the new certificate is shown", 20)
    assert good != tls.certificate.read_bytes()


@pytest.mark.parametrize("env, expected", [
    ({"CAIRN_TLS_CERTIFICATE": "/nowhere/cert.pem"}, "tls_certificate and tls_key belong together"),
    (settings("/nowhere/cert.pem", "/nowhere/key.pem"), "/nowhere/cert.pem"),
])
def test_mistakes_are_named(tmp_path, env, expected):
    server = Server(tmp_path / "cairn", env=env)
    done = run([CAIRN, "serve"], {**server.base_env(), **server.settings}, check=False)
    assert done.code == 1 and expected in done.err, done
