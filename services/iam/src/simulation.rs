//! What policies would say to actions that nobody takes: for the policy simulator. Decides as calls are decided ([`policy::authorize`]), and
//! names every statement that had a say. Source: IAM API reference, SimulatePrincipalPolicy, EvaluationResult.

use std::collections::BTreeSet;

use policy::{Context, Effect, Layers, Policy, PolicySet, Principal, Request, ResourceLayer, Said, Statement};
use serde::Serialize;

use crate::Error;
use crate::places::{Place, statements};
use crate::sources::{Of, Source};

/// A policy that has a say, with its text.
pub struct Voice {
    /// As results name it.
    pub id: String,
    /// As results name its kind.
    pub kind: &'static str,
    /// As it was read.
    pub policy: Policy,
    /// Where its statements are in its text.
    places: Vec<(Place, Place)>,
}

impl Voice {
    /// Of a policy's text.
    pub fn new(id: String, kind: &'static str, text: &str, policy: Policy) -> Voice {
        Voice { id, kind, policy, places: statements(text) }
    }

    /// Of a policy that is with somebody.
    pub fn of(source: Source) -> Voice {
        let Source { of, holder, name, text, policy, .. } = source;
        let id = match of {
            Of::User => format!("user_{holder}_{name}"),
            Of::Group => format!("group_{holder}_{name}"),
            Of::Role => format!("role_{holder}_{name}"),
            Of::Managed => name,
        };
        Voice::new(id, "IAM Policy", &text, policy)
    }

    /// Of policies that a caller gave.
    pub fn given(texts: &[String], list: &str) -> Result<Vec<Voice>, Error> {
        let voice = |(at, text): (usize, &String)| {
            let policy = policy::parse_identity_policy(text).map_err(Error::InvalidInput)?;
            Ok(Voice::new(format!("{list}.{}", at + 1), "IAM Policy", text, policy))
        };
        texts.iter().enumerate().map(voice).collect()
    }
}

/// Everything that has a say.
pub struct Simulation<'a> {
    /// Who would act.
    pub principal: Principal<'a>,
    /// The policies of who would act.
    pub identity: Vec<Voice>,
    /// What bounds who would act.
    pub boundary: Option<Vec<Voice>>,
    /// The policy of what would be acted on.
    pub resource: Option<Voice>,
    /// Whose that is.
    pub resource_account: &'a str,
    /// What is known of the request.
    pub context: Context,
}

/// The modelled `Statement`.
#[derive(Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Matched {
    source_policy_id: String,
    source_policy_type: &'static str,
    start_position: Place,
    end_position: Place,
}

/// The modelled `PermissionsBoundaryDecisionDetail`.
#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct BoundaryDetail {
    allowed_by_permissions_boundary: bool,
}

/// The modelled `EvaluationResult`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Evaluation {
    eval_action_name: String,
    eval_resource_name: String,
    eval_decision: &'static str,
    matched_statements: Vec<Matched>,
    missing_context_values: Vec<String>,
    permissions_boundary_decision_detail: Option<BoundaryDetail>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    resource_specific_results: Vec<Specific>,
}

/// The modelled `ResourceSpecificResult`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Specific {
    eval_resource_name: String,
    eval_resource_decision: &'static str,
    matched_statements: Vec<Matched>,
    missing_context_values: Vec<String>,
    permissions_boundary_decision_detail: Option<BoundaryDetail>,
}

