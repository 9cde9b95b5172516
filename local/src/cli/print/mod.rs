//! What is printed: text for people, JSON for programs.
//!
//! Text is made of values alone: how wide the terminal is, whether it has colour, and what time it is are given.

mod table;
mod time;

use std::io::{self, Write as _};

use jiff::Timestamp;
use serde_json::Value;

pub(crate) use table::{Cell, Column, Table};
pub(crate) use time::{ago, clock, left, parse_span, span};

/// What a word is meant to be taken for; only colour tells, so no meaning hangs on it alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Tone {
    #[default]
    Plain,
    /// What the rest is about.
    Strong,
    /// As it should be.
    Good,
    /// On its way.
    Busy,
    /// Somebody should look.
    Bad,
    /// Rests, or matters less.
    Quiet,
}

/// Whether there is colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ink {
    /// None.
    Black,
    /// The terminal's own sixteen, so that its theme decides how they look.
    Colour,
}

impl Ink {
    /// A text in a tone.
    pub(crate) fn paint(self, text: &str, tone: Tone) -> String {
        let code = match tone {
            Tone::Strong => "1",
            Tone::Good => "32",
            Tone::Busy => "33",
            Tone::Bad => "31",
            Tone::Quiet => "2",
            Tone::Plain => "",
        };
        if self == Self::Black || code.is_empty() || text.is_empty() {
            return text.to_owned();
        }
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }
}

/// What text is written on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Paper {
    /// How many columns there are; no end of them if it is no terminal.
    pub(crate) width: Option<usize>,
    /// Whether there is colour.
    pub(crate) ink: Ink,
    /// What time it is where the answers come from.
    pub(crate) now: Timestamp,
}

impl Paper {
    /// A text in a tone.
    pub(crate) fn paint(&self, text: &str, tone: Tone) -> String {
        self.ink.paint(text, tone)
    }

    /// A line, cut to the width.
    pub(crate) fn fit(&self, line: &str) -> String {
        self.width.map_or_else(
            || line.to_owned(),
            |width| console::truncate_str(line, width, "…").into_owned(),
        )
    }

    /// Names with their values below each other; those without a value are left out.
    pub(crate) fn facts(&self, facts: &[(&str, Option<String>)]) -> String {
        let widest = facts.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
        let told = facts.iter().filter_map(|(name, value)| Some((name, value.as_ref()?)));
        told.map(|(name, value)| {
            let name = self.paint(&format!("{name:<widest$}"), Tone::Quiet);
            self.fit(&format!("  {name}  {value}")) + "\n"
        })
        .collect()
    }

    /// Sentences, broken into lines at spaces.
    pub(crate) fn prose(&self, text: &str) -> String {
        let width = self.width.unwrap_or(usize::MAX).clamp(20, 100);
        let mut lines = String::new();
        let mut column = 0;
        for word in text.split_whitespace() {
            let length = console::measure_text_width(word);
            if column > 0 && column + 1 + length > width {
                lines.push('\n');
                column = 0;
            } else if column > 0 {
                lines.push(' ');
                column += 1;
            }
            lines.push_str(word);
            column += length;
        }
        lines + "\n"
    }
}

/// Writes to standard output. Whoever stops reading, as `head` does, has had enough.
pub(crate) fn out(text: &str) -> io::Result<()> {
    let mut output = io::stdout().lock();
    match output.write_all(text.as_bytes()).and_then(|()| output.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

/// A value as JSON, on lines.
pub(crate) fn json(value: &Value) -> String {
    format!("{value:#}\n")
}

/// A number with a comma between thousands.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 tenant`, `2 tenants`.
pub(crate) fn many(number: u64, one: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {one}{plural}", count(number))
}

/// The end of an ARN, or a plain name.
pub(crate) fn short(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

/// A bar of so many columns, filled with the share of each part.
pub(crate) fn bar(paper: &Paper, width: usize, parts: &[(u64, Tone)]) -> String {
    let total: u64 = parts.iter().map(|(number, _)| number).sum();
    let mut drawn = String::new();
    let (mut passed, mut filled) = (0, 0);
    for (number, tone) in parts {
        passed += number;
        let end = usize::try_from(passed * width as u64 / total.max(1)).unwrap_or(width);
        // Whoever is there is seen, however few they are.
        let end = if *number > 0 { end.max(filled + 1) } else { end }.min(width);
        let mark = if *tone == Tone::Quiet { "░" } else { "█" };
        drawn.push_str(&paper.paint(&mark.repeat(end.saturating_sub(filled)), *tone));
        filled = end.max(filled);
    }
    drawn + &paper.paint(&"░".repeat(width.saturating_sub(filled)), Tone::Quiet)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paper(width: usize) -> Paper {
        Paper {
            width: Some(width),
            ink: Ink::Black,
            now: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn thousands_have_commas() {
        let numbers = [0, 999, 1_000, 10_000, 1_234_567];
        assert_eq!(numbers.map(count), ["0", "999", "1,000", "10,000", "1,234,567"]);
    }

    #[test]
    fn prose_is_broken_at_spaces() {
        let text = "It runs, and nobody has used it for a while now.";
        assert_eq!(
            paper(20).prose(text),
            "It runs, and nobody\nhas used it for a\nwhile now.\n"
        );
    }

    #[test]
    fn a_bar_shows_even_the_few() {
        let parts = [(1, Tone::Bad), (998, Tone::Good), (1, Tone::Quiet)];
        assert_eq!(bar(&paper(80), 10, &parts), "█████████░");
        assert_eq!(bar(&paper(80), 10, &[]), "░".repeat(10));
    }

    #[test]
    fn colour_is_only_there_on_a_terminal() {
        assert_eq!(Ink::Black.paint("x", Tone::Bad), "x");
        assert_eq!(Ink::Colour.paint("x", Tone::Bad), "\u{1b}[31mx\u{1b}[0m");
        assert_eq!(Ink::Colour.paint("x", Tone::Plain), "x");
    }
}
