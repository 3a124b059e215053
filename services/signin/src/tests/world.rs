//! A browser, and what signing in asks of others.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use base::Timestamp;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method};
use ports::{
    Caller, ConsoleCredentials, ConsoleSessions, Credential, Credentials, Holder, PageEvent, PageRequest, PageStep,
    Pages, PasswordAnswer, People, Person, RoleInfo, Roles, Secret, Session, SwitchRequest, Unavailable,
};
use testkit::ManualClock;

use crate::{Deps, SIGN_IN, SignIn, SignInPages};

pub const ACCOUNT: &str = "111122223333";
pub const OTHER: &str = "444455556666";
pub const RIGHT: &str = "Right-Password-1";
pub const CODE: &str = "123456";
pub const PHONE: &str = "arn:aws:iam::111122223333:mfa/phone";
pub const HOST: &str = "cairn.example:4566";

/// What there is besides the pages.
#[derive(Default)]
pub struct Others {
    /// Users who have a phone, by identifier (`""` for root).
    pub phones: Mutex<Vec<String>>,
    /// What alice's password is worth beyond being right.
    pub must_change: Mutex<bool>,
    pub is_dead: Mutex<bool>,
    pub password: Mutex<Option<String>>,
    /// How often a password was looked at, whoever's.
    pub hashes: Mutex<u32>,
    /// Users who are gone.
    pub gone: Mutex<Vec<String>>,
    pub credentials: Mutex<BTreeMap<String, Arc<Credential>>>,
    /// What is known of who got credentials.
    pub given: Mutex<Vec<Session>>,
    pub used_codes: Mutex<u32>,
}

impl Others {
    fn password(&self) -> String {
        self.password.lock().unwrap().clone().unwrap_or_else(|| RIGHT.to_owned())
    }
}

fn person(name: &str) -> Person {
    Person {
        id: format!("AIDA{}", name.to_uppercase()).into(),
        name: name.into(),
        arn: format!("arn:aws:iam::{ACCOUNT}:user/{name}").into(),
    }
}

#[async_trait]
impl People for Others {
    fn account(&self, named: &str) -> Option<Arc<str>> {
        match named {
            ACCOUNT | "acme" | "root@example.com" => Some(ACCOUNT.into()),
            OTHER => Some(OTHER.into()),
            _ => None,
        }
    }

    fn person(&self, account: &str, user_name: &str) -> Option<Person> {
        let name = user_name.to_lowercase();
        let is_here = account == ACCOUNT && name == "alice" && !self.gone.lock().unwrap().contains(&name);
        is_here.then(|| person(&name))
    }

    async fn check_password(&self, account: &str, user: &str, password: &str) -> Result<PasswordAnswer, Unavailable> {
        *self.hashes.lock().unwrap() += 1;
        if account != ACCOUNT || user != "alice" || password != self.password() {
            return Ok(PasswordAnswer::Wrong);
        }
        let (must_change, is_dead) = (*self.must_change.lock().unwrap(), *self.is_dead.lock().unwrap());
        Ok(PasswordAnswer::Right { must_change, is_dead })
    }

    async fn check_root_password(&self, account: &str, password: &str) -> Result<bool, Unavailable> {
        *self.hashes.lock().unwrap() += 1;
        Ok(account == ACCOUNT && password == "root-password")
    }

    fn devices(&self, _: &str, user_id: Option<&str>) -> Vec<String> {
        let has_one = self.phones.lock().unwrap().iter().any(|id| id == user_id.unwrap_or(""));
        if has_one { vec!["arn:aws:iam::111122223333:mfa/other".to_owned(), PHONE.to_owned()] } else { Vec::new() }
    }

    async fn check_code(&self, _: &str, _: Option<&Person>, serial: &str, code: &str) -> Result<bool, Unavailable> {
        let mut used = self.used_codes.lock().unwrap();
        let is_right = serial == PHONE && code == CODE;
        *used += u32::from(is_right);
        Ok(is_right)
    }

    async fn change_password(&self, _: &str, _: &str, old: &str, new: &str) -> Result<Result<(), String>, Unavailable> {
        if old != self.password() {
            return Ok(Err("The old password is incorrect.".to_owned()));
        }
        if new.len() < 8 {
            return Ok(Err("Password should have a minimum length of 8".to_owned()));
        }
        *self.password.lock().unwrap() = Some(new.to_owned());
        *self.must_change.lock().unwrap() = false;
        Ok(Ok(()))
    }
}

