"""A server whose KMS master key is wrapped by the KMS of another server."""

import base64
import json
import shutil

import pytest

from server import CAIRN, Server, free, run, until

# Ciphertexts and plain keys, as `aws kms` gives them.
CONTEXT = {"cairn:use": "kms-master-key", "cairn:account": "123456789012"}


@pytest.fixture
def kms(new_cairn):
    """The server that is the KMS."""
    return new_cairn()


@pytest.fixture
def wrapper(kms):
    """A key for wrapping, and a user who may use it for that alone: its settings."""
    arn = kms.client("kms").create_key()["KeyMetadata"]["Arn"]
    key, secret = kms.user("cairn")
    policy = {"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": ["kms:GenerateDataKeyWithoutPlaintext", "kms:Encrypt", "kms:Decrypt"], "Resource": arn,
        "Condition": {"StringEquals": {"kms:EncryptionContext:cairn:use": "kms-master-key"}}}]}
    kms.client("iam").put_user_policy(UserName="cairn", PolicyName="wrap", PolicyDocument=json.dumps(policy))
    return {"CAIRN_MASTER_KMS_KEY_ID": arn, "CAIRN_MASTER_KMS_ENDPOINT": kms.endpoint,
            "CAIRN_MASTER_KMS_ACCESS_KEY_ID": key, "CAIRN_MASTER_KMS_SECRET_ACCESS_KEY": secret}


@pytest.fixture
def folder(tmp_path):
    yield tmp_path / "wrapped"
    free(tmp_path / "wrapped")


def refused(server):
    """How a start that must fail ends: what it says."""
    (server.data / "endpoint").unlink(missing_ok=True)
    done = run([CAIRN, "serve"], {**server.base_env(), **server.settings}, check=False)
    assert done.code == 1, done
    assert server.settings["CAIRN_MASTER_KMS_SECRET_ACCESS_KEY"] not in done.err
    return done.err


def secret_of(server):
    """Something encrypted under a key of the server."""
    key = server.client("kms").create_key()["KeyMetadata"]["KeyId"]
    return server.client("kms").encrypt(KeyId=key, Plaintext=b"mine")["CiphertextBlob"]


def opens(server, blob):
    return server.client("kms").decrypt(CiphertextBlob=blob)["Plaintext"] == b"mine"


def test_the_master_key_is_another_server_s_to_unwrap(kms, wrapper, folder):
    server = Server(folder, env=wrapper).start()
    blob = secret_of(server)
    assert server.restart() and opens(server, blob)

    # It lies there wrapped, and in no other way; what wrapped it is in the record of the KMS.
    wrapped = (server.data / "kms-master-key.wrapped").read_text().strip()
    assert (server.data / "kms-master-key.wrapped").stat().st_mode & 0o777 == 0o600
    assert not (server.data / "kms-master-key").exists()
    plain = kms.client("kms").decrypt(CiphertextBlob=base64.b64decode(wrapped), EncryptionContext=CONTEXT)["Plaintext"]
    assert len(plain) == 32
    for path in (path for path in server.data.rglob("*") if path.is_file()):
        content = path.read_bytes()
        assert plain not in content and plain.hex().encode() not in content and base64.b64encode(plain) not in content, path
    events = kms.client("cloudtrail").lookup_events(LookupAttributes=[{"AttributeKey": "Username", "AttributeValue": "cairn"}])["Events"]
    records = [json.loads(event["CloudTrailEvent"]) for event in events]
    assert {record["eventName"] for record in records} == {"GenerateDataKeyWithoutPlaintext", "Decrypt"}, records
    assert all(record["requestParameters"]["encryptionContext"] == CONTEXT for record in records), records

    # Without its key it does not start, and says why.
    assert server.stop() == 0
    key = wrapper["CAIRN_MASTER_KMS_KEY_ID"]
    kms.client("kms").disable_key(KeyId=key)
    said = refused(server)
    assert "master_kms_key_id" in said and "DisabledException" in said and key in said and "enable it" in said, said
    kms.client("kms").enable_key(KeyId=key)
    assert opens(server.start(), blob)
    assert server.stop() == 0

    # Another key, another user, nobody there, no file.
    other = kms.client("kms").create_key()["KeyMetadata"]["Arn"]
    for change, expected in [({"CAIRN_MASTER_KMS_KEY_ID": other}, "IncorrectKeyException"),
                             ({"CAIRN_MASTER_KMS_SECRET_ACCESS_KEY": "wrong" * 8}, "master_kms_secret_access_key"),
                             ({"CAIRN_MASTER_KMS_ENDPOINT": "http://127.0.0.1:1"}, "was not reached"),
                             ({"CAIRN_MASTER_KMS_ENDPOINT": "http://192.0.2.1"}, "in clear"),
                             ({"CAIRN_KMS_MASTER_KEY": plain.hex()}, "give one of them")]:
        before = dict(server.settings)
        server.settings.update(change)
        assert expected in refused(server)
        server.settings = before
    file = server.data / "kms-master-key.wrapped"
    file.rename(folder / "away")
    assert "restore the file" in refused(server)
    assert not file.exists(), "a new key would open nothing"
    shutil.copy(folder / "away", file)
    assert opens(server.start(), blob)
    assert server.stop() == 0


def test_a_key_in_clear_is_wrapped_when_a_kms_is_named(kms, wrapper, folder):
    server = Server(folder).start()
    blob = secret_of(server)
    assert server.stop() == 0
    clear = server.data / "kms-master-key"
    text = clear.read_text()
    server.settings.update(wrapper)
    assert opens(server.start(), blob)
    until(lambda: "remove the file that has them in clear" in server.log.read_text(), "it says what to remove")
    assert clear.read_text() == text
    clear.unlink()
    assert opens(server.restart(), blob)
    assert server.stop() == 0

    # A line that is in clear where wrapped ones are expected is none of them.
    (server.data / "kms-master-key.wrapped").write_text(text)
    assert "line 1 is a key in clear" in refused(server)
