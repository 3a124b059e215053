//! One log event on its way past many patterns. Each form it can be seen in is made once, when the first pattern asks.

use std::cell::OnceCell;

use crate::{document::Document, fields::Fields};

/// A log event's message.
///
/// Make one for each event and show it to all filters of its group.
#[derive(Debug)]
pub struct Event<'a> {
    text: &'a str,
    document: OnceCell<Option<Document<'a>>>,
    fields: OnceCell<Fields<'a>>,
}

impl<'a> Event<'a> {
    /// An event of that message. Nothing is read yet.
    pub fn new(text: &'a str) -> Event<'a> {
        Event { text, document: OnceCell::new(), fields: OnceCell::new() }
    }

    /// The message.
    pub fn text(&self) -> &'a str {
        self.text
    }

    /// Whether the message is an object of JSON.
    pub fn is_json(&self) -> bool {
        self.document().is_some()
    }

    pub(crate) fn document(&self) -> Option<&Document<'a>> {
        self.document.get_or_init(|| Document::parse(self.text)).as_ref()
    }

    pub(crate) fn fields(&self) -> &Fields<'a> {
        self.fields.get_or_init(|| Fields::split(self.text))
    }
}
