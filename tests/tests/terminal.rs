//! What a terminal shows of a watched rollout: a pseudo-terminal, and an emulator that reads what is written to it.

use std::num::NonZero;
use std::time::Duration;

use berth_tests::binary::built;
use berth_tests::command::{split, steady};
use berth_tests::stand::Stand;
use expect_test::expect;
use pty_process::{Command, Pty, Size};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::AsyncReadExt as _;
use tokio::process::Child;
use tokio::time::timeout;

/// How long a screen may take to show what is waited for.
const PATIENCE: Duration = Duration::from_mins(1);

/// A terminal and what runs in it.
struct Terminal {
    pty: Pty,
    screen: vt100::Parser,
    child: Child,
}

impl Terminal {
    fn run(stand: &Stand, words: &str, rows: u16, columns: u16) -> Self {
        let (pty, pts) = pty_process::open().unwrap();
        pty.resize(Size::new(rows, columns)).unwrap();
        let command = Command::new(built("berth")).args(split(words)).env_clear();
        let child = command
            .env("TERM", "xterm-256color")
            .env("BERTH_ENDPOINT", &stand.api)
            .kill_on_drop(true);
        Self {
            pty,
            screen: vt100::Parser::new(size(rows), size(columns), 0),
            child: child.spawn(pts).unwrap(),
        }
    }

    fn text(&self) -> String {
        self.screen.screen().contents()
    }

    /// Reads until the screen is as wanted.
    async fn until(&mut self, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        let seen = timeout(PATIENCE, async {
            while !wanted(&self.text()) && self.read().await {}
            wanted(&self.text())
        });
        assert_eq!(seen.await, Ok(true), "{what} is not shown:\n{}", self.text());
        self.text()
    }

    /// Reads once; false at the end.
    async fn read(&mut self) -> bool {
        let mut bytes = [0; 4096];
        match self.pty.read(&mut bytes).await {
            Ok(0) | Err(_) => false,
            Ok(length) => {
                self.screen.process(&bytes[..length]);
                true
            }
        }
    }

    fn resize(&mut self, rows: u16, columns: u16) {
        self.screen.screen_mut().set_size(size(rows), size(columns));
        self.pty.resize(Size::new(rows, columns)).unwrap();
    }

    /// Reads to the end, and says how it ended.
    async fn end(mut self) -> (String, i32) {
        timeout(PATIENCE, async { while self.read().await {} }).await.unwrap();
        let status = self.child.wait().await.unwrap();
        (self.text(), status.code().unwrap())
    }
}

fn size(number: u16) -> NonZero<u16> {
    NonZero::new(number).unwrap()
}

async fn fleet(tenants: usize) -> Stand {
    let policy = r#"RolloutPolicy={"bakeSeconds":120,"maxInFlightPercent":50}"#;
    let stand = Stand::up(&["--speed", "0", "--parameter", policy]).await;
    for number in 1..=tenants {
        let reply = stand
            .call(Method::PUT, &format!("/tenants/t-{number}"), Some(json!({})))
            .await;
        assert_eq!(reply.status, 202, "{reply:?}");
    }
    for number in 1..=tenants {
        stand.until(&format!("t-{number}"), "running").await;
    }
    // Whoever has just started counts as busy for a while.
    stand.advance(600).await;
    stand
}

async fn deploy(stand: &Stand, image: &str) {
    let mut base: Value = serde_json::from_str(include_str!("../../examples/base-2.json")).unwrap();
    base["containerDefinitions"][0]["image"] = json!(image);
    let body = json!({"stackStatus": "UPDATE_COMPLETE", "taskDefinition": base});
    let reply = stand.call(Method::POST, "/_local/base", Some(body)).await;
    assert!(reply.status.is_success(), "{reply:?}");
    stand.advance(10).await;
}

