"""Running the server: starting, stopping, restarting, and what it says about mistakes."""

import http.client
import json
import os
import signal
import socket
import stat
import subprocess
import threading

import pytest

import logs
from server import CAIRN, Server, error_of, run, until


def test_health_and_readiness(cairn):
    for path in ["/healthz", "/readyz"]:
        assert cairn.get(path)[0] == 200


def test_a_folder_has_one_server(cairn):
    second = cairn.spawn(stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    _, err = second.communicate(timeout=60)
    assert second.returncode == 1 and b"another cairn is running" in err and b"--data-dir" in err
    assert cairn.get("/readyz")[0] == 200


def test_a_port_has_one_server(cairn, tmp_path):
    other = Server(tmp_path / "other", env={"CAIRN_LISTEN": cairn.host})
    process = other.spawn(stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1 and b"choose another address with --listen" in err


@pytest.mark.parametrize("args, said", [
    (["--listen", "nowhere"], "is not an address and port"),
    (["--delivery-interval", "5 minutes"], "delivery_interval"),
    (["--digest-interval", "0s"], "outside 1s to 24h"),
    (["--account-id", "12"], "twelve digits"),
    (["--root-access-key-id", "AKIAXXXX"], "belong together"),
    (["--colour", "blue"], "unexpected argument"),
    (["--config", "/no/such/file.toml"], "/no/such/file.toml"),
])
def test_mistakes_are_explained(tmp_path, args, said):
    done = run([CAIRN, "serve", "--data-dir", str(tmp_path / "data"), *args], {"PATH": os.environ["PATH"]}, check=False)
    assert done.code != 0 and said in done.err, done


def test_an_unknown_key_of_the_file(tmp_path):
    (tmp_path / "cairn.toml").write_text('delivery_intervall = "1s"\n')
    done = run([CAIRN, "serve", "--config", str(tmp_path / "cairn.toml")], {"PATH": os.environ["PATH"]}, check=False, cwd=tmp_path)
    assert done.code == 1 and 'did you mean "delivery_interval"' in done.err


def test_commands_without_a_server(tmp_path):
    env = {"PATH": os.environ["PATH"], "CAIRN_DATA_DIR": str(tmp_path / "none")}
    for command in ["env", "flush", "tail"]:
        done = run([CAIRN, command], env, check=False)
        assert done.code == 1 and "cairn serve" in done.err, done
    assert run([CAIRN, "version"], env).out.startswith("cairn ")


def test_root_credentials_are_made_once_and_kept_to_their_owner(tmp_path):
    server = Server(tmp_path)
    del server.settings["CAIRN_ROOT_ACCESS_KEY_ID"], server.settings["CAIRN_ROOT_SECRET_ACCESS_KEY"]
    server.start()
    try:
        path = server.data / "root-credentials"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        made = json.loads(path.read_text())
        assert str(path) in server.log.read_text(), "it says where they are"
        lines = server.cairn("env").out
        script = 'eval "$(cairn env)"; aws sts get-caller-identity --query Arn --output text'
        done = run(["bash", "-c", script], {**server.base_env(), **server.settings})
        assert done.out.strip() == "arn:aws:iam::123456789012:root" and server.endpoint in lines
        server.restart()
        assert json.loads(path.read_text()) == made
        assert made["secret_access_key"] not in server.log.read_text(), "a log is no place for it"
    finally:
        server.stop()


def test_a_restart_keeps_everything(new_cairn):
    cairn = new_cairn()
    s3, ct = cairn.client("s3"), cairn.client("cloudtrail")
    cairn.bucket_for_trails("kept")
    arn = cairn.trail("kept", "kept", IsMultiRegionTrail=True, TagsList=[{"Key": "a", "Value": "b"}])
    key, secret = cairn.user("kept", admin=True)
    s3.put_object(Bucket="kept", Key="object", Body=b"kept", Metadata={"m": "1"}, Tagging="t=1")
    upload = s3.create_multipart_upload(Bucket="kept", Key="parts")["UploadId"]
    s3.upload_part(Bucket="kept", Key="parts", UploadId=upload, PartNumber=1, Body=b"part")
    asked = ct.list_trails()["ResponseMetadata"]["RequestId"]

    def everything():
        s3, ct, iam = cairn.client("s3"), cairn.client("cloudtrail"), cairn.client("iam")
        got = s3.get_object(Bucket="kept", Key="object")
        return [
            ct.get_trail(Name="kept")["Trail"], ct.list_tags(ResourceIdList=[arn])["ResourceTagList"],
            ct.get_trail_status(Name="kept")["StartLoggingTime"], ct.get_trail_status(Name="kept")["IsLogging"],
            iam.list_users()["Users"], iam.list_attached_user_policies(UserName="kept")["AttachedPolicies"],
            got["Body"].read(), got["Metadata"], got["LastModified"], got["ETag"],
            s3.get_object_tagging(Bucket="kept", Key="object")["TagSet"], s3.get_bucket_policy(Bucket="kept")["Policy"],
            s3.list_parts(Bucket="kept", Key="parts", UploadId=upload)["Parts"],
            cairn.client("sts", key=key, secret=secret).get_caller_identity()["Arn"],
        ]

    before = everything()
    cairn.restart()
    assert everything() == before
    cairn.kill()
    cairn.start()
    assert everything() == before
    cairn.flush()
    assert len(logs.by_request(cairn.client("s3"), "kept")[asked]) == 1


def test_a_shutdown_lets_requests_finish(new_cairn):
    cairn = new_cairn()
    cairn.client("s3").create_bucket(Bucket="drain")
    body = os.urandom(1 << 20)
    url = cairn.client("s3").generate_presigned_url("put_object", {"Bucket": "drain", "Key": "slow"}, ExpiresIn=60)
    connection = http.client.HTTPConnection(cairn.host, timeout=60)
    connection.putrequest("PUT", url.removeprefix(cairn.endpoint))
    connection.putheader("Content-Length", str(len(body)))
    connection.endheaders()
    connection.send(body[:1000])
    # The server has the request once it has read its head; a later answer on another connection shows that it goes on.
    cairn.client("sts").get_caller_identity()
    cairn.process.send_signal(signal.SIGTERM)

    def refuses():
        try:
            socket.create_connection(cairn.host.split(":"), timeout=1).close()
        except OSError:
            return True
        return cairn.get("/readyz")[0] != 200

    until(refuses, "no new requests are taken")
    assert cairn.process.poll() is None, "it waits for the request in flight"
    connection.send(body[1000:])
    response = connection.getresponse()
    assert response.status == 200, response.read()
    request = response.getheader("x-amz-request-id")
    connection.close()
    assert cairn.process.wait(60) == 0
    cairn.start()
    assert cairn.client("s3").get_object(Bucket="drain", Key="slow")["Body"].read() == body
    assert request


def test_tail_shows_records_as_they_come(cairn):
    tail = subprocess.Popen([CAIRN, "tail"], env={**cairn.base_env(), **cairn.settings}, stdout=subprocess.PIPE, text=True)
    lines = []
    reader = threading.Thread(target=lambda: lines.extend(tail.stdout), daemon=True)
    reader.start()
    seen = lambda: [json.loads(line) for line in lines if "tailed-user" in line]  # noqa: E731

    def call():
        error_of(cairn.client("iam").get_user, UserName="tailed-user")
        return seen()

    try:
        until(call, "a record comes")
        assert seen()[0]["eventName"] == "GetUser" and seen()[0]["errorCode"] == "NoSuchEntityException"
    finally:
        tail.terminate()
        tail.wait(30)


@pytest.mark.parametrize("request_bytes, status", [
    (b"GET / HTTP/1.1\r\nHost: x\r\n" + b"".join(b"h%d: x\r\n" % n for n in range(500)) + b"\r\n", (400, 431)),
    (b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", (400, 414, 431)),
    (b"nonsense\r\n\r\n", (400,)),
    (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n", (400, 403, 404, 411, 413)),
    (b"GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n", (400, 403)),
    (b"GET / HTTP/1.1\r\n\r\n", (400, 403)),
])
def test_bad_requests_get_an_answer_and_the_server_goes_on(cairn, request_bytes, status):
    host, port = cairn.host.split(":")
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        connection.sendall(request_bytes)
        head = connection.recv(4096)
    assert int(head.split()[1]) in status, head[:300]
    cairn.client("sts").get_caller_identity()


def test_a_connection_ends_with_an_upload_that_was_refused_before_it_was_sent(cairn):
    """boto3 asks "100-continue" before it sends a body, and sends none when it is refused: were the connection kept, the start of
    the next request would be taken for that body."""
    host, port = cairn.host.split(":")
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        connection.sendall(b"PUT /some-bucket/k HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n")
        answer = b""
        while piece := connection.recv(4096):
            answer += piece
    assert answer.startswith(b"HTTP/1.1 403 ") and b"\r\nconnection: close\r\n" in answer.lower(), answer


def test_a_request_too_long_to_record_is_refused_and_stops_nothing(new_cairn):
    """Escaping doubles it: as JSON it would be longer than a record may be. Its refusal is recorded without it."""
    cairn = new_cairn()
    s3 = cairn.client("s3")
    s3.create_bucket(Bucket="long-policies")
    code, status, _ = error_of(s3.put_bucket_policy, Bucket="long-policies", Policy='"' * 6_000_000)
    assert (code, status) == ("RequestEntityTooLargeException", 413)
    s3.put_object(Bucket="long-policies", Key="after", Body=b"x")
    assert cairn.get("/readyz")[0] == 200
    found = cairn.client("cloudtrail").lookup_events(
        LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "PutBucketPolicy"}])["Events"]
    assert [json.loads(event["CloudTrailEvent"])["errorCode"] for event in found] == ["RequestEntityTooLargeException"]
    cairn.restart()
