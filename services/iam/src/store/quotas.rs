//! How much there may be. Source: IAM user guide, "IAM and AWS STS quotas".

/// Access keys that a user may have.
pub const KEYS_MAX: usize = 2;
/// Managed policies on a user, group or role: the quota's default.
pub const POLICIES_MAX: usize = 10;
/// Users in an account.
pub const USERS_MAX: usize = 5000;
/// Groups in an account.
pub const GROUPS_MAX: usize = 300;
/// Roles in an account.
pub const ROLES_MAX: usize = 1000;
/// Customer managed policies in an account.
pub const MANAGED_POLICIES_MAX: usize = 1500;
/// Instance profiles in an account.
pub const INSTANCE_PROFILES_MAX: usize = 1000;
/// Groups that a user may be in.
pub const GROUPS_PER_USER_MAX: usize = 10;
/// Versions of a managed policy.
pub const VERSIONS_MAX: usize = 5;
/// Characters of a managed policy, white space not counted.
pub const MANAGED_POLICY_CHARS_MAX: usize = 6144;
/// Characters of a role's trust policy: the quota's default.
pub const TRUST_POLICY_CHARS_MAX: usize = 2048;
/// Characters of a user's inline policies together.
pub const USER_INLINE_CHARS_MAX: usize = 2048;
/// Characters of a group's inline policies together.
pub const GROUP_INLINE_CHARS_MAX: usize = 5120;
/// Characters of a role's inline policies together.
pub const ROLE_INLINE_CHARS_MAX: usize = 10240;
