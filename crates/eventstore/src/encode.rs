//! Records to columns, in one pass over their text. Values are not copied: columns point into the text of the batch. Takes whatever is
//! a JSON object, and what it cannot read into columns it keeps whole.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::builder::make_view;
use arrow_array::{
    ArrayRef, BooleanArray, ListArray, RecordBatch, StringViewArray, StructArray, TimestampMillisecondArray,
};
use arrow_buffer::{BooleanBuffer, Buffer, NullBuffer, NullBufferBuilder, OffsetBuffer, ScalarBuffer};
use arrow_schema::{ArrowError, DataType, Fields};
use twox_hash::XxHash3_64;

use crate::scan::{Scan, Value};
use crate::schema::{
    Kind, LEAVES, LOGICAL, Node, OBJECTS, PATHS, RECORD, RESOURCE, STORED, What, fields, leaf, resource_field,
};
use crate::skeleton::{self, Values};

/// The most bytes of text in one batch: columns point into it with 32 bits.
pub(crate) const BATCH_BYTES_MAX: usize = 1 << 30;

/// What a batch is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// To be queried: with the record's text as a column.
    Logical,
    /// To be stored: with what gives the text back.
    Stored,
}

/// A record that [`crate::scan::checked`] has seen.
#[derive(Clone, Copy)]
pub(crate) struct Input<'a> {
    pub(crate) json: &'a [u8],
    pub(crate) checksum: Option<&'a str>,
}

/// The record's text, or what was made beside it.
const TEXTS: u32 = 0;
const SIDE: u32 = 1;

fn narrow(at: usize) -> Result<u32, ArrowError> {
    u32::try_from(at).map_err(|_| ArrowError::OffsetOverflowError(at))
}

/// A column of text.
struct Texts {
    views: Vec<u128>,
    nulls: NullBufferBuilder,
}

impl Texts {
    fn new(rows: usize) -> Texts {
        Texts { views: Vec::with_capacity(rows), nulls: NullBufferBuilder::new(rows) }
    }

    fn push(&mut self, text: Option<(&[u8], u32, u32)>) {
        self.nulls.append(text.is_some());
        self.views.push(text.map_or(0, |(text, block, at)| make_view(text, block, at)));
    }

    fn finish(mut self, blocks: &[Buffer]) -> Result<ArrayRef, ArrowError> {
        let views = ScalarBuffer::from(self.views);
        Ok(Arc::new(StringViewArray::try_new(views, blocks.to_vec(), self.nulls.finish())?))
    }
}

enum Column {
    Text(Texts),
    Time(Vec<i64>, NullBufferBuilder),
    Flag(Vec<bool>, NullBufferBuilder),
}

/// Makes a batch of records.
pub(crate) fn encode<'a>(
    records: impl ExactSizeIterator<Item = Input<'a>> + Clone,
    form: Form,
) -> Result<RecordBatch, ArrowError> {
    let rows = records.len();
    let bytes = records.clone().map(|record| record.json.len()).sum::<usize>();
    if bytes > BATCH_BYTES_MAX {
        return Err(ArrowError::OffsetOverflowError(bytes));
    }
    let mut encoder = Encoder::new(rows, bytes, form);
    for record in records {
        encoder.push(record)?;
    }
    encoder.finish()
}

struct Encoder {
    form: Form,
    rows: usize,
    texts: Vec<u8>,
    side: Vec<u8>,
    scan: Scan,
    leaves: Vec<Column>,
    objects: Vec<Vec<bool>>,
    lists: NullBufferBuilder,
    list_ends: Vec<i32>,
    items: Vec<bool>,
    resources: [Texts; RESOURCE.len()],
    json: Texts,
    skeletons: Texts,
    rests: Texts,
    known: HashMap<u64, (usize, usize)>,
    writer: skeleton::Writer,
}

