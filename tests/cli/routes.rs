//! Routes on the command line: a file is judged, a pipeline runs with it, and what is in force is shown.

use serde_json::{Value, json};

use super::people::Person;

const CLAUDE: &str = "us.anthropic.claude-haiku-4-5-20251001-v1:0";

fn claude(count: usize) -> String {
    let record = |number: usize| {
        json!({"recordId": format!("c{number}"), "modelInput": {
            "anthropic_version": "bedrock-2023-05-31", "max_tokens": 9,
            "messages": [{"role": "user", "content": "Hello"}],
        }})
        .to_string()
    };
    (0..count).map(|number| record(number) + "\n").collect()
}

#[tokio::test]
async fn file_of_routes_is_judged_line_by_line() {
    let person = Person::new();
    person.write(
        "routes.json",
        format!(
            "{{\"routes\": [\n{{\"prefix\": \"c/\", \"model_id\": \"{CLAUDE}\", \"max_attempts\": 1, \
             \"job_tags\": {{\"a\": \"1\", \"b\": \"2\"}}, \"max_drop_usd\": 0.5, \"duplicate_drops\": \"hold\", \
             \"paused\": true}}\n]}}"
        ),
    );
    let (code, said, error) = person.run(&["check", "--routes", "routes.json"]).await;
    assert_eq!(
        (code, said.as_str()),
        (
            Some(0),
            format!(
                "routes.json: good, 1 route\n  c/        {CLAUDE}  job_tags=a:1 b:2, max_attempts=1, paused=true, \
                 max_drop_usd=0.5, duplicate_drops=hold\n  (others)  amazon.nova-lite-v1:0\n"
            )
            .as_str()
        )
    );
    assert!(error.contains("which models the stack allows is not known here"), "{error}");

    let allowed = "ROUTE_MODEL_ARNS=arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-pro-v1:0";
    let (code, said, error) = person.run(&["check", "--routes", "routes.json", "--set", allowed]).await;
    let expected = format!(
        "routes.json: line 2: model_id is not a model that the stack allows: \"{CLAUDE}\"; add its ARN to the parameter RouteModelArns\n"
    );
    assert_eq!((code, said, error), (Some(1), expected, String::new()));

    let (code, said, error) = person.run(&["check", "--routes", "none.json"]).await;
    assert_eq!((code, said.as_str()), (Some(2), ""));
    assert!(error.contains("--routes none.json"), "{error}");
    person.write("bad\u{1b}.json", "{\"routes\": [\n{\"prefix\": \"a\u{202e}\", \"\\u001b[2J\": 1}]}");
    let (code, said, _) = person.run(&["check", "--routes", "bad\u{1b}.json"]).await;
    assert_eq!(code, Some(1));
    assert!(!said.chars().any(|c| (c.is_control() && c != '\n') || c == '\u{202e}'), "{said:?}");
    let (code, said, _) = person.run(&["local", "--routes", "bad\u{1b}.json", "a.jsonl"]).await;
    assert_eq!(code, Some(1), "{said}");
    assert!(!said.contains("dropped"), "{said}");
}

#[tokio::test]
async fn pipeline_runs_with_routes_and_submit_checks_with_them() {
    let person = Person::new();
    person.write("c.jsonl", claude(100));
    person.write("routes.json", json!({"routes": [{"prefix": "c/", "model_id": CLAUDE}]}).to_string());
    let _pipeline = person.serve(&["--routes", "routes.json"]).await;
    let (code, said, error) = person.run(&["routes", "--local", "runs"]).await;
    assert_eq!((code, error.as_str()), (Some(0), ""));
    assert!(said.starts_with("the pipeline in runs: 1 route in force since "), "{said}");
    assert!(
        said.ends_with(&format!("\n  c/        {CLAUDE}\n  (others)  amazon.nova-lite-v1:0\n")),
        "{said}"
    );
    let (code, said, _) = person.run(&["routes", "c/x.jsonl", "x.jsonl", "--local", "runs"]).await;
    let expected = format!("c/x.jsonl  route c/, {CLAUDE}\nx.jsonl  no route, amazon.nova-lite-v1:0\n");
    assert_eq!((code, said), (Some(0), expected));
    let (_, said, _) = person.run(&["routes", "--json", "--local", "runs"]).await;
    let in_force: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(in_force["routes"], json!([{"prefix": "c/", "model_id": CLAUDE}]));

    // Requests for Claude are certain to fail at the model of the stack, and good for that of the route.
    let (code, _, error) = person.run(&["submit", "--yes", "c.jsonl", "--local", "runs"]).await;
    assert_eq!(code, Some(1), "{error}");
    let drop = person.submit(&["c.jsonl", "--as", "c/c.jsonl", "--wait"]).await;
    let (_, said, _) = person.run(&["status", &drop, "--json", "--local", "runs"]).await;
    let status: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(status["results"]["succeeded"], json!(100), "{status}");
}

#[tokio::test]
async fn stack_without_routes_says_so() {
    let person = Person::new();
    let _pipeline = person.serve(&[]).await;
    let (code, said, _) = person.run(&["routes", "--local", "runs"]).await;
    let expected = "the pipeline in runs has no routes: every drop has the settings of the stack\n";
    assert_eq!((code, said.as_str()), (Some(0), expected));
}
