//! What a bucket's policy says of a call (together with all other kinds of policies, see ADR 23), and of what service principals do. A policy that does not read lets nobody in. Nobody without a signature gets in, whatever a policy says.
//!
//! Source: S3 user guide, "How Amazon S3 authorizes a request"; service authorization reference, "Condition keys for Amazon S3".

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use base::time::DAY_MS;
use base::{Region, Timestamp};
use policy::{Context, Policy, PolicySet, Principal, Request};
use ports::{AccessRequest, BucketError, LooksAt, ResourcePolicies, ServicePut, Unavailable};

use crate::bucket::Bucket;
use crate::server_buckets::{is_own, only_reads};
use crate::{S3, TABLE_BUCKETS, access_logs, tags};

/// Buckets whose policies are kept in memory. The text of one has at most 20 KiB.
const CACHED_MAX: usize = 1_000;

/// What root may do whatever the policy says, so that nobody is locked out for good. Source: S3 API reference, PutBucketPolicy.
const ALWAYS_OF_ROOT: [&str; 3] = ["s3:GetBucketPolicy", "s3:PutBucketPolicy", "s3:DeleteBucketPolicy"];

/// The start of condition keys that name a tag of the object that is there.
const EXISTING_TAG: &str = "s3:existingobjecttag/";
/// The start of condition keys that name a tag that the request gives.
const REQUEST_TAG: &str = "s3:requestobjecttag/";

/// What decides on a bucket, as read from its row.
pub(crate) struct Ruled {
    region: Region,
    account: Arc<str>,
    policies: Arc<PolicySet>,
}

/// By bucket, with the revision of its row.
pub(crate) type Cache = Mutex<HashMap<String, (u64, Arc<Ruled>)>>;

#[async_trait]
impl ResourcePolicies for S3 {
    fn prefixes(&self) -> &'static [&'static str] {
        &["s3"]
    }

    async fn ruled(
        &self,
        request: &AccessRequest<'_>,
        looks_at: LooksAt<'_>,
    ) -> Result<Option<ports::Ruled>, Unavailable> {
        let Some((name, key)) = place(request.resource) else { return Ok(None) };
        if is_own(name) && !only_reads(request.action) {
            return Ok(Some(ports::Ruled { is_closed: true, ..ports::Ruled::plain(Arc::clone(&self.account)) }));
        }
        // Whose name is taken learns that from the operation.
        if request.action == "s3:CreateBucket" {
            return Ok(None);
        }
        let Some(ruled) = self.of_bucket(name).await? else { return Ok(None) };
        let is_roots = request.caller.is_root()
            && request.caller.account().is_some_and(|account| **account == *ruled.account)
            && ALWAYS_OF_ROOT.contains(&request.action);
        let policies = if is_roots { Arc::default() } else { Arc::clone(&ruled.policies) };
        let mut conditions = vec![("s3:resourceaccount".to_owned(), vec![ruled.account.to_string()])];
        if let Some(key) = key
            && (policies.looks_at(EXISTING_TAG) || looks_at(EXISTING_TAG))
        {
            let tags = self.existing_tags(request, name, key).await?;
            conditions.extend(
                tags.into_iter().map(|(key, value)| (format!("{EXISTING_TAG}{}", key.to_lowercase()), vec![value])),
            );
        }
        // The gateway writes ARNs of the first partition; a policy has those of the bucket's.
        let partition = ruled.region.partition();
        let resource = match key {
            Some(key) => format!("arn:{partition}:s3:::{name}/{key}"),
            None => format!("arn:{partition}:s3:::{name}"),
        };
        Ok(Some(ports::Ruled {
            policies,
            account: Arc::clone(&ruled.account),
            must_allow: false,
            granted: None,
            resource: Some(resource),
            conditions,
            is_closed: false,
        }))
    }

    fn condition(&self, request: &AccessRequest<'_>, key: &str) -> Option<Vec<String>> {
        condition(request, key)
    }
}

