//! A run connects only to the loopback address, and accepts only its own credentials.

use bedrock_vpc_batch::job::ending::EndStatus;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use bedrock_vpc_batch::local::s3::EmbeddedS3;
use bedrock_vpc_batch::local::{Local, LocalOptions, clients};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::process::Command;

use super::{Rig, Running, output};
use crate::support::processes::{COMMAND_LINE, Printed};
use crate::support::{config, drop_of};

/// Every variable that could send something to another server, or make a call fail. `URL` stands for a server
/// that is not ours, and `FILE` for a profile with the same settings.
const HOSTILE: &[(&str, &str)] = &[
    ("AWS_ENDPOINT_URL", "URL"),
    ("AWS_ENDPOINT_URL_S3", "URL"),
    ("AWS_ENDPOINT_URL_BEDROCK", "URL"),
    ("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", "URL"),
    ("AWS_ENDPOINT_URL_STS", "URL"),
    ("AWS_ENDPOINT_URL_SSO", "URL"),
    ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "false"),
    ("AWS_EC2_METADATA_SERVICE_ENDPOINT", "URL"),
    ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "URL"),
    ("AWS_WEB_IDENTITY_TOKEN_FILE", "FILE"),
    ("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/elsewhere"),
    ("AWS_CONFIG_FILE", "FILE"),
    ("AWS_SHARED_CREDENTIALS_FILE", "FILE"),
    ("AWS_PROFILE", "hostile"),
    ("AWS_DEFAULT_PROFILE", "hostile"),
    ("AWS_REGION", "eu-central-1"),
    ("AWS_DEFAULT_REGION", "eu-central-1"),
    ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
    ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
    ("AWS_SESSION_TOKEN", "token"),
    ("AWS_BEARER_TOKEN_BEDROCK", "token"),
    ("AWS_ACCOUNT_ID", "210987654321"),
    ("AWS_ACCOUNT_ID_ENDPOINT_MODE", "required"),
    ("AWS_AUTH_SCHEME_PREFERENCE", "sigv4a,httpBearerAuth"),
    ("AWS_SIGV4A_SIGNING_REGION_SET", "*"),
    ("AWS_USE_FIPS_ENDPOINT", "true"),
    ("AWS_USE_DUALSTACK_ENDPOINT", "true"),
    ("AWS_DEFAULTS_MODE", "in-region"),
    ("AWS_MAX_ATTEMPTS", "1"),
    ("AWS_RETRY_MODE", "adaptive"),
    ("AWS_REQUEST_CHECKSUM_CALCULATION", "when_required"),
    ("AWS_RESPONSE_CHECKSUM_VALIDATION", "when_required"),
    ("AWS_REQUEST_MIN_COMPRESSION_SIZE_BYTES", "0"),
    ("AWS_S3_DISABLE_MULTIREGION_ACCESS_POINTS", "true"),
    ("AWS_S3_DISABLE_EXPRESS_SESSION_AUTH", "true"),
    ("AWS_S3_USE_ARN_REGION", "true"),
    ("AWS_S3_US_EAST_1_REGIONAL_ENDPOINT", "legacy"),
    ("AWS_CA_BUNDLE", "/nonexistent"),
    ("SSL_CERT_FILE", "/nonexistent"),
    ("SSL_CERT_DIR", "/nonexistent"),
    ("HTTP_PROXY", "URL"),
    ("HTTPS_PROXY", "URL"),
    ("ALL_PROXY", "URL"),
    ("NO_PROXY", ""),
    ("http_proxy", "URL"),
    ("https_proxy", "URL"),
    ("all_proxy", "URL"),
    ("no_proxy", ""),
    ("INPUT_BUCKET", "elsewhere"),
    ("OUTPUT_BUCKET", "elsewhere"),
    ("MAX_RECORDS_PER_JOB", "1"),
    ("S3_FORCE_PATH_STYLE", "false"),
];

