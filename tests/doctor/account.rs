//! An AWS account on this machine: MiniStack, with a stand-in for the services that it lacks, which are
//! Bedrock's models and Service Quotas. `tools/emulator/account_server.py` adds what else is missing.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_cloudformation::types::{Capability, Parameter};
use aws_sdk_s3::config::Credentials;
use axum::Router;
use axum::extract::{Path as PathParameter, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use bedrock_vpc_batch::aws::clients::prepare;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};

use crate::support::BOUND;
use crate::support::service_model::{output_violations, violations};

pub(crate) const ACCOUNT: &str = "123456789012";
const REGION: &str = "us-east-1";
/// The model of a stack unless its parameters name another one.
const MODEL: &str = "amazon.nova-lite-v1:0";
/// A model that Bedrock has removed.
pub(crate) const ENDED: &str = "amazon.nova-premier-v1:0";
/// A model that the account has not subscribed to.
pub(crate) const NO_ACCESS: &str = "anthropic.claude-sonnet-4-6";
const END_OF_LIFE: &str = "This model version has reached the end of its life.";
const COMMAND_LINE: &str = env!("CARGO_BIN_EXE_bedrock-vpc-batch");

/// Calls: the operation, and the request.
pub(crate) type Writes = Arc<Mutex<Vec<(&'static str, Value)>>>;

/// The account. Dropping it ends its server.
pub(crate) struct Account {
    _server: Child,
    endpoint: String,
    stand_in: String,
    /// The calls of Bedrock that write, by operation, and their requests.
    pub(crate) writes: Writes,
    pub(crate) sdk: SdkConfig,
    s3_prefix_list: String,
    template: String,
}

/// A stack and its outputs.
pub(crate) struct Stack {
    pub(crate) name: String,
    pub(crate) outputs: BTreeMap<String, String>,
}

/// What the doctor printed, and how it exited.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) lines: Vec<String>,
    pub(crate) error: String,
}

impl Account {
    pub(crate) async fn start(folder: &Path) -> Self {
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        let python = root.join(".tools/emulator/bin/python");
        assert!(python.is_file(), "no {}: run `make tools`", python.display());
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let log = File::create(folder.join("emulator.log")).unwrap();
        let server = Command::new(python)
            .arg(root.join("tools/emulator/account_server.py"))
            .current_dir(folder)
            .env_clear()
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .envs([("BIND_HOST", "127.0.0.1"), ("IOT_MTLS_PORT", "0"), ("GATEWAY_PORT", &port.to_string())])
            .stdin(Stdio::null())
            .stderr(log.try_clone().unwrap())
            .stdout(log)
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let endpoint = format!("http://127.0.0.1:{port}");
        let credentials = Credentials::new(ACCOUNT, "secret", None, None, "test");
        let loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
            .region(Region::new(REGION))
            .credentials_provider(credentials)
            .endpoint_url(&endpoint);
        let sdk = prepare(loader, Duration::from_secs(20)).load().await;
        let writes = Writes::default();
        let mut account = Self {
            _server: server,
            endpoint,
            stand_in: stand_in(writes.clone()).await,
            writes,
            sdk,
            s3_prefix_list: String::new(),
            template: template(&root),
        };
        account.s3_prefix_list = account.wait_for_prefix_list().await;
        let s3 = aws_sdk_s3::Client::new(&account.sdk);
        s3.create_bucket().bucket("code").send().await.unwrap();
        // The functions never run, so an empty archive is enough.
        let archive = [b"PK\x05\x06".as_slice(), &[0; 18]].concat();
        s3.put_object().bucket("code").key("function.zip").body(archive.into()).send().await.unwrap();
        account
    }