pub fn role_session(now: Timestamp, role: &str, name: &str) -> Session {
    Session {
        account: OTHER.into(),
        access_key_id: "".into(),
        holder: Holder::Role {
            id: "AROA1".into(),
            name: role.into(),
            arn: format!("arn:aws:iam::{OTHER}:role/{role}").into(),
            session_name: name.into(),
        },
        created: now,
        expires: now.plus_ms(3_600_000),
        mfa_at: None,
        source_identity: None,
        tags: Vec::new(),
        transitive_tag_keys: Vec::new(),
        policies: Vec::new(),
        federation: None,
        is_console: false,
        made_by: None,
    }
}

#[async_trait]
impl ConsoleSessions for Others {
    async fn take_on(
        &self,
        holder: &Arc<Session>,
        request: &SwitchRequest,
    ) -> Result<Result<Session, String>, Unavailable> {
        if request.role_arn != format!("arn:aws:iam::{OTHER}:role/admin") || holder.holder == Holder::Root {
            return Ok(Err("not authorized to perform: sts:AssumeRole".to_owned()));
        }
        Ok(Ok(Session { is_console: true, ..role_session(request.time, "admin", &request.session_name) }))
    }

    async fn credentials(
        &self,
        session: &Session,
        now: Timestamp,
        secs: u32,
    ) -> Result<ConsoleCredentials, Unavailable> {
        let expires = now.plus_ms(i64::from(secs) * 1_000);
        self.given.lock().unwrap().push(Session { expires, ..session.clone() });
        Ok(ConsoleCredentials {
            access_key_id: "ASIA1".to_owned(),
            secret: Secret("secret".into()),
            session_token: Secret("token".into()),
            expires,
        })
    }
}

#[async_trait]
impl Credentials for Others {
    async fn find(&self, access_key_id: &str) -> Result<Option<Arc<Credential>>, Unavailable> {
        Ok(self.credentials.lock().unwrap().get(access_key_id).cloned())
    }
}

#[async_trait]
impl Roles for Others {
    async fn role(&self, arn: &str) -> Result<Option<RoleInfo>, Unavailable> {
        Ok(Some(RoleInfo {
            account: OTHER.into(),
            arn: arn.into(),
            id: "AROA1".into(),
            name: "admin".into(),
            max_session_secs: 7_200,
            tags: Vec::new(),
        }))
    }
}

/// A browser at the pages.
pub struct World {
    pub clock: Arc<ManualClock>,
    pub others: Arc<Others>,
    pub sign_in: Arc<SignIn>,
    pages: SignInPages,
    cookies: Mutex<BTreeMap<String, String>>,
    pub headers: Mutex<HeaderMap>,
}

/// An answer, and what was to be recorded.
pub struct Answer {
    pub status: u16,
    pub headers: BTreeMap<String, String>,
    pub body: String,
    pub events: Vec<PageEvent>,
    /// What was recorded before work began.
    pub begun: Option<PageEvent>,
    pub is_failure: bool,
}

impl Answer {
    /// The value of a hidden field.
    pub fn hidden(&self, name: &str) -> String {
        let start = format!("name=\"{name}\" value=\"");
        let rest = self.body.split_once(&start).map_or("", |(_, rest)| rest);
        rest.split_once('"').map_or("", |(value, _)| value).to_owned()
    }

    /// Events in a line each: name, outcome, error, additional data.
    pub fn told(&self) -> Vec<String> {
        let outcome = |event: &PageEvent| match event.is_success {
            Some(true) => "Success".to_owned(),
            Some(false) => format!("Failure ({})", event.error.as_deref().unwrap_or("")),
            None => "begun".to_owned(),
        };
        let data = |event: &PageEvent| {
            event.additional.iter().map(|(name, value)| format!(" {name}={value}")).collect::<String>()
        };
        self.events.iter().map(|event| format!("{} {}{}", event.name, outcome(event), data(event))).collect()
    }
}

impl World {
    pub fn new() -> World {
        World::over(state::Memory::new(), Arc::default())
    }

