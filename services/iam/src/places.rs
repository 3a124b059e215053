//! Where the statements of a policy are in its text, and which condition keys it names, as it spells them.

use std::collections::HashSet;

use serde::Serialize;
use serde_json::Value;

/// The modelled `Position`: from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Place {
    /// The line.
    pub line: usize,
    /// The character in it.
    pub column: usize,
}

/// Where the statements of a policy are: from behind what comes before (`[`, a comma or a colon) to behind the closing brace, which is how the
/// simulator of IAM counts. Of a text that is no policy: some places or none.
pub fn statements(text: &str) -> Vec<(Place, Place)> {
    let mut reader = Reader { rest: text.chars(), place: Place { line: 1, column: 1 }, places: Vec::new() };
    // What is no JSON was refused before.
    let _ = reader.value(&mut Vec::new());
    reader.places
}

struct Reader<'t> {
    rest: std::str::Chars<'t>,
    place: Place,
    places: Vec<(Place, Place)>,
}

/// Where in the document: names of members, and nothing for items of lists.
type Path = Vec<String>;

/// Values in values.
const DEPTH_MAX: usize = 64;

impl Reader<'_> {
    fn peek(&self) -> Option<char> {
        self.rest.clone().next()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.rest.next()?;
        match c {
            '\n' => self.place = Place { line: self.place.line + 1, column: 1 },
            _ => self.place.column += 1,
        }
        Some(c)
    }

    fn skip_space(&mut self) {
        while self.peek().is_some_and(char::is_whitespace) {
            self.next();
        }
    }

    fn value(&mut self, path: &mut Path) -> Option<()> {
        let start = self.place;
        self.skip_space();
        let is_statement =
            path.first().is_some_and(|name| name == "Statement") && path[1..].iter().all(String::is_empty);
        if path.len() > DEPTH_MAX {
            return None;
        }
        match self.peek()? {
            '{' => {
                self.members(path, '}')?;
                if is_statement && path.len() <= 2 {
                    self.places.push((start, self.place));
                }
            }
            '[' => self.members(path, ']')?,
            '"' => drop(self.string()?),
            _ => {
                while self.peek().is_some_and(|c| !",]}".contains(c) && !c.is_whitespace()) {
                    self.next();
                }
            }
        }
        Some(())
    }

    fn members(&mut self, path: &mut Path, end: char) -> Option<()> {
        self.next();
        loop {
            // White space before a member counts to it, so it is looked over, not taken.
            let first = self.rest.clone().find(|c| !c.is_whitespace())?;
            if first == end {
                self.skip_space();
                self.next();
                return Some(());
            }
            if end == '}' {
                self.skip_space();
                let name = self.string()?;
                self.skip_space();
                self.next().filter(|c| *c == ':')?;
                path.push(name);
            } else {
                path.push(String::new());
            }
            self.value(path)?;
            path.pop();
            self.skip_space();
            if self.peek()? == ',' {
                self.next();
            }
        }
    }

    fn string(&mut self) -> Option<String> {
        self.next().filter(|c| *c == '"')?;
        let mut text = String::new();
        loop {
            match self.next()? {
                '"' => return Some(text),
                '\\' => drop(self.next()?),
                c => text.push(c),
            }
        }
    }
}

/// The condition keys that a policy names, in conditions and as variables, each once, as it spells them.
pub fn condition_keys(text: &str) -> Vec<String> {
    let Ok(document) = serde_json::from_str::<Value>(text) else { return Vec::new() };
    let mut keys = Vec::new();
    let statements = document.get("Statement").into_iter().flat_map(listed);
    for statement in statements {
        for member in ["Resource", "NotResource"] {
            statement.get(member).into_iter().flat_map(listed).for_each(|value| variables(value, &mut keys));
        }
        let operators = statement.get("Condition").and_then(Value::as_object).into_iter().flat_map(|all| all.values());
        for (key, values) in operators.filter_map(Value::as_object).flatten() {
            keys.push(key.clone());
            listed(values).for_each(|value| variables(value, &mut keys));
        }
    }
    let mut seen = HashSet::new();
    keys.retain(|key| seen.insert(key.to_lowercase()));
    keys
}

/// The items of a list, or the one thing that is none.
fn listed(value: &Value) -> impl Iterator<Item = &Value> {
    match value {
        Value::Array(items) => items.as_slice(),
        one => std::slice::from_ref(one),
    }
    .iter()
}

fn variables(value: &Value, keys: &mut Vec<String>) {
    let mut rest = value.as_str().unwrap_or_default();
    while let Some((_, after)) = rest.split_once("${") {
        let Some((variable, after)) = after.split_once('}') else { return };
        // A default may follow the key.
        let key = variable.split(',').next().unwrap_or(variable).trim();
        if key.contains(':') {
            keys.push(key.to_owned());
        }
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Line and column of the beginning, and of the end.
    type Span = (usize, usize, usize, usize);

    fn check(text: &str, expected: &[Span]) {
        let span = |(start, end): (Place, Place)| (start.line, start.column, end.line, end.column);
        let found: Vec<Span> = statements(text).into_iter().map(span).collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn statements_are_found_in_their_text() {
        // As the simulator shows AdministratorAccess.
        let text = "{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": [\n    {\n      \"Effect\": \"Allow\",\n      \
                    \"Action\": \"*\",\n      \"Resource\": \"*\"\n    }\n  ]\n}";
        check(text, &[(3, 17, 8, 6)]);
        check(r#"{"Statement":{"Sid":"a}\"]"},"Version":"x"}"#, &[(1, 14, 1, 29)]);
        check(r#"{"Statement":[{"Condition":{"a":{"Statement":{}}}},{}]}"#, &[(1, 15, 1, 51), (1, 52, 1, 54)]);
        check("{\"Statement\":[", &[]);
        check("", &[]);
        check(&"[".repeat(100_000), &[]);
    }

    #[test]
    fn condition_keys_are_as_they_are_spelled() {
        let text = r#"{"Statement":[{"Resource":["a/${aws:username}","${*}"],"Condition":{
            "StringEquals":{"aws:PrincipalTag/x":["${aws:CurrentTime, 'x'}"],"AWS:UserName":"y"}}}]}"#;
        assert_eq!(condition_keys(text), ["aws:username", "aws:PrincipalTag/x", "aws:CurrentTime"]);
        assert_eq!(condition_keys("{"), Vec::<String>::new());
    }
}
