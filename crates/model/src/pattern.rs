//! The patterns of AWS's models (Java's regular expressions) on an engine that runs in linear time.
//!
//! Never refuses what AWS accepts: what the engine cannot express (look-around, back references, repetitions beyond its
//! size) is not checked (`models/unchecked-patterns.txt` lists these), and a Unicode property stands for its ASCII part and
//! everything beyond ASCII.

use regex_lite::{Regex, RegexBuilder};

use crate::shape::Limits;

/// Enough for every pattern of the models that is not a mere length (`[\s\S]{0,131072}`), for which there are min and max.
const PROGRAM_SIZE_MAX: usize = 256 * 1024;

/// Longer text is not matched: the linear engine's constant is large, and the lengths that models allow for text with a
/// pattern that means something are below this.
const TEXT_BYTES_MAX: usize = 16 * 1024;

impl Limits {
    /// Whether the whole of `text` matches the pattern. True without a pattern, and if the pattern cannot be checked.
    pub fn pattern_allows(&self, text: &str) -> bool {
        let Some(pattern) = &self.pattern else { return true };
        if text.len() > TEXT_BYTES_MAX {
            return true;
        }
        self.compiled.get_or_init(|| compile(pattern)).as_ref().is_none_or(|regex| regex.is_match(text))
    }

    /// Whether there is a pattern and the engine can check it.
    pub fn pattern_is_checked(&self) -> bool {
        let Some(pattern) = &self.pattern else { return false };
        self.compiled.get_or_init(|| compile(pattern)).is_some()
    }
}

fn compile(pattern: &str) -> Option<Regex> {
    let pattern = format!(r"\A(?:{})\z", translate(pattern)?);
    RegexBuilder::new(&pattern).size_limit(PROGRAM_SIZE_MAX).build().ok()
}

/// Java's syntax in the engine's. `None` if something in it has no counterpart.
fn translate(pattern: &str) -> Option<String> {
    let mut out = String::with_capacity(pattern.len());
    let mut rest = pattern.chars().peekable();
    let mut in_class = false;
    let mut class_is_empty = false;
    while let Some(c) = rest.next() {
        let first_of_class = std::mem::take(&mut class_is_empty);
        match c {
            '\\' => match rest.next()? {
                p @ ('p' | 'P') => {
                    let name = property_name(&mut rest)?;
                    let ranges = if p == 'p' { property(&name)? } else { return None };
                    out.push_str(&if in_class { ranges.to_owned() } else { format!("[{ranges}]") });
                }
                'u' => {
                    let digits: String = rest.by_ref().take(4).collect();
                    u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32)?;
                    out.push_str(&format!("\\x{{{digits}}}"));
                }
                // Escapes of letters and digits mean the same on both sides or do not exist on the other.
                escaped if escaped.is_ascii_alphanumeric() => out.extend(['\\', escaped]),
                escaped => out.push_str(&literal(escaped)),
            },
            '[' if in_class => {
                // `[[` is a union in Java; in the models it is always meant as a bracket, or cannot be told.
                out.push_str("\\[");
            }
            '[' => {
                in_class = true;
                class_is_empty = true;
                out.push('[');
                if rest.next_if_eq(&'^').is_some() {
                    out.push('^');
                }
            }
            ']' if in_class && !first_of_class => {
                in_class = false;
                out.push(']');
            }
            '&' if in_class && rest.peek() == Some(&'&') => return None,
            // A hyphen that opens no range: first, last, or after an escape such as `\w`.
            '-' if in_class && (first_of_class || rest.peek() == Some(&']') || ends_with_set(&out)) => {
                out.push_str("\\-");
            }
            '~' | '&' | '-' if in_class && out.ends_with(c) => out.extend(['\\', c]),
            other => out.push(other),
        }
    }
    Some(out)
}

fn literal(c: char) -> String {
    if c.is_ascii_punctuation() { format!("\\{c}") } else { c.to_string() }
}

/// Whether a character class's text so far ends in a set, after which a hyphen stands for itself.
fn ends_with_set(out: &str) -> bool {
    let escaped = |set: char| out.ends_with(&format!("\\{set}")) && !out.ends_with(&format!("\\\\{set}"));
    ['w', 'd', 's', 'W', 'D', 'S'].into_iter().any(escaped) || out.ends_with("\\x{10FFFF}")
}