impl Encoder {
    fn new(rows: usize, bytes: usize, form: Form) -> Encoder {
        let column = |number: usize| match PATHS[number].kind {
            Kind::Text | Kind::Json => Column::Text(Texts::new(rows)),
            Kind::Time => Column::Time(Vec::with_capacity(rows), NullBufferBuilder::new(rows)),
            Kind::Flag => Column::Flag(Vec::with_capacity(rows), NullBufferBuilder::new(rows)),
        };
        Encoder {
            form,
            rows,
            texts: Vec::with_capacity(bytes),
            side: Vec::new(),
            scan: Scan::default(),
            leaves: (0..LEAVES).map(column).collect(),
            objects: vec![Vec::with_capacity(rows); OBJECTS],
            lists: NullBufferBuilder::new(rows),
            list_ends: vec![0],
            items: Vec::new(),
            resources: std::array::from_fn(|_| Texts::new(rows)),
            json: Texts::new(rows),
            skeletons: Texts::new(rows),
            rests: Texts::new(rows),
            known: HashMap::new(),
            writer: skeleton::Writer::default(),
        }
    }

    fn push(&mut self, record: Input<'_>) -> Result<(), ArrowError> {
        let base = self.texts.len();
        self.texts.extend_from_slice(record.json);
        let text = std::str::from_utf8(record.json).unwrap_or("");
        let readable = self.scan.read(text, &mut self.side).is_ok();
        if !readable {
            self.scan = Scan::default();
        }
        self.columns(record.json, base)?;
        if let Column::Text(checksums) = &mut self.leaves[leaf::CHECKSUM] {
            // The pass over the leaves has put a null there: no member leads to it.
            checksums.views.pop();
            let from = self.side.len();
            self.side.extend_from_slice(record.checksum.unwrap_or("").as_bytes());
            let at = narrow(from)?;
            checksums.views.push(record.checksum.map_or(0, |text| make_view(text.as_bytes(), SIDE, at)));
            checksums.nulls.append(record.checksum.is_some());
        }
        let whole = Some((record.json, TEXTS, narrow(base)?));
        if self.form == Form::Logical {
            self.json.push(whole);
            return Ok(());
        }
        let values = Scanned { text: record.json, side: &self.side, scan: &self.scan };
        let kept = readable && self.writer.write(record.json, &self.scan.spans, &values);
        self.json.push(whole.filter(|_| !kept));
        if !kept {
            self.skeletons.push(None);
            self.rests.push(None);
            return Ok(());
        }
        let hash = XxHash3_64::oneshot(&self.writer.skeleton);
        let same =
            self.known.get(&hash).copied().filter(|(from, to)| self.side[*from..*to] == self.writer.skeleton[..]);
        let (from, _) = same.unwrap_or_else(|| {
            let from = self.side.len();
            self.side.extend_from_slice(&self.writer.skeleton);
            self.known.insert(hash, (from, self.side.len()));
            (from, self.side.len())
        });
        self.skeletons.push(Some((&self.writer.skeleton, SIDE, narrow(from)?)));
        let rest = &self.writer.rest;
        let at = narrow(self.side.len())?;
        self.side.extend_from_slice(rest);
        self.rests.push(Some((&rest[..], SIDE, at)).filter(|(rest, ..)| !rest.is_empty()));
        Ok(())
    }

    fn columns(&mut self, json: &[u8], base: usize) -> Result<(), ArrowError> {
        let side = &self.side;
        let place = |value: Value| -> Result<Option<(&[u8], u32, u32)>, ArrowError> {
            Ok(match value {
                Value::Here(from, to) => Some((&json[from..to], TEXTS, narrow(base + from)?)),
                Value::Side(from, to) => Some((&side[from..to], SIDE, narrow(from)?)),
                Value::Null | Value::Flag(_) | Value::Time(_) => None,
            })
        };
        for (number, (column, value)) in self.leaves.iter_mut().zip(self.scan.leaves).enumerate() {
            match column {
                // Its nulls are told by the caller.
                Column::Text(texts) if number == leaf::CHECKSUM => texts.views.push(0),
                Column::Text(texts) => texts.push(place(value)?),
                Column::Time(times, nulls) => {
                    let time = if let Value::Time(ms) = value { Some(ms) } else { None };
                    nulls.append(time.is_some());
                    times.push(time.unwrap_or(0));
                }
                Column::Flag(flags, nulls) => {
                    let flag = if let Value::Flag(flag) = value { Some(flag) } else { None };
                    nulls.append(flag.is_some());
                    flags.push(flag.unwrap_or(false));
                }
            }
        }
        for (present, object) in self.objects.iter_mut().zip(self.scan.objects) {
            present.push(object);
        }
        self.lists.append(self.scan.has_resources);
        for resource in &self.scan.resources {
            self.items.push(resource.is_object);
            for (texts, value) in self.resources.iter_mut().zip(resource.values) {
                texts.push(place(value)?);
            }
        }
        let items = self.items.len();
        self.list_ends.push(i32::try_from(items).map_err(|_| ArrowError::OffsetOverflowError(items))?);
        Ok(())
    }

