//! What tests of STS stand on: an issuer of tokens with keys of its own, and fakes of what STS asks. Who may what is decided by the real
//! [`service::Access`].

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature as sig;
use aws_lc_rs::signature::KeyPair as _;
use base::{Region, Timestamp};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use model::{Fields, Value};
use policy::{Policy, PolicySet};
use ports::{
    AccessRequest, Authorizer, Caller, Credential, Credentials, Identities, Identity, IssuerKeys, LooksAt, MfaDevices,
    OidcProvider, OidcProviders, ResourcePolicies, RoleInfo, Roles, Ruled, Unavailable,
};
use serde_json::{Value as Json, json};
use service::{Access, ApiError, Call};
use testkit::ManualClock;

use crate::{Deps, Sts};

pub const ACCOUNT: &str = "111111111111";
pub const OTHER: &str = "222222222222";
pub const SAML_PROVIDER: &str = "arn:aws:iam::111111111111:saml-provider/corp";
pub const ISSUER: &str = "idp.example.com/tenant";
/// What the phone shows.
pub const CODE: &str = "123456";
pub const PHONE: &str = "arn:aws:iam::111111111111:mfa/phone";

/// Somebody who signs tokens.
pub struct Issuer {
    alg: &'static str,
    kid: &'static str,
    key: SigningKey,
}

enum SigningKey {
    Rsa(sig::RsaKeyPair),
    Ec(sig::EcdsaKeyPair),
}

impl Issuer {
    pub fn new(alg: &'static str, kid: &'static str) -> Issuer {
        let ec = |alg| SigningKey::Ec(sig::EcdsaKeyPair::generate(alg).unwrap());
        let key = match alg {
            "RS256" => SigningKey::Rsa(sig::RsaKeyPair::generate(KeySize::Rsa2048).unwrap()),
            "ES256" => ec(&sig::ECDSA_P256_SHA256_FIXED_SIGNING),
            _ => ec(&sig::ECDSA_P384_SHA384_FIXED_SIGNING),
        };
        Issuer { alg, kid, key }
    }

    pub fn token(&self, claims: &Json) -> String {
        let part = |json: &Json| URL_SAFE_NO_PAD.encode(json.to_string());
        let signed = format!("{}.{}", part(&json!({"alg": self.alg, "kid": self.kid, "typ": "JWT"})), part(claims));
        let rng = SystemRandom::new();
        let signature = match &self.key {
            SigningKey::Rsa(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(&sig::RSA_PKCS1_SHA256, &rng, signed.as_bytes(), &mut signature).unwrap();
                signature
            }
            SigningKey::Ec(key) => key.sign(&rng, signed.as_bytes()).unwrap().as_ref().to_vec(),
        };
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    pub fn key_set(&self) -> String {
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let mut key = json!({"kid": self.kid, "use": "sig", "alg": self.alg});
        match &self.key {
            SigningKey::Rsa(pair) => {
                // RSAPublicKey in DER: two headers of four bytes and a zero, 256 bytes, a header of two bytes, three bytes.
                let der = pair.public_key().as_ref();
                assert_eq!(der.len(), 270);
                key["kty"] = "RSA".into();
                key["n"] = text(&der[9..265]).into();
                key["e"] = text(&der[267..]).into();
            }
            SigningKey::Ec(pair) => {
                let point = &pair.public_key().as_ref()[1..];
                let (x, y) = point.split_at(point.len() / 2);
                key["kty"] = "EC".into();
                key["crv"] = if self.alg == "ES256" { "P-256" } else { "P-384" }.into();
                key["x"] = text(x).into();
                key["y"] = text(y).into();
            }
        }
        json!({"keys": [{"kty": "oct", "k": "AAAA"}, key]}).to_string()
    }
}

/// The rest of the world: roles with trust policies, a provider, a phone; `alice` may everything, nobody else anything.
#[derive(Default)]
pub struct World {
    pub roles: Mutex<BTreeMap<String, (RoleInfo, String)>>,
    pub key_set: Mutex<Option<String>>,
    pub saml_metadata: Mutex<Option<String>>,
}

impl World {
    pub fn role(&self, account: &str, name: &str, max_session_secs: u32, trust: &Json) -> String {
        let arn = format!("arn:aws:iam::{account}:role/team/{name}");
        let info = RoleInfo {
            account: account.into(),
            arn: arn.as_str().into(),
            id: format!("AROA{}", name.to_uppercase()).into(),
            name: name.into(),
            max_session_secs,
            tags: Vec::new(),
        };
        let text = json!({"Version": "2012-10-17", "Statement": trust}).to_string();
        self.roles.lock().unwrap().insert(arn.clone(), (info, text));
        arn
    }
}

#[async_trait]
impl Roles for World {
    async fn role(&self, arn: &str) -> Result<Option<RoleInfo>, Unavailable> {
        Ok(self.roles.lock().unwrap().get(arn).map(|(info, _)| info.clone()))
    }
}

#[async_trait]
impl ResourcePolicies for World {
    fn prefixes(&self) -> &'static [&'static str] {
        &["sts"]
    }

