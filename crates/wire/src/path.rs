//! Matches a request's path with a URI pattern. Never normalises: empty segments and `..` are what the client wrote, S3 keys
//! above all.

use std::borrow::Cow;

use model::shape::{Segment, UriPattern};
use percent_encoding::percent_decode_str;

/// A label of the pattern and the raw text that it matched.
pub(crate) type Bound<'p, 'r> = (&'p str, &'r str);

/// The raw texts of the labels if the path matches. A slash at the path's end may be there or not.
pub(crate) fn bind<'p, 'r>(pattern: &'p UriPattern, path: &'r str) -> Option<Vec<Bound<'p, 'r>>> {
    let mut bound = Vec::new();
    matches(pattern, path, |label, raw| bound.push((label, raw))).then_some(bound)
}

/// Whether the path matches; calls `on_label` for each label on the way.
pub(crate) fn matches<'p, 'r>(
    pattern: &'p UriPattern,
    path: &'r str,
    mut on_label: impl FnMut(&'p str, &'r str),
) -> bool {
    let mut rest = Some(path.strip_prefix('/').unwrap_or(path));
    let segments = significant(pattern);
    for (at, segment) in segments.iter().enumerate() {
        let Some(text) = rest else { return false };
        let (first, tail) = match text.split_once('/') {
            Some((first, tail)) => (first, Some(tail)),
            None => (text, None),
        };
        match segment {
            Segment::Literal(literal) if same(literal, first) => rest = tail,
            Segment::Label(name) if !first.is_empty() => {
                on_label(name, first);
                rest = tail;
            }
            Segment::Greedy(name) => {
                // As much as leaves the segments behind it one each.
                let behind = segments.len() - at - 1;
                let mut taken = text;
                for _ in 0..behind {
                    match taken.rsplit_once('/') {
                        Some((head, _)) => taken = head,
                        None => return false,
                    }
                }
                if taken.is_empty() {
                    return false;
                }
                on_label(name, taken);
                rest = text[taken.len()..].strip_prefix('/');
            }
            _ => return false,
        }
    }
    rest.is_none_or(str::is_empty)
}

/// The pattern's segments without an empty one at the end.
pub(crate) fn significant(pattern: &UriPattern) -> &[Segment] {
    match pattern.segments.split_last() {
        Some((Segment::Literal(last), head)) if last.is_empty() => head,
        _ => &pattern.segments,
    }
}

fn same(literal: &str, raw: &str) -> bool {
    literal == raw || (raw.contains('%') && decode(raw).is_some_and(|text| text == literal))
}

/// Undoes percent encoding; `None` if that does not give UTF-8. A `+` stays one.
pub(crate) fn decode(raw: &str) -> Option<Cow<'_, str>> {
    percent_decode_str(raw).decode_utf8().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, path: &str, expected: &str) {
        let segments =
            pattern.split('/').skip(1).map(|text| match text.strip_prefix('{').and_then(|t| t.strip_suffix('}')) {
                Some(label) => match label.strip_suffix('+') {
                    Some(label) => Segment::Greedy(label.to_owned()),
                    None => Segment::Label(label.to_owned()),
                },
                None => Segment::Literal(text.to_owned()),
            });
        let pattern_of = UriPattern { segments: segments.collect(), query: Vec::new() };
        let bound = bind(&pattern_of, path);
        let found = bound.map_or("-".to_owned(), |labels| {
            labels.iter().map(|(name, raw)| format!("{name}={raw}")).collect::<Vec<_>>().join(" ")
        });
        assert_eq!(found, expected, "{pattern} with {path}");
    }

    #[test]
    fn labels_take_what_the_client_wrote() {
        for (pattern, path, expected) in [
            ("/", "/", ""),
            ("/", "", ""),
            ("/", "/a", "-"),
            ("/{B}", "/a", "B=a"),
            ("/{B}", "/a/", "B=a"),
            ("/{B}", "/a//", "-"),
            ("/{B}", "/", "-"),
            ("/{B}/{K+}", "/a/", "-"),
            ("/{B}/{K+}", "/a/k", "B=a K=k"),
            ("/{B}/{K+}", "/a/k/", "B=a K=k/"),
            ("/{B}/{K+}", "/a//", "B=a K=/"),
            ("/{B}/{K+}", "/a//x/../y%2Fz", "B=a K=/x/../y%2Fz"),
            ("/x/{K+}/tags", "/x/a/b/tags", "K=a/b"),
            ("/x/{K+}/tags", "/x/tags", "-"),
            ("/2015-03-31/functions/", "/2015-03-31/functions", ""),
            ("/2015-03-31/functions/{F}/code", "/2015-03-31/functions/a%3Ab/code", "F=a%3Ab"),
            ("/a-b", "/a%2Db", ""),
        ] {
            check(pattern, path, expected);
        }
    }
}
