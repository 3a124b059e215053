//! A small XML tree. Must never resolve an entity of a document's own making, nor nest deeper than [`DEPTH_MAX`].

use std::borrow::Cow;

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

use crate::DEPTH_MAX;
use crate::fault::{Fault, Outcome};

/// An element with what is inside it.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct Element<'x> {
    /// As written, prefix included.
    pub(crate) name: Cow<'x, str>,
    /// Names as written, values unescaped; namespace declarations among them.
    pub(crate) attributes: Vec<(Cow<'x, str>, Cow<'x, str>)>,
    /// Elements inside, in order.
    pub(crate) children: Vec<Element<'x>>,
    /// All text directly inside, in one.
    pub(crate) text: Cow<'x, str>,
}

/// Reads a document; `None` if it is empty.
pub(crate) fn parse(body: &[u8]) -> Outcome<Option<Element<'_>>> {
    let text = std::str::from_utf8(body).map_err(|_| Fault::new("the document is not UTF-8"))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim().is_empty() {
        return Ok(None);
    }
    let mut reader = Reader::from_str(text);
    let mut open: Vec<Element<'_>> = Vec::new();
    let mut root = None;
    loop {
        let event = reader.read_event().map_err(malformed)?;
        match event {
            Event::Start(start) => {
                if root.is_some() {
                    return Err(Fault::new("more than one root element"));
                }
                if open.len() >= DEPTH_MAX {
                    return Err(Fault::new(format_args!("nested deeper than {DEPTH_MAX} levels")));
                }
                open.push(element(&start)?);
            }
            Event::Empty(start) => {
                let element = element(&start)?;
                finish(element, &mut open, &mut root)?;
            }
            Event::End(_) => {
                let element = open.pop().ok_or_else(|| Fault::new("an end tag without its start"))?;
                finish(element, &mut open, &mut root)?;
            }
            Event::Text(content) => append(&mut open, content.xml10_content())?,
            Event::CData(content) => append(&mut open, content.xml10_content())?,
            Event::GeneralRef(reference) => append(&mut open, Cow::Owned(resolve(&reference)?.to_string()))?,
            Event::DocType(_) => return Err(Fault::new("document type definitions are not accepted")),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
            Event::Eof if open.is_empty() => return Ok(root),
            Event::Eof => return Err(Fault::new("the document is cut off")),
        }
    }
}

fn finish<'x>(element: Element<'x>, open: &mut [Element<'x>], root: &mut Option<Element<'x>>) -> Outcome<()> {
    match open.last_mut() {
        Some(parent) => parent.children.push(element),
        None if root.is_some() => return Err(Fault::new("more than one root element")),
        None => *root = Some(element),
    }
    Ok(())
}

fn append<'x>(open: &mut [Element<'x>], content: Cow<'x, str>) -> Outcome<()> {
    match open.last_mut() {
        Some(element) if element.text.is_empty() => element.text = content,
        Some(element) => element.text.to_mut().push_str(&content),
        None if content.trim().is_empty() => {}
        None => return Err(Fault::new("text outside of the root element")),
    }
    Ok(())
}

fn element<'x>(start: &BytesStart<'x>) -> Outcome<Element<'x>> {
    let mut element = Element { name: Cow::Owned(start.name().into_inner().to_owned()), ..Element::default() };
    for attribute in start.attributes().with_checks(false) {
        let attribute = attribute.map_err(malformed)?;
        let value = attribute.normalized_value(XmlVersion::Implicit1_0).map_err(malformed)?.into_owned();
        element.attributes.push((Cow::Owned(attribute.key.into_inner().to_owned()), Cow::Owned(value)));
    }
    Ok(element)
}

/// The character that `&reference;` stands for: the five of XML itself, and numbers.
fn resolve(reference: &str) -> Outcome<char> {
    let unknown = || Fault::new("an entity that XML does not define");
    let number = |digits: &str, radix| {
        let digits_only = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_hexdigit());
        let code = digits_only.then(|| u32::from_str_radix(digits, radix).ok()).flatten();
        code.and_then(char::from_u32).filter(|c| *c != '\0').ok_or_else(unknown)
    };
    match reference {
        "lt" => Ok('<'),
        "gt" => Ok('>'),
        "amp" => Ok('&'),
        "quot" => Ok('"'),
        "apos" => Ok('\''),
        _ => match (reference.strip_prefix("#x"), reference.strip_prefix('#')) {
            (Some(hex), _) => number(hex, 16),
            (_, Some(decimal)) => number(decimal, 10),
            _ => Err(unknown()),
        },
    }
}

fn malformed(error: impl std::fmt::Display) -> Box<Fault> {
    Fault::new(format_args!("not well-formed XML: {error}"))
}
