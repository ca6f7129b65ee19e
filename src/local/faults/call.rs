//! One call to AWS, read from the HTTP request that the SDK made of it. Pure.

use std::collections::{BTreeSet, HashMap};
use std::fmt;

use aws_sdk_s3::config::http::HttpRequest;
use hyper::http::Uri;
use percent_encoding::percent_decode_str;
use serde_json::Value;

/// The service that a call goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Service {
    /// Amazon S3.
    S3,
    /// Amazon Bedrock's control plane.
    Bedrock,
}

/// The condition of a request to S3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Condition {
    /// `If-None-Match`
    IfNoneMatch,
    /// `If-Match`
    IfMatch,
}

/// One call. Each attempt of the SDK is a call of its own.
///
/// It prints as `S3 PutObject if-none-match ledger/jobs/x.json` or `Bedrock CreateModelInvocationJob demo-x`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Its number since the start or the last reset, from 1.
    pub number: u64,
    /// The service that it goes to.
    pub service: Service,
    /// The operation's name in the service's API, such as `PutObject`.
    pub operation: &'static str,
    /// The condition for its effect.
    pub condition: Option<Condition>,
    /// The bucket, if it is about one.
    pub bucket: Option<String>,
    /// What it is about, decoded: the key or prefix, or the name, ARN, or id of the job, as the caller sends
    /// it. May be empty.
    pub subject: String,
    /// Bucket, key, and possibly version of the source of a copy, decoded.
    pub copy_source: Option<String>,
    /// The names of what else may decide which permissions it needs: query parameters, S3's own headers, and
    /// members of a JSON body.
    pub parameters: BTreeSet<String>,
    /// Which attempt of the SDK it is, from 1.
    pub attempt: u32,
}

impl Call {
    /// Reads a call from a request of the SDK. Its number is 0.
    pub(super) fn from_request(request: &HttpRequest) -> Self {
        let headers = request.headers();
        // The scope of the signature names the service, as in …/us-east-1/s3/aws4_request.
        let authorization = headers.get("authorization").unwrap_or_default();
        let service =
            if authorization.contains("/bedrock/aws4_request") { Service::Bedrock } else { Service::S3 };
        let uri: Uri = request.uri().parse().unwrap_or_default();
        let query = query(&uri);
        let mut call = match service {
            Service::S3 => from_s3(request, &uri, &query),
            Service::Bedrock => from_bedrock(request, &uri, &query),
        };
        call.parameters.extend(query.into_keys().map(str::to_owned));
        let attempt = headers.get("amz-sdk-request").and_then(|value| value.split(';').next());
        let attempt = attempt.and_then(|attempt| attempt.trim().strip_prefix("attempt=")?.parse().ok());
        call.attempt = attempt.unwrap_or(1);
        call
    }

    /// Whether it is a conditional write to S3.
    #[must_use]
    pub fn is_conditional_write(&self) -> bool {
        self.condition.is_some() && matches!(self.operation, "PutObject" | "CompleteMultipartUpload")
    }

    pub(super) fn new(service: Service, operation: &'static str, subject: String) -> Self {
        Self {
            number: 0,
            service,
            operation,
            condition: None,
            bucket: None,
            subject,
            copy_source: None,
            parameters: BTreeSet::new(),
            attempt: 1,
        }
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let service = match self.service {
            Service::S3 => "S3",
            Service::Bedrock => "Bedrock",
        };
        write!(f, "{service} {}", self.operation)?;
        match self.condition {
            Some(Condition::IfNoneMatch) => f.write_str(" if-none-match")?,
            Some(Condition::IfMatch) => f.write_str(" if-match")?,
            None => {}
        }
        if self.subject.is_empty() { Ok(()) } else { write!(f, " {}", self.subject) }
    }
}

/// The parameters of a query. A parameter without a value gets an empty one.
fn query(uri: &Uri) -> HashMap<&str, String> {
    let pairs = uri.query().unwrap_or_default().split('&');
    pairs
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (name, decode(value)))
        .collect()
}

fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

