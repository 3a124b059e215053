//! The leaves of a batch by number, whatever the batch has of them: absent columns are null everywhere.

use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMillisecondType;
use arrow_array::{Array, ArrayRef, BooleanArray, ListArray, RecordBatch, StringViewArray, TimestampMillisecondArray};

use crate::schema::{LEAVES, Node, RECORD, RESOURCE, RESOURCE_ARN, RESOURCES, What};

/// See the module.
pub(crate) struct Flat {
    leaves: Vec<Option<ArrayRef>>,
    list: Option<ListArray>,
    resources: [Option<StringViewArray>; RESOURCE.len()],
}

impl Flat {
    /// The leaves of a batch of the logical or the stored schema, or of some of its columns.
    pub(crate) fn of(batch: &RecordBatch) -> Flat {
        let mut flat = Flat { leaves: vec![None; LEAVES], list: None, resources: [const { None }; RESOURCE.len()] };
        flat.gather(RECORD, &|name| batch.column_by_name(name).cloned());
        flat.list = batch.column_by_name(RESOURCES).and_then(|list| list.as_list_opt::<i32>()).cloned();
        let items = flat.list.as_ref().map(|list| list.values().clone());
        if let Some(items) = items.as_ref().and_then(|items| items.as_struct_opt()) {
            for (column, (_, name)) in flat.resources.iter_mut().zip(RESOURCE) {
                *column = items.column_by_name(name).and_then(|texts| texts.as_string_view_opt()).cloned();
            }
        }
        flat
    }

    fn gather(&mut self, nodes: &[Node], column: &dyn Fn(&str) -> Option<ArrayRef>) {
        for node in nodes {
            match &node.what {
                What::Leaf(number, _) => self.leaves[*number] = column(node.column),
                What::Object(_, below) => {
                    // Children of a null object are null themselves: that is how they are written.
                    let object = column(node.column);
                    let object = object.as_ref().and_then(|object| object.as_struct_opt());
                    if let Some(object) = object {
                        self.gather(below, &|name| object.column_by_name(name).cloned());
                    }
                }
                What::Resources | What::EventJson => {}
            }
        }
    }

    /// A column of text.
    pub(crate) fn texts(&self, leaf: usize) -> Option<&StringViewArray> {
        self.leaves[leaf].as_ref()?.as_string_view_opt()
    }

    pub(crate) fn times(&self, leaf: usize) -> Option<&TimestampMillisecondArray> {
        self.leaves[leaf].as_ref()?.as_primitive_opt::<TimestampMillisecondType>()
    }

    fn flags(&self, leaf: usize) -> Option<&BooleanArray> {
        self.leaves[leaf].as_ref()?.as_boolean_opt()
    }

    pub(crate) fn text(&self, leaf: usize, row: usize) -> Option<&str> {
        let texts = self.texts(leaf)?;
        texts.is_valid(row).then(|| texts.value(row))
    }

    pub(crate) fn time(&self, leaf: usize, row: usize) -> Option<i64> {
        let times = self.times(leaf)?;
        times.is_valid(row).then(|| times.value(row))
    }

    pub(crate) fn flag(&self, leaf: usize, row: usize) -> Option<bool> {
        let flags = self.flags(leaf)?;
        flags.is_valid(row).then(|| flags.value(row))
    }

    /// How many resources a row lists.
    pub(crate) fn resources(&self, row: usize) -> usize {
        let Some(list) = &self.list else { return 0 };
        if list.is_null(row) { 0 } else { usize::try_from(list.value_length(row)).unwrap_or(0) }
    }

    /// A member of a row's resource.
    pub(crate) fn resource(&self, row: usize, item: usize, column: usize) -> Option<&str> {
        if item >= self.resources(row) {
            return None;
        }
        let start = usize::try_from(*self.list.as_ref()?.value_offsets().get(row)?).ok()?;
        let texts = self.resources[column].as_ref()?;
        texts.is_valid(start + item).then(|| texts.value(start + item))
    }

    /// Whether a row lists an S3 bucket of this name.
    pub(crate) fn resource_named(&self, row: usize, bucket: &str) -> bool {
        let arns = (0..self.resources(row)).filter_map(|item| self.resource(row, item, RESOURCE_ARN));
        arns.filter_map(|arn| arn.split_once(":s3:::")).any(|(_, name)| name == bucket)
    }
}
