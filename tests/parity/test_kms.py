"""KMS with the AWS CLI and boto3: keys' lives, what they encrypt and sign, who may, and what is recorded."""

import base64
import json
import os

import pytest

from server import ACCOUNT, error_of, until


@pytest.fixture
def kms(cairn):
    return cairn.client("kms")


@pytest.fixture
def key(kms):
    return kms.create_key(Description="of a test")["KeyMetadata"]


def test_the_guides_example(cairn, tmp_path):
    out = cairn.sh("""
        set -e
        key=$(aws kms create-key --description "application data" --query KeyMetadata.KeyId --output text)
        aws kms create-alias --alias-name alias/guide --target-key-id "$key"
        printf secret > plain
        aws kms encrypt --key-id alias/guide --plaintext fileb://plain --encryption-context stage=test \\
            --query CiphertextBlob --output text | base64 -d > sealed
        aws kms decrypt --ciphertext-blob fileb://sealed --encryption-context stage=test --query Plaintext --output text | base64 -d
        """, cwd=tmp_path)
    assert out.out == "secret"


def test_what_a_key_shows(kms, key):
    assert key["Arn"] == f"arn:aws:kms:us-east-1:{ACCOUNT}:key/{key['KeyId']}"
    assert {name: key[name] for name in ("KeySpec", "KeyUsage", "KeyState", "KeyManager", "Origin", "Enabled", "MultiRegion")} == {
        "KeySpec": "SYMMETRIC_DEFAULT", "KeyUsage": "ENCRYPT_DECRYPT", "KeyState": "Enabled", "KeyManager": "CUSTOMER",
        "Origin": "AWS_KMS", "Enabled": True, "MultiRegion": False}
    assert key["EncryptionAlgorithms"] == ["SYMMETRIC_DEFAULT"] and "SigningAlgorithms" not in key
    assert kms.describe_key(KeyId=key["Arn"])["KeyMetadata"] == key
    assert key["KeyId"] in [one["KeyId"] for page in kms.get_paginator("list_keys").paginate() for one in page["Keys"]]
    policy = json.loads(kms.get_key_policy(KeyId=key["KeyId"], PolicyName="default")["Policy"])
    assert policy["Statement"][0]["Principal"] == {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}


def test_refusals_in_aws_words(kms, key):
    other = "1234abcd-12ab-34cd-56ef-1234567890ab"
    base = f"arn:aws:kms:us-east-1:{ACCOUNT}:"
    assert error_of(kms.describe_key, KeyId=other) == ("NotFoundException", 400, f"Key '{base}key/{other}' does not exist")
    assert error_of(kms.describe_key, KeyId="fake-key-id") == ("NotFoundException", 400, "Invalid keyId 'fake-key-id'")
    assert error_of(kms.describe_key, KeyId="alias/none") == ("NotFoundException", 400, f"Alias {base}alias/none is not found.")
    kms.disable_key(KeyId=key["KeyId"])
    assert error_of(kms.encrypt, KeyId=key["KeyId"], Plaintext=b"x") == ("DisabledException", 400, f"{key['Arn']} is disabled.")
    kms.schedule_key_deletion(KeyId=key["KeyId"], PendingWindowInDays=7)
    assert error_of(kms.enable_key, KeyId=key["KeyId"]) == ("KMSInvalidStateException", 400, f"{key['Arn']} is pending deletion.")
    assert error_of(kms.encrypt, KeyId=other, Plaintext=b"x" * 4097)[0] == "ValidationException"


