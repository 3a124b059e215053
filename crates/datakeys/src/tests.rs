//! Data keys against a KMS of a few lines, which says who asked it what.

use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use ports::{DataKey, KeyInfo, PlainKey};

use super::*;

const TOPIC: &str = "arn:aws:sns:us-east-1:111111111111:t";
const KEY: &str = "arn:aws:kms:us-east-1:111111111111:key/k";

/// Data keys are numbers, repeated; ciphertexts say which and under what context.
#[derive(Default)]
struct FewLines {
    asked: Mutex<Vec<String>>,
    is_off: AtomicBool,
}

impl FewLines {
    fn note(&self, what: &str) -> Result<(), KeyError> {
        self.asked.lock().unwrap().push(what.to_owned());
        match self.is_off.load(Ordering::SeqCst) {
            true => {
                Err(KeyError::Refused { code: "DisabledException".to_owned(), message: format!("{KEY} is disabled.") })
            }
            false => Ok(()),
        }
    }

    fn opens(ciphertext: &[u8], context: &[(&str, &str)]) -> Result<PlainKey, KeyError> {
        let (number, sealed_for) = ciphertext.split_first().unwrap();
        if sealed_for != context[0].1.as_bytes() {
            let code = "InvalidCiphertextException".to_owned();
            return Err(KeyError::Refused { code, message: String::new() });
        }
        Ok(PlainKey { plaintext: vec![*number; KEY_BYTES], key_arn: KEY.to_owned() })
    }
}

#[async_trait]
impl Keys for FewLines {
    async fn describe(&self, _: Region, _: &str) -> Result<KeyInfo, KeyError> {
        Ok(KeyInfo { arn: KEY.to_owned(), enabled: true, symmetric: true, managed: false })
    }

    async fn generate_data_key(&self, asked: &KeyUse<'_>, bytes: usize) -> Result<DataKey, KeyError> {
        self.note("generate")?;
        let number = u8::try_from(self.asked.lock().unwrap().len()).unwrap();
        let ciphertext = [&[number], asked.context[0].1.as_bytes()].concat();
        Ok(DataKey { plaintext: vec![number; bytes], ciphertext, key_arn: KEY.to_owned() })
    }

    async fn decrypt_data_key(&self, asked: &KeyUse<'_>, ciphertext: &[u8]) -> Result<PlainKey, KeyError> {
        self.note("decrypt")?;
        FewLines::opens(ciphertext, asked.context)
    }

    async fn open_data_key(
        &self,
        _: Region,
        _: &str,
        context: &[(&str, &str)],
        ciphertext: &[u8],
    ) -> Result<PlainKey, KeyError> {
        self.note("open")?;
        FewLines::opens(ciphertext, context)
    }
}

fn by(caller: &Caller, now_ms: i64) -> For<'_> {
    For {
        caller,
        request: None,
        source_arn: None,
        service: "sns",
        context: "aws:sns:topicArn",
        region: Region::US_EAST_1,
        resource_arn: TOPIC,
        reuse_ms: 300_000,
        now_ms,
    }
}

fn principal(name: &str) -> Caller {
    Caller::Service { principal: name.into() }
}

#[test]
fn names_of_keys_are_of_the_resources_account() {
    let check = |key: &str, expected: &str| {
        let start = if expected.starts_with("arn:") { "" } else { "arn:aws:kms:us-east-1:111111111111:" };
        assert_eq!(key_arn(key, Region::US_EAST_1, "111111111111"), format!("{start}{expected}"));
    };
    check("mrk-1", "key/mrk-1");
    check("alias/aws/sns", "alias/aws/sns");
    check("arn:aws:kms:us-east-1:222222222222:key/k", "arn:aws:kms:us-east-1:222222222222:key/k");
}

#[tokio::test]
async fn a_data_key_is_used_again_by_the_same_principal_for_a_while() {
    let (keys, data_keys, env) = (FewLines::default(), DataKeys::default(), system::env());
    let (one, other) = (principal("one"), principal("other"));
    let mut texts = Vec::new();
    for (caller, now_ms) in [(&one, 0), (&one, 299_999), (&other, 299_999), (&one, 300_000)] {
        let sealed = data_keys.seal(&keys, &*env.rng, &by(caller, now_ms), (KEY, "id"), "secret").await.unwrap();
        assert!(!serde_json::to_string(&sealed).unwrap().contains("secret"));
        texts.push(sealed);
    }
    assert_eq!(*keys.asked.lock().unwrap(), ["generate", "decrypt", "generate", "decrypt", "generate", "decrypt"]);
    assert_ne!(texts[0].data, texts[1].data);
    for sealed in &texts {
        let opened = data_keys.open(&keys, &by(&one, 0), sealed).await.unwrap();
        assert_eq!(opened, "secret");
        assert_eq!(open_permitted(&keys, Region::US_EAST_1, "aws:sns:topicArn", sealed).await.unwrap(), "secret");
    }
}

#[tokio::test]
async fn what_is_damaged_or_under_a_disabled_key_does_not_open() {
    let (keys, data_keys, env) = (FewLines::default(), DataKeys::default(), system::env());
    let caller = principal("one");
    let sealed = data_keys.seal(&keys, &*env.rng, &by(&caller, 0), (KEY, "id"), "secret").await.unwrap();
    let damages: [fn(&mut Sealed); 4] = [
        |sealed| sealed.of = "other".to_owned(),
        |sealed| sealed.resource_arn = "arn:aws:sns:us-east-1:111111111111:other".to_owned(),
        |sealed| sealed.data = BASE64.encode("x"),
        |sealed| sealed.nonce = String::new(),
    ];
    for damage in damages {
        let mut damaged = sealed.clone();
        damage(&mut damaged);
        assert!(open_permitted(&keys, Region::US_EAST_1, "aws:sns:topicArn", &damaged).await.is_err());
        assert!(data_keys.open(&keys, &by(&caller, 0), &damaged).await.is_err());
    }
    keys.is_off.store(true, Ordering::SeqCst);
    let refused = open_permitted(&keys, Region::US_EAST_1, "aws:sns:topicArn", &sealed).await.unwrap_err();
    assert_eq!(refused.to_string(), format!("DisabledException: {KEY} is disabled."));
    // Neither does a new data key come of it, once the old one's time is over.
    assert!(data_keys.seal(&keys, &*env.rng, &by(&caller, 300_000), (KEY, "id"), "secret").await.is_err());
}
