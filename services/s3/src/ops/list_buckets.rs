//! ListBuckets: the caller's buckets, by name.

use base::Timestamp;
use serde::Serialize;
use service::{ApiError, Call, Operation};
use state::Range;

use crate::acl::Owner;
use crate::error::{Error, invalid_argument, state_failed};
use crate::members::members;
use crate::{S3, TABLE_BUCKETS, bucket};

/// The most buckets of a page.
const PAGE_BUCKETS_MAX: i64 = 10_000;

/// See the module.
pub struct ListBuckets;

members! { input Input {
    pub max_buckets: Option<i64>,
    pub continuation_token: Option<String>,
    pub prefix: Option<String>,
    pub bucket_region: Option<String>,
} }

/// A bucket in the list.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Listed {
    name: String,
    creation_date: Timestamp,
    bucket_region: Option<String>,
    bucket_arn: Option<String>,
}

members! { output Output {
    pub buckets: Vec<Listed>,
    pub owner: Option<Owner>,
    pub continuation_token: Option<String>,
    pub prefix: Option<String>,
} }

impl Operation for ListBuckets {
    type Service = S3;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "ListBuckets";
    const RESOURCE: &'static str = "*";
    const ACTION: &'static str = "ListAllMyBuckets";

    async fn run(s3: &S3, call: &Call, input: Input) -> Result<Output, ApiError> {
        let max = input.max_buckets.unwrap_or(PAGE_BUCKETS_MAX);
        let max = usize::try_from(max).ok().filter(|_| (1..=PAGE_BUCKETS_MAX).contains(&max)).ok_or_else(|| {
            let text = "Argument max-buckets must be an integer between 1 and 10000";
            invalid_argument("max-buckets", &max.to_string(), text)
        })?;
        let prefix = input.prefix.clone().unwrap_or_default();
        let mut range = Range::prefix(state::key::prefix::<&str>(&[], &prefix));
        if let Some(token) = &input.continuation_token {
            let after = base::ids::unhex(token).and_then(|bytes| String::from_utf8(bytes).ok());
            let text = "The continuation token provided is incorrect";
            let after = after.ok_or_else(|| ApiError::from(Error::InvalidArgument(text.to_owned())))?;
            range = range.after(bucket::key(&after));
        }
        // Paged results tell each bucket's region and ARN; the plain list never did.
        let paged = input.max_buckets.is_some() || input.prefix.is_some() || input.bucket_region.is_some();
        let mut output = Output { owner: Some(s3.owner(&call.account)), prefix: input.prefix, ..Output::default() };
        state::scan_all::<Failed>(&*s3.state, TABLE_BUCKETS, range, |row| {
            let bucket = bucket::read(&row).map_err(Failed)?;
            if *bucket.account != *call.account {
                return Ok(true);
            }
            if input.bucket_region.as_deref().is_some_and(|region| region != bucket.region.as_str()) {
                return Ok(true);
            }
            if output.buckets.len() == max {
                let last = output.buckets.last().map(|last| base::ids::hex(last.name.as_bytes()));
                output.continuation_token = last;
                return Ok(false);
            }
            output.buckets.push(Listed {
                creation_date: bucket.created(),
                bucket_region: paged.then(|| bucket.region.to_string()),
                bucket_arn: paged.then(|| bucket.arn()),
                name: bucket.name,
            });
            Ok(true)
        })
        .await
        .map_err(|failed| failed.0)?;
        Ok(output)
    }
}

struct Failed(ApiError);

impl From<state::Error> for Failed {
    fn from(error: state::Error) -> Failed {
        Failed(state_failed(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::*;

    #[tokio::test]
    async fn buckets_by_name_in_pages() {
        let s3 = service();
        for name in ["bbb", "aaa", "abc"] {
            bucket(&s3, name).await;
        }
        let list = async |input: Input| {
            let output = call::<ListBuckets>(&s3, input).await.unwrap();
            let names: Vec<String> = output.buckets.iter().map(|bucket| bucket.name.clone()).collect();
            (names.join(" "), output.continuation_token)
        };
        assert_eq!(list(Input::default()).await, ("aaa abc bbb".into(), None));
        let (names, token) = list(Input { max_buckets: Some(2), ..Input::default() }).await;
        assert_eq!(names, "aaa abc");
        assert!(token.is_some());
        let rest = Input { max_buckets: Some(2), continuation_token: token, ..Input::default() };
        assert_eq!(list(rest).await, ("bbb".into(), None));
        assert_eq!(list(Input { prefix: Some("a".into()), ..Input::default() }).await, ("aaa abc".into(), None));
        assert_eq!(list(Input { bucket_region: Some("eu-west-1".into()), ..Input::default() }).await.0, "");
        let refused = call::<ListBuckets>(&s3, Input { max_buckets: Some(0), ..Input::default() }).await;
        assert_eq!(refused.unwrap_err().code, "InvalidArgument");
    }
}
