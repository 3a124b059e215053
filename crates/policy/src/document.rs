//! A policy document, from its JSON text. Sources: IAM user guide, "Grammar of the IAM JSON policy language" and the pages on
//! each element.
//!
//! Strict as IAM is: unknown, repeated and contradictory elements are errors, each with the place where it is.

use std::collections::HashSet;

use crate::condition::{Condition, Operator};
use crate::json::Node;
use crate::pattern::{Pattern, Variables, Wildcards};
use crate::principal::Named;

/// The largest document of any kind of policy (a KMS key's). Source: IAM user guide, "IAM and AWS STS quotas"; KMS "quotas".
pub const POLICY_BYTES_MAX: usize = 32 << 10;
/// The largest bucket policy. Source: S3 user guide, "Bucket policies".
pub const BUCKET_POLICY_BYTES_MAX: usize = 20 << 10;
/// The largest managed policy, without white space. Source: IAM user guide, "IAM and AWS STS quotas".
pub const MANAGED_POLICY_CHARS_MAX: usize = 6_144;

/// A policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// `Id`.
    pub id: Option<String>,
    /// Whether `Version` is 2012-10-17, with which variables came.
    pub has_variables: bool,
    /// At least one.
    pub statements: Vec<Statement>,
    /// The length of the text it was read from, in bytes.
    pub source_bytes: usize,
}

/// What a statement does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Permits.
    Allow,
    /// Forbids, whatever else permits.
    Deny,
}

/// A statement of a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// `Sid`.
    pub sid: Option<String>,
    /// `Effect`.
    pub effect: Effect,
    /// `Principal` or `NotPrincipal`; none in the policies of users, groups and roles.
    pub principals: Option<OneOf<Named>>,
    /// `Action` or `NotAction`.
    pub actions: OneOf<Pattern>,
    /// `Resource` or `NotResource`; none in trust policies.
    pub resources: Option<OneOf<Pattern>>,
    /// `Condition`: all of them must hold.
    pub conditions: Vec<Condition>,
}

/// An element or its `Not…` twin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OneOf<T> {
    /// Any of these.
    Only(Vec<T>),
    /// Anything but these.
    AllBut(Vec<T>),
}

impl<T> OneOf<T> {
    /// What is listed, on either side.
    pub fn listed(&self) -> &[T] {
        match self {
            OneOf::Only(list) | OneOf::AllBut(list) => list,
        }
    }
}

/// Why a text is not a policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: expected {expected}", if path.is_empty() { "the policy" } else { path })]
pub struct ParseError {
    /// Where: `Statement[0].Effect`; empty for the whole text.
    pub path: String,
    /// What should be there.
    pub expected: String,
    /// What kind of mistake it is.
    pub mistake: Mistake,
}

/// The kinds of mistakes that services answer differently.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mistake {
    /// The text is not a JSON object.
    NotJson,
    /// The text is longer than any policy may be.
    TooLarge,
    /// An element that the language does not have.
    UnknownElement(String),
    /// An element that must be there is not.
    MissingElement(String),
    /// An element that is there twice, or beside its `Not…` twin.
    Repeated(String),
    /// `Version` is not one of the two.
    Version,
    /// `Effect` is neither.
    Effect(String),
    /// `Principal` has a kind or value of no known form.
    Principal,
    /// `Action` is not `service:operation`.
    Action,
    /// A condition operator that does not exist.
    Operator(String),
    /// Anything else: an element of the wrong JSON type, an empty list.
    Syntax,
}

type Result<T> = std::result::Result<T, ParseError>;

impl Policy {
    /// Reads a policy of at most [`POLICY_BYTES_MAX`] bytes. Which elements a kind of policy must have is not checked here.
    pub fn parse(text: &str) -> Result<Policy> {
        if text.len() > POLICY_BYTES_MAX {
            return Err(error("", format!("at most {POLICY_BYTES_MAX} bytes"), Mistake::TooLarge));
        }
        Policy::parse_of_aws(text)
    }

