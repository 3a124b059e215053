//! Which group a row is of: each key's values are numbered, and rows with the same numbers are of the same group.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, StringArray, StringViewArray, UInt32Array};
use datafusion::arrow::compute::take;
use datafusion::arrow::datatypes::{FieldRef, Schema};
use datafusion::common::HashMap;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::EmitTo;
use datafusion::physical_plan::aggregates::group_values::{GroupValues, new_group_values};
use datafusion::physical_plan::aggregates::order::GroupOrdering;
use eventstore::Numbers;

use crate::filter::is_same;

/// The most keys: their numbers side by side make one of 128 bits.
pub(crate) const KEYS_MAX: usize = 4;
/// Up to so many bits of all keys together, groups are found in a table and not by a hash.
const TABLE_BITS_MAX: u32 = 20;
/// No number.
const NONE: u32 = u32::MAX;

/// See the module.
pub(crate) struct Groups {
    keys: Vec<Key>,
    /// The numbers of each group's keys, side by side.
    members: Vec<u128>,
    found: Found,
    /// The group of each row that was read last.
    rows: Vec<usize>,
}

/// One key: its values, each once.
struct Key {
    field: FieldRef,
    values: Box<dyn GroupValues>,
    /// The dictionary that was read last, and the number of each of its texts.
    dictionary: Option<(StringArray, Vec<u32>)>,
    /// The number of null, once there is one.
    null: Option<u32>,
    /// The number of each row that was read last.
    rows: Vec<u32>,
    /// Bits that its numbers need in the table.
    bits: u32,
}

/// Where groups are found.
enum Found {
    Table(Vec<u32>),
    Map(HashMap<u128, u32>),
}

fn number(wide: usize) -> Result<u32> {
    let fits = u32::try_from(wide).ok().filter(|number| *number != NONE);
    fits.ok_or_else(|| DataFusionError::ResourcesExhausted("too many groups".to_owned()))
}