/// The bucket of an ARN, and the key in it.
fn place(arn: &str) -> Option<(&str, Option<&str>)> {
    let (_, name) = arn.strip_prefix("arn:")?.split_once(":s3:::")?;
    Some(name.split_once('/').map_or((name, None), |(bucket, key)| (bucket, Some(key))))
}

impl S3 {
    /// The account that owns a bucket.
    pub async fn bucket_owner(&self, name: &str) -> Result<Option<Arc<str>>, Unavailable> {
        Ok(self.of_bucket(name).await?.map(|ruled| Arc::clone(&ruled.account)))
    }

    /// What decides on a bucket, if it is there.
    async fn of_bucket(&self, name: &str) -> Result<Option<Arc<Ruled>>, Unavailable> {
        let row = self.state.get(TABLE_BUCKETS, &crate::bucket::key(name)).await;
        let row =
            row.map_err(|error| Unavailable(format!("the policy of the bucket {name} was not found out: {error}")))?;
        let Some(row) = row else { return Ok(None) };
        let known = self.policies.lock().expect("no holder of this lock can panic").get(name).cloned();
        if let Some((_, ruled)) = known.filter(|(rev, _)| *rev == row.rev) {
            return Ok(Some(ruled));
        }
        let bucket = crate::bucket::read(&row).map_err(|error| Unavailable(error.log.unwrap_or(error.message)))?;
        let ruled = Arc::new(Ruled::of(&bucket)?);
        let mut known = self.policies.lock().expect("no holder of this lock can panic");
        if known.len() >= CACHED_MAX {
            known.clear();
        }
        known.insert(name.to_owned(), (row.rev, Arc::clone(&ruled)));
        Ok(Some(ruled))
    }

    /// The tags of the object that a request is about; none if there is no such object.
    async fn existing_tags(
        &self,
        request: &AccessRequest<'_>,
        bucket: &str,
        key: &str,
    ) -> Result<Vec<(String, String)>, Unavailable> {
        let id = of_request(request, "s3:versionid").filter(|id| !id.is_empty());
        let version = match &id {
            Some(id) => self.version(bucket, key, id).await.map(|place| place.map(|place| place.version)),
            None => self.current(bucket, key).await.map(|found| found.map(|(version, _)| version)),
        };
        match version {
            Ok(version) => Ok(version.map_or_else(Vec::new, |version| version.tags)),
            Err(error) if error.status < 500 => Ok(Vec::new()),
            Err(error) => Err(Unavailable(error.log.unwrap_or(error.message))),
        }
    }

    /// Refuses what the bucket's policy does not let the principal of `put` do.
    pub(crate) fn allow(
        &self,
        bucket: &Bucket,
        put: &ServicePut,
        action: &str,
        resource: &str,
    ) -> Result<(), BucketError> {
        if put.principal == access_logs::PRINCIPAL && access_logs::may_log_by_acl(bucket) {
            return Ok(());
        }
        let Some(text) = &bucket.policy else { return Err(BucketError::AccessDenied) };
        let policy = read(text, &bucket.name).map_err(|error| BucketError::Unavailable(error.0))?;
        let now = self.env.clock.now();
        let mut known = Context::new()
            .with("aws:SourceArn", put.source_arn.as_str())
            .with("aws:SourceAccount", put.source_account.as_str())
            .with("aws:PrincipalIsAWSService", "true")
            .with("aws:PrincipalServiceName", put.principal.as_str())
            .with("aws:PrincipalServiceNamesList", put.principal.as_str())
            .with("aws:SecureTransport", "true")
            .with("aws:ViaAWSService", "false")
            .with("aws:ResourceAccount", bucket.account.as_str())
            .with("s3:ResourceAccount", bucket.account.as_str())
            .with("aws:CurrentTime", now.iso8601_secs())
            .with("aws:EpochTime", now.secs().to_string());
        if action == "s3:PutObject" {
            known = known.with("s3:x-amz-acl", put.acl.as_str());
        }
        let principal = Principal::Service { name: &put.principal };
        let request = Request { principal, action, resource, context: &|key| known.get(key) };
        if policy::evaluate(&[&policy], &request).is_allow() { Ok(()) } else { Err(BucketError::AccessDenied) }
    }
}

