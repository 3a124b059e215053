//! The operations that work, one file each.

pub mod abort_multipart_upload;
pub mod complete_multipart_upload;
pub mod copy_object;
pub mod create_bucket;
pub mod create_multipart_upload;
pub mod delete_bucket;
pub mod delete_bucket_analytics_configuration;
pub mod delete_bucket_cors;
pub mod delete_bucket_encryption;
pub mod delete_bucket_intelligent_tiering_configuration;
pub mod delete_bucket_inventory_configuration;
pub mod delete_bucket_lifecycle;
pub mod delete_bucket_metrics_configuration;
pub mod delete_bucket_ownership_controls;
pub mod delete_bucket_policy;
pub mod delete_bucket_replication;
pub mod delete_bucket_tagging;
pub mod delete_bucket_website;
pub mod delete_object;
pub mod delete_object_tagging;
pub mod delete_objects;
pub mod delete_public_access_block;
pub mod get_bucket_accelerate_configuration;
pub mod get_bucket_acl;
pub mod get_bucket_analytics_configuration;
pub mod get_bucket_cors;
pub mod get_bucket_encryption;
pub mod get_bucket_intelligent_tiering_configuration;
pub mod get_bucket_inventory_configuration;
pub mod get_bucket_lifecycle_configuration;
pub mod get_bucket_location;
pub mod get_bucket_logging;
pub mod get_bucket_metrics_configuration;
pub mod get_bucket_notification_configuration;
pub mod get_bucket_ownership_controls;
pub mod get_bucket_policy;
pub mod get_bucket_policy_status;
pub mod get_bucket_replication;
pub mod get_bucket_request_payment;
pub mod get_bucket_tagging;
pub mod get_bucket_versioning;
pub mod get_bucket_website;
pub mod get_object;
pub mod get_object_acl;
pub mod get_object_attributes;
pub mod get_object_legal_hold;
pub mod get_object_lock_configuration;
pub mod get_object_retention;
pub mod get_object_tagging;
pub mod get_public_access_block;
pub mod head_bucket;
pub mod head_object;
pub mod list_bucket_analytics_configurations;
pub mod list_bucket_intelligent_tiering_configurations;
pub mod list_bucket_inventory_configurations;
pub mod list_bucket_metrics_configurations;
pub mod list_buckets;
pub mod list_multipart_uploads;
pub mod list_object_versions;
pub mod list_objects;
pub mod list_objects_v2;
pub mod list_parts;
pub mod put_bucket_accelerate_configuration;
pub mod put_bucket_acl;
pub mod put_bucket_analytics_configuration;
pub mod put_bucket_cors;
pub mod put_bucket_encryption;
pub mod put_bucket_intelligent_tiering_configuration;
pub mod put_bucket_inventory_configuration;
pub mod put_bucket_lifecycle_configuration;
pub mod put_bucket_logging;
pub mod put_bucket_metrics_configuration;
pub mod put_bucket_notification_configuration;
pub mod put_bucket_ownership_controls;
pub mod put_bucket_policy;
pub mod put_bucket_replication;
pub mod put_bucket_request_payment;
pub mod put_bucket_tagging;
pub mod put_bucket_versioning;
pub mod put_bucket_website;
pub mod put_object;
pub mod put_object_acl;
pub mod put_object_legal_hold;
pub mod put_object_lock_configuration;
pub mod put_object_retention;
pub mod put_object_tagging;
pub mod put_public_access_block;
pub mod restore_object;
pub mod upload_part;
pub mod upload_part_copy;

