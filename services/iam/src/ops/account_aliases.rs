//! The account's alias: its other name in sign-in addresses. There is at most one.

use crate::Error;
use crate::operation::operation;
use crate::ops::paging::page;

fn taken(alias: &str) -> Error {
    Error::EntityAlreadyExists(format!("The account alias {alias} already exists."))
}

/// Source: IAM API reference, CreateAccountAlias: lower-case letters, digits and dashes, no two dashes in a row.
fn check_alias(alias: &str) -> Result<(), Error> {
    let known = alias.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    let ends = alias.starts_with('-') || alias.ends_with('-') || alias.contains("--");
    let is_number = alias.len() == 12 && alias.chars().all(|c| c.is_ascii_digit());
    if known && !ends && !is_number && (3..=63).contains(&alias.len()) {
        return Ok(());
    }
    Err(Error::ValidationError(
        "1 validation error detected: Value at 'accountAlias' failed to satisfy constraint: Member must satisfy regular \
         expression pattern: ^[a-z0-9](([a-z0-9]|-(?!-))*[a-z0-9])?$"
            .to_owned(),
    ))
}

operation! {
    /// Gives the account an alias, in place of the one it had.
    CreateAccountAlias on "*"
    takes { account_alias: String }
    gives {}
    |iam, _call, input| {
        let alias = input.account_alias;
        check_alias(&alias)?;
        iam.store
            .change(|tx| {
                let mut settings = iam.settings_in(tx);
                if settings.alias.as_deref() == Some(alias.as_str()) {
                    return Err(taken(&alias).into());
                }
                settings.alias = Some(alias);
                tx.put(settings);
                Ok(Output {})
            })
            .await
    }
}

operation! {
    /// Takes the account's alias away.
    DeleteAccountAlias on "*"
    takes { account_alias: String }
    gives {}
    |iam, _call, input| {
        let alias = input.account_alias;
        iam.store
            .change(|tx| {
                let mut settings = iam.settings_in(tx);
                if settings.alias.as_deref() != Some(alias.as_str()) {
                    let text = format!("The account alias with name {alias} cannot be found.");
                    return Err(Error::NoSuchEntity(text).into());
                }
                settings.alias = None;
                tx.put(settings);
                Ok(Output {})
            })
            .await
    }
}

operation! {
    /// The account's alias, if it has one.
    ListAccountAliases on "*"
    takes { marker: Option<String>, max_items: Option<i64> }
    gives { account_aliases: Vec<String>, is_truncated: bool, marker: Option<String> }
    |iam, _call, input| {
        let aliases: Vec<String> = iam.settings().alias.iter().cloned().collect();
        let (account_aliases, marker) = page(aliases, Clone::clone, input.marker.as_deref(), input.max_items)?;
        Ok(Output { account_aliases, is_truncated: marker.is_some(), marker })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::World;

    #[tokio::test]
    async fn an_account_has_one_alias() {
        let world = World::new().await;
        let alias = |alias: &str| json!({"AccountAlias": alias});
        assert_eq!(world.code("DeleteAccountAlias", alias("acme")).await, "NoSuchEntity");
        world.call("CreateAccountAlias", alias("acme")).await.unwrap();
        assert_eq!(world.code("CreateAccountAlias", alias("acme")).await, "EntityAlreadyExists");
        world.call("CreateAccountAlias", alias("acme-2")).await.unwrap();
        let listed = world.again().await.call("ListAccountAliases", json!({})).await.unwrap();
        assert_eq!(listed, json!({"AccountAliases": ["acme-2"], "IsTruncated": false}));
        world.call("DeleteAccountAlias", alias("acme-2")).await.unwrap();
        let listed = world.call("ListAccountAliases", json!({})).await.unwrap();
        assert_eq!(listed["AccountAliases"], json!([]));
    }

    #[test]
    fn aliases_are_checked() {
        for (alias, good) in [
            ("abc", true),
            ("a-b-c", true),
            ("ab", false),
            ("-ab", false),
            ("ab-", false),
            ("a--b", false),
            ("ABC", false),
            ("123456789012", false),
        ] {
            assert_eq!(check_alias(alias).is_ok(), good, "{alias}");
        }
    }
}
