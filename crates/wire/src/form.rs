//! Query and EC2 requests: `Action=…&Version=…&Name.member.1.Key=…` as a form body or a query string. Pairs are sorted so that
//! everything under one prefix lies together, then read by the model from the front. Must never take longer than sorting takes.

use std::borrow::Cow;

use model::shape::Structure;
use model::{Fields, Member, Model, Name, ShapeKind, ShapeRef, TimestampFormat, Value};
use percent_encoding::percent_decode;

use crate::entries::{Entries, set_member};
use crate::fault::{Fault, Outcome, quote};
use crate::scalar;
use crate::{DEPTH_MAX, xml};

/// One `key=value`, decoded.
pub(crate) type Pair<'f> = (Cow<'f, str>, Cow<'f, str>);

/// Which of the two protocols names the members.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    Query,
    Ec2,
}

/// Splits and decodes a form. Keys or values that are not UTF-8 are an error.
pub(crate) fn pairs(form: &str) -> impl Iterator<Item = Outcome<Pair<'_>>> {
    form.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        Ok((decode(key)?, decode(value)?))
    })
}

/// Undoes percent encoding, and `+` for space.
pub(crate) fn decode(text: &str) -> Outcome<Cow<'_, str>> {
    let bytes = text.as_bytes();
    if !bytes.iter().any(|b| matches!(b, b'%' | b'+')) {
        return Ok(Cow::Borrowed(text));
    }
    let spaced: Cow<'_, str> = if bytes.contains(&b'+') { text.replace('+', " ").into() } else { text.into() };
    let decoded = percent_decode(spaced.as_bytes()).decode_utf8();
    decoded.map(|text| Cow::Owned(text.into_owned())).map_err(|_| Fault::expected("percent-encoded UTF-8", text))
}

/// Reads the input structure.
pub(crate) fn read(model: &Model, structure: &Structure, style: Style, mut pairs: Vec<Pair<'_>>) -> Outcome<Fields> {
    pairs.sort_by(|(a, _), (b, _)| by_segments(a, b));
    let reader = Reader { model, style };
    reader.members(structure, &pairs, 0, 0)
}

/// Orders keys so that a segment's own key precedes the keys under it, and nothing comes between them.
fn by_segments(a: &str, b: &str) -> std::cmp::Ordering {
    let rank = |b: u8| if b == b'.' { 0 } else { u16::from(b) + 1 };
    let differing = a.bytes().zip(b.bytes()).find(|(a, b)| a != b);
    differing.map_or_else(|| a.len().cmp(&b.len()), |(a, b)| rank(a).cmp(&rank(b)))
}

struct Reader<'m> {
    model: &'m Model,
    style: Style,
}

/// Pairs that share the segment at the offset where the reader is: the segment, where the next one starts, and the pairs.
type Group<'p, 'f> = (&'p str, usize, &'p [Pair<'f>]);

/// Splits the pairs that go on after `offset` into groups of the same next segment.
fn groups<'p, 'f>(mut pairs: &'p [Pair<'f>], offset: usize) -> impl Iterator<Item = Group<'p, 'f>> {
    std::iter::from_fn(move || {
        let (key, segment) = loop {
            let (key, _) = pairs.first()?;
            match key.get(offset..) {
                Some(rest) if !rest.is_empty() => break (key, rest.split('.').next().unwrap_or(rest)),
                _ => pairs = &pairs[1..],
            }
        };
        let end = offset + segment.len();
        let same = |(other, _): &Pair<'_>| {
            other.get(offset..end) == Some(segment) && matches!(other.as_bytes().get(end), None | Some(b'.'))
        };
        let count = pairs.iter().take_while(|pair| same(pair)).count();
        let (group, rest) = pairs.split_at(count);
        pairs = rest;
        Some((&key[offset..end], end + 1, group))
    })
}

