//! [`Definition`]: a service as the gateway sees it, a table from operation names to handlers with their types erased.

use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::sync::Arc;

use base::Region;
use futures_util::future::BoxFuture;
use model::{Fields, Value};

use crate::{ApiError, Call, Operation, PassedRole, Service};

/// An operation with its types erased.
pub trait Handler: Send + Sync {
    /// See [`Operation::RESOURCE`].
    fn resource(&self) -> &'static str;

    /// See [`Operation::ACTION`].
    fn action(&self) -> &'static str;

    /// See [`Operation::VERSION_ACTION`].
    fn version_action(&self) -> &'static str;

    /// See [`Operation::ASKS_ITSELF`].
    fn asks_itself(&self) -> bool;

    /// See [`Service::ACROSS_ACCOUNTS`].
    fn is_across_accounts(&self) -> bool;

    /// See [`Operation::IGNORES`].
    fn ignores(&self) -> &'static [&'static str];

    /// The roles that an input hands over to services.
    fn passes(&self) -> &'static [PassedRole];

    /// The members of the operation's `Input`, as serde names them.
    fn input_fields(&self) -> Vec<&'static str>;

    /// Runs the operation on a decoded, validated, authorized input.
    fn run<'a>(&'a self, call: &'a Call, input: Fields) -> BoxFuture<'a, Result<Fields, ApiError>>;
}

/// A service as a table of handlers.
pub struct Definition {
    /// [`Service::MODEL`].
    pub model: &'static str,
    /// [`Service::PREFIX`].
    pub prefix: &'static str,
    /// By operation name.
    pub operations: BTreeMap<&'static str, Arc<dyn Handler>>,
}

/// Makes a [`Definition`].
pub struct Builder<S: Service> {
    service: Arc<S>,
    operations: BTreeMap<&'static str, Arc<dyn Handler>>,
}

impl<S: Service> Builder<S> {
    /// A service with no operations yet.
    pub fn new(service: Arc<S>) -> Builder<S> {
        Builder { service, operations: BTreeMap::new() }
    }

    /// Adds an operation.
    #[must_use]
    pub fn on<O: Operation<Service = S>>(self) -> Builder<S> {
        self.on_passing::<O>(&[])
    }

    /// Adds an operation whose input hands roles over to services.
    #[must_use]
    pub fn on_passing<O: Operation<Service = S>>(mut self, passes: &'static [PassedRole]) -> Builder<S> {
        let handler = Typed::<O> { service: Arc::clone(&self.service), passes, operation: PhantomData };
        let before = self.operations.insert(O::NAME, Arc::new(handler));
        assert!(before.is_none(), "{} is registered twice", O::NAME);
        self
    }

    /// The finished table.
    pub fn build(self) -> Definition {
        Definition { model: S::MODEL, prefix: S::PREFIX, operations: self.operations }
    }
}

struct Typed<O: Operation> {
    service: Arc<O::Service>,
    passes: &'static [PassedRole],
    operation: PhantomData<fn() -> O>,
}

impl<O: Operation> Handler for Typed<O> {
    fn resource(&self) -> &'static str {
        O::RESOURCE
    }

    fn action(&self) -> &'static str {
        O::ACTION
    }

    fn version_action(&self) -> &'static str {
        O::VERSION_ACTION
    }

    fn asks_itself(&self) -> bool {
        O::ASKS_ITSELF
    }

    fn is_across_accounts(&self) -> bool {
        O::Service::ACROSS_ACCOUNTS
    }

    fn ignores(&self) -> &'static [&'static str] {
        O::IGNORES
    }

    fn passes(&self) -> &'static [PassedRole] {
        self.passes
    }

    fn input_fields(&self) -> Vec<&'static str> {
        model::field_names::<O::Input>()
    }

    fn run<'a>(&'a self, call: &'a Call, input: Fields) -> BoxFuture<'a, Result<Fields, ApiError>> {
        Box::pin(async move {
            let input = model::from_value(Value::Struct(input))
                .map_err(|error| ApiError::internal(format!("{}: the input does not fit: {error}", O::NAME)))?;
            let output = O::run(&self.service, call, input).await?;
            match model::to_value(&output) {
                Ok(Value::Struct(fields)) => Ok(fields),
                Ok(Value::Null) => Ok(Fields::new()),
                Ok(other) => Err(ApiError::internal(format!("{}: the output is a {}", O::NAME, other.kind()))),
                Err(error) => Err(ApiError::internal(format!("{}: the output does not fit: {error}", O::NAME))),
            }
        })
    }
}

/// The ARN that [`Operation::RESOURCE`] means for an input: members in braces are filled in (an absent one as `*`; of several with bars
/// between the first that is there). What does
/// not start with `arn:` or equal `*` follows `arn:aws:<prefix>:<region>:<account>:`; a filled-in member that is an ARN itself
/// (a trail may be named by name or ARN) stands for the whole.
pub fn resource_arn(template: &str, prefix: &str, region: Region, account: &str, input: &Fields) -> String {
    if template == "*" {
        return template.to_owned();
    }
    let mut text = String::with_capacity(template.len() + 32);
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}').expect("a resource template closes its braces");
        text.push_str(before);
        match (name, name.split('|').find_map(|name| input.get(name))) {
            ("account", _) => text.push_str(account),
            ("region", _) => text.push_str(region.as_str()),
            (_, Some(Value::String(value))) if value.starts_with("arn:") => return value.clone(),
            (_, Some(Value::String(value))) => text.push_str(value),
            _ => text.push('*'),
        }
        rest = after;
    }
    text.push_str(rest);
    if text.starts_with("arn:") {
        return text;
    }
    format!("arn:{}:{prefix}:{region}:{account}:{text}", region.partition())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resources_are_named_by_members() {
        let mut input = Fields::new();
        input.push("Name", "audit");
        input.push("Bucket", "logs");
        input.push("Trail", "arn:aws:cloudtrail:us-east-1:123456789012:trail/x");
        let check = |template, expected| {
            let arn = resource_arn(template, "cloudtrail", Region::US_EAST_1, "123456789012", &input);
            assert_eq!(arn, expected);
        };
        check("*", "*");
        check("trail/{Name}", "arn:aws:cloudtrail:us-east-1:123456789012:trail/audit");
        check("trail/{Trail}", "arn:aws:cloudtrail:us-east-1:123456789012:trail/x");
        check("trail/{Absent|Name}", "arn:aws:cloudtrail:us-east-1:123456789012:trail/audit");
        check("arn:aws:s3:::{Bucket}/{Key}", "arn:aws:s3:::logs/*");
        check("arn:aws:iam::{account}:user/{Name}", "arn:aws:iam::123456789012:user/audit");
    }
}
