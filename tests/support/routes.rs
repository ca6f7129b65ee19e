//! The file of routes of a [`World`].

use bedrock_vpc_batch::drop::keys::ROUTES_FILE;
use serde_json::{Value, json};

use super::World;

impl World {
    /// Puts the file of routes, and returns the event of that.
    pub(crate) async fn put_routes(&self, file: impl ToString) -> Value {
        let request = self.own.put_object().bucket(&self.config.output_bucket).key(ROUTES_FILE);
        request.body(file.to_string().into_bytes().into()).send().await.unwrap();
        self.event_of_routes("Object Created")
    }

    /// Deletes the file of routes, and returns the event of that.
    pub(crate) async fn delete_routes(&self) -> Value {
        let request = self.own.delete_object().bucket(&self.config.output_bucket).key(ROUTES_FILE);
        request.send().await.unwrap();
        self.event_of_routes("Object Deleted")
    }

    /// An event as in <https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html>.
    fn event_of_routes(&self, detail_type: &str) -> Value {
        let bucket = &self.config.output_bucket;
        json!({
            "version": "0", "id": "17793124-05d4-b198-2fde-7ededc63b103", "detail-type": detail_type,
            "source": "aws.s3", "account": "111122223333", "time": "2026-11-12T00:00:00Z", "region": "us-east-1",
            "resources": [format!("arn:aws:s3:::{bucket}")],
            "detail": {
                "version": "0", "bucket": {"name": bucket},
                "object": {"key": ROUTES_FILE, "sequencer": "617f08299329d189"},
            },
        })
    }
}