fn from_s3(request: &HttpRequest, uri: &Uri, query: &HashMap<&str, String>) -> Call {
    let headers = request.headers();
    let path = uri.path().trim_start_matches('/');
    // On AWS's own hosts, the bucket is a label of the host name. Elsewhere, it is the first segment of the
    // path.
    let (bucket, key) = match uri.host().and_then(|host| host.rsplit_once(".s3.")) {
        Some((bucket, _)) => (bucket, path),
        None => path.split_once('/').unwrap_or((path, "")),
    };
    let has = |name| query.contains_key(name);
    let copy_source = headers.get("x-amz-copy-source").map(decode);
    let is_copy = copy_source.is_some();
    let operation = match (request.method(), key.is_empty()) {
        ("HEAD", true) => "HeadBucket",
        ("HEAD", false) => "HeadObject",
        ("GET", true) if has("uploads") => "ListMultipartUploads",
        ("GET", true) if has("versions") => "ListObjectVersions",
        ("GET", true) if has("list-type") => "ListObjectsV2",
        ("GET", true) if bucket.is_empty() => "ListBuckets",
        ("GET", true) => "ListObjects",
        ("GET", false) if has("uploadId") => "ListParts",
        ("GET", false) => "GetObject",
        ("PUT", true) => "CreateBucket",
        ("PUT", false) if has("uploadId") && is_copy => "UploadPartCopy",
        ("PUT", false) if has("uploadId") => "UploadPart",
        ("PUT", false) if is_copy => "CopyObject",
        ("PUT", false) => "PutObject",
        ("POST", true) => "DeleteObjects",
        ("POST", false) if has("uploads") => "CreateMultipartUpload",
        ("POST", false) => "CompleteMultipartUpload",
        ("DELETE", true) => "DeleteBucket",
        ("DELETE", false) if has("uploadId") => "AbortMultipartUpload",
        ("DELETE", false) => "DeleteObject",
        _ => "unknown",
    };
    let condition = if headers.contains_key("if-none-match") {
        Some(Condition::IfNoneMatch)
    } else {
        headers.contains_key("if-match").then_some(Condition::IfMatch)
    };
    let subject = if key.is_empty() { query.get("prefix").cloned().unwrap_or_default() } else { decode(key) };
    let bucket = Some(decode(bucket)).filter(|bucket| !bucket.is_empty());
    let own = headers.iter().map(|(name, _)| name).filter(|name| name.starts_with("x-amz-"));
    let parameters = own.map(str::to_owned).collect();
    Call { condition, bucket, copy_source, parameters, ..Call::new(Service::S3, operation, subject) }
}

fn from_bedrock(request: &HttpRequest, uri: &Uri, query: &HashMap<&str, String>) -> Call {
    let segments: Vec<&str> = uri.path().split('/').skip(1).collect();
    let body: Option<Value> = request.body().bytes().and_then(|body| serde_json::from_slice(body).ok());
    let (operation, subject) = match (request.method(), segments.as_slice()) {
        ("POST", ["model-invocation-job"]) => {
            let name = body.as_ref().and_then(|body| body.get("jobName")?.as_str());
            ("CreateModelInvocationJob", name.unwrap_or_default().to_owned())
        }
        ("GET", ["model-invocation-jobs"]) => {
            ("ListModelInvocationJobs", query.get("nameContains").cloned().unwrap_or_default())
        }
        ("GET", ["model-invocation-job", job]) => ("GetModelInvocationJob", decode(job)),
        ("POST", ["model-invocation-job", job, "stop"]) => ("StopModelInvocationJob", decode(job)),
        _ => ("unknown", uri.path().to_owned()),
    };
    let members = body.as_ref().and_then(Value::as_object).into_iter().flat_map(|body| body.keys());
    Call { parameters: members.cloned().collect(), ..Call::new(Service::Bedrock, operation, subject) }
}

#[cfg(test)]
mod tests {
    use aws_smithy_types::body::SdkBody;

    use super::*;

