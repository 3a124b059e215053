//! Trino's functions of one row: each is a name, how many arguments it takes, the field of its result, and the work on a batch.
//! What they cannot do is an error with Trino's words; they never panic on a value.

mod array;
mod cast;
mod input;
mod json;
mod list;
mod map;
mod number;
mod regex;
mod text;
mod time;
mod url;

use std::hash::{Hash, Hasher};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::common::ScalarValue;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use crate::types;
pub(crate) use input::{Bounded, Input, Texts};

/// The function that answers its argument, and fails when the query is stopped.
pub(crate) const SAME: &str = "trino_same";

/// An error with a message for the user.
pub(crate) fn wrong<T>(message: impl Into<String>) -> Result<T> {
    Err(DataFusionError::Execution(message.into()))
}

/// What fails because nobody waits for it.
pub(crate) fn stopped<T>() -> Result<T> {
    wrong("The query was stopped")
}

/// The most bytes of text that a function makes of a batch; more would not be seen by the query's memory limit before it is there.
pub(crate) const TEXT_BYTES_MAX: usize = 128 << 20;

/// The most elements that a function puts into the lists of a batch.
pub(crate) const LIST_VALUES_MAX: usize = 1 << 24;

/// The most values below a type: rows of rows grow by powers.
pub(crate) const TYPE_LEAVES_MAX: usize = 1_000;

/// A batch's values do not fit.
pub(crate) fn too_much<T>() -> Result<T> {
    Err(DataFusionError::ResourcesExhausted("the values of a batch".to_owned()))
}

/// Works on a batch.
type Run = dyn Fn(&Input) -> Result<ArrayRef> + Send + Sync;
/// Says what the result is.
type Returns = dyn Fn(&Args<'_>) -> Result<FieldRef> + Send + Sync;
/// Replaces a call by something the engine knows better.
type Simplify = fn(&[Expr], &SimplifyContext) -> Result<Option<Expr>>;

/// What is known of the arguments before anything runs.
pub(crate) struct Args<'a> {
    pub(crate) fields: &'a [FieldRef],
    pub(crate) constants: &'a [Option<&'a ScalarValue>],
}

impl Args<'_> {
    /// The type of an argument.
    pub(crate) fn data_type(&self, at: usize) -> &DataType {
        self.fields.get(at).map_or(&DataType::Null, |field| field.data_type())
    }

    /// A constant text.
    pub(crate) fn constant(&self, at: usize) -> Option<&str> {
        self.constants.get(at).copied().flatten().and_then(|value| value.try_as_str()).flatten()
    }
}

/// A function.
#[derive(Clone)]
pub(crate) struct Fun {
    name: String,
    arity: RangeInclusive<usize>,
    signature: Signature,
    returns: Arc<Returns>,
    run: Arc<Run>,
    simplify: Option<Simplify>,
}

impl Fun {
    pub(crate) fn new(
        name: &str,
        arity: RangeInclusive<usize>,
        returns: impl Fn(&Args<'_>) -> Result<FieldRef> + Send + Sync + 'static,
        run: impl Fn(&Input) -> Result<ArrayRef> + Send + Sync + 'static,
    ) -> Fun {
        Fun {
            name: name.to_owned(),
            arity,
            signature: Signature::user_defined(Volatility::Immutable),
            returns: Arc::new(returns),
            run: Arc::new(run),
            simplify: None,
        }
    }

    /// The same, replaced by something better where that is known.
    pub(crate) fn simplified(mut self, simplify: Simplify) -> Fun {
        self.simplify = Some(simplify);
        self
    }

    /// The same; each row has another result.
    pub(crate) fn volatile(mut self) -> Fun {
        self.signature = Signature::user_defined(Volatility::Volatile);
        self
    }

    /// The variant that answers null where this one fails: row by row if the batch fails.
    fn forgiving(&self) -> Fun {
        let run = self.run.clone();
        let forgiving = move |input: &Input| match run(input) {
            Ok(array) => Ok(array),
            Err(_) => {
                let rows: Vec<ArrayRef> = (0..input.rows)
                    .map(|row| {
                        let one = input.row(row)?;
                        match run(&one) {
                            Ok(array) => Ok(array),
                            Err(_) => Ok(datafusion::arrow::array::new_null_array(input.returns.data_type(), 1)),
                        }
                    })
                    .collect::<Result<_>>()?;
                let rows: Vec<&dyn datafusion::arrow::array::Array> = rows.iter().map(AsRef::as_ref).collect();
                Ok(datafusion::arrow::compute::concat(&rows)?)
            }
        };
        Fun { name: format!("try_{}", self.name), run: Arc::new(forgiving), simplify: None, ..self.clone() }
    }
}

impl std::fmt::Debug for Fun {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name)
    }
}

