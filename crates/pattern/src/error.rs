//! What is wrong with a pattern's text, and where.

/// Why a text is not a filter pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message} (at character {})", .position + 1)]
pub struct PatternError {
    position: usize,
    message: String,
}

impl PatternError {
    pub(crate) fn new(position: usize, message: impl Into<String>) -> PatternError {
        PatternError { position, message: message.into() }
    }

    /// Where it is, in bytes from the start of the text.
    pub fn position(&self) -> usize {
        self.position
    }

    /// What it is.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The same mistake, `by` bytes further on.
    pub(crate) fn moved(mut self, by: usize) -> PatternError {
        self.position += by;
        self
    }
}
