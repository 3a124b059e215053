//! What clients know of what they have changed: a value, or several while nobody can tell which.

/// The values that something may have.
#[derive(Clone, Debug)]
pub(crate) struct Possible<T> {
    values: Vec<T>,
    /// A call that changes it may still be running though nobody waits for it: until the next restart nothing is certain.
    tainted: bool,
}

/// How a change ended, as far as its client knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// It was made.
    Done,
    /// It was refused: nothing has changed.
    Refused,
    /// It was answered with a failure of the server: made or not, but over.
    Unknown,
    /// It was not answered.
    Lost,
}

impl<T: Clone + PartialEq> Possible<T> {
    /// It has this value.
    pub(crate) fn certain(value: T) -> Possible<T> {
        Possible { values: vec![value], tainted: false }
    }

    /// A change to this value is sent.
    pub(crate) fn begin(&mut self, value: &T) {
        if !self.values.contains(value) {
            self.values.push(value.clone());
        }
    }

    /// The change to this value is over; `before` is what was possible before it.
    pub(crate) fn end(&mut self, value: &T, before: Possible<T>, end: End) {
        match end {
            End::Done if !self.tainted => self.values = vec![value.clone()],
            End::Refused => self.values = before.values,
            End::Done | End::Unknown => {}
            End::Lost => self.tainted = true,
        }
    }

    /// It was seen to have this value. False if it cannot have.
    pub(crate) fn observe(&mut self, value: &T) -> bool {
        let possible = self.values.contains(value);
        if possible && !self.tainted {
            self.values = vec![value.clone()];
        }
        possible
    }

    /// All calls are over: the server has stopped.
    pub(crate) fn settle(&mut self) {
        self.tainted = false;
    }

    pub(crate) fn is_tainted(&self) -> bool {
        self.tainted
    }

    /// The one value it can have.
    pub(crate) fn only(&self) -> Option<&T> {
        match &self.values[..] {
            [only] if !self.tainted => Some(only),
            _ => None,
        }
    }

    /// All values that it can have.
    pub(crate) fn values(&self) -> &[T] {
        &self.values
    }
}
