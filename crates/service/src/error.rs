//! [`ApiError`]: what the client reads of a failure, and what we log of it, as separate values.

use std::borrow::Cow;
use std::fmt;

use model::Fields;

/// A refusal or failure in the service's own words.
#[derive(Clone, Debug)]
pub struct ApiError {
    /// The code on the wire: `TrailNotFoundException`.
    pub code: Cow<'static, str>,
    /// The text that the client reads. Never holds a secret, a path of ours or a cause from below.
    pub message: String,
    /// HTTP status. 4xx is the sender's fault.
    pub status: u16,
    /// Further members of the modelled error shape.
    pub fields: Fields,
    /// What we log, not told to the client.
    pub log: Option<String>,
}

impl ApiError {
    /// A refusal with a code and a text for the client.
    pub fn new(code: impl Into<Cow<'static, str>>, status: u16, message: impl Into<String>) -> ApiError {
        ApiError { code: code.into(), message: message.into(), status, fields: Fields::new(), log: None }
    }

    /// Our own failure: the client learns that there was one, the log learns which.
    pub fn internal(log: impl fmt::Display) -> ApiError {
        ApiError {
            log: Some(log.to_string()),
            ..ApiError::new("InternalFailure", 500, "We encountered an internal error. Please try again.")
        }
    }

    /// Something below is out of reach for now (disk full, storage away): the client may try again.
    pub fn unavailable(log: impl fmt::Display) -> ApiError {
        ApiError {
            log: Some(log.to_string()),
            ..ApiError::new("ServiceUnavailable", 503, "The service is unavailable. Please try again shortly.")
        }
    }

    /// The same with a further member of the error shape.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<model::Value>) -> ApiError {
        self.fields.set(name, value);
        self
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for ApiError {}

impl From<ports::Unavailable> for ApiError {
    fn from(error: ports::Unavailable) -> ApiError {
        ApiError::unavailable(error)
    }
}

/// Declares a service's errors: an enum whose variant is the wire code and whose text is the wire message.
/// The crate that uses it depends on `thiserror`.
///
/// ```
/// service::api_errors! {
///     /// What CloudTrail refuses.
///     pub enum Error {
///         /// No such trail.
///         TrailNotFoundException(String) = 404 => "Unknown trail: {0}",
///         /// The code on the wire may differ from the variant.
///         NoSuchEntity(String) = 404 as "NoSuchEntityException" => "{0}",
///     }
/// }
/// let error: service::ApiError = Error::TrailNotFoundException("t".into()).into();
/// assert_eq!((error.code.as_ref(), error.status, error.message.as_str()), ("TrailNotFoundException", 404, "Unknown trail: t"));
/// ```
#[macro_export]
macro_rules! api_errors {
    ($(#[$meta:meta])* $vis:vis enum $name:ident {
        $($(#[$vmeta:meta])* $variant:ident $(($($ty:ty),* $(,)?))? = $status:literal $(as $code:literal)? => $text:tt),* $(,)?
    }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, $crate::thiserror::Error)]
        $vis enum $name {
            $($(#[$vmeta])* #[error($text)] $variant $(($($ty),*))?),*
        }

        impl $name {
            /// The code on the wire.
            pub fn code(&self) -> &'static str {
                match self { $(Self::$variant { .. } => { let code = stringify!($variant); $(let _ = code; let code = $code;)? code })* }
            }

            /// The HTTP status.
            pub fn status(&self) -> u16 {
                match self { $(Self::$variant { .. } => $status),* }
            }
        }

        impl From<$name> for $crate::ApiError {
            fn from(error: $name) -> $crate::ApiError {
                $crate::ApiError::new(error.code(), error.status(), error.to_string())
            }
        }
    };
}