    pub fn over(state: state::Memory, others: Arc<Others>) -> World {
        let clock = ManualClock::at(Timestamp::from_secs(1_700_000_000));
        let sign_in = SignIn::new(Deps {
            env: testkit::env(clock.clone(), 7),
            state: Arc::new(state),
            people: others.clone(),
            sessions: others.clone(),
            credentials: others.clone(),
            roles: others.clone(),
        });
        let pages = SignInPages(sign_in.clone());
        World { clock, others, sign_in, pages, cookies: Mutex::default(), headers: Mutex::default() }
    }

    pub fn now(&self) -> Timestamp {
        base::Clock::now(&*self.clock)
    }

    pub fn cookie(&self, name: &str) -> Option<String> {
        self.cookies.lock().unwrap().get(name).cloned()
    }

    pub fn set_cookie(&self, name: &str, value: &str) {
        self.cookies.lock().unwrap().insert(name.to_owned(), value.to_owned());
    }

    pub async fn get(&self, path: &str) -> Answer {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        self.send(Method::GET, path, query, "").await
    }

    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.send(Method::POST, path, "", &body).await
    }

    async fn send(&self, method: Method, path: &str, query: &str, body: &str) -> Answer {
        let mut headers = self.headers.lock().unwrap().clone();
        let cookies: Vec<String> =
            self.cookies.lock().unwrap().iter().map(|(name, value)| format!("{name}={value}")).collect();
        headers.insert("cookie", HeaderValue::from_str(&cookies.join("; ")).unwrap());
        headers.insert("content-type", HeaderValue::from_static("application/x-www-form-urlencoded"));
        let request = PageRequest {
            time: self.now(),
            method,
            path: path.to_owned(),
            query: query.to_owned(),
            headers,
            body: Bytes::from(body.to_owned()),
            host: HOST.to_owned(),
            source_ip: "192.0.2.1".into(),
            tls: None,
            request_id: "r".to_owned(),
        };
        assert!(self.pages.has(path));
        let (answer, begun) = match self.pages.step(request).await {
            PageStep::Done(answer) => (answer, None),
            PageStep::Work { event, work } => (work.await, Some(event)),
        };
        let mut seen = BTreeMap::new();
        for (name, value) in answer.response.headers {
            if name == "set-cookie" {
                assert!(value.contains("; HttpOnly; SameSite=Strict"), "{value}");
                let (name, rest) = value.split_once('=').unwrap();
                let (value, rest) = rest.split_once(';').unwrap();
                let mut cookies = self.cookies.lock().unwrap();
                match rest.contains("Max-Age=0;") {
                    true => drop(cookies.remove(name)),
                    false => drop(cookies.insert(name.to_owned(), value.to_owned())),
                }
            }
            seen.insert(name.to_owned(), value);
        }
        Answer {
            status: answer.response.status,
            headers: seen,
            body: String::from_utf8(answer.response.body.to_vec()).unwrap(),
            events: answer.events,
            begun,
            is_failure: answer.is_failure,
        }
    }

    /// Fills the first form in.
    pub async fn sign_in(&self, account: &str, user: &str, password: &str, more: &[(&str, &str)]) -> Answer {
        let form = self.get(SIGN_IN).await;
        let csrf = form.hidden("csrf");
        let mut fields = vec![("step", "password"), ("csrf", &*csrf)];
        fields.extend([("account", account), ("user", user), ("password", password)]);
        fields.extend(more);
        self.post(SIGN_IN, &fields).await
    }

    /// Signs alice in.
    pub async fn alice(&self) {
        assert_eq!(self.sign_in(ACCOUNT, "alice", RIGHT, &[]).await.status, 303);
    }

    /// The form of the page where somebody who is signed in is.
    pub async fn csrf(&self) -> String {
        self.get(SIGN_IN).await.hidden("csrf")
    }

    /// Temporary credentials, good for an hour.
    pub fn keep_credentials(&self, session: Session) {
        let credential = Credential {
            secret: Secret("key".into()),
            session_token: Some(Secret("tok".into())),
            active: true,
            expires: Some(session.expires),
            caller: Caller::Session(Arc::new(Session { access_key_id: "ASIAFED".into(), ..session })),
        };
        self.others.credentials.lock().unwrap().insert("ASIAFED".to_owned(), Arc::new(credential));
    }
}