    /// Waits until the server answers; gives the id of S3's prefix list.
    async fn wait_for_prefix_list(&self) -> String {
        let name = "Filter.1.Name=prefix-list-name&Filter.1.Value.1=com.amazonaws.us-east-1.s3";
        let answered = async {
            loop {
                if let Ok(answer) = self.ec2("DescribePrefixLists", name).await {
                    let (_, id) = answer.split_once("<prefixListId>").unwrap();
                    return id.split_once('<').unwrap().0.to_owned();
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        tokio::time::timeout(BOUND, answered).await.expect("the emulator answers")
    }

    /// Sends an action of EC2, and returns the answer.
    pub(crate) async fn ec2(&self, action: &str, parameters: &str) -> std::io::Result<String> {
        let body = format!("Action={action}&Version=2016-11-15&{parameters}");
        // The emulator reads the account, the Region, and the service from here, and checks no signature.
        let scope = format!("{ACCOUNT}/20261128/{REGION}/ec2/aws4_request");
        let head = format!(
            "POST / HTTP/1.1\r\nHost: ec2\r\nConnection: close\r\nContent-Length: {}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\n\
             Authorization: AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0\r\n\r\n",
            body.len()
        );
        let mut stream = TcpStream::connect(self.endpoint.trim_start_matches("http://")).await?;
        stream.write_all((head + &body).as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{action}: {answer}");
        Ok(answer)
    }

    /// Deploys template.yaml with these parameters and edits, each of which must change something.
    pub(crate) async fn deploy(
        &self,
        name: &str,
        parameters: &[(&str, &str)],
        edits: &[(&str, &str)],
    ) -> Stack {
        let mut template = self.template.clone();
        for (from, to) in edits {
            assert!(template.contains(from), "template.yaml has no {from:?}");
            template = template.replace(from, to);
        }
        let key = format!("{name}.yaml");
        let s3 = aws_sdk_s3::Client::new(&self.sdk);
        s3.put_object().bucket("code").key(&key).body(template.into_bytes().into()).send().await.unwrap();
        // What a stack with a network of its own gives.
        let required = [
            ("S3PrefixListId", self.s3_prefix_list.as_str()),
            ("ModelId", MODEL),
            ("FirstZone", "a"),
            ("SecondZone", "b"),
            ("ThirdZone", "c"),
        ];
        let is_given = |name: &str| parameters.iter().any(|(given, _)| *given == name);
        let missing = required.iter().filter(|(name, _)| !is_given(name));
        let parameters = parameters.iter().chain(missing);
        let parameters = parameters
            .map(|(key, value)| Parameter::builder().parameter_key(*key).parameter_value(*value).build());
        let cloudformation = aws_sdk_cloudformation::Client::new(&self.sdk);
        let request = cloudformation.create_stack().stack_name(name);
        let request = request.template_url(format!("{}/code/{key}", self.endpoint));
        let request = request.set_parameters(Some(parameters.collect()));
        let request = request.capabilities(Capability::CapabilityIam);
        request.capabilities(Capability::CapabilityAutoExpand).send().await.unwrap();
        let complete = async {
            loop {
                let answer = cloudformation.describe_stacks().stack_name(name).send().await.unwrap();
                let stack = answer.stacks()[0].clone();
                let status = stack.stack_status.unwrap().as_str().to_owned();
                if status == "CREATE_COMPLETE" {
                    return stack.outputs.unwrap_or_default();
                }
                assert_eq!(status, "CREATE_IN_PROGRESS", "{name}: {:?}", stack.stack_status_reason);
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        let outputs = tokio::time::timeout(BOUND, complete).await.unwrap();
        let outputs =
            outputs.into_iter().map(|output| (output.output_key.unwrap(), output.output_value.unwrap()));
        Stack { name: name.to_owned(), outputs: outputs.collect() }
    }

    /// Runs the doctor with the environment of the account and these variables.
    pub(crate) async fn examine(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Said {
        let output = Command::new(COMMAND_LINE)
            .arg("doctor")
            .args(arguments)
            .env_clear()
            .envs([
                ("AWS_REGION", REGION),
                ("AWS_ACCESS_KEY_ID", ACCOUNT),
                ("AWS_SECRET_ACCESS_KEY", "secret"),
                ("AWS_ENDPOINT_URL", &self.endpoint),
                ("AWS_ENDPOINT_URL_BEDROCK", &self.stand_in),
                ("AWS_ENDPOINT_URL_SERVICE_QUOTAS", &self.stand_in),
            ])
            .envs(environment.iter().copied())
            .output()
            .await
            .unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Said {
            code: output.status.code(),
            lines: text(output.stdout).lines().map(ToOwned::to_owned).collect(),
            error: text(output.stderr),
        }
    }

    pub(crate) async fn examine_stack(&self, stack: &Stack) -> Said {
        self.examine(&["--stack", &stack.name], &[]).await
    }

    /// An endpoint that refuses every call.
    pub(crate) fn refusing(&self) -> String {
        format!("{}/refused", self.stand_in)
    }
}

/// The template, with its code in the account and without its `Rules`, whose functions MiniStack does not
/// have.
fn template(root: &Path) -> String {
    let template = std::fs::read_to_string(root.join("template.yaml")).unwrap();
    let (head, rest) = template.split_once("\nRules:\n").unwrap();
    let (_, rest) = rest.split_once("\nConditions:\n").unwrap();
    format!("{head}\nConditions:\n{rest}").replace("CodeUri: .", "CodeUri: s3://code/function.zip")
}

/// Serves the operations that MiniStack lacks.
async fn stand_in(writes: Writes) -> String {
    let router = Router::new()
        .route("/foundation-models/{id}", get(foundation_model))
        .route("/foundation-model-availability/{id}", get(availability))
        .route("/model-invocation-jobs", get(jobs))
        .route("/model-invocation-job", post(create_job))
        .route("/model-invocation-job/{id}/stop", post(stop_job))
        .route("/inference-profiles/{id}", get(inference_profile))
        .route("/", post(quotas))
        .route("/refused/", post(refuse))
        .with_state(writes);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    endpoint
}

fn bedrock(operation: &str, answer: Option<Value>) -> Response {
    let Some(answer) = answer else {
        return refusal("ValidationException", "The provided model identifier is invalid.");
    };
    let mut violations = output_violations(operation, &answer);
    // The service returns a value that its model does not list.
    violations.retain(|violation| !violation.contains("(InferenceType): \"INFERENCE_PROFILE\""));
    assert_eq!(violations, Vec::<String>::new());
    answer.to_string().into_response()
}

async fn foundation_model(PathParameter(id): PathParameter<String>) -> Response {
    let (name, status, kind) = match id.as_str() {
        MODEL => ("Nova Lite", "ACTIVE", "ON_DEMAND"),
        ENDED => return refusal("ResourceNotFoundException", END_OF_LIFE),
        "anthropic.claude-v2:1" => ("Claude", "LEGACY", "ON_DEMAND"),
        NO_ACCESS => ("Claude Sonnet 4.6", "ACTIVE", "ON_DEMAND"),
        "anthropic.claude-3-sonnet-20240229-v1:0" => ("Claude 3 Sonnet", "LEGACY", "ON_DEMAND"),
        "anthropic.claude-haiku-4-5-20251001-v1:0" => ("Claude Haiku 4.5", "ACTIVE", "INFERENCE_PROFILE"),
        _ => return bedrock("GetFoundationModel", None),
    };
    let mut lifecycle = json!({"status": status});
    if status == "LEGACY" {
        lifecycle["legacyTime"] = json!("2025-01-21T00:00:00Z");
        let has_ended = id == "anthropic.claude-v2:1";
        let end = if has_ended { "2025-07-21T00:00:00Z" } else { "2099-01-31T00:00:00Z" };
        lifecycle["endOfLifeTime"] = json!(end);
    }
    let details = json!({
        "modelArn": format!("arn:aws:bedrock:{REGION}::foundation-model/{id}"),
        "modelId": id,
        "modelName": name,
        "providerName": "Anthropic",
        "inferenceTypesSupported": [kind],
        "modelLifecycle": lifecycle,
    });
    bedrock("GetFoundationModel", Some(json!({"modelDetails": details})))
}

/// One model has no agreement. For the others, the answer is the one in AWS's guide.
/// <https://docs.aws.amazon.com/bedrock/latest/userguide/model-access.html> (read 2026-11)
async fn availability(PathParameter(id): PathParameter<String>) -> Response {
    let is_known = !id.contains("-9-") && id != ENDED;
    let agreement = if id == NO_ACCESS { "NOT_AVAILABLE" } else { "AVAILABLE" };
    let answer = json!({
        "modelId": id,
        "agreementAvailability": {"status": agreement},
        "authorizationStatus": "AUTHORIZED",
        "entitlementAvailability": "AVAILABLE",
        "regionAvailability": "AVAILABLE",
    });
    bedrock("GetFoundationModelAvailability", is_known.then_some(answer))
}

/// Lists a job of another model in the stack `open-drop`, and the jobs that were created.
async fn jobs(State(writes): State<Writes>, Query(query): Query<BTreeMap<String, String>>) -> Response {
    let name_contains = query["nameContains"].as_str();
    let summary = |name: &str, model: &str, id: &str| {
        let data = |folder| json!({"s3Uri": format!("s3://bucket/{folder}/")});
        json!({
            "jobArn": job_arn(id),
            "jobName": name,
            "modelId": format!("arn:aws:bedrock:{REGION}::foundation-model/{model}"),
            "roleArn": format!("arn:aws:iam::{ACCOUNT}:role/job"),
            "submitTime": "2026-11-27T00:00:00Z",
            "inputDataConfig": {"s3InputDataConfig": data("input")},
            "outputDataConfig": {"s3OutputDataConfig": data("output")},
        })
    };
    let mut jobs = Vec::new();
    if name_contains == "open-drop" && query.get("statusEquals").is_some_and(|status| status == "InProgress")
    {
        let name = format!("open-drop-{}", "0a".repeat(16));
        jobs.push(summary(&name, "anthropic.claude-3-sonnet-20240229-v1:0", "aaaaaaaaaaaa"));
        jobs.push(summary("open-drop-of-somebody-else", ENDED, "bbbbbbbbbbbb"));
    }
    for (operation, request) in writes.lock().unwrap().iter() {
        let name = request["jobName"].as_str().unwrap_or_default();
        if *operation == "CreateModelInvocationJob" && name.starts_with("created") && name == name_contains {
            jobs.push(summary(name, MODEL, "cccccccccccc"));
        }
    }
    bedrock("ListModelInvocationJobs", Some(json!({"invocationJobSummaries": jobs})))
}

/// Answers by the prefix of the job's name, as Bedrock does in public reports. What it says about an empty input is not
/// known.
async fn create_job(State(writes): State<Writes>, body: String) -> Response {
    let request: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(violations("CreateModelInvocationJob", &request), Vec::<String>::new());
    writes.lock().unwrap().push(("CreateModelInvocationJob", request.clone()));
    let denied = |action: &str| {
        refusal(
            "AccessDeniedException",
            &format!("User: arn:aws:iam::{ACCOUNT}:user/me is not authorized to perform: {action}"),
        )
    };
    let (prefix, _) = request["jobName"].as_str().unwrap().split_once("-doctor-probe-").unwrap();
    match prefix {
        "no-pass-role" => denied("iam:PassRole on resource: arn"),
        "no-create" => denied("bedrock:CreateModelInvocationJob on resource: arn"),
        "no-batch" => {
            refusal("ValidationException", "Batch inference is not supported for the requested model")
        }
        "ended" => refusal("ResourceNotFoundException", END_OF_LIFE),
        "hostile" => refusal("ValidationException", "\u{1b}[2Jtoo early"),
        "created" => bedrock("CreateModelInvocationJob", Some(json!({"jobArn": job_arn("cccccccccccc")}))),
        _ => {
            let input = &request["inputDataConfig"]["s3InputDataConfig"]["s3Uri"];
            refusal("ValidationException", &format!("No objects under {input}"))
        }
    }
}

async fn stop_job(State(writes): State<Writes>, PathParameter(id): PathParameter<String>) -> Response {
    writes.lock().unwrap().push(("StopModelInvocationJob", json!({"jobIdentifier": id})));
    bedrock("StopModelInvocationJob", Some(json!({})))
}

fn job_arn(id: &str) -> String {
    format!("arn:aws:bedrock:{REGION}:{ACCOUNT}:model-invocation-job/{id}")
}

fn refusal(code: &str, message: &str) -> Response {
    let body = json!({"message": message}).to_string();
    (StatusCode::BAD_REQUEST, [("x-amzn-errortype", code)], body).into_response()
}

async fn inference_profile(PathParameter(id): PathParameter<String>) -> Response {
    let models = ["us-east-1", "us-west-2"].map(
        |region| json!({"modelArn": format!("arn:aws:bedrock:{region}::foundation-model/{}", &id[3..])}),
    );
    let profile = json!({
        "inferenceProfileName": "a profile",
        "inferenceProfileArn": format!("arn:aws:bedrock:{REGION}:{ACCOUNT}:inference-profile/{id}"),
        "inferenceProfileId": id,
        "models": models,
        "status": "ACTIVE",
        "type": "SYSTEM_DEFINED",
    });
    bedrock("GetInferenceProfile", (id == "us.anthropic.claude-haiku-4-5-20251001-v1:0").then_some(profile))
}

/// Lists the quotas in two pages.
async fn quotas(headers: HeaderMap, body: String) -> String {
    assert_eq!(headers["x-amz-target"], "ServiceQuotasV20190624.ListServiceQuotas");
    let request: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(request["ServiceCode"], "bedrock");
    let quota = |name: &str, value: f64| json!({"QuotaName": name, "Value": value, "ServiceCode": "bedrock"});
    let of_all = |model: &str| {
        vec![
            quota(&format!("Minimum number of records per batch inference job for {model}"), 100.0),
            quota(&format!("Records per batch inference job for {model}"), 100_000.0),
            quota(&format!("Records per input file per batch inference job for {model}"), 100_000.0),
            quota(&format!("Batch inference input file size (in GB) for {model}"), 1.0),
            quota(&format!("On-demand model inference requests per minute for Anthropic {model}"), 1.0),
        ]
    };
    let page = match request["NextToken"].as_str() {
        None => json!({"Quotas": of_all("Nova 2 Lite"), "NextToken": "second"}),
        Some(_) => {
            let models = ["Nova Lite", "Claude", "Claude 3 Sonnet", "Claude Haiku 4.5", "Claude Sonnet 4.6"];
            json!({"Quotas": models.into_iter().flat_map(of_all).collect::<Vec<_>>()})
        }
    };
    page.to_string()
}

/// Refuses a call in the form of EC2, or else in that of IAM.
async fn refuse(body: String) -> (StatusCode, &'static str) {
    let answer = if body.contains("&Version=2016-11-15&") {
        "<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>no</Message></Error></Errors>\
         <RequestID>1</RequestID></Response>"
    } else {
        "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>no</Message></Error>\
         </ErrorResponse>"
    };
    (StatusCode::FORBIDDEN, answer)
}
