//! The quotas, from Service Quotas.

use aws_sdk_servicequotas::Client;

use super::answers::known;
use crate::doctor::facts::Quota;
use crate::doctor::known::Known;

pub(super) async fn quotas(client: &Client) -> Known<Vec<Quota>> {
    let request = client.list_service_quotas().service_code("bedrock");
    let quotas = request.into_paginator().items().send().collect::<Result<Vec<_>, _>>().await;
    let quotas = known("servicequotas:ListServiceQuotas", quotas)?.into_iter();
    let quotas = quotas.filter_map(|quota| Some(Quota { name: quota.quota_name?, value: quota.value? }));
    Ok(quotas.filter(|quota| quota.name.to_lowercase().contains("batch inference")).collect())
}