    fn call(method: &str, uri: &str, headers: &[(&'static str, &'static str)], body: &'static str) -> Call {
        let mut request = HttpRequest::new(SdkBody::from(body));
        request.set_method(method).unwrap();
        request.set_uri(uri.to_owned()).unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(*name, *value);
        }
        Call::from_request(&request)
    }

    #[test]
    fn request_has_the_name_of_the_sdk_call() {
        let copy = ("x-amz-copy-source", "in/a");
        let bedrock = (
            "authorization",
            "AWS4-HMAC-SHA256 Credential=A/20261123/us-east-1/bedrock/aws4_request, SignedHeaders=x, Signature=y",
        );
        let s3 = "http://127.0.0.1:1";
        let arn = "arn:aws:bedrock:us-east-1:123456789012:model-invocation-job/abc";
        let encoded = "arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Amodel-invocation-job%2Fabc";
        for (method, path, header, name) in [
            ("PUT", "/out/ledger/jobs/x.json?x-id=PutObject", None, "S3 PutObject ledger/jobs/x.json"),
            ("PUT", "/out/e", Some(("if-none-match", "*")), "S3 PutObject if-none-match e"),
            ("PUT", "/out/e", Some(("if-match", "\"1\"")), "S3 PutObject if-match e"),
            ("GET", "/in/a%20b%2B%C3%BC.jsonl?versionId=v", None, "S3 GetObject a b+ü.jsonl"),
            ("GET", "/out?list-type=2&prefix=ledger%2Fopen%2F", None, "S3 ListObjectsV2 ledger/open/"),
            ("GET", "/out/?list-type=2", None, "S3 ListObjectsV2"),
            (
                "GET",
                "/in?versions&prefix=drops%2F&key-marker=drops%2Fa",
                None,
                "S3 ListObjectVersions drops/",
            ),
            ("GET", "/in/?versions=", None, "S3 ListObjectVersions"),
            ("GET", "/out?uploads", None, "S3 ListMultipartUploads"),
            ("HEAD", "/in/a", None, "S3 HeadObject a"),
            ("PUT", "/out/a", Some(copy), "S3 CopyObject a"),
            ("PUT", "/out/a?partNumber=1&uploadId=u", Some(copy), "S3 UploadPartCopy a"),
            ("PUT", "/out/a?partNumber=1&uploadId=u", None, "S3 UploadPart a"),
            ("POST", "/out/a?uploads", None, "S3 CreateMultipartUpload a"),
            ("POST", "/out/a?uploadId=u", None, "S3 CompleteMultipartUpload a"),
            ("DELETE", "/out/a?uploadId=u", None, "S3 AbortMultipartUpload a"),
            ("DELETE", "/out/a", None, "S3 DeleteObject a"),
            ("POST", "/model-invocation-job", Some(bedrock), "Bedrock CreateModelInvocationJob demo-x"),
            (
                "GET",
                &format!("/model-invocation-job/{encoded}"),
                Some(bedrock),
                &format!("Bedrock GetModelInvocationJob {arn}"),
            ),
            (
                "GET",
                "/model-invocation-jobs?nameContains=demo-x",
                Some(bedrock),
                "Bedrock ListModelInvocationJobs demo-x",
            ),
            ("POST", "/model-invocation-job/abc/stop", Some(bedrock), "Bedrock StopModelInvocationJob abc"),
        ] {
            let headers: Vec<_> = header.into_iter().collect();
            let call = call(method, &format!("{s3}{path}"), &headers, "{\"jobName\":\"demo-x\"}");
            assert_eq!(call.to_string(), name, "{method} {path}");
        }
    }

    #[test]
    fn bucket_is_found_in_the_path_and_in_the_host() {
        let attempt = [("amz-sdk-request", "attempt=2; max=3")];
        let expected = Call {
            bucket: Some("b".into()),
            attempt: 2,
            ..Call::new(Service::S3, "GetObject", "a/b".into())
        };
        assert_eq!(call("GET", "http://127.0.0.1:1/b/a/b", &attempt, ""), expected);
        assert_eq!(call("GET", "https://b.s3.eu-central-1.amazonaws.com/a/b", &attempt, ""), expected);
    }
    #[test]
    fn what_needs_permissions_of_its_own_is_named() {
        let headers = [("x-amz-copy-source", "in/a%20b?versionId=v"), ("content-type", "x")];
        let copy = call("PUT", "http://127.0.0.1:1/out/a?partNumber=1&uploadId=u", &headers, "");
        assert_eq!(copy.copy_source.as_deref(), Some("in/a b?versionId=v"));
        assert_eq!(copy.parameters, ["partNumber", "uploadId", "x-amz-copy-source"].map(String::from).into());
        let bedrock =
            [("authorization", "AWS4-HMAC-SHA256 Credential=A/20261123/us-east-1/bedrock/aws4_request")];
        let uri = "http://127.0.0.1:1/model-invocation-job";
        let create = call("POST", uri, &bedrock, "{\"jobName\":\"demo-x\",\"tags\":[]}");
        assert_eq!(create.parameters, ["jobName", "tags"].map(String::from).into());
    }
}
