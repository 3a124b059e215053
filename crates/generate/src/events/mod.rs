//! What is called: the operations of some forty services, how often, by whom, with which parameters, and how they fail. Tables of
//! constants; the shapes are those of real records.

mod compute;
mod control;
mod storage;

use crate::template::Template;

/// Who makes such calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    /// Programs: sessions of the roles of instances, functions and containers, sometimes users that are programs.
    Apps,
    /// People, in the console or at a command line, and pipelines.
    People,
    /// Either.
    Any,
    /// A service of AWS.
    Service(&'static str),
    /// Somebody with an assertion.
    Saml,
    /// A pipeline with a token.
    Web,
    /// Somebody at the sign-in page.
    SignIn,
}

/// A way to fail.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fault {
    /// Of a million calls.
    pub(crate) per_million: u64,
    pub(crate) code: &'static str,
    pub(crate) message: &'static str,
}

/// An operation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Event {
    pub(crate) source: &'static str,
    pub(crate) name: &'static str,
    /// How often, in comparison with the others.
    pub(crate) weight: u64,
    pub(crate) reads: bool,
    pub(crate) data: bool,
    pub(crate) by: By,
    pub(crate) request: &'static str,
    pub(crate) response: &'static str,
    pub(crate) more: &'static str,
    /// Type and ARN.
    pub(crate) resources: &'static [(&'static str, &'static str)],
    pub(crate) faults: &'static [Fault],
    pub(crate) version: &'static str,
    /// Only in `us-east-1`.
    pub(crate) global: bool,
}

const fn event(source: &'static str, name: &'static str, weight: u64, reads: bool) -> Event {
    Event {
        source,
        name,
        weight,
        reads,
        data: false,
        by: By::Any,
        request: "",
        response: "",
        more: "",
        resources: &[],
        faults: &[],
        version: "",
        global: false,
    }
}

/// A call that reads.
const fn read(source: &'static str, name: &'static str, weight: u64) -> Event {
    event(source, name, weight, true)
}

/// A call that changes something.
const fn write(source: &'static str, name: &'static str, weight: u64) -> Event {
    event(source, name, weight, false)
}

/// A way to fail.
const fn fault(per_million: u64, code: &'static str, message: &'static str) -> Fault {
    Fault { per_million, code, message }
}

impl Event {
    const fn by(mut self, by: By) -> Event {
        self.by = by;
        self
    }

    const fn request(mut self, text: &'static str) -> Event {
        self.request = text;
        self
    }

    const fn response(mut self, text: &'static str) -> Event {
        self.response = text;
        self
    }

    const fn more(mut self, text: &'static str) -> Event {
        self.more = text;
        self
    }

    const fn resources(mut self, resources: &'static [(&'static str, &'static str)]) -> Event {
        self.resources = resources;
        self
    }

    const fn faults(mut self, faults: &'static [Fault]) -> Event {
        self.faults = faults;
        self
    }

    const fn version(mut self, version: &'static str) -> Event {
        self.version = version;
        self
    }

    const fn data(mut self) -> Event {
        self.data = true;
        self
    }

    const fn global(mut self) -> Event {
        self.global = true;
        self
    }

    /// How the service says that something is not allowed.
    pub(crate) fn denied(&self) -> (&'static str, &'static str) {
        match self.source {
            "ec2" => (
                "Client.UnauthorizedOperation",
                "You are not authorized to perform this operation. User: %arn% is not authorized to perform: %source%:%operation% because no identity-based policy allows the %source%:%operation% action",
            ),
            "s3"
            | "iam"
            | "sts"
            | "rds"
            | "elasticloadbalancing"
            | "autoscaling"
            | "cloudformation"
            | "monitoring"
            | "route53"
            | "sns"
            | "sqs" => (
                "AccessDenied",
                "User: %arn% is not authorized to perform: %source%:%operation% because no identity-based policy allows the %source%:%operation% action",
            ),
            _ => (
                "AccessDeniedException",
                "User: %arn% is not authorized to perform: %source%:%operation% because no identity-based policy allows the %source%:%operation% action",
            ),
        }
    }
}

/// An operation whose texts were read.
pub(crate) struct Ready {
    pub(crate) event: &'static Event,
    /// `s3.amazonaws.com`.
    pub(crate) source: String,
    pub(crate) request: Template,
    pub(crate) response: Template,
    pub(crate) more: Template,
    pub(crate) resources: Vec<(&'static str, Template)>,
    pub(crate) faults: Vec<(u64, &'static str, Template)>,
    pub(crate) denied: (&'static str, Template),
    /// The request names a bucket.
    pub(crate) names_bucket: bool,
}

impl Ready {
    pub(crate) fn new(event: &'static Event) -> Ready {
        Ready {
            event,
            source: format!("{}.amazonaws.com", event.source),
            request: Template::new(event.request),
            response: Template::new(event.response),
            more: Template::new(event.more),
            resources: event.resources.iter().map(|(kind, arn)| (*kind, Template::new(arn))).collect(),
            faults: event
                .faults
                .iter()
                .map(|fault| (fault.per_million, fault.code, Template::new(fault.message)))
                .collect(),
            denied: (event.denied().0, Template::new(event.denied().1)),
            names_bucket: event.request.contains(r#""bucketName":"%bucket%""#),
        }
    }
}

/// All operations.
pub(crate) fn all() -> impl Iterator<Item = &'static Event> {
    storage::EVENTS.iter().chain(compute::EVENTS).chain(control::EVENTS)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn there_are_many_services_and_most_calls_read() {
        let sources: BTreeSet<&str> = all().map(|event| event.source).collect();
        assert!(sources.len() >= 30, "{}", sources.len());
        let names: BTreeSet<_> =
            all().map(|event| (event.source, event.name, event.by == By::Any, event.request)).collect();
        assert_eq!(names.len(), all().count(), "an operation is listed twice");
        let weigh = |reads: bool| all().filter(|event| event.reads == reads).map(|event| event.weight).sum::<u64>();
        assert!(weigh(true) > weigh(false) * 2, "{} {}", weigh(true), weigh(false));
    }
}
