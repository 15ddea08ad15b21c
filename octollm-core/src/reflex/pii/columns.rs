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
    /// Where the field before it in its row begins, or it itself.
    before: usize,
}

/// A place in a table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cell {
    pub(super) field: Field,
    /// What the column is about.
    pub(super) column: Topics,
    /// From where on words are about the field: where the name of its column says nothing, the field before may be its label, as in
    /// a table of names and values.
    pub(super) least: usize,
}

impl<'t> Columns<'t> {
    pub(super) fn new(contexts: &'t Contexts, text: &'t str) -> Self {
        Self { contexts, text, table: None }
    }

    /// The field that this place stands in. A field before one that was asked for is not known any more.
    pub(super) fn at(&mut self, at: usize) -> Option<Cell> {
        let (contexts, text) = (self.contexts, self.text);
        let walk = self.table.get_or_insert_with(|| Walk::begin(contexts, text)).as_mut()?;
        while walk.here.is_some_and(|field| field.end < at) {
            walk.go_on();
        }
        let field = walk.here.filter(|field| field.start <= at)?;
        let column = *walk.topics.get(field.column)?;
        let least = if column.is_nothing() { walk.before } else { field.start };
        Some(Cell { field, column, least })
    }
}

impl<'t> Walk<'t> {
    fn begin(contexts: &Contexts, text: &'t str) -> Option<Self> {
        let table = Table::find(text)?;
        let topics = table.names(text).map(|name| contexts.of_column(name)).collect();
        let mut fields = table.fields(text);
        let here = fields.next();
        let before = here.map_or(0, |field| field.start);
        Some(Self { topics, fields, here, before })
    }

    fn go_on(&mut self) {
        let last = self.here;
        self.here = self.fields.next();
        let in_row = last.filter(|_| self.here.is_some_and(|field| field.column > 0));
        self.before = in_row.or(self.here).map_or(0, |field| field.start);
    }
}
