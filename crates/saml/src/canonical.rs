//! Exclusive canonical XML without comments. Source: Exclusive XML Canonicalization 1.0, section 3, and Canonical XML 1.0, sections 2.3
//! and 1.1 (what is escaped).

use std::collections::BTreeMap;

use roxmltree::{Node, NodeId};

/// The prefix that no declaration can change.
const XML: &str = "xml";

/// The bytes of an element as they are signed, without the subtree `without`. `inclusive`: the prefixes whose declarations are written
/// whether or not they are used (`InclusiveNamespaces`; `""` for `#default`).
pub fn exclusive(element: Node<'_, '_>, without: Option<NodeId>, inclusive: &[&str]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(1024);
    let writer = Writer { source: element.document().input_text(), without, inclusive };
    writer.element(element, &BTreeMap::new(), &mut out)?;
    Some(out)
}

struct Writer<'a> {
    source: &'a str,
    without: Option<NodeId>,
    inclusive: &'a [&'a str],
}

impl<'a> Writer<'a> {
    /// `rendered`: what the declarations written so far around this element say.
    fn element(&self, element: Node<'a, 'a>, rendered: &BTreeMap<&'a str, &'a str>, out: &mut Vec<u8>) -> Option<()> {
        let name = self.name(element)?;
        let mut used = vec![prefix(name)];
        let mut attributes = Vec::new();
        for attribute in element.attributes() {
            let qualified = self.source.get(attribute.range_qname())?;
            let of = prefix(qualified);
            if !of.is_empty() {
                used.push(of);
            }
            attributes.push((attribute.namespace().unwrap_or(""), attribute.name(), qualified, attribute.value()));
        }
        attributes.sort_unstable_by_key(|(namespace, local, ..)| (*namespace, *local));
        used.extend(self.inclusive.iter().filter(|prefix| declared(element, prefix).is_some()));
        used.sort_unstable();
        used.dedup();
        let mut rendered = rendered.clone();
        out.push(b'<');
        out.extend_from_slice(name.as_bytes());
        for prefix in used.into_iter().filter(|prefix| *prefix != XML) {
            let uri = declared(element, prefix).unwrap_or("");
            // The empty namespace is only said where another one would hold.
            let holds = rendered.get(prefix).copied().or_else(|| prefix.is_empty().then_some(""));
            if holds == Some(uri) {
                continue;
            }
            rendered.insert(prefix, uri);
            out.extend_from_slice(if prefix.is_empty() { b" xmlns" } else { b" xmlns:" });
            out.extend_from_slice(prefix.as_bytes());
            quoted(uri, out);
        }
        for (_, _, qualified, value) in attributes {
            out.push(b' ');
            out.extend_from_slice(qualified.as_bytes());
            quoted(value, out);
        }
        out.push(b'>');
        for child in element.children().filter(|child| Some(child.id()) != self.without) {
            if child.is_element() {
                self.element(child, &rendered, out)?;
            } else if let Some(text) = child.text().filter(|_| child.is_text()) {
                escaped(text, out);
            } else if let Some(instruction) = child.pi() {
                out.extend_from_slice(format!("<?{}", instruction.target).as_bytes());
                if let Some(value) = instruction.value {
                    out.extend_from_slice(format!(" {value}").as_bytes());
                }
                out.extend_from_slice(b"?>");
            }
        }
        out.extend_from_slice(b"</");
        out.extend_from_slice(name.as_bytes());
        out.push(b'>');
        Some(())
    }

    /// The element's name as it is written, with its prefix.
    fn name(&self, element: Node<'_, '_>) -> Option<&'a str> {
        let text = self.source.get(element.range())?.strip_prefix('<')?;
        let end = text.find(|character: char| character.is_ascii_whitespace() || matches!(character, '/' | '>'))?;
        text.get(..end)
    }
}

fn prefix(name: &str) -> &str {
    name.split_once(':').map_or("", |(prefix, _)| prefix)
}

/// What a prefix stands for in an element; `None`: nothing.
fn declared<'a>(element: Node<'a, 'a>, prefix: &str) -> Option<&'a str> {
    element.lookup_namespace_uri((!prefix.is_empty()).then_some(prefix))
}

fn quoted(value: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b"=\"");
    for byte in value.bytes() {
        match byte {
            b'&' => out.extend_from_slice(b"&amp;"),
            b'<' => out.extend_from_slice(b"&lt;"),
            b'"' => out.extend_from_slice(b"&quot;"),
            b'\t' => out.extend_from_slice(b"&#x9;"),
            b'\n' => out.extend_from_slice(b"&#xA;"),
            b'\r' => out.extend_from_slice(b"&#xD;"),
            _ => out.push(byte),
        }
    }
    out.push(b'"');
}

