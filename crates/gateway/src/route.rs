//! Which service and operation a request means: by protocol header, target header, signature scope, host and path.

use std::sync::Arc;

use base::Region;
use http::{HeaderMap, Method};
use model::{Fields, Model, Protocol};
use sigv4::{Claim, Family};

use crate::services::{Entry, Loaded, OperationEntry, Services};

/// The host names under which the server is reached, for S3's virtual-host style (`bucket.host`).
#[derive(Clone, Debug)]
pub struct HostNames(pub Vec<String>);

impl Default for HostNames {
    fn default() -> HostNames {
        let names =
            ["localhost", "s3.localhost", "localhost.localstack.cloud", "s3.localhost.localstack.cloud", "cairn.local"];
        HostNames(names.map(str::to_owned).to_vec())
    }
}

/// A request's head.
pub struct Head<'a> {
    pub method: &'a Method,
    pub path: &'a str,
    pub query: &'a str,
    pub headers: &'a HeaderMap,
    pub host: &'a str,
}

/// The service a request is for, before its operation is known.
pub enum Target<'s> {
    /// `X-Amz-Target` or an RPC path names it together with the operation.
    Named { entry: &'s Entry, protocol: Protocol, operation: String },
    /// The body or the query names the operation (`Action=…`).
    Action { entry: Option<&'s Entry>, protocol: Protocol },
    /// Method and path name the operation. For S3 the path has the bucket first.
    Rest { entry: &'s Entry, path: String },
    /// A service without a model here.
    Unknown { service: String, operation: String, family: Family },
}

/// A request's operation.
pub struct Route<'s> {
    pub loaded: &'s Loaded,
    pub entry: &'s OperationEntry,
    pub operation: &'s model::Operation,
    pub protocol: Protocol,
}

impl Target<'_> {
    /// How this service words its errors about signatures.
    pub fn family(&self) -> Family {
        match self {
            Target::Named { protocol, .. } | Target::Action { protocol, .. } => family(*protocol, false),
            Target::Rest { entry, .. } => {
                let protocol = entry.index.protocols.first().copied().unwrap_or(Protocol::RestXml);
                family(protocol, entry.index.name == "s3")
            }
            Target::Unknown { family, .. } => *family,
        }
    }
}

fn family(protocol: Protocol, s3: bool) -> Family {
    match protocol {
        _ if s3 => Family::S3,
        Protocol::Json => Family::Json,
        Protocol::Query | Protocol::Ec2 | Protocol::RestXml => Family::Query,
        Protocol::RestJson | Protocol::RpcV2Cbor => Family::Rest,
    }
}

/// Which service a request is for.
pub fn target<'s>(services: &'s Services, names: &HostNames, head: &Head<'_>, claim: Option<&Claim>) -> Target<'s> {
    let header = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok());
    if header("smithy-protocol") == Some("rpc-v2-cbor") {
        return rpc_v2(services, &sigv4::routing_path(head.path, sigv4::Style::Standard));
    }
    if let Some(target) = header("x-amz-target") {
        return json_target(services, target);
    }
    let is_form = header("content-type").is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
    match claim {
        Some(claim) => match services.by_signing_name(&claim.service) {
            Some(entry) => by_entry(entry, names, head),
            None if is_form => Target::Action { entry: None, protocol: Protocol::Query },
            None => {
                let operation = format!("{} {}", head.method, head.path);
                Target::Unknown { service: claim.service.clone(), operation, family: Family::Rest }
            }
        },
        None if is_form && head.method == Method::POST => Target::Action { entry: None, protocol: Protocol::Query },
        None => match link(services, names, head) {
            Some(entry) => Target::Action { entry: Some(entry), protocol: Protocol::Query },
            None => by_entry(services.by_name("s3").expect("the catalog has S3"), names, head),
        },
    }
}

/// Operations that people call by opening a link, unsigned, with the member that names the topic or subscription. Source: SNS API reference,
/// ConfirmSubscription and Unsubscribe: they need no signature.
const LINKS: [(&str, &str); 2] = [("ConfirmSubscription", "TopicArn="), ("Unsubscribe", "SubscriptionArn=")];

/// The service of a link that somebody opened. S3 has no parameters of these names at its root.
fn link<'s>(services: &'s Services, names: &HostNames, head: &Head<'_>) -> Option<&'s Entry> {
    let is_root = head.path == "/" && *head.method == Method::GET && bucket_of_host(names, head.host).is_none();
    let (action, _) = is_root.then(|| wire::action(head.query)).flatten()?;
    let (_, member) = LINKS.iter().find(|(name, _)| *name == action)?;
    head.query.split('&').any(|pair| pair.starts_with(member)).then(|| services.by_name("sns")).flatten()
}

/// The region of the topic or subscription that a link names.
pub fn region_of_link(query: &str) -> Option<Region> {
    let arn = query.split('&').find_map(|pair| LINKS.iter().find_map(|(_, member)| pair.strip_prefix(member)))?;
    Region::parse(arn.replace("%3A", ":").split(':').nth(3)?)
}

