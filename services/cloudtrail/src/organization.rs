//! Trails and event data stores of an organization: who may make them, which accounts they are for, and who else sees them. They
//! belong to the management account, whoever made them. Sources: CloudTrail user guide, "Creating a trail for an organization",
//! "Organization delegated administrator", "Understanding organization event data stores".

use std::sync::Arc;

use base::Arn;
use ports::{Delegations, Membership, Memberships};
use service::{ApiError, Call};

use crate::CloudTrail;
use crate::delivery::worker::PRINCIPAL;
use crate::error::Error;
use crate::shared::Shared;
use crate::trail::Trail;
use crate::trail::names::{Reference, parse_reference};
use crate::trail::organization::Scope;

/// This service in other accounts of the server.
pub trait Instances: Send + Sync + 'static {
    /// That of an account; `None` if there is no such account.
    fn of(&self, account: &str) -> Option<Arc<CloudTrail>>;
}

/// What the service asks about organizations, and of itself in other accounts.
#[derive(Clone)]
pub struct Organized {
    /// Who is in which organization.
    pub memberships: Arc<dyn Memberships>,
    /// Who administers a service.
    pub delegations: Arc<dyn Delegations>,
    /// The service in other accounts.
    pub instances: Arc<dyn Instances>,
}

/// The instance of the service that is to do something: this one, or the management account's.
pub(crate) enum Keeper<'a> {
    /// This one.
    This(&'a CloudTrail),
    /// The management account's.
    Management(Arc<CloudTrail>),
}

impl std::ops::Deref for Keeper<'_> {
    type Target = CloudTrail;

    fn deref(&self) -> &CloudTrail {
        match self {
            Keeper::This(this) => this,
            Keeper::Management(management) => management,
        }
    }
}

/// What members may ask about trails of the organization. Most of it is refused later to those who are not delegated administrators.
const OF_TRAILS: [&str; 11] = [
    "AddTags",
    "DeleteTrail",
    "GetEventSelectors",
    "GetInsightSelectors",
    "GetTrail",
    "GetTrailStatus",
    "PutEventSelectors",
    "RemoveTags",
    "StartLogging",
    "StopLogging",
    "UpdateTrail",
];
/// What delegated administrators may do to event data stores of the organization.
const OF_STORES: [&str; 6] = [
    "DeleteEventDataStore",
    "GetEventDataStore",
    "RestoreEventDataStore",
    "StartEventDataStoreIngestion",
    "StopEventDataStoreIngestion",
    "UpdateEventDataStore",
];

impl Shared {
    /// The place of this account in an organization.
    pub(crate) fn membership(&self) -> Option<Membership> {
        self.organized.as_ref()?.memberships.organization_of(&self.account)
    }

    /// The organization of this account, which manages it, as it is now.
    fn scope(&self, place: &Membership) -> Scope {
        let organized =
            self.organized.as_ref().filter(|organized| organized.memberships.trusts(&self.account, PRINCIPAL));
        let members = organized.map(|organized| organized.memberships.members(&self.account)).unwrap_or_default();
        let mut members: Vec<String> = members.iter().map(|member| member.to_string()).collect();
        members.sort_unstable();
        Scope { id: place.organization_id.clone(), members }
    }
}

fn refused() -> Error {
    let text = "You cannot configure or manage trails or event data stores for an organization because this action requires being \
                signed in with the management account or with a delegated administrator account of the organization.";
    Error::NotOrganizationMasterAccountException(text.to_owned())
}

impl CloudTrail {
    /// The management account's instance, if this is the account of another member.
    fn management(&self) -> Option<(Membership, Arc<CloudTrail>)> {
        let place = self.shared.membership().filter(|place| !place.is_management)?;
        let management = self.shared.organized.as_ref()?.instances.of(&place.management_account)?;
        Some((place, management))
    }

