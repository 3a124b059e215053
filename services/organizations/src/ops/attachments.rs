//! Writing down what is attached to what.

use std::sync::Arc;

use crate::kinds::PolicyType;
use crate::records::{Account, Attached, Attachments, Member, Organization, Unit};
use crate::store::Draft;
use crate::world::Target;

/// Writes which policies of an enabled type are on a target.
pub fn put(
    draft: &mut Draft,
    organization: &Arc<Organization>,
    target: Target<'_>,
    kind: PolicyType,
    policies: Vec<String>,
) {
    let Some(generation) = organization.types.get(&kind).copied() else { return };
    let mut attached = Attached::clone(target.attached());
    attached.0.insert(kind, Attachments { generation, policies });
    match target {
        Target::Root(organization) => draft.organization(Organization { attached, ..(**organization).clone() }),
        Target::Unit(unit) => draft.unit(Unit { attached, ..(**unit).clone() }),
        Target::Account(account, member) => {
            let member = Some(Member { attached, ..member.clone() });
            draft.account(Account { member, ..(**account).clone() });
        }
    }
}