fn rpc_v2<'s>(services: &'s Services, path: &str) -> Target<'s> {
    // `/service/{target prefix}/operation/{name}`; a prefix before `/service` is allowed. Source: Smithy, RPC v2 CBOR.
    let mut parts = path.rsplit('/');
    let (operation, word, service) = (parts.next(), parts.next(), parts.next());
    let operation = operation.unwrap_or_default().to_owned();
    match service.filter(|_| word == Some("operation")).and_then(|service| services.by_target(service)) {
        Some(entry) => Target::Named { entry, protocol: Protocol::RpcV2Cbor, operation },
        None => Target::Unknown { service: service.unwrap_or_default().to_owned(), operation, family: Family::Rest },
    }
}

fn json_target<'s>(services: &'s Services, target: &str) -> Target<'s> {
    let (prefix, operation) = target.rsplit_once('.').unwrap_or(("", target));
    let operation = operation.to_owned();
    match services.by_target(prefix) {
        Some(entry) => Target::Named { entry, protocol: Protocol::Json, operation },
        None => Target::Unknown { service: prefix.to_owned(), operation, family: Family::Json },
    }
}

fn by_entry<'s>(entry: &'s Entry, names: &HostNames, head: &Head<'_>) -> Target<'s> {
    let protocols = &entry.index.protocols;
    if let Some(protocol) = protocols.iter().find(|p| matches!(p, Protocol::Query | Protocol::Ec2)) {
        return Target::Action { entry: Some(entry), protocol: *protocol };
    }
    if protocols.contains(&Protocol::Json) {
        // A JSON service whose request lacks `X-Amz-Target`.
        return Target::Named { entry, protocol: Protocol::Json, operation: String::new() };
    }
    let path = if entry.index.name == "s3" {
        s3_path(names, head)
    } else {
        // Outside S3 the signature covers the normalised path, so that is the one that counts.
        sigv4::routing_path(head.path, sigv4::Style::Standard).into_owned()
    };
    Target::Rest { entry, path }
}

/// The path with the bucket first, whether the client put the bucket into the path or into the host name.
fn s3_path(names: &HostNames, head: &Head<'_>) -> String {
    match bucket_of_host(names, head.host) {
        Some(bucket) if head.path == "/" => format!("/{bucket}"),
        Some(bucket) => format!("/{bucket}{}", head.path),
        None => head.path.to_owned(),
    }
}

/// The bucket in a host name: `b.localhost:4566`, `b.s3.eu-west-1.amazonaws.com`.
pub fn bucket_of_host<'h>(names: &HostNames, host: &'h str) -> Option<&'h str> {
    let host = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    let ours = names.0.iter().filter_map(|name| host.strip_suffix(name.as_str())?.strip_suffix('.'));
    // The longest of our names is the right one: `b.s3.localhost` is bucket `b` of `s3.localhost`, not `b.s3` of `localhost`.
    let bucket = ours.min_by_key(|bucket| bucket.len());
    let aws = || {
        let rest = host.strip_suffix(".amazonaws.com").or_else(|| host.strip_suffix(".amazonaws.com.cn"))?;
        let at =
            rest.rfind(".s3.").or_else(|| rest.strip_suffix(".s3").map(str::len)).or_else(|| rest.rfind(".s3-"))?;
        Some(&rest[..at])
    };
    let exact = names.0.iter().any(|name| name == host);
    if exact { None } else { bucket.or_else(aws).filter(|bucket| !bucket.is_empty()) }
}

/// The operation of a target whose body need not be read for that. `None` for [`Target::Action`].
pub fn operation<'s>(target: &Target<'s>, head: &Head<'_>) -> Option<Result<Route<'s>, NoOperation>> {
    match target {
        Target::Named { entry, protocol, operation } => Some(named(entry, *protocol, operation)),
        Target::Rest { entry, path } => {
            let Some(loaded) = entry.loaded() else { return Some(Err(NoOperation::new(&entry.index.name, ""))) };
            let protocol = entry.index.protocols.first().copied().unwrap_or(Protocol::RestXml);
            let name = loaded.router.find(head.method.as_str(), path, head.query, head.headers);
            let missing = || NoOperation::new(&entry.index.name, &format!("{} {path}", head.method));
            Some(name.ok_or_else(missing).and_then(|name| of_model(loaded, protocol, &name)))
        }
        Target::Unknown { service, operation, .. } => Some(Err(NoOperation::new(service, operation))),
        Target::Action { .. } => None,
    }
}

/// The operation that the body or query of a [`Target::Action`] names.
pub fn action<'s>(
    services: &'s Services,
    entry: Option<&'s Entry>,
    name: &str,
    version: Option<&str>,
) -> Result<Route<'s>, NoOperation> {
    let entry = entry.or_else(|| services.by_query_version(version?));
    let entry = entry.ok_or_else(|| NoOperation::new("", name))?;
    let protocol = entry.index.protocols.iter().copied().find(|p| matches!(p, Protocol::Query | Protocol::Ec2));
    named(entry, protocol.unwrap_or(Protocol::Query), name)
}

