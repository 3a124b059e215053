//! Whether selectors match a record. Source: CloudTrail user guide, "Logging management events", "Logging data events",
//! "Filtering data events by using advanced event selectors".

use record::RecordView;

use super::{AdvancedEventSelector, DataResource, EventSelector, FieldSelector, Selectors};
use crate::trail::Trail;

/// Services whose events a trail leaves out that does not include global service events. Since November 2021 their events are
/// recorded in us-east-1 like any other. Source: user guide, "Using update-trail", "Enabling and disabling global service
/// event logging".
const GLOBAL_SOURCES: [&str; 4] =
    ["iam.amazonaws.com", "sts.amazonaws.com", "cloudfront.amazonaws.com", "route53.amazonaws.com"];

/// A record with what every trail's selectors ask of it.
pub struct Selection<'r> {
    view: &'r RecordView<'r>,
    category: &'r str,
    region: &'r str,
}

impl<'r> Selection<'r> {
    /// A record to be selected or not.
    pub fn new(view: &'r RecordView<'r>) -> Selection<'r> {
        let category = match view.event_category.as_deref() {
            Some(category) => category,
            None if view.is_management() => "Management",
            None => "Data",
        };
        Selection { view, category, region: view.aws_region.as_deref().unwrap_or("us-east-1") }
    }

    /// The region it is delivered under.
    pub fn region(&self) -> &'r str {
        self.region
    }

    /// Whether a trail selects it.
    pub fn selected_by(&self, trail: &Trail) -> bool {
        trail.logging && trail.covers(self.region) && !self.left_out_as_global(trail) && self.matches(&trail.selectors)
    }

    fn left_out_as_global(&self, trail: &Trail) -> bool {
        !trail.include_global_service_events
            && self.region == "us-east-1"
            && GLOBAL_SOURCES.contains(&self.view.event_source())
    }

    /// Whether any of the selectors matches.
    pub fn matches(&self, selectors: &Selectors) -> bool {
        match selectors {
            Selectors::Default => self.category == "Management",
            Selectors::Basic(basic) => basic.iter().any(|selector| self.matches_basic(selector)),
            Selectors::Advanced(advanced) => advanced.iter().any(|selector| self.matches_advanced(selector)),
        }
    }

    fn matches_basic(&self, selector: &EventSelector) -> bool {
        let read = self.view.read_only == Some(true);
        let wanted = match selector.read_write_type.as_deref() {
            Some("ReadOnly") => read,
            Some("WriteOnly") => !read,
            _ => true,
        };
        if !wanted {
            return false;
        }
        match self.category {
            "Management" => {
                let excluded = selector.exclude_management_event_sources.as_deref().unwrap_or_default();
                selector.include_management_events.unwrap_or(true)
                    && !excluded.iter().any(|source| source == self.view.event_source())
            }
            "Data" => selector.data_resources.iter().flatten().any(|resource| self.touches(resource)),
            _ => false,
        }
    }

    fn touches(&self, wanted: &DataResource) -> bool {
        let kind = wanted.r#type.as_deref().unwrap_or_default();
        let values = wanted.values.as_deref().unwrap_or_default();
        self.arns_of(kind).any(|arn| values.iter().any(|value| is_meant(kind, value, arn)))
    }

    fn arns_of(&self, kind: &str) -> impl Iterator<Item = &str> {
        let of_kind = self.view.resources.iter().filter(move |resource| resource.kind.as_deref() == Some(kind));
        of_kind.map(|resource| resource.arn.as_deref().or(resource.arn_prefix.as_deref()).unwrap_or_default())
    }

    fn matches_advanced(&self, selector: &AdvancedEventSelector) -> bool {
        let fields = &selector.field_selectors;
        let kind = fields.iter().find(|field| field.field == "resources.type");
        let kind = kind.and_then(|field| field.equals.as_deref()?.first()).map(String::as_str);
        fields.iter().all(|field| self.matches_field(field, kind))
    }

    fn matches_field(&self, field: &FieldSelector, kind: Option<&str>) -> bool {
        let view = self.view;
        let flag = |value: bool| if value { "true" } else { "false" };
        let value = match field.field.as_str() {
            "eventCategory" => self.category,
            "eventName" => view.event_name(),
            "eventSource" => view.event_source(),
            "eventType" => view.event_type.as_deref().unwrap_or_default(),
            "readOnly" => flag(view.read_only == Some(true)),
            "errorCode" => view.error_code.as_deref().unwrap_or_default(),
            "vpcEndpointId" => view.vpc_endpoint_id.as_deref().unwrap_or_default(),
            "userIdentity.arn" => view.user_identity.arn.as_deref().unwrap_or_default(),
            "sessionCredentialFromConsole" => flag(view.session_credential_from_console == Some(true)),
            "resources.type" => {
                return view
                    .resources
                    .iter()
                    .any(|resource| holds(field, resource.kind.as_deref().unwrap_or_default()));
            }
            // The ARN and the type are asked of the same resource: an object's event names its bucket too.
            "resources.ARN" => return self.arns_of(kind.unwrap_or_default()).any(|arn| holds(field, arn)),
            _ => return false,
        };
        holds(field, value)
    }
}

