//! What people ask of an audit trail: twenty-four questions, in the SQL of CloudTrail Lake and in DuckDB's.

use std::collections::BTreeMap;

/// One question in both dialects.
pub struct Question {
    /// What it asks.
    pub name: &'static str,
    /// For Cairn.
    pub cairn: String,
    /// For DuckDB.
    pub duckdb: String,
    /// Whether it looks for some few rows by an identifier.
    pub needle: bool,
}

/// All of them, with values that are in the data.
pub fn questions(known: &BTreeMap<&'static str, String>) -> Vec<Question> {
    let fill = |sql: &str| {
        let sql = sql.split_whitespace().collect::<Vec<_>>().join(" ");
        known.iter().fold(sql, |sql, (name, value)| sql.replace(&format!("{{{name}}}"), &value.replace('\'', "''")))
    };
    let both = |name, sql: &str| Question { name, cairn: fill(sql), duckdb: fill(sql), needle: false };
    let each =
        |name, cairn: &str, duckdb: &str| Question { name, cairn: fill(cairn), duckdb: fill(duckdb), needle: false };
    let needle =
        |name, cairn: &str, duckdb: &str| Question { name, cairn: fill(cairn), duckdb: fill(duckdb), needle: true };
    let same_needle = |name, sql: &str| Question { name, cairn: fill(sql), duckdb: fill(sql), needle: true };
    vec![
        both(
            "a user's last hundred actions",
            "SELECT eventID, eventSource, eventName FROM events WHERE userIdentity.arn = '{user}' ORDER BY eventTime DESC, eventID LIMIT 100",
        ),
        each(
            "deletions in a bucket",
            "SELECT userIdentity.arn, eventName, count(*) FROM events WHERE eventName LIKE 'Delete%' AND element_at(requestParameters, 'bucketName') = '{bucket}' GROUP BY 1, 2",
            "SELECT userIdentity.arn, eventName, count(*) FROM events WHERE eventName LIKE 'Delete%' AND requestParameters->>'bucketName' = '{bucket}' GROUP BY 1, 2",
        ),
        both("failed calls by code", "SELECT errorCode, count(*) FROM events WHERE errorCode IS NOT NULL GROUP BY 1"),
        each(
            "console logins without MFA",
            "SELECT userIdentity.arn, sourceIPAddress, count(*) FROM events WHERE eventName = 'ConsoleLogin' AND element_at(additionalEventData, 'MFAUsed') = 'No' AND element_at(responseElements, 'ConsoleLogin') = 'Success' GROUP BY 1, 2",
            "SELECT userIdentity.arn, sourceIPAddress, count(*) FROM events WHERE eventName = 'ConsoleLogin' AND additionalEventData->>'MFAUsed' = 'No' AND responseElements->>'ConsoleLogin' = 'Success' GROUP BY 1, 2",
        ),
        both(
            "what root did",
            "SELECT eventName, count(*) FROM events WHERE userIdentity.type = 'Root' AND userIdentity.invokedBy IS NULL GROUP BY 1",
        ),
        both(
            "the twenty busiest principals",
            "SELECT userIdentity.arn, count(*) FROM events WHERE userIdentity.arn IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 20",
        ),
        both(
            "calls by hour and service",
            "SELECT date_diff('hour', TIMESTAMP '2020-01-01 00:00:00', eventTime), eventSource, count(*) FROM events GROUP BY 1, 2",
        ),
        both(
            "denied calls by source",
            "SELECT sourceIPAddress, count(*) FROM events WHERE errorCode IN ('AccessDenied', 'AccessDeniedException', 'Client.UnauthorizedOperation') GROUP BY 1",
        ),
        each(
            "access to each bucket",
            "SELECT element_at(requestParameters, 'bucketName'), count(*) FROM events WHERE eventSource = 's3.amazonaws.com' GROUP BY 1",
            "SELECT requestParameters->>'bucketName', count(*) FROM events WHERE eventSource = 's3.amazonaws.com' GROUP BY 1",
        ),
        needle(
            "needle: an event, whole",
            "SELECT eventJson FROM events WHERE eventID = '{event}'",
            "SELECT * FROM events WHERE eventID = '{event}'",
        ),
        same_needle(
            "needle: an access key",
            "SELECT eventID, eventName, sourceIPAddress FROM events WHERE userIdentity.accessKeyId = '{key}'",
        ),
        same_needle("needle: a request", "SELECT eventID, eventName FROM events WHERE requestID = '{request}'"),
        same_needle(
            "needle: a source address",
            "SELECT eventName, count(*) FROM events WHERE sourceIPAddress = '{ip}' GROUP BY 1",
        ),
        needle(
            "needle: an ARN among the resources",
            "SELECT eventName, count(*) FROM events WHERE any_match(resources, r -> r.arn = '{arn}') GROUP BY 1",
            "SELECT eventName, count(*) FROM events WHERE len(list_filter(resources, lambda r: r.ARN = '{arn}')) > 0 GROUP BY 1",
        ),
        needle(
            "needle: an instance in an answer",
            "SELECT eventID, userIdentity.arn FROM events WHERE json_extract_scalar(responseElements, '$.instancesSet.items[0].instanceId') = '{instance}'",
            "SELECT eventID, userIdentity.arn FROM events WHERE responseElements->>'$.instancesSet.items[0].instanceId' = '{instance}'",
        ),
        each(
            "text inside of requests",
            "SELECT eventName, count(*) FROM events WHERE json_format(CAST(requestParameters AS JSON)) LIKE '%m6i.large%' GROUP BY 1",
            "SELECT eventName, count(*) FROM events WHERE requestParameters::VARCHAR LIKE '%m6i.large%' GROUP BY 1",
        ),
        each(
            "role chains",
            "SELECT userIdentity.sessionContext.sessionIssuer.arn, element_at(requestParameters, 'roleArn'), count(*) FROM events WHERE eventName = 'AssumeRole' AND userIdentity.type = 'AssumedRole' GROUP BY 1, 2",
            "SELECT userIdentity.sessionContext.sessionIssuer.arn, requestParameters->>'roleArn', count(*) FROM events WHERE eventName = 'AssumeRole' AND userIdentity.type = 'AssumedRole' GROUP BY 1, 2",
        ),
        both(
            "distinct sessions by role and day",
            "SELECT userIdentity.sessionContext.sessionIssuer.arn, date_diff('day', TIMESTAMP '2020-01-01 00:00:00', eventTime), count(DISTINCT userIdentity.arn) FROM events WHERE userIdentity.type = 'AssumedRole' GROUP BY 1, 2",
        ),
        both("TLS versions", "SELECT tlsDetails.tlsVersion, count(*) FROM events GROUP BY 1"),
        both("regions of each account", "SELECT recipientAccountId, awsRegion, count(*) FROM events GROUP BY 1, 2"),
        both(
            "what changed things, by program",
            "SELECT userAgent, count(*) FROM events WHERE readOnly = false GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 20",
        ),
        both(
            "what was called on one day",
            "SELECT eventSource, eventName, count(*) FROM events WHERE eventTime >= TIMESTAMP '{day}' AND eventTime < TIMESTAMP '{day}' + INTERVAL '1' DAY GROUP BY 1, 2",
        ),
        both(
            "when each access key was seen",
            "SELECT userIdentity.accessKeyId, count(*), count(DISTINCT sourceIPAddress) FROM events WHERE userIdentity.accessKeyId LIKE 'AKIA%' GROUP BY 1",
        ),
        each(
            "the fifty newest records, whole",
            "SELECT eventJson FROM events ORDER BY eventTime DESC, eventID LIMIT 50",
            "SELECT * FROM events ORDER BY eventTime DESC, eventID LIMIT 50",
        ),
    ]
}
