"""What whoever runs the server does with identities: a new root key, a lost one, a backup with keys and member accounts in it."""

import re
import secrets
import subprocess

import pytest
from accounts import first, member
from botocore.exceptions import ClientError
from server import ACCOUNT, CAIRN, Server, error_of, run


def root_of(cairn):
    return cairn.client("sts").get_caller_identity()["Arn"]


def test_a_new_root_key(new_cairn):
    cairn = new_cairn()
    old, user = (cairn.key, cairn.secret), cairn.user("stays", admin=True)
    assert cairn.stop() == 0
    cairn.key, cairn.secret = "AKIA" + "A" * 16, secrets.token_urlsafe(30)
    cairn.settings |= {"CAIRN_ROOT_ACCESS_KEY_ID": cairn.key, "CAIRN_ROOT_SECRET_ACCESS_KEY": cairn.secret}
    cairn.start()
    assert root_of(cairn) == f"arn:aws:iam::{ACCOUNT}:root"
    code, status, _ = error_of(cairn.client("sts", key=old[0], secret=old[1]).get_caller_identity)
    assert (code, status) == ("InvalidClientTokenId", 403)
    assert cairn.client("sts", key=user[0], secret=user[1]).get_caller_identity()["Arn"].endswith(":user/stays")


def test_a_lost_root_key(tmp_path):
    """Whoever may write the data folder gets in: the file of the root key is removed, and the next start makes another."""
    cairn = Server(tmp_path / "cairn")
    del cairn.settings["CAIRN_ROOT_ACCESS_KEY_ID"], cairn.settings["CAIRN_ROOT_SECRET_ACCESS_KEY"]

    def kept():
        path = cairn.data / "root-credentials"
        assert path.stat().st_mode & 0o777 == 0o600
        key = re.search(r"AKIA[A-Z0-9]{16}", path.read_text())[0]
        secret = next(word for word in re.findall(r"[A-Za-z0-9/+_-]{40,}", path.read_text()) if word != key)
        return key, secret

    cairn.start()
    cairn.key, cairn.secret = lost = kept()
    assert root_of(cairn) == f"arn:aws:iam::{ACCOUNT}:root"
    cairn.client("iam").create_user(UserName="there")
    assert cairn.stop() == 0
    (cairn.data / "root-credentials").unlink()
    cairn.start()
    try:
        cairn.key, cairn.secret = kept()
        assert cairn.key != lost[0]
        assert [user["UserName"] for user in cairn.client("iam").list_users()["Users"]] == ["there"]
        with pytest.raises(ClientError, match="InvalidClientTokenId"):
            cairn.client("sts", key=lost[0], secret=lost[1]).get_caller_identity()
        assert lost[1] not in cairn.log.read_text()
    finally:
        assert cairn.stop() == 0


def test_a_backup_has_keys_members_and_passwords(new_cairn, tmp_path):
    cairn = new_cairn()
    ours = first(cairn)
    theirs = member(cairn, ours, "backed-up")
    kms = cairn.client("kms")
    key = kms.create_key(Description="kept")["KeyMetadata"]["KeyId"]
    sealed = kms.encrypt(KeyId=key, Plaintext=b"words")["CiphertextBlob"]
    their_key = theirs.client("kms").create_key()["KeyMetadata"]["Arn"]
    their_sealed = theirs.client("kms").encrypt(KeyId=their_key, Plaintext=b"theirs")["CiphertextBlob"]
    theirs.client("iam").create_user(UserName="in-the-member")
    theirs.client("s3").create_bucket(Bucket="of-the-member")
    cairn.cairn("backup", str(tmp_path / "b"))
    # What comes after the backup is not in it.
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    assert cairn.stop() == 0

    run([CAIRN, "restore", str(tmp_path / "b"), "--data-dir", str(tmp_path / "new")], cairn.base_env())
    cairn.data = tmp_path / "new"
    cairn.settings["CAIRN_DATA_DIR"] = str(cairn.data)
    cairn.start()
    assert cairn.client("kms").decrypt(CiphertextBlob=sealed)["Plaintext"] == b"words"
    assert cairn.client("kms").describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "Enabled"
    assert theirs.client("kms").decrypt(CiphertextBlob=their_sealed)["Plaintext"] == b"theirs"
    assert "in-the-member" in [user["UserName"] for user in theirs.client("iam").list_users()["Users"]]
    assert [bucket["Name"] for bucket in theirs.client("s3").list_buckets()["Buckets"]] == ["of-the-member"]
    accounts = cairn.client("organizations").list_accounts()["Accounts"]
    assert {account["Id"] for account in accounts} == {ACCOUNT, theirs.id}


def test_a_server_without_its_master_key_does_not_start(new_cairn):
    cairn = new_cairn()
    cairn.client("kms").create_key()
    assert cairn.stop() == 0
    path = cairn.data / "kms-master-key"
    kept = path.read_bytes()
    assert path.stat().st_mode & 0o777 == 0o600
    path.unlink()
    process = cairn.spawn(stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1 and b"kms-master-key" in err, err
    assert not path.exists(), "a new key would be taken for the old one"
    path.write_bytes(kept)
    path.chmod(0o600)
    cairn.start()
    assert len(cairn.client("kms").list_keys()["Keys"]) == 1