fn property_name(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<String> {
    if rest.next_if_eq(&'{').is_none() {
        return rest.next().map(String::from);
    }
    let name: String = rest.by_ref().take_while(|c| *c != '}').collect();
    Some(name)
}

/// The ASCII part of a Unicode property and all that is beyond ASCII, as the inside of a character class.
fn property(name: &str) -> Option<&'static str> {
    Some(match name.strip_prefix("Is").unwrap_or(name) {
        "L" | "Alphabetic" | "LD" => r"a-zA-Z\x{80}-\x{10FFFF}",
        "Alpha" => "a-zA-Z",
        "Lu" => r"A-Z\x{80}-\x{10FFFF}",
        "Ll" => r"a-z\x{80}-\x{10FFFF}",
        "N" | "Nd" => r"0-9\x{80}-\x{10FFFF}",
        "Z" | "Zs" => r" \x{80}-\x{10FFFF}",
        "M" | "Mn" | "Lo" | "Lt" | "Lm" | "No" | "So" | "Sk" => r"\x{80}-\x{10FFFF}",
        "S" => r"\$+<=>\^`|\~\x{80}-\x{10FFFF}",
        "Sc" => r"\$\x{80}-\x{10FFFF}",
        "Sm" => r"+<=>|\~\x{80}-\x{10FFFF}",
        "P" => r##"!"#%&'()*,\-./:;?@\[\\\]_{}\x{80}-\x{10FFFF}"##,
        "Pd" => r"\-\x{80}-\x{10FFFF}",
        "Pc" => r"_\x{80}-\x{10FFFF}",
        "C" | "Cc" | "Cntrl" => r"\x00-\x1F\x7F\x{80}-\x{10FFFF}",
        "ASCII" => r"\x00-\x7F",
        "Alnum" => "a-zA-Z0-9",
        "Digit" => "0-9",
        "Lower" => "a-z",
        "Upper" => "A-Z",
        "Punct" => r##"!-/:-@\[-`{-\~"##,
        "Graph" => r"!-\~",
        "Print" => r" -\~",
        "Space" => r"\s",
        "Blank" => r" \t",
        "XDigit" => "0-9a-fA-F",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, matching: &[&str], others: &[&str]) {
        let limits = Limits::new(None, None, Some(pattern.to_owned()));
        assert!(limits.pattern_is_checked(), "{pattern} is not checked: {:?}", translate(pattern));
        for text in matching {
            assert!(limits.pattern_allows(text), "{pattern} should match {text:?}");
        }
        for text in others {
            assert!(!limits.pattern_allows(text), "{pattern} should not match {text:?}");
        }
    }

    #[test]
    fn the_whole_text_must_match() {
        check(r"\d+", &["123456789012"], &["", "12a", "a12", "1\n"]);
        check(r"^[a-zA-Z0-9._\-]{3,128}$", &["abc", "a-b"], &["ab", "a b"]);
        check("a|bc", &["a", "bc"], &["ac", "abc"]);
    }

    #[test]
    fn javas_forms_are_understood() {
        check(r"[\p{L}\p{Z}\p{N}_.:/=+\-@]*", &["", "Größe 1/2", "a=b@c"], &["a{b", "a&b", "tab\t"]);
        check(r"\p{Alpha}\p{L}*", &["aé"], &["éa", "1"]);
        check(r"[\w+=,.@-]+", &["a-b@c"], &["a b"]);
        check(r"[\u0020-\u00FF]+", &[" ÿ"], &["\u{100}", "\t"]);
        check(r"[\w-.]+", &["a-b.c"], &["/"]);
        check(r"[^:/\r\n]*", &["abc"], &["a:b", "\n"]);
        check(r"[\.\-_/#A-Za-z0-9]+", &["aws/x#1"], &["a b"]);
    }

    #[test]
    fn what_cannot_be_expressed_allows_everything() {
        for pattern in [r"(?!aws:).*", r"(a)\1", r"[a-z&&[^x]]", r"[\s\S]{0,131072}", r"\P{L}", r"\p{Hiragana}", "("] {
            let limits = Limits::new(None, None, Some(pattern.to_owned()));
            assert!(!limits.pattern_is_checked(), "{pattern}");
            assert!(limits.pattern_allows("aws:x"), "{pattern}");
        }
    }
}
