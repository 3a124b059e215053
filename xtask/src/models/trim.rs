//! What of a service model we keep.

use super::json::Json;

/// Prose, and rules for clients (where to send a request, what to warn of): nothing that says how bytes are read or written.
const DROPPED: &[&str] = &[
    "auth",
    "box",
    "clientContextParams",
    "contextParam",
    "deprecated",
    "deprecatedMessage",
    "deprecatedSince",
    "documentation",
    "documentationUrl",
    "endpointdiscovery",
    "endpointoperation",
    "examples",
    "operationContextParams",
    "requestcompression",
    "serviceAbbreviation",
    "staticContextParams",
    "synthetic",
    "uid",
];

/// The model with sorted keys and without what is dropped. Members of structures stay in their order.
pub fn model(model: Json) -> Json {
    let Json::Object(entries) = model else { return model };
    let kept = entries.into_iter().filter_map(|(key, value)| {
        let value = match key.as_str() {
            "metadata" => node(value),
            "operations" | "shapes" => sorted(each(value, node)),
            _ => return None,
        };
        Some((key, value))
    });
    sorted(Json::Object(kept.collect()))
}

/// A node of the model: an operation, a shape, a use of a shape, or a trait with a value of its own.
fn node(value: Json) -> Json {
    match value {
        Json::Object(entries) => {
            let kept = entries.into_iter().filter(|(key, _)| !DROPPED.contains(&key.as_str()));
            let kept = kept.map(|(key, value)| {
                // The keys below `members` are names.
                let value = if key == "members" { each(value, node) } else { node(value) };
                (key, value)
            });
            sorted(Json::Object(kept.collect()))
        }
        Json::Array(items) => Json::Array(items.into_iter().map(node).collect()),
        plain => plain,
    }
}

fn each(value: Json, change: fn(Json) -> Json) -> Json {
    match value {
        Json::Object(entries) => Json::Object(entries.into_iter().map(|(key, value)| (key, change(value))).collect()),
        other => other,
    }
}

fn sorted(value: Json) -> Json {
    match value {
        Json::Object(mut entries) => {
            entries.sort_by(|(a, _), (b, _)| a.cmp(b));
            Json::Object(entries)
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prose_goes_and_names_stay() {
        let given = r#"{"version": "2", "shapes": {"B": {"type": "structure", "documentation": "<p>", "members": {
            "z": {"shape": "A", "deprecated": true}, "documentation": {"shape": "A", "box": true}}}, "A": {"type": "string"}},
            "metadata": {"uid": "x", "protocol": "json"}, "operations": {"auth": {"name": "auth", "auth": []}}}"#;
        let expected = concat!(
            r#"{"metadata":{"protocol":"json"},"operations":{"auth":{"name":"auth"}},"shapes":{"A":{"type":"string"},"#,
            r#""B":{"members":{"z":{"shape":"A"},"documentation":{"shape":"A"}},"type":"structure"}}}"#
        );
        assert_eq!(model(serde_json::from_str(given).unwrap()).compact(), expected);
    }
}
