//! Files that are almost in order are repaired: what their jobs get, what the user is told, and what S3 still copies.

use std::collections::BTreeSet;

use bedrock_vpc_batch::drop::repairs::{RepairedLines, Repairs};
use bedrock_vpc_batch::ledger::status::{Stage, Status};
use bedrock_vpc_batch::local::bedrock::{Ending, Processed, TerminalStatus};

use crate::support::{World, record};

const MARK: &str = "\u{feff}";

/// The input of the only job.
async fn input(world: &World) -> String {
    let [key] = world
        .output_keys_below("work/")
        .await
        .into_iter()
        .filter(|key| key.contains("/input/"))
        .collect::<Vec<_>>()
        .try_into()
        .unwrap();
    String::from_utf8(world.read_output(&key).await).unwrap()
}

async fn status(world: &World) -> Status {
    let key = world
        .output_keys_below("results/")
        .await
        .into_iter()
        .find(|key| key.ends_with("/status.json"))
        .unwrap();
    world.read_json(&key).await
}

#[tokio::test]
async fn repaired_records_are_answered_and_the_user_is_told() {
    let mut world = World::with(&[("MIN_RECORDS_PER_JOB", "1"), ("MAX_ATTEMPTS", "1")]).await;
    let partly = Ending { processed: Processed::First(4), ..Ending::new(TerminalStatus::Stopped) };
    world.stand_in.script(partly);
    let body = |id: &str| record("i").replace("\"i\"", id);
    let with_category = body("\"b\"").replacen('{', "{\"category\" : [1, {}], ", 1);
    let no_id = body("\"i\"").replace(",\"recordId\":\"i\"", "");
    let dropped = [
        format!("{MARK}{}\r", body("\"a\"")),
        String::new(),
        with_category,
        format!("{MARK}{}", body("7")),
        format!("{}\r{no_id}", body("\"c\"")),
        body("8"),
        " \t".to_owned(),
    ];
    let event = world.put("a.jsonl", dropped.join("\n")).await;
    world.submit(event.clone()).await.unwrap();
    world.submit(event).await.unwrap();

    let drop_id = status(&world).await.drop_id;
    let generated = format!("{}-line-6", &drop_id.as_str()[..12]);
    let no_id = no_id.replacen('{', &format!("{{\"recordId\":\"{generated}\","), 1);
    let repaired = [
        body("\"a\"") + "\r",
        body("\"b\""),
        body("\"7\""),
        body("\"c\""),
        no_id,
        body("\"8\""),
        String::new(),
    ];
    assert_eq!(input(&world).await, repaired.join("\n"));
    let lines = |lines, first_line| Some(RepairedLines { lines, first_line });
    let repairs = Repairs {
        blank_lines: lines(2, 2),
        byte_order_marks: lines(2, 1),
        carriage_returns: lines(1, 5),
        integer_ids: lines(2, 4),
        extra_members: lines(1, 3),
    };
    let told = status(&world).await;
    assert_eq!((told.state, told.repairs), (Stage::Running, Some(repairs)));

    world.complete_next().await;
    let results = world.results().await;
    let summary = results.summary();
    assert_eq!((summary.balanced, summary.repairs), (true, repairs));
    assert_eq!((summary.records.succeeded, summary.records.unprocessed), (4, 2));
    assert_eq!(status(&world).await.repairs, Some(repairs));
    let unprocessed = results.files.iter().find(|(key, _)| key.contains("/unprocessed/")).unwrap().1;
    assert_eq!(
        String::from_utf8_lossy(unprocessed),
        repaired[4..].join("\n"),
        "what is left over is repaired, too"
    );
}

#[tokio::test]
async fn repairs_can_be_turned_off() {
    for (line, what) in [
        (format!("\n{}", record("2")), "the line is blank"),
        (format!("{MARK}{}", record("2")), "the line begins with a byte order mark"),
        (record("2").replace("\"2\"", "2"), "recordId is not a string but a number"),
        (record("2").replacen('{', "{\"a\":1,", 1), "unknown member `a`"),
        (format!("{}\r{}", record("2"), record("3")), "the line is not valid JSON"),
    ] {
        for (setting, is_accepted) in [("on", true), ("off", false)] {
            let mut world = World::with(&[("MIN_RECORDS_PER_JOB", "1"), ("REPAIR", setting)]).await;
            let event = world.put("a.jsonl", format!("{}\n{line}\n", record("1"))).await;
            world.submit(event).await.unwrap();
            assert_eq!(world.stand_in.jobs().len(), usize::from(is_accepted), "{line}");
            if !is_accepted {
                let problem = &world.results().await.rejection().problems[0];
                assert!(problem.line == Some(2) && problem.what.contains(what), "{problem:?}");
            }
        }
    }
}

#[tokio::test]
async fn number_and_its_text_are_the_same_id() {
    let mut world = World::with(&[("MIN_RECORDS_PER_JOB", "1")]).await;
    let lines = [record("6"), String::new(), record("7"), MARK.to_owned(), record("7").replace("\"7\"", "7")];
    let event = world.put("a.jsonl", lines.join("\n")).await;
    world.submit(event).await.unwrap();
    let problems = world.results().await.rejection().problems;
    assert_eq!((problems.len(), problems[0].line), (1, Some(5)));
    assert!(problems[0].what.contains("is already used on line 3"), "{problems:?}");
}

/// How many pieces S3 copies, and how many the function sends, for a large drop. It never sends two inputs at once.
async fn copied_and_sent(body: &[u8]) -> (usize, usize) {
    let mut world = World::with(&[("MAX_INPUT_FILE_BYTES", "11000000")]).await;
    let event = world.put("a.jsonl", body).await;
    world.submit(event).await.unwrap();
    let calls = world.faults.calls();
    let count = |operation| calls.iter().filter(|call| call.operation == operation).count();
    assert_eq!(world.stand_in.jobs().len(), 4);
    let mut sent: Vec<&str> =
        calls.iter().filter(|call| call.operation == "UploadPart").map(|call| &*call.subject).collect();
    sent.dedup();
    let inputs: BTreeSet<&str> = sent.iter().copied().collect();
    assert_eq!(sent.len(), inputs.len(), "the pieces of one input follow each other: {sent:?}");
    (count("UploadPartCopy"), count("UploadPart"))
}

#[tokio::test]
async fn s3_still_copies_large_parts_unless_a_line_within_them_changes() {
    let text = "y".repeat(20_000);
    let line = |id: String| record("i").replace("\"i\"", &id).replace("Was sagt", &text) + "\n";
    let clean: String = (0..2_000).map(|number| line(format!("\"r{number}\""))).collect();
    assert_eq!(copied_and_sent(clean.as_bytes()).await, (4, 0));
    let around = format!("\n{MARK}{clean} \n\r\n{MARK}");
    assert_eq!(copied_and_sent(around.as_bytes()).await, (4, 0), "the parts leave out what is around them");
    let within = clean.replacen('\n', "\n\n", 1);
    let (copied, sent) = copied_and_sent(within.as_bytes()).await;
    assert!(
        copied == 3 && sent > 0,
        "{copied} copied, {sent} sent: only the part with the blank line is rewritten"
    );
    let integers: String = (0..2_000).map(|number| line(number.to_string())).collect();
    assert_eq!(copied_and_sent(integers.as_bytes()).await.0, 0);
}
