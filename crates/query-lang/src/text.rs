//! Work on the text before the parser sees it: bare store IDs in FROM become names of the same length, so that every position stays
//! what it was. Nothing inside quotes or comments is touched.

use std::collections::HashMap;

use sqlparser::tokenizer::{Token, TokenWithSpan};

/// The text with every bare store ID replaced by a word, and the words' meaning.
pub(crate) struct Prepared {
    pub text: String,
    /// Word to what was written.
    pub stores: HashMap<String, String>,
}

/// Finds store IDs (`EXAMPLEf852-4e8f-8bd1-bcf6cEXAMPLE`) where a table's name can stand.
pub(crate) fn prepare(text: &str) -> Prepared {
    let chars: Vec<char> = text.chars().collect();
    let mut out = chars.clone();
    let mut stores = HashMap::new();
    // The last word or sign that counts, in lower case, and the one before it.
    let mut last = String::new();
    let mut before = String::new();
    let mut at = 0;
    while at < chars.len() {
        let c = chars[at];
        if let Some(end) = skip(&chars, at) {
            if c == '\'' || c == '"' || c == '`' {
                before = std::mem::replace(&mut last, "quoted".to_owned());
            }
            at = end;
        } else if c.is_whitespace() {
            at += 1;
        } else if c.is_alphanumeric() || c == '_' {
            let end = run(&chars, at);
            let table = matches!(last.as_str(), "from" | "join") && before != "distinct";
            let item = matches!(last.as_str(), "," | "." | "table");
            let word: String = chars[at..end].iter().collect();
            if (table && is_store(&word, false)) || ((item || table) && is_store(&word, true)) {
                let name = name_of(end - at, stores.len());
                for (slot, letter) in out[at..end].iter_mut().zip(name.chars()) {
                    *slot = letter;
                }
                stores.insert(name, word.clone());
                before = std::mem::replace(&mut last, word);
                at = end;
            } else {
                let end = (at..chars.len())
                    .find(|&i| !(chars[i].is_alphanumeric() || chars[i] == '_'))
                    .unwrap_or(chars.len());
                let word = chars[at..end].iter().collect::<String>().to_lowercase();
                before = std::mem::replace(&mut last, word);
                at = end;
            }
        } else {
            before = std::mem::replace(&mut last, c.to_string());
            at += 1;
        }
    }
    Prepared { text: out.into_iter().collect(), stores }
}

/// The statements of a text: what stands between semicolons that are in no quotes and no comment.
pub fn statements(text: &str) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    let (mut found, mut from, mut at) = (Vec::new(), 0, 0);
    while at < chars.len() {
        match skip(&chars, at) {
            Some(end) => at = end,
            None => {
                if chars[at] == ';' {
                    found.push(chars[from..at].iter().collect());
                    from = at + 1;
                }
                at += 1;
            }
        }
    }
    found.push(chars[from..].iter().collect());
    found
}

/// The end of what begins here and is text, a quoted name or a comment.
fn skip(chars: &[char], at: usize) -> Option<usize> {
    let next = chars.get(at + 1).copied();
    match chars[at] {
        quote @ ('\'' | '"' | '`') => {
            Some((at + 1..chars.len()).find(|&i| chars[i] == quote).map_or(chars.len(), |i| i + 1))
        }
        '-' if next == Some('-') => Some((at..chars.len()).find(|&i| chars[i] == '\n').unwrap_or(chars.len())),
        '/' if next == Some('*') => Some(
            (at + 2..chars.len())
                .find(|&i| chars[i] == '*' && chars.get(i + 1) == Some(&'/'))
                .map_or(chars.len(), |i| i + 2),
        ),
        _ => None,
    }
}

/// The end of letters, digits and single dashes.
fn run(chars: &[char], at: usize) -> usize {
    let mut end = at;
    while end < chars.len() {
        let c = chars[end];
        let dash = c == '-' && chars.get(end + 1).is_some_and(|next| next.is_alphanumeric());
        if !(c.is_alphanumeric() || c == '_' || dash) {
            break;
        }
        end += 1;
    }
    end
}