fn hostile_profile(url: &str) -> String {
    let settings = format!(
        "endpoint_url = {url}\nservices = hostile\nregion = eu-central-1\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\n\
         aws_secret_access_key = secret\nuse_fips_endpoint = true\nuse_dualstack_endpoint = true\nmax_attempts = 1\n\
         retry_mode = adaptive\nrequest_checksum_calculation = when_required\n\
         response_checksum_validation = when_required\ndefaults_mode = in-region\naccount_id_endpoint_mode = required\n"
    );
    let services = format!("s3 =\n  endpoint_url = {url}\nbedrock =\n  endpoint_url = {url}\n");
    format!(
        "[default]\n{settings}\n[profile hostile]\n{settings}\n[hostile]\n{settings}\n[services hostile]\n{services}"
    )
}

/// Runs a command with the variables in `names`, and fails if it connects to the server that they point at.
async fn run_among(rig: &Rig, command: impl FnOnce(&str) -> Command, names: &[&str]) -> Printed {
    let elsewhere = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", elsewhere.local_addr().unwrap());
    rig.write("profile", hostile_profile(&url));
    let file = rig.path("profile");
    let mut command = command(&url);
    for (name, value) in HOSTILE.iter().filter(|(name, _)| names.contains(name)) {
        command.env(name, value.replace("URL", &url).replace("FILE", file.to_str().unwrap()));
    }
    tokio::select! {
        biased;
        connected = elsewhere.accept() => {
            let (connection, _) = connected.unwrap();
            connection.readable().await.unwrap();
            let mut sent = vec![0; 200];
            let length = connection.try_read(&mut sent).unwrap_or_default();
            panic!("with {names:?} it sent to another server: {}", String::from_utf8_lossy(&sent[..length]));
        }
        ended = output(command) => {
            let late = tokio::time::timeout(std::time::Duration::ZERO, elsewhere.accept()).await;
            assert!(late.is_err(), "with {names:?} it connected to another server");
            ended
        }
    }
}

#[tokio::test]
async fn nothing_from_the_environment_or_a_profile_reaches_a_local_run() {
    let all: Vec<&str> = HOSTILE.iter().map(|(name, _)| *name).collect();
    let sets: [&[&str]; 8] = [
        &["AWS_ENDPOINT_URL"],
        &["AWS_ENDPOINT_URL_S3"],
        &["AWS_ENDPOINT_URL_BEDROCK"],
        &["AWS_CONFIG_FILE"],
        &["AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT"],
        &["AWS_BEARER_TOKEN_BEDROCK"],
        &["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"],
        &all,
    ];
    for names in sets {
        let rig = Rig::new();
        let (code, said, error) = run_among(&rig, |_| rig.command(&["a.jsonl"]), names).await;
        assert_eq!((code, error.as_str()), (Some(0), ""), "{names:?}: {said}");
        assert!(said.contains("a.jsonl: 100 records = 100 succeeded"), "{names:?}: {said}");
    }
}

#[tokio::test]
async fn each_run_has_its_own_key_pair_and_folder() {
    let folder = tempfile::tempdir().unwrap();
    let local = Local::start(&folder.path().join("s3"), LocalOptions::new(config(&[]))).await.unwrap();
    let other = EmbeddedS3::start(folder.path().join("other")).await.unwrap();
    assert_ne!(local.s3().key(), other.key());
    let strange = clients(local.config(), other.key(), local.s3().endpoint(), local.stand_in().endpoint());
    let refusal = strange.s3.list_buckets().send().await.unwrap_err();
    assert_eq!(refusal.raw_response().unwrap().status().as_u16(), 403);
    let refusal = strange.bedrock.list_model_invocation_jobs().send().await.unwrap_err();
    assert_eq!(refusal.raw_response().unwrap().status().as_u16(), 403);
    local.clients().bedrock.list_model_invocation_jobs().send().await.unwrap();

    let rig = Rig::new();
    let (code, said, _) = output(rig.command(&["a.jsonl"])).await;
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(rig.run_folder().metadata().unwrap().permissions().mode() & 0o777, 0o700);
}