pub use abort_multipart_upload::AbortMultipartUpload;
pub use complete_multipart_upload::CompleteMultipartUpload;
pub use copy_object::CopyObject;
pub use create_bucket::CreateBucket;
pub use create_multipart_upload::CreateMultipartUpload;
pub use delete_bucket::DeleteBucket;
pub use delete_bucket_analytics_configuration::DeleteBucketAnalyticsConfiguration;
pub use delete_bucket_cors::DeleteBucketCors;
pub use delete_bucket_encryption::DeleteBucketEncryption;
pub use delete_bucket_intelligent_tiering_configuration::DeleteBucketIntelligentTieringConfiguration;
pub use delete_bucket_inventory_configuration::DeleteBucketInventoryConfiguration;
pub use delete_bucket_lifecycle::DeleteBucketLifecycle;
pub use delete_bucket_metrics_configuration::DeleteBucketMetricsConfiguration;
pub use delete_bucket_ownership_controls::DeleteBucketOwnershipControls;
pub use delete_bucket_policy::DeleteBucketPolicy;
pub use delete_bucket_replication::DeleteBucketReplication;
pub use delete_bucket_tagging::DeleteBucketTagging;
pub use delete_bucket_website::DeleteBucketWebsite;
pub use delete_object::DeleteObject;
pub use delete_object_tagging::DeleteObjectTagging;
pub use delete_objects::DeleteObjects;
pub use delete_public_access_block::DeletePublicAccessBlock;
pub use get_bucket_accelerate_configuration::GetBucketAccelerateConfiguration;
pub use get_bucket_acl::GetBucketAcl;
pub use get_bucket_analytics_configuration::GetBucketAnalyticsConfiguration;
pub use get_bucket_cors::GetBucketCors;
pub use get_bucket_encryption::GetBucketEncryption;
pub use get_bucket_intelligent_tiering_configuration::GetBucketIntelligentTieringConfiguration;
pub use get_bucket_inventory_configuration::GetBucketInventoryConfiguration;
pub use get_bucket_lifecycle_configuration::GetBucketLifecycleConfiguration;
pub use get_bucket_location::GetBucketLocation;
pub use get_bucket_logging::GetBucketLogging;
pub use get_bucket_metrics_configuration::GetBucketMetricsConfiguration;
pub use get_bucket_notification_configuration::GetBucketNotificationConfiguration;
pub use get_bucket_ownership_controls::GetBucketOwnershipControls;
pub use get_bucket_policy::GetBucketPolicy;
pub use get_bucket_policy_status::GetBucketPolicyStatus;
pub use get_bucket_replication::GetBucketReplication;
pub use get_bucket_request_payment::GetBucketRequestPayment;
pub use get_bucket_tagging::GetBucketTagging;
pub use get_bucket_versioning::GetBucketVersioning;
pub use get_bucket_website::GetBucketWebsite;
pub use get_object::GetObject;
pub use get_object_acl::GetObjectAcl;
pub use get_object_attributes::GetObjectAttributes;
pub use get_object_legal_hold::GetObjectLegalHold;
pub use get_object_lock_configuration::GetObjectLockConfiguration;
pub use get_object_retention::GetObjectRetention;
pub use get_object_tagging::GetObjectTagging;
pub use get_public_access_block::GetPublicAccessBlock;
pub use head_bucket::HeadBucket;
pub use head_object::HeadObject;
pub use list_bucket_analytics_configurations::ListBucketAnalyticsConfigurations;
pub use list_bucket_intelligent_tiering_configurations::ListBucketIntelligentTieringConfigurations;
pub use list_bucket_inventory_configurations::ListBucketInventoryConfigurations;
pub use list_bucket_metrics_configurations::ListBucketMetricsConfigurations;
pub use list_buckets::ListBuckets;
pub use list_multipart_uploads::ListMultipartUploads;
pub use list_object_versions::ListObjectVersions;
pub use list_objects::ListObjects;
pub use list_objects_v2::ListObjectsV2;
pub use list_parts::ListParts;
pub use put_bucket_accelerate_configuration::PutBucketAccelerateConfiguration;
pub use put_bucket_acl::PutBucketAcl;
pub use put_bucket_analytics_configuration::PutBucketAnalyticsConfiguration;
pub use put_bucket_cors::PutBucketCors;
pub use put_bucket_encryption::PutBucketEncryption;
pub use put_bucket_intelligent_tiering_configuration::PutBucketIntelligentTieringConfiguration;
pub use put_bucket_inventory_configuration::PutBucketInventoryConfiguration;
pub use put_bucket_lifecycle_configuration::PutBucketLifecycleConfiguration;
pub use put_bucket_logging::PutBucketLogging;
pub use put_bucket_metrics_configuration::PutBucketMetricsConfiguration;
pub use put_bucket_notification_configuration::PutBucketNotificationConfiguration;
pub use put_bucket_ownership_controls::PutBucketOwnershipControls;
pub use put_bucket_policy::PutBucketPolicy;
pub use put_bucket_replication::PutBucketReplication;
pub use put_bucket_request_payment::PutBucketRequestPayment;
pub use put_bucket_tagging::PutBucketTagging;
pub use put_bucket_versioning::PutBucketVersioning;
pub use put_bucket_website::PutBucketWebsite;
pub use put_object::PutObject;
pub use put_object_acl::PutObjectAcl;
pub use put_object_legal_hold::PutObjectLegalHold;
pub use put_object_lock_configuration::PutObjectLockConfiguration;
pub use put_object_retention::PutObjectRetention;
pub use put_object_tagging::PutObjectTagging;
pub use put_public_access_block::PutPublicAccessBlock;
pub use restore_object::RestoreObject;
pub use upload_part::UploadPart;
pub use upload_part_copy::UploadPartCopy;