    async fn ruled(&self, request: &AccessRequest<'_>, _: LooksAt<'_>) -> Result<Option<Ruled>, Unavailable> {
        let roles = self.roles.lock().unwrap();
        Ok(roles.get(request.resource).map(|(info, trust)| Ruled {
            policies: Arc::new(PolicySet::new([("trust".to_owned(), Policy::parse(trust).unwrap())])),
            must_allow: true,
            ..Ruled::plain(Arc::clone(&info.account))
        }))
    }

    fn condition(&self, _: &AccessRequest<'_>, _: &str) -> Option<Vec<String>> {
        None
    }
}

#[async_trait]
impl Identities for World {
    async fn identity(&self, caller: &Caller) -> Result<Identity, Unavailable> {
        let may = caller.user().is_some_and(|(_, name, _)| &**name == "alice")
            || matches!(caller.session().map(|session| &session.holder), Some(ports::Holder::Role { .. }));
        let policies = if may { Arc::new(PolicySet::everything()) } else { Arc::default() };
        Ok(Identity { policies, ..Identity::default() })
    }
}

#[async_trait]
impl MfaDevices for World {
    async fn verify(&self, _: &Caller, serial: &str, code: &str) -> Result<bool, Unavailable> {
        Ok(serial == PHONE && code == CODE)
    }
}

#[async_trait]
impl Credentials for World {
    async fn find(&self, access_key_id: &str) -> Result<Option<Arc<Credential>>, Unavailable> {
        let known = Credential {
            secret: ports::Secret("secret".into()),
            caller: user("alice"),
            active: false,
            session_token: None,
            expires: None,
        };
        Ok((access_key_id == "AKIAALICEALICEALICE").then(|| Arc::new(known)))
    }
}

#[async_trait]
impl OidcProviders for World {
    async fn oidc_provider(&self, account: &str, issuer: &str) -> Result<Option<OidcProvider>, Unavailable> {
        let provider = OidcProvider {
            arn: format!("arn:aws:iam::{account}:oidc-provider/{issuer}").into(),
            client_ids: vec!["app".to_owned()],
        };
        Ok((account == ACCOUNT && issuer == ISSUER).then_some(provider))
    }

    async fn saml_provider(&self, arn: &str) -> Result<Option<ports::SamlProvider>, Unavailable> {
        let metadata = self.saml_metadata.lock().unwrap().clone();
        let valid_until = Timestamp::from_secs(1_800_000_000);
        let is_known = arn == SAML_PROVIDER;
        Ok(metadata.filter(|_| is_known).map(|metadata| ports::SamlProvider { metadata, valid_until }))
    }
}

#[async_trait]
impl IssuerKeys for World {
    async fn key_set(&self, _: &str) -> Result<Option<String>, Unavailable> {
        Ok(self.key_set.lock().unwrap().clone())
    }
}

pub fn user(name: &str) -> Caller {
    Caller::User {
        account: ACCOUNT.into(),
        user_id: format!("AIDA{}", name.to_uppercase()).into(),
        user_name: name.into(),
        arn: format!("arn:aws:iam::{ACCOUNT}:user/{name}").into(),
        access_key_id: "AKIAALICEALICEALICE".into(),
    }
}

pub fn root() -> Caller {
    Caller::Root { account: ACCOUNT.into(), access_key_id: "AKIAROOT".into() }
}

