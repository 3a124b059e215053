//! What clients see: keys through their lives, names, cryptography through the operations, grants, imports, other services.

use ports::{Caller, KeyUse, Keys};
use serde_json::json;

use crate::testing::*;

async fn seal(world: &World, key: &str) -> String {
    let sealed = world.run("Encrypt", json!({"KeyId": key, "Plaintext": blob(b"hi")})).await;
    sealed["CiphertextBlob"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn keys_are_named_in_four_ways_and_no_other() {
    let world = World::new().await;
    let (id, arn) = world.key(json!({})).await;
    world.run("CreateAlias", json!({"AliasName": "alias/app", "TargetKeyId": id})).await;
    let alias_arn = arn.replace(&format!("key/{id}"), "alias/app");
    for name in [&id, &arn, "alias/app", &alias_arn] {
        let found = world.run("DescribeKey", json!({"KeyId": name})).await;
        assert_eq!(found["KeyMetadata"]["Arn"], *arn, "{name}");
        assert_eq!(found["KeyMetadata"]["KeyState"], "Enabled");
    }
    let other = "1234abcd-12ab-34cd-56ef-1234567890ab";
    let base = arn.strip_suffix(&format!("key/{id}")).unwrap();
    for (name, code, text) in [
        (other.to_owned(), "NotFoundException", format!("Key '{base}key/{other}' does not exist")),
        ("fake-key-id".to_owned(), "NotFoundException", "Invalid keyId 'fake-key-id'".to_owned()),
        ("alias/none".to_owned(), "NotFoundException", format!("Alias {base}alias/none is not found.")),
        (arn.replace("us-east-1", "eu-west-1"), "NotFoundException", "Invalid arn eu-west-1".to_owned()),
        ("arn:aws:s3:::b".to_owned(), "InvalidArnException", "Invalid arn arn:aws:s3:::b".to_owned()),
    ] {
        assert_eq!(world.refused("DescribeKey", json!({"KeyId": name})).await, (code.to_owned(), text));
    }
    let refused = world.refused("DisableKey", json!({"KeyId": "alias/app"})).await;
    assert_eq!(refused.1, "Invalid keyId 'alias/app'");
    let exists = world.refused("CreateAlias", json!({"AliasName": "alias/app", "TargetKeyId": id})).await;
    let text = format!("An alias with the name {alias_arn} already exists");
    assert_eq!(exists, ("AlreadyExistsException".to_owned(), text));
    let aws = world.refused("CreateAlias", json!({"AliasName": "alias/aws/s3", "TargetKeyId": id})).await;
    assert_eq!(aws.0, "NotAuthorizedException");
    world.run("DeleteAlias", json!({"AliasName": "alias/app"})).await;
    assert_eq!(world.run("ListAliases", json!({})).await["Aliases"], json!([]));
}

#[tokio::test]
async fn a_key_lives_and_dies() {
    let mut world = World::new().await;
    let (id, arn) = world.key(json!({})).await;
    world.run("CreateAlias", json!({"AliasName": "alias/app", "TargetKeyId": id})).await;
    let sealed = seal(&world, &id).await;
    world.run("DisableKey", json!({"KeyId": id})).await;
    let disabled = world.refused("Decrypt", json!({"CiphertextBlob": sealed})).await;
    assert_eq!(disabled, ("DisabledException".to_owned(), format!("{arn} is disabled.")));
    world.run("EnableKey", json!({"KeyId": id})).await;
    let opened = world.run("Decrypt", json!({"CiphertextBlob": sealed})).await;
    assert_eq!((&opened["Plaintext"], &opened["KeyId"]), (&json!(blob(b"hi")), &json!(arn)));
    let not = world.refused("CancelKeyDeletion", json!({"KeyId": id})).await;
    assert_eq!(not, ("KMSInvalidStateException".to_owned(), format!("{arn} is not pending deletion.")));
    let short = world.refused("ScheduleKeyDeletion", json!({"KeyId": id, "PendingWindowInDays": 6})).await;
    assert_eq!(short.0, "ValidationException");
    let due = world.run("ScheduleKeyDeletion", json!({"KeyId": id, "PendingWindowInDays": 7})).await;
    assert_eq!(due["DeletionDate"], START / 1000 + 7 * 86_400);
    let pending = world.refused("Encrypt", json!({"KeyId": id, "Plaintext": blob(b"x")})).await;
    assert_eq!(pending, ("KMSInvalidStateException".to_owned(), format!("{arn} is pending deletion.")));
    world.run("CancelKeyDeletion", json!({"KeyId": id})).await;
    let found = world.run("DescribeKey", json!({"KeyId": id})).await;
    assert_eq!(found["KeyMetadata"]["KeyState"], "Disabled");
    world.run("ScheduleKeyDeletion", json!({"KeyId": id, "PendingWindowInDays": 7})).await;
    world.pass_days(7);
    assert_eq!(world.refused("DescribeKey", json!({"KeyId": id})).await.0, "NotFoundException");
    world.kms.round().await;
    assert_eq!(world.records.0.lock().unwrap()[0].name, "DeleteKey");
    world.reopen(None).await.unwrap();
    assert_eq!(world.run("ListKeys", json!({})).await["Keys"], json!([]));
    assert_eq!(world.run("ListAliases", json!({})).await["Aliases"], json!([]));
    assert_eq!(world.refused("Decrypt", json!({"CiphertextBlob": sealed})).await.0, "AccessDeniedException");
}

#[tokio::test]
async fn old_material_decrypts_after_rotation_and_restart() {
    let mut world = World::new().await;
    let (id, _) = world.key(json!({})).await;
    let first = seal(&world, &id).await;
    world.run("EnableKeyRotation", json!({"KeyId": id, "RotationPeriodInDays": 90})).await;
    let status = world.run("GetKeyRotationStatus", json!({"KeyId": id})).await;
    assert_eq!((&status["KeyRotationEnabled"], &status["RotationPeriodInDays"]), (&json!(true), &json!(90)));
    world.pass_days(89);
    world.kms.round().await;
    assert_eq!(world.run("ListKeyRotations", json!({"KeyId": id})).await["Rotations"], json!([]));
    world.pass_days(1);
    world.kms.round().await;
    world.kms.round().await;
    let second = seal(&world, &id).await;
    world.run("RotateKeyOnDemand", json!({"KeyId": id})).await;
    let third = seal(&world, &id).await;
    let rotations = world.run("ListKeyRotations", json!({"KeyId": id})).await;
    let kinds: Vec<_> = rotations["Rotations"].as_array().unwrap().iter().map(|one| &one["RotationType"]).collect();
    assert_eq!(kinds, ["AUTOMATIC", "ON_DEMAND"]);
    world.reopen(None).await.unwrap();
    let mut materials = Vec::new();
    for sealed in [first, second, third] {
        let opened = world.run("Decrypt", json!({"CiphertextBlob": sealed})).await;
        assert_eq!(opened["Plaintext"], blob(b"hi"));
        materials.push(opened["KeyMaterialId"].to_string());
    }
    materials.sort();
    materials.dedup();
    assert_eq!(materials.len(), 3);
    let (pair, arn) = world.key(json!({"KeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY"})).await;
    let refused = world.refused("EnableKeyRotation", json!({"KeyId": pair})).await;
    assert_eq!(refused.0, "UnsupportedOperationException", "{arn}");
}

#[tokio::test]
async fn without_its_master_key_nothing_opens() {
    let mut world = World::new().await;
    world.key(json!({})).await;
    let other = crate::MasterKeys::make(&*system::env().rng);
    assert!(world.reopen(Some(&other)).await.is_err());
    let both = format!("{}{other}", world.master());
    world.reopen(Some(&both)).await.unwrap();
}

#[tokio::test]
async fn ciphertexts_open_with_their_key_and_context_alone() {
    let world = World::new().await;
    let (id, arn) = world.key(json!({})).await;
    let (other, _) = world.key(json!({})).await;
    let sealed = world
        .run("Encrypt", json!({"KeyId": id, "Plaintext": blob(b"hi"), "EncryptionContext": {"a": "1"}}))
        .await["CiphertextBlob"]
        .clone();
    let open = |context: serde_json::Value, key: serde_json::Value| json!({"CiphertextBlob": sealed, "EncryptionContext": context, "KeyId": key});
    world.run("Decrypt", open(json!({"a": "1"}), json!(null))).await;
    world.run("Decrypt", open(json!({"a": "1"}), json!(arn))).await;
    assert_eq!(world.refused("Decrypt", open(json!({"a": "2"}), json!(null))).await.0, "InvalidCiphertextException");
    assert_eq!(world.refused("Decrypt", open(json!({"a": "1"}), json!(other))).await.0, "IncorrectKeyException");
    let bad = world.refused("Decrypt", json!({"CiphertextBlob": blob(b"not ours")})).await;
    assert_eq!(bad.0, "InvalidCiphertextException");
    let again = world
        .run(
            "ReEncrypt",
            json!({"CiphertextBlob": sealed, "SourceEncryptionContext": {"a": "1"}, "DestinationKeyId": other}),
        )
        .await;
    let opened = world.run("Decrypt", json!({"CiphertextBlob": again["CiphertextBlob"]})).await;
    assert_eq!(opened["Plaintext"], blob(b"hi"));
    let dry = json!({"CiphertextBlob": again["CiphertextBlob"], "DryRun": true});
    assert_eq!(world.refused("Decrypt", dry).await.0, "DryRunOperationException");
    let data = world.run("GenerateDataKey", json!({"KeyId": id, "KeySpec": "AES_256"})).await;
    let opened = world.run("Decrypt", json!({"CiphertextBlob": data["CiphertextBlob"]})).await;
    assert_eq!(opened["Plaintext"], data["Plaintext"]);
    let hidden = world.run("GenerateDataKeyWithoutPlaintext", json!({"KeyId": id, "NumberOfBytes": 24})).await;
    assert!(hidden.get("Plaintext").is_none());
    let both = world.refused("GenerateDataKey", json!({"KeyId": id})).await;
    assert_eq!(both.1, "Please specify either number of bytes or key spec.");
    let pair = world.run("GenerateDataKeyPair", json!({"KeyId": id, "KeyPairSpec": "ECC_NIST_P256"})).await;
    let opened = world.run("Decrypt", json!({"CiphertextBlob": pair["PrivateKeyCiphertextBlob"]})).await;
    assert_eq!(opened["Plaintext"], pair["PrivateKeyPlaintext"]);
}

#[tokio::test]
async fn keys_do_what_they_are_for() {
    let world = World::new().await;
    let (symmetric, symmetric_arn) = world.key(json!({})).await;
    let (pair, arn) = world.key(json!({"KeySpec": "ECC_NIST_P384", "KeyUsage": "SIGN_VERIFY"})).await;
    let (mac, _) = world.key(json!({"KeySpec": "HMAC_224", "KeyUsage": "GENERATE_VERIFY_MAC"})).await;
    let (rsa, _) = world.key(json!({"KeySpec": "RSA_2048", "KeyUsage": "ENCRYPT_DECRYPT"})).await;
    let message = blob(b"message");
    let signed =
        world.run("Sign", json!({"KeyId": pair, "Message": message, "SigningAlgorithm": "ECDSA_SHA_384"})).await;
    let verify = |message: &str| json!({"KeyId": pair, "Message": message, "Signature": signed["Signature"], "SigningAlgorithm": "ECDSA_SHA_384"});
    assert_eq!(world.run("Verify", verify(&message)).await["SignatureValid"], true);
    let no = world.refused("Verify", verify(&blob(b"other"))).await;
    assert_eq!(no, ("KMSInvalidSignatureException".to_owned(), String::new()));
    let made =
        world.run("GenerateMac", json!({"KeyId": mac, "Message": message, "MacAlgorithm": "HMAC_SHA_224"})).await;
    let check = json!({"KeyId": mac, "Message": message, "Mac": made["Mac"], "MacAlgorithm": "HMAC_SHA_224"});
    assert_eq!(world.run("VerifyMac", check).await["MacValid"], true);
    let alg = json!({"KeyId": rsa, "Plaintext": message, "EncryptionAlgorithm": "RSAES_OAEP_SHA_256"});
    let sealed = world.run("Encrypt", alg).await;
    let open =
        json!({"KeyId": rsa, "CiphertextBlob": sealed["CiphertextBlob"], "EncryptionAlgorithm": "RSAES_OAEP_SHA_256"});
    assert_eq!(world.run("Decrypt", open).await["Plaintext"], message);
    for (operation, input, code, text) in [
        (
            "Encrypt",
            json!({"KeyId": pair, "Plaintext": message}),
            "InvalidKeyUsageException",
            format!("{arn} key usage is SIGN_VERIFY which is not valid for Encrypt."),
        ),
        (
            "GenerateMac",
            json!({"KeyId": symmetric, "Message": message, "MacAlgorithm": "HMAC_SHA_256"}),
            "InvalidKeyUsageException",
            format!("{symmetric_arn} key usage is ENCRYPT_DECRYPT which is not valid for GenerateMac."),
        ),
        (
            "GenerateMac",
            json!({"KeyId": mac, "Message": message, "MacAlgorithm": "HMAC_SHA_256"}),
            "InvalidKeyUsageException",
            "Algorithm HMAC_SHA_256 is incompatible with key spec HMAC_224.".to_owned(),
        ),
        (
            "Sign",
            json!({"KeyId": pair, "Message": message, "MessageType": "DIGEST", "SigningAlgorithm": "ECDSA_SHA_384"}),
            "ValidationException",
            "Digest is invalid length for algorithm ECDSA_SHA_384.".to_owned(),
        ),
        (
            "Encrypt",
            json!({"KeyId": rsa, "Plaintext": blob(&[0; 191]), "EncryptionAlgorithm": "RSAES_OAEP_SHA_256"}),
            "ValidationException",
            "Algorithm RSAES_OAEP_SHA_256 and key spec RSA_2048 cannot encrypt data larger than 190 bytes.".to_owned(),
        ),
        (
            "CreateKey",
            json!({"KeySpec": "HMAC_256"}),
            "ValidationException",
            "You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys.".to_owned(),
        ),
        ("GenerateRandom", json!({}), "ValidationException", "NumberOfBytes is required.".to_owned()),
    ] {
        assert_eq!(world.refused(operation, input).await, (code.to_owned(), text), "{operation}");
    }
}

#[tokio::test]
async fn grants_let_their_grantee() {
    let world = World::new().await;
    let (id, arn) = world.key(json!({})).await;
    let alice = format!("arn:aws:iam::{ACCOUNT}:user/alice");
    let sealed = world
        .run("Encrypt", json!({"KeyId": id, "Plaintext": blob(b"hi"), "EncryptionContext": {"a": "1"}}))
        .await["CiphertextBlob"]
        .clone();
    let decrypt = json!({"CiphertextBlob": sealed, "EncryptionContext": {"a": "1"}});
    let denied = world.by(user("alice"), "Decrypt", decrypt.clone()).await.unwrap_err();
    let text = format!(
        "User: {alice} is not authorized to perform: kms:Decrypt on resource: {arn} because no identity-based policy allows the \
         kms:Decrypt action"
    );
    assert_eq!((denied.code.as_ref(), denied.message), ("AccessDeniedException", text));
    let create = json!({
        "KeyId": id, "GranteePrincipal": alice, "RetiringPrincipal": alice, "Operations": ["Decrypt", "CreateGrant"],
        "Constraints": {"EncryptionContextSubset": {"a": "1"}}, "Name": "once",
    });
    let made = world.run("CreateGrant", create.clone()).await;
    let again = world.run("CreateGrant", create).await;
    assert_eq!(made["GrantId"], again["GrantId"]);
    assert_ne!(made["GrantToken"], again["GrantToken"]);
    assert_eq!(world.by(user("alice"), "Decrypt", decrypt.clone()).await.unwrap()["Plaintext"], blob(b"hi"));
    let other = world.by(user("alice"), "Encrypt", json!({"KeyId": id, "Plaintext": blob(b"x")})).await;
    assert_eq!(other.unwrap_err().code, "AccessDeniedException");
    // What a grantee grants is not more than it was granted.
    let bob = format!("arn:aws:iam::{ACCOUNT}:user/bob");
    let wider = json!({"KeyId": id, "GranteePrincipal": bob, "Operations": ["Decrypt"]});
    assert_eq!(world.by(user("alice"), "CreateGrant", wider).await.unwrap_err().code, "AccessDeniedException");
    let listed = world.run("ListGrants", json!({"KeyId": id})).await;
    assert_eq!(listed["Grants"][0]["GranteePrincipal"], *alice);
    let retirable = world.run("ListRetirableGrants", json!({"RetiringPrincipal": alice})).await;
    assert_eq!(retirable["Grants"].as_array().unwrap().len(), 1);
    world.by(user("alice"), "RetireGrant", json!({"GrantToken": made["GrantToken"]})).await.unwrap();
    assert!(world.by(user("alice"), "Decrypt", decrypt).await.is_err());
    let gone = world.refused("RevokeGrant", json!({"KeyId": id, "GrantId": made["GrantId"]})).await;
    assert_eq!(gone.0, "NotFoundException");
    let token = world.refused("DescribeKey", json!({"KeyId": id, "GrantTokens": ["no"]})).await;
    assert_eq!(token.0, "InvalidGrantTokenException");
}

#[tokio::test]
async fn the_keys_policy_decides() {
    let world = World::new().await;
    let (id, arn) = world.key(json!({})).await;
    world.lets("alice", "kms:*");
    world.by(user("alice"), "DescribeKey", json!({"KeyId": id})).await.unwrap();
    let only = |who: &str| {
        json!({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": {"AWS": format!("arn:aws:iam::{ACCOUNT}:user/{who}")}, "Action": "kms:*",
            "Resource": "*"}]})
        .to_string()
    };
    let out = world.refused("PutKeyPolicy", json!({"KeyId": id, "Policy": only("alice")})).await;
    let text = "The new key policy will not allow you to update the key policy in the future.";
    assert_eq!(out, ("MalformedPolicyDocumentException".to_owned(), text.to_owned()));
    let put = json!({"KeyId": id, "Policy": only("alice"), "BypassPolicyLockoutSafetyCheck": true});
    world.run("PutKeyPolicy", put).await;
    let (code, message) = world.refused("DescribeKey", json!({"KeyId": id})).await;
    assert_eq!(code, "AccessDeniedException");
    assert!(
        message.contains(&arn)
            && message.ends_with("because no resource-based policy allows the kms:DescribeKey action")
    );
    let got = world.by(user("alice"), "GetKeyPolicy", json!({"KeyId": id})).await.unwrap();
    assert_eq!((&got["Policy"], &got["PolicyName"]), (&json!(only("alice")), &json!("default")));
    let none = world.by(user("alice"), "GetKeyPolicy", json!({"KeyId": id, "PolicyName": "x"})).await.unwrap_err();
    assert_eq!(none.message, "No such policy exists");
}