impl Ruled {
    fn of(bucket: &Bucket) -> Result<Ruled, Unavailable> {
        let policies = match &bucket.policy {
            Some(text) => {
                PolicySet::new([(format!("the policy of the bucket {}", bucket.name), read(text, &bucket.name)?)])
            }
            None => PolicySet::empty(),
        };
        Ok(Ruled { region: bucket.region, account: bucket.account.as_str().into(), policies: Arc::new(policies) })
    }
}

fn read(text: &str, bucket: &str) -> Result<Policy, Unavailable> {
    Policy::parse(text)
        .map_err(|error| Unavailable(format!("the policy of the bucket {bucket} does not read: {error}")))
}

/// The values of a condition key (in lower case).
fn condition(request: &AccessRequest<'_>, key: &str) -> Option<Vec<String>> {
    if let Some(tag) = key.strip_prefix(REQUEST_TAG) {
        return tag_value(&requested_tags(request), tag).map(|value| vec![value]);
    }
    if key == "s3:requestobjecttagkeys" {
        let keys: Vec<_> = requested_tags(request).into_iter().map(|(key, _)| key).collect();
        return (!keys.is_empty()).then_some(keys);
    }
    of_request(request, key).map(|value| vec![value])
}

/// The value of a condition key of S3 that the request tells: the first of those sent, as the operation takes it too.
fn of_request(request: &AccessRequest<'_>, key: &str) -> Option<String> {
    let context = request.context;
    if let Some(value) = context.given(key) {
        return Some(value.to_owned());
    }
    let parameter = |name: &str| {
        let mut pairs = form_urlencoded::parse(context.query.as_bytes());
        pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    };
    let is_presigned = || parameter("X-Amz-Signature").is_some();
    match key.strip_prefix("s3:")? {
        "prefix" => parameter("prefix"),
        "delimiter" => parameter("delimiter"),
        "max-keys" => parameter("max-keys"),
        "versionid" => parameter("versionId"),
        "authtype" if is_presigned() => Some("REST-QUERY-STRING".to_owned()),
        "authtype" => Some("REST-HEADER".to_owned()),
        "signatureversion" => Some("AWS4-HMAC-SHA256".to_owned()),
        "signatureage" if is_presigned() => {
            let signed = Timestamp::parse_amz_date(&parameter("X-Amz-Date")?)?;
            Some(context.time.since_ms(signed).to_string())
        }
        "tlsversion" => context.tls?.strip_prefix("TLSv").map(str::to_owned),
        "object-lock-remaining-retention-days" => {
            let until = Timestamp::parse_iso8601(&of_request(request, "s3:object-lock-retain-until-date")?)?;
            // A day that has begun is one that remains.
            Some((until.since_ms(context.time) + DAY_MS - 1).div_euclid(DAY_MS).to_string())
        }
        name if name.starts_with("object-lock-") => header(request, &format!("x-amz-{name}")),
        name if name.starts_with("x-amz-") => header(request, name),
        _ => None,
    }
}

/// The tags that the request gives the object it writes.
fn requested_tags(request: &AccessRequest<'_>) -> Vec<(String, String)> {
    let more = request.context.more.iter();
    let given = more.filter_map(|(key, value)| Some((key.strip_prefix(REQUEST_TAG)?.to_owned(), (*value).to_owned())));
    given.chain(tags::of_header(header(request, "x-amz-tagging").as_deref()).unwrap_or_default()).collect()
}

/// A header's text: UTF-8, else Latin 1, as the operation reads it.
fn header(request: &AccessRequest<'_>, name: &str) -> Option<String> {
    let bytes = request.context.headers.get(name)?.as_bytes();
    Some(String::from_utf8(bytes.to_vec()).unwrap_or_else(|_| bytes.iter().copied().map(char::from).collect()))
}

/// Condition keys have no case, so neither has the tag's name in one.
fn tag_value(tags: &[(String, String)], key: &str) -> Option<String> {
    tags.iter().find(|(name, _)| name.to_lowercase() == key).map(|(_, value)| value.clone())
}

