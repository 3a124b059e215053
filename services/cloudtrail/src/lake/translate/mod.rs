//! From English questions to SQL, by rules: the same question at the same time is the same statement. Words without a rule are named,
//! in the statement or in the refusal; nothing is guessed.

mod dimension;
mod question;
mod sql;
#[cfg(test)]
mod tests;
mod words;

use base::Timestamp;

use question::Question;

/// What was not understood of a question that no statement was made of.
#[derive(Debug, PartialEq, Eq)]
pub struct NotUnderstood {
    /// The words.
    pub words: Vec<String>,
}

/// The statement that answers a question over a store.
pub fn translate(prompt: &str, store: &str, now: Timestamp) -> Result<String, NotUnderstood> {
    let mut question = question::read(&words::read(prompt), now.ms());
    finish(&mut question);
    let understood = question.conditions.len()
        + question.groups.len()
        + [
            question.count,
            question.lists,
            question.limit.is_some(),
            question.from_ms.is_some(),
            question.to_ms.is_some(),
        ]
        .into_iter()
        .filter(|said| *said)
        .count();
    let asks = question.count || question.lists || !question.groups.is_empty() || !question.conditions.is_empty();
    if !asks || question.unknown.len() > understood {
        return Err(NotUnderstood { words: question.unknown });
    }
    Ok(statement(&question, store))
}

/// Makes conditions of what has more than one meaning: signing in fails without an error code.
fn finish(question: &mut Question) {
    let (outcome, mfa) = if question.login {
        // Who signs in to the console has no console session yet.
        question.conditions.retain(|condition| !condition.starts_with("sessionCredentialFromConsole"));
        question.conditions.insert(0, "eventName = 'ConsoleLogin'".to_owned());
        let member = |column: &str, member: &str, value: &str| format!("element_at({column}, '{member}') = '{value}'");
        let outcome = |value| member("responseElements", "ConsoleLogin", value);
        let outcome = match (question.failed, question.succeeded) {
            (true, _) => Some(outcome("Failure")),
            (false, true) => Some(outcome("Success")),
            (false, false) => None,
        };
        (outcome, question.mfa.map(|with| member("additionalEventData", "MFAUsed", if with { "Yes" } else { "No" })))
    } else {
        let outcome = match (question.failed, question.succeeded) {
            (true, _) => Some("errorCode IS NOT NULL".to_owned()),
            (false, true) => Some("errorCode IS NULL".to_owned()),
            (false, false) => None,
        };
        let mfa = |with| format!("userIdentity.sessionContext.attributes.mfaAuthenticated = '{with}'");
        (outcome, question.mfa.map(mfa))
    };
    for condition in outcome.into_iter().chain(mfa) {
        if !question.conditions.contains(&condition) {
            question.conditions.push(condition);
        }
    }
}

fn statement(question: &Question, store: &str) -> String {
    let mut sql = String::new();
    if !question.unknown.is_empty() {
        let words: Vec<String> = question.unknown.iter().map(|word| one_line(word)).collect();
        sql.push_str(&format!("-- Not understood: {}\n", words.join(", ")));
    }
    let columns: Vec<(&str, Option<&str>)> = question.groups.iter().flat_map(|group| group.columns()).collect();
    let selected: Vec<String> = columns
        .iter()
        .map(|(column, name)| name.map_or_else(|| (*column).to_owned(), |name| format!("{column} AS {name}")))
        .collect();
    let counts = question.count || !columns.is_empty();
    let select = match (counts, columns.is_empty(), question.distinct) {
        (true, true, Some(distinct)) => {
            let counted = distinct.columns().first().map_or("*", |(column, _)| column);
            format!("COUNT(DISTINCT {counted}) AS total")
        }
        (true, true, None) => "COUNT(*) AS events".to_owned(),
        (true, false, _) => {
            let seen = if question.groups.iter().any(|group| group.is_time()) {
                ""
            } else {
                ", MIN(eventTime) AS firstSeen, MAX(eventTime) AS lastSeen"
            };
            format!("{}, COUNT(*) AS events{seen}", selected.join(", "))
        }
        (false, ..) => listed(question),
    };
    sql.push_str(&format!("SELECT {select}\nFROM {store}"));
    let mut conditions = question.conditions.clone();
    let moment = |ms: i64| {
        let text = Timestamp::from_ms(ms).iso8601_secs();
        text.get(..19).unwrap_or_default().replacen('T', " ", 1)
    };
    conditions.extend(question.from_ms.map(|ms| format!("eventTime >= '{}'", moment(ms))));
    conditions.extend(question.to_ms.map(|ms| format!("eventTime < '{}'", moment(ms))));
    if !conditions.is_empty() {
        sql.push_str(&format!("\nWHERE {}", conditions.join("\n  AND ")));
    }
    if !columns.is_empty() {
        let by: Vec<&str> = columns.iter().map(|(column, _)| *column).collect();
        sql.push_str(&format!("\nGROUP BY {}", by.join(", ")));
        if let Some(least) = question.at_least {
            sql.push_str(&format!("\nHAVING COUNT(*) >= {least}"));
        }
        let in_time = question.groups.iter().find(|group| group.is_time());
        let order = in_time.map_or("events DESC".to_owned(), |group| {
            format!("{}, events DESC", group.columns().first().map_or("events", |(column, _)| column))
        });
        sql.push_str(&format!("\nORDER BY {order}"));
    } else if !counts {
        sql.push_str("\nORDER BY eventTime DESC");
    }
    if let Some(limit) = question.limit.filter(|_| !counts || !columns.is_empty()) {
        sql.push_str(&format!("\nLIMIT {limit}"));
    }
    sql
}

/// The columns of a list of events.
fn listed(question: &Question) -> String {
    let mut columns = vec!["eventTime", "userIdentity.arn", "eventSource", "eventName", "awsRegion", "sourceIPAddress"];
    if question.login {
        columns.push("element_at(additionalEventData, 'MFAUsed') AS mfaUsed");
        columns.push("element_at(responseElements, 'ConsoleLogin') AS result");
    } else if !question.succeeded {
        columns.push("errorCode");
    }
    if question.failed || question.conditions.iter().any(|condition| condition.starts_with("(errorCode")) {
        columns.push("errorMessage");
    }
    columns.join(", ")
}

/// A word in a comment, which ends with its line.
fn one_line(word: &str) -> String {
    word.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Questions to begin with, for refusals.
pub const EXAMPLES: &str = "\"top 10 errors in the last week\", \"who deleted the bucket NAME\", \"failed console logins yesterday\", \
                            \"how many calls per service today\"";
