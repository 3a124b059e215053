//! How keys are named: by identifier, ARN, alias or the alias's ARN. Source: KMS developer guide, "Key identifiers (KeyId)".

use std::sync::Arc;

use base::Region;
use base::arn::Arn;

use crate::key::arn;
use crate::store::Held;
use crate::{Error, Kms};

/// The longest name of an alias. Source: KMS API reference, CreateAlias.
const ALIAS_CHARS_MAX: usize = 256;

/// What a text names.
enum Named {
    Key(String),
    Alias(String),
}

impl Kms {
    /// The key that a text names, in any of the four ways.
    pub fn resolve(&self, region: Region, text: &str) -> Result<Arc<Held>, Error> {
        match self.named(region, text)? {
            Named::Key(id) => self.key(region, &id),
            Named::Alias(name) => {
                let alias = self.store.see(|memory| memory.alias(region, &name));
                let alias = alias.ok_or_else(|| Error::no_alias(&arn(region, &self.deps.account, &name)))?;
                self.key(region, &alias.key_id)
            }
        }
    }

    /// The key that a text names by identifier or ARN: what operations want that change keys.
    pub fn resolve_key(&self, region: Region, text: &str) -> Result<Arc<Held>, Error> {
        match self.named(region, text)? {
            Named::Key(id) => self.key(region, &id),
            Named::Alias(_) => Err(Error::bad_key_id(text)),
        }
    }

    /// The key of this identifier.
    pub fn key(&self, region: Region, id: &str) -> Result<Arc<Held>, Error> {
        let found = self.store.see(|memory| memory.key(region, id, self.deps.env.clock.now()));
        found.ok_or_else(|| Error::no_key(&arn(region, &self.deps.account, &format!("key/{id}"))))
    }

    fn named(&self, region: Region, text: &str) -> Result<Named, Error> {
        let name = match Arn::parse(text) {
            _ if !text.starts_with("arn:") => text.to_owned(),
            Some(found) if found.service == "kms" => {
                if found.region != region.as_str() {
                    return Err(Error::NotFoundException(format!("Invalid arn {}", found.region)));
                }
                if found.account != *self.deps.account {
                    let is_alias = found.resource.starts_with("alias/");
                    return Err(if is_alias { Error::no_alias(text) } else { Error::no_key(text) });
                }
                found.resource
            }
            _ => return Err(Error::InvalidArnException(format!("Invalid arn {text}"))),
        };
        if name.starts_with("alias/") {
            return Ok(Named::Alias(name));
        }
        let id = match (text.starts_with("arn:"), name.strip_prefix("key/")) {
            (true, Some(id)) => id,
            (true, None) => return Err(Error::InvalidArnException(format!("Invalid arn {text}"))),
            (false, _) => &name,
        };
        if is_key_id(id) { Ok(Named::Key(id.to_owned())) } else { Err(Error::bad_key_id(id)) }
    }
}

/// Whether it has the form of a key's identifier.
fn is_key_id(id: &str) -> bool {
    let is_hex = |text: &str| text.bytes().all(|b| b.is_ascii_hexdigit());
    if let Some(rest) = id.strip_prefix("mrk-") {
        return rest.len() == 32 && is_hex(rest);
    }
    let parts: Vec<&str> = id.split('-').collect();
    parts.iter().map(|part| part.len()).eq([8, 4, 4, 4, 12]) && parts.iter().all(|part| is_hex(part))
}

/// Refuses what cannot be a customer's alias.
pub fn check_alias(name: &str) -> Result<(), Error> {
    let Some(rest) = name.strip_prefix("alias/") else {
        let text = "Alias must start with the prefix \"alias/\". Please see \
                    https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html";
        return Err(Error::ValidationException(text.to_owned()));
    };
    if rest == "aws" || rest.starts_with("aws/") {
        return Err(Error::NotAuthorizedException);
    }
    if rest.contains(':') {
        return Err(Error::ValidationException(format!("{name} contains invalid characters for an alias")));
    }
    let is_fine = |b: u8| b.is_ascii_alphanumeric() || b"/_-".contains(&b);
    if rest.is_empty() || name.len() > ALIAS_CHARS_MAX || !rest.bytes().all(is_fine) {
        return Err(Error::InvalidAliasNameException("Invalid alias name.".to_owned()));
    }
    Ok(())
}
