//! A JSON document as a part of a record: on one line, and otherwise as the caller wrote it. Never a text that readers of records would
//! stumble over.

/// Deeper documents stay text: who reads records gives up at some depth, and no document may hide the record that it is in.
const DEPTH_MAX: usize = 32;

/// The document without the blanks between its words, if it is a JSON object.
pub fn one_line(text: &str) -> Option<String> {
    // Read strictly: lone surrogates and numbers beyond all bounds, which some readers refuse, are no JSON here.
    let serde_json::Value::Object(_) = serde_json::from_str(text).ok()? else { return None };
    let mut line = String::with_capacity(text.len());
    let (mut depth, mut in_text, mut escaped) = (0_usize, false, false);
    for c in text.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => in_text = !in_text,
            _ if in_text => {}
            '{' | '[' => depth += 1,
            '}' | ']' => depth = depth.saturating_sub(1),
            ' ' | '\t' | '\n' | '\r' => continue,
            _ => {}
        }
        if depth > DEPTH_MAX {
            return None;
        }
        line.push(c);
    }
    Some(line)
}

#[cfg(test)]
mod tests {
    use super::one_line;

    #[test]
    fn documents_lose_their_blanks_and_nothing_else() {
        let check = |text: &str, expected: Option<&str>| assert_eq!(one_line(text).as_deref(), expected, "{text}");
        check("{}", Some("{}"));
        check(
            " {\n  \"b\": [ 1.50, \"two words \\\" \\\\\" ],\t\"a\" : {\"a\":null}, \"a\": \"\\u00e9 é\"\r\n}\n",
            Some(r#"{"b":[1.50,"two words \" \\"],"a":{"a":null},"a":"\u00e9 é"}"#),
        );
        for other in
            ["", "text", "[]", "\"text\"", "{", "{} {}", r#"{"a":"\ud800"}"#, r#"{"a":1e999}"#, "{\"a\":\"\n\"}"]
        {
            check(other, None);
        }
        let deep = |levels: usize| format!("{}1{}", "{\"a\":".repeat(levels), "}".repeat(levels));
        check(&deep(32), Some(&deep(32)));
        check(&deep(33), None);
        check(&deep(100_000), None);
    }
}
