//! A table that fits the terminal.

use super::{Paper, Tone};

/// What is between two columns.
const GAP: usize = 2;

/// A column of a table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    title: &'static str,
    room: Room,
    side: Side,
}

/// What becomes of a column that there is no room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Room {
    /// It stays whole.
    Whole,
    /// It is cut, down to so many characters.
    Cut(usize),
    /// It is left out; those with a higher number first.
    Spare(u8),
}

/// At which side the text of a column is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Left,
    Right,
}

impl Column {
    /// A column that is always there, and whole.
    pub(crate) const fn whole(title: &'static str) -> Self {
        Self {
            title,
            room: Room::Whole,
            side: Side::Left,
        }
    }

    /// A column of numbers that is always there, and whole.
    pub(crate) const fn number(title: &'static str) -> Self {
        Self {
            title,
            room: Room::Whole,
            side: Side::Right,
        }
    }

    /// A column whose texts are cut if there is no room for them, down to so many characters.
    pub(crate) const fn cut(title: &'static str, least: usize) -> Self {
        Self {
            title,
            room: Room::Cut(least),
            side: Side::Left,
        }
    }

    /// A column that is left out if there is no room for it; those with a higher number first.
    pub(crate) const fn spare(title: &'static str, order: u8) -> Self {
        Self {
            title,
            room: Room::Spare(order),
            side: Side::Left,
        }
    }
}

/// A text in a table.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cell {
    text: String,
    tone: Tone,
}

impl Cell {
    /// A text in a tone. Line ends and other control characters, which would break the table, become spaces.
    pub(crate) fn new(text: impl Into<String>, tone: Tone) -> Self {
        let text: String = text.into();
        let text = text.replace(char::is_control, " ");
        Self { text, tone }
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::new(text, Tone::Plain)
    }
}

/// Rows under titles.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    /// A table without rows.
    pub(crate) fn new(columns: &[Column]) -> Self {
        Self {
            columns: columns.to_vec(),
            rows: Vec::new(),
        }
    }

    /// One row more; a cell for each column.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// As text that is not wider than the paper, as far as that can be. A column with nothing in it is left out.
    pub(crate) fn text(&self, paper: &Paper) -> String {
        let widths = self.widths(paper.width);
        let titles = self.columns.iter().map(|column| Cell::new(column.title, Tone::Quiet));
        let titles: Vec<Cell> = titles.collect();
        let rows = std::iter::once(&titles).chain(&self.rows);
        rows.map(|row| self.line(paper, &widths, row)).collect()
    }

    fn line(&self, paper: &Paper, widths: &[Option<usize>], row: &[Cell]) -> String {
        let mut line = String::new();
        let mut owed = 0;
        for ((column, width), cell) in self.columns.iter().zip(widths).zip(row) {
            let Some(width) = width else { continue };
            let shown = console::truncate_str(&cell.text, *width, "…");
            let rest = width.saturating_sub(console::measure_text_width(&shown));
            let (before, after) = match column.side {
                Side::Left => (0, rest),
                Side::Right => (rest, 0),
            };
            // What is owed is only written when something follows: no line ends in spaces.
            if shown.is_empty() {
                owed += before;
            } else {
                line.push_str(&" ".repeat(owed + before));
                line.push_str(&paper.paint(&shown, cell.tone));
                owed = 0;
            }
            owed += after + GAP;
        }
        line + "\n"
    }

    /// The width of each column; `None` if it is left out.
    fn widths(&self, room: Option<usize>) -> Vec<Option<usize>> {
        let mut widths: Vec<Option<usize>> = (0..self.columns.len()).map(|index| self.natural(index)).collect();
        let Some(room) = room else { return widths };
        while self.least(&widths) > room
            && let Some(index) = self.most_spare(&widths)
        {
            if let Some(width) = widths.get_mut(index) {
                *width = None;
            }
        }
        while total(&widths) > room
            && let Some(widest) = self.widest_cut(&mut widths)
        {
            *widest -= 1;
        }
        widths
    }

    /// How wide a column would like to be; `None` if there is nothing in it.
    fn natural(&self, index: usize) -> Option<usize> {
        let cells = self.rows.iter().filter_map(|row| row.get(index));
        let widest = cells.map(|cell| console::measure_text_width(&cell.text)).max();
        let widest = widest.filter(|width| *width > 0)?;
        Some(widest.max(self.columns.get(index)?.title.len()))
    }

    /// How wide the table is when all that can be cut is.
    fn least(&self, widths: &[Option<usize>]) -> usize {
        let cut: Vec<Option<usize>> = self
            .columns
            .iter()
            .zip(widths)
            .map(|(column, width)| column.least(*width))
            .collect();
        total(&cut)
    }

    fn most_spare(&self, widths: &[Option<usize>]) -> Option<usize> {
        let there = self
            .columns
            .iter()
            .zip(widths)
            .enumerate()
            .filter(|(_, (_, width))| width.is_some());
        let spare = there.filter_map(|(index, (column, _))| match column.room {
            Room::Spare(order) => Some((order, index)),
            Room::Whole | Room::Cut(_) => None,
        });
        spare.max().map(|(_, index)| index)
    }

    fn widest_cut<'a>(&self, widths: &'a mut [Option<usize>]) -> Option<&'a mut usize> {
        let there = self
            .columns
            .iter()
            .zip(widths)
            .filter_map(|(column, width)| Some((column, width.as_mut()?)));
        there
            .filter_map(|(column, width)| match column.room {
                Room::Cut(least) => (*width > least).then_some(width),
                Room::Whole | Room::Spare(_) => None,
            })
            .max_by_key(|width| **width)
    }
}

