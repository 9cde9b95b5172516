//! The `berth` command against a running system: what it prints, and how it ends.

#![expect(clippy::too_many_lines, reason = "snapshots are as long as what they show")]

use berth_tests::command::{Said, split, steady, typed};
use berth_tests::stand::Stand;
use expect_test::{Expect, expect};
use reqwest::Method;
use serde_json::{Value, json};

/// An operator of a system of their own.
struct Operator {
    stand: Stand,
}

impl Operator {
    async fn new(arguments: &[&str]) -> Self {
        Self {
            stand: Stand::up(arguments).await,
        }
    }

    async fn types(&self, words: &str) -> Said {
        typed(words, &[("BERTH_ENDPOINT", &self.stand.api)]).await
    }

    async fn sees(&self, words: &str, expected: Expect) {
        let said = self.types(words).await;
        assert_eq!((said.code, said.err.as_str()), (0, ""), "{words}: {said:?}");
        expected.assert_eq(&steady(&said.out));
    }

    async fn fails(&self, words: &str, expected: Expect) {
        expected.assert_eq(&self.types(words).await.all().replace(&self.stand.api, "<api>"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_operator_sees_of_a_small_fleet() {
    let operator = Operator::new(&["--seed", "7", "--speed", "0"]).await;
    operator
        .sees(
            "tenants list",
            expect![[r"
        No tenants.
    "]],
        )
        .await;
    let create = "tenants set acme --create --image public.ecr.aws/acme/agent:7 --cpu 512 --memory 2048 --env 'GREETING=hello there' \
                  --secret API_KEY=arn:aws:secretsmanager:us-east-1:123456789012:secret:acme-AbCdEf --idle-after 45m";
    operator
        .sees(
            create,
            expect![[r"
        acme  provisioning, not there yet

          wanted     running since now (provision by local, generation 1)

        its own, version 1
          env      GREETING=hello there
          idle     after 2700
          image    public.ecr.aws/acme/agent:7
          secrets  API_KEY=arn:aws:secretsmanager:us-east-1:123456789012:secret:acme-AbCdEf
          size     0.5 vCPU 2 GB
    "]],
        )
        .await;
    for id in ["globex", "hooli"] {
        assert_eq!(operator.types(&format!("tenants set {id} --create")).await.code, 0);
        operator.stand.until(id, "running").await;
    }
    operator.stand.until("acme", "running").await;
    operator
        .sees(
            "tenants get acme",
            expect![[r#"
                acme  running

                  wanted     running since <span> ago (provision by local, generation 1)
                  release    r1, the fleet's
                  address    <ip>
                  last work  <span> ago (<time>)
                  sleeps     in <span> (<time>)

                its own, version 1
                  env      GREETING=hello there
                  idle     after 2700
                  image    public.ecr.aws/acme/agent:7
                  secrets  API_KEY=arn:aws:secretsmanager:us-east-1:123456789012:secret:acme-AbCdEf
                  size     0.5 vCPU 2 GB

                  definition  base-user:1
                  service     t-acme-g1
                  task        <task>
            "#]],
        )
        .await;
    operator
        .sees(
            "tenants sleep globex hooli",
            expect![[r#"
                TENANT  PHASE     RELEASE  ADDRESS
                globex  stopping  r1       <ip>
                hooli   stopping  r1       <ip>
            "#]],
        )
        .await;
    operator.stand.until("globex", "stopped").await;
    operator.stand.until("hooli", "stopped").await;
    operator.stand.advance(4_500).await;
    operator
        .sees(
            "tenants list",
            expect![[r#"
                TENANT  PHASE    RELEASE  SIZE           WANTED                BY
                acme    stopped  r1       0.5 vCPU 2 GB  idle <span> ago       watchdog
                globex  stopped  r1                      sleep <span> ago  local
                hooli   stopped  r1                      sleep <span> ago  local
                3 tenants: 3 stopped
            "#]],
        )
        .await;
    operator.sees("tenants list --phase running --ids", expect![""]).await;
    operator.sees("tenants history globex", expect![[r#"
        AT                   WHEN            DECISION      ON
        <time>  <span> ago  task-stopped  code=ServiceSchedulerInitiated exitCode=0 intentBy=arn:aws:iam::123456789012:user/local intentReason=sleep reason=Scaling activity initiated by (deployment ecs-svc/<n>) task=arn:aws:ecs:us-east-1:123456789012:task/berth/<task> wanted=stopped
    "#]]).await;
    operator
        .sees(
            "fleet",
            expect![[r#"
        3 tenants
          stopped      3  ████████████████████████████████████████
    "#]],
        )
        .await;
    operator
        .sees(
            "releases",
            expect![[r#"
                RELEASE  STATE     SINCE           PROVEN BY  BASE
                r1       promoted  <span> ago  nobody     base:1
            "#]],
        )
        .await;
    operator
        .sees(
            "rollout plan --canaries 1",
            expect![[r#"
        r1 → r1

        Nobody would be moved now.
    "#]],
        )
        .await;
    operator
        .sees(
            "rollout status",
            expect![[r#"
                ro1  nothing → r1   completed <span> ago
                began <span> ago by deploy, promoted <span> ago

                  ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░
                  nobody is running, so nobody is moved
                  0 of 0 failures allowed
            "#]],
        )
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn json_is_what_the_api_answers() {
    let operator = Operator::new(&["--seed", "7", "--speed", "0"]).await;
    let said = operator.types("--json tenants set acme --create").await;
    let told: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(told["intent"]["state"], "running");
    operator.stand.until("acme", "running").await;
    let said = operator.types("--json tenants get acme").await;
    let told: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(told, operator.stand.tenant("acme").await);
    let said = operator.types("tenants list --json").await;
    let told: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(told["tenants"][0]["id"], "acme");
    let said = operator.types("tenants get nobody --json").await;
    let told: Value = serde_json::from_str(&said.err).unwrap();
    assert_eq!((said.out.as_str(), said.code), ("", 4));
    assert_eq!(told["error"]["code"], "no_tenant");
    for command in [
        "fleet",
        "releases",
        "rollout plan",
        "rollout status",
        "tenants history acme",
        "tenants wake acme",
    ] {
        let said = operator.types(&format!("--json {command}")).await;
        assert!(serde_json::from_str::<Value>(&said.out).is_ok(), "{command}: {said:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_ends_when_it_is_so_or_has_failed() {
    let operator = Operator::new(&["--seed", "7", "--speed", "30"]).await;
    let said = operator.types("tenants set acme --create --wait").await;
    assert!(said.code == 0 && said.out.contains("acme  running"), "{said:?}");
    let said = operator.types("tenants sleep acme --wait --timeout 5m").await;
    assert!(said.code == 0 && said.out.contains("stopped"), "{said:?}");
    let said = operator.types("tenants delete acme").await;
    assert!(said.code == 2 && said.err.contains("--yes"), "{said:?}");
    let said = operator.types("tenants delete acme --yes --wait").await;
    assert_eq!((said.out.as_str(), said.code), ("1 tenant gone.\n", 0), "{said:?}");
    let images = json!({"image": "public.ecr.aws/acme/agent:bad", "behaviour": "never-starts"});
    operator.stand.call(Method::POST, "/_local/images", Some(images)).await;
    let said = operator
        .types("tenants set bad --create --image public.ecr.aws/acme/agent:bad --wait")
        .await;
    assert_eq!((said.code, said.err.lines().count()), (7, 1), "{said:?}");
    assert!(
        said.err.contains("bad has failed: ") && said.err.contains("tenants retry bad"),
        "{said:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn trouble_is_one_line_that_says_what_to_do() {
    let operator = Operator::new(&["--seed", "7", "--speed", "0"]).await;
    operator
        .fails(
            "tenants get nobody",
            expect![[r#"
        berth: there is no tenant "nobody"; `berth tenants list` shows who there is
        exit code 4
    "#]],
        )
        .await;
    operator
        .fails(
            "tenants get a.b",
            expect![[r#"
        berth: invalid value 'a.b' for '<ID>': tenant id "a.b" is not valid: 1 to 64 of A-Z a-z 0-9 _ -; see `--help`
        exit code 2
    "#]],
        )
        .await;
    operator
        .fails(
            "tenants set nobody --env A=1",
            expect![[r"
        berth: there is no tenant nobody; say --create to make it
        exit code 4
    "]],
        )
        .await;
    operator
        .fails(
            "tenants set nobody --create --cpu 300 --memory 512 --image 'a b'",
            expect![[r"
                berth: the overlay has mistakes; nothing was changed: image: not an image: repository, repository:tag or repository@sha256:<64 hex digits>, at most 255 letters, digits and -_:./#; size.cpu: 300 CPU units are not a Fargate size: use 256, 512, 1024, 2048, 4096, 8192, 16384 or 32768
                exit code 3
            "]],
        )
        .await;
    operator.fails("tenants list --phase asleep", expect![[r"
        berth: invalid value 'asleep' for '--phase <PHASE>' [possible values: provisioning, starting, running, stopping, stopped, failed, deleting]; see `--help`
        exit code 2
    "]]).await;
    operator
        .fails(
            "tenant list",
            expect![[r"
        berth: unrecognized subcommand 'tenant' tip: a similar subcommand exists: 'tenants'; see `--help`
        exit code 2
    "]],
        )
        .await;
    operator
        .fails(
            "tenants wake",
            expect![[r"
        berth: the following required arguments were not provided: <ID>...; see `--help`
        exit code 2
    "]],
        )
        .await;
    operator
        .fails(
            "rollout pause",
            expect![[r#"
        berth: rollout ro1 is over; start a rollout to the release that the fleet should have
        exit code 3
    "#]],
        )
        .await;
    operator
        .fails(
            "rollout status ro9",
            expect![[r#"
        berth: there is no rollout "ro9"; GET /releases names the newest
        exit code 4
    "#]],
        )
        .await;
    operator
        .fails(
            "rollout start --waves 10,5",
            expect![[r#"
        berth: waves is [10, 5]; it must be 1 to 20 rising percentages of which the last is 100
        exit code 3
    "#]],
        )
        .await;
    operator
        .fails("tenants set acme --create --idle-after soon", expect![[r#"
            berth: invalid value 'soon' for '--idle-after <SPAN>': "soon" is not a span of time; write it like 90s, 30m, 1h30m or 2d; see `--help`
            exit code 2
        "#]])
        .await;
    operator
        .fails(
            "--profile nowhere fleet",
            expect![[r#"
        berth: there is no profile "nowhere": /.config/berth/config.yaml has none; docs/cli.md shows how to write one
        exit code 2
    "#]],
        )
        .await;
    operator
        .fails(
            "--endpoint berth fleet",
            expect![[r#"
        berth: the endpoint "berth" does not begin with http:// or https://; write it like https://api.example.com
        exit code 2
    "#]],
        )
        .await;
    operator.fails("--endpoint http://127.0.0.1:1 fleet", expect![[r#"
        berth: nothing answers at http://127.0.0.1:1: connection refused (os error 111); start it with `berth up`, or say where it is with --endpoint or --profile
        exit code 6
    "#]]).await;
    // Something answers there, and it is not the API.
    let aws = format!("--endpoint {} fleet", operator.stand.aws);
    let said = operator.types(&aws).await;
    assert_eq!((said.code, said.err.lines().count()), (4, 1), "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn completions_know_every_command() {
    for shell in ["bash", "zsh", "fish"] {
        let said = typed(&format!("completions {shell}"), &[]).await;
        assert_eq!(said.code, 0, "{said:?}");
        for word in ["tenants", "rollout", "--idle-after", "--tolerance"] {
            assert!(said.out.contains(word.trim_start_matches('-')), "{shell}: {word}");
        }
    }
}

#[test]
fn words_are_split_as_a_shell_does() {
    assert_eq!(split("a  b 'c d' e='f g'"), ["a", "b", "c d", "e=f g"]);
}