#[cfg(test)]
mod tests {
    use ports::{Caller, Decision, Layer};

    use super::*;
    use crate::harness::*;
    use crate::ops::*;

    const ACCOUNT: &str = "123456789012";

    /// IAM, to which only `admin` is known.
    struct Administrators;

    #[async_trait]
    impl ports::Identities for Administrators {
        async fn identity(&self, caller: &Caller) -> Result<ports::Identity, Unavailable> {
            let all = Policy::parse(r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#).unwrap();
            let is_known = caller.user().is_some_and(|(_, name, _)| &**name == "admin");
            let policies = if is_known { PolicySet::new([("all".to_owned(), all)]) } else { PolicySet::empty() };
            Ok(ports::Identity { policies: Arc::new(policies), ..ports::Identity::default() })
        }
    }

    fn caller(name: &str) -> Caller {
        match name {
            "root" => Caller::Root { account: ACCOUNT.into(), access_key_id: "AKIA".into() },
            "nobody" => Caller::Anonymous,
            name => Caller::User {
                account: ACCOUNT.into(),
                user_id: format!("AIDA{}", name.to_uppercase()).into(),
                user_name: name.into(),
                arn: format!("arn:aws:iam::{ACCOUNT}:user/{name}").into(),
                access_key_id: "AKIA".into(),
            },
        }
    }

    fn call_of(name: &str) -> service::Call {
        service::Call { caller: caller(name), ..a_call() }
    }

    async fn decision(s3: &Arc<S3>, request: &AccessRequest<'_>) -> Decision {
        let access = service::Access::new();
        access.ask(Arc::new(Administrators), None, &[Arc::clone(s3) as Arc<dyn ResourcePolicies>]);
        ports::Authorizer::decide(&*access, request).await.unwrap()
    }

    async fn stand(statements: &str) -> Arc<S3> {
        let access = service::Access::new();
        let s3 = Arc::new(service().with_authorizer(Arc::clone(&access) as Arc<dyn ports::Authorizer>));
        access.ask(Arc::new(Administrators), None, &[Arc::clone(&s3) as Arc<dyn ResourcePolicies>]);
        bucket(&s3, "bkt").await;
        put(&s3, "bkt", "k", "x").await;
        set_policy(&s3, "bkt", &format!(r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#)).await;
        s3
    }

    /// What the two kinds of policies say together of an action, on the object `k` or on the bucket.
    async fn decided(s3: &Arc<S3>, call: &service::Call, action: &str, more: &[(&str, &str)]) -> &'static str {
        let resource = if action.contains("Object") { "arn:aws:s3:::bkt/k" } else { "arn:aws:s3:::bkt" };
        let context = call.context(more);
        let request = AccessRequest { caller: &call.caller, action, resource, context: &context };
        match decision(s3, &request).await {
            Decision::Allow(_) => "allow",
            Decision::ExplicitDeny(Layer::Resource, _) => "DENY",
            Decision::ExplicitDeny(..) => "DENY of IAM",
            Decision::ImplicitDeny(_) => "no",
        }
    }

    fn statement(effect: &str, principal: &str, condition: &str) -> String {
        format!(
            r#"{{"Effect":"{effect}","Principal":{principal},"Action":"s3:*","Resource":["arn:aws:s3:::bkt","arn:aws:s3:::bkt/*"],
            "Condition":{condition}}}"#
        )
    }

    #[tokio::test]
    async fn a_denial_binds_administrators_and_root_but_root_keeps_the_policy() {
        let s3 = stand(&statement("Deny", "\"*\"", "{}")).await;
        for name in ["root", "admin", "auditor"] {
            assert_eq!(decided(&s3, &call_of(name), "s3:GetObject", &[]).await, "DENY", "{name}");
            assert_eq!(decided(&s3, &call_of(name), "s3:ListBucket", &[]).await, "DENY", "{name}");
        }
        for action in ALWAYS_OF_ROOT {
            assert_eq!(decided(&s3, &call_of("root"), action, &[]).await, "allow", "{action}");
            assert_eq!(decided(&s3, &call_of("admin"), action, &[]).await, "DENY", "{action}");
        }
        // Of another bucket it says nothing.
        bucket(&s3, "bkt2").await;
        let (call, resource) = (call_of("admin"), "arn:aws:s3:::bkt2/k");
        let context = call.context(&[]);
        let request = AccessRequest { caller: &call.caller, action: "s3:GetObject", resource, context: &context };
        assert!(decision(&s3, &request).await.is_allow());
    }

