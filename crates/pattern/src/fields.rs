//! An event as fields: words between spaces, where `[…]` and `"…"` are one field each.

/// The fields of an event, in order. Brackets and quotation marks do not belong to their field.
pub(crate) fn split(text: &str) -> Vec<&str> {
    let mut fields = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let closing = match rest.as_bytes()[0] {
            b'[' => Some(']'),
            b'"' => Some('"'),
            _ => None,
        };
        // Without its other half, a bracket or quotation mark is an ordinary character.
        let enclosed = closing.and_then(|closing| rest[1..].find(closing));
        rest = match enclosed {
            Some(length) => {
                fields.push(&rest[1..1 + length]);
                &rest[length + 2..]
            }
            None => {
                let length = rest.find(char::is_whitespace).unwrap_or(rest.len());
                fields.push(&rest[..length]);
                &rest[length..]
            }
        };
        rest = rest.trim_start();
    }
    fields
}
