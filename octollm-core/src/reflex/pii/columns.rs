//! What the columns of a table are about: context for the fields under their names.

use super::context::{Contexts, Topics};
use crate::reflex::table::{Field, Fields, Table};

/// The columns of the text's table, looked for once they are asked for.
pub(super) struct Columns<'t> {
    contexts: &'t Contexts,
    text: &'t str,
    table: Option<Option<Walk<'t>>>,
}

/// A walk over the fields, as far as it has come.
struct Walk<'t> {
    topics: Vec<Topics>,
    fields: Fields<'t>,
    here: Option<Field>,
}

impl<'t> Columns<'t> {
    pub(super) fn new(contexts: &'t Contexts, text: &'t str) -> Self {
        Self { contexts, text, table: None }
    }

    /// The field that this place stands in, and what its column is about. Places are asked for in their order, more or less: a field
    /// before the last one is not known any more.
    pub(super) fn at(&mut self, at: usize) -> Option<(Field, Topics)> {
        let (contexts, text) = (self.contexts, self.text);
        let walk = self.table.get_or_insert_with(|| Walk::begin(contexts, text)).as_mut()?;
        while walk.here.is_some_and(|field| field.end < at) {
            walk.here = walk.fields.next();
        }
        let field = walk.here.filter(|field| field.start <= at)?;
        Some((field, *walk.topics.get(field.column)?))
    }
}

impl<'t> Walk<'t> {
    fn begin(contexts: &Contexts, text: &'t str) -> Option<Self> {
        let table = Table::find(text)?;
        let topics = table.names(text).map(|name| contexts.of_column(name)).collect();
        let mut fields = table.fields(text);
        let here = fields.next();
        Some(Self { topics, fields, here })
    }
}