    #[tokio::test]
    async fn a_permission_is_enough_for_who_is_named() {
        let auditor = format!(r#"{{"AWS":"arn:aws:iam::{ACCOUNT}:user/auditor"}}"#);
        let s3 = stand(&statement("Allow", &auditor, "{}").replace("s3:*", "s3:GetObject")).await;
        assert_eq!(decided(&s3, &call_of("auditor"), "s3:GetObject", &[]).await, "allow");
        assert_eq!(decided(&s3, &call_of("auditor"), "s3:DeleteObject", &[]).await, "no");
        assert_eq!(decided(&s3, &call_of("other"), "s3:GetObject", &[]).await, "no");
        assert_eq!(decided(&s3, &call_of("admin"), "s3:DeleteObject", &[]).await, "allow");
        // A permission for the account leaves its users to IAM.
        let s3 = stand(&statement("Allow", &format!(r#"{{"AWS":"{ACCOUNT}"}}"#), "{}")).await;
        assert_eq!(decided(&s3, &call_of("auditor"), "s3:GetObject", &[]).await, "no");
    }

    #[tokio::test]
    async fn nobody_gets_in_by_a_policy() {
        let narrow = r#"{"IpAddress":{"aws:SourceIp":"192.0.2.0/24"}}"#;
        let s3 = stand(&statement("Allow", "\"*\"", narrow)).await;
        assert_eq!(decided(&s3, &call_of("nobody"), "s3:GetObject", &[]).await, "no");
        assert_eq!(decided(&s3, &call_of("auditor"), "s3:GetObject", &[]).await, "allow");
    }

    #[tokio::test]
    async fn a_changed_policy_counts_at_once() {
        let s3 = stand(&statement("Deny", "\"*\"", "{}")).await;
        assert_eq!(decided(&s3, &call_of("admin"), "s3:GetObject", &[]).await, "DENY");
        let input = delete_bucket_policy::Input { bucket: "bkt".into(), ..Default::default() };
        call::<DeleteBucketPolicy>(&s3, input).await.unwrap();
        assert_eq!(decided(&s3, &call_of("admin"), "s3:GetObject", &[]).await, "allow");
    }

    /// Whether a denial under this condition meets a call of the administrator's.
    async fn check(condition: &str, change: impl Fn(&mut service::Call), more: &[(&str, &str)], expected: bool) {
        let s3 = stand(&statement("Deny", "\"*\"", condition)).await;
        let input = put_object_tagging::Input {
            bucket: "bkt".into(),
            key: "k".into(),
            tagging: serde_json::from_value(serde_json::json!({"TagSet": [{"Key": "Class", "Value": "secret"}]}))
                .unwrap(),
            ..Default::default()
        };
        let mut call = call_of("root");
        change(&mut call);
        if condition.contains("ExistingObjectTag") {
            let mut free = a_call();
            free.caller = caller("root");
            // The denial does not meet what has no tags yet.
            <PutObjectTagging as service::Operation>::run(&s3, &free, input).await.unwrap();
        }
        call.caller = caller("admin");
        let said = decided(&s3, &call, "s3:PutObject", more).await;
        assert_eq!(said, if expected { "DENY" } else { "allow" }, "{condition}");
    }

    #[tokio::test]
    async fn conditions() {
        let header = |name: &'static str, value: &'static str| {
            move |call: &mut service::Call| {
                call.headers.insert(name, http::HeaderValue::from_static(value));
            }
        };
        let query = |text: &'static str| move |call: &mut service::Call| call.query = text.to_owned();
        let none = |_: &mut service::Call| {};
        let insecure = r#"{"Bool":{"aws:SecureTransport":"false"}}"#;
        check(insecure, none, &[], true).await;
        check(insecure, |call| call.tls = Some("TLSv1.3"), &[], false).await;
        check(r#"{"NumericLessThan":{"s3:TlsVersion":"1.3"}}"#, |call| call.tls = Some("TLSv1.2"), &[], true).await;
        check(r#"{"NotIpAddress":{"aws:SourceIp":"192.0.2.0/24"}}"#, none, &[], false).await;
        check(r#"{"NotIpAddress":{"aws:SourceIp":"198.51.100.0/24"}}"#, none, &[], true).await;
        check(r#"{"StringEquals":{"aws:username":"admin"}}"#, none, &[], true).await;
        check(r#"{"StringEquals":{"aws:userid":"AIDAADMIN"}}"#, none, &[], true).await;
        check(r#"{"ArnEquals":{"aws:PrincipalArn":"arn:aws:iam::*:user/adm*"}}"#, none, &[], true).await;
        check(r#"{"ArnNotEquals":{"aws:PrincipalArn":"arn:aws:iam::*:user/adm*"}}"#, none, &[], false).await;
        check(r#"{"StringNotEquals":{"aws:PrincipalAccount":"123456789012"}}"#, none, &[], false).await;
        check(r#"{"StringEquals":{"aws:PrincipalType":"User"}}"#, none, &[], true).await;
        check(r#"{"DateGreaterThan":{"aws:CurrentTime":"1969-01-01T00:00:00Z"}}"#, none, &[], true).await;
        check(r#"{"Bool":{"aws:PrincipalIsAWSService":"false"}}"#, none, &[], true).await;
        let not_home = r#"{"StringNotLike":{"s3:prefix":"home/*"}}"#;
        check(not_home, query("list-type=2&prefix=home%2Fa"), &[], false).await;
        check(not_home, query("prefix=other&prefix=home/"), &[], true).await;
        check(r#"{"StringNotEquals":{"s3:delimiter":"/"}}"#, query("delimiter=%2F"), &[], false).await;
        check(r#"{"NumericGreaterThan":{"s3:max-keys":"10"}}"#, query("max-keys=11"), &[], true).await;
        check(r#"{"StringEquals":{"s3:VersionId":"v"}}"#, query("versionId=v"), &[], true).await;
        check(r#"{"StringEquals":{"s3:VersionId":"v"}}"#, query("versionId=v"), &[("s3:versionid", "w")], false).await;
        check(r#"{"StringNotEquals":{"s3:x-amz-acl":"private"}}"#, header("x-amz-acl", "private"), &[], false).await;
        let unencrypted = r#"{"Null":{"s3:x-amz-server-side-encryption":"true"}}"#;
        check(unencrypted, none, &[], true).await;
        check(unencrypted, header("x-amz-server-side-encryption", "AES256"), &[], false).await;
        check(r#"{"StringEquals":{"s3:authType":"REST-HEADER"}}"#, none, &[], true).await;
        let presigned = query("X-Amz-Signature=x&X-Amz-Date=19691231T235000Z");
        check(r#"{"NumericGreaterThan":{"s3:signatureAge":"599999"}}"#, presigned, &[], true).await;
        let given = header("x-amz-tagging", "Team=a%20b");
        check(r#"{"StringEquals":{"s3:RequestObjectTag/Team":"a b"}}"#, given, &[], true).await;
        check(r#"{"ForAnyValue:StringEquals":{"s3:RequestObjectTagKeys":"Team"}}"#, given, &[], true).await;
        check(r#"{"StringEquals":{"s3:ExistingObjectTag/Class":"secret"}}"#, none, &[], true).await;
        let long = header("x-amz-object-lock-retain-until-date", "1970-01-03T00:00:01Z");
        check(r#"{"NumericGreaterThan":{"s3:object-lock-remaining-retention-days":"2"}}"#, long, &[], true).await;
        check(r#"{"NumericGreaterThan":{"s3:object-lock-remaining-retention-days":"3"}}"#, long, &[], false).await;
    }
}
