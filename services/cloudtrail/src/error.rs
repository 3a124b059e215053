//! What CloudTrail refuses, in its own words. Codes: CloudTrail API reference, "Errors" of each action.

service::api_errors! {
    /// A refusal. The text is what the client reads.
    pub enum Error {
        /// One import at a time.
        AccountHasOngoingImportException(String) = 400 => "{0}",
        /// No such import.
        ImportNotFoundException(String) = 400 => "{0}",
        /// Nothing can be imported from there.
        InvalidImportSourceException(String) = 400 => "{0}",
        /// The ARN does not name a trail of this account, or has not the shape of one.
        CloudTrailARNInvalidException(String) = 400 => "{0}",
        /// A change raced with another one.
        ConflictException(String) = 400 => "{0}",
        /// The trail has no insight selectors.
        InsightNotEnabledException(String) = 400 => "{0}",
        /// Log groups cannot be written to now.
        CloudWatchLogsDeliveryUnavailableException(String) = 400 => "{0}",
        /// The topic is not there, or its policy does not let CloudTrail publish.
        InsufficientSnsTopicPolicyException(String) = 400 => "{0}",
        /// The bucket's policy does not let CloudTrail write.
        InsufficientS3BucketPolicyException(String) = 400 => "Incorrect S3 bucket policy is detected for bucket: {0}",
        /// The log group cannot be used.
        InvalidCloudWatchLogsLogGroupArnException(String) = 400 => "{0}",
        /// The role cannot be used.
        InvalidCloudWatchLogsRoleArnException(String) = 400 => "{0}",
        /// LookupEvents knows one category besides the default: `insight`.
        InvalidEventCategoryException(String) = 400 => "{0}",
        /// The selectors break a rule or a limit.
        InvalidEventSelectorsException(String) = 400 => "{0}",
        /// The trail lives in another region.
        InvalidHomeRegionException(String) = 400 => "{0}",
        /// The lookup attributes cannot be used so.
        InvalidLookupAttributesException(String) = 400 => "{0}",
        /// Fewer than 1 or more than 50.
        InvalidMaxResultsException(String) = 400 => "{0}",
        /// The token is not ours, or belongs to another query.
        InvalidNextTokenException(String) = 400 => "{0}",
        /// Each parameter is fine, together they are not.
        InvalidParameterCombinationException(String) = 400 => "{0}",
        /// A parameter is wrong.
        InvalidParameterException(String) = 400 => "{0}",
        /// Not a bucket's name.
        InvalidS3BucketNameException(String) = 400 => "{0}",
        /// Not a key prefix for log files.
        InvalidS3PrefixException(String) = 400 => "{0}",
        /// Not a topic that notifications can be sent to.
        InvalidSnsTopicNameException(String) = 400 => "{0}",
        /// A tag's key or value is wrong.
        InvalidTagParameterException(String) = 400 => "{0}",
        /// The start is after the end.
        InvalidTimeRangeException(String) = 400 => "{0}",
        /// A paging token that is not ours.
        InvalidTokenException(String) = 400 => "{0}",
        /// Not a trail's name.
        InvalidTrailNameException(String) = 400 => "{0}",
        /// No such key, or none in the region of the bucket.
        KmsKeyNotFoundException(String) = 400 => "{0}",
        /// The key cannot be used now.
        KmsException(String) = 400 => "{0}",
        /// The key's policy does not let CloudTrail.
        InsufficientEncryptionPolicyException(String) = 400 => "{0}",
        /// No such account in the organization.
        AccountNotFoundException(String) = 400 => "{0}",
        /// It is no delegated administrator.
        AccountNotRegisteredException(String) = 400 => "{0}",
        /// It is a delegated administrator already.
        AccountRegisteredException(String) = 400 => "{0}",
        /// Who manages the organization needs no delegation.
        CannotDelegateManagementAccountException(String) = 400 => "{0}",
        /// The organization does not trust CloudTrail; the account that asks.
        CloudTrailAccessNotEnabledException(String) = 400 => "The request could not be processed because your organization hasn't enabled CloudTrail service access. Enable service access for CloudTrail, and then try again. You are signed in with the following AWS account ID: {0}",
        /// Three delegated administrators.
        DelegatedAdminAccountLimitExceededException(String) = 400 => "{0}",
        /// The account does not manage the organization.
        NotOrganizationManagementAccountException(String) = 400 => "{0}",
        /// The account neither manages the organization nor administers CloudTrail for it.
        NotOrganizationMasterAccountException(String) = 400 => "{0}",
        /// The organization has consolidated billing only.
        OrganizationNotInAllFeaturesModeException(String) = 400 => "{0}",
        /// Five trails per region.
        MaximumNumberOfTrailsExceededException(String, String) = 400 => "User: {0} already has 5 trails in {1}.",
        /// The account is in no organization.
        OrganizationsNotInUseException(String) = 400 => "{0}",
        /// Tags are asked of a trail that is not there.
        ResourceNotFoundException(String) = 400 => "{0}",
        /// Tags are asked of something that is no trail.
        ResourceTypeNotSupportedException(String) = 400 => "{0}",
        /// No such bucket.
        S3BucketDoesNotExistException(String) = 400 => "S3 bucket {0} does not exist!",
        /// Fifty tags per trail.
        TagsLimitExceededException(String) = 400 => "{0}",
        /// A policy denies it.
        AccessDeniedException(String) = 400 => "{0}",
        /// The name of the channel is taken.
        ChannelAlreadyExistsException(String) = 400 => "{0}",
        /// Not the ARN of a channel.
        ChannelARNInvalidException(String) = 400 => "{0}",
        /// A channel still delivers to the event data store.
        ChannelExistsForEDSException(String) = 400 => "{0}",
        /// So many channels and no more.
        ChannelMaxLimitExceededException(String) = 400 => "{0}",
        /// No such channel.
        ChannelNotFoundException(String) = 400 => "{0}",
        /// The name of the event data store is taken.
        EventDataStoreAlreadyExistsException(String) = 400 => "{0}",
        /// Not the ARN of an event data store of this account.
        EventDataStoreARNInvalidException(String) = 400 => "{0}",
        /// Ten event data stores.
        EventDataStoreMaxLimitExceededException(String) = 400 => "{0}",
        /// No such event data store.
        EventDataStoreNotFoundException(String) = 400 => "{0}",
        /// It is federated: already, or it is to be deleted.
        EventDataStoreFederationEnabledException(String) = 400 => "{0}",
        /// Another change is under way.
        ConcurrentModificationException(String) = 400 => "{0}",
        /// It is protected against deletion.
        EventDataStoreTerminationProtectedException(String) = 400 => "{0}",
        /// No query could be made of the prompt.
        GenerateResponseException(String) = 400 => "{0}",
        /// It is pending deletion.
        InactiveEventDataStoreException(String) = 400 => "{0}",
        /// The query is over already.
        InactiveQueryException(String) = 400 => "{0}",
        /// The start is after the end.
        InvalidDateRangeException(String) = 400 => "{0}",
        /// It is a store of other events.
        InvalidEventDataStoreCategoryException(String) = 400 => "{0}",
        /// Its status does not let it.
        InvalidEventDataStoreStatusException(String) = 400 => "{0}",
        /// Not a key.
        InvalidKmsKeyIdException(String) = 400 => "{0}",
        /// The statement cannot be run; the text says where and why.
        InvalidQueryStatementException(String) = 400 => "{0}",
        /// No such status.
        InvalidQueryStatusException(String) = 400 => "{0}",
        /// No such source of events.
        InvalidSourceException(String) = 400 => "{0}",
        /// Ten queries at a time.
        MaxConcurrentQueriesException(String) = 400 => "{0}",
        /// No such query.
        QueryIdNotFoundException(String) = 400 => "{0}",
        /// Not the ARN of something that has a policy.
        ResourceARNNotValidException(String) = 400 => "{0}",
        /// It has no policy.
        ResourcePolicyNotFoundException(String) = 400 => "{0}",
        /// The policy breaks a rule.
        ResourcePolicyNotValidException(String) = 400 => "{0}",
        /// So many and no more.
        ServiceQuotaExceededException(String) = 400 => "{0}",
        /// Not here.
        UnsupportedOperationException(String) = 400 => "{0}",
        /// The name is taken.
        TrailAlreadyExistsException(String, String) = 400 => "Trail {0} already exists for customer: {1}",
        /// The ARN, and the account that asks.
        TrailNotFoundException(String, String) = 400 => "Unknown trail: {0} for the user: {1}",
    }
}
