//! Takes ARNs apart. Pure.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html> (read 2026-11)

/// An ARN, split at its colons: `arn:partition:service:region:account:resource`.
///
/// It says nothing about what a service allows in each part; a caller that needs to know checks the parts.
///
/// ```
/// # use bedrock_vpc_batch::base::arn::Arn;
/// let role = Arn::parse("arn:aws:iam::123456789012:role/teams/batch").unwrap();
/// assert_eq!((role.service(), role.region(), role.account()), ("iam", "", "123456789012"));
/// assert_eq!((role.resource(), role.resource_id()), ("role/teams/batch", "batch"));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arn<'a> {
    partition: &'a str,
    service: &'a str,
    region: &'a str,
    account: &'a str,
    resource: &'a str,
}

impl<'a> Arn<'a> {
    /// Splits an ARN; `None` if the text does not have its six parts. Region and account may be empty, as in
    /// the ARNs of roles and buckets. The resource may contain colons.
    #[must_use]
    pub fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.strip_prefix("arn:")?.splitn(5, ':');
        let (partition, service) = (parts.next()?, parts.next()?);
        let (region, account, resource) = (parts.next()?, parts.next()?, parts.next()?);
        let has_all = ![partition, service, resource].contains(&"");
        has_all.then_some(Self { partition, service, region, account, resource })
    }

    /// `aws`, or the partition of China or of a government.
    #[must_use]
    pub fn partition(self) -> &'a str {
        self.partition
    }

    /// The service's namespace, such as `iam`.
    #[must_use]
    pub fn service(self) -> &'a str {
        self.service
    }

    /// The Region, or an empty text.
    #[must_use]
    pub fn region(self) -> &'a str {
        self.region
    }

    /// The account id, or an empty text.
    #[must_use]
    pub fn account(self) -> &'a str {
        self.account
    }

    /// Everything after the account, such as `role/teams/batch`.
    #[must_use]
    pub fn resource(self) -> &'a str {
        self.resource
    }

    /// What follows the last `/` of the resource, or the whole resource if it has none.
    #[must_use]
    pub fn resource_id(self) -> &'a str {
        last_segment(self.resource)
    }
}

fn last_segment(text: &str) -> &str {
    text.rsplit('/').next().unwrap_or(text)
}

/// The id of a resource that is named by its id or by its ARN: what follows the last `/`, if there is one.
///
/// ```
/// # use bedrock_vpc_batch::base::arn::id_of;
/// let arn = "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0";
/// assert_eq!(id_of(arn), id_of("amazon.nova-lite-v1:0"));
/// ```
#[must_use]
pub fn id_of(id_or_arn: &str) -> &str {
    Arn::parse(id_or_arn).map_or_else(|| last_segment(id_or_arn), Arn::resource_id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_arns_as_the_services_write_them() {
        let table = [
            ("arn:aws:s3:::bucket/a:b/c", ["aws", "s3", "", "", "bucket/a:b/c", "c"]),
            ("arn:aws:s3:::bucket", ["aws", "s3", "", "", "bucket", "bucket"]),
            ("arn:aws-cn:iam::123456789012:role/x/y", ["aws-cn", "iam", "", "123456789012", "role/x/y", "y"]),
            (
                "arn:aws:bedrock:us-east-1:123456789012:model-invocation-job/abcdefghwxyz",
                [
                    "aws",
                    "bedrock",
                    "us-east-1",
                    "123456789012",
                    "model-invocation-job/abcdefghwxyz",
                    "abcdefghwxyz",
                ],
            ),
            (
                "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0",
                [
                    "aws",
                    "bedrock",
                    "us-east-1",
                    "",
                    "foundation-model/amazon.nova-lite-v1:0",
                    "amazon.nova-lite-v1:0",
                ],
            ),
            (
                "arn:aws:lambda:eu-west-1:123456789012:function:submit",
                ["aws", "lambda", "eu-west-1", "123456789012", "function:submit", "function:submit"],
            ),
        ];
        for (text, parts) in table {
            let arn = Arn::parse(text).unwrap();
            let read = [
                arn.partition(),
                arn.service(),
                arn.region(),
                arn.account(),
                arn.resource(),
                arn.resource_id(),
            ];
            assert_eq!(read, parts, "{text}");
        }
    }

    #[test]
    fn other_texts_are_not_arns() {
        for text in [
            "",
            "arn",
            "arn:",
            "batch",
            "amazon.nova-lite-v1:0",
            "arn:aws:iam::123456789012",
            "arn:aws:iam::123456789012:",
            "arn::iam::123456789012:role/x",
            "arn:aws:::123456789012:role/x",
            "ARN:aws:iam::123456789012:role/x",
            " arn:aws:iam::123456789012:role/x",
        ] {
            assert_eq!(Arn::parse(text), None, "{text}");
        }
        for (text, id) in
            [("batch", "batch"), ("x/abc", "abc"), ("arn:aws:iam::123456789012", "arn:aws:iam::123456789012")]
        {
            assert_eq!(id_of(text), id);
        }
    }
}