#[tokio::test]
async fn standalone_stand_in_takes_only_credentials_from_the_environment() {
    let rig = Rig::new();
    let s3 = EmbeddedS3::start(rig.path("s3")).await.unwrap();
    s3.create_bucket("bucket", false).unwrap();
    // The stand-in calls S3 only for a job, so the test has to create one.
    let elsewhere = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", elsewhere.local_addr().unwrap());
    rig.write("profile", hostile_profile(&url));
    let mut command = Command::new(COMMAND_LINE);
    command.args(["stand-in", "--s3-endpoint", s3.endpoint(), "--pace-ms", "0"]);
    for (name, value) in HOSTILE {
        command.env(name, value.replace("URL", &url).replace("FILE", rig.path("profile").to_str().unwrap()));
    }
    command
        .env("AWS_ACCESS_KEY_ID", s3.key().access_key_id())
        .env("AWS_SECRET_ACCESS_KEY", s3.key().secret_access_key())
        .env_remove("AWS_SESSION_TOKEN")
        .stdout(Stdio::piped())
        .kill_on_drop(true);
    let mut running = Running::start(command);
    let address = running.until("http://").await;
    let bedrock = clients(&config(&[]), s3.key(), s3.endpoint(), &address).bedrock;
    s3.client().put_object().bucket("bucket").key("in.jsonl").body(drop_of(100).into()).send().await.unwrap();
    let input =
        aws_sdk_bedrock::types::ModelInvocationJobS3InputDataConfig::builder().s3_uri("s3://bucket/in.jsonl");
    let output =
        aws_sdk_bedrock::types::ModelInvocationJobS3OutputDataConfig::builder().s3_uri("s3://bucket/out/");
    bedrock
        .create_model_invocation_job()
        .job_name("job")
        .role_arn("arn:aws:iam::123456789012:role/batch")
        .model_id(crate::support::MODEL_ID)
        .input_data_config(input.build().unwrap().into_config())
        .output_data_config(output.build().unwrap().into_config())
        .send()
        .await
        .unwrap();
    let mut status = String::new();
    while EndStatus::parse(&status).is_none() {
        tokio::select! {
            biased;
            connected = elsewhere.accept() => panic!("it connected to another server: {connected:?}"),
            event = running.until("{") => {
                let event: Value = serde_json::from_str(&event).unwrap();
                event["detail"]["status"].as_str().unwrap().clone_into(&mut status);
            }
        }
    }
    assert_eq!(status, "Completed");
    running.signal("TERM");
    assert_eq!(running.end().await.0, Some(0));

    let mut without = Command::new(COMMAND_LINE);
    without.args(["stand-in", "--s3-endpoint", s3.endpoint()]).env_clear();
    let (code, _, error) = self::output(without).await;
    assert_eq!(
        (code, error.as_str()),
        (Some(2), "error: invalid environment: AWS_ACCESS_KEY_ID is not set\n")
    );
}

/// Wraps a location in the union that the SDK wants, which has only this one member.
trait IntoConfig {
    type Config;
    fn into_config(self) -> Self::Config;
}

impl IntoConfig for aws_sdk_bedrock::types::ModelInvocationJobS3InputDataConfig {
    type Config = aws_sdk_bedrock::types::ModelInvocationJobInputDataConfig;
    fn into_config(self) -> Self::Config {
        Self::Config::S3InputDataConfig(self)
    }
}

impl IntoConfig for aws_sdk_bedrock::types::ModelInvocationJobS3OutputDataConfig {
    type Config = aws_sdk_bedrock::types::ModelInvocationJobOutputDataConfig;
    fn into_config(self) -> Self::Config {
        Self::Config::S3OutputDataConfig(self)
    }
}
