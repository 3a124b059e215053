//! JSON as text: members, elements and paths are found without building a tree. What is no JSON has no members.

use std::borrow::Cow;

/// The end of the value that begins at `at`.
fn value_end(bytes: &[u8], at: usize) -> Option<usize> {
    match bytes.get(at)? {
        b'"' => string_end(bytes, at),
        b'{' | b'[' => {
            let mut depth = 0_usize;
            let mut at = at;
            loop {
                match bytes.get(at)? {
                    b'"' => {
                        at = string_end(bytes, at)?;
                        continue;
                    }
                    b'{' | b'[' => depth += 1,
                    b'}' | b']' => {
                        depth -= 1;
                        if depth == 0 {
                            return Some(at + 1);
                        }
                    }
                    _ => {}
                }
                at += 1;
            }
        }
        _ => {
            let length = bytes[at..]
                .iter()
                .position(|byte| matches!(byte, b',' | b'}' | b']' | b' ' | b'\n' | b'\r' | b'\t'))
                .unwrap_or(bytes.len() - at);
            (length > 0).then_some(at + length)
        }
    }
}

fn string_end(bytes: &[u8], at: usize) -> Option<usize> {
    let mut at = at + 1;
    loop {
        match bytes.get(at)? {
            b'\\' => at += 2,
            b'"' => return Some(at + 1),
            _ => at += 1,
        }
    }
}

fn skip_space(bytes: &[u8], mut at: usize) -> usize {
    while bytes.get(at).is_some_and(u8::is_ascii_whitespace) {
        at += 1;
    }
    at
}

/// The members of an object, in order: name and value's text.
pub(crate) struct Members<'a> {
    text: &'a str,
    at: usize,
}

/// The members of a text that is an object; none of any other.
pub(crate) fn members(text: &str) -> Members<'_> {
    let at = skip_space(text.as_bytes(), 0);
    let is_object = text.as_bytes().get(at) == Some(&b'{');
    Members { text, at: if is_object { at + 1 } else { text.len() } }
}

impl<'a> Iterator for Members<'a> {
    type Item = (Cow<'a, str>, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        let bytes = self.text.as_bytes();
        let mut at = skip_space(bytes, self.at);
        if bytes.get(at) == Some(&b',') {
            at = skip_space(bytes, at + 1);
        }
        if bytes.get(at) != Some(&b'"') {
            self.at = bytes.len();
            return None;
        }
        let key_end = string_end(bytes, at)?;
        let key = string(self.text.get(at..key_end)?)?;
        let colon = skip_space(bytes, key_end);
        if bytes.get(colon) != Some(&b':') {
            self.at = bytes.len();
            return None;
        }
        let begin = skip_space(bytes, colon + 1);
        let end = value_end(bytes, begin)?;
        self.at = end;
        Some((key, self.text.get(begin..end)?))
    }
}

/// The elements of an array, in order.
pub(crate) struct Elements<'a> {
    text: &'a str,
    at: usize,
}

/// The elements of a text that is an array; none of any other.
pub(crate) fn elements(text: &str) -> Elements<'_> {
    let at = skip_space(text.as_bytes(), 0);
    Elements { text, at: if is_array(text) { at + 1 } else { text.len() } }
}

/// Whether this is an array.
pub(crate) fn is_array(text: &str) -> bool {
    text.trim_start().starts_with('[')
}

/// Whether this is an object.
pub(crate) fn is_object(text: &str) -> bool {
    text.trim_start().starts_with('{')
}

impl<'a> Iterator for Elements<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let bytes = self.text.as_bytes();
        let mut at = skip_space(bytes, self.at);
        if bytes.get(at) == Some(&b',') {
            at = skip_space(bytes, at + 1);
        }
        if matches!(bytes.get(at), None | Some(b']')) {
            self.at = bytes.len();
            return None;
        }
        let end = value_end(bytes, at)?;
        self.at = end;
        self.text.get(at..end)
    }
}

/// What a JSON string says.
pub(crate) fn string(text: &str) -> Option<Cow<'_, str>> {
    let inner = text.trim().strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') {
        serde_json::from_str(text.trim()).ok().map(Cow::Owned)
    } else {
        Some(Cow::Borrowed(inner))
    }
}

/// A value as a map of texts shows it: a string is what it says, anything else its JSON text; null is none.
pub(crate) fn plain(value: &str) -> Option<Cow<'_, str>> {
    let value = value.trim();
    if value == "null" {
        return None;
    }
    if value.starts_with('"') { string(value) } else { Some(Cow::Borrowed(value)) }
}