    /// Reads a policy of any size: one of those that AWS manages, of which some are larger than anybody's own may be.
    pub fn parse_of_aws(text: &str) -> Result<Policy> {
        let not_json = || error("", "a JSON object", Mistake::NotJson);
        if !text.starts_with('{') {
            return Err(not_json());
        }
        let root: Node = serde_json::from_str(text).map_err(|_| not_json())?;
        let mut root = Element::new(String::new(), &root)?;
        let version = root.take("Version")?.map(text_of).transpose()?;
        let has_variables = match version.as_deref() {
            Some("2012-10-17") => true,
            None | Some("2008-10-17") => false,
            Some(_) => return Err(error("Version", "\"2012-10-17\" or \"2008-10-17\"", Mistake::Version)),
        };
        let id = root.take("Id")?.map(text_of).transpose()?;
        let statements = root.require("Statement")?;
        root.finish()?;
        let variables = if has_variables { Variables::On } else { Variables::Off };
        let statements = match statements.node {
            Node::List(list) if !list.is_empty() => {
                let places = list.iter().enumerate().map(|(at, node)| (format!("Statement[{at}]"), node));
                places.map(|(path, node)| statement(path, node, variables)).collect::<Result<Vec<_>>>()?
            }
            Node::Object(_) => vec![statement("Statement".to_owned(), statements.node, variables)?],
            _ => return Err(error("Statement", "a statement or a list of them", Mistake::Syntax)),
        };
        let mut sids = HashSet::new();
        for (at, statement) in statements.iter().enumerate() {
            if let Some(sid) = statement.sid.as_deref().filter(|sid| !sid.is_empty())
                && !sids.insert(sid)
            {
                let path = format!("Statement[{at}].Sid");
                return Err(error(&path, "a Sid that no other statement has", Mistake::Repeated("Sid".to_owned())));
            }
        }
        Ok(Policy { id, has_variables, statements, source_bytes: text.len() })
    }
}

fn statement(path: String, node: &Node, variables: Variables) -> Result<Statement> {
    let mut element = Element::new(path, node)?;
    let sid = element.take("Sid")?.map(text_of).transpose()?;
    let effect = element.require("Effect")?;
    let effect = match text_of(Placed { path: effect.path.clone(), node: effect.node })?.as_str() {
        "Allow" => Effect::Allow,
        "Deny" => Effect::Deny,
        other => return Err(error(&effect.path, "\"Allow\" or \"Deny\"", Mistake::Effect(other.to_owned()))),
    };
    let principals = element.either("Principal", "NotPrincipal", |placed| principals(&placed))?;
    let actions = element.either("Action", "NotAction", |placed| actions(&placed))?;
    let actions = actions.ok_or_else(|| element.missing("Action"))?;
    let resources = element.either("Resource", "NotResource", |placed| {
        let list = texts(&placed)?;
        Ok(list.iter().map(|text| Pattern::new(text, variables, Wildcards::On)).collect())
    })?;
    let conditions = match element.take("Condition")? {
        Some(placed) => conditions(&placed, variables)?,
        None => Vec::new(),
    };
    element.finish()?;
    Ok(Statement { sid, effect, principals, actions, resources, conditions })
}

fn principals(placed: &Placed<'_>) -> Result<Vec<Named>> {
    let wrong =
        |path: &str| error(path, "\"*\" or an object of AWS, Service, Federated, CanonicalUser", Mistake::Principal);
    let members = match placed.node {
        Node::String(text) if text == "*" => return Ok(vec![Named::Everyone]),
        Node::Object(members) if !members.is_empty() => members,
        _ => return Err(wrong(&placed.path)),
    };
    let mut found = Vec::new();
    let mut kinds = HashSet::new();
    for (kind, node) in members {
        let path = format!("{}.{kind}", placed.path);
        let make: fn(String) -> Named = match kind.as_str() {
            "AWS" => |text| Named::aws(&text),
            "Service" => Named::Service,
            "Federated" => Named::Federated,
            "CanonicalUser" => Named::CanonicalUser,
            _ => return Err(wrong(&path)),
        };
        if !kinds.insert(kind) {
            return Err(error(&path, "each kind once", Mistake::Repeated(kind.clone())));
        }
        found.extend(texts(&Placed { path, node })?.into_iter().map(make));
    }
    Ok(found)
}

