//! The credential report: one line for each user and one for the account itself. It is made when it is asked for, and counts for four hours.

use std::fmt::Write as _;

use base::Timestamp;
use model::Blob;

use crate::mfa::Owner;
use crate::operation::operation;
use crate::settings::expires;
use crate::store::{CredentialReport, Settings, User};
use crate::{Error, Iam};

/// How long a report counts, and no other is made. Source: IAM user guide, "Generate credential reports".
const VALID_MS: i64 = 4 * 60 * 60 * 1000;
/// Access keys and certificates that have columns.
const COLUMNS_OF_EACH: usize = 2;
const HEADER: &str = "user,arn,user_creation_time,password_enabled,password_last_used,password_last_changed,\
                      password_next_rotation,mfa_active,access_key_1_active,access_key_1_last_rotated,\
                      access_key_1_last_used_date,access_key_1_last_used_region,access_key_1_last_used_service,\
                      access_key_2_active,access_key_2_last_rotated,access_key_2_last_used_date,\
                      access_key_2_last_used_region,access_key_2_last_used_service,cert_1_active,cert_1_last_rotated,\
                      cert_2_active,cert_2_last_rotated";
const NONE: &str = "N/A";

fn date(time: Timestamp) -> String {
    time.iso8601_secs().replace('Z', "+00:00")
}

fn date_or_none(time: Option<Timestamp>) -> String {
    time.map_or_else(|| NONE.to_owned(), date)
}

/// A key's columns: whether it is active, when it was made, when, where and for what it was last used.
fn key(iam: &Iam, id: &str, active: bool, created: Option<Timestamp>) -> [String; 5] {
    let used = iam.last_use(id);
    let text = |text: &str| if text.is_empty() { NONE.to_owned() } else { text.to_owned() };
    [
        active.to_string(),
        date_or_none(created),
        date_or_none(used.as_ref().map(|used| used.time)),
        used.as_ref().map_or_else(|| NONE.to_owned(), |used| text(&used.region)),
        used.as_ref().map_or_else(|| NONE.to_owned(), |used| text(&used.service)),
    ]
}

fn no_key() -> [String; 5] {
    let none = || NONE.to_owned();
    ["false".to_owned(), none(), none(), none(), none()]
}

fn no_certificate() -> [String; 2] {
    ["false".to_owned(), NONE.to_owned()]
}

fn root(iam: &Iam, created: Timestamp) -> Vec<String> {
    let used = iam.last_use(&iam.account);
    let mut line = vec![
        "<root_account>".to_owned(),
        format!("arn:aws:iam::{}:root", iam.account),
        date(created),
        "not_supported".to_owned(),
        used.map_or_else(|| "no_information".to_owned(), |used| date(used.time)),
        "not_supported".to_owned(),
        "not_supported".to_owned(),
        (!iam.mfa.of(&Owner::Root).is_empty()).to_string(),
    ];
    // The key that the server was started with; nobody wrote down when it was made.
    line.extend(iam.store.root_key_id().map_or_else(no_key, |id| key(iam, id, true, None)));
    line.extend(no_key());
    line.extend(no_certificate());
    line.extend(no_certificate());
    line
}

fn user(iam: &Iam, settings: &Settings, user: &User) -> Vec<String> {
    let mut line = vec![user.name.clone(), user.arn.clone(), date(user.created), user.login.is_some().to_string()];
    match &user.login {
        Some(login) => {
            let used = iam.last_use(&user.id);
            line.push(used.map_or_else(|| "no_information".to_owned(), |used| date(used.time)));
            line.push(date(login.changed()));
            line.push(date_or_none(expires(login, settings)));
        }
        None => line.extend([NONE.to_owned(), NONE.to_owned(), NONE.to_owned()]),
    }
    line.push((!iam.mfa.of(&Owner::User(user.id.clone())).is_empty()).to_string());
    for at in 0..COLUMNS_OF_EACH {
        let known = user.keys.get(at);
        line.extend(known.map_or_else(no_key, |known| key(iam, &known.id, known.active, Some(known.created))));
    }
    for at in 0..COLUMNS_OF_EACH {
        let known = user.other.certificates.get(at);
        line.extend(known.map_or_else(no_certificate, |known| [known.active.to_string(), date(known.uploaded)]));
    }
    line
}