/// A value as `json_extract_scalar` shows it: none for objects and arrays.
pub(crate) fn scalar(value: &str) -> Option<Cow<'_, str>> {
    if is_array(value) || is_object(value) { None } else { plain(value) }
}

/// The value of a member. Of two members of one name the last counts.
pub(crate) fn member<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    members(text).filter(|(key, _)| key == name).map(|(_, value)| value).last()
}

/// The same, whatever the name's case; an exact match wins.
pub(crate) fn member_any_case<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    member(text, name).or_else(|| members(text).find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value))
}

/// The element at a place, from 0; from the end if negative.
pub(crate) fn element(text: &str, at: i64) -> Option<&str> {
    let at = match usize::try_from(at) {
        Ok(at) => at,
        Err(_) => elements(text).count().checked_sub(usize::try_from(at.checked_neg()?).ok()?)?,
    };
    elements(text).nth(at)
}

/// One step of a path.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Step {
    Member(String),
    Element(i64),
}

/// Reads `$.a.b[0]["c d"]`. `None` if it is no path.
pub(crate) fn path(text: &str) -> Option<Vec<Step>> {
    let mut rest = text.trim();
    rest = rest.strip_prefix('$').unwrap_or(rest);
    let mut steps = Vec::new();
    // Presto takes a path without `$`, too: its first name stands alone.
    if !rest.is_empty() && !rest.starts_with(['.', '[']) {
        if text.trim().starts_with('$') {
            return None;
        }
        let end = rest.find(['.', '[']).unwrap_or(rest.len());
        steps.push(Step::Member(rest[..end].to_owned()));
        rest = &rest[end..];
    }
    while !rest.is_empty() {
        if let Some(name) = rest.strip_prefix('.') {
            let end = name.find(['.', '[']).unwrap_or(name.len());
            if end == 0 || &name[..end] == "*" {
                return None;
            }
            steps.push(Step::Member(name[..end].trim_matches('"').to_owned()));
            rest = &name[end..];
        } else if let Some(inner) = rest.strip_prefix('[') {
            if let Some(quote @ ('"' | '\'')) = inner.chars().next() {
                let (name, behind) = inner[1..].split_once(quote)?;
                steps.push(Step::Member(name.to_owned()));
                rest = behind.strip_prefix(']')?;
            } else {
                let (number, behind) = inner.split_once(']')?;
                steps.push(Step::Element(number.trim().parse().ok()?));
                rest = behind;
            }
        } else {
            return None;
        }
    }
    Some(steps)
}

/// The value at the end of a path.
pub(crate) fn follow<'a>(text: &'a str, path: &[Step]) -> Option<&'a str> {
    path.iter()
        .try_fold(text, |value, step| match step {
            Step::Member(name) => member(value, name),
            Step::Element(at) => element(value, *at),
        })
        .map(str::trim)
        .filter(|value| !value.is_empty())
}

/// A text as a JSON string.
pub(crate) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#" { "a" : {"b":[1, {"c":"x\"y"}, null]}, "d e":"z", "n":-1.5e3 , "s":"{[,]}" } "#;

    fn check(path_text: &str, expected: Option<&str>) {
        let steps = path(path_text).unwrap_or_else(|| panic!("{path_text}"));
        assert_eq!(follow(TEXT, &steps), expected, "{path_text}");
    }

    #[test]
    fn paths_lead_to_values() {
        check("$.a.b[1].c", Some(r#""x\"y""#));
        check("$.a.b[-1]", Some("null"));
        check("$['d e']", Some("\"z\""));
        check("$[\"n\"]", Some("-1.5e3"));
        check("$.s", Some("\"{[,]}\""));
        check("$.a.b[7]", None);
        check("$.nothing", None);
        check("a.b[0]", Some("1"));
        for bad in ["$x", "$.", "$[", "$[a]", "$..a", "$.*"] {
            assert_eq!(path(bad), None, "{bad}");
        }
    }

    #[test]
    fn garbage_has_no_members() {
        for text in ["", "{", "{\"a", "{\"a\"", "{\"a\":", "[1", "nonsense", "{]", "{\"a\" 1}", "\"\\"] {
            assert!(members(text).count() <= 1, "{text}");
            assert!(elements(text).count() <= 1, "{text}");
            let _ = plain(text);
        }
    }
}
