//! Explain: which statements decided a recorded call, as it was decided then.

use std::time::Duration;

use base::Timestamp;
use ports::StoreId;
use ports::lake::{Find, Member, Needle};
use record::RecordView;
use serde::{Deserialize, Serialize};
use service::decided::{Decided, Effect};
use service::{ApiError, Call, Operation};

use crate::{Cairn, no_store, no_stores};

/// The longest wait for the newest records.
const VISIBLE_WAIT: Duration = Duration::from_secs(10);
/// Different records can share an identifier; more are not looked at.
const SAME_MAX: usize = 10;

/// Explains a call.
pub struct Explain;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    event_id: String,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    record: String,
    decisions: Vec<Shown>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Shown {
    action: String,
    resource: String,
    effect: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    layer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<String>,
    /// From 1, as people count.
    #[serde(skip_serializing_if = "Option::is_none")]
    statement: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<String>,
}

impl From<Decided> for Shown {
    fn from(decided: Decided) -> Shown {
        Shown {
            action: decided.action,
            resource: decided.resource,
            effect: match decided.effect {
                Effect::Allow => "Allow",
                Effect::ImplicitDeny => "ImplicitDeny",
                Effect::ExplicitDeny => "ExplicitDeny",
            },
            layer: decided.layer,
            policy: decided.policy,
            statement: decided.statement.and_then(|place| i64::try_from(place + 1).ok()),
            sid: decided.sid,
        }
    }
}

impl Operation for Explain {
    type Service = Cairn;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "Explain";
    const RESOURCE: &'static str = "*";

    async fn run(cairn: &Cairn, _: &Call, input: Input) -> Result<Output, ApiError> {
        let stores = cairn.event_stores.as_ref().ok_or_else(no_stores)?;
        let decisions = cairn.decisions.as_ref().ok_or_else(no_stores)?;
        let name = ports::lake::EVENTS;
        let store = StoreId::parse(name).ok_or_else(|| no_store(name))?;
        let _ = tokio::time::timeout(VISIBLE_WAIT, stores.visible(cairn.operator.journal_end())).await;
        let needles = vec![Needle { member: Member::EventId, text: input.event_id.clone() }];
        let find = Find { needles, from_ms: i64::MIN, to_ms: i64::MAX, max: SAME_MAX, after: None };
        let found = stores.find(&store, find).await?;
        let unknown = || {
            let text = format!("No record has the event ID {}.", input.event_id);
            ApiError::new("EventNotFoundException", 400, text)
        };
        let first = found.records.first().ok_or_else(unknown)?;
        let time = RecordView::parse(&first.json).ok().and_then(|view| view.event_time());
        let decided = decisions.of(&input.event_id, time.unwrap_or(Timestamp::from_ms(0))).await;
        let decided = decided.map_err(ApiError::unavailable)?.unwrap_or_default();
        Ok(Output {
            record: String::from_utf8_lossy(&first.json).into_owned(),
            decisions: decided.into_iter().map(Shown::from).collect(),
        })
    }
}
