//! Parquet files as a table with columns of its own: only the columns that are asked for are read, group of rows by group of rows.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::TaskContext;
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, PhysicalExpr, PlanProperties, SendableRecordBatchStream,
};
use futures_util::stream::{self, StreamExt};
use ports::lake::QueryProgress;

use crate::files::ParquetFiles;
use crate::outside;
use crate::scan::properties;

/// See the module.
pub(crate) struct FilesTable {
    files: Arc<ParquetFiles>,
    progress: Arc<QueryProgress>,
}

impl FilesTable {
    pub(crate) fn new(files: Arc<ParquetFiles>, progress: Arc<QueryProgress>) -> FilesTable {
        FilesTable { files, progress }
    }
}

impl fmt::Debug for FilesTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FilesTable")
    }
}

#[async_trait]
impl TableProvider for FilesTable {
    fn schema(&self) -> SchemaRef {
        self.files.schema().clone()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let columns = match projection {
            Some(columns) => columns.clone(),
            None => (0..self.files.schema().fields().len()).collect(),
        };
        let all: Vec<(usize, usize)> = self
            .files
            .files()
            .iter()
            .enumerate()
            .flat_map(|(file, found)| (0..found.row_groups()).map(move |group| (file, group)))
            .collect();
        let count = state.config().target_partitions().clamp(1, all.len().max(1));
        let mut groups = vec![Vec::new(); count];
        all.into_iter().enumerate().for_each(|(at, group)| groups[at % count].push(group));
        let schema = Arc::new(self.files.schema().project(&columns)?);
        let properties = properties(&schema, count);
        let (files, progress) = (self.files.clone(), self.progress.clone());
        Ok(Arc::new(FilesScan { files, columns, groups, limit, schema, progress, properties }))
    }
}

/// Reads groups of rows, each partition some of them.
struct FilesScan {
    files: Arc<ParquetFiles>,
    columns: Vec<usize>,
    groups: Vec<Vec<(usize, usize)>>,
    limit: Option<usize>,
    schema: SchemaRef,
    progress: Arc<QueryProgress>,
    properties: Arc<PlanProperties>,
}

impl fmt::Debug for FilesScan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FilesScan")
    }
}

impl DisplayAs for FilesScan {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns: Vec<&str> = self.schema.fields().iter().map(|field| field.name().as_str()).collect();
        write!(f, "FilesScan: {}", columns.join(", "))
    }
}

impl ExecutionPlan for FilesScan {
    fn name(&self) -> &str {
        "FilesScan"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn with_new_children(self: Arc<Self>, _: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn execute(&self, partition: usize, _: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let groups = self.groups.get(partition).cloned().unwrap_or_default();
        let (files, columns) = (self.files.clone(), Arc::new(self.columns.clone()));
        let (limit, progress) = (self.limit, self.progress.clone());
        let batches = stream::iter(groups).flat_map(move |(file, group)| {
            let (files, columns, progress) = (files.clone(), columns.clone(), progress.clone());
            outside::batches(move |give| {
                let Some(file) = files.files().get(file) else { return Ok(()) };
                progress.add_scanned(0, file.stored_bytes(group, &columns));
                let mut count = |batch: datafusion::arrow::record_batch::RecordBatch| {
                    progress.add_scanned(u64::try_from(batch.num_rows()).unwrap_or(u64::MAX), 0);
                    give(batch)
                };
                file.rows(group, &columns, limit, &mut count).map_err(DataFusionError::Execution)
            })
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema.clone(), batches)))
    }
}