fn actions(placed: &Placed<'_>) -> Result<Vec<Pattern>> {
    let list = texts(placed)?;
    let is_action = |text: &str| {
        text == "*" || text.split_once(':').is_some_and(|(service, name)| !service.is_empty() && !name.is_empty())
    };
    match list.iter().all(|text| is_action(text)) {
        true => Ok(list.iter().map(|text| Pattern::new(text, Variables::Off, Wildcards::On)).collect()),
        false => Err(error(&placed.path, "\"*\" or \"service:operation\"", Mistake::Action)),
    }
}

fn conditions(placed: &Placed<'_>, variables: Variables) -> Result<Vec<Condition>> {
    let mut found = Vec::new();
    for (name, node) in object(placed)? {
        let path = format!("{}.{name}", placed.path);
        let operator = Operator::parse(name)
            .ok_or_else(|| error(&path, "a condition operator", Mistake::Operator(name.clone())))?;
        for (key, values) in object(&Placed { path: path.clone(), node })? {
            let placed = Placed { path: format!("{path}.{key}"), node: values };
            if key.is_empty() {
                return Err(error(&placed.path, "a condition key", Mistake::Syntax));
            }
            let condition = Condition::new(operator, key, &scalars(&placed)?, variables);
            found.push(condition);
        }
    }
    Ok(found)
}

/// A value and where it is.
struct Placed<'n> {
    path: String,
    node: &'n Node,
}

/// An object of which every member must be taken.
struct Element<'n> {
    path: String,
    members: Vec<(&'n str, &'n Node)>,
}

impl<'n> Element<'n> {
    fn new(path: String, node: &'n Node) -> Result<Element<'n>> {
        let members = object(&Placed { path: path.clone(), node })?;
        Ok(Element { path, members: members.iter().map(|(name, node)| (name.as_str(), node)).collect() })
    }

    fn at(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    fn missing(&self, name: &str) -> ParseError {
        error(&self.at(name), "the element to be present", Mistake::MissingElement(name.to_owned()))
    }

    fn take(&mut self, name: &str) -> Result<Option<Placed<'n>>> {
        let Some(at) = self.members.iter().position(|(known, _)| *known == name) else { return Ok(None) };
        let (_, node) = self.members.remove(at);
        Ok(Some(Placed { path: self.at(name), node }))
    }

    fn require(&mut self, name: &str) -> Result<Placed<'n>> {
        self.take(name)?.ok_or_else(|| self.missing(name))
    }

    /// An element or its `Not…` twin, of which there may be one.
    fn either<T>(
        &mut self,
        name: &str,
        not_name: &str,
        read: impl Fn(Placed<'n>) -> Result<Vec<T>>,
    ) -> Result<Option<OneOf<T>>> {
        match (self.take(name)?, self.take(not_name)?) {
            (None, None) => Ok(None),
            (Some(placed), None) => Ok(Some(OneOf::Only(read(placed)?))),
            (None, Some(placed)) => Ok(Some(OneOf::AllBut(read(placed)?))),
            (Some(_), Some(placed)) => Err(error(
                &placed.path,
                format!("{name} or {not_name}, not both"),
                Mistake::Repeated(not_name.to_owned()),
            )),
        }
    }

    fn finish(self) -> Result<()> {
        match self.members.first() {
            Some((name, _)) => Err(error(
                &self.at(name),
                "an element of the policy language",
                Mistake::UnknownElement((*name).to_owned()),
            )),
            None => Ok(()),
        }
    }
}

/// An object's members, none of them there twice.
fn object<'n>(placed: &Placed<'n>) -> Result<&'n [(String, Node)]> {
    let Node::Object(members) = placed.node else { return Err(error(&placed.path, "an object", Mistake::Syntax)) };
    let mut names = HashSet::new();
    match members.iter().find(|(name, _)| !names.insert(name)) {
        Some((name, _)) => Err(error(&placed.path, format!("{name} once"), Mistake::Repeated(name.clone()))),
        None => Ok(members),
    }
}

fn text_of(placed: Placed<'_>) -> Result<String> {
    match placed.node {
        Node::String(text) => Ok(text.clone()),
        _ => Err(error(&placed.path, "a string", Mistake::Syntax)),
    }
}

/// A string or a list of at least one.
fn texts(placed: &Placed<'_>) -> Result<Vec<String>> {
    let text = |node: &Node| match node {
        Node::String(text) => Some(text.clone()),
        _ => None,
    };
    one_or_more(placed, text, "a string or a list of strings")
}