    /// Who makes something for the organization, and for which accounts. Refuses accounts that may not.
    pub(crate) fn for_organization(&self) -> Result<(Keeper<'_>, Scope), ApiError> {
        let shared = &self.shared;
        let absent = || {
            let text = "The request could not be processed because your account is not a member of an organization. To make this \
                        request, sign in using the credentials of an account that belongs to an organization.";
            Error::OrganizationsNotInUseException(text.to_owned())
        };
        let place = shared.membership().ok_or_else(absent)?;
        let keeper = match place.is_management {
            true => Keeper::This(self),
            false if place.delegated_services.iter().any(|service| service == PRINCIPAL) => {
                Keeper::Management(self.management().ok_or_else(absent)?.1)
            }
            false => return Err(refused().into()),
        };
        self.check_trust(&place)?;
        let scope = keeper.shared.scope(&place);
        Ok((keeper, scope))
    }

    /// For which accounts something of this account is from now on. Refuses accounts that manage no organization: what a delegated
    /// administrator has of its own stays its own.
    pub(crate) fn becomes_organization(&self) -> Result<Scope, ApiError> {
        match self.for_organization()? {
            (Keeper::This(_), scope) => Ok(scope),
            (Keeper::Management(_), _) => Err(refused().into()),
        }
    }

    /// Refuses an organization that has not all features or does not trust CloudTrail.
    pub(crate) fn check_trust(&self, place: &Membership) -> Result<(), Error> {
        if !place.all_features {
            let text = "The request could not be processed because your organization is not configured to support all features. \
                        Enable all features in your organization, and then try again.";
            return Err(Error::OrganizationNotInAllFeaturesModeException(text.to_owned()));
        }
        let trusts = self
            .shared
            .organized
            .as_ref()
            .is_some_and(|organized| organized.memberships.trusts(&self.shared.account, PRINCIPAL));
        if trusts { Ok(()) } else { Err(Error::CloudTrailAccessNotEnabledException(self.shared.account.to_string())) }
    }

    /// Who has the trail or event data store of this name: the management account, if it is an ARN of that account. `part` is what such an
    /// ARN's resource begins with.
    fn keeper_of(&self, named: &str, part: &str) -> Option<(Membership, Arc<CloudTrail>)> {
        let arn = Arn::parse(named).filter(|arn| arn.service == "cloudtrail" && arn.resource.starts_with(part))?;
        if *arn.account == *self.shared.account {
            return None;
        }
        self.management().filter(|(place, _)| *place.management_account == *arn.account)
    }

