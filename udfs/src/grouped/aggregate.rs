//! Makes a DataFusion aggregate function of a [`Fold`].

use std::any::type_name;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::{AggregateOrderSensitivity, format_state_name};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Documentation, GroupsAccumulator, Signature,
};

use super::{Fold, Groups, SingleGroup};
use crate::columns::{coerce, signature};

/// Returns the aggregate function that runs a fold.
pub(crate) fn aggregate<F: Fold>() -> Arc<AggregateUDF> {
    Arc::new(AggregateUDF::from(Aggregate::<F> {
        signature: signature(F::PARAMETERS),
        fold: PhantomData,
    }))
}

struct Aggregate<F> {
    signature: Signature,
    fold: PhantomData<F>,
}

impl<F> fmt::Debug for Aggregate<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Aggregate<{}>", type_name::<F>())
    }
}

/// Two values of this type are always equal: they differ by their fold alone, which is part of the type.
impl<F> PartialEq for Aggregate<F> {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl<F> Eq for Aggregate<F> {}

impl<F: Fold> Hash for Aggregate<F> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        F::NAME.hash(state);
    }
}

/// Refuses `DISTINCT`, which would compare whole events although their identity is the `event_id` (SPEC E1).
fn refuse_distinct<F: Fold>(args: &AccumulatorArgs<'_>) -> Result<()> {
    if args.is_distinct {
        return plan_err!("{} does not take DISTINCT", F::NAME);
    }
    Ok(())
}

impl<F: Fold> AggregateUDFImpl for Aggregate<F> {
    fn name(&self) -> &str {
        F::NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        coerce(F::NAME, F::PARAMETERS, given)
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(F::result_type())
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        let name = format_state_name(args.name, "state");
        Ok(vec![Arc::new(Field::new(
            name,
            DataType::LargeBinary,
            true,
        ))])
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        refuse_distinct::<F>(&args)?;
        Ok(Box::new(SingleGroup::<F>::default()))
    }

    fn groups_accumulator_supported(&self, _: AccumulatorArgs<'_>) -> bool {
        true
    }

    fn create_groups_accumulator(
        &self,
        args: AccumulatorArgs<'_>,
    ) -> Result<Box<dyn GroupsAccumulator>> {
        refuse_distinct::<F>(&args)?;
        Ok(Box::new(Groups::<F>::default()))
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(F::documentation())
    }
}
