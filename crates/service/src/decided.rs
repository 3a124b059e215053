//! What was decided while a call ran, and which statements decided it: gathered beside the call, so that operations that ask for
//! themselves are heard too, and kept by the gateway next to the call's record. `cairn explain` shows it.

use std::cell::RefCell;

use ports::{AccessRequest, Decider, Decision};
use serde::{Deserialize, Serialize};

/// The most decisions kept of one call: a deletion of a thousand objects asks a thousand times.
const KEPT_MAX: usize = 16;

tokio::task_local! {
    static GATHERED: RefCell<Vec<Decided>>;
}

/// How it was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Effect {
    /// It was allowed.
    Allow,
    /// Nothing allowed it.
    ImplicitDeny,
    /// Something denied it.
    ExplicitDeny,
}

/// A question that was asked, and its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decided {
    /// `s3:GetObject`.
    pub action: String,
    /// The ARN acted on, or `*`.
    pub resource: String,
    /// The answer.
    pub effect: Effect,
    /// The kind of policies that refused: `identity-based policy`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer: Option<String>,
    /// The name or ARN of the policy whose statement decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// The statement's place in its policy, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statement: Option<usize>,
    /// The statement's `Sid`, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
}

impl Decided {
    fn of(request: &AccessRequest<'_>, decision: &Decision) -> Decided {
        let (effect, layer, decider): (_, _, Option<&Decider>) = match decision {
            Decision::Allow(decider) => (Effect::Allow, None, decider.as_ref()),
            Decision::ImplicitDeny(layer) => (Effect::ImplicitDeny, Some(layer), None),
            Decision::ExplicitDeny(layer, decider) => (Effect::ExplicitDeny, Some(layer), decider.as_ref()),
        };
        Decided {
            action: request.action.to_owned(),
            resource: request.resource.to_owned(),
            effect,
            layer: layer.map(|layer| layer.name().to_owned()),
            policy: decider.map(|decider| decider.policy.clone()),
            statement: decider.map(|decider| decider.statement),
            sid: decider.and_then(|decider| decider.sid.clone()),
        }
    }
}

/// Runs a call, with what is decided meanwhile gathered for [`taken`].
pub async fn gather<T>(call: impl Future<Output = T>) -> T {
    GATHERED.scope(RefCell::default(), call).await
}

/// What was decided in this call so far; from now on it is nowhere. Nothing outside of [`gather`].
pub fn taken() -> Vec<Decided> {
    GATHERED.try_with(|gathered| gathered.take()).unwrap_or_default()
}

/// Keeps a decision. What was asked before, and answered so, is kept once.
pub(crate) fn note(request: &AccessRequest<'_>, decision: &Decision) {
    // Where no policy had a say there is nothing to tell.
    if *decision == Decision::FREE {
        return;
    }
    let _ = GATHERED.try_with(|gathered| {
        let mut gathered = gathered.borrow_mut();
        if gathered.len() < KEPT_MAX {
            let decided = Decided::of(request, decision);
            if !gathered.contains(&decided) {
                gathered.push(decided);
            }
        }
    });
}
