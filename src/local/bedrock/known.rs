//! Which roles, subnets, and security groups exist.

use super::error::ApiError;
use super::request::CreateRequest;

/// The roles, subnets, and security groups that exist. If a list is `None`, any well-formed id exists.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub(super) roles: Option<Vec<String>>,
    pub(super) subnet_ids: Option<Vec<String>>,
    pub(super) security_group_ids: Option<Vec<String>>,
}

impl Known {
    /// Checks that what the request names exists.
    pub(super) fn check(&self, request: &CreateRequest, account_id: &str) -> Result<(), ApiError> {
        let unknown = |known: &Option<Vec<String>>, named: &str| {
            known.as_ref().is_some_and(|known| !known.iter().any(|known| known == named))
        };
        let role = &request.role_arn;
        if unknown(&self.roles, role) {
            return Err(ApiError::access_denied(format!(
                "User: arn:aws:iam::{account_id}:user/caller is not authorized to perform: iam:PassRole on \
                 resource: {role}"
            )));
        }
        // AWS does not document the messages for a subnet or a security group that does not exist.
        if let Some(id) = request.subnet_ids.iter().find(|id| unknown(&self.subnet_ids, id)) {
            return Err(ApiError::validation(format!("The subnet ID '{id}' does not exist")));
        }
        if let Some(id) = request.security_group_ids.iter().find(|id| unknown(&self.security_group_ids, id)) {
            return Err(ApiError::validation(format!("The security group '{id}' does not exist")));
        }
        Ok(())
    }
}