#[tokio::test]
async fn tags_are_set_and_taken() {
    let world = World::new().await;
    let (id, _) = world.key(json!({"Tags": [{"TagKey": "a", "TagValue": "1"}]})).await;
    world.run("TagResource", json!({"KeyId": id, "Tags": [{"TagKey": "b", "TagValue": "2"}]})).await;
    world.run("UntagResource", json!({"KeyId": id, "TagKeys": ["a", "c"]})).await;
    let tags = world.run("ListResourceTags", json!({"KeyId": id})).await;
    assert_eq!(tags["Tags"], json!([{"TagKey": "b", "TagValue": "2"}]));
    let aws = world.refused("TagResource", json!({"KeyId": id, "Tags": [{"TagKey": "aws:x", "TagValue": ""}]})).await;
    assert_eq!(aws.0, "TagException");
}

#[tokio::test]
async fn material_is_imported_dropped_and_imported_again() {
    let world = World::new().await;
    let (id, arn) = world.key(json!({"Origin": "EXTERNAL"})).await;
    let state = async || world.run("DescribeKey", json!({"KeyId": id})).await["KeyMetadata"]["KeyState"].clone();
    assert_eq!(state().await, "PendingImport");
    let pending = world.refused("Encrypt", json!({"KeyId": id, "Plaintext": blob(b"x")})).await;
    assert_eq!(pending, ("KMSInvalidStateException".to_owned(), format!("{arn} is pending import.")));
    let ask = json!({"KeyId": id, "WrappingAlgorithm": "RSAES_OAEP_SHA_256", "WrappingKeySpec": "RSA_2048"});
    let given = world.run("GetParametersForImport", ask).await;
    let public = base::ids::unhex(given["PublicKey"].as_str().unwrap().strip_prefix("blob:").unwrap()).unwrap();
    let import = |secret: [u8; 32], model: &str| {
        let oaep = crate::spec::EncryptionAlgorithm::OaepSha256;
        let wrapped = crate::crypto::pair::encrypt(oaep, &public, &secret).unwrap();
        json!({"KeyId": id, "ImportToken": given["ImportToken"], "EncryptedKeyMaterial": blob(&wrapped), "ExpirationModel": model})
    };
    let without = world.refused("ImportKeyMaterial", import([1; 32], "KEY_MATERIAL_EXPIRES")).await;
    assert_eq!(without.1, "A validTo date must be set if the ExpirationModel is KEY_MATERIAL_EXPIRES");
    world.run("ImportKeyMaterial", import([1; 32], "KEY_MATERIAL_DOES_NOT_EXPIRE")).await;
    let sealed = seal(&world, &id).await;
    world.run("DeleteImportedKeyMaterial", json!({"KeyId": id})).await;
    assert_eq!(state().await, "PendingImport");
    let other = world.refused("ImportKeyMaterial", import([2; 32], "KEY_MATERIAL_DOES_NOT_EXPIRE")).await;
    assert_eq!(other.0, "IncorrectKeyMaterialException");
    world.run("ImportKeyMaterial", import([1; 32], "KEY_MATERIAL_DOES_NOT_EXPIRE")).await;
    assert_eq!(world.run("Decrypt", json!({"CiphertextBlob": sealed})).await["Plaintext"], blob(b"hi"));
    let rotation = world.refused("EnableKeyRotation", json!({"KeyId": id})).await;
    assert_eq!(rotation.1, format!("{arn} origin is EXTERNAL which is not valid for this operation."));
    let (own, _) = world.key(json!({"Origin": "EXTERNAL"})).await;
    let mut foreign = import([1; 32], "KEY_MATERIAL_DOES_NOT_EXPIRE");
    foreign["KeyId"] = json!(own);
    assert_eq!(world.refused("ImportKeyMaterial", foreign).await.0, "InvalidImportTokenException");
    world.pass_days(1);
    let late = world.refused("ImportKeyMaterial", import([1; 32], "KEY_MATERIAL_DOES_NOT_EXPIRE")).await;
    assert_eq!(late.0, "ExpiredImportTokenException");
}

