//! A record's text without what its columns hold: marks stand for their values. Records of one kind mostly share a skeleton, so
//! that it costs next to nothing. A skeleton is kept only after it was seen to give the record back byte for byte.
//!
//! Marks are control characters, which JSON text has nowhere: 1 and a byte for a leaf, 2 and a byte for a member of the current
//! resource, 3 for the next resource, 4 for the next item of the rest. Items of the rest are divided by the control character 31.

use arrow_array::builder::StringViewBuilder;
use arrow_array::cast::AsArray;
use arrow_array::{Array, RecordBatch, StringViewArray};
use arrow_schema::ArrowError;

use crate::flat::Flat;
use crate::scan::{Piece, Span, write_time};
use crate::schema::{FULL, Kind, LEAVES, PATHS, RESOURCE, REST, SKELETON};

const LEAF: u8 = 1;
const RESOURCE_MEMBER: u8 = 2;
const NEXT_RESOURCE: u8 = 3;
const NEXT_REST: u8 = 4;
const BETWEEN_RESTS: u8 = 31;
/// Added to the number of a leaf or a resource's member, so that a skeleton can be read by people.
const NUMBER_BASE: u8 = b'0';

const _: () = assert!(LEAVES + (NUMBER_BASE as usize) < 0x80 && RESOURCE.len() < 10);

/// What a column gives.
pub(crate) enum Leaf<'a> {
    Null,
    Text(&'a [u8]),
    Time(i64),
    Flag(bool),
}

/// The columns of one record.
pub(crate) trait Values {
    /// A leaf's value.
    fn leaf(&self, number: usize) -> Leaf<'_>;
    /// A member of a resource.
    fn resource(&self, item: usize, column: usize) -> Option<&[u8]>;
}

/// Makes skeletons; its buffers are used again.
#[derive(Default)]
pub(crate) struct Writer {
    pub(crate) skeleton: Vec<u8>,
    pub(crate) rest: Vec<u8>,
    back: Vec<u8>,
}

fn mark(number: usize) -> u8 {
    NUMBER_BASE + u8::try_from(number).expect("there are fewer leaves than letters")
}

impl Writer {
    /// Makes the skeleton and the rest of a record. False if they would not give it back.
    pub(crate) fn write(&mut self, json: &[u8], spans: &[Span], values: &dyn Values) -> bool {
        self.skeleton.clear();
        self.rest.clear();
        let mut done = 0;
        let mut rests = 0;
        for span in spans {
            if span.piece == Piece::Nothing {
                continue;
            }
            self.skeleton.extend_from_slice(&json[done..span.from]);
            done = span.to;
            match span.piece {
                Piece::Leaf(number) => self.skeleton.extend([LEAF, mark(number)]),
                Piece::Resource(column) => self.skeleton.extend([RESOURCE_MEMBER, mark(column)]),
                Piece::NextResource => self.skeleton.push(NEXT_RESOURCE),
                Piece::Rest => {
                    self.skeleton.push(NEXT_REST);
                    if rests > 0 {
                        self.rest.push(BETWEEN_RESTS);
                    }
                    rests += 1;
                    self.rest.extend_from_slice(&json[span.from..span.to]);
                }
                Piece::Nothing => {}
            }
        }
        self.skeleton.extend_from_slice(&json[done..]);
        self.back.clear();
        rebuild(&self.skeleton, &self.rest, values, &mut self.back).is_some() && self.back == json
    }
}

/// Writes the record that a skeleton stands for. `None` if they do not fit each other.
pub(crate) fn rebuild(skeleton: &[u8], rest: &[u8], values: &dyn Values, out: &mut Vec<u8>) -> Option<()> {
    let mut rests = rest.split(|byte| *byte == BETWEEN_RESTS);
    let mut item = 0_usize;
    let mut left = skeleton;
    loop {
        let next = left.iter().position(|byte| (LEAF..=NEXT_REST).contains(byte));
        let Some(next) = next else {
            out.extend_from_slice(left);
            return Some(());
        };
        out.extend_from_slice(&left[..next]);
        let number = left.get(next + 1).map(|byte| usize::from(byte.wrapping_sub(NUMBER_BASE)));
        let mut len = 1;
        match left[next] {
            LEAF => {
                len = 2;
                match values.leaf(number.filter(|number| *number < LEAVES)?) {
                    Leaf::Text(text) => out.extend_from_slice(text),
                    Leaf::Time(ms) => write_time(ms, out),
                    Leaf::Flag(flag) => out.extend_from_slice(if flag { b"true" } else { b"false" }),
                    Leaf::Null => return None,
                }
            }
            RESOURCE_MEMBER => {
                len = 2;
                let column = number.filter(|number| *number < RESOURCE.len())?;
                out.extend_from_slice(values.resource(item.checked_sub(1)?, column)?);
            }
            NEXT_RESOURCE => item += 1,
            _ => out.extend_from_slice(rests.next()?),
        }
        left = &left[next + len..];
    }
}

/// One row of a stored batch.
struct StoredRow<'a> {
    flat: &'a Flat,
    row: usize,
}

impl Values for StoredRow<'_> {
    fn leaf(&self, number: usize) -> Leaf<'_> {
        let (flat, row) = (self.flat, self.row);
        match PATHS[number].kind {
            Kind::Text | Kind::Json => flat.text(number, row).map_or(Leaf::Null, |text| Leaf::Text(text.as_bytes())),
            Kind::Time => flat.time(number, row).map_or(Leaf::Null, Leaf::Time),
            Kind::Flag => flat.flag(number, row).map_or(Leaf::Null, Leaf::Flag),
        }
    }

    fn resource(&self, item: usize, column: usize) -> Option<&[u8]> {
        self.flat.resource(self.row, item, column).map(str::as_bytes)
    }
}

/// The records of a batch of the stored schema, all of whose columns are there.
pub(crate) fn event_json(batch: &RecordBatch) -> Result<StringViewArray, ArrowError> {
    let missing = |name: &str| ArrowError::SchemaError(format!("the column {name} is missing"));
    let column = |name: &str| {
        let array = batch.column_by_name(name).and_then(|array| array.as_string_view_opt());
        array.ok_or_else(|| missing(name))
    };
    let (skeletons, rests, fulls) = (column(SKELETON)?, column(REST)?, column(FULL)?);
    let flat = Flat::of(batch);
    let mut out = StringViewBuilder::with_capacity(batch.num_rows()).with_fixed_block_size(1 << 20);
    let mut text = Vec::new();
    for row in 0..batch.num_rows() {
        if fulls.is_valid(row) {
            out.append_value(fulls.value(row));
            continue;
        }
        if skeletons.is_null(row) {
            out.append_null();
            continue;
        }
        let rest = if rests.is_valid(row) { rests.value(row) } else { "" };
        text.clear();
        let done =
            rebuild(skeletons.value(row).as_bytes(), rest.as_bytes(), &StoredRow { flat: &flat, row }, &mut text);
        let whole = done.and_then(|()| std::str::from_utf8(&text).ok());
        out.append_value(whole.ok_or_else(|| ArrowError::ParseError("a record does not fit its skeleton".to_owned()))?);
    }
    Ok(out.finish())
}
