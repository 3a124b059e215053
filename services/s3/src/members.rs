//! [`members!`]: declares an operation's input or output from its own members and groups of members that many share.
//! (`serde(flatten)` would hide the members from the model's check.)

/// Declares a structure that serde reads (`input`) or writes (`output`). After the braces stand the groups it has too; each
/// group brings its members and a method that understands them.
macro_rules! members {
    ($kind:ident $name:ident { $($own:tt)* } $($group:ident)*) => {
        $crate::members::members! { @grow $kind $name [$($own)*] [$($group)*] [$($group)*] }
    };

    (@grow $kind:ident $name:ident [$($acc:tt)*] [bucket $($rest:ident)*] $all:tt) => {
        $crate::members::members! { @grow $kind $name [
            pub bucket: String,
            pub expected_bucket_owner: Option<String>,
            $($acc)*
        ] [$($rest)*] $all }
    };
    (@grow $kind:ident $name:ident [$($acc:tt)*] [content_headers $($rest:ident)*] $all:tt) => {
        $crate::members::members! { @grow $kind $name [$($acc)*
            pub cache_control: Option<String>,
            pub content_disposition: Option<String>,
            pub content_encoding: Option<String>,
            pub content_language: Option<String>,
            pub content_type: Option<String>,
            pub expires: Option<String>,
            pub metadata: Option<std::collections::BTreeMap<String, String>>,
            pub storage_class: Option<String>,
            pub website_redirect_location: Option<String>,
        ] [$($rest)*] $all }
    };
    (@grow $kind:ident $name:ident [$($acc:tt)*] [checksums $($rest:ident)*] $all:tt) => {
        $crate::members::members! { @grow $kind $name [$($acc)*
            #[serde(rename = "ChecksumCRC32")]
            pub checksum_crc32: Option<String>,
            #[serde(rename = "ChecksumCRC32C")]
            pub checksum_crc32c: Option<String>,
            #[serde(rename = "ChecksumCRC64NVME")]
            pub checksum_crc64nvme: Option<String>,
            #[serde(rename = "ChecksumSHA1")]
            pub checksum_sha1: Option<String>,
            #[serde(rename = "ChecksumSHA256")]
            pub checksum_sha256: Option<String>,
            #[serde(rename = "ChecksumSHA512")]
            pub checksum_sha512: Option<String>,
            #[serde(rename = "ChecksumMD5")]
            pub checksum_md5: Option<String>,
            #[serde(rename = "ChecksumXXHASH64")]
            pub checksum_xxhash64: Option<String>,
            #[serde(rename = "ChecksumXXHASH3")]
            pub checksum_xxhash3: Option<String>,
            #[serde(rename = "ChecksumXXHASH128")]
            pub checksum_xxhash128: Option<String>,
        ] [$($rest)*] $all }
    };
    (@grow $kind:ident $name:ident [$($acc:tt)*] [object_acl $($rest:ident)*] $all:tt) => {
        $crate::members::members! { @grow $kind $name [$($acc)*
            #[serde(rename = "ACL")]
            pub acl: Option<String>,
            pub grant_full_control: Option<String>,
            pub grant_read: Option<String>,
            #[serde(rename = "GrantReadACP")]
            pub grant_read_acp: Option<String>,
            #[serde(rename = "GrantWriteACP")]
            pub grant_write_acp: Option<String>,
        ] [$($rest)*] $all }
    };
    (@grow $kind:ident $name:ident [$($acc:tt)*] [encryption $($rest:ident)*] $all:tt) => {
        $crate::members::members! { @grow $kind $name [$($acc)*
            pub server_side_encryption: Option<String>,
            #[serde(rename = "SSEKMSKeyId")]
            pub sse_kms_key_id: Option<String>,
            #[serde(rename = "SSEKMSEncryptionContext")]
            pub sse_kms_encryption_context: Option<String>,
            pub bucket_key_enabled: Option<bool>,
        ] [$($rest)*] $all }
    };
    (@grow $kind:ident $name:ident [$($acc:tt)*] [customer_key $($rest:ident)*] $all:tt) => {
        $crate::members::members! { @grow $kind $name [$($acc)*
            #[serde(rename = "SSECustomerAlgorithm")]
            pub sse_customer_algorithm: Option<String>,
            #[serde(rename = "SSECustomerKey")]
            pub sse_customer_key: Option<String>,
            #[serde(rename = "SSECustomerKeyMD5")]
            pub sse_customer_key_md5: Option<String>,
        ] [$($rest)*] $all }
    };
    (@grow $kind:ident $name:ident [$($acc:tt)*] [object_lock $($rest:ident)*] $all:tt) => {
        $crate::members::members! { @grow $kind $name [$($acc)*
            pub object_lock_mode: Option<String>,
            pub object_lock_retain_until_date: Option<base::Timestamp>,
            pub object_lock_legal_hold_status: Option<String>,
        ] [$($rest)*] $all }
    };
    (@grow $kind:ident $name:ident [$($acc:tt)*] [read_conditions $($rest:ident)*] $all:tt) => {
        $crate::members::members! { @grow $kind $name [$($acc)*
            pub if_match: Option<String>,
            pub if_modified_since: Option<base::Timestamp>,
            pub if_none_match: Option<String>,
            pub if_unmodified_since: Option<base::Timestamp>,
        ] [$($rest)*] $all }
    };
    (@grow $kind:ident $name:ident [$($acc:tt)*] [write_conditions $($rest:ident)*] $all:tt) => {
        $crate::members::members! { @grow $kind $name [$($acc)*
            pub if_match: Option<String>,
            pub if_none_match: Option<String>,
        ] [$($rest)*] $all }
    };
    (@grow $kind:ident $name:ident [$($acc:tt)*] [response_headers $($rest:ident)*] $all:tt) => {
        $crate::members::members! { @grow $kind $name [$($acc)*
            pub response_cache_control: Option<String>,
            pub response_content_disposition: Option<String>,
            pub response_content_encoding: Option<String>,
            pub response_content_language: Option<String>,
            pub response_content_type: Option<String>,
            pub response_expires: Option<base::Timestamp>,
        ] [$($rest)*] $all }
    };
    (@grow $kind:ident $name:ident [$($acc:tt)*] [copy_source $($rest:ident)*] $all:tt) => {
        $crate::members::members! { @grow $kind $name [$($acc)*
            pub copy_source: String,
            pub copy_source_if_match: Option<String>,
            pub copy_source_if_modified_since: Option<base::Timestamp>,
            pub copy_source_if_none_match: Option<String>,
            pub copy_source_if_unmodified_since: Option<base::Timestamp>,
            #[serde(rename = "CopySourceSSECustomerAlgorithm")]
            pub copy_source_sse_customer_algorithm: Option<String>,
            #[serde(rename = "CopySourceSSECustomerKey")]
            pub copy_source_sse_customer_key: Option<String>,
            #[serde(rename = "CopySourceSSECustomerKeyMD5")]
            pub copy_source_sse_customer_key_md5: Option<String>,
            pub expected_source_bucket_owner: Option<String>,
        ] [$($rest)*] $all }
    };
    (@grow $kind:ident $name:ident [$($acc:tt)*] [object_reply $($rest:ident)*] $all:tt) => {
        $crate::members::members! { @grow $kind $name [$($acc)*
            pub delete_marker: Option<bool>,
            pub accept_ranges: Option<String>,
            pub last_modified: Option<base::Timestamp>,
            pub content_length: Option<i64>,
            pub content_range: Option<String>,
            #[serde(rename = "ETag")]
            pub etag: Option<String>,
            pub checksum_type: Option<String>,
            pub version_id: Option<String>,
            pub parts_count: Option<i64>,
            pub tag_count: Option<i64>,
            pub server_side_encryption: Option<&'static str>,
            #[serde(rename = "SSEKMSKeyId")]
            pub sse_kms_key_id: Option<String>,
            pub bucket_key_enabled: Option<bool>,
            pub expiration: Option<String>,
            pub restore: Option<String>,
            pub object_lock_mode: Option<&'static str>,
            pub object_lock_retain_until_date: Option<base::Timestamp>,
            pub object_lock_legal_hold_status: Option<&'static str>,
        ] [$($rest)*] $all }
    };
    (@grow $kind:ident $name:ident [$($acc:tt)*] [encrypted $($rest:ident)*] $all:tt) => {
        $crate::members::members! { @grow $kind $name [$($acc)*
            pub server_side_encryption: Option<&'static str>,
            #[serde(rename = "SSEKMSKeyId")]
            pub sse_kms_key_id: Option<String>,
            pub bucket_key_enabled: Option<bool>,
        ] [$($rest)*] $all }
    };

    (@grow input $name:ident [$($acc:tt)*] [] [$($group:ident)*]) => {
        /// What the operation is asked.
        #[derive(Default, serde::Deserialize)]
        #[serde(rename_all = "PascalCase", default)]
        pub struct $name { $($acc)* }
        $($crate::members::members! { @input $group $name })*
    };
    (@grow output $name:ident [$($acc:tt)*] [] [$($group:ident)*]) => {
        /// What the operation answers.
        #[derive(Debug, Default, serde::Serialize)]
        #[serde(rename_all = "PascalCase")]
        pub struct $name { $($acc)* }
        $($crate::members::members! { @output $group $name })*
    };

    (@input bucket $name:ident) => {
        impl $name {
            /// The bucket, if it is there and whose the caller expects.
            #[allow(dead_code, reason = "operations on several buckets ask otherwise")]
            async fn bucket(&self, s3: &$crate::S3) -> Result<$crate::bucket::Bucket, service::ApiError> {
                s3.bucket(&self.bucket, self.expected_bucket_owner.as_deref()).await
            }
        }
    };
    (@input content_headers $name:ident) => {
        impl $name {
            /// Takes the headers that are stored with the object, checked.
            fn take_headers(&mut self) -> Result<$crate::object::Headers, service::ApiError> {
                $crate::object::Headers {
                    cache_control: self.cache_control.take(),
                    content_disposition: self.content_disposition.take(),
                    content_encoding: self.content_encoding.take(),
                    content_language: self.content_language.take(),
                    content_type: self.content_type.take(),
                    expires: self.expires.take(),
                    metadata: self.metadata.take().unwrap_or_default(),
                    storage_class: self.storage_class.take(),
                    website_redirect_location: self.website_redirect_location.take(),
                }
                .checked()
            }
        }
    };
    (@output content_headers $name:ident) => {
        impl $name {
            /// Puts in the headers that are stored with the object.
            fn set_headers(&mut self, headers: $crate::object::Headers) {
                self.cache_control = headers.cache_control;
                self.content_disposition = headers.content_disposition;
                self.content_encoding = headers.content_encoding;
                self.content_language = headers.content_language;
                self.content_type = headers.content_type;
                self.expires = headers.expires;
                self.metadata = (!headers.metadata.is_empty()).then_some(headers.metadata);
                self.storage_class = headers.storage_class.filter(|class| class != "STANDARD");
                self.website_redirect_location = headers.website_redirect_location;
            }
        }
    };
    (@input checksums $name:ident) => {
        impl $name {
            /// The checksums that the request gives, by algorithm.
            fn checksums(&self) -> $crate::checksum::Given<'_> {
                use $crate::checksum::Algorithm;
                [
                    (Algorithm::Crc32, self.checksum_crc32.as_deref()),
                    (Algorithm::Crc32c, self.checksum_crc32c.as_deref()),
                    (Algorithm::Crc64Nvme, self.checksum_crc64nvme.as_deref()),
                    (Algorithm::Sha1, self.checksum_sha1.as_deref()),
                    (Algorithm::Sha256, self.checksum_sha256.as_deref()),
                    (Algorithm::Sha512, self.checksum_sha512.as_deref()),
                    (Algorithm::Md5, self.checksum_md5.as_deref()),
                    (Algorithm::Xxhash64, self.checksum_xxhash64.as_deref()),
                    (Algorithm::Xxhash3, self.checksum_xxhash3.as_deref()),
                    (Algorithm::Xxhash128, self.checksum_xxhash128.as_deref()),
                ]
            }
        }
    };
    (@output checksums $name:ident) => {
        impl $name {
            /// Puts a checksum in its place.
            fn set_checksum(&mut self, algorithm: $crate::checksum::Algorithm, text: String) {
                use $crate::checksum::Algorithm;
                let place = match algorithm {
                    Algorithm::Crc32 => &mut self.checksum_crc32,
                    Algorithm::Crc32c => &mut self.checksum_crc32c,
                    Algorithm::Crc64Nvme => &mut self.checksum_crc64nvme,
                    Algorithm::Sha1 => &mut self.checksum_sha1,
                    Algorithm::Sha256 => &mut self.checksum_sha256,
                    Algorithm::Sha512 => &mut self.checksum_sha512,
                    Algorithm::Md5 => &mut self.checksum_md5,
                    Algorithm::Xxhash64 => &mut self.checksum_xxhash64,
                    Algorithm::Xxhash3 => &mut self.checksum_xxhash3,
                    Algorithm::Xxhash128 => &mut self.checksum_xxhash128,
                };
                *place = Some(text);
            }
        }
    };
    (@input object_acl $name:ident) => {
        impl $name {
            /// The grants that the request gives and that the bucket lets it give.
            #[allow(dead_code, reason = "PutObjectAcl gives them in the body too")]
            async fn grants(
                &self,
                s3: &$crate::S3,
                call: &service::Call,
                bucket: &$crate::bucket::Bucket,
            ) -> Result<Option<Vec<$crate::acl::Grant>>, service::ApiError> {
                let requested = self.requested();
                if requested.canned.is_some() || requested.headers.iter().any(|(_, header)| header.is_some()) {
                    s3.authorize(call, "s3:PutObjectAcl", &self.bucket, &self.key).await?;
                }
                let resource = format!("{}/{}", bucket.arn(), self.key);
                requested.check(call, bucket, $crate::acl::Of::Object, &s3.owner(&call.account), ("s3:PutObjectAcl", &resource))
            }

            fn requested(&self) -> $crate::acl::Requested<'_> {
                $crate::acl::Requested {
                    canned: self.acl.as_deref(),
                    headers: vec![
                        ("FULL_CONTROL", self.grant_full_control.as_deref()),
                        ("READ", self.grant_read.as_deref()),
                        ("READ_ACP", self.grant_read_acp.as_deref()),
                        ("WRITE_ACP", self.grant_write_acp.as_deref()),
                    ],
                    policy: None,
                }
            }
        }
    };
    (@input encryption $name:ident) => {
        impl $name {
            /// Which encryption is asked for.
            fn encryption(&self) -> $crate::encryption::Given<'_> {
                $crate::encryption::Given {
                    algorithm: self.server_side_encryption.as_deref(),
                    key: self.sse_kms_key_id.as_deref(),
                    context: self.sse_kms_encryption_context.as_deref(),
                    bucket_key: self.bucket_key_enabled,
                }
            }

            /// What the content is encrypted under. Asks KMS if that is so: only what is written then should come to this.
            async fn sealing(
                &self,
                s3: &$crate::S3,
                call: &service::Call,
                bucket: &$crate::bucket::Bucket,
            ) -> Result<$crate::kms::Sealing, service::ApiError> {
                s3.sealing_for(call, bucket, &self.key, &self.encryption()).await
            }
        }
    };
    (@input customer_key $name:ident) => {
        impl $name {
            /// Refuses encryption with the caller's keys, which is not there yet.
            fn check_customer_key(&self) -> Result<(), service::ApiError> {
                let given = [&self.sse_customer_algorithm, &self.sse_customer_key, &self.sse_customer_key_md5];
                if given.iter().all(|value| value.is_none()) {
                    return Ok(());
                }
                let algorithm = self.sse_customer_algorithm.as_deref().unwrap_or_default();
                Err($crate::error::header_not_implemented("x-amz-server-side-encryption-customer-algorithm", algorithm))
            }
        }
    };
    (@input object_lock $name:ident) => {
        impl $name {
            /// The lock that the object is to have, if the caller may give it.
            async fn lock(
                &self,
                s3: &$crate::S3,
                call: &service::Call,
                bucket: &$crate::bucket::Bucket,
            ) -> Result<$crate::lock::Lock, service::ApiError> {
                let given = $crate::lock::Given {
                    mode: self.object_lock_mode.as_deref(),
                    until: self.object_lock_retain_until_date,
                    legal_hold: self.object_lock_legal_hold_status.as_deref(),
                };
                s3.given_lock(call, bucket, &self.key, &given).await
            }
        }
    };
    (@input read_conditions $name:ident) => {
        impl $name {
            /// On what the caller wants the object.
            fn conditions(&self) -> $crate::conditions::ReadConditions<'_> {
                $crate::conditions::ReadConditions {
                    if_match: self.if_match.as_deref(),
                    if_none_match: self.if_none_match.as_deref(),
                    if_modified_since: self.if_modified_since,
                    if_unmodified_since: self.if_unmodified_since,
                }
            }
        }
    };
    (@input write_conditions $name:ident) => {
        impl $name {
            /// On what the caller wants the object written.
            fn conditions(&self) -> Result<$crate::conditions::WriteCondition, service::ApiError> {
                $crate::conditions::WriteCondition::parse(self.if_match.as_deref(), self.if_none_match.as_deref())
            }
        }
    };
    (@input response_headers $name:ident) => {
        impl $name {
            /// The stored headers with what the caller wants in their place.
            fn overridden(&mut self, mut headers: $crate::object::Headers) -> $crate::object::Headers {
                let expires = self.response_expires.map(base::Timestamp::http_date);
                for (place, other) in [
                    (&mut headers.cache_control, self.response_cache_control.take()),
                    (&mut headers.content_disposition, self.response_content_disposition.take()),
                    (&mut headers.content_encoding, self.response_content_encoding.take()),
                    (&mut headers.content_language, self.response_content_language.take()),
                    (&mut headers.content_type, self.response_content_type.take()),
                    (&mut headers.expires, expires),
                ] {
                    if other.is_some() {
                        *place = other;
                    }
                }
                headers
            }
        }
    };
    (@input copy_source $name:ident) => {
        impl $name {
            /// What to copy and on what conditions.
            fn source(&self) -> Result<$crate::copy::Source<'_>, service::ApiError> {
                let keys = [
                    &self.copy_source_sse_customer_algorithm,
                    &self.copy_source_sse_customer_key,
                    &self.copy_source_sse_customer_key_md5,
                ];
                if keys.iter().any(|key| key.is_some()) {
                    let header = "x-amz-copy-source-server-side-encryption-customer-algorithm";
                    return Err($crate::error::header_not_implemented(header, keys[0].as_deref().unwrap_or_default()));
                }
                let conditions = $crate::conditions::ReadConditions {
                    if_match: self.copy_source_if_match.as_deref(),
                    if_none_match: self.copy_source_if_none_match.as_deref(),
                    if_modified_since: self.copy_source_if_modified_since,
                    if_unmodified_since: self.copy_source_if_unmodified_since,
                };
                $crate::copy::Source::parse(&self.copy_source, self.expected_source_bucket_owner.as_deref(), conditions)
            }
        }
    };
    (@output encrypted $name:ident) => {
        impl $name {
            /// Says how the content is encrypted where it lies: all that is written is.
            fn set_encrypted(&mut self, kms: Option<&$crate::kms::Sealed>) {
                let (algorithm, key, bucket_key) = $crate::encryption::shown(kms);
                self.server_side_encryption = Some(algorithm);
                self.sse_kms_key_id = key;
                self.bucket_key_enabled = bucket_key;
            }
        }
    };
    (@output object_reply $name:ident) => {
        impl $name {
            /// Puts in what a found object is.
            fn set_found(&mut self, found: $crate::read::Found) {
                self.accept_ranges = Some("bytes".to_owned());
                self.last_modified = Some(found.version.modified());
                self.content_length = Some(i64::try_from(found.len_bytes()).unwrap_or(i64::MAX));
                self.content_range = found.content_range();
                self.etag = Some(found.version.quoted_etag());
                self.version_id = found.version_id();
                self.parts_count = found.parts_count();
                if found.version.data.is_sealed() {
                    let (algorithm, key, bucket_key) = $crate::encryption::shown(found.version.kms.as_deref());
                    self.server_side_encryption = Some(algorithm);
                    self.sse_kms_key_id = key;
                    self.bucket_key_enabled = bucket_key;
                }
                self.expiration = found.expiration;
                self.restore = found.restore;
                if let Some(retention) = found.lock.retention {
                    self.object_lock_mode = Some(retention.mode.as_str());
                    self.object_lock_retain_until_date = Some(retention.until());
                }
                self.object_lock_legal_hold_status = found.lock.legal_hold.map($crate::lock::hold_text);
                let tags = found.version.tags.len();
                self.tag_count = (tags > 0).then(|| i64::try_from(tags).unwrap_or(i64::MAX));
                if let Some(checksum) = found.checksum {
                    self.checksum_type = Some(checksum.kind.as_str().to_owned());
                    self.set_checksum(checksum.algorithm, checksum.text);
                }
                self.set_headers(found.version.headers);
            }
        }
    };
}

pub(crate) use members;
