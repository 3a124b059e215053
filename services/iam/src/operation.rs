//! [`operation!`]: an operation in as many lines as it has things to say. IAM has nearly two hundred, most of them a line of behaviour.

/// Declares an operation of IAM: its name, the resource it acts on, its input, its output, and what it does.
///
/// ```text
/// operation! {
///     /// Sets tags on a user.
///     TagUser on "user/{UserName}"
///     takes { user_name: String, tags: Vec<Tag> }
///     gives {}
///     |iam, _call, input| { …; Ok(Output {}) }
/// }
/// ```
/// Members are named as in the model, in snake case. Optional members are `Option`s; lists that may be absent have `#[serde(default)]`.
/// `Output` and `Input` are the names of the two types in the body. `on "*"` stands for everything.
macro_rules! operation {
    (
        $(#[$doc:meta])*
        $name:ident on $resource:tt
        $(ignores $ignores:expr;)?
        takes { $($(#[$in_meta:meta])* $in:ident : $in_type:ty),* $(,)? }
        gives { $($(#[$out_meta:meta])* $out:ident : $out_type:ty),* $(,)? }
        |$iam:pat_param, $call:pat_param, $input:pat_param| $body:block
    ) => {
        $(#[$doc])*
        pub struct $name;

        const _: () = {
            /// See the model.
            #[derive(serde::Deserialize)]
            #[serde(rename_all = "PascalCase")]
            pub struct Input { $($(#[$in_meta])* $in: $in_type),* }

            /// See the model.
            #[derive(serde::Serialize)]
            #[serde(rename_all = "PascalCase")]
            pub struct Output { $($(#[$out_meta])* $out: $out_type),* }

            impl service::Operation for $name {
                type Service = $crate::Iam;
                type Input = Input;
                type Output = Output;
                const NAME: &'static str = stringify!($name);
                const RESOURCE: &'static str = $crate::operation::resource!($resource);
                $(const IGNORES: &'static [&'static str] = $ignores;)?

                async fn run(
                    $iam: &$crate::Iam,
                    $call: &service::Call,
                    $input: Input,
                ) -> Result<Output, service::ApiError> $body
            }
        };
    };
}

/// The template of an ARN of IAM.
macro_rules! resource {
    ("*") => {
        "*"
    };
    ("{PolicyArn}") => {
        "{PolicyArn}"
    };
    ($resource:tt) => {
        concat!("arn:aws:iam::{account}:", $resource)
    };
}

pub(crate) use {operation, resource};