fn named<'s>(entry: &'s Entry, protocol: Protocol, name: &str) -> Result<Route<'s>, NoOperation> {
    let loaded = entry.loaded().ok_or_else(|| NoOperation::new(&entry.index.name, name))?;
    of_model(loaded, protocol, name)
}

fn of_model<'s>(loaded: &'s Loaded, protocol: Protocol, name: &str) -> Result<Route<'s>, NoOperation> {
    match (loaded.operations.get(name), loaded.model.operations.get(name)) {
        (Some(entry), Some(operation)) => Ok(Route { loaded, entry, operation, protocol }),
        _ => Err(NoOperation::new(&loaded.model.name, name)),
    }
}

/// A request for something that no model has.
#[derive(Debug)]
pub struct NoOperation {
    pub service: String,
    pub operation: String,
}

impl NoOperation {
    /// The names may be the client's own text: it is cut short, and what no name has is left out.
    pub fn new(service: &str, operation: &str) -> NoOperation {
        let fits = |c: &char| c.is_ascii_alphanumeric() || "._:/ -".contains(*c);
        let cut = |text: &str, len: usize| text.chars().filter(fits).take(len).collect();
        NoOperation { service: cut(service, 64), operation: cut(operation, 128) }
    }
}

impl Route<'_> {
    /// Where requests of SQS's Query protocol go to says which queue is meant, if they do not. Source: SQS developer guide, "Making Query API
    /// requests", structure of a request.
    pub fn with_queue_of_path(&self, input: &mut Fields, host: &str, path: &str) {
        let is_asked = |shape: &model::ShapeRef| match &self.loaded.model.shape(shape).kind {
            model::ShapeKind::Structure(structure) => structure.member("QueueUrl").is_some(),
            _ => false,
        };
        if self.protocol == Protocol::Query
            && &*self.loaded.model.name == "sqs"
            && path.trim_matches('/').contains('/')
            && input.get("QueueUrl").is_none()
            && self.operation.input.as_ref().is_some_and(is_asked)
        {
            input.push("QueueUrl", format!("http://{host}{path}"));
        }
    }

    /// The model.
    pub fn model(&self) -> &Arc<Model> {
        &self.loaded.model
    }

    /// The service that the scope of a signature must name: the one in `given` if that is one of this service's names.
    pub fn scope_service<'a>(&'a self, given: &'a str) -> &'a str {
        let metadata = &self.loaded.model.metadata;
        let signing = &*metadata.signing_name;
        if given == &*metadata.endpoint_prefix { given } else { signing }
    }

    /// How this service words its errors about signatures.
    pub fn family(&self) -> Family {
        family(self.protocol, &*self.loaded.model.name == "s3")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_targets_come_with_and_without_the_package() {
        let services = Services::new(Vec::new());
        let check = |target: &str, expected: &str| {
            let found = match json_target(&services, target) {
                Target::Named { entry, operation, .. } => format!("{} {operation}", entry.index.name),
                _ => "unknown".to_owned(),
            };
            assert_eq!(found, expected, "{target}");
        };
        check("com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.CreateTrail", "cloudtrail CreateTrail");
        check("CloudTrail_20131101.CreateTrail", "cloudtrail CreateTrail");
        check("DynamoDB_20120810.PutItem", "dynamodb PutItem");
        check("v20131101.CreateTrail", "unknown");
        check("CreateTrail", "unknown");
    }

    #[test]
    fn links_say_their_region() {
        let check = |query: &str, region: Option<&str>| {
            assert_eq!(region_of_link(query).map(Region::as_str), region, "{query}");
        };
        check("Action=ConfirmSubscription&TopicArn=arn:aws:sns:eu-west-1:1:t&Token=x", Some("eu-west-1"));
        check("Action=Unsubscribe&SubscriptionArn=arn%3Aaws%3Asns%3Aeu-west-1%3A1%3At%3Au", Some("eu-west-1"));
        check("Action=Unsubscribe&SubscriptionArn=x", None);
        check("list-type=2", None);
    }

    #[test]
    fn buckets_are_found_in_host_names() {
        let names = HostNames::default();
        let check = |host, expected| assert_eq!(bucket_of_host(&names, host), expected, "{host}");
        check("localhost:4566", None);
        check("127.0.0.1:4566", None);
        check("[::1]:4566", None);
        check("b.localhost:4566", Some("b"));
        check("my.dotted.bucket.localhost:4566", Some("my.dotted.bucket"));
        check("b.s3.localhost", Some("b"));
        check("s3.localhost", None);
        check("b.s3.eu-west-1.amazonaws.com", Some("b"));
        check("b.s3.amazonaws.com", Some("b"));
        check("s3.eu-west-1.amazonaws.com", None);
        check("example.org", None);
    }
}
