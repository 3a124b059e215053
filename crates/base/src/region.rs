//! The regions of AWS and the partitions they are in.

use std::fmt;

/// A region of AWS, one of [`REGIONS`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Region(&'static str);

/// Every region Cairn serves. Source: AWS general reference, "AWS service endpoints".
pub const REGIONS: [&str; 36] = [
    "af-south-1",
    "ap-east-1",
    "ap-east-2",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-south-2",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-southeast-3",
    "ap-southeast-4",
    "ap-southeast-5",
    "ap-southeast-6",
    "ap-southeast-7",
    "ca-central-1",
    "ca-west-1",
    "cn-north-1",
    "cn-northwest-1",
    "eu-central-1",
    "eu-central-2",
    "eu-north-1",
    "eu-south-1",
    "eu-south-2",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "il-central-1",
    "me-central-1",
    "me-south-1",
    "mx-central-1",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
];

impl Region {
    /// Where global services (IAM, STS's global endpoint, Organizations) live and record.
    pub const US_EAST_1: Region = Region("us-east-1");

    /// The region of this name; `aws-global` means us-east-1. `None` if AWS has no such region.
    pub fn parse(name: &str) -> Option<Region> {
        if name == "aws-global" {
            return Some(Region::US_EAST_1);
        }
        REGIONS.iter().find(|known| **known == name).map(|known| Region(known))
    }

    /// All regions, sorted by name.
    pub fn all() -> impl Iterator<Item = Region> {
        REGIONS.iter().map(|name| Region(name))
    }

    /// The name: `eu-central-1`.
    pub fn as_str(self) -> &'static str {
        self.0
    }

    /// The ARN partition: `aws`, or `aws-cn` for the regions in China.
    pub fn partition(self) -> &'static str {
        if self.0.starts_with("cn-") { "aws-cn" } else { "aws" }
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl fmt::Debug for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl serde::Serialize for Region {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0)
    }
}

impl<'de> serde::Deserialize<'de> for Region {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Region, D::Error> {
        let name = <std::borrow::Cow<'_, str> as serde::Deserialize>::deserialize(deserializer)?;
        Region::parse(&name).ok_or_else(|| serde::de::Error::custom(format!("no region is named {name:?}")))
    }
}
