//! Second factors in requests for sessions.

use base::Timestamp;
use service::{ApiError, Call};

use crate::{Error, Sts};

impl Sts {
    /// When the caller gave a second factor with this request; `None` if none was given. A code that was right is used up. Source:
    /// what STS answers.
    pub(crate) async fn second_factor(
        &self,
        call: &Call,
        serial: Option<&str>,
        code: Option<&str>,
    ) -> Result<Option<Timestamp>, ApiError> {
        let refuse = |text: &str| Err(Error::AccessDenied(format!("MultiFactorAuthentication failed, {text}")).into());
        match (serial, code) {
            (None, None) => Ok(None),
            (Some(serial), Some(code)) => {
                if self.deps.mfa.verify(&call.caller, serial, code).await? {
                    return Ok(Some(call.time.trunc_secs()));
                }
                let text = "MultiFactorAuthentication failed with invalid MFA one time pass code. ";
                Err(Error::AccessDenied(text.to_owned()).into())
            }
            (Some(_), None) => refuse("must provide MFA one time pass code. "),
            (None, Some(_)) => refuse("must provide both MFA serial number and one time pass code. "),
        }
    }
}
