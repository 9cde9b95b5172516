//! A picture that is drawn again and again in the same place.
//!
//! It is on the terminal's other screen, where nothing scrolls and nothing wraps: each picture is cut to the terminal as
//! it is at that moment, so a resize does no harm. What was there before comes back when it ends.

use std::io;
use std::time::Duration;

use clap::Args;
use jiff::Timestamp;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::print::{Paper, Tone, out, parse_span};
use super::{Form, Session};

/// Whether to go on looking.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct WatchArgs {
    /// Go on looking until it is over, or until Ctrl-C.
    #[arg(long, short)]
    pub(super) watch: bool,
    /// How often to look.
    #[arg(long, value_name = "SPAN", default_value = "2s", value_parser = parse_span, requires = "watch")]
    every: Duration,
}

/// What to do after a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Look again.
    Look,
    /// Somebody has seen enough.
    End,
}

/// Where pictures are drawn.
pub(crate) struct Watch<'a> {
    session: &'a Session,
    every: Duration,
    screen: Option<Screen>,
}

/// The terminal's other screen.
struct Screen {
    resized: Signal,
    ended: Signal,
}

const ENTER: &str = "\u{1b}[?1049h\u{1b}[?25l";
const LEAVE: &str = "\u{1b}[?25h\u{1b}[?1049l";

impl Screen {
    fn enter() -> io::Result<Self> {
        let screen = Self {
            resized: signal(SignalKind::window_change())?,
            ended: signal(SignalKind::terminate())?,
        };
        out(ENTER)?;
        Ok(screen)
    }
}

/// However it ends, the terminal is as it was.
impl Drop for Screen {
    fn drop(&mut self) {
        // There is nobody left to tell.
        let _ = out(LEAVE);
    }
}

impl<'a> Watch<'a> {
    /// Begins; without a terminal, or for a program that reads JSON, there is nothing to draw on.
    pub(crate) fn begin(session: &'a Session, arguments: WatchArgs) -> io::Result<Self> {
        let seen = session.form == Form::Text && console::Term::stdout().is_term();
        let screen = seen.then(Screen::enter).transpose()?;
        Ok(Self {
            session,
            every: arguments.every,
            screen,
        })
    }

    /// Whether somebody sees pictures.
    pub(crate) fn is_seen(&self) -> bool {
        self.screen.is_some()
    }

    /// Gives the terminal back.
    pub(crate) fn end(&mut self) {
        self.screen = None;
    }

    /// Waits until it is time to look again.
    pub(crate) async fn pause(&self) {
        tokio::time::sleep(self.every).await;
    }

    /// Draws a picture, again whenever the terminal is resized, until it is time to look again.
    pub(crate) async fn show(&mut self, at: Timestamp, picture: impl Fn(&Paper) -> String) -> io::Result<Next> {
        let Some(screen) = &mut self.screen else {
            return Ok(Next::Look);
        };
        let pause = tokio::time::sleep(self.every);
        tokio::pin!(pause);
        loop {
            draw(&self.session.paper(at), &picture)?;
            tokio::select! {
                () = &mut pause => return Ok(Next::Look),
                _ = screen.resized.recv() => {}
                _ = screen.ended.recv() => return Ok(Next::End),
                _ = tokio::signal::ctrl_c() => return Ok(Next::End),
            }
        }
    }
}

fn draw(paper: &Paper, picture: impl Fn(&Paper) -> String) -> io::Result<()> {
    let rows = console::Term::stdout()
        .size_checked()
        .map_or(usize::MAX, |(rows, _)| usize::from(rows));
    out(&frame(paper, &picture(paper), rows))
}

/// From the top left, each line cleared to its end, and nothing left below. The last row says what there is no room for.
fn frame(paper: &Paper, picture: &str, rows: usize) -> String {
    let lines: Vec<&str> = picture.lines().collect();
    let room = rows.saturating_sub(1).max(1);
    let (shown, last) = if lines.len() <= room {
        (lines.len(), "Ctrl-C to end".to_owned())
    } else {
        let shown = room.saturating_sub(1);
        (
            shown,
            format!("{} more lines; make the terminal taller", lines.len() - shown),
        )
    };
    let mut drawn = "\u{1b}[H".to_owned();
    for line in lines.iter().take(shown) {
        drawn.push_str(&paper.fit(line));
        drawn.push_str("\u{1b}[K\r\n");
    }
    drawn.push_str(&paper.paint(&paper.fit(&last), Tone::Quiet));
    drawn.push_str("\u{1b}[J");
    drawn
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::print::Ink;

    fn shown(rows: usize) -> String {
        let paper = Paper {
            width: Some(12),
            ink: Ink::Black,
            now: Timestamp::UNIX_EPOCH,
        };
        frame(&paper, "one\ntwo\na line that is too long\n", rows)
    }

    #[test]
    fn a_picture_is_cut_to_the_terminal() {
        let whole = "\u{1b}[Hone\u{1b}[K\r\ntwo\u{1b}[K\r\na line that…\u{1b}[K\r\nCtrl-C to e…\u{1b}[J";
        assert_eq!(shown(4), whole);
        let cut = "\u{1b}[Hone\u{1b}[K\r\n2 more line…\u{1b}[J";
        assert_eq!(shown(3), cut);
    }
}