    fn finish(self) -> Result<RecordBatch, ArrowError> {
        narrow(self.side.len())?;
        let blocks = [Buffer::from_vec(self.texts), Buffer::from_vec(self.side)];
        let mut leaves: Vec<Option<ArrayRef>> = Vec::with_capacity(LEAVES);
        for column in self.leaves {
            let array: ArrayRef = match column {
                Column::Text(texts) => texts.finish(&blocks)?,
                Column::Time(times, mut nulls) => {
                    Arc::new(TimestampMillisecondArray::new(times.into(), nulls.finish()).with_timezone("UTC"))
                }
                Column::Flag(flags, mut nulls) => Arc::new(BooleanArray::new(flags.into(), nulls.finish())),
            };
            leaves.push(Some(array));
        }
        let mut lists = self.lists;
        let DataType::Struct(item_fields) = resource_field().data_type().clone() else {
            return Err(ArrowError::SchemaError("resources are structs".to_owned()));
        };
        let texts = self.resources.into_iter().map(|texts| texts.finish(&blocks)).collect::<Result<Vec<_>, _>>()?;
        let items = StructArray::try_new_with_length(item_fields, texts, present(&self.items), self.items.len())?;
        let ends = OffsetBuffer::new(ScalarBuffer::from(self.list_ends));
        let list: ArrayRef = Arc::new(ListArray::try_new(resource_field(), ends, Arc::new(items), lists.finish())?);
        let objects = self.objects.iter().map(|flags| present(flags)).collect();
        let json = self.json.finish(&blocks)?;
        let (schema, extra) = match self.form {
            Form::Logical => (&LOGICAL, Vec::new()),
            Form::Stored => (&STORED, vec![self.skeletons.finish(&blocks)?, self.rests.finish(&blocks)?, json.clone()]),
        };
        let mut nest =
            Nest { leaves, objects, list, json: (self.form == Form::Logical).then_some(json), rows: self.rows };
        let mut columns = nest.arrays(RECORD)?;
        columns.extend(extra);
        RecordBatch::try_new(Arc::clone(schema), columns)
    }
}

fn present(flags: &[bool]) -> Option<NullBuffer> {
    Some(NullBuffer::new(BooleanBuffer::from(flags))).filter(|nulls| nulls.null_count() > 0)
}

/// Flat leaves put back into objects.
struct Nest {
    leaves: Vec<Option<ArrayRef>>,
    objects: Vec<Option<NullBuffer>>,
    list: ArrayRef,
    json: Option<ArrayRef>,
    rows: usize,
}

impl Nest {
    fn arrays(&mut self, nodes: &[Node]) -> Result<Vec<ArrayRef>, ArrowError> {
        let mut arrays: Vec<ArrayRef> = Vec::with_capacity(nodes.len());
        for node in nodes {
            match &node.what {
                What::Leaf(number, _) => {
                    let missing = || ArrowError::SchemaError(format!("{} is there twice", node.column));
                    arrays.push(self.leaves[*number].take().ok_or_else(missing)?);
                }
                What::Object(number, below) => {
                    let inner = self.arrays(below)?;
                    let nulls = self.objects[*number].take();
                    let fields: Fields = fields(below, true);
                    arrays.push(Arc::new(StructArray::try_new_with_length(fields, inner, nulls, self.rows)?));
                }
                What::Resources => arrays.push(Arc::clone(&self.list)),
                What::EventJson => arrays.extend(self.json.take()),
            }
        }
        Ok(arrays)
    }
}

