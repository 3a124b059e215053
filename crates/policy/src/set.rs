//! Policies of one kind, made ready to be asked often: what is attached to a user, say, or the policies of one level of an
//! organization. Statements are found by the service of the action; nothing is parsed or lower-cased when they are asked.
//!
//! What it says is what [`crate::evaluate`] says, which reads the policies as they are written (a property test compares them).

use std::collections::{BTreeSet, HashMap};

use crate::condition::Condition;
use crate::document::{Effect, OneOf, Policy, Statement};
use crate::evaluate::{Request, holds, principal_fits};
use crate::pattern::{Pattern, Variables, Wildcards};
use crate::principal::{Grant, Principal};

/// Policies of one kind, compiled. It never changes: share it in an `Arc`.
#[derive(Debug, Default)]
pub struct PolicySet {
    names: Vec<String>,
    statements: Vec<Placed>,
    /// By service in lower case, in the order of the statements. Statements that speak of any service are in each list.
    of_service: HashMap<String, Vec<Entry>>,
    /// For services that no statement names.
    of_others: Vec<Entry>,
    /// The condition keys that are looked at, in lower case.
    keys: BTreeSet<String>,
}

/// A statement and where it is from.
#[derive(Debug)]
struct Placed {
    policy: usize,
    at: usize,
    statement: Statement,
}

/// What a statement says of the actions of one service.
#[derive(Debug)]
struct Entry {
    statement: usize,
    /// The statement has `NotAction`.
    all_but: bool,
    actions: Actions,
}

/// Patterns of actions of one service, in lower case.
#[derive(Debug, Default)]
struct Actions {
    /// Any action at all.
    every: bool,
    /// Names without the service, in order.
    exact: Vec<String>,
    /// Patterns for names without the service.
    names: Vec<Pattern>,
    /// Patterns with a wildcard in the service, for the whole action.
    whole: Vec<Pattern>,
}

/// A request with what is computed of it once for all sets.
pub(crate) struct Asked<'r> {
    pub(crate) request: &'r Request<'r>,
    action: String,
    /// Where the action's colon is.
    colon: usize,
    /// Who asks is a user or role with a permissions boundary.
    is_bounded: bool,
}

/// What a set says: places of statements.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Says {
    /// The first statement that denies; nothing after it was looked at.
    pub(crate) deny: Option<usize>,
    /// The first of the statements that allow most directly.
    pub(crate) allow: Option<(Grant, usize)>,
}

impl<'r> Asked<'r> {
    pub(crate) fn new(request: &'r Request<'r>, has_boundary: bool) -> Asked<'r> {
        let action = lower(request.action);
        let colon = action.find(':').unwrap_or(action.len());
        let is_bounded = has_boundary && !matches!(request.principal, Principal::Root { .. });
        Asked { request, action, colon, is_bounded }
    }

    /// Whether a statement speaks to who asks, of this resource, under these conditions. `NotPrincipal` leaves out nobody with a
    /// boundary: it "will always deny any IAM principal that has a permissions boundary policy attached". Source: IAM user guide,
    /// "AWS JSON policy elements: NotPrincipal".
    fn concerns(&self, statement: &Statement) -> bool {
        let is_never_excepted = self.is_bounded
            && statement.effect == Effect::Deny
            && matches!(statement.principals, Some(OneOf::AllBut(_)));
        (is_never_excepted || principal_fits(statement, &self.request.principal)) && holds(statement, self.request)
    }

    fn service(&self) -> &str {
        &self.action[..self.colon]
    }

    fn name(&self) -> &str {
        self.action.get(self.colon + 1..).unwrap_or("")
    }
}

/// Letter by letter, as patterns without case are compared.
fn lower(text: &str) -> String {
    if text.is_ascii() { text.to_ascii_lowercase() } else { text.chars().flat_map(char::to_lowercase).collect() }
}

impl PolicySet {
    /// Compiles policies, each with the name or ARN that people are shown. Their order decides which statement is named, and
    /// nothing else.
    pub fn new(policies: impl IntoIterator<Item = (String, Policy)>) -> PolicySet {
        let mut set = PolicySet::empty();
        for (name, policy) in policies {
            let of = set.names.len();
            set.names.push(name);
            let placed =
                policy.statements.into_iter().enumerate().map(|(at, statement)| Placed { policy: of, at, statement });
            set.statements.extend(placed);
        }
        set.keys = keys(&set.statements);
        let services: BTreeSet<String> = set
            .statements
            .iter()
            .flat_map(|placed| placed.statement.actions.listed())
            .filter_map(|action| split(action.as_str()).map(|(service, _)| lower(service)))
            .collect();
        set.of_service =
            services.into_iter().map(|service| (service.clone(), entries(&set.statements, Some(&service)))).collect();
        set.of_others = entries(&set.statements, None);
        set
    }

