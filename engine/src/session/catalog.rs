//! The schemas of a session: the relations of its scope, each bound to the session's rows when it is first named.

use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use datafusion::catalog::{SchemaProvider, TableProvider};
use datafusion::common::Result;
use datafusion::datasource::ViewTable;

use super::barrier::ViewBody;
use super::relations::Relation;
use super::sources::BoundSources;

/// Holds a relation and its analysed plan over unbound scans.
#[derive(Debug)]
pub(super) struct PlannedRelation {
    pub relation: Relation,
    pub body: Arc<ViewBody>,
}

/// Provides the relations of one schema to one session.
#[derive(Debug)]
pub(super) struct BoundSchema {
    relations: Vec<(Arc<PlannedRelation>, OnceLock<Arc<ViewTable>>)>,
    sources: Arc<BoundSources>,
}

impl BoundSchema {
    /// Creates a schema of these relations over the rows that the session may read.
    pub fn new(
        relations: impl Iterator<Item = Arc<PlannedRelation>>,
        sources: Arc<BoundSources>,
    ) -> BoundSchema {
        BoundSchema {
            relations: relations
                .map(|relation| (relation, OnceLock::new()))
                .collect(),
            sources,
        }
    }
}

#[async_trait]
impl SchemaProvider for BoundSchema {
    fn table_names(&self) -> Vec<String> {
        let names = self
            .relations
            .iter()
            .map(|(planned, _)| planned.relation.name.to_owned());
        names.collect()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        let Some((planned, bound)) = self.relations.iter().find(|(p, _)| p.relation.name == name)
        else {
            return Ok(None);
        };
        if let Some(view) = bound.get() {
            return Ok(Some(Arc::clone(view) as _));
        }
        let body = planned.body.bind(&self.sources)?;
        let view = bound.get_or_init(|| Arc::new(body.view(vec![])));
        Ok(Some(Arc::clone(view) as _))
    }

    fn table_exist(&self, name: &str) -> bool {
        self.relations
            .iter()
            .any(|(planned, _)| planned.relation.name == name)
    }
}