fn index(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn values_of(field: &FieldRef) -> Result<Box<dyn GroupValues>> {
    new_group_values(Arc::new(Schema::new(vec![field.clone()])), &GroupOrdering::None)
}

impl Key {
    fn new(field: FieldRef) -> Result<Key> {
        let values = values_of(&field)?;
        Ok(Key { field, values, dictionary: None, null: None, rows: Vec::new(), bits: 0 })
    }

    /// Numbers values as they are.
    fn numbers(&mut self, column: &ArrayRef) -> Result<Vec<u32>> {
        let mut numbers = Vec::with_capacity(column.len());
        self.values.intern(std::slice::from_ref(column), &mut numbers)?;
        numbers.into_iter().map(number).collect()
    }

    /// Whether the column is stored as numbers; else nothing was read.
    fn read_coded(&mut self, column: &ArrayRef) -> Result<bool> {
        let read = eventstore::with_numbers(column, |texts, numbers| self.read_numbers(texts, numbers));
        Ok(read.transpose()?.is_some())
    }

    fn read_numbers(&mut self, texts: &StringArray, coded: Numbers<'_>) -> Result<()> {
        if !self.dictionary.as_ref().is_some_and(|(known, _)| is_same(known, texts)) {
            let numbers = self.numbers(&(Arc::new(StringViewArray::from(texts)) as ArrayRef))?;
            self.dictionary = Some((texts.clone(), numbers));
        }
        let nulls = coded.nulls().filter(|nulls| nulls.null_count() > 0);
        if nulls.is_some() && self.null.is_none() {
            let nothing: ArrayRef = Arc::new(StringViewArray::new_null(1));
            self.null = self.numbers(&nothing)?.pop();
        }
        self.rows.clear();
        if let Some((_, numbers)) = &self.dictionary {
            coded.look_up(numbers, &mut self.rows);
        }
        if let (Some(nulls), Some(null)) = (nulls, self.null) {
            (!nulls.inner()).set_indices().for_each(|row| self.rows[row] = null);
        }
        Ok(())
    }
}

impl Groups {
    /// No groups yet, of keys of these types.
    pub(crate) fn new(fields: Vec<FieldRef>) -> Result<Groups> {
        let keys = fields.into_iter().map(Key::new).collect::<Result<Vec<_>>>()?;
        Ok(Groups { keys, members: Vec::new(), found: Found::Table(vec![NONE]), rows: Vec::new() })
    }

    /// How many groups there are.
    pub(crate) fn len(&self) -> usize {
        self.members.len()
    }

    /// Bytes of memory.
    pub(crate) fn size(&self) -> usize {
        let key = |key: &Key| {
            let dictionary = key
                .dictionary
                .as_ref()
                .map_or(0, |(texts, numbers)| texts.get_array_memory_size() + numbers.capacity() * size_of::<u32>());
            key.values.size() + dictionary + key.rows.capacity() * size_of::<u32>()
        };
        let found = match &self.found {
            Found::Table(table) => table.capacity() * size_of::<u32>(),
            Found::Map(map) => map.capacity() * size_of::<(u128, u32, u8)>(),
        };
        self.keys.iter().map(key).sum::<usize>()
            + found
            + self.members.capacity() * size_of::<u128>()
            + self.rows.capacity() * size_of::<usize>()
    }

    /// Reads a key's values of a batch from the numbers they are stored as; says whether they are.
    pub(crate) fn read_coded(&mut self, key: usize, column: &ArrayRef) -> Result<bool> {
        self.keys[key].read_coded(column)
    }

    /// Reads a key's values of a batch.
    pub(crate) fn read(&mut self, key: usize, column: &ArrayRef) -> Result<()> {
        let key = &mut self.keys[key];
        key.rows = key.numbers(column)?;
        Ok(())
    }

    /// Finds the group of each row whose keys were read. Returns how many groups there are now.
    pub(crate) fn find(&mut self, rows: usize) -> Result<usize> {
        self.fit();
        self.rows.clear();
        self.rows.reserve(rows);
        let Groups { keys, members, found, rows: groups } = self;
        let packed = |row: usize| keys.iter().fold(0, |packed, key| packed << 32 | u128::from(key.rows[row]));
        match found {
            Found::Table(table) => {
                // Key by key, not row by row: that is what processors do several of at a time.
                let mut places: Vec<u32> = vec![0; rows];
                for key in keys.iter() {
                    places.iter_mut().zip(&key.rows).for_each(|(place, number)| *place = *place << key.bits | number);
                }
                for (row, place) in places.into_iter().enumerate() {
                    let group = &mut table[index(place)];
                    if *group == NONE {
                        *group = number(members.len())?;
                        members.push(packed(row));
                    }
                    groups.push(index(*group));
                }
            }
            Found::Map(map) => {
                let mut last = (u128::MAX, 0);
                for row in 0..rows {
                    let packed = packed(row);
                    if packed != last.0 {
                        let group = map.entry(packed).or_insert(NONE);
                        if *group == NONE {
                            *group = number(members.len())?;
                            members.push(packed);
                        }
                        last = (packed, index(*group));
                    }
                    groups.push(last.1);
                }
            }
        }
        Ok(members.len())
    }

    /// The group of each row that was read last.
    pub(crate) fn of_rows(&self) -> &[usize] {
        &self.rows
    }

    /// Makes room for all numbers there are.
    fn fit(&mut self) {
        let Found::Table(table) = &self.found else { return };
        let needed = |key: &Key| usize::BITS - key.values.len().leading_zeros();
        if !table.is_empty() && self.keys.iter().all(|key| needed(key) <= key.bits) {
            return;
        }
        self.keys.iter_mut().for_each(|key| key.bits = needed(key));
        let bits: u32 = self.keys.iter().map(|key| key.bits).sum();
        let groups = self.members.iter().zip(0..);
        if bits > TABLE_BITS_MAX {
            self.found = Found::Map(groups.map(|(packed, group)| (*packed, group)).collect());
            return;
        }
        let mut table = vec![NONE; 1 << bits];
        for (packed, group) in groups {
            let mut at = 0;
            for (place, key) in self.keys.iter().enumerate() {
                at = at << key.bits | index(part(*packed, self.keys.len(), place));
            }
            table[at] = group;
        }
        self.found = Found::Table(table);
    }

    /// The keys of all groups, which are then forgotten.
    pub(crate) fn take(&mut self) -> Result<Vec<ArrayRef>> {
        let members = std::mem::take(&mut self.members);
        let count = self.keys.len();
        let mut columns = Vec::with_capacity(count);
        for (place, key) in self.keys.iter_mut().enumerate() {
            let mut values = std::mem::replace(&mut key.values, values_of(&key.field)?);
            let all = values.emit(EmitTo::All)?.pop();
            let all = all.ok_or_else(|| DataFusionError::Internal("a key without values".to_owned()))?;
            let numbers: UInt32Array = members.iter().map(|packed| part(*packed, count, place)).collect();
            columns.push(take(&all, &numbers, None)?);
            (key.dictionary, key.null, key.bits) = (None, None, 0);
            key.rows = Vec::new();
        }
        self.found = Found::Table(vec![NONE]);
        Ok(columns)
    }
}

/// A key's number in a group's.
fn part(packed: u128, keys: usize, place: usize) -> u32 {
    let shifted = packed >> (32 * (keys - 1 - place));
    u32::try_from(shifted & u128::from(u32::MAX)).unwrap_or(NONE)
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{DictionaryArray, Int32Array, Int64Array};
    use datafusion::arrow::datatypes::{DataType, Field};

    use super::*;

    fn coded(texts: &Arc<StringArray>, keys: Vec<Option<i32>>) -> ArrayRef {
        Arc::new(DictionaryArray::new(Int32Array::from(keys), Arc::clone(texts) as ArrayRef))
    }

    fn field(data_type: DataType) -> FieldRef {
        Arc::new(Field::new("key", data_type, true))
    }

    fn shown(columns: &[ArrayRef]) -> Vec<String> {
        let show = |row: usize| {
            let cells = columns
                .iter()
                .map(|column| datafusion::arrow::util::display::array_value_to_string(column, row).unwrap());
            cells.collect::<Vec<_>>().join("|")
        };
        (0..columns[0].len()).map(show).collect()
    }

    #[test]
    fn rows_of_one_text_are_one_group_however_they_are_stored() {
        let mut groups = Groups::new(vec![field(DataType::Utf8View)]).unwrap();
        let first = Arc::new(StringArray::from(vec!["never", "a", "b"]));
        assert!(groups.read_coded(0, &coded(&first, vec![Some(1), None, Some(2), Some(1)])).unwrap());
        assert_eq!((groups.find(4).unwrap(), groups.of_rows()), (3, &[0, 1, 2, 0][..]));
        let plain: ArrayRef = Arc::new(StringViewArray::from(vec![Some("b"), None, Some("c")]));
        assert!(!groups.read_coded(0, &plain).unwrap());
        groups.read(0, &plain).unwrap();
        assert_eq!((groups.find(3).unwrap(), groups.of_rows()), (4, &[2, 1, 3][..]));
        let second = Arc::new(StringArray::from(vec!["c", "a"]));
        assert!(groups.read_coded(0, &coded(&second, vec![Some(0), Some(1)])).unwrap());
        assert_eq!((groups.find(2).unwrap(), groups.of_rows()), (4, &[3, 0][..]));
        // A text that no row has makes no group.
        assert_eq!(shown(&groups.take().unwrap()), ["a", "", "b", "c"]);
        assert!(groups.read_coded(0, &coded(&first, vec![Some(2)])).unwrap());
        assert_eq!(groups.find(1).unwrap(), 1);
        assert_eq!(shown(&groups.take().unwrap()), ["b"]);
    }

    #[test]
    fn keys_are_told_apart_in_the_table_and_in_the_map() {
        let types = vec![field(DataType::Utf8View), field(DataType::Int64), field(DataType::Int64)];
        let mut groups = Groups::new(types).unwrap();
        let mut expected = Vec::new();
        // The second batch has too many values for a table.
        for (batch, count) in [(0, 10_i64), (1, 2_000)] {
            let texts: StringViewArray = (0..count).map(|row| (row % 3 > 0).then(|| (row % 3).to_string())).collect();
            groups.read(0, &(Arc::new(texts) as ArrayRef)).unwrap();
            groups.read(1, &(Arc::new(Int64Array::from_iter_values(0..count)) as ArrayRef)).unwrap();
            let thirds: Int64Array = (0..count).map(|row| Some(row * 7 % count)).collect();
            groups.read(2, &(Arc::new(thirds) as ArrayRef)).unwrap();
            groups.find(usize::try_from(count).unwrap()).unwrap();
            for row in 0..count {
                let text = if row % 3 > 0 { (row % 3).to_string() } else { String::new() };
                let line = format!("{text}|{row}|{}", row * 7 % count);
                if batch == 0 || !expected.contains(&line) {
                    expected.push(line);
                }
            }
        }
        assert!(matches!(groups.found, Found::Map(_)));
        assert_eq!(groups.len(), expected.len());
        assert_eq!(shown(&groups.take().unwrap()), expected);
    }
}