#[tokio::test]
async fn other_services_use_keys_for_their_callers() {
    let world = World::new().await;
    let alice = user("alice");
    let context = [("aws:s3:arn", "arn:aws:s3:::b/k")];
    let using = KeyUse {
        caller: &alice,
        region: base::Region::US_EAST_1,
        key: Some("alias/aws/s3"),
        service: "s3",
        source_arn: None,
        context: &context,
        request: None,
    };
    // The key of S3 lets everybody of the account, through S3 alone.
    let data = world.kms.generate_data_key(&using, 32).await.unwrap();
    let again = KeyUse { key: None, ..using };
    let opened = world.kms.decrypt_data_key(&again, &data.ciphertext).await.unwrap();
    assert_eq!(opened.plaintext, data.plaintext);
    let through_sns = KeyUse { service: "sns", ..again };
    assert!(world.kms.decrypt_data_key(&through_sns, &data.ciphertext).await.unwrap_err().is_denied());
    let directly = world.by(alice.clone(), "Decrypt", json!({"CiphertextBlob": blob(&data.ciphertext)})).await;
    assert_eq!(directly.unwrap_err().code, "AccessDeniedException");
    let nobody = world.refused("ScheduleKeyDeletion", json!({"KeyId": data.key_arn})).await;
    assert_eq!(nobody.0, "AccessDeniedException");
    let found = world.run("DescribeKey", json!({"KeyId": "alias/aws/s3"})).await;
    assert_eq!(found["KeyMetadata"]["KeyManager"], "AWS");
    // A service for itself, where a policy says so.
    let (id, arn) = world.key(json!({})).await;
    let trail = "arn:aws:cloudtrail:us-east-1:111111111111:trail/t";
    let service = Caller::Service { principal: "cloudtrail.amazonaws.com".into() };
    let by_service =
        KeyUse { caller: &service, key: Some(&id), service: "cloudtrail", source_arn: Some(trail), ..using };
    assert!(world.kms.generate_data_key(&by_service, 32).await.unwrap_err().is_denied());
    let policy = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "kms:*", "Resource": "*"},
        {"Effect": "Allow", "Principal": {"Service": "cloudtrail.amazonaws.com"}, "Action": "kms:GenerateDataKey*",
         "Resource": "*", "Condition": {"StringEquals": {"aws:SourceArn": trail}}}]});
    world.run("PutKeyPolicy", json!({"KeyId": id, "Policy": policy.to_string()})).await;
    assert_eq!(world.kms.generate_data_key(&by_service, 32).await.unwrap().key_arn, arn);
    world.run("DisableKey", json!({"KeyId": id})).await;
    let disabled = world.kms.generate_data_key(&by_service, 32).await.unwrap_err();
    assert_eq!(disabled.to_string(), format!("DisabledException: {arn} is disabled."));
    let records = world.records.0.lock().unwrap();
    let names: Vec<_> = records.iter().map(|event| (event.name, event.error.is_some())).collect();
    assert_eq!(names[..3], [("GenerateDataKey", false), ("Decrypt", false), ("Decrypt", true)]);
    assert_eq!(records[0].invoked_by.as_deref(), Some("s3.amazonaws.com"));
}

#[tokio::test]
async fn lists_have_pages() {
    let world = World::new().await;
    for _ in 0..5 {
        world.key(json!({})).await;
    }
    let first = world.run("ListKeys", json!({"Limit": 3})).await;
    assert_eq!((first["Keys"].as_array().unwrap().len(), &first["Truncated"]), (3, &json!(true)));
    let rest = world.run("ListKeys", json!({"Limit": 3, "Marker": first["NextMarker"]})).await;
    assert_eq!((rest["Keys"].as_array().unwrap().len(), &rest["Truncated"]), (2, &json!(false)));
    assert_eq!(world.refused("ListKeys", json!({"Marker": "?"})).await.0, "InvalidMarkerException");
}
