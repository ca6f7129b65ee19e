//! A server for tests that gives the answers of EC2.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_config::Region;
use aws_config::retry::RetryConfig;
use aws_sdk_s3::config::Credentials;
use axum::http::{HeaderMap, StatusCode};
use axum::{Router, routing::post};
use tokio::net::TcpListener;

use super::Ec2;
use crate::aws::clients::{explicit, plain_http_client};

/// The headers and bodies of the requests.
pub(in crate::doctor::gather) type Requests = Arc<Mutex<Vec<(HeaderMap, String)>>>;

/// Returns a client of a server that gives these answers one after the other, the last one again and again.
pub(in crate::doctor::gather) async fn answering(answers: &[(u16, &str)]) -> (Ec2, Requests) {
    let answers: Vec<_> = answers.iter().map(|(status, body)| (*status, (*body).to_owned())).collect();
    let requests = Requests::default();
    let seen = requests.clone();
    let answer = async move |headers: HeaderMap, body: String| {
        let mut seen = seen.lock().unwrap();
        let (status, answer) = answers.get(seen.len()).or(answers.last()).unwrap().clone();
        seen.push((headers, body));
        (StatusCode::from_u16(status).unwrap(), answer)
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().route("/", post(answer));
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    let credentials = Credentials::new("AKIAEXAMPLE", "secret", Some("token".to_owned()), None, "test");
    let sdk = explicit(Region::from_static("us-east-1"), credentials, Duration::from_secs(20))
        .http_client(plain_http_client())
        .retry_config(RetryConfig::standard().with_initial_backoff(Duration::from_millis(1)))
        .endpoint_url(endpoint)
        .build();
    (Ec2::new(&sdk), requests)
}
