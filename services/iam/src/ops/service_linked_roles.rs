//! Roles that belong to AWS services: made and removed here, changed by nobody else. Source: IAM user guide, "Using service-linked roles".

use crate::Error;
use crate::operation::operation;
use crate::ops::roles::check_free;
use crate::service_linked::Template;
use crate::store::{self, Grants, ROLES_MAX};
use crate::views::Role;

operation! {
    /// Makes the role of a service.
    CreateServiceLinkedRole on "role/aws-service-role/{AWSServiceName}/*"
    takes {
        #[serde(rename = "AWSServiceName")]
        service: String,
        description: Option<String>,
        custom_suffix: Option<String>,
    }
    gives { role: Role }
    |iam, call, input| {
        let service = input.service;
        let template = Template::of(&service).ok_or_else(|| {
            Error::InvalidInput(format!("No service-linked role is known for the service {service}."))
        })?;
        if input.custom_suffix.is_some() && !template.suffix {
            return Err(Error::InvalidInput(format!("Custom suffix is not allowed for {service}")).into());
        }
        let name = template.role_name(input.custom_suffix.as_deref());
        let path = format!("{}{service}/", store::Role::SERVICE_LINKED_PATH);
        let role = store::Role {
            v: store::Role::VERSION,
            arn: format!("arn:aws:iam::{}:role{path}{name}", iam.account),
            id: base::ids::iam_id(&*iam.env.rng, "AROA"),
            name: name.clone(),
            path,
            created: call.time.trunc_secs(),
            grants: Grants { attached: vec![template.policy_arn()], ..Grants::default() },
            description: input.description.filter(|text| !text.is_empty()),
            trust: template.trust(),
            max_session_secs: store::Role::MAX_SESSION_SECS_DEFAULT,
            ..store::Role::default()
        };
        iam.store
            .change(|tx| {
                if tx.get::<store::Role>(&name).is_some() {
                    return Err(Error::InvalidInput(format!(
                        "Service role name {name} has been taken in this account, please try a different suffix."
                    ))
                    .into());
                }
                tx.check_room::<store::Role>(ROLES_MAX, "RolesPerAccount")?;
                let output = Output { role: Role::made(&role) };
                tx.put(role);
                Ok(output)
            })
            .await
    }
}

operation! {
    /// Removes the role of a service, with its policies. Done when it answers; the task it gives can be asked about.
    DeleteServiceLinkedRole on "role/aws-service-role/*/{RoleName}"
    takes { role_name: String }
    gives { deletion_task_id: String }
    |iam, _call, input| {
        let task = base::ids::uuid(&*iam.env.rng);
        let (id, deletion_task_id) = iam
            .store
            .change(|tx| {
                let mut role = tx.need::<store::Role>(&input.role_name)?;
                if !role.is_service_linked() {
                    let text = format!("Role {} is not a service-linked role.", role.name);
                    return Err(Error::InvalidInput(text).into());
                }
                role.grants = Grants::default();
                check_free(tx.before(), &role)?;
                tx.remove::<store::Role>(&role.name);
                Ok((role.id, format!("task{}{}/{task}", role.path, role.name)))
            })
            .await?;
        iam.forget_uses(&[id]).await;
        Ok(Output { deletion_task_id })
    }
}

operation! {
    /// How the removal of a service's role went. It is over when it is answered, so what was begun has succeeded.
    GetServiceLinkedRoleDeletionStatus on "*"
    takes { deletion_task_id: String }
    gives { status: &'static str }
    |_iam, _call, input| {
        let id = &input.deletion_task_id;
        let parts: Vec<&str> = id.split('/').collect();
        match parts.as_slice() {
            ["task", "aws-service-role", service, role, task]
                if Template::of(service).is_some() && role.starts_with("AWSServiceRoleFor") && task.len() == 36 =>
            {
                Ok(Output { status: "SUCCEEDED" })
            }
            _ => Err(Error::NoSuchEntity(format!("Deletion task {id} cannot be found.")).into()),
        }
    }
}
