//! CreateOrganizationalUnit: makes a unit in the root or in another unit.

use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::Organizations;
use crate::access;
use crate::error::{Error, constraint};
use crate::ids;
use crate::records::{Attached, Unit, VERSION};
use crate::tags::{self, Tag};
use crate::views::UnitView;
use crate::world::{DEPTH_MAX, UNITS_MAX};

/// Makes a unit in the root or in another unit.
pub struct CreateOrganizationalUnit;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    parent_id: String,
    name: String,
    #[serde(default)]
    tags: Vec<Tag>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    organizational_unit: UnitView,
}

impl Operation for CreateOrganizationalUnit {
    type Service = Organizations;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "CreateOrganizationalUnit";
    const RESOURCE: &'static str = "*";

    async fn run(organizations: &Organizations, call: &Call, input: Input) -> Result<Output, ApiError> {
        let Input { parent_id, name, tags } = input;
        let Organizations { store, env, .. } = organizations;
        store
            .change(|world, draft| {
                let organization = access::manager(world, call)?;
                if !world.is_parent(organization, &parent_id) {
                    return Err(Error::ParentNotFoundException.into());
                }
                let tags = tags::merged(&[], tags)?;
                if world.units_in(&organization.id, &parent_id).iter().any(|unit| unit.name == name) {
                    return Err(Error::DuplicateOrganizationalUnitException.into());
                }
                // The line to the parent has the root and the units above the new one.
                if world.line(organization, &parent_id).len() > DEPTH_MAX {
                    let text = "You have exceeded the maximum depth of nested organizational units.";
                    return Err(constraint("OU_DEPTH_LIMIT_EXCEEDED", text));
                }
                if world.units_of(&organization.id).count() >= UNITS_MAX {
                    let text =
                        "You have exceeded the number of organizational units that you can have in an organization.";
                    return Err(constraint("OU_NUMBER_LIMIT_EXCEEDED", text));
                }
                let unit = Unit {
                    v: VERSION,
                    id: ids::unit(&env.rng, world, &organization.root),
                    organization: organization.id.clone(),
                    parent: parent_id,
                    name,
                    tags,
                    attached: Attached::default(),
                };
                let organizational_unit = UnitView::new(world, organization, &unit);
                draft.unit(unit);
                Ok(Output { organizational_unit })
            })
            .await
    }
}
