//! Functions about access lists and locks. There are none here: a user may read every object that it sees, and no
//! statement takes locks.

use datafusion::arrow::array::{Array, ArrayRef, new_empty_array};
use datafusion::arrow::datatypes::{DataType, Field, Fields};
use datafusion::error::Result;
use datafusion::prelude::SessionContext;
use datafusion::scalar::ScalarValue;

use rapport_pgsql::error::{PgError, code};
use rapport_pgsql::functions::{Call, Function, raise};

/// Registers the functions.
pub(super) fn register_all(context: &SessionContext) {
    // `rapport_pgsql::desugar` turns `aclexplode(list)` into `unnest(pg_aclexplode(list))`.
    Function::new("pg_aclexplode", 1..=1, entries_type(), |call| {
        let lists = call.array(0);
        if lists.null_count() < lists.len() && !lists.data_type().is_null() {
            let error = PgError::new(code::NOT_SUPPORTED, "aclexplode of a list is not supported");
            return Err(raise(error.detail("nothing here has an access list")));
        }
        empty_lists(call)
    })
    .stable()
    .register(context);
    let pids = DataType::new_list(DataType::Int32, true);
    Function::new("pg_blocking_pids", 1..=1, pids, empty_lists)
        .stable()
        .register(context);
}

/// Returns the type of `pg_aclexplode`: a list of an access list's entries.
fn entries_type() -> DataType {
    let fields = [
        ("grantor", DataType::Int32),
        ("grantee", DataType::Int32),
        ("privilege_type", DataType::Utf8),
        ("is_grantable", DataType::Boolean),
    ];
    let fields = fields.map(|(name, of)| Field::new(name, of, true));
    DataType::new_list(DataType::Struct(Fields::from(fields.to_vec())), true)
}

/// Returns an empty list for each row.
fn empty_lists(call: &Call) -> Result<ArrayRef> {
    let DataType::List(item) = &call.returns else {
        return Ok(new_empty_array(&call.returns));
    };
    let list = ScalarValue::List(ScalarValue::new_list(&[], item.data_type(), true));
    list.to_array_of_size(call.rows)
}
