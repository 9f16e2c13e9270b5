//! Functions about access lists and locks, of which there are none: whoever sees a thing may read it, and nobody locks it.

use datafusion::arrow::array::{Array, ArrayRef, new_empty_array};
use datafusion::arrow::datatypes::{DataType, Field, Fields};
use datafusion::error::Result;
use datafusion::prelude::SessionContext;
use datafusion::scalar::ScalarValue;

use rapport_pgsql::error::{PgError, code};
use rapport_pgsql::functions::{Call, Function, raise};

pub(super) fn register_all(context: &SessionContext) {
    // What `aclexplode(list)` gives is the elements of this: see `sql::rewrite`.
    Function::new("pg_aclexplode", 1..=1, entries(), |call| {
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

/// The entries of an access list.
fn entries() -> DataType {
    let fields = [
        ("grantor", DataType::Int32),
        ("grantee", DataType::Int32),
        ("privilege_type", DataType::Utf8),
        ("is_grantable", DataType::Boolean),
    ];
    let fields = fields.map(|(name, of)| Field::new(name, of, true));
    DataType::new_list(DataType::Struct(Fields::from(fields.to_vec())), true)
}

/// A list of nothing for each row.
fn empty_lists(call: &Call) -> Result<ArrayRef> {
    let DataType::List(item) = &call.returns else {
        return Ok(new_empty_array(&call.returns));
    };
    let list = ScalarValue::List(ScalarValue::new_list(&[], item.data_type(), true));
    list.to_array_of_size(call.rows)
}
