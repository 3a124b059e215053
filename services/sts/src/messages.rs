//! Texts of refusals that only DecodeAuthorizationMessage reads: sealed under a key of this server, for the account that was refused.
//! Source: STS API reference, DecodeAuthorizationMessage.
//!
//! ```text
//! message  = base 64 (URL's letters, no padding) of: 1 (version) · nonce (12) · AES-256-GCM of the JSON, the account authenticated
//! ```

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use base::Env;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use ports::{AccessRequest, AuthorizationMessages, Decision};
use serde_json::{Value, json};
use state::{Expect, Op, State};

use crate::Sts;

const KEYS: state::Table = "sts/keys";
/// The row of the key that messages are sealed under.
const MESSAGES: &str = "messages";
const KEY_BYTES: usize = 32;
const VERSION: u8 = 1;
/// Condition keys that a message shows, where the request tells them.
const SHOWN: [&str; 10] = [
    "aws:CurrentTime",
    "aws:MultiFactorAuthPresent",
    "aws:PrincipalArn",
    "aws:PrincipalType",
    "aws:RequestedRegion",
    "aws:SecureTransport",
    "aws:SourceIp",
    "aws:UserAgent",
    "aws:userid",
    "aws:username",
];

pub(crate) struct Messages {
    key: LessSafeKey,
}

impl Messages {
    /// Reads the key, or makes it: durable before the first message.
    pub async fn open(env: &Env, state: &dyn State) -> Result<Messages, state::Error> {
        let row = state::key::key(&[MESSAGES]);
        if let Some(kept) = state.get(KEYS, &row).await?.and_then(|kept| key(&kept.value)) {
            return Ok(Messages { key: kept });
        }
        let mut bytes = [0; KEY_BYTES];
        env.rng.fill(&mut bytes);
        let value = Bytes::copy_from_slice(&bytes);
        state.commit(vec![Op::Put { table: KEYS, key: row, value, expect: Expect::Any }]).await?;
        Ok(Messages { key: key(&bytes).expect("it has the length of a key") })
    }

    pub fn seal(&self, env: &Env, account: &str, json: &str) -> String {
        let mut nonce = [0; NONCE_LEN];
        env.rng.fill(&mut nonce);
        let mut sealed = json.as_bytes().to_vec();
        let done = self.key.seal_in_place_append_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(account.as_bytes()),
            &mut sealed,
        );
        done.expect("a refusal is shorter than what a key can seal");
        URL_SAFE_NO_PAD.encode([&[VERSION][..], &nonce, &sealed].concat())
    }

    /// The JSON in a message; `None` if it is none of this server and account.
    pub fn open_message(&self, account: &str, message: &str) -> Option<String> {
        let bytes = URL_SAFE_NO_PAD.decode(message).ok()?;
        let (nonce, sealed) = bytes.strip_prefix(&[VERSION])?.split_first_chunk::<NONCE_LEN>()?;
        let mut sealed = sealed.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let opened = self.key.open_in_place(nonce, Aad::from(account.as_bytes()), &mut sealed).ok()?;
        String::from_utf8(opened.to_vec()).ok()
    }
}

fn key(bytes: &[u8]) -> Option<LessSafeKey> {
    Some(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, bytes).ok()?))
}

impl AuthorizationMessages for Sts {
    fn encoded(&self, request: &AccessRequest<'_>, decision: &Decision) -> String {
        let account = request.caller.account().map_or("", |account| account);
        self.messages.seal(&self.deps.env, account, &text(request, decision).to_string())
    }
}

/// What a message says. Source: the page above, the example of a decoded message.
fn text(request: &AccessRequest<'_>, decision: &Decision) -> Value {
    let matched = match decision {
        Decision::Allow(by) | Decision::ExplicitDeny(_, by) => by.as_ref(),
        Decision::ImplicitDeny(_) => None,
    };
    let matched = matched.map(|by| json!({"statementId": by.sid.as_deref().unwrap_or(""), "policy": by.policy}));
    let conditions = SHOWN.iter().filter_map(|key| {
        let values = request.global_condition(&key.to_lowercase())?;
        let values: Vec<Value> = values.into_iter().map(|value| json!({"value": value})).collect();
        Some(json!({"key": key, "values": {"items": values}}))
    });
    let name = request.caller.user().map(|(_, name, _)| name.to_string());
    json!({
        "allowed": decision.is_allow(),
        "explicitDeny": matches!(decision, Decision::ExplicitDeny(..)),
        "matchedStatements": {"items": matched.into_iter().collect::<Vec<_>>()},
        "failures": {"items": []},
        "context": {
            "principal": {
                "id": request.caller.principal_id(),
                "name": name,
                "arn": request.caller.arn(),
            },
            "action": request.action,
            "resource": request.resource,
            "conditions": {"items": conditions.collect::<Vec<_>>()},
        },
    })
}
