//! Pieces of SQL: literals that cannot become anything else, names of operations.

/// A literal.
pub fn text(value: &str) -> String {
    format!("'{}'", value.replace('\'', "''"))
}

/// `column LIKE 'before…value…after'`, whatever the value has in it.
pub fn like(column: &str, before: &str, value: &str, after: &str) -> String {
    let special = value.contains(['%', '_', '\\']);
    let value =
        if special { value.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_") } else { value.to_owned() };
    let escape = if special { " ESCAPE '\\'" } else { "" };
    format!("{column} LIKE {}{escape}", text(&format!("{before}{value}{after}")))
}

/// Operations that are not called what one would say.
const CALLED: &[(&str, &str, &str)] = &[
    ("Create", "Instance", "eventName = 'RunInstances'"),
    ("Start", "Instance", "eventName = 'StartInstances'"),
    ("Delete", "Instance", "eventName = 'TerminateInstances'"),
    ("Terminate", "Instance", "eventName = 'TerminateInstances'"),
    ("Delete", "Key", "eventName = 'ScheduleKeyDeletion'"),
    ("Create", "Function", "eventName LIKE 'CreateFunction%'"),
    ("Delete", "Function", "eventName LIKE 'DeleteFunction%'"),
    ("Invoke", "Function", "eventName LIKE 'Invoke%'"),
    ("Get", "Secret", "eventName = 'GetSecretValue'"),
    ("Assume", "Role", "eventName LIKE 'AssumeRole%'"),
    ("", "LoginProfile", "eventName IN ('ChangePassword', 'UpdateLoginProfile', 'CreateLoginProfile')"),
    ("Disable", "Logging", "eventName IN ('StopLogging', 'DeleteTrail')"),
    ("Stop", "Logging", "eventName = 'StopLogging'"),
    ("Disable", "Trail", "eventName IN ('StopLogging', 'DeleteTrail')"),
    ("Stop", "Trail", "eventName = 'StopLogging'"),
];

/// The condition that something was done to a sort of thing. An empty verb is any change.
pub fn done(verb: &str, noun: &str) -> String {
    let called = CALLED.iter().find(|(on, to, _)| (*on, *to) == (verb, noun)).map(|(.., sql)| (*sql).to_owned());
    called.unwrap_or_else(|| match (verb, noun) {
        ("", "") => "readOnly = false".to_owned(),
        ("", noun) => format!("eventName LIKE '%{noun}%' AND readOnly = false"),
        (verb, "") => format!("eventName LIKE '{verb}%'"),
        // DeleteRolePolicy and DeletePolicy, AttachUserPolicy and AttachRolePolicy.
        (verb, "Policy") => format!("eventName LIKE '{verb}%Policy'"),
        (verb, noun) => format!("eventName IN ('{verb}{noun}', '{verb}{noun}s')"),
    })
}

/// The condition that a thing of a sort is this one, where requests name it.
pub fn named(noun: &str, name: &str) -> String {
    let member = match noun {
        "Bucket" | "BucketPolicy" => "bucketName",
        "User" | "LoginProfile" => "userName",
        "Role" => "roleName",
        "Group" => "groupName",
        "Trail" | "Logging" => "name",
        "Table" => "tableName",
        "Function" => "functionName",
        "AccessKey" => "accessKeyId",
        "Object" => "key",
        "Stack" => "stackName",
        _ => return mentioned(name),
    };
    format!("element_at(requestParameters, '{member}') = {}", text(name))
}

/// The condition that a record has this text as a whole value, anywhere.
pub fn mentioned(name: &str) -> String {
    like("eventJson", "%\"", name, "\"%")
}
