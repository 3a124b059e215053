//! Columns and fields of them in expressions as the engine runs them: `useridentity.arn` is a `get_field` of a column.

use std::any::Any;
use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::error::Result;
use datafusion::physical_expr::ScalarFunctionExpr;
use datafusion::physical_expr::expressions::{Column, Literal};
use datafusion::physical_plan::PhysicalExpr;

use crate::table::Wanted;

/// The path of a column or of a field of one.
pub(crate) fn path(expr: &Arc<dyn PhysicalExpr>) -> Option<String> {
    let any: &dyn Any = expr.as_ref();
    if let Some(column) = any.downcast_ref::<Column>() {
        return Some(column.name().to_owned());
    }
    let call = any.downcast_ref::<ScalarFunctionExpr>()?;
    if call.fun().name() != "get_field" {
        return None;
    }
    let (base, names) = call.args().split_first()?;
    let mut path = path(base)?;
    for name in names {
        let any: &dyn Any = name.as_ref();
        path.push('.');
        path.push_str(any.downcast_ref::<Literal>()?.value().try_as_str().flatten()?);
    }
    Some(path)
}

/// Adds the columns and fields that an expression reads.
pub(crate) fn paths_of(expr: &Arc<dyn PhysicalExpr>, paths: &mut BTreeSet<String>) -> Result<()> {
    expr.apply(|below| {
        if let Some(path) = path(below) {
            paths.insert(path);
            return Ok(TreeNodeRecursion::Jump);
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(())
}

/// An expression over columns of one schema as one over those of what is wanted.
pub(crate) fn rebased(expr: Arc<dyn PhysicalExpr>, wanted: &Wanted) -> Result<Arc<dyn PhysicalExpr>> {
    expr.transform_up(|expr| {
        let any: &dyn Any = expr.as_ref();
        let Some(column) = any.downcast_ref::<Column>() else { return Ok(Transformed::no(expr)) };
        let at = wanted.schema.index_of(column.name())?;
        Ok(Transformed::yes(Arc::new(Column::new(column.name(), at)) as Arc<dyn PhysicalExpr>))
    })
    .data()
}