async fn until_phase(stand: &Stand, phase: &str) {
    for _ in 0..120 {
        let rollout = stand.call(Method::GET, "/rollouts/ro2", None).await.body;
        if rollout["status"]["phase"] == phase {
            return;
        }
        stand.advance(15).await;
    }
    panic!("the rollout does not come to {phase}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watched_rollout_is_drawn_in_place_and_survives_a_resize() {
    let stand = fleet(6).await;
    deploy(&stand, "public.ecr.aws/berth/sample:2").await;
    let mut terminal = Terminal::run(&stand, "rollout status --watch --every 100ms", 16, 80);
    let canary = terminal
        .until("the canary", |screen| {
            screen.contains("canary") && screen.contains("end")
        })
        .await;
    expect![[r#"
        ro2  r1 → r2   canary
        began <span> ago by deploy

          ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░  0 %
          6 to go
          0 of 0 failures allowed
        Ctrl-C to end"#]]
    .assert_eq(&steady(&canary));
    assert!(terminal.screen.screen().alternate_screen() && terminal.screen.screen().hide_cursor());
    until_phase(&stand, "baking").await;
    let baking = terminal
        .until("the bake", |screen| {
            screen.contains("baking") && screen.contains("16 %")
        })
        .await;
    expect![[r#"
        ro2  r1 → r2   baking, first wave in <span>
        began <span> ago by deploy

          ██████████░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░  16 %
          1 run it · 5 to go
          0 of 0 failures allowed
        Ctrl-C to end"#]]
    .assert_eq(&steady(&baking));

    terminal.resize(8, 40);
    let small = terminal
        .until("a smaller picture", |screen| {
            screen.contains('…') && screen.contains("16 %")
        })
        .await;
    expect![[r#"
        ro2  r1 → r2   baking, first wave in 1 …
        began <span> ago by deploy

          █████░░░░░░░░░░░░░░░░░░░░░░░░░  16 %
          1 run it · 5 to go
          0 of 0 failures allowed
        Ctrl-C to end"#]]
    .assert_eq(&steady(&small));
    terminal.resize(16, 100);
    let large = terminal
        .until("a larger picture", |screen| {
            screen.contains("Ctrl-C to end") && !screen.contains('…')
        })
        .await;
    assert_eq!(
        large.lines().filter(|line| line.contains("baking")).count(),
        1,
        "{large}"
    );

    until_phase(&stand, "completed").await;
    let (last, code) = terminal.end().await;
    expect![[r#"
        ro2  r1 → r2   completed <span> ago
        began <span> ago by deploy, promoted <span> ago

          ████████████████████████████████████████████████████████████  100 %
          6 run it
          0 of 0 failures allowed"#]]
    .assert_eq(&steady(&last));
    assert_eq!(code, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejected_rollout_says_who_failed_and_why() {
    let stand = fleet(3).await;
    let image = "public.ecr.aws/berth/sample:bad";
    let images = json!({"image": image, "behaviour": "never-starts"});
    stand.call(Method::POST, "/_local/images", Some(images)).await;
    deploy(&stand, image).await;
    let terminal = Terminal::run(&stand, "rollout status --watch --every 100ms", 20, 100);
    until_phase(&stand, "rejected").await;
    let (last, code) = terminal.end().await;
    expect![[r#"
        ro2  r1 → r2   rejected <span> ago
        began <span> ago by deploy

          ████████████████████████████████████████████████████████████  100 %
          1 put back · 2 not moved
          1 of 0 failures allowed

        FAILED  HOW         WHY
        t-<n>     deployment  the circuit breaker put another definition back
        berth: ro2 did not complete: rejected"#]]
    .assert_eq(&steady(&last));
    assert_eq!(code, 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watched_fleet_ends_with_the_terminal_as_it_was() {
    let stand = fleet(2).await;
    let mut terminal = Terminal::run(&stand, "fleet --watch --every 100ms", 12, 60);
    terminal.until("the fleet", |screen| screen.contains("2 tenants")).await;
    stand.call(Method::POST, "/tenants/t-1/sleep", None).await;
    stand.until("t-1", "stopped").await;
    let changed = terminal
        .until("the change", |screen| {
            screen.contains("stopped") && screen.contains("Ctrl-C")
        })
        .await;
    expect![[r#"
        2 tenants
          running      1  ███████████████░░░░░░░░░░░░░░░
          stopped      1  ███████████████░░░░░░░░░░░░░░░

        releases that run
          r1           1  ███████████████░░░░░░░░░░░░░░░  the fleet…
        Ctrl-C to end"#]]
    .assert_eq(&steady(&changed));
    // Ctrl-C, as the terminal sends it.
    tokio::io::AsyncWriteExt::write_all(&mut terminal.pty, b"\x03")
        .await
        .unwrap();
    let shown = terminal.screen.screen().hide_cursor();
    assert!(shown);
    let (last, code) = terminal.end().await;
    expect![[r#"
        2 tenants
          running      1  ███████████████░░░░░░░░░░░░░░░
          stopped      1  ███████████████░░░░░░░░░░░░░░░

        releases that run
          r1           1  ███████████████░░░░░░░░░░░░░░░  the fleet…"#]]
    .assert_eq(&steady(&last));
    assert_eq!(code, 0);
}