/// A string, number or boolean, or a list of at least one: the values of a condition.
fn scalars(placed: &Placed<'_>) -> Result<Vec<String>> {
    let scalar = |node: &Node| match node {
        Node::String(text) | Node::Number(text) => Some(text.clone()),
        Node::Bool(value) => Some(value.to_string()),
        Node::Null | Node::List(_) | Node::Object(_) => None,
    };
    one_or_more(placed, scalar, "a string, number or boolean, or a list of them")
}

fn one_or_more(placed: &Placed<'_>, read: impl Fn(&Node) -> Option<String>, expected: &str) -> Result<Vec<String>> {
    let list = match placed.node {
        Node::List(list) if list.is_empty() => None,
        Node::List(list) => list.iter().map(read).collect(),
        one => read(one).map(|text| vec![text]),
    };
    list.ok_or_else(|| error(&placed.path, expected, Mistake::Syntax))
}

fn error(path: &str, expected: impl Into<String>, mistake: Mistake) -> ParseError {
    ParseError { path: path.to_owned(), expected: expected.into(), mistake }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, path: &str, mistake: &Mistake) {
        let error = Policy::parse(text).expect_err(text);
        assert_eq!((error.path.as_str(), &error.mistake), (path, mistake), "{text}: {error}");
    }

    fn with(statement: &str) -> String {
        format!(r#"{{"Version":"2012-10-17","Statement":{statement}}}"#)
    }

    const GOOD: &str = r#"{"Effect":"Allow","Action":"s3:*","Resource":"*"}"#;

    #[test]
    fn one_or_many_everywhere() {
        let one = Policy::parse(&with(GOOD)).unwrap();
        let many = with(&GOOD.replace("\"s3:*\"", "[\"s3:*\"]").replace("\"*\"", "[\"*\"]"));
        assert_eq!(one.statements, Policy::parse(&many).unwrap().statements);
        assert_eq!(one.statements, Policy::parse(&with(&format!("[{GOOD}]"))).unwrap().statements);
        assert_eq!(Policy::parse(&with(&format!("[{GOOD},{GOOD}]"))).unwrap().statements.len(), 2);
    }

    #[test]
    fn principals_of_several_kinds() {
        let principal = r#"{"AWS":["111111111111","arn:aws:iam::222222222222:root"],"Service":"cloudtrail.amazonaws.com","Federated":"x","CanonicalUser":"c"}"#;
        let text = with(&format!(r#"{{"Effect":"Allow","Principal":{principal},"Action":"s3:*","Resource":"*"}}"#));
        let policy = Policy::parse(&text).unwrap();
        let account = |id: &str| Named::Account(id.to_owned());
        let expected = vec![
            account("111111111111"),
            account("222222222222"),
            Named::Service("cloudtrail.amazonaws.com".into()),
            Named::Federated("x".into()),
            Named::CanonicalUser("c".into()),
        ];
        assert_eq!(policy.statements[0].principals, Some(OneOf::Only(expected)));
        let everyone = Policy::parse(&text.replace(principal, r#"{"AWS":"*"}"#)).unwrap();
        assert_eq!(
            everyone,
            Policy {
                source_bytes: everyone.source_bytes,
                ..Policy::parse(&text.replace(principal, r#""*""#)).unwrap()
            }
        );
    }

    #[test]
    fn the_version_may_be_absent_and_says_whether_there_are_variables() {
        let version = |text: &str| {
            Policy::parse(&with(GOOD).replace(r#""Version":"2012-10-17","#, text)).map(|p| p.has_variables)
        };
        assert_eq!(version(""), Ok(false));
        assert_eq!(version(r#""Version":"2008-10-17","#), Ok(false));
        assert_eq!(version(r#""Version":"2012-10-17","#), Ok(true));
        assert_eq!(version(r#""Version":"2012-10-18","#).unwrap_err().mistake, Mistake::Version);
    }

    #[test]
    fn condition_values_may_be_numbers_and_booleans() {
        let condition =
            r#""Condition":{"Bool":{"aws:SecureTransport":false},"NumericLessThan":{"s3:max-keys":[10,"20",1.5]}}"#;
        let text = with(&GOOD.replace('}', &format!(",{condition}}}")));
        assert_eq!(Policy::parse(&text).unwrap().statements[0].conditions.len(), 2);
    }

    #[test]
    fn what_is_no_json_object() {
        for bad in ["", " {}", "[]", "null", "{", "{}}", "{\"Statement\":[}", "{'Statement':[]}"] {
            check(bad, "", &Mistake::NotJson);
        }
        check(&"x".repeat(POLICY_BYTES_MAX + 1), "", &Mistake::TooLarge);
        check(&format!("{{\"a\":{}", "[".repeat(10_000)), "", &Mistake::NotJson);
    }

    #[test]
    fn mistakes_say_where_they_are() {
        let missing = |name: &str| Mistake::MissingElement(name.to_owned());
        let unknown = |name: &str| Mistake::UnknownElement(name.to_owned());
        let repeated = |name: &str| Mistake::Repeated(name.to_owned());
        check("{}", "Statement", &missing("Statement"));
        check(&with("[]"), "Statement", &Mistake::Syntax);
        check(&with("\"x\""), "Statement", &Mistake::Syntax);
        check(&with("[7]"), "Statement[0]", &Mistake::Syntax);
        check(&with(&GOOD.replace("\"Action\"", "\"Actions\"")), "Statement.Action", &missing("Action"));
        check(&with(&GOOD.replace("\"Resource\"", "\"resource\"")), "Statement.resource", &unknown("resource"));
        check(&with(GOOD).replace("{\"V", "{\"X\":1,\"V"), "X", &unknown("X"));
        check(&with(&format!("[{GOOD},{{}}]")), "Statement[1].Effect", &missing("Effect"));
        check(&with(&GOOD.replace("Allow", "allow")), "Statement.Effect", &Mistake::Effect("allow".into()));
        check(&with(&GOOD.replace("\"Allow\"", "true")), "Statement.Effect", &Mistake::Syntax);
        check(&with(&GOOD.replace("s3:*", "s3")), "Statement.Action", &Mistake::Action);
        check(&with(&GOOD.replace("\"s3:*\"", "[]")), "Statement.Action", &Mistake::Syntax);
        check(&with(&GOOD.replace("\"s3:*\"", "[7]")), "Statement.Action", &Mistake::Syntax);
        check(&with(&GOOD.replace('{', r#"{"NotAction":"s3:*","#)), "Statement.NotAction", &repeated("NotAction"));
        check(&with(&GOOD.replace('{', r#"{"Effect":"Deny","#)), "Statement", &repeated("Effect"));
        check(&with(&GOOD.replace('{', r#"{"Principal":"x","#)), "Statement.Principal", &Mistake::Principal);
        check(&with(&GOOD.replace('{', r#"{"Principal":{},"#)), "Statement.Principal", &Mistake::Principal);
        check(
            &with(&GOOD.replace('{', r#"{"Principal":{"Aws":"*"},"#)),
            "Statement.Principal.Aws",
            &Mistake::Principal,
        );
        check(&with(&GOOD.replace('{', r#"{"Principal":{"AWS":[]},"#)), "Statement.Principal.AWS", &Mistake::Syntax);
        let condition = |text: &str| with(&GOOD.replace('{', &format!("{{\"Condition\":{text},")));
        check(&condition("[]"), "Statement.Condition", &Mistake::Syntax);
        check(&condition(r#"{"X":{}}"#), "Statement.Condition.X", &Mistake::Operator("X".into()));
        check(&condition(r#"{"Bool":[]}"#), "Statement.Condition.Bool", &Mistake::Syntax);
        check(&condition(r#"{"Bool":{"k":{}}}"#), "Statement.Condition.Bool.k", &Mistake::Syntax);
        check(&condition(r#"{"Bool":{"k":"a","k":"b"}}"#), "Statement.Condition.Bool", &repeated("k"));
    }

    #[test]
    fn sids_are_unique() {
        let sid = |sid: &str| GOOD.replace('{', &format!(r#"{{"Sid":"{sid}","#));
        check(&with(&format!("[{},{}]", sid("a"), sid("a"))), "Statement[1].Sid", &Mistake::Repeated("Sid".into()));
        assert!(Policy::parse(&with(&format!("[{},{}]", sid("a"), sid("b")))).is_ok());
        assert!(Policy::parse(&with(&format!("[{},{}]", sid(""), sid("")))).is_ok());
    }
}
