//! [`Lane`]: whose records, and of which region. Each trail has files and a chain of digests for every lane.

use std::fmt;

/// See the module. As text a region (`us-east-1`), or an account and a region (`123456789012/us-east-1`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lane<'a> {
    /// The account, if it is not the trail's own.
    pub account: Option<&'a str>,
    /// The region.
    pub region: &'a str,
}

impl<'a> Lane<'a> {
    /// Of the trail's own account.
    pub fn own(region: &'a str) -> Lane<'a> {
        Lane { account: None, region }
    }

    /// Reads what `to_string` wrote.
    pub fn parse(text: &'a str) -> Lane<'a> {
        match text.split_once('/') {
            Some((account, region)) => Lane { account: Some(account), region },
            None => Lane::own(text),
        }
    }

    /// The account; `own` is the trail's.
    pub fn account_or(&self, own: &'a str) -> &'a str {
        self.account.unwrap_or(own)
    }
}

impl fmt::Display for Lane<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(account) = self.account {
            write!(f, "{account}/")?;
        }
        f.write_str(self.region)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lanes_read_as_they_are_written() {
        for text in ["us-east-1", "123456789012/eu-west-1"] {
            assert_eq!(Lane::parse(text).to_string(), text);
        }
        assert_eq!(Lane::parse("123456789012/eu-west-1").account_or("1"), "123456789012");
        assert_eq!(Lane::parse("eu-west-1").account_or("1"), "1");
    }
}