/// A report of now.
fn made(iam: &Iam, now: Timestamp) -> CredentialReport {
    let users = iam.store.all::<User>();
    let settings = iam.settings();
    // The account is as old as its first user, as far as is known.
    let oldest = users.iter().map(|user| user.created).min().unwrap_or(now);
    let mut content = HEADER.to_owned();
    let lines = std::iter::once(root(iam, oldest)).chain(users.iter().map(|of| user(iam, &settings, of)));
    for line in lines {
        // Names hold commas at most.
        let cells = line.iter().map(|cell| if cell.contains(',') { format!("\"{cell}\"") } else { cell.clone() });
        let _ = write!(content, "\n{}", cells.collect::<Vec<_>>().join(","));
    }
    CredentialReport { v: 1, made: now.trunc_secs(), content }
}

operation! {
    /// Makes the report, if there is none that counts.
    GenerateCredentialReport on "*"
    takes {}
    gives { state: &'static str, description: Option<&'static str> }
    |iam, call, _| {
        let known = iam.store.get::<CredentialReport>(CredentialReport::NAME);
        if known.as_ref().is_some_and(|report| call.time.since_ms(report.made) < VALID_MS) {
            return Ok(Output { state: "COMPLETE", description: None });
        }
        let report = made(iam, call.time);
        iam.store.change(|tx| { tx.put(report); Ok(()) }).await?;
        let description = "No report exists. Starting a new report generation task";
        Ok(Output { state: "STARTED", description: Some(description) })
    }
}

operation! {
    /// The report that was made.
    GetCredentialReport on "*"
    takes {}
    gives { content: Blob, report_format: &'static str, generated_time: Timestamp }
    |iam, call, _| {
        let report = iam.store.need::<CredentialReport>(CredentialReport::NAME)?;
        if call.time.since_ms(report.made) >= VALID_MS {
            return Err(Error::ReportExpired.into());
        }
        let content = Blob::from(report.content.clone().into_bytes());
        Ok(Output { content, report_format: "text/csv", generated_time: report.made })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::World;

    #[tokio::test]
    async fn a_report_is_made_once_in_four_hours() {
        let world = World::new().await;
        assert_eq!(world.code("GetCredentialReport", json!({})).await, "ReportNotPresent");
        world.call("CreateUser", json!({"UserName": "a,b"})).await.unwrap();
        let made = world.call("CreateAccessKey", json!({"UserName": "a,b"})).await.unwrap();
        let key = made["AccessKey"]["AccessKeyId"].as_str().unwrap();
        world.iam.note_use(key, world.iam.env.clock.now(), "eu-west-1", "s3");
        assert_eq!(world.call("GenerateCredentialReport", json!({})).await.unwrap()["State"], "STARTED");
        assert_eq!(world.call("GenerateCredentialReport", json!({})).await.unwrap()["State"], "COMPLETE");
        let world = world.again().await;
        let report = world.call("GetCredentialReport", json!({})).await.unwrap();
        let content = report["Content"].as_str().unwrap();
        let lines: Vec<&str> = content.lines().collect();
        assert_eq!(lines.len(), 3);
        assert!(lines.iter().all(|line| line.replace("a,b", "ab").split(',').count() == 22), "{content}");
        assert!(
            lines[1]
                .starts_with("<root_account>,arn:aws:iam::123456789012:root,2023-11-14T22:13:20+00:00,not_supported")
        );
        assert!(lines[2].starts_with(
            "\"a,b\",\"arn:aws:iam::123456789012:user/a,b\",2023-11-14T22:13:20+00:00,false,N/A,N/A,N/A,false,true"
        ));
        assert!(lines[2].contains(",2023-11-14T22:13:20+00:00,eu-west-1,s3,false,N/A"));
        world.clock.advance_ms(u64::try_from(VALID_MS).unwrap());
        assert_eq!(world.code("GetCredentialReport", json!({})).await, "ReportExpired");
        assert_eq!(world.call("GenerateCredentialReport", json!({})).await.unwrap()["State"], "STARTED");
    }
}