/// STS in its world.
pub struct Server {
    pub sts: Arc<Sts>,
    pub world: Arc<World>,
    pub clock: Arc<ManualClock>,
    state: state::Memory,
    /// Kept, because it holds what it asks weakly.
    access: Arc<Access>,
}

impl Server {
    pub async fn new() -> Server {
        let clock = ManualClock::at(Timestamp::from_secs(1_700_000_000));
        Server::over(state::Memory::new(), Arc::new(World::default()), clock).await
    }

    async fn over(state: state::Memory, world: Arc<World>, clock: Arc<ManualClock>) -> Server {
        let access = Access::new();
        let resources = Arc::clone(&world) as Arc<dyn ResourcePolicies>;
        access.ask(Arc::clone(&world) as Arc<dyn Identities>, None, &[resources]);
        let sts = Sts::open(Deps {
            env: testkit::env(Arc::clone(&clock), 7),
            state: Arc::new(state.clone()),
            authorizer: Arc::clone(&access) as Arc<dyn Authorizer>,
            roles: Arc::clone(&world) as Arc<dyn Roles>,
            mfa: Arc::clone(&world) as Arc<dyn MfaDevices>,
            credentials: Arc::clone(&world) as Arc<dyn Credentials>,
            providers: Arc::clone(&world) as Arc<dyn OidcProviders>,
            issuer_keys: Arc::clone(&world) as Arc<dyn IssuerKeys>,
        });
        Server { sts: sts.await.unwrap(), world, clock, state, access }
    }

    pub async fn restarted(self) -> Server {
        drop(self.access);
        Server::over(self.state, self.world, self.clock).await
    }

    pub fn call(&self, caller: &Caller, operation: &str) -> Call {
        Call {
            caller: caller.clone(),
            account: ACCOUNT.into(),
            region: Region::US_EAST_1,
            time: base::Clock::now(&*self.clock),
            request_id: "request".to_owned(),
            operation: operation.into(),
            headers: http::HeaderMap::new(),
            query: String::new(),
            source_ip: "192.0.2.7".into(),
            tls: None,
            host: "localhost".to_owned(),
            body: Mutex::default(),
            reply: Mutex::default(),
            notes: Mutex::default(),
        }
    }

    pub async fn run(&self, call: &Call, input: Json) -> Result<Json, ApiError> {
        let definition = crate::definition(Arc::clone(&self.sts));
        let Value::Struct(input) = from_json(input) else { panic!("the input is no object") };
        let output = definition.operations[&*call.operation].run(call, input).await?;
        Ok(to_json(Value::Struct(output)))
    }

    pub async fn ok(&self, caller: &Caller, operation: &str, input: Json) -> Json {
        self.run(&self.call(caller, operation), input).await.unwrap()
    }

    /// The error as `CODE: text`.
    pub async fn refused(&self, caller: &Caller, operation: &str, input: Json) -> String {
        self.run(&self.call(caller, operation), input).await.unwrap_err().to_string()
    }

    /// Whom the credentials in an output stand for.
    pub async fn holder(&self, output: &Json) -> Caller {
        let id = output["Credentials"]["AccessKeyId"].as_str().unwrap();
        Credentials::find(&*self.sts, id).await.unwrap().unwrap().caller.clone()
    }
}

fn from_json(json: Json) -> Value {
    match json {
        Json::Object(members) => {
            let mut fields = Fields::new();
            for (name, value) in members {
                fields.push(name.as_str(), from_json(value));
            }
            Value::Struct(fields)
        }
        Json::Array(items) => Value::List(items.into_iter().map(from_json).collect()),
        Json::String(text) => Value::String(text),
        Json::Number(number) => Value::Int(number.as_i64().unwrap()),
        Json::Bool(flag) => Value::Bool(flag),
        Json::Null => Value::Null,
    }
}

fn to_json(value: Value) -> Json {
    match value {
        Value::Int(number) => number.into(),
        Value::String(text) => text.into(),
        Value::Timestamp(time) => time.iso8601_secs().into(),
        Value::Struct(fields) => {
            Json::Object(fields.0.into_iter().map(|(name, value)| (name.to_string(), to_json(value))).collect())
        }
        _ => Json::Null,
    }
}
