//! What is wrong with a pattern's text, where, and what AWS answers to it.

/// Why a text is not a filter pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message} (at character {})", .position + 1)]
pub struct PatternError {
    position: usize,
    message: String,
    /// AWS answers with this very text.
    answered: bool,
}

impl PatternError {
    /// A mistake for which AWS has no text of its own.
    pub(crate) fn new(position: usize, message: impl Into<String>) -> PatternError {
        PatternError { position, message: message.into(), answered: false }
    }

    /// A mistake, in AWS's words.
    pub(crate) fn answered(position: usize, message: impl Into<String>) -> PatternError {
        PatternError { position, message: message.into(), answered: true }
    }

    /// Characters that belong to no term, in AWS's words.
    pub(crate) fn term(position: usize, term: &str) -> PatternError {
        PatternError::answered(position, format!("Invalid character(s) in term '{term}'"))
    }

    /// Where it is, in bytes from the start of the text.
    pub fn position(&self) -> usize {
        self.position
    }

    /// What it is.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What PutMetricFilter and TestMetricFilter answer (`InvalidParameterException`).
    pub fn for_metric_filter(&self) -> &str {
        if self.answered { &self.message } else { "Invalid metric filter pattern" }
    }

    /// What FilterLogEvents, PutSubscriptionFilter and StartLiveTail answer (`InvalidParameterException`).
    pub fn for_filter(&self) -> &str {
        if self.answered { &self.message } else { "Invalid filter pattern" }
    }

    /// The same mistake, `by` bytes further on.
    pub(crate) fn moved(mut self, by: usize) -> PatternError {
        self.position += by;
        self
    }
}