/// Whether this can only be a store's ID. Strictly: five groups of a UUID's lengths (the last may be shortened, as in AWS's examples).
fn is_store(word: &str, strict: bool) -> bool {
    let groups: Vec<&str> = word.split('-').collect();
    let plain = groups.iter().all(|group| group.len() >= 3 && group.chars().all(|c| c.is_ascii_alphanumeric()));
    let lengths: Vec<usize> = groups.iter().map(|group| group.len()).collect();
    plain && groups.len() >= 4 && (!strict || (groups.len() == 5 && lengths[..4] == [8, 4, 4, 4]))
}

/// A word of this many letters that no text contains.
fn name_of(length: usize, number: usize) -> String {
    let number = format!("_eds{number}");
    format!("{number:_<length$}")
}

/// Types that the parser cannot read (`ARRAY(JSON)`, `MAP(VARCHAR, JSON)`, `ROW(a BIGINT)`) become one word each behind AS; answers the
/// tokens and what each word stands for.
pub(crate) fn fold_types(tokens: Vec<TokenWithSpan>) -> (Vec<TokenWithSpan>, HashMap<String, String>) {
    let mut out: Vec<TokenWithSpan> = Vec::with_capacity(tokens.len());
    let mut types = HashMap::new();
    let mut last_is_as = false;
    let mut at = 0;
    while at < tokens.len() {
        let token = &tokens[at];
        let is_space = matches!(token.token, Token::Whitespace(_));
        let is_type = last_is_as
            && matches!(&token.token, Token::Word(word) if word.quote_style.is_none()
                && ["array", "map", "row"].iter().any(|name| word.value.eq_ignore_ascii_case(name)));
        if is_type && let Some(end) = closing(&tokens, at + 1) {
            let text: String = tokens[at..=end].iter().map(|token| token.token.to_string()).collect();
            let name = format!("_type{}", types.len());
            types.insert(name.clone(), text.to_lowercase());
            out.push(TokenWithSpan { token: Token::make_word(&name, None), span: token.span });
            at = end + 1;
            last_is_as = false;
            continue;
        }
        if !is_space {
            last_is_as = matches!(&token.token, Token::Word(word) if word.quote_style.is_none() && word.value.eq_ignore_ascii_case("as"));
        }
        out.push(token.clone());
        at += 1;
    }
    (out, types)
}

/// The index of the parenthesis that closes the one that comes next, if one comes next.
fn closing(tokens: &[TokenWithSpan], from: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate().skip(from) {
        match &token.token {
            Token::LParen | Token::Lt => depth += 1,
            Token::RParen | Token::Gt => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(at);
                }
            }
            Token::Whitespace(_) => {}
            _ if depth == 0 => return None,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, stores: &[&str]) {
        let prepared = prepare(text);
        assert_eq!(prepared.text.chars().count(), text.chars().count());
        let mut found: Vec<&str> = prepared.stores.values().map(String::as_str).collect();
        found.sort_unstable();
        assert_eq!(found, stores, "{text}");
    }

    #[test]
    fn store_ids_are_found_where_tables_stand_and_nowhere_else() {
        check("SELECT 1 FROM 0e12f3f4-5678-90ab-cdef-0123456789ab", &["0e12f3f4-5678-90ab-cdef-0123456789ab"]);
        check("SELECT 1 FROM abc123f4-5678-90ab-cdef-EXAMPLE\nWHERE a = 1", &["abc123f4-5678-90ab-cdef-EXAMPLE"]);
        check("select 1 from EXAMPLEf852-4e8f-8bd1-bcf6cEXAMPLE", &["EXAMPLEf852-4e8f-8bd1-bcf6cEXAMPLE"]);
        check(
            "SELECT 1 FROM a JOIN /* x */ 0e12f3f4-5678-90ab-cdef-0123456789ab b ON a.x-b.y-c.z-1000 > 2",
            &["0e12f3f4-5678-90ab-cdef-0123456789ab"],
        );
        check("SELECT a-b-c, 1-2-3-4 FROM t", &[]);
        check(
            "SELECT '0e12f3f4-5678-90ab-cdef-0123456789ab', aaa-bbb-ccc-ddd -- from 0e12f3f4-5678-90ab-cdef-0123456789ab",
            &[],
        );
        check("SELECT x IS DISTINCT FROM aaa-bbb-ccc-ddd FROM t", &[]);
    }
}