/// Whether a basic selector's value means the resource: S3 by what its ARN begins with, others one by one or all.
fn is_meant(kind: &str, value: &str, arn: &str) -> bool {
    let all = value.split(':').count() == 3;
    if all || kind == "AWS::S3::Object" {
        return arn.starts_with(value);
    }
    // A function's ARN stands for its versions and aliases, a table's for its indexes and streams.
    arn.strip_prefix(value).is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '/']))
}

/// Any of the values that include, if there are such, and none of those that exclude.
fn holds(field: &FieldSelector, value: &str) -> bool {
    let any = |values: &Option<Vec<String>>, test: fn(&str, &str) -> bool| {
        values.as_deref().unwrap_or_default().iter().any(|wanted| test(value, wanted))
    };
    let includes = field.equals.is_some() || field.starts_with.is_some() || field.ends_with.is_some();
    let equals = |a: &str, b: &str| a == b;
    let starts = |a: &str, b: &str| a.starts_with(b);
    let ends = |a: &str, b: &str| a.ends_with(b);
    let included = any(&field.equals, equals) || any(&field.starts_with, starts) || any(&field.ends_with, ends);
    let excluded =
        any(&field.not_equals, equals) || any(&field.not_starts_with, starts) || any(&field.not_ends_with, ends);
    (included || !includes) && !excluded
}

#[cfg(test)]
mod tests {
    use super::*;