impl Column {
    fn least(self, natural: Option<usize>) -> Option<usize> {
        match self.room {
            Room::Cut(least) => natural.map(|width| width.min(least)),
            Room::Whole | Room::Spare(_) => natural,
        }
    }
}

fn total(widths: &[Option<usize>]) -> usize {
    let there = widths.iter().flatten();
    there.clone().sum::<usize>() + there.count().saturating_sub(1) * GAP
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use jiff::Timestamp;

    use super::*;
    use crate::cli::print::Ink;

    fn fleet() -> Table {
        let mut table = Table::new(&[
            Column::cut("TENANT", 6),
            Column::whole("PHASE"),
            Column::number("CPU"),
            Column::spare("RELEASE", 1),
            Column::spare("SINCE", 2),
            Column::whole("NEVER"),
            Column::cut("NOTE", 8),
        ]);
        let mut row = |id: &str, phase: &str, cpu: &str, note: &str| {
            let cells = [id, phase, cpu, "r12", "3 min", "", note];
            table.row(cells.map(Cell::from));
        };
        row("acme", "running", "512", "");
        row(
            "a-tenant-with-a-long-name",
            "failed",
            "16384",
            "CannotPullContainerError: no such image\nat all",
        );
        table
    }

    fn check(width: Option<usize>, expected: &Expect) {
        let paper = Paper {
            width,
            ink: Ink::Black,
            now: Timestamp::UNIX_EPOCH,
        };
        let text = fleet().text(&paper);
        for line in text.lines() {
            let wide = console::measure_text_width(line);
            assert!(width.is_none_or(|width| wide <= width), "{wide}: {line}");
        }
        expected.assert_eq(&text);
    }

    #[test]
    fn a_table_is_as_wide_as_it_needs_to_be() {
        check(
            None,
            &expect![[r"
            TENANT                     PHASE      CPU  RELEASE  SINCE  NOTE
            acme                       running    512  r12      3 min
            a-tenant-with-a-long-name  failed   16384  r12      3 min  CannotPullContainerError: no such image at all
        "]],
        );
    }

    #[test]
    fn long_texts_are_cut_to_fit() {
        check(
            Some(80),
            &expect![[r"
            TENANT                   PHASE      CPU  RELEASE  SINCE  NOTE
            acme                     running    512  r12      3 min
            a-tenant-with-a-long-n…  failed   16384  r12      3 min  CannotPullContainerErr…
        "]],
        );
    }

    #[test]
    fn what_is_spare_is_left_out_where_there_is_no_room() {
        check(
            Some(44),
            &expect![[r"
            TENANT     PHASE      CPU  RELEASE  NOTE
            acme       running    512  r12
            a-tenant…  failed   16384  r12      CannotP…
        "]],
        );
        check(
            Some(38),
            &expect![[r"
            TENANT      PHASE      CPU  NOTE
            acme        running    512
            a-tenant-…  failed   16384  CannotPul…
        "]],
        );
    }

    #[test]
    fn nothing_is_painted_into_a_cut() {
        let mut table = Table::new(&[Column::cut("NOTE", 4)]);
        table.row([Cell::new("0123456789", Tone::Bad)]);
        let paper = Paper {
            width: Some(6),
            ink: Ink::Colour,
            now: Timestamp::UNIX_EPOCH,
        };
        assert_eq!(
            table.text(&paper),
            "\u{1b}[2mNOTE\u{1b}[0m\n\u{1b}[31m01234…\u{1b}[0m\n"
        );
    }
}