def test_encrypting(kms, key):
    context = {"stage": "test", "team": "audit"}
    sealed = kms.encrypt(KeyId=key["KeyId"], Plaintext=b"secret", EncryptionContext=context)
    opened = kms.decrypt(CiphertextBlob=sealed["CiphertextBlob"], EncryptionContext=context)
    assert (opened["Plaintext"], opened["KeyId"], opened["EncryptionAlgorithm"]) == (b"secret", key["Arn"], "SYMMETRIC_DEFAULT")
    assert error_of(kms.decrypt, CiphertextBlob=sealed["CiphertextBlob"])[0] == "InvalidCiphertextException"
    kms.rotate_key_on_demand(KeyId=key["KeyId"])
    assert kms.decrypt(CiphertextBlob=sealed["CiphertextBlob"], EncryptionContext=context)["Plaintext"] == b"secret"
    assert kms.list_key_rotations(KeyId=key["KeyId"])["Rotations"][0]["RotationType"] == "ON_DEMAND"
    data = kms.generate_data_key(KeyId=key["KeyId"], KeySpec="AES_256")
    assert len(data["Plaintext"]) == 32 and kms.decrypt(CiphertextBlob=data["CiphertextBlob"])["Plaintext"] == data["Plaintext"]
    again = kms.re_encrypt(CiphertextBlob=data["CiphertextBlob"], DestinationKeyId=key["KeyId"], DestinationEncryptionContext=context)
    assert kms.decrypt(CiphertextBlob=again["CiphertextBlob"], EncryptionContext=context)["Plaintext"] == data["Plaintext"]
    assert len(kms.generate_random(NumberOfBytes=9)["Plaintext"]) == 9
    assert error_of(kms.encrypt, KeyId=key["KeyId"], Plaintext=b"x", DryRun=True)[:2] == ("DryRunOperationException", 400)


@pytest.mark.parametrize("spec, algorithm", [
    ("RSA_2048", "RSASSA_PSS_SHA_256"), ("ECC_NIST_P256", "ECDSA_SHA_256"), ("ECC_SECG_P256K1", "ECDSA_SHA_256"),
    ("ECC_NIST_P521", "ECDSA_SHA_512"), ("ML_DSA_65", "ML_DSA_SHAKE_256")])
def test_signing(kms, spec, algorithm):
    key = kms.create_key(KeySpec=spec, KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"]
    signature = kms.sign(KeyId=key, Message=b"message", SigningAlgorithm=algorithm)["Signature"]
    assert kms.verify(KeyId=key, Message=b"message", Signature=signature, SigningAlgorithm=algorithm)["SignatureValid"]
    refusal = error_of(kms.verify, KeyId=key, Message=b"another", Signature=signature, SigningAlgorithm=algorithm)
    assert refusal[:2] == ("KMSInvalidSignatureException", 400)
    assert kms.get_public_key(KeyId=key)["PublicKey"][:1] == b"\x30"


def test_openssl_takes_the_public_key(kms, cairn, tmp_path):
    key = kms.create_key(KeySpec="RSA_2048", KeyUsage="ENCRYPT_DECRYPT")["KeyMetadata"]["KeyId"]
    (tmp_path / "public.der").write_bytes(kms.get_public_key(KeyId=key)["PublicKey"])
    cairn.sh("printf hello | openssl pkeyutl -encrypt -pubin -inkey public.der -keyform DER -pkeyopt rsa_padding_mode:oaep"
             " -pkeyopt rsa_oaep_md:sha256 -out sealed", cwd=tmp_path)
    opened = kms.decrypt(KeyId=key, CiphertextBlob=(tmp_path / "sealed").read_bytes(), EncryptionAlgorithm="RSAES_OAEP_SHA_256")
    assert opened["Plaintext"] == b"hello"


def test_material_is_imported(kms, cairn, tmp_path):
    key = kms.create_key(Origin="EXTERNAL")["KeyMetadata"]
    assert key["KeyState"] == "PendingImport"
    given = kms.get_parameters_for_import(KeyId=key["KeyId"], WrappingAlgorithm="RSAES_OAEP_SHA_256", WrappingKeySpec="RSA_2048")
    (tmp_path / "public.der").write_bytes(given["PublicKey"])
    (tmp_path / "material").write_bytes(os.urandom(32))
    cairn.sh("openssl pkeyutl -encrypt -in material -pubin -inkey public.der -keyform DER -pkeyopt rsa_padding_mode:oaep"
             " -pkeyopt rsa_oaep_md:sha256 -out wrapped", cwd=tmp_path)
    kms.import_key_material(KeyId=key["KeyId"], ImportToken=given["ImportToken"], ExpirationModel="KEY_MATERIAL_DOES_NOT_EXPIRE",
                            EncryptedKeyMaterial=(tmp_path / "wrapped").read_bytes())
    assert kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"]["KeyState"] == "Enabled"
    sealed = kms.encrypt(KeyId=key["KeyId"], Plaintext=b"x")["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=sealed)["Plaintext"] == b"x"


def test_grants_and_policies(cairn, kms, key, name):
    access = cairn.user(name)
    theirs = cairn.client("kms", key=access[0], secret=access[1])
    sealed = kms.encrypt(KeyId=key["KeyId"], Plaintext=b"x")["CiphertextBlob"]
    code, status, text = error_of(theirs.decrypt, CiphertextBlob=sealed)
    assert (code, status) == ("AccessDeniedException", 400)
    user = f"arn:aws:iam::{ACCOUNT}:user/{name}"
    assert text.startswith(f"User: {user} is not authorized to perform: kms:Decrypt on resource: {key['Arn']} because")
    grant = kms.create_grant(KeyId=key["KeyId"], GranteePrincipal=user, Operations=["Decrypt"])
    assert theirs.decrypt(CiphertextBlob=sealed, GrantTokens=[grant["GrantToken"]])["Plaintext"] == b"x"
    assert [one["GrantId"] for one in kms.list_grants(KeyId=key["KeyId"])["Grants"]] == [grant["GrantId"]]
    kms.revoke_grant(KeyId=key["KeyId"], GrantId=grant["GrantId"])
    assert error_of(theirs.decrypt, CiphertextBlob=sealed)[0] == "AccessDeniedException"
    policy = {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "kms:*", "Resource": "*"},
        {"Effect": "Allow", "Principal": {"AWS": user}, "Action": "kms:Decrypt", "Resource": "*"}]}
    kms.put_key_policy(KeyId=key["KeyId"], PolicyName="default", Policy=json.dumps(policy))
    assert theirs.decrypt(CiphertextBlob=sealed)["Plaintext"] == b"x"
    locked = {**policy, "Statement": policy["Statement"][1:]}
    refusal = error_of(kms.put_key_policy, KeyId=key["KeyId"], PolicyName="default", Policy=json.dumps(locked))
    assert refusal[0] == "MalformedPolicyDocumentException"


