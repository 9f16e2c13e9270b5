//! `list_or_null(list)`: replaces an empty or null list by a list of one null.
//!
//! `unnest` drops the rows of empty lists, but a conversation without a procedure counts once, under null (SPEC M6).
//! `CASE WHEN cardinality(list) > 0 …` gives the same result and makes the whole query three times slower, because it
//! copies the lists one by one.

use std::sync::{Arc, LazyLock};

use arrow::array::{Array, ArrayBuilder, ArrayRef, AsArray, ListArray, UInt32Array, UInt32Builder};
use arrow::buffer::OffsetBuffer;
use arrow::compute::take;
use arrow::datatypes::{DataType, Field};
use datafusion::common::utils::take_function_args;
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};

use super::SECTION;

static DOCUMENTATION: LazyLock<Documentation> = LazyLock::new(|| {
    Documentation::builder(
        SECTION,
        "The list itself where it has elements; a list of one null where it has none, or is null: so `unnest` keeps the row.",
        "list_or_null(list)",
    )
    .with_sql_example("```sql\n> SELECT unnest(list_or_null(make_array()));\nNULL\n```")
    .with_argument("list", "A list.")
    .build()
});

/// Implements `list_or_null`.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct ListOrNull {
    signature: Signature,
}

impl Default for ListOrNull {
    fn default() -> Self {
        Self {
            signature: Signature::any(1, Volatility::Immutable),
        }
    }
}

impl ScalarUDFImpl for ListOrNull {
    fn name(&self) -> &str {
        "list_or_null"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        match types {
            [DataType::List(item)] => Ok(DataType::List(Arc::new(nullable(item)))),
            other => plan_err!("list_or_null takes one list, not {other:?}"),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [list] = take_function_args(self.name(), args.args)?;
        let list = list.into_array(args.number_rows)?;
        Ok(ColumnarValue::Array(with_nulls(list.as_list())?))
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&DOCUMENTATION)
    }
}

fn nullable(item: &Field) -> Field {
    item.clone().with_nullable(true)
}

/// Rebuilds the lists, with one null in each list that was empty or null.
fn with_nulls(lists: &ListArray) -> Result<ArrayRef> {
    let mut elements = UInt32Builder::with_capacity(lists.values().len() + lists.len());
    let mut ends = Vec::with_capacity(lists.len() + 1);
    ends.push(0);
    for row in 0..lists.len() {
        let [start, end] = [row, row + 1].map(|at| lists.value_offsets()[at] as u32);
        if start == end || lists.is_null(row) {
            elements.append_null();
        } else {
            elements.extend((start..end).map(Some));
        }
        ends.push(elements.len() as i32);
    }
    let elements: UInt32Array = elements.finish();
    let DataType::List(item) = lists.data_type() else {
        return plan_err!("list_or_null takes one list, not {:?}", lists.data_type());
    };
    Ok(Arc::new(ListArray::try_new(
        Arc::new(nullable(item)),
        OffsetBuffer::new(ends.into()),
        take(lists.values(), &elements, None)?,
        None,
    )?))
}

#[cfg(test)]
mod tests {
    use crate::testing::{sql, sql_error, text_of};

    #[tokio::test]
    async fn m6_unnest_keeps_the_row_of_an_empty_list() {
        let rows = sql(
            "SELECT id, unnest(list_or_null(list)) FROM (VALUES (1, make_array('a', 'b')), (2, NULL), \
             (3, make_array('c')), (4, array_remove(make_array('d'), 'd')), (5, make_array(NULL, 'e'))) AS t(id, list)",
            1,
        )
        .await;
        assert_eq!(
            text_of(&rows),
            ["1|a", "1|b", "2|", "3|c", "4|", "5|", "5|e"]
        );
    }

    /// A batch is often a slice of a longer one, or the rows that a filter left.
    #[tokio::test]
    async fn slices_are_read_from_their_offset() {
        let rows = sql(
            "SELECT id, list_or_null(list) FROM (SELECT * FROM (VALUES (1, make_array(7)), (2, make_array(8, 9)), (3, NULL), \
             (4, make_array(1))) AS t(id, list) WHERE id > 1 LIMIT 2 OFFSET 1)",
            1,
        )
        .await;
        assert_eq!(text_of(&rows), ["3|[]", "4|[1]"]);
    }

    #[tokio::test]
    async fn an_argument_that_is_no_list_is_refused() {
        let error = sql_error("SELECT list_or_null(7)").await;
        assert!(error.contains("list_or_null takes one list"), "{error}");
    }
}