    const GET_OBJECT: &str = r#"{"eventCategory":"Data","awsRegion":"us-east-1","eventName":"GetObject",
        "eventSource":"s3.amazonaws.com","readOnly":true,"managementEvent":false,"eventType":"AwsApiCall",
        "userIdentity":{"arn":"arn:aws:iam::123456789012:user/alice"},
        "resources":[{"type":"AWS::S3::Object","ARN":"arn:aws:s3:::logs/a/b.gz"},
                     {"type":"AWS::S3::Bucket","ARN":"arn:aws:s3:::logs","accountId":"123456789012"}]}"#;
    const CREATE_USER: &str = r#"{"eventCategory":"Management","awsRegion":"us-east-1","eventName":"CreateUser",
        "eventSource":"iam.amazonaws.com","readOnly":false,"managementEvent":true}"#;
    const DECRYPT: &str = r#"{"eventCategory":"Management","awsRegion":"eu-west-1","eventName":"Decrypt",
        "eventSource":"kms.amazonaws.com","readOnly":true}"#;

    #[track_caller]
    fn check(record: &str, selectors: Selectors, expected: bool) {
        let view = RecordView::parse(record.as_bytes()).unwrap();
        assert_eq!(Selection::new(&view).matches(&selectors), expected, "{selectors:?} {record}");
    }

    fn basic(json: &str) -> Selectors {
        Selectors::Basic(serde_json::from_str(json).unwrap())
    }

    fn data(fields: &str) -> Selectors {
        let text = format!(
            r#"[{{"FieldSelectors":[{{"Field":"eventCategory","Equals":["Data"]}},
                {{"Field":"resources.type","Equals":["AWS::S3::Object"]}}{}{fields}]}}]"#,
            if fields.is_empty() { "" } else { "," }
        );
        Selectors::Advanced(serde_json::from_str(&text).unwrap())
    }

    #[test]
    fn basic_selectors_match() {
        check(CREATE_USER, Selectors::Default, true);
        check(GET_OBJECT, Selectors::Default, false);
        check(CREATE_USER, basic(r#"[{"ReadWriteType":"ReadOnly"}]"#), false);
        check(CREATE_USER, basic(r#"[{"ReadWriteType":"WriteOnly"}]"#), true);
        check(DECRYPT, basic(r#"[{"ExcludeManagementEventSources":["kms.amazonaws.com"]}]"#), false);
        check(CREATE_USER, basic(r#"[{"ExcludeManagementEventSources":["kms.amazonaws.com"]}]"#), true);
        check(CREATE_USER, basic(r#"[{"IncludeManagementEvents":false}]"#), false);
        let s3 = |value: &str| {
            basic(&format!(r#"[{{"DataResources":[{{"Type":"AWS::S3::Object","Values":["{value}"]}}]}}]"#))
        };
        check(GET_OBJECT, s3("arn:aws:s3"), true);
        check(GET_OBJECT, s3("arn:aws:s3:::logs/"), true);
        check(GET_OBJECT, s3("arn:aws:s3:::logs/a/"), true);
        check(GET_OBJECT, s3("arn:aws:s3:::logs/b"), false);
        check(GET_OBJECT, s3("arn:aws:s3:::log/"), false);
        check(CREATE_USER, s3("arn:aws:s3"), true);
        check(
            GET_OBJECT,
            basic(
                r#"[{"ReadWriteType":"WriteOnly","DataResources":[{"Type":"AWS::S3::Object","Values":["arn:aws:s3"]}]}]"#,
            ),
            false,
        );
        let lambda = "arn:aws:lambda:us-east-1:123456789012:function:hello";
        assert!(is_meant("AWS::Lambda::Function", lambda, lambda));
        assert!(is_meant("AWS::Lambda::Function", "arn:aws:lambda", lambda));
        assert!(!is_meant("AWS::Lambda::Function", lambda, &format!("{lambda}2")));
    }

    #[test]
    fn every_operator_matches() {
        for (field, expected) in [
            (r#""Equals":["GetObject","x"]"#, true),
            (r#""Equals":["x"]"#, false),
            (r#""StartsWith":["x","Get"]"#, true),
            (r#""StartsWith":["et"]"#, false),
            (r#""EndsWith":["Object"]"#, true),
            (r#""EndsWith":["Objec"]"#, false),
            (r#""NotEquals":["x"]"#, true),
            (r#""NotEquals":["x","GetObject"]"#, false),
            (r#""NotStartsWith":["Put"]"#, true),
            (r#""NotStartsWith":["Get"]"#, false),
            (r#""NotEndsWith":["Acl"]"#, true),
            (r#""NotEndsWith":["ct"]"#, false),
            (r#""StartsWith":["Get"],"NotEquals":["GetObject"]"#, false),
            (r#""Equals":["x"],"EndsWith":["Object"]"#, true),
        ] {
            check(GET_OBJECT, data(&format!(r#"{{"Field":"eventName",{field}}}"#)), expected);
        }
    }

    #[test]
    fn every_field_matches() {
        for (field, expected) in [
            (r#"{"Field":"resources.ARN","StartsWith":["arn:aws:s3:::logs/"]}"#, true),
            (r#"{"Field":"resources.ARN","Equals":["arn:aws:s3:::logs"]}"#, false),
            (r#"{"Field":"resources.ARN","NotStartsWith":["arn:aws:s3:::logs/"]}"#, false),
            (r#"{"Field":"readOnly","Equals":["true"]}"#, true),
            (r#"{"Field":"readOnly","Equals":["false"]}"#, false),
            (r#"{"Field":"userIdentity.arn","EndsWith":["/alice"]}"#, true),
            (r#"{"Field":"eventSource","Equals":["s3.amazonaws.com"]}"#, true),
            (r#"{"Field":"eventType","NotEquals":["AwsServiceEvent"]}"#, true),
            (r#"{"Field":"sessionCredentialFromConsole","Equals":["true"]}"#, false),
            (r#"{"Field":"sessionCredentialFromConsole","NotEquals":["true"]}"#, true),
        ] {
            check(GET_OBJECT, data(field), expected);
        }
        check(CREATE_USER, data(""), false);
        check(GET_OBJECT, data(""), true);
    }
}