fn escaped(text: &str, out: &mut Vec<u8>) {
    for byte in text.bytes() {
        match byte {
            b'&' => out.extend_from_slice(b"&amp;"),
            b'<' => out.extend_from_slice(b"&lt;"),
            b'>' => out.extend_from_slice(b"&gt;"),
            b'\r' => out.extend_from_slice(b"&#xD;"),
            _ => out.push(byte),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// (the document, the element's local name, prefixes that are always declared, what is signed)
    const CASES: &[(&str, &str, &[&str], &str)] = &[
        // Exclusive XML Canonicalization 1.0, section 2.2: the same subtree in two surroundings.
        (
            "<n0:local xmlns:n0=\"foo:bar\" xmlns:n3=\"ftp://example.org\"><n1:elem2 xmlns:n1=\"http://example.net\" xml:lang=\"en\"><n3:stuff xmlns:n3=\"ftp://example.org\"/></n1:elem2></n0:local>",
            "elem2",
            &[],
            "<n1:elem2 xmlns:n1=\"http://example.net\" xml:lang=\"en\"><n3:stuff xmlns:n3=\"ftp://example.org\"></n3:stuff></n1:elem2>",
        ),
        (
            "<n2:pdu xmlns:n1=\"http://example.com\" xmlns:n2=\"http://foo.example\" xml:lang=\"fr\" xml:space=\"retain\"><n1:elem2 xmlns:n1=\"http://example.net\" xml:lang=\"en\"><n3:stuff xmlns:n3=\"ftp://example.org\"/></n1:elem2></n2:pdu>",
            "elem2",
            &[],
            "<n1:elem2 xmlns:n1=\"http://example.net\" xml:lang=\"en\"><n3:stuff xmlns:n3=\"ftp://example.org\"></n3:stuff></n1:elem2>",
        ),
        // Canonical XML 1.0, section 3.3: order of attributes and declarations, what is superfluous.
        (
            "<doc><e5 a:attr=\"out\" b:attr=\"sorted\" attr2=\"all\" attr=\"I'm\" xmlns:b=\"http://www.ietf.org\" xmlns:a=\"http://www.w3.org\" xmlns=\"http://example.org\"/></doc>",
            "e5",
            &[],
            "<e5 xmlns=\"http://example.org\" xmlns:a=\"http://www.w3.org\" xmlns:b=\"http://www.ietf.org\" attr=\"I'm\" attr2=\"all\" b:attr=\"sorted\" a:attr=\"out\"></e5>",
        ),
        // An empty default namespace is said where another one holds.
        ("<a xmlns=\"u:a\"><b xmlns=\"\"><c/></b></a>", "a", &[], "<a xmlns=\"u:a\"><b xmlns=\"\"><c></c></b></a>"),
        ("<a xmlns=\"u:a\"><b xmlns=\"\"><c/></b></a>", "b", &[], "<b><c></c></b>"),
        // Section 3.4: characters.
        (
            "<doc><t v=\"a&#9;b&quot;&amp;&lt;&gt;&#10;\">x &gt; y &amp; &lt;z&gt; &#13;<![CDATA[<raw>]]><!-- gone --></t></doc>",
            "t",
            &[],
            "<t v=\"a&#x9;b&quot;&amp;&lt;>&#xA;\">x &gt; y &amp; &lt;z&gt; &#xD;&lt;raw&gt;</t>",
        ),
        ("<d><t ><?go on?><u\n/></t\n></d>", "t", &[], "<t><?go on?><u></u></t>"),
        // A declaration that nothing uses is written if it is to be.
        ("<d xmlns:xs=\"u:xs\"><t><u/></t></d>", "t", &["xs", "no"], "<t xmlns:xs=\"u:xs\"><u></u></t>"),
        ("<d xmlns:xs=\"u:xs\"><t><u/></t></d>", "t", &[], "<t><u></u></t>"),
        (
            "<p:a xmlns:p=\"u:1\"><p:b><p:c xmlns:p=\"u:2\"/></p:b></p:a>",
            "b",
            &[],
            "<p:b xmlns:p=\"u:1\"><p:c xmlns:p=\"u:2\"></p:c></p:b>",
        ),
    ];

    #[test]
    fn elements_are_written_as_they_are_signed() {
        for (text, name, inclusive, expected) in CASES {
            let document = roxmltree::Document::parse(text).unwrap();
            let element = document.descendants().find(|node| node.tag_name().name() == *name).unwrap();
            let written = String::from_utf8(exclusive(element, None, inclusive).unwrap()).unwrap();
            assert_eq!(written, *expected, "{text}");
            // What is canonical stays what it is.
            let again = roxmltree::Document::parse(&written).unwrap();
            assert_eq!(exclusive(again.root_element(), None, inclusive).unwrap(), written.as_bytes());
        }
    }
}
