//! Plain tables, which scroll sideways where the window is too narrow.

use maud::{Markup, html};

/// How a column's cells stand.
#[derive(Clone, Copy, Debug)]
pub(super) enum Column {
    Text(&'static str),
    Number(&'static str),
}

/// Writes a table around `rows`; `label` names it for those who can't see it.
pub(super) fn of(label: &str, columns: &[Column], rows: &Markup) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label=(label) {
            table {
                thead {
                    tr {
                        @for column in columns {
                            @match column {
                                Column::Text(title) => { th scope="col" { (title) } },
                                Column::Number(title) => { th.number scope="col" { (title) } },
                            }
                        }
                    }
                }
                tbody { (rows) }
            }
        }
    }
}