def test_keys_outlive_the_server(new_cairn):
    cairn = new_cairn()
    key = cairn.client("kms").create_key()["KeyMetadata"]["KeyId"]
    sealed = cairn.client("kms").encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    cairn.restart()
    assert cairn.client("kms").decrypt(CiphertextBlob=sealed)["Plaintext"] == b"x"
    state = (cairn.data / "state.sqlite").read_bytes()
    assert (cairn.data / "kms-master-key").read_text().strip().encode() not in state
    assert cairn.stop() == 0
    (cairn.data / "kms-master-key").rename(cairn.data.parent / "kept")
    process = cairn.spawn(stderr=-1, stdout=-1, text=True)
    _, err = process.communicate(timeout=60)
    assert process.returncode != 0 and "kms-master-key is not there" in err
    (cairn.data.parent / "kept").rename(cairn.data / "kms-master-key")
    cairn.start()


def test_records_show_the_key_and_no_secret(cairn, kms, key):
    secret = b"very secret indeed"
    sealed = kms.encrypt(KeyId=key["KeyId"], Plaintext=secret, EncryptionContext={"a": "b"})["CiphertextBlob"]
    kms.decrypt(CiphertextBlob=sealed, EncryptionContext={"a": "b"})
    trail = cairn.client("cloudtrail")

    def records():
        events = trail.lookup_events(LookupAttributes=[{"AttributeKey": "ResourceName", "AttributeValue": key["Arn"]}])["Events"]
        found = {event["EventName"]: json.loads(event["CloudTrailEvent"]) for event in events}
        return found if {"Encrypt", "Decrypt"} <= found.keys() else None

    found = until(records, "both calls are found by their key")
    for name in ("Encrypt", "Decrypt"):
        record = found[name]
        assert record["eventSource"] == "kms.amazonaws.com" and record["requestParameters"]["encryptionContext"] == {"a": "b"}
        assert {"ARN": key["Arn"], "accountId": ACCOUNT, "type": "AWS::KMS::Key"} in record["resources"]
        text = json.dumps(record)
        assert secret.decode() not in text and base64.b64encode(secret).decode() not in text