    /// No policies: nothing is allowed, and nothing denied.
    pub fn empty() -> PolicySet {
        PolicySet::default()
    }

    /// One policy that allows everything: what root hands on to a session.
    pub fn everything() -> PolicySet {
        let all = || OneOf::Only(vec![Pattern::new("*", Variables::Off, Wildcards::On)]);
        let statement = Statement {
            sid: None,
            effect: Effect::Allow,
            principals: None,
            actions: all(),
            resources: Some(all()),
            conditions: Vec::new(),
        };
        let policy = Policy { id: None, has_variables: false, statements: vec![statement], source_bytes: 0 };
        PolicySet::new([(String::new(), policy)])
    }

    /// Whether there are no policies.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Whether any condition or variable looks at this condition key (in lower case). A key that ends in `/` asks for any that
    /// begins so (`aws:resourcetag/`).
    pub fn looks_at(&self, key: &str) -> bool {
        if !key.ends_with('/') {
            return self.keys.contains(key);
        }
        self.keys.range(key.to_owned()..).next().is_some_and(|found| found.starts_with(key))
    }

    /// The condition keys that conditions and variables look at, in lower case, in the order of the alphabet.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().map(String::as_str)
    }

    /// The policy, the statement's place in it, and its `Sid`.
    pub(crate) fn place(&self, statement: usize) -> (&str, usize, Option<&str>) {
        let placed = &self.statements[statement];
        (&self.names[placed.policy], placed.at, placed.statement.sid.as_deref())
    }

    /// What the policies of a principal or of an organization say: those without a `Principal`.
    pub(crate) fn says(&self, asked: &Asked<'_>) -> Says {
        self.ask(asked, |_| Some(Grant::Direct))
    }

    /// What the policies of a resource say, and how directly.
    pub(crate) fn says_of_resource(&self, asked: &Asked<'_>) -> Says {
        let who = &asked.request.principal;
        self.ask(asked, |statement| match &statement.principals {
            // A statement for nobody in particular is for nobody.
            None => None,
            Some(OneOf::Only(list)) => list.iter().filter_map(|named| named.grant(who)).max(),
            // The doubt is resolved to less access.
            Some(OneOf::AllBut(list)) => (!list.iter().any(|named| named.covers(who))).then_some(Grant::Limited),
        })
    }

    fn ask(&self, asked: &Asked<'_>, grant: impl Fn(&Statement) -> Option<Grant>) -> Says {
        let mut says = Says::default();
        let entries = self.of_service.get(asked.service()).unwrap_or(&self.of_others);
        for entry in entries {
            let statement = &self.statements[entry.statement].statement;
            let known = says.allow.map(|(grant, _)| grant);
            match statement.effect {
                Effect::Allow => {
                    if known == Some(Grant::Direct) || !entry.fits(asked) {
                        continue;
                    }
                    let Some(grant) = grant(statement).filter(|grant| Some(*grant) > known) else { continue };
                    if asked.concerns(statement) {
                        says.allow = Some((grant, entry.statement));
                    }
                }
                Effect::Deny => {
                    if entry.fits(asked) && asked.concerns(statement) {
                        says.deny = Some(entry.statement);
                        return says;
                    }
                }
            }
        }
        says
    }
}

impl Entry {
    fn fits(&self, asked: &Asked<'_>) -> bool {
        self.actions.contain(asked) != self.all_but
    }
}

impl Actions {
    fn contain(&self, asked: &Asked<'_>) -> bool {
        let name = asked.name();
        self.every
            || self.exact.binary_search_by(|known| known.as_str().cmp(name)).is_ok()
            || self.names.iter().any(|pattern| pattern.matches(name, &|_| None))
            || self.whole.iter().any(|pattern| pattern.matches(&asked.action, &|_| None))
    }

    fn is_empty(&self) -> bool {
        !self.every && self.exact.is_empty() && self.names.is_empty() && self.whole.is_empty()
    }

    fn add(&mut self, pattern: &str, service: Option<&str>) {
        let wild = |text: &str| Pattern::new(&lower(text), Variables::Off, Wildcards::On);
        match split(pattern) {
            None if pattern == "*" => self.every = true,
            None => self.whole.push(wild(pattern)),
            Some((of, _)) if Some(lower(of).as_str()) != service => {}
            Some((_, name)) if name.contains(['*', '?']) => self.names.push(wild(name)),
            Some((_, name)) => self.exact.push(lower(name)),
        }
    }
}