impl PartialEq for Fun {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Fun {}

impl Hash for Fun {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl ScalarUDFImpl for Fun {
    fn name(&self) -> &str {
        &self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        if self.arity.contains(&arg_types.len()) {
            return Ok(arg_types.to_vec());
        }
        let (least, most) = (self.arity.start(), self.arity.end());
        let expected = match (least, most) {
            (least, most) if least == most => format!("{least}"),
            (least, &usize::MAX) => format!("at least {least}"),
            (least, most) => format!("{least} to {most}"),
        };
        Err(DataFusionError::Plan(format!(
            "Unexpected parameters for function {}: {} given, {expected} expected",
            self.name,
            arg_types.len()
        )))
    }

    fn return_type(&self, _arg_types: &[DataType]) -> Result<DataType> {
        Err(DataFusionError::Internal("the result's field is asked for, not its type".to_owned()))
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        let field = (self.returns)(&Args { fields: args.arg_fields, constants: args.scalar_arguments });
        let field = field.map_err(|error| match error {
            // The place is found by the function's name.
            DataFusionError::Plan(text) => match text.strip_prefix("Unexpected parameters (") {
                Some(rest) => {
                    DataFusionError::Plan(format!("Unexpected parameters for function {}: ({rest}", self.name))
                }
                None => DataFusionError::Plan(text),
            },
            other => other,
        })?;
        Ok(Arc::new(field.as_ref().clone().with_name(&self.name).with_nullable(true)))
    }

    fn simplify(&self, args: Vec<Expr>, info: &SimplifyContext) -> Result<ExprSimplifyResult> {
        let Some(simplify) = self.simplify else { return Ok(ExprSimplifyResult::Original(args)) };
        Ok(match simplify(&args, info)? {
            Some(better) => ExprSimplifyResult::Simplified(better),
            None => ExprSimplifyResult::Original(args),
        })
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let all_constant = !args.args.is_empty()
            && self.signature.volatility == Volatility::Immutable
            && args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let rows = if all_constant { 1 } else { args.number_rows };
        let input = Input { args: args.args, fields: args.arg_fields, rows, returns: args.return_field };
        let array = (self.run)(&input)?;
        if all_constant {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&array, 0)?));
        }
        Ok(ColumnarValue::Array(array))
    }
}

/// Every function. `now_ms` is the time at which the query began; `seed` begins its random numbers; after `stop` each of them fails, so that a
/// query that nobody waits for ends inside of a long step, too.
pub(crate) fn all(now_ms: i64, seed: u64, stop: &Arc<AtomicBool>) -> Vec<ScalarUDF> {
    let mut functions = Vec::new();
    functions.extend(cast::functions());
    functions.extend(json::functions());
    functions.extend(map::functions());
    functions.extend(array::functions());
    functions.extend(list::functions());
    functions.extend(number::functions());
    functions.extend(text::functions(seed));
    functions.extend(regex::functions());
    functions.extend(time::functions(now_ms));
    functions.extend(url::functions());
    functions.push(Fun::new(SAME, 1..=1, |args| Ok(types::result(args.data_type(0).clone())), |input| input.array(0)));
    let forgiving: Vec<Fun> = functions
        .iter()
        .filter(|function| query_lang::FALLIBLE.contains(&function.name.as_str()))
        .map(Fun::forgiving)
        .collect();
    functions.extend(forgiving);
    let stopping = |mut function: Fun| {
        let (run, stop) = (function.run.clone(), stop.clone());
        function.run = Arc::new(move |input: &Input| if stop.load(Ordering::Relaxed) { stopped() } else { run(input) });
        function
    };
    functions.into_iter().map(stopping).map(ScalarUDF::from).collect()
}

/// A function of the engine or of ours, by its name, for functions that are replaced by others.
pub(crate) fn call(function: Arc<ScalarUDF>, args: Vec<Expr>) -> Expr {
    Expr::ScalarFunction(datafusion::logical_expr::expr::ScalarFunction::new_udf(function, args))
}