/// What the columns of a record will give.
struct Scanned<'a> {
    text: &'a [u8],
    side: &'a [u8],
    scan: &'a Scan,
}

impl Scanned<'_> {
    fn bytes(&self, value: Value) -> Option<&[u8]> {
        match value {
            Value::Here(from, to) => self.text.get(from..to),
            Value::Side(from, to) => self.side.get(from..to),
            Value::Null | Value::Flag(_) | Value::Time(_) => None,
        }
    }
}

impl Values for Scanned<'_> {
    fn leaf(&self, number: usize) -> skeleton::Leaf<'_> {
        match self.scan.leaves[number] {
            Value::Flag(flag) => skeleton::Leaf::Flag(flag),
            Value::Time(ms) => skeleton::Leaf::Time(ms),
            value => self.bytes(value).map_or(skeleton::Leaf::Null, skeleton::Leaf::Text),
        }
    }

    fn resource(&self, item: usize, column: usize) -> Option<&[u8]> {
        self.bytes(self.scan.resources.get(item)?.values[column])
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::Array;
    use arrow_array::cast::AsArray;

    use super::*;
    use crate::flat::Flat;
    use crate::schema::EVENT_JSON;
    use crate::testing::ODD_RECORDS;

    fn batch(records: &[&str], form: Form) -> RecordBatch {
        encode(records.iter().map(|json| Input { json: json.as_bytes(), checksum: None }), form).unwrap()
    }

    #[test]
    fn columns_hold_what_members_say() {
        let record = r#"{"eventVersion":"1.08","userIdentity":{"type":"IAMUser","arn":"arn:u","sessionContext":{"attributes":{"creationDate":"2023-07-10T11:42:31Z","mfaAuthenticated":"true"}}},
            "eventTime":"2023-07-10T12:00:24Z","eventName":"Get\u0041","requestParameters":{ "a" : [1] },"responseElements":null,"readOnly":"TRUE","errorCode":404,
            "resources":[{"ARN":"arn:r","type":"T"},null],"tlsDetails":"none"}"#;
        let batch = batch(&[record, "{}"], Form::Logical);
        let flat = Flat::of(&batch);
        let text = |path: &str, row| flat.text(PATHS.iter().position(|leaf| leaf.path == path).unwrap(), row);
        assert_eq!(text("eventname", 0), Some("GetA"));
        assert_eq!(text("requestparameters", 0), Some(r#"{ "a" : [1] }"#));
        assert_eq!((text("responseelements", 0), text("errorcode", 0)), (None, Some("404")));
        assert_eq!(text("useridentity.sessioncontext.attributes.mfaauthenticated", 0), Some("true"));
        assert_eq!(
            (flat.time(leaf::EVENT_TIME, 0), flat.flag(leaf::READ_ONLY, 0)),
            (Some(1_688_990_424_000), Some(true))
        );
        assert_eq!((flat.resource(0, 0, 2), flat.resource(0, 1, 2), flat.resources(0)), (Some("arn:r"), None, 2));
        let tls = batch.column_by_name("tlsdetails").unwrap();
        assert!(tls.is_null(0) && batch.column_by_name("useridentity").unwrap().is_null(1));
        assert_eq!(batch.column_by_name(EVENT_JSON).unwrap().as_string_view().value(0), record);
    }

    #[test]
    fn stored_records_come_back_byte_for_byte() {
        let batch = batch(ODD_RECORDS, Form::Stored);
        let back = skeleton::event_json(&batch).unwrap();
        for (row, record) in ODD_RECORDS.iter().enumerate() {
            assert_eq!(back.value(row), *record);
        }
        let full = batch.column_by_name(crate::schema::FULL).unwrap();
        assert_eq!(full.null_count(), ODD_RECORDS.len(), "every record has a skeleton");
    }
}