/// The service and the name of an action, if the service has no wildcard.
fn split(action: &str) -> Option<(&str, &str)> {
    action.split_once(':').filter(|(service, _)| !service.contains(['*', '?']))
}

/// The statements that may speak of actions of a service.
fn entries(statements: &[Placed], service: Option<&str>) -> Vec<Entry> {
    let of = |(at, placed): (usize, &Placed)| {
        let mut actions = Actions::default();
        placed.statement.actions.listed().iter().for_each(|action| actions.add(action.as_str(), service));
        actions.exact.sort_unstable();
        let all_but = matches!(placed.statement.actions, OneOf::AllBut(_));
        (all_but || !actions.is_empty()).then_some(Entry { statement: at, all_but, actions })
    };
    statements.iter().enumerate().filter_map(of).collect()
}

fn keys(statements: &[Placed]) -> BTreeSet<String> {
    let mut keys = BTreeSet::new();
    for Placed { statement, .. } in statements {
        let resources = statement.resources.iter().flat_map(|resources| resources.listed());
        keys.extend(resources.flat_map(Pattern::variables).map(str::to_lowercase));
        keys.extend(statement.conditions.iter().map(|condition| condition.key().to_owned()));
        keys.extend(statement.conditions.iter().flat_map(Condition::variables).map(str::to_lowercase));
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOB: Principal<'_> = Principal::User { account: "1", arn: "arn:aws:iam::1:user/bob", id: "AIDABOB" };

    fn set(statements: &[&str]) -> PolicySet {
        PolicySet::new(statements.iter().enumerate().map(|(at, statement)| {
            let text = format!(r#"{{"Version":"2012-10-17","Statement":[{statement}]}}"#);
            (format!("p{at}"), Policy::parse(&text).unwrap_or_else(|error| panic!("{error}: {text}")))
        }))
    }

    #[test]
    fn it_knows_which_condition_keys_are_looked_at() {
        let set = set(&[
            r#"{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::b/${aws:UserName}/*"}"#,
            r#"{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/Team":"${aws:PrincipalTag/Team}"}}}"#,
        ]);
        for (key, expected) in [
            ("aws:username", true),
            ("aws:userid", false),
            ("aws:resourcetag/team", true),
            ("aws:resourcetag/", true),
            ("aws:resourcetag/tea", false),
            ("aws:principaltag/", true),
            ("aws:requesttag/", false),
            ("aws:", false),
        ] {
            assert_eq!(set.looks_at(key), expected, "{key}");
        }
        assert_eq!(set.keys().collect::<Vec<_>>(), ["aws:principaltag/team", "aws:resourcetag/team", "aws:username"]);
    }

    #[test]
    fn it_names_the_policy_and_the_statement() {
        let set = set(&[
            r#"{"Effect":"Allow","Action":"ec2:*","Resource":"*"}"#,
            r#"{"Effect":"Allow","Action":"iam:*","Resource":"*"},{"Sid":"S","Effect":"Allow","Action":"s3:Get*","Resource":"*"}"#,
        ]);
        let request = Request { principal: BOB, action: "S3:GetObject", resource: "*", context: &|_| None };
        let says = set.says(&Asked::new(&request, false));
        let (_, at) = says.allow.unwrap();
        assert_eq!((says.deny, set.place(at)), (None, ("p1", 1, Some("S"))));
    }

    #[test]
    fn the_empty_set_says_nothing_and_everything_is_everything() {
        let request = Request { principal: BOB, action: "a:B", resource: "*", context: &|_| None };
        let asked = Asked::new(&request, false);
        assert_eq!(PolicySet::empty().says(&asked), Says::default());
        assert!(PolicySet::empty().is_empty() && !PolicySet::everything().is_empty());
        assert!(PolicySet::everything().says(&asked).allow.is_some());
    }

    #[test]
    fn actions_without_a_service_are_found_by_no_service() {
        let set = set(&[r#"{"Effect":"Allow","Action":["s3:*","*"],"Resource":"*"}"#]);
        for action in ["s3:GetObject", "nothing", "", ":", "x:"] {
            let request = Request { principal: BOB, action, resource: "*", context: &|_| None };
            assert!(set.says(&Asked::new(&request, false)).allow.is_some(), "{action}");
        }
    }
}