impl Simulation<'_> {
    /// What all policies say to an action. `is_named`: the caller named the resource.
    pub fn evaluate(&self, action: &str, resource: &str, is_named: bool) -> Evaluation {
        let known = |key: &str| self.context.get(key);
        let request = Request { principal: self.principal.clone(), action, resource, context: &known };
        let set =
            |voices: &[Voice]| PolicySet::new(voices.iter().map(|voice| (voice.id.clone(), voice.policy.clone())));
        let identity = set(&self.identity);
        let boundary = self.boundary.as_deref().map(set);
        let of_resource = self.resource.as_ref().map(|voice| set(std::slice::from_ref(voice)));
        let layers = Layers {
            identity: Some(&identity),
            boundary: boundary.as_ref(),
            resource: of_resource.as_ref().map(|policies| ResourceLayer {
                policies,
                account: self.resource_account,
                must_allow: false,
                granted: None,
            }),
            ..Layers::default()
        };
        let decision = match policy::authorize(&layers, &request) {
            policy::Decision::Allow(_) => "allowed",
            policy::Decision::ImplicitDeny(_) => "implicitDeny",
            policy::Decision::ExplicitDeny(..) => "explicitDeny",
        };
        let matched_statements = self.matched(&request, decision);
        let missing = self.missing(action);
        let bound = self.boundary.as_ref().map(|voices| {
            let policies: Vec<&Policy> = voices.iter().map(|voice| &voice.policy).collect();
            BoundaryDetail { allowed_by_permissions_boundary: policy::evaluate(&policies, &request).is_allow() }
        });
        let specific = Specific {
            eval_resource_name: resource.to_owned(),
            eval_resource_decision: decision,
            matched_statements: matched_statements.clone(),
            missing_context_values: missing.clone(),
            permissions_boundary_decision_detail: bound,
        };
        Evaluation {
            eval_action_name: action.to_owned(),
            eval_resource_name: resource.to_owned(),
            eval_decision: decision,
            matched_statements,
            missing_context_values: missing,
            permissions_boundary_decision_detail: bound,
            resource_specific_results: is_named.then_some(specific).into_iter().collect(),
        }
    }

    fn voices(&self) -> impl Iterator<Item = &Voice> {
        self.identity.iter().chain(&self.resource)
    }

    /// The statements that allow it, or if any denies those that do.
    fn matched(&self, request: &Request<'_>, decision: &str) -> Vec<Matched> {
        let effect = if decision == "explicitDeny" { Effect::Deny } else { Effect::Allow };
        let mut matched = Vec::new();
        for voice in self.voices() {
            for (at, statement) in voice.policy.statements.iter().enumerate() {
                if statement.effect != effect {
                    continue;
                }
                let alone = Policy { statements: vec![statement.clone()], ..voice.policy.clone() };
                let Some((start_position, end_position)) = voice.places.get(at).copied() else { continue };
                if policy::evaluate(&[&alone], request) != Said::ImplicitDeny {
                    matched.push(Matched {
                        source_policy_id: voice.id.clone(),
                        source_policy_type: voice.kind,
                        start_position,
                        end_position,
                    });
                }
            }
        }
        matched
    }

    /// The condition keys that statements about an action look at and nobody told.
    fn missing(&self, action: &str) -> Vec<String> {
        let mut keys = BTreeSet::new();
        let bounds = self.boundary.iter().flatten();
        for statement in self.voices().chain(bounds).flat_map(|voice| &voice.policy.statements) {
            if speaks_of(statement, action) {
                keys.extend(keys_of(statement));
            }
        }
        keys.into_iter().filter(|key| self.context.get(key).is_none()).collect()
    }
}

fn speaks_of(statement: &Statement, action: &str) -> bool {
    let listed = statement.actions.listed().iter().any(|pattern| pattern.matches_ignoring_case(action, &|_| None));
    listed != matches!(statement.actions, policy::document::OneOf::AllBut(_))
}

fn keys_of(statement: &Statement) -> Vec<String> {
    let resources = statement.resources.iter().flat_map(|resources| resources.listed());
    let in_resources = resources.flat_map(|resource| resource.variables());
    let in_conditions =
        statement.conditions.iter().flat_map(|condition| std::iter::once(condition.key()).chain(condition.variables()));
    in_resources.chain(in_conditions).map(str::to_lowercase).collect()
}
