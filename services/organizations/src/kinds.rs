//! The types of policies, and what holds for each. Sources: Organizations user guide, "Quotas and service limits for AWS Organizations"
//! and the page on each type's syntax.

use serde::{Deserialize, Serialize};

/// A type of policies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PolicyType {
    /// What identities of members may do at most.
    ServiceControlPolicy,
    /// What may be done to members' resources at most.
    ResourceControlPolicy,
    /// See the user guide, as for all below.
    TagPolicy,
    /// Backup plans.
    BackupPolicy,
    /// Whether services learn from content.
    AiservicesOptOutPolicy,
    /// Chat applications.
    ChatbotPolicy,
    /// Attributes of EC2.
    DeclarativePolicyEc2,
    /// Security Hub.
    SecurityhubPolicy,
    /// Inspector.
    InspectorPolicy,
    /// Order of upgrades.
    UpgradeRolloutPolicy,
    /// Bedrock guardrails.
    BedrockPolicy,
    /// S3's public access block.
    S3Policy,
    /// Network security director.
    NetworkSecurityDirectorPolicy,
}

/// What is attached everywhere when service control policies are enabled.
pub const FULL_ACCESS: &str = "p-FullAWSAccess";
/// What is attached everywhere when resource control policies are enabled, and cannot be detached.
pub const RCP_FULL_ACCESS: &str = "p-RCPFullAWSAccess";

/// Policies of a type in an organization.
pub const POLICIES_MAX: usize = 1000;

impl PolicyType {
    /// All of them.
    #[cfg(test)]
    pub const ALL: [PolicyType; 13] = [
        PolicyType::ServiceControlPolicy,
        PolicyType::ResourceControlPolicy,
        PolicyType::TagPolicy,
        PolicyType::BackupPolicy,
        PolicyType::AiservicesOptOutPolicy,
        PolicyType::ChatbotPolicy,
        PolicyType::DeclarativePolicyEc2,
        PolicyType::SecurityhubPolicy,
        PolicyType::InspectorPolicy,
        PolicyType::UpgradeRolloutPolicy,
        PolicyType::BedrockPolicy,
        PolicyType::S3Policy,
        PolicyType::NetworkSecurityDirectorPolicy,
    ];

    /// The API's name: `SERVICE_CONTROL_POLICY`.
    pub fn name(self) -> &'static str {
        match self {
            PolicyType::ServiceControlPolicy => "SERVICE_CONTROL_POLICY",
            PolicyType::ResourceControlPolicy => "RESOURCE_CONTROL_POLICY",
            PolicyType::TagPolicy => "TAG_POLICY",
            PolicyType::BackupPolicy => "BACKUP_POLICY",
            PolicyType::AiservicesOptOutPolicy => "AISERVICES_OPT_OUT_POLICY",
            PolicyType::ChatbotPolicy => "CHATBOT_POLICY",
            PolicyType::DeclarativePolicyEc2 => "DECLARATIVE_POLICY_EC2",
            PolicyType::SecurityhubPolicy => "SECURITYHUB_POLICY",
            PolicyType::InspectorPolicy => "INSPECTOR_POLICY",
            PolicyType::UpgradeRolloutPolicy => "UPGRADE_ROLLOUT_POLICY",
            PolicyType::BedrockPolicy => "BEDROCK_POLICY",
            PolicyType::S3Policy => "S3_POLICY",
            PolicyType::NetworkSecurityDirectorPolicy => "NETWORK_SECURITY_DIRECTOR_POLICY",
        }
    }

    /// The part of ARNs: `service_control_policy`.
    pub fn in_arn(self) -> String {
        self.name().to_ascii_lowercase()
    }

    /// Whether its policies permit or forbid calls; the others configure services, and are merged into effective policies.
    pub fn authorizes(self) -> bool {
        matches!(self, PolicyType::ServiceControlPolicy | PolicyType::ResourceControlPolicy)
    }

    /// The longest document, in bytes for what authorizes and in characters else.
    pub fn content_max(self) -> usize {
        match self {
            PolicyType::ServiceControlPolicy | PolicyType::ResourceControlPolicy => 5_120,
            PolicyType::AiservicesOptOutPolicy => 2_500,
            _ => 10_000,
        }
    }

    /// How many may be on one root, unit or account.
    pub fn attached_max(self) -> usize {
        match self {
            PolicyType::ServiceControlPolicy
            | PolicyType::ResourceControlPolicy
            | PolicyType::AiservicesOptOutPolicy
            | PolicyType::ChatbotPolicy => 5,
            _ => 10,
        }
    }

    /// What is attached everywhere when the type is enabled.
    pub fn attached_first(self) -> Option<&'static str> {
        match self {
            PolicyType::ServiceControlPolicy => Some(FULL_ACCESS),
            PolicyType::ResourceControlPolicy => Some(RCP_FULL_ACCESS),
            _ => None,
        }
    }

    /// The only member that a document of the type has at its top, where the user guide names one.
    pub fn top(self) -> Option<&'static str> {
        match self {
            PolicyType::TagPolicy => Some("tags"),
            PolicyType::BackupPolicy => Some("plans"),
            PolicyType::AiservicesOptOutPolicy => Some("services"),
            PolicyType::DeclarativePolicyEc2 => Some("ec2_attributes"),
            _ => None,
        }
    }
}

/// A policy that AWS wrote.
pub struct Managed {
    /// `p-…`.
    pub id: &'static str,
    /// Its name.
    pub name: &'static str,
    /// For people.
    pub description: &'static str,
    /// Its type.
    pub kind: PolicyType,
    /// The document.
    pub content: &'static str,
}

/// The policies that AWS wrote.
pub static MANAGED: [Managed; 2] = [
    Managed {
        id: FULL_ACCESS,
        name: "FullAWSAccess",
        description: "Allows access to every operation",
        kind: PolicyType::ServiceControlPolicy,
        content: "{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": [\n    {\n      \"Effect\": \"Allow\",\n      \"Action\": \"*\",\n      \"Resource\": \"*\"\n    }\n  ]\n}",
    },
    Managed {
        id: RCP_FULL_ACCESS,
        name: "RCPFullAWSAccess",
        description: "Allows access to every resource",
        kind: PolicyType::ResourceControlPolicy,
        content: "{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": [\n    {\n      \"Effect\": \"Allow\",\n      \"Principal\": \"*\",\n      \"Action\": \"*\",\n      \"Resource\": \"*\"\n    }\n  ]\n}",
    },
];

/// The policy of AWS with this identifier.
pub fn managed(id: &str) -> Option<&'static Managed> {
    MANAGED.iter().find(|policy| policy.id == id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_documents() {
        for kind in PolicyType::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
        }
    }
}
