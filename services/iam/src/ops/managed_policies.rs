//! Managed policies: made, shown, removed, listed. Their versions are in [`super::policy_versions`].

use crate::Error;
use crate::aws_policies;
use crate::documents::{chars, check_identity};
use crate::managed::{Counts, Managed, check_arn};
use crate::names::{check_name, path_or_root, under};
use crate::operation::operation;
use crate::ops::paging::page;
use crate::store::{MANAGED_POLICIES_MAX, MANAGED_POLICY_CHARS_MAX, ManagedPolicy, Tx, Version, World};
use crate::tags::{self, Tag};
use crate::views::Policy;

/// Refuses what may not be a managed policy.
pub(super) fn check_document(text: &str) -> Result<(), Error> {
    check_identity(text)?;
    match chars(text) > MANAGED_POLICY_CHARS_MAX {
        true => Err(Error::quota("PolicySize", MANAGED_POLICY_CHARS_MAX)),
        false => Ok(()),
    }
}

/// The customer's policy of this ARN, to be changed. `missing` is what to say if there is none.
pub(super) fn to_change(tx: &Tx<'_>, arn: &str, missing: impl FnOnce() -> Error) -> Result<ManagedPolicy, Error> {
    check_arn(arn)?;
    let own = format!("arn:aws:iam::{}:policy/", tx.before().account());
    if !arn.starts_with(&own) {
        return Err(Error::AccessDenied("Policy is outside your own account.".to_owned()));
    }
    let policy = tx.before().policy_of_arn(arn).ok_or_else(missing)?;
    Ok(ManagedPolicy::clone(&policy))
}

operation! {
    /// Makes a managed policy.
    CreatePolicy on "policy/{PolicyName}"
    takes {
        policy_name: String,
        path: Option<String>,
        policy_document: String,
        description: Option<String>,
        #[serde(default)]
        tags: Vec<Tag>,
    }
    gives { policy: Policy }
    |iam, call, input| {
        check_name(&input.policy_name, "policyName")?;
        let path = path_or_root(input.path)?;
        check_document(&input.policy_document)?;
        let (name, now) = (input.policy_name, call.time.trunc_secs());
        let policy = ManagedPolicy {
            v: ManagedPolicy::VERSION,
            arn: format!("arn:aws:iam::{}:policy{path}{name}", iam.account),
            id: base::ids::iam_id(&*iam.env.rng, "ANPA"),
            name: name.clone(),
            path,
            created: now,
            updated: now,
            description: input.description.filter(|text| !text.is_empty()),
            tags: tags::set(tags::Keys::Exact, "Policy", &[], input.tags)?,
            versions: vec![Version { number: 1, created: now, document: input.policy_document }],
            default: 1,
            next: 2,
        };
        iam.store
            .change(|tx| {
                if tx.get::<ManagedPolicy>(&name).is_some() {
                    let text = format!("A policy called {name} already exists. Duplicate names are not allowed.");
                    return Err(Error::EntityAlreadyExists(text).into());
                }
                tx.check_room::<ManagedPolicy>(MANAGED_POLICIES_MAX, "PoliciesPerAccount")?;
                let output = Output { policy: Policy::made(&Managed::Customer(policy.clone().into())) };
                tx.put(policy);
                Ok(output)
            })
            .await
    }
}

operation! {
    /// Shows a managed policy, without its text.
    GetPolicy on "{PolicyArn}"
    takes { policy_arn: String }
    gives { policy: Policy }
    |iam, _call, input| {
        iam.store.read(|world| {
            let policy = Managed::need(world, &input.policy_arn)?;
            Ok(Output { policy: Policy::whole(&policy, &Counts::of(world)) })
        })
    }
}

operation! {
    /// Removes a managed policy that is nowhere attached and has one version left.
    DeletePolicy on "{PolicyArn}"
    takes { policy_arn: String }
    gives {}
    |iam, _call, input| {
        let arn = input.policy_arn;
        iam.store
            .change(|tx| {
                let policy = to_change(tx, &arn, || Error::no_policy(&arn))?;
                let counts = Counts::of(tx.before());
                if counts.attached(&arn) > 0 || counts.boundaries(&arn) > 0 {
                    let text = "Cannot delete a policy attached to entities.";
                    return Err(Error::DeleteConflict(text.to_owned()).into());
                }
                if policy.versions.len() > 1 {
                    let text = "This policy has more than one version. Before you delete a policy, you must delete the \
                                policy's versions. The default version is deleted with the policy.";
                    return Err(Error::DeleteConflict(text.to_owned()).into());
                }
                tx.remove::<ManagedPolicy>(&policy.name);
                Ok(Output {})
            })
            .await
    }
}

/// Which policies a list is asked for.
struct Filter<'a> {
    scope: &'a str,
    only_attached: bool,
    prefix: Option<&'a str>,
    usage: Option<&'a str>,
}

impl Filter<'_> {
    fn takes(&self, policy: &Managed, counts: &Counts) -> bool {
        let scope = match policy {
            Managed::Customer(_) => self.scope != "AWS",
            Managed::Aws(_) => self.scope != "Local",
        };
        let arn = policy.arn();
        let used = match (self.only_attached, self.usage) {
            (true, None) => counts.attached(arn) + counts.boundaries(arn) > 0,
            (_, Some("PermissionsPolicy")) => counts.attached(arn) > 0,
            (_, Some("PermissionsBoundary")) => counts.boundaries(arn) > 0,
            (_, _) => true,
        };
        scope && used && under(policy.path(), self.prefix)
    }

    /// By name, the customer's before AWS's of the same name.
    fn all(&self, world: &World, counts: &Counts) -> Vec<Managed> {
        let own = world.all::<ManagedPolicy>().cloned().map(Managed::Customer);
        let all = own.chain(aws_policies::all().iter().map(Managed::Aws));
        let mut policies: Vec<Managed> = all.filter(|policy| self.takes(policy, counts)).collect();
        policies.sort_by_cached_key(key);
        policies
    }
}

fn key(policy: &Managed) -> String {
    format!("{} {}", policy.name().to_lowercase(), policy.arn())
}

operation! {
    /// Lists managed policies, by name.
    ListPolicies on "policy/*"
    takes {
        scope: Option<String>,
        only_attached: Option<bool>,
        path_prefix: Option<String>,
        policy_usage_filter: Option<String>,
        marker: Option<String>,
        max_items: Option<i64>,
    }
    gives { policies: Vec<Policy>, is_truncated: bool, marker: Option<String> }
    |iam, _call, input| {
        let filter = Filter {
            scope: input.scope.as_deref().unwrap_or("All"),
            only_attached: input.only_attached.unwrap_or(false),
            prefix: input.path_prefix.as_deref(),
            usage: input.policy_usage_filter.as_deref(),
        };
        let (policies, counts) = iam.store.read(|world| {
            let counts = Counts::of(world);
            (filter.all(world, &counts), counts)
        });
        let (policies, marker) = page(policies, key, input.marker.as_deref(), input.max_items)?;
        let policies = policies.iter().map(|policy| Policy::listed(policy, &counts)).collect();
        Ok(Output { policies, is_truncated: marker.is_some(), marker })
    }
}
