//! The account's password policy: what users' passwords must be like.

use serde::Serialize;

use crate::Error;
use crate::operation::operation;
use crate::passwords::PasswordPolicy;

/// The fewest characters, if the customer has a policy that does not say. Source: IAM API reference, UpdateAccountPasswordPolicy.
const LENGTH_DEFAULT: u32 = 6;

/// The modelled `PasswordPolicy`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Shown {
    minimum_password_length: u32,
    require_symbols: bool,
    require_numbers: bool,
    require_uppercase_characters: bool,
    require_lowercase_characters: bool,
    allow_users_to_change_password: bool,
    expire_passwords: bool,
    max_password_age: Option<u32>,
    password_reuse_prevention: Option<u32>,
    hard_expiry: Option<bool>,
}

operation! {
    /// The account's password policy.
    GetAccountPasswordPolicy on "*"
    takes {}
    gives { password_policy: Shown }
    |iam, _call, _| {
        let settings = iam.settings();
        let Some(policy) = &settings.password_policy else {
            let text = format!("The Password Policy with domain name {} cannot be found.", iam.account);
            return Err(Error::NoSuchEntity(text).into());
        };
        Ok(Output {
            password_policy: Shown {
                minimum_password_length: policy.length_min,
                require_symbols: policy.symbols,
                require_numbers: policy.numbers,
                require_uppercase_characters: policy.uppercase,
                require_lowercase_characters: policy.lowercase,
                allow_users_to_change_password: policy.change_allowed,
                expire_passwords: policy.age_days_max.is_some(),
                max_password_age: policy.age_days_max,
                password_reuse_prevention: policy.reuse_prevented,
                hard_expiry: policy.hard_expiry,
            },
        })
    }
}

operation! {
    /// Sets the account's password policy. What is not given gets its default, not what it was.
    UpdateAccountPasswordPolicy on "*"
    takes {
        minimum_password_length: Option<u32>,
        require_symbols: Option<bool>,
        require_numbers: Option<bool>,
        require_uppercase_characters: Option<bool>,
        require_lowercase_characters: Option<bool>,
        allow_users_to_change_password: Option<bool>,
        max_password_age: Option<u32>,
        password_reuse_prevention: Option<u32>,
        hard_expiry: Option<bool>,
    }
    gives {}
    |iam, _call, input| {
        let policy = PasswordPolicy {
            length_min: input.minimum_password_length.unwrap_or(LENGTH_DEFAULT),
            symbols: input.require_symbols.unwrap_or(false),
            numbers: input.require_numbers.unwrap_or(false),
            uppercase: input.require_uppercase_characters.unwrap_or(false),
            lowercase: input.require_lowercase_characters.unwrap_or(false),
            change_allowed: input.allow_users_to_change_password.unwrap_or(false),
            age_days_max: input.max_password_age.filter(|days| *days > 0),
            reuse_prevented: input.password_reuse_prevention.filter(|count| *count > 0),
            hard_expiry: input.hard_expiry,
        };
        iam.store
            .change(|tx| {
                let mut settings = iam.settings_in(tx);
                settings.password_policy = Some(policy);
                tx.put(settings);
                Ok(Output {})
            })
            .await
    }
}

operation! {
    /// Removes the account's password policy: AWS's own holds again.
    DeleteAccountPasswordPolicy on "*"
    takes {}
    gives {}
    |iam, _call, _| {
        iam.store
            .change(|tx| {
                let mut settings = iam.settings_in(tx);
                if settings.password_policy.take().is_none() {
                    let text = "The account policy with name PasswordPolicy cannot be found.";
                    return Err(Error::NoSuchEntity(text.into()).into());
                }
                tx.put(settings);
                Ok(Output {})
            })
            .await
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::World;

    #[tokio::test]
    async fn a_policy_is_set_as_a_whole() {
        let world = World::new().await;
        let (code, text) = world.refused("GetAccountPasswordPolicy", json!({})).await;
        assert_eq!(code, "NoSuchEntity");
        assert_eq!(text, "The Password Policy with domain name 123456789012 cannot be found.");
        assert_eq!(world.code("DeleteAccountPasswordPolicy", json!({})).await, "NoSuchEntity");
        let update =
            json!({"MinimumPasswordLength": 14, "RequireSymbols": true, "MaxPasswordAge": 90, "HardExpiry": false});
        world.call("UpdateAccountPasswordPolicy", update).await.unwrap();
        let world = world.again().await;
        let shown = world.call("GetAccountPasswordPolicy", json!({})).await.unwrap();
        let expected = json!({"PasswordPolicy": {
            "MinimumPasswordLength": 14, "RequireSymbols": true, "RequireNumbers": false, "RequireUppercaseCharacters": false,
            "RequireLowercaseCharacters": false, "AllowUsersToChangePassword": false, "ExpirePasswords": true,
            "MaxPasswordAge": 90, "HardExpiry": false,
        }});
        assert_eq!(shown, expected);
        world.call("UpdateAccountPasswordPolicy", json!({})).await.unwrap();
        let shown = world.call("GetAccountPasswordPolicy", json!({})).await.unwrap();
        assert_eq!(shown["PasswordPolicy"]["MinimumPasswordLength"], 6);
        assert_eq!(shown["PasswordPolicy"]["ExpirePasswords"], false);
        world.call("DeleteAccountPasswordPolicy", json!({})).await.unwrap();
    }
}