impl<'m> Reader<'m> {
    fn members(&self, structure: &'m Structure, pairs: &[Pair<'_>], offset: usize, depth: usize) -> Outcome<Fields> {
        if depth >= DEPTH_MAX {
            return Err(Fault::new(format_args!("nested deeper than {DEPTH_MAX} levels")));
        }
        let mut fields = Fields::new();
        for (segment, offset, group) in groups(pairs, offset) {
            let Some(member) = self.find(structure, segment) else { continue };
            let value = self.value(&member.target, group, offset, depth + 1);
            match value.map_err(|fault| fault.in_member(&member.name))? {
                Value::Null => {}
                value => set_member(&mut fields, &member.name, value),
            }
        }
        Ok(fields)
    }

    /// The member that a segment means. Lists of one level are known by their items' name too, as botocore writes them.
    fn find(&self, structure: &'m Structure, segment: &str) -> Option<&'m Member> {
        let by_item = |member: &&Member| xml::item_name(self.model, &member.target) == Some(segment);
        let mut members = structure.members.iter();
        members.clone().find(|member| self.is_named(member, segment)).or_else(|| members.find(by_item))
    }

    fn is_named(&self, member: &Member, segment: &str) -> bool {
        let traits = &member.target.traits;
        match (self.style, &traits.query_name, &traits.location_name) {
            (_, Some(name), _) => **name == *segment,
            (Style::Ec2, None, Some(name)) => capitalised(name, segment),
            (Style::Query, None, Some(name)) => **name == *segment,
            (Style::Ec2, None, None) => *member.name == *segment || capitalised(&member.name, segment),
            (Style::Query, None, None) => *member.name == *segment,
        }
    }

    fn value(&self, of: &'m ShapeRef, pairs: &[Pair<'_>], offset: usize, depth: usize) -> Outcome<Value> {
        if depth >= DEPTH_MAX {
            return Err(Fault::new(format_args!("nested deeper than {DEPTH_MAX} levels")));
        }
        let kind = &self.model.shape(of).kind;
        // Of several values for the very same key the last one counts; they come first in the order.
        let own = pairs.iter().take_while(|(key, _)| key.len() < offset).last().map(|(_, value)| value);
        let compound = matches!(kind, ShapeKind::Structure(_) | ShapeKind::List(_) | ShapeKind::Map(..));
        match own {
            Some(text) if !compound => {
                return scalar::read(kind, of, Cow::Borrowed(text), TimestampFormat::Iso8601);
            }
            Some(text) if !text.is_empty() => return Err(Fault::expected(scalar::kind_name(kind), text)),
            None if !compound => {
                return Err(Fault::new(format_args!("expected {}, found members of it", scalar::kind_name(kind))));
            }
            _ => {}
        }
        match kind {
            ShapeKind::Structure(structure) => self.members(structure, pairs, offset, depth).map(Value::Struct),
            ShapeKind::List(item) => self.list(item, pairs, offset, depth).map(Value::List),
            ShapeKind::Map(key, value) => self.map((key, value), pairs, offset, depth).map(Value::Struct),
            _ => Ok(Value::Null),
        }
    }

    fn list(&self, item: &'m ShapeRef, pairs: &[Pair<'_>], offset: usize, depth: usize) -> Outcome<Vec<Value>> {
        let wrapper = item.traits.location_name.as_deref().unwrap_or("member");
        let items = self.numbered(wrapper, pairs, offset, |number, group, offset| {
            self.value(item, group, offset, depth + 1).map_err(|fault| fault.in_item(number.saturating_sub(1)))
        })?;
        Ok(items)
    }

    fn map(
        &self,
        (key, value): (&'m ShapeRef, &'m ShapeRef),
        pairs: &[Pair<'_>],
        offset: usize,
        depth: usize,
    ) -> Outcome<Fields> {
        let key_name = key.traits.location_name.as_deref().unwrap_or("key");
        let value_name = value.traits.location_name.as_deref().unwrap_or("value");
        let read = self.numbered("entry", pairs, offset, |number, group, offset| {
            let mut entry = (None, Value::Null);
            for (segment, offset, group) in groups(group, offset) {
                if segment == key_name {
                    entry.0 = group
                        .iter()
                        .take_while(|(key, _)| key.len() < offset)
                        .last()
                        .map(|(_, key)| Name::from(&**key));
                } else if segment == value_name {
                    entry.1 =
                        self.value(value, group, offset, depth + 1).map_err(|fault| fault.in_member(value_name))?;
                }
            }
            let place = |fault: Box<Fault>| fault.in_item(number.saturating_sub(1));
            let key = entry.0.ok_or_else(|| place(Fault::new("an entry without its key")))?;
            Ok((key, entry.1))
        })?;
        let mut entries = Entries::default();
        read.into_iter().for_each(|(key, value)| entries.put(key, value));
        Ok(entries.done())
    }

    /// Reads what is under `1.`, `2.` … or `wrapper.1.`, `wrapper.2.` …, in the order of the numbers.
    fn numbered<T>(
        &self,
        wrapper: &str,
        pairs: &[Pair<'_>],
        offset: usize,
        mut read: impl FnMut(usize, &[Pair<'_>], usize) -> Outcome<T>,
    ) -> Outcome<Vec<T>> {
        let mut found: Vec<(usize, T)> = Vec::new();
        for (segment, offset, group) in groups(pairs, offset) {
            if let Some(number) = index(segment) {
                found.push((number, read(number, group, offset)?));
                continue;
            }
            if segment != wrapper && segment != "member" {
                return Err(Fault::new(format_args!("expected a number after the name, found \"{}\"", quote(segment))));
            }
            for (segment, offset, group) in groups(group, offset) {
                let number = index(segment).ok_or_else(|| Fault::expected("a number after the name", segment))?;
                found.push((number, read(number, group, offset)?));
            }
        }
        found.sort_by_key(|(number, _)| *number);
        Ok(found.into_iter().map(|(_, item)| item).collect())
    }
}

fn index(segment: &str) -> Option<usize> {
    let digits = !segment.is_empty() && segment.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| segment.parse().ok()).flatten()
}

/// Whether `segment` is `name` with its first letter in upper case.
fn capitalised(name: &str, segment: &str) -> bool {
    let mut chars = name.chars();
    let mut given = segment.chars();
    match (chars.next(), given.next()) {
        (Some(first), Some(upper)) => first.to_ascii_uppercase() == upper && chars.as_str() == given.as_str(),
        _ => false,
    }
}