    /// Who calls, if that is another account: the gateway brings calls to the account that an ARN names.
    fn foreign<'a>(&self, call: &'a Call) -> Option<&'a str> {
        call.caller.account().map(|account| &**account).filter(|account| *account != &*self.shared.account)
    }

    /// Whether another account is in the organization that this account manages, and whether it administers CloudTrail for it.
    fn is_member(&self, account: &str) -> Option<bool> {
        let organized = self.shared.organized.as_ref()?;
        let place = organized.memberships.organization_of(account)?;
        let is_ours = *place.management_account == *self.shared.account && !place.is_management;
        is_ours.then(|| place.delegated_services.iter().any(|service| service == PRINCIPAL))
    }

    /// The instance that shows a trail: members see those of their organization, by ARN.
    pub(crate) async fn shows_trail(&self, call: &Call, named: &str) -> Result<Keeper<'_>, ApiError> {
        if let Some(account) = self.foreign(call) {
            let arn = self.trails.arn(named, call.region)?;
            if self.is_member(account).is_none() || !self.trails.of_organization(&arn).await? {
                return Err(Error::TrailNotFoundException(arn, account.to_owned()).into());
            }
            return Ok(Keeper::This(self));
        }
        let Some((_, management)) = self.keeper_of(named, "trail/") else { return Ok(Keeper::This(self)) };
        match management.trails.of_organization(named).await? {
            true => Ok(Keeper::Management(management)),
            false => Err(self.trails.unknown(named).into()),
        }
    }

    /// The instance that changes a trail. Delegated administrators change those of the organization; other members are refused.
    pub(crate) async fn changes_trail(&self, call: &Call, named: &str) -> Result<Keeper<'_>, ApiError> {
        let keeper = self.shows_trail(call, named).await?;
        let account = match &keeper {
            Keeper::This(_) => self.foreign(call),
            Keeper::Management(_) => Some(&*self.shared.account),
        };
        match account.is_some_and(|account| keeper.is_member(account) != Some(true)) {
            true => Err(refused().into()),
            false => Ok(keeper),
        }
    }

    /// Whether a resource of this account is, for a call of a member of its organization, as good as the member's own: what the
    /// member's identity may do then decides, and the operation itself says the rest.
    pub(crate) async fn is_lent(&self, action: &str, resource: &str, account: &str) -> Result<bool, ApiError> {
        if account == &*self.shared.account {
            return Ok(false);
        }
        let Some(delegated) = self.is_member(account) else { return Ok(false) };
        let Some(arn) = Arn::parse(resource) else { return Ok(false) };
        let name = action.strip_prefix("cloudtrail:").unwrap_or_default();
        if arn.resource.starts_with("trail/") {
            return Ok(OF_TRAILS.contains(&name));
        }
        match arn.resource.strip_prefix("eventdatastore/") {
            Some(id) if delegated && OF_STORES.contains(&name) => {
                Ok(self.lake.stores.get(id).await?.is_some_and(|found| found.value.organization.is_some()))
            }
            _ => Ok(false),
        }
    }

    /// The trails of the organization that this account sees and does not have.
    pub(crate) async fn shadows(&self) -> Result<Vec<Trail>, ApiError> {
        let Some((place, management)) = self.management() else { return Ok(Vec::new()) };
        let all = management.trails.all().await?.into_iter();
        Ok(all.filter(|trail| trail.organization_id() == Some(&place.organization_id)).collect())
    }

    /// Reads trails' names as this account may write them: its own, and ARNs of the management account.
    pub(crate) fn reference(&self, named: &str) -> Result<Reference, Error> {
        match self.keeper_of(named, "trail/") {
            Some((place, _)) => parse_reference(named, &place.management_account),
            None => parse_reference(named, &self.shared.account),
        }
    }

    /// Those who may have signed digests for this account: the account itself and the one that manages its organization.
    pub(crate) fn signers(&self) -> Vec<Keeper<'_>> {
        let mut signers = vec![Keeper::This(self)];
        signers.extend(self.management().map(|(_, management)| Keeper::Management(management)));
        signers
    }

    /// Takes notice of who is in the organization: trails and event data stores of the organization change with it. Does nothing if
    /// they are up to date.
    pub(crate) async fn follow_members(&self) -> Result<(), ApiError> {
        if self.shared.organized.is_none() {
            return Ok(());
        }
        let place = self.shared.membership().filter(|place| place.is_management);
        let now = |scope: &Scope| match &place {
            Some(place) if place.organization_id == scope.id => self.shared.scope(place),
            // The organization is gone: the account's own records are left.
            _ => Scope { id: scope.id.clone(), members: Vec::new() },
        };
        let is_behind = |scope: &Option<Scope>| scope.as_ref().is_some_and(|scope| now(scope) != *scope);
        for trail in self.trails.all().await?.into_iter().filter(|trail| is_behind(&trail.organization)) {
            let changing = self.trails.change().await?;
            let Some(mut found) = changing.get(&trail.arn).await? else { continue };
            found.value.organization = found.value.organization.as_ref().map(now);
            changing.write(found.value, Some(found.rev)).await?;
        }
        for store in self.lake.stores.all().await?.into_iter().filter(|store| is_behind(&store.organization)) {
            let changing = self.lake.stores.change().await?;
            let Some(mut found) = self.lake.stores.get(&store.id).await? else { continue };
            found.value.organization = found.value.organization.as_ref().map(now);
            changing.write(found.value, Some(found.rev)).await?;
        }
        Ok(())
    }
}
