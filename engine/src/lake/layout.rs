//! The layout of a lake: which columns its tables have and how its derived rows come about, as one number.
//!
//! Each table states its layout in its Delta metadata, as the property `rapport.layout`. A table without the property has
//! layout 0: that of all lakes from before layouts were stated.
//!
//! A program reads lakes of its own layout and of every older one. It brings an older lake to its own when it opens it:
//! tables get the columns that they lack, which are null in the rows that are there, and derived tables whose rows a newer
//! layout derives otherwise are marked as outdated, so that the next derive makes them anew. A newer lake is refused, by
//! programs that run while another brings it up to date too: a commit names the version that it follows, so nobody commits
//! without having read the property.
//!
//! A new column therefore takes a new layout, and is nullable.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema};
use deltalake_core::DeltaTableError;
use deltalake_core::kernel::engine::arrow_conversion::TryIntoKernel;
use deltalake_core::kernel::{MetadataExt, StructField, StructType};

use super::change::{Change, Operation};
use super::commit::Work;
use super::error::LakeError;
use super::snapshot::TableSnapshot;
use super::table::TableId;
use super::{Lake, landed_and_derived};

/// The layout that this program writes, and the newest that it reads.
pub const LAYOUT: u32 = 2;

/// The derived tables whose rows each layout, from 1 on, derives otherwise than the one before. Those that get a column
/// need no mention.
const DERIVED_OTHERWISE: [&[TableId]; LAYOUT as usize] = [&[], &[]];

/// The property of a table that states its layout.
pub(super) const LAYOUT_PROPERTY: &str = "rapport.layout";
/// The name under which a derived table records whether its rows are those of an older layout.
pub(super) const OUTDATED: &str = "outdated";

/// Reads the layout that a table states.
pub(super) fn read_layout(
    table: TableId,
    lake: &str,
    properties: &HashMap<String, String>,
) -> Result<u32, LakeError> {
    let Some(text) = properties.get(LAYOUT_PROPERTY) else {
        return Ok(0);
    };
    match text.parse::<u32>() {
        Ok(layout) if layout <= LAYOUT => Ok(layout),
        Ok(layout) => Err(LakeError::Layout {
            lake: lake.to_owned(),
            layout,
        }),
        Err(_) => Err(LakeError::Log {
            table: table.name(),
            reason: format!("its property {LAYOUT_PROPERTY} is {text:?}; expected a whole number"),
        }),
    }
}

/// Returns a table's columns as Delta knows them.
pub(super) fn delta_schema(table: TableId) -> Result<StructType, LakeError> {
    let (file, partition) = (table.file_schema(), table.partition_fields());
    let fields = file.fields().iter().chain(&partition);
    let fields: Vec<Field> = fields.map(|field| plain(field)).collect();
    let schema: StructType = (&Schema::new(fields)).try_into_kernel()?;
    Ok(schema)
}

/// A field as Delta knows it: dictionaries are a way of writing, not a type.
fn plain(field: &Field) -> Field {
    let data_type = match field.data_type() {
        DataType::Dictionary(_, value) => value.as_ref().clone(),
        DataType::Utf8View => DataType::Utf8,
        other => other.clone(),
    };
    field.clone().with_data_type(data_type)
}

impl TableSnapshot {
    /// Returns whether its rows are those of an older layout, so that all of it must be derived again.
    pub fn is_outdated(&self) -> bool {
        self.transaction(OUTDATED) == Some(1)
    }
}

/// Returns what a commit records after which all rows of a derived table are those of this layout.
pub(crate) fn mark_derived_anew(base: &TableSnapshot) -> Option<(String, i64)> {
    base.is_outdated().then(|| (OUTDATED.to_owned(), 0))
}

impl Lake {
    /// Brings the tables of an older layout to this program's.
    ///
    /// # Errors
    /// A lake that cannot be read or written.
    pub(super) async fn upgrade(&self) -> Result<(), LakeError> {
        let lake = self.current();
        let mut upgrade = Upgrade::default();
        // The landed tables last: by their newer versions a server knows that there is something to derive.
        let (landed, derived) = landed_and_derived();
        let mut oldest = LAYOUT;
        for id in derived.into_iter().chain(landed) {
            let base = lake.get(id);
            if base.layout() < LAYOUT {
                oldest = oldest.min(base.layout());
                self.commit_loop(Arc::clone(base), Vec::new(), &mut upgrade)
                    .await?;
            }
        }
        if oldest < LAYOUT {
            tracing::warn!(
                lake = self.url(),
                from = oldest,
                to = LAYOUT,
                new_columns = ?upgrade.columns,
                derived_anew = ?upgrade.outdated,
                "the lake was brought to a newer layout, which older programs refuse"
            );
        }
        Ok(())
    }
}

/// Brings tables to this program's layout, one after the other.
#[derive(Default)]
struct Upgrade {
    /// The columns that tables got, as `table.column`.
    columns: Vec<String>,
    /// The derived tables whose rows are those of an older layout.
    outdated: Vec<&'static str>,
}