#[cfg(test)]
mod tests {
    use service::Operation;

    use super::*;
    use crate::S3;
    use crate::harness::{bucket, call, service};

    /// What an operation says of a new bucket: its answer as JSON, or the error's code and status.
    async fn said<O: Operation<Service = S3>>(s3: &S3) -> String {
        let input = serde_json::from_str(r#"{"Bucket":"bkt"}"#).unwrap();
        match call::<O>(s3, input).await {
            Ok(output) => serde_json::to_string(&output).unwrap(),
            Err(error) => format!("{} {}", error.status, error.code),
        }
    }

    #[tokio::test]
    async fn what_a_new_bucket_has() {
        let s3 = service();
        bucket(&s3, "bkt").await;
        macro_rules! check {
            ($($operation:ident: $expected:literal,)*) => {
                $(assert_eq!(said::<$operation>(&s3).await, $expected, stringify!($operation));)*
            };
        }
        check! {
            GetBucketAccelerateConfiguration: "{\"Status\":null}",
            GetBucketCors: "404 NoSuchCORSConfiguration",
            GetBucketEncryption: "{\"ServerSideEncryptionConfiguration\":{\"Rules\":[{\"ApplyServerSideEncryptionByDefault\":\
                {\"SSEAlgorithm\":\"AES256\"},\"BucketKeyEnabled\":false}]}}",
            GetBucketLifecycleConfiguration: "404 NoSuchLifecycleConfiguration",
            GetBucketLocation: "{\"LocationConstraint\":null}",
            GetBucketLogging: "{\"LoggingEnabled\":null}",
            GetBucketOwnershipControls: "{\"OwnershipControls\":{\"Rules\":[{\"ObjectOwnership\":\"BucketOwnerEnforced\"}]}}",
            GetBucketPolicy: "404 NoSuchBucketPolicy",
            GetBucketPolicyStatus: "404 NoSuchBucketPolicy",
            GetBucketReplication: "404 ReplicationConfigurationNotFoundError",
            GetBucketRequestPayment: "{\"Payer\":\"BucketOwner\"}",
            GetBucketTagging: "404 NoSuchTagSet",
            GetBucketVersioning: "{\"Status\":null,\"MFADelete\":null}",
            GetBucketWebsite: "404 NoSuchWebsiteConfiguration",
            GetObjectLockConfiguration: "404 ObjectLockConfigurationNotFoundError",
            GetPublicAccessBlock: "{\"PublicAccessBlockConfiguration\":{\"BlockPublicAcls\":true,\"IgnorePublicAcls\":true,\
                \"BlockPublicPolicy\":true,\"RestrictPublicBuckets\":true}}",
            HeadBucket: "{\"BucketRegion\":\"us-east-1\",\"BucketArn\":\"arn:aws:s3:::bkt\",\"AccessPointAlias\":false}",
            DeleteBucketLifecycle: "{}",
            DeleteBucketPolicy: "{}",
            DeleteBucketTagging: "{}",
        }
    }
}