impl Work for Upgrade {
    type Error = LakeError;

    async fn change(&mut self, base: &Arc<TableSnapshot>) -> Result<Option<Change>, LakeError> {
        let Some(known) = base.metadata().filter(|_| base.layout() < LAYOUT) else {
            // Another process has been here.
            return Ok(None);
        };
        let table = base.id();
        let failed = |error: DeltaTableError| LakeError::delta(table.name())(error);
        let schema = known.parse_schema().map_err(|error| failed(error.into()))?;
        let missing = missing_columns(&schema, &delta_schema(table)?);
        let names = missing.iter();
        let names = names.map(|field| format!("{}.{}", table.name(), field.name));
        self.columns.extend(names);
        let otherwise = derives_otherwise(table, base.layout(), &DERIVED_OTHERWISE);
        let mut change = Change::new(Operation::Upgrade);
        if TableId::DERIVED.contains(&table) && (otherwise || !missing.is_empty()) {
            self.outdated.push(table.name());
            change.transactions.push((OUTDATED.to_owned(), 1));
        }
        let fields = schema.fields().cloned().chain(missing);
        let schema = StructType::try_new(fields).map_err(|error| failed(error.into()))?;
        let metadata = known
            .clone()
            .with_schema(&schema)
            .and_then(|known| known.add_config_key(LAYOUT_PROPERTY.into(), LAYOUT.to_string()));
        change.metadata = Some(metadata.map_err(|error| failed(error.into()))?);
        Ok(Some(change))
    }
}

/// Returns the columns that a table should have and has not. The rows that are there have no values for them.
fn missing_columns(known: &StructType, wanted: &StructType) -> Vec<StructField> {
    let missing = wanted.fields().filter(|field| !known.contains(&field.name));
    missing
        .cloned()
        .map(|field| StructField {
            nullable: true,
            ..field
        })
        .collect()
}

/// Returns whether any layout after `from` derives a table's rows otherwise; `history` has the tables of each layout from 1 on.
fn derives_otherwise(table: TableId, from: u32, history: &[&[TableId]]) -> bool {
    let newer = history.iter().skip(from as usize);
    newer.copied().any(|tables| tables.contains(&table))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_table_is_derived_anew_if_a_layout_after_its_own_derives_it_otherwise() {
        let history: [&[TableId]; 3] = [&[], &[TableId::Orders], &[TableId::DailyMetrics]];
        let anew = |table, from| derives_otherwise(table, from, &history);
        assert!(anew(TableId::Orders, 0) && anew(TableId::Orders, 1));
        assert!(!anew(TableId::Orders, 2));
        assert!(anew(TableId::DailyMetrics, 2));
        assert!(!anew(TableId::DailyMetrics, 3));
        assert!(!anew(TableId::Conversations, 0));
    }

    /// Where this fails, raise [`LAYOUT`] and keep the columns of the new layout beside those of the old ones.
    #[test]
    fn the_columns_of_a_layout_never_change() {
        let mut columns = String::new();
        for table in TableId::ALL {
            for field in delta_schema(table).unwrap().fields() {
                let field = serde_json::to_value(field).unwrap();
                columns.push_str(&format!("{} {field}\n", table.name()));
            }
        }
        insta::assert_snapshot!(format!("layout_{LAYOUT}"), columns);
    }

    #[test]
    fn a_layout_is_a_number_that_this_program_knows() {
        let read = |text: &str| {
            let properties = HashMap::from([(LAYOUT_PROPERTY.to_owned(), text.to_owned())]);
            read_layout(TableId::Orders, "file:///lake/", &properties)
        };
        assert_eq!(
            read_layout(TableId::Orders, "", &HashMap::new()).unwrap(),
            0
        );
        assert_eq!(read(&LAYOUT.to_string()).unwrap(), LAYOUT);
        let newer = read(&(LAYOUT + 1).to_string()).unwrap_err().to_string();
        for part in [
            "file:///lake/".to_owned(),
            format!("layout {}", LAYOUT + 1),
            format!("up to {LAYOUT}"),
        ] {
            assert!(newer.contains(&part), "{newer}");
        }
        let wrong = read("new").unwrap_err().to_string();
        assert!(
            wrong.contains("orders") && wrong.contains("\"new\""),
            "{wrong}"
        );
    }

    #[test]
    fn a_column_that_is_new_is_nullable() {
        let wanted = delta_schema(TableId::Orders).unwrap();
        let known = wanted.fields().filter(|field| field.name != "ordered_at");
        let known = StructType::try_new(known.cloned()).unwrap();
        let missing = missing_columns(&known, &wanted);
        assert_eq!(missing.len(), 1);
        assert_eq!(missing[0].name, "ordered_at");
        assert!(missing[0].nullable);
        assert!(!wanted.field("ordered_at").unwrap().nullable);
        assert!(missing_columns(&wanted, &wanted).is_empty());
    }
}
